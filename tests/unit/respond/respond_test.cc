// SPDX-License-Identifier: BSD-3-Clause
// mode = "respond": whole conversations of a client's TCP with the box's own, over a road.
#include "caller.h"

#include <algorithm>
#include <ctime>

extern "C" {
#include "text.h"
}

using namespace sl_test;

namespace
{

enum : uint16_t { kEcho = 7, kDiscard = 9, kDaytime = 13, kChargen = 19, kHttp = 80 };

std::vector<sl_service> servers(sl_cookies_policy cookies)
{
	std::vector<sl_service> v;
	for (const char *a : {"192.0.2.2", "2001:db8::2"}) {
		v.push_back(responder(a, kEcho, SL_SERVER_ECHO, cookies));
		v.push_back(responder(a, kDiscard, SL_SERVER_DISCARD, cookies));
		v.push_back(responder(a, kDaytime, SL_SERVER_DAYTIME, cookies));
		v.push_back(responder(a, kChargen, SL_SERVER_CHARGEN, cookies));
		v.push_back(responder(a, kHttp, SL_SERVER_HTTP, cookies));
	}
	return v;
}

RoadOptions options_for(sl_cookies_policy cookies)
{
	RoadOptions o;
	o.services = servers(cookies);
	return o;
}

std::string some_bytes(size_t n)
{
	std::string s(n, '\0');
	uint32_t x = 1;
	for (char &c : s) {
		x = x * 1664525 + 1013904223;
		c = static_cast<char>(x >> 24);
	}
	return s;
}

// With and without cookies, by both families.
struct How {
	sl_cookies_policy cookies;
	bool v6;
};

class Respond : public ::testing::TestWithParam<How>
{
      protected:
	Respond() : road(options_for(GetParam().cookies)), caller(road, client())
	{
	}
	static const char *client()
	{
		return GetParam().v6 ? "2001:db8:1::7" : "198.51.100.7";
	}
	static const char *server()
	{
		return GetParam().v6 ? "2001:db8::2" : "192.0.2.2";
	}
	Road road;
	Caller caller;
};

INSTANTIATE_TEST_SUITE_P(
	Ways, Respond,
	::testing::Values(How{SL_COOKIES_ALWAYS, false}, How{SL_COOKIES_NEVER, false},
			  How{SL_COOKIES_ALWAYS, true}, How{SL_COOKIES_NEVER, true}),
	[](const auto &p) {
		return std::string(p.param.v6 ? "Ipv6" : "Ipv4") +
		       (p.param.cookies == SL_COOKIES_NEVER ? "NoCookies" : "Cookies");
	});

TEST_P(Respond, EchoReturnsAllOfAHalfClosedStream)
{
	const std::string data = some_bytes(3000000);
	const int s = caller.open(server(), kEcho);

	EXPECT_EQ(caller.exchange(s, data), data);
	caller.settle();
	EXPECT_EQ(caller.state(s), SL_TCP_TIME_WAIT);
	EXPECT_EQ(road.events(SL_EVENT_connections_established), 1u);
	EXPECT_EQ(road.events(SL_EVENT_connections_closed), 1u);
	EXPECT_EQ(road.events(SL_EVENT_tcp_retransmits), 0u);
	EXPECT_EQ(road.all_drops(), 0u);
}

TEST_P(Respond, EchoComesThroughLossDuplicationAndReordering)
{
	const std::string data = some_bytes(500000);
	caller.way.loss = caller.way.repeat = caller.way.reorder = 0.03;
	const int s = caller.open(server(), kEcho);

	EXPECT_EQ(caller.exchange(s, data), data);
	caller.way = Way();
	caller.run(200000000);
	EXPECT_EQ(road.count(), 0u);
}

// Every day until 2517, leap years of all kinds among them.
TEST(Date, IsThatOfTheCLibrary)
{
	RecordProperty("rfc", "9110 5.6.7");
	for (uint64_t day = 0; day < 200000; day++) {
		char got[64] = {}, want[64];
		text t = {.to = got, .n = 0, .most = sizeof(got)};
		const time_t at = static_cast<time_t>(day * 86400 + day % 86400);
		tm parts;
		text_http_date(&t, static_cast<uint64_t>(at));
		gmtime_r(&at, &parts);
		strftime(want, sizeof(want), "%a, %d %b %Y %H:%M:%S GMT", &parts);
		ASSERT_STREQ(got, want);
	}
}

TEST_P(Respond, DiscardTakesAllAndSaysNothing)
{
	const int s = caller.open(server(), kDiscard);

	EXPECT_EQ(caller.exchange(s, some_bytes(2000000)), "");
	caller.settle();
	EXPECT_EQ(road.events(SL_EVENT_connections_closed), 1u);
}

TEST_P(Respond, DaytimeSpeaksAndClosesFirst)
{
	const int s = caller.connect(server(), kDaytime);
	std::string got;

	EXPECT_TRUE(caller.run_until([&] {
		got += caller.receive(s);
		return caller.state(s) == SL_TCP_CLOSE_WAIT;
	}));
	got += caller.receive(s);
	caller.settle();
	EXPECT_EQ(got, "Tuesday, November 14, 2023 22:13:20-UTC\r\n");
	EXPECT_EQ(road.states(), "FIN-WAIT-2 CLOSED");
	sl_socket_close(caller.stack, s);
	caller.settle();
	EXPECT_EQ(road.states(), "TIME-WAIT CLOSED");
	EXPECT_EQ(road.timer(), "time_wait");
	caller.run(61000000);
	EXPECT_EQ(road.events(SL_EVENT_time_wait_expired), 1u);
	EXPECT_EQ(road.count(), 0u);
}

TEST_P(Respond, ChargenSendsItsPatternUntilItsClientGoes)
{
	const int s = caller.open(server(), kChargen);
	std::string got;

	EXPECT_TRUE(caller.run_until([&] {
		got += caller.receive(s);
		return got.size() > 500000;
	}));
	for (size_t i = 0; i < got.size(); i++) {
		const size_t line = i / 74, at = i % 74;
		const char c = at == 72   ? '\r'
			       : at == 73 ? '\n'
					  : static_cast<char>(' ' + (line + at) % 95);
		ASSERT_EQ(got[i], c) << i;
	}
	sl_socket_abort(caller.stack, s);
	caller.settle();
	EXPECT_EQ(road.events(SL_EVENT_connections_reset), 1u);
}

TEST_P(Respond, HttpAnswersOneRequestAfterTheOther)
{
	const int s = caller.open(server(), kHttp);
	std::string got;

	for (int i = 1; i <= 3; i++) {
		caller.send(s, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
		got.clear();
		EXPECT_TRUE(caller.run_until([&] {
			got += caller.receive(s);
			return got.find("congestion window ") != std::string::npos;
		}));
		EXPECT_EQ(got.find("HTTP/1.1 200 OK\r\n"), 0u);
		EXPECT_NE(got.find("requests         " + std::to_string(i) + "\n"),
			  std::string::npos);
		EXPECT_NE(got.find(std::string("client           ") +
				   (GetParam().v6 ? "[2001:db8:1::7]:" : "198.51.100.7:")),
			  std::string::npos);
		EXPECT_NE(got.find(GetParam().cookies == SL_COOKIES_NEVER ? "by handshake"
									  : "by cookie"),
			  std::string::npos);
	}
	EXPECT_EQ(road.states(), "ESTABLISHED CLOSED");
}

TEST_P(Respond, ASynFloodLeavesWhatTheServiceSays)
{
	Talk talk(road);
	talk.sport = kEcho;
	if (GetParam().v6)
		talk.ipv6();
	for (uint16_t i = 0; i < 30; i++) {
		talk.cport = static_cast<uint16_t>(20000 + i);
		const Road::Out out = road.outside(talk.syn());
		ASSERT_EQ(out.size(), 1u);
		EXPECT_EQ(out[0].seg.flags, SL_SYN | SL_ACK);
	}
	EXPECT_EQ(road.count(), GetParam().cookies == SL_COOKIES_NEVER ? 30u : 0u);
	road.advance(11000);
	EXPECT_EQ(road.count(), 0u);
	EXPECT_EQ(road.events(SL_EVENT_reclaimed_half_open),
		  GetParam().cookies == SL_COOKIES_NEVER ? 30u : 0u);
	EXPECT_EQ(road.events(SL_EVENT_rst_sent), 0u) << "to addresses that may be forged";
}

TEST_P(Respond, ANewConnectionFollowsOneInTimeWait)
{
	const int s = caller.connect(server(), kDaytime);
	caller.run_until([&] { return caller.state(s) == SL_TCP_CLOSE_WAIT; });
	caller.receive(s);
	sl_socket_info info;
	ASSERT_EQ(sl_socket_get_info(caller.stack, s, &info), 0);
	sl_socket_close(caller.stack, s);
	caller.settle();
	ASSERT_EQ(road.states(), "TIME-WAIT CLOSED");
	const uint32_t before = road.conn()->end[SL_INSIDE].seq_max;
	uint32_t iss = 0;
	caller.watch = [&](const Sent &sent) {
		if (sent.seg.flags & SL_SYN)
			iss = sent.seg.seq;
	};
	const int again = sl_socket_open(caller.stack);
	ASSERT_EQ(sl_socket_bind(caller.stack, again, nullptr, info.local_port), 0);
	ASSERT_EQ(sl_socket_connect(caller.stack, again, &info.remote, kDaytime), -EINPROGRESS);
	EXPECT_TRUE(caller.run_until([&] { return caller.state(again) == SL_TCP_CLOSE_WAIT; }));
	EXPECT_GT(static_cast<int32_t>(iss - before), 0) << "RFC 1122 4.2.2.13";
	EXPECT_EQ(road.count(), 1u);
}

// What was in flight of a connection that its limits have ended is told so.
TEST_P(Respond, AClientThatSaysNothingIsReclaimed)
{
	const int s = caller.open(server(), kEcho);

	caller.settle();
	EXPECT_EQ(road.timer(), "silent");
	caller.run(61000000);
	EXPECT_EQ(road.events(SL_EVENT_reclaimed_silent), 1u);
	EXPECT_EQ(sl_socket_error(caller.stack, s), -ECONNRESET);
}

TEST_P(Respond, AClientThatTakesNothingIsReclaimed)
{
	// Without a scale, which would round its window up by some bytes that could be taken.
	Caller lazy(road, client(), 3,
		    [](sl_tcp_stack_config *c) { c->options.wscale = SL_NO_WSCALE; });
	const int s = lazy.open(server(), kChargen);

	lazy.run(50000000);
	EXPECT_EQ(road.states(), "ESTABLISHED CLOSED");
	EXPECT_GT(road.info().tcp.send_queue, 16u * 1448); // what is written ahead, and no more
	EXPECT_LT(road.info().tcp.send_queue, 20u * 1460);
	lazy.send(s, "and yet it lives");
	lazy.run(5000000);
	EXPECT_EQ(road.states(), "ESTABLISHED CLOSED");
	lazy.run(15000000);
	EXPECT_EQ(road.events(SL_EVENT_reclaimed_silent), 1u);
}

TEST_P(Respond, AnHttpRequestThatIsNeverWholeIsReclaimed)
{
	const int s = caller.open(server(), kHttp);

	caller.send(s, "GET / HTTP/1.1\r\nHost: x\r\n");
	for (int i = 0; i < 8; i++) {
		caller.send(s, "x");
		caller.run(10000000);
	}
	EXPECT_EQ(road.events(SL_EVENT_reclaimed_silent), 1u);
}

TEST_P(Respond, AClientThatIsIdleIsProbedAndReclaimed)
{
	const int s = caller.open(server(), kEcho);

	caller.send(s, "x");
	caller.settle();
	EXPECT_EQ(road.timer(), "keepalive");
	caller.run(7200000000);
	EXPECT_EQ(road.events(SL_EVENT_probes_sent), 1u);
	EXPECT_EQ(road.states(), "ESTABLISHED CLOSED") << "it has answered";
	caller.way.cut = true;
	caller.run(7200000000 + 10 * 75000000ull);
	EXPECT_EQ(road.events(SL_EVENT_reclaimed_idle), 1u);
}

TEST_P(Respond, AClientThatIsGoneWithDataInFlightIsGivenUp)
{
	const int s = caller.open(server(), kEcho);

	caller.send(s, "x");
	caller.settle();
	caller.send(s, "y");
	caller.run(1000); // the road has it, its answer is on its way
	caller.way.cut = true;
	caller.run(200000000);
	EXPECT_EQ(road.events(SL_EVENT_reclaimed_silent) +
			  road.events(SL_EVENT_reclaimed_unanswered),
		  1u);
	EXPECT_GT(road.events(SL_EVENT_tcp_timeouts), 2u);
}

TEST_P(Respond, SegmentsOutOfTheWindowAreAnsweredAndCounted)
{
	const int s = caller.open(server(), kEcho);
	caller.send(s, "x");
	caller.settle();
	sl_socket_info info;
	ASSERT_EQ(sl_socket_get_info(caller.stack, s, &info), 0);
	Talk talk(road);
	if (GetParam().v6)
		talk.ipv6();
	talk.cport = info.local_port;
	talk.sport = kEcho;
	talk.timestamps = true;
	talk.ctsval = road.conn()->end[SL_OUTSIDE].tsval;
	talk.ctsecr = road.conn()->end[SL_INSIDE].tsval;
	talk.isn = road.conn()->end[SL_OUTSIDE].isn;
	talk.cookie = road.conn()->end[SL_INSIDE].isn;
	const Sent ack = only(road.outside(talk.c(SL_ACK, 5000000, 2, "far")));
	EXPECT_EQ(ack.seg.flags, SL_ACK);
	EXPECT_EQ(ack.seg.ack, talk.isn + 2);
	EXPECT_EQ(road.drops(SL_DROP_unacceptable), 1u);
	EXPECT_TRUE(road.outside(talk.c(SL_RST, 5000000, 0)).empty());
	EXPECT_EQ(road.drops(SL_DROP_rst_out_of_window), 1u);
	// In the window, and not exact: RFC 5961 3.2.
	EXPECT_EQ(only(road.outside(talk.c(SL_RST, 100, 0))).seg.flags, SL_ACK);
	EXPECT_EQ(road.events(SL_EVENT_challenge_acks), 1u);
	EXPECT_EQ(road.states(), "ESTABLISHED CLOSED");
}

TEST(RespondByCookie, AConnectionThatHasEndedIsNotOpenedByItsCookieAgain)
{
	Road road(options_for(SL_COOKIES_ALWAYS));
	Talk talk(road);
	talk.sport = kEcho;
	talk.ask();
	const Frame proof = talk.c(SL_ACK, 1, 1);
	road.outside(proof);
	ASSERT_EQ(road.states(), "ESTABLISHED CLOSED");
	road.outside(talk.c(SL_RST, 1, 0));
	EXPECT_EQ(road.states(), "CLOSED CLOSED");
	road.advance(11000);
	EXPECT_TRUE(road.outside(proof).empty());
	EXPECT_EQ(road.drops(SL_DROP_replayed), 1u);
	road.advance(97000);
	EXPECT_EQ(road.count(), 0u);
}

TEST(RespondByCookie, DataThatComesWithTheCookieIsTaken)
{
	Road road(options_for(SL_COOKIES_ALWAYS));
	Talk talk(road);
	talk.sport = kEcho;
	talk.ask();
	const Sent echo = only(road.outside(talk.c(SL_ACK | SL_PSH, 1, 1, "hello")));
	EXPECT_EQ(echo.payload(), "hello");
	EXPECT_EQ(echo.seg.ack, talk.isn + 6);
}

TEST(RespondBacklog, IsBounded)
{
	RoadOptions o = options_for(SL_COOKIES_NEVER);
	for (sl_service &s : o.services)
		s.backlog = 10;
	Road road(o);
	Talk talk(road);
	talk.sport = kEcho;
	for (uint16_t i = 0; i < 15; i++) {
		talk.cport = static_cast<uint16_t>(20000 + i);
		EXPECT_EQ(road.outside(talk.syn()).size(), i < 10 ? 1u : 0u);
	}
	EXPECT_EQ(road.drops(SL_DROP_backlog_full), 5u);
	// The SYN-ACKs are sent again: at 1, 3 and 7 s.
	EXPECT_EQ(road.advance(9000).size(), 30u);
	EXPECT_EQ(road.events(SL_EVENT_tcp_retransmits), 30u);
	// Room again, once one has come through.
	talk.cport = 20000;
	const uint32_t iss = road.p->relay.endpoints.pool[road.conn()->endpoint].tcb.iss;
	talk.cport = road.conn()->key.outside_port;
	talk.cookie = iss;
	talk.timestamps = true;
	road.outside(talk.c(SL_ACK, 1, 1));
	talk.cport = 30000;
	EXPECT_EQ(road.outside(talk.syn()).size(), 1u);
}

TEST(RespondEndpoints, WhenThereAreNoneLeftItIsCounted)
{
	RoadOptions o = options_for(SL_COOKIES_ALWAYS);
	o.n_endpoints = 2;
	Road road(o);
	Caller caller(road, "198.51.100.7");
	caller.open("192.0.2.2", kEcho);
	caller.open("192.0.2.2", kEcho);
	const int third = caller.connect("192.0.2.2", kEcho);
	caller.settle();
	EXPECT_EQ(caller.state(third), SL_TCP_ESTABLISHED) << "it knows of nothing";
	EXPECT_GT(road.drops(SL_DROP_endpoints_full), 0u);
	EXPECT_EQ(road.count(), 2u);
}

TEST(RespondEndpoints, OneInTimeWaitMakesRoom)
{
	RoadOptions o = options_for(SL_COOKIES_ALWAYS);
	o.n_endpoints = 1;
	o.n_connections = 64;
	Road road(o);
	Caller caller(road, "198.51.100.7");
	for (int i = 0; i < 3; i++) {
		const int s = caller.connect("192.0.2.2", kDaytime);
		caller.run_until([&] { return caller.state(s) == SL_TCP_CLOSE_WAIT; });
		EXPECT_FALSE(caller.receive(s).empty());
		sl_socket_close(caller.stack, s);
		caller.settle();
	}
	EXPECT_EQ(road.events(SL_EVENT_evicted_over), 2u);
}

// The number of its endpoint lies where others have the difference of two clocks.
TEST(RespondEndpoints, NumberOfAnEndpointIsNoTimestamp)
{
	Road road(options_for(SL_COOKIES_ALWAYS));
	Caller caller(road, "198.51.100.7");
	for (int i = 0; i < 9; i++) {
		const int s = caller.connect("192.0.2.2", kDaytime);
		caller.run_until([&] { return caller.state(s) == SL_TCP_CLOSE_WAIT; });
		caller.receive(s);
		sl_socket_close(caller.stack, s);
		caller.settle();
	}
	ASSERT_EQ(road.count(), 9u);
	for (uint32_t i = 0; i < road.options.n_connections; i++) {
		const sl_conn *conn = sl_relay_conn(&road.p->relay, i);
		if (!sl_flow_in_use(&road.p->relay.flow, i))
			continue;
		ASSERT_EQ(conn->state[SL_LEG_CLIENT], SL_TCP_TIME_WAIT);
		// A SYN of the server's host, older by its number.
		Talk talk(road);
		talk.sport = kDaytime;
		talk.cport = conn->key.outside_port;
		talk.timestamps = true;
		talk.stsval = 0xfffffffe;
		talk.iss = conn->end[SL_INSIDE].seq_max - 1000;
		EXPECT_TRUE(road.inside(talk.s(SL_SYN, 0, 0)).empty()) << conn->endpoint;
	}
	EXPECT_EQ(road.count(), 9u);
	EXPECT_EQ(road.events(SL_EVENT_connections_opened), 9u);
}

TEST(RespondChange, ANewConnectionThatFindsNoEndpointLeavesTheOldOne)
{
	RoadOptions o;
	o.n_endpoints = 2;
	o.services = {service("192.0.2.2", kEcho, SL_MODE_SPLICE, SL_COOKIES_ALWAYS)};
	Road road(o);
	Talk talk(road);
	talk.sport = kEcho;
	talk.open();
	road.outside(talk.c(SL_FIN | SL_ACK, 1, 1));
	road.inside(talk.s(SL_FIN | SL_ACK, 1, 2));
	road.outside(talk.c(SL_ACK, 2, 2));
	ASSERT_EQ(road.states(), "CLOSED TIME-WAIT");
	road.apply({responder("192.0.2.2", kEcho, SL_SERVER_ECHO, SL_COOKIES_NEVER)});
	Caller caller(road, "198.51.100.9");
	caller.open("192.0.2.2", kEcho);
	caller.open("192.0.2.2", kEcho);
	caller.settle();
	ASSERT_EQ(road.count(), 3u);
	Frame syn = talk.syn();
	syn.seq += 1000;
	EXPECT_TRUE(road.outside(syn).empty());
	EXPECT_EQ(road.drops(SL_DROP_endpoints_full), 1u);
	EXPECT_EQ(road.count(), 3u);
}

TEST(RespondMemory, ManyWhoSendAndDoNotReadLeaveTheOthersTheirs)
{
	RoadOptions o = options_for(SL_COOKIES_ALWAYS);
	o.n_blocks = 256;
	Road road(o);
	Caller greedy(road, "198.51.100.7");
	std::vector<int> all;
	for (int i = 0; i < 20; i++) {
		all.push_back(greedy.open("192.0.2.2", kEcho));
		greedy.send(all.back(), some_bytes(60000));
		sl_socket_set(greedy.stack, all.back(), SL_SOCKET_RECEIVE_BUFFER, 1);
	}
	greedy.run(5000000);
	Caller honest(road, "198.51.100.8", 2);
	greedy.way.cut = true;
	const int s = honest.open("192.0.2.2", kEcho);
	honest.send(s, "hello");
	std::string got;
	// At the latest when those who take nothing have been reclaimed.
	EXPECT_TRUE(
		honest.run_until([&] { return (got += honest.receive(s)) == "hello"; }, 130000000));
}

TEST(RespondBuffers, WithNoneForAWhileNothingIsLost)
{
	Road road(options_for(SL_COOKIES_ALWAYS));
	Caller caller(road, "198.51.100.7");
	const std::string data = some_bytes(100000);
	const int s = caller.open("192.0.2.2", kEcho);
	uint32_t n = 0;
	caller.watch = [&](const Sent &) { road.n_spares = ++n % 7 == 0 ? 0 : n % 3; };
	std::string got;
	size_t sent = 0;
	EXPECT_TRUE(caller.run_until(
		[&] {
			if (road.n_spares == 0 && caller.random() % 5 == 0)
				road.n_spares = 2;
			if (sent < data.size())
				sent += static_cast<size_t>(std::max<int64_t>(
					0, caller.send(s, data.substr(sent, 10000))));
			got += caller.receive(s);
			return got.size() == data.size();
		},
		600000000));
	EXPECT_EQ(got, data);
}

TEST(RespondIcmp, APathThatIsNarrowerIsFound)
{
	Road road(options_for(SL_COOKIES_ALWAYS));
	Caller caller(road, "198.51.100.7");
	const int s = caller.open("192.0.2.2", kChargen);
	caller.run(3000);
	sl_conn_info info = road.info();
	EXPECT_EQ(info.tcp.mss, 1448);
	// A router quotes a segment of ours that is in flight.
	const sl_conn *c = road.conn();
	Frame quoted;
	quoted.src = "192.0.2.2";
	quoted.dst = "198.51.100.7";
	quoted.sport = kChargen;
	quoted.dport = c->key.outside_port;
	quoted.seq = c->end[SL_OUTSIDE].ack;
	quoted.flags = SL_ACK;
	ASSERT_TRUE(caller.run_until([&] { return road.info().tcp.in_flight > 0; }));
	quoted.seq = c->end[SL_OUTSIDE].ack;
	Icmp error;
	error.about = quoted;
	error.word = 1400;
	road.run({{SL_OUTSIDE, error.bytes()}});
	EXPECT_EQ(road.info().tcp.mss, 1348);
	quoted.seq += 100000000;
	error.about = quoted;
	error.word = 600;
	road.run({{SL_OUTSIDE, error.bytes()}});
	EXPECT_EQ(road.info().tcp.mss, 1348) << "RFC 5927: nothing there is in flight";
	EXPECT_EQ(road.drops(SL_DROP_icmp_mismatch), 1u);
	std::string got;
	EXPECT_TRUE(caller.run_until([&] { return (got += caller.receive(s)).size() > 300000; }));
}

TEST(RespondChange, AServiceThatIsPassedNowServesWhatStands)
{
	Road road(options_for(SL_COOKIES_ALWAYS));
	Caller caller(road, "198.51.100.7");
	const int s = caller.open("192.0.2.2", kEcho);
	caller.settle(); // its ACK has come, too
	std::vector<sl_service> next = road.options.services;
	for (sl_service &service : next)
		service.mode = SL_MODE_PASS;
	road.apply(next);
	EXPECT_EQ(caller.exchange(s, "still here"), "still here");
	Talk talk(road);
	talk.sport = kEcho;
	EXPECT_EQ(only(road.outside(talk.syn())).fate, SL_FATE_PASSED);
}

// The old one's numbers are those that its client saw.
TEST(RespondChange, ANewConnectionFollowsATranslatedOneInTimeWait)
{
	RecordProperty("rfc", "1122 4.2.2.13");
	RoadOptions o;
	o.services = {service("192.0.2.2", kEcho, SL_MODE_SPLICE, SL_COOKIES_ALWAYS)};
	Road road(o);
	std::vector<Talk> all;
	for (uint16_t port = 1; port <= 16; port++) {
		Talk talk(road);
		talk.sport = kEcho;
		talk.cport = port;
		talk.open();
		road.outside(talk.c(SL_FIN | SL_ACK, 1, 1));
		road.inside(talk.s(SL_FIN | SL_ACK, 1, 2));
		road.outside(talk.c(SL_ACK, 2, 2));
		all.push_back(talk);
	}
	road.apply({responder("192.0.2.2", kEcho, SL_SERVER_ECHO, SL_COOKIES_NEVER)});
	for (const Talk &talk : all) {
		Frame syn = talk.syn();
		syn.seq += 1000;
		const Sent answer = only(road.outside(syn));
		EXPECT_EQ(answer.seg.flags, SL_SYN | SL_ACK);
		EXPECT_GT(static_cast<int32_t>(answer.seg.seq - (talk.cookie + 1)), 0);
	}
}

// Another server knows nothing of what the one before has read and said.
// A plan in which all services have other limits, taken as a reload does it.
template <typename F> void change_limits(Road &road, F change)
{
	std::vector<sl_service> next = road.options.services;
	for (sl_service &s : next)
		change(s.limits);
	road.apply(next);
	uint32_t cursor = 0;
	while (!sl_relay_rearm(&road.p->relay, &cursor, 64))
		;
}

TEST(RespondChange, AShorterIdleCountsForWhatStands)
{
	Road road(options_for(SL_COOKIES_ALWAYS));
	Caller caller(road, "198.51.100.7");
	caller.send(caller.open("192.0.2.2", kEcho), "x");
	caller.settle();
	caller.way.cut = true;
	change_limits(road, [](sl_limits &l) {
		l.idle_ms = 10000;
		l.probes = 1;
		l.probe_interval_ms = 1000;
	});
	caller.run(7000000);
	EXPECT_EQ(road.states(), "ESTABLISHED CLOSED");
	caller.run(5000000);
	EXPECT_EQ(road.events(SL_EVENT_probes_sent), 1u);
	EXPECT_EQ(road.events(SL_EVENT_reclaimed_idle), 1u);
}

TEST(RespondChange, FewerProbesCountForWhatIsProbed)
{
	Road road(options_for(SL_COOKIES_ALWAYS));
	Caller caller(road, "198.51.100.7");
	caller.send(caller.open("192.0.2.2", kEcho), "x");
	caller.settle();
	caller.way.cut = true;
	caller.run(7210000000);
	EXPECT_EQ(road.events(SL_EVENT_probes_sent), 1u);
	change_limits(road, [](sl_limits &l) {
		l.probes = 2;
		l.probe_interval_ms = 3000;
	});
	caller.run(6100000);
	EXPECT_EQ(road.events(SL_EVENT_probes_sent), 2u);
	EXPECT_EQ(road.events(SL_EVENT_reclaimed_idle), 1u);
}

TEST(RespondChange, AShorterTimeWaitCountsForWhatStands)
{
	Road road(options_for(SL_COOKIES_ALWAYS));
	Caller caller(road, "198.51.100.7");
	const int s = caller.connect("192.0.2.2", kDaytime);
	caller.run_until([&] { return caller.state(s) == SL_TCP_CLOSE_WAIT; });
	caller.receive(s);
	sl_socket_close(caller.stack, s);
	caller.settle();
	ASSERT_EQ(road.states(), "TIME-WAIT CLOSED");
	change_limits(road, [](sl_limits &l) { l.time_wait_ms = 5000; });
	caller.run(6000000);
	EXPECT_EQ(road.events(SL_EVENT_time_wait_expired), 1u);
	EXPECT_EQ(road.count(), 0u);
}

TEST(RespondChange, APortThatTakesLessIsSentLessAtOnce)
{
	Road road(options_for(SL_COOKIES_ALWAYS));
	Caller caller(road, "198.51.100.7");
	const int s = caller.open("192.0.2.2", kChargen);
	size_t got = 0, longest = 0;
	const auto more = [&] { return (got += caller.receive(s).size()) > 100000; };

	caller.watch = [&](const Sent &f) { longest = std::max(longest, f.bytes.size()); };
	ASSERT_TRUE(caller.run_until(more));
	EXPECT_EQ(longest, 1514u);
	road.limit(SL_OUTSIDE, 1000);
	got = longest = 0;
	ASSERT_TRUE(caller.run_until(more));
	EXPECT_EQ(longest, 1014u);
	EXPECT_EQ(road.events(SL_EVENT_made_lost), 0u);
	// A timer that runs out before the server has its turn again.
	caller.way.cut = true;
	caller.run(100000);
	road.limit(SL_OUTSIDE, 700);
	longest = 0;
	caller.run(3000000);
	EXPECT_LE(longest, 714u);
	caller.way.cut = false;
	got = 0;
	ASSERT_TRUE(caller.run_until(more));
	EXPECT_EQ(longest, 714u);
	sl_socket_abort(caller.stack, s);
}

// Less than the 216 bytes of data that a peer may ask for at the least: the link carries no more.
TEST(RespondChange, APortThatTakesVeryLittleIsSentVeryLittle)
{
	Road road(options_for(SL_COOKIES_ALWAYS));
	Caller caller(road, "198.51.100.7");
	const int s = caller.open("192.0.2.2", kChargen);
	size_t got = 0, longest = 0;
	const auto more = [&] { return (got += caller.receive(s).size()) > 10000; };

	caller.watch = [&](const Sent &f) { longest = std::max(longest, f.bytes.size()); };
	ASSERT_TRUE(caller.run_until(more));
	road.limit(SL_OUTSIDE, 128);
	// What the client has already, and what the port took before, is read first.
	caller.run(100000);
	(void)caller.receive(s);
	got = longest = 0;
	EXPECT_TRUE(caller.run_until(more));
	EXPECT_EQ(longest, 142u);
	EXPECT_EQ(road.events(SL_EVENT_made_lost), 0u);
	sl_socket_abort(caller.stack, s);
}

TEST(RespondChange, AServiceWithAnotherServerServesWhatStandsByTheOld)
{
	Road road(options_for(SL_COOKIES_ALWAYS));
	Caller caller(road, "198.51.100.7");
	const int echo = caller.open("192.0.2.2", kEcho);
	const int chargen = caller.open("192.0.2.2", kChargen);
	const int daytime = caller.open("192.0.2.2", kDaytime);
	caller.run(1000000);
	const std::string pattern = caller.receive(chargen, 10);
	std::vector<sl_service> next = road.options.services;
	for (sl_service &service : next)
		service.server = service.port_lo == kEcho ? SL_SERVER_HTTP : SL_SERVER_ECHO;
	road.apply(next);
	caller.send(daytime, "is there more?");
	EXPECT_EQ(caller.exchange(echo, "GET / HTTP/1.1\r\n\r\n"), "GET / HTTP/1.1\r\n\r\n");
	std::string got;
	EXPECT_TRUE(
		caller.run_until([&] { return (got += caller.receive(chargen)).size() > 5000; }));
	EXPECT_EQ(got.substr(0, 10), "*+,-./0123");
	sl_socket_abort(caller.stack, chargen);
	caller.settle();
	EXPECT_FALSE(sl_pipeline_has_work(road.p.get())) << "nothing is done for ever";
	EXPECT_EQ(caller.receive(daytime).size(), 41u);
	const int now = caller.open("192.0.2.2", kEcho);
	EXPECT_EQ(caller.exchange(now, "GET / HTTP/1.0\r\n\r\n").substr(0, 15), "HTTP/1.1 200 OK");
}

TEST(RespondClose, EchoReturnsWhatWasUnreadWhenItsClientClosed)
{
	Road road(options_for(SL_COOKIES_ALWAYS));
	Caller caller(road, "198.51.100.7");
	const std::string data = some_bytes(400000);
	const int s = caller.open("192.0.2.2", kEcho);
	size_t sent = 0;
	caller.run_until([&] {
		const int64_t n = caller.send(s, data.substr(sent, 10000));
		sent += n > 0 ? static_cast<size_t>(n) : 0;
		return sent == data.size();
	});
	sl_socket_shutdown(caller.stack, s);
	caller.run(20000000);
	EXPECT_EQ(road.states(), "CLOSE-WAIT CLOSED");
	EXPECT_GT(road.info().tcp.receive_queue, 0u) << "more than there is room for";
	EXPECT_FALSE(sl_pipeline_has_work(road.p.get()));
	EXPECT_EQ(caller.exchange(s, ""), data);
}

TEST(RespondClose, ChargenEndsWhenItsClientHasClosedAndAllOfItCame)
{
	Road road(options_for(SL_COOKIES_ALWAYS));
	Caller caller(road, "198.51.100.7");
	const int s = caller.open("192.0.2.2", kChargen);
	caller.run(1000000);
	const size_t queued = road.info().tcp.send_queue;
	EXPECT_GT(queued, 16u * 1448);
	caller.send(s, "stop it");
	const std::string got = caller.exchange(s, "");
	EXPECT_GE(got.size(), queued);
	EXPECT_EQ(got.substr(0, 74), " !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ["
				     "\\]^_`abcdefg\r\n");
	caller.settle();
	EXPECT_EQ(road.events(SL_EVENT_connections_closed), 1u);
	EXPECT_EQ(road.all_drops(), 0u);
}

TEST(RespondClose, DaytimeTellsAClientThatHasClosedAlready)
{
	Road road(options_for(SL_COOKIES_ALWAYS));
	Talk talk(road);
	talk.sport = kDaytime;
	talk.ask();
	const Road::Out out = road.outside(talk.c(SL_ACK | SL_FIN, 1, 1, "what time is it?"));
	ASSERT_EQ(out.size(), 1u);
	EXPECT_EQ(out[0].payload(), "Tuesday, November 14, 2023 22:13:20-UTC\r\n");
	EXPECT_EQ(out[0].seg.flags & SL_FIN, SL_FIN);
	EXPECT_EQ(out[0].seg.ack, talk.isn + 18);
	road.outside(talk.c(SL_ACK, 18, 43));
	EXPECT_EQ(road.states(), "CLOSED CLOSED");
	EXPECT_EQ(road.events(SL_EVENT_connections_closed), 1u);
}

TEST(RespondClose, DiscardPassesOverWhatComesWithTheFin)
{
	Road road(options_for(SL_COOKIES_ALWAYS));
	Talk talk(road);
	talk.sport = kDiscard;
	talk.ask();
	const Sent fin = only(road.outside(talk.c(SL_ACK | SL_FIN, 1, 1, "all of it")));
	EXPECT_EQ(fin.seg.flags & (SL_FIN | SL_ACK), SL_FIN | SL_ACK);
	EXPECT_EQ(fin.seg.ack, talk.isn + 11);
	EXPECT_EQ(fin.payload(), "");
	EXPECT_EQ(road.states(), "LAST-ACK CLOSED");
}

// Those who have it all give it back; then the others are told.
TEST(RespondMemory, DaytimeAndHttpWaitForABlock)
{
	RoadOptions o = options_for(SL_COOKIES_ALWAYS);
	o.n_blocks = 40;
	for (sl_service &s : o.services)
		s.limits.silent_ms = 600000; // nobody is silent long enough to have to go
	Road road(o);
	Caller greedy(road, "198.51.100.7"), honest(road, "198.51.100.8", 2);
	std::vector<int> all;
	for (int i = 0; i < 3; i++)
		all.push_back(greedy.open("192.0.2.2", kChargen));
	greedy.run(2000000);
	const sl_endpoints &e = road.p->relay.endpoints;
	ASSERT_EQ(tcp_pool_spare(&e.tcp.pool), 0u);
	const int daytime = honest.open("192.0.2.2", kDaytime);
	const int http = honest.open("192.0.2.2", kHttp);
	const std::string request = "GET / HTTP/1.0\r\nX: " + std::string(1000, 'x') + "\r\n\r\n";
	honest.send(http, request);
	honest.run(300000);
	uint32_t searched = 0;
	for (uint32_t i = 0; i < e.n; i++)
		if (e.pool[i].tcb.state == SL_TCP_ESTABLISHED && e.pool[i].kind == SL_SERVER_HTTP)
			searched = e.pool[i].server.at;
	EXPECT_EQ(searched, request.size() - 1) << "its head is not searched through each time";
	EXPECT_EQ(honest.receive(daytime), "");
	EXPECT_EQ(honest.receive(http), "");
	EXPECT_EQ(honest.state(daytime), SL_TCP_ESTABLISHED);
	EXPECT_GE(e.n_queued, 2u) << "they try again";
	for (const int s : all)
		sl_socket_abort(greedy.stack, s);
	greedy.run(100000);
	honest.settle();
	EXPECT_EQ(honest.receive(daytime), "Tuesday, November 14, 2023 22:13:22-UTC\r\n");
	EXPECT_EQ(honest.receive(http).substr(0, 15), "HTTP/1.1 200 OK");
	EXPECT_EQ(e.n_queued, 0u);
}

} // namespace
