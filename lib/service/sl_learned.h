/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * TCP options learned from each server's SYN-ACKs, so that nobody has to type them in: a cookie may
 * promise a client only what its server will keep. One table a worker, which alone reads and writes
 * it. It forgets by overwriting: a server whose place is taken is learned again.
 *
 * The MSS in a SYN-ACK may be that of one client's path: a client that makes its server believe in
 * a small path MTU gets a small MSS. So the MSS that is learned falls only when clients of three
 * different networks have seen a smaller one within an hour, and no client has seen the learned one
 * since. It rises at once when a client sees a larger one.
 */
#ifndef SL_LEARNED_H
#define SL_LEARNED_H

#include "sl_addr.h"

SL_BEGIN_DECLS

enum {
	SL_LEARNED_SLOTS = 1024,
	SL_LEARNED_VOTES = 2,     /**< that are remembered; one more decides */
	SL_LEARNED_VOTE_S = 3600, /**< and so long */
};

/** A client has seen a smaller MSS than the learned one. */
struct sl_learned_vote {
	uint32_t network; /**< of the client, see sl_learned_network */
	int32_t at_s;
	uint16_t mss;
	uint16_t pad;
};

struct sl_learned {
	struct sl_addr addr;
	uint16_t port;      /**< host order; 0 marks a free place */
	uint16_t mss;       /**< of the server's SYN-ACK; 0 when it carried none */
	uint8_t timestamps; /**< granted when last offered */
	uint8_t n_votes;
	bool fell; /**< the last change of the MSS was a fall */
	uint8_t pad;
	/* Seconds of the monotonic clock. */
	int32_t confirmed_s; /**< when it last answered */
	int32_t asked_s;     /**< when it was last offered timestamps */
	int32_t changed_s;   /**< when the MSS rose or fell */
	int32_t shown_s;     /**< when a client last saw the MSS, or a larger one */
	struct sl_learned_vote vote[SL_LEARNED_VOTES];
};

static_assert(sizeof(struct sl_learned) == SL_CACHE_LINE, "a look-up reads one line");

struct sl_learned_table {
	struct sl_learned slot[SL_LEARNED_SLOTS];
};

/** What is known of a server, or NULL. */
const struct sl_learned *sl_learned_get(const struct sl_learned_table *t,
					const struct sl_addr *addr, uint16_t port);

/**
 * Takes over from `other` what is newer there, place by place. Of two MSSs of one server the larger
 * counts, unless networks agreed on the smaller one after the larger one was last seen. Votes for a
 * smaller one are put together.
 */
void sl_learned_merge(struct sl_learned_table *t, const struct sl_learned_table *other);

/** The place to write what a server grants; fresh (no timestamps, no MSS) when it was unknown. */
struct sl_learned *sl_learned_put(struct sl_learned_table *t, const struct sl_addr *addr,
				  uint16_t port);

/** The network of a client whose vote counts once: IPv4's /24, IPv6's /48. */
uint32_t sl_learned_network(const struct sl_addr *client);

/**
 * A server's SYN-ACK to a client of `network` carried the MSS `mss` (0: none). Returns the server's
 * place. The first that is heard of a server is believed.
 */
struct sl_learned *sl_learned_hear(struct sl_learned_table *t, const struct sl_addr *addr,
				   uint16_t port, uint16_t mss, uint32_t network, int32_t now_s);

SL_END_DECLS

#endif
