// SPDX-License-Identifier: BSD-3-Clause
#include "cable.h"

using namespace impair_test;
using sl_test::tail;

namespace
{

Bytes part(const Bytes &b, size_t from, size_t n)
{
	return Bytes(b.begin() + static_cast<long>(from), b.begin() + static_cast<long>(from + n));
}

unsigned be16(const Bytes &b, size_t at)
{
	return static_cast<unsigned>(b[at] << 8 | b[at + 1]);
}

// The answer to a frame, or nothing.
Bytes answer(const Bytes &frame, unsigned mtu = 1400)
{
	const sl_addr router4 = sl_test::addr("192.0.2.254");
	const sl_addr router6 = sl_test::addr("2001:db8::fe");
	impair_packet packet;
	Bytes a(IMPAIR_ANSWER_MAX);

	impair_packet_parse(frame.data(), static_cast<uint32_t>(frame.size()), &packet);
	a.resize(impair_too_big_answer(frame.data(), static_cast<uint32_t>(frame.size()), &packet,
				       packet.version == 6 ? &router6 : &router4, mtu, a.data()));
	return a;
}

Frame big4()
{
	Frame f;
	f.payload = std::string(1460, 'x');
	return f;
}

Frame big6()
{
	Frame f;
	f.src = "2001:db8:1::7";
	f.dst = "2001:db8::2";
	f.payload = std::string(1440, 'x');
	return f;
}

TEST(ImpairTooBig, Ipv4SaysFragmentationNeededAndTheMtu)
{
	RecordProperty("rfc", "1191 4; 1812 4.3.2.3");
	const Frame f = big4();
	const Bytes sent = f.bytes(), a = answer(sent);

	ASSERT_EQ(14u + 576, a.size());
	EXPECT_EQ(part(sent, 6, 6), part(a, 0, 6));
	EXPECT_EQ(part(sent, 0, 6), part(a, 6, 6));
	EXPECT_EQ(0x0800u, be16(a, 12));
	EXPECT_EQ(0x45, a[14]);
	EXPECT_EQ(0xc0, a[15]);
	EXPECT_EQ(576u, be16(a, 16));
	EXPECT_EQ(1, a[23]);
	EXPECT_EQ(sl_test::addr_bytes("192.0.2.254"), part(a, 26, 4));
	EXPECT_EQ(sl_test::addr_bytes(f.src), part(a, 30, 4));
	EXPECT_EQ(0, sl_test::slow_cksum(part(a, 14, 20)));
	EXPECT_EQ((Bytes{3, 4}), part(a, 34, 2));
	EXPECT_EQ(0u, be16(a, 38));
	EXPECT_EQ(1400u, be16(a, 40));
	EXPECT_EQ(0, sl_test::slow_cksum(tail(a, 34)));
	EXPECT_EQ(part(sent, 14, 548), tail(a, 42));
}

TEST(ImpairTooBig, Ipv6SaysPacketTooBigAndTheMtu)
{
	RecordProperty("rfc", "4443 3.2");
	const Frame f = big6();
	const Bytes sent = f.bytes(), a = answer(sent);

	ASSERT_EQ(14u + 1280, a.size());
	EXPECT_EQ(part(sent, 6, 6), part(a, 0, 6));
	EXPECT_EQ(part(sent, 0, 6), part(a, 6, 6));
	EXPECT_EQ(0x86ddu, be16(a, 12));
	EXPECT_EQ(0x60, a[14]);
	EXPECT_EQ(1240u, be16(a, 18));
	EXPECT_EQ(58, a[20]);
	EXPECT_EQ(sl_test::addr_bytes("2001:db8::fe"), part(a, 22, 16));
	EXPECT_EQ(sl_test::addr_bytes(f.src), part(a, 38, 16));
	EXPECT_EQ((Bytes{2, 0}), part(a, 54, 2));
	EXPECT_EQ(0u, be16(a, 58));
	EXPECT_EQ(1400u, be16(a, 60));
	Bytes pseudo = part(a, 22, 32);
	sl_test::put32(pseudo, 1240);
	sl_test::put32(pseudo, 58);
	EXPECT_EQ(0, sl_test::slow_cksum(pseudo + tail(a, 54)));
	EXPECT_EQ(part(sent, 14, 1232), tail(a, 62));
}

TEST(ImpairTooBig, TagsTravelBackAndPaddingIsNotQuoted)
{
	Frame f = big4();
	f.vlan = {5, 6};
	f.payload = std::string(101, 'x'); // an odd length, too
	const Bytes whole = f.bytes();
	f.trailer = 7;
	const Bytes a = answer(f.bytes(), 100);

	EXPECT_EQ(part(whole, 12, 10), part(a, 12, 10));
	EXPECT_EQ(tail(whole, 22), tail(a, 22 + 28));
	EXPECT_EQ(0, sl_test::slow_cksum(part(a, 22, 20)));
	EXPECT_EQ(0, sl_test::slow_cksum(tail(a, 42)));
}

TEST(ImpairTooBig, WhatMayNotBeAnsweredIsNot)
{
	RecordProperty("rfc", "1812 4.3.2.7; 4443 2.4");
	const auto change = [](Frame f, auto how) {
		how(f);
		return answer(f.bytes()).size();
	};

	EXPECT_EQ(0u, change(big4(), [](Frame &f) { f.ip_fragment = 0; }));
	EXPECT_EQ(0u, change(big4(), [](Frame &f) { f.ip_fragment = 0x4001; }));
	EXPECT_EQ(0u, change(big4(), [](Frame &f) { f.dmac[0] |= 1; }));
	EXPECT_EQ(0u, change(big4(), [](Frame &f) { f.dst = "224.0.0.1"; }));
	EXPECT_EQ(0u, change(big4(), [](Frame &f) { f.src = "0.0.0.0"; }));
	EXPECT_EQ(0u, change(big6(), [](Frame &f) { f.src = "::"; }));
	EXPECT_EQ(0u, change(big6(), [](Frame &f) { f.src = "ff02::1"; }));
	for (unsigned type : {3, 4, 5, 11, 12}) {
		EXPECT_EQ(0u, change(big4(), [type](Frame &f) {
				  f.proto = 1;
				  f.sport = static_cast<uint16_t>(type << 8);
			  }));
	}
	for (unsigned type : {1, 2, 3, 4, 127, 137}) {
		EXPECT_EQ(0u, change(big6(), [type](Frame &f) {
				  f.proto = 58;
				  f.sport = static_cast<uint16_t>(type << 8);
			  }));
	}
	// Echo is answered, and so is IPv6 to many.
	EXPECT_NE(0u, change(big4(), [](Frame &f) { f.proto = 1, f.sport = 8 << 8; }));
	EXPECT_NE(0u, change(big6(), [](Frame &f) { f.proto = 58, f.sport = 128 << 8; }));
	EXPECT_NE(0u, change(big6(), [](Frame &f) { f.dst = "ff0e::1"; }));
}

} // namespace
