// SPDX-License-Identifier: BSD-3-Clause
// SEGMENT ARRIVES, by state and event: RFC 9293 section 3.10.7, and RFC 5961, 1337, 6191. What a
// test covers is recorded, for scripts/rfc-coverage.
#include "endpoint.h"

namespace
{

const sl_tcp_state kSynchronized[] = {
	SL_TCP_ESTABLISHED, SL_TCP_FIN_WAIT_1, SL_TCP_FIN_WAIT_2, SL_TCP_CLOSE_WAIT,
	SL_TCP_CLOSING,     SL_TCP_LAST_ACK,   SL_TCP_TIME_WAIT,
};

// Bytes of the peer that have come, and of ours that are acknowledged, in a state that was reached
// by `to`: FINs count.
uint32_t came(sl_tcp_state s)
{
	return s == SL_TCP_CLOSE_WAIT || s == SL_TCP_CLOSING || s == SL_TCP_LAST_ACK ||
	       s == SL_TCP_TIME_WAIT;
}
uint32_t sent(sl_tcp_state s)
{
	return s == SL_TCP_FIN_WAIT_1 || s == SL_TCP_FIN_WAIT_2 || s == SL_TCP_CLOSING ||
	       s == SL_TCP_LAST_ACK || s == SL_TCP_TIME_WAIT;
}
uint32_t acked(sl_tcp_state s)
{
	return s == SL_TCP_FIN_WAIT_2 || s == SL_TCP_TIME_WAIT;
}

class States : public ::testing::TestWithParam<sl_tcp_state>
{
};

// ---- Opening

TEST(Open, AnActiveOpenSendsASynWithAllOptions)
{
	RecordProperty("rfc", "9293 3.10.1, 9293 MUST-14, 9293 SHLD-5, 9293 MUST-67");
	Endpoint e;
	e.options.timestamps = true;
	e.options.wscale = 9;
	e.options.mss = 1400;
	e.open();
	const Segment s = e.sent_next();
	EXPECT_EQ(s.flags, SL_SYN);
	EXPECT_EQ(s.seq, Endpoint::kIss);
	EXPECT_EQ(s.mss, 1400);
	EXPECT_EQ(s.wscale, 9);
	EXPECT_TRUE(s.sack_permitted);
	EXPECT_TRUE(s.timestamps);
	EXPECT_EQ(s.wnd, 65535);
	EXPECT_EQ(e.state(), SL_TCP_SYN_SENT);
}

TEST(Open, ASynAckOpens)
{
	RecordProperty("rfc", "9293 3.10.7.3");
	Endpoint e;
	e.to_syn_sent();
	e.arrive(e.peer_syn(SL_SYN | SL_ACK));
	EXPECT_EQ(e.state(), SL_TCP_ESTABLISHED);
	EXPECT_TRUE(e.event(SL_TCP_EVENT_OPENED));
	const Segment s = e.sent_next();
	EXPECT_EQ(s.flags, SL_ACK);
	EXPECT_EQ(s.seq, e.seq(0));
	EXPECT_EQ(s.ack, e.peer_seq(0));
	EXPECT_TRUE(e.quiet());
}

TEST(Open, APassiveOpenAnswersAndOpensWithTheAck)
{
	RecordProperty("rfc", "9293 3.10.7.2");
	Endpoint e;
	e.listen(e.peer_syn());
	const Segment s = e.sent_next();
	EXPECT_EQ(s.flags, SL_SYN | SL_ACK);
	EXPECT_EQ(s.seq, Endpoint::kIss);
	EXPECT_EQ(s.ack, e.peer_seq(0));
	EXPECT_EQ(e.state(), SL_TCP_SYN_RECEIVED);
	e.arrive(e.peer(0, 0));
	EXPECT_EQ(e.state(), SL_TCP_ESTABLISHED);
	EXPECT_TRUE(e.quiet());
}

TEST(Open, BothAtOnce)
{
	RecordProperty("rfc", "9293 MUST-10");
	Endpoint e;
	e.to_syn_sent();
	e.arrive(e.peer_syn());
	EXPECT_EQ(e.state(), SL_TCP_SYN_RECEIVED);
	const Segment s = e.sent_next();
	EXPECT_EQ(s.flags, SL_SYN | SL_ACK);
	EXPECT_EQ(s.seq, Endpoint::kIss);
	// The peer's SYN-ACK has the number of its SYN: figure 8, line 6.
	e.arrive(e.peer_syn(SL_SYN | SL_ACK));
	EXPECT_EQ(e.state(), SL_TCP_ESTABLISHED);
}

TEST(Open, BothAtOnceWhereTheSynAckIsLost)
{
	RecordProperty("rfc", "9293 MUST-10");
	Endpoint e;
	e.to_syn_sent();
	e.arrive(e.peer_syn());
	e.sent.clear();
	e.run_ms(1500);
	EXPECT_EQ(e.sent_next().flags, SL_SYN | SL_ACK);
	e.arrive(e.peer(0, 0));
	EXPECT_EQ(e.state(), SL_TCP_ESTABLISHED);
}

TEST(Open, ARstInSynReceivedEndsAPassiveOpenSilently)
{
	RecordProperty("rfc", "9293 MUST-11");
	Endpoint e;
	e.to_syn_received();
	Segment rst = e.peer(0, 0, "", SL_RST);
	e.arrive(rst);
	EXPECT_EQ(e.state(), SL_TCP_CLOSED);
	EXPECT_EQ(e.end(), SL_TCP_END_REFUSED);
	EXPECT_TRUE(e.tcb.passive);
	EXPECT_TRUE(e.quiet());
}

TEST(Open, ARstInSynReceivedRefusesAnActiveOpen)
{
	RecordProperty("rfc", "9293 MUST-11");
	Endpoint e;
	e.to_syn_sent();
	e.arrive(e.peer_syn());
	e.sent.clear();
	e.arrive(e.peer(0, 0, "", SL_RST));
	EXPECT_EQ(e.end(), SL_TCP_END_REFUSED);
	EXPECT_FALSE(e.tcb.passive);
}

TEST(Open, AnUnacceptableAckInSynSentIsReset)
{
	RecordProperty("rfc", "9293 3.10.7.3");
	for (int32_t off : {0, -1, 2, 100000, INT32_MIN / 2}) {
		Endpoint e;
		e.to_syn_sent();
		Segment s = e.peer_syn(SL_SYN | SL_ACK);
		s.ack = Endpoint::kIss + static_cast<uint32_t>(off);
		EXPECT_EQ(e.arrive(s), SL_TCP_BAD_ACK);
		EXPECT_EQ(e.state(), SL_TCP_SYN_SENT);
		const Segment rst = e.sent_next();
		EXPECT_EQ(rst.flags, SL_RST);
		EXPECT_EQ(rst.seq, s.ack);
		// But not a RST for a RST.
		s.flags = SL_RST | SL_ACK;
		e.arrive(s);
		EXPECT_TRUE(e.quiet());
		EXPECT_EQ(e.state(), SL_TCP_SYN_SENT);
	}
}

TEST(Open, ARstInSynSentNeedsAnAck)
{
	RecordProperty("rfc", "9293 3.10.7.3");
	Endpoint e;
	e.to_syn_sent();
	Segment s = e.peer(0, 0, "", SL_RST);
	e.arrive(s);
	EXPECT_EQ(e.state(), SL_TCP_SYN_SENT);
	s.flags = SL_RST | SL_ACK;
	e.arrive(s);
	EXPECT_EQ(e.state(), SL_TCP_CLOSED);
	EXPECT_EQ(e.end(), SL_TCP_END_REFUSED);
	EXPECT_TRUE(e.quiet());
}

TEST(Open, WhatIsNeitherSynNorRstIsIgnoredInSynSent)
{
	RecordProperty("rfc", "9293 3.10.7.3");
	Endpoint e;
	e.to_syn_sent();
	e.arrive(e.peer(0, 0, "data", SL_ACK | SL_FIN));
	EXPECT_EQ(e.state(), SL_TCP_SYN_SENT);
	EXPECT_TRUE(e.quiet());
}

TEST(Open, DataAndFinWithTheSynAckAreTaken)
{
	RecordProperty("rfc", "9293 3.10.7.3");
	Endpoint e;
	e.to_syn_sent();
	Segment s = e.peer_syn(SL_SYN | SL_ACK | SL_FIN);
	s.payload = "hello";
	e.arrive(s);
	EXPECT_EQ(e.state(), SL_TCP_CLOSE_WAIT);
	EXPECT_EQ(e.receive(), "hello");
	EXPECT_TRUE(sl_tcp_at_end(&e.tcb));
	EXPECT_EQ(e.sent_next().ack, e.peer_seq(6));
}

TEST(Open, AnUnacceptableAckInSynReceivedIsReset)
{
	RecordProperty("rfc", "9293 3.10.7.4");
	for (uint32_t ack : {Endpoint::kIss, Endpoint::kIss + 2}) {
		Endpoint e;
		e.to_syn_received();
		Segment s = e.peer(0, 0);
		s.ack = ack;
		EXPECT_EQ(e.arrive(s), SL_TCP_BAD_ACK);
		EXPECT_EQ(e.state(), SL_TCP_SYN_RECEIVED);
		const Segment rst = e.sent_next();
		EXPECT_EQ(rst.flags, SL_RST);
		EXPECT_EQ(rst.seq, ack);
	}
}

TEST(Open, ASynAgainInSynReceivedIsAnsweredAgain)
{
	RecordProperty("rfc", "9293 3.10.7.4");
	Endpoint e;
	e.to_syn_received();
	e.arrive(e.peer_syn());
	const Segment s = e.sent_next();
	EXPECT_EQ(s.flags, SL_SYN | SL_ACK);
	EXPECT_EQ(s.seq, Endpoint::kIss);
	EXPECT_TRUE(e.quiet());
}

// Who sent the SYN of a passive open can't answer it as well.
TEST(Open, ASynAckDoesNotCompleteAPassiveOpen)
{
	RecordProperty("rfc", "9293 3.10.7.4-4, 5961 4.2");
	for (uint32_t off : {0u, 1u, 1000u}) {
		Endpoint e;
		e.to_syn_received();
		Segment s = e.peer_syn(SL_SYN | SL_ACK);
		s.seq += off;
		EXPECT_EQ(e.arrive(s), SL_TCP_BAD_SYN);
		EXPECT_EQ(e.state(), SL_TCP_SYN_RECEIVED);
		const Segment ack = e.sent_next();
		EXPECT_EQ(ack.flags, SL_ACK);
		EXPECT_EQ(ack.seq, e.seq(0));
		EXPECT_EQ(ack.ack, e.peer_seq(0));
		EXPECT_TRUE(e.quiet());
		e.arrive(e.peer(0, 0));
		EXPECT_EQ(e.state(), SL_TCP_ESTABLISHED);
	}
}

TEST(Open, AnAckBehindTheWindowDoesNotCompleteAHandshake)
{
	RecordProperty("rfc", "9293 3.10.7.4-1");
	for (uint8_t scale : {uint8_t(0), uint8_t(7)}) {
		Endpoint e;
		e.options.wscale = scale;
		e.options.receive_buffer = 400000;
		Segment syn = e.peer_syn();
		syn.wscale = 2;
		e.listen(syn);
		ASSERT_EQ(e.sent_next().wnd, 65535); // not scaled, not rounded
		EXPECT_EQ(e.arrive(e.peer(65535, 0)), SL_TCP_OUT_OF_WINDOW);
		EXPECT_EQ(e.state(), SL_TCP_SYN_RECEIVED);
		EXPECT_EQ(e.sent_next().ack, e.peer_seq(0));
		e.arrive(e.peer(65534, 0));
		EXPECT_EQ(e.state(), SL_TCP_ESTABLISHED);
	}
}

TEST(Open, AnAckWithDataAndFinOpensAndIsTaken)
{
	RecordProperty("rfc", "9293 3.10.7.4");
	Endpoint e;
	e.to_syn_received();
	e.arrive(e.peer(0, 0, "GET", SL_ACK | SL_FIN));
	EXPECT_EQ(e.state(), SL_TCP_CLOSE_WAIT);
	EXPECT_EQ(e.receive(), "GET");
}

TEST(Closed, WhatBelongsToNobodyIsReset)
{
	RecordProperty("rfc", "9293 3.10.7.1");
	sl_tcp_segment rst;
	sl_seg seg = {};

	seg.seq = 1000;
	seg.ack = 2000;
	seg.flags = SL_RST | SL_ACK;
	EXPECT_FALSE(sl_tcp_answer_closed(&seg, &rst));
	seg.flags = SL_ACK | SL_FIN;
	ASSERT_TRUE(sl_tcp_answer_closed(&seg, &rst));
	EXPECT_EQ(rst.made.flags, SL_RST);
	EXPECT_EQ(rst.made.seq, 2000u);
	seg.flags = SL_SYN | SL_FIN;
	seg.payload_len = 10;
	ASSERT_TRUE(sl_tcp_answer_closed(&seg, &rst));
	EXPECT_EQ(rst.made.flags, SL_RST | SL_ACK);
	EXPECT_EQ(rst.made.seq, 0u);
	EXPECT_EQ(rst.made.ack, 1012u);
}

TEST(Listen, AnAckIsResetAndARstIsIgnored)
{
	RecordProperty("rfc", "9293 3.10.7.2");
	sl_tcp_segment rst;
	sl_seg seg = {};

	seg.ack = 77;
	seg.flags = SL_ACK;
	ASSERT_TRUE(sl_tcp_answer_listen(&seg, &rst));
	EXPECT_EQ(rst.made.seq, 77u);
	EXPECT_EQ(rst.made.flags, SL_RST);
	seg.flags = SL_RST | SL_ACK;
	EXPECT_FALSE(sl_tcp_answer_listen(&seg, &rst));
	seg.flags = SL_FIN;
	EXPECT_FALSE(sl_tcp_answer_listen(&seg, &rst));
}

TEST(Isn, GrowsWithTheClockAndDiffersByTuple)
{
	RecordProperty("rfc", "9293 MUST-8, 9293 MUST-9, 9293 SHLD-1, 6528 3");
	Endpoint e;
	sl_addr a = {}, b = {};
	a.b[15] = 1;
	b.b[15] = 2;
	const uint32_t isn = sl_tcp_isn(&e.tcp, &a, 1, &b, 2);
	EXPECT_EQ(sl_tcp_isn(&e.tcp, &a, 1, &b, 2), isn);
	EXPECT_NE(sl_tcp_isn(&e.tcp, &a, 1, &b, 3), isn);
	EXPECT_NE(sl_tcp_isn(&e.tcp, &b, 1, &a, 2), isn);
	e.tcp.now_us += 4000;
	EXPECT_EQ(sl_tcp_isn(&e.tcp, &a, 1, &b, 2), isn + 1000);
	Endpoint other;
	other.tcp.isn_key.k0 ^= 1;
	other.tcp.now_us = e.tcp.now_us;
	EXPECT_NE(sl_tcp_isn(&other.tcp, &a, 1, &b, 2), isn + 1000);
}

// ---- The sequence number

TEST_P(States, WhatLiesOutsideTheWindowIsAnsweredByAnAckAndDropped)
{
	RecordProperty("rfc", "9293 3.10.7.4-1");
	for (int64_t off : {-1LL, 65535LL, 70000LL, -70000LL, 1LL << 31}) {
		Endpoint e;
		e.to(GetParam());
		const auto at = static_cast<uint32_t>(came(GetParam()) + off);
		EXPECT_EQ(e.arrive(e.peer(at, acked(GetParam()), "x")), SL_TCP_OUT_OF_WINDOW);
		EXPECT_EQ(e.state(), GetParam());
		const Segment s = e.sent_next();
		EXPECT_EQ(s.flags, SL_ACK);
		EXPECT_EQ(s.seq, e.seq(sent(GetParam())));
		EXPECT_EQ(s.ack, e.peer_seq(came(GetParam())));
		EXPECT_TRUE(e.quiet());
	}
}

// ---- RST

TEST_P(States, ARstAtTheVeryNumberResets)
{
	RecordProperty("rfc", "9293 3.10.7.4-2, 5961 3.2");
	Endpoint e;
	e.to(GetParam());
	e.arrive(e.peer(came(GetParam()), 0, "", SL_RST));
	EXPECT_TRUE(e.quiet());
	if (GetParam() == SL_TCP_TIME_WAIT) {
		EXPECT_EQ(e.state(), SL_TCP_TIME_WAIT); // 1337, below
		return;
	}
	EXPECT_EQ(e.state(), SL_TCP_CLOSED);
	EXPECT_EQ(e.end(), SL_TCP_END_RESET);
	EXPECT_TRUE(e.event(SL_TCP_EVENT_ENDED));
}

TEST_P(States, ARstElsewhereInTheWindowBringsAChallenge)
{
	RecordProperty("rfc", "9293 3.10.7.4-2, 5961 3.2");
	Endpoint e;
	e.to(GetParam());
	const uint32_t in = came(GetParam()) + 1;
	if (GetParam() == SL_TCP_CLOSE_WAIT || GetParam() == SL_TCP_LAST_ACK ||
	    GetParam() == SL_TCP_CLOSING || GetParam() == SL_TCP_TIME_WAIT)
		e.tcb.rcv_adv = e.peer_seq(1000); // whatever the window is by now
	EXPECT_EQ(e.arrive(e.peer(in, 0, "", SL_RST)), SL_TCP_BAD_RST);
	EXPECT_EQ(e.state(), GetParam());
	const Segment s = e.sent_next();
	EXPECT_EQ(s.flags, SL_ACK);
	EXPECT_EQ(s.ack, e.peer_seq(came(GetParam())));
}

TEST_P(States, ARstOutsideTheWindowIsDropped)
{
	RecordProperty("rfc", "9293 3.10.7.4-2");
	for (int32_t off : {-1, -1000, 65535, 1000000}) {
		Endpoint e;
		e.to(GetParam());
		EXPECT_EQ(e.arrive(e.peer(came(GetParam()) + static_cast<uint32_t>(off), 0, "",
					  SL_RST)),
			  SL_TCP_OUT_OF_WINDOW);
		EXPECT_EQ(e.state(), GetParam());
		EXPECT_TRUE(e.quiet());
	}
}

TEST(Rst, MayCarryData)
{
	RecordProperty("rfc", "9293 SHLD-2");
	Endpoint e;
	e.to_established();
	e.arrive(e.peer(0, 0, "go away", SL_RST));
	EXPECT_EQ(e.end(), SL_TCP_END_RESET);
}

TEST(Rst, IsIgnoredInTimeWait)
{
	RecordProperty("rfc", "1337 F1");
	Endpoint e;
	e.to_time_wait();
	EXPECT_EQ(e.arrive(e.peer(1, 1, "", SL_RST)), SL_TCP_BAD_RST);
	EXPECT_EQ(e.state(), SL_TCP_TIME_WAIT);
}

TEST(Rst, IsTakenWhileTheWindowIsClosed)
{
	RecordProperty("rfc", "9293 MUST-66");
	Endpoint e;
	e.options.receive_buffer = 4;
	e.to_established();
	e.arrive(e.peer(0, 0, "full"));
	e.run_ms(200);
	EXPECT_EQ(e.sent_next().wnd, 0);
	e.arrive(e.peer(4, 0, "", SL_RST));
	EXPECT_EQ(e.end(), SL_TCP_END_RESET);
}

// ---- SYN

TEST_P(States, ASynInAConnectionThatStandsBringsAChallenge)
{
	RecordProperty("rfc", "9293 3.10.7.4-4, 5961 4.2");
	for (uint32_t off : {0u, 1000u, 1u << 31}) {
		Endpoint e;
		e.to(GetParam());
		Segment s = e.peer_syn();
		s.flags = SL_SYN | SL_ACK; // of TIME-WAIT, below
		s.seq += off;
		EXPECT_EQ(e.arrive(s), SL_TCP_BAD_SYN);
		EXPECT_EQ(e.state(), GetParam());
		const Segment ack = e.sent_next();
		EXPECT_EQ(ack.flags, SL_ACK);
		EXPECT_EQ(ack.ack, e.peer_seq(came(GetParam())));
		EXPECT_TRUE(e.quiet());
	}
}

// No stack sends it. In TIME-WAIT it opens nothing either, though it be newer.
TEST_P(States, ASynWithFinInAConnectionThatStandsBringsAChallenge)
{
	RecordProperty("rfc", "9293 3.10.7.4-4, 5961 4.2");
	for (uint32_t off : {0u, 1000u, 100000u, 1u << 31}) {
		Endpoint e;
		e.to(GetParam());
		Segment s = e.peer_syn();
		s.flags = SL_SYN | SL_FIN;
		s.seq += off;
		EXPECT_EQ(e.arrive(s), SL_TCP_BAD_SYN) << off;
		EXPECT_EQ(e.state(), GetParam());
		const Segment ack = e.sent_next();
		EXPECT_EQ(ack.flags, SL_ACK);
		EXPECT_EQ(ack.ack, e.peer_seq(came(GetParam())));
		EXPECT_TRUE(e.quiet());
	}
}

TEST_P(States, AFinWithoutAckIsDropped)
{
	RecordProperty("rfc", "9293 3.10.7.4-5");
	Endpoint e;
	e.to(GetParam());
	EXPECT_EQ(e.arrive(e.peer(came(GetParam()), 0, "", SL_FIN)), SL_TCP_NO_ACK);
	EXPECT_EQ(e.state(), GetParam());
	EXPECT_TRUE(e.quiet());
}

TEST(Challenge, ThereAreNotManyAndTheirNumberVaries)
{
	RecordProperty("rfc", "5961 7");
	bool differ = false;
	size_t first = 0;
	for (unsigned run = 0; run < 20; run++) {
		Endpoint e;
		e.tcp.random = run;
		e.to_established();
		for (int i = 0; i < 1000; i++)
			e.arrive(e.peer_syn());
		const size_t n = e.sent.size();
		EXPECT_GE(n, 5u);
		EXPECT_LE(n, 12u);
		differ |= run > 0 && n != first;
		first = n;
		e.sent.clear();
		e.run_ms(5000);
		e.arrive(e.peer_syn());
		EXPECT_EQ(e.sent.size(), 1u);
	}
	EXPECT_TRUE(differ);
}

// One answer to a segment, though neither of its numbers fits.
TEST(Challenge, IsOneForASegment)
{
	RecordProperty("rfc", "5961 5.2");
	Endpoint e;
	e.to_established();
	e.arrive(e.peer(0, 0, std::string(1000, 'x')));
	e.run_ms(500);
	e.sent.clear();
	e.arrive(e.peer(500, 99));
	EXPECT_EQ(e.sent.size(), 1u);
}

TEST(TimeWait, YieldsToANewerSyn)
{
	RecordProperty("rfc", "9293 MAY-2, 9293 SHLD-4, 6191 2");
	Endpoint e;
	e.to_time_wait();
	Segment syn = e.peer_syn();
	syn.seq = e.peer_seq(0); // that of the FIN, the last that came
	EXPECT_EQ(e.arrive(syn), SL_TCP_BAD_SYN);
	e.sent.clear();
	syn.seq++;
	EXPECT_EQ(e.arrive(syn), SL_TCP_NEW_SYN);
	EXPECT_EQ(e.state(), SL_TCP_TIME_WAIT);
	EXPECT_TRUE(e.quiet());
}

TEST(TimeWait, YieldsByTimestampsWhereThereAreSuch)
{
	RecordProperty("rfc", "6191 2");
	Endpoint e;
	e.options.timestamps = true;
	e.open();
	Segment s = e.peer_syn(SL_SYN | SL_ACK);
	s.timestamps = true;
	s.tsval = 1000;
	e.arrive(s);
	e.shutdown();
	Segment fin = e.peer(0, 1, "", SL_ACK | SL_FIN);
	fin.timestamps = true;
	fin.tsval = 1005;
	e.arrive(fin);
	ASSERT_EQ(e.state(), SL_TCP_TIME_WAIT);
	e.sent.clear();
	Segment syn = e.peer_syn();
	syn.timestamps = true;
	syn.seq = e.peer_seq(100000); // newer by its number
	syn.tsval = 1004;
	EXPECT_EQ(e.arrive(syn), SL_TCP_BAD_SYN);
	syn.tsval = 1005;
	EXPECT_EQ(e.arrive(syn), SL_TCP_NEW_SYN);
	syn.seq = e.peer_seq(0) - 100000;
	EXPECT_EQ(e.arrive(syn), SL_TCP_BAD_SYN);
	syn.tsval = 1006;
	EXPECT_EQ(e.arrive(syn), SL_TCP_NEW_SYN);
}

// ---- ACK

TEST(TimeWait, IsProlongedByThePeersFinOnly)
{
	RecordProperty("rfc", "9293 3.10.7.4-8, 5961 5.2");
	Endpoint e;
	e.to_time_wait();
	const uint64_t deadline = sl_tcp_next_deadline(&e.tcp, &e.tcb);
	e.run_ms(1000);
	e.arrive(e.peer(uint32_t(0u - 50000), 1, "", SL_ACK | SL_FIN)); // another number
	e.arrive(e.peer(0, 1000, "", SL_ACK | SL_FIN));                 // another ACK
	EXPECT_EQ(sl_tcp_next_deadline(&e.tcp, &e.tcb), deadline);
	e.arrive(e.peer(0, 1, "", SL_ACK | SL_FIN));
	EXPECT_EQ(sl_tcp_next_deadline(&e.tcp, &e.tcb), deadline + 1000000);
}

TEST_P(States, WhatHasNoAckIsDropped)
{
	RecordProperty("rfc", "9293 3.10.7.4-5");
	Endpoint e;
	e.to(GetParam());
	EXPECT_EQ(e.arrive(e.peer(came(GetParam()), 0, "data", SL_FIN)), SL_TCP_NO_ACK);
	EXPECT_EQ(e.state(), GetParam());
	EXPECT_TRUE(e.quiet());
}

TEST_P(States, AnAckOfWhatWasNeverSentIsAnsweredAndDropped)
{
	RecordProperty("rfc", "9293 3.10.7.4-5, 5961 5.2");
	Endpoint e;
	e.to(GetParam());
	EXPECT_EQ(e.arrive(e.peer(came(GetParam()), sent(GetParam()) + 1, "data")), SL_TCP_BAD_ACK);
	EXPECT_EQ(e.state(), GetParam());
	EXPECT_EQ(e.sent_next().seq, e.seq(sent(GetParam())));
	EXPECT_EQ(sl_tcp_readable(&e.tcb), 0u);
}

TEST(Ack, FarBelowTheWindowIsAnsweredAndDropped)
{
	RecordProperty("rfc", "5961 5.2");
	Endpoint e;
	e.wnd = 1000;
	e.to_established();
	Segment s = e.peer(0, 0, "data");
	s.ack = e.seq(0) - 1000;
	EXPECT_EQ(e.arrive(s), SL_TCP_TAKEN);
	EXPECT_EQ(e.receive(), "data");
	s = e.peer(4, 0, "more");
	s.ack = e.seq(0) - 1001;
	EXPECT_EQ(e.arrive(s), SL_TCP_BAD_ACK);
	EXPECT_EQ(e.receive(), "");
}

// ---- Closing

TEST(Close, ActiveWaitsTwiceTheMsl)
{
	RecordProperty("rfc", "9293 3.10.4, 9293 MUST-13, 9293 MUST-12");
	Endpoint e;
	e.options.time_wait_ms = 60000;
	e.to_established();
	e.shutdown();
	EXPECT_EQ(e.state(), SL_TCP_FIN_WAIT_1);
	const Segment fin = e.sent_next();
	EXPECT_EQ(fin.flags, SL_ACK | SL_FIN);
	EXPECT_EQ(fin.seq, e.seq(0));
	e.arrive(e.peer(0, 1));
	EXPECT_EQ(e.state(), SL_TCP_FIN_WAIT_2);
	e.arrive(e.peer(0, 1, "", SL_ACK | SL_FIN));
	EXPECT_EQ(e.state(), SL_TCP_TIME_WAIT);
	const Segment ack = e.sent_next();
	EXPECT_EQ(ack.flags, SL_ACK);
	EXPECT_EQ(ack.ack, e.peer_seq(1));
	e.run_ms(59000);
	EXPECT_EQ(e.state(), SL_TCP_TIME_WAIT);
	// The FIN again: its ACK was lost. The wait begins anew.
	e.arrive(e.peer(0, 1, "", SL_ACK | SL_FIN));
	EXPECT_EQ(e.sent_next().ack, e.peer_seq(1));
	e.run_ms(59000);
	EXPECT_EQ(e.state(), SL_TCP_TIME_WAIT);
	e.run_ms(1100);
	EXPECT_EQ(e.state(), SL_TCP_CLOSED);
	EXPECT_EQ(e.end(), SL_TCP_END_CLOSED);
	EXPECT_TRUE(e.quiet());
}

TEST(Close, PassiveEndsWithTheAckOfItsFin)
{
	RecordProperty("rfc", "9293 3.10.4");
	Endpoint e;
	e.to_close_wait();
	EXPECT_TRUE(sl_tcp_at_end(&e.tcb));
	e.shutdown();
	EXPECT_EQ(e.state(), SL_TCP_LAST_ACK);
	EXPECT_EQ(e.sent_next().flags, SL_ACK | SL_FIN);
	e.arrive(e.peer(1, 1));
	EXPECT_EQ(e.state(), SL_TCP_CLOSED);
	EXPECT_EQ(e.end(), SL_TCP_END_CLOSED);
}

TEST(Close, BothAtOnce)
{
	RecordProperty("rfc", "9293 3.6-simultaneous");
	Endpoint e;
	e.to_fin_wait_1();
	e.arrive(e.peer(0, 0, "", SL_ACK | SL_FIN));
	EXPECT_EQ(e.state(), SL_TCP_CLOSING);
	EXPECT_EQ(e.sent_next().ack, e.peer_seq(1));
	e.arrive(e.peer(1, 1));
	EXPECT_EQ(e.state(), SL_TCP_TIME_WAIT);
}

TEST(Close, AFinWithTheAckOfOursGoesStraightToTimeWait)
{
	RecordProperty("rfc", "9293 3.10.7.4-8");
	Endpoint e;
	e.to_fin_wait_1();
	e.arrive(e.peer(0, 1, "bye", SL_ACK | SL_FIN));
	EXPECT_EQ(e.state(), SL_TCP_TIME_WAIT);
	EXPECT_EQ(e.receive(), "bye");
}

TEST(Close, TheOtherHalfGoesOn)
{
	RecordProperty("rfc", "9293 3.6-half");
	Endpoint e;
	e.to_fin_wait_2();
	e.run_ms(24 * 3600 * 1000);
	EXPECT_EQ(e.state(), SL_TCP_FIN_WAIT_2); // nobody has gone: no limit
	e.arrive(e.peer(0, 1, "still here"));
	EXPECT_EQ(e.receive(), "still here");
	e.drop();

	Endpoint f;
	f.to_close_wait();
	EXPECT_EQ(f.send("still here"), 10u);
	EXPECT_EQ(f.sent_next().payload, "still here");
	f.arrive(f.peer(1, 10));
	EXPECT_EQ(f.state(), SL_TCP_CLOSE_WAIT);
}

TEST(Close, ThatCameDuringTheHandshakeFollowsIt)
{
	RecordProperty("rfc", "9293 3.10.4");
	for (sl_tcp_state s : {SL_TCP_SYN_SENT, SL_TCP_SYN_RECEIVED}) {
		Endpoint e;
		e.to(s);
		e.send("data");
		e.shutdown();
		EXPECT_EQ(e.state(), s);
		EXPECT_TRUE(e.quiet());
		e.arrive(s == SL_TCP_SYN_SENT ? e.peer_syn(SL_SYN | SL_ACK) : e.peer(0, 0));
		EXPECT_EQ(e.state(), SL_TCP_FIN_WAIT_1);
		const Segment fin = e.sent_next();
		EXPECT_EQ(fin.payload, "data");
		EXPECT_TRUE(fin.flags & SL_FIN);
	}
}

TEST(Close, OfASynThatNobodyAnsweredForgetsIt)
{
	RecordProperty("rfc", "9293 3.10.4");
	Endpoint e;
	e.to_syn_sent();
	e.shutdown();
	EXPECT_EQ(e.state(), SL_TCP_CLOSED);
	EXPECT_EQ(e.end(), SL_TCP_END_ABORTED);
	EXPECT_TRUE(e.quiet());
}

TEST(Close, WithDataUnreadIsAReset)
{
	RecordProperty("rfc", "9293 SHLD-3");
	Endpoint e;
	e.to_established();
	e.arrive(e.peer(0, 0, "unread"));
	e.close();
	EXPECT_EQ(e.end(), SL_TCP_END_DATA_LOST);
	EXPECT_TRUE(e.sent_next().flags & SL_RST);
}

TEST(Close, DataThatComesAfterwardsIsAReset)
{
	RecordProperty("rfc", "9293 3.6.1, 1122 4.2.2.13");
	Endpoint e;
	e.to_established();
	e.close();
	e.sent.clear();
	e.arrive(e.peer(0, 1, "too late"));
	EXPECT_EQ(e.end(), SL_TCP_END_DATA_LOST);
	EXPECT_EQ(e.sent_next().flags & SL_RST, SL_RST);
}

// FIN_WAIT_2 without end.
TEST(Close, APeerThatNeverClosesIsNotWaitedForForEver)
{
	Endpoint e;
	e.options.fin_wait_2_ms = 60000;
	e.to_established();
	e.close();
	e.arrive(e.peer(0, 1));
	EXPECT_EQ(e.state(), SL_TCP_FIN_WAIT_2);
	e.sent.clear();
	e.run_ms(59000);
	EXPECT_EQ(e.state(), SL_TCP_FIN_WAIT_2);
	e.run_ms(2000);
	EXPECT_EQ(e.end(), SL_TCP_END_FIN_WAIT_2);
	EXPECT_TRUE(e.sent_next().flags & SL_RST);
}

TEST_P(States, AnAbortResetsWhereThePeerIsNotDone)
{
	RecordProperty("rfc", "9293 3.10.5, 9293 MUST-12");
	Endpoint e;
	e.to(GetParam());
	e.abort();
	EXPECT_EQ(e.state(), SL_TCP_CLOSED);
	EXPECT_EQ(e.end(), SL_TCP_END_ABORTED);
	if (GetParam() == SL_TCP_TIME_WAIT) {
		EXPECT_TRUE(e.quiet());
		return;
	}
	const Segment rst = e.sent_next();
	EXPECT_TRUE(rst.flags & SL_RST);
	EXPECT_EQ(rst.seq, e.seq(sent(GetParam())));
}

TEST(Fin, ThatComesTooEarlyWaitsForWhatIsMissing)
{
	RecordProperty("rfc", "9293 3.10.7.4-8");
	Endpoint e;
	e.to_established();
	e.arrive(e.peer(3, 0, "def", SL_ACK | SL_FIN));
	EXPECT_EQ(e.state(), SL_TCP_ESTABLISHED);
	EXPECT_EQ(e.sent_next().ack, e.peer_seq(0));
	e.arrive(e.peer(0, 0, "abc"));
	EXPECT_EQ(e.state(), SL_TCP_CLOSE_WAIT);
	EXPECT_EQ(e.sent_next().ack, e.peer_seq(7));
	EXPECT_EQ(e.receive(), "abcdef");
	EXPECT_TRUE(sl_tcp_at_end(&e.tcb));
}

TEST_P(States, AFinAgainIsAcknowledgedAgain)
{
	RecordProperty("rfc", "9293 3.10.7.4-8");
	if (!came(GetParam()))
		return;
	Endpoint e;
	e.to(GetParam());
	e.arrive(e.peer(0, acked(GetParam()), "", SL_ACK | SL_FIN));
	EXPECT_EQ(e.state(), GetParam());
	EXPECT_EQ(e.sent_next().ack, e.peer_seq(1));
}

INSTANTIATE_TEST_SUITE_P(Of, States, ::testing::ValuesIn(kSynchronized), [](const auto &param) {
	std::string name = sl_tcp_state_name(param.param);
	for (char &c : name)
		c = c == '-' ? '_' : c;
	return name;
});

} // namespace
