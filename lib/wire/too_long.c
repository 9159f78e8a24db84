/* SPDX-License-Identifier: BSD-3-Clause */
/* Any packet that is too long for its next link, whatever it carries: whether its sender is told.
 */
#include "wire.h"

#include "sl_bytes.h"

enum {
	ICMP6_QUERIES = 128, /* RFC 4443 section 2.1: errors have the types below */
	ICMP6_REDIRECT = 137,
	IPV4_DF = 0x4000,
	IPV4_OFFSET = 0x1fff,
};

unsigned sl_wire_l3_off(const uint8_t *frame, unsigned len)
{
	struct wire_l2 l2;

	(void)wire_parse_l2(frame, len, &l2);
	return l2.len != 0 ? l2.len : SL_ETHER_HDR;
}

/* RFC 1122 section 3.2.2: no error about an error. */
static bool is_icmp_error(const uint8_t *icmp)
{
	switch (icmp[0]) {
	case 3:  /* destination unreachable */
	case 4:  /* source quench */
	case 5:  /* redirect */
	case 11: /* time exceeded */
	case 12: /* parameter problem */
		return true;
	default:
		return false;
	}
}

/* RFC 1812 section 4.3.2.7. Returns the bytes of the packet, or 0. */
static unsigned answerable_ipv4(const uint8_t *ip, unsigned room, struct sl_seg *seg)
{
	unsigned hdr, total, flags;

	if (room < IPV4_HDR || ip[0] >> 4 != 4)
		return 0;
	hdr = (ip[0] & 0x0f) * 4u;
	total = sl_load_be16(ip + 2);
	flags = sl_load_be16(ip + 6);
	if (hdr < IPV4_HDR || hdr + ICMP_HDR > total || total > room)
		return 0;
	if (!(flags & IPV4_DF) || (flags & IPV4_OFFSET) != 0)
		return 0;
	sl_addr_set_v4(&seg->src, ip + 12);
	sl_addr_set_v4(&seg->dst, ip + 16);
	if (sl_addr_v4_is_martian(&seg->src) || sl_addr_v4_is_martian(&seg->dst) ||
	    (ip[9] == PROTO_ICMP && is_icmp_error(ip + hdr)))
		return 0;
	return total;
}

/* RFC 4443 section 2.4 (e). A packet to a group has no destination that could be the source. */
static unsigned answerable_ipv6(const uint8_t *ip, unsigned room, struct sl_seg *seg)
{
	unsigned off = IPV6_HDR, end;
	uint8_t proto;

	if (room < IPV6_HDR || ip[0] >> 4 != 6)
		return 0;
	end = IPV6_HDR + sl_load_be16(ip + 4);
	if (end > room)
		return 0;
	memcpy(seg->src.b, ip + 8, 16);
	memcpy(seg->dst.b, ip + 24, 16);
	if (sl_addr_is_martian(&seg->src) || sl_addr_is_martian(&seg->dst))
		return 0;
	proto = ip[6];
	for (unsigned n = 0; wire_is_extension(proto) && n < MAX_EXTENSIONS; n++) {
		const unsigned ext = wire_extension_len(proto, ip + off, end - off);

		if (ext == 0)
			return 0;
		if (proto == PROTO_FRAGMENT && (sl_load_be16(ip + off + 2) & 0xfff8) != 0)
			return end; /* a later fragment: no telling what it is of */
		proto = ip[off];
		off += ext;
	}
	if (proto == PROTO_ICMPV6 &&
	    (off >= end || ip[off] < ICMP6_QUERIES || ip[off] == ICMP6_REDIRECT))
		return 0;
	return end;
}

bool sl_wire_may_tell_too_big(const uint8_t *frame, unsigned len, struct sl_seg *seg)
{
	struct wire_l2 l2;
	unsigned packet = 0;

	memset(seg, 0, sizeof(*seg));
	/* RFC 1122 section 3.2.2: nor about what came to many stations. */
	if (wire_parse_l2(frame, len, &l2) != SL_PARSED_OTHER || frame[0] & 1)
		return false;
	if (l2.type == ETHERTYPE_IPV4)
		packet = answerable_ipv4(frame + l2.len, len - l2.len, seg);
	else if (l2.type == ETHERTYPE_IPV6)
		packet = answerable_ipv6(frame + l2.len, len - l2.len, seg);
	seg->v6 = l2.type == ETHERTYPE_IPV6;
	seg->l3_off = seg->payload_off = l2.len;
	seg->payload_len = (uint16_t)packet;
	return packet != 0;
}
