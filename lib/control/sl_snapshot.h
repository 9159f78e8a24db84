/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The books of all workers, each copied by the worker itself between two bursts: what is in one
 * worker's copy is of one moment, so its books balance exactly.
 *
 * Threads: the control thread.
 */
#ifndef SL_SNAPSHOT_H
#define SL_SNAPSHOT_H

#include "sl_control.h"

SL_BEGIN_DECLS

/** One worker's part. */
struct sl_snapshot_worker {
	struct sl_account *accounts; /**< by service number, n_accounts of them */
	uint32_t connections;        /**< entries of its table in use, tombstones among them */
	uint32_t passed;   /**< of these, of services that are passed: they give way first */
	uint32_t capacity; /**< entries there are */
	uint64_t one_way[SL_SERVICES_MAX / 64]; /**< bit by number: its servers are not heard */
	uint32_t translated;                    /**< connections whose numbers are translated */
	uint32_t responding;     /**< connections that end in the box and are not over */
	uint32_t endpoints_used; /**< of n_endpoints; those in TIME-WAIT have one, too */
	uint32_t n_endpoints;
	uint32_t stream_buffers_used, n_stream_buffers;
	bool is_short[SL_N_STOCKS]; /**< above its high-water mark, or on its way down from there */
};

struct sl_snapshot {
	unsigned n_workers;
	unsigned n_accounts;               /**< services and one: [0] is traffic of no service */
	struct sl_snapshot_worker *worker; /**< in the order of sl_control_config */
};

/**
 * The answer: `snapshot` is valid during the call; or NULL, and `error` is a sentence that says
 * which worker does not answer.
 */
typedef void sl_snapshot_fn(void *arg, const struct sl_snapshot *snapshot, const char *error);

/**
 * Asks for a snapshot. `done` is called from the loop, never from within this call, at the latest
 * about 2 s after a worker has stopped answering. Returns NULL when there is no memory.
 */
struct sl_request *sl_snapshot_request(struct sl_control *c, sl_snapshot_fn *done, void *arg);

enum { SL_SNAPSHOT_ALL = -1 };

/**
 * Sums accounts into `sum`.
 * @worker   number of a worker, or SL_SNAPSHOT_ALL
 * @service  number of a service, 0 for traffic of none, or SL_SNAPSHOT_ALL
 * Every worker shows a service's LISTEN as 1; it is summed over services, not over workers.
 */
void sl_snapshot_sum(const struct sl_snapshot *snapshot, int worker, int service,
		     struct sl_account *sum);

SL_END_DECLS

#endif
