/*
 * generate - a capture for the differential test: hosts that come, come again, change and share addresses; servers; flows in every order that
 * may happen and some that may not; clocks of all kinds; gaps of milliseconds, minutes and hours. The same seed gives the same bytes.
 *
 *   generate SIGNATURES SEED PACKETS OUTPUT
 *
 * It stays below what p0f -m 4000,20000 keeps at a time: p0f's limits are not imitated by us.
 */
#include "tests/differential/wire.h"

#include <stdlib.h>
#include <string.h>

#define HOSTS 400
#define SERVERS 24
#define FLOWS 600     /* open ones that are played on */
#define FACES 3       /* systems behind one address */

/* What is said: SMTP, and requests that go wrong somewhere. */
static const char *const talk[][2] = {
	{ "EHLO client.example\r\nMAIL FROM:<a@b>\r\n", "220 mail.example ESMTP\r\n250 ok\r\n" },
	{ "GET / HTTP/1.0\r\nHost: a\r\nX: \xff", "HTTP/1.0 200 OK\r\n" },
	{ "GET /abc\x01 HTTP/1.0\r\nHost: a\r\n", "HTTP/1.0 200 OK\r\n" },
	{ "HEAD /a b HTTP/1.1\r\nA-b_C: x\r\nbad header\r\n\r\n", "x" },
	{ "GET /long HTTP/2.0\r\nHost: a\r\n\r\n", "HTTP/1.1 404 no\r\nA: b\r\n" },
	{ "GET /noend", "" },
	{ "POST / HTTP/1.1\r\n\r\n", "HTTP/1.1 404 no\r\nA: b\r\n\r\n" },
};
static const char *const whole[2] = {
	"GET /index HTTP/1.1\r\nHost: www.example\r\nAccept: */*\r\n\r\nGET /next HTTP/1.1\r\n",
	"HTTP/1.1 200 OK\r\nServer: none\r\nX: y\r\nLength: 7\r\n\r\n<html>body</html>",
};

/* A system: what its segments look like and how its clock runs. */
struct face {
	uint32_t request, response;
	struct fill fill;
	double hz;
	uint32_t clock;      /* value at time 0 */
	bool random_clock;   /* begins anew with each connection */
	uint8_t odd;         /* one segment of so many is changed; 0: none */
};

struct host {
	bool v6;
	uint8_t addr[16];
	struct face face[FACES];
	uint8_t faces;       /* that share the address */
	uint8_t now;         /* face of the last connection */
	uint16_t port;
};

enum stage { SENT, ANSWERED, OPEN };

struct flow {
	bool used;
	enum stage stage;
	struct host *client, *server;
	struct face *face, *server_face;
	struct face own;     /* where it is a tool's */
	uint16_t port, server_port;
	uint32_t seq[2];     /* next of client, server */
	uint32_t first_seq;
	uint32_t clock[2];   /* offsets of this connection */
	struct segment syn;
	bool http;
	uint16_t said[2];    /* bytes of the script that are out */
};

static struct {
	struct signatures signatures;
	struct writer out;
	uint64_t now_us, begin_us;
	struct host host[HOSTS], server[SERVERS];
	struct flow flow[FLOWS];
	struct host once[FLOWS][2]; /* of flows that speak HTTP */
	uint32_t next_address;
	uint64_t opened_us[4096]; /* of the last SYNs: p0f's table must not overflow */
	uint32_t opened;
} world;

/* ---- Who there is ------------------------------------------------------------------------------- */

static void face_make(struct face *f)
{
	static const double clocks[] = { 1, 2, 10, 100, 100, 250, 250, 300, 512, 1000, 1000, 1000, 1024, 1400, 1600, 3000, 0.5 };
	static const uint16_t sizes[] = { 1460, 1460, 1460, 1460, 1440, 1452, 1400, 1380, 1360, 1300, 536, 1331, 8960, 65495 };

	*f = (struct face){
		.request = (uint32_t)random_next(),
		.response = (uint32_t)random_next(),
		.fill = { .mss = sizes[below(sizeof sizes / sizeof sizes[0])], .hops = (uint8_t)(one_in(3) ? 0 : below(one_in(10) ? 40 : 20)) },
		.hz = one_in(8) ? 1 + below(1700) : clocks[below(sizeof clocks / sizeof clocks[0])],
		.clock = one_in(6) ? UINT32_MAX - below(100000) : (uint32_t)random_next(),
		.random_clock = one_in(4),
		.odd = (uint8_t)(one_in(3) ? 0 : one_in(2) ? 3 : 20),
	};
}

static void host_make(struct host *h, bool v6)
{
	const uint32_t n = ++world.next_address;

	memset(h, 0, sizeof *h);
	h->v6 = v6;
	h->addr[0] = v6 ? 0x20 : 10;
	h->addr[1] = v6 ? 1 : (uint8_t)(n >> 16);
	h->addr[2] = (uint8_t)(n >> 8);
	h->addr[3] = (uint8_t)n;
	h->addr[15] = v6 ? (uint8_t)random_next() : 0;
	h->faces = (uint8_t)(one_in(5) ? 1 + below(FACES) : 1);
	h->port = (uint16_t)(1024 + below(60000));
	for (int i = 0; i < FACES; i++)
		face_make(&h->face[i]);
}

static uint32_t clock_at(const struct face *f, uint32_t offset)
{
	return offset + (uint32_t)((double)(world.now_us - world.begin_us) * f->hz / 1e6);
}

static uint32_t clock_begin(const struct face *f)
{
	return f->random_clock ? (uint32_t)random_next() : f->clock;
}

/* ---- Segments ----------------------------------------------------------------------------------- */

static void address(struct segment *s, const struct flow *f, bool server)
{
	const struct host *from = server ? f->server : f->client, *to = server ? f->client : f->server;

	s->v6 = f->client->v6;
	memcpy(s->src, from->addr, 16);
	memcpy(s->dst, to->addr, 16);
	s->src_port = server ? f->server_port : f->port;
	s->dst_port = server ? f->port : f->server_port;
}

static void put(const struct segment *s)
{
	static const uint16_t steps[] = { 0, 0, 1, 1, 1, 2, 5, 10, 25, 40 };

	writer_put(&world.out, s, world.now_us);
	world.now_us += steps[below(sizeof steps / sizeof steps[0])] * 1000u + below(1000);
	if (one_in(3000))
		world.now_us += below(40) * 1000000u;
	else if (one_in(20000))
		world.now_us += below(9000) * UINT64_C(1000000);
	else if (one_in(8000)) /* about as long as p0f remembers a host */
		world.now_us += 7110000000 + below(120) * UINT64_C(1000000);
	else if (one_in(20000) && world.now_us > world.begin_us + 100000000)
		world.now_us -= below(3000) * 1000u;
}

/* A segment of an open flow. */
static void send(struct flow *f, bool server, uint8_t flags, int32_t off, const uint8_t *payload, uint16_t n)
{
	const struct face *face = server ? f->server_face : f->face;
	struct segment s = { .ttl = 64, .id = 1, .fragment = 0x4000, .win = 500, .flags = flags };

	address(&s, f, server);
	s.seq = f->seq[server] + (uint32_t)off;
	s.ack = flags & ACK ? f->seq[!server] : 0;
	if (face->hz > 0 && !one_in(20))
		segment_timestamps(&s, clock_at(face, f->clock[server]), clock_at(server ? f->face : f->server_face, f->clock[!server]));
	s.payload = payload;
	s.n_payload = n;
	if (one_in(200))
		segment_mutate(&s);
	put(&s);
	if (off == 0)
		f->seq[server] += n;
}

static void send_syn(struct flow *f)
{
	struct fill fill = f->face->fill;
	struct segment *s = &f->syn;

	fill.ts1 = clock_at(f->face, f->clock[0]);
	fill.ts2 = (uint32_t)random_next();
	memset(s, 0, sizeof *s);
	s->seq = f->first_seq;
	segment_of(s, &world.signatures, false, f->face->request, f->client->v6, &fill);
	address(s, f, false);
	if (f->face->odd != 0 && one_in(f->face->odd))
		segment_mutate(s);
	while (one_in(30))
		segment_mutate(s);
	f->seq[0] = s->seq + 1;
	put(s);
}

static void send_synack(struct flow *f)
{
	struct fill fill = f->server_face->fill;
	struct segment s = { 0 };

	fill.ts1 = clock_at(f->server_face, f->clock[1]);
	fill.ts2 = clock_at(f->face, f->clock[0]);
	f->seq[1] = (uint32_t)random_next();
	s.seq = f->seq[1]++;
	s.ack = f->seq[0];
	segment_of(&s, &world.signatures, true, f->server_face->response, f->client->v6, &fill);
	address(&s, f, true);
	if (one_in(5)) /* what the client offered changes what it is answered */
		segment_mutate(&s);
	if (f->server_face->odd != 0 && one_in(f->server_face->odd))
		segment_mutate(&s);
	put(&s);
}

/* ---- Flows -------------------------------------------------------------------------------------- */

/* So many SYNs in p0f's 30 s are safe. */
static bool room(void)
{
	const uint64_t oldest = world.opened_us[world.opened % 3000];

	return oldest == 0 || world.now_us > oldest + 35000000;
}

/* The port and sometimes the number of an older flow come again. */
static void choose_port(struct flow *f)
{
	struct host *h = f->client;

	h->port = (uint16_t)(h->port + (one_in(10) ? (int)below(200) - 100 : 1 + (int)below(3)));
	if (h->port < 1024)
		h->port = 65000;
	f->port = h->port;
	f->server_port = (uint16_t)(one_in(3) ? 80 : 25);
	f->first_seq = (uint32_t)random_next();
}

static void open_flow(struct flow *f)
{
	struct host *client = &world.host[below(HOSTS)], *server;

	if (one_in(5)) /* those that come often */
		client = &world.host[below(8)];
	do
		server = one_in(12) ? &world.host[below(HOSTS)] : &world.server[below(SERVERS)];
	while (server->v6 != client->v6 || server == client);
	if (one_in(40)) {
		if (one_in(2))
			face_make(&client->face[client->now]);
		else
			host_make(client, client->v6);
	}
	if (one_in(3))
		client->now = (uint8_t)below(client->faces);
	*f = (struct flow){ .used = true, .stage = SENT, .client = client, .server = server };
	f->face = &client->face[client->now];
	f->server_face = &server->face[below(server->faces)];
	if (one_in(40) && world.signatures.n_tools > 0) { /* a tool on the same machine */
		f->own = *f->face;
		f->own.request = world.signatures.tool[below((uint32_t)world.signatures.n_tools)];
		f->face = &f->own;
	}
	f->clock[0] = clock_begin(f->face);
	f->clock[1] = clock_begin(f->server_face);
	choose_port(f);
	world.opened_us[world.opened++ % 3000] = world.now_us;
	send_syn(f);
}

/*
 * A complete request would have p0f score the hosts by it, which we do not imitate: such flows have a client and a server of their own, which never
 * come again.
 */
static void open_http(struct flow *f)
{
	struct host *client = &world.once[f - world.flow][0], *server = client + 1;

	host_make(client, one_in(3));
	host_make(server, client->v6);
	*f = (struct flow){ .used = true, .stage = SENT, .client = client, .server = server, .http = true };
	f->face = &client->face[0];
	f->server_face = &server->face[0];
	f->clock[0] = clock_begin(f->face);
	f->clock[1] = clock_begin(f->server_face);
	choose_port(f);
	world.opened_us[world.opened++ % 3000] = world.now_us;
	send_syn(f);
}

static const char *script(const struct flow *f, bool server)
{
	return f->http ? whole[server] : talk[f->first_seq % (sizeof talk / sizeof talk[0])][server];
}

static void say(struct flow *f, bool server)
{
	const char *text = script(f, server);
	const size_t all = strlen(text), out = f->said[server];
	size_t n = all > out ? all - out : 0;

	if (n == 0 || one_in(20)) {
		if (!f->http && one_in(4)) /* a large segment of anything */
			send(f, server, ACK, 0, (const uint8_t *)"................................................................", (uint16_t)below(64));
		else
			send(f, server, ACK, 0, NULL, 0);
		return;
	}
	if (!one_in(3))
		n = 1 + below((uint32_t)n);
	send(f, server, ACK | PSH, 0, (const uint8_t *)text + out, (uint16_t)n);
	f->said[server] = (uint16_t)(f->said[server] + n);
}

static void end_flow(struct flow *f)
{
	if (!one_in(4))
		send(f, one_in(2), (uint8_t)(one_in(2) ? FIN | ACK : one_in(2) ? RST : RST | ACK), one_in(5) ? 1 : 0, NULL, 0);
	if (!one_in(5))
		f->used = false;
}

static void play_sent(struct flow *f)
{
	switch (below(14)) {
	case 0: /* again */
		put(&f->syn);
		break;
	case 1: /* anew */
		f->first_seq = (uint32_t)random_next();
		send_syn(f);
		break;
	case 2: /* an answer from the wrong side */
		send(f, false, SYN | ACK, 0, NULL, 0);
		break;
	case 3:
		send(f, one_in(2), ACK, 0, NULL, 0);
		break;
	case 4:
		end_flow(f);
		break;
	case 5:
		f->used = false;
		break;
	default:
		send_synack(f);
		f->stage = ANSWERED;
	}
}

static void play_open(struct flow *f)
{
	switch (below(24)) {
	case 0:
		send(f, one_in(2), ACK, (int32_t)below(5) - 2, NULL, 0);
		break;
	case 1:
		send(f, one_in(2), ACK, 1 + (int32_t)below(9), (const uint8_t *)"out of order", 12);
		break;
	case 2: /* the answer again */
		send_synack(f);
		break;
	case 3:
		put(&f->syn);
		break;
	case 4:
		end_flow(f);
		break;
	case 5: /* the server's SYN on the same ports */
		if (!f->http)
			send(f, true, SYN, 0, NULL, 0);
		break;
	case 6:
	case 7:
	case 8:
	case 9:
		send(f, one_in(2), ACK, 0, NULL, 0);
		break;
	default: /* of HTTP the client speaks first, mostly */
		say(f, f->http ? f->said[0] >= strlen(whole[0]) / 2 || one_in(12) : one_in(2));
	}
}

static void play(struct flow *f)
{
	if (f->stage == SENT) {
		play_sent(f);
		return;
	}
	if (f->stage == ANSWERED && !one_in(8)) {
		send(f, false, ACK, 0, NULL, 0);
		f->stage = OPEN;
		return;
	}
	f->stage = OPEN;
	play_open(f);
}

static void step(void)
{
	struct flow *f = &world.flow[below(one_in(4) ? FLOWS : FLOWS / 20)];

	if (f->used) {
		play(f);
	} else if (!room()) {
		world.now_us += 100000;
	} else if (one_in(8)) {
		open_http(f);
	} else {
		open_flow(f);
	}
}

int main(int argc, char **argv)
{
	static const uint32_t links[] = { 101, 101, 1, 1, 113, 0, 276 };
	uint64_t seed, packets;
	FILE *f;

	if (argc != 5) {
		fputs("usage: generate SIGNATURES SEED PACKETS OUTPUT\n", stderr);
		return 2;
	}
	seed = strtoull(argv[2], NULL, 10);
	packets = strtoull(argv[3], NULL, 10);
	random_seed(seed);
	if (!signatures_load(&world.signatures, argv[1])) {
		fprintf(stderr, "%s: no TCP signatures there\n", argv[1]);
		return 2;
	}
	if ((f = fopen(argv[4], "wb")) == NULL) {
		perror(argv[4]);
		return 2;
	}
	writer_begin(&world.out, f, links[below(sizeof links / sizeof links[0])]);
	world.begin_us = world.now_us = 1400000000000000 + below(1000000000) * UINT64_C(1000);
	for (int i = 0; i < HOSTS; i++)
		host_make(&world.host[i], i % 4 == 3);
	for (int i = 0; i < SERVERS; i++)
		host_make(&world.server[i], i % 3 == 2);
	while (world.out.packets < packets)
		step();
	if (fclose(f) != 0) {
		perror(argv[4]);
		return 2;
	}
	return 0;
}
