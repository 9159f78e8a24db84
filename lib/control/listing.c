/* SPDX-License-Identifier: BSD-3-Clause */
#include "sl_listing.h"

#include <stdlib.h>
#include <string.h>

#include "control.h"

enum {
	SLICE_INDICES = 8192, /* entries looked at in a turn of a worker's loop */
	SLICE_USED = 256,     /* of these, entries that were in use and had to be read */
};

/* One worker's finds. */
struct listing_part {
	struct sl_listing_row *rows; /* room for limit of them */
	uint32_t n;
	uint32_t next;  /* index in the table from which to go on */
	uint64_t total; /* that fit */
	bool more;      /* one fits for which there was no room */
};

struct listing_request {
	struct sl_request request;
	struct sl_listing_filter filter;
	bool all;                   /* every connection fits: the table knows how many there are */
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

static bool fits_all(const struct sl_listing_filter *f)
{
	static const struct sl_listing_end any;

	return !f->by_state && f->service == SL_SERVICE_NONE &&
	       memcmp(&f->client, &any, sizeof(any)) == 0 &&
	       memcmp(&f->server, &any, sizeof(any)) == 0;
}

/* One that fits. It is a row if it lies where the listing goes on and there is room. */
static void find(const struct listing_request *l, struct listing_part *found, unsigned worker,
		 const struct sl_conn_info *info)
{
	found->total++;
	if (found->next < l->filter.from[worker])
		return;
	if (found->n == l->filter.limit) {
		found->more = true;
		return;
	}
	found->rows[found->n++] =
		(struct sl_listing_row){.worker = worker, .index = found->next, .info = *info};
}

static bool walk(struct control_part *part, struct sl_worker *worker, struct sl_pipeline *p)
{
	struct listing_request *l = sl_container_of(part->request, struct listing_request, request);
	struct listing_part *found = &l->found[part->worker];
	const uint32_t capacity = sl_flow_capacity(&p->relay.flow);
	struct sl_conn_info info;
	uint32_t end;

	(void)worker;
	if (l->all && found->next < l->filter.from[part->worker])
		found->next = sl_min_u32(capacity, l->filter.from[part->worker]);
	end = sl_min_u32(capacity, found->next + SLICE_INDICES);
	for (unsigned used = 0; found->next < end && used < SLICE_USED; found->next++) {
		if (!sl_relay_info(&p->relay, found->next, &info))
			continue;
		used++;
		if (fits(&l->filter, &info))
			find(l, found, part->worker, &info);
		if (l->all && found->more)
			break;
	}
	if (l->all)
		found->total = sl_flow_count(&p->relay.flow);
	return found->next == capacity || (l->all && found->more);
}

/* How many rows of each worker are taken: one of each in turn, as long as there are any. */
static void share_out(const struct listing_request *l, unsigned n_workers,
		      uint32_t share[SL_LISTING_WORKERS_MAX])
{
	uint32_t left = l->filter.limit;
	bool any = true;

	while (any && left > 0) {
		any = false;
		for (unsigned w = 0; w < n_workers && left > 0; w++) {
			if (share[w] == l->found[w].n)
				continue;
			share[w]++;
			left--;
			any = true;
		}
	}
}

/* Brings the shares of all workers together in the rows of the first. */
static void join(struct listing_request *l, unsigned n_workers, struct sl_listing *listing)
{
	struct sl_listing_row *rows = l->found[0].rows;
	uint32_t share[SL_LISTING_WORKERS_MAX] = {0};

	share_out(l, n_workers, share);
	for (unsigned w = 0; w < n_workers; w++) {
		const struct listing_part *found = &l->found[w];

		listing->total += found->total;
		listing->more |= found->more || share[w] < found->n;
		listing->next[w] = l->filter.from[w];
		if (share[w] > 0)
			listing->next[w] = found->rows[share[w] - 1].index + 1;
		if (share[w] == found->n && !found->more)
			listing->next[w] = UINT32_MAX;
	}
	listing->n = share[0];
	for (unsigned w = 1; w < n_workers; w++)
		for (uint32_t i = 0; i < share[w]; i++)
			rows[listing->n++] = l->found[w].rows[i];
	listing->rows = rows;
}

static void answer(struct sl_request *request, const char *error)
{
	struct listing_request *l = sl_container_of(request, struct listing_request, request);
	struct sl_listing listing = {0};

	if (error == NULL)
		join(l, request->control->config.n_workers, &listing);
	l->done(l->arg, error == NULL ? &listing : NULL, error);
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
	assert(c->config.n_workers <= SL_LISTING_WORKERS_MAX);
	if (l == NULL)
		return NULL;
	l->request.slice = walk;
	l->request.answer = answer;
	l->request.release = release;
	l->filter = *filter;
	l->all = fits_all(filter);
	l->done = done;
	l->arg = arg;
	if (!allocate(l, c->config.n_workers)) {
		free_all(l, c->config.n_workers);
		return NULL;
	}
	control_request_post(c, &l->request);
	return &l->request;
}
