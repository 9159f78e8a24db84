/* SPDX-License-Identifier: BSD-3-Clause */
#include "sl_rpc_request.h"

#include <stdio.h>
#include <string.h>

static json_t *id_or_null(json_t *id)
{
	return id != NULL ? json_incref(id) : json_null();
}

/* Takes the reference. */
static char *line_of(json_t *reply)
{
	char *line = json_dumps(reply, JSON_COMPACT | JSON_REAL_PRECISION(15));

	json_decref(reply);
	return line;
}

char *sl_rpc_result_line(json_t *id, json_t *result)
{
	return line_of(json_pack("{s:s, s:o, s:o}", "jsonrpc", "2.0", "result", result, "id",
				 id_or_null(id)));
}

/*
 * A message as JSON. One that repeats what a client sent may end within a character (jansson cuts
 * its own, too): then all that is not ASCII becomes a question mark.
 */
static json_t *message_of(const char *message)
{
	json_t *string = json_string(message);
	char text[512];

	if (string != NULL)
		return string;
	snprintf(text, sizeof(text), "%s", message);
	for (char *p = text; *p != '\0'; p++)
		if ((unsigned char)*p >= 0x80)
			*p = '?';
	return json_string(text);
}

char *sl_rpc_error_line(json_t *id, int code, const char *message, json_t *data)
{
	json_t *error = json_pack("{s:i, s:o}", "code", code, "message", message_of(message));

	if (data != NULL)
		json_object_set_new(error, "data", data);
	return line_of(json_pack("{s:s, s:o, s:o}", "jsonrpc", "2.0", "error", error, "id",
				 id_or_null(id)));
}

/* What is wrong with a request that is JSON at least; NULL when nothing is. */
static const char *flaw(json_t *root)
{
	const char *version = json_string_value(json_object_get(root, "jsonrpc"));
	const json_t *params = json_object_get(root, "params"), *id = json_object_get(root, "id");

	if (json_is_array(root))
		return "batches are not supported: send one request a line";
	if (!json_is_object(root))
		return "a request is an object: {\"jsonrpc\": \"2.0\", \"method\": ..., \"id\": "
		       "...}";
	if (version == NULL || strcmp(version, "2.0") != 0)
		return "\"jsonrpc\" has to be \"2.0\"";
	if (!json_is_string(json_object_get(root, "method")))
		return "\"method\" has to be a string; rpc_get_methods lists them";
	if (params != NULL && !json_is_object(params) && !json_is_array(params))
		return "\"params\" has to be an object or an array";
	if (id != NULL && !json_is_string(id) && !json_is_number(id) && !json_is_null(id))
		return "\"id\" has to be a string or a number";
	return NULL;
}

/* The id of a flawed request, if it has one that can be repeated. */
static json_t *id_of(json_t *root)
{
	json_t *id = json_object_get(root, "id");

	return json_is_string(id) || json_is_number(id) ? id : NULL;
}

int sl_rpc_request_parse(const char *line, size_t len, struct sl_rpc_request *request, char **reply)
{
	json_error_t error;
	json_t *root = json_loadb(line, len, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &error);
	const char *wrong;
	char text[sizeof(error.text) + 64];

	memset(request, 0, sizeof(*request));
	if (root == NULL) {
		snprintf(text, sizeof(text), "no JSON: %s at byte %d", error.text, error.position);
		*reply = sl_rpc_error_line(NULL, SL_RPC_PARSE_ERROR, text, NULL);
		return -1;
	}
	wrong = flaw(root);
	if (wrong != NULL) {
		*reply = sl_rpc_error_line(id_of(root), SL_RPC_INVALID_REQUEST, wrong, NULL);
		json_decref(root);
		return -1;
	}
	request->root = root;
	request->method = json_string_value(json_object_get(root, "method"));
	request->params = json_object_get(root, "params");
	request->id = json_object_get(root, "id");
	return 0;
}

void sl_rpc_request_fini(struct sl_rpc_request *request)
{
	json_decref(request->root);
	memset(request, 0, sizeof(*request));
}
