// SPDX-License-Identifier: BSD-3-Clause
#include "sl_time_wait.h"

#include <gtest/gtest.h>

namespace
{

constexpr uint32_t kSeq = 0xfffffffe, kTsval = 0x7fffffff;

bool yields(bool used, bool would, int32_t tsval_off, int32_t seq_off)
{
	return sl_time_wait_yields({kSeq, kTsval, used},
				   {kSeq + static_cast<uint32_t>(seq_off),
				    kTsval + static_cast<uint32_t>(tsval_off), would});
}

} // namespace

TEST(TimeWait, NewerTimestampFollowsWhateverTheNumbers)
{
	RecordProperty("rfc", "6191 2");
	for (const int32_t seq : {-100000, 0, 1, 100000}) {
		EXPECT_TRUE(yields(true, true, 1, seq));
		EXPECT_TRUE(yields(true, true, 1 << 30, seq));
		EXPECT_FALSE(yields(true, true, -1, seq));
	}
}

TEST(TimeWait, EqualTimestampIsJudgedByTheNumber)
{
	RecordProperty("rfc", "6191 2");
	EXPECT_TRUE(yields(true, true, 0, 1)) << "greater than the last number seen";
	EXPECT_FALSE(yields(true, true, 0, 0));
	EXPECT_FALSE(yields(true, true, 0, -1));
}

TEST(TimeWait, TimestampsFollowAnIncarnationWithout)
{
	RecordProperty("rfc", "6191 2");
	EXPECT_TRUE(yields(false, true, -5, -100000));
}

TEST(TimeWait, WithoutTimestampsTheNumberJudges)
{
	RecordProperty("rfc", "6191 2, 9293 MAY-2");
	for (const bool used : {false, true}) {
		EXPECT_TRUE(yields(used, false, 5, 1));
		EXPECT_TRUE(yields(used, false, -5, 100000));
		EXPECT_FALSE(yields(used, false, 5, 0));
		EXPECT_FALSE(yields(used, false, 5, -100000));
	}
}
