/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What every file of sluice may take for granted: the cache line, branch hints, small arithmetic.
 * No state, no functions with an address.
 */
#ifndef SL_BASE_H
#define SL_BASE_H

#include <assert.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define SL_BEGIN_DECLS extern "C" {
#define SL_END_DECLS }
#else
#define SL_BEGIN_DECLS
#define SL_END_DECLS
#endif

/** Bytes of a cache line on every machine this box runs on. */
#define SL_CACHE_LINE 64

#define sl_likely(x) __builtin_expect(!!(x), 1)
#define sl_unlikely(x) __builtin_expect(!!(x), 0)

#define SL_ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#define SL_US_PER_MS 1000ULL
#define SL_US_PER_S 1000000ULL

/** The structure of which `ptr` is the member `member`. */
#define sl_container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

static inline uint32_t sl_min_u32(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static inline uint32_t sl_max_u32(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

/** The smallest power of two that is at least `v`; 1 for 0. `v` is at most 2^31. */
static inline uint32_t sl_pow2_ceil_u32(uint32_t v)
{
	return v <= 1 ? 1 : 1u << (32 - __builtin_clz(v - 1));
}

static inline void sl_prefetch(const void *p)
{
	__builtin_prefetch(p, 0, 3);
}

static inline void sl_prefetch_write(const void *p)
{
	__builtin_prefetch(p, 1, 3);
}

#endif
