/* SPDX-License-Identifier: BSD-3-Clause */
/* Connections, as JSON. */
#include "rpc.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static json_t *end_json(const struct sl_addr *addr, uint16_t port)
{
	char text[SL_ADDR_TEXT], whole[SL_ADDR_TEXT + 10];

	sl_addr_format(addr, text);
	snprintf(whole, sizeof(whole), sl_addr_is_v4(addr) ? "%s:%u" : "[%s]:%u", text, port);
	return json_string(whole);
}

/* Of one that ends here, what `ss -ti` would say. Round trips are null before one was measured. */
static json_t *tcp_json(const struct sl_conn_info *i)
{
	const struct sl_tcp_info *t = &i->tcp;
	json_t *o;

	if (!i->ours)
		return json_null();
	o = json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:i, s:i, s:i, s:i, s:b, s:b}",
		      "opened", i->by_cookie ? "cookie" : "handshake", "rto_us",
		      (json_int_t)t->rto_us, "cwnd", (json_int_t)t->cwnd, "ssthresh",
		      (json_int_t)t->ssthresh, "send_queue", (json_int_t)t->send_queue,
		      "receive_queue", (json_int_t)t->receive_queue, "in_flight",
		      (json_int_t)t->in_flight, "snd_wnd", (json_int_t)t->snd_wnd, "mss",
		      (int)t->mss, "retransmits", (int)t->retransmits, "snd_wscale",
		      (int)t->snd_wscale, "rcv_wscale", (int)t->rcv_wscale, "sack", (int)t->sack,
		      "in_recovery", (int)t->in_recovery);
	json_object_set_new(o, "rtt_us", t->rtt_us > 0 ? json_integer(t->rtt_us) : json_null());
	json_object_set_new(o, "rttvar_us",
			    t->rtt_us > 0 ? json_integer(t->rttvar_us) : json_null());
	return o;
}

static json_t *row_json(const struct sl_control_config *config, const struct sl_listing_row *row)
{
	const struct sl_conn_info *i = &row->info;
	json_t *service = i->service == SL_SERVICE_NONE
				  ? json_null()
				  : json_string(config->plan->services.service[i->service].name);

	return json_pack(
		"{s:o, s:o, s:o, s:{s:s, s:s}, s:f, s:f, s:{s:s, s:f}, s:{s:I, s:I}, s:{s:I, s:I},"
		" s:i, s:b, s:b, s:b, s:b, s:s, s:i, s:i, s:o}",
		"client", end_json(&i->client, i->client_port), "server",
		end_json(&i->server, i->server_port), "service", service, "states", "client",
		sl_tcp_state_name(i->state[SL_LEG_CLIENT]), "server",
		sl_tcp_state_name(i->state[SL_LEG_SERVER]), "age_s", i->age_ms / 1e3, "idle_s",
		i->idle_ms / 1e3, "timer", "name", i->timer, "in_s", i->timer_ms / 1e3, "packets",
		"client", (json_int_t)i->packets[SL_LEG_CLIENT], "server",
		(json_int_t)i->packets[SL_LEG_SERVER], "bytes", "client",
		(json_int_t)i->bytes[SL_LEG_CLIENT], "server", (json_int_t)i->bytes[SL_LEG_SERVER],
		"held", (int)i->held, "spliced", (int)i->spliced, "passed", (int)i->passed,
		"timestamps", (int)i->timestamps, "inside_opened", (int)i->inside_opened, "link",
		config->plan->links[i->link].name, "vlan", (int)i->vlan, "core",
		(int)sl_worker_core(config->workers[row->worker]), "tcp", tcp_json(i));
}

/* Where to go on, for people to hand back: the workers' indices, with dots between. */
static json_t *cursor_json(const struct sl_listing *listing, unsigned n_workers)
{
	char text[SL_LISTING_WORKERS_MAX * 11 + 1] = "";
	size_t len = 0;

	if (!listing->more)
		return json_null();
	for (unsigned w = 0; w < n_workers; w++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%" PRIu32,
					w == 0 ? "" : ".", listing->next[w]);
	return json_string(text);
}

static void listing_done(void *arg, const struct sl_listing *listing, const char *error)
{
	struct rpc_call *call = arg;
	const struct sl_control_config *config = sl_control_setup(call->control);
	json_t *list;

	call->pending = NULL;
	if (error != NULL) {
		rpc_fail(call, error);
		return;
	}
	list = json_array();
	for (unsigned i = 0; i < listing->n; i++)
		json_array_append_new(list, row_json(config, &listing->rows[i]));
	rpc_result(call, json_pack("{s:o, s:I, s:o}", "connections", list, "total",
				   (json_int_t)listing->total, "cursor",
				   cursor_json(listing, config->n_workers)));
}

/* Reads one end of the filter. Returns false when the call was refused. */
static bool read_end(struct rpc_call *call, const char *name, struct sl_listing_end *end)
{
	const char *text = rpc_param_string(call, name);

	if (text == NULL || rpc_parse_end(text, end) == 0)
		return true;
	rpc_bad_param(call, name,
		      "an address, a prefix or either with a port: 192.0.2.2, 192.0.2.0/24, "
		      "192.0.2.2:80, [2001:db8::1]:80");
	return false;
}

static bool read_state(struct rpc_call *call, struct sl_listing_filter *filter)
{
	const char *text = rpc_param_string(call, "state");
	char expected[256];
	size_t len = 0;

	filter->by_state = text != NULL;
	if (text == NULL || sl_tcp_state_parse(text, &filter->state) == 0)
		return true;
	for (unsigned i = 0; i < SL_TCP_N_STATES; i++)
		len += (size_t)snprintf(expected + len, sizeof(expected) - len, "%s%s",
					i == 0 ? "one of: " : ", ",
					sl_tcp_state_name((enum sl_tcp_state)i));
	rpc_bad_param(call, "state", expected);
	return false;
}

static bool read_limit(struct rpc_call *call, struct sl_listing_filter *filter)
{
	const json_t *limit = json_object_get(call->params, "limit");

	filter->limit = SL_LISTING_LIMIT_DEFAULT;
	if (limit == NULL)
		return true;
	if (json_integer_value(limit) < 1 || json_integer_value(limit) > SL_LISTING_LIMIT_MAX) {
		rpc_bad_param(call, "limit", "1 to 10000");
		return false;
	}
	filter->limit = (uint32_t)json_integer_value(limit);
	return true;
}

/* Reads what cursor_json has written. */
static bool parse_cursor(const char *text, unsigned n_workers, uint32_t *from)
{
	for (unsigned w = 0; w < n_workers; w++) {
		char *end;
		unsigned long n;

		if (*text < '0' || *text > '9')
			return false;
		errno = 0;
		n = strtoul(text, &end, 10);
		if (errno != 0 || n > UINT32_MAX || *end != (w + 1 < n_workers ? '.' : '\0'))
			return false;
		from[w] = (uint32_t)n;
		text = end + 1;
	}
	return true;
}

static bool read_cursor(struct rpc_call *call, struct sl_listing_filter *filter)
{
	const char *text = rpc_param_string(call, "cursor");

	if (text == NULL ||
	    parse_cursor(text, sl_control_setup(call->control)->n_workers, filter->from))
		return true;
	rpc_bad_param(call, "cursor", "the cursor of an earlier listing");
	return false;
}

void rpc_connection_list(struct rpc_call *call)
{
	struct sl_listing_filter filter = {0};
	int service;

	if (!read_state(call, &filter) || !read_end(call, "src", &filter.client) ||
	    !read_end(call, "dst", &filter.server) || !read_limit(call, &filter) ||
	    !read_cursor(call, &filter) || !rpc_param_service(call, SL_SERVICE_NONE, &service))
		return;
	filter.service = (uint16_t)service;
	call->pending = sl_listing_request(call->control, &filter, listing_done, call);
	if (call->pending == NULL)
		rpc_fail(call, "out of memory");
}
