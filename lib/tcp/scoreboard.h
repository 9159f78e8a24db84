/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the other end has told by SACK, and what to send because of it: RFC 6675. A bounded number
 * of ranges; what finds no room is taken for not told, and at worst is sent again. All work is
 * bounded by that number, however the ranges are cut up (CVE-2019-11477 to -11479).
 *
 * Names are the RFC's: HighACK is `una` - 1, HighData `max` - 1. Sequence numbers. Plain memory.
 */
#ifndef SCOREBOARD_H
#define SCOREBOARD_H

#include "bytes.h"
#include "rack.h"

SL_BEGIN_DECLS

enum {
	TCP_SACKED = 64, /* ranges, at most */
	TCP_DUP_THRESH = 3,
};

struct tcp_scoreboard {
	struct tcp_range range[TCP_SACKED]; /* ascending; no two touch; all within [una, max) */
	uint32_t n;
	uint32_t high_rxt;   /* one behind the highest that was sent again in this recovery */
	uint32_t rescue_rxt; /* likewise, by the rescue */
	bool rescued;        /* rescue_rxt is set */
	bool timed; /* `sent` covers all that is in flight: then losses are found by time */
	struct tcp_sent sent;
};

static_assert(sizeof(struct tcp_scoreboard) <= TCP_BLOCK, "it lies in a block");

void tcp_scoreboard_init(struct tcp_scoreboard *s, uint32_t una);

/*
 * Takes in an ACK of `una`, after one of `last`, with the ranges of its SACK option; nothing at or
 * above `max` has been sent. Ranges that can't be are passed over. Tells `rack` what has arrived,
 * when losses are found by time. Returns the bytes that are known to be there since.
 */
uint32_t tcp_scoreboard_update(struct tcp_scoreboard *s, uint32_t last, uint32_t una, uint32_t max,
			       const struct tcp_range *sack, uint32_t n, struct tcp_rack *rack,
			       uint32_t now_us);

/* Recovery begins: nothing has been sent again yet. */
void tcp_scoreboard_recover(struct tcp_scoreboard *s, uint32_t una);

/* The retransmission timer went off: the receiver may have given up what it told (section 5.1). */
void tcp_scoreboard_forget(struct tcp_scoreboard *s, uint32_t una);

/* IsLost: whether what is at `seq`, which is not SACKed, is taken for lost. */
bool tcp_scoreboard_is_lost(const struct tcp_scoreboard *s, uint32_t seq, uint16_t smss);

/* SetPipe: bytes in flight. */
uint32_t tcp_scoreboard_pipe(const struct tcp_scoreboard *s, uint32_t una, uint32_t max,
			     uint16_t smss);

enum tcp_next {
	TCP_NEXT_NONE,
	TCP_NEXT_LOST,   /* rule 1: [seq, seq + len) is lost */
	TCP_NEXT_NEW,    /* rule 2: what was never sent */
	TCP_NEXT_HOLE,   /* rule 3: may be lost */
	TCP_NEXT_RESCUE, /* rule 4: the last that is not SACKed */
};

/*
 * NextSeg: what to send next in recovery, at most `smss` bytes. `new_bytes`: there is data that was
 * never sent and fits the window. Sets `range` unless it is new data or none.
 */
enum tcp_next tcp_scoreboard_next(const struct tcp_scoreboard *s, uint32_t una, uint32_t max,
				  uint16_t smss, bool new_bytes, struct tcp_range *range);

/* What tcp_scoreboard_next said has been sent. `recovery_point`: one behind the highest that had
 * been sent when this recovery began. */
void tcp_scoreboard_sent(struct tcp_scoreboard *s, enum tcp_next why, struct tcp_range range,
			 uint32_t recovery_point);

/* The same by time. */
struct tcp_lost {
	struct tcp_range first; /* the first that is lost, at most SMSS; empty: none is */
	uint32_t pipe;          /* bytes in flight */
	uint32_t wait_us;       /* then more may be; UINT32_MAX: not by itself */
};

/* What is lost of all that is in flight, [una, max), by RACK; `in_recovery` and SACKs of three
 * segments make it hurry. */
struct tcp_lost tcp_scoreboard_lost(const struct tcp_scoreboard *s, const struct tcp_rack *rack,
				    uint32_t una, uint32_t max, uint16_t smss, uint32_t srtt_us,
				    bool in_recovery, uint32_t now_us);

SL_END_DECLS

#endif
