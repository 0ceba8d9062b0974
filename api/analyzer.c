/* analyzer - p0f-analyzer's datagrams: amavisd asks, with 50 ms of patience. */
#include "api/analyzer.h"

#include "api/loop_int.h"
#include "core/err.h"
#include "core/where.h"

#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/un.h>

#define REPLY 1024        /* amavisd reads no more */
#define TEXT 768
#define DATAGRAMS 64      /* a pass */
#define NFS_PORT 2049

/* ---- The protocol ------------------------------------------------------------------------------- */

static bool parse_port(const char *text, size_t n, unsigned *out)
{
	unsigned port = 0;

	if (n == 0 || n > 5)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!isdigit((unsigned char)text[i]))
			return false;
		port = port * 10 + (unsigned)(text[i] - '0');
	}
	*out = port;
	return port <= 65535;
}

int analyzer_parse(struct analyzer_query *out, const char *bytes, size_t n)
{
	struct analyzer_query q = { .port = 0 };
	const char *blank = memchr(bytes, ' ', n), *close = memchr(bytes, ']', n);
	char addr[64];

	if (blank == NULL || bytes[0] != '[' || close == NULL || close > blank)
		return FP_EFORMAT;
	const size_t addr_len = (size_t)(close - bytes) - 1, nonce_len = n - (size_t)(blank + 1 - bytes);

	if (addr_len >= sizeof addr || nonce_len > ANALYZER_NONCE)
		return FP_EFORMAT;
	memcpy(addr, bytes + 1, addr_len);
	addr[addr_len] = '\0';
	if (strlen(addr) != addr_len || fp_addr_parse(&q.addr, addr) != 0)
		return FP_EFORMAT;
	if (close + 1 != blank && (close[1] != ':' || !parse_port(close + 2, (size_t)(blank - close) - 2, &q.port)))
		return FP_EFORMAT;
	for (const char *p = blank + 1; p < bytes + n; p++)
		if ((unsigned char)*p < 0x20 || (unsigned char)*p > 0x7f)
			return FP_EFORMAT;
	*out = q;
	return 0;
}

bool analyzer_may_ask(const struct sockaddr_storage *from, socklen_t len, const struct fp_cidr *allow, size_t n_allow)
{
	struct fp_addr addr;
	uint16_t port;

	if (from->ss_family == AF_UNIX)
		/* Its mode says who may reach the path; one without a name cannot be answered. */
		return len > offsetof(struct sockaddr_un, sun_path);
	if (!where_addr((const struct sockaddr *)from, &addr, &port))
		return false;
	if (port < 1024 || port == NFS_PORT)
		return false;
	for (size_t i = 0; i < n_allow; i++)
		if (fp_cidr_has(&allow[i], &addr))
			return true;
	return false;
}

/* ---- Sockets ------------------------------------------------------------------------------------ */

/* One that waits for the next commits. All wait equally long: the line is in order of their ends. */
struct waiting {
	struct waiting *next;
	int fd;
	struct fp_addr addr;
	int64_t until_ms;
	struct sockaddr_storage from;
	socklen_t from_len;
	struct in6_pktinfo local6;  /* where it was sent to: the reply comes from there */
	struct in_pktinfo local4;
	size_t n;
	char query[];
};

struct analyzer_socket {
	struct source source;
	int fd;
};

struct datagrams {
	struct waiting *first, **last;
	unsigned n;
	size_t n_sockets;
	struct analyzer_socket socket[];
};

/* A socket of all addresses answers from the one that was asked: another would be no answer. */
static void learn_local(struct waiting *w, struct msghdr *msg)
{
	memset(&w->local4, 0, sizeof w->local4);
	memset(&w->local6, 0, sizeof w->local6);
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			memcpy(&w->local4, CMSG_DATA(c), sizeof w->local4);
			w->local4.ipi_spec_dst = w->local4.ipi_addr;
			w->local4.ipi_ifindex = 0;
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			memcpy(&w->local6, CMSG_DATA(c), sizeof w->local6);
			/* A link-local address means nothing without its link. */
			if (!IN6_IS_ADDR_LINKLOCAL(&w->local6.ipi6_addr))
				w->local6.ipi6_ifindex = 0;
		}
	}
}

static void set_local(const struct waiting *w, struct msghdr *msg)
{
	struct cmsghdr *c;

	if (w->from.ss_family == AF_INET && w->local4.ipi_addr.s_addr != 0) {
		msg->msg_controllen = CMSG_SPACE(sizeof w->local4);
		c = CMSG_FIRSTHDR(msg);
		*c = (struct cmsghdr){ .cmsg_level = IPPROTO_IP, .cmsg_type = IP_PKTINFO, .cmsg_len = CMSG_LEN(sizeof w->local4) };
		memcpy(CMSG_DATA(c), &w->local4, sizeof w->local4);
	} else if (w->from.ss_family == AF_INET6 && !IN6_IS_ADDR_UNSPECIFIED(&w->local6.ipi6_addr)) {
		msg->msg_controllen = CMSG_SPACE(sizeof w->local6);
		c = CMSG_FIRSTHDR(msg);
		*c = (struct cmsghdr){ .cmsg_level = IPPROTO_IPV6, .cmsg_type = IPV6_PKTINFO, .cmsg_len = CMSG_LEN(sizeof w->local6) };
		memcpy(CMSG_DATA(c), &w->local6, sizeof w->local6);
	} else {
		msg->msg_control = NULL;
	}
}

static void reply(struct loop *l, struct waiting *w, const struct fp_answer *host)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(struct in6_pktinfo))] = { 0 };
	char out[ANALYZER_DATAGRAM + TEXT + 8], text[TEXT];
	size_t n = w->n, n_text = host != NULL ? loop_words(&l->conf, host, text, sizeof text) : 0;

	memcpy(out, w->query, n);
	out[n++] = ' ';
	if (n + n_text + 2 > REPLY)
		n_text = n + 2 < REPLY ? REPLY - 2 - n : 0;
	memcpy(out + n, text, n_text);
	n += n_text;
	out[n++] = '\r';
	out[n++] = '\n';

	struct iovec iov = { out, n };
	struct msghdr msg = { .msg_name = &w->from, .msg_namelen = w->from_len, .msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control };

	set_local(w, &msg);
	if (sendmsg(w->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
		loop_count(l, C_ANALYZER_REFUSED);
		return;
	}
	loop_count(l, C_ANALYZER_QUERIES);
	if (host != NULL)
		loop_count(l, C_QUERIES_KNOWN);
}

/* Waits, if there is room; w is the caller's, the line keeps a copy. */
static bool wait_in_line(struct loop *l, const struct waiting *w)
{
	struct datagrams *d = l->datagrams;
	struct waiting *mine = d->n < LOOP_DATAGRAMS ? malloc(sizeof *mine + w->n) : NULL;

	if (mine == NULL)
		return false;
	memcpy(mine, w, sizeof *mine + w->n);
	mine->next = NULL;
	*d->last = mine;
	d->last = &mine->next;
	d->n++;
	return true;
}

static void asked(struct loop *l, struct waiting *w)
{
	struct analyzer_query q;
	struct fp_answer host;

	if (!analyzer_may_ask(&w->from, w->from_len, l->conf.allow, l->conf.n_allow)) {
		loop_count(l, C_ANALYZER_REFUSED);
		return;
	}
	if (analyzer_parse(&q, w->query, w->n) != 0) {
		loop_count(l, C_QUERIES_MALFORMED);
		return;
	}
	w->addr = q.addr;
	w->until_ms = l->now_ms + LOOP_WAIT_MS;
	if (q.port == 0)
		reply(l, w, NULL);
	else if (loop_known(l, &w->addr, &host))
		reply(l, w, &host);
	else if (!wait_in_line(l, w))
		reply(l, w, NULL);
}

static void socket_ready(struct loop *l, struct source *s, uint32_t events)
{
	_Alignas(struct waiting) static char room[sizeof(struct waiting) + ANALYZER_DATAGRAM]; /* one loop, one thread */
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(struct in_pktinfo))];
	struct waiting *w = (struct waiting *)room;
	const int fd = ((struct analyzer_socket *)s)->fd;

	(void)events;
	for (int i = 0; i < DATAGRAMS; i++) {
		struct iovec iov = { w->query, ANALYZER_DATAGRAM };
		struct msghdr msg = { .msg_name = &w->from, .msg_namelen = sizeof w->from, .msg_iov = &iov, .msg_iovlen = 1,
			.msg_control = control, .msg_controllen = sizeof control };

		memset(&w->from, 0, sizeof w->from);
		const ssize_t n = recvmsg(fd, &msg, MSG_DONTWAIT);

		/* What comes back to us from an earlier reply is reported here too, and is nothing to us. */
		if (n < 0 && (errno == EAGAIN || errno == EBADF || errno == ENOTSOCK))
			return;
		if (n < 0)
			continue;
		if ((msg.msg_flags & MSG_TRUNC) != 0) {
			loop_count(l, C_QUERIES_MALFORMED);
			continue;
		}
		w->fd = fd;
		w->n = (size_t)n;
		w->from_len = msg.msg_namelen;
		learn_local(w, &msg);
		asked(l, w);
	}
}

void analyzer_tick(struct loop *l, bool commits)
{
	struct datagrams *d = l->datagrams;
	struct waiting **at = &d->first;

	while (*at != NULL) {
		struct waiting *w = *at;
		const bool over = l->now_ms >= w->until_ms;
		struct fp_answer host;

		if (!over && !commits)
			return; /* and so is nobody behind it */
		const bool known = loop_known(l, &w->addr, &host);

		if (!known && !over) {
			at = &w->next;
			continue;
		}
		reply(l, w, known ? &host : NULL);
		loop_count(l, C_QUERIES_WAITED);
		*at = w->next;
		if (w->next == NULL)
			d->last = at;
		d->n--;
		free(w);
	}
}

bool analyzer_busy(const struct loop *l)
{
	return l->datagrams->first != NULL;
}

int analyzer_open(struct loop *l)
{
	struct datagrams *d = calloc(1, sizeof *d + l->conf.n_sockets * sizeof d->socket[0]);

	if (d == NULL)
		return -ENOMEM;
	d->last = &d->first;
	l->datagrams = d;
	for (size_t i = 0; i < l->conf.n_sockets; i++) {
		struct analyzer_socket *s = &d->socket[d->n_sockets];

		if (l->conf.sockets[i].kind != LOOP_ANALYZER)
			continue;
		*s = (struct analyzer_socket){ { socket_ready }, l->conf.sockets[i].fd };
		setsockopt(s->fd, IPPROTO_IP, IP_PKTINFO, &(int){ 1 }, sizeof(int));
		setsockopt(s->fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &(int){ 1 }, sizeof(int));
		const int rc = loop_watch(l, s->fd, &s->source, EPOLLIN, false);

		if (rc != 0)
			return rc;
		d->n_sockets++;
	}
	return 0;
}

void analyzer_close(struct loop *l)
{
	struct datagrams *d = l->datagrams;

	if (d == NULL)
		return;
	while (d->first != NULL) {
		struct waiting *w = d->first;

		d->first = w->next;
		free(w);
	}
	free(d);
	l->datagrams = NULL;
}
