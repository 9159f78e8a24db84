// SPDX-License-Identifier: BSD-3-Clause
// The box ends: who cannot go on without the box is told by RST, everybody else is left alone.
#include "road.h"

using namespace sl_test;

namespace
{

struct Ended {
	Road::Out sent;
	uint32_t n = 0;
};

// Goes through the whole table, in slices of `max` entries.
Ended end_of(Road &road, uint32_t max = 16)
{
	Ended e;
	uint32_t cursor = 0;
	bool whole = false;

	for (unsigned i = 0; i < 1000 && !whole; i++) {
		const Road::Out some =
			road.job([&](sl_relay *r) { whole = sl_relay_end(r, &cursor, max, &e.n); });
		e.sent.insert(e.sent.end(), some.begin(), some.end());
	}
	EXPECT_TRUE(whole);
	return e;
}

class Ending : public OnRoad
{
};

TEST_P(Ending, BothEndsOfASplicedConnectionHearOfIt)
{
	talk.open();
	const Ended e = end_of(road);

	EXPECT_EQ(e.n, 1u);
	EXPECT_EQ(road.states(), "CLOSED CLOSED");
	EXPECT_EQ(road.events(SL_EVENT_ended_with_box), 1u);
	const Sent to_client = only(by_port(e.sent, 0)), to_server = only(by_port(e.sent, 1));
	EXPECT_TRUE(to_client.seg.flags & SL_RST);
	EXPECT_EQ(to_client.seg.seq, talk.cookie + 1) << "what the client expects next";
	EXPECT_TRUE(to_server.seg.flags & SL_RST);
	EXPECT_EQ(to_server.seg.seq, talk.isn + 1) << "what the server expects next";
}

TEST_P(Ending, AClientWhoseServerHasNotAnsweredHearsOfIt)
{
	talk.prove("GET /");
	const Ended e = end_of(road);

	EXPECT_EQ(e.n, 1u);
	EXPECT_EQ(only(by_port(e.sent, 0)).seg.seq, talk.cookie + 1);
	EXPECT_TRUE(only(by_port(e.sent, 1)).seg.flags & SL_RST);
	EXPECT_EQ(road.term(SL_TERM_held), 0u);
}

TEST_P(Ending, ATrackedConnectionIsLeftAlone)
{
	talk.track();
	const Ended e = end_of(road);

	EXPECT_EQ(e.n, 0u);
	EXPECT_TRUE(e.sent.empty());
	EXPECT_EQ(road.states(), "ESTABLISHED ESTABLISHED");
}

TEST_P(Ending, WhatIsOverIsLeftAlone)
{
	talk.open();
	road.outside(talk.c(SL_RST, 1, 0));
	ASSERT_EQ(road.states(), "CLOSED CLOSED");
	EXPECT_TRUE(end_of(road).sent.empty());
}

TEST_P(Ending, AllOfThemThoughSpareBuffersAreFew)
{
	std::vector<Talk> talks;

	for (uint16_t i = 0; i < 50; i++) {
		Talk t = talk;
		t.cport = static_cast<uint16_t>(41000 + i);
		t.open();
		talks.push_back(t);
	}
	road.n_spares = 5;
	const Ended e = end_of(road);
	EXPECT_EQ(e.n, 50u);
	EXPECT_EQ(by_port(e.sent, 0).size(), 50u);
	EXPECT_EQ(by_port(e.sent, 1).size(), 50u);
}

TEST(EndingOfResponders, TheirClientsHearOfIt)
{
	RoadOptions o;
	o.services.push_back(responder("192.0.2.2", 7, SL_SERVER_ECHO));
	Road road(o);
	Talk talk(road);
	talk.sport = 7;
	talk.ask();
	road.outside(talk.c(SL_ACK, 1, 1));
	ASSERT_EQ(road.states(), "ESTABLISHED CLOSED");
	const Ended e = end_of(road);

	EXPECT_EQ(e.n, 1u);
	const Sent rst = only(e.sent);
	EXPECT_EQ(rst.port, 0u);
	EXPECT_TRUE(rst.seg.flags & SL_RST);
	EXPECT_EQ(rst.seg.seq, talk.cookie + 1);
}

INSTANTIATE_TEST_SUITE_P(Numbers, Ending, ::testing::ValuesIn(kNumbers));

} // namespace
