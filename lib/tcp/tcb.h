/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the parts of the endpoint share: tcb.c has its life and the user's calls, input.c the
 * segments that arrive, recovery.c what they tell of losses, output.c the segments that are sent,
 * timer.c the timeouts.
 */
#ifndef TCB_H
#define TCB_H

#include "scoreboard.h"
#include "sl_seq.h"
#include "sl_tcp.h"

/* Every change of a state is here: it moves the gauges, and goes one of the RFC's ways. */
void tcp_set_state(struct sl_tcp *tcp, struct sl_tcb *tcb, enum sl_tcp_state state);

/* CLOSED, for that reason; nothing is sent, no timer is left, and what is held is given back but
 * for what the user may still read. */
void tcp_end(struct sl_tcp *tcp, struct sl_tcb *tcb, enum sl_tcp_end why);

/* The same, and the peer is told by a RST. */
void tcp_abort(struct sl_tcp *tcp, struct sl_tcb *tcb, enum sl_tcp_end why);

/* What was SACKed, and when what is in flight was sent, is forgotten. */
void tcp_drop_scoreboard(struct sl_tcp *tcp, struct sl_tcb *tcb);

/* A connection that is closed on both sides waits 2MSL, from now. */
void tcp_time_wait(struct sl_tcp *tcp, struct sl_tcb *tcb);

/* What the peer granted or offered; smss follows. */
void tcp_agree(struct sl_tcb *tcb, const struct sl_tcp_granted *granted);

/* ESTABLISHED has been reached. */
void tcp_established(struct sl_tcp *tcp, struct sl_tcb *tcb);

/* The peer's SYN, or SYN-ACK. */
void tcp_take_syn(struct sl_tcp *tcp, struct sl_tcb *tcb, const struct sl_seg *syn);

/* recovery.c. The SACKs of a segment. Returns the bytes that are known to be there since. */
uint32_t tcp_take_sacks(struct sl_tcp *tcp, struct sl_tcb *tcb, const struct sl_seg *seg,
			const uint8_t *frame);
/* An ACK of nothing new that may be for a segment out of order: RFC 5681 section 2. */
void tcp_take_duplicate_ack(struct sl_tcp *tcp, struct sl_tcb *tcb);
/* An ACK of `acked` new bytes, in recovery. */
void tcp_recover(struct sl_tcp *tcp, struct sl_tcb *tcb, uint32_t acked);
/* RFC 8985 section 7.4.2: was the tail lost, or only late? `flight`: what was so before the ACK;
 * `again`: it says nothing new, not even by SACK. */
void tcp_end_tail_probe(struct sl_tcb *tcb, uint32_t ack, uint32_t flight, bool again);
/* Numbers that are kept beyond their use follow SND.UNA, lest they come to lie ahead of it. */
void tcp_forget_old(struct sl_tcb *tcb);
/* What is lost by now. */
struct tcp_lost tcp_lost(const struct sl_tcp *tcp, const struct sl_tcb *tcb);
/* What is lost by now is sent again; or the timer is set for when it may be. */
void tcp_find_lost(struct sl_tcp *tcp, struct sl_tcb *tcb);
/* Arms the timer of sending for what comes first: the probe of the tail, or the RTO. */
void tcp_arm_send(struct sl_tcp *tcp, struct sl_tcb *tcb);

/* Sends the first segment that is unacknowledged again. When there is no buffer it stays due. */
void tcp_send_first(struct sl_tcp *tcp, struct sl_tcb *tcb);

/* output.c. They return false when there was no buffer. */
bool tcp_send_syn(struct sl_tcp *tcp, struct sl_tcb *tcb);
bool tcp_send_ack(struct sl_tcp *tcp, struct sl_tcb *tcb);
/* In answer to a segment that acknowledges what can't be. */
bool tcp_send_rst(struct sl_tcp *tcp, struct sl_tcb *tcb, uint32_t seq);
/* Of our own accord. */
bool tcp_send_abort(struct sl_tcp *tcp, struct sl_tcb *tcb);
/* What was sent of [from, to) again, or what is due of it, SMSS at most; it may end with the FIN.
 * Returns where it ends: `from` when there was no buffer. */
uint32_t tcp_send_range(struct sl_tcp *tcp, struct sl_tcb *tcb, uint32_t from, uint32_t to);
/* A byte, or nothing, to be answered: of a window that is closed, of a peer that is silent. */
bool tcp_send_window_probe(struct sl_tcp *tcp, struct sl_tcb *tcb);
bool tcp_send_keepalive(struct sl_tcp *tcp, struct sl_tcb *tcb);
/* The tail loss probe: RFC 8985 section 7.3. */
void tcp_send_tail_probe(struct sl_tcp *tcp, struct sl_tcb *tcb);
/* How far the window may be opened: below RCV.NXT where what came was more than fits. */
uint32_t tcp_window_edge(const struct sl_tcb *tcb);
/* A challenge ACK, unless there have been many: RFC 5961 section 7. */
void tcp_challenge(struct sl_tcp *tcp, struct sl_tcb *tcb);

static inline uint32_t tcp_now_ms(const struct sl_tcp *tcp)
{
	return (uint32_t)(tcp->now_us / SL_US_PER_MS);
}

static inline void tcp_arm(struct sl_tcp *tcp, struct sl_tcb *tcb, enum sl_tcp_timer timer,
			   uint32_t in_ms)
{
	tcb->timer[timer] = tcp_now_ms(tcp) + in_ms;
	tcb->armed |= (uint8_t)(1u << timer);
}

static inline void tcp_disarm(struct sl_tcb *tcb, enum sl_tcp_timer timer)
{
	tcb->armed &= (uint8_t) ~(1u << timer);
	if (timer == SL_TCP_TIMER_SEND)
		tcb->waits = SL_TCP_WAITS_RTO;
}

static inline bool tcp_is_armed(const struct sl_tcb *tcb, enum sl_tcp_timer timer)
{
	return tcb->armed >> timer & 1;
}

static inline uint32_t tcp_rto_ms(const struct sl_tcb *tcb)
{
	const uint32_t us = tcp_rtt_rto_us(&tcb->rtt, tcb->options->rto_max_ms * 1000);

	return (us + 999) / 1000;
}

/* The retransmission timer, from now: RFC 6298 section 5. */
static inline void tcp_arm_rto(struct sl_tcp *tcp, struct sl_tcb *tcb)
{
	tcb->waits = SL_TCP_WAITS_RTO;
	tcp_arm(tcp, tcb, SL_TCP_TIMER_SEND, tcp_rto_ms(tcb));
}

static inline struct tcp_scoreboard *tcp_scoreboard(const struct sl_tcb *tcb)
{
	return (struct tcp_scoreboard *)(void *)tcb->scoreboard->bytes;
}

/* Whether losses are found by time. */
static inline bool tcp_is_timed(const struct sl_tcb *tcb)
{
	return tcb->scoreboard != NULL && tcp_scoreboard(tcb)->timed;
}

/* The number after all that the user has given: the FIN's, once it is queued. */
static inline uint32_t tcp_snd_end(const struct sl_tcb *tcb)
{
	return tcb->iss + 1 + tcb->send.to;
}

/* One behind all there is to send, the FIN with it. */
static inline uint32_t tcp_snd_last(const struct sl_tcb *tcb)
{
	return tcp_snd_end(tcb) + tcb->fin_queued;
}

/* One behind what the peer may send, by any window that it has been told: they are rounded up to
 * what the header can say, but for that of our SYN, which is not scaled. */
static inline uint32_t tcp_rcv_edge(const struct sl_tcb *tcb)
{
	const uint32_t unit = tcb->state == SL_TCP_SYN_RECEIVED ? 1 : 1u << tcb->rcv_wscale;
	const uint32_t edge = tcb->rcv_adv + unit - 1;

	return sl_seq_max(edge, sl_tcp_rcv_nxt(tcb));
}

/* What a header says of a window that ends at `edge`: rounded up (RFC 7323 section 2.4). */
static inline uint32_t tcp_window_units(const struct sl_tcb *tcb, uint32_t edge)
{
	const uint32_t nxt = sl_tcp_rcv_nxt(tcb), unit = 1u << tcb->rcv_wscale;

	if (sl_seq_leq(edge, nxt))
		return 0;
	return sl_min_u32((edge - nxt + unit - 1) >> tcb->rcv_wscale, UINT16_MAX);
}

static inline bool tcp_fin_acked(const struct sl_tcb *tcb)
{
	return tcb->fin_queued && tcb->snd_una == tcp_snd_last(tcb);
}

static inline uint32_t tcp_flight(const struct sl_tcb *tcb)
{
	return tcb->snd_max - tcb->snd_una;
}

#define TCP_IN(state, a) ((1u << (state)) & (a))
enum {
	/* Where there may be something of ours to send, or to send again. */
	TCP_SENDS = 1u << SL_TCP_ESTABLISHED | 1u << SL_TCP_CLOSE_WAIT | 1u << SL_TCP_FIN_WAIT_1 |
		    1u << SL_TCP_CLOSING | 1u << SL_TCP_LAST_ACK,
	/* Where the peer may send. */
	TCP_RECEIVES = 1u << SL_TCP_ESTABLISHED | 1u << SL_TCP_FIN_WAIT_1 | 1u << SL_TCP_FIN_WAIT_2,
};

/* Whether a peer that says nothing is to be asked: where something is yet to come from it. */
static inline bool tcp_wants_keepalive(const struct sl_tcb *tcb)
{
	return tcb->options->keepalive &&
	       (TCP_IN(tcb->state, 1u << SL_TCP_ESTABLISHED | 1u << SL_TCP_CLOSE_WAIT) ||
		(tcb->state == SL_TCP_FIN_WAIT_2 && !tcb->reader_gone));
}

#endif
