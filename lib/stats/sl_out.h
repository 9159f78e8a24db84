/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where the packets of a burst go. Whoever decides what becomes of a packet says so through one of
 * these calls: it sets the fate, and puts the buffer on the list that fits. When all are decided,
 * sl_out_settle books what it finds in their descriptors, packets of one fate together. So there is
 * one place where a packet can get lost, and it balances: `rx`, or `handed_in` for a packet that
 * another worker gave us, is counted with the fate. What is held or handed on leaves its descriptor
 * in other hands, and is booked at once.
 *
 * The worker owns the lists. Before each run and each tick it empties them (sl_out_empty) and fills
 * `spare`; after it, it transmits `sent` in its order and frees `freed`. What `sent` points to
 * stays as it is until then. One thread.
 */
#ifndef SL_OUT_H
#define SL_OUT_H

#include "sl_buf.h"
#include "sl_stats.h"

SL_BEGIN_DECLS

enum {
	SL_BURST = 32,        /**< packets of one run, at most */
	SL_SPARES = 64,       /**< spare buffers a run may use */
	SL_HELD_PER_CONN = 4, /**< packets held for one connection */
	SL_RELEASED_MAX = SL_BURST * SL_HELD_PER_CONN,
	/** A run sends what it received, what it made, and what it released, and no more. */
	SL_SENT_MAX = SL_BURST + SL_SPARES + SL_RELEASED_MAX,
	SL_FREED_MAX = SL_SENT_MAX,
};

struct sl_out {
	struct sl_account *accounts; /**< by buf->account */
	uint32_t n_sent, n_freed, n_spare, n_handed, n_released;
	uint32_t
		full; /**< bit p: port p takes no more than it has been given; what can wait does */
	struct sl_buf *sent[SL_SENT_MAX]; /**< the burst's, spare ones, released ones */
	void *freed[SL_FREED_MAX];        /**< handles */
	struct sl_buf spare[SL_SPARES];
	struct sl_buf handed[SL_BURST];          /**< that the next worker shall look at */
	struct sl_buf released[SL_RELEASED_MAX]; /**< that connections have held */
};

/** Everything on the lists has been carried away. */
static inline void sl_out_empty(struct sl_out *out)
{
	out->n_sent = out->n_freed = out->n_handed = out->n_released = 0;
}

static inline void sl_out_push(struct sl_out *out, struct sl_buf *buf, enum sl_fate fate)
{
	buf->fate = (uint8_t)fate;
	assert(out->n_sent < SL_SENT_MAX);
	out->sent[out->n_sent++] = buf;
}

static inline void sl_out_free(struct sl_out *out, struct sl_buf *buf, enum sl_fate fate)
{
	buf->fate = (uint8_t)fate;
	assert(out->n_freed < SL_FREED_MAX);
	out->freed[out->n_freed++] = buf->handle;
}

/** Counts a packet that has come into `term`, now: it is held or handed on. */
static inline void sl_out_book(struct sl_out *out, const struct sl_buf *buf, enum sl_term term)
{
	struct sl_account *a = &out->accounts[buf->account];

	sl_count(&a->term[buf->origin == SL_ORIGIN_RX ? SL_TERM_rx : SL_TERM_handed_in], 1);
	sl_count(&a->term[term], 1);
}

/** Books `n` packets that have been decided, once. */
void sl_out_settle(struct sl_out *out, const struct sl_buf *bufs, unsigned n);

/** The packet has become its own answer and goes back by the port it came from. */
static inline void sl_out_answer(struct sl_out *out, struct sl_buf *buf)
{
	buf->out_port = buf->in_port;
	sl_out_push(out, buf, SL_FATE_ANSWERED);
}

/** The packet goes on by `port` as a segment of a connection. */
static inline void sl_out_relay(struct sl_out *out, struct sl_buf *buf, uint8_t port)
{
	buf->out_port = port;
	sl_out_push(out, buf, SL_FATE_RELAYED);
}

/**
 * Several packets that leave one after another with the same fate, nothing else being decided
 * between them: each goes to the place after the last (`*next` is sl_out_next at first, of at most
 * `n`), and is on the list when sl_out_sent_to has been told the place after the last of all.
 */
static inline struct sl_buf **sl_out_next(struct sl_out *out, unsigned n)
{
	assert(out->n_sent + n <= SL_SENT_MAX);
	return &out->sent[out->n_sent];
}

static inline void sl_out_put(struct sl_buf ***next, struct sl_buf *buf, enum sl_fate fate,
			      uint8_t port)
{
	buf->fate = (uint8_t)fate;
	buf->out_port = port;
	*(*next)++ = buf;
}

static inline void sl_out_sent_to(struct sl_out *out, struct sl_buf **next)
{
	out->n_sent = (uint32_t)(next - out->sent);
}

/** The packet goes on by `port` untouched. */
static inline void sl_out_pass(struct sl_out *out, struct sl_buf *buf, uint8_t port)
{
	buf->out_port = port;
	sl_out_push(out, buf, SL_FATE_PASSED);
}

/** The box has consumed the packet. */
static inline void sl_out_deliver(struct sl_out *out, struct sl_buf *buf)
{
	sl_out_free(out, buf, SL_FATE_DELIVERED);
}

static inline void sl_out_drop(struct sl_out *out, struct sl_buf *buf, enum sl_drop reason)
{
	buf->reason = (uint8_t)reason;
	sl_out_free(out, buf, SL_FATE_DROPPED);
}

/**
 * The packet goes to another worker: the caller carries it there, after this call, and once it is
 * there does not look at it any more. When it can't be brought there: sl_out_unhanded.
 */
static inline void sl_out_hand(struct sl_out *out, struct sl_buf *buf)
{
	sl_out_book(out, buf, SL_TERM_handed_out);
	buf->fate = SL_FATE_HANDED;
}

/** The packet goes to the next worker, since nobody can tell whose it is; booked for no service. */
static inline void sl_out_hand_round(struct sl_out *out, struct sl_buf *buf)
{
	buf->account = 0;
	buf->hops++;
	sl_out_hand(out, buf);
	assert(out->n_handed < SL_BURST);
	out->handed[out->n_handed++] = *buf;
}

/** A connection keeps the packet: the caller copies the descriptor, and releases it later. */
static inline void sl_out_hold(struct sl_out *out, struct sl_buf *buf)
{
	sl_out_book(out, buf, SL_TERM_held);
	buf->fate = SL_FATE_HELD;
}

/** A held packet goes on by `port`; the caller's descriptor is copied. */
static inline void sl_out_release(struct sl_out *out, const struct sl_buf *held, uint8_t port)
{
	struct sl_buf *buf = &out->released[out->n_released];
	struct sl_account *a = &out->accounts[held->account];

	assert(out->n_released < SL_RELEASED_MAX);
	out->n_released++;
	*buf = *held;
	sl_count(&a->term[SL_TERM_held], (uint64_t)-1);
	sl_count(&a->term[SL_TERM_relayed], 1);
	buf->out_port = port;
	sl_out_push(out, buf, SL_FATE_RELAYED);
}

/** A held packet is given up. */
static inline void sl_out_release_drop(struct sl_out *out, struct sl_buf *buf, enum sl_drop reason)
{
	struct sl_account *a = &out->accounts[buf->account];

	sl_count(&a->term[SL_TERM_held], (uint64_t)-1);
	sl_count(&a->drop[reason], 1);
	buf->reason = (uint8_t)reason;
	sl_out_free(out, buf, SL_FATE_DROPPED);
}

/** Whether what can wait is better not sent by `port` now. */
static inline bool sl_out_is_full(const struct sl_out *out, uint8_t port)
{
	return out->full >> port & 1;
}

/** Takes a spare buffer for a segment of our own; NULL when there is none. */
static inline struct sl_buf *sl_out_spare(struct sl_out *out)
{
	return out->n_spare > 0 ? &out->spare[--out->n_spare] : NULL;
}

/** Sends a segment of our own making, for `account`, by `port`. */
static inline void sl_out_made(struct sl_out *out, struct sl_buf *buf, uint16_t account,
			       uint8_t port)
{
	sl_count(&out->accounts[account].event[SL_EVENT_made], 1);
	buf->account = account;
	buf->out_port = port;
	sl_out_push(out, buf, SL_FATE_MADE);
}

/** The port did not take a sent packet: its line in the books moves to the drops. */
void sl_out_unsent(struct sl_out *out, const struct sl_buf *buf);

/** The other worker had no room for `n` handed packets of no service: they move to the drops. The
 * buffers are the caller's to free. */
void sl_out_unhanded(struct sl_out *out, unsigned n);

SL_END_DECLS

#endif
