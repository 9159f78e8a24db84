/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * SYN cookies: the answer to a SYN carries, in our initial sequence number, all that the box would
 * otherwise have to remember, under a MAC that only we can make (RFC 4987 section 3.6).
 *
 * Neighbours: stands on base alone. The pipeline mints for each SYN and verifies each ACK without a
 * connection; control advances the ring.
 * Threads: a ring is plain memory without pointers, copied by value. Control owns one and advances
 * it about once a second; a worker owns its copy. No lock, no clock, no allocation. The copy's
 * `failures` is its owner's: who takes a newer ring from control keeps his own.
 *
 * The bits, before the data mask is laid over P and the data bits of our ISN
 *
 *   timestamps granted (the ACK carries the option):
 *
 *      31  30    28 27                                                       0
 *     +---+--------+-----------------------------------------------------------+
 *     | P |  MSS   |                        MAC (28)                           |   our ISN
 *     +---+--------+-----------------------------------------------------------+
 *
 *      31                                                     5 4      1   0
 *     +---------------------------------------------------------+--------+----+
 *     |                clock, in steps of 32 ms                 | wscale |SACK|   our TSval
 *     +---------------------------------------------------------+--------+----+
 *
 *   no timestamps:
 *
 *      31  30 29 28    25  24  23                                            0
 *     +---+-----+--------+----+------------------------------------------------+
 *     | P | MSS | wscale |SACK|                    MAC (24)                    |   our ISN
 *     +---+-----+--------+----+------------------------------------------------+
 *
 *   P       the epoch's lowest bit; an epoch is 64 s of Unix time
 *   MSS     index into 216 536 1220 1340 1400 1440 1460 8960 (3 bits) or 536 1300 1440 1460 (2)
 *   wscale  the client's shift, 15: no window scale (RFC 7323 allows 0 to 14)
 *   MAC     the low bits of SipHash-2-4 under the epoch's key, over 22 bytes in three words or,
 *           with IPv6, 46 bytes in six: client address (4 or 16), server address (likewise),
 *           client port (2), server port (2), client's ISN (4), epoch (4), data: MSS index << 5 |
 *           wscale << 1 | SACK (1), format (1: 2, with timestamps 3); the last word's other two
 *           bytes are SipHash's own padding and length, so that no message of one family is one
 *           of the other's
 *   data mask
 *           laid over all bits of our ISN but the MAC's: the top of
 *           fold(((client's ISN << 32 | server port << 16 | client port) ^ a) * (MAC ^ b)) * c
 *           where fold is the exclusive or of the two halves of a product of 128 bits, and a, b
 *           and c (odd) are three outputs of SipHash keyed with the master secret, over (0, 3),
 *           (0, 4) and (0, 5). No epoch is in it, since the parity that it hides names the epoch;
 *           and only what the ACK brings back, so that verifying takes it off first
 *
 *   The data bits state what the SYN-ACK granted, not what the client offered. There is none for
 *   ECN: a SYN-ACK without ECE is always legal (RFC 3168 section 6.1.1).
 *
 * Keys and life
 *
 *   An epoch's key is two outputs of SipHash keyed with the master secret, over (epoch, 0) and
 *   (epoch, 1): boxes that share the secret verify each other's cookies and need not talk. The
 *   parity picks the one key that is tried: the epoch's own if it agrees with the current epoch,
 *   else the previous epoch's in the first half of the current one, the next epoch's in the second.
 *
 *                    epoch E - 1            epoch E              epoch E + 1
 *              +---------------------+---------------------+---------------------+
 *     minted in E:                   |<--- minted here --->|
 *     verified:             |<-skew->|<------- valid ------------->|
 *                           E - 32 s                               E + 96 s
 *
 *   So a cookie lives 32 s at least and 96 s at most, and clocks may differ by 32 s. The time is
 *   the monotonic clock plus an offset, fixed whenever control looks at the wall clock: neither a
 *   late control thread nor a step of the wall clock invalidates what is alive. After a step, the
 *   cookies of the time before it are judged for 96 s more by that time, which runs on ("frozen").
 *
 * The format before
 *
 *   Formats 0 and 1 had no data mask. Boxes that share the secret and are upgraded one after
 *   another meet the cookies of the others, and a restarted box those of itself: for this one
 *   release they verify, where the owner of the ring says so (`older`). They are tried for failures
 *   only, 10,000 a second at most and ring; so a flood of forged ACKs costs 10,000 hashes a second
 *   more whatever its rate, and what passes of it by accident is at most one more in 28 minutes
 *   (10,000 tries a second at 2^-24). While such a flood lasts, honest ones of the format before
 *   mostly fail with it; their clients send again. Only the new formats are minted, and boxes of
 *   the release before do not verify these.
 *
 * The attacks, and the answer to each
 *
 *   Guessing. An ACK made at random passes with 2^-28 (timestamps) or 2^-24 (none): one
 *     parity, one key. Only in the 96 s after a step of the wall clock are there two tries,
 *     and a few more of the format before.
 *     At a million forged ACKs a second, that is one false connection in 17 s; it says
 *     nothing, and the limits reclaim it.
 *   Guessing an ISN. Who is off the path and wants to speak in the server's name must guess our
 *     ISN. The data bits are known (clients of one kind are granted the same), the parity is a
 *     clock's; bare, they left 2^24 (2^28) numbers. The data mask makes that 2^32: it depends on
 *     the client's ISN, 32 bits that nobody off the path knows, so that no number of cookies for
 *     tuples of one's own tells the mask of another's, even if a, b and c were known. A collection
 *     of masks by MAC bits (2^24 of them) is as useless: it holds for one ISN and pair of ports.
 *     The mask is no cipher. Who knows a client's ISN and works a, b and c out of many cookies of
 *     his own has the 2^24 left that there were without it. What is judged is the MAC alone.
 *   Learning from one's own cookies. Whoever has an address sees any number of cookies for
 *     it. The MAC is a PRF under 128 bits: none of them tells a bit about another tuple,
 *     ISN or epoch.
 *   Turning roles. The client stands first in the message, so a cookie for A to B is none
 *     for B to A.
 *   A late segment taken for a handshake. Where the client's ISN is only added to the
 *     cookie, a segment of an old connection whose SEQ and ACK advanced alike, or whose ACK
 *     is a little lower, opens a new one. Here nothing is added: ISN and tuple are in the
 *     MAC, and an ACK that is off by any amount in either number or in both is as good as
 *     random.
 *   Changing what was granted (MSS, window scale, SACK; a tiny MSS makes a server send many
 *     small packets). All data bits are in the MAC, those in the TSval as well. The
 *     smallest MSS of a table is what a client gets that offers less.
 *   Crossing formats: dropping the timestamps option, or adding one, so that 24 bits of MAC
 *     are read as 28. The format is in the MAC.
 *   Playing with TSecr's upper bits. They are not in the MAC: they only state what the
 *     client saw, and a wrong one harms its sender alone.
 *   Replay. A cookie opens the same tuple only, and dies after 96 s; within that, the
 *     connection's entry, or the tombstone that a reset or reclaimed one left, is found
 *     before the cookie is looked at, and the upper layers count `replayed`. An orderly
 *     close leaves its entry for 2MSL only: where that is shorter, who has seen the ACK may
 *     open the tuple once more before the cookie dies.
 *   Collecting cookies to spend them at once. They die with their epoch, each needs its own
 *     real address, port and ISN, and 96 s bound the heap.
 *   Burning cycles. A SYN costs one hash of three or six words, a forged ACK one (two after a
 *     step; one of the format before, see above), and one failure in 64 up to two more with
 *     their keys. Nothing is stored, and nothing is sent upon a failure: no oracle, no
 *     amplification.
 *   Watching the time. No branch, no index depends on a key or a MAC; the MAC is compared in
 *     one word. Format, parity and epoch are no secrets.
 *   Stealing a key. The master hashes epoch numbers only, never a packet; an epoch's key
 *     tells nothing about the others.
 *   Moving the clock. A step keeps both times alive for 96 s. A slew is followed, at most 1
 *     s a look. A clock that is wrong harms only the sharing with other boxes.
 *   Reading our uptime from the TSval (RFC 7323 section 7.1). The clock is shifted by a
 *     secret constant made from the master.
 *   Crossing tenants. Link and VLAN are not in the MAC: where tenants with equal addresses
 *     must not accept each other's cookies, each has a ring with a master of its own.
 *
 *   A master that is known to the attacker opens everything: the file is 0600, or the secret is
 *   made at random at start.
 */
#ifndef SL_COOKIE_H
#define SL_COOKIE_H

#include "sl_addr.h"
#include "sl_bucket.h"
#include "sl_siphash.h"

SL_BEGIN_DECLS

/** No window scale was granted. */
enum { SL_COOKIE_NO_WSCALE = 15 };

/** The longest that a cookie lives, and a step of the wall clock is remembered; microseconds. */
#define SL_COOKIE_LIFE_MAX_US (96 * SL_US_PER_S)

/** The shortest that a cookie lives, and the skew allowed between boxes; microseconds. */
#define SL_COOKIE_LIFE_MIN_US (32 * SL_US_PER_S)

/** Whose handshake: ports in host order. */
struct sl_cookie_tuple {
	struct sl_addr client, server;
	uint16_t client_port, server_port;
};

/** What the SYN-ACK granted. */
struct sl_cookie_options {
	uint16_t mss;   /**< bytes; an entry of the format's table */
	uint8_t wscale; /**< the client's shift, 0 to 14, or SL_COOKIE_NO_WSCALE */
	bool sack;
	bool timestamps; /**< chooses the format */
};

/** Keys that a time line holds ready: the previous epoch's to the one after the next. */
enum { SL_COOKIE_N_KEYS = 4 };

/** One view of the wall clock, and the keys around it. */
struct sl_cookie_timeline {
	uint64_t offset_us;   /**< Unix time minus monotonic time, modulo 2^64 */
	uint32_t first_epoch; /**< whose key keys[0] is */
	struct sl_sipkey keys[SL_COOKIE_N_KEYS];
};

/** How MACs are made: by what the CPU has. All give the same answers. */
enum sl_cookie_engine {
	SL_COOKIE_PORTABLE,
	SL_COOKIE_AVX2,
	SL_COOKIE_AVX512,
	SL_COOKIE_N_ENGINES,
};

/** Whether this CPU has what the engine needs. */
bool sl_cookie_engine_works(enum sl_cookie_engine engine);

/** The fastest engine that works; a new ring has it. */
enum sl_cookie_engine sl_cookie_engine_best(void);

const char *sl_cookie_engine_name(enum sl_cookie_engine engine);

/** 64-bit words of a message under the MAC, by family. */
enum { SL_COOKIE_WORDS_V4 = 3, SL_COOKIE_WORDS_V6 = 6 };

/** The key of what lies over the data bits. */
struct sl_cookie_mask_key {
	uint64_t a, b, c; /**< c is odd */
};

/** All that minting and verifying need. Private to this library; to be copied as a whole. */
struct sl_cookie_ring {
	struct sl_cookie_timeline live;
	uint32_t tsval_shift; /**< hides our uptime */
	uint32_t failures;    /**< written by verify: one in 64 is looked at closely */
	uint8_t engine;       /**< enum sl_cookie_engine */
	bool older; /**< the format before verifies as well: the owner's to set, where other boxes
		       share the master */
	struct sl_bucket older_tries; /**< written by verify */
	struct sl_cookie_mask_key mask_key;
	struct sl_sipkey master;
	uint64_t frozen_until_us; /**< monotonic; before it, `frozen` verifies as well */
	struct sl_cookie_timeline frozen;
};

/**
 * Makes a ring.
 * @master   16 secret bytes, the same on all boxes that share cookies
 * @unix_us  the wall clock, microseconds since 1970, UTC
 * @now_us   the monotonic clock, read together with it, microseconds
 */
void sl_cookie_ring_init(struct sl_cookie_ring *ring, const uint8_t master[16], uint64_t unix_us,
			 uint64_t now_us);

/**
 * Moves the ring to the wall-clock time `unix_us`, read together with the monotonic time `now_us`
 * (microseconds both). For control, about once a second; a ring that is advanced late, or never,
 * works on, but derives its keys anew for each packet once it is more than an epoch behind.
 *
 * Against the last look, a wall clock that moved by up to 1 s is followed. One that moved by more
 * was set: what was minted before verifies for SL_COOKIE_LIFE_MAX_US more. A second step within
 * that time takes the place of the first.
 */
void sl_cookie_ring_advance(struct sl_cookie_ring *ring, uint64_t unix_us, uint64_t now_us);

/** The wall clock, as the ring was told of it: microseconds since 1970 at the monotonic `now_us`.
 */
static inline uint64_t sl_cookie_unix_us(const struct sl_cookie_ring *ring, uint64_t now_us)
{
	return now_us + ring->live.offset_us;
}

/**
 * The cookie, our ISN, for a SYN-ACK.
 * @client_isn  the SYN's SEQ
 * @opts        in: what is granted, any MSS. out: the MSS that the cookie can say, which is the
 *              highest of the table not above it, or the table's lowest
 * @now_us      monotonic
 * @tsval       out, when opts->timestamps: the TSval to send, whose low 5 bits are part of the
 *              cookie. It never falls (modulo 2^32) from a SYN to its retransmission, which grants
 *              the same. Untouched otherwise, and may be NULL
 */
uint32_t sl_cookie_mint(const struct sl_cookie_ring *ring, const struct sl_cookie_tuple *tuple,
			uint32_t client_isn, struct sl_cookie_options *opts, uint64_t now_us,
			uint32_t *tsval);

enum sl_cookie_verdict {
	SL_COOKIE_VALID,
	SL_COOKIE_FORGED,  /**< not ours; or ours, expired, and not looked at closely */
	SL_COOKIE_EXPIRED, /**< ours, of an epoch before; seen in one failure of 64 */
};

/**
 * Judges the ACK that ends a handshake.
 * @client_isn  SEG.SEQ - 1
 * @cookie      SEG.ACK - 1
 * @has_ts      whether the ACK carries the timestamps option, which it does on every segment once
 *              granted (RFC 7323 section 3.2)
 * @tsecr       its TSecr; ignored without
 * @now_us      monotonic
 * @opts        out, when SL_COOKIE_VALID: what our SYN-ACK granted. Untouched otherwise
 */
enum sl_cookie_verdict sl_cookie_verify(struct sl_cookie_ring *ring,
					const struct sl_cookie_tuple *tuple, uint32_t client_isn,
					uint32_t cookie, bool has_ts, uint32_t tsecr,
					uint64_t now_us, struct sl_cookie_options *opts);

SL_END_DECLS

#endif
