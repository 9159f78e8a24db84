// SPDX-License-Identifier: BSD-3-Clause
#include <gtest/gtest.h>

#include "sl_rss.h"

#include <rte_ethdev.h>
#include <rte_thash.h>

#include <cstring>
#include <set>
#include <utility>

namespace
{

const uint64_t kTcp = RTE_ETH_RSS_NONFRAG_IPV4_TCP | RTE_ETH_RSS_NONFRAG_IPV6_TCP;
const uint64_t kIp = RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_IPV6;
const uint64_t kSides = RTE_ETH_RSS_L3_SRC_ONLY | RTE_ETH_RSS_L3_DST_ONLY |
			RTE_ETH_RSS_L4_SRC_ONLY | RTE_ETH_RSS_L4_DST_ONLY;

struct End {
	uint32_t addr, port;
};

struct Rss : testing::Test {
	Rss()
	{
		config.tcp4 = config.tcp6 = config.ipv4 = config.ipv6 = true;
		config.how = SL_RSS_PERIODIC;
		for (unsigned i = 0; i < SL_RSS_KEY_MAX; i++)
			config.random[i] = static_cast<uint8_t>(i * 73 + 29);
	}

	sl_rss_choice choose(bool outside, uint64_t offered, unsigned key_size = 52)
	{
		sl_rss_choice c;
		sl_rss_choose(&config, outside, offered, key_size, &c);
		return c;
	}

	/// What a NIC set up so makes of a segment.
	static uint32_t hash(const sl_rss_choice &c, End src, End dst)
	{
		uint32_t words[3];
		if (c.how == SL_RSS_ONE_SIDED) {
			const End end = c.hf & RTE_ETH_RSS_L3_SRC_ONLY ? src : dst;
			words[0] = end.addr;
			words[1] = end.port;
			return rte_softrss(words, 2, c.key);
		}
		if (c.how == SL_RSS_SORTED) {
			if (dst.addr < src.addr)
				std::swap(src.addr, dst.addr);
			if (dst.port < src.port)
				std::swap(src.port, dst.port);
		}
		words[0] = src.addr;
		words[1] = dst.addr;
		words[2] = src.port << 16 | dst.port;
		return rte_softrss(words, 3, c.key);
	}

	void expect_directions_meet(uint64_t offered)
	{
		const sl_rss_choice out = choose(true, offered), in = choose(false, offered, 40);
		std::set<uint32_t> hashes;
		for (uint32_t i = 0; i < 500; i++) {
			const End client = {0xc6336400 + i * 2654435761u, 1024 + i * 7};
			const End server = {0xc0000202, 80};
			EXPECT_EQ(hash(out, client, server), hash(in, server, client));
			hashes.insert(hash(out, client, server) % 16);
		}
		EXPECT_EQ(hashes.size(), 16u);
	}

	sl_rss_config config = {};
};

TEST_F(Rss, DirectionsMeetUnderThePeriodicKey)
{
	EXPECT_EQ(choose(true, kTcp | kIp).how, SL_RSS_PERIODIC);
	EXPECT_EQ(choose(true, kTcp | kIp).hf, kTcp | kIp);
	expect_directions_meet(kTcp | kIp);
}

TEST_F(Rss, DirectionsMeetWhenEachSideHashesTheClient)
{
	EXPECT_EQ(choose(true, kTcp | kSides).hf,
		  kTcp | RTE_ETH_RSS_L3_SRC_ONLY | RTE_ETH_RSS_L4_SRC_ONLY);
	EXPECT_EQ(choose(false, kTcp | kSides).hf,
		  kTcp | RTE_ETH_RSS_L3_DST_ONLY | RTE_ETH_RSS_L4_DST_ONLY);
	expect_directions_meet(kTcp | kSides);
}

TEST_F(Rss, DirectionsMeetWhereTheNicSorts)
{
	config.how = SL_RSS_SORTED;
	EXPECT_EQ(choose(true, kTcp | kSides).how, SL_RSS_SORTED);
	expect_directions_meet(kTcp | kSides);
}

TEST_F(Rss, KeysAreOfThisStart)
{
	const sl_rss_choice before = choose(true, kTcp);
	config.random[1] ^= 0x40;
	EXPECT_NE(memcmp(before.key, choose(true, kTcp).key, before.key_len), 0);
	config.random[0] = config.random[1] = 0;
	EXPECT_NE(choose(true, kTcp).key[0], choose(true, kTcp).key[1]);
}

TEST_F(Rss, WithoutTcpOfBothFamiliesOrAKeyItCantSpread)
{
	EXPECT_EQ(choose(true, 0).how, SL_RSS_NONE);
	EXPECT_EQ(choose(true, kIp).how, SL_RSS_NONE);
	EXPECT_EQ(choose(true, kIp | RTE_ETH_RSS_NONFRAG_IPV4_TCP).how, SL_RSS_NONE);
	EXPECT_EQ(choose(true, kTcp, 0).how, SL_RSS_NONE);
	EXPECT_EQ(choose(true, kTcp, 65).how, SL_RSS_NONE);
	config.how = SL_RSS_NONE;
	EXPECT_EQ(choose(true, kTcp).how, SL_RSS_NONE);
}

} // namespace
