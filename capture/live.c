/*
 * live - frames from an interface, by libpcap: TPACKET_V3 in blocks, nanosecond times.
 *
 * pcap_dispatch() on an idle interface never returns, whatever its time-out: so the handle is non-blocking and
 * poll(2) waits, on the packets and on the word to stop.
 */
#include "capture/capture_int.h"
#include "capture/fanout.h"
#include "capture/filter.h"
#include "capture/inner.h"
#include "capture/link.h"

#include "core/err.h"
#include "core/log.h"
#include "core/pkt.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define SNAPLEN 256       /* Ethernet with four tags, 40 bytes of IP options or IPv6 extensions, TCP with 40 */
#define SNAPLEN_TUNNEL 640/* two such stacks, and GENEVE's 252 bytes of options */
#define IDLE_MS 100       /* without packets the handler's flush() is called so often */
#define AGAIN_MS 200      /* so often we look whether an interface that went away is back */
#define DRAIN_TRIES 20    /* at stop: the kernel hands its last block over within timeout_ms */

struct live {
	struct capture base;
	pcap_t *pcap;
	int stop_fd;
	unsigned link;
	unsigned timeout_ms;
	uint64_t frames;
	uint64_t seen, dropped;      /* libpcap's, which wrap at 2^32, made whole */
	uint32_t last_recv, last_drop;
	struct inner inner;
	int kind;                    /* ARPHRD_ of the interface; negative: "any", which does not go away */
	bool promiscuous, fanout;
	bool doubtful;               /* whether the interface is up */
	bool down;                   /* it is not, and that was said */
	uint64_t outages;            /* times it went down or away */
	const struct capture_handler *handler;
};

static void on_packet(u_char *user, const struct pcap_pkthdr *h, const u_char *bytes)
{
	struct live *l = (struct live *)user;
	struct capture_frame frame = {
		.bytes = bytes, .caplen = h->caplen, .len = h->len, .link = l->link,
		/* With nanosecond precision tv_usec holds nanoseconds. */
		.time_ns = (int64_t)h->ts.tv_sec * 1000000000 + h->ts.tv_usec,
	};

	l->frames++;
	frame.rejected = inner_judge(&l->inner, &frame) == INNER_REJECTED;
	l->handler->frame(l->handler->ctx, &frame);
}

static void take_stats(struct live *l)
{
	struct pcap_stat s;

	if (pcap_stats(l->pcap, &s) != 0)
		return;
	l->seen += (uint32_t)(s.ps_recv - l->last_recv); /* on Linux it includes ps_drop */
	l->dropped += (uint32_t)(s.ps_drop - l->last_drop);
	l->last_recv = s.ps_recv;
	l->last_drop = s.ps_drop;
}

/*
 * What the kernel still holds is not ours yet: while packets keep coming, seen is what was handed over and
 * what was dropped; with the ring empty, the kernel's own count.
 */
static void flush(struct live *l, bool idle)
{
	const struct capture_stats s = {
		.kernel_seen = idle ? l->seen : l->frames + l->dropped, .kernel_dropped = l->dropped,
		.outages = l->outages,
	};

	capture_flush(l->handler, &s, idle);
}

static int dispatch(struct live *l, char err[CAPTURE_ERR])
{
	const int n = pcap_dispatch(l->pcap, -1, on_packet, (u_char *)l);

	if (n == PCAP_ERROR) {
		snprintf(err, CAPTURE_ERR, "%s: %s", l->base.name, pcap_geterr(l->pcap));
		return FP_ECAPTURE;
	}
	return n;
}

static int drain(struct live *l, char err[CAPTURE_ERR])
{
	int n = 1;

	fanout_shut(pcap_fileno(l->pcap));
	for (int i = 0; i < DRAIN_TRIES && n > 0; i++) {
		nanosleep(&(struct timespec){ .tv_nsec = (l->timeout_ms + 2) * 1000000L }, NULL);
		n = dispatch(l, err);
		if (n < 0)
			return n;
	}
	take_stats(l);
	flush(l, true);
	return 0;
}

/* ---- Interfaces that go down, or away ----------------------------------------------------- */

/* The socket said that something is wrong with the interface. The kernel goes on by itself once it is up again. */
static void look_at_link(struct live *l)
{
	const bool up = l->kind < 0 || link_is_up(pcap_fileno(l->pcap), l->base.name);

	l->doubtful = false;
	if (up == !l->down)
		return;
	l->down = !up;
	if (l->down) {
		l->outages++;
		log_warning("interface %s is down: nothing is captured there until it is up again", l->base.name);
	} else {
		log_info("interface %s is up again", l->base.name);
	}
}

/*
 * The interface is gone. Waits until there is one of its name again and takes it: 0. 1: told to stop. FP_ECAPTURE, err says why: it
 * is another kind of interface, or the kernel lets the socket have no other.
 */
static int wait_for_link(struct live *l, struct pollfd *stop, char err[CAPTURE_ERR])
{
	const int fd = pcap_fileno(l->pcap);
	int rc;

	/* What was said to be down, and is gone now, is away for the first time. */
	if (!l->down)
		l->outages++;
	l->down = l->doubtful = false;
	if (l->fanout || l->kind < 0) {
		snprintf(err, CAPTURE_ERR, "%s: the interface is gone%s", l->base.name,
		    l->fanout ? "; with several queues it takes a start anew to come back to it" : "");
		return FP_ECAPTURE;
	}
	log_warning("interface %s is gone: waiting for one of that name", l->base.name);
	for (;;) {
		take_stats(l);
		flush(l, true);
		if (poll(stop, 1, AGAIN_MS) > 0)
			return 1;
		rc = link_rejoin(fd, l->base.name, l->kind, l->promiscuous);
		if (rc == 0)
			break;
		if (rc == -EPROTOTYPE || rc == -EINVAL || rc == -EPERM || rc == -EACCES) {
			snprintf(err, CAPTURE_ERR, "%s: cannot capture on the new interface of that name: %s", l->base.name,
			    rc == -EPROTOTYPE ? "it is of another kind" : strerror(-rc));
			return FP_ECAPTURE;
		}
	}
	log_info("interface %s is back", l->base.name);
	return 0;
}

static int live_run(struct capture *c, const struct capture_handler *handler, char err[CAPTURE_ERR])
{
	struct live *l = (struct live *)c;
	struct pollfd fds[2] = {
		{ .fd = pcap_get_selectable_fd(l->pcap), .events = POLLIN },
		{ .fd = l->stop_fd, .events = POLLIN },
	};
	time_t last_stats = 0;

	l->handler = handler;
	for (;;) {
		const int ready = poll(fds, 2, IDLE_MS);

		if (ready < 0 && errno != EINTR) {
			snprintf(err, CAPTURE_ERR, "%s: poll: %s", c->name, strerror(errno));
			return -errno;
		}
		if (fds[1].revents != 0)
			return drain(l, err);

		const int n = dispatch(l, err);
		struct timespec now;

		if (n < 0 && l->kind >= 0 && link_kind(pcap_fileno(l->pcap), c->name) == -ENODEV) {
			const int rc = wait_for_link(l, &fds[1], err);

			if (rc != 0)
				return rc == 1 ? 0 : rc;
			continue;
		}
		if (n < 0)
			return n;
		/* One that goes away is down first: we look a wait later, so that it is said to be one of the two. */
		if ((fds[0].revents & POLLERR) != 0)
			l->doubtful = true;
		else if (l->down || l->doubtful)
			look_at_link(l);
		clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
		if (n == 0 || now.tv_sec != last_stats) { /* a system call: not for every block */
			last_stats = now.tv_sec;
			take_stats(l);
		}
		flush(l, n == 0);
	}
}

static void live_stop(struct capture *c)
{
	const uint64_t one = 1;

	/* An eventfd's write fails only when the word was given 2^64 times. */
	(void)!write(((struct live *)c)->stop_fd, &one, sizeof one);
}

static void live_close(struct capture *c)
{
	struct live *l = (struct live *)c;

	if (l->pcap != NULL)
		pcap_close(l->pcap);
	if (l->stop_fd >= 0)
		close(l->stop_fd);
	inner_close(&l->inner);
	free(l);
}

static const struct capture_ops live_ops = { live_run, live_stop, live_close };

/* DLT_ values that differ from the LINKTYPE_ numbers of files. */
static unsigned link_of(int dlt)
{
	return dlt == DLT_RAW ? PKT_LINK_RAW : (unsigned)dlt;
}

static int set_filter(struct live *l, const struct capture_live *conf, char err[CAPTURE_ERR])
{
	const struct filter_conf f = {
		.dlt = pcap_datalink(l->pcap), .text = conf->filter, .segments = true, .acks = !conf->no_acks, .handle = l->pcap,
		.decapsulate = conf->decapsulate,
	};
	struct bpf_program program;
	int rc = filter_compile(&program, &f, err);

	if (rc != 0)
		return rc;
	if (pcap_setfilter(l->pcap, &program) != 0) {
		snprintf(err, CAPTURE_ERR, "filter \"%s\": %s", conf->filter, pcap_geterr(l->pcap));
		rc = FP_ECONFIG;
	}
	pcap_freecode(&program);
	return rc;
}

/* Why activation failed and what to do about it. */
static int refused(const struct live *l, int rc, char err[CAPTURE_ERR])
{
	const char *name = l->base.name;

	if (rc == PCAP_ERROR_NO_SUCH_DEVICE)
		snprintf(err, CAPTURE_ERR, "interface %s does not exist; fingerpostd -L lists those there are", name);
	else if (rc == PCAP_ERROR_PERM_DENIED)
		snprintf(err, CAPTURE_ERR, "no right to capture on %s: start as root, or give the capability "
		    "CAP_NET_RAW (setcap cap_net_raw=ep fingerpostd)", name);
	else if (rc == PCAP_ERROR_IFACE_NOT_UP)
		snprintf(err, CAPTURE_ERR, "interface %s is down: ip link set %s up", name, name);
	else
		snprintf(err, CAPTURE_ERR, "interface %s: %s", name,
		    *pcap_geterr(l->pcap) != '\0' ? pcap_geterr(l->pcap) : pcap_statustostr(rc));
	return FP_ECAPTURE;
}

static int activate(struct live *l, const struct capture_live *conf, char err[CAPTURE_ERR])
{
	pcap_t *p = l->pcap;

	pcap_set_snaplen(p, conf->decapsulate ? SNAPLEN_TUNNEL : SNAPLEN);
	pcap_set_promisc(p, conf->promiscuous);
	pcap_set_timeout(p, (int)conf->timeout_ms);
	pcap_set_buffer_size(p, (int)conf->buffer_bytes);
	pcap_set_tstamp_precision(p, PCAP_TSTAMP_PRECISION_NANO);

	const int rc = pcap_activate(p);

	if (rc < 0)
		return refused(l, rc, err);
	l->link = link_of(pcap_datalink(p));
	if (!pkt_link_known(l->link)) {
		snprintf(err, CAPTURE_ERR, "interface %s has link type %s, which is not read",
		    l->base.name, pcap_datalink_val_to_name(pcap_datalink(p)));
		return FP_ECAPTURE;
	}
	l->kind = strcmp(l->base.name, "any") == 0 ? -1 : link_kind(pcap_fileno(p), l->base.name);
	if (pcap_setnonblock(p, 1, err) != 0)
		return FP_ECAPTURE;
	return set_filter(l, conf, err);
}

int capture_open_live(struct capture **out, const struct capture_live *conf, char err[CAPTURE_ERR])
{
	char pcap_err[PCAP_ERRBUF_SIZE];
	struct live *l = calloc(1, sizeof *l);
	int rc;

	*out = NULL;
	if (l == NULL)
		return -ENOMEM;
	struct capture *c = &l->base;

	l->stop_fd = -1;
	if ((rc = capture_init(c, &live_ops, conf->interface)) != 0)
		goto fail;
	l->timeout_ms = conf->timeout_ms;
	if (conf->decapsulate)
		inner_open(&l->inner, conf->filter);
	l->promiscuous = conf->promiscuous;
	l->fanout = conf->fanout_group != 0;
	l->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	l->pcap = pcap_create(conf->interface, pcap_err);
	if (l->stop_fd < 0 || l->pcap == NULL) {
		snprintf(err, CAPTURE_ERR, "interface %s: %s", conf->interface,
		    l->stop_fd < 0 ? strerror(errno) : pcap_err);
		rc = FP_ECAPTURE;
		goto fail;
	}
	if ((rc = activate(l, conf, err)) != 0)
		goto fail;
	if (conf->fanout_group != 0 &&
	    (rc = fanout_join(pcap_fileno(l->pcap), (uint16_t)conf->fanout_group, conf->fanout_mode)) != 0) {
		snprintf(err, CAPTURE_ERR, "interface %s: PACKET_FANOUT: %s", conf->interface, fp_strerror(rc));
		goto fail;
	}
	*out = c;
	return 0;
fail:
	capture_close(&c);
	return rc;
}
