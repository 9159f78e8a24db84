/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Arithmetic modulo 2^32 for sequence numbers and timestamps (RFC 9293 section 3.4, RFC 7323
 * section 5.2). Two numbers are comparable while they are less than 2^31 apart.
 */
#ifndef SL_SEQ_H
#define SL_SEQ_H

#include "sl_base.h"

static inline bool sl_seq_lt(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

static inline bool sl_seq_leq(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) <= 0;
}

static inline bool sl_seq_gt(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) > 0;
}

static inline bool sl_seq_geq(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) >= 0;
}

/** Whether lo <= v <= hi, walking upward from lo. */
static inline bool sl_seq_between(uint32_t v, uint32_t lo, uint32_t hi)
{
	return v - lo <= hi - lo;
}

static inline uint32_t sl_seq_max(uint32_t a, uint32_t b)
{
	return sl_seq_gt(a, b) ? a : b;
}

#endif
