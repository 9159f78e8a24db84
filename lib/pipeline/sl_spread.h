/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which worker owns a frame, where no NIC says so: a keyed hash of the TCP segment's two ends, in
 * an order that does not depend on who speaks, so that both directions of a connection meet at one
 * worker. The key is secret and new at each start: nobody can aim at one worker.
 *
 * An ICMP error belongs to the owner of the segment that it quotes. What has no owner (fragments,
 * what is not TCP, garbage) stays with whoever received it: its road needs no memory.
 *
 * Threads: a struct sl_spread is read-only and shared.
 * Sources: RFC 792, RFC 4443 section 3 (what an error quotes), RFC 1812 section 4.3.2.3.
 */
#ifndef SL_SPREAD_H
#define SL_SPREAD_H

#include "sl_siphash.h"
#include "sl_wire.h"

SL_BEGIN_DECLS

struct sl_spread {
	struct sl_sipkey key;
	uint32_t n_workers;
};

/**
 * The number of the worker that owns a frame.
 * @frame, @len  as received
 * @link         number of the link that it came by: tenants of different links never share a tuple
 * @receiver     number of the worker that received it
 * Returns a number below s->n_workers; `receiver` when the frame belongs to no connection.
 */
unsigned sl_spread_owner(const struct sl_spread *s, const uint8_t *frame, uint16_t len,
			 unsigned link, unsigned receiver);

SL_END_DECLS

#endif
