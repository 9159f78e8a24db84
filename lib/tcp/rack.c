/* SPDX-License-Identifier: BSD-3-Clause */
#include "rack.h"

#include <string.h>

#include "rtt.h"
#include "sl_seq.h"

enum { REO_PERSIST = 16, REO_MULT_MAX = 64 };

void tcp_sent_first(struct tcp_sent *s, uint32_t to, uint32_t now_us)
{
	struct tcp_mark *last = s->n_marks > 0 ? &s->mark[s->n_marks - 1] : NULL;

	if (last != NULL && (last->us == now_us || s->n_marks == TCP_SENT_MARKS)) {
		*last = (struct tcp_mark){to, now_us};
		return;
	}
	s->mark[s->n_marks++] = (struct tcp_mark){to, now_us};
}

static void remove_again(struct tcp_sent *s, uint32_t i)
{
	s->n_again--;
	memmove(&s->again[i], &s->again[i + 1], (s->n_again - i) * sizeof(s->again[0]));
}

static void insert_again(struct tcp_sent *s, uint32_t i, struct tcp_again a)
{
	memmove(&s->again[i + 1], &s->again[i], (s->n_again - i) * sizeof(s->again[0]));
	s->again[i] = a;
	s->n_again++;
}

/* Makes room for two more: what stands between is sent again no sooner for it. */
static void make_room(struct tcp_sent *s)
{
	while (s->n_again > TCP_SENT_AGAIN - 2) {
		s->again[0].right = s->again[1].right;
		s->again[0].us = sl_seq_max(s->again[0].us, s->again[1].us);
		remove_again(s, 1);
	}
}

void tcp_sent_again(struct tcp_sent *s, uint32_t left, uint32_t right, uint32_t now_us)
{
	uint32_t i = 0;

	make_room(s);
	/* What it covers of others goes. */
	while (i < s->n_again && sl_seq_lt(s->again[i].left, right)) {
		struct tcp_again *a = &s->again[i];

		if (sl_seq_leq(a->right, left)) {
			i++;
		} else if (sl_seq_lt(a->left, left) && sl_seq_gt(a->right, right)) {
			const struct tcp_again rest = {right, a->right, a->us};

			a->right = left;
			insert_again(s, i + 1, rest);
			i++;
		} else if (sl_seq_lt(a->left, left)) {
			a->right = left;
			i++;
		} else if (sl_seq_gt(a->right, right)) {
			a->left = right;
			break;
		} else {
			remove_again(s, i);
		}
	}
	if (i > 0 && s->again[i - 1].right == left && s->again[i - 1].us == now_us) {
		s->again[i - 1].right = right;
		return;
	}
	insert_again(s, i, (struct tcp_again){left, right, now_us});
}

void tcp_sent_forget(struct tcp_sent *s, uint32_t una)
{
	uint32_t n = 0;

	while (n < s->n_marks && sl_seq_leq(s->mark[n].end, una))
		n++;
	s->n_marks -= n;
	memmove(&s->mark[0], &s->mark[n], s->n_marks * sizeof(s->mark[0]));
	while (s->n_again > 0 && sl_seq_leq(s->again[0].right, una))
		remove_again(s, 0);
}

uint32_t tcp_sent_us(const struct tcp_sent *s, uint32_t seq, uint32_t limit, uint32_t *end,
		     bool *again)
{
	uint32_t i = 0;

	*end = limit;
	*again = false;
	for (uint32_t k = 0; k < s->n_again; k++) {
		const struct tcp_again *a = &s->again[k];

		if (sl_seq_leq(a->right, seq))
			continue;
		if (sl_seq_leq(a->left, seq)) {
			*again = true;
			*end = sl_seq_lt(a->right, limit) ? a->right : limit;
			return a->us;
		}
		*end = sl_seq_lt(a->left, limit) ? a->left : limit;
		break;
	}
	while (i + 1 < s->n_marks && sl_seq_leq(s->mark[i].end, seq))
		i++;
	assert(s->n_marks > 0);
	if (sl_seq_lt(s->mark[i].end, *end) && sl_seq_gt(s->mark[i].end, seq))
		*end = s->mark[i].end;
	return s->mark[i].us;
}

void tcp_rack_init(struct tcp_rack *r)
{
	memset(r, 0, sizeof(*r));
	r->reo_mult = 1;
}

void tcp_rack_arrived(struct tcp_rack *r, const struct tcp_sent *s, uint32_t left, uint32_t right,
		      uint32_t now_us)
{
	while (sl_seq_lt(left, right)) {
		uint32_t end;
		bool again;
		const uint32_t us = tcp_sent_us(s, left, right, &end, &again);
		/* Bounded, so that what is sent now is never late already: times are modulo 2^32.
		 */
		const uint32_t rtt_us = sl_max_u32(1, sl_min_u32(now_us - us, TCP_RTT_MAX_US));

		left = end;
		/* Section 6.2, step 3: out of order, unless it was sent again. */
		if (!r->valid || sl_seq_gt(end, r->fack))
			r->fack = end;
		else if (!again && sl_seq_lt(end, r->fack))
			r->reordering = true;
		/* Steps 1 and 2. An answer that is too early is one to an earlier copy. */
		if (again && r->min_rtt_us != 0 && rtt_us < r->min_rtt_us)
			continue;
		if (!again && (r->min_rtt_us == 0 || rtt_us < r->min_rtt_us))
			r->min_rtt_us = rtt_us;
		if (r->valid && (sl_seq_lt(us, r->xmit_us) ||
				 (us == r->xmit_us && sl_seq_leq(end, r->end_seq))))
			continue;
		r->valid = true;
		r->xmit_us = us;
		r->end_seq = end;
		r->rtt_us = rtt_us;
	}
}

void tcp_rack_duplicate(struct tcp_rack *r)
{
	if (r->reo_mult < REO_MULT_MAX)
		r->reo_mult++;
	r->reo_persist = REO_PERSIST;
}

void tcp_rack_recovered(struct tcp_rack *r)
{
	if (r->reo_persist > 0 && --r->reo_persist == 0)
		r->reo_mult = 1;
}

uint32_t tcp_rack_remaining(const struct tcp_rack *r, uint32_t us, uint32_t left, uint32_t srtt_us,
			    bool hurry, uint32_t now_us)
{
	const uint32_t reo_us = hurry && !r->reordering
					? 0
					: sl_min_u32(r->reo_mult * (r->min_rtt_us / 4), srtt_us);
	const uint32_t due_us = us + r->rtt_us + reo_us;

	if (!r->valid || sl_seq_gt(us, r->xmit_us) ||
	    (us == r->xmit_us && sl_seq_geq(left, r->end_seq)))
		return UINT32_MAX;
	return sl_seq_leq(due_us, now_us) ? 0 : due_us - now_us;
}
