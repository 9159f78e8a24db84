/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of this library share, and nobody else sees. */
#ifndef WORKER_H
#define WORKER_H

#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_ring.h>

#include "sl_handover.h"
#include "sl_worker.h"

enum {
	TX_STAGE = 256, /* packets that wait for a port whose queue is full */
	MAILBOX = 64,
};

/* Packets on their way to a port. What it does not take now is offered again the next turn. */
struct tx_stage {
	unsigned n;
	struct rte_mbuf *mbuf[TX_STAGE];
};

/* Frames of one burst on their way to another worker. */
struct giving {
	unsigned n;
	struct rte_mbuf *mbuf[SL_BURST];
};

struct sl_worker {
	/* Written by this worker's thread, every turn; read by others. */
	alignas(SL_CACHE_LINE) uint64_t turns;

	/* Written by others; read by this worker. */
	alignas(SL_CACHE_LINE) uint32_t stop;
	struct rte_ring *mailbox;

	/* This worker's alone. */
	alignas(SL_CACHE_LINE) struct sl_worker_config config;
	struct sl_handover *handover; /* NULL: this worker is alone */
	unsigned number;              /* among those that hand over */
	struct sl_job *job;           /* under way */
	uint64_t idle_turns;
	uint64_t next_tick_us;
	struct sl_account *accounts;
	void *tables;
	struct sl_out out;
	struct sl_pipeline pipeline;
	struct sl_buf burst[SL_BURST];
	struct tx_stage tx[SL_PORTS_MAX];
	struct giving giving[SL_WORKERS_MAX];
};

/* Fetches the headers of a packet that the road will read: with options, or IPv6's, two lines. */
static inline void worker_prefetch(const struct sl_buf *buf)
{
	sl_prefetch(buf->data);
	if (buf->len > SL_CACHE_LINE)
		sl_prefetch(buf->data + SL_CACHE_LINE);
}

/* No two threads write to one line, and none reads on the road what another writes there each turn.
 */
static_assert(offsetof(struct sl_worker, turns) == 0 &&
		      offsetof(struct sl_worker, stop) == SL_CACHE_LINE &&
		      offsetof(struct sl_worker, config) == 2 * SL_CACHE_LINE,
	      "written here, written by others, and this worker's alone: lines of their own");
static_assert(sizeof(struct sl_worker) % SL_CACHE_LINE == 0 &&
		      sizeof(struct sl_account) % SL_CACHE_LINE == 0,
	      "whole lines: what lies behind is another's");

/* traffic.c: between mbufs and descriptors. */
/* Makes sure that spare buffers are there, as far as the pool has any. */
void worker_refill(struct sl_worker *w);
/* Receives one burst from a port and takes it down the road. Returns the packets received. */
unsigned worker_receive(struct sl_worker *w, unsigned port, uint64_t now_us);
/* Puts what a run sent on the stages, and frees what it freed. */
void worker_dispose(struct sl_worker *w);
/* Offers what is staged to the ports, and what other workers send by those that this one writes:
 * once a turn, so a lone packet never waits for company. Returns the packets of others. */
unsigned worker_flush(struct sl_worker *w);
/* Gives every buffer back that the worker still has. */
void worker_drain(struct sl_worker *w);

/* handover.c: between workers. */
/* Whether the workers spread what comes, the NICs not. */
bool worker_spreads(const struct sl_worker *w);
/* Gives what nobody here knows the owner of to the next worker. */
void worker_hand_round(struct sl_worker *w);
/* Whether this worker receives from the port, and is the one that writes it. */
bool worker_polls(const struct sl_worker *w, unsigned port);
/* Gives those of the `n` frames of w->burst away that other workers own; the rest move together.
 * Returns how many are left. */
unsigned worker_hand_over(struct sl_worker *w, unsigned n);
/* Takes what others have given down the road. Returns the packets. */
unsigned worker_take(struct sl_worker *w, uint64_t now_us);
/* Gives packets to the worker that writes the port. Returns how many it has room for. */
unsigned worker_pass_on(struct sl_worker *w, unsigned port, struct rte_mbuf **mbufs, unsigned n);
/* Puts what other workers send by this port on its stage, as far as it has room. */
unsigned worker_fetch(struct sl_worker *w, unsigned port);

#endif
