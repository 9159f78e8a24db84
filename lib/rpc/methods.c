/* SPDX-License-Identifier: BSD-3-Clause */
/* All that can be called, in one table. */
#include "rpc.h"

static const struct rpc_param service_params[] = {
	{"service", RPC_STRING, "a service's name; all of them when left out"},
};

static const struct rpc_param connection_params[] = {
	{"state", RPC_STRING, "of either leg: \"ESTABLISHED\", \"FIN-WAIT-2\", \"FIN_WAIT2\""},
	{"src", RPC_STRING, "the client: address[/prefix][:port]"},
	{"dst", RPC_STRING, "the server: address[/prefix][:port], \"[2001:db8::1]:80\""},
	{"service", RPC_STRING, "a service's name"},
	{"limit", RPC_INTEGER, "connections at most, 1 to 10000; 100 when left out"},
	{"cursor", RPC_STRING,
	 "of the listing that this one goes on with; from the start when left out"},
};

static const struct rpc_param drain_params[] = {
	{"cancel", RPC_BOOLEAN, "true: ends it; false when left out"},
};

static const char *const type_names[] = {
	[RPC_STRING] = "string",
	[RPC_INTEGER] = "integer",
	[RPC_BOOLEAN] = "boolean",
};

static void rpc_get_methods(struct rpc_call *call)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < rpc_n_methods; i++) {
		const struct rpc_method *m = &rpc_methods[i];
		json_t *params = json_array();

		for (unsigned k = 0; k < m->n_params; k++)
			json_array_append_new(params, json_pack("{s:s, s:s, s:s}", "name",
								m->params[k].name, "type",
								type_names[m->params[k].type],
								"help", m->params[k].help));
		json_array_append_new(list, json_pack("{s:s, s:s, s:o}", "name", m->name, "help",
						      m->help, "params", params));
	}
	rpc_result(call, list);
}

#define NO_PARAMS NULL, 0

const struct rpc_method rpc_methods[] = {
	{"rpc_get_methods", "what can be called", NO_PARAMS, rpc_get_methods},
	{"system_get_status", "whether all is well: workers, links, warnings", NO_PARAMS,
	 rpc_system_get_status},
	{"system_get_version", "versions of sluice and of DPDK", NO_PARAMS, rpc_system_get_version},
	{"stats_get", "the books: all packets by what became of them, by worker and by service",
	 NO_PARAMS, rpc_stats_get},
	{"state_get", "connections by state (RFC 9293), of both legs", service_params,
	 SL_ARRAY_LEN(service_params), rpc_state_get},
	{"service_list", "what is protected, and how", NO_PARAMS, rpc_service_list},
	{"connection_list",
	 "connections that fit, evenly from all workers; `total`: how many fit; `cursor`: to go on "
	 "with, null at the end",
	 connection_params, SL_ARRAY_LEN(connection_params), rpc_connection_list},
	{"port_list", "ports: driver, offloads, link, what was lost", NO_PARAMS, rpc_port_list},
	{"link_list", "links: their ports and addresses", NO_PARAMS, rpc_link_list},
	{"config_reload", "reads the configuration again and applies it, all or nothing", NO_PARAMS,
	 rpc_config_reload},
	{"system_drain",
	 "new connections pass unproxied, or are refused where the box is a host; what stands is "
	 "served to its end",
	 drain_params, SL_ARRAY_LEN(drain_params), rpc_system_drain},
	{"worker_list", "workers: turns, connections, the books", NO_PARAMS, rpc_worker_list},
};

const unsigned rpc_n_methods = SL_ARRAY_LEN(rpc_methods);
