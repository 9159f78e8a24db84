/* SPDX-License-Identifier: BSD-3-Clause */
#include "sl_out.h"

static enum sl_term term_of(enum sl_fate fate)
{
	switch (fate) {
	case SL_FATE_ANSWERED:
		return SL_TERM_answered;
	case SL_FATE_RELAYED:
		return SL_TERM_relayed;
	case SL_FATE_PASSED:
		return SL_TERM_passed;
	case SL_FATE_NONE:
	case SL_FATE_MADE:
	case SL_FATE_DELIVERED:
	case SL_FATE_HELD:
	case SL_FATE_DROPPED:
	case SL_FATE_HANDED:
		break;
	}
	assert(!"only a sent packet can be unsent");
	return SL_TERM_passed;
}

void sl_out_unsent(struct sl_out *out, const struct sl_buf *buf)
{
	struct sl_account *a = &out->accounts[buf->account];

	if (buf->fate == SL_FATE_MADE) {
		sl_count(&a->event[SL_EVENT_made], (uint64_t)-1);
		sl_count(&a->event[SL_EVENT_made_lost], 1);
		return;
	}
	sl_count(&a->term[term_of((enum sl_fate)buf->fate)], (uint64_t)-1);
	sl_count(&a->drop[SL_DROP_tx_failed], 1);
}

void sl_out_unhanded(struct sl_out *out, unsigned n)
{
	struct sl_account *a = &out->accounts[0];

	sl_count(&a->term[SL_TERM_handed_out], -(uint64_t)n);
	sl_count(&a->drop[SL_DROP_handover_full], n);
}
