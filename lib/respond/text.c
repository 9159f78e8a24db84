/* SPDX-License-Identifier: BSD-3-Clause */
#include "text.h"

void text_bytes(struct text *t, const char *bytes, uint32_t n)
{
	n = sl_min_u32(n, t->most - t->n);
	memcpy(t->to + t->n, bytes, n);
	t->n += n;
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
	char text[SL_ADDR_TEXT];

	if (sl_addr_is_v4(addr)) {
		/* libc would take printf's way, a tenth of the price of a page. */
		for (unsigned i = 12; i < 16; i++) {
			text_number(t, addr->b[i]);
			text_string(t, i < 15 ? "." : ":");
		}
	} else {
		text_string(t, "[");
		text_string(t, sl_addr_format(addr, text));
		text_string(t, "]:");
	}
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

/* Without a loop over years. They begin in March here, so that the odd day is the last of its
 * year, and from there on months are 153 days each five: H. Hinnant, "chrono-Compatible Low-Level
 * Date Algorithms". */
static struct day day_of(uint64_t unix_s)
{
	const uint64_t cycle = 146097; /* days of 400 years */
	const uint64_t days = unix_s / 86400, from_0 = days + 719468;
	const uint64_t of_cycle = from_0 % cycle;
	const uint64_t year =
		(of_cycle - of_cycle / 1460 + of_cycle / 36524 - of_cycle / 146096) / 365;
	const unsigned of_year = (unsigned)(of_cycle - (365 * year + year / 4 - year / 100));
	const unsigned month = (5 * of_year + 2) / 153; /* March is 0 */

	return (struct day){
		.year = year + from_0 / cycle * 400 + (month >= 10),
		.month = (month + 2) % 12,
		.day = of_year - (153 * month + 2) / 5 + 1,
		.weekday = (unsigned)((days + 4) % 7),
	};
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
