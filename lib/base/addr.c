/* SPDX-License-Identifier: BSD-3-Clause */
#include "sl_addr.h"

#include <arpa/inet.h>

bool sl_addr_in_prefix(const struct sl_addr *a, const struct sl_addr *net, unsigned prefix_len)
{
	const unsigned bytes = prefix_len / 8, bits = prefix_len % 8;

	if (memcmp(a->b, net->b, bytes) != 0)
		return false;
	return bits == 0 || ((a->b[bytes] ^ net->b[bytes]) >> (8 - bits)) == 0;
}

int sl_addr_parse(struct sl_addr *a, const char *text)
{
	uint8_t v4[4];

	if (inet_pton(AF_INET, text, v4) == 1) {
		sl_addr_set_v4(a, v4);
		return 0;
	}
	return inet_pton(AF_INET6, text, a->b) == 1 ? 0 : -1;
}

char *sl_addr_format(const struct sl_addr *a, char text[SL_ADDR_TEXT])
{
	if (sl_addr_is_v4(a))
		inet_ntop(AF_INET, a->b + 12, text, SL_ADDR_TEXT);
	else
		inet_ntop(AF_INET6, a->b, text, SL_ADDR_TEXT);
	return text;
}
