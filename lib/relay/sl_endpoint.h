/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Endpoints: the whole TCPs of connections that the box ends itself (mode = "respond"). They lie in
 * a pool beside the table, so that what is spliced does not pay for them; a connection names its
 * own by number. What has something to do stands in a queue and is served in turn, a bounded piece
 * each time: one that sends much does not keep the others waiting.
 */
#ifndef SL_ENDPOINT_H
#define SL_ENDPOINT_H

#include "sl_respond.h"

SL_BEGIN_DECLS

enum { SL_ENDPOINT_NONE = UINT32_MAX };

struct sl_endpoint {
	struct sl_tcb tcb;
	uint32_t conn;          /**< number of its connection; of a free one: the next free */
	uint32_t before, after; /**< in the queue */
	struct sl_respond server;
	uint8_t kind; /**< enum sl_respond_server: what its service had when it was opened */
	bool queued;
	uint16_t awaited; /**< bytes that its client is to take for its next sign of life */
};

struct sl_endpoints {
	struct sl_tcp tcp;
	struct sl_endpoint *pool;
	uint32_t n, n_free, free;
	uint32_t first, last, n_queued; /**< the queue */
	uint32_t hand;                  /**< next to look at for one in TIME-WAIT */
	struct sl_tcp_options *options; /**< by service, link and family */
	unsigned n_links;
	unsigned quota;              /**< segments that the one being served may still send */
	bool blocked;                /**< it had more than that, or there was no buffer */
	struct sl_tcp_counts booked; /**< how much of tcp.counts is in the books */
};

SL_END_DECLS

#endif
