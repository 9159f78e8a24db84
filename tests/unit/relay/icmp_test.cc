// SPDX-License-Identifier: BSD-3-Clause
#include "icmp.h"
#include "road.h"

namespace
{

using namespace sl_test;

class IcmpOfConnection : public OnRoad
{
      protected:
	explicit IcmpOfConnection(const RoadOptions &o = RoadOptions()) : OnRoad(o)
	{
	}

	/// Both ends have sent something that is not acknowledged.
	void open_with_data(bool timestamps = false)
	{
		if (timestamps)
			road.teach(talk.server, talk.sport, 1460, true);
		talk.open();
		to_server = only(road.outside(from_client = talk.c(SL_ACK, 1, 1, data)));
		to_client = only(road.inside(from_server = talk.s(SL_ACK, 1, 1, data)));
	}

	/// A frame that left, as a frame to be quoted.
	static Frame quotable(const Sent &s, const Frame &as)
	{
		Frame f = as;
		f.seq = s.seg.seq;
		f.ack = s.seg.ack;
		f.wnd = s.seg.wnd;
		f.options = s.options();
		return f;
	}

	Road::Out outside(const Icmp &error)
	{
		return road.run({{SL_OUTSIDE, error.bytes()}});
	}

	Road::Out inside(const Icmp &error)
	{
		return road.run({{SL_INSIDE, error.bytes()}});
	}

	/// What a router made of `seen` has become that of `meant`, to the last byte.
	static void expect_about(const Road::Out &out, unsigned port, Icmp error,
				 const Frame &meant)
	{
		const Sent s = only(out);
		EXPECT_EQ(s.fate, SL_FATE_RELAYED);
		EXPECT_EQ(s.port, port);
		error.about = meant;
		EXPECT_EQ(s.bytes, error.bytes()) << error.quoted << " bytes quoted";
	}

	void expect_mismatch(const Road::Out &out)
	{
		EXPECT_EQ(out.size(), 0u);
		EXPECT_EQ(road.drops(SL_DROP_icmp_mismatch), ++mismatches);
	}

	uint64_t mismatches = 0;
	std::string data = std::string(1200, 'x');
	Frame from_client, from_server;
	Sent to_server, to_client;
};

INSTANTIATE_TEST_SUITE_P(Numbers, IcmpOfConnection, testing::ValuesIn(kNumbers));

TEST_P(IcmpOfConnection, ErrorsAreTranslatedForWhoSentTheSegment)
{
	cite("design section 6");
	for (bool timestamps : {false, true}) {
		talk.cport++;
		open_with_data(timestamps);
		EXPECT_EQ(timestamps, talk.timestamps);
		const Frame at_server = quotable(to_server, from_client);
		const Frame at_client = quotable(to_client, from_server);
		ASSERT_NE(at_server.ack, from_client.ack);
		ASSERT_NE(at_client.seq, from_server.seq);
		for (size_t quoted : {8u, 12u, 13u, 16u, 18u, 20u, 32u, 500u, 1400u}) {
			// What is not quoted can't be reckoned out of the segment's checksum.
			if (timestamps && quoted >= 18 && quoted < 32)
				continue;
			Icmp e = {.about = at_server, .quoted = quoted};
			expect_about(inside(e), 0, e, from_client);
			e.about = at_client;
			expect_about(outside(e), 1, e, from_server);
		}
	}
	EXPECT_EQ(road.all_drops(), 0u);
	EXPECT_EQ(road.states(), "ESTABLISHED ESTABLISHED");
}

TEST_P(IcmpOfConnection, WhereTheNicsSpreadTheyGoRoundUntilAllHaveLooked)
{
	cite("design section 3: an ICMP error belongs to the owner of the quoted tuple");
	open_with_data();
	road.p->n_round = 3;
	Icmp e = {.about = quotable(to_server, from_client)};
	expect_about(inside(e), 0, e, from_client);
	e.about.sport ^= 1; // another worker's, or nobody's
	for (uint8_t hops : {0, 1}) {
		road.next_hops = hops;
		EXPECT_TRUE(inside(e).empty());
		EXPECT_EQ(road.handed.size(), 1u);
		EXPECT_EQ(road.term(SL_TERM_handed_out), hops + 1u);
	}
	road.next_hops = 2;
	expect_mismatch(inside(e));
	EXPECT_TRUE(road.handed.empty());
	road.next_hops = 0;
}

TEST_P(IcmpOfConnection, AThousandASecondGoRound)
{
	cite("RFC 5927 section 4.1: errors are forged by whoever likes");
	open_with_data();
	road.p->n_round = 3;
	Icmp ours = {.about = quotable(to_server, from_client)}, e = ours;
	e.about.sport ^= 1;
	for (unsigned i = 0; i < 1100; i++) {
		EXPECT_TRUE(inside(e).empty());
		ASSERT_EQ(road.handed.size(), i < 1000) << i;
	}
	EXPECT_EQ(road.drops(SL_DROP_limited), 100u);
	expect_about(inside(ours), 0, ours, from_client);
	// What another has received has been counted there.
	road.next_hops = 1;
	EXPECT_TRUE(inside(e).empty());
	EXPECT_EQ(road.handed.size(), 1u);
	road.next_hops = 0;
	road.advance(1000);
	EXPECT_TRUE(inside(e).empty());
	EXPECT_EQ(road.handed.size(), 1u);
}

TEST_P(IcmpOfConnection, EveryKindIsTranslatedAndExtensionsStay)
{
	open_with_data();
	const std::vector<uint8_t> types =
		GetParam().v6 ? std::vector<uint8_t>{1, 2, 3, 4} : std::vector<uint8_t>{3, 11, 12};
	for (uint8_t type : types)
		for (uint8_t code = 0; code < 4; code++) {
			Icmp e = {.about = quotable(to_server, from_client),
				  .type = type,
				  .code = code,
				  .word = GetParam().v6 ? 24u << 24 : 48u << 16,
				  .quoted = GetParam().v6 ? 192u - 40 : 192u - 20,
				  .more = hex("2000 dfff 0008 0101 1234 5678")};
			expect_about(inside(e), 0, e, from_client);
		}
}

TEST_P(IcmpOfConnection, SackEdgesAreTranslated)
{
	open_with_data();
	Frame f = talk.c(SL_ACK, 1201, 1201);
	f.options = nop(2) + sack({talk.cookie + 2401, talk.cookie + 3601});
	const Sent s = only(road.outside(f));
	Icmp e = {.about = quotable(s, f)};
	ASSERT_NE(s.options(), f.options);
	expect_about(inside(e), 0, e, f);
	e.quoted = 30; // the option is cut: as it went by
	const Sent cut = only(inside(e));
	EXPECT_TRUE(icmp_cksum_right(cut.bytes, cut.seg));
}

TEST_P(IcmpOfConnection, RescaledWindowsAreTurnedBack)
{
	talk.sws = 2; // 7 was promised
	open_with_data();
	Frame f = talk.s(SL_ACK, 1201, 1201, "y");
	f.wnd = 0x1240;
	const Sent s = only(road.inside(f));
	ASSERT_EQ(s.seg.wnd, 0x1240 >> 5);
	const Icmp e = {.about = quotable(s, f)};
	expect_about(outside(e), 1, e, f);
}

TEST_P(IcmpOfConnection, ServersHearOfRoomThatTheBoxTakes)
{
	road.teach(talk.server, talk.sport, 1460, true);
	talk.prove();
	talk.timestamps = false;
	road.inside(talk.synack());
	road.advance(5);
	talk.iss += 9; // the second attempt
	road.inside(talk.synack());
	const Frame f = talk.s(SL_ACK, 1, 1, data);
	const Sent s = only(road.inside(f));
	ASSERT_NE(s.seg.ts_off, 0) << "of the box's own";
	Icmp e = {.about = quotable(s, f), .word = 1400};
	Sent got = only(outside(e));
	EXPECT_EQ(got.bytes[got.seg.l4_off + 6] << 8 | got.bytes[got.seg.l4_off + 7], 1400 - 12);
	e.word = GetParam().v6 ? 1280 : 68;
	got = only(outside(e));
	EXPECT_EQ(got.bytes[got.seg.l4_off + 6] << 8 | got.bytes[got.seg.l4_off + 7],
		  static_cast<int>(e.word));
	e.type = 1; // unreachable of IPv6, whatever in IPv4 passes
	if (GetParam().v6) {
		e.word = 1400;
		got = only(outside(e));
		EXPECT_EQ(got.bytes[got.seg.l4_off + 7], 1400 & 0xff);
	}
}

TEST_P(IcmpOfConnection, NumbersThatNobodyHasSentAreDropped)
{
	cite("RFC 5927 section 4.1");
	open_with_data();
	for (uint32_t off : {1201u, 0x40000000u, 0x80000000u, 0u - 0x100000u}) {
		Icmp e = {.about = quotable(to_server, from_client), .quoted = 8};
		e.about.seq += off;
		expect_mismatch(inside(e));
		e.about = quotable(to_client, from_server);
		e.about.seq += off;
		expect_mismatch(outside(e));
	}
	// The untranslated numbering is a wrong one, too.
	expect_mismatch(outside(Icmp{.about = from_server}));
	EXPECT_EQ(road.states(), "ESTABLISHED ESTABLISHED");
}

TEST_P(IcmpOfConnection, WhatIsSentAgainOrOnlyAcknowledgesFits)
{
	open_with_data();
	road.inside(talk.s(SL_ACK, 1201, 1201));
	Icmp e = {.about = quotable(to_server, from_client)};
	expect_about(inside(e), 0, e, from_client); // its ACK may be lost behind us
	e.about.seq += 1200;
	Frame meant = from_client;
	meant.seq += 1200;
	expect_about(inside(e), 0, e, meant);
}

TEST_P(IcmpOfConnection, BrokenAndMisdirectedOnesAreDropped)
{
	open_with_data();
	Icmp e = {.about = quotable(to_server, from_client)};
	e.bad_checksum = true;
	EXPECT_EQ(inside(e).size(), 0u);
	EXPECT_EQ(road.drops(SL_DROP_icmp_bad_checksum), 1u);
	e.bad_checksum = false;
	e.to = GetParam().v6 ? "2001:db8:1::8" : "198.51.100.8";
	expect_mismatch(inside(e));
}

TEST_P(IcmpOfConnection, ErrorsChangeNothingOfTheConnection)
{
	cite("RFC 5927; RFC 1122 section 4.2.3.9");
	open_with_data();
	road.advance(1000);
	const sl_conn before = *road.conn();
	inside(Icmp{.about = quotable(to_server, from_client), .type = 3, .code = 3});
	outside(Icmp{.about = quotable(to_client, from_server), .type = 1, .code = 4});
	inside(Icmp{.about = from_server});
	EXPECT_EQ(std::memcmp(&before, road.conn(), sizeof(before)), 0);
}

TEST_P(IcmpOfConnection, OurSynIsSentOnDespiteOfThem)
{
	cite("RFC 1122 section 4.2.3.9");
	const Sent syn = talk.prove();
	Frame f = talk.c(SL_SYN, 0, 0);
	f.options = syn.options();
	EXPECT_EQ(inside(Icmp{.about = f, .type = static_cast<uint8_t>(GetParam().v6 ? 1 : 3)})
			  .size(),
		  0u);
	EXPECT_EQ(road.events(SL_EVENT_icmp_soft), 1u);
	// Of our SYN-ACK.
	Frame answer = talk.s(SL_SYN | SL_ACK, 0, 1);
	answer.seq = talk.cookie;
	EXPECT_EQ(outside(Icmp{.about = answer}).size(), 0u);
	EXPECT_EQ(road.events(SL_EVENT_icmp_soft), 2u);
	f.seq += 0x10000000;
	expect_mismatch(inside(Icmp{.about = f}));
	EXPECT_EQ(by_port(road.advance(1500), 1).size(), 1u) << "the SYN again";
	EXPECT_EQ(road.states(), "ESTABLISHED SYN-SENT");
}

TEST_P(IcmpOfConnection, TrackedConnectionsGetThemUnchanged)
{
	talk.track();
	Icmp e = {.about = talk.c(SL_ACK, 1, 1, data)};
	road.outside(e.about);
	expect_about(inside(e), 0, e, e.about);
	e.about.seq += 0x1000000;
	expect_mismatch(inside(e));
	e.about = talk.s(SL_ACK, 1, 1, data);
	road.inside(e.about);
	expect_about(outside(e), 1, e, e.about);
}

TEST_P(IcmpOfConnection, AnUnreachableServerIsToldToATrackedClient)
{
	talk.sport = kNever;
	road.outside(talk.syn());
	const Icmp e = {.about = talk.syn(), .type = static_cast<uint8_t>(GetParam().v6 ? 1 : 3)};
	expect_about(inside(e), 0, e, e.about);
}

TEST_P(IcmpOfConnection, TimeWaitIsServedAndAClosedConnectionIsNot)
{
	open_with_data();
	Icmp e = {.about = quotable(to_server, from_client)};
	road.outside(talk.c(SL_ACK | SL_FIN, 1201, 1201));
	road.inside(talk.s(SL_ACK | SL_FIN, 1201, 1202));
	road.outside(talk.c(SL_ACK, 1202, 1202));
	ASSERT_EQ(road.states(), "CLOSED TIME-WAIT");
	expect_about(inside(e), 0, e, from_client);

	talk.cport++;
	open_with_data();
	e.about = quotable(to_server, from_client);
	road.outside(talk.c(SL_RST, 1201, 0));
	expect_mismatch(inside(e));
}

TEST_P(IcmpOfConnection, OfNoConnectionIsDroppedWhereWeAnswerAndPassesElsewhere)
{
	Frame answer = talk.s(SL_SYN | SL_ACK, 0, 1);
	expect_mismatch(outside(Icmp{.about = answer}));
	for (uint16_t port : {uint16_t{kPass}, uint16_t{kMonitor}, uint16_t{9999}}) {
		answer.sport = port;
		EXPECT_EQ(only(outside(Icmp{.about = answer})).fate, SL_FATE_PASSED) << port;
	}
}

TEST_P(IcmpOfConnection, TagsAreOfTheConnection)
{
	talk.vlan = {7};
	open_with_data();
	Icmp e = {.about = quotable(to_server, from_client)};
	expect_about(inside(e), 0, e, from_client);
	e.about.vlan = {8};
	expect_mismatch(inside(e));
}

class SmallServer : public IcmpOfConnection
{
      protected:
	/// The server turns out to take less than its client was promised.
	void open_small(uint16_t server_mss)
	{
		talk.prove();
		Frame f = talk.synack();
		f.options = mss(server_mss) + sackok() + nop() + ws(4);
		road.inside(f);
	}

	/// Of a client's segment: it goes on, and how often the client is told.
	size_t told(const Frame &f)
	{
		const Road::Out out = road.outside(f);
		EXPECT_EQ(by_port(out, 1).size(), 1u);
		return by_port(out, 0).size();
	}

	uint16_t small = GetParam().v6 ? 1300 : 1000;
};

INSTANTIATE_TEST_SUITE_P(Numbers, SmallServer, testing::ValuesIn(kNumbers));

TEST_P(SmallServer, ItsClientIsToldTheMtuByItsOwnNumbers)
{
	cite("RFC 1191 section 4; RFC 4443 section 3.2");
	open_small(small);
	const Frame f = talk.c(SL_ACK, 1, 1, std::string(1460, 'x'));
	const Road::Out out = road.outside(f);
	EXPECT_EQ(only(by_port(out, 1)).seg.payload_len, 1460);
	const Sent s = only(by_port(out, 0));
	ASSERT_EQ(s.parsed, SL_PARSED_ICMP);
	EXPECT_EQ(s.fate, SL_FATE_MADE);
	const Bytes packet = f.packet();
	EXPECT_EQ(tail(s.bytes, s.seg.payload_off),
		  Bytes(packet.begin(), packet.begin() + s.seg.payload_len));
	EXPECT_EQ(s.bytes[s.seg.l4_off + 6] << 8 | s.bytes[s.seg.l4_off + 7],
		  small + (GetParam().v6 ? 60 : 40));
	EXPECT_EQ(road.events(SL_EVENT_too_big_sent), 1u);
}

TEST_P(SmallServer, ItsClientIsToldOnceASecond)
{
	open_small(small);
	EXPECT_EQ(told(talk.c(SL_ACK, 1, 1, std::string(1460, 'x'))), 1u);
	EXPECT_EQ(told(talk.c(SL_ACK, 1461, 1, std::string(1460, 'x'))), 0u);
	road.advance(1000);
	EXPECT_EQ(told(talk.c(SL_ACK, 1, 1, std::string(1460, 'x'))), 1u);
}

TEST_P(SmallServer, WhatFitsIsNoReason)
{
	open_small(small);
	EXPECT_EQ(told(talk.c(SL_ACK, 1, 1, std::string(small, 'x'))), 0u);
	Frame f = talk.c(SL_ACK, 1, 1, std::string(small, 'x'));
	f.options = nop(4);
	EXPECT_EQ(told(f), 1u) << "options count";
}

TEST_P(SmallServer, OthersAreNoReason)
{
	open_small(small);
	talk.cport++;
	talk.server = GetParam().v6 ? "2001:db8::2" : "192.0.2.2";
	road.teach(talk.server, talk.sport, 1460, false);
	EXPECT_EQ(told([&] {
			  talk.open();
			  return talk.c(SL_ACK, 1, 1, std::string(1460, 'x'));
		  }()),
		  0u);
}

TEST_P(SmallServer, TheLeastMtuOfItsFamilyIsSaidInsteadOfLess)
{
	cite("RFC 8200 section 5; RFC 8021");
	const uint16_t least = GetParam().v6 ? 1280 : 68;
	const size_t fits = GetParam().v6 ? 1220 : 28;
	open_small(static_cast<uint16_t>(fits - 1));
	const Road::Out out = road.outside(talk.c(SL_ACK, 1, 1, std::string(1460, 'x')));
	const Sent s = only(by_port(out, 0));
	ASSERT_EQ(s.parsed, SL_PARSED_ICMP);
	EXPECT_EQ(s.bytes[s.seg.l4_off + 6] << 8 | s.bytes[s.seg.l4_off + 7], least);
	road.advance(1000);
	EXPECT_EQ(told(talk.c(SL_ACK, 1, 1, std::string(fits, 'x'))), 0u) << "that is not too big";
	EXPECT_EQ(told(talk.c(SL_ACK, 1, 1, std::string(fits + 1, 'x'))), 1u);
}

TEST_P(SmallServer, WithoutDontFragmentNothingIsSaid)
{
	open_small(small);
	Frame f = talk.c(SL_ACK, 1, 1, std::string(1460, 'x'));
	f.ip_fragment = 0;
	EXPECT_EQ(told(f), GetParam().v6 ? 1u : 0u);
}

TEST_P(SmallServer, HeldDataIsLookedAtToo)
{
	talk.prove(std::string(1460, 'x'));
	Frame f = talk.synack();
	f.options = mss(small);
	EXPECT_EQ(by_port(road.inside(f), 0).size(), 1u);
	EXPECT_EQ(road.events(SL_EVENT_too_big_sent), 1u);
}

// What one client sees of a server is no matter of the others.
class OneSmallPath : public OnRoad
{
      protected:
	/// A client of another network, host `n`, whose server's SYN-ACK announces `server_mss`.
	Talk open_from(unsigned n, uint16_t server_mss)
	{
		Talk t(road);
		if (GetParam().v6)
			t.ipv6();
		t.client = GetParam().v6 ? "2001:db8:" + std::to_string(n + 2) + "::7"
					 : "198.18." + std::to_string(n) + ".7";
		t.cport = static_cast<uint16_t>(++port);
		t.smss = server_mss;
		t.open();
		return t;
	}
	uint16_t promised()
	{
		Talk t(road);
		if (GetParam().v6)
			t.ipv6();
		t.cport = static_cast<uint16_t>(++port);
		return t.ask().seg.mss;
	}
	Sent told(const Talk &t)
	{
		const Road::Out out = road.outside(
			t.c(SL_ACK, 1, 1, std::string(link - 12u * t.timestamps, 'x')));
		EXPECT_EQ(by_port(out, 1).size(), 1u);
		return by_port(out, 0).empty() ? Sent() : by_port(out, 0)[0];
	}

	const uint16_t link = GetParam().v6 ? 1440 : 1460;
	const uint16_t small = GetParam().v6 ? 1220 : 512; // of an ICMP error that says 552
	unsigned port = 50000;
};

INSTANTIATE_TEST_SUITE_P(Numbers, OneSmallPath, testing::ValuesIn(kNumbers));

TEST_P(OneSmallPath, ChangesNothingForOthers)
{
	open_from(1, link);
	road.advance(200000, 1000000);
	for (unsigned i = 0; i < 20; i++) {
		Talk t = open_from(2, small); // one address, again and again
		EXPECT_EQ(told(t).parsed, SL_PARSED_ICMP) << "its own segments are too long";
		road.outside(t.c(SL_RST, 1u + link - 12u * t.timestamps, 0));
		road.advance(1000);
	}
	EXPECT_EQ(promised(), link);
	Talk other = open_from(3, link);
	EXPECT_EQ(told(other).parsed, SL_PARSED_BAD) << "an honest client is told nothing";
	EXPECT_TRUE(road.goes_fast(
		other.c(SL_ACK, 1, 1, std::string(link - 12u * other.timestamps, 'x')),
		SL_OUTSIDE));
}

TEST_P(OneSmallPath, OfThreeNetworksIsTheServersOwn)
{
	open_from(1, link);
	open_from(2, small);
	open_from(3, small);
	EXPECT_EQ(promised(), link);
	open_from(4, small);
	EXPECT_EQ(promised(), small);
	open_from(5, link);
	EXPECT_EQ(promised(), link) << "and rises at once";
}

TEST_P(OneSmallPath, IsSeenWhereThePromiseMayBeOlderThanWhatIsLearned)
{
	Talk first(road), second(road);
	for (Talk *t : {&first, &second}) {
		if (GetParam().v6)
			t->ipv6();
		t->smss = small;
		t->cport = static_cast<uint16_t>(t == &first ? 1 : 2);
		EXPECT_EQ(t->prove().parsed, SL_PARSED_TCP);
	}
	// Both were promised what the link carries.
	road.inside(first.synack());
	road.inside(second.synack());
	EXPECT_EQ(told(first).parsed, SL_PARSED_ICMP);
	EXPECT_EQ(told(second).parsed, SL_PARSED_ICMP);
	// Whoever comes later was promised what is learned, and goes the short way.
	road.advance(300000, 1000000);
	Talk later = open_from(7, small);
	EXPECT_TRUE(road.goes_fast(
		later.c(SL_ACK, 1, 1, std::string(small - 12u * later.timestamps, 'x')),
		SL_OUTSIDE));
}

// A server of IPv6 that takes all that its link carries takes less than one of IPv4.
TEST(FastWay, IsNoMatterOfOtherServers)
{
	Road road;
	Talk six(road), four(road);
	six.ipv6();
	six.smss = 1440;
	six.open();
	four.open();
	EXPECT_TRUE(road.goes_fast(four.c(SL_ACK, 1, 1, std::string(1448, 'x')), SL_OUTSIDE));
	EXPECT_TRUE(road.goes_fast(six.c(SL_ACK, 1, 1, std::string(1428, 'x')), SL_OUTSIDE));
}

} // namespace
