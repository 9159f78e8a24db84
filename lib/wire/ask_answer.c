/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Asks turned into their answers, in place. Every length was checked when they were read, and what
 * of the frame is still needed after it has been overwritten stands in the struct sl_ask.
 */
#include "sl_ask.h"
#include "wire.h"

#include "sl_bytes.h"
#include "sl_cksum.h"

enum {
	TTL = 64,
	DSCP = 0xfc, /* of a TOS; the rest is ECN's (RFC 3168), and says nothing here */
	ARP_REPLY = 2,
	ICMP4_ECHO_REPLY = 0,
	ICMP6_ECHO_REPLY = 129,
	ICMP6_ADVERTISEMENT = 136,
	ADVERTISEMENT_LEN = 32, /* with one option: the target's MAC */
	OPTION_TARGET_MAC = 2,
	SOLICITED = 0x40, /* RFC 4861 section 4.4 */
	OVERRIDE = 0x20,
	ND_HOP_LIMIT = 255,
};

/* Everything that a reply says of its receiver, the request said of its sender, in one piece. */
static void answer_arp(uint8_t *arp, const struct sl_ask *ask, const uint8_t *mac)
{
	sl_store_be16(arp + 6, ARP_REPLY);
	memcpy(arp + 18, arp + 8, 10);
	memcpy(arp + 8, mac, 6);
	memcpy(arp + 14, ask->target.b + 12, 4);
}

static void make_icmp_right(uint8_t *ip, bool v6, uint8_t *icmp, unsigned len)
{
	uint16_t cksum;

	memset(icmp + 2, 0, 2);
	cksum = sl_cksum_finish(sl_cksum_add(wire_icmp_pseudo(ip, v6, len), icmp, len));
	memcpy(icmp + 2, &cksum, 2);
}

/*
 * Identification and DF stay: a request that may be fragmented has an answer that may be, and what
 * tells it from its sender's others tells the answer from ours to it. TOS: RFC 1349 section 5.1.
 */
static void answer_ipv4(uint8_t *ip, const struct sl_ask *ask)
{
	uint16_t cksum;

	ip[1] &= DSCP;
	ip[6] &= 0x40;
	ip[8] = TTL;
	memset(ip + 10, 0, 2);
	memcpy(ip + 12, ask->target.b + 12, 4);
	memcpy(ip + 16, ask->src.b + 12, 4);
	cksum = sl_cksum_finish(sl_cksum_add(0, ip, IPV4_HDR));
	memcpy(ip + 10, &cksum, 2);
}

static void put_ipv6(uint8_t *ip, unsigned tos, unsigned len, uint8_t hops,
		     const struct sl_addr *src, const struct sl_addr *dst)
{
	sl_store_be32(ip, 6u << 28 | tos << 20);
	sl_store_be32(ip + 4, len << 16 | PROTO_ICMPV6 << 8 | hops);
	memcpy(ip + 8, src->b, 16);
	memcpy(ip + 24, dst->b, 16);
}

/* The same identifier, sequence number and data. */
static void answer_echo(uint8_t *frame, const struct sl_ask *ask, bool v6)
{
	const unsigned len = (unsigned)ask->end - ask->l4_off;
	uint8_t *ip = frame + ask->l3_off, *icmp = frame + ask->l4_off;

	if (v6)
		put_ipv6(ip, sl_load_be16(ip) >> 4 & DSCP, len, TTL, &ask->target, &ask->src);
	else
		answer_ipv4(ip, ask);
	icmp[0] = v6 ? ICMP6_ECHO_REPLY : ICMP4_ECHO_REPLY;
	make_icmp_right(ip, v6, icmp, len);
}

/* RFC 4861 section 7.2.4. Who has no address yet can't be told alone, and hears it with all. */
static void answer_neighbour(uint8_t *frame, const struct sl_ask *ask, const uint8_t *mac)
{
	static const struct sl_addr unspecified, all_nodes = {{0xff, 0x02, [15] = 0x01}};
	static const uint8_t all_nodes_mac[6] = {0x33, 0x33, 0, 0, 0, 1}; /* RFC 2464 section 7 */
	const bool nobody = sl_addr_equal(&ask->src, &unspecified);
	uint8_t *ip = frame + ask->l3_off, *icmp = frame + ask->l4_off;

	if (nobody)
		memcpy(frame, all_nodes_mac, 6);
	put_ipv6(ip, 0, ADVERTISEMENT_LEN, ND_HOP_LIMIT, &ask->target,
		 nobody ? &all_nodes : &ask->src);
	memset(icmp, 0, ICMP_HDR);
	icmp[0] = ICMP6_ADVERTISEMENT;
	icmp[4] = nobody ? OVERRIDE : SOLICITED | OVERRIDE;
	memcpy(icmp + 8, ask->target.b, 16);
	icmp[24] = OPTION_TARGET_MAC;
	icmp[25] = 1; /* in units of 8 bytes */
	memcpy(icmp + 26, mac, 6);
	make_icmp_right(ip, true, icmp, ADVERTISEMENT_LEN);
}

bool sl_wire_answer_ask(struct sl_buf *buf, const struct sl_ask *ask, const uint8_t mac[6])
{
	const unsigned room = (unsigned)buf->len + buf->tailroom;
	const bool neighbour = ask->kind == SL_ASK_NEIGHBOUR;
	const unsigned len = neighbour ? ask->l4_off + (unsigned)ADVERTISEMENT_LEN : ask->end;
	uint8_t *frame = buf->data;

	if (ask->kind == SL_ASK_NONE || len > room)
		return false;
	memcpy(frame, frame + 6, 6);
	memcpy(frame + 6, mac, 6);
	switch (ask->kind) {
	case SL_ASK_NONE:
		break;
	case SL_ASK_ARP:
		answer_arp(frame + ask->l3_off, ask, mac);
		break;
	case SL_ASK_NEIGHBOUR:
		answer_neighbour(frame, ask, mac);
		break;
	case SL_ASK_ECHO_V4:
	case SL_ASK_ECHO_V6:
		answer_echo(frame, ask, ask->kind == SL_ASK_ECHO_V6);
		break;
	}
	buf->tailroom = (uint16_t)(room - len);
	buf->len = (uint16_t)len;
	buf->ip_cksum = buf->tcp_cksum = SL_CKSUM_GOOD;
	return true;
}
