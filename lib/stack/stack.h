/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of this library share: stack.c has packets, time and connections, socket.c the
 * calls of sockets, listen.c what comes to listeners. */
#ifndef STACK_H
#define STACK_H

#include <errno.h>

#include "sl_cookie.h"
#include "sl_flow.h"
#include "sl_tcp_stack.h"
#include "sl_seq.h"
#include "sl_wheel.h"

enum { NONE = -1 };

/* What a SYN was answered that may follow a connection in TIME-WAIT, where that was by cookie: the
 * ISN is above the old connection's, which no cookie can say. */
struct successor {
	bool is;
	uint32_t isn, iss; /* the client's, ours */
	struct sl_tcp_granted granted;
};

/* An entry of the table. In its key "outside" is the remote end. */
struct conn {
	struct sl_flow_key key;
	struct sl_wheel_node timer;
	int32_t socket;   /* that it belongs to, or NONE */
	int32_t listener; /* the socket that it came to, until it is accepted; or NONE */
	uint32_t next;    /* of those that wait to be accepted */
	bool queued;      /* it is one of them */
	bool unlinked; /* it is over, and its key is another's to have: its user has yet to look */
	uint8_t ttl, dscp;
	struct successor successor;
	struct sl_tcb tcb;
	struct sl_tcp_options options;
};

enum socket_kind { SOCKET_FREE, SOCKET_NEW, SOCKET_LISTENS, SOCKET_HAS_CONN };

struct sock {
	enum socket_kind kind;
	bool bound, any; /* any: to all addresses */
	bool in_ready, reuse, linger_0;
	bool starved; /* there was no block for what it had to send */
	uint8_t ttl, dscp, cookies;
	uint16_t port;
	struct sl_addr addr;
	struct sl_tcp_options options;
	uint32_t conn; /* SOCKET_HAS_CONN */
	/* SOCKET_LISTENS */
	uint32_t backlog, n_waiting; /* handshakes under way, and those done */
	uint32_t first, last;        /* connections to accept */
	uint64_t cookies_until_us;   /* cookies of it may be alive */
};

struct sl_tcp_stack {
	struct sl_tcp tcp;
	struct sl_flow flow;
	struct sl_wheel wheel;
	struct sl_cookie_ring ring;
	uint64_t ring_us; /* advanced then */
	struct sl_tcp_stack_config config;
	struct sl_tcp_stack_counts counts;
	struct sock *sockets;
	int32_t *ready; /* a ring of n_sockets */
	uint32_t ready_first, n_ready;
	bool some_starved;
	uint8_t packet[SL_TCP_STACK_MTU_MAX + SL_FRAME_MADE_MAX];
};

static inline struct conn *conn_at(const struct sl_tcp_stack *stack, uint32_t index)
{
	return (struct conn *)sl_flow_entry(&stack->flow, index);
}

static inline uint32_t conn_index(const struct sl_tcp_stack *stack, const struct conn *conn)
{
	return (uint32_t)((size_t)((const uint8_t *)conn - stack->flow.entries) /
			  stack->flow.entry_size);
}

/* stack.c */

/* The key of a connection between an address of ours and another's. */
struct sl_flow_key stack_key(const struct sl_addr *local, uint16_t local_port,
			     const struct sl_addr *remote, uint16_t remote_port);
bool stack_is_own(const struct sl_tcp_stack *stack, const struct sl_addr *addr);
/* A connection in CLOSED, with the options of a socket; NULL: the table is full. */
struct conn *stack_new_conn(struct sl_tcp_stack *stack, const struct sl_flow_key *key,
			    const struct sock *like);
void stack_free_conn(struct sl_tcp_stack *stack, struct conn *conn);
/* One in TIME-WAIT makes way for the next of its tuple. */
void stack_give_way(struct sl_tcp_stack *stack, struct conn *conn);
/* After anything has happened to it: sends, tells, arms its timer, or frees it. */
void stack_after(struct sl_tcp_stack *stack, struct conn *conn);
/* Sends a segment that is no connection's, from `local`. */
void stack_emit(struct sl_tcp_stack *stack, struct sl_made *made);
/* Something has happened to a socket. */
void stack_ready(struct sl_tcp_stack *stack, int32_t socket);
/* ISN, and the offset of timestamps, of a new connection. */
uint32_t stack_isn(const struct sl_tcp_stack *stack, const struct sl_flow_key *key);
uint32_t stack_ts_offset(const struct sl_tcp_stack *stack, const struct sl_flow_key *key);

/* listen.c */

/* The listener for an address and port of ours; NONE. */
int32_t listen_find(const struct sl_tcp_stack *stack, const struct sl_addr *addr, uint16_t port);
/* Whether a SYN for there would be answered. */
bool listen_wants(const struct sl_tcp_stack *stack, const struct sl_addr *addr, uint16_t port);
/* A segment for a listener. `old`: in TIME-WAIT, it makes way for who follows; or NULL. */
void listen_arrives(struct sl_tcp_stack *stack, int32_t listener, const struct sl_seg *seg,
		    const uint8_t *packet, struct conn *old);
/* A segment for a connection in TIME-WAIT. Returns whether it proves the successor, and is taken.
 */
bool listen_succeeds(struct sl_tcp_stack *stack, struct conn *old, const struct sl_seg *seg,
		     const uint8_t *packet);
/* A connection of a listener's is through with its handshake, or has ended before it was accepted.
 */
void listen_done(struct sl_tcp_stack *stack, struct conn *conn);
void listen_lost(struct sl_tcp_stack *stack, struct conn *conn);
/* The listener is no more. */
void listen_close(struct sl_tcp_stack *stack, int32_t listener);

#endif
