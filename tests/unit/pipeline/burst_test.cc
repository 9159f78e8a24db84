// SPDX-License-Identifier: BSD-3-Clause
// Packets that concern each other within one burst.
#include "road.h"

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

} // namespace
