/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A worker: one core, one loop, its own queues, table and books.
 *
 *   a turn: for each port: rx burst -> sl_pipeline_run -> tx;  tick;  mailbox;  sleep if idle
 *
 * Where the NICs spread, a worker has a queue of each port. Where they can't, it has the ports that
 * are dealt to it, and frames change workers (sl_handover.h).
 *
 * Threads. The worker's thread alone touches its pipeline and writes its accounts. Other threads
 * talk to it through the mailbox, a ring of jobs that it runs between two bursts. Nothing on the
 * loop locks, allocates or logs.
 * Neighbours: port (queues), pipeline (the road), control (which posts jobs).
 */
#ifndef SL_WORKER_H
#define SL_WORKER_H

#include "sl_pipeline.h"

SL_BEGIN_DECLS

struct rte_mempool;
struct sl_handover;
struct sl_worker;

/**
 * Work for a worker, in the memory of whoever posts it, which stays valid until it is done. The
 * worker calls `step` once a turn, between two bursts, until it returns true: whatever walks a
 * table does a slice a call. `step` may read and write the pipeline as the worker itself does, and
 * send as many segments as there are spare buffers; p->relay.now_us is the time.
 */
struct sl_job {
	bool (*step)(struct sl_job *job, struct sl_worker *worker, struct sl_pipeline *p);
	uint32_t done; /**< written by the worker, at last; read it with sl_job_done */
};

/** Whether the worker is done with `job`, and everything that it wrote can be seen. */
static inline bool sl_job_done(const struct sl_job *job)
{
	return __atomic_load_n(&job->done, __ATOMIC_ACQUIRE) != 0;
}

/** Private bytes that the mbufs of `pool` and of the ports' pools must have (rte_mempool's
 * priv_size): in them a descriptor travels between workers. A whole line, so that a frame begins
 * with one. */
enum { SL_WORKER_PRIV_BYTES = SL_CACHE_LINE };
static_assert(sizeof(struct sl_buf) <= SL_WORKER_PRIV_BYTES, "a descriptor fits");

struct sl_worker_config {
	unsigned lcore;         /**< EAL's number of its thread */
	unsigned core;          /**< the core that it runs on, as the configuration says */
	uint32_t idle_sleep_us; /**< longest sleep when nothing comes; 0 polls always */
	struct sl_pipeline_config pipeline;
	struct rte_mempool *pool; /**< for segments of its own making */
	unsigned n_ports;
	/** DPDK's port ids by our port numbers (struct sl_link's); queue 0.. is the worker's own.
	 */
	uint16_t ethdev[SL_PORTS_MAX];
	uint16_t queue;
	int socket_id; /**< NUMA node for its memory */
};

/**
 * Creates a worker with all the memory it will ever use. Returns NULL with a sentence in `error`
 * (error_len bytes): what was lacking, and how to mend it.
 */
struct sl_worker *sl_worker_create(const struct sl_worker_config *config, char *error,
				   size_t error_len);

/**
 * Lets it work with others, as number `number` of them: by hand-over from queue 0 of the ports that
 * are its own, or, where the NICs spread, from its queue of each. Before it is started.
 */
void sl_worker_join(struct sl_worker *w, struct sl_handover *handover, unsigned number);

/**
 * One turn of the loop, on the calling thread, at the monotonic time `now_us`: for measuring the
 * road by a clock of one's own. Not beside sl_worker_start. Returns the packets received.
 */
unsigned sl_worker_turn(struct sl_worker *w, uint64_t now_us);

/** Starts the loop on its lcore (rte_eal_remote_launch). Returns 0 or -errno. */
int sl_worker_start(struct sl_worker *w);

/** Asks the loop to end and waits until it has. */
void sl_worker_stop(struct sl_worker *w);

/** Frees a worker that does not run, and the packets that it still has. NULL is fine. */
void sl_worker_destroy(struct sl_worker *w);

/** Whether the mailbox takes a job now. From the control thread: it is alone in posting. */
bool sl_worker_has_room(const struct sl_worker *w);

/** Posts a job, from the control thread only. Returns 0, or -ENOBUFS when the mailbox is full. */
int sl_worker_post(struct sl_worker *w, struct sl_job *job);

/** No device: a port that has this for its ethdev is neither polled nor written. */
enum { SL_NO_ETHDEV = UINT16_MAX };

/** The device behind port `port`, from now on; what waits for it stays. In a job. */
void sl_worker_set_ethdev(struct sl_worker *w, unsigned port, uint16_t ethdev);

/** How many packets wait for port `port` to take them. Any thread; the number is in flux. */
unsigned sl_worker_waiting(const struct sl_worker *w, unsigned port);

/** The accounts, SL_SERVICES_MAX of them, by service number. Exact in a job; elsewhere in flux. */
const struct sl_account *sl_worker_accounts(const struct sl_worker *w);

/** Turns of the loop so far: a worker whose number stands still is stuck. Any thread. */
uint64_t sl_worker_turns(const struct sl_worker *w);

/** The core it runs on, as the configuration says. */
unsigned sl_worker_core(const struct sl_worker *w);

SL_END_DECLS

#endif
