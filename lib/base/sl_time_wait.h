/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whether a SYN may begin a new incarnation of a connection in TIME-WAIT: RFC 6191 section 2, which
 * takes the place of the ISN rule of RFC 1122 section 4.2.2.13.
 */
#ifndef SL_TIME_WAIT_H
#define SL_TIME_WAIT_H

#include "sl_seq.h"

SL_BEGIN_DECLS

/** What an end sends as the last of an incarnation, or first of the next. */
struct sl_incarnation {
	uint32_t seq;    /**< highest sequence number of the old one; of the new one the SYN's */
	uint32_t tsval;  /**< last TSval of the old one; of the new one the SYN's */
	bool timestamps; /**< the old one used them; the new one would */
};

/** Whether `next` may follow `last`, an incarnation in TIME-WAIT. */
static inline bool sl_time_wait_yields(struct sl_incarnation last, struct sl_incarnation next)
{
	if (next.timestamps && !last.timestamps)
		return true;
	if (next.timestamps && next.tsval != last.tsval)
		return sl_seq_gt(next.tsval, last.tsval);
	return sl_seq_gt(next.seq, last.seq);
}

SL_END_DECLS

#endif
