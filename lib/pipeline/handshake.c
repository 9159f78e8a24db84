/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Segments of no connection. A SYN is answered from itself alone, by a cookie; an ACK that brings
 * a cookie back has proved its address, and only then something is remembered.
 */
#include "pipeline.h"

static const struct sl_service *service_of(const struct sl_pipeline *p,
					   const struct sl_traveller *t)
{
	return &p->plan->services.service[t->service];
}

static void count(struct sl_pipeline *p, const struct sl_traveller *t, enum sl_event event)
{
	sl_count(&p->out->accounts[t->service].event[event], 1);
}

/* Whose handshake: of a client outside. */
static inline struct sl_cookie_ends ends_of(const struct sl_flow_key *key, bool v6)
{
	struct sl_cookie_ends ends = {
		.client = &key->outside_addr,
		.server = &key->inside_addr,
		.v6 = v6,
	};

	static_assert(offsetof(struct sl_flow_key, inside_port) ==
			      offsetof(struct sl_flow_key, outside_port) + 2,
		      "the server's port lies in the upper half");
	memcpy(&ends.ports, &key->outside_port, sizeof(ends.ports));
	return ends;
}

/* Of a server of ours: what its endpoint will grant. */
static struct sl_terms own_terms(const struct sl_pipeline *p, const struct sl_traveller *t)
{
	const struct sl_service *service = service_of(p, t);

	return (struct sl_terms){
		.mss = sl_relay_mss(&p->relay, t->link, t->service, t->seg->v6),
		.wnd = (uint16_t)sl_min_u32(service->receive_buffer, UINT16_MAX),
		.wscale = service->wscale,
		.cookies = service->cookies != SL_COOKIES_NEVER,
		.timestamps = service->timestamps != SL_TIMESTAMPS_NEVER,
	};
}

/* Only what this server has granted before may be promised in its name, unless it is pinned; the
 * window is what may be held until it answers. */
static struct sl_terms terms_of(const struct sl_pipeline *p, const struct sl_traveller *t)
{
	const struct sl_service *service = service_of(p, t);
	const struct sl_learned *learned =
		sl_learned_get(&p->relay.learned, &t->seg->dst, t->seg->dst_port);
	struct sl_terms terms = {
		.mss = sl_relay_mss(&p->relay, t->link, t->service, t->seg->v6),
		.wscale = service->wscale,
		.cookies = service->cookies != SL_COOKIES_NEVER,
		.timestamps = service->timestamps == SL_TIMESTAMPS_ALWAYS ||
			      (service->timestamps == SL_TIMESTAMPS_LEARN && learned != NULL &&
			       learned->timestamps),
	};

	if (service->mode == SL_MODE_RESPOND)
		return own_terms(p, t);
	if (learned != NULL)
		terms.mss =
			(uint16_t)sl_min_u32(terms.mss, sl_relay_mss_of(learned->mss, t->seg->v6));
	terms.wnd = (uint16_t)sl_min_u32(SL_HELD_PER_CONN * terms.mss, UINT16_MAX);
	return terms;
}

/* What the SYNs to a server get, in the terms that it has now. */
static void server_init(struct sl_pipeline *p, const struct sl_traveller *t, unsigned number)
{
	const struct sl_terms terms = terms_of(p, t);
	struct sl_server *server = &p->server[number];
	const bool v6 = t->seg->v6;

	server->terms = terms;
	server->has_terms = true;
	/* Mostly they are what they were in the burst before. */
	if (server->made[v6].mss == terms.mss && server->made[v6].wscale == terms.wscale &&
	    server->made[v6].wnd == terms.wnd)
		return;
	server->made[v6] = terms;
	sl_syn_ack_init(&server->syn_ack[v6], v6, terms.mss, terms.wscale, terms.wnd);
}

/* What is granted is what was offered and can be kept whatever the server says: window scale and
 * SACK always, timestamps when this server has granted them before. */
PIPELINE_INLINE void mint_begin(struct sl_pipeline *p, unsigned i, unsigned server, unsigned k,
				const bool v6)
{
	const struct sl_seg *seg = p->traveller[i].seg;
	struct sl_cookies *cookies = &p->cookies[v6];
	struct sl_answer *answer = &cookies->answer[k];
	struct sl_cookie_options granted = {
		.mss = sl_relay_mss_of(seg->mss, v6),
		.wscale = seg->wscale,
		.sack = seg->sack_permitted,
		.timestamps = seg->ts_off != 0 && p->server[server].terms.timestamps,
	};

	sl_cookie_mint_begin(&p->moment, ends_of(&p->query[i].key, v6), seg->seq, &granted,
			     &answer->tsval, &cookies->macs, k);
	answer->timestamps = granted.timestamps;
	answer->client_mss = granted.mss;
	answer->server = (uint8_t)server;
}

PIPELINE_INLINE void verify_begin(struct sl_pipeline *p, unsigned i, unsigned k, const bool v6)
{
	const struct sl_seg *seg = p->traveller[i].seg;

	sl_cookie_verify_begin(&p->moment, ends_of(&p->query[i].key, v6), seg->seq - 1,
			       seg->ack - 1, seg->ts_off != 0, seg->tsecr, &p->cookies[v6].macs, k);
}

static void make_macs(struct sl_pipeline *p, bool v6, unsigned first, unsigned n)
{
	sl_cookie_macs((enum sl_cookie_engine)p->ring.engine, &p->moment, &p->cookies[v6].macs,
		       first, n, v6);
}

static inline bool is_bare_syn(const struct sl_seg *seg)
{
	return (seg->flags & (SL_SYN | SL_ACK | SL_FIN | SL_RST)) == SL_SYN;
}

/* Whether a segment may bring a cookie back. */
static inline bool may_prove(const struct sl_traveller *t)
{
	return t->side == SL_OUTSIDE && (t->seg->flags & (SL_SYN | SL_RST | SL_ACK)) == SL_ACK;
}

/* The server of a traveller of this burst, as far as the handshakes with it ask. */
static inline struct sl_server *server_of(struct sl_pipeline *p, const struct sl_traveller *t)
{
	struct sl_server *server = &p->server[t->server];

	if (sl_unlikely(!server->known)) {
		server->known = true;
		server->has_terms = false;
		server->cookies_alive = pipeline_cookies_alive(p, t->service);
	}
	return server;
}

/* Begins the cookie of a traveller without a connection as number `k`, if there is one to make or
 * to check. Returns whether there is. */
PIPELINE_INLINE bool cookie_begin(struct sl_pipeline *p, unsigned i, unsigned k, const bool v6)
{
	const struct sl_traveller *t = &p->traveller[i];
	struct sl_server *server = server_of(p, t);

	if (is_bare_syn(t->seg)) {
		if (sl_unlikely(!server->has_terms))
			server_init(p, t, t->server);
		if (sl_unlikely(!server->terms.cookies))
			return false;
		mint_begin(p, i, t->server, k, v6);
		return true;
	}
	if (!server->cookies_alive || !may_prove(t))
		return false;
	verify_begin(p, i, k, v6);
	return true;
}

/* Whether the answer to a SYN is the template's. */
static inline bool full_answer(const struct sl_answer *answer, const struct sl_seg *seg)
{
	return answer->timestamps && seg->sack_permitted && seg->wscale != SL_NO_WSCALE;
}

static inline uint32_t like_isn(const uint8_t *frame, bool v6)
{
	return sl_load_be32(frame + (v6 ? SL_SHAPE_L4_V6 : SL_SHAPE_L4_V4) + 4);
}

/*
 * The first SYN of its likeness goes the way of all; if it gets the full answer, the others get
 * what it got. Returns whether the cookie of this one has been begun.
 */
PIPELINE_INLINE bool first_syn_begin(struct sl_pipeline *p, unsigned i, unsigned k, const bool v6)
{
	struct sl_traveller *t = &p->traveller[i];
	struct sl_like *like = pipeline_like(t);

	pipeline_unlike(t);
	if (!cookie_begin(p, i, k, v6))
		return false;
	if (full_answer(&p->cookies[v6].answer[k], t->seg))
		like->cookie = (uint8_t)k;
	else
		pipeline_like_is_vain(p, like);
	return true;
}

/* And the others: as many as follow each other, from traveller `i` and cookie `*k` on. Returns the
 * number of the first that is none of them. */
PIPELINE_INLINE unsigned like_syns_begin(struct sl_pipeline *p, unsigned i, unsigned *k,
					 const bool v6)
{
	struct sl_cookies *cookies = &p->cookies[v6];
	const struct sl_shape *shape = p->traveller[i].shape;
	const unsigned first = pipeline_like(&p->traveller[i])->cookie;
	const struct sl_answer answer = cookies->answer[first];
	const struct sl_cookie_like like = sl_cookie_like_of(&cookies->macs, first, v6);

	for (; i < p->n; i++) {
		struct sl_traveller *t = &p->traveller[i];

		if (t->shape != shape || p->query[i].index != SL_FLOW_NONE)
			break;
		sl_cookie_mint_like(like, ends_of(&p->query[i].key, v6), like_isn(t->buf->data, v6),
				    &cookies->macs, *k);
		cookies->answer[*k] = answer;
		t->cookie = (uint8_t)(*k)++;
	}
	return i;
}

/* ACKs, likewise. */
PIPELINE_INLINE unsigned like_acks_begin(struct sl_pipeline *p, unsigned i, unsigned *k,
					 const bool timestamps, const bool v6)
{
	const struct sl_shape *shape = p->traveller[i].shape;
	struct sl_cookie_batch *macs = &p->cookies[v6].macs;

	if (sl_unlikely(!server_of(p, &p->traveller[i])->cookies_alive))
		return i + 1;
	for (; i < p->n; i++) {
		struct sl_traveller *t = &p->traveller[i];
		const uint8_t *tcp = t->buf->data + (v6 ? SL_SHAPE_L4_V6 : SL_SHAPE_L4_V4);

		if (t->shape != shape || p->query[i].index != SL_FLOW_NONE)
			break;
		sl_cookie_verify_begin(&p->moment, ends_of(&p->query[i].key, v6),
				       sl_load_be32(tcp + 4) - 1, sl_load_be32(tcp + 8) - 1,
				       timestamps, timestamps ? sl_load_be32(tcp + 28) : 0, macs,
				       *k);
		t->cookie = (uint8_t)(*k)++;
	}
	return i;
}

/* One that may ask for a cookie of its family; those like it that follow go with it. Returns the
 * number of the first that is left. */
PIPELINE_INLINE unsigned ask_cookie(struct sl_pipeline *p, unsigned i, unsigned *k, const bool v6)
{
	struct sl_traveller *t = &p->traveller[i];
	bool begun;

	if (t->shape == NULL)
		begun = cookie_begin(p, i, *k, v6);
	else if (t->shape->kind == SL_SHAPE_ACK)
		return like_acks_begin(p, i, k, false, v6);
	else if (t->shape->kind == SL_SHAPE_ACK_TS)
		return like_acks_begin(p, i, k, true, v6);
	else if (pipeline_like(t)->cookie != SL_BURST)
		return like_syns_begin(p, i, k, v6);
	else
		begun = first_syn_begin(p, i, *k, v6);
	if (begun)
		t->cookie = (uint8_t)(*k)++;
	return i + 1;
}

/*
 * Whatever comes of a segment is decided in its turn, by what the packets before it have made of
 * the table; but what it takes to decide does not depend on them.
 */
void pipeline_cookies(struct sl_pipeline *p)
{
	unsigned n_v4 = 0, n_v6 = 0;

	sl_cookie_at(&p->ring, p->relay.now_us, &p->moment);
	for (unsigned i = 0; i < p->n;) {
		const struct sl_traveller *t = &p->traveller[i];

		if (p->query[i].index != SL_FLOW_NONE || !t->proxied || t->icmp ||
		    t->side != SL_OUTSIDE)
			i++;
		else if (t->shape != NULL ? t->shape->v6 : t->seg->v6)
			i = ask_cookie(p, i, &n_v6, true);
		else
			i = ask_cookie(p, i, &n_v4, false);
	}
	if (n_v4 > 0)
		make_macs(p, false, 0, n_v4);
	if (n_v6 > 0)
		make_macs(p, true, 0, n_v6);
}

/* SYN -> SYN-ACK, in the packet that brought it, of whatever shape. */
static bool write_answer(const struct sl_traveller *t, const struct sl_answer *answer,
			 const struct sl_terms *terms, uint32_t iss)
{
	const struct sl_seg *seg = t->seg;
	const struct sl_made made = {
		.src = &seg->dst,
		.dst = &seg->src,
		.src_port = seg->dst_port,
		.dst_port = seg->src_port,
		.seq = iss,
		.ack = seg->seq + 1,
		.flags = SL_SYN | SL_ACK,
		.wnd = terms->wnd,
		.mss = terms->mss,
		.wscale = seg->wscale == SL_NO_WSCALE ? SL_NO_WSCALE : terms->wscale,
		.sack_permitted = seg->sack_permitted,
		.timestamps = answer->timestamps,
		.tsval = answer->tsval,
		.tsecr = seg->tsval,
	};

	return sl_wire_emit_answer(t->buf, seg, &made);
}

/* `n` SYNs of a service have been answered. */
static inline void answered(struct sl_pipeline *p, uint16_t service, unsigned n)
{
	if (sl_unlikely(p->answered != service)) {
		pipeline_answered(p);
		p->answered = service;
	}
	if (p->n_answered == 0)
		p->last_cookie_us[service] = p->relay.now_us;
	p->n_answered = (uint16_t)(p->n_answered + n);
}

/* One can't be. */
static void unanswered(struct sl_pipeline *p, const struct sl_traveller *t)
{
	count(p, t, SL_EVENT_syn_received);
	sl_out_drop(p->out, t->buf, SL_DROP_no_buffer);
}

static inline uint32_t cookie_of(const struct sl_pipeline *p, unsigned k, const bool v6)
{
	return sl_cookie_mint_end(&p->moment, &p->cookies[v6].macs, k, v6);
}

/* Answers a SYN with cookie `k` of its family, or with `iss` in its place. */
static void answer_syn(struct sl_pipeline *p, const struct sl_traveller *t, unsigned k,
		       uint32_t iss)
{
	const struct sl_seg *seg = t->seg;
	const struct sl_answer *answer = &p->cookies[seg->v6].answer[k];
	const struct sl_server *server = &p->server[answer->server];
	bool written;

	if (sl_likely(full_answer(answer, seg)))
		written = sl_syn_ack_answer(&server->syn_ack[seg->v6], t->buf, seg->l3_off,
					    seg->l4_off, iss, answer->tsval,
					    __builtin_bswap32(seg->tsval), seg->v6);
	else
		written = write_answer(t, answer, &server->terms, iss);
	if (sl_unlikely(!written)) {
		unanswered(p, t);
		return;
	}
	answered(p, t->service, 1);
	sl_out_answer(p->out, t->buf);
}

/* Answers SYNs of one shape that have their cookies, from `i` on as many of the first `n` as follow
 * each other. Returns the number of the first that is none of them. */
PIPELINE_INLINE unsigned answer_like(struct sl_pipeline *p, unsigned i, unsigned n, const bool v6)
{
	const unsigned l4 = v6 ? SL_SHAPE_L4_V6 : SL_SHAPE_L4_V4;
	const struct sl_shape *shape = p->traveller[i].shape;
	const uint16_t service = p->traveller[i].service;
	const struct sl_cookies *cookies = &p->cookies[v6];
	const struct sl_answer answer = cookies->answer[p->traveller[i].cookie];
	const struct sl_syn_ack *syn_ack = &p->server[answer.server].syn_ack[v6];
	const struct sl_cookie_like like =
		sl_cookie_like_of(&cookies->macs, p->traveller[i].cookie, v6);
	const struct sl_cookie_moment moment = p->moment;
	struct sl_buf **next = sl_out_next(p->out, n - i);
	unsigned n_answered = 0;

	for (; i < n; i++) {
		const struct sl_traveller *t = &p->traveller[i];
		struct sl_buf *buf = t->buf;
		uint32_t iss;

		if (t->shape != shape || p->query[i].index != SL_FLOW_NONE)
			break;
		iss = sl_cookie_mint_like_end(like, &moment, &cookies->macs, t->cookie, v6);
		if (sl_unlikely(!sl_syn_ack_answer(syn_ack, buf, SL_SHAPE_L3, l4, iss, answer.tsval,
						   sl_load_le32(buf->data + l4 + 28), v6))) {
			unanswered(p, t);
			continue;
		}
		sl_out_put(&next, buf, SL_FATE_ANSWERED, buf->in_port);
		n_answered++;
	}
	sl_out_sent_to(p->out, next);
	if (sl_likely(n_answered > 0))
		answered(p, service, n_answered);
	return i;
}

/* A SYN whose cookie was not made with the burst's, or that may follow `old`, a connection in
 * TIME-WAIT: then it may need an ISN of its own. */
static void answer_alone(struct sl_pipeline *p, unsigned i, struct sl_conn *old)
{
	const struct sl_traveller *t = &p->traveller[i];
	const struct sl_seg *seg = t->seg;
	unsigned k = t->cookie;
	uint32_t iss;

	if (k == SL_BURST) {
		sl_cookie_at(&p->ring, p->relay.now_us, &p->moment);
		server_init(p, t, SL_BURST);
		mint_begin(p, i, SL_BURST, k, seg->v6);
		make_macs(p, seg->v6, k, 1);
	}
	iss = cookie_of(p, k, seg->v6);
	if (old != NULL) {
		const struct sl_answer *answer = &p->cookies[seg->v6].answer[k];
		const struct sl_grant grant = {
			.mss = answer->client_mss,
			.wscale = seg->wscale,
			.sack = seg->sack_permitted,
			.timestamps = answer->timestamps,
		};

		iss = sl_relay_newcomer_iss(old, seg->seq, iss, &grant);
	}
	answer_syn(p, t, k, iss);
}

void pipeline_answered(struct sl_pipeline *p)
{
	struct sl_account *a = &p->out->accounts[p->answered];

	if (p->n_answered == 0)
		return;
	sl_count(&a->event[SL_EVENT_syn_received], p->n_answered);
	sl_count(&a->event[SL_EVENT_cookies_sent], p->n_answered);
	p->n_answered = 0;
}

static inline enum sl_cookie_verdict verify(struct sl_pipeline *p, unsigned i,
					    struct sl_grant *grant)
{
	const struct sl_traveller *t = &p->traveller[i];
	const struct sl_seg *seg = t->seg;
	struct sl_cookie_options options;
	enum sl_cookie_verdict verdict;
	unsigned k = t->cookie;

	if (sl_unlikely(k == SL_BURST)) {
		sl_cookie_at(&p->ring, p->relay.now_us, &p->moment);
		verify_begin(p, i, k, seg->v6);
		make_macs(p, seg->v6, k, 1);
	}
	verdict = sl_cookie_verify_end(&p->ring, &p->moment, ends_of(&p->query[i].key, seg->v6),
				       seg->seq - 1, seg->ts_off != 0, seg->tsecr,
				       &p->cookies[seg->v6].macs, k, &options);
	if (verdict == SL_COOKIE_VALID)
		*grant = (struct sl_grant){
			.mss = options.mss,
			.wscale = options.wscale,
			.sack = options.sack,
			.timestamps = options.timestamps,
		};
	return verdict;
}

/* A cookie has proved its client: the connection opens, to its server or to one of ours. */
static void open_proven(struct sl_pipeline *p, unsigned i, const struct sl_grant *grant)
{
	const struct sl_traveller *t = &p->traveller[i];

	count(p, t, SL_EVENT_cookies_valid);
	if (service_of(p, t)->mode == SL_MODE_RESPOND)
		sl_relay_open_by_cookie(&p->relay, &p->query[i], t->service, grant, t->buf, t->seg);
	else
		sl_relay_open_spliced(&p->relay, &p->query[i], t->service, grant, t->buf, t->seg);
}

/* An ACK, perhaps with the first data, of no connection. Never answered by RST: an honest client's
 * second segment may come first. */
static inline void check_ack(struct sl_pipeline *p, unsigned i)
{
	const struct sl_traveller *t = &p->traveller[i];
	struct sl_grant grant;

	/* It was found out when the cookie was looked at with the burst's. */
	if (t->cookie == SL_BURST && !pipeline_cookies_alive(p, t->service)) {
		pipeline_stray(p, i, SL_DROP_stray);
		return;
	}
	switch (verify(p, i, &grant)) {
	case SL_COOKIE_VALID:
		open_proven(p, i, &grant);
		break;
	case SL_COOKIE_FORGED:
		if (sl_unlikely(pipeline_takes_strays(p, t->service)))
			pipeline_stray(p, i, SL_DROP_cookie_invalid);
		else
			sl_out_drop(p->out, t->buf, SL_DROP_cookie_invalid);
		break;
	case SL_COOKIE_EXPIRED:
		pipeline_stray(p, i, SL_DROP_cookie_expired);
		break;
	}
}

static void open_tracked(struct sl_pipeline *p, unsigned i)
{
	const struct sl_traveller *t = &p->traveller[i];

	sl_relay_open_tracked(&p->relay, &p->query[i], t->service, (enum sl_side)t->side, t->buf,
			      t->seg);
}

/* A SYN to a server of ours, without cookies: it stands in SYN-RECEIVED. */
static void open_half(struct sl_pipeline *p, unsigned i)
{
	const struct sl_traveller *t = &p->traveller[i];

	if (sl_relay_has_backlog(&p->relay, t->service))
		sl_relay_open_by_syn(&p->relay, &p->query[i], t->service, t->buf, t->seg);
	else
		sl_out_drop(p->out, t->buf, SL_DROP_backlog_full);
}

/* A SYN without ACK that may open a connection, perhaps in the place of `old`. */
static void open_by_syn(struct sl_pipeline *p, unsigned i, struct sl_conn *old)
{
	const struct sl_traveller *t = &p->traveller[i];

	if (t->side == SL_INSIDE) {
		open_tracked(p, i);
	} else if (service_of(p, t)->cookies != SL_COOKIES_NEVER) {
		answer_alone(p, i, old);
	} else if (service_of(p, t)->mode == SL_MODE_RESPOND) {
		count(p, t, SL_EVENT_syn_received);
		open_half(p, i);
	} else {
		count(p, t, SL_EVENT_syn_received);
		open_tracked(p, i);
	}
}

/* ACKs of one shape that prove nothing, from `i` on as many of the first `n` as follow each other.
 * Returns the number of the first that is none of them, or to which there is more. */
PIPELINE_INLINE unsigned refuse_like(struct sl_pipeline *p, unsigned i, unsigned n, const bool v6)
{
	const struct sl_shape *shape = p->traveller[i].shape;

	if (sl_unlikely(pipeline_takes_strays(p, p->traveller[i].service)))
		return i;
	for (; i < n; i++) {
		const struct sl_traveller *t = &p->traveller[i];

		if (t->shape != shape || p->query[i].index != SL_FLOW_NONE ||
		    !sl_cookie_plainly_forged(&p->ring, &p->moment, &p->cookies[v6].macs,
					      t->cookie))
			break;
		sl_out_drop(p->out, t->buf, SL_DROP_cookie_invalid);
	}
	return i;
}

unsigned pipeline_handshakes(struct sl_pipeline *p, unsigned i, unsigned n)
{
	while (i < n) {
		struct sl_traveller *t = &p->traveller[i];
		const struct sl_shape *shape = t->shape;

		if (t->cookie == SL_BURST || p->query[i].index != SL_FLOW_NONE)
			break;
		if (sl_likely(shape != NULL)) {
			const unsigned first = i;

			if (shape->kind == SL_SHAPE_SYN)
				return shape->v6 ? answer_like(p, i, n, true)
						 : answer_like(p, i, n, false);
			i = shape->v6 ? refuse_like(p, i, n, true) : refuse_like(p, i, n, false);
			if (sl_likely(i != first))
				continue;
			pipeline_unlike(t);
		}
		i++;
		if (is_bare_syn(t->seg)) {
			answer_syn(p, t, t->cookie, cookie_of(p, t->cookie, t->seg->v6));
			continue;
		}
		check_ack(p, i - 1);
		if (sl_unlikely(p->relay.dirty != 0))
			break;
	}
	return i;
}

/* Whether a server answers a SYN that went through without an entry, as it may where SYNs go
 * through: the client and its numbers are what the server says. */
static bool answers_untracked(const struct sl_pipeline *p, const struct sl_traveller *t)
{
	const struct sl_service *service = service_of(p, t);

	return t->side == SL_INSIDE &&
	       (t->seg->flags & (SL_SYN | SL_RST | SL_ACK)) == (SL_SYN | SL_ACK) &&
	       service->mode == SL_MODE_SPLICE && service->cookies == SL_COOKIES_NEVER;
}

static void track_answer(struct sl_pipeline *p, unsigned i)
{
	const struct sl_traveller *t = &p->traveller[i];

	if (!sl_relay_adopt(&p->relay, &p->query[i], t->service, t->buf, t->seg))
		pipeline_leave(p, t);
}

void pipeline_handshake(struct sl_pipeline *p, unsigned i)
{
	const struct sl_traveller *t = &p->traveller[i];

	if (is_bare_syn(t->seg))
		open_by_syn(p, i, NULL);
	else if (may_prove(t))
		check_ack(p, i);
	else if (answers_untracked(p, t))
		track_answer(p, i);
	else if (sl_tcp_flags_possible(t->seg->flags))
		pipeline_stray(p, i, SL_DROP_stray);
	else /* to LISTEN on a host link */
		sl_out_drop(p->out, t->buf, SL_DROP_tcp_bad_flags);
}

bool pipeline_proves(struct sl_pipeline *p, unsigned i)
{
	const struct sl_traveller *t = &p->traveller[i];
	struct sl_grant grant;

	if (!may_prove(t) || !pipeline_cookies_alive(p, t->service) || !pipeline_believable(p, t) ||
	    verify(p, i, &grant) != SL_COOKIE_VALID)
		return false;
	open_proven(p, i, &grant);
	return true;
}

/* Whether an ACK proves who follows `old`: by what stands beside it, or by a cookie. */
static bool proves_newcomer(struct sl_pipeline *p, unsigned i, const struct sl_conn *old,
			    struct sl_grant *grant)
{
	const struct sl_traveller *t = &p->traveller[i];

	if (!pipeline_cookies_alive(p, t->service))
		return false;
	return sl_relay_newcomer_proves(old, t->seg, grant) ||
	       (sl_relay_newcomer(old, t->seg) && verify(p, i, grant) == SL_COOKIE_VALID);
}

/* Whether a SYN may follow `old`: where there is no place for it, an old connection of ours answers
 * as if nobody listened. */
static bool may_follow(const struct sl_pipeline *p, const struct sl_traveller *t,
		       const struct sl_conn *old)
{
	const struct sl_service *service = service_of(p, t);
	/* The inside's SYN goes on as it is: timestamps are what its peer makes of them. */
	const bool timestamps =
		t->seg->ts_off != 0 && (t->side == SL_INSIDE || terms_of(p, t).timestamps);

	if (old->ours && service->mode == SL_MODE_RESPOND && service->cookies == SL_COOKIES_NEVER &&
	    !sl_relay_has_backlog(&p->relay, t->service))
		return false;
	return sl_relay_reopens(old, (enum sl_side)t->side, t->seg, timestamps);
}

/*
 * The connection found is over. A SYN that may follow it is answered by a cookie while the old
 * entry stays as it is, for a spoofed SYN must not destroy it; the ACK that proves the newcomer
 * puts it in its place.
 */
bool pipeline_reopen(struct sl_pipeline *p, unsigned i)
{
	const struct sl_traveller *t = &p->traveller[i];
	struct sl_conn *old = sl_relay_conn(&p->relay, p->query[i].index);
	struct sl_grant grant;

	if (is_bare_syn(t->seg)) {
		t->buf->account = t->service;
		if (!t->proxied) {
			/* On a host link nobody else is behind it. */
			if (old->ours && pipeline_on_host(p, t->link))
				return false;
			sl_relay_remove(&p->relay, p->query[i].index);
			pipeline_leave(p, t);
			return true;
		}
		if (!may_follow(p, t, old)) {
			if (old->ours) /* it answers for itself */
				return false;
			sl_out_drop(p->out, t->buf, SL_DROP_stray);
			return true;
		}
		open_by_syn(p, i, old);
		return true;
	}
	if (!may_prove(t) || !proves_newcomer(p, i, old, &grant))
		return false;
	t->buf->account = t->service;
	open_proven(p, i, &grant);
	return true;
}
