// SPDX-License-Identifier: BSD-3-Clause
#include <gtest/gtest.h>

#include "frame.h"
#include "sl_spread.h"

#include <algorithm>
#include <map>
#include <utility>

namespace
{

using namespace sl_test;

const unsigned kReceiver = 9; // none of the workers: who answers so has not hashed

Frame back(const Frame &f)
{
	Frame b = f;
	std::swap(b.src, b.dst);
	std::swap(b.sport, b.dport);
	std::swap(b.smac, b.dmac);
	return b;
}

/// An ICMP error of this type that quotes the start of a frame's packet.
Bytes icmp_error(const Frame &about, uint8_t type, size_t quoted = 28)
{
	Bytes packet = about.packet();
	packet.resize(std::min(packet.size(), about.v6() ? quoted + 20 : quoted));
	Frame f;
	f.src = about.v6() ? "2001:db8:ffff::1" : "203.0.113.1";
	f.dst = about.src;
	f.proto = about.v6() ? 58 : 1;
	f.vlan = about.vlan;
	Bytes b = f.bytes();
	const size_t off = f.l4_off();
	b.resize(off);
	b = b + Bytes{type, 4, 0, 0, 0, 0, 5, 0x14} + packet;
	const size_t l4 = b.size() - off;
	if (f.v6())
		b[f.l3_off() + 5] = static_cast<uint8_t>(l4);
	else
		b[f.l3_off() + 3] = static_cast<uint8_t>(20 + l4);
	return b;
}

struct Spread : testing::Test {
	Spread()
	{
		spread.key.k0 = 0x0123456789abcdef;
		spread.key.k1 = 0xfedcba9876543210;
		spread.n_workers = 8;
	}

	unsigned owner(const Bytes &b, unsigned link = 0) const
	{
		return sl_spread_owner(&spread, b.data(), static_cast<uint16_t>(b.size()), link,
				       kReceiver);
	}

	unsigned owner(const Frame &f, unsigned link = 0) const
	{
		return owner(f.bytes(), link);
	}

	/// Connections of either family, of one client and of many.
	static std::vector<Frame> connections(unsigned n)
	{
		std::vector<Frame> v;
		for (unsigned i = 0; i < n; i++) {
			Frame f;
			f.sport = static_cast<uint16_t>(1024 + i);
			if (i % 4 == 1)
				f.src = "10.0." + std::to_string(i / 256 % 256) + "." +
					std::to_string(i % 256);
			if (i % 4 == 2) {
				f.src = "2001:db8::" + std::to_string(i % 9999);
				f.dst = "2001:db8::2";
			}
			if (i % 4 == 3)
				f.vlan = {static_cast<uint16_t>(1 + i % 4000)};
			v.push_back(f);
		}
		return v;
	}

	sl_spread spread = {};
};

TEST_F(Spread, BothDirectionsMeet)
{
	for (const Frame &f : connections(2000)) {
		const unsigned one = owner(f);
		EXPECT_LT(one, 8u);
		EXPECT_EQ(owner(back(f)), one);
	}
}

// Their connection's owner has the answer to them, where there is one.
TEST_F(Spread, FlagsThatNoStackSendsGoToTheOwner)
{
	for (Frame f : connections(100)) {
		const unsigned one = owner(f);
		f.flags = SL_SYN | SL_FIN;
		EXPECT_EQ(owner(f), one);
		f.data_offset = 4;
		EXPECT_EQ(owner(f), kReceiver);
	}
}

TEST_F(Spread, WorkersGetTheirShare)
{
	for (unsigned n : {2u, 3u, 8u}) {
		std::map<unsigned, unsigned> share;
		spread.n_workers = n;
		for (const Frame &f : connections(8000))
			share[owner(f)]++;
		EXPECT_EQ(share.size(), n);
		for (const auto &s : share) {
			EXPECT_GT(s.second, 8000 / n * 85 / 100);
			EXPECT_LT(s.second, 8000 / n * 115 / 100);
		}
	}
}

TEST_F(Spread, OwnersHangOnTheKeyTheLinkAndTheTags)
{
	unsigned by_key = 0, by_link = 0, by_tag = 0;
	for (Frame f : connections(400)) {
		const unsigned one = owner(f);
		by_link += owner(f, 1) != one;
		f.vlan = {77};
		by_tag += owner(f) != one;
		f.vlan = {};
		const unsigned untagged = owner(f);
		spread.key.k0 ^= 1;
		by_key += owner(f) != untagged;
		spread.key.k0 ^= 1;
	}
	EXPECT_GT(by_key, 300u);
	EXPECT_GT(by_link, 300u);
	EXPECT_GT(by_tag, 300u);
}

TEST_F(Spread, IcmpErrorsFollowTheSegmentThatTheyQuote)
{
	for (const Frame &f : connections(400)) {
		for (uint8_t type : {3, 11, 12})
			if (!f.v6()) {
				EXPECT_EQ(owner(icmp_error(f, type)), owner(f));
				EXPECT_EQ(owner(icmp_error(back(f), type, 40)), owner(f));
			}
		for (uint8_t type : {1, 2, 3, 4})
			if (f.v6()) {
				EXPECT_EQ(owner(icmp_error(f, type)), owner(f));
				EXPECT_EQ(owner(icmp_error(back(f), type, 40)), owner(f));
			}
	}
}

TEST_F(Spread, WhatHasNoOwnerStaysWithItsReceiver)
{
	Frame f, v6;
	f.ip_fragment = 0x2000;
	EXPECT_EQ(owner(f), kReceiver) << "a fragment";
	f.ip_fragment = 0x4000;
	f.proto = 17;
	EXPECT_EQ(owner(f), kReceiver) << "UDP";
	f.proto = 6;
	f.data_offset = 4;
	EXPECT_EQ(owner(f), kReceiver) << "malformed TCP";
	f = Frame();
	EXPECT_EQ(owner(icmp_error(f, 8)), kReceiver) << "an echo";
	v6.src = "2001:db8::1";
	v6.dst = "2001:db8::2";
	EXPECT_EQ(owner(icmp_error(v6, 128)), kReceiver) << "an echo";
	f.proto = 17;
	EXPECT_EQ(owner(icmp_error(f, 3)), kReceiver) << "an error of UDP";
}

TEST_F(Spread, FramesCutAnywhereAreNotReadBeyondTheirEnd)
{
	Frame v4, v6;
	v6.src = "2001:db8::1";
	v6.dst = "2001:db8::2";
	for (const Bytes &whole : {v4.bytes(), v6.bytes(), icmp_error(v4, 3), icmp_error(v6, 2)})
		for (size_t len = 0; len <= whole.size(); len++) {
			std::unique_ptr<uint8_t[]> exact(new uint8_t[len]);
			std::copy(whole.begin(), whole.begin() + static_cast<long>(len),
				  exact.get());
			const unsigned o = sl_spread_owner(
				&spread, exact.get(), static_cast<uint16_t>(len), 0, kReceiver);
			EXPECT_EQ(o < 8, len == whole.size());
		}
}

} // namespace
