/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Segments of no connection. A SYN is answered from itself alone, by a cookie; an ACK that brings
 * a cookie back has proved its address, and only then something is remembered.
 */
#include "pipeline.h"

static const struct sl_service *service_of(const struct sl_pipeline *p, const struct sl_packet *pkt)
{
	return &p->plan->services.service[pkt->service];
}

static void count(struct sl_pipeline *p, const struct sl_packet *pkt, enum sl_event event)
{
	sl_count(&p->out->accounts[pkt->service].event[event], 1);
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
static struct sl_terms own_terms(const struct sl_pipeline *p, const struct sl_packet *pkt)
{
	const struct sl_service *service = service_of(p, pkt);

	return (struct sl_terms){
		.mss = sl_relay_mss(&p->relay, pkt->link, pkt->service, pkt->seg->v6),
		.wnd = (uint16_t)sl_min_u32(service->receive_buffer, UINT16_MAX),
		.wscale = service->wscale,
		.cookies = service->cookies != SL_COOKIES_NEVER,
		.timestamps = service->timestamps != SL_TIMESTAMPS_NEVER,
	};
}

/* Only what this server has granted before may be promised in its name, unless it is pinned; the
 * window is what may be held until it answers. */
static struct sl_terms terms_of(const struct sl_pipeline *p, const struct sl_packet *pkt)
{
	const struct sl_service *service = service_of(p, pkt);
	const struct sl_learned *learned =
		sl_learned_get(&p->relay.learned, &pkt->seg->dst, pkt->seg->dst_port);
	struct sl_terms terms = {
		.mss = sl_relay_mss(&p->relay, pkt->link, pkt->service, pkt->seg->v6),
		.wscale = service->wscale,
		.cookies = service->cookies != SL_COOKIES_NEVER,
		.timestamps = service->timestamps == SL_TIMESTAMPS_ALWAYS ||
			      (service->timestamps == SL_TIMESTAMPS_LEARN && learned != NULL &&
			       learned->timestamps),
	};

	if (service->mode == SL_MODE_RESPOND)
		return own_terms(p, pkt);
	if (learned != NULL)
		terms.mss = (uint16_t)sl_min_u32(terms.mss,
						 sl_relay_mss_of(learned->mss, pkt->seg->v6));
	terms.wnd = (uint16_t)sl_min_u32(SL_HELD_PER_CONN * terms.mss, UINT16_MAX);
	return terms;
}

/* What the SYNs to a server get, in the terms that it has now. */
static void server_init(struct sl_pipeline *p, const struct sl_packet *pkt, unsigned number)
{
	const struct sl_terms terms = terms_of(p, pkt);
	struct sl_server *server = &p->server[number];
	const bool v6 = pkt->seg->v6;

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
	const struct sl_seg *seg = p->packet[i].seg;
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
	const struct sl_seg *seg = p->packet[i].seg;

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
static inline bool may_prove(const struct sl_packet *pkt)
{
	return pkt->side == SL_OUTSIDE && (pkt->seg->flags & (SL_SYN | SL_RST | SL_ACK)) == SL_ACK;
}

/* The server of a packet of this burst, as far as the handshakes with it ask. */
static inline struct sl_server *server_of(struct sl_pipeline *p, const struct sl_packet *pkt)
{
	struct sl_server *server = &p->server[pkt->server];

	if (sl_unlikely(!server->known)) {
		server->known = true;
		server->has_terms = false;
		server->cookies_alive = pipeline_cookies_alive(p, pkt->service);
	}
	return server;
}

/* Begins the cookie of a packet without a connection as number `k`, if there is one to make or
 * to check. Returns whether there is. */
PIPELINE_INLINE bool cookie_begin(struct sl_pipeline *p, unsigned i, unsigned k, const bool v6)
{
	const struct sl_packet *pkt = &p->packet[i];
	struct sl_server *server = server_of(p, pkt);

	if (is_bare_syn(pkt->seg)) {
		if (sl_unlikely(!server->has_terms))
			server_init(p, pkt, pkt->server);
		if (sl_unlikely(!server->terms.cookies))
			return false;
		mint_begin(p, i, pkt->server, k, v6);
		return true;
	}
	if (!server->cookies_alive || !may_prove(pkt))
		return false;
	verify_begin(p, i, k, v6);
	return true;
}

/* Whether the answer to a SYN is the template's. */
static inline bool full_answer(const struct sl_answer *answer, const struct sl_seg *seg)
{
	return answer->timestamps && seg->sack_permitted && seg->wscale != SL_NO_WSCALE;
}

static inline uint32_t pattern_isn(const uint8_t *frame, bool v6)
{
	return sl_load_be32(frame + (v6 ? SL_PATTERN_L4_V6 : SL_PATTERN_L4_V4) + 4);
}

/*
 * The first SYN of a burst that fits a template is parsed, like any other. If the SYN gets the full
 * answer, the SYNs after it that fit get the same answer. Returns whether its cookie has been
 * begun.
 */
PIPELINE_INLINE bool first_syn_begin(struct sl_pipeline *p, unsigned i, unsigned k, const bool v6)
{
	struct sl_packet *pkt = &p->packet[i];
	struct sl_template *tmpl = pipeline_template(pkt);

	pipeline_parse_packet(pkt);
	if (!cookie_begin(p, i, k, v6))
		return false;
	if (full_answer(&p->cookies[v6].answer[k], pkt->seg))
		tmpl->cookie = (uint8_t)k;
	else
		pipeline_template_back_off(p, tmpl);
	return true;
}

/* Begins the cookies of the SYNs after the first, from packet `i` and cookie `*k` on, as long as
 * they fit the template. Returns the number of the first packet that does not. */
PIPELINE_INLINE unsigned alike_syns_begin(struct sl_pipeline *p, unsigned i, unsigned *k,
					  const bool v6)
{
	struct sl_cookies *cookies = &p->cookies[v6];
	const struct sl_pattern *pattern = p->packet[i].pattern;
	const unsigned first = pipeline_template(&p->packet[i])->cookie;
	const struct sl_answer answer = cookies->answer[first];
	const struct sl_cookie_common like = sl_cookie_common_of(&cookies->macs, first, v6);

	for (; i < p->n; i++) {
		struct sl_packet *pkt = &p->packet[i];

		if (pkt->pattern != pattern || p->query[i].index != SL_FLOW_NONE)
			break;
		sl_cookie_mint_common(like, ends_of(&p->query[i].key, v6),
				      pattern_isn(pkt->buf->data, v6), &cookies->macs, *k);
		cookies->answer[*k] = answer;
		pkt->cookie = (uint8_t)(*k)++;
	}
	return i;
}

/* Begins the cookies of ACKs that fit one template in the same way. */
PIPELINE_INLINE unsigned alike_acks_begin(struct sl_pipeline *p, unsigned i, unsigned *k,
					  const bool timestamps, const bool v6)
{
	const struct sl_pattern *pattern = p->packet[i].pattern;
	struct sl_cookie_batch *macs = &p->cookies[v6].macs;

	if (sl_unlikely(!server_of(p, &p->packet[i])->cookies_alive))
		return i + 1;
	for (; i < p->n; i++) {
		struct sl_packet *pkt = &p->packet[i];
		const uint8_t *tcp = pkt->buf->data + (v6 ? SL_PATTERN_L4_V6 : SL_PATTERN_L4_V4);

		if (pkt->pattern != pattern || p->query[i].index != SL_FLOW_NONE)
			break;
		sl_cookie_verify_begin(&p->moment, ends_of(&p->query[i].key, v6),
				       sl_load_be32(tcp + 4) - 1, sl_load_be32(tcp + 8) - 1,
				       timestamps, timestamps ? sl_load_be32(tcp + 28) : 0, macs,
				       *k);
		pkt->cookie = (uint8_t)(*k)++;
	}
	return i;
}

/* Begins the cookie of packet `i`, if it may have one, and the cookies of the packets after it that
 * fit the same template. Returns the number of the first packet that is left. */
PIPELINE_INLINE unsigned ask_cookie(struct sl_pipeline *p, unsigned i, unsigned *k, const bool v6)
{
	struct sl_packet *pkt = &p->packet[i];
	bool begun;

	if (pkt->pattern == NULL)
		begun = cookie_begin(p, i, *k, v6);
	else if (pkt->pattern->kind == SL_PATTERN_ACK)
		return alike_acks_begin(p, i, k, false, v6);
	else if (pkt->pattern->kind == SL_PATTERN_ACK_TS)
		return alike_acks_begin(p, i, k, true, v6);
	else if (pipeline_template(pkt)->cookie != SL_BURST)
		return alike_syns_begin(p, i, k, v6);
	else
		begun = first_syn_begin(p, i, *k, v6);
	if (begun)
		pkt->cookie = (uint8_t)(*k)++;
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
		const struct sl_packet *pkt = &p->packet[i];

		if (p->query[i].index != SL_FLOW_NONE || !pkt->proxied || pkt->icmp ||
		    pkt->side != SL_OUTSIDE)
			i++;
		else if (pkt->pattern != NULL ? pkt->pattern->v6 : pkt->seg->v6)
			i = ask_cookie(p, i, &n_v6, true);
		else
			i = ask_cookie(p, i, &n_v4, false);
	}
	if (n_v4 > 0)
		make_macs(p, false, 0, n_v4);
	if (n_v6 > 0)
		make_macs(p, true, 0, n_v6);
}

/* SYN -> SYN-ACK, in the packet that brought it, of whatever pattern. */
static bool write_answer(const struct sl_packet *pkt, const struct sl_answer *answer,
			 const struct sl_terms *terms, uint32_t iss)
{
	const struct sl_seg *seg = pkt->seg;
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

	return sl_wire_emit_answer(pkt->buf, seg, &made);
}

/* `n` SYNs of a service have been answered. */
static inline void answered(struct sl_pipeline *p, uint16_t service, unsigned n)
{
	if (sl_unlikely(p->answered != service)) {
		pipeline_answered(p);
		p->answered = service;
	}
	if (p->n_answered == 0)
		p->relay.service[service].last_cookie_us = p->relay.now_us;
	p->n_answered = (uint16_t)(p->n_answered + n);
}

/* One can't be. */
static void unanswered(struct sl_pipeline *p, const struct sl_packet *pkt)
{
	count(p, pkt, SL_EVENT_syn_received);
	sl_out_drop(p->out, pkt->buf, SL_DROP_no_buffer);
}

static inline uint32_t cookie_of(const struct sl_pipeline *p, unsigned k, const bool v6)
{
	return sl_cookie_mint_end(&p->moment, &p->cookies[v6].macs, k, v6);
}

/* Answers a SYN with cookie `k` of its family, or with `iss` in its place. */
static void answer_syn(struct sl_pipeline *p, const struct sl_packet *pkt, unsigned k, uint32_t iss)
{
	const struct sl_seg *seg = pkt->seg;
	const struct sl_answer *answer = &p->cookies[seg->v6].answer[k];
	const struct sl_server *server = &p->server[answer->server];
	bool written;

	if (sl_likely(full_answer(answer, seg)))
		written = sl_syn_ack_answer(&server->syn_ack[seg->v6], pkt->buf, seg->l3_off,
					    seg->l4_off, iss, answer->tsval,
					    __builtin_bswap32(seg->tsval), seg->v6);
	else
		written = write_answer(pkt, answer, &server->terms, iss);
	if (sl_unlikely(!written)) {
		unanswered(p, pkt);
		return;
	}
	answered(p, pkt->service, 1);
	sl_out_answer(p->out, pkt->buf);
}

/* Answers SYNs that fit one template and have their cookies, from packet `i` to packet `n` - 1, as
 * long as they follow each other. Returns the number of the first packet that is not one. */
PIPELINE_INLINE unsigned answer_alike(struct sl_pipeline *p, unsigned i, unsigned n, const bool v6)
{
	const unsigned l4 = v6 ? SL_PATTERN_L4_V6 : SL_PATTERN_L4_V4;
	const struct sl_pattern *pattern = p->packet[i].pattern;
	const uint16_t service = p->packet[i].service;
	const struct sl_cookies *cookies = &p->cookies[v6];
	const struct sl_answer answer = cookies->answer[p->packet[i].cookie];
	const struct sl_syn_ack *syn_ack = &p->server[answer.server].syn_ack[v6];
	const struct sl_cookie_common like =
		sl_cookie_common_of(&cookies->macs, p->packet[i].cookie, v6);
	const struct sl_cookie_moment moment = p->moment;
	struct sl_buf **next = sl_out_next(p->out, n - i);
	unsigned n_answered = 0;

	for (; i < n; i++) {
		const struct sl_packet *pkt = &p->packet[i];
		struct sl_buf *buf = pkt->buf;
		uint32_t iss;

		if (pkt->pattern != pattern || p->query[i].index != SL_FLOW_NONE)
			break;
		iss = sl_cookie_mint_common_end(like, &moment, &cookies->macs, pkt->cookie, v6);
		if (sl_unlikely(!sl_syn_ack_answer(syn_ack, buf, SL_PATTERN_L3, l4, iss,
						   answer.tsval, sl_load_le32(buf->data + l4 + 28),
						   v6))) {
			unanswered(p, pkt);
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
	const struct sl_packet *pkt = &p->packet[i];
	const struct sl_seg *seg = pkt->seg;
	unsigned k = pkt->cookie;
	uint32_t iss;

	if (k == SL_BURST) {
		sl_cookie_at(&p->ring, p->relay.now_us, &p->moment);
		server_init(p, pkt, SL_BURST);
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

		iss = sl_relay_successor_iss(old, seg->seq, iss, &grant);
	}
	answer_syn(p, pkt, k, iss);
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
	const struct sl_packet *pkt = &p->packet[i];
	const struct sl_seg *seg = pkt->seg;
	struct sl_cookie_options options;
	enum sl_cookie_verdict verdict;
	unsigned k = pkt->cookie;

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
	const struct sl_packet *pkt = &p->packet[i];

	count(p, pkt, SL_EVENT_cookies_valid);
	if (service_of(p, pkt)->mode == SL_MODE_RESPOND)
		sl_relay_open_by_cookie(&p->relay, &p->query[i], pkt->service, grant, pkt->buf,
					pkt->seg);
	else
		sl_relay_open_spliced(&p->relay, &p->query[i], pkt->service, grant, pkt->buf,
				      pkt->seg);
}

/* An ACK, perhaps with the first data, of no connection. Never answered by RST: an honest client's
 * second segment may come first. */
static inline void check_ack(struct sl_pipeline *p, unsigned i)
{
	const struct sl_packet *pkt = &p->packet[i];
	struct sl_grant grant;

	/* It was found out when the cookie was looked at with the burst's. */
	if (pkt->cookie == SL_BURST && !pipeline_cookies_alive(p, pkt->service)) {
		pipeline_stray(p, i, SL_DROP_stray);
		return;
	}
	switch (verify(p, i, &grant)) {
	case SL_COOKIE_VALID:
		open_proven(p, i, &grant);
		break;
	case SL_COOKIE_FORGED:
		if (sl_unlikely(pipeline_takes_strays(p, pkt->service)))
			pipeline_stray(p, i, SL_DROP_cookie_invalid);
		else
			sl_out_drop(p->out, pkt->buf, SL_DROP_cookie_invalid);
		break;
	case SL_COOKIE_EXPIRED:
		pipeline_stray(p, i, SL_DROP_cookie_expired);
		break;
	}
}

static void open_tracked(struct sl_pipeline *p, unsigned i)
{
	const struct sl_packet *pkt = &p->packet[i];

	sl_relay_open_tracked(&p->relay, &p->query[i], pkt->service, (enum sl_side)pkt->side,
			      pkt->buf, pkt->seg);
}

/* A SYN to a server of ours, without cookies: it stands in SYN-RECEIVED. */
static void open_half(struct sl_pipeline *p, unsigned i)
{
	const struct sl_packet *pkt = &p->packet[i];

	if (sl_relay_has_backlog(&p->relay, pkt->service))
		sl_relay_open_by_syn(&p->relay, &p->query[i], pkt->service, pkt->buf, pkt->seg);
	else
		sl_out_drop(p->out, pkt->buf, SL_DROP_backlog_full);
}

/* A SYN without ACK that may open a connection, perhaps in the place of `old`. */
static void open_by_syn(struct sl_pipeline *p, unsigned i, struct sl_conn *old)
{
	const struct sl_packet *pkt = &p->packet[i];

	if (pkt->side == SL_INSIDE) {
		open_tracked(p, i);
	} else if (service_of(p, pkt)->cookies != SL_COOKIES_NEVER) {
		answer_alone(p, i, old);
	} else if (service_of(p, pkt)->mode == SL_MODE_RESPOND) {
		count(p, pkt, SL_EVENT_syn_received);
		open_half(p, i);
	} else {
		count(p, pkt, SL_EVENT_syn_received);
		open_tracked(p, i);
	}
}

/* Drops ACKs that fit one template and carry no valid cookie, from packet `i` to packet `n` - 1, as
 * long as they follow each other. Returns the number of the first packet that is not one, or that
 * has to be looked at closely. */
PIPELINE_INLINE unsigned refuse_alike(struct sl_pipeline *p, unsigned i, unsigned n, const bool v6)
{
	const struct sl_pattern *pattern = p->packet[i].pattern;

	if (sl_unlikely(pipeline_takes_strays(p, p->packet[i].service)))
		return i;
	for (; i < n; i++) {
		const struct sl_packet *pkt = &p->packet[i];

		if (pkt->pattern != pattern || p->query[i].index != SL_FLOW_NONE ||
		    !sl_cookie_plainly_forged(&p->ring, &p->moment, &p->cookies[v6].macs,
					      pkt->cookie))
			break;
		sl_out_drop(p->out, pkt->buf, SL_DROP_cookie_invalid);
	}
	return i;
}

unsigned pipeline_handshakes(struct sl_pipeline *p, unsigned i, unsigned n)
{
	while (i < n) {
		struct sl_packet *pkt = &p->packet[i];
		const struct sl_pattern *pattern = pkt->pattern;

		if (pkt->cookie == SL_BURST || p->query[i].index != SL_FLOW_NONE)
			break;
		if (sl_likely(pattern != NULL)) {
			const unsigned first = i;

			if (pattern->kind == SL_PATTERN_SYN)
				return pattern->v6 ? answer_alike(p, i, n, true)
						   : answer_alike(p, i, n, false);
			i = pattern->v6 ? refuse_alike(p, i, n, true)
					: refuse_alike(p, i, n, false);
			if (sl_likely(i != first))
				continue;
			pipeline_parse_packet(pkt);
		}
		i++;
		if (is_bare_syn(pkt->seg)) {
			answer_syn(p, pkt, pkt->cookie, cookie_of(p, pkt->cookie, pkt->seg->v6));
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
static bool answers_untracked(const struct sl_pipeline *p, const struct sl_packet *pkt)
{
	const struct sl_service *service = service_of(p, pkt);

	return pkt->side == SL_INSIDE &&
	       (pkt->seg->flags & (SL_SYN | SL_RST | SL_ACK)) == (SL_SYN | SL_ACK) &&
	       service->mode == SL_MODE_SPLICE && service->cookies == SL_COOKIES_NEVER;
}

static void track_answer(struct sl_pipeline *p, unsigned i)
{
	const struct sl_packet *pkt = &p->packet[i];

	if (!sl_relay_adopt(&p->relay, &p->query[i], pkt->service, pkt->buf, pkt->seg))
		pipeline_leave(p, pkt);
}

void pipeline_handshake(struct sl_pipeline *p, unsigned i)
{
	const struct sl_packet *pkt = &p->packet[i];

	if (is_bare_syn(pkt->seg))
		open_by_syn(p, i, NULL);
	else if (may_prove(pkt))
		check_ack(p, i);
	else if (answers_untracked(p, pkt))
		track_answer(p, i);
	else if (sl_tcp_flags_possible(pkt->seg->flags))
		pipeline_stray(p, i, SL_DROP_stray);
	else /* to LISTEN on a host link */
		sl_out_drop(p->out, pkt->buf, SL_DROP_tcp_bad_flags);
}

bool pipeline_proves(struct sl_pipeline *p, unsigned i)
{
	const struct sl_packet *pkt = &p->packet[i];
	struct sl_grant grant;

	if (!may_prove(pkt) || !pipeline_cookies_alive(p, pkt->service) ||
	    !pipeline_believable(p, pkt) || verify(p, i, &grant) != SL_COOKIE_VALID)
		return false;
	open_proven(p, i, &grant);
	return true;
}

/* Whether an ACK proves who follows `old`: by what stands beside it, or by a cookie. */
static bool proves_successor(struct sl_pipeline *p, unsigned i, const struct sl_conn *old,
			     struct sl_grant *grant)
{
	const struct sl_packet *pkt = &p->packet[i];

	if (!pipeline_cookies_alive(p, pkt->service))
		return false;
	return sl_relay_successor_proves(old, pkt->seg, grant) ||
	       (sl_relay_successor(old, pkt->seg) && verify(p, i, grant) == SL_COOKIE_VALID);
}

/* Whether a SYN may follow `old`: where there is no place for it, an old connection of ours answers
 * as if nobody listened. */
static bool may_follow(const struct sl_pipeline *p, const struct sl_packet *pkt,
		       const struct sl_conn *old)
{
	const struct sl_service *service = service_of(p, pkt);
	/* The inside's SYN goes on as it is: timestamps are what its peer makes of them. */
	const bool timestamps =
		pkt->seg->ts_off != 0 && (pkt->side == SL_INSIDE || terms_of(p, pkt).timestamps);

	if (old->ours && service->mode == SL_MODE_RESPOND && service->cookies == SL_COOKIES_NEVER &&
	    !sl_relay_has_backlog(&p->relay, pkt->service))
		return false;
	return sl_relay_reopens(old, (enum sl_side)pkt->side, pkt->seg, timestamps);
}

/*
 * The connection found is over. A SYN that may follow it is answered by a cookie while the old
 * entry stays as it is, for a spoofed SYN must not destroy it; the ACK that proves the
 * successor puts it in its place.
 */
bool pipeline_reopen(struct sl_pipeline *p, unsigned i)
{
	const struct sl_packet *pkt = &p->packet[i];
	struct sl_conn *old = sl_relay_conn(&p->relay, p->query[i].index);
	struct sl_grant grant;

	if (is_bare_syn(pkt->seg)) {
		pkt->buf->account = pkt->service;
		if (!pkt->proxied) {
			/* On a host link nobody else is behind it. */
			if (old->ours && pipeline_on_host(p, pkt->link))
				return false;
			sl_relay_remove(&p->relay, p->query[i].index);
			pipeline_leave(p, pkt);
			return true;
		}
		if (!may_follow(p, pkt, old)) {
			if (old->ours) /* it answers for itself */
				return false;
			sl_out_drop(p->out, pkt->buf, SL_DROP_stray);
			return true;
		}
		open_by_syn(p, i, old);
		return true;
	}
	if (!may_prove(pkt) || !proves_successor(p, i, old, &grant))
		return false;
	pkt->buf->account = pkt->service;
	open_proven(p, i, &grant);
	return true;
}
