/* SPDX-License-Identifier: BSD-3-Clause */
/* Connections, for people. */
#include <stdio.h>

#include "ctl.h"

static void add_flow(struct ctl_table *t, const json_t *connection, const char *member,
		     const char *(*format)(json_int_t n, char text[CTL_TEXT]))
{
	const json_t *o = json_object_get(connection, member);
	char text[CTL_TEXT];

	ctl_table_add(t, "%s", format(ctl_int(o, "client"), text));
	ctl_table_add(t, "%s", format(ctl_int(o, "server"), text));
}

/* ">" is what came from the client, "<" what came from the server. */
void ctl_print_connections(const struct ctl *ctl, const json_t *result)
{
	static const char *const heads[] = {
		"CLIENT", "SERVER", "SERVICE", "CLIENT LEG", "SERVER LEG", "AGE",     "IDLE",
		"TIMER",  "IN",     "PKTS >",  "PKTS <",     "BYTES >",    "BYTES <", "HELD",
		"CORE"};
	struct ctl_table *t = ctl_table_new("lllllrrlrrrrrrr", heads);
	const json_t *c;
	char text[CTL_TEXT];
	size_t i;

	json_array_foreach(result, i, c)
	{
		const json_t *states = json_object_get(c, "states");
		const json_t *timer = json_object_get(c, "timer");

		ctl_table_add(t, "%s", ctl_str(c, "client"));
		ctl_table_add(t, "%s", ctl_str(c, "server"));
		ctl_table_add(t, "%s", ctl_str(c, "service"));
		ctl_table_add(t, "%s", ctl_str(states, "client"));
		ctl_table_add(t, "%s", ctl_str(states, "server"));
		ctl_table_add(t, "%s", ctl_duration(ctl_real(c, "age_s"), text));
		ctl_table_add(t, "%s", ctl_duration(ctl_real(c, "idle_s"), text));
		ctl_table_add(t, "%s", ctl_str(timer, "name"));
		ctl_table_add(t, "%s", ctl_duration(ctl_real(timer, "in_s"), text));
		add_flow(t, c, "packets", ctl_count);
		add_flow(t, c, "bytes", ctl_bytes);
		ctl_table_add(t, "%s", ctl_count(ctl_int(c, "held"), text));
		ctl_table_add(t, "%s", ctl_count(ctl_int(c, "core"), text));
	}
	ctl_table_print(t, "");
	if ((json_int_t)json_array_size(result) == ctl->limit)
		fprintf(stderr,
			"sluicectl: the first %" JSON_INTEGER_FORMAT
			"; there may be more (limit N)\n",
			ctl->limit);
}
