/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Fast-path templates. The packets of a flood to one address, and those between a server and its
 * clients, fit a few header patterns (sl_pattern.h), and all packets that fit one pattern have the
 * same route. A template is a pattern with that route. A packet that fits a template is not parsed,
 * and its route is not looked up again; the values that differ are read from the frame where they
 * are needed. A packet with anything unusual is parsed later and goes on like any other.
 */
#include "pipeline.h"

/* A template is learned from one in LEARN_EVERY packets that were parsed although a template may
 * exist for them. So a flood that changes its headers is soon learned, and a flood of many patterns
 * costs little. */
enum { LEARN_EVERY = 64, BACK_OFF_US = 1000000 };

static void forget_all(struct sl_pipeline *p)
{
	for (unsigned port = 0; port < SL_PORTS_MAX; port++)
		for (unsigned slot = 0; slot < SL_PATTERN_SLOTS; slot++) {
			sl_pattern_forget(&p->tmpl[port][slot].pattern);
			p->tmpl[port][slot].n_missed = 0;
		}
}

void pipeline_templates_begin(struct sl_pipeline *p)
{
	p->burst++;
	p->n_templates = 0;
	if (sl_unlikely(p->templates_stale)) {
		forget_all(p);
		p->templates_stale = false;
	} else if (sl_unlikely(p->pending_for != NULL)) {
		*p->pending_for = p->pending;
	}
	p->pending_for = NULL;
}

/* Checksums that nobody has looked at are verified where packets are parsed. */
PIPELINE_INLINE bool verified(const struct sl_buf *buf, const bool v6)
{
	return v6 ? buf->tcp_cksum == SL_CKSUM_GOOD : sl_buf_verified(buf);
}

PIPELINE_INLINE bool fits(const struct sl_pattern *pattern, const struct sl_buf *buf,
			  const enum sl_pattern_kind kind, const bool outside, const bool v6)
{
	return verified(buf, v6) &&
	       sl_pattern_fits(pattern, buf->data, buf->len, kind, outside, v6);
}

static bool fits_any(const struct sl_pattern *pattern, const struct sl_buf *buf)
{
	return pattern->kind != SL_PATTERN_NONE &&
	       fits(pattern, buf, (enum sl_pattern_kind)pattern->kind, pattern->to_server,
		    pattern->v6);
}

/* The template that the packet may fit. */
static inline struct sl_template *candidate(struct sl_pipeline *p, const struct sl_buf *buf)
{
	return &p->tmpl[buf->in_port][sl_pattern_slot(buf->data, buf->len)];
}

static bool template_fits(const struct sl_pipeline *p, const struct sl_template *tmpl,
			  const struct sl_buf *buf)
{
	return fits_any(&tmpl->pattern, buf) && tmpl->not_before_us <= p->relay.now_us;
}

bool pipeline_fits(struct sl_pipeline *p, const struct sl_buf *buf)
{
	return template_fits(p, candidate(p, buf), buf);
}

/* The first packet of a burst that fits a template: the template counts as one more server of the
 * burst. */
static void activate(struct sl_pipeline *p, struct sl_template *tmpl)
{
	struct sl_packet t = {.routing = tmpl->routing};
	const unsigned server = SL_BURST + 1 + p->n_templates++;

	t.server = (uint8_t)server;
	p->server[server].known = false;
	tmpl->routing = t.routing;
	tmpl->burst = p->burst;
	tmpl->cookie = SL_BURST;
}

/* Whether a client may have its address; `server` is its server's. */
PIPELINE_INLINE bool honest(const struct sl_addr *client, const struct sl_addr *server,
			    const bool v6)
{
	if (sl_addr_equal(client, server))
		return false;
	if (v6)
		return !sl_addr_is_v4(client) && !sl_addr_is_martian(client);
	return !sl_addr_v4_is_martian(client);
}

/* Admits the packet at `i`, which fits `tmpl`, and the packets after it as long as they fit it,
 * too, and came by the same port. Stops at a packet with something wrong. Returns the number of the
 * first packet that was not admitted. */
PIPELINE_INLINE unsigned admit(struct sl_pipeline *p, struct sl_buf *bufs, unsigned i, unsigned n,
			       struct sl_template *tmpl, const enum sl_pattern_kind kind,
			       const bool outside, const bool v6)
{
	const struct sl_flow *flow = &p->relay.flow;
	const struct sl_pattern pattern = tmpl->pattern;
	const struct sl_addr server = tmpl->server;
	const uint64_t sum = tmpl->sum, ends = tmpl->ends;
	struct sl_flow_query *q = &p->query[p->n];
	struct sl_buf *buf = &bufs[i];
	const struct sl_buf *end = &bufs[n];
	const uint8_t in_port = buf->in_port;
	const bool host = outside && pipeline_is_host(p, buf); /* nobody is inside of one */
	struct sl_packet *pkt = &p->packet[p->n];
	struct sl_seg *seg = &p->seg[i];
	struct sl_packet all = {.pattern = &tmpl->pattern};

	if (tmpl->burst != p->burst)
		activate(p, tmpl);
	all.routing = tmpl->routing;
	if (!outside)
		pipeline_heard(p, all.service);
	do {
		const uint8_t *ip = buf->data + SL_PATTERN_L3, *tcp = ip + (v6 ? 40 : 20);
		const uint16_t port = sl_load_be16(tcp + (outside ? 0 : 2));
		struct sl_addr client;

		if (v6)
			memcpy(client.b, ip + (outside ? 8 : 24), sizeof(client.b));
		else
			sl_addr_set_v4(&client, ip + (outside ? 12 : 16));
		if (sl_unlikely(port == 0) || sl_unlikely(!honest(&client, &server, v6)))
			break;
		if (sl_unlikely(host) &&
		    (!pipeline_host_meant(p, buf) || pipeline_host_has(p, buf, &client)))
			break;
		sl_addr_copy(&q->key.outside_addr, &client);
		sl_addr_copy(&q->key.inside_addr, &server);
		/* In one piece, as it is compared; it is hashed in halves. */
		sl_store_le64((uint8_t *)&q->key + offsetof(struct sl_flow_key, outside_port),
			      ends | port);
		q->hash = sl_flow_hash_client(flow, sum, &q->key, v6);
		sl_flow_prefetch_bucket(flow, q->hash);
		q++;
		buf->account = all.service;
		pkt->buf = buf++;
		pkt->seg = seg++;
		pkt->pattern = all.pattern;
		pkt->routing = all.routing;
		pkt++;
	} while (buf < end && buf->in_port == in_port && fits(&pattern, buf, kind, outside, v6));
	p->n = (unsigned)(pkt - p->packet);
	return (unsigned)(buf - bufs);
}

/* A copy for each kind of segment. */
PIPELINE_INLINE unsigned admit_kind(struct sl_pipeline *p, struct sl_buf *bufs, unsigned i,
				    unsigned n, struct sl_template *tmpl, const bool outside,
				    const bool v6)
{
	if (tmpl->pattern.kind == SL_PATTERN_ACK)
		return admit(p, bufs, i, n, tmpl, SL_PATTERN_ACK, outside, v6);
	if (tmpl->pattern.kind == SL_PATTERN_ACK_TS)
		return admit(p, bufs, i, n, tmpl, SL_PATTERN_ACK_TS, outside, v6);
	/* Only clients send these. */
	return outside ? admit(p, bufs, i, n, tmpl, SL_PATTERN_SYN, true, v6) : i;
}

unsigned pipeline_admit_templated(struct sl_pipeline *p, struct sl_buf *bufs, unsigned i,
				  unsigned n)
{
	struct sl_template *tmpl = candidate(p, &bufs[i]);
	const struct sl_pattern *pattern = &tmpl->pattern;

	if (!template_fits(p, tmpl, &bufs[i]))
		return i;
	if (pattern->v6)
		return pattern->to_server ? admit_kind(p, bufs, i, n, tmpl, true, true)
					  : admit_kind(p, bufs, i, n, tmpl, false, true);
	return pattern->to_server ? admit_kind(p, bufs, i, n, tmpl, true, false)
				  : admit_kind(p, bufs, i, n, tmpl, false, false);
}

void pipeline_parse_packet(struct sl_packet *pkt)
{
	const enum sl_parsed parsed = sl_wire_parse(pkt->buf->data, pkt->buf->len, pkt->seg);

	assert(parsed == SL_PARSED_TCP);
	(void)parsed;
	pkt->pattern = NULL;
}

void pipeline_template_back_off(struct sl_pipeline *p, struct sl_template *tmpl)
{
	tmpl->not_before_us = p->relay.now_us + BACK_OFF_US;
}

/* Whether segments of the service go a quicker way than by being parsed: what is translated, and
 * what is only followed where all passes. */
static bool has_quick_way(const struct sl_pipeline *p, const struct sl_packet *pkt)
{
	return pkt->proxied ? p->plan->services.service[pkt->service].cookies != SL_COOKIES_NEVER
			    : pipeline_tracks(p, pkt->service);
}

void pipeline_learn(struct sl_pipeline *p, const struct sl_buf *buf, const struct sl_seg *seg)
{
	const unsigned slot = sl_pattern_slot(buf->data, buf->len);
	const struct sl_packet *pkt = &p->packet[p->n - 1];
	const struct sl_flow_key *key = &p->query[p->n - 1].key;
	struct sl_template *tmpl = &p->tmpl[buf->in_port][slot];
	struct sl_template *pending = &p->pending;

	/* Nothing fits whose checksums nobody has verified. */
	if (p->unverified >> (seg - p->seg) & 1 || tmpl->not_before_us > p->relay.now_us ||
	    !has_quick_way(p, pkt))
		return;
	if (tmpl->n_missed++ % LEARN_EVERY != 0)
		return;
	/* What is not proxied has not been judged yet. */
	if (!pkt->proxied && !pipeline_believable(p, pkt))
		return;
	if (!sl_pattern_learn(&pending->pattern, buf->data, seg, pkt->side == SL_OUTSIDE))
		return;
	/* A SYN of a service that is left to its ends makes nothing, and is parsed as quickly. */
	if (!pkt->proxied && pending->pattern.kind == SL_PATTERN_SYN)
		return;
	pending->server = key->inside_addr;
	pending->sum = sl_flow_sum_server(&p->relay.flow, key, seg->v6);
	pending->ends = (uint64_t)key->domain << 32 | (uint32_t)key->inside_port << 16;
	pending->routing = pkt->routing;
	pending->not_before_us = 0;
	pending->burst = p->burst;
	pending->n_missed = tmpl->n_missed;
	p->pending_for = tmpl;
}
