/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A whole frame written from a struct sl_made. Words are stored as they are made and summed in a
 * register: nothing is read back that was just written in other pieces, which would stall.
 */
#include "sl_syn_ack.h"

#include "sl_bytes.h"
#include "sl_cksum.h"

enum { TTL = 64, IPV4_HDR_LEN = 20, IPV6_HDR_LEN = 40 };

/* Writes the word `host` in network order at `p`; returns it as it lies there, for the sum. */
static inline uint32_t put(uint8_t *p, uint32_t host)
{
	const uint32_t word = __builtin_bswap32(host);

	memcpy(p, &word, sizeof(word));
	return word;
}

/* The same for 32 bits that are in network order. */
static inline uint32_t copy(uint8_t *p, const uint8_t *from)
{
	uint32_t word;

	memcpy(&word, from, sizeof(word));
	memcpy(p, &word, sizeof(word));
	return word;
}

static unsigned emit_sacks(uint8_t *p, unsigned n, const struct sl_made *made, uint64_t *sum)
{
	*sum += put(p + n, 0x01010502u + 8u * made->n_sack);
	n += 4;
	for (unsigned i = 0; i < made->n_sack; i++, n += 8) {
		*sum += put(p + n, made->sack[i].left);
		*sum += put(p + n + 4, made->sack[i].right);
	}
	return n;
}

/*
 * Options, each where it needs least: SACK-permitted shares a word with timestamps, or else with
 * what stands of the window scale, so that an answer that repeats what it was offered is not longer
 * than the offer. Adds to the sum; returns their length.
 */
static inline unsigned emit_options(uint8_t *p, const struct sl_made *made, uint64_t *sum)
{
	const bool wscale = made->wscale != SL_NO_WSCALE;
	unsigned n = 0;

	if (made->mss != 0) {
		*sum += put(p, 2u << 24 | 4u << 16 | made->mss);
		n += 4;
	}
	if (made->timestamps) {
		*sum += put(p + n, made->sack_permitted ? 0x0402080a : 0x0101080a);
		*sum += put(p + n + 4, made->tsval);
		*sum += put(p + n + 8, made->tsecr);
		n += 12;
	} else if (made->sack_permitted) {
		*sum += put(p + n, wscale ? 0x04020303 : 0x04020101);
		n += 4;
		if (wscale) {
			*sum += put(p + n, (uint32_t)made->wscale << 24 | 0x010101);
			n += 4;
		}
		return n;
	}
	if (wscale) {
		*sum += put(p + n, 0x01030300u | made->wscale);
		n += 4;
	}
	return sl_unlikely(made->n_sack != 0) ? emit_sacks(p, n, made, sum) : n;
}

/* Behind the options; whatever the header's length is, it is even. Adds to the sum. */
static uint64_t emit_payload(uint8_t *p, const struct sl_made *made, uint64_t sum)
{
	uint32_t at = 0;

	for (unsigned i = 0; i < made->n_payload; i++) {
		const struct sl_piece *piece = &made->payload[i];
		const uint16_t some =
			sl_cksum_fold(sl_cksum_copy(0, p + at, piece->bytes, piece->len));

		/* Behind an odd number of bytes each is the other half of its word: RFC 1071
		 * section 2 (B). */
		sum += at & 1 ? __builtin_bswap16(some) : some;
		at += piece->len;
	}
	return sum;
}

/* Returns TCP's length. `pseudo`: the sum of the addresses. */
static inline unsigned emit_tcp(uint8_t *tcp, const struct sl_made *made, uint64_t pseudo)
{
	uint64_t sum = pseudo;
	const unsigned hdr = SL_TCP_HDR + emit_options(tcp + SL_TCP_HDR, made, &sum);
	const unsigned len = hdr + made->payload_len;
	uint32_t cksum_urgent = __builtin_bswap32(made->urgent); /* and zero */

	sum += __builtin_bswap32(6u << 16 | len); /* zero, protocol, length */
	sum += cksum_urgent;
	sum += put(tcp, (uint32_t)made->src_port << 16 | made->dst_port);
	sum += put(tcp + 4, made->seq);
	sum += put(tcp + 8, made->ack);
	sum += put(tcp + 12, hdr / 4 << 28 | (uint32_t)made->flags << 16 | made->wnd);
	if (made->payload_len != 0)
		sum = emit_payload(tcp + hdr, made, sum);
	cksum_urgent |= sl_cksum_finish(sum);
	memcpy(tcp + 16, &cksum_urgent, 4);
	return len;
}

static inline uint32_t ttl_of(const struct sl_made *made)
{
	return made->ttl != 0 ? made->ttl : TTL;
}

static inline unsigned emit_ipv4(uint8_t *ip, const struct sl_made *made)
{
	const uint64_t addrs =
		(uint64_t)copy(ip + 12, made->src->b + 12) + copy(ip + 16, made->dst->b + 12);
	const unsigned tcp_len = emit_tcp(ip + IPV4_HDR_LEN, made, addrs);
	uint64_t sum = addrs;
	uint32_t ttl = ttl_of(made) | 6 << 8;

	sum += put(ip, 0x45u << 24 | (uint32_t)made->dscp << 18 | (IPV4_HDR_LEN + tcp_len));
	sum += put(ip + 4, 0x4000); /* identification 0, DF: RFC 6864 section 4.1 */
	ttl |= (uint32_t)sl_cksum_finish(sum + ttl) << 16;
	memcpy(ip + 8, &ttl, 4);
	return IPV4_HDR_LEN + tcp_len;
}

static inline unsigned emit_ipv6(uint8_t *ip, const struct sl_made *made)
{
	uint64_t addrs = 0;
	unsigned tcp_len;

	for (unsigned i = 0; i < 16; i += 4) {
		addrs += copy(ip + 8 + i, made->src->b + i);
		addrs += copy(ip + 24 + i, made->dst->b + i);
	}
	tcp_len = emit_tcp(ip + IPV6_HDR_LEN, made, addrs);
	put(ip, 6u << 28 | (uint32_t)made->dscp << 22);
	put(ip + 4, tcp_len << 16 | 6u << 8 | ttl_of(made));
	return IPV6_HDR_LEN + tcp_len;
}

/* Everything behind a link-layer header of `l2_len` bytes, which stands or will stand there. */
static inline bool emit(struct sl_buf *buf, unsigned l2_len, const struct sl_made *made)
{
	uint8_t *ip = buf->data + l2_len;
	unsigned len;

	if (sl_addr_is_v4(made->dst))
		len = l2_len + emit_ipv4(ip, made);
	else
		len = l2_len + emit_ipv6(ip, made);
	buf->tailroom = (uint16_t)(buf->tailroom + buf->len - len);
	buf->len = (uint16_t)len;
	buf->ip_cksum = buf->tcp_cksum = SL_CKSUM_GOOD;
	return true;
}

static inline bool has_room(const struct sl_buf *buf, const struct sl_made *made)
{
	return (unsigned)buf->len + buf->tailroom >=
	       (unsigned)SL_FRAME_MADE_MAX + made->payload_len;
}

bool sl_wire_emit(struct sl_buf *buf, const struct sl_l2 *l2, const struct sl_made *made)
{
	if (!has_room(buf, made))
		return false;
	memcpy(buf->data, l2->bytes, SL_L2_MAX); /* what is too much is written over */
	return emit(buf, l2->len, made);
}

bool sl_wire_emit_answer(struct sl_buf *buf, const struct sl_seg *seg, const struct sl_made *made)
{
	uint64_t macs, dst;
	uint32_t src_end;

	if (!has_room(buf, made))
		return false;
	memcpy(&macs, buf->data, 8);
	memcpy(&src_end, buf->data + 8, 4);
	dst = macs & 0xffffffffffff;
	macs = macs >> 48 | (uint64_t)src_end << 16 | dst << 48;
	src_end = (uint32_t)(dst >> 16);
	memcpy(buf->data, &macs, 8);
	memcpy(buf->data + 8, &src_end, 4);
	return emit(buf, seg->l3_off, made);
}

/* Made by the same hand as all other frames, of a SYN of zeros; then what is the SYN's own is taken
 * out of the sums, which is nothing but the checksums themselves. */
void sl_syn_ack_init(struct sl_syn_ack *t, bool v6, uint16_t mss, uint8_t wscale, uint16_t wnd)
{
	static const struct sl_l2 no_l2;
	const uint8_t zeros[4] = {0};
	uint8_t frame[SL_FRAME_MADE_MAX];
	struct sl_buf buf = {.data = frame, .tailroom = sizeof(frame)};
	struct sl_addr none = {0};
	const struct sl_made made = {
		.src = &none,
		.dst = &none,
		.flags = SL_SYN | SL_ACK,
		.mss = mss,
		.wscale = wscale,
		.wnd = wnd,
		.sack_permitted = true,
		.timestamps = true,
	};
	uint16_t cksum;

	if (!v6)
		sl_addr_set_v4(&none, zeros);
	(void)sl_wire_emit(&buf, &no_l2, &made);
	assert(buf.len == (v6 ? SL_SYN_ACK_V6 : SL_SYN_ACK_V4)); /* all options are there */
	memset(t, 0, sizeof(*t));
	memcpy(t->bytes, frame, buf.len);
	memcpy(&cksum, frame + buf.len - SL_SYN_ACK_TCP + 16, sizeof(cksum));
	t->tcp_sum = (uint16_t)~cksum;
	if (v6)
		return;
	memcpy(&cksum, frame + 10, sizeof(cksum));
	t->ip_sum = (uint16_t)~cksum;
	memset(t->bytes + 10, 0, sizeof(cksum));
}
