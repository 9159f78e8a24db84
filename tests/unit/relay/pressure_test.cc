// SPDX-License-Identifier: BSD-3-Clause
// A table that fills up: who goes, and who stays.
#include "road.h"

using namespace sl_test;

namespace
{

RoadOptions small(uint32_t n, uint32_t high_water)
{
	RoadOptions o;
	o.n_connections = n;
	o.high_water = high_water;
	return o;
}

class Pressure : public ::testing::TestWithParam<bool>
{
      protected:
	/// A connection of client number `who`, from source port `port`.
	Talk talk(Road &road, unsigned who, uint16_t port)
	{
		Talk t(road);
		if (GetParam()) {
			t.ipv6();
			t.client = "2001:db8:1:" + std::to_string(who) + "::7";
		} else {
			t.client = "198.51.100." + std::to_string(who);
		}
		t.cport = port;
		return t;
	}

	Talk open(Road &road, unsigned who, uint16_t port)
	{
		Talk t = talk(road, who, port);
		t.open();
		road.outside(t.c(SL_ACK, 1, 1, "x"));
		road.inside(t.s(SL_ACK, 1, 2));
		return t;
	}

	void reset(Road &road, const Talk &t)
	{
		road.outside(t.c(SL_RST, 2, 0));
	}
};

} // namespace

TEST_P(Pressure, FullTableOfTombstonesAdmitsEveryNewcomer)
{
	Road road(small(32, 100));
	for (uint16_t port = 1; port <= 32; port++)
		reset(road, open(road, 1, port));
	ASSERT_EQ(road.count(), 32u);
	for (uint16_t port = 100; port < 132; port++)
		open(road, 2, port);
	EXPECT_EQ(road.drops(SL_DROP_table_full), 0u);
	EXPECT_EQ(road.events(SL_EVENT_evicted_over), 32u);
}

TEST_P(Pressure, FullTableOfActiveOnesRefuses)
{
	Road road(small(16, 100));
	for (uint16_t port = 1; port <= 16; port++)
		open(road, 1, port);
	Talk t = talk(road, 2, 99);
	t.ask();
	EXPECT_TRUE(road.outside(t.c(SL_ACK, 1, 1)).empty());
	EXPECT_EQ(road.drops(SL_DROP_table_full), 1u);
}

TEST_P(Pressure, TombstonesGoBeforeAnythingElse)
{
	Road road(small(100, 50));
	for (uint16_t port = 1; port <= 40; port++)
		open(road, 1, port);
	for (uint16_t port = 101; port <= 120; port++)
		reset(road, open(road, 2, port));
	road.advance(5000);
	EXPECT_EQ(road.events(SL_EVENT_evicted_over), 15u) << "down to 45 in a hundred";
	EXPECT_EQ(road.events(SL_EVENT_evicted_idle), 0u);
	EXPECT_EQ(road.count(), 45u);
}

TEST_P(Pressure, BelowTheMarkNothingGoes)
{
	Road road(small(100, 50));
	for (uint16_t port = 1; port <= 50; port++)
		reset(road, open(road, 1, port));
	road.advance(5000);
	EXPECT_EQ(road.count(), 50u);
}

TEST_P(Pressure, ActiveOnesAreNeverTaken)
{
	Road road(small(100, 50));
	std::vector<Talk> all;
	for (uint16_t port = 1; port <= 80; port++)
		all.push_back(open(road, 1, port));
	for (int i = 0; i < 20; i++) {
		road.advance(1000);
		for (const Talk &t : all)
			road.inside(t.s(SL_ACK, 1, 2));
	}
	EXPECT_EQ(road.count(), 80u);
	EXPECT_EQ(road.events(SL_EVENT_rst_sent), 0u);
}

TEST_P(Pressure, IdleOnesOfTheSourceThatHoldsMostGoFirst)
{
	Road road(small(200, 50));
	for (uint16_t port = 1; port <= 80; port++)
		open(road, 1, port);
	for (uint16_t who = 2; who < 42; who++)
		open(road, who, 1);
	road.advance(130000, 100); // beyond a 64th of two hours
	EXPECT_GE(road.events(SL_EVENT_evicted_idle), 30u);
	uint64_t others = 0;
	for (uint32_t i = 0; i < 200; i++) {
		sl_conn_info info;
		if (sl_relay_info(&road.p->relay, i, &info) &&
		    info.state[SL_LEG_CLIENT] == SL_TCP_ESTABLISHED)
			others += !sl_addr_equal(&info.client, [&] {
				static sl_addr a;
				a = addr(talk(road, 1, 1).client);
				return &a;
			}());
	}
	EXPECT_EQ(others, 40u) << "who holds one keeps it";
}

TEST_P(Pressure, FloodOfSilentClientsLocksNobodyOut)
{
	Road road(small(200, 80));
	unsigned refused = 0;
	for (unsigned i = 0; i < 2000; i++) {
		Talk t = talk(road, 1, static_cast<uint16_t>(1 + i));
		t.ask();
		if (road.outside(t.c(SL_ACK, 1, 1)).empty())
			refused++;
		else
			road.inside(t.synack());
		road.advance(40);
	}
	EXPECT_LT(refused, 100u);
	open(road, 9, 7);
	EXPECT_GT(road.events(SL_EVENT_evicted_idle), 1000u);
}

TEST_P(Pressure, ReclaimingIsToldToBothEnds)
{
	Road road(small(20, 50));
	for (uint16_t port = 1; port <= 12; port++)
		open(road, 1, port);
	const Road::Out out = road.advance(120000, 100);
	unsigned client = 0, server = 0;
	for (const Sent &s : out) {
		EXPECT_TRUE(s.seg.flags & SL_RST);
		client += s.port == 0;
		server += s.port == 1;
	}
	EXPECT_GE(client, 2u);
	EXPECT_EQ(client, server);
}

INSTANTIATE_TEST_SUITE_P(, Pressure, ::testing::Bool());
