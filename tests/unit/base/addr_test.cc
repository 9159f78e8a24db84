// SPDX-License-Identifier: BSD-3-Clause
#include <gtest/gtest.h>

#include "sl_addr.h"

#include <cstring>
#include <string>

namespace
{

struct sl_addr addr(const char *text)
{
	struct sl_addr a;
	EXPECT_EQ(sl_addr_parse(&a, text), 0) << text;
	return a;
}

std::string text(const struct sl_addr &a)
{
	char buffer[SL_ADDR_TEXT];
	return sl_addr_format(&a, buffer);
}

TEST(Address, Ipv4LiesInItsMappedForm)
{
	RecordProperty("rfc", "4291 section 2.5.5.2");
	static const uint8_t expected[16] = {0, 0, 0,    0,    0,   0, 0, 0,
					     0, 0, 0xff, 0xff, 192, 0, 2, 1};
	const uint8_t four[4] = {192, 0, 2, 1};
	struct sl_addr set;
	memset(&set, 0xee, sizeof(set));
	sl_addr_set_v4(&set, four);
	EXPECT_EQ(memcmp(set.b, expected, sizeof(expected)), 0);
	const struct sl_addr parsed = addr("192.0.2.1"), mapped = addr("::ffff:192.0.2.1");
	EXPECT_TRUE(sl_addr_equal(&set, &parsed));
	EXPECT_TRUE(sl_addr_equal(&set, &mapped));
	EXPECT_TRUE(sl_addr_is_v4(&parsed));
}

TEST(Address, Ipv6IsNotIpv4)
{
	for (const char *t : {"::", "::1", "2001:db8::1", "::192.0.2.1", "::fffe:192.0.2.1"}) {
		const struct sl_addr a = addr(t);
		EXPECT_FALSE(sl_addr_is_v4(&a)) << t;
	}
}

TEST(Address, EqualLooksAtEveryByte)
{
	const struct sl_addr a = addr("2001:db8::1");
	EXPECT_TRUE(sl_addr_equal(&a, &a));
	for (unsigned i = 0; i < 16; i++) {
		struct sl_addr b = a;
		b.b[i] ^= 1;
		EXPECT_FALSE(sl_addr_equal(&a, &b)) << "byte " << i;
	}
}

TEST(Address, TextSurvivesTheRoundTrip)
{
	RecordProperty("rfc", "5952");
	for (const char *t :
	     {"0.0.0.0", "192.0.2.255", "255.255.255.255", "::", "::1", "2001:db8::1",
	      "2001:db8:1:2:3:4:5:6", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"})
		EXPECT_EQ(text(addr(t)), t);
	EXPECT_EQ(text(addr("2001:0DB8:0:0:0:0:0:1")), "2001:db8::1");
	EXPECT_EQ(text(addr("::ffff:10.1.2.3")), "10.1.2.3");
}

TEST(Address, WhatIsNoAddressIsRefused)
{
	struct sl_addr a;
	for (const char *t : {"", " ", "1.2.3", "1.2.3.4.5", "256.1.1.1", "1.2.3.4/24", " 1.2.3.4",
			      "web", ":::", "1::2::3", "2001:db8::g", "2001:db8::1%eth0", "[::1]"})
		EXPECT_EQ(sl_addr_parse(&a, t), -1) << t;
}

TEST(Address, MartiansAreThoseThatNoHostMayHave)
{
	RecordProperty("rfc", "1122 section 3.2.1.3; 9293 MUST-57, MUST-63");
	for (const char *t :
	     {"0.0.0.0", "0.1.2.3", "127.0.0.1", "127.255.255.255", "224.0.0.1", "239.255.255.255",
	      "240.0.0.1", "255.255.255.255", "::", "::1", "ff02::1", "ff00::"}) {
		const struct sl_addr a = addr(t);
		EXPECT_TRUE(sl_addr_is_martian(&a)) << t;
	}
	for (const char *t :
	     {"1.0.0.1", "10.0.0.1", "126.255.255.255", "128.0.0.1", "192.0.2.1", "223.255.255.255",
	      "::2", "2001:db8::1", "fe80::1", "fd00::1", "fe00::1"}) {
		const struct sl_addr a = addr(t);
		EXPECT_FALSE(sl_addr_is_martian(&a)) << t;
	}
}

TEST(Address, APrefixHoldsExactlyItsFirstBits)
{
	const struct sl_addr net = addr("2001:db8:a5a5:5a5a:3c3c:c3c3:1234:5678");
	for (unsigned len = 0; len <= 128; len++) {
		EXPECT_TRUE(sl_addr_in_prefix(&net, &net, len)) << len;
		for (unsigned bit = 0; bit < 128; bit++) {
			struct sl_addr a = net;
			a.b[bit / 8] ^= static_cast<uint8_t>(0x80 >> bit % 8);
			EXPECT_EQ(sl_addr_in_prefix(&a, &net, len), bit >= len)
				<< "prefix of " << len << ", bit " << bit;
		}
	}
}

TEST(Address, Ipv4PrefixesCountFromBit96)
{
	const struct sl_addr net = addr("192.0.2.0"), in = addr("192.0.2.255"),
			     out = addr("192.0.3.0"), other = addr("2001:db8::1");
	EXPECT_TRUE(sl_addr_in_prefix(&in, &net, 96 + 24));
	EXPECT_FALSE(sl_addr_in_prefix(&out, &net, 96 + 24));
	EXPECT_TRUE(sl_addr_in_prefix(&out, &net, 96 + 23));
	EXPECT_FALSE(sl_addr_in_prefix(&other, &net, 96));
}

} // namespace
