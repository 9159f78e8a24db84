// SPDX-License-Identifier: BSD-3-Clause
// Services that are left to their ends (pass, monitor): the box touches nothing, and knows their
// connections all the same when it is told to proxy them.
#include "road.h"

using namespace sl_test;

namespace
{

RoadOptions passing(uint32_t n_connections = 256)
{
	RoadOptions o;
	o.n_connections = n_connections;
	for (sl_service &s : o.services) {
		s.track = true;
		s.strays = SL_STRAYS_RESET; // what is not known is heard of
	}
	return o;
}

std::vector<sl_service> with_mode(const Road &road, uint16_t port, sl_service_mode mode)
{
	std::vector<sl_service> v = road.options.services;
	for (sl_service &s : v)
		if (s.port_lo == port)
			s.mode = static_cast<uint8_t>(mode);
	return v;
}

} // namespace

class Passed : public OnRoad
{
      protected:
	explicit Passed(const RoadOptions &o = passing()) : OnRoad(o)
	{
		talk.sport = kPass;
		talk.cookie = talk.iss;
		talk.timestamps = true;
	}

	/// A frame of either end goes on, byte by byte.
	void client(const Frame &f)
	{
		untouched(road.outside(f), f, 1);
	}

	void server(const Frame &f)
	{
		untouched(road.inside(f), f, 0);
	}

	void open()
	{
		client(talk.syn());
		EXPECT_EQ(road.count(), before) << "a stranger's word makes no entry";
		server(talk.synack());
		EXPECT_EQ(road.count(), before + 1);
		client(talk.c(SL_ACK, 1, 1));
	}

	void answered_twice()
	{
		client(talk.syn());
		server(talk.synack());
		client(talk.syn());
		talk.cookie = talk.iss += 0x12345678;
		server(talk.synack());
	}

	void splice()
	{
		reload(SL_MODE_SPLICE);
	}

	void reload(sl_service_mode mode)
	{
		road.apply(with_mode(road, talk.sport, mode));
		uint32_t cursor = 0;
		while (!sl_relay_rearm(&road.p->relay, &cursor, 100))
			;
	}

	uint32_t before = 0;

      private:
	void untouched(const Road::Out &out, const Frame &f, unsigned port)
	{
		const Sent s = only(out);
		EXPECT_EQ(s.port, port);
		EXPECT_EQ(s.fate, SL_FATE_PASSED);
		EXPECT_EQ(s.bytes, f.bytes());
	}
};

TEST_P(Passed, ConnectionIsFollowedToItsEnd)
{
	cite("RFC 9293 section 3.5 and 3.6, as in splice");
	open();
	EXPECT_EQ(road.states(), "ESTABLISHED ESTABLISHED");
	client(talk.c(SL_ACK, 1, 1, "request"));
	server(talk.s(SL_FIN | SL_ACK, 1, 8, "answer"));
	EXPECT_EQ(road.states(), "FIN-WAIT-1 CLOSE-WAIT");
	client(talk.c(SL_FIN | SL_ACK, 8, 8));
	server(talk.s(SL_ACK, 8, 9));
	EXPECT_EQ(road.states(), "TIME-WAIT CLOSED");
	EXPECT_TRUE(road.advance(60020, 10).empty());
	EXPECT_EQ(road.count(), 0u);
}

// One with SYN cookies answers each SYN with another number, and the client takes either.
TEST_P(Passed, ServerThatAnswersAgainWithAnotherNumberIsFollowed)
{
	cite("RFC 4987 section 3.6");
	answered_twice();
	client(talk.c(SL_ACK, 1, 1, "request"));
	EXPECT_EQ(road.states(), "ESTABLISHED ESTABLISHED");
}

TEST_P(Passed, ServerThatGoesOnWithItsFirstAnswerIsFollowed)
{
	cite("RFC 4987 section 3.6");
	answered_twice();
	talk.cookie = talk.iss -= 0x12345678;
	client(talk.c(SL_ACK, 1, 1, "request"));
	server(talk.s(SL_ACK, 1, 8, "answer"));
	client(talk.c(SL_ACK, 8, 7));
	EXPECT_EQ(road.states(), "ESTABLISHED ESTABLISHED");
}

TEST_P(Passed, MonitorFollowsAndCountsAsItDid)
{
	talk.sport = kMonitor;
	open();
	EXPECT_EQ(road.events(SL_EVENT_would_answer), 1u);
	Frame bad = talk.c(SL_ACK, 1, 1, "x");
	bad.bad_tcp_checksum = true;
	client(bad);
	EXPECT_EQ(road.events(SL_EVENT_would_drop), 1u);
	EXPECT_EQ(road.conn()->end[SL_OUTSIDE].seq_max, talk.isn + 1) << "it says nothing";
}

TEST_P(Passed, WithoutTrackNothingIs)
{
	std::vector<sl_service> v = road.options.services;
	for (sl_service &s : v)
		s.track = false;
	road.apply(v);
	client(talk.syn());
	server(talk.synack());
	EXPECT_EQ(road.count(), 0u);
}

TEST_P(Passed, AnySegmentOfTheInsideMakesAnEntryAndNoneOfTheOutside)
{
	client(talk.c(SL_ACK, 300, 5000, "typed"));
	client(talk.c(SL_SYN | SL_ACK, 0, 5000));
	client(talk.c(SL_RST, 300, 0));
	server(talk.s(SL_RST, 5000, 0));
	EXPECT_EQ(road.count(), 0u);
	server(talk.s(SL_ACK, 5000, 305, "echo"));
	EXPECT_EQ(road.count(), 1u);
	client(talk.c(SL_ACK, 305, 5004));
	EXPECT_EQ(road.states(), "ESTABLISHED ESTABLISHED");
	EXPECT_EQ(road.events(SL_EVENT_connections_adopted), 0u);
}

TEST_P(Passed, IdleConnectionIsKnownWhenTheServiceIsSpliced)
{
	open();
	road.advance(7100000, 10000); // nearly two hours, without a byte
	ASSERT_EQ(road.count(), 1u);
	splice();
	road.advance(1000);
	EXPECT_EQ(only(road.outside(talk.c(SL_ACK | SL_PSH, 1, 1, "ls"))).fate, SL_FATE_RELAYED);
	EXPECT_EQ(only(road.inside(talk.s(SL_ACK, 1, 3, "x"))).fate, SL_FATE_RELAYED);
	EXPECT_EQ(road.events(SL_EVENT_connections_adopted), 0u);
	EXPECT_EQ(road.events(SL_EVENT_rst_sent), 0u);
	// From here on it is one like any other.
	EXPECT_EQ(road.p->relay.reserve[SL_RESERVE_PASSED].n, 0u);
	EXPECT_FALSE(road.advance(7201000, 1000).empty()) << "probes";
}

TEST_P(Passed, ConnectionThatRanBeforeIsKnownToo)
{
	server(talk.s(SL_ACK, 5000, 305, "echo"));
	client(talk.c(SL_ACK, 305, 5004));
	road.advance(600000, 1000);
	splice();
	EXPECT_EQ(only(road.outside(talk.c(SL_ACK | SL_PSH, 305, 5004, "ls"))).fate,
		  SL_FATE_RELAYED);
	EXPECT_EQ(road.events(SL_EVENT_rst_sent), 0u);
}

TEST_P(Passed, WhatOutlivesItsLimitIsForgottenWithoutAWord)
{
	open();
	client(talk.c(SL_ACK, 1, 1, "x"));
	EXPECT_TRUE(road.advance(7201000, 1000).empty()) << "neither probes nor RSTs";
	EXPECT_EQ(road.count(), 0u);
	EXPECT_EQ(road.events(SL_EVENT_forgotten), 1u);
}

TEST_P(Passed, HalfOpenOneIsForgotten)
{
	client(talk.syn());
	server(talk.synack());
	EXPECT_TRUE(road.advance(10020).empty());
	EXPECT_EQ(road.count(), 0u);
}

TEST_P(Passed, RstEndsItAndGoesOn)
{
	open();
	client(talk.c(SL_RST, 1, 0));
	EXPECT_EQ(road.count(), 0u);
	open();
	server(talk.s(SL_RST | SL_ACK, 1, 1));
	EXPECT_EQ(road.count(), 0u);
}

TEST_P(Passed, RstOutOfWindowGoesOnToo)
{
	open();
	client(talk.c(SL_RST, 0x40000000, 0));
	EXPECT_EQ(road.states(), "ESTABLISHED ESTABLISHED");
	client(talk.c(SL_RST, 1000, 0));
	EXPECT_TRUE(road.advance(10020).empty());
	EXPECT_EQ(road.count(), 0u) << "nobody has contradicted it";
}

TEST_P(Passed, SynsIntoAConnectionAreNotLimited)
{
	open();
	for (int i = 0; i < 10; i++)
		client(talk.syn());
	EXPECT_EQ(road.states(), "ESTABLISHED ESTABLISHED");
	EXPECT_EQ(road.all_drops(), 0u);
}

TEST_P(Passed, TupleThatIsUsedAnewIsFollowedAnew)
{
	open();
	Talk next = talk;
	next.isn += 100000;
	next.iss += 5000;
	next.cookie = next.iss;
	client(next.syn());
	server(next.synack());
	EXPECT_EQ(road.states(), "SYN-RECEIVED ESTABLISHED");
	client(next.c(SL_ACK, 1, 1));
	EXPECT_EQ(road.states(), "ESTABLISHED ESTABLISHED");
	EXPECT_EQ(road.count(), 1u);
}

TEST_P(Passed, ErrorsAboutItPassAsTheyAre)
{
	open();
	Icmp icmp;
	icmp.about = talk.s(SL_ACK, 0x40000000, 1); // which nobody sent
	const Bytes error = icmp.bytes();
	const Sent s = only(road.run({{SL_OUTSIDE, error}}));
	EXPECT_EQ(s.fate, SL_FATE_PASSED);
	EXPECT_EQ(s.bytes, error);
}

TEST_P(Passed, ServiceThatIsLeftToItsEndsLeavesWhatWasTracked)
{
	talk.sport = kNever;
	talk.timestamps = false;
	talk.track();
	road.apply(with_mode(road, kNever, SL_MODE_PASS));
	client(talk.c(SL_ACK, 1, 1, "x"));
	EXPECT_TRUE(road.advance(7201000, 1000).empty());
	EXPECT_EQ(road.count(), 0u);
}

INSTANTIATE_TEST_SUITE_P(, Passed, ::testing::ValuesIn(kNumbers));

// A table of 64, of which passed services may have 16.
class PassedShare : public Passed
{
      protected:
	PassedShare()
	    : Passed([] {
		      RoadOptions o = passing(64);
		      o.high_water = 50;
		      return o;
	      }())
	{
		talk.timestamps = false;
	}

	void opened(uint16_t port)
	{
		talk.cport = port;
		before = road.count();
		client(talk.syn());
		server(talk.synack());
		client(talk.c(SL_ACK, 1, 1));
	}
};

TEST_P(PassedShare, IsAQuarterOfTheTable)
{
	for (uint16_t port = 1; port <= 100; port++)
		opened(port);
	EXPECT_LE(road.count(), 16u);
	EXPECT_GE(road.count(), 12u);
	EXPECT_EQ(road.events(SL_EVENT_rst_sent), 0u);
}

TEST_P(PassedShare, FloodThatIsAnsweredTakesNoneOfTheStanding)
{
	opened(7);
	const Talk standing = talk;
	for (uint16_t port = 1000; port < 1200; port++) {
		talk.cport = port;
		client(talk.syn());
		server(talk.synack());
	}
	EXPECT_LE(road.count(), 5u);
	splice();
	EXPECT_EQ(only(road.outside(standing.c(SL_ACK, 1, 1, "x"))).fate, SL_FATE_RELAYED);
}

TEST_P(PassedShare, LongestIdleGivesWay)
{
	opened(7);
	const Talk standing = talk;
	for (uint16_t port = 100; port < 140; port++) {
		opened(port);
		road.advance(1000, 500);
		server(standing.s(SL_ACK, 1, 1, "x"));
	}
	road.apply(with_mode(road, kPass, SL_MODE_SPLICE));
	EXPECT_EQ(only(road.outside(standing.c(SL_ACK, 1, 2, "x"))).fate, SL_FATE_RELAYED);
}

TEST_P(PassedShare, IsNoPressureAndGivesWayFirst)
{
	for (uint16_t port = 1; port <= 12; port++)
		opened(port);
	const uint32_t passed = road.count();
	ASSERT_GE(passed, 11u);
	Talk t = talk;
	t.sport = kAlways;
	for (uint16_t port = 1; port <= 32; port++) { // up to the mark
		t.cport = port;
		t.open();
		road.outside(t.c(SL_ACK, 1, 1, "x"));
	}
	road.advance(130000, 100); // beyond a 64th of two hours
	EXPECT_EQ(road.count(), 32u + passed) << "nothing is short";
	for (uint16_t port = 33; port <= 64; port++) {
		t.cport = port;
		t.open();
		road.outside(t.c(SL_ACK, 1, 1, "x"));
	}
	EXPECT_EQ(road.drops(SL_DROP_table_full), 0u);
	EXPECT_EQ(road.count(), 64u);
	EXPECT_EQ(road.events(SL_EVENT_evicted_passed), passed);
}

TEST_P(PassedShare, HoldsForAServiceThatWasProxiedBefore)
{
	for (uint16_t port = 1; port <= 60; port++) {
		talk.cport = port;
		talk.track();
		road.outside(talk.c(SL_ACK, 1, 1, "x"));
	}
	EXPECT_EQ(road.count(), 60u);
	reload(SL_MODE_PASS);
	EXPECT_LE(road.count(), 16u);
	Talk t = talk;
	t.sport = kAlways;
	for (uint16_t port = 101; port <= 164; port++) {
		t.cport = port;
		t.open();
		road.outside(t.c(SL_ACK, 1, 1, "x"));
	}
	EXPECT_EQ(road.drops(SL_DROP_table_full), 0u);
	// What was forgotten goes on, and is known again when the inside speaks.
	for (uint16_t port = 1; port <= 60; port++) {
		talk.cport = port;
		client(talk.c(SL_ACK, 2, 1, "y"));
		server(talk.s(SL_ACK, 1, 3));
	}
	EXPECT_EQ(road.events(SL_EVENT_rst_sent), 0u);
}

INSTANTIATE_TEST_SUITE_P(, PassedShare, ::testing::ValuesIn(kNumbers));
