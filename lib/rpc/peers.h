/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A listening socket and the peers connected to it, a bounded number. When a peer connects and no
 * place is left, or no file descriptor, another peer gives way: of those whose request we wait for,
 * the one that we have waited for longest. Some places are the owner's: root's, and those of the
 * user that the daemon runs as. When nobody can give way the new peer is refused.
 *
 * Threads: the control thread.
 */
#ifndef PEERS_H
#define PEERS_H

#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <sys/queue.h>

#include "sl_base.h"

struct rpc_peers;

enum { RPC_PEER_WHO = 48 }; /* bytes of rpc_peer.who */

/* One peer; it lies in the memory of whatever is made of it. */
struct rpc_peer {
	TAILQ_ENTRY(rpc_peer) entry;
	TAILQ_ENTRY(rpc_peer) waiting_entry;
	struct rpc_peers *peers;
	struct bufferevent *bev;
	struct event *timeout;
	bool owner;
	bool waiting;           /* for its request; on the list `waiting` */
	char who[RPC_PEER_WHO]; /* "uid 0, pid 4711", or "" */
};

TAILQ_HEAD(rpc_peer_list, rpc_peer);

struct rpc_peers_config {
	struct event_base *base;
	unsigned most;       /* peers */
	unsigned kept;       /* places of these that are the owner's */
	unsigned timeout_ms; /* in which a request has to be complete */
	/* Keep a descriptor in reserve, so that one peer can be served when there is no other. */
	bool reserve;
	void *arg;
	/* Makes a peer: calls rpc_peer_init. Returns NULL when there is no memory. */
	struct rpc_peer *(*add)(void *arg, evutil_socket_t fd);
	/* Tells the peer, if there is something to tell, and frees it. */
	void (*give_way)(struct rpc_peer *peer);
	/* Its request was not complete in time. May free it. */
	void (*timed_out)(struct rpc_peer *peer);
	/* Tells a peer on the descriptor `fd` that there is no place. */
	void (*refuse)(void *arg, evutil_socket_t fd);
};

struct rpc_peers {
	struct rpc_peers_config config;
	struct evconnlistener *listener;
	struct event *accept_again;
	int reserve;          /* a descriptor kept for a peer, or -1 */
	unsigned n, n_others; /* that are not the owner's */
	struct rpc_peer_list all;
	struct rpc_peer_list waiting; /* first the one that was waited for longest */
};

/* Takes peers from the listening socket `fd`, which it owns from now on. Returns 0, or -1 when
 * there is no memory or no descriptor. */
int rpc_peers_init(struct rpc_peers *p, const struct rpc_peers_config *config, int fd);
/* Stops listening. Its peers must be gone. May be called on a zeroed struct. */
void rpc_peers_fini(struct rpc_peers *p);

/* Enters a peer and begins to wait for its request. Returns 0, or -1 when there is no memory. */
int rpc_peer_init(struct rpc_peer *peer, struct rpc_peers *p, evutil_socket_t fd);
/* Closes its connection and takes it off the lists. */
void rpc_peer_fini(struct rpc_peer *peer);

/* From now on we wait for its next request. */
void rpc_peer_wait(struct rpc_peer *peer);
/* A request has begun to arrive; it must be complete in time. Counted from the first call. */
void rpc_peer_begun(struct rpc_peer *peer);
/* Its request is complete, and being answered. */
void rpc_peer_busy(struct rpc_peer *peer);
/* Sends `text` at once, as far as the socket takes it. */
void rpc_peer_say(evutil_socket_t fd, const char *text);

#endif
