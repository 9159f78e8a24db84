/* SPDX-License-Identifier: BSD-3-Clause */
/* Birth, states and end of a connection. */
#include "endpoint.h"
#include "sl_time_wait.h"

static size_t held_bytes(const struct sl_relay_config *config)
{
	return (size_t)config->n_held * sizeof(struct sl_held);
}

static size_t aligned(size_t n)
{
	return (n + SL_CACHE_LINE - 1) & ~(size_t)(SL_CACHE_LINE - 1);
}

size_t sl_relay_memory_size(const struct sl_relay_config *config)
{
	const size_t flow = sl_flow_memory_size(config->n_connections, sizeof(struct sl_conn));

	if (flow == 0 || config->n_held > SL_HELD_MAX)
		return 0;
	return aligned(flow) + aligned(sl_wheel_memory_size(SL_RELAY_SLOTS)) +
	       aligned(held_bytes(config)) + aligned(relay_reserves_memory(config)) +
	       relay_endpoints_memory(config);
}

/* A link carries what it is configured to, and no more than either of its ports. */
static void limit_link(struct sl_relay *r, unsigned link)
{
	const struct sl_link *l = &r->plan->links[link];
	uint32_t mtu = l->mtu;

	for (unsigned side = 0; side < SL_N_SIDES; side++)
		mtu = sl_min_u32(mtu, r->limit[l->port[side]].mtu);
	r->mtu[link] = (uint16_t)mtu;
}

/* Until a port's limit is known, there is none. */
static void limits_init(struct sl_relay *r)
{
	for (unsigned port = 0; port <= SL_PORTS_MAX; port++)
		r->limit[port] = SL_FRAME_LIMIT_NONE;
	r->len_always = UINT16_MAX;
	for (unsigned link = 0; link < r->plan->n_links; link++)
		limit_link(r, link);
}

void sl_relay_set_limit(struct sl_relay *r, unsigned port, const struct sl_frame_limit *limit)
{
	assert(port < SL_PORTS_MAX && limit->mtu >= SL_IPV4_MTU_MIN);
	r->limit[port] = *limit;
	r->len_always = UINT16_MAX;
	for (unsigned i = 0; i < SL_PORTS_MAX; i++) {
		const unsigned of_mtu = r->limit[i].mtu + SL_ETHER_HDR;

		r->len_always = sl_min_u32(r->len_always, sl_min_u32(of_mtu, r->limit[i].frame));
	}
	for (unsigned link = 0; link < r->plan->n_links; link++)
		limit_link(r, link);
	relay_endpoints_plan(r);
}

int sl_relay_init(struct sl_relay *r, const struct sl_relay_config *config, void *memory,
		  struct sl_out *out, uint64_t now_us)
{
	const size_t flow = sl_flow_memory_size(config->n_connections, sizeof(struct sl_conn));
	uint8_t *p = memory;

	if (sl_relay_memory_size(config) == 0)
		return -1;
	r->out = out;
	r->plan = config->plan;
	r->dirty = 0;
	memset(&r->too_bigs, 0, sizeof(r->too_bigs));
	memset(&r->learned, 0, sizeof(r->learned));
	memset(r->service, 0, sizeof(r->service));
	limits_init(r);
	sl_l2_init(&r->l2);
	sl_relay_begin(r, now_us);
	if (sl_flow_init(&r->flow, p, config->n_connections, sizeof(struct sl_conn),
			 config->secret) != 0)
		return -1;
	p += aligned(flow);
	sl_wheel_init(&r->wheel, p, SL_RELAY_SLOTS, SL_RELAY_TICK_US, sl_relay_conn(r, 0),
		      sizeof(struct sl_conn), offsetof(struct sl_conn, timer), now_us);
	p += aligned(sl_wheel_memory_size(SL_RELAY_SLOTS));
	r->early.place = (struct sl_held *)p;
	relay_held_init(r, config->n_held);
	p += aligned(held_bytes(config));
	relay_reserves_init(r, config, p);
	p += aligned(relay_reserves_memory(config));
	relay_endpoints_init(r, config, p);
	relay_pressure_init(r, config->high_water);
	return 0;
}

void sl_relay_apply(struct sl_relay *r, const struct sl_plan *plan)
{
	r->plan = plan;
	for (unsigned link = 0; link < plan->n_links; link++)
		limit_link(r, link);
	relay_endpoints_plan(r);
}

void relay_count(struct sl_relay *r, const struct sl_conn *conn, enum sl_event event)
{
	sl_count(&r->out->accounts[conn->service].event[event], 1);
}

static void mark_dirty(struct sl_relay *r, uint32_t hash)
{
	r->dirty |= 1ULL << (hash % 64);
}

static void gauge(struct sl_relay *r, const struct sl_conn *conn, enum sl_leg leg, uint64_t n)
{
	sl_count(&r->out->accounts[conn->service].state[leg][conn->state[leg]], n);
}

struct sl_conn *relay_conn_add(struct sl_relay *r, const struct sl_flow_key *key, uint32_t hash,
			       uint16_t service, enum sl_reserve_kind kind)
{
	struct sl_conn *conn;
	uint32_t index;

	index = sl_flow_insert(&r->flow, key, hash);
	if (sl_unlikely(index == SL_FLOW_NONE) && relay_give_way(r, kind))
		index = sl_flow_insert(&r->flow, key, hash);
	if (index == SL_FLOW_NONE)
		return NULL;
	relay_source_add(r, key, 1);
	conn = sl_relay_conn(r, index);
	memset((uint8_t *)conn + sizeof(conn->key), 0, sizeof(*conn) - sizeof(conn->key));
	sl_wheel_node_init(&conn->timer);
	conn->service = (uint8_t)service;
	conn->created_ms = conn->last_seen_ms = r->now_ms;
	conn->wscale_outside = conn->wscale_inside = conn->wscale_promised = SL_NO_WSCALE;
	conn->state[SL_LEG_CLIENT] = conn->state[SL_LEG_SERVER] = SL_TCP_CLOSED;
	gauge(r, conn, SL_LEG_CLIENT, 1);
	gauge(r, conn, SL_LEG_SERVER, 1);
	if (kind != SL_RESERVE_NONE)
		relay_reserve_enter(r, conn, kind);
	mark_dirty(r, hash);
	relay_count(r, conn, SL_EVENT_connections_opened);
	return conn;
}

#define TO(s) (1u << SL_TCP_##s)

/* The arrows of RFC 9293 figure 5, as the box can see them, and a way to CLOSED from everywhere. */
static const uint16_t transitions[SL_TCP_N_STATES] = {
	[SL_TCP_LISTEN] = 0,
	[SL_TCP_SYN_SENT] = TO(SYN_RECEIVED) | TO(ESTABLISHED) | TO(CLOSED),
	[SL_TCP_SYN_RECEIVED] = TO(ESTABLISHED) | TO(CLOSED),
	[SL_TCP_ESTABLISHED] = TO(FIN_WAIT_1) | TO(CLOSE_WAIT) | TO(CLOSED),
	[SL_TCP_FIN_WAIT_1] = TO(FIN_WAIT_2) | TO(CLOSING) | TO(TIME_WAIT) | TO(CLOSED),
	[SL_TCP_FIN_WAIT_2] = TO(TIME_WAIT) | TO(CLOSED),
	[SL_TCP_CLOSE_WAIT] = TO(LAST_ACK) | TO(CLOSED),
	[SL_TCP_CLOSING] = TO(TIME_WAIT) | TO(CLOSED),
	[SL_TCP_LAST_ACK] = TO(CLOSED),
	[SL_TCP_TIME_WAIT] = TO(CLOSED),
	[SL_TCP_CLOSED] = TO(SYN_SENT) | TO(SYN_RECEIVED) | TO(ESTABLISHED),
};

/* Both legs in one piece: they are read in one piece right after, and a load that is wider than the
 * store before it stalls. */
static void put_state(struct sl_conn *conn, enum sl_leg leg, enum sl_tcp_state state)
{
	const unsigned shift = 8 * (unsigned)leg;
	uint16_t both;

	memcpy(&both, conn->state, sizeof(both));
	both = (uint16_t)((both & ~(0xffu << shift)) | (unsigned)state << shift);
	memcpy(conn->state, &both, sizeof(both));
}

void relay_enter_state(struct sl_relay *r, struct sl_conn *conn, enum sl_leg leg,
		       enum sl_tcp_state state)
{
	uint64_t *gauges = r->out->accounts[conn->service].state[leg];
	const uint8_t was = conn->state[leg];

	/* One that is ours follows its endpoint, which sees to it and may have gone on twice. */
	assert(conn->ours || transitions[was] & 1u << state);
	put_state(conn, leg, state);
	sl_count(&gauges[was], (uint64_t)-1);
	sl_count(&gauges[state], 1);
	if (leg == SL_LEG_CLIENT && was == SL_TCP_SYN_RECEIVED && state != SL_TCP_CLOSED)
		relay_reserve_proved(r, conn);
}

void relay_set_state(struct sl_relay *r, struct sl_conn *conn, enum sl_leg leg,
		     enum sl_tcp_state state)
{
	relay_enter_state(r, conn, leg, state);
	relay_arm(r, conn);
}

void relay_not_translated(struct sl_relay *r, const struct sl_conn *conn)
{
	if (conn->flags & SL_CONN_SPLICED && !sl_conn_over(conn))
		r->n_translated--;
}

void relay_close(struct sl_relay *r, struct sl_conn *conn, enum sl_event why)
{
	relay_count(r, conn, why);
	relay_not_translated(r, conn);
	if (conn->flags & SL_CONN_OPENING) {
		relay_held_drop(r, conn);
		conn->flags &= (uint16_t)~SL_CONN_OPENING;
		conn->seq_delta = 0; /* the server's side is still counted from K */
		conn->ts_delta = 0;
		conn->end[SL_OUTSIDE].seq_max = conn->end[SL_OUTSIDE].isn + 1;
	}
	conn->last_seen_ms = r->now_ms;
	for (unsigned leg = 0; leg < SL_N_LEGS; leg++)
		if (conn->state[leg] != SL_TCP_CLOSED)
			relay_enter_state(r, conn, (enum sl_leg)leg, SL_TCP_CLOSED);
	relay_arm(r, conn);
}

void sl_relay_remove(struct sl_relay *r, uint32_t index)
{
	struct sl_conn *conn = sl_relay_conn(r, index);

	if (sl_unlikely(conn->ours))
		relay_endpoint_free(r, conn);
	relay_not_translated(r, conn);
	relay_source_add(r, &conn->key, (uint32_t)-1);
	relay_reserve_leave(r, conn);
	mark_dirty(r, sl_flow_hash(&r->flow, &conn->key));
	sl_wheel_cancel(&r->wheel, index);
	gauge(r, conn, SL_LEG_CLIENT, (uint64_t)-1);
	gauge(r, conn, SL_LEG_SERVER, (uint64_t)-1);
	sl_l2_put(&r->l2, conn->l2[SL_OUTSIDE]);
	sl_l2_put(&r->l2, conn->l2[SL_INSIDE]);
	sl_flow_remove(&r->flow, index);
}

void relay_l2_changed(struct sl_relay *r, struct sl_conn *conn, enum sl_side to,
		      const uint8_t *frame, unsigned l2_len)
{
	struct sl_l2 l2;
	uint16_t number;

	sl_wire_l2_get(frame, l2_len, &l2);
	number = sl_l2_get(&r->l2, &l2);
	if (number == SL_L2_NONE)
		return; /* the old one serves on */
	sl_l2_put(&r->l2, conn->l2[to]);
	conn->l2[to] = number;
}

void relay_l2_turned(struct sl_relay *r, struct sl_conn *conn, const uint8_t *frame,
		     unsigned l2_len)
{
	uint16_t there, back;

	if (!sl_l2_get_both(&r->l2, frame, l2_len, &there, &back))
		return; /* the old ones serve on */
	sl_l2_put(&r->l2, conn->l2[SL_INSIDE]);
	sl_l2_put(&r->l2, conn->l2[SL_OUTSIDE]);
	conn->l2[SL_INSIDE] = there;
	conn->l2[SL_OUTSIDE] = back;
}

bool sl_relay_reopens(const struct sl_conn *conn, enum sl_side side, const struct sl_seg *seg,
		      bool timestamps)
{
	const struct sl_end *me = &conn->end[side];
	/* Where an endpoint has its number is no delta, and its TSvals are not kept here. */
	const bool unseen = conn->ours && side == SL_INSIDE;
	const struct sl_incarnation last = {
		.seq = me->seq_max - 1,
		.tsval = me->tsval,
		.timestamps = conn->flags & SL_CONN_TIMESTAMPS,
	};
	const struct sl_incarnation next = {
		.seq = seg->seq,
		.tsval = seg->tsval + (side == SL_INSIDE && !conn->ours ? conn->ts_delta : 0),
		.timestamps = timestamps && !unseen,
	};

	return sl_conn_closed(conn) || sl_time_wait_yields(last, next);
}

bool sl_relay_successor(const struct sl_conn *conn, const struct sl_seg *seg)
{
	return !(seg->flags & (SL_SYN | SL_RST)) && !sl_relay_replays(conn, seg) &&
	       seg->ack - conn->seq_delta != conn->end[SL_INSIDE].seq_max;
}

bool sl_relay_replays(const struct sl_conn *conn, const struct sl_seg *seg)
{
	if (!(conn->flags & SL_CONN_SPLICED) && conn->ours != SL_CONN_OURS_BY_COOKIE)
		return false;
	return seg->seq - 1 == conn->end[SL_OUTSIDE].isn &&
	       seg->ack - 1 == conn->end[SL_INSIDE].isn + conn->seq_delta;
}
