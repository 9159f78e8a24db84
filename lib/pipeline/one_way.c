/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One-way: the answers of a service's servers go round the box (asymmetric routing), or its servers
 * are down. Either way all its connections would fail without a word. So it is an event, and if the
 * service is configured so, it is not proxied until its servers are heard again: then clients and
 * servers that see each other go on without the box.
 */
#include "pipeline.h"

enum {
	ONE_WAY_ASKED = 3,            /* SYNs to the servers, at least */
	ONE_WAY_US = 5 * 1000 * 1000, /* and so long since the first, without a segment back */
	ONE_WAY_LOOK_US = 1000 * 1000,
};

void pipeline_heard_again(struct sl_pipeline *p, uint16_t service)
{
	struct sl_one_way *o = &p->one_way[service];

	o->heard_at = p->relay.syns_sent[service];
	o->since_us = 0;
	o->on = false;
	pipeline_settle(p, service);
}

void pipeline_one_way_tick(struct sl_pipeline *p)
{
	if (p->relay.now_us < p->next_one_way_us)
		return;
	p->next_one_way_us = p->relay.now_us + ONE_WAY_LOOK_US;
	for (uint16_t s = 1; s <= p->plan->services.n; s++) {
		struct sl_one_way *o = &p->one_way[s];
		const uint32_t unanswered = p->relay.syns_sent[s] - o->heard_at;

		if (unanswered > 0 && o->since_us == 0)
			o->since_us = p->relay.now_us;
		if (o->on || unanswered < ONE_WAY_ASKED ||
		    p->relay.now_us - o->since_us < ONE_WAY_US)
			continue;
		o->on = true;
		pipeline_settle(p, s);
		sl_count(&p->out->accounts[s].event[SL_EVENT_one_way], 1);
	}
}
