/* SPDX-License-Identifier: BSD-3-Clause */
/* From libconfig's tree into a struct, row by row of the table. */
#include "schema.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Room for what opens a message, `service "web", limits: `. */
#define SUBJECT 128

/* The one form of a complaint about a value. `why` may be empty. */
static int refuse_value(struct load *load, const struct setting *row, const char *subject,
			const config_setting_t *at, const char *why)
{
	char found[PHRASE], expected[PHRASE];
	const bool remark = why[0] != '\0';

	return refuse(load, at, "%s%s is %s%s%s%s; expected %s", subject, row->key,
		      phrase_found(at, found), remark ? " (" : "", why, remark ? ")" : "",
		      phrase_expected(row, expected));
}

static unsigned count_choices(const struct setting *row)
{
	unsigned n = 0;

	while (row->choices[n] != NULL)
		n++;
	return n;
}

/* The place of `word` among the choices, or -1. */
static int find_choice(const struct setting *row, const char *word)
{
	for (unsigned i = 0; row->choices[i] != NULL; i++)
		if (strcmp(row->choices[i], word) == 0)
			return (int)i;
	return -1;
}

static bool is_integer(const config_setting_t *at)
{
	return config_setting_type(at) == CONFIG_TYPE_INT ||
	       config_setting_type(at) == CONFIG_TYPE_INT64;
}

/* An integer in the row's range. */
static bool read_integer(const struct setting *row, const config_setting_t *at, uint32_t *value)
{
	const long long v = is_integer(at) ? config_setting_get_int64(at) : -1;

	*value = (uint32_t)v;
	return is_integer(at) && v >= (long long)row->min && v <= (long long)row->max;
}

static int parse_seconds(struct load *load, const struct setting *row, const char *subject,
			 const config_setting_t *at, uint32_t *ms)
{
	double s = -1;

	if (is_integer(at))
		s = (double)config_setting_get_int64(at);
	else if (config_setting_type(at) == CONFIG_TYPE_FLOAT)
		s = config_setting_get_float(at);
	if (!(s >= row->min && s <= row->max))
		return refuse_value(load, row, subject, at, "");
	*ms = (uint32_t)(s * 1000 + 0.5);
	return 0;
}

static int parse_string(struct load *load, const struct setting *row, const char *subject,
			const config_setting_t *at, char *value)
{
	const char *text = config_setting_get_string(at);

	if (text == NULL || strlen(text) >= row->size)
		return refuse_value(load, row, subject, at, "");
	if (row->required && text[0] == '\0')
		return refuse_value(load, row, subject, at, "it may not be empty");
	memcpy(value, text, strlen(text) + 1);
	return 0;
}

/* One word of an enum or of flags; `at` is a string. */
static int parse_choice(struct load *load, const struct setting *row, const char *subject,
			const config_setting_t *at, unsigned *place)
{
	const char *word = config_setting_get_string(at);
	char found[PHRASE], expected[PHRASE];
	const char *near;
	int i;

	if (word == NULL)
		return refuse_value(load, row, subject, at, "");
	i = find_choice(row, word);
	if (i >= 0) {
		*place = (unsigned)i;
		return 0;
	}
	near = phrase_nearest(word, row->choices, count_choices(row));
	return refuse(load, at, "%s%s is %s; expected %s%s%s%s", subject, row->key,
		      phrase_quote(word, found), phrase_expected(row, expected),
		      near != NULL ? " (did you mean \"" : "", near != NULL ? near : "",
		      near != NULL ? "\"?)" : "");
}

/* The elements of an array or list of scalars. */
static int parse_array(struct load *load, const struct setting *row, const char *subject,
		       const config_setting_t *at, char *base)
{
	const bool sequence = config_setting_is_array(at) || config_setting_is_list(at);
	const int n = sequence ? config_setting_length(at) : 0;
	const bool none = n == 0 && (row->type == SETTING_INTS || row->required);
	int rc = 0;

	if (!sequence || none || (row->type != SETTING_FLAGS && n > (int)row->capacity))
		return refuse_value(load, row, subject, at,
				    none && sequence ? "empty"
				    : sequence       ? "too many"
						     : "");
	for (int i = 0; i < n && rc == 0; i++) {
		const config_setting_t *element = config_setting_get_elem(at, (unsigned)i);
		char *value = base + row->offset + (size_t)i * row->size;
		unsigned place = 0;

		if (row->type == SETTING_FLAGS) {
			rc = parse_choice(load, row, subject, element, &place);
			*(uint32_t *)(void *)(base + row->offset) |= rc == 0 ? 1u << place : 0;
		} else if (row->type == SETTING_STRINGS) {
			rc = parse_string(load, row, subject, element, value);
		} else if (!read_integer(row, element, (uint32_t *)(void *)value)) {
			rc = refuse_value(load, row, subject, element, "");
		}
	}
	if (row->type != SETTING_FLAGS)
		*(unsigned *)(void *)(base + row->count_offset) = (unsigned)n;
	return rc;
}

/* The rows whose value is a string with a syntax of its own. */
static int parse_worded(struct load *load, const struct setting *row, const char *subject,
			const config_setting_t *at, void *value)
{
	const char *text = config_setting_get_string(at);
	char why[PHRASE] = "", number[16];
	int rc = -EINVAL;

	if (row->type == SETTING_PORTS && is_integer(at)) {
		const long long port = config_setting_get_int64(at);

		snprintf(number, sizeof(number), "%d", port > 0 && port < 65536 ? (int)port : 0);
		text = number;
	}
	if (text != NULL) {
		if (row->type == SETTING_PREFIX)
			rc = value_prefix(text, value, why);
		else if (row->type == SETTING_PORTS)
			rc = value_ports(text, value, why);
		else
			rc = value_endpoint(text, value, why);
	}
	return rc == 0 ? 0 : refuse_value(load, row, subject, at, why);
}

/* `service "web": `, or `service 2: ` while it has no name. */
static void name_subject(const struct setting *row, const config_setting_t *group, unsigned i,
			 char subject[SUBJECT])
{
	const config_setting_t *name =
		config_setting_is_group(group) ? config_setting_get_member(group, "name") : NULL;
	const char *text = name != NULL ? config_setting_get_string(name) : NULL;
	char quoted[PHRASE];

	if (text != NULL)
		snprintf(subject, SUBJECT, "%s %.100s: ", row->noun, phrase_quote(text, quoted));
	else
		snprintf(subject, SUBJECT, "%s %u: ", row->noun, i + 1);
}

static int parse_groups(struct load *load, const struct setting *row, const char *subject,
			const config_setting_t *at, char *base)
{
	const int n = config_setting_is_list(at) ? config_setting_length(at) : 0;
	unsigned *count = (unsigned *)(void *)(base + row->count_offset);
	char below[SUBJECT];
	int rc = 0;

	if (!config_setting_is_list(at) || n > (int)row->capacity)
		return refuse_value(load, row, subject, at, n > 0 ? "too many" : "");
	if (n == 0 && row->required)
		return refuse(load, at, "%s%s is empty; expected at least one %s", subject,
			      row->key, row->noun);
	for (int i = 0; i < n && rc == 0; i++) {
		const config_setting_t *group = config_setting_get_elem(at, (unsigned)i);
		char *item = base + row->offset + (size_t)i * row->size;

		name_subject(row, group, (unsigned)i, below);
		if (!config_setting_is_group(group))
			return refuse_value(load, row, subject, group, "");
		*count = (unsigned)i + 1;
		row->prepare(load, item, (unsigned)i, group);
		rc = parse_section(load, row->section_below, group, below, false, item);
	}
	return rc;
}

static int parse_group(struct load *load, const struct setting *row, const char *subject,
		       const config_setting_t *at, void *value)
{
	char below[SUBJECT];
	const size_t n = strlen(subject);

	if (at != NULL && !config_setting_is_group(at))
		return refuse_value(load, row, subject, at, "");
	/* `service "web": ` becomes `service "web", limits: ` */
	if (n > 2)
		snprintf(below, sizeof(below), "%.*s, %s: ", (int)n - 2, subject, row->key);
	else
		snprintf(below, sizeof(below), "%s: ", row->key);
	return parse_section(load, row->section_below, at, below, row->inherits, value);
}

static int parse_value(struct load *load, const struct setting *row, const char *subject,
		       const config_setting_t *at, char *base)
{
	void *value = base + row->offset;

	switch (row->type) {
	case SETTING_BOOL:
		if (config_setting_type(at) != CONFIG_TYPE_BOOL)
			return refuse_value(load, row, subject, at, "");
		*(bool *)value = config_setting_get_bool(at);
		return 0;
	case SETTING_INT:
		return read_integer(row, at, value) ? 0 : refuse_value(load, row, subject, at, "");
	case SETTING_SECONDS:
		return parse_seconds(load, row, subject, at, value);
	case SETTING_STRING:
		return parse_string(load, row, subject, at, value);
	case SETTING_ENUM:
		return parse_choice(load, row, subject, at, value);
	case SETTING_FLAGS:
		*(uint32_t *)value = 0;
		return parse_array(load, row, subject, at, base);
	case SETTING_INTS:
	case SETTING_STRINGS:
		return parse_array(load, row, subject, at, base);
	case SETTING_PREFIX:
	case SETTING_PORTS:
	case SETTING_ENDPOINT:
		return parse_worded(load, row, subject, at, value);
	case SETTING_GROUP:
		return parse_group(load, row, subject, at, value);
	case SETTING_GROUPS:
		return parse_groups(load, row, subject, at, base);
	}
	return -EINVAL;
}

/* Bits of the words in `words`, one blank between two. */
static uint32_t flags_of(const struct setting *row, const char *words)
{
	uint32_t flags = 0;

	for (unsigned i = 0; row->choices[i] != NULL; i++) {
		const size_t n = strlen(row->choices[i]);

		for (const char *p = words; (p = strstr(p, row->choices[i])) != NULL; p += n)
			if ((p == words || p[-1] == ' ') && (p[n] == ' ' || p[n] == '\0'))
				flags |= 1u << i;
	}
	return flags;
}

/* The default of a row that the file leaves out. The struct is zeroed already. */
static void apply_fallback(const struct setting *row, void *value)
{
	if (row->fallback == NULL)
		return;
	if (row->type == SETTING_BOOL)
		*(bool *)value = strcmp(row->fallback, "true") == 0;
	else if (row->type == SETTING_INT)
		*(uint32_t *)value = (uint32_t)strtoul(row->fallback, NULL, 10);
	else if (row->type == SETTING_SECONDS)
		*(uint32_t *)value = (uint32_t)strtoul(row->fallback, NULL, 10) * 1000;
	else if (row->type == SETTING_STRING)
		snprintf(value, row->size, "%s", row->fallback);
	else if (row->type == SETTING_ENUM)
		*(unsigned *)value = (unsigned)find_choice(row, row->fallback);
	else if (row->type == SETTING_FLAGS)
		*(uint32_t *)value = flags_of(row, row->fallback);
}

/* A key of the file that the table does not know. */
static int refuse_unknown(struct load *load, const char *section, const char *subject,
			  const config_setting_t *at)
{
	const char *key = config_setting_name(at), *near;
	const char *words[32];
	char known[PHRASE], quoted[PHRASE];
	unsigned n = 0;
	size_t used = 0;

	for (unsigned i = 0; i < n_settings && n < SL_ARRAY_LEN(words); i++)
		if (strcmp(settings[i].section, section) == 0)
			words[n++] = settings[i].key;
	known[0] = '\0';
	for (unsigned i = 0; i < n && used < sizeof(known); i++)
		used += (size_t)snprintf(known + used, sizeof(known) - used, "%s%s",
					 i == 0 ? "" : ", ", words[i]);
	near = phrase_nearest(key, words, n);
	return refuse(load, at, "%sunknown key %s; expected one of %s%s%s%s", subject,
		      phrase_quote(key, quoted), known, near != NULL ? " (did you mean \"" : "",
		      near != NULL ? near : "", near != NULL ? "\"?)" : "");
}

/* A section that is not there (`group` is NULL) has its defaults. */
int parse_section(struct load *load, const char *section, const config_setting_t *group,
		  const char *subject, bool inherits, void *target)
{
	const int n = group != NULL ? config_setting_length(group) : 0;
	int rc = 0;

	for (int i = 0; i < n; i++) {
		const config_setting_t *at = config_setting_get_elem(group, (unsigned)i);

		if (schema_find(section, config_setting_name(at)) == NULL)
			return refuse_unknown(load, section, subject, at);
	}
	for (unsigned i = 0; i < n_settings && rc == 0; i++) {
		const struct setting *row = &settings[i];
		const config_setting_t *at;
		char expected[PHRASE];

		if (strcmp(row->section, section) != 0)
			continue;
		at = group != NULL ? config_setting_get_member(group, row->key) : NULL;
		if (at != NULL)
			rc = parse_value(load, row, subject, at, target);
		else if (row->required && group != NULL)
			rc = refuse(load, group, "%s%s is missing; expected %s", subject, row->key,
				    phrase_expected(row, expected));
		else if (row->type == SETTING_GROUP)
			rc = parse_group(load, row, subject, NULL, (char *)target + row->offset);
		else if (!inherits)
			apply_fallback(row, (char *)target + row->offset);
	}
	return rc;
}
