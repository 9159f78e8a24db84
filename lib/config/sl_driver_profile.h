/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Driver profiles: what the NICs of one family want, one libconfig file each in drivers-config/.
 * A profile is a wish; what a device does not offer is masked by whoever opens it, and logged.
 *
 * Threads: no state; any thread may ask. Neighbours: sluiced looks a profile up by the driver name
 * that DPDK gives a port, and hands it to lib/port as plain values.
 */
#ifndef SL_DRIVER_PROFILE_H
#define SL_DRIVER_PROFILE_H

#include "sl_config.h"

SL_BEGIN_DECLS

#define SL_DRIVER_MAX_NAMES 16

/** How both directions of a connection come to the same queue. */
enum sl_driver_rss {
	SL_DRIVER_RSS_NONE,               /**< the port can't spread: one queue */
	SL_DRIVER_RSS_SYMMETRIC_KEY,      /**< Toeplitz with a key that repeats every 16 bits */
	SL_DRIVER_RSS_SYMMETRIC_TOEPLITZ, /**< the NIC sorts addresses and ports first */
};

enum sl_driver_rss_key {
	SL_DRIVER_RSS_KEY_RANDOM, /**< new at each start: a known key lets attackers aim at a core
				   */
	SL_DRIVER_RSS_KEY_DEVICE, /**< the device's own, where none can be set */
};

/** What RSS looks at: bits of `rss_types`. */
#define SL_DRIVER_RSS_IPV4 1u
#define SL_DRIVER_RSS_TCP4 2u
#define SL_DRIVER_RSS_IPV6 4u
#define SL_DRIVER_RSS_TCP6 8u

struct sl_driver_profile {
	char file[SL_CONFIG_PATH]; /**< where it stands; "" for the default profile */
	char drivers[SL_DRIVER_MAX_NAMES][SL_CONFIG_NAME]; /**< DPDK's names: "net_ixgbe" */
	unsigned n_drivers;
	uint32_t rx_descriptors; /**< of one queue */
	uint32_t tx_descriptors;
	uint32_t max_queues; /**< of either direction; 0: as many as the device has */
	/** Bytes of packet data that one mbuf must hold, without the headroom; 0: as the MTU needs.
	 */
	uint32_t mbuf_data_bytes;
	struct {
		enum sl_driver_rss mode;
		uint32_t types; /**< SL_DRIVER_RSS_IPV4 and its like */
		enum sl_driver_rss_key key;
	} rss;
	struct {
		bool rx_ip_checksum, rx_tcp_checksum;
	} offloads;
	bool sent_by_kernel; /**< frames leave by a kernel interface, whose MTU and counters count
			      */
};

/**
 * Loads the one profile in the file `path`.
 * Returns 0, or -EINVAL or another -errno with `error` filled in.
 */
int sl_driver_profile_load(const char *path, struct sl_driver_profile *profile,
			   struct sl_config_error *error);

/**
 * Finds the profile in the folder `dir` that names the DPDK driver `driver_name`; when several do,
 * the first by file name. Where none does, `profile` is the default one: every setting at the
 * default that sl_config_describe() prints, and `file` empty.
 * Returns 0, or -EINVAL or another -errno with `error` filled in: the folder is not there, or a
 * file in it (any that ends in ".cfg") is wrong.
 */
int sl_driver_profile_find(const char *dir, const char *driver_name,
			   struct sl_driver_profile *profile, struct sl_config_error *error);

SL_END_DECLS

#endif
