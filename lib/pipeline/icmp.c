/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ICMP errors, whoever made them: an end or a router between. An error that comes from a side
 * quotes a segment that went to that side; turned round, the quote has the service and the key of
 * a segment that comes from there.
 */
#include "pipeline.h"

/* Errors of no connection of this worker that the others are asked about: each costs all of them a
 * look-up. */
enum { ROUNDS_PER_S = 1000 };

struct sl_seg *pipeline_quoted(struct sl_pipeline *p, const struct sl_buf *buf,
			       const struct sl_seg *icmp)
{
	struct sl_quote *quote = &p->quote[p->n];
	struct sl_seg *seg = &quote->seg;
	struct sl_addr src;
	uint16_t port;

	if (!sl_wire_parse_quote(buf->data, icmp, quote))
		return NULL;
	src = seg->src;
	port = seg->src_port;
	seg->src = seg->dst;
	seg->src_port = seg->dst_port;
	seg->dst = src;
	seg->dst_port = port;
	return seg;
}

/* An ICMP error about a segment of no connection. While strays are adopted it may be about one that
 * is yet to be adopted. */
static void of_no_connection(struct sl_pipeline *p, const struct sl_packet *pkt)
{
	if (!pkt->proxied)
		pipeline_leave(p, pkt);
	else if (!pipeline_takes_strays(p, pkt->service))
		/* What comes back of SYN-ACKs to forged addresses, for one. */
		sl_out_drop(p->out, pkt->buf, SL_DROP_icmp_mismatch);
	else if (pkt->side == SL_INSIDE || pipeline_ration_take(p, pkt->service))
		pipeline_leave(p, pkt);
	else
		sl_out_drop(p->out, pkt->buf, SL_DROP_adopt_rationed);
}

/* Hands an error on to the next worker; the first to receive it rations them. */
static void hand_round(struct sl_pipeline *p, const struct sl_packet *pkt)
{
	if (pkt->buf->hops > 0 || sl_bucket_take(&p->icmp_rounds, p->relay.now_us, ROUNDS_PER_S))
		sl_out_hand_round(p->out, pkt->buf);
	else
		sl_out_drop(p->out, pkt->buf, SL_DROP_limited);
}

void pipeline_icmp(struct sl_pipeline *p, unsigned i, uint32_t index)
{
	const struct sl_packet *pkt = &p->packet[i];
	struct sl_quote *quote = &p->quote[i];

	pkt->buf->account = pkt->service;
	if (index == SL_FLOW_NONE && pkt->proxied && pkt->buf->hops + 1u < p->n_round)
		hand_round(p, pkt);
	else if (index != SL_FLOW_NONE && !pkt->proxied &&
		 sl_relay_passed(&p->relay, sl_relay_conn(&p->relay, index)))
		pipeline_leave(p, pkt);
	else if (index == SL_FLOW_NONE)
		of_no_connection(p, pkt);
	else if (!sl_wire_verify_quote(pkt->buf->data, quote))
		sl_out_drop(p->out, pkt->buf, SL_DROP_icmp_bad_checksum);
	else
		sl_relay_icmp(&p->relay, index, (enum sl_side)pkt->side, pkt->buf, quote);
}
