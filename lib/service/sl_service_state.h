/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What one worker knows of a service, beside the service's configuration (sl_service.h). The
 * pipeline resets it when the number of the service is given to another service. Plain memory of
 * one worker.
 */
#ifndef SL_SERVICE_STATE_H
#define SL_SERVICE_STATE_H

#include "sl_bucket.h"

SL_BEGIN_DECLS

struct sl_service_state {
	alignas(SL_CACHE_LINE) uint64_t
		last_cookie_us;     /**< when a SYN was last answered by cookie; 0: never */
	uint64_t adopt_until_us;    /**< strays are adopted until then */
	uint64_t overflow_until_us; /**< until then segments of no connection may be honest: a
				       SYN has gone through without an entry, or an entry has
				       given way before its client's ACK */
	uint64_t passed_at;         /**< packets passed, when the service was last proxied */
	uint64_t unheard_since_us;  /**< the first SYN to its servers without a segment from
				       them was seen then; 0: there is none */
	struct sl_bucket ration;    /**< strays that its servers may be shown */
	uint32_t syns_sent;         /**< to its servers: the box's own, and those let through */
	uint32_t heard_at;          /**< syns_sent when a server was last heard */
	bool one_way; /**< the servers' answers go round the box, or the servers are down */
	bool proxied; /**< new connections are */
	bool tracks;  /**< it is left to its ends, and its connections are followed */
};

static_assert(sizeof(struct sl_service_state) == SL_CACHE_LINE, "one service, one line");

SL_END_DECLS

#endif
