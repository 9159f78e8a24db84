// SPDX-License-Identifier: BSD-3-Clause
// Sending and receiving: when segments go, acknowledgments, what comes out of order, urgent data
// (RFC 9293 sections 3.7.4, 3.8.5, 3.8.6.3; RFC 2018, 2883).
#include "endpoint.h"

namespace
{

// ---- What a segment carries, and when it goes

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

using Blocks = std::vector<std::pair<uint32_t, uint32_t>>;

// The SACK blocks of the answer to a segment, from the first byte of the stream on.
Blocks blocks_after(Endpoint &e, uint32_t at, uint32_t n)
{
	e.sent.clear();
	e.arrive(e.peer(at, 0, pattern(at, n)));
	Blocks blocks = e.sent_next().sack;
	for (auto &block : blocks) {
		block.first -= e.peer_seq(0);
		block.second -= e.peer_seq(0);
	}
	EXPECT_TRUE(e.quiet());
	return blocks;
}

TEST(DuplicateSack, OfWhatIsHeldIsFollowedByTheBlockThatHoldsIt)
{
	RecordProperty("rfc", "2883 4");
	Endpoint e;
	e.to_established();
	blocks_after(e, 1000, 500);
	blocks_after(e, 3000, 500);
	blocks_after(e, 3500, 500);
	blocks_after(e, 5000, 500);
	// A whole segment, and a part of a larger block.
	EXPECT_EQ(blocks_after(e, 1000, 500),
		  (Blocks{{1000, 1500}, {1000, 1500}, {5000, 5500}, {3000, 4000}}));
	EXPECT_EQ(blocks_after(e, 3000, 500),
		  (Blocks{{3000, 3500}, {3000, 4000}, {1000, 1500}, {5000, 5500}}));
	// Once.
	EXPECT_EQ(blocks_after(e, 7000, 500),
		  (Blocks{{7000, 7500}, {3000, 4000}, {1000, 1500}, {5000, 5500}}));
}

TEST(DuplicateSack, OfAPartOfASegmentTellsThatPart)
{
	RecordProperty("rfc", "2883 4");
	Endpoint e;
	e.to_established();
	blocks_after(e, 1000, 500);
	EXPECT_EQ(blocks_after(e, 1200, 800), (Blocks{{1200, 1500}, {1000, 2000}}));
	EXPECT_EQ(blocks_after(e, 800, 400), (Blocks{{1000, 1200}, {800, 2000}}));
	// Two parts that do not touch: the lower one. Section 4.2.3.
	blocks_after(e, 2500, 500);
	EXPECT_EQ(blocks_after(e, 1900, 1000), (Blocks{{1900, 2000}, {800, 3000}}));
	// The hole is filled: it lies below the ACK now.
	EXPECT_EQ(blocks_after(e, 0, 1000), (Blocks{{800, 1000}}));
	EXPECT_EQ(sl_tcp_readable(&e.tcb), 3000u);
}

TEST(DuplicateSack, BelowTheAckComesBeforeOneAboveIt)
{
	RecordProperty("rfc", "2883 4");
	Endpoint e;
	e.to_established();
	e.arrive(e.peer(0, 0, pattern(0, 500)));
	blocks_after(e, 1000, 500);
	EXPECT_EQ(blocks_after(e, 250, 1000), (Blocks{{250, 500}}));
}

TEST(DuplicateSack, IsFollowedByItsBlockWhereThereIsNoMemoryToKeepItAgain)
{
	RecordProperty("rfc", "2883 4");
	Endpoint e(12);
	e.to_established();
	blocks_after(e, 1000, 500);
	blocks_after(e, 10000, 500);
	std::vector<tcp_block *> taken;
	while (tcp_pool_spare(&e.tcp.pool) > 0)
		taken.push_back(tcp_pool_take(&e.tcp.pool));
	EXPECT_EQ(blocks_after(e, 1000, 500), (Blocks{{1000, 1500}, {1000, 1500}, {10000, 10500}}));
	for (tcp_block *block : taken)
		tcp_pool_give(&e.tcp.pool, block);
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

// Anybody may say so who knows about where the window is; what comes afterwards shows.
TEST(Receive, AFinBeforeDataThatComesIsNone)
{
	RecordProperty("rfc", "9293 3.10.7.4");
	Endpoint e;
	e.to_established();
	e.arrive(e.peer(50, 0, "", SL_ACK | SL_FIN));
	e.arrive(e.peer(0, 0, pattern(0, 100)));
	EXPECT_EQ(e.state(), SL_TCP_ESTABLISHED);
	e.sent.clear();
	e.arrive(e.peer(100, 0, "", SL_ACK | SL_FIN));
	EXPECT_EQ(e.state(), SL_TCP_CLOSE_WAIT);
	EXPECT_EQ(e.sent_next().ack, e.peer_seq(101));
}

// A FIN that comes in order is believed, whatever came ahead of it.
TEST(Receive, AFinInOrderIsTakenBeforeOneThatCameTooEarly)
{
	RecordProperty("rfc", "9293 3.10.7.4-8");
	Endpoint e;
	e.to_established();
	e.arrive(e.peer(500, 0, "", SL_ACK | SL_FIN));
	e.arrive(e.peer(0, 0, "all of it", SL_ACK | SL_FIN));
	EXPECT_EQ(e.state(), SL_TCP_CLOSE_WAIT);
	EXPECT_EQ(e.receive(), "all of it");
	EXPECT_TRUE(sl_tcp_at_end(&e.tcb));
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
// What is not kept holds no memory.
TEST(Receive, OneHoleTooManyTakesNoBlock)
{
	Endpoint e(200);
	e.options.receive_buffer = 1 << 20;
	e.options.wscale = 7;
	e.to_established();
	const uint32_t before = tcp_pool_spare(&e.tcp.pool);
	for (uint32_t k = 1; k <= 100; k++)
		e.arrive(e.peer(TCP_BLOCK * k - 1000, 0, "x"));
	EXPECT_EQ(before - tcp_pool_spare(&e.tcp.pool), TCP_RANGES + 1u);
}

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

} // namespace
