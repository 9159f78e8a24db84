/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is protected: an address or prefix, a port or range, a mode; and the table that finds the
 * service of a packet. Built by the control thread, then read-only and shared by all workers.
 */
#ifndef SL_SERVICE_H
#define SL_SERVICE_H

#include "sl_addr.h"

SL_BEGIN_DECLS

enum {
	SL_SERVICES_MAX = 256, /**< number 0 is none; so 255 services */
	SL_SERVICE_NAME = 32,
	SL_SERVICE_NONE = 0,
};

/* X(identifier, name in the configuration); the laxest first */
#define SL_SERVICE_MODES(X)   \
	X(PASS, "pass")       \
	X(MONITOR, "monitor") \
	X(SPLICE, "splice")   \
	X(RESPOND, "respond")

/* The servers of mode = "respond". */
#define SL_SERVERS(X)         \
	X(HTTP, "http")       \
	X(ECHO, "echo")       \
	X(DISCARD, "discard") \
	X(DAYTIME, "daytime") \
	X(CHARGEN, "chargen")

#define SL_COOKIES_POLICIES(X) \
	X(ALWAYS, "always")    \
	X(NEVER, "never")

/* What becomes of segments that belong to no connection. */
#define SL_STRAYS(X)      \
	X(ADOPT, "adopt") \
	X(RESET, "reset") \
	X(DROP, "drop")

/* What is done about a service whose servers are not heard. */
#define SL_ONE_WAY_POLICIES(X) \
	X(REPORT, "report")    \
	X(PASS, "pass")

/* Whether clients are promised timestamps before the server has answered. */
#define SL_TIMESTAMPS_POLICIES(X) \
	X(LEARN, "learn")         \
	X(ALWAYS, "always")       \
	X(NEVER, "never")

enum sl_timestamps_policy {
#define X(id, name) SL_TIMESTAMPS_##id,
	SL_TIMESTAMPS_POLICIES(X)
#undef X
};

enum sl_strays {
#define X(id, name) SL_STRAYS_##id,
	SL_STRAYS(X)
#undef X
};

enum sl_one_way_policy {
#define X(id, name) SL_ONE_WAY_##id,
	SL_ONE_WAY_POLICIES(X)
#undef X
};

enum sl_service_mode {
#define X(id, name) SL_MODE_##id,
	SL_SERVICE_MODES(X)
#undef X
};

enum sl_respond_server {
#define X(id, name) SL_SERVER_##id,
	SL_SERVERS(X)
#undef X
};

enum sl_cookies_policy {
#define X(id, name) SL_COOKIES_##id,
	SL_COOKIES_POLICIES(X)
#undef X
};

const char *sl_service_mode_name(enum sl_service_mode mode);
const char *sl_respond_server_name(enum sl_respond_server server);
const char *sl_cookies_policy_name(enum sl_cookies_policy policy);
const char *sl_timestamps_policy_name(enum sl_timestamps_policy policy);
const char *sl_strays_name(enum sl_strays strays);
const char *sl_one_way_policy_name(enum sl_one_way_policy policy);

/** How long a connection may stay in a state, in milliseconds. */
struct sl_limits {
	uint32_t half_open_ms; /**< SYN-SENT, SYN-RECEIVED, since the SYN */
	uint32_t silent_ms;    /**< ESTABLISHED, and the client never sent a byte */
	uint32_t idle_ms;      /**< ESTABLISHED, before it is probed */
	uint32_t probe_interval_ms;
	uint32_t fin_wait_2_ms;
	uint32_t close_wait_ms; /**< CLOSE-WAIT, FIN-WAIT-1 */
	uint32_t last_ack_ms;   /**< LAST-ACK, CLOSING */
	uint32_t time_wait_ms;  /**< 2MSL */
	uint32_t probes;        /**< unanswered keepalive probes before it is reclaimed, 0..15 */
};

struct sl_service {
	char name[SL_SERVICE_NAME];
	struct sl_addr net;
	struct sl_limits limits;
	uint16_t port_lo, port_hi; /**< host order, both included */
	uint8_t prefix_len;        /**< of 128; an IPv4 prefix of n bits has 96 + n */
	uint8_t mode;              /**< enum sl_service_mode */
	uint8_t cookies;           /**< enum sl_cookies_policy */
	uint8_t wscale;            /**< announced to clients, 0..14: one for all its cookies */
	uint8_t timestamps;        /**< enum sl_timestamps_policy */
	uint16_t mss_max;          /**< either end is told this much at most; 0: no limit */
	uint8_t strays;            /**< enum sl_strays */
	uint8_t one_way;           /**< enum sl_one_way_policy */
	uint8_t server;            /**< enum sl_respond_server, of SL_MODE_RESPOND; then also: */
	uint32_t receive_buffer;   /**< bytes, of each endpoint */
	uint32_t send_buffer;
	uint32_t backlog;      /**< half-open connections, at most; over all workers */
	uint32_t adopt_for_ms; /**< how long strays are adopted after a change */
	uint32_t adopt_rate;   /**< segments a second that reach its servers because of strays from
				  outside then; over all workers */
	bool track;   /**< of a service that is passed or monitored: its connections are followed */
	bool reused;  /**< its number was another's, whose books go to those of no service */
	bool retired; /**< gone from the configuration: found by no address, kept for the
			   connections that still live under its number */
};

enum {
	SL_SERVICE_SLOTS = 1024,
	SL_SERVICE_V4_BITS = 96, /**< of the mapped form before an IPv4 address's own */
};

/** Ports of a service. */
struct sl_service_range {
	uint16_t lo, hi, number;
};

/** The services of one prefix: `n` of the ranges, from the first. */
struct sl_service_slot {
	uint16_t number; /**< the strictest of them; 0: free */
	uint8_t first, n;
};

/**
 * Services are found by hash of their prefix, longest prefix first, and among those of one prefix
 * by halving: whatever a packet asks for, that is one slot for each length of prefix that is
 * configured, and eight ranges in it.
 */
struct sl_service_table {
	struct sl_service service[SL_SERVICES_MAX]; /**< by number; [0] unused */
	uint16_t n;                                 /**< services, so numbers 1..n */
	uint16_t n_retired;                         /**< of these */
	uint8_t n_lens;
	uint8_t n_lens_v4; /**< those that an IPv4 prefix may have */
	uint8_t lens[129]; /**< distinct prefix lengths, longest first */
	struct sl_service_slot slot[SL_SERVICE_SLOTS];
	struct sl_service_range range[SL_SERVICES_MAX]; /**< by prefix, then by port */
};

/**
 * Takes `n` (at most 255) services, numbered 1..n in the order of the array. They have been
 * validated: no two that are not retired claim the same address and port with prefixes of one
 * length.
 */
void sl_service_table_init(struct sl_service_table *t, const struct sl_service *services,
			   unsigned n);

/** The number of the service that covers `addr` and `port`, by longest prefix, or 0. */
uint16_t sl_service_find(const struct sl_service_table *t, const struct sl_addr *addr,
			 uint16_t port);

/**
 * The number of the strictest service (respond, splice, monitor, pass) that covers `addr`, whatever
 * its port, or 0: for a packet whose ports cannot be read, which might be meant for any of them.
 */
uint16_t sl_service_find_addr(const struct sl_service_table *t, const struct sl_addr *addr);

/** Whether all addresses and ports of `b` are also those of `a`. */
bool sl_service_covers(const struct sl_service *a, const struct sl_service *b);

/** Whether `a` and `b` have an address and port in common. */
bool sl_service_overlap(const struct sl_service *a, const struct sl_service *b);

/** Whether connections to a service of that mode are ours: their SYNs are answered here. */
static inline bool sl_service_mode_proxies(uint8_t mode)
{
	return mode == SL_MODE_SPLICE || mode == SL_MODE_RESPOND;
}

SL_END_DECLS

#endif
