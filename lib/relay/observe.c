/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a segment says about its connection. The box is no party to it: it believes a segment only
 * when its numbers fit what the other end has acknowledged and allowed, so that a stranger who
 * sprays segments cannot move the states, the limits or the numbers of our RSTs.
 *
 * A FIN that goes by is received on one leg and sent on the other; an ACK of it is received on the
 * leg that it was sent on. That, and RFC 9293 figure 5, give both legs' states.
 */
#include "observe.h"

bool relay_fits(const struct sl_conn *conn, enum sl_side side, uint32_t seq_end, bool has_ack,
		uint32_t ack)
{
	const struct sl_end *me = &conn->end[side], *peer = &conn->end[sl_side_other(side)];
	const uint32_t wnd = relay_span(conn, side);

	if (!sl_seq_between(seq_end, peer->ack - wnd, peer->ack + wnd))
		return false;
	return !has_ack || sl_seq_between(ack, me->ack - wnd, peer->seq_max);
}

static enum sl_conn_flag fin_of(enum sl_side side)
{
	return side == SL_OUTSIDE ? SL_CONN_FIN_OUTSIDE : SL_CONN_FIN_INSIDE;
}

static enum sl_conn_flag alive_of(enum sl_side side)
{
	return side == SL_OUTSIDE ? SL_CONN_ALIVE_OUTSIDE : SL_CONN_ALIVE_INSIDE;
}

static void leg_received_fin(struct sl_relay *r, struct sl_conn *conn, enum sl_leg leg)
{
	switch ((enum sl_tcp_state)conn->state[leg]) {
	case SL_TCP_ESTABLISHED:
		relay_enter_state(r, conn, leg, SL_TCP_CLOSE_WAIT);
		break;
	case SL_TCP_FIN_WAIT_1:
		relay_enter_state(r, conn, leg, SL_TCP_CLOSING);
		break;
	case SL_TCP_FIN_WAIT_2:
		relay_enter_state(r, conn, leg, SL_TCP_TIME_WAIT);
		break;
	case SL_TCP_LISTEN:
	case SL_TCP_SYN_SENT:
	case SL_TCP_SYN_RECEIVED:
	case SL_TCP_CLOSE_WAIT:
	case SL_TCP_CLOSING:
	case SL_TCP_LAST_ACK:
	case SL_TCP_TIME_WAIT:
	case SL_TCP_CLOSED:
		break;
	}
}

static void leg_sent_fin(struct sl_relay *r, struct sl_conn *conn, enum sl_leg leg)
{
	if (conn->state[leg] == SL_TCP_ESTABLISHED)
		relay_enter_state(r, conn, leg, SL_TCP_FIN_WAIT_1);
	else if (conn->state[leg] == SL_TCP_CLOSE_WAIT)
		relay_enter_state(r, conn, leg, SL_TCP_LAST_ACK);
}

static void leg_fin_acked(struct sl_relay *r, struct sl_conn *conn, enum sl_leg leg)
{
	switch ((enum sl_tcp_state)conn->state[leg]) {
	case SL_TCP_FIN_WAIT_1:
		relay_enter_state(r, conn, leg, SL_TCP_FIN_WAIT_2);
		break;
	case SL_TCP_CLOSING:
		relay_enter_state(r, conn, leg, SL_TCP_TIME_WAIT);
		break;
	case SL_TCP_LAST_ACK:
		relay_enter_state(r, conn, leg, SL_TCP_CLOSED);
		break;
	case SL_TCP_LISTEN:
	case SL_TCP_SYN_SENT:
	case SL_TCP_SYN_RECEIVED:
	case SL_TCP_ESTABLISHED:
	case SL_TCP_FIN_WAIT_2:
	case SL_TCP_CLOSE_WAIT:
	case SL_TCP_TIME_WAIT:
	case SL_TCP_CLOSED:
		break;
	}
}

static bool in_handshake(uint8_t state)
{
	return state == SL_TCP_SYN_SENT || state == SL_TCP_SYN_RECEIVED;
}

/* The ACK that completes the handshake on `leg` (RFC 9293 section 3.10.7.4, fifth). */
static void leg_established(struct sl_relay *r, struct sl_conn *conn, enum sl_side side,
			    enum sl_leg leg)
{
	const enum sl_side other = sl_side_other(side);

	relay_enter_state(r, conn, leg, SL_TCP_ESTABLISHED);
	if (!in_handshake(conn->state[sl_conn_leg(conn, other)])) {
		conn->last_seen_ms = r->now_ms;
		relay_count(r, conn, SL_EVENT_connections_established);
	}
	/* The other end may have closed before (section 3.10.4, SYN-RECEIVED). */
	if (conn->flags & fin_of(other))
		leg_sent_fin(r, conn, leg);
}

static void observe_states(struct sl_relay *r, struct sl_conn *conn, enum sl_side side,
			   const struct sl_seg *seg, uint32_t ack)
{
	const enum sl_side other = sl_side_other(side);
	const enum sl_leg leg = sl_conn_leg(conn, side), other_leg = sl_conn_leg(conn, other);
	const bool was_over = sl_conn_over(conn);
	const uint8_t was[SL_N_LEGS] = {conn->state[0], conn->state[1]};

	if (conn->state[leg] == SL_TCP_SYN_RECEIVED) {
		if (!(seg->flags & SL_ACK) ||
		    !sl_seq_between(ack, conn->end[other].isn + 1, conn->end[other].seq_max))
			return;
		leg_established(r, conn, side, leg);
	}
	if (seg->flags & SL_ACK && conn->flags & fin_of(other) && ack == conn->end[other].seq_max)
		leg_fin_acked(r, conn, leg);
	/* A FIN before the last of its data counts when it ends what was sent. */
	if (seg->flags & SL_FIN && seg->seq + sl_seg_len(seg) == conn->end[side].seq_max &&
	    !(conn->flags & fin_of(side))) {
		conn->flags |= (uint16_t)fin_of(side);
		leg_received_fin(r, conn, leg);
		leg_sent_fin(r, conn, other_leg);
	}
	if (!was_over && sl_conn_over(conn)) {
		conn->last_seen_ms = r->now_ms; /* 2MSL runs from here */
		if (conn->flags & SL_CONN_SPLICED)
			r->n_translated--;
		relay_count(r, conn, SL_EVENT_connections_closed);
	}
	if (conn->state[0] != was[0] || conn->state[1] != was[1])
		relay_arm(r, conn);
}

static bool both_established(const struct sl_conn *conn)
{
	return conn->state[SL_LEG_CLIENT] == SL_TCP_ESTABLISHED &&
	       conn->state[SL_LEG_SERVER] == SL_TCP_ESTABLISHED;
}

/*
 * Whether the segment restarts the limit. Not while TIME-WAIT runs, unless a FIN comes again
 * (RFC 9293 section 3.10.7.4, eighth); and a client that never sent a byte does not keep itself by
 * ACKs alone.
 */
static bool counts_as_life(const struct sl_conn *conn, const struct sl_seg *seg)
{
	if (sl_conn_over(conn))
		return seg->flags & SL_FIN;
	if (both_established(conn) && !(conn->flags & SL_CONN_CLIENT_SENT))
		return seg->payload_len > 0;
	return !in_handshake(conn->state[SL_LEG_CLIENT]) &&
	       !in_handshake(conn->state[SL_LEG_SERVER]);
}

/* What the receiver of an inexact RST says shows that it lives on. Its sender's other segments,
 * which the RST has overtaken, show nothing. Returns whether no doubt is left. */
static bool doubt_ends(struct sl_relay *r, struct sl_conn *conn, enum sl_side side)
{
	conn->flags &= (uint16_t) ~(side == SL_OUTSIDE ? SL_CONN_RST_INSIDE : SL_CONN_RST_OUTSIDE);
	if (conn->flags & SL_CONN_RST_DOUBT)
		return false;
	conn->probes = 0;
	conn->last_seen_ms = r->now_ms;
	relay_arm(r, conn);
	return true;
}

static void observe_life(struct sl_relay *r, struct sl_conn *conn, enum sl_side side,
			 const struct sl_seg *seg)
{
	if (seg->payload_len > 0 && side == sl_conn_client_side(conn))
		conn->flags |= SL_CONN_CLIENT_SENT;
	if (sl_unlikely(conn->flags & SL_CONN_RST_DOUBT) && !doubt_ends(r, conn, side))
		return;
	if (sl_unlikely(conn->probes > 0)) {
		const uint16_t both = SL_CONN_ALIVE_OUTSIDE | SL_CONN_ALIVE_INSIDE;

		conn->flags |= (uint16_t)alive_of(side);
		/* An end that closes ends the probing: another limit runs from here. */
		if ((conn->flags & both) != both && both_established(conn))
			return;
		conn->probes = 0;
		conn->flags &= (uint16_t)~both;
		conn->last_seen_ms = r->now_ms;
		relay_arm(r, conn); /* idle may be shorter than what was left of probe_interval */
		return;
	}
	if (counts_as_life(conn, seg))
		conn->last_seen_ms = r->now_ms;
}

void relay_observe_changes(struct sl_relay *r, struct sl_conn *conn, enum sl_side side,
			   const struct sl_seg *seg, uint32_t ack)
{
	observe_states(r, conn, side, seg, ack);
	observe_life(r, conn, side, seg);
}
