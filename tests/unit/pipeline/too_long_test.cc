// SPDX-License-Identifier: BSD-3-Clause
//
// Packets that are longer than the port by which they would leave can send.
#include "icmp.h"
#include "road.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace
{

using namespace sl_test;

const uint16_t kMtu = 1400;

std::string bytes(size_t n)
{
	return std::string(n, 'x');
}

class TooLong : public OnRoad
{
      protected:
	TooLong()
	{
		road.limit(SL_INSIDE, kMtu);
	}

	/// A frame of no service whose IP packet has so many bytes.
	Frame of(size_t packet) const
	{
		Frame f = talk.c(SL_ACK, 1, 1);
		f.dport = 9999;
		f.payload = bytes(packet - f.packet().size());
		return f;
	}

	/// How many frames went on; what else left is the answer.
	size_t passed(const Bytes &frame)
	{
		const Road::Out out = road.run({{SL_OUTSIDE, frame}});
		answers = by_port(out, 0);
		return by_port(out, 1).size();
	}

	size_t passed(const Frame &f)
	{
		return passed(f.bytes());
	}

	/// The error that a router on the way would send, from the packet's destination.
	static void expect_told(const Road::Out &out, const Frame &f, unsigned mtu)
	{
		const Sent s = only(out);
		ASSERT_EQ(s.parsed, SL_PARSED_ICMP);
		EXPECT_EQ(s.fate, SL_FATE_MADE);
		EXPECT_TRUE(sl_addr_equal(&s.seg.src, &dst(f)));
		EXPECT_TRUE(sl_addr_equal(&s.seg.dst, &src(f)));
		const uint8_t *icmp = s.bytes.data() + s.seg.l4_off;
		EXPECT_EQ(icmp[0], f.v6() ? 2 : 3);
		EXPECT_EQ(icmp[1], f.v6() ? 0 : 4);
		EXPECT_EQ(icmp[6] << 8 | icmp[7], static_cast<int>(mtu));
		const Bytes packet = f.packet();
		EXPECT_GE(s.seg.payload_len, 500u);
		EXPECT_TRUE(std::equal(packet.begin(), packet.begin() + s.seg.payload_len,
				       s.bytes.begin() + s.seg.payload_off));
		EXPECT_TRUE(std::equal(f.smac.begin(), f.smac.end(), s.bytes.begin()));
		EXPECT_TRUE(std::equal(f.dmac.begin(), f.dmac.end(), s.bytes.begin() + 6));
	}

	static const sl_addr &src(const Frame &f)
	{
		static sl_addr a;
		return a = addr(f.src);
	}

	static const sl_addr &dst(const Frame &f)
	{
		static sl_addr a;
		return a = addr(f.dst);
	}

	Road::Out answers;
	bool v6 = GetParam().v6;
};

// Of a service that responds now, whose server was behind the box before and still speaks.
TEST(TooLongStray, OfAServerThatWasThereBeforeGoesNoFurther)
{
	RoadOptions o;
	o.services = {responder("192.0.2.2", kAlways, SL_SERVER_ECHO)};
	o.services[0].strays = SL_STRAYS_ADOPT;
	o.services[0].adopt_for_ms = 60000;
	Road road(o);
	Talk talk(road);
	road.limit(SL_OUTSIDE, kMtu);
	EXPECT_EQ(by_port(road.inside(talk.s(SL_ACK, 1, 1, bytes(1460))), 0).size(), 0u);
	EXPECT_EQ(road.drops(SL_DROP_above_mtu), 1u);
	EXPECT_EQ(by_port(road.inside(talk.s(SL_ACK, 1, 1, bytes(1000))), 0).size(), 1u);
}

INSTANTIATE_TEST_SUITE_P(Numbers, TooLong, testing::ValuesIn(kNumbers));

TEST_P(TooLong, WhatFitsPasses)
{
	EXPECT_EQ(passed(of(kMtu)), 1u);
	Frame f = of(kMtu);
	f.vlan = {7};
	EXPECT_EQ(passed(f), 1u) << "one tag does not count";
	EXPECT_EQ(road.all_drops(), 0u);
}

TEST_P(TooLong, WhatDoesNotIsDroppedAndItsSenderIsTold)
{
	cite("RFC 1191 section 4; RFC 4443 section 3.2");
	const Frame f = of(kMtu + 1);
	EXPECT_EQ(passed(f), 0u);
	expect_told(answers, f, kMtu);
	EXPECT_EQ(road.drops(SL_DROP_above_mtu), 1u);
	EXPECT_EQ(road.events(SL_EVENT_too_big_sent), 1u);
}

TEST_P(TooLong, TheOtherPortHasALimitOfItsOwn)
{
	Frame f = of(kMtu + 1);
	std::swap(f.src, f.dst);
	std::swap(f.sport, f.dport);
	EXPECT_EQ(by_port(road.inside(f), 0).size(), 1u);
}

TEST_P(TooLong, ASecondTagCounts)
{
	Frame f = of(kMtu - 4);
	f.vlan = {7, 8};
	EXPECT_EQ(passed(f), 1u);
	f = of(kMtu - 3);
	f.vlan = {7, 8};
	EXPECT_EQ(passed(f), 0u);
	ASSERT_EQ(answers.size(), 1u);
	EXPECT_EQ(answers[0].seg.vlan, 7u << 12 | 8) << "the answer goes back by the same tags";
	EXPECT_EQ(answers[0].bytes[answers[0].seg.l4_off + 6] << 8 |
			  answers[0].bytes[answers[0].seg.l4_off + 7],
		  kMtu - 4);
}

TEST_P(TooLong, WithoutDontFragmentNothingIsSaid)
{
	cite("RFC 1191 section 4: only where DF is set; in IPv6 only the sender fragments");
	Frame f = of(kMtu + 1);
	f.ip_fragment = 0;
	EXPECT_EQ(passed(f), 0u);
	EXPECT_EQ(answers.size(), v6 ? 1u : 0u);
	EXPECT_EQ(road.drops(SL_DROP_above_mtu), 1u);
}

TEST_P(TooLong, NoErrorAboutWhatNobodyMayBeToldOf)
{
	cite("RFC 1812 section 4.3.2.7; RFC 4443 section 2.4 (e)");
	std::vector<Frame> silent;

	silent.push_back(of(kMtu + 1)); // came to a group of stations
	silent.back().dmac = {1, 0, 0x5e, 0, 0, 1};
	silent.push_back(of(kMtu + 1)); // came from nobody
	silent.back().src = v6 ? "::" : "0.0.0.0";
	silent.push_back(of(kMtu + 1)); // went to many
	silent.back().dst = v6 ? "ff0e::1" : "224.0.0.9";
	for (Frame &f : silent) {
		f.proto = 17;
		EXPECT_EQ(passed(f), 0u);
		EXPECT_EQ(answers.size(), 0u);
	}
	Icmp error = {.about = of(kMtu + 200), .word = 1000, .quoted = kMtu};
	EXPECT_EQ(passed(error.bytes()), 0u) << "an ICMP error";
	EXPECT_EQ(answers.size(), 0u);
	EXPECT_EQ(road.drops(SL_DROP_above_mtu), silent.size() + 1);
}

TEST_P(TooLong, ErrorsAreRationed)
{
	const Frame f = of(kMtu + 1);
	size_t told = 0;

	for (unsigned i = 0; i < 2 * SL_RELAY_TOO_BIGS_PER_S; i++) {
		EXPECT_EQ(passed(f), 0u);
		told += answers.size();
	}
	EXPECT_GE(told, 1u);
	EXPECT_LE(told, SL_RELAY_TOO_BIGS_PER_S);
	EXPECT_EQ(road.drops(SL_DROP_above_mtu), 2u * SL_RELAY_TOO_BIGS_PER_S);
}

TEST_P(TooLong, OtherProtocolsToo)
{
	Frame f = of(kMtu + 1);
	f.proto = 17;
	EXPECT_EQ(passed(f), 0u);
	expect_told(answers, f, kMtu);
	Bytes frame = f.bytes();
	frame[12] = 0x88; // no IP
	frame[13] = 0xb5;
	EXPECT_EQ(passed(frame), 0u);
	EXPECT_EQ(answers.size(), 0u);
}

TEST_P(TooLong, ASegmentOfAConnectionIsQuotedAsItsSenderSentIt)
{
	const size_t headers = v6 ? 60 : 40, fits = kMtu - headers;

	talk.open();
	const Bytes first = talk.c(SL_ACK, 1, 1, bytes(fits)).bytes();
	EXPECT_EQ(passed(first), 1u); // from here on its shape is known
	const sl_conn_info before = road.info();
	const Frame f = talk.c(SL_ACK, 1 + static_cast<uint32_t>(fits), 1, bytes(fits + 1));
	for (int i = 0; i < 3; i++) {
		EXPECT_EQ(passed(f), 0u);
		expect_told(answers, f, kMtu);
	}
	EXPECT_EQ(road.info().packets[SL_LEG_CLIENT], before.packets[SL_LEG_CLIENT]);
	EXPECT_EQ(road.info().bytes[SL_LEG_CLIENT], before.bytes[SL_LEG_CLIENT])
		<< "what did not go on has moved nothing";
	EXPECT_EQ(passed(talk.c(SL_ACK, 1 + static_cast<uint32_t>(fits), 1, bytes(fits))), 1u);
}

TEST_P(TooLong, AmongOthersOfABurst)
{
	const size_t fits = kMtu - (v6 ? 60u : 40u);
	uint32_t seq = 1;
	Road::In in;

	talk.open();
	for (size_t n : {fits, fits, fits + 1, fits, fits + 1}) {
		in.emplace_back(SL_OUTSIDE, talk.c(SL_ACK, seq, 1, bytes(n)).bytes());
		seq += static_cast<uint32_t>(n);
	}
	for (int round = 0; round < 2; round++) {
		const Road::Out out = road.run(in);
		EXPECT_EQ(by_port(out, 1).size(), 3u);
		EXPECT_EQ(by_port(out, 0).size(), 2u);
	}
	EXPECT_EQ(road.drops(SL_DROP_above_mtu), 4u);
}

TEST_P(TooLong, WhatTheBoxAddsCounts)
{
	cite("a server that breaks its promise of timestamps: the box adds them");
	road.teach(talk.server, talk.sport, 1460, true);
	talk.prove();
	talk.timestamps = false;
	Frame synack = talk.synack();
	const Road::Out out = road.inside(synack); // begins again, without
	talk.iss += 1000;
	road.inside(talk.synack());
	road.limit(SL_OUTSIDE, kMtu);
	const size_t fits = kMtu - (v6 ? 60u : 40u) - 12;
	EXPECT_EQ(by_port(road.inside(talk.s(SL_ACK, 1, 1, bytes(fits))), 0).size(), 1u);
	const Frame f = talk.s(SL_ACK, 1 + static_cast<uint32_t>(fits), 1, bytes(fits + 1));
	const Road::Out told = road.inside(f);
	EXPECT_EQ(by_port(told, 0).size(), 0u);
	expect_told(by_port(told, 1), f, kMtu - 12);
}

TEST_P(TooLong, HeldDataIsDroppedWhereThePortTakesLessMeanwhile)
{
	talk.prove(bytes(kMtu - 100));
	EXPECT_EQ(road.term(SL_TERM_held), 1u);
	road.limit(SL_INSIDE, 1280);
	const Road::Out out = road.inside(talk.synack());
	for (const Sent &s : out)
		EXPECT_LE(s.bytes.size(), 1280u + 14);
	EXPECT_EQ(road.drops(SL_DROP_above_mtu), 1u);
}

TEST_P(TooLong, EarlyDataThatWouldNotFitIsNotHeld)
{
	talk.prove();
	const Frame f = talk.c(SL_ACK, 1, 1, bytes(kMtu));
	EXPECT_EQ(passed(f), 0u);
	expect_told(answers, f, kMtu);
	EXPECT_EQ(road.term(SL_TERM_held), 0u);
}

TEST_P(TooLong, ClientsAreAnnouncedWhatFits)
{
	talk.ask();
	const Sent s = only(road.outside(talk.syn()));
	EXPECT_EQ(s.seg.mss, kMtu - (v6 ? 60 : 40));
	road.limit(SL_INSIDE, 1500);
	EXPECT_EQ(only(road.outside(talk.syn())).seg.mss, 1500 - (v6 ? 60 : 40));
}

TEST(TooLongForTheBox, WhatEndsHereNeedsNoOtherPort)
{
	RoadOptions o;
	o.services = {responder("192.0.2.2", 9, SL_SERVER_DISCARD)};
	Road road(o);
	Talk talk(road);

	road.limit(SL_INSIDE, 600);
	talk.sport = 9;
	talk.ask();
	road.outside(talk.c(SL_ACK, 1, 1, bytes(1200)));
	EXPECT_EQ(road.drops(SL_DROP_above_mtu), 0u);
	EXPECT_EQ(road.states(), "ESTABLISHED CLOSED");
	road.outside(talk.c(SL_ACK, 1201, 1, bytes(1200)));
	EXPECT_EQ(road.all_drops(), 0u);
}

} // namespace
