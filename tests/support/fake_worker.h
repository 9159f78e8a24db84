/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Workers and ports without DPDK: what lib/control needs of them (sl_worker_post, _accounts,
 * _turns, _core; sl_port_counters), on an ordinary thread that runs jobs against a real pipeline.
 * Linked before the real ones, it takes their place.
 */
#ifndef FAKE_WORKER_H
#define FAKE_WORKER_H

#include "sl_port.h"
#include "sl_worker.h"

SL_BEGIN_DECLS

/* A worker on `core` whose thread turns every 100 us. */
struct sl_worker *fake_worker_create(unsigned core, const struct sl_pipeline_config *config);
void fake_worker_destroy(struct sl_worker *w);

/* Ends the thread; jobs that it has not done stay undone. */
void fake_worker_stop(struct sl_worker *w);

/* Stuck: the loop stands still until set to false. */
void fake_worker_set_stuck(struct sl_worker *w, bool stuck);
/* Its mailbox takes nothing. */
void fake_worker_set_full(struct sl_worker *w, bool full);
/* Each turn, it counts packets of service 1: received, and then answered. */
void fake_worker_set_busy(struct sl_worker *w, bool busy);
/* Microseconds between turns. */
void fake_worker_set_pace(struct sl_worker *w, unsigned us);

/* What sl_worker_waiting says of each port. */
void fake_worker_set_waiting(struct sl_worker *w, unsigned n);
/* What sl_worker_set_ethdev has told it. */
unsigned fake_worker_ethdev(const struct sl_worker *w, unsigned port);

/* The pipeline and the accounts, between two turns: lock, look or change, unlock. */
struct sl_pipeline *fake_worker_lock(struct sl_worker *w);
struct sl_account *fake_worker_account(struct sl_worker *w, unsigned service);
void fake_worker_unlock(struct sl_worker *w);

/* Enters a connection into its table, as the relay would. */
struct fake_connection {
	const char *client, *server;
	uint16_t client_port, server_port;
	uint16_t service;
	enum sl_tcp_state state[SL_N_LEGS];
	uint32_t packets[SL_N_LEGS];
	uint32_t bytes[SL_N_LEGS];
};
void fake_worker_connect(struct sl_worker *w, const struct fake_connection *c);
/* Removes all connections from its table. */
void fake_worker_empty(struct sl_worker *w);

/* What sl_port_counters says from now on of the port whose ethdev is `ethdev`, below 8. A port that is
 * started again has an ethdev higher by 2. */
void fake_port_set(uint16_t ethdev, const struct sl_port_counters *counters);

SL_END_DECLS

#endif
