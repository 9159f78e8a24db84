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
		/* Headers with timestamps are longer than a line. Their stores would wait for it,
		 * and all that follow with them. */
		sl_prefetch_write(buf->data);
		sl_prefetch_write(buf->data + SL_CACHE_LINE);
	}
}

static enum sl_cksum_state cksum_state(uint64_t flags, uint64_t mask, uint64_t good, uint64_t bad)
{
	if ((flags & mask) == good)
		return SL_CKSUM_GOOD;
	return (flags & mask) == bad ? SL_CKSUM_BAD : SL_CKSUM_UNKNOWN;
}

static void describe_any(struct sl_buf *buf, struct rte_mbuf *m, uint8_t port)
{
	const uint64_t flags = m->ol_flags;
	const uint16_t off = m->data_off, len = m->data_len;

	*buf = (struct sl_buf){
		.data = (uint8_t *)m->buf_addr + off,
		.handle = m,
		.len = len,
		.headroom = off,
		.tailroom = (uint16_t)(m->buf_len - off - len),
		.in_port = port,
	};
	buf->ip_cksum = cksum_state(flags, RTE_MBUF_F_RX_IP_CKSUM_MASK, RTE_MBUF_F_RX_IP_CKSUM_GOOD,
				    RTE_MBUF_F_RX_IP_CKSUM_BAD);
	buf->tcp_cksum = cksum_state(flags, RTE_MBUF_F_RX_L4_CKSUM_MASK,
				     RTE_MBUF_F_RX_L4_CKSUM_GOOD, RTE_MBUF_F_RX_L4_CKSUM_BAD);
}

/*
 * What nearly all mbufs of a NIC are: in one piece, no VLAN tag beside the frame, checksums
 * verified. Returns false for any other.
 */
static inline bool describe(struct sl_buf *buf, struct rte_mbuf *m, uint8_t port)
{
	const uint64_t good = RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD;
	const uint64_t known = RTE_MBUF_F_RX_IP_CKSUM_MASK | RTE_MBUF_F_RX_L4_CKSUM_MASK |
			       RTE_MBUF_F_RX_VLAN_STRIPPED;
	const uint16_t off = m->data_off, len = m->data_len;

	if (sl_unlikely((m->ol_flags & known) != good || m->nb_segs != 1))
		return false;
	buf->data = (uint8_t *)m->buf_addr + off;
	buf->handle = m;
	buf->len = len;
	buf->headroom = off;
	buf->tailroom = (uint16_t)(m->buf_len - off - len);
	buf->in_port = port;
	sl_buf_begin_good(buf);
	return true;
}

/*
 * Makes an mbuf what the road expects: one piece, its VLAN tag in the frame. Returns false for one
 * that can't be; the road sees frames whole or not at all.
 */
static bool normalise(struct rte_mbuf **m)
{
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
	const uint16_t ethdev = w->config.ethdev[port];
	struct rte_mbuf *mbuf[SL_BURST];
	struct sl_buf *buf = w->burst;
	unsigned n, fit;

	if (sl_unlikely(ethdev == SL_NO_ETHDEV))
		return 0;
	n = rte_eth_rx_burst(ethdev, w->config.queue, mbuf, SL_BURST);
	if (n == 0)
		return 0;
	worker_refill(w);
#pragma GCC unroll 8
	for (unsigned i = 0; i < n; i++)
		sl_prefetch(mbuf[i]);
	for (unsigned i = 0; i < n; i++) {
		if (sl_unlikely(!describe(buf, mbuf[i], (uint8_t)port))) {
			const bool whole = normalise(&mbuf[i]);

			describe_any(buf, mbuf[i], (uint8_t)port);
			if (!whole) {
				refuse(w, buf);
				continue;
			}
		}
		worker_prefetch(buf++);
	}
	fit = (unsigned)(buf - w->burst);
	if (worker_spreads(w))
		fit = worker_hand_over(w, fit);
	sl_pipeline_run(&w->pipeline, w->burst, fit, now_us);
	worker_dispose(w);
	return n;
}

static void send_stage(struct sl_worker *w, unsigned port)
{
	const uint16_t ethdev = w->config.ethdev[port];
	struct tx_stage *tx = &w->tx[port];
	unsigned sent = 0, left;

	if (!worker_polls(w, port))
		sent = worker_pass_on(w, port, tx->mbuf, tx->n);
	else if (sl_likely(ethdev != SL_NO_ETHDEV))
		sent = rte_eth_tx_burst(ethdev, w->config.queue, tx->mbuf, (uint16_t)tx->n);
	left = tx->n - sent;
	if (sent > 0 && left > 0)
		memmove(tx->mbuf, tx->mbuf + sent, left * sizeof(tx->mbuf[0]));
	tx->n = left;
}

/* The mbuf of what is sent, as the road has left it. */
static inline struct rte_mbuf *finish(const struct sl_buf *buf)
{
	const uint64_t tag = RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED;
	struct rte_mbuf *m = buf->handle;

	m->data_off = (uint16_t)(buf->data - (uint8_t *)m->buf_addr); /* it may have grown */
	m->data_len = buf->len;
	m->pkt_len = buf->len;
	if (sl_unlikely(m->ol_flags & tag))
		m->ol_flags &= ~tag;
	return m;
}

/* Makes room on a stage for `n` more. Returns how many there is room for. */
static unsigned make_room(struct sl_worker *w, unsigned port, unsigned n)
{
	struct tx_stage *tx = &w->tx[port];

	if (tx->n + n > TX_STAGE)
		send_stage(w, port);
	return sl_min_u32(n, TX_STAGE - tx->n);
}

/* Puts `n` packets that go out by one port on its stage. */
static void stage(struct sl_worker *w, struct sl_buf *const *bufs, unsigned n)
{
	const unsigned port = bufs[0]->out_port;
	const unsigned fit = make_room(w, port, n);
	struct tx_stage *tx = &w->tx[port];
	struct rte_mbuf **next = &tx->mbuf[tx->n];

	for (unsigned i = 0; i < fit; i++)
		next[i] = finish(bufs[i]);
	tx->n += fit;
	for (unsigned i = fit; i < n; i++) {
		sl_out_unsent(&w->out, bufs[i]);
		rte_pktmbuf_free(bufs[i]->handle);
	}
}

/* What is not of the moment waits while a port has more than a burst to take yet. */
static void note_full(struct sl_worker *w, unsigned port)
{
	const uint32_t bit = 1u << port;

	static_assert(SL_PORTS_MAX <= 32, "a bit a port");
	if (sl_unlikely(w->tx[port].n > TX_STAGE / 2))
		w->out.full |= bit;
	else
		w->out.full &= ~bit;
}

void worker_dispose(struct sl_worker *w)
{
	struct sl_out *out = &w->out;

	for (unsigned i = 0; i < out->n_sent;) {
		const unsigned first = i, end = sl_min_u32(out->n_sent, first + SL_BURST);
		const uint8_t port = out->sent[first]->out_port;

		while (++i < end && out->sent[i]->out_port == port)
			;
		stage(w, &out->sent[first], i - first);
	}
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
		note_full(w, port);
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
