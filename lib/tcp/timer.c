/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * TIMEOUTS: RFC 9293 section 3.10.8, RFC 6298 section 5, section 3.8.6.1 (zero windows), RFC 1122
 * section 4.2.3.6 (keepalive).
 */
#include "tcb.h"

static bool is_due(const struct sl_tcp *tcp, const struct sl_tcb *tcb, enum sl_tcp_timer timer)
{
	return tcp_is_armed(tcb, timer) && (int32_t)(tcp_now_ms(tcp) - tcb->timer[timer]) >= 0;
}

/* Counts one more transmission without an answer. Returns false when it was one too many: R2. */
static bool count_retransmit(struct sl_tcp *tcp, struct sl_tcb *tcb, uint32_t r2_ms)
{
	if (tcp_now_ms(tcp) - tcb->progress_ms >= r2_ms) {
		/* The peer may be there and this its silence: it learns of it. */
		tcp_abort(tcp, tcb, SL_TCP_END_TIMEOUT);
		return false;
	}
	if (tcb->n_retransmits < UINT8_MAX)
		tcb->n_retransmits++;
	if (tcb->n_retransmits == tcb->options->r1)
		tcb->events |= SL_TCP_EVENT_R1;
	tcp_rtt_back_off(&tcb->rtt);
	return true;
}

static void syn_timeout(struct sl_tcp *tcp, struct sl_tcb *tcb)
{
	if (!count_retransmit(tcp, tcb, tcb->options->r2_syn_ms))
		return;
	tcp->counts.timeouts++;
	(void)tcp_send_syn(tcp, tcb);
}

/* R2 of what a window holds back. It runs from the first probe without an answer, which went up to
 * a timeout after the last one that had one: else the first that is lost would be the last. */
static uint32_t probing_r2_ms(const struct sl_tcb *tcb)
{
	return tcb->options->r2_ms + tcp_rto_ms(tcb);
}

/* RFC 6298 (5.4) to (5.6). */
static void retransmission_timeout(struct sl_tcp *tcp, struct sl_tcb *tcb)
{
	const uint32_t r2_ms = tcb->snd_wnd > 0 ? tcb->options->r2_ms : probing_r2_ms(tcb);
	const bool again = tcb->n_retransmits > 0;

	if (!count_retransmit(tcp, tcb, r2_ms))
		return;
	tcp->counts.timeouts++;
	/* A window that was taken back brings no loss: it is probed (MUST-35, SHLD-17). */
	if (tcb->snd_wnd > 0)
		tcp_cc_timeout(&tcb->cc, tcp_flight(tcb), again);
	tcb->in_recovery = tcb->tlp_out = tcb->first_due = false;
	tcb->recover = tcb->snd_max - 1;
	tcb->n_dup_acks = 0;
	tcb->snd_nxt = tcb->snd_una;
	/* RFC 2018 section 8: the receiver may have given up what it told. */
	tcp_drop_scoreboard(tcp, tcb);
	tcp_disarm(tcb, SL_TCP_TIMER_SEND);
	if (tcb->snd_wnd == 0)
		(void)tcp_send_window_probe(tcp, tcb);
	/* The first segment goes in any case; the rest as the window has it. */
	else
		(void)tcp_send_range(tcp, tcb, tcb->snd_una,
				     sl_seq_lt(tcb->snd_una + tcb->smss, tcb->snd_max)
					     ? tcb->snd_una + tcb->smss
					     : tcb->snd_max);
	if (!tcp_is_armed(tcb, SL_TCP_TIMER_SEND))
		tcp_arm_rto(tcp, tcb);
}

static void window_probe_timeout(struct sl_tcp *tcp, struct sl_tcb *tcb)
{
	if (tcp_now_ms(tcp) - tcb->progress_ms >= probing_r2_ms(tcb)) {
		tcp_abort(tcp, tcb, SL_TCP_END_TIMEOUT);
		return;
	}
	if (tcb->snd_wnd > 0 && tcp_flight(tcb) == 0) {
		/* A silly window, for long enough: MUST-38's override. From then on it is in flight
		 * as anything else is; output waits again if there was no buffer. */
		(void)tcp_send_range(tcp, tcb, tcb->snd_una,
				     tcb->snd_una + sl_min_u32(sl_min_u32(tcb->snd_wnd, tcb->smss),
							       tcp_snd_last(tcb) - tcb->snd_una));
		return;
	}
	tcp_rtt_back_off(&tcb->rtt);
	(void)tcp_send_window_probe(tcp, tcb);
	tcp_arm_rto(tcp, tcb);
	tcb->waits = SL_TCP_WAITS_WINDOW;
}

/* What is in flight, or waits for a window. */
static void data_timeout(struct sl_tcp *tcp, struct sl_tcb *tcb, enum sl_tcp_waits what)
{
	if (what == SL_TCP_WAITS_WINDOW) {
		window_probe_timeout(tcp, tcb);
		return;
	}
	if (tcp_flight(tcb) == 0)
		return;
	switch (what) {
	case SL_TCP_WAITS_RTO:
		retransmission_timeout(tcp, tcb);
		return;
	case SL_TCP_WAITS_TAIL:
		tcp_send_tail_probe(tcp, tcb);
		return;
	case SL_TCP_WAITS_RACK:
		tcp_find_lost(tcp, tcb);
		return;
	case SL_TCP_WAITS_WINDOW:
		return;
	}
}

static void send_timeout(struct sl_tcp *tcp, struct sl_tcb *tcb)
{
	const enum sl_tcp_waits what = (enum sl_tcp_waits)tcb->waits;

	tcp_disarm(tcb, SL_TCP_TIMER_SEND);
	switch ((enum sl_tcp_state)tcb->state) {
	case SL_TCP_SYN_SENT:
	case SL_TCP_SYN_RECEIVED:
		syn_timeout(tcp, tcb);
		return;
	case SL_TCP_ESTABLISHED:
	case SL_TCP_CLOSE_WAIT:
	case SL_TCP_FIN_WAIT_1:
	case SL_TCP_CLOSING:
	case SL_TCP_LAST_ACK:
		data_timeout(tcp, tcb, what);
		return;
	case SL_TCP_FIN_WAIT_2:
	case SL_TCP_TIME_WAIT:
	case SL_TCP_LISTEN:
	case SL_TCP_CLOSED:
		return;
	}
}

static void keepalive_timeout(struct sl_tcp *tcp, struct sl_tcb *tcb)
{
	const struct sl_tcp_options *o = tcb->options;

	if (!o->keepalive)
		return;
	/* What is unacknowledged has a timer of its own that finds out. */
	if (tcp_flight(tcb) > 0) {
		tcp_arm(tcp, tcb, SL_TCP_TIMER_STATE, o->keepalive_ms);
		return;
	}
	if (tcb->n_probes >= o->probes) {
		tcp_abort(tcp, tcb, SL_TCP_END_KEEPALIVE);
		return;
	}
	tcb->n_probes++;
	(void)tcp_send_keepalive(tcp, tcb);
	tcp_arm(tcp, tcb, SL_TCP_TIMER_STATE, o->probe_interval_ms);
}

static void state_timeout(struct sl_tcp *tcp, struct sl_tcb *tcb)
{
	tcp_disarm(tcb, SL_TCP_TIMER_STATE);
	switch ((enum sl_tcp_state)tcb->state) {
	case SL_TCP_TIME_WAIT:
		tcp_end(tcp, tcb, SL_TCP_END_CLOSED);
		return;
	case SL_TCP_FIN_WAIT_2:
		if (tcb->reader_gone)
			tcp_abort(tcp, tcb, SL_TCP_END_FIN_WAIT_2);
		else
			keepalive_timeout(tcp, tcb);
		return;
	case SL_TCP_ESTABLISHED:
	case SL_TCP_CLOSE_WAIT:
		keepalive_timeout(tcp, tcb);
		return;
	case SL_TCP_FIN_WAIT_1:
	case SL_TCP_CLOSING:
	case SL_TCP_LAST_ACK:
	case SL_TCP_SYN_SENT:
	case SL_TCP_SYN_RECEIVED:
	case SL_TCP_LISTEN:
	case SL_TCP_CLOSED:
		return;
	}
}

void sl_tcp_timeouts(struct sl_tcp *tcp, struct sl_tcb *tcb)
{
	if (is_due(tcp, tcb, SL_TCP_TIMER_USER)) {
		tcp_abort(tcp, tcb, SL_TCP_END_USER_TIMEOUT);
		return;
	}
	if (is_due(tcp, tcb, SL_TCP_TIMER_SEND))
		send_timeout(tcp, tcb);
	if (is_due(tcp, tcb, SL_TCP_TIMER_STATE))
		state_timeout(tcp, tcb);
	if (is_due(tcp, tcb, SL_TCP_TIMER_ACK)) {
		tcp_disarm(tcb, SL_TCP_TIMER_ACK);
		tcb->ack_now = true;
	}
}

uint64_t sl_tcp_next_deadline(const struct sl_tcp *tcp, const struct sl_tcb *tcb)
{
	const uint64_t now_ms = tcp->now_us / SL_US_PER_MS;
	int32_t least = INT32_MAX;

	if (tcb->armed == 0)
		return UINT64_MAX;
	for (unsigned i = 0; i < SL_TCP_N_TIMERS; i++) {
		const int32_t in_ms = (int32_t)(tcb->timer[i] - (uint32_t)now_ms);

		if (tcb->armed >> i & 1 && in_ms < least)
			least = in_ms;
	}
	return least <= 0 ? tcp->now_us : (now_ms + (uint32_t)least) * SL_US_PER_MS;
}
