// SPDX-License-Identifier: BSD-3-Clause
// mode = "respond": endpoints and the blocks of their streams are few, and who may hold them.
#include <algorithm>
#include <deque>

#include "caller.h"

using namespace sl_test;

namespace
{

enum : uint16_t { kEcho = 7, kDiscard = 9, kDaytime = 13, kHttp = 80 };

RoadOptions servers()
{
	RoadOptions o;
	o.services = {responder("192.0.2.2", kEcho, SL_SERVER_ECHO),
		      responder("192.0.2.2", kDiscard, SL_SERVER_DISCARD),
		      responder("192.0.2.2", kDaytime, SL_SERVER_DAYTIME),
		      responder("192.0.2.2", kHttp, SL_SERVER_HTTP)};
	return o;
}

Talk established(Road &road, uint16_t service, uint16_t client_port = 40000,
		 const std::string &client = "198.51.100.7")
{
	Talk t(road);
	t.client = client;
	t.sport = service;
	t.cport = client_port;
	t.cws = -1;
	t.offer_ts = false;
	t.ask();
	t.timestamps = false;
	road.outside(t.c(SL_ACK, 1, 1));
	return t;
}

// Fills the window of an echo server whose client takes nothing. Returns the next number.
uint32_t fill(Road &road, Talk &t)
{
	uint32_t seq = 1;

	t.cwnd = 0;
	while (const uint32_t wnd = std::min(road.info().tcp.rcv_wnd, 1024u)) {
		road.outside(t.c(SL_ACK, seq, 1, std::string(wnd, 'x')));
		seq += wnd;
	}
	return seq;
}

// Whether another client gets a page within `n` times `us`, after each of which `others` act.
template <typename F> bool is_served(Road &road, unsigned n, uint64_t us, F others)
{
	Caller honest(road, "198.51.100.8", 2);
	const int http = honest.open("192.0.2.2", kHttp);

	honest.send(http, "GET / HTTP/1.0\r\n\r\n");
	for (; n > 0; n--) {
		honest.run(us);
		others();
		if (!honest.receive(http).empty())
			return true;
	}
	return false;
}

} // namespace

TEST(Pools, WhoNeverSendsWhatIsMissingIsReclaimed)
{
	Road road(servers());
	const Talk t = established(road, kDiscard);

	road.outside(t.c(SL_ACK, 1, 1, "x"));
	road.advance(3600000, 1000);
	ASSERT_EQ(road.states(), "ESTABLISHED CLOSED");
	road.outside(t.c(SL_ACK, 3, 1, "x"));
	for (uint32_t i = 0; i < 5; i++) {
		EXPECT_EQ(road.states(), "ESTABLISHED CLOSED") << "what is missing may still come";
		road.outside(t.c(SL_ACK, 5 + 2 * i, 1, "x"));
		road.advance(11000, 100);
	}
	road.advance(6000, 100);
	EXPECT_EQ(road.events(SL_EVENT_reclaimed_silent), 1u);
	EXPECT_EQ(road.p->relay.endpoints.n_free, road.options.n_endpoints);
}

// The byte of its probes lies behind the window: it is answered, and not taken.
TEST(Pools, AProbeOfAClosedWindowIsNoSignOfLife)
{
	Road road(servers());
	Talk t = established(road, kEcho);
	const uint32_t seq = fill(road, t);

	for (int i = 0; i < 3 && road.states() == "ESTABLISHED CLOSED"; i++) {
		road.advance(50000, 100);
		if (road.states() == "ESTABLISHED CLOSED")
			road.outside(t.c(SL_ACK, seq, 1, "y"));
	}
	EXPECT_EQ(road.events(SL_EVENT_reclaimed_silent), 1u);
}

// With a TCP that knows no scale the window closes at once, and the probes of it carry a byte.
TEST(Pools, AnEchoClientThatNeverReadsIsReclaimed)
{
	for (uint8_t scale : {uint8_t(7), uint8_t(SL_NO_WSCALE)}) {
		Road road(servers());
		Caller caller(road, "198.51.100.7", 1,
			      [=](sl_tcp_stack_config *c) { c->options.wscale = scale; });
		const int s = caller.open("192.0.2.2", kEcho);

		for (int i = 0; i < 200; i++) {
			caller.send(s, std::string(10000, 'x'));
			caller.run(200000);
		}
		caller.run(600000000);
		EXPECT_EQ(road.events(SL_EVENT_reclaimed_silent), 1u);
	}
}

// A service without cookies can be made to hold endpoints by forged SYNs, whatever its backlog.
TEST(Pools, ASynFloodOnOneServiceLeavesEndpointsToTheOthers)
{
	RoadOptions o = servers();
	o.services[0].cookies = SL_COOKIES_NEVER;
	o.n_endpoints = 15;
	Road road(o);
	Talk t(road);

	t.sport = kEcho;
	for (uint16_t i = 0; i < 100; i++) {
		t.cport = static_cast<uint16_t>(20000 + i);
		EXPECT_EQ(road.outside(t.syn()).size(), i < 8 ? 1u : 0u);
	}
	EXPECT_EQ(road.drops(SL_DROP_backlog_full), 92u);
	EXPECT_EQ(road.p->relay.endpoints.n_free, 7u);
	const Talk honest = established(road, kDiscard);
	EXPECT_EQ(only(road.outside(honest.c(SL_ACK | SL_FIN, 1, 1))).seg.flags & SL_FIN, SL_FIN);
}

// And whoever has proved its address takes the endpoint of one who has not.
TEST(Pools, AClientWithACookieTakesTheEndpointOfAForgedSyn)
{
	RoadOptions o = servers();
	o.services[0].cookies = SL_COOKIES_NEVER;
	o.n_endpoints = 16;
	Road road(o);
	Talk t(road);

	t.sport = kEcho;
	for (uint16_t i = 0; i < 8; i++) {
		t.cport = static_cast<uint16_t>(20000 + i);
		road.outside(t.syn());
	}
	for (unsigned i = 0; i < 16; i++) {
		Talk c(road);
		c.sport = kDiscard;
		c.cport = static_cast<uint16_t>(30000 + i);
		c.ask();
		road.outside(c.c(SL_ACK, 1, 1));
	}
	EXPECT_EQ(road.drops(SL_DROP_endpoints_full), 0u);
	EXPECT_EQ(road.events(SL_EVENT_evicted_unproven), 8u);
	EXPECT_EQ(road.events(SL_EVENT_rst_sent), 0u) << "nobody may be at a forged address";
}

TEST(Pools, EndpointsInTimeWaitMakeRoomHoweverLargeTheTable)
{
	RoadOptions o = servers();
	o.n_endpoints = 4;
	o.n_connections = 65536;
	Road road(o);
	Caller caller(road, "198.51.100.7");

	for (int i = 0; i < 12; i++) {
		const int s = caller.connect("192.0.2.2", kDaytime);
		caller.run_until([&] { return caller.state(s) == SL_TCP_CLOSE_WAIT; }, 500000);
		EXPECT_FALSE(caller.receive(s).empty());
		sl_socket_close(caller.stack, s);
		caller.run(100000);
	}
	EXPECT_EQ(road.events(SL_EVENT_evicted_over), 8u);
	EXPECT_EQ(road.drops(SL_DROP_endpoints_full), 0u);
}

// They have none, and keep cookies from opening what has ended.
TEST(Pools, TombstonesStayWhereOnlyAnEndpointIsWanted)
{
	RoadOptions o = servers();
	o.n_endpoints = 2;
	o.n_connections = 64;
	Road road(o);

	for (uint16_t port = 20000; port < 20010; port++)
		road.outside(established(road, kEcho, port).c(SL_RST, 1, 0));
	for (uint32_t i = 0; i < sl_flow_capacity(&road.p->relay.flow); i++) {
		sl_conn_info info;

		if (sl_relay_info(&road.p->relay, i, &info)) {
			EXPECT_FALSE(info.spliced) << "nothing was";
		}
	}
	for (uint16_t port = 30000; port < 30010; port++)
		established(road, kEcho, port);
	EXPECT_EQ(road.events(SL_EVENT_evicted_over), 0u);
	EXPECT_EQ(road.drops(SL_DROP_endpoints_full), 8u);
	EXPECT_EQ(road.count(), 12u);
}

// The table is nearly empty: it is the endpoints that are short.
TEST(Pools, IdleOnesOfOneAddressLeaveEndpointsToOthers)
{
	RoadOptions o = servers();
	o.n_endpoints = 40;
	o.high_water = 75;
	Road road(o);
	const sl_endpoints &e = road.p->relay.endpoints;

	const Talk honest = established(road, kEcho, 40000, "198.51.100.8");
	for (uint16_t port = 20000; port < 20029; port++)
		established(road, kEcho, port);
	road.advance(5000);
	EXPECT_EQ(e.n_free, 10u) << "at the mark, and not above it";
	established(road, kEcho, 40001, "198.51.100.8");
	road.advance(5000);
	EXPECT_GE(e.n_free, 12u);
	EXPECT_EQ(road.events(SL_EVENT_evicted_idle), e.n_free - 9u);
	EXPECT_EQ(only(road.outside(honest.c(SL_ACK, 1, 1, "still"))).payload(), "still")
		<< "who holds few keeps them";
	const uint32_t n_free = e.n_free;
	road.advance(5000);
	EXPECT_EQ(e.n_free, n_free) << "enough";
}

// What is spliced would not help, nor do tombstones.
TEST(Pools, WhereEndpointsAreShortOnlyThoseWhoHaveOneGo)
{
	RoadOptions o = servers();
	o.services.push_back(service("192.0.2.2", kAlways, SL_MODE_SPLICE, SL_COOKIES_ALWAYS));
	o.n_endpoints = 4;
	o.high_water = 50;
	Road road(o);

	for (uint16_t port = 10000; port < 10010; port++) {
		Talk spliced(road);
		spliced.cport = port;
		spliced.open();
		if (port % 2 == 0)
			road.outside(spliced.c(SL_RST, 1, 0));
	}
	for (uint16_t port = 20000; port < 20003; port++)
		road.outside(established(road, kEcho, port).c(SL_ACK, 1, 1));
	road.advance(20000);
	EXPECT_EQ(road.events(SL_EVENT_evicted_idle), 3u);
	EXPECT_EQ(road.events(SL_EVENT_evicted_over), 0u);
	EXPECT_EQ(road.p->relay.endpoints.n_free, 4u);
	EXPECT_EQ(road.p->relay.n_translated, 5u);
}

// A byte in each block ahead of a hole: who does that holds the blocks of all others.
TEST(Pools, WhereBlocksAreShortOnlyThoseWhoHoldSomeGo)
{
	RoadOptions o = servers();
	o.high_water = 80;
	Road road(o);
	const sl_endpoints &e = road.p->relay.endpoints;

	const Talk idle = established(road, kEcho, 30000);
	road.outside(idle.c(SL_ACK, 1, 1, "x"));
	road.outside(idle.c(SL_ACK, 2, 2));
	for (uint16_t port = 40000; tcp_pool_spare(&e.tcp.pool) >= 3; port++) {
		const Talk t = established(road, kDiscard, port);
		for (uint32_t k = 1; k <= 15; k++)
			road.outside(t.c(SL_ACK, 1 + 2048 * k - 1000, 1, "x"));
		ASSERT_LT(port, 40060);
	}
	const uint32_t before = road.count();
	road.advance(10000);
	EXPECT_GT(tcp_pool_spare(&e.tcp.pool), 170u) << "a fifth of what may be had, and some";
	EXPECT_LT(tcp_pool_spare(&e.tcp.pool), 350u) << "no more than is needed";
	EXPECT_EQ(e.n - e.n_free, before - road.events(SL_EVENT_evicted_idle));
	EXPECT_EQ(only(road.outside(idle.c(SL_ACK, 2, 2, "still"))).payload(), "still");
}

// Their probes of our closed window carry a byte each.
TEST(Pools, OthersAreServedWhileSomeTakeNothing)
{
	RoadOptions o = servers();
	o.high_water = 90;
	Road road(o);
	std::vector<std::pair<Talk, uint32_t>> all;

	for (uint16_t port = 40000; port < 40006; port++) {
		Talk t = established(road, kEcho, port);
		uint32_t seq = 1;
		t.cwnd = 0;
		for (uint64_t drops = road.all_drops(); road.all_drops() == drops; seq += 1024)
			road.outside(t.c(SL_ACK, seq, 1, std::string(1024, 'x')));
		all.emplace_back(t, seq - 1024);
	}
	EXPECT_EQ(tcp_pool_spare(&road.p->relay.endpoints.tcp.pool), 0u);
	EXPECT_TRUE(is_served(road, 12, 5000000, [&] {
		for (const auto &[t, seq] : all)
			road.outside(t.c(SL_ACK, seq, 1, "y"));
	}));
}

// A byte a second keeps nobody's memory.
TEST(Pools, OthersAreServedWhileSomeTakeAByteAtATime)
{
	RoadOptions o = servers();
	o.high_water = 90;
	Road road(o);
	std::vector<std::pair<Talk, uint32_t>> all;
	std::string requests;

	for (int i = 0; i < 40; i++)
		requests += "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
	for (uint16_t port = 40000; port < 40010; port++) {
		Talk t = established(road, kHttp, port);
		uint32_t seq = 1;
		t.cwnd = 4000;
		for (int i = 0; i < 12; i++, seq += static_cast<uint32_t>(requests.size()))
			road.outside(t.c(SL_ACK, seq, 1, requests));
		all.emplace_back(t, seq);
	}
	EXPECT_LT(tcp_pool_spare(&road.p->relay.endpoints.tcp.pool), 3u);
	uint32_t ack = 2;
	EXPECT_TRUE(is_served(road, 58, 500000, [&] {
		for (auto &[t, seq] : all) {
			t.cwnd = static_cast<uint16_t>(4001 - ack);
			road.outside(t.c(SL_ACK, seq, ack));
		}
		ack++;
	}));
}

// Nor does a byte that fills a part of a hole, or comes while nothing is taken.
TEST(Pools, AByteAtATimeIsNoSignOfLifeWhileBytesWait)
{
	Road road(servers());
	const Talk hole = established(road, kDiscard);
	Talk closed = established(road, kEcho, 40001);

	road.outside(hole.c(SL_ACK, 1001, 1, "x"));
	closed.cwnd = 0;
	road.outside(closed.c(SL_ACK, 1, 1, "x"));
	for (uint32_t i = 0; i < 6; i++) {
		road.advance(10100, 100);
		road.outside(hole.c(SL_ACK, 1 + i, 1, "x"));
		road.outside(closed.c(SL_ACK, 2 + i, 1, "x"));
	}
	road.advance(1000, 100);
	EXPECT_EQ(road.events(SL_EVENT_reclaimed_silent), 2u);
}

// But a block of them is, and to have taken all there was.
TEST(Pools, WhatIsTakenSlowlyIsTaken)
{
	RoadOptions o = servers();
	Road road(o);
	Talk t = established(road, kEcho);
	uint32_t seq = 1, ack = 1;

	for (; seq < 20001; seq += 1000)
		road.outside(t.c(SL_ACK, seq, 1, std::string(1000, 'x')));
	for (int i = 0; i < 9; i++) {
		road.advance(50000, 100);
		road.outside(t.c(SL_ACK, seq, ack += 2048));
	}
	road.advance(50000, 100);
	ASSERT_EQ(road.states(), "ESTABLISHED CLOSED");
	road.outside(t.c(SL_ACK, seq, 20001));
	road.advance(3600000, 1000);
	EXPECT_EQ(road.states(), "ESTABLISHED CLOSED");
}

// Who speaks on while it is answered takes all that waits, though never all at once.
TEST(Pools, WhoIsAlwaysARoundTripBehindWhatItHearsIsAlive)
{
	Road road(servers());
	const Talk t = established(road, kEcho);
	std::deque<uint32_t> heard(3, 1); // a round trip of three steps
	uint32_t ack = 1;

	for (uint32_t seq = 1; seq < 1000; seq++) {
		for (const Sent &sent : road.outside(t.c(SL_ACK, seq, heard.front(), "x")))
			ack += sent.seg.payload_len;
		heard.pop_front();
		heard.push_back(ack);
		road.advance(100, 100);
	}
	EXPECT_EQ(road.states(), "ESTABLISHED CLOSED");
	EXPECT_GT(ack, 900u);
	EXPECT_EQ(road.drops(SL_DROP_unacceptable), 0u);
}

// Its FIN is one: what follows has all of its limit.
TEST(Pools, TheFinOfWhoWasIdleForLongIsASignOfLife)
{
	Road road(servers());
	const Talk t = established(road, kDiscard);

	road.outside(t.c(SL_ACK, 1, 1, "x"));
	road.advance(3600000, 1000);
	road.outside(t.c(SL_ACK | SL_FIN, 2, 1));
	road.advance(100);
	ASSERT_EQ(road.states(), "LAST-ACK CLOSED");
	road.outside(t.c(SL_ACK, 3, 2));
	EXPECT_EQ(road.events(SL_EVENT_connections_closed), 1u);
}

// A browser that lets a connection go which it has kept: what follows has all of its limit, too.
TEST(Pools, AStateHasAllOfItsLimitFromWhenItIsEntered)
{
	Road road(servers());
	const Talk t = established(road, kHttp);
	const Sent page =
		only(road.outside(t.c(SL_ACK, 1, 1, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")));
	const uint32_t seq = 28, ack = 1 + page.seg.payload_len;

	road.outside(t.c(SL_ACK, seq, ack));
	road.advance(45000, 100);
	ASSERT_EQ(road.states(), "ESTABLISHED CLOSED");
	road.outside(t.c(SL_ACK | SL_FIN, seq, ack));
	road.advance(100);
	ASSERT_EQ(road.states(), "LAST-ACK CLOSED");
	road.outside(t.c(SL_ACK, seq + 1, ack + 1));
	EXPECT_EQ(road.events(SL_EVENT_connections_closed), 1u);
	EXPECT_EQ(road.events(SL_EVENT_rst_sent), 0u);
}
