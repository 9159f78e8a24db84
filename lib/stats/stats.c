/* SPDX-License-Identifier: BSD-3-Clause */
#include "sl_stats.h"

const struct sl_counter_info sl_term_info[SL_N_TERMS] = {
#define SL_TERM(id, unit, help) {#id, unit, help},
#define SL_DROP(id, help)
#define SL_EVENT(id, unit, help)
#include "counters.def"
#undef SL_TERM
#undef SL_DROP
#undef SL_EVENT
};

const struct sl_counter_info sl_drop_info[SL_N_DROPS] = {
#define SL_TERM(id, unit, help)
#define SL_DROP(id, help) {#id, "packets", help},
#define SL_EVENT(id, unit, help)
#include "counters.def"
#undef SL_TERM
#undef SL_DROP
#undef SL_EVENT
};

const struct sl_counter_info sl_event_info[SL_N_EVENTS] = {
#define SL_TERM(id, unit, help)
#define SL_DROP(id, help)
#define SL_EVENT(id, unit, help) {#id, unit, help},
#include "counters.def"
#undef SL_TERM
#undef SL_DROP
#undef SL_EVENT
};

void sl_account_add(struct sl_account *sum, const struct sl_account *from)
{
	for (unsigned i = 0; i < SL_N_TERMS; i++)
		sum->term[i] += sl_counted(&from->term[i]);
	for (unsigned i = 0; i < SL_N_DROPS; i++)
		sum->drop[i] += sl_counted(&from->drop[i]);
	for (unsigned i = 0; i < SL_N_EVENTS; i++)
		sum->event[i] += sl_counted(&from->event[i]);
	for (unsigned leg = 0; leg < SL_N_LEGS; leg++)
		for (unsigned i = 0; i < SL_TCP_N_STATES; i++)
			sum->state[leg][i] += sl_counted(&from->state[leg][i]);
}

uint64_t sl_account_dropped(const struct sl_account *a)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < SL_N_DROPS; i++)
		sum += a->drop[i];
	return sum;
}

int64_t sl_account_balance(const struct sl_account *a)
{
	const uint64_t in = a->term[SL_TERM_rx] + a->term[SL_TERM_handed_in];
	uint64_t out = sl_account_dropped(a);

	for (unsigned i = SL_TERM_answered; i < SL_N_TERMS; i++)
		out += a->term[i];
	return (int64_t)(in - out);
}
