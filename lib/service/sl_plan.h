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
	bool draining; /**< new connections pass unproxied; what stands is served to its end */
};

SL_END_DECLS

#endif
