/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of this library share, and nobody else sees. */
#ifndef WIRE_H
#define WIRE_H

#include "sl_wire.h"

enum {
	ETHERTYPE_IPV4 = 0x0800,
	ETHERTYPE_IPV6 = 0x86dd,
	PROTO_ICMP = 1,
	PROTO_TCP = 6,
	PROTO_FRAGMENT = 44,
	PROTO_ICMPV6 = 58,
	IPV4_HDR = 20,
	IPV6_HDR = 40,
	ICMP_HDR = 8,
	MAX_EXTENSIONS = 8,
};

/* What lies below IP, or whatever else a frame carries. */
struct wire_l2 {
	uint32_t vlan; /* as in struct sl_seg */
	uint16_t type; /* EtherType behind the tags; 0 when there are too many */
	uint16_t len;
	uint8_t reason; /* enum sl_drop, when it was not read */
};

/* parse.c: the link-layer header of a frame. Returns SL_PARSED_OTHER when it was read, else
 * SL_PARSED_BAD or SL_PARSED_UNREAD; vlan is as far as it was read. */
enum sl_parsed wire_parse_l2(const uint8_t *frame, unsigned len, struct wire_l2 *l2);

/* parse.c: IPv6's extension headers. */
bool wire_is_extension(uint8_t proto);
/* The length of the one at `p` with `room` bytes left (RFC 8200 section 4); 0 when cut short. */
unsigned wire_extension_len(uint8_t proto, const uint8_t *p, unsigned room);

/* parse_tcp.c: the first `len` (at least 8) bytes of a segment at frame + seg->l4_off: fields and
 * options as far as they are whole. */
void wire_parse_tcp_start(const uint8_t *frame, unsigned len, struct sl_seg *seg);

/* icmp.c: the message of `len` bytes at frame + l4_off, of a packet whose addresses stand in `seg`:
 * an error that may quote a segment, or something else. */
enum sl_parsed wire_parse_icmp(const uint8_t *frame, unsigned len, struct sl_seg *seg);

/* icmp.c: what the sum of a message of `len` bytes covers of the IP header at `ip`: RFC 8200
 * section 8.1: ICMPv6's covers addresses, length and protocol; ICMP's does not. */
uint64_t wire_icmp_pseudo(const uint8_t *ip, bool v6, unsigned len);

#endif
