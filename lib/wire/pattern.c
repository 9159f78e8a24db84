/* SPDX-License-Identifier: BSD-3-Clause */
#include "sl_pattern.h"

/* The bits of the headers that a pattern compares, byte by byte. */
struct bits {
	uint8_t mask[SL_PATTERN_L4_V6 + 40];
};

static void all(struct bits *b, unsigned from, unsigned n)
{
	memset(b->mask + from, 0xff, n);
}

static enum sl_pattern_kind kind_of(const uint8_t *frame, const struct sl_seg *seg, bool to_server)
{
	const uint8_t *options = frame + seg->l4_off + SL_TCP_HDR;
	const uint8_t what = seg->flags & (SL_SYN | SL_FIN | SL_RST | SL_ACK);

	if (seg->l3_off != SL_PATTERN_L3 ||
	    seg->l4_off != (seg->v6 ? SL_PATTERN_L4_V6 : SL_PATTERN_L4_V4))
		return SL_PATTERN_NONE;
	switch (seg->payload_off - seg->l4_off) {
	case SL_TCP_HDR:
		return what == SL_ACK ? SL_PATTERN_ACK : SL_PATTERN_NONE;
	case SL_TCP_HDR + 12:
		return what == SL_ACK && sl_load_be32(options) == 0x0101080a ? SL_PATTERN_ACK_TS
									     : SL_PATTERN_NONE;
	case SL_TCP_HDR + 20:
		return what == SL_SYN && to_server && seg->payload_len == 0 &&
				       sl_load_be16(options) == 0x0204 &&
				       sl_load_be32(options + 4) == 0x0402080a &&
				       sl_load_be32(options + 16) >> 8 == 0x010303
			       ? SL_PATTERN_SYN
			       : SL_PATTERN_NONE;
	default:
		return SL_PATTERN_NONE;
	}
}

/* Version, lengths, protocol, the server's address; and no fragment. */
static void ip_bits(struct bits *b, const struct sl_seg *seg, bool to_server, bool sized)
{
	const unsigned ip = SL_PATTERN_L3;

	all(b, ip - 2, 2); /* EtherType */
	if (seg->v6) {
		b->mask[ip] = 0xf0;
		if (sized)
			all(b, ip + 4, 2);
		all(b, ip + 6, 1);
		all(b, ip + (to_server ? 24 : 8), 16);
		return;
	}
	all(b, ip, 1);
	if (sized)
		all(b, ip + 2, 2);
	b->mask[ip + 6] = 0x3f; /* more fragments, and the offset */
	all(b, ip + 7, 1);
	all(b, ip + 9, 1);
	all(b, ip + (to_server ? 16 : 12), 4);
}

static void tcp_bits(struct bits *b, unsigned tcp, enum sl_pattern_kind kind, bool to_server)
{
	all(b, tcp + (to_server ? 2 : 0), 2);
	b->mask[tcp + 12] = 0xf0;
	b->mask[tcp + 13] = SL_SYN | SL_FIN | SL_RST | SL_ACK;
	if (kind == SL_PATTERN_ACK_TS)
		all(b, tcp + 20, 4);
	if (kind == SL_PATTERN_SYN) {
		all(b, tcp + 20, 8);
		all(b, tcp + 36, 4);
	}
}

static void take(struct sl_pattern *s, unsigned i, const struct bits *b, const uint8_t *frame,
		 unsigned at)
{
	memcpy(&s->mask[i], b->mask + at, sizeof(s->mask[i]));
	memcpy(&s->value[i], frame + at, sizeof(s->value[i]));
	s->value[i] &= s->mask[i];
}

bool sl_pattern_learn(struct sl_pattern *s, const uint8_t *frame, const struct sl_seg *seg,
		      bool to_server)
{
	const enum sl_pattern_kind kind = kind_of(frame, seg, to_server);
	const unsigned end = seg->payload_off;
	struct bits b = {0};

	if (kind == SL_PATTERN_NONE)
		return false;
	ip_bits(&b, seg, to_server, kind == SL_PATTERN_SYN);
	tcp_bits(&b, seg->l4_off, kind, to_server);
	s->kind = (uint8_t)kind;
	s->v6 = seg->v6;
	s->to_server = to_server;
	take(s, 0, &b, frame, 12);
	take(s, 1, &b, frame, sl_pattern_server(to_server, s->v6));
	take(s, 2, &b, frame, sl_pattern_flags(kind, s->v6));
	memcpy(&s->last_mask, b.mask + end - 8, sizeof(s->last_mask));
	s->last = sl_load_le64(frame + end - 8) & s->last_mask;
	memcpy(&s->port_be, frame + seg->l4_off + (to_server ? 2 : 0), sizeof(s->port_be));
	return true;
}
