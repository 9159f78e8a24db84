/* SPDX-License-Identifier: BSD-3-Clause */
/* A line becomes a call, its parameters are checked against the table, and it is answered. */
#include "rpc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void call_free(struct rpc_call *call)
{
	json_decref(call->params);
	sl_rpc_request_fini(&call->request);
	free(call->view);
	free(call);
}

/* Ends the call with `line`, which a notification does not want. */
static void finish(struct rpc_call *call, char *line)
{
	void (*reply)(void *arg, char *line) = call->reply;
	void *arg = call->arg;

	if (call->request.id == NULL) {
		free(line);
		line = NULL;
	}
	call_free(call);
	reply(arg, line);
}

void rpc_result(struct rpc_call *call, json_t *result)
{
	finish(call, sl_rpc_result_line(call->request.id, result));
}

void rpc_fail(struct rpc_call *call, const char *error)
{
	finish(call, sl_rpc_error_line(call->request.id, SL_RPC_REFUSED, error, NULL));
}

char *rpc_clip(const char *text, char *clipped, size_t size)
{
	size_t len = strnlen(text, size);

	if (len == size) { /* back to the first byte of a character */
		len--;
		while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
			len--;
	}
	memcpy(clipped, text, len);
	clipped[len] = '\0';
	return clipped;
}

void rpc_bad_param(struct rpc_call *call, const char *field, const char *expected)
{
	char text[512], clipped[64];

	snprintf(text, sizeof(text), "%s: \"%s\" has to be %s", call->method->name,
		 rpc_clip(field, clipped, sizeof(clipped)), expected);
	finish(call,
	       sl_rpc_error_line(call->request.id, SL_RPC_INVALID_PARAMS, text,
				 json_pack("{s:s, s:s}", "field", field, "expected", expected)));
}

void rpc_call_cancel(struct rpc_call *call)
{
	if (call->pending != NULL)
		sl_request_cancel(call->pending);
	call_free(call);
}

static const struct rpc_param *param_find(const struct rpc_method *method, const char *name)
{
	for (unsigned i = 0; i < method->n_params; i++)
		if (strcmp(method->params[i].name, name) == 0)
			return &method->params[i];
	return NULL;
}

/* What the method takes, for whoever gave it something else. */
static void bad_name(struct rpc_call *call, const char *name)
{
	char expected[256] = "left out: there are no parameters";
	size_t len = 0;

	for (unsigned i = 0; i < call->method->n_params && len < sizeof(expected); i++)
		len += (size_t)snprintf(expected + len, sizeof(expected) - len, "%s%s",
					i == 0 ? "one of: " : ", ", call->method->params[i].name);
	rpc_bad_param(call, name, expected);
}

/* Parameters by position take the names of the table. Returns false when the call was refused. */
static bool name_params(struct rpc_call *call, const json_t *list)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		if (i >= call->method->n_params) {
			char name[32];

			snprintf(name, sizeof(name), "%zu", i);
			bad_name(call, name);
			return false;
		}
		json_object_set(call->params, call->method->params[i].name,
				json_array_get(list, i));
	}
	return true;
}

static bool check_params(struct rpc_call *call)
{
	const char *name;
	json_t *value;

	if (json_is_array(call->request.params)) {
		if (!name_params(call, call->request.params))
			return false;
	} else if (call->request.params != NULL) {
		json_object_update(call->params, call->request.params);
	}
	json_object_foreach(call->params, name, value)
	{
		const struct rpc_param *param = param_find(call->method, name);

		if (param == NULL) {
			bad_name(call, name);
			return false;
		}
		if (param->type == RPC_STRING && !json_is_string(value)) {
			rpc_bad_param(call, param->name, "a string");
			return false;
		}
		if (param->type == RPC_INTEGER && !json_is_integer(value)) {
			rpc_bad_param(call, param->name, "an integer");
			return false;
		}
		if (param->type == RPC_BOOLEAN && !json_is_boolean(value)) {
			rpc_bad_param(call, param->name, "true or false");
			return false;
		}
	}
	return true;
}

static const struct rpc_method *method_find(const char *name)
{
	for (unsigned i = 0; i < rpc_n_methods; i++)
		if (strcmp(rpc_methods[i].name, name) == 0)
			return &rpc_methods[i];
	return NULL;
}

void rpc_dispatch(struct sl_control *control, const char *who, const char *line, size_t len,
		  void (*reply)(void *arg, char *line), void *arg, struct rpc_call **call_out)
{
	struct rpc_call *call = calloc(1, sizeof(*call));
	char *refusal = NULL;

	*call_out = NULL;
	if (call == NULL) {
		reply(arg, sl_rpc_error_line(NULL, SL_RPC_INTERNAL, "out of memory", NULL));
		return;
	}
	call->control = control;
	call->who = who;
	call->reply = reply;
	call->arg = arg;
	if (sl_rpc_request_parse(line, len, &call->request, &refusal) != 0) {
		call_free(call);
		reply(arg, refusal);
		return;
	}
	call->method = method_find(call->request.method);
	if (call->method == NULL) {
		char text[160], clipped[64];

		snprintf(text, sizeof(text), "no method \"%s\"; rpc_get_methods lists them",
			 rpc_clip(call->request.method, clipped, sizeof(clipped)));
		finish(call,
		       sl_rpc_error_line(call->request.id, SL_RPC_METHOD_NOT_FOUND, text, NULL));
		return;
	}
	call->params = json_object();
	if (!check_params(call))
		return;
	*call_out = call;
	call->method->start(call);
}

void rpc_ask_snapshot(struct rpc_call *call, sl_snapshot_fn *done)
{
	call->pending = sl_snapshot_request(call->control, done, call);
	if (call->pending == NULL)
		rpc_fail(call, "out of memory");
}
