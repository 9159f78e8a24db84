/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Like packets. What a flood sends to one address, and what its clients and the server say, comes
 * in a few shapes (sl_shape.h), and all packets of one shape go the same errand. So they are not
 * parsed, and nobody asks again whose they are: what differs is read from the frame where it is
 * needed. Whatever is unusual about one of them is found by parsing it after all; it goes on as if
 * there were no shapes.
 */
#include "pipeline.h"

/* A flood that changes its shape is learned after so many packets; one that has many costs the
 * learning of one in so many. */
enum { LEARN_EVERY = 64, VAIN_US = 1000000 };

static void forget_all(struct sl_pipeline *p)
{
	for (unsigned port = 0; port < SL_PORTS_MAX; port++)
		for (unsigned slot = 0; slot < SL_SHAPE_SLOTS; slot++) {
			sl_shape_forget(&p->like[port][slot].shape);
			p->like[port][slot].n_missed = 0;
		}
}

void pipeline_likes_begin(struct sl_pipeline *p)
{
	p->burst++;
	p->n_likes = 0;
	if (sl_unlikely(p->likes_stale)) {
		forget_all(p);
		p->likes_stale = false;
	} else if (sl_unlikely(p->lesson_for != NULL)) {
		*p->lesson_for = p->lesson;
	}
	p->lesson_for = NULL;
}

/* Checksums that nobody has looked at are verified where packets are parsed. */
PIPELINE_INLINE bool verified(const struct sl_buf *buf, const bool v6)
{
	return v6 ? buf->tcp_cksum == SL_CKSUM_GOOD : sl_buf_verified(buf);
}

PIPELINE_INLINE bool fits(const struct sl_shape *shape, const struct sl_buf *buf,
			  const enum sl_shape_kind kind, const bool outside, const bool v6)
{
	return verified(buf, v6) && sl_shape_fits(shape, buf->data, buf->len, kind, outside, v6);
}

static bool fits_any(const struct sl_shape *shape, const struct sl_buf *buf)
{
	return shape->kind != SL_SHAPE_NONE &&
	       fits(shape, buf, (enum sl_shape_kind)shape->kind, shape->to_server, shape->v6);
}

/* The shape that may be the packet's. */
static inline struct sl_like *candidate(struct sl_pipeline *p, const struct sl_buf *buf)
{
	return &p->like[buf->in_port][sl_shape_slot(buf->data, buf->len)];
}

static bool fits_like(const struct sl_pipeline *p, const struct sl_like *like,
		      const struct sl_buf *buf)
{
	return fits_any(&like->shape, buf) && like->not_before_us <= p->relay.now_us;
}

bool pipeline_fits(struct sl_pipeline *p, const struct sl_buf *buf)
{
	return fits_like(p, candidate(p, buf), buf);
}

/* The first of its likeness in a burst: it counts as one more server. */
static void meet(struct sl_pipeline *p, struct sl_like *like)
{
	struct sl_traveller t = {.errand = like->errand};
	const unsigned server = SL_BURST + 1 + p->n_likes++;

	t.server = (uint8_t)server;
	p->server[server].known = false;
	like->errand = t.errand;
	like->burst = p->burst;
	like->cookie = SL_BURST;
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

/* The packet at `i`, which fits `like`, and as many as follow that do, by the same port; fewer, if
 * there is something wrong with one. */
PIPELINE_INLINE unsigned travel(struct sl_pipeline *p, struct sl_buf *bufs, unsigned i, unsigned n,
				struct sl_like *like, const enum sl_shape_kind kind,
				const bool outside, const bool v6)
{
	const struct sl_flow *flow = &p->relay.flow;
	const struct sl_shape shape = like->shape;
	const struct sl_addr server = like->server;
	const uint64_t sum = like->sum, ends = like->ends;
	struct sl_flow_query *q = &p->query[p->n];
	struct sl_buf *buf = &bufs[i];
	const struct sl_buf *end = &bufs[n];
	const uint8_t in_port = buf->in_port;
	const bool host = outside && pipeline_is_host(p, buf); /* nobody is inside of one */
	struct sl_traveller *t = &p->traveller[p->n];
	struct sl_seg *seg = &p->seg[i];
	struct sl_traveller all = {.shape = &like->shape};

	if (like->burst != p->burst)
		meet(p, like);
	all.errand = like->errand;
	if (!outside)
		pipeline_heard(p, all.service);
	do {
		const uint8_t *ip = buf->data + SL_SHAPE_L3, *tcp = ip + (v6 ? 40 : 20);
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
		t->buf = buf++;
		t->seg = seg++;
		t->shape = all.shape;
		t->errand = all.errand;
		t++;
	} while (buf < end && buf->in_port == in_port && fits(&shape, buf, kind, outside, v6));
	p->n = (unsigned)(t - p->traveller);
	return (unsigned)(buf - bufs);
}

/* A copy for each kind of segment. */
PIPELINE_INLINE unsigned travel_kind(struct sl_pipeline *p, struct sl_buf *bufs, unsigned i,
				     unsigned n, struct sl_like *like, const bool outside,
				     const bool v6)
{
	if (like->shape.kind == SL_SHAPE_ACK)
		return travel(p, bufs, i, n, like, SL_SHAPE_ACK, outside, v6);
	if (like->shape.kind == SL_SHAPE_ACK_TS)
		return travel(p, bufs, i, n, like, SL_SHAPE_ACK_TS, outside, v6);
	/* Only clients send these. */
	return outside ? travel(p, bufs, i, n, like, SL_SHAPE_SYN, true, v6) : i;
}

unsigned pipeline_travel_like(struct sl_pipeline *p, struct sl_buf *bufs, unsigned i, unsigned n)
{
	struct sl_like *like = candidate(p, &bufs[i]);
	const struct sl_shape *shape = &like->shape;

	if (!fits_like(p, like, &bufs[i]))
		return i;
	if (shape->v6)
		return shape->to_server ? travel_kind(p, bufs, i, n, like, true, true)
					: travel_kind(p, bufs, i, n, like, false, true);
	return shape->to_server ? travel_kind(p, bufs, i, n, like, true, false)
				: travel_kind(p, bufs, i, n, like, false, false);
}

void pipeline_unlike(struct sl_traveller *t)
{
	const enum sl_parsed parsed = sl_wire_parse(t->buf->data, t->buf->len, t->seg);

	assert(parsed == SL_PARSED_TCP);
	(void)parsed;
	t->shape = NULL;
}

void pipeline_like_is_vain(struct sl_pipeline *p, struct sl_like *like)
{
	like->not_before_us = p->relay.now_us + VAIN_US;
}

/* Whether segments of the service go a quicker way than by being parsed: what is translated, and
 * what is only followed where all passes. */
static bool has_quick_way(const struct sl_pipeline *p, const struct sl_traveller *t)
{
	return t->proxied ? p->plan->services.service[t->service].cookies != SL_COOKIES_NEVER
			  : pipeline_tracks(p, t->service);
}

void pipeline_learn(struct sl_pipeline *p, const struct sl_buf *buf, const struct sl_seg *seg)
{
	const unsigned slot = sl_shape_slot(buf->data, buf->len);
	const struct sl_traveller *t = &p->traveller[p->n - 1];
	const struct sl_flow_key *key = &p->query[p->n - 1].key;
	struct sl_like *like = &p->like[buf->in_port][slot];
	struct sl_like *lesson = &p->lesson;

	/* Nothing fits whose checksums nobody has verified. */
	if (p->unverified >> (seg - p->seg) & 1 || like->not_before_us > p->relay.now_us ||
	    !has_quick_way(p, t))
		return;
	if (like->n_missed++ % LEARN_EVERY != 0)
		return;
	/* What is not proxied has not been judged yet. */
	if (!t->proxied && !pipeline_believable(p, t))
		return;
	if (!sl_shape_learn(&lesson->shape, buf->data, seg, t->side == SL_OUTSIDE))
		return;
	/* A SYN of a service that is left to its ends makes nothing, and is parsed as quickly. */
	if (!t->proxied && lesson->shape.kind == SL_SHAPE_SYN)
		return;
	lesson->server = key->inside_addr;
	lesson->sum = sl_flow_sum_server(&p->relay.flow, key, seg->v6);
	lesson->ends = (uint64_t)key->domain << 32 | (uint32_t)key->inside_port << 16;
	lesson->errand = t->errand;
	lesson->not_before_us = 0;
	lesson->burst = p->burst;
	lesson->n_missed = like->n_missed;
	p->lesson_for = like;
}
