/* SPDX-License-Identifier: BSD-3-Clause */
/* The words of error messages: what was found, what was expected, what was probably meant. */
#include "schema.h"

#include <ctype.h>
#include <string.h>

/* Longest word that is compared; keys and choices are shorter. */
#define WORD 40

static unsigned least(unsigned a, unsigned b, unsigned c)
{
	return sl_min_u32(a, sl_min_u32(b, c));
}

/*
 * Edits that make `b` of `a`: a letter more, less, changed, or two neighbours swapped (optimal
 * string alignment). Capitals count as their small letters.
 */
static unsigned distance(const char *a, const char *b)
{
	const unsigned n = (unsigned)strlen(a), m = (unsigned)strlen(b);
	unsigned d[WORD + 1][WORD + 1];

	if (n > WORD || m > WORD)
		return WORD;
	for (unsigned i = 0; i <= n; i++)
		d[i][0] = i;
	for (unsigned j = 0; j <= m; j++)
		d[0][j] = j;
	for (unsigned i = 1; i <= n; i++) {
		for (unsigned j = 1; j <= m; j++) {
			const int x = tolower((unsigned char)a[i - 1]);
			const int y = tolower((unsigned char)b[j - 1]);

			d[i][j] =
				least(d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + (x != y));
			if (i > 1 && j > 1 && x == tolower((unsigned char)b[j - 2]) &&
			    y == tolower((unsigned char)a[i - 2]))
				d[i][j] = sl_min_u32(d[i][j], d[i - 2][j - 2] + 1);
		}
	}
	return d[n][m];
}

const char *phrase_nearest(const char *text, const char *const *words, unsigned n)
{
	const char *best = NULL;
	unsigned best_distance = WORD;

	for (unsigned i = 0; i < n; i++) {
		const unsigned d = distance(text, words[i]);

		/* Up to a third of the letters, else it is a guess and no help. */
		if (d < best_distance && 3 * d <= strlen(words[i]) + 1) {
			best = words[i];
			best_distance = d;
		}
	}
	return best;
}

char *phrase_quote(const char *text, char out[PHRASE])
{
	size_t n = 0;

	out[n++] = '"';
	for (size_t i = 0; text[i] != '\0'; i++) {
		if (i == 80) {
			memcpy(out + n, "...", 3);
			n += 3;
			break;
		}
		out[n++] = iscntrl((unsigned char)text[i]) ? '?' : text[i];
	}
	out[n++] = '"';
	out[n] = '\0';
	return out;
}

char *phrase_found(const config_setting_t *found, char out[PHRASE])
{
	switch (config_setting_type(found)) {
	case CONFIG_TYPE_STRING:
		return phrase_quote(config_setting_get_string(found), out);
	case CONFIG_TYPE_INT:
	case CONFIG_TYPE_INT64:
		snprintf(out, PHRASE, "%lld", config_setting_get_int64(found));
		break;
	case CONFIG_TYPE_FLOAT:
		snprintf(out, PHRASE, "%g", config_setting_get_float(found));
		break;
	case CONFIG_TYPE_BOOL:
		snprintf(out, PHRASE, "%s", config_setting_get_bool(found) ? "true" : "false");
		break;
	case CONFIG_TYPE_GROUP:
		snprintf(out, PHRASE, "a group { ... }");
		break;
	case CONFIG_TYPE_ARRAY:
		snprintf(out, PHRASE, "an array [ ... ]");
		break;
	default:
		snprintf(out, PHRASE, "a list ( ... )");
		break;
	}
	return out;
}

/* `"pass", "monitor" or "splice"` */
static void expect_choices(const struct setting *row, char out[PHRASE])
{
	size_t n = 0;

	for (unsigned i = 0; row->choices[i] != NULL && n < PHRASE; i++) {
		const char *before = i == 0 ? "" : row->choices[i + 1] == NULL ? " or " : ", ";

		n += (size_t)snprintf(out + n, PHRASE - n, "%s\"%s\"", before, row->choices[i]);
	}
}

char *phrase_expected(const struct setting *row, char out[PHRASE])
{
	char words[PHRASE];

	switch (row->type) {
	case SETTING_BOOL:
		snprintf(out, PHRASE, "true or false");
		break;
	case SETTING_INT:
		snprintf(out, PHRASE, "an integer from %.0f to %.0f (%s)", row->min, row->max,
			 row->unit);
		break;
	case SETTING_SECONDS:
		snprintf(out, PHRASE, "a number from %g to %.0f (%s)", row->min, row->max,
			 row->unit);
		break;
	case SETTING_STRING:
		snprintf(out, PHRASE, "a string of at most %zu characters", row->size - 1);
		break;
	case SETTING_ENUM:
		expect_choices(row, out);
		break;
	case SETTING_FLAGS:
		expect_choices(row, words);
		snprintf(out, PHRASE, "an array [ ... ] of any of %.*s", PHRASE - 40, words);
		break;
	case SETTING_INTS:
		snprintf(out, PHRASE, "an array [ ... ] of 1 to %u integers from %.0f to %.0f (%s)",
			 row->capacity, row->min, row->max, row->unit);
		break;
	case SETTING_STRINGS:
		snprintf(out, PHRASE,
			 "an array [ ... ] of at most %u strings of at most %zu characters",
			 row->capacity, row->size - 1);
		break;
	case SETTING_PREFIX:
		snprintf(out, PHRASE,
			 "an address or a prefix: \"192.0.2.2\", \"192.0.2.0/24\", "
			 "\"2001:db8::2\" or \"2001:db8::/64\"");
		break;
	case SETTING_PORTS:
		snprintf(out, PHRASE, "a port from 1 to 65535, or a range like \"8000-8010\"");
		break;
	case SETTING_ENDPOINT:
		snprintf(out, PHRASE,
			 "\"ADDRESS:PORT\", \"[IPV6-ADDRESS]:PORT\", or \"\" for none");
		break;
	case SETTING_GROUP:
		snprintf(out, PHRASE, "a group { ... }");
		break;
	case SETTING_GROUPS:
		snprintf(out, PHRASE, "a list of at most %u groups ( { ... }, { ... } )",
			 row->capacity);
		break;
	}
	return out;
}
