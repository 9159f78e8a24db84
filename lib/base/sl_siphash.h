/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * SipHash-2-4 (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012), 64-bit output.
 * The one keyed function of the box: cookies and their keys. Stateless.
 */
#ifndef SL_SIPHASH_H
#define SL_SIPHASH_H

#include "sl_base.h"

SL_BEGIN_DECLS

/** A 128-bit key, as two little-endian words of its 16 bytes. */
struct sl_sipkey {
	uint64_t k0, k1;
};

/** The key whose 16 bytes are `bytes`. */
struct sl_sipkey sl_sipkey_from_bytes(const uint8_t bytes[16]);

/**
 * SipHash-2-4 of `len` bytes at `data` under `key`. Any length, any alignment.
 * Returns the 64-bit tag (its little-endian bytes are the paper's output).
 */
uint64_t sl_siphash24(const struct sl_sipkey *key, const void *data, size_t len);

static inline uint64_t sl_sip_rotl(uint64_t v, int n)
{
	return v << n | v >> (64 - n);
}

/** The paper's SipRound on its four words of state. */
static inline void sl_sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[2] += v[3];
	v[1] = sl_sip_rotl(v[1], 13) ^ v[0];
	v[3] = sl_sip_rotl(v[3], 16) ^ v[2];
	v[0] = sl_sip_rotl(v[0], 32);
	v[2] += v[1];
	v[0] += v[3];
	v[1] = sl_sip_rotl(v[1], 17) ^ v[2];
	v[3] = sl_sip_rotl(v[3], 21) ^ v[0];
	v[2] = sl_sip_rotl(v[2], 32);
}

static inline void sl_sip_start(uint64_t v[4], const struct sl_sipkey *key)
{
	v[0] = key->k0 ^ 0x736f6d6570736575ULL;
	v[1] = key->k1 ^ 0x646f72616e646f6dULL;
	v[2] = key->k0 ^ 0x6c7967656e657261ULL;
	v[3] = key->k1 ^ 0x7465646279746573ULL;
}

static inline void sl_sip_absorb(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	sl_sip_round(v);
	sl_sip_round(v);
	v[0] ^= word;
}

static inline uint64_t sl_sip_finish(uint64_t v[4])
{
	v[2] ^= 0xff;
	for (int i = 0; i < 4; i++)
		sl_sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/** The top byte of a message's last word: its length in bytes (the paper's section 2.2). */
#define SL_SIP_LENGTH(len) ((uint64_t)((len)&0xff) << 56)

/**
 * SipHash-2-4 of a message laid out in words by the caller, for messages of a fixed shape on the
 * road: no length to look at, no tail to gather.
 * @words    `n_words` little-endian words, at least one; the last holds the message's last 0 to 7
 *           bytes, zeros, and SL_SIP_LENGTH
 * Returns what sl_siphash24 returns for the same bytes.
 */
static inline uint64_t sl_siphash24_words(const struct sl_sipkey *key, const uint64_t *words,
					  unsigned n_words)
{
	uint64_t v[4];

	sl_sip_start(v, key);
	for (unsigned i = 0; i < n_words; i++)
		sl_sip_absorb(v, words[i]);
	return sl_sip_finish(v);
}

SL_END_DECLS

#endif
