/*
 * replay - runs a fuzz target over files and folders: seeds as tests, where there is no libFuzzer. Without arguments over its own seeds,
 * and says so in TAP: so it is a unit test, under whatever sanitizer it was built with.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned run(const char *path)
{
	struct stat st;
	DIR *dir;

	if (stat(path, &st) != 0) {
		perror(path);
		exit(2);
	}
	if (S_ISDIR(st.st_mode) && (dir = opendir(path)) != NULL) {
		unsigned n = 0;

		for (const struct dirent *e; (e = readdir(dir)) != NULL;) {
			char inner[4096];

			if (e->d_name[0] == '.')
				continue;
			snprintf(inner, sizeof inner, "%s/%s", path, e->d_name);
			n += run(inner);
		}
		closedir(dir);
		return n;
	}
	FILE *f = fopen(path, "rb");
	uint8_t *bytes = malloc((size_t)st.st_size + 1);

	if (f == NULL || bytes == NULL) {
		perror(path);
		exit(2);
	}
	const size_t n = fread(bytes, 1, (size_t)st.st_size, f);

	fclose(f);
	LLVMFuzzerTestOneInput(bytes, n);
	free(bytes);
	return 1;
}

int main(int argc, char **argv)
{
	unsigned n = 0;

	if (argc == 1) {
		const char *slash = strrchr(argv[0], '/');
		char seeds[4096];

		snprintf(seeds, sizeof seeds, "%s/tests/fuzz/seeds/%s", FP_TREE, slash != NULL ? slash + 1 : argv[0]);
		puts("1..1");
		fflush(stdout);
		n = run(seeds);
		printf("%s 1 - %u seeds\n", n > 0 ? "ok" : "not ok", n);
		return n > 0 ? 0 : 1;
	}
	for (int i = 1; i < argc; i++)
		n += run(argv[i]);
	printf("%u inputs\n", n);
	return n > 0 ? 0 : 1;
}
