/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A token bucket: so many a second, and no more than one second's worth at once. For what the box
 * does on a stranger's behalf (RSTs of its own, strays passed on), which must not become a flood.
 * Plain memory of its owner; time comes in as an argument.
 */
#ifndef SL_BUCKET_H
#define SL_BUCKET_H

#include "sl_base.h"

SL_BEGIN_DECLS

struct sl_bucket {
	uint64_t full_us; /**< when it will be full again: tokens are missing until then */
};

/**
 * Takes a token of a bucket that gains `per_s` (1 to 1,000,000) a second; a zeroed bucket is full.
 * Returns false when it is empty.
 */
static inline bool sl_bucket_take(struct sl_bucket *b, uint64_t now_us, uint32_t per_s)
{
	const uint64_t token_us = SL_US_PER_S / per_s;

	if (b->full_us < now_us)
		b->full_us = now_us;
	if (b->full_us + token_us > now_us + SL_US_PER_S)
		return false;
	b->full_us += token_us;
	return true;
}

SL_END_DECLS

#endif
