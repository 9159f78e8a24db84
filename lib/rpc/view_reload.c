/* SPDX-License-Identifier: BSD-3-Clause */
/* Changes of the plan: the configuration read again, and draining. */
#include "rpc.h"

#include <stdio.h>

#include "sl_reload.h"

enum { RPC_BY = 64 };

static void reload_done(void *arg, const struct sl_config_change *changes, unsigned n,
			const char *error)
{
	struct rpc_call *call = arg;
	json_t *list;

	call->pending = NULL;
	if (error != NULL) {
		rpc_fail(call, error);
		return;
	}
	list = json_array();
	for (unsigned i = 0; i < n; i++)
		json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "setting", changes[i].path,
						      "before", changes[i].before, "after",
						      changes[i].after));
	rpc_result(call, json_pack("{s:s, s:o}", "config",
				   sl_control_setup(call->control)->config_path, "changes", list));
}

/* For the log: who has asked. */
static const char *asked_by(const struct rpc_call *call, char by[RPC_BY])
{
	snprintf(by, RPC_BY, "RPC, %s", call->who);
	return by;
}

void rpc_config_reload(struct rpc_call *call)
{
	char by[RPC_BY];

	call->pending = sl_reload_request(call->control, asked_by(call, by), reload_done, call);
	if (call->pending == NULL)
		rpc_fail(call, "out of memory");
}

static void drain_done(void *arg, const struct sl_config_change *changes, unsigned n,
		       const char *error)
{
	struct rpc_call *call = arg;

	(void)changes;
	(void)n;
	call->pending = NULL;
	if (error != NULL)
		rpc_fail(call, error);
	else
		rpc_result(call, json_pack("{s:b}", "draining",
					   (int)sl_control_setup(call->control)->plan->draining));
}

void rpc_system_drain(struct rpc_call *call)
{
	const bool drain = !json_is_true(json_object_get(call->params, "cancel"));
	char by[RPC_BY];

	call->pending =
		sl_drain_request(call->control, drain, asked_by(call, by), drain_done, call);
	if (call->pending == NULL)
		rpc_fail(call, "out of memory");
}
