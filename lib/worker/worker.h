/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of this library share, and nobody else sees. */
#ifndef WORKER_H
#define WORKER_H

#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_ring.h>

#include "sl_worker.h"

enum {
	TX_STAGE = 256, /* packets that wait for a port whose queue is full */
	MAILBOX = 64,
};

/* Packets on their way to a port. What it does not take now is offered again the next turn. */
struct tx_stage {
	unsigned n;
	struct rte_mbuf *mbuf[TX_STAGE];
	struct sl_buf buf[TX_STAGE];
};

struct sl_worker {
	/* Written by this worker's thread, every turn; read by others. */
	alignas(SL_CACHE_LINE) uint64_t turns;

	/* Written by others; read by this worker. */
	alignas(SL_CACHE_LINE) uint32_t stop;
	struct rte_ring *mailbox;

	/* This worker's alone. */
	alignas(SL_CACHE_LINE) struct sl_worker_config config;
	struct sl_job *job; /* under way */
	uint64_t idle_turns;
	uint64_t next_tick_us;
	struct sl_account *accounts;
	void *tables;
	struct sl_out out;
	struct sl_pipeline pipeline;
	struct sl_buf burst[SL_BURST];
	struct tx_stage tx[SL_PORTS_MAX];
};

/* traffic.c: between mbufs and descriptors. */
/* Makes sure that spare buffers are there, as far as the pool has any. */
void worker_refill(struct sl_worker *w);
/* Receives one burst from a port and takes it down the road. Returns the packets received. */
unsigned worker_receive(struct sl_worker *w, unsigned port, uint64_t now_us);
/* Puts what a run sent on the stages, and frees what it freed. */
void worker_dispose(struct sl_worker *w);
/* Offers what is staged to the ports: once a turn, so a lone packet never waits for company. */
void worker_flush(struct sl_worker *w);
/* Gives every buffer back that the worker still has. */
void worker_drain(struct sl_worker *w);

#endif
