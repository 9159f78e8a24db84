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

} // namespace
