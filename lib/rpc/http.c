/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * HTTP for those who collect metrics: GET /metrics, and a line of text at /. One request a
 * connection, after which it is closed: so nobody holds a place for longer than a request takes.
 * Not libevent's server, which bounds neither connections nor what accept costs without a
 * descriptor.
 */
#include "rpc.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "peers.h"
#include "sl_respond.h"

enum {
	SCRAPES_MAX = 16, /* under way at once */
	HEAD_MAX = 8192,
};

#define TEXT_PLAIN "text/plain; charset=utf-8"

struct http_client {
	struct rpc_peer peer;
	struct rpc_http *http;
	struct sl_request *pending; /* the snapshot of a GET /metrics, or NULL */
	bool head;                  /* HEAD: the answer goes without its body */
	bool answered;              /* what still arrives is passed over */
	bool ended;                 /* the client sends no more */
};

struct rpc_http {
	struct sl_control *control;
	struct rpc_peers clients;
	unsigned n_scrapes;
};

static struct http_client *client_of(struct rpc_peer *peer)
{
	return sl_container_of(peer, struct http_client, peer);
}

static void client_free(struct http_client *client)
{
	if (client->pending != NULL) {
		sl_request_cancel(client->pending);
		client->http->n_scrapes--;
	}
	rpc_peer_fini(&client->peer);
	free(client);
}

/* Answers with the content of `body`, which is emptied. */
static void answer(struct http_client *client, unsigned status, const char *type,
		   struct evbuffer *body)
{
	struct evbuffer *out = bufferevent_get_output(client->peer.bev);
	const time_t now = time(NULL);
	struct tm utc;
	char date[64] = "";

	if (gmtime_r(&now, &utc) != NULL)
		strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &utc);
	evbuffer_add_printf(out,
			    "HTTP/1.1 %u %s\r\nDate: %s\r\nContent-Type: %s\r\n"
			    "Content-Length: %zu\r\n%sConnection: close\r\n\r\n",
			    status, sl_http_reason(status), date, type, evbuffer_get_length(body),
			    status == 405 ? "Allow: GET, HEAD\r\n" : "");
	if (!client->head)
		evbuffer_add_buffer(out, body);
	client->answered = true;
}

static void answer_text(struct http_client *client, unsigned status, const char *text)
{
	struct evbuffer *body = evbuffer_new();

	if (body == NULL)
		return; /* the connection ends by its timeout */
	evbuffer_add(body, text, strlen(text));
	answer(client, status, TEXT_PLAIN, body);
	evbuffer_free(body);
}

static void on_snapshot(void *arg, const struct sl_snapshot *snapshot, const char *error)
{
	struct http_client *client = arg;
	struct evbuffer *body;
	char text[160];

	client->pending = NULL;
	client->http->n_scrapes--;
	if (error != NULL) {
		snprintf(text, sizeof(text), "%s\n", error);
		answer_text(client, 503, text);
		return;
	}
	body = evbuffer_new();
	if (body == NULL)
		return;
	rpc_metrics_write(body, client->http->control, snapshot);
	answer(client, 200, "application/openmetrics-text; version=1.0.0; charset=utf-8", body);
	evbuffer_free(body);
}

static void start_metrics(struct http_client *client)
{
	struct rpc_http *http = client->http;

	if (http->n_scrapes < SCRAPES_MAX)
		client->pending = sl_snapshot_request(http->control, on_snapshot, client);
	if (client->pending != NULL)
		http->n_scrapes++;
	else
		answer_text(client, 503, "too busy\n");
}

static bool is_metrics(const struct sl_http_request *request)
{
	static const char path[] = "/metrics";

	return request->path_len == sizeof(path) - 1 &&
	       memcmp(request->path, path, sizeof(path) - 1) == 0;
}

static void carry_out(struct http_client *client, const struct sl_http_request *request)
{
	char text[64];

	client->head = request->head;
	if (is_metrics(request)) {
		start_metrics(client);
	} else if (request->status == 200) {
		answer_text(client, 200, "sluice " SL_VERSION "\n\n/metrics: OpenMetrics\n");
	} else if (request->status == 404) {
		answer_text(client, 404, "nothing here; try /metrics\n");
	} else {
		snprintf(text, sizeof(text), "%u %s\n", request->status,
			 sl_http_reason(request->status));
		answer_text(client, request->status, text);
	}
}

/* Empty lines before a request are passed over: RFC 9112 section 2.2. */
static void drain_lines(struct evbuffer *in)
{
	char byte;

	while (evbuffer_copyout(in, &byte, 1) == 1 && (byte == '\r' || byte == '\n'))
		evbuffer_drain(in, 1);
}

static void on_read(struct bufferevent *bev, void *arg)
{
	struct http_client *client = arg;
	struct evbuffer *in = bufferevent_get_input(bev);
	struct sl_http_request request = {.status = 431};
	char head[HEAD_MAX];
	uint32_t n, length;

	if (client->answered || client->pending != NULL) {
		evbuffer_drain(in, evbuffer_get_length(in));
		return;
	}
	drain_lines(in);
	n = (uint32_t)evbuffer_copyout(in, head, sizeof(head));
	length = sl_http_head_length(head, n);
	if (length > 0)
		request = sl_http_request_parse(head, length);
	else if (n < HEAD_MAX)
		return;
	evbuffer_drain(in, evbuffer_get_length(in));
	rpc_peer_busy(&client->peer);
	carry_out(client, &request);
}

/* All has been sent. The client is waited for until it closes, as what it still sends must not
 * bring a RST that overtakes the answer: RFC 9112 section 9.6. */
static void on_written(struct bufferevent *bev, void *arg)
{
	struct http_client *client = arg;

	if (!client->answered)
		return;
	if (client->ended) {
		client_free(client);
		return;
	}
	shutdown(bufferevent_getfd(bev), SHUT_WR);
	rpc_peer_wait(&client->peer);
	rpc_peer_begun(&client->peer);
}

/* A client that has only ended its side gets its answer. */
static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct http_client *client = arg;
	const bool sending =
		client->pending != NULL || evbuffer_get_length(bufferevent_get_output(bev)) > 0;

	client->ended = true;
	if (!(what & BEV_EVENT_EOF) || !sending)
		client_free(client);
}

static void give_way(struct rpc_peer *peer)
{
	client_free(client_of(peer));
}

static void timed_out(struct rpc_peer *peer)
{
	struct http_client *client = client_of(peer);

	if (client->answered || evbuffer_get_length(bufferevent_get_input(peer->bev)) == 0) {
		client_free(client);
		return;
	}
	rpc_peer_busy(peer);
	answer_text(client, 408, "408 Request Timeout\n");
}

static void refuse(void *arg, evutil_socket_t fd)
{
	(void)arg;
	rpc_peer_say(fd, "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n"
			 "Connection: close\r\n\r\n");
}

static struct rpc_peer *client_new(void *arg, evutil_socket_t fd)
{
	struct rpc_http *http = arg;
	const unsigned ms = http->clients.config.timeout_ms;
	const struct timeval write_timeout = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
	struct http_client *client = calloc(1, sizeof(*client));

	if (client == NULL)
		return NULL;
	client->http = http;
	if (rpc_peer_init(&client->peer, &http->clients, fd) != 0) {
		free(client);
		return NULL;
	}
	bufferevent_setcb(client->peer.bev, on_read, on_written, on_event, client);
	bufferevent_setwatermark(client->peer.bev, EV_READ, 0, HEAD_MAX);
	bufferevent_set_timeouts(client->peer.bev, NULL, &write_timeout);
	bufferevent_enable(client->peer.bev, EV_READ | EV_WRITE);
	rpc_peer_begun(&client->peer);
	return &client->peer;
}

/* A listening socket, or -1 with errno. */
static int listen_on(const struct sl_addr *addr, uint16_t port)
{
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
	const bool is_v4 = sl_addr_is_v4(addr);
	const void *to = is_v4 ? (const void *)&v4 : (const void *)&v6;
	const socklen_t len = is_v4 ? sizeof(v4) : sizeof(v6);
	const int on = 1;
	int fd, why;

	memcpy(&v6.sin6_addr, addr->b, sizeof(v6.sin6_addr));
	memcpy(&v4.sin_addr, addr->b + 12, sizeof(v4.sin_addr));
	fd = socket(is_v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
	    (is_v4 || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) == 0) &&
	    bind(fd, to, len) == 0 && listen(fd, SOMAXCONN) == 0)
		return fd;
	why = errno;
	close(fd);
	errno = why;
	return -1;
}

struct rpc_http *rpc_http_create(const struct sl_rpc_config *config, char *error, size_t error_len)
{
	struct rpc_http *http = calloc(1, sizeof(*http));
	const struct rpc_peers_config clients = {
		.base = sl_control_base(config->control),
		.most = SL_RPC_HTTP_MAX,
		.timeout_ms = rpc_request_timeout_ms(config),
		.arg = http,
		.add = client_new,
		.give_way = give_way,
		.timed_out = timed_out,
		.refuse = refuse,
	};
	char addr[SL_ADDR_TEXT];
	int fd;

	if (http == NULL)
		goto no_memory;
	http->control = config->control;
	fd = listen_on(&config->http_addr, config->http_port);
	if (fd < 0) {
		snprintf(error, error_len,
			 "can't listen on %s port %u (control.http): %s; expected an address of "
			 "this "
			 "machine and a port that is free",
			 sl_addr_format(&config->http_addr, addr), config->http_port,
			 strerror(errno));
		rpc_http_destroy(http);
		return NULL;
	}
	if (rpc_peers_init(&http->clients, &clients, fd) == 0)
		return http;
	rpc_http_destroy(http);
no_memory:
	snprintf(error, error_len, "the metrics can't start: out of memory");
	return NULL;
}

void rpc_http_destroy(struct rpc_http *http)
{
	if (http == NULL)
		return;
	while (http->clients.n > 0)
		client_free(client_of(TAILQ_FIRST(&http->clients.all)));
	rpc_peers_fini(&http->clients);
	free(http);
}
