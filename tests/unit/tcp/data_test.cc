// SPDX-License-Identifier: BSD-3-Clause
// Sending and receiving: windows, segments' sizes, acknowledgments, options (RFC 9293 sections 3.7,
// 3.8.5, 3.8.6; RFC 7323, 2018, 2883).
#include "endpoint.h"

namespace
{

// ---- Segments and their sizes

TEST(Mss, IsThePeersOrOursLessWhatOptionsTake)
{
	RecordProperty("rfc", "9293 MUST-16, 9293 SHLD-6");
	struct {
		uint16_t theirs, ours;
		bool ts, v6;
		uint32_t size;
	} cases[] = {
		{1460, 1460, false, false, 1460}, {1400, 1460, false, false, 1400},
		{1460, 1200, false, false, 1200}, {1460, 1460, true, false, 1448},
		{0, 1460, false, false, 536},     {0, 1440, false, true, 1220},
		{0, 1460, true, false, 524},
	};
	for (const auto &c : cases) {
		Endpoint e;
		e.options.mss = c.ours;
		e.options.timestamps = c.ts;
		e.renew();
		e.tcb.v6 = c.v6;
		e.open();
		Segment s = e.peer_syn(SL_SYN | SL_ACK);
		s.mss = c.theirs;
		s.timestamps = c.ts;
		e.arrive(s);
		e.sent.clear();
		e.send(pattern(0, 5000));
		EXPECT_EQ(e.sent_next().payload.size(), c.size);
		EXPECT_EQ(e.sent_next().payload.size(), c.size);
	}
}

TEST(Mss, IsTheDefaultWithoutTheOption)
{
	RecordProperty("rfc", "9293 MUST-15");
	for (bool v6 : {false, true}) {
		Endpoint e;
		e.tcb.v6 = v6;
		e.open();
		Segment s = e.peer_syn(SL_SYN | SL_ACK);
		s.mss = 0;
		e.arrive(s);
		EXPECT_EQ(e.tcb.smss, v6 ? 1220 : 536);
	}
}

TEST(Mss, IsSaidInSynsOnly)
{
	RecordProperty("rfc", "9293 MUST-65");
	Endpoint e;
	e.to_established();
	e.send(pattern(0, 3000));
	e.shutdown();
	while (!e.quiet())
		EXPECT_EQ(e.sent_next().mss, 0);
}

// Zero and tiny MSS: CVE-2019-11479.
TEST(Mss, IsFloored)
{
	for (uint16_t mss : {0, 1, 8, 48, 215}) {
		Endpoint e;
		e.open();
		Segment s = e.peer_syn(SL_SYN | SL_ACK);
		s.mss = mss;
		e.arrive(s);
		EXPECT_GE(e.tcb.smss, SL_TCP_MSS_MIN);
	}
	Endpoint e;
	e.options.mss = 0;
	e.options.timestamps = true;
	e.open();
	EXPECT_GT(e.sent_next().mss, 0);
	Segment s = e.peer_syn(SL_SYN | SL_ACK);
	s.mss = 1;
	s.timestamps = true;
	e.arrive(s);
	EXPECT_GE(e.tcb.smss, SL_TCP_MSS_MIN - 12);
}

TEST(Mss, LeavesRoomForSacks)
{
	RecordProperty("rfc", "9293 MUST-16");
	Endpoint e;
	e.to_established();
	e.arrive(e.peer(1000, 0, "x"));
	e.arrive(e.peer(2000, 0, "x"));
	e.sent.clear();
	e.send(pattern(0, 3000));
	const Segment s = e.sent_next();
	EXPECT_EQ(s.sack.size(), 2u);
	EXPECT_EQ(s.payload.size(), 1460u - 4 - 16);
}

TEST(Push, IsSetOnTheLastOfWhatThereIs)
{
	RecordProperty("rfc", "9293 MUST-60, 9293 MUST-61");
	Endpoint e;
	e.to_established();
	e.send(pattern(0, 4000));
	EXPECT_FALSE(e.sent_next().flags & SL_PSH);
	EXPECT_FALSE(e.sent_next().flags & SL_PSH);
	EXPECT_TRUE(e.quiet()); // Nagle
	e.arrive(e.peer(0, 2920));
	const Segment s = e.sent_next();
	EXPECT_EQ(s.payload.size(), 1080u);
	EXPECT_TRUE(s.flags & SL_PSH);
}

TEST(Nagle, ASmallSegmentWaitsForTheAckOfTheOneBefore)
{
	RecordProperty("rfc", "9293 SHLD-7, 9293 SHLD-28");
	Endpoint e;
	e.to_established();
	e.send("a");
	EXPECT_EQ(e.sent_next().payload, "a");
	e.send("b");
	e.send("c");
	EXPECT_TRUE(e.quiet());
	e.arrive(e.peer(0, 1));
	EXPECT_EQ(e.sent_next().payload, "bc");
}

TEST(Nagle, CanBeSwitchedOff)
{
	RecordProperty("rfc", "9293 MUST-17");
	Endpoint e;
	e.options.no_delay = true;
	e.to_established();
	e.send("a");
	e.send("b");
	EXPECT_EQ(e.sent_next().payload, "a");
	EXPECT_EQ(e.sent_next().payload, "b");
}

TEST(Nagle, DoesNotHoldBackTheLastBytesBeforeTheFin)
{
	RecordProperty("rfc", "9293 SHLD-28");
	Endpoint e;
	e.to_established();
	e.send("a");
	e.sent.clear();
	e.send("b");
	e.shutdown();
	const Segment s = e.sent_next();
	EXPECT_EQ(s.payload, "b");
	EXPECT_TRUE(s.flags & SL_FIN);
}

TEST(Send, IsRefusedAfterTheFinAndBoundedBefore)
{
	RecordProperty("rfc", "9293 3.10.2");
	Endpoint e;
	e.options.send_buffer = 3000;
	e.wnd = 1000;
	e.to_established();
	EXPECT_EQ(e.send(pattern(0, 5000)), 3000u);
	EXPECT_EQ(e.send("x"), 0u);
	e.arrive(e.peer(0, 1000));
	EXPECT_TRUE(e.event(SL_TCP_EVENT_WRITABLE));
	EXPECT_EQ(sl_tcp_send_room(&e.tcb), 1000u);
	e.shutdown();
	EXPECT_EQ(e.send("x"), 0u);
}

// ---- The peer's window

TEST(Window, IsNotOverrun)
{
	RecordProperty("rfc", "9293 3.8.6");
	Endpoint e;
	e.wnd = 2000;
	e.to_established();
	e.send(pattern(0, 5000));
	uint32_t n = 0;
	while (!e.quiet())
		n += e.sent_next().len();
	EXPECT_LE(n, 2000u);
	EXPECT_GE(n, 1460u);
}

TEST(Window, MayShrink)
{
	RecordProperty("rfc",
		       "9293 MUST-34, 9293 MUST-35, 9293 SHLD-15, 9293 SHLD-16, 9293 SHLD-17");
	Endpoint e;
	e.options.r2_ms = 100000;
	e.to_established();
	e.send(pattern(0, 14600));
	e.sent.clear();
	// Acknowledges one segment, and takes back all but half a segment.
	Segment s = e.peer(0, 1460);
	s.wnd = 700;
	e.arrive(s);
	EXPECT_TRUE(e.quiet()) << "nothing new";
	// What is outstanding is sent again, and the connection lives as long as it is answered.
	for (int i = 0; i < 20; i++) {
		e.run_ms(61000);
		EXPECT_FALSE(e.quiet());
		while (!e.quiet())
			EXPECT_TRUE(sl_seq_leq(e.sent_next().seq, e.seq(14600)));
		s.wnd = 0;
		e.arrive(s);
	}
	EXPECT_EQ(e.state(), SL_TCP_ESTABLISHED);
	s.wnd = 65535;
	e.arrive(s);
	std::string got;
	while (!e.quiet())
		got += e.sent_next().payload;
	EXPECT_EQ(got.substr(0, 1460), pattern(1460, 1460));
}

TEST(Window, ThatIsClosedIsProbedAsLongAsThereAreAnswers)
{
	RecordProperty("rfc", "9293 MUST-36, 9293 MUST-37, 9293 SHLD-29, 9293 SHLD-30, 6429 3");
	Endpoint e;
	e.options.r2_ms = 100000;
	e.options.rto_max_ms = 60000;
	e.to_established();
	Segment s = e.peer(0, 0);
	s.wnd = 0;
	e.arrive(s);
	e.send("data");
	EXPECT_TRUE(e.quiet());
	uint64_t last = 0, wait_ms = 0;
	for (int i = 0; i < 20; i++) {
		last = e.tcp.now_us;
		while (e.quiet())
			e.run_ms(10);
		const uint64_t waited = (e.tcp.now_us - last) / 1000;
		if (i == 0) {
			EXPECT_NEAR(static_cast<double>(waited), 1000, 20);
		} else if (i < 6) {
			EXPECT_NEAR(static_cast<double>(waited), 2.0 * static_cast<double>(wait_ms),
				    30);
		} else {
			EXPECT_LE(waited, 60010u);
		}
		wait_ms = waited;
		const Segment probe = e.sent_next();
		EXPECT_EQ(probe.payload, "d");
		EXPECT_EQ(probe.seq, e.seq(0));
		e.arrive(s);
	}
	EXPECT_GT(e.tcp.counts.probes, 15u);
	s.wnd = 1000;
	e.arrive(s);
	EXPECT_EQ(e.sent_next().payload, "data");
	// A peer that is gone does not answer.
	e.arrive(e.peer(0, 4));
	s = e.peer(0, 4);
	s.wnd = 0;
	e.arrive(s);
	e.send("more");
	e.run_ms(300000);
	EXPECT_EQ(e.end(), SL_TCP_END_TIMEOUT);
}

// Both have closed their window, and have taken the other's probe: each ACK lies one before what
// the other expects.
TEST(Window, TwoThatProbeEachOtherLearnWhatWasTaken)
{
	Endpoint e;
	e.to_established();
	Segment s = e.peer(0, 0);
	s.wnd = 0;
	e.arrive(s);
	e.send("data");
	e.run_ms(1500);
	EXPECT_EQ(e.sent_next().payload, "d");
	e.arrive(e.peer(0, 0, "x")); // the peer's probe, which is taken
	e.run_ms(500);
	Segment ack = e.sent_next();
	EXPECT_EQ(ack.ack, e.peer_seq(1));
	EXPECT_EQ(ack.seq, e.seq(0)) << "SND.NXT would lie beyond the window";
	s = e.peer(0, 1);
	s.wnd = 100;
	e.arrive(s);
	EXPECT_EQ(e.tcb.snd_una, e.seq(1));
}

// A window that was taken back makes its sender acknowledge from below what is expected of it.
TEST(Window, AnAckFromBelowAWindowThatWasTakenBackIsHeard)
{
	RecordProperty("rfc", "9293 SHLD-17");
	Endpoint e;
	e.to_established();
	e.arrive(e.peer(0, 0, std::string(1000, 'x')));
	e.send("data");
	e.sent.clear();
	e.arrive(e.peer(300, 4)); // it knows of 300 bytes
	EXPECT_EQ(e.tcb.snd_una, e.seq(4));
	e.send("more");
	e.sent.clear();
	e.arrive(e.peer(1000 - 200000, 8)); // more than a window ago: of another time
	EXPECT_EQ(e.tcb.snd_una, e.seq(4));
}

// A window that closes and opens while data is on its way says nothing of that data.
TEST(Window, ThatOpensAgainIsNoReasonToSendWhatIsInFlightAgain)
{
	Endpoint e;
	e.to_established();
	e.send("data");
	e.sent.clear();
	Segment s = e.peer(0, 0);
	s.wnd = 0;
	e.arrive(s);
	s.wnd = 1000;
	e.arrive(s);
	EXPECT_TRUE(e.quiet());
	EXPECT_EQ(e.tcp.counts.retransmitted, 0u);
	e.run_ms(1500); // but for a timeout
	EXPECT_EQ(e.sent_next().payload, "data");
}

// A probe whose byte was taken.
TEST(Window, AProbeThatIsTakenCounts)
{
	Endpoint e;
	e.to_established();
	Segment s = e.peer(0, 0);
	s.wnd = 0;
	e.arrive(s);
	e.send("data");
	e.run_ms(1500);
	EXPECT_EQ(e.sent_next().payload, "d");
	s = e.peer(0, 1);
	s.wnd = 100;
	e.arrive(s);
	EXPECT_EQ(e.sent_next().payload, "ata");
}

TEST(Window, ThatIsClosedHoldsBackTheFinToo)
{
	RecordProperty("rfc", "9293 MUST-36");
	Endpoint e;
	e.to_established();
	Segment s = e.peer(0, 0);
	s.wnd = 0;
	e.arrive(s);
	e.shutdown();
	EXPECT_TRUE(e.quiet());
	e.run_ms(1500);
	EXPECT_TRUE(e.sent_next().flags & SL_FIN);
	e.arrive(e.peer(0, 1));
	EXPECT_EQ(e.state(), SL_TCP_FIN_WAIT_2);
}

TEST(SillyWindow, IsNotFilled)
{
	RecordProperty("rfc", "9293 MUST-38");
	Endpoint e;
	e.to_established();
	Segment s = e.peer(0, 0);
	s.wnd = 10;
	e.arrive(s);
	e.send(pattern(0, 5000));
	EXPECT_TRUE(e.quiet());
	// But after a while, as it stays so.
	e.run_ms(1500);
	EXPECT_EQ(e.sent_next().payload, pattern(0, 10));
}

TEST(SillyWindow, HalfOfTheLargestIsGoodEnough)
{
	RecordProperty("rfc", "9293 MUST-38");
	Endpoint e;
	e.wnd = 1000;
	e.to_established();
	Segment s = e.peer(0, 0);
	s.wnd = 499;
	e.arrive(s);
	e.send(pattern(0, 5000));
	EXPECT_TRUE(e.quiet());
	s.wnd = 500;
	e.arrive(s);
	EXPECT_EQ(e.sent_next().payload.size(), 500u);
}

TEST(Window, IsMoreThanSixteenBitsInside)
{
	RecordProperty("rfc", "9293 MUST-1");
	Endpoint e;
	e.options.wscale = 0;
	e.options.send_buffer = 1 << 20;
	e.open();
	Segment s = e.peer_syn(SL_SYN | SL_ACK);
	s.wscale = 14;
	e.arrive(s);
	s = e.peer(0, 0);
	s.wnd = 65535;
	e.arrive(s);
	EXPECT_EQ(e.tcb.snd_wnd, 65535u << 14);
}

// An old segment does not bring back an old window.
TEST(Window, IsTheNewestOne)
{
	Endpoint e;
	e.to_established();
	Segment s = e.peer(0, 0, "data");
	s.wnd = 5000;
	e.arrive(s);
	s = e.peer(4, 0);
	s.wnd = 100;
	e.arrive(s);
	EXPECT_EQ(e.tcb.snd_wnd, 100u);
	s = e.peer(0, 0, "data");
	s.wnd = 9999;
	e.arrive(s);
	EXPECT_EQ(e.tcb.snd_wnd, 100u);
}

// ---- Our window

TEST(OurWindow, NeverShrinks)
{
	RecordProperty("rfc", "9293 SHLD-14");
	Endpoint e;
	e.options.receive_buffer = 10000;
	e.to_established();
	uint32_t edge = 0;
	for (uint32_t at = 0; at < 20000; at += 1000) {
		e.arrive(e.peer(at, 0, pattern(at, 1000)));
		if (at % 3000 == 0)
			e.receive();
		while (!e.quiet()) {
			const Segment s = e.sent_next();
			const uint32_t now = s.ack + s.wnd - e.peer_seq(0);
			EXPECT_GE(now, edge);
			edge = now;
		}
	}
}

TEST(OurWindow, NeverShrinksWhenScaled)
{
	RecordProperty("rfc", "9293 SHLD-14");
	Endpoint e;
	e.options.receive_buffer = 100000;
	e.options.wscale = 7;
	e.open();
	Segment syn = e.peer_syn(SL_SYN | SL_ACK);
	syn.wscale = 3;
	e.arrive(syn);
	e.sent.clear();
	uint32_t edge = 0;
	for (uint32_t at = 0; at < 90000; at += 777) {
		e.arrive(e.peer(at, 0, pattern(at, 777)));
		while (!e.quiet()) {
			const Segment s = e.sent_next();
			const uint32_t now = s.ack + (s.wnd << 7) - e.peer_seq(0);
			// But for what the scale rounds: RFC 7323 section 2.4.
			EXPECT_GE(now + 127, edge);
			EXPECT_LE(now, 100000u + 127);
			edge = std::max(edge, now);
		}
	}
}

// Scaled, the window is a multiple of 128; by bytes that come one by one it must not stay as it is.
TEST(OurWindow, IsFilledByTinySegmentsToo)
{
	Endpoint e;
	e.options.receive_buffer = 1000;
	e.options.wscale = 7;
	e.options.delayed_ack_ms = 0;
	e.open();
	Segment syn = e.peer_syn(SL_SYN | SL_ACK);
	syn.wscale = 3;
	e.arrive(syn);
	// What the SYN announced stands.
	e.arrive(e.peer(0, 0, pattern(0, 1000)));
	for (uint32_t at = 1000; at < 3000; at++) {
		e.arrive(e.peer(at, 0, "x"));
		e.run_ms(1);
	}
	EXPECT_LE(sl_tcp_readable(&e.tcb), 1128u);
}

TEST(OurWindow, OpensByASegmentOrHalfTheBufferAtOnce)
{
	RecordProperty("rfc", "9293 MUST-39");
	Endpoint e;
	e.options.receive_buffer = 10000;
	e.to_established();
	for (uint32_t at = 0; at < 10000; at += 1000)
		e.arrive(e.peer(at, 0, pattern(at, 1000)));
	e.run_ms(200);
	EXPECT_EQ(e.sent.back().wnd, 0);
	e.sent.clear();
	for (int i = 0; i < 9; i++) {
		e.receive(100);
		EXPECT_TRUE(e.quiet());
	}
	e.receive(1200);
	EXPECT_EQ(e.sent_next().wnd, 2100);
}

TEST(OurWindow, IsNotOverrunByThePeer)
{
	RecordProperty("rfc", "9293 3.10.7.4-1");
	Endpoint e;
	e.options.receive_buffer = 1000;
	e.to_established();
	e.arrive(e.peer(0, 0, pattern(0, 1400), SL_ACK | SL_FIN));
	EXPECT_EQ(sl_tcp_readable(&e.tcb), 1000u);
	EXPECT_EQ(e.state(), SL_TCP_ESTABLISHED) << "the FIN lies beyond the window";
	const Segment s = e.sent_next();
	EXPECT_EQ(s.ack, e.peer_seq(1000));
	EXPECT_EQ(s.wnd, 0);
	EXPECT_EQ(e.receive(), pattern(0, 1000));
	e.arrive(e.peer(1000, 0, pattern(1000, 400), SL_ACK | SL_FIN));
	EXPECT_EQ(e.receive(), pattern(1000, 400));
	EXPECT_EQ(e.state(), SL_TCP_CLOSE_WAIT);
}

TEST(OurWindow, ThatIsClosedTakesAcksAndAnswersProbes)
{
	RecordProperty("rfc", "9293 MUST-66");
	Endpoint e;
	e.options.receive_buffer = 4;
	e.to_established();
	e.send("ours");
	e.arrive(e.peer(0, 0, "full"));
	e.sent.clear();
	EXPECT_EQ(e.arrive(e.peer(4, 4, "x")), SL_TCP_TAKEN);
	EXPECT_EQ(e.tcb.snd_una, e.seq(4));
	const Segment s = e.sent_next();
	EXPECT_EQ(s.ack, e.peer_seq(4));
	EXPECT_EQ(s.wnd, 0);
	EXPECT_EQ(e.receive(), "full");
}

// ---- Acknowledgments

TEST(Ack, IsDelayedLessThanHalfASecond)
{
	RecordProperty("rfc", "9293 MUST-40, 9293 SHLD-18");
	Endpoint e;
	e.to_established();
	e.arrive(e.peer(0, 0, "x"));
	EXPECT_TRUE(e.quiet());
	e.run_ms(499);
	EXPECT_EQ(e.sent_next().ack, e.peer_seq(1));
	EXPECT_TRUE(e.quiet());
}

TEST(Ack, ComesWithEverySecondFullSegment)
{
	RecordProperty("rfc", "9293 SHLD-19, 5681 4.2");
	Endpoint e;
	e.to_established();
	for (uint32_t i = 0; i < 10; i++) {
		e.arrive(e.peer(i * 1460, 0, pattern(i * 1460, 1460)));
		EXPECT_EQ(e.sent.size(), (i + 1) / 2);
	}
}

TEST(Ack, OneForAllThatCameTogether)
{
	RecordProperty("rfc", "9293 MUST-58, 9293 MUST-59, 9293 SHLD-27");
	Endpoint e;
	e.to_established();
	for (uint32_t i = 0; i < 10; i++)
		e.arrive(e.peer(i * 1460, 0, pattern(i * 1460, 1460)), false);
	e.output();
	EXPECT_EQ(e.sent_next().ack, e.peer_seq(14600));
	EXPECT_TRUE(e.quiet());
}

TEST(Ack, RidesWithData)
{
	RecordProperty("rfc", "9293 3.10.7.4-7");
	Endpoint e;
	e.to_established();
	e.arrive(e.peer(0, 0, "question"));
	e.send("answer");
	const Segment s = e.sent_next();
	EXPECT_EQ(s.payload, "answer");
	EXPECT_EQ(s.ack, e.peer_seq(8));
	e.run_ms(500);
	EXPECT_TRUE(e.quiet());
}

TEST(Ack, OutOfOrderDataIsKeptAndToldAtOnce)
{
	RecordProperty("rfc", "5681 4.2, 9293 SHLD-31, 2018 4");
	Endpoint e;
	e.to_established();
	e.arrive(e.peer(1460, 0, pattern(1460, 1460)));
	Segment s = e.sent_next();
	EXPECT_EQ(s.ack, e.peer_seq(0));
	ASSERT_EQ(s.sack.size(), 1u);
	EXPECT_EQ(s.sack[0], std::make_pair(e.peer_seq(1460), e.peer_seq(2920)));
	e.arrive(e.peer(4380, 0, pattern(4380, 1460)));
	s = e.sent_next();
	ASSERT_EQ(s.sack.size(), 2u);
	EXPECT_EQ(s.sack[0].first, e.peer_seq(4380)) << "the most recent comes first";
	e.arrive(e.peer(0, 0, pattern(0, 1460)));
	s = e.sent_next();
	EXPECT_EQ(s.ack, e.peer_seq(2920)) << "at once: a hole was filled";
	EXPECT_EQ(s.sack.size(), 1u);
	e.arrive(e.peer(2920, 0, pattern(2920, 1460)));
	EXPECT_EQ(e.receive(), pattern(0, 5840));
}

TEST(Ack, NoSacksUnlessTheyArePermitted)
{
	RecordProperty("rfc", "2018 2");
	Endpoint e;
	e.sack = false;
	e.to_established();
	e.arrive(e.peer(1460, 0, "x"));
	EXPECT_TRUE(e.sent_next().sack.empty());
}

TEST(Ack, ThreeSacksBesideTimestampsFourWithout)
{
	RecordProperty("rfc", "2018 3");
	for (bool ts : {false, true}) {
		Endpoint e;
		e.options.timestamps = ts;
		e.open();
		Segment syn = e.peer_syn(SL_SYN | SL_ACK);
		syn.timestamps = ts;
		e.arrive(syn);
		for (uint32_t i = 1; i < 10; i++) {
			Segment s = e.peer(i * 1000, 0, "x");
			s.timestamps = ts;
			e.arrive(s);
		}
		EXPECT_EQ(e.sent.back().sack.size(), ts ? 3u : 4u);
	}
}

TEST(Ack, WhatCameTwiceIsToldFirst)
{
	RecordProperty("rfc", "2883 4");
	Endpoint e;
	e.to_established();
	e.arrive(e.peer(0, 0, pattern(0, 1000)));
	e.run_ms(500);
	e.arrive(e.peer(2000, 0, "x"));
	e.sent.clear();
	e.arrive(e.peer(0, 0, pattern(0, 1000)));
	Segment s = e.sent_next();
	ASSERT_EQ(s.sack.size(), 2u);
	EXPECT_EQ(s.sack[0], std::make_pair(e.peer_seq(0), e.peer_seq(1000)));
	EXPECT_EQ(s.sack[1], std::make_pair(e.peer_seq(2000), e.peer_seq(2001)));
	// Once.
	e.arrive(e.peer(3000, 0, "x"));
	s = e.sent_next();
	ASSERT_EQ(s.sack.size(), 2u);
	EXPECT_EQ(s.sack[0].first, e.peer_seq(3000));
}

// A segment that is partly old is taken as far as it is new, whatever the old part holds.
TEST(Receive, OverlapsAreTakenOnce)
{
	Endpoint e;
	e.to_established();
	e.arrive(e.peer(0, 0, "abcd"));
	e.arrive(e.peer(2, 0, "XXefgh"));
	EXPECT_EQ(e.receive(), "abcdefgh");
	EXPECT_EQ(e.sent_next().ack, e.peer_seq(8));
}

TEST(Receive, SaysWhenThereIsSomething)
{
	RecordProperty("rfc", "9293 3.10.3");
	Endpoint e;
	e.to_established();
	EXPECT_FALSE(e.event(SL_TCP_EVENT_READABLE));
	e.arrive(e.peer(1, 0, "b"));
	EXPECT_FALSE(e.event(SL_TCP_EVENT_READABLE));
	e.arrive(e.peer(0, 0, "a"));
	EXPECT_TRUE(e.event(SL_TCP_EVENT_READABLE));
	EXPECT_EQ(e.receive(), "ab");
}

TEST(Receive, WithoutMemoryNothingIsLostButTime)
{
	Endpoint e(2);
	e.to_established();
	EXPECT_EQ(e.arrive(e.peer(0, 0, pattern(0, 4096))), SL_TCP_TAKEN);
	EXPECT_EQ(e.arrive(e.peer(4096, 0, pattern(4096, 1000))), SL_TCP_NO_BLOCK);
	EXPECT_EQ(e.sent.back().ack, e.peer_seq(4096));
	EXPECT_EQ(e.receive(), pattern(0, 4096));
	EXPECT_EQ(e.arrive(e.peer(4096, 0, pattern(4096, 1000))), SL_TCP_TAKEN);
	EXPECT_EQ(e.receive(), pattern(4096, 1000));
}

// CVE-2018-5390: one byte in each of many holes.
TEST(Receive, ManyHolesAreBounded)
{
	Endpoint e;
	e.to_established();
	unsigned kept = 0;
	for (uint32_t i = 0; i < 1000; i++)
		kept += e.arrive(e.peer(2 * i + 1, 0, "x")) == SL_TCP_TAKEN;
	EXPECT_EQ(kept, static_cast<unsigned>(TCP_RANGES));
	e.arrive(e.peer(0, 0, pattern(0, 2000)));
	EXPECT_EQ(sl_tcp_readable(&e.tcb), 2000u);
}

// ---- Urgent data

TEST(Urgent, IsAnnouncedAndComesInLine)
{
	RecordProperty("rfc", "9293 MUST-30, 9293 MUST-31, 9293 MUST-32, 9293 MUST-62");
	Endpoint e;
	e.to_established();
	Segment s = e.peer(0, 0, "ab", SL_ACK | SL_URG);
	s.urgent = 60000; // behind much that is yet to come
	e.arrive(s);
	EXPECT_TRUE(e.event(SL_TCP_EVENT_URGENT));
	EXPECT_EQ(e.tcb.rcv_up, e.peer_seq(60000));
	EXPECT_EQ(e.receive(), "ab");
	// An older pointer says nothing new.
	s = e.peer(2, 0, "cd", SL_ACK | SL_URG);
	s.urgent = 1;
	e.arrive(s);
	EXPECT_FALSE(e.event(SL_TCP_EVENT_URGENT));
	EXPECT_EQ(e.receive(), "cd");
}

TEST(Urgent, IsSent)
{
	RecordProperty("rfc", "9293 MUST-30, 9293 MUST-62");
	Endpoint e;
	e.to_established();
	e.send("abc", true);
	Segment s = e.sent_next();
	EXPECT_TRUE(s.flags & SL_URG);
	EXPECT_EQ(s.urgent, 3);
	e.arrive(e.peer(0, 3));
	e.send("d");
	EXPECT_FALSE(e.sent_next().flags & SL_URG);
}

TEST(Urgent, IsHeardWhileTheWindowIsClosed)
{
	RecordProperty("rfc", "9293 MUST-66");
	Endpoint e;
	e.options.receive_buffer = 4;
	e.to_established();
	e.arrive(e.peer(0, 0, "full"));
	Segment s = e.peer(4, 0, "", SL_ACK | SL_URG);
	s.urgent = 5;
	e.arrive(s);
	EXPECT_TRUE(e.event(SL_TCP_EVENT_URGENT));
}

// ---- RFC 7323

class Timestamps : public ::testing::Test
{
      protected:
	void open(bool theirs = true)
	{
		e.options.timestamps = true;
		e.open();
		EXPECT_TRUE(e.sent_next().timestamps);
		Segment s = e.peer_syn(SL_SYN | SL_ACK);
		s.timestamps = theirs;
		s.tsval = 1000;
		e.arrive(s);
	}
	Segment segment(uint32_t at, const std::string &payload, uint32_t tsval)
	{
		Segment s = e.peer(at, 0, payload);
		s.timestamps = true;
		s.tsval = tsval;
		return s;
	}
	Endpoint e;
};

TEST_F(Timestamps, AreInEverySegmentOnceAgreed)
{
	RecordProperty("rfc", "7323 3.2");
	open();
	Segment s = e.sent_next();
	EXPECT_TRUE(s.timestamps);
	EXPECT_EQ(s.tsecr, 1000u);
	e.send("x");
	EXPECT_TRUE(e.sent_next().timestamps);
	e.abort();
	s = e.sent_next();
	EXPECT_TRUE(s.flags & SL_RST);
}

TEST_F(Timestamps, AreInNoneOtherwise)
{
	RecordProperty("rfc", "7323 3.2");
	open(false);
	EXPECT_FALSE(e.sent_next().timestamps);
	EXPECT_EQ(e.arrive(e.peer(0, 0, "x")), SL_TCP_TAKEN);
}

TEST_F(Timestamps, SegmentsThatLackThemAreDropped)
{
	RecordProperty("rfc", "7323 3.2");
	open();
	e.sent.clear();
	EXPECT_EQ(e.arrive(e.peer(0, 0, "x")), SL_TCP_NO_TIMESTAMPS);
	EXPECT_TRUE(e.quiet());
	e.arrive(e.peer(0, 0, "", SL_RST)); // but RST
	EXPECT_EQ(e.end(), SL_TCP_END_RESET);
}

TEST_F(Timestamps, OldSegmentsAreDroppedAndAnswered)
{
	RecordProperty("rfc", "7323 5.3");
	open();
	e.arrive(segment(0, "x", 2000));
	e.sent.clear();
	EXPECT_EQ(e.arrive(segment(1, "y", 1999)), SL_TCP_PAWS);
	EXPECT_EQ(sl_tcp_readable(&e.tcb), 1u);
	EXPECT_EQ(e.sent_next().ack, e.peer_seq(1));
	EXPECT_EQ(e.arrive(segment(1, "y", 2000)), SL_TCP_TAKEN);
	// Not a RST.
	Segment rst = e.peer(2, 0, "", SL_RST);
	rst.timestamps = true;
	rst.tsval = 1;
	e.arrive(rst);
	EXPECT_EQ(e.end(), SL_TCP_END_RESET);
}

TEST_F(Timestamps, AreNotCompared24DaysLater)
{
	RecordProperty("rfc", "7323 5.5");
	open();
	e.arrive(segment(0, "x", 2000));
	e.run_ms(1000);
	e.tcp.now_us += 24ull * 24 * 3600 * 1000000;
	EXPECT_EQ(e.arrive(segment(1, "y", 1000)), SL_TCP_TAKEN);
}

TEST_F(Timestamps, TheEchoIsThatOfTheFirstUnacknowledgedSegment)
{
	RecordProperty("rfc", "7323 4.3");
	open();
	e.sent.clear();
	// Delayed ACK: the earliest. Section 4.3, (A).
	e.arrive(segment(0, pattern(0, 1000), 2000));
	e.arrive(segment(1000, pattern(1000, 1000), 2005));
	e.run_ms(500);
	EXPECT_EQ(e.sent_next().tsecr, 2000u);
	// A hole: the last in order. (B).
	e.arrive(segment(3000, pattern(3000, 1000), 2010));
	EXPECT_EQ(e.sent_next().tsecr, 2000u);
	// Filled: that which filled it. (C).
	e.arrive(segment(2000, pattern(2000, 1000), 2020));
	EXPECT_EQ(e.sent_next().tsecr, 2020u);
}

TEST(WindowScale, BothOrNone)
{
	RecordProperty("rfc", "7323 2.2, 7323 2.3");
	for (uint8_t theirs : {uint8_t(SL_NO_WSCALE), uint8_t(0), uint8_t(5)}) {
		Endpoint e;
		e.options.wscale = 3;
		e.options.receive_buffer = 400000;
		Segment syn = e.peer_syn();
		syn.wscale = theirs;
		e.listen(syn);
		const Segment s = e.sent_next();
		EXPECT_EQ(s.wscale, theirs == SL_NO_WSCALE ? SL_NO_WSCALE : 3);
		EXPECT_EQ(s.wnd, 65535) << "never scaled in a SYN";
		Segment ack = e.peer(0, 0);
		ack.wnd = 1000;
		e.arrive(ack);
		EXPECT_EQ(e.tcb.snd_wnd, theirs == SL_NO_WSCALE ? 1000u : 1000u << theirs);
		e.arrive(e.peer(0, 0, pattern(0, 1460)));
		e.arrive(e.peer(1460, 0, pattern(1460, 1460)));
		EXPECT_EQ(e.sent_next().wnd, theirs == SL_NO_WSCALE ? 65535 : (400000 - 2920) / 8);
	}
}

TEST(WindowScale, DoesNotCountInASyn)
{
	RecordProperty("rfc", "7323 2.2");
	Endpoint e;
	e.options.wscale = 3;
	e.open();
	Segment s = e.peer_syn(SL_SYN | SL_ACK);
	s.wscale = 7;
	s.wnd = 2000;
	e.arrive(s);
	e.sent.clear();
	e.send(pattern(0, 10000));
	ASSERT_EQ(e.sent.size(), 1u);
	EXPECT_EQ(e.sent_next().payload.size(), 1460u);
	s = e.peer(0, 1460);
	s.wnd = 2000;
	e.arrive(s);
	EXPECT_GT(e.sent.size(), 2u);
}

TEST(Options, NothingIsGrantedThatWasNotOffered)
{
	RecordProperty("rfc", "7323 2.2");
	Endpoint e;
	e.options.timestamps = true;
	e.options.wscale = 7;
	e.sack = false;
	e.listen(e.peer_syn());
	const Segment s = e.sent_next();
	EXPECT_FALSE(s.timestamps);
	EXPECT_FALSE(s.sack_permitted);
	EXPECT_EQ(s.wscale, SL_NO_WSCALE);
	EXPECT_NE(s.mss, 0);
}

// ---- ICMP

TEST(Icmp, IsSoftWhereAConnectionStandsAndMustQuoteWhatIsInFlight)
{
	RecordProperty(
		"rfc",
		"9293 MUST-47, 9293 MUST-54, 9293 MUST-56, 9293 SHLD-25, 9293 SHLD-26, 5927 4");
	Endpoint e;
	e.to_established();
	EXPECT_FALSE(sl_tcp_icmp(&e.tcp, &e.tcb, e.seq(0), 0, true));
	e.send("data");
	EXPECT_FALSE(sl_tcp_icmp(&e.tcp, &e.tcb, e.seq(4), 0, true));
	EXPECT_FALSE(sl_tcp_icmp(&e.tcp, &e.tcb, e.seq(0) - 1, 0, true));
	EXPECT_TRUE(sl_tcp_icmp(&e.tcp, &e.tcb, e.seq(0), 0, true));
	EXPECT_TRUE(e.event(SL_TCP_EVENT_SOFT));
	EXPECT_EQ(e.state(), SL_TCP_ESTABLISHED);
	e.drop();

	Endpoint f;
	f.to_syn_sent();
	EXPECT_TRUE(sl_tcp_icmp(&f.tcp, &f.tcb, Endpoint::kIss, 0, false));
	EXPECT_EQ(f.state(), SL_TCP_SYN_SENT);
	EXPECT_TRUE(sl_tcp_icmp(&f.tcp, &f.tcb, Endpoint::kIss, 0, true));
	EXPECT_EQ(f.end(), SL_TCP_END_REFUSED);
}

TEST(Icmp, TooBigMakesSmallerSegmentsOfWhatIsInFlight)
{
	RecordProperty("rfc", "1191 6, 9293 SHLD-6");
	Endpoint e;
	e.to_established();
	e.send(pattern(0, 2920));
	e.sent.clear();
	EXPECT_TRUE(sl_tcp_icmp(&e.tcp, &e.tcb, e.seq(0), 1000, false));
	e.output();
	EXPECT_EQ(e.sent_next().payload, pattern(0, 960));
	EXPECT_EQ(e.sent_next().payload, pattern(960, 960));
	// Nothing is too small to believe in.
	EXPECT_TRUE(sl_tcp_icmp(&e.tcp, &e.tcb, e.seq(0), 68, false));
	EXPECT_EQ(e.tcb.smss, SL_TCP_MSS_MIN);
	// And it does not grow.
	EXPECT_TRUE(sl_tcp_icmp(&e.tcp, &e.tcb, e.seq(0), 9000, false));
	EXPECT_EQ(e.tcb.smss, SL_TCP_MSS_MIN);
}

} // namespace
