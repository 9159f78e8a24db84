/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A link: the two ports between which the box stands. Built by the control thread, then read-only
 * and shared by all workers.
 */
#ifndef SL_LINK_H
#define SL_LINK_H

#include "sl_base.h"

SL_BEGIN_DECLS

enum { SL_LINKS_MAX = 16, SL_LINK_NAME = 32, SL_PORTS_MAX = 32 };

/** The side of the box from which a packet came, or to which it goes. */
enum sl_side { SL_OUTSIDE, SL_INSIDE, SL_N_SIDES };

static inline enum sl_side sl_side_other(enum sl_side side)
{
	return (enum sl_side)(side ^ 1u);
}

struct sl_link {
	char name[SL_LINK_NAME];
	uint8_t port[SL_N_SIDES]; /**< port numbers by side */
	bool follow;              /**< one port loses its link: the other is taken down */
	bool pass_default;        /**< traffic of no service: passed, or dropped */
	uint16_t mtu;             /**< bytes of IP packet */
};

SL_END_DECLS

#endif
