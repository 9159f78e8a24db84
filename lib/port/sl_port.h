/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ports: DPDK's ethdevs set up as the road wants them, each with what its device offers and a log
 * line for what it lacks. Control's business; the worker only polls the queues.
 */
#ifndef SL_PORT_H
#define SL_PORT_H

#include "sl_frame_limit.h"
#include "sl_rss.h"

SL_BEGIN_DECLS

struct rte_mempool;

enum {
	SL_PORT_NAME = 64,
	SL_PORT_DRIVER = 32,
	SL_PORT_INTERFACE = 16,
	SL_PORT_SPREAD = 48,
	SL_PORT_ARGS = 512
};

struct sl_port_config {
	uint16_t n_queues;                       /**< of either direction: one, or one a worker */
	uint16_t mtu;                            /**< bytes of an IP packet */
	uint16_t rx_descriptors, tx_descriptors; /**< wanted; the device has its own limits */
	bool rx_ip_cksum, rx_tcp_cksum;          /**< wanted, if the device can */
	struct sl_rss_config rss;                /**< for more than one queue */
	bool outside;
	struct rte_mempool *pool;
};

/** What the device counted, beside what the workers did. */
struct sl_port_counters {
	uint64_t rx, tx;     /**< packets that the device gave and took */
	uint64_t sent;       /**< packets that really left, also of others where the kernel sends */
	uint64_t tx_lost;    /**< packets that were to leave and did not */
	uint64_t nic_missed; /**< lost because no descriptor was free */
	uint64_t nic_nombuf; /**< lost because the pool was empty */
	uint64_t nic_errors; /**< received broken */
	struct sl_frame_limit limit; /**< what it can send now */
	bool link_up;
	bool present; /**< false: the device, or the interface behind it, is gone */
};

struct sl_port {
	uint16_t ethdev;         /**< DPDK's port id */
	char name[SL_PORT_NAME]; /**< DPDK's device name, as the configuration says */
	char driver[SL_PORT_DRIVER];
	unsigned if_index; /**< of the kernel's interface behind it; 0: there is none */
	char interface[SL_PORT_INTERFACE];    /**< its name */
	uint64_t sent_before, tx_lost_before; /**< counted by it before the port was found */
	bool sent_by_kernel; /**< its frames leave by that interface: the driver profile says so */
	uint16_t n_queues;
	uint16_t rx_descriptors, tx_descriptors;
	uint16_t mtu;
	bool rx_ip_cksum, rx_tcp_cksum; /**< checksums verified by the NIC */
	enum sl_rss_how rss;            /**< how it spreads over its queues */
	uint16_t rss_entries;           /**< of the table by which hashes are dealt out to queues */
	char spread[SL_PORT_SPREAD];    /**< who does, in words; "" where there is one worker */

	/* For sl_port_restart. */
	char bus[SL_PORT_DRIVER], args[SL_PORT_ARGS];
	struct sl_port_config config; /**< that it was started with */
	struct sl_port_counters kept; /**< of the devices that stood here before */
};

/**
 * Finds the device `name` (a vdev's name or a PCI address) and its driver, without touching it.
 * Returns 0, or -1 with a sentence in `error`: which devices there are, and what to do.
 */
int sl_port_find(struct sl_port *port, const char *name, char *error, size_t error_len);

/**
 * Whether a device found by sl_port_find promises to spread over config->n_queues queues, so that
 * both directions of a connection meet. Only sl_port_start shows whether it keeps it.
 */
bool sl_port_can_spread(const struct sl_port *port, const struct sl_port_config *config);

/**
 * Configures and starts a device found by sl_port_find. Returns 0, or -1 with a sentence in
 * `error`: what failed and what mends it. With several queues, port->rss says afterwards how it
 * really spreads: SL_RSS_NONE when it does not as it was told.
 */
int sl_port_start(struct sl_port *port, const struct sl_port_config *config, char *error,
		  size_t error_len);

/** Stops it: it can be started again, otherwise. */
void sl_port_stop(struct sl_port *port);

/**
 * Makes a port that does not send any more send again: it is stopped and started; where the kernel
 * sends, by a new socket. No worker may use the port meanwhile. Its ethdev may be another
 * afterwards; its counters go on. Returns 0, or -1 with a sentence in `error`; then it can be tried
 * again.
 */
int sl_port_restart(struct sl_port *port, char *error, size_t error_len);

/** Stops and closes it. */
void sl_port_close(struct sl_port *port);

/**
 * Takes its link down or up, as whoever is at the other end of the cable sees it. From the control
 * thread. Returns 0 or -errno.
 */
int sl_port_set_link(const struct sl_port *port, bool up);

/** Reads the MAC of a port that has been started. */
void sl_port_get_mac(const struct sl_port *port, uint8_t mac[6]);

/** Reads the device's counters and link state; any time, from the control thread. */
void sl_port_counters(const struct sl_port *port, struct sl_port_counters *counters);

SL_END_DECLS

#endif
