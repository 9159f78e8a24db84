// SPDX-License-Identifier: BSD-3-Clause
#include <algorithm>
#include <set>

#include <gtest/gtest.h>

#include "icmp.h"
#include "sl_rewrite.h"

namespace
{

using namespace sl_test;

/// Parses a copy that ends where the frame does, and what it quotes.
bool read(const Bytes &frame, sl_seg *icmp, sl_quote *quote)
{
	std::unique_ptr<uint8_t[]> exact(new uint8_t[frame.size()]);
	std::copy(frame.begin(), frame.end(), exact.get());
	return sl_wire_parse(exact.get(), static_cast<uint16_t>(frame.size()), icmp) ==
		       SL_PARSED_ICMP &&
	       sl_wire_parse_quote(exact.get(), icmp, quote);
}

struct IcmpErrors : testing::TestWithParam<bool> {
	IcmpErrors()
	{
		if (GetParam()) {
			segment.src = "2001:db8::2";
			segment.dst = "2001:db8:1::7";
		}
		segment.seq = 0xfffffff1;
		segment.ack = 0x12345678;
		segment.wnd = 4321;
		segment.flags = SL_ACK | SL_PSH;
		segment.options = nop(2) + ts(11, 22) + nop(2) + sack({100, 200});
		segment.payload = std::string(1400, 'x');
	}

	Frame segment;
	sl_seg icmp;
	sl_quote quote;
};

INSTANTIATE_TEST_SUITE_P(Families, IcmpErrors, testing::Bool());

TEST_P(IcmpErrors, QuotesAreReadAsFarAsTheyGo)
{
	for (size_t n = 0; n <= 80; n++) {
		const bool all = read(Icmp{.about = segment, .quoted = n}.bytes(), &icmp, &quote);
		ASSERT_EQ(all, n >= 8) << n;
		if (!all)
			continue;
		const sl_seg &seg = quote.seg;
		const sl_addr src = addr(segment.src), dst = addr(segment.dst);
		EXPECT_EQ(quote.tcp_len, n);
		EXPECT_TRUE(sl_addr_equal(&seg.src, &src));
		EXPECT_TRUE(sl_addr_equal(&seg.dst, &dst));
		EXPECT_EQ(seg.src_port, segment.sport);
		EXPECT_EQ(seg.dst_port, segment.dport);
		EXPECT_EQ(seg.seq, segment.seq);
		EXPECT_EQ(seg.ack, n >= 12 ? segment.ack : 0);
		EXPECT_EQ(seg.flags, n >= 14 ? segment.flags : unsigned{SL_ACK});
		EXPECT_EQ(seg.wnd, n >= 16 ? segment.wnd : 0);
		EXPECT_EQ(seg.ts_off != 0, n >= 32);
		EXPECT_EQ(seg.tsecr, n >= 32 ? 22u : 0);
		EXPECT_EQ(seg.n_sack, n >= 44 ? 1 : 0) << n;
		EXPECT_TRUE(quote.to_sender);
	}
}

TEST_P(IcmpErrors, FramesCutAnywhereAreNotReadBeyondTheirEnd)
{
	segment.payload = "some";
	const Bytes whole = Icmp{.about = segment}.bytes();
	for (size_t n = 0; n < whole.size(); n++)
		EXPECT_FALSE(read(Bytes(whole.begin(), whole.begin() + static_cast<long>(n)), &icmp,
				  &quote));
	EXPECT_TRUE(read(whole, &icmp, &quote));
}

TEST_P(IcmpErrors, OnlyErrorsAboutSegmentsAreLookedAt)
{
	RecordProperty("rfc", "9293 MUST-55");
	const std::vector<uint8_t> errors =
		GetParam() ? std::vector<uint8_t>{1, 2, 3, 4} : std::vector<uint8_t>{3, 11, 12};
	for (unsigned type = 1; type < 256; type++) {
		const bool error = std::count(errors.begin(), errors.end(), type) > 0;
		const Bytes b =
			Icmp{.about = segment, .type = static_cast<uint8_t>(type), .word = 0}
				.bytes();
		EXPECT_EQ(parse_exact(b, &icmp), error ? SL_PARSED_ICMP : SL_PARSED_OTHER) << type;
	}
	segment.proto = 17;
	EXPECT_FALSE(read(Icmp{.about = segment}.bytes(), &icmp, &quote)) << "UDP";
	segment.proto = 6;
	if (GetParam()) {
		segment.extensions = {extension(0), extension(60, 2)};
		EXPECT_TRUE(read(Icmp{.about = segment}.bytes(), &icmp, &quote));
		segment.extensions.push_back(fragment(0, true));
		EXPECT_TRUE(read(Icmp{.about = segment}.bytes(), &icmp, &quote)) << "the first";
		segment.extensions.back() = fragment(1480, true);
	} else {
		segment.ip_options = nop(8);
		EXPECT_TRUE(read(Icmp{.about = segment}.bytes(), &icmp, &quote));
		segment.ip_fragment = 0x2000;
		EXPECT_TRUE(read(Icmp{.about = segment}.bytes(), &icmp, &quote)) << "the first";
		segment.ip_fragment = 0x2064;
	}
	EXPECT_FALSE(read(Icmp{.about = segment}.bytes(), &icmp, &quote)) << "a later fragment";
}

TEST_P(IcmpErrors, WhatFollowsAShortQuoteIsNotTakenForOptions)
{
	segment.payload = "";
	const size_t tcp = segment.segment().size();
	const Bytes padding = Bytes(128 - segment.packet().size(), 0), structures = ts(1, 2);
	// RFC 4884: the length of the quote stands in the header, in words of 4 or 8 bytes.
	ASSERT_TRUE(read(Icmp{.about = segment,
			      .type = static_cast<uint8_t>(GetParam() ? 1 : 3),
			      .word = GetParam() ? 16u << 24 : 32u << 16,
			      .more = padding + structures}
				 .bytes(),
			 &icmp, &quote));
	EXPECT_EQ(quote.tcp_len, tcp);
	EXPECT_EQ(quote.icmp_len, 8 + 128 + structures.size());
}

TEST_P(IcmpErrors, ChecksumsAreVerifiedAndBroughtAlong)
{
	for (size_t n = 12; n <= 80; n++) {
		for (bool bad : {false, true}) {
			Icmp error = {.about = segment, .quoted = n};
			error.bad_checksum = bad;
			Bytes b = error.bytes();
			ASSERT_TRUE(read(b, &icmp, &quote));
			EXPECT_EQ(sl_wire_verify_quote(b.data(), &quote), !bad);
			sl_rewrite rw = sl_rewrite_begin(b.data(), &quote.seg);
			sl_rewrite_seq(&rw, 0x01020304);
			sl_rewrite_ack(&rw, 0x7fffffff);
			if (quote.seg.ts_off != 0)
				sl_rewrite_tsval(&rw, 0xcafe);
			if (quote.seg.sack_off != 0)
				sl_rewrite_sack_shift(&rw, 77);
			sl_rewrite_end_quote(&rw, b.data(), &quote);
			EXPECT_EQ(icmp_cksum_right(b, icmp), !bad) << n;
			EXPECT_EQ(sl_wire_verify_quote(b.data(), &quote), !bad);
		}
	}
	// A segment that is quoted whole keeps its own checksum right.
	segment.payload = "whole";
	Bytes b = Icmp{.about = segment}.bytes();
	ASSERT_TRUE(read(b, &icmp, &quote));
	sl_rewrite rw = sl_rewrite_begin(b.data(), &quote.seg);
	sl_rewrite_seq(&rw, 0x01020304);
	sl_rewrite_end_quote(&rw, b.data(), &quote);
	EXPECT_EQ(tcp_cksum(addr_bytes(segment.src), addr_bytes(segment.dst),
			    tail(b, quote.seg.l4_off)),
		  0);
}

TEST_P(IcmpErrors, HardAreThoseThatASynIsGivenUpFor)
{
	RecordProperty("rfc", "9293 SHLD-26");
	const bool v6 = GetParam();
	const std::set<uint8_t> hard =
		v6 ? std::set<uint8_t>{1, 4} : std::set<uint8_t>{2, 3, 9, 10, 13};
	for (uint8_t code = 0; code < 16; code++) {
		Icmp e;
		e.about = segment;
		e.type = v6 ? 1 : 3;
		e.code = code;
		const Bytes frame = e.bytes();
		ASSERT_TRUE(read(frame, &icmp, &quote));
		EXPECT_EQ(sl_wire_icmp_error(frame.data(), &quote).hard, hard.count(code) > 0)
			<< +code;
	}
}

TEST_P(IcmpErrors, TooBigQuotesThePacketAndGoesBack)
{
	segment.vlan = {7};
	const Bytes frame = segment.bytes();
	sl_seg seg;
	sl_l2 l2;
	ASSERT_EQ(parse_exact(frame, &seg), SL_PARSED_TCP);
	sl_wire_l2_get(frame.data(), seg.l3_off, &l2);
	sl_wire_l2_swap(&l2);
	for (size_t room : {122, 300, 2000}) {
		Buffer made(Bytes(), 64, room);
		ASSERT_TRUE(sl_wire_emit_too_big(&made.buf, &l2, frame.data(), &seg, 1360));
		const Bytes b = made.bytes();
		ASSERT_TRUE(read(b, &icmp, &quote));
		EXPECT_TRUE(icmp_cksum_right(b, icmp));
		EXPECT_TRUE(ip_cksum_right(b, icmp));
		EXPECT_TRUE(quote.to_sender);
		EXPECT_TRUE(sl_addr_equal(&icmp.src, &seg.dst));
		EXPECT_EQ(icmp.vlan, seg.vlan);
		EXPECT_EQ(b[icmp.l4_off], GetParam() ? 2 : 3);
		EXPECT_EQ(b[icmp.l4_off + 1], GetParam() ? 0 : 4);
		EXPECT_EQ(b[icmp.l4_off + 6] << 8 | b[icmp.l4_off + 7], 1360);
		EXPECT_EQ(Bytes(b.begin() + icmp.payload_off, b.end()),
			  Bytes(frame.begin() + seg.l3_off,
				frame.begin() + seg.l3_off + icmp.payload_len));
		EXPECT_LE(b.size(), room);
		EXPECT_LE(b.size() - icmp.l3_off, GetParam() ? 1280u : 576u);
	}
	// What the link has carried here it carries back.
	for (size_t n : {0, 1, 7, 28, 100, 600, 2000}) {
		segment.payload = std::string(n, 'x');
		const Bytes longer = segment.bytes();
		ASSERT_EQ(parse_exact(longer, &seg), SL_PARSED_TCP);
		Buffer made(Bytes(), 64, 2000);
		ASSERT_TRUE(sl_wire_emit_too_big(&made.buf, &l2, longer.data(), &seg, 1360));
		ASSERT_TRUE(read(made.bytes(), &icmp, &quote));
		EXPECT_GE(quote.tcp_len, 8);
		if (n >= 28) {
			EXPECT_LE(made.bytes().size(), longer.size());
		}
	}
	Buffer small(Bytes(), 64, SL_FRAME_MADE_MAX - 1);
	EXPECT_FALSE(sl_wire_emit_too_big(&small.buf, &l2, frame.data(), &seg, 1360));
}

TEST(IcmpErrorsIpv6, MappedAddressesAreNoneOfItsWire)
{
	Frame f;
	sl_seg icmp;
	sl_quote quote;
	f.src = "::ffff:192.0.2.2";
	f.dst = "2001:db8::7";
	EXPECT_FALSE(read(Icmp{.about = f, .to = "2001:db8::2"}.bytes(), &icmp, &quote));
}

} // namespace
