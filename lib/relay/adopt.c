/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Adoption: a connection that ran before the box did, or before its service was proxied. A segment
 * from the inside, which is trusted, opens an entry that passes everything untranslated. The first
 * segment of the other end decides: if both speak of the same numbers, the entry stays. If not,
 * the connection was translated by an earlier run, whose delta nobody knows any more: both ends are
 * told by RST at once, so that the client connects anew.
 */
#include "observe.h"

enum {
	/* How far the ends' numbers may be apart: what may be under way in the largest windows that
	 * systems use by default, and a little ahead of what was seen. A foreign numbering falls
	 * into this by chance once in 450 times; then the ends find out themselves. */
	BEHIND = 8 << 20,
	AHEAD = 1 << 20,
	/* The shifts were in SYNs that nobody saw: judge by windows that are large enough. */
	ASSUMED_WSCALE = 10,
};

/* The SYN-ACK of a handshake that began before: its SYN passed. */
static void adopt_handshake(struct sl_relay *r, struct sl_conn *conn, const struct sl_seg *seg)
{
	struct sl_end *client = &conn->end[SL_OUTSIDE], *server = &conn->end[SL_INSIDE];

	client->isn = seg->ack - 1;
	client->seq_max = seg->ack;
	client->ack = seg->seq + 1;
	server->isn = seg->seq;
	server->seq_max = seg->seq + sl_seg_len(seg);
	server->ack = seg->ack;
	relay_enter_state(r, conn, SL_LEG_CLIENT, SL_TCP_SYN_RECEIVED);
	relay_set_state(r, conn, SL_LEG_SERVER, SL_TCP_ESTABLISHED);
}

static void adopt_standing(struct sl_relay *r, struct sl_conn *conn, const struct sl_seg *seg)
{
	struct sl_end *client = &conn->end[SL_OUTSIDE], *server = &conn->end[SL_INSIDE];

	conn->flags |= SL_CONN_ADOPTING | SL_CONN_CLIENT_SENT;
	client->isn = seg->ack - 1;
	client->seq_max = seg->ack;
	client->ack = seg->seq;
	server->isn = seg->seq - 1;
	server->seq_max = seg->seq;
	server->ack = seg->ack;
	relay_enter_state(r, conn, SL_LEG_CLIENT, SL_TCP_ESTABLISHED);
	relay_set_state(r, conn, SL_LEG_SERVER, SL_TCP_ESTABLISHED);
}

bool sl_relay_adopt(struct sl_relay *r, const struct sl_flow_key *key, uint32_t hash,
		    uint16_t service, struct sl_buf *buf, const struct sl_seg *seg)
{
	struct sl_conn *conn = relay_conn_add(r, key, hash, service);

	if (conn == NULL)
		return false;
	conn->wscale_outside = conn->wscale_inside = ASSUMED_WSCALE;
	if (seg->ts_off != 0) {
		conn->flags |= SL_CONN_TIMESTAMPS;
		conn->end[SL_INSIDE].tsval = seg->tsval;
		conn->end[SL_OUTSIDE].tsval = seg->tsecr;
	}
	conn->end[SL_INSIDE].wnd = seg->wnd;
	if (seg->flags & SL_SYN)
		adopt_handshake(r, conn, seg);
	else
		adopt_standing(r, conn, seg);
	if (!relay_learn_l2(r, conn, SL_INSIDE, buf, seg)) {
		sl_relay_remove(r, relay_index(r, conn));
		return false;
	}
	relay_count(r, conn, SL_EVENT_connections_adopted);
	buf->account = service;
	if (!(seg->flags & SL_SYN))
		relay_observe(r, conn, SL_INSIDE, seg, seg->ack);
	relay_forward(r, conn, SL_INSIDE, buf, seg);
	return true;
}

static bool near(uint32_t number, uint32_t seen)
{
	return sl_seq_between(number, seen - BEHIND, seen + AHEAD);
}

bool relay_adoption_agrees(struct sl_conn *conn, const struct sl_seg *seg)
{
	struct sl_end *client = &conn->end[SL_OUTSIDE], *server = &conn->end[SL_INSIDE];

	if (!sl_seq_between(seg->seq, server->ack - BEHIND, server->ack + BEHIND) ||
	    (seg->flags & SL_ACK && !near(seg->ack, server->seq_max)))
		return false;
	conn->flags &= (uint16_t)~SL_CONN_ADOPTING;
	client->seq_max = sl_seq_max(client->seq_max, seg->seq);
	if (seg->flags & SL_ACK) {
		client->ack = seg->ack;
		server->seq_max = sl_seq_max(server->seq_max, seg->ack);
	}
	return true;
}

void relay_adoption_refuse(struct sl_relay *r, struct sl_conn *conn, struct sl_buf *buf,
			   const struct sl_seg *seg)
{
	relay_close(r, conn, SL_EVENT_adoptions_refused);
	(void)relay_send_rst(r, conn, SL_INSIDE, conn->end[SL_INSIDE].ack, false);
	if (!(seg->flags & SL_RST) && seg->flags & SL_ACK &&
	    relay_emit(r, conn, SL_OUTSIDE, SL_RST, seg->ack, 0, buf))
		sl_out_answer(r->out, buf);
	else
		sl_out_deliver(r->out, buf);
}
