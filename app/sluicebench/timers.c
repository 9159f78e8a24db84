/* SPDX-License-Identifier: BSD-3-Clause */
/* The wheel as a worker has it: nodes in lines of their own, a deadline each, armed anew when due.
 */
#include "bench.h"

#include <stdio.h>

#include <rte_cycles.h>
#include <rte_malloc.h>

#include "sl_relay.h"
#include "sl_wheel.h"

enum {
	TIMERS = 1 << 20,
	PERIOD_US = 10000000, /* from half of it to one and a half */
	UNITS = 1 << 16,
	STRIDE = sizeof(struct sl_conn),
};

struct timers {
	struct sl_wheel wheel;
	void *slots;
	uint8_t *nodes;
};

static uint64_t some_time(struct lane *lane)
{
	return lane->now_us + PERIOD_US / 2 + lane_random(lane) % PERIOD_US;
}

static void close(struct lane *lane)
{
	if (lane->timers == NULL)
		return;
	rte_free(lane->timers->slots);
	rte_free(lane->timers->nodes);
	rte_free(lane->timers);
	lane->timers = NULL;
}

static bool open(struct lane *lane)
{
	struct timers *t = rte_zmalloc("timers", sizeof(*t), SL_CACHE_LINE);

	lane->timers = t;
	if (t != NULL) {
		t->slots =
			rte_zmalloc("slots", sl_wheel_memory_size(SL_RELAY_SLOTS), SL_CACHE_LINE);
		t->nodes = rte_zmalloc("nodes", (size_t)TIMERS * STRIDE, SL_CACHE_LINE);
	}
	if (t == NULL || t->slots == NULL || t->nodes == NULL) {
		snprintf(lane->error, sizeof(lane->error), "no memory for %u timers", TIMERS);
		close(lane);
		return false;
	}
	sl_wheel_init(&t->wheel, t->slots, SL_RELAY_SLOTS, SL_RELAY_TICK_US, t->nodes, STRIDE,
		      offsetof(struct sl_conn, timer), lane->now_us);
	for (uint32_t i = 0; i < TIMERS; i++) {
		sl_wheel_node_init((struct sl_wheel_node *)(t->nodes + (size_t)i * STRIDE +
							    offsetof(struct sl_conn, timer)));
		sl_wheel_arm(&t->wheel, i, some_time(lane));
	}
	return true;
}

static struct pass pass(struct lane *lane)
{
	struct sl_wheel *w = &lane->timers->wheel;
	const uint64_t began = rte_rdtsc_precise();
	struct pass pass = {0};
	uint32_t due[SL_BURST];

	while (pass.units < UNITS) {
		unsigned n;

		lane->now_us += SL_RELAY_TICK_US;
		do {
			n = sl_wheel_run(w, lane->now_us, 4 * SL_BURST, due, SL_BURST);
			for (unsigned i = 0; i < n; i++)
				sl_wheel_arm(w, due[i], some_time(lane));
			pass.units += n;
		} while (!sl_wheel_caught_up(w));
	}
	pass.cycles = rte_rdtsc_precise() - began;
	lane->visits += pass.units;
	return pass;
}

static uint64_t armed(const struct lane *lane)
{
	/* None is lost: as many are armed as at first. */
	return sl_wheel_count(&lane->timers->wheel) == TIMERS ? lane->visits : 0;
}

const struct bench_case bench_timers = {
	"timers", "timers that come up and are armed again, among 2^20", open, pass, armed, close};
