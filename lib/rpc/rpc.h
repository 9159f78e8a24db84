/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of this library share, and nobody else sees. */
#ifndef RPC_H
#define RPC_H

#include <jansson.h>
#include <sys/stat.h>

#include "sl_control.h"
#include "sl_listing.h"
#include "sl_rpc.h"
#include "sl_rpc_request.h"
#include "sl_snapshot.h"

struct evbuffer;
struct rpc_call;
struct rpc_client;
struct rpc_http;

enum rpc_type { RPC_STRING, RPC_INTEGER, RPC_BOOLEAN };

struct rpc_param {
	const char *name;
	enum rpc_type type;
	const char *help;
};

struct rpc_method {
	const char *name;
	const char *help;
	const struct rpc_param *params;
	unsigned n_params;
	/* Begins the call, which it or a later callback ends with rpc_result, rpc_fail, ... */
	void (*start)(struct rpc_call *call);
};

/* methods.c: the table. */
extern const struct rpc_method rpc_methods[];
extern const unsigned rpc_n_methods;

/* A call that is under way. It is freed when it is answered or cancelled. */
struct rpc_call {
	struct sl_control *control;
	const struct rpc_method *method;
	const char *who; /* asks: "uid 0, pid 4711" */
	struct sl_rpc_request request;
	json_t *params;             /* by name, checked against the table */
	struct sl_request *pending; /* what control has been asked for it */
	void (*reply)(void *arg, char *line);
	void *arg;
	void *view; /* of the handler */
};

/*
 * dispatch.c: carries out one line of the client `who`, a string that outlives the call. `reply` is
 * called once, perhaps before this returns: with the line to send back, which it owns, or NULL when
 * there is none to send (a notification). Until then
 * `*call` is set, for rpc_call_cancel.
 */
void rpc_dispatch(struct sl_control *control, const char *who, const char *line, size_t len,
		  void (*reply)(void *arg, char *line), void *arg, struct rpc_call **call);
void rpc_call_cancel(struct rpc_call *call);

/* How a handler ends its call; the call is gone afterwards. */
void rpc_result(struct rpc_call *call, json_t *result);
void rpc_fail(struct rpc_call *call, const char *error);
void rpc_bad_param(struct rpc_call *call, const char *field, const char *expected);

/* Copies `text` into `clipped` of `size` bytes, cut between characters if it is longer. */
char *rpc_clip(const char *text, char *clipped, size_t size);

/* Asks for a snapshot; `done` gets the call as its argument. */
void rpc_ask_snapshot(struct rpc_call *call, sl_snapshot_fn *done);

/* params.c: parameters read into what they mean. */
/* A parameter that is a string, or NULL when it is not there. */
const char *rpc_param_string(const struct rpc_call *call, const char *name);
/* "address[/prefix][:port]", IPv6 in brackets when a port follows. Returns 0 or -1. */
int rpc_parse_end(const char *text, struct sl_listing_end *end);
/* Sets the service's number (`none` when not asked for). On false the call has been refused. */
bool rpc_param_service(struct rpc_call *call, int none, int *service);

/* The handlers: view_system.c, view_stats.c, view_connections.c, view_reload.c. */
void rpc_system_get_status(struct rpc_call *call);
void rpc_system_get_version(struct rpc_call *call);
void rpc_port_list(struct rpc_call *call);
void rpc_link_list(struct rpc_call *call);
void rpc_worker_list(struct rpc_call *call);
void rpc_stats_get(struct rpc_call *call);
void rpc_state_get(struct rpc_call *call);
void rpc_service_list(struct rpc_call *call);
void rpc_connection_list(struct rpc_call *call);
void rpc_config_reload(struct rpc_call *call);
void rpc_system_drain(struct rpc_call *call);

/* view_stats.c: pieces that other views use. */
json_t *rpc_terms_json(const struct sl_account *a);
json_t *rpc_states_json(const struct sl_account *a);

/* metrics.c: writes a snapshot as OpenMetrics text. */
void rpc_metrics_write(struct evbuffer *out, const struct sl_control *control,
		       const struct sl_snapshot *snapshot);

/* rpc.c: milliseconds in which a request has to be complete. */
unsigned rpc_request_timeout_ms(const struct sl_rpc_config *config);

/* http.c */
struct rpc_http *rpc_http_create(const struct sl_rpc_config *config, char *error, size_t error_len);
void rpc_http_destroy(struct rpc_http *http);

/* listen.c: a listening socket where `config` says, or -1 and a sentence; and its end. */
int rpc_listen(const struct sl_rpc_config *config, struct stat *identity, char *error,
	       size_t error_len);
void rpc_unlink(const char *path, const struct stat *identity);

#endif
