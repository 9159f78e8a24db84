/* SPDX-License-Identifier: BSD-3-Clause */
#include "peers.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ACCEPT_PAUSE_S = 1 /* after accept failed, and nobody could give way */ };

static int reserve_open(void)
{
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* Who is on the other side, as the kernel says: of a Unix socket. */
static void identify(struct rpc_peer *peer, evutil_socket_t fd)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	peer->owner = false;
	peer->who[0] = '\0';
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) != 0 || cred.pid == 0)
		return;
	peer->owner = cred.uid == 0 || cred.uid == geteuid();
	snprintf(peer->who, sizeof(peer->who), "uid %u, pid %d", (unsigned)cred.uid, (int)cred.pid);
}

static void on_timeout(evutil_socket_t fd, short what, void *arg)
{
	struct rpc_peer *peer = arg;

	(void)fd;
	(void)what;
	peer->peers->config.timed_out(peer);
}

int rpc_peer_init(struct rpc_peer *peer, struct rpc_peers *p, evutil_socket_t fd)
{
	peer->peers = p;
	identify(peer, fd);
	peer->bev = bufferevent_socket_new(p->config.base, fd, 0);
	peer->timeout = event_new(p->config.base, -1, 0, on_timeout, peer);
	if (peer->bev == NULL || peer->timeout == NULL) {
		if (peer->bev != NULL)
			bufferevent_free(peer->bev);
		if (peer->timeout != NULL)
			event_free(peer->timeout);
		return -1;
	}
	TAILQ_INSERT_TAIL(&p->all, peer, entry);
	p->n++;
	p->n_others += !peer->owner;
	peer->waiting = false;
	rpc_peer_wait(peer);
	return 0;
}

void rpc_peer_fini(struct rpc_peer *peer)
{
	struct rpc_peers *p = peer->peers;
	const evutil_socket_t fd = bufferevent_getfd(peer->bev);

	rpc_peer_busy(peer);
	TAILQ_REMOVE(&p->all, peer, entry);
	p->n--;
	p->n_others -= !peer->owner;
	event_free(peer->timeout);
	/* Closed here: a bufferevent would do that later, and its descriptor may be needed now. */
	bufferevent_disable(peer->bev, EV_READ | EV_WRITE);
	bufferevent_free(peer->bev);
	close(fd);
	if (p->config.reserve && p->reserve < 0)
		p->reserve = reserve_open();
}

void rpc_peer_wait(struct rpc_peer *peer)
{
	rpc_peer_busy(peer);
	TAILQ_INSERT_TAIL(&peer->peers->waiting, peer, waiting_entry);
	peer->waiting = true;
}

void rpc_peer_begun(struct rpc_peer *peer)
{
	const unsigned ms = peer->peers->config.timeout_ms;
	const struct timeval left = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

	if (!event_pending(peer->timeout, EV_TIMEOUT, NULL))
		event_add(peer->timeout, &left);
}

void rpc_peer_busy(struct rpc_peer *peer)
{
	event_del(peer->timeout);
	if (peer->waiting)
		TAILQ_REMOVE(&peer->peers->waiting, peer, waiting_entry);
	peer->waiting = false;
}

void rpc_peer_say(evutil_socket_t fd, const char *text)
{
	/* Best effort: the buffer of a socket that is read takes it. */
	const ssize_t sent = send(fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT);

	(void)sent;
}

/* Whether bytes have arrived that have not been looked at yet. */
static bool has_unread(const struct rpc_peer *peer)
{
	int n = 0;

	return ioctl(bufferevent_getfd(peer->bev), FIONREAD, &n) == 0 && n > 0;
}

/* Has a peer give way: any, or one that is not the owner's. Returns whether there was one. */
static bool make_way(struct rpc_peers *p, bool any)
{
	struct rpc_peer *peer = TAILQ_FIRST(&p->waiting);

	while (peer != NULL && ((peer->owner && !any) || has_unread(peer)))
		peer = TAILQ_NEXT(peer, waiting_entry);
	if (peer != NULL)
		p->config.give_way(peer);
	return peer != NULL;
}

/* A place for one that is the owner's, or not. Where others have all that they may have, one of
 * them gives way; else the owner has more than is kept, and any peer may. */
static bool make_place(struct rpc_peers *p, bool owner)
{
	const bool others_full = p->n_others == p->config.most - p->config.kept;

	if (!owner && others_full)
		return make_way(p, false);
	return p->n < p->config.most || make_way(p, true);
}

static void take(struct rpc_peers *p, evutil_socket_t fd)
{
	struct rpc_peer who;

	identify(&who, fd);
	if (!make_place(p, who.owner)) {
		p->config.refuse(p->config.arg, fd);
		close(fd);
	} else if (p->config.add(p->config.arg, fd) == NULL) {
		close(fd);
	}
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *addr,
		      int len, void *arg)
{
	(void)listener;
	(void)addr;
	(void)len;
	take(arg, fd);
}

/* Out of descriptors, mostly: the reserve, or that of a peer that gives way, or a pause. */
static void on_accept_error(struct evconnlistener *listener, void *arg)
{
	static const struct timeval pause = {.tv_sec = ACCEPT_PAUSE_S};
	struct rpc_peers *p = arg;
	int fd = -1;

	if (p->reserve >= 0 || make_way(p, true)) {
		if (p->reserve >= 0) /* there before, or had back from the peer that gave way */
			close(p->reserve);
		p->reserve = -1;
		fd = accept4(evconnlistener_get_fd(listener), NULL, NULL,
			     SOCK_NONBLOCK | SOCK_CLOEXEC);
	}
	if (fd >= 0) {
		take(p, fd);
		return;
	}
	evconnlistener_disable(listener);
	event_add(p->accept_again, &pause);
}

static void on_accept_again(evutil_socket_t fd, short what, void *arg)
{
	struct rpc_peers *p = arg;

	(void)fd;
	(void)what;
	if (p->config.reserve && p->reserve < 0)
		p->reserve = reserve_open();
	evconnlistener_enable(p->listener);
}

int rpc_peers_init(struct rpc_peers *p, const struct rpc_peers_config *config, int fd)
{
	memset(p, 0, sizeof(*p));
	p->config = *config;
	TAILQ_INIT(&p->all);
	TAILQ_INIT(&p->waiting);
	p->reserve = config->reserve ? reserve_open() : -1;
	p->accept_again = event_new(config->base, -1, 0, on_accept_again, p);
	if (p->accept_again != NULL)
		p->listener =
			evconnlistener_new(config->base, on_accept, p,
					   LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
	if (p->listener == NULL) {
		close(fd);
		return -1;
	}
	evconnlistener_set_error_cb(p->listener, on_accept_error);
	return config->reserve && p->reserve < 0 ? -1 : 0;
}

void rpc_peers_fini(struct rpc_peers *p)
{
	if (p->listener != NULL)
		evconnlistener_free(p->listener);
	if (p->accept_again != NULL)
		event_free(p->accept_again);
	if (p->config.reserve && p->reserve >= 0)
		close(p->reserve);
	p->listener = NULL;
	p->accept_again = NULL;
	p->reserve = -1;
}
