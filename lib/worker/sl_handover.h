/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Several workers on ports that can't spread: every port has one worker that polls it and writes
 * it, its poller. The poller computes who owns a frame (sl_spread.h) and gives it to that worker;
 * what the owner sends goes back to the poller of the port that it leaves by.
 *
 *   received   one ring for each ordered pair of workers: frames on their way to their owner. The
 *              descriptor travels in the mbuf's private area. When the ring is full the giver drops
 *              (handover_full).
 *   leaving    one ring for each worker and port that it does not poll: frames on their way out.
 *              When it is full, they stay with their owner, as before a port that does not take
 *              them; so a packet that can't leave fails where it stands in the books, and a port
 *              that stands still holds up no other.
 *
 * Threads. Every ring has one producer and one consumer; nothing else is written once the workers
 * run. Packets of one direction of a connection take one way, so they keep their order.
 * Where the NICs spread, every worker polls its own queue of every port and only ICMP errors change
 * workers: the NIC can't know whose segment they quote, so they go round, from each worker to the
 * next, until one has the connection or all have looked.
 *
 * Order of calls: sl_handover_create; sl_worker_join for every worker; start and stop the workers;
 * sl_worker_destroy for every worker; sl_handover_destroy.
 */
#ifndef SL_HANDOVER_H
#define SL_HANDOVER_H

#include "sl_spread.h"

SL_BEGIN_DECLS

enum { SL_WORKERS_MAX = 64 };

struct sl_handover;

/** The worker that polls and writes a port, of `n_workers`. */
static inline unsigned sl_handover_poller(unsigned port, unsigned n_workers)
{
	return port % n_workers;
}

/**
 * Makes the rings.
 * @n_workers  2 to SL_WORKERS_MAX
 * @n_ports    1 to SL_PORTS_MAX
 * @by_nic     the NICs spread: only ICMP errors are handed, round
 * @secret     16 random bytes, by which owners are drawn
 * Returns NULL with a sentence in `error` (error_len bytes) when there is no memory.
 */
struct sl_handover *sl_handover_create(unsigned n_workers, unsigned n_ports, bool by_nic,
				       const uint8_t secret[16], char *error, size_t error_len);

/** Frees the rings and the packets in them. NULL is fine. */
void sl_handover_destroy(struct sl_handover *h);

SL_END_DECLS

#endif
