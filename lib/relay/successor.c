/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A SYN that may follow a connection in TIME-WAIT. A spoofed one must not destroy the entry, so
 * what it was answered stands beside it until its ACK comes; and the entry knows what a cookie
 * can't: how far the old connection's numbers went. The counts of packets and of wraps, which are
 * only for people to see, give it their place.
 */
#include "relay.h"

enum {
	SUCCESSOR_RANDOM = 0x00ffffff, /* bits of the cookie that are MAC in both formats */
	SUCCESSOR_WSCALE = 0x000f,
	SUCCESSOR_SACK = 0x0010,
	SUCCESSOR_TIMESTAMPS = 0x0020,
};

uint32_t sl_relay_successor_iss(struct sl_conn *conn, uint32_t isn, uint32_t cookie,
				const struct sl_grant *grant)
{
	struct sl_end *client = &conn->end[SL_OUTSIDE], *server = &conn->end[SL_INSIDE];

	if (sl_conn_closed(conn))
		return cookie;
	if (conn->flags & SL_CONN_SUCCESSOR)
		return client->packets == isn ? server->packets : cookie;
	conn->flags |= SL_CONN_SUCCESSOR;
	client->packets = isn;
	server->packets = server->seq_max + conn->seq_delta + 1 + (cookie & SUCCESSOR_RANDOM);
	client->wraps = grant->mss;
	server->wraps = (uint16_t)(grant->wscale | (grant->sack ? SUCCESSOR_SACK : 0) |
				   (grant->timestamps ? SUCCESSOR_TIMESTAMPS : 0));
	return server->packets;
}

bool sl_relay_successor_proves(const struct sl_conn *conn, const struct sl_seg *seg,
			       struct sl_grant *grant)
{
	const struct sl_end *client = &conn->end[SL_OUTSIDE], *server = &conn->end[SL_INSIDE];

	if (!sl_conn_successor(conn) || seg->seq - 1 != client->packets ||
	    seg->ack - 1 != server->packets)
		return false;
	grant->mss = client->wraps;
	grant->wscale = server->wraps & SUCCESSOR_WSCALE;
	grant->sack = server->wraps & SUCCESSOR_SACK;
	grant->timestamps = server->wraps & SUCCESSOR_TIMESTAMPS;
	return true;
}
