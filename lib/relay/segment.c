/* SPDX-License-Identifier: BSD-3-Clause */
/* A segment of a connection that stands. */
#include "observe.h"

/*
 * A RST of the end on `side`. At the receiver's last ACK or at the sender's highest number it ends
 * the connection at once. Any other in the window may or may not be believed by its receiver (RFC
 * 5961 section 3): it goes on, and the connection has 10 s to show that it lives. In TIME-WAIT none
 * changes anything (RFC 1337 section 3).
 */
static void joined_rst(struct sl_relay *r, struct sl_conn *conn, enum sl_side side,
		       struct sl_buf *buf, struct sl_seg *seg, uint32_t ack)
{
	const struct sl_end *me = &conn->end[side], *peer = &conn->end[sl_side_other(side)];
	const bool exact = seg->seq == peer->ack || seg->seq == me->seq_max;

	if (!exact && !relay_observe(r, conn, side, seg, ack)) {
		sl_out_drop(r->out, buf, SL_DROP_rst_out_of_window);
		return;
	}
	relay_translate(r, conn, side, buf, seg);
	relay_forward(r, conn, side, buf, seg);
	if (sl_conn_over(conn))
		return;
	if (exact) {
		relay_close(r, conn, SL_EVENT_connections_reset);
	} else {
		conn->flags |= side == SL_OUTSIDE ? SL_CONN_RST_OUTSIDE : SL_CONN_RST_INSIDE;
		conn->last_seen_ms = r->now_ms;
		relay_arm(r, conn);
	}
}

bool relay_once_a_second(struct sl_relay *r, struct sl_conn *conn)
{
	const unsigned second = r->now_ms / 1000 % 7 + 1; /* 0: never */

	if (conn->flags >> SL_CONN_SECOND_SHIFT == second)
		return false;
	conn->flags = (uint16_t)((conn->flags & ~SL_CONN_SECOND) | second << SL_CONN_SECOND_SHIFT);
	return true;
}

/* Whether a SYN or SYN-ACK belongs to the handshake of a tracked connection that is not through:
 * one of its ends has not heard of the other's, or both opened at once. */
static bool of_handshake(const struct sl_conn *conn, enum sl_side side, const struct sl_seg *seg)
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
	if (of_handshake(conn, side, seg)) {
		relay_observe(r, conn, side, seg, seg->ack);
	} else if (!relay_once_a_second(r, conn)) {
		sl_out_drop(r->out, buf, SL_DROP_limited);
		return;
	}
	relay_translate(r, conn, side, buf, seg);
	relay_forward(r, conn, side, buf, seg);
}

/* Whether a segment is nothing but the answer to our keepalive probe (RFC 1122 4.2.3.6). */
static bool answers_probe(const struct sl_conn *conn, enum sl_side side, const struct sl_seg *seg,
			  uint32_t ack)
{
	const struct sl_end *me = &conn->end[side];

	return conn->probes > 0 && sl_seg_len(seg) == 0 && seg->seq == me->seq_max &&
	       ack == me->ack && seg->wnd == me->wnd;
}

static void joined_segment(struct sl_relay *r, struct sl_conn *conn, enum sl_side side,
			   struct sl_buf *buf, struct sl_seg *seg)
{
	const uint32_t ack = side == SL_OUTSIDE ? seg->ack - conn->seq_delta : seg->ack;
	bool answer;

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
		relay_l2_refresh(r, conn, sl_side_other(side), buf->data, seg);
		sl_out_deliver(r->out, buf);
		return;
	}
	if (side == SL_OUTSIDE)
		relay_look_too_big(r, conn, buf, seg);
	relay_translate(r, conn, side, buf, seg);
	relay_forward(r, conn, side, buf, seg);
}

/*
 * A segment of a connection that was reset or reclaimed. For a while an ACK is answered by a RST at
 * its SEG.ACK: so an end whose RST was lost on the way, or who did not believe the number of ours
 * and asks by a challenge ACK, learns the truth; nobody else would tell it.
 */
static void closed_segment(struct sl_relay *r, struct sl_conn *conn, enum sl_side side,
			   struct sl_buf *buf, struct sl_seg *seg)
{
	const uint32_t seq = side == SL_OUTSIDE ? seg->ack - conn->seq_delta : seg->ack;

	if (seg->flags & SL_ACK && !(seg->flags & SL_RST) &&
	    r->now_ms - conn->last_seen_ms < CLOSED_MS) {
		if (relay_emit(r, conn, side, SL_RST, seq, 0, buf))
			sl_out_answer(r->out, buf);
		else
			sl_out_drop(r->out, buf, SL_DROP_no_buffer);
		return;
	}
	sl_out_drop(r->out, buf,
		    side == SL_OUTSIDE && sl_relay_replays(conn, seg) ? SL_DROP_replayed
								      : SL_DROP_closed);
}

/*
 * What nearly all segments are: data or an ACK of a spliced connection on which nothing else goes
 * on. The same as joined_segment does, on what is known then; `side` is known to the compiler, and
 * what is read of the segment stays in registers. Returns false, and nothing has happened, for one
 * that is none of these.
 */
static inline __attribute__((always_inline)) bool
quiet_segment(struct sl_relay *r, struct sl_conn *conn, const enum sl_side side, struct sl_buf *buf,
	      const struct sl_seg *in)
{
	const struct sl_seg seg = {
		.seq = in->seq,
		.ack = in->ack,
		.tsval = in->tsval,
		.tsecr = in->tsecr,
		.wnd = in->wnd,
		.payload_len = in->payload_len,
		.ts_off = in->ts_off,
		.flags = SL_ACK,
	};
	const enum sl_side to = sl_side_other(side);
	const uint32_t delta = conn->seq_delta,
		       ack = side == SL_OUTSIDE ? seg.ack - delta : seg.ack;
	const bool timestamps = seg.ts_off != 0 && conn->flags & SL_CONN_TIMESTAMPS;
	const unsigned ts_at = (unsigned)seg.ts_off - in->l4_off;
	struct sl_rewrite rw = {.tcp = buf->data + in->l4_off};
	uint16_t wnd;

	if (sl_unlikely((in->flags & (SL_SYN | SL_RST | SL_FIN | SL_ACK)) != SL_ACK ||
			in->sack_off != 0 || !(conn->flags & SL_CONN_SPLICED)))
		return false;
	if (side == SL_OUTSIDE && sl_unlikely(relay_mss_needed(in) > r->mss_least))
		return false;
	if (sl_likely(observe_surely_fits(conn, side, &seg, ack)) ||
	    observe_fits(conn, side, &seg, ack)) {
		observe_numbers(conn, side, &seg, ack);
		observe_quiet(r, conn, side, &seg);
	}
	wnd = relay_window(conn, side, seg.wnd);
	if (side == SL_OUTSIDE) {
		sl_rewrite_u32(&rw, 8, ack);
		if (timestamps)
			sl_rewrite_u32(&rw, ts_at + 6, seg.tsecr - conn->ts_delta);
	} else {
		sl_rewrite_u32(&rw, 4, seg.seq + delta);
		if (timestamps)
			sl_rewrite_u32(&rw, ts_at + 2, seg.tsval + conn->ts_delta);
	}
	if (sl_unlikely(wnd != seg.wnd))
		sl_rewrite_u16(&rw, 14, wnd);
	sl_rewrite_end(&rw);
	conn->end[side].packets++;
	buf->account = conn->service;
	relay_l2_refresh(r, conn, to, buf->data, in);
	sl_out_relay(r->out, buf, relay_port(r, conn, to));
	return true;
}

unsigned sl_relay_quiet_segments(struct sl_relay *r, const struct sl_traveller *travellers,
				 const struct sl_flow_query *queries, unsigned first, unsigned n)
{
	for (unsigned i = first; i < n; i++) {
		const struct sl_traveller *t = &travellers[i];
		struct sl_conn *conn;
		bool done;

		if (queries[i].index == SL_FLOW_NONE || !t->proxied || t->icmp)
			return i;
		conn = sl_relay_conn(r, queries[i].index);
		if (sl_unlikely(!sl_conn_quiet(conn)))
			return i;
		if (t->side == SL_OUTSIDE)
			done = quiet_segment(r, conn, SL_OUTSIDE, t->buf, t->seg);
		else
			done = quiet_segment(r, conn, SL_INSIDE, t->buf, t->seg);
		if (sl_unlikely(!done))
			return i;
	}
	return n;
}

void sl_relay_segment(struct sl_relay *r, uint32_t index, enum sl_side side, struct sl_buf *buf,
		      struct sl_seg *seg)
{
	struct sl_conn *conn = sl_relay_conn(r, index);

	buf->account = conn->service;
	if (sl_conn_quiet(conn))
		joined_segment(r, conn, side, buf, seg);
	else if (sl_conn_closed(conn))
		closed_segment(r, conn, side, buf, seg);
	else if (conn->flags & SL_CONN_OPENING)
		relay_opening_segment(r, conn, side, buf, seg);
	else if (relay_tracked_opening(conn))
		relay_tracked_opening_segment(r, conn, side, buf, seg);
	else if (sl_conn_adopting(conn) && side == SL_OUTSIDE && !(seg->flags & SL_SYN) &&
		 !relay_adoption_agrees(conn, seg))
		relay_adoption_refuse(r, conn, buf, seg);
	else
		joined_segment(r, conn, side, buf, seg);
}
