/* SPDX-License-Identifier: BSD-3-Clause */
#include "sl_out.h"

/* The line of the books that a packet's fate is. */
static uint64_t *line_of(struct sl_account *a, const struct sl_buf *buf)
{
	switch ((enum sl_fate)buf->fate) {
	case SL_FATE_ANSWERED:
		return &a->term[SL_TERM_answered];
	case SL_FATE_RELAYED:
		return &a->term[SL_TERM_relayed];
	case SL_FATE_PASSED:
		return &a->term[SL_TERM_passed];
	case SL_FATE_DELIVERED:
		return &a->term[SL_TERM_delivered];
	case SL_FATE_DROPPED:
		return &a->drop[buf->reason];
	case SL_FATE_HELD:
	case SL_FATE_HANDED:
		return NULL; /* booked already */
	case SL_FATE_NONE:
	case SL_FATE_MADE:
		break;
	}
	assert(!"a received packet without a fate");
	return NULL;
}

/* `n` packets like this one. */
static void settle(struct sl_out *out, const struct sl_buf *buf, unsigned n)
{
	struct sl_account *a = &out->accounts[buf->account];
	uint64_t *line = line_of(a, buf);

	if (line == NULL)
		return;
	sl_count(&a->term[buf->origin == SL_ORIGIN_RX ? SL_TERM_rx : SL_TERM_handed_in], n);
	sl_count(line, n);
}

void sl_out_settle(struct sl_out *out, const struct sl_buf *bufs, unsigned n)
{
	for (unsigned i = 0; i < n;) {
		const uint64_t line = sl_buf_line(&bufs[i]);
		const unsigned first = i;

		while (++i < n && sl_buf_line(&bufs[i]) == line)
			;
		settle(out, &bufs[first], i - first);
	}
}

void sl_out_unsent(struct sl_out *out, const struct sl_buf *buf)
{
	struct sl_account *a = &out->accounts[buf->account];

	if (buf->fate == SL_FATE_MADE) {
		sl_count(&a->event[SL_EVENT_made], (uint64_t)-1);
		sl_count(&a->event[SL_EVENT_made_lost], 1);
		return;
	}
	sl_count(line_of(a, buf), (uint64_t)-1);
	sl_count(&a->drop[SL_DROP_tx_failed], 1);
}

void sl_out_unhanded(struct sl_out *out, unsigned n)
{
	struct sl_account *a = &out->accounts[0];

	sl_count(&a->term[SL_TERM_handed_out], -(uint64_t)n);
	sl_count(&a->drop[SL_DROP_handover_full], n);
}
