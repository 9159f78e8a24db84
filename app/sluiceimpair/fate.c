/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What chance has in store.
 *
 * The random numbers are those of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014), whose n-th
 * output is a function of the seed and n alone: nothing has to be remembered, and the fate of
 * frame 1,000,000 can be told without those before it.
 */
#include "impair.h"

/* Each mishap reads a number of its own. */
enum purpose { LOSS, DUPLICATE, CORRUPT, BIT, REORDER, SPAN, JITTER, N_PURPOSES };

static uint64_t mix(uint64_t z)
{
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static uint64_t draw(uint64_t seed, uint64_t n, enum purpose purpose)
{
	return mix(seed + (n * N_PURPOSES + purpose + 1) * 0x9e3779b97f4a7c15);
}

static bool happens(uint64_t share, uint64_t seed, uint64_t n, enum purpose purpose)
{
	return share > 0 && draw(seed, n, purpose) >> 32 < share;
}

struct impair_fate impair_fate_of(const struct impair_settings *s, uint64_t seed, uint64_t n)
{
	struct impair_fate fate = {
		.lost = happens(s->loss, seed, n, LOSS),
		.duplicated = happens(s->duplicate, seed, n, DUPLICATE),
		.corrupted = happens(s->corrupt, seed, n, CORRUPT),
	};

	if (fate.corrupted)
		fate.bit = (uint32_t)(draw(seed, n, BIT) >> 32);
	if (happens(s->reorder, seed, n, REORDER))
		fate.span = 1 + (uint32_t)(draw(seed, n, SPAN) % s->reorder_span);
	if (s->jitter_ns > 0)
		fate.jitter_ns = (int64_t)(draw(seed, n, JITTER) % (2 * s->jitter_ns + 1)) -
				 (int64_t)s->jitter_ns;
	return fate;
}

uint64_t impair_fate_seed(uint64_t seed, unsigned direction)
{
	return mix(mix(seed) + direction);
}
