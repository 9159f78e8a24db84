/* SPDX-License-Identifier: BSD-3-Clause */
/* ACKs of no connection: one that brings a cookie back has proved its address, and opens. */
#include "handshake.h"

typedef void open_by_mode(struct sl_relay *, const struct sl_flow_query *, uint16_t,
			  const struct sl_grant *, struct sl_buf *, struct sl_seg *);

/* What the mode of a service does with a client that has proved its address. A client that was
 * answered by cookie before its service was left to its ends is joined with its server all the
 * same: it is kept to what it was promised. */
static open_by_mode *const opens[] = {
	[SL_MODE_PASS] = sl_relay_open_spliced,
	[SL_MODE_MONITOR] = sl_relay_open_spliced,
	[SL_MODE_SPLICE] = sl_relay_open_spliced,
	[SL_MODE_RESPOND] = sl_relay_open_by_cookie,
};

void handshake_open_proven(struct sl_pipeline *p, unsigned i, const struct sl_grant *grant)
{
	const struct sl_packet *pkt = &p->packet[i];

	handshake_count(p, pkt, SL_EVENT_cookies_valid);
	opens[handshake_service(p, pkt)->mode](&p->relay, &p->query[i], pkt->service, grant,
					       pkt->buf, pkt->seg);
}

/* An ACK, perhaps with the first data, of no connection. Never answered by RST: an honest client's
 * second segment may come first. */
void handshake_check_ack(struct sl_pipeline *p, unsigned i)
{
	const struct sl_packet *pkt = &p->packet[i];
	struct sl_grant grant;

	/* It was found out when the cookie was looked at with the burst's. */
	if (pkt->cookie == SL_BURST && !pipeline_cookies_alive(p, pkt->service)) {
		pipeline_stray(p, i, SL_DROP_stray);
		return;
	}
	switch (handshake_verify(p, i, &grant)) {
	case SL_COOKIE_VALID:
		handshake_open_proven(p, i, &grant);
		break;
	case SL_COOKIE_FORGED:
		if (sl_unlikely(pipeline_takes_strays(p, pkt->service)))
			pipeline_stray(p, i, SL_DROP_cookie_invalid);
		else
			sl_out_drop(p->out, pkt->buf, SL_DROP_cookie_invalid);
		break;
	case SL_COOKIE_EXPIRED:
		pipeline_stray(p, i, SL_DROP_cookie_expired);
		break;
	}
}

/* Drops ACKs that fit one template and carry no valid cookie, from packet `i` to packet `n` - 1, as
 * long as they follow each other. Returns the number of the first packet that is not one, or that
 * has to be looked at closely. */
PIPELINE_INLINE unsigned refuse_alike(struct sl_pipeline *p, unsigned i, unsigned n, const bool v6)
{
	const struct sl_pattern *pattern = p->packet[i].pattern;

	if (sl_unlikely(pipeline_takes_strays(p, p->packet[i].service)))
		return i;
	for (; i < n; i++) {
		const struct sl_packet *pkt = &p->packet[i];

		if (pkt->pattern != pattern || p->query[i].index != SL_FLOW_NONE ||
		    !sl_cookie_plainly_forged(&p->ring, &p->moment, &p->cookies[v6].macs,
					      pkt->cookie))
			break;
		sl_out_drop(p->out, pkt->buf, SL_DROP_cookie_invalid);
	}
	return i;
}

unsigned handshake_refuse_alike(struct sl_pipeline *p, unsigned i, unsigned n)
{
	return p->packet[i].pattern->v6 ? refuse_alike(p, i, n, true)
					: refuse_alike(p, i, n, false);
}

bool pipeline_proves(struct sl_pipeline *p, unsigned i)
{
	const struct sl_packet *pkt = &p->packet[i];
	struct sl_grant grant;

	if (!handshake_may_prove(pkt) || !pipeline_cookies_alive(p, pkt->service) ||
	    !pipeline_believable(p, pkt) || handshake_verify(p, i, &grant) != SL_COOKIE_VALID)
		return false;
	handshake_open_proven(p, i, &grant);
	return true;
}
