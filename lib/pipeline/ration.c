/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The ration: how many segments a second reach the servers of a service because of strays from
 * outside, while strays are adopted. Anybody can forge a stray, so a flood of strays must not
 * become a flood of the servers. Each service has a ration of its own (adopt_rate), and each worker
 * an equal share of it.
 *
 * A quarter of the share may be used at once (of a small share 3 segments, or the share), the rest
 * is gained evenly over a second: so no second sees more than the share. When the ration is short,
 * the strays that a running transfer sends come first: those that carry data, and those of a
 * connection that has sent a stray before. A running transfer sends its data again until it is
 * acknowledged; a flood of random connections repeats none. A third of what may be used at once is
 * kept for strays that are one of these, and a third for strays that are both.
 */
#include "pipeline.h"

enum {
	RATION_CLASSES = 3,
	RATION_BURST = 4,      /* a quarter of the share may be used at once */
	RATION_MOMENT_MS = 32, /* unit of sl_stray_seen.shown */
	RATION_LATELY = 1000 / RATION_MOMENT_MS,
};

/* The time, as struct sl_stray_seen has it; never 0. */
static uint16_t moment(const struct sl_pipeline *p)
{
	const uint16_t m = (uint16_t)(p->relay.now_ms / RATION_MOMENT_MS);

	return m != 0 ? m : 1;
}

/* Takes one segment of a service's ration. `class`: 0 to RATION_CLASSES - 1, the last may have all
 * that is left. */
static bool take(struct sl_pipeline *p, uint16_t service, unsigned class)
{
	const uint32_t share =
		sl_plan_share(p->plan, p->plan->services.service[service].adopt_rate);
	const uint32_t burst = sl_min_u32(sl_max_u32(share / RATION_BURST, RATION_CLASSES), share);
	const uint32_t per_s = sl_max_u32(share - burst, 1);
	const uint64_t token_us = sl_bucket_token_us(per_s);
	const uint64_t most_us = burst * token_us * (class + 1) / RATION_CLASSES;

	/* Where nothing can be kept for others, each class may have what there is. */
	return share != 0 &&
	       sl_bucket_take_within(&p->relay.service[service].ration, p->relay.now_us, per_s,
				     most_us > token_us ? most_us : token_us);
}

bool pipeline_ration_take(struct sl_pipeline *p, uint16_t service)
{
	return take(p, service, 0);
}

enum pipeline_ration pipeline_ration_stray(struct sl_pipeline *p, unsigned i)
{
	const struct sl_packet *pkt = &p->packet[i];
	const uint32_t hash = p->query[i].hash;
	struct sl_stray_seen *seen = &p->stray_seen[hash % SL_STRAYS_SEEN];
	const uint16_t tag = (uint16_t)(hash / SL_STRAYS_SEEN), now = moment(p);
	const bool known = seen->tag == tag;
	const bool lately =
		known && seen->shown != 0 && (uint16_t)(now - seen->shown) < RATION_LATELY;
	const unsigned class = lately ? 0 : (sl_seg_len(pkt->seg) > 0) + known;

	if (!known)
		*seen = (struct sl_stray_seen){.tag = tag};
	if (!take(p, pkt->service, class))
		return PIPELINE_RATION_NONE;
	seen->shown = now;
	/* Where entries had to give way, a server that answers by cookies knows nothing of a
	 * connection before its client's ACK, and would reset the client for the question. */
	if (lately || sl_relay_overflows(&p->relay, pkt->service) || !take(p, pkt->service, class))
		return PIPELINE_RATION_SHOW;
	return PIPELINE_RATION_SHOW_AND_ASK;
}
