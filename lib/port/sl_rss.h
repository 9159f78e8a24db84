/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How a NIC is told to spread over its queues, so that both directions of a connection, which come
 * in by different ports, meet in queues of the same number. Only decides; port.c tells the device.
 *
 *   sorted      the NIC puts the ends into an order of their own before it hashes: any key is right
 *   one-sided   outside the source is hashed, inside the destination: the same end, any key
 *   periodic    a Toeplitz key that repeats every 16 bits gives the same hash when source and
 *               destination change places (Woo and Park, "Scalable TCP session monitoring with
 *               symmetric receive-side scaling", 2012). Such a hash is the same for many ends, and
 *               whoever finds out how they fall can aim at a worker: the last choice
 *
 * Keys are made of random bytes of this start, the same for all ports. No state; any thread.
 */
#ifndef SL_RSS_H
#define SL_RSS_H

#include "sl_base.h"

SL_BEGIN_DECLS

enum { SL_RSS_KEY_MAX = 64, SL_RSS_KEY_MIN = 40 };

enum sl_rss_how { SL_RSS_NONE, SL_RSS_PERIODIC, SL_RSS_ONE_SIDED, SL_RSS_SORTED };

/** What is wanted, and known, of all ports. */
struct sl_rss_config {
	enum sl_rss_how how; /**< NONE; PERIODIC: what a key can do; SORTED: the NIC can sort */
	bool tcp4, tcp6, ipv4, ipv6;    /**< what is spread */
	uint8_t random[SL_RSS_KEY_MAX]; /**< secret */
};

struct sl_rss_choice {
	enum sl_rss_how how;
	uint64_t hf; /**< RTE_ETH_RSS_*, for rss_conf */
	uint8_t key[SL_RSS_KEY_MAX];
	uint8_t key_len;
};

/**
 * Chooses for one port.
 * @config    what is wanted
 * @outside   on which side of the box it is
 * @offered   the device's flow_type_rss_offloads
 * @key_size  the device's hash_key_size
 * @choice    how == SL_RSS_NONE when the device can't spread so that both directions meet
 */
void sl_rss_choose(const struct sl_rss_config *config, bool outside, uint64_t offered,
		   unsigned key_size, struct sl_rss_choice *choice);

/** A word for it: "sorted hash". */
const char *sl_rss_name(enum sl_rss_how how);

SL_END_DECLS

#endif
