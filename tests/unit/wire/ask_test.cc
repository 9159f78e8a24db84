// SPDX-License-Identifier: BSD-3-Clause
#include <gtest/gtest.h>

#include "ask.h"
#include "sl_ask.h"

#include <algorithm>
#include <functional>
#include <utility>

namespace
{

using namespace sl_test;

const Mac kBox = {2, 0xb0, 0, 0, 0, 9};
const Mac kGroup = {3, 0, 0, 0, 0, 1};
const char *const kHost4 = "192.0.2.1", *const kBox4 = "192.0.2.2";
const char *const kHost6 = "2001:db8::1", *const kBox6 = "2001:db8::ab:cdef";

enum Verdict { ASKS, NOTHING, MALFORMED };

/// Parses a copy that ends where the frame does, so that ASan sees a byte too far.
Verdict read(const Bytes &frame, sl_ask *ask)
{
	std::unique_ptr<uint8_t[]> exact(new uint8_t[frame.size()]);
	std::copy(frame.begin(), frame.end(), exact.get());
	std::memset(ask, 0x5a, sizeof(*ask));
	const bool asks = sl_wire_parse_ask(exact.get(), static_cast<uint16_t>(frame.size()), ask);
	EXPECT_EQ(Bytes(exact.get(), exact.get() + frame.size()), frame) << "written to";
	EXPECT_EQ(asks, ask->kind != SL_ASK_NONE);
	sl_ask nothing;
	std::memset(&nothing, 0, sizeof(nothing));
	nothing.malformed = ask->malformed;
	EXPECT_FALSE(asks && ask->malformed);
	EXPECT_TRUE(asks || std::memcmp(ask, &nothing, sizeof(nothing)) == 0) << "set";
	return asks ? ASKS : ask->malformed ? MALFORMED : NOTHING;
}

Verdict read(const Bytes &frame)
{
	sl_ask ask;
	return read(frame, &ask);
}

/// The answer to a frame that asks something; empty when there is none. Its room ends with memory.
Bytes answer(const Bytes &frame, size_t tailroom = 8)
{
	Buffer packet(frame, 64, tailroom);
	sl_ask ask;
	if (read(frame, &ask) != ASKS)
		return {};
	const bool done = sl_wire_answer_ask(&packet.buf, &ask, kBox.data());
	EXPECT_EQ(size_t{packet.buf.len} + packet.buf.tailroom, frame.size() + tailroom);
	if (!done) {
		EXPECT_EQ(packet.bytes(), frame) << "written to";
		return {};
	}
	EXPECT_EQ(packet.buf.ip_cksum, SL_CKSUM_GOOD);
	EXPECT_EQ(packet.buf.tcp_cksum, SL_CKSUM_GOOD);
	EXPECT_EQ(read(packet.bytes()), NOTHING) << "an answer asks nothing";
	return packet.bytes();
}

/// One of each kind, on any link; and its answer.
struct Kind {
	const char *name;
	sl_ask_kind kind;
	std::function<Bytes(const Link &)> ask, answer;
	const char *src, *target;
	size_t l3_len;
};

Bytes on(Arp arp, const Link &link)
{
	arp.link = link;
	return arp.bytes();
}

Bytes on(Message message, const Link &link)
{
	message.link = link;
	return message.bytes();
}

const Kind kKinds[] = {
	{"Arp", SL_ASK_ARP, [](const Link &l) { return on(Arp{}, l); },
	 [](const Link &l) {
		 return on(Arp{.sender = kBox4,
			       .target = kHost4,
			       .op = 2,
			       .sha = kBox,
			       .tha = kAsker},
			   l);
	 },
	 kHost4, kBox4, 0},
	{"Neighbour", SL_ASK_NEIGHBOUR,
	 [](const Link &l) { return on(solicitation(kHost6, kBox6, mac_option(1, kAsker)), l); },
	 [](const Link &l) { return on(advertisement(kBox6, kHost6, 0x60, kBox), l); }, kHost6,
	 kBox6, 40},
	{"EchoIpv4", SL_ASK_ECHO_V4, [](const Link &l) { return on(echo(kHost4, kBox4), l); },
	 [](const Link &l) { return on(echo(kBox4, kHost4, "abc", true), l); }, kHost4, kBox4, 20},
	{"EchoIpv6", SL_ASK_ECHO_V6, [](const Link &l) { return on(echo(kHost6, kBox6), l); },
	 [](const Link &l) { return on(echo(kBox6, kHost6, "abc", true), l); }, kHost6, kBox6, 40},
};

/// The way back of a frame that came by `link`.
Link back(const Link &link)
{
	Link l = link;
	l.dmac = link.smac;
	l.smac = kBox;
	return l;
}

struct Asks : testing::TestWithParam<Kind> {
	const Kind &k = GetParam();
};

INSTANTIATE_TEST_SUITE_P(Kinds, Asks, testing::ValuesIn(kKinds),
			 [](const auto &i) { return std::string(i.param.name); });

TEST_P(Asks, AreReadAndAnswered)
{
	const Bytes frame = k.ask({});
	const sl_addr src = addr(k.src), target = addr(k.target);
	sl_ask ask;
	ASSERT_EQ(read(frame, &ask), ASKS);
	EXPECT_EQ(ask.kind, k.kind);
	EXPECT_TRUE(sl_addr_equal(&ask.src, &src));
	EXPECT_TRUE(sl_addr_equal(&ask.target, &target));
	EXPECT_EQ(ask.vlan, 0u);
	EXPECT_EQ(ask.l3_off, 14);
	EXPECT_EQ(ask.l4_off, k.l3_len == 0 ? 0 : 14 + k.l3_len);
	EXPECT_EQ(ask.end, frame.size());
	EXPECT_EQ(answer(frame), k.answer(back({})));
}

TEST_P(Asks, TagsTravelAlong)
{
	// Priority and DEI, too: the tags go back as they came.
	const std::vector<std::pair<Link, uint32_t>> links = {
		{{.vlan = {0xb007}}, 7},
		{{.vlan = {5, 0x6006}}, 5 << 12 | 6},
		{{.vlan = {5, 6}, .tag = {0x9100, 0x8100}}, 5 << 12 | 6},
		{{.vlan = {5}, .tag = {0x88a8}}, 5},
	};
	for (const auto &[link, vlan] : links) {
		sl_ask ask;
		ASSERT_EQ(read(k.ask(link), &ask), ASKS);
		EXPECT_EQ(ask.vlan, vlan);
		EXPECT_EQ(ask.l3_off, 14 + 4 * link.vlan.size());
		EXPECT_EQ(answer(k.ask(link)), k.answer(back(link)));
	}
	EXPECT_EQ(read(k.ask({.vlan = {1, 2, 3}})), NOTHING);
}

TEST_P(Asks, FramesCutAnywhereAreMalformedAndNotReadBeyondTheirEnd)
{
	for (const Link &link : {Link{}, Link{.vlan = {7}}, Link{.vlan = {5, 6}}}) {
		const Bytes whole = k.ask(link);
		for (size_t n = 0; n < whole.size(); n++)
			EXPECT_EQ(read(Bytes(whole.begin(), whole.begin() + static_cast<long>(n))),
				  MALFORMED)
				<< n;
	}
}

TEST_P(Asks, PaddingIsCutAndNoDifference)
{
	for (size_t n : {1, 2, 18, 1000}) {
		const Bytes frame = k.ask({}) + Bytes(n, 0xee);
		sl_ask ask;
		ASSERT_EQ(read(frame, &ask), ASKS);
		EXPECT_EQ(ask.end, frame.size() - n);
		EXPECT_EQ(answer(frame, 0), k.answer(back({})));
	}
}

TEST_P(Asks, NoAnswerGoesToAGroup)
{
	for (const Mac &mac : {kGroup, kBroadcast})
		EXPECT_EQ(read(k.ask({.smac = mac})), MALFORMED);
}

TEST_P(Asks, EtherTypesOfOthersAskNothing)
{
	for (unsigned type : {0u, 46u, 0x0801u, 0x0807u, 0x86ddu ^ 1, 0x88ccu, 0xffffu}) {
		Bytes frame = k.ask({});
		frame[12] = static_cast<uint8_t>(type >> 8);
		frame[13] = static_cast<uint8_t>(type);
		EXPECT_EQ(read(frame), NOTHING) << type;
	}
}

TEST_P(Asks, WhatAsksNothingIsNotAnswered)
{
	const Bytes frame = k.ask({});
	Buffer packet(frame);
	const sl_ask none = {};
	EXPECT_FALSE(sl_wire_answer_ask(&packet.buf, &none, kBox.data()));
	EXPECT_EQ(packet.bytes(), frame);
}

// A sum finds every single wrong bit of what it covers: no check may have come to stand behind
// one that is satisfied with less.
TEST_P(Asks, NoBitOfWhatAChecksumCoversMayBeWrong)
{
	const Bytes whole = k.ask({});
	const size_t addrs = k.kind == SL_ASK_ARP       ? whole.size() // it has none
			     : k.kind == SL_ASK_ECHO_V4 ? 14
							: 14 + 8;
	for (size_t bit = 8 * addrs; bit < 8 * whole.size(); bit++) {
		Bytes frame = whole;
		frame[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
		EXPECT_NE(read(frame), ASKS) << bit;
	}
}

TEST(AsksArp, ProbesAreAnswered)
{
	RecordProperty("rfc", "5227 2.1.1");
	const Bytes reply = answer(Arp{.sender = "0.0.0.0"}.bytes());
	EXPECT_EQ(reply, (Arp{.sender = kBox4,
			      .target = "0.0.0.0",
			      .op = 2,
			      .sha = kBox,
			      .tha = kAsker,
			      .link = {.dmac = kAsker, .smac = kBox}}
				  .bytes()));
}

TEST(AsksArp, PollsOfOneHostAreAnswered)
{
	RecordProperty("rfc", "1122 2.3.2.1");
	EXPECT_FALSE(answer(Arp{.tha = kBox, .link = {.dmac = kBox}}.bytes()).empty());
}

TEST(AsksArp, TheReplyGoesToTheFramesSourceAndNamesTheArpsSender)
{
	const Mac other = {2, 0, 0, 0, 0, 0x77};
	const Bytes reply = answer(Arp{.sha = other}.bytes());
	EXPECT_EQ(reply, (Arp{.sender = kBox4,
			      .target = kHost4,
			      .op = 2,
			      .sha = kBox,
			      .tha = other,
			      .link = {.dmac = kAsker, .smac = kBox}}
				  .bytes()));
}

TEST(AsksArp, OnlyRequestsForOthersAsk)
{
	for (unsigned op : {0, 2, 3, 4, 8, 9, 0x0100, 0x0101, 0xffff})
		EXPECT_EQ(read(Arp{.op = static_cast<uint16_t>(op)}.bytes()), NOTHING) << op;
	EXPECT_EQ(read(Arp{.sender = kBox4}.bytes()), NOTHING) << "gratuitous";
	EXPECT_EQ(read(Arp{.sender = kBox4, .op = 2}.bytes()), NOTHING) << "gratuitous";
	EXPECT_EQ(read(Arp{.sender = "0.0.0.0", .target = "0.0.0.0"}.bytes()), NOTHING);
}

TEST(AsksArp, OnlyEthernetAndIpv4)
{
	RecordProperty("rfc", "826");
	for (unsigned htype : {0, 6, 0x0100, 0x0101})
		EXPECT_EQ(read(Arp{.htype = static_cast<uint16_t>(htype)}.bytes()), NOTHING);
	for (unsigned ptype : {0x0000, 0x0801, 0x86dd})
		EXPECT_EQ(read(Arp{.ptype = static_cast<uint16_t>(ptype)}.bytes()), NOTHING);
	for (uint8_t len : {0, 5, 7, 8, 255})
		EXPECT_EQ(read(Arp{.hlen = len}.bytes()), MALFORMED);
	for (uint8_t len : {0, 3, 5, 16, 255})
		EXPECT_EQ(read(Arp{.plen = len}.bytes()), MALFORMED);
	// Of other protocols it may be shorter.
	Bytes frame = Arp{.htype = 7, .hlen = 1}.bytes();
	frame.resize(14 + 8);
	EXPECT_EQ(read(frame), NOTHING);
}

TEST(AsksArp, AddressesOfNoHost)
{
	for (const char *a :
	     {"0.0.0.0", "0.1.2.3", "127.0.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255"})
		EXPECT_EQ(read(Arp{.target = a}.bytes()), NOTHING) << a;
	for (const char *a : {"0.1.2.3", "127.0.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255"})
		EXPECT_EQ(read(Arp{.sender = a}.bytes()), MALFORMED) << a;
	for (const Mac &mac : {kGroup, kBroadcast})
		EXPECT_EQ(read(Arp{.sha = mac}.bytes()), MALFORMED);
}

Bytes solicit(const Bytes &options)
{
	return solicitation(kHost6, kBox6, options).bytes();
}

TEST(AsksNeighbour, WithoutOptionsTheAnswerIsLonger)
{
	const Bytes frame = solicit({});
	for (size_t room = 0; room < 8; room++)
		EXPECT_TRUE(answer(frame, room).empty()) << room;
	Message made = advertisement(kBox6, kHost6, 0x60, kBox);
	made.link = back({});
	EXPECT_EQ(answer(frame, 8), made.bytes());
	EXPECT_EQ(answer(frame + Bytes(8, 0xee), 0), made.bytes()) << "in the padding's room";
	EXPECT_EQ(answer(solicit(mac_option(1, kAsker) + Bytes{14, 1, 0, 0, 0, 0, 0, 0}), 0),
		  made.bytes())
		<< "a nonce, of RFC 3971 and RFC 7527";
}

TEST(AsksNeighbour, OneHostMayBeAskedAlone)
{
	RecordProperty("rfc", "4861 7.3.1");
	Message made = advertisement(kBox6, "fe80::1", 0x60, kBox);
	made.link = back({});
	EXPECT_EQ(answer(solicitation("fe80::1", kBox6, {}, kBox6).bytes()), made.bytes());
}

TEST(AsksNeighbour, WhoHasNoAddressHearsTheAnswerWithAllNodes)
{
	RecordProperty("rfc", "4861 7.2.4, 4862 5.4.3");
	for (const Link &link : {Link{}, Link{.vlan = {7}}}) {
		Message ask = solicitation("::", kBox6);
		Message made = advertisement(kBox6, "ff02::1", 0x20, kBox);
		ask.link.vlan = link.vlan;
		made.link = {.dmac = {0x33, 0x33, 0, 0, 0, 1}, .smac = kBox, .vlan = link.vlan};
		EXPECT_EQ(answer(ask.bytes()), made.bytes());
	}
	EXPECT_EQ(read(solicitation("::", kBox6, mac_option(1, kAsker)).bytes()), MALFORMED);
	EXPECT_EQ(read(solicitation("::", kBox6,
				    Bytes{14, 1, 0, 0, 0, 0, 0, 0} + mac_option(1, kAsker))
			       .bytes()),
		  MALFORMED);
	EXPECT_EQ(read(solicitation("::", kBox6, Bytes{14, 1, 0, 0, 0, 0, 0, 0}).bytes()), ASKS);
	for (const char *dst : {kBox6, "ff02::1", "ff02::1:ffab:cdee"})
		EXPECT_EQ(read(solicitation("::", kBox6, {}, dst).bytes()), MALFORMED) << dst;
}

TEST(AsksNeighbour, OnlyAskedAloneOrByItsSolicitedNodeGroup)
{
	EXPECT_EQ(solicited_node(kBox6), "ff02::1:ffab:cdef");
	EXPECT_EQ(read(solicitation(kHost6, kBox6, {}, "ff02::1:ffab:cdef").bytes()), ASKS);
	for (const char *dst :
	     {"ff02::1", "ff02::2", "ff02::1:ffab:cdee", "ff02::1:ffaa:cdef", "ff05::1:ffab:cdef",
	      "ff02::2:ffab:cdef", "ff02::1:feab:cdef", "2001:db8::ab:cdee", "fe80::ab:cdef"})
		EXPECT_EQ(read(solicitation(kHost6, kBox6, {}, dst).bytes()), NOTHING) << dst;
}

TEST(AsksNeighbour, TheRulesOfItsValidity)
{
	RecordProperty("rfc", "4861 7.1.1");
	const Message right = solicitation(kHost6, kBox6, mac_option(1, kAsker));
	for (unsigned hops : {0, 1, 64, 254}) {
		Message m = right;
		m.ttl = static_cast<uint8_t>(hops);
		EXPECT_EQ(read(m.bytes()), MALFORMED) << hops;
	}
	for (uint8_t code : {1, 255}) {
		Message m = right;
		m.code = code;
		EXPECT_EQ(read(m.bytes()), MALFORMED);
	}
	Message m = right;
	m.bad_checksum = true;
	EXPECT_EQ(read(m.bytes()), MALFORMED);
	m = right;
	m.body[0] = m.body[3] = 0xff; // reserved: ignored, and not sent back
	EXPECT_EQ(answer(m.bytes()), answer(right.bytes()));
	for (size_t len = 4; len < 20; len++) {
		m.body.resize(len);
		EXPECT_EQ(read(m.bytes()), MALFORMED) << len;
	}
	for (const char *target : {"ff02::1", "ff0e::1", "::", "::1", "::ffff:192.0.2.2"})
		EXPECT_EQ(read(solicitation(kHost6, target).bytes()), MALFORMED) << target;
	for (const char *src : {"ff02::1", "::1", "::ffff:192.0.2.1"})
		EXPECT_EQ(read(solicitation(src, kBox6).bytes()), MALFORMED) << src;
	EXPECT_EQ(read(solicitation(kHost6, kBox6, {}, "::ffff:192.0.2.2").bytes()), MALFORMED);
	EXPECT_EQ(read(solicitation(kBox6, kBox6).bytes()), NOTHING) << "nobody asks for himself";
}

TEST(AsksNeighbour, OptionsHaveALengthAndAreWhole)
{
	RecordProperty("rfc", "4861 7.1.1");
	const Bytes own = mac_option(1, kAsker);
	for (const Bytes &tail : {Bytes{1, 0, 0, 0, 0, 0, 0, 0}, Bytes{1, 2, 0, 0, 0, 0, 0, 0},
				  Bytes{1, 255, 0, 0, 0, 0, 0, 0}, Bytes{1}, Bytes{1, 1},
				  Bytes{1, 0}, Bytes{1, 1, 0, 0, 0, 0, 0}}) {
		EXPECT_EQ(read(solicit(tail)), MALFORMED);
		EXPECT_EQ(read(solicit(own + tail)), MALFORMED);
		// What lies behind the packet is no part of it.
		EXPECT_EQ(read(solicit(own + tail) + Bytes(300, 1)), MALFORMED);
	}
	EXPECT_EQ(read(solicit(own + Bytes{200, 2} + Bytes(14, 0))), ASKS) << "unknown";
	EXPECT_EQ(read(solicit(Bytes{200, 255} + Bytes(255 * 8 - 2, 0))), ASKS);
}

struct Echoes : testing::TestWithParam<bool> {
	const bool v6 = GetParam();
	const std::string host = v6 ? kHost6 : kHost4, box = v6 ? kBox6 : kBox4;
	Message right = echo(host, box);
};

INSTANTIATE_TEST_SUITE_P(Families, Echoes, testing::Bool());

TEST_P(Echoes, BringTheSameDataBack)
{
	RecordProperty("rfc", "1122 3.2.2.6, 4443 4.2");
	for (size_t n : {0, 1, 2, 3, 7, 8, 56, 57, 1472, 8972, 65000}) {
		std::string data(n, '\0');
		for (size_t i = 0; i < n; i++)
			data[i] = static_cast<char>(i * 7 + 1);
		Message made = echo(box, host, data, true, 0xfedc, 0xffff);
		made.link = back({});
		EXPECT_EQ(answer(echo(host, box, data, false, 0xfedc, 0xffff).bytes(), 0),
			  made.bytes())
			<< n;
	}
}

TEST_P(Echoes, AReplyOfZerosHasASumAllTheSame)
{
	const std::string zeros(20, '\0');
	Message made = echo(box, host, zeros, true, 0, 0);
	made.link = back({});
	const Bytes reply = answer(echo(host, box, zeros, false, 0, 0).bytes());
	EXPECT_EQ(reply, made.bytes());
	EXPECT_TRUE(v6 || (reply[14 + 22] == 0xff && reply[14 + 23] == 0xff)) << "RFC 1624, 3";
}

TEST_P(Echoes, HeadersAreFresh)
{
	right.ttl = 1;
	right.tos = 0xb9;
	right.flow = 0xfedcb;
	right.ip_id = 0x4321;
	for (unsigned df : {0x0000, 0x4000, 0x8000, 0xc000}) {
		right.ip_fragment = static_cast<uint16_t>(df);
		Message made = echo(box, host, "abc", true);
		made.link = back({});
		made.tos = 0xb8; // DSCP, and no ECN
		made.ip_id = 0x4321;
		made.ip_fragment = df & 0x4000;
		EXPECT_EQ(answer(right.bytes()), made.bytes());
	}
}

TEST_P(Echoes, OnlyRequestsAsk)
{
	for (unsigned type = 0; type < 256; type++) {
		if (v6 && type == 135)
			continue;
		right.type = static_cast<uint8_t>(type);
		EXPECT_EQ(read(right.bytes()), type == (v6 ? 128 : 8) ? ASKS : NOTHING) << type;
	}
	right = echo(host, box);
	right.code = 1;
	EXPECT_EQ(read(right.bytes()), MALFORMED);
}

TEST_P(Echoes, WrongSumsAreMalformed)
{
	Message m = right;
	m.bad_checksum = true;
	EXPECT_EQ(read(m.bytes()), MALFORMED);
	m = right;
	m.bad_ip_checksum = true;
	EXPECT_EQ(read(m.bytes()), v6 ? ASKS : MALFORMED);
}

TEST_P(Echoes, LengthsAreNotBelieved)
{
	const Bytes whole = right.bytes();
	const int len = static_cast<int>(whole.size()) - 14 - (v6 ? 40 : 0);
	for (int n : {0, 1, 7, 19, 20, 27, len + 1, len + 8, 0xffff}) {
		right.ip_len = n;
		EXPECT_EQ(read(right.bytes()), MALFORMED) << n;
	}
	for (size_t n = 0; n < 4; n++) {
		Message m = echo(host, box);
		m.body.resize(n);
		EXPECT_EQ(read(m.bytes()), MALFORMED) << n;
		EXPECT_EQ(read(m.bytes() + Bytes(60, 0)), MALFORMED) << n;
	}
	// Data that IP does not count is padding, and the sum is not that of the rest.
	right.ip_len = len - 1;
	EXPECT_EQ(read(right.bytes()), MALFORMED);
	Bytes frame = whole;
	for (unsigned first : {0x00, 0x35, 0x44, 0x40, 0x55, 0x75, 0xf5}) {
		frame[14] = static_cast<uint8_t>(first);
		EXPECT_EQ(read(frame), MALFORMED) << first;
	}
}

TEST_P(Echoes, OnlyOfOneHost)
{
	const std::vector<const char *> nobody =
		v6 ? std::vector<const char *>{"ff02::1", "ff02::1:ffab:cdef", "ff0e::1",
					       "::", "::1"}
		   : std::vector<const char *>{"224.0.0.1", "239.1.1.1", "255.255.255.255",
					       "0.0.0.0",   "127.0.0.1", "0.1.2.3"};
	for (const char *a : nobody) {
		EXPECT_EQ(read(echo(host, a).bytes()), NOTHING) << a;
		EXPECT_EQ(read(echo(a, box).bytes()), MALFORMED) << a;
	}
	EXPECT_EQ(read(echo(box, box).bytes()), MALFORMED) << "land";
	if (v6) {
		EXPECT_EQ(read(echo("::ffff:192.0.2.1", box).bytes()), MALFORMED);
		EXPECT_EQ(read(echo(host, "::ffff:192.0.2.2").bytes()), MALFORMED);
	}
	for (const Mac &mac : {kBroadcast, kGroup, Mac{0x33, 0x33, 0, 0, 0, 1}}) {
		right.link.dmac = mac;
		EXPECT_EQ(read(right.bytes()), NOTHING) << "RFC 1122 section 3.3.6";
	}
}

TEST_P(Echoes, OptionsExtensionsAndFragmentsAreNotAnswered)
{
	if (v6) {
		for (const Extension &e :
		     {extension(0), extension(60), extension(43), fragment(0, false)}) {
			right.extensions = {e};
			EXPECT_EQ(read(right.bytes()), NOTHING) << unsigned{e.type};
		}
		Message ask = solicitation(kHost6, kBox6);
		ask.extensions = {fragment(0, false)};
		EXPECT_EQ(read(ask.bytes()), NOTHING) << "RFC 6980";
		return;
	}
	for (unsigned fragment : {0x2000, 0x0001, 0x2001, 0x1fff, 0x6000}) {
		right.ip_fragment = static_cast<uint16_t>(fragment);
		EXPECT_EQ(read(right.bytes()), NOTHING) << fragment;
	}
	right = echo(host, box);
	for (size_t n : {4, 8, 40}) {
		right.ip_options = nop(n);
		EXPECT_EQ(read(right.bytes()), NOTHING) << n;
		// What would be one if the options were not options.
		right.ip_options[0] = 8;
		EXPECT_EQ(read(right.bytes()), NOTHING) << n;
	}
}

TEST_P(Echoes, SegmentsAskNothing)
{
	EXPECT_EQ(read(Frame{.src = host, .dst = box}.bytes()), NOTHING);
	EXPECT_EQ(read(Frame{.src = host, .dst = box, .proto = 17}.bytes()), NOTHING);
	// A source port whose upper half is a request's type.
	const uint16_t port = v6 ? 0x8000 : 0x0800;
	EXPECT_EQ(read(Frame{.src = host, .dst = box, .sport = port}.bytes()), NOTHING);
	// Each family's own ICMP.
	EXPECT_EQ(read(Frame{.src = host, .dst = box, .proto = uint8_t(v6 ? 1 : 58)}.bytes()),
		  NOTHING);
	EXPECT_EQ(read(Icmp{.about = Frame{.src = host, .dst = box}}.bytes()), NOTHING);
}

} // namespace
