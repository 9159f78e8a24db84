/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is asked of a host below TCP, and the answers: who has this address (ARP, Neighbour
 * Discovery), and is anybody there (echo, of ICMP and ICMPv6). For links on which the box owns
 * addresses.
 *
 * Order of calls: sl_wire_parse_ask; the caller looks whether `target` is one of its own on that
 * port and those tags, and whether it wants to answer; sl_wire_answer_ask. No cache of neighbours,
 * no limit of rates: both are the caller's.
 * Stateless; any thread.
 *
 * Not answered, though hosts may: echo requests with options of IPv4 (of which each would have to
 * be copied, reversed or added to: RFC 1122 section 3.2.2.6), fragments of them, those to multicast
 * and broadcast, and whatever has an extension header of IPv6 before ICMPv6 (for Neighbour
 * Discovery, RFC 6980 forbids the one that matters).
 *
 * Sources: RFC 826, RFC 5227, RFC 4861 sections 7.1.1 and 7.2.4, RFC 4862 section 5.4, RFC 792,
 * RFC 1122 section 3.2.2.6, RFC 4443 section 4.
 */
#ifndef SL_ASK_H
#define SL_ASK_H

#include "sl_addr.h"
#include "sl_buf.h"

SL_BEGIN_DECLS

enum sl_ask_kind {
	SL_ASK_NONE,
	SL_ASK_ARP,       /**< ARP request, probes (RFC 5227) among them */
	SL_ASK_NEIGHBOUR, /**< Neighbour Solicitation, also to detect duplicate addresses */
	SL_ASK_ECHO_V4,
	SL_ASK_ECHO_V6,
};

struct sl_ask {
	struct sl_addr src;    /**< who asks; 0.0.0.0 or :: when it has no address yet */
	struct sl_addr target; /**< whom it asks for, never multicast; IPv4 mapped */
	uint32_t vlan;         /**< as in struct sl_seg */
	enum sl_ask_kind kind;
	uint16_t l3_off; /**< of ARP or IP, from the start of the frame, bytes */
	uint16_t l4_off; /**< of ICMP; 0 of ARP */
	uint16_t end;    /**< behind the message; what follows is padding */
	bool malformed;  /**< asks nothing because it is wrong: cut short, a length or checksum that
			    is not right, an address or value that nobody may send */
};

/**
 * Reads a frame of any kind, of `len` bytes; checks all lengths, checksums and addresses, and
 * writes nothing there. Of the destination MAC it checks only that an echo request's is no group's
 * (RFC 1122 section 3.3.6): a port that hears everything brings frames for other hosts, too, which
 * is the caller's to see.
 * Returns true, and fills `ask`; or false, with the kind SL_ASK_NONE, when the frame asks a host
 * nothing, or is malformed (ask->malformed). Nothing else is set then.
 */
bool sl_wire_parse_ask(const uint8_t *frame, uint16_t len, struct sl_ask *ask);

/**
 * Turns the frame in `buf`, which `ask` was read from, into its answer from `mac` (which does not
 * lie in the frame), and sets buf->len: checksums right, tags as they were, no padding. It goes to
 * the MAC that the frame came from, or to all nodes when an IPv6 host without address has asked.
 * An echo keeps the request's DSCP, and of IPv4 its identification and DF.
 * Returns true; or false, with nothing written, when there is not enough room behind the frame for
 * a Neighbour Advertisement (8 bytes always do), or `ask` asks nothing.
 */
bool sl_wire_answer_ask(struct sl_buf *buf, const struct sl_ask *ask, const uint8_t mac[6]);

SL_END_DECLS

#endif
