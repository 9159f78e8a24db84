/* SPDX-License-Identifier: BSD-3-Clause */
/* What lies below TCP: Ethernet and its tags, IPv4, IPv6 and its extension headers. */
#include "parse_tcp.h"

enum {
	LENGTH_MAX = 1500, /* IEEE 802.3: up to here the field is no EtherType */
	ETHERTYPE_VLAN = 0x8100,
	ETHERTYPE_QINQ = 0x88a8,
	ETHERTYPE_QINQ_OLD = 0x9100,
	PROTO_HOPOPTS = 0,
	PROTO_ROUTING = 43,
	PROTO_AH = 51,
	PROTO_DSTOPTS = 60,
	PROTO_MOBILITY = 135,
	PROTO_HIP = 139,
	PROTO_SHIM6 = 140,
};

static enum sl_parsed bad(struct sl_seg *seg, enum sl_drop reason)
{
	seg->reason = (uint8_t)reason;
	return SL_PARSED_BAD;
}

static enum sl_parsed bad_tcp(struct sl_seg *seg, enum sl_drop reason)
{
	seg->src_port = seg->dst_port = 0;
	seg->reason = (uint8_t)reason;
	return SL_PARSED_BAD_TCP;
}

/* Whether `len` bytes of IPv4 options hold a source route, loose or strict (RFC 791). */
static bool has_source_route(const uint8_t *opt, unsigned len)
{
	unsigned i = 0;

	while (i < len && opt[i] != 0) {
		if (opt[i] == 1) {
			i++;
			continue;
		}
		if (opt[i] == 131 || opt[i] == 137)
			return true;
		if (i + 1 >= len || opt[i + 1] < 2)
			return false;
		i += opt[i + 1];
	}
	return false;
}

static enum sl_parsed parse_ipv4(const uint8_t *frame, uint16_t len, unsigned l3,
				 struct sl_seg *seg)
{
	const uint8_t *ip = frame + l3;
	const unsigned room = len - l3;
	unsigned hdr, total, fragment;

	if (room < IPV4_HDR)
		return bad(seg, SL_DROP_ip_truncated);
	if (ip[0] >> 4 != 4)
		return bad(seg, SL_DROP_ip_bad_version);
	hdr = (ip[0] & 0x0f) * 4u;
	total = sl_load_be16(ip + 2);
	if (hdr < IPV4_HDR || hdr > room)
		return bad(seg, SL_DROP_ip_bad_header_length);
	if (total < hdr || total > room)
		return bad(seg, SL_DROP_ip_bad_length);
	fragment = sl_load_be16(ip + 6) & 0x3fff; /* more fragments, or an offset */
	if (ip[9] != PROTO_TCP && (ip[9] != PROTO_ICMP || fragment != 0))
		return SL_PARSED_OTHER;
	sl_addr_set_v4(&seg->src, ip + 12);
	sl_addr_set_v4(&seg->dst, ip + 16);
	seg->l4_off = (uint16_t)(l3 + hdr);
	if (ip[9] == PROTO_ICMP)
		return wire_parse_icmp(frame, total - hdr, seg);
	if (fragment != 0)
		return bad_tcp(seg, SL_DROP_fragment);
	if (hdr > IPV4_HDR && has_source_route(ip + IPV4_HDR, hdr - IPV4_HDR))
		return bad_tcp(seg, SL_DROP_ip_source_route);
	return wire_tcp(frame, l3 + hdr, total - hdr, seg);
}

unsigned wire_extension_len(uint8_t proto, const uint8_t *p, unsigned room)
{
	unsigned len;

	if (room < 8)
		return 0;
	if (proto == PROTO_FRAGMENT)
		return 8;
	len = proto == PROTO_AH ? (p[1] + 2u) * 4 : (p[1] + 1u) * 8;
	return len <= room ? len : 0;
}

bool wire_is_extension(uint8_t proto)
{
	if (sl_likely(proto == PROTO_TCP))
		return false;
	return proto == PROTO_HOPOPTS || proto == PROTO_ROUTING || proto == PROTO_FRAGMENT ||
	       proto == PROTO_AH || proto == PROTO_DSTOPTS || proto == PROTO_MOBILITY ||
	       proto == PROTO_HIP || proto == PROTO_SHIM6;
}

static enum sl_parsed parse_ipv6(const uint8_t *frame, uint16_t len, unsigned l3,
				 struct sl_seg *seg)
{
	const uint8_t *ip = frame + l3;
	const unsigned room = len - l3;
	bool fragment = false, routed = false;
	unsigned off = IPV6_HDR, end;
	uint8_t proto;

	if (room < IPV6_HDR)
		return bad(seg, SL_DROP_ip_truncated);
	if (ip[0] >> 4 != 6)
		return bad(seg, SL_DROP_ip_bad_version);
	end = IPV6_HDR + sl_load_be16(ip + 4);
	if (end > room)
		return bad(seg, SL_DROP_ip_bad_length);
	proto = ip[6];
	for (unsigned n = 0; wire_is_extension(proto) && !fragment; n++) {
		const unsigned ext = wire_extension_len(proto, ip + off, end - off);

		if (ext == 0 || n == MAX_EXTENSIONS)
			return bad(seg, SL_DROP_ip6_bad_extension);
		/* An atomic fragment (offset 0, no more) is a whole packet: RFC 6946. */
		if (proto == PROTO_FRAGMENT)
			fragment = (sl_load_be16(ip + off + 2) & 0xfff9) != 0;
		if (proto == PROTO_ROUTING && ip[off + 3] != 0)
			routed = true;
		proto = ip[off];
		off += ext;
	}
	/* What a fragment hides behind further headers may be TCP, and its receiver would find it:
	 * RFC 7112 forbids to hide it so. */
	if (proto != PROTO_TCP && !(fragment && wire_is_extension(proto)) &&
	    (proto != PROTO_ICMPV6 || fragment))
		return SL_PARSED_OTHER;
	memcpy(seg->src.b, ip + 8, 16);
	memcpy(seg->dst.b, ip + 24, 16);
	seg->v6 = true;
	seg->l4_off = (uint16_t)(l3 + off);
	if (proto == PROTO_ICMPV6)
		return wire_parse_icmp(frame, end - off, seg);
	/* A mapped IPv4 address is none of IPv6's wire (RFC 4942 section 2.2), and would stand for
	 * another host's in every table. */
	if (sl_addr_is_v4(&seg->src) || sl_addr_is_v4(&seg->dst))
		return bad_tcp(seg, SL_DROP_martian);
	if (fragment)
		return bad_tcp(seg, SL_DROP_fragment);
	if (routed)
		return bad_tcp(seg, SL_DROP_ip_source_route);
	return wire_tcp(frame, l3 + off, end - off, seg);
}

/* IP behind LLC and SNAP (RFC 1042), of which the first byte is at `off`. */
static bool is_ip_in_snap(const uint8_t *frame, unsigned len, unsigned off)
{
	static const uint8_t snap[] = {0xaa, 0xaa, 3, 0, 0, 0};
	uint16_t type;

	if (off + sizeof(snap) + 2 > len || memcmp(frame + off, snap, sizeof(snap)) != 0)
		return false;
	type = sl_load_be16(frame + off + sizeof(snap));
	return type == ETHERTYPE_IPV4 || type == ETHERTYPE_IPV6;
}

enum sl_parsed wire_parse_l2(const uint8_t *frame, unsigned len, struct wire_l2 *l2)
{
	unsigned off = 12, tags = 0;
	uint16_t type;

	memset(l2, 0, sizeof(*l2));
	l2->reason = SL_DROP_frame_truncated;
	if (len < 14)
		return SL_PARSED_BAD;
	type = sl_load_be16(frame + off);
	while (type == ETHERTYPE_VLAN || type == ETHERTYPE_QINQ || type == ETHERTYPE_QINQ_OLD) {
		if (off + 6 > len)
			return SL_PARSED_BAD;
		if (++tags > 2) {
			l2->reason = SL_DROP_too_many_tags;
			return SL_PARSED_UNREAD;
		}
		l2->vlan = l2->vlan << 12 | (sl_load_be16(frame + off + 2) & 0x0fff);
		off += 4;
		type = sl_load_be16(frame + off);
	}
	l2->type = type;
	l2->len = (uint16_t)(off + 2);
	if (type <= LENGTH_MAX && is_ip_in_snap(frame, len, l2->len)) {
		l2->reason = SL_DROP_ip_in_snap;
		return SL_PARSED_UNREAD;
	}
	return SL_PARSED_OTHER;
}

/* Everything that is not plain: tags, options, extension headers, other protocols, errors. */
static enum sl_parsed parse_any(const uint8_t *frame, uint16_t len, struct sl_seg *seg)
{
	struct wire_l2 l2;
	enum sl_parsed parsed;

	memset(seg, 0, sizeof(*seg));
	parsed = wire_parse_l2(frame, len, &l2);
	seg->vlan = l2.vlan;
	if (parsed != SL_PARSED_OTHER) {
		seg->reason = l2.reason;
		return parsed;
	}
	seg->l3_off = l2.len;
	if (l2.type == ETHERTYPE_IPV4)
		return parse_ipv4(frame, len, l2.len, seg);
	if (l2.type == ETHERTYPE_IPV6)
		return parse_ipv6(frame, len, l2.len, seg);
	return SL_PARSED_OTHER;
}

enum sl_parsed sl_wire_parse_ip(const uint8_t *packet, uint16_t len, struct sl_seg *seg)
{
	memset(seg, 0, sizeof(*seg));
	if (len == 0)
		return bad(seg, SL_DROP_ip_truncated);
	return packet[0] >> 4 == 6 ? parse_ipv6(packet, len, 0, seg)
				   : parse_ipv4(packet, len, 0, seg);
}

/* Bytes 12 to 15 and 20 to 23 of a frame as they lie in memory. */
struct plain {
	uint32_t type_mask, type; /* EtherType, version, IPv4's header length */
	uint32_t proto_mask, proto;
};

static inline bool is_plain(const uint8_t *frame, const struct plain plain)
{
	return ((sl_load_le32(frame + 12) & plain.type_mask) ^ plain.type) == 0 &&
	       ((sl_load_le32(frame + 20) & plain.proto_mask) ^ plain.proto) == 0;
}

static inline void zero_behind_addrs(struct sl_seg *seg)
{
	static_assert(offsetof(struct sl_seg, ack) == 32, "the addresses lie first");
	memset(&seg->ack, 0, sizeof(*seg) - offsetof(struct sl_seg, ack));
}

/*
 * Nearly every frame has no tag, and an IP header without options that is followed by TCP: then all
 * stands where it always does. What is not right in the least goes the other way, which knows why.
 */
enum sl_parsed sl_wire_parse(const uint8_t *frame, uint16_t len, struct sl_seg *seg)
{
	/* No fragment: no offset, no more of them. */
	static const struct plain ipv4 = {0xffffff, 0x450008, 0xff00ff3f, PROTO_TCP << 24};
	static const struct plain ipv6 = {0xf0ffff, 0x60dd86, 0xff, PROTO_TCP};
	enum { L3 = 14 };
	const uint8_t *ip = frame + L3;

	if (sl_unlikely(len < L3 + IPV4_HDR + SL_TCP_HDR))
		return parse_any(frame, len, seg);
	if (is_plain(frame, ipv4)) {
		const unsigned total = sl_load_be16(ip + 2);

		if (sl_unlikely(total < IPV4_HDR || total + L3 > len))
			return parse_any(frame, len, seg);
		zero_behind_addrs(seg);
		sl_addr_set_v4(&seg->src, ip + 12);
		sl_addr_set_v4(&seg->dst, ip + 16);
		seg->l3_off = L3;
		return wire_tcp(frame, L3 + IPV4_HDR, total - IPV4_HDR, seg);
	}
	if (is_plain(frame, ipv6)) {
		const unsigned tcp_len = sl_load_be16(ip + 4);

		if (sl_unlikely(tcp_len + L3 + IPV6_HDR > len))
			return parse_any(frame, len, seg);
		memcpy(seg->src.b, ip + 8, 16);
		memcpy(seg->dst.b, ip + 24, 16);
		if (sl_unlikely(sl_addr_is_v4(&seg->src) || sl_addr_is_v4(&seg->dst)))
			return parse_any(frame, len, seg);
		zero_behind_addrs(seg);
		seg->l3_off = L3;
		seg->v6 = true;
		return wire_tcp(frame, L3 + IPV6_HDR, tcp_len, seg);
	}
	return parse_any(frame, len, seg);
}

void sl_wire_l2_get(const uint8_t *frame, unsigned len, struct sl_l2 *l2)
{
	l2->len = (uint8_t)len;
	memcpy(l2->bytes, frame, l2->len);
}

void sl_wire_l2_swap(struct sl_l2 *l2)
{
	uint8_t mac[6];

	memcpy(mac, l2->bytes, 6);
	memcpy(l2->bytes, l2->bytes + 6, 6);
	memcpy(l2->bytes + 6, mac, 6);
}
