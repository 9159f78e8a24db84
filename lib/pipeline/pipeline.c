/* SPDX-License-Identifier: BSD-3-Clause */
#include "pipeline.h"

size_t sl_pipeline_memory_size(const struct sl_pipeline_config *config)
{
	const struct sl_relay_config relay = {
		.n_connections = config->n_connections,
		.n_held = config->n_held,
		.n_endpoints = config->n_endpoints,
		.n_blocks = config->n_blocks,
		.plan = config->plan,
	};

	return sl_relay_memory_size(&relay);
}

/* A service's LISTEN is 1, that of one that is gone 0. */
static void show_listening(struct sl_pipeline *p)
{
	const struct sl_service_table *t = &p->plan->services;

	for (unsigned s = 1; s <= t->n; s++)
		p->out->accounts[s].state[SL_LEG_CLIENT][SL_TCP_LISTEN] = !t->service[s].retired;
}

static uint64_t mac_of(const uint8_t mac[6])
{
	uint8_t word[8] = {0};

	memcpy(word, mac, 6);
	return pipeline_mac_word(word);
}

int sl_pipeline_init(struct sl_pipeline *p, const struct sl_pipeline_config *config, void *memory,
		     struct sl_out *out, uint64_t now_us)
{
	const struct sl_relay_config relay = {
		.n_connections = config->n_connections,
		.n_held = config->n_held,
		.n_endpoints = config->n_endpoints,
		.n_blocks = config->n_blocks,
		.high_water = config->high_water,
		.plan = config->plan,
		.secret = config->table_secret,
	};

	memset(p, 0, sizeof(*p));
	p->plan = config->plan;
	p->ring = *config->ring;
	p->ring.older = p->secret_shared = config->secret_shared;
	p->out = out;
	for (unsigned i = 0; i < SL_PORTS_MAX; i++)
		p->port[i].side = SL_N_SIDES;
	for (unsigned link = 0; link < config->plan->n_links; link++) {
		for (unsigned side = 0; side < SL_N_SIDES; side++) {
			const uint8_t port = config->plan->links[link].port[side];
			struct sl_port_place *place = &p->port[port];

			if (port >= SL_PORTS_MAX) /* a host link has no inside */
				continue;
			place->link = (uint8_t)link;
			place->side = (uint8_t)side;
			if (config->plan->links[link].host)
				p->mac[port] = mac_of(config->plan->links[link].mac);
		}
	}
	show_listening(p);
	if (sl_relay_init(&p->relay, &relay, memory, out, now_us) != 0)
		return -1;
	if (config->learned != NULL)
		p->relay.learned = *config->learned;
	pipeline_change_init(p);
	return 0;
}

/* The number of a service is given to another. No sum may fall, so the counters of the former
 * service are added to those of no service; nothing else is kept of it. */
static void reset_service(struct sl_pipeline *p, unsigned service)
{
	struct sl_service_state *state = &p->relay.service[service];
	struct sl_account *a = p->out->accounts, *from = &a[service];

	sl_account_add(&a[SL_SERVICE_NONE], from);
	memset(from, 0, sizeof(*from));
	p->n_proxied = (uint16_t)(p->n_proxied - state->proxied);
	memset(state, 0, sizeof(*state));
}

void sl_pipeline_apply(struct sl_pipeline *p, const struct sl_plan *plan, uint64_t now_us)
{
	const struct sl_plan *before = p->plan;

	sl_relay_begin(&p->relay, now_us);
	p->plan = plan;
	for (unsigned s = 1; s <= plan->services.n; s++)
		if (plan->services.service[s].reused)
			reset_service(p, s);
	sl_relay_apply(&p->relay, plan);
	pipeline_change(p, before);
	show_listening(p);
}

void sl_pipeline_set_limit(struct sl_pipeline *p, unsigned port, const struct sl_frame_limit *limit)
{
	sl_relay_set_limit(&p->relay, port, limit);
	p->templates_stale = true; /* answers are promised less, or more */
}

/* Looks up again what an earlier packet of this burst may have changed. */
static void look_again(struct sl_pipeline *p, struct sl_flow_query *q)
{
	if (p->relay.dirty >> (q->hash % 64) & 1)
		q->index = sl_flow_lookup(&p->relay.flow, &q->key, q->hash);
}

static void decide(struct sl_pipeline *p, unsigned i)
{
	struct sl_packet *pkt = &p->packet[i];
	const uint32_t index = p->query[i].index;

	if (pkt->pattern != NULL)
		pipeline_parse_packet(pkt);
	if (pipeline_is_too_long(p, i, index))
		return;
	if (sl_unlikely(pkt->icmp)) {
		pipeline_icmp(p, i, index);
		return;
	}
	if (index == SL_FLOW_NONE) {
		if (sl_likely(pkt->proxied))
			pipeline_handshake(p, i);
		else
			pipeline_unproxied(p, i);
		return;
	}
	if (!pkt->proxied) {
		if (sl_relay_passed(&p->relay, sl_relay_conn(&p->relay, index))) {
			pipeline_follow(p, i, index);
			return;
		}
		if (!pipeline_believable(p, pkt)) {
			pipeline_leave(p, pkt);
			return;
		}
	}
	if (sl_unlikely(sl_conn_over(sl_relay_conn(&p->relay, index))) && pipeline_reopen(p, i))
		return;
	sl_relay_segment(&p->relay, index, (enum sl_side)pkt->side, pkt->buf, pkt->seg);
}

static inline void serve(struct sl_pipeline *p)
{
	if (sl_unlikely(sl_relay_has_work(&p->relay)))
		sl_relay_serve(&p->relay, sl_cookie_unix_us(&p->ring, p->relay.now_us));
}

void sl_pipeline_run(struct sl_pipeline *p, struct sl_buf *bufs, unsigned n, uint64_t now_us)
{
	assert(n <= SL_BURST);
	sl_relay_begin(&p->relay, now_us);
	pipeline_templates_begin(p);
	pipeline_classify(p, bufs, n);
	p->relay.dirty = 0;
	if (sl_flow_lookup_burst(&p->relay.flow, p->query, p->n) > 0)
		pipeline_cookies(p);
	for (unsigned i = 0; i < p->n;) {
		const unsigned first = i;
		unsigned end = p->n;

		/* From here on one by one. */
		if (sl_unlikely(p->relay.dirty != 0)) {
			look_again(p, &p->query[i]);
			end = i + 1;
		}
		/* What nearly all are, many at once. */
		if (p->query[i].index != SL_FLOW_NONE)
			i = sl_relay_quiet_segments(&p->relay, p->packet, p->query, i, end);
		else if (p->packet[i].cookie != SL_BURST)
			i = pipeline_handshakes(p, i, end);
		if (i == first)
			decide(p, i++);
	}
	pipeline_answered(p);
	serve(p);
	sl_out_settle(p->out, bufs, n);
}

void sl_pipeline_tick(struct sl_pipeline *p, uint64_t now_us)
{
	sl_relay_begin(&p->relay, now_us);
	pipeline_one_way_tick(p);
	sl_relay_tick(&p->relay, SL_BURST);
	serve(p);
}
