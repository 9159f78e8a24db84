/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The SYN-ACK that nearly all SYNs ask for, with all options there are, made once for a server: for
 * each SYN it is copied over what brought it, and what is that SYN's own is filled in. The same
 * bytes as sl_wire_emit_answer writes.
 * Plain memory, no state beside it.
 */
#ifndef SL_SYN_ACK_H
#define SL_SYN_ACK_H

#include "sl_bytes.h"
#include "sl_cksum.h"
#include "sl_wire.h"

SL_BEGIN_DECLS

enum {
	SL_SYN_ACK_TCP =
		40, /**< bytes of TCP: MSS, SACK-permitted, timestamps, NOP, window scale */
	SL_SYN_ACK_V4 = 20 + SL_SYN_ACK_TCP,
	SL_SYN_ACK_V6 = 40 + SL_SYN_ACK_TCP,
};

struct sl_syn_ack {
	uint8_t bytes[SL_SYN_ACK_V6]; /**< from the IP header on */
	uint32_t ip_sum;              /**< of IPv4's header, without the addresses */
	uint32_t tcp_sum; /**< of TCP and its pseudo-header, without what is the SYN's own */
};

/** Makes the template: what we announce to a client. `wscale` is 0 to 14. */
void sl_syn_ack_init(struct sl_syn_ack *t, bool v6, uint16_t mss, uint8_t wscale, uint16_t wnd);

/* Stores 32 bits and returns them as they lie in memory, for the sum. */
static inline uint32_t sl_syn_ack_put(uint8_t *p, uint32_t host)
{
	const uint32_t word = __builtin_bswap32(host);

	memcpy(p, &word, sizeof(word));
	return word;
}

/* The addresses change places; returns their sum. */
static inline uint64_t sl_syn_ack_turn_v4(uint8_t *ip)
{
	uint64_t both = sl_load_le64(ip + 12);

	both = both << 32 | both >> 32;
	sl_store_le64(ip + 12, both);
	return (both >> 32) + (uint32_t)both;
}

static inline uint64_t sl_syn_ack_turn_v6(uint8_t *ip)
{
	uint64_t sum = 0;

	for (unsigned i = 8; i < 24; i += 8) {
		const uint64_t src = sl_load_le64(ip + i), dst = sl_load_le64(ip + i + 16);

		sl_store_le64(ip + i, dst);
		sl_store_le64(ip + i + 16, src);
		sum += (src >> 32) + (uint32_t)src + (dst >> 32) + (uint32_t)dst;
	}
	return sum;
}

/**
 * Turns the frame in `buf`, a SYN that was parsed, into the answer to it.
 * @l3, @l4  where its IP and TCP begin, bytes
 * @iss      our ISN
 * @tsval    our clock
 * @tsecr    the client's, as it stands in the frame
 * @v6       IPv6
 * Returns true, or false when the buffer has less than SL_FRAME_MADE_MAX bytes of room.
 */
static inline bool sl_syn_ack_answer(const struct sl_syn_ack *t, struct sl_buf *buf, unsigned l3,
				     unsigned l4, uint32_t iss, uint32_t tsval, uint32_t tsecr,
				     const bool v6)
{
	uint8_t *frame = buf->data, *ip = frame + l3, *tcp;
	const unsigned room = (unsigned)buf->len + buf->tailroom;
	uint32_t ports = sl_load_le32(frame + l4), src_end, cksum;
	const uint32_t ack = sl_load_be32(frame + l4 + 4) + 1;
	uint64_t macs, sum;
	unsigned len;

	if (sl_unlikely(room < SL_FRAME_MADE_MAX))
		return false;
	macs = sl_load_le64(frame);
	src_end = sl_load_le32(frame + 8);
	sl_store_le64(frame, macs >> 48 | (uint64_t)src_end << 16 | macs << 48);
	src_end = (uint32_t)(macs >> 16);
	memcpy(frame + 8, &src_end, sizeof(src_end));
	if (v6) {
		memcpy(ip, t->bytes, 8);
		sum = sl_syn_ack_turn_v6(ip);
		tcp = ip + 40;
		memcpy(tcp + 12, t->bytes + 40 + 12, 4);
		memcpy(tcp + 20, t->bytes + 40 + 20, 8);
		memcpy(tcp + 36, t->bytes + 40 + 36, 4);
		len = l3 + SL_SYN_ACK_V6;
	} else {
		memcpy(ip, t->bytes, 8);
		sum = sl_syn_ack_turn_v4(ip);
		memcpy(&cksum, t->bytes + 8, 4); /* TTL, protocol, and no checksum yet */
		cksum |= (uint32_t)sl_cksum_finish(t->ip_sum + sum) << 16;
		memcpy(ip + 8, &cksum, 4);
		tcp = ip + 20;
		memcpy(tcp + 12, t->bytes + 20 + 12, 4);
		memcpy(tcp + 20, t->bytes + 20 + 20, 8);
		memcpy(tcp + 36, t->bytes + 20 + 36, 4);
		len = l3 + SL_SYN_ACK_V4;
	}
	ports = ports << 16 | ports >> 16;
	memcpy(tcp, &ports, sizeof(ports));
	memcpy(tcp + 32, &tsecr, sizeof(tsecr));
	sum += (uint64_t)t->tcp_sum + ports + tsecr;
	sum += sl_syn_ack_put(tcp + 4, iss);
	sum += sl_syn_ack_put(tcp + 8, ack);
	sum += sl_syn_ack_put(tcp + 28, tsval);
	cksum = sl_cksum_finish(sum); /* and no urgent pointer */
	memcpy(tcp + 16, &cksum, 4);
	buf->len = (uint16_t)len;
	buf->tailroom = (uint16_t)(room - len);
	buf->ip_cksum = buf->tcp_cksum = SL_CKSUM_GOOD;
	return true;
}

SL_END_DECLS

#endif
