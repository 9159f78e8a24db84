/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ports: DPDK's ethdevs set up as the road wants them, each with what its device offers and a log
 * line for what it lacks. Control's business; the worker only polls the queues.
 */
#ifndef SL_PORT_H
#define SL_PORT_H

#include "sl_base.h"

SL_BEGIN_DECLS

struct rte_mempool;

struct sl_port {
	uint16_t ethdev; /**< DPDK's port id */
	char name[64];   /**< DPDK's device name, as the configuration says */
	char driver[32];
	uint16_t n_queues;
	uint16_t rx_descriptors, tx_descriptors;
	bool rx_ip_cksum, rx_tcp_cksum; /**< checksums verified by the NIC */
};

struct sl_port_config {
	const char *name; /**< device name or PCI address */
	uint16_t n_queues;
	uint16_t mtu;
	uint16_t rx_descriptors, tx_descriptors; /**< wanted; the device may have its own limits */
	bool rx_ip_cksum, rx_tcp_cksum;          /**< wanted, if the device can */
	bool rss;
	struct rte_mempool *pool;
};

/** What the device counted, beside what the workers did. */
struct sl_port_counters {
	uint64_t rx, tx;     /**< packets */
	uint64_t nic_missed; /**< lost because no descriptor was free */
	uint64_t nic_nombuf; /**< lost because the pool was empty */
	uint64_t nic_errors; /**< received broken */
	bool link_up;
};

/**
 * Configures and starts a device. Returns 0, or -1 with a sentence in `error`: what is missing and
 * what mends it.
 */
int sl_port_open(struct sl_port *port, const struct sl_port_config *config, char *error,
		 size_t error_len);

/** Stops and closes it. */
void sl_port_close(struct sl_port *port);

/** Reads the device's counters and link state; any time, from the control thread. */
void sl_port_counters(const struct sl_port *port, struct sl_port_counters *counters);

SL_END_DECLS

#endif
