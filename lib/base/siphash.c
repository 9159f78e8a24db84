/* SPDX-License-Identifier: BSD-3-Clause */
#include "sl_siphash.h"

#include "sl_bytes.h"

struct sl_sipkey sl_sipkey_from_bytes(const uint8_t bytes[16])
{
	struct sl_sipkey key = {sl_load_le64(bytes), sl_load_le64(bytes + 8)};

	return key;
}

uint64_t sl_siphash24(const struct sl_sipkey *key, const void *data, size_t len)
{
	const uint8_t *p = data;
	uint64_t last = (uint64_t)(len & 0xff) << 56;
	uint64_t v[4];
	size_t n = len;

	sl_sip_start(v, key);
	for (; n >= 8; n -= 8, p += 8)
		sl_sip_absorb(v, sl_load_le64(p));
	for (size_t i = 0; i < n; i++)
		last |= (uint64_t)p[i] << (8 * i);
	sl_sip_absorb(v, last);
	return sl_sip_finish(v);
}
