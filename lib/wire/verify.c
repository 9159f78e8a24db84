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

bool sl_wire_verify(struct sl_buf *buf, struct sl_seg *seg)
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
