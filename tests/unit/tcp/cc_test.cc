// SPDX-License-Identifier: BSD-3-Clause
// Congestion windows by their RFCs.
#include <gtest/gtest.h>

#include <cmath>

extern "C" {
#include "cc.h"
}

namespace
{

class Cc : public ::testing::Test
{
      protected:
	void begin(tcp_cc_kind kind, uint16_t smss = 1000, bool syn_lost = false)
	{
		tcp_cc_init(&cc, kind, smss, syn_lost);
	}

	// A round trip in which all that fits the window is sent and acknowledged, an ACK for each
	// two segments.
	void round(uint32_t rtt_ms = 100)
	{
		const uint32_t flight = cc.cwnd;
		const unsigned acks = (flight / cc.smss + 1) / 2;
		for (unsigned i = 0; i < acks; i++)
			tcp_cc_acked(&cc, flight / acks, now + rtt_ms * i / acks, rtt_ms);
		now += rtt_ms;
	}

	tcp_cc cc;
	uint32_t now = 0xffffff00;
};

TEST_F(Cc, InitialWindow)
{
	RecordProperty("rfc", "6928 2");
	EXPECT_EQ(tcp_cc_initial_window(1460), 14600u);
	EXPECT_EQ(tcp_cc_initial_window(536), 5360u);
	EXPECT_EQ(tcp_cc_initial_window(8960), 17920u);
	EXPECT_EQ(tcp_cc_initial_window(2000), 14600u);
	begin(TCP_CC_NEWRENO, 1460);
	EXPECT_EQ(cc.cwnd, 14600u);
	begin(TCP_CC_NEWRENO, 1460, true);
	EXPECT_EQ(cc.cwnd, 1460u) << "RFC 5681 section 3.1: a SYN was lost";
}

TEST_F(Cc, SlowStartDoublesEachRoundTrip)
{
	RecordProperty("rfc", "5681 3.1");
	for (const tcp_cc_kind kind : {TCP_CC_NEWRENO, TCP_CC_CUBIC}) {
		begin(kind);
		round();
		EXPECT_EQ(cc.cwnd, 20000u);
		round();
		EXPECT_EQ(cc.cwnd, 40000u);
		// An ACK of much more at once does not burst: RFC 3465 section 2.2.
		tcp_cc_acked(&cc, 30000, now, 100);
		EXPECT_EQ(cc.cwnd, 42000u);
	}
}

TEST_F(Cc, RenoGrowsBySegmentARoundTrip)
{
	RecordProperty("rfc", "5681 3.1");
	begin(TCP_CC_NEWRENO);
	cc.cwnd = cc.ssthresh = 20000;
	for (unsigned i = 1; i <= 50; i++) {
		round();
		EXPECT_NEAR(cc.cwnd, 20000u + i * 1000, 1000);
	}
}

TEST_F(Cc, RenoHalvesWhatIsInFlight)
{
	RecordProperty("rfc", "5681 3.2");
	begin(TCP_CC_NEWRENO);
	cc.cwnd = 50000;
	tcp_cc_lost(&cc, 40000);
	EXPECT_EQ(cc.ssthresh, 20000u);
	EXPECT_EQ(cc.cwnd, 20000u);
	tcp_cc_lost(&cc, 1500);
	EXPECT_EQ(cc.ssthresh, 2000u) << "two segments at least";
}

TEST_F(Cc, ATimeoutLeavesOneSegment)
{
	RecordProperty("rfc", "5681 3.1");
	for (const tcp_cc_kind kind : {TCP_CC_NEWRENO, TCP_CC_CUBIC}) {
		begin(kind);
		cc.cwnd = 50000;
		tcp_cc_timeout(&cc, 40000, false);
		EXPECT_EQ(cc.cwnd, 1000u);
		const uint32_t ssthresh = cc.ssthresh;
		EXPECT_EQ(ssthresh, kind == TCP_CC_CUBIC ? 28000u : 20000u);
		tcp_cc_timeout(&cc, 1000, true);
		EXPECT_EQ(cc.ssthresh, ssthresh) << "the same segment again";
		EXPECT_EQ(cc.cwnd, 1000u);
		while (cc.cwnd < cc.ssthresh)
			round();
		EXPECT_GE(cc.cwnd, ssthresh);
	}
}

TEST_F(Cc, AfterIdlenessTheInitialWindow)
{
	RecordProperty("rfc", "5681 4.1");
	begin(TCP_CC_CUBIC);
	cc.cwnd = 500000;
	tcp_cc_idle(&cc);
	EXPECT_EQ(cc.cwnd, 10000u);
	cc.cwnd = 3000;
	tcp_cc_idle(&cc);
	EXPECT_EQ(cc.cwnd, 3000u) << "never more than it was";
}

TEST_F(Cc, CubicIsBackAfterKAndFlatThere)
{
	RecordProperty("rfc", "9438 4.2");
	begin(TCP_CC_CUBIC);
	cc.cwnd = 1000000; // 1000 segments, a round trip of 100 ms
	tcp_cc_lost(&cc, 1000000);
	EXPECT_EQ(cc.cwnd, 700000u) << "beta = 0.7";
	const double k = std::cbrt(300 / 0.4); // 9.09 s
	uint32_t began = now, before = 0;
	round();
	while (now - began < k * 1000) {
		const double t = (now - began) / 1000.0, expected = 0.4 * std::pow(t - k, 3) + 1000;
		EXPECT_NEAR(cc.cwnd / 1000.0, expected, 15) << t;
		EXPECT_LE(cc.cwnd, 1001000u) << "concave up to W_max";
		before = cc.cwnd;
		round();
	}
	EXPECT_NEAR(cc.cwnd, 1000000, 5000);
	EXPECT_LT(cc.cwnd - before, 1500u) << "flat at W_max";
	while (now - began < 2 * k * 1000)
		round();
	EXPECT_NEAR(cc.cwnd, 1300000, 25000) << "convex beyond it";
}

TEST_F(Cc, CubicIsNoSlowerThanReno)
{
	RecordProperty("rfc", "9438 4.3");
	begin(TCP_CC_CUBIC);
	cc.cwnd = 20000; // a short round trip: here Reno's window grows faster
	tcp_cc_lost(&cc, 20000);
	EXPECT_EQ(cc.cwnd, 14000u);
	uint32_t rounds = 0;
	while (cc.cwnd < 20000) {
		round(5);
		ASSERT_LT(rounds++, 100u);
	}
	// 6 segments at 9/17 of one a round trip.
	EXPECT_NEAR(rounds, 6 * 17 / 9, 2);
	const uint32_t from = cc.cwnd;
	for (unsigned i = 0; i < 10; i++)
		round(5);
	EXPECT_NEAR(cc.cwnd, from + 10000, 1500) << "then one a round trip";
}

TEST_F(Cc, CubicLeavesRoomToOthers)
{
	RecordProperty("rfc", "9438 4.7");
	begin(TCP_CC_CUBIC);
	cc.cwnd = 1000000;
	tcp_cc_lost(&cc, 1000000);
	EXPECT_EQ(cc.w_max, 1000000u);
	cc.cwnd = 800000; // less than W_max when the next loss comes
	tcp_cc_lost(&cc, 800000);
	EXPECT_EQ(cc.w_max, 680000u);
}

TEST_F(Cc, NothingOverflows)
{
	for (const tcp_cc_kind kind : {TCP_CC_NEWRENO, TCP_CC_CUBIC}) {
		for (const uint16_t smss : {uint16_t(1), uint16_t(64), uint16_t(65495)}) {
			begin(kind, smss);
			cc.ssthresh = 10u * smss;
			for (unsigned i = 0; i < 20000; i++) {
				tcp_cc_acked(&cc, 1u << (i % 31), now += (i % 7) * 1000000,
					     i % 2 ? 1 : 3600000);
				ASSERT_LE(cc.cwnd, 1u << 30);
				ASSERT_GE(cc.cwnd, smss);
				if (i % 1000 == 999)
					tcp_cc_lost(&cc, cc.cwnd);
			}
		}
	}
}

TEST(Cubic, TimeInWhichTheWindowWasNotInUseDoesNotCount)
{
	RecordProperty("rfc", "9438 5.8");
	tcp_cc cc;
	tcp_cc_init(&cc, TCP_CC_CUBIC, 1460, false);
	cc.cwnd = 100 * 1460;
	tcp_cc_lost(&cc, cc.cwnd);
	tcp_cc_acked(&cc, 1460, 1000, 100);
	const uint32_t before = cc.cwnd;
	for (uint32_t acked = 0; acked < before; acked += 1460)
		tcp_cc_acked(&cc, 1460, 601000, 100);
	EXPECT_LT(cc.cwnd, before + 10 * 1460);
}

} // namespace
