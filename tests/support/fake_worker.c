/* SPDX-License-Identifier: BSD-3-Clause */
#include "fake_worker.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { MAILBOX = 64, PORTS = 8, PACE_US = 100, SPARE_ROOM = 512 };

struct sl_worker {
	struct sl_pipeline pipeline;
	struct sl_out out;
	struct sl_account accounts[SL_SERVICES_MAX];
	void *memory;
	unsigned core;
	pthread_t thread;
	pthread_mutex_t road; /* held during a turn */
	pthread_mutex_t box;
	struct sl_job *jobs[MAILBOX];
	unsigned n_jobs;
	uint64_t turns;
	unsigned pace_us;
	uint16_t ethdev[PORTS];
	unsigned waiting;
	bool end, stopped, stuck, full, busy;
	uint8_t spare[SL_SPARES][SPARE_ROOM];
};

static pthread_mutex_t ports_lock = PTHREAD_MUTEX_INITIALIZER;
static struct sl_port_counters ports[PORTS];

static uint64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * SL_US_PER_S + (uint64_t)ts.tv_nsec / 1000;
}

static bool get(const bool *flag)
{
	return __atomic_load_n(flag, __ATOMIC_ACQUIRE);
}

static void set(bool *flag, bool value)
{
	__atomic_store_n(flag, value, __ATOMIC_RELEASE);
}

/* Whatever was sent is gone; all spare buffers are there again. */
static void refill(struct sl_worker *w)
{
	sl_out_empty(&w->out);
	for (w->out.n_spare = 0; w->out.n_spare < SL_SPARES; w->out.n_spare++)
		w->out.spare[w->out.n_spare] = (struct sl_buf){
			.data = w->spare[w->out.n_spare] + SPARE_ROOM / 4,
			.headroom = SPARE_ROOM / 4,
			.tailroom = SPARE_ROOM * 3 / 4,
		};
}

/* One slice of each job, in the order they came. */
static void run_jobs(struct sl_worker *w)
{
	struct sl_job *jobs[MAILBOX];
	unsigned n, kept = 0;

	pthread_mutex_lock(&w->box);
	n = w->n_jobs;
	memcpy(jobs, w->jobs, n * sizeof(jobs[0]));
	pthread_mutex_unlock(&w->box);
	for (unsigned i = 0; i < n; i++) {
		refill(w);
		if (jobs[i]->step(jobs[i], w, &w->pipeline))
			__atomic_store_n(&jobs[i]->done, 1, __ATOMIC_RELEASE);
		else
			jobs[kept++] = jobs[i];
	}
	pthread_mutex_lock(&w->box);
	for (unsigned i = n; i < w->n_jobs; i++)
		jobs[kept++] = w->jobs[i];
	memcpy(w->jobs, jobs, kept * sizeof(jobs[0]));
	w->n_jobs = kept;
	pthread_mutex_unlock(&w->box);
}

static void turn(struct sl_worker *w)
{
	struct sl_account *a = &w->accounts[1];

	pthread_mutex_lock(&w->road);
	sl_relay_begin(&w->pipeline.relay, now_us());
	if (get(&w->busy)) {
		sl_count(&a->term[SL_TERM_rx], 32);
		sl_count(&a->term[SL_TERM_answered], 20);
		sl_count(&a->drop[SL_DROP_cookie_invalid], 12);
	}
	run_jobs(w);
	pthread_mutex_unlock(&w->road);
	sl_count(&w->turns, 1);
}

static void *loop(void *arg)
{
	struct sl_worker *w = arg;

	while (!get(&w->end)) {
		if (!get(&w->stuck))
			turn(w);
		usleep(__atomic_load_n(&w->pace_us, __ATOMIC_RELAXED));
	}
	return NULL;
}

struct sl_worker *fake_worker_create(unsigned core, const struct sl_pipeline_config *config)
{
	struct sl_worker *w = aligned_alloc(SL_CACHE_LINE, sizeof(*w));
	const size_t size = sl_pipeline_memory_size(config);

	memset(w, 0, sizeof(*w));
	w->memory = aligned_alloc(SL_CACHE_LINE, size);
	memset(w->memory, 0, size);
	w->core = core;
	w->pace_us = PACE_US;
	w->out.accounts = w->accounts;
	pthread_mutex_init(&w->road, NULL);
	pthread_mutex_init(&w->box, NULL);
	if (sl_pipeline_init(&w->pipeline, config, w->memory, &w->out, now_us()) != 0 ||
	    pthread_create(&w->thread, NULL, loop, w) != 0)
		abort();
	return w;
}

void fake_worker_stop(struct sl_worker *w)
{
	if (w->stopped)
		return;
	set(&w->end, true);
	pthread_join(w->thread, NULL);
	w->stopped = true;
}

void fake_worker_destroy(struct sl_worker *w)
{
	fake_worker_stop(w);
	free(w->memory);
	free(w);
}

void fake_worker_set_stuck(struct sl_worker *w, bool stuck)
{
	set(&w->stuck, stuck);
}

void fake_worker_set_full(struct sl_worker *w, bool full)
{
	set(&w->full, full);
}

void fake_worker_set_busy(struct sl_worker *w, bool busy)
{
	set(&w->busy, busy);
}

void fake_worker_set_pace(struct sl_worker *w, unsigned us)
{
	__atomic_store_n(&w->pace_us, us, __ATOMIC_RELAXED);
}

struct sl_pipeline *fake_worker_lock(struct sl_worker *w)
{
	pthread_mutex_lock(&w->road);
	return &w->pipeline;
}

struct sl_account *fake_worker_account(struct sl_worker *w, unsigned service)
{
	return &w->accounts[service];
}

void fake_worker_unlock(struct sl_worker *w)
{
	pthread_mutex_unlock(&w->road);
}

void fake_worker_connect(struct sl_worker *w, const struct fake_connection *c)
{
	struct sl_relay *r = &fake_worker_lock(w)->relay;
	struct sl_flow_key key = {.outside_port = c->client_port, .inside_port = c->server_port};
	struct sl_conn *conn;
	uint32_t index;

	if (sl_addr_parse(&key.outside_addr, c->client) != 0 ||
	    sl_addr_parse(&key.inside_addr, c->server) != 0)
		abort();
	index = sl_flow_insert(&r->flow, &key, sl_flow_hash(&r->flow, &key));
	if (index == SL_FLOW_NONE)
		abort();
	conn = sl_relay_conn(r, index);
	memset((char *)conn + sizeof(key), 0, sizeof(*conn) - sizeof(key));
	conn->flags = SL_CONN_SPLICED | SL_CONN_CLIENT_SENT;
	conn->service = c->service;
	conn->created_ms = conn->last_seen_ms = r->now_ms;
	for (unsigned side = 0; side < SL_N_SIDES; side++) {
		const unsigned leg = side == SL_OUTSIDE ? SL_LEG_CLIENT : SL_LEG_SERVER;

		conn->state[leg] = (uint8_t)c->state[leg];
		conn->end[side].packets = c->packets[leg];
		conn->end[side].seq_max = c->bytes[leg] + 1;
		sl_count(&w->accounts[c->service].state[leg][c->state[leg]], 1);
	}
	r->n_translated += !sl_conn_over(conn);
	fake_worker_unlock(w);
}

void fake_worker_empty(struct sl_worker *w)
{
	struct sl_flow *f = &fake_worker_lock(w)->relay.flow;

	for (uint32_t i = 0; i < sl_flow_capacity(f); i++)
		if (sl_flow_in_use(f, i))
			sl_flow_remove(f, i);
	fake_worker_unlock(w);
}

void fake_port_set(uint16_t ethdev, const struct sl_port_counters *counters)
{
	pthread_mutex_lock(&ports_lock);
	ports[ethdev] = *counters;
	pthread_mutex_unlock(&ports_lock);
}

bool sl_worker_has_room(const struct sl_worker *w)
{
	struct sl_worker *mine = (struct sl_worker *)(uintptr_t)w;
	bool room;

	pthread_mutex_lock(&mine->box);
	room = w->n_jobs < MAILBOX && !get(&w->full);
	pthread_mutex_unlock(&mine->box);
	return room;
}

int sl_worker_post(struct sl_worker *w, struct sl_job *job)
{
	int rc = -ENOBUFS;

	pthread_mutex_lock(&w->box);
	if (w->n_jobs < MAILBOX && !get(&w->full)) {
		w->jobs[w->n_jobs++] = job;
		rc = 0;
	}
	pthread_mutex_unlock(&w->box);
	return rc;
}

void sl_worker_set_ethdev(struct sl_worker *w, unsigned port, uint16_t ethdev)
{
	__atomic_store_n(&w->ethdev[port], ethdev, __ATOMIC_RELAXED);
}

unsigned fake_worker_ethdev(const struct sl_worker *w, unsigned port)
{
	return __atomic_load_n(&w->ethdev[port], __ATOMIC_RELAXED);
}

void fake_worker_set_waiting(struct sl_worker *w, unsigned n)
{
	__atomic_store_n(&w->waiting, n, __ATOMIC_RELAXED);
}

unsigned sl_worker_waiting(const struct sl_worker *w, unsigned port)
{
	(void)port;
	return __atomic_load_n(&w->waiting, __ATOMIC_RELAXED);
}

const struct sl_account *sl_worker_accounts(const struct sl_worker *w)
{
	return w->accounts;
}

uint64_t sl_worker_turns(const struct sl_worker *w)
{
	return sl_counted(&w->turns);
}

unsigned sl_worker_core(const struct sl_worker *w)
{
	return w->core;
}

void sl_port_counters(const struct sl_port *port, struct sl_port_counters *counters)
{
	pthread_mutex_lock(&ports_lock);
	*counters = ports[port->ethdev];
	pthread_mutex_unlock(&ports_lock);
}

int sl_port_restart(struct sl_port *port, char *error, size_t error_len)
{
	if (error_len > 0)
		error[0] = '\0';
	pthread_mutex_lock(&ports_lock);
	ports[port->ethdev + 2] = ports[port->ethdev]; /* it is another device afterwards */
	pthread_mutex_unlock(&ports_lock);
	port->ethdev += 2;
	return 0;
}

int sl_port_set_link(const struct sl_port *port, bool up)
{
	pthread_mutex_lock(&ports_lock);
	ports[port->ethdev].link_up = up;
	pthread_mutex_unlock(&ports_lock);
	return 0;
}
