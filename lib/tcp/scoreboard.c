/* SPDX-License-Identifier: BSD-3-Clause */
#include "scoreboard.h"

#include <string.h>

#include "sl_seq.h"

void tcp_scoreboard_init(struct tcp_scoreboard *s, uint32_t una)
{
	s->n = 0;
	s->timed = false;
	s->sent.n_marks = s->sent.n_again = 0;
	tcp_scoreboard_recover(s, una);
}

void tcp_scoreboard_recover(struct tcp_scoreboard *s, uint32_t una)
{
	s->high_rxt = una;
	s->rescued = false;
}

void tcp_scoreboard_forget(struct tcp_scoreboard *s, uint32_t una)
{
	tcp_scoreboard_init(s, una);
}

static void remove_ranges(struct tcp_scoreboard *s, uint32_t i, uint32_t n)
{
	memmove(&s->range[i], &s->range[i + n], (s->n - i - n) * sizeof(s->range[0]));
	s->n -= n;
}

/* What is acknowledged needs no range any more. */
static void acknowledge(struct tcp_scoreboard *s, uint32_t una)
{
	uint32_t n = 0;

	while (n < s->n && sl_seq_leq(s->range[n].right, una))
		n++;
	remove_ranges(s, 0, n);
	if (s->n > 0 && sl_seq_lt(s->range[0].left, una))
		s->range[0].left = una;
	s->high_rxt = sl_seq_max(s->high_rxt, una);
}

/* Returns the bytes that are new. */
static uint32_t add(struct tcp_scoreboard *s, struct tcp_range add)
{
	uint32_t first = 0, after, known = 0;

	/* Those from `first` on, but none from `after` on, touch it. */
	while (first < s->n && sl_seq_lt(s->range[first].right, add.left))
		first++;
	for (after = first; after < s->n && sl_seq_leq(s->range[after].left, add.right); after++) {
		const struct tcp_range r = s->range[after];

		known += r.right - r.left;
		if (sl_seq_lt(r.left, add.left))
			add.left = r.left;
		add.right = sl_seq_max(r.right, add.right);
	}
	if (after == first) {
		if (s->n == TCP_SACKED)
			return 0;
		memmove(&s->range[first + 1], &s->range[first],
			(s->n - first) * sizeof(s->range[0]));
		s->n++;
	} else {
		remove_ranges(s, first + 1, after - first - 1);
	}
	s->range[first] = add;
	return add.right - add.left - known;
}

/* What of [left, right) is not SACKed yet has arrived. */
static void arrived(const struct tcp_scoreboard *s, struct tcp_rack *rack, uint32_t left,
		    uint32_t right, uint32_t now_us)
{
	for (uint32_t i = 0; i < s->n && sl_seq_lt(left, right); i++) {
		const struct tcp_range r = s->range[i];

		if (sl_seq_leq(r.right, left))
			continue;
		if (sl_seq_geq(r.left, right))
			break;
		if (sl_seq_lt(left, r.left))
			tcp_rack_arrived(rack, &s->sent, left, r.left, now_us);
		left = r.right;
	}
	if (sl_seq_lt(left, right))
		tcp_rack_arrived(rack, &s->sent, left, right, now_us);
}

uint32_t tcp_scoreboard_update(struct tcp_scoreboard *s, uint32_t last, uint32_t una, uint32_t max,
			       const struct tcp_range *sack, uint32_t n, struct tcp_rack *rack,
			       uint32_t now_us)
{
	uint32_t told = 0;

	if (s->timed) {
		arrived(s, rack, last, una, now_us);
		tcp_sent_forget(&s->sent, una);
	}
	acknowledge(s, una);
	for (uint32_t i = 0; i < n; i++) {
		struct tcp_range r = sack[i];

		/* Within what is in flight, and not empty: else it is old (a D-SACK), or a lie. */
		if (!sl_seq_between(r.left, una, max) || !sl_seq_between(r.right, una, max) ||
		    sl_seq_geq(r.left, r.right))
			continue;
		if (s->timed)
			arrived(s, rack, r.left, r.right, now_us);
		told += add(s, r);
	}
	return told;
}

/* By what lies above it: range number `i` and those after it. */
static bool lost_below(const struct tcp_scoreboard *s, uint32_t i, uint16_t smss)
{
	uint32_t bytes = 0;

	if (s->n - i >= TCP_DUP_THRESH)
		return true;
	for (; i < s->n; i++)
		bytes += s->range[i].right - s->range[i].left;
	return bytes > (TCP_DUP_THRESH - 1) * (uint32_t)smss;
}

bool tcp_scoreboard_is_lost(const struct tcp_scoreboard *s, uint32_t seq, uint16_t smss)
{
	uint32_t i = 0;

	while (i < s->n && sl_seq_leq(s->range[i].left, seq))
		i++;
	return lost_below(s, i, smss);
}

/* The bytes of [left, right) that are below `high`. */
static uint32_t below(uint32_t left, uint32_t right, uint32_t high)
{
	if (sl_seq_leq(high, left))
		return 0;
	return sl_seq_lt(high, right) ? high - left : right - left;
}

uint32_t tcp_scoreboard_pipe(const struct tcp_scoreboard *s, uint32_t una, uint32_t max,
			     uint16_t smss)
{
	uint32_t pipe = 0, left = una;

	/* The holes: before each range, and after the last. */
	for (uint32_t i = 0; i <= s->n; i++) {
		const uint32_t right = i < s->n ? s->range[i].left : max;

		if (!lost_below(s, i, smss))
			pipe += right - left;            /* (a) */
		pipe += below(left, right, s->high_rxt); /* (b) */
		if (i < s->n)
			left = s->range[i].right;
	}
	return pipe;
}

static struct tcp_range at_most(uint32_t left, uint32_t right, uint16_t smss)
{
	return (struct tcp_range){left, left + sl_min_u32(right - left, smss)};
}

/* Rules 1 and 3: the first that is not SACKed, was not sent again, and is below the highest that is
 * SACKed. Returns false when there is none. */
static bool first_hole(const struct tcp_scoreboard *s, uint32_t una, uint16_t smss,
		       struct tcp_range *range, bool *lost)
{
	uint32_t left = una;

	for (uint32_t i = 0; i < s->n; i++) {
		const uint32_t from = sl_seq_max(left, s->high_rxt);

		if (sl_seq_lt(from, s->range[i].left)) {
			*range = at_most(from, s->range[i].left, smss);
			*lost = lost_below(s, i, smss);
			return true;
		}
		left = s->range[i].right;
	}
	return false;
}

/* Rule 4: once in a recovery, the last that is not SACKed. */
static bool rescue(const struct tcp_scoreboard *s, uint32_t una, uint32_t max, uint16_t smss,
		   struct tcp_range *range)
{
	uint32_t left = una, right = max;

	if (s->rescued && sl_seq_leq(una, s->rescue_rxt))
		return false;
	if (s->n > 0 && sl_seq_geq(s->range[s->n - 1].right, right)) {
		/* The end is SACKed: what is not lies before that range. */
		right = s->range[s->n - 1].left;
		left = s->n > 1 ? s->range[s->n - 2].right : una;
	} else if (s->n > 0) {
		left = s->range[s->n - 1].right;
	}
	/* What has been sent again in this recovery is on its way. */
	if (sl_seq_geq(left, right) || sl_seq_leq(right, s->high_rxt))
		return false;
	range->left = right - left > smss ? right - smss : left;
	range->right = right;
	return true;
}

enum tcp_next tcp_scoreboard_next(const struct tcp_scoreboard *s, uint32_t una, uint32_t max,
				  uint16_t smss, bool new_bytes, struct tcp_range *range)
{
	bool lost = false;
	const bool hole = first_hole(s, una, smss, range, &lost);

	if (hole && lost)
		return TCP_NEXT_LOST;
	if (new_bytes)
		return TCP_NEXT_NEW;
	if (hole)
		return TCP_NEXT_HOLE;
	if (rescue(s, una, max, smss, range))
		return TCP_NEXT_RESCUE;
	return TCP_NEXT_NONE;
}

void tcp_scoreboard_sent(struct tcp_scoreboard *s, enum tcp_next why, struct tcp_range range,
			 uint32_t recovery_point)
{
	switch (why) {
	case TCP_NEXT_LOST:
	case TCP_NEXT_HOLE:
		s->high_rxt = sl_seq_max(s->high_rxt, range.right);
		break;
	case TCP_NEXT_RESCUE:
		/* HighRxt stays: section 4, NextSeg (4). */
		s->rescue_rxt = recovery_point;
		s->rescued = true;
		break;
	case TCP_NEXT_NEW:
	case TCP_NEXT_NONE:
		break;
	}
}

struct tcp_lost tcp_scoreboard_lost(const struct tcp_scoreboard *s, const struct tcp_rack *rack,
				    uint32_t una, uint32_t max, uint16_t smss, uint32_t srtt_us,
				    bool in_recovery, uint32_t now_us)
{
	const bool hurry = in_recovery || lost_below(s, 0, smss);
	struct tcp_lost lost = {{una, una}, 0, UINT32_MAX};
	uint32_t longest_us = 0, left = una;

	/* The holes: before each range, and after the last. */
	for (uint32_t i = 0; i <= s->n; i++) {
		const uint32_t right = i < s->n ? s->range[i].left : max;

		while (sl_seq_lt(left, right)) {
			uint32_t end, wait_us;
			bool again;
			const uint32_t us = tcp_sent_us(&s->sent, left, right, &end, &again);

			wait_us = tcp_rack_remaining(rack, us, left, srtt_us, hurry, now_us);
			if (wait_us == 0 && lost.first.left == lost.first.right)
				lost.first = at_most(left, end, smss);
			if (wait_us != 0)
				lost.pipe += end - left;
			if (wait_us != UINT32_MAX)
				longest_us = sl_max_u32(longest_us, wait_us);
			left = end;
		}
		if (i < s->n)
			left = s->range[i].right;
	}
	if (longest_us > 0)
		lost.wait_us = longest_us;
	return lost;
}
