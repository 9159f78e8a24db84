// SPDX-License-Identifier: BSD-3-Clause
// RFC 6298, rule by rule.
#include <gtest/gtest.h>

extern "C" {
#include "rtt.h"
}

namespace
{

class Rtt : public ::testing::Test
{
      protected:
	Rtt()
	{
		tcp_rtt_init(&r);
	}

	void sample(uint32_t us, uint32_t n = 1)
	{
		tcp_rtt_sample(&r, us, n, min_us, TCP_RTO_MAX_US);
	}

	uint32_t rto() const
	{
		return tcp_rtt_rto_us(&r, TCP_RTO_MAX_US);
	}

	tcp_rtt r;
	uint32_t min_us = 1;
};

TEST_F(Rtt, WithoutASampleASecond)
{
	RecordProperty("rfc", "6298 2.1");
	EXPECT_EQ(rto(), 1000000u);
}

TEST_F(Rtt, TheFirstSample)
{
	RecordProperty("rfc", "6298 2.2");
	sample(100000);
	EXPECT_EQ(r.srtt8 / 8, 100000u);
	EXPECT_EQ(r.rttvar4 / 4, 50000u);
	EXPECT_EQ(rto(), 300000u);
}

TEST_F(Rtt, LaterSamples)
{
	RecordProperty("rfc", "6298 2.3");
	sample(100000);
	sample(180000);
	// RTTVAR = 3/4 * 50 + 1/4 * |100 - 180| = 57.5; SRTT = 7/8 * 100 + 1/8 * 180 = 110
	EXPECT_EQ(r.srtt8 / 8, 110000u);
	EXPECT_EQ(r.rttvar4 / 4, 57500u);
	EXPECT_EQ(rto(), 110000u + 4 * 57500u);
	sample(10000);
	// 3/4 * 57.5 + 1/4 * 100 = 68.125; 7/8 * 110 + 1/8 * 10 = 97.5
	EXPECT_EQ(r.srtt8 / 8, 97500u);
	EXPECT_EQ(r.rttvar4 / 4, 68125u);
}

TEST_F(Rtt, NeverLessThanTheMinimumNorMoreThanTheMaximum)
{
	RecordProperty("rfc", "6298 2.4, 6298 2.5");
	min_us = TCP_RTO_MIN_US;
	sample(50);
	EXPECT_EQ(rto(), 1000000u);
	for (int i = 0; i < 50; i++)
		sample(UINT32_MAX);
	EXPECT_EQ(rto(), 60000000u);
}

TEST_F(Rtt, ASteadyPathStillLeavesTheClocksGrain)
{
	RecordProperty("rfc", "6298 2.3");
	for (int i = 0; i < 200; i++)
		sample(20000);
	EXPECT_EQ(r.srtt8 / 8, 20000u);
	EXPECT_GE(rto(), 20000u + TCP_CLOCK_US);
	EXPECT_LE(rto(), 20000u + 2 * TCP_CLOCK_US);
}

TEST_F(Rtt, BacksOffByDoublingAndASampleEndsIt)
{
	RecordProperty("rfc", "6298 5.5");
	sample(100000);
	for (uint32_t expect = 600000; expect < TCP_RTO_MAX_US; expect *= 2) {
		tcp_rtt_back_off(&r);
		EXPECT_EQ(rto(), expect);
	}
	for (int i = 0; i < 1000; i++)
		tcp_rtt_back_off(&r);
	EXPECT_EQ(rto(), uint32_t(TCP_RTO_MAX_US));
	sample(100000);
	EXPECT_LT(rto(), 300001u);
}

TEST_F(Rtt, AfterALostSynThreeSeconds)
{
	RecordProperty("rfc", "6298 5.7");
	tcp_rtt_back_off(&r);
	tcp_rtt_after_syn(&r);
	EXPECT_EQ(rto(), 3000000u);
	sample(100000);
	EXPECT_EQ(rto(), 300000u);
	// With a sample, or without a loss, it stays as it is.
	tcp_rtt_after_syn(&r);
	EXPECT_EQ(rto(), 300000u);
	tcp_rtt_init(&r);
	tcp_rtt_after_syn(&r);
	EXPECT_EQ(rto(), 1000000u);
}

TEST_F(Rtt, ManySamplesARoundTripCountForOne)
{
	RecordProperty("rfc", "7323 G");
	sample(100000);
	tcp_rtt once = r;
	tcp_rtt_sample(&once, 180000, 1, 1, TCP_RTO_MAX_US);
	for (int i = 0; i < 10; i++)
		sample(180000, 10);
	EXPECT_NEAR(r.srtt8 / 8, once.srtt8 / 8, 1000);
	EXPECT_NEAR(r.rttvar4 / 4, once.rttvar4 / 4, 3000);
}

} // namespace
