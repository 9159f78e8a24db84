/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Numbers of a spliced connection translated in place. With d = K - S and t: to the client
 * SEG.SEQ += d and TSval += t; to the server SEG.ACK -= d, every SACK edge -= d and TSecr -= t;
 * windows are rescaled either way. Options are overwritten, never shifted; but where the server
 * broke a promise made in its name, the box adds timestamps of its own.
 */
#include "relay.h"

uint16_t relay_window(const struct sl_conn *conn, enum sl_side from, uint16_t wnd)
{
	uint32_t scaled;

	if (!(conn->flags & SL_CONN_SPLICED) || relay_window_is_kept(conn, from))
		return wnd;
	if (from == SL_OUTSIDE)
		return relay_clamp_window((uint64_t)wnd << relay_shift(conn->wscale_outside));
	scaled = relay_clamp_window(((uint64_t)wnd << relay_shift(conn->wscale_inside)) >>
				    relay_shift(conn->wscale_promised));
	/* A window that is open must not look closed. */
	return wnd != 0 && scaled == 0 ? 1 : (uint16_t)scaled;
}

static void to_inside(const struct sl_conn *conn, struct sl_rewrite *rw)
{
	const struct sl_seg *seg = rw->seg;

	if (seg->flags & SL_ACK)
		sl_rewrite_ack(rw, seg->ack - conn->seq_delta);
	if (seg->sack_off != 0) {
		if (conn->flags & SL_CONN_SACK_REFUSED)
			sl_rewrite_sack_erase(rw);
		else
			sl_rewrite_sack_shift(rw, -conn->seq_delta);
	}
	if (seg->ts_off == 0)
		return;
	if (sl_conn_ts_ours(conn))
		sl_rewrite_ts_erase(rw);
	else if (conn->flags & SL_CONN_TIMESTAMPS && seg->flags & SL_ACK)
		sl_rewrite_tsecr(rw, seg->tsecr - conn->ts_delta);
}

static void to_outside(const struct sl_conn *conn, struct sl_rewrite *rw)
{
	const struct sl_seg *seg = rw->seg;

	sl_rewrite_seq(rw, seg->seq + conn->seq_delta);
	if (seg->ts_off != 0 && conn->flags & SL_CONN_TIMESTAMPS)
		sl_rewrite_tsval(rw, seg->tsval + conn->ts_delta);
}

/*
 * The box's own timestamps. Without room, which options make that no stack sends together, the
 * segment goes without: most ends take it, and others the next. A server that sends some nobody
 * asked for gets its own overwritten.
 */
static void add_timestamps(const struct sl_relay *r, const struct sl_conn *conn, struct sl_buf *buf,
			   struct sl_seg *seg)
{
	const uint32_t tsval = r->now_ms + conn->ts_delta, tsecr = conn->end[SL_OUTSIDE].tsval;
	struct sl_rewrite rw;

	if (seg->ts_off == 0) {
		(void)sl_wire_insert_timestamps(buf, seg, tsval, tsecr);
		return;
	}
	rw = sl_rewrite_begin(buf->data, seg);
	sl_rewrite_tsval(&rw, tsval);
	sl_rewrite_tsecr(&rw, tsecr);
	sl_rewrite_end(&rw);
}

void relay_translate(const struct sl_relay *r, const struct sl_conn *conn, enum sl_side side,
		     struct sl_buf *buf, struct sl_seg *seg)
{
	struct sl_rewrite rw;
	uint16_t wnd;

	if (!(conn->flags & SL_CONN_SPLICED))
		return;
	rw = sl_rewrite_begin(buf->data, seg);
	if (side == SL_OUTSIDE)
		to_inside(conn, &rw);
	else
		to_outside(conn, &rw);
	wnd = relay_window(conn, side, seg->wnd);
	if (wnd != seg->wnd && !(seg->flags & (SL_SYN | SL_RST)))
		sl_rewrite_wnd(&rw, wnd);
	sl_rewrite_end(&rw);
	if (sl_unlikely(sl_conn_ts_ours(conn)) && side == SL_INSIDE && !(seg->flags & SL_RST))
		add_timestamps(r, conn, buf, seg);
}
