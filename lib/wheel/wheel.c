/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ticks are counted in 64 bits here and kept in 32 in the nodes. What makes that sound is that
 * every armed deadline lies within (horizon - 2^30, horizon + 2^31): it is cut to that when filed,
 * and the horizon moves on, by at most 2^30, only after a sweep has taken out all that is due by
 * the old one. A sweep visits the slots from the last horizon to the new, and each slot once when
 * that is more than a revolution.
 *
 * A slot has SL_WHEEL_WAYS lists, a node's by its index, and behind the slots there are as many
 * lists of the due. A slot's lists are moved there as a whole and looked at from there, one node of
 * each by turns: the successor of a node is not known before it has come from memory, but those of
 * the other lists can come meanwhile. A node that is not due goes back to its slot, where this tick
 * doesn't come by again.
 */
#include "sl_wheel.h"

#define MAX_SLOTS      (1u << 24)
#define MAX_JUMP_TICKS (1u << 30)

/* In `prev` of a list's first node: the number of its list, marked by this bit. */
#define LIST 0x80000000u

static struct sl_wheel_node *node_at(const struct sl_wheel *w, uint32_t index)
{
	return (struct sl_wheel_node *)(w->nodes + (size_t)index * w->stride);
}

/* `us` / tick_us; the rest in `rest`. The reciprocal is rounded down, so its quotient is right or
 * one short for every 64-bit number. A division would cost more than all else in an arm. */
static uint64_t ticks_of(const struct sl_wheel *w, uint64_t us, uint32_t *rest)
{
	uint64_t q = (uint64_t)((unsigned __int128)us * w->reciprocal >> 64);
	uint64_t r = us - q * w->tick_us;

	if (r >= w->tick_us) {
		q++;
		r -= w->tick_us;
	}
	*rest = (uint32_t)r;
	return q;
}

/* How many ticks beyond the horizon a deadline lies: 0 when it is past, cut to what is in range. */
static uint32_t ticks_ahead(const struct sl_wheel *w, uint64_t deadline_us)
{
	uint32_t rest;
	uint64_t tick = ticks_of(w, deadline_us, &rest);

	if (rest != 0)
		tick++;
	if (tick <= w->horizon)
		return 0;
	tick -= w->horizon;
	return tick < INT32_MAX ? (uint32_t)tick : INT32_MAX;
}

/* The same of an armed node; negative when a sweep has yet to come by it. */
static int32_t node_ahead(const struct sl_wheel *w, const struct sl_wheel_node *n)
{
	return (int32_t)(n->deadline - (uint32_t)w->horizon);
}

static uint32_t list_of(uint32_t slot, uint32_t index)
{
	return slot * SL_WHEEL_WAYS + index % SL_WHEEL_WAYS;
}

static void push(struct sl_wheel *w, uint32_t list, uint32_t index, struct sl_wheel_node *n)
{
	const uint32_t first = w->heads[list];

	n->next = first;
	n->prev = LIST | list;
	if (first != SL_WHEEL_NONE)
		node_at(w, first)->prev = index;
	w->heads[list] = index;
}

static void unlink_node(struct sl_wheel *w, const struct sl_wheel_node *n)
{
	if (n->prev & LIST)
		w->heads[n->prev & ~LIST] = n->next;
	else
		node_at(w, n->prev)->next = n->next;
	if (n->next != SL_WHEEL_NONE)
		node_at(w, n->next)->prev = n->prev;
}

/* Files a node that is on no list. What is due already joins the due: its slot has been passed. */
static void file(struct sl_wheel *w, uint32_t index, struct sl_wheel_node *n, uint32_t ahead)
{
	n->deadline = (uint32_t)w->horizon + ahead;
	push(w, list_of(ahead == 0 ? w->n_slots : n->deadline & (w->n_slots - 1), index), index, n);
}

size_t sl_wheel_memory_size(uint32_t n_slots)
{
	const size_t bytes = ((size_t)n_slots + 1) * SL_WHEEL_WAYS * sizeof(uint32_t);

	return (bytes + SL_CACHE_LINE - 1) & ~(size_t)(SL_CACHE_LINE - 1);
}

void sl_wheel_init(struct sl_wheel *w, void *slots_memory, uint32_t n_slots, uint32_t tick_us,
		   void *base, size_t stride, size_t offset, uint64_t now_us)
{
	uint32_t rest;

	assert(n_slots > 0 && n_slots <= MAX_SLOTS && (n_slots & (n_slots - 1)) == 0);
	assert(tick_us > 0);
	assert((uintptr_t)slots_memory % SL_CACHE_LINE == 0);
	assert(stride % alignof(struct sl_wheel_node) == 0);
	w->heads = (uint32_t *)slots_memory;
	w->nodes = (char *)base + offset;
	w->stride = stride;
	w->reciprocal = UINT64_MAX / tick_us;
	w->tick_us = tick_us;
	w->n_slots = n_slots;
	w->n_armed = 0;
	for (uint32_t i = 0; i < (n_slots + 1) * SL_WHEEL_WAYS; i++)
		w->heads[i] = SL_WHEEL_NONE;
	w->now_tick = w->horizon = w->cursor = ticks_of(w, now_us, &rest);
}

static void arm(struct sl_wheel *w, uint32_t index, struct sl_wheel_node *n, uint32_t ahead)
{
	if (sl_wheel_armed(n))
		unlink_node(w, n);
	else
		w->n_armed++;
	file(w, index, n, ahead);
}

void sl_wheel_arm(struct sl_wheel *w, uint32_t index, uint64_t deadline_us)
{
	arm(w, index, node_at(w, index), ticks_ahead(w, deadline_us));
}

void sl_wheel_arm_by(struct sl_wheel *w, uint32_t index, uint64_t deadline_us)
{
	struct sl_wheel_node *n = node_at(w, index);
	const uint32_t ahead = ticks_ahead(w, deadline_us);

	if (sl_wheel_armed(n) && node_ahead(w, n) <= (int32_t)ahead)
		return;
	arm(w, index, n, ahead);
}

void sl_wheel_cancel(struct sl_wheel *w, uint32_t index)
{
	struct sl_wheel_node *n = node_at(w, index);

	if (!sl_wheel_armed(n))
		return;
	unlink_node(w, n);
	sl_wheel_node_init(n);
	w->n_armed--;
}

/* Looks at the first of a list of the due. Returns whether it was: then it is unarmed and out. */
static bool examine_first(struct sl_wheel *w, const uint32_t *due, uint32_t *index)
{
	struct sl_wheel_node *n;

	*index = *due;
	n = node_at(w, *index);
	if (n->next != SL_WHEEL_NONE)
		sl_prefetch_write(node_at(w, n->next));
	unlink_node(w, n);
	if (node_ahead(w, n) <= 0) {
		sl_wheel_node_init(n);
		w->n_armed--;
		return true;
	}
	push(w, list_of(n->deadline & (w->n_slots - 1), *index), *index, n);
	return false;
}

/* Sets the next sweep's end, when the last one is through. Returns whether there is one. */
static bool begin_sweep(struct sl_wheel *w)
{
	if (w->n_armed == 0)
		w->horizon = w->cursor = w->now_tick;
	if (w->cursor < w->horizon)
		return true;
	if (w->horizon == w->now_tick)
		return false;
	w->horizon = w->now_tick - w->horizon < MAX_JUMP_TICKS ? w->now_tick
							       : w->horizon + MAX_JUMP_TICKS;
	if (w->horizon - w->cursor > w->n_slots)
		w->cursor = w->horizon - w->n_slots;
	return true;
}

/* Makes the next slot's lists the lists of the due, which are empty. */
static void take_next_slot(struct sl_wheel *w)
{
	const uint32_t due = w->n_slots * SL_WHEEL_WAYS;
	uint32_t *heads;

	w->cursor++;
	heads = &w->heads[(w->cursor & (w->n_slots - 1)) * SL_WHEEL_WAYS];
	for (uint32_t way = 0; way < SL_WHEEL_WAYS; way++) {
		const uint32_t first = heads[way];

		if (first == SL_WHEEL_NONE)
			continue;
		heads[way] = SL_WHEEL_NONE;
		w->heads[due + way] = first;
		node_at(w, first)->prev = LIST | (due + way);
	}
}

unsigned sl_wheel_run(struct sl_wheel *w, uint64_t now_us, unsigned budget, uint32_t *expired,
		      unsigned max)
{
	const uint32_t *due = &w->heads[w->n_slots * SL_WHEEL_WAYS];
	unsigned n_expired = 0, n_examined = 0, n_slots = 0;
	uint32_t rest;
	const uint64_t now_tick = ticks_of(w, now_us, &rest);

	if (now_tick > w->now_tick)
		w->now_tick = now_tick;
	for (;;) {
		while (sl_wheel_any_due(w)) {
			for (unsigned way = 0; way < SL_WHEEL_WAYS; way++) {
				if (due[way] == SL_WHEEL_NONE)
					continue;
				if (n_examined == budget || n_expired == max)
					return n_expired;
				n_examined++;
				n_expired += examine_first(w, &due[way], &expired[n_expired]);
			}
		}
		if (!begin_sweep(w) || n_slots == SL_WHEEL_SLOTS_PER_RUN)
			return n_expired;
		take_next_slot(w);
		n_slots++;
	}
}

static bool is_empty(const struct sl_wheel *w, uint32_t slot)
{
	const uint32_t *heads = &w->heads[slot * SL_WHEEL_WAYS];

	return (heads[0] & heads[1] & heads[2] & heads[3]) == SL_WHEEL_NONE;
}

/* Whether one of a slot's nodes is due `ahead` ticks beyond the horizon. */
static bool any_due_at(const struct sl_wheel *w, uint32_t slot, uint32_t ahead)
{
	for (uint32_t way = 0; way < SL_WHEEL_WAYS; way++)
		for (uint32_t i = w->heads[slot * SL_WHEEL_WAYS + way]; i != SL_WHEEL_NONE;
		     i = node_at(w, i)->next)
			if (node_ahead(w, node_at(w, i)) <= (int32_t)ahead)
				return true;
	return false;
}

uint64_t sl_wheel_next_us(const struct sl_wheel *w)
{
	if (w->n_armed == 0)
		return UINT64_MAX;
	if (!sl_wheel_caught_up(w))
		return w->now_tick * w->tick_us;
	for (uint32_t ahead = 1; ahead <= w->n_slots; ahead++) {
		const uint32_t slot = (uint32_t)(w->horizon + ahead) & (w->n_slots - 1);

		if (!is_empty(w, slot) && any_due_at(w, slot, ahead))
			return (w->horizon + ahead) * w->tick_us;
	}
	return (w->horizon + w->n_slots) * w->tick_us;
}
