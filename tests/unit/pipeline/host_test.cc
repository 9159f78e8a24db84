// SPDX-License-Identifier: BSD-3-Clause
// A link on which the box is a host: one port, addresses of its own.
#include <algorithm>

#include "ask.h"
#include "road.h"

using namespace sl_test;

namespace
{

RoadOptions host()
{
	RoadOptions o;
	o.host = {"192.0.2.2", "2001:db8::2"};
	o.services = {responder("192.0.2.2", 7, SL_SERVER_ECHO),
		      responder("2001:db8::2", 7, SL_SERVER_ECHO),
		      responder("192.0.2.2", 8, SL_SERVER_ECHO, SL_COOKIES_NEVER),
		      responder("198.51.100.0", 7, SL_SERVER_ECHO)};
	o.services[2].strays = SL_STRAYS_RESET;
	o.services[3].prefix_len = 96 + 24;
	// Of a wire, though the link's address lies in it.
	o.services.push_back(service("192.0.2.0", 80, SL_MODE_SPLICE, SL_COOKIES_ALWAYS));
	o.services[4].prefix_len = 96 + 24;
	return o;
}

Sent only_answer(Road &road, const Bytes &frame)
{
	const Sent s = only(road.run({{SL_OUTSIDE, frame}}));
	EXPECT_EQ(s.fate, SL_FATE_ANSWERED);
	EXPECT_EQ(s.port, 0u);
	return s;
}

TEST(HostLink, AnswersForItsAddresses)
{
	Road road(host());
	const Mac mac = {2, 0, 0, 0, 0, 2};
	Arp arp;
	arp.sender = "192.0.2.1";
	arp.target = "192.0.2.2";
	Arp reply = {
		.sender = "192.0.2.2", .target = "192.0.2.1", .op = 2, .sha = mac, .tha = kAsker};
	reply.link = {.dmac = kAsker, .smac = mac};
	EXPECT_EQ(only_answer(road, arp.bytes()).bytes, reply.bytes());

	const Bytes neighbour = solicitation("2001:db8::1", "2001:db8::2").bytes();
	Message advertised = advertisement("2001:db8::2", "2001:db8::1", 0x60, mac);
	advertised.link = {.dmac = kAsker, .smac = mac};
	EXPECT_EQ(only_answer(road, neighbour).bytes, advertised.bytes());

	EXPECT_EQ(only_answer(road, echo("192.0.2.1", "192.0.2.2").bytes()).bytes[34], 0);
	EXPECT_EQ(only_answer(road, echo("2001:db8::1", "2001:db8::2").bytes()).bytes[54], 129);
	EXPECT_EQ(road.events(SL_EVENT_host_answers), 4u);
}

TEST(HostLink, AnswersForNobodyElse)
{
	Road road(host());
	Arp arp;
	arp.target = "192.0.2.3";
	EXPECT_TRUE(road.run({{SL_OUTSIDE, arp.bytes()}}).empty());
	EXPECT_TRUE(road.run({{SL_OUTSIDE, echo("192.0.2.1", "192.0.2.3").bytes()}}).empty());
	EXPECT_TRUE(road.run({{SL_OUTSIDE, solicitation("2001:db8::1", "2001:db8::3").bytes()}})
			    .empty());
	Talk talk(road);
	talk.sport = 7;
	talk.server = "198.51.100.9"; // of a service, but none of its addresses
	EXPECT_TRUE(road.outside(talk.syn()).empty());
	EXPECT_EQ(road.drops(SL_DROP_not_ours), 4u);
}

TEST(HostLink, ServesWhoComesToIt)
{
	for (const char *server : {"192.0.2.2", "2001:db8::2"}) {
		Road road(host());
		Talk talk(road);
		if (std::string(server) == "2001:db8::2")
			talk.ipv6();
		talk.sport = 7;
		talk.ask();
		const Sent echo = only(road.outside(talk.c(SL_ACK | SL_PSH, 1, 1, "hello")));
		EXPECT_EQ(echo.payload(), "hello");
		EXPECT_EQ(echo.port, 0u);
	}
}

// RFC 9293 section 3.10.7.1, whatever nmap sends there.
TEST(HostLink, AClosedPortIsToldToBeOne)
{
	Road road(host());
	Talk talk(road);
	talk.sport = 9;
	const Sent rst = only_answer(road, talk.syn().bytes());
	EXPECT_EQ(rst.seg.flags, SL_RST | SL_ACK);
	EXPECT_EQ(rst.seg.seq, 0u);
	EXPECT_EQ(rst.seg.ack, talk.isn + 1);
	const Sent to_ack = only_answer(road, talk.c(SL_ACK, 5, 5).bytes());
	EXPECT_EQ(to_ack.seg.flags, SL_RST);
	EXPECT_EQ(to_ack.seg.seq, talk.cookie + 5);
	EXPECT_TRUE(road.outside(talk.c(SL_RST, 5, 0)).empty());
	EXPECT_EQ(road.drops(SL_DROP_stray), 1u);
	talk.sport = 9;
	// Flags that no stack sends: none, FIN, nmap's tree, SYN with FIN.
	for (unsigned flags : {0, SL_FIN + 0, SL_FIN | SL_PSH | SL_URG, SL_SYN | SL_FIN}) {
		const Sent odd = only_answer(road, talk.c(flags, 5, 0).bytes());
		EXPECT_EQ(odd.seg.flags, SL_RST | SL_ACK);
		EXPECT_EQ(odd.seg.ack, talk.isn + 5 + !!(flags & SL_SYN) + !!(flags & SL_FIN));
	}
	EXPECT_TRUE(road.outside(talk.c(SL_SYN | SL_RST, 5, 0)).empty());
	talk.sport = 7; // LISTEN says nothing to these
	for (unsigned flags : {0, SL_FIN + 0, SL_FIN | SL_PSH | SL_URG, SL_SYN | SL_FIN})
		EXPECT_TRUE(road.outside(talk.c(flags, 5, 0)).empty());
	EXPECT_EQ(road.drops(SL_DROP_tcp_bad_flags), 4u);
	// And an open one, where nothing stands.
	talk.sport = 8;
	EXPECT_EQ(only_answer(road, talk.c(SL_ACK, 5, 5).bytes()).seg.flags, SL_RST);
	// And one that a service of another mode has.
	talk.sport = 80;
	EXPECT_EQ(only_answer(road, talk.syn().bytes()).seg.flags, SL_RST | SL_ACK);
	EXPECT_EQ(only_answer(road, talk.c(SL_ACK, 1, 1).bytes()).seg.flags, SL_RST);
	EXPECT_EQ(road.events(SL_EVENT_cookies_sent), 0u);
	// But no more than so many a second.
	talk.sport = 9;
	for (int i = 0; i < 3000; i++)
		road.outside(talk.syn());
	EXPECT_GT(road.drops(SL_DROP_limited), 1500u);
}

// Where a connection stands they are its business: RFC 9293 section 3.10.7.4, RFC 5961 section 4.2.
TEST(HostLink, FlagsThatNoStackSendsGoToTheirConnection)
{
	RecordProperty("rfc", "9293 3.10.7.4-4, 5961 4.2");
	for (bool v6 : {false, true}) {
		Road road(host());
		Talk talk(road);
		if (v6)
			talk.ipv6();
		talk.sport = 7;
		talk.ask();
		EXPECT_TRUE(road.outside(talk.c(SL_ACK, 1, 1)).empty());
		const Sent challenge = only(road.outside(talk.c(SL_SYN | SL_FIN, 500, 0)));
		EXPECT_EQ(challenge.seg.flags, SL_ACK);
		EXPECT_EQ(challenge.seg.ack, talk.isn + 1);
		EXPECT_EQ(road.events(SL_EVENT_challenge_acks), 1u);
		for (unsigned flags : {0, SL_FIN + 0, SL_FIN | SL_PSH | SL_URG})
			EXPECT_TRUE(road.outside(talk.c(flags, 1, 0)).empty());
		EXPECT_EQ(road.drops(SL_DROP_unacceptable), 4u);
		EXPECT_EQ(road.count(), 1u);
		const Sent echo = only(road.outside(talk.c(SL_ACK | SL_PSH, 1, 1, "hello")));
		EXPECT_EQ(echo.payload(), "hello");
	}
}

// On a wire nobody answers to them, whatever stands there.
TEST(HostLink, OnAWireFlagsThatNoStackSendsAreDropped)
{
	RoadOptions o;
	o.services = {responder("192.0.2.2", 7, SL_SERVER_ECHO)};
	Road road(o);
	Talk talk(road);
	talk.sport = 7;
	talk.ask();
	EXPECT_TRUE(road.outside(talk.c(SL_ACK, 1, 1)).empty());
	ASSERT_EQ(road.count(), 1u);
	for (unsigned flags : {0, SL_FIN + 0, SL_FIN | SL_PSH | SL_URG, SL_SYN | SL_FIN})
		EXPECT_TRUE(road.outside(talk.c(flags, 1, 0)).empty());
	EXPECT_EQ(road.drops(SL_DROP_tcp_bad_flags), 4u);
}

TEST(HostLink, WhatIsWrongIsDropped)
{
	Road road(host());
	Talk talk(road);
	talk.sport = 9;
	Frame bad = talk.syn();
	bad.bad_tcp_checksum = true;
	EXPECT_TRUE(road.outside(bad).empty());
	EXPECT_EQ(road.drops(SL_DROP_bad_checksum), 1u);
	Frame group = talk.syn();
	group.dmac = {1, 0, 0x5e, 0, 0, 2};
	EXPECT_TRUE(road.outside(group).empty());
	Message broken = echo("192.0.2.1", "192.0.2.2");
	broken.bad_checksum = true;
	EXPECT_TRUE(road.run({{SL_OUTSIDE, broken.bytes()}}).empty());
	EXPECT_EQ(road.drops(SL_DROP_not_ours), 2u);
}

// A port hears all that is on its link; the frames differ from good ones in the MAC only.
TEST(HostLink, WhatIsForAnotherStationOrAGroupIsNotTaken)
{
	RecordProperty("rfc", "9293 MUST-57");
	const Mac others[] = {{2, 0, 0, 0, 0, 3},
			      {3, 0, 0, 0, 0, 2},
			      {0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
			      {0x33, 0x33, 0, 0, 0, 1}};
	for (const Mac &mac : others) {
		Road road(host());
		Talk talk(road);
		talk.sport = 7;
		const auto refused = [&](const Bytes &good) {
			Bytes bad = good;
			std::copy(mac.begin(), mac.end(), bad.begin());
			const uint64_t before = road.drops(SL_DROP_not_ours);
			const size_t n = road.run({{SL_OUTSIDE, bad}}).size();
			EXPECT_EQ(road.drops(SL_DROP_not_ours), before + 1);
			return n == 0;
		};
		EXPECT_TRUE(refused(talk.syn().bytes()));
		EXPECT_TRUE(refused(echo("192.0.2.1", "192.0.2.2").bytes()));
		Icmp error;
		error.about = talk.s(SL_ACK, 1, 1);
		EXPECT_TRUE(refused(error.bytes()));
		// Behind one that is not, in a burst.
		Frame good = talk.syn(), bad = talk.syn();
		good.sport = 1;
		bad.dmac = mac;
		EXPECT_EQ(road.run({{SL_OUTSIDE, good.bytes()}, {SL_OUTSIDE, bad.bytes()}}).size(),
			  1u);
		// Of a shape that is known.
		for (uint16_t port = 2; port < 200; port++) {
			good.sport = port;
			ASSERT_EQ(road.outside(good).size(), 1u);
		}
		EXPECT_TRUE(refused(bad.bytes()));
		good.sport = 1;
		EXPECT_EQ(road.run({{SL_OUTSIDE, good.bytes()}, {SL_OUTSIDE, bad.bytes()}}).size(),
			  1u);
		EXPECT_EQ(road.outside(talk.syn()).size(), 1u);
	}
}

// What answers them would go to all of a group.
TEST(HostLink, WhatComesFromAGroupIsNotAnswered)
{
	for (const Mac &mac :
	     {Mac{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, Mac{0x33, 0x33, 0, 0, 0, 1}}) {
		Road road(host());
		Talk talk(road);
		talk.sport = 7;
		Frame good = talk.syn(), bad = talk.syn();
		bad.smac = mac;
		EXPECT_TRUE(road.outside(bad).empty());
		good.sport = 1;
		EXPECT_EQ(road.run({{SL_OUTSIDE, good.bytes()}, {SL_OUTSIDE, bad.bytes()}}).size(),
			  1u)
			<< "in a burst";
		for (uint16_t port = 2; port < 200; port++) {
			good.sport = port;
			ASSERT_EQ(road.outside(good).size(), 1u);
		}
		EXPECT_TRUE(road.outside(bad).empty()) << "of a shape that is known";
		bad.dport = 9;
		EXPECT_TRUE(road.outside(bad).empty()) << "where nobody listens";
		EXPECT_EQ(road.drops(SL_DROP_not_ours), 4u);
	}
}

// Where it did not become known, all frames are for others.
TEST(HostLink, WithoutAMacNothingIsHeard)
{
	RoadOptions o = host();
	o.mac = {};
	Road road(o);
	Talk talk(road);
	talk.sport = 7;
	EXPECT_TRUE(road.outside(talk.syn()).empty());
	EXPECT_TRUE(road.run({{SL_OUTSIDE, echo("192.0.2.1", "192.0.2.2").bytes()}}).empty());
	EXPECT_EQ(road.drops(SL_DROP_not_ours), 2u);
}

TEST(HostLink, FramesShorterThanTheirHeaderAreDropped)
{
	Road road(host());
	const Bytes syn = Talk(road).syn().bytes();
	for (size_t n = 1; n < 14; n++)
		EXPECT_TRUE(road.run({{SL_OUTSIDE, Bytes(syn.begin(), syn.begin() + n)}}).empty());
	EXPECT_EQ(road.drops(SL_DROP_not_ours), 13u);
}

// Whoever sends as one of the link's addresses is not it.
TEST(HostLink, ASourceThatIsItsOwnIsNotBelieved)
{
	RoadOptions o = host();
	o.host.push_back("192.0.2.3");
	Road road(o);
	Talk honest(road), talk(road);
	honest.sport = talk.sport = 7;
	talk.client = "192.0.2.3";
	EXPECT_TRUE(road.outside(talk.syn()).empty());
	EXPECT_EQ(road.run({{SL_OUTSIDE, honest.syn().bytes()}, {SL_OUTSIDE, talk.syn().bytes()}})
			  .size(),
		  1u)
		<< "in a burst";
	for (uint16_t port = 2; port < 200; port++) {
		honest.cport = port;
		ASSERT_EQ(road.outside(honest.syn()).size(), 1u);
	}
	EXPECT_TRUE(road.outside(talk.syn()).empty()) << "of a shape that is known";
	talk.sport = 9;
	EXPECT_TRUE(road.outside(talk.syn()).empty()) << "where nobody listens";
	EXPECT_TRUE(road.run({{SL_OUTSIDE, echo("192.0.2.3", "192.0.2.2").bytes()}}).empty());
	EXPECT_EQ(road.drops(SL_DROP_spoofed_service), 5u);
}

TEST(HostLink, WhileItDrainsNewcomersAreRefused)
{
	Road road(host());
	Talk talk(road);
	talk.sport = 7;
	talk.ask();
	road.outside(talk.c(SL_ACK, 1, 1));
	ASSERT_EQ(road.states(), "ESTABLISHED CLOSED");
	road.apply(road.options.services, true);
	EXPECT_EQ(only(road.outside(talk.c(SL_ACK, 1, 1, "still"))).payload(), "still");
	talk.cport++;
	EXPECT_EQ(only_answer(road, talk.syn().bytes()).seg.flags, SL_RST | SL_ACK);
}

// What stands goes on, whatever becomes of its service.
TEST(HostLink, AConnectionStaysWhenItsServiceNoLongerResponds)
{
	Road road(host());
	Talk talk(road);
	talk.sport = 7;
	talk.ask();
	road.outside(talk.c(SL_ACK, 1, 1));
	std::vector<sl_service> after = road.options.services;
	after[0].mode = SL_MODE_SPLICE;
	road.apply(after, false);
	EXPECT_EQ(only(road.outside(talk.c(SL_ACK, 1, 1, "still"))).payload(), "still");
	talk.cport++;
	EXPECT_EQ(only_answer(road, talk.syn().bytes()).seg.flags, SL_RST | SL_ACK);
	EXPECT_EQ(road.events(SL_EVENT_cookies_sent), 1u);
}

// The old connection answers, as long as its 2MSL last: RFC 5961 section 4.2.
TEST(HostLink, ANewSynInTimeWaitThatNoServiceWantsBringsAChallenge)
{
	RecordProperty("rfc", "5961 4.2");
	RoadOptions options = host();
	options.services[0].server = SL_SERVER_DAYTIME;
	Road road(options);
	Talk talk(road);
	talk.sport = 7;
	talk.ask();
	const Road::Out out = road.outside(talk.c(SL_ACK, 1, 1));
	ASSERT_FALSE(out.empty());
	const sl_seg &last = out.back().seg;
	road.outside(talk.c(SL_ACK | SL_FIN, 1, last.seq + sl_seg_len(&last) - talk.cookie));
	ASSERT_EQ(road.states(), "TIME-WAIT CLOSED");
	std::vector<sl_service> after = road.options.services;
	after[0].mode = SL_MODE_SPLICE;
	road.apply(after, false);
	Frame syn = talk.syn();
	syn.seq += 1000;
	EXPECT_EQ(only(road.outside(syn)).seg.flags, SL_ACK);
	EXPECT_EQ(road.states(), "TIME-WAIT CLOSED");
	EXPECT_EQ(road.events(SL_EVENT_challenge_acks), 1u);
	road.advance(61000);
	EXPECT_EQ(only_answer(road, syn.bytes()).seg.flags, SL_RST | SL_ACK);
}

TEST(HostLink, ANewSynInTimeWaitThatFindsTheBacklogFullBringsAChallenge)
{
	RecordProperty("rfc", "5961 4.2");
	RoadOptions options = host();
	options.services[2].server = SL_SERVER_DAYTIME;
	options.services[2].backlog = 1;
	Road road(options);
	Talk talk(road);
	talk.sport = 8;
	const Sent syn_ack = only(road.outside(talk.syn()));
	talk.cookie = syn_ack.seg.seq;
	talk.timestamps = true;
	talk.ctsecr = syn_ack.seg.tsval;
	const Road::Out out = road.outside(talk.c(SL_ACK, 1, 1));
	ASSERT_FALSE(out.empty());
	const sl_seg &last = out.back().seg;
	road.outside(talk.c(SL_ACK | SL_FIN, 1, last.seq + sl_seg_len(&last) - talk.cookie));
	ASSERT_EQ(road.states(), "TIME-WAIT CLOSED");
	Talk other(road);
	other.sport = 8;
	other.cport++;
	EXPECT_EQ(only(road.outside(other.syn())).seg.flags, SL_SYN | SL_ACK);
	Frame syn = talk.syn();
	syn.seq += 1000;
	EXPECT_EQ(only(road.outside(syn)).seg.flags, SL_ACK);
	EXPECT_EQ(road.events(SL_EVENT_challenge_acks), 1u);
	EXPECT_EQ(road.drops(SL_DROP_unacceptable), 1u);
	road.outside(other.c(SL_RST, 1, 0)); // there is a place again
	EXPECT_EQ(only(road.outside(syn)).seg.flags, SL_SYN | SL_ACK);
}

// RFC 9293 MUST-49 and section 3.9.2.2: what no connection sent is nobody's error.
TEST(HostLink, IcmpErrorsOfNothingAreDropped)
{
	Road road(host());
	Talk talk(road);
	talk.sport = 7;
	Icmp error;
	error.about = talk.s(SL_ACK, 1, 1);
	road.run({{SL_OUTSIDE, error.bytes()}});
	EXPECT_EQ(road.drops(SL_DROP_icmp_mismatch), 1u);
	error.about.sport = 9;
	EXPECT_TRUE(road.run({{SL_OUTSIDE, error.bytes()}}).empty());
	EXPECT_EQ(road.drops(SL_DROP_not_ours), 1u);
}

} // namespace
