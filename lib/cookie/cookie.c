/* SPDX-License-Identifier: BSD-3-Clause */
#include "sl_cookie.h"

/* Where the bits of the header's diagrams stand. */
enum {
	PARITY_SHIFT = 31,
	WSCALE_SHIFT = 1,
	SACK_MASK = 1,
	REST_BITS = 5, /* wscale and SACK */
	REST_MASK = (1 << REST_BITS) - 1,

	TS_MSS_SHIFT = 28,
	TS_MSS_MASK = 0x7,
	TS_MAC_MASK = (1 << 28) - 1,

	BARE_MSS_SHIFT = 29,
	BARE_MSS_MASK = 0x3,
	BARE_REST_SHIFT = 24,
	BARE_MAC_MASK = (1 << 24) - 1,
};

/* The message under the MAC. */
enum { MESSAGE_BYTES = 46 };

#define EPOCH_US      (64 * SL_US_PER_S)
#define CLOCK_STEP_US SL_US_PER_S

enum {
	SAMPLE = 64,    /* one failure of so many is tried with older keys */
	OLD_EPOCHS = 4, /* how many epochs back */
};

/* What hosts announce: Ethernet and, below it, PPPoE, tunnels and IPv6; the minima of both ends;
 * jumbo frames. */
static const uint16_t ts_mss[TS_MSS_MASK + 1] = {216, 536, 1220, 1340, 1400, 1440, 1460, 8960};
static const uint16_t bare_mss[BARE_MSS_MASK + 1] = {536, 1300, 1440, 1460};

/* What is derived from the master: the two words of an epoch's key, and the TSval's shift. */
enum purpose { DERIVE_K0, DERIVE_K1, DERIVE_TSVAL_SHIFT };

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
	moment->tsval = ((uint32_t)(now_us / SL_US_PER_MS) + ring->tsval_shift) & ~REST_MASK;
	moment->now = epoch_at(&ring->live, now_us) & 1;
	for (uint32_t parity = 0; parity < 2; parity++) {
		const uint32_t epoch = epoch_by_parity(&ring->live, parity, now_us);

		moment->epoch[parity] = epoch;
		moment->key[parity] = key_of(ring, &ring->live, epoch);
	}
}

/* Data bits as they stand in the MAC: MSS index, wscale, SACK; alike for both formats. */
static inline uint32_t data_bits(uint32_t mss_index, uint32_t rest)
{
	return mss_index << REST_BITS | rest;
}

/* What is to be hashed: the message, in the words that SipHash absorbs. */
static inline void ask(struct sl_cookie_batch *batch, unsigned i, const struct sl_sipkey *key,
		       const struct sl_cookie_tuple *tuple, uint32_t client_isn, uint32_t epoch,
		       uint32_t data, bool ts)
{
	uint64_t client[2], server[2];

	memcpy(client, tuple->client.b, 16);
	memcpy(server, tuple->server.b, 16);
	batch->k0[i] = key->k0;
	batch->k1[i] = key->k1;
	batch->words[0][i] = client[0];
	batch->words[1][i] = client[1];
	batch->words[2][i] = server[0];
	batch->words[3][i] = server[1];
	batch->words[4][i] = (uint64_t)client_isn << 32 | (uint32_t)tuple->server_port << 16 |
			     tuple->client_port;
	batch->words[5][i] =
		SL_SIP_LENGTH(MESSAGE_BYTES) | (uint64_t)ts << 40 | (uint64_t)data << 32 | epoch;
	batch->mask[i] = ts ? TS_MAC_MASK : BARE_MAC_MASK;
}

/* The highest entry not above `mss`, or the lowest; `n` is a power of two. No branch to mispredict. */
static inline uint32_t mss_index(const uint16_t *table, uint32_t n, uint16_t mss)
{
	uint32_t index = 0;

	for (uint32_t step = n / 2; step > 0; step /= 2)
		index += mss >= table[index + step] ? step : 0;
	return index;
}

void sl_cookie_mint_begin(const struct sl_cookie_moment *moment,
			  const struct sl_cookie_tuple *tuple, uint32_t client_isn,
			  struct sl_cookie_options *opts, uint32_t *tsval,
			  struct sl_cookie_batch *batch, unsigned i)
{
	const uint32_t parity = moment->now;
	const uint32_t rest = (uint32_t)opts->wscale << WSCALE_SHIFT | opts->sack;
	uint32_t index, cookie = parity << PARITY_SHIFT;

	assert(opts->wscale <= SL_COOKIE_NO_WSCALE);
	if (opts->timestamps) {
		index = mss_index(ts_mss, SL_ARRAY_LEN(ts_mss), opts->mss);
		opts->mss = ts_mss[index];
		*tsval = moment->tsval | rest;
		cookie |= index << TS_MSS_SHIFT;
	} else {
		index = mss_index(bare_mss, SL_ARRAY_LEN(bare_mss), opts->mss);
		opts->mss = bare_mss[index];
		cookie |= index << BARE_MSS_SHIFT | rest << BARE_REST_SHIFT;
	}
	ask(batch, i, &moment->key[parity], tuple, client_isn, moment->epoch[parity],
	    data_bits(index, rest), opts->timestamps);
	batch->cookie[i] = cookie;
}

uint32_t sl_cookie_mint(const struct sl_cookie_ring *ring, const struct sl_cookie_tuple *tuple,
			uint32_t client_isn, struct sl_cookie_options *opts, uint64_t now_us,
			uint32_t *tsval)
{
	struct sl_cookie_moment moment;
	struct sl_cookie_batch batch;

	sl_cookie_at(ring, now_us, &moment);
	sl_cookie_mint_begin(&moment, tuple, client_isn, opts, tsval, &batch, 0);
	sl_cookie_macs((enum sl_cookie_engine)ring->engine, &batch, 0, 1);
	return sl_cookie_mint_end(&batch, 0);
}

/* An ACK, its cookie taken apart. */
struct claim {
	const struct sl_cookie_tuple *tuple;
	uint32_t client_isn;
	uint32_t parity, mss_index, rest, mac;
	bool ts;
};

static inline struct claim read_claim(const struct sl_cookie_tuple *tuple, uint32_t client_isn,
				      uint32_t cookie, bool has_ts, uint32_t tsecr)
{
	struct claim c = {.tuple = tuple, .client_isn = client_isn, .ts = has_ts};

	c.parity = cookie >> PARITY_SHIFT;
	if (has_ts) {
		c.mss_index = cookie >> TS_MSS_SHIFT & TS_MSS_MASK;
		c.rest = tsecr & REST_MASK;
		c.mac = cookie & TS_MAC_MASK;
	} else {
		c.mss_index = cookie >> BARE_MSS_SHIFT & BARE_MSS_MASK;
		c.rest = cookie >> BARE_REST_SHIFT & REST_MASK;
		c.mac = cookie & BARE_MAC_MASK;
	}
	return c;
}

static inline void ask_claim(const struct sl_sipkey *key, const struct claim *c, uint32_t epoch,
			     struct sl_cookie_batch *batch, unsigned i)
{
	ask(batch, i, key, c->tuple, c->client_isn, epoch, data_bits(c->mss_index, c->rest), c->ts);
}

static bool made_in(const struct sl_cookie_ring *ring, const struct sl_cookie_timeline *line,
		    const struct claim *c, uint32_t epoch)
{
	const struct sl_sipkey key = key_of(ring, line, epoch);
	struct sl_cookie_batch batch;

	ask_claim(&key, c, epoch, &batch, 0);
	sl_cookie_macs((enum sl_cookie_engine)ring->engine, &batch, 0, 1);
	return (batch.mac[0] & batch.mask[0]) == c->mac;
}

/* Tells what kind of failure this is, one time in SAMPLE: an epoch of the cookie's parity, of the
 * last OLD_EPOCHS, may have made it. The one that `tried` names has not. */
static enum sl_cookie_verdict judge_failure(struct sl_cookie_ring *ring, const struct claim *c,
					    uint32_t tried, uint64_t now_us)
{
	const uint32_t now = epoch_at(&ring->live, now_us);

	if (ring->failures++ % SAMPLE != 0)
		return SL_COOKIE_FORGED;
	for (uint32_t epoch = now - 1; epoch != now - 1 - OLD_EPOCHS; epoch--) {
		if ((epoch & 1) == c->parity && epoch != tried &&
		    made_in(ring, &ring->live, c, epoch))
			return SL_COOKIE_EXPIRED;
	}
	return SL_COOKIE_FORGED;
}

void sl_cookie_verify_begin(const struct sl_cookie_moment *moment,
			    const struct sl_cookie_tuple *tuple, uint32_t client_isn,
			    uint32_t cookie, bool has_ts, uint32_t tsecr,
			    struct sl_cookie_batch *batch, unsigned i)
{
	const struct claim c = read_claim(tuple, client_isn, cookie, has_ts, tsecr);

	ask_claim(&moment->key[c.parity], &c, moment->epoch[c.parity], batch, i);
	batch->cookie[i] = cookie;
}

/* The one key that was tried has not made it: another may have. */
static enum sl_cookie_verdict not_of_now(struct sl_cookie_ring *ring,
					 const struct sl_cookie_moment *moment,
					 const struct claim *c)
{
	const uint32_t epoch = moment->epoch[c->parity];

	if (moment->now_us < ring->frozen_until_us) {
		const uint32_t then = epoch_by_parity(&ring->frozen, c->parity, moment->now_us);

		if (then != epoch && made_in(ring, &ring->frozen, c, then))
			return SL_COOKIE_VALID;
	}
	return judge_failure(ring, c, epoch, moment->now_us);
}

enum sl_cookie_verdict sl_cookie_verify_end(struct sl_cookie_ring *ring,
					    const struct sl_cookie_moment *moment,
					    const struct sl_cookie_tuple *tuple,
					    uint32_t client_isn, bool has_ts, uint32_t tsecr,
					    const struct sl_cookie_batch *batch, unsigned i,
					    struct sl_cookie_options *opts)
{
	const struct claim c = read_claim(tuple, client_isn, batch->cookie[i], has_ts, tsecr);

	if ((batch->mac[i] & batch->mask[i]) != c.mac) {
		const enum sl_cookie_verdict verdict = not_of_now(ring, moment, &c);

		if (verdict != SL_COOKIE_VALID)
			return verdict;
	}
	opts->mss = has_ts ? ts_mss[c.mss_index] : bare_mss[c.mss_index];
	opts->wscale = (uint8_t)(c.rest >> WSCALE_SHIFT);
	opts->sack = c.rest & SACK_MASK;
	opts->timestamps = has_ts;
	return SL_COOKIE_VALID;
}

enum sl_cookie_verdict sl_cookie_verify(struct sl_cookie_ring *ring,
					const struct sl_cookie_tuple *tuple, uint32_t client_isn,
					uint32_t cookie, bool has_ts, uint32_t tsecr,
					uint64_t now_us, struct sl_cookie_options *opts)
{
	struct sl_cookie_moment moment;
	struct sl_cookie_batch batch;

	sl_cookie_at(ring, now_us, &moment);
	sl_cookie_verify_begin(&moment, tuple, client_isn, cookie, has_ts, tsecr, &batch, 0);
	sl_cookie_macs((enum sl_cookie_engine)ring->engine, &batch, 0, 1);
	return sl_cookie_verify_end(ring, &moment, tuple, client_isn, has_ts, tsecr, &batch, 0,
				    opts);
}
