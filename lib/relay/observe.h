/* SPDX-License-Identifier: BSD-3-Clause */
/* What every segment of a connection goes through: inlined into its way. */
#ifndef OBSERVE_H
#define OBSERVE_H

#include "relay.h"

/* observe.c: what may change the states, and what is more than a sign of life. */
void relay_observe_changes(struct sl_relay *r, struct sl_conn *conn, enum sl_side side,
			   const struct sl_seg *seg, uint32_t ack);

/* observe.c: whether a segment that ends before `seq_end`, with ACK or without, fits: RFC 9293
 * section 3.10.7.4, first and fifth, loosened by a window to each side. */
bool relay_fits(const struct sl_conn *conn, enum sl_side side, uint32_t seq_end, bool has_ack,
		uint32_t ack);

/* Whether an ACK fits by the least that relay_span may be, whatever the windows are. */
static inline bool observe_surely_fits(const struct sl_conn *conn, enum sl_side side,
				       const struct sl_seg *seg, uint32_t ack)
{
	const struct sl_end *me = &conn->end[side], *peer = &conn->end[sl_side_other(side)];
	const uint32_t seq_end = seg->seq + seg->payload_len;
	const uint32_t lowest = me->ack - SPAN_LEAST;

	return seq_end - (peer->ack - SPAN_LEAST) <= 2 * SPAN_LEAST &&
	       ack - lowest <= peer->seq_max - lowest;
}

static inline void observe_numbers(struct sl_conn *conn, enum sl_side side,
				   const struct sl_seg *seg, uint32_t ack)
{
	const uint32_t seq_end = seg->seq + sl_seg_len(seg);
	struct sl_end *me = &conn->end[side];

	if (sl_seq_gt(seq_end, me->seq_max)) {
		if (!sl_conn_successor(conn))
			relay_count_wrap(me, seq_end);
		me->seq_max = seq_end;
	}
	/* An ACK that was overtaken by a later one says of its window what is so no longer. That of
	 * a SYN that comes again has another scale, and is known. */
	if ((seg->flags & (SL_SYN | SL_ACK)) == SL_ACK &&
	    (sl_seq_geq(ack, me->ack) || me->wnd == 0)) {
		me->wnd = seg->wnd;
		me->ack = sl_seq_max(ack, me->ack);
	}
	if (seg->ts_off != 0) {
		const uint32_t ts = seg->tsval + (side == SL_INSIDE ? conn->ts_delta : 0);

		if (sl_seq_gt(ts, me->tsval))
			me->tsval = ts;
	}
}

/* A sign of life where no state can change. */
static inline void observe_quiet(struct sl_relay *r, struct sl_conn *conn, enum sl_side side,
				 const struct sl_seg *seg)
{
	if (seg->payload_len > 0 && side == sl_conn_client_side(conn))
		conn->flags |= SL_CONN_CLIENT_SENT;
	if (seg->payload_len > 0 || conn->flags & SL_CONN_CLIENT_SENT)
		conn->last_seen_ms = r->now_ms;
}

/* Takes in a segment whose numbers are in the inside numbering; false when they fit neither end. */
static inline bool relay_observe(struct sl_relay *r, struct sl_conn *conn, enum sl_side side,
				 const struct sl_seg *seg, uint32_t ack)
{
	if (!relay_fits(conn, side, seg->seq + sl_seg_len(seg), seg->flags & SL_ACK, ack))
		return false;
	if (seg->flags & SL_RST)
		return true;
	observe_numbers(conn, side, seg, ack);
	if (sl_unlikely(!sl_conn_quiet(conn) || seg->flags & SL_FIN))
		relay_observe_changes(r, conn, side, seg, ack);
	else
		observe_quiet(r, conn, side, seg);
	return true;
}

#endif
