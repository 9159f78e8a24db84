/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Strays: segments of a proxied service that belong to no connection. For a while after the box was
 * switched on, restarted, or a mode was changed, they are those of connections that ran before, and
 * are taken in. Later they are told by RST that nobody knows them, at a limited rate, or dropped.
 */
#include "pipeline.h"

enum {
	STRAY_RSTS_PER_S = 1000,
};

static void drop(struct sl_pipeline *p, const struct sl_packet *pkt, enum sl_drop reason)
{
	sl_out_drop(p->out, pkt->buf, reason);
}

void pipeline_reset(struct sl_pipeline *p, struct sl_buf *buf, const struct sl_seg *seg)
{
	struct sl_made made = {
		.src = &seg->dst,
		.dst = &seg->src,
		.src_port = seg->dst_port,
		.dst_port = seg->src_port,
		.flags = SL_RST,
		.wscale = SL_NO_WSCALE,
	};

	if (seg->flags & SL_RST) {
		sl_out_drop(p->out, buf, SL_DROP_stray);
		return;
	}
	if (!sl_bucket_take(&p->stray_rsts, p->relay.now_us, STRAY_RSTS_PER_S)) {
		sl_out_drop(p->out, buf, SL_DROP_limited);
		return;
	}
	if (seg->flags & SL_ACK) {
		made.seq = seg->ack;
	} else {
		made.flags |= SL_ACK;
		made.ack = seg->seq + sl_seg_len(seg);
	}
	if (!sl_wire_emit_answer(buf, seg, &made)) {
		sl_out_drop(p->out, buf, SL_DROP_no_buffer);
		return;
	}
	sl_count(&p->out->accounts[buf->account].event[SL_EVENT_rst_sent], 1);
	sl_out_answer(p->out, buf);
}

/*
 * Asks the server what it knows of a stray from outside: a segment just below what it expects
 * makes it say its numbers (RFC 9293 section 3.10.7.4, first). It would say nothing to the stray
 * itself if that acknowledged what it never sent, as it does after a translation by an earlier run.
 * The question comes behind the stray: the stray may be the ACK that completes a handshake by SYN
 * cookie, and before it such a server would answer the question by RST.
 */
static void ask_server(struct sl_pipeline *p, const struct sl_packet *pkt)
{
	const struct sl_seg *seg = pkt->seg;
	const struct sl_made made = {
		.src = &seg->src,
		.dst = &seg->dst,
		.src_port = seg->src_port,
		.dst_port = seg->dst_port,
		.seq = seg->seq - 1,
		.ack = seg->ack,
		.flags = SL_ACK,
		.wnd = seg->wnd,
		.wscale = SL_NO_WSCALE,
		.timestamps = seg->ts_off != 0,
		.tsval = seg->tsval,
		.tsecr = seg->tsecr,
	};
	struct sl_buf *buf = sl_out_spare(p->out);
	struct sl_l2 l2;

	if (buf == NULL)
		return;
	sl_wire_l2_get(pkt->buf->data, seg->l3_off, &l2);
	if (sl_wire_emit(buf, &l2, &made)) {
		sl_out_made(p->out, buf, pkt->service, p->plan->links[pkt->link].port[SL_INSIDE]);
	} else {
		sl_count(&p->out->accounts[pkt->service].event[SL_EVENT_made_no_room], 1);
		p->out->n_spare++;
	}
}

/*
 * While strays are adopted, a segment from the inside opens an entry: the inside is trusted. So a
 * transfer goes on with the first segment that its server sends, whatever comes from outside.
 */
static void adopt_from_inside(struct sl_pipeline *p, unsigned i)
{
	const struct sl_packet *pkt = &p->packet[i];

	if (pkt->seg->flags & SL_RST || !(pkt->seg->flags & SL_ACK) ||
	    !sl_relay_adopt(&p->relay, &p->query[i], pkt->service, pkt->buf, pkt->seg))
		pipeline_leave(p, pkt);
}

/*
 * A stray from outside opens nothing. It is shown to the server, whose answer, if the server knows
 * the connection, opens the entry; so a connection in which the client speaks next lives as well.
 * A segment of a running connection has ACK and no SYN; a RST has no answer. What does not have
 * these flags is asked for by nobody, and what is beyond the ration is dropped in silence: the
 * sender of an honest segment sends it again.
 */
static void show_to_server(struct sl_pipeline *p, unsigned i)
{
	const struct sl_packet *pkt = &p->packet[i];
	enum pipeline_ration ration;

	if ((pkt->seg->flags & (SL_SYN | SL_RST | SL_ACK)) != SL_ACK) {
		drop(p, pkt, SL_DROP_stray);
		return;
	}
	ration = pipeline_ration_stray(p, i);
	if (ration == PIPELINE_RATION_NONE) {
		drop(p, pkt, SL_DROP_adopt_rationed);
		return;
	}
	sl_count(&p->out->accounts[pkt->service].event[SL_EVENT_strays_shown], 1);
	pipeline_leave(p, pkt);
	if (ration == PIPELINE_RATION_SHOW_AND_ASK)
		ask_server(p, pkt);
}

void pipeline_stray(struct sl_pipeline *p, unsigned i, enum sl_drop reason)
{
	const struct sl_packet *pkt = &p->packet[i];

	if (pipeline_takes_strays(p, pkt->service) && !pipeline_on_host(p, pkt->link)) {
		if (pkt->side == SL_INSIDE)
			adopt_from_inside(p, i);
		else
			show_to_server(p, i);
		return;
	}
	/* An honest client's second segment may come before the ACK that brings its cookie. */
	if (reason != SL_DROP_stray ||
	    p->plan->services.service[pkt->service].strays == SL_STRAYS_DROP)
		drop(p, pkt, reason);
	else
		pipeline_reset(p, pkt->buf, pkt->seg);
}
