/* SPDX-License-Identifier: BSD-3-Clause */
/* A whole frame written from a struct sl_made. */
#include "sl_wire.h"

#include "sl_bytes.h"
#include "sl_cksum.h"

enum { TTL = 64 };

/*
 * Options, each where it needs least: SACK-permitted shares a word pair with timestamps, the rest
 * is padded with NOPs at the end, so that an answer that repeats what it was offered is not longer
 * than the offer. Returns their length, a multiple of 4.
 */
static unsigned emit_options(uint8_t *p, const struct sl_made *made)
{
	unsigned n = 0;

	if (made->mss != 0) {
		sl_store_be32(p, 2u << 24 | 4u << 16 | made->mss);
		n += 4;
	}
	if (made->timestamps) {
		sl_store_be16(p + n, made->sack_permitted ? 0x0402 : 0x0101);
		sl_store_be16(p + n + 2, 0x080a);
		sl_store_be32(p + n + 4, made->tsval);
		sl_store_be32(p + n + 8, made->tsecr);
		n += 12;
	} else if (made->sack_permitted) {
		sl_store_be16(p + n, 0x0402);
		n += 2;
	}
	if (made->wscale != SL_NO_WSCALE) {
		p[n] = 3;
		p[n + 1] = 3;
		p[n + 2] = made->wscale;
		n += 3;
	}
	while (n % 4 != 0)
		p[n++] = 1;
	return n;
}

static unsigned emit_tcp(uint8_t *tcp, const struct sl_made *made)
{
	const unsigned hdr = SL_TCP_HDR + emit_options(tcp + SL_TCP_HDR, made);

	sl_store_be16(tcp, made->src_port);
	sl_store_be16(tcp + 2, made->dst_port);
	sl_store_be32(tcp + 4, made->seq);
	sl_store_be32(tcp + 8, made->ack);
	tcp[12] = (uint8_t)(hdr / 4 << 4);
	tcp[13] = made->flags;
	sl_store_be16(tcp + 14, made->wnd);
	sl_store_be32(tcp + 16, 0); /* checksum, urgent pointer */
	return hdr;
}

static void emit_ipv4(uint8_t *ip, const struct sl_made *made, unsigned tcp_len)
{
	uint16_t cksum;

	sl_store_be32(ip, 0x45u << 24 | (20 + tcp_len));
	sl_store_be32(ip + 4, 0x4000); /* identification 0, DF: RFC 6864 section 4.1 */
	sl_store_be32(ip + 8, (uint32_t)TTL << 24 | 6u << 16);
	memcpy(ip + 12, made->src->b + 12, 4);
	memcpy(ip + 16, made->dst->b + 12, 4);
	cksum = sl_cksum_finish(sl_cksum_add(0, ip, 20));
	memcpy(ip + 10, &cksum, 2);
}

static void emit_ipv6(uint8_t *ip, const struct sl_made *made, unsigned tcp_len)
{
	sl_store_be32(ip, 6u << 28);
	sl_store_be32(ip + 4, tcp_len << 16 | 6u << 8 | TTL);
	memcpy(ip + 8, made->src->b, 16);
	memcpy(ip + 24, made->dst->b, 16);
}

bool sl_wire_emit(struct sl_buf *buf, const struct sl_l2 *l2, const struct sl_made *made)
{
	const bool v6 = !sl_addr_is_v4(made->dst);
	const unsigned ip_hdr = v6 ? 40 : 20;
	uint8_t *ip = buf->data + l2->len;
	uint8_t *tcp = ip + ip_hdr;
	unsigned tcp_len, len;
	uint16_t cksum;
	uint64_t sum;

	if ((unsigned)buf->len + buf->tailroom < SL_FRAME_MADE_MAX)
		return false;
	memcpy(buf->data, l2->bytes, l2->len);
	tcp_len = emit_tcp(tcp, made);
	if (v6)
		emit_ipv6(ip, made, tcp_len);
	else
		emit_ipv4(ip, made, tcp_len);
	sum = sl_cksum_pseudo(ip + (v6 ? 8 : 12), v6 ? 32 : 8, tcp_len);
	cksum = sl_cksum_finish(sl_cksum_add(sum, tcp, tcp_len));
	memcpy(tcp + 16, &cksum, 2);
	len = l2->len + ip_hdr + tcp_len;
	buf->tailroom = (uint16_t)(buf->tailroom + buf->len - len);
	buf->len = (uint16_t)len;
	buf->ip_cksum = buf->tcp_cksum = SL_CKSUM_GOOD;
	return true;
}
