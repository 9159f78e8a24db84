/* SPDX-License-Identifier: BSD-3-Clause */
/* What a connection costs: really opened through the road, all of them at once. */
#include "bench.h"

#include <rte_malloc.h>

#include "sl_tcp.h"

static size_t allocated(void)
{
	struct rte_malloc_socket_stats stats;
	size_t sum = 0;

	for (unsigned socket = 0; socket < RTE_MAX_NUMA_NODES; socket++)
		if (rte_malloc_get_socket_stats((int)socket, &stats) == 0)
			sum += stats.heap_allocsz_bytes;
	return sum;
}

bool bench_memory(struct lane *lane, struct memory_figures *figures)
{
	const size_t before = allocated();
	const uint32_t n = lane->params.connections;
	bool all;

	if (!talk_open_box(lane, n, true))
		return false;
	figures->total = (double)(allocated() - before);
	if (lane->params.responds) /* an idle one holds none of these */
		figures->total -= (double)BLOCKS * sizeof(struct tcp_block);
	figures->bytes = figures->total / n;
	all = talk_open_all(lane);
	lane_worker_close(lane);
	talk_close(lane);
	return all;
}
