/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The TCP endpoint: RFC 9293, event by event (section 3.10), and what it stands on. Loss recovery
 * by SACK (RFC 2018, 6675, 2883) or NewReno (6582), windows by NewReno or CUBIC (5681, 9438),
 * timestamps, PAWS and window scale (7323), RTO (6298), limited transmit (3042), challenge ACKs
 * (5961), ISNs (6528), TIME-WAIT that ignores RST (1337) and yields to a newer SYN (6191).
 *
 * No I/O, no clock, no allocation: a segment and the time come in, segments go out by a callback,
 * and a connection says when it wants to be called next. Addresses and ports are the owner's
 * business, and so is finding the connection of a segment.
 *
 * Threads. A struct sl_tcp and all connections over it belong to one thread.
 *
 * Order of calls. sl_tcp_init once. sl_tcp_tcb_init, then one of the three ways to open; then any
 * event in any order, each followed by sl_tcp_output: what is due to be sent (an ACK for a whole
 * burst, the data that the window has room for) is sent there, once. What happened to a connection
 * is in tcb->events, for the owner to look at and clear; a connection in CLOSED is over:
 * sl_tcp_tcb_free gives its memory back. Deadlines may have changed after any call:
 * sl_tcp_next_deadline.
 */
#ifndef SL_TCP_H
#define SL_TCP_H

#include "bytes.h"
#include "cc.h"
#include "rack.h"
#include "rtt.h"
#include "sl_addr.h"
#include "sl_seq.h"
#include "sl_siphash.h"
#include "sl_tcp_state.h"
#include "sl_wire.h"

SL_BEGIN_DECLS

enum {
	SL_TCP_MSS_MIN =
		216, /**< what a peer asks to send less in is taken for that: CVE-2019-11479 */
	SL_TCP_MSS_LINK_MIN = SL_IPV4_MTU_MIN - SL_IPV4_TCP_HDRS, /**< likewise of the options' */
	SL_TCP_SPANS = 6,    /**< pieces of a segment's payload: 9,000 bytes in blocks */
	SL_TCP_SACK_MAX = 4, /**< RFC 2018 section 3; three beside timestamps */
};

/** What a connection is told to be like; alike for many, and theirs to read until they end. */
struct sl_tcp_options {
	uint32_t receive_buffer, send_buffer; /**< bytes, at most */
	uint16_t mss;    /**< to announce, and to send at most: the MTU less headers (RFC 6691) */
	uint8_t wscale;  /**< to announce: 0..14, or SL_NO_WSCALE for none */
	bool timestamps; /**< offer and accept; likewise */
	bool sack;
	bool rack; /**< losses are found by time, and by tail loss probes (RFC 8985); with SACK */
	bool no_delay;         /**< Nagle's algorithm is off: MUST-17 */
	bool keepalive;        /**< MUST-24, MUST-25 */
	uint8_t cc;            /**< enum tcp_cc_kind */
	uint8_t probes;        /**< of keepalive, unanswered, until the connection is given up */
	uint8_t r1;            /**< retransmissions until the owner is told: SHLD-10 */
	uint32_t keepalive_ms; /**< idle until the first probe: MUST-27, MUST-28 */
	uint32_t probe_interval_ms;
	uint32_t r2_ms;           /**< unacknowledged until it is given up: MUST-20, SHLD-11 */
	uint32_t r2_syn_ms;       /**< the same for a SYN: MUST-23 */
	uint32_t user_timeout_ms; /**< the same, by the user's word; 0: none */
	uint32_t rto_min_ms, rto_max_ms; /**< RFC 6298 (2.4), (2.5) */
	uint32_t delayed_ack_ms;         /**< MUST-40 */
	uint32_t time_wait_ms;           /**< 2MSL: MUST-13 */
	uint32_t fin_wait_2_ms;          /**< of a connection that nobody reads from any more */
};

/** The defaults, as the RFCs have them. */
extern const struct sl_tcp_options sl_tcp_options_default;

/** A segment to send. */
struct sl_tcp_segment {
	struct sl_made made; /**< addresses, ports, TTL and DSCP are the owner's to set */
	struct sl_sack sack[SL_TCP_SACK_MAX]; /**< made.sack, and made.payload: */
	struct sl_piece payload[SL_TCP_SPANS];
};

/** What became of a segment that arrived. */
enum sl_tcp_verdict {
	SL_TCP_TAKEN,
	SL_TCP_NEW_SYN, /**< in TIME-WAIT: it may open a new connection in place of this one, whose
			   ISN is to be above snd_max. Nothing has changed: it is the owner's to
			   call sl_tcp_give_way or sl_tcp_refuse_syn */
	SL_TCP_OUT_OF_WINDOW, /**< unacceptable: answered by an ACK, or not at all */
	SL_TCP_PAWS,          /**< likewise */
	SL_TCP_BAD_ACK,       /**< of what was never sent, or too old */
	SL_TCP_NO_ACK,        /**< the ACK bit is off */
	SL_TCP_NO_TIMESTAMPS, /**< agreed on, and missing */
	SL_TCP_BAD_RST,       /**< not exactly at RCV.NXT, or in TIME-WAIT */
	SL_TCP_BAD_SYN,       /**< in a connection that stands */
	SL_TCP_NO_BLOCK,      /**< its payload found no memory */
	SL_TCP_NO_RANGE,      /**< its payload is one hole too many */
};

/** How a connection ended: MUST-12. */
enum sl_tcp_end {
	SL_TCP_END_NONE,
	SL_TCP_END_CLOSED,  /**< both sides have closed */
	SL_TCP_END_RESET,   /**< by the peer */
	SL_TCP_END_REFUSED, /**< a RST for the SYN, or a hard ICMP error */
	SL_TCP_END_TIMEOUT, /**< R2 */
	SL_TCP_END_USER_TIMEOUT,
	SL_TCP_END_KEEPALIVE,  /**< the probes were not answered */
	SL_TCP_END_ABORTED,    /**< by the user */
	SL_TCP_END_FIN_WAIT_2, /**< the peer never closed */
	SL_TCP_END_DATA_LOST, /**< closed with data unread, or it came afterwards: RFC 1122 4.2.2.13
			       */
};

/** What the owner may want to know; sl_tcb.events. */
enum sl_tcp_event {
	SL_TCP_EVENT_OPENED = 1,   /**< ESTABLISHED has been reached */
	SL_TCP_EVENT_READABLE = 2, /**< bytes, or the peer's FIN, have come in order */
	SL_TCP_EVENT_WRITABLE = 4, /**< bytes have been acknowledged: there may be room */
	SL_TCP_EVENT_ENDED = 8,    /**< CLOSED; why: sl_tcb.end */
	SL_TCP_EVENT_R1 = 16,      /**< retransmitted R1 times: SHLD-9 */
	SL_TCP_EVENT_URGENT = 32,  /**< urgent data is announced: MUST-32 */
	SL_TCP_EVENT_SOFT = 64,    /**< an ICMP error: MUST-47, SHLD-25 */
};

struct sl_tcb;

struct sl_tcp_counts {
	uint64_t segments_in, segments_out;
	uint64_t retransmitted; /**< segments */
	uint64_t timeouts, fast_recoveries;
	uint64_t tail_probes;
	uint64_t challenge_acks;
	uint64_t probes; /**< of zero windows */
	uint64_t keepalives;
	uint64_t out_of_order; /**< kept */
	uint64_t send_failed;  /**< no buffer for a segment */
};

/** What all connections of a thread share. */
struct sl_tcp {
	struct tcp_pool pool;
	uint64_t now_us; /**< monotonic; the owner sets it before any call */
	/** Takes a segment over. Returns false when there is no buffer: nothing was sent. */
	bool (*send)(void *owner, struct sl_tcb *tcb, struct sl_tcp_segment *segment);
	void *owner;
	struct sl_sipkey isn_key;
	uint64_t random;
	uint64_t states[SL_TCP_N_STATES]; /**< connections in each */
	struct sl_tcp_counts counts;
};

enum sl_tcp_timer {
	SL_TCP_TIMER_SEND,  /**< retransmission, the probe of a zero window, or what RACK-TLP waits
			       for */
	SL_TCP_TIMER_ACK,   /**< delayed ACK */
	SL_TCP_TIMER_STATE, /**< keepalive, FIN-WAIT-2, TIME-WAIT */
	SL_TCP_TIMER_USER,  /**< the user timeout */
	SL_TCP_N_TIMERS,
};

/** What SL_TCP_TIMER_SEND is armed for. */
enum sl_tcp_waits {
	SL_TCP_WAITS_RTO,    /**< retransmission */
	SL_TCP_WAITS_WINDOW, /**< persist: a closed or silly window is probed */
	SL_TCP_WAITS_TAIL,   /**< a tail loss probe */
	SL_TCP_WAITS_RACK,   /**< what may be lost by then */
};

/** A connection. Its owner reads what it likes, and writes `events` only. */
struct sl_tcb {
	const struct sl_tcp_options *options;
	uint32_t snd_una, snd_nxt; /**< RFC 9293 section 3.3.1; snd_nxt goes back to send again */
	uint32_t snd_max;          /**< one behind the highest that was sent */
	uint32_t snd_wnd;          /**< bytes */
	uint32_t snd_wl1, snd_wl2;
	uint32_t max_snd_wnd; /**< the largest that was offered */
	uint32_t iss, irs;
	uint32_t rcv_adv;       /**< one behind the window that was announced, before it was
				     rounded up to what the header can say; or below RCV.NXT: closed */
	uint32_t last_ack_sent; /**< RFC 7323 section 4.3 */
	uint32_t ts_recent, ts_recent_ms, ts_offset;
	struct tcp_received received; /**< positions count from IRS + 1 */
	struct tcp_bytes send;        /**< from ISS + 1 */
	struct tcp_cursor cursor;     /**< in what is to be sent */
	struct tcp_block *scoreboard; /**< while something is SACKed, or timed */
	struct tcp_cc cc;
	struct tcp_rtt rtt;
	struct tcp_rack rack;
	uint32_t timer[SL_TCP_N_TIMERS]; /**< ms; by `armed` */
	uint32_t timed_seq, timed_us; /**< the segment whose round trip is being timed ends there */
	uint32_t sent_ms;             /**< when something was last sent that takes numbers */
	uint32_t arrived_ms;          /**< when RACK last learned of something that arrived */
	uint32_t progress_ms; /**< since when sent data has been unacknowledged and retransmitted */
	uint32_t recover;     /**< RecoveryPoint; or no fast recovery at or below */
	uint32_t snd_up, rcv_up;
	uint32_t fin_pos; /**< the position of a FIN that came out of order, or in order */
	uint32_t dsack_left, dsack_right; /**< what came twice: RFC 2883; none when equal */
	uint32_t challenge_ms;
	uint32_t tlp_end;   /**< what the tail loss probe that is out ends at */
	uint32_t dsack_end; /**< until that is acknowledged, no D-SACK counts again */
	uint16_t smss;      /**< payload of a full-sized segment */
	uint16_t peer_mss;
	uint16_t rcv_mss; /**< the largest payload that came: what a full-sized segment is there */
	uint16_t unacked; /**< bytes that came in order since our last ACK */
	uint16_t n_dup_acks;
	uint8_t state;  /**< enum sl_tcp_state */
	uint8_t end;    /**< enum sl_tcp_end */
	uint8_t events; /**< enum sl_tcp_event */
	uint8_t armed;  /**< bit i: timer[i] */
	uint8_t waits;  /**< enum sl_tcp_waits */
	uint8_t snd_wscale, rcv_wscale;
	uint8_t n_retransmits; /**< in a row */
	uint8_t n_probes;      /**< of keepalive, unanswered */
	uint8_t challenges;    /**< that may be sent yet in this period */
	bool ack_now : 1, passive : 1, timestamps : 1, sack : 1;
	bool fin_queued : 1, fin_known : 1, fin_taken : 1, reader_gone : 1;
	bool in_recovery : 1, timing : 1, syn_due : 1, syn_lost : 1, urgent_out : 1, urgent_in : 1;
	bool ts_valid : 1, v6 : 1, challenged : 1;
	bool tlp_out : 1, tlp_again : 1, dsack_seen : 1, dsack_out : 1, first_due : 1;
};

static_assert(sizeof(struct sl_tcb) <= 320, "an idle connection is to stay small");

/** What there is to say of a connection, as `ss -ti` does. */
struct sl_tcp_info {
	uint32_t rtt_us, rttvar_us; /**< RFC 6298; 0: none measured yet */
	uint32_t rto_us;            /**< as it is backed off */
	uint32_t cwnd, ssthresh;    /**< bytes */
	uint32_t send_queue;        /**< bytes given, and not acknowledged */
	uint32_t receive_queue;     /**< bytes in order, to be read */
	uint32_t in_flight;         /**< sequence numbers sent, and not acknowledged */
	uint32_t snd_wnd, rcv_wnd;  /**< bytes that may be sent; that the peer may send */
	uint16_t mss;               /**< payload of a full-sized segment */
	uint8_t retransmits;        /**< in a row */
	uint8_t probes;             /**< of keepalive, unanswered */
	uint8_t snd_wscale, rcv_wscale;
	bool timestamps, sack, in_recovery;
};

/**
 * Makes what connections share.
 * @blocks, @n_blocks  memory for the bytes of all streams
 * @send, @owner       where segments go
 * @seed               random bytes of this box
 */
void sl_tcp_init(struct sl_tcp *tcp, void *blocks, uint32_t n_blocks,
		 bool (*send)(void *owner, struct sl_tcb *tcb, struct sl_tcp_segment *segment),
		 void *owner, const uint8_t seed[24]);

/** A number that nobody who does not know the seed can guess. */
uint32_t sl_tcp_random(struct sl_tcp *tcp);

/** RFC 6528: an ISN for a connection from `local` to `remote`. */
uint32_t sl_tcp_isn(const struct sl_tcp *tcp, const struct sl_addr *local, uint16_t local_port,
		    const struct sl_addr *remote, uint16_t remote_port);

/** A new connection, in CLOSED. */
void sl_tcp_tcb_init(struct sl_tcp *tcp, struct sl_tcb *tcb, const struct sl_tcp_options *options,
		     bool v6);

/** Gives back all that a connection holds; it is in CLOSED, or it is forgotten. */
void sl_tcp_tcb_free(struct sl_tcp *tcp, struct sl_tcb *tcb);

/** OPEN, active: section 3.10.1. `iss`: sl_tcp_isn. `ts_offset`: random, of our timestamps. */
void sl_tcp_open(struct sl_tcp *tcp, struct sl_tcb *tcb, uint32_t iss, uint32_t ts_offset);

/** A SYN came to LISTEN: section 3.10.7.2. */
void sl_tcp_open_passive(struct sl_tcp *tcp, struct sl_tcb *tcb, const struct sl_seg *syn,
			 uint32_t iss, uint32_t ts_offset);

/** What a SYN-ACK that left nothing behind has granted, whatever the options say now. */
struct sl_tcp_granted {
	uint16_t peer_mss;
	uint8_t snd_wscale; /**< the client's; SL_NO_WSCALE: no scaling */
	bool timestamps, sack;
};

/** An ACK came that proves a cookie: the connection stands. `ack` is taken in by
 * sl_tcp_segment_arrives afterwards, payload and all. */
void sl_tcp_open_cookie(struct sl_tcp *tcp, struct sl_tcb *tcb, const struct sl_seg *ack,
			const struct sl_tcp_granted *granted);

/** SEGMENT ARRIVES: section 3.10.7. `frame` is what `seg` was read from. */
enum sl_tcp_verdict sl_tcp_segment_arrives(struct sl_tcp *tcp, struct sl_tcb *tcb,
					   const struct sl_seg *seg, const uint8_t *frame);

/** After SL_TCP_NEW_SYN: the connection makes way for a new one, as if 2MSL were over. */
void sl_tcp_give_way(struct sl_tcp *tcp, struct sl_tcb *tcb);

/** After SL_TCP_NEW_SYN: nobody wants a new one. Brings a challenge ACK, RFC 5961 section 4.2. */
void sl_tcp_refuse_syn(struct sl_tcp *tcp, struct sl_tcb *tcb);

/** The answer to a segment that belongs to no connection: section 3.10.7.1. Returns false: none. */
bool sl_tcp_answer_closed(const struct sl_seg *seg, struct sl_tcp_segment *rst);

/** The answer to what is no SYN and comes to LISTEN: section 3.10.7.2. Returns false: none. */
bool sl_tcp_answer_listen(const struct sl_seg *seg, struct sl_tcp_segment *rst);

/**
 * SEND: section 3.10.2. Takes up to `len` bytes over; returns how many there was room for.
 * `urgent`: the last of them is the end of urgent data.
 */
uint32_t sl_tcp_send(struct sl_tcp *tcp, struct sl_tcb *tcb, const void *data, uint32_t len,
		     bool urgent);

/** Bytes that sl_tcp_send would take now, memory permitting. */
uint32_t sl_tcp_send_room(const struct sl_tcb *tcb);

/** RECEIVE: section 3.10.3. The bytes that come next, as far as they lie together: 0 when there are
 * none. They stay until sl_tcp_received. */
uint32_t sl_tcp_receive(const struct sl_tcb *tcb, uint8_t **bytes);

/** The same from the byte on that has `skip` before it; `skip` is at most sl_tcp_readable. */
uint32_t sl_tcp_peek(const struct sl_tcb *tcb, uint32_t skip, uint8_t **bytes);

/** The first `n` of the bytes that came have been read. */
void sl_tcp_received(struct sl_tcp *tcp, struct sl_tcb *tcb, uint32_t n);

/** Whether all that the peer sent has been read, and it has closed. */
bool sl_tcp_at_end(const struct sl_tcb *tcb);

/** CLOSE, of our sending side only: section 3.10.4. */
void sl_tcp_shutdown(struct sl_tcp *tcp, struct sl_tcb *tcb);

/** CLOSE, and nobody will read what comes: with data unread it is a reset (SHLD-3). */
void sl_tcp_close(struct sl_tcp *tcp, struct sl_tcb *tcb);

/** ABORT: section 3.10.5. */
void sl_tcp_abort(struct sl_tcp *tcp, struct sl_tcb *tcb);

/** The options have changed: what waits (for 2MSL, the user timeout, the next probe of keepalive)
 * waits from now on no longer than they say. */
void sl_tcp_options_changed(struct sl_tcp *tcp, struct sl_tcb *tcb);

/** Sends what is due. */
void sl_tcp_output(struct sl_tcp *tcp, struct sl_tcb *tcb);

/** TIMEOUTS: section 3.10.8. What is due by tcp->now_us; nothing when nothing is. */
void sl_tcp_timeouts(struct sl_tcp *tcp, struct sl_tcb *tcb);

/** When sl_tcp_timeouts is wanted next, on the clock of tcp->now_us; UINT64_MAX: never. */
uint64_t sl_tcp_next_deadline(const struct sl_tcp *tcp, const struct sl_tcb *tcb);

/** An ICMP error came that quotes a segment with `seq`: section 3.9.2.2, RFC 5927. `mtu`: for "too
 * big", what the path carries; else 0. `hard`: it ends an attempt to connect. Returns false when it
 * can't be about this connection. */
bool sl_tcp_icmp(struct sl_tcp *tcp, struct sl_tcb *tcb, uint32_t seq, uint16_t mtu, bool hard);

/** The path carries IP packets of `mtu` bytes at most, as who owns its first link says: what is in
 * flight is sent again in pieces that fit. Nothing happens where all fit already, or before the
 * connection stands. */
void sl_tcp_path_mtu(struct sl_tcp *tcp, struct sl_tcb *tcb, uint16_t mtu);

/** Describes a connection, in whatever state it is. */
void sl_tcp_describe(const struct sl_tcb *tcb, struct sl_tcp_info *info);

static inline uint32_t sl_tcp_rcv_nxt(const struct sl_tcb *tcb)
{
	return tcb->irs + 1 + tcb->received.bytes.to + tcb->fin_taken;
}

/** The number of the next byte to be read. */
static inline uint32_t sl_tcp_read_seq(const struct sl_tcb *tcb)
{
	return tcb->irs + 1 + tcb->received.bytes.from;
}

/** Bytes that were given to sl_tcp_send and are yet to be sent, or to be sent again. */
static inline uint32_t sl_tcp_unsent(const struct sl_tcb *tcb)
{
	const uint32_t end = tcb->iss + 1 + tcb->send.to;

	/* A FIN that was sent lies behind. */
	return sl_seq_gt(end, tcb->snd_nxt) ? end - tcb->snd_nxt : 0;
}

static inline uint32_t sl_tcp_readable(const struct sl_tcb *tcb)
{
	return tcp_bytes_len(&tcb->received.bytes);
}

SL_END_DECLS

#endif
