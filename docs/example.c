/*
 * What is known of the addresses named, and how many hosts there are in all: all that most programs need of libfingerpost.
 *
 *   cc example.c $(pkg-config --cflags --libs fingerpost) -o example
 *   ./example [-s DIR] ADDRESS...
 */
#include <fingerpost.h>

#include <stdio.h>
#include <string.h>

static void show(struct fp_store *store, const char *text)
{
	struct fp_answer a;
	struct fp_addr addr;
	char neighbour[FP_ADDR_TEXT];

	if (fp_addr_parse(&addr, text) != 0) {
		printf("%s: no address\n", text);
		return;
	}
	/* Whatever is wrong, the answer is "unknown": mail flows on. */
	const int rc = fp_lookup_near(store, &addr, &a);

	if (rc != 0) {
		printf("%s: unknown (%s)\n", text, fp_strerror(rc));
		return;
	}
	printf("%s: %s%s%s, seen %lld s ago, %u connections", text, a.name[0] != '\0' ? a.name : "not recognised",
	    a.flavor[0] != '\0' ? " " : "", a.flavor, (long long)a.age_s, a.host.connections);
	if (a.near_bits != 0)
		printf(" (of its neighbour %s)", fp_addr_text(&a.addr, neighbour));
	putchar('\n');
}

int main(int argc, char **argv)
{
	const int first = argc > 2 && strcmp(argv[1], "-s") == 0 ? 3 : 1;
	struct fp_store *store;
	struct fp_answer a;
	struct fp_addr at = { { 0 } };
	unsigned hosts = 0;

	/* NULL: FINGERPOST_STORE, else /var/lib/fingerpost. Nothing is opened yet, so this may come before a fork. */
	if (fp_open(&store, first == 3 ? argv[2] : NULL) != 0)
		return 1;
	for (int i = first; i < argc; i++)
		show(store, argv[i]);
	for (; fp_next(store, &at, &a) == 0; at = a.addr)
		hosts++;
	printf("%u hosts\n", hosts);
	fp_close(&store);
	return 0;
}
