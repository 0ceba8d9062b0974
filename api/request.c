/* request - strict reading of what a client sent. */
#include "api/request.h"

#include "core/err.h"

#include <string.h>
#include <strings.h>

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int request_decode(char *out, size_t size, const char *text, size_t len, bool spaces)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c <= ' ' || c >= 0x7f)
			return FP_EFORMAT;
		if (c == '%') {
			const int high = len - i > 2 ? hex(text[i + 1]) : -1;
			const int low = high >= 0 ? hex(text[i + 2]) : -1;

			if (low < 0)
				return FP_EFORMAT;
			c = (unsigned char)(high << 4 | low);
			if (c < ' ' || c == 0x7f)
				return FP_EFORMAT;
			i += 2;
		} else if (c == '+' && spaces) {
			c = ' ';
		}
		if (n + 1 >= size)
			return FP_EOVERFLOW;
		out[n++] = (char)c;
	}
	out[n] = '\0';
	return 0;
}

int request_param_next(struct request_param *out, const char **at)
{
	const char *start = *at;
	int rc;

	out->name[0] = out->value[0] = '\0';
	if (*start == '\0')
		return 0;
	const size_t len = strcspn(start, "&");
	const char *equals = memchr(start, '=', len);
	const size_t name_len = equals != NULL ? (size_t)(equals - start) : len;

	*at = start + len;
	if (**at == '&') {
		(*at)++;
		if (**at == '\0')
			return FP_EFORMAT; /* "a=1&": something was cut off */
	}
	if (name_len == 0)
		return FP_EFORMAT;
	if ((rc = request_decode(out->name, sizeof out->name, start, name_len, true)) != 0) {
		out->name[0] = '\0';
		return rc;
	}
	if (equals != NULL &&
	    (rc = request_decode(out->value, sizeof out->value, equals + 1, len - name_len - 1, true)) != 0)
		return rc;
	return 1;
}

/* Splits "host", "host:port", "[v6]:port"; name gets the host without brackets. */
static bool host_split(const char *host, char *name, size_t size, bool *literal6)
{
	const char *port;
	size_t len;

	*literal6 = host[0] == '[';
	if (*literal6) {
		host++;
		len = strspn(host, "0123456789abcdefABCDEF:.");
		if (host[len] != ']')
			return false;
		port = host + len + 1;
	} else {
		len = strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_");
		port = host + len;
	}
	if (len == 0 || len >= size)
		return false;
	if (*port == ':')
		port += 1 + strspn(port + 1, "0123456789");
	port += strspn(port, " \t"); /* RFC 9110 5.5: not part of the value */
	if (*port != '\0')
		return false;
	memcpy(name, host, len);
	name[len] = '\0';
	return true;
}

static bool is_loopback(const struct fp_addr *addr)
{
	static const uint8_t v6[16] = { [15] = 1 };

	return (fp_addr_is_v4(addr) && addr->b[12] == 127) || memcmp(addr->b, v6, 16) == 0;
}

enum request_host request_host(const char *host, const struct fp_addr *local, const char *const *names)
{
	char name[256]; /* RFC 1035 2.3.4: 255 octets */
	struct fp_addr addr;
	bool literal6;

	if (!host_split(host, name, sizeof name, &literal6))
		return REQUEST_HOST_BAD;
	if (literal6 || strspn(name, "0123456789.") == strlen(name)) {
		if (fp_addr_parse(&addr, name) != 0)
			return REQUEST_HOST_BAD;
		if (is_loopback(&addr) || (local != NULL && fp_addr_equal(&addr, local)))
			return REQUEST_HOST_OURS;
	}
	if (!literal6 && strcasecmp(name, "localhost") == 0)
		return REQUEST_HOST_OURS;
	for (; names != NULL && *names != NULL; names++)
		if (strcasecmp(name, *names) == 0)
			return REQUEST_HOST_OURS;
	return REQUEST_HOST_FOREIGN;
}
