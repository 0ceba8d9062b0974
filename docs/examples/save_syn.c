/*
 * save_syn - a server that names its clients: the kernel keeps each client's SYN (TCP_SAVE_SYN, tcp(7), Linux 4.2 and later),
 * libfingerpost-classify says whose it is. No privilege, no capture, no daemon.
 *
 *   cc save_syn.c $(pkg-config --cflags --libs fingerpost-classify) -o save_syn
 *   ./save_syn 2525 $(pkg-config --variable=signatures fingerpost-classify)
 *
 * Each client gets one line about itself, which also goes to standard output.
 */
#include <fingerpost-classify.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEADERS_MAX 576 /* of IPv6 with extensions, and TCP; a longer SYN is passed over */

static int listen_on(unsigned short port)
{
	const struct sockaddr_in6 any = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_ANY_INIT, .sin6_port = htons(port) };
	const int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1, no = 0;

	if (fd < 0 || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no) != 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0 ||
	    /* On the listening socket, before listen(): each accepted one then has its client's SYN. */
	    setsockopt(fd, IPPROTO_TCP, TCP_SAVE_SYN, &yes, sizeof yes) != 0 ||
	    bind(fd, (const struct sockaddr *)&any, sizeof any) != 0 || listen(fd, 64) != 0)
		return -1;
	return fd;
}

static void describe(const struct fp_signatures *signatures, int client, char *line, size_t size)
{
	unsigned char headers[HEADERS_MAX];
	socklen_t len = sizeof headers;
	char address[FP_ADDR_TEXT], raw[FP_SIGNATURE_TEXT];
	struct fp_verdict v;
	int rc;

	/* Can be asked once: the kernel then frees it. */
	if (getsockopt(client, IPPROTO_TCP, TCP_SAVED_SYN, headers, &len) != 0 || len == 0) {
		snprintf(line, size, "the kernel kept no SYN\n"); /* SYN cookies were in use */
		return;
	}
	rc = fp_classify_saved_syn(signatures, NULL, headers, len, &v);
	if (rc != 0) {
		snprintf(line, size, "cannot be named: %s\n", fp_strerror(rc));
		return;
	}
	fp_signature_text(&v, raw, sizeof raw);
	snprintf(line, size, "%s\t%s%s%s\t%d hops\t%s\t%s\n", fp_addr_text(&v.from, address), v.name != NULL ? v.name : "unknown",
	    v.name != NULL && v.flavor[0] != '\0' ? " " : "", v.name != NULL ? v.flavor : "", v.distance,
	    v.link != NULL ? v.link : "unknown link", raw);
}

int main(int argc, char **argv)
{
	struct fp_signatures_error err;
	struct fp_signatures *signatures;
	int listener;

	if (argc < 3) {
		fprintf(stderr, "usage: save_syn PORT SIGNATURES...\n");
		return 2;
	}
	if (fp_signatures_load(&signatures, (const char *const *)argv + 2, (size_t)argc - 2, &err) != 0) {
		fprintf(stderr, "%s:%u: %s\n", err.file, err.line, err.text);
		return 2;
	}
	listener = listen_on((unsigned short)atoi(argv[1]));
	if (listener < 0) {
		perror("save_syn: cannot listen");
		return 1;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	puts("listening");
	for (int client; (client = accept(listener, NULL, NULL)) >= 0; close(client)) {
		char line[1024];

		describe(signatures, client, line, sizeof line);
		fputs(line, stdout);
		send(client, line, strlen(line), MSG_NOSIGNAL);
	}
	perror("save_syn: accept");
	return 1;
}
