/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The small servers of mode = "respond", over one TCP endpoint each: echo (RFC 862), discard (863),
 * daytime (867), chargen (864), and an HTTP server with one page (RFC 9110, 9112), which tells what
 * is known of the connection that asked for it.
 *
 * A server is called whenever something has happened to its connection, reads what has come, writes
 * what there is room for, and keeps nothing but a few bytes beside the connection. What it does in
 * one call is bounded. It never aborts: it closes its side, and takes in what still comes.
 *
 * Threads: the connection's. No clock, no allocation.
 * Neighbours: tcp below; relay, which has the connections.
 */
#ifndef SL_RESPOND_H
#define SL_RESPOND_H

#include "sl_service.h"
#include "sl_tcp.h"

SL_BEGIN_DECLS

enum {
	SL_RESPOND_BYTES = 65536,      /**< taken in or given out in one call, at most */
	SL_RESPOND_REQUESTS = 8,       /**< answered in one call, at most */
	SL_RESPOND_HEAD_MAX = 4096,    /**< bytes of an HTTP request without its body */
	SL_RESPOND_BODY_MAX = 1 << 20, /**< of a body that is passed over to keep a connection */
};

/** What a server remembers of its connection. Zeroed when that opens. */
struct sl_respond {
	uint32_t at;   /**< chargen: the next byte of its pattern; http: bytes of a head that were
			  searched */
	uint32_t body; /**< http: bytes of a request's body that are to be passed over */
	uint32_t requests; /**< http: answered */
	bool begun;        /**< daytime: the time has been told */
	bool closing;      /**< nothing more will be answered: what comes is passed over */
};

/** What a server may tell of a connection. */
struct sl_respond_about {
	const struct sl_addr *client, *server;
	const char *service;
	uint64_t unix_us; /**< the wall clock */
	uint32_t age_ms;
	uint16_t client_port, server_port;
	bool by_cookie;
};

/** What came of a call. */
enum sl_respond_result {
	SL_RESPOND_MORE = 1,     /**< there is more to do, without anything having to happen */
	SL_RESPOND_PROGRESS = 2, /**< bytes were moved; http: a request was answered, or more of a
				    body came */
};

/**
 * Something has happened to the connection `tcb`, which is not in CLOSED: the server does what
 * there is to do. sl_tcp_output is the caller's. Returns enum sl_respond_result.
 */
unsigned sl_respond_run(enum sl_respond_server server, struct sl_respond *s, struct sl_tcp *tcp,
			struct sl_tcb *tcb, const struct sl_respond_about *about);

/** A request's head, as far as a server of a few pages wants to know. */
struct sl_http_request {
	uint16_t status; /**< 200: the root is asked for; or the error that answers the request */
	bool head;       /**< HEAD: the answer goes without its body */
	bool keep;       /**< the connection stays open after the answer */
	uint32_t body;   /**< bytes of its own body, which follow */
	/** Of a request that is in order but for its path (404): the path, within the head. */
	const char *path;
	uint32_t path_len;
};

/** The length of a request's head, with the empty line that ends it, if that lies in the `n` bytes
 * at `bytes`; else 0. */
uint32_t sl_http_head_length(const char *bytes, uint32_t n);

/** The words of a status: "Not Found". */
const char *sl_http_reason(unsigned status);

/**
 * Reads the head of a request: `len` bytes, up to and with the empty line that ends it. RFC 9112
 * sections 2 to 6; lines may end in LF alone. Returns what it asks for.
 */
struct sl_http_request sl_http_request_parse(const char *head, uint32_t len);

SL_END_DECLS

#endif
