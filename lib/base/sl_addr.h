/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An IP address of either family in 16 bytes. IPv4 lies in its mapped form (::ffff:a.b.c.d, RFC
 * 4291 section 2.5.5.2), so that keys, tables and services are alike for both families.
 */
#ifndef SL_ADDR_H
#define SL_ADDR_H

#include <string.h>

#include "sl_base.h"

SL_BEGIN_DECLS

struct sl_addr {
	uint8_t b[16];
};

/** Room for any address as text, with its final zero. */
#define SL_ADDR_TEXT 46

static inline void sl_addr_set_v4(struct sl_addr *a, const void *four_bytes)
{
	const uint64_t high = 0;
	uint64_t low;
	uint32_t v4;

	/* Two words of the size in which it is read: pieces would have to be put together there. */
	memcpy(&v4, four_bytes, sizeof(v4));
	low = 0xffff0000 | (uint64_t)v4 << 32;
	memcpy(a->b, &high, sizeof(high));
	memcpy(a->b + 8, &low, sizeof(low));
}

/** Copies an address by the words in which it was written. */
static inline void sl_addr_copy(struct sl_addr *to, const struct sl_addr *from)
{
	uint64_t word[2];

	memcpy(word, from->b, sizeof(word));
	memcpy(to->b, word, sizeof(word));
}

static inline bool sl_addr_is_v4(const struct sl_addr *a)
{
	uint64_t high;
	uint32_t prefix;

	memcpy(&high, a->b, sizeof(high));
	memcpy(&prefix, a->b + 8, sizeof(prefix));
	return high == 0 && prefix == 0xffff0000; /* in memory order: 0, 0, ff, ff */
}

static inline bool sl_addr_equal(const struct sl_addr *a, const struct sl_addr *b)
{
	uint64_t x[2], y[2];

	memcpy(x, a->b, sizeof(x));
	memcpy(y, b->b, sizeof(y));
	return ((x[0] ^ y[0]) | (x[1] ^ y[1])) == 0;
}

/** sl_addr_is_martian of an address that is known to be IPv4's. */
static inline bool sl_addr_v4_is_martian(const struct sl_addr *a)
{
	const uint8_t first = a->b[12];

	return (uint8_t)(first - 1) >= 223 || first == 127; /* 0, and from 224 on */
}

/**
 * Whether no host may speak as `a`: unspecified, multicast, limited broadcast, loopback, and IPv4's
 * 0/8 (RFC 1122 section 3.2.1.3; RFC 9293 MUST-57 and MUST-63).
 */
static inline bool sl_addr_is_martian(const struct sl_addr *a)
{
	uint64_t high, low;

	if (sl_addr_is_v4(a))
		return sl_addr_v4_is_martian(a);
	memcpy(&high, a->b, sizeof(high));
	memcpy(&low, a->b + 8, sizeof(low));
	return (high & 0xff) == 0xff || (high == 0 && (low == 0 || low == 1ULL << 56));
}

/** Whether `a` is in the first `prefix_len` bits like `net`; IPv4 prefixes count from bit 96. */
bool sl_addr_in_prefix(const struct sl_addr *a, const struct sl_addr *net, unsigned prefix_len);

/**
 * Reads an address, IPv4 or IPv6, from text. Returns 0, or -1 when `text` is no address.
 */
int sl_addr_parse(struct sl_addr *a, const char *text);

/** Writes `a` as text (IPv4 dotted, IPv6 by RFC 5952) into `text`, and returns `text`. */
char *sl_addr_format(const struct sl_addr *a, char text[SL_ADDR_TEXT]);

SL_END_DECLS

#endif
