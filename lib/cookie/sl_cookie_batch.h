/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Cookies of a burst: what sl_cookie.h does for one packet, in pieces, so that all MACs can be made
 * at once.
 *
 * Order of calls: sl_cookie_at once; for each packet sl_cookie_mint_begin or
 * sl_cookie_verify_begin, inlined, since they are on the flood's path; sl_cookie_macs for all; for
 * each packet sl_cookie_mint_end or sl_cookie_verify_end. Plain memory, no state beside it.
 */
#ifndef SL_COOKIE_BATCH_H
#define SL_COOKIE_BATCH_H

#include <string.h>

#include "sl_bytes.h"
#include "sl_cookie.h"

SL_BEGIN_DECLS

/* Where the bits of the header's diagrams stand. */
enum {
	SL_COOKIE_PARITY_SHIFT = 31,
	SL_COOKIE_WSCALE_SHIFT = 1,
	SL_COOKIE_SACK_MASK = 1,
	SL_COOKIE_REST_BITS = 5, /* wscale and SACK */
	SL_COOKIE_REST_MASK = (1 << SL_COOKIE_REST_BITS) - 1,
	SL_COOKIE_DATA_MASK = 0xff, /* of what is granted, in the message */

	SL_COOKIE_TS_MSS_SHIFT = 28,
	SL_COOKIE_TS_MSS_MASK = 0x7,
	SL_COOKIE_TS_MAC_MASK = (1 << 28) - 1,

	SL_COOKIE_BARE_MSS_SHIFT = 29,
	SL_COOKIE_BARE_MSS_MASK = 0x3,
	SL_COOKIE_BARE_REST_SHIFT = 24,
	SL_COOKIE_BARE_MAC_MASK = (1 << 24) - 1,
};

/* The message under the MAC. */
enum { SL_COOKIE_BYTES_V4 = 22, SL_COOKIE_BYTES_V6 = 46 };

/* In the message, beside the data bits. The formats before these left the data bits bare. */
enum {
	SL_COOKIE_FORMAT_OLDER = 0,
	SL_COOKIE_FORMAT = 2,
	SL_COOKIE_FORMAT_TS = 1, /* of either: with timestamps */
};

/* What hosts announce: Ethernet and, below it, PPPoE, tunnels and IPv6; the minima of both ends;
 * jumbo frames. */
static const uint16_t sl_cookie_ts_mss[SL_COOKIE_TS_MSS_MASK + 1] = {216,  536,  1220, 1340,
								     1400, 1440, 1460, 8960};
static const uint16_t sl_cookie_bare_mss[SL_COOKIE_BARE_MSS_MASK + 1] = {536, 1300, 1440, 1460};

enum { SL_COOKIE_MSS_ETHERNET = 1460, SL_COOKIE_TS_ETHERNET = 6, SL_COOKIE_BARE_ETHERNET = 3 };

/** Pieces of work that a batch takes. */
enum { SL_COOKIE_BATCH = 48 };

/**
 * MACs to be made, of one family: each begun by itself, made for many at once, and ended by itself.
 * Words of one kind lie together, a lane a piece of work, as the CPU's vectors take them; behind
 * the last piece of work there is room for the lanes that are made along.
 */
struct sl_cookie_batch {
	alignas(SL_CACHE_LINE)
		uint64_t words[SL_COOKIE_WORDS_V6][SL_COOKIE_BATCH + 16]; /**< of IPv4 the first
									      three */
	/** What sl_cookie_macs has made: the low halves of the hashes. */
	uint32_t mac[SL_COOKIE_BATCH + 16];
	uint32_t mask[SL_COOKIE_BATCH];   /**< the bits of it that are in a cookie */
	uint32_t cookie[SL_COOKIE_BATCH]; /**< minting: the data bits; verifying: the claim */
};

/** What is the same for all packets of a burst. */
struct sl_cookie_moment {
	uint64_t now_us;
	uint32_t now;      /**< the parity of the epoch that runs */
	uint32_t epoch[2]; /**< by parity: the one that may have made a cookie which is good now */
	struct sl_sipkey key[2];
	uint32_t tsval; /**< the clock that we show, but for the bits of the cookie in it */
	bool older;     /**< a failure may be tried by the format before */
	struct sl_cookie_mask_key mask_key;
};

/** Makes the MACs of the pieces of work first .. first + n - 1, which are begun, all of one family,
 * at this moment: the epoch in a message names its key by its parity. */
void sl_cookie_macs(enum sl_cookie_engine engine, const struct sl_cookie_moment *moment,
		    struct sl_cookie_batch *batch, unsigned first, unsigned n, bool v6);

/** The ring at the monotonic time `now_us`; good until the ring is advanced. */
void sl_cookie_at(const struct sl_cookie_ring *ring, uint64_t now_us,
		  struct sl_cookie_moment *moment);

/* What is laid over the data bits of a cookie whose MAC bits are `mac`: see sl_cookie.h. All 32
 * bits; only those beside the MAC are used. `numbers`: the client's ISN << 32 | both ports. */
static inline uint32_t sl_cookie_data_mask(const struct sl_cookie_mask_key *key, uint64_t numbers,
					   uint32_t mac)
{
	__extension__ typedef unsigned __int128 wide;
	const wide product = (wide)(numbers ^ key->a) * (mac ^ key->b);

	return (uint32_t)(((uint64_t)product ^ (uint64_t)(product >> 64)) * key->c >> 32);
}

/* Data bits as they stand in the MAC: MSS index, wscale, SACK; alike for both formats. */
static inline uint32_t sl_cookie_data_bits(uint32_t mss_index, uint32_t rest)
{
	return mss_index << SL_COOKIE_REST_BITS | rest;
}

/** Whose handshake, where a segment has it: struct sl_cookie_tuple without a copy. */
struct sl_cookie_ends {
	const struct sl_addr *client, *server;
	uint32_t ports; /**< server's << 16 | client's */
	bool v6;        /**< not both are IPv4's */
};

static inline struct sl_cookie_ends sl_cookie_ends_of(const struct sl_cookie_tuple *tuple)
{
	struct sl_cookie_ends ends;

	ends.client = &tuple->client;
	ends.server = &tuple->server;
	ends.ports = (uint32_t)tuple->server_port << 16 | tuple->client_port;
	ends.v6 = !sl_addr_is_v4(ends.client) || !sl_addr_is_v4(ends.server);
	return ends;
}

static inline uint32_t sl_cookie_mac_mask(bool ts)
{
	return ts ? SL_COOKIE_TS_MAC_MASK : SL_COOKIE_BARE_MAC_MASK;
}

static inline uint64_t sl_cookie_numbers(struct sl_cookie_ends ends, uint32_t client_isn)
{
	return (uint64_t)client_isn << 32 | ends.ports;
}

/* What is to be hashed: the message, in the words that SipHash absorbs. All of it but the last
 * word: whose handshake. */
static inline void sl_cookie_ask_who(struct sl_cookie_batch *batch, unsigned i,
				     struct sl_cookie_ends ends, uint32_t client_isn)
{
	const uint64_t numbers = sl_cookie_numbers(ends, client_isn);
	const uint8_t *client = ends.client->b, *server = ends.server->b;

	if (ends.v6) {
		batch->words[0][i] = sl_load_le64(client);
		batch->words[1][i] = sl_load_le64(client + 8);
		batch->words[2][i] = sl_load_le64(server);
		batch->words[3][i] = sl_load_le64(server + 8);
		batch->words[4][i] = numbers;
	} else {
		batch->words[0][i] =
			(uint64_t)sl_load_le32(server + 12) << 32 | sl_load_le32(client + 12);
		batch->words[1][i] = numbers;
	}
}

/* The last word: the epoch, and so the key, and what was granted. */
static inline void sl_cookie_ask_what(struct sl_cookie_batch *batch, unsigned i, bool v6,
				      uint32_t epoch, uint32_t data, uint32_t format)
{
	/* The upper half as 32 bits: what is shifted into place as 64 the compiler reads back as
	 * 64, having put it aside as 32, which stalls. */
	const uint32_t bytes = v6 ? SL_COOKIE_BYTES_V6 : SL_COOKIE_BYTES_V4;
	const uint32_t high = bytes << 24 | format << 8 | data;

	batch->words[v6 ? 5 : 2][i] = (uint64_t)high << 32 | epoch;
	batch->mask[i] = sl_cookie_mac_mask(format & SL_COOKIE_FORMAT_TS);
}

/* The highest entry not above `mss`, or the lowest; `n` is a power of two. No branch to mispredict;
 * but Ethernet's is what nearly all hosts have, and at that place in its table. */
static inline uint32_t sl_cookie_mss_index(const uint16_t *table, uint32_t n, uint32_t ethernet,
					   uint16_t mss)
{
	uint32_t index = 0;

	if (sl_likely(mss == SL_COOKIE_MSS_ETHERNET))
		return ethernet;
	for (uint32_t step = n / 2; step > 0; step /= 2)
		index += mss >= table[index + step] ? step : 0;
	return index;
}

/** sl_cookie_mint in two pieces, as piece of work `i` of a batch, with sl_cookie_macs between them.
 * `opts` and `tsval` are filled here. */
static inline void sl_cookie_mint_begin(const struct sl_cookie_moment *moment,
					struct sl_cookie_ends ends, uint32_t client_isn,
					struct sl_cookie_options *opts, uint32_t *tsval,
					struct sl_cookie_batch *batch, unsigned i)
{
	const uint32_t parity = moment->now;
	const uint32_t rest = (uint32_t)opts->wscale << SL_COOKIE_WSCALE_SHIFT | opts->sack;
	uint32_t index, cookie = parity << SL_COOKIE_PARITY_SHIFT;

	assert(opts->wscale <= SL_COOKIE_NO_WSCALE);
	sl_cookie_ask_who(batch, i, ends, client_isn);
	if (opts->timestamps) {
		index = sl_cookie_mss_index(sl_cookie_ts_mss, SL_ARRAY_LEN(sl_cookie_ts_mss),
					    SL_COOKIE_TS_ETHERNET, opts->mss);
		opts->mss = sl_cookie_ts_mss[index];
		*tsval = moment->tsval | rest;
		cookie |= index << SL_COOKIE_TS_MSS_SHIFT;
	} else {
		index = sl_cookie_mss_index(sl_cookie_bare_mss, SL_ARRAY_LEN(sl_cookie_bare_mss),
					    SL_COOKIE_BARE_ETHERNET, opts->mss);
		opts->mss = sl_cookie_bare_mss[index];
		cookie |= index << SL_COOKIE_BARE_MSS_SHIFT | rest << SL_COOKIE_BARE_REST_SHIFT;
	}
	sl_cookie_ask_what(batch, i, ends.v6, moment->epoch[parity],
			   sl_cookie_data_bits(index, rest), SL_COOKIE_FORMAT | opts->timestamps);
	batch->cookie[i] = cookie;
}

/* What the cookies of SYNs with the same options have in common, of one batch and family. */
struct sl_cookie_common {
	uint64_t what;
	uint32_t mask, cookie;
};

/** As piece of work `i`, which was begun by sl_cookie_mint_begin, has it. */
static inline struct sl_cookie_common sl_cookie_common_of(const struct sl_cookie_batch *batch,
							  unsigned i, bool v6)
{
	struct sl_cookie_common common;

	common.what = batch->words[v6 ? 5 : 2][i];
	common.mask = batch->mask[i];
	common.cookie = batch->cookie[i];
	return common;
}

/** sl_cookie_mint_begin, for one more of these. */
static inline void sl_cookie_mint_common(struct sl_cookie_common common, struct sl_cookie_ends ends,
					 uint32_t client_isn, struct sl_cookie_batch *batch,
					 unsigned i)
{
	sl_cookie_ask_who(batch, i, ends, client_isn);
	batch->words[ends.v6 ? 5 : 2][i] = common.what;
	batch->mask[i] = common.mask;
	batch->cookie[i] = common.cookie;
}

/** The cookie of one of these; `v6` as of the ends that it was begun with. */
static inline uint32_t sl_cookie_mint_common_end(struct sl_cookie_common common,
						 const struct sl_cookie_moment *moment,
						 const struct sl_cookie_batch *batch, unsigned i,
						 bool v6)
{
	const uint32_t mac = batch->mac[i] & common.mask;
	const uint64_t numbers = batch->words[v6 ? 4 : 1][i];

	return mac | (common.cookie ^
		      (sl_cookie_data_mask(&moment->mask_key, numbers, mac) & ~common.mask));
}

/** The cookie; `v6` as of the ends that it was begun with. */
static inline uint32_t sl_cookie_mint_end(const struct sl_cookie_moment *moment,
					  const struct sl_cookie_batch *batch, unsigned i, bool v6)
{
	return sl_cookie_mint_common_end(sl_cookie_common_of(batch, i, v6), moment, batch, i, v6);
}

/* An ACK, its cookie taken apart. */
struct sl_cookie_claim {
	struct sl_cookie_ends ends;
	uint32_t client_isn, cookie, tsecr;
	uint32_t format, parity, mss_index, rest;
};

/* Reads the parity and the data bits, which stand in `bits` as in the diagrams. */
static inline void sl_cookie_read_bits(struct sl_cookie_claim *c, uint32_t bits)
{
	c->parity = bits >> SL_COOKIE_PARITY_SHIFT;
	if (c->format & SL_COOKIE_FORMAT_TS) {
		c->mss_index = bits >> SL_COOKIE_TS_MSS_SHIFT & SL_COOKIE_TS_MSS_MASK;
		c->rest = c->tsecr & SL_COOKIE_REST_MASK;
	} else {
		c->mss_index = bits >> SL_COOKIE_BARE_MSS_SHIFT & SL_COOKIE_BARE_MSS_MASK;
		c->rest = bits >> SL_COOKIE_BARE_REST_SHIFT & SL_COOKIE_REST_MASK;
	}
}

static inline struct sl_cookie_claim sl_cookie_read_claim(const struct sl_cookie_moment *moment,
							  struct sl_cookie_ends ends,
							  uint32_t client_isn, uint32_t cookie,
							  bool has_ts, uint32_t tsecr)
{
	const uint32_t mac = cookie & sl_cookie_mac_mask(has_ts);
	const uint64_t numbers = sl_cookie_numbers(ends, client_isn);
	struct sl_cookie_claim c;

	c.ends = ends;
	c.client_isn = client_isn;
	c.cookie = cookie;
	c.tsecr = tsecr;
	c.format = (uint32_t)SL_COOKIE_FORMAT | has_ts;
	sl_cookie_read_bits(&c, cookie ^ sl_cookie_data_mask(&moment->mask_key, numbers, mac));
	return c;
}

static inline void sl_cookie_ask_claim(const struct sl_cookie_claim *c, uint32_t epoch,
				       struct sl_cookie_batch *batch, unsigned i)
{
	sl_cookie_ask_who(batch, i, c->ends, c->client_isn);
	sl_cookie_ask_what(batch, i, c->ends.v6, epoch, sl_cookie_data_bits(c->mss_index, c->rest),
			   c->format);
}

/** sl_cookie_verify in two pieces, likewise. */
static inline void sl_cookie_verify_begin(const struct sl_cookie_moment *moment,
					  struct sl_cookie_ends ends, uint32_t client_isn,
					  uint32_t cookie, bool has_ts, uint32_t tsecr,
					  struct sl_cookie_batch *batch, unsigned i)
{
	const struct sl_cookie_claim c =
		sl_cookie_read_claim(moment, ends, client_isn, cookie, has_ts, tsecr);

	sl_cookie_ask_claim(&c, moment->epoch[c.parity], batch, i);
	batch->cookie[i] = cookie;
}

/* cookie.c: the verdict on a MAC that is not right, by whatever may explain it. When that is
 * another format, `claim` is what the cookie says in that one. */
enum sl_cookie_verdict sl_cookie_judge(struct sl_cookie_ring *ring,
				       const struct sl_cookie_moment *moment,
				       struct sl_cookie_claim *claim);

/** One failure in so many is looked at closely. */
enum { SL_COOKIE_SAMPLE = 64 };

/**
 * Whether piece of work `i`, begun by sl_cookie_verify_begin, is a forgery that need not be looked
 * at closely; then it is counted as one, and that was the verdict. Else sl_cookie_verify_end has
 * it.
 */
static inline bool sl_cookie_plainly_forged(struct sl_cookie_ring *ring,
					    const struct sl_cookie_moment *moment,
					    const struct sl_cookie_batch *batch, unsigned i)
{
	/* In both formats the MAC is the low end of the cookie. */
	if (((batch->mac[i] ^ batch->cookie[i]) & batch->mask[i]) == 0 ||
	    ring->failures % SL_COOKIE_SAMPLE == 0 || moment->now_us < ring->frozen_until_us ||
	    moment->older)
		return false;
	ring->failures++;
	return true;
}

/** The verdict; all but `ring` and `opts` as for sl_cookie_verify_begin. */
static inline enum sl_cookie_verdict
sl_cookie_verify_end(struct sl_cookie_ring *ring, const struct sl_cookie_moment *moment,
		     struct sl_cookie_ends ends, uint32_t client_isn, bool has_ts, uint32_t tsecr,
		     const struct sl_cookie_batch *batch, unsigned i,
		     struct sl_cookie_options *opts)
{
	const uint32_t cookie = batch->cookie[i];
	uint32_t data, index, rest;

	if (sl_likely(sl_cookie_plainly_forged(ring, moment, batch, i)))
		return SL_COOKIE_FORGED;
	data = (uint32_t)(batch->words[ends.v6 ? 5 : 2][i] >> 32) & SL_COOKIE_DATA_MASK;
	if (sl_unlikely(((batch->mac[i] ^ cookie) & batch->mask[i]) != 0)) {
		struct sl_cookie_claim c =
			sl_cookie_read_claim(moment, ends, client_isn, cookie, has_ts, tsecr);
		const enum sl_cookie_verdict verdict = sl_cookie_judge(ring, moment, &c);

		if (verdict != SL_COOKIE_VALID)
			return verdict;
		data = sl_cookie_data_bits(c.mss_index, c.rest);
	}
	index = data >> SL_COOKIE_REST_BITS;
	rest = data & SL_COOKIE_REST_MASK;
	opts->mss = has_ts ? sl_cookie_ts_mss[index] : sl_cookie_bare_mss[index];
	opts->wscale = (uint8_t)(rest >> SL_COOKIE_WSCALE_SHIFT);
	opts->sack = rest & SL_COOKIE_SACK_MASK;
	opts->timestamps = has_ts;
	return SL_COOKIE_VALID;
}

SL_END_DECLS

#endif
