// SPDX-License-Identifier: BSD-3-Clause
#include <gtest/gtest.h>

#include "sl_flow.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace
{

// A connection: two lines, of which the table knows only the key.
struct alignas(SL_CACHE_LINE) entry {
	sl_flow_key key;
	uint8_t rest[2 * SL_CACHE_LINE - sizeof(sl_flow_key)];
};

using secret = std::vector<uint8_t>;

secret random_secret(uint64_t seed)
{
	std::mt19937_64 rng(seed);
	secret s(SL_FLOW_SECRET_BYTES);
	for (uint8_t &b : s)
		b = static_cast<uint8_t>(rng());
	return s;
}

const secret all_collide(SL_FLOW_SECRET_BYTES, 0);

class Table
{
      public:
	explicit Table(uint32_t n, const secret &s = random_secret(1))
	    : memory(aligned_alloc(SL_CACHE_LINE, sl_flow_memory_size(n, sizeof(entry))), free)
	{
		memset(memory.get(), 0xa5, sl_flow_memory_size(n, sizeof(entry)));
		EXPECT_EQ(sl_flow_init(&f, memory.get(), n, sizeof(entry), s.data()), 0);
	}

	uint32_t hash(const sl_flow_key &key) const
	{
		return sl_flow_hash(&f, &key);
	}

	uint32_t insert(const sl_flow_key &key)
	{
		return sl_flow_insert(&f, &key, hash(key));
	}

	uint32_t lookup(const sl_flow_key &key) const
	{
		return sl_flow_lookup(&f, &key, hash(key));
	}

	entry *at(uint32_t index) const
	{
		return static_cast<entry *>(sl_flow_entry(&f, index));
	}

	std::vector<uint32_t> lookup_burst(const std::vector<sl_flow_key> &keys) const
	{
		std::vector<sl_flow_query> queries;
		std::vector<uint32_t> out;
		size_t missing = 0;
		for (const sl_flow_key &k : keys)
			queries.push_back({k, hash(k), 0xdeadbeef});
		const unsigned said = sl_flow_lookup_burst(&f, queries.data(),
							   static_cast<unsigned>(queries.size()));
		for (const sl_flow_query &q : queries) {
			out.push_back(q.index);
			missing += q.index == SL_FLOW_NONE;
		}
		EXPECT_EQ(said, missing);
		return out;
	}

	sl_flow f;

      private:
	std::unique_ptr<void, decltype(&free)> memory;
};

sl_flow_key key_v4(uint32_t client, uint16_t port, uint32_t domain = 0)
{
	const uint8_t server[4] = {192, 0, 2, 2};
	const uint32_t client_be = __builtin_bswap32(client);
	sl_flow_key k;
	sl_addr_set_v4(&k.outside_addr, &client_be);
	sl_addr_set_v4(&k.inside_addr, server);
	k.outside_port = port;
	k.inside_port = 80;
	k.domain = domain;
	return k;
}

sl_flow_key key_number(uint32_t i)
{
	return key_v4(0x0a000000 + i / 50000, static_cast<uint16_t>(1024 + i % 50000));
}

std::string bytes(const sl_flow_key &k)
{
	return std::string(reinterpret_cast<const char *>(&k), sizeof(k));
}

TEST(FlowInit, RefusesWhatCannotBe)
{
	alignas(SL_CACHE_LINE) static uint8_t memory[4096];
	sl_flow f;
	EXPECT_EQ(sl_flow_init(&f, memory, 0, 64, all_collide.data()), -EINVAL);
	EXPECT_EQ(sl_flow_init(&f, memory, (1u << 30) + 1, 64, all_collide.data()), -EINVAL);
	EXPECT_EQ(sl_flow_init(&f, memory, 4, 0, all_collide.data()), -EINVAL);
	EXPECT_EQ(sl_flow_init(&f, memory, 4, 96, all_collide.data()), -EINVAL);
	EXPECT_EQ(sl_flow_init(&f, memory + 8, 4, 64, all_collide.data()), -EINVAL);
	EXPECT_EQ(sl_flow_init(&f, memory, 4, 64, all_collide.data()), 0);
}

TEST(FlowMemory, OverheadIsAtMostThirtyThreeBytesAnEntry)
{
	for (uint32_t n : {1000u, 100000u, 1u << 20, (1u << 20) + 1}) {
		const size_t all = sl_flow_memory_size(n, 128);
		EXPECT_LE(all - size_t{n} * 128, size_t{n} * 33 + 128) << n;
	}
	EXPECT_LE(sl_flow_memory_size(1u << 20, 128), (size_t{1} << 20) * (128 + 17));
}

TEST(FlowInsert, TheTableFillsToItsCapacityAndEmptiesAgain)
{
	const uint32_t n = 100000;
	Table t(n);
	std::vector<uint8_t> given(n);
	EXPECT_EQ(sl_flow_capacity(&t.f), n);
	for (uint32_t i = 0; i < n; i++) {
		const uint32_t index = t.insert(key_number(i));
		ASSERT_LT(index, n);
		ASSERT_EQ(given[index]++, 0);
	}
	EXPECT_EQ(sl_flow_count(&t.f), n);
	EXPECT_EQ(t.insert(key_number(n)), SL_FLOW_NONE);
	EXPECT_EQ(sl_flow_count(&t.f), n);
	for (uint32_t i = 0; i < n; i++) {
		const uint32_t index = t.lookup(key_number(i));
		ASSERT_NE(index, SL_FLOW_NONE);
		sl_flow_remove(&t.f, index);
		ASSERT_EQ(t.lookup(key_number(i)), SL_FLOW_NONE);
	}
	EXPECT_EQ(sl_flow_count(&t.f), 0u);
	for (uint32_t i = 0; i < n; i++)
		ASSERT_NE(t.insert(key_number(n + i)), SL_FLOW_NONE);
}

// What stays behind in a bucket (a count of the displaced, say) would cost every later look-up.
TEST(FlowRemove, AnEmptiedTablesBucketsAreAsTheyWereMade)
{
	for (uint32_t n : {4u, 1024u}) {
		for (const secret &s : {random_secret(2), all_collide}) {
			Table t(n, s);
			std::vector<uint32_t> index;
			for (uint32_t i = 0; i < n; i++)
				index.push_back(t.insert(key_number(i)));
			std::shuffle(index.begin(), index.end(), std::mt19937_64(9));
			for (uint32_t i : index) {
				if (i != SL_FLOW_NONE)
					sl_flow_remove(&t.f, i);
			}
			const size_t bytes = (size_t{t.f.bucket_mask} + 1) * SL_CACHE_LINE;
			const std::string left(reinterpret_cast<const char *>(t.f.buckets), bytes);
			EXPECT_EQ(left, std::string(bytes, 0));
		}
	}
}

TEST(FlowUnlink, LeavesTheEntryAndFreesTheKey)
{
	for (bool collide : {false, true}) {
		Table t(16, collide ? all_collide : random_secret(3));
		std::vector<uint32_t> unlinked;
		for (uint16_t i = 0; i < 8; i++) {
			const sl_flow_key key = key_number(i);
			const uint32_t index = t.insert(key);
			ASSERT_NE(index, SL_FLOW_NONE);
			sl_flow_unlink(&t.f, index);
			EXPECT_EQ(t.lookup(key), SL_FLOW_NONE);
			EXPECT_TRUE(sl_flow_in_use(&t.f, index));
			EXPECT_TRUE(sl_flow_key_equal(&t.at(index)->key, &key));
			unlinked.push_back(index);
			const uint32_t next = t.insert(key);
			ASSERT_NE(next, SL_FLOW_NONE);
			EXPECT_NE(next, index);
			EXPECT_EQ(t.lookup(key), next);
		}
		EXPECT_EQ(sl_flow_count(&t.f), 16u);
		EXPECT_EQ(t.insert(key_number(99)), SL_FLOW_NONE);
		for (uint32_t index : unlinked)
			sl_flow_release(&t.f, index);
		EXPECT_EQ(sl_flow_count(&t.f), 8u);
		for (uint16_t i = 0; i < 8; i++)
			EXPECT_NE(t.lookup(key_number(i)), SL_FLOW_NONE);
		EXPECT_NE(t.insert(key_number(99)), SL_FLOW_NONE);
	}
}

TEST(FlowInsert, SetsTheKeyAndLeavesTheRestOfTheEntry)
{
	Table t(4);
	const uint32_t index = t.insert(key_number(7));
	entry *e = t.at(index);
	EXPECT_EQ(bytes(e->key), bytes(key_number(7)));
	for (uint8_t b : e->rest)
		ASSERT_EQ(b, 0xa5);
	memset(e->rest, 0x5a, sizeof(e->rest));
	sl_flow_remove(&t.f, index);
	EXPECT_EQ(t.insert(key_number(8)), index) << "the last freed is the first used";
	for (uint8_t b : e->rest)
		ASSERT_EQ(b, 0x5a);
}

TEST(FlowInsert, TinyTablesFillToTheirCapacity)
{
	for (uint32_t n = 1; n <= 16; n++) {
		Table t(n);
		for (uint32_t i = 0; i < n; i++)
			ASSERT_NE(t.insert(key_number(i)), SL_FLOW_NONE) << n;
		EXPECT_EQ(t.insert(key_number(n)), SL_FLOW_NONE);
	}
}

TEST(FlowInsertDeathTest, AKeyThatIsInTheTableIsABug)
{
	Table t(4);
	t.insert(key_number(1));
	EXPECT_DEATH(t.insert(key_number(1)), "SL_FLOW_NONE");
	EXPECT_DEATH(sl_flow_remove(&t.f, 3), "in_use");
}

TEST(FlowAllCollide, SixteenFitAndTheNextHarmsNone)
{
	Table t(64, all_collide);
	std::vector<uint32_t> index;
	for (uint32_t i = 0; i < 16; i++) {
		index.push_back(t.insert(key_number(i)));
		ASSERT_NE(index.back(), SL_FLOW_NONE);
	}
	for (uint32_t i = 16; i < 30; i++)
		EXPECT_EQ(t.insert(key_number(i)), SL_FLOW_NONE);
	EXPECT_EQ(sl_flow_count(&t.f), 16u);
	for (uint32_t i = 0; i < 30; i++)
		EXPECT_EQ(t.lookup(key_number(i)), i < 16 ? index[i] : SL_FLOW_NONE);
	// A place given back, in either bucket, is the next entry's.
	for (uint32_t i = 0; i < 16; i++) {
		sl_flow_remove(&t.f, index[i]);
		EXPECT_EQ(t.insert(key_number(100 + i)), index[i]);
		EXPECT_EQ(t.lookup(key_number(i)), SL_FLOW_NONE);
		EXPECT_EQ(t.lookup(key_number(100 + i)), index[i]);
	}
}

// The same operations on a table and on the standard library's.
void compare_with_model(Table &t, uint64_t seed, uint32_t n_keys, uint32_t places, unsigned steps)
{
	std::mt19937_64 rng(seed);
	std::unordered_map<std::string, uint32_t> model;
	for (unsigned step = 0; step < steps; step++) {
		const sl_flow_key key = key_number(rng() % n_keys);
		const auto found = model.find(bytes(key));
		const uint32_t want = found == model.end() ? SL_FLOW_NONE : found->second;
		ASSERT_EQ(t.lookup(key), want);
		if (want != SL_FLOW_NONE && rng() % 2) {
			sl_flow_remove(&t.f, want);
			model.erase(found);
		} else if (want == SL_FLOW_NONE) {
			const uint32_t index = t.insert(key);
			ASSERT_EQ(index == SL_FLOW_NONE, model.size() == places);
			if (index != SL_FLOW_NONE)
				model.emplace(bytes(key), index);
		}
		ASSERT_EQ(sl_flow_count(&t.f), model.size());
	}
	uint32_t in_use = 0;
	for (uint32_t i = 0; i < sl_flow_capacity(&t.f); i++) {
		if (!sl_flow_in_use(&t.f, i))
			continue;
		in_use++;
		ASSERT_EQ(model.at(bytes(t.at(i)->key)), i);
	}
	EXPECT_EQ(in_use, model.size());
}

TEST(FlowAgainstModel, RandomOperationsAgree)
{
	for (uint64_t seed = 1; seed <= 3; seed++) {
		Table t(5000, random_secret(seed));
		compare_with_model(t, seed, 15000, 5000, 200000);
	}
}

TEST(FlowAgainstModel, RandomOperationsAgreeWhereAllCollide)
{
	for (uint64_t seed = 1; seed <= 3; seed++) {
		Table roomy(64, all_collide), tight(11, all_collide);
		compare_with_model(roomy, seed, 40, 16, 100000);
		compare_with_model(tight, seed, 40, 11, 100000);
	}
}

TEST(FlowBurst, AnswersAsTheSingleLookUpForEveryLength)
{
	for (const secret &s : {random_secret(3), all_collide}) {
		Table t(4096, s);
		uint32_t stored = 0;
		while (stored < 4096 && t.insert(key_number(stored)) != SL_FLOW_NONE)
			stored++;
		std::mt19937_64 rng(5);
		for (unsigned n = 0; n <= 200; n++) {
			for (unsigned hits_of_four = 0; hits_of_four <= 4; hits_of_four++) {
				std::vector<sl_flow_key> keys;
				for (unsigned i = 0; i < n; i++)
					keys.push_back(key_number(rng() % 4 < hits_of_four
									  ? rng() % stored
									  : stored + rng() % 9999));
				const std::vector<uint32_t> out = t.lookup_burst(keys);
				for (unsigned i = 0; i < n; i++)
					ASSERT_EQ(out[i], t.lookup(keys[i])) << i << " of " << n;
			}
		}
	}
}

TEST(FlowKeys, EveryBitOfTheKeyCounts)
{
	for (const secret &s : {random_secret(4), all_collide}) {
		Table t(16, s);
		const sl_flow_key key = key_v4(0x0a000001, 4000, 7);
		const uint32_t index = t.insert(key);
		for (unsigned bit = 0; bit < 8 * sizeof(key); bit++) {
			sl_flow_key other = key;
			reinterpret_cast<uint8_t *>(&other)[bit / 8] ^= 1 << bit % 8;
			EXPECT_EQ(t.lookup(other), SL_FLOW_NONE) << bit;
			if (s != all_collide) {
				EXPECT_NE(t.hash(other), t.hash(key)) << bit;
			}
		}
		EXPECT_EQ(t.lookup(key), index);
	}
}

TEST(FlowKeys, BothDirectionsAndBothFamiliesFindTheirOwn)
{
	Table t(8);
	sl_flow_key v6 = key_v4(0, 4000);
	ASSERT_EQ(sl_addr_parse(&v6.outside_addr, "2001:db8::1"), 0);
	ASSERT_EQ(sl_addr_parse(&v6.inside_addr, "2001:db8::2"), 0);
	// The ends by side: what comes from the inside fills the same members.
	sl_flow_key from_inside = v6;
	sl_flow_key turned = v6;
	std::swap(turned.outside_addr, turned.inside_addr);
	std::swap(turned.outside_port, turned.inside_port);
	const uint32_t a = t.insert(v6), b = t.insert(key_v4(0x0a000001, 4000));
	const uint32_t c = t.insert(turned), d = t.insert(key_v4(0x0a000001, 4000, 1));
	EXPECT_EQ(t.lookup(from_inside), a);
	EXPECT_EQ(t.lookup(key_v4(0x0a000001, 4000)), b);
	EXPECT_EQ(t.lookup(turned), c);
	EXPECT_EQ(t.lookup(key_v4(0x0a000001, 4000, 1)), d);
	EXPECT_EQ(sl_flow_count(&t.f), 4u);
}

// Keys that share bucket and tag, but not the rest: only the comparison tells them apart.
TEST(FlowKeys, EqualTagsInOneBucketAreToldApart)
{
	Table t(8);
	std::unordered_map<uint32_t, std::vector<sl_flow_key>> alike;
	for (uint32_t i = 0; i < 600000; i++) {
		const uint32_t h = t.hash(key_number(i));
		alike[(h & 0xffff0000) | (h & t.f.bucket_mask)].push_back(key_number(i));
	}
	const auto most =
		std::max_element(alike.begin(), alike.end(), [](const auto &a, const auto &b) {
			return a.second.size() < b.second.size();
		});
	const std::vector<sl_flow_key> keys = most->second;
	ASSERT_GE(keys.size(), 9u);
	std::vector<uint32_t> index;
	for (unsigned i = 0; i < 8; i++)
		index.push_back(t.insert(keys[i]));
	for (unsigned i = 0; i < 8; i++)
		EXPECT_EQ(t.lookup(keys[i]), index[i]);
	EXPECT_EQ(t.lookup(keys[8]), SL_FLOW_NONE);
	EXPECT_EQ(t.lookup_burst(keys)[7], index[7]);
}

TEST(FlowHash, IsTheMultilinearFamilyUnderABijection)
{
	RecordProperty("source", "Lemire and Kaser 2014");
	const secret s = random_secret(6);
	Table t(8, s);
	const sl_flow_key key = key_v4(0xc6336401, 51234, 3);
	uint64_t m[11], sum;
	uint32_t words[10];
	memcpy(m, s.data(), sizeof(m));
	memcpy(words, &key, sizeof(words));
	sum = m[0];
	for (unsigned i = 0; i < 10; i++)
		sum += m[i + 1] * words[i];
	uint32_t h = static_cast<uint32_t>(sum >> 32);
	h ^= h >> 16;
	h *= 0x9e3779b1;
	h ^= h >> 15;
	EXPECT_EQ(t.hash(key), h);
}

TEST(FlowHash, IsThatOfTheServerAndTheClientTogether)
{
	std::mt19937 random(7);
	for (unsigned round = 0; round < 100; round++) {
		sl_flow f = {};
		const secret s = random_secret(round);
		alignas(SL_CACHE_LINE) static uint8_t memory[4096];
		ASSERT_LE(sl_flow_memory_size(8, SL_CACHE_LINE), sizeof(memory));
		ASSERT_EQ(sl_flow_init(&f, memory, 8, SL_CACHE_LINE, s.data()), 0);
		const sl_flow_key other =
			key_v4(static_cast<uint32_t>(random()), static_cast<uint16_t>(random()),
			       static_cast<uint32_t>(random()));
		for (const bool v6 : {false, true}) {
			sl_flow_key key = other;
			key.outside_port = static_cast<uint16_t>(random());
			for (unsigned i = v6 ? 0 : 12; i < 16; i++)
				key.outside_addr.b[i] = static_cast<uint8_t>(random());
			EXPECT_EQ(sl_flow_hash_client(&f, sl_flow_sum_server(&f, &other, v6), &key,
						      v6),
				  sl_flow_hash(&f, &key));
		}
	}
}

struct run_of_keys {
	const char *name;
	sl_flow_key (*key)(uint32_t i);
};

const run_of_keys runs[] = {
	{"ports of few hosts", key_number},
	{"hosts of one port", [](uint32_t i) { return key_v4(0x0a000000 + i, 40000); }},
	{"every other port of one host a network",
	 [](uint32_t i) { return key_v4(0x0a000000 + (i / 1024 << 8), 32768 + i % 1024 * 2); }},
	{"hosts first, then ports",
	 [](uint32_t i) { return key_v4(0x0a000000 + i % 1024, 1024 + i / 1024); }},
	{"domains", [](uint32_t i) { return key_v4(0x0a000001, 40000, i); }},
	{"interface numbers of one IPv6 network",
	 [](uint32_t i) {
		 sl_flow_key k = key_v4(0, 40000);
		 sl_addr_parse(&k.outside_addr, "2001:db8::");
		 memcpy(k.outside_addr.b + 12, &i, 4);
		 return k;
	 }},
};

// Full to the last entry at four entries a bucket: the fullest that a table can be.
TEST(FlowDistribution, NeighbouringKeysFillATableToTheLastEntry)
{
	const uint32_t n = 1u << 16;
	for (const run_of_keys &run : runs) {
		for (uint64_t seed = 1; seed <= 5; seed++) {
			Table t(n, random_secret(seed));
			ASSERT_EQ(t.f.bucket_mask + 1, n / 4);
			for (uint32_t i = 0; i < n; i++) {
				ASSERT_NE(t.insert(run.key(i)), SL_FLOW_NONE)
					<< run.name << ", secret " << seed << ", entry " << i;
			}
		}
	}
}

// Chi-squared of the first buckets, which a fair hash keeps within a few deviations of its mean.
TEST(FlowDistribution, NeighbouringKeysSpreadAsChanceWould)
{
	const uint32_t n = 1u << 16, buckets = n / 4;
	for (const run_of_keys &run : runs) {
		for (uint64_t seed = 1; seed <= 5; seed++) {
			Table t(n, random_secret(seed));
			std::vector<uint32_t> load(buckets);
			double chi = 0;
			for (uint32_t i = 0; i < n; i++)
				load[t.hash(run.key(i)) & t.f.bucket_mask]++;
			for (uint32_t l : load)
				chi += (l - 4.0) * (l - 4.0) / 4.0;
			EXPECT_LT(chi / buckets, 1.25) << run.name << ", secret " << seed;
		}
	}
}

} // namespace
