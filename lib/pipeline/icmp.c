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
static void of_no_connection(struct sl_pipeline *p, const struct sl_traveller *t)
{
	if (!t->proxied)
		pipeline_leave(p, t);
	else if (!pipeline_takes_strays(p, t->service))
		/* What comes back of SYN-ACKs to forged addresses, for one. */
		sl_out_drop(p->out, t->buf, SL_DROP_icmp_mismatch);
	else if (t->side == SL_INSIDE || pipeline_ration_take(p, t->service))
		pipeline_leave(p, t);
	else
		sl_out_drop(p->out, t->buf, SL_DROP_adopt_rationed);
}

/* Hands an error on to the next worker; the first to receive it rations them. */
static void hand_round(struct sl_pipeline *p, const struct sl_traveller *t)
{
	if (t->buf->hops > 0 || sl_bucket_take(&p->icmp_rounds, p->relay.now_us, ROUNDS_PER_S))
		sl_out_hand_round(p->out, t->buf);
	else
		sl_out_drop(p->out, t->buf, SL_DROP_limited);
}

void pipeline_icmp(struct sl_pipeline *p, unsigned i, uint32_t index)
{
	const struct sl_traveller *t = &p->traveller[i];
	struct sl_quote *quote = &p->quote[i];

	t->buf->account = t->service;
	if (index == SL_FLOW_NONE && t->proxied && t->buf->hops + 1u < p->n_round)
		hand_round(p, t);
	else if (index != SL_FLOW_NONE && !t->proxied &&
		 sl_relay_passed(&p->relay, sl_relay_conn(&p->relay, index)))
		pipeline_leave(p, t);
	else if (index == SL_FLOW_NONE)
		of_no_connection(p, t);
	else if (!sl_wire_verify_quote(t->buf->data, quote))
		sl_out_drop(p->out, t->buf, SL_DROP_icmp_bad_checksum);
	else
		sl_relay_icmp(&p->relay, index, (enum sl_side)t->side, t->buf, quote);
}
