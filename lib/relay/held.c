/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Early data: what a client sends before its server has answered. A few packets a connection out
 * of a pool of the worker's; never acknowledged by the box, so whatever is not held the client
 * sends again.
 *
 * When the pool is full the oldest packet gives way: of the source that holds most, if that is more
 * than a sixteenth of the pool; else of the new packet's own source, if that holds a sixteenth;
 * else of all. So a source may have the whole pool while no other wants it, and no source keeps
 * another from its sixteenth. Sources are counted by a keyed hash of the address: two that share a
 * place count as one source.
 */
#include "observe.h"

#include "sl_siphash.h"

enum { OF_ALL, OF_SOURCE }; /* the two orders in which a held packet stands, oldest first */

void relay_held_init(struct sl_relay *r, uint32_t n)
{
	struct sl_early *e = &r->early;

	memset(&e->all, 0xff, sizeof(e->all));
	memset(e->source, 0xff, sizeof(e->source));
	for (unsigned i = 0; i < SL_EARLY_SOURCES; i++)
		e->source[i].n = 0;
	e->all.n = e->n_above = 0;
	e->share = (uint16_t)sl_max_u32(n / SL_EARLY_SHARES, 1);
	e->free = SL_HELD_NONE;
	for (uint32_t i = n; i > 0; i--) {
		e->place[i - 1].next = e->free;
		e->free = (uint16_t)(i - 1);
	}
}

/* Where the client's source is counted: its address, of IPv6 its /64. */
static uint16_t source_of(const struct sl_relay *r, const struct sl_conn *conn)
{
	const struct sl_sipkey key = {r->flow.secret[0], r->flow.secret[1]};
	const bool v4 = sl_addr_is_v4(&conn->key.outside_addr);
	const uint64_t words[] = {
		sl_load_le64(conn->key.outside_addr.b + (v4 ? 8 : 0)),
		conn->key.domain | SL_SIP_LENGTH(8),
	};

	return (uint16_t)(sl_siphash24_words(&key, words, SL_ARRAY_LEN(words)) % SL_EARLY_SOURCES);
}

static void append(struct sl_early *e, struct sl_early_list *list, unsigned order, uint16_t number)
{
	struct sl_held *held = &e->place[number];

	held->older[order] = list->newest;
	held->newer[order] = SL_HELD_NONE;
	if (list->newest == SL_HELD_NONE)
		list->oldest = number;
	else
		e->place[list->newest].newer[order] = number;
	list->newest = number;
	list->n++;
}

static void detach(struct sl_early *e, struct sl_early_list *list, unsigned order, uint16_t number)
{
	const uint16_t older = e->place[number].older[order], newer = e->place[number].newer[order];

	if (older == SL_HELD_NONE)
		list->oldest = newer;
	else
		e->place[older].newer[order] = newer;
	if (newer == SL_HELD_NONE)
		list->newest = older;
	else
		e->place[newer].older[order] = older;
	list->n--;
}

/* A source goes above its share, or comes back to it. There are never more than 16 above it. */
static void note_above(struct sl_early *e, uint16_t source)
{
	e->above[e->n_above++] = source;
}

static void note_not_above(struct sl_early *e, uint16_t source)
{
	unsigned i = 0;

	while (e->above[i] != source)
		i++;
	e->above[i] = e->above[--e->n_above];
}

static void enter(struct sl_early *e, uint16_t number, uint16_t source)
{
	append(e, &e->all, OF_ALL, number);
	append(e, &e->source[source], OF_SOURCE, number);
	e->place[number].source = source;
	if (e->source[source].n == e->share + 1)
		note_above(e, source);
}

/* Takes a packet out of its connection's list, in which `*link` names it; its place is free again.
 */
static struct sl_buf take(struct sl_relay *r, uint16_t *link)
{
	struct sl_early *e = &r->early;
	const uint16_t number = *link;
	struct sl_held *held = &e->place[number];

	detach(e, &e->all, OF_ALL, number);
	detach(e, &e->source[held->source], OF_SOURCE, number);
	if (e->source[held->source].n == e->share)
		note_not_above(e, held->source);
	*link = held->next;
	held->next = e->free;
	e->free = number;
	return held->buf;
}

/* The packet that gives way to one of `source`. */
static uint16_t victim(const struct sl_early *e, uint16_t source)
{
	const struct sl_early_list *most = &e->source[source];

	if (most->n < e->share)
		most = &e->all;
	for (unsigned i = 0; i < e->n_above; i++)
		if (most == &e->all || e->source[e->above[i]].n > most->n)
			most = &e->source[e->above[i]];
	return most->oldest;
}

/* Frees a place for a packet of `source`. */
static bool make_room(struct sl_relay *r, uint16_t source)
{
	const uint16_t number = victim(&r->early, source);
	struct sl_conn *conn;
	struct sl_buf buf;
	uint16_t *link;

	if (number == SL_HELD_NONE)
		return false;
	conn = sl_relay_conn(r, r->early.place[number].conn);
	for (link = &conn->opening.held; *link != number;)
		link = &r->early.place[*link].next;
	buf = take(r, link);
	conn->opening.n_held--;
	sl_out_release_drop(r->out, &buf, SL_DROP_hold_evicted);
	return true;
}

bool relay_holds(const struct sl_relay *r, const struct sl_conn *conn, uint32_t seq,
		 uint32_t seq_end)
{
	const struct sl_held *place = r->early.place;

	for (uint16_t n = conn->opening.held; n != SL_HELD_NONE; n = place[n].next)
		if (sl_seq_leq(place[n].seq, seq) && sl_seq_geq(place[n].seq_end, seq_end))
			return true;
	return false;
}

bool relay_hold(struct sl_relay *r, struct sl_conn *conn, struct sl_buf *buf, uint32_t seq,
		uint32_t seq_end)
{
	struct sl_early *e = &r->early;
	const uint16_t source = source_of(r, conn);
	uint16_t *link = &conn->opening.held;
	struct sl_held *held;
	uint16_t number;

	if (conn->opening.n_held == SL_HELD_PER_CONN)
		return false;
	if (e->free == SL_HELD_NONE && !make_room(r, source))
		return false;
	number = e->free;
	held = &e->place[number];
	e->free = held->next;
	sl_out_hold(r->out, buf);
	held->buf = *buf;
	held->seq = seq;
	held->seq_end = seq_end;
	held->conn = relay_index(r, conn);
	enter(e, number, source);
	while (*link != SL_HELD_NONE && sl_seq_leq(e->place[*link].seq, seq))
		link = &e->place[*link].next;
	held->next = *link;
	*link = number;
	conn->opening.n_held++;
	return true;
}

void relay_held_drop(struct sl_relay *r, struct sl_conn *conn)
{
	while (conn->opening.held != SL_HELD_NONE) {
		struct sl_buf buf = take(r, &conn->opening.held);

		sl_out_release_drop(r->out, &buf, SL_DROP_server_gone);
	}
	conn->opening.n_held = 0;
}

void relay_held_release(struct sl_relay *r, struct sl_conn *conn, uint16_t first)
{
	const uint8_t port = relay_port(r, conn, SL_INSIDE);

	while (first != SL_HELD_NONE) {
		struct sl_buf buf = take(r, &first);
		struct sl_seg seg;

		/* It parsed when it came. */
		(void)sl_wire_parse(buf.data, buf.len, &seg);
		/* When the client sends it again, the client is told. */
		if (sl_unlikely(!sl_frame_fits(&r->limit[port], buf.len, seg.l3_off))) {
			sl_out_release_drop(r->out, &buf, SL_DROP_above_mtu);
			continue;
		}
		conn->end[SL_OUTSIDE].packets++;
		relay_observe(r, conn, SL_OUTSIDE, &seg, seg.ack - conn->seq_delta);
		relay_look_too_big(r, conn, &buf, &seg);
		relay_translate(r, conn, SL_OUTSIDE, &buf, &seg);
		sl_out_release(r->out, &buf, port);
	}
}
