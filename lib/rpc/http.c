/* SPDX-License-Identifier: BSD-3-Clause */
/* HTTP for those who collect metrics: GET /metrics, and a line of text at /. */
#include "rpc.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/http.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

enum {
	SCRAPES_MAX = 16, /* under way at once */
	TIMEOUT_S = 10,   /* of a connection that says nothing */
	HEADERS_MAX = 8192,
};

/* A GET /metrics whose snapshot is to come. */
struct scrape {
	TAILQ_ENTRY(scrape) entry;
	struct rpc_http *http;
	struct evhttp_request *request;
	struct sl_request *pending;
};

struct rpc_http {
	struct sl_control *control;
	struct evhttp *server;
	unsigned n_scrapes;
	TAILQ_HEAD(, scrape) scrapes;
};

static void scrape_free(struct scrape *s)
{
	evhttp_connection_set_closecb(evhttp_request_get_connection(s->request), NULL, NULL);
	TAILQ_REMOVE(&s->http->scrapes, s, entry);
	s->http->n_scrapes--;
	free(s);
}

/* The connection is gone, and its request with it. */
static void on_close(struct evhttp_connection *connection, void *arg)
{
	struct scrape *s = arg;

	(void)connection;
	sl_request_cancel(s->pending);
	scrape_free(s);
}

static void send_text(struct evhttp_request *request, int code, const char *reason,
		      const char *text)
{
	evhttp_add_header(evhttp_request_get_output_headers(request), "Content-Type",
			  "text/plain; charset=utf-8");
	evbuffer_add(evhttp_request_get_output_buffer(request), text, strlen(text));
	evhttp_send_reply(request, code, reason, NULL);
}

static void on_snapshot(void *arg, const struct sl_snapshot *snapshot, const char *error)
{
	struct scrape *s = arg;
	struct evhttp_request *request = s->request;
	struct sl_control *control = s->http->control;

	scrape_free(s);
	if (error != NULL) {
		char text[160];

		snprintf(text, sizeof(text), "%s\n", error);
		send_text(request, HTTP_SERVUNAVAIL, "Service Unavailable", text);
		return;
	}
	evhttp_add_header(evhttp_request_get_output_headers(request), "Content-Type",
			  "application/openmetrics-text; version=1.0.0; charset=utf-8");
	rpc_metrics_write(evhttp_request_get_output_buffer(request), control, snapshot);
	evhttp_send_reply(request, HTTP_OK, "OK", NULL);
}

static void on_metrics(struct evhttp_request *request, void *arg)
{
	struct rpc_http *http = arg;
	struct scrape *s = NULL;

	if (http->n_scrapes < SCRAPES_MAX)
		s = calloc(1, sizeof(*s));
	if (s != NULL)
		s->pending = sl_snapshot_request(http->control, on_snapshot, s);
	if (s == NULL || s->pending == NULL) {
		free(s);
		send_text(request, HTTP_SERVUNAVAIL, "Service Unavailable", "too busy\n");
		return;
	}
	s->http = http;
	s->request = request;
	TAILQ_INSERT_TAIL(&http->scrapes, s, entry);
	http->n_scrapes++;
	evhttp_connection_set_closecb(evhttp_request_get_connection(request), on_close, s);
}

static void on_root(struct evhttp_request *request, void *arg)
{
	(void)arg;
	send_text(request, HTTP_OK, "OK", "sluice " SL_VERSION "\n\n/metrics: OpenMetrics\n");
}

static void on_other(struct evhttp_request *request, void *arg)
{
	(void)arg;
	send_text(request, HTTP_NOTFOUND, "Not Found", "nothing here; try /metrics\n");
}

struct rpc_http *rpc_http_create(const struct sl_rpc_config *config, char *error, size_t error_len)
{
	struct rpc_http *http = calloc(1, sizeof(*http));
	char addr[SL_ADDR_TEXT];

	if (http != NULL)
		http->server = evhttp_new(sl_control_base(config->control));
	if (http == NULL || http->server == NULL) {
		free(http);
		snprintf(error, error_len, "the metrics can't start: out of memory");
		return NULL;
	}
	TAILQ_INIT(&http->scrapes);
	http->control = config->control;
	evhttp_set_allowed_methods(http->server, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD);
	evhttp_set_max_headers_size(http->server, HEADERS_MAX);
	evhttp_set_max_body_size(http->server, HEADERS_MAX);
	evhttp_set_timeout(http->server, TIMEOUT_S);
	evhttp_set_cb(http->server, "/metrics", on_metrics, http);
	evhttp_set_cb(http->server, "/", on_root, http);
	evhttp_set_gencb(http->server, on_other, http);
	sl_addr_format(&config->http_addr, addr);
	if (evhttp_bind_socket(http->server, addr, config->http_port) != 0) {
		snprintf(error, error_len, "can't listen on %s port %u (control.http): %s", addr,
			 config->http_port, strerror(errno));
		rpc_http_destroy(http);
		return NULL;
	}
	return http;
}

void rpc_http_destroy(struct rpc_http *http)
{
	if (http == NULL)
		return;
	while (!TAILQ_EMPTY(&http->scrapes)) {
		struct scrape *s = TAILQ_FIRST(&http->scrapes);

		sl_request_cancel(s->pending);
		scrape_free(s);
	}
	evhttp_free(http->server);
	free(http);
}
