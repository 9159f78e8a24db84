/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ICMP errors about segments of a connection. They go to the sender of what they quote, the quote
 * turned back into what it sent, so that path MTU discovery works through the box; and never change
 * anything here: they are easily forged, and soft besides (RFC 5927, RFC 1122 section 4.2.3.9).
 *
 * And one of our own: a client that was promised a larger MSS than its server turned out to have is
 * told so, lest it depend on routers whose errors are filtered.
 */
#include "endpoint.h"

/*
 * Whether the end on side `from` may have sent `seq` (inside numbering) lately: RFC 5927 section
 * 4.1, loosened downward by a window, since an end whose peer's ACK was lost after it passed here
 * sends again what the box knows as acknowledged.
 */
static bool fits(const struct sl_conn *conn, enum sl_side from, uint32_t seq)
{
	const uint32_t una = conn->end[sl_side_other(from)].ack;

	return sl_seq_between(seq, una - relay_span(conn, from), conn->end[from].seq_max);
}

/* The window field that the end on side `from` sent, of what relay_window made of it: what the
 * rescaling dropped is lost. */
static uint16_t window_back(const struct sl_conn *conn, enum sl_side from, uint16_t wnd)
{
	uint64_t back = wnd;

	if (from == SL_OUTSIDE) {
		if (conn->wscale_inside == SL_NO_WSCALE && conn->wscale_outside != SL_NO_WSCALE)
			back >>= conn->wscale_outside;
	} else {
		if (conn->wscale_promised != SL_NO_WSCALE)
			back <<= conn->wscale_promised;
		if (conn->wscale_inside != SL_NO_WSCALE)
			back >>= conn->wscale_inside;
	}
	return back > 0xffff ? 0xffff : (uint16_t)back;
}

/* What the client sent, of what went to the server. */
static void back_to_outside(const struct sl_conn *conn, struct sl_rewrite *rw, unsigned len)
{
	const struct sl_seg *seg = rw->seg;

	if (len >= 12 && seg->flags & SL_ACK)
		sl_rewrite_ack(rw, seg->ack + conn->seq_delta);
	if (seg->sack_off != 0)
		sl_rewrite_sack_shift(rw, conn->seq_delta);
	if (seg->ts_off != 0 && conn->flags & SL_CONN_TIMESTAMPS && seg->flags & SL_ACK)
		sl_rewrite_tsecr(rw, seg->tsecr + conn->ts_delta);
}

/* What the server sent, of what went to the client. */
static void back_to_inside(const struct sl_conn *conn, struct sl_rewrite *rw)
{
	const struct sl_seg *seg = rw->seg;

	sl_rewrite_seq(rw, seg->seq - conn->seq_delta);
	if (seg->ts_off != 0 && conn->flags & SL_CONN_TIMESTAMPS)
		sl_rewrite_tsval(rw, seg->tsval - conn->ts_delta);
}

static void translate_back(const struct sl_conn *conn, enum sl_side from, struct sl_buf *buf,
			   struct sl_quote *quote)
{
	struct sl_rewrite rw = sl_rewrite_begin(buf->data, &quote->seg);

	if (from == SL_OUTSIDE)
		back_to_outside(conn, &rw, quote->tcp_len);
	else
		back_to_inside(conn, &rw);
	if (quote->tcp_len >= 16 && !(quote->seg.flags & (SL_SYN | SL_RST)))
		sl_rewrite_wnd(&rw, window_back(conn, from, quote->seg.wnd));
	sl_rewrite_end_quote(&rw, buf->data, quote);
	/* What the server sends is so much longer behind the box. */
	if (from == SL_INSIDE && sl_conn_ts_ours(conn))
		sl_rewrite_quote_mtu(buf->data, quote, SL_TIMESTAMPS_BYTES);
}

/*
 * While the server has not answered, all that has gone to either end is of the box's own making:
 * our SYN, our SYN-ACK and its ACKs. A SYN that a router could not deliver is sent again, as one
 * that was lost.
 */
static void opening_error(struct sl_relay *r, const struct sl_conn *conn, enum sl_side from,
			  struct sl_buf *buf, const struct sl_seg *quoted)
{
	if (!sl_seq_between(quoted->seq, conn->end[from].isn, conn->end[from].seq_max)) {
		sl_out_drop(r->out, buf, SL_DROP_icmp_mismatch);
		return;
	}
	relay_count(r, conn, SL_EVENT_icmp_soft);
	sl_out_deliver(r->out, buf);
}

void sl_relay_icmp(struct sl_relay *r, uint32_t index, enum sl_side side, struct sl_buf *buf,
		   struct sl_quote *quote)
{
	struct sl_conn *conn = sl_relay_conn(r, index);
	const enum sl_side from = sl_side_other(side);
	const bool spliced = conn->flags & SL_CONN_SPLICED;
	uint32_t seq = quote->seg.seq;

	buf->account = conn->service;
	if (sl_conn_closed(conn) || !quote->to_sender) {
		sl_out_drop(r->out, buf, SL_DROP_icmp_mismatch);
		return;
	}
	if (conn->ours) {
		relay_endpoint_icmp(r, conn, buf, quote);
		return;
	}
	if (conn->flags & SL_CONN_OPENING) {
		opening_error(r, conn, from, buf, &quote->seg);
		return;
	}
	if (from == SL_INSIDE)
		seq -= conn->seq_delta;
	if (!fits(conn, from, seq)) {
		sl_out_drop(r->out, buf, SL_DROP_icmp_mismatch);
		return;
	}
	if (spliced)
		translate_back(conn, from, buf, quote);
	sl_out_relay(r->out, buf, relay_port(r, conn, from));
}

/* Whether a router may answer so: RFC 1191 section 4; in IPv6 only the sender fragments. */
static bool dont_fragment(const uint8_t *frame, const struct sl_seg *seg)
{
	return seg->v6 || frame[seg->l3_off + 6] & 0x40;
}

/* By sl_conn.server_mss: the MSS of a server that takes less than its client was promised, rounded
 * down. Less than 28, what the smallest MTU of IPv4 leaves, counts as 28. */
static const uint16_t server_mss[8] = {UINT16_MAX, 28, 216, 512, 1220, 1360, 1400, 1440};

bool relay_may_be_too_big(const struct sl_conn *conn, unsigned needed)
{
	return needed > server_mss[conn->server_mss];
}

/* A worker hears from the others once a second what they have learned. */
enum { PROMISE_S = TOMBSTONE_MS / 1000 + 10 };

/* Whether a client may have been promised more than `mss`: a cookie does not say what it was
 * promised, and what was learned of the server may have changed since the cookie was made. */
static bool may_be_promised_more(const struct sl_relay *r, const struct sl_conn *conn, uint16_t mss)
{
	const bool v6 = !sl_addr_is_v4(&conn->key.inside_addr);
	const struct sl_learned *learned;

	if (mss >= sl_relay_mss(r, conn->key.domain >> 24, conn->service, v6))
		return false;
	learned = relay_learned(r, &conn->key);
	return learned == NULL || relay_now_s(r) - learned->changed_s <= PROMISE_S ||
	       mss < sl_relay_mss_of(learned->mss, v6);
}

static uint8_t round_down(uint16_t mss)
{
	uint8_t i = SL_ARRAY_LEN(server_mss) - 1;

	while (i > 1 && mss < server_mss[i])
		i--;
	return i;
}

uint8_t relay_judge_mss(const struct sl_relay *r, const struct sl_conn *conn, uint16_t mss)
{
	/* One that announces none takes what its link carries, as a rule. */
	return mss != 0 && may_be_promised_more(r, conn, mss) ? round_down(mss) : 0;
}

/* What the server takes, as exactly as it is known: what was learned of it, where that agrees with
 * this connection's own handshake. */
static uint16_t server_takes(const struct sl_relay *r, const struct sl_conn *conn)
{
	const struct sl_learned *learned = relay_learned(r, &conn->key);

	if (learned != NULL && learned->mss != 0 && round_down(learned->mss) == conn->server_mss)
		return learned->mss;
	return server_mss[conn->server_mss];
}

void relay_tell_too_big(struct sl_relay *r, struct sl_conn *conn, const struct sl_buf *packet,
			const struct sl_seg *seg)
{
	const uint16_t takes = server_takes(r, conn);
	const unsigned least = seg->v6 ? SL_IPV6_MTU_MIN : SL_IPV4_MTU_MIN;
	uint32_t mtu;
	struct sl_buf *buf;
	struct sl_l2 l2;

	if (relay_mss_needed(seg) <= takes)
		return;
	/* Nobody would believe less than the least that every link must carry: so that is said,
	 * which the way to the server carries whatever its MSS. */
	mtu = (uint32_t)takes + (seg->v6 ? SL_IPV6_TCP_HDRS : SL_IPV4_TCP_HDRS);
	mtu = sl_max_u32(mtu, least);
	if ((unsigned)seg->payload_off + seg->payload_len - seg->l3_off <= mtu ||
	    !dont_fragment(packet->data, seg) || !relay_once_a_second(r, conn) ||
	    !sl_bucket_take(&r->too_bigs, r->now_us, SL_RELAY_TOO_BIGS_PER_S))
		return;
	buf = sl_out_spare(r->out);
	if (buf == NULL)
		return;
	sl_wire_l2_get(packet->data, seg->l3_off, &l2);
	sl_wire_l2_swap(&l2);
	if (!sl_wire_emit_too_big(buf, &l2, packet->data, seg, (uint16_t)mtu)) {
		relay_count(r, conn, SL_EVENT_made_no_room);
		r->out->n_spare++;
		return;
	}
	relay_count(r, conn, SL_EVENT_too_big_sent);
	sl_out_made(r->out, buf, conn->service, relay_port(r, conn, SL_OUTSIDE));
}
