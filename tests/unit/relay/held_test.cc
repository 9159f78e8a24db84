// SPDX-License-Identifier: BSD-3-Clause
//
// Who may have early data held, when there are more clients than places.
#include "road.h"

#include <list>

using namespace sl_test;

namespace
{

enum : uint32_t { kPlaces = 64, kShare = kPlaces / SL_EARLY_SHARES };

RoadOptions options()
{
	RoadOptions o;
	o.n_held = kPlaces;
	o.n_connections = 1024;
	return o;
}

class Held : public ::testing::Test
{
      protected:
	Held() : road(options())
	{
	}

	/// A client that has sent `n` packets, to a server that does not answer.
	Talk &early(const std::string &client, unsigned n)
	{
		talks.emplace_back(road);
		Talk &t = talks.back();
		t.client = client;
		if (client.find(':') != std::string::npos)
			t.server = "2001:db8::2";
		t.cport = static_cast<uint16_t>(1024 + talks.size());
		t.prove();
		for (uint32_t i = 0; i < n; i++)
			road.outside(t.c(SL_ACK, 1 + i, 1, "x"));
		return t;
	}

	/// As many connections of one address as would fill all places, twice.
	void fill_from(const std::string &client)
	{
		for (uint32_t i = 0; i < 2 * kPlaces / SL_HELD_PER_CONN; i++)
			early(client, SL_HELD_PER_CONN);
	}

	uint32_t held_by(const Talk &t) const
	{
		for (uint32_t i = 0; i < road.options.n_connections; i++) {
			sl_conn_info info;
			if (sl_relay_info(&road.p->relay, i, &info) && info.client_port == t.cport)
				return info.held;
		}
		return 0;
	}

	/// By all connections of an address, or of its /64.
	uint32_t held_by(const std::string &client) const
	{
		uint32_t n = 0;
		for (const Talk &t : talks)
			n += t.client.rfind(client, 0) == 0 ? held_by(t) : 0;
		return n;
	}

	void expect_all_gone()
	{
		road.advance(11000);
		EXPECT_EQ(road.term(SL_TERM_held), 0u);
		road.check_deep();
	}

	std::list<Talk> talks;
	Road road;
};

TEST_F(Held, OneSourceAloneMayHaveAllPlaces)
{
	fill_from("198.51.100.7");
	EXPECT_EQ(road.term(SL_TERM_held), kPlaces);
	EXPECT_EQ(road.drops(SL_DROP_hold_evicted), kPlaces) << "the oldest gave way";
	EXPECT_EQ(held_by(talks.front()), 0u);
	EXPECT_EQ(held_by(talks.back()), uint32_t{SL_HELD_PER_CONN});
	expect_all_gone();
}

TEST_F(Held, OneSourceDoesNotKeepAnotherOut)
{
	fill_from("198.51.100.7");
	const Talk &other = early("203.0.113.9", 4);
	EXPECT_EQ(held_by(other), 4u);
	fill_from("198.51.100.7");
	EXPECT_EQ(held_by(other), 4u) << "not above its share: it stays";
	EXPECT_EQ(road.drops(SL_DROP_hold_full), 0u);
	// And goes on when its server answers.
	const Road::Out out = road.inside(other.synack());
	EXPECT_EQ(out.size(), 5u);
	expect_all_gone();
}

TEST_F(Held, TwoThatWantAllHaveHalfEach)
{
	fill_from("198.51.100.7");
	fill_from("203.0.113.9");
	EXPECT_EQ(held_by("198.51.100.7"), kPlaces / 2);
	EXPECT_EQ(held_by("203.0.113.9"), kPlaces / 2);
	expect_all_gone();
}

TEST_F(Held, ManyThatWantMoreHaveASixteenthEach)
{
	for (unsigned i = 0; i < SL_EARLY_SHARES; i++)
		for (unsigned k = 0; k < 3; k++)
			early("198.51.100." + std::to_string(100 + i), SL_HELD_PER_CONN);
	for (unsigned i = 0; i < SL_EARLY_SHARES; i++)
		EXPECT_EQ(held_by("198.51.100." + std::to_string(100 + i)), kShare) << i;
	expect_all_gone();
}

TEST_F(Held, TheOldestOfAllGivesWayWhereNobodyHoldsMoreThanItsShare)
{
	for (unsigned i = 1; i <= SL_EARLY_SHARES + 1; i++)
		early("198.51.100." + std::to_string(100 + i), kShare);
	EXPECT_EQ(road.term(SL_TERM_held), kPlaces);
	EXPECT_EQ(held_by(talks.front()), 0u);
	EXPECT_EQ(held_by(talks.back()), kShare);
	expect_all_gone();
}

TEST_F(Held, AddressesOfOneIpv6NetworkAreOneSource)
{
	for (uint32_t i = 0; i < kPlaces; i++)
		early("2001:db8:1:1::" + std::to_string(i + 1), SL_HELD_PER_CONN);
	const Talk &other = early("2001:db8:1:2::1", 4);
	for (uint32_t i = 0; i < kPlaces; i++)
		early("2001:db8:1:1::" + std::to_string(i + 1), SL_HELD_PER_CONN);
	EXPECT_EQ(held_by(other), 4u);
	EXPECT_EQ(held_by("2001:db8:1:1:"), kPlaces - 4);
	expect_all_gone();
}

TEST_F(Held, WithoutPlacesNothingIsHeld)
{
	RoadOptions o;
	o.n_held = 0;
	Road none(o);
	Talk t(none);
	t.prove("x");
	EXPECT_EQ(none.drops(SL_DROP_hold_full), 1u);
}

TEST(HeldPart, LeavesThreeQuartersOfThePoolToAllWorkersTogether)
{
	for (unsigned workers = 1; workers <= 64; workers++) {
		for (uint32_t buffers : {2048u, 16384u, 4u << 20}) {
			const uint32_t descriptors = 1024 * workers;
			const uint32_t part = sl_held_part(buffers, descriptors, workers);
			const uint32_t left = buffers > descriptors ? buffers - descriptors : 0;
			EXPECT_LE(part * workers, left / 4);
			EXPECT_LE(part, uint32_t{SL_HELD_MAX});
		}
	}
	EXPECT_EQ(sl_held_part(16384, 4096, 4), 768u);
}

} // namespace
