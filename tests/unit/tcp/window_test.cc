// SPDX-License-Identifier: BSD-3-Clause
// Windows, both ways: closed, silly, taken back, scaled (RFC 9293 sections 3.8.6, RFC 7323).
#include <algorithm>

#include "endpoint.h"

namespace
{

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
	Segment s = e.arrive_with(700, e.peer(0, 1460));
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
	Segment s = e.arrive_with(0, e.peer(0, 0));
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
	s = e.arrive_with(0, e.peer(0, 4));
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
	Segment s = e.arrive_with(0, e.peer(0, 0));
	e.send("data");
	e.run_ms(1500);
	EXPECT_EQ(e.sent_next().payload, "d");
	e.arrive(e.peer(0, 0, "x")); // the peer's probe, which is taken
	e.run_ms(500);
	Segment ack = e.sent_next();
	EXPECT_EQ(ack.ack, e.peer_seq(1));
	EXPECT_EQ(ack.seq, e.seq(0)) << "SND.NXT would lie beyond the window";
	s = e.arrive_with(100, e.peer(0, 1));
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
	Segment s = e.arrive_with(0, e.peer(0, 0));
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
	Segment s = e.arrive_with(0, e.peer(0, 0));
	e.send("data");
	e.run_ms(1500);
	EXPECT_EQ(e.sent_next().payload, "d");
	s = e.arrive_with(100, e.peer(0, 1));
	EXPECT_EQ(e.sent_next().payload, "ata");
}

TEST(Window, ThatIsClosedHoldsBackTheFinToo)
{
	RecordProperty("rfc", "9293 MUST-36");
	Endpoint e;
	e.to_established();
	Segment s = e.arrive_with(0, e.peer(0, 0));
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
	Segment s = e.arrive_with(10, e.peer(0, 0));
	e.send(pattern(0, 5000));
	EXPECT_TRUE(e.quiet());
	// But after a while, as it stays so.
	e.run_ms(1500);
	EXPECT_EQ(e.sent_next().payload, pattern(0, 10));
}

// MUST-38's override: however often the peer says the same.
TEST(SillyWindow, IsFilledAfterAWhileThoughThePeerTalks)
{
	RecordProperty("rfc", "9293 MUST-38");
	Endpoint e;
	e.to_established();
	e.send(pattern(0, 1000));
	e.wnd = 500;
	e.arrive(e.peer(0, 1000));
	e.send(pattern(1000, 5000));
	e.sent.clear();
	bool any = false;
	for (uint32_t i = 0; i < 20; i++) {
		e.run_ms(100);
		e.arrive(e.peer(i, 1000, "x"));
		e.receive();
		for (const Segment &s : e.sent)
			any = any || !s.payload.empty();
		e.sent.clear();
	}
	EXPECT_TRUE(any);
}

TEST(SillyWindow, WhatIsLostInItIsSentAgainWhole)
{
	RecordProperty("rfc", "9293 MUST-38, 6298 5.4");
	for (bool rack : {false, true}) {
		Endpoint e;
		e.options.rack = rack;
		e.to_established();
		e.arrive_with(10, e.peer(0, 0));
		e.send(pattern(0, 5000));
		for (int i = 0; i < 5; i++) {
			e.sent.clear();
			while (e.quiet())
				e.run_ms(100);
			const Segment again = e.sent_next();
			EXPECT_EQ(again.seq, e.seq(0));
			EXPECT_EQ(again.payload, pattern(0, 10)) << i;
		}
		// The window closes meanwhile: then it is a probe.
		e.arrive_with(0, e.peer(0, 0));
		e.sent.clear();
		while (e.quiet())
			e.run_ms(100);
		EXPECT_EQ(e.sent_next().payload, pattern(0, 1));
	}
}

// There is no buffer when the timer goes off: it is tried again.
TEST(SillyWindow, IsFilledWhenThereIsABuffer)
{
	Endpoint e;
	e.to_established();
	e.arrive_with(10, e.peer(0, 0));
	e.send(pattern(0, 5000));
	e.no_buffers = true;
	e.run_ms(1500);
	e.no_buffers = false;
	e.run_ms(10000);
	EXPECT_EQ(e.sent_next().payload, pattern(0, 10));
}

TEST(SillyWindow, HalfOfTheLargestIsGoodEnough)
{
	RecordProperty("rfc", "9293 MUST-38");
	Endpoint e;
	e.wnd = 1000;
	e.to_established();
	Segment s = e.arrive_with(499, e.peer(0, 0));
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
	s = e.arrive_with(65535, e.peer(0, 0));
	EXPECT_EQ(e.tcb.snd_wnd, 65535u << 14);
}

// What was overtaken tells of a window that was: it is neither smaller nor larger by it.
TEST(Window, IsNotThatOfASegmentThatWasOvertaken)
{
	RecordProperty("rfc", "9293 3.10.7.4-5");
	for (uint16_t late : {uint16_t{500}, uint16_t{9000}}) {
		Endpoint e;
		e.wnd = 4380;
		e.to_established();
		e.send(pattern(0, 20000));
		Segment s = e.peer(1000, 0, pattern(1000, 1000)); // SND.WL1 is its number
		s.wnd = 3000;
		e.arrive(s);
		EXPECT_EQ(e.tcb.snd_wnd, 3000u);
		s = e.arrive_with(late, e.peer(0, 0, pattern(0, 1000)));
		EXPECT_EQ(e.tcb.snd_wnd, 3000u) << late;
		// Of one number, that of the ACK that is as new or newer: SND.WL2.
		s = e.arrive_with(2500, e.peer(2000, 1460));
		EXPECT_EQ(e.tcb.snd_wnd, 2500u);
		s = e.arrive_with(late, e.peer(2000, 0));
		EXPECT_EQ(e.tcb.snd_wnd, 2500u) << late;
	}
}

// What the peer sends again has an old number, and tells of now: a window that is counted from an
// ACK that it was not told with would end beyond what the peer has room for.
TEST(Window, IsThatOfTheAckThatItIsCountedFrom)
{
	RecordProperty("rfc", "9293 3.8.6, 9293 3.10.7.4-5");
	Endpoint e;
	e.wnd = 4380;
	e.to_established();
	e.send(pattern(0, 20000));
	e.sent.clear();
	e.arrive(e.peer(1000, 0, pattern(1000, 1000))); // the one before it was lost
	e.sent.clear();
	Segment s = e.arrive_with(0, e.peer(0, 4380, pattern(0, 1000)));
	EXPECT_EQ(e.tcb.snd_wnd, 0u);
	for (const Segment &sent : e.sent)
		EXPECT_EQ(sent.len(), 0u) << "the window is closed";
	// And it is opened from there, though by a number that is as old.
	s = e.arrive_with(2000, e.peer(0, 4380));
	EXPECT_EQ(e.tcb.snd_wnd, 2000u);
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

// Nor does a window that is closed move on with what comes all the same.
TEST(OurWindow, ThatIsClosedIsNotOverrunByWhatTheScaleRounds)
{
	RecordProperty("rfc", "7323 2.4, 9293 3.10.7.4-1");
	Endpoint e;
	e.options.receive_buffer = 4000;
	e.options.wscale = 11;
	e.open();
	Segment syn = e.peer_syn(SL_SYN | SL_ACK);
	syn.wscale = 0;
	e.arrive(syn);
	for (unsigned i = 0; i < 100; i++)
		e.arrive(e.peer(e.tcb.received.bytes.to, 0, std::string(1460, 'x')));
	EXPECT_EQ(e.sent.back().wnd, 0u);
	EXPECT_LT(sl_tcp_readable(&e.tcb), 4000u + 2048);
	// By what has been read it opens again.
	e.sent.clear();
	e.receive();
	EXPECT_EQ(e.sent_next().wnd, 2u);
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

// What the header can't say is not said: three such ACKs would look like a loss.
TEST(OurWindow, OpensByWhatTheHeaderCanSay)
{
	RecordProperty("rfc", "7323 2.4");
	Endpoint e;
	e.options.receive_buffer = 32768;
	e.options.wscale = 12;
	e.options.mss = 536;
	e.open();
	Segment syn = e.peer_syn(SL_SYN | SL_ACK);
	syn.wscale = 0;
	e.arrive(syn);
	e.sent.clear();
	for (uint32_t at = 0; at < 8192; at += 512)
		e.arrive(e.peer(at, 0, pattern(at, 512)));
	e.run_ms(500);
	ASSERT_EQ(e.sent.back().wnd, 6u);
	e.sent.clear();
	unsigned last = 6;
	for (unsigned read = 0; read < 8192; read += 256) {
		e.receive(256);
		for (const Segment &s : e.sent) {
			EXPECT_GT(s.wnd, last) << "an ACK that says nothing new";
			last = s.wnd;
		}
		e.sent.clear();
	}
	EXPECT_EQ(last, 8u);
}

// Nor what is not said for want of memory.
TEST(OurWindow, ThatCantOpenForWantOfMemoryIsNotSaidAgain)
{
	RecordProperty("rfc", "5681 2");
	Endpoint e(16);
	std::vector<tcp_block *> others;
	e.options.receive_buffer = 20000;
	e.to_established();
	for (uint32_t at = 0; at < 8000; at += 1000)
		e.arrive(e.peer(at, 0, pattern(at, 1000)));
	e.run_ms(500);
	unsigned last = e.sent.back().wnd;
	e.sent.clear();
	for (unsigned read = 0; read < 8000; read += 100) {
		// Others take what there is, and what is read lies in a block that is still needed.
		while (e.tcp.pool.n_free > 0)
			others.push_back(tcp_pool_take(&e.tcp.pool));
		e.receive(100);
		for (const Segment &s : e.sent) {
			EXPECT_GT(s.wnd, last) << "an ACK that says nothing new";
			last = s.wnd;
		}
		e.sent.clear();
	}
	EXPECT_GE(last, 18000u) << "by each block that came back it opened";
	for (tcp_block *b : others)
		tcp_pool_give(&e.tcp.pool, b);
}

// An ACK from before RCV.NXT: of a keepalive it wants an answer, of a window that went back none.
TEST(OurWindow, AnAckFromBeforeItIsNoQuestionUnlessItIsAKeepalive)
{
	RecordProperty("rfc", "5681 2");
	Endpoint e;
	e.to_established();
	e.arrive(e.peer(0, 0, pattern(0, 2000)));
	e.run_ms(500);
	e.sent.clear();
	for (unsigned i = 0; i < 3; i++)
		EXPECT_EQ(e.arrive(e.peer(2000 - 64, 0)), SL_TCP_OUT_OF_WINDOW);
	EXPECT_TRUE(e.quiet());
	e.arrive(e.peer(2000 - 1, 0));
	EXPECT_EQ(e.sent_next().ack, e.peer_seq(2000));
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

// A probe of a window that is closed, or its answer, is lost like anything else: where a minute
// lies between two of them, R2 is not up with the first.
TEST(Probe, OneThatIsLostEndsNothing)
{
	RecordProperty("rfc", "9293 MUST-37, 9293 SHLD-11, 9293 SHLD-29");
	for (bool in_flight : {false, true}) {
		Endpoint e;
		e.to_established();
		if (in_flight) // the window is taken back
			e.send("data");
		Segment s = e.arrive_with(0, e.peer(0, 0));
		e.send("more");
		e.sent.clear();
		unsigned probes = 0;
		while (probes < 20 && e.state() == SL_TCP_ESTABLISHED) {
			e.run_ms(100);
			if (e.quiet())
				continue;
			e.sent.clear();
			if (e.state() == SL_TCP_ESTABLISHED && probes++ % 4 != 3)
				e.arrive(s);
			e.sent.clear();
		}
		EXPECT_EQ(e.state(), SL_TCP_ESTABLISHED) << "after " << probes;
	}
}

// An answer is no duplicate that speaks of a loss, however many there are.
TEST(Probe, ItsAnswersAreNoSignOfALoss)
{
	RecordProperty("rfc", "5681 2, 9293 SHLD-30");
	Endpoint e;
	e.sack = false;
	e.to_established();
	Segment s = e.arrive_with(0, e.peer(0, 0));
	e.send(pattern(0, 3000));
	const uint32_t ssthresh = e.tcb.cc.ssthresh;
	for (unsigned ms = 0; ms < 32000; ms += 100) {
		e.run_ms(100);
		if (!e.quiet())
			e.arrive(s);
		EXPECT_LE(e.sent.size(), 1u) << "a probe again, before its time";
		e.sent.clear();
	}
	EXPECT_EQ(e.tcp.counts.probes, 5u) << "after 1, 2, 4, 8 and 16 s";
	EXPECT_EQ(e.tcp.counts.fast_recoveries, 0u);
	EXPECT_EQ(e.tcb.cc.ssthresh, ssthresh);
}

// What a window that has opened lets out has all of R2 before it.
TEST(Probe, ThatTheWindowHasOpenedIsProgress)
{
	RecordProperty("rfc", "9293 SHLD-11");
	for (bool in_flight : {false, true}) {
		Endpoint e;
		e.to_established();
		if (in_flight)
			e.send("data");
		Segment s = e.arrive_with(0, e.peer(0, 0));
		e.send(pattern(0, 3000));
		e.sent.clear();
		for (unsigned probes = 0; probes < 10;) {
			e.run_ms(100);
			if (e.quiet())
				continue;
			e.sent.clear();
			probes++;
			e.arrive(s);
			e.sent.clear();
		}
		e.run_ms(59000);
		s.wnd = 65535;
		e.arrive(s);
		EXPECT_FALSE(e.quiet());
		e.run_ms(e.options.r2_ms - 1000);
		EXPECT_EQ(e.state(), SL_TCP_ESTABLISHED);
	}
}

} // namespace
