/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Segments of no connection. A SYN is answered from itself alone, by a cookie; an ACK that brings
 * a cookie back has proved its address, and only then something is remembered.
 */
#include "handshake.h"

static void open_tracked(struct sl_pipeline *p, unsigned i)
{
	const struct sl_packet *pkt = &p->packet[i];

	sl_relay_open_tracked(&p->relay, &p->query[i], pkt->service, (enum sl_side)pkt->side,
			      pkt->buf, pkt->seg);
}

/* A SYN to a server of ours, without cookies: it stands in SYN-RECEIVED. */
static void open_half(struct sl_pipeline *p, unsigned i)
{
	const struct sl_packet *pkt = &p->packet[i];

	if (sl_relay_has_backlog(&p->relay, pkt->service))
		sl_relay_open_by_syn(&p->relay, &p->query[i], pkt->service, pkt->buf, pkt->seg);
	else
		sl_out_drop(p->out, pkt->buf, SL_DROP_backlog_full);
}

/* A SYN without ACK that may open a connection, perhaps in the place of `old`. */
void handshake_open_by_syn(struct sl_pipeline *p, unsigned i, struct sl_conn *old)
{
	const struct sl_packet *pkt = &p->packet[i];

	if (pkt->side == SL_INSIDE) {
		open_tracked(p, i);
	} else if (handshake_service(p, pkt)->cookies != SL_COOKIES_NEVER) {
		handshake_answer_alone(p, i, old);
	} else if (handshake_service(p, pkt)->mode == SL_MODE_RESPOND) {
		handshake_count(p, pkt, SL_EVENT_syn_received);
		open_half(p, i);
	} else {
		handshake_count(p, pkt, SL_EVENT_syn_received);
		open_tracked(p, i);
	}
}

unsigned pipeline_handshakes(struct sl_pipeline *p, unsigned i, unsigned n)
{
	while (i < n) {
		struct sl_packet *pkt = &p->packet[i];
		const struct sl_pattern *pattern = pkt->pattern;

		if (pkt->cookie == SL_BURST || p->query[i].index != SL_FLOW_NONE)
			break;
		if (sl_likely(pattern != NULL)) {
			const unsigned first = i;

			if (pattern->kind == SL_PATTERN_SYN)
				return handshake_answer_alike(p, i, n);
			i = handshake_refuse_alike(p, i, n);
			if (sl_likely(i != first))
				continue;
			pipeline_parse_packet(pkt);
		}
		i++;
		if (handshake_is_syn(pkt->seg)) {
			handshake_answer(p, pkt, pkt->cookie,
					 handshake_cookie(p, pkt->cookie, pkt->seg->v6));
			continue;
		}
		handshake_check_ack(p, i - 1);
		if (sl_unlikely(p->relay.dirty != 0))
			break;
	}
	return i;
}

/* Whether a server answers a SYN that went through without an entry, as it may where SYNs go
 * through: the client and its numbers are what the server says. */
static bool answers_untracked(const struct sl_pipeline *p, const struct sl_packet *pkt)
{
	const struct sl_service *service = handshake_service(p, pkt);

	return pkt->side == SL_INSIDE &&
	       (pkt->seg->flags & (SL_SYN | SL_RST | SL_ACK)) == (SL_SYN | SL_ACK) &&
	       service->mode == SL_MODE_SPLICE && service->cookies == SL_COOKIES_NEVER;
}

static void track_answer(struct sl_pipeline *p, unsigned i)
{
	const struct sl_packet *pkt = &p->packet[i];

	if (!sl_relay_adopt(&p->relay, &p->query[i], pkt->service, pkt->buf, pkt->seg))
		pipeline_leave(p, pkt);
}

void pipeline_handshake(struct sl_pipeline *p, unsigned i)
{
	const struct sl_packet *pkt = &p->packet[i];

	if (handshake_is_syn(pkt->seg))
		handshake_open_by_syn(p, i, NULL);
	else if (handshake_may_prove(pkt))
		handshake_check_ack(p, i);
	else if (answers_untracked(p, pkt))
		track_answer(p, i);
	else if (sl_tcp_flags_possible(pkt->seg->flags))
		pipeline_stray(p, i, SL_DROP_stray);
	else /* to LISTEN on a host link */
		sl_out_drop(p->out, pkt->buf, SL_DROP_tcp_bad_flags);
}
