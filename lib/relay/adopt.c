/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Adoption: a connection that ran before the box did, or before its service was proxied. A segment
 * from the inside, which is trusted, opens an entry that passes everything untranslated. Segments
 * of the other end decide. If both ends speak of the same numbers, the entry stays. If not, the
 * connection was translated by an earlier run, whose delta nobody knows any more: both ends are
 * told by RST, so that the client connects anew. Anybody outside can send a segment, so the numbers
 * disagree only if the segment begins or ends exactly where the server's ACKs say that the server
 * stands: an attacker off the path has to guess that number out of 2^32.
 */
#include "observe.h"

enum {
	/* How far the ends' numbers may be apart: what may be under way, and a little ahead of what
	 * was seen. A foreign numbering falls into this by chance once in 450 times; then the ends
	 * find out themselves. */
	BEHIND = ADOPT_UNDER_WAY,
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
	server->wnd = relay_syn_window(seg->wnd, seg->wscale & 0xf);
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

/* Which reserve an entry is of that a segment of the inside makes. */
static enum sl_reserve_kind reserve_of(const struct sl_relay *r, uint16_t service,
				       const struct sl_seg *seg)
{
	const bool passed = !sl_service_mode_proxies(r->plan->services.service[service].mode);

	if (seg->flags & SL_SYN)
		return passed ? SL_RESERVE_PASSED_HALF : SL_RESERVE_BY_ANSWER;
	return passed ? SL_RESERVE_PASSED : SL_RESERVE_ADOPTED;
}

/* The entry for a segment of the inside that belongs to none; NULL: there is no room. */
static struct sl_conn *track(struct sl_relay *r, const struct sl_flow_query *at, uint16_t service,
			     const struct sl_buf *buf, const struct sl_seg *seg)
{
	enum sl_drop why;
	struct sl_conn *conn =
		relay_open(r, at, service, reserve_of(r, service, seg), SL_INSIDE, buf, seg, &why);

	if (conn == NULL)
		return NULL;
	/* Where nobody is proxied nobody has to speak: `silent` is not for them. */
	if (sl_relay_passed(r, conn))
		conn->flags |= SL_CONN_CLIENT_SENT;
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
	if (!(seg->flags & SL_SYN))
		relay_observe(r, conn, SL_INSIDE, seg, seg->ack);
	return conn;
}

bool sl_relay_track(struct sl_relay *r, const struct sl_flow_query *at, uint16_t service,
		    const struct sl_buf *buf, const struct sl_seg *seg)
{
	struct sl_conn *conn = track(r, at, service, buf, seg);

	if (conn == NULL)
		return false;
	conn->end[SL_INSIDE].packets = 1;
	return true;
}

bool sl_relay_adopt(struct sl_relay *r, const struct sl_flow_query *at, uint16_t service,
		    struct sl_buf *buf, const struct sl_seg *seg)
{
	struct sl_conn *conn = track(r, at, service, buf, seg);

	if (conn == NULL)
		return false;
	if (!(seg->flags & SL_SYN))
		relay_count(r, conn, SL_EVENT_connections_adopted);
	buf->account = service;
	relay_forward(r, conn, SL_INSIDE, buf, seg);
	return true;
}

static bool near(uint32_t number, uint32_t seen)
{
	return sl_seq_between(number, seen - BEHIND, seen + AHEAD);
}

/* Whether a segment comes from an end that stands where the server expects it: a segment that
 * begins there, a keepalive (RFC 1122 section 4.2.3.6), or data sent again that the server has. */
static bool stands_at(const struct sl_seg *seg, uint32_t expected)
{
	const uint32_t len = sl_seg_len(seg);

	return seg->seq == expected || seg->seq + len == expected ||
	       (len == 0 && seg->seq + 1 == expected);
}

static void agree(struct sl_relay *r, struct sl_conn *conn, const struct sl_seg *seg)
{
	struct sl_end *client = &conn->end[SL_OUTSIDE], *server = &conn->end[SL_INSIDE];

	conn->flags &= (uint16_t)~SL_CONN_ADOPTING;
	client->seq_max = sl_seq_max(client->seq_max, seg->seq);
	client->ack = seg->ack;
	server->seq_max = sl_seq_max(server->seq_max, seg->ack);
	if (conn->reserve == SL_RESERVE_ADOPTED)
		relay_reserve_proved(r, conn);
}

static void refuse(struct sl_relay *r, struct sl_conn *conn, struct sl_buf *buf,
		   const struct sl_seg *seg)
{
	relay_close(r, conn, SL_EVENT_adoptions_refused);
	(void)relay_send_rst(r, conn, SL_INSIDE, conn->end[SL_INSIDE].ack, false);
	if (relay_emit(r, conn, SL_OUTSIDE, SL_RST, seg->ack, 0, buf))
		sl_out_answer(r->out, buf);
	else
		sl_out_deliver(r->out, buf);
}

/*
 * A client whose ACK is of another numbering, and that does not stand where the server does: some
 * of what it has sent is lost, or the ACK of it. In the client's own numbers it is told what the
 * server has; what it sends next begins there. To whom these numbers mean nothing, the segment
 * means nothing either. Once a second, since anybody may have sent what is answered.
 */
static void tell_client(struct sl_relay *r, struct sl_conn *conn, struct sl_buf *buf,
			const struct sl_seg *seg)
{
	const struct sl_end *server = &conn->end[SL_INSIDE];
	const struct sl_made made = {
		.src = &seg->dst,
		.dst = &seg->src,
		.src_port = seg->dst_port,
		.dst_port = seg->src_port,
		.seq = seg->ack,
		.ack = server->ack,
		.flags = SL_ACK,
		.wnd = server->wnd,
		.wscale = SL_NO_WSCALE,
		.timestamps = seg->ts_off != 0,
		.tsval = seg->tsecr,
		.tsecr = seg->tsval,
	};

	if (!relay_once_a_second(r, conn))
		sl_out_drop(r->out, buf, SL_DROP_adopt_unfit);
	else if (sl_wire_emit_answer(buf, seg, &made))
		sl_out_answer(r->out, buf);
	else
		sl_out_drop(r->out, buf, SL_DROP_no_buffer);
}

/* The server is believed: where it stands is what its last ACK says. */
static void hear_server(struct sl_conn *conn, const struct sl_seg *seg)
{
	struct sl_end *client = &conn->end[SL_OUTSIDE], *server = &conn->end[SL_INSIDE];

	if (!(seg->flags & SL_ACK))
		return;
	server->ack = sl_seq_max(server->ack, seg->ack);
	client->seq_max = sl_seq_max(client->seq_max, seg->ack);
}

/* Whether a segment from outside comes from somewhere near where the server stands. */
static bool may_be_client(const struct sl_conn *conn, const struct sl_seg *seg)
{
	const uint32_t expected = conn->end[SL_INSIDE].ack;

	return seg->flags & SL_ACK &&
	       sl_seq_between(seg->seq, expected - BEHIND, expected + BEHIND);
}

bool relay_adopting_follows(struct sl_relay *r, struct sl_conn *conn, enum sl_side side,
			    const struct sl_seg *seg)
{
	if (side == SL_INSIDE) {
		hear_server(conn, seg);
		return true;
	}
	if (!may_be_client(conn, seg) || !near(seg->ack, conn->end[SL_INSIDE].seq_max))
		return false;
	agree(r, conn, seg);
	return true;
}

bool relay_adopting_segment(struct sl_relay *r, struct sl_conn *conn, enum sl_side side,
			    struct sl_buf *buf, const struct sl_seg *seg)
{
	const struct sl_end *server = &conn->end[SL_INSIDE];

	if (seg->flags & (SL_SYN | SL_RST))
		return false;
	if (side == SL_INSIDE) {
		hear_server(conn, seg);
		return false;
	}
	if (!may_be_client(conn, seg)) {
		sl_out_drop(r->out, buf, SL_DROP_adopt_unfit);
	} else if (near(seg->ack, server->seq_max)) {
		agree(r, conn, seg);
		return false;
	} else if (stands_at(seg, server->ack)) {
		refuse(r, conn, buf, seg);
	} else {
		tell_client(r, conn, buf, seg);
	}
	return true;
}
