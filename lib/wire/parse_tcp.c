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

/*
 * Takes in one option of `len` bytes, its length checked. An option that we know by its kind but
 * whose length is not its own is skipped like an unknown one (RFC 9293 MUST-6). Returns false for
 * a second timestamps or SACK option: no stack sends that, and only one could be translated.
 */
static bool take_option(struct sl_seg *seg, const uint8_t *frame, unsigned off, uint8_t len)
{
	const uint8_t *p = frame + off;

	switch (p[0]) {
	case OPT_MSS:
		if (len == 4 && seg->flags & SL_SYN)
			seg->mss = sl_load_be16(p + 2);
		break;
	case OPT_WSCALE:
		if (len == 3 && seg->flags & SL_SYN)
			seg->wscale = p[2] > SL_WSCALE_MAX ? SL_WSCALE_MAX : p[2];
		break;
	case OPT_SACK_PERMITTED:
		if (len == 2 && seg->flags & SL_SYN)
			seg->sack_permitted = true;
		break;
	case OPT_SACK:
		if (len < 10 || (len - 2) % 8 != 0)
			break;
		if (seg->sack_off != 0)
			return false;
		seg->sack_off = (uint16_t)off;
		seg->n_sack = (uint8_t)((len - 2) / 8);
		break;
	case OPT_TIMESTAMPS:
		if (len != 10)
			break;
		if (seg->ts_off != 0)
			return false;
		seg->ts_off = (uint16_t)off;
		seg->tsval = sl_load_be32(p + 2);
		seg->tsecr = sl_load_be32(p + 6);
		break;
	default:
		break;
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
		if (len < 2 || off + len > end || !take_option(seg, frame, off, len))
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
