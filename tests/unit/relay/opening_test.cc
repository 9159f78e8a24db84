// SPDX-License-Identifier: BSD-3-Clause
// From the client's proven ACK to the server's SYN-ACK.
#include "road.h"

using namespace sl_test;

namespace
{

class Opening : public OnRoad
{
};

TEST_P(Opening, OurSynCarriesTheClientsNumbersAndOptions)
{
	cite("design section 6: our SYN to the server carries I");
	const Sent syn = talk.prove();
	EXPECT_EQ(syn.seg.flags, SL_SYN);
	EXPECT_EQ(syn.fate, SL_FATE_MADE);
	EXPECT_EQ(syn.seg.seq, talk.isn);
	EXPECT_EQ(syn.seg.ack, 0u);
	EXPECT_EQ(syn.seg.mss, GetParam().v6 ? 1440 : 1460); // and what the link carries
	EXPECT_EQ(syn.seg.wscale, 2);
	EXPECT_TRUE(syn.seg.sack_permitted);
	EXPECT_EQ(syn.seg.wnd, 65535);
	EXPECT_EQ(road.states(), "ESTABLISHED SYN-SENT");
	EXPECT_EQ(road.events(SL_EVENT_cookies_valid), 1u);
	EXPECT_EQ(road.term(SL_TERM_delivered), 1u);
}

TEST_P(Opening, UnknownServerIsAskedForTimestampsAndThenBeginsAgainWithout)
{
	cite("design section 6: timestamps only when this server has granted them before");
	const Sent asking = talk.prove("early");
	EXPECT_NE(asking.seg.ts_off, 0);
	talk.timestamps = true;
	Road::Out out = road.inside(talk.synack());
	ASSERT_EQ(out.size(), 2u);
	EXPECT_EQ(out[0].seg.flags, SL_RST);
	EXPECT_EQ(out[0].seg.seq, talk.isn + 1);
	EXPECT_EQ(out[1].seg.flags, SL_SYN);
	EXPECT_EQ(out[1].seg.seq, talk.isn);
	EXPECT_EQ(out[1].seg.ts_off, 0);
	EXPECT_EQ(road.states(), "ESTABLISHED SYN-SENT");

	talk.timestamps = false;
	talk.iss += 12345; /* another connection, to the server */
	out = road.inside(talk.synack());
	ASSERT_EQ(out.size(), 2u) << "our ACK, and what was held";
	EXPECT_EQ(out[0].seg.flags, SL_ACK);
	EXPECT_EQ(out[1].seg.payload_len, 5);
	EXPECT_EQ(road.states(), "ESTABLISHED ESTABLISHED");

	Talk next(road);
	if (GetParam().v6)
		next.ipv6();
	next.cport++;
	EXPECT_NE(next.ask().seg.ts_off, 0) << "the next client is promised them";
	const Sent syn = next.prove();
	EXPECT_NE(syn.seg.ts_off, 0);
	EXPECT_EQ(syn.seg.tsval, next.ctsval);
	road.inside(next.synack());
	EXPECT_EQ(road.events(SL_EVENT_connections_established), 2u);
}

TEST_P(Opening, LateAnswersOfTheFirstAttemptDoNotEndTheSecond)
{
	cite("RFC 9293 section 3.10.7.3; design section 6: learned from each server's SYN-ACKs");
	talk.prove();
	road.advance(8000);
	talk.timestamps = true;
	const Frame first = talk.synack();
	ASSERT_EQ(road.inside(first).size(), 2u) << "RST, and a SYN without timestamps";
	road.advance(1000);
	for (unsigned i = 0; i < 3; i++)
		EXPECT_TRUE(by_port(road.inside(first), 1).empty()) << "sent for an earlier SYN";
	road.advance(6900);
	EXPECT_EQ(road.states(), "ESTABLISHED SYN-SENT") << "half_open begins anew";
	talk.timestamps = false;
	talk.iss += 5;
	road.inside(talk.synack());
	EXPECT_EQ(road.states(), "ESTABLISHED ESTABLISHED");
}

TEST_P(Opening, AnswerAfterALostRstIsRefusedAgain)
{
	talk.prove();
	road.advance(10);
	talk.timestamps = true;
	ASSERT_EQ(road.inside(talk.synack()).size(), 2u);
	road.advance(500);
	EXPECT_EQ(road.inside(talk.synack()).size(), 2u);
}

TEST_P(Opening, ServerWithoutTimestampsIsAskedOnce)
{
	cite("design section 6: only what was offered counts as refused");
	EXPECT_NE(talk.prove().seg.ts_off, 0);
	EXPECT_EQ(road.inside(talk.synack()).size(), 2u) << "joined at once";
	Talk next(road);
	if (GetParam().v6)
		next.ipv6();
	next.cport++;
	EXPECT_EQ(next.ask().seg.ts_off, 0);
	EXPECT_EQ(next.prove().seg.ts_off, 0);
}

TEST_P(Opening, ServerThatWillNotBeginAgainIsTakenAsItIs)
{
	cite("a RST is lost, or the server grants what nobody offered");
	talk.prove();
	talk.timestamps = true;
	for (int lost = 0; lost < 3; lost++) {
		road.advance(1);
		const Road::Out out = road.inside(talk.synack());
		ASSERT_FALSE(out.empty());
		EXPECT_EQ(out[0].seg.flags, SL_RST);
		road.advance(900 << lost); // the server retransmits
	}
	EXPECT_EQ(road.inside(talk.synack())[0].seg.flags, SL_ACK);
	EXPECT_EQ(road.states(), "ESTABLISHED ESTABLISHED");
}

TEST_P(Opening, SynGoesAgainAfterOneThreeAndSevenSeconds)
{
	cite("RFC 6298 section 2 and 5.5");
	talk.prove();
	std::vector<uint64_t> at;
	const uint64_t start = road.now_us;
	while (road.now_us - start < 9990000)
		for (const Sent &s : road.advance(10)) {
			EXPECT_EQ(s.seg.flags, SL_SYN);
			EXPECT_EQ(s.seg.seq, talk.isn);
			at.push_back((road.now_us - start) / 10000);
		}
	ASSERT_EQ(at.size(), 3u);
	EXPECT_NEAR(static_cast<double>(at[0]), 100, 1);
	EXPECT_NEAR(static_cast<double>(at[1]), 300, 1);
	EXPECT_NEAR(static_cast<double>(at[2]), 700, 1);
	EXPECT_EQ(road.events(SL_EVENT_syn_retransmits), 3u);
}

TEST_P(Opening, IsGivenUpAtHalfOpenWithResetsToBoth)
{
	cite("design section 9");
	talk.prove("early");
	road.advance(9980);
	const Road::Out out = road.advance(40);
	const Sent to_client = only(by_port(out, 0)), to_server = only(by_port(out, 1));
	EXPECT_EQ(to_client.seg.flags, SL_RST | SL_ACK);
	EXPECT_EQ(to_client.seg.seq, talk.cookie + 1);
	EXPECT_EQ(to_client.seg.ack, talk.isn + 1);
	EXPECT_EQ(to_server.seg.flags, SL_RST);
	EXPECT_EQ(to_server.seg.seq, talk.isn + 1);
	EXPECT_EQ(road.states(), "CLOSED CLOSED");
	EXPECT_EQ(road.events(SL_EVENT_server_silent), 1u);
	EXPECT_EQ(road.drops(SL_DROP_server_gone), 1u);
	road.advance(96020, 100);
	EXPECT_EQ(road.count(), 0u);
}

TEST_P(Opening, SynAckBecomesOurAckAndTheClientHearsOfTheWindow)
{
	cite("RFC 9293 section 3.10.7.3; design section 6");
	const Road::Out out = talk.open();
	ASSERT_EQ(out.size(), 2u);
	EXPECT_EQ(out[0].port, 1u);
	EXPECT_EQ(out[0].fate, SL_FATE_ANSWERED);
	EXPECT_EQ(out[0].seg.flags, SL_ACK);
	EXPECT_EQ(out[0].seg.seq, talk.isn + 1);
	EXPECT_EQ(out[0].seg.ack, talk.iss + 1);
	EXPECT_EQ(out[1].port, 0u);
	EXPECT_EQ(out[1].fate, SL_FATE_MADE);
	EXPECT_EQ(out[1].seg.flags, SL_ACK);
	EXPECT_EQ(out[1].seg.seq, talk.cookie + 1);
	EXPECT_EQ(out[1].seg.ack, talk.isn + 1);
	EXPECT_EQ(out[1].seg.wnd, (2920 >> 4 << 4) >> 7);
	EXPECT_EQ(road.states(), "ESTABLISHED ESTABLISHED");
	EXPECT_EQ(road.events(SL_EVENT_connections_established), 1u);
}

TEST_P(Opening, RepeatedSynAckIsAcknowledgedAgain)
{
	cite("RFC 9293 section 3.10.7.4");
	talk.open();
	const Sent ack = only(road.inside(talk.synack()));
	EXPECT_EQ(ack.port, 1u);
	EXPECT_EQ(ack.seg.flags, SL_ACK);
	EXPECT_EQ(ack.seg.seq, talk.isn + 1);
	EXPECT_EQ(ack.seg.ack, talk.iss + 1);
}

TEST_P(Opening, RefusalOfTheServerReachesTheClient)
{
	cite("RFC 9293 section 3.10.7.3, second");
	talk.prove("hello");
	const Sent rst = only(road.inside(talk.s(SL_RST | SL_ACK, 0, 1)));
	EXPECT_EQ(rst.port, 0u);
	EXPECT_EQ(rst.seg.flags, SL_RST | SL_ACK);
	EXPECT_EQ(rst.seg.seq, talk.cookie + 1);
	EXPECT_EQ(road.events(SL_EVENT_server_refused), 1u);
	EXPECT_EQ(road.states(), "CLOSED CLOSED");
}

TEST_P(Opening, ResetThatDoesNotAcknowledgeOurSynIsDropped)
{
	cite("RFC 9293 section 3.10.7.3, first");
	talk.prove();
	EXPECT_TRUE(road.inside(talk.s(SL_RST | SL_ACK, 0, 2)).empty());
	EXPECT_TRUE(road.inside(talk.s(SL_RST, 0, 1)).empty());
	EXPECT_EQ(road.drops(SL_DROP_rst_out_of_window), 2u);
	EXPECT_EQ(road.states(), "ESTABLISHED SYN-SENT");
}

TEST_P(Opening, WrongAckIsAnsweredByAResetThere)
{
	cite("RFC 9293 section 3.10.7.3, first: <SEQ=SEG.ACK><CTL=RST>");
	talk.prove();
	for (unsigned flags : {SL_SYN | SL_ACK | 0u, SL_ACK | 0u}) {
		const Sent rst = only(road.inside(talk.s(flags, 0, 0x5000)));
		EXPECT_EQ(rst.port, 1u);
		EXPECT_EQ(rst.seg.flags, SL_RST);
		EXPECT_EQ(rst.seg.seq, talk.isn + 0x5000);
	}
	EXPECT_EQ(road.states(), "ESTABLISHED SYN-SENT");
	road.inside(talk.synack());
	EXPECT_EQ(road.states(), "ESTABLISHED ESTABLISHED");
}

TEST_P(Opening, ClientsResetEndsItOnBothSides)
{
	cite("RFC 9293 section 3.10.7.4, second");
	talk.prove("abc");
	const Sent rst = only(road.outside(talk.c(SL_RST, 4, 0)));
	EXPECT_EQ(rst.port, 1u);
	EXPECT_EQ(rst.seg.flags, SL_RST);
	EXPECT_EQ(rst.seg.seq, talk.isn + 1);
	EXPECT_EQ(road.states(), "CLOSED CLOSED");
	EXPECT_EQ(road.events(SL_EVENT_connections_reset), 1u);
}

TEST_P(Opening, LateSynAckAfterTheEndIsAnsweredByAReset)
{
	cite("RFC 9293 section 3.10.7.1: our RST may be lost");
	talk.prove();
	road.outside(talk.c(SL_RST, 1, 0));
	const Sent rst = only(road.inside(talk.synack()));
	EXPECT_EQ(rst.port, 1u);
	EXPECT_EQ(rst.seg.flags, SL_RST);
	EXPECT_EQ(rst.seg.seq, talk.isn + 1);
}

TEST_P(Opening, ClientThatMissedTheRefusalHearsItAgain)
{
	cite("RFC 9293 section 3.10.7.1: our RST may be lost");
	talk.prove();
	road.inside(talk.s(SL_RST | SL_ACK, 0, 1));
	const Sent rst = only(road.outside(talk.c(SL_ACK, 1, 1, "hello")));
	EXPECT_EQ(rst.port, 0u);
	EXPECT_EQ(rst.seg.flags, SL_RST);
	EXPECT_EQ(rst.seg.seq, talk.cookie + 1);
}

TEST_P(Opening, EarlyDataIsHeldAndFollowsOurAck)
{
	cite("design section 6: early data");
	talk.prove("aa");
	EXPECT_EQ(road.term(SL_TERM_held), 1u);
	EXPECT_TRUE(road.outside(talk.c(SL_ACK, 3, 1, "bb")).empty());
	EXPECT_TRUE(road.outside(talk.c(SL_ACK, 1, 1, "aa")).empty());
	EXPECT_EQ(road.drops(SL_DROP_early_duplicate), 1u);
	EXPECT_TRUE(road.outside(talk.c(SL_ACK, 5, 1, "cc")).empty());
	EXPECT_TRUE(road.outside(talk.c(SL_ACK, 7, 1, "dd")).empty());
	EXPECT_TRUE(road.outside(talk.c(SL_ACK, 9, 1, "ee")).empty());
	EXPECT_EQ(road.drops(SL_DROP_hold_full), 1u);
	EXPECT_EQ(road.term(SL_TERM_held), 4u);
	EXPECT_EQ(road.info().held, 4u);
	const Road::Out out = road.run({{SL_INSIDE, talk.synack().bytes()},
					{SL_OUTSIDE, talk.c(SL_ACK, 9, 1, "ee").bytes()}});
	ASSERT_EQ(out.size(), 6u);
	std::string got;
	for (const Sent &s : out) {
		EXPECT_EQ(s.port, 1u);
		EXPECT_EQ(s.seg.ack, talk.iss + 1);
		EXPECT_EQ(s.seg.seq, talk.isn + 1 + static_cast<uint32_t>(got.size()));
		got += s.payload();
	}
	EXPECT_EQ(got, "aabbccddee");
	EXPECT_EQ(road.term(SL_TERM_held), 0u);
}

// RFC 7323 section 5.3: a receiver drops what is older than what it has heard.
TEST_P(Opening, OurAckIsNoNewerThanWhatFollowsIt)
{
	cite("RFC 7323 section 5.3");
	road.teach(talk.server, talk.sport, 1460, true);
	talk.timestamps = true;
	talk.prove("aa");
	talk.ctsval += 500;
	EXPECT_TRUE(road.outside(talk.c(SL_ACK, 3, 1, "bb")).empty());
	talk.ctsval += 500;
	EXPECT_TRUE(road.outside(talk.c(SL_ACK, 5, 1)).empty());
	const Road::Out out = road.inside(talk.synack());
	ASSERT_EQ(out.size(), 3u);
	for (size_t i = 1; i < out.size(); i++)
		EXPECT_FALSE(sl_seq_lt(out[i].seg.tsval, out[i - 1].seg.tsval)) << i;
	EXPECT_EQ(road.conn()->end[SL_OUTSIDE].tsval, talk.ctsval - 500);
}

TEST_P(Opening, EarlyFinIsHeldAndCountsWhenItGoesOn)
{
	cite("RFC 9293 section 3.10.7.4, eighth");
	talk.prove("abc");
	road.outside(talk.c(SL_ACK | SL_FIN, 4, 1));
	EXPECT_EQ(road.states(), "ESTABLISHED SYN-SENT");
	const Road::Out out = road.inside(talk.synack());
	ASSERT_EQ(out.size(), 3u);
	EXPECT_EQ(out[2].seg.flags, SL_FIN | SL_ACK);
	EXPECT_EQ(road.states(), "CLOSE-WAIT FIN-WAIT-1");
}

TEST_P(Opening, EarlyDataBeyondTheWindowOrWithAnotherAckIsDropped)
{
	cite("RFC 9293 section 3.10.7.4, first");
	talk.prove();
	EXPECT_TRUE(road.outside(talk.c(SL_ACK, 70000, 1, "x")).empty());
	EXPECT_TRUE(road.outside(talk.c(SL_ACK, 1, 2, "x")).empty());
	EXPECT_TRUE(road.outside(talk.c(SL_ACK, 0xfffffff0, 1, "x")).empty());
	EXPECT_EQ(road.drops(SL_DROP_stray), 3u);
	EXPECT_EQ(road.term(SL_TERM_held), 0u);
}

TEST_P(Opening, PoolOfHeldPacketsIsBounded)
{
	cite("design section 6: a bounded share of the pool");
	RoadOptions o;
	o.n_held = 3;
	Road small(o);
	for (uint16_t port = 1; port <= 5; port++) {
		Talk t(small);
		t.cport = port;
		t.prove("x");
	}
	EXPECT_EQ(small.term(SL_TERM_held), 3u);
	EXPECT_EQ(small.drops(SL_DROP_hold_evicted), 2u);
	EXPECT_EQ(small.count(), 5u) << "a connection opens all the same";
	small.advance(10020);
	EXPECT_EQ(small.term(SL_TERM_held), 0u);
}

TEST_P(Opening, LateSynOfTheSameClientIsDropped)
{
	cite("design section 5: look-up comes before the cookie");
	talk.prove();
	EXPECT_TRUE(road.outside(talk.syn()).empty());
	EXPECT_EQ(road.states(), "ESTABLISHED SYN-SENT");
}

TEST_P(Opening, TimestampsRunOnFromWhatTheClientEchoed)
{
	cite("RFC 7323 section 5: PAWS; design section 6: timestamps");
	road.teach(talk.server, kAlways, 1460, true);
	const Sent syn = talk.prove();
	ASSERT_NE(syn.seg.ts_off, 0);
	EXPECT_EQ(syn.seg.tsval, talk.ctsval);
	EXPECT_EQ(syn.seg.tsecr, 0u);
	talk.ctsval += 700;
	road.outside(talk.c(SL_ACK, 1, 1));
	EXPECT_EQ(only(road.advance(1010)).seg.tsval, talk.ctsval) << "the latest";
	const Road::Out out = road.inside(talk.synack());
	ASSERT_EQ(out.size(), 2u);
	EXPECT_EQ(out[0].seg.tsval, talk.ctsval);
	EXPECT_EQ(out[0].seg.tsecr, talk.stsval);
	EXPECT_EQ(out[1].seg.tsval, talk.ctsecr);
	EXPECT_EQ(out[1].seg.tsecr, talk.ctsval);
	talk.stsval += 250;
	EXPECT_EQ(only(road.inside(talk.s(SL_ACK, 1, 1, "x"))).seg.tsval, talk.ctsecr + 250);
	talk.ctsecr += 250;
	EXPECT_EQ(only(road.outside(talk.c(SL_ACK, 1, 2))).seg.tsecr, talk.stsval);
}

TEST_P(Opening, BrokenPromiseOfTimestampsIsKeptByTheBox)
{
	cite("design section 6: what was promised; RFC 7323 section 3.2");
	road.teach(talk.server, kAlways, 1460, true);
	const uint16_t told = talk.prove("x").seg.mss;
	const uint32_t promised = talk.ctsecr;
	Talk plain = talk; // the server's segments carry none
	plain.timestamps = false;
	const Road::Out again = road.inside(plain.synack());
	ASSERT_EQ(again.size(), 2u);
	EXPECT_EQ(again[0].seg.flags, SL_RST);
	EXPECT_EQ(again[0].seg.seq, talk.isn + 1);
	EXPECT_EQ(again[1].seg.flags, SL_SYN);
	EXPECT_EQ(again[1].seg.ts_off, 0);
	EXPECT_EQ(again[1].seg.mss, told - 12) << "timestamps need room";
	EXPECT_EQ(road.events(SL_EVENT_promises_mended), 1u);

	road.advance(100);
	plain.iss = talk.iss = talk.iss + 77;
	EXPECT_EQ(by_port(road.inside(plain.synack()), 1).size(), 2u)
		<< "our ACK, and what was held";
	EXPECT_EQ(road.states(), "ESTABLISHED ESTABLISHED");
	const Sent data = only(road.inside(plain.s(SL_ACK, 1, 2, "hello")));
	EXPECT_EQ(data.payload(), "hello");
	ASSERT_NE(data.seg.ts_off, 0);
	EXPECT_EQ(data.seg.tsval, promised) << "continues from what the client has seen";
	EXPECT_EQ(data.seg.tsecr, talk.ctsval);
	EXPECT_EQ(data.seg.seq, talk.cookie + 1);
	talk.ctsval += 9;
	const Sent ack = only(road.outside(talk.c(SL_ACK, 2, 6)));
	EXPECT_EQ(ack.seg.ts_off, 0) << "nothing the server did not grant";
	EXPECT_EQ(ack.seg.ack, talk.iss + 6);
	road.advance(250);
	const Sent later = only(road.inside(plain.s(SL_ACK, 6, 2, "x")));
	EXPECT_EQ(later.seg.tsval, promised + 250);
	EXPECT_EQ(later.seg.tsecr, talk.ctsval);
	talk.cport++;
	EXPECT_EQ(talk.ask().seg.ts_off, 0) << "relearned";
}

TEST_P(Opening, MendedConnectionIsProbedWithTimestamps)
{
	road.teach(talk.server, kAlways, 1460, true);
	talk.prove("x");
	Talk plain = talk;
	plain.timestamps = false;
	road.inside(plain.synack());
	road.advance(100);
	plain.iss = talk.iss += 77;
	road.inside(plain.synack());
	const uint32_t promised = talk.ctsecr;
	const Road::Out out = road.advance(7200100, 1000);
	const Sent client = by_port(out, 0).back(), server = by_port(out, 1).back();
	ASSERT_NE(client.seg.ts_off, 0);
	EXPECT_TRUE(sl_seq_gt(client.seg.tsval, promised));
	EXPECT_EQ(server.seg.ts_off, 0);
}

TEST_P(Opening, LargestSegmentsAreBoundedByTheService)
{
	cite("design section 6: may be pinned (mss_max)");
	std::vector<sl_service> services = road.options.services;
	for (sl_service &s : services)
		s.mss_max = 1000;
	road.apply(services);
	EXPECT_EQ(talk.ask().seg.mss, 1000);
	const Sent syn = only(road.outside(talk.c(SL_ACK, 1, 1)));
	EXPECT_EQ(syn.seg.mss, 1000);
	Talk tracked = talk;
	tracked.sport = kNever;
	tracked.cookie = tracked.iss;
	tracked.timestamps = false;
	EXPECT_EQ(only(road.outside(tracked.syn())).seg.mss, 1000);
	EXPECT_EQ(only(road.inside(tracked.synack())).seg.mss, 1000);
	tracked.cport++;
	Frame twice = tracked.syn();
	twice.options = mss(900) + mss(1460);
	EXPECT_EQ(only(road.outside(twice)).options(), mss(900) + mss(1000));
	twice.options = Bytes{2, 6, 5, 180, 0, 0, 0, 0};
	EXPECT_TRUE(road.outside(twice).empty());
	EXPECT_EQ(road.drops(SL_DROP_tcp_bad_option), 1u);
}

TEST_P(Opening, TimestampsMayBePinned)
{
	std::vector<sl_service> services = road.options.services;
	for (sl_service &s : services)
		s.timestamps = SL_TIMESTAMPS_ALWAYS;
	road.apply(services);
	EXPECT_NE(talk.ask().seg.ts_off, 0) << "though the server is unknown";
	road.teach(talk.server, kAlways, 1460, true);
	for (sl_service &s : services)
		s.timestamps = SL_TIMESTAMPS_NEVER;
	road.apply(services);
	talk.cport++;
	EXPECT_EQ(talk.ask().seg.ts_off, 0);
	EXPECT_EQ(only(road.outside(talk.c(SL_ACK, 1, 1))).seg.ts_off, 0) << "nor asked for";
}

TEST_P(Opening, ServerThatRefusedTimestampsIsAskedAgainAfterAnHour)
{
	road.teach(talk.server, kAlways, 1460, false);
	EXPECT_EQ(talk.prove().seg.ts_off, 0);
	road.advance(3600000, 1000);
	talk.cport++;
	EXPECT_NE(talk.prove().seg.ts_off, 0);
}

TEST_P(Opening, WithoutSparesNothingIsOpened)
{
	cite("design section 2: none left is a drop reason");
	talk.ask();
	road.n_spares = 0;
	EXPECT_TRUE(road.outside(talk.c(SL_ACK, 1, 1)).empty());
	EXPECT_EQ(road.drops(SL_DROP_no_buffer), 1u);
	EXPECT_EQ(road.count(), 0u);
	road.n_spares = SL_SPARES;
	road.outside(talk.c(SL_ACK, 1, 1));
	EXPECT_EQ(road.count(), 1u);
}

TEST_P(Opening, FullTableIsCountedAndHarmsNobody)
{
	cite("design section 10");
	RoadOptions o;
	o.n_connections = 4;
	Road small(o);
	std::vector<Talk> talks(4, Talk(small));
	for (uint16_t i = 0; i < 4; i++) {
		talks[i].cport = static_cast<uint16_t>(1000 + i);
		talks[i].open();
	}
	Talk fifth(small);
	fifth.ask();
	EXPECT_TRUE(small.outside(fifth.c(SL_ACK, 1, 1)).empty());
	EXPECT_EQ(small.drops(SL_DROP_table_full), 1u);
	for (const Talk &t : talks)
		EXPECT_EQ(only(small.outside(t.c(SL_ACK, 1, 1, "x"))).seg.ack, t.iss + 1);
}

TEST_P(Opening, MacsThatChangeAreUsedFromThenOn)
{
	cite("design section 3: refreshes it from each packet");
	talk.prove();
	Frame synack = talk.synack();
	synack.smac = {2, 9, 9, 9, 9, 1};
	synack.dmac = {2, 9, 9, 9, 9, 2};
	const Road::Out out = road.inside(synack);
	ASSERT_EQ(out.size(), 2u);
	EXPECT_EQ(Bytes(out[1].bytes.begin(), out[1].bytes.begin() + 6),
		  Bytes(synack.dmac.begin(), synack.dmac.end()));
	Frame f = talk.c(SL_ACK, 1, 1);
	f.smac = {2, 7, 7, 7, 7, 1};
	f.dmac = {2, 7, 7, 7, 7, 2};
	road.outside(f);
	const Sent again = only(road.inside(talk.synack()));
	EXPECT_EQ(Bytes(again.bytes.begin(), again.bytes.begin() + 6),
		  Bytes(f.dmac.begin(), f.dmac.end()));
}

INSTANTIATE_TEST_SUITE_P(All, Opening, ::testing::ValuesIn(kNumbers));

} // namespace
