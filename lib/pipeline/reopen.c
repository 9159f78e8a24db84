/* SPDX-License-Identifier: BSD-3-Clause */
/* A segment that found a connection which is over, and may open the next one in its place. */
#include "handshake.h"

/* Whether an ACK proves who follows `old`: by what stands beside it, or by a cookie. */
static bool proves_successor(struct sl_pipeline *p, unsigned i, const struct sl_conn *old,
			     struct sl_grant *grant)
{
	const struct sl_packet *pkt = &p->packet[i];

	if (!pipeline_cookies_alive(p, pkt->service))
		return false;
	return sl_relay_successor_proves(old, pkt->seg, grant) ||
	       (sl_relay_successor(old, pkt->seg) &&
		handshake_verify(p, i, grant) == SL_COOKIE_VALID);
}

/* Whether a SYN may follow `old`: where there is no place for it, an old connection of ours answers
 * as if nobody listened. */
static bool may_follow(const struct sl_pipeline *p, const struct sl_packet *pkt,
		       const struct sl_conn *old)
{
	const struct sl_service *service = handshake_service(p, pkt);
	/* The inside's SYN goes on as it is: timestamps are what its peer makes of them. */
	const bool timestamps = pkt->seg->ts_off != 0 &&
				(pkt->side == SL_INSIDE || handshake_terms(p, pkt).timestamps);

	if (old->ours && service->mode == SL_MODE_RESPOND && service->cookies == SL_COOKIES_NEVER &&
	    !sl_relay_has_backlog(&p->relay, pkt->service))
		return false;
	return sl_relay_reopens(old, (enum sl_side)pkt->side, pkt->seg, timestamps);
}

/*
 * The connection found is over. A SYN that may follow it is answered by a cookie while the old
 * entry stays as it is, for a spoofed SYN must not destroy it; the ACK that proves the
 * successor puts it in its place.
 */
bool pipeline_reopen(struct sl_pipeline *p, unsigned i)
{
	const struct sl_packet *pkt = &p->packet[i];
	struct sl_conn *old = sl_relay_conn(&p->relay, p->query[i].index);
	struct sl_grant grant;

	if (handshake_is_syn(pkt->seg)) {
		pkt->buf->account = pkt->service;
		if (!pkt->proxied) {
			/* On a host link nobody else is behind it. */
			if (old->ours && pipeline_on_host(p, pkt->link))
				return false;
			sl_relay_remove(&p->relay, p->query[i].index);
			pipeline_leave(p, pkt);
			return true;
		}
		if (!may_follow(p, pkt, old)) {
			if (old->ours) /* it answers for itself */
				return false;
			sl_out_drop(p->out, pkt->buf, SL_DROP_stray);
			return true;
		}
		handshake_open_by_syn(p, i, old);
		return true;
	}
	if (!handshake_may_prove(pkt) || !proves_successor(p, i, old, &grant))
		return false;
	pkt->buf->account = pkt->service;
	handshake_open_proven(p, i, &grant);
	return true;
}
