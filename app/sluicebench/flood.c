/* SPDX-License-Identifier: BSD-3-Clause */
/* Floods: nothing is remembered, each packet is worth what it costs. */
#include "bench.h"

enum { FEEDS = 16 };

static bool open(struct lane *lane)
{
	return lane_worker_open(lane, 1024);
}

static struct pass flood(struct lane *lane, uint8_t flags)
{
	struct pass pass = {.units = FEEDS * FEED};

	for (unsigned feed = 0; feed < FEEDS; feed++) {
		for (unsigned i = 0; i < FEED; i++)
			talk_flood(lane, flags);
		pass.cycles += lane_run(lane);
	}
	return pass;
}

static struct pass syn(struct lane *lane)
{
	return flood(lane, SL_SYN);
}

static struct pass ack(struct lane *lane)
{
	return flood(lane, SL_ACK);
}

static uint64_t answered(const struct lane *lane)
{
	return lane_term(lane, SL_TERM_answered);
}

/* One forged ACK in 64 is looked at more closely; none of them is ours, but for one in 2^28 that
 * guesses right. */
static uint64_t judged(const struct lane *lane)
{
	return lane_drops(lane, SL_DROP_cookie_invalid) + lane_drops(lane, SL_DROP_cookie_expired) +
	       lane_event(lane, SL_EVENT_cookies_valid);
}

const struct bench_case bench_syn = {
	"syn",    "SYNs with all options from random sources, each answered by a cookie",
	open,     syn,
	answered, lane_worker_close};
const struct bench_case bench_ack = {"ack",  "forged ACKs from random sources, each dropped",
				     open,   ack,
				     judged, lane_worker_close};
