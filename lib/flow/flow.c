/* SPDX-License-Identifier: BSD-3-Clause */
#include "sl_flow.h"

#include <errno.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define SLOTS            8
#define ENTRIES_A_BUCKET 4
#define MAX_ENTRIES      (1u << 30)
#define BURST            64

struct sl_flow_bucket {
	alignas(SL_CACHE_LINE) uint16_t tag[SLOTS]; /* 0: the slot is empty */
	uint32_t index[SLOTS];
	uint32_t n_displaced; /* entries whose first bucket this is, and who lie in their second */
	uint32_t pad[3];
};

static_assert(sizeof(struct sl_flow_bucket) == SL_CACHE_LINE, "one bucket, one line");
static_assert(offsetof(struct sl_flow_bucket, tag) == 0, "the tags are loaded as one vector");
static_assert(offsetof(struct sl_flow, secret) + SL_FLOW_SECRET_BYTES <= 3 * SL_CACHE_LINE,
	      "what a look-up needs of the table stays in three lines");

/* What follows from a hash. */
struct place {
	struct sl_flow_bucket *first, *second;
	uint16_t tag;
};

static uint16_t tag_of(uint32_t hash)
{
	const uint16_t tag = (uint16_t)(hash >> 16);

	return tag != 0 ? tag : 1;
}

static struct sl_flow_bucket *first_bucket(const struct sl_flow *f, uint32_t hash)
{
	return &f->buckets[hash & f->bucket_mask];
}

/* The other bucket, never the first itself: an odd number, spread by Fibonacci hashing, away. */
static struct sl_flow_bucket *second_bucket(const struct sl_flow *f, uint32_t hash)
{
	const uint32_t away = (tag_of(hash) * 0x9e3779b1u >> 7) | 1;

	return &f->buckets[(hash ^ away) & f->bucket_mask];
}

static struct place place_of(const struct sl_flow *f, uint32_t hash)
{
	struct place p;

	p.first = first_bucket(f, hash);
	p.second = second_bucket(f, hash);
	p.tag = tag_of(hash);
	return p;
}

/* The slots of a bucket whose tag is `tag`: two bits each, as comparing vectors gives them. */
static unsigned slots_tagged(const struct sl_flow_bucket *b, uint16_t tag)
{
#ifdef __SSE2__
	const __m128i tags = _mm_load_si128((const __m128i *)b->tag);

	return (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi16(tags, _mm_set1_epi16((short)tag)));
#else
	unsigned bits = 0;

	for (unsigned i = 0; i < SLOTS; i++)
		bits |= (b->tag[i] == tag ? 3u : 0) << (2 * i);
	return bits;
#endif
}

/* The first of them; there is one. */
static unsigned first_slot(unsigned bits)
{
	return (unsigned)__builtin_ctz(bits) / 2;
}

/* The others. */
static unsigned other_slots(unsigned bits)
{
	bits &= bits - 1;
	return bits & (bits - 1);
}

static unsigned n_empty(const struct sl_flow_bucket *b)
{
	unsigned bits = slots_tagged(b, 0) & 0x5555;

	/* Added up in pairs: baseline x86-64 has no instruction for it. */
	bits = (bits & 0x3333) + (bits >> 2 & 0x3333);
	bits = (bits + (bits >> 4)) & 0x0f0f;
	return (bits + (bits >> 8)) & 0xf;
}

/* sl_flow_key_equal of an entry, which begins with its key, and of a key that was written a while
 * ago: vectors do not wait for what was written in words. */
static inline bool entry_is(const void *entry, const struct sl_flow_key *key)
{
#ifdef __SSE2__
	const __m128i *a = (const __m128i *)entry, *b = (const __m128i *)key;
	const __m128i equal =
		_mm_and_si128(_mm_cmpeq_epi8(_mm_load_si128(a), _mm_loadu_si128(b)),
			      _mm_cmpeq_epi8(_mm_load_si128(a + 1), _mm_loadu_si128(b + 1)));

	return _mm_movemask_epi8(equal) == 0xffff && sl_load_le64(a + 2) == sl_load_le64(b + 2);
#else
	return sl_flow_key_equal((const struct sl_flow_key *)entry, key);
#endif
}

/* Which of a bucket's slots in `bits` holds the key: its entry's index, or SL_FLOW_NONE. */
static inline uint32_t find_key(const struct sl_flow *f, const struct sl_flow_bucket *b,
				unsigned bits, const struct sl_flow_key *key)
{
	for (; bits != 0; bits = other_slots(bits)) {
		const uint32_t index = b->index[first_slot(bits)];

		if (sl_flow_key_equal((const struct sl_flow_key *)sl_flow_entry(f, index), key))
			return index;
	}
	return SL_FLOW_NONE;
}

/* The entry that a look-up will compare first, fetched: of the first of a bucket's slots in `bits`,
 * which are not none. */
static inline uint32_t fetch_entry(const struct sl_flow *f, const struct sl_flow_bucket *b,
				   unsigned bits)
{
	const uint32_t index = b->index[first_slot(bits)];
	const char *entry = sl_flow_entry(f, index);

	sl_prefetch(entry);
	sl_prefetch(entry + SL_CACHE_LINE); /* of a smaller entry the next one's: no harm */
	return index;
}

static size_t bucket_bytes(uint32_t n_entries)
{
	const uint32_t n = (n_entries + ENTRIES_A_BUCKET - 1) / ENTRIES_A_BUCKET;

	/* At least two, so that the second bucket is another one. */
	return (size_t)sl_pow2_ceil_u32(sl_max_u32(n, 2)) * sizeof(struct sl_flow_bucket);
}

static size_t used_bytes(uint32_t n_entries)
{
	const size_t lines = ((size_t)n_entries + SL_CACHE_LINE * 8 - 1) / (SL_CACHE_LINE * 8);

	return lines * SL_CACHE_LINE;
}

size_t sl_flow_memory_size(uint32_t n_entries, size_t entry_size)
{
	return bucket_bytes(n_entries) + used_bytes(n_entries) + n_entries * entry_size;
}

int sl_flow_init(struct sl_flow *f, void *memory, uint32_t n_entries, size_t entry_size,
		 const uint8_t secret[SL_FLOW_SECRET_BYTES])
{
	uint8_t *m = (uint8_t *)memory;

	if (n_entries == 0 || n_entries > MAX_ENTRIES)
		return -EINVAL;
	if (entry_size == 0 || entry_size % SL_CACHE_LINE != 0)
		return -EINVAL;
	if ((uintptr_t)memory % SL_CACHE_LINE != 0)
		return -EINVAL;
	memset(f, 0, sizeof(*f));
	f->buckets = (struct sl_flow_bucket *)memory;
	f->used = (uint64_t *)(m + bucket_bytes(n_entries));
	f->entries = m + bucket_bytes(n_entries) + used_bytes(n_entries);
	f->entry_size = entry_size;
	f->bucket_mask = (uint32_t)(bucket_bytes(n_entries) / sizeof(struct sl_flow_bucket)) - 1;
	f->n_entries = n_entries;
	f->first_free = SL_FLOW_NONE;
	for (unsigned i = 0; i <= SL_FLOW_KEY_WORDS; i++)
		f->secret[i] = sl_load_le64(secret + 8 * i);
	memset(memory, 0, bucket_bytes(n_entries) + used_bytes(n_entries));
	return 0;
}

uint32_t sl_flow_lookup(const struct sl_flow *f, const struct sl_flow_key *key, uint32_t hash)
{
	const struct place p = place_of(f, hash);
	const uint32_t index = find_key(f, p.first, slots_tagged(p.first, p.tag), key);

	if (index != SL_FLOW_NONE || p.first->n_displaced == 0)
		return index;
	return find_key(f, p.second, slots_tagged(p.second, p.tag), key);
}

/*
 * At most BURST at once, in passes: what a pass touches, the pass before has fetched. Nearly always
 * the one slot with the right tag is it; whatever else there may be is looked for one by one.
 */
static unsigned lookup_some(const struct sl_flow *f, struct sl_flow_query *queries, unsigned n)
{
	uint64_t displaced = 0;
	unsigned missing = 0;

	for (unsigned i = 0; i < n; i++) {
		const uint32_t hash = queries[i].hash;
		const struct sl_flow_bucket *b = first_bucket(f, hash);
		const unsigned bits = slots_tagged(b, tag_of(hash));

		if (bits != 0) {
			queries[i].index = fetch_entry(f, b, bits);
			continue;
		}
		queries[i].index = SL_FLOW_NONE;
		if (b->n_displaced != 0) {
			displaced |= 1ULL << i;
			sl_prefetch(second_bucket(f, hash));
		}
	}
	for (; displaced != 0; displaced &= displaced - 1) {
		struct sl_flow_query *q = &queries[__builtin_ctzll(displaced)];
		const struct sl_flow_bucket *b = second_bucket(f, q->hash);
		const unsigned bits = slots_tagged(b, tag_of(q->hash));

		if (bits != 0)
			q->index = fetch_entry(f, b, bits);
	}
	for (unsigned i = 0; i < n; i++) {
		struct sl_flow_query *q = &queries[i];

		if (q->index != SL_FLOW_NONE) {
			if (sl_likely(entry_is(sl_flow_entry(f, q->index), &q->key)))
				continue;
			q->index = sl_flow_lookup(f, &q->key, q->hash);
		}
		missing += q->index == SL_FLOW_NONE;
	}
	return missing;
}

unsigned sl_flow_lookup_burst(const struct sl_flow *f, struct sl_flow_query *queries, unsigned n)
{
	unsigned missing = 0;

	for (; n > BURST; n -= BURST, queries += BURST)
		missing += lookup_some(f, queries, BURST);
	return missing + lookup_some(f, queries, n);
}

/* Where a free entry keeps the index of the next: in the first bytes of its key. */
static uint32_t take_free(struct sl_flow *f)
{
	const uint32_t index = f->first_free;

	if (index == SL_FLOW_NONE)
		return f->n_touched < f->n_entries ? f->n_touched++ : SL_FLOW_NONE;
	memcpy(&f->first_free, sl_flow_entry(f, index), sizeof(f->first_free));
	return index;
}

static void give_free(struct sl_flow *f, uint32_t index)
{
	memcpy(sl_flow_entry(f, index), &f->first_free, sizeof(f->first_free));
	f->first_free = index;
}

uint32_t sl_flow_insert(struct sl_flow *f, const struct sl_flow_key *key, uint32_t hash)
{
	const struct place p = place_of(f, hash);
	const unsigned empty_first = n_empty(p.first);
	struct sl_flow_bucket *b = p.first;
	unsigned slot;
	uint32_t index;

	assert(sl_flow_lookup(f, key, hash) == SL_FLOW_NONE);
	if (empty_first <= SLOTS - SL_FLOW_PREFER && n_empty(p.second) > empty_first)
		b = p.second;
	if (slots_tagged(b, 0) == 0)
		return SL_FLOW_NONE;
	index = take_free(f);
	if (index == SL_FLOW_NONE)
		return SL_FLOW_NONE;
	slot = first_slot(slots_tagged(b, 0));
	b->tag[slot] = p.tag;
	b->index[slot] = index;
	p.first->n_displaced += b == p.second;
	memcpy(sl_flow_entry(f, index), key, sizeof(*key));
	f->used[index / 64] |= 1ULL << (index % 64);
	f->n_used++;
	return index;
}

/* Empties the slot that holds `index`. Returns whether this bucket has it. */
static bool drop_slot(struct sl_flow_bucket *b, uint16_t tag, uint32_t index)
{
	for (unsigned bits = slots_tagged(b, tag); bits != 0; bits = other_slots(bits)) {
		const unsigned slot = first_slot(bits);

		if (b->index[slot] == index) {
			b->tag[slot] = 0;
			b->index[slot] = 0;
			return true;
		}
	}
	return false;
}

void sl_flow_unlink(struct sl_flow *f, uint32_t index)
{
	const struct sl_flow_key *key = (const struct sl_flow_key *)sl_flow_entry(f, index);
	struct place p;

	assert(index < f->n_entries && sl_flow_in_use(f, index));
	p = place_of(f, sl_flow_hash(f, key));
	if (!drop_slot(p.first, p.tag, index)) {
		const bool found = drop_slot(p.second, p.tag, index);

		/* Only a key that was written over could hide its slot. */
		assert(found);
		p.first->n_displaced -= found;
	}
}

void sl_flow_release(struct sl_flow *f, uint32_t index)
{
	give_free(f, index);
	f->used[index / 64] &= ~(1ULL << (index % 64));
	f->n_used--;
}

void sl_flow_remove(struct sl_flow *f, uint32_t index)
{
	sl_flow_unlink(f, index);
	sl_flow_release(f, index);
}
