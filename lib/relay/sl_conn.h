/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A connection of the splice: two cache lines. Only the worker that owns the table reads or writes
 * it.
 *
 * Numbers. The client's sequence numbers are the same on both sides of the box, since our SYN to
 * the server repeats the client's ISN. The server's differ: the client sees K + n where the server
 * means S + n. Everything stored here is in the *inside* numbering, the server's; what goes to or
 * comes from the outside differs by seq_delta (d = K - S). TSvals are stored as they were
 * forwarded; the server's own clock is ts_delta (t) lower. A connection that the box only tracks
 * has both deltas 0. One that ends here has one numbering, that of its endpoint.
 */
#ifndef SL_CONN_H
#define SL_CONN_H

#include <string.h>

#include "sl_flow.h"
#include "sl_link.h"
#include "sl_service.h"
#include "sl_stats.h"
#include "sl_wheel.h"

SL_BEGIN_DECLS

enum sl_conn_flag {
	SL_CONN_SPLICED = 1 << 0,       /**< opened by a cookie; numbers are translated. Of a
					   tombstone: a cookie has opened it */
	SL_CONN_OPENING = 1 << 1,       /**< spliced, and the server has not answered our SYN */
	SL_CONN_INSIDE_OPENED = 1 << 2, /**< the side of the client is the inside */
	SL_CONN_TIMESTAMPS = 1 << 3,    /**< granted by both ends (while opening: by us) */
	SL_CONN_SACK_REFUSED = 1 << 4,  /**< promised to the client, not granted by the server */
	SL_CONN_CLIENT_SENT = 1 << 5,   /**< the client has sent payload */
	SL_CONN_RST_OUTSIDE = 1 << 6,   /**< an inexact RST of the outside end went by: gone soon
					  unless the inside speaks */
	SL_CONN_ADOPTING = 1 << 7, /**< not spliced: ran before; the outside has not confirmed its
				      numbers (sl_conn_adopting) */
	SL_CONN_TS_OURS = 1 << 7,  /**< spliced: timestamps were promised to the client and refused
				      by the server; they are the box's own (sl_conn_ts_ours) */
	SL_CONN_FIN_OUTSIDE = 1 << 8, /**< the FIN of the outside end went by */
	SL_CONN_FIN_INSIDE = 1 << 9,
	SL_CONN_ALIVE_OUTSIDE = 1 << 10, /**< has answered since it was probed */
	SL_CONN_ALIVE_INSIDE = 1 << 11,
	SL_CONN_SUCCESSOR = SL_CONN_ALIVE_INSIDE, /**< in TIME-WAIT, where nothing is probed: a SYN
						     that may follow stands beside the entry */
	SL_CONN_RST_INSIDE = 1 << 12,
	SL_CONN_RST_DOUBT = SL_CONN_RST_OUTSIDE | SL_CONN_RST_INSIDE,
	SL_CONN_UNQUIET = SL_CONN_OPENING | SL_CONN_RST_DOUBT | SL_CONN_ADOPTING |
			  SL_CONN_FIN_OUTSIDE | SL_CONN_FIN_INSIDE,
	SL_CONN_SECOND = 0xe000, /**< low bits of the second in which a SYN last went in,
				     the client was last told of an MTU, or a closed
				     connection answered */
};

enum { SL_CONN_SECOND_SHIFT = 13 };

/** Whether a connection ends here, in an endpoint of its own, and what opened it. */
enum sl_conn_ours { SL_CONN_NOT_OURS, SL_CONN_OURS_BY_SYN, SL_CONN_OURS_BY_COOKIE };

/**
 * Entries that give way to others, in the order in which they do. Each kind has a share of the
 * table, its reserve: what fills one cannot take the others. Tracked connections of services that
 * are passed come first; the others are connections whose client (or, of ADOPTED, whose outside
 * end) has proved nothing yet: who proves something leaves the reserve.
 */
enum sl_reserve_kind {
	SL_RESERVE_NONE,        /**< gives way to nobody */
	SL_RESERVE_PASSED_HALF, /**< of a passed service, made by a SYN-ACK */
	SL_RESERVE_PASSED,      /**< of a passed service, and its handshake is through */
	SL_RESERVE_BY_ANSWER,   /**< made by a server's SYN-ACK */
	SL_RESERVE_BY_SYN,      /**< made by a SYN from outside */
	SL_RESERVE_ENDPOINT,    /**< in SYN-RECEIVED with the box itself */
	SL_RESERVE_ADOPTED,     /**< made by another segment of a server */
	SL_RESERVE_INSIDE,      /**< made by a SYN from inside */
	SL_N_RESERVES,
};

/** What one end has sent, as it went by; in the inside numbering. */
struct sl_end {
	uint32_t seq_max; /**< highest SEG.SEQ + SEG.LEN */
	uint32_t ack;     /**< highest SEG.ACK */
	uint32_t tsval;   /**< last TSval, as forwarded */
	uint32_t isn;
	uint32_t packets;
	uint16_t wnd;   /**< last window field */
	uint16_t wraps; /**< how often seq_max has passed isn again: bytes = 2^32 * wraps + ... */
};

/** What a connection needs only until its server has answered; the deltas are not known then. */
struct sl_opening {
	uint16_t mss;  /**< the client's, out of the cookie */
	uint16_t held; /**< first of the held packets, SL_HELD_NONE */
	uint8_t n_held;
	uint8_t retries; /**< SYNs sent again */
	uint8_t asks; /**< 0: the server is known; 1: our SYN asks for timestamps only to learn of
			   them; more: it has begun again so often without */
	uint8_t sack : 1;     /**< granted to the client */
	uint8_t overflow : 1; /**< it has sent more than was held: its numbers are ahead of ours */
};

struct sl_conn {
	/* Look-up and translation: every segment. */
	alignas(SL_CACHE_LINE) struct sl_flow_key key;
	union {
		struct {
			uint32_t seq_delta; /**< d: add to the server's SEG.SEQ */
			union {
				uint32_t ts_delta; /**< t: add to the server's TSval, or with
							SL_CONN_TS_OURS to the milliseconds of our
							clock */
				uint32_t endpoint; /**< of one that is ours: its number */
			};
		};
		struct sl_opening opening; /**< while SL_CONN_OPENING */
	};
	uint32_t last_seen_ms; /**< from here the limit of the state runs */
	uint16_t flags;        /**< enum sl_conn_flag */
	uint8_t service;
	uint8_t ours : 2;           /**< enum sl_conn_ours */
	uint8_t reserve : 3;        /**< enum sl_reserve_kind */
	uint8_t server_mss : 3;     /**< 0: the server takes the MSS that its client was promised;
					else about how much it takes (icmp.c) */
	uint16_t l2[SL_N_SIDES];    /**< link-layer header of frames that go to that side */
	uint8_t wscale_outside : 4; /**< shift of the windows that this end sends, 15 for none */
	uint8_t wscale_inside : 4;
	uint8_t wscale_promised : 4; /**< what the client was told of the server's, 15 for none */
	uint8_t probes : 4;          /**< keepalive rounds without both ends' answer; of a closed
				connection the RSTs of this second */
	uint8_t state[SL_N_LEGS];    /**< enum sl_tcp_state */

	/* Observed: every segment. */
	alignas(SL_CACHE_LINE) struct sl_end end[SL_N_SIDES];
	struct sl_wheel_node timer;
	uint32_t created_ms;
};

static_assert(SL_SERVICES_MAX <= 256, "their numbers fit");
static_assert(SL_N_RESERVES <= 8, "they fit in struct sl_conn");
static_assert(offsetof(struct sl_conn, end) == SL_CACHE_LINE, "the second line begins with end");
static_assert(sizeof(struct sl_conn) == 2 * SL_CACHE_LINE, "a relayed segment touches two lines");

/** The leg that faces `side`. */
static inline enum sl_leg sl_conn_leg(const struct sl_conn *conn, enum sl_side side)
{
	const bool inside = side == SL_INSIDE;
	const bool inside_opened = conn->flags & SL_CONN_INSIDE_OPENED;

	return inside == inside_opened ? SL_LEG_CLIENT : SL_LEG_SERVER;
}

/** The side on which the client is. */
static inline enum sl_side sl_conn_client_side(const struct sl_conn *conn)
{
	return conn->flags & SL_CONN_INSIDE_OPENED ? SL_INSIDE : SL_OUTSIDE;
}

/** Whether it was reset or reclaimed: a tombstone. */
static inline bool sl_conn_closed(const struct sl_conn *conn)
{
	return conn->state[SL_LEG_CLIENT] == SL_TCP_CLOSED &&
	       conn->state[SL_LEG_SERVER] == SL_TCP_CLOSED;
}

/** Whether nothing new can come of it: a tombstone, or waiting out 2MSL. */
static inline bool sl_conn_over(const struct sl_conn *conn)
{
	for (unsigned leg = 0; leg < SL_N_LEGS; leg++)
		if (conn->state[leg] != SL_TCP_TIME_WAIT && conn->state[leg] != SL_TCP_CLOSED)
			return false;
	return true;
}

/** Whether it is established on both legs and nothing else goes on: nearly always. */
static inline bool sl_conn_quiet(const struct sl_conn *conn)
{
	uint16_t states;

	memcpy(&states, conn->state, sizeof(states)); /* both at once */
	return states == (SL_TCP_ESTABLISHED << 8 | SL_TCP_ESTABLISHED) &&
	       !(conn->flags & SL_CONN_UNQUIET) && conn->probes == 0;
}

/** Whether it is also spliced. */
static inline bool sl_conn_quiet_spliced(const struct sl_conn *conn)
{
	uint16_t states;

	memcpy(&states, conn->state, sizeof(states));
	return states == (SL_TCP_ESTABLISHED << 8 | SL_TCP_ESTABLISHED) &&
	       (conn->flags & (SL_CONN_UNQUIET | SL_CONN_SPLICED)) == SL_CONN_SPLICED &&
	       conn->probes == 0;
}

static inline bool sl_conn_adopting(const struct sl_conn *conn)
{
	return (conn->flags & (SL_CONN_SPLICED | SL_CONN_ADOPTING)) == SL_CONN_ADOPTING;
}

static inline bool sl_conn_ts_ours(const struct sl_conn *conn)
{
	const uint16_t both = SL_CONN_SPLICED | SL_CONN_TS_OURS;

	return (conn->flags & both) == both;
}

/** Whether a SYN that may follow stands beside it, in the place of the counts of packets. */
static inline bool sl_conn_successor(const struct sl_conn *conn)
{
	return conn->flags & SL_CONN_SUCCESSOR && sl_conn_over(conn) && !sl_conn_closed(conn);
}

SL_END_DECLS

#endif
