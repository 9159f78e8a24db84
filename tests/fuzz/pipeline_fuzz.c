/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The whole road: an input is a list of steps, each a frame that comes in on a side, or time that
 * passes. Frames are raw bytes, or segments of a few clients and their servers whose numbers are
 * as they should be, or off by a little: the harness reads what the box sends and so can finish a
 * handshake, answer for the server, send data and close. The cookies' secret is fixed.
 *
 * After every run: the books balance, every buffer that came in and every spare that was used was
 * sent, freed or is held, whatever was sent parses, with its checksums right if they were, and
 * the gauges agree with the table, and the endpoints with the connections that have one. In the end
 * nothing is queued, and all that was opened is gone by its limits.
 *
 * A step: 4 bytes
 *   op      low 4 bits: enum op; bit 4: from inside; bits 5 to 7: which client, of those that
 *           OP_OURS has chosen
 *   flags   TCP flags of OP_SEGMENT; what is granted of OP_SYN and OP_SYN_ACK
 *   a, b    payload length, number offsets, milliseconds; for OP_RAW a frame of a bytes follows
 */
#include "sl_bytes.h"
#include "sl_cksum.h"
#include "sl_pipeline.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	N_OTHERS = 8,                           /* clients of servers behind the box */
	N_SERVERS = 5,                          /* enum sl_respond_server */
	N_CLIENTS = N_OTHERS * (1 + N_SERVERS), /* and those of each server in it */
	N_HOMES = 8,                            /* addresses of these: see home() */
	N_CONNECTIONS = 64,
	N_ENDPOINTS = 8,
	N_BLOCKS = 40,
	N_HELD = 16,
	FRAME_ROOM = 2048,
	N_FRAMES = 512, /* of memory: more than a run can use, plus what is held */
	N_RELAYED = 5,  /* services that relay */
	N_SERVICES = N_RELAYED + N_HOMES * N_SERVERS,
	N_ACCOUNTS = 1 + N_SERVICES, /* no service, and the table's */
	HOST_PORT = 4,               /* that of the link on which the box is a host */
	HOST_MAC = 9,                /* last byte of its MAC */
	MAX_STEPS = 400,
	START_US = 1000000,
	REMEMBERED = 128, /* bytes of an IP packet that went to an end */
};

enum op {
	OP_SYN,
	OP_ACK,     /* the client's last ACK of its handshake; data and FIN by flags */
	OP_SYN_ACK, /* the server's answer to our SYN */
	OP_SEGMENT, /* of either end, in order */
	OP_OFF,     /* the same, its numbers off by a and b */
	OP_RST,
	OP_RAW,
	OP_TICK,    /* a * 4 ms */
	OP_WAIT,    /* a seconds, in ticks of 500 ms */
	OP_FLUSH,   /* runs the burst so far */
	OP_STARVE,  /* the next run has only a spare buffers, and so have b more */
	OP_UNSENT,  /* the port does not take the last packets of the next run */
	OP_ADVANCE, /* the ring of keys */
	OP_APPLY,   /* another plan: modes, strays, one-way, retired services, draining */
	OP_ICMP,    /* an error about the last segment that went to that side */
	OP_OURS,    /* see choose() */
	N_OPS,
};

/* What the harness knows of a connection: what the ends would. */
struct peer {
	uint32_t seq[SL_N_SIDES]; /* next number of that end, as it counts itself */
	uint32_t ack[SL_N_SIDES]; /* what that end acknowledges */
	uint32_t ts[SL_N_SIDES];  /* last TSval it saw */
	bool timestamps;
	uint8_t last[SL_N_SIDES][REMEMBERED]; /* IP packet that last went to that end */
	unsigned last_len[SL_N_SIDES];
};

struct harness {
	struct sl_pipeline pipeline;
	struct sl_out out;
	struct sl_account accounts[N_ACCOUNTS];
	struct sl_plan plan[2]; /* the one that holds, and the next */
	unsigned current;
	struct sl_cookie_ring ring;
	void *memory;
	uint64_t now_us;

	uint8_t *frames;
	uint16_t free[N_FRAMES];
	unsigned n_free;
	unsigned n_held; /* frames that connections hold */
	unsigned n_spares;
	unsigned n_starved; /* runs for which there are no more spares */
	unsigned n_unsent;
	unsigned first; /* the clients that steps are about are this one and the next */
	bool deaf;      /* what the box sends to clients is lost */
	bool nic;       /* verifies checksums */

	struct sl_buf burst[SL_BURST];
	unsigned n_burst;
	struct peer peer[N_CLIENTS];
};

static void check(bool holds)
{
	if (!holds)
		abort();
}

static struct sl_buf take_frame(struct harness *h, uint8_t port)
{
	struct sl_buf buf = {.in_port = port, .headroom = 64, .tailroom = FRAME_ROOM - 64};
	uint16_t number;

	check(h->n_free > 0);
	number = h->free[--h->n_free];
	buf.data = h->frames + (size_t)number * FRAME_ROOM + 64;
	buf.handle = (void *)(uintptr_t)(number + 1u);
	return buf;
}

static void give_frame(struct harness *h, void *handle)
{
	const uintptr_t number = (uintptr_t)handle;

	check(number >= 1 && number <= N_FRAMES && h->n_free < N_FRAMES);
	h->free[h->n_free++] = (uint16_t)(number - 1);
}

/* Whether client `i` has to do with a server of the box's own. */
static bool is_ours(unsigned i)
{
	return i >= N_OTHERS;
}

static bool is_v6(unsigned i)
{
	return is_ours(i) ? i & 2 : i & 1;
}

/* The address of servers of our own: by the bits of its number without cookies, IPv6, on the link
 * on which the box is a host. */
static void home(unsigned number, struct sl_addr *addr)
{
	const uint8_t last = (uint8_t)(10 + (number & 1) + (number >> 1 & 2));
	const uint8_t v4[4] = {192, 0, 2, last};

	if (number & 2) {
		check(sl_addr_parse(addr, "2001:db8:6::") == 0);
		addr->b[15] = last;
	} else {
		sl_addr_set_v4(addr, v4);
	}
}

/* Addresses of client `i` and its server: half of them IPv6, and one in a VLAN. The IPv4
 * servers are spliced, tracked and monitored. */
static void addresses(unsigned i, struct sl_addr *client, struct sl_addr *server)
{
	const uint8_t c[4] = {198, 51, 100, (uint8_t)(1 + i)};
	const uint8_t s[4] = {192, 0, 2, (uint8_t)(2 + i % 6)};

	if (is_v6(i)) {
		check(sl_addr_parse(client, "2001:db8:c::1") == 0);
		check(sl_addr_parse(server, "2001:db8:5::2") == 0);
		client->b[15] = (uint8_t)i;
	} else {
		sl_addr_set_v4(client, c);
		sl_addr_set_v4(server, s);
	}
	if (is_ours(i))
		home(i % N_HOMES, server);
}

static uint16_t client_port(unsigned i)
{
	return (uint16_t)(40000 + i);
}

/* A server of our own is known by its port. */
static uint16_t server_port(unsigned i)
{
	return (uint16_t)(is_ours(i) ? i / N_OTHERS : 80);
}

/* The port of the box by which frames of client `i`, or of its server, come in. */
static uint8_t port_of(unsigned i, enum sl_side side)
{
	if (is_ours(i))
		return i & 4 ? HOST_PORT : side == SL_INSIDE;
	return (uint8_t)((i == 7 ? 2 : 0) + (side == SL_INSIDE));
}

static void add_service(struct sl_service *s, const char *net, unsigned len, uint8_t mode,
			uint8_t cookies)
{
	static const struct sl_limits limits = {10000, 20000, 30000, 5000, 20000,
						40000, 10000, 15000, 2};

	check(sl_addr_parse(&s->net, net) == 0);
	s->prefix_len = (uint8_t)len;
	s->port_lo = 1;
	s->port_hi = 1000;
	s->mode = mode;
	s->cookies = cookies;
	s->wscale = 7;
	s->limits = limits;
	s->adopt_for_ms = 20000;
	s->receive_buffer = s->send_buffer = 8192;
	s->backlog = 8;
}

/* The servers of our own, by address and port. */
static void add_ours(struct sl_service *s)
{
	for (unsigned i = 0; i < N_HOMES * N_SERVERS; i++, s++) {
		add_service(s, "::", 128, SL_MODE_RESPOND,
			    i & 1 ? SL_COOKIES_NEVER : SL_COOKIES_ALWAYS);
		home(i % N_HOMES, &s->net);
		s->server = (uint8_t)(i / N_HOMES);
		s->port_lo = s->port_hi = (uint16_t)(1 + s->server);
	}
}

static void add_host_link(struct sl_link *link)
{
	static const uint8_t mac[6] = {2, 0, 0, 0, 0, HOST_MAC};

	link->port[SL_OUTSIDE] = HOST_PORT;
	link->port[SL_INSIDE] = SL_PORTS_MAX;
	link->mtu = 1500;
	link->host = true;
	memcpy(link->mac, mac, sizeof(mac));
	for (unsigned i = N_HOMES / 2; i < N_HOMES; i++)
		home(i, &link->addrs[link->n_addrs++]);
}

static void start(struct harness *h, uint32_t high_water)
{
	static const uint8_t secret[SL_FLOW_SECRET_BYTES] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
	static const uint8_t master[16] = {42};
	struct sl_pipeline_config config = {
		.plan = &h->plan[0],
		.n_connections = N_CONNECTIONS,
		.n_held = N_HELD,
		.n_endpoints = N_ENDPOINTS,
		.n_blocks = N_BLOCKS,
		.high_water = high_water,
		.table_secret = secret,
		.ring = &h->ring,
	};
	struct sl_service services[N_SERVICES];
	size_t bytes;

	memset(services, 0, sizeof(services));
	add_service(&services[0], "192.0.2.2", 128, SL_MODE_SPLICE, SL_COOKIES_ALWAYS);
	add_service(&services[1], "2001:db8:5::", 48, SL_MODE_SPLICE, SL_COOKIES_ALWAYS);
	add_service(&services[2], "192.0.2.4", 127, SL_MODE_SPLICE, SL_COOKIES_NEVER);
	add_service(&services[3], "192.0.2.6", 128, SL_MODE_MONITOR, SL_COOKIES_ALWAYS);
	add_service(&services[4], "192.0.2.7", 128, SL_MODE_PASS, SL_COOKIES_ALWAYS);
	add_ours(&services[N_RELAYED]);
	sl_service_table_init(&h->plan[0].services, services, N_SERVICES);
	for (unsigned i = 0; i < 2; i++) {
		struct sl_link *link = &h->plan[0].links[i];

		link->port[SL_OUTSIDE] = (uint8_t)(2 * i);
		link->port[SL_INSIDE] = (uint8_t)(2 * i + 1);
		link->pass_default = i == 0;
		link->mtu = 1500;
	}
	add_host_link(&h->plan[0].links[2]);
	h->plan[0].n_links = 3;
	h->now_us = START_US;
	sl_cookie_ring_init(&h->ring, master, 1700000000 * SL_US_PER_S, h->now_us);
	bytes = sl_pipeline_memory_size(&config);
	check(posix_memalign(&h->memory, SL_CACHE_LINE, bytes) == 0);
	memset(h->memory, 0, bytes);
	h->out.accounts = h->accounts;
	check(sl_pipeline_init(&h->pipeline, &config, h->memory, &h->out, h->now_us) == 0);
	h->frames = malloc((size_t)N_FRAMES * FRAME_ROOM);
	for (unsigned i = 0; i < N_FRAMES; i++)
		h->free[h->n_free++] = (uint16_t)i;
	h->n_spares = SL_SPARES;
	for (unsigned i = 0; i < N_CLIENTS; i++) {
		h->peer[i].seq[SL_OUTSIDE] = 0xfffffff0u + i * 0x1234567;
		h->peer[i].seq[SL_INSIDE] = 0x7ffffff0u + i * 0x7654321;
	}
}

/* Which client a segment is of, seen from outside or inside; N_CLIENTS for none. */
static unsigned client_of(const struct sl_seg *seg, bool to_inside)
{
	const uint16_t port = to_inside ? seg->src_port : seg->dst_port;
	const unsigned i = port - client_port(0);

	return i < N_CLIENTS ? i : N_CLIENTS;
}

/* What an ICMP error may quote later. */
static void remember(struct harness *h, const struct sl_buf *buf, const struct sl_seg *seg,
		     enum sl_side at)
{
	const unsigned i = client_of(seg, at == SL_INSIDE);

	if (i == N_CLIENTS)
		return;
	h->peer[i].last_len[at] = sl_min_u32(buf->len - seg->l3_off, REMEMBERED);
	memcpy(h->peer[i].last[at], buf->data + seg->l3_off, h->peer[i].last_len[at]);
}

/* An end takes in what the box sent it: all that is in order, without a doubt. */
static void receive(struct harness *h, const struct sl_seg *seg, enum sl_side at)
{
	const unsigned i = client_of(seg, at == SL_INSIDE);
	struct peer *peer;

	if (i == N_CLIENTS || (h->deaf && is_ours(i)))
		return;
	peer = &h->peer[i];
	if (seg->flags & SL_SYN || seg->seq == peer->ack[at])
		peer->ack[at] = seg->seq + sl_seg_len(seg);
	if (seg->ts_off != 0)
		peer->ts[at] = seg->tsval;
	if (seg->flags & SL_SYN && seg->flags & SL_ACK && at == SL_OUTSIDE)
		peer->timestamps = seg->ts_off != 0;
}

static void check_sent(struct harness *h, struct sl_buf *buf)
{
	const enum sl_side at = buf->out_port % 2 == 0 ? SL_OUTSIDE : SL_INSIDE;
	struct sl_seg seg;
	enum sl_parsed parsed;

	check(buf->out_port <= HOST_PORT && buf->len <= FRAME_ROOM - 64);
	check(buf->fate == SL_FATE_ANSWERED || buf->fate == SL_FATE_RELAYED ||
	      buf->fate == SL_FATE_PASSED || buf->fate == SL_FATE_MADE);
	parsed = sl_wire_parse(buf->data, buf->len, &seg);
	if (parsed == SL_PARSED_ICMP && buf->fate != SL_FATE_PASSED) {
		struct sl_quote quote;

		check(buf->fate == SL_FATE_RELAYED || buf->fate == SL_FATE_MADE);
		check(sl_wire_parse_quote(buf->data, &seg, &quote) && quote.to_sender);
		check(sl_wire_verify_quote(buf->data, &quote));
	} else if (parsed == SL_PARSED_OTHER && buf->fate == SL_FATE_ANSWERED) {
		check(buf->out_port == HOST_PORT);
	} else if (buf->fate != SL_FATE_PASSED) {
		check(parsed == SL_PARSED_TCP);
		buf->ip_cksum = buf->tcp_cksum = SL_CKSUM_UNKNOWN;
		check(sl_wire_verify(buf, &seg));
	}
	if (parsed == SL_PARSED_TCP) {
		receive(h, &seg, at);
		remember(h, buf, &seg, at);
	}
}

/* Each connection that is ours has an endpoint, nobody else has, and whatever endpoints hold they
 * give back. */
static void check_endpoints(const struct harness *h)
{
	const struct sl_relay *r = &h->pipeline.relay;
	const struct sl_endpoints *all = &r->endpoints;
	const uint32_t n_used = all->n - all->n_free;
	uint32_t n_ours = 0, n_queued = 0, n_tcbs = 0;

	for (uint32_t i = 0; i < N_CONNECTIONS; i++) {
		const struct sl_conn *conn = sl_relay_conn(r, i);

		if (!sl_flow_in_use(&r->flow, i))
			continue;
		check(sl_wheel_armed(&conn->timer));
		if (conn->ours == SL_CONN_NOT_OURS)
			continue;
		n_ours++;
		check(conn->endpoint < all->n && all->pool[conn->endpoint].conn == i);
		check(conn->state[SL_LEG_CLIENT] == all->pool[conn->endpoint].tcb.state);
	}
	check(n_ours == n_used);
	for (uint32_t i = all->first; i != SL_ENDPOINT_NONE; i = all->pool[i].after) {
		check(all->pool[i].queued && ++n_queued <= n_used);
		check(sl_relay_conn(r, all->pool[i].conn)->endpoint == i);
	}
	check(n_queued == all->n_queued);
	for (unsigned s = 0; s < SL_TCP_N_STATES; s++)
		n_tcbs += (uint32_t)all->tcp.states[s];
	check(n_tcbs == n_used);
	check(n_used > 0 || all->tcp.pool.n_free == N_BLOCKS);
}

static void check_books(const struct harness *h)
{
	uint64_t held = 0, states[SL_N_LEGS] = {0, 0};

	for (unsigned i = 0; i < N_ACCOUNTS; i++) {
		check(sl_account_balance(&h->accounts[i]) == 0);
		held += h->accounts[i].term[SL_TERM_held];
		for (unsigned leg = 0; leg < SL_N_LEGS; leg++)
			for (unsigned s = 0; s < SL_TCP_N_STATES; s++)
				states[leg] +=
					s == SL_TCP_LISTEN ? 0 : h->accounts[i].state[leg][s];
	}
	check(held == h->n_held);
	check(held <= N_HELD);
	for (unsigned leg = 0; leg < SL_N_LEGS; leg++)
		check(states[leg] == sl_flow_count(&h->pipeline.relay.flow));
	check_endpoints(h);
}

/* Every gauge is the number of legs in that state, and every connection can be described. */
static void check_table(const struct harness *h)
{
	uint64_t legs[N_ACCOUNTS][SL_N_LEGS][SL_TCP_N_STATES] = {{{0}}};
	unsigned n = 0;

	for (uint32_t i = 0; i < N_CONNECTIONS; i++) {
		struct sl_conn_info info;

		if (!sl_relay_info(&h->pipeline.relay, i, &info))
			continue;
		n++;
		check(info.service >= 1 && info.service < N_ACCOUNTS && info.timer != NULL);
		for (unsigned leg = 0; leg < SL_N_LEGS; leg++)
			legs[info.service][leg][info.state[leg]]++;
	}
	check(n == sl_flow_count(&h->pipeline.relay.flow));
	for (unsigned a = 1; a < N_ACCOUNTS; a++)
		for (unsigned leg = 0; leg < SL_N_LEGS; leg++)
			for (unsigned s = 0; s < SL_TCP_N_STATES; s++)
				check(s == SL_TCP_LISTEN ||
				      legs[a][leg][s] == h->accounts[a].state[leg][s]);
}

/* Before a run: empty lists, and as many spares as wanted; those of the last run stay. */
static void prepare_out(struct harness *h)
{
	struct sl_out *out = &h->out;

	sl_out_empty(out);
	while (out->n_spare < h->n_spares)
		out->spare[out->n_spare++] = take_frame(h, 0);
	while (out->n_spare > h->n_spares)
		give_frame(h, out->spare[--out->n_spare].handle);
}

/* What the worker does after a run: sends and frees. */
static void empty_out(struct harness *h, unsigned came_in)
{
	const unsigned spares_used = h->n_spares - h->out.n_spare;
	const unsigned gone = h->out.n_sent + h->out.n_freed;

	/* What came in, was held before, or was a spare, was sent, freed, or is held. */
	check(came_in + h->n_held + spares_used >= gone);
	h->n_held = came_in + h->n_held + spares_used - gone;
	for (unsigned i = 0; i < h->out.n_sent; i++) {
		check_sent(h, h->out.sent[i]);
		if (i + h->n_unsent >= h->out.n_sent)
			sl_out_unsent(&h->out, h->out.sent[i]);
		give_frame(h, h->out.sent[i]->handle);
	}
	for (unsigned i = 0; i < h->out.n_freed; i++)
		give_frame(h, h->out.freed[i]);
	check(h->n_free + h->n_held + h->out.n_spare == N_FRAMES);
	if (h->n_starved > 0)
		h->n_starved--;
	else
		h->n_spares = SL_SPARES;
	h->n_unsent = 0;
	check_books(h);
}

static void run(struct harness *h)
{
	const unsigned n = h->n_burst;

	prepare_out(h);
	sl_pipeline_run(&h->pipeline, h->burst, n, h->now_us);
	h->n_burst = 0;
	empty_out(h, n);
}

static void tick(struct harness *h, uint64_t us)
{
	h->now_us += us;
	prepare_out(h);
	sl_pipeline_tick(&h->pipeline, h->now_us);
	empty_out(h, 0);
}

/* What a NIC that verifies checksums says of them. */
static void verify(struct sl_buf *buf)
{
	struct sl_buf copy = *buf;
	struct sl_seg seg;

	if (sl_wire_parse(buf->data, buf->len, &seg) == SL_PARSED_TCP &&
	    sl_wire_verify_sums(&copy, &seg))
		buf->ip_cksum = buf->tcp_cksum = SL_CKSUM_GOOD;
}

static void queue(struct harness *h, const struct sl_buf *buf)
{
	h->burst[h->n_burst] = *buf;
	if (h->nic)
		verify(&h->burst[h->n_burst]);
	h->n_burst++;
	if (h->n_burst == SL_BURST)
		run(h);
}

/* What a client of our own servers says: some of it, from anywhere. */
static void put_requests(uint8_t *to, unsigned n, unsigned from)
{
	static const char text[] =
		"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
		"HEAD http://x?q HTTP/1.0\r\nConnection: x, keep-alive\r\n\r\n\r\n"
		"POST / HTTP/1.1\nHost: x\nContent-Length: 300\n\n"
		"GET / HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n"
		"PUT /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";

	for (unsigned i = 0; i < n; i++)
		to[i] = (uint8_t)text[(from + i) % (sizeof(text) - 1)];
}

/* Puts `n` bytes, which lie there already, behind a segment without payload, and makes its
 * checksums right. */
static void add_payload(struct sl_buf *buf, unsigned l3_off, bool v6, unsigned n)
{
	uint8_t *ip = buf->data + l3_off, *tcp = ip + (v6 ? 40 : 20);
	uint32_t tcp_len;
	uint16_t cksum;
	uint64_t sum;

	buf->len = (uint16_t)(buf->len + n);
	buf->tailroom = (uint16_t)(buf->tailroom - n);
	tcp_len = (uint32_t)(buf->data + buf->len - tcp);
	if (v6) {
		sl_store_be16(ip + 4, (uint16_t)tcp_len);
	} else {
		sl_store_be16(ip + 2, (uint16_t)(tcp_len + 20));
		memset(ip + 10, 0, 2);
		cksum = sl_cksum_finish(sl_cksum_add(0, ip, 20));
		memcpy(ip + 10, &cksum, 2);
	}
	memset(tcp + 16, 0, 2);
	sum = sl_cksum_pseudo(ip + (v6 ? 8 : 12), v6 ? 32 : 8, tcp_len);
	cksum = sl_cksum_finish(sl_cksum_add(sum, tcp, tcp_len));
	memcpy(tcp + 16, &cksum, 2);
	buf->ip_cksum = buf->tcp_cksum = SL_CKSUM_UNKNOWN;
}

/* A link-layer header; client 7 lives in a VLAN on the second link. MACs move, but for that of the
 * host link. */
static struct sl_l2 link_header(unsigned i, bool v6, uint8_t salt)
{
	struct sl_l2 l2 = {.len = 14};

	l2.bytes[0] = l2.bytes[6] = 2;
	l2.bytes[is_ours(i) && i & 4 ? 11 : 5] = salt;
	if (is_ours(i) && i & 4)
		l2.bytes[5] = HOST_MAC;
	if (i % N_OTHERS == 7) {
		sl_store_be32(l2.bytes + 12, 0x81000007);
		l2.len = 18;
	}
	sl_store_be16(l2.bytes + l2.len - 2, v6 ? 0x86dd : 0x0800);
	return l2;
}

/* A segment of client `i`, or of its server when `side` is the inside; `text`: which payload. */
static void send_segment(struct harness *h, unsigned i, enum sl_side side, struct sl_made *made,
			 unsigned payload, unsigned text, uint8_t salt)
{
	struct sl_buf buf = take_frame(h, port_of(i, side));
	struct sl_addr client, server;
	struct sl_l2 l2;

	addresses(i, &client, &server);
	made->src = side == SL_OUTSIDE ? &client : &server;
	made->dst = side == SL_OUTSIDE ? &server : &client;
	made->src_port = side == SL_OUTSIDE ? client_port(i) : server_port(i);
	made->dst_port = side == SL_OUTSIDE ? server_port(i) : client_port(i);
	l2 = link_header(i, !sl_addr_is_v4(&client), salt & 3);
	check(sl_wire_emit(&buf, &l2, made));
	if (is_ours(i))
		put_requests(buf.data + buf.len, payload, text);
	else
		memset(buf.data + buf.len, 'x', payload);
	add_payload(&buf, l2.len, !sl_addr_is_v4(&client), payload);
	queue(h, &buf);
}

/* SYN, or SYN-ACK: options by the bits of `flags`. */
static void send_syn(struct harness *h, unsigned i, enum sl_side side, uint8_t flags, uint8_t a,
		     uint8_t b, bool with_ack)
{
	struct peer *peer = &h->peer[i];
	struct sl_made made = {
		.seq = peer->seq[side] - (with_ack ? 0 : b & 1),
		.ack = with_ack ? peer->ack[side] + (b & 2) : 0,
		.flags = (uint8_t)(with_ack ? SL_SYN | SL_ACK : SL_SYN),
		.wnd = (uint16_t)(a << 8 | 0xff),
		.mss = flags & 1 ? (uint16_t)(200 + 40 * b) : 0,
		.wscale = flags & 2 ? a % 15 : SL_NO_WSCALE,
		.sack_permitted = flags & 4,
		.timestamps = flags & 8,
		.tsval = (uint32_t)(h->now_us / 1000) + a,
		.tsecr = with_ack ? peer->ts[side] : 0,
	};

	peer->seq[side] = made.seq;
	send_segment(h, i, side, &made, flags & 0x80 ? a : 0, b, flags >> 5);
	peer->seq[side] = made.seq + 1;
}

/* What a peer can take: those of our own servers may say that it is nothing, or little. */
static uint16_t window(unsigned i, uint8_t flags, unsigned payload)
{
	if (is_ours(i) && flags & SL_ECE)
		return flags & SL_CWR ? 0 : 2;
	return (uint16_t)(0x1000 + payload);
}

static void send_in_order(struct harness *h, unsigned i, enum sl_side side, uint8_t flags,
			  unsigned payload, unsigned text, uint32_t seq_off, uint32_t ack_off)
{
	struct peer *peer = &h->peer[i];
	struct sl_made made = {
		.seq = peer->seq[side] + seq_off,
		.ack = peer->ack[side] + ack_off,
		.flags = flags,
		.wnd = window(i, flags, payload),
		.wscale = SL_NO_WSCALE,
		.timestamps = peer->timestamps != ((flags & SL_URG) != 0),
		.tsval = (uint32_t)(h->now_us / 1000),
		.tsecr = peer->ts[side],
	};

	send_segment(h, i, side, &made, payload, text, flags >> 6);
	if (seq_off == 0)
		peer->seq[side] += payload + !!(flags & SL_FIN);
}

/* Flags that a segment in order may have, of any byte. */
static uint8_t data_flags(uint8_t flags)
{
	return (uint8_t)((flags & (SL_FIN | SL_PSH | SL_URG | SL_ECE | SL_CWR)) | SL_ACK);
}

/* Those of clients of our own servers are longer than a byte says, if bit 2 is set. */
static void send_data(struct harness *h, unsigned i, enum sl_side side, uint8_t flags, uint8_t a,
		      uint8_t b)
{
	send_in_order(h, i, side, data_flags(flags), is_ours(i) && flags & 4 ? 5u * a : a, b, 0, 0);
}

static void send_raw(struct harness *h, uint8_t port, const uint8_t *data, size_t n)
{
	struct sl_buf buf = take_frame(h, port);

	memcpy(buf.data, data, n);
	buf.len = (uint16_t)n;
	buf.tailroom = (uint16_t)(buf.tailroom - n);
	queue(h, &buf);
}

/*
 * An ICMP error from `side` about the last segment that went there: its kind by the low bits of
 * `flags`; `a` bytes of TCP quoted, its number off by b.
 */
static void send_icmp(struct harness *h, unsigned i, enum sl_side side, uint8_t flags, uint8_t a,
		      uint8_t b)
{
	static const uint8_t types4[4] = {3, 11, 12, 3}, types6[4] = {1, 2, 3, 4};
	const struct peer *peer = &h->peer[i];
	const bool v6 = is_v6(i);
	const unsigned ip_hdr = v6 ? 40 : 20, at = v6 ? 8 : 12, addr_len = v6 ? 16 : 4;
	const unsigned n = sl_min_u32(peer->last_len[side], ip_hdr + a % 96u);
	const struct sl_l2 l2 = link_header(i, v6, 0);
	struct sl_buf buf;
	uint8_t *ip, *icmp;
	uint16_t cksum;
	uint64_t sum = 0;

	if (n < ip_hdr + 8)
		return;
	buf = take_frame(h, port_of(i, side));
	buf.len = (uint16_t)(l2.len + ip_hdr + 8 + n);
	buf.tailroom = (uint16_t)(buf.tailroom - buf.len);
	memcpy(buf.data, l2.bytes, l2.len);
	ip = buf.data + l2.len;
	icmp = ip + ip_hdr;
	memcpy(ip, peer->last[side], ip_hdr);
	memcpy(ip + at + addr_len, peer->last[side] + at, addr_len);
	memset(icmp, 0, 8);
	icmp[0] = v6 ? types6[flags & 3] : types4[flags & 3];
	icmp[1] = flags >> 2 & 7;
	icmp[6] = 5;
	memcpy(icmp + 8, peer->last[side], n);
	if (b != 0)
		sl_store_be32(icmp + 8 + ip_hdr + 4,
			      sl_load_be32(icmp + 8 + ip_hdr + 4) +
				      ((uint32_t)(int8_t)b << (flags >> 5 << 2)));
	if (v6) {
		sl_store_be16(ip + 4, (uint16_t)(8 + n));
		ip[6] = 58;
		sum = sl_cksum_fold(sl_cksum_add(0, ip + 8, 32)) + __builtin_bswap32(8 + n) +
		      __builtin_bswap16(58);
	} else {
		sl_store_be16(ip + 2, (uint16_t)(28 + n));
		ip[9] = 1;
		memset(ip + 10, 0, 2);
		cksum = sl_cksum_finish(sl_cksum_add(0, ip, 20));
		memcpy(ip + 10, &cksum, 2);
	}
	cksum = sl_cksum_finish(sl_cksum_add(sum, icmp, 8 + n));
	memcpy(icmp + 2, &cksum, 2);
	queue(h, &buf);
}

/* Whether the box has the addresses of service `i` on its host link: nothing is behind it. */
static bool is_hosts(unsigned i)
{
	return i >= N_RELAYED && (i - N_RELAYED) % N_HOMES >= N_HOMES / 2;
}

/* Two bits of `a`, `b` and `flags` a service: its mode, its strays, and whether it is retired. */
static void change_service(struct sl_service *s, unsigned i, uint8_t flags, uint8_t a, uint8_t b)
{
	const unsigned shift = 2 * (i % 4);

	if (!is_hosts(i))
		s->mode = a >> shift & 3;
	s->strays = (uint8_t)((b >> shift & 3) % 3);
	s->retired = (flags >> i % 8 & 1) && (i < 3 || i % 8 == 3);
	s->one_way = flags >> 6 & 1;
	s->timestamps = (uint8_t)((a ^ b) % 3);
	s->mss_max = b & 0x80 ? 500 : 0;
	s->receive_buffer = b & 0x40 ? 2048 : 8192;
	s->send_buffer = b & 0x20 ? 2048 : 8192;
	s->server = (uint8_t)((s->server + (flags >> 5 & 1)) % N_SERVERS);
}

static void apply(struct harness *h, uint8_t flags, uint8_t a, uint8_t b)
{
	const struct sl_plan *old = &h->plan[h->current];
	struct sl_plan *next = &h->plan[1 - h->current];
	struct sl_service services[N_SERVICES];

	*next = *old;
	memcpy(services, &old->services.service[1], sizeof(services));
	for (unsigned i = 0; i < N_SERVICES; i++)
		change_service(&services[i], i, flags, a, b);
	sl_service_table_init(&next->services, services, N_SERVICES);
	next->draining = flags >> 7;
	sl_pipeline_apply(&h->pipeline, next, h->now_us);
	memset(&h->plan[h->current], 0xa5, sizeof(*next));
	h->current = 1 - h->current;
}

/* The clients of the steps that follow: those of the server in the box that `a` names, or of those
 * behind it. Bits of `b`: ports that have no room. */
static void choose(struct harness *h, uint8_t flags, uint8_t a, uint8_t b)
{
	h->first = N_OTHERS * (a % (1 + N_SERVERS));
	h->deaf = flags & 1;
	h->out.full = b & 31;
}

static void wait_seconds(struct harness *h, unsigned seconds)
{
	for (unsigned i = 0; i < 2 * seconds; i++)
		tick(h, 500 * SL_US_PER_MS);
}

/* With all that it wants, and no time, the queue of endpoints empties; only those who wait for
 * memory ask again and again. */
static void settle(struct harness *h)
{
	const struct sl_endpoints *all = &h->pipeline.relay.endpoints;

	h->n_starved = 0;
	h->n_spares = SL_SPARES;
	h->out.full = 0;
	for (unsigned i = 0; i < 64 && all->n_queued > 0; i++)
		tick(h, 0);
	check(all->n_queued == 0 || tcp_pool_spare(&all->tcp.pool) < 3);
}

/* Does one step; returns the bytes it took. */
static size_t step(struct harness *h, const uint8_t *p, size_t size)
{
	const enum op op = (enum op)((p[0] & 15) % N_OPS);
	const enum sl_side side = p[0] & 16 ? SL_INSIDE : SL_OUTSIDE;
	const unsigned i = h->first + (p[0] >> 5);
	const uint8_t flags = p[1], a = p[2], b = p[3];
	size_t n = 0;

	switch (op) {
	case OP_SYN:
		send_syn(h, i, side, flags, a, b, false);
		break;
	case OP_ACK:
		send_data(h, i, SL_OUTSIDE, flags, a, b);
		break;
	case OP_SYN_ACK:
		send_syn(h, i, sl_side_other(side), flags, a, b & 0xfd, true);
		break;
	case OP_SEGMENT:
		send_data(h, i, side, flags, a, b);
		break;
	case OP_OFF:
		send_in_order(h, i, side, flags, 0, 0, (uint32_t)((int8_t)a) << (flags & 8),
			      (uint32_t)((int8_t)b) << (flags & 8));
		break;
	case OP_RST:
		send_in_order(h, i, side, flags & 1 ? SL_RST : SL_RST | SL_ACK, 0, 0,
			      (uint32_t)(int8_t)a, (uint32_t)(int8_t)b);
		break;
	case OP_RAW:
		n = a < size - 4 ? a : size - 4;
		send_raw(h, b & 4 ? HOST_PORT : b & 3, p + 4, n);
		break;
	case OP_TICK:
		run(h);
		tick(h, a * 4 * SL_US_PER_MS);
		break;
	case OP_WAIT:
		run(h);
		wait_seconds(h, a % 64);
		break;
	case OP_FLUSH:
		run(h);
		break;
	case OP_STARVE:
		run(h);
		h->n_spares = a % SL_SPARES;
		h->n_starved = b % 16;
		break;
	case OP_UNSENT:
		run(h);
		h->n_unsent = a;
		break;
	case OP_ADVANCE:
		sl_cookie_ring_advance(&h->pipeline.ring,
				       1700000000 * SL_US_PER_S + h->now_us - START_US +
					       b * SL_US_PER_S,
				       h->now_us);
		break;
	case OP_APPLY:
		run(h);
		apply(h, flags, a, b);
		break;
	case OP_ICMP:
		run(h);
		send_icmp(h, i, side, flags, a, b);
		break;
	case OP_OURS:
		run(h);
		choose(h, flags, a, b);
		break;
	case N_OPS:
		break;
	}
	return 4 + n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct harness *h;

	if (size > 16384)
		return 0;
	check(posix_memalign((void **)&h, SL_CACHE_LINE, sizeof(*h)) == 0);
	memset(h, 0, sizeof(*h));
	/* What is no instruction chooses the world: rooms that are short, or seldom so. */
	start(h, size & 4 ? 20 : 90);
	h->nic = size % 4 != 0;
	for (unsigned n = 0; size >= 4 && n < MAX_STEPS; n++) {
		const size_t used = step(h, data, size);

		data += used;
		size -= used;
	}
	run(h);
	check_table(h);
	settle(h);
	/* Ten minutes: each limit, the probes, the tombstones; nothing stays. */
	for (unsigned i = 0; i < 300 && (sl_flow_count(&h->pipeline.relay.flow) > 0 || i < 2); i++)
		tick(h, 2 * SL_US_PER_S);
	check(sl_flow_count(&h->pipeline.relay.flow) == 0);
	check(h->n_held == 0);
	check(h->pipeline.relay.endpoints.n_free == N_ENDPOINTS);
	check(sl_wheel_count(&h->pipeline.relay.wheel) == 0);
	for (unsigned i = 0; i < SL_L2_BUCKETS; i++)
		check(h->pipeline.relay.l2.bucket[i] == SL_L2_NONE);
	free(h->frames);
	free(h->memory);
	free(h);
	return 0;
}
