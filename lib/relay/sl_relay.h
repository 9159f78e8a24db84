/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two legs joined. To the client the box is the server, to the server it is the client; between
 * them segments go through with their numbers translated (splice), or as they are (tracked). The
 * ends judge every segment, the box observes: it follows both legs through the states of RFC 9293,
 * and ends what has stayed too long.
 *
 * Threads: a struct sl_relay belongs to one worker. Time comes in with sl_relay_begin; packets go
 * out through struct sl_out; nothing is allocated after init.
 * Neighbours: flow (where connections lie), wheel (when they are due), wire (bytes), service (what
 * it may do), stats (the books). The pipeline calls it, having found the connection.
 *
 * Order of calls: sl_relay_init; then for each burst or tick sl_relay_begin, followed by any of
 * the others. An open or the removal of a connection marks its hash in `dirty`: look-ups made
 * before it are stale for that hash.
 */
#ifndef SL_RELAY_H
#define SL_RELAY_H

#include "sl_bucket.h"
#include "sl_conn.h"
#include "sl_endpoint.h"
#include "sl_frame_limit.h"
#include "sl_l2.h"
#include "sl_learned.h"
#include "sl_out.h"
#include "sl_plan.h"
#include "sl_service_state.h"
#include "sl_wire.h"

SL_BEGIN_DECLS

enum {
	SL_HELD_NONE = 0xffff,
	SL_HELD_MAX = 0xfffe,
	SL_RELAY_TICK_US = 10000,
	SL_RELAY_SLOTS = 16384,
	SL_RELAY_TOO_BIGS_PER_S = 1000, /**< ICMP errors about length, of one worker */
};

/** A held packet, or a free place for one. */
struct sl_held {
	struct sl_buf buf;
	uint32_t seq, seq_end;       /**< the sequence numbers that it carries, from and to */
	uint32_t conn;               /**< that holds it */
	uint16_t next;               /**< of this connection; or the next free place */
	uint16_t source;             /**< where it is counted */
	uint16_t older[2], newer[2]; /**< among all that are held, and among its source's */
};

enum {
	SL_EARLY_SOURCES = 4096,
	SL_EARLY_SHARES =
		16, /**< of a source: one in so many of the places, while others want them */
};

/** Held packets, oldest first. */
struct sl_early_list {
	uint16_t oldest, newest;
	uint16_t n;
};

/** The pool of held packets, and who has it. */
struct sl_early {
	struct sl_held *place;
	struct sl_early_list all;
	uint16_t free;
	uint16_t share;                  /**< of a source, when the pool is full */
	uint16_t n_above;                /**< sources that hold more than their share */
	uint16_t above[SL_EARLY_SHARES]; /**< these */
	struct sl_early_list source[SL_EARLY_SOURCES]; /**< by hash of the client's address */
};

/**
 * The packets that each of `n_workers` may hold, so that all of them together hold at most a
 * quarter of what the ports' descriptors leave of a pool of `n_buffers`.
 */
static inline uint32_t sl_held_part(uint32_t n_buffers, uint32_t n_descriptors, unsigned n_workers)
{
	const uint32_t left = n_buffers > n_descriptors ? n_buffers - n_descriptors : 0;

	return sl_min_u32(left / 4 / n_workers, SL_HELD_MAX);
}

/** What is taken while something is above its high-water mark: this class and those before it. */
enum sl_pressure_level {
	SL_PRESSURE_NONE,
	SL_PRESSURE_OVER, /**< tombstones, TIME-WAIT */
	SL_PRESSURE_HALF_OPEN,
	SL_PRESSURE_HALF_CLOSED,
	SL_PRESSURE_IDLE,
};

/** What may run short. */
enum sl_stock {
	SL_STOCK_ENTRIES,   /**< of the table */
	SL_STOCK_ENDPOINTS, /**< of connections that end here */
	SL_STOCK_BLOCKS,    /**< of what these hold */
	SL_N_STOCKS,
};

struct sl_shortage {
	enum sl_pressure_level level;
	uint32_t high, low; /**< in use */
	uint32_t seen;      /**< entries looked at since the level was reached */
};

/**
 * A share of the table for entries of one kind, and the order in which they came. An entry that has
 * left is skipped when its turn comes, so there are more slots than entries may be.
 */
struct sl_reserve {
	uint32_t *slot; /**< a ring: numbers of entries, the oldest first */
	uint32_t n_slots, first, used;
	uint32_t share; /**< entries that it may have */
	uint32_t n;     /**< entries that it has */
};

enum { SL_PRESSURE_SOURCES = 4096 };

/** A worker that fills up, and what is done about it. */
struct sl_pressure {
	struct sl_shortage of[SL_N_STOCKS];
	uint32_t hand; /**< next entry to look at */
	uint64_t seed;
	struct sl_bucket victims;
	uint32_t held[2][SL_PRESSURE_SOURCES]; /**< entries by hash of the client's address */
};

struct sl_relay {
	struct sl_flow flow;
	struct sl_wheel wheel;
	struct sl_out *out;
	const struct sl_plan *plan;
	uint32_t n_translated; /**< spliced connections that are not over */
	uint32_t now_ms;
	uint32_t len_always; /**< frames up to this length can be sent by every port */
	uint64_t now_us;
	uint64_t dirty; /**< bit hash % 64: table changed there since the pipeline cleared it */
	struct sl_bucket too_bigs;    /**< ICMP errors of our own */
	struct sl_bucket closed_rsts; /**< RSTs that closed connections answer with */
	/** By port; the last is that of SL_PORTS_MAX, which stands for no port. */
	struct sl_frame_limit limit[SL_PORTS_MAX + 1];
	uint16_t mtu[SL_LINKS_MAX]; /**< by link: the least of its own and its ports' */
	struct sl_reserve reserve[SL_N_RESERVES];
	struct sl_service_state service[SL_SERVICES_MAX]; /**< by number */
	struct sl_pressure pressure;
	struct sl_early early;
	struct sl_endpoints endpoints;
	struct sl_learned_table learned;
	struct sl_l2_table l2;
};

struct sl_relay_config {
	uint32_t n_connections;
	uint32_t high_water;  /**< of each stock, percent, 10 to 100: above it room is made */
	uint32_t n_held;      /**< packets held at once, at most SL_HELD_MAX */
	uint32_t n_endpoints; /**< connections that end here, at once; 0: none can */
	uint32_t n_blocks;    /**< of TCP_BLOCK bytes, for what these have received and send */
	const struct sl_plan *plan; /**< links stay as they are in it */
	const uint8_t *secret;      /**< SL_FLOW_SECRET_BYTES random bytes: the table's hash */
};

/** Bytes of memory, aligned to a cache line, that sl_relay_init takes; 0 when out of range. */
size_t sl_relay_memory_size(const struct sl_relay_config *config);

/** Sets up an empty table in `memory`, which has been zeroed. Returns 0, or -1 (out of range). */
int sl_relay_init(struct sl_relay *r, const struct sl_relay_config *config, void *memory,
		  struct sl_out *out, uint64_t now_us);

static inline void sl_relay_begin(struct sl_relay *r, uint64_t now_us)
{
	r->now_us = now_us;
	r->now_ms = (uint32_t)(now_us / SL_US_PER_MS);
}

/** Services are what this plan says, from now on. */
void sl_relay_apply(struct sl_relay *r, const struct sl_plan *plan);

/** A port sends no more than this, from now on. `limit->mtu` is at least SL_IPV4_MTU_MIN. */
void sl_relay_set_limit(struct sl_relay *r, unsigned port, const struct sl_frame_limit *limit);

/** The MSS that an end announces by this option, 0 for none: RFC 9293 MUST-15. */
static inline uint16_t sl_relay_mss_of(uint16_t option, bool v6)
{
	if (option != 0)
		return option;
	return v6 ? SL_MSS_DEFAULT_V6 : SL_MSS_DEFAULT_V4;
}

/** The MSS that we announce to clients of a service on a link: RFC 6691, and what is configured. */
static inline uint16_t sl_relay_mss(const struct sl_relay *r, unsigned link, uint16_t service,
				    bool v6)
{
	const uint16_t most = r->plan->services.service[service].mss_max;
	const uint16_t mss = (uint16_t)(r->mtu[link] - (v6 ? SL_IPV6_TCP_HDRS : SL_IPV4_TCP_HDRS));

	return most != 0 && most < mss ? most : mss;
}

static inline struct sl_conn *sl_relay_conn(const struct sl_relay *r, uint32_t index)
{
	return (struct sl_conn *)sl_flow_entry(&r->flow, index);
}

/** The key of a segment that came in on `side` of link number `link`. */
static inline void sl_relay_key(struct sl_flow_key *key, const struct sl_seg *seg, unsigned link,
				enum sl_side side)
{
	const bool outside = side == SL_OUTSIDE;
	/* In one store, since they are read in one when the key is hashed. */
	const uint32_t ports = outside ? (uint32_t)seg->dst_port << 16 | seg->src_port
				       : (uint32_t)seg->src_port << 16 | seg->dst_port;

	static_assert(offsetof(struct sl_flow_key, inside_port) ==
			      offsetof(struct sl_flow_key, outside_port) + 2,
		      "the outside port lies first");
	/* By words: an IPv4 address was written so. */
	sl_addr_copy(&key->outside_addr, outside ? &seg->src : &seg->dst);
	sl_addr_copy(&key->inside_addr, outside ? &seg->dst : &seg->src);
	memcpy(&key->outside_port, &ports, sizeof(ports));
	key->domain = link << 24 | seg->vlan;
}

/** A packet of a burst whose connection is looked up: a segment of a service, or an ICMP error
 * about one. */
struct sl_packet {
	struct sl_buf *buf;
	struct sl_seg *seg; /**< of an ICMP error: what it quotes, turned round */
	const struct sl_pattern
		*pattern; /**< that the frame fits: then `seg` is not filled; or NULL */
	union {
		struct {
			uint16_t service;
			uint8_t link;
			uint8_t side;
			bool proxied; /**< new connections of the service are */
			bool icmp;
			uint8_t cookie; /**< which of its family's in this burst is its, SL_BURST
					   for none */
			uint8_t server; /**< those with one number have to do with one server */
		};
		uint64_t routing; /**< all of these as one word */
	};
};

/** What a valid cookie says, for sl_relay_open_spliced. */
struct sl_grant {
	uint16_t mss;   /**< the client's, rounded down */
	uint8_t wscale; /**< the client's shift, SL_NO_WSCALE */
	bool sack, timestamps;
};

/**
 * Opens a connection for the ACK `seg` of a client, whose cookie has verified: sends our SYN to
 * the server and keeps the packet if it carries data. The buffer is always disposed of: delivered,
 * held, or dropped with a reason (table_full, no_buffer, link_headers_full), in which case nothing
 * is opened and the client's next segment may try again; with hold_full the connection is opened,
 * and the client sends its data again.
 * @at  its key and hash, and the connection that stands in its place, which is over: it goes when
 *      the new one is opened, and stays as it is when that fails; or SL_FLOW_NONE
 */
void sl_relay_open_spliced(struct sl_relay *r, const struct sl_flow_query *at, uint16_t service,
			   const struct sl_grant *grant, struct sl_buf *buf, struct sl_seg *seg);

/**
 * Opens a tracked connection for a SYN that goes through as it is (cookies = "never", or a SYN
 * from inside), and relays the SYN. Disposes of the buffer like sl_relay_open_spliced; but a SYN
 * from outside beyond the service's backlog or the share of such entries passes without an entry,
 * which its server's SYN-ACK makes.
 */
void sl_relay_open_tracked(struct sl_relay *r, const struct sl_flow_query *at, uint16_t service,
			   enum sl_side side, struct sl_buf *buf, struct sl_seg *seg);

/**
 * The same for a connection that ends here: an endpoint in ESTABLISHED, for the ACK `seg` whose
 * cookie has verified. Drops also with endpoints_full.
 */
void sl_relay_open_by_cookie(struct sl_relay *r, const struct sl_flow_query *at, uint16_t service,
			     const struct sl_grant *grant, struct sl_buf *buf, struct sl_seg *seg);

/** Likewise, in SYN-RECEIVED, for a SYN: with an ISN above that of the connection in its place. */
void sl_relay_open_by_syn(struct sl_relay *r, const struct sl_flow_query *at, uint16_t service,
			  struct sl_buf *buf, const struct sl_seg *seg);

/** Whether the backlog of a service that responds has room for one more SYN, and those of all
 * services together hold less than half of the endpoints. */
bool sl_relay_has_backlog(const struct sl_relay *r, uint16_t service);

/**
 * Lets the endpoints that have something to do have their turn: servers read and write, segments
 * are sent. After each burst and each tick; what is left waits for the next call.
 * @unix_us  the wall clock, for what servers tell
 */
void sl_relay_serve(struct sl_relay *r, uint64_t unix_us);

/** Whether endpoints wait to be served. */
static inline bool sl_relay_has_work(const struct sl_relay *r)
{
	return r->endpoints.n_queued > 0;
}

/** Whether SYNs of the service have gone through without an entry, or entries have given way before
 * their client's ACK, of late: segments of no connection may be honest. */
static inline bool sl_relay_overflows(const struct sl_relay *r, uint16_t service)
{
	return r->now_us < r->service[service].overflow_until_us;
}

/**
 * Opens an entry for a connection that the inside speaks of, upon its segment `seg`, with ACK and
 * without RST: of a SYN-ACK a half-open one, else one that stands. Sends nothing: the buffer stays
 * the caller's. A connection that stands in its place goes. Returns false when there is no room.
 */
bool sl_relay_track(struct sl_relay *r, const struct sl_flow_query *at, uint16_t service,
		    const struct sl_buf *buf, const struct sl_seg *seg);

/** Whether `conn` is only tracked, and its service is left to its ends: it is followed, and no
 * more.
 */
static inline bool sl_relay_passed(const struct sl_relay *r, const struct sl_conn *conn)
{
	return !(conn->flags & SL_CONN_SPLICED) && !conn->ours &&
	       !sl_service_mode_proxies(r->plan->services.service[conn->service].mode);
}

/** How many such connections there are, of those that give way first. */
static inline uint32_t sl_relay_n_passed(const struct sl_relay *r)
{
	return r->reserve[SL_RESERVE_PASSED_HALF].n + r->reserve[SL_RESERVE_PASSED].n;
}

/**
 * A segment of such a connection, from `side`; its checksum is right. The connection takes in what
 * the segment says; the buffer stays the caller's. Afterwards the connection may be gone.
 */
void sl_relay_follow(struct sl_relay *r, uint32_t index, enum sl_side side,
		     const struct sl_buf *buf, const struct sl_seg *seg);

/**
 * Opens an entry for a connection that ran before the box did (or before its service was proxied),
 * upon a segment with ACK and without RST from the inside, and relays it untranslated. The first
 * segment from outside confirms it, or ends it when its numbers are of another numbering. Returns
 * false when there is no room: then the buffer is still the caller's.
 */
bool sl_relay_adopt(struct sl_relay *r, const struct sl_flow_query *at, uint16_t service,
		    struct sl_buf *buf, const struct sl_seg *seg);

/**
 * What sl_relay_segment does, sooner, for what nearly all segments are: data or ACKs of spliced
 * connections that are established on both legs and on which nothing else goes on.
 * @packets, @queries  of a burst, with the answers to its look-up
 * @first, @n             from the first on, as many of the `n` as there are of the kind
 * Returns the number of the first that is another.
 */
unsigned sl_relay_quiet_segments(struct sl_relay *r, const struct sl_packet *packets,
				 const struct sl_flow_query *queries, unsigned first, unsigned n);

/** A segment of connection `index`, from `side`; its checksum is right. Disposes of the buffer. */
void sl_relay_segment(struct sl_relay *r, uint32_t index, enum sl_side side, struct sl_buf *buf,
		      struct sl_seg *seg);

/**
 * An ICMP error from `side` that quotes a segment of connection `index`; its checksum is right. It
 * is turned back into one about what the segment's sender sent, and goes to it, or is dropped when
 * nobody can have sent that. Changes nothing of the connection. Disposes of the buffer.
 * @quote  what it quotes; source and destination do not matter here
 */
void sl_relay_icmp(struct sl_relay *r, uint32_t index, enum sl_side side, struct sl_buf *buf,
		   struct sl_quote *quote);

/**
 * Whether a SYN from `side` may begin a new connection in place of `conn`, which is over
 * (sl_conn_over): always when it was reset or reclaimed; in TIME-WAIT by sl_time_wait_yields.
 * @timestamps  whether the new connection would use them
 */
bool sl_relay_reopens(const struct sl_conn *conn, enum sl_side side, const struct sl_seg *seg,
		      bool timestamps);

/**
 * The ISN for the SYN-ACK to a SYN (client's ISN `isn`) that may follow `conn`, which is in
 * TIME-WAIT: above all that the old connection sent to the client (RFC 1122 section 4.2.2.13), and
 * as hard to guess as the bits of `cookie`. The successor is remembered beside the entry, which
 * stays as it is. There is room for one: while another holds it, `cookie` itself is returned.
 */
uint32_t sl_relay_successor_iss(struct sl_conn *conn, uint32_t isn, uint32_t cookie,
				const struct sl_grant *grant);

/** Whether an ACK proves the successor beside `conn`; `grant` then says what the successor was
 * granted. */
bool sl_relay_successor_proves(const struct sl_conn *conn, const struct sl_seg *seg,
			       struct sl_grant *grant);

/** Whether an ACK from outside is none of `conn`, which is over, and may be a successor's. */
bool sl_relay_successor(const struct sl_conn *conn, const struct sl_seg *seg);

/** Whether an ACK repeats the handshake that opened `conn`. */
bool sl_relay_replays(const struct sl_conn *conn, const struct sl_seg *seg);

/** Takes connection `index` out of the table; for one that is over. */
void sl_relay_remove(struct sl_relay *r, uint32_t index);

/**
 * Does what is due: SYNs again, probes, reclaiming. At most `max` (32) connections a call; what is
 * left comes up at the next.
 */
void sl_relay_tick(struct sl_relay *r, unsigned max);

/**
 * Looks at up to `max` entries of the table, from `*cursor` on (0 at first), whose limits may have
 * become shorter. Returns whether it has come to the end.
 */
bool sl_relay_rearm(struct sl_relay *r, uint32_t *cursor, uint32_t max);

/**
 * The box ends: resets both ends of connections that cannot go on without the box (translated, or
 * ended here), among up to `max` entries of the table from `*cursor` on (0 at first), as far as
 * there are spare buffers and the ports take segments. Adds to `*n_ended`. Returns whether it has
 * come to the end of the table; if not, call it again.
 */
bool sl_relay_end(struct sl_relay *r, uint32_t *cursor, uint32_t max, uint32_t *n_ended);

/** A connection as people look at it. */
struct sl_conn_info {
	struct sl_addr client, server;
	uint16_t client_port, server_port;
	uint16_t service;
	uint8_t link;
	bool spliced, timestamps, inside_opened;
	bool passed; /**< only followed: its service is left to its ends */
	uint32_t vlan;
	enum sl_tcp_state state[SL_N_LEGS];
	uint32_t age_ms, idle_ms; /**< since it was opened; since the last segment that counted */
	const char *timer;        /**< the limit that runs: "half_open", "idle", ... */
	uint32_t timer_ms;        /**< until it is due */
	uint32_t packets[SL_N_LEGS]; /**< received on that leg */
	uint64_t bytes[SL_N_LEGS];   /**< of sequence space received on that leg */
	uint32_t held;
	bool ours;      /**< it ends here; then: */
	bool by_cookie; /**< opened so */
	struct sl_tcp_info tcp;
};

/** Describes connection `index`. Returns false when there is none of that number. */
bool sl_relay_info(const struct sl_relay *r, uint32_t index, struct sl_conn_info *info);

SL_END_DECLS

#endif
