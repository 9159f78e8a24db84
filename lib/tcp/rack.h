/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Loss found by time: RFC 8985 (RACK). When something that was sent later has arrived, what was
 * sent so much earlier is lost; what was sent again is judged in the same way. So it is known of
 * all that is in flight when it was sent last: of a bounded number of runs, bursts as a rule. Where
 * there is no room for one more, neighbours become one that counts as sent when the later of them
 * was: then a loss is found later, never too early.
 *
 * Sequence numbers, microseconds modulo 2^32. Plain memory.
 */
#ifndef RACK_H
#define RACK_H

#include "sl_wire.h"

SL_BEGIN_DECLS

struct tcp_scoreboard;

enum { TCP_SENT_MARKS = 60, TCP_SENT_AGAIN = 60 };

/* What was sent in order ends there, and was sent then; it begins where the one before ends. */
struct tcp_mark {
	uint32_t end, us;
};

/* What was sent again. */
struct tcp_again {
	uint32_t left, right, us;
};

/* All that is in flight: when each part of it was sent last. */
struct tcp_sent {
	struct tcp_mark mark[TCP_SENT_MARKS];   /* ascending */
	struct tcp_again again[TCP_SENT_AGAIN]; /* ascending, none touches another */
	uint32_t n_marks, n_again;
};

/* [from, to) was sent for the first time; it follows what was sent before. */
void tcp_sent_first(struct tcp_sent *s, uint32_t to, uint32_t now_us);

/* [left, right) was sent again. */
void tcp_sent_again(struct tcp_sent *s, uint32_t left, uint32_t right, uint32_t now_us);

/* What is below `una` is of no interest any more. */
void tcp_sent_forget(struct tcp_sent *s, uint32_t una);

/* When what is at `seq` was sent last; the run of those that were sent then ends at `end`, at most
 * at `limit`. `again`: it was not the first time. */
uint32_t tcp_sent_us(const struct tcp_sent *s, uint32_t seq, uint32_t limit, uint32_t *end,
		     bool *again);

/* What RACK knows of a connection, beyond what is in flight. */
struct tcp_rack {
	uint32_t xmit_us, end_seq; /* of the segment that was sent last, of those that arrived */
	uint32_t rtt_us;           /* its round trip */
	uint32_t min_rtt_us;       /* 0: none yet */
	uint32_t fack;             /* one behind the highest that arrived */
	uint8_t reo_mult;          /* of min_rtt / 4 */
	uint8_t reo_persist;       /* recoveries until that is 1 again */
	bool valid;                /* something has arrived */
	bool reordering;           /* has been seen */
};

/* A connection has been opened. */
void tcp_rack_init(struct tcp_rack *r);

/* [left, right) has arrived, which was not known before. */
void tcp_rack_arrived(struct tcp_rack *r, const struct tcp_sent *s, uint32_t left, uint32_t right,
		      uint32_t now_us);

/* The peer tells of something that came twice: what was taken for lost was only late. */
void tcp_rack_duplicate(struct tcp_rack *r);

/* A recovery is over. */
void tcp_rack_recovered(struct tcp_rack *r);

/*
 * How long what was sent last at `us` may still be on its way: 0 when it is lost, UINT32_MAX when
 * nothing that was sent later has arrived. `left`: where it begins. `hurry`: nothing suggests that
 * packets overtake each other (section 6.2, step 4).
 */
uint32_t tcp_rack_remaining(const struct tcp_rack *r, uint32_t us, uint32_t left, uint32_t srtt_us,
			    bool hurry, uint32_t now_us);

SL_END_DECLS

#endif
