/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Shapes: what the headers of like packets have in common. Of a flood, and of the segments that go
 * to a server or come from it, nearly every packet differs from the one before in its client,
 * numbers and payload only. So the shape is learned from one that was parsed, and those that fit it
 * need not be parsed: all that a parser would find out but these few values is known.
 *
 * Three kinds of untagged frames have shapes, without IP options or extension headers: segments
 * with nothing but ACK (and PSH, URG, ECE, CWR as they like), without options or with timestamps as
 * RFC 7323 appendix A lays them out; and SYNs to a server with the options that Linux, Android and
 * BSD send, in their order.
 *
 * Plain memory, no state beside it. A fit says nothing about checksums, nor about the client's
 * address and port.
 */
#ifndef SL_SHAPE_H
#define SL_SHAPE_H

#include "sl_bytes.h"
#include "sl_wire.h"

SL_BEGIN_DECLS

enum sl_shape_kind {
	SL_SHAPE_NONE,
	SL_SHAPE_ACK,    /**< 20 bytes of TCP */
	SL_SHAPE_ACK_TS, /**< 32 bytes: and timestamps */
	SL_SHAPE_SYN,    /**< 40 bytes: MSS, SACK-permitted, timestamps, NOP, window scale */
};

enum {
	SL_SHAPE_SLOTS = 8, /**< kinds by family: sl_shape_slot */
	SL_SHAPE_BLOCKS = 3,
	SL_SHAPE_L3 = SL_ETHER_HDR,
	SL_SHAPE_L4_V4 = SL_SHAPE_L3 + 20,
	SL_SHAPE_L4_V6 = SL_SHAPE_L3 + 40,
};

/** 16 bytes of a frame at once, where it suits and where they lie. */
typedef uint64_t sl_shape_block __attribute__((vector_size(16)));
typedef uint64_t sl_shape_bytes __attribute__((vector_size(16), aligned(1), may_alias));

struct sl_shape {
	/** Bits that are to be compared, and what they are: from byte 12 on, where EtherType and IP
	 * begin; with the server's address; with TCP's flags; and the last eight bytes of the
	 * headers. */
	sl_shape_block mask[SL_SHAPE_BLOCKS], value[SL_SHAPE_BLOCKS];
	uint64_t last_mask, last;
	uint8_t kind; /**< enum sl_shape_kind; SL_SHAPE_NONE: nothing fits */
	bool v6;
	bool to_server;   /**< else from it; its address and port are part of the shape */
	uint16_t port_be; /**< of IPv6 the server's port, which is in no block, as it lies there */
};

/**
 * Which shape a frame may have: 0 to 3 of IPv4, 4 to 7 of IPv6, each in the order of enum
 * sl_shape_kind.
 */
static inline unsigned sl_shape_slot(const uint8_t *frame, unsigned len)
{
	static const uint8_t kind[16] = {
		0, 0, 0, 0, 0, SL_SHAPE_ACK, 0, 0, SL_SHAPE_ACK_TS, 0, SL_SHAPE_SYN, 0, 0, 0, 0, 0,
	};

	if (sl_unlikely(len < SL_SHAPE_L4_V4 + SL_TCP_HDR))
		return SL_SHAPE_NONE;
	if (sl_load_be16(frame + 12) == 0x0800)
		return kind[frame[SL_SHAPE_L4_V4 + 12] >> 4];
	if (sl_unlikely(len < SL_SHAPE_L4_V6 + SL_TCP_HDR))
		return SL_SHAPE_NONE;
	/* Of anything else no shape is learned: it will not fit. */
	return 4u + kind[frame[SL_SHAPE_L4_V6 + 12] >> 4];
}

/** Bytes of headers. */
static inline unsigned sl_shape_end(enum sl_shape_kind kind, bool v6)
{
	const unsigned options = kind == SL_SHAPE_SYN ? 20 : kind == SL_SHAPE_ACK_TS ? 12 : 0;

	return (v6 ? SL_SHAPE_L4_V6 : SL_SHAPE_L4_V4) + SL_TCP_HDR + options;
}

/* Where the second block begins. */
static inline unsigned sl_shape_server(bool to_server, bool v6)
{
	if (!v6)
		return SL_SHAPE_L3 + 14;
	return SL_SHAPE_L3 + (to_server ? 24 : 8);
}

/* Where the third does: of a frame that begins with a cache line it lies in one. */
static inline unsigned sl_shape_flags(enum sl_shape_kind kind, bool v6)
{
	return sl_shape_end(kind, v6) - (kind == SL_SHAPE_SYN ? 28 : v6 ? 20 : 24);
}

static inline sl_shape_block sl_shape_differs(const struct sl_shape *s, unsigned i,
					      const uint8_t *at)
{
	return (*(const sl_shape_bytes *)at & s->mask[i]) ^ s->value[i];
}

/**
 * Whether a frame of `len` bytes has this shape, which is what the last three say: then it is a
 * segment that is right to the last byte of its headers, but for its checksums.
 */
static inline bool sl_shape_fits(const struct sl_shape *s, const uint8_t *frame, unsigned len,
				 const enum sl_shape_kind kind, const bool to_server, const bool v6)
{
	const unsigned end = sl_shape_end(kind, v6);
	uint64_t last = 0;
	uint16_t port_be;
	sl_shape_block d;
	unsigned size;

	if (sl_unlikely(len < end))
		return false;
	if (v6) {
		size = SL_SHAPE_L4_V6 + sl_load_be16(frame + SL_SHAPE_L3 + 4);
		memcpy(&port_be, frame + SL_SHAPE_L4_V6 + (to_server ? 2 : 0), sizeof(port_be));
		if (sl_unlikely(port_be != s->port_be))
			return false;
	} else {
		size = SL_SHAPE_L3 + sl_load_be16(frame + SL_SHAPE_L3 + 2);
	}
	if (sl_unlikely(size < end))
		return false;
	if (sl_unlikely(size > len))
		return false;
	d = sl_shape_differs(s, 0, frame + 12);
	d |= sl_shape_differs(s, 1, frame + sl_shape_server(to_server, v6));
	/* Of a header without options the last eight bytes are enough, with timestamps the third
	 * block is. */
	if (kind != SL_SHAPE_ACK)
		d |= sl_shape_differs(s, 2, frame + sl_shape_flags(kind, v6));
	if (kind != SL_SHAPE_ACK_TS)
		last = (sl_load_le64(frame + end - 8) & s->last_mask) ^ s->last;
	return (d[0] | d[1] | last) == 0;
}

/**
 * Learns the shape of a frame that `seg` was read from (SL_PARSED_TCP), to its server or from it.
 * Returns false, and `s` is as before, when it has none.
 */
bool sl_shape_learn(struct sl_shape *s, const uint8_t *frame, const struct sl_seg *seg,
		    bool to_server);

/** Nothing fits any more. */
static inline void sl_shape_forget(struct sl_shape *s)
{
	s->kind = SL_SHAPE_NONE;
}

/**
 * What differs from segment to segment, of a frame that fits a shape of kind SL_SHAPE_ACK or, with
 * `timestamps`, SL_SHAPE_ACK_TS: numbers, window, timestamps, payload; and where they are. The rest
 * is not set.
 */
static inline struct sl_seg sl_shape_read_ack(const uint8_t *frame, const bool timestamps,
					      const bool v6)
{
	const unsigned l4 = v6 ? SL_SHAPE_L4_V6 : SL_SHAPE_L4_V4;
	const unsigned end = sl_shape_end(timestamps ? SL_SHAPE_ACK_TS : SL_SHAPE_ACK, v6);
	const unsigned size = v6 ? SL_SHAPE_L4_V6 + sl_load_be16(frame + SL_SHAPE_L3 + 4)
				 : SL_SHAPE_L3 + sl_load_be16(frame + SL_SHAPE_L3 + 2);
	const uint8_t *tcp = frame + l4;
	struct sl_seg seg;

	seg.seq = sl_load_be32(tcp + 4);
	seg.ack = sl_load_be32(tcp + 8);
	seg.wnd = sl_load_be16(tcp + 14);
	seg.flags = SL_ACK;
	seg.l3_off = SL_SHAPE_L3;
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
