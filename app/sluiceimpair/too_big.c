/* SPDX-License-Identifier: BSD-3-Clause */
/* The router's answer to what exceeds the MTU. */
#include "impair.h"

#include "sl_bytes.h"
#include "sl_cksum.h"

enum {
	ICMP_LEN = 8,
	PROTO_ICMP = 1,
	PROTO_ICMPV6 = 58,
	IPV4_LEN = 20,
	IPV6_LEN = 40,
	ANSWER4_MAX = 576, /* RFC 1812 section 4.3.2.3 */
	TTL = 64,
};

/* The link-layer header of the way back: tags stay. */
static uint8_t *put_l2(const uint8_t *frame, const struct impair_packet *packet, uint8_t *answer)
{
	memcpy(answer, frame + 6, 6);
	memcpy(answer + 6, frame, 6);
	memcpy(answer + 12, frame + 12, packet->l3_off - 12);
	return answer + packet->l3_off;
}

/* How much of the packet is quoted: what is there, up to what leaves room for `headers`. */
static uint32_t quote_len(uint32_t len, const struct impair_packet *packet, uint32_t limit,
			  uint32_t headers)
{
	return sl_min_u32(sl_min_u32(len - packet->l3_off, packet->ip_len), limit - headers);
}

/* RFC 1812 section 4.3.2.7; ICMP errors by RFC 1122 section 3.2.2. */
static bool may_answer4(const uint8_t *frame, uint32_t len, const struct impair_packet *packet)
{
	const uint8_t *ip = frame + packet->l3_off;
	struct sl_addr src, dst;

	sl_addr_set_v4(&src, ip + 12);
	sl_addr_set_v4(&dst, ip + 16);
	if ((frame[0] & 1) || sl_addr_is_martian(&src) || sl_addr_is_martian(&dst) ||
	    !packet->dont_fragment || packet->later_fragment)
		return false;
	if (packet->proto != PROTO_ICMP)
		return true;
	if (packet->l4_off >= len)
		return false;
	switch (frame[packet->l4_off]) {
	case 3:  /* destination unreachable */
	case 4:  /* source quench */
	case 5:  /* redirect */
	case 11: /* time exceeded */
	case 12: /* parameter problem */
		return false;
	default:
		return true;
	}
}

static uint32_t answer4(const uint8_t *frame, uint32_t len, const struct impair_packet *packet,
			const struct sl_addr *router, uint32_t mtu, uint8_t *answer)
{
	const uint32_t quote = quote_len(len, packet, ANSWER4_MAX, IPV4_LEN + ICMP_LEN);
	uint8_t *ip = put_l2(frame, packet, answer), *icmp = ip + IPV4_LEN;
	uint16_t cksum;

	memset(ip, 0, IPV4_LEN + ICMP_LEN);
	ip[0] = 0x45;
	ip[1] = 0xc0; /* RFC 1812 section 4.3.2.5: internetwork control */
	sl_store_be16(ip + 2, (uint16_t)(IPV4_LEN + ICMP_LEN + quote));
	sl_store_be16(ip + 6, 0x4000);
	ip[8] = TTL;
	ip[9] = PROTO_ICMP;
	memcpy(ip + 12, router->b + 12, 4);
	memcpy(ip + 16, frame + packet->l3_off + 12, 4);
	cksum = sl_cksum_finish(sl_cksum_add(0, ip, IPV4_LEN));
	memcpy(ip + 10, &cksum, 2);
	/* RFC 792 and RFC 1191 section 4: unreachable, fragmentation needed, the MTU. */
	icmp[0] = 3;
	icmp[1] = 4;
	sl_store_be16(icmp + 6, (uint16_t)mtu);
	memcpy(icmp + ICMP_LEN, frame + packet->l3_off, quote);
	cksum = sl_cksum_finish(sl_cksum_add(0, icmp, ICMP_LEN + quote));
	memcpy(icmp + 2, &cksum, 2);
	return packet->l3_off + IPV4_LEN + ICMP_LEN + quote;
}

/* RFC 4443 section 2.4 (e); (e.3) allows this error to be sent for what went to many. */
static bool may_answer6(const uint8_t *frame, uint32_t len, const struct impair_packet *packet)
{
	struct sl_addr src;

	memcpy(src.b, frame + packet->l3_off + 8, 16);
	if (sl_addr_is_martian(&src))
		return false;
	if (packet->proto != PROTO_ICMPV6 || packet->later_fragment)
		return true;
	/* Errors have the types below 128; 137 is a redirect. */
	return packet->l4_off < len && frame[packet->l4_off] >= 128 && frame[packet->l4_off] != 137;
}

static uint32_t answer6(const uint8_t *frame, uint32_t len, const struct impair_packet *packet,
			const struct sl_addr *router, uint32_t mtu, uint8_t *answer)
{
	const uint32_t quote = quote_len(len, packet, IMPAIR_MTU6_MIN, IPV6_LEN + ICMP_LEN);
	uint8_t *ip = put_l2(frame, packet, answer), *icmp = ip + IPV6_LEN;
	uint64_t sum;
	uint16_t cksum;

	memset(ip, 0, IPV6_LEN + ICMP_LEN);
	ip[0] = 0x60;
	sl_store_be16(ip + 4, (uint16_t)(ICMP_LEN + quote));
	ip[6] = PROTO_ICMPV6;
	ip[7] = TTL;
	memcpy(ip + 8, router->b, 16);
	memcpy(ip + 24, frame + packet->l3_off + 8, 16);
	icmp[0] = 2; /* RFC 4443 section 3.2: packet too big, the MTU */
	sl_store_be32(icmp + 4, mtu);
	memcpy(icmp + ICMP_LEN, frame + packet->l3_off, quote);
	/* With the pseudo-header (RFC 8200 section 8.1). */
	sum = sl_cksum_fold(sl_cksum_add(0, ip + 8, 32));
	sum += (uint64_t)__builtin_bswap32(ICMP_LEN + quote) + __builtin_bswap16(PROTO_ICMPV6);
	cksum = sl_cksum_finish(sl_cksum_add(sum, icmp, ICMP_LEN + quote));
	memcpy(icmp + 2, &cksum, 2);
	return packet->l3_off + IPV6_LEN + ICMP_LEN + quote;
}

uint32_t impair_too_big_answer(const uint8_t *frame, uint32_t len,
			       const struct impair_packet *packet, const struct sl_addr *router,
			       uint32_t mtu, uint8_t *answer)
{
	if (packet->version == 4)
		return may_answer4(frame, len, packet)
			       ? answer4(frame, len, packet, router, mtu, answer)
			       : 0;
	return may_answer6(frame, len, packet) ? answer6(frame, len, packet, router, mtu, answer)
					       : 0;
}
