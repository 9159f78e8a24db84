// SPDX-License-Identifier: BSD-3-Clause
#include "cable.h"

#include <algorithm>
#include <cmath>

using namespace impair_test;

namespace
{

bool same(const impair_fate &a, const impair_fate &b)
{
	return a.lost == b.lost && a.duplicated == b.duplicated && a.corrupted == b.corrupted &&
	       a.bit == b.bit && a.span == b.span && a.jitter_ns == b.jitter_ns;
}

impair_settings everything()
{
	impair_settings s = nothing();
	s.loss = percent(2);
	s.duplicate = percent(1);
	s.reorder = percent(5);
	s.corrupt = percent(0.1);
	s.jitter_ns = 5 * ms;
	return s;
}

TEST(ImpairFate, SharesAreWhatWasAskedFor)
{
	const impair_settings s = everything();
	const double n = 1e6;
	double lost = 0, duplicated = 0, reordered = 0, corrupted = 0;

	for (uint64_t i = 0; i < n; i++) {
		const impair_fate fate = impair_fate_of(&s, 42, i);
		lost += fate.lost;
		duplicated += fate.duplicated;
		reordered += fate.span > 0;
		corrupted += fate.corrupted;
	}
	// Five standard deviations.
	const auto off = [n](double share) { return 5 * std::sqrt(n * share * (1 - share)); };
	EXPECT_NEAR(lost, n * 0.02, off(0.02));
	EXPECT_NEAR(duplicated, n * 0.01, off(0.01));
	EXPECT_NEAR(reordered, n * 0.05, off(0.05));
	EXPECT_NEAR(corrupted, n * 0.001, off(0.001));
}

TEST(ImpairFate, AllIsAllAndNothingIsNothing)
{
	impair_settings s = nothing();
	for (uint64_t i = 0; i < 100000; i++)
		ASSERT_TRUE(same(impair_fate_of(&s, 1, i), impair_fate{}));
	s.loss = s.duplicate = s.corrupt = s.reorder = percent(100);
	for (uint64_t i = 0; i < 100000; i++) {
		const impair_fate fate = impair_fate_of(&s, 1, i);
		ASSERT_TRUE(fate.lost && fate.duplicated && fate.corrupted && fate.span > 0);
	}
}

TEST(ImpairFate, SameSeedMeansSameFatesAndAnotherSeedOthers)
{
	const impair_settings s = everything();
	unsigned different = 0;

	for (uint64_t i = 0; i < 10000; i++) {
		ASSERT_TRUE(same(impair_fate_of(&s, 42, i), impair_fate_of(&s, 42, i)));
		different += !same(impair_fate_of(&s, 42, i), impair_fate_of(&s, 43, i));
	}
	EXPECT_GT(different, 9000u);
}

TEST(ImpairFate, DirectionsDifferButBothFollowTheSeed)
{
	EXPECT_NE(impair_fate_seed(7, 0), impair_fate_seed(7, 1));
	EXPECT_NE(impair_fate_seed(7, 0), impair_fate_seed(8, 0));
	// The other direction of one seed is no direction of its neighbour.
	EXPECT_NE(impair_fate_seed(7, 1), impair_fate_seed(8, 0));
	EXPECT_EQ(impair_fate_seed(7, 1), impair_fate_seed(7, 1));
}

TEST(ImpairFate, OneMishapLeavesTheOthersWhereTheyWere)
{
	impair_settings with = everything(), without = everything();
	without.duplicate = without.corrupt = 0;

	for (uint64_t i = 0; i < 100000; i++) {
		const impair_fate a = impair_fate_of(&with, 42, i);
		const impair_fate b = impair_fate_of(&without, 42, i);
		ASSERT_EQ(a.lost, b.lost);
		ASSERT_EQ(a.span, b.span);
		ASSERT_EQ(a.jitter_ns, b.jitter_ns);
	}
}

TEST(ImpairFate, SpansAndJitterFillTheirRange)
{
	impair_settings s = everything();
	std::vector<unsigned> spans(5);
	int64_t least = 0, most = 0;
	double sum = 0;

	s.reorder = percent(100);
	s.reorder_span = 4;
	for (uint64_t i = 0; i < 100000; i++) {
		const impair_fate fate = impair_fate_of(&s, 42, i);
		ASSERT_GE(fate.span, 1u);
		ASSERT_LE(fate.span, 4u);
		spans[fate.span]++;
		least = std::min(least, fate.jitter_ns);
		most = std::max(most, fate.jitter_ns);
		sum += static_cast<double>(fate.jitter_ns);
	}
	for (unsigned span = 1; span <= 4; span++)
		EXPECT_NEAR(spans[span], 25000, 700);
	EXPECT_GE(least, -static_cast<int64_t>(5 * ms));
	EXPECT_LT(least, -static_cast<int64_t>(4.9 * ms));
	EXPECT_LE(most, static_cast<int64_t>(5 * ms));
	EXPECT_GT(most, static_cast<int64_t>(4.9 * ms));
	EXPECT_NEAR(sum / 100000, 0, 0.05 * ms);
}

} // namespace
