/* SPDX-License-Identifier: BSD-3-Clause */
/* The books and the states, for people. */
#include <stdio.h>
#include <string.h>

#include "ctl.h"
#include "sl_stats.h"

/* A counter's line: its name, its value or what it grew by a second, and what it means. */
static void add_line(const struct ctl *ctl, struct ctl_table *t, const json_t *now,
		     const json_t *before, const char *name, const char *help, bool gauge)
{
	char text[CTL_TEXT];

	ctl_table_add(t, "%s", name);
	ctl_table_add(t, "%s", ctl_count(ctl_int(now, name), text));
	if (ctl->watch_s > 0) {
		const double grown = (double)(ctl_int(now, name) - ctl_int(before, name));

		if (before == NULL || gauge || ctl->elapsed_s <= 0)
			ctl_table_add(t, "%s", "");
		else
			ctl_table_add(t, "%s/s",
				      ctl_count((json_int_t)(grown / ctl->elapsed_s + 0.5), text));
	}
	ctl_table_add(t, "%s", help);
}

static struct ctl_table *lines(const struct ctl *ctl)
{
	return ctl_table_new(ctl->watch_s > 0 ? "lrrl" : "lrl", NULL);
}

/* The books, in the order of the identity: what came in is what went out, one way or another. */
static void print_terms(const struct ctl *ctl, const json_t *now)
{
	struct ctl_table *t = lines(ctl);

	for (unsigned i = 0; i < SL_N_TERMS; i++) {
		const char *name = sl_term_info[i].name;

		/* One worker hands nothing to another. */
		if (strncmp(name, "handed", 6) == 0 && ctl_int(now, name) == 0)
			continue;
		add_line(ctl, t, now, ctl->previous, name, sl_term_info[i].help, i == SL_TERM_held);
	}
	add_line(ctl, t, now, ctl->previous, "made", sl_event_info[SL_EVENT_made].help, false);
	add_line(ctl, t, now, ctl->previous, "nic_missed", "lost before us: no descriptor was free",
		 false);
	add_line(ctl, t, now, ctl->previous, "nic_nombuf", "lost before us: the pool was empty",
		 false);
	add_line(ctl, t, now, ctl->previous, "nic_errors", "received broken by the NIC", false);
	ctl_table_print(t, "  ");
}

static const char *help_of(const struct sl_counter_info *infos, unsigned n, const char *name)
{
	for (unsigned i = 0; i < n; i++)
		if (strcmp(infos[i].name, name) == 0)
			return infos[i].help;
	return "";
}

/* What is not zero of an object of counters. */
static void print_nonzero(const struct ctl *ctl, const json_t *now, const char *member,
			  const char *title, const struct sl_counter_info *infos, unsigned n)
{
	const json_t *counters = json_object_get(now, member);
	const json_t *before = json_object_get(ctl->previous, member);
	struct ctl_table *t = lines(ctl);
	json_int_t sum = 0;
	const char *name;
	json_t *value;
	char text[CTL_TEXT];

	json_object_foreach((json_t *)counters, name, value)
	{
		sum += json_integer_value(value);
		if (json_integer_value(value) != 0)
			add_line(ctl, t, counters, before, name, help_of(infos, n, name), false);
	}
	if (strcmp(member, "dropped") == 0)
		printf("%s: %s\n", title, ctl_count(sum, text));
	else if (sum != 0)
		printf("%s\n", title);
	ctl_table_print(t, "  ");
}

/* The terms that tell workers, or services, apart. */
static void print_each(const json_t *list, const char *head, const char *key)
{
	const char *heads[] = {head,        "RX",     "HANDED IN",  "ANSWERED", "RELAYED",
			       "DELIVERED", "PASSED", "HANDED OUT", "DROPPED"};
	static const char *const terms[] = {"rx",        "handed_in", "answered",  "relayed",
					    "delivered", "passed",    "handed_out"};
	struct ctl_table *t = ctl_table_new("lrrrrrrrr", heads);
	const json_t *o, *reason;
	const char *name;
	char text[CTL_TEXT];
	size_t i;

	json_array_foreach(list, i, o)
	{
		const json_t *id = json_object_get(o, key);
		json_int_t dropped = 0;

		if (json_is_integer(id))
			ctl_table_add(t, "%" JSON_INTEGER_FORMAT, json_integer_value(id));
		else
			ctl_table_add(t, "%s", json_is_null(id) ? "(none)" : ctl_str(o, key));
		for (unsigned k = 0; k < SL_ARRAY_LEN(terms); k++)
			ctl_table_add(t, "%s", ctl_count(ctl_int(o, terms[k]), text));
		json_object_foreach(json_object_get(o, "dropped"), name, reason) dropped +=
			json_integer_value(reason);
		ctl_table_add(t, "%s", ctl_count(dropped, text));
	}
	putchar('\n');
	ctl_table_print(t, "");
}

void ctl_print_stats(const struct ctl *ctl, const json_t *result)
{
	const json_t *workers = json_object_get(result, "workers");

	printf("packets\n");
	print_terms(ctl, result);
	print_nonzero(ctl, result, "dropped", "dropped", sl_drop_info, SL_N_DROPS);
	print_nonzero(ctl, result, "events", "events", sl_event_info, SL_N_EVENTS);
	if (json_array_size(workers) > 1)
		print_each(workers, "CORE", "core");
	print_each(json_object_get(result, "services"), "SERVICE", "name");
}

enum { BAR = 40 }; /* characters of the longest bar */

void ctl_print_states(const struct ctl *ctl, const json_t *result)
{
	static const char *const heads[] = {"STATE", "CLIENT", "SERVER", ""};
	static const char bar[] = "########################################";
	const json_t *client = json_object_get(result, "client");
	const json_t *server = json_object_get(result, "server");
	struct ctl_table *t = ctl_table_new("lrrl", heads);
	json_int_t most = 1;
	char text[CTL_TEXT];

	for (unsigned i = 0; i < SL_TCP_N_STATES; i++) {
		const char *name = sl_tcp_state_name((enum sl_tcp_state)i);
		const json_int_t n = ctl_int(client, name) + ctl_int(server, name);

		most = n > most ? n : most;
	}
	for (unsigned i = 0; i < SL_TCP_N_STATES; i++) {
		const char *name = sl_tcp_state_name((enum sl_tcp_state)i);
		const json_int_t n = ctl_int(client, name) + ctl_int(server, name);
		const int len = (int)((n * BAR + most - 1) / most);

		ctl_table_add(t, "%s", name);
		ctl_table_add(t, "%s", ctl_count(ctl_int(client, name), text));
		ctl_table_add(t, "%s", ctl_count(ctl_int(server, name), text));
		ctl_table_add(t, "%.*s", ctl->tty ? len : 0, bar);
	}
	ctl_table_print(t, "");
}
