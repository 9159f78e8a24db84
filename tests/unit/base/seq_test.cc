// SPDX-License-Identifier: BSD-3-Clause
#include <gtest/gtest.h>

#include "sl_seq.h"

namespace
{

const uint32_t starts[] = {0, 1, 1000, 0x7fffffff, 0x80000000, 0xfffffff0, 0xffffffff};
const uint32_t half = 0x80000000;

TEST(SequenceNumbers, OrderHoldsAcrossTheWrapUpToHalfTheSpace)
{
	RecordProperty("rfc", "9293 section 3.4");
	for (uint32_t a : starts) {
		for (uint32_t ahead : {1u, 2u, 65535u, 0x40000000u, half - 1}) {
			const uint32_t b = a + ahead;
			EXPECT_TRUE(sl_seq_lt(a, b)) << a << " " << b;
			EXPECT_TRUE(sl_seq_leq(a, b)) << a << " " << b;
			EXPECT_FALSE(sl_seq_gt(a, b)) << a << " " << b;
			EXPECT_FALSE(sl_seq_geq(a, b)) << a << " " << b;
			EXPECT_FALSE(sl_seq_lt(b, a)) << a << " " << b;
			EXPECT_FALSE(sl_seq_leq(b, a)) << a << " " << b;
			EXPECT_TRUE(sl_seq_gt(b, a)) << a << " " << b;
			EXPECT_TRUE(sl_seq_geq(b, a)) << a << " " << b;
			EXPECT_EQ(sl_seq_max(a, b), b);
			EXPECT_EQ(sl_seq_max(b, a), b);
		}
	}
}

TEST(SequenceNumbers, ANumberEqualsItself)
{
	for (uint32_t a : starts) {
		EXPECT_FALSE(sl_seq_lt(a, a));
		EXPECT_TRUE(sl_seq_leq(a, a));
		EXPECT_FALSE(sl_seq_gt(a, a));
		EXPECT_TRUE(sl_seq_geq(a, a));
		EXPECT_EQ(sl_seq_max(a, a), a);
	}
}

TEST(SequenceNumbers, BetweenIncludesBothEndsAndWraps)
{
	for (uint32_t lo : starts) {
		for (uint32_t length : {0u, 1u, 65535u, 0xc0000000u}) {
			const uint32_t hi = lo + length;
			EXPECT_TRUE(sl_seq_between(lo, lo, hi)) << lo << " + " << length;
			EXPECT_TRUE(sl_seq_between(hi, lo, hi)) << lo << " + " << length;
			EXPECT_TRUE(sl_seq_between(lo + length / 2, lo, hi))
				<< lo << " + " << length;
			EXPECT_FALSE(sl_seq_between(lo - 1, lo, hi)) << lo << " + " << length;
			EXPECT_FALSE(sl_seq_between(hi + 1, lo, hi)) << lo << " + " << length;
		}
	}
}

} // namespace
