/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * link_follow: when one port of a link loses its link, the other is taken down, so that whoever is
 * behind it sees that there is no way and takes another; and up again when the first is back. Who
 * was taken down is remembered, so that two ports never wait for each other.
 */
#include <string.h>

#include "control.h"

static void set(struct sl_control *c, const struct sl_link *link, enum sl_side side, bool up,
		const char *why)
{
	const unsigned port = link->port[side];
	const int rc = sl_port_set_link(&c->config.ports[port], up);

	if (rc != 0) {
		sl_log(SL_LOG_ERROR, "port %s can't be taken %s: %s (link_follow)",
		       c->config.ports[port].name, up ? "up" : "down", strerror(-rc));
		return;
	}
	c->ports[port].watch.taken_down = !up;
	sl_log(SL_LOG_NOTICE, "port %s: taken %s: %s (link_follow)", c->config.ports[port].name,
	       up ? "up" : "down", why);
}

static void follow(struct sl_control *c, const struct sl_link *link, enum sl_side side)
{
	const struct sl_port_watch *mine, *theirs;
	const enum sl_side other = sl_side_other(side);

	if (link->host)
		return;
	mine = &c->ports[link->port[side]].watch;
	theirs = &c->ports[link->port[other]].watch;
	if (theirs->taken_down && (mine->now.link_up || !link->follow))
		set(c, link, other, true,
		    link->follow ? "the other port has its link again" : "it follows no more");
	else if (link->follow && !mine->now.link_up && !mine->taken_down && !theirs->taken_down)
		set(c, link, other, false, "the other port has lost its link");
}

void control_follow(struct sl_control *c)
{
	for (unsigned i = 0; i < c->config.plan->n_links; i++)
		for (unsigned side = 0; side < SL_N_SIDES; side++)
			follow(c, &c->config.plan->links[i], (enum sl_side)side);
}

void control_follow_init(struct sl_control *c)
{
	for (unsigned i = 0; i < c->config.plan->n_links; i++)
		for (unsigned side = 0; side < SL_N_SIDES; side++)
			if (c->config.plan->links[i].follow && !c->config.plan->links[i].host)
				(void)sl_port_set_link(
					&c->config.ports[c->config.plan->links[i].port[side]],
					true);
}

void control_follow_fini(struct sl_control *c)
{
	for (unsigned i = 0; i < c->config.n_ports; i++)
		if (c->ports[i].watch.taken_down)
			(void)sl_port_set_link(&c->config.ports[i], true);
}
