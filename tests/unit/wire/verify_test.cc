// SPDX-License-Identifier: BSD-3-Clause
#include <gtest/gtest.h>

#include "frame.h"

using namespace sl_test;

namespace
{

// Verifies a frame of which `ip` and `tcp` are known; returns whether it was found right.
bool verify(const Bytes &frame, sl_cksum_state ip = SL_CKSUM_UNKNOWN,
	    sl_cksum_state tcp = SL_CKSUM_UNKNOWN, sl_seg *out = nullptr)
{
	Buffer b(frame);
	sl_seg seg;
	EXPECT_EQ(sl_wire_parse(b.buf.data, b.buf.len, &seg), SL_PARSED_TCP);
	b.buf.ip_cksum = ip;
	b.buf.tcp_cksum = tcp;
	const bool right = sl_wire_verify(&b.buf, &seg);
	if (right) {
		EXPECT_EQ(b.buf.tcp_cksum, SL_CKSUM_GOOD);
		EXPECT_TRUE(seg.v6 || b.buf.ip_cksum == SL_CKSUM_GOOD);
	}
	if (out != nullptr)
		*out = seg;
	return right;
}

std::vector<Frame> kinds(const std::string &payload)
{
	Frame a, b, c{.src = "2001:db8::7", .dst = "2001:db8::2"}, d = c;
	b.ip_options = {148, 4, 0, 0, 7, 7, 4, 9, 9, 9, 9};
	b.options = nop(2) + ts(1, 2);
	b.vlan = {1, 2};
	d.extensions = {extension(0), extension(60, 2)};
	d.trailer = 7;
	a.trailer = 3;
	std::vector<Frame> all = {a, b, c, d};
	for (Frame &f : all)
		f.payload = payload;
	return all;
}

TEST(Verify, RightChecksumsOfAnyLengthAreGood)
{
	RecordProperty("rfc", "9293 MUST-3, 8200 8.1");
	for (size_t n : {0, 1, 2, 3, 7, 8, 9, 63, 64, 65, 536, 1459, 1460, 8961})
		for (const Frame &f : kinds(std::string(n, '\xfe')))
			EXPECT_TRUE(verify(f.bytes())) << n;
}

TEST(Verify, AnyChangedByteOfTheSegmentIsSeen)
{
	for (const Frame &f : kinds("odd")) {
		const Bytes good = f.bytes();
		for (size_t i = f.l4_off(); i < f.payload_off() + 3; i++) {
			if (i == f.l4_off() + 12 || i == f.l4_off() + 13)
				continue; // offset and flags: judged by the parser
			Bytes b = good;
			b[i] ^= 0x10;
			Buffer buf(b);
			sl_seg seg;
			if (sl_wire_parse(buf.buf.data, buf.buf.len, &seg) != SL_PARSED_TCP)
				continue;
			EXPECT_FALSE(sl_wire_verify(&buf.buf, &seg)) << i;
			EXPECT_EQ(seg.reason, SL_DROP_bad_checksum);
			EXPECT_EQ(buf.buf.tcp_cksum, SL_CKSUM_UNKNOWN);
		}
	}
}

TEST(Verify, AddressesAreCoveredByTcp)
{
	for (Frame f : kinds("x")) {
		Bytes b = f.bytes();
		b[f.l3_off() + (f.v6() ? 39 : 19)] ^= 4;
		sl_seg seg;
		EXPECT_FALSE(verify(b, SL_CKSUM_GOOD, SL_CKSUM_UNKNOWN, &seg));
		EXPECT_EQ(seg.reason, SL_DROP_bad_checksum);
	}
}

TEST(Verify, Ipv4HeaderIsJudgedFirst)
{
	RecordProperty("rfc", "791 3.1");
	for (Frame f : kinds("x")) {
		f.bad_ip_checksum = f.bad_tcp_checksum = true;
		sl_seg seg;
		EXPECT_FALSE(verify(f.bytes(), SL_CKSUM_UNKNOWN, SL_CKSUM_UNKNOWN, &seg));
		EXPECT_EQ(seg.reason, f.v6() ? SL_DROP_bad_checksum : SL_DROP_ip_bad_checksum);
	}
	Frame f;
	f.ip_options = {7, 7, 4, 9, 9, 9, 9};
	Bytes b = f.bytes();
	b[14 + 26] ^= 1; // in the options
	sl_seg seg;
	EXPECT_FALSE(verify(b, SL_CKSUM_UNKNOWN, SL_CKSUM_UNKNOWN, &seg));
	EXPECT_EQ(seg.reason, SL_DROP_ip_bad_checksum);
}

TEST(Verify, WhatTheNicFoundIsBelieved)
{
	for (Frame f : kinds("x")) {
		sl_seg seg;
		EXPECT_FALSE(verify(f.bytes(), SL_CKSUM_GOOD, SL_CKSUM_BAD, &seg));
		EXPECT_EQ(seg.reason, SL_DROP_bad_checksum);
		EXPECT_EQ(verify(f.bytes(), SL_CKSUM_BAD, SL_CKSUM_GOOD, &seg), f.v6());
		f.bad_ip_checksum = f.bad_tcp_checksum = true;
		EXPECT_TRUE(verify(f.bytes(), SL_CKSUM_GOOD, SL_CKSUM_GOOD));
		EXPECT_FALSE(verify(f.bytes(), SL_CKSUM_GOOD, SL_CKSUM_UNKNOWN));
	}
}

TEST(Verify, BothZeroesOfTheChecksumAreRight)
{
	RecordProperty("rfc", "1071 1");
	// A segment whose checksum is 0 says the same with 0xffff.
	for (unsigned seq = 0; seq < 0x10000; seq++) {
		Frame f{.seq = seq};
		Bytes b = f.bytes();
		if (b[f.l4_off() + 16] != 0 || b[f.l4_off() + 17] != 0)
			continue;
		EXPECT_TRUE(verify(b));
		b[f.l4_off() + 16] = b[f.l4_off() + 17] = 0xff;
		EXPECT_TRUE(verify(b));
		return;
	}
	FAIL() << "no segment with the checksum 0 found";
}

} // namespace
