/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Early data: what a client sends before its server has answered. A few packets a connection out
 * of a pool of the worker's; never acknowledged by the box, so whatever is not held the client
 * sends again.
 */
#include "observe.h"

void relay_held_init(struct sl_relay *r, uint32_t n)
{
	r->held_free = SL_HELD_NONE;
	for (uint32_t i = n; i > 0; i--) {
		r->held[i - 1].next = r->held_free;
		r->held_free = (uint16_t)(i - 1);
	}
}

bool relay_holds(const struct sl_relay *r, const struct sl_conn *conn, uint32_t seq,
		 uint32_t seq_end)
{
	for (uint16_t n = conn->opening.held; n != SL_HELD_NONE; n = r->held[n].next)
		if (sl_seq_leq(r->held[n].seq, seq) && sl_seq_geq(r->held[n].seq_end, seq_end))
			return true;
	return false;
}

bool relay_hold(struct sl_relay *r, struct sl_conn *conn, struct sl_buf *buf, uint32_t seq,
		uint32_t seq_end)
{
	const uint16_t number = r->held_free;
	uint16_t *link = &conn->opening.held;
	struct sl_held *held;

	if (number == SL_HELD_NONE || conn->opening.n_held == SL_HELD_PER_CONN)
		return false;
	held = &r->held[number];
	r->held_free = held->next;
	sl_out_hold(r->out, buf);
	held->buf = *buf;
	held->seq = seq;
	held->seq_end = seq_end;
	while (*link != SL_HELD_NONE && sl_seq_leq(r->held[*link].seq, seq))
		link = &r->held[*link].next;
	held->next = *link;
	*link = number;
	conn->opening.n_held++;
	return true;
}

/* Takes the first of a list; its place is free again. */
static struct sl_buf take(struct sl_relay *r, uint16_t *first)
{
	const uint16_t number = *first;
	struct sl_held *held = &r->held[number];

	*first = held->next;
	held->next = r->held_free;
	r->held_free = number;
	return held->buf;
}

void relay_held_drop(struct sl_relay *r, struct sl_conn *conn)
{
	while (conn->opening.held != SL_HELD_NONE) {
		struct sl_buf buf = take(r, &conn->opening.held);

		sl_out_release_drop(r->out, &buf, SL_DROP_server_gone);
	}
	conn->opening.n_held = 0;
}

void relay_held_release(struct sl_relay *r, struct sl_conn *conn, uint16_t first)
{
	const uint8_t port = relay_port(r, conn, SL_INSIDE);

	while (first != SL_HELD_NONE) {
		struct sl_buf buf = take(r, &first);
		struct sl_seg seg;

		/* It parsed when it came. */
		(void)sl_wire_parse(buf.data, buf.len, &seg);
		/* When the client sends it again, the client is told. */
		if (sl_unlikely(!sl_frame_fits(&r->limit[port], buf.len, seg.l3_off))) {
			sl_out_release_drop(r->out, &buf, SL_DROP_above_mtu);
			continue;
		}
		conn->end[SL_OUTSIDE].packets++;
		relay_observe(r, conn, SL_OUTSIDE, &seg, seg.ack - conn->seq_delta);
		relay_look_too_big(r, conn, &buf, &seg);
		relay_translate(r, conn, SL_OUTSIDE, &buf, &seg);
		sl_out_release(r->out, &buf, port);
	}
}
