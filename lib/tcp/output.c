/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is sent, and when: the window of RFC 9293 section 3.8.6, silly windows avoided, Nagle's
 * algorithm, what congestion control and recovery allow; and how a segment is put together.
 */
#include "tcb.h"

#include <string.h>

enum {
	SACK_HEAD = 4, /* bytes of the option before its first block, two NOPs among them */
	SACK_LEN = 8,
};

uint32_t tcp_window_edge(const struct sl_tcb *tcb)
{
	const uint32_t nxt = sl_tcp_rcv_nxt(tcb), held = sl_tcp_readable(tcb);
	const uint32_t largest = nxt + ((uint32_t)UINT16_MAX << tcb->rcv_wscale);
	/* Below RCV.NXT where more has come than the buffer holds, by what the header rounds. */
	const uint32_t edge = nxt - held + tcb->options->receive_buffer;

	return sl_seq_lt(edge, largest) ? edge : largest;
}

/* The window to announce: never less than before (SHLD-14), nor a little more (MUST-39). */
static uint16_t announce(struct sl_tcp *tcp, struct sl_tcb *tcb)
{
	const uint32_t edge = tcp_window_edge(tcb), nxt = sl_tcp_rcv_nxt(tcb);
	const uint32_t enough = sl_min_u32(tcb->rcv_mss, tcb->options->receive_buffer / 2);

	/* Not while there is no memory for what it would bring. */
	if (sl_seq_gt(edge, tcb->rcv_adv) && edge - tcb->rcv_adv >= enough && tcp->pool.n_free > 0)
		tcb->rcv_adv = edge;
	if (sl_seq_leq(tcb->rcv_adv, nxt)) {
		/* What lies ahead of a closed window holds memory that nothing could bring back. */
		if (tcp_pool_spare(&tcp->pool) == 0)
			tcp_received_forget_ahead(&tcb->received, &tcp->pool);
		return 0;
	}
	return (uint16_t)tcp_window_units(tcb, tcb->rcv_adv);
}

static void add_sack(struct sl_tcp_segment *s, uint32_t left, uint32_t right, unsigned most)
{
	if (s->made.n_sack < most)
		s->sack[s->made.n_sack++] = (struct sl_sack){left, right};
}

/* How many SACKs a segment has room for: in the header, and, where the MTU is small, beside at
 * least one byte of payload. */
static unsigned sacks_most(const struct sl_tcb *tcb)
{
	const unsigned header = tcb->timestamps ? 3 : SL_TCP_SACK_MAX;
	const unsigned room = tcb->smss > SACK_HEAD ? (tcb->smss - SACK_HEAD - 1u) / SACK_LEN : 0;

	return sl_min_u32(header, room);
}

/* What came twice, then what lies ahead, most recent first. Where that which came twice lies ahead
 * itself, the block that holds it comes second: RFC 2883 section 4 (3). */
static void add_sacks(struct sl_tcb *tcb, struct sl_tcp_segment *s)
{
	const struct tcp_ahead *ahead = tcp_received_ahead(&tcb->received);
	const unsigned most = sacks_most(tcb);
	const uint32_t first = tcb->irs + 1, n = ahead == NULL ? 0 : ahead->n;
	uint32_t holds = n; /* the number of that block */

	if (tcb->dsack_left != tcb->dsack_right) {
		for (uint32_t i = 0; i < n; i++)
			if (sl_seq_between(tcb->dsack_left, first + ahead->range[i].left,
					   first + ahead->range[i].right - 1))
				holds = i;
		/* What lay ahead may have been given up since. */
		if (holds < n || sl_seq_lt(tcb->dsack_left, sl_tcp_rcv_nxt(tcb)))
			add_sack(s, tcb->dsack_left, tcb->dsack_right, most);
	}
	if (holds < n)
		add_sack(s, first + ahead->range[holds].left, first + ahead->range[holds].right,
			 most);
	for (uint32_t i = 0; i < n; i++)
		if (i != holds)
			add_sack(s, first + ahead->range[i].left, first + ahead->range[i].right,
				 most);
}

/* Options that every segment carries, acknowledgment and window; and SACKs as far as there is
 * something to tell. */
static void fill(struct sl_tcp *tcp, struct sl_tcb *tcb, struct sl_tcp_segment *s, uint32_t seq,
		 uint8_t flags)
{
	memset(&s->made, 0, sizeof(s->made));
	s->made.seq = seq;
	s->made.ack = sl_tcp_rcv_nxt(tcb);
	s->made.flags = flags | SL_ACK;
	s->made.wnd = announce(tcp, tcb);
	s->made.wscale = SL_NO_WSCALE;
	s->made.timestamps = tcb->timestamps;
	s->made.tsval = tcp_now_ms(tcp) + tcb->ts_offset;
	s->made.tsecr = tcb->ts_recent;
	s->made.sack = s->sack;
	s->made.payload = s->payload;
	if (tcb->sack)
		add_sacks(tcb, s);
}

/* An acknowledgment has gone, with whatever. */
static void acknowledged(struct sl_tcb *tcb, const struct sl_tcp_segment *s)
{
	/* Written as a byte and soon read as a word with its neighbours, it would have to wait
	 * until the whole frame has reached the cache. */
	if (tcb->ack_now)
		tcb->ack_now = false;
	tcb->unacked = 0;
	tcb->last_ack_sent = s->made.ack;
	tcb->dsack_left = tcb->dsack_right;
	tcp_disarm(tcb, SL_TCP_TIMER_ACK);
}

static bool hand_over(struct sl_tcp *tcp, struct sl_tcb *tcb, struct sl_tcp_segment *s)
{
	if (!tcp->send(tcp->owner, tcb, s)) {
		tcp->counts.send_failed++;
		return false;
	}
	tcp->counts.segments_out++;
	return true;
}

/* SND.NXT of what carries no data: where it lies beyond a window that was taken back or is probed,
 * the peer would not take it. */
static uint32_t seq_of_ack(const struct sl_tcb *tcb)
{
	const uint32_t edge = tcb->snd_una + tcb->snd_wnd;

	return sl_seq_lt(edge, tcb->snd_max) ? edge : tcb->snd_max;
}

bool tcp_send_ack(struct sl_tcp *tcp, struct sl_tcb *tcb)
{
	struct sl_tcp_segment s;

	fill(tcp, tcb, &s, seq_of_ack(tcb), 0);
	if (!hand_over(tcp, tcb, &s)) {
		/* Tried again when there may be a buffer. */
		tcp_arm(tcp, tcb, SL_TCP_TIMER_ACK, 1);
		return false;
	}
	acknowledged(tcb, &s);
	return true;
}

bool tcp_send_rst(struct sl_tcp *tcp, struct sl_tcb *tcb, uint32_t seq)
{
	struct sl_tcp_segment s;

	memset(&s, 0, sizeof(s));
	s.made.seq = seq;
	s.made.flags = SL_RST;
	s.made.wscale = SL_NO_WSCALE;
	return hand_over(tcp, tcb, &s);
}

bool tcp_send_abort(struct sl_tcp *tcp, struct sl_tcb *tcb)
{
	struct sl_tcp_segment s;

	/* What the peer takes for exact is the highest that it may have got. */
	fill(tcp, tcb, &s, tcb->snd_max, SL_RST);
	s.made.wnd = 0;
	s.made.n_sack = 0;
	return hand_over(tcp, tcb, &s);
}

bool tcp_send_syn(struct sl_tcp *tcp, struct sl_tcb *tcb)
{
	const struct sl_tcp_options *o = tcb->options;
	const bool answer = tcb->state == SL_TCP_SYN_RECEIVED;
	const uint32_t told = tcb->rcv_adv;
	struct sl_tcp_segment s;

	if (answer) {
		fill(tcp, tcb, &s, tcb->iss, SL_SYN);
		s.made.n_sack = 0;
		/* Never scaled. */
		s.made.wnd = (uint16_t)sl_min_u32(o->receive_buffer, UINT16_MAX);
		tcb->rcv_adv = sl_seq_max(told, sl_tcp_rcv_nxt(tcb) + s.made.wnd);
		s.made.sack_permitted = tcb->sack;
		/* What the peer did not offer is not offered: RFC 7323 section 2.2. */
		if (tcb->rcv_wscale != 0 || tcb->snd_wscale != 0)
			s.made.wscale = tcb->rcv_wscale;
	} else {
		memset(&s, 0, sizeof(s));
		s.made.seq = tcb->iss;
		s.made.flags = SL_SYN;
		s.made.wnd = (uint16_t)sl_min_u32(o->receive_buffer, UINT16_MAX);
		s.made.timestamps = o->timestamps;
		s.made.tsval = tcp_now_ms(tcp) + tcb->ts_offset;
		s.made.sack_permitted = o->sack;
		s.made.wscale = o->wscale;
	}
	s.made.mss = (uint16_t)sl_max_u32(o->mss, 1);
	/* The timer runs from the first one on, whether or not there was a buffer for it. */
	tcb->syn_due = false;
	/* The peer's SYN again does not begin it anew, or R2 might never come. */
	if (!tcp_is_armed(tcb, SL_TCP_TIMER_SEND))
		tcp_arm_rto(tcp, tcb);
	if (!hand_over(tcp, tcb, &s))
		return false;
	if (answer)
		acknowledged(tcb, &s);
	if (tcb->snd_max == tcb->iss) {
		tcb->snd_max = tcb->snd_nxt = tcb->iss + 1;
		tcb->timed_seq = tcb->snd_max;
		tcb->timed_us = (uint32_t)tcp->now_us;
		tcb->timing = true;
	} else {
		tcb->timing = false; /* Karn */
		tcb->syn_lost = true;
		tcp->counts.retransmitted++;
	}
	return true;
}

/* How much a segment carries beside its options. */
static uint32_t payload_most(const struct sl_tcb *tcb, const struct sl_tcp_segment *s)
{
	const uint32_t n = s->made.n_sack;

	return n == 0 ? tcb->smss : tcb->smss - (SACK_HEAD + SACK_LEN * n);
}

/* The bytes [from, from + len) of the stream, in pieces. Returns how many there was room for. */
static uint32_t attach(struct sl_tcb *tcb, struct sl_tcp_segment *s, uint32_t from, uint32_t len)
{
	const uint32_t pos = from - tcb->iss - 1;
	uint32_t done = 0;

	while (done < len && s->made.n_payload < SL_TCP_SPANS) {
		uint8_t *bytes;
		const uint32_t n = sl_min_u32(
			tcp_bytes_at(&tcb->send, pos + done, &bytes, &tcb->cursor), len - done);

		s->payload[s->made.n_payload].bytes = bytes;
		s->payload[s->made.n_payload].len = n;
		s->made.n_payload++;
		done += n;
	}
	s->made.payload_len = (uint16_t)done;
	return done;
}

static void time_round_trip(struct sl_tcp *tcp, struct sl_tcb *tcb, uint32_t from, uint32_t to)
{
	if (sl_seq_lt(from, tcb->snd_max)) {
		/* Karn: MUST-18. */
		if (tcb->timing && sl_seq_lt(from, tcb->timed_seq))
			tcb->timing = false;
		return;
	}
	if (tcb->timing)
		return;
	tcb->timing = true;
	tcb->timed_seq = to;
	tcb->timed_us = (uint32_t)tcp->now_us;
}

/* RACK wants to know when. It begins with the first byte of a flight, if there is memory for it. */
static void note_sent(struct sl_tcp *tcp, struct sl_tcb *tcb, uint32_t from, uint32_t to)
{
	const uint32_t now_us = (uint32_t)tcp->now_us;
	struct tcp_scoreboard *s;

	/* What arrived so long ago says nothing of what is sent now, and soon could not be told
	 * from what comes later: times are modulo 2^32. */
	if (tcp_now_ms(tcp) - tcb->arrived_ms > TCP_RTT_MAX_US / 1000)
		tcb->rack.valid = false;
	if (tcp_flight(tcb) == 0 && tcb->scoreboard == NULL && tcb->sack && tcb->options->rack &&
	    tcp_pool_spare(&tcp->pool) > 0) {
		tcb->scoreboard = tcp_pool_take(&tcp->pool);
		tcp_scoreboard_init(tcp_scoreboard(tcb), tcb->snd_una);
		tcp_scoreboard(tcb)->timed = true;
	}
	if (!tcp_is_timed(tcb))
		return;
	s = tcp_scoreboard(tcb);
	if (sl_seq_geq(from, tcb->snd_max))
		tcp_sent_first(&s->sent, to, now_us);
	else
		tcp_sent_again(&s->sent, from, to, now_us);
}

uint32_t tcp_send_range(struct sl_tcp *tcp, struct sl_tcb *tcb, uint32_t from, uint32_t to)
{
	const uint32_t end = tcp_snd_end(tcb);
	const bool fin = tcb->fin_queued && sl_seq_gt(to, end);
	uint32_t len = sl_seq_lt(from, end) ? (fin ? end : to) - from : 0;
	struct sl_tcp_segment s;

	fill(tcp, tcb, &s, from, 0);
	if (len > payload_most(tcb, &s))
		len = payload_most(tcb, &s);
	if (len > 0)
		len = attach(tcb, &s, from, len);
	to = from + len;
	if (fin && to == end) {
		s.made.flags |= SL_FIN;
		to++;
	}
	/* The last of what there is: MUST-60, MUST-61. */
	if (len > 0 && from + len == end)
		s.made.flags |= SL_PSH;
	if (tcb->urgent_out && sl_seq_lt(from, tcb->snd_up)) {
		s.made.flags |= SL_URG;
		s.made.urgent = (uint16_t)sl_min_u32(tcb->snd_up - from, UINT16_MAX);
	}
	if (!hand_over(tcp, tcb, &s))
		return from;
	acknowledged(tcb, &s);
	tcb->sent_ms = tcp_now_ms(tcp);
	time_round_trip(tcp, tcb, from, to);
	note_sent(tcp, tcb, from, to);
	if (sl_seq_lt(from, tcb->snd_max))
		tcp->counts.retransmitted++;
	else if (tcp_flight(tcb) == 0)
		tcb->progress_ms = tcp_now_ms(tcp);
	tcb->snd_max = sl_seq_max(tcb->snd_max, to);
	tcb->snd_nxt = sl_seq_max(tcb->snd_nxt, to);
	if (!tcp_is_armed(tcb, SL_TCP_TIMER_SEND) || tcb->waits == SL_TCP_WAITS_WINDOW ||
	    tcb->waits == SL_TCP_WAITS_TAIL)
		tcp_arm_send(tcp, tcb);
	if (tcb->options->user_timeout_ms != 0 && !tcp_is_armed(tcb, SL_TCP_TIMER_USER))
		tcp_arm(tcp, tcb, SL_TCP_TIMER_USER, tcb->options->user_timeout_ms);
	return to;
}

bool tcp_send_window_probe(struct sl_tcp *tcp, struct sl_tcb *tcb)
{
	tcp->counts.probes++;
	/* One octet, sent before or not; or the FIN: MUST-36. */
	return tcp_send_range(tcp, tcb, tcb->snd_una, tcb->snd_una + 1) != tcb->snd_una;
}

bool tcp_send_keepalive(struct sl_tcp *tcp, struct sl_tcb *tcb)
{
	struct sl_tcp_segment s;

	/* SHLD-12: without data. */
	fill(tcp, tcb, &s, tcb->snd_max - 1, 0);
	tcp->counts.keepalives++;
	return hand_over(tcp, tcb, &s);
}

void tcp_challenge(struct sl_tcp *tcp, struct sl_tcb *tcb)
{
	const uint32_t now_ms = tcp_now_ms(tcp);
	const uint32_t period_ms = 5000;

	/* Their number is nobody's to guess, and no other connection's business: CVE-2016-5696. */
	if (tcb->challenges == 0) {
		if (tcb->challenged && now_ms - tcb->challenge_ms < period_ms)
			return;
		tcb->challenged = true;
		tcb->challenge_ms = now_ms;
		tcb->challenges = (uint8_t)(5 + sl_tcp_random(tcp) % 8);
	}
	tcb->challenges--;
	tcp->counts.challenge_acks++;
	(void)tcp_send_ack(tcp, tcb);
}

/* Bytes in flight, as congestion control sees them. */
static uint32_t in_flight(const struct sl_tcp *tcp, const struct sl_tcb *tcb)
{
	if (tcb->in_recovery && tcp_is_timed(tcb))
		return tcp_lost(tcp, tcb).pipe;
	if (tcb->in_recovery && tcb->scoreboard != NULL)
		return tcp_scoreboard_pipe(tcp_scoreboard(tcb), tcb->snd_una, tcb->snd_max,
					   tcb->smss);
	return tcb->snd_nxt - tcb->snd_una;
}

/* What congestion control lets out beyond what is in flight. */
static uint32_t congestion_room(const struct sl_tcp *tcp, const struct sl_tcb *tcb)
{
	uint32_t wnd = tcb->cc.cwnd;
	const uint32_t flight = in_flight(tcp, tcb);

	/* Limited transmit: RFC 3042. */
	if (!tcb->in_recovery)
		wnd += sl_min_u32(tcb->n_dup_acks, 2) * tcb->smss;
	return flight >= wnd ? 0 : wnd - flight;
}

/* Bytes that were never sent, or are to be sent again since a timeout, that fit the peer's window;
 * the FIN counts. */
static uint32_t sendable(const struct sl_tcb *tcb)
{
	const uint32_t last = tcp_snd_last(tcb), edge = tcb->snd_una + tcb->snd_wnd;
	const uint32_t to = sl_seq_lt(edge, last) ? edge : last;

	return sl_seq_gt(to, tcb->snd_nxt) ? to - tcb->snd_nxt : 0;
}

/* Whether a segment of `n` bytes, less than a full-sized one, may go: MUST-38, MUST-17. */
static bool worth_it(const struct sl_tcb *tcb, uint32_t n)
{
	const bool all = tcb->snd_nxt + n == tcp_snd_last(tcb);

	if (sl_seq_lt(tcb->snd_nxt, tcb->snd_max))
		return true; /* again */
	if (all && (tcb->fin_queued || tcb->options->no_delay || tcb->snd_nxt == tcb->snd_una))
		return true;
	if (tcb->urgent_out && sl_seq_lt(tcb->snd_nxt, tcb->snd_up))
		return true;
	return n >= tcb->max_snd_wnd / 2 && n > 0;
}

/* In order. Returns false when nothing more can go. */
static bool send_next(struct sl_tcp *tcp, struct sl_tcb *tcb)
{
	const uint32_t room = congestion_room(tcp, tcb), from = tcb->snd_nxt;
	uint32_t n = sendable(tcb);

	if (n == 0 || room == 0)
		return false;
	/* The FIN rides with the last bytes. */
	n = sl_min_u32(n, tcb->smss + (tcb->snd_nxt + n == tcp_snd_last(tcb) && tcb->fin_queued));
	if (room < n && room < tcb->smss) {
		/* Congestion's part of a segment is not sent; a whole one goes when there is room,
		 * and one goes always. */
		if (in_flight(tcp, tcb) > 0)
			return false;
		n = room;
	}
	if (n < tcb->smss && !worth_it(tcb, n))
		return false;
	return tcp_send_range(tcp, tcb, from, from + n) != from;
}

/* Recovery by RACK: RFC 8985 section 6.2, step 5. Returns false when nothing more can go. */
static bool send_by_rack(struct sl_tcp *tcp, struct sl_tcb *tcb)
{
	const struct tcp_lost lost = tcp_lost(tcp, tcb);

	if (lost.pipe + tcb->smss > tcb->cc.cwnd)
		return false;
	if (lost.first.left == lost.first.right)
		return tcb->snd_nxt == tcb->snd_max && send_next(tcp, tcb);
	return tcp_send_range(tcp, tcb, lost.first.left, lost.first.right) != lost.first.left;
}

/* Recovery by SACK: RFC 6675 section 5, (C). Returns false when nothing more can go. */
static bool send_by_scoreboard(struct sl_tcp *tcp, struct sl_tcb *tcb)
{
	struct tcp_scoreboard *s = tcp_scoreboard(tcb);
	struct tcp_range range = {0, 0};
	const bool new_bytes = tcb->snd_nxt == tcb->snd_max && sendable(tcb) > 0;
	enum tcp_next next;

	if (congestion_room(tcp, tcb) < tcb->smss)
		return false;
	next = tcp_scoreboard_next(s, tcb->snd_una, tcb->snd_max, tcb->smss, new_bytes, &range);
	switch (next) {
	case TCP_NEXT_NONE:
		return false;
	case TCP_NEXT_NEW:
		return send_next(tcp, tcb);
	case TCP_NEXT_LOST:
	case TCP_NEXT_HOLE:
	case TCP_NEXT_RESCUE:
		break;
	}
	range.right = tcp_send_range(tcp, tcb, range.left, range.right);
	if (range.right == range.left)
		return false;
	tcp_scoreboard_sent(s, next, range, tcb->recover);
	return true;
}

/* What can't go, though nothing is in flight that would bring an answer, is tried by a timer: a
 * closed window is probed, a silly one is taken after all. */
static void persist(struct sl_tcp *tcp, struct sl_tcb *tcb)
{
	if (tcp_is_armed(tcb, SL_TCP_TIMER_SEND) || tcp_snd_last(tcb) == tcb->snd_una)
		return;
	tcp_arm_rto(tcp, tcb);
	tcb->waits = SL_TCP_WAITS_WINDOW;
	tcb->progress_ms = tcp_now_ms(tcp);
}

void tcp_send_tail_probe(struct sl_tcp *tcp, struct sl_tcb *tcb)
{
	const uint32_t max = tcb->snd_max, n = sl_min_u32(sendable(tcb), tcb->smss);
	uint32_t from = tcb->snd_max - sl_min_u32(tcp_flight(tcb), tcb->smss);

	/* Beyond the congestion window, if need be. */
	tcb->tlp_again = n == 0;
	if (n > 0)
		from = max;
	tcb->tlp_out = tcp_send_range(tcp, tcb, from, n > 0 ? from + n : max) != from;
	tcp->counts.tail_probes += tcb->tlp_out;
	tcb->tlp_end = tcb->snd_max;
	tcp_arm_rto(tcp, tcb);
}

static void send_data(struct sl_tcp *tcp, struct sl_tcb *tcb)
{
	/* RFC 5681 section 4.1. */
	if (tcp_flight(tcb) == 0 && sendable(tcb) > 0 &&
	    tcp_now_ms(tcp) - tcb->sent_ms > tcp_rto_ms(tcb))
		tcp_cc_idle(&tcb->cc);
	if (tcb->first_due)
		tcp_send_first(tcp, tcb);
	if (tcb->in_recovery && tcp_is_timed(tcb))
		while (send_by_rack(tcp, tcb))
			;
	else if (tcb->in_recovery && tcb->scoreboard != NULL)
		while (send_by_scoreboard(tcp, tcb))
			;
	else
		while (send_next(tcp, tcb))
			;
	persist(tcp, tcb);
}

void sl_tcp_output(struct sl_tcp *tcp, struct sl_tcb *tcb)
{
	if (tcb->syn_due)
		(void)tcp_send_syn(tcp, tcb);
	if (TCP_IN(tcb->state, TCP_SENDS))
		send_data(tcp, tcb);
	if (tcb->ack_now)
		(void)tcp_send_ack(tcp, tcb);
}

bool sl_tcp_answer_closed(const struct sl_seg *seg, struct sl_tcp_segment *rst)
{
	if (seg->flags & SL_RST)
		return false;
	memset(rst, 0, sizeof(*rst));
	rst->made.wscale = SL_NO_WSCALE;
	if (seg->flags & SL_ACK) {
		rst->made.seq = seg->ack;
		rst->made.flags = SL_RST;
	} else {
		rst->made.ack = seg->seq + sl_seg_len(seg);
		rst->made.flags = SL_RST | SL_ACK;
	}
	return true;
}

bool sl_tcp_answer_listen(const struct sl_seg *seg, struct sl_tcp_segment *rst)
{
	return seg->flags & SL_ACK && sl_tcp_answer_closed(seg, rst);
}
