// SPDX-License-Identifier: BSD-3-Clause
// RACK-TLP: RFC 8985. When what was sent, against a model of single bytes; and an endpoint that
// finds losses by time.
#include <algorithm>
#include <random>

#include "endpoint.h"

extern "C" {
#include "rack.h"
#include "scoreboard.h"
}

namespace
{

struct Times {
	std::vector<uint32_t> us;
	std::vector<bool> again;
};

// Bytes of the model, and what the bounded structure says of them: never earlier than they were
// sent.
TEST(Sent, NoByteIsThoughtOlderThanItIs)
{
	for (unsigned seed = 0; seed < 300; seed++) {
		std::mt19937 random(seed);
		const bool many = seed % 2;
		const uint32_t base = random() % 3 ? static_cast<uint32_t>(random()) : 0xffffff80;
		Times model;
		tcp_sent s = {};
		uint32_t una = 0, now = 1000;
		for (unsigned step = 0; step < (many ? 400u : 40u); step++) {
			now += random() % 3;
			const auto max = static_cast<uint32_t>(model.us.size());
			const unsigned what = random() % 8;
			if (what < 3 || max == una) {
				const uint32_t n = 1 + random() % 20;
				model.us.insert(model.us.end(), n, now);
				model.again.insert(model.again.end(), n, false);
				tcp_sent_first(&s, base + max + n, now);
			} else if (what < 7) {
				const uint32_t left = una + random() % (max - una);
				const uint32_t right =
					left + 1 + random() % std::min(20u, max - left);
				tcp_sent_again(&s, base + left, base + right, now);
				for (uint32_t i = left; i < right; i++) {
					model.us[i] = now;
					model.again[i] = true;
				}
			} else {
				una += random() % (max - una);
				tcp_sent_forget(&s, base + una);
			}
			ASSERT_LE(s.n_marks, uint32_t(TCP_SENT_MARKS));
			ASSERT_LE(s.n_again, uint32_t(TCP_SENT_AGAIN));
			for (uint32_t i = una; i < model.us.size();) {
				uint32_t end;
				bool again;
				const auto top = base + static_cast<uint32_t>(model.us.size());
				const uint32_t us = tcp_sent_us(&s, base + i, top, &end, &again);
				ASSERT_TRUE(sl_seq_gt(end, base + i)) << seed;
				for (; i != end - base; i++) {
					if (many) {
						ASSERT_GE(us, model.us[i]) << seed;
					} else {
						ASSERT_EQ(us, model.us[i]) << seed;
						ASSERT_EQ(again, model.again[i]) << seed;
					}
				}
			}
		}
	}
}

class Rack : public ::testing::Test
{
      public:
	void TestBody() override
	{
	}

	// A connection with a round trip of 40 ms, and ten segments out.
	void open(uint32_t segments = 10)
	{
		e.options.rack = true;
		e.options.no_delay = true;
		e.open();
		e.run_ms(40);
		e.arrive(e.peer_syn(SL_SYN | SL_ACK));
		for (int i = 0; i < 4; i++) {
			e.send("x");
			e.run_ms(40);
			e.arrive(e.peer(0, ++acked));
		}
		e.sent.clear();
		e.send(pattern(0, segments * 1460));
		sent = static_cast<uint32_t>(e.sent.size());
		e.sent.clear();
	}
	uint32_t at(uint32_t segment) const
	{
		return acked + segment * 1460;
	}
	Segment sack(uint32_t from, uint32_t to) const
	{
		Segment s = e.peer(0, acked);
		s.sack = {{e.seq(at(from)), e.seq(at(to))}};
		return s;
	}
	// ms until it sent something.
	uint64_t wait(uint64_t most = 5000)
	{
		const uint64_t from = e.tcp.now_us;
		while (e.quiet() && e.tcp.now_us - from < most * 1000)
			e.run_ms(1);
		return (e.tcp.now_us - from) / 1000;
	}

	Endpoint e;
	uint32_t acked = 0, sent = 0;
};

TEST_F(Rack, OneThatIsOvertakenIsLostAQuarterOfARoundTripLater)
{
	RecordProperty("rfc", "8985 6.2");
	open();
	ASSERT_EQ(sent, 10u);
	e.run_ms(40);
	e.arrive(sack(1, 2)); // less than three segments: it may be reordering
	EXPECT_TRUE(e.quiet());
	EXPECT_NEAR(static_cast<double>(wait()), 10, 2);
	const Segment s = e.sent_next();
	EXPECT_EQ(s.seq, e.seq(at(0)));
	EXPECT_EQ(e.tcp.counts.timeouts, 0u);
	EXPECT_EQ(e.tcp.counts.fast_recoveries, 1u);
}

TEST_F(Rack, OneThatIsOnlyLateIsNotSentAgain)
{
	RecordProperty("rfc", "8985 6.2");
	open();
	e.run_ms(40);
	e.arrive(sack(1, 2));
	e.run_ms(5);
	e.arrive(e.peer(0, at(2)));
	e.sent.clear();
	e.run_ms(30);
	e.arrive(e.peer(0, at(10)));
	EXPECT_EQ(e.tcp.counts.retransmitted, 0u);
	EXPECT_TRUE(e.tcb.rack.reordering);
}

TEST_F(Rack, ThreeSegmentsMakeItHurry)
{
	RecordProperty("rfc", "8985 6.2");
	open();
	e.run_ms(40);
	e.arrive(sack(1, 4));
	ASSERT_FALSE(e.quiet());
	EXPECT_EQ(e.sent_next().seq, e.seq(at(0)));
}

TEST_F(Rack, ARetransmissionThatIsLostIsSentAgainBeforeTheTimeout)
{
	RecordProperty("rfc", "8985 6.2");
	open();
	e.options.send_buffer = 100000;
	e.run_ms(40);
	e.arrive(sack(1, 10));
	EXPECT_EQ(e.sent_next().seq, e.seq(at(0)));
	e.sent.clear();
	// New data follows it, and that arrives.
	e.run_ms(1);
	e.send(pattern(0, 3000));
	ASSERT_FALSE(e.quiet());
	e.sent.clear();
	e.run_ms(41);
	e.arrive(sack(1, 12));
	wait(100);
	ASSERT_FALSE(e.quiet());
	EXPECT_EQ(e.sent_next().seq, e.seq(at(0)));
	EXPECT_EQ(e.tcp.counts.timeouts, 0u);
}

TEST_F(Rack, WhatCameTwiceWidensTheWindowOfReordering)
{
	RecordProperty("rfc", "8985 6.2");
	open();
	EXPECT_EQ(e.tcb.rack.reo_mult, 1);
	Segment s = e.peer(0, at(2));
	s.sack = {{e.seq(at(0)), e.seq(at(1))}};
	e.arrive(s);
	EXPECT_EQ(e.tcb.rack.reo_mult, 2);
	e.arrive(s); // once a round trip
	EXPECT_EQ(e.tcb.rack.reo_mult, 2);
}

// Times are modulo 2^32 microseconds, which is 71 minutes: a window may be closed for longer.
TEST(RackTimes, WhatIsSentNowIsNotLostWhateverTookLong)
{
	for (uint32_t took_s = 1; took_s < 4300; took_s += 7) {
		const uint32_t sent = 4000000000u, now = sent + took_s * 1000000u;
		tcp_sent s = {};
		tcp_rack r;
		tcp_rack_init(&r);
		tcp_sent_first(&s, 1000, sent);
		tcp_rack_arrived(&r, &s, 500, 1000, now);
		EXPECT_GT(tcp_rack_remaining(&r, now, 0, 1000, true, now), 0u) << took_s;
	}
}

TEST_F(Rack, TheTailIsProbedAfterTwoRoundTrips)
{
	RecordProperty("rfc", "8985 7.3");
	open(3);
	// Nothing comes.
	EXPECT_NEAR(static_cast<double>(wait()), 130, 8);
	const Segment s = e.sent_next();
	EXPECT_EQ(s.seq, e.seq(at(2))) << "the last one";
	EXPECT_EQ(e.tcp.counts.tail_probes, 1u);
	EXPECT_EQ(e.tcp.counts.timeouts, 0u);
	// It brings a SACK that shows what is missing.
	e.run_ms(40);
	e.arrive(sack(2, 3));
	wait(100);
	EXPECT_EQ(e.sent_next().seq, e.seq(at(0)));
	EXPECT_EQ(e.tcp.counts.timeouts, 0u);
}

TEST_F(Rack, AProbeOfTheTailIsOne)
{
	RecordProperty("rfc", "8985 7.3");
	open(3);
	wait();
	e.sent.clear();
	EXPECT_GE(wait(), 900u) << "then the timeout";
	EXPECT_EQ(e.tcp.counts.tail_probes, 1u);
	EXPECT_EQ(e.tcp.counts.timeouts, 1u);
}

TEST_F(Rack, ATailThatAProbeRepairedWasALoss)
{
	RecordProperty("rfc", "8985 7.4");
	for (bool twice : {false, true}) {
		Rack r;
		r.open(3);
		r.wait();
		r.e.send(pattern(0, 2 * 1460));
		const uint32_t cwnd = r.e.tcb.cc.cwnd;
		Segment s = r.e.peer(0, r.at(4));
		if (twice) // the original had come as well
			s.sack = {{r.e.seq(r.at(2)), r.e.seq(r.at(3))}};
		r.e.arrive(s);
		EXPECT_EQ(r.e.tcp.counts.fast_recoveries, 0u);
		EXPECT_EQ(r.e.tcb.cc.cwnd < cwnd, !twice);
	}
}

TEST_F(Rack, ARepairedTailIsALossThoughAllIsAcknowledged)
{
	RecordProperty("rfc", "8985 7.4");
	open(3);
	wait();
	e.send(pattern(0, 3 * 1460));
	e.arrive(e.peer(0, at(6)));
	ASSERT_EQ(e.tcb.snd_una, e.tcb.snd_max);
	EXPECT_EQ(e.tcb.cc.ssthresh, 3u * 1460) << "half of what was in flight";
}

// All was acknowledged by what the probe repaired: whether that had been lost shows by what comes
// next.
TEST_F(Rack, ARepairedTailIsALossThoughNothingElseWasInFlight)
{
	RecordProperty("rfc", "8985 7.4");
	for (bool late : {false, true}) {
		Rack r;
		r.open(3);
		r.wait();
		r.e.arrive(r.e.peer(0, r.at(3)));
		ASSERT_EQ(r.e.tcb.snd_una, r.e.tcb.snd_max);
		const uint32_t ssthresh = r.e.tcb.cc.ssthresh;
		if (late) { // the original had been on its way
			Segment s = r.e.peer(0, r.at(3));
			s.sack = {{r.e.seq(r.at(2)), r.e.seq(r.at(3))}};
			r.e.arrive(s);
		}
		r.e.send(pattern(0, 1460));
		r.e.run_ms(20);
		r.e.arrive(r.e.peer(0, r.at(4)));
		EXPECT_EQ(r.e.tcb.cc.ssthresh < ssthresh, !late);
	}
}

TEST_F(Rack, AProbeThatFoundNoBufferIsNone)
{
	RecordProperty("rfc", "8985 7.4");
	open(3);
	e.no_buffers = true;
	e.run_ms(300);
	e.no_buffers = false;
	e.send(pattern(0, 1460));
	const uint32_t ssthresh = e.tcb.cc.ssthresh;
	e.arrive(e.peer(0, at(4)));
	EXPECT_EQ(e.tcp.counts.tail_probes, 0u);
	EXPECT_EQ(e.tcb.cc.ssthresh, ssthresh);
}

TEST_F(Rack, NewDataIsTheBetterProbe)
{
	RecordProperty("rfc", "8985 7.3");
	open(14);
	ASSERT_LT(sent, 14u) << "the congestion window holds the rest back";
	wait();
	const Segment s = e.sent_next();
	EXPECT_EQ(s.seq, e.seq(at(sent)));
}

// Without memory for it, losses are found all the same.
TEST(RackWithoutMemory, SacksAreEnough)
{
	Endpoint e(16);
	e.options.rack = true;
	e.to_established();
	std::vector<tcp_block *> hog;
	e.send(pattern(0, 14600));
	e.arrive(e.peer(0, 14600));
	e.sent.clear();
	while (tcp_pool_spare(&e.tcp.pool) > 0)
		hog.push_back(tcp_pool_take(&e.tcp.pool));
	tcp_pool_give(&e.tcp.pool, hog.back());
	hog.pop_back();
	e.send(pattern(0, 2000));
	for (tcp_block *b : hog)
		tcp_pool_give(&e.tcp.pool, b);
	e.send(pattern(0, 12000));
	e.sent.clear();
	Segment s = e.peer(0, 14600);
	s.sack = {{e.seq(16060), e.seq(23360)}};
	e.arrive(s);
	ASSERT_FALSE(e.quiet());
	EXPECT_EQ(e.sent_next().seq, e.seq(14600));
}

} // namespace
