// SPDX-License-Identifier: BSD-3-Clause
// Nothing stays for ever: each limit, what restarts it, and what both ends hear of it.
#include "road.h"

using namespace sl_test;

namespace
{

class Limits : public OnRoad
{
      protected:
	Limits()
	    : OnRoad(RoadOptions::with_limits([](sl_limits &l) {
		      l.idle_ms = 100000;
		      l.probe_interval_ms = 5000;
		      l.probes = 3;
		      l.close_wait_ms = 40000;
		      l.fin_wait_2_ms = 20000;
	      }))
	{
	}

	void SetUp() override
	{
		talk.open();
	}

	void request()
	{
		road.outside(talk.c(SL_ACK, 1, 1, "request"));
		road.inside(talk.s(SL_ACK, 1, 8));
	}

	/// Nothing until just before `ms`; then the connection is reclaimed. Returns the RSTs.
	Road::Out reclaimed_after(uint64_t ms, sl_event why)
	{
		EXPECT_TRUE(road.advance(ms - 20).empty());
		EXPECT_NE(road.states(), "CLOSED CLOSED");
		const Road::Out out = road.advance(40);
		EXPECT_EQ(road.states(), "CLOSED CLOSED");
		EXPECT_EQ(road.events(why), 1u);
		for (const Sent &s : out)
			EXPECT_TRUE(s.seg.flags & SL_RST);
		EXPECT_EQ(road.events(SL_EVENT_rst_sent), out.size());
		return out;
	}
};

TEST_P(Limits, SilentClient)
{
	cite("design section 9: limits.silent");
	EXPECT_EQ(road.timer(), "silent");
	const Road::Out out = reclaimed_after(60000, SL_EVENT_reclaimed_silent);
	EXPECT_EQ(only(by_port(out, 0)).seg.seq, talk.cookie + 1);
	EXPECT_EQ(only(by_port(out, 0)).seg.ack, talk.isn + 1);
	EXPECT_EQ(only(by_port(out, 1)).seg.seq, talk.isn + 1);
	EXPECT_EQ(only(by_port(out, 1)).seg.ack, talk.iss + 1);
}

TEST_P(Limits, InexactRstsDoNotKeepAClientThatSaysNothing)
{
	cite("design section 9: limits.silent");
	for (unsigned i = 0; i < 3; i++) {
		road.advance(19000, 100);
		EXPECT_EQ(road.outside(talk.c(SL_RST, 100, 0)).size(), 1u);
		// A challenge ACK: RFC 5961 section 3.2.
		EXPECT_EQ(road.inside(talk.s(SL_ACK, 1, 1)).size(), 1u);
	}
	reclaimed_after(3000, SL_EVENT_reclaimed_silent);
}

TEST_P(Limits, AcksAloneDoNotKeepASilentClient)
{
	cite("design section 9");
	road.advance(50000, 100);
	road.outside(talk.c(SL_ACK, 1, 1));
	reclaimed_after(10000, SL_EVENT_reclaimed_silent);
}

TEST_P(Limits, DataOfTheServerRestartsSilent)
{
	cite("design section 9");
	road.advance(50000, 100);
	road.inside(talk.s(SL_ACK, 1, 1, "220 ready"));
	road.outside(talk.c(SL_ACK, 1, 10));
	reclaimed_after(60000, SL_EVENT_reclaimed_silent);
}

TEST_P(Limits, DataOfTheClientLiftsSilent)
{
	cite("design section 9");
	request();
	EXPECT_EQ(road.timer(), "idle");
	EXPECT_TRUE(road.advance(99980, 20).empty());
	EXPECT_EQ(road.states(), "ESTABLISHED ESTABLISHED");
}

TEST_P(Limits, IdleShorterThanSilentProbesAClientThatNeverSpoke)
{
	cite("design section 9: the shorter limit counts");
	Road quick(RoadOptions::with_limits([](sl_limits &l) {
		l.idle_ms = 5000;
		l.probe_interval_ms = 1000;
		l.probes = 2;
	}));
	Talk t(quick);
	t.open();
	EXPECT_TRUE(quick.advance(4980).empty());
	EXPECT_EQ(quick.advance(40).size(), 2u) << "probes";
	quick.outside(t.c(SL_ACK, 1, 1));
	quick.inside(t.s(SL_ACK, 1, 1));
	EXPECT_TRUE(quick.advance(4960).empty()) << "both have answered";
	EXPECT_EQ(quick.advance(60).size(), 2u) << "probes again";
	quick.inside(t.s(SL_ACK, 1, 1));
	quick.advance(2100);
	EXPECT_EQ(quick.states(), "CLOSED CLOSED");
	EXPECT_EQ(quick.events(SL_EVENT_reclaimed_idle), 1u);
}

TEST_P(Limits, IdleShorterThanBetweenTwoProbesBeginsWithTheAnswer)
{
	cite("RFC 1122 section 4.2.3.6; design section 9");
	Road quick(RoadOptions::with_limits([](sl_limits &l) {
		l.idle_ms = 2000;
		l.probe_interval_ms = 20000;
	}));
	Talk t(quick);
	t.open();
	EXPECT_EQ(quick.advance(2020).size(), 2u) << "probes";
	quick.outside(t.c(SL_ACK, 1, 1));
	quick.inside(t.s(SL_ACK, 1, 1));
	EXPECT_TRUE(quick.advance(1960).empty());
	EXPECT_EQ(quick.advance(60).size(), 2u) << "probes again";
}

TEST_P(Limits, IdleConnectionWhoseEndsAnswerLives)
{
	cite("RFC 1122 section 4.2.3.6");
	request();
	for (int round = 0; round < 3; round++) {
		EXPECT_TRUE(road.advance(99980, 20).empty());
		const Road::Out out = road.advance(40);
		const Sent c = only(by_port(out, 0)), s = only(by_port(out, 1));
		EXPECT_EQ(c.seg.flags, SL_ACK);
		EXPECT_EQ(c.seg.seq, talk.cookie);
		EXPECT_EQ(c.seg.ack, talk.isn + 8);
		EXPECT_EQ(c.seg.payload_len, 0);
		EXPECT_EQ(s.seg.flags, SL_ACK);
		EXPECT_EQ(s.seg.seq, talk.isn + 7);
		EXPECT_EQ(s.seg.ack, talk.iss + 1);
		EXPECT_EQ(road.timer(), "keepalive");
		EXPECT_TRUE(road.outside(talk.c(SL_ACK, 8, 1)).empty());
		EXPECT_TRUE(road.inside(talk.s(SL_ACK, 1, 8)).empty());
		EXPECT_EQ(road.timer(), "idle");
	}
	EXPECT_EQ(road.events(SL_EVENT_probes_sent), 6u);
}

TEST_P(Limits, IdleConnectionOfWhichOneEndVanishedIsReclaimed)
{
	cite("RFC 1122 section 4.2.3.6; design section 9: limits.probes");
	request();
	road.advance(100020, 20);
	EXPECT_TRUE(road.outside(talk.c(SL_ACK, 8, 1)).empty());
	EXPECT_EQ(only(road.advance(5000)).port, 1u) << "only who has not answered";
	EXPECT_EQ(only(road.advance(5000)).port, 1u);
	const Road::Out out = road.advance(5000);
	EXPECT_EQ(road.states(), "CLOSED CLOSED");
	EXPECT_EQ(road.events(SL_EVENT_reclaimed_idle), 1u);
	EXPECT_EQ(only(by_port(out, 0)).seg.seq, talk.cookie + 1);
	EXPECT_EQ(only(by_port(out, 1)).seg.seq, talk.isn + 8);
}

TEST_P(Limits, ProbesFindAnEndWhoseMacHasMoved)
{
	cite("design section 3: a connection refreshes its link-layer headers");
	request();
	road.advance(100010);
	Frame answer = talk.c(SL_ACK, 8, 1);
	answer.dmac = {2, 0, 0, 0, 0x77, 1}; // the client has heard of it
	EXPECT_TRUE(road.outside(answer).empty());
	const Sent probe = by_port(road.advance(5010), 1).back();
	EXPECT_EQ(Bytes(probe.bytes.begin(), probe.bytes.begin() + 6),
		  Bytes({2, 0, 0, 0, 0x77, 1}));
}

// An ACK that comes late says of a window what is so no longer: a probe carries the last one.
TEST_P(Limits, ProbesCarryTheWindowOfTheLatestAck)
{
	cite("RFC 9293 section 3.10.7.4: SND.WL1, SND.WL2");
	request();
	road.inside(talk.s(SL_ACK, 1, 8, "answer"));
	Frame late = talk.c(SL_ACK, 8, 1), last = talk.c(SL_ACK, 8, 7);
	late.wnd = 900;
	last.wnd = 500;
	road.outside(last);
	road.outside(late);
	EXPECT_EQ(by_port(road.advance(100020), 1).at(0).seg.wnd, 500);
}

TEST_P(Limits, DataWhileProbedGoesOn)
{
	cite("RFC 1122 section 4.2.3.6");
	request();
	road.advance(100020, 20);
	EXPECT_EQ(only(road.outside(talk.c(SL_ACK, 8, 1, "more"))).payload(), "more");
	EXPECT_EQ(only(road.inside(talk.s(SL_ACK, 1, 12))).seg.ack, talk.isn + 12);
	EXPECT_EQ(road.timer(), "idle");
}

TEST_P(Limits, EndThatClosesWhileProbedIsNotCutOff)
{
	cite("RFC 9293 section 3.6; design section 9");
	request();
	road.advance(100020, 20);
	road.outside(talk.c(SL_FIN | SL_ACK, 8, 1));
	EXPECT_EQ(road.states(), "CLOSE-WAIT FIN-WAIT-1");
	EXPECT_TRUE(road.advance(1000).empty());
	EXPECT_EQ(road.states(), "CLOSE-WAIT FIN-WAIT-1");
	EXPECT_EQ(road.inside(talk.s(SL_ACK, 1, 9)).size(), 1u);
	EXPECT_EQ(road.states(), "CLOSE-WAIT FIN-WAIT-2");
}

TEST_P(Limits, CloseWait)
{
	cite("design section 9: limits.close_wait");
	request();
	road.outside(talk.c(SL_FIN | SL_ACK, 8, 1));
	EXPECT_EQ(road.timer(), "close_wait");
	const Road::Out out = reclaimed_after(40000, SL_EVENT_reclaimed_close_wait);
	EXPECT_EQ(only(by_port(out, 0)).seg.seq, talk.cookie + 1);
	const Road::Out in = by_port(out, 1);
	ASSERT_EQ(in.size(), 2u) << "at the last ACK, and at the highest";
	EXPECT_EQ(in[0].seg.seq, talk.isn + 8);
	EXPECT_EQ(in[1].seg.seq, talk.isn + 9);
}

TEST_P(Limits, FinWait2)
{
	cite("design section 9: limits.fin_wait_2");
	request();
	road.outside(talk.c(SL_FIN | SL_ACK, 8, 1));
	road.inside(talk.s(SL_ACK, 1, 9));
	EXPECT_EQ(road.timer(), "fin_wait_2");
	road.advance(15000, 100);
	road.inside(talk.s(SL_ACK, 1, 9, "data"));
	road.outside(talk.c(SL_ACK, 9, 5));
	reclaimed_after(20000, SL_EVENT_reclaimed_fin_wait_2);
}

TEST_P(Limits, LastAck)
{
	cite("design section 9: limits.last_ack");
	request();
	road.outside(talk.c(SL_FIN | SL_ACK, 8, 1));
	road.inside(talk.s(SL_FIN | SL_ACK, 1, 9));
	EXPECT_EQ(road.states(), "LAST-ACK TIME-WAIT");
	EXPECT_EQ(road.timer(), "last_ack");
	const Road::Out out = reclaimed_after(30000, SL_EVENT_reclaimed_last_ack);
	EXPECT_EQ(by_port(out, 0).size(), 2u);
	EXPECT_EQ(by_port(out, 1).size(), 1u);
}

TEST_P(Limits, ChallengeAfterReclaimingIsAnsweredForTenSeconds)
{
	cite("RFC 5961 section 3.2; design section 6");
	reclaimed_after(60000, SL_EVENT_reclaimed_silent);
	Sent rst = only(road.outside(talk.c(SL_ACK, 77, 20)));
	EXPECT_EQ(rst.port, 0u);
	EXPECT_EQ(rst.seg.flags, SL_RST);
	EXPECT_EQ(rst.seg.seq, talk.cookie + 20);
	rst = only(road.inside(talk.s(SL_ACK, 5, 30)));
	EXPECT_EQ(rst.port, 1u);
	EXPECT_EQ(rst.seg.seq, talk.isn + 30);
	EXPECT_TRUE(road.inside(talk.s(SL_RST | SL_ACK, 5, 30)).empty()) << "no RST for a RST";
	road.advance(10020);
	EXPECT_TRUE(road.outside(talk.c(SL_ACK, 77, 20)).empty());
	EXPECT_EQ(road.drops(SL_DROP_closed), 2u);
	road.advance(86000, 100);
	EXPECT_EQ(road.count(), 0u);
}

TEST_P(Limits, ReclaimingWaitsForSpares)
{
	cite("design section 2: buffers");
	road.advance(59000, 100);
	road.n_spares = 3;
	EXPECT_TRUE(road.advance(2000).empty());
	EXPECT_EQ(road.states(), "ESTABLISHED ESTABLISHED");
	road.n_spares = SL_SPARES;
	EXPECT_EQ(road.advance(20).size(), 2u);
	EXPECT_EQ(road.states(), "CLOSED CLOSED");
}

INSTANTIATE_TEST_SUITE_P(All, Limits, ::testing::ValuesIn(kNumbers));

TEST(LimitsWithTimestamps, ProbesCarryTheLastOnesForwarded)
{
	::testing::Test::RecordProperty("source", "RFC 7323 section 5; design section 6");
	Road road(RoadOptions::with_limits([](sl_limits &l) { l.idle_ms = 5000; }));
	Talk talk(road);
	road.teach(talk.server, kAlways, 1460, true);
	talk.open();
	talk.ctsval += 100;
	road.outside(talk.c(SL_ACK, 1, 1, "x"));
	talk.stsval += 200;
	road.inside(talk.s(SL_ACK, 1, 2));
	const Road::Out out = road.advance(5020);
	const Sent c = only(by_port(out, 0)), s = only(by_port(out, 1));
	EXPECT_EQ(c.seg.tsval, talk.ctsecr + 200);
	EXPECT_EQ(c.seg.tsecr, talk.ctsval);
	EXPECT_EQ(s.seg.tsval, talk.ctsval);
	EXPECT_EQ(s.seg.tsecr, talk.stsval);
}

TEST(LimitsOfMany, AreServedByBoundedTicks)
{
	::testing::Test::RecordProperty("source", "design section 8: a bounded amount of work");
	Road road;
	std::vector<Talk> talks(200, Talk(road));
	for (uint16_t i = 0; i < talks.size(); i++) {
		talks[i].cport = static_cast<uint16_t>(1000 + i);
		talks[i].open();
	}
	road.advance(59900, 100);
	EXPECT_EQ(road.count(), 200u);
	EXPECT_EQ(road.advance(1000).size(), 400u);
	EXPECT_EQ(road.events(SL_EVENT_reclaimed_silent), 200u);
	road.advance(97000, 100);
	EXPECT_EQ(road.count(), 0u);
}

} // namespace
