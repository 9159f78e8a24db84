/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Header patterns: masks and values by which a frame is recognised without parsing. In a flood, and
 * among the segments to a server or from it, nearly every packet differs from the packet before
 * only in its client, numbers and payload. A pattern is learned from a packet that was parsed. A
 * packet that fits the pattern is not parsed: only the few values that differ are read.
 *
 * Three kinds of untagged frames have a pattern, without IP options or extension headers: segments
 * with nothing but ACK (and PSH, URG, ECE, CWR as they like), without options or with timestamps as
 * RFC 7323 appendix A lays them out; and SYNs to a server with the options that Linux, Android and
 * BSD send, in their order.
 *
 * Plain memory, no state beside it. A fit says nothing about checksums, nor about the client's
 * address and port.
 */
#ifndef SL_PATTERN_H
#define SL_PATTERN_H

#include "sl_bytes.h"
#include "sl_wire.h"

SL_BEGIN_DECLS

enum sl_pattern_kind {
	SL_PATTERN_NONE,
	SL_PATTERN_ACK,    /**< 20 bytes of TCP */
	SL_PATTERN_ACK_TS, /**< 32 bytes: and timestamps */
	SL_PATTERN_SYN,    /**< 40 bytes: MSS, SACK-permitted, timestamps, NOP, window scale */
};

enum {
	SL_PATTERN_SLOTS = 8, /**< kinds by family: sl_pattern_slot */
	SL_PATTERN_BLOCKS = 3,
	SL_PATTERN_L3 = SL_ETHER_HDR,
	SL_PATTERN_L4_V4 = SL_PATTERN_L3 + 20,
	SL_PATTERN_L4_V6 = SL_PATTERN_L3 + 40,
};

/** 16 bytes of a frame at once, where it suits and where they lie. */
typedef uint64_t sl_pattern_block __attribute__((vector_size(16)));
typedef uint64_t sl_pattern_bytes __attribute__((vector_size(16), aligned(1), may_alias));

struct sl_pattern {
	/** Bits that are to be compared, and what they are: from byte 12 on, where EtherType and IP
	 * begin; with the server's address; with TCP's flags; and the last eight bytes of the
	 * headers. */
	sl_pattern_block mask[SL_PATTERN_BLOCKS], value[SL_PATTERN_BLOCKS];
	uint64_t last_mask, last;
	uint8_t kind; /**< enum sl_pattern_kind; SL_PATTERN_NONE: nothing fits */
	bool v6;
	bool to_server;   /**< else from it; its address and port are part of the pattern */
	uint16_t port_be; /**< of IPv6 the server's port, which is in no block, as it lies there */
};

/**
 * Which pattern a frame may fit: 0 to 3 of IPv4, 4 to 7 of IPv6, each in the order of enum
 * sl_pattern_kind.
 */
static inline unsigned sl_pattern_slot(const uint8_t *frame, unsigned len)
{
	static const uint8_t kind[16] = {
		0, 0, 0, 0, 0, SL_PATTERN_ACK, 0, 0, SL_PATTERN_ACK_TS, 0, SL_PATTERN_SYN,
		0, 0, 0, 0, 0,
	};

	if (sl_unlikely(len < SL_PATTERN_L4_V4 + SL_TCP_HDR))
		return SL_PATTERN_NONE;
	if (sl_load_be16(frame + 12) == 0x0800)
		return kind[frame[SL_PATTERN_L4_V4 + 12] >> 4];
	if (sl_unlikely(len < SL_PATTERN_L4_V6 + SL_TCP_HDR))
		return SL_PATTERN_NONE;
	/* No pattern is learned of anything else, so it will not fit. */
	return 4u + kind[frame[SL_PATTERN_L4_V6 + 12] >> 4];
}

/** Bytes of headers. */
static inline unsigned sl_pattern_end(enum sl_pattern_kind kind, bool v6)
{
	const unsigned options = kind == SL_PATTERN_SYN ? 20 : kind == SL_PATTERN_ACK_TS ? 12 : 0;

	return (v6 ? SL_PATTERN_L4_V6 : SL_PATTERN_L4_V4) + SL_TCP_HDR + options;
}

/* Where the second block begins. */
static inline unsigned sl_pattern_server(bool to_server, bool v6)
{
	if (!v6)
		return SL_PATTERN_L3 + 14;
	return SL_PATTERN_L3 + (to_server ? 24 : 8);
}

/* Where the third does: of a frame that begins with a cache line it lies in one. */
static inline unsigned sl_pattern_flags(enum sl_pattern_kind kind, bool v6)
{
	return sl_pattern_end(kind, v6) - (kind == SL_PATTERN_SYN ? 28 : v6 ? 20 : 24);
}

static inline sl_pattern_block sl_pattern_differs(const struct sl_pattern *s, unsigned i,
						  const uint8_t *at)
{
	return (*(const sl_pattern_bytes *)at & s->mask[i]) ^ s->value[i];
}

/**
 * Whether a frame of `len` bytes fits this pattern, whose kind, direction and family the last three
 * parameters repeat. A frame that fits is a segment whose headers are right in every byte, except
 * that nobody has verified its checksums.
 */
static inline bool sl_pattern_fits(const struct sl_pattern *s, const uint8_t *frame, unsigned len,
				   const enum sl_pattern_kind kind, const bool to_server,
				   const bool v6)
{
	const unsigned end = sl_pattern_end(kind, v6);
	uint64_t last = 0;
	uint16_t port_be;
	sl_pattern_block d;
	unsigned size;

	if (sl_unlikely(len < end))
		return false;
	if (v6) {
		size = SL_PATTERN_L4_V6 + sl_load_be16(frame + SL_PATTERN_L3 + 4);
		memcpy(&port_be, frame + SL_PATTERN_L4_V6 + (to_server ? 2 : 0), sizeof(port_be));
		if (sl_unlikely(port_be != s->port_be))
			return false;
	} else {
		size = SL_PATTERN_L3 + sl_load_be16(frame + SL_PATTERN_L3 + 2);
	}
	if (sl_unlikely(size < end))
		return false;
	if (sl_unlikely(size > len))
		return false;
	d = sl_pattern_differs(s, 0, frame + 12);
	d |= sl_pattern_differs(s, 1, frame + sl_pattern_server(to_server, v6));
	/* Of a header without options the last eight bytes are enough, with timestamps the third
	 * block is. */
	if (kind != SL_PATTERN_ACK)
		d |= sl_pattern_differs(s, 2, frame + sl_pattern_flags(kind, v6));
	if (kind != SL_PATTERN_ACK_TS)
		last = (sl_load_le64(frame + end - 8) & s->last_mask) ^ s->last;
	return (d[0] | d[1] | last) == 0;
}

/**
 * Learns the pattern of a frame that `seg` was read from (SL_PARSED_TCP), to its server or from it.
 * Returns false, and `s` is as before, when it has none.
 */
bool sl_pattern_learn(struct sl_pattern *s, const uint8_t *frame, const struct sl_seg *seg,
		      bool to_server);

/** Nothing fits any more. */
static inline void sl_pattern_forget(struct sl_pattern *s)
{
	s->kind = SL_PATTERN_NONE;
}

/**
 * What differs from segment to segment, of a frame that fits a pattern of kind SL_PATTERN_ACK or,
 * with `timestamps`, SL_PATTERN_ACK_TS: numbers, window, timestamps, payload; and where they are.
 * The rest is not set.
 */
static inline struct sl_seg sl_pattern_read_ack(const uint8_t *frame, const bool timestamps,
						const bool v6)
{
	const unsigned l4 = v6 ? SL_PATTERN_L4_V6 : SL_PATTERN_L4_V4;
	const unsigned end = sl_pattern_end(timestamps ? SL_PATTERN_ACK_TS : SL_PATTERN_ACK, v6);
	const unsigned size = v6 ? SL_PATTERN_L4_V6 + sl_load_be16(frame + SL_PATTERN_L3 + 4)
				 : SL_PATTERN_L3 + sl_load_be16(frame + SL_PATTERN_L3 + 2);
	const uint8_t *tcp = frame + l4;
	struct sl_seg seg;

	seg.seq = sl_load_be32(tcp + 4);
	seg.ack = sl_load_be32(tcp + 8);
	seg.wnd = sl_load_be16(tcp + 14);
	seg.flags = SL_ACK;
	seg.l3_off = SL_PATTERN_L3;
	seg.l4_off = (uint16_t)l4;
	seg.payload_off = (uint16_t)end;
	seg.payload_len = (uint16_t)(size - end);
	seg.ts_off = (uint16_t)(timestamps ? l4 + 22 : 0);
	seg.tsval = timestamps ? sl_load_be32(tcp + 24) : 0;
	seg.tsecr = timestamps ? sl_load_be32(tcp + 28) : 0;
	return seg;
}

SL_END_DECLS

#endif
