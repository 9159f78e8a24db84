/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The socket and its clients. A client's life: lines come in, one is carried out at a time, its
 * reply goes out; then the next. A client is freed in one place, client_free, which is called from
 * its own events only, never from within a reply.
 */
#include "rpc.h"

#include <event2/buffer.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "peers.h"

enum {
	LINES_PER_TURN = 32,  /* of one client, before the loop looks at others */
	WRITE_TIMEOUT_S = 60, /* a client that does not read so long is gone */
};

struct rpc_client {
	struct rpc_peer peer;
	struct sl_rpc *rpc;
	struct event *resume;  /* to go on with the lines that wait */
	struct rpc_call *call; /* under way, or NULL */
	size_t searched;       /* bytes of input known to have no newline */
	bool busy;             /* a call is under way */
	bool ended;            /* it sends no more */
	bool closing;          /* what is queued is sent, and that is all */
};

struct sl_rpc {
	struct sl_rpc_config config;
	struct rpc_peers clients;
	struct rpc_http *http;
	char *path;
	struct stat identity; /* of the socket's file */
	bool listening;
};

static struct rpc_client *client_of(struct rpc_peer *peer)
{
	return sl_container_of(peer, struct rpc_client, peer);
}

static void client_free(struct rpc_client *client)
{
	if (client->call != NULL)
		rpc_call_cancel(client->call);
	event_free(client->resume);
	rpc_peer_fini(&client->peer);
	free(client);
}

static void client_send(struct rpc_client *client, const char *line)
{
	struct evbuffer *out = bufferevent_get_output(client->peer.bev);

	evbuffer_add(out, line, strlen(line));
	evbuffer_add(out, "\n", 1);
}

static void on_reply(void *arg, char *line)
{
	struct rpc_client *client = arg;

	client->busy = false;
	client->call = NULL;
	if (line != NULL)
		client_send(client, line);
	free(line);
	event_active(client->resume, EV_TIMEOUT, 0);
}

/* Refuses what can't be understood any more, and says so. */
static void client_refuse(struct rpc_client *client, int code, const char *why)
{
	struct evbuffer *in = bufferevent_get_input(client->peer.bev);
	char *line = sl_rpc_error_line(NULL, code, why, NULL);

	if (line != NULL)
		client_send(client, line);
	free(line);
	evbuffer_drain(in, evbuffer_get_length(in));
	client->closing = true;
}

/* The length of the next line, without its newline; -1 when it has yet to come. */
static ssize_t next_line(struct rpc_client *client)
{
	struct evbuffer *in = bufferevent_get_input(client->peer.bev);
	struct evbuffer_ptr from, newline;

	evbuffer_ptr_set(in, &from, client->searched, EVBUFFER_PTR_SET);
	newline = evbuffer_search(in, "\n", 1, &from);
	if (newline.pos < 0)
		client->searched = evbuffer_get_length(in);
	return newline.pos;
}

/* Carries out one line. Returns false when none is complete. */
static bool take_line(struct rpc_client *client)
{
	struct evbuffer *in = bufferevent_get_input(client->peer.bev);
	const ssize_t len = next_line(client);
	const char *line;

	if (len > SL_RPC_LINE_MAX || (len < 0 && evbuffer_get_length(in) > SL_RPC_LINE_MAX)) {
		client_refuse(client, SL_RPC_INVALID_REQUEST, "a line is at most 1 MiB");
		return false;
	}
	if (len < 0)
		return false;
	client->searched = 0;
	if (len > 0) {
		rpc_peer_busy(&client->peer);
		line = (const char *)evbuffer_pullup(in, len);
		if (line == NULL) {
			client_refuse(client, SL_RPC_INTERNAL, "out of memory");
			return false;
		}
		client->busy = true;
		rpc_dispatch(client->rpc->config.control, client->peer.who, line, (size_t)len,
			     on_reply, client, &client->call);
	}
	evbuffer_drain(in, (size_t)len + 1);
	return true;
}

/* Nothing is to be done for a client until more has come from it. */
static void client_wait(struct rpc_client *client)
{
	if (!client->peer.waiting)
		rpc_peer_wait(&client->peer);
	if (evbuffer_get_length(bufferevent_get_input(client->peer.bev)) > 0)
		rpc_peer_begun(&client->peer);
}

/* Goes on with a client as far as it goes now. It may be gone afterwards. */
static void client_go_on(struct rpc_client *client)
{
	struct evbuffer *out = bufferevent_get_output(client->peer.bev);
	unsigned n = 0;
	bool more = true;

	while (!client->busy && !client->closing && more && n++ < LINES_PER_TURN) {
		more = take_line(client);
		if (evbuffer_get_length(out) > SL_RPC_UNREAD_MAX) {
			client_free(client);
			return;
		}
	}
	if (client->ended && !client->busy && !more)
		client->closing = true;
	if (evbuffer_get_length(out) > SL_RPC_UNREAD_MAX ||
	    (client->closing && evbuffer_get_length(out) == 0)) {
		client_free(client);
		return;
	}
	if (client->closing)
		bufferevent_disable(client->peer.bev, EV_READ);
	else if (!client->busy && more)
		event_active(client->resume, EV_TIMEOUT, 0);
	else if (!client->busy && evbuffer_get_length(out) == 0)
		client_wait(client);
}

static void on_resume(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	client_go_on(arg);
}

static void on_read(struct bufferevent *bev, void *arg)
{
	(void)bev;
	client_go_on(arg);
}

static void on_written(struct bufferevent *bev, void *arg)
{
	(void)bev;
	client_go_on(arg);
}

/* Whether the other side has closed altogether, not only said that it sends no more. */
static bool hung_up(struct bufferevent *bev)
{
	struct pollfd p = {.fd = bufferevent_getfd(bev)};

	return poll(&p, 1, 0) == 1 && (p.revents & (POLLHUP | POLLERR));
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct rpc_client *client = arg;

	if (!(what & BEV_EVENT_EOF) || hung_up(bev)) {
		client_free(client);
		return;
	}
	client->ended = true; /* half a line that is left is of no use to anybody */
	client_go_on(client);
}

/* The same line to one that may not read it: it is not waited for. */
static void say_refused(evutil_socket_t fd, const char *why)
{
	char *line = sl_rpc_error_line(NULL, SL_RPC_REFUSED, why, NULL);

	if (line == NULL)
		return;
	rpc_peer_say(fd, line);
	rpc_peer_say(fd, "\n");
	free(line);
}

static void refuse_client(void *arg, evutil_socket_t fd)
{
	char why[64];

	(void)arg;
	snprintf(why, sizeof(why), "too many clients: %u at most, of which %u are root's",
		 SL_RPC_CLIENTS_MAX, SL_RPC_CLIENTS_KEPT);
	say_refused(fd, why);
}

static void give_way(struct rpc_peer *peer)
{
	char why[96];

	snprintf(why, sizeof(why),
		 "closed: all %u places are taken, and this client was idle the longest",
		 SL_RPC_CLIENTS_MAX);
	say_refused(bufferevent_getfd(peer->bev), why);
	client_free(client_of(peer));
}

static void timed_out(struct rpc_peer *peer)
{
	struct rpc_client *client = client_of(peer);

	client_refuse(client, SL_RPC_INVALID_REQUEST, "half a line: the rest did not come");
	client_go_on(client);
}

static struct rpc_peer *client_new(void *arg, evutil_socket_t fd)
{
	static const struct timeval write_timeout = {.tv_sec = WRITE_TIMEOUT_S};
	struct sl_rpc *rpc = arg;
	struct rpc_client *client = calloc(1, sizeof(*client));

	if (client == NULL)
		return NULL;
	client->rpc = rpc;
	client->resume = event_new(sl_control_base(rpc->config.control), -1, 0, on_resume, client);
	if (client->resume == NULL || rpc_peer_init(&client->peer, &rpc->clients, fd) != 0) {
		if (client->resume != NULL)
			event_free(client->resume);
		free(client);
		return NULL;
	}
	bufferevent_setcb(client->peer.bev, on_read, on_written, on_event, client);
	/* Reading stops while lines wait, and goes on when they have been taken. */
	bufferevent_setwatermark(client->peer.bev, EV_READ, 0, SL_RPC_LINE_MAX + 2);
	bufferevent_set_timeouts(client->peer.bev, NULL, &write_timeout);
	bufferevent_enable(client->peer.bev, EV_READ | EV_WRITE);
	return &client->peer;
}

struct sl_rpc *sl_rpc_create(const struct sl_rpc_config *config, char *error, size_t error_len)
{
	struct sl_rpc *rpc = calloc(1, sizeof(*rpc));
	const struct rpc_peers_config clients = {
		.base = sl_control_base(config->control),
		.most = SL_RPC_CLIENTS_MAX,
		.kept = SL_RPC_CLIENTS_KEPT,
		.timeout_ms = rpc_request_timeout_ms(config),
		.reserve = true,
		.arg = rpc,
		.add = client_new,
		.give_way = give_way,
		.timed_out = timed_out,
		.refuse = refuse_client,
	};
	int fd;

	if (rpc == NULL)
		goto no_memory;
	rpc->config = *config;
	rpc->path = strdup(config->socket_path);
	if (rpc->path == NULL)
		goto no_memory;
	fd = rpc_listen(config, &rpc->identity, error, error_len);
	if (fd < 0)
		goto fail;
	rpc->listening = true;
	if (rpc_peers_init(&rpc->clients, &clients, fd) != 0)
		goto no_memory;
	if (config->http_port != 0) {
		rpc->http = rpc_http_create(config, error, error_len);
		if (rpc->http == NULL)
			goto fail;
	}
	return rpc;
no_memory:
	snprintf(error, error_len,
		 "the RPC can't start: no memory or no file descriptors left (ulimit -n)");
fail:
	sl_rpc_destroy(rpc);
	return NULL;
}

void sl_rpc_destroy(struct sl_rpc *rpc)
{
	if (rpc == NULL)
		return;
	rpc_http_destroy(rpc->http);
	while (rpc->clients.n > 0)
		client_free(client_of(TAILQ_FIRST(&rpc->clients.all)));
	rpc_peers_fini(&rpc->clients);
	if (rpc->listening)
		rpc_unlink(rpc->path, &rpc->identity);
	free(rpc->path);
	free(rpc);
}

unsigned rpc_request_timeout_ms(const struct sl_rpc_config *config)
{
	return config->request_timeout_ms != 0 ? config->request_timeout_ms
					       : SL_RPC_REQUEST_TIMEOUT_MS;
}
