/* SPDX-License-Identifier: BSD-3-Clause */
#include "sl_cookie_batch.h"

#define EPOCH_US      (64 * SL_US_PER_S)
#define CLOCK_STEP_US SL_US_PER_S

enum {
	OLD_EPOCHS = 4, /* how many epochs back */
	/* Failures that are tried by the format before: what honest clients of a box bring that was
	 * upgraded a moment ago, and so few that nothing is gained by forging them. */
	OLDER_PER_S = 10000,
};

/* What is derived from the master: the two words of an epoch's key, the TSval's shift, the three
 * words of the data mask's key. */
enum purpose {
	DERIVE_K0,
	DERIVE_K1,
	DERIVE_TSVAL_SHIFT,
	DERIVE_MASK_A,
	DERIVE_MASK_B,
	DERIVE_MASK_C,
};

static uint64_t derive(const struct sl_sipkey *master, uint32_t epoch, enum purpose purpose)
{
	const uint64_t message[] = {(uint64_t)purpose << 32 | epoch, SL_SIP_LENGTH(8)};

	return sl_siphash24_words(master, message, SL_ARRAY_LEN(message));
}

static struct sl_sipkey derive_key(const struct sl_sipkey *master, uint32_t epoch)
{
	const struct sl_sipkey key = {
		derive(master, epoch, DERIVE_K0),
		derive(master, epoch, DERIVE_K1),
	};

	return key;
}

static inline uint64_t unix_at(const struct sl_cookie_timeline *line, uint64_t now_us)
{
	return now_us + line->offset_us;
}

static inline uint32_t epoch_at(const struct sl_cookie_timeline *line, uint64_t now_us)
{
	return (uint32_t)(unix_at(line, now_us) / EPOCH_US);
}

/* The one epoch whose key may have made a cookie of this parity. */
static inline uint32_t epoch_by_parity(const struct sl_cookie_timeline *line, uint32_t parity,
				       uint64_t now_us)
{
	const uint64_t unix_us = unix_at(line, now_us);
	const uint32_t epoch = (uint32_t)(unix_us / EPOCH_US);
	const bool second_half = unix_us % EPOCH_US >= EPOCH_US / 2;

	if ((epoch & 1) == parity)
		return epoch;
	return second_half ? epoch + 1 : epoch - 1;
}

/* The key of any epoch: one that is ready, or else derived on the spot. */
static inline struct sl_sipkey key_of(const struct sl_cookie_ring *ring,
				      const struct sl_cookie_timeline *line, uint32_t epoch)
{
	const uint32_t i = epoch - line->first_epoch;

	if (sl_likely(i < SL_COOKIE_N_KEYS))
		return line->keys[i];
	return derive_key(&ring->master, epoch);
}

/* Sets a time line to the wall clock, with the keys of E - 1 to E + 2: the last lets control be an
 * epoch late. */
static void set_timeline(struct sl_cookie_timeline *line, const struct sl_sipkey *master,
			 uint64_t unix_us, uint64_t now_us)
{
	line->offset_us = unix_us - now_us;
	line->first_epoch = epoch_at(line, now_us) - 1;
	for (uint32_t i = 0; i < SL_COOKIE_N_KEYS; i++)
		line->keys[i] = derive_key(master, line->first_epoch + i);
}

void sl_cookie_ring_init(struct sl_cookie_ring *ring, const uint8_t master[16], uint64_t unix_us,
			 uint64_t now_us)
{
	memset(ring, 0, sizeof(*ring));
	ring->engine = (uint8_t)sl_cookie_engine_best();
	ring->master = sl_sipkey_from_bytes(master);
	ring->tsval_shift = (uint32_t)derive(&ring->master, 0, DERIVE_TSVAL_SHIFT);
	ring->mask_key.a = derive(&ring->master, 0, DERIVE_MASK_A);
	ring->mask_key.b = derive(&ring->master, 0, DERIVE_MASK_B);
	ring->mask_key.c = derive(&ring->master, 0, DERIVE_MASK_C) | 1;
	set_timeline(&ring->live, &ring->master, unix_us, now_us);
}

void sl_cookie_ring_advance(struct sl_cookie_ring *ring, uint64_t unix_us, uint64_t now_us)
{
	struct sl_cookie_timeline *live = &ring->live;
	const uint64_t moved_us = unix_us - now_us - live->offset_us;

	/* More than CLOCK_STEP_US to either side. */
	if (moved_us + CLOCK_STEP_US > 2 * CLOCK_STEP_US) {
		ring->frozen = *live;
		ring->frozen_until_us = now_us + SL_COOKIE_LIFE_MAX_US;
	}
	live->offset_us = unix_us - now_us;
	if (epoch_at(live, now_us) - 1 != live->first_epoch)
		set_timeline(live, &ring->master, unix_us, now_us);
}

void sl_cookie_at(const struct sl_cookie_ring *ring, uint64_t now_us,
		  struct sl_cookie_moment *moment)
{
	moment->now_us = now_us;
	moment->tsval =
		((uint32_t)(now_us / SL_US_PER_MS) + ring->tsval_shift) & ~SL_COOKIE_REST_MASK;
	moment->mask_key = ring->mask_key;
	moment->older = ring->older && sl_bucket_has(&ring->older_tries, now_us, OLDER_PER_S);
	moment->now = epoch_at(&ring->live, now_us) & 1;
	for (uint32_t parity = 0; parity < 2; parity++) {
		const uint32_t epoch = epoch_by_parity(&ring->live, parity, now_us);

		moment->epoch[parity] = epoch;
		moment->key[parity] = key_of(ring, &ring->live, epoch);
	}
}

uint32_t sl_cookie_mint(const struct sl_cookie_ring *ring, const struct sl_cookie_tuple *tuple,
			uint32_t client_isn, struct sl_cookie_options *opts, uint64_t now_us,
			uint32_t *tsval)
{
	const struct sl_cookie_ends ends = sl_cookie_ends_of(tuple);
	struct sl_cookie_moment moment;
	struct sl_cookie_batch batch;

	sl_cookie_at(ring, now_us, &moment);
	sl_cookie_mint_begin(&moment, ends, client_isn, opts, tsval, &batch, 0);
	sl_cookie_macs((enum sl_cookie_engine)ring->engine, &moment, &batch, 0, 1, ends.v6);
	return sl_cookie_mint_end(&moment, &batch, 0, ends.v6);
}

static bool made_in(const struct sl_cookie_ring *ring, const struct sl_cookie_timeline *line,
		    const struct sl_cookie_claim *c, uint32_t epoch)
{
	struct sl_cookie_moment then;
	struct sl_cookie_batch batch;

	then.key[epoch & 1] = key_of(ring, line, epoch);
	sl_cookie_ask_claim(c, epoch, &batch, 0);
	sl_cookie_macs((enum sl_cookie_engine)ring->engine, &then, &batch, 0, 1, c->ends.v6);
	return ((batch.mac[0] ^ c->cookie) & batch.mask[0]) == 0;
}

/* Tells what kind of failure this is, one time in SL_COOKIE_SAMPLE: an epoch of the cookie's
 * parity, of the last OLD_EPOCHS, may have made it. The one that `tried` names has not. */
static enum sl_cookie_verdict judge_failure(struct sl_cookie_ring *ring,
					    const struct sl_cookie_claim *c, uint32_t tried,
					    uint64_t now_us)
{
	const uint32_t now = epoch_at(&ring->live, now_us);

	if (ring->failures++ % SL_COOKIE_SAMPLE != 0)
		return SL_COOKIE_FORGED;
	for (uint32_t epoch = now - 1; epoch != now - 1 - OLD_EPOCHS; epoch--) {
		if ((epoch & 1) == c->parity && epoch != tried &&
		    made_in(ring, &ring->live, c, epoch))
			return SL_COOKIE_EXPIRED;
	}
	return SL_COOKIE_FORGED;
}

/* Whether it was made by the format before, by a box that shares the secret; then `c` is what it
 * says there. */
static bool made_older(struct sl_cookie_ring *ring, const struct sl_cookie_moment *moment,
		       struct sl_cookie_claim *c)
{
	struct sl_cookie_claim older = *c;

	if (!moment->older || !sl_bucket_take(&ring->older_tries, moment->now_us, OLDER_PER_S))
		return false;
	older.format = SL_COOKIE_FORMAT_OLDER | (c->format & SL_COOKIE_FORMAT_TS);
	sl_cookie_read_bits(&older, c->cookie);
	if (!made_in(ring, &ring->live, &older, moment->epoch[older.parity]))
		return false;
	*c = older;
	return true;
}

/* The one key that was tried has not made it: another may have. */
enum sl_cookie_verdict sl_cookie_judge(struct sl_cookie_ring *ring,
				       const struct sl_cookie_moment *moment,
				       struct sl_cookie_claim *c)
{
	const uint32_t epoch = moment->epoch[c->parity];

	if (moment->now_us < ring->frozen_until_us) {
		const uint32_t then = epoch_by_parity(&ring->frozen, c->parity, moment->now_us);

		if (then != epoch && made_in(ring, &ring->frozen, c, then))
			return SL_COOKIE_VALID;
	}
	if (made_older(ring, moment, c))
		return SL_COOKIE_VALID;
	return judge_failure(ring, c, epoch, moment->now_us);
}

enum sl_cookie_verdict sl_cookie_verify(struct sl_cookie_ring *ring,
					const struct sl_cookie_tuple *tuple, uint32_t client_isn,
					uint32_t cookie, bool has_ts, uint32_t tsecr,
					uint64_t now_us, struct sl_cookie_options *opts)
{
	const struct sl_cookie_ends ends = sl_cookie_ends_of(tuple);
	struct sl_cookie_moment moment;
	struct sl_cookie_batch batch;

	sl_cookie_at(ring, now_us, &moment);
	sl_cookie_verify_begin(&moment, ends, client_isn, cookie, has_ts, tsecr, &batch, 0);
	sl_cookie_macs((enum sl_cookie_engine)ring->engine, &moment, &batch, 0, 1, ends.v6);
	return sl_cookie_verify_end(ring, &moment, ends, client_isn, has_ts, tsecr, &batch, 0,
				    opts);
}
