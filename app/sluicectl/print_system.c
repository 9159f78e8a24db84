/* SPDX-License-Identifier: BSD-3-Clause */
/* The box itself, for people. */
#include <stdio.h>
#include <string.h>

#include "ctl.h"

void ctl_print_version(const struct ctl *ctl, const json_t *result)
{
	(void)ctl;
	printf("sluiced %s, %s\n", ctl_str(result, "version"), ctl_str(result, "dpdk"));
}

static void print_side(const json_t *link, const char *side)
{
	const json_t *o = json_object_get(link, side);
	const char *spread = ctl_str(o, "spread");

	printf("%s %s (%s%s%s)", side, ctl_str(o, "port"), ctl_bool(o, "link_up") ? "up" : "DOWN",
	       *spread != '\0' ? ", " : "", spread);
}

static void print_addresses(const json_t *link)
{
	const json_t *address;
	size_t i;

	json_array_foreach(json_object_get(link, "addresses"), i, address)
		printf(" %s", json_string_value(address));
}

void ctl_print_status(const struct ctl *ctl, const json_t *result)
{
	const json_t *connections = json_object_get(result, "connections");
	const json_t *endpoints = json_object_get(result, "endpoints");
	const json_t *buffers = json_object_get(result, "stream_buffers");
	const json_t *balanced = json_object_get(result, "balanced");
	char a[CTL_TEXT], b[CTL_TEXT], c[CTL_TEXT], d[CTL_TEXT];
	const json_t *item;
	size_t i;

	(void)ctl;
	printf("sluiced %s, %s, up %s, pid %" JSON_INTEGER_FORMAT "\n", ctl_str(result, "version"),
	       ctl_str(result, "dpdk"), ctl_duration(ctl_real(result, "uptime_s"), a),
	       ctl_int(result, "pid"));
	printf("config       %s\n", ctl_str(result, "config"));
	if (json_is_object(connections))
		printf("connections  %s of %s\n", ctl_count(ctl_int(connections, "current"), a),
		       ctl_count(ctl_int(connections, "capacity"), b));
	else
		printf("connections  unknown\n");
	if (json_is_integer(json_object_get(result, "translated")))
		printf("translated   %s%s\n", ctl_count(ctl_int(result, "translated"), a),
		       ctl_bool(result, "draining") ? ", draining" : "");
	if (ctl_int(endpoints, "capacity") > 0)
		printf("endpoints    %s of %s; %s of %s stream buffers\n",
		       ctl_count(ctl_int(endpoints, "current"), a),
		       ctl_count(ctl_int(endpoints, "capacity"), b),
		       ctl_count(ctl_int(buffers, "current"), c),
		       ctl_count(ctl_int(buffers, "capacity"), d));
	printf("books        %s\n", json_is_true(balanced)    ? "balanced to the packet"
				    : json_is_false(balanced) ? "DO NOT BALANCE"
							      : "unknown");
	json_array_foreach(json_object_get(result, "workers"), i, item)
		printf("worker       core %" JSON_INTEGER_FORMAT ": %s turns/s%s\n",
		       ctl_int(item, "core"), ctl_count(ctl_int(item, "turns_per_s"), a),
		       ctl_bool(item, "stuck") ? ", STANDS STILL" : "");
	json_array_foreach(json_object_get(result, "links"), i, item)
	{
		printf("link         %s: ", ctl_str(item, "name"));
		if (strcmp(ctl_str(item, "type"), "host") == 0) {
			print_side(item, "port");
			print_addresses(item);
		} else {
			print_side(item, "outside");
			printf(" = ");
			print_side(item, "inside");
		}
		putchar('\n');
	}
	json_array_foreach(json_object_get(result, "warnings"), i, item)
		printf("WARNING      %s\n", json_string_value(item));
}

void ctl_print_reload(const struct ctl *ctl, const json_t *result)
{
	const json_t *changes = json_object_get(result, "changes"), *change;
	size_t i;

	(void)ctl;
	json_array_foreach(changes, i, change)
		printf("%s: %s -> %s\n", ctl_str(change, "setting"), ctl_str(change, "before"),
		       ctl_str(change, "after"));
	printf("%s: %zu change%s\n", ctl_str(result, "config"), json_array_size(changes),
	       json_array_size(changes) == 1 ? "" : "s");
}

void ctl_print_ports(const struct ctl *ctl, const json_t *result)
{
	static const char *const heads[] = {
		"PORT",    "DRIVER", "LINK",   "SIDE",   "STATE",
		"QUEUES",  "MTU",    "RX",     "TX",     "SENT",
		"TX LOST", "MISSED", "NOMBUF", "ERRORS", "CHECKSUMS BY NIC",
		"SPREAD"};
	struct ctl_table *t = ctl_table_new("lllllrrrrrrrrrll", heads);
	const json_t *p;
	char text[CTL_TEXT];
	size_t i;

	(void)ctl;
	json_array_foreach(result, i, p)
	{
		static const char *const counts[] = {"queues",     "mtu",        "rx",
						     "tx",         "sent",       "tx_lost",
						     "nic_missed", "nic_nombuf", "nic_errors"};
		const bool ip = ctl_bool(p, "rx_ip_cksum"), tcp = ctl_bool(p, "rx_tcp_cksum");

		ctl_table_add(t, "%s", ctl_str(p, "name"));
		ctl_table_add(t, "%s", ctl_str(p, "driver"));
		ctl_table_add(t, "%s", ctl_str(p, "link"));
		ctl_table_add(t, "%s", ctl_str(p, "side"));
		ctl_table_add(t, "%s",
			      !ctl_bool(p, "link_up") ? "DOWN"
			      : ctl_bool(p, "silent") ? "SILENT"
						      : "up");
		for (unsigned k = 0; k < SL_ARRAY_LEN(counts); k++)
			ctl_table_add(t, "%s", ctl_count(ctl_int(p, counts[k]), text));
		ctl_table_add(t, "%s", ip && tcp ? "IP, TCP" : ip ? "IP" : tcp ? "TCP" : "none");
		ctl_table_add(t, "%s", ctl_str(p, "spread"));
	}
	ctl_table_print(t, "");
}

/* Legs of a service that are in one of the states of `names`. */
static json_int_t in_states(const json_t *service, const char *const *names)
{
	const json_t *legs = json_object_get(service, "connections");
	json_int_t n = 0;

	for (; *names != NULL; names++)
		n += ctl_int(json_object_get(legs, "client"), *names);
	return n;
}

enum { LEARNED_SHOWN = 16 /* servers of a service */ };

/* What the servers grant, as far as they have been heard. */
static void print_learned(const json_t *services)
{
	static const char *const heads[] = {"SERVICE", "SERVER",     "PORT",
					    "MSS",     "TIMESTAMPS", "HEARD"};
	struct ctl_table *t = NULL;
	const json_t *s, *l;
	char text[CTL_TEXT];
	size_t i, k;

	json_array_foreach(services, i, s)
	{
		json_array_foreach(json_object_get(s, "learned"), k, l)
		{
			if (k == LEARNED_SHOWN)
				break;
			if (t == NULL)
				t = ctl_table_new("llrrlr", heads);
			ctl_table_add(t, "%s", ctl_str(s, "name"));
			ctl_table_add(t, "%s", ctl_str(l, "address"));
			ctl_table_add(t, "%" JSON_INTEGER_FORMAT, ctl_int(l, "port"));
			ctl_table_add(t, "%s",
				      ctl_int(l, "mss") > 0 ? ctl_count(ctl_int(l, "mss"), text)
							    : "none");
			ctl_table_add(t, "%s", ctl_bool(l, "timestamps") ? "yes" : "no");
			ctl_table_add(t, "%s ago",
				      ctl_duration((double)ctl_int(l, "confirmed_s_ago"), text));
		}
	}
	if (t == NULL)
		return;
	putchar('\n');
	ctl_table_print(t, "");
}

void ctl_print_services(const struct ctl *ctl, const json_t *result)
{
	static const char *const heads[] = {"SERVICE", "ADDRESS",     "PORT",    "MODE",
					    "COOKIES", "ESTABLISHED", "OPENING", "CLOSING",
					    "RX",      "ANSWERED",    "DROPPED"};
	static const char *const established[] = {"ESTABLISHED", NULL};
	static const char *const opening[] = {"SYN-SENT", "SYN-RECEIVED", NULL};
	static const char *const closing[] = {"FIN-WAIT-1", "FIN-WAIT-2", "CLOSE-WAIT", "CLOSING",
					      "LAST-ACK",   "TIME-WAIT",  NULL};
	struct ctl_table *t = ctl_table_new("lllllrrrrrr", heads);
	const json_t *s;
	char text[CTL_TEXT];
	size_t i;

	(void)ctl;
	json_array_foreach(result, i, s)
	{
		const json_int_t prefix = ctl_int(s, "prefix");
		const json_t *port = json_object_get(s, "port");
		const bool v6 = strchr(ctl_str(s, "address"), ':') != NULL;

		ctl_table_add(t, "%s", ctl_str(s, "name"));
		if (prefix == (v6 ? 128 : 32))
			ctl_table_add(t, "%s", ctl_str(s, "address"));
		else
			ctl_table_add(t, "%s/%" JSON_INTEGER_FORMAT, ctl_str(s, "address"), prefix);
		if (json_is_string(port))
			ctl_table_add(t, "%s", json_string_value(port));
		else
			ctl_table_add(t, "%" JSON_INTEGER_FORMAT, json_integer_value(port));
		if (json_is_string(json_object_get(s, "server")))
			ctl_table_add(t, "%s %s", ctl_str(s, "mode"), ctl_str(s, "server"));
		else
			ctl_table_add(t, "%s", ctl_str(s, "mode"));
		ctl_table_add(t, "%s", ctl_str(s, "cookies"));
		ctl_table_add(t, "%s", ctl_count(in_states(s, established), text));
		ctl_table_add(t, "%s", ctl_count(in_states(s, opening), text));
		ctl_table_add(t, "%s", ctl_count(in_states(s, closing), text));
		ctl_table_add(t, "%s", ctl_count(ctl_int(s, "rx"), text));
		ctl_table_add(t, "%s", ctl_count(ctl_int(s, "answered"), text));
		ctl_table_add(t, "%s", ctl_count(ctl_int(s, "dropped"), text));
	}
	ctl_table_print(t, "");
	print_learned(result);
}
