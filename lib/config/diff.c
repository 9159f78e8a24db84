/* SPDX-License-Identifier: BSD-3-Clause */
/* What differs between two configurations, setting by setting, by the table. */
#include "schema.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct diff {
	sl_config_change_fn *fn;
	void *arg;
};

static uint32_t u32_at(const void *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static unsigned count_of(const struct setting *row, const char *base)
{
	unsigned n;

	memcpy(&n, base + row->count_offset, sizeof(n));
	return n;
}

static const char *item_of(const struct setting *row, const char *base, unsigned i)
{
	return base + row->offset + i * row->size;
}

static void append(char *text, const char *format, const char *word)
{
	const size_t used = strlen(text);

	snprintf(text + used, SL_CONFIG_VALUE - used, format, used > 0 ? " " : "", word);
}

static void show_flags(const struct setting *row, uint32_t flags, char *text)
{
	for (unsigned i = 0; row->choices[i] != NULL; i++)
		if (flags >> i & 1)
			append(text, "%s%s", row->choices[i]);
}

static void show_list(const struct setting *row, const char *base, char *text)
{
	for (unsigned i = 0; i < count_of(row, base); i++) {
		const char *item = item_of(row, base, i);
		char number[16];

		snprintf(number, sizeof(number), "%" PRIu32, u32_at(item));
		append(text, "%s%s", row->type == SETTING_INTS ? number : item);
	}
}

static void show_prefix(const struct sl_config_prefix *p, char *text)
{
	const unsigned skipped = sl_addr_is_v4(&p->addr) && p->len >= 96 ? 96 : 0;
	char addr[SL_ADDR_TEXT];

	snprintf(text, SL_CONFIG_VALUE, "%s/%u", sl_addr_format(&p->addr, addr), p->len - skipped);
}

/* The value of `row` in the section's struct at `base`, for people. */
static void show(const struct setting *row, const char *base, char text[SL_CONFIG_VALUE])
{
	const void *at = base + row->offset;
	const struct sl_config_ports *ports = at;
	const struct sl_config_endpoint *endpoint = at;
	char addr[SL_ADDR_TEXT];

	text[0] = '\0';
	switch (row->type) {
	case SETTING_BOOL:
		snprintf(text, SL_CONFIG_VALUE, "%s", *(const bool *)at ? "true" : "false");
		break;
	case SETTING_INT:
		snprintf(text, SL_CONFIG_VALUE, "%" PRIu32, u32_at(at));
		break;
	case SETTING_SECONDS:
		snprintf(text, SL_CONFIG_VALUE, "%g", u32_at(at) / 1e3);
		break;
	case SETTING_STRING:
		snprintf(text, SL_CONFIG_VALUE, "%s", (const char *)at);
		break;
	case SETTING_ENUM:
		snprintf(text, SL_CONFIG_VALUE, "%s", row->choices[u32_at(at)]);
		break;
	case SETTING_FLAGS:
		show_flags(row, u32_at(at), text);
		break;
	case SETTING_INTS:
	case SETTING_STRINGS:
		show_list(row, base, text);
		break;
	case SETTING_PREFIX:
		show_prefix(at, text);
		break;
	case SETTING_PORTS:
		if (ports->first == ports->last)
			snprintf(text, SL_CONFIG_VALUE, "%u", ports->first);
		else
			snprintf(text, SL_CONFIG_VALUE, "%u-%u", ports->first, ports->last);
		break;
	case SETTING_ENDPOINT:
		if (endpoint->port != 0)
			snprintf(text, SL_CONFIG_VALUE, "%s port %u",
				 sl_addr_format(&endpoint->addr, addr), endpoint->port);
		break;
	case SETTING_GROUP:
	case SETTING_GROUPS:
		break;
	}
}

/* Lists are compared as they are: they may be longer than what is shown of them. */
static bool same_list(const struct setting *row, const char *before, const char *after)
{
	const unsigned n = count_of(row, before);

	if (n != count_of(row, after))
		return false;
	for (unsigned i = 0; i < n; i++) {
		const char *a = item_of(row, before, i), *b = item_of(row, after, i);

		if (row->type == SETTING_INTS ? u32_at(a) != u32_at(b) : strcmp(a, b) != 0)
			return false;
	}
	return true;
}

static bool same(const struct setting *row, const char *before, const char *after)
{
	char a[SL_CONFIG_VALUE], b[SL_CONFIG_VALUE];

	if (row->type == SETTING_INTS || row->type == SETTING_STRINGS)
		return same_list(row, before, after);
	show(row, before, a);
	show(row, after, b);
	return strcmp(a, b) == 0;
}

static void tell(const struct diff *d, const char *path, const char *key, const char *before,
		 const char *after, bool fixed)
{
	struct sl_config_change change = {.fixed = fixed};

	snprintf(change.path, sizeof(change.path), "%s%s%s", path, path[0] ? "." : "", key);
	snprintf(change.before, sizeof(change.before), "%s", before);
	snprintf(change.after, sizeof(change.after), "%s", after);
	d->fn(d->arg, &change);
}

static void diff_section(const struct diff *d, const char *section, const char *path,
			 const char *before, const char *after);

/* Every element of a list of groups begins with its name. */
static const char *find_item(const struct setting *row, const char *base, const char *name)
{
	for (unsigned i = 0; i < count_of(row, base); i++)
		if (strcasecmp(item_of(row, base, i), name) == 0)
			return item_of(row, base, i);
	return NULL;
}

static void diff_groups(const struct diff *d, const struct setting *row, const char *path,
			const char *before, const char *after)
{
	char below[SL_CONFIG_VALUE];

	for (unsigned i = 0; i < count_of(row, before); i++) {
		const char *old = item_of(row, before, i), *now = find_item(row, after, old);

		snprintf(below, sizeof(below), "%s%s%s.%s", path, path[0] ? "." : "", row->key,
			 old);
		if (now == NULL)
			tell(d, "", below, "there", "gone", row->fixed);
		else
			diff_section(d, row->section_below, below, old, now);
	}
	for (unsigned i = 0; i < count_of(row, after); i++) {
		const char *now = item_of(row, after, i);

		snprintf(below, sizeof(below), "%s%s%s.%s", path, path[0] ? "." : "", row->key,
			 now);
		if (find_item(row, before, now) == NULL)
			tell(d, "", below, "none", "new", row->fixed);
		else if (row->fixed && strcmp(item_of(row, before, i), now) != 0)
			tell(d, "", below, "in one place", "in another", true);
	}
}

static void diff_section(const struct diff *d, const char *section, const char *path,
			 const char *before, const char *after)
{
	for (unsigned i = 0; i < n_settings; i++) {
		const struct setting *row = &settings[i];
		char below[SL_CONFIG_VALUE], a[SL_CONFIG_VALUE], b[SL_CONFIG_VALUE];

		if (strcmp(row->section, section) != 0)
			continue;
		if (row->type == SETTING_GROUPS) {
			diff_groups(d, row, path, before, after);
		} else if (row->type == SETTING_GROUP) {
			snprintf(below, sizeof(below), "%s%s%s", path, path[0] ? "." : "",
				 row->key);
			diff_section(d, row->section_below, below, before + row->offset,
				     after + row->offset);
		} else if (!same(row, before, after)) {
			show(row, before, a);
			show(row, after, b);
			tell(d, path, row->key, a, b, row->fixed);
		}
	}
}

void sl_config_diff(const struct sl_config *before, const struct sl_config *after,
		    sl_config_change_fn *fn, void *arg)
{
	const struct diff d = {fn, arg};

	diff_section(&d, "", "", (const char *)before, (const char *)after);
}
