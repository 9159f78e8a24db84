/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A hashed timer wheel: Varghese and Lauck, "Hashed and Hierarchical Timing Wheels" (SOSP 1987),
 * scheme 6. One node a connection, lying in the connection; the wheel links nodes by their index in
 * the caller's array. Arm, re-arm and cancel are O(1), whatever else is armed; a run does a bounded
 * amount of work and the next one carries on. No clock in here: the time is an argument.
 *
 * Threads. One thread owns a wheel, its slots and the array that the nodes lie in. Nothing is
 * shared and nothing is locked; a second thread may not even read the count.
 *
 * Neighbours. A worker owns one wheel over its connection table (lib/flow). Each connection has one
 * node and many timers: its owner (relay, tcp) keeps the true deadline of each, arms the node for
 * the earliest, and decides which one is due when the node comes up. The timers of the box:
 *
 *   relay   SYN retransmission to the server, half-open, silent, idle, FIN-WAIT-2, CLOSE-WAIT,
 *           LAST-ACK, TIME-WAIT (2MSL), the tombstone of a reset connection
 *   tcp     RTO, delayed ACK, persist, keepalive, FIN-WAIT-2, LAST-ACK, TIME-WAIT (2MSL)
 *
 * Granularity and range. A deadline is rounded up to a tick, so a node never comes up before it;
 * it comes up within one tick after it, plus what the runs lag behind. A deadline beyond one
 * revolution stays in its slot and is looked at (and left) once a revolution. For 4,096 slots:
 *
 *     tick       late by at most    one revolution    furthest deadline (2^31 - 1 ticks)
 *   100 us            0.1 ms             0.4 s                 2.5 days
 *     1 ms              1 ms             4.1 s                  24 days
 *    10 ms             10 ms              41 s                 248 days
 *   100 ms            100 ms             6.8 min               6.8 years
 *
 * Furthest is counted from the time the wheel has reached. A deadline beyond it is cut to it: the
 * node comes up early, its owner finds its own deadline not reached and arms again.
 *
 * Order of calls.
 *
 *   sl_wheel_init                     once; then sl_wheel_node_init for every node of the array
 *   sl_wheel_arm, _arm_by, _cancel    at any time between runs
 *   sl_wheel_run                      each loop turn; then, for each index that it returned, the
 *                                     owner acts, and arms again or not
 *
 * An index that a run returns is unarmed already, and the wheel knows nothing of it any more. Where
 * acting on one connection may close another, that other may stand further on in the same list, its
 * index even in new hands: the owner acts on an index only after a look at its own deadlines.
 */
#ifndef SL_WHEEL_H
#define SL_WHEEL_H

#include "sl_base.h"

SL_BEGIN_DECLS

/** No node. Indices of nodes are below 2^31. */
#define SL_WHEEL_NONE UINT32_MAX

/** Lists of a slot: so many nodes can be on their way from memory at once. */
enum { SL_WHEEL_WAYS = 4 };

/** The most slots that a run moves on through: its bound where slots are empty. */
#define SL_WHEEL_SLOTS_PER_RUN 256u

/** A timer, lying in the caller's object. The wheel alone writes it, once initialised. */
struct sl_wheel_node {
	uint32_t next; /**< index of the next in its list, or SL_WHEEL_NONE */
	uint32_t prev; /**< index of the one before; the list itself for the first; or unarmed */
	uint32_t deadline; /**< tick, modulo 2^32; meaningful while armed */
};

static_assert(sizeof(struct sl_wheel_node) == 12, "a node lies in every connection: keep it small");

/** Private but for its size: use the functions. */
struct sl_wheel {
	uint32_t *heads; /**< first nodes of each slot's lists; last, of the lists of those due */
	char *nodes;     /**< node 0 */
	size_t stride;   /**< bytes from node to node */
	uint64_t reciprocal; /**< of tick_us, in 64-bit fixed point */
	uint64_t now_tick;   /**< where the clock is: the tick of the latest run */
	uint64_t horizon;    /**< what is due by this tick comes up; at most now_tick */
	uint64_t cursor;     /**< slots up to this tick have been taken; at most horizon */
	uint32_t tick_us;
	uint32_t n_slots;
	uint32_t n_armed;
};

/**
 * Bytes that a wheel of `n_slots` (a power of two, at most 2^24) needs for its slots, a multiple of
 * SL_CACHE_LINE.
 */
size_t sl_wheel_memory_size(uint32_t n_slots);

/**
 * Makes an empty wheel.
 * @w             the wheel
 * @slots_memory  sl_wheel_memory_size(n_slots) bytes, aligned to SL_CACHE_LINE, the wheel's from
 * now
 * @n_slots       a power of two, at most 2^24; about the usual distance of deadlines in ticks, or
 *                the number of nodes if that is less
 * @tick_us       microseconds a tick, not 0
 * @base, @stride, @offset
 *                node i lies at base + i * stride + offset, aligned to 4
 * @now_us        the time, on the clock of all later calls
 */
void sl_wheel_init(struct sl_wheel *w, void *slots_memory, uint32_t n_slots, uint32_t tick_us,
		   void *base, size_t stride, size_t offset, uint64_t now_us);

/** Makes a node unarmed. For fresh memory only: an armed node is taken out by sl_wheel_cancel. */
static inline void sl_wheel_node_init(struct sl_wheel_node *n)
{
	n->next = SL_WHEEL_NONE;
	n->prev = SL_WHEEL_NONE;
	n->deadline = 0;
}

/** Whether the node will come up. */
static inline bool sl_wheel_armed(const struct sl_wheel_node *n)
{
	return n->prev != SL_WHEEL_NONE;
}

/**
 * Arms node `index`, or arms it anew, for exactly `deadline_us`. One in the past comes up at the
 * next run.
 */
void sl_wheel_arm(struct sl_wheel *w, uint32_t index, uint64_t deadline_us);

/**
 * Sees to it that node `index` comes up no later than if it were armed for `deadline_us`: files it
 * only if it is unarmed or filed for later. It may come up earlier; the owner keeps its true
 * deadline and arms again. So a packet that moves a deadline later costs nothing here.
 */
void sl_wheel_arm_by(struct sl_wheel *w, uint32_t index, uint64_t deadline_us);

/** Takes node `index` out; nothing happens if it is unarmed. */
void sl_wheel_cancel(struct sl_wheel *w, uint32_t index);

/**
 * Moves the wheel on to `now_us` and takes out what is due.
 * @now_us   the time; one before the last run's counts as the last run's
 * @budget   nodes to look at, at most. Slots moved through are at most SL_WHEEL_SLOTS_PER_RUN.
 *           What is left is done by the next run: nothing is lost, only later. When the clock has
 *           jumped, each slot is visited once, not each tick; when nothing is armed, none is.
 * @expired  room for the indices of the nodes that have come up, now unarmed; in no order
 * @max      how many there is room for
 * Returns the number written to `expired`.
 */
unsigned sl_wheel_run(struct sl_wheel *w, uint64_t now_us, unsigned budget, uint32_t *expired,
		      unsigned max);

/**
 * When the first armed node comes up, or UINT64_MAX when none is armed; of one beyond a revolution
 * it may say the revolution's end. It looks through slots and their nodes: for who sleeps until
 * then, not for the road.
 */
uint64_t sl_wheel_next_us(const struct sl_wheel *w);

/** Number of armed nodes. */
static inline uint32_t sl_wheel_count(const struct sl_wheel *w)
{
	return w->n_armed;
}

/** Whether there are nodes that a run has found and not looked at. */
static inline bool sl_wheel_any_due(const struct sl_wheel *w)
{
	const uint32_t *due = &w->heads[w->n_slots * SL_WHEEL_WAYS];

	static_assert(SL_WHEEL_WAYS == 4 && SL_WHEEL_NONE == UINT32_MAX, "four, all ones");
	return (due[0] & due[1] & due[2] & due[3]) != SL_WHEEL_NONE;
}

/**
 * Whether the runs have kept up with the clock: if not, the next run has work to do even at the
 * same time, and its owner had better not go to sleep.
 */
static inline bool sl_wheel_caught_up(const struct sl_wheel *w)
{
	return w->cursor == w->now_tick && !sl_wheel_any_due(w);
}

SL_END_DECLS

#endif
