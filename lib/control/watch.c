/* SPDX-License-Identifier: BSD-3-Clause */
/* One look a second at what goes on without us: workers that turn, ports that lose packets. */
#include "control.h"

void control_watch_init(struct sl_control *c)
{
	const uint64_t now_us = control_now_us();

	for (unsigned i = 0; i < c->config.n_workers; i++) {
		c->workers[i].watch.turns = sl_worker_turns(c->config.workers[i]);
		c->workers[i].moved_us = now_us;
	}
	for (unsigned i = 0; i < c->config.n_ports; i++) {
		struct control_port *port = &c->ports[i];

		sl_port_counters(&c->config.ports[i], &port->watch.now);
		for (unsigned k = 0; k < LATELY_TICKS; k++)
			port->past[k] = port->watch.now;
	}
}

/* Returns whether it has turned since the last look. */
static bool watch_worker(struct sl_control *c, unsigned i, uint64_t now_us)
{
	struct control_worker *w = &c->workers[i];
	const uint64_t turns = sl_worker_turns(c->config.workers[i]);

	w->watch.turns_per_s = turns - w->watch.turns;
	w->watch.turns = turns;
	if (w->watch.turns_per_s > 0) {
		if (w->watch.stuck)
			control_log("the worker on core %u turns again",
				    sl_worker_core(c->config.workers[i]));
		w->watch.stuck = false;
		w->moved_us = now_us;
		return true;
	}
	if (!w->watch.stuck && now_us - w->moved_us > STUCK_US) {
		w->watch.stuck = true;
		w->watch.times_stuck++;
		control_log("the worker on core %u has not turned for 2 s: is its core taken by "
			    "something else?",
			    sl_worker_core(c->config.workers[i]));
	}
	return false;
}

static void watch_port(struct sl_control *c, unsigned i)
{
	struct control_port *port = &c->ports[i];
	struct sl_port_counters *oldest = &port->past[c->ticks % LATELY_TICKS];
	struct sl_port_watch *watch = &port->watch;
	const bool was_up = watch->now.link_up;

	sl_port_counters(&c->config.ports[i], &watch->now);
	if (watch->now.link_up != was_up)
		control_log("port %s: link is %s", c->config.ports[i].name, was_up ? "down" : "up");
	watch->lately_missed = watch->now.nic_missed - oldest->nic_missed;
	watch->lately_nombuf = watch->now.nic_nombuf - oldest->nic_nombuf;
	watch->lately_errors = watch->now.nic_errors - oldest->nic_errors;
	*oldest = watch->now;
}

bool control_watch(struct sl_control *c)
{
	const uint64_t now_us = control_now_us();
	bool all = true;

	for (unsigned i = 0; i < c->config.n_workers; i++)
		all &= watch_worker(c, i, now_us);
	for (unsigned i = 0; i < c->config.n_ports; i++)
		watch_port(c, i);
	c->ticks++;
	return all;
}
