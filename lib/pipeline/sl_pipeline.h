/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The packet's road: a burst comes in, and everything in it is decided in one function,
 * sl_pipeline_run. It is plain C on the worker's memory, so the whole road runs in a unit test.
 *
 * Threads: one struct sl_pipeline a worker. What it is pointed to by its configuration is
 * read-only and shared.
 * Neighbours: above it the worker, which makes descriptors of mbufs and sends what is in `out`;
 * below it wire, cookie, service and relay.
 *
 * Order of calls: sl_pipeline_init; then sl_pipeline_run for each burst and sl_pipeline_tick
 * whenever time has passed, each after the worker has emptied out->sent and out->freed and filled
 * out->spare.
 */
#ifndef SL_PIPELINE_H
#define SL_PIPELINE_H

#include "sl_bucket.h"
#include "sl_cookie_batch.h"
#include "sl_relay.h"
#include "sl_pattern.h"
#include "sl_syn_ack.h"

SL_BEGIN_DECLS

struct sl_pipeline_config {
	const struct sl_plan *plan; /**< stays valid until another is applied */
	uint32_t n_connections;
	uint32_t n_held;             /**< early packets held at once */
	uint32_t n_endpoints;        /**< connections that end here (respond), at once */
	uint32_t n_blocks;           /**< TCP_BLOCK bytes each, for what these hold */
	uint32_t high_water;         /**< of each of these, percent: above it room is made */
	const uint8_t *table_secret; /**< SL_FLOW_SECRET_BYTES random bytes, this worker's own */
	const struct sl_cookie_ring *ring;      /**< copied */
	const struct sl_learned_table *learned; /**< what is known of servers; copied; or NULL */
	bool secret_shared; /**< other boxes mint cookies that may come back here */
};

/** Where a port stands. */
struct sl_port_place {
	uint8_t link;
	uint8_t side; /**< enum sl_side, SL_N_SIDES for a port of no link */
};

enum { SL_STRAYS_SEEN = 1 << 16 };

/** A connection that has sent a stray: in the place that the lower half of its hash names. */
struct sl_stray_seen {
	uint16_t tag;   /**< the upper half of its hash */
	uint16_t shown; /**< when its server was last shown a stray: 32 ms each, modulo 2^16; 0: not
			   yet */
};

/**
 * The route of the last packet of this burst that was looked up: its port, server and service. Most
 * packets after it go to the same server or come from it, so they take the route from here.
 */
struct sl_route {
	struct sl_addr addr;
	uint16_t port; /**< 0: none yet */
	uint16_t service;
	uint8_t in_port; /**< SL_PORTS_MAX: there is no route */
	bool outside;    /**< clients send by this port */
	bool v6;
	uint32_t vlan;
	uint32_t domain;
	uint64_t sum;     /**< sl_flow_sum_server */
	uint64_t routing; /**< struct sl_packet.routing */
};

/**
 * A fast-path template: a header pattern, and the route of all packets of one port that fit it.
 * They are segments of one service, to one of its servers or from it.
 */
struct sl_template {
	alignas(SL_CACHE_LINE) struct sl_pattern pattern;
	struct sl_addr server;
	uint64_t sum;     /**< sl_flow_sum_server */
	uint64_t ends;    /**< the last word of a key, but for the client's port */
	uint64_t routing; /**< struct sl_packet.routing; its server is one of the burst below */
	uint64_t not_before_us; /**< the template is not used before: pipeline_template_back_off */
	uint32_t burst;         /**< the last burst with a packet that fitted */
	uint8_t cookie;   /**< number of the cookie of the first SYN in that burst, SL_BURST for
			     none: the cookies of the SYNs after it differ little */
	uint8_t n_missed; /**< packets that were parsed although a template may exist for them,
			     modulo 256 */
};

/** What a SYN to a server may be promised, whoever sends it. */
struct sl_terms {
	uint16_t mss;    /**< that we announce */
	uint16_t wnd;    /**< of our SYN-ACK, which is never scaled */
	uint8_t wscale;  /**< likewise, if one is offered */
	bool timestamps; /**< if they are offered */
	bool cookies;    /**< by a cookie */
};

/** A server of this burst, for the handshakes with it; what is made for it outlives the burst,
 * since the next one's under that number is mostly the same. */
struct sl_server {
	alignas(SL_CACHE_LINE) struct sl_terms terms;
	bool known;                   /**< what is here: else nobody has asked yet */
	bool has_terms;               /**< else they and what follows from them are not made yet */
	bool cookies_alive;           /**< pipeline_cookies_alive */
	struct sl_terms made[2];      /**< that these were made of; an MSS of 0: not made */
	struct sl_syn_ack syn_ack[2]; /**< to who offers all there is; of IPv4, of IPv6 */
};

/** What goes into the answer to a SYN beside its cookie, and stands in no header of it. */
struct sl_answer {
	uint32_t tsval;
	uint16_t client_mss; /**< that the cookie says */
	bool timestamps;     /**< granted */
	uint8_t server;      /**< struct sl_server of this burst */
};

static_assert(sizeof(struct sl_answer) == 8, "copied as a word");

/** The cookies of a burst, of one family. Number SL_BURST is one that comes by itself. */
struct sl_cookies {
	struct sl_cookie_batch macs;
	struct sl_answer answer[SL_BURST + 1];
};

struct sl_pipeline {
	struct sl_relay relay;
	struct sl_cookie_ring ring; /**< this worker's copy of the keys */
	const struct sl_plan *plan;
	struct sl_out *out;
	bool secret_shared;
	unsigned n_round; /**< workers among which ICMP errors are handed round, since the NICs
			     spread them as they like; 0: they come to their owner */
	struct sl_port_place port[SL_PORTS_MAX];
	uint64_t mac[SL_PORTS_MAX]; /**< a host link's own, as pipeline_mac_word; 0: of a wire */
	uint16_t n_proxied;         /**< services whose new connections are proxied */
	uint64_t next_one_way_us;
	struct sl_bucket stray_rsts;  /**< RSTs to strays */
	struct sl_bucket icmp_rounds; /**< ICMP errors handed round, of those received here */
	struct sl_stray_seen stray_seen[SL_STRAYS_SEEN];

	struct sl_template tmpl[SL_PORTS_MAX][SL_PATTERN_SLOTS];
	bool templates_stale; /**< services have changed: the next burst begins without templates */

	/* Of the burst that is under way. */
	uint32_t burst;                  /**< its number */
	unsigned n;                      /**< packets admitted */
	unsigned n_templates;            /**< templates with a packet in this burst */
	struct sl_template pending;      /**< learned in this burst, for the next */
	struct sl_template *pending_for; /**< the place of `pending`; NULL: nothing was learned */
	struct sl_route route;
	alignas(SL_CACHE_LINE) struct sl_packet packet[SL_BURST];
	/** The look-up of each packet's connection. */
	alignas(SL_CACHE_LINE) struct sl_flow_query query[SL_BURST];
	alignas(SL_CACHE_LINE) struct sl_seg seg[SL_BURST];
	uint8_t parsed[SL_BURST];        /**< enum sl_parsed */
	uint32_t unverified;             /**< bit i: of packet i, when it was parsed */
	struct sl_quote quote[SL_BURST]; /**< of a packet that is an ICMP error: what it quotes */
	/** Number SL_BURST belongs to a SYN that is answered alone; those after it belong to
	 * templates. */
	struct sl_server server[2 * SL_BURST + 1];
	struct sl_cookie_moment moment; /**< the burst's */
	uint16_t
		answered; /**< the service of the SYNs that were answered last, one after another */
	uint16_t n_answered;          /**< of these, not booked yet */
	struct sl_cookies cookies[2]; /**< of IPv4, of IPv6 */
};

/** Bytes of memory, aligned to a cache line, for the pipeline's tables; 0 when out of range. */
size_t sl_pipeline_memory_size(const struct sl_pipeline_config *config);

/**
 * Sets up a pipeline whose tables lie in `memory` (zeroed, sl_pipeline_memory_size bytes) and whose
 * packets leave through `out`. Returns 0, or -1 when the configuration is out of range.
 */
int sl_pipeline_init(struct sl_pipeline *p, const struct sl_pipeline_config *config, void *memory,
		     struct sl_out *out, uint64_t now_us);

/**
 * Goes over to another plan, between two bursts. Services keep their numbers: a number means the
 * same service in both plans, or one that is new in the second; connections of a service stay valid
 * as long as its number is there, retired or not. Links have the same number and ports in both.
 * Afterwards the pipeline does not look at the old plan any more.
 */
void sl_pipeline_apply(struct sl_pipeline *p, const struct sl_plan *plan, uint64_t now_us);

/** A port sends no more than this from now on, between two bursts: sl_relay_set_limit. */
void sl_pipeline_set_limit(struct sl_pipeline *p, unsigned port,
			   const struct sl_frame_limit *limit);

/**
 * Decides `n` (at most SL_BURST) received packets. Every one of them is afterwards on out->sent, on
 * out->freed, or held by a connection, and booked. `now_us` is a monotonic clock.
 */
void sl_pipeline_run(struct sl_pipeline *p, struct sl_buf *bufs, unsigned n, uint64_t now_us);

/** Does what time brings: retransmissions, probes, limits. Bounded work; call it every turn. */
void sl_pipeline_tick(struct sl_pipeline *p, uint64_t now_us);

/** Whether the next tick is wanted at once, whatever the time. */
static inline bool sl_pipeline_has_work(const struct sl_pipeline *p)
{
	return !sl_wheel_caught_up(&p->relay.wheel) || sl_relay_has_work(&p->relay);
}

SL_END_DECLS

#endif
