/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * SipHash-2-4 of many messages of three or six words at once, one in each lane of the CPU's
 * vectors: the sum of a burst's cookies is the road's dearest piece of work, and no message waits
 * for another.
 *
 * One body for all widths: the compiler makes of a vector of eight words what the target named at
 * the function has. Which one runs is found out when a ring is made.
 */
#include "sl_cookie_batch.h"

static void portable(const struct sl_sipkey key[2], struct sl_cookie_batch *batch, unsigned first,
		     unsigned n, unsigned n_words)
{
	for (unsigned i = first; i < first + n; i++) {
		uint64_t words[SL_COOKIE_WORDS_V6];

		for (unsigned k = 0; k < n_words; k++)
			words[k] = batch->words[k][i];
		batch->mac[i] =
			(uint32_t)sl_siphash24_words(&key[words[n_words - 1] & 1], words, n_words);
	}
}

#ifdef __x86_64__

enum { LANES = 8 };

typedef uint64_t lanes __attribute__((vector_size(8 * LANES), aligned(8)));
typedef uint32_t halves __attribute__((vector_size(4 * LANES), aligned(4)));

/* The state of `groups` times LANES messages; several groups fill the time in which one waits. */
#define ROTL(x, n) ((x) << (n) | (x) >> (64 - (n)))
#define EACH       for (unsigned g = 0; g < groups; g++)

static inline __attribute__((always_inline)) void round_of(lanes (*v)[4], const unsigned groups)
{
	EACH v[g][0] += v[g][1];
	EACH v[g][2] += v[g][3];
	EACH v[g][1] = ROTL(v[g][1], 13) ^ v[g][0];
	EACH v[g][3] = ROTL(v[g][3], 16) ^ v[g][2];
	EACH v[g][0] = ROTL(v[g][0], 32);
	EACH v[g][2] += v[g][1];
	EACH v[g][0] += v[g][3];
	EACH v[g][1] = ROTL(v[g][1], 17) ^ v[g][2];
	EACH v[g][3] = ROTL(v[g][3], 21) ^ v[g][0];
	EACH v[g][2] = ROTL(v[g][2], 32);
}

#define AT(array, i) (*(const lanes *)&(array)[i])

static inline __attribute__((always_inline)) void some(const struct sl_sipkey key[2],
						       struct sl_cookie_batch *batch,
						       unsigned first, const unsigned groups,
						       const unsigned n_words)
{
	lanes v[2][4];

	EACH
	{
		/* All ones where the epoch is odd. */
		const lanes odd = -(AT(batch->words[n_words - 1], first + g * LANES) & 1);
		const lanes k0 = key[0].k0 ^ (odd & (key[0].k0 ^ key[1].k0));
		const lanes k1 = key[0].k1 ^ (odd & (key[0].k1 ^ key[1].k1));

		v[g][0] = k0 ^ 0x736f6d6570736575ULL;
		v[g][1] = k1 ^ 0x646f72616e646f6dULL;
		v[g][2] = k0 ^ 0x6c7967656e657261ULL;
		v[g][3] = k1 ^ 0x7465646279746573ULL;
	}
	for (unsigned i = 0; i < n_words; i++) {
		EACH v[g][3] ^= AT(batch->words[i], first + g * LANES);
		round_of(v, groups);
		round_of(v, groups);
		EACH v[g][0] ^= AT(batch->words[i], first + g * LANES);
	}
	EACH v[g][2] ^= 0xff;
	for (unsigned i = 0; i < 4; i++)
		round_of(v, groups);
	EACH
	{
		const lanes h = v[g][0] ^ v[g][1] ^ v[g][2] ^ v[g][3];

		*(halves *)&batch->mac[first + g * LANES] = __builtin_convertvector(h, halves);
	}
}

/* Groups two by two, as long as more than one is left. */
static inline __attribute__((always_inline)) void pairs(const struct sl_sipkey key[2],
							struct sl_cookie_batch *batch,
							unsigned first, unsigned n,
							const unsigned n_words)
{
	unsigned i = 0;

	for (; n - i > LANES; i += sl_min_u32(n - i, 2 * LANES))
		some(key, batch, first + i, 2, n_words);
	if (i < n)
		some(key, batch, first + i, 1, n_words);
}

static inline __attribute__((always_inline)) void singles(const struct sl_sipkey key[2],
							  struct sl_cookie_batch *batch,
							  unsigned first, unsigned n,
							  const unsigned n_words)
{
	for (unsigned i = 0; i < n; i += LANES)
		some(key, batch, first + i, 1, n_words);
}

__attribute__((target("avx2"))) static void by_avx2(const struct sl_sipkey key[2],
						    struct sl_cookie_batch *batch, unsigned first,
						    unsigned n, bool v6)
{
	if (v6)
		singles(key, batch, first, n, SL_COOKIE_WORDS_V6);
	else
		singles(key, batch, first, n, SL_COOKIE_WORDS_V4);
}

__attribute__((target("avx512f"))) static void by_avx512(const struct sl_sipkey key[2],
							 struct sl_cookie_batch *batch,
							 unsigned first, unsigned n, bool v6)
{
	if (v6)
		pairs(key, batch, first, n, SL_COOKIE_WORDS_V6);
	else
		pairs(key, batch, first, n, SL_COOKIE_WORDS_V4);
}

#endif

bool sl_cookie_engine_works(enum sl_cookie_engine engine)
{
#ifdef __x86_64__
	if (engine == SL_COOKIE_AVX512)
		return __builtin_cpu_supports("avx512f");
	if (engine == SL_COOKIE_AVX2)
		return __builtin_cpu_supports("avx2");
#endif
	return engine == SL_COOKIE_PORTABLE;
}

enum sl_cookie_engine sl_cookie_engine_best(void)
{
	unsigned engine = SL_COOKIE_N_ENGINES - 1;

	while (!sl_cookie_engine_works((enum sl_cookie_engine)engine))
		engine--;
	return (enum sl_cookie_engine)engine;
}

const char *sl_cookie_engine_name(enum sl_cookie_engine engine)
{
	static const char *const names[] = {
		[SL_COOKIE_PORTABLE] = "portable",
		[SL_COOKIE_AVX2] = "avx2",
		[SL_COOKIE_AVX512] = "avx512",
	};

	return names[engine];
}

void sl_cookie_macs(enum sl_cookie_engine engine, const struct sl_cookie_moment *moment,
		    struct sl_cookie_batch *batch, unsigned first, unsigned n, bool v6)
{
	assert(first + n <= SL_COOKIE_BATCH);
#ifdef __x86_64__
	/* A few lanes alone are dearer than one by one. */
	if (engine == SL_COOKIE_AVX512 && n > 2) {
		by_avx512(moment->key, batch, first, n, v6);
		return;
	}
	if (engine == SL_COOKIE_AVX2 && n > 2) {
		by_avx2(moment->key, batch, first, n, v6);
		return;
	}
#endif
	(void)engine;
	portable(moment->key, batch, first, n, v6 ? SL_COOKIE_WORDS_V6 : SL_COOKIE_WORDS_V4);
}
