// SPDX-License-Identifier: BSD-3-Clause
// Options and what follows from them: the size of segments, timestamps, window scale (RFC 9293
// section 3.7, RFC 7323); and ICMP errors, which may make segments smaller (RFC 5927).
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
	// Only the link may carry less.
	Endpoint e;
	e.options.mss = 0;
	e.options.timestamps = true;
	e.open();
	EXPECT_GT(e.sent_next().mss, 0);
	Segment s = e.peer_syn(SL_SYN | SL_ACK);
	s.mss = 1;
	s.timestamps = true;
	e.arrive(s);
	EXPECT_EQ(e.tcb.smss, SL_TCP_MSS_LINK_MIN - 12);
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

TEST_F(Timestamps, ASegmentWithAnUnacceptableAckChangesNothing)
{
	RecordProperty("rfc", "5961 5.2");
	open();
	e.send(pattern(0, 1000));
	e.arrive(segment(0, pattern(0, 1000), 2000));
	e.receive();
	e.sent.clear();
	// An ACK of bytes that were never sent, and one that is too old. The TSval is far ahead,
	// and half of the payload is a duplicate.
	for (uint32_t acked : {1001u, uint32_t(0u - 100000)}) {
		Segment forged = segment(0, pattern(0, 1000), 0x70000000);
		forged.seq = e.peer_seq(500);
		forged.ack = e.seq(acked);
		EXPECT_EQ(e.arrive(forged), SL_TCP_BAD_ACK) << acked;
		const Segment answer = e.sent_next();
		EXPECT_EQ(answer.tsecr, 2000u) << acked;
		EXPECT_TRUE(answer.sack.empty()) << acked;
	}
	EXPECT_EQ(e.tcb.ts_recent, 2000u);
	// The peer's own segments are not old for that.
	EXPECT_EQ(e.arrive(segment(1000, "x", 2001)), SL_TCP_TAKEN);
}

TEST_F(Timestamps, TheAckThatCompletesAHandshakeMustBeAcceptable)
{
	RecordProperty("rfc", "5961 5.2");
	e.options.timestamps = true;
	Segment syn = e.peer_syn();
	syn.timestamps = true;
	syn.tsval = 1000;
	e.listen(syn);
	Segment forged = segment(0, "", 0x70000000);
	forged.ack = e.seq(1);
	EXPECT_EQ(e.arrive(forged), SL_TCP_BAD_ACK);
	EXPECT_EQ(e.tcb.ts_recent, 1000u);
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
	s = e.arrive_with(2000, e.peer(0, 1460));
	EXPECT_GT(e.sent.size(), 2u);
}

// Nor in the SYN-ACK that completes a simultaneous open, of which the scale is known by then.
TEST(WindowScale, DoesNotCountInTheSynAckOfASimultaneousOpen)
{
	RecordProperty("rfc", "7323 2.2");
	Endpoint e;
	e.options.wscale = 3;
	e.open();
	Segment s = e.peer_syn(SL_SYN);
	s.wscale = 7;
	e.arrive(s);
	ASSERT_EQ(e.tcb.state, SL_TCP_SYN_RECEIVED);
	s = e.peer_syn(SL_SYN | SL_ACK);
	s.wscale = 7;
	s.wnd = 2000;
	e.arrive(s);
	ASSERT_EQ(e.tcb.state, SL_TCP_ESTABLISHED);
	EXPECT_EQ(e.tcb.snd_wnd, 2000u);
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

TEST(Icmp, TooBigWhileALossIsWaitedForLeavesTheTimeoutRunning)
{
	RecordProperty("rfc", "6298 5");
	Endpoint e;
	e.options.rack = true;
	e.to_established();
	e.send(pattern(0, 1460));
	e.run_ms(100);
	e.arrive(e.peer(0, 1460));
	e.send(pattern(1460, 14600));
	e.run_ms(100);
	Segment s = e.peer(0, 1460);
	s.sack = {{e.seq(2920), e.seq(4380)}};
	e.arrive(s);
	ASSERT_EQ(e.tcb.waits, SL_TCP_WAITS_RACK);
	sl_tcp_icmp(&e.tcp, &e.tcb, e.tcb.snd_una, 1400, false);
	e.output();
	e.run_ms(3000); // all is lost
	EXPECT_GE(e.tcp.counts.timeouts, 1u);
	EXPECT_EQ(e.tcp.counts.probes, 0u);
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
