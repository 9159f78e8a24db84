/* SPDX-License-Identifier: BSD-3-Clause */
/* TCP's header, inlined into the ways that lead to it. */
#ifndef PARSE_TCP_H
#define PARSE_TCP_H

#include "sl_bytes.h"
#include "wire.h"

/* parse_tcp.c: options from offset `off` up to `end`, one by one. Returns false when one
 * has an impossible length (MUST-7), or stands twice of which only one can be believed. */
bool wire_parse_options(const uint8_t *frame, unsigned off, unsigned end, struct sl_seg *seg);

/* The 32 bits in network order at `p`, and the next 32 into the word before it: one read, one
 * write. */
static inline void wire_load_pair(uint32_t *later_earlier, const uint8_t *p)
{
	uint64_t both;

	memcpy(&both, p, sizeof(both));
	both = __builtin_bswap64(both);
	memcpy(later_earlier, &both, sizeof(both));
}

static inline bool wire_options(const uint8_t *frame, unsigned off, unsigned end,
				struct sl_seg *seg)
{
	/* Nearly every segment of a connection has none, or looks like this (RFC 7323, A). */
	if (end == off)
		return true;
	if (end - off == 12 && sl_load_be32(frame + off) == 0x0101080a) {
		seg->ts_off = (uint16_t)(off + 2);
		wire_load_pair(&seg->tsecr, frame + off + 4);
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
		wire_load_pair(&seg->tsecr, frame + off + 8);
		seg->wscale = (uint8_t)sl_min_u32(frame[off + 19], SL_WSCALE_MAX);
		return true;
	}
	return wire_parse_options(frame, off, end, seg);
}

/* `len` bytes of TCP at frame + l4. Sets what is TCP's in `seg`, and l4_off, where it is not 0:
 * that it is already. */
static inline enum sl_parsed wire_tcp(const uint8_t *frame, unsigned l4, unsigned len,
				      struct sl_seg *seg)
{
	const uint8_t *tcp = frame + l4;
	enum sl_drop reason;
	unsigned hdr;

	seg->l4_off = (uint16_t)l4;
	seg->wscale = SL_NO_WSCALE;
	if (sl_likely(len >= 4)) {
		seg->src_port = sl_load_be16(tcp);
		seg->dst_port = sl_load_be16(tcp + 2);
	}
	reason = SL_DROP_tcp_truncated;
	if (len < SL_TCP_HDR)
		goto bad;
	hdr = (tcp[12] >> 4) * 4u;
	reason = SL_DROP_tcp_bad_offset;
	if (hdr < SL_TCP_HDR || hdr > len)
		goto bad;
	wire_load_pair(&seg->ack, tcp + 4);
	seg->flags = tcp[13];
	seg->wnd = sl_load_be16(tcp + 14);
	seg->payload_off = (uint16_t)(l4 + hdr);
	seg->payload_len = (uint16_t)(len - hdr);
	reason = SL_DROP_tcp_bad_option;
	if (!wire_options(frame, l4 + SL_TCP_HDR, l4 + hdr, seg))
		goto bad;
	reason = SL_DROP_port_zero;
	if (seg->src_port == 0 || seg->dst_port == 0)
		goto bad;
	/* Last: a host has an answer to these, for which it wants all the rest. */
	reason = SL_DROP_tcp_bad_flags;
	if (!sl_tcp_flags_possible(seg->flags))
		goto bad;
	return SL_PARSED_TCP;
bad:
	seg->reason = (uint8_t)reason;
	return SL_PARSED_BAD_TCP;
}

#endif
