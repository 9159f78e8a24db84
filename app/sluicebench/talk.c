/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The ends of the connections. What they need to remember of each is only what the box chose, its
 * number and its clock; all else follows from the connection's index.
 */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>

#include "sl_bytes.h"
#include "sl_cksum.h"
#include "sl_seq.h"

enum {
	PORTS = 50000, /* connections of one client address */
	FIRST_PORT = 1024,
	CLIENT_NET = 10 << 24,
	CLIENT_TSVAL = 1000000,
	SERVER_TSVAL = 5000000,
	WINDOW = 4096,
	MSS = 1460,
};

struct heard {
	uint32_t isn;   /* of the box: the cookie */
	uint32_t tsval; /* of its SYN-ACK */
};

struct talk {
	bool timestamps;
	uint16_t window; /* as it stands in the header */
	uint32_t n;
	uint64_t segments, faults;
	struct talk_client *client; /* where the box is the server */
	struct heard heard[];
};

bool talk_open(struct lane *lane, uint32_t n, bool timestamps)
{
	lane->talk = calloc(1, sizeof(*lane->talk) + (size_t)n * sizeof(struct heard));
	if (lane->talk == NULL)
		return false;
	lane->talk->timestamps = timestamps;
	lane->talk->window = WINDOW;
	lane->talk->n = n;
	if (!lane->params.responds)
		return true;
	lane->talk->client = calloc(n, sizeof(*lane->talk->client));
	if (lane->talk->client != NULL)
		return true;
	talk_close(lane);
	return false;
}

/* Entries of a table that follows `n` connections of passed services, which may have 3 of 16 of
 * them, and 1 of 16 while they open. */
static uint32_t table_that_follows(uint32_t n)
{
	return sl_max_u32(6 * n, 16 * TALK_WAVE);
}

bool talk_open_box(struct lane *lane, uint32_t n, bool timestamps)
{
	if (!talk_open(lane, n, timestamps)) {
		snprintf(lane->error, sizeof(lane->error), "no memory for %u clients", n);
		return false;
	}
	if (lane_worker_open(lane, lane->params.passes ? table_that_follows(n) : n))
		return true;
	talk_close(lane);
	return false;
}

void talk_close(struct lane *lane)
{
	if (lane->talk != NULL)
		free(lane->talk->client);
	free(lane->talk);
	lane->talk = NULL;
}

uint32_t talk_shuffled(uint32_t i, uint32_t mask)
{
	const unsigned half = (unsigned)__builtin_popcount(mask) / 2;

	for (unsigned round = 0; round < 3; round++) {
		i = i * 0x9e3779b1u & mask;
		i ^= i >> half;
	}
	return i;
}

static void set_addr(struct sl_addr *addr, bool ipv6, uint32_t v)
{
	static const uint8_t net[] = {0x20, 0x01, 0x0d, 0xb8};
	uint8_t v4[4];

	if (ipv6) {
		memset(addr, 0, sizeof(*addr));
		memcpy(addr->b, net, sizeof(net));
		sl_store_be32(addr->b + 12, v);
	} else {
		sl_store_be32(v4, v);
		sl_addr_set_v4(addr, v4);
	}
}

static uint32_t client_isn(uint32_t i)
{
	return i * 0x9e3779b1u + 77;
}

static uint32_t server_isn(uint32_t i)
{
	return i * 0x85ebca6bu + 99;
}

/* Writes a segment with `payload` zeros, checksums and all, into a buffer of the feed. */
static void feed_segment(struct lane *lane, enum sl_side side, const struct sl_made *made,
			 uint16_t payload)
{
	static const struct sl_l2 l2[2][SL_N_SIDES] = {
		{{{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x08, 0x00}, 14},
		 {{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x08, 0x00}, 14}},
		{{{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x86, 0xdd}, 14},
		 {{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x86, 0xdd}, 14}},
	};
	const bool ipv6 = lane->params.ipv6;
	uint8_t *frame = lane_feed(lane, side, SL_FRAME_MADE_MAX);
	struct rte_mbuf *m = lane->empty[lane->n_empty];
	struct sl_buf buf = {.data = frame,
			     .tailroom = (uint16_t)(SL_FRAME_MADE_MAX + made->payload_len)};
	uint8_t *ip = frame + 14, *length = ip + (ipv6 ? 4 : 2), *tcp = ip + (ipv6 ? 40 : 20);
	uint16_t cksum;

	sl_wire_emit(&buf, &l2[ipv6][side], made);
	memset(frame + buf.len, 0, sl_max_u32(payload, FRAME_MIN));
	if (payload > 0) {
		const uint16_t from = sl_load_be16(length), to = (uint16_t)(from + payload);

		/* Zeros count nothing; their number stands in the headers and the pseudo-header. */
		sl_store_be16(length, to);
		memcpy(&cksum, tcp + 16, 2);
		cksum = sl_cksum_apply(cksum, sl_cksum_diff16(0, 0, __builtin_bswap16(payload)));
		memcpy(tcp + 16, &cksum, 2);
		if (!ipv6) {
			memcpy(&cksum, ip + 10, 2);
			cksum = sl_cksum_apply(cksum, sl_cksum_diff16(0, __builtin_bswap16(from),
								      __builtin_bswap16(to)));
			memcpy(ip + 10, &cksum, 2);
		}
	}
	m->data_len = (uint16_t)sl_max_u32(buf.len + payload, FRAME_MIN);
	m->pkt_len = m->data_len;
}

/* A segment of connection `i` from one side, with numbers after the two ISNs. */
static void say(struct lane *lane, uint32_t i, enum sl_side side, struct sl_made *made,
		uint16_t payload)
{
	struct sl_addr client, server;

	set_addr(&client, lane->params.ipv6, CLIENT_NET + i / PORTS);
	set_addr(&server, lane->params.ipv6, 192u << 24 | 2 << 8 | 2);
	made->src = side == SL_OUTSIDE ? &client : &server;
	made->dst = side == SL_OUTSIDE ? &server : &client;
	made->src_port = side == SL_OUTSIDE ? (uint16_t)(FIRST_PORT + i % PORTS) : SERVER_PORT;
	made->dst_port = side == SL_OUTSIDE ? SERVER_PORT : (uint16_t)(FIRST_PORT + i % PORTS);
	made->wnd = lane->talk->window;
	if (!(made->flags & SL_SYN))
		made->wscale = SL_NO_WSCALE;
	made->timestamps = lane->talk->timestamps;
	if (side == SL_OUTSIDE)
		made->tsval += CLIENT_TSVAL;
	else
		made->tsval += SERVER_TSVAL;
	feed_segment(lane, side, made, payload);
}

void talk_syn(struct lane *lane, uint32_t i)
{
	struct sl_made made = {
		.flags = SL_SYN,
		.seq = client_isn(i),
		.mss = MSS,
		.wscale = TALK_WSCALE,
		.sack_permitted = true,
	};

	say(lane, i, SL_OUTSIDE, &made, 0);
}

void talk_ack(struct lane *lane, uint32_t i)
{
	talk_segment(lane, i, SL_OUTSIDE, SL_ACK, 0, 0, 0);
}

void talk_syn_ack(struct lane *lane, uint32_t i)
{
	struct sl_made made = {
		.flags = SL_SYN | SL_ACK,
		.seq = server_isn(i),
		.ack = client_isn(i) + 1,
		.mss = MSS,
		.wscale = TALK_WSCALE,
		.sack_permitted = true,
		.tsecr = CLIENT_TSVAL,
	};

	say(lane, i, SL_INSIDE, &made, 0);
}

void talk_segment(struct lane *lane, uint32_t i, enum sl_side side, uint8_t flags, uint32_t sent,
		  uint32_t received, uint16_t payload)
{
	const struct heard *heard = &lane->talk->heard[i];
	struct sl_made made = {.flags = flags};

	if (side == SL_OUTSIDE) {
		made.seq = client_isn(i) + 1 + sent;
		made.ack = heard->isn + 1 + received;
		made.tsecr = heard->tsval;
	} else {
		made.seq = server_isn(i) + 1 + sent;
		made.ack = client_isn(i) + 1 + received;
		made.tsecr = CLIENT_TSVAL;
	}
	say(lane, i, side, &made, payload);
}

struct talk_client *talk_client(const struct lane *lane, uint32_t i)
{
	return &lane->talk->client[i];
}

void talk_set_window(struct lane *lane, uint32_t bytes)
{
	lane->talk->window = (uint16_t)(bytes >> TALK_WSCALE);
}

void talk_say(struct lane *lane, uint32_t i, uint8_t flags, const void *data, uint16_t len)
{
	struct talk_client *c = &lane->talk->client[i];
	const struct heard *heard = &lane->talk->heard[i];
	const struct sl_piece piece = {.bytes = data, .len = len};
	struct sl_made made = {
		.flags = flags,
		.seq = client_isn(i) + 1 + c->sent,
		.ack = heard->isn + 1 + c->heard_acked,
		.tsecr = heard->tsval,
	};

	if (data != NULL) {
		made.payload = &piece;
		made.n_payload = 1;
		made.payload_len = len;
	}
	say(lane, i, SL_OUTSIDE, &made, data == NULL ? len : 0);
	c->sent += len + !!(flags & SL_FIN);
}

uint64_t talk_heard(const struct lane *lane)
{
	return lane->talk->segments;
}

uint64_t talk_faults(const struct lane *lane)
{
	return lane->talk->faults;
}

/* Whether a segment of the server's may come now: in order, of what is expected, and whole. */
static bool is_right(const struct lane *lane, struct sl_buf *buf, struct sl_seg *seg,
		     const struct talk_client *c, uint32_t from)
{
	const uint8_t *payload = buf->data + seg->payload_off;

	if (!sl_wire_verify_sums(buf, seg) || seg->flags & (SL_RST | SL_SYN) || from != c->heard ||
	    sl_seq_gt(c->sent_acked, c->sent))
		return false;
	if (seg->payload_len == 0)
		return true;
	if (lane->params.server == SL_SERVER_HTTP)
		return seg->payload_len > 12 && memcmp(payload, "HTTP/1.1 200", 12) == 0;
	return seg->payload_len == lane->params.bytes;
}

/* A client hears the box. */
static void hear_server(struct lane *lane, uint32_t i, struct sl_buf *buf, struct sl_seg *seg)
{
	struct talk *talk = lane->talk;
	struct talk_client *c = &talk->client[i];
	const uint32_t from = seg->seq - talk->heard[i].isn - 1;

	c->sent_acked = sl_seq_max(c->sent_acked, seg->ack - client_isn(i) - 1);
	talk->faults += !is_right(lane, buf, seg, c, from);
	talk->segments += seg->payload_len > 0;
	c->heard = sl_seq_max(c->heard, from + sl_seg_len(seg));
}

void talk_hear(struct lane *lane)
{
	for (unsigned k = 0; k < lane->n_kept; k++) {
		const struct rte_mbuf *m = lane->kept[k];
		struct sl_buf buf = {.data = rte_pktmbuf_mtod(m, uint8_t *), .len = m->data_len};
		struct sl_seg seg;
		uint32_t i;

		if (sl_wire_parse(buf.data, buf.len, &seg) != SL_PARSED_TCP)
			continue;
		i = (sl_load_be32(seg.dst.b + 12) - CLIENT_NET) * PORTS + seg.dst_port - FIRST_PORT;
		if (i >= lane->talk->n)
			continue;
		if (seg.flags == (SL_SYN | SL_ACK))
			lane->talk->heard[i] = (struct heard){seg.seq, seg.tsval};
		else if (lane->params.responds)
			hear_server(lane, i, &buf, &seg);
	}
}

/* The same where the ends hear each other. */
static uint64_t open_wave_passed(struct lane *lane, uint32_t first, uint32_t n)
{
	uint64_t cycles;

	for (uint32_t i = 0; i < n; i++)
		talk_syn(lane, first + i);
	cycles = lane_run(lane);
	for (uint32_t i = 0; i < n; i++)
		talk_syn_ack(lane, first + i);
	cycles += lane_run_keeping(lane);
	talk_hear(lane);
	cycles += lane_free_kept(lane);
	for (uint32_t i = 0; i < n; i++)
		talk_ack(lane, first + i);
	return cycles + lane_run(lane);
}

uint64_t talk_open_wave(struct lane *lane, uint32_t first, uint32_t n)
{
	uint64_t cycles;

	if (lane->params.passes)
		return open_wave_passed(lane, first, n);
	for (uint32_t i = 0; i < n; i++)
		talk_syn(lane, first + i);
	cycles = lane_run_keeping(lane);
	talk_hear(lane);
	cycles += lane_free_kept(lane);
	for (uint32_t i = 0; i < n; i++)
		talk_ack(lane, first + i);
	if (lane->params.responds) { /* and it may speak first */
		cycles += lane_run_out(lane);
		talk_hear(lane);
		return cycles + lane_free_kept(lane);
	}
	cycles += lane_run(lane);
	for (uint32_t i = 0; i < n; i++)
		talk_syn_ack(lane, first + i);
	return cycles + lane_run(lane);
}

bool talk_open_all(struct lane *lane)
{
	const uint32_t n = lane->talk->n;

	for (uint32_t i = 0; i < n; i += TALK_WAVE) {
		if (lane->number == 0 && i % (TALK_WAVE * 64) == 0)
			progress("opening connections: %u of %u", i, n);
		(void)talk_open_wave(lane, i, sl_min_u32(TALK_WAVE, n - i));
	}
	if (lane_event(lane, SL_EVENT_connections_established) == n)
		return true;
	snprintf(lane->error, sizeof(lane->error), "%u connections were opened, %llu stand", n,
		 (unsigned long long)lane_event(lane, SL_EVENT_connections_established));
	return false;
}

void talk_flood(struct lane *lane, uint8_t flags)
{
	struct sl_addr src, dst;
	struct sl_made made = {
		.src = &src,
		.dst = &dst,
		.src_port = (uint16_t)(FIRST_PORT + lane_random(lane) % PORTS),
		.dst_port = SERVER_PORT,
		.seq = lane_random(lane),
		.tsval = lane_random(lane),
		.flags = flags,
		.wnd = WINDOW,
		.wscale = SL_NO_WSCALE,
		.timestamps = true,
	};

	/* No martian among them: 16.0.0.0 to 79.255.255.255, 2001:db8:: as far as it goes. */
	set_addr(&src, lane->params.ipv6, (16u << 24) + lane_random(lane) % (64u << 24));
	set_addr(&dst, lane->params.ipv6, 192u << 24 | 2 << 8 | 2);
	if (flags & SL_SYN) {
		made.mss = MSS;
		made.wscale = TALK_WSCALE;
		made.sack_permitted = true;
	} else {
		made.ack = lane_random(lane);
		made.tsecr = lane_random(lane);
	}
	feed_segment(lane, SL_OUTSIDE, &made, 0);
}
