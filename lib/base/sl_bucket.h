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

/** Microseconds in which a bucket gains a token; rounded up, so that it gains no more than it may.
 */
static inline uint64_t sl_bucket_token_us(uint32_t per_s)
{
	return (SL_US_PER_S + per_s - 1) / per_s;
}

/** Whether a bucket that gains `per_s` tokens a second and holds one second's worth has one. */
static inline bool sl_bucket_has(const struct sl_bucket *b, uint64_t now_us, uint32_t per_s)
{
	return b->full_us + sl_bucket_token_us(per_s) <= now_us + SL_US_PER_S;
}

/**
 * Takes a token of a bucket that gains `per_s` (1 to 1,000,000) tokens a second, unless then more
 * than `most_us` microseconds of gain would be missing. A zeroed bucket is full. A caller with a
 * smaller `most_us` leaves the last tokens to the others. Returns false when it may not have one.
 */
static inline bool sl_bucket_take_within(struct sl_bucket *b, uint64_t now_us, uint32_t per_s,
					 uint64_t most_us)
{
	const uint64_t token_us = sl_bucket_token_us(per_s);

	if (b->full_us < now_us)
		b->full_us = now_us;
	if (b->full_us + token_us > now_us + most_us)
		return false;
	b->full_us += token_us;
	return true;
}

/** Likewise, of a bucket that holds one second's worth. Returns false when it is empty. */
static inline bool sl_bucket_take(struct sl_bucket *b, uint64_t now_us, uint32_t per_s)
{
	return sl_bucket_take_within(b, now_us, per_s, SL_US_PER_S);
}

SL_END_DECLS

#endif
