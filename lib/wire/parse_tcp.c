/* SPDX-License-Identifier: BSD-3-Clause */
/* TCP's header and options. */
#include "parse_tcp.h"

#include "sl_bytes.h"

enum {
	OPT_EOL = 0,
	OPT_NOP = 1,
	OPT_MSS = 2,
	OPT_WSCALE = 3,
	OPT_SACK_PERMITTED = 4,
	OPT_SACK = 5,
	OPT_TIMESTAMPS = 8,
};

/* Whether an option of this kind may be `len` bytes long; of an unknown one nobody can tell. */
static bool length_is_right(uint8_t kind, uint8_t len)
{
	switch (kind) {
	case OPT_MSS:
		return len == 4;
	case OPT_WSCALE:
		return len == 3;
	case OPT_SACK_PERMITTED:
		return len == 2;
	case OPT_SACK:
		return len % 8 == 2;
	case OPT_TIMESTAMPS:
		return len == 10;
	default:
		return true;
	}
}

static void take_of_syn(struct sl_seg *seg, const uint8_t *p)
{
	if (p[0] == OPT_MSS) {
		const uint16_t mss = sl_load_be16(p + 2);

		/* Of several, stacks take the first or the last: the least suits both. */
		seg->mss = seg->mss != 0 ? (uint16_t)sl_min_u32(seg->mss, mss) : mss;
	} else if (p[0] == OPT_WSCALE) {
		seg->wscale = (uint8_t)sl_min_u32(p[2], SL_WSCALE_MAX);
	} else if (p[0] == OPT_SACK_PERMITTED) {
		seg->sack_permitted = true;
	}
}

/* Takes in one option of `len` bytes, its length right. Returns false for a second one of which
 * there is one at most. */
static bool take_option(struct sl_seg *seg, const uint8_t *frame, unsigned off, uint8_t len)
{
	const uint8_t *p = frame + off;

	if (p[0] == OPT_TIMESTAMPS) {
		if (seg->ts_off != 0)
			return false;
		seg->ts_off = (uint16_t)off;
		seg->tsval = sl_load_be32(p + 2);
		seg->tsecr = sl_load_be32(p + 6);
	} else if (p[0] == OPT_SACK && len > 2) {
		if (seg->sack_off != 0)
			return false;
		seg->sack_off = (uint16_t)off;
		seg->n_sack = (uint8_t)(len / 8);
	} else if (seg->flags & SL_SYN) {
		if (p[0] == OPT_WSCALE && seg->wscale != SL_NO_WSCALE)
			return false;
		take_of_syn(seg, p);
	}
	return true;
}

bool wire_parse_options(const uint8_t *frame, unsigned off, unsigned end, struct sl_seg *seg)
{
	while (off < end && frame[off] != OPT_EOL) {
		uint8_t len;

		if (frame[off] == OPT_NOP) {
			off++;
			continue;
		}
		if (off + 2 > end)
			return false;
		len = frame[off + 1];
		if (len < 2 || off + len > end || !length_is_right(frame[off], len) ||
		    !take_option(seg, frame, off, len))
			return false;
		off += len;
	}
	return true;
}

enum sl_parsed sl_wire_parse_tcp(const uint8_t *frame, uint16_t len, struct sl_seg *seg)
{
	seg->ack = seg->seq = seg->tsecr = seg->tsval = 0;
	seg->src_port = seg->dst_port = 0;
	seg->mss = seg->ts_off = seg->sack_off = 0;
	seg->n_sack = 0;
	seg->sack_permitted = false;
	return wire_tcp(frame, seg->l4_off, len, seg);
}

void wire_parse_tcp_start(const uint8_t *frame, unsigned len, struct sl_seg *seg)
{
	const uint8_t *tcp = frame + seg->l4_off;

	seg->src_port = sl_load_be16(tcp);
	seg->dst_port = sl_load_be16(tcp + 2);
	seg->seq = sl_load_be32(tcp + 4);
	if (len >= 12)
		seg->ack = sl_load_be32(tcp + 8);
	/* All segments but SYNs and some RSTs have it. */
	seg->flags = len >= 14 ? tcp[13] : SL_ACK;
	if (len >= 16)
		seg->wnd = sl_load_be16(tcp + 14);
	seg->wscale = SL_NO_WSCALE;
	if (len > SL_TCP_HDR && (tcp[12] >> 4) * 4u > SL_TCP_HDR)
		(void)wire_parse_options(frame, seg->l4_off + SL_TCP_HDR,
					 seg->l4_off + sl_min_u32(len, (tcp[12] >> 4) * 4u), seg);
}
