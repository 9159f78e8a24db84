/* SPDX-License-Identifier: BSD-3-Clause */
/* The plan that a configuration stands for. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "sl_reload.h"

/* Of the services of a plan by number, before they become its table. */
struct numbering {
	struct sl_service service[SL_SERVICES_MAX];
	bool taken[SL_SERVICES_MAX];
	unsigned n;
};

static struct sl_service service_of(const struct sl_config_service *from)
{
	struct sl_service s = {
		.net = from->address.addr,
		.limits = from->limits,
		.port_lo = from->port.first,
		.port_hi = from->port.last,
		.prefix_len = (uint8_t)from->address.len,
		.mode = (uint8_t)from->mode,
		.cookies = (uint8_t)from->cookies,
		.wscale = (uint8_t)from->wscale,
		.timestamps = (uint8_t)from->timestamps,
		.mss_max = (uint16_t)from->mss_max,
		.strays = (uint8_t)from->strays,
		.one_way = (uint8_t)from->one_way,
		.adopt_for_ms = from->adopt_for_ms,
		.adopt_rate = from->adopt_rate,
		.server = (uint8_t)from->server,
		.receive_buffer = from->receive_buffer,
		.send_buffer = from->send_buffer,
		.backlog = from->backlog,
		.track = from->track,
	};

	snprintf(s.name, sizeof(s.name), "%s", from->name);
	return s;
}

/* The number under which a service of that name runs, or ran; 0 when there is none. */
static unsigned number_by_name(const struct sl_plan *running, const char *name)
{
	for (unsigned i = 1; running != NULL && i <= running->services.n; i++)
		if (strcasecmp(running->services.service[i].name, name) == 0)
			return i;
	return 0;
}

/* A number for a new service; 0 when all are in use. */
static unsigned free_number(const struct numbering *all, const bool busy[SL_SERVICES_MAX])
{
	if (all->n + 1 < SL_SERVICES_MAX)
		return all->n + 1;
	for (unsigned i = 1; i < SL_SERVICES_MAX; i++)
		if (!all->taken[i] && !busy[i])
			return i;
	return 0;
}

static void take(struct numbering *all, unsigned number, const struct sl_service *s)
{
	all->service[number] = *s;
	all->taken[number] = true;
	if (number > all->n)
		all->n = number;
}

static int number_services(struct numbering *all, const struct sl_config *config,
			   const struct sl_plan *running, const bool busy[SL_SERVICES_MAX])
{
	all->n = running != NULL ? running->services.n : 0;
	for (unsigned i = 1; i <= all->n; i++) {
		all->service[i] = running->services.service[i];
		all->service[i].retired = true;
		all->service[i].reused = false;
	}
	/* Those that stay first: a new one must not take what is theirs. */
	for (unsigned i = 0; i < config->n_services; i++) {
		const struct sl_service s = service_of(&config->services[i]);
		const unsigned number = number_by_name(running, s.name);

		if (number != 0)
			take(all, number, &s);
	}
	for (unsigned i = 0; i < config->n_services; i++) {
		struct sl_service s = service_of(&config->services[i]);
		unsigned number;

		if (number_by_name(running, s.name) != 0)
			continue;
		number = free_number(all, busy);
		if (number == 0)
			return -ENOSPC;
		s.reused = number <= all->n;
		take(all, number, &s);
	}
	return 0;
}

static void plan_host(struct sl_link *link, const struct sl_config_link *from)
{
	link->host = from->type == SL_CONFIG_LINK_HOST;
	link->n_addrs = from->n_addresses;
	for (unsigned i = 0; i < from->n_addresses; i++)
		(void)sl_addr_parse(&link->addrs[i], from->addresses[i]);
}

/* Ports have numbers in the order of links and sides. MACs are not the configuration's: they stay
 * as they are. */
static void plan_links(struct sl_plan *plan, const struct sl_config *config,
		       const struct sl_plan *running)
{
	unsigned port = 0;

	plan->n_links = config->n_links;
	for (unsigned i = 0; i < config->n_links; i++) {
		const struct sl_config_link *from = &config->links[i];
		struct sl_link *link = &plan->links[i];

		snprintf(link->name, sizeof(link->name), "%s", from->name);
		link->pass_default = from->default_action == SL_CONFIG_DEFAULT_PASS;
		link->follow = from->link_follow;
		link->mtu = (uint16_t)from->mtu;
		for (unsigned side = 0; side < SL_N_SIDES; side++)
			link->port[side] =
				(uint8_t)(side < sl_config_link_ports(from) ? port++
									    : SL_PORTS_MAX);
		plan_host(link, from);
		if (running != NULL)
			memcpy(link->mac, running->links[i].mac, sizeof(link->mac));
	}
}

int sl_plan_make(const struct sl_config *config, const struct sl_plan *running,
		 const bool busy[SL_SERVICES_MAX], struct sl_plan *plan)
{
	struct numbering all;
	int rc;

	memset(&all, 0, sizeof(all));
	rc = number_services(&all, config, running, busy);
	if (rc != 0)
		return rc;
	memset(plan, 0, sizeof(*plan));
	sl_service_table_init(&plan->services, all.service + 1, all.n);
	plan_links(plan, config, running);
	plan->n_workers = config->workers.n_cores;
	plan->draining = running != NULL && running->draining;
	return 0;
}
