/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whatever bytes come in as a line: they are a request, or they are refused with a line that is
 * itself a well-formed reply.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "sl_rpc_request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_reply(char *reply, const char *member)
{
	json_t *o;

	assert(reply != NULL && strchr(reply, '\n') == NULL);
	o = json_loads(reply, 0, NULL);
	assert(json_object_get(o, member) != NULL && json_object_get(o, "id") != NULL);
	json_decref(o);
	free(reply);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sl_rpc_request request;
	char *reply = NULL;

	if (sl_rpc_request_parse((const char *)data, size, &request, &reply) != 0) {
		check_reply(reply, "error");
		return 0;
	}
	check_reply(sl_rpc_error_line(request.id, SL_RPC_METHOD_NOT_FOUND, request.method, NULL),
		    "error");
	check_reply(sl_rpc_result_line(request.id, json_true()), "result");
	sl_rpc_request_fini(&request);
	return 0;
}
