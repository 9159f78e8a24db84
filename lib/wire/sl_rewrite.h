/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Single fields of a parsed segment overwritten in place, with TCP's checksum brought along
 * incrementally (RFC 1624): a wrong checksum stays as wrong as it was, never laundered. The NIC's
 * help is not needed, and the payload is not touched.
 *
 * Order of calls: sl_rewrite_begin, any setters, sl_rewrite_end. The setters of fields keep `seg`
 * true; sl_rewrite_u32 and sl_rewrite_u16 look at the bytes alone.
 */
#ifndef SL_REWRITE_H
#define SL_REWRITE_H

#include "sl_bytes.h"
#include "sl_cksum.h"
#include "sl_wire.h"

SL_BEGIN_DECLS

struct sl_rewrite {
	uint8_t *tcp; /**< the TCP header */
	struct sl_seg *seg;
	uint64_t diff; /**< accumulated change of the sum */
};

static inline struct sl_rewrite sl_rewrite_begin(uint8_t *frame, struct sl_seg *seg)
{
	struct sl_rewrite rw = {frame + seg->l4_off, seg, 0};

	return rw;
}

/** Overwrites the 32 bits at `off` bytes into the TCP header with `value` (host order). */
static inline void sl_rewrite_u32(struct sl_rewrite *rw, unsigned off, uint32_t value)
{
	uint32_t from, to = __builtin_bswap32(value);

	memcpy(&from, rw->tcp + off, sizeof(from));
	rw->diff = sl_cksum_diff32(rw->diff, from, to, off & 1);
	memcpy(rw->tcp + off, &to, sizeof(to));
}

/** Likewise 16 bits; `off` is even. */
static inline void sl_rewrite_u16(struct sl_rewrite *rw, unsigned off, uint16_t value)
{
	uint16_t from, to = __builtin_bswap16(value);

	memcpy(&from, rw->tcp + off, sizeof(from));
	rw->diff = sl_cksum_diff16(rw->diff, from, to);
	memcpy(rw->tcp + off, &to, sizeof(to));
}

static inline void sl_rewrite_seq(struct sl_rewrite *rw, uint32_t seq)
{
	sl_rewrite_u32(rw, 4, seq);
	rw->seg->seq = seq;
}

static inline void sl_rewrite_ack(struct sl_rewrite *rw, uint32_t ack)
{
	sl_rewrite_u32(rw, 8, ack);
	rw->seg->ack = ack;
}

static inline void sl_rewrite_wnd(struct sl_rewrite *rw, uint16_t wnd)
{
	sl_rewrite_u16(rw, 14, wnd);
	rw->seg->wnd = wnd;
}

/** Overwrites TSval; the option is there (seg->ts_off is not 0). */
static inline void sl_rewrite_tsval(struct sl_rewrite *rw, uint32_t tsval)
{
	sl_rewrite_u32(rw, rw->seg->ts_off - rw->seg->l4_off + 2u, tsval);
	rw->seg->tsval = tsval;
}

static inline void sl_rewrite_tsecr(struct sl_rewrite *rw, uint32_t tsecr)
{
	sl_rewrite_u32(rw, rw->seg->ts_off - rw->seg->l4_off + 6u, tsecr);
	rw->seg->tsecr = tsecr;
}

/** Adds `delta` to every edge of the SACK option (RFC 2018 section 3); the option is there. */
void sl_rewrite_sack_shift(struct sl_rewrite *rw, uint32_t delta);

/** Overwrites the whole SACK option with NOPs; the option is there. */
void sl_rewrite_sack_erase(struct sl_rewrite *rw);

/** Overwrites the whole timestamps option with NOPs; the option is there. */
void sl_rewrite_ts_erase(struct sl_rewrite *rw);

static inline void sl_rewrite_end(struct sl_rewrite *rw)
{
	uint16_t cksum;

	memcpy(&cksum, rw->tcp + 16, sizeof(cksum));
	cksum = sl_cksum_apply(cksum, rw->diff);
	memcpy(rw->tcp + 16, &cksum, sizeof(cksum));
}

/**
 * Puts a timestamps option (NOP, NOP, TS: RFC 7323 appendix A) in front of a parsed segment's other
 * options; the headers move into the headroom. Lengths and checksums are brought along. The last of
 * four SACK blocks makes room for it. Returns false, and nothing has changed, when there is no room
 * in the header or before it.
 */
bool sl_wire_insert_timestamps(struct sl_buf *buf, struct sl_seg *seg, uint32_t tsval,
			       uint32_t tsecr);

/** Lowers every MSS option of a parsed SYN to `most` bytes at most; none is added. */
void sl_wire_clamp_mss(struct sl_buf *buf, struct sl_seg *seg, uint16_t most);

/**
 * Takes `less` bytes off the MTU that a too-big error tells, but none below what a host believes;
 * other errors stay as they are.
 */
void sl_rewrite_quote_mtu(uint8_t *frame, const struct sl_quote *quote, uint16_t less);

/**
 * In place of sl_rewrite_end, where the segment is quoted by an ICMP error: brings along ICMP's
 * checksum, and the segment's own if the quote goes so far. The setters may touch only what is
 * quoted.
 */
void sl_rewrite_end_quote(struct sl_rewrite *rw, uint8_t *frame, const struct sl_quote *quote);

SL_END_DECLS

#endif
