/* SPDX-License-Identifier: BSD-3-Clause */
#include "sl_snapshot.h"

#include <stdlib.h>
#include <string.h>

#include "control.h"

struct snapshot_request {
	struct sl_request request;
	struct sl_snapshot snapshot;
	sl_snapshot_fn *done;
	void *arg;
};

static void copy_endpoints(struct sl_snapshot_worker *view, const struct sl_endpoints *e)
{
	view->n_endpoints = e->n;
	if (e->n == 0)
		return;
	view->endpoints_used = e->n - e->n_free;
	for (unsigned state = 0; state < SL_TCP_N_STATES; state++)
		if (state != SL_TCP_CLOSED && state != SL_TCP_TIME_WAIT)
			view->responding += (uint32_t)e->tcp.states[state];
	view->n_stream_buffers = e->tcp.pool.n_blocks;
	view->stream_buffers_used = e->tcp.pool.n_blocks - e->tcp.pool.n_free;
}

/* All at once: a few hundred nanoseconds a service, and one moment for all of it. */
static bool copy(struct control_part *part, struct sl_worker *worker, struct sl_pipeline *p)
{
	struct snapshot_request *s =
		sl_container_of(part->request, struct snapshot_request, request);
	struct sl_snapshot_worker *view = &s->snapshot.worker[part->worker];

	memcpy(view->accounts, sl_worker_accounts(worker),
	       s->snapshot.n_accounts * sizeof(*view->accounts));
	view->connections = sl_flow_count(&p->relay.flow);
	view->passed = sl_relay_n_passed(&p->relay);
	for (unsigned i = 1; i < s->snapshot.n_accounts; i++)
		view->one_way[i / 64] |= (uint64_t)p->relay.service[i].one_way << i % 64;
	view->translated = p->relay.n_translated;
	for (unsigned i = 0; i < SL_N_STOCKS; i++)
		view->is_short[i] = p->relay.pressure.of[i].level != SL_PRESSURE_NONE;
	copy_endpoints(view, &p->relay.endpoints);
	view->capacity = sl_flow_capacity(&p->relay.flow);
	return true;
}

static void answer(struct sl_request *request, const char *error)
{
	struct snapshot_request *s = sl_container_of(request, struct snapshot_request, request);

	s->done(s->arg, error == NULL ? &s->snapshot : NULL, error);
}

static void release(struct sl_request *request)
{
	struct snapshot_request *s = sl_container_of(request, struct snapshot_request, request);

	if (s->snapshot.worker != NULL)
		for (unsigned i = 0; i < s->snapshot.n_workers; i++)
			free(s->snapshot.worker[i].accounts);
	free(s->snapshot.worker);
	free(request->parts);
	free(s);
}

static bool allocate(struct snapshot_request *s)
{
	struct sl_snapshot *snapshot = &s->snapshot;

	s->request.parts = calloc(snapshot->n_workers, sizeof(*s->request.parts));
	snapshot->worker = calloc(snapshot->n_workers, sizeof(*snapshot->worker));
	if (s->request.parts == NULL || snapshot->worker == NULL)
		return false;
	for (unsigned i = 0; i < snapshot->n_workers; i++) {
		snapshot->worker[i].accounts = aligned_alloc(
			SL_CACHE_LINE, snapshot->n_accounts * sizeof(struct sl_account));
		if (snapshot->worker[i].accounts == NULL)
			return false;
	}
	return true;
}

struct sl_request *sl_snapshot_request(struct sl_control *c, sl_snapshot_fn *done, void *arg)
{
	struct snapshot_request *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->request.slice = copy;
	s->request.answer = answer;
	s->request.release = release;
	s->snapshot.n_workers = c->config.n_workers;
	s->snapshot.n_accounts = c->config.plan->services.n + 1u;
	s->done = done;
	s->arg = arg;
	if (!allocate(s)) {
		release(&s->request);
		return NULL;
	}
	control_request_post(c, &s->request);
	return &s->request;
}

void sl_snapshot_sum(const struct sl_snapshot *snapshot, int worker, int service,
		     struct sl_account *sum)
{
	const unsigned w_lo = worker < 0 ? 0 : (unsigned)worker;
	const unsigned w_hi = worker < 0 ? snapshot->n_workers : w_lo + 1;
	const unsigned s_lo = service < 0 ? 0 : (unsigned)service;
	const unsigned s_hi = service < 0 ? snapshot->n_accounts : s_lo + 1;
	uint64_t listen[SL_N_LEGS] = {0};

	memset(sum, 0, sizeof(*sum));
	for (unsigned w = w_lo; w < w_hi; w++)
		for (unsigned s = s_lo; s < s_hi; s++)
			sl_account_add(sum, &snapshot->worker[w].accounts[s]);
	for (unsigned s = s_lo; s < s_hi; s++)
		for (unsigned leg = 0; leg < SL_N_LEGS; leg++)
			listen[leg] += snapshot->worker[w_lo].accounts[s].state[leg][SL_TCP_LISTEN];
	for (unsigned leg = 0; leg < SL_N_LEGS; leg++)
		sum->state[leg][SL_TCP_LISTEN] = listen[leg];
}
