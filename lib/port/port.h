/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of this library share, and nobody else sees. */
#ifndef PORT_H
#define PORT_H

#include <rte_ethdev.h>
#include <rte_log.h>

#include "sl_port.h"

enum {
	PORT_ETHER_HDR = 14,
	PORT_TAG = 4,
	PORT_MTU_MIN = 68, /* RFC 791: no port is said to carry less */
};

#define LOG(level, fmt, ...) \
	rte_log(RTE_LOG_##level, RTE_LOGTYPE_USER1, "port %s: " fmt "\n", __VA_ARGS__)

/* interface.c: the kernel's interface behind a virtual port. */
/* Remembers it, if there is one. */
void port_interface_find(struct sl_port *port, unsigned if_index);
void port_interface_look(const struct sl_port *port, struct sl_port_counters *counters);
int port_interface_set(const struct sl_port *port, bool up);

/* spread.c: over several queues. */
/* Puts what sl_rss_choose says into the device's configuration to be. */
void port_rss_configure(const struct sl_port_config *config, const struct rte_eth_dev_info *info,
			struct rte_eth_conf *conf);
/* Does what only a device that runs can be told, and looks whether it took it all. Returns how it
 * spreads. */
enum sl_rss_how port_rss_settle(const struct sl_port *port, const struct sl_port_config *config,
				const struct rte_eth_dev_info *info);

#endif
