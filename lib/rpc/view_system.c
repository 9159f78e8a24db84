/* SPDX-License-Identifier: BSD-3-Clause */
/* The box itself, as JSON: whether all is well, its ports, links and workers. */
#include "rpc.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

void rpc_system_get_version(struct rpc_call *call)
{
	const struct sl_control_config *config = sl_control_setup(call->control);

	rpc_result(call,
		   json_pack("{s:s, s:s}", "version", SL_VERSION, "dpdk", config->dpdk_version));
}

static json_t *addresses_json(const struct sl_link *link)
{
	json_t *list = json_array();
	char text[SL_ADDR_TEXT];

	for (unsigned i = 0; i < link->n_addrs; i++)
		json_array_append_new(list, json_string(sl_addr_format(&link->addrs[i], text)));
	return list;
}

static json_t *link_json(const struct sl_control *control, const struct sl_link *link)
{
	static const char *const sides[] = {[SL_OUTSIDE] = "outside", [SL_INSIDE] = "inside"};
	const struct sl_control_config *config = sl_control_setup(control);
	json_t *o = json_pack("{s:s, s:s, s:s, s:i}", "name", link->name, "type",
			      link->host ? "host" : "wire", "default",
			      link->pass_default ? "pass" : "drop", "mtu", (int)link->mtu);

	for (unsigned side = 0; side < SL_N_SIDES; side++) {
		const unsigned port = link->port[side];
		bool up;

		if (port >= config->n_ports)
			continue;
		up = sl_control_port_watch(control, port)->now.link_up;
		json_object_set_new(o, link->host ? "port" : sides[side],
				    json_pack("{s:s, s:b, s:s}", "port", config->ports[port].name,
					      "link_up", (int)up, "spread",
					      config->ports[port].spread));
	}
	if (link->host)
		json_object_set_new(o, "addresses", addresses_json(link));
	return o;
}

static json_t *links_json(const struct sl_control *control)
{
	const struct sl_control_config *config = sl_control_setup(control);
	json_t *list = json_array();

	for (unsigned i = 0; i < config->plan->n_links; i++)
		json_array_append_new(list, link_json(control, &config->plan->links[i]));
	return list;
}

void rpc_link_list(struct rpc_call *call)
{
	rpc_result(call, links_json(call->control));
}

/* The link and side of a port, or nulls. */
static void add_place(json_t *o, const struct sl_control_config *config, unsigned port)
{
	json_object_set_new(o, "link", json_null());
	json_object_set_new(o, "side", json_null());
	for (unsigned i = 0; i < config->plan->n_links; i++)
		for (unsigned side = 0; side < SL_N_SIDES; side++)
			if (config->plan->links[i].port[side] == port) {
				json_object_set_new(o, "link",
						    json_string(config->plan->links[i].name));
				if (config->plan->links[i].host)
					continue;
				json_object_set_new(
					o, "side",
					json_string(side == SL_OUTSIDE ? "outside" : "inside"));
			}
}

void rpc_port_list(struct rpc_call *call)
{
	const struct sl_control_config *config = sl_control_setup(call->control);
	json_t *list = json_array();

	for (unsigned i = 0; i < config->n_ports; i++) {
		const struct sl_port *p = &config->ports[i];
		const struct sl_port_watch *w = sl_control_port_watch(call->control, i);
		struct sl_port_counters c;
		json_t *o;

		sl_port_counters(p, &c);
		o = json_pack(
			"{s:s, s:s, s:b, s:i, s:s, s:i, s:i, s:b, s:b, s:i, s:I, s:I, s:I, s:I, "
			"s:I, s:I, s:I, s:b, s:I}",
			"name", p->name, "driver", p->driver, "link_up", (int)c.link_up, "queues",
			(int)p->n_queues, "spread", p->spread, "rx_descriptors",
			(int)p->rx_descriptors, "tx_descriptors", (int)p->tx_descriptors,
			"rx_ip_cksum", (int)p->rx_ip_cksum, "rx_tcp_cksum", (int)p->rx_tcp_cksum,
			"mtu", (int)w->now.limit.mtu, "rx", (json_int_t)c.rx, "tx",
			(json_int_t)c.tx, "sent", (json_int_t)c.sent, "tx_lost",
			(json_int_t)c.tx_lost, "nic_missed", (json_int_t)c.nic_missed, "nic_nombuf",
			(json_int_t)c.nic_nombuf, "nic_errors", (json_int_t)c.nic_errors, "silent",
			(int)w->silent, "restarts", (json_int_t)w->restarts);
		add_place(o, config, i);
		json_array_append_new(list, o);
	}
	rpc_result(call, list);
}

static json_t *worker_json(const struct sl_control *control, unsigned i)
{
	const struct sl_worker_watch *w = sl_control_worker_watch(control, i);

	return json_pack("{s:i, s:I, s:b, s:I, s:I}", "core",
			 (int)sl_worker_core(sl_control_setup(control)->workers[i]), "turns_per_s",
			 (json_int_t)w->turns_per_s, "stuck", (int)w->stuck, "times_stuck",
			 (json_int_t)w->times_stuck, "lately_evicted",
			 (json_int_t)w->lately_evicted);
}

/* Connections and what they take, of one worker more. */
static void add_gauges(struct sl_snapshot_worker *sum, const struct sl_snapshot_worker *w)
{
	sum->connections += w->connections;
	sum->passed += w->passed;
	sum->capacity += w->capacity;
	sum->translated += w->translated;
	sum->responding += w->responding;
	sum->endpoints_used += w->endpoints_used;
	sum->n_endpoints += w->n_endpoints;
	sum->stream_buffers_used += w->stream_buffers_used;
	sum->n_stream_buffers += w->n_stream_buffers;
}

static json_t *connections_json(const struct sl_snapshot_worker *w)
{
	return json_pack("{s:I, s:I, s:I}", "current", (json_int_t)w->connections, "passed",
			 (json_int_t)w->passed, "capacity", (json_int_t)w->capacity);
}

static json_t *endpoints_json(const struct sl_snapshot_worker *w)
{
	return json_pack("{s:I, s:I, s:I}", "current", (json_int_t)w->endpoints_used, "capacity",
			 (json_int_t)w->n_endpoints, "responding", (json_int_t)w->responding);
}

static json_t *stream_buffers_json(const struct sl_snapshot_worker *w)
{
	return json_pack("{s:I, s:I}", "current", (json_int_t)w->stream_buffers_used, "capacity",
			 (json_int_t)w->n_stream_buffers);
}

static void worker_done(void *arg, const struct sl_snapshot *snapshot, const char *error)
{
	struct rpc_call *call = arg;
	json_t *list;

	call->pending = NULL;
	if (error != NULL) {
		rpc_fail(call, error);
		return;
	}
	list = json_array();
	for (unsigned i = 0; i < snapshot->n_workers; i++) {
		const struct sl_snapshot_worker *w = &snapshot->worker[i];
		json_t *o = worker_json(call->control, i), *terms;
		struct sl_account sum;

		json_object_set_new(o, "connections", connections_json(w));
		json_object_set_new(o, "endpoints", endpoints_json(w));
		json_object_set_new(o, "stream_buffers", stream_buffers_json(w));
		sl_snapshot_sum(snapshot, (int)i, SL_SNAPSHOT_ALL, &sum);
		terms = rpc_terms_json(&sum);
		json_object_update(o, terms);
		json_decref(terms);
		json_array_append_new(list, o);
	}
	rpc_result(call, list);
}

void rpc_worker_list(struct rpc_call *call)
{
	rpc_ask_snapshot(call, worker_done);
}

static void warn(json_t *warnings, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void warn(json_t *warnings, const char *format, ...)
{
	char text[256];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	json_array_append_new(warnings, json_string(text));
}

/* A port that can send less than its link is configured to carry. */
static void warn_mtu(json_t *warnings, const struct sl_control_config *config, unsigned port,
		     const struct sl_port_watch *w)
{
	const uint16_t mtu = w->now.limit.mtu;

	for (unsigned i = 0; i < config->plan->n_links; i++) {
		const struct sl_link *link = &config->plan->links[i];

		for (unsigned side = 0; side < SL_N_SIDES; side++)
			if (link->port[side] == port && mtu != 0 && mtu < link->mtu)
				warn(warnings,
				     "port %s can send packets of %u bytes, link %s has an mtu of "
				     "%u: longer ones are dropped (above_mtu)",
				     config->ports[port].name, mtu, link->name, link->mtu);
	}
}

static void warn_ports(json_t *warnings, const struct sl_control *control)
{
	const struct sl_control_config *config = sl_control_setup(control);

	for (unsigned i = 0; i < config->n_ports; i++) {
		const struct sl_port_watch *w = sl_control_port_watch(control, i);
		const char *name = config->ports[i].name;

		if (w->lately_missed > 0)
			warn(warnings,
			     "port %s lost %" PRIu64 " packets in 10 s: its worker does not keep "
			     "up (nic_missed)",
			     name, w->lately_missed);
		if (w->lately_nombuf > 0)
			warn(warnings,
			     "port %s lost %" PRIu64 " packets in 10 s: raise workers.buffers "
			     "(nic_nombuf)",
			     name, w->lately_nombuf);
		if (w->lately_errors > 0)
			warn(warnings,
			     "port %s received %" PRIu64 " broken packets in 10 s: cable, "
			     "transceiver, MTU (nic_errors)",
			     name, w->lately_errors);
		warn_mtu(warnings, config, i, w);
		if (w->silent)
			warn(warnings,
			     "port %s does not send what it is given; it was started again %" PRIu64
			     " times: is the MTU of its interface's other end smaller?",
			     name, w->restarts);
		if (!w->now.present)
			warn(warnings, "port %s is gone: restart sluiced when it is back", name);
		else if (w->taken_down)
			warn(warnings,
			     "port %s is taken down, since the other port of its link has lost its "
			     "link (link_follow)",
			     name);
		else if (!w->now.link_up)
			warn(warnings, "port %s has no link", name);
	}
}

static unsigned percent(uint64_t used, uint64_t all)
{
	return all > 0 ? (unsigned)(100 * used / all) : 0;
}

/* What a worker has too little of. Making room keeps everything below the marks at which it would
 * be called full, so the making is what tells. */
static void warn_room(json_t *warnings, unsigned core, const struct sl_snapshot_worker *w,
		      uint64_t evicted)
{
	const bool endpoints = w->is_short[SL_STOCK_ENDPOINTS];
	const uint32_t connections = w->connections - w->passed;
	/* An eighth is kept for what comes in order: tcp_pool_spare. */
	const bool blocks = w->is_short[SL_STOCK_BLOCKS] ||
			    80ull * w->stream_buffers_used > 63ull * w->n_stream_buffers;
	const bool table = w->is_short[SL_STOCK_ENTRIES] ||
			   10ull * connections > 9ull * w->capacity ||
			   (evicted > 0 && !endpoints && !blocks);
	char making[80] = "";

	if (evicted > 0)
		snprintf(making, sizeof(making),
			 ", and %" PRIu64 " connections were evicted in 10 s to make room",
			 evicted);
	if (table)
		warn(warnings,
		     "the table of the worker on core %u is %u %% full%s: raise "
		     "workers.connections",
		     core, percent(connections, w->capacity), making);
	if (endpoints)
		warn(warnings,
		     "the worker on core %u runs out of endpoints, of which %u %% are in use%s: "
		     "raise workers.endpoints",
		     core, percent(w->endpoints_used, w->n_endpoints), making);
	if (blocks)
		warn(warnings,
		     "of the stream buffers of the worker on core %u, %u %% are in use%s: raise "
		     "workers.stream_buffers, or lower receive_buffer and send_buffer",
		     core, percent(w->stream_buffers_used, w->n_stream_buffers), making);
}

static void warn_workers(json_t *warnings, const struct sl_control *control,
			 const struct sl_snapshot *snapshot)
{
	const struct sl_control_config *config = sl_control_setup(control);

	for (unsigned i = 0; i < config->n_workers; i++) {
		const unsigned core = sl_worker_core(config->workers[i]);
		const struct sl_snapshot_worker *w = snapshot ? &snapshot->worker[i] : NULL;

		if (sl_control_worker_watch(control, i)->stuck)
			warn(warnings, "the worker on core %u stands still", core);
		if (sl_control_worker_watch(control, i)->skewed)
			warn(warnings,
			     "the worker on core %u has far more packets than its share: one "
			     "connection or address outweighs the others, or a port does not "
			     "spread",
			     core);
		if (w != NULL)
			warn_room(warnings, core, w,
				  sl_control_worker_watch(control, i)->lately_evicted);
	}
}

/* Services whose servers are not heard by a worker, or are not shown all strays. */
static void warn_services(json_t *warnings, const struct sl_control *control,
			  const struct sl_snapshot *snapshot)
{
	const struct sl_service_table *t = &sl_control_setup(control)->plan->services;

	for (unsigned s = 1; s <= t->n; s++)
		if (sl_control_strays_rationed(control, s))
			warn(warnings,
			     "service %s: more strays from outside than its servers are shown "
			     "after "
			     "a start or a change: a flood, or many connections that ran before "
			     "(adopt_rationed)",
			     t->service[s].name);
	for (unsigned s = 1; snapshot != NULL && s <= t->n; s++)
		for (unsigned i = 0; i < snapshot->n_workers; i++) {
			if (!(snapshot->worker[i].one_way[s / 64] >> s % 64 & 1))
				continue;
			warn(warnings,
			     "service %s: its servers are not heard: they are down, or their "
			     "answers go round the box (one_way)%s",
			     t->service[s].name,
			     t->service[s].one_way == SL_ONE_WAY_PASS
				     ? "; new connections pass unproxied"
				     : "; one_way = \"pass\" would let them by");
			break;
		}
}

/* Whether every worker's books balance, for each service. */
static bool balanced(const struct sl_snapshot *snapshot)
{
	for (unsigned i = 0; i < snapshot->n_workers; i++)
		for (unsigned s = 0; s < snapshot->n_accounts; s++)
			if (sl_account_balance(&snapshot->worker[i].accounts[s]) != 0)
				return false;
	return true;
}

/* What only the workers know; nulls when one of them does not answer. */
static void add_snapshot(json_t *o, const struct sl_snapshot *snapshot)
{
	struct sl_snapshot_worker sum = {0};

	if (snapshot == NULL) {
		json_object_set_new(o, "connections", json_null());
		json_object_set_new(o, "endpoints", json_null());
		json_object_set_new(o, "stream_buffers", json_null());
		json_object_set_new(o, "translated", json_null());
		json_object_set_new(o, "balanced", json_null());
		return;
	}
	for (unsigned i = 0; i < snapshot->n_workers; i++)
		add_gauges(&sum, &snapshot->worker[i]);
	json_object_set_new(o, "endpoints", endpoints_json(&sum));
	json_object_set_new(o, "stream_buffers", stream_buffers_json(&sum));
	json_object_set_new(o, "translated", json_integer(sum.translated));
	json_object_set_new(o, "connections", connections_json(&sum));
	json_object_set_new(o, "balanced", json_boolean(balanced(snapshot)));
}

/* Status is what one looks at when something is wrong: it answers without the workers, too. */
static void status_done(void *arg, const struct sl_snapshot *snapshot, const char *error)
{
	struct rpc_call *call = arg;
	const struct sl_control *control = call->control;
	const struct sl_control_config *config = sl_control_setup(control);
	json_t *workers = json_array(), *warnings = json_array(), *o;

	call->pending = NULL;
	for (unsigned i = 0; i < config->n_workers; i++)
		json_array_append_new(workers, worker_json(control, i));
	if (error != NULL)
		warn(warnings, "%s", error);
	warn_workers(warnings, control, snapshot);
	warn_ports(warnings, control);
	warn_services(warnings, control, snapshot);
	if (config->plan->draining)
		warn(warnings, "draining: new connections pass unproxied; sluicectl drain --cancel "
			       "ends it");
	o = json_pack("{s:s, s:i, s:f, s:s, s:s, s:b, s:o, s:o, s:o}", "version", SL_VERSION, "pid",
		      (int)getpid(), "uptime_s",
		      (double)(sl_control_uptime_us(control) / 1000) / 1e3, "config",
		      config->config_path, "dpdk", config->dpdk_version, "draining",
		      (int)config->plan->draining, "workers", workers, "links", links_json(control),
		      "warnings", warnings);
	add_snapshot(o, snapshot);
	rpc_result(call, o);
}

void rpc_system_get_status(struct rpc_call *call)
{
	rpc_ask_snapshot(call, status_done);
}
