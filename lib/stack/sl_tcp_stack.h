/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A TCP stack in a box of its own: IP packets and the time go in, IP packets come out by a
 * callback, and over lib/tcp there are sockets, with the calls that everybody knows. For programs
 * that want an endpoint in process, and for those that test it: nothing here reads a clock, starts
 * a thread, allocates, or knows of DPDK, so that a run can be repeated to the packet.
 *
 * Threads. A stack belongs to one thread. Stacks do not know of each other.
 *
 * Order of calls. sl_tcp_stack_init in memory of the caller's. Then, in any order: packets in by
 * sl_tcp_stack_input, time by sl_tcp_stack_run, at the latest when sl_tcp_stack_next_deadline said,
 * and the sockets' calls, which use the time of the last of those two. The callback must not call
 * back. sl_socket_next_ready says which sockets something has happened to.
 *
 * Errors are negative errno values, those of the socket call of the same name.
 */
#ifndef SL_TCP_STACK_H
#define SL_TCP_STACK_H

#include "sl_addr.h"
#include "sl_tcp.h"

SL_BEGIN_DECLS

enum {
	SL_TCP_STACK_ADDRS = 8,
	SL_TCP_STACK_MTU_MAX = 9216,
	SL_TCP_STACK_SEED = 32,
};

struct sl_tcp_stack;

struct sl_tcp_stack_config {
	struct sl_addr addrs[SL_TCP_STACK_ADDRS]; /**< its own, of either family */
	unsigned n_addrs;
	uint32_t n_connections;        /**< at most, those in TIME-WAIT with them */
	uint32_t n_sockets;            /**< at most */
	uint32_t n_blocks;             /**< of TCP_BLOCK bytes, for the bytes of all streams */
	uint16_t mtu;                  /**< 576 to SL_TCP_STACK_MTU_MAX */
	struct sl_tcp_options options; /**< of new sockets; mss 0: what the MTU leaves room for */
	/** Takes an IP packet of `len` bytes, which are its own after it returns no longer. */
	void (*transmit)(void *owner, const uint8_t *packet, uint16_t len);
	void *owner;
	uint8_t seed[SL_TCP_STACK_SEED]; /**< random bytes */
	uint64_t now_us;                 /**< monotonic */
};

/** Packets that came in are all in one of these. */
struct sl_tcp_stack_counts {
	uint64_t in;
	uint64_t to_connection;   /**< for one that stands; by sl_tcp_verdict below */
	uint64_t to_listener;     /**< SYNs that opened one, and cookies that were valid */
	uint64_t cookies_sent;    /**< SYNs answered by cookie */
	uint64_t cookies_invalid; /**< ACKs to a listener, that are none of them */
	uint64_t icmp;            /**< errors about a connection */
	uint64_t reset;           /**< of no connection: answered by a RST */
	uint64_t ignored;         /**< of no connection, and not answered */
	uint64_t not_ours;        /**< another protocol or another's address */
	uint64_t malformed, bad_checksum;
	uint64_t backlog_full, table_full;
	uint64_t out; /**< packets sent */
};

/** Bytes for a stack of that size; 0 when the configuration is not as it says. */
size_t sl_tcp_stack_memory_size(const struct sl_tcp_stack_config *config);

/** Makes a stack in such memory, aligned to SL_CACHE_LINE. Returns NULL when the configuration is
 * not as it says. */
struct sl_tcp_stack *sl_tcp_stack_init(void *memory, const struct sl_tcp_stack_config *config);

/** An IPv4 or IPv6 packet has come. */
void sl_tcp_stack_input(struct sl_tcp_stack *stack, const uint8_t *packet, uint16_t len,
			uint64_t now_us);

/** Time has gone by: what is due is done. */
void sl_tcp_stack_run(struct sl_tcp_stack *stack, uint64_t now_us);

/** When sl_tcp_stack_run is wanted next; UINT64_MAX: never. It may be early. */
uint64_t sl_tcp_stack_next_deadline(const struct sl_tcp_stack *stack);

const struct sl_tcp_stack_counts *sl_tcp_stack_get_counts(const struct sl_tcp_stack *stack);

/** What its connections have in common: gauges of states, counts, the pool. */
const struct sl_tcp *sl_tcp_stack_tcp(const struct sl_tcp_stack *stack);

/** Connections that hold an entry. */
uint32_t sl_tcp_stack_connections(const struct sl_tcp_stack *stack);

/** What a socket can be told. */
enum sl_socket_option {
	SL_SOCKET_NO_DELAY,      /**< 1: Nagle's algorithm is off */
	SL_SOCKET_REUSE_ADDRESS, /**< 1: bind to a port that connections in TIME-WAIT have */
	SL_SOCKET_LINGER_0,      /**< 1: close is an abort */
	SL_SOCKET_KEEPALIVE,     /**< 1: on */
	SL_SOCKET_KEEPALIVE_MS,
	SL_SOCKET_PROBE_INTERVAL_MS,
	SL_SOCKET_PROBES,
	SL_SOCKET_RECEIVE_BUFFER,
	SL_SOCKET_SEND_BUFFER, /**< bytes */
	SL_SOCKET_MSS,         /**< to announce, and to send at most; before the connection opens */
	SL_SOCKET_WSCALE,      /**< likewise; SL_NO_WSCALE: none */
	SL_SOCKET_TIMESTAMPS,
	SL_SOCKET_SACK,            /**< likewise; 0: off */
	SL_SOCKET_CONGESTION,      /**< enum tcp_cc_kind; likewise */
	SL_SOCKET_USER_TIMEOUT_MS, /**< 0: none */
	SL_SOCKET_R2_MS,
	SL_SOCKET_R2_SYN_MS,
	SL_SOCKET_COOKIES, /**< of a listener, enum sl_socket_cookies */
	SL_SOCKET_TTL,
	SL_SOCKET_DSCP,
};

enum sl_socket_cookies {
	SL_SOCKET_COOKIES_NEVER,
	SL_SOCKET_COOKIES_AUTO, /**< while the backlog is full */
	SL_SOCKET_COOKIES_ALWAYS,
};

/** What can be done with a socket; sl_socket_poll. */
enum sl_socket_ready {
	SL_SOCKET_READABLE = 1,  /**< bytes, the end of the stream, or a connection to accept */
	SL_SOCKET_WRITABLE = 2,  /**< there is room */
	SL_SOCKET_CONNECTED = 4, /**< it is, or has been */
	SL_SOCKET_ENDED = 8,     /**< the connection is over: sl_socket_error says why */
	SL_SOCKET_URGENT = 16,   /**< urgent data lies ahead */
};

/** A new socket. Returns its number, or -ENFILE. */
int sl_socket_open(struct sl_tcp_stack *stack);

/** Returns 0, -EBADF, -EINVAL (the value, or too late for this option). */
int sl_socket_set(struct sl_tcp_stack *stack, int socket, enum sl_socket_option option,
		  uint32_t value);

/**
 * Binds to a port of one of the stack's addresses, or of all with `addr` NULL; port 0: one that is
 * free. Returns 0, -EADDRNOTAVAIL, -EINVAL (bound already), or -EADDRINUSE: another socket has it,
 * or a connection, be it in TIME-WAIT (which SL_SOCKET_REUSE_ADDRESS lifts).
 */
int sl_socket_bind(struct sl_tcp_stack *stack, int socket, const struct sl_addr *addr,
		   uint16_t port);

/** Listens; at most `backlog` connections are on their way or wait to be accepted. */
int sl_socket_listen(struct sl_tcp_stack *stack, int socket, uint32_t backlog);

/** The next connection. Returns its socket, -EAGAIN: there is none, -ENFILE: no socket is free. */
int sl_socket_accept(struct sl_tcp_stack *stack, int socket);

/** Begins to connect. Returns -EINPROGRESS, or why it can't. */
int sl_socket_connect(struct sl_tcp_stack *stack, int socket, const struct sl_addr *addr,
		      uint16_t port);

/** Sends up to `len` bytes. Returns how many were taken, -EAGAIN: none now, -EPIPE: none ever, or
 * what the connection ended with. `urgent`: the last is the end of urgent data. */
int64_t sl_socket_send(struct sl_tcp_stack *stack, int socket, const void *data, uint32_t len,
		       bool urgent);

/** Receives up to `len` bytes. Returns how many, 0 at the end of the stream, -EAGAIN: none now, or
 * what the connection ended with. */
int64_t sl_socket_receive(struct sl_tcp_stack *stack, int socket, void *data, uint32_t len);

/** Nothing more will be sent. */
int sl_socket_shutdown(struct sl_tcp_stack *stack, int socket);

/** Gives the socket up; the connection ends by itself. */
int sl_socket_close(struct sl_tcp_stack *stack, int socket);

/** Gives the socket up; the connection ends with a RST. */
int sl_socket_abort(struct sl_tcp_stack *stack, int socket);

/** What can be done with it: enum sl_socket_ready. */
unsigned sl_socket_poll(const struct sl_tcp_stack *stack, int socket);

/** What the connection ended with: 0, or -ECONNRESET, -ECONNREFUSED, -ETIMEDOUT, ... */
int sl_socket_error(const struct sl_tcp_stack *stack, int socket);

/** The next socket that something has happened to since it was last named here; -1: none. */
int sl_socket_next_ready(struct sl_tcp_stack *stack);

/** A socket's state: SL_TCP_LISTEN, SL_TCP_CLOSED, or its connection's. */
enum sl_tcp_state sl_socket_state(const struct sl_tcp_stack *stack, int socket);

/** What `ss -ti` says. */
struct sl_socket_info {
	struct sl_addr local, remote;
	uint16_t local_port, remote_port;
	enum sl_tcp_state state;
	struct sl_tcp_info tcp;
	uint32_t urgent_left;     /**< bytes to be read until urgent data ends */
	uint32_t next_timeout_ms; /**< UINT32_MAX: none */
};

/** Returns 0, or -ENOTCONN. */
int sl_socket_get_info(const struct sl_tcp_stack *stack, int socket, struct sl_socket_info *info);

SL_END_DECLS

#endif
