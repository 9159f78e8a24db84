/* SPDX-License-Identifier: BSD-3-Clause */
#include "control.h"

#include "sl_config.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

static uint64_t clock_us(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * SL_US_PER_S + (uint64_t)ts.tv_nsec / 1000;
}

uint64_t control_now_us(void)
{
	return clock_us(CLOCK_MONOTONIC);
}

static bool advance(struct sl_job *job, struct sl_worker *worker, struct sl_pipeline *p)
{
	const struct control_clock *clock = sl_container_of(job, struct control_clock, job);
	const uint64_t now_us = p->relay.now_us;

	(void)worker;
	sl_cookie_ring_advance(&p->ring, now_us + clock->offset_us, now_us);
	return true;
}

/* A worker that still has last second's job, or whose mailbox is full, is told the next time. */
static void advance_cookies(struct sl_control *c)
{
	const uint64_t offset_us = clock_us(CLOCK_REALTIME) - control_now_us();

	for (unsigned i = 0; i < c->config.n_workers; i++) {
		struct control_clock *clock = &c->workers[i].clock;

		if (clock->out && !sl_job_done(&clock->job))
			continue;
		clock->job = (struct sl_job){.step = advance};
		clock->offset_us = offset_us;
		clock->out = sl_worker_post(c->config.workers[i], &clock->job) == 0;
	}
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct sl_control *c = arg;

	(void)fd;
	(void)what;
	advance_cookies(c);
	control_learn(c);
	control_follow(c);
	control_episodes(c);
	if (control_watch(c) && control_notify_watchdog())
		control_notify(c, "WATCHDOG=1");
}

static void on_end(evutil_socket_t signal, short what, void *arg)
{
	struct sl_control *c = arg;

	(void)what;
	sl_log(SL_LOG_NOTICE, "%s: ending", signal == SIGTERM ? "SIGTERM" : "SIGINT");
	control_end(c);
}

static void on_hangup(evutil_socket_t signal, short what, void *arg)
{
	(void)signal;
	(void)what;
	control_reload_on_hangup(arg);
}

static void on_stop(evutil_socket_t fd, short what, void *arg)
{
	struct sl_control *c = arg;

	(void)fd;
	(void)what;
	event_base_loopbreak(c->base);
}

static int add_events(struct sl_control *c)
{
	static const struct timeval second = {.tv_usec = TICK_US % 1000000,
					      .tv_sec = TICK_US / 1000000};

	c->sigterm = evsignal_new(c->base, SIGTERM, on_end, c);
	c->sigint = evsignal_new(c->base, SIGINT, on_end, c);
	c->sighup = evsignal_new(c->base, SIGHUP, on_hangup, c);
	c->tick = event_new(c->base, -1, EV_PERSIST, on_tick, c);
	c->stop = event_new(c->base, c->stop_fd, EV_READ | EV_PERSIST, on_stop, c);
	c->poll = event_new(c->base, -1, EV_PERSIST, control_requests_poll, c);
	if (c->sigterm == NULL || c->sigint == NULL || c->sighup == NULL || c->tick == NULL ||
	    c->stop == NULL || c->poll == NULL)
		return -1;
	return event_add(c->sigterm, NULL) | event_add(c->sigint, NULL) |
	       event_add(c->sighup, NULL) | event_add(c->tick, &second) | event_add(c->stop, NULL);
}

struct sl_control *sl_control_create(const struct sl_control_config *config, char *error,
				     size_t error_len)
{
	struct sl_control *c = calloc(1, sizeof(*c));

	assert(config->n_workers > 0 && config->n_ports <= SL_PORTS_MAX);
	if (c == NULL)
		goto no_memory;
	c->config = *config;
	c->endpoints = config->config != NULL ? sl_config_endpoints(config->config) : 0;
	c->created_us = control_now_us();
	control_notify_init(c);
	c->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	c->workers = calloc(config->n_workers, sizeof(*c->workers));
	c->base = event_base_new();
	if (c->stop_fd < 0 || c->workers == NULL || c->base == NULL || add_events(c) != 0)
		goto no_memory;
	/* Who writes to a client that has gone gets EPIPE, not an end of the daemon. */
	signal(SIGPIPE, SIG_IGN);
	/* Other daemons print statistics or open their log again. Here the default would end the
	 * daemon without a word, and without a reset for any connection. */
	signal(SIGUSR1, SIG_IGN);
	signal(SIGUSR2, SIG_IGN);
	control_watch_init(c);
	control_episodes(c);
	control_learn_init(c);
	control_follow_init(c);
	advance_cookies(c);
	return c;
no_memory:
	snprintf(error, error_len,
		 "the control thread can't start: no memory or no file descriptors left "
		 "(ulimit -n)");
	sl_control_destroy(c);
	return NULL;
}

int sl_control_run(struct sl_control *c)
{
	int rc;

	control_notify(c, "READY=1");
	rc = event_base_dispatch(c->base);
	if (c->end_by == NULL)
		control_notify(c, "STOPPING=1");
	return rc < 0 ? -EIO : 0;
}

void sl_control_stop(struct sl_control *c)
{
	const uint64_t one = 1;
	const ssize_t written = write(c->stop_fd, &one, sizeof(one));

	(void)written; /* it fails only when a stop is waiting already */
}

static void event_free_maybe(struct event *e)
{
	if (e != NULL)
		event_free(e);
}

void sl_control_destroy(struct sl_control *c)
{
	if (c == NULL)
		return;
	control_follow_fini(c);
	control_requests_fini(c);
	control_notify_fini(c);
	event_free_maybe(c->sigterm);
	event_free_maybe(c->sigint);
	event_free_maybe(c->sighup);
	event_free_maybe(c->tick);
	event_free_maybe(c->stop);
	event_free_maybe(c->poll);
	event_free_maybe(c->end_by);
	if (c->base != NULL)
		event_base_free(c->base);
	if (c->stop_fd >= 0)
		close(c->stop_fd);
	if (c->plan_is_ours)
		free((void *)(uintptr_t)c->config.plan);
	if (c->config_is_ours) {
		sl_config_fini((struct sl_config *)(uintptr_t)c->config.config);
		free((void *)(uintptr_t)c->config.config);
	}
	free(c->workers);
	free(c);
}

struct event_base *sl_control_base(const struct sl_control *c)
{
	return c->base;
}

const struct sl_control_config *sl_control_setup(const struct sl_control *c)
{
	return &c->config;
}

uint64_t sl_control_uptime_us(const struct sl_control *c)
{
	return control_now_us() - c->created_us;
}

const struct sl_worker_watch *sl_control_worker_watch(const struct sl_control *c, unsigned i)
{
	return &c->workers[i].watch;
}

const struct sl_port_watch *sl_control_port_watch(const struct sl_control *c, unsigned i)
{
	return &c->ports[i].watch;
}
