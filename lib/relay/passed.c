/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tracked connections of services that are left to their ends (pass, monitor). The box only follows
 * them, so that it knows them when the service is proxied: their packets go on whatever they are,
 * no limit is told to anybody, and what ends is forgotten.
 */
#include "observe.h"

/*
 * A RST that its receiver surely believes ends the connection. One that its receiver may or may not
 * believe (RFC 5961 section 3) leaves the receiver some time to speak.
 */
static void follow_rst(struct sl_relay *r, struct sl_conn *conn, enum sl_side side,
		       const struct sl_seg *seg)
{
	const struct sl_end *me = &conn->end[side], *peer = &conn->end[sl_side_other(side)];

	if (sl_conn_over(conn))
		return;
	if (seg->seq == peer->ack || seg->seq == me->seq_max) {
		relay_count(r, conn, SL_EVENT_connections_reset);
		sl_relay_remove(r, relay_index(r, conn));
	} else if (sl_seq_gt(seg->seq, peer->ack) && relay_observe(r, conn, side, seg, seg->ack)) {
		relay_doubt(r, conn, side);
	}
}

void sl_relay_follow(struct sl_relay *r, uint32_t index, enum sl_side side,
		     const struct sl_buf *buf, const struct sl_seg *seg)
{
	struct sl_conn *conn = sl_relay_conn(r, index);

	if (sl_likely(!sl_conn_newcomer(conn)))
		conn->end[side].packets++;
	relay_l2_refresh(r, conn, sl_side_other(side), buf->data, seg->l3_off);
	if (sl_conn_closed(conn))
		return;
	if (relay_tracked_opening(conn))
		relay_tracked_opening_observe(r, conn, side, seg);
	else if (sl_unlikely(seg->flags & SL_RST))
		follow_rst(r, conn, side, seg);
	else if (sl_unlikely(seg->flags & SL_SYN && !relay_of_handshake(conn, side, seg)))
		return; /* its receiver answers by a challenge ACK */
	else if (sl_likely(!sl_conn_adopting(conn)) || seg->flags & SL_SYN ||
		 relay_adopting_follows(r, conn, side, seg))
		relay_observe(r, conn, side, seg, seg->ack);
}
