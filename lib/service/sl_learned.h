/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What each server grants, learned from its own SYN-ACKs, so that nobody has to type it in: a
 * cookie may promise a client only what its server will keep. One table a worker, which alone
 * reads and writes it. It forgets by overwriting: a server whose place is taken is learned again.
 */
#ifndef SL_LEARNED_H
#define SL_LEARNED_H

#include "sl_addr.h"

SL_BEGIN_DECLS

enum { SL_LEARNED_SLOTS = 1024 };

struct sl_learned {
	struct sl_addr addr;
	uint16_t port;      /**< host order; 0 marks a free place */
	uint16_t mss;       /**< of the server's SYN-ACK; 0 when it carried none */
	uint8_t timestamps; /**< granted when last offered */
	uint8_t pad[3];
	int32_t confirmed_s; /**< when it last answered; seconds of the monotonic clock */
	int32_t asked_s;     /**< when it was last offered timestamps; likewise */
};

struct sl_learned_table {
	struct sl_learned slot[SL_LEARNED_SLOTS];
};

/** What is known of a server, or NULL. */
const struct sl_learned *sl_learned_get(const struct sl_learned_table *t,
					const struct sl_addr *addr, uint16_t port);

/** Takes over from `other` what is newer there, place by place. */
void sl_learned_merge(struct sl_learned_table *t, const struct sl_learned_table *other);

/** The place to write what a server grants; fresh (no timestamps, no MSS) when it was unknown. */
struct sl_learned *sl_learned_put(struct sl_learned_table *t, const struct sl_addr *addr,
				  uint16_t port);

SL_END_DECLS

#endif
