/* SPDX-License-Identifier: BSD-3-Clause */
/* Text, put together without the C library's help. What does not fit is cut off. */
#ifndef TEXT_H
#define TEXT_H

#include <string.h>

#include "sl_addr.h"

struct text {
	char *to;
	uint32_t n, most;
};

void text_bytes(struct text *t, const char *bytes, uint32_t n);
/* Here, so that the length of what is known is. */
static inline void text_string(struct text *t, const char *s)
{
	text_bytes(t, s, (uint32_t)strlen(s));
}
void text_number(struct text *t, uint64_t n);
/* With leading zeros, `digits` of them at least. */
void text_digits(struct text *t, uint64_t n, unsigned digits);
/* Thousandths: "12.345". */
void text_thousandths(struct text *t, uint64_t n);
/* "192.0.2.1:80", "[2001:db8::1]:80". */
void text_end(struct text *t, const struct sl_addr *addr, uint16_t port);

/* RFC 867's example: "Saturday, November 21, 2026 19:25:50-UTC". */
void text_daytime(struct text *t, uint64_t unix_s);
/* RFC 9110 section 5.6.7: "Sat, 21 Nov 2026 19:25:50 GMT". */
void text_http_date(struct text *t, uint64_t unix_s);

#endif
