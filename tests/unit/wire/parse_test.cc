// SPDX-License-Identifier: BSD-3-Clause
#include <gtest/gtest.h>

#include "frame.h"

#include "sl_bytes.h"

#include <set>
#include <utility>

using namespace sl_test;

namespace
{

// The frame with its IP length set so that `n` bytes of TCP are left, as a host would send it.
Bytes with_tcp_bytes(const Frame &f, size_t n)
{
	Bytes b = f.bytes();
	b.resize(f.l4_off() + n);
	const size_t ip = f.l3_off();
	const size_t total = b.size() - ip;
	sl_store_be16(&b[ip + (f.v6() ? 4 : 2)],
		      static_cast<uint16_t>(f.v6() ? total - 40 : total));
	return b;
}

Bytes patched(Bytes b, size_t at, uint8_t value)
{
	b[at] = value;
	return b;
}

const Frame v4{.flags = SL_ACK | SL_PSH, .payload = "hello"};
const Frame v6{
	.src = "2001:db8::7", .dst = "2001:db8::2", .flags = SL_ACK | SL_PSH, .payload = "hello"};

Frame v6_with(std::vector<Extension> extensions)
{
	Frame f = v6;
	f.extensions = std::move(extensions);
	return f;
}

void expect_tcp(const Frame &f)
{
	const Bytes frame = f.bytes();
	sl_seg seg;
	ASSERT_EQ(parse_exact(frame, &seg), SL_PARSED_TCP);
	const sl_addr src = addr(f.src), dst = addr(f.dst);
	EXPECT_TRUE(sl_addr_equal(&seg.src, &src));
	EXPECT_TRUE(sl_addr_equal(&seg.dst, &dst));
	EXPECT_EQ(seg.v6, f.v6());
	EXPECT_EQ(seg.src_port, f.sport);
	EXPECT_EQ(seg.dst_port, f.dport);
	EXPECT_EQ(seg.seq, f.seq);
	EXPECT_EQ(seg.ack, f.ack);
	EXPECT_EQ(seg.flags, f.flags);
	EXPECT_EQ(seg.wnd, f.wnd);
	EXPECT_EQ(seg.l3_off, f.l3_off());
	EXPECT_EQ(seg.l4_off, f.l4_off());
	EXPECT_EQ(seg.payload_off, f.payload_off());
	ASSERT_EQ(seg.payload_len, f.payload.size());
	EXPECT_EQ(std::string(frame.begin() + seg.payload_off,
			      frame.begin() + seg.payload_off + seg.payload_len),
		  f.payload);
}

TEST(Parse, ReadsEveryFieldOfBothFamilies)
{
	RecordProperty("rfc", "9293 3.1");
	expect_tcp({.src = "198.51.100.7",
		    .dst = "192.0.2.2",
		    .sport = 1,
		    .dport = 65535,
		    .seq = 0xfffffffe,
		    .ack = 0x80000001,
		    .flags = SL_ACK | SL_PSH | SL_URG | SL_ECE | SL_CWR,
		    .wnd = 0x1234,
		    .payload = "x"});
	expect_tcp({.src = "2001:db8::7",
		    .dst = "2001:db8::2",
		    .sport = 65535,
		    .dport = 1,
		    .seq = 1,
		    .ack = 2,
		    .flags = SL_ACK | SL_FIN,
		    .wnd = 0,
		    .payload = "hello, world"});
}

TEST(Parse, PaddingOfAShortFrameIsNoPayload)
{
	Frame f{.payload = ""};
	f.trailer = 6;
	expect_tcp(f);
	Frame g = v6;
	g.trailer = 30;
	expect_tcp(g);
}

// Plain frames have a way of their own through the parser: whatever byte of one is changed, it says
// what the way of all others says of the same packet behind a tag.
void expect_as_tagged(const Bytes &frame)
{
	Bytes behind(frame.begin(), frame.begin() + 12);
	for (const uint8_t b : {0x81, 0x00, 0x00, 0x07})
		behind.push_back(b);
	behind.insert(behind.end(), frame.begin() + 12, frame.end());
	sl_seg seg, tagged;
	const sl_parsed parsed = parse_exact(frame, &seg);
	ASSERT_EQ(parse_exact(behind, &tagged), parsed);
	if (parsed != SL_PARSED_TCP && parsed != SL_PARSED_BAD_TCP) {
		EXPECT_EQ(seg.reason, tagged.reason);
		return;
	}
	tagged.vlan = 0;
	for (uint16_t *off : {&tagged.l3_off, &tagged.l4_off, &tagged.payload_off, &tagged.ts_off,
			      &tagged.sack_off})
		*off = static_cast<uint16_t>(*off == 0 ? 0 : *off - 4);
	EXPECT_EQ(memcmp(&seg, &tagged, sizeof(seg)), 0);
}

TEST(Parse, PlainFramesAreReadLikeAllOthers)
{
	const Bytes syn = mss(1460) + sackok() + ts(1, 2) + nop() + ws(7);
	for (Frame f : {v4, v6}) {
		for (const Bytes &options :
		     {Bytes{}, nop(2) + ts(3, 4), syn, nop(2) + sack({5, 6}), mss(1) + ws(15)}) {
			for (const uint8_t flags : {SL_ACK, SL_SYN}) {
				f.options = options;
				f.flags = flags;
				const Bytes frame = f.bytes();
				for (size_t at = 14; at < frame.size(); at++)
					for (unsigned value = 0; value < 256; value++)
						expect_as_tagged(patched(
							frame, at, static_cast<uint8_t>(value)));
			}
		}
	}
}

TEST(Parse, LargestSegmentsFit)
{
	expect_tcp({.payload = std::string(65535 - 14 - 40, 'x')});
	Frame f{.src = "2001:db8::7", .dst = "2001:db8::2"};
	f.payload = std::string(65535 - 14 - 60, 'y');
	expect_tcp(f);
}

TEST(ParseVlan, TagsAreStrippedAndMakeTheDomain)
{
	sl_seg seg;
	Frame f = v4;
	expect_tcp(f);
	ASSERT_EQ(parse_exact(f.bytes(), &seg), SL_PARSED_TCP);
	EXPECT_EQ(seg.vlan, 0u);

	f.vlan = {0xf123}; // priority and DEI are no part of the VID
	expect_tcp(f);
	ASSERT_EQ(parse_exact(f.bytes(), &seg), SL_PARSED_TCP);
	EXPECT_EQ(seg.vlan, 0x123u);

	f.vlan = {0x456, 0xe789};
	expect_tcp(f);
	ASSERT_EQ(parse_exact(f.bytes(), &seg), SL_PARSED_TCP);
	EXPECT_EQ(seg.vlan, 0x456789u);

	Bytes old = f.bytes();
	sl_store_be16(&old[12], 0x9100);
	ASSERT_EQ(parse_exact(old, &seg), SL_PARSED_TCP);
	EXPECT_EQ(seg.vlan, 0x456789u);
}

TEST(ParseVlan, MoreThanTwoTagsAreNotReadAndSaid)
{
	sl_seg seg;
	Frame f = v4;
	f.vlan = {1, 2, 3};
	EXPECT_EQ(parse_exact(f.bytes(), &seg), SL_PARSED_UNREAD);
	EXPECT_EQ(seg.reason, SL_DROP_too_many_tags);
}

TEST(ParseOther, IpBehindSnapIsNotReadAndSaid)
{
	RecordProperty("source", "RFC 1042; IEEE 802");
	for (const Frame &f : {v4, v6}) {
		const Bytes plain = f.bytes();
		Bytes snap(plain.begin(), plain.begin() + 12);
		sl_seg seg;
		put16(snap, 60);
		snap = snap + hex("aaaa03 000000") + Bytes(plain.begin() + 12, plain.end());
		EXPECT_EQ(parse_exact(snap, &seg), SL_PARSED_UNREAD);
		EXPECT_EQ(seg.reason, SL_DROP_ip_in_snap);
		sl_store_be16(&snap[20], 0x0806); // ARP
		EXPECT_EQ(parse_exact(snap, &seg), SL_PARSED_OTHER);
		snap.resize(21); // cut short before the type
		EXPECT_EQ(parse_exact(snap, &seg), SL_PARSED_OTHER);
	}
}

TEST(ParseVlan, LinkHeaderIsCopiedWithItsTagsAndTurnedRound)
{
	sl_seg seg;
	sl_l2 l2;
	Frame f = v4;
	f.vlan = {0x456, 0x789};
	const Bytes frame = f.bytes();
	ASSERT_EQ(parse_exact(frame, &seg), SL_PARSED_TCP);
	sl_wire_l2_get(frame.data(), seg.l3_off, &l2);
	EXPECT_EQ(Bytes(l2.bytes, l2.bytes + l2.len), Bytes(frame.begin(), frame.begin() + 22));
	std::swap(f.smac, f.dmac);
	const Bytes back = f.bytes();
	sl_wire_l2_swap(&l2);
	EXPECT_EQ(Bytes(l2.bytes, l2.bytes + l2.len), Bytes(back.begin(), back.begin() + 22));
}

TEST(ParseOther, WhatIsNotTcpIsLeftAlone)
{
	sl_seg seg;
	Frame f = v4;
	f.proto = 17;
	EXPECT_EQ(parse_exact(f.bytes(), &seg), SL_PARSED_OTHER);
	f.ip_fragment = 0x2000; // a fragment of UDP is not our business either
	EXPECT_EQ(parse_exact(f.bytes(), &seg), SL_PARSED_OTHER);
	Frame g = v6;
	g.proto = 58;
	EXPECT_EQ(parse_exact(g.bytes(), &seg), SL_PARSED_OTHER);
	g.extensions = {extension(0), fragment(0, true)};
	EXPECT_EQ(parse_exact(g.bytes(), &seg), SL_PARSED_OTHER);
	Bytes arp = v4.bytes();
	sl_store_be16(&arp[12], 0x0806);
	EXPECT_EQ(parse_exact(arp, &seg), SL_PARSED_OTHER);
	sl_store_be16(&arp[12], 46); // a length: IEEE 802.3
	EXPECT_EQ(parse_exact(arp, &seg), SL_PARSED_OTHER);
}

struct Case {
	const char *what;
	Bytes frame;
	sl_parsed parsed;
	sl_drop reason;
};

std::vector<Case> ethernet_cases()
{
	Frame tagged = v4;
	tagged.vlan = {5};
	tagged.cut = 17;
	return {
		{"13 bytes", Bytes(13, 0), SL_PARSED_BAD, SL_DROP_frame_truncated},
		{"tag cut short", tagged.bytes(), SL_PARSED_BAD, SL_DROP_frame_truncated},
	};
}

std::vector<Case> ipv4_cases()
{
	const Bytes good = v4.bytes();
	Frame cut = v4, loose = v4, strict = v4, first = v4, later = v4;
	cut.cut = 14 + 19;
	loose.ip_options = {1, 131, 7, 4, 192, 0, 2, 9};
	strict.ip_options = {148, 4, 0, 0, 137, 7, 4, 192, 0, 2, 9};
	first.ip_fragment = 0x2000;
	later.ip_fragment = 0x0001;
	return {
		{"header cut short", cut.bytes(), SL_PARSED_BAD, SL_DROP_ip_truncated},
		{"version 6", patched(good, 14, 0x65), SL_PARSED_BAD, SL_DROP_ip_bad_version},
		{"IHL 4", patched(good, 14, 0x44), SL_PARSED_BAD, SL_DROP_ip_bad_header_length},
		{"IHL past the frame", patched(good, 14, 0x4f), SL_PARSED_BAD,
		 SL_DROP_ip_bad_header_length},
		{"total below the header", patched(good, 17, 19), SL_PARSED_BAD,
		 SL_DROP_ip_bad_length},
		{"total past the frame", patched(good, 17, 46), SL_PARSED_BAD,
		 SL_DROP_ip_bad_length},
		{"loose source route", loose.bytes(), SL_PARSED_BAD_TCP, SL_DROP_ip_source_route},
		{"strict source route", strict.bytes(), SL_PARSED_BAD_TCP, SL_DROP_ip_source_route},
		{"first fragment", first.bytes(), SL_PARSED_BAD_TCP, SL_DROP_fragment},
		{"later fragment", later.bytes(), SL_PARSED_BAD_TCP, SL_DROP_fragment},
	};
}

std::vector<Case> ipv6_cases()
{
	Frame cut = v6, mapped = v6, routed = v6;
	Extension long_one = extension(60);
	cut.cut = 14 + 39;
	mapped.src = "::ffff:198.51.100.7";
	long_one.bytes[1] = 200;
	Extension route = extension(43, 3);
	route.bytes[3] = 1;
	routed.extensions = {route};
	return {
		{"header cut short", cut.bytes(), SL_PARSED_BAD, SL_DROP_ip_truncated},
		{"version 4", patched(v6.bytes(), 14, 0x40), SL_PARSED_BAD, SL_DROP_ip_bad_version},
		{"payload past the frame", patched(v6.bytes(), 19, 26), SL_PARSED_BAD,
		 SL_DROP_ip_bad_length},
		{"extension past the packet", v6_with({long_one}).bytes(), SL_PARSED_BAD,
		 SL_DROP_ip6_bad_extension},
		{"nine extensions", v6_with(std::vector<Extension>(9, extension(60))).bytes(),
		 SL_PARSED_BAD, SL_DROP_ip6_bad_extension},
		{"first fragment", v6_with({fragment(0, true)}).bytes(), SL_PARSED_BAD_TCP,
		 SL_DROP_fragment},
		{"later fragment", v6_with({fragment(1480, false)}).bytes(), SL_PARSED_BAD_TCP,
		 SL_DROP_fragment},
		{"fragment with TCP hidden behind options",
		 v6_with({fragment(0, true), extension(60)}).bytes(), SL_PARSED_BAD_TCP,
		 SL_DROP_fragment},
		{"later fragment, options in the first",
		 v6_with({fragment(8, false), extension(60)}).bytes(), SL_PARSED_BAD_TCP,
		 SL_DROP_fragment},
		{"routing header with segments left", routed.bytes(), SL_PARSED_BAD_TCP,
		 SL_DROP_ip_source_route},
		{"mapped address", mapped.bytes(), SL_PARSED_BAD_TCP, SL_DROP_martian},
	};
}

std::vector<Case> tcp_cases()
{
	Frame low = v4, high = v4, option = v4, no_source = v4, no_destination = v4;
	low.data_offset = 4;
	high.data_offset = 15;
	option.options = {2, 1, 0, 0};
	no_source.sport = 0;
	no_destination.dport = 0;
	return {
		{"19 bytes", with_tcp_bytes(v4, 19), SL_PARSED_BAD_TCP, SL_DROP_tcp_truncated},
		{"no byte", with_tcp_bytes(v6, 0), SL_PARSED_BAD_TCP, SL_DROP_tcp_truncated},
		{"offset 4", low.bytes(), SL_PARSED_BAD_TCP, SL_DROP_tcp_bad_offset},
		{"offset past the segment", high.bytes(), SL_PARSED_BAD_TCP,
		 SL_DROP_tcp_bad_offset},
		{"option of length 1", option.bytes(), SL_PARSED_BAD_TCP, SL_DROP_tcp_bad_option},
		{"source port 0", no_source.bytes(), SL_PARSED_BAD_TCP, SL_DROP_port_zero},
		{"destination port 0", no_destination.bytes(), SL_PARSED_BAD_TCP,
		 SL_DROP_port_zero},
		{"no flag", Frame{.flags = 0}.bytes(), SL_PARSED_BAD_TCP, SL_DROP_tcp_bad_flags},
	};
}

TEST(ParseMalformed, EachIsToldByItsOwnReason)
{
	std::set<sl_drop> seen;
	for (const auto &cases : {ethernet_cases(), ipv4_cases(), ipv6_cases(), tcp_cases()}) {
		for (const Case &c : cases) {
			sl_seg seg;
			EXPECT_EQ(parse_exact(c.frame, &seg), c.parsed) << c.what;
			EXPECT_STREQ(sl_drop_info[seg.reason].name, sl_drop_info[c.reason].name)
				<< c.what;
			seen.insert(c.reason);
		}
	}
	EXPECT_EQ(seen, (std::set<sl_drop>{SL_DROP_frame_truncated, SL_DROP_ip_truncated,
					   SL_DROP_ip_bad_version, SL_DROP_ip_bad_header_length,
					   SL_DROP_ip_bad_length, SL_DROP_ip_source_route,
					   SL_DROP_ip6_bad_extension, SL_DROP_fragment,
					   SL_DROP_tcp_truncated, SL_DROP_tcp_bad_offset,
					   SL_DROP_tcp_bad_option, SL_DROP_tcp_bad_flags,
					   SL_DROP_port_zero, SL_DROP_martian}));
}

TEST(ParseMalformed, TellsWhomItConcernsWhereThatCanBeRead)
{
	for (const auto &cases : {ipv4_cases(), ipv6_cases(), tcp_cases()}) {
		for (const Case &c : cases) {
			sl_seg seg;
			if (parse_exact(c.frame, &seg) != SL_PARSED_BAD_TCP)
				continue;
			const sl_addr dst = addr(seg.v6 ? v6.dst : v4.dst);
			EXPECT_TRUE(sl_addr_equal(&seg.dst, &dst)) << c.what;
			if (seg.reason == SL_DROP_fragment) {
				EXPECT_EQ(seg.dst_port, 0) << c.what;
			}
		}
	}
	sl_seg seg;
	EXPECT_EQ(parse_exact(with_tcp_bytes(v4, 4), &seg), SL_PARSED_BAD_TCP);
	EXPECT_EQ(seg.src_port, v4.sport);
	EXPECT_EQ(seg.dst_port, v4.dport);
	EXPECT_EQ(parse_exact(with_tcp_bytes(v4, 3), &seg), SL_PARSED_BAD_TCP);
	EXPECT_EQ(seg.src_port, 0);
	EXPECT_EQ(seg.dst_port, 0);
}

TEST(ParseFlags, OnlyCombinationsOfRealStacksPass)
{
	RecordProperty("rfc", "9293 3.10.7");
	for (unsigned flags = 0; flags < 256; flags++) {
		const bool syn = flags & SL_SYN, rst = flags & SL_RST, fin = flags & SL_FIN;
		const bool ack = flags & SL_ACK;
		const bool good = syn + rst + fin <= 1 && (ack || syn || rst);
		sl_seg seg;
		const sl_parsed parsed = parse_exact(Frame{.flags = flags}.bytes(), &seg);
		EXPECT_EQ(parsed, good ? SL_PARSED_TCP : SL_PARSED_BAD_TCP) << flags;
		if (!good) {
			EXPECT_EQ(seg.reason, SL_DROP_tcp_bad_flags) << flags;
		}
		EXPECT_EQ(sl_tcp_flags_possible(seg.flags), good) << flags;
	}
}

TEST(ParseFlags, WhereOnlyTheyAreWrongTheRestOfTheSegmentIsRead)
{
	RecordProperty("rfc", "9293 3.10.7.1");
	Frame f = v4;
	f.flags = SL_SYN | SL_FIN;
	f.payload = {1, 2, 3};
	f.options = {2, 4, 5, 180, 8, 10, 0, 0, 0, 9, 0, 0, 0, 0, 1, 1};
	sl_seg seg;
	ASSERT_EQ(parse_exact(f.bytes(), &seg), SL_PARSED_BAD_TCP);
	EXPECT_EQ(seg.reason, SL_DROP_tcp_bad_flags);
	EXPECT_EQ(seg.flags, SL_SYN | SL_FIN);
	EXPECT_EQ(seg.seq, f.seq);
	EXPECT_EQ(seg.ack, f.ack);
	EXPECT_EQ(seg.mss, 1460);
	EXPECT_EQ(seg.tsval, 9u);
	EXPECT_EQ(sl_seg_len(&seg), 5u);
	// Anything else that is wrong with it is the reason.
	f.options = {2, 1, 0, 0};
	EXPECT_EQ(parse_exact(f.bytes(), &seg), SL_PARSED_BAD_TCP);
	EXPECT_EQ(seg.reason, SL_DROP_tcp_bad_option);
}

TEST(ParseIpv4, OptionsAreSkipped)
{
	RecordProperty("rfc", "9293 MUST-50");
	for (size_t n = 0; n <= 40; n++) {
		Frame f = v4;
		f.ip_options = Bytes(n, 1);
		expect_tcp(f);
	}
	Frame f = v4;
	f.ip_options = {148, 4, 0, 0, 7, 7, 4, 0, 0, 0, 0}; // router alert, record route
	expect_tcp(f);
	f.ip_options = {0, 131, 7, 4, 192, 0, 2, 9}; // behind the end of the list
	expect_tcp(f);
	f.ip_options = {7, 3, 131, 1}; // 131 as the pointer of another option
	expect_tcp(f);
}

TEST(ParseIpv6, ExtensionHeadersAreWalked)
{
	RecordProperty("rfc", "8200 4");
	expect_tcp(v6_with({extension(0), extension(60, 3), extension(43), extension(60)}));
	expect_tcp(v6_with({extension(135), extension(139), extension(140)}));
	expect_tcp(v6_with(std::vector<Extension>(8, extension(60))));
	expect_tcp(v6_with({extension(0, 256)}));
}

TEST(ParseIpv6, AuthenticationHeaderCountsInWordsOfFour)
{
	RecordProperty("rfc", "4302 2.2");
	Extension ah{51, Bytes(24, 0)};
	ah.bytes[1] = 4;
	expect_tcp(v6_with({ah}));
	expect_tcp(v6_with({extension(0), ah, extension(60)}));
}

TEST(ParseIpv6, AtomicFragmentIsAWholePacket)
{
	RecordProperty("rfc", "6946");
	expect_tcp(v6_with({fragment(0, false)}));
	expect_tcp(v6_with({extension(0), fragment(0, false), extension(60)}));
	Extension reserved = fragment(0, false);
	reserved.bytes[1] = 0xff;
	reserved.bytes[3] |= 0x06; // reserved bits: ignored
	expect_tcp(v6_with({reserved}));
}

// A frame that was cut anywhere is never taken for a whole one, and no byte behind it is read.
void expect_cut(const Frame &f)
{
	const Bytes whole = f.bytes();
	sl_seg seg;
	ASSERT_EQ(parse_exact(whole, &seg), SL_PARSED_TCP);
	for (size_t n = 0; n < whole.size(); n++) {
		const Bytes frame(whole.begin(), whole.begin() + static_cast<long>(n));
		EXPECT_EQ(parse_exact(frame, &seg), SL_PARSED_BAD) << n;
		sl_drop reason = SL_DROP_ip_bad_length;
		if (n < f.l3_off())
			reason = SL_DROP_frame_truncated;
		else if (n < f.l3_off() + (f.v6() ? 40 : 20))
			reason = SL_DROP_ip_truncated;
		else if (n < f.l4_off() && !f.v6())
			reason = SL_DROP_ip_bad_header_length;
		EXPECT_EQ(seg.reason, reason) << n;
	}
}

// The same for packets whose IP length agrees with what is left of TCP.
void expect_short(const Frame &f)
{
	const size_t header = f.payload_off() - f.l4_off();
	for (size_t n = 0; n < header; n++) {
		sl_seg seg;
		EXPECT_EQ(parse_exact(with_tcp_bytes(f, n), &seg), SL_PARSED_BAD_TCP) << n;
		EXPECT_EQ(seg.reason, n < 20 ? SL_DROP_tcp_truncated : SL_DROP_tcp_bad_offset) << n;
	}
	for (size_t n = header; n <= header + f.payload.size(); n++) {
		sl_seg seg;
		EXPECT_EQ(parse_exact(with_tcp_bytes(f, n), &seg), SL_PARSED_TCP) << n;
		EXPECT_EQ(seg.payload_len, n - header) << n;
	}
}

TEST(ParseTruncated, AtEveryByteOfEveryKindOfFrame)
{
	const Bytes options = mss(1460) + sackok() + ts(1, 2) + nop() + ws(7);
	Frame f{.flags = SL_SYN, .options = options, .payload = "data"};
	for (unsigned tags = 0; tags <= 2; tags++) {
		f.vlan = std::vector<uint16_t>(tags, 9);
		expect_cut(f);
		expect_short(f);
	}
	f.ip_options = Bytes(24, 1);
	expect_cut(f);
	expect_short(f);
	Frame g = v6_with({extension(0), extension(60, 2), fragment(0, false)});
	g.options = options;
	for (unsigned tags = 0; tags <= 2; tags++) {
		g.vlan = std::vector<uint16_t>(tags, 9);
		expect_cut(g);
		expect_short(g);
	}
}

TEST(ParseTruncated, ChainOfExtensionsAtEveryByte)
{
	const Frame f = v6_with({extension(0), extension(43, 3), extension(60, 2)});
	const Bytes whole = f.bytes();
	for (size_t n = 54; n < f.l4_off(); n++) {
		Bytes b(whole.begin(), whole.begin() + static_cast<long>(n));
		sl_store_be16(&b[14 + 4], static_cast<uint16_t>(n - 54));
		sl_seg seg;
		EXPECT_EQ(parse_exact(b, &seg), SL_PARSED_BAD) << n;
		EXPECT_EQ(seg.reason, SL_DROP_ip6_bad_extension) << n;
	}
}

TEST(ParseTcp, SetsEveryFieldWhateverTheSegmentHeldBefore)
{
	const Bytes segment = v4.segment();
	sl_seg seg;
	memset(&seg, 0xa5, sizeof(seg));
	seg.l4_off = 0;
	ASSERT_EQ(sl_wire_parse_tcp(segment.data(), static_cast<uint16_t>(segment.size()), &seg),
		  SL_PARSED_TCP);
	EXPECT_EQ(seg.wscale, SL_NO_WSCALE);
	EXPECT_EQ(seg.mss, 0);
	EXPECT_EQ(seg.ts_off, 0);
	EXPECT_EQ(seg.sack_off, 0);
	EXPECT_EQ(seg.n_sack, 0);
	EXPECT_FALSE(seg.sack_permitted);
}

TEST(SegLen, CountsPayloadSynAndFin)
{
	RecordProperty("rfc", "9293 3.3.1");
	sl_seg seg = {};
	seg.payload_len = 10;
	seg.flags = SL_ACK;
	EXPECT_EQ(sl_seg_len(&seg), 10u);
	seg.flags = SL_SYN;
	EXPECT_EQ(sl_seg_len(&seg), 11u);
	seg.flags = SL_FIN | SL_ACK | SL_PSH;
	EXPECT_EQ(sl_seg_len(&seg), 11u);
}

} // namespace
