/* SPDX-License-Identifier: BSD-3-Clause */
/* Checksums looked at, and options overwritten. */
#include "sl_rewrite.h"

static bool ip_right(struct sl_buf *buf, const struct sl_seg *seg)
{
	const size_t hdr = (buf->data[seg->l3_off] & 0x0f) * 4u;

	if (seg->v6 || buf->ip_cksum == SL_CKSUM_GOOD)
		return true;
	if (buf->ip_cksum == SL_CKSUM_BAD ||
	    sl_cksum_finish(sl_cksum_add(0, buf->data + seg->l3_off, hdr)) != 0)
		return false;
	buf->ip_cksum = SL_CKSUM_GOOD;
	return true;
}

static bool tcp_right(struct sl_buf *buf, const struct sl_seg *seg)
{
	const uint32_t tcp_len = seg->payload_off - seg->l4_off + (uint32_t)seg->payload_len;
	const uint8_t *addrs = buf->data + seg->l3_off + (seg->v6 ? 8 : 12);
	uint64_t sum;

	if (buf->tcp_cksum == SL_CKSUM_GOOD)
		return true;
	if (buf->tcp_cksum == SL_CKSUM_BAD)
		return false;
	sum = sl_cksum_pseudo(addrs, seg->v6 ? 32 : 8, tcp_len);
	if (sl_cksum_finish(sl_cksum_add(sum, buf->data + seg->l4_off, tcp_len)) != 0)
		return false;
	buf->tcp_cksum = SL_CKSUM_GOOD;
	return true;
}

bool sl_wire_verify_sums(struct sl_buf *buf, struct sl_seg *seg)
{
	if (!ip_right(buf, seg)) {
		seg->reason = SL_DROP_ip_bad_checksum;
		return false;
	}
	if (!tcp_right(buf, seg)) {
		seg->reason = SL_DROP_bad_checksum;
		return false;
	}
	return true;
}

void sl_rewrite_sack_shift(struct sl_rewrite *rw, uint32_t delta)
{
	const unsigned first = rw->seg->sack_off - rw->seg->l4_off + 2u;

	for (unsigned i = 0; i < rw->seg->n_sack * 2u; i++) {
		const unsigned off = first + i * 4;

		sl_rewrite_u32(rw, off, sl_load_be32(rw->tcp + off) + delta);
	}
}

void sl_rewrite_sack_erase(struct sl_rewrite *rw)
{
	const unsigned first = rw->seg->sack_off - rw->seg->l4_off;

	for (unsigned i = 0; i < rw->seg->n_sack * 2u; i++)
		sl_rewrite_u32(rw, first + 2 + i * 4, 0x01010101);
	/* Kind and length, two bytes, which may lie across two words of the sum. */
	for (unsigned off = first; off < first + 2; off++) {
		const uint8_t from[2] = {off & 1 ? 0 : rw->tcp[off], off & 1 ? rw->tcp[off] : 0};
		const uint8_t to[2] = {off & 1 ? 0 : 1, off & 1 ? 1 : 0};
		uint16_t f, t;

		memcpy(&f, from, 2);
		memcpy(&t, to, 2);
		rw->diff = sl_cksum_diff16(rw->diff, f, t);
		rw->tcp[off] = 1;
	}
	rw->seg->sack_off = 0;
	rw->seg->n_sack = 0;
}

void sl_rewrite_ts_erase(struct sl_rewrite *rw)
{
	const unsigned first = rw->seg->ts_off - rw->seg->l4_off;

	sl_rewrite_u32(rw, first, 0x01010101);
	sl_rewrite_u32(rw, first + 4, 0x01010101);
	sl_rewrite_u32(rw, first + 6, 0x01010101);
	rw->seg->ts_off = 0;
}

/* What an option of 12 bytes changes in the IP header: its length, and IPv4's checksum. */
static void grow_ip(uint8_t *ip, bool v6, unsigned n)
{
	uint8_t *length = ip + (v6 ? 4 : 2);
	const uint16_t now = (uint16_t)(sl_load_be16(length) + n);
	uint16_t from, to, cksum;

	memcpy(&from, length, sizeof(from));
	sl_store_be16(length, now);
	memcpy(&to, length, sizeof(to));
	if (v6)
		return;
	memcpy(&cksum, ip + 10, sizeof(cksum));
	cksum = sl_cksum_apply(cksum, sl_cksum_diff16(0, from, to));
	memcpy(ip + 10, &cksum, sizeof(cksum));
}

/* The bytes of the last SACK block, which goes when four of them leave no room for another option:
 * its receiver is told of three then, as it would be by a server that has timestamps. */
static unsigned block_in_the_way(const struct sl_seg *seg, unsigned options, unsigned n)
{
	return options + n > SL_TCP_OPTIONS_MAX && seg->sack_off != 0 && seg->n_sack == 4 ? 8 : 0;
}

/* Takes the last SACK block out: what lies before it moves up, from `from` on. */
static void drop_last_block(uint8_t *frame, const struct sl_seg *seg, unsigned from)
{
	const unsigned last = seg->sack_off + 2u + 8u * (seg->n_sack - 1u);

	frame[seg->sack_off + 1] = (uint8_t)(frame[seg->sack_off + 1] - 8);
	memmove(frame + from + 8, frame + from, last - from);
}

bool sl_wire_insert_timestamps(struct sl_buf *buf, struct sl_seg *seg, uint32_t tsval,
			       uint32_t tsecr)
{
	const unsigned n = 12, header = seg->l4_off + 20u, options = seg->payload_off - header;
	const unsigned dropped = block_in_the_way(seg, options, n), grown = n - dropped;
	uint8_t *tcp;
	uint16_t cksum;
	uint64_t sum;

	if (buf->headroom < grown || options + grown > SL_TCP_OPTIONS_MAX)
		return false;
	/* The sum gains the option, the data offset, and the pseudo-header's length; what it had of
	 * these goes. */
	tcp = buf->data + seg->l4_off;
	sum = (uint16_t)~sl_cksum_fold(
		sl_cksum_add(sl_cksum_add(0, tcp + 12, 2), tcp + 20, options));
	if (dropped > 0)
		drop_last_block(buf->data, seg, header);
	memmove(buf->data - grown, buf->data, header);
	buf->data -= grown;
	buf->headroom = (uint16_t)(buf->headroom - grown);
	buf->len = (uint16_t)(buf->len + grown);
	tcp = buf->data + seg->l4_off;
	tcp[12] = (uint8_t)(tcp[12] + (grown / 4 << 4));
	sl_store_be32(tcp + 20, 0x0101080a);
	sl_store_be32(tcp + 24, tsval);
	sl_store_be32(tcp + 28, tsecr);
	grow_ip(buf->data + seg->l3_off, seg->v6, grown);
	sum = sl_cksum_add(sum, tcp + 12, 2);
	sum = sl_cksum_add(sum, tcp + 20, options + grown);
	sum += __builtin_bswap16((uint16_t)grown);
	memcpy(&cksum, tcp + 16, sizeof(cksum));
	cksum = sl_cksum_apply(cksum, sum);
	memcpy(tcp + 16, &cksum, sizeof(cksum));
	seg->ts_off = (uint16_t)(header + 2);
	seg->tsval = tsval;
	seg->tsecr = tsecr;
	seg->payload_off = (uint16_t)(seg->payload_off + grown);
	if (seg->sack_off != 0)
		seg->sack_off = (uint16_t)(seg->sack_off + n);
	if (dropped > 0)
		seg->n_sack--;
	return true;
}

void sl_wire_clamp_mss(struct sl_buf *buf, struct sl_seg *seg, uint16_t most)
{
	struct sl_rewrite rw = sl_rewrite_begin(buf->data, seg);
	const unsigned end = (unsigned)seg->payload_off - seg->l4_off;

	/* It parsed: every option's length is right. */
	for (unsigned off = SL_TCP_HDR; off < end && rw.tcp[off] != 0;) {
		if (rw.tcp[off] == 1) {
			off++;
			continue;
		}
		if (rw.tcp[off] == 2 && sl_load_be16(rw.tcp + off + 2) > most)
			sl_rewrite_u32(&rw, off, 0x02040000u | most);
		off += rw.tcp[off + 1];
	}
	seg->mss = (uint16_t)sl_min_u32(seg->mss, most);
	sl_rewrite_end(&rw);
}
