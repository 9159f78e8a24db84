/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Opening: from the client's proven ACK to the server's SYN-ACK (splice), and the handshake that
 * goes through as it is (tracked).
 */
#include "observe.h"

struct sl_conn *relay_open(struct sl_relay *r, const struct sl_flow_query *at, uint16_t service,
			   enum sl_reserve_kind kind, enum sl_side side, const struct sl_buf *buf,
			   const struct sl_seg *seg, enum sl_drop *why)
{
	uint16_t there, back;
	struct sl_conn *conn;

	/* What is over is not what makes way for its own successor. */
	if (at->index != SL_FLOW_NONE)
		relay_reserve_leave(r, sl_relay_conn(r, at->index));
	*why = SL_DROP_table_full;
	if (!relay_reserve_admits(r, kind))
		return NULL;
	if (!sl_l2_get_both(&r->l2, buf->data, seg->l3_off, &there, &back)) {
		*why = SL_DROP_link_headers_full;
		return NULL;
	}
	if (at->index != SL_FLOW_NONE)
		sl_relay_remove(r, at->index); /* its place is the new one's */
	conn = relay_conn_add(r, &at->key, at->hash, service, kind);
	if (sl_unlikely(conn == NULL)) {
		sl_l2_put(&r->l2, there);
		sl_l2_put(&r->l2, back);
		return NULL;
	}
	conn->l2[sl_side_other(side)] = there;
	conn->l2[side] = back;
	return conn;
}

static void fill_spliced(struct sl_conn *conn, const struct sl_grant *grant,
			 const struct sl_seg *seg, uint8_t wscale_promised)
{
	struct sl_end *client = &conn->end[SL_OUTSIDE], *server = &conn->end[SL_INSIDE];

	conn->flags = SL_CONN_SPLICED | SL_CONN_OPENING;
	if (grant->timestamps)
		conn->flags |= SL_CONN_TIMESTAMPS;
	if (grant->sack)
		conn->opening.sack = 1;
	conn->opening.mss = grant->mss;
	conn->opening.held = SL_HELD_NONE;
	conn->wscale_outside = grant->wscale;
	if (grant->wscale != SL_NO_WSCALE)
		conn->wscale_promised = wscale_promised;
	client->isn = seg->seq - 1;
	client->seq_max = seg->seq;
	client->ack = seg->ack;
	client->wnd = seg->wnd;
	client->tsval = seg->tsval;
	server->isn = seg->ack - 1; /* K, until S is known */
	server->seq_max = seg->ack;
	server->ack = seg->seq;
	server->tsval = seg->tsecr;
}

/* How far beyond its ISN a client may send before the server answers: our SYN-ACK's window. */
enum { EARLY_SPAN = 0x10000 };

/* A client's data, FIN or bare ACK while the server has not answered. */
static void early_segment(struct sl_relay *r, struct sl_conn *conn, struct sl_buf *buf,
			  const struct sl_seg *seg)
{
	struct sl_end *client = &conn->end[SL_OUTSIDE];
	const uint32_t seq_end = seg->seq + sl_seg_len(seg);

	if (seg->ack != conn->end[SL_INSIDE].seq_max ||
	    !sl_seq_between(seq_end, client->isn, client->isn + EARLY_SPAN)) {
		sl_out_drop(r->out, buf, SL_DROP_stray);
		return;
	}
	client->wnd = seg->wnd;
	if (seg->ts_off != 0)
		conn->end[SL_INSIDE].tsval = sl_seq_max(seg->tsecr, conn->end[SL_INSIDE].tsval);
	if (sl_seg_len(seg) == 0) {
		/* An ACK at the client's first number was sent before all data. The TSval of any
		 * other segment may be later than that of data which is held; a server that saw the
		 * later one in our SYN or ACK would drop that data (RFC 7323 section 5.3). */
		if (seg->ts_off != 0 && seg->seq == client->isn + 1)
			client->tsval = sl_seq_max(seg->tsval, client->tsval);
		client->packets++;
		sl_out_deliver(r->out, buf);
	} else if (sl_seq_leq(seq_end, client->isn + 1) ||
		   relay_holds(r, conn, seg->seq, seq_end)) {
		sl_out_drop(r->out, buf, SL_DROP_early_duplicate);
	} else if (relay_hold(r, conn, buf, seg->seq, seq_end)) {
		client->seq_max = sl_seq_max(seq_end, client->seq_max);
	} else {
		conn->opening.overflow = 1;
		sl_out_drop(r->out, buf, SL_DROP_hold_full);
	}
}

/* Whether a SYN without timestamps for the client should offer them to the server all the same, to
 * learn whether it grants them: one of which nothing is known, or that refused them long ago. */
static bool worth_asking(const struct sl_relay *r, uint16_t service, const struct sl_flow_key *key)
{
	const struct sl_learned *known;

	if (r->plan->services.service[service].timestamps != SL_TIMESTAMPS_LEARN)
		return false;
	known = relay_learned(r, key);
	return known == NULL ||
	       (!known->timestamps && relay_now_s(r) - known->asked_s >= ASK_AGAIN_S);
}

void sl_relay_open_spliced(struct sl_relay *r, const struct sl_flow_query *at, uint16_t service,
			   const struct sl_grant *grant, struct sl_buf *buf, struct sl_seg *seg)
{
	struct sl_conn *conn;
	enum sl_drop why;

	buf->account = service;
	if (r->out->n_spare == 0) {
		sl_out_drop(r->out, buf, SL_DROP_no_buffer);
		return;
	}
	conn = relay_open(r, at, service, SL_RESERVE_NONE, SL_OUTSIDE, buf, seg, &why);
	if (conn == NULL) {
		sl_out_drop(r->out, buf, why);
		return;
	}
	fill_spliced(conn, grant, seg, r->plan->services.service[service].wscale);
	conn->opening.asks = !grant->timestamps && worth_asking(r, service, &at->key);
	/* A cookie knows few sizes. What the link carries is the most there, too. */
	conn->opening.mss = (uint16_t)sl_min_u32(
		conn->opening.mss, sl_relay_mss(r, at->key.domain >> 24, service, seg->v6));
	relay_enter_state(r, conn, SL_LEG_CLIENT, SL_TCP_ESTABLISHED);
	relay_set_state(r, conn, SL_LEG_SERVER, SL_TCP_SYN_SENT);
	r->n_translated++;
	(void)relay_send_syn(r, conn); /* if not now, the timer sends it again */
	early_segment(r, conn, buf, seg);
}

/* RFC 9293 section 3.10.7.3, first: what does not acknowledge our SYN is answered by a RST. */
static void refuse(struct sl_relay *r, struct sl_conn *conn, struct sl_buf *buf,
		   const struct sl_seg *seg)
{
	if (relay_emit(r, conn, SL_INSIDE, SL_RST, seg->ack, 0, buf))
		sl_out_answer(r->out, buf);
	else
		sl_out_drop(r->out, buf, SL_DROP_no_buffer);
}

/* The server refused: its RST becomes ours to the client. */
static void server_refused(struct sl_relay *r, struct sl_conn *conn, struct sl_buf *buf)
{
	relay_close(r, conn, SL_EVENT_server_refused);
	if (relay_emit(r, conn, SL_OUTSIDE, SL_RST | SL_ACK, conn->end[SL_INSIDE].isn + 1,
		       conn->end[SL_OUTSIDE].seq_max, buf))
		sl_out_relay(r->out, buf, relay_port(r, conn, SL_OUTSIDE));
	else
		sl_out_drop(r->out, buf, SL_DROP_no_buffer);
}

static void learn_server(struct sl_relay *r, const struct sl_conn *conn, const struct sl_seg *seg,
			 bool offered_timestamps)
{
	struct sl_learned *learned = sl_learned_hear(
		&r->learned, &conn->key.inside_addr, conn->key.inside_port, seg->mss,
		sl_learned_network(&conn->key.outside_addr), relay_now_s(r));

	if (offered_timestamps) {
		learned->timestamps = seg->ts_off != 0;
		learned->asked_s = relay_now_s(r);
	}
}

/*
 * The server's SYN-ACK joins the two: from here d and t are known, and everything goes through
 * translated. The packet itself becomes our ACK to the server; what was held follows it. If nothing
 * was, the client hears of the server's window, since ours was small.
 */
static void join(struct sl_relay *r, struct sl_conn *conn, struct sl_buf *buf,
		 const struct sl_seg *seg)
{
	struct sl_end *client = &conn->end[SL_OUTSIDE], *server = &conn->end[SL_INSIDE];
	const uint16_t held = conn->opening.held;
	const bool sack = conn->opening.sack;
	const uint32_t first = client->isn + 1, cookie = server->isn;

	conn->flags &= (uint16_t)~SL_CONN_OPENING;
	if (sack && !seg->sack_permitted)
		conn->flags |= SL_CONN_SACK_REFUSED;
	if (conn->wscale_outside != SL_NO_WSCALE)
		conn->wscale_inside = seg->wscale & 0xf;
	conn->seq_delta = cookie - seg->seq;
	conn->ts_delta = 0;
	if (conn->flags & SL_CONN_TIMESTAMPS)
		conn->ts_delta = server->tsval - seg->tsval;
	else if (sl_conn_ts_ours(conn))
		conn->ts_delta = server->tsval - r->now_ms;
	server->isn = seg->seq;
	server->seq_max = seg->seq + 1;
	server->ack = first;
	server->wnd = relay_syn_window(seg->wnd, conn->wscale_inside);
	server->packets++;
	client->ack = server->seq_max;
	conn->last_seen_ms = r->now_ms;
	relay_l2_refresh(r, conn, SL_OUTSIDE, buf->data, seg->l3_off);
	relay_set_state(r, conn, SL_LEG_SERVER, SL_TCP_ESTABLISHED);
	relay_count(r, conn, SL_EVENT_connections_established);
	if (relay_emit(r, conn, SL_INSIDE, SL_ACK, first, server->seq_max, buf))
		sl_out_answer(r->out, buf);
	else
		sl_out_drop(r->out, buf, SL_DROP_no_buffer);
	if (held == SL_HELD_NONE)
		(void)relay_send_ack(r, conn, SL_OUTSIDE, server->seq_max, first);
	else
		relay_held_release(r, conn, held);
}

/* The server has to begin again, with another SYN: half_open and the retransmissions, too. */
static void begin_again(struct sl_relay *r, struct sl_conn *conn, struct sl_buf *buf,
			const struct sl_seg *seg)
{
	conn->opening.asks++;
	conn->opening.retries = 0;
	conn->end[SL_OUTSIDE].ack = seg->seq; /* what is refused; the field is idle until then */
	conn->last_seen_ms = r->now_ms;
	relay_arm(r, conn);
	refuse(r, conn, buf, seg);
	(void)relay_send_syn(r, conn);
}

/* Whether a SYN-ACK is one that we have refused. */
static bool of_refused(const struct sl_conn *conn, const struct sl_seg *seg)
{
	return conn->opening.asks > 1 && seg->seq == conn->end[SL_OUTSIDE].ack;
}

/*
 * After we have begun again, SYN-ACKs of the first attempt may still come, as late as the first
 * did: a RST to them would end the second attempt, which has our same numbers. Later it means that
 * our RST was lost.
 */
static bool of_first_attempt(const struct sl_relay *r, const struct sl_conn *conn,
			     const struct sl_seg *seg)
{
	return of_refused(conn, seg) &&
	       r->now_ms - conn->last_seen_ms <= conn->last_seen_ms - conn->created_ms;
}

/*
 * A SYN-ACK that can't be joined: timestamps that we asked for, although this client was promised
 * none, since nothing was known of the server. The next clients will be promised them; this one's
 * segments carry none, so the server has to begin again, without. Or one that was refused before.
 */
static void asked(struct sl_relay *r, struct sl_conn *conn, struct sl_buf *buf,
		  const struct sl_seg *seg)
{
	if (of_first_attempt(r, conn, seg))
		sl_out_drop(r->out, buf, SL_DROP_stray);
	else
		begin_again(r, conn, buf, seg);
}

/*
 * Timestamps were promised on the strength of an earlier grant, and are refused now. The promise is
 * kept by the box: from here on it puts timestamps of its own into what goes to the client. They
 * take room, of which the server must know, so it begins again with a smaller MSS.
 */
static void mend_promise(struct sl_relay *r, struct sl_conn *conn, struct sl_buf *buf,
			 const struct sl_seg *seg)
{
	conn->flags &= (uint16_t)~SL_CONN_TIMESTAMPS;
	conn->flags |= SL_CONN_TS_OURS;
	conn->opening.mss =
		(uint16_t)(sl_max_u32(conn->opening.mss, SL_TIMESTAMPS_BYTES + MSS_LEAST) -
			   SL_TIMESTAMPS_BYTES);
	conn->opening.asks = 1;
	relay_count(r, conn, SL_EVENT_promises_mended);
	begin_again(r, conn, buf, seg);
}

static void opening_from_server(struct sl_relay *r, struct sl_conn *conn, struct sl_buf *buf,
				const struct sl_seg *seg)
{
	const bool acks_us = seg->flags & SL_ACK && seg->ack == conn->end[SL_OUTSIDE].isn + 1;
	const bool promised = conn->flags & SL_CONN_TIMESTAMPS;

	if (seg->flags & SL_RST) {
		if (acks_us)
			server_refused(r, conn, buf);
		else
			sl_out_drop(r->out, buf, SL_DROP_rst_out_of_window);
	} else if (seg->flags & SL_ACK && !acks_us) {
		refuse(r, conn, buf, seg);
	} else if (!(seg->flags & SL_SYN) || !acks_us) {
		sl_out_drop(r->out, buf, SL_DROP_stray);
	} else {
		conn->server_mss = relay_judge_mss(r, conn, seg->mss) & 7;
		learn_server(r, conn, seg, promised || conn->opening.asks == 1);
		if (promised && seg->ts_off == 0)
			mend_promise(r, conn, buf, seg);
		else if (sl_conn_ts_ours(conn) && of_refused(conn, seg) &&
			 conn->opening.asks <= ASKS_MAX)
			asked(r, conn, buf, seg);
		else if (seg->ts_off != 0 && conn->opening.asks >= 1 &&
			 conn->opening.asks <= ASKS_MAX)
			asked(r, conn, buf, seg);
		else
			join(r, conn, buf, seg);
	}
}

/*
 * Whether a RST comes from the client: at one of its two numbers that the box knows (RFC 5961
 * section 3), or, when some of what it sent was not held, anywhere up to what it may have sent.
 */
static bool client_resets(const struct sl_conn *conn, const struct sl_seg *seg)
{
	const struct sl_end *client = &conn->end[SL_OUTSIDE];

	if (seg->seq == client->isn + 1 || seg->seq == client->seq_max)
		return true;
	return conn->opening.overflow &&
	       sl_seq_between(seg->seq, client->isn + 1, client->isn + EARLY_SPAN);
}

static void opening_from_client(struct sl_relay *r, struct sl_conn *conn, struct sl_buf *buf,
				const struct sl_seg *seg)
{
	const struct sl_end *client = &conn->end[SL_OUTSIDE];

	if (seg->flags & SL_RST) {
		if (!client_resets(conn, seg)) {
			sl_out_drop(r->out, buf, SL_DROP_rst_out_of_window);
			return;
		}
		relay_close(r, conn, SL_EVENT_connections_reset);
		(void)relay_send_rst(r, conn, SL_INSIDE, client->isn + 1, false);
		sl_out_deliver(r->out, buf);
	} else if (seg->flags & SL_SYN) {
		sl_out_drop(r->out, buf, SL_DROP_stray);
	} else {
		early_segment(r, conn, buf, seg);
	}
}

void relay_opening_segment(struct sl_relay *r, struct sl_conn *conn, enum sl_side side,
			   struct sl_buf *buf, struct sl_seg *seg)
{
	if (side == SL_INSIDE)
		opening_from_server(r, conn, buf, seg);
	else
		opening_from_client(r, conn, buf, seg);
}

/* What a SYN tells of its end, of a connection that is only tracked. */
static void track_syn(struct sl_conn *conn, enum sl_side side, const struct sl_seg *seg)
{
	struct sl_end *me = &conn->end[side], *peer = &conn->end[sl_side_other(side)];

	me->isn = seg->seq;
	me->seq_max = seg->seq + sl_seg_len(seg); /* Fast Open: with data (RFC 7413) */
	me->tsval = seg->tsval;
	me->wnd = seg->wnd;
	me->ack = seg->flags & SL_ACK ? seg->ack : peer->isn + 1;
	peer->ack = me->isn + 1;
	if (side == SL_OUTSIDE)
		conn->wscale_outside = seg->wscale & 0xf;
	else
		conn->wscale_inside = seg->wscale & 0xf;
	if (seg->ts_off != 0)
		conn->flags |= SL_CONN_TIMESTAMPS;
	else
		conn->flags &= (uint16_t)~SL_CONN_TIMESTAMPS;
}

/* Whether windows are scaled is known: likewise the one that the SYN of `side` told. */
static void track_window(struct sl_conn *conn, enum sl_side side)
{
	struct sl_end *end = &conn->end[side];

	end->wnd = relay_syn_window(end->wnd, side == SL_OUTSIDE ? conn->wscale_outside
								 : conn->wscale_inside);
}

/* Both SYNs have been seen: an option counts when both carried it. */
static void track_answer(struct sl_conn *conn, enum sl_side side, const struct sl_seg *seg)
{
	const bool timestamps = conn->flags & SL_CONN_TIMESTAMPS;

	track_syn(conn, side, seg);
	if (!timestamps)
		conn->flags &= (uint16_t)~SL_CONN_TIMESTAMPS;
	if (conn->wscale_outside == SL_NO_WSCALE || conn->wscale_inside == SL_NO_WSCALE)
		conn->wscale_outside = conn->wscale_inside = SL_NO_WSCALE;
	track_window(conn, side);
}

/* mss_max for a handshake that goes through as it is. */
static void clamp_mss(const struct sl_relay *r, uint16_t service, struct sl_buf *buf,
		      struct sl_seg *seg)
{
	const uint16_t most = r->plan->services.service[service].mss_max;

	if (most != 0 && seg->flags & SL_SYN)
		sl_wire_clamp_mss(buf, seg, most);
}

/* A SYN from outside goes to its server without an entry. An entry that is over and stands in its
 * place goes: it would take the server's answer for a segment of the old connection. */
static void pass_syn(struct sl_relay *r, const struct sl_flow_query *at, uint16_t service,
		     struct sl_buf *buf, struct sl_seg *seg)
{
	if (at->index != SL_FLOW_NONE)
		sl_relay_remove(r, at->index);
	clamp_mss(r, service, buf, seg);
	r->service[service].syns_sent++;
	sl_count(&r->out->accounts[service].event[SL_EVENT_syn_untracked], 1);
	relay_overflow(r, service);
	sl_out_pass(r->out, buf, r->plan->links[at->key.domain >> 24].port[SL_INSIDE]);
}

void sl_relay_open_tracked(struct sl_relay *r, const struct sl_flow_query *at, uint16_t service,
			   enum sl_side side, struct sl_buf *buf, struct sl_seg *seg)
{
	const bool inside = side == SL_INSIDE;
	enum sl_drop why = SL_DROP_table_full;
	struct sl_conn *conn = NULL;

	buf->account = service;
	if (inside || relay_within_backlog(r, service))
		conn = relay_open(r, at, service, inside ? SL_RESERVE_INSIDE : SL_RESERVE_BY_SYN,
				  side, buf, seg, &why);
	if (conn == NULL) {
		if (inside || why != SL_DROP_table_full)
			sl_out_drop(r->out, buf, why);
		else
			pass_syn(r, at, service, buf, seg);
		return;
	}
	if (side == SL_INSIDE)
		conn->flags |= SL_CONN_INSIDE_OPENED;
	track_syn(conn, side, seg);
	relay_enter_state(r, conn, SL_LEG_CLIENT, SL_TCP_SYN_RECEIVED);
	relay_set_state(r, conn, SL_LEG_SERVER, SL_TCP_SYN_SENT);
	clamp_mss(r, service, buf, seg);
	if (side == SL_OUTSIDE && (seg->flags & (SL_SYN | SL_ACK)) == SL_SYN)
		r->service[conn->service].syns_sent++;
	relay_forward(r, conn, side, buf, seg);
}

/* Whether a segment of the server, without SYN, has other numbers than its last answer, and
 * acknowledges its client. A server outside has to know the client's numbers; one inside is
 * believed what it has received, which the box may have taken for a stranger's. */
static bool goes_on_otherwise(const struct sl_conn *conn, enum sl_side side,
			      const struct sl_seg *seg)
{
	const struct sl_end *client = &conn->end[sl_side_other(side)];
	const uint32_t most = side == SL_INSIDE
				      ? client->isn + relay_span(conn, sl_side_other(side))
				      : client->seq_max;

	return sl_seq_between(seg->ack, client->isn + 1, most) &&
	       !relay_fits(conn, side, seg->seq + sl_seg_len(seg), true, client->isn + 1);
}

void relay_tracked_answers_again(struct sl_conn *conn, enum sl_side side, const struct sl_seg *seg)
{
	struct sl_end *me = &conn->end[side], *client = &conn->end[sl_side_other(side)];
	const uint8_t flags = seg->flags & (SL_SYN | SL_ACK | SL_RST);

	if (sl_conn_leg(conn, side) != SL_LEG_SERVER ||
	    conn->state[SL_LEG_SERVER] != SL_TCP_ESTABLISHED)
		return;
	if (flags == (SL_SYN | SL_ACK)) {
		if (seg->ack == client->isn + 1 && seg->seq != me->isn)
			track_answer(conn, side, seg);
	} else if (flags == SL_ACK && goes_on_otherwise(conn, side, seg)) {
		me->isn = seg->seq - 1;
		me->seq_max = client->ack = seg->seq;
		client->seq_max = sl_seq_max(client->seq_max, seg->ack);
	}
}

bool relay_tracked_opening(const struct sl_conn *conn)
{
	return conn->state[SL_LEG_SERVER] == SL_TCP_SYN_SENT;
}

/*
 * A server inside answers a SYN that is not the last that went by: that last one was a stranger's.
 * The server is believed, and the client's numbers are those that it has.
 */
static void track_answered(struct sl_conn *conn, const struct sl_seg *seg)
{
	struct sl_end *client = &conn->end[SL_OUTSIDE];

	client->isn = seg->ack - 1;
	client->seq_max = seg->ack;
	client->tsval = seg->tsecr;
	conn->flags &= (uint16_t)~SL_CONN_TIMESTAMPS;
	if (seg->ts_off != 0) /* so they were offered, too; else nobody knows */
		conn->flags |= SL_CONN_TIMESTAMPS;
}

static void track_first_answer(struct sl_conn *conn, enum sl_side side, const struct sl_seg *seg)
{
	track_answer(conn, side, seg);
	track_window(conn, sl_side_other(side));
}

static void tracked_from_server(struct sl_relay *r, struct sl_conn *conn, enum sl_side side,
				const struct sl_seg *seg)
{
	const struct sl_end *client = &conn->end[sl_side_other(side)];
	bool acks_syn =
		seg->flags & SL_ACK && sl_seq_between(seg->ack, client->isn + 1, client->seq_max);

	if (!acks_syn && side == SL_INSIDE &&
	    (seg->flags & (SL_SYN | SL_ACK | SL_RST)) == (SL_SYN | SL_ACK)) {
		track_answered(conn, seg);
		acks_syn = true;
	}
	if (seg->flags & SL_RST) {
		if (acks_syn)
			relay_close(r, conn, SL_EVENT_server_refused);
	} else if (seg->flags & SL_SYN && acks_syn) {
		if (side == SL_INSIDE)
			learn_server(r, conn, seg, conn->flags & SL_CONN_TIMESTAMPS);
		track_first_answer(conn, side, seg);
		relay_set_state(r, conn, SL_LEG_SERVER, SL_TCP_ESTABLISHED);
	} else if (seg->flags & SL_SYN && !(seg->flags & SL_ACK)) {
		track_first_answer(conn, side, seg); /* simultaneous open: RFC 9293 figure 8 */
		relay_set_state(r, conn, SL_LEG_SERVER, SL_TCP_SYN_RECEIVED);
	}
}

static void tracked_from_client(struct sl_relay *r, struct sl_conn *conn, enum sl_side side,
				const struct sl_seg *seg)
{
	const struct sl_end *client = &conn->end[side];

	if (seg->flags & SL_RST && sl_seq_between(seg->seq, client->isn, client->seq_max))
		relay_close(r, conn, SL_EVENT_connections_reset);
	else if (seg->flags & SL_SYN && !(seg->flags & SL_ACK))
		track_syn(conn, side, seg);
}

void relay_tracked_opening_observe(struct sl_relay *r, struct sl_conn *conn, enum sl_side side,
				   const struct sl_seg *seg)
{
	if (sl_conn_leg(conn, side) == SL_LEG_SERVER)
		tracked_from_server(r, conn, side, seg);
	else
		tracked_from_client(r, conn, side, seg);
}

void relay_tracked_opening_segment(struct sl_relay *r, struct sl_conn *conn, enum sl_side side,
				   struct sl_buf *buf, struct sl_seg *seg)
{
	clamp_mss(r, conn->service, buf, seg);
	if (side == SL_OUTSIDE && (seg->flags & (SL_SYN | SL_ACK)) == SL_SYN)
		r->service[conn->service].syns_sent++;
	relay_forward(r, conn, side, buf, seg);
	relay_tracked_opening_observe(r, conn, side, seg);
}
