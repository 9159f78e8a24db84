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

static void settle(struct sl_pipeline *p, uint16_t service)
{
	const bool was = p->proxied[service];
	const bool is = proxied_by(p->plan, service) &&
			(!p->one_way[service].on ||
			 p->plan->services.service[service].one_way == SL_ONE_WAY_REPORT);

	p->proxied[service] = is;
	p->n_proxied = (uint16_t)(p->n_proxied + is - was);
}

void pipeline_settle(struct sl_pipeline *p, uint16_t service)
{
	const bool was = p->proxied[service];

	settle(p, service);
	if (p->proxied[service] != was)
		p->likes_stale = true;
}

static void settle_all(struct sl_pipeline *p)
{
	for (uint16_t s = 0; s < SL_SERVICES_MAX; s++)
		settle(p, s);
	p->likes_stale = true;
}

bool pipeline_cookies_alive(const struct sl_pipeline *p, uint16_t service)
{
	const uint64_t last = p->last_cookie_us[service];
	const struct sl_service *s = &p->plan->services.service[service];

	if (last != 0 && p->relay.now_us - last <= SL_COOKIE_LIFE_MAX_US)
		return true;
	return p->secret_shared && sl_service_mode_proxies(s->mode) &&
	       s->cookies != SL_COOKIES_NEVER;
}

void pipeline_adopt_from_now(struct sl_pipeline *p, uint16_t service)
{
	p->adopt_until_us[service] =
		p->relay.now_us + p->plan->services.service[service].adopt_for_ms * SL_US_PER_MS;
}

void pipeline_change_init(struct sl_pipeline *p)
{
	settle_all(p);
	for (uint16_t s = 1; s <= p->plan->services.n; s++)
		pipeline_adopt_from_now(p, s);
}

void pipeline_change(struct sl_pipeline *p, const struct sl_plan *before)
{
	settle_all(p);
	for (uint16_t s = 1; s <= p->plan->services.n; s++)
		if (proxied_by(p->plan, s) && (s > before->services.n || !proxied_by(before, s)))
			pipeline_adopt_from_now(p, s);
}
