/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Connections to look at. Each worker walks its own table, a slice a turn of its loop, and copies
 * what fits the filter; a table that changes meanwhile is seen as it is when its slice comes up.
 *
 * Threads: the control thread; the rows are the workers' until the callback.
 */
#ifndef SL_LISTING_H
#define SL_LISTING_H

#include "sl_control.h"

SL_BEGIN_DECLS

enum { SL_LISTING_LIMIT_DEFAULT = 100, SL_LISTING_LIMIT_MAX = 10000 };

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
};

struct sl_listing_row {
	unsigned worker; /**< whose it is, in the order of sl_control_config */
	struct sl_conn_info info;
};

/** The answer: `n` rows, valid during the call; or NULL, and a sentence in `error`. */
typedef void sl_listing_fn(void *arg, const struct sl_listing_row *rows, unsigned n,
			   const char *error);

/**
 * Asks for connections. `done` is called from the loop, never from within this call. Fails about
 * 2 s after a worker has stopped making headway. Returns NULL when there is no memory.
 */
struct sl_request *sl_listing_request(struct sl_control *c, const struct sl_listing_filter *filter,
				      sl_listing_fn *done, void *arg);

SL_END_DECLS

#endif
