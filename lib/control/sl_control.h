/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The control thread: one event loop beside the workers. It turns signals into an orderly end,
 * moves the cookies' keys on once a second, watches that the workers turn and what the NICs lose,
 * tells systemd, and asks the workers for what people want to see.
 *
 * Threads. Everything here belongs to the control thread, the one that calls sl_control_run, but
 * for sl_control_stop, which any thread and any signal handler may call. Workers are only ever
 * spoken to through their mailbox.
 * Neighbours: below it worker and port; above it rpc, whose sockets live on the same loop
 * (sl_control_base). sl_snapshot.h and sl_listing.h are what can be asked.
 *
 * Order of calls: start the workers; sl_control_create; whatever else goes onto the loop;
 * sl_control_run; stop the workers; sl_control_destroy.
 */
#ifndef SL_CONTROL_H
#define SL_CONTROL_H

#include "sl_port.h"
#include "sl_plan.h"
#include "sl_worker.h"

SL_BEGIN_DECLS

struct event_base;
struct sl_control;

struct sl_config;

/**
 * What there is to control. All of it is read-only, and outlives the control thread; a reload puts
 * a plan and a configuration of its own in the place of those given here.
 */
struct sl_control_config {
	struct sl_worker *const *workers;
	unsigned n_workers;
	struct sl_port *ports;       /**< by port number */
	unsigned n_ports;            /**< at most SL_PORTS_MAX */
	const struct sl_plan *plan;
	const struct sl_config *config; /**< that runs; NULL: it can't be reloaded */
	const char *config_path;        /**< its file */
	const char *state_dir;          /**< where what was learned is kept; NULL or "": nowhere */
	const struct sl_learned_table *learned; /**< what the workers began with, or NULL */
	const char *dpdk_version;               /**< likewise: rte_version() */
	bool leave; /**< SIGTERM resets no connection: for a restart at once */
};

/** What is known of a worker from looking at it once a second. */
struct sl_worker_watch {
	uint64_t turns;       /**< at the last look */
	uint64_t turns_per_s; /**< in the second before it */
	uint64_t times_stuck; /**< how often it has stood still for more than 2 s */
	bool stuck;           /**< it does so now */
	uint64_t lately;      /**< packets that it has dealt with in the last 10 s */
	bool skewed;          /**< of all workers' packets, far more than its share */
	uint64_t times_skewed;
	uint64_t lately_evicted; /**< connections that made room for others in the last 10 s */
};

/** What is known of a port from looking at it once a second. */
struct sl_port_watch {
	struct sl_port_counters now; /**< at the last look */
	/** What was lost in the last 10 s: packets. */
	uint64_t lately_missed, lately_nombuf, lately_errors;
	bool silent;         /**< it does not send what it is given */
	uint64_t restarts;   /**< how often it was started again for that */
	bool taken_down;     /**< by us, since its link's other port has lost its link */
	uint64_t times_lost; /**< how often its link has gone down, also by us */
};

/**
 * Makes the control thread's loop, and looks at workers and ports for the first time.
 * Returns NULL with a sentence in `error` (error_len bytes): what was lacking.
 */
struct sl_control *sl_control_create(const struct sl_control_config *config, char *error,
				     size_t error_len);

/**
 * Runs the loop until SIGTERM, SIGINT or sl_control_stop. After the signals it first resets the
 * connections that cannot go on without the box, unless they are to be left; that takes 5 s at
 * most, and a second signal ends the loop at once. Tells systemd when it begins and when it ends;
 * with a watchdog set (WatchdogSec=), also each second in which every worker has turned. Returns 0,
 * or -EIO when the loop failed.
 */
int sl_control_run(struct sl_control *c);

/** Ends sl_control_run, also one that has yet to begin. Any thread, any signal handler. */
void sl_control_stop(struct sl_control *c);

/**
 * Frees it, and the requests that no worker has answered: the workers must have stopped, and what
 * lives on the loop must be gone. NULL is fine.
 */
void sl_control_destroy(struct sl_control *c);

/** The loop, for what else lives on the control thread. */
struct event_base *sl_control_base(const struct sl_control *c);

/** What it was made with. */
const struct sl_control_config *sl_control_setup(const struct sl_control *c);

/** Microseconds since it was made. */
uint64_t sl_control_uptime_us(const struct sl_control *c);

/** The last look at worker `i`, below n_workers. */
const struct sl_worker_watch *sl_control_worker_watch(const struct sl_control *c, unsigned i);

/** The last look at port `i`, below n_ports. */
const struct sl_port_watch *sl_control_port_watch(const struct sl_control *c, unsigned i);

/** Whether in the last 10 s there were more strays of service number `service` than its servers are
 * shown while strays are adopted. */
bool sl_control_strays_rationed(const struct sl_control *c, unsigned service);

/** What is known of servers, of all workers together, at most about a second old. */
const struct sl_learned_table *sl_control_learned(const struct sl_control *c);

/** Seconds since a moment of the workers' clock (sl_learned.confirmed_s). */
int64_t sl_control_age_s(int32_t then_s);

/** Something asked of all workers, whose answer is to come. */
struct sl_request;

/**
 * Whoever asked is gone: the request's callback is not called any more. The memory that workers
 * still write stays until they are done. Not to be called once the callback was.
 */
void sl_request_cancel(struct sl_request *request);

SL_END_DECLS

#endif
