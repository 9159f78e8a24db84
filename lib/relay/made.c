/* SPDX-License-Identifier: BSD-3-Clause */
/* Segments of the box's own, to either end. */
#include "relay.h"

/*
 * The common part of a segment to `to`: addresses, timestamps, window. A segment that the box makes
 * carries the last TSval forwarded to that side, so that PAWS (RFC 7323 section 5) lets it and its
 * successors in, and echoes the last one that came from there.
 */
static struct sl_made made_to(const struct sl_relay *r, const struct sl_conn *conn, enum sl_side to,
			      uint8_t flags)
{
	const enum sl_side from = sl_side_other(to);
	const struct sl_flow_key *key = &conn->key;
	struct sl_made made = {
		.src = to == SL_OUTSIDE ? &key->inside_addr : &key->outside_addr,
		.dst = to == SL_OUTSIDE ? &key->outside_addr : &key->inside_addr,
		.src_port = to == SL_OUTSIDE ? key->inside_port : key->outside_port,
		.dst_port = to == SL_OUTSIDE ? key->outside_port : key->inside_port,
		.flags = flags,
		.wscale = SL_NO_WSCALE,
	};

	if (flags & SL_RST)
		return made;
	made.wnd = relay_window(conn, from, conn->end[from].wnd);
	if (conn->flags & SL_CONN_TIMESTAMPS) {
		made.timestamps = true;
		made.tsval = conn->end[from].tsval;
		made.tsecr = conn->end[to].tsval;
		if (to == SL_INSIDE)
			made.tsecr -= conn->ts_delta;
	} else if (sl_conn_ts_ours(conn) && to == SL_OUTSIDE) {
		made.timestamps = true;
		made.tsval = r->now_ms + conn->ts_delta;
		made.tsecr = conn->end[to].tsval;
	}
	return made;
}

/* What a buffer holds and lacks; the box's own segments start over from its first byte. */
bool relay_emit(struct sl_relay *r, const struct sl_conn *conn, enum sl_side to, uint8_t flags,
		uint32_t seq, uint32_t ack, struct sl_buf *buf)
{
	struct sl_made made = made_to(r, conn, to, flags);

	made.seq = to == SL_OUTSIDE ? seq + conn->seq_delta : seq;
	made.ack = flags & SL_ACK ? ack : 0;
	if (flags & SL_RST)
		relay_count(r, conn, SL_EVENT_rst_sent);
	return sl_wire_emit(buf, &r->l2.entry[conn->l2[to]].l2, &made);
}

static bool send(struct sl_relay *r, const struct sl_conn *conn, enum sl_side to, uint8_t flags,
		 uint32_t seq, uint32_t ack)
{
	struct sl_buf *buf = sl_out_spare(r->out);

	if (buf == NULL)
		return false;
	if (!relay_emit(r, conn, to, flags, seq, ack, buf)) {
		relay_count(r, conn, SL_EVENT_made_no_room);
		r->out->n_spare++;
		return false;
	}
	sl_out_made(r->out, buf, conn->service, relay_port(r, conn, to));
	return true;
}

bool relay_send_ack(struct sl_relay *r, const struct sl_conn *conn, enum sl_side to, uint32_t seq,
		    uint32_t ack)
{
	return send(r, conn, to, SL_ACK, seq, ack);
}

bool relay_send_rst(struct sl_relay *r, const struct sl_conn *conn, enum sl_side to, uint32_t seq,
		    bool with_ack)
{
	return send(r, conn, to, with_ack ? SL_RST | SL_ACK : SL_RST, seq, conn->end[to].seq_max);
}

bool relay_send_syn(struct sl_relay *r, const struct sl_conn *conn)
{
	struct sl_made made = made_to(r, conn, SL_INSIDE, SL_SYN);
	struct sl_buf *buf = sl_out_spare(r->out);
	uint64_t wnd;

	if (buf == NULL)
		return false;
	made.seq = conn->end[SL_OUTSIDE].isn;
	made.mss = conn->opening.mss;
	made.wscale = conn->wscale_outside;
	made.sack_permitted = conn->opening.sack;
	made.tsecr = 0;
	if (conn->opening.asks == 1) {
		made.timestamps = true;
		made.tsval = r->now_ms;
	}
	/* A SYN's window is not scaled: RFC 7323 section 2.2. */
	wnd = (uint64_t)conn->end[SL_OUTSIDE].wnd << relay_shift(conn->wscale_outside);
	made.wnd = relay_clamp_window(wnd);
	if (!sl_wire_emit(buf, &r->l2.entry[conn->l2[SL_INSIDE]].l2, &made)) {
		relay_count(r, conn, SL_EVENT_made_no_room);
		r->out->n_spare++;
		return false;
	}
	sl_out_made(r->out, buf, conn->service, relay_port(r, conn, SL_INSIDE));
	r->service[conn->service].syns_sent++;
	return true;
}
