/* SPDX-License-Identifier: BSD-3-Clause */
#include "sl_cksum.h"

#include "sl_bytes.h"

/* Adds with the carry brought round, so that a 64-bit partial sum never loses one. */
static inline uint64_t add_carry(uint64_t a, uint64_t b)
{
	a += b;
	return a + (a < b);
}

uint64_t sl_cksum_add(uint64_t sum, const void *data, size_t len)
{
	const uint8_t *p = data;
	uint64_t w, a = 0, b = 0;

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
	w = 0;
	memcpy(&w, p, len);
	return add_carry(sum, w);
}

uint64_t sl_cksum_pseudo(const void *addrs, size_t addrs_len, uint32_t tcp_len)
{
	/* Zero, protocol and length: as words in memory order. */
	uint64_t tail = (uint64_t)__builtin_bswap32(tcp_len) + __builtin_bswap16(6);

	return add_carry(sl_cksum_add(0, addrs, addrs_len), tail);
}
