// SPDX-License-Identifier: BSD-3-Clause
#include <gtest/gtest.h>

#include "sl_l2.h"

#include <algorithm>
#include <memory>
#include <random>
#include <set>
#include <utility>
#include <vector>

namespace
{

// The i-th of many different headers, of any of the three lengths.
sl_l2 header(unsigned i)
{
	sl_l2 l2 = {};
	l2.len = static_cast<uint8_t>(14 + 4 * (i % 3));
	memcpy(l2.bytes + 8, &i, sizeof(i));
	return l2;
}

struct L2 : testing::Test {
	L2()
	{
		memset(t.get(), 0xa5, sizeof(*t));
		sl_l2_init(t.get());
	}

	std::unique_ptr<sl_l2_table> t{new sl_l2_table};
};

TEST_F(L2, EqualHeadersHaveOneNumber)
{
	const sl_l2 a = header(0), b = header(3);
	const uint16_t n = sl_l2_get(t.get(), &a);
	ASSERT_NE(n, SL_L2_NONE);
	EXPECT_EQ(sl_l2_get(t.get(), &a), n);
	EXPECT_EQ(t->entry[n].refs, 2u);
	EXPECT_EQ(t->entry[n].l2.len, a.len);
	EXPECT_EQ(memcmp(t->entry[n].l2.bytes, a.bytes, a.len), 0);
	EXPECT_NE(sl_l2_get(t.get(), &b), n);
}

TEST_F(L2, BytesBehindTheLengthDoNotCount)
{
	sl_l2 a = header(0), b = a;
	b.bytes[a.len] = 0x77;
	EXPECT_EQ(sl_l2_get(t.get(), &a), sl_l2_get(t.get(), &b));
}

TEST_F(L2, SameBytesOfAnotherLengthAreAnother)
{
	sl_l2 a = header(0), b = a;
	b.len = 18;
	EXPECT_NE(sl_l2_get(t.get(), &a), sl_l2_get(t.get(), &b));
}

TEST_F(L2, EveryReferenceMustBeGivenBack)
{
	const sl_l2 a = header(0), b = header(1);
	const uint16_t n = sl_l2_get(t.get(), &a);
	EXPECT_EQ(sl_l2_get(t.get(), &a), n);
	sl_l2_put(t.get(), n);
	EXPECT_EQ(sl_l2_get(t.get(), &a), n) << "still there";
	sl_l2_put(t.get(), n);
	sl_l2_put(t.get(), n);
	EXPECT_EQ(sl_l2_get(t.get(), &b), n) << "its place is free again";
}

TEST_F(L2, NoneIsFineToGiveBack)
{
	sl_l2_put(t.get(), SL_L2_NONE);
	const sl_l2 a = header(0);
	EXPECT_NE(sl_l2_get(t.get(), &a), SL_L2_NONE);
}

TEST_F(L2, FullTableRefusesTheNewAndServesTheOld)
{
	std::vector<uint16_t> numbers;
	for (unsigned i = 0; i < SL_L2_ENTRIES - 1; i++) {
		const sl_l2 l2 = header(i);
		numbers.push_back(sl_l2_get(t.get(), &l2));
	}
	EXPECT_EQ(std::set<uint16_t>(numbers.begin(), numbers.end()).size(), numbers.size());
	EXPECT_EQ(std::count(numbers.begin(), numbers.end(), SL_L2_NONE), 0);
	const sl_l2 old = header(5), fresh = header(SL_L2_ENTRIES);
	EXPECT_EQ(sl_l2_get(t.get(), &fresh), SL_L2_NONE);
	EXPECT_EQ(sl_l2_get(t.get(), &old), numbers[5]);
	sl_l2_put(t.get(), numbers[5]);
	EXPECT_EQ(sl_l2_get(t.get(), &fresh), SL_L2_NONE);
	sl_l2_put(t.get(), numbers[5]);
	EXPECT_EQ(sl_l2_get(t.get(), &fresh), numbers[5]);
}

TEST_F(L2, HeadersOfOneLanSpreadOverTheBuckets)
{
	std::vector<unsigned> in_bucket(SL_L2_BUCKETS);
	for (unsigned i = 0; i < SL_L2_ENTRIES - 1; i++) {
		sl_l2 l2 = header(0);
		l2.bytes[10] = static_cast<uint8_t>(i >> 8);
		l2.bytes[11] = static_cast<uint8_t>(i);
		in_bucket[t->entry[sl_l2_get(t.get(), &l2)].bucket]++;
	}
	EXPECT_LT(*std::max_element(in_bucket.begin(), in_bucket.end()), 24u);
}

TEST_F(L2, AgreesWithAModelThroughManyGetsAndPuts)
{
	std::mt19937 rng(3);
	std::vector<std::pair<unsigned, uint16_t>> held; // header, number
	for (unsigned i = 0; i < 200000; i++) {
		if (held.size() < 300 && rng() % 2 == 0) {
			const unsigned which = rng() % 100;
			const sl_l2 l2 = header(which);
			const uint16_t n = sl_l2_get(t.get(), &l2);
			for (const auto &h : held)
				ASSERT_EQ(h.first == which, h.second == n);
			held.emplace_back(which, n);
		} else if (!held.empty()) {
			std::swap(held[rng() % held.size()], held.back());
			sl_l2_put(t.get(), held.back().second);
			held.pop_back();
		}
	}
	for (const auto &h : held)
		sl_l2_put(t.get(), h.second);
	for (uint16_t first : t->bucket)
		EXPECT_EQ(first, SL_L2_NONE);
}

// A frame's header and that of the way back; one that begins like frame() of another number does
// not.
std::vector<uint8_t> frame(unsigned i)
{
	std::vector<uint8_t> f(SL_L2_MAX, 0);
	f[5] = static_cast<uint8_t>(i);
	f[11] = 0x80;
	return f;
}

TEST_F(L2, BothWaysAreAgreedUponThroughManyGetsAndPuts)
{
	std::mt19937 rng(4);
	struct Held {
		unsigned which;
		uint16_t there, back;
	};
	std::vector<Held> held;
	for (unsigned i = 0; i < 100000; i++) {
		if (held.size() < 6 && rng() % 2 == 0) {
			const unsigned which = rng() % 3;
			const std::vector<uint8_t> f = frame(which);
			Held h{which, SL_L2_NONE, SL_L2_NONE};
			ASSERT_TRUE(sl_l2_get_both(t.get(), f.data(), 14, &h.there, &h.back));
			const sl_l2 &there = t->entry[h.there].l2, &back = t->entry[h.back].l2;
			ASSERT_EQ(memcmp(there.bytes, f.data(), 14), 0);
			ASSERT_EQ(memcmp(back.bytes, f.data() + 6, 6), 0);
			ASSERT_EQ(memcmp(back.bytes + 6, f.data(), 6), 0);
			for (const Held &other : held)
				ASSERT_EQ(other.which == which,
					  other.there == h.there && other.back == h.back);
			held.push_back(h);
		} else if (!held.empty()) {
			std::swap(held[rng() % held.size()], held.back());
			sl_l2_put(t.get(), held.back().there);
			sl_l2_put(t.get(), held.back().back);
			held.pop_back();
			uint32_t refs = 0;
			for (const sl_l2_entry &e : t->entry)
				refs += &e == &t->entry[0] ? 0 : e.refs;
			ASSERT_EQ(refs, 2 * held.size());
		}
	}
}

TEST_F(L2, AFullTableGivesNeitherWay)
{
	for (unsigned i = 0; i < SL_L2_ENTRIES - 2; i++) {
		const sl_l2 l2 = header(i);
		ASSERT_NE(sl_l2_get(t.get(), &l2), SL_L2_NONE);
	}
	const std::vector<uint8_t> f = frame(1);
	uint16_t there = 7, back = 7;
	EXPECT_FALSE(sl_l2_get_both(t.get(), f.data(), 14, &there, &back));
	EXPECT_EQ(there, SL_L2_NONE);
	EXPECT_EQ(back, SL_L2_NONE);
	sl_l2 last = {};
	last.len = 14;
	last.bytes[0] = 1;
	EXPECT_NE(sl_l2_get(t.get(), &last), SL_L2_NONE) << "the one place that is left is free";
}

} // namespace
