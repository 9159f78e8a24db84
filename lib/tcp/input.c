/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * SEGMENT ARRIVES: RFC 9293 section 3.10.7, in its order, with what RFC 5961 and 7323 put before
 * and between. An acknowledgment is noted only (`ack_now`); sl_tcp_output sends it for all
 * segments that came together (MUST-58, MUST-59).
 */
#include "tcb.h"

#include <string.h>

#include "sl_bytes.h"
#include "sl_time_wait.h"

/* RFC 7323 section 5.5: after so long a TS.Recent says nothing. */
enum { TS_OLD_MS = 24 * 24 * 3600 * 1000 - 1 };

/* The segment at hand. What of it can't be taken is cut off. */
struct arrival {
	const struct sl_seg *seg;
	const uint8_t *frame;
	const uint8_t *payload;
	uint32_t seq, len; /* of the payload that is left */
	bool fin;
};

static uint32_t scaled_window(const struct sl_tcb *tcb, const struct sl_seg *seg)
{
	return seg->flags & SL_SYN ? seg->wnd : (uint32_t)seg->wnd << tcb->snd_wscale;
}

static void heard(struct sl_tcp *tcp, struct sl_tcb *tcb)
{
	tcb->n_probes = 0;
	if (tcp_wants_keepalive(tcb))
		tcp_arm(tcp, tcb, SL_TCP_TIMER_STATE, tcb->options->keepalive_ms);
}

/* RFC 7323 section 5.3, R1. RST is exempt. */
static bool is_paws_old(const struct sl_tcp *tcp, const struct sl_tcb *tcb,
			const struct sl_seg *seg)
{
	return tcb->timestamps && tcb->ts_valid && seg->ts_off != 0 && !(seg->flags & SL_RST) &&
	       sl_seq_lt(seg->tsval, tcb->ts_recent) &&
	       tcp_now_ms(tcp) - tcb->ts_recent_ms < TS_OLD_MS;
}

/* Section 4.3, (2). */
static void update_ts_recent(const struct sl_tcp *tcp, struct sl_tcb *tcb, const struct sl_seg *seg)
{
	if (!tcb->timestamps || seg->ts_off == 0 || sl_seq_gt(seg->seq, tcb->last_ack_sent))
		return;
	if (tcb->ts_valid && sl_seq_lt(seg->tsval, tcb->ts_recent) &&
	    tcp_now_ms(tcp) - tcb->ts_recent_ms < TS_OLD_MS)
		return;
	tcb->ts_recent = seg->tsval;
	tcb->ts_recent_ms = tcp_now_ms(tcp);
	tcb->ts_valid = true;
}

/* Section 3.4, table 6. What carries data at RCV.NXT into a closed window is a probe: the ACK that
 * it brings counts, its data is cut off. */
static bool is_acceptable(const struct sl_tcb *tcb, const struct sl_seg *seg)
{
	const uint32_t nxt = sl_tcp_rcv_nxt(tcb), wnd = tcp_rcv_edge(tcb) - nxt,
		       len = sl_seg_len(seg);

	if (seg->seq == nxt)
		return true;
	if (wnd == 0)
		return false;
	if (seg->seq - nxt < wnd)
		return true;
	/* Who has sent all that the window holds says so in its ACKs; before the handshake is
	 * through nobody has. */
	if (len == 0 && seg->seq - nxt == wnd && !(seg->flags & SL_RST) &&
	    tcb->state != SL_TCP_SYN_RECEIVED)
		return true;
	return len > 0 && seg->seq + len - 1 - nxt < wnd;
}

/* "Trimmed to the window": section 3.10.7.4. */
static void trim(const struct sl_tcb *tcb, struct arrival *a)
{
	const uint32_t nxt = sl_tcp_rcv_nxt(tcb);
	const uint32_t edge = tcp_rcv_edge(tcb);

	if (sl_seq_gt(a->seq + a->len, edge)) {
		a->len = sl_seq_lt(a->seq, edge) ? edge - a->seq : 0;
		a->fin = false;
	}
	if (sl_seq_lt(a->seq, nxt)) {
		const uint32_t old = sl_min_u32(nxt - a->seq, a->len);

		a->seq += old;
		a->payload += old;
		a->len -= old;
	}
}

/* What is unacceptable brings an ACK, if it may have been sent for want of one; a mere ACK brings
 * one now and then only: two ends that disagree would not stop. */
static enum sl_tcp_verdict refuse(struct sl_tcp *tcp, struct sl_tcb *tcb, const struct sl_seg *seg,
				  enum sl_tcp_verdict verdict)
{
	if (seg->flags & SL_RST)
		return verdict;
	if (sl_seg_len(seg) > 0)
		tcb->ack_now = true;
	else
		tcp_challenge(tcp, tcb);
	return verdict;
}

/* RFC 5961 section 5.2. A segment with any other ACK is discarded: nothing of it may change the
 * connection. */
static bool has_acceptable_ack(const struct sl_tcb *tcb, const struct sl_seg *seg)
{
	return seg->flags & SL_ACK && sl_seq_leq(seg->ack, tcb->snd_max) &&
	       sl_seq_geq(seg->ack, tcb->snd_una - sl_max_u32(tcb->max_snd_wnd, 1));
}

/* Whether the peer has sent its FIN again. */
static bool is_fin_again(const struct sl_tcb *tcb, const struct sl_seg *seg)
{
	return seg->flags & SL_FIN && seg->seq + sl_seg_len(seg) == sl_tcp_rcv_nxt(tcb) &&
	       has_acceptable_ack(tcb, seg);
}

/* The first part of a segment's payload that has come before; empty: all of it is new. */
static struct tcp_range duplicate_part(const struct sl_tcb *tcb, const struct sl_seg *seg)
{
	const uint32_t nxt = sl_tcp_rcv_nxt(tcb), end = seg->seq + seg->payload_len;
	const struct tcp_ahead *ahead = tcp_received_ahead(&tcb->received);
	struct tcp_range part = {end, end};

	if (sl_seq_lt(seg->seq, nxt))
		return (struct tcp_range){seg->seq, sl_seq_lt(end, nxt) ? end : nxt};
	for (uint32_t i = 0; ahead != NULL && i < ahead->n; i++) {
		const uint32_t left = sl_seq_max(tcb->irs + 1 + ahead->range[i].left, seg->seq),
			       right = tcb->irs + 1 + ahead->range[i].right;

		if (sl_seq_lt(left, right) && sl_seq_lt(left, part.left))
			part = (struct tcp_range){left, sl_seq_lt(right, end) ? right : end};
	}
	return part;
}

/* Of data that came before, the second copy is told: RFC 2883. */
static void note_duplicate(struct sl_tcb *tcb, const struct sl_seg *seg)
{
	const struct tcp_range part = duplicate_part(tcb, seg);

	if (part.left == part.right || !tcb->sack || !has_acceptable_ack(tcb, seg))
		return;
	tcb->dsack_left = part.left;
	tcb->dsack_right = part.right;
}

/* Second check: RST. */
static enum sl_tcp_verdict take_rst(struct sl_tcp *tcp, struct sl_tcb *tcb,
				    const struct sl_seg *seg)
{
	if (seg->seq != sl_tcp_rcv_nxt(tcb)) {
		/* RFC 5961 section 3.2. */
		tcp_challenge(tcp, tcb);
		return SL_TCP_BAD_RST;
	}
	switch ((enum sl_tcp_state)tcb->state) {
	case SL_TCP_SYN_RECEIVED:
		/* Who came from LISTEN goes back there, which nobody need know of: MUST-11. */
		tcp_end(tcp, tcb, SL_TCP_END_REFUSED);
		return SL_TCP_TAKEN;
	case SL_TCP_TIME_WAIT:
		return SL_TCP_BAD_RST; /* RFC 1337 */
	case SL_TCP_ESTABLISHED:
	case SL_TCP_FIN_WAIT_1:
	case SL_TCP_FIN_WAIT_2:
	case SL_TCP_CLOSE_WAIT:
	case SL_TCP_CLOSING:
	case SL_TCP_LAST_ACK:
		tcp_end(tcp, tcb, SL_TCP_END_RESET);
		return SL_TCP_TAKEN;
	case SL_TCP_SYN_SENT:
	case SL_TCP_LISTEN:
	case SL_TCP_CLOSED:
		break;
	}
	return SL_TCP_BAD_RST;
}

static void update_window(struct sl_tcb *tcb, const struct sl_seg *seg)
{
	const uint32_t wnd = scaled_window(tcb, seg);

	/* Beyond the RFC: what acknowledges more than any other is newer than they, whatever its
	 * own number is. It may have been sent again. */
	if (sl_seq_leq(seg->ack, tcb->snd_una) && !sl_seq_lt(tcb->snd_wl1, seg->seq) &&
	    !(tcb->snd_wl1 == seg->seq && sl_seq_leq(tcb->snd_wl2, seg->ack)))
		return;
	/* Opened further: nothing more to probe, no reason to wait, and what came to the closed
	 * window was not taken. What was in flight when it closed may have been, until a timeout
	 * says else. */
	if (wnd > 0 && ((tcb->waits == SL_TCP_WAITS_WINDOW && wnd > tcb->snd_wnd) ||
			(tcb->snd_wnd == 0 && tcb->n_retransmits > 0))) {
		tcp_disarm(tcb, SL_TCP_TIMER_SEND);
		tcb->rtt.backoff = 0;
		tcb->n_retransmits = 0;
		tcb->snd_nxt = tcb->snd_una;
	}
	tcb->snd_wnd = wnd;
	tcb->snd_wl1 = seg->seq;
	tcb->snd_wl2 = seg->ack;
	tcb->max_snd_wnd = sl_max_u32(tcb->max_snd_wnd, wnd);
}

static void sample_round_trip(const struct sl_tcp *tcp, struct sl_tcb *tcb,
			      const struct sl_seg *seg, uint32_t acked)
{
	const uint32_t min_us = tcb->options->rto_min_ms * 1000,
		       max_us = tcb->options->rto_max_ms * 1000;

	if (tcb->timing && sl_seq_geq(seg->ack, tcb->timed_seq)) {
		tcb->timing = false;
		tcp_rtt_sample(&tcb->rtt, (uint32_t)tcp->now_us - tcb->timed_us, 1, min_us, max_us);
	} else if (!tcb->timing && tcb->timestamps && seg->ts_off != 0 && seg->tsecr != 0) {
		/* RFC 7323 section 4.1: what was sent again can be timed as well. Coarser. */
		const uint32_t ms = tcp_now_ms(tcp) + tcb->ts_offset - seg->tsecr;

		if (ms <= TCP_RTT_MAX_US / 1000)
			tcp_rtt_sample(&tcb->rtt, ms * 1000, acked / (2u * tcb->smss) + 1, min_us,
				       max_us);
	}
}

/* Whether the window was in use, so that it may grow. */
static bool is_cwnd_limited(const struct sl_tcb *tcb, uint32_t flight)
{
	if (tcb->cc.cwnd < tcb->cc.ssthresh)
		return flight >= tcb->cc.cwnd / 2;
	return flight + tcb->smss >= tcb->cc.cwnd;
}

/* What SEG.ACK acknowledges is not kept any longer. */
static void release(struct sl_tcp *tcp, struct sl_tcb *tcb)
{
	const uint32_t end = tcp_snd_end(tcb);
	const uint32_t una = sl_seq_gt(tcb->snd_una, end) ? end : tcb->snd_una;

	tcp_bytes_drop(&tcb->send, &tcp->pool, una - tcb->iss - 1);
	if (tcb->send.head == NULL)
		tcb->cursor.block = NULL;
	tcb->events |= SL_TCP_EVENT_WRITABLE;
	if (tcb->urgent_out && sl_seq_geq(tcb->snd_una, tcb->snd_up))
		tcb->urgent_out = false;
}

/* SND.UNA < SEG.ACK =< the highest that was sent. */
static void take_new_ack(struct sl_tcp *tcp, struct sl_tcb *tcb, const struct sl_seg *seg)
{
	const uint32_t acked = seg->ack - tcb->snd_una, flight = tcp_flight(tcb);

	sample_round_trip(tcp, tcb, seg, acked);
	tcb->snd_una = seg->ack;
	if (sl_seq_lt(tcb->snd_nxt, tcb->snd_una))
		tcb->snd_nxt = tcb->snd_una;
	tcb->n_dup_acks = 0;
	tcb->n_retransmits = 0;
	tcb->progress_ms = tcp_now_ms(tcp);
	release(tcp, tcb);
	tcp_forget_old(tcb);
	if (tcb->in_recovery)
		tcp_recover(tcp, tcb, acked);
	else if (is_cwnd_limited(tcb, flight))
		tcp_cc_acked(&tcb->cc, acked, tcp_now_ms(tcp), tcb->rtt.srtt8 / 8000);
	/* RFC 6298 (5.2), (5.3). */
	tcp_disarm(tcb, SL_TCP_TIMER_SEND);
	tcp_disarm(tcb, SL_TCP_TIMER_USER);
	if (tcp_flight(tcb) > 0) {
		tcp_arm_send(tcp, tcb);
		if (tcb->options->user_timeout_ms != 0)
			tcp_arm(tcp, tcb, SL_TCP_TIMER_USER, tcb->options->user_timeout_ms);
	}
}

/* Whether an ACK of nothing new is a duplicate by the letter of RFC 5681 section 2: `wnd` was the
 * window before it. Where that is probed it is the answer. */
static bool is_duplicate(const struct sl_tcb *tcb, const struct arrival *a, uint32_t wnd)
{
	if (tcp_flight(tcb) == 0 || a->len > 0 || a->fin || a->seg->flags & SL_SYN ||
	    tcb->snd_wnd != wnd)
		return false;
	return wnd > 0 && tcb->waits != SL_TCP_WAITS_WINDOW;
}

/* An acceptable ACK, where the connection stands. */
static void take_ack(struct sl_tcp *tcp, struct sl_tcb *tcb, struct arrival *a)
{
	const struct sl_seg *seg = a->seg;
	const uint32_t wnd = tcb->snd_wnd, flight = tcp_flight(tcb);
	bool again = false; /* it says nothing that was not known */
	uint32_t sacked;

	sacked = tcp_take_sacks(tcp, tcb, seg, a->frame);
	if (sl_seq_gt(seg->ack, tcb->snd_una)) {
		update_window(tcb, seg);
		take_new_ack(tcp, tcb, seg);
	} else if (seg->ack == tcb->snd_una) {
		update_window(tcb, seg);
		again = a->len == 0 && !a->fin && seg->sack_off == 0 && tcb->snd_wnd == wnd;
		/* By what it SACKs, where it may. */
		if (sacked > 0 || (tcb->scoreboard == NULL && (!tcb->sack || seg->sack_off != 0) &&
				   is_duplicate(tcb, a, wnd)))
			tcp_take_duplicate_ack(tcp, tcb);
		/* A peer that answers the probes of its closed window is alive (MUST-37), and one
		 * that opens it. */
		if (tcb->waits == SL_TCP_WAITS_WINDOW || tcb->snd_wnd == 0 || wnd == 0)
			tcb->progress_ms = tcp_now_ms(tcp);
	}
	if (tcb->tlp_out)
		tcp_end_tail_probe(tcb, seg->ack, flight, again);
	if (tcp_is_timed(tcb) && tcp_flight(tcb) > 0)
		tcp_find_lost(tcp, tcb);
	if (tcp_flight(tcb) == 0 || (tcb->scoreboard != NULL && !tcp_is_timed(tcb) &&
				     !tcb->in_recovery && tcp_scoreboard(tcb)->n == 0)) {
		tcp_drop_scoreboard(tcp, tcb);
		tcb->dsack_out = false;
		/* Whether the tail was lost that a probe has repaired shows later. */
		tcb->tlp_out &= tcb->tlp_again;
	}
}

/* What an ACK means to the states that wait for one. Returns false when the connection is over. */
static bool step_by_ack(struct sl_tcp *tcp, struct sl_tcb *tcb)
{
	switch ((enum sl_tcp_state)tcb->state) {
	case SL_TCP_FIN_WAIT_1:
		if (tcp_fin_acked(tcb)) {
			tcp_set_state(tcp, tcb, SL_TCP_FIN_WAIT_2);
			if (tcp_wants_keepalive(tcb))
				tcp_arm(tcp, tcb, SL_TCP_TIMER_STATE, tcb->options->keepalive_ms);
			if (tcb->reader_gone)
				tcp_arm(tcp, tcb, SL_TCP_TIMER_STATE, tcb->options->fin_wait_2_ms);
		}
		return true;
	case SL_TCP_CLOSING:
		if (tcp_fin_acked(tcb))
			tcp_time_wait(tcp, tcb);
		return true;
	case SL_TCP_LAST_ACK:
		if (!tcp_fin_acked(tcb))
			return true;
		tcp_end(tcp, tcb, SL_TCP_END_CLOSED);
		return false;
	case SL_TCP_ESTABLISHED:
	case SL_TCP_FIN_WAIT_2:
	case SL_TCP_CLOSE_WAIT:
	case SL_TCP_TIME_WAIT:
		return true;
	case SL_TCP_LISTEN:
	case SL_TCP_SYN_SENT:
	case SL_TCP_SYN_RECEIVED:
	case SL_TCP_CLOSED:
		break;
	}
	return false;
}

/* An ACK without data may come from before RCV.NXT: a keepalive probe, and whatever is sent by who
 * has been told a smaller window since, or has probed ours by a byte, and does not know what of it
 * was taken. It is unacceptable; but were its ACK not heard, two ends of which each does not know
 * how far the other is would never learn it. What is too old by more than a window, rounded up as
 * they are, is none. Returns whether that is all: a keepalive wants an answer, what is sent because
 * of a window does not, and three answers would be duplicates that speak of a loss. */
static bool take_old_ack(struct sl_tcp *tcp, struct sl_tcb *tcb, struct arrival *a)
{
	const struct sl_seg *seg = a->seg;
	const uint32_t window = tcb->options->receive_buffer + (1u << tcb->rcv_wscale);
	const uint32_t behind = sl_tcp_rcv_nxt(tcb) - seg->seq;

	if ((seg->flags & (SL_ACK | SL_RST | SL_SYN | SL_FIN)) != SL_ACK || a->len > 0 ||
	    behind - 1 >= window || !TCP_IN(tcb->state, TCP_SENDS))
		return false;
	if (!has_acceptable_ack(tcb, seg)) {
		(void)refuse(tcp, tcb, seg, SL_TCP_BAD_ACK);
		return true;
	}
	take_ack(tcp, tcb, a);
	heard(tcp, tcb);
	(void)step_by_ack(tcp, tcb);
	return behind > 1 || tcb->state == SL_TCP_CLOSED;
}

/* Sixth: URG. */
static void take_urgent(struct sl_tcb *tcb, const struct arrival *a)
{
	uint32_t up;

	if (!(a->seg->flags & SL_URG) || !TCP_IN(tcb->state, TCP_RECEIVES))
		return;
	/* MUST-62: it points behind the urgent data. */
	up = a->seg->seq + sl_load_be16(a->frame + a->seg->l4_off + 18);
	if (sl_seq_gt(up, tcb->rcv_up)) {
		tcb->rcv_up = up;
		if (sl_seq_gt(up, sl_tcp_rcv_nxt(tcb))) {
			tcb->urgent_in = true;
			tcb->events |= SL_TCP_EVENT_URGENT;
		}
	}
}

/* In order, `n` bytes: an ACK once it is more than one full-sized segment, or after a while. (RFC
 * 5681 section 4.2 would wait for two whole ones; a sender whose last segment is a short one and
 * who waits for both would take the second for lost.) */
static void owe_ack(struct sl_tcp *tcp, struct sl_tcb *tcb, uint32_t n)
{
	const uint32_t unacked = tcb->unacked + n;

	tcb->rcv_mss = (uint16_t)sl_max_u32(tcb->rcv_mss, sl_min_u32(n, UINT16_MAX));
	tcb->unacked = (uint16_t)sl_min_u32(unacked, UINT16_MAX);
	if (unacked > tcb->rcv_mss)
		tcb->ack_now = true;
	else if (!tcp_is_armed(tcb, SL_TCP_TIMER_ACK))
		tcp_arm(tcp, tcb, SL_TCP_TIMER_ACK, tcb->options->delayed_ack_ms);
}

/* Seventh: the text. */
static enum sl_tcp_verdict take_text(struct sl_tcp *tcp, struct sl_tcb *tcb,
				     const struct arrival *a)
{
	const uint32_t before = tcb->received.bytes.to, pos = a->seq - tcb->irs - 1;
	const bool holes = tcb->received.ahead != NULL;

	switch (tcp_received_put(&tcb->received, &tcp->pool, pos, a->payload, a->len)) {
	case TCP_PUT_KEPT:
		break;
	case TCP_PUT_OLD:
		tcb->ack_now = true;
		return SL_TCP_TAKEN;
	case TCP_PUT_NO_RANGE:
		tcb->ack_now = true;
		return SL_TCP_NO_RANGE;
	case TCP_PUT_NO_BLOCK:
		tcb->ack_now = true;
		if (tcb->received.bytes.to != before)
			tcb->events |= SL_TCP_EVENT_READABLE;
		return SL_TCP_NO_BLOCK;
	}
	if (tcb->received.bytes.to == before)
		tcp->counts.out_of_order++;
	else
		tcb->events |= SL_TCP_EVENT_READABLE;
	/* RFC 5681 section 4.2: at once, of what is out of order or fills a hole. */
	if (holes || tcb->received.ahead != NULL)
		tcb->ack_now = true;
	else
		owe_ack(tcp, tcb, a->len);
	return SL_TCP_TAKEN;
}

/* Eighth: FIN, once all before it is there. */
static void take_fin(struct sl_tcp *tcp, struct sl_tcb *tcb)
{
	if (!tcb->fin_known || tcb->fin_taken || tcb->received.bytes.to != tcb->fin_pos)
		return;
	tcb->fin_taken = true;
	tcb->ack_now = true;
	tcb->events |= SL_TCP_EVENT_READABLE;
	switch ((enum sl_tcp_state)tcb->state) {
	case SL_TCP_ESTABLISHED:
		tcp_set_state(tcp, tcb, SL_TCP_CLOSE_WAIT);
		break;
	case SL_TCP_FIN_WAIT_1:
		/* That our FIN is acknowledged has been seen above: then it is FIN-WAIT-2. */
		tcp_set_state(tcp, tcb, SL_TCP_CLOSING);
		break;
	case SL_TCP_FIN_WAIT_2:
		tcp_time_wait(tcp, tcb);
		break;
	case SL_TCP_LISTEN:
	case SL_TCP_SYN_SENT:
	case SL_TCP_SYN_RECEIVED:
	case SL_TCP_CLOSE_WAIT:
	case SL_TCP_CLOSING:
	case SL_TCP_LAST_ACK:
	case SL_TCP_TIME_WAIT:
	case SL_TCP_CLOSED:
		break;
	}
}

/* Where the stream ends, as a FIN says. Anybody who knows about where the window is may have sent
 * one ahead: one that comes in order is believed rather. */
static void note_fin(struct sl_tcb *tcb, const struct arrival *a)
{
	const uint32_t end = a->seq + a->len, nxt = sl_tcp_rcv_nxt(tcb);

	if (!a->fin || sl_seq_lt(end, nxt) || (tcb->fin_known && end != nxt))
		return;
	tcb->fin_known = true;
	tcb->fin_pos = end - tcb->irs - 1;
	if (end != nxt)
		tcb->ack_now = true;
}

/* Text and FIN: what follows the ACK. */
static enum sl_tcp_verdict take_rest(struct sl_tcp *tcp, struct sl_tcb *tcb, struct arrival *a)
{
	enum sl_tcp_verdict verdict = SL_TCP_TAKEN;
	const bool cut = a->len < a->seg->payload_len || a->fin != !!(a->seg->flags & SL_FIN);

	take_urgent(tcb, a);
	if (!TCP_IN(tcb->state, TCP_RECEIVES)) {
		/* A FIN again, or what its sender can't have meant: it is told how far we are. */
		if (a->seg->payload_len > 0 || a->seg->flags & SL_FIN)
			tcb->ack_now = true;
		return verdict;
	}
	if (a->len > 0 && tcb->reader_gone) {
		tcp_abort(tcp, tcb, SL_TCP_END_DATA_LOST);
		return verdict;
	}
	if (a->len > 0)
		verdict = take_text(tcp, tcb, a);
	/* A FIN that came ahead of data beyond it was none. */
	if (tcb->fin_known && !tcb->fin_taken && sl_seq_gt(tcb->received.bytes.to, tcb->fin_pos))
		tcb->fin_known = false;
	if (cut)
		tcb->ack_now = true;
	note_fin(tcb, a);
	take_fin(tcp, tcb);
	return verdict;
}

/* SYN-SENT: section 3.10.7.3. */
static enum sl_tcp_verdict arrives_syn_sent(struct sl_tcp *tcp, struct sl_tcb *tcb,
					    const struct sl_seg *seg, struct arrival *a)
{
	const bool ack = seg->flags & SL_ACK;

	/* First: ACK. Nothing but the SYN was sent. */
	if (ack && (sl_seq_leq(seg->ack, tcb->iss) || sl_seq_gt(seg->ack, tcb->snd_max))) {
		if (!(seg->flags & SL_RST))
			(void)tcp_send_rst(tcp, tcb, seg->ack);
		return SL_TCP_BAD_ACK;
	}
	/* Second: RST. */
	if (seg->flags & SL_RST) {
		if (!ack)
			return SL_TCP_BAD_RST;
		tcp_end(tcp, tcb, SL_TCP_END_REFUSED);
		return SL_TCP_TAKEN;
	}
	/* Fourth: SYN. */
	if (!(seg->flags & SL_SYN))
		return SL_TCP_NO_ACK;
	tcp_take_syn(tcp, tcb, seg);
	if (!ack) {
		/* Simultaneous: MUST-10. */
		tcp_set_state(tcp, tcb, SL_TCP_SYN_RECEIVED);
		tcb->syn_due = true;
		return SL_TCP_TAKEN;
	}
	sample_round_trip(tcp, tcb, seg, 1);
	tcb->snd_una = tcb->snd_nxt = seg->ack;
	tcp_established(tcp, tcb);
	tcb->ack_now = true;
	/* What the SYN announced. */
	tcb->rcv_adv = tcb->irs + 1 + sl_min_u32(tcb->options->receive_buffer, UINT16_MAX);
	a->seq = seg->seq + 1;
	trim(tcb, a);
	return take_rest(tcp, tcb, a);
}

/* The ACK of our SYN: section 3.10.7.4, fifth, SYN-RECEIVED. */
static bool finish_handshake(struct sl_tcp *tcp, struct sl_tcb *tcb, const struct sl_seg *seg)
{
	if (sl_seq_leq(seg->ack, tcb->snd_una) || sl_seq_gt(seg->ack, tcb->snd_max)) {
		(void)tcp_send_rst(tcp, tcb, seg->ack);
		return false;
	}
	sample_round_trip(tcp, tcb, seg, 1);
	tcb->snd_una = tcb->iss + 1;
	tcb->snd_nxt = sl_seq_max(tcb->snd_nxt, tcb->snd_una);
	tcb->snd_wnd = scaled_window(tcb, seg);
	tcb->max_snd_wnd = sl_max_u32(tcb->max_snd_wnd, tcb->snd_wnd);
	tcb->snd_wl1 = seg->seq;
	tcb->snd_wl2 = seg->ack;
	tcp_established(tcp, tcb);
	return true;
}

/* SYN where there should be none. Returns SL_TCP_TAKEN when the segment goes on. */
static enum sl_tcp_verdict take_syn(struct sl_tcp *tcp, struct sl_tcb *tcb, struct arrival *a)
{
	const struct sl_seg *seg = a->seg;

	if (tcb->state == SL_TCP_TIME_WAIT && !(seg->flags & (SL_ACK | SL_FIN))) {
		/* MAY-2. */
		const struct sl_incarnation last = {
			.seq = sl_tcp_rcv_nxt(tcb) - 1,
			.tsval = tcb->ts_recent,
			.timestamps = tcb->timestamps && tcb->ts_valid,
		};
		const struct sl_incarnation next = {
			.seq = seg->seq,
			.tsval = seg->tsval,
			.timestamps = tcb->options->timestamps && seg->ts_off != 0,
		};

		if (sl_time_wait_yields(last, next))
			return SL_TCP_NEW_SYN;
	}
	if (tcb->state == SL_TCP_SYN_RECEIVED && seg->seq == tcb->irs) {
		/* The SYN again: its answer was lost. */
		if (!(seg->flags & SL_ACK)) {
			tcb->syn_due = true;
			return SL_TCP_BAD_SYN;
		}
		/* That of a simultaneous open, with the ACK that completes it: RFC 9293 figure 8.
		 */
		if (!tcb->passive) {
			a->seq++;
			return SL_TCP_TAKEN;
		}
	}
	tcp_challenge(tcp, tcb); /* RFC 5961 section 4.2 */
	return SL_TCP_BAD_SYN;
}

/* All but CLOSED, LISTEN and SYN-SENT: section 3.10.7.4. */
static enum sl_tcp_verdict arrives_otherwise(struct sl_tcp *tcp, struct sl_tcb *tcb,
					     struct arrival *a)
{
	const struct sl_seg *seg = a->seg;
	enum sl_tcp_verdict verdict;

	/* Before all: a SYN may be judged by its timestamp, which is no segment of this connection.
	 */
	if (seg->flags & SL_SYN) {
		if (seg->flags & SL_RST)
			return SL_TCP_BAD_RST;
		verdict = take_syn(tcp, tcb, a);
		if (verdict != SL_TCP_TAKEN)
			return verdict;
	} else {
		if (tcb->timestamps && seg->ts_off == 0 && !(seg->flags & SL_RST))
			return SL_TCP_NO_TIMESTAMPS; /* RFC 7323 section 3.2 */
		if (is_paws_old(tcp, tcb, seg)) {
			note_duplicate(tcb, seg);
			return refuse(tcp, tcb, seg, SL_TCP_PAWS);
		}
		/* First: the sequence number. */
		if (!is_acceptable(tcb, seg)) {
			note_duplicate(tcb, seg);
			if (tcb->state == SL_TCP_TIME_WAIT && is_fin_again(tcb, seg))
				tcp_time_wait(tcp, tcb);
			if (take_old_ack(tcp, tcb, a))
				return tcb->state == SL_TCP_CLOSED ? SL_TCP_TAKEN
								   : SL_TCP_OUT_OF_WINDOW;
			return refuse(tcp, tcb, seg, SL_TCP_OUT_OF_WINDOW);
		}
		note_duplicate(tcb, seg);
		/* Second: RST. */
		if (seg->flags & SL_RST)
			return take_rst(tcp, tcb, seg);
	}
	if (!(seg->flags & SL_ACK))
		return SL_TCP_NO_ACK;
	if (tcb->state == SL_TCP_SYN_RECEIVED && !finish_handshake(tcp, tcb, seg))
		return SL_TCP_BAD_ACK;
	if (!has_acceptable_ack(tcb, seg))
		return refuse(tcp, tcb, seg, SL_TCP_BAD_ACK);
	/* RFC 7323 section 4.3 has this before the check of the ACK; RFC 5961 came later. */
	update_ts_recent(tcp, tcb, seg);
	trim(tcb, a);
	take_ack(tcp, tcb, a);
	heard(tcp, tcb);
	if (!step_by_ack(tcp, tcb))
		return SL_TCP_TAKEN;
	return take_rest(tcp, tcb, a);
}

enum sl_tcp_verdict sl_tcp_segment_arrives(struct sl_tcp *tcp, struct sl_tcb *tcb,
					   const struct sl_seg *seg, const uint8_t *frame)
{
	struct arrival a = {
		.seg = seg,
		.frame = frame,
		.payload = frame + seg->payload_off,
		.seq = seg->seq,
		.len = seg->payload_len,
		.fin = seg->flags & SL_FIN,
	};

	tcp->counts.segments_in++;
	switch ((enum sl_tcp_state)tcb->state) {
	case SL_TCP_SYN_SENT:
		return arrives_syn_sent(tcp, tcb, seg, &a);
	case SL_TCP_SYN_RECEIVED:
	case SL_TCP_ESTABLISHED:
	case SL_TCP_FIN_WAIT_1:
	case SL_TCP_FIN_WAIT_2:
	case SL_TCP_CLOSE_WAIT:
	case SL_TCP_CLOSING:
	case SL_TCP_LAST_ACK:
	case SL_TCP_TIME_WAIT:
		return arrives_otherwise(tcp, tcb, &a);
	case SL_TCP_LISTEN:
	case SL_TCP_CLOSED:
		break;
	}
	assert(!"a segment for a connection that is no more");
	return SL_TCP_OUT_OF_WINDOW;
}

void sl_tcp_give_way(struct sl_tcp *tcp, struct sl_tcb *tcb)
{
	assert(tcb->state == SL_TCP_TIME_WAIT);
	tcp_end(tcp, tcb, SL_TCP_END_CLOSED);
}

void sl_tcp_refuse_syn(struct sl_tcp *tcp, struct sl_tcb *tcb)
{
	tcp_challenge(tcp, tcb);
}

void sl_tcp_path_mtu(struct sl_tcp *tcp, struct sl_tcb *tcb, uint16_t mtu)
{
	const uint32_t headers = tcb->v6 ? SL_IPV6_TCP_HDRS : SL_IPV4_TCP_HDRS;
	const uint32_t options = tcb->timestamps ? SL_TIMESTAMPS_BYTES : 0;
	const uint32_t smss =
		sl_max_u32(mtu > headers ? mtu - headers : 0, SL_TCP_MSS_LINK_MIN) - options;

	if (smss >= tcb->smss || tcb->state == SL_TCP_CLOSED || tcb->state == SL_TCP_SYN_SENT ||
	    tcb->state == SL_TCP_SYN_RECEIVED)
		return;
	tcb->smss = tcb->cc.smss = (uint16_t)smss;
	if (tcb->snd_una == tcb->snd_max)
		return;
	/* Sent again at once, in smaller pieces; no sign of congestion. */
	tcb->snd_nxt = tcb->snd_una;
	tcb->in_recovery = tcb->tlp_out = tcb->first_due = false;
	tcp_drop_scoreboard(tcp, tcb);
	tcp_arm_rto(tcp, tcb);
}

bool sl_tcp_icmp(struct sl_tcp *tcp, struct sl_tcb *tcb, uint32_t seq, uint16_t mtu, bool hard)
{
	const uint32_t headers = tcb->v6 ? SL_IPV6_TCP_HDRS : SL_IPV4_TCP_HDRS;

	/* RFC 5927 section 4: of what is in flight. */
	if (tcb->state == SL_TCP_CLOSED || tcb->snd_una == tcb->snd_max ||
	    !sl_seq_between(seq, tcb->snd_una, tcb->snd_max - 1))
		return false;
	tcb->events |= SL_TCP_EVENT_SOFT;
	if (mtu > headers + (tcb->timestamps ? SL_TIMESTAMPS_BYTES : 0)) {
		/* Anybody may say so: no less than a peer may ask for is believed. */
		sl_tcp_path_mtu(tcp, tcb, (uint16_t)sl_max_u32(mtu, SL_TCP_MSS_MIN + headers));
		return true;
	}
	/* Section 4.1: hard errors are soft where a connection stands. */
	if (hard && tcb->state == SL_TCP_SYN_SENT)
		tcp_end(tcp, tcb, SL_TCP_END_REFUSED);
	return true;
}
