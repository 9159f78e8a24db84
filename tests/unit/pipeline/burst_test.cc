// SPDX-License-Identifier: BSD-3-Clause
// Packets that concern each other within one burst.
#include "road.h"

#include <algorithm>
#include <array>
#include <map>
#include <random>

using namespace sl_test;

namespace
{

class Burst : public OnRoad
{
      protected:
	static std::pair<sl_side, Bytes> out(const Frame &f)
	{
		return {SL_OUTSIDE, f.bytes()};
	}

	static std::pair<sl_side, Bytes> in(const Frame &f)
	{
		return {SL_INSIDE, f.bytes()};
	}
};

TEST_P(Burst, AckRequestAndMoreOfANewConnection)
{
	cite("design section 2: looked up again after an insert");
	talk.ask();
	const Sent syn = only(
		road.run({out(talk.c(SL_ACK, 1, 1)), out(talk.c(SL_ACK, 1, 1, "GET")),
			  out(talk.c(SL_ACK, 4, 1, " /")), out(talk.c(SL_ACK | SL_FIN, 6, 1))}));
	EXPECT_EQ(syn.seg.flags, SL_SYN);
	EXPECT_EQ(road.count(), 1u);
	EXPECT_EQ(road.term(SL_TERM_held), 3u);
	const Road::Out sent = road.inside(talk.synack());
	ASSERT_EQ(sent.size(), 4u);
	EXPECT_EQ(sent[1].payload(), "GET");
	EXPECT_EQ(sent[2].payload(), " /");
	EXPECT_EQ(sent[3].seg.flags, SL_FIN | SL_ACK);
}

TEST_P(Burst, EndAndNewBeginningOfATuple)
{
	cite("design section 2: looked up again after an insert or delete");
	talk.open();
	Talk next = talk;
	next.isn += 5000;
	next.iss += 9999;
	const Sent synack = road.run({out(talk.c(SL_RST, 1, 0)), out(next.syn())}).back();
	EXPECT_EQ(synack.seg.flags, SL_SYN | SL_ACK);
	next.cookie = synack.seg.seq;
	const Road::Out sent = road.run({out(next.c(SL_ACK, 1, 1)), out(next.c(SL_ACK, 1, 1, "x")),
					 in(next.synack()), out(next.c(SL_ACK, 2, 1, "y"))});
	ASSERT_EQ(sent.size(), 4u);
	EXPECT_EQ(sent[0].seg.flags, SL_SYN);
	EXPECT_EQ(sent[1].seg.flags, SL_ACK);
	EXPECT_EQ(sent[2].payload(), "x");
	EXPECT_EQ(sent[3].payload(), "y");
	EXPECT_EQ(sent[3].seg.ack, next.iss + 1);
	EXPECT_EQ(road.count(), 1u);
}

TEST_P(Burst, WholeConnectionInOne)
{
	cite("design section 2");
	talk.ask();
	const Road::Out sent = road.run(
		{out(talk.c(SL_ACK, 1, 1)), in(talk.synack()), out(talk.c(SL_ACK, 1, 1, "ping")),
		 in(talk.s(SL_ACK, 1, 5, "pong")), out(talk.c(SL_FIN | SL_ACK, 5, 5)),
		 in(talk.s(SL_FIN | SL_ACK, 5, 6)), out(talk.c(SL_ACK, 6, 6))});
	EXPECT_EQ(sent.size(), 8u);
	EXPECT_EQ(road.states(), "CLOSED TIME-WAIT");
}

TEST_P(Burst, ManyHandshakesAtOnce)
{
	cite("design section 2");
	std::vector<Talk> talks(SL_BURST, talk);
	Road::In syns, acks, synacks, fins;
	for (uint16_t i = 0; i < talks.size(); i++) {
		talks[i].cport = static_cast<uint16_t>(2000 + i);
		talks[i].isn += i * 1000u;
		syns.push_back(out(talks[i].syn()));
	}
	const Road::Out cookies = road.run(syns);
	ASSERT_EQ(cookies.size(), talks.size());
	for (size_t i = 0; i < talks.size(); i++) {
		talks[i].cookie = cookies[i].seg.seq;
		acks.push_back(out(talks[i].c(SL_ACK, 1, 1, "x")));
		synacks.push_back(in(talks[i].synack()));
		fins.push_back(out(talks[i].c(SL_ACK | SL_FIN, 2, 1)));
	}
	EXPECT_EQ(road.run(acks).size(), talks.size());
	EXPECT_EQ(road.count(), talks.size());
	EXPECT_EQ(road.run(synacks).size(), 2 * talks.size()) << "our ACK, and what was held";
	EXPECT_EQ(road.run(fins).size(), talks.size());
}

TEST_P(Burst, FullHoldsOfAWholeBurstAreReleasedAtOnce)
{
	cite("sl_out.h: SL_SENT_MAX and SL_FREED_MAX");
	RoadOptions o;
	o.n_held = 4 * SL_BURST;
	for (const bool refused : {false, true}) {
		Road wide(o);
		Road::In answers;
		for (uint16_t i = 0; i < SL_BURST; i++) {
			Talk t(wide);
			t.cport = static_cast<uint16_t>(2000 + i);
			t.prove("a");
			for (uint32_t n = 2; n < 5; n++)
				wide.outside(t.c(SL_ACK, n, 1, "b"));
			answers.push_back(in(refused ? t.s(SL_RST | SL_ACK, 0, 1) : t.synack()));
		}
		EXPECT_EQ(wide.term(SL_TERM_held), 4u * SL_BURST);
		EXPECT_EQ(wide.run(answers).size(), (refused ? 1u : 5u) * SL_BURST);
		EXPECT_EQ(wide.term(SL_TERM_held), 0u);
	}
}

TEST_P(Burst, EverythingMixed)
{
	cite("design section 10: accounting to the packet");
	Talk other = talk, third = talk;
	other.cport++;
	third.cport += 2;
	talk.open();
	other.ask();
	Frame udp = talk.c(SL_ACK, 1, 1), bad = talk.c(SL_ACK, 1, 1, "x"),
	      forged = third.c(SL_ACK, 1, 1);
	udp.proto = 17;
	bad.bad_tcp_checksum = true;
	const Road::Out sent = road.run(
		{out(udp), out(third.syn()), out(talk.c(SL_ACK, 1, 1, "a")), out(bad),
		 out(other.c(SL_ACK, 1, 1, "early")), in(talk.s(SL_ACK, 1, 2)), out(forged),
		 in(other.synack()), out(talk.c(SL_RST, 2, 0)), in(talk.s(SL_ACK, 1, 2, "late"))});
	ASSERT_EQ(sent.size(), 9u);
	const sl_fate fates[] = {SL_FATE_ANSWERED, SL_FATE_RELAYED,  SL_FATE_MADE,
				 SL_FATE_RELAYED,  SL_FATE_ANSWERED, SL_FATE_RELAYED,
				 SL_FATE_RELAYED,  SL_FATE_ANSWERED};
	EXPECT_EQ(sent[0].fate, SL_FATE_PASSED) << "classified first";
	for (size_t i = 0; i < 8; i++)
		EXPECT_EQ(sent[i + 1].fate, fates[i]) << i;
	EXPECT_EQ(road.drops(SL_DROP_bad_checksum), 1u);
	EXPECT_EQ(road.drops(SL_DROP_cookie_invalid), 1u);
	EXPECT_EQ(sent[8].seg.flags, SL_RST) << "late, for a connection that was reset";
}

INSTANTIATE_TEST_SUITE_P(All, Burst, ::testing::ValuesIn(kNumbers));

// What may come of both families to a road on which `stands` is open and `asked` has its SYN-ACK.
std::vector<std::pair<sl_side, Bytes>> all_kinds(Talk stands, Talk asked, unsigned seed)
{
	std::vector<std::pair<sl_side, Bytes>> all;
	std::mt19937 random(seed);
	const auto out = [&](const Frame &f) { all.emplace_back(SL_OUTSIDE, f.bytes()); };
	const auto in = [&](const Frame &f) { all.emplace_back(SL_INSIDE, f.bytes()); };
	const bool v6 = stands.server.find(':') != std::string::npos;

	out(stands.c(SL_ACK, 1, 1));
	out(stands.c(SL_ACK | SL_PSH, 1, 1, "request"));
	out(stands.c(SL_ACK | SL_URG, 8, 1, "more"));
	in(stands.s(SL_ACK, 1, 8, "response"));
	in(stands.s(SL_ACK | SL_PSH, 9, 12, "and more"));
	in(stands.s(SL_ACK, 0x70000000, 1, "far off"));
	Frame lost = stands.c(SL_ACK, 8, 1);
	lost.options = lost.options + nop(2) + sack({stands.cookie + 9, stands.cookie + 17});
	out(lost);
	out(stands.c(SL_ACK | SL_FIN, 12, 17));
	in(stands.s(SL_ACK | SL_FIN, 17, 13));
	out(stands.c(SL_RST, 12, 0));
	out(stands.syn());
	in(stands.synack());
	out(asked.c(SL_ACK, 1, 1));
	out(asked.c(SL_ACK, 1, 1, "early"));
	in(asked.synack());
	in(asked.s(SL_ACK, 1, 1, "first"));
	for (unsigned i = 0; i < 6; i++) {
		Talk other = stands;
		other.cport = static_cast<uint16_t>(random());
		other.isn = random();
		other.cookie = random();
		other.sack = i % 2 != 0;
		other.offer_ts = i % 3 != 0;
		other.cws = static_cast<int>(i % 4) - 1;
		other.sport = std::array<uint16_t, 6>{kAlways, kAlways,  kNever,
						      kPass,   kMonitor, 9999}[random() % 6];
		out(other.syn());
		out(other.c(SL_ACK, 1, 1, i % 2 ? "forged" : ""));
		in(other.s(SL_ACK, 1, 1));
		in(other.synack());
		Frame f = other.syn();
		f.src = v6 ? "ff02::1" : "224.0.0.1";
		out(f);
		f.src = f.dst;
		out(f);
		f = other.syn();
		f.bad_tcp_checksum = true;
		out(f);
		f = other.syn();
		f.vlan = {7};
		out(f);
		f = other.c(SL_ACK, 1, 1);
		f.flags = SL_SYN | SL_FIN;
		out(f);
		f = other.syn();
		f.proto = 17;
		out(f);
		f = other.syn();
		f.cut = 40;
		out(f);
	}
	return all;
}

// What is passed leaves before what is looked up: it is put first, in an order of its own.
void by_themselves(Road::Out *out)
{
	const auto passed = std::stable_partition(
		out->begin(), out->end(), [](const Sent &s) { return s.fate == SL_FATE_PASSED; });
	std::sort(out->begin(), passed,
		  [](const Sent &a, const Sent &b) { return a.bytes < b.bytes; });
}

// One burst on one road, and its packets one by one on the other: the same leaves.
void same(Road *together, Road *alone, const Road::In &packets, const std::string &where)
{
	Road::Out burst = together->run(packets), singles;
	for (const auto &packet : packets)
		for (const Sent &sent : alone->run({packet}))
			singles.push_back(sent);
	by_themselves(&burst);
	by_themselves(&singles);
	ASSERT_EQ(burst.size(), singles.size()) << where;
	for (size_t k = 0; k < burst.size(); k++) {
		ASSERT_EQ(burst[k].port, singles[k].port) << where;
		ASSERT_EQ(burst[k].fate, singles[k].fate) << where;
		ASSERT_EQ(burst[k].bytes, singles[k].bytes) << where;
	}
}

void same_books(const Road &together, const Road &alone, unsigned seed)
{
	for (size_t a = 0; a < alone.accounts.size(); a++)
		ASSERT_EQ(memcmp(&alone.accounts[a], &together.accounts[a], sizeof(sl_account)), 0)
			<< seed << ", account " << a;
}

// Much is found out once for packets that follow each other, and those that fit a shape which is
// known are not even parsed. None of them may notice.
TEST(BurstOfAllKinds, EachIsDecidedAsIfItHadComeAlone)
{
	for (unsigned seed = 0; seed < 400; seed++) {
		Road together, alone;
		Road *const roads[] = {&together, &alone};
		alone.nic = false; // so everything is parsed
		std::vector<std::pair<sl_side, Bytes>> packets;
		std::mt19937 random(seed);
		for (Road *road : roads) {
			packets.clear();
			for (const bool v6 : {false, true}) {
				Talk stands(*road), asked(*road);
				stands.timestamps = seed % 2 != 0;
				if (v6) {
					stands.ipv6();
					asked.ipv6();
				}
				asked.cport = 50001;
				stands.open();
				asked.ask();
				const auto some = all_kinds(stands, asked, seed);
				packets.insert(packets.end(), some.begin(), some.end());
			}
		}
		std::shuffle(packets.begin(), packets.end(), random);
		const unsigned n = 1 + random() % SL_BURST;
		for (size_t i = 0; i + n <= packets.size(); i += n) {
			const auto first = packets.begin() + static_cast<long>(i);
			same(&together, &alone, {first, first + n},
			     std::to_string(seed) + " at " + std::to_string(i));
			if (::testing::Test::HasFatalFailure())
				return;
		}
		same_books(together, alone, seed);
	}
}

// A flood, and what goes on beside it: most of it in a few shapes.
class Flood
{
      public:
	Flood(Road &r, bool v6, unsigned seed, uint16_t port = kAlways) : random(seed)
	{
		for (unsigned i = 0; i < 12; i++) {
			Talk t(r);
			if (v6)
				t.ipv6();
			t.cport = static_cast<uint16_t>(2000 + i);
			t.isn = static_cast<uint32_t>(random());
			t.iss = static_cast<uint32_t>(random());
			t.sws = i % 4 == 0 ? -1 : 4;
			if (port == kPass)
				open_passed(r, t, i < 6);
			else if (i < 6)
				t.open();
			else
				t.ask();
			talks.push_back(t);
		}
	}

	Bytes out()
	{
		Talk &t = talks[random() % talks.size()];
		Talk other = talks[0];
		other.cport = static_cast<uint16_t>(1 + random() % 65535);
		other.isn = static_cast<uint32_t>(random());
		other.cookie = static_cast<uint32_t>(random());
		other.ctsval = static_cast<uint32_t>(random());
		other.ctsecr = static_cast<uint32_t>(random());
		other.timestamps = random() % 2;
		Frame f;
		switch (random() % 4) {
		case 0:
			f = other.syn();
			break;
		case 1:
			f = other.c(SL_ACK, 1, 1, random() % 2 ? "forged" : "");
			break;
		default:
			f = t.c(SL_ACK, sent(), sent(), std::string(random() % 30, 'c'));
			f.wnd = static_cast<uint16_t>(random());
			break;
		}
		return odd(f, &f.src, f.dst, &f.sport);
	}

	Bytes in()
	{
		Talk &t = talks[random() % talks.size()];
		Frame f = t.s(SL_ACK, sent(), sent(), std::string(random() % 30, 's'));
		f.wnd = static_cast<uint16_t>(random());
		return odd(f, &f.dst, f.src, &f.dport);
	}

      private:
	static void open_passed(Road &r, Talk &t, bool whole)
	{
		t.sport = kPass;
		t.cookie = t.iss;
		r.outside(t.syn());
		if (!whole)
			return;
		r.inside(t.synack());
		r.outside(t.c(SL_ACK, 1, 1));
	}

	// Numbers in order, and now and then far off.
	uint32_t sent()
	{
		return 1 + static_cast<uint32_t>(random() % (random() % 20 ? 100 : 0x80000000));
	}

	// One in ten is not as the others.
	Bytes odd(Frame &f, std::string *client, const std::string &server, uint16_t *port)
	{
		const bool v6 = f.v6();
		switch (random() % 150) {
		case 0:
			*port = 0;
			break;
		case 1:
			*client = v6 ? "ff02::1" : "224.0.0.1";
			break;
		case 2:
			*client = v6 ? "::1" : "127.0.0.1";
			break;
		case 3:
			*client = server;
			break;
		case 4:
			*client = server;
			*port = kAlways;
			break;
		case 5:
			*client = v6 ? "::ffff:198.51.100.9" : "0.1.2.3";
			break;
		case 6:
			f.bad_tcp_checksum = true;
			break;
		case 7:
			f.smac[5] = static_cast<uint8_t>(random() % 4);
			break;
		case 8:
			f.trailer = random() % 9;
			break;
		case 9:
			f.flags |= SL_FIN;
			break;
		case 10:
			f.flags = SL_RST;
			break;
		case 11:
			f.cut = 54 + static_cast<int>(random() % 30);
			break;
		case 12:
			f.options = mss(1300);
			break;
		case 13:
			f.vlan = {5};
			break;
		case 14:
			f.ttl = 1;
			f.tos = 0xb8;
			break;
		}
		return f.bytes();
	}

	std::vector<Talk> talks;
	std::mt19937 random;
};

// Up to a burst of the next packets of one side, the same of both.
Road::In some(std::mt19937 &random, bool inside, Flood *many, Flood *one)
{
	Road::In packets;
	for (unsigned n = 1 + random() % SL_BURST; n > 0; n--) {
		const Bytes b = inside ? many->in() : many->out();
		EXPECT_EQ(b, inside ? one->in() : one->out());
		packets.emplace_back(inside ? SL_INSIDE : SL_OUTSIDE, b);
	}
	return packets;
}

TEST(BurstOfAllKinds, FloodsAreAnsweredAsIfEachPacketHadBeenParsed)
{
	for (unsigned seed = 0; seed < 150; seed++) {
		RoadOptions o;
		for (sl_service &s : o.services) {
			s.strays = seed % 3 == 0 ? SL_STRAYS_ADOPT : SL_STRAYS_DROP;
			s.adopt_for_ms = 10000;
			s.limits.idle_ms = s.limits.silent_ms = 20000;
			s.timestamps = seed % 4 < 3 ? SL_TIMESTAMPS_ALWAYS : SL_TIMESTAMPS_LEARN;
		}
		Road together(o), alone(o);
		alone.nic = false;
		std::mt19937 random(seed);
		Flood many(together, seed % 2, seed), one(alone, seed % 2, seed);
		for (unsigned k = 0; k < 30; k++) {
			const Road::In packets = some(random, random() % 3 == 0, &many, &one);
			same(&together, &alone, packets,
			     std::to_string(seed) + " at " + std::to_string(k));
			if (::testing::Test::HasFatalFailure())
				return;
		}
		// What the box says of its own accord shows what it has learned of the ends' MACs.
		const Road::Out reclaimed = together.advance(60000, 500),
				expected = alone.advance(60000, 500);
		ASSERT_GT(reclaimed.size(), 0u);
		ASSERT_EQ(reclaimed.size(), expected.size());
		for (size_t i = 0; i < expected.size(); i++)
			ASSERT_EQ(reclaimed[i].bytes, expected[i].bytes) << seed;
		same_books(together, alone, seed);
		if (::testing::Test::HasFatalFailure())
			return;
	}
}

// What a road knows of its connections.
std::map<Bytes, Bytes> known(const Road &road)
{
	std::map<Bytes, Bytes> all;
	for (uint32_t i = 0; i < road.options.n_connections; i++) {
		if (!sl_flow_in_use(&road.p->relay.flow, i))
			continue;
		const sl_conn *c = sl_relay_conn(&road.p->relay, i);
		const auto *key = reinterpret_cast<const uint8_t *>(&c->key),
			   *end = reinterpret_cast<const uint8_t *>(&c->end);
		all[Bytes(key, key + sizeof(c->key))] =
			Bytes(end, end + sizeof(c->end)) +
			Bytes{c->state[0], c->state[1], static_cast<uint8_t>(c->flags),
			      static_cast<uint8_t>(c->flags >> 8)};
	}
	return all;
}

TEST(BurstOfAllKinds, PassedOnesAreFollowedAsIfEachPacketHadBeenParsed)
{
	for (unsigned seed = 0; seed < 100; seed++) {
		RoadOptions o;
		for (sl_service &s : o.services)
			s.track = true;
		Road together(o), alone(o);
		alone.nic = false;
		std::mt19937 random(seed);
		Flood many(together, seed % 2, seed, kPass), one(alone, seed % 2, seed, kPass);
		for (unsigned k = 0; k < 30; k++) {
			const Road::In packets = some(random, random() % 2 == 0, &many, &one);
			same(&together, &alone, packets,
			     std::to_string(seed) + " at " + std::to_string(k));
			if (::testing::Test::HasFatalFailure())
				return;
			ASSERT_EQ(known(together), known(alone)) << seed << " at " << k;
		}
		ASSERT_EQ(together.all_drops(), alone.all_drops());
		same_books(together, alone, seed);
	}
}

} // namespace
