/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The views of control for people and programs outside: JSON-RPC 2.0, one object a line, on a Unix
 * socket, and /metrics in OpenMetrics' text over HTTP. What can be called stands in one table
 * (methods.c), from which rpc_get_methods, the checks of parameters and their messages come.
 *
 * What a client may do is bounded: 64 clients, a line of 1 MiB that arrives within 10 s, 8 MiB of
 * replies that the client has not read, one call at a time (further lines wait). A client that
 * breaks a bound is told so and dropped; the others are not disturbed. When all 64 places are taken
 * the client that was idle the longest gives way to a new one; 8 places are for root and the
 * daemon's user. HTTP has 32 connections of the same kind, one request each. Without a free file
 * descriptor HTTP waits, and the RPC serves one client by a descriptor that it keeps in reserve.
 *
 * Threads: the control thread. The sockets live on control's loop.
 * Neighbours: control below; nothing in sluice but sluiced includes this.
 */
#ifndef SL_RPC_H
#define SL_RPC_H

#include "sl_addr.h"
#include "sl_control.h"

SL_BEGIN_DECLS

enum {
	SL_RPC_CLIENTS_MAX = 64,
	SL_RPC_CLIENTS_KEPT = 8, /**< places of these for root and the daemon's user */
	SL_RPC_HTTP_MAX = 32,    /**< HTTP connections */
	SL_RPC_REQUEST_TIMEOUT_MS = 10000,
	SL_RPC_LINE_MAX = 1 << 20,   /**< bytes of a request, without its newline */
	SL_RPC_UNREAD_MAX = 8 << 20, /**< bytes of replies that a client may leave unread */
};

struct sl_rpc;

struct sl_rpc_config {
	struct sl_control *control;
	const char *socket_path;
	bool has_group; /**< the socket is of the group `gid`; else of the process's */
	uint32_t gid;
	struct sl_addr http_addr;
	uint16_t http_port; /**< 0: no HTTP */
	/** From a request's first byte to its last; of HTTP from the connection's start. 0: 10 s.
	 */
	uint32_t request_timeout_ms;
};

/**
 * Listens. The socket gets mode 0660 and the group; its folder is made (0750), and gets the group,
 * when only that is missing; a socket that a dead daemon left behind is replaced.
 * Returns NULL with a sentence in `error` (error_len bytes): what stands in the way, and what mends
 * it.
 */
struct sl_rpc *sl_rpc_create(const struct sl_rpc_config *config, char *error, size_t error_len);

/** Drops all clients, stops listening and removes the socket. NULL is fine. */
void sl_rpc_destroy(struct sl_rpc *rpc);

SL_END_DECLS

#endif
