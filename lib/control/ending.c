/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The box ends in order:
 *
 *   1  drain: new connections pass unproxied, or the next step would never come to its end
 *   2  every worker resets both ends of the connections that cannot go on without the box
 *   3  the loop ends, and with it the daemon
 *
 * END_S seconds after the signal the loop ends in any case.
 */
#include "control.h"

#include <stdlib.h>

#include "sl_reload.h"

enum {
	END_S = 5,
	END_SLICE = 4096, /* entries of the table looked at in a turn */
};

/* One worker's walk. */
struct ending_part {
	uint32_t cursor, n_ended;
};

struct ending_request {
	struct sl_request request;
	struct ending_part *walk; /* by worker */
};

static struct ending_request *ending_of(struct sl_request *request)
{
	return sl_container_of(request, struct ending_request, request);
}

static bool walk(struct control_part *part, struct sl_worker *worker, struct sl_pipeline *p)
{
	struct ending_part *w = &ending_of(part->request)->walk[part->worker];

	(void)worker;
	return sl_relay_end(&p->relay, &w->cursor, END_SLICE, &w->n_ended);
}

static void walked(struct sl_request *request, const char *error)
{
	const struct ending_request *e = ending_of(request);
	unsigned long n = 0;

	for (unsigned i = 0; error == NULL && i < request->control->config.n_workers; i++)
		n += e->walk[i].n_ended;
	if (error != NULL)
		sl_log(SL_LOG_WARNING, "not all connections could be reset: %s", error);
	else
		sl_log(SL_LOG_NOTICE, "%lu connection%s reset that cannot go on without the box", n,
		       n == 1 ? "" : "s");
	event_base_loopbreak(request->control->base);
}

static void release(struct sl_request *request)
{
	struct ending_request *e = ending_of(request);

	free(e->walk);
	free(e->request.parts);
	free(e);
}

/* Returns false when there is no memory for it. */
static bool reset_all(struct sl_control *c)
{
	struct ending_request *e = calloc(1, sizeof(*e));

	if (e == NULL)
		return false;
	e->request.slice = walk;
	e->request.answer = walked;
	e->request.release = release;
	e->request.parts = calloc(c->config.n_workers, sizeof(*e->request.parts));
	e->walk = calloc(c->config.n_workers, sizeof(*e->walk));
	if (e->request.parts == NULL || e->walk == NULL) {
		release(&e->request);
		return false;
	}
	control_request_post(c, &e->request);
	return true;
}

/* Connections are reset also when the plan could not be changed: a few may open after the walk. */
static void drained(void *arg, const struct sl_config_change *changes, unsigned n,
		    const char *error)
{
	struct sl_control *c = arg;

	(void)changes;
	(void)n;
	if (error != NULL)
		sl_log(SL_LOG_WARNING, "connections can still open while the box ends: %s", error);
	if (!reset_all(c))
		event_base_loopbreak(c->base);
}

static void too_late(evutil_socket_t fd, short what, void *arg)
{
	struct sl_control *c = arg;

	(void)fd;
	(void)what;
	sl_log(SL_LOG_WARNING, "not all connections were reset within %d s", END_S);
	event_base_loopbreak(c->base);
}

void control_end(struct sl_control *c)
{
	static const struct timeval limit = {.tv_sec = END_S};

	if (c->config.leave && c->end_by == NULL)
		sl_log(SL_LOG_NOTICE, "connections are left as they are (--leave): the next "
				      "sluiced resets the translated ones when it meets them");
	if (c->config.leave || c->end_by != NULL) {
		event_base_loopbreak(c->base);
		return;
	}
	control_notify(c, "STOPPING=1");
	c->end_by = event_new(c->base, -1, 0, too_late, c);
	if (c->end_by == NULL || event_add(c->end_by, &limit) != 0 ||
	    sl_drain_request(c, true, "the end", drained, c) == NULL)
		event_base_loopbreak(c->base);
}
