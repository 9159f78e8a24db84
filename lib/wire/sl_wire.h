/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Bytes to segments and back: Ethernet (802.1Q, QinQ), IPv4, IPv6, TCP with its options, and what
 * ICMP errors quote of them.
 *
 * Parsing believes no length before it has checked it, writes nothing and keeps nothing: a struct
 * sl_seg holds values, and offsets into the frame that it was read from. Emitting writes a whole
 * frame with its checksums. sl_rewrite.h changes single fields of a parsed frame.
 * Stateless; any thread.
 *
 * Sources: RFC 9293 section 3.1 and 3.2, RFC 7323, RFC 2018, RFC 791, RFC 8200, RFC 792,
 * RFC 4443, RFC 4884, IEEE 802.1Q.
 */
#ifndef SL_WIRE_H
#define SL_WIRE_H

#include "sl_addr.h"
#include "sl_buf.h"
#include "sl_stats.h"

SL_BEGIN_DECLS

enum sl_tcp_flag {
	SL_FIN = 0x01,
	SL_SYN = 0x02,
	SL_RST = 0x04,
	SL_PSH = 0x08,
	SL_ACK = 0x10,
	SL_URG = 0x20,
	SL_ECE = 0x40,
	SL_CWR = 0x80,
};

/**
 * Whether a stack may send these flags: not none of the six at all, SYN with FIN or RST, RST with
 * FIN, FIN or data flags without ACK. Those only serve to probe or to slip past filters.
 */
static inline bool sl_tcp_flags_possible(uint8_t flags)
{
/* A bit for each value of FIN, SYN, RST, PSH and ACK that may be. */
#define SL_ONLY(f)     (1u << (f) | 1u << ((f) | SL_PSH))
#define SL_WITH_ACK(f) SL_ONLY((f) | SL_ACK)
	const uint32_t possible = SL_WITH_ACK(0) | SL_WITH_ACK(SL_FIN) | SL_ONLY(SL_SYN) |
				  SL_WITH_ACK(SL_SYN) | SL_ONLY(SL_RST) | SL_WITH_ACK(SL_RST);
#undef SL_ONLY
#undef SL_WITH_ACK
	return possible >> (flags & 0x1f) & 1;
}

enum {
	SL_ETHER_HDR = 14,
	SL_L2_MAX = 22,     /**< Ethernet, two tags, EtherType */
	SL_NO_WSCALE = 15,  /**< sl_seg.wscale: the option was not there */
	SL_WSCALE_MAX = 14, /**< RFC 7323 section 2.3: larger shifts mean 14 */
	SL_TCP_HDR = 20,
	SL_TCP_OPTIONS_MAX = 40,
	SL_MSS_DEFAULT_V4 = 536,  /**< RFC 9293 MUST-15 */
	SL_MSS_DEFAULT_V6 = 1220, /**< RFC 9293 MUST-15 */
	SL_TIMESTAMPS_BYTES = 12, /**< the timestamps option and two NOPs */
	SL_IPV4_TCP_HDRS = 40,
	SL_IPV6_TCP_HDRS = 60,
	SL_IPV4_MTU_MIN = 68,   /**< RFC 791 */
	SL_IPV6_MTU_MIN = 1280, /**< RFC 8200 section 5; less is ignored: RFC 8021 */
	SL_FRAME_MADE_MAX = SL_L2_MAX + SL_IPV6_TCP_HDRS + SL_TCP_OPTIONS_MAX,
	/** Bytes before a frame that sl_wire_insert_timestamps may need. */
	SL_HEADROOM = SL_TIMESTAMPS_BYTES,
};

/**
 * Bytes that a packet buffer needs from the first byte of the frame on, on links of this MTU: for
 * every frame that is received there, and for every frame that sl_wire_emit and its like write.
 * These ask for room for the largest headers there are, whatever headers a frame has. A full
 * segment of IPv4 has the most payload.
 */
static inline uint32_t sl_wire_room(uint16_t mtu)
{
	return (uint32_t)mtu - SL_IPV4_TCP_HDRS + SL_FRAME_MADE_MAX;
}

/** A link-layer header as it stands at the start of a frame, EtherType included. */
struct sl_l2 {
	uint8_t bytes[SL_L2_MAX];
	uint8_t len;
};

/** What a frame turned out to be. */
enum sl_parsed {
	SL_PARSED_TCP,    /**< a TCP segment; every field of sl_seg is set */
	SL_PARSED_OTHER,  /**< none of these: ARP, UDP, other ICMP, unknown EtherTypes, ... */
	SL_PARSED_UNREAD, /**< a link-layer header that this box does not read, though a host may,
			     and find TCP behind it: more than two tags, IP in SNAP; `reason` says
			     which */
	SL_PARSED_ICMP, /**< an ICMP or ICMPv6 error that may quote a segment: unreachable, too big,
			   time exceeded, parameter problem. Addresses, l4_off (of ICMP) and
			   payload (what it quotes) are set: see sl_wire_parse_quote */
	SL_PARSED_BAD_TCP, /**< TCP that is malformed or a fragment; addresses are set, ports where
			      they could be read (else 0), and `reason`. Where that is
			      SL_DROP_tcp_bad_flags nothing else is wrong, and every field is set */
	SL_PARSED_BAD,     /**< no telling what it is; `reason` says why */
};

struct sl_seg {
	struct sl_addr src, dst;
	uint32_t ack, seq;     /**< backwards: so the two are one word of the wire's, turned */
	uint32_t tsecr, tsval; /**< likewise; valid when ts_off is not 0 */
	uint32_t vlan;         /**< outer VID << 12 | inner VID, or one VID; 0 without tags */
	uint16_t src_port, dst_port; /**< host order */
	uint16_t wnd;                /**< as it stands in the header, unscaled */
	uint16_t mss;                /**< of a SYN, the least of several; 0 when not there */
	uint16_t l3_off, l4_off;     /**< from the start of the frame, bytes */
	uint16_t payload_off, payload_len;
	uint16_t ts_off;   /**< of the timestamps option's kind byte; 0 when not there */
	uint16_t sack_off; /**< of the SACK option's kind byte; 0 when not there */
	uint8_t n_sack;    /**< SACK blocks */
	uint8_t flags;     /**< enum sl_tcp_flag */
	uint8_t wscale;    /**< 0..14 of a SYN, or SL_NO_WSCALE */
	bool sack_permitted;
	bool v6;
	uint8_t reason; /**< enum sl_drop, for UNREAD and the two BAD kinds */
};

/** RFC 9293's SEG.LEN: payload bytes, and one each for SYN and FIN. */
static inline uint32_t sl_seg_len(const struct sl_seg *seg)
{
	return (uint32_t)seg->payload_len + !!(seg->flags & SL_SYN) + !!(seg->flags & SL_FIN);
}

/**
 * Reads one frame of `len` bytes at `frame`.
 * Checks every length and the flags' combination, but no checksum (sl_wire_verify).
 * Returns what it is; fills `seg` as far as enum sl_parsed says.
 */
enum sl_parsed sl_wire_parse(const uint8_t *frame, uint16_t len, struct sl_seg *seg);

/** The same of an IP packet, without a link-layer header. */
enum sl_parsed sl_wire_parse_ip(const uint8_t *packet, uint16_t len, struct sl_seg *seg);

/**
 * Reads `len` bytes of TCP, header and payload, at frame + seg->l4_off: sl_wire_parse without what
 * lies below, for captures and vectors that begin there. seg->l4_off is the caller's to set, and so
 * is what lies below; all of TCP's fields are set here.
 */
enum sl_parsed sl_wire_parse_tcp(const uint8_t *frame, uint16_t len, struct sl_seg *seg);

/** What an ICMP error quotes: the start of a segment that went the other way. */
struct sl_quote {
	struct sl_seg seg; /**< the segment as far as it is quoted: l3_off and l4_off, addresses,
			      ports, SEQ; then ACK, flags (SL_ACK where they are not quoted), window
			      and the options that are whole. No payload */
	uint16_t tcp_len;  /**< bytes of TCP quoted, 8 or more */
	uint16_t ip_off;   /**< the error's own headers, from the start of the frame */
	uint16_t icmp_off;
	uint16_t icmp_len; /**< of the whole message */
	bool to_sender;    /**< the error goes to the sender of the segment */
};

/**
 * Reads what the error `icmp` (SL_PARSED_ICMP, as it was parsed from `frame`) quotes. Returns false
 * when that is no segment with ports and SEQ: another protocol, a later fragment, too short.
 */
bool sl_wire_parse_quote(const uint8_t *frame, const struct sl_seg *icmp, struct sl_quote *quote);

/** Whether the ICMP checksum of the error that `quote` was read from is right. */
bool sl_wire_verify_quote(const uint8_t *frame, const struct sl_quote *quote);

/** What an ICMP error says to the TCP whose segment it quotes: RFC 9293 section 3.9.2.2. */
struct sl_icmp_error {
	uint16_t mtu; /**< of the path; 0: it is not about that */
	bool hard;    /**< protocol or port unreachable, or administratively prohibited */
};

/** Reads it, from the frame that `quote` was read from. */
struct sl_icmp_error sl_wire_icmp_error(const uint8_t *frame, const struct sl_quote *quote);

/**
 * Verifies the IPv4 header's and TCP's checksums of a parsed segment, each unless the buffer says
 * that somebody did. Returns true when both are right (and notes it in `buf`), else false with the
 * reason in seg->reason.
 */
bool sl_wire_verify_sums(struct sl_buf *buf, struct sl_seg *seg);
static inline bool sl_wire_verify(struct sl_buf *buf, struct sl_seg *seg)
{
	if (sl_likely(buf->tcp_cksum == SL_CKSUM_GOOD &&
		      (seg->v6 || buf->ip_cksum == SL_CKSUM_GOOD)))
		return true;
	return sl_wire_verify_sums(buf, seg);
}

/** Copies the link-layer header of a frame, `len` bytes (sl_seg.l3_off). */
void sl_wire_l2_get(const uint8_t *frame, unsigned len, struct sl_l2 *l2);

/** Whether a frame begins with this header; its own is `len` bytes long, at least Ethernet's 14. */
static inline bool sl_l2_equal(const struct sl_l2 *l2, const uint8_t *frame, unsigned len)
{
	uint64_t a[2], b[2];

	/* 14 bytes in two pieces of 8, of which two lie in both. */
	memcpy(&a[0], l2->bytes, 8);
	memcpy(&a[1], l2->bytes + 6, 8);
	memcpy(&b[0], frame, 8);
	memcpy(&b[1], frame + 6, 8);
	if (((a[0] ^ b[0]) | (a[1] ^ b[1])) != 0 || len != l2->len)
		return false;
	return len == 14 || memcmp(l2->bytes + 14, frame + 14, len - 14) == 0;
}

/** Makes the header for the way back: source and destination change places, tags stay. */
void sl_wire_l2_swap(struct sl_l2 *l2);

/** A range of sequence numbers, [left, right): RFC 2018 section 3. */
struct sl_sack {
	uint32_t left, right;
};

/** Some of the bytes of a payload. */
struct sl_piece {
	const uint8_t *bytes;
	uint32_t len;
};

/** A segment to be made. */
struct sl_made {
	const struct sl_addr *src, *dst;
	uint32_t seq, ack;
	uint32_t tsval, tsecr;
	uint16_t src_port, dst_port; /**< host order */
	uint16_t wnd;
	uint16_t mss;        /**< option, 0 for none; SYN only (RFC 9293 MUST-65) */
	uint8_t flags;       /**< enum sl_tcp_flag */
	uint8_t wscale;      /**< option, SL_NO_WSCALE for none; SYN only */
	bool sack_permitted; /**< option; SYN only */
	bool timestamps;
	uint8_t n_sack; /**< option, 0 to 4, or 3 beside timestamps (RFC 2018 section 3); no SYN's
			 */
	uint8_t n_payload;    /**< pieces */
	uint8_t ttl;          /**< or hop limit; 0: 64 */
	uint8_t dscp;         /**< 0 to 63, RFC 2474 */
	uint16_t urgent;      /**< the urgent pointer */
	uint16_t payload_len; /**< of all pieces */
	const struct sl_sack *sack;
	const struct sl_piece *payload;
};

/**
 * Writes the frame of `made` behind the link-layer header `l2` at buf->data, checksums and all,
 * over whatever was there, and sets buf->len. IPv4 goes with DF and identification 0 (RFC 6864).
 * Returns true, or false when the buffer has less than SL_FRAME_MADE_MAX bytes of room beside the
 * payload.
 */
bool sl_wire_emit(struct sl_buf *buf, const struct sl_l2 *l2, const struct sl_made *made);

/**
 * The same, over the frame that `made` answers, which `seg` was read from: its link-layer header is
 * turned round in place, tags and all.
 */
bool sl_wire_emit_answer(struct sl_buf *buf, const struct sl_seg *seg, const struct sl_made *made);

/**
 * Writes to buf->data the error that tells the sender of a segment that it was too long, from the
 * segment's destination, behind the link-layer header `l2`, and sets buf->len. ICMP: fragmentation
 * needed (RFC 1191 section 4); ICMPv6: packet too big (RFC 4443 section 3.2).
 * @frame, @seg  the segment, as it came in; quoted as far as an error may be long, as there is
 *               room, and as the error is not longer than the segment's packet
 * @mtu          bytes of an IP packet that would do
 * Returns true, or false when the buffer has less than SL_FRAME_MADE_MAX bytes of room.
 */
bool sl_wire_emit_too_big(struct sl_buf *buf, const struct sl_l2 *l2, const uint8_t *frame,
			  const struct sl_seg *seg, uint16_t mtu);

/**
 * Whether the sender of a frame of `len` bytes is told that its packet is too long: IPv4 with DF
 * and every IPv6, but for ICMP errors, for what went to or came from many (RFC 1812
 * section 4.3.2.7, RFC 4443 section 2.4), and for what is malformed. Then `seg` has what
 * sl_wire_emit_too_big reads of it; the whole IP packet counts as payload.
 */
bool sl_wire_may_tell_too_big(const uint8_t *frame, unsigned len, struct sl_seg *seg);

/** Where the packet begins in a frame of `len` bytes: behind Ethernet and at most two tags. */
unsigned sl_wire_l3_off(const uint8_t *frame, unsigned len);

SL_END_DECLS

#endif
