// SPDX-License-Identifier: BSD-3-Clause
#include <gtest/gtest.h>

#include "sl_service.h"

#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace
{

sl_addr addr(const std::string &text)
{
	sl_addr a;
	EXPECT_EQ(sl_addr_parse(&a, text.c_str()), 0) << text;
	return a;
}

// A service as the configuration writes it: the prefix length is of the address's own family.
sl_service service(const std::string &net, unsigned len, uint16_t lo, uint16_t hi = 0)
{
	sl_service s = {};
	s.net = addr(net);
	s.prefix_len = static_cast<uint8_t>(sl_addr_is_v4(&s.net) ? 96 + len : len);
	s.port_lo = lo;
	s.port_hi = hi == 0 ? lo : hi;
	return s;
}

struct Table {
	explicit Table(const std::vector<sl_service> &services) : t(new sl_service_table)
	{
		memset(t.get(), 0xa5, sizeof(*t));
		sl_service_table_init(t.get(), services.data(),
				      static_cast<unsigned>(services.size()));
	}

	unsigned find(const std::string &a, uint16_t port) const
	{
		const sl_addr b = addr(a);
		return sl_service_find(t.get(), &b, port);
	}

	unsigned find_addr(const std::string &a) const
	{
		const sl_addr b = addr(a);
		return sl_service_find_addr(t.get(), &b);
	}

	std::unique_ptr<sl_service_table> t;
};

TEST(ServiceFind, ExactAddressAndPort)
{
	const Table t({service("192.0.2.2", 32, 80), service("2001:db8::2", 128, 443)});
	EXPECT_EQ(t.find("192.0.2.2", 80), 1u);
	EXPECT_EQ(t.find("192.0.2.2", 81), 0u);
	EXPECT_EQ(t.find("192.0.2.3", 80), 0u);
	EXPECT_EQ(t.find("2001:db8::2", 443), 2u);
	EXPECT_EQ(t.find("2001:db8::2", 80), 0u);
	EXPECT_EQ(t.find("2001:db8::3", 443), 0u);
}

TEST(ServiceFind, EmptyTableFindsNothing)
{
	const Table t({});
	EXPECT_EQ(t.find("192.0.2.2", 80), 0u);
	EXPECT_EQ(t.find_addr("::1"), 0u);
}

TEST(ServiceFind, RangesOfPortsIncludeTheirEnds)
{
	const Table t({service("192.0.2.2", 32, 8000, 8010), service("192.0.2.2", 32, 1, 79),
		       service("192.0.2.2", 32, 80), service("192.0.2.2", 32, 60000, 65535)});
	EXPECT_EQ(t.find("192.0.2.2", 7999), 0u);
	EXPECT_EQ(t.find("192.0.2.2", 8000), 1u);
	EXPECT_EQ(t.find("192.0.2.2", 8010), 1u);
	EXPECT_EQ(t.find("192.0.2.2", 8011), 0u);
	EXPECT_EQ(t.find("192.0.2.2", 1), 2u);
	EXPECT_EQ(t.find("192.0.2.2", 79), 2u);
	EXPECT_EQ(t.find("192.0.2.2", 80), 3u);
	EXPECT_EQ(t.find("192.0.2.2", 65535), 4u);
}

TEST(ServiceFind, LongestPrefixThatHasThePortWins)
{
	const Table t({service("192.0.2.0", 24, 80, 90), service("192.0.2.2", 32, 80),
		       service("192.0.0.0", 16, 1, 65535), service("192.0.2.0", 30, 80, 85)});
	EXPECT_EQ(t.find("192.0.2.2", 80), 2u);
	EXPECT_EQ(t.find("192.0.2.2", 81), 4u);
	EXPECT_EQ(t.find("192.0.2.3", 80), 4u);
	EXPECT_EQ(t.find("192.0.2.2", 86), 1u);
	EXPECT_EQ(t.find("192.0.2.2", 91), 3u);
	EXPECT_EQ(t.find("192.0.3.2", 80), 3u);
	EXPECT_EQ(t.find("192.1.2.2", 80), 0u);
}

TEST(ServiceFind, HostBitsOfAPrefixDoNotCount)
{
	const Table t({service("192.0.2.77", 24, 80), service("2001:db8::77", 64, 80)});
	EXPECT_EQ(t.find("192.0.2.1", 80), 1u);
	EXPECT_EQ(t.find("2001:db8::1", 80), 2u);
	EXPECT_EQ(t.find("2001:db8:0:1::1", 80), 0u);
}

TEST(ServiceFind, EveryLengthOfPrefixEndsAtItsBit)
{
	for (unsigned len = 1; len <= 128; len++) {
		const Table t({service("2001:db8:aaaa:5555:ffff:0:1234:8001", len, 80)});
		sl_addr a = addr("2001:db8:aaaa:5555:ffff:0:1234:8001");
		EXPECT_EQ(sl_service_find(t.t.get(), &a, 80), 1u) << len;
		a.b[(len - 1) / 8] ^= static_cast<uint8_t>(0x80 >> (len - 1) % 8);
		EXPECT_EQ(sl_service_find(t.t.get(), &a, 80), 0u) << len;
		if (len == 128)
			continue;
		a = addr("2001:db8:aaaa:5555:ffff:0:1234:8001");
		a.b[len / 8] ^= static_cast<uint8_t>(0x80 >> len % 8);
		EXPECT_EQ(sl_service_find(t.t.get(), &a, 80), 1u) << len;
	}
}

TEST(ServiceFind, FamiliesAreApart)
{
	const Table all4({service("0.0.0.0", 0, 80)});
	EXPECT_EQ(all4.find("198.51.100.1", 80), 1u);
	EXPECT_EQ(all4.find("2001:db8::1", 80), 0u);
	EXPECT_EQ(all4.find("::1", 80), 0u);
	const Table all6({service("::", 0, 80)});
	EXPECT_EQ(all6.find("2001:db8::1", 80), 1u);
	EXPECT_EQ(all6.find("198.51.100.1", 80), 0u);
	EXPECT_EQ(all6.find_addr("198.51.100.1"), 0u);
	EXPECT_EQ(all6.find_addr("2001:db8::1"), 1u);
	const Table low6({service("::", 64, 80), service("192.0.2.0", 24, 443)});
	EXPECT_EQ(low6.find("192.0.2.1", 80), 0u);
	EXPECT_EQ(low6.find("192.0.2.1", 443), 2u);
	EXPECT_EQ(low6.find_addr("192.0.3.1"), 0u);
}

TEST(ServiceFindAddr, AnyPortWillDo)
{
	const Table t({service("192.0.2.0", 24, 80), service("192.0.2.2", 32, 443),
		       service("192.0.2.2", 32, 25)});
	EXPECT_EQ(t.find_addr("192.0.2.1"), 1u);
	const unsigned n = t.find_addr("192.0.2.2");
	EXPECT_TRUE(n == 2 || n == 3) << n;
	EXPECT_EQ(t.find_addr("192.0.3.2"), 0u);
}

TEST(ServiceTable, Holds255AndFindsEach)
{
	std::mt19937 rng(5);
	std::vector<sl_service> services;
	std::vector<std::string> nets;
	for (unsigned i = 0; i < SL_SERVICES_MAX - 1; i++) {
		nets.push_back(i % 2 == 0 ? "10." + std::to_string(i) + ".0.0"
					  : "2001:db8:" + std::to_string(i) + "::");
		services.push_back(service(nets[i], i % 2 == 0 ? 16 : 48, 80));
	}
	const Table t(services);
	for (unsigned i = 0; i < nets.size(); i++) {
		sl_addr a = addr(nets[i]);
		a.b[15] = static_cast<uint8_t>(rng());
		EXPECT_EQ(sl_service_find(t.t.get(), &a, 80), i + 1) << nets[i];
		EXPECT_EQ(sl_service_find(t.t.get(), &a, 81), 0u) << nets[i];
	}
}

// The longest run of taken slots: what a search that finds nothing may have to walk.
unsigned longest_run(const sl_service_table &t)
{
	unsigned longest = 0, run = 0;
	for (unsigned i = 0; i < 2 * SL_SERVICE_SLOTS; i++) {
		run = t.slot[i % SL_SERVICE_SLOTS].number == 0 ? 0 : run + 1;
		longest = std::max(longest, run);
	}
	return longest;
}

TEST(ServiceTable, NeighboursSpreadOverTheTable)
{
	for (const char *net : {"192.0.2.", "10.0.", "2001:db8::", "2001:db8:", "fd00::"}) {
		std::vector<sl_service> services;
		for (unsigned i = 1; i < SL_SERVICES_MAX; i++) {
			const std::string n = net, number = std::to_string(i);
			if (n == "10.0.")
				services.push_back(service(n + number + ".0", 24, 80));
			else if (n == "2001:db8:")
				services.push_back(service(n + number + "::", 48, 80));
			else
				services.push_back(service(n + number, n[0] == '1' ? 32 : 128, 80));
		}
		const Table t(services);
		EXPECT_LT(longest_run(*t.t), 20u) << net; // at random about 8
	}
}

TEST(ServiceTable, ManyOfOneAddressAreFoundByHalving)
{
	std::mt19937 rng(7);
	std::vector<unsigned> order(SL_SERVICES_MAX - 1);
	std::vector<sl_service> services;
	for (unsigned i = 0; i < order.size(); i++)
		order[i] = i;
	std::shuffle(order.begin(), order.end(), rng);
	for (unsigned i : order) {
		services.push_back(service("192.0.2.2", 32, static_cast<uint16_t>(100 + 200 * i),
					   static_cast<uint16_t>(199 + 200 * i)));
		services.back().mode = i == 77 ? SL_MODE_SPLICE : SL_MODE_PASS;
	}
	const Table t(services);
	for (unsigned port = 0; port <= 0xffff; port++) {
		const unsigned i = (port - 100) / 200;
		const bool inside = port >= 100 && i < order.size() && (port - 100) % 200 < 100;
		const unsigned n = t.find("192.0.2.2", static_cast<uint16_t>(port));
		ASSERT_EQ(n != 0, inside) << port;
		if (inside) {
			ASSERT_EQ(order[n - 1], i) << port;
		}
	}
	EXPECT_EQ(order[t.find_addr("192.0.2.2") - 1], 77u);
}

TEST(ServiceTable, AgreesWithALinearSearch)
{
	std::mt19937 rng(11);
	for (unsigned round = 0; round < 20; round++) {
		std::vector<sl_service> services;
		for (unsigned i = 0; i < 120; i++) {
			sl_service s = service("10.0.0.0", 8 + rng() % 25,
					       static_cast<uint16_t>(1 + 10 * i),
					       static_cast<uint16_t>(10 + 10 * i));
			for (unsigned b = 13; b < 16; b++)
				s.net.b[b] = static_cast<uint8_t>(rng() % 4);
			services.push_back(s);
		}
		const Table t(services);
		for (unsigned i = 0; i < 2000; i++) {
			sl_addr a = addr("10.0.0.0");
			for (unsigned b = 13; b < 16; b++)
				a.b[b] = static_cast<uint8_t>(rng() % 4);
			const uint16_t port = static_cast<uint16_t>(rng() % 1300);
			unsigned best = 0;
			for (unsigned n = 1; n <= services.size(); n++) {
				const sl_service &s = services[n - 1];
				if (port >= s.port_lo && port <= s.port_hi &&
				    sl_addr_in_prefix(&a, &s.net, s.prefix_len) &&
				    (best == 0 || s.prefix_len > services[best - 1].prefix_len))
					best = n;
			}
			ASSERT_EQ(sl_service_find(t.t.get(), &a, port), best);
		}
	}
}

TEST(ServiceNames, AreThoseOfTheConfiguration)
{
	EXPECT_STREQ(sl_service_mode_name(SL_MODE_PASS), "pass");
	EXPECT_STREQ(sl_service_mode_name(SL_MODE_MONITOR), "monitor");
	EXPECT_STREQ(sl_service_mode_name(SL_MODE_SPLICE), "splice");
	EXPECT_STREQ(sl_cookies_policy_name(SL_COOKIES_ALWAYS), "always");
	EXPECT_STREQ(sl_cookies_policy_name(SL_COOKIES_NEVER), "never");
}

} // namespace
