/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Services that are left to their ends: pass, monitor, drained, one-way. Whatever their packets
 * are, they go on. What the inside says of a connection of a service that tracks makes an entry, so
 * that the connection is known when the service is proxied; a stranger's word makes none.
 */
#include "pipeline.h"

/* Whether a segment of the inside makes an entry, if it is right. */
static bool makes_entry(const struct sl_pipeline *p, const struct sl_packet *pkt)
{
	return pkt->side == SL_INSIDE && pipeline_tracks(p, pkt->service) &&
	       (pkt->seg->flags & (SL_ACK | SL_RST)) == SL_ACK;
}

static void track(struct sl_pipeline *p, unsigned i)
{
	const struct sl_packet *pkt = &p->packet[i];

	/* Without room nobody is tracked, and nothing else is wrong. */
	(void)sl_relay_track(&p->relay, &p->query[i], pkt->service, pkt->buf, pkt->seg);
}

void pipeline_unproxied(struct sl_pipeline *p, unsigned i)
{
	const struct sl_packet *pkt = &p->packet[i];

	pkt->buf->account = pkt->service;
	/* A client that was answered by cookie before the change is kept to what it was told. */
	if (pipeline_proves(p, i))
		return;
	if (makes_entry(p, pkt) && pipeline_believable(p, pkt))
		track(p, i);
	pipeline_leave(p, pkt);
}

/* Whether the inside answers another SYN than the connection's: the tuple is used anew. */
static bool begins_anew(const struct sl_conn *conn, const struct sl_packet *pkt)
{
	return pkt->seg->flags & SL_SYN &&
	       (sl_conn_over(conn) || pkt->seg->seq != conn->end[SL_INSIDE].isn);
}

void pipeline_follow(struct sl_pipeline *p, unsigned i, uint32_t index)
{
	const struct sl_packet *pkt = &p->packet[i];

	if (pipeline_believable(p, pkt)) {
		if (makes_entry(p, pkt) && begins_anew(sl_relay_conn(&p->relay, index), pkt))
			track(p, i);
		else
			sl_relay_follow(&p->relay, index, (enum sl_side)pkt->side, pkt->buf,
					pkt->seg);
	}
	pipeline_leave(p, pkt);
}
