// SPDX-License-Identifier: BSD-3-Clause
// RSTs and SYNs into a connection that stands, and what is left after its end.
#include "road.h"

using namespace sl_test;

namespace
{

class Reset : public OnRoad
{
      protected:
	void SetUp() override
	{
		talk.open();
		road.outside(talk.c(SL_ACK, 1, 1, std::string(100, 'c')));
		road.inside(talk.s(SL_ACK, 1, 101, std::string(50, 's')));
		road.outside(talk.c(SL_ACK, 101, 51));
	}
};

TEST_P(Reset, ExactOneOfTheClientEndsIt)
{
	cite("RFC 9293 section 3.10.7.4, second; RFC 5961 section 3");
	const Sent rst = only(road.outside(talk.c(SL_RST, 101, 0)));
	EXPECT_EQ(rst.port, 1u);
	EXPECT_EQ(rst.seg.flags, SL_RST);
	EXPECT_EQ(rst.seg.seq, talk.isn + 101);
	EXPECT_EQ(road.states(), "CLOSED CLOSED");
	EXPECT_EQ(road.timer(), "tombstone");
	EXPECT_EQ(road.events(SL_EVENT_connections_reset), 1u);
}

TEST_P(Reset, LostOnItsWayIsRepeatedForTenSeconds)
{
	cite("RFC 9293 section 3.10.7.1: an ACK to what is CLOSED gets a RST at SEG.ACK");
	road.outside(talk.c(SL_RST, 101, 0)); /* and the server never hears of it */
	const Sent rst = only(road.inside(talk.s(SL_ACK, 51, 101, "late")));
	EXPECT_EQ(rst.port, 1u);
	EXPECT_EQ(rst.fate, SL_FATE_ANSWERED);
	EXPECT_EQ(rst.seg.flags, SL_RST);
	EXPECT_EQ(rst.seg.seq, talk.isn + 101);
	EXPECT_TRUE(road.inside(talk.s(SL_RST, 51, 0)).empty()) << "no RST for a RST";
	road.advance(10020);
	EXPECT_TRUE(road.inside(talk.s(SL_ACK, 51, 101, "late")).empty());
	EXPECT_EQ(road.drops(SL_DROP_closed), 2u);
}

TEST_P(Reset, IsRepeatedFourTimesASecond)
{
	cite("RFC 5961 section 7: what answers strangers is limited");
	road.outside(talk.c(SL_RST, 101, 0));
	for (unsigned second = 0; second < 3; second++) {
		for (unsigned i = 0; i < 20; i++)
			EXPECT_EQ(road.inside(talk.s(SL_ACK, 51, 101, "late")).size(), i < 4) << i;
		EXPECT_EQ(road.drops(SL_DROP_limited), 16u * (second + 1));
		road.advance(1000);
	}
}

TEST(ClosedConnections, AnswerAThousandTimesASecondTogether)
{
	RoadOptions o;
	o.n_connections = 1024;
	Road road(o);
	Talk talk(road);
	std::vector<Talk> talks;
	for (unsigned i = 0; i < 300; i++, talk.cport++) {
		talk.open();
		talks.push_back(talk);
	}
	for (const Talk &t : talks)
		road.outside(t.c(SL_RST, 1, 0));
	const uint64_t before = road.term(SL_TERM_answered);
	for (const Talk &t : talks)
		for (unsigned i = 0; i < 4; i++)
			road.inside(t.s(SL_ACK, 1, 1, "late"));
	EXPECT_EQ(road.term(SL_TERM_answered), before + 1000);
	EXPECT_EQ(road.drops(SL_DROP_limited), 200u);
}

TEST_P(Reset, ExactOneOfTheServerEndsIt)
{
	cite("RFC 9293 section 3.10.7.4, second");
	const Sent rst = only(road.inside(talk.s(SL_RST | SL_ACK, 51, 101)));
	EXPECT_EQ(rst.port, 0u);
	EXPECT_EQ(rst.seg.seq, talk.cookie + 51);
	EXPECT_EQ(rst.seg.ack, talk.isn + 101);
	EXPECT_EQ(road.states(), "CLOSED CLOSED");
}

TEST_P(Reset, AtTheReceiversLastAckEndsIt)
{
	cite("design section 6: at the receiver's last ACK or the sender's highest sequence");
	road.outside(talk.c(SL_ACK, 101, 51, "unacknowledged"));
	EXPECT_EQ(only(road.outside(talk.c(SL_RST, 101, 0))).seg.seq, talk.isn + 101);
	EXPECT_EQ(road.states(), "CLOSED CLOSED");
}

TEST_P(Reset, InexactOneGoesOnAndItsReceiverIsAsked)
{
	cite("RFC 5961 section 3; design section 6");
	EXPECT_EQ(only(road.outside(talk.c(SL_RST, 500, 0))).port, 1u);
	EXPECT_EQ(road.states(), "ESTABLISHED ESTABLISHED");
	EXPECT_EQ(road.timer(), "reset");
	const Road::Out asked = road.advance(9980);
	ASSERT_EQ(asked.size(), 3u);
	for (const Sent &s : asked) {
		EXPECT_EQ(s.port, 1u);
		EXPECT_EQ(s.seg.seq, talk.isn + 100) << "below the server's window: it must answer";
		EXPECT_EQ(s.seg.ack, talk.iss + 51);
	}
	EXPECT_EQ(road.states(), "ESTABLISHED ESTABLISHED");
	const Road::Out told = road.advance(40);
	EXPECT_EQ(only(by_port(told, 0)).seg.seq, talk.cookie + 51);
	EXPECT_EQ(only(by_port(told, 1)).seg.seq, talk.isn + 101);
	for (const Sent &s : told)
		EXPECT_TRUE(s.seg.flags & SL_RST);
	EXPECT_EQ(road.states(), "CLOSED CLOSED");
	EXPECT_EQ(road.events(SL_EVENT_connections_reset), 1u);
}

TEST_P(Reset, OneBelowTheWindowRaisesNoDoubt)
{
	cite("RFC 5961 section 3.2: outside of the receive window, silently dropped");
	for (const uint32_t seq : {0u, 1u, 100u, -60000u})
		EXPECT_TRUE(road.outside(talk.c(SL_RST, seq, 0)).empty()) << seq;
	for (const uint32_t seq : {0u, 1u, 50u, -60000u})
		EXPECT_TRUE(road.inside(talk.s(SL_RST | SL_ACK, seq, 101)).empty()) << seq;
	EXPECT_EQ(road.drops(SL_DROP_rst_out_of_window), 8u);
	EXPECT_EQ(road.timer(), "idle");
	road.advance(60000, 1000);
	EXPECT_EQ(road.states(), "ESTABLISHED ESTABLISHED");
}

TEST_P(Reset, OnesFromBothEndsAskBoth)
{
	road.outside(talk.c(SL_RST, 500, 0));
	road.inside(talk.s(SL_RST, 800, 0));
	const Road::Out asked = road.advance(2600);
	EXPECT_EQ(only(by_port(asked, 0)).seg.seq, talk.cookie + 50);
	EXPECT_EQ(only(by_port(asked, 1)).seg.seq, talk.isn + 100);
	road.inside(talk.s(SL_ACK, 51, 101));
	EXPECT_EQ(road.timer(), "reset");
	road.outside(talk.c(SL_ACK, 101, 51));
	EXPECT_EQ(road.timer(), "idle");
	// The keepalive that follows has its full count of probes.
	EXPECT_EQ(road.advance(7200000 + 100, 1000).size(), 2u);
}

TEST_P(Reset, MoreOfThemDoNotPutOffTheEnd)
{
	for (uint32_t seq = 500; road.states() == "ESTABLISHED ESTABLISHED" && seq < 600; seq++) {
		road.outside(talk.c(SL_RST, seq, 0));
		road.advance(1000);
	}
	EXPECT_EQ(road.states(), "CLOSED CLOSED");
}

TEST_P(Reset, InexactOneIsUndoneByTheNextSegment)
{
	cite("design section 6");
	road.outside(talk.c(SL_RST, 500, 0));
	road.advance(5000);
	EXPECT_EQ(only(road.inside(talk.s(SL_ACK, 51, 101))).port, 0u);
	EXPECT_EQ(road.timer(), "idle");
	road.advance(60000, 1000);
	EXPECT_EQ(road.states(), "ESTABLISHED ESTABLISHED");
}

TEST_P(Reset, OutOfWindowIsDropped)
{
	cite("RFC 9293 section 3.10.7.4, first; RFC 5961 section 3");
	EXPECT_TRUE(road.outside(talk.c(SL_RST, 0x40000000, 0)).empty());
	EXPECT_TRUE(road.inside(talk.s(SL_RST, 0xc0000000, 0)).empty());
	EXPECT_EQ(road.drops(SL_DROP_rst_out_of_window), 2u);
	EXPECT_EQ(road.timer(), "idle");
}

TEST_P(Reset, SynGoesInOnceASecond)
{
	cite("RFC 5961 section 4; design section 6");
	Frame syn = talk.syn();
	syn.seq = talk.isn + 123456;
	const Sent s = only(road.outside(syn));
	EXPECT_EQ(s.port, 1u);
	EXPECT_EQ(s.bytes, syn.bytes());
	EXPECT_TRUE(road.outside(syn).empty());
	EXPECT_EQ(road.drops(SL_DROP_limited), 1u);
	road.advance(1000);
	EXPECT_EQ(road.outside(syn).size(), 1u);
}

TEST_P(Reset, ClientThatLostItsMemoryGetsThrough)
{
	cite("RFC 9293 section 3.5.1, figure 9; RFC 5961 section 4");
	Talk reborn = talk;
	reborn.isn = talk.isn + 99999;
	road.outside(reborn.syn());
	const Sent challenge = only(road.inside(talk.s(SL_ACK, 51, 101)));
	EXPECT_EQ(challenge.seg.ack, talk.isn + 101);
	EXPECT_EQ(challenge.seg.seq, talk.cookie + 51);
	Frame rst = talk.c(SL_RST, 0, 0);
	rst.seq = challenge.seg.ack;
	road.outside(rst);
	EXPECT_EQ(road.states(), "CLOSED CLOSED");
	road.advance(1000);
	reborn.iss += 5000;
	reborn.open();
	EXPECT_EQ(road.states(), "ESTABLISHED ESTABLISHED");
}

TEST_P(Reset, SynAckOfAnotherNumberIsDropped)
{
	cite("design section 6");
	Frame f = talk.synack();
	f.seq += 7;
	EXPECT_TRUE(road.inside(f).empty());
	EXPECT_TRUE(road.outside(talk.c(SL_SYN | SL_ACK, 0, 1)).empty());
	EXPECT_EQ(road.drops(SL_DROP_stray), 2u);
}

TEST_P(Reset, TombstoneRefusesTheReplayAndAdmitsANewcomer)
{
	cite("design section 5: a tombstone for the cookie's life");
	road.outside(talk.c(SL_RST, 101, 0));
	EXPECT_EQ(only(road.outside(talk.c(SL_ACK, 1, 1))).seg.flags, SL_RST) << "perhaps its own";
	EXPECT_EQ(road.states(), "CLOSED CLOSED");
	road.advance(10020);
	EXPECT_TRUE(road.outside(talk.c(SL_ACK, 1, 1)).empty());
	EXPECT_TRUE(road.outside(talk.c(SL_ACK, 1, 1, "again")).empty());
	EXPECT_EQ(road.drops(SL_DROP_replayed), 2u);
	Talk next = talk;
	next.isn -= 777;
	next.ask();
	EXPECT_EQ(road.states(), "CLOSED CLOSED");
	EXPECT_EQ(only(road.outside(next.c(SL_ACK, 1, 1))).seg.seq, next.isn);
	EXPECT_EQ(road.states(), "ESTABLISHED SYN-SENT");
	EXPECT_EQ(road.count(), 1u);
}

TEST_P(Reset, TombstoneGoesAfterTheCookiesLife)
{
	cite("design section 5");
	road.outside(talk.c(SL_RST, 101, 0));
	road.advance(95980, 10);
	EXPECT_EQ(road.count(), 1u);
	road.advance(40);
	EXPECT_EQ(road.count(), 0u);
}

TEST_P(Reset, SegmentsThatFitNothingMoveNothing)
{
	cite("RFC 9293 section 3.10.7.4, first; design section 6: the ends judge");
	EXPECT_EQ(road.outside(talk.c(SL_FIN | SL_ACK, 0x50000000, 51)).size(), 1u);
	EXPECT_EQ(road.outside(talk.c(SL_FIN | SL_ACK, 101, 0x50000000)).size(), 1u);
	EXPECT_EQ(road.inside(talk.s(SL_FIN | SL_ACK, 0x90000000, 101)).size(), 1u);
	EXPECT_EQ(road.states(), "ESTABLISHED ESTABLISHED");
	EXPECT_EQ(road.info().bytes[SL_LEG_CLIENT], 100u);
}

INSTANTIATE_TEST_SUITE_P(All, Reset, ::testing::ValuesIn(kNumbers));

} // namespace
