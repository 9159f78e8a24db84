/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A packet as floors 0 to 2 see it: where its bytes are, how much room lies around them, where it
 * came from and what is to become of it. The memory behind it belongs to the worker (an mbuf) or
 * to a test (a plain array); `handle` leads back to it.
 *
 * Ownership. A descriptor owns its buffer. The worker hands in descriptors with the fate
 * SL_FATE_NONE; whoever decides sets the fate, once, and from then on the buffer belongs to:
 *
 *   a fate that sends (ANSWERED, RELAYED, PASSED, MADE)   the output list, out by `out_port`
 *   SL_FATE_HELD                                         the connection, until it is released
 *   SL_FATE_DELIVERED, SL_FATE_DROPPED                    the free list
 *   SL_FATE_HANDED                                       the worker that it is given to
 *
 * The fate is also the packet's line in the accounts: received or handed in = answered + relayed +
 * delivered + passed + held + handed out + dropped by reason. A descriptor is copied by value when
 * it changes hands. Received headers lie in one piece at `data`; nothing here is a chain. One
 * thread owns a descriptor at a time; nothing here is shared.
 */
#ifndef SL_BUF_H
#define SL_BUF_H

#include <string.h>

#include "sl_base.h"

SL_BEGIN_DECLS

enum sl_fate {
	SL_FATE_NONE,      /**< not decided yet */
	SL_FATE_ANSWERED,  /**< turned into its own answer and sent back */
	SL_FATE_RELAYED,   /**< sent on as a segment of a connection */
	SL_FATE_PASSED,    /**< sent on untouched */
	SL_FATE_MADE,      /**< a segment of our own making in a spare buffer */
	SL_FATE_DELIVERED, /**< consumed by the box */
	SL_FATE_HELD,      /**< kept by a connection until its server answers */
	SL_FATE_DROPPED,   /**< dropped, for the reason beside it */
	SL_FATE_HANDED,    /**< given to another worker, whose books go on with it */
};

/** What is known of a received packet's checksum, and what a sent one still needs. */
enum sl_cksum_state {
	SL_CKSUM_UNKNOWN, /**< nobody has looked */
	SL_CKSUM_GOOD,    /**< verified: by the NIC, or by us */
	SL_CKSUM_BAD,     /**< the NIC found it wrong */
};

/** How a packet came to the worker that has it. */
enum sl_origin {
	SL_ORIGIN_RX,     /**< received from a port */
	SL_ORIGIN_HANDED, /**< taken over from another worker */
};

struct sl_buf {
	uint8_t *data;     /**< first byte of the frame */
	void *handle;      /**< the worker's: the mbuf */
	uint16_t len;      /**< bytes of the frame at `data` */
	uint16_t headroom; /**< writable bytes before `data` */
	uint16_t tailroom; /**< writable bytes after `data + len` */
	uint8_t in_port;
	uint8_t out_port;
	uint16_t account;  /**< whose books it stands in: a service's number, 0 for none */
	uint8_t fate;      /**< enum sl_fate */
	uint8_t reason;    /**< of a drop: number within enum sl_drop */
	uint8_t origin;    /**< enum sl_origin: what its fate is booked against */
	uint8_t ip_cksum;  /**< enum sl_cksum_state, of the IPv4 header */
	uint8_t tcp_cksum; /**< enum sl_cksum_state, of the segment */
	uint8_t hops;      /**< workers that it has been handed round to */
};

static_assert(sizeof(struct sl_buf) == 32, "a descriptor is copied by value: keep it small");

/** All that is not set about a packet that has just been received, whose checksums are right. */
static inline void sl_buf_begin_good(struct sl_buf *buf)
{
	/* Account, fate, reason, origin, both checksums, hops, at once. */
	const uint64_t line = (uint64_t)SL_CKSUM_GOOD << 40 | (uint64_t)SL_CKSUM_GOOD << 48;

	static_assert(SL_FATE_NONE == 0 && SL_ORIGIN_RX == 0 &&
			      offsetof(struct sl_buf, ip_cksum) ==
				      offsetof(struct sl_buf, account) + 5,
		      "of a little-endian word");
	memcpy(&buf->account, &line, sizeof(line));
	buf->out_port = 0;
}

/** Whether both its checksums are known to be right. */
static inline bool sl_buf_verified(const struct sl_buf *buf)
{
	uint16_t both;

	static_assert(offsetof(struct sl_buf, tcp_cksum) == offsetof(struct sl_buf, ip_cksum) + 1,
		      "read at once");
	memcpy(&both, &buf->ip_cksum, sizeof(both));
	return both == (SL_CKSUM_GOOD << 8 | SL_CKSUM_GOOD);
}

/**
 * Its line in the books as one number: account, fate, reason, origin. Two packets with the same
 * number are booked alike.
 */
static inline uint64_t sl_buf_line(const struct sl_buf *buf)
{
	uint64_t line;

	static_assert(offsetof(struct sl_buf, account) == 24 &&
			      offsetof(struct sl_buf, ip_cksum) == 29,
		      "the line is the first five of eight bytes");
	memcpy(&line, &buf->account, sizeof(line));
	return line & 0xffffffffff;
}

SL_END_DECLS

#endif
