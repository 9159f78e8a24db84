/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Congestion control: how many bytes may be in flight. Slow start and congestion avoidance of RFC
 * 5681 (bytes counted, RFC 3465), an initial window of RFC 6928, and in congestion avoidance either
 * NewReno's window or CUBIC's (RFC 9438). Loss detection and recovery are others' business: they
 * say when an ACK of new data came, when a loss was found, and when the retransmission timer went
 * off.
 *
 * Bytes, and milliseconds of any clock. Plain memory, integers only.
 */
#ifndef CC_H
#define CC_H

#include "sl_base.h"

SL_BEGIN_DECLS

enum tcp_cc_kind { TCP_CC_NEWRENO, TCP_CC_CUBIC };

struct tcp_cc {
	uint32_t cwnd, ssthresh;
	uint32_t acked; /* bytes acknowledged that cwnd has not grown for yet */
	/* CUBIC's */
	uint32_t w_max;   /* cwnd before the last loss, or less: fast convergence */
	uint32_t w_prior; /* cwnd before the last loss */
	uint32_t w_est;   /* what Reno's window would be by now */
	uint32_t est_acked;
	uint32_t origin_ms; /* when the window is w_max again; the curve's time is counted from
			       there */
	uint32_t acked_ms;  /* when an ACK last counted */
	uint16_t smss;
	uint8_t kind;     /* enum tcp_cc_kind */
	bool epoch_begun; /* origin_ms and w_est are of this congestion avoidance */
};

/* RFC 6928 section 2. */
uint32_t tcp_cc_initial_window(uint16_t smss);

/* A connection has been opened. `syn_lost`: its SYN or SYN-ACK had to be sent again, then the
 * window is one segment (RFC 5681 section 3.1). */
void tcp_cc_init(struct tcp_cc *cc, enum tcp_cc_kind kind, uint16_t smss, bool syn_lost);

/*
 * An ACK of `bytes` of new data, outside of recovery, while the window was in use (an application
 * that sends less must not make it grow: RFC 7661's concern, RFC 9438 section 5.8).
 */
void tcp_cc_acked(struct tcp_cc *cc, uint32_t bytes, uint32_t now_ms, uint32_t srtt_ms);

/* A loss was found by its SACKs or duplicate ACKs, `flight` bytes being in flight: the window, and
 * ssthresh, are what to go on with. */
void tcp_cc_lost(struct tcp_cc *cc, uint32_t flight);

/* The retransmission timer went off; `again`: for a segment that was sent again before (RFC 5681
 * section 3.1: then ssthresh stays). */
void tcp_cc_timeout(struct tcp_cc *cc, uint32_t flight, bool again);

/* Nothing was sent for an RTO: RFC 5681 section 4.1. */
void tcp_cc_idle(struct tcp_cc *cc);

SL_END_DECLS

#endif
