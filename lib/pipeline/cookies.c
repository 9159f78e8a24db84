/* SPDX-License-Identifier: BSD-3-Clause */
/* Cookies of the handshakes of a burst: minted and checked, all at once. */
#include "handshake.h"

/* Of a server of ours: what its endpoint will grant. */
static struct sl_terms own_terms(const struct sl_pipeline *p, const struct sl_packet *pkt)
{
	const struct sl_service *service = handshake_service(p, pkt);

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
struct sl_terms handshake_terms(const struct sl_pipeline *p, const struct sl_packet *pkt)
{
	const struct sl_service *service = handshake_service(p, pkt);
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
	const struct sl_terms terms = handshake_terms(p, pkt);
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

	sl_cookie_mint_begin(&p->moment, handshake_ends(&p->query[i].key, v6), seg->seq, &granted,
			     &answer->tsval, &cookies->macs, k);
	answer->timestamps = granted.timestamps;
	answer->client_mss = granted.mss;
	answer->server = (uint8_t)server;
}

PIPELINE_INLINE void verify_begin(struct sl_pipeline *p, unsigned i, unsigned k, const bool v6)
{
	const struct sl_seg *seg = p->packet[i].seg;

	sl_cookie_verify_begin(&p->moment, handshake_ends(&p->query[i].key, v6), seg->seq - 1,
			       seg->ack - 1, seg->ts_off != 0, seg->tsecr, &p->cookies[v6].macs, k);
}

static void make_macs(struct sl_pipeline *p, bool v6, unsigned first, unsigned n)
{
	sl_cookie_macs((enum sl_cookie_engine)p->ring.engine, &p->moment, &p->cookies[v6].macs,
		       first, n, v6);
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

	if (handshake_is_syn(pkt->seg)) {
		if (sl_unlikely(!server->has_terms))
			server_init(p, pkt, pkt->server);
		if (sl_unlikely(!server->terms.cookies))
			return false;
		mint_begin(p, i, pkt->server, k, v6);
		return true;
	}
	if (!server->cookies_alive || !handshake_may_prove(pkt))
		return false;
	verify_begin(p, i, k, v6);
	return true;
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
	if (handshake_is_full(&p->cookies[v6].answer[k], pkt->seg))
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
		sl_cookie_mint_common(like, handshake_ends(&p->query[i].key, v6),
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
		sl_cookie_verify_begin(&p->moment, handshake_ends(&p->query[i].key, v6),
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

void handshake_mint_alone(struct sl_pipeline *p, unsigned i)
{
	const struct sl_packet *pkt = &p->packet[i];

	sl_cookie_at(&p->ring, p->relay.now_us, &p->moment);
	server_init(p, pkt, SL_BURST);
	mint_begin(p, i, SL_BURST, SL_BURST, pkt->seg->v6);
	make_macs(p, pkt->seg->v6, SL_BURST, 1);
}

enum sl_cookie_verdict handshake_verify(struct sl_pipeline *p, unsigned i, struct sl_grant *grant)
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
	verdict = sl_cookie_verify_end(
		&p->ring, &p->moment, handshake_ends(&p->query[i].key, seg->v6), seg->seq - 1,
		seg->ts_off != 0, seg->tsecr, &p->cookies[seg->v6].macs, k, &options);
	if (verdict == SL_COOKIE_VALID)
		*grant = (struct sl_grant){
			.mss = options.mss,
			.wscale = options.wscale,
			.sack = options.sack,
			.timestamps = options.timestamps,
		};
	return verdict;
}
