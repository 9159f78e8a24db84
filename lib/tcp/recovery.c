/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Loss recovery: what the peer's acknowledgments tell of what is missing (SACK: RFC 2018, 2883;
 * duplicates: RFC 5681), and what is done about it: NewReno (RFC 6582), by the scoreboard (RFC
 * 6675), or by time (RACK-TLP: RFC 8985). What is to be sent again goes by output.c.
 */
#include "tcb.h"

#include "sl_bytes.h"

static struct tcp_scoreboard *want_scoreboard(struct sl_tcp *tcp, struct sl_tcb *tcb)
{
	if (tcb->scoreboard == NULL) {
		/* Without, it is as if nothing had been told. */
		if (tcp_pool_spare(&tcp->pool) == 0)
			return NULL;
		tcb->scoreboard = tcp_pool_take(&tcp->pool);
		tcp_scoreboard_init(tcp_scoreboard(tcb), tcb->snd_una);
	}
	return tcp_scoreboard(tcb);
}

/* RFC 2883 section 4: the first block tells of what came twice when it lies below the ACK, or
 * within the second. Once a round trip it counts: RFC 8985 section 6.2, step 4. */
static void take_dsack(struct sl_tcb *tcb, uint32_t ack, const struct tcp_range *sack, uint32_t n)
{
	tcb->dsack_seen = n > 0 && (sl_seq_leq(sack[0].right, ack) ||
				    (n > 1 && sl_seq_geq(sack[0].left, sack[1].left) &&
				     sl_seq_leq(sack[0].right, sack[1].right)));
	if (!tcb->dsack_seen || (tcb->dsack_out && sl_seq_lt(ack, tcb->dsack_end)))
		return;
	tcb->dsack_out = true;
	tcb->dsack_end = tcb->snd_max;
	tcp_rack_duplicate(&tcb->rack);
}

uint32_t tcp_take_sacks(struct sl_tcp *tcp, struct sl_tcb *tcb, const struct sl_seg *seg,
			const uint8_t *frame)
{
	const uint8_t *p = frame + seg->sack_off + 2;
	struct tcp_range sack[SL_TCP_SACK_MAX];
	struct tcp_scoreboard *s;
	uint32_t n = 0;

	if (!tcb->sack)
		return 0;
	if (seg->sack_off != 0)
		for (; n < seg->n_sack && n < SL_TCP_SACK_MAX; n++)
			sack[n] = (struct tcp_range){sl_load_be32(p + 8 * n),
						     sl_load_be32(p + 8 * n + 4)};
	if (n == 0 && tcb->scoreboard == NULL)
		return 0;
	s = want_scoreboard(tcp, tcb);
	if (s == NULL)
		return 0;
	take_dsack(tcb, seg->ack, sack, n);
	/* An old one may tell of what has been acknowledged since. */
	n = tcp_scoreboard_update(s, tcb->snd_una, sl_seq_max(seg->ack, tcb->snd_una), tcb->snd_max,
				  sack, n, &tcb->rack, (uint32_t)tcp->now_us);
	if (s->timed && (n > 0 || sl_seq_gt(seg->ack, tcb->snd_una)))
		tcb->arrived_ms = tcp_now_ms(tcp);
	return n;
}

void tcp_forget_old(struct sl_tcb *tcb)
{
	if (!tcb->in_recovery && sl_seq_lt(tcb->recover, tcb->snd_una - 1))
		tcb->recover = tcb->snd_una - 1;
	tcb->rack.fack = sl_seq_max(tcb->rack.fack, tcb->snd_una);
	if (tcb->dsack_out && sl_seq_geq(tcb->snd_una, tcb->dsack_end))
		tcb->dsack_out = false;
}

void tcp_send_first(struct sl_tcp *tcp, struct sl_tcb *tcb)
{
	uint32_t to = tcb->snd_una + tcb->smss;

	if (sl_seq_gt(to, tcb->snd_max))
		to = tcb->snd_max;
	tcb->first_due = tcp_send_range(tcp, tcb, tcb->snd_una, to) == tcb->snd_una;
}

/* Fast retransmit: RFC 5681 section 3.2, RFC 6582, RFC 6675 section 5. */
static void enter_recovery(struct sl_tcp *tcp, struct sl_tcb *tcb)
{
	struct tcp_range first = {tcb->snd_una, tcb->snd_una + tcb->smss};

	tcb->in_recovery = true;
	tcb->recover = tcb->snd_max;
	tcp->counts.fast_recoveries++;
	tcp_cc_lost(&tcb->cc, tcp_flight(tcb));
	if (sl_seq_gt(first.right, tcb->snd_max))
		first.right = tcb->snd_max;
	if (tcb->scoreboard != NULL) {
		struct tcp_scoreboard *s = tcp_scoreboard(tcb);

		tcp_scoreboard_recover(s, tcb->snd_una);
		if (s->n > 0 && sl_seq_lt(s->range[0].left, first.right))
			first.right = s->range[0].left;
		/* It may be cut short by SACKs of our own. */
		first.right = tcp_send_range(tcp, tcb, first.left, first.right);
		if (first.right != first.left)
			tcp_scoreboard_sent(s, TCP_NEXT_LOST, first, tcb->recover);
		return;
	}
	tcb->cc.cwnd += 3u * tcb->smss;
	tcp_send_first(tcp, tcb);
}

static bool may_enter_recovery(const struct sl_tcb *tcb)
{
	if (tcb->in_recovery || !sl_seq_gt(tcb->snd_una, tcb->recover) || tcp_is_timed(tcb))
		return false;
	return tcb->n_dup_acks >= TCP_DUP_THRESH ||
	       (tcb->scoreboard != NULL &&
		tcp_scoreboard_is_lost(tcp_scoreboard(tcb), tcb->snd_una, tcb->smss));
}

void tcp_take_duplicate_ack(struct sl_tcp *tcp, struct sl_tcb *tcb)
{
	if (tcb->n_dup_acks < UINT16_MAX)
		tcb->n_dup_acks++;
	if (tcb->in_recovery) {
		if (tcb->scoreboard == NULL)
			tcb->cc.cwnd += tcb->smss;
		return;
	}
	if (may_enter_recovery(tcb))
		enter_recovery(tcp, tcb);
}

void tcp_recover(struct sl_tcp *tcp, struct sl_tcb *tcb, uint32_t acked)
{
	if (sl_seq_geq(tcb->snd_una, tcb->recover)) {
		tcb->in_recovery = tcb->first_due = false;
		tcp_rack_recovered(&tcb->rack);
		/* RFC 6582 section 3.2 (3), the first way: no burst. */
		tcb->cc.cwnd = sl_min_u32(tcb->cc.ssthresh,
					  sl_max_u32(tcp_flight(tcb), tcb->smss) + tcb->smss);
		return;
	}
	if (tcb->scoreboard != NULL)
		return; /* it says what is next */
	/* A partial ACK: the next one is lost as well. */
	tcb->cc.cwnd -= sl_min_u32(tcb->cc.cwnd, acked);
	if (acked >= tcb->smss)
		tcb->cc.cwnd += tcb->smss;
	tcb->cc.cwnd = sl_max_u32(tcb->cc.cwnd, tcb->smss);
	tcp_send_first(tcp, tcb);
}

struct tcp_lost tcp_lost(const struct sl_tcp *tcp, const struct sl_tcb *tcb)
{
	return tcp_scoreboard_lost(tcp_scoreboard(tcb), &tcb->rack, tcb->snd_una, tcb->snd_max,
				   tcb->smss, tcb->rtt.srtt8 / 8, tcb->in_recovery,
				   (uint32_t)tcp->now_us);
}

void tcp_end_tail_probe(struct sl_tcb *tcb, uint32_t ack, uint32_t flight, bool again)
{
	if (!tcb->tlp_out || sl_seq_lt(ack, tcb->tlp_end))
		return;
	if (!tcb->tlp_again || tcb->dsack_seen || (again && ack == tcb->tlp_end)) {
		tcb->tlp_out = false;
	} else if (sl_seq_gt(ack, tcb->tlp_end)) {
		tcb->tlp_out = false;
		if (!tcb->in_recovery)
			tcp_cc_lost(&tcb->cc, flight);
	}
}

void tcp_find_lost(struct sl_tcp *tcp, struct sl_tcb *tcb)
{
	struct tcp_lost lost;

	if (!tcp_is_timed(tcb))
		return;
	lost = tcp_lost(tcp, tcb);
	if (lost.first.left != lost.first.right && !tcb->in_recovery) {
		tcb->in_recovery = true;
		tcb->tlp_out = false;
		tcb->recover = tcb->snd_max;
		tcp->counts.fast_recoveries++;
		tcp_cc_lost(&tcb->cc, tcp_flight(tcb));
		/* The first goes in any case. */
		(void)tcp_send_range(tcp, tcb, lost.first.left, lost.first.right);
		lost = tcp_lost(tcp, tcb);
	}
	if (!tcp_is_armed(tcb, SL_TCP_TIMER_SEND) ||
	    (tcb->waits == SL_TCP_WAITS_TAIL && tcb->in_recovery))
		tcp_arm_rto(tcp, tcb);
	if (lost.wait_us != UINT32_MAX &&
	    lost.wait_us / 1000 + 1 < tcb->timer[SL_TCP_TIMER_SEND] - tcp_now_ms(tcp)) {
		tcp_arm(tcp, tcb, SL_TCP_TIMER_SEND, lost.wait_us / 1000 + 1);
		tcb->waits = SL_TCP_WAITS_RACK;
	}
}

void tcp_arm_send(struct sl_tcp *tcp, struct sl_tcb *tcb)
{
	/* RFC 8985 section 7.2: the worst of a delayed ACK is allowed for where there is but one
	 * segment. And everywhere 50 ms, which on a short path is much longer than two round trips:
	 * a peer may wait for its CPU, Linux acknowledges what its program has not read after 40
	 * ms, and a probe that nothing was lost for is one more segment. */
	const uint32_t delayed_ms = tcp_flight(tcb) <= tcb->smss ? 200 : 50;
	const uint32_t pto_ms = tcb->rtt.srtt8 / 4000 + delayed_ms;

	tcp_arm_rto(tcp, tcb);
	if (!tcp_is_timed(tcb) || tcb->in_recovery || tcb->tlp_out || tcb->rtt.srtt8 == 0 ||
	    tcb->snd_nxt != tcb->snd_max || tcp_scoreboard(tcb)->n > 0 || tcb->rtt.backoff > 0 ||
	    pto_ms >= tcp_rto_ms(tcb))
		return;
	tcb->waits = SL_TCP_WAITS_TAIL;
	tcp_arm(tcp, tcb, SL_TCP_TIMER_SEND, pto_ms);
}
