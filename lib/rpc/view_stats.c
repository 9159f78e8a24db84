/* SPDX-License-Identifier: BSD-3-Clause */
/* The books and the states, as JSON. */
#include "rpc.h"

#include <stdio.h>

static json_t *count(uint64_t n)
{
	return json_integer((json_int_t)n);
}

static json_t *drops_json(const struct sl_account *a)
{
	json_t *o = json_object();

	for (unsigned i = 0; i < SL_N_DROPS; i++)
		json_object_set_new(o, sl_drop_info[i].name, count(a->drop[i]));
	return o;
}

static json_t *events_json(const struct sl_account *a)
{
	json_t *o = json_object();

	for (unsigned i = 0; i < SL_N_EVENTS; i++)
		if (i != SL_EVENT_made)
			json_object_set_new(o, sl_event_info[i].name, count(a->event[i]));
	return o;
}

json_t *rpc_terms_json(const struct sl_account *a)
{
	json_t *o = json_object();

	for (unsigned i = 0; i < SL_N_TERMS; i++)
		json_object_set_new(o, sl_term_info[i].name, count(a->term[i]));
	json_object_set_new(o, "made", count(a->event[SL_EVENT_made]));
	json_object_set_new(o, "dropped", drops_json(a));
	return o;
}

json_t *rpc_states_json(const struct sl_account *a)
{
	static const char *const legs[] = {[SL_LEG_CLIENT] = "client", [SL_LEG_SERVER] = "server"};
	json_t *o = json_object();

	for (unsigned leg = 0; leg < SL_N_LEGS; leg++) {
		json_t *states = json_object();

		for (unsigned i = 0; i < SL_TCP_N_STATES; i++)
			json_object_set_new(states, sl_tcp_state_name((enum sl_tcp_state)i),
					    count(a->state[leg][i]));
		json_object_set_new(o, legs[leg], states);
	}
	return o;
}

/* What the devices lost, over all ports. */
struct nic {
	uint64_t missed, nombuf, errors;
};

static void nic_sum(const struct sl_control *control, struct nic *sum)
{
	const struct sl_control_config *config = sl_control_setup(control);

	*sum = (struct nic){0};
	for (unsigned i = 0; i < config->n_ports; i++) {
		struct sl_port_counters c;

		sl_port_counters(&config->ports[i], &c);
		sum->missed += c.nic_missed;
		sum->nombuf += c.nic_nombuf;
		sum->errors += c.nic_errors;
	}
}

static void stats_done(void *arg, const struct sl_snapshot *snapshot, const char *error)
{
	struct rpc_call *call = arg;
	const struct sl_control_config *config = sl_control_setup(call->control);
	json_t *result, *workers = json_array(), *services = json_array();
	struct sl_account sum;
	struct nic nic;

	call->pending = NULL;
	if (error != NULL) {
		json_decref(workers);
		json_decref(services);
		rpc_fail(call, error);
		return;
	}
	sl_snapshot_sum(snapshot, SL_SNAPSHOT_ALL, SL_SNAPSHOT_ALL, &sum);
	result = rpc_terms_json(&sum);
	nic_sum(call->control, &nic);
	json_object_set_new(result, "nic_missed", count(nic.missed));
	json_object_set_new(result, "nic_nombuf", count(nic.nombuf));
	json_object_set_new(result, "nic_errors", count(nic.errors));
	json_object_set_new(result, "events", events_json(&sum));
	for (unsigned i = 0; i < snapshot->n_workers; i++) {
		json_t *o;

		sl_snapshot_sum(snapshot, (int)i, SL_SNAPSHOT_ALL, &sum);
		o = rpc_terms_json(&sum);
		json_object_set_new(o, "core", count(sl_worker_core(config->workers[i])));
		json_array_append_new(workers, o);
	}
	for (unsigned i = 0; i < snapshot->n_accounts; i++) {
		json_t *o;

		sl_snapshot_sum(snapshot, SL_SNAPSHOT_ALL, (int)i, &sum);
		o = rpc_terms_json(&sum);
		json_object_set_new(o, "events", events_json(&sum));
		json_object_set_new(o, "name",
				    i == SL_SERVICE_NONE
					    ? json_null()
					    : json_string(config->plan->services.service[i].name));
		json_array_append_new(services, o);
	}
	json_object_set_new(result, "workers", workers);
	json_object_set_new(result, "services", services);
	rpc_result(call, result);
}

void rpc_stats_get(struct rpc_call *call)
{
	rpc_ask_snapshot(call, stats_done);
}

static void state_done(void *arg, const struct sl_snapshot *snapshot, const char *error)
{
	struct rpc_call *call = arg;
	struct sl_account sum;
	int service;

	call->pending = NULL;
	if (error != NULL) {
		rpc_fail(call, error);
		return;
	}
	if (!rpc_param_service(call, SL_SNAPSHOT_ALL, &service))
		return;
	sl_snapshot_sum(snapshot, SL_SNAPSHOT_ALL, service, &sum);
	rpc_result(call, rpc_states_json(&sum));
}

void rpc_state_get(struct rpc_call *call)
{
	int service;

	if (rpc_param_service(call, SL_SNAPSHOT_ALL, &service))
		rpc_ask_snapshot(call, state_done);
}

/* Seconds, as the configuration has them. */
static json_t *seconds(uint32_t ms)
{
	return ms % 1000 == 0 ? json_integer(ms / 1000) : json_real(ms / 1000.0);
}

static json_t *limits_json(const struct sl_limits *l)
{
	return json_pack("{s:o, s:o, s:o, s:i, s:o, s:o, s:o, s:o, s:o}", "half_open",
			 seconds(l->half_open_ms), "silent", seconds(l->silent_ms), "idle",
			 seconds(l->idle_ms), "probes", (int)l->probes, "probe_interval",
			 seconds(l->probe_interval_ms), "fin_wait_2", seconds(l->fin_wait_2_ms),
			 "close_wait", seconds(l->close_wait_ms), "last_ack",
			 seconds(l->last_ack_ms), "time_wait", seconds(l->time_wait_ms));
}

static json_t *ports_json(const struct sl_service *s)
{
	char text[16];

	if (s->port_lo == s->port_hi)
		return json_integer(s->port_lo);
	snprintf(text, sizeof(text), "%u-%u", s->port_lo, s->port_hi);
	return json_string(text);
}

static json_t *service_json(const struct sl_service *s, const struct sl_account *sum)
{
	char addr[SL_ADDR_TEXT];
	const int skipped = sl_addr_is_v4(&s->net) ? 96 : 0;

	return json_pack(
		"{s:s, s:s, s:i, s:o, s:s, s:s, s:s, s:i, s:s, s:f, s:i, s:s, s:b, s:i, s:o, s:I, "
		"s:I, "
		"s:I, s:o, s:s?}",
		"name", s->name, "address", sl_addr_format(&s->net, addr), "prefix",
		s->prefix_len - skipped, "port", ports_json(s), "mode",
		sl_service_mode_name((enum sl_service_mode)s->mode), "cookies",
		sl_cookies_policy_name((enum sl_cookies_policy)s->cookies), "timestamps",
		sl_timestamps_policy_name((enum sl_timestamps_policy)s->timestamps), "mss_max",
		(int)s->mss_max, "strays", sl_strays_name((enum sl_strays)s->strays), "adopt_for",
		s->adopt_for_ms / 1e3, "adopt_rate", (int)s->adopt_rate, "one_way",
		sl_one_way_policy_name((enum sl_one_way_policy)s->one_way), "retired",
		(int)s->retired, "wscale", (int)s->wscale, "connections", rpc_states_json(sum),
		"rx", (json_int_t)(sum->term[SL_TERM_rx] + sum->term[SL_TERM_handed_in]),
		"answered", (json_int_t)sum->term[SL_TERM_answered], "dropped",
		(json_int_t)sl_account_dropped(sum), "limits", limits_json(&s->limits), "server",
		s->mode == SL_MODE_RESPOND
			? sl_respond_server_name((enum sl_respond_server)s->server)
			: NULL);
}

/* Whether there are connections of the service. */
static bool in_use(const struct sl_account *sum)
{
	for (unsigned s = 0; s < SL_TCP_N_STATES; s++)
		if (s != SL_TCP_LISTEN && sum->state[SL_LEG_CLIENT][s] != 0)
			return true;
	return false;
}

/* What is known of the servers of service number `number`. */
static json_t *learned_json(const struct sl_control *control, unsigned number)
{
	const struct sl_service_table *t = &sl_control_setup(control)->plan->services;
	const struct sl_learned_table *learned = sl_control_learned(control);
	json_t *list = json_array();

	for (unsigned i = 0; i < SL_LEARNED_SLOTS; i++) {
		const struct sl_learned *l = &learned->slot[i];
		char addr[SL_ADDR_TEXT];

		if (l->port == 0 || sl_service_find(t, &l->addr, l->port) != number)
			continue;
		json_array_append_new(list,
				      json_pack("{s:s, s:i, s:i, s:b, s:I}", "address",
						sl_addr_format(&l->addr, addr), "port",
						(int)l->port, "mss", (int)l->mss, "timestamps",
						(int)l->timestamps, "confirmed_s_ago",
						(json_int_t)sl_control_age_s(l->confirmed_s)));
	}
	return list;
}

static void service_done(void *arg, const struct sl_snapshot *snapshot, const char *error)
{
	struct rpc_call *call = arg;
	const struct sl_service_table *t = &sl_control_setup(call->control)->plan->services;
	json_t *list;

	call->pending = NULL;
	if (error != NULL) {
		rpc_fail(call, error);
		return;
	}
	list = json_array();
	/* A reload may have come in between. */
	for (unsigned i = 1; i <= t->n && i < snapshot->n_accounts; i++) {
		struct sl_account sum;
		json_t *o;

		sl_snapshot_sum(snapshot, SL_SNAPSHOT_ALL, (int)i, &sum);
		if (t->service[i].retired && !in_use(&sum))
			continue;
		o = service_json(&t->service[i], &sum);
		json_object_set_new(o, "learned", learned_json(call->control, i));
		json_array_append_new(list, o);
	}
	rpc_result(call, list);
}

void rpc_service_list(struct rpc_call *call)
{
	rpc_ask_snapshot(call, service_done);
}
