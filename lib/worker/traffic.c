/* SPDX-License-Identifier: BSD-3-Clause */
/* Between mbufs and descriptors: receiving, sending, spare buffers. */
#include "worker.h"

void worker_refill(struct sl_worker *w)
{
	struct sl_out *out = &w->out;
	struct rte_mbuf *mbuf[SL_SPARES];
	unsigned want = SL_SPARES - out->n_spare;

	if (want == 0)
		return;
	if (rte_pktmbuf_alloc_bulk(w->config.pool, mbuf, want) != 0) {
		/* A nearly empty pool: what it still has serves better than nothing. */
		want = 0;
		while (want < SL_SPARES - out->n_spare &&
		       (mbuf[want] = rte_pktmbuf_alloc(w->config.pool)) != NULL)
			want++;
	}
	for (unsigned i = 0; i < want; i++) {
		struct sl_buf *buf = &out->spare[out->n_spare++];

		*buf = (struct sl_buf){
			.data = rte_pktmbuf_mtod(mbuf[i], uint8_t *),
			.handle = mbuf[i],
			.headroom = rte_pktmbuf_headroom(mbuf[i]),
			.tailroom = rte_pktmbuf_tailroom(mbuf[i]),
		};
	}
}

static enum sl_cksum_state cksum_state(uint64_t flags, uint64_t mask, uint64_t good, uint64_t bad)
{
	if ((flags & mask) == good)
		return SL_CKSUM_GOOD;
	return (flags & mask) == bad ? SL_CKSUM_BAD : SL_CKSUM_UNKNOWN;
}

static inline void describe(struct sl_buf *buf, struct rte_mbuf *m, uint8_t port)
{
	const uint64_t masks = RTE_MBUF_F_RX_IP_CKSUM_MASK | RTE_MBUF_F_RX_L4_CKSUM_MASK;
	const uint64_t both = RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD;
	const uint64_t flags = m->ol_flags;
	const uint16_t off = m->data_off, len = m->data_len;

	*buf = (struct sl_buf){
		.data = (uint8_t *)m->buf_addr + off,
		.handle = m,
		.len = len,
		.headroom = off,
		.tailroom = (uint16_t)(m->buf_len - off - len),
		.in_port = port,
		.ip_cksum = SL_CKSUM_GOOD,
		.tcp_cksum = SL_CKSUM_GOOD,
	};
	if (sl_likely((flags & masks) == both))
		return;
	buf->ip_cksum = cksum_state(flags, RTE_MBUF_F_RX_IP_CKSUM_MASK, RTE_MBUF_F_RX_IP_CKSUM_GOOD,
				    RTE_MBUF_F_RX_IP_CKSUM_BAD);
	buf->tcp_cksum = cksum_state(flags, RTE_MBUF_F_RX_L4_CKSUM_MASK,
				     RTE_MBUF_F_RX_L4_CKSUM_GOOD, RTE_MBUF_F_RX_L4_CKSUM_BAD);
}

/*
 * Makes an mbuf what the road expects: one piece, its VLAN tag in the frame. Returns false for one
 * that can't be; the road sees frames whole or not at all.
 */
static inline bool normalise(struct rte_mbuf **m)
{
	if (sl_likely(!((*m)->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED) && (*m)->nb_segs == 1))
		return true;
	if ((*m)->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED && rte_vlan_insert(m) != 0)
		return false;
	return (*m)->nb_segs == 1 || rte_pktmbuf_linearize(*m) == 0;
}

/* Its place in the burst is another's afterwards. */
static void refuse(struct sl_worker *w, struct sl_buf *buf)
{
	sl_out_drop(&w->out, buf, SL_DROP_frame_too_long);
	sl_out_settle(&w->out, buf, 1);
}

unsigned worker_receive(struct sl_worker *w, unsigned port, uint64_t now_us)
{
	struct rte_mbuf *mbuf[SL_BURST];
	const unsigned n =
		rte_eth_rx_burst(w->config.ethdev[port], w->config.queue, mbuf, SL_BURST);
	unsigned fit = 0;

	if (n == 0)
		return 0;
	worker_refill(w);
	for (unsigned i = 0; i < n; i++)
		sl_prefetch(mbuf[i]);
	for (unsigned i = 0; i < n; i++) {
		const bool whole = normalise(&mbuf[i]);

		describe(&w->burst[fit], mbuf[i], (uint8_t)port);
		worker_prefetch(&w->burst[fit]);
		if (whole)
			fit++;
		else
			refuse(w, &w->burst[fit]);
	}
	if (worker_spreads(w))
		fit = worker_hand_over(w, fit);
	sl_pipeline_run(&w->pipeline, w->burst, fit, now_us);
	worker_dispose(w);
	return n;
}

static void send_stage(struct sl_worker *w, unsigned port)
{
	struct tx_stage *tx = &w->tx[port];
	const unsigned sent = worker_polls(w, port)
				      ? rte_eth_tx_burst(w->config.ethdev[port], w->config.queue,
							 tx->mbuf, (uint16_t)tx->n)
				      : worker_pass_on(w, port, tx->mbuf, tx->n);
	const unsigned left = tx->n - sent;

	if (sent > 0 && left > 0)
		memmove(tx->mbuf, tx->mbuf + sent, left * sizeof(tx->mbuf[0]));
	tx->n = left;
}

static void stage(struct sl_worker *w, const struct sl_buf *buf)
{
	struct tx_stage *tx = &w->tx[buf->out_port];
	struct rte_mbuf *m = buf->handle;

	if (tx->n == TX_STAGE)
		send_stage(w, buf->out_port);
	if (tx->n == TX_STAGE) {
		sl_out_unsent(&w->out, buf);
		rte_pktmbuf_free(m);
		return;
	}
	m->data_off = (uint16_t)(buf->data - (uint8_t *)m->buf_addr); /* it may have grown */
	m->data_len = buf->len;
	m->pkt_len = buf->len;
	m->ol_flags &= ~(uint64_t)(RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED);
	tx->mbuf[tx->n++] = m;
}

void worker_dispose(struct sl_worker *w)
{
	struct sl_out *out = &w->out;

	for (unsigned i = 0; i < out->n_sent; i++)
		stage(w, out->sent[i]);
	if (out->n_freed > 0)
		rte_pktmbuf_free_bulk((struct rte_mbuf **)out->freed, out->n_freed);
	if (sl_unlikely(out->n_handed > 0))
		worker_hand_round(w);
	sl_out_empty(out);
}

unsigned worker_flush(struct sl_worker *w)
{
	unsigned others = 0;

	for (unsigned port = 0; port < w->config.n_ports; port++) {
		others += worker_fetch(w, port);
		if (w->tx[port].n > 0)
			send_stage(w, port);
	}
	return others;
}

void worker_drain(struct sl_worker *w)
{
	for (unsigned port = 0; port < w->config.n_ports; port++) {
		rte_pktmbuf_free_bulk(w->tx[port].mbuf, w->tx[port].n);
		w->tx[port].n = 0;
	}
	while (w->out.n_spare > 0)
		rte_pktmbuf_free(w->out.spare[--w->out.n_spare].handle);
}
