/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A snapshot as OpenMetrics text (github.com/OpenObservability/OpenMetrics, version 1.0). Names,
 * units and help come from counters.def. Families by service are summed over workers, families by
 * core over services, families by port are what the devices counted: their product would be large,
 * and nobody looks at it. No label ever holds an address: they are as many as an attacker likes.
 */
#include "rpc.h"

#include <event2/buffer.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct metrics {
	struct evbuffer *out;
	const struct sl_control_config *config;
	const struct sl_snapshot *snapshot;
	struct sl_account *service; /* sums, by service number */
};

/* HELP ends at the newline; backslash and quote are escaped (section "ABNF"). */
static void add_escaped(struct evbuffer *out, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '\\' || *text == '"')
			evbuffer_add(out, "\\", 1);
		evbuffer_add(out, text, 1);
	}
}

/*
 * Opens a family. Of the units of counters.def only "packets" is one in OpenMetrics' sense, and
 * part of the name; connections are what a name already says it counts.
 */
static void family(struct evbuffer *out, const char *prefix, const struct sl_counter_info *info,
		   const char *type)
{
	const bool packets = strcmp(info->unit, "packets") == 0;
	const char *suffix = packets ? "_packets" : "";

	evbuffer_add_printf(out, "# TYPE sluice_%s%s%s %s\n", prefix, info->name, suffix, type);
	if (packets)
		evbuffer_add_printf(out, "# UNIT sluice_%s%s%s packets\n", prefix, info->name,
				    suffix);
	evbuffer_add_printf(out, "# HELP sluice_%s%s%s ", prefix, info->name, suffix);
	add_escaped(out, info->help);
	evbuffer_add(out, "\n", 1);
}

/* The name of a sample of that family, with the suffix of its type. */
static void sample(struct evbuffer *out, const char *prefix, const struct sl_counter_info *info,
		   bool counter)
{
	evbuffer_add_printf(out, "sluice_%s%s%s%s", prefix, info->name,
			    strcmp(info->unit, "packets") == 0 ? "_packets" : "",
			    counter ? "_total" : "");
}

static const char *service_label(const struct metrics *m, unsigned s)
{
	return s == SL_SERVICE_NONE ? "" : m->config->plan->services.service[s].name;
}

static bool is_gauge(unsigned term)
{
	return term == SL_TERM_held;
}

static void by_service(const struct metrics *m, const struct sl_counter_info *info, bool gauge,
		       size_t offset)
{
	family(m->out, "", info, gauge ? "gauge" : "counter");
	for (unsigned s = 0; s < m->snapshot->n_accounts; s++) {
		uint64_t value;

		memcpy(&value, (const char *)&m->service[s] + offset, sizeof(value));
		sample(m->out, "", info, !gauge);
		evbuffer_add_printf(m->out, "{service=\"%s\"} %" PRIu64 "\n", service_label(m, s),
				    value);
	}
}

static void drops(const struct metrics *m)
{
	static const struct sl_counter_info info = {"dropped", "packets", "dropped, by reason"};

	family(m->out, "", &info, "counter");
	for (unsigned s = 0; s < m->snapshot->n_accounts; s++)
		for (unsigned i = 0; i < SL_N_DROPS; i++)
			evbuffer_add_printf(m->out,
					    "sluice_dropped_packets_total{service=\"%s\","
					    "reason=\"%s\"} %" PRIu64 "\n",
					    service_label(m, s), sl_drop_info[i].name,
					    m->service[s].drop[i]);
}

static void states(const struct metrics *m)
{
	static const struct sl_counter_info info = {
		"state_legs", "legs", "legs of connections, and listening services, by TCP state"};
	static const char *const legs[] = {[SL_LEG_CLIENT] = "client", [SL_LEG_SERVER] = "server"};

	family(m->out, "", &info, "gauge");
	for (unsigned s = 0; s < m->snapshot->n_accounts; s++)
		for (unsigned leg = 0; leg < SL_N_LEGS; leg++)
			for (unsigned i = 0; i < SL_TCP_N_STATES; i++)
				evbuffer_add_printf(m->out,
						    "sluice_state_legs{service=\"%s\",leg=\"%s\","
						    "state=\"%s\"} %" PRIu64 "\n",
						    service_label(m, s), legs[leg],
						    sl_tcp_state_name((enum sl_tcp_state)i),
						    m->service[s].state[leg][i]);
}

static void services(const struct metrics *m)
{
	for (unsigned i = 0; i < SL_N_TERMS; i++)
		by_service(m, &sl_term_info[i], is_gauge(i),
			   offsetof(struct sl_account, term) + i * sizeof(uint64_t));
	for (unsigned i = 0; i < SL_N_EVENTS; i++)
		by_service(m, &sl_event_info[i], false,
			   offsetof(struct sl_account, event) + i * sizeof(uint64_t));
	drops(m);
	states(m);
}

enum worker_view {
	VIEW_CONNECTIONS,
	VIEW_CAPACITY,
	VIEW_ENDPOINTS,
	VIEW_ENDPOINTS_CAPACITY,
	VIEW_STREAM_BUFFERS,
	VIEW_STREAM_BUFFERS_CAPACITY,
	VIEW_TURNS,
	VIEW_STUCK,
	VIEW_DROPPED,
	N_VIEWS
};

static uint64_t view_of(const struct sl_control *control, const struct sl_snapshot *snapshot,
			const struct sl_account *sum, unsigned worker, enum worker_view view)
{
	switch (view) {
	case VIEW_CONNECTIONS:
		return snapshot->worker[worker].connections;
	case VIEW_CAPACITY:
		return snapshot->worker[worker].capacity;
	case VIEW_ENDPOINTS:
		return snapshot->worker[worker].endpoints_used;
	case VIEW_ENDPOINTS_CAPACITY:
		return snapshot->worker[worker].n_endpoints;
	case VIEW_STREAM_BUFFERS:
		return snapshot->worker[worker].stream_buffers_used;
	case VIEW_STREAM_BUFFERS_CAPACITY:
		return snapshot->worker[worker].n_stream_buffers;
	case VIEW_TURNS:
		return sl_worker_turns(sl_control_setup(control)->workers[worker]);
	case VIEW_STUCK:
		return sl_control_worker_watch(control, worker)->stuck;
	case VIEW_DROPPED:
		return sl_account_dropped(&sum[worker]);
	case N_VIEWS:
		break;
	}
	return 0;
}

static void workers(const struct metrics *m, const struct sl_control *control,
		    const struct sl_account *sum)
{
	static const struct sl_counter_info views[N_VIEWS] = {
		[VIEW_CONNECTIONS] = {"connections", "", "entries of the table in use"},
		[VIEW_CAPACITY] = {"connections_capacity", "", "entries of the table"},
		[VIEW_ENDPOINTS] = {"endpoints", "",
				    "endpoints of connections that end in the box"},
		[VIEW_ENDPOINTS_CAPACITY] = {"endpoints_capacity", "", "endpoints there are"},
		[VIEW_STREAM_BUFFERS] = {"stream_buffers", "", "their buffers of 2 KiB in use"},
		[VIEW_STREAM_BUFFERS_CAPACITY] = {"stream_buffers_capacity", "",
						  "such buffers there are"},
		[VIEW_TURNS] = {"turns", "", "turns of the worker's loop"},
		[VIEW_STUCK] = {"stuck", "", "1 when the worker has not turned for 2 s"},
		[VIEW_DROPPED] = {"dropped", "packets", "dropped, for any reason"},
	};

	for (unsigned i = 0; i < SL_N_TERMS; i++) {
		family(m->out, "worker_", &sl_term_info[i], is_gauge(i) ? "gauge" : "counter");
		for (unsigned w = 0; w < m->snapshot->n_workers; w++) {
			sample(m->out, "worker_", &sl_term_info[i], !is_gauge(i));
			evbuffer_add_printf(m->out, "{core=\"%u\"} %" PRIu64 "\n",
					    sl_worker_core(m->config->workers[w]), sum[w].term[i]);
		}
	}
	for (unsigned v = 0; v < N_VIEWS; v++) {
		const bool counter = v == VIEW_TURNS || v == VIEW_DROPPED;

		family(m->out, "worker_", &views[v], counter ? "counter" : "gauge");
		for (unsigned w = 0; w < m->snapshot->n_workers; w++) {
			sample(m->out, "worker_", &views[v], counter);
			evbuffer_add_printf(
				m->out, "{core=\"%u\"} %" PRIu64 "\n",
				sl_worker_core(m->config->workers[w]),
				view_of(control, m->snapshot, sum, w, (enum worker_view)v));
		}
	}
}

static void links_up(struct evbuffer *out, const struct sl_control_config *config,
		     const struct sl_port_counters *now)
{
	static const struct sl_counter_info info = {
		"port_link_up", "", "1 while the port has a link; 0: it has none, or is gone"};

	family(out, "", &info, "gauge");
	for (unsigned port = 0; port < config->n_ports; port++)
		evbuffer_add_printf(out, "sluice_port_link_up{port=\"%s\"} %d\n",
				    config->ports[port].name, (int)now[port].link_up);
}

/* What the devices counted, by port. */
static void ports(struct evbuffer *out, const struct sl_control_config *config)
{
	static const struct {
		struct sl_counter_info info;
		size_t offset;
	} families[] = {
		{{"port_rx", "packets", "received, as the device counts"},
		 offsetof(struct sl_port_counters, rx)},
		{{"port_tx", "packets", "taken by the device to be sent"},
		 offsetof(struct sl_port_counters, tx)},
		{{"port_sent", "packets", "sent, as the interface counts where the kernel sends"},
		 offsetof(struct sl_port_counters, sent)},
		{{"port_tx_lost", "packets", "not sent after all, by that count"},
		 offsetof(struct sl_port_counters, tx_lost)},
		{{"nic_missed", "packets", "lost by the NIC because no descriptor was free"},
		 offsetof(struct sl_port_counters, nic_missed)},
		{{"nic_nombuf", "packets", "lost by the NIC because the pool was empty"},
		 offsetof(struct sl_port_counters, nic_nombuf)},
		{{"nic_errors", "packets", "received broken by the NIC"},
		 offsetof(struct sl_port_counters, nic_errors)},
	};
	struct sl_port_counters now[SL_PORTS_MAX];

	for (unsigned port = 0; port < config->n_ports; port++)
		sl_port_counters(&config->ports[port], &now[port]);
	for (unsigned i = 0; i < SL_ARRAY_LEN(families); i++) {
		family(out, "", &families[i].info, "counter");
		for (unsigned port = 0; port < config->n_ports; port++) {
			uint64_t value;

			memcpy(&value, (const char *)&now[port] + families[i].offset,
			       sizeof(value));
			sample(out, "", &families[i].info, true);
			evbuffer_add_printf(out, "{port=\"%s\"} %" PRIu64 "\n",
					    config->ports[port].name, value);
		}
	}
	links_up(out, config, now);
}

static void draining(struct evbuffer *out, const struct sl_control_config *config)
{
	static const struct sl_counter_info info = {
		"draining", "", "1 while new connections pass unproxied (sluicectl drain)"};

	family(out, "", &info, "gauge");
	evbuffer_add_printf(out, "sluice_draining %d\n", (int)config->plan->draining);
}

static void uptime(struct evbuffer *out, const struct sl_control *control)
{
	evbuffer_add_printf(out,
			    "# TYPE sluice_uptime_seconds gauge\n"
			    "# UNIT sluice_uptime_seconds seconds\n"
			    "# HELP sluice_uptime_seconds since the daemon began\n"
			    "sluice_uptime_seconds %.3f\n",
			    (double)sl_control_uptime_us(control) / 1e6);
}

void rpc_metrics_write(struct evbuffer *out, const struct sl_control *control,
		       const struct sl_snapshot *snapshot)
{
	struct metrics m = {.out = out, .config = sl_control_setup(control), .snapshot = snapshot};
	struct sl_account *sums = aligned_alloc(
		SL_CACHE_LINE, (snapshot->n_accounts + snapshot->n_workers) * sizeof(*sums));

	if (sums == NULL)
		return; /* no samples, and no "# EOF": the collector sees that it failed */
	m.service = sums;
	for (unsigned s = 0; s < snapshot->n_accounts; s++)
		sl_snapshot_sum(snapshot, SL_SNAPSHOT_ALL, (int)s, &sums[s]);
	for (unsigned w = 0; w < snapshot->n_workers; w++)
		sl_snapshot_sum(snapshot, (int)w, SL_SNAPSHOT_ALL, &sums[snapshot->n_accounts + w]);
	services(&m);
	workers(&m, control, sums + snapshot->n_accounts);
	ports(out, m.config);
	draining(out, m.config);
	uptime(out, control);
	evbuffer_add_printf(out, "# EOF\n");
	free(sums);
}
