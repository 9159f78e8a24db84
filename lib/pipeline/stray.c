/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Strays: segments of a proxied service that belong to no connection. For a while after the box was
 * switched on, restarted, or a mode was changed, they are those of connections that ran before, and
 * are taken in. Later they are told by RST that nobody knows them, at a limited rate, or dropped.
 */
#include "pipeline.h"

enum {
	STRAY_RSTS_PER_S = 1000,
	STRAY_PASSES_PER_S = 10000,
	STRAY_PROBES_PER_S = 1000,
};

static void drop(struct sl_pipeline *p, const struct sl_traveller *t, enum sl_drop reason)
{
	sl_out_drop(p->out, t->buf, reason);
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
 */
static void ask_server(struct sl_pipeline *p, const struct sl_traveller *t)
{
	const struct sl_seg *seg = t->seg;
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
	sl_wire_l2_get(t->buf->data, seg->l3_off, &l2);
	if (sl_wire_emit(buf, &l2, &made))
		sl_out_made(p->out, buf, t->service, p->plan->links[t->link].port[SL_INSIDE]);
	else
		p->out->n_spare++;
}

/*
 * While strays are adopted. The inside is trusted: its segment opens an entry. One from outside is
 * only shown to the server, whose answer, if it knows the connection, does that; so a connection in
 * which the client speaks next lives as well. What a flood of them may make the server see is
 * bounded.
 */
static void adopt(struct sl_pipeline *p, unsigned i, enum sl_drop reason)
{
	const struct sl_traveller *t = &p->traveller[i];

	if (t->side == SL_INSIDE) {
		if (t->seg->flags & SL_RST || !(t->seg->flags & SL_ACK) ||
		    !sl_relay_adopt(&p->relay, &p->query[i].key, p->query[i].hash, t->service,
				    t->buf, t->seg))
			pipeline_leave(p, t);
	} else if (sl_bucket_take(&p->stray_passes, p->relay.now_us, STRAY_PASSES_PER_S)) {
		if (!(t->seg->flags & (SL_SYN | SL_RST)) &&
		    sl_bucket_take(&p->stray_probes, p->relay.now_us, STRAY_PROBES_PER_S))
			ask_server(p, t);
		pipeline_leave(p, t);
	} else {
		drop(p, t, reason);
	}
}

void pipeline_stray(struct sl_pipeline *p, unsigned i, enum sl_drop reason)
{
	const struct sl_traveller *t = &p->traveller[i];

	if (pipeline_adopts(p, t->service) && !pipeline_on_host(p, t->link))
		adopt(p, i, reason);
	/* An honest client's second segment may come before the ACK that brings its cookie. */
	else if (reason != SL_DROP_stray ||
		 p->plan->services.service[t->service].strays == SL_STRAYS_DROP)
		drop(p, t, reason);
	else
		pipeline_reset(p, t->buf, t->seg);
}
