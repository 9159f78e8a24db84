/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A packet that is longer than the port by which it would leave can send. The port would lose it
 * without a word, or worse. The packet is dropped before anything is believed of it, so its
 * sender's numbers stand in it as they were sent; and the sender is told, as a router would tell
 * it.
 */
#include "pipeline.h"

static void count(struct sl_pipeline *p, const struct sl_buf *packet, enum sl_event event)
{
	sl_count(&p->out->accounts[packet->account].event[event], 1);
}

/* The error, back by the port that the packet came from. */
static void tell(struct sl_pipeline *p, const struct sl_buf *packet, const struct sl_seg *seg,
		 unsigned mtu)
{
	struct sl_relay *r = &p->relay;
	struct sl_buf *buf;
	struct sl_l2 l2;

	if (!sl_bucket_take(&r->too_bigs, r->now_us, SL_RELAY_TOO_BIGS_PER_S))
		return;
	buf = sl_out_spare(p->out);
	if (buf == NULL)
		return;
	sl_wire_l2_get(packet->data, seg->l3_off, &l2);
	sl_wire_l2_swap(&l2);
	if (!sl_wire_emit_too_big(buf, &l2, packet->data, seg, (uint16_t)mtu)) {
		count(p, packet, SL_EVENT_made_no_room);
		p->out->n_spare++;
		return;
	}
	if (!sl_frame_fits(&r->limit[packet->in_port], buf->len, l2.len)) {
		p->out->n_spare++;
		return;
	}
	count(p, packet, SL_EVENT_too_big_sent);
	sl_out_made(p->out, buf, packet->account, packet->in_port);
}

void pipeline_too_long(struct sl_pipeline *p, struct sl_buf *buf, uint8_t port, unsigned more)
{
	const struct sl_frame_limit *limit = &p->relay.limit[port];
	struct sl_seg seg;

	if (sl_wire_may_tell_too_big(buf->data, buf->len, &seg)) {
		const unsigned least = seg.v6 ? SL_IPV6_MTU_MIN : SL_IPV4_MTU_MIN;
		unsigned mtu = sl_min_u32(limit->mtu, limit->frame - seg.l3_off);

		/* Nobody believes less than what every link must carry. */
		mtu = mtu > least + more ? mtu - more : least;
		if (seg.payload_len > mtu)
			tell(p, buf, &seg, mtu);
	}
	sl_out_drop(p->out, buf, SL_DROP_above_mtu);
}

/* Whether a packet to or from a connection, or of none, would end in the box. A stray of the inside
 * is one of a server that was there before: it goes on. */
static bool ends_here(const struct sl_pipeline *p, const struct sl_packet *pkt, uint32_t index)
{
	if (index != SL_FLOW_NONE)
		return sl_relay_conn(&p->relay, index)->ours;
	return pkt->side == SL_OUTSIDE && pkt->proxied &&
	       p->plan->services.service[pkt->service].mode == SL_MODE_RESPOND;
}

bool pipeline_long_is_too_long(struct sl_pipeline *p, unsigned i, uint32_t index)
{
	const struct sl_packet *pkt = &p->packet[i];
	const unsigned l3_off = pkt->icmp ? p->quote[i].ip_off : pkt->seg->l3_off;
	const enum sl_side to = sl_side_other((enum sl_side)pkt->side);
	const uint8_t port = p->plan->links[pkt->link].port[to];
	unsigned more = 0;

	/* The box puts an option of its own into what comes from a server that does not. */
	if (index != SL_FLOW_NONE && pkt->side == SL_INSIDE && !pkt->icmp &&
	    sl_conn_ts_ours(sl_relay_conn(&p->relay, index)))
		more = SL_TIMESTAMPS_BYTES;
	if (sl_likely(sl_frame_fits(&p->relay.limit[port], pkt->buf->len + more, l3_off)) ||
	    ends_here(p, pkt, index))
		return false;
	pkt->buf->account = pkt->service;
	pipeline_too_long(p, pkt->buf, port, more);
	return true;
}
