/* SPDX-License-Identifier: BSD-3-Clause */
/* One look a second at what goes on without us: workers that turn, ports that lose packets. */
#include "control.h"

#include <inttypes.h>

/* Packets that a worker has dealt with, its own and those handed to it. */
static uint64_t dealt_with(const struct sl_control *c, unsigned i)
{
	const struct sl_account *a = sl_worker_accounts(c->config.workers[i]);
	uint64_t n = 0;

	for (unsigned s = 0; s <= c->config.plan->services.n; s++)
		n += sl_counted(&a[s].term[SL_TERM_rx]) +
		     sl_counted(&a[s].term[SL_TERM_handed_in]) -
		     sl_counted(&a[s].term[SL_TERM_handed_out]);
	return n;
}

static uint64_t evicted(const struct sl_control *c, unsigned i)
{
	const struct sl_account *a = sl_worker_accounts(c->config.workers[i]);
	uint64_t n = 0;

	for (unsigned s = 0; s <= c->config.plan->services.n; s++)
		n += control_evicted(&a[s]);
	return n;
}

void control_watch_init(struct sl_control *c)
{
	const uint64_t now_us = control_now_us();

	for (unsigned i = 0; i < c->config.n_workers; i++) {
		c->workers[i].watch.turns = sl_worker_turns(c->config.workers[i]);
		c->workers[i].moved_us = now_us;
		for (unsigned k = 0; k < LATELY_TICKS; k++)
			c->workers[i].past[k] = dealt_with(c, i);
		for (unsigned k = 0; k < LATELY_TICKS; k++)
			c->workers[i].past_evicted[k] = evicted(c, i);
	}
	for (unsigned i = 0; i < c->config.n_ports; i++) {
		struct control_port *port = &c->ports[i];

		sl_port_counters(&c->config.ports[i], &port->watch.now);
		for (unsigned k = 0; k < LATELY_TICKS; k++)
			port->past[k] = port->watch.now;
		port->sent_first = port->watch.now.sent;
		control_port_look(c, i, &port->watch.now);
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
			sl_log(SL_LOG_NOTICE, "the worker on core %u turns again",
			       sl_worker_core(c->config.workers[i]));
		w->watch.stuck = false;
		w->moved_us = now_us;
		return true;
	}
	if (!w->watch.stuck && now_us - w->moved_us > STUCK_US) {
		w->watch.stuck = true;
		w->watch.times_stuck++;
		sl_log(SL_LOG_WARNING,
		       "the worker on core %u has not turned for 2 s: is its core taken by "
		       "something else?",
		       sl_worker_core(c->config.workers[i]));
	}
	return false;
}

static void watch_room(struct sl_control *c, unsigned i)
{
	struct control_worker *w = &c->workers[i];
	uint64_t *oldest = &w->past_evicted[c->ticks % LATELY_TICKS];
	const uint64_t now = evicted(c, i);

	w->watch.lately_evicted = now - *oldest;
	*oldest = now;
}

static void watch_port(struct sl_control *c, unsigned i)
{
	struct control_port *port = &c->ports[i];
	struct sl_port_counters *oldest = &port->past[c->ticks % LATELY_TICKS];
	struct sl_port_watch *watch = &port->watch;
	const struct sl_port_counters before = watch->now;
	const bool was_up = before.link_up, was_present = before.present;

	sl_port_counters(&c->config.ports[i], &watch->now);
	if (watch->now.present != was_present)
		sl_log(SL_LOG_WARNING,
		       was_present ? "port %s: it is gone: restart sluiced when it is back"
				   : "port %s: it is there again",
		       c->config.ports[i].name);
	else if (watch->now.link_up != was_up)
		sl_log(was_up ? SL_LOG_WARNING : SL_LOG_NOTICE, "port %s: link is %s",
		       c->config.ports[i].name, was_up ? "down" : "up");
	watch->times_lost += was_up && !watch->now.link_up;
	watch->lately_missed = watch->now.nic_missed - oldest->nic_missed;
	watch->lately_nombuf = watch->now.nic_nombuf - oldest->nic_nombuf;
	watch->lately_errors = watch->now.nic_errors - oldest->nic_errors;
	*oldest = watch->now;
	control_port_look(c, i, &before);
}

/*
 * Whether one worker has far more than its share: twice as much, or, where that can't be, half of
 * what is the others'. It ends when it has less than a tenth above its share; few packets say
 * nothing.
 */
static void watch_skew(struct sl_control *c)
{
	const unsigned n = c->config.n_workers;
	uint64_t all = 0;

	for (unsigned i = 0; i < n; i++) {
		struct control_worker *w = &c->workers[i];
		uint64_t *oldest = &w->past[c->ticks % LATELY_TICKS];
		const uint64_t now = dealt_with(c, i);

		w->watch.lately = now - *oldest;
		*oldest = now;
		all += w->watch.lately;
	}
	for (unsigned i = 0; n > 1 && i < n; i++) {
		struct sl_worker_watch *w = &c->workers[i].watch;
		const uint64_t share = all / n;
		const uint64_t most = share + (2 * share < all ? share : (all - share) / 2);
		const bool skewed =
			all >= SKEW_LEAST && w->lately > (w->skewed ? share + share / 10 : most);

		if (skewed && !w->skewed) {
			w->times_skewed++;
			sl_log(SL_LOG_WARNING,
			       "the worker on core %u has %" PRIu64 " of %" PRIu64
			       " packets: they are not spread evenly",
			       sl_worker_core(c->config.workers[i]), w->lately, all);
		} else if (!skewed && w->skewed) {
			sl_log(SL_LOG_NOTICE,
			       "the worker on core %u has its share of the packets again: %" PRIu64
			       " of %" PRIu64,
			       sl_worker_core(c->config.workers[i]), w->lately, all);
		}
		w->skewed = skewed;
	}
}

bool control_watch(struct sl_control *c)
{
	const uint64_t now_us = control_now_us();
	bool all = true;

	for (unsigned i = 0; i < c->config.n_workers; i++)
		all &= watch_worker(c, i, now_us);
	for (unsigned i = 0; i < c->config.n_workers; i++)
		watch_room(c, i);
	for (unsigned i = 0; i < c->config.n_ports; i++)
		watch_port(c, i);
	watch_skew(c);
	c->ticks++;
	return all;
}
