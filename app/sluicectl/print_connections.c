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

/* Milliseconds, of microseconds that may be null. */
static void add_ms(struct ctl_table *t, const json_t *tcp, const char *member)
{
	const json_t *us = json_object_get(tcp, member);

	if (json_is_integer(us))
		ctl_table_add(t, "%.1f", (double)json_integer_value(us) / 1e3);
	else
		ctl_table_add(t, "-");
}

static bool any_endpoint(const json_t *result)
{
	const json_t *c;
	size_t i;

	json_array_foreach(result, i, c) if (json_is_object(json_object_get(c, "tcp"))) return true;
	return false;
}

/* Of connections that end in the box: what `ss -ti` says. Queues are bytes that have come and are
 * not read, and that are to be sent or not acknowledged. */
static void print_endpoints(const json_t *result)
{
	static const char *const heads[] = {"CLIENT", "SERVER", "SERVICE",  "STATE",  "OPENED",
					    "RTT ms", "RTO ms", "CWND",     "MSS",    "RECV-Q",
					    "SEND-Q", "FLIGHT", "PEER WND", "RETRANS"};
	struct ctl_table *t;
	const json_t *c;
	char text[CTL_TEXT];
	size_t i;

	if (!any_endpoint(result))
		return;
	printf("\nThose that end in the box:\n\n");
	t = ctl_table_new("lllllrrrrrrrrr", heads);

	json_array_foreach(result, i, c)
	{
		const json_t *tcp = json_object_get(c, "tcp");
		static const char *const bytes[] = {"receive_queue", "send_queue", "in_flight",
						    "snd_wnd"};

		if (!json_is_object(tcp))
			continue;
		ctl_table_add(t, "%s", ctl_str(c, "client"));
		ctl_table_add(t, "%s", ctl_str(c, "server"));
		ctl_table_add(t, "%s", ctl_str(c, "service"));
		ctl_table_add(t, "%s", ctl_str(json_object_get(c, "states"), "client"));
		ctl_table_add(t, "%s", ctl_str(tcp, "opened"));
		add_ms(t, tcp, "rtt_us");
		add_ms(t, tcp, "rto_us");
		ctl_table_add(t, "%s", ctl_bytes(ctl_int(tcp, "cwnd"), text));
		ctl_table_add(t, "%s", ctl_count(ctl_int(tcp, "mss"), text));
		for (unsigned b = 0; b < sizeof(bytes) / sizeof(bytes[0]); b++)
			ctl_table_add(t, "%s", ctl_bytes(ctl_int(tcp, bytes[b]), text));
		ctl_table_add(t, "%s", ctl_count(ctl_int(tcp, "retransmits"), text));
	}
	ctl_table_print(t, "");
}

/* ">" is what came from the client, "<" what came from the server. */
void ctl_print_connections(const struct ctl *ctl, const json_t *result)
{
	const json_t *list = json_object_get(result, "connections");
	static const char *const heads[] = {
		"CLIENT", "SERVER", "SERVICE", "CLIENT LEG", "SERVER LEG", "AGE",  "IDLE", "TIMER",
		"IN",     "PKTS >", "PKTS <",  "BYTES >",    "BYTES <",    "HELD", "CORE"};
	struct ctl_table *t = ctl_table_new("lllllrrlrrrrrrr", heads);
	char text[CTL_TEXT], all[CTL_TEXT];
	const json_t *c;
	size_t i;

	(void)ctl;
	json_array_foreach(list, i, c)
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
	print_endpoints(list);
	printf("\n%s of %s", ctl_count((json_int_t)json_array_size(list), text),
	       ctl_count(ctl_int(result, "total"), all));
	if (json_is_string(json_object_get(result, "cursor")))
		printf("; go on with: cursor %s", ctl_str(result, "cursor"));
	putchar('\n');
}
