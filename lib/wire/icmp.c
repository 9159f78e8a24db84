/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ICMP errors: which segment they quote; and one of our own. Sources: RFC 792, RFC 1191, RFC 4443,
 * RFC 4884 (what may stand behind the quote).
 */
#include "wire.h"

#include "sl_bytes.h"
#include "sl_cksum.h"
#include "sl_rewrite.h"

enum {
	ICMP4_UNREACHABLE = 3,
	ICMP4_TIME_EXCEEDED = 11,
	ICMP4_PARAMETER = 12,
	ICMP4_TOO_BIG = 4, /* code: fragmentation needed and DF set */
	ICMP6_UNREACHABLE = 1,
	ICMP6_TOO_BIG = 2,
	ICMP6_TIME_EXCEEDED = 3,
	ICMP6_PARAMETER = 4,
	TCP_QUOTED_MIN = 8,          /* RFC 792: no error quotes less, and no host believes less */
	QUOTE_BEFORE_MORE = 128,     /* RFC 4884 section 4: at least so much before an extension */
	ANSWER4_MAX = 576,           /* RFC 1812 section 4.3.2.3 */
	ANSWER6_MAX = 1280,          /* RFC 4443 section 2.4 (c) */
	INTERNETWORK_CONTROL = 0xc0, /* RFC 1812 section 4.3.2.5 */
	TTL = 64,
};

enum sl_parsed wire_parse_icmp(const uint8_t *frame, unsigned len, struct sl_seg *seg)
{
	const uint8_t type = len < ICMP_HDR ? 0 : frame[seg->l4_off];
	bool error;

	if (seg->v6)
		error = type >= ICMP6_UNREACHABLE && type <= ICMP6_PARAMETER;
	else
		error = type == ICMP4_UNREACHABLE || type == ICMP4_TIME_EXCEEDED ||
			type == ICMP4_PARAMETER;
	if (!error)
		return SL_PARSED_OTHER;
	seg->payload_off = (uint16_t)(seg->l4_off + ICMP_HDR);
	seg->payload_len = (uint16_t)(len - ICMP_HDR);
	return SL_PARSED_ICMP;
}

/* How many bytes behind ICMP's header are the quoted packet's; others may follow (RFC 4884). */
static unsigned quote_len(const uint8_t *frame, const struct sl_seg *icmp)
{
	const uint8_t *p = frame + icmp->l4_off;
	unsigned len = 0;

	if (!icmp->v6)
		len = p[5] * 4u;
	else if (p[0] != ICMP6_TOO_BIG && p[0] != ICMP6_PARAMETER)
		len = p[4] * 8u;
	return len >= QUOTE_BEFORE_MORE ? sl_min_u32(len, icmp->payload_len) : icmp->payload_len;
}

/*
 * The quoted header of IPv4 at frame + seg->l3_off, `room` bytes of it and what follows. Returns
 * the bytes of TCP, 0 when it is none.
 */
static unsigned quoted_ipv4(const uint8_t *frame, unsigned room, struct sl_seg *seg)
{
	const uint8_t *ip = frame + seg->l3_off;
	unsigned hdr, total;

	if (room < IPV4_HDR || ip[0] >> 4 != 4 || ip[9] != PROTO_TCP ||
	    (sl_load_be16(ip + 6) & 0x1fff) != 0)
		return 0;
	hdr = (ip[0] & 0x0f) * 4u;
	if (hdr < IPV4_HDR || hdr + TCP_QUOTED_MIN > room)
		return 0;
	/* Some systems have changed the length before they quote it: then it says nothing. */
	total = sl_load_be16(ip + 2);
	if (total >= hdr + TCP_QUOTED_MIN)
		room = sl_min_u32(room, total);
	sl_addr_set_v4(&seg->src, ip + 12);
	sl_addr_set_v4(&seg->dst, ip + 16);
	seg->l4_off = (uint16_t)(seg->l3_off + hdr);
	return room - hdr;
}

/* Likewise of IPv6. */
static unsigned quoted_ipv6(const uint8_t *frame, unsigned room, struct sl_seg *seg)
{
	const uint8_t *ip = frame + seg->l3_off;
	unsigned off = IPV6_HDR, end;
	uint8_t proto;

	if (room < IPV6_HDR || ip[0] >> 4 != 6)
		return 0;
	proto = ip[6];
	for (unsigned n = 0; wire_is_extension(proto); n++) {
		const unsigned ext = wire_extension_len(proto, ip + off, room - off);

		if (ext == 0 || n == MAX_EXTENSIONS ||
		    (proto == PROTO_FRAGMENT && (sl_load_be16(ip + off + 2) & 0xfff8) != 0))
			return 0;
		proto = ip[off];
		off += ext;
	}
	if (proto != PROTO_TCP || off + TCP_QUOTED_MIN > room)
		return 0;
	end = IPV6_HDR + sl_load_be16(ip + 4);
	if (end >= off + TCP_QUOTED_MIN)
		room = sl_min_u32(room, end);
	memcpy(seg->src.b, ip + 8, 16);
	memcpy(seg->dst.b, ip + 24, 16);
	if (sl_addr_is_v4(&seg->src) || sl_addr_is_v4(&seg->dst))
		return 0; /* none of IPv6's wire, and another host's in every table */
	seg->l4_off = (uint16_t)(seg->l3_off + off);
	return room - off;
}

bool sl_wire_parse_quote(const uint8_t *frame, const struct sl_seg *icmp, struct sl_quote *quote)
{
	const unsigned room = quote_len(frame, icmp);
	struct sl_seg *seg = &quote->seg;
	unsigned len;

	memset(quote, 0, sizeof(*quote));
	seg->vlan = icmp->vlan;
	seg->v6 = icmp->v6;
	seg->l3_off = icmp->payload_off;
	len = seg->v6 ? quoted_ipv6(frame, room, seg) : quoted_ipv4(frame, room, seg);
	if (len == 0)
		return false;
	quote->tcp_len = (uint16_t)len;
	quote->ip_off = icmp->l3_off;
	quote->icmp_off = icmp->l4_off;
	quote->icmp_len = (uint16_t)(ICMP_HDR + icmp->payload_len);
	quote->to_sender = sl_addr_equal(&icmp->dst, &seg->src);
	wire_parse_tcp_start(frame, len, seg);
	return true;
}

uint64_t wire_icmp_pseudo(const uint8_t *ip, bool v6, unsigned len)
{
	if (!v6)
		return 0;
	return sl_cksum_fold(sl_cksum_add(0, ip + 8, 32)) + (uint64_t)__builtin_bswap32(len) +
	       __builtin_bswap16(PROTO_ICMPV6);
}

bool sl_wire_verify_quote(const uint8_t *frame, const struct sl_quote *quote)
{
	const uint64_t sum =
		wire_icmp_pseudo(frame + quote->ip_off, quote->seg.v6, quote->icmp_len);

	return sl_cksum_finish(sl_cksum_add(sum, frame + quote->icmp_off, quote->icmp_len)) == 0;
}

void sl_rewrite_end_quote(struct sl_rewrite *rw, uint8_t *frame, const struct sl_quote *quote)
{
	uint8_t *icmp = frame + quote->icmp_off;
	uint64_t diff = rw->diff;
	uint16_t from, to;

	/* Of the segment, if it is quoted so far. It lies at an even distance from ICMP's header.
	 */
	if (quote->tcp_len >= 18) {
		memcpy(&from, rw->tcp + 16, sizeof(from));
		to = sl_cksum_apply(from, rw->diff);
		memcpy(rw->tcp + 16, &to, sizeof(to));
		diff = sl_cksum_diff16(diff, from, to);
	}
	memcpy(&from, icmp + 2, sizeof(from));
	to = sl_cksum_apply(from, diff);
	memcpy(icmp + 2, &to, sizeof(to));
}

void sl_rewrite_quote_mtu(uint8_t *frame, const struct sl_quote *quote, uint16_t less)
{
	const bool v6 = quote->seg.v6;
	uint8_t *icmp = frame + quote->icmp_off;
	const uint8_t code = v6 ? 0 : ICMP4_TOO_BIG;
	const unsigned least = v6 ? SL_IPV6_MTU_MIN : SL_IPV4_MTU_MIN;
	const unsigned mtu = sl_load_be16(icmp + 6);
	uint16_t from, to, cksum;

	/* Routers older than RFC 1191 tell 0. More than 64 KiB of IPv6 is no obstacle. */
	if (icmp[0] != (v6 ? ICMP6_TOO_BIG : ICMP4_UNREACHABLE) || icmp[1] != code ||
	    mtu <= least || (v6 && sl_load_be16(icmp + 4) != 0))
		return;
	memcpy(&from, icmp + 6, sizeof(from));
	sl_store_be16(icmp + 6, (uint16_t)(mtu > least + less ? mtu - less : least));
	memcpy(&to, icmp + 6, sizeof(to));
	memcpy(&cksum, icmp + 2, sizeof(cksum));
	cksum = sl_cksum_apply(cksum, sl_cksum_diff16(0, from, to));
	memcpy(icmp + 2, &cksum, sizeof(cksum));
}

static void emit_ipv4(uint8_t *ip, const struct sl_seg *seg, unsigned len)
{
	uint16_t cksum;

	memset(ip, 0, IPV4_HDR);
	ip[0] = 0x45;
	ip[1] = INTERNETWORK_CONTROL;
	sl_store_be16(ip + 2, (uint16_t)(IPV4_HDR + len));
	sl_store_be16(ip + 6, 0x4000); /* DF, identification 0: RFC 6864 section 4.1 */
	ip[8] = TTL;
	ip[9] = PROTO_ICMP;
	memcpy(ip + 12, seg->dst.b + 12, 4);
	memcpy(ip + 16, seg->src.b + 12, 4);
	cksum = sl_cksum_finish(sl_cksum_add(0, ip, IPV4_HDR));
	memcpy(ip + 10, &cksum, 2);
}

static void emit_ipv6(uint8_t *ip, const struct sl_seg *seg, unsigned len)
{
	sl_store_be32(ip, 6u << 28);
	sl_store_be32(ip + 4, len << 16 | PROTO_ICMPV6 << 8 | TTL);
	memcpy(ip + 8, seg->dst.b, 16);
	memcpy(ip + 24, seg->src.b, 16);
}

bool sl_wire_emit_too_big(struct sl_buf *buf, const struct sl_l2 *l2, const uint8_t *frame,
			  const struct sl_seg *seg, uint16_t mtu)
{
	const unsigned ip_hdr = seg->v6 ? IPV6_HDR : IPV4_HDR, hdrs = ip_hdr + ICMP_HDR;
	const unsigned max = (seg->v6 ? ANSWER6_MAX : ANSWER4_MAX) - hdrs;
	const unsigned room = (unsigned)buf->len + buf->tailroom;
	const unsigned packet = (unsigned)seg->payload_off + seg->payload_len - seg->l3_off;
	const unsigned least = (unsigned)seg->l4_off + 8 - seg->l3_off;
	uint8_t *ip = buf->data + l2->len, *icmp = ip + ip_hdr;
	unsigned quoted, len;
	uint16_t cksum;

	if (room < SL_FRAME_MADE_MAX)
		return false;
	/* Not longer than the packet, so that the link by which the packet came carries the error;
	 * but RFC 792 wants 8 bytes behind the IP header. */
	quoted = sl_max_u32(packet, hdrs + least) - hdrs;
	quoted = sl_min_u32(sl_min_u32(quoted, max), room - l2->len - hdrs);
	memcpy(buf->data, l2->bytes, l2->len);
	if (seg->v6)
		emit_ipv6(ip, seg, ICMP_HDR + quoted);
	else
		emit_ipv4(ip, seg, ICMP_HDR + quoted);
	icmp[0] = seg->v6 ? ICMP6_TOO_BIG : ICMP4_UNREACHABLE;
	icmp[1] = seg->v6 ? 0 : ICMP4_TOO_BIG;
	memset(icmp + 2, 0, 2);
	sl_store_be32(icmp + 4, mtu); /* of IPv4, the upper half is unused: RFC 1191 section 4 */
	memcpy(icmp + ICMP_HDR, frame + seg->l3_off, quoted);
	cksum = sl_cksum_finish(sl_cksum_add(wire_icmp_pseudo(ip, seg->v6, ICMP_HDR + quoted), icmp,
					     ICMP_HDR + quoted));
	memcpy(icmp + 2, &cksum, 2);
	len = l2->len + hdrs + quoted;
	buf->tailroom = (uint16_t)(room - len);
	buf->len = (uint16_t)len;
	buf->ip_cksum = buf->tcp_cksum = SL_CKSUM_GOOD;
	return true;
}

/* RFC 9293 section 3.9.2.2. It names no codes of IPv4 that came after RFC 792; administratively
 * prohibited, of the network, the host or the packet (RFC 1812 section 5.2.7.1), are hard to Linux
 * too. */
static bool is_hard(bool v6, uint8_t type, uint8_t code)
{
	const uint32_t v4_codes = 1u << 2 | 1u << 3 | 1u << 9 | 1u << 10 | 1u << 13;
	const uint32_t v6_codes = 1u << 1 | 1u << 4;

	return type == (v6 ? 1 : 3) && code < 32 && (v6 ? v6_codes : v4_codes) >> code & 1;
}

struct sl_icmp_error sl_wire_icmp_error(const uint8_t *frame, const struct sl_quote *quote)
{
	const uint8_t *icmp = frame + quote->icmp_off;
	struct sl_icmp_error error = {0};

	if (quote->seg.v6) {
		const uint32_t mtu = icmp[0] == 2 ? sl_load_be32(icmp + 4) : 0;

		/* RFC 8200 section 5; less is ignored: RFC 8021. */
		if (mtu >= SL_IPV6_MTU_MIN)
			error.mtu = (uint16_t)sl_min_u32(mtu, UINT16_MAX);
	} else {
		error.mtu = icmp[0] == 3 && icmp[1] == 4 ? sl_load_be16(icmp + 6) : 0;
	}
	error.hard = is_hard(quote->seg.v6, icmp[0], icmp[1]);
	return error;
}
