/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames written from a struct sl_made, inlined: for who answers most packets of a burst, and whose
 * `made` then need not be in memory at all. All others call sl_wire_emit and sl_wire_emit_answer.
 *
 * Words are stored as they are made and summed in a register: nothing is read back that was just
 * written in other pieces, which would stall.
 */
#ifndef SL_EMIT_H
#define SL_EMIT_H

#include "sl_bytes.h"
#include "sl_cksum.h"
#include "sl_wire.h"

SL_BEGIN_DECLS

enum { SL_EMIT_TTL = 64, SL_EMIT_IPV4_HDR = 20, SL_EMIT_IPV6_HDR = 40 };

/* Writes the word `host` in network order at `p`; returns it as it lies there, for the sum. */
static inline uint32_t sl_emit_put(uint8_t *p, uint32_t host)
{
	const uint32_t word = __builtin_bswap32(host);

	memcpy(p, &word, sizeof(word));
	return word;
}

/* The same for 32 bits that are in network order. */
static inline uint32_t sl_emit_copy(uint8_t *p, const uint8_t *from)
{
	uint32_t word;

	memcpy(&word, from, sizeof(word));
	memcpy(p, &word, sizeof(word));
	return word;
}

/*
 * Options, each where it needs least: SACK-permitted shares a word with timestamps, or else with
 * what stands of the window scale, so that an answer that repeats what it was offered is not longer
 * than the offer. Adds to the sum; returns their length.
 */
static inline unsigned sl_emit_options(uint8_t *p, const struct sl_made *made, uint64_t *sum)
{
	const bool wscale = made->wscale != SL_NO_WSCALE;
	unsigned n = 0;

	if (made->mss != 0) {
		*sum += sl_emit_put(p, 2u << 24 | 4u << 16 | made->mss);
		n += 4;
	}
	if (made->timestamps) {
		*sum += sl_emit_put(p + n, made->sack_permitted ? 0x0402080a : 0x0101080a);
		*sum += sl_emit_put(p + n + 4, made->tsval);
		*sum += sl_emit_put(p + n + 8, made->tsecr);
		n += 12;
	} else if (made->sack_permitted) {
		*sum += sl_emit_put(p + n, wscale ? 0x04020303 : 0x04020101);
		n += 4;
		if (wscale) {
			*sum += sl_emit_put(p + n, (uint32_t)made->wscale << 24 | 0x010101);
			n += 4;
		}
		return n;
	}
	if (wscale) {
		*sum += sl_emit_put(p + n, 0x01030300u | made->wscale);
		n += 4;
	}
	return n;
}

/* Returns TCP's length. `pseudo`: the sum of the addresses. */
static inline unsigned sl_emit_tcp(uint8_t *tcp, const struct sl_made *made, uint64_t pseudo)
{
	uint64_t sum = pseudo;
	const unsigned hdr = SL_TCP_HDR + sl_emit_options(tcp + SL_TCP_HDR, made, &sum);
	uint32_t cksum_urgent;

	sum += __builtin_bswap32(6u << 16 | hdr); /* zero, protocol, length */
	sum += sl_emit_put(tcp, (uint32_t)made->src_port << 16 | made->dst_port);
	sum += sl_emit_put(tcp + 4, made->seq);
	sum += sl_emit_put(tcp + 8, made->ack);
	sum += sl_emit_put(tcp + 12, hdr / 4 << 28 | (uint32_t)made->flags << 16 | made->wnd);
	cksum_urgent = sl_cksum_finish(sum);
	memcpy(tcp + 16, &cksum_urgent, 4);
	return hdr;
}

static inline unsigned sl_emit_ipv4(uint8_t *ip, const struct sl_made *made)
{
	const uint64_t addrs = (uint64_t)sl_emit_copy(ip + 12, made->src->b + 12) +
			       sl_emit_copy(ip + 16, made->dst->b + 12);
	const unsigned tcp_len = sl_emit_tcp(ip + SL_EMIT_IPV4_HDR, made, addrs);
	uint64_t sum = addrs;
	uint32_t ttl = SL_EMIT_TTL | 6 << 8;

	sum += sl_emit_put(ip, 0x45u << 24 | (SL_EMIT_IPV4_HDR + tcp_len));
	sum += sl_emit_put(ip + 4, 0x4000); /* identification 0, DF: RFC 6864 section 4.1 */
	ttl |= (uint32_t)sl_cksum_finish(sum + ttl) << 16;
	memcpy(ip + 8, &ttl, 4);
	return SL_EMIT_IPV4_HDR + tcp_len;
}

static inline unsigned sl_emit_ipv6(uint8_t *ip, const struct sl_made *made)
{
	uint64_t addrs = 0;
	unsigned tcp_len;

	for (unsigned i = 0; i < 16; i += 4) {
		addrs += sl_emit_copy(ip + 8 + i, made->src->b + i);
		addrs += sl_emit_copy(ip + 24 + i, made->dst->b + i);
	}
	tcp_len = sl_emit_tcp(ip + SL_EMIT_IPV6_HDR, made, addrs);
	sl_emit_put(ip, 6u << 28);
	sl_emit_put(ip + 4, tcp_len << 16 | 6u << 8 | SL_EMIT_TTL);
	return SL_EMIT_IPV6_HDR + tcp_len;
}

/* Everything behind a link-layer header of `l2_len` bytes, which stands or will stand there. */
static inline void sl_emit_ip(struct sl_buf *buf, unsigned l2_len, const struct sl_made *made,
			      bool v6)
{
	uint8_t *ip = buf->data + l2_len;
	const unsigned len = l2_len + (v6 ? sl_emit_ipv6(ip, made) : sl_emit_ipv4(ip, made));

	buf->tailroom = (uint16_t)(buf->tailroom + buf->len - len);
	buf->len = (uint16_t)len;
	buf->ip_cksum = buf->tcp_cksum = SL_CKSUM_GOOD;
}

static inline bool sl_emit_has_room(const struct sl_buf *buf)
{
	return (unsigned)buf->len + buf->tailroom >= SL_FRAME_MADE_MAX;
}

/** sl_wire_emit_answer, inlined. */
static inline bool sl_emit_answer(struct sl_buf *buf, const struct sl_seg *seg,
				  const struct sl_made *made)
{
	uint64_t macs, dst;
	uint32_t src_end;

	if (!sl_emit_has_room(buf))
		return false;
	memcpy(&macs, buf->data, 8);
	memcpy(&src_end, buf->data + 8, 4);
	dst = macs & 0xffffffffffff;
	macs = macs >> 48 | (uint64_t)src_end << 16 | dst << 48;
	src_end = (uint32_t)(dst >> 16);
	memcpy(buf->data, &macs, 8);
	memcpy(buf->data + 8, &src_end, 4);
	sl_emit_ip(buf, seg->l3_off, made, seg->v6);
	return true;
}

/**
 * The same for a SYN-ACK with all options there are, which is what nearly all SYNs ask for: the
 * compiler knows the shape.
 */
static inline bool sl_emit_full_answer(struct sl_buf *buf, const struct sl_seg *seg,
				       struct sl_made made)
{
	made.timestamps = made.sack_permitted = true;
	if (made.mss == 0 || made.wscale > SL_WSCALE_MAX)
		__builtin_unreachable();
	return sl_emit_answer(buf, seg, &made);
}

SL_END_DECLS

#endif
