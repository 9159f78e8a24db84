// SPDX-License-Identifier: BSD-3-Clause
// Packets that concern each other within one burst.
#include "road.h"

#include <algorithm>
#include <array>
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

// Much is found out once for packets that follow each other. None of them may notice.
TEST(BurstOfAllKinds, EachIsDecidedAsIfItHadComeAlone)
{
	for (unsigned seed = 0; seed < 400; seed++) {
		Road together, alone;
		Road *const roads[] = {&together, &alone};
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
			Road::Out burst = together.run({first, first + n}), singles;
			for (size_t k = i; k < i + n; k++)
				for (const Sent &sent : alone.run({packets[k]}))
					singles.push_back(sent);
			by_themselves(&burst);
			by_themselves(&singles);
			ASSERT_EQ(burst.size(), singles.size()) << seed << " at " << i;
			for (size_t k = 0; k < burst.size(); k++) {
				ASSERT_EQ(burst[k].port, singles[k].port) << seed << " at " << i;
				ASSERT_EQ(burst[k].fate, singles[k].fate) << seed << " at " << i;
				ASSERT_EQ(burst[k].bytes, singles[k].bytes) << seed << " at " << i;
			}
		}
		for (size_t a = 0; a < alone.accounts.size(); a++)
			ASSERT_EQ(memcmp(&alone.accounts[a], &together.accounts[a],
					 sizeof(sl_account)),
				  0)
				<< seed << ", account " << a;
	}
}

} // namespace
