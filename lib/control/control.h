/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of this library share, and nobody else sees. */
#ifndef CONTROL_H
#define CONTROL_H

#include <event2/event.h>

#include "sl_bucket.h"
#include "sl_control.h"
#include "sl_log.h"

enum {
	TICK_US = 1000000, /* one look at everything */
	SILENT_LOOKS = 3,  /* a port that sent nothing at so many is started again */
	RESTART_PAUSE = 8, /* ticks until the second time; then doubled */
	RESTART_PAUSE_MAX = 512,
	STUCK_US = 2000000,      /* a worker that has not turned for so long is stuck */
	POLL_US = 1000,          /* between looks at jobs that are out */
	SKEW_LEAST = 50000,      /* packets of all workers in that time */
	LATELY_TICKS = 10,       /* ticks that "lately" covers */
	REQUEST_ERROR_LEN = 128, /* bytes of a request's error */
};

enum { CONTROL_WORKER_EPISODES = 2, CONTROL_PORT_EPISODES = 3 };

enum control_service_episode {
	EPISODE_SYN_FLOOD,
	EPISODE_FORGED,
	EPISODE_ADOPTION,
	EPISODE_RESET_AFTER_RESTART,
	EPISODE_RATIONED,
	CONTROL_SERVICE_EPISODES
};

/* Something that goes on for a while, told by a counter: episode.c. */
struct control_episode {
	bool known, on;
	uint64_t last;        /* the counter at the last look */
	uint64_t total, peak; /* counted since it began, and in one second */
	unsigned ticks, calm; /* seconds since it began; the last of them, in which little was */
};

/* One worker's share of a request. It lies in the request's memory. */
struct control_part {
	struct sl_job job;
	struct sl_request *request;
	unsigned worker;
	uint32_t progress; /* counted up by the worker whenever it has done a slice */
};

/*
 * A request: one job for each worker. It begins on the control's list and leaves it when no worker
 * has anything to do with its memory any more; the answer may have been given earlier (a stuck
 * worker), or never (cancelled).
 */
struct sl_request {
	struct sl_request *next;
	struct sl_control *control;
	struct control_part *parts; /* n_workers of them */
	/* A slice of one worker's share, on the worker's thread: true when it is done. */
	bool (*slice)(struct control_part *part, struct sl_worker *worker, struct sl_pipeline *p);
	/* Answers whoever asked; error is NULL when all parts are done. */
	void (*answer)(struct sl_request *request, const char *error);
	void (*release)(struct sl_request *request); /* frees what it holds, and it */
	bool answered;
	bool must_run;      /* every worker does its part, whatever became of whoever asked */
	uint32_t cancelled; /* read by the workers */
	uint32_t progress;  /* of all parts at the last look */
	uint64_t moved_us;  /* when it was last seen to change */
	char error[REQUEST_ERROR_LEN]; /* "" unless it could not be posted */
};

/* The cookies' clock, told to one worker. */
struct control_clock {
	struct sl_job job;
	uint64_t offset_us; /* CLOCK_REALTIME - CLOCK_MONOTONIC */
	bool out;           /* posted, and not known to be done */
};

struct control_worker {
	struct sl_worker_watch watch;
	uint64_t moved_us; /* when it was last seen to turn */
	struct control_clock clock;
	uint64_t past[LATELY_TICKS];         /* packets dealt with, at earlier looks */
	uint64_t past_evicted[LATELY_TICKS]; /* likewise: connections that made room */
	struct control_episode episode[CONTROL_WORKER_EPISODES];
};

struct control_port {
	struct sl_port_watch watch;
	struct sl_port_counters past[LATELY_TICKS]; /* a ring of earlier looks */
	struct control_episode episode[CONTROL_PORT_EPISODES];
	struct sl_frame_limit told;                 /* to the workers */
	bool telling, restarting;                   /* a request about it is out */
	uint64_t sent_first; /* at the first look: a count that never moves says nothing */
	unsigned still;      /* looks at which nothing was sent of what there was */
	uint64_t pause;      /* ticks between one start again and the next */
	uint64_t next_at;    /* tick before which it is not started again */
};

struct control_service {
	struct control_episode episode[CONTROL_SERVICE_EPISODES];
	bool one_way;          /* its servers are not heard */
	uint64_t one_way_tick; /* since when */
};

struct sl_control {
	struct sl_control_config config;
	struct event_base *base;
	struct event *sigterm, *sigint, *sighup, *tick, *stop, *poll;
	int stop_fd;   /* eventfd */
	int notify_fd; /* to the service manager, or -1 */
	uint64_t created_us;
	uint64_t ticks;
	struct sl_request *reload;              /* under way, or NULL */
	struct sl_bucket asked;                 /* reloads and drains, for the log */
	unsigned n_unlogged;                    /* that it did not let pass */
	struct sl_request *learning;            /* under way, or NULL */
	struct sl_learned_table learned, saved; /* of all workers; as it was last written */
	bool save_failed;                       /* and was told of */
	bool plan_is_ours, config_is_ours;      /* of a reload: to be freed */
	uint32_t endpoints;                     /* that a worker has had since the start */
	struct sl_request *requests;
	struct event *end_by; /* while the box is ending: no longer than until then */
	struct control_worker *workers;
	struct control_port ports[SL_PORTS_MAX];
	struct control_service services[SL_SERVICES_MAX]; /* by number */
};

/* control.c */
uint64_t control_now_us(void);

/* watch.c: the first look, and that of each second. Returns whether every worker has turned. */
void control_watch_init(struct sl_control *c);
bool control_watch(struct sl_control *c);

/* episode.c: what goes on for a while is logged when it begins and when it has ended. One look. */
void control_episodes(struct sl_control *c);
/* The services whose servers are not heard by a worker, bit by number. */
void control_one_way(struct sl_control *c, const uint64_t on[SL_SERVICES_MAX / 64]);
/* Connections that made room. */
uint64_t control_evicted(const struct sl_account *a);

/* request.c */
/* Posts the parts of a request, whose functions and memory are set up. */
void control_request_post(struct sl_control *c, struct sl_request *request);
/* Answers a request that is not posted, with an error of its own, from the loop. */
void control_request_refuse(struct sl_control *c, struct sl_request *request);
/* Looks at what is out. Called by a timer while there is anything. */
void control_requests_poll(evutil_socket_t fd, short what, void *arg);
/* Frees all requests; no worker runs. */
void control_requests_fini(struct sl_control *c);

/* port.c: what a port can send, told to the workers; and whether it does. `before`: the look before
 * the one in its watch. */
void control_port_look(struct sl_control *c, unsigned i, const struct sl_port_counters *before);

/* follow.c: links whose ports follow each other. */
void control_follow_init(struct sl_control *c);
void control_follow(struct sl_control *c);
void control_follow_fini(struct sl_control *c);

/* learning.c: brings together what the workers know of servers. */
void control_learn_init(struct sl_control *c);
void control_learn(struct sl_control *c);

/* reload.c: SIGHUP. */
void control_reload_on_hangup(struct sl_control *c);

/* ending.c: SIGTERM. */
void control_end(struct sl_control *c);

/* notify.c: the protocol of sd_notify(3). Does nothing where nobody listens. The socket is opened
 * at the start: a watchdog must be fed when no descriptor is left, too. */
void control_notify_init(struct sl_control *c);
void control_notify_fini(struct sl_control *c);
void control_notify(const struct sl_control *c, const char *state);
/* Whether systemd waits for a sign of life from this process. */
bool control_notify_watchdog(void);

#endif
