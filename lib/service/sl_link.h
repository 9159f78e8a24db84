/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A link: the two ports between which the box stands, or one port on which it is a host, with
 * addresses of its own; that one is its outside, and nothing is inside. Built by the control
 * thread, then read-only and shared by all workers.
 */
#ifndef SL_LINK_H
#define SL_LINK_H

#include "sl_addr.h"

SL_BEGIN_DECLS

enum { SL_LINKS_MAX = 16, SL_LINK_NAME = 32, SL_PORTS_MAX = 32, SL_LINK_ADDRS = 32 };

/** The side of the box from which a packet came, or to which it goes. */
enum sl_side { SL_OUTSIDE, SL_INSIDE, SL_N_SIDES };

static inline enum sl_side sl_side_other(enum sl_side side)
{
	return (enum sl_side)(side ^ 1u);
}

struct sl_link {
	char name[SL_LINK_NAME];
	uint8_t port[SL_N_SIDES]; /**< port numbers by side; SL_PORTS_MAX where there is none */
	bool host;                /**< one port; then also: */
	uint8_t mac[6];           /**< its own; known before sl_pipeline_init */
	unsigned n_addrs;
	struct sl_addr addrs[SL_LINK_ADDRS];
	bool follow;       /**< one port loses its link: the other is taken down */
	bool pass_default; /**< traffic of no service: passed, or dropped */
	uint16_t mtu;      /**< bytes of IP packet */
};

/** Whether an address is one of a host link's. */
static inline bool sl_link_owns(const struct sl_link *link, const struct sl_addr *addr)
{
	for (unsigned i = 0; i < link->n_addrs; i++)
		if (sl_addr_equal(&link->addrs[i], addr))
			return true;
	return false;
}

SL_END_DECLS

#endif
