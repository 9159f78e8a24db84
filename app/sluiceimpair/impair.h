/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of sluiceimpair share: a relay between two interfaces that impairs what passes.
 *
 * One thread. A *lane* is one direction: frames that came to one port, on their way out of the
 * other. Everything of a lane is arithmetic on bytes and on the time that it is given; the
 * kernel is met in port.c and main.c only.
 *
 *     received -> MTU -> loss -> corruption -> duplication -> reordering -> rate -> delay -> sent
 *
 * What is no IP, and neighbour discovery, is never impaired and overtakes the queue.
 */
#ifndef IMPAIR_H
#define IMPAIR_H

#include <stdio.h>

#include "sl_addr.h"
#include "sl_base.h"

SL_BEGIN_DECLS

#define IMPAIR_NS_PER_US 1000ULL
#define IMPAIR_NS_PER_MS 1000000ULL
#define IMPAIR_NS_PER_S  1000000000ULL

/** "Never", as a time. */
#define IMPAIR_NEVER UINT64_MAX

enum {
	IMPAIR_MTU_MIN = 68,      /**< RFC 791: what every IPv4 path carries */
	IMPAIR_MTU6_MIN = 1280,   /**< RFC 8200 section 5 */
	IMPAIR_SPAN_MAX = 32,     /**< frames that may overtake one that is held back */
	IMPAIR_HOLD_MS = 10,      /**< and for how long at most */
	IMPAIR_QUEUE_MAX = 32768, /**< frames that a lane can hold for whatever reason */
	IMPAIR_BURST = 64,        /**< frames taken from a port at a time */
	/** Frames that may leave at once: a burst, its duplicates, and what it lets go. */
	IMPAIR_BATCH = 2 * IMPAIR_BURST + IMPAIR_SPAN_MAX + 1,
	IMPAIR_ANSWERS = 16, /**< ICMP errors made of one burst */
	IMPAIR_ANSWER_MAX =
		22 + 1280, /**< bytes of one: link-layer header, RFC 4443 section 2.4 (c) */
	IMPAIR_ANSWERS_PER_S = 100,
	IMPAIR_ANSWERS_LENT = 50, /**< that may come at once */
};

/** What a direction's frames suffer. All zero: nothing. */
struct impair_settings {
	uint64_t loss, duplicate, reorder, corrupt; /**< shares; 2^32 is all */
	uint64_t reorder_span;                      /**< at most so many overtake */
	uint64_t delay_ns, jitter_ns;
	uint64_t rate_bits;  /**< a second; 0: no limit */
	uint64_t queue;      /**< frames that may wait for the rate */
	uint64_t mtu;        /**< bytes of IP; 0: no limit */
	uint64_t mtu_silent; /**< nobody is told */
};

/** What both directions have in common. */
struct impair_common {
	uint64_t seed;
	uint64_t tcp_only; /**< impair nothing but TCP */
	bool router4_set, router6_set;
	struct sl_addr router4, router6; /**< senders of ICMP errors */
};

/*
 * The books of a direction:
 * received + duplicated = sent + lost + too_big + queue_dropped + refused + queued
 */
#define IMPAIR_COUNTERS(X)                                                            \
	X(received, "frames that came")                                               \
	X(sent, "frames that left")                                                   \
	X(lost, "dropped by --loss")                                                  \
	X(duplicated, "copies made by --dup")                                         \
	X(reordered, "held back by --reorder")                                        \
	X(corrupted, "a bit flipped by --corrupt")                                    \
	X(too_big, "dropped by --mtu")                                                \
	X(icmp_sent, "answers to those")                                              \
	X(queue_dropped, "no room in the queue")                                      \
	X(refused, "not taken by the other port: longer than its MTU, or it is down") \
	X(queued, "under way now")                                                    \
	X(kernel_dropped, "lost before us: the ring was full")

struct impair_stats {
#define X(name, help) uint64_t name;
	IMPAIR_COUNTERS(X)
#undef X
};

/* packet.c: what a frame is, as far as impairing it asks. */

struct impair_packet {
	uint32_t l3_off; /**< bytes; the IP header is whole behind it */
	uint32_t l4_off; /**< of the transport header; may lie at or behind the frame's end */
	uint32_t ip_len; /**< as IP says */
	uint8_t version; /**< 4, 6, or 0: no IP */
	uint8_t proto;
	bool later_fragment; /**< no transport header in it */
	bool dont_fragment;  /**< IPv4's */
	bool neighbour;      /**< neighbour or router discovery (RFC 4861) */
};

/** Reads `len` bytes of an Ethernet frame; tags may be there. Believes no length unchecked. */
void impair_packet_parse(const uint8_t *frame, uint32_t len, struct impair_packet *packet);

/** Completes TCP's or UDP's checksum, which the sender's kernel left to its NIC. */
void impair_packet_finish_checksum(uint8_t *frame, uint32_t len,
				   const struct impair_packet *packet);

/* fate.c: what chance has in store. */

/** The fate of one frame. */
struct impair_fate {
	bool lost;
	bool duplicated;
	bool corrupted;
	uint32_t bit;      /**< which bit is flipped, modulo the bits that there are */
	uint32_t span;     /**< so many later frames overtake it; 0: none */
	int64_t jitter_ns; /**< beside the delay, either way */
};

/**
 * The fate of frame number `n` of a direction: a function of its arguments and nothing else, so
 * the same seed and the same frames mean the same fates. Each kind of mishap has random numbers
 * of its own: setting one leaves the others where they were.
 */
struct impair_fate impair_fate_of(const struct impair_settings *settings, uint64_t seed,
				  uint64_t n);

/** The seed of direction 0 or 1, from the user's. */
uint64_t impair_fate_seed(uint64_t seed, unsigned direction);

/* too_big.c: the router's answer to what exceeds the MTU. */

/**
 * Makes the ICMP error: RFC 1191 (IPv4, to a packet with DF) or RFC 4443 section 3.2 (IPv6).
 * @mtu     of the next hop, bytes of IP
 * @answer  IMPAIR_ANSWER_MAX bytes; a whole frame, back to where the packet came from
 * Returns its length, or 0 when this packet may not be answered (RFC 1812 section 4.3.2.7, RFC
 * 4443 section 2.4 (e)).
 */
uint32_t impair_too_big_answer(const uint8_t *frame, uint32_t len,
			       const struct impair_packet *packet, const struct sl_addr *router,
			       uint32_t mtu, uint8_t *answer);

/* lane.c: one direction. */

/** A frame about to be sent. */
struct impair_out {
	uint8_t *data;
	uint32_t len;
	int32_t slot; /**< of the lane's memory, or -1: the receiving port's */
};

struct impair_batch {
	struct impair_out out[IMPAIR_BATCH];
	uint32_t n;
};

struct impair_held {
	uint64_t until_n;  /**< let go when this frame has come */
	uint64_t until_ns; /**< or then */
	int64_t jitter_ns;
	uint32_t len;
	int32_t slot;
};

struct impair_queued {
	uint64_t depart_ns; /**< leaves the rate's queue */
	uint64_t due_ns;    /**< is sent */
	uint32_t len;
	int32_t slot;
};

struct impair_lane {
	struct impair_settings settings;
	struct impair_common common;
	struct impair_stats stats;
	uint64_t seed;
	uint64_t n; /**< frames that could be impaired so far */
	bool idle;  /**< nothing is set: frames go by untouched */

	/* The memory of frames that wait: IMPAIR_QUEUE_MAX slots. */
	uint8_t *memory;
	uint32_t slot_size;
	int32_t *free_slots;
	uint32_t n_free;

	struct impair_held held[IMPAIR_SPAN_MAX + 1];
	uint32_t n_held;

	/* A ring in the order of sending; what is behind `departed` waits for the rate. */
	struct impair_queued *queue;
	uint32_t head, departed, tail; /**< free-running */
	uint64_t line_free_ns;         /**< when the rate admits the next */

	uint8_t answers[IMPAIR_ANSWERS][IMPAIR_ANSWER_MAX];
	uint64_t answer_next_ns; /**< when the rate of answers would admit the next, did it not lend
				  */
};

/**
 * @direction  0: from the first port, 1: from the second
 * @frame_max  bytes of the longest frame that will be given
 * Returns 0 or -1: no memory.
 */
int impair_lane_init(struct impair_lane *lane, const struct impair_settings *settings,
		     const struct impair_common *common, unsigned direction, uint32_t frame_max);
void impair_lane_fini(struct impair_lane *lane);

/** Whether one more frame fits, whatever becomes of it. */
static inline bool impair_lane_has_room(const struct impair_batch *out,
					const struct impair_batch *back)
{
	return out->n + IMPAIR_SPAN_MAX + 3 <= IMPAIR_BATCH && back->n < IMPAIR_ANSWERS;
}

/**
 * A frame has come. What is to leave now is added to `out`, answers to its sender to `back`; both
 * have room (impair_lane_has_room). `frame` may be changed, and what `out` says of it holds until
 * the caller gives the memory back.
 */
void impair_lane_take(struct impair_lane *lane, uint8_t *frame, uint32_t len, uint64_t now_ns,
		      struct impair_batch *out, struct impair_batch *back);

/** Adds what is due to `out`, as far as there is room. */
void impair_lane_release(struct impair_lane *lane, uint64_t now_ns, struct impair_batch *out);

/** When impair_lane_release has something to do again, or IMPAIR_NEVER. */
uint64_t impair_lane_next_ns(const struct impair_lane *lane);

/** The batch has been sent, all but `n_refused` of it: takes its memory back and books it. */
void impair_lane_sent(struct impair_lane *lane, struct impair_batch *out, uint32_t n_refused);

/* options.c: the table of options, from which help and manual come too. */

struct impair_options {
	const char *names[2]; /**< of the interfaces */
	struct impair_common common;
	struct impair_settings settings[2];
	uint64_t json; /**< a flag, as all of the table */
};

/** Reads the command line. Exits itself for what only prints (0) and for bad usage (2). */
void impair_options_read(struct impair_options *options, int argc, char **argv);

/* port.c: an interface. */

struct impair_port {
	const char *name;
	int fd;
	int index;
	uint32_t frame_max; /**< bytes of the longest frame that fits the ring */
	uint8_t *ring;
	size_t ring_size;
	uint32_t frame_size; /**< of a place in the ring */
	uint32_t n_frames;
	uint32_t next; /**< the place that is read next */
	bool said_long, said_refused;
	uint64_t kernel_dropped;
};

/** A frame in a port's ring. */
struct impair_received {
	uint8_t *data;
	uint32_t len;
	bool cut;              /**< longer than the ring's places: only its start is here */
	bool checksum_missing; /**< the sender's kernel has left it to a NIC */
};

/** Opens an interface. Returns 0, or -1 with the reason on stderr. */
int impair_port_open(struct impair_port *port, const char *name);
void impair_port_close(struct impair_port *port);

/** The `i`th frame that has come and was not given back. False: there is none. */
bool impair_port_peek(struct impair_port *port, uint32_t i, struct impair_received *received);

/** Gives the first `n` frames back to the kernel. */
void impair_port_give_back(struct impair_port *port, uint32_t n);

/** Sends a batch. Returns how many frames the kernel refused. */
uint32_t impair_port_send(struct impair_port *port, const struct impair_batch *batch);

/** Adds up what the kernel has dropped. */
void impair_port_count(struct impair_port *port);

/** After POLLERR: clears it. Returns 0, or -1 when the interface is gone, which it says. */
int impair_port_recover(struct impair_port *port);

SL_END_DECLS

#endif
