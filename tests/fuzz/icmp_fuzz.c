/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ICMP errors: what parses as one has what it quotes inside its message; its checksum is judged,
 * and kept right, or wrong, by every rewriting of the quote; and our own answer to a segment that
 * is too long parses as one that goes to its sender.
 */
#include "sl_rewrite.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

static void check_offsets(const struct sl_seg *icmp, const struct sl_quote *q, size_t size)
{
	const struct sl_seg *seg = &q->seg;
	const unsigned end = seg->l4_off + q->tcp_len;

	check(q->ip_off == icmp->l3_off && q->icmp_off == icmp->l4_off);
	check((size_t)q->icmp_off + q->icmp_len <= size);
	check(seg->l3_off == q->icmp_off + 8);
	check(seg->l4_off >= seg->l3_off + (seg->v6 ? 40 : 20));
	check((seg->l4_off - q->icmp_off) % 2 == 0);
	check(q->tcp_len >= 8 && end <= (unsigned)q->icmp_off + q->icmp_len);
	check(seg->v6 == icmp->v6 && seg->vlan == icmp->vlan);
	check(seg->v6 == !sl_addr_is_v4(&seg->src) && seg->v6 == !sl_addr_is_v4(&seg->dst));
	if (seg->ts_off != 0)
		check(seg->ts_off >= seg->l4_off + SL_TCP_HDR && seg->ts_off + 10u <= end);
	check((seg->sack_off != 0) == (seg->n_sack != 0));
	if (seg->sack_off != 0)
		check(seg->sack_off >= seg->l4_off + SL_TCP_HDR &&
		      seg->sack_off + 2u + 8u * seg->n_sack <= end);
}

/* Only within the quote; and what was right stays right. */
static void check_rewrite(const uint8_t *data, size_t size, const struct sl_quote *quote)
{
	struct sl_quote q = *quote;
	uint8_t *frame = malloc(size);
	const unsigned first = q.icmp_off + 4u, end = q.seg.l4_off + q.tcp_len;
	bool right;

	memcpy(frame, data, size);
	right = sl_wire_verify_quote(frame, &q);
	for (unsigned i = 0; i < 2; i++) {
		struct sl_rewrite rw = sl_rewrite_begin(frame, &q.seg);

		sl_rewrite_seq(&rw, q.seg.seq * 3 + 77);
		if (q.tcp_len >= 12)
			sl_rewrite_ack(&rw, q.seg.ack ^ q.seg.seq);
		if (q.tcp_len >= 16)
			sl_rewrite_wnd(&rw, (uint16_t)~q.seg.wnd);
		if (q.seg.ts_off != 0)
			sl_rewrite_tsecr(&rw, q.seg.tsecr + q.seg.seq);
		if (q.seg.sack_off != 0)
			sl_rewrite_sack_shift(&rw, q.seg.seq);
		sl_rewrite_end_quote(&rw, frame, &q);
		check(sl_wire_verify_quote(frame, &q) == right);
	}
	check(memcmp(frame, data, q.icmp_off + 2u) == 0);
	check(memcmp(frame + first, data + first, q.seg.l4_off - first) == 0);
	check(memcmp(frame + end, data + end, size - end) == 0);
	free(frame);
}

static void check_too_big(const uint8_t *frame, const struct sl_seg *seg)
{
	uint8_t room[1400];
	struct sl_buf buf = {
		.data = room,
		.tailroom = (uint16_t)(SL_FRAME_MADE_MAX + seg->seq % 1200),
	};
	struct sl_quote quote;
	struct sl_seg icmp;
	struct sl_l2 l2;

	sl_wire_l2_get(frame, seg->l3_off, &l2);
	sl_wire_l2_swap(&l2);
	check(sl_wire_emit_too_big(&buf, &l2, frame, seg, 1300));
	check(buf.len <= sizeof(room));
	check(sl_wire_parse(room, buf.len, &icmp) == SL_PARSED_ICMP);
	check(icmp.payload_off + icmp.payload_len == buf.len);
	check(sl_addr_equal(&icmp.src, &seg->dst) && sl_addr_equal(&icmp.dst, &seg->src));
	/* Extension headers may be longer than what an error quotes. */
	if (!sl_wire_parse_quote(room, &icmp, &quote))
		return;
	check(sl_wire_verify_quote(room, &quote) && quote.to_sender);
	check(quote.seg.seq == seg->seq && quote.seg.src_port == seg->src_port);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sl_quote quote;
	struct sl_seg seg;

	if (size > UINT16_MAX)
		return 0;
	switch (sl_wire_parse(data, (uint16_t)size, &seg)) {
	case SL_PARSED_ICMP:
		check((size_t)seg.payload_off + seg.payload_len <= size);
		if (!sl_wire_parse_quote(data, &seg, &quote))
			break;
		check_offsets(&seg, &quote, size);
		check_rewrite(data, size, &quote);
		break;
	case SL_PARSED_TCP:
		check_too_big(data, &seg);
		break;
	case SL_PARSED_OTHER:
	case SL_PARSED_UNREAD:
	case SL_PARSED_BAD_TCP:
	case SL_PARSED_BAD:
		break;
	}
	return 0;
}
