// SPDX-License-Identifier: BSD-3-Clause
// Handshakes that go through as they are: cookies = "never", and SYNs from inside.
#include "road.h"

using namespace sl_test;

namespace
{

class Tracked : public OnRoad
{
      protected:
	void SetUp() override
	{
		talk.sport = kNever;
		talk.cookie = talk.iss;
	}

	/// The frame of one end goes on as it is.
	void client(const Frame &f, const std::string &then)
	{
		const Sent s = only(road.outside(f));
		EXPECT_EQ(s.port, 1u);
		EXPECT_EQ(s.bytes, f.bytes());
		EXPECT_EQ(road.states(), then);
	}

	void server(const Frame &f, const std::string &then)
	{
		const Sent s = only(road.inside(f));
		EXPECT_EQ(s.port, 0u);
		EXPECT_EQ(s.bytes, f.bytes());
		EXPECT_EQ(road.states(), then);
	}
};

TEST_P(Tracked, HandshakePassesAndBothLegsFollow)
{
	cite("RFC 9293 section 3.5, figure 6");
	client(talk.syn(), "SYN-RECEIVED SYN-SENT");
	server(talk.synack(), "SYN-RECEIVED ESTABLISHED");
	client(talk.c(SL_ACK, 1, 1), "ESTABLISHED ESTABLISHED");
	EXPECT_EQ(road.events(SL_EVENT_connections_established), 1u);
	client(talk.c(SL_ACK, 1, 1, "request"), "ESTABLISHED ESTABLISHED");
	server(talk.s(SL_FIN | SL_ACK, 1, 8, "answer"), "FIN-WAIT-1 CLOSE-WAIT");
	client(talk.c(SL_FIN | SL_ACK, 8, 8), "TIME-WAIT LAST-ACK");
	server(talk.s(SL_ACK, 8, 9), "TIME-WAIT CLOSED");
	road.advance(60020, 10);
	EXPECT_EQ(road.count(), 0u);
}

TEST_P(Tracked, SynAgainPasses)
{
	cite("RFC 9293 section 3.8.1");
	client(talk.syn(), "SYN-RECEIVED SYN-SENT");
	client(talk.syn(), "SYN-RECEIVED SYN-SENT");
	server(talk.synack(), "SYN-RECEIVED ESTABLISHED");
}

TEST_P(Tracked, LostSynAckIsRepairedByEitherEnd)
{
	cite("RFC 9293 section 3.8.1");
	client(talk.syn(), "SYN-RECEIVED SYN-SENT");
	server(talk.synack(), "SYN-RECEIVED ESTABLISHED");
	road.advance(1000);
	client(talk.syn(), "SYN-RECEIVED ESTABLISHED");
	server(talk.synack(), "SYN-RECEIVED ESTABLISHED");
	server(talk.synack(), "SYN-RECEIVED ESTABLISHED");
	client(talk.c(SL_ACK, 1, 1), "ESTABLISHED ESTABLISHED");
}

// A server with SYN cookies answers each SYN with another number. The client takes the one that
// arrives.
TEST_P(Tracked, ServerThatAnswersAgainWithAnotherNumber)
{
	cite("RFC 4987 section 3.6");
	client(talk.syn(), "SYN-RECEIVED SYN-SENT");
	server(talk.synack(), "SYN-RECEIVED ESTABLISHED");
	road.advance(1000);
	client(talk.syn(), "SYN-RECEIVED ESTABLISHED");
	talk.cookie = talk.iss += 12345;
	server(talk.synack(), "SYN-RECEIVED ESTABLISHED");
	client(talk.c(SL_ACK, 1, 1), "ESTABLISHED ESTABLISHED");
	// Not once the client has answered.
	talk.cookie = talk.iss += 12345;
	server(talk.synack(), "ESTABLISHED ESTABLISHED");
	talk.cookie = talk.iss -= 12345;
	client(talk.c(SL_FIN | SL_ACK, 1, 1), "CLOSE-WAIT FIN-WAIT-1");
}

// Both answers of such a server are good. The client takes the first, whose ACK the second
// overtakes: that it was taken is known when the server goes on with its numbers.
TEST_P(Tracked, ServerThatGoesOnWithItsFirstAnswer)
{
	cite("RFC 4987 section 3.6");
	client(talk.syn(), "SYN-RECEIVED SYN-SENT");
	server(talk.synack(), "SYN-RECEIVED ESTABLISHED");
	client(talk.syn(), "SYN-RECEIVED ESTABLISHED");
	talk.cookie = talk.iss += 0x12345678;
	server(talk.synack(), "SYN-RECEIVED ESTABLISHED");
	talk.cookie = talk.iss -= 0x12345678;
	client(talk.c(SL_ACK, 1, 1), "SYN-RECEIVED ESTABLISHED");
	client(talk.c(SL_ACK, 1, 1, "request"), "SYN-RECEIVED ESTABLISHED");
	// Not a number that answers nothing of this client.
	server(talk.s(SL_ACK, 1, 0), "SYN-RECEIVED ESTABLISHED");
	server(talk.s(SL_ACK, 1, 8, "answer"), "SYN-RECEIVED ESTABLISHED");
	client(talk.c(SL_ACK, 8, 1), "ESTABLISHED ESTABLISHED");
	client(talk.c(SL_ACK, 8, 7), "ESTABLISHED ESTABLISHED");
	server(talk.s(SL_FIN | SL_ACK, 7, 8), "FIN-WAIT-1 CLOSE-WAIT");
}

// All that is known of the server's window may be what its SYN-ACK told. A probe tells it to the
// client as a later segment of the server would.
TEST_P(Tracked, WindowOfASynAckIsToldScaled)
{
	cite("RFC 7323 section 2.2: the window of a SYN is not scaled");
	client(talk.syn(), "SYN-RECEIVED SYN-SENT");
	server(talk.synack(), "SYN-RECEIVED ESTABLISHED");
	server(talk.synack(), "SYN-RECEIVED ESTABLISHED");
	client(talk.c(SL_ACK, 1, 1, "request"), "ESTABLISHED ESTABLISHED");
	Sent probe;
	for (const Sent &s : road.advance(7200000, 1000))
		if (s.port == 0 && probe.fate == SL_FATE_NONE)
			probe = s;
	ASSERT_EQ(probe.fate, SL_FATE_MADE);
	EXPECT_EQ(probe.seg.flags, SL_ACK);
	EXPECT_EQ(probe.seg.wnd, talk.swnd >> talk.sws);
}

TEST_P(Tracked, RefusalEndsIt)
{
	cite("RFC 9293 section 3.10.7.3, second");
	client(talk.syn(), "SYN-RECEIVED SYN-SENT");
	server(talk.s(SL_RST | SL_ACK, 0, 7), "SYN-RECEIVED SYN-SENT");
	server(talk.s(SL_RST | SL_ACK, 0, 1), "CLOSED CLOSED");
	EXPECT_EQ(road.events(SL_EVENT_server_refused), 1u);
	client(talk.syn(), "SYN-RECEIVED SYN-SENT");
	EXPECT_EQ(road.count(), 1u);
}

TEST_P(Tracked, ClientsResetWhileOpeningEndsIt)
{
	cite("RFC 9293 section 3.10.7.4, second");
	client(talk.syn(), "SYN-RECEIVED SYN-SENT");
	client(talk.c(SL_RST, 1, 0), "CLOSED CLOSED");
	client(talk.syn(), "SYN-RECEIVED SYN-SENT");
	server(talk.synack(), "SYN-RECEIVED ESTABLISHED");
	client(talk.c(SL_RST, 1, 0), "CLOSED CLOSED");
}

TEST_P(Tracked, SimultaneousOpen)
{
	cite("RFC 9293 section 3.5, figure 7");
	Frame back = talk.synack();
	back.flags = SL_SYN;
	back.ack = 0;
	client(talk.syn(), "SYN-RECEIVED SYN-SENT");
	server(back, "SYN-RECEIVED SYN-RECEIVED");
	Frame again = talk.syn();
	again.flags = SL_SYN | SL_ACK;
	again.ack = talk.iss + 1;
	client(again, "ESTABLISHED SYN-RECEIVED");
	server(talk.synack(), "ESTABLISHED ESTABLISHED");
	EXPECT_EQ(road.events(SL_EVENT_connections_established), 1u);
	client(talk.c(SL_FIN | SL_ACK, 1, 1), "CLOSE-WAIT FIN-WAIT-1");
}

TEST_P(Tracked, SimultaneousOpenThatClosesAtOnce)
{
	cite("RFC 9293 section 3.6, CLOSE in SYN-RECEIVED");
	Frame back = talk.synack();
	back.flags = SL_SYN;
	back.ack = 0;
	client(talk.syn(), "SYN-RECEIVED SYN-SENT");
	server(back, "SYN-RECEIVED SYN-RECEIVED");
	client(talk.c(SL_FIN | SL_ACK, 1, 1), "CLOSE-WAIT SYN-RECEIVED");
	server(talk.s(SL_FIN | SL_ACK, 1, 2), "LAST-ACK TIME-WAIT");
	client(talk.c(SL_ACK, 2, 2), "CLOSED TIME-WAIT");
	EXPECT_EQ(road.events(SL_EVENT_connections_closed), 1u);
}

TEST_P(Tracked, ServerThatClosesBeforeTheHandshakeIsThrough)
{
	cite("RFC 9293 section 3.10.4: CLOSE in SYN-RECEIVED");
	client(talk.syn(), "SYN-RECEIVED SYN-SENT");
	server(talk.synack(), "SYN-RECEIVED ESTABLISHED");
	server(talk.s(SL_FIN | SL_ACK, 1, 1), "SYN-RECEIVED CLOSE-WAIT");
	client(talk.c(SL_ACK, 1, 2), "FIN-WAIT-2 CLOSE-WAIT");
	client(talk.c(SL_FIN | SL_ACK, 1, 2), "TIME-WAIT LAST-ACK");
	server(talk.s(SL_ACK, 2, 2), "TIME-WAIT CLOSED");
	EXPECT_EQ(road.events(SL_EVENT_connections_closed), 1u);
}

TEST_P(Tracked, FinThatDoesNotAcknowledgeTheSynDoesNotCount)
{
	cite("RFC 9293 section 3.10.7.4, fifth: SYN-RECEIVED");
	client(talk.syn(), "SYN-RECEIVED SYN-SENT");
	server(talk.synack(), "SYN-RECEIVED ESTABLISHED");
	client(talk.c(SL_FIN | SL_ACK, 1, 0), "SYN-RECEIVED ESTABLISHED");
	client(talk.c(SL_FIN | SL_ACK, 1, 1), "CLOSE-WAIT FIN-WAIT-1");
}

TEST_P(Tracked, FastOpen)
{
	cite("RFC 7413 section 2 and 4.2: data in the SYN, answered before the handshake is over");
	Frame syn = talk.syn();
	syn.payload = "GET /";
	client(syn, "SYN-RECEIVED SYN-SENT");
	Frame synack = talk.synack();
	synack.ack = talk.isn + 6;
	server(synack, "SYN-RECEIVED ESTABLISHED");
	server(talk.s(SL_ACK, 1, 6, "answer"), "SYN-RECEIVED ESTABLISHED");
	client(talk.c(SL_ACK, 6, 1), "ESTABLISHED ESTABLISHED");
	client(talk.c(SL_ACK, 6, 7), "ESTABLISHED ESTABLISHED");
}

TEST_P(Tracked, FastOpenWhoseDataIsRefused)
{
	cite("RFC 7413 section 4.2.2: the SYN alone is acknowledged");
	Frame syn = talk.syn();
	syn.payload = "GET /";
	client(syn, "SYN-RECEIVED SYN-SENT");
	server(talk.synack(), "SYN-RECEIVED ESTABLISHED");
	client(talk.c(SL_ACK, 1, 1, "GET /"), "ESTABLISHED ESTABLISHED");
}

TEST_P(Tracked, HalfOpenIsReclaimed)
{
	cite("design section 9: limits.half_open");
	client(talk.syn(), "SYN-RECEIVED SYN-SENT");
	EXPECT_TRUE(road.advance(10020).empty());
	EXPECT_EQ(road.states(), "CLOSED CLOSED");
	EXPECT_EQ(road.events(SL_EVENT_reclaimed_half_open), 1u);
	client(talk.syn(), "SYN-RECEIVED SYN-SENT");
}

TEST_P(Tracked, HalfOpenAfterTheSynAckIsResetAtBothEnds)
{
	cite("design section 9: limits.half_open");
	client(talk.syn(), "SYN-RECEIVED SYN-SENT");
	server(talk.synack(), "SYN-RECEIVED ESTABLISHED");
	road.advance(9980);
	const Road::Out out = road.advance(40);
	EXPECT_EQ(only(by_port(out, 0)).seg.seq, talk.iss + 1);
	EXPECT_EQ(only(by_port(out, 1)).seg.seq, talk.isn + 1);
	EXPECT_EQ(road.events(SL_EVENT_reclaimed_half_open), 1u);
	road.advance(10020);
	EXPECT_EQ(road.count(), 0u);
}

TEST_P(Tracked, ServerIsLearned)
{
	cite("design section 6: learned from each server's SYN-ACKs");
	Talk t = talk;
	t.timestamps = true;
	Frame syn = t.syn();
	client(syn, "SYN-RECEIVED SYN-SENT");
	server(t.synack(), "SYN-RECEIVED ESTABLISHED");
	const sl_addr a = addr(talk.server);
	const sl_learned *l = sl_learned_get(&road.p->relay.learned, &a, kNever);
	ASSERT_NE(l, nullptr);
	EXPECT_TRUE(l->timestamps);
	EXPECT_EQ(l->mss, 1460);
}

TEST_P(Tracked, SynFromInsideOpensWhateverTheServiceSays)
{
	cite("design section 4: a SYN from inside opens a tracked connection");
	talk.sport = kAlways;
	Frame syn = talk.s(SL_SYN, 0, 0);
	syn.options = mss(1460);
	const Sent out = only(road.inside(syn));
	EXPECT_EQ(out.port, 0u);
	EXPECT_EQ(out.bytes, syn.bytes());
	EXPECT_EQ(road.states(), "SYN-RECEIVED SYN-SENT");
	Frame answer = talk.c(SL_SYN | SL_ACK, 0, 1);
	answer.options = mss(1400);
	client(answer, "SYN-RECEIVED ESTABLISHED");
	server(talk.s(SL_ACK, 1, 1), "ESTABLISHED ESTABLISHED");
	server(talk.s(SL_FIN | SL_ACK, 1, 1), "CLOSE-WAIT FIN-WAIT-1");
	const sl_conn_info i = road.info();
	EXPECT_TRUE(i.inside_opened);
	EXPECT_FALSE(i.spliced);
	EXPECT_EQ(i.client_port, kAlways);
	EXPECT_EQ(i.server_port, talk.cport);
}

INSTANTIATE_TEST_SUITE_P(All, Tracked, ::testing::ValuesIn(kNumbers));

} // namespace
