/* SPDX-License-Identifier: BSD-3-Clause */
/* Which frames ask a host something. What is none says so at once, what is wrong by bad(). */
#include "sl_ask.h"
#include "wire.h"

#include "sl_bytes.h"
#include "sl_cksum.h"

enum {
	ETHERTYPE_ARP = 0x0806,
	ARP_FIXED = 8, /* what stands before the addresses */
	ARP_LEN = 28,  /* of Ethernet and IPv4 */
	ARP_ETHERNET = 1,
	ARP_REQUEST = 1,
	ICMP4_ECHO = 8,
	ICMP6_ECHO = 128,
	ICMP6_SOLICITATION = 135,
	SOLICITATION_LEN = 24, /* without options */
	OPTION_SOURCE_MAC = 1,
	ND_HOP_LIMIT = 255, /* RFC 4861 section 7.1.1: so no router has forwarded it */
};

static enum sl_ask_kind bad(struct sl_ask *ask)
{
	ask->malformed = true;
	return SL_ASK_NONE;
}

static bool is_group(const uint8_t *mac)
{
	return (mac[0] & 1) != 0;
}

static bool is_unspecified(const struct sl_addr *a)
{
	static const struct sl_addr none;

	return sl_addr_equal(a, &none);
}

/* Sender's MAC at 8, IP at 14; target's MAC at 18, IP at 24. */
static enum sl_ask_kind parse_arp(const uint8_t *frame, unsigned len, struct sl_ask *ask)
{
	const uint8_t *arp = frame + ask->l3_off;
	const unsigned room = len - ask->l3_off;

	if (room < ARP_FIXED)
		return bad(ask);
	if (sl_load_be16(arp) != ARP_ETHERNET || sl_load_be16(arp + 2) != ETHERTYPE_IPV4)
		return SL_ASK_NONE;
	if (arp[4] != 6 || arp[5] != 4 || room < ARP_LEN)
		return bad(ask);
	if (sl_load_be16(arp + 6) != ARP_REQUEST)
		return SL_ASK_NONE;
	sl_addr_set_v4(&ask->src, arp + 14);
	sl_addr_set_v4(&ask->target, arp + 24);
	ask->end = (uint16_t)(ask->l3_off + ARP_LEN);
	/* Who asks for himself announces himself (RFC 5227 section 3). */
	if (sl_addr_equal(&ask->src, &ask->target) || sl_addr_v4_is_martian(&ask->target))
		return SL_ASK_NONE;
	if (is_group(arp + 8) || (sl_load_be32(arp + 14) != 0 && sl_addr_v4_is_martian(&ask->src)))
		return bad(ask);
	return SL_ASK_ARP;
}

static bool icmp_right(const uint8_t *frame, const struct sl_ask *ask, bool v6)
{
	const unsigned len = (unsigned)ask->end - ask->l4_off;
	const uint64_t sum = wire_icmp_pseudo(frame + ask->l3_off, v6, len);

	return sl_cksum_finish(sl_cksum_add(sum, frame + ask->l4_off, len)) == 0;
}

/* An echo request, whatever else it is; its length is checked. */
static enum sl_ask_kind parse_echo(const uint8_t *frame, bool v6, struct sl_ask *ask)
{
	if (is_group(frame) || sl_addr_is_martian(&ask->target))
		return SL_ASK_NONE;
	if (sl_addr_is_martian(&ask->src) || sl_addr_equal(&ask->src, &ask->target))
		return bad(ask);
	if (frame[ask->l4_off + 1] != 0 || !icmp_right(frame, ask, v6))
		return bad(ask);
	return v6 ? SL_ASK_ECHO_V6 : SL_ASK_ECHO_V4;
}

static enum sl_ask_kind parse_ipv4(const uint8_t *frame, unsigned len, struct sl_ask *ask)
{
	const uint8_t *ip = frame + ask->l3_off;
	const unsigned room = len - ask->l3_off;
	unsigned total;

	if (room < IPV4_HDR || ip[0] >> 4 != 4 || (ip[0] & 0x0f) < IPV4_HDR / 4)
		return bad(ask);
	/* No options; and no fragment: no offset, no more of them. */
	if (ip[0] != 0x45 || ip[9] != PROTO_ICMP || (sl_load_be16(ip + 6) & 0x3fff) != 0)
		return SL_ASK_NONE;
	total = sl_load_be16(ip + 2);
	if (total < IPV4_HDR + ICMP_HDR || total > room)
		return bad(ask);
	if (ip[IPV4_HDR] != ICMP4_ECHO)
		return SL_ASK_NONE;
	if (sl_cksum_finish(sl_cksum_add(0, ip, IPV4_HDR)) != 0)
		return bad(ask);
	sl_addr_set_v4(&ask->src, ip + 12);
	sl_addr_set_v4(&ask->target, ip + 16);
	ask->l4_off = (uint16_t)(ask->l3_off + IPV4_HDR);
	ask->end = (uint16_t)(ask->l3_off + total);
	return parse_echo(frame, false, ask);
}

/* ff02::1:ff00:0/104 and the address's last 24 bits: RFC 4291 section 2.7.1. */
static bool is_solicited_node(const uint8_t *dst, const struct sl_addr *target)
{
	static const uint8_t prefix[13] = {0xff, 0x02, [11] = 0x01, [12] = 0xff};

	return memcmp(dst, prefix, 13) == 0 && memcmp(dst + 13, target->b + 13, 3) == 0;
}

/* Whether `len` bytes are options that have a length and are whole; and none of them tells the MAC
 * of a source that is `nobody`. */
static bool options_right(const uint8_t *p, unsigned len, bool nobody)
{
	while (len != 0) {
		const unsigned option = len < 2 ? 0 : p[1] * 8u;

		if (option == 0 || option > len || (nobody && p[0] == OPTION_SOURCE_MAC))
			return false;
		p += option;
		len -= option;
	}
	return true;
}

/* By RFC 4861 section 7.1.1; so far its length is only known to be no less than ICMP's header. */
static enum sl_ask_kind parse_solicitation(const uint8_t *frame, struct sl_ask *ask)
{
	const uint8_t *ip = frame + ask->l3_off, *icmp = frame + ask->l4_off;
	const unsigned len = (unsigned)ask->end - ask->l4_off;
	const bool nobody = is_unspecified(&ask->src);
	bool to_group;

	if (ip[7] != ND_HOP_LIMIT || !icmp_right(frame, ask, true) || icmp[1] != 0 ||
	    len < SOLICITATION_LEN)
		return bad(ask);
	memcpy(ask->target.b, icmp + 8, 16);
	if (sl_addr_is_martian(&ask->target) || sl_addr_is_v4(&ask->target))
		return bad(ask);
	if (!options_right(icmp + SOLICITATION_LEN, len - SOLICITATION_LEN, nobody))
		return bad(ask);
	to_group = is_solicited_node(ip + 24, &ask->target);
	if (nobody)
		return to_group ? SL_ASK_NEIGHBOUR : bad(ask);
	if (sl_addr_is_martian(&ask->src))
		return bad(ask);
	/* Like gratuitous ARP: nobody asks for the address that he speaks as. */
	if (sl_addr_equal(&ask->src, &ask->target))
		return SL_ASK_NONE;
	return to_group || memcmp(ip + 24, ask->target.b, 16) == 0 ? SL_ASK_NEIGHBOUR : SL_ASK_NONE;
}

static enum sl_ask_kind parse_ipv6(const uint8_t *frame, unsigned len, struct sl_ask *ask)
{
	const uint8_t *ip = frame + ask->l3_off;
	const unsigned room = len - ask->l3_off;
	unsigned icmp_len;
	uint8_t type;

	if (room < IPV6_HDR || ip[0] >> 4 != 6)
		return bad(ask);
	if (ip[6] != PROTO_ICMPV6)
		return SL_ASK_NONE;
	icmp_len = sl_load_be16(ip + 4);
	if (icmp_len < ICMP_HDR || icmp_len > room - IPV6_HDR)
		return bad(ask);
	type = ip[IPV6_HDR];
	if (type != ICMP6_ECHO && type != ICMP6_SOLICITATION)
		return SL_ASK_NONE;
	memcpy(ask->src.b, ip + 8, 16);
	memcpy(ask->target.b, ip + 24, 16);
	/* A mapped address is none of IPv6's wire, and would stand for another host's. */
	if (sl_addr_is_v4(&ask->src) || sl_addr_is_v4(&ask->target))
		return bad(ask);
	ask->l4_off = (uint16_t)(ask->l3_off + IPV6_HDR);
	ask->end = (uint16_t)(ask->l4_off + icmp_len);
	return type == ICMP6_ECHO ? parse_echo(frame, true, ask) : parse_solicitation(frame, ask);
}

static enum sl_ask_kind parse(const uint8_t *frame, unsigned len, struct sl_ask *ask)
{
	enum sl_ask_kind kind = SL_ASK_NONE;
	struct wire_l2 l2;

	if (wire_parse_l2(frame, len, &l2) == SL_PARSED_BAD)
		return bad(ask);
	ask->vlan = l2.vlan;
	ask->l3_off = l2.len;
	if (l2.type == ETHERTYPE_ARP)
		kind = parse_arp(frame, len, ask);
	else if (l2.type == ETHERTYPE_IPV4)
		kind = parse_ipv4(frame, len, ask);
	else if (l2.type == ETHERTYPE_IPV6)
		kind = parse_ipv6(frame, len, ask);
	/* An answer would go to a group. */
	return kind != SL_ASK_NONE && is_group(frame + 6) ? bad(ask) : kind;
}

bool sl_wire_parse_ask(const uint8_t *frame, uint16_t len, struct sl_ask *ask)
{
	bool malformed;

	memset(ask, 0, sizeof(*ask));
	ask->kind = parse(frame, len, ask);
	if (ask->kind != SL_ASK_NONE)
		return true;
	malformed = ask->malformed;
	memset(ask, 0, sizeof(*ask));
	ask->malformed = malformed;
	return false;
}
