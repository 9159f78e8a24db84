/* SPDX-License-Identifier: BSD-3-Clause */
#include "text.h"

void text_bytes(struct text *t, const char *bytes, uint32_t n)
{
	n = sl_min_u32(n, t->most - t->n);
	memcpy(t->to + t->n, bytes, n);
	t->n += n;
}

void text_string(struct text *t, const char *s)
{
	text_bytes(t, s, (uint32_t)strlen(s));
}

void text_digits(struct text *t, uint64_t n, unsigned digits)
{
	char back[20];
	unsigned i = sizeof(back);

	do {
		back[--i] = (char)('0' + n % 10);
		n /= 10;
	} while (n > 0 || (sizeof(back) - i < digits && i > 0));
	text_bytes(t, back + i, (uint32_t)sizeof(back) - i);
}

void text_number(struct text *t, uint64_t n)
{
	text_digits(t, n, 1);
}

void text_thousandths(struct text *t, uint64_t n)
{
	text_number(t, n / 1000);
	text_string(t, ".");
	text_digits(t, n % 1000, 3);
}

void text_end(struct text *t, const struct sl_addr *addr, uint16_t port)
{
	const bool v4 = sl_addr_is_v4(addr);
	char text[SL_ADDR_TEXT];

	text_string(t, v4 ? "" : "[");
	text_string(t, sl_addr_format(addr, text));
	text_string(t, v4 ? ":" : "]:");
	text_number(t, port);
}

static const char *const months[] = {"January",   "February", "March",    "April",
				     "May",       "June",     "July",     "August",
				     "September", "October",  "November", "December"};
static const char *const weekdays[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
				       "Thursday", "Friday", "Saturday"};

/* A day of the Gregorian calendar, UTC. */
struct day {
	uint64_t year;
	unsigned month, day, weekday; /* 0 to 11, 1 to 31, Sunday is 0 */
};

static bool is_leap(uint64_t year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static struct day day_of(uint64_t unix_s)
{
	static const uint8_t lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	const uint64_t cycle = 146097; /* days of 400 years */
	uint64_t left = unix_s / 86400;
	struct day d = {.year = 1970, .weekday = (unsigned)((left + 4) % 7)};
	uint64_t length;

	d.year += 400 * (left / cycle);
	left %= cycle;
	for (; left >= (length = is_leap(d.year) ? 366 : 365); d.year++)
		left -= length;
	for (; left >= (length = lengths[d.month] + (d.month == 1 && is_leap(d.year))); d.month++)
		left -= length;
	d.day = (unsigned)left + 1;
	return d;
}

static void add_clock(struct text *t, uint64_t unix_s)
{
	text_digits(t, unix_s / 3600 % 24, 2);
	text_string(t, ":");
	text_digits(t, unix_s / 60 % 60, 2);
	text_string(t, ":");
	text_digits(t, unix_s % 60, 2);
}

void text_daytime(struct text *t, uint64_t unix_s)
{
	const struct day d = day_of(unix_s);

	text_string(t, weekdays[d.weekday]);
	text_string(t, ", ");
	text_string(t, months[d.month]);
	text_string(t, " ");
	text_number(t, d.day);
	text_string(t, ", ");
	text_number(t, d.year);
	text_string(t, " ");
	add_clock(t, unix_s);
	text_string(t, "-UTC");
}

void text_http_date(struct text *t, uint64_t unix_s)
{
	const struct day d = day_of(unix_s);

	text_bytes(t, weekdays[d.weekday], 3);
	text_string(t, ", ");
	text_digits(t, d.day, 2);
	text_string(t, " ");
	text_bytes(t, months[d.month], 3);
	text_string(t, " ");
	text_digits(t, d.year, 4);
	text_string(t, " ");
	add_clock(t, unix_s);
	text_string(t, " GMT");
}
