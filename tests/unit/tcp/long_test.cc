// SPDX-License-Identifier: BSD-3-Clause
// Connections that last: sequence numbers and times go round, and what was noted long ago must not
// come to lie ahead of what happens now.
#include <algorithm>

#include "endpoint.h"

namespace
{

const uint64_t kHalfTheNumbers = 2300000000u;

class Lasting : public ::testing::Test
{
      protected:
	// All that is in flight arrives at the peer.
	void take_all()
	{
		do
			e.arrive(e.peer(in, e.tcb.snd_max - e.seq(0)));
		while (e.tcb.snd_una != e.tcb.snd_max || sl_tcp_unsent(&e.tcb) > 0);
		e.sent.clear();
	}
	// So much goes to the peer, without a loss.
	void send_much(uint64_t bytes)
	{
		const std::string chunk(60000, 'x');
		while (bytes > 0) {
			const uint32_t n = sl_tcp_send(&e.tcp, &e.tcb, chunk.data(), 60000, false);
			e.output();
			e.sent.clear();
			e.arrive(e.peer(in, e.tcb.snd_max - e.seq(0)));
			e.sent.clear();
			bytes -= std::min<uint64_t>(bytes, n);
		}
		take_all();
	}
	// The peer sends a byte.
	void hear(uint32_t acked)
	{
		e.arrive(e.peer(in++, acked, "x"));
		e.receive();
	}

	Endpoint e;
	uint32_t in = 0; // bytes that came
};

TEST_F(Lasting, AFastRetransmitComesGigabytesAfterTheLast)
{
	RecordProperty("rfc", "5681 3.2");
	e.sack = false;
	e.to_established();
	send_much(kHalfTheNumbers);
	e.send(pattern(0, 14600));
	for (unsigned i = 0; i < 3; i++)
		e.arrive(e.peer(0, e.tcb.snd_una - e.seq(0)));
	EXPECT_EQ(e.tcp.counts.fast_recoveries, 1u);
}

TEST_F(Lasting, UrgentDataIsAnnouncedGigabytesAfterTheLast)
{
	RecordProperty("rfc", "9293 MUST-32");
	e.to_established();
	const std::string chunk(32000, 'x');
	for (uint64_t got = 0; got < kHalfTheNumbers; got += chunk.size()) {
		e.arrive(e.peer(in, 0, chunk));
		in += static_cast<uint32_t>(chunk.size());
		sl_tcp_received(&e.tcp, &e.tcb, static_cast<uint32_t>(chunk.size()));
		e.output();
		e.sent.clear();
	}
	e.tcb.events = 0;
	Segment s = e.peer(in, 0, "u", SL_ACK | SL_URG);
	s.urgent = 1;
	e.arrive(s);
	EXPECT_TRUE(e.event(SL_TCP_EVENT_URGENT));
	EXPECT_EQ(e.tcb.rcv_up, e.peer_seq(in + 1));
	e.receive();
	EXPECT_FALSE(e.tcb.urgent_in) << "it has been read";
}

class LastingRack : public Lasting
{
      protected:
	LastingRack()
	{
		e.options.rack = true;
	}
};

TEST_F(LastingRack, WhatArrivedBeforeALongDownloadSaysNothingOfNow)
{
	RecordProperty("rfc", "8985 6.2");
	e.to_established();
	e.send("a");
	e.run_ms(20);
	e.arrive(e.peer(0, 1));
	for (unsigned i = 0; i < 24; i++) { // 40 minutes
		e.run_ms(100000);
		hear(1);
	}
	for (uint32_t sent = 1; sent < 50000; sent += 1000) {
		e.send(pattern(sent, 1000));
		e.run_ms(25);
		hear(sent); // it crosses ours
		e.run_ms(5);
		e.arrive(e.peer(in, sent + 1000));
	}
	EXPECT_EQ(e.tcp.counts.fast_recoveries, 0u);
}

// A peer that keeps its window closed makes us send no more than probes, however long.
TEST_F(LastingRack, AClosedWindowIsProbedForAnHourAndNoMore)
{
	RecordProperty("rfc", "9293 MUST-37");
	e.to_established();
	e.send("a");
	e.run_ms(1);
	e.wnd = 0;
	e.arrive(e.peer(0, 1));
	e.send(pattern(1, 1000));
	const uint64_t end = e.tcp.now_us + 75ull * 60 * 1000000;
	unsigned sent = 0;
	while (e.tcp.now_us < end && sent < 1000) {
		if (e.sent.empty()) {
			e.tcp.now_us = std::max(e.tcp.now_us, sl_tcp_next_deadline(&e.tcp, &e.tcb));
			sl_tcp_timeouts(&e.tcp, &e.tcb);
			e.output();
			continue;
		}
		e.sent.clear();
		sent++;
		e.run_ms(1);
		e.arrive(e.peer(0, 1));
	}
	EXPECT_LT(sent, 120u);
	EXPECT_EQ(e.tcp.counts.fast_recoveries, 0u);
}

TEST_F(LastingRack, AFlightThatIsNeverEmptyForLongIsTimedAfreshAfterwards)
{
	RecordProperty("rfc", "8985 6.2");
	e.to_established();
	e.send(pattern(0, 1000));
	e.run_ms(20);
	e.arrive(e.peer(0, 1000));
	e.send(pattern(1000, 1000));
	e.run_ms(4500); // a timeout: from here on nothing is timed
	ASSERT_GT(e.tcp.counts.timeouts, 0u);
	uint32_t sent = 2000;
	for (unsigned i = 0; i < 40 * 60 * 10; i++) {
		sent += e.send(pattern(sent, 500));
		sent += e.send(pattern(sent, 500));
		e.run_ms(100);
		e.arrive(e.peer(0, e.tcb.snd_max - e.seq(0) - 300));
		e.sent.clear();
	}
	take_all();
	const uint64_t before = e.tcp.counts.fast_recoveries;
	for (unsigned i = 0; i < 20; i++) {
		const uint32_t acked = e.tcb.snd_max - e.seq(0);
		e.send(pattern(acked, 2920));
		e.run_ms(22);
		e.arrive(e.peer(0, acked + 1460)); // the second a little later
		e.run_ms(5);
		take_all();
	}
	EXPECT_EQ(e.tcp.counts.fast_recoveries, before);
}

// Of what came twice: a mark that is gigabytes old says nothing of this round trip.
TEST_F(LastingRack, ADuplicateCountsGigabytesAfterTheLast)
{
	RecordProperty("rfc", "8985 6.2");
	e.to_established();
	uint32_t una = 0, max = 20000; // never all of it is acknowledged
	e.send(pattern(0, max));
	const auto duplicate = [&] {
		Segment s = e.peer(0, una);
		s.sack = {{e.seq(una - 1000), e.seq(una)}};
		e.arrive(s);
		e.sent.clear();
	};
	e.arrive(e.peer(0, una = 10000));
	duplicate();
	ASSERT_EQ(e.tcb.rack.reo_mult, 2);
	const std::string chunk(20000, 'x');
	for (uint64_t sent = 0; sent < kHalfTheNumbers; sent += chunk.size()) {
		sl_tcp_send(&e.tcp, &e.tcb, chunk.data(), 20000, false);
		e.output();
		e.tcp.now_us += 1000;
		max = e.tcb.snd_max - e.seq(0);
		e.arrive(e.peer(0, una = max - 1000));
		e.sent.clear();
	}
	ASSERT_GT(e.tcb.snd_max, e.tcb.snd_una);
	duplicate();
	EXPECT_EQ(e.tcb.rack.reo_mult, 3);
	duplicate(); // once a round trip
	EXPECT_EQ(e.tcb.rack.reo_mult, 3);
}

TEST_F(Lasting, AfterAPauseARequestDoesNotMakeTheOldWindowGoodAgain)
{
	RecordProperty("rfc", "5681 4.1");
	e.options.send_buffer = 1 << 20;
	e.to_established();
	for (unsigned i = 0; i < 8; i++)
		send_much(60000);
	ASSERT_GT(e.tcb.cc.cwnd, 30000u);
	e.run_ms(600000);
	const uint32_t acked = e.tcb.snd_max - e.seq(0);
	e.arrive(e.peer(0, acked, "request"));
	e.sent.clear();
	e.send(pattern(acked, 65000));
	EXPECT_LE(e.sent.size(), 10u);
}

} // namespace
