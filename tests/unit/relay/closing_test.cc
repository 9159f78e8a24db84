// SPDX-License-Identifier: BSD-3-Clause
// The ways a connection ends in order, and what both legs are called after every step.
#include "road.h"

using namespace sl_test;

namespace
{

class Closing : public OnRoad
{
      protected:
	void SetUp() override
	{
		talk.swnd = 2920;
		talk.open();
	}

	/// A segment of one end goes on to the other; then the legs are in these states.
	void client(unsigned flags, uint32_t seq, uint32_t ack, const std::string &then,
		    const std::string &payload = "")
	{
		const Sent s = only(road.outside(talk.c(flags, seq, ack, payload)));
		EXPECT_EQ(s.port, 1u);
		EXPECT_EQ(s.seg.seq, talk.isn + seq);
		EXPECT_EQ(road.states(), then);
	}

	void server(unsigned flags, uint32_t seq, uint32_t ack, const std::string &then,
		    const std::string &payload = "")
	{
		const Sent s = only(road.inside(talk.s(flags, seq, ack, payload)));
		EXPECT_EQ(s.port, 0u);
		EXPECT_EQ(s.seg.seq, talk.cookie + seq);
		EXPECT_EQ(road.states(), then);
	}

	/// Client first, four segments.
	void close()
	{
		client(SL_FIN | SL_ACK, 1, 1, "CLOSE-WAIT FIN-WAIT-1");
		server(SL_ACK, 1, 2, "CLOSE-WAIT FIN-WAIT-2");
		server(SL_FIN | SL_ACK, 1, 2, "LAST-ACK TIME-WAIT");
		client(SL_ACK, 2, 2, "CLOSED TIME-WAIT");
	}
};

TEST_P(Closing, ClientFirst)
{
	cite("RFC 9293 section 3.6, figure 12");
	close();
	EXPECT_EQ(road.events(SL_EVENT_connections_closed), 1u);
	EXPECT_EQ(road.timer(), "time_wait");
}

TEST_P(Closing, ServerFirst)
{
	cite("RFC 9293 section 3.6, figure 12");
	server(SL_FIN | SL_ACK, 1, 1, "FIN-WAIT-1 CLOSE-WAIT");
	client(SL_ACK, 1, 2, "FIN-WAIT-2 CLOSE-WAIT");
	client(SL_FIN | SL_ACK, 1, 2, "TIME-WAIT LAST-ACK");
	server(SL_ACK, 2, 2, "TIME-WAIT CLOSED");
	EXPECT_EQ(road.events(SL_EVENT_connections_closed), 1u);
}

TEST_P(Closing, FinsThatCross)
{
	cite("RFC 9293 section 3.6, figure 13");
	client(SL_FIN | SL_ACK, 1, 1, "CLOSE-WAIT FIN-WAIT-1");
	server(SL_FIN | SL_ACK, 1, 1, "LAST-ACK CLOSING");
	client(SL_ACK, 2, 2, "CLOSED CLOSING");
	server(SL_ACK, 2, 2, "CLOSED TIME-WAIT");
	EXPECT_EQ(road.events(SL_EVENT_connections_closed), 1u);
}

TEST_P(Closing, FinAndAckInOne)
{
	cite("RFC 9293 section 3.10.7.4, fifth and eighth: the ACK counts before the FIN");
	client(SL_FIN | SL_ACK, 1, 1, "CLOSE-WAIT FIN-WAIT-1");
	server(SL_FIN | SL_ACK, 1, 2, "LAST-ACK TIME-WAIT");
	client(SL_ACK, 2, 2, "CLOSED TIME-WAIT");
}

TEST_P(Closing, ServerFirstWithFinAndAckInOne)
{
	cite("RFC 9293 section 3.10.7.4, fifth and eighth");
	server(SL_FIN | SL_ACK, 1, 1, "FIN-WAIT-1 CLOSE-WAIT");
	client(SL_FIN | SL_ACK, 1, 2, "TIME-WAIT LAST-ACK");
	server(SL_ACK, 2, 2, "TIME-WAIT CLOSED");
}

TEST_P(Closing, HalfClosedConnectionCarriesOn)
{
	cite("RFC 9293 section 3.6; design section 9: a half-closed download survives");
	client(SL_FIN | SL_ACK, 1, 1, "CLOSE-WAIT FIN-WAIT-1");
	for (uint32_t n = 1; n < 10001; n += 1000) {
		server(SL_ACK, n, 2, "CLOSE-WAIT FIN-WAIT-2", std::string(1000, 'x'));
		client(SL_ACK, 2, n + 1000, "CLOSE-WAIT FIN-WAIT-2");
		EXPECT_TRUE(road.advance(59000, 1000).empty());
	}
	server(SL_FIN | SL_ACK, 10001, 2, "LAST-ACK TIME-WAIT");
	client(SL_ACK, 2, 10002, "CLOSED TIME-WAIT");
}

TEST_P(Closing, FinBeforeTheDataThatWasLost)
{
	cite("RFC 9293 section 3.10.7.4, eighth");
	client(SL_FIN | SL_ACK, 4, 1, "CLOSE-WAIT FIN-WAIT-1");
	server(SL_ACK, 1, 1, "CLOSE-WAIT FIN-WAIT-1");
	client(SL_ACK, 1, 1, "CLOSE-WAIT FIN-WAIT-1", "abc");
	server(SL_ACK, 1, 5, "CLOSE-WAIT FIN-WAIT-2");
}

TEST_P(Closing, DataAndFinInOne)
{
	cite("RFC 9293 section 3.10.7.4");
	client(SL_FIN | SL_ACK, 1, 1, "CLOSE-WAIT FIN-WAIT-1", "bye");
	server(SL_ACK, 1, 4, "CLOSE-WAIT FIN-WAIT-1");
	server(SL_ACK, 1, 5, "CLOSE-WAIT FIN-WAIT-2");
}

TEST_P(Closing, TimeWaitEndsWhenItsTimeIsUp)
{
	cite("RFC 9293 section 3.4.2 and figure 5: 2MSL");
	close();
	road.advance(59980);
	EXPECT_EQ(road.states(), "CLOSED TIME-WAIT");
	road.advance(40);
	EXPECT_EQ(road.count(), 0u);
	EXPECT_EQ(road.events(SL_EVENT_time_wait_expired), 1u);
}

TEST_P(Closing, FinAgainRestartsTimeWait)
{
	cite("RFC 9293 section 3.10.7.4, eighth: restart the 2 MSL timeout");
	close();
	road.advance(50000, 100);
	server(SL_FIN | SL_ACK, 1, 2, "CLOSED TIME-WAIT");
	client(SL_ACK, 2, 2, "CLOSED TIME-WAIT");
	road.advance(59980, 10);
	EXPECT_EQ(road.count(), 1u);
	road.advance(40);
	EXPECT_EQ(road.count(), 0u);
}

TEST_P(Closing, AckInTimeWaitRestartsNothing)
{
	cite("RFC 9293 section 3.10.7.4, eighth");
	close();
	road.advance(50000, 100);
	client(SL_ACK, 2, 2, "CLOSED TIME-WAIT");
	road.advance(10040);
	EXPECT_EQ(road.count(), 0u);
}

TEST_P(Closing, LostLastAckComesAgain)
{
	cite("RFC 9293 section 3.6: case of a lost ACK of the FIN");
	client(SL_FIN | SL_ACK, 1, 1, "CLOSE-WAIT FIN-WAIT-1");
	server(SL_FIN | SL_ACK, 1, 2, "LAST-ACK TIME-WAIT");
	road.advance(20000, 100);
	server(SL_FIN | SL_ACK, 1, 2, "LAST-ACK TIME-WAIT");
	road.advance(20000, 100);
	client(SL_ACK, 2, 2, "CLOSED TIME-WAIT");
}

TEST_P(Closing, ResetInTimeWaitGoesOnAndChangesNothing)
{
	cite("RFC 1337 section 3: ignore RST segments in TIME-WAIT");
	close();
	road.outside(talk.c(SL_RST, 2, 0));
	EXPECT_EQ(road.states(), "CLOSED TIME-WAIT");
	road.outside(talk.c(SL_RST, 1, 0));
	EXPECT_EQ(road.events(SL_EVENT_connections_reset), 0u);
	road.advance(59980, 10);
	EXPECT_EQ(road.states(), "CLOSED TIME-WAIT");
	road.advance(40);
	EXPECT_EQ(road.count(), 0u);
	EXPECT_EQ(road.events(SL_EVENT_connections_reset), 0u);
}

TEST_P(Closing, SynWithHigherNumberMayFollow)
{
	cite("RFC 1122 section 4.2.2.13; design section 5: the entry stays until the ACK proves");
	close();
	const uint32_t old = talk.cookie;
	EXPECT_TRUE(road.outside(talk.syn()).empty()) << "the old SYN again";
	Talk next = talk;
	next.isn = talk.isn + 1;
	EXPECT_TRUE(road.outside(next.syn()).empty()) << "last number used";
	EXPECT_EQ(road.drops(SL_DROP_stray), 2u);
	next.isn = talk.isn + 2;
	next.iss = talk.iss + 90000;
	next.ask();
	EXPECT_NE(next.cookie, old);
	EXPECT_EQ(road.states(), "CLOSED TIME-WAIT") << "a spoofed SYN must not destroy it";
	server(SL_FIN | SL_ACK, 1, 2, "CLOSED TIME-WAIT");
	const Sent syn = only(road.outside(next.c(SL_ACK, 1, 1)));
	EXPECT_EQ(syn.seg.flags, SL_SYN);
	EXPECT_EQ(syn.seg.seq, next.isn);
	EXPECT_EQ(road.count(), 1u);
	EXPECT_EQ(road.states(), "ESTABLISHED SYN-SENT");
	road.inside(next.synack());
	EXPECT_EQ(road.states(), "ESTABLISHED ESTABLISHED");
}

TEST_P(Closing, SuccessorsNumbersAreAboveTheOldOnes)
{
	cite("design section 5: the new ISN is above the old SND.NXT; RFC 1122 section 4.2.2.13");
	close();
	const uint32_t last = talk.cookie + 2;
	Talk next = talk;
	next.isn = talk.isn + 100;
	next.ask();
	EXPECT_TRUE(sl_seq_gt(next.cookie, last) && sl_seq_lt(next.cookie, last + 0x1000002));
	Talk again = next;
	again.ask();
	EXPECT_EQ(again.cookie, next.cookie) << "the same SYN, the same answer";
	next.iss = talk.iss + 90000;
	EXPECT_EQ(only(road.outside(next.c(SL_ACK, 1, 1))).seg.seq, next.isn);
	road.inside(next.synack());
	EXPECT_EQ(only(road.inside(next.s(SL_ACK, 1, 1, "x"))).seg.seq, next.cookie + 1);
}

TEST_P(Closing, SpoofedSuccessorLocksOutNobody)
{
	cite("design section 5: a spoofed SYN must not destroy it");
	close();
	Talk spoofed = talk, next = talk;
	spoofed.isn = talk.isn + 5000;
	spoofed.ask();
	next.isn = talk.isn + 100;
	next.iss = talk.iss + 90000;
	next.ask();
	EXPECT_FALSE(only(road.outside(next.c(SL_ACK, 1, 2))).seg.flags & SL_SYN) << "a guess";
	EXPECT_EQ(road.states(), "CLOSED TIME-WAIT");
	EXPECT_EQ(only(road.outside(next.c(SL_ACK, 1, 1))).seg.flags, SL_SYN);
	EXPECT_EQ(road.states(), "ESTABLISHED SYN-SENT");
}

TEST_P(Closing, TimestampsMayFollowAConnectionWithout)
{
	cite("RFC 6191 section 2: the previous incarnation did not use timestamps");
	close();
	Talk next = talk;
	next.isn = talk.isn - 70000;
	EXPECT_TRUE(road.outside(next.syn()).empty()) << "they would not be granted";
	road.teach(talk.server, kAlways, 1460, true);
	next.offer_ts = false;
	EXPECT_TRUE(road.outside(next.syn()).empty());
	next.offer_ts = true;
	next.ask();
	EXPECT_EQ(only(road.outside(next.c(SL_ACK, 1, 1))).seg.seq, next.isn);
}

TEST_P(Closing, SuccessorThatFindsNoBufferMayTryAgain)
{
	cite("design section 5: the entry stays until the ACK proves the successor");
	close();
	Talk next = talk;
	next.isn = talk.isn + 5000;
	next.ask();
	road.n_spares = 0;
	EXPECT_TRUE(road.outside(next.c(SL_ACK, 1, 1)).empty());
	EXPECT_EQ(road.drops(SL_DROP_no_buffer), 1u);
	EXPECT_EQ(road.states(), "CLOSED TIME-WAIT");
	road.n_spares = SL_SPARES;
	EXPECT_EQ(only(road.outside(next.c(SL_ACK, 1, 1))).seg.flags, SL_SYN);
	EXPECT_EQ(road.states(), "ESTABLISHED SYN-SENT");
}

TEST_P(Closing, ReplayOfTheHandshakeInTimeWaitOpensNothing)
{
	cite("design section 5: replay");
	close();
	road.outside(talk.c(SL_ACK, 1, 1));
	EXPECT_EQ(road.states(), "CLOSED TIME-WAIT");
	EXPECT_EQ(road.events(SL_EVENT_connections_opened), 1u);
}

TEST_P(Closing, SynOfTheServersHostIsJudgedByItsOwnNumbers)
{
	cite("RFC 1122 section 4.2.2.13");
	close();
	Frame syn = talk.s(SL_SYN, 0, 0);
	syn.seq = talk.iss + 1;
	EXPECT_TRUE(road.inside(syn).empty());
	syn.seq = talk.iss + 2;
	EXPECT_EQ(only(road.inside(syn)).port, 0u);
	EXPECT_EQ(road.states(), "SYN-RECEIVED SYN-SENT");
	EXPECT_TRUE(road.info().inside_opened);
}

INSTANTIATE_TEST_SUITE_P(All, Closing, ::testing::ValuesIn(kNumbers));

TEST(ClosingWithTimestamps, NewerTimestampMayFollow)
{
	::testing::Test::RecordProperty("source", "RFC 6191 section 2");
	Road road;
	Talk talk(road);
	road.teach(talk.server, kAlways, 1460, true);
	talk.open();
	road.outside(talk.c(SL_FIN | SL_ACK, 1, 1));
	road.inside(talk.s(SL_FIN | SL_ACK, 1, 2));
	road.outside(talk.c(SL_ACK, 2, 2));
	ASSERT_EQ(road.states(), "CLOSED TIME-WAIT");
	Talk next = talk;
	next.isn = talk.isn - 5000;
	EXPECT_TRUE(road.outside(next.syn()).empty());
	next.ctsval--;
	EXPECT_TRUE(road.outside(next.syn()).empty());
	next.ctsval += 2;
	next.ask();
	EXPECT_EQ(only(road.outside(next.c(SL_ACK, 1, 1))).seg.seq, next.isn);
}

} // namespace
