/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The Internet checksum (RFC 1071) and its incremental update (RFC 1624, equation 3).
 *
 * Sums are kept in the machine's own byte order of 16-bit words as they lie in memory: the one's
 * complement sum does not care (RFC 1071 section 2 (B)), and nothing has to be swapped. A "sum" is
 * an unfolded partial sum; a "checksum" is what stands in a header, to be copied there as it is.
 * Stateless.
 */
#ifndef SL_CKSUM_H
#define SL_CKSUM_H

#include <string.h>

#include "sl_base.h"

SL_BEGIN_DECLS

/**
 * Adds `len` bytes at `p` (any alignment) to the partial sum `sum`. An odd last byte counts as if
 * a zero followed, so only the last piece may be odd.
 */
uint64_t sl_cksum_add(uint64_t sum, const void *p, size_t len);

/** The same, and copies the bytes to `to`, which they don't overlap. */
uint64_t sl_cksum_copy(uint64_t sum, void *to, const void *p, size_t len);

/** What sums are made by: the fastest that works, where there is much to sum. */
enum sl_cksum_engine {
	SL_CKSUM_PORTABLE,
	SL_CKSUM_AVX2,
	SL_CKSUM_AVX512,
	SL_CKSUM_N_ENGINES,
};

/** Whether this CPU has what the engine needs. */
bool sl_cksum_engine_works(enum sl_cksum_engine engine);

/** sl_cksum_copy, or with `to` NULL sl_cksum_add, by an engine that works: for tests. */
uint64_t sl_cksum_by(enum sl_cksum_engine engine, uint64_t sum, void *to, const void *p,
		     size_t len);

/**
 * Folds a partial sum into 16 bits. Added to itself with its halves changed, a number has the sum
 * of both in the upper half, the carry out of the lower brought round.
 */
static inline uint16_t sl_cksum_fold(uint64_t sum)
{
	uint32_t half;

	sum += sum << 32 | sum >> 32;
	half = (uint32_t)(sum >> 32);
	half += half << 16 | half >> 16;
	return (uint16_t)(half >> 16);
}

/** The checksum that belongs in a header whose sum, its checksum field taken as zero, is `sum`. */
static inline uint16_t sl_cksum_finish(uint64_t sum)
{
	return (uint16_t)~sl_cksum_fold(sum);
}

/**
 * The sum of TCP's pseudo-header (RFC 9293 section 3.1, RFC 8200 section 8.1).
 * @addrs    source and destination address, `addrs_len` bytes together (8 or 32)
 * @tcp_len  bytes of TCP header and payload
 */
uint64_t sl_cksum_pseudo(const void *addrs, size_t addrs_len, uint32_t tcp_len);

/**
 * The change that a rewrite makes: accumulate with sl_cksum_diff for each field rewritten, apply
 * once with sl_cksum_apply. `odd` says that the field starts at an odd offset from the start of
 * the checksummed range (options may: RFC 9293, MUST-64).
 */
static inline uint64_t sl_cksum_diff32(uint64_t diff, uint32_t from_be, uint32_t to_be, bool odd)
{
	uint64_t d = (uint64_t)(uint32_t)~from_be + to_be;

	if (odd) {
		uint16_t f = sl_cksum_fold(d);

		d = (uint16_t)(f << 8 | f >> 8);
	}
	return diff + d;
}

static inline uint64_t sl_cksum_diff16(uint64_t diff, uint16_t from_be, uint16_t to_be)
{
	return diff + (uint16_t)~from_be + to_be;
}

/** The checksum after the accumulated change `diff` of what it covers (RFC 1624 equation 3). */
static inline uint16_t sl_cksum_apply(uint16_t cksum, uint64_t diff)
{
	return (uint16_t)~sl_cksum_fold((uint16_t)~cksum + diff);
}

SL_END_DECLS

#endif
