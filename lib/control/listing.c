/* SPDX-License-Identifier: BSD-3-Clause */
#include "sl_listing.h"

#include <stdlib.h>

#include "control.h"

enum {
	SLICE_INDICES = 8192, /* entries looked at in a turn of a worker's loop */
	SLICE_USED = 256,     /* of these, entries that were in use and had to be read */
};

/* One worker's finds. */
struct listing_part {
	struct sl_listing_row *rows; /* room for limit of them */
	uint32_t n;
	uint32_t next; /* index in the table from which to go on */
};

struct listing_request {
	struct sl_request request;
	struct sl_listing_filter filter;
	struct listing_part *found; /* by worker */
	sl_listing_fn *done;
	void *arg;
};

static bool end_fits(const struct sl_listing_end *end, const struct sl_addr *addr, uint16_t port)
{
	return (end->port == 0 || end->port == port) &&
	       sl_addr_in_prefix(addr, &end->net, end->prefix_len);
}

static bool fits(const struct sl_listing_filter *f, const struct sl_conn_info *info)
{
	if (f->by_state && info->state[SL_LEG_CLIENT] != f->state &&
	    info->state[SL_LEG_SERVER] != f->state)
		return false;
	if (f->service != SL_SERVICE_NONE && f->service != info->service)
		return false;
	return end_fits(&f->client, &info->client, info->client_port) &&
	       end_fits(&f->server, &info->server, info->server_port);
}

static bool walk(struct control_part *part, struct sl_worker *worker, struct sl_pipeline *p)
{
	struct listing_request *l = sl_container_of(part->request, struct listing_request, request);
	struct listing_part *found = &l->found[part->worker];
	const uint32_t capacity = sl_flow_capacity(&p->relay.flow);
	const uint32_t end = sl_min_u32(capacity, found->next + SLICE_INDICES);
	unsigned used = 0;

	(void)worker;
	for (; found->next < end && used < SLICE_USED; found->next++) {
		struct sl_listing_row *row = &found->rows[found->n];

		if (!sl_relay_info(&p->relay, found->next, &row->info))
			continue;
		used++;
		if (!fits(&l->filter, &row->info))
			continue;
		row->worker = part->worker;
		if (++found->n == l->filter.limit)
			return true;
	}
	return found->next == capacity;
}

static void answer(struct sl_request *request, const char *error)
{
	struct listing_request *l = sl_container_of(request, struct listing_request, request);
	struct listing_part *all = &l->found[0];

	if (error != NULL) {
		l->done(l->arg, NULL, 0, error);
		return;
	}
	for (unsigned w = 1; w < request->control->config.n_workers; w++)
		for (uint32_t i = 0; i < l->found[w].n && all->n < l->filter.limit; i++)
			all->rows[all->n++] = l->found[w].rows[i];
	l->done(l->arg, all->rows, all->n, NULL);
}

static void free_all(struct listing_request *l, unsigned n_workers)
{
	if (l->found != NULL)
		for (unsigned i = 0; i < n_workers; i++)
			free(l->found[i].rows);
	free(l->found);
	free(l->request.parts);
	free(l);
}

static void release(struct sl_request *request)
{
	free_all(sl_container_of(request, struct listing_request, request),
		 request->control->config.n_workers);
}

static bool allocate(struct listing_request *l, unsigned n_workers)
{
	l->request.parts = calloc(n_workers, sizeof(*l->request.parts));
	l->found = calloc(n_workers, sizeof(*l->found));
	if (l->request.parts == NULL || l->found == NULL)
		return false;
	for (unsigned i = 0; i < n_workers; i++) {
		l->found[i].rows = calloc(l->filter.limit, sizeof(*l->found[i].rows));
		if (l->found[i].rows == NULL)
			return false;
	}
	return true;
}

struct sl_request *sl_listing_request(struct sl_control *c, const struct sl_listing_filter *filter,
				      sl_listing_fn *done, void *arg)
{
	struct listing_request *l = calloc(1, sizeof(*l));

	assert(filter->limit >= 1 && filter->limit <= SL_LISTING_LIMIT_MAX);
	if (l == NULL)
		return NULL;
	l->request.slice = walk;
	l->request.answer = answer;
	l->request.release = release;
	l->filter = *filter;
	l->done = done;
	l->arg = arg;
	if (!allocate(l, c->config.n_workers)) {
		free_all(l, c->config.n_workers);
		return NULL;
	}
	control_request_post(c, &l->request);
	return &l->request;
}
