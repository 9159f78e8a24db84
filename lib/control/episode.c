/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What goes on for a while is logged when it begins and when it has ended, with figures, however
 * long it lasts: floods, adoption, evictions, losses, servers that are not heard. One look a
 * second.
 */
#include <inttypes.h>
#include <stdio.h>

#include "control.h"

enum {
	CALM_TICKS = 10,   /* it has ended when so many looks in a row have found little */
	CALM_PERCENT = 70, /* of its threshold: that is little */
	FLOOD = 1000,      /* a second */
};

/* One kind of episode of a service or a worker, which a counter tells. */
struct kind {
	uint64_t (*count)(const struct sl_account *a);
	const char *name, *what; /* "SYN flood", and what it counts */
	uint64_t threshold;      /* in a second */
	enum sl_log_level level;
	bool proxied; /* only of services that the box proxies */
};

static uint64_t drops(const struct sl_account *a, const enum sl_drop *which, unsigned n)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < n; i++)
		sum += sl_counted(&a->drop[which[i]]);
	return sum;
}

static uint64_t events(const struct sl_account *a, const enum sl_event *which, unsigned n)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < n; i++)
		sum += sl_counted(&a->event[which[i]]);
	return sum;
}

static uint64_t syns_for_nothing(const struct sl_account *a)
{
	const uint64_t syns = sl_counted(&a->event[SL_EVENT_syn_received]);
	const uint64_t good = sl_counted(&a->event[SL_EVENT_connections_established]);

	return syns > good ? syns - good : 0;
}

static uint64_t forged(const struct sl_account *a)
{
	static const enum sl_drop which[] = {SL_DROP_cookie_invalid, SL_DROP_cookie_expired,
					     SL_DROP_stray, SL_DROP_replayed};

	return drops(a, which, SL_ARRAY_LEN(which));
}

static uint64_t adopted(const struct sl_account *a)
{
	return sl_counted(&a->event[SL_EVENT_connections_adopted]);
}

static uint64_t adoptions_refused(const struct sl_account *a)
{
	return sl_counted(&a->event[SL_EVENT_adoptions_refused]);
}

static uint64_t rationed(const struct sl_account *a)
{
	return sl_counted(&a->drop[SL_DROP_adopt_rationed]);
}

uint64_t control_evicted(const struct sl_account *a)
{
	static const enum sl_event which[] = {SL_EVENT_evicted_over, SL_EVENT_evicted_half_open,
					      SL_EVENT_evicted_half_closed, SL_EVENT_evicted_idle};

	return events(a, which, SL_ARRAY_LEN(which));
}

static uint64_t out_of_room(const struct sl_account *a)
{
	static const enum sl_drop which[] = {SL_DROP_table_full,        SL_DROP_endpoints_full,
					     SL_DROP_no_stream_buffer,  SL_DROP_no_buffer,
					     SL_DROP_link_headers_full, SL_DROP_handover_full};

	return drops(a, which, SL_ARRAY_LEN(which));
}

static const struct kind of_service[CONTROL_SERVICE_EPISODES] = {
	[EPISODE_SYN_FLOOD] = {syns_for_nothing, "SYN flood", "SYNs without a connection", FLOOD,
			       SL_LOG_WARNING, true},
	[EPISODE_FORGED] = {forged, "flood of segments", "segments of no connection", FLOOD,
			    SL_LOG_WARNING, true},
	[EPISODE_ADOPTION] = {adopted, "adoption", "connections adopted that ran before", 1,
			      SL_LOG_NOTICE, false},
	[EPISODE_RESET_AFTER_RESTART] = {adoptions_refused, "series of resets after a restart",
					 "connections reset that an earlier run had translated", 1,
					 SL_LOG_WARNING, false},
	[EPISODE_RATIONED] = {rationed, "rationing of strays",
			      "strays from outside that the servers are not shown: adopt_rate", 1,
			      SL_LOG_WARNING, false},
};

static const struct kind of_worker[CONTROL_WORKER_EPISODES] = {
	{control_evicted, "eviction", "connections evicted to make room", 1, SL_LOG_WARNING, false},
	{out_of_room, "shortage", "packets dropped for want of room: see `sluicectl stats`", 1,
	 SL_LOG_WARNING, false},
};

/* Of a port: the NIC's counters, in their order. */
static const struct kind of_port[CONTROL_PORT_EPISODES] = {
	{NULL, "loss of packets", "nic_missed: its worker does not keep up", 1, SL_LOG_WARNING,
	 false},
	{NULL, "loss of packets", "nic_nombuf: raise workers.buffers", 1, SL_LOG_WARNING, false},
	{NULL, "reception of broken packets", "nic_errors: cable, transceiver, MTU", 1,
	 SL_LOG_WARNING, false},
};

enum edge { EDGE_NONE, EDGE_BEGIN, EDGE_END };

/* Looks at one counter. What it was at the first look is no episode. */
static enum edge look(struct control_episode *e, uint64_t count, uint64_t threshold)
{
	const uint64_t n = e->known && count > e->last ? count - e->last : 0;

	e->known = true;
	e->last = count;
	if (!e->on && n < threshold)
		return EDGE_NONE;
	if (!e->on) {
		*e = (struct control_episode){.known = true,
					      .on = true,
					      .last = count,
					      .ticks = 1,
					      .total = n,
					      .peak = n};
		return EDGE_BEGIN;
	}
	e->ticks++;
	e->total += n;
	e->peak = n > e->peak ? n : e->peak;
	e->calm = n * 100 < threshold * CALM_PERCENT ? e->calm + 1 : 0;
	if (e->calm < CALM_TICKS)
		return EDGE_NONE;
	e->on = false;
	return EDGE_END;
}

/* `whose`: "service web". */
static void tell(const struct kind *kind, struct control_episode *e, uint64_t count,
		 const char *whose)
{
	switch (look(e, count, kind->threshold)) {
	case EDGE_NONE:
		break;
	case EDGE_BEGIN:
		sl_log(kind->level, "%s: %s begins: %" PRIu64 " in a second (%s)", whose,
		       kind->name, e->total, kind->what);
		break;
	case EDGE_END:
		sl_log(kind->level,
		       "%s: %s has ended after %u s: %" PRIu64 " in all, at most %" PRIu64
		       " in a second (%s)",
		       whose, kind->name, e->ticks - CALM_TICKS, e->total, e->peak, kind->what);
		break;
	}
}

static bool is_proxied(const struct sl_control *c, unsigned service)
{
	const struct sl_service *s = &c->config.plan->services.service[service];

	return s->mode != SL_MODE_PASS && s->mode != SL_MODE_MONITOR && !s->retired &&
	       !c->config.plan->draining;
}

static void look_at_service(struct sl_control *c, unsigned service)
{
	char whose[64];

	snprintf(whose, sizeof(whose), "service %s",
		 c->config.plan->services.service[service].name);
	for (unsigned k = 0; k < CONTROL_SERVICE_EPISODES; k++) {
		const struct kind *kind = &of_service[k];
		uint64_t count = 0;

		for (unsigned w = 0; w < c->config.n_workers; w++)
			count += kind->count(&sl_worker_accounts(c->config.workers[w])[service]);
		/* While it is not proxied the counter is no measure: nothing more is seen of it. */
		if (kind->proxied && !is_proxied(c, service))
			count = c->services[service].episode[k].last;
		tell(kind, &c->services[service].episode[k], count, whose);
	}
}

static void look_at_worker(struct sl_control *c, unsigned w)
{
	const struct sl_account *a = sl_worker_accounts(c->config.workers[w]);
	char whose[64];

	snprintf(whose, sizeof(whose), "the worker on core %u",
		 sl_worker_core(c->config.workers[w]));
	for (unsigned k = 0; k < CONTROL_WORKER_EPISODES; k++) {
		uint64_t count = 0;

		for (unsigned s = 0; s <= c->config.plan->services.n; s++)
			count += of_worker[k].count(&a[s]);
		tell(&of_worker[k], &c->workers[w].episode[k], count, whose);
	}
}

static void look_at_port(struct sl_control *c, unsigned port)
{
	const struct sl_port_counters *now = &c->ports[port].watch.now;
	const uint64_t counts[] = {now->nic_missed, now->nic_nombuf, now->nic_errors};
	char whose[96];

	snprintf(whose, sizeof(whose), "port %s", c->config.ports[port].name);
	for (unsigned k = 0; k < CONTROL_PORT_EPISODES; k++)
		tell(&of_port[k], &c->ports[port].episode[k], counts[k], whose);
}

void control_episodes(struct sl_control *c)
{
	for (unsigned s = 1; s <= c->config.plan->services.n; s++)
		look_at_service(c, s);
	for (unsigned w = 0; w < c->config.n_workers; w++)
		look_at_worker(c, w);
	for (unsigned port = 0; port < c->config.n_ports; port++)
		look_at_port(c, port);
}

bool sl_control_strays_rationed(const struct sl_control *c, unsigned service)
{
	return c->services[service].episode[EPISODE_RATIONED].on;
}

void control_one_way(struct sl_control *c, const uint64_t on[SL_SERVICES_MAX / 64])
{
	for (unsigned s = 1; s <= c->config.plan->services.n; s++) {
		const struct sl_service *service = &c->config.plan->services.service[s];
		struct control_service *of = &c->services[s];
		const bool is_on = on[s / 64] >> s % 64 & 1;

		if (is_on && !of->one_way)
			sl_log(SL_LOG_WARNING,
			       "service %s: its servers are not heard: they are down, or their "
			       "answers go round the box (one_way)%s",
			       service->name,
			       service->one_way == SL_ONE_WAY_PASS
				       ? "; new connections pass unproxied"
				       : "");
		else if (!is_on && of->one_way)
			sl_log(SL_LOG_NOTICE,
			       "service %s: its servers are heard again, after %" PRIu64 " s",
			       service->name, c->ticks - of->one_way_tick);
		if (is_on && !of->one_way)
			of->one_way_tick = c->ticks;
		of->one_way = is_on;
	}
}
