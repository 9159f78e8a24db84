/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Connections that end here: their segments go to an endpoint of lib/tcp, behind which a server of
 * lib/respond stands. Its state is shown as that of the leg to the client; there is no other leg,
 * it stays in CLOSED. What relay has for all connections (limits, reclaiming, tombstones, a
 * successor of a connection in TIME-WAIT) finds the numbers that it needs where those of others
 * are.
 */
#include "endpoint.h"

enum {
	VISITS = SL_BURST, /* endpoints that are served in a run, at most */
	QUOTA = 16,        /* segments that one may send in a visit */
	ROOM_LOOKS = 64,   /* endpoints looked at for a new connection that finds none */
	FETCHED = 1024,    /* bytes of payload, from which on a frame is fetched ahead */
	FOREVER_MS = 0x3fffffff,
};

static struct sl_endpoint *endpoint_of(const struct sl_relay *r, const struct sl_conn *conn)
{
	return &r->endpoints.pool[conn->endpoint];
}

static uint32_t number_of(const struct sl_relay *r, const struct sl_endpoint *e)
{
	return (uint32_t)(e - r->endpoints.pool);
}

static struct sl_conn *conn_of(const struct sl_relay *r, const struct sl_endpoint *e)
{
	return sl_relay_conn(r, e->conn);
}

static const struct sl_service *service_of(const struct sl_relay *r, const struct sl_conn *conn)
{
	return &r->plan->services.service[conn->service];
}

/* The queue. */

static void enqueue(struct sl_relay *r, struct sl_endpoint *e)
{
	struct sl_endpoints *all = &r->endpoints;
	const uint32_t number = number_of(r, e);

	if (e->queued)
		return;
	e->queued = true;
	e->before = all->last;
	e->after = SL_ENDPOINT_NONE;
	if (all->last == SL_ENDPOINT_NONE)
		all->first = number;
	else
		all->pool[all->last].after = number;
	all->last = number;
	all->n_queued++;
}

static void dequeue(struct sl_relay *r, struct sl_endpoint *e)
{
	struct sl_endpoints *all = &r->endpoints;

	if (!e->queued)
		return;
	e->queued = false;
	if (e->before == SL_ENDPOINT_NONE)
		all->first = e->after;
	else
		all->pool[e->before].after = e->after;
	if (e->after == SL_ENDPOINT_NONE)
		all->last = e->before;
	else
		all->pool[e->after].before = e->before;
	all->n_queued--;
}

/* The pool. */

static struct sl_endpoint *take(struct sl_relay *r, struct sl_conn *conn)
{
	struct sl_endpoints *all = &r->endpoints;
	const uint32_t number = all->free;
	struct sl_endpoint *e = &all->pool[number];
	const bool v6 = !sl_addr_is_v4(&conn->key.outside_addr);
	const unsigned set = conn->service * all->n_links + (conn->key.domain >> 24);

	all->free = e->conn;
	all->n_free--;
	memset(&e->server, 0, sizeof(e->server));
	e->kind = service_of(r, conn)->server;
	e->queued = false;
	e->awaited = 0;
	e->conn = relay_index(r, conn);
	conn->endpoint = number;
	sl_tcp_tcb_init(&all->tcp, &e->tcb, &all->options[2 * set + v6], v6);
	return e;
}

void relay_endpoint_free(struct sl_relay *r, struct sl_conn *conn)
{
	struct sl_endpoints *all = &r->endpoints;
	struct sl_endpoint *e = endpoint_of(r, conn);

	dequeue(r, e);
	sl_tcp_tcb_free(&all->tcp, &e->tcb);
	e->conn = all->free;
	all->free = number_of(r, e);
	all->n_free++;
	conn->ours = SL_CONN_NOT_OURS;
	conn->ts_delta = 0; /* where its number was */
}

/* The books. */

static void book_event(struct sl_relay *r, const struct sl_conn *conn, enum sl_event event,
		       uint64_t now, uint64_t *booked)
{
	if (sl_likely(now == *booked))
		return;
	sl_count(&r->out->accounts[conn->service].event[event], now - *booked);
	*booked = now;
}

/* What lib/tcp has counted since it was looked at last was of this connection. */
static void book(struct sl_relay *r, const struct sl_conn *conn)
{
	const struct sl_tcp_counts *now = &r->endpoints.tcp.counts;
	struct sl_tcp_counts *booked = &r->endpoints.booked;

	book_event(r, conn, SL_EVENT_tcp_retransmits, now->retransmitted, &booked->retransmitted);
	book_event(r, conn, SL_EVENT_tcp_timeouts, now->timeouts, &booked->timeouts);
	book_event(r, conn, SL_EVENT_tcp_recoveries, now->fast_recoveries,
		   &booked->fast_recoveries);
	book_event(r, conn, SL_EVENT_tcp_out_of_order, now->out_of_order, &booked->out_of_order);
	book_event(r, conn, SL_EVENT_challenge_acks, now->challenge_acks, &booked->challenge_acks);
	book_event(r, conn, SL_EVENT_window_probes, now->probes, &booked->probes);
	book_event(r, conn, SL_EVENT_probes_sent, now->keepalives, &booked->keepalives);
}

/* A run of numbers of one end has come so far. */
static void advance(struct sl_end *end, uint32_t seq_max)
{
	if (!sl_seq_gt(seq_max, end->seq_max))
		return;
	relay_count_wrap(end, seq_max);
	end->seq_max = seq_max;
}

/* The connection shows what its endpoint knows. */
static void show(struct sl_relay *r, struct sl_conn *conn, const struct sl_endpoint *e)
{
	const struct sl_tcb *tcb = &e->tcb;
	struct sl_end *client = &conn->end[SL_OUTSIDE], *own = &conn->end[SL_INSIDE];

	if (conn->state[SL_LEG_CLIENT] != tcb->state) {
		relay_enter_state(r, conn, SL_LEG_CLIENT, (enum sl_tcp_state)tcb->state);
		conn->last_seen_ms = r->now_ms; /* its limit runs from here */
	}
	if (tcb->timestamps)
		conn->flags |= SL_CONN_TIMESTAMPS;
	advance(client, sl_tcp_rcv_nxt(tcb));
	client->ack = tcb->snd_una;
	client->tsval = tcb->ts_recent;
	advance(own, tcb->snd_max);
	own->ack = sl_tcp_rcv_nxt(tcb);
}

static enum sl_event why_ended(const struct sl_tcb *tcb)
{
	switch ((enum sl_tcp_end)tcb->end) {
	case SL_TCP_END_CLOSED:
		return SL_EVENT_connections_closed;
	case SL_TCP_END_RESET:
	case SL_TCP_END_REFUSED:
		return SL_EVENT_connections_reset;
	case SL_TCP_END_KEEPALIVE:
		return SL_EVENT_reclaimed_idle;
	case SL_TCP_END_FIN_WAIT_2:
		return SL_EVENT_reclaimed_fin_wait_2;
	case SL_TCP_END_TIMEOUT:
	case SL_TCP_END_USER_TIMEOUT:
		return SL_EVENT_reclaimed_unanswered;
	case SL_TCP_END_NONE:
	case SL_TCP_END_ABORTED:
	case SL_TCP_END_DATA_LOST:
		break;
	}
	assert(!"the servers do not abort");
	return SL_EVENT_connections_reset;
}

/* It is over. What was opened by a cookie leaves a tombstone, lest the cookie open it again. */
static void end(struct sl_relay *r, struct sl_conn *conn, enum sl_event why)
{
	const bool by_cookie = conn->ours == SL_CONN_OURS_BY_COOKIE;

	relay_endpoint_free(r, conn);
	if (!by_cookie || why == SL_EVENT_time_wait_expired) {
		relay_count(r, conn, why);
		sl_relay_remove(r, relay_index(r, conn));
		return;
	}
	relay_close(r, conn, why);
	conn->flags |= SL_CONN_SPLICED;
}

/*
 * After anything has happened to an endpoint: the connection shows it. Returns false when it is
 * gone.
 */
static bool take_note(struct sl_relay *r, struct sl_conn *conn, struct sl_endpoint *e)
{
	const uint8_t was = conn->state[SL_LEG_CLIENT];
	const uint8_t events = e->tcb.events;

	e->tcb.events = 0;
	book(r, conn);
	show(r, conn, e);
	if (events & SL_TCP_EVENT_OPENED)
		relay_count(r, conn, SL_EVENT_connections_established);
	if (e->tcb.state == SL_TCP_TIME_WAIT && was != SL_TCP_TIME_WAIT)
		relay_count(r, conn, SL_EVENT_connections_closed);
	if (sl_likely(e->tcb.state != SL_TCP_CLOSED))
		return true;
	end(r, conn, was == SL_TCP_TIME_WAIT ? SL_EVENT_time_wait_expired : why_ended(&e->tcb));
	return false;
}

/* Where one segment is long, the next one is: its frame is fetched while this one is written, since
 * stores to what is far from the core hold up all that follows them. */
static void fetch_next(const struct sl_out *out, uint16_t payload_len)
{
	const uint8_t *next;

	if (payload_len < FETCHED || out->n_spare == 0)
		return;
	next = out->spare[out->n_spare - 1].data;
	for (unsigned i = 0; i < payload_len; i += SL_CACHE_LINE)
		sl_prefetch_write(next + i);
}

static bool send_segment(void *owner, struct sl_tcb *tcb, struct sl_tcp_segment *segment)
{
	struct sl_relay *r = owner;
	const struct sl_endpoint *e = sl_container_of(tcb, struct sl_endpoint, tcb);
	struct sl_conn *conn = conn_of(r, e);
	const uint8_t port = relay_port(r, conn, SL_OUTSIDE);
	struct sl_buf *buf = NULL;

	if (r->endpoints.quota > 0 && !sl_out_is_full(r->out, port))
		buf = sl_out_spare(r->out);
	if (sl_unlikely(buf == NULL)) {
		r->endpoints.blocked = true;
		return false;
	}
	fetch_next(r->out, segment->made.payload_len);
	segment->made.src = &conn->key.inside_addr;
	segment->made.dst = &conn->key.outside_addr;
	segment->made.src_port = conn->key.inside_port;
	segment->made.dst_port = conn->key.outside_port;
	if (!sl_wire_emit(buf, &r->l2.entry[conn->l2[SL_OUTSIDE]].l2, &segment->made)) {
		relay_count(r, conn, SL_EVENT_made_no_room);
		r->out->n_spare++;
		return false;
	}
	r->endpoints.quota--;
	/* The port's limit has just fallen. The segment is lost, as it would be on the way, and
	 * sent again in pieces that fit: visit. */
	if (sl_unlikely(!sl_frame_fits(&r->limit[port], buf->len,
				       r->l2.entry[conn->l2[SL_OUTSIDE]].l2.len))) {
		relay_count(r, conn, SL_EVENT_made_lost);
		r->out->n_spare++;
		return true;
	}
	if (!sl_conn_successor(conn))
		conn->end[SL_INSIDE].packets++;
	if (segment->made.flags & SL_RST)
		relay_count(r, conn, SL_EVENT_rst_sent);
	sl_out_made(r->out, buf, conn->service, port);
	return true;
}

/* Signs of life. */

/* Whether bytes lie here that the client is to take, or to send what is missing before. */
static bool keeps_waiting(const struct sl_tcb *tcb)
{
	return tcp_bytes_len(&tcb->send) > 0 || tcb->received.ahead != NULL;
}

/* Whether it is one that a stream has come from one position to another: while bytes wait, when
 * that is a block on, lest a byte a minute keep them for ever. */
static bool has_come_on(uint32_t from, uint32_t to, bool waits)
{
	return to != from && (!waits || to / TCP_BLOCK != from / TCP_BLOCK);
}

/* Whether the client has taken what is one, from a position on: also all that waited when it last
 * had. Who speaks on while it is answered leaves something every time. */
static bool has_taken(struct sl_endpoint *e, uint32_t from)
{
	const uint32_t to = e->tcb.send.from;

	e->awaited -= (uint16_t)sl_min_u32(to - from, e->awaited);
	return has_come_on(from, to, e->awaited > 0 || e->tcb.received.ahead != NULL);
}

/* Whether bytes that come are: to an HTTP server only what makes a request is, lest one byte a
 * minute keep a connection for ever. */
static bool bytes_count(const struct sl_relay *r, const struct sl_conn *conn)
{
	return endpoint_of(r, conn)->kind != SL_SERVER_HTTP ||
	       conn->state[SL_LEG_CLIENT] != SL_TCP_ESTABLISHED;
}

static void run_server(struct sl_relay *r, struct sl_conn *conn, struct sl_endpoint *e,
		       uint64_t unix_us)
{
	const struct sl_respond_about about = {
		.client = &conn->key.outside_addr,
		.server = &conn->key.inside_addr,
		.service = service_of(r, conn)->name,
		.unix_us = unix_us,
		.age_ms = r->now_ms - conn->created_ms,
		.client_port = conn->key.outside_port,
		.server_port = conn->key.inside_port,
		.by_cookie = conn->ours == SL_CONN_OURS_BY_COOKIE,
	};
	const uint32_t read = e->tcb.received.bytes.from;
	const bool waited = keeps_waiting(&e->tcb);
	const unsigned result = sl_respond_run((enum sl_respond_server)e->kind, &e->server,
					       &r->endpoints.tcp, &e->tcb, &about);

	if (result & SL_RESPOND_PROGRESS &&
	    (!waited || has_come_on(read, e->tcb.received.bytes.from, waited)))
		conn->last_seen_ms = r->now_ms;
	if (result & SL_RESPOND_MORE)
		r->endpoints.blocked = true;
	if (e->awaited == 0)
		e->awaited = (uint16_t)sl_min_u32(tcp_bytes_len(&e->tcb.send), TCP_BLOCK);
}

/* The server has its turn, and what is to be sent goes. */
static void visit(struct sl_relay *r, struct sl_endpoint *e, uint64_t unix_us)
{
	struct sl_conn *conn = conn_of(r, e);

	r->endpoints.quota = QUOTA;
	r->endpoints.blocked = false;
	sl_tcp_path_mtu(&r->endpoints.tcp, &e->tcb, r->mtu[conn->key.domain >> 24]);
	if (e->tcb.state != SL_TCP_SYN_RECEIVED)
		run_server(r, conn, e, unix_us);
	sl_tcp_output(&r->endpoints.tcp, &e->tcb);
	if (!take_note(r, conn, e))
		return;
	if (r->endpoints.blocked)
		enqueue(r, e);
	relay_arm(r, conn);
}

void sl_relay_serve(struct sl_relay *r, uint64_t unix_us)
{
	struct sl_endpoints *all = &r->endpoints;

	all->tcp.now_us = r->now_us;
	/* Those that are put back meanwhile wait for the next run. */
	for (uint32_t n = sl_min_u32(all->n_queued, VISITS); n > 0 && r->out->n_spare > 0; n--) {
		struct sl_endpoint *e = &all->pool[all->first];

		dequeue(r, e);
		visit(r, e, unix_us);
	}
}

/* Opening. */

/* All endpoints are taken: frees one in TIME-WAIT, if one is near. */
static bool make_room(struct sl_relay *r)
{
	struct sl_endpoints *all = &r->endpoints;

	for (uint32_t n = sl_min_u32(all->n, ROOM_LOOKS); n > 0; n--) {
		const struct sl_endpoint *e = &all->pool[all->hand];

		all->hand = all->hand + 1 == all->n ? 0 : all->hand + 1;
		if (e->tcb.state != SL_TCP_TIME_WAIT)
			continue;
		relay_count(r, conn_of(r, e), SL_EVENT_evicted_over);
		sl_relay_remove(r, e->conn);
		return true;
	}
	return false;
}

/* Whether there is an endpoint for a new connection, or will be when what stands in its place goes.
 * One who has proved its address takes that of one who has not. */
static bool has_endpoint(struct sl_relay *r, const struct sl_flow_query *at,
			 enum sl_reserve_kind kind)
{
	if (r->endpoints.n_free > 0)
		return true;
	if (at->index != SL_FLOW_NONE) {
		if (sl_relay_conn(r, at->index)->ours)
			return true;
		relay_reserve_leave(r, sl_relay_conn(r, at->index));
	}
	if (kind == SL_RESERVE_NONE && relay_reserve_evict(r, SL_RESERVE_ENDPOINT))
		return true;
	return make_room(r);
}

/* The entry, its link-layer headers and an endpoint; or the buffer is dropped, for lack of what. */
static struct sl_endpoint *add(struct sl_relay *r, const struct sl_flow_query *at, uint16_t service,
			       enum sl_reserve_kind kind, struct sl_buf *buf,
			       const struct sl_seg *seg)
{
	enum sl_drop why = SL_DROP_endpoints_full;
	struct sl_conn *conn = NULL;

	buf->account = service;
	if (has_endpoint(r, at, kind))
		conn = relay_open(r, at, service, kind, SL_OUTSIDE, buf, seg, &why);
	if (conn == NULL) {
		sl_out_drop(r->out, buf, why);
		return NULL;
	}
	conn->end[SL_OUTSIDE].packets = 1;
	r->endpoints.tcp.now_us = r->now_us;
	return take(r, conn);
}

/* From here on the connection has the numbers of its endpoint. */
static void begin(struct sl_relay *r, struct sl_endpoint *e, enum sl_conn_ours ours)
{
	struct sl_conn *conn = conn_of(r, e);

	conn->ours = ours & 3;
	conn->end[SL_OUTSIDE].isn = conn->end[SL_OUTSIDE].seq_max = e->tcb.irs;
	conn->end[SL_INSIDE].isn = conn->end[SL_INSIDE].seq_max = e->tcb.iss;
	show(r, conn, e);
	enqueue(r, e);
	relay_arm(r, conn);
}

bool sl_relay_has_backlog(const struct sl_relay *r, uint16_t service)
{
	const struct sl_reserve *half = &r->reserve[SL_RESERVE_ENDPOINT];

	return relay_within_backlog(r, service) && half->n < half->share;
}

/* A tuple's for ever: timestamps grow from one connection to the next (RFC 7323 section 5.4). */
static uint32_t ts_offset(const struct sl_relay *r, const struct sl_flow_key *key)
{
	const struct sl_sipkey *isn = &r->endpoints.tcp.isn_key;
	const struct sl_sipkey turned = {isn->k1, isn->k0};

	return (uint32_t)sl_siphash24(&turned, key, sizeof(*key));
}

/* The highest number that the client has seen of a connection that is over. */
static uint32_t highest_told(const struct sl_conn *conn)
{
	return conn->end[SL_INSIDE].seq_max + conn->seq_delta;
}

void sl_relay_open_by_syn(struct sl_relay *r, const struct sl_flow_query *at, uint16_t service,
			  struct sl_buf *buf, const struct sl_seg *seg)
{
	const struct sl_flow_key *key = &at->key;
	const bool follows = at->index != SL_FLOW_NONE;
	const uint32_t above = follows ? highest_told(sl_relay_conn(r, at->index)) : 0;
	struct sl_endpoint *e = add(r, at, service, SL_RESERVE_ENDPOINT, buf, seg);
	uint32_t iss;

	if (e == NULL)
		return;
	iss = sl_tcp_isn(&r->endpoints.tcp, &key->inside_addr, key->inside_port, &key->outside_addr,
			 key->outside_port);
	/* RFC 1122 section 4.2.2.13. */
	if (follows && !sl_seq_gt(iss, above))
		iss = above + 1 + (sl_tcp_random(&r->endpoints.tcp) & 0xffffff);
	sl_tcp_open_passive(&r->endpoints.tcp, &e->tcb, seg, iss, ts_offset(r, key));
	begin(r, e, SL_CONN_OURS_BY_SYN);
	sl_out_deliver(r->out, buf);
}

void sl_relay_open_by_cookie(struct sl_relay *r, const struct sl_flow_query *at, uint16_t service,
			     const struct sl_grant *grant, struct sl_buf *buf, struct sl_seg *seg)
{
	const struct sl_tcp_granted granted = {
		.peer_mss = grant->mss,
		.snd_wscale = grant->wscale,
		.timestamps = grant->timestamps,
		.sack = grant->sack,
	};
	struct sl_endpoint *e = add(r, at, service, SL_RESERVE_NONE, buf, seg);

	if (e == NULL)
		return;
	sl_tcp_open_cookie(&r->endpoints.tcp, &e->tcb, seg, &granted);
	begin(r, e, SL_CONN_OURS_BY_COOKIE);
	conn_of(r, e)->end[SL_OUTSIDE].packets = 0;
	relay_endpoint_segment(r, conn_of(r, e), SL_OUTSIDE, buf, seg);
}

/* Whether a segment is there only to be answered: a keepalive, or a probe of our window. */
static bool is_probe(const struct sl_tcb *tcb, const struct sl_seg *seg)
{
	return sl_seg_len(seg) <= 1 && seg->seq == sl_tcp_rcv_nxt(tcb) - 1;
}

/* What was not taken in is a drop, whether or not it is answered; a counter says so. */
static void dispose(struct sl_relay *r, const struct sl_tcb *tcb, struct sl_buf *buf,
		    const struct sl_seg *seg, enum sl_tcp_verdict verdict)
{
	if (seg->flags & SL_RST && verdict != SL_TCP_TAKEN)
		verdict = SL_TCP_BAD_RST;
	else if (verdict == SL_TCP_OUT_OF_WINDOW && is_probe(tcb, seg))
		verdict = SL_TCP_TAKEN;
	switch (verdict) {
	case SL_TCP_TAKEN:
		sl_out_deliver(r->out, buf);
		return;
	case SL_TCP_BAD_RST:
		sl_out_drop(r->out, buf, SL_DROP_rst_out_of_window);
		return;
	case SL_TCP_OUT_OF_WINDOW:
	case SL_TCP_PAWS:
	case SL_TCP_BAD_ACK:
	case SL_TCP_NO_ACK:
	case SL_TCP_NO_TIMESTAMPS:
	case SL_TCP_NEW_SYN:
	case SL_TCP_BAD_SYN:
		sl_out_drop(r->out, buf, SL_DROP_unacceptable);
		return;
	case SL_TCP_NO_BLOCK:
		sl_out_drop(r->out, buf, SL_DROP_no_stream_buffer);
		return;
	case SL_TCP_NO_RANGE:
		sl_out_drop(r->out, buf, SL_DROP_too_many_holes);
		return;
	}
}

void relay_endpoint_segment(struct sl_relay *r, struct sl_conn *conn, enum sl_side side,
			    struct sl_buf *buf, const struct sl_seg *seg)
{
	struct sl_endpoint *e = endpoint_of(r, conn);
	const uint32_t taken = e->tcb.send.from, come = e->tcb.received.bytes.to;
	const bool waited = keeps_waiting(&e->tcb);
	enum sl_tcp_verdict verdict;
	bool waits;

	if (side != SL_OUTSIDE) {
		sl_out_drop(r->out, buf, SL_DROP_stray);
		return;
	}
	if (!sl_conn_successor(conn))
		conn->end[SL_OUTSIDE].packets++;
	if (sl_unlikely(!sl_l2_equal(&r->l2.entry[conn->l2[SL_INSIDE]].l2, buf->data, seg->l3_off)))
		relay_l2_turned(r, conn, buf->data, seg->l3_off);
	r->endpoints.tcp.now_us = r->now_us;
	r->endpoints.quota = QUOTA;
	verdict = sl_tcp_segment_arrives(&r->endpoints.tcp, &e->tcb, seg, buf->data);
	/* One that anybody wanted would not have come here. */
	if (verdict == SL_TCP_NEW_SYN)
		sl_tcp_refuse_syn(&r->endpoints.tcp, &e->tcb);
	waits = keeps_waiting(&e->tcb);
	/* What comes ahead counts when it is the first: from then on the rest is waited for. */
	if (has_taken(e, taken) ||
	    ((has_come_on(come, e->tcb.received.bytes.to, waits) || (waits && !waited)) &&
	     bytes_count(r, conn)))
		conn->last_seen_ms = r->now_ms;
	if (seg->payload_len > 0)
		conn->flags |= SL_CONN_CLIENT_SENT;
	dispose(r, &e->tcb, buf, seg, verdict);
	if (take_note(r, conn, e))
		enqueue(r, e);
}

void relay_endpoint_icmp(struct sl_relay *r, struct sl_conn *conn, struct sl_buf *buf,
			 const struct sl_quote *quote)
{
	struct sl_endpoint *e = endpoint_of(r, conn);
	const struct sl_icmp_error error = sl_wire_icmp_error(buf->data, quote);

	r->endpoints.tcp.now_us = r->now_us;
	if (!sl_tcp_icmp(&r->endpoints.tcp, &e->tcb, quote->seg.seq, error.mtu, error.hard)) {
		sl_out_drop(r->out, buf, SL_DROP_icmp_mismatch);
		return;
	}
	sl_out_deliver(r->out, buf);
	if (take_note(r, conn, e))
		enqueue(r, e);
}

/* Time. */

uint64_t relay_endpoint_deadline(const struct sl_relay *r, const struct sl_conn *conn)
{
	return sl_tcp_next_deadline(&r->endpoints.tcp, &endpoint_of(r, conn)->tcb);
}

bool relay_endpoint_owes(const struct sl_relay *r, const struct sl_conn *conn)
{
	const struct sl_endpoint *e = endpoint_of(r, conn);

	return e->kind == SL_SERVER_HTTP || keeps_waiting(&e->tcb);
}

bool relay_endpoint_holds_blocks(const struct sl_relay *r, const struct sl_conn *conn)
{
	const struct sl_tcb *tcb = &endpoint_of(r, conn)->tcb;

	return keeps_waiting(tcb) || tcp_bytes_len(&tcb->received.bytes) > 0;
}

void relay_endpoint_timeouts(struct sl_relay *r, struct sl_conn *conn)
{
	struct sl_endpoint *e = endpoint_of(r, conn);

	r->endpoints.tcp.now_us = r->now_us;
	r->endpoints.quota = QUOTA;
	sl_tcp_timeouts(&r->endpoints.tcp, &e->tcb);
	if (take_note(r, conn, e)) {
		enqueue(r, e);
		relay_arm(r, conn);
	}
}

void relay_endpoint_options_changed(struct sl_relay *r, struct sl_conn *conn)
{
	r->endpoints.tcp.now_us = r->now_us;
	sl_tcp_options_changed(&r->endpoints.tcp, &endpoint_of(r, conn)->tcb);
}

void relay_endpoint_reclaim(struct sl_relay *r, struct sl_conn *conn, enum sl_event why)
{
	struct sl_endpoint *e = endpoint_of(r, conn);

	r->endpoints.tcp.now_us = r->now_us;
	r->endpoints.quota = QUOTA;
	/* Whoever sent a SYN and no more may never have been at that address. */
	if (e->tcb.state != SL_TCP_SYN_RECEIVED)
		sl_tcp_abort(&r->endpoints.tcp, &e->tcb);
	book(r, conn);
	show(r, conn, e);
	end(r, conn, why);
}

const char *relay_endpoint_timer(const struct sl_relay *r, const struct sl_conn *conn,
				 uint32_t *left_ms)
{
	static const char *const waits[] = {
		[SL_TCP_WAITS_RTO] = "retransmission",
		[SL_TCP_WAITS_WINDOW] = "persist",
		[SL_TCP_WAITS_TAIL] = "tail_probe",
		[SL_TCP_WAITS_RACK] = "reordering",
	};
	const struct sl_tcb *tcb = &endpoint_of(r, conn)->tcb;
	const uint64_t deadline = relay_endpoint_deadline(r, conn);
	const uint64_t left_us = deadline > r->now_us ? deadline - r->now_us : 0;
	unsigned first = SL_TCP_N_TIMERS;

	if (deadline == UINT64_MAX || left_us / SL_US_PER_MS >= *left_ms)
		return NULL;
	*left_ms = (uint32_t)(left_us / SL_US_PER_MS);
	for (unsigned i = 0; i < SL_TCP_N_TIMERS; i++)
		if (tcb->armed >> i & 1 &&
		    (first == SL_TCP_N_TIMERS || sl_seq_lt(tcb->timer[i], tcb->timer[first])))
			first = i;
	if (first == SL_TCP_TIMER_SEND)
		return waits[tcb->waits];
	if (first == SL_TCP_TIMER_ACK)
		return "delayed_ack";
	return tcb->state == SL_TCP_TIME_WAIT ? "time_wait" : "keepalive";
}

void relay_endpoint_info(const struct sl_relay *r, const struct sl_conn *conn,
			 struct sl_conn_info *info)
{
	info->ours = true;
	info->by_cookie = conn->ours == SL_CONN_OURS_BY_COOKIE;
	sl_tcp_describe(&endpoint_of(r, conn)->tcb, &info->tcp);
}

/* Beginning. */

static void set_options(struct sl_tcp_options *o, const struct sl_service *s, uint16_t mss)
{
	*o = sl_tcp_options_default;
	o->receive_buffer = s->receive_buffer;
	o->send_buffer = s->send_buffer;
	o->mss = mss;
	o->wscale = s->wscale;
	o->timestamps = s->timestamps != SL_TIMESTAMPS_NEVER;
	o->delayed_ack_ms = 40; /* as the stacks do that clients have */
	o->no_delay = true;     /* the servers give what they have at once */
	o->keepalive = true;
	o->keepalive_ms = s->limits.idle_ms;
	o->probes = (uint8_t)s->limits.probes;
	o->probe_interval_ms = s->limits.probe_interval_ms;
	o->time_wait_ms = s->limits.time_wait_ms;
	/* These have limits of the service's. */
	o->r2_syn_ms = FOREVER_MS;
	o->fin_wait_2_ms = FOREVER_MS;
}

void relay_endpoints_plan(struct sl_relay *r)
{
	struct sl_endpoints *all = &r->endpoints;
	const struct sl_plan *plan = r->plan;

	if (all->n == 0)
		return;
	for (uint16_t s = 1; s <= plan->services.n; s++)
		for (unsigned link = 0; link < all->n_links; link++)
			for (unsigned v6 = 0; v6 < 2; v6++)
				set_options(&all->options[2 * (s * all->n_links + link) + v6],
					    &plan->services.service[s],
					    sl_relay_mss(r, link, s, v6));
}

static size_t lines(size_t bytes)
{
	return (bytes + SL_CACHE_LINE - 1) & ~(size_t)(SL_CACHE_LINE - 1);
}

static size_t options_bytes(const struct sl_plan *plan)
{
	return lines(2 * (size_t)SL_SERVICES_MAX * plan->n_links * sizeof(struct sl_tcp_options));
}

size_t relay_endpoints_memory(const struct sl_relay_config *config)
{
	if (config->n_endpoints == 0)
		return 0;
	return lines((size_t)config->n_endpoints * sizeof(struct sl_endpoint)) +
	       lines((size_t)config->n_blocks * sizeof(struct tcp_block)) +
	       options_bytes(config->plan);
}

/* The table's secret is spread by a PRF: what is seen of one number tells nothing of the others. */
static void derive_seed(const uint8_t *secret, uint8_t seed[24])
{
	const struct sl_sipkey key = sl_sipkey_from_bytes(secret);

	for (uint64_t i = 0; i < 3; i++) {
		const uint64_t words[2] = {i, sl_load_le64(secret + 16)};
		const uint64_t word = sl_siphash24(&key, words, sizeof(words));

		memcpy(seed + 8 * i, &word, sizeof(word));
	}
}

void relay_endpoints_init(struct sl_relay *r, const struct sl_relay_config *config, void *memory)
{
	struct sl_endpoints *all = &r->endpoints;
	uint8_t *p = memory, seed[24];

	memset(all, 0, sizeof(*all));
	all->first = all->last = all->free = SL_ENDPOINT_NONE;
	if (config->n_endpoints == 0)
		return;
	all->pool = (struct sl_endpoint *)(void *)p;
	all->n = all->n_free = config->n_endpoints;
	for (uint32_t i = all->n; i-- > 0;) {
		all->pool[i].conn = all->free;
		all->free = i;
	}
	p += lines((size_t)all->n * sizeof(struct sl_endpoint));
	derive_seed(config->secret, seed);
	sl_tcp_init(&all->tcp, p, config->n_blocks, send_segment, r, seed);
	p += lines((size_t)config->n_blocks * sizeof(struct tcp_block));
	all->options = (struct sl_tcp_options *)(void *)p;
	all->n_links = config->plan->n_links;
	relay_endpoints_plan(r);
}
