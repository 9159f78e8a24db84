/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The socket and its clients. A client's life: lines come in, one is carried out at a time, its
 * reply goes out; then the next. A client is freed in one place, client_free, which is called from
 * its own events only, never from within a reply.
 */
#include "rpc.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

enum {
	LINES_PER_TURN = 32,  /* of one client, before the loop looks at others */
	WRITE_TIMEOUT_S = 60, /* a client that does not read so long is gone */
	ACCEPT_PAUSE_S = 1,   /* after accept failed: out of file descriptors */
};

struct rpc_client {
	TAILQ_ENTRY(rpc_client) entry;
	struct sl_rpc *rpc;
	struct bufferevent *bev;
	struct event *resume;  /* to go on with the lines that wait */
	struct rpc_call *call; /* under way, or NULL */
	size_t searched;       /* bytes of input known to have no newline */
	bool busy;             /* a call is under way */
	bool ended;            /* it sends no more */
	bool closing;          /* what is queued is sent, and that is all */
};

struct sl_rpc {
	struct sl_rpc_config config;
	struct evconnlistener *listener;
	struct event *accept_again;
	struct rpc_http *http;
	char *path;
	struct stat identity; /* of the socket's file */
	bool listening;
	unsigned n_clients;
	TAILQ_HEAD(, rpc_client) clients;
};

static void client_free(struct rpc_client *client)
{
	if (client->call != NULL)
		rpc_call_cancel(client->call);
	TAILQ_REMOVE(&client->rpc->clients, client, entry);
	client->rpc->n_clients--;
	event_free(client->resume);
	bufferevent_free(client->bev);
	free(client);
}

static void client_send(struct rpc_client *client, const char *line)
{
	struct evbuffer *out = bufferevent_get_output(client->bev);

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
	struct evbuffer *in = bufferevent_get_input(client->bev);
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
	struct evbuffer *in = bufferevent_get_input(client->bev);
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
	struct evbuffer *in = bufferevent_get_input(client->bev);
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
		line = (const char *)evbuffer_pullup(in, len);
		if (line == NULL) {
			client_refuse(client, SL_RPC_INTERNAL, "out of memory");
			return false;
		}
		client->busy = true;
		rpc_dispatch(client->rpc->config.control, line, (size_t)len, on_reply, client,
			     &client->call);
	}
	evbuffer_drain(in, (size_t)len + 1);
	return true;
}

/* Goes on with a client as far as it goes now. It may be gone afterwards. */
static void client_go_on(struct rpc_client *client)
{
	struct evbuffer *out = bufferevent_get_output(client->bev);
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
		bufferevent_disable(client->bev, EV_READ);
	else if (!client->busy && more)
		event_active(client->resume, EV_TIMEOUT, 0);
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
	struct rpc_client *client = arg;

	(void)bev;
	if (client->closing)
		client_go_on(client);
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

static void refuse_client(evutil_socket_t fd)
{
	char *line = sl_rpc_error_line(NULL, SL_RPC_REFUSED, "too many clients: 64 at most", NULL);

	if (line != NULL) {
		/* Best effort: the buffer of a fresh socket takes it. */
		const ssize_t sent = send(fd, line, strlen(line), MSG_NOSIGNAL | MSG_DONTWAIT) +
				     send(fd, "\n", 1, MSG_NOSIGNAL | MSG_DONTWAIT);

		(void)sent;
	}
	free(line);
	close(fd);
}

static struct rpc_client *client_new(struct sl_rpc *rpc, evutil_socket_t fd)
{
	struct event_base *base = sl_control_base(rpc->config.control);
	struct rpc_client *client = calloc(1, sizeof(*client));

	if (client == NULL)
		return NULL;
	client->rpc = rpc;
	client->bev = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
	client->resume = event_new(base, -1, 0, on_resume, client);
	if (client->bev != NULL && client->resume != NULL)
		return client;
	if (client->resume != NULL)
		event_free(client->resume);
	if (client->bev != NULL)
		bufferevent_free(client->bev);
	else
		close(fd);
	free(client);
	return NULL;
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *addr,
		      int len, void *arg)
{
	static const struct timeval write_timeout = {.tv_sec = WRITE_TIMEOUT_S};
	struct sl_rpc *rpc = arg;
	struct rpc_client *client;

	(void)listener;
	(void)addr;
	(void)len;
	if (rpc->n_clients == SL_RPC_CLIENTS_MAX) {
		refuse_client(fd);
		return;
	}
	client = client_new(rpc, fd);
	if (client == NULL)
		return;
	TAILQ_INSERT_TAIL(&rpc->clients, client, entry);
	rpc->n_clients++;
	bufferevent_setcb(client->bev, on_read, on_written, on_event, client);
	/* Reading stops while lines wait, and goes on when they have been taken. */
	bufferevent_setwatermark(client->bev, EV_READ, 0, SL_RPC_LINE_MAX + 2);
	bufferevent_set_timeouts(client->bev, NULL, &write_timeout);
	bufferevent_enable(client->bev, EV_READ | EV_WRITE);
}

static void on_accept_error(struct evconnlistener *listener, void *arg)
{
	static const struct timeval pause = {.tv_sec = ACCEPT_PAUSE_S};
	struct sl_rpc *rpc = arg;

	evconnlistener_disable(listener);
	event_add(rpc->accept_again, &pause);
}

static void on_accept_again(evutil_socket_t fd, short what, void *arg)
{
	struct sl_rpc *rpc = arg;

	(void)fd;
	(void)what;
	evconnlistener_enable(rpc->listener);
}

struct sl_rpc *sl_rpc_create(const struct sl_rpc_config *config, char *error, size_t error_len)
{
	struct event_base *base = sl_control_base(config->control);
	struct sl_rpc *rpc = calloc(1, sizeof(*rpc));
	int fd;

	if (rpc == NULL)
		goto no_memory;
	TAILQ_INIT(&rpc->clients);
	rpc->config = *config;
	rpc->path = strdup(config->socket_path);
	if (rpc->path == NULL)
		goto no_memory;
	fd = rpc_listen(rpc->path, &rpc->identity, error, error_len);
	if (fd < 0)
		goto fail;
	rpc->listening = true;
	rpc->listener = evconnlistener_new(base, on_accept, rpc,
					   LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
	if (rpc->listener == NULL) {
		close(fd);
		goto no_memory;
	}
	rpc->accept_again = event_new(base, -1, 0, on_accept_again, rpc);
	if (rpc->accept_again == NULL)
		goto no_memory;
	evconnlistener_set_error_cb(rpc->listener, on_accept_error);
	if (config->http_port != 0) {
		rpc->http = rpc_http_create(config, error, error_len);
		if (rpc->http == NULL)
			goto fail;
	}
	return rpc;
no_memory:
	snprintf(error, error_len, "the RPC can't start: out of memory");
fail:
	sl_rpc_destroy(rpc);
	return NULL;
}

void sl_rpc_destroy(struct sl_rpc *rpc)
{
	if (rpc == NULL)
		return;
	rpc_http_destroy(rpc->http);
	while (!TAILQ_EMPTY(&rpc->clients))
		client_free(TAILQ_FIRST(&rpc->clients));
	if (rpc->accept_again != NULL)
		event_free(rpc->accept_again);
	if (rpc->listener != NULL)
		evconnlistener_free(rpc->listener);
	if (rpc->listening)
		rpc_unlink(rpc->path, &rpc->identity);
	free(rpc->path);
	free(rpc);
}
