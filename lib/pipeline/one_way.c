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
	struct sl_service_state *state = &p->relay.service[service];

	state->heard_at = state->syns_sent;
	state->unheard_since_us = 0;
	state->one_way = false;
	pipeline_settle(p, service);
}

void pipeline_one_way_tick(struct sl_pipeline *p)
{
	if (p->relay.now_us < p->next_one_way_us)
		return;
	p->next_one_way_us = p->relay.now_us + ONE_WAY_LOOK_US;
	for (uint16_t s = 1; s <= p->plan->services.n; s++) {
		struct sl_service_state *state = &p->relay.service[s];
		const uint32_t unanswered = state->syns_sent - state->heard_at;

		if (unanswered > 0 && state->unheard_since_us == 0)
			state->unheard_since_us = p->relay.now_us;
		if (state->one_way || unanswered < ONE_WAY_ASKED ||
		    p->relay.now_us - state->unheard_since_us < ONE_WAY_US)
			continue;
		state->one_way = true;
		pipeline_settle(p, s);
		sl_count(&p->out->accounts[s].event[SL_EVENT_one_way], 1);
	}
}
