/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the workers learn of the servers, brought together once a second: each tells what it knows
 * and hears what the others do, so that all promise alike; and what is new is written to the state
 * folder.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control.h"
#include "sl_learned_file.h"

enum { SAVE_TICKS = 60 /* when only the times of confirmation have changed */ };

struct learning_request {
	struct sl_request request;
	struct sl_learned_table *heard;            /* by worker */
	uint64_t (*one_way)[SL_SERVICES_MAX / 64]; /* likewise: servers that are not heard */
};

/* Some microseconds: two passes over 64 KiB. */
static bool exchange(struct control_part *part, struct sl_worker *worker, struct sl_pipeline *p)
{
	struct learning_request *l =
		sl_container_of(part->request, struct learning_request, request);

	(void)worker;
	l->heard[part->worker] = p->relay.learned;
	for (unsigned s = 1; s < SL_SERVICES_MAX; s++)
		l->one_way[part->worker][s / 64] |= (uint64_t)p->relay.service[s].one_way << s % 64;
	/* Control does not write its table while a request is out. */
	sl_learned_merge(&p->relay.learned, &part->request->control->learned);
	return true;
}

static bool differs(const struct sl_learned *a, const struct sl_learned *b)
{
	return a->port != b->port || a->mss != b->mss || a->timestamps != b->timestamps ||
	       !sl_addr_equal(&a->addr, &b->addr);
}

static bool worth_saving(const struct sl_control *c)
{
	if (c->ticks % SAVE_TICKS == 0)
		return memcmp(&c->learned, &c->saved, sizeof(c->saved)) != 0;
	for (unsigned i = 0; i < SL_LEARNED_SLOTS; i++)
		if (differs(&c->learned.slot[i], &c->saved.slot[i]))
			return true;
	return false;
}

static void save(struct sl_control *c)
{
	const struct sl_learned_now now = {
		.unix_s = time(NULL),
		.monotonic_s = (int64_t)(control_now_us() / SL_US_PER_S),
	};
	int rc;

	if (c->config.state_dir == NULL || c->config.state_dir[0] == '\0' || !worth_saving(c))
		return;
	rc = sl_learned_save(c->config.state_dir, &now, &c->learned);
	if (rc != 0 && !c->save_failed)
		sl_log(SL_LOG_ERROR,
		       "what servers grant can't be kept in %s: %s (control.state_dir)",
		       c->config.state_dir, strerror(-rc));
	c->save_failed = rc != 0;
	if (rc == 0)
		c->saved = c->learned;
}

static void answer(struct sl_request *request, const char *error)
{
	(void)request;
	(void)error; /* a worker that stands still is told of elsewhere */
}

static void free_request(struct learning_request *l)
{
	free(l->heard);
	free(l->one_way);
	free(l->request.parts);
	free(l);
}

static void release(struct sl_request *request)
{
	struct learning_request *l = sl_container_of(request, struct learning_request, request);
	struct sl_control *c = request->control;

	if (l->heard != NULL && request->error[0] == '\0') {
		uint64_t one_way[SL_SERVICES_MAX / 64] = {0};

		for (unsigned i = 0; i < c->config.n_workers; i++) {
			sl_learned_merge(&c->learned, &l->heard[i]);
			for (unsigned k = 0; k < SL_SERVICES_MAX / 64; k++)
				one_way[k] |= l->one_way[i][k];
		}
		control_one_way(c, one_way);
		save(c);
	}
	if (c->learning == request)
		c->learning = NULL;
	free_request(l);
}

void control_learn(struct sl_control *c)
{
	struct learning_request *l;

	if (c->learning != NULL)
		return;
	l = calloc(1, sizeof(*l));
	if (l == NULL)
		return;
	l->request.control = c;
	l->request.slice = exchange;
	l->request.answer = answer;
	l->request.release = release;
	l->request.must_run = true;
	l->heard = calloc(c->config.n_workers, sizeof(*l->heard));
	l->request.parts = calloc(c->config.n_workers, sizeof(*l->request.parts));
	l->one_way = calloc(c->config.n_workers, sizeof(*l->one_way));
	if (l->heard == NULL || l->request.parts == NULL || l->one_way == NULL) {
		free_request(l);
		return;
	}
	c->learning = &l->request;
	control_request_post(c, &l->request);
}

void control_learn_init(struct sl_control *c)
{
	if (c->config.learned != NULL)
		c->learned = c->saved = *c->config.learned;
}

int64_t sl_control_age_s(int32_t then_s)
{
	return (int64_t)(control_now_us() / SL_US_PER_S) - then_s;
}

const struct sl_learned_table *sl_control_learned(const struct sl_control *c)
{
	return &c->learned;
}
