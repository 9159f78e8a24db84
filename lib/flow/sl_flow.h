/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The connection table: from the two ends of a connection to its entry, the caller's struct.
 *
 * Threads. One worker owns a table and is alone in reading and writing it, its entries included.
 * Nothing is shared, nothing is locked, nothing is atomic; a look-up from another thread is a bug.
 * Both directions of a connection reach the same worker (design: which worker owns a segment).
 *
 * Memory. All of it is the caller's, given once; the table never grows and never moves an entry. An
 * entry keeps its index and its address from insert to remove, so that a wheel's node may lie in it
 * (lib/wheel) and other structures may name it by its 32-bit index.
 *
 *   buckets   one line for two to four entries: 8 slots, each a 16-bit tag and an index
 *   entries   the caller's structs, whole lines, each beginning with its struct sl_flow_key
 *   in use    one bit an entry
 *
 * The entries that are free are chained through their keys, the last freed first to be used again
 * (it is likely in the cache); the rest of a free entry belongs to nobody and stays as it was.
 *
 * Bounds. Every key has two buckets: the first named by the hash, the second by the first and the
 * tag. An entry goes into its first bucket while fewer than SL_FLOW_PREFER slots of that are taken,
 * from there on into the emptier of the two (Azar, Broder, Karlin and Upfal, "Balanced
 * Allocations", 1994); nothing is ever moved to make room. A bucket counts its entries that went to
 * their second one, and the second is read only where there are such: at three entries a bucket one
 * look-up in ten reads it. So
 *
 *   a look-up reads at most two buckets, and compares only the keys whose tags agree, 16 at worst
 *   an insert does that, to be sure that the key is new, and writes two lines and one entry
 *   a remove reads one entry and at most two buckets, and writes them
 *
 * whatever the hash is worth. With a sound hash an insert fails only when all entries are in use:
 * four entries a bucket at most leave half of the slots free. Measured, in tables of 1 to 131,072
 * entries with entries replaced at random: kept exactly full, 7 of 180 million inserts found both
 * their buckets full; kept at nine tenths, none of 170 million.
 *
 * The hash. The key's ten 32-bit words s[i] under eleven secret random 64-bit numbers m[i]:
 *
 *   h = (m[0] + m[1] s[0] + ... + m[10] s[9]  mod 2^64) div 2^32
 *
 * the family MULTILINEAR of Lemire and Kaser, "Strongly universal string hashing is fast" (Computer
 * Journal 57, 2014). It is strongly universal: for any two different keys, chosen without knowledge
 * of the secret, their hashes are independent and uniform, so they are equal with probability 2^-32
 * exactly. (Its variant with half the multiplications would not be constant under zeros.) A fixed
 * bijection of 32 bits follows, which keeps that and breaks the even steps in which a multilinear
 * hash maps a run of ports or addresses (without it a scan's worth of neighbours has been seen to
 * fill buckets).
 *
 * Whom it resists: those who choose addresses and ports as they like, knowing all of this but the
 * secret. It is no MAC: who could read hashes out of the box would solve for the secret, so hashes
 * never leave the box, and under SYN cookies only a client that has proved its address is given an
 * entry by which to learn anything. Were the hash broken all the same, the bounds above still hold:
 * whoever aims at a pair of buckets fills 16 slots, further inserts there fail (the caller counts
 * them), look-ups there compare 16 keys, and no entry that stands is harmed.
 *
 * Tests. Under a secret of zeros every key has the same hash. All of the above but the capacity
 * holds for such a table too: 16 entries fit.
 *
 * Order of calls. sl_flow_init once. For a burst: sl_flow_hash and sl_flow_prefetch_bucket for each
 * segment as it is classified (or, for the clients of one server, sl_flow_sum_server once and
 * sl_flow_hash_client for each), sl_flow_lookup_burst for all. What an insert or remove makes stale
 * of a burst's answers is looked up again by the caller.
 */
#ifndef SL_FLOW_H
#define SL_FLOW_H

#include "sl_addr.h"
#include "sl_base.h"
#include "sl_bytes.h"

SL_BEGIN_DECLS

/**
 * The two ends by the side of the box on which they live, not by who speaks: both directions make
 * the same key. 40 bytes without a gap; two keys are equal when their bytes are.
 */
struct sl_flow_key {
	struct sl_addr outside_addr, inside_addr;
	uint16_t outside_port, inside_port; /**< host order */
	uint32_t domain;                    /**< link and VLAN tags: tenants may overlap */
};

static_assert(sizeof(struct sl_flow_key) == 40 && offsetof(struct sl_flow_key, outside_port) == 32,
	      "the key is hashed and compared as bytes");

/** 32-bit words of a key. */
#define SL_FLOW_KEY_WORDS 10

/** Bytes of secret that a table wants. */
#define SL_FLOW_SECRET_BYTES ((SL_FLOW_KEY_WORDS + 1) * 8)

/** No entry. */
#define SL_FLOW_NONE UINT32_MAX

/** Slots of its first bucket up to which an entry goes there without a look at the second. */
#define SL_FLOW_PREFER 5

struct sl_flow_bucket;

/** Private but for its size: use the functions. */
struct sl_flow {
	alignas(SL_CACHE_LINE) struct sl_flow_bucket *buckets;
	uint8_t *entries;
	uint64_t *used; /**< bit i: entry i is in use */
	size_t entry_size;
	uint32_t bucket_mask; /**< buckets - 1; a power of two of them */
	uint32_t n_entries;
	uint32_t n_used;
	uint32_t n_touched;  /**< entries from this one on have never been in use */
	uint32_t first_free; /**< of those that have been */
	uint64_t secret[SL_FLOW_KEY_WORDS + 1];
};

/**
 * Bytes of memory for a table.
 * @n_entries   1 to 2^30
 * @entry_size  bytes of an entry, a multiple of SL_CACHE_LINE
 */
size_t sl_flow_memory_size(uint32_t n_entries, size_t entry_size);

/**
 * Makes an empty table. Writes the buckets; touches no entry.
 * @f           the table
 * @memory      sl_flow_memory_size(n_entries, entry_size) bytes, aligned to SL_CACHE_LINE, the
 *              table's from now
 * @n_entries, @entry_size  as for sl_flow_memory_size
 * @secret      random bytes of this box; it may be the same on all cores
 * Returns 0, or -EINVAL when a number or the alignment is not as said.
 */
int sl_flow_init(struct sl_flow *f, void *memory, uint32_t n_entries, size_t entry_size,
		 const uint8_t secret[SL_FLOW_SECRET_BYTES]);

/** The entry `index`, below the capacity, in use or not. */
static inline void *sl_flow_entry(const struct sl_flow *f, uint32_t index)
{
	return f->entries + (size_t)index * f->entry_size;
}

static inline uint64_t sl_flow_hash_word(const struct sl_flow *f, const struct sl_flow_key *key,
					 unsigned i)
{
	return f->secret[i + 1] * sl_load_le32((const uint8_t *)key + 4 * i);
}

static inline uint32_t sl_flow_hash_end(uint64_t sum)
{
	uint32_t h = (uint32_t)(sum >> 32);

	h ^= h >> 16;
	h *= 0x9e3779b1u;
	return h ^ h >> 15;
}

/** The keyed hash of a key, as all functions below want it. */
static inline uint32_t sl_flow_hash(const struct sl_flow *f, const struct sl_flow_key *key)
{
	uint64_t sum = f->secret[0];

	for (unsigned i = 0; i < SL_FLOW_KEY_WORDS; i++)
		sum += sl_flow_hash_word(f, key, i);
	return sl_flow_hash_end(sum);
}

/**
 * The part of the hash that is alike for all clients of one server by one link: of all of `key` but
 * the outside's address and port, or, of IPv4, what the mapped form leaves open of that address.
 */
static inline uint64_t sl_flow_sum_server(const struct sl_flow *f, const struct sl_flow_key *key,
					  bool v6)
{
	uint64_t sum = f->secret[0];

	for (unsigned i = v6 ? 4 : 0; i < SL_FLOW_KEY_WORDS; i++)
		if (i != 3 && i != 8)
			sum += sl_flow_hash_word(f, key, i);
	return sum;
}

/** sl_flow_hash of a key with that part. */
static inline uint32_t sl_flow_hash_client(const struct sl_flow *f, uint64_t sum_server,
					   const struct sl_flow_key *key, bool v6)
{
	uint64_t sum = sum_server + sl_flow_hash_word(f, key, 3) + sl_flow_hash_word(f, key, 8);

	if (v6)
		for (unsigned i = 0; i < 3; i++)
			sum += sl_flow_hash_word(f, key, i);
	return sl_flow_hash_end(sum);
}

/** Brings the first bucket of a hash into the cache. */
static inline void sl_flow_prefetch_bucket(const struct sl_flow *f, uint32_t hash)
{
	sl_prefetch((const char *)f->buckets + (size_t)(hash & f->bucket_mask) * SL_CACHE_LINE);
}

/** Whether two keys are the same. */
static inline bool sl_flow_key_equal(const struct sl_flow_key *a, const struct sl_flow_key *b)
{
	const uint8_t *x = (const uint8_t *)a, *y = (const uint8_t *)b;
	uint64_t differ = 0;

	/* Word by word: of an array the compiler makes a copy first. */
	for (unsigned i = 0; i < sizeof(*a); i += 8)
		differ |= sl_load_le64(x + i) ^ sl_load_le64(y + i);
	return differ == 0;
}

/** One look-up of a burst. */
struct sl_flow_query {
	struct sl_flow_key key;
	uint32_t hash;  /**< of the key */
	uint32_t index; /**< the answer: its entry's, or SL_FLOW_NONE */
};

/**
 * Looks up a whole burst, whose first buckets have been fetched (sl_flow_prefetch_bucket): the
 * second ones that matter, and the first two lines of the entries that may be meant, are fetched
 * together, so that the misses of the cache overlap.
 * @queries  `n` keys with their hashes; their indices are set
 * @n        any number; best up to 64
 * Returns how many of them are not in the table.
 */
unsigned sl_flow_lookup_burst(const struct sl_flow *f, struct sl_flow_query *queries, unsigned n);

/** Looks up one key, whose hash is `hash`. Returns the index of its entry, or SL_FLOW_NONE. */
uint32_t sl_flow_lookup(const struct sl_flow *f, const struct sl_flow_key *key, uint32_t hash);

/**
 * Takes an entry into use for a key that is not in the table. Its key is set; the rest is as its
 * last user, or the memory's giver, left it.
 * Returns its index, or SL_FLOW_NONE when no entry is free or no slot for this hash; then nothing
 * has changed.
 */
uint32_t sl_flow_insert(struct sl_flow *f, const struct sl_flow_key *key, uint32_t hash);

/** Frees entry `index`, which is in use and whose key is as it was inserted. The key is lost. */
void sl_flow_remove(struct sl_flow *f, uint32_t index);

/** Takes entry `index`, which is in use and whose key is as it was inserted, out of all look-ups:
 * its key is free for another. The entry stays in use until sl_flow_release. */
void sl_flow_unlink(struct sl_flow *f, uint32_t index);

/** Frees entry `index`, which was unlinked. */
void sl_flow_release(struct sl_flow *f, uint32_t index);

/** Whether entry `index`, below the capacity, is in use: for walking the table slice by slice. */
static inline bool sl_flow_in_use(const struct sl_flow *f, uint32_t index)
{
	return f->used[index / 64] >> (index % 64) & 1;
}

/** Number of entries in use. */
static inline uint32_t sl_flow_count(const struct sl_flow *f)
{
	return f->n_used;
}

/** Number of entries. */
static inline uint32_t sl_flow_capacity(const struct sl_flow *f)
{
	return f->n_entries;
}

SL_END_DECLS

#endif
