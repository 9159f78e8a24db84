/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The plan: all that the road is told by the configuration, in one read-only piece. Control builds
 * a new one for a reload and has every worker take it between two bursts; the old one is freed when
 * the last of them has. So a burst sees one plan or the other, never half of each.
 */
#ifndef SL_PLAN_H
#define SL_PLAN_H

#include "sl_link.h"
#include "sl_service.h"

SL_BEGIN_DECLS

struct sl_plan {
	struct sl_service_table services;
	struct sl_link links[SL_LINKS_MAX];
	unsigned n_links;
	unsigned n_workers; /**< that divide a rate or number of a whole service; 0 is 1 */
	bool draining;      /**< new connections pass unproxied; what stands is served to its end */
};

/** One worker's share of what all workers together may have: rounded up. */
static inline uint32_t sl_plan_share(const struct sl_plan *plan, uint32_t all)
{
	const uint32_t n = sl_max_u32(plan->n_workers, 1);

	return all / n + (all % n != 0);
}

SL_END_DECLS

#endif
