/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A worker that fills up: limits shrink, and victims are taken in a fixed order. A hand goes round
 * the table, some entries a tick, while the table, the endpoints or the blocks of their streams are
 * above their high-water mark; when a whole round has not brought them below the low one, the next
 * class is taken as well:
 *
 *   1  what is over: tombstones, TIME-WAIT      at once, nobody is told
 *   2  half-open                                an eighth of its limit without a sign
 *   3  half-closed                              likewise
 *   4  idle                                     a sixty-fourth of it (of `silent`, if that runs)
 *
 * Only those are taken who hold something of what is short. Within what the hand sees at once,
 * those of the source that holds most go first. What is active stays, however many there are. Both
 * ends are told by RST, at a bounded rate.
 */
#include "endpoint.h"

enum {
	HAND_ENTRIES = 512, /* looked at in a tick */
	ROOM_ENTRIES = 64,  /* looked at for a new connection that finds the table full */
	VICTIMS_PER_TICK = 8,
	VICTIMS_PER_S = 5000,
	LOW_WATER_PERCENT = 5, /* below the high mark */
};

void relay_pressure_init(struct sl_relay *r, uint32_t high_percent)
{
	struct sl_pressure *p = &r->pressure;
	const uint64_t all[] = {
		[SL_STOCK_ENTRIES] = sl_flow_capacity(&r->flow),
		[SL_STOCK_ENDPOINTS] = r->endpoints.n,
		[SL_STOCK_BLOCKS] = tcp_pool_spare(&r->endpoints.tcp.pool), /* it is full */
	};

	memset(p, 0, sizeof(*p));
	for (unsigned i = 0; i < SL_N_STOCKS; i++) {
		p->of[i].high = (uint32_t)(all[i] * high_percent / 100);
		p->of[i].low = (uint32_t)(all[i] * (high_percent - LOW_WATER_PERCENT) / 100);
	}
	p->seed = r->flow.secret[0] | 1;
}

/* Two rows of counters (Cormode and Muthukrishnan's count-min sketch): the client's address, of
 * IPv6 its /64. */
static void places(const struct sl_pressure *p, const struct sl_flow_key *key, unsigned at[2])
{
	const bool v4 = sl_addr_is_v4(&key->outside_addr);
	uint64_t h = sl_load_le64(key->outside_addr.b + (v4 ? 8 : 0)) ^ key->domain;

	h = (h ^ p->seed) * 0x9e3779b97f4a7c15ULL;
	h = (h ^ h >> 32) * p->seed;
	h ^= h >> 29;
	at[0] = (unsigned)(h >> 20) % SL_PRESSURE_SOURCES;
	at[1] = (unsigned)(h >> 44) % SL_PRESSURE_SOURCES;
}

void relay_source_add(struct sl_relay *r, const struct sl_flow_key *key, uint32_t n)
{
	unsigned at[2];

	places(&r->pressure, key, at);
	r->pressure.held[0][at[0]] += n;
	r->pressure.held[1][at[1]] += n;
}

static uint32_t held_by_source(const struct sl_relay *r, const struct sl_conn *conn)
{
	unsigned at[2];

	places(&r->pressure, &conn->key, at);
	return sl_min_u32(r->pressure.held[0][at[0]], r->pressure.held[1][at[1]]);
}

static bool any_leg(const struct sl_conn *conn, enum sl_tcp_state state)
{
	return conn->state[SL_LEG_CLIENT] == state || conn->state[SL_LEG_SERVER] == state;
}

static enum sl_pressure_level class_of(const struct sl_conn *conn)
{
	if (sl_conn_over(conn))
		return SL_PRESSURE_OVER;
	if (any_leg(conn, SL_TCP_SYN_SENT) || any_leg(conn, SL_TCP_SYN_RECEIVED))
		return SL_PRESSURE_HALF_OPEN;
	if (conn->state[SL_LEG_CLIENT] == SL_TCP_ESTABLISHED &&
	    (conn->state[SL_LEG_SERVER] == SL_TCP_ESTABLISHED || conn->ours))
		return SL_PRESSURE_IDLE;
	return SL_PRESSURE_HALF_CLOSED;
}

/* Whether a connection has been without a sign of life for longer than its shrunken limit. */
static bool stale(const struct sl_relay *r, const struct sl_conn *conn,
		  enum sl_pressure_level class)
{
	const uint32_t gone = r->now_ms - conn->last_seen_ms;

	return gone >= relay_limit_ms(r, conn) / (class == SL_PRESSURE_IDLE ? 64 : 8);
}

bool relay_make_room(struct sl_relay *r)
{
	const uint32_t capacity = sl_flow_capacity(&r->flow);
	struct sl_pressure *p = &r->pressure;

	for (unsigned i = 0; i < ROOM_ENTRIES; i++) {
		const uint32_t index = p->hand;

		p->hand = index + 1 == capacity ? 0 : index + 1;
		if (!sl_flow_in_use(&r->flow, index) || !sl_conn_over(sl_relay_conn(r, index)))
			continue;
		relay_count(r, sl_relay_conn(r, index), SL_EVENT_evicted_over);
		sl_relay_remove(r, index);
		return true;
	}
	return false;
}

static uint32_t in_use(const struct sl_relay *r, enum sl_stock stock)
{
	const struct sl_endpoints *e = &r->endpoints;

	switch (stock) {
	case SL_STOCK_ENTRIES: /* those of passed services give way by themselves */
		return sl_flow_count(&r->flow) - sl_relay_n_passed(r);
	case SL_STOCK_ENDPOINTS:
		return e->n - e->n_free;
	case SL_STOCK_BLOCKS:
		return e->tcp.pool.n_blocks - e->tcp.pool.n_free;
	case SL_N_STOCKS:
		break;
	}
	return 0;
}

/* Begins what has become necessary, ends what no longer is. Returns whether anything is short. */
static bool any_short(struct sl_relay *r)
{
	bool any = false;

	for (unsigned i = 0; i < SL_N_STOCKS; i++) {
		struct sl_shortage *s = &r->pressure.of[i];
		const uint32_t n = in_use(r, (enum sl_stock)i);

		if (sl_likely(s->level == SL_PRESSURE_NONE && n <= s->high))
			continue;
		if (s->level == SL_PRESSURE_NONE) {
			s->level = SL_PRESSURE_OVER;
			s->seen = 0;
		} else if (n <= s->low) {
			s->level = SL_PRESSURE_NONE;
		}
		any |= s->level != SL_PRESSURE_NONE;
	}
	return any;
}

/* The last class of which a connection may be taken: the furthest that what it would free is at. */
static enum sl_pressure_level level_for(const struct sl_relay *r, const struct sl_conn *conn)
{
	const struct sl_shortage *of = r->pressure.of;
	enum sl_pressure_level level = of[SL_STOCK_ENTRIES].level;

	if (!conn->ours)
		return level;
	if (of[SL_STOCK_ENDPOINTS].level > level)
		level = of[SL_STOCK_ENDPOINTS].level;
	if (of[SL_STOCK_BLOCKS].level > level && relay_endpoint_holds_blocks(r, conn))
		level = of[SL_STOCK_BLOCKS].level;
	return level;
}

/* What the hand has found in one tick. */
struct found {
	uint32_t index[HAND_ENTRIES];
	uint32_t n, heaviest;
};

static void look_at(struct sl_relay *r, uint32_t index, struct found *found)
{
	const struct sl_conn *conn = sl_relay_conn(r, index);
	const enum sl_pressure_level class = class_of(conn);
	uint32_t held;

	if (class > level_for(r, conn) || sl_relay_passed(r, conn))
		return;
	if (class == SL_PRESSURE_OVER) {
		relay_count(r, conn, SL_EVENT_evicted_over);
		sl_relay_remove(r, index);
		return;
	}
	if (!stale(r, conn, class))
		return;
	held = held_by_source(r, conn);
	if (held > found->heaviest)
		found->heaviest = held;
	found->index[found->n++] = index;
}

static void reclaim(struct sl_relay *r, const struct found *found)
{
	static const enum sl_event why[] = {
		[SL_PRESSURE_NONE] = SL_EVENT_evicted_over,
		[SL_PRESSURE_OVER] = SL_EVENT_evicted_over,
		[SL_PRESSURE_HALF_OPEN] = SL_EVENT_evicted_half_open,
		[SL_PRESSURE_HALF_CLOSED] = SL_EVENT_evicted_half_closed,
		[SL_PRESSURE_IDLE] = SL_EVENT_evicted_idle,
	};
	unsigned taken = 0;

	for (uint32_t i = 0; i < found->n && taken < VICTIMS_PER_TICK; i++) {
		struct sl_conn *conn = sl_relay_conn(r, found->index[i]);

		/* An estimate: half as many as the heaviest may be as many. */
		if (held_by_source(r, conn) < found->heaviest / 2 + 1)
			continue;
		if (r->out->n_spare < SPARES_FOR_ONE ||
		    !sl_bucket_take(&r->pressure.victims, r->now_us, VICTIMS_PER_S))
			return;
		relay_reclaim(r, conn, why[class_of(conn)]);
		taken++;
	}
}

/* One entry more was looked at. When the hand has come round, what it was allowed to take was not
 * enough, or was. */
static void look_on(struct sl_relay *r)
{
	const uint32_t capacity = sl_flow_capacity(&r->flow);
	struct sl_pressure *p = &r->pressure;

	p->hand = p->hand + 1 == capacity ? 0 : p->hand + 1;
	for (unsigned i = 0; i < SL_N_STOCKS; i++)
		p->of[i].seen++;
}

static void come_round(struct sl_shortage *s)
{
	s->seen = 0;
	if (s->level != SL_PRESSURE_NONE && s->level < SL_PRESSURE_IDLE)
		s->level++;
}

void relay_pressure_tick(struct sl_relay *r)
{
	const uint32_t capacity = sl_flow_capacity(&r->flow);
	struct sl_pressure *p = &r->pressure;
	struct found found = {.n = 0};

	for (unsigned i = 0; i < HAND_ENTRIES && i < capacity; i++) {
		const uint32_t index = p->hand;

		if (sl_likely(!any_short(r)))
			return;
		look_on(r);
		if (sl_flow_in_use(&r->flow, index))
			look_at(r, index, &found);
	}
	reclaim(r, &found);
	for (unsigned i = 0; i < SL_N_STOCKS; i++)
		if (p->of[i].seen >= capacity)
			come_round(&p->of[i]);
}
