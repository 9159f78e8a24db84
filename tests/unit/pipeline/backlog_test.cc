// SPDX-License-Identifier: BSD-3-Clause
// Floods of SYNs from forged addresses to a service without cookies, whose SYNs go through to its
// server: they must not take the table from clients that have proved their address, nor from the
// service's own clients.
#include "road.h"

#include <functional>
#include <random>

using namespace sl_test;

namespace
{

constexpr uint64_t kRoundTripUs = 100000;
const char *const kClients = "198.51.100.7";

RoadOptions flooded(uint32_t n_connections, uint32_t backlog)
{
	RoadOptions o;
	o.n_connections = n_connections;
	o.high_water = 90;
	for (sl_service &s : o.services)
		s.backlog = backlog;
	return o;
}

// A road, a flood, the server behind it, and clients a round trip away, in virtual time.
class World
{
      public:
	World(const RoadOptions &o, unsigned syns_per_ms, bool server_answers)
	    : road(o), syns(syns_per_ms), answers(server_answers)
	{
		road.check_always = false;
	}

	~World()
	{
		road.check_books();
	}

	void cookie_client(unsigned i)
	{
		Talk t = talk(kAlways, static_cast<uint16_t>(50000 + i));
		send(0, SL_OUTSIDE, t.syn());
	}

	void never_client(unsigned i)
	{
		Talk t = talk(kNever, static_cast<uint16_t>(40000 + i));
		send(0, SL_OUTSIDE, t.syn());
	}

	/// Lets so many milliseconds pass, under the flood or without.
	void pass(unsigned ms, bool flood = true)
	{
		for (; ms > 0; ms--) {
			road.until(road.now_us + 1000);
			for (unsigned i = 0; flood && i < syns; i++)
				send(0, SL_OUTSIDE, forged());
			deliver();
		}
	}

	Road road;
	unsigned admitted = 0; ///< clients with cookies for whom the server was asked
	unsigned served = 0;   ///< clients without, whose server has its ACK of the answer
	unsigned reset = 0;    ///< clients who have heard a RST

      private:
	Talk talk(uint16_t sport, uint16_t cport)
	{
		Talk t(road);
		t.client = kClients;
		t.sport = sport;
		t.cport = cport;
		t.cookie = t.iss;
		return t;
	}

	void send(uint64_t later_us, sl_side side, const Frame &f)
	{
		queue.emplace(road.now_us + later_us, std::make_pair(side, f.bytes()));
	}

	Frame forged()
	{
		Talk t(road);
		const auto r = static_cast<uint32_t>(rng());
		t.client = "10." + std::to_string(r & 0xff) + "." + std::to_string(r >> 8 & 0xff) +
			   "." + std::to_string(1 + (r >> 16) % 250);
		t.cport = static_cast<uint16_t>(1024 + rng() % 60000);
		t.sport = kNever;
		t.isn = static_cast<uint32_t>(rng());
		return t.syn();
	}

	void deliver()
	{
		while (!queue.empty() && queue.begin()->first <= road.now_us) {
			Road::In burst;
			while (!queue.empty() && queue.begin()->first <= road.now_us &&
			       burst.size() < SL_BURST) {
				burst.push_back(queue.begin()->second);
				queue.erase(queue.begin());
			}
			for (const Sent &s : road.run(burst)) {
				if (s.port == 1)
					at_server(s);
				else
					at_client(s);
			}
		}
	}

	void at_server(const Sent &s)
	{
		static const sl_addr clients = addr(kClients);
		const bool ours = sl_addr_equal(&s.seg.src, &clients);
		if (!ours && !answers)
			return;
		char text[SL_ADDR_TEXT];
		Talk t = talk(s.seg.dst_port, s.seg.src_port);
		t.client = sl_addr_format(&s.seg.src, text);
		t.isn = s.seg.seq;
		if (s.seg.flags & SL_SYN) {
			admitted += ours && s.seg.dst_port == kAlways;
			send(0, SL_INSIDE, t.synack());
		} else if (ours && s.seg.payload_len > 0) {
			t.isn = s.seg.seq - 1;
			send(0, SL_INSIDE,
			     t.s(SL_ACK | SL_PSH, 1, 1 + s.seg.payload_len, "answer"));
		} else if (ours && s.seg.dst_port == kNever && s.seg.ack == t.iss + 7) {
			served++;
		}
	}

	void at_client(const Sent &s)
	{
		static const sl_addr clients = addr(kClients);
		if (!sl_addr_equal(&s.seg.dst, &clients))
			return;
		Talk t = talk(s.seg.src_port, s.seg.dst_port);
		reset += s.seg.flags & SL_RST ? 1 : 0;
		t.cookie = s.seg.seq;
		if (s.seg.flags & SL_SYN) {
			send(kRoundTripUs, SL_OUTSIDE, t.c(SL_ACK, 1, 1));
			if (t.sport == kNever)
				send(kRoundTripUs + 1000, SL_OUTSIDE,
				     t.c(SL_ACK | SL_PSH, 1, 1, "request"));
		} else if (s.seg.payload_len > 0) {
			send(kRoundTripUs, SL_OUTSIDE, t.c(SL_ACK, 8, s.seg.payload_len));
		}
	}

	const unsigned syns;
	const bool answers;
	std::mt19937 rng{7};
	std::multimap<uint64_t, std::pair<sl_side, Bytes>> queue;
};

} // namespace

// SYNs a millisecond, and whether the server answers them.
class Backlog : public ::testing::TestWithParam<std::pair<unsigned, bool>>
{
      protected:
	World world{flooded(20000, 1024), GetParam().first, GetParam().second};
};

TEST_P(Backlog, ClientsWithCookiesOfAnotherServiceAreAllAdmitted)
{
	world.pass(3000);
	for (unsigned i = 0; i < 50; i++) {
		world.cookie_client(i);
		world.pass(10);
	}
	world.pass(300);
	EXPECT_EQ(world.admitted, 50u);
	EXPECT_EQ(world.road.drops(SL_DROP_table_full), 0u);
}

TEST_P(Backlog, ClientsOfTheFloodedServiceAreAllServed)
{
	world.pass(3000);
	for (unsigned i = 0; i < 50; i++) {
		world.never_client(i);
		world.pass(10);
	}
	world.pass(500);
	EXPECT_EQ(world.served, 50u);
	EXPECT_EQ(world.reset, 0u);
}

TEST_P(Backlog, HalfOpenOnesTakeAQuarterOfTheTable)
{
	for (unsigned i = 0; i < 30; i++) {
		world.pass(100);
		EXPECT_LE(world.road.count(), 5000u);
	}
}

// A small road, and one client of the service without cookies.
class Overflow : public OnRoad
{
      protected:
	Overflow() : OnRoad(flooded(64, 2))
	{
		talk.sport = kNever;
		talk.cookie = talk.iss;
	}

	/// Forged SYNs beyond the backlog.
	void fill()
	{
		Talk t = talk;
		for (uint16_t port = 1; port <= 2; port++) {
			t.cport = port;
			EXPECT_EQ(only(road.outside(t.syn())).fate, SL_FATE_RELAYED);
		}
		EXPECT_EQ(road.count(), 2u);
	}
};

TEST_P(Overflow, SynBeyondTheBacklogPassesAndTheAnswerMakesTheEntry)
{
	fill();
	const Sent syn = only(road.outside(talk.syn()));
	EXPECT_EQ(syn.port, 1u);
	EXPECT_EQ(syn.fate, SL_FATE_PASSED);
	EXPECT_EQ(syn.bytes, talk.syn().bytes());
	EXPECT_EQ(road.count(), 2u);
	EXPECT_EQ(road.events(SL_EVENT_syn_untracked), 1u);
	EXPECT_EQ(only(road.inside(talk.synack())).fate, SL_FATE_RELAYED);
	EXPECT_EQ(road.count(), 3u);
	EXPECT_EQ(only(road.outside(talk.c(SL_ACK, 1, 1, "request"))).fate, SL_FATE_RELAYED);
	EXPECT_EQ(only(road.inside(talk.s(SL_ACK, 1, 8, "answer"))).fate, SL_FATE_RELAYED);
	EXPECT_EQ(road.events(SL_EVENT_connections_established), 1u);
	EXPECT_EQ(road.events(SL_EVENT_connections_adopted), 0u);
}

TEST(Backlogs, AreSharedByTheWorkers)
{
	RoadOptions o = flooded(256, 64);
	o.n_workers = 4;
	Road road(o);
	Talk t(road);
	t.sport = kNever;
	for (uint16_t port = 1; port <= 100; port++) {
		t.cport = port;
		road.outside(t.syn());
	}
	EXPECT_EQ(road.count(), 16u);
	EXPECT_EQ(road.events(SL_EVENT_syn_untracked), 84u);
}

TEST_P(Overflow, SynThatPassesIsToldTheMostThatItsServiceTakes)
{
	road.apply([&] {
		std::vector<sl_service> v = road.options.services;
		for (sl_service &s : v)
			s.mss_max = 1000;
		return v;
	}());
	fill();
	EXPECT_EQ(only(road.outside(talk.syn())).seg.mss, 1000u);
}

TEST_P(Overflow, EntryThatGaveWayIsMadeAnewByTheServer)
{
	fill();
	road.outside(talk.syn());
	road.inside(talk.synack());
	Talk t = talk;
	for (uint16_t port = 100; port < 140; port++) { // far more than a share of 64
		t.cport = port;
		road.outside(t.syn());
		road.inside(t.synack());
	}
	EXPECT_LE(road.count(), 16u);
	EXPECT_GT(road.events(SL_EVENT_evicted_unproven), 30u);
	EXPECT_EQ(road.events(SL_EVENT_rst_sent), 0u);
	// What the client says is shown to the server, and what this says makes the entry.
	EXPECT_EQ(only(road.outside(talk.c(SL_ACK, 1, 1))).fate, SL_FATE_PASSED);
	EXPECT_EQ(only(road.outside(talk.c(SL_ACK, 1, 1, "request"))).fate, SL_FATE_PASSED);
	EXPECT_EQ(only(road.inside(talk.s(SL_ACK, 1, 8, "answer"))).fate, SL_FATE_RELAYED);
	EXPECT_EQ(only(road.outside(talk.c(SL_ACK, 8, 7))).fate, SL_FATE_RELAYED);
	// A minute later strays are strays again.
	road.advance(62000, 1000);
	t.cport = 50000;
	EXPECT_TRUE(road.outside(t.c(SL_ACK, 1, 1)).empty());
}

// Just after a start, when strays are adopted: a server with SYN cookies would reset who comes with
// another number than that of its cookie.
TEST(Backlogs, ServerIsNotAskedAboutAClientOfAFloodedService)
{
	RoadOptions o = flooded(64, 2);
	for (sl_service &s : o.services) {
		s.strays = SL_STRAYS_ADOPT;
		s.adopt_for_ms = 60000;
	}
	Road road(o);
	Talk t(road);
	t.sport = kNever;
	t.cookie = t.iss;
	for (uint16_t port = 100; port < 140; port++) {
		t.cport = port;
		road.outside(t.syn());
		road.inside(t.synack());
	}
	t.cport = 104;
	EXPECT_EQ(only(road.outside(t.c(SL_ACK, 1, 1))).fate, SL_FATE_PASSED);
}

TEST_P(Overflow, NobodyGivesWayWhoHasProvedSomething)
{
	std::vector<Talk> all;
	for (uint16_t port = 1; port <= 40; port++) {
		Talk t = talk;
		t.cport = port;
		all.push_back(t);
		road.outside(t.syn());
		road.inside(t.synack());
		road.outside(t.c(SL_ACK, 1, 1, "x"));
	}
	for (uint16_t port = 1000; port < 1100; port++) {
		Talk t = talk;
		t.cport = port;
		road.outside(t.syn());
		road.inside(t.synack());
	}
	for (const Talk &t : all)
		EXPECT_EQ(only(road.inside(t.s(SL_ACK, 1, 2, "y"))).fate, SL_FATE_RELAYED);
	EXPECT_EQ(road.events(SL_EVENT_connections_adopted), 0u);
}

TEST_P(Overflow, InAFullTableAClientWithACookieTakesTheOldestPlace)
{
	for (uint16_t port = 1; port <= 50; port++) {
		Talk t = talk;
		t.sport = kAlways;
		t.cport = port;
		t.open();
		road.outside(t.c(SL_ACK, 1, 1, "x"));
	}
	std::vector<Talk> half;
	for (uint16_t port = 100; port < 114; port++) {
		Talk t = talk;
		t.cport = port;
		half.push_back(t);
		road.outside(t.syn());
		road.inside(t.synack());
	}
	ASSERT_GE(road.count(), 58u);
	for (uint16_t port = 200; port < 214; port++) {
		Talk t = talk;
		t.sport = kAlways;
		t.cport = port;
		t.prove();
	}
	EXPECT_EQ(road.drops(SL_DROP_table_full), 0u);
	EXPECT_GE(road.events(SL_EVENT_evicted_unproven), 8u);
	EXPECT_EQ(road.count(), 64u);
}

// Backlog enough, but the share of half-open entries is taken.
class ShareTaken : public OnRoad
{
      protected:
	ShareTaken() : OnRoad(flooded(64, 1000))
	{
		talk.sport = kNever;
		talk.cookie = talk.iss;
	}

	/// The client's old connection stands in the place of its new one, which opens all the
	/// same.
	void expect_opens_again()
	{
		Talk t = talk;
		for (uint16_t port = 1; port <= 8; port++) {
			t.cport = port;
			EXPECT_EQ(only(road.outside(t.syn())).fate, SL_FATE_RELAYED);
		}
		talk.isn += 100000;
		talk.iss += 100000;
		talk.cookie = talk.iss;
		EXPECT_EQ(only(road.outside(talk.syn())).fate, SL_FATE_PASSED);
		const Sent answer = only(road.inside(talk.synack()));
		EXPECT_EQ(answer.port, 0u);
		EXPECT_EQ(answer.fate, SL_FATE_RELAYED);
		EXPECT_EQ(only(road.outside(talk.c(SL_ACK, 1, 1, "request"))).fate,
			  SL_FATE_RELAYED);
		EXPECT_EQ(road.events(SL_EVENT_rst_sent), 0u);
		// It lives longer than the old one's entry would have, and than the overflow.
		road.advance(120000, 1000);
		EXPECT_EQ(only(road.inside(talk.s(SL_ACK, 1, 8, "answer"))).fate, SL_FATE_RELAYED);
		EXPECT_EQ(only(road.outside(talk.c(SL_ACK, 8, 7))).fate, SL_FATE_RELAYED);
	}

	void open_old()
	{
		road.outside(talk.syn());
		road.inside(talk.synack());
		road.outside(talk.c(SL_ACK, 1, 1, "x"));
		road.inside(talk.s(SL_ACK, 1, 2));
	}
};

TEST_P(ShareTaken, ClientThatHasResetOpensAgain)
{
	open_old();
	road.outside(talk.c(SL_RST, 2, 0));
	EXPECT_EQ(road.states(), "CLOSED CLOSED");
	expect_opens_again();
}

TEST_P(ShareTaken, ClientInTimeWaitOpensAgain)
{
	open_old();
	road.inside(talk.s(SL_ACK | SL_FIN, 1, 2));
	road.outside(talk.c(SL_ACK | SL_FIN, 2, 2));
	road.inside(talk.s(SL_ACK, 2, 3));
	EXPECT_EQ(road.states(), "TIME-WAIT CLOSED");
	expect_opens_again();
}

INSTANTIATE_TEST_SUITE_P(, ShareTaken, ::testing::ValuesIn(kNumbers));

INSTANTIATE_TEST_SUITE_P(, Overflow, ::testing::ValuesIn(kNumbers));

INSTANTIATE_TEST_SUITE_P(, Backlog,
			 ::testing::Values(std::make_pair(10u, false), std::make_pair(10u, true),
					   std::make_pair(60u, false), std::make_pair(60u, true)));
