/* inner - the decoder says where the innermost packet begins; FILTER was compiled for bare IP. */
#include "capture/inner.h"
#include "core/pkt.h"

#define SNAPLEN 262144

void inner_open(struct inner *i, const char *text)
{
	i->on = true;
	if (*text == '\0')
		return;

	pcap_t *dead = pcap_open_dead(DLT_RAW, SNAPLEN);

	/* What cannot be compiled so is of the link layer, or wrong: then whoever compiles it for frames says so. */
	i->compiled = dead != NULL && pcap_compile(dead, &i->program, text, 1, PCAP_NETMASK_UNKNOWN) == 0;
	if (dead != NULL)
		pcap_close(dead);
}

enum inner_verdict inner_judge(const struct inner *i, const struct capture_frame *frame)
{
	static const struct pkt_conf conf = { .decapsulate = true };
	struct tcp_obs obs;

	if (!i->on || !i->compiled || pkt_decode(&conf, frame->link, frame->bytes, frame->caplen, frame->len, 0, &obs) != PKT_OK ||
	    !(obs.flags & OBS_TUNNEL))
		return INNER_NONE;

	const struct pcap_pkthdr h = { .caplen = frame->caplen - obs.ip_at, .len = frame->len - obs.ip_at };

	return pcap_offline_filter(&i->program, &h, frame->bytes + obs.ip_at) != 0 ? INNER_PASSES : INNER_REJECTED;
}

void inner_close(struct inner *i)
{
	if (i->compiled)
		pcap_freecode(&i->program);
	*i = (struct inner){ 0 };
}
