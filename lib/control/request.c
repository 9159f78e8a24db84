/* SPDX-License-Identifier: BSD-3-Clause */
/* Questions to all workers at once, answered when the last is done, or when one gets nowhere. */
#include "control.h"

#include <stdio.h>
#include <stdlib.h>

static bool step(struct sl_job *job, struct sl_worker *worker, struct sl_pipeline *p)
{
	struct control_part *part = sl_container_of(job, struct control_part, job);
	struct sl_request *request = part->request;

	if (!request->must_run && __atomic_load_n(&request->cancelled, __ATOMIC_RELAXED))
		return true;
	__atomic_store_n(&part->progress, part->progress + 1, __ATOMIC_RELAXED);
	return request->slice(part, worker, p);
}

static void put_on_list(struct sl_control *c, struct sl_request *request)
{
	static const struct timeval poll = {.tv_usec = POLL_US};

	request->control = c;
	request->moved_us = control_now_us();
	if (c->requests == NULL)
		event_add(c->poll, &poll);
	request->next = c->requests;
	c->requests = request;
}

void control_request_post(struct sl_control *c, struct sl_request *request)
{
	/* All workers or none: who posts here is alone in it, so room that is there stays. */
	for (unsigned i = 0; i < c->config.n_workers; i++) {
		if (sl_worker_has_room(c->config.workers[i]))
			continue;
		snprintf(request->error, sizeof(request->error),
			 "the mailbox of the worker on core %u is full",
			 sl_worker_core(c->config.workers[i]));
		control_request_refuse(c, request);
		return;
	}
	for (unsigned i = 0; i < c->config.n_workers; i++) {
		struct control_part *part = &request->parts[i];

		part->job.step = step;
		part->request = request;
		part->worker = i;
		if (sl_worker_post(c->config.workers[i], &part->job) != 0)
			abort();
	}
	put_on_list(c, request);
}

void control_request_refuse(struct sl_control *c, struct sl_request *request)
{
	if (request->error[0] == '\0')
		snprintf(request->error, sizeof(request->error), "refused");
	for (unsigned i = 0; i < c->config.n_workers; i++)
		request->parts[i].job.done = 1; /* nobody has it */
	put_on_list(c, request);
}

/* The number of the first worker that is not done, or n_workers. */
static unsigned first_outstanding(const struct sl_request *request)
{
	const unsigned n = request->control->config.n_workers;
	unsigned i = 0;

	while (i < n && sl_job_done(&request->parts[i].job))
		i++;
	return i;
}

static bool gets_nowhere(struct sl_request *request)
{
	const uint64_t now_us = control_now_us();
	uint32_t progress = 0;

	for (unsigned i = 0; i < request->control->config.n_workers; i++)
		progress += __atomic_load_n(&request->parts[i].progress, __ATOMIC_RELAXED);
	if (progress != request->progress) {
		request->progress = progress;
		request->moved_us = now_us;
	}
	return now_us - request->moved_us > STUCK_US;
}

static void answer(struct sl_request *request, const char *error)
{
	request->answered = true;
	if (error != NULL) /* what is still out is of no use to anybody */
		__atomic_store_n(&request->cancelled, 1, __ATOMIC_RELAXED);
	request->answer(request, error);
}

/* Returns whether it is over, and no worker has anything to do with it any more. */
static bool poll_one(struct sl_request *request)
{
	const struct sl_control_config *config = &request->control->config;
	const unsigned outstanding = first_outstanding(request);

	if (request->error[0] != '\0' && !request->answered)
		answer(request, request->error);
	if (outstanding == config->n_workers) {
		if (!request->answered)
			answer(request, NULL);
		return true;
	}
	if (!request->answered && gets_nowhere(request)) {
		snprintf(request->error, sizeof(request->error),
			 "the worker on core %u has not answered for 2 s",
			 sl_worker_core(config->workers[outstanding]));
		answer(request, request->error);
	}
	return false;
}

void control_requests_poll(evutil_socket_t fd, short what, void *arg)
{
	struct sl_control *c = arg;
	struct sl_request *request = c->requests, *out = NULL, *over = NULL, *next;
	struct sl_request **tail = &out;

	(void)fd;
	(void)what;
	/* An answer may bring the next question: new requests go onto an empty list. */
	c->requests = NULL;
	for (; request != NULL; request = next) {
		next = request->next;
		if (poll_one(request)) {
			request->next = over;
			over = request;
		} else {
			*tail = request;
			tail = &request->next;
		}
	}
	*tail = c->requests;
	c->requests = out;
	for (; over != NULL; over = next) {
		next = over->next;
		over->release(over);
	}
	if (c->requests == NULL)
		event_del(c->poll);
}

void sl_request_cancel(struct sl_request *request)
{
	assert(!request->answered);
	request->answered = true;
	__atomic_store_n(&request->cancelled, 1, __ATOMIC_RELAXED);
}

void control_requests_fini(struct sl_control *c)
{
	struct sl_request *next;

	for (struct sl_request *r = c->requests; r != NULL; r = next) {
		next = r->next;
		r->release(r);
	}
	c->requests = NULL;
}
