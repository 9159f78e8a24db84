/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tracked connections of services that are left to their ends (pass, monitor). The box only follows
 * them, so that it knows them when the service is proxied: their packets go on whatever they are,
 * no limit is told to anybody, and what ends is forgotten.
 */
#include "observe.h"
#include "sl_pattern.h"

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

	if (sl_likely(!sl_conn_successor(conn)))
		conn->end[side].packets++;
	relay_l2_refresh(r, conn, sl_side_other(side), buf->data, seg->l3_off);
	if (sl_conn_closed(conn))
		return;
	relay_look_answers_again(conn, side, seg);
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

/* The same as sl_relay_follow does, of a segment without SYN, RST and FIN, on a quiet connection.
 */
static inline void follow_quiet(struct sl_relay *r, struct sl_conn *conn, enum sl_side side,
				const struct sl_buf *buf, const struct sl_seg *seg)
{
	conn->end[side].packets++;
	relay_l2_refresh(r, conn, sl_side_other(side), buf->data, seg->l3_off);
	if (sl_likely(observe_surely_fits(conn, side, seg, seg->ack)) ||
	    relay_fits(conn, side, seg->seq + seg->payload_len, true, seg->ack)) {
		observe_numbers(conn, side, seg, seg->ack);
		observe_quiet(r, conn, side, seg);
	}
}

unsigned relay_follow_alike(struct sl_relay *r, const struct sl_packet *packets,
			    const struct sl_flow_query *queries, unsigned i, unsigned n)
{
	const struct sl_pattern *pattern = packets[i].pattern;
	const enum sl_side side = (enum sl_side)packets[i].side;
	const uint8_t port = r->plan->links[packets[i].link].port[sl_side_other(side)];
	const bool timestamps = pattern->kind == SL_PATTERN_ACK_TS, v6 = pattern->v6;
	const unsigned max = (unsigned)r->limit[port].mtu + SL_PATTERN_L3;
	struct sl_buf **next = sl_out_next(r->out, n - i);

	assert(pattern->kind != SL_PATTERN_SYN);
	for (; i < n && packets[i].pattern == pattern; i++) {
		struct sl_buf *buf = packets[i].buf;
		struct sl_conn *conn;
		struct sl_seg seg;

		if (queries[i].index == SL_FLOW_NONE || sl_unlikely(buf->len > max))
			break;
		conn = sl_relay_conn(r, queries[i].index);
		if (sl_unlikely(!sl_conn_quiet(conn)) || sl_unlikely(!sl_relay_passed(r, conn)))
			break;
		seg = sl_pattern_read_ack(buf->data, timestamps, v6);
		follow_quiet(r, conn, side, buf, &seg);
		sl_out_put(&next, buf, SL_FATE_PASSED, port);
	}
	sl_out_sent_to(r->out, next);
	return i;
}
