/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Connections to look at. Each worker walks its own table, a slice a turn of its loop, and copies
 * what fits the filter; a table that changes meanwhile is seen as it is when its slice comes up.
 * The rows come evenly from all workers. A listing that is longer than its limit is continued where
 * the last one ended: an entry of a table never moves, so who goes on to the end sees every
 * connection that stands through the walk exactly once.
 *
 * Threads: the control thread; the rows are the workers' until the callback.
 */
#ifndef SL_LISTING_H
#define SL_LISTING_H

#include "sl_control.h"

SL_BEGIN_DECLS

enum {
	SL_LISTING_LIMIT_DEFAULT = 100,
	SL_LISTING_LIMIT_MAX = 10000,
	SL_LISTING_WORKERS_MAX = 64,
};

/** One end of a connection: addresses of a prefix, and a port. All zero fits any. */
struct sl_listing_end {
	struct sl_addr net;
	uint8_t prefix_len; /**< of 128; an IPv4 prefix of n bits has 96 + n */
	uint16_t port;      /**< host order; 0 is any */
};

struct sl_listing_filter {
	bool by_state;
	enum sl_tcp_state state; /**< of either leg, if by_state */
	struct sl_listing_end client, server;
	uint16_t service; /**< SL_SERVICE_NONE is any */
	uint32_t limit;   /**< rows at most, 1 to SL_LISTING_LIMIT_MAX */
	/** By worker: the index in its table to begin with. All 0: a listing from the start. */
	uint32_t from[SL_LISTING_WORKERS_MAX];
};

struct sl_listing_row {
	unsigned worker; /**< whose it is, in the order of sl_control_config */
	uint32_t index;  /**< in that worker's table */
	struct sl_conn_info info;
};

struct sl_listing {
	const struct sl_listing_row *rows; /**< n of them, worker by worker */
	unsigned n;
	uint64_t total; /**< connections that fit the filter, wherever the listing began */
	bool more;      /**< there are rows beyond these */
	uint32_t next[SL_LISTING_WORKERS_MAX]; /**< sl_listing_filter.from to go on with */
};

/** The answer, valid during the call; or NULL, and a sentence in `error`. */
typedef void sl_listing_fn(void *arg, const struct sl_listing *listing, const char *error);

/**
 * Asks for connections. `done` is called from the loop, never from within this call. Fails about
 * 2 s after a worker has stopped making headway. Returns NULL when there is no memory.
 */
struct sl_request *sl_listing_request(struct sl_control *c, const struct sl_listing_filter *filter,
				      sl_listing_fn *done, void *arg);

SL_END_DECLS

#endif
