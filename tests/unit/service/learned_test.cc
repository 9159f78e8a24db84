// SPDX-License-Identifier: BSD-3-Clause
#include <gtest/gtest.h>

#include "sl_learned.h"

#include <memory>
#include <string>
#include <vector>

namespace
{

sl_addr server(unsigned i)
{
	const uint8_t b[4] = {192, 0, static_cast<uint8_t>(i >> 8), static_cast<uint8_t>(i)};
	sl_addr a;
	sl_addr_set_v4(&a, b);
	return a;
}

struct Learned : testing::Test {
	std::unique_ptr<sl_learned_table> t{new sl_learned_table()};
};

TEST_F(Learned, NothingIsKnownAtFirst)
{
	const sl_addr a = server(1);
	EXPECT_EQ(sl_learned_get(t.get(), &a, 80), nullptr);
}

TEST_F(Learned, WhatWasPutIsGotByAddressAndPort)
{
	const sl_addr a = server(1), b = server(2);
	sl_learned *l = sl_learned_put(t.get(), &a, 80);
	EXPECT_EQ(l->mss, 0);
	EXPECT_EQ(l->timestamps, 0);
	l->mss = 1400;
	l->timestamps = 1;
	ASSERT_EQ(sl_learned_get(t.get(), &a, 80), l);
	EXPECT_EQ(sl_learned_get(t.get(), &a, 81), nullptr);
	EXPECT_EQ(sl_learned_get(t.get(), &b, 80), nullptr);
}

TEST_F(Learned, PutAgainKeepsWhatIsKnown)
{
	const sl_addr a = server(1);
	sl_learned_put(t.get(), &a, 80)->mss = 1400;
	EXPECT_EQ(sl_learned_put(t.get(), &a, 80)->mss, 1400);
}

TEST_F(Learned, NewcomerStartsFreshInAPlaceThatWasTaken)
{
	const sl_addr first = server(0);
	sl_learned *place = sl_learned_put(t.get(), &first, 80);
	place->mss = 1400;
	place->timestamps = 1;
	for (unsigned i = 1; i < 65536; i++) {
		const sl_addr a = server(i);
		if (sl_learned_put(t.get(), &a, 80) != place)
			continue;
		EXPECT_EQ(place->mss, 0);
		EXPECT_EQ(place->timestamps, 0);
		EXPECT_EQ(sl_learned_get(t.get(), &first, 80), nullptr);
		EXPECT_EQ(sl_learned_get(t.get(), &a, 80), place);
		return;
	}
	FAIL() << "no two servers share a place";
}

TEST_F(Learned, NeighboursSpreadOverTheTable)
{
	const char *const nets[] = {"192.0.2.", "10.0.", "2001:db8::", "2001:db8:"};
	for (const char *net : nets) {
		std::vector<sl_addr> servers;
		for (unsigned i = 0; i < 256; i++) {
			std::string text = net + std::to_string(i);
			text += text.substr(0, 3) == "10." ? ".1" : "";
			text += text.substr(0, 9) == "2001:db8:" && text[9] != ':' ? "::1" : "";
			servers.emplace_back();
			ASSERT_EQ(sl_addr_parse(&servers.back(), text.c_str()), 0) << text;
		}
		unsigned kept = 0;
		for (const sl_addr &a : servers)
			(void)sl_learned_put(t.get(), &a, 443);
		for (const sl_addr &a : servers)
			kept += sl_learned_get(t.get(), &a, 443) != nullptr;
		EXPECT_GT(kept, 200u) << net; // at random about 226
	}
}

TEST_F(Learned, PortsOfOneServerSpreadOverTheTable)
{
	const sl_addr a = server(1);
	unsigned kept = 0;
	for (uint16_t port = 1; port <= 256; port++)
		(void)sl_learned_put(t.get(), &a, port);
	for (uint16_t port = 1; port <= 256; port++)
		kept += sl_learned_get(t.get(), &a, port) != nullptr;
	EXPECT_GT(kept, 200u);
}

// The MSS of a server, as clients of networks see it, at some second.
struct Mss : Learned {
	sl_addr a = server(1);

	uint16_t hear(uint16_t mss, uint32_t network, int32_t at)
	{
		return sl_learned_hear(t.get(), &a, 80, mss, network, at)->mss;
	}
	static uint16_t merged(const Mss &into, const Mss &from)
	{
		sl_learned_merge(into.t.get(), from.t.get());
		return sl_learned_get(into.t.get(), &into.a, 80)->mss;
	}
	void TestBody() override
	{
	}
};

TEST(LearnedMss, TheFirstIsBelieved)
{
	Mss m;
	EXPECT_EQ(m.hear(1400, 1, 10), 1400);
}

TEST(LearnedMss, FallsWhenThreeNetworksAgree)
{
	Mss m;
	m.hear(1460, 1, 10);
	EXPECT_EQ(m.hear(512, 1, 11), 1460);
	for (int32_t at = 12; at < 100; at++)
		EXPECT_EQ(m.hear(512, 2, at), 1460) << "one network, one vote";
	EXPECT_EQ(m.hear(1400, 3, 100), 1400) << "the largest that was seen";
}

TEST(LearnedMss, DoesNotFallWhereAnybodySeesIt)
{
	Mss m;
	m.hear(1460, 1, 10);
	for (uint32_t i = 0; i < 100; i++) {
		EXPECT_EQ(m.hear(512, 2 * i, 11), 1460);
		EXPECT_EQ(m.hear(512, 2 * i + 1, 11), 1460);
		EXPECT_EQ(m.hear(1460, 7, 11), 1460);
	}
}

TEST(LearnedMss, VotesAreForgottenAfterAnHour)
{
	Mss m;
	m.hear(1460, 1, 10);
	m.hear(512, 2, 20);
	m.hear(512, 3, 30);
	EXPECT_EQ(m.hear(512, 4, 31 + SL_LEARNED_VOTE_S), 1460);
	EXPECT_EQ(m.hear(512, 5, 32 + SL_LEARNED_VOTE_S), 1460);
	EXPECT_EQ(m.hear(512, 6, 33 + SL_LEARNED_VOTE_S), 512);
}

TEST(LearnedMss, RisesAtOnce)
{
	Mss m;
	m.hear(512, 1, 10);
	EXPECT_EQ(m.hear(1460, 1, 11), 1460);
}

TEST(LearnedMss, NoOptionIsTheSmallest)
{
	Mss m;
	m.hear(0, 1, 10);
	EXPECT_EQ(m.hear(536, 1, 11), 536);
	EXPECT_EQ(m.hear(0, 2, 12), 536);
}

TEST(LearnedMss, WorkersPutTheirVotesTogether)
{
	Mss a, b, c;
	for (Mss *m : {&a, &b, &c})
		m->hear(1460, 1, 10);
	a.hear(512, 2, 11);
	b.hear(512, 3, 12);
	c.hear(512, 4, 13);
	EXPECT_EQ(Mss::merged(a, b), 1460);
	EXPECT_EQ(Mss::merged(a, b), 1460) << "a vote that comes twice counts once";
	EXPECT_EQ(Mss::merged(a, c), 512);
	EXPECT_EQ(Mss::merged(b, a), 512) << "and what was decided is taken over";
}

TEST(LearnedMss, WorkersForgetVotesAfterAnHourTogether)
{
	Mss a, b, c;
	for (Mss *m : {&a, &b, &c})
		m->hear(1460, 1, 10);
	a.hear(512, 2, 20);
	a.hear(512, 3, 3000);
	b.hear(512, 4, 21 + SL_LEARNED_VOTE_S);
	EXPECT_EQ(Mss::merged(b, a), 1460) << "an old vote is none, whoever tells of it";
	EXPECT_EQ(Mss::merged(a, b), 1460) << "nor is it where it was cast";
	c.hear(512, 5, 30 + SL_LEARNED_VOTE_S);
	EXPECT_EQ(Mss::merged(b, c), 512);
}

TEST(LearnedMss, OneWorkersNewsDoesNotUndoWhatAnotherHasSeen)
{
	Mss a, b;
	a.hear(1460, 1, 10);
	b.hear(1460, 1, 10);
	// B hears of the server last, and of a small path only.
	a.hear(1460, 2, 20);
	b.hear(512, 3, 21);
	EXPECT_EQ(Mss::merged(a, b), 1460);
	// Votes from before the MSS was seen by another worker do not count.
	b.hear(512, 4, 22);
	a.hear(1460, 2, 30);
	EXPECT_EQ(Mss::merged(b, a), 1460);
	EXPECT_EQ(b.hear(512, 5, 31), 1460);
	EXPECT_EQ(b.hear(512, 6, 32), 1460);
	EXPECT_EQ(b.hear(512, 7, 33), 512);
	// A rise is later than the fall, though B has heard of the server since.
	a.hear(9000, 1, 40);
	b.hear(512, 8, 50);
	EXPECT_EQ(Mss::merged(b, a), 9000);
	EXPECT_EQ(Mss::merged(a, b), 9000);
}

TEST(LearnedMss, OneClientOfAWorkerThatKnewNothingDoesNotDecideForAll)
{
	Mss a, b;
	a.hear(1460, 1, 10);
	b.hear(512, 2, 20);
	EXPECT_EQ(Mss::merged(a, b), 1460);
	EXPECT_EQ(Mss::merged(b, a), 1460);
}

TEST(LearnedMss, AFallDoesNotCountWhereTheLargerWasSeenSince)
{
	Mss a, b;
	a.hear(1460, 1, 10);
	b.hear(1460, 1, 10);
	b.hear(512, 2, 20);
	b.hear(512, 3, 21);
	EXPECT_EQ(b.hear(512, 4, 22), 512);
	a.hear(1460, 5, 23);
	EXPECT_EQ(Mss::merged(a, b), 1460);
	EXPECT_EQ(Mss::merged(b, a), 1460);
}

TEST(LearnedMss, NetworksAreTheFirst24Or48Bits)
{
	const auto network = [](const char *text) {
		sl_addr a;
		EXPECT_EQ(sl_addr_parse(&a, text), 0);
		return sl_learned_network(&a);
	};
	EXPECT_EQ(network("198.51.100.7"), network("198.51.100.200"));
	EXPECT_NE(network("198.51.100.7"), network("198.51.101.7"));
	EXPECT_EQ(network("2001:db8:1:1::7"), network("2001:db8:1:ffff::8"));
	EXPECT_NE(network("2001:db8:1:1::7"), network("2001:db8:2:1::7"));
}

} // namespace
