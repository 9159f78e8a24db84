/* SPDX-License-Identifier: BSD-3-Clause */
/* A new plan on its way to the workers. */
#include "sl_reload.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control.h"

enum {
	REARM_SLICE = 4096,   /* connections whose limits are looked at in a turn */
	CHANGES_LOGGED = 100, /* of one reload, a line each */
	ASKED_PER_S = 5,      /* reloads and drains that are logged */
	REASON_LEN = 1024,
	REASON_END_LEN = 80, /* bytes of what end_reasons adds */
};

struct reload_request {
	struct sl_request request;
	sl_reload_fn *done;
	void *arg;
	const struct sl_plan *plan;       /* what the workers take */
	struct sl_plan *ours;             /* it, while nobody has taken it */
	struct sl_plan *old;              /* freed in the end */
	struct sl_config *config;         /* read anew; NULL for a drain */
	struct sl_config *old_config;     /* likewise freed in the end */
	struct sl_config_change *changes; /* n of them */
	unsigned n;
	uint32_t *cursor;             /* by worker: connections that have been looked at */
	unsigned n_reasons, n_unsaid; /* why it needs a restart; of these, not in `error` */
	char error[8 * REASON_LEN];
};

/* Takes the plan, and then looks through the connections: a limit may have become shorter. */
static bool apply(struct control_part *part, struct sl_worker *worker, struct sl_pipeline *p)
{
	struct reload_request *r = sl_container_of(part->request, struct reload_request, request);
	uint32_t *cursor = &r->cursor[part->worker];

	(void)worker;
	if (p->plan != r->plan)
		sl_pipeline_apply(p, r->plan, p->relay.now_us);
	return sl_relay_rearm(&p->relay, cursor, REARM_SLICE);
}

static void answer(struct sl_request *request, const char *error)
{
	struct reload_request *r = sl_container_of(request, struct reload_request, request);

	if (r->error[0] != '\0')
		error = r->error;
	else if (error != NULL && r->plan != NULL && r->ours == NULL)
		sl_log(SL_LOG_WARNING, "a change is on its way to the workers still: %s", error);
	r->done(r->arg, error == NULL ? r->changes : NULL, error == NULL ? r->n : 0, error);
}

static void config_free(struct sl_config *config)
{
	if (config != NULL)
		sl_config_fini(config);
	free(config);
}

static void release(struct sl_request *request)
{
	struct reload_request *r = sl_container_of(request, struct reload_request, request);

	if (request->control != NULL && request->control->reload == request)
		request->control->reload = NULL;
	free(r->old);
	config_free(r->old_config);
	free(r->ours);
	config_free(r->config);
	free(r->changes);
	free(r->cursor);
	free(r->request.parts);
	free(r);
}

/* Another sentence about why not. What there is no room for is counted. */
static void add_reason(struct reload_request *r, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void add_reason(struct reload_request *r, const char *format, ...)
{
	const size_t len = strlen(r->error);
	char reason[REASON_LEN];
	va_list args;

	va_start(args, format);
	vsnprintf(reason, sizeof(reason), format, args);
	va_end(args);
	r->n_reasons++;
	if (len + strlen(reason) + REASON_END_LEN < sizeof(r->error))
		snprintf(r->error + len, sizeof(r->error) - len, "%s%s", len > 0 ? "; " : "",
			 reason);
	else
		r->n_unsaid++;
}

/* What all reasons have in common. */
static void end_reasons(struct reload_request *r)
{
	const size_t len = strlen(r->error);
	char *end = r->error + len;
	size_t left = sizeof(r->error) - len;

	if (r->n_unsaid > 0) {
		const int n = snprintf(end, left, "; and %u more", r->n_unsaid);

		end += n;
		left -= (size_t)n;
	}
	snprintf(end, left, "; %s a restart; nothing has been changed",
		 r->n_reasons == 1 ? "that needs" : "these need");
}

static void collect(void *arg, const struct sl_config_change *change)
{
	struct reload_request *r = arg;
	struct sl_config_change *more;

	if (change->fixed)
		add_reason(r, "%s: was \"%.200s\", is \"%.200s\"", change->path, change->before,
			   change->after);
	more = realloc(r->changes, (r->n + 1) * sizeof(*more));
	if (more == NULL)
		return;
	r->changes = more;
	r->changes[r->n++] = *change;
}

/* Services under whose number connections still stand, at any worker. */
static void find_busy(const struct sl_control *c, bool busy[SL_SERVICES_MAX])
{
	memset(busy, 0, SL_SERVICES_MAX * sizeof(busy[0]));
	for (unsigned w = 0; w < c->config.n_workers; w++)
		for (unsigned s = 1; s <= c->config.plan->services.n; s++) {
			const struct sl_account *a = &sl_worker_accounts(c->config.workers[w])[s];

			for (unsigned st = 0; st < SL_TCP_N_STATES; st++)
				busy[s] |= st != SL_TCP_LISTEN &&
					   sl_counted(&a->state[SL_LEG_CLIENT][st]) != 0;
		}
}

/* A service that responds needs endpoints, and they are made at the start only. A change of their
 * number is for the settings that say it. */
static void check_endpoints(const struct sl_control *c, struct reload_request *r)
{
	if (c->endpoints > 0)
		return;
	for (unsigned i = 0; i < r->config->n_services; i++) {
		const struct sl_config_service *service = &r->config->services[i];

		if (service->mode != SL_MODE_RESPOND)
			continue;
		add_reason(r,
			   "%s:%u: service \"%s\": mode is \"respond\", and there are no endpoints "
			   "for its connections, as no service responded at the start and "
			   "workers.endpoints was 0",
			   service->where.file, service->where.line, service->name);
		return;
	}
}

/* Reads the file and makes its plan; false with r->error set when that is not to be. */
static bool prepare(struct sl_control *c, struct reload_request *r)
{
	struct sl_config_error why;
	bool busy[SL_SERVICES_MAX];

	if (c->config.config == NULL) {
		snprintf(r->error, sizeof(r->error), "there is no configuration to reload");
		return false;
	}
	r->config = calloc(1, sizeof(*r->config));
	if (r->config == NULL) {
		snprintf(r->error, sizeof(r->error), "out of memory");
		return false;
	}
	if (sl_config_load(c->config.config_path, r->config, &why) != 0) {
		sl_config_error_format(&why, r->error, sizeof(r->error));
		return false;
	}
	sl_config_diff(c->config.config, r->config, collect, r);
	check_endpoints(c, r);
	if (r->n_reasons > 0) {
		end_reasons(r);
		return false;
	}
	find_busy(c, busy);
	if (sl_plan_make(r->config, c->config.plan, busy, r->ours) == 0)
		return true;
	snprintf(r->error, sizeof(r->error),
		 "%u services, counting those that are gone and still have connections, are the "
		 "most there can be: restart, or try again when these have ended",
		 SL_SERVICES_MAX - 1);
	return false;
}

/* Hands the plan to the workers. From here it is the one that holds. */
static void hand_over(struct sl_control *c, struct reload_request *r)
{
	r->plan = r->ours;
	r->request.must_run = true;
	control_request_post(c, &r->request);
	if (r->request.error[0] != '\0') /* nobody has it */
		return;
	c->reload = &r->request;
	if (c->plan_is_ours)
		r->old = (struct sl_plan *)(uintptr_t)c->config.plan;
	c->config.plan = r->plan;
	c->plan_is_ours = true;
	r->ours = NULL;
}

static void take_config(struct sl_control *c, struct reload_request *r)
{
	if (r->config == NULL || r->ours != NULL)
		return;
	if (c->config_is_ours)
		r->old_config = (struct sl_config *)(uintptr_t)c->config.config;
	c->config.config = r->config;
	c->config_is_ours = true;
	r->config = NULL;
}

static struct reload_request *request_new(struct sl_control *c, sl_reload_fn *done, void *arg)
{
	struct reload_request *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->request.slice = apply;
	r->request.answer = answer;
	r->request.release = release;
	r->done = done;
	r->arg = arg;
	r->request.parts = calloc(c->config.n_workers, sizeof(*r->request.parts));
	r->cursor = calloc(c->config.n_workers, sizeof(*r->cursor));
	r->ours = calloc(1, sizeof(*r->ours));
	if (r->request.parts != NULL && r->cursor != NULL && r->ours != NULL)
		return r;
	release(&r->request);
	return NULL;
}

static bool under_way(const struct sl_control *c, struct reload_request *r)
{
	if (c->reload == NULL)
		return false;
	snprintf(r->error, sizeof(r->error),
		 "the last change of the plan is still on its way to the workers");
	return true;
}

/* Whether one more may be logged: a client may ask as often as it likes. Those that were not are
 * counted. */
static bool may_log(struct sl_control *c)
{
	if (!sl_bucket_take(&c->asked, control_now_us(), ASKED_PER_S)) {
		c->n_unlogged++;
		return false;
	}
	if (c->n_unlogged > 0)
		sl_log(SL_LOG_WARNING, "%u reloads and drains that were asked for are not logged",
		       c->n_unlogged);
	c->n_unlogged = 0;
	return true;
}

/* What became of a reload, for the log; also when whoever asked has gone meanwhile. */
static void log_reload(struct sl_control *c, const struct reload_request *r, const char *by)
{
	const char *error = r->error[0] != '\0' ? r->error : r->request.error;

	if (!may_log(c))
		return;
	if (error[0] != '\0') {
		sl_log(SL_LOG_WARNING, "reload refused (%s): %s", by, error);
		return;
	}
	for (unsigned i = 0; i < r->n && i < CHANGES_LOGGED; i++)
		sl_log(SL_LOG_NOTICE, "reload: %s: %s -> %s", r->changes[i].path,
		       r->changes[i].before, r->changes[i].after);
	sl_log(SL_LOG_NOTICE, "reloaded (%s): %u change%s", by, r->n, r->n == 1 ? "" : "s");
}

struct sl_request *sl_reload_request(struct sl_control *c, const char *by, sl_reload_fn *done,
				     void *arg)
{
	struct reload_request *r = request_new(c, done, arg);

	if (r == NULL) {
		sl_log(SL_LOG_ERROR, "reload refused (%s): out of memory", by);
		return NULL;
	}
	if (!under_way(c, r) && prepare(c, r)) {
		hand_over(c, r);
		log_reload(c, r, by);
		take_config(c, r);
	} else {
		log_reload(c, r, by);
		control_request_refuse(c, &r->request);
	}
	return &r->request;
}

static void log_drain(struct sl_control *c, const struct reload_request *r, bool drain,
		      const char *by)
{
	const char *error = r->error[0] != '\0' ? r->error : r->request.error;

	if (!may_log(c))
		return;
	if (error[0] != '\0')
		sl_log(SL_LOG_WARNING, "drain refused (%s): %s", by, error);
	else if (drain)
		sl_log(SL_LOG_NOTICE, "draining (%s): new connections pass unproxied", by);
	else
		sl_log(SL_LOG_NOTICE, "draining has ended (%s): new connections are proxied", by);
}

struct sl_request *sl_drain_request(struct sl_control *c, bool drain, const char *by,
				    sl_reload_fn *done, void *arg)
{
	struct reload_request *r = request_new(c, done, arg);

	if (r == NULL)
		return NULL;
	if (under_way(c, r)) {
		log_drain(c, r, drain, by);
		control_request_refuse(c, &r->request);
		return &r->request;
	}
	*r->ours = *c->config.plan;
	for (unsigned s = 1; s <= r->ours->services.n; s++)
		r->ours->services.service[s].reused = false;
	r->ours->draining = drain;
	hand_over(c, r);
	log_drain(c, r, drain, by);
	return &r->request;
}

static void reloaded(void *arg, const struct sl_config_change *changes, unsigned n,
		     const char *error)
{
	(void)changes;
	(void)n;
	(void)error; /* it is in the log */
	control_notify(arg, "READY=1");
}

void control_reload_on_hangup(struct sl_control *c)
{
	char state[64];

	snprintf(state, sizeof(state), "RELOADING=1\nMONOTONIC_USEC=%" PRIu64, control_now_us());
	control_notify(c, state);
	if (sl_reload_request(c, "SIGHUP", reloaded, c) == NULL)
		control_notify(c, "READY=1");
}
