/* floor - reads a capture with libpcap and only counts: what nobody who uses its reader on one thread can beat. */
#include <inttypes.h>
#include <pcap/pcap.h>
#include <stdint.h>
#include <stdio.h>

struct count {
	uint64_t packets, bytes;
};

static void on_packet(u_char *ctx, const struct pcap_pkthdr *head, const u_char *bytes)
{
	struct count *c = (struct count *)(void *)ctx;

	(void)bytes;
	c->packets++;
	c->bytes += head->caplen;
}

int main(int argc, char **argv)
{
	char why[PCAP_ERRBUF_SIZE];
	struct count count = { 0 };

	if (argc != 2) {
		fprintf(stderr, "usage: floor FILE\n");
		return 2;
	}
	pcap_t *p = pcap_open_offline(argv[1], why);

	if (p == NULL) {
		fprintf(stderr, "floor: %s\n", why);
		return 2;
	}
	const int rc = pcap_loop(p, -1, on_packet, (u_char *)&count);

	pcap_close(p);
	printf("{\"packets\":%" PRIu64 ",\"bytes\":%" PRIu64 "}\n", count.packets, count.bytes);
	return rc == 0 ? 0 : 1;
}
