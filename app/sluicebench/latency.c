/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From the moment when a packet lies in the receive ring to the moment when it lies in the transmit
 * ring: segments of standing connections, once one by one, once as they come at half the rate that
 * the worker can carry. Arrivals follow the clock, as a NIC's do, and do not wait for the worker.
 */
#include "bench.h"

#include <stdlib.h>

#include <rte_cycles.h>

enum { LONE = 1 << 16, ARRIVALS = 1 << 19 };

static int ascending(const void *a, const void *b)
{
	const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void figure(uint32_t *cycles, uint32_t n, struct latency_figures *f)
{
	const double ns = 1e9 / (double)rte_get_tsc_hz();

	qsort(cycles, n, sizeof(*cycles), ascending);
	f->p50_ns = cycles[n / 2] * ns;
	f->p99_ns = cycles[n / 100 * 99] * ns;
	f->p999_ns = cycles[n / 1000 * 999] * ns;
}

static void lone(struct lane *lane, uint32_t *cycles)
{
	for (uint32_t i = 0; i < LONE; i++) {
		relay_visit(lane);
		cycles[i] = (uint32_t)lane_run(lane);
	}
}

/*
 * Packets made beforehand, a feed at a time, arrive every `gap` cycles: they are moved to where the
 * worker receives them when their time has come. Their turn is over when the worker's turn is.
 */
static void spaced(struct lane *lane, uint64_t gap, uint32_t *cycles)
{
	lane->waits = true;
	for (uint32_t done = 0; done < ARRIVALS; done += FEED) {
		for (uint32_t i = 0; i < FEED; i++)
			relay_visit(lane);
		lane_run_spaced(lane, gap, cycles + done);
	}
	lane->waits = false;
}

bool bench_latency(struct lane *lane, struct latency_figures figures[N_LATENCIES])
{
	uint32_t *cycles = malloc(ARRIVALS * sizeof(*cycles));
	struct pass pass;
	uint64_t gap;

	if (cycles == NULL || !bench_relay.open(lane)) {
		free(cycles);
		return false;
	}
	(void)bench_relay.pass(lane);
	pass = bench_relay.pass(lane);
	gap = 2 * pass.cycles / pass.units;
	lone(lane, cycles);
	figure(cycles, LONE, &figures[LATENCY_LONE]);
	figures[LATENCY_LONE].mpps = 0;
	spaced(lane, gap, cycles);
	figure(cycles, ARRIVALS, &figures[LATENCY_HALF]);
	figures[LATENCY_HALF].mpps = (double)rte_get_tsc_hz() / (double)gap / 1e6;
	bench_relay.close(lane);
	free(cycles);
	return true;
}
