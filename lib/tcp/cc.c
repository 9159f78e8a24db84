/* SPDX-License-Identifier: BSD-3-Clause */
#include "cc.h"

enum {
	CWND_MAX = 1 << 30,
	BETA_PERCENT = 70, /* RFC 9438 section 4.6 */
	C_TENTHS = 4,      /* C = 0.4 segments a second cubed: section 5.1 */
};

uint32_t tcp_cc_initial_window(uint16_t smss)
{
	return sl_min_u32(10u * smss, sl_max_u32(2u * smss, 14600));
}

void tcp_cc_init(struct tcp_cc *cc, enum tcp_cc_kind kind, uint16_t smss, bool syn_lost)
{
	*cc = (struct tcp_cc){
		.cwnd = syn_lost ? smss : tcp_cc_initial_window(smss),
		.ssthresh = CWND_MAX,
		.smss = smss,
		.kind = (uint8_t)kind,
	};
}

static uint32_t percent(uint32_t bytes, unsigned n)
{
	return (uint32_t)((uint64_t)bytes * n / 100);
}

/* The whole part of the cube root. */
static uint32_t cube_root(uint64_t v)
{
	uint64_t root = 0;

	for (int bit = 20; bit >= 0; bit--) {
		const uint64_t more = root | 1ULL << bit;

		if (more * more * more <= v)
			root = more;
	}
	return (uint32_t)root;
}

/* W_cubic at `at_ms`: RFC 9438 figure 1. The cube of more than a few minutes is beyond any window.
 */
static uint32_t cubic_window(const struct tcp_cc *cc, uint32_t at_ms)
{
	const int64_t far = 1 << 18;
	int64_t d = (int32_t)(at_ms - cc->origin_ms), bytes;

	d = d > far ? far : d < -far ? -far : d;
	/* C d^3 segments, d in ms: d^3 has 54 bits. */
	bytes = d * d * d / 1000000 * C_TENTHS / 10 * cc->smss / 1000 + cc->w_max;
	return bytes < 0 ? 0 : bytes > CWND_MAX ? CWND_MAX : (uint32_t)bytes;
}

static void begin_epoch(struct tcp_cc *cc, uint32_t now_ms)
{
	const uint32_t below = cc->w_max > cc->cwnd ? cc->w_max - cc->cwnd : 0;

	cc->epoch_begun = true;
	cc->w_est = cc->cwnd;
	cc->est_acked = 0;
	/* Figure 2: K = cbrt((W_max - cwnd) / C), in ms: by 10^9 under the root. */
	cc->origin_ms = now_ms + cube_root((uint64_t)below * 10 / C_TENTHS * 1000000000 / cc->smss);
	if (below == 0)
		cc->w_max = cc->cwnd;
}

/* What a window of `cwnd` grows to for `more` bytes acknowledged, at a segment a window; what is
 * left counts on. */
static uint32_t grow(uint32_t window, uint32_t *acked, uint32_t more, uint32_t cwnd, uint16_t smss)
{
	const uint64_t all = (uint64_t)*acked + more, grown = window + all / cwnd * smss;

	*acked = (uint32_t)(all % cwnd);
	return grown > CWND_MAX ? CWND_MAX : (uint32_t)grown;
}

/* Figure 4: what a window that is cut by beta has to grow by to be as large as Reno's on average.
 */
static void estimate_reno(struct tcp_cc *cc, uint32_t bytes)
{
	/* alpha = 3 (1 - beta) / (1 + beta) = 9/17, until it is as large as before. */
	const uint32_t counted =
		cc->w_est >= cc->w_prior ? bytes : (uint32_t)((uint64_t)bytes * 9 / 17);

	cc->w_est = grow(cc->w_est, &cc->est_acked, counted, cc->cwnd, cc->smss);
}

static void avoid_by_cubic(struct tcp_cc *cc, uint32_t bytes, uint32_t now_ms, uint32_t srtt_ms)
{
	uint32_t t, target;

	if (!cc->epoch_begun)
		begin_epoch(cc, now_ms);
	else if (now_ms - cc->acked_ms > srtt_ms)
		/* Time in which the window was not in use does not count: section 5.8. */
		cc->origin_ms += now_ms - cc->acked_ms - srtt_ms;
	estimate_reno(cc, bytes);
	if (cubic_window(cc, now_ms) < cc->w_est) {
		cc->cwnd = sl_max_u32(cc->cwnd, cc->w_est);
		return;
	}
	target = cubic_window(cc, now_ms + srtt_ms);
	target = sl_min_u32(sl_max_u32(target, cc->cwnd), cc->cwnd + cc->cwnd / 2);
	cc->acked = sl_min_u32(cc->acked + bytes, CWND_MAX);
	/* (target - cwnd) / cwnd for each byte. */
	t = (uint32_t)((uint64_t)cc->acked * (target - cc->cwnd) / cc->cwnd);
	if (t > 0) {
		cc->cwnd += t;
		cc->acked = 0;
	}
}

void tcp_cc_acked(struct tcp_cc *cc, uint32_t bytes, uint32_t now_ms, uint32_t srtt_ms)
{
	if (cc->cwnd < cc->ssthresh)
		/* RFC 5681 (2); RFC 3465 section 2.2, L = 2: of an ACK no more than that counts. */
		cc->cwnd += sl_min_u32(bytes, 2u * cc->smss);
	else if (cc->kind == TCP_CC_CUBIC)
		avoid_by_cubic(cc, bytes, now_ms, srtt_ms);
	else
		cc->cwnd = grow(cc->cwnd, &cc->acked, bytes, cc->cwnd, cc->smss);
	cc->cwnd = sl_min_u32(cc->cwnd, CWND_MAX);
	cc->acked_ms = now_ms;
}

/* What is halved, or less. */
static void cut(struct tcp_cc *cc, uint32_t flight)
{
	const unsigned keep = cc->kind == TCP_CC_CUBIC ? BETA_PERCENT : 50;

	/* RFC 9438 section 4.7: who had less than at the loss before leaves room to others. */
	cc->w_max = cc->cwnd < cc->w_max ? percent(cc->cwnd, (100 + BETA_PERCENT) / 2) : cc->cwnd;
	cc->w_prior = cc->cwnd;
	cc->ssthresh = sl_max_u32(percent(flight, keep), 2u * cc->smss);
	cc->acked = 0;
	cc->epoch_begun = false;
}

void tcp_cc_lost(struct tcp_cc *cc, uint32_t flight)
{
	cut(cc, flight);
	cc->cwnd = cc->ssthresh;
}

void tcp_cc_timeout(struct tcp_cc *cc, uint32_t flight, bool again)
{
	if (!again)
		cut(cc, flight);
	cc->acked = 0;
	cc->epoch_begun = false;
	cc->cwnd = cc->smss;
}

void tcp_cc_idle(struct tcp_cc *cc)
{
	cc->cwnd = sl_min_u32(cc->cwnd, tcp_cc_initial_window(cc->smss));
	cc->epoch_begun = false;
}
