/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The round trip and the time to wait for it: RFC 6298, with the weights of RFC 7323 appendix G
 * where there is a sample for every ACK. Whose segments may be timed (Karn) is the caller's to
 * know. Microseconds. Plain memory.
 */
#ifndef RTT_H
#define RTT_H

#include "sl_base.h"

SL_BEGIN_DECLS

enum {
	TCP_RTO_FIRST_US = 1000000,        /* RFC 6298 (2.1) */
	TCP_RTO_AFTER_SYN_US = 3000000,    /* (5.7): a SYN had to be sent again */
	TCP_RTO_MIN_US = 1000000,          /* (2.4); configurable */
	TCP_RTO_MAX_US = 60000000,         /* (2.5): at least that; configurable */
	TCP_CLOCK_US = 1000,               /* G: what our timestamps and timers can tell apart */
	TCP_RTT_MAX_US = 4 * 60 * 1000000, /* what is more is taken for that: 2MSL */
};

struct tcp_rtt {
	uint32_t srtt8;   /* SRTT in eighths of a microsecond; 0: no sample yet */
	uint32_t rttvar4; /* RTTVAR in quarters */
	uint32_t rto_us;  /* without backoff */
	uint8_t backoff;  /* doublings */
};

static inline void tcp_rtt_init(struct tcp_rtt *r)
{
	r->srtt8 = r->rttvar4 = 0;
	r->rto_us = TCP_RTO_FIRST_US;
	r->backoff = 0;
}

static inline uint32_t tcp_rtt_clamp(uint64_t us, uint32_t min_us, uint32_t max_us)
{
	return us < min_us ? min_us : us > max_us ? max_us : (uint32_t)us;
}

/*
 * Takes in a sample. `n` is how many samples a round trip brings: 1, or with timestamps about half
 * the segments in flight; each then counts for less. An ACK of new data ends the backoff.
 */
static inline void tcp_rtt_sample(struct tcp_rtt *r, uint32_t sample_us, uint32_t n,
				  uint32_t min_us, uint32_t max_us)
{
	const int64_t us = sample_us == 0 ? 1 : sl_min_u32(sample_us, TCP_RTT_MAX_US);
	int64_t error, var;

	if (n == 0)
		n = 1;
	if (r->srtt8 == 0) {
		r->srtt8 = (uint32_t)(us * 8);
		r->rttvar4 = (uint32_t)(us * 2);
	} else {
		/* RTTVAR before SRTT: (2.3). */
		error = us * 8 - (int64_t)r->srtt8; /* in eighths */
		var = (error < 0 ? -error : error) / 2 - (int64_t)r->rttvar4;
		r->rttvar4 = (uint32_t)((int64_t)r->rttvar4 + var / 4 / (int64_t)n);
		r->srtt8 = (uint32_t)((int64_t)r->srtt8 + error / 8 / (int64_t)n);
		if (r->srtt8 == 0)
			r->srtt8 = 1;
	}
	/* 4 * RTTVAR is what is kept; no less than the clock can tell. */
	r->rto_us = tcp_rtt_clamp((uint64_t)r->srtt8 / 8 + sl_max_u32(TCP_CLOCK_US, r->rttvar4),
				  min_us, max_us);
	r->backoff = 0;
}

/* How long to wait now. */
static inline uint32_t tcp_rtt_rto_us(const struct tcp_rtt *r, uint32_t max_us)
{
	const uint64_t us = (uint64_t)r->rto_us << sl_min_u32(r->backoff, 31);

	return us > max_us ? max_us : (uint32_t)us;
}

/* The timer has expired without an answer: (5.5). */
static inline void tcp_rtt_back_off(struct tcp_rtt *r)
{
	if (r->backoff < UINT8_MAX)
		r->backoff++;
}

/* The handshake is through, and its SYN had to be sent again before there was a sample: (5.7). */
static inline void tcp_rtt_after_syn(struct tcp_rtt *r)
{
	if (r->srtt8 == 0 && r->backoff > 0)
		r->rto_us = TCP_RTO_AFTER_SYN_US;
	r->backoff = 0;
}

SL_END_DECLS

#endif
