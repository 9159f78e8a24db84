/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A line of JSON-RPC 2.0 (jsonrpc.org/specification) read into a request, and the lines that
 * answer it. Batches are refused: a client may as well send several lines.
 *
 * Stateless; any thread.
 */
#ifndef SL_RPC_REQUEST_H
#define SL_RPC_REQUEST_H

#include <jansson.h>

#include "sl_base.h"

SL_BEGIN_DECLS

/** Codes of JSON-RPC 2.0 section 5.1; the last is ours, of the range it leaves to servers. */
enum sl_rpc_code {
	SL_RPC_PARSE_ERROR = -32700,
	SL_RPC_INVALID_REQUEST = -32600,
	SL_RPC_METHOD_NOT_FOUND = -32601,
	SL_RPC_INVALID_PARAMS = -32602,
	SL_RPC_INTERNAL = -32603,
	SL_RPC_REFUSED = -32000, /**< the box can't now: a stuck worker, too many clients */
};

struct sl_rpc_request {
	json_t *root; /**< owns the rest; released by sl_rpc_request_fini */
	const char *method;
	json_t *params; /**< an object or an array, or NULL */
	json_t *id;     /**< NULL for a notification, which wants no reply */
};

/**
 * Reads a request from `len` bytes at `line`, without the newline; any bytes will do.
 * Returns 0, or -1 and the line to send back in `reply`, which the caller frees (NULL when memory
 * has run out).
 */
int sl_rpc_request_parse(const char *line, size_t len, struct sl_rpc_request *request,
			 char **reply);

/** Gives back what a request holds. */
void sl_rpc_request_fini(struct sl_rpc_request *request);

/** The line that answers `id` with `result`, whose reference it takes. Freed by the caller. */
char *sl_rpc_result_line(json_t *id, json_t *result);

/**
 * The line that refuses `id`, or a request of unknown id when it is NULL. Freed by the caller.
 * @code     an enum sl_rpc_code
 * @message  one sentence
 * @data     more on it, whose reference it takes; or NULL
 */
char *sl_rpc_error_line(json_t *id, int code, const char *message, json_t *data);

SL_END_DECLS

#endif
