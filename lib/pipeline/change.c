/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Switching the box on, restarting it, changing a mode: what runs must not be killed by it. Which
 * services are proxied now, and how long what was there before is taken in.
 */
#include "pipeline.h"

static bool proxied_by(const struct sl_plan *plan, uint16_t number)
{
	const struct sl_service *s = &plan->services.service[number];

	return number != SL_SERVICE_NONE && !s->retired && sl_service_mode_proxies(s->mode) &&
	       !plan->draining;
}

static bool proxied_now(const struct sl_pipeline *p, uint16_t service)
{
	return proxied_by(p->plan, service) &&
	       (!p->relay.service[service].one_way ||
		p->plan->services.service[service].one_way == SL_ONE_WAY_REPORT);
}

static bool tracked_by(const struct sl_plan *plan, uint16_t number)
{
	const struct sl_service *s = &plan->services.service[number];

	return number != SL_SERVICE_NONE && !s->retired && !sl_service_mode_proxies(s->mode) &&
	       s->track;
}

/* Packets of a service that have passed unproxied, and strays that were shown to its servers. */
static uint64_t passed(const struct sl_pipeline *p, uint16_t service)
{
	return p->out->accounts[service].term[SL_TERM_passed];
}

/* A connection can be adopted only if some of it has passed while its service was not proxied. */
void pipeline_settle(struct sl_pipeline *p, uint16_t service)
{
	const bool now = proxied_now(p, service);
	struct sl_service_state *state = &p->relay.service[service];

	state->tracks = tracked_by(p->plan, service);
	if (now == state->proxied)
		return;
	state->proxied = now;
	p->n_proxied = (uint16_t)(p->n_proxied + now - !now);
	p->templates_stale = true;
	if (!now)
		state->passed_at = passed(p, service);
	else if (passed(p, service) != state->passed_at)
		pipeline_adopt_from_now(p, service);
}

static void settle_all(struct sl_pipeline *p)
{
	for (unsigned s = 0; s < SL_SERVICES_MAX; s++)
		pipeline_settle(p, (uint16_t)s);
	p->templates_stale = true;
}

bool pipeline_cookies_alive(const struct sl_pipeline *p, uint16_t service)
{
	const uint64_t last = p->relay.service[service].last_cookie_us;
	const struct sl_service *s = &p->plan->services.service[service];

	if (last != 0 && p->relay.now_us - last <= SL_COOKIE_LIFE_MAX_US)
		return true;
	return p->secret_shared && sl_service_mode_proxies(s->mode) &&
	       s->cookies != SL_COOKIES_NEVER;
}

void pipeline_adopt_from_now(struct sl_pipeline *p, uint16_t service)
{
	p->relay.service[service].adopt_until_us =
		p->relay.now_us + p->plan->services.service[service].adopt_for_ms * SL_US_PER_MS;
}

void pipeline_change_init(struct sl_pipeline *p)
{
	settle_all(p);
	for (uint16_t s = 1; s <= p->plan->services.n; s++)
		pipeline_adopt_from_now(p, s);
}

/* Whether a service lets its traffic pass. */
static bool passes(const struct sl_plan *plan, unsigned number)
{
	const struct sl_service *s = &plan->services.service[number];

	return !s->retired && !sl_service_mode_proxies(s->mode);
}

/* The number of the narrowest service in `plan` that covers all of `s`, or none. */
static uint16_t covering(const struct sl_plan *plan, const struct sl_service *s)
{
	const struct sl_service *all = plan->services.service;
	uint16_t found = SL_SERVICE_NONE;

	for (uint16_t i = 1; i <= plan->services.n; i++)
		if (!all[i].retired && sl_service_covers(&all[i], s) &&
		    (found == SL_SERVICE_NONE || all[i].prefix_len > all[found].prefix_len))
			found = i;
	return found;
}

/* Whether service number `number` has the same addresses and ports in both plans. */
static bool same_traffic(const struct sl_plan *a, const struct sl_plan *b, uint16_t number)
{
	const struct sl_service *s = &a->services.service[number],
				*t = &b->services.service[number];

	return number <= a->services.n && number <= b->services.n && !s->retired && !t->retired &&
	       sl_service_covers(s, t) && sl_service_covers(t, s);
}

/* A service that let its traffic pass is gone, or has other addresses or ports: the traffic is a
 * wider service's now. */
static void adopt_by_wider(struct sl_pipeline *p, const struct sl_service *was)
{
	for (uint16_t s = 1; s <= p->plan->services.n; s++)
		if (proxied_by(p->plan, s) &&
		    sl_service_overlap(was, &p->plan->services.service[s]))
			pipeline_adopt_from_now(p, s);
}

/*
 * Traffic may come to a proxied service also by the addresses and ports that a new plan gives to
 * it. It was counted elsewhere how much of it has passed, so strays are adopted.
 */
void pipeline_change(struct sl_pipeline *p, const struct sl_plan *before)
{
	settle_all(p);
	for (uint16_t s = 1; s <= p->plan->services.n; s++)
		if (proxied_by(p->plan, s) && !same_traffic(before, p->plan, s) &&
		    !proxied_by(before, covering(before, &p->plan->services.service[s])))
			pipeline_adopt_from_now(p, s);
	for (uint16_t s = 1; s <= before->services.n; s++)
		if (passes(before, s) && !same_traffic(before, p->plan, s))
			adopt_by_wider(p, &before->services.service[s]);
}
