/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The books. An account is one worker's counters for one service (number 0: traffic of no
 * service). Its worker is alone in writing it; anyone may read it at any time, without a lock,
 * and sum it over workers and services. No counter ever goes back, but for the gauges: `held` and
 * the states.
 */
#ifndef SL_STATS_H
#define SL_STATS_H

#include "sl_tcp_state.h"

SL_BEGIN_DECLS

enum sl_term {
#define SL_TERM(id, unit, help) SL_TERM_##id,
#define SL_DROP(id, help)
#define SL_EVENT(id, unit, help)
#include "counters.def"
#undef SL_TERM
#undef SL_DROP
#undef SL_EVENT
	SL_N_TERMS
};

enum sl_drop {
#define SL_TERM(id, unit, help)
#define SL_DROP(id, help) SL_DROP_##id,
#define SL_EVENT(id, unit, help)
#include "counters.def"
#undef SL_TERM
#undef SL_DROP
#undef SL_EVENT
	SL_N_DROPS
};

enum sl_event {
#define SL_TERM(id, unit, help)
#define SL_DROP(id, help)
#define SL_EVENT(id, unit, help) SL_EVENT_##id,
#include "counters.def"
#undef SL_TERM
#undef SL_DROP
#undef SL_EVENT
	SL_N_EVENTS
};

/** The legs of a connection: ours with the client, and ours with the server. */
enum sl_leg { SL_LEG_CLIENT, SL_LEG_SERVER, SL_N_LEGS };

struct sl_account {
	alignas(SL_CACHE_LINE) uint64_t term[SL_N_TERMS];
	uint64_t drop[SL_N_DROPS];
	uint64_t event[SL_N_EVENTS];
	uint64_t state[SL_N_LEGS][SL_TCP_N_STATES]; /**< gauges: legs in that state now */
};

struct sl_counter_info {
	const char *name, *unit, *help;
};

extern const struct sl_counter_info sl_term_info[SL_N_TERMS];
extern const struct sl_counter_info sl_drop_info[SL_N_DROPS];
extern const struct sl_counter_info sl_event_info[SL_N_EVENTS];

/** Adds `n` (as two's complement: gauges may fall) to a counter that this thread alone writes. */
static inline void sl_count(uint64_t *counter, uint64_t n)
{
	__atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}

/** Reads a counter of any thread. */
static inline uint64_t sl_counted(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

/** Adds what `from`, an account of any thread, holds now to `sum`, which the caller owns. */
void sl_account_add(struct sl_account *sum, const struct sl_account *from);

/** The sum of the drops of an account the caller owns. */
uint64_t sl_account_dropped(const struct sl_account *a);

/** rx + handed_in - (answered + relayed + ... + dropped) of an account the caller owns: 0 when the
 * books balance. */
int64_t sl_account_balance(const struct sl_account *a);

SL_END_DECLS

#endif
