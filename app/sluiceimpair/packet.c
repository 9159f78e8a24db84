/* SPDX-License-Identifier: BSD-3-Clause */
/* What a frame is, as far as impairing it asks. */
#include "impair.h"

#include "sl_bytes.h"
#include "sl_cksum.h"

enum {
	ETH_LEN = 14,
	TYPE_IPV4 = 0x0800,
	TYPE_IPV6 = 0x86dd,
	TYPE_VLAN = 0x8100,
	TYPE_QINQ = 0x88a8,
	TYPE_QINQ_OLD = 0x9100,
	IPV4_LEN = 20,
	IPV6_LEN = 40,
	PROTO_HOP_BY_HOP = 0,
	PROTO_TCP = 6,
	PROTO_UDP = 17,
	PROTO_ROUTING = 43,
	PROTO_FRAGMENT = 44,
	PROTO_ICMPV6 = 58,
	PROTO_DESTINATION = 60,
	ND_FIRST = 133, /* RFC 4861 section 4: router solicitation ... redirect */
	ND_LAST = 137,
	TAGS_MAX = 2,
};

static void parse_ipv4(const uint8_t *frame, uint32_t len, struct impair_packet *p)
{
	const uint8_t *ip = frame + p->l3_off;
	uint16_t fragment;

	if (len < p->l3_off + IPV4_LEN || ip[0] >> 4 != 4 || (ip[0] & 0xf) < 5)
		return;
	fragment = sl_load_be16(ip + 6);
	p->version = 4;
	p->ip_len = sl_load_be16(ip + 2);
	p->proto = ip[9];
	p->l4_off = p->l3_off + 4u * (ip[0] & 0xf);
	p->dont_fragment = (fragment & 0x4000) != 0;
	p->later_fragment = (fragment & 0x1fff) != 0;
}

/* Past the extension headers (RFC 8200 section 4) to what IPv6 carries. */
static void parse_extensions(const uint8_t *frame, uint32_t len, struct impair_packet *p)
{
	while (p->proto == PROTO_HOP_BY_HOP || p->proto == PROTO_ROUTING ||
	       p->proto == PROTO_FRAGMENT || p->proto == PROTO_DESTINATION) {
		const uint8_t *e = frame + p->l4_off;

		if (p->l4_off + 8 > len)
			return;
		if (p->proto == PROTO_FRAGMENT) {
			p->later_fragment = (sl_load_be16(e + 2) & 0xfff8) != 0;
			p->l4_off += 8;
		} else {
			p->l4_off += 8u + 8u * e[1];
		}
		p->proto = e[0];
		if (p->later_fragment)
			return;
	}
}

static void parse_ipv6(const uint8_t *frame, uint32_t len, struct impair_packet *p)
{
	const uint8_t *ip = frame + p->l3_off;

	if (len < p->l3_off + IPV6_LEN || ip[0] >> 4 != 6)
		return;
	p->version = 6;
	p->ip_len = IPV6_LEN + sl_load_be16(ip + 4);
	p->proto = ip[6];
	p->l4_off = p->l3_off + IPV6_LEN;
	parse_extensions(frame, len, p);
	if (p->proto == PROTO_ICMPV6 && !p->later_fragment && p->l4_off < len) {
		const uint8_t type = frame[p->l4_off];

		p->neighbour = type >= ND_FIRST && type <= ND_LAST;
	}
}

void impair_packet_parse(const uint8_t *frame, uint32_t len, struct impair_packet *p)
{
	uint32_t off = ETH_LEN;
	uint16_t type;

	*p = (struct impair_packet){0};
	if (len < ETH_LEN)
		return;
	type = sl_load_be16(frame + 12);
	for (unsigned tag = 0; tag < TAGS_MAX; tag++) {
		if (type != TYPE_VLAN && type != TYPE_QINQ && type != TYPE_QINQ_OLD)
			break;
		if (len < off + 4)
			return;
		type = sl_load_be16(frame + off + 2);
		off += 4;
	}
	p->l3_off = off;
	if (type == TYPE_IPV4)
		parse_ipv4(frame, len, p);
	else if (type == TYPE_IPV6)
		parse_ipv6(frame, len, p);
}

void impair_packet_finish_checksum(uint8_t *frame, uint32_t len, const struct impair_packet *p)
{
	const uint32_t end = p->l3_off + p->ip_len;
	const uint32_t at = p->l4_off + (p->proto == PROTO_TCP ? 16 : 6);
	const bool known = p->proto == PROTO_TCP || p->proto == PROTO_UDP;
	const uint8_t *addrs = frame + p->l3_off + (p->version == 4 ? 12 : 8);
	uint64_t sum;
	uint16_t cksum;

	if (p->version == 0 || !known || p->later_fragment || end > len || at + 2 > end)
		return;
	memset(frame + at, 0, 2);
	/* The pseudo-header (RFC 9293 section 3.1, RFC 768, RFC 8200 section 8.1). */
	sum = sl_cksum_add(0, addrs, p->version == 4 ? 8 : 32);
	sum += __builtin_bswap32(end - p->l4_off) + (uint64_t)__builtin_bswap16(p->proto);
	cksum = sl_cksum_finish(
		sl_cksum_add(sl_cksum_fold(sum), frame + p->l4_off, end - p->l4_off));
	/* RFC 768: a zero would say that there is none. */
	if (cksum == 0 && p->proto == PROTO_UDP)
		cksum = 0xffff;
	memcpy(frame + at, &cksum, sizeof(cksum));
}
