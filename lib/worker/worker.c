/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker.h"

#include <errno.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <time.h>

#include <rte_errno.h>
#include <rte_launch.h>
#include <rte_malloc.h>

enum {
	BUSY_TURNS = 256, /* empty turns before the first sleep: a gap in traffic, not its end */
};

/* One read of the clock a turn; on Linux it is no system call. */
static uint64_t clock_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * SL_US_PER_S + (uint64_t)ts.tv_nsec / 1000;
}

static void tick(struct sl_worker *w, uint64_t now_us)
{
	if (now_us < w->next_tick_us && !sl_pipeline_has_work(&w->pipeline))
		return;
	w->next_tick_us = now_us + SL_RELAY_TICK_US / 4;
	worker_refill(w);
	sl_pipeline_tick(&w->pipeline, now_us);
	worker_dispose(w);
}

static void mailbox(struct sl_worker *w, uint64_t now_us)
{
	if (w->job == NULL && rte_ring_sc_dequeue(w->mailbox, (void **)&w->job) != 0)
		return;
	worker_refill(w); /* a job may send segments */
	sl_relay_begin(&w->pipeline.relay, now_us);
	if (w->job->step(w->job, w, &w->pipeline)) {
		__atomic_store_n(&w->job->done, 1, __ATOMIC_RELEASE);
		w->job = NULL;
	}
	worker_dispose(w);
}

/* Sleeps when nothing has come for a while: 1/8 of the longest sleep at first, doubled. */
static void rest(struct sl_worker *w, unsigned received)
{
	const uint64_t longest = w->config.idle_sleep_us;
	struct timespec ts = {0};
	uint64_t us;

	if (received > 0 || w->job != NULL || sl_pipeline_has_work(&w->pipeline)) {
		w->idle_turns = 0;
		return;
	}
	w->idle_turns++;
	if (longest == 0 || w->idle_turns < BUSY_TURNS)
		return;
	us = w->idle_turns < BUSY_TURNS + 3 ? longest >> (BUSY_TURNS + 3 - w->idle_turns) : longest;
	ts.tv_nsec = (long)us * 1000;
	nanosleep(&ts, NULL);
}

unsigned sl_worker_turn(struct sl_worker *w, uint64_t now_us)
{
	unsigned received = 0;

	for (unsigned port = 0; port < w->config.n_ports; port++)
		if (worker_polls(w, port))
			received += worker_receive(w, port, now_us);
	received += worker_take(w, now_us);
	tick(w, now_us);
	mailbox(w, now_us);
	received += worker_flush(w);
	__atomic_store_n(&w->turns, w->turns + 1, __ATOMIC_RELAXED);
	return received;
}

static int loop(void *arg)
{
	struct sl_worker *w = arg;

	prctl(PR_SET_TIMERSLACK, 1000UL); /* else a sleep of 100 us is one of 150 */
	while (__atomic_load_n(&w->stop, __ATOMIC_RELAXED) == 0)
		rest(w, sl_worker_turn(w, clock_us()));
	return 0;
}

static int set_up(struct sl_worker *w, const struct sl_worker_config *config, char *error,
		  size_t error_len)
{
	const size_t tables = sl_pipeline_memory_size(&config->pipeline);
	const size_t accounts = SL_SERVICES_MAX * sizeof(*w->accounts);
	char name[32];

	w->config = *config;
	w->accounts = rte_zmalloc_socket("accounts", accounts, SL_CACHE_LINE, config->socket_id);
	if (tables > 0)
		w->tables = rte_zmalloc_socket("tables", tables, SL_CACHE_LINE, config->socket_id);
	if (w->accounts == NULL || w->tables == NULL) {
		snprintf(
			error, error_len,
			"a worker needs %zu MiB in one piece for %u connections, and there is not "
			"so much: raise -m in eal, reserve hugepages, or lower workers.connections",
			(tables + accounts) >> 20, config->pipeline.n_connections);
		return -1;
	}
	snprintf(name, sizeof(name), "mailbox-%u", config->lcore);
	w->mailbox =
		rte_ring_create(name, MAILBOX, config->socket_id, RING_F_SP_ENQ | RING_F_SC_DEQ);
	if (w->mailbox == NULL) {
		snprintf(error, error_len, "no mailbox for a worker: %s", rte_strerror(rte_errno));
		return -1;
	}
	w->out.accounts = w->accounts;
	if (sl_pipeline_init(&w->pipeline, &config->pipeline, w->tables, &w->out, clock_us()) !=
	    0) {
		snprintf(error, error_len, "workers.connections = %u is out of range",
			 config->pipeline.n_connections);
		return -1;
	}
	return 0;
}

struct sl_worker *sl_worker_create(const struct sl_worker_config *config, char *error,
				   size_t error_len)
{
	struct sl_worker *w =
		rte_zmalloc_socket("worker", sizeof(*w), SL_CACHE_LINE, config->socket_id);

	if (w == NULL) {
		snprintf(error, error_len,
			 "no memory for a worker (%zu KiB): raise -m in eal or reserve hugepages",
			 sizeof(*w) >> 10);
		return NULL;
	}
	if (set_up(w, config, error, error_len) != 0) {
		sl_worker_destroy(w);
		return NULL;
	}
	return w;
}

int sl_worker_start(struct sl_worker *w)
{
	return rte_eal_remote_launch(loop, w, w->config.lcore);
}

void sl_worker_stop(struct sl_worker *w)
{
	__atomic_store_n(&w->stop, 1, __ATOMIC_RELAXED);
	rte_eal_wait_lcore(w->config.lcore);
}

void sl_worker_destroy(struct sl_worker *w)
{
	if (w == NULL)
		return;
	worker_drain(w);
	rte_ring_free(w->mailbox);
	rte_free(w->tables);
	rte_free(w->accounts);
	rte_free(w);
}

bool sl_worker_has_room(const struct sl_worker *w)
{
	return rte_ring_free_count(w->mailbox) > 0;
}

int sl_worker_post(struct sl_worker *w, struct sl_job *job)
{
	job->done = 0;
	return rte_ring_sp_enqueue(w->mailbox, job) == 0 ? 0 : -ENOBUFS;
}

void sl_worker_set_ethdev(struct sl_worker *w, unsigned port, uint16_t ethdev)
{
	w->config.ethdev[port] = ethdev;
}

unsigned sl_worker_waiting(const struct sl_worker *w, unsigned port)
{
	return __atomic_load_n(&w->tx[port].n, __ATOMIC_RELAXED);
}

const struct sl_account *sl_worker_accounts(const struct sl_worker *w)
{
	return w->accounts;
}

uint64_t sl_worker_turns(const struct sl_worker *w)
{
	return __atomic_load_n(&w->turns, __ATOMIC_RELAXED);
}

unsigned sl_worker_core(const struct sl_worker *w)
{
	return w->config.core;
}
