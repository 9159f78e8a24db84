/* SPDX-License-Identifier: BSD-3-Clause */
/* A segment of a connection that stands. */
#include "endpoint.h"
#include "observe.h"
#include "sl_pattern.h"

#define INLINE static inline __attribute__((always_inline))

/*
 * A RST of the end on `side`. At the receiver's last ACK or at the sender's highest number it ends
 * the connection at once. Any other in the receiver's window may or may not be believed by the
 * receiver (RFC 5961 section 3): it goes on, and the receiver is asked. One below the window or
 * beyond it is believed by nobody. In TIME-WAIT none changes anything (RFC 1337 section 3).
 */
static void joined_rst(struct sl_relay *r, struct sl_conn *conn, enum sl_side side,
		       struct sl_buf *buf, struct sl_seg *seg, uint32_t ack)
{
	const struct sl_end *me = &conn->end[side], *peer = &conn->end[sl_side_other(side)];
	const bool exact = seg->seq == peer->ack || seg->seq == me->seq_max;

	if (!exact && (sl_seq_lt(seg->seq, peer->ack) || !relay_observe(r, conn, side, seg, ack))) {
		sl_out_drop(r->out, buf, SL_DROP_rst_out_of_window);
		return;
	}
	relay_translate(r, conn, side, buf, seg);
	relay_forward(r, conn, side, buf, seg);
	if (sl_conn_over(conn))
		return;
	if (exact)
		relay_close(r, conn, SL_EVENT_connections_reset);
	else
		relay_doubt(r, conn, side);
}

bool relay_once_a_second(struct sl_relay *r, struct sl_conn *conn)
{
	const unsigned second = r->now_ms / 1000 % 7 + 1; /* 0: never */

	if (conn->flags >> SL_CONN_SECOND_SHIFT == second)
		return false;
	conn->flags = (uint16_t)((conn->flags & ~SL_CONN_SECOND) | second << SL_CONN_SECOND_SHIFT);
	return true;
}

/* One of its ends has not heard of the other's, or both opened at once. */
bool relay_of_handshake(const struct sl_conn *conn, enum sl_side side, const struct sl_seg *seg)
{
	return !(conn->flags & SL_CONN_SPLICED) && seg->seq == conn->end[side].isn &&
	       (conn->state[SL_LEG_CLIENT] == SL_TCP_SYN_RECEIVED ||
		conn->state[SL_LEG_SERVER] == SL_TCP_SYN_RECEIVED);
}

/*
 * A SYN into a connection that stands. The server's SYN-ACK again means that our ACK was lost: the
 * packet becomes that ACK. Any other goes to the other end, whose challenge ACK lets a client that
 * lost its memory reset the old connection (RFC 5961 section 4); at most one a second.
 */
static void joined_syn(struct sl_relay *r, struct sl_conn *conn, enum sl_side side,
		       struct sl_buf *buf, struct sl_seg *seg)
{
	const struct sl_end *client = &conn->end[SL_OUTSIDE];

	if (conn->flags & SL_CONN_SPLICED && seg->flags & SL_ACK) {
		if (side == SL_OUTSIDE || seg->seq != conn->end[SL_INSIDE].isn) {
			sl_out_drop(r->out, buf, SL_DROP_stray);
			return;
		}
		conn->end[SL_INSIDE].packets++;
		if (relay_emit(r, conn, SL_INSIDE, SL_ACK, client->seq_max, client->ack, buf))
			sl_out_answer(r->out, buf);
		else
			sl_out_drop(r->out, buf, SL_DROP_no_buffer);
		return;
	}
	if (relay_of_handshake(conn, side, seg)) {
		relay_observe(r, conn, side, seg, seg->ack);
	} else if (!relay_once_a_second(r, conn)) {
		sl_out_drop(r->out, buf, SL_DROP_limited);
		return;
	}
	relay_translate(r, conn, side, buf, seg);
	relay_forward(r, conn, side, buf, seg);
}

/* Whether a segment is nothing but the answer to our keepalive probe (RFC 1122 4.2.3.6). In doubt
 * whether a RST was believed, the other end hears of it: it may know better. */
static bool answers_probe(const struct sl_conn *conn, enum sl_side side, const struct sl_seg *seg,
			  uint32_t ack)
{
	const struct sl_end *me = &conn->end[side];

	return conn->probes > 0 && !(conn->flags & SL_CONN_RST_DOUBT) && sl_seg_len(seg) == 0 &&
	       seg->seq == me->seq_max && ack == me->ack && seg->wnd == me->wnd;
}

static void joined_segment(struct sl_relay *r, struct sl_conn *conn, enum sl_side side,
			   struct sl_buf *buf, struct sl_seg *seg)
{
	const uint32_t ack = side == SL_OUTSIDE ? seg->ack - conn->seq_delta : seg->ack;
	bool answer;

	relay_look_answers_again(conn, side, seg);
	if (sl_unlikely(seg->flags & SL_SYN)) {
		joined_syn(r, conn, side, buf, seg);
		return;
	}
	if (sl_unlikely(seg->flags & SL_RST)) {
		joined_rst(r, conn, side, buf, seg, ack);
		return;
	}
	answer = answers_probe(conn, side, seg, ack);
	relay_observe(r, conn, side, seg, ack);
	if (sl_unlikely(answer)) {
		/* It knows where the other end is now: its MAC may have moved meanwhile. */
		relay_l2_refresh(r, conn, sl_side_other(side), buf->data, seg->l3_off);
		sl_out_deliver(r->out, buf);
		return;
	}
	if (side == SL_OUTSIDE)
		relay_look_too_big(r, conn, buf, seg);
	relay_translate(r, conn, side, buf, seg);
	relay_forward(r, conn, side, buf, seg);
}

/* Whether a closed connection may answer once more: so often a second for itself, counted in the
 * place of the probes, and so often for all of the worker. */
static bool may_refuse(struct sl_relay *r, struct sl_conn *conn)
{
	if (relay_once_a_second(r, conn))
		conn->probes = 0;
	if (conn->probes >= CLOSED_RSTS_PER_S)
		return false;
	conn->probes++;
	return sl_bucket_take(&r->closed_rsts, r->now_us, ALL_CLOSED_RSTS_PER_S);
}

/*
 * A segment of a connection that was reset or reclaimed. For a while an ACK is answered by a RST at
 * its SEG.ACK: so an end whose RST was lost on the way, or who did not believe the number of ours
 * and asks by a challenge ACK, learns the truth; nobody else would tell it. Whoever knows the
 * tuple can ask: so the answers are limited.
 */
static void closed_segment(struct sl_relay *r, struct sl_conn *conn, enum sl_side side,
			   struct sl_buf *buf, struct sl_seg *seg)
{
	const uint32_t seq = side == SL_OUTSIDE ? seg->ack - conn->seq_delta : seg->ack;

	if (!(seg->flags & SL_ACK) || seg->flags & SL_RST ||
	    r->now_ms - conn->last_seen_ms >= CLOSED_MS)
		sl_out_drop(r->out, buf,
			    side == SL_OUTSIDE && sl_relay_replays(conn, seg) ? SL_DROP_replayed
									      : SL_DROP_closed);
	else if (!may_refuse(r, conn))
		sl_out_drop(r->out, buf, SL_DROP_limited);
	else if (relay_emit(r, conn, side, SL_RST, seq, 0, buf))
		sl_out_answer(r->out, buf);
	else
		sl_out_drop(r->out, buf, SL_DROP_no_buffer);
}

/* What quiet_segment wants to know of a segment that was parsed. */
static inline struct sl_seg quiet_part(const struct sl_seg *seg)
{
	return (struct sl_seg){
		.seq = seg->seq,
		.ack = seg->ack,
		.tsval = seg->tsval,
		.tsecr = seg->tsecr,
		.wnd = seg->wnd,
		.l3_off = seg->l3_off,
		.l4_off = seg->l4_off,
		.payload_off = seg->payload_off,
		.payload_len = seg->payload_len,
		.ts_off = seg->ts_off,
		.flags = SL_ACK,
	};
}

/* Overwrites 32 bits of the header, which are `from`; returns what their sum gains. */
static inline uint64_t rewrite(uint8_t *tcp, unsigned at, uint32_t from, uint32_t to)
{
	sl_store_be32(tcp + at, to);
	return sl_cksum_diff32(0, __builtin_bswap32(from), __builtin_bswap32(to), at & 1);
}

/* Ethernet's 14 bytes in two pieces of 8, of which two lie in both, and the number of such a
 * header; SL_L2_NONE: not known yet. relay_l2_refresh need not be asked again about one that is as
 * the last one was, as nearly all are. */
struct known_l2 {
	uint64_t head, tail;
	uint16_t number;
};

/* relay_l2_refresh, for a frame without tags: mostly it is as the one before it. */
static __attribute__((noinline)) struct known_l2 learn_l2(struct sl_relay *r, struct sl_conn *conn,
							  enum sl_side to, const uint8_t *frame)
{
	relay_l2_refresh(r, conn, to, frame, SL_PATTERN_L3);
	return (struct known_l2){sl_load_le64(frame), sl_load_le64(frame + 6), conn->l2[to]};
}

static inline bool is_known_l2(struct known_l2 known, uint16_t number, const uint8_t *frame)
{
	return number == known.number &&
	       ((sl_load_le64(frame) ^ known.head) | (sl_load_le64(frame + 6) ^ known.tail)) == 0;
}

/*
 * What nearly all segments are: data or an ACK of a spliced connection on which nothing else goes
 * on. The same as joined_segment does, on what is known then, `seg` being a segment without SYN,
 * RST, FIN or SACK; `side` is known to the compiler, and `seg` stays in registers. The caller looks
 * after the link-layer header and sends it. Returns false, and nothing has happened, for one of
 * which there is more to say.
 */
INLINE bool quiet_segment(struct sl_relay *r, struct sl_conn *conn, const enum sl_side side,
			  struct sl_buf *buf, const struct sl_seg seg)
{
	const uint32_t delta = conn->seq_delta,
		       ack = side == SL_OUTSIDE ? seg.ack - delta : seg.ack;
	const bool timestamps = seg.ts_off != 0 && conn->flags & SL_CONN_TIMESTAMPS;
	const unsigned ts_at = (unsigned)seg.ts_off - seg.l4_off;
	uint8_t *tcp = buf->data + seg.l4_off;
	uint64_t diff = 0;
	uint16_t cksum;

	if (side == SL_OUTSIDE && sl_unlikely(conn->server_mss != 0) &&
	    relay_may_be_too_big(conn, relay_mss_needed(&seg)))
		return false;
	if (sl_likely(observe_surely_fits(conn, side, &seg, ack)) ||
	    relay_fits(conn, side, seg.seq + seg.payload_len, true, ack)) {
		observe_numbers(conn, side, &seg, ack);
		observe_quiet(r, conn, side, &seg);
	}
	if (side == SL_OUTSIDE) {
		diff += rewrite(tcp, 8, seg.ack, ack);
		if (timestamps)
			diff += rewrite(tcp, ts_at + 6, seg.tsecr, seg.tsecr - conn->ts_delta);
	} else {
		diff += rewrite(tcp, 4, seg.seq, seg.seq + delta);
		if (timestamps)
			diff += rewrite(tcp, ts_at + 2, seg.tsval, seg.tsval + conn->ts_delta);
	}
	if (sl_unlikely(!relay_window_is_kept(conn, side))) {
		const uint16_t wnd = relay_window(conn, side, seg.wnd);

		sl_store_be16(tcp + 14, wnd);
		diff = sl_cksum_diff16(diff, __builtin_bswap16(seg.wnd), __builtin_bswap16(wnd));
	}
	memcpy(&cksum, tcp + 16, sizeof(cksum));
	cksum = sl_cksum_apply(cksum, diff);
	memcpy(tcp + 16, &cksum, sizeof(cksum));
	conn->end[side].packets++;
	buf->account = conn->service;
	return true;
}

/* As many quiet segments as follow each other and fit the pattern of the first, which is of the
 * kind that the last three say. Returns the number of the first that is none of them. */
INLINE unsigned quiet_alike(struct sl_relay *r, const struct sl_packet *packets,
			    const struct sl_flow_query *queries, unsigned i, unsigned n,
			    const enum sl_side side, const bool timestamps, const bool v6)
{
	const struct sl_pattern *pattern = packets[i].pattern;
	const enum sl_side to = sl_side_other(side);
	const uint8_t port = r->plan->links[packets[i].link].port[to];
	struct known_l2 l2 = {.number = SL_L2_NONE};
	const unsigned max = (unsigned)r->limit[port].mtu + SL_PATTERN_L3;
	struct sl_buf **next = sl_out_next(r->out, n - i);
	const struct sl_packet *pkt = &packets[i], *end = &packets[n];

	for (const struct sl_flow_query *q = &queries[i]; pkt < end && pkt->pattern == pattern;
	     pkt++, q++) {
		struct sl_buf *buf = pkt->buf;
		struct sl_conn *conn;

		if (q->index == SL_FLOW_NONE)
			break;
		conn = sl_relay_conn(r, q->index);
		if (sl_unlikely(buf->len > max) || sl_unlikely(!sl_conn_quiet_spliced(conn)) ||
		    sl_unlikely(!quiet_segment(r, conn, side, buf,
					       sl_pattern_read_ack(buf->data, timestamps, v6))))
			break;
		if (sl_unlikely(!is_known_l2(l2, conn->l2[to], buf->data)))
			l2 = learn_l2(r, conn, to, buf->data);
		sl_out_put(&next, buf, SL_FATE_RELAYED, port);
	}
	sl_out_sent_to(r->out, next);
	return (unsigned)(pkt - packets);
}

/* The same for those of a side: a copy for each of their patterns. */
INLINE unsigned quiet_side(struct sl_relay *r, const struct sl_packet *packets,
			   const struct sl_flow_query *queries, unsigned i, unsigned n,
			   const enum sl_side side)
{
	const struct sl_pattern *pattern = packets[i].pattern;

	if (pattern->kind == SL_PATTERN_SYN)
		return i;
	if (pattern->v6)
		return pattern->kind == SL_PATTERN_ACK_TS
			       ? quiet_alike(r, packets, queries, i, n, side, true, true)
			       : quiet_alike(r, packets, queries, i, n, side, false, true);
	return pattern->kind == SL_PATTERN_ACK_TS
		       ? quiet_alike(r, packets, queries, i, n, side, true, false)
		       : quiet_alike(r, packets, queries, i, n, side, false, false);
}

/* The same for one that was parsed: false when it is none. */
static bool quiet_parsed(struct sl_relay *r, const struct sl_packet *pkt, struct sl_conn *conn)
{
	const enum sl_side to = sl_side_other((enum sl_side)pkt->side);
	const struct sl_seg *seg = pkt->seg;
	const uint8_t port = relay_port(r, conn, to);
	bool done;

	if (!pkt->proxied || pkt->icmp || seg->sack_off != 0 ||
	    (seg->flags & (SL_SYN | SL_RST | SL_FIN | SL_ACK)) != SL_ACK ||
	    !sl_frame_fits(&r->limit[port], pkt->buf->len, seg->l3_off) ||
	    !sl_conn_quiet_spliced(conn))
		return false;
	if (pkt->side == SL_OUTSIDE)
		done = quiet_segment(r, conn, SL_OUTSIDE, pkt->buf, quiet_part(seg));
	else
		done = quiet_segment(r, conn, SL_INSIDE, pkt->buf, quiet_part(seg));
	if (sl_likely(done)) {
		relay_l2_refresh(r, conn, to, pkt->buf->data, seg->l3_off);
		sl_out_relay(r->out, pkt->buf, port);
	}
	return done;
}

unsigned sl_relay_quiet_segments(struct sl_relay *r, const struct sl_packet *packets,
				 const struct sl_flow_query *queries, unsigned first, unsigned n)
{
	unsigned i = first;

	while (i < n && queries[i].index != SL_FLOW_NONE) {
		const struct sl_packet *pkt = &packets[i];
		const unsigned before = i;

		if (pkt->pattern == NULL)
			i += quiet_parsed(r, pkt, sl_relay_conn(r, queries[i].index));
		else if (sl_unlikely(!pkt->proxied))
			i = relay_follow_alike(r, packets, queries, i, n);
		else if (pkt->side == SL_OUTSIDE)
			i = quiet_side(r, packets, queries, i, n, SL_OUTSIDE);
		else
			i = quiet_side(r, packets, queries, i, n, SL_INSIDE);
		if (i == before)
			break;
	}
	return i;
}

void sl_relay_segment(struct sl_relay *r, uint32_t index, enum sl_side side, struct sl_buf *buf,
		      struct sl_seg *seg)
{
	struct sl_conn *conn = sl_relay_conn(r, index);

	buf->account = conn->service;
	if (sl_conn_quiet(conn))
		joined_segment(r, conn, side, buf, seg);
	else if (conn->ours)
		relay_endpoint_segment(r, conn, side, buf, seg);
	else if (sl_conn_closed(conn))
		closed_segment(r, conn, side, buf, seg);
	else if (conn->flags & SL_CONN_OPENING)
		relay_opening_segment(r, conn, side, buf, seg);
	else if (relay_tracked_opening(conn))
		relay_tracked_opening_segment(r, conn, side, buf, seg);
	else if (!sl_conn_adopting(conn) || !relay_adopting_segment(r, conn, side, buf, seg))
		joined_segment(r, conn, side, buf, seg);
}
