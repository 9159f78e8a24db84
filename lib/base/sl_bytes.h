/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Numbers in bytes at any alignment: big-endian (the network's) and little-endian (SipHash's).
 * The caller has checked that the bytes are there.
 */
#ifndef SL_BYTES_H
#define SL_BYTES_H

#include <string.h>

#include "sl_base.h"

static inline uint16_t sl_load_be16(const void *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return __builtin_bswap16(v);
}

static inline uint32_t sl_load_be32(const void *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return __builtin_bswap32(v);
}

static inline void sl_store_be16(void *p, uint16_t v)
{
	v = __builtin_bswap16(v);
	memcpy(p, &v, sizeof(v));
}

static inline void sl_store_be32(void *p, uint32_t v)
{
	v = __builtin_bswap32(v);
	memcpy(p, &v, sizeof(v));
}

static inline uint32_t sl_load_le32(const void *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint64_t sl_load_le64(const void *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline void sl_store_le64(void *p, uint64_t v)
{
	memcpy(p, &v, sizeof(v));
}

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "sluice runs on little-endian machines"
#endif

#endif
