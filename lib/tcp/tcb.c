/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcb.h"

#include <string.h>

const struct sl_tcp_options sl_tcp_options_default = {
	.receive_buffer = 65535,
	.send_buffer = 65536,
	.mss = 1460,
	.wscale = 7,
	.timestamps = true,
	.sack = true,
	.rack = true,
	.cc = TCP_CC_CUBIC,
	.probes = 9,
	.r1 = 3,
	.keepalive_ms = 7200000,
	.probe_interval_ms = 75000,
	.r2_ms = 100000,
	.r2_syn_ms = 180000,
	.rto_min_ms = TCP_RTO_MIN_US / 1000,
	.rto_max_ms = TCP_RTO_MAX_US / 1000,
	.delayed_ack_ms = 100,
	.time_wait_ms = 240000,
	.fin_wait_2_ms = 60000,
};

static uint64_t mix(uint64_t *state)
{
	/* splitmix64: Steele, Lea and Flood, "Fast splittable pseudorandom number generators". */
	uint64_t z = *state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

uint32_t sl_tcp_random(struct sl_tcp *tcp)
{
	return (uint32_t)(mix(&tcp->random) >> 32);
}

void sl_tcp_init(struct sl_tcp *tcp, void *blocks, uint32_t n_blocks,
		 bool (*send)(void *owner, struct sl_tcb *tcb, struct sl_tcp_segment *segment),
		 void *owner, const uint8_t seed[24])
{
	memset(tcp, 0, sizeof(*tcp));
	tcp_pool_init(&tcp->pool, blocks, n_blocks);
	tcp->send = send;
	tcp->owner = owner;
	tcp->isn_key = sl_sipkey_from_bytes(seed);
	memcpy(&tcp->random, seed + 16, sizeof(tcp->random));
}

uint32_t sl_tcp_isn(const struct sl_tcp *tcp, const struct sl_addr *local, uint16_t local_port,
		    const struct sl_addr *remote, uint16_t remote_port)
{
	uint8_t tuple[36];

	memcpy(tuple, local->b, 16);
	memcpy(tuple + 16, remote->b, 16);
	memcpy(tuple + 32, &local_port, 2);
	memcpy(tuple + 34, &remote_port, 2);
	/* Section 3: a clock of 4 us, and a secret that a tuple has for ever. */
	return (uint32_t)(tcp->now_us / 4 + sl_siphash24(&tcp->isn_key, tuple, sizeof(tuple)));
}

/* From where a state may be reached: figure 5 of RFC 9293, with what the text has beside it: RST,
 * ABORT and timeouts from everywhere, CLOSE of a handshake under way, and a FIN that comes with the
 * ACK of a SYN or of a FIN. */
static const uint16_t from_states[SL_TCP_N_STATES] = {
	[SL_TCP_LISTEN] = 0, /* listeners are no connections */
	[SL_TCP_SYN_SENT] = 1u << SL_TCP_CLOSED,
	[SL_TCP_SYN_RECEIVED] = 1u << SL_TCP_CLOSED | 1u << SL_TCP_SYN_SENT,
	[SL_TCP_ESTABLISHED] = 1u << SL_TCP_SYN_RECEIVED | 1u << SL_TCP_SYN_SENT |
			       1u << SL_TCP_CLOSED /* cookie */,
	[SL_TCP_FIN_WAIT_1] = 1u << SL_TCP_ESTABLISHED | 1u << SL_TCP_SYN_RECEIVED,
	[SL_TCP_FIN_WAIT_2] = 1u << SL_TCP_FIN_WAIT_1,
	[SL_TCP_CLOSE_WAIT] = 1u << SL_TCP_ESTABLISHED,
	[SL_TCP_CLOSING] = 1u << SL_TCP_FIN_WAIT_1,
	[SL_TCP_LAST_ACK] = 1u << SL_TCP_CLOSE_WAIT,
	[SL_TCP_TIME_WAIT] =
		1u << SL_TCP_FIN_WAIT_1 | 1u << SL_TCP_FIN_WAIT_2 | 1u << SL_TCP_CLOSING,
	[SL_TCP_CLOSED] = UINT16_MAX,
};

void tcp_set_state(struct sl_tcp *tcp, struct sl_tcb *tcb, enum sl_tcp_state state)
{
	assert(from_states[state] >> tcb->state & 1);
	tcp->states[tcb->state]--;
	tcp->states[state]++;
	tcb->state = (uint8_t)state;
}

void sl_tcp_tcb_init(struct sl_tcp *tcp, struct sl_tcb *tcb, const struct sl_tcp_options *options,
		     bool v6)
{
	memset(tcb, 0, sizeof(*tcb));
	tcb->options = options;
	tcb->v6 = v6;
	tcb->state = SL_TCP_CLOSED;
	tcp->states[SL_TCP_CLOSED]++;
	tcb->snd_wscale = tcb->rcv_wscale = 0;
	tcp_rtt_init(&tcb->rtt);
}

void tcp_drop_scoreboard(struct sl_tcp *tcp, struct sl_tcb *tcb)
{
	if (tcb->scoreboard != NULL)
		tcp_pool_give(&tcp->pool, tcb->scoreboard);
	tcb->scoreboard = NULL;
}

void sl_tcp_tcb_free(struct sl_tcp *tcp, struct sl_tcb *tcb)
{
	tcp_received_free(&tcb->received, &tcp->pool);
	tcp_bytes_free(&tcb->send, &tcp->pool);
	tcp_drop_scoreboard(tcp, tcb);
	tcb->armed = 0;
	tcp->states[tcb->state]--;
}

void tcp_end(struct sl_tcp *tcp, struct sl_tcb *tcb, enum sl_tcp_end why)
{
	tcp_set_state(tcp, tcb, SL_TCP_CLOSED);
	tcb->end = (uint8_t)why;
	tcb->events |= SL_TCP_EVENT_ENDED;
	tcb->armed = 0;
	tcb->ack_now = tcb->syn_due = false;
	tcp_bytes_free(&tcb->send, &tcp->pool);
	tcp_drop_scoreboard(tcp, tcb);
	/* After an orderly close the user may take its time to read. */
	if (why != SL_TCP_END_CLOSED)
		tcp_received_free(&tcb->received, &tcp->pool);
}

void tcp_abort(struct sl_tcp *tcp, struct sl_tcb *tcb, enum sl_tcp_end why)
{
	/* Section 3.10.5: nothing is sent where the peer does not know of the connection, or is
	 * done with it. */
	switch ((enum sl_tcp_state)tcb->state) {
	case SL_TCP_SYN_RECEIVED:
	case SL_TCP_ESTABLISHED:
	case SL_TCP_FIN_WAIT_1:
	case SL_TCP_FIN_WAIT_2:
	case SL_TCP_CLOSE_WAIT:
	case SL_TCP_CLOSING:
	case SL_TCP_LAST_ACK:
		(void)tcp_send_abort(tcp, tcb);
		break;
	case SL_TCP_SYN_SENT:
	case SL_TCP_TIME_WAIT:
	case SL_TCP_LISTEN:
	case SL_TCP_CLOSED:
		break;
	}
	tcp_end(tcp, tcb, why);
}

void tcp_time_wait(struct sl_tcp *tcp, struct sl_tcb *tcb)
{
	if (tcb->state != SL_TCP_TIME_WAIT)
		tcp_set_state(tcp, tcb, SL_TCP_TIME_WAIT);
	tcb->armed = 0;
	tcp_arm(tcp, tcb, SL_TCP_TIMER_STATE, tcb->options->time_wait_ms);
}

void tcp_agree(struct sl_tcb *tcb, const struct sl_tcp_granted *granted)
{
	const struct sl_tcp_options *o = tcb->options;
	uint32_t smss;

	tcb->timestamps = granted->timestamps;
	tcb->sack = granted->sack;
	/* Both or none: RFC 7323 section 2.2. */
	if (o->wscale != SL_NO_WSCALE && granted->snd_wscale != SL_NO_WSCALE) {
		tcb->snd_wscale = (uint8_t)sl_min_u32(granted->snd_wscale, SL_WSCALE_MAX);
		tcb->rcv_wscale = (uint8_t)sl_min_u32(o->wscale, SL_WSCALE_MAX);
	}
	tcb->peer_mss = granted->peer_mss != 0 ? granted->peer_mss
			: tcb->v6              ? SL_MSS_DEFAULT_V6
					       : SL_MSS_DEFAULT_V4;
	tcb->peer_mss = (uint16_t)sl_max_u32(tcb->peer_mss, SL_TCP_MSS_MIN);
	/* MUST-16; what every segment carries is off. What the link does not carry is not sent,
	 * however little that is. */
	smss = sl_min_u32(tcb->peer_mss, sl_max_u32(o->mss, SL_TCP_MSS_LINK_MIN));
	tcb->smss = (uint16_t)(smss - (tcb->timestamps ? 12 : 0));
}

void tcp_established(struct sl_tcp *tcp, struct sl_tcb *tcb)
{
	tcp_set_state(tcp, tcb, SL_TCP_ESTABLISHED);
	tcb->events |= SL_TCP_EVENT_OPENED | SL_TCP_EVENT_WRITABLE;
	tcb->n_retransmits = 0;
	tcp_rtt_after_syn(&tcb->rtt);
	tcp_rack_init(&tcb->rack);
	tcp_cc_init(&tcb->cc, (enum tcp_cc_kind)tcb->options->cc, tcb->smss, tcb->syn_lost);
	tcb->recover = tcb->snd_una - 1;
	tcb->rcv_mss = SL_MSS_DEFAULT_V4;
	tcp_disarm(tcb, SL_TCP_TIMER_SEND);
	if (tcb->options->keepalive)
		tcp_arm(tcp, tcb, SL_TCP_TIMER_STATE, tcb->options->keepalive_ms);
	/* CLOSE came before: section 3.10.4. */
	if (tcb->fin_queued)
		tcp_set_state(tcp, tcb, SL_TCP_FIN_WAIT_1);
}

/* Numbers of a connection whose next byte to send is ISS + 1 and whose SYN is sent or to be sent.
 */
static void begin_numbers(struct sl_tcp *tcp, struct sl_tcb *tcb, uint32_t iss, uint32_t ts_offset)
{
	tcb->iss = tcb->snd_una = tcb->snd_nxt = tcb->snd_max = iss;
	tcb->ts_offset = ts_offset;
	tcb->sent_ms = tcb->progress_ms = tcp_now_ms(tcp);
	tcb->snd_up = iss;
}

static void take_syn_numbers(struct sl_tcb *tcb, const struct sl_seg *syn)
{
	tcb->irs = syn->seq;
	tcb->rcv_up = syn->seq;
	tcb->rcv_adv = tcb->last_ack_sent = syn->seq + 1;
}

void sl_tcp_open(struct sl_tcp *tcp, struct sl_tcb *tcb, uint32_t iss, uint32_t ts_offset)
{
	begin_numbers(tcp, tcb, iss, ts_offset);
	tcp_set_state(tcp, tcb, SL_TCP_SYN_SENT);
	tcb->syn_due = true;
}

void tcp_take_syn(struct sl_tcp *tcp, struct sl_tcb *tcb, const struct sl_seg *syn)
{
	const struct sl_tcp_granted granted = {
		.peer_mss = syn->mss,
		.snd_wscale = syn->wscale,
		.timestamps = tcb->options->timestamps && syn->ts_off != 0,
		.sack = tcb->options->sack && syn->sack_permitted,
	};

	take_syn_numbers(tcb, syn);
	tcp_agree(tcb, &granted);
	if (tcb->timestamps) {
		tcb->ts_recent = syn->tsval;
		tcb->ts_recent_ms = tcp_now_ms(tcp);
		tcb->ts_valid = true;
	}
	/* Never scaled: RFC 7323 section 2.2. */
	tcb->snd_wnd = tcb->max_snd_wnd = syn->wnd;
	tcb->snd_wl1 = syn->seq;
	tcb->snd_wl2 = syn->ack;
}

void sl_tcp_open_passive(struct sl_tcp *tcp, struct sl_tcb *tcb, const struct sl_seg *syn,
			 uint32_t iss, uint32_t ts_offset)
{
	begin_numbers(tcp, tcb, iss, ts_offset);
	tcb->passive = true;
	tcp_take_syn(tcp, tcb, syn);
	tcp_set_state(tcp, tcb, SL_TCP_SYN_RECEIVED);
	tcb->syn_due = true;
}

void sl_tcp_open_cookie(struct sl_tcp *tcp, struct sl_tcb *tcb, const struct sl_seg *ack,
			const struct sl_tcp_granted *granted)
{
	const uint32_t now_ms = tcp_now_ms(tcp);

	begin_numbers(tcp, tcb, ack->ack - 1, granted->timestamps ? ack->tsecr - now_ms : 0);
	tcb->snd_una = tcb->snd_nxt = tcb->snd_max = ack->ack;
	tcb->passive = true;
	tcb->irs = tcb->rcv_up = ack->seq - 1;
	tcb->last_ack_sent = ack->seq;
	tcp_agree(tcb, granted);
	if (tcb->timestamps) {
		tcb->ts_recent = ack->tsval;
		tcb->ts_recent_ms = now_ms;
		tcb->ts_valid = true;
	}
	/* What the SYN-ACK announced is not known any more; what it would announce now is at least
	 * that, for a client that has sent no more than fits. */
	tcb->rcv_adv = tcp_window_edge(tcb);
	tcb->snd_wnd = tcb->max_snd_wnd = (uint32_t)ack->wnd << tcb->snd_wscale;
	tcb->snd_wl1 = ack->seq;
	tcb->snd_wl2 = ack->ack;
	tcp_established(tcp, tcb);
}

uint32_t sl_tcp_send_room(const struct sl_tcb *tcb)
{
	const uint32_t held = tcp_bytes_len(&tcb->send);

	return held >= tcb->options->send_buffer ? 0 : tcb->options->send_buffer - held;
}

uint32_t sl_tcp_send(struct sl_tcp *tcp, struct sl_tcb *tcb, const void *data, uint32_t len,
		     bool urgent)
{
	uint32_t room, n;

	/* Before ESTABLISHED it is kept; after CLOSE it is an error: section 3.10.2. */
	if (tcb->state == SL_TCP_CLOSED || tcb->fin_queued)
		return 0;
	room = sl_tcp_send_room(tcb);
	if (room / TCP_BLOCK >= tcp_pool_spare(&tcp->pool))
		room = tcp_pool_spare(&tcp->pool) * TCP_BLOCK;
	n = tcp_bytes_append(&tcb->send, &tcp->pool, data, sl_min_u32(len, room));
	if (urgent && n == len && n > 0) {
		tcb->snd_up = tcp_snd_end(tcb);
		tcb->urgent_out = true;
	}
	return n;
}

uint32_t sl_tcp_peek(const struct sl_tcb *tcb, uint32_t skip, uint8_t **bytes)
{
	return tcp_bytes_at(&tcb->received.bytes, tcb->received.bytes.from + skip, bytes, NULL);
}

uint32_t sl_tcp_receive(const struct sl_tcb *tcb, uint8_t **bytes)
{
	return sl_tcp_peek(tcb, 0, bytes);
}

void sl_tcp_received(struct sl_tcp *tcp, struct sl_tcb *tcb, uint32_t n)
{
	const uint32_t enough = sl_min_u32(2u * tcb->rcv_mss, tcb->options->receive_buffer / 2);
	uint32_t edge;

	assert(n <= sl_tcp_readable(tcb));
	tcp_received_drop(&tcb->received, &tcp->pool, tcb->received.bytes.from + n);
	/* Urgent data that has been read is so no longer. */
	if (sl_seq_leq(tcb->rcv_up, sl_tcp_read_seq(tcb))) {
		tcb->rcv_up = sl_tcp_read_seq(tcb);
		tcb->urgent_in = false;
	}
	/* The window is opened by an ACK of its own once that is worth it (MUST-39), there is
	 * memory behind it, and its header has room to say so: an ACK that says nothing new would
	 * be a duplicate. */
	edge = tcp_window_edge(tcb);
	if (TCP_IN(tcb->state, TCP_RECEIVES) && sl_seq_gt(edge, tcb->rcv_adv) &&
	    edge - tcb->rcv_adv >= enough && tcp->pool.n_free > 0 &&
	    tcp_window_units(tcb, edge) > tcp_window_units(tcb, tcb->rcv_adv))
		tcb->ack_now = true;
}

bool sl_tcp_at_end(const struct sl_tcb *tcb)
{
	return tcb->fin_taken && sl_tcp_readable(tcb) == 0;
}

void sl_tcp_shutdown(struct sl_tcp *tcp, struct sl_tcb *tcb)
{
	if (tcb->fin_queued)
		return;
	switch ((enum sl_tcp_state)tcb->state) {
	case SL_TCP_SYN_SENT:
		if (tcp_bytes_len(&tcb->send) == 0) {
			tcp_end(tcp, tcb, SL_TCP_END_ABORTED);
			return;
		}
		/* Queued until the connection stands. */
		tcb->fin_queued = true;
		return;
	case SL_TCP_SYN_RECEIVED:
		/* The RFC would send the FIN from here, if there is no data. It follows the ACK of
		 * our SYN, which leaves the peer no other sight of it. */
		tcb->fin_queued = true;
		return;
	case SL_TCP_ESTABLISHED:
		tcb->fin_queued = true;
		tcp_set_state(tcp, tcb, SL_TCP_FIN_WAIT_1);
		return;
	case SL_TCP_CLOSE_WAIT:
		tcb->fin_queued = true;
		tcp_set_state(tcp, tcb, SL_TCP_LAST_ACK);
		return;
	case SL_TCP_LISTEN:
	case SL_TCP_CLOSED:
	case SL_TCP_FIN_WAIT_1:
	case SL_TCP_FIN_WAIT_2:
	case SL_TCP_CLOSING:
	case SL_TCP_LAST_ACK:
	case SL_TCP_TIME_WAIT:
		return;
	}
}

void sl_tcp_close(struct sl_tcp *tcp, struct sl_tcb *tcb)
{
	tcb->reader_gone = true;
	if (sl_tcp_readable(tcb) > 0 && tcb->state != SL_TCP_CLOSED &&
	    tcb->state != SL_TCP_TIME_WAIT) {
		tcp_abort(tcp, tcb, SL_TCP_END_DATA_LOST);
		return;
	}
	sl_tcp_shutdown(tcp, tcb);
	if (tcb->state == SL_TCP_FIN_WAIT_2)
		tcp_arm(tcp, tcb, SL_TCP_TIMER_STATE, tcb->options->fin_wait_2_ms);
}

void sl_tcp_abort(struct sl_tcp *tcp, struct sl_tcb *tcb)
{
	if (tcb->state != SL_TCP_CLOSED)
		tcp_abort(tcp, tcb, SL_TCP_END_ABORTED);
}

/* It is due in `most` ms at the latest. */
static void hasten(struct sl_tcp *tcp, struct sl_tcb *tcb, enum sl_tcp_timer timer, uint32_t most)
{
	const uint32_t latest = tcp_now_ms(tcp) + most;

	if (tcp_is_armed(tcb, timer) && sl_seq_gt(tcb->timer[timer], latest))
		tcb->timer[timer] = latest;
}

void sl_tcp_options_changed(struct sl_tcp *tcp, struct sl_tcb *tcb)
{
	const struct sl_tcp_options *o = tcb->options;

	/* A SYN that is in flight has R2 of its own; what was so when it ended is no more. */
	if (o->user_timeout_ms == 0)
		tcp_disarm(tcb, SL_TCP_TIMER_USER);
	else if (!tcp_is_armed(tcb, SL_TCP_TIMER_USER) && TCP_IN(tcb->state, TCP_SENDS) &&
		 tcp_flight(tcb) > 0)
		tcp_arm(tcp, tcb, SL_TCP_TIMER_USER, o->user_timeout_ms);
	hasten(tcp, tcb, SL_TCP_TIMER_USER, o->user_timeout_ms);
	if (tcb->state == SL_TCP_TIME_WAIT) {
		hasten(tcp, tcb, SL_TCP_TIMER_STATE, o->time_wait_ms);
	} else if (tcb->state == SL_TCP_FIN_WAIT_2 && tcb->reader_gone) {
		hasten(tcp, tcb, SL_TCP_TIMER_STATE, o->fin_wait_2_ms);
	} else if (!tcp_wants_keepalive(tcb)) {
		tcp_disarm(tcb, SL_TCP_TIMER_STATE);
		tcb->n_probes = 0;
	} else if (!tcp_is_armed(tcb, SL_TCP_TIMER_STATE)) {
		tcp_arm(tcp, tcb, SL_TCP_TIMER_STATE, o->keepalive_ms);
	} else {
		hasten(tcp, tcb, SL_TCP_TIMER_STATE,
		       tcb->n_probes == 0 ? o->keepalive_ms : o->probe_interval_ms);
	}
}

void sl_tcp_describe(const struct sl_tcb *tcb, struct sl_tcp_info *info)
{
	const uint32_t nxt = sl_tcp_rcv_nxt(tcb);

	*info = (struct sl_tcp_info){
		.rtt_us = tcb->rtt.srtt8 / 8,
		.rttvar_us = tcb->rtt.rttvar4 / 4,
		.rto_us = tcp_rtt_rto_us(&tcb->rtt, tcb->options->rto_max_ms * 1000),
		.cwnd = tcb->cc.cwnd,
		.ssthresh = tcb->cc.ssthresh,
		.send_queue = tcp_bytes_len(&tcb->send),
		.receive_queue = sl_tcp_readable(tcb),
		.in_flight = tcp_flight(tcb),
		.snd_wnd = tcb->snd_wnd,
		.rcv_wnd = sl_seq_gt(tcb->rcv_adv, nxt) ? tcb->rcv_adv - nxt : 0,
		.mss = tcb->smss,
		.retransmits = tcb->n_retransmits,
		.probes = tcb->n_probes,
		.snd_wscale = tcb->snd_wscale,
		.rcv_wscale = tcb->rcv_wscale,
		.timestamps = tcb->timestamps,
		.sack = tcb->sack,
		.in_recovery = tcb->in_recovery,
	};
}
