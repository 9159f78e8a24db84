/* SPDX-License-Identifier: BSD-3-Clause */
/* The daemon's parts, from the configuration to what runs. */
#ifndef SLUICED_H
#define SLUICED_H

#include "sl_config.h"
#include "sl_cookie.h"
#include "sl_driver_profile.h"
#include "sl_handover.h"
#include "sl_pipeline.h"
#include "sl_learned_file.h"
#include "sl_port.h"
#include "sl_reload.h"
#include "sl_worker.h"

enum { ERROR_LEN = 1024 };

/* Everything that stands while the daemon runs. The workers read services and links. */
struct road {
	struct sl_plan plan;
	struct sl_port ports[SL_PORTS_MAX]; /* link number * 2 + side */
	uint32_t mbuf_data_bytes;           /* the most that a port's driver wants */
	unsigned n_ports;
	uint32_t rx_descriptors, tx_descriptors; /* of all queues of all ports, as wanted */
	struct sl_worker *workers[SL_CONFIG_MAX_CORES];
	unsigned n_workers;
	struct sl_handover *handover; /* NULL: one worker */
	bool by_nic;                  /* the NICs spread */
	struct sl_cookie_ring ring;
	struct sl_learned_table learned; /* what earlier runs have left */
	bool secret_shared;
};

/* eal.c: DPDK's environment. */
/* Whether a worker can run on each core: EAL would only fail over it. 0, or -1 with a sentence in
 * `error`. */
int eal_check_cores(const struct sl_config *config, char *error, size_t error_len);
/* Whether this process may open what the ports need. Likewise. */
int eal_check_rights(const struct sl_config *config, char *error, size_t error_len);
/* Starts EAL with the configuration's arguments and its cores. Likewise. */
int eal_start(const struct sl_config *config, char *error, size_t error_len);
/* EAL's lcore of worker number `i`. */
unsigned eal_lcore(unsigned i);

/* road.c: links, services, ports, workers. */
/* Fills in services and links, which need no device. */
void road_plan(struct road *road, const struct sl_config *config);
/* Prints what the configuration will take: memory, and hugepages. */
void road_print_needs(const struct road *road, const struct sl_config *config, FILE *out);
/* Whether the memory that `eal` gives without hugepages is enough. 0, or -1 with a sentence in
 * `error`. */
int road_check_memory(const struct road *road, const struct sl_config *config, char *error,
		      size_t error_len);
/* Opens ports and creates workers. 0, or -1 with a sentence in `error`. */
int road_open(struct road *road, const struct sl_config *config, char *error, size_t error_len);
int road_start(struct road *road, char *error, size_t error_len);
void road_stop(struct road *road);
void road_close(struct road *road);

#endif
