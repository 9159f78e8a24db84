/* SPDX-License-Identifier: BSD-3-Clause */
/* TCP's header and options. */
#include "wire.h"

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

/* The options from offset `off` up to `end`. Returns false when one is impossible (MUST-7). */
static bool parse_options(const uint8_t *frame, unsigned off, unsigned end, struct sl_seg *seg)
{
	/* Nearly every segment of a connection with timestamps looks like this (RFC 7323, A). */
	if (end - off == 12 && sl_load_be32(frame + off) == 0x0101080a) {
		seg->ts_off = (uint16_t)(off + 2);
		seg->tsval = sl_load_be32(frame + off + 4);
		seg->tsecr = sl_load_be32(frame + off + 8);
		return true;
	}
	/* And nearly every SYN of Linux, Android and BSD like this: MSS, SACK-permitted,
	 * timestamps, NOP, window scale. */
	if (end - off == 20 && seg->flags & SL_SYN && sl_load_be16(frame + off) == 0x0204 &&
	    sl_load_be32(frame + off + 4) == 0x0402080a &&
	    sl_load_be32(frame + off + 16) >> 8 == 0x010303) {
		seg->mss = sl_load_be16(frame + off + 2);
		seg->sack_permitted = true;
		seg->ts_off = (uint16_t)(off + 6);
		seg->tsval = sl_load_be32(frame + off + 8);
		seg->tsecr = sl_load_be32(frame + off + 12);
		seg->wscale = (uint8_t)sl_min_u32(frame[off + 19], SL_WSCALE_MAX);
		return true;
	}
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

/*
 * Combinations that no stack sends, and that only serve to probe or to slip past filters: no flag
 * of the six at all, SYN with FIN or RST, RST with FIN, FIN or data flags without ACK.
 */
static bool flags_possible(uint8_t flags)
{
	switch (flags & (SL_SYN | SL_FIN | SL_RST)) {
	case 0:
	case SL_FIN:
		return flags & SL_ACK;
	case SL_SYN:
	case SL_RST:
		return true;
	default:
		return false;
	}
}

static enum sl_parsed bad_tcp(struct sl_seg *seg, enum sl_drop reason)
{
	seg->reason = (uint8_t)reason;
	return SL_PARSED_BAD_TCP;
}

enum sl_parsed sl_wire_parse_tcp(const uint8_t *frame, uint16_t len, struct sl_seg *seg)
{
	const uint8_t *tcp = frame + seg->l4_off;
	unsigned hdr;

	seg->src_port = len >= 4 ? sl_load_be16(tcp) : 0;
	seg->dst_port = len >= 4 ? sl_load_be16(tcp + 2) : 0;
	seg->mss = seg->ts_off = seg->sack_off = 0;
	seg->n_sack = 0;
	seg->wscale = SL_NO_WSCALE;
	seg->sack_permitted = false;
	if (len < SL_TCP_HDR)
		return bad_tcp(seg, SL_DROP_tcp_truncated);
	hdr = (tcp[12] >> 4) * 4u;
	if (hdr < SL_TCP_HDR || hdr > len)
		return bad_tcp(seg, SL_DROP_tcp_bad_offset);
	seg->seq = sl_load_be32(tcp + 4);
	seg->ack = sl_load_be32(tcp + 8);
	seg->flags = tcp[13];
	seg->wnd = sl_load_be16(tcp + 14);
	seg->payload_off = (uint16_t)(seg->l4_off + hdr);
	seg->payload_len = (uint16_t)(len - hdr);
	if (!flags_possible(seg->flags))
		return bad_tcp(seg, SL_DROP_tcp_bad_flags);
	if (!parse_options(frame, seg->l4_off + SL_TCP_HDR, seg->payload_off, seg))
		return bad_tcp(seg, SL_DROP_tcp_bad_option);
	if (seg->src_port == 0 || seg->dst_port == 0)
		return bad_tcp(seg, SL_DROP_port_zero);
	return SL_PARSED_TCP;
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
		(void)parse_options(frame, seg->l4_off + SL_TCP_HDR,
				    seg->l4_off + sl_min_u32(len, (tcp[12] >> 4) * 4u), seg);
}
