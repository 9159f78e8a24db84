/* SPDX-License-Identifier: BSD-3-Clause */
#include "sl_spread.h"

#include "sl_bytes.h"

enum {
	PROTO_ICMP = 1,
	PROTO_TCP = 6,
	PROTO_ICMP6 = 58,
	IPV4_HDR = 20,
	IPV6_HDR = 40,
	ICMP_HDR = 8,
	TCP_PORTS = 4, /* bytes; an error quotes no less than 8 of the segment */
};

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

/* The segment that an ICMP error quotes at `p`, `room` bytes of it, into `seg`'s addresses and
 * ports. Returns false when it is none. */
static bool quoted_ipv4(const uint8_t *p, unsigned room, struct sl_seg *seg)
{
	unsigned hdr;

	if (room < IPV4_HDR || p[0] >> 4 != 4 || p[9] != PROTO_TCP ||
	    (sl_load_be16(p + 6) & 0x1fff) != 0)
		return false;
	hdr = (p[0] & 0x0f) * 4u;
	if (hdr < IPV4_HDR || hdr + TCP_PORTS > room)
		return false;
	sl_addr_set_v4(&seg->src, p + 12);
	sl_addr_set_v4(&seg->dst, p + 16);
	seg->src_port = sl_load_be16(p + hdr);
	seg->dst_port = sl_load_be16(p + hdr + 2);
	return true;
}

static bool quoted_ipv6(const uint8_t *p, unsigned room, struct sl_seg *seg)
{
	if (room < IPV6_HDR + TCP_PORTS || p[0] >> 4 != 6 || p[6] != PROTO_TCP)
		return false;
	memcpy(seg->src.b, p + 8, 16);
	memcpy(seg->dst.b, p + 24, 16);
	seg->src_port = sl_load_be16(p + IPV6_HDR);
	seg->dst_port = sl_load_be16(p + IPV6_HDR + 2);
	return true;
}

/* Unreachable, source quench, redirect, time exceeded, parameter problem. */
static bool is_icmp4_error(uint8_t type)
{
	return type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
}

/* Takes a frame that is not TCP for an ICMP error. */
static bool quoted(const uint8_t *frame, uint16_t len, struct sl_seg *seg)
{
	const uint8_t *ip = frame + seg->l3_off;
	unsigned room, hdr;

	if (seg->l3_off == 0 || seg->l3_off + IPV4_HDR > len)
		return false;
	room = len - seg->l3_off;
	if (ip[0] >> 4 == 4) {
		hdr = (ip[0] & 0x0f) * 4u;
		return ip[9] == PROTO_ICMP && (sl_load_be16(ip + 6) & 0x1fff) == 0 &&
		       hdr >= IPV4_HDR && hdr + ICMP_HDR <= room && is_icmp4_error(ip[hdr]) &&
		       quoted_ipv4(ip + hdr + ICMP_HDR, room - hdr - ICMP_HDR, seg);
	}
	/* RFC 4443 section 2.1: types below 128 are errors. */
	return ip[0] >> 4 == 6 && room >= IPV6_HDR + ICMP_HDR && ip[6] == PROTO_ICMP6 &&
	       ip[IPV6_HDR] < 128 &&
	       quoted_ipv6(ip + IPV6_HDR + ICMP_HDR, room - IPV6_HDR - ICMP_HDR, seg);
}

unsigned sl_spread_owner(const struct sl_spread *s, const uint8_t *frame, uint16_t len,
			 unsigned link, unsigned receiver)
{
	struct sl_seg seg;

	switch (sl_wire_parse(frame, len, &seg)) {
	case SL_PARSED_TCP:
		return owner(s, &seg, link);
	case SL_PARSED_OTHER:
		return quoted(frame, len, &seg) ? owner(s, &seg, link) : receiver;
	case SL_PARSED_BAD_TCP:
	case SL_PARSED_BAD:
		break;
	}
	return receiver;
}
