/* SPDX-License-Identifier: BSD-3-Clause */
/* The user's calls: RFC 9293 section 3.9.1, with the names and errors of sockets. */
#include "stack.h"

#include <string.h>

enum { EPHEMERAL_FIRST = 49152, EPHEMERAL_N = 65536 - EPHEMERAL_FIRST };

static struct sock *sock_of(const struct sl_tcp_stack *stack, int socket)
{
	if (socket < 0 || (uint32_t)socket >= stack->config.n_sockets ||
	    stack->sockets[socket].kind == SOCKET_FREE)
		return NULL;
	return &stack->sockets[socket];
}

static struct conn *conn_of(const struct sl_tcp_stack *stack, int socket)
{
	const struct sock *s = sock_of(stack, socket);

	return s == NULL || s->kind != SOCKET_HAS_CONN ? NULL : conn_at(stack, s->conn);
}

static int error_of(enum sl_tcp_end end)
{
	switch (end) {
	case SL_TCP_END_NONE:
	case SL_TCP_END_CLOSED:
		return 0;
	case SL_TCP_END_RESET:
		return -ECONNRESET;
	case SL_TCP_END_REFUSED:
		return -ECONNREFUSED;
	case SL_TCP_END_TIMEOUT:
	case SL_TCP_END_USER_TIMEOUT:
	case SL_TCP_END_KEEPALIVE:
	case SL_TCP_END_FIN_WAIT_2:
		return -ETIMEDOUT;
	case SL_TCP_END_ABORTED:
	case SL_TCP_END_DATA_LOST:
		return -ECONNABORTED;
	}
	return -EIO;
}

int sl_socket_open(struct sl_tcp_stack *stack)
{
	for (uint32_t i = 0; i < stack->config.n_sockets; i++) {
		struct sock *s = &stack->sockets[i];
		const bool in_ready = s->in_ready;

		if (s->kind != SOCKET_FREE)
			continue;
		memset(s, 0, sizeof(*s));
		s->in_ready = in_ready;
		s->kind = SOCKET_NEW;
		s->options = stack->config.options;
		s->first = s->last = SL_FLOW_NONE;
		return (int)i;
	}
	return -ENFILE;
}

/* Where an option is kept, and what it may be. */
struct option_row {
	uint16_t offset;
	uint8_t size;
	bool of_socket; /* else of struct sl_tcp_options */
	bool early;     /* settled with the first segment */
	uint32_t min, max;
};

#define OF_SOCKET(member, min, max)                                                             \
	{                                                                                       \
		offsetof(struct sock, member), sizeof(((struct sock *)0)->member), true, false, \
			min, max                                                                \
	}
#define EARLY(member, min, max)                                                             \
	{                                                                                   \
		offsetof(struct sl_tcp_options, member),                                    \
			sizeof(((struct sl_tcp_options *)0)->member), false, true, min, max \
	}
#define ANY_TIME(member, min, max)                                                           \
	{                                                                                    \
		offsetof(struct sl_tcp_options, member),                                     \
			sizeof(((struct sl_tcp_options *)0)->member), false, false, min, max \
	}

static const struct option_row option_rows[] = {
	[SL_SOCKET_NO_DELAY] = ANY_TIME(no_delay, 0, 1),
	[SL_SOCKET_REUSE_ADDRESS] = OF_SOCKET(reuse, 0, 1),
	[SL_SOCKET_LINGER_0] = OF_SOCKET(linger_0, 0, 1),
	[SL_SOCKET_KEEPALIVE] = ANY_TIME(keepalive, 0, 1),
	[SL_SOCKET_KEEPALIVE_MS] = ANY_TIME(keepalive_ms, 1, INT32_MAX),
	[SL_SOCKET_PROBE_INTERVAL_MS] = ANY_TIME(probe_interval_ms, 1, INT32_MAX),
	[SL_SOCKET_PROBES] = ANY_TIME(probes, 1, UINT8_MAX),
	[SL_SOCKET_RECEIVE_BUFFER] = EARLY(receive_buffer, 1, 1 << 30),
	[SL_SOCKET_SEND_BUFFER] = ANY_TIME(send_buffer, 1, 1 << 30),
	[SL_SOCKET_MSS] = EARLY(mss, 0, UINT16_MAX),
	[SL_SOCKET_WSCALE] = EARLY(wscale, 0, SL_NO_WSCALE),
	[SL_SOCKET_TIMESTAMPS] = EARLY(timestamps, 0, 1),
	[SL_SOCKET_SACK] = EARLY(sack, 0, 1),
	[SL_SOCKET_CONGESTION] = EARLY(cc, 0, TCP_CC_CUBIC),
	[SL_SOCKET_USER_TIMEOUT_MS] = ANY_TIME(user_timeout_ms, 0, INT32_MAX),
	[SL_SOCKET_R2_MS] = ANY_TIME(r2_ms, 1, INT32_MAX),
	[SL_SOCKET_R2_SYN_MS] = ANY_TIME(r2_syn_ms, 1, INT32_MAX),
	[SL_SOCKET_COOKIES] = OF_SOCKET(cookies, 0, SL_SOCKET_COOKIES_ALWAYS),
	[SL_SOCKET_TTL] = OF_SOCKET(ttl, 1, UINT8_MAX),
	[SL_SOCKET_DSCP] = OF_SOCKET(dscp, 0, 63),
};

/* Little-endian, as all of this project's machines are: the low bytes of the value. */
static void store(void *base, const struct option_row *row, uint32_t value)
{
	memcpy((uint8_t *)base + row->offset, &value, row->size);
}

int sl_socket_set(struct sl_tcp_stack *stack, int socket, enum sl_socket_option option,
		  uint32_t value)
{
	struct sock *s = sock_of(stack, socket);
	struct conn *conn = conn_of(stack, socket);
	const struct option_row *row = &option_rows[option];

	if (s == NULL)
		return -EBADF;
	if ((unsigned)option >= SL_ARRAY_LEN(option_rows) || value < row->min || value > row->max ||
	    (row->early && conn != NULL))
		return -EINVAL;
	store(row->of_socket ? (void *)s : (void *)&s->options, row, value);
	if (conn == NULL)
		return 0;
	if (!row->of_socket)
		store(&conn->options, row, value);
	conn->ttl = s->ttl;
	conn->dscp = s->dscp;
	sl_tcp_options_changed(&stack->tcp, &conn->tcb);
	stack_after(stack, conn);
	return 0;
}

static bool overlap(const struct sock *a, const struct sock *b)
{
	return a->any || b->any || sl_addr_equal(&a->addr, &b->addr);
}

/* Whether somebody else has the address and port that `s` wants. */
static bool in_use(const struct sl_tcp_stack *stack, const struct sock *s)
{
	for (uint32_t i = 0; i < stack->config.n_sockets; i++) {
		const struct sock *o = &stack->sockets[i];

		if (o == s || !o->bound || o->port != s->port || !overlap(o, s))
			continue;
		if (o->kind == SOCKET_NEW || o->kind == SOCKET_LISTENS)
			return true;
	}
	if (s->reuse)
		return false;
	for (uint32_t i = 0; i < sl_flow_capacity(&stack->flow); i++) {
		const struct conn *conn = conn_at(stack, i);

		if (sl_flow_in_use(&stack->flow, i) && conn->key.inside_port == s->port &&
		    conn->tcb.state != SL_TCP_CLOSED &&
		    (s->any || sl_addr_equal(&s->addr, &conn->key.inside_addr)))
			return true;
	}
	return false;
}

int sl_socket_bind(struct sl_tcp_stack *stack, int socket, const struct sl_addr *addr,
		   uint16_t port)
{
	struct sock *s = sock_of(stack, socket);
	uint32_t from;

	if (s == NULL)
		return -EBADF;
	if (s->kind != SOCKET_NEW || s->bound)
		return -EINVAL;
	if (addr != NULL && !stack_is_own(stack, addr))
		return -EADDRNOTAVAIL;
	s->any = addr == NULL;
	if (addr != NULL)
		s->addr = *addr;
	if (port != 0) {
		s->port = port;
		if (in_use(stack, s))
			return -EADDRINUSE;
		s->bound = true;
		return 0;
	}
	/* RFC 6056 section 3.3.1. */
	from = sl_tcp_random(&stack->tcp) % EPHEMERAL_N;
	for (uint32_t i = 0; i < EPHEMERAL_N; i++) {
		s->port = (uint16_t)(EPHEMERAL_FIRST + (from + i) % EPHEMERAL_N);
		if (!in_use(stack, s)) {
			s->bound = true;
			return 0;
		}
	}
	return -EADDRINUSE;
}

int sl_socket_listen(struct sl_tcp_stack *stack, int socket, uint32_t backlog)
{
	struct sock *s = sock_of(stack, socket);

	if (s == NULL)
		return -EBADF;
	if (!s->bound || (s->kind != SOCKET_NEW && s->kind != SOCKET_LISTENS))
		return -EINVAL;
	s->kind = SOCKET_LISTENS;
	s->backlog = sl_max_u32(backlog, 1);
	return 0;
}

/* One of ours of that family: MUST-44. */
static const struct sl_addr *own_addr(const struct sl_tcp_stack *stack, bool v4)
{
	for (unsigned i = 0; i < stack->config.n_addrs; i++)
		if (sl_addr_is_v4(&stack->config.addrs[i]) == v4)
			return &stack->config.addrs[i];
	return NULL;
}

static bool tuple_is_free(const struct sl_tcp_stack *stack, const struct sl_flow_key *key)
{
	return sl_flow_lookup(&stack->flow, key, sl_flow_hash(&stack->flow, key)) == SL_FLOW_NONE;
}

/* A port of ours for a connection to there. Returns 0: none. */
static uint16_t pick_port(struct sl_tcp_stack *stack, const struct sl_addr *local,
			  const struct sl_addr *addr, uint16_t port)
{
	const uint32_t from = sl_tcp_random(&stack->tcp) % EPHEMERAL_N;

	for (uint32_t i = 0; i < EPHEMERAL_N; i++) {
		const uint16_t p = (uint16_t)(EPHEMERAL_FIRST + (from + i) % EPHEMERAL_N);
		const struct sl_flow_key key = stack_key(local, p, addr, port);

		if (listen_find(stack, local, p) == NONE && tuple_is_free(stack, &key))
			return p;
	}
	return 0;
}

int sl_socket_connect(struct sl_tcp_stack *stack, int socket, const struct sl_addr *addr,
		      uint16_t port)
{
	struct sock *s = sock_of(stack, socket);
	const struct sl_addr *local;
	struct sl_flow_key key;
	struct conn *conn;

	if (s == NULL)
		return -EBADF;
	if (s->kind == SOCKET_HAS_CONN)
		return -EISCONN;
	if (s->kind != SOCKET_NEW || port == 0)
		return -EINVAL;
	/* MUST-46. */
	if (sl_addr_is_martian(addr))
		return -EADDRNOTAVAIL;
	local = s->bound && !s->any ? &s->addr : own_addr(stack, sl_addr_is_v4(addr));
	if (local == NULL || sl_addr_is_v4(local) != sl_addr_is_v4(addr))
		return -EADDRNOTAVAIL;
	if (!s->bound)
		s->port = pick_port(stack, local, addr, port);
	if (s->port == 0)
		return -EADDRNOTAVAIL;
	key = stack_key(local, s->port, addr, port);
	if (!tuple_is_free(stack, &key))
		return -EADDRINUSE;
	conn = stack_new_conn(stack, &key, s);
	if (conn == NULL)
		return -ENOBUFS;
	conn->socket = socket;
	s->kind = SOCKET_HAS_CONN;
	s->conn = conn_index(stack, conn);
	sl_tcp_open(&stack->tcp, &conn->tcb, stack_isn(stack, &key), stack_ts_offset(stack, &key));
	stack_after(stack, conn);
	return -EINPROGRESS;
}

int64_t sl_socket_send(struct sl_tcp_stack *stack, int socket, const void *data, uint32_t len,
		       bool urgent)
{
	struct conn *conn = conn_of(stack, socket);
	uint32_t n;

	if (conn == NULL)
		return sock_of(stack, socket) == NULL ? -EBADF : -ENOTCONN;
	if (conn->tcb.state == SL_TCP_CLOSED) {
		const int error = error_of((enum sl_tcp_end)conn->tcb.end);

		return error != 0 ? error : -EPIPE;
	}
	if (conn->tcb.fin_queued)
		return -EPIPE;
	n = sl_tcp_send(&stack->tcp, &conn->tcb, data, len, urgent);
	if (n < len && sl_tcp_send_room(&conn->tcb) > 0)
		sock_of(stack, socket)->starved = stack->some_starved = true;
	stack_after(stack, conn);
	return n == 0 && len > 0 ? -EAGAIN : (int64_t)n;
}

int64_t sl_socket_receive(struct sl_tcp_stack *stack, int socket, void *data, uint32_t len)
{
	struct conn *conn = conn_of(stack, socket);
	uint32_t done = 0, n;
	uint8_t *bytes;

	if (conn == NULL)
		return sock_of(stack, socket) == NULL ? -EBADF : -ENOTCONN;
	while (done < len && (n = sl_tcp_receive(&conn->tcb, &bytes)) > 0) {
		n = sl_min_u32(n, len - done);
		memcpy((uint8_t *)data + done, bytes, n);
		sl_tcp_received(&stack->tcp, &conn->tcb, n);
		done += n;
	}
	if (done > 0) {
		stack_after(stack, conn);
		return done;
	}
	if (sl_tcp_readable(&conn->tcb) > 0)
		return 0; /* no room for any */
	if (sl_tcp_at_end(&conn->tcb))
		return 0;
	if (conn->tcb.state == SL_TCP_CLOSED)
		return error_of((enum sl_tcp_end)conn->tcb.end);
	return -EAGAIN;
}

int sl_socket_shutdown(struct sl_tcp_stack *stack, int socket)
{
	struct conn *conn = conn_of(stack, socket);

	if (conn == NULL)
		return sock_of(stack, socket) == NULL ? -EBADF : -ENOTCONN;
	sl_tcp_shutdown(&stack->tcp, &conn->tcb);
	stack_after(stack, conn);
	return 0;
}

static int give_up(struct sl_tcp_stack *stack, int socket, bool abort)
{
	struct sock *s = sock_of(stack, socket);
	struct conn *conn = conn_of(stack, socket);

	if (s == NULL)
		return -EBADF;
	if (s->kind == SOCKET_LISTENS)
		listen_close(stack, socket);
	s->kind = SOCKET_FREE;
	if (conn == NULL)
		return 0;
	conn->socket = NONE;
	if (abort || s->linger_0)
		sl_tcp_abort(&stack->tcp, &conn->tcb);
	else
		sl_tcp_close(&stack->tcp, &conn->tcb);
	stack_after(stack, conn);
	return 0;
}

int sl_socket_close(struct sl_tcp_stack *stack, int socket)
{
	return give_up(stack, socket, false);
}

int sl_socket_abort(struct sl_tcp_stack *stack, int socket)
{
	return give_up(stack, socket, true);
}

static uint32_t urgent_left(const struct sl_tcb *tcb)
{
	const uint32_t read = sl_tcp_read_seq(tcb);

	return tcb->urgent_in && sl_seq_gt(tcb->rcv_up, read) ? tcb->rcv_up - read : 0;
}

unsigned sl_socket_poll(const struct sl_tcp_stack *stack, int socket)
{
	const struct sock *s = sock_of(stack, socket);
	const struct conn *conn = conn_of(stack, socket);
	unsigned ready = 0;

	if (s == NULL)
		return 0;
	if (s->kind == SOCKET_LISTENS)
		return s->first != SL_FLOW_NONE ? SL_SOCKET_READABLE : 0;
	if (conn == NULL)
		return 0;
	if (sl_tcp_readable(&conn->tcb) > 0 || conn->tcb.fin_taken)
		ready |= SL_SOCKET_READABLE;
	if (urgent_left(&conn->tcb) > 0)
		ready |= SL_SOCKET_URGENT;
	switch ((enum sl_tcp_state)conn->tcb.state) {
	case SL_TCP_CLOSED:
		return ready | SL_SOCKET_READABLE | SL_SOCKET_ENDED;
	case SL_TCP_SYN_SENT:
	case SL_TCP_SYN_RECEIVED:
	case SL_TCP_LISTEN:
		return ready;
	case SL_TCP_ESTABLISHED:
	case SL_TCP_CLOSE_WAIT:
		if (sl_tcp_send_room(&conn->tcb) > 0 &&
		    (!s->starved || tcp_pool_spare(&stack->tcp.pool) > 0))
			ready |= SL_SOCKET_WRITABLE;
		return ready | SL_SOCKET_CONNECTED;
	case SL_TCP_FIN_WAIT_1:
	case SL_TCP_FIN_WAIT_2:
	case SL_TCP_CLOSING:
	case SL_TCP_LAST_ACK:
	case SL_TCP_TIME_WAIT:
		return ready | SL_SOCKET_CONNECTED;
	}
	return ready;
}

int sl_socket_error(const struct sl_tcp_stack *stack, int socket)
{
	const struct conn *conn = conn_of(stack, socket);

	return conn == NULL ? 0 : error_of((enum sl_tcp_end)conn->tcb.end);
}

enum sl_tcp_state sl_socket_state(const struct sl_tcp_stack *stack, int socket)
{
	const struct sock *s = sock_of(stack, socket);
	const struct conn *conn = conn_of(stack, socket);

	if (conn != NULL)
		return (enum sl_tcp_state)conn->tcb.state;
	return s != NULL && s->kind == SOCKET_LISTENS ? SL_TCP_LISTEN : SL_TCP_CLOSED;
}

int sl_socket_get_info(const struct sl_tcp_stack *stack, int socket, struct sl_socket_info *info)
{
	const struct conn *conn = conn_of(stack, socket);
	const struct sl_tcb *tcb;
	uint64_t deadline;

	if (conn == NULL)
		return -ENOTCONN;
	tcb = &conn->tcb;
	deadline = sl_tcp_next_deadline(&stack->tcp, tcb);
	*info = (struct sl_socket_info){
		.local = conn->key.inside_addr,
		.remote = conn->key.outside_addr,
		.local_port = conn->key.inside_port,
		.remote_port = conn->key.outside_port,
		.state = (enum sl_tcp_state)tcb->state,
		.urgent_left = urgent_left(tcb),
		.next_timeout_ms =
			deadline == UINT64_MAX
				? UINT32_MAX
				: (uint32_t)((deadline - stack->tcp.now_us) / SL_US_PER_MS),
	};
	sl_tcp_describe(tcb, &info->tcp);
	return 0;
}
