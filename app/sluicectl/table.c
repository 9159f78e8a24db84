/* SPDX-License-Identifier: BSD-3-Clause */
/* Text in columns, and numbers as people read them. */
#include "ctl.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMNS_MAX = 16 };

struct ctl_table {
	unsigned n_columns, n_cells, room;
	const char *align;
	char **cells;
	unsigned width[COLUMNS_MAX];
};

static void *or_die(void *memory)
{
	if (memory == NULL) {
		fputs("sluicectl: out of memory\n", stderr);
		exit(CTL_REFUSED);
	}
	return memory;
}

/* Characters of UTF-8 text. */
static unsigned width_of(const char *text)
{
	unsigned n = 0;

	for (; *text != '\0'; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

struct ctl_table *ctl_table_new(const char *align, const char *const *heads)
{
	struct ctl_table *t = or_die(calloc(1, sizeof(*t)));

	t->align = align;
	t->n_columns = (unsigned)strlen(align);
	assert(t->n_columns <= COLUMNS_MAX);
	for (unsigned i = 0; heads != NULL && i < t->n_columns; i++)
		ctl_table_add(t, "%s", heads[i]);
	return t;
}

void ctl_table_add(struct ctl_table *t, const char *format, ...)
{
	const unsigned column = t->n_cells % t->n_columns;
	char *text;
	va_list args;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	if (t->n_cells == t->room) {
		t->room = t->room * 2 + 64;
		t->cells = or_die(realloc(t->cells, t->room * sizeof(*t->cells)));
	}
	t->cells[t->n_cells++] = or_die(text);
	t->width[column] = sl_max_u32(t->width[column], width_of(text));
}

void ctl_table_print(struct ctl_table *t, const char *indent)
{
	for (unsigned i = 0; i < t->n_cells; i++) {
		const unsigned column = i % t->n_columns;
		const bool last = column + 1 == t->n_columns;
		const int pad = (int)(t->width[column] - width_of(t->cells[i]));

		if (column == 0)
			fputs(indent, stdout);
		else if (!last || t->cells[i][0] != '\0') /* no blanks at a line's end */
			fputs("  ", stdout);
		if (t->align[column] == 'r')
			printf("%*s%s", pad, "", t->cells[i]);
		else
			printf("%s%*s", t->cells[i], last ? 0 : pad, "");
		if (last)
			putchar('\n');
		free(t->cells[i]);
	}
	free(t->cells);
	free(t);
}

const char *ctl_count(json_int_t n, char text[CTL_TEXT])
{
	char digits[CTL_TEXT];
	const int len = snprintf(digits, sizeof(digits), "%" JSON_INTEGER_FORMAT, n);
	char *to = text;

	for (int i = 0; i < len; i++) {
		const bool after_digit = i > 0 && digits[i - 1] != '-';

		if (after_digit && (len - i) % 3 == 0)
			*to++ = ',';
		*to++ = digits[i];
	}
	*to = '\0';
	return text;
}

const char *ctl_bytes(json_int_t n, char text[CTL_TEXT])
{
	static const char units[] = "KMGTPE";
	double value = (double)n;
	int unit = -1;

	while (value >= 999.5 && unit < 5) {
		value /= 1024;
		unit++;
	}
	if (unit < 0)
		snprintf(text, CTL_TEXT, "%" JSON_INTEGER_FORMAT, n);
	else
		snprintf(text, CTL_TEXT, value < 9.95 ? "%.1f%c" : "%.0f%c", value, units[unit]);
	return text;
}

const char *ctl_duration(double seconds, char text[CTL_TEXT])
{
	const unsigned long s = (unsigned long)seconds;

	if (seconds < 10)
		snprintf(text, CTL_TEXT, "%.1fs", seconds);
	else if (s < 60)
		snprintf(text, CTL_TEXT, "%lus", s);
	else if (s < 3600)
		snprintf(text, CTL_TEXT, "%lum%02lus", s / 60, s % 60);
	else if (s < 86400)
		snprintf(text, CTL_TEXT, "%luh%02lum", s / 3600, s / 60 % 60);
	else
		snprintf(text, CTL_TEXT, "%lud%02luh", s / 86400, s / 3600 % 24);
	return text;
}

json_int_t ctl_int(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

const char *ctl_str(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text != NULL ? text : "-";
}

double ctl_real(const json_t *object, const char *name)
{
	return json_number_value(json_object_get(object, name));
}

bool ctl_bool(const json_t *object, const char *name)
{
	return json_is_true(json_object_get(object, name));
}
