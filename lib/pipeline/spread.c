/* SPDX-License-Identifier: BSD-3-Clause */
#include "sl_spread.h"

/* One end of a connection, as three words to be ordered and hashed. */
struct end {
	uint64_t addr[2];
	uint64_t port;
};

static struct end end_of(const struct sl_addr *addr, uint16_t port)
{
	struct end e = {.port = port};

	memcpy(e.addr, addr->b, sizeof(e.addr));
	return e;
}

static bool is_below(const struct end *a, const struct end *b)
{
	if (a->addr[0] != b->addr[0])
		return a->addr[0] < b->addr[0];
	if (a->addr[1] != b->addr[1])
		return a->addr[1] < b->addr[1];
	return a->port < b->port;
}

static unsigned owner(const struct sl_spread *s, const struct sl_seg *seg, unsigned link)
{
	const struct end src = end_of(&seg->src, seg->src_port);
	const struct end dst = end_of(&seg->dst, seg->dst_port);
	const bool up = is_below(&src, &dst);
	const struct end *a = up ? &src : &dst, *b = up ? &dst : &src;
	const uint64_t words[] = {
		a->addr[0],
		a->addr[1],
		b->addr[0],
		b->addr[1],
		a->port << 48 | b->port << 32 | (uint64_t)link << 24 | seg->vlan,
		SL_SIP_LENGTH(40),
	};
	const uint64_t hash = sl_siphash24_words(&s->key, words, SL_ARRAY_LEN(words));

	return (unsigned)((hash >> 32) * s->n_workers >> 32);
}

unsigned sl_spread_owner(const struct sl_spread *s, const uint8_t *frame, uint16_t len,
			 unsigned link, unsigned receiver)
{
	struct sl_quote quote;
	struct sl_seg seg;

	switch (sl_wire_parse(frame, len, &seg)) {
	case SL_PARSED_TCP:
		return owner(s, &seg, link);
	case SL_PARSED_BAD_TCP:
		/* On a host link its connection answers. */
		return seg.reason == SL_DROP_tcp_bad_flags ? owner(s, &seg, link) : receiver;
	case SL_PARSED_ICMP:
		return sl_wire_parse_quote(frame, &seg, &quote) ? owner(s, &quote.seg, link)
								: receiver;
	case SL_PARSED_OTHER:
	case SL_PARSED_UNREAD:
	case SL_PARSED_BAD:
		break;
	}
	return receiver;
}
