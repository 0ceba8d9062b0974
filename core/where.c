/* where - places to listen on, and names of sockets. */
#include "core/where.h"

#include "core/err.h"
#include "core/text.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

const char *where_expected(bool plain)
{
	return plain ? WHERE_PLAIN : "ADDR:PORT, [ADDR]:PORT or unix:PATH of at most 107 bytes";
}
_Static_assert(sizeof ((struct sockaddr_un *)0)->sun_path == 108, "where_expected()");

static int parse_path(struct where *out, const char *path)
{
	struct sockaddr_un *un = (struct sockaddr_un *)&out->addr;

	if (*path == '\0' || strlen(path) >= sizeof un->sun_path)
		return FP_ECONFIG;
	un->sun_family = AF_UNIX;
	strcpy(un->sun_path, path);
	out->addr_len = sizeof *un;
	out->path = path;
	return 0;
}

/* getaddrinfo() takes 65561 for 25. */
static bool port(const char *text)
{
	unsigned n;

	return number((struct text){ text, text + strlen(text) }, 0, 65535, &n);
}

int where_parse(struct where *out, const char *text, bool plain)
{
	const char *colon = strrchr(text, ':');
	/* Which kind of socket is all the same to a number: any one, or each is answered several times. */
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE };
	struct addrinfo *ai;
	char host[64];

	memset(out, 0, sizeof *out);
	if (strncmp(text, "unix:", 5) == 0)
		return parse_path(out, text + 5);
	if (plain && strchr(text, '/') != NULL)
		return parse_path(out, text);
	if (colon == NULL || colon == text || (size_t)(colon - text) >= sizeof host || !port(colon + 1))
		return FP_ECONFIG;
	snprintf(host, sizeof host, "%.*s", (int)(colon - text), text);
	if (host[0] == '[' && host[strlen(host) - 1] == ']') {
		host[strlen(host) - 1] = '\0';
		memmove(host, host + 1, strlen(host));
	}
	if (getaddrinfo(host, colon + 1, &hints, &ai) != 0)
		return FP_ECONFIG;
	memcpy(&out->addr, ai->ai_addr, ai->ai_addrlen);
	out->addr_len = ai->ai_addrlen;
	freeaddrinfo(ai);
	return 0;
}

bool where_is_local(const struct where *w)
{
	if (w->addr.ss_family == AF_INET)
		return ntohl(((const struct sockaddr_in *)&w->addr)->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
	if (w->addr.ss_family == AF_INET6)
		return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)&w->addr)->sin6_addr);
	return w->path != NULL;
}

bool where_addr(const struct sockaddr *name, struct fp_addr *addr, uint16_t *port)
{
	in_port_t port_be = 0;

	*addr = (struct fp_addr){ { 0 } };
	if (name->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)name;

		*addr = fp_addr_from_v4(&in->sin_addr);
		port_be = in->sin_port;
	} else if (name->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const void *)name;

		memcpy(addr->b, &in6->sin6_addr, sizeof addr->b);
		port_be = in6->sin6_port;
	}
	if (port != NULL)
		*port = ntohs(port_be);
	return name->sa_family == AF_INET || name->sa_family == AF_INET6;
}
