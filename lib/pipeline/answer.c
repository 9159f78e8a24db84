/* SPDX-License-Identifier: BSD-3-Clause */
/* SYN -> SYN-ACK, in the packet that brought the SYN. */
#include "handshake.h"

/* SYN -> SYN-ACK, in the packet that brought it, of whatever pattern. */
static bool write_answer(const struct sl_packet *pkt, const struct sl_answer *answer,
			 const struct sl_terms *terms, uint32_t iss)
{
	const struct sl_seg *seg = pkt->seg;
	const struct sl_made made = {
		.src = &seg->dst,
		.dst = &seg->src,
		.src_port = seg->dst_port,
		.dst_port = seg->src_port,
		.seq = iss,
		.ack = seg->seq + 1,
		.flags = SL_SYN | SL_ACK,
		.wnd = terms->wnd,
		.mss = terms->mss,
		.wscale = seg->wscale == SL_NO_WSCALE ? SL_NO_WSCALE : terms->wscale,
		.sack_permitted = seg->sack_permitted,
		.timestamps = answer->timestamps,
		.tsval = answer->tsval,
		.tsecr = seg->tsval,
	};

	return sl_wire_emit_answer(pkt->buf, seg, &made);
}

/* `n` SYNs of a service have been answered. */
static inline void answered(struct sl_pipeline *p, uint16_t service, unsigned n)
{
	if (sl_unlikely(p->answered != service)) {
		pipeline_answered(p);
		p->answered = service;
	}
	if (p->n_answered == 0)
		p->relay.service[service].last_cookie_us = p->relay.now_us;
	p->n_answered = (uint16_t)(p->n_answered + n);
}

/* One can't be. */
static void unanswered(struct sl_pipeline *p, const struct sl_packet *pkt)
{
	handshake_count(p, pkt, SL_EVENT_syn_received);
	sl_out_drop(p->out, pkt->buf, SL_DROP_no_buffer);
}

/* Answers a SYN with cookie `k` of its family, or with `iss` in its place. */
void handshake_answer(struct sl_pipeline *p, const struct sl_packet *pkt, unsigned k, uint32_t iss)
{
	const struct sl_seg *seg = pkt->seg;
	const struct sl_answer *answer = &p->cookies[seg->v6].answer[k];
	const struct sl_server *server = &p->server[answer->server];
	bool written;

	if (sl_likely(handshake_is_full(answer, seg)))
		written = sl_syn_ack_answer(&server->syn_ack[seg->v6], pkt->buf, seg->l3_off,
					    seg->l4_off, iss, answer->tsval,
					    __builtin_bswap32(seg->tsval), seg->v6);
	else
		written = write_answer(pkt, answer, &server->terms, iss);
	if (sl_unlikely(!written)) {
		unanswered(p, pkt);
		return;
	}
	answered(p, pkt->service, 1);
	sl_out_answer(p->out, pkt->buf);
}

/* Answers SYNs that fit one template and have their cookies, from packet `i` to packet `n` - 1, as
 * long as they follow each other. Returns the number of the first packet that is not one. */
PIPELINE_INLINE unsigned answer_alike(struct sl_pipeline *p, unsigned i, unsigned n, const bool v6)
{
	const unsigned l4 = v6 ? SL_PATTERN_L4_V6 : SL_PATTERN_L4_V4;
	const struct sl_pattern *pattern = p->packet[i].pattern;
	const uint16_t service = p->packet[i].service;
	const struct sl_cookies *cookies = &p->cookies[v6];
	const struct sl_answer answer = cookies->answer[p->packet[i].cookie];
	const struct sl_syn_ack *syn_ack = &p->server[answer.server].syn_ack[v6];
	const struct sl_cookie_common like =
		sl_cookie_common_of(&cookies->macs, p->packet[i].cookie, v6);
	const struct sl_cookie_moment moment = p->moment;
	struct sl_buf **next = sl_out_next(p->out, n - i);
	unsigned n_answered = 0;

	for (; i < n; i++) {
		const struct sl_packet *pkt = &p->packet[i];
		struct sl_buf *buf = pkt->buf;
		uint32_t iss;

		if (pkt->pattern != pattern || p->query[i].index != SL_FLOW_NONE)
			break;
		iss = sl_cookie_mint_common_end(like, &moment, &cookies->macs, pkt->cookie, v6);
		if (sl_unlikely(!sl_syn_ack_answer(syn_ack, buf, SL_PATTERN_L3, l4, iss,
						   answer.tsval, sl_load_le32(buf->data + l4 + 28),
						   v6))) {
			unanswered(p, pkt);
			continue;
		}
		sl_out_put(&next, buf, SL_FATE_ANSWERED, buf->in_port);
		n_answered++;
	}
	sl_out_sent_to(p->out, next);
	if (sl_likely(n_answered > 0))
		answered(p, service, n_answered);
	return i;
}

unsigned handshake_answer_alike(struct sl_pipeline *p, unsigned i, unsigned n)
{
	return p->packet[i].pattern->v6 ? answer_alike(p, i, n, true)
					: answer_alike(p, i, n, false);
}

/* A SYN whose cookie was not made with the burst's, or that may follow `old`, a connection in
 * TIME-WAIT: then it may need an ISN of its own. */
void handshake_answer_alone(struct sl_pipeline *p, unsigned i, struct sl_conn *old)
{
	const struct sl_packet *pkt = &p->packet[i];
	const struct sl_seg *seg = pkt->seg;
	const unsigned k = pkt->cookie;
	uint32_t iss;

	if (k == SL_BURST)
		handshake_mint_alone(p, i);
	iss = handshake_cookie(p, k, seg->v6);
	if (old != NULL) {
		const struct sl_answer *answer = &p->cookies[seg->v6].answer[k];
		const struct sl_grant grant = {
			.mss = answer->client_mss,
			.wscale = seg->wscale,
			.sack = seg->sack_permitted,
			.timestamps = answer->timestamps,
		};

		iss = sl_relay_successor_iss(old, seg->seq, iss, &grant);
	}
	handshake_answer(p, pkt, k, iss);
}

void pipeline_answered(struct sl_pipeline *p)
{
	struct sl_account *a = &p->out->accounts[p->answered];

	if (p->n_answered == 0)
		return;
	sl_count(&a->event[SL_EVENT_syn_received], p->n_answered);
	sl_count(&a->event[SL_EVENT_cookies_sent], p->n_answered);
	p->n_answered = 0;
}
