/* SPDX-License-Identifier: BSD-3-Clause */
#include "sl_handover.h"

#include <stdio.h>

#include <rte_errno.h>
#include <rte_malloc.h>

#include "worker.h"

enum {
	RECEIVED_RING = 2048, /* frames that may wait for a worker that has lost its core for ms */
	LEAVING_RING = RECEIVED_RING, /* what such a worker has been given may all be answered */
	TAKE_BURSTS = 8,              /* of one giver in one turn, at most */
	FETCH_MAX = TX_STAGE / 2,     /* others leave this worker room on its own port's stage */
};

struct sl_handover {
	struct sl_spread spread;
	unsigned n_workers, n_ports;
	bool by_nic;
	struct rte_ring *received[SL_WORKERS_MAX][SL_WORKERS_MAX]; /* from, to */
	struct rte_ring *leaving[SL_WORKERS_MAX][SL_PORTS_MAX];    /* from, by port */
};

static struct rte_ring *ring(const char *kind, unsigned from, unsigned to, unsigned size)
{
	char name[48];

	snprintf(name, sizeof(name), "%s-%u-%u", kind, from, to);
	return rte_ring_create(name, size, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
}

/* Returns false when there is no memory. */
static bool create_rings(struct sl_handover *h)
{
	for (unsigned from = 0; from < h->n_workers; from++) {
		for (unsigned to = 0; to < h->n_workers; to++) {
			if (to == from)
				continue;
			h->received[from][to] = ring("received", from, to, RECEIVED_RING);
			if (h->received[from][to] == NULL)
				return false;
		}
		for (unsigned port = 0; port < h->n_ports && !h->by_nic; port++) {
			if (sl_handover_poller(port, h->n_workers) == from)
				continue;
			h->leaving[from][port] = ring("leaving", from, port, LEAVING_RING);
			if (h->leaving[from][port] == NULL)
				return false;
		}
	}
	return true;
}

struct sl_handover *sl_handover_create(unsigned n_workers, unsigned n_ports, bool by_nic,
				       const uint8_t secret[16], char *error, size_t error_len)
{
	struct sl_handover *h = rte_zmalloc("handover", sizeof(*h), SL_CACHE_LINE);

	assert(n_workers >= 2 && n_workers <= SL_WORKERS_MAX && n_ports <= SL_PORTS_MAX);
	if (h != NULL) {
		h->spread.key = sl_sipkey_from_bytes(secret);
		h->spread.n_workers = h->n_workers = n_workers;
		h->n_ports = n_ports;
		h->by_nic = by_nic;
	}
	if (h == NULL || !create_rings(h)) {
		snprintf(error, error_len,
			 "no memory for the rings between %u workers: %s; raise -m in eal, reserve "
			 "hugepages, or name fewer workers.cores",
			 n_workers, rte_strerror(rte_errno));
		sl_handover_destroy(h);
		return NULL;
	}
	return h;
}

static void free_ring(struct rte_ring *r)
{
	void *mbuf;

	if (r == NULL)
		return;
	while (rte_ring_sc_dequeue(r, &mbuf) == 0)
		rte_pktmbuf_free(mbuf);
	rte_ring_free(r);
}

void sl_handover_destroy(struct sl_handover *h)
{
	if (h == NULL)
		return;
	for (unsigned from = 0; from < h->n_workers; from++) {
		for (unsigned to = 0; to < h->n_workers; to++)
			free_ring(h->received[from][to]);
		for (unsigned port = 0; port < h->n_ports; port++)
			free_ring(h->leaving[from][port]);
	}
	rte_free(h);
}

bool worker_spreads(const struct sl_worker *w)
{
	return w->handover != NULL && !w->handover->by_nic;
}

bool worker_polls(const struct sl_worker *w, unsigned port)
{
	return !worker_spreads(w) || sl_handover_poller(port, w->handover->n_workers) == w->number;
}

/* Puts a frame, which has been booked out, among those that go to another worker, its descriptor
 * with it. */
static void give(struct sl_worker *w, unsigned to, const struct sl_buf *buf)
{
	struct giving *g = &w->giving[to];
	struct sl_buf *travelling = rte_mbuf_to_priv(buf->handle);

	*travelling = *buf;
	travelling->fate = SL_FATE_NONE;
	travelling->origin = SL_ORIGIN_HANDED;
	g->mbuf[g->n++] = buf->handle;
}

static void send_given(struct sl_worker *w, unsigned to)
{
	struct giving *g = &w->giving[to];
	const unsigned sent = rte_ring_sp_enqueue_burst(w->handover->received[w->number][to],
							(void **)g->mbuf, g->n, NULL);

	if (sent < g->n) {
		sl_out_unhanded(&w->out, g->n - sent);
		rte_pktmbuf_free_bulk(&g->mbuf[sent], g->n - sent);
	}
	g->n = 0;
}

unsigned worker_hand_over(struct sl_worker *w, unsigned n)
{
	const struct sl_handover *h = w->handover;
	unsigned kept = 0;

	for (unsigned i = 0; i < n && i < 4; i++)
		sl_prefetch(w->burst[i].data);
	for (unsigned i = 0; i < n; i++) {
		struct sl_buf *buf = &w->burst[i];
		const unsigned link = w->pipeline.port[buf->in_port].link;
		unsigned owner;

		if (i + 4 < n)
			sl_prefetch(w->burst[i + 4].data);
		owner = sl_spread_owner(&h->spread, buf->data, buf->len, link, w->number);
		if (owner == w->number) {
			w->burst[kept++] = *buf;
		} else {
			sl_out_hand(&w->out, buf);
			give(w, owner, buf);
		}
	}
	for (unsigned to = 0; to < h->n_workers; to++)
		if (w->giving[to].n > 0)
			send_given(w, to);
	return kept;
}

void worker_hand_round(struct sl_worker *w)
{
	const unsigned to = (w->number + 1) % w->handover->n_workers;

	for (unsigned i = 0; i < w->out.n_handed; i++)
		give(w, to, &w->out.handed[i]);
	send_given(w, to);
}

/* One burst of what a worker has given to this one. */
static unsigned take_burst(struct sl_worker *w, struct rte_ring *from, uint64_t now_us)
{
	struct rte_mbuf *mbuf[SL_BURST];
	const unsigned n = rte_ring_sc_dequeue_burst(from, (void **)mbuf, SL_BURST, NULL);

	if (n == 0)
		return 0;
	worker_refill(w);
	for (unsigned i = 0; i < n; i++)
		sl_prefetch(rte_mbuf_to_priv(mbuf[i]));
	for (unsigned i = 0; i < n; i++) {
		w->burst[i] = *(struct sl_buf *)rte_mbuf_to_priv(mbuf[i]);
		worker_prefetch(&w->burst[i]);
	}
	sl_pipeline_run(&w->pipeline, w->burst, n, now_us);
	worker_dispose(w);
	return n;
}

unsigned worker_take(struct sl_worker *w, uint64_t now_us)
{
	const struct sl_handover *h = w->handover;
	unsigned taken = 0;

	if (h == NULL)
		return 0;
	for (unsigned from = 0; from < h->n_workers; from++) {
		unsigned n = SL_BURST;

		if (from == w->number)
			continue;
		for (unsigned i = 0; i < TAKE_BURSTS && n == SL_BURST; i++) {
			n = take_burst(w, h->received[from][w->number], now_us);
			taken += n;
		}
	}
	return taken;
}

unsigned worker_pass_on(struct sl_worker *w, unsigned port, struct rte_mbuf **mbufs, unsigned n)
{
	return rte_ring_sp_enqueue_burst(w->handover->leaving[w->number][port], (void **)mbufs, n,
					 NULL);
}

unsigned worker_fetch(struct sl_worker *w, unsigned port)
{
	const struct sl_handover *h = w->handover;
	struct tx_stage *tx = &w->tx[port];
	const unsigned before = tx->n;

	if (!worker_spreads(w) || !worker_polls(w, port))
		return 0;
	for (unsigned from = 0; from < h->n_workers; from++)
		if (from != w->number && tx->n < FETCH_MAX)
			tx->n += rte_ring_sc_dequeue_burst(h->leaving[from][port],
							   (void **)&tx->mbuf[tx->n],
							   FETCH_MAX - tx->n, NULL);
	return tx->n - before;
}

void sl_worker_join(struct sl_worker *w, struct sl_handover *handover, unsigned number)
{
	w->handover = handover;
	w->number = number;
	if (handover->by_nic)
		w->pipeline.n_round = handover->n_workers;
	else
		w->config.queue = 0;
}
