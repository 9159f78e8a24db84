/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The whole road: an input is a list of steps, each a frame that comes in on a side, or time that
 * passes. Frames are raw bytes, or segments of a few clients and their servers whose numbers are
 * as they should be, or off by a little: the harness reads what the box sends and so can finish a
 * handshake, answer for the server, send data and close. The cookies' secret is fixed.
 *
 * After every run: the books balance, every buffer that came in and every spare that was used was
 * sent, freed or is held, whatever was sent parses, with its checksums right if they were, and
 * the gauges agree with the table. In the end all that was opened is gone by its limits.
 *
 * A step: 4 bytes
 *   op      low 4 bits: enum op; bit 4: from inside; bits 5 to 7: which client
 *   flags   TCP flags of OP_SEGMENT; what is granted of OP_SYN and OP_SYN_ACK
 *   a, b    payload length, number offsets, milliseconds; for OP_RAW a frame of a bytes follows
 */
#include "sl_bytes.h"
#include "sl_cksum.h"
#include "sl_pipeline.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	N_CLIENTS = 8,
	N_CONNECTIONS = 64,
	N_HELD = 16,
	FRAME_ROOM = 2048,
	N_FRAMES = 512, /* of memory: more than a run can use, plus what is held */
	N_ACCOUNTS = 6, /* no service, and the table's */
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
	OP_STARVE,  /* the next run has only a spare buffers */
	OP_UNSENT,  /* the port does not take the last packets of the next run */
	OP_ADVANCE, /* the ring of keys */
	OP_APPLY,   /* another plan: modes, strays, one-way, retired services, draining */
	OP_ICMP,    /* an error about the last segment that went to that side */
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
	unsigned n_unsent;
	bool nic; /* verifies checksums */

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

/* Addresses of client `i` and its server: half of them IPv6, and one in a VLAN. The IPv4
 * servers are spliced, tracked and monitored. */
static void addresses(unsigned i, struct sl_addr *client, struct sl_addr *server)
{
	if (i % 2 == 0) {
		const uint8_t c[4] = {198, 51, 100, (uint8_t)(1 + i)};
		const uint8_t s[4] = {192, 0, 2, (uint8_t)(2 + i % 6)};

		sl_addr_set_v4(client, c);
		sl_addr_set_v4(server, s);
	} else {
		check(sl_addr_parse(client, "2001:db8:c::1") == 0);
		check(sl_addr_parse(server, "2001:db8:5::2") == 0);
		client->b[15] = (uint8_t)i;
	}
}

static uint16_t client_port(unsigned i)
{
	return (uint16_t)(40000 + i);
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
}

static void start(struct harness *h)
{
	static const uint8_t secret[SL_FLOW_SECRET_BYTES] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
	static const uint8_t master[16] = {42};
	struct sl_pipeline_config config = {
		.plan = &h->plan[0],
		.n_connections = N_CONNECTIONS,
		.n_held = N_HELD,
		.high_water = 75,
		.table_secret = secret,
		.ring = &h->ring,
	};
	struct sl_service services[N_ACCOUNTS - 1];
	size_t bytes;

	memset(services, 0, sizeof(services));
	add_service(&services[0], "192.0.2.2", 128, SL_MODE_SPLICE, SL_COOKIES_ALWAYS);
	add_service(&services[1], "2001:db8:5::", 48, SL_MODE_SPLICE, SL_COOKIES_ALWAYS);
	add_service(&services[2], "192.0.2.4", 127, SL_MODE_SPLICE, SL_COOKIES_NEVER);
	add_service(&services[3], "192.0.2.6", 128, SL_MODE_MONITOR, SL_COOKIES_ALWAYS);
	add_service(&services[4], "192.0.2.7", 128, SL_MODE_PASS, SL_COOKIES_ALWAYS);
	sl_service_table_init(&h->plan[0].services, services, N_ACCOUNTS - 1);
	for (unsigned i = 0; i < 2; i++) {
		struct sl_link *link = &h->plan[0].links[i];

		link->port[SL_OUTSIDE] = (uint8_t)(2 * i);
		link->port[SL_INSIDE] = (uint8_t)(2 * i + 1);
		link->pass_default = i == 0;
		link->mtu = 1500;
	}
	h->plan[0].n_links = 2;
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

	if (i == N_CLIENTS)
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

	check(buf->out_port < 4 && buf->len <= FRAME_ROOM - 64);
	check(buf->fate == SL_FATE_ANSWERED || buf->fate == SL_FATE_RELAYED ||
	      buf->fate == SL_FATE_PASSED || buf->fate == SL_FATE_MADE);
	parsed = sl_wire_parse(buf->data, buf->len, &seg);
	if (parsed == SL_PARSED_ICMP && buf->fate != SL_FATE_PASSED) {
		struct sl_quote quote;

		check(buf->fate == SL_FATE_RELAYED || buf->fate == SL_FATE_MADE);
		check(sl_wire_parse_quote(buf->data, &seg, &quote) && quote.to_sender);
		check(sl_wire_verify_quote(buf->data, &quote));
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

/* Puts `n` bytes behind a segment without payload, and makes its checksums right. */
static void add_payload(struct sl_buf *buf, unsigned l3_off, bool v6, unsigned n)
{
	uint8_t *ip = buf->data + l3_off, *tcp = ip + (v6 ? 40 : 20);
	uint32_t tcp_len;
	uint16_t cksum;
	uint64_t sum;

	memset(buf->data + buf->len, 'x', n);
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

/* A link-layer header; client 7 lives in a VLAN on the second link, with a MAC that moves. */
static struct sl_l2 link_header(unsigned i, bool v6, uint8_t salt)
{
	struct sl_l2 l2 = {.len = 14};

	l2.bytes[0] = l2.bytes[6] = 2;
	l2.bytes[5] = salt;
	if (i == 7) {
		sl_store_be32(l2.bytes + 12, 0x81000007);
		l2.len = 18;
	}
	sl_store_be16(l2.bytes + l2.len - 2, v6 ? 0x86dd : 0x0800);
	return l2;
}

/* A segment of client `i`, or of its server when `side` is the inside. */
static void send_segment(struct harness *h, unsigned i, enum sl_side side, struct sl_made *made,
			 unsigned payload, uint8_t salt)
{
	struct sl_buf buf = take_frame(h, (uint8_t)((i == 7 ? 2 : 0) + (side == SL_INSIDE)));
	struct sl_addr client, server;
	struct sl_l2 l2;

	addresses(i, &client, &server);
	made->src = side == SL_OUTSIDE ? &client : &server;
	made->dst = side == SL_OUTSIDE ? &server : &client;
	made->src_port = side == SL_OUTSIDE ? client_port(i) : 80;
	made->dst_port = side == SL_OUTSIDE ? 80 : client_port(i);
	l2 = link_header(i, !sl_addr_is_v4(&client), salt & 3);
	check(sl_wire_emit(&buf, &l2, made));
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
	send_segment(h, i, side, &made, flags & 0x80 ? a : 0, flags >> 5);
	peer->seq[side] = made.seq + 1;
}

static void send_in_order(struct harness *h, unsigned i, enum sl_side side, uint8_t flags,
			  uint8_t payload, uint32_t seq_off, uint32_t ack_off)
{
	struct peer *peer = &h->peer[i];
	struct sl_made made = {
		.seq = peer->seq[side] + seq_off,
		.ack = peer->ack[side] + ack_off,
		.flags = flags,
		.wnd = (uint16_t)(0x1000 + payload),
		.wscale = SL_NO_WSCALE,
		.timestamps = peer->timestamps != ((flags & SL_URG) != 0),
		.tsval = (uint32_t)(h->now_us / 1000),
		.tsecr = peer->ts[side],
	};

	send_segment(h, i, side, &made, payload, flags >> 6);
	if (seq_off == 0)
		peer->seq[side] += payload + !!(flags & SL_FIN);
}

/* Flags that a segment in order may have, of any byte. */
static uint8_t data_flags(uint8_t flags)
{
	return (uint8_t)((flags & (SL_FIN | SL_PSH | SL_URG | SL_ECE | SL_CWR)) | SL_ACK);
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
	const bool v6 = i % 2 == 1;
	const unsigned ip_hdr = v6 ? 40 : 20, at = v6 ? 8 : 12, addr_len = v6 ? 16 : 4;
	const unsigned n = sl_min_u32(peer->last_len[side], ip_hdr + a % 96u);
	const struct sl_l2 l2 = link_header(i, v6, 0);
	struct sl_buf buf;
	uint8_t *ip, *icmp;
	uint16_t cksum;
	uint64_t sum = 0;

	if (n < ip_hdr + 8)
		return;
	buf = take_frame(h, (uint8_t)((i == 7 ? 2 : 0) + (side == SL_INSIDE)));
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

/* Two bits of `a`, `b` and `flags` a service: its mode, its strays, and whether it is retired. */
static void apply(struct harness *h, uint8_t flags, uint8_t a, uint8_t b)
{
	const struct sl_plan *old = &h->plan[h->current];
	struct sl_plan *next = &h->plan[1 - h->current];
	struct sl_service services[N_ACCOUNTS - 1];

	*next = *old;
	memcpy(services, &old->services.service[1], sizeof(services));
	for (unsigned i = 0; i < N_ACCOUNTS - 1; i++) {
		const unsigned shift = 2 * (i % 4);

		services[i].mode = (uint8_t)((a >> shift & 3) % 3);
		services[i].strays = (uint8_t)((b >> shift & 3) % 3);
		services[i].retired = (flags >> i & 1) && i < 3;
		services[i].one_way = flags >> 6 & 1;
		services[i].timestamps = (uint8_t)((a ^ b) % 3);
		services[i].mss_max = b & 0x80 ? 500 : 0;
	}
	sl_service_table_init(&next->services, services, N_ACCOUNTS - 1);
	next->draining = flags >> 7;
	sl_pipeline_apply(&h->pipeline, next, h->now_us);
	memset(&h->plan[h->current], 0xa5, sizeof(*next));
	h->current = 1 - h->current;
}

static void wait_seconds(struct harness *h, unsigned seconds)
{
	for (unsigned i = 0; i < 2 * seconds; i++)
		tick(h, 500 * SL_US_PER_MS);
}

/* Does one step; returns the bytes it took. */
static size_t step(struct harness *h, const uint8_t *p, size_t size)
{
	const enum op op = (enum op)((p[0] & 15) % N_OPS);
	const enum sl_side side = p[0] & 16 ? SL_INSIDE : SL_OUTSIDE;
	const unsigned i = p[0] >> 5;
	const uint8_t flags = p[1], a = p[2], b = p[3];
	size_t n = 0;

	switch (op) {
	case OP_SYN:
		send_syn(h, i, side, flags, a, b, false);
		break;
	case OP_ACK:
		send_in_order(h, i, SL_OUTSIDE, data_flags(flags), a, 0, 0);
		break;
	case OP_SYN_ACK:
		send_syn(h, i, sl_side_other(side), flags, a, b & 0xfd, true);
		break;
	case OP_SEGMENT:
		send_in_order(h, i, side, data_flags(flags), a, 0, 0);
		break;
	case OP_OFF:
		send_in_order(h, i, side, flags, 0, (uint32_t)((int8_t)a) << (flags & 8),
			      (uint32_t)((int8_t)b) << (flags & 8));
		break;
	case OP_RST:
		send_in_order(h, i, side, flags & 1 ? SL_RST : SL_RST | SL_ACK, 0,
			      (uint32_t)(int8_t)a, (uint32_t)(int8_t)b);
		break;
	case OP_RAW:
		n = a < size - 4 ? a : size - 4;
		send_raw(h, b & 3, p + 4, n);
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
	start(h);
	h->nic = size % 4 != 0;
	for (unsigned n = 0; size >= 4 && n < MAX_STEPS; n++) {
		const size_t used = step(h, data, size);

		data += used;
		size -= used;
	}
	run(h);
	check_table(h);
	/* Ten minutes: each limit, the probes, the tombstones; nothing stays. */
	for (unsigned i = 0; i < 300 && (sl_flow_count(&h->pipeline.relay.flow) > 0 || i < 2); i++)
		tick(h, 2 * SL_US_PER_S);
	check(sl_flow_count(&h->pipeline.relay.flow) == 0);
	check(h->n_held == 0);
	check(sl_wheel_count(&h->pipeline.relay.wheel) == 0);
	for (unsigned i = 0; i < SL_L2_BUCKETS; i++)
		check(h->pipeline.relay.l2.bucket[i] == SL_L2_NONE);
	free(h->frames);
	free(h->memory);
	free(h);
	return 0;
}
