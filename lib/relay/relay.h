/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of this library share, and nobody else sees. */
#ifndef RELAY_H
#define RELAY_H

#include "sl_relay.h"
#include "sl_rewrite.h"
#include "sl_seq.h"

enum {
	SPAN_LEAST = 0x10000,
	RST_ASK_MS =
		2500, /* after an inexact RST, its receiver is asked so often whether it lives */
	RST_ASKS = 3, /* and so many times: after 10 s without an answer it is gone */
	CLOSED_MS = 10000,     /* a closed connection answers by RST for so long */
	CLOSED_RSTS_PER_S = 4, /* and so often a second */
	ALL_CLOSED_RSTS_PER_S = 1000,
	TOMBSTONE_MS = 96000,      /* the life of a cookie, which must not open it again */
	ASK_AGAIN_S = 3600,        /* a server that refused timestamps is asked again after it */
	ADOPT_UNDER_WAY = 8 << 20, /* in the largest windows that systems use by default */
	MSS_LEAST = 8,             /* what a server is told at least, however small the link is */
	ASKS_MAX = 3,              /* a RST lost so often: then the server is taken as it is */
	SYN_RETRY_FIRST_MS = 1000, /* RFC 6298 section 2.1; doubled each time */
};

/* conn.c: birth, states, end. */
/* A new entry, in a reserve that admits it, or in none. NULL: no room, whoever gives way. */
struct sl_conn *relay_conn_add(struct sl_relay *r, const struct sl_flow_key *key, uint32_t hash,
			       uint16_t service, enum sl_reserve_kind kind);
/* A leg goes over to another state; whoever says so sees to it that relay_arm follows. */
void relay_enter_state(struct sl_relay *r, struct sl_conn *conn, enum sl_leg leg,
		       enum sl_tcp_state state);
/* And it does. */
void relay_set_state(struct sl_relay *r, struct sl_conn *conn, enum sl_leg leg,
		     enum sl_tcp_state state);
/* Before a connection is over, or goes: one less whose numbers are translated. */
void relay_not_translated(struct sl_relay *r, const struct sl_conn *conn);
/* Both legs CLOSED; held packets go; the entry stays as a tombstone. */
void relay_close(struct sl_relay *r, struct sl_conn *conn, enum sl_event why);
void relay_count(struct sl_relay *r, const struct sl_conn *conn, enum sl_event event);
/* What goes to `to` has a new link-layer header. */
void relay_l2_changed(struct sl_relay *r, struct sl_conn *conn, enum sl_side to,
		      const uint8_t *frame, unsigned l2_len);
/* A frame of the client has a new header: what goes to it has that turned round. */
void relay_l2_turned(struct sl_relay *r, struct sl_conn *conn, const uint8_t *frame,
		     unsigned l2_len);

static inline uint32_t relay_index(const struct sl_relay *r, const struct sl_conn *conn)
{
	return (uint32_t)(conn - sl_relay_conn(r, 0));
}

static inline const struct sl_limits *relay_limits(const struct sl_relay *r,
						   const struct sl_conn *conn)
{
	return &r->plan->services.service[conn->service].limits;
}

static inline uint8_t relay_port(const struct sl_relay *r, const struct sl_conn *conn,
				 enum sl_side side)
{
	return r->plan->links[conn->key.domain >> 24].port[side];
}

/* A frame goes to `to`: its header is the one that frames of our own will have. */
static inline void relay_l2_refresh(struct sl_relay *r, struct sl_conn *conn, enum sl_side to,
				    const uint8_t *frame, unsigned l2_len)
{
	if (sl_unlikely(!sl_l2_equal(&r->l2.entry[conn->l2[to]].l2, frame, l2_len)))
		relay_l2_changed(r, conn, to, frame, l2_len);
}

/* A segment ends at `seq_end`, beyond all before it: passing the ISN again, one full turn of the
 * sequence space is behind us. */
static inline void relay_count_wrap(struct sl_end *end, uint32_t seq_end)
{
	if (sl_unlikely(end->isn - end->seq_max - 1 < seq_end - end->seq_max) &&
	    end->wraps < UINT16_MAX)
		end->wraps++;
}

/* How far a window scale shifts. */
static inline unsigned relay_shift(unsigned wscale)
{
	return wscale == SL_NO_WSCALE ? 0 : wscale;
}

/* The window of a SYN as the segments after it tell it. It is not scaled in a SYN (RFC 7323 section
 * 2.2). A window that is open stays open. */
static inline uint16_t relay_syn_window(uint16_t wnd, unsigned wscale)
{
	return (uint16_t)sl_max_u32((uint32_t)wnd >> relay_shift(wscale), wnd != 0);
}

/* observe.h, observe.c: what a segment says about its connection. */
/* How far from the numbers seen a segment of the end on `side` may lie: its peer's window. */
static inline uint32_t relay_span(const struct sl_conn *conn, enum sl_side side)
{
	const unsigned wscale = side == SL_OUTSIDE ? conn->wscale_inside : conn->wscale_outside;
	const uint32_t wnd = (uint32_t)conn->end[sl_side_other(side)].wnd << relay_shift(wscale);

	return sl_max_u32(wnd, SPAN_LEAST);
}

/* translate.c: a segment of a joined connection rewritten for the other side. */
void relay_translate(const struct sl_relay *r, const struct sl_conn *conn, enum sl_side side,
		     struct sl_buf *buf, struct sl_seg *seg);
/* The window field that says so many bytes, unscaled. */
static inline uint16_t relay_clamp_window(uint64_t bytes)
{
	return bytes > 0xffff ? 0xffff : (uint16_t)bytes;
}

/* Whether the other end of a spliced connection sees the window fields of the end on side `from` as
 * they are. */
static inline bool relay_window_is_kept(const struct sl_conn *conn, enum sl_side from)
{
	/* The server was offered the client's own shift; if it refused, there is none. */
	return from == SL_OUTSIDE ? conn->wscale_inside != SL_NO_WSCALE
				  : conn->wscale_inside == conn->wscale_promised;
}
/* translate.c: the window field `wnd` of the end on side `from`, as the other end has to see it. */
uint16_t relay_window(const struct sl_conn *conn, enum sl_side from, uint16_t wnd);

/* made.c: segments of our own. Each returns false when no buffer was to be had. */
bool relay_send_syn(struct sl_relay *r, const struct sl_conn *conn);
bool relay_send_ack(struct sl_relay *r, const struct sl_conn *conn, enum sl_side to, uint32_t seq,
		    uint32_t ack);
bool relay_send_rst(struct sl_relay *r, const struct sl_conn *conn, enum sl_side to, uint32_t seq,
		    bool with_ack);
/* Turns the packet in `buf` into a segment to `to`; seq and ack in the inside numbering. */
bool relay_emit(struct sl_relay *r, const struct sl_conn *conn, enum sl_side to, uint8_t flags,
		uint32_t seq, uint32_t ack, struct sl_buf *buf);

/* timer.c */
/* The limit that runs, and the milliseconds left of it. */
const char *relay_timer_name(const struct sl_relay *r, const struct sl_conn *conn,
			     uint32_t *left_ms);
/* An inexact RST of the end on `side` went by: its receiver is asked whether it was believed. */
void relay_doubt(struct sl_relay *r, struct sl_conn *conn, enum sl_side side);
/* Makes sure that the connection comes up when its limit ends. */
void relay_arm(struct sl_relay *r, struct sl_conn *conn);

/* The milliseconds after the last sign of life at which the limit that runs would end it. */
uint32_t relay_limit_ms(const struct sl_relay *r, const struct sl_conn *conn);
/* Segments that one due connection may need: two RSTs to each end. */
enum { SPARES_FOR_ONE = 4 };
/* Ends a connection that stayed too long; both ends hear of it. */
void relay_reclaim(struct sl_relay *r, struct sl_conn *conn, enum sl_event why);

/* pressure.c: a table, or what beside it connections share, that fills up. */
void relay_pressure_init(struct sl_relay *r, uint32_t high_percent);
void relay_pressure_tick(struct sl_relay *r);
/* The table is full: frees one entry that is over, if one is near. */
bool relay_make_room(struct sl_relay *r);
/* `n` entries more (as two's complement: fewer) of the key's client. */
void relay_source_add(struct sl_relay *r, const struct sl_flow_key *key, uint32_t n);

/* reserve.c: entries that give way to others. */
size_t relay_reserves_memory(const struct sl_relay_config *config);
void relay_reserves_init(struct sl_relay *r, const struct sl_relay_config *config, void *memory);
/* Makes room in a reserve that is full: its oldest goes, if it is one where the oldest may. */
bool relay_reserve_make_room(struct sl_relay *r, enum sl_reserve_kind kind);
/* Whether a reserve has room for one more, for which its oldest may have to go. */
static inline bool relay_reserve_admits(struct sl_relay *r, enum sl_reserve_kind kind)
{
	return kind == SL_RESERVE_NONE || r->reserve[kind].n < r->reserve[kind].share ||
	       relay_reserve_make_room(r, kind);
}
void relay_reserve_enter(struct sl_relay *r, struct sl_conn *conn, enum sl_reserve_kind kind);
static inline void relay_reserve_leave(struct sl_relay *r, struct sl_conn *conn)
{
	if (conn->reserve == SL_RESERVE_NONE)
		return;
	r->reserve[conn->reserve].n--;
	conn->reserve = SL_RESERVE_NONE;
}
/* The outside end of a connection has proved its address. */
void relay_reserve_proved(struct sl_relay *r, struct sl_conn *conn);
/* The mode of the connection's service may have changed. */
void relay_reserve_settle(struct sl_relay *r, struct sl_conn *conn);
/* The table is full: whether an entry has given way to a new one of that kind. */
bool relay_give_way(struct sl_relay *r, enum sl_reserve_kind kind);
/* The oldest of a reserve goes, silently; false when there is none. */
bool relay_reserve_evict(struct sl_relay *r, enum sl_reserve_kind kind);
/* A SYN of a service has gone through without an entry, or an entry has given way. */
void relay_overflow(struct sl_relay *r, uint16_t service);

/* held.c: packets that wait for the server. */
void relay_held_init(struct sl_relay *r, uint32_t n);
/* Whether all that lies between two sequence numbers is in one packet that is held. */
bool relay_holds(const struct sl_relay *r, const struct sl_conn *conn, uint32_t seq,
		 uint32_t seq_end);
/* Holds the packet that carries it, in the order of sequence numbers; false when there is no room.
 */
bool relay_hold(struct sl_relay *r, struct sl_conn *conn, struct sl_buf *buf, uint32_t seq,
		uint32_t seq_end);
void relay_held_drop(struct sl_relay *r, struct sl_conn *conn);
/* Sends on what was held: the list that began with `first`, of a connection now joined. */
void relay_held_release(struct sl_relay *r, struct sl_conn *conn, uint16_t first);

/* open.c */
/* The entry for a new connection, with the link-layer headers of both ways, from the packet of
 * `side` that opens it. An entry that is over and stands in its place goes, but only when nothing
 * can fail any more. NULL: `why` says what was lacking, and nothing has changed. */
struct sl_conn *relay_open(struct sl_relay *r, const struct sl_flow_query *at, uint16_t service,
			   enum sl_reserve_kind kind, enum sl_side side, const struct sl_buf *buf,
			   const struct sl_seg *seg, enum sl_drop *why);
void relay_opening_segment(struct sl_relay *r, struct sl_conn *conn, enum sl_side side,
			   struct sl_buf *buf, struct sl_seg *seg);
bool relay_tracked_opening(const struct sl_conn *conn);
/* A server with SYN cookies answers a SYN that comes again with another number, and its client may
 * take either. Until the client has acknowledged one, what the server says last counts: a SYN-ACK,
 * or the first segment by which it goes on. */
void relay_tracked_answers_again(struct sl_conn *conn, enum sl_side side, const struct sl_seg *seg);
static inline void relay_look_answers_again(struct sl_conn *conn, enum sl_side side,
					    const struct sl_seg *seg)
{
	if (sl_unlikely(conn->state[SL_LEG_CLIENT] == SL_TCP_SYN_RECEIVED) && !conn->ours &&
	    !(conn->flags & SL_CONN_SPLICED))
		relay_tracked_answers_again(conn, side, seg);
}
void relay_tracked_opening_segment(struct sl_relay *r, struct sl_conn *conn, enum sl_side side,
				   struct sl_buf *buf, struct sl_seg *seg);
/* What such a segment says. */
void relay_tracked_opening_observe(struct sl_relay *r, struct sl_conn *conn, enum sl_side side,
				   const struct sl_seg *seg);
/* Whether half-open connections of the service are fewer than this worker's share of its backlog.
 */
static inline bool relay_within_backlog(const struct sl_relay *r, uint16_t service)
{
	return r->out->accounts[service].state[SL_LEG_CLIENT][SL_TCP_SYN_RECEIVED] <
	       sl_plan_share(r->plan, r->plan->services.service[service].backlog);
}

/* adopt.c: a segment of a connection whose outside has not confirmed its numbers yet. Returns false
 * when the segment is to be judged like that of any other connection; else the buffer is disposed
 * of. */
bool relay_adopting_segment(struct sl_relay *r, struct sl_conn *conn, enum sl_side side,
			    struct sl_buf *buf, const struct sl_seg *seg);
/* adopt.c: the same of a connection that is only followed, and a segment without SYN and RST.
 * Returns false when the numbers are others: the segment says nothing of the connection. */
bool relay_adopting_follows(struct sl_relay *r, struct sl_conn *conn, enum sl_side side,
			    const struct sl_seg *seg);

/* The clock of what is learned. */
static inline int32_t relay_now_s(const struct sl_relay *r)
{
	return (int32_t)(r->now_us / SL_US_PER_S);
}

/* What was learned of a connection's server, or NULL. */
static inline const struct sl_learned *relay_learned(const struct sl_relay *r,
						     const struct sl_flow_key *key)
{
	return sl_learned_get(&r->learned, &key->inside_addr, key->inside_port);
}

/* icmp.c: tells the client that its segment, as it came in, is longer than its server takes. */
void relay_tell_too_big(struct sl_relay *r, struct sl_conn *conn, const struct sl_buf *packet,
			const struct sl_seg *seg);

/* The MSS that a segment needs: options count (RFC 6691). */
static inline unsigned relay_mss_needed(const struct sl_seg *seg)
{
	return (unsigned)seg->payload_off + seg->payload_len - seg->l4_off - SL_TCP_HDR;
}

/* icmp.c: whether the server of a connection with sl_conn.server_mss may not take a segment that
 * needs this MSS. */
bool relay_may_be_too_big(const struct sl_conn *conn, unsigned needed);

/* Of a segment from outside, before it is translated. Nearly always the promise made to the client
 * holds. */
static inline void relay_look_too_big(struct sl_relay *r, struct sl_conn *conn,
				      const struct sl_buf *buf, const struct sl_seg *seg)
{
	if (sl_unlikely(conn->server_mss != 0) && relay_may_be_too_big(conn, relay_mss_needed(seg)))
		relay_tell_too_big(r, conn, buf, seg);
}

/* icmp.c: sl_conn.server_mss of a connection whose server announces `mss` in its SYN-ACK. Before
 * anything is learned from that SYN-ACK. */
uint8_t relay_judge_mss(const struct sl_relay *r, const struct sl_conn *conn, uint16_t mss);

/* segment.c: whether a SYN or SYN-ACK belongs to the handshake of a tracked connection that is not
 * through. */
bool relay_of_handshake(const struct sl_conn *conn, enum sl_side side, const struct sl_seg *seg);
/* passed.c: as many segments as follow each other, fit the pattern of the first, and are of quiet
 * connections that are only followed. Returns the number of the first that is none of them. */
unsigned relay_follow_alike(struct sl_relay *r, const struct sl_packet *packets,
			    const struct sl_flow_query *queries, unsigned i, unsigned n);
/* segment.c: at most one of what is rare and easily provoked a second and connection. */
bool relay_once_a_second(struct sl_relay *r, struct sl_conn *conn);
/* The common way out of a segment that goes on. */
static inline void relay_forward(struct sl_relay *r, struct sl_conn *conn, enum sl_side side,
				 struct sl_buf *buf, const struct sl_seg *seg)
{
	const enum sl_side to = sl_side_other(side);

	if (sl_likely(!sl_conn_successor(conn)))
		conn->end[side].packets++;
	relay_l2_refresh(r, conn, to, buf->data, seg->l3_off);
	sl_out_relay(r->out, buf, relay_port(r, conn, to));
}

#endif
