/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reserves: shares of the table for entries that give way to others. A flood of SYNs from forged
 * addresses may fill the reserve of what it makes, and nothing else. When the table is full, a
 * client that has proved its address takes the place of the oldest entry whose client has not: the
 * ring of the reserve names it, so nothing is searched, at whatever rate.
 *
 * An entry that gives way is told nothing: its client may have never been at that address. If it is
 * honest, its next segment finds no entry; sl_relay_overflows says that such segments may be shown
 * to the server, whose answer makes the entry anew.
 */
#include "endpoint.h"

enum {
	SIXTEENTHS = 16,
	SLOTS_PER_ENTRY =
		2,   /* so at least half of the slots of a full ring are of entries that left */
	LOOKS = 512, /* slots of entries that have left, skipped in a call */
	SAMPLE = 8,  /* of which the longest idle one goes */
	OVERFLOW_US = 60 * 1000 * 1000,
};

/* Of the table. Half-open connections by SYN and by SYN-ACK together a quarter, those of passed
 * services together a quarter. */
static const uint8_t sixteenths[SL_N_RESERVES] = {
	[SL_RESERVE_PASSED_HALF] = 1, [SL_RESERVE_PASSED] = 3,  [SL_RESERVE_BY_ANSWER] = 2,
	[SL_RESERVE_BY_SYN] = 2,      [SL_RESERVE_ADOPTED] = 2, [SL_RESERVE_INSIDE] = 1,
};

static uint32_t share_of(const struct sl_relay_config *config, unsigned kind)
{
	if (kind == SL_RESERVE_NONE)
		return 0;
	if (kind == SL_RESERVE_ENDPOINT)
		return config->n_endpoints / 2 + (config->n_endpoints & 1);
	return sl_max_u32(
		(uint32_t)((uint64_t)config->n_connections * sixteenths[kind] / SIXTEENTHS), 1);
}

size_t relay_reserves_memory(const struct sl_relay_config *config)
{
	size_t n = 0;

	for (unsigned kind = 0; kind < SL_N_RESERVES; kind++)
		n += (size_t)share_of(config, kind) * SLOTS_PER_ENTRY * sizeof(uint32_t);
	return n;
}

void relay_reserves_init(struct sl_relay *r, const struct sl_relay_config *config, void *memory)
{
	uint32_t *slot = memory;

	memset(r->reserve, 0, sizeof(r->reserve));
	for (unsigned kind = 0; kind < SL_N_RESERVES; kind++) {
		struct sl_reserve *v = &r->reserve[kind];

		v->share = share_of(config, kind);
		v->n_slots = v->share * SLOTS_PER_ENTRY;
		v->slot = slot;
		slot += v->n_slots;
	}
}

void relay_overflow(struct sl_relay *r, uint16_t service)
{
	const struct sl_service *s = &r->plan->services.service[service];

	if (s->mode == SL_MODE_SPLICE && s->cookies == SL_COOKIES_NEVER)
		r->service[service].overflow_until_us = r->now_us + OVERFLOW_US;
}

static uint32_t pop(struct sl_reserve *v)
{
	const uint32_t index = v->slot[v->first];

	v->first = v->first + 1 == v->n_slots ? 0 : v->first + 1;
	v->used--;
	return index;
}

static void push(struct sl_reserve *v, uint32_t index)
{
	const uint64_t at = (uint64_t)v->first + v->used++;

	v->slot[at >= v->n_slots ? at - v->n_slots : at] = index;
}

/* Whether the entry of a slot is still of the reserve. An entry whose number was used again within
 * it has two slots, and goes by the first. */
static bool stands(const struct sl_relay *r, enum sl_reserve_kind kind, uint32_t index)
{
	return sl_flow_in_use(&r->flow, index) && sl_relay_conn(r, index)->reserve == kind;
}

/* Takes the oldest entry out of the ring; SL_FLOW_NONE when none was found in so many `looks`. */
static uint32_t pop_oldest(struct sl_relay *r, enum sl_reserve_kind kind, unsigned *looks)
{
	struct sl_reserve *v = &r->reserve[kind];

	for (; *looks > 0 && v->used > 0 && v->n > 0; --*looks) {
		const uint32_t index = pop(v);

		if (stands(r, kind, index))
			return index;
	}
	return SL_FLOW_NONE;
}

static bool rather(const struct sl_relay *r, const struct sl_conn *a, const struct sl_conn *b)
{
	if (sl_conn_over(a) != sl_conn_over(b))
		return sl_conn_over(a);
	return r->now_ms - a->last_seen_ms > r->now_ms - b->last_seen_ms;
}

/* Of the oldest some the one that is over, or has been idle for longest; the others go to the end
 * of the ring. */
static uint32_t pop_longest_idle(struct sl_relay *r, enum sl_reserve_kind kind)
{
	unsigned looks = LOOKS;
	uint32_t victim = pop_oldest(r, kind, &looks);

	for (unsigned i = 1; i < SAMPLE && i < r->reserve[kind].n; i++) {
		const uint32_t other = pop_oldest(r, kind, &looks);
		bool better;

		if (other == SL_FLOW_NONE)
			break;
		better = rather(r, sl_relay_conn(r, other), sl_relay_conn(r, victim));
		push(&r->reserve[kind], better ? victim : other);
		if (better)
			victim = other;
	}
	return victim;
}

static bool is_passed(enum sl_reserve_kind kind)
{
	return kind == SL_RESERVE_PASSED || kind == SL_RESERVE_PASSED_HALF;
}

bool relay_reserve_evict(struct sl_relay *r, enum sl_reserve_kind kind)
{
	unsigned looks = LOOKS;
	const uint32_t index =
		kind == SL_RESERVE_PASSED ? pop_longest_idle(r, kind) : pop_oldest(r, kind, &looks);
	const struct sl_conn *conn;

	if (index == SL_FLOW_NONE)
		return false;
	conn = sl_relay_conn(r, index);
	relay_count(r, conn, is_passed(kind) ? SL_EVENT_evicted_passed : SL_EVENT_evicted_unproven);
	if (!sl_conn_over(conn))
		relay_overflow(r, conn->service);
	sl_relay_remove(r, index);
	return true;
}

bool relay_reserve_make_room(struct sl_relay *r, enum sl_reserve_kind kind)
{
	/* These can be refused: their SYN goes through without an entry, or is dropped. */
	if (kind == SL_RESERVE_BY_SYN || kind == SL_RESERVE_ENDPOINT)
		return false;
	return relay_reserve_evict(r, kind);
}

void relay_reserve_enter(struct sl_relay *r, struct sl_conn *conn, enum sl_reserve_kind kind)
{
	struct sl_reserve *v = &r->reserve[kind];

	assert(conn->reserve == SL_RESERVE_NONE && kind != SL_RESERVE_NONE);
	/* Mostly the first slot is one of an entry that has left. If not, that is the newest now.
	 */
	for (unsigned i = 0; i < SAMPLE && v->used == v->n_slots; i++) {
		const uint32_t index = pop(v);

		if (stands(r, kind, index))
			push(v, index);
	}
	if (v->used == v->n_slots)
		(void)relay_reserve_evict(r, kind);
	conn->reserve = kind & 7;
	v->n++;
	push(v, relay_index(r, conn));
}

void relay_reserve_proved(struct sl_relay *r, struct sl_conn *conn)
{
	relay_reserve_leave(r, conn);
	if (sl_relay_passed(r, conn) && relay_reserve_admits(r, SL_RESERVE_PASSED))
		relay_reserve_enter(r, conn, SL_RESERVE_PASSED);
}

/* Where a service that was proxied has more connections than passed ones may have, some are
 * forgotten: they go on without their entries. */
void relay_reserve_settle(struct sl_relay *r, struct sl_conn *conn)
{
	if (!sl_relay_passed(r, conn)) {
		if (is_passed((enum sl_reserve_kind)conn->reserve))
			relay_reserve_leave(r, conn);
	} else if (conn->reserve == SL_RESERVE_NONE && relay_reserve_admits(r, SL_RESERVE_PASSED)) {
		relay_reserve_enter(r, conn, SL_RESERVE_PASSED);
	}
}

bool relay_give_way(struct sl_relay *r, enum sl_reserve_kind kind)
{
	if (relay_reserve_evict(r, SL_RESERVE_PASSED_HALF) ||
	    relay_reserve_evict(r, SL_RESERVE_PASSED))
		return true;
	if (is_passed(kind))
		return false;
	/* The inside is trusted like a client that has proved its address. */
	if (kind == SL_RESERVE_NONE || kind == SL_RESERVE_INSIDE)
		for (unsigned other = SL_RESERVE_BY_ANSWER; other < SL_N_RESERVES; other++)
			if (relay_reserve_evict(r, (enum sl_reserve_kind)other))
				return true;
	if (relay_make_room(r))
		return true;
	return (kind == SL_RESERVE_BY_ANSWER || kind == SL_RESERVE_ADOPTED) &&
	       relay_reserve_evict(r, kind);
}
