/* SPDX-License-Identifier: BSD-3-Clause */
#include "sl_cksum.h"

#include "sl_bytes.h"

/* Adds with the carry brought round, so that a 64-bit partial sum never loses one. */
static inline uint64_t add_carry(uint64_t a, uint64_t b)
{
	a += b;
	return a + (a < b);
}

/* What follows copies while it sums, unless `to` is NULL; where that is so, the compiler knows. */

static inline __attribute__((always_inline)) uint64_t portable(uint64_t sum, uint8_t *to,
							       const uint8_t *p, size_t len)
{
	uint64_t a = 0, b = 0;
	uint32_t word;
	uint16_t half;

	if (to != NULL)
		memcpy(to, p, len);
	/* By halves of words, which bring no carry, in two chains. */
	for (; len >= 16; len -= 16, p += 16) {
		const uint64_t x = sl_load_le64(p), y = sl_load_le64(p + 8);

		a += (x & UINT32_MAX) + (y & UINT32_MAX);
		b += (x >> 32) + (y >> 32);
	}
	sum = add_carry(sum, a);
	sum = add_carry(sum, b);
	if (len >= 8) {
		sum = add_carry(sum, sl_load_le64(p));
		len -= 8;
		p += 8;
	}
	/* Not by way of memory: what is written in pieces is not read in one soon after. */
	a = 0;
	if (len & 4) {
		memcpy(&word, p, 4);
		a += word;
		p += 4;
	}
	if (len & 2) {
		memcpy(&half, p, 2);
		a += half;
		p += 2;
	}
	if (len & 1)
		a += *p;
	return add_carry(sum, a);
}

#ifdef __x86_64__

/* One body for all widths: of eight words the compiler makes what the target named at the function
 * has. */
enum { LANES = 8 };

typedef uint64_t lanes __attribute__((vector_size(8 * LANES), aligned(1)));

/* The same by lanes, the last few bytes as above. */
static inline __attribute__((always_inline)) uint64_t by_lanes(uint64_t sum, uint8_t *to,
							       const uint8_t *p, size_t len)
{
	lanes low = {0}, high = {0};
	uint64_t all = 0;

#pragma GCC unroll 2
	for (; len >= sizeof(lanes); len -= sizeof(lanes), p += sizeof(lanes)) {
		const lanes x = *(const lanes *)p;

		if (to != NULL) {
			*(lanes *)to = x;
			to += sizeof(lanes);
		}
		low += x & UINT32_MAX;
		high += x >> 32;
	}
	low += high;
	for (unsigned i = 0; i < LANES; i++)
		all += low[i];
	return portable(add_carry(sum, all), to, p, len);
}

__attribute__((target("avx2"))) static uint64_t by_avx2(uint64_t sum, uint8_t *to, const uint8_t *p,
							size_t len)
{
	return to == NULL ? by_lanes(sum, NULL, p, len) : by_lanes(sum, to, p, len);
}

__attribute__((target("avx512f"))) static uint64_t by_avx512(uint64_t sum, uint8_t *to,
							     const uint8_t *p, size_t len)
{
	return to == NULL ? by_lanes(sum, NULL, p, len) : by_lanes(sum, to, p, len);
}

#endif

bool sl_cksum_engine_works(enum sl_cksum_engine engine)
{
#ifdef __x86_64__
	if (engine == SL_CKSUM_AVX512)
		return __builtin_cpu_supports("avx512f");
	if (engine == SL_CKSUM_AVX2)
		return __builtin_cpu_supports("avx2");
#endif
	return engine == SL_CKSUM_PORTABLE;
}

static inline uint64_t run(enum sl_cksum_engine engine, uint64_t sum, uint8_t *to, const uint8_t *p,
			   size_t len)
{
#ifdef __x86_64__
	if (engine == SL_CKSUM_AVX512)
		return by_avx512(sum, to, p, len);
	if (engine == SL_CKSUM_AVX2)
		return by_avx2(sum, to, p, len);
#endif
	(void)engine;
	return to == NULL ? portable(sum, NULL, p, len) : portable(sum, to, p, len);
}

uint64_t sl_cksum_by(enum sl_cksum_engine engine, uint64_t sum, void *to, const void *p, size_t len)
{
	return run(engine, sum, to, p, len);
}

/* A few words are not worth finding out. */
static inline enum sl_cksum_engine engine_for(size_t len)
{
	enum { WORTH = 128 };
	unsigned engine = SL_CKSUM_N_ENGINES - 1;

	if (len < WORTH)
		return SL_CKSUM_PORTABLE;
	while (!sl_cksum_engine_works((enum sl_cksum_engine)engine))
		engine--;
	return (enum sl_cksum_engine)engine;
}

uint64_t sl_cksum_add(uint64_t sum, const void *p, size_t len)
{
	return run(engine_for(len), sum, NULL, p, len);
}

uint64_t sl_cksum_copy(uint64_t sum, void *to, const void *p, size_t len)
{
	return run(engine_for(len), sum, to, p, len);
}

uint64_t sl_cksum_pseudo(const void *addrs, size_t addrs_len, uint32_t tcp_len)
{
	/* Zero, protocol and length: as words in memory order. */
	uint64_t tail = (uint64_t)__builtin_bswap32(tcp_len) + __builtin_bswap16(6);

	return add_carry(sl_cksum_add(0, addrs, addrs_len), tail);
}
