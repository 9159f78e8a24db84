// SPDX-License-Identifier: BSD-3-Clause
// Timeouts and loss: RFC 9293 section 3.8 and 3.10.8, RFC 6298, 5681, 6582, 6675, 3042.
#include "endpoint.h"

namespace
{

// When it sent something next, ms from now; what it sent is left in `sent`.
uint64_t wait(Endpoint *e, uint64_t most_ms = 10000000)
{
	const uint64_t from = e->tcp.now_us;
	while (e->quiet() && e->tcp.now_us - from < most_ms * 1000 && e->tcb.state != SL_TCP_CLOSED)
		e->run_ms(1);
	return (e->tcp.now_us - from) / 1000;
}

TEST(Syn, IsSentAgainWithBackoff)
{
	RecordProperty("rfc", "9293 MUST-22, 9293 MUST-19, 6298 5.5, 6298 2.1");
	for (bool passive : {false, true}) {
		Endpoint e;
		if (passive)
			e.to_syn_received();
		else
			e.to_syn_sent();
		for (uint64_t due : {1000, 2000, 4000, 8000, 16000}) {
			EXPECT_NEAR(static_cast<double>(wait(&e)), static_cast<double>(due), 2);
			const Segment s = e.sent_next();
			EXPECT_EQ(s.flags, passive ? SL_SYN | SL_ACK : SL_SYN);
			EXPECT_EQ(s.seq, Endpoint::kIss);
			EXPECT_TRUE(e.quiet());
		}
	}
}

TEST(Syn, IsGivenUpAfterThreeMinutes)
{
	RecordProperty("rfc", "9293 MUST-23, 9293 MUST-20");
	Endpoint e;
	e.to_syn_sent();
	e.run_ms(179000);
	EXPECT_EQ(e.state(), SL_TCP_SYN_SENT);
	e.run_ms(121000);
	EXPECT_EQ(e.state(), SL_TCP_CLOSED);
	EXPECT_EQ(e.end(), SL_TCP_END_TIMEOUT);
}

TEST(Syn, ThatWasLostMakesTheBeginningSlow)
{
	RecordProperty("rfc", "6298 5.7, 5681 3.1");
	Endpoint e;
	e.to_syn_sent();
	e.run_ms(1100);
	e.sent.clear();
	e.arrive(e.peer_syn(SL_SYN | SL_ACK));
	e.sent.clear();
	e.send(pattern(0, 10000));
	EXPECT_EQ(e.sent.size(), 1u);
	e.sent.clear();
	EXPECT_NEAR(static_cast<double>(wait(&e)), 3000, 2);
}

TEST(Rto, SendsTheFirstSegmentAgainWithBackoff)
{
	RecordProperty("rfc", "9293 MUST-19, 6298 5.5, 6298 5.4, 5681 3.1");
	Endpoint e;
	e.to_established();
	e.send(pattern(0, 14600));
	e.sent.clear();
	uint64_t due = 1000;
	for (int i = 0; i < 5; i++, due *= 2) {
		EXPECT_NEAR(static_cast<double>(wait(&e)), static_cast<double>(due), 2);
		const Segment s = e.sent_next();
		EXPECT_EQ(s.seq, e.seq(0));
		EXPECT_EQ(s.payload, pattern(0, 1460));
		EXPECT_TRUE(e.quiet()) << "the loss window is one segment";
	}
	EXPECT_EQ(e.tcb.cc.cwnd, 1460u);
	EXPECT_EQ(e.tcb.cc.ssthresh, 7300u);
	// Slow start from there; what was lost after it goes again as well.
	e.arrive(e.peer(0, 1460));
	EXPECT_EQ(e.sent_next().seq, e.seq(1460));
	EXPECT_EQ(e.sent_next().seq, e.seq(2920));
	EXPECT_TRUE(e.quiet());
	// What had arrived all the same is passed over.
	e.arrive(e.peer(0, 11680));
	EXPECT_EQ(e.sent_next().seq, e.seq(11680));
}

TEST(Rto, TellsAtR1AndGivesUpAtR2)
{
	RecordProperty("rfc", "9293 MUST-20, 9293 SHLD-9, 9293 SHLD-10, 9293 SHLD-11");
	Endpoint e;
	e.to_established();
	e.send("x");
	e.run_ms(6500);
	EXPECT_EQ(e.tcp.counts.timeouts, 2u);
	EXPECT_FALSE(e.event(SL_TCP_EVENT_R1));
	e.run_ms(1000);
	EXPECT_TRUE(e.event(SL_TCP_EVENT_R1));
	e.run_ms(90000);
	EXPECT_EQ(e.state(), SL_TCP_ESTABLISHED);
	e.run_ms(100000);
	EXPECT_EQ(e.end(), SL_TCP_END_TIMEOUT);
}

TEST(Rto, R2IsTheUsersToSet)
{
	RecordProperty("rfc", "9293 MUST-21");
	Endpoint e;
	e.options.r2_ms = 5000;
	e.to_established();
	e.send("x");
	e.run_ms(10000);
	EXPECT_EQ(e.end(), SL_TCP_END_TIMEOUT);
}

TEST(Rto, TheUserTimeoutIsExact)
{
	RecordProperty("rfc", "9293 3.10.8-user");
	Endpoint e;
	e.options.user_timeout_ms = 4500;
	e.to_established();
	e.send("x");
	e.run_ms(4000);
	e.arrive(e.peer(0, 1)); // in time
	e.run_ms(10000);
	EXPECT_EQ(e.state(), SL_TCP_ESTABLISHED);
	e.send("y");
	e.run_ms(4499);
	EXPECT_EQ(e.state(), SL_TCP_ESTABLISHED);
	e.run_ms(2);
	EXPECT_EQ(e.end(), SL_TCP_END_USER_TIMEOUT);
}

TEST(Rto, KarnNoSampleOfWhatWasSentAgain)
{
	RecordProperty("rfc", "9293 MUST-18, 6298 3");
	Endpoint e;
	e.to_established();
	e.send("x");
	e.run_ms(1100);
	e.sent.clear();
	const uint32_t srtt = e.tcb.rtt.srtt8;
	e.arrive(e.peer(0, 1)); // of which?
	EXPECT_EQ(e.tcb.rtt.srtt8, srtt);
	EXPECT_GT(e.tcb.rtt.backoff, 0) << "until there is a sample";
	e.send("y");
	e.run_ms(100);
	e.arrive(e.peer(0, 2));
	EXPECT_EQ(e.tcb.rtt.backoff, 0);
	EXPECT_NE(e.tcb.rtt.srtt8, srtt);
}

TEST(Rto, WithTimestampsThereIsASampleOfWhatWasSentAgain)
{
	RecordProperty("rfc", "7323 4.1");
	Endpoint e;
	e.options.timestamps = true;
	e.open();
	Segment s = e.peer_syn(SL_SYN | SL_ACK);
	s.timestamps = true;
	e.arrive(s);
	e.send("x");
	e.sent.clear();
	wait(&e);
	const Segment again = e.sent_next();
	e.run_ms(40);
	s = e.peer(0, 1);
	s.timestamps = true;
	s.tsecr = again.tsval;
	const uint32_t before = e.tcb.rtt.srtt8;
	e.arrive(s);
	EXPECT_NE(e.tcb.rtt.srtt8, before);
	EXPECT_EQ(e.tcb.rtt.backoff, 0);
}

TEST(Rto, TheTimerRunsFromTheLastAckOfNewData)
{
	RecordProperty("rfc", "6298 5.2, 6298 5.3");
	Endpoint e;
	e.to_established();
	e.send(pattern(0, 2920));
	e.sent.clear();
	e.run_ms(800);
	e.arrive(e.peer(0, 1460));
	EXPECT_GE(wait(&e), 999u);
	e.sent.clear();
	e.arrive(e.peer(0, 2920));
	EXPECT_EQ(wait(&e, 100000), 100000u) << "nothing is outstanding";
}

TEST(Congestion, BeginsWithTenSegments)
{
	RecordProperty("rfc", "9293 MUST-19, 6928 2");
	Endpoint e;
	e.to_established();
	e.send(pattern(0, 30000));
	EXPECT_EQ(e.sent.size(), 10u);
	e.sent.clear();
	e.arrive(e.peer(0, 2920));
	EXPECT_EQ(e.sent.size(), 4u) << "slow start";
}

TEST(FastRetransmit, LimitedTransmit)
{
	RecordProperty("rfc", "3042 2");
	Endpoint e;
	e.sack = false;
	e.to_established();
	e.send(pattern(0, 30000));
	e.sent.clear();
	e.arrive(e.peer(0, 0));
	EXPECT_EQ(e.sent_next().seq, e.seq(14600));
	e.arrive(e.peer(0, 0));
	EXPECT_EQ(e.sent_next().seq, e.seq(16060));
	EXPECT_TRUE(e.quiet());
}

TEST(FastRetransmit, NewReno)
{
	RecordProperty("rfc", "5681 3.2, 6582 3.2");
	Endpoint e;
	e.sack = false;
	e.options.send_buffer = 100000;
	e.to_established();
	e.send(pattern(0, 60000));
	e.sent.clear();
	// The first and the fourth of ten are lost.
	for (int i = 0; i < 2; i++)
		e.arrive(e.peer(0, 0));
	e.sent.clear();
	e.arrive(e.peer(0, 0));
	EXPECT_EQ(e.sent_next().seq, e.seq(0));
	EXPECT_EQ(e.tcp.counts.fast_recoveries, 1u);
	for (int i = 0; i < 5; i++)
		e.arrive(e.peer(0, 0));
	e.sent.clear();
	// Partial.
	e.arrive(e.peer(0, 3 * 1460));
	EXPECT_EQ(e.sent_next().seq, e.seq(3 * 1460));
	EXPECT_TRUE(e.tcb.in_recovery);
	e.sent.clear();
	// All that had been sent.
	e.arrive(e.peer(0, 12 * 1460));
	EXPECT_FALSE(e.tcb.in_recovery);
	EXPECT_EQ(e.tcp.counts.fast_recoveries, 1u);
	EXPECT_EQ(e.tcp.counts.timeouts, 0u);
	EXPECT_LE(e.tcb.cc.cwnd, e.tcb.cc.ssthresh);
}

TEST(FastRetransmit, NotForDuplicatesThatATimeoutCaused)
{
	RecordProperty("rfc", "6582 3.2");
	Endpoint e;
	e.sack = false;
	e.to_established();
	e.send(pattern(0, 14600));
	e.sent.clear();
	e.run_ms(1100);
	e.arrive(e.peer(0, 1460));
	for (int i = 0; i < 5; i++)
		e.arrive(e.peer(0, 1460));
	EXPECT_EQ(e.tcp.counts.fast_recoveries, 0u);
}

// What carries data, or another window, is no duplicate: section 2.
TEST(FastRetransmit, NotForSegmentsThatSaySomethingElse)
{
	RecordProperty("rfc", "5681 3.2");
	Endpoint e;
	e.sack = false;
	e.to_established();
	e.send(pattern(0, 14600));
	e.sent.clear();
	for (uint32_t i = 0; i < 5; i++)
		e.arrive(e.peer(4 * i, 0, "data"));
	for (uint16_t i = 1; i < 5; i++) {
		Segment s = e.arrive_with(static_cast<uint16_t>(65535 - i), e.peer(20, 0));
	}
	EXPECT_EQ(e.tcp.counts.fast_recoveries, 0u);
	EXPECT_EQ(e.tcb.n_dup_acks, 0);
}

TEST(FastRetransmit, SackFillsTheHolesOnly)
{
	RecordProperty("rfc", "6675 5");
	Endpoint e;
	e.to_established();
	e.send(pattern(0, 14600));
	e.sent.clear();
	// The second and the fifth of ten are lost.
	e.arrive(e.peer(0, 1460));
	e.sent.clear();
	Segment s = e.peer(0, 1460);
	s.sack = {{e.seq(2 * 1460), e.seq(3 * 1460)}};
	e.arrive(s);
	s.sack = {{e.seq(2 * 1460), e.seq(4 * 1460)}};
	e.arrive(s);
	s.sack = {{e.seq(5 * 1460), e.seq(6 * 1460)}, {e.seq(2 * 1460), e.seq(4 * 1460)}};
	e.arrive(s);
	ASSERT_FALSE(e.quiet());
	EXPECT_EQ(e.sent_next().seq, e.seq(1460));
	EXPECT_EQ(e.tcp.counts.fast_recoveries, 1u);
	s.sack = {{e.seq(5 * 1460), e.seq(10 * 1460)}, {e.seq(2 * 1460), e.seq(4 * 1460)}};
	e.arrive(s);
	ASSERT_FALSE(e.quiet());
	EXPECT_EQ(e.sent_next().seq, e.seq(4 * 1460));
	e.arrive(e.peer(0, 14600));
	EXPECT_FALSE(e.tcb.in_recovery);
	EXPECT_EQ(e.tcp.counts.retransmitted, 2u);
	EXPECT_EQ(e.tcp.counts.timeouts, 0u);
}

TEST(Sack, IsForgottenAtATimeout)
{
	RecordProperty("rfc", "2018 8");
	Endpoint e;
	e.to_established();
	e.send(pattern(0, 4380));
	e.sent.clear();
	Segment s = e.peer(0, 0);
	s.sack = {{e.seq(1460), e.seq(4380)}};
	e.arrive(s);
	e.sent.clear();
	e.run_ms(1100);
	e.sent.clear();
	// The receiver has given it up.
	e.arrive(e.peer(0, 1460));
	EXPECT_EQ(e.sent_next().seq, e.seq(1460));
}

// CVE-2019-11477, -11478: what is SACKed in tiny pieces.
TEST(Sack, InTinyPiecesIsBounded)
{
	Endpoint e;
	e.options.send_buffer = 1 << 20;
	e.options.wscale = 0;
	e.open();
	Segment syn = e.peer_syn(SL_SYN | SL_ACK);
	syn.wscale = 14;
	e.arrive(syn);
	e.arrive(e.peer(0, 0));
	e.send(pattern(0, 1 << 20));
	for (uint32_t i = 0; i < 3000; i++) {
		Segment s = e.peer(0, 0);
		for (uint32_t k = 0; k < 4; k++)
			s.sack.emplace_back(e.seq((4 * i + k) * 3 + 1), e.seq((4 * i + k) * 3 + 2));
		e.arrive(s);
		e.sent.clear();
	}
	EXPECT_EQ(e.state(), SL_TCP_ESTABLISHED);
	e.arrive(e.peer(0, 1460));
	EXPECT_EQ(e.tcb.snd_una, e.seq(1460));
}

// Lies: beyond what was sent, backwards, empty, below.
TEST(Sack, ThatCantBeIsPassedOver)
{
	Endpoint e;
	e.to_established();
	e.send(pattern(0, 2920));
	e.sent.clear();
	for (int i = 0; i < 10; i++) {
		Segment s = e.peer(0, 0);
		s.sack = {{e.seq(1460), e.seq(1460)},
			  {e.seq(2000), e.seq(1500)},
			  {e.seq(1460), e.seq(2921)},
			  {e.seq(0) - 1000, e.seq(0) - 10}};
		e.arrive(s);
	}
	EXPECT_EQ(e.tcp.counts.fast_recoveries, 0u);
	EXPECT_TRUE(e.quiet());
}

// ---- Keepalive

TEST(Keepalive, IsOffByDefault)
{
	RecordProperty("rfc", "9293 MUST-24, 9293 MUST-25");
	Endpoint e;
	e.to_established();
	EXPECT_EQ(wait(&e, 3 * 7200000), 3u * 7200000);
}

TEST(Keepalive, ProbesWhenNothingCame)
{
	RecordProperty("rfc", "9293 MUST-26, 9293 MUST-27, 9293 MUST-28, 9293 MUST-29, 9293 "
			      "SHLD-12, 1122 4.2.3.6");
	EXPECT_GE(sl_tcp_options_default.keepalive_ms, 7200000u);
	Endpoint e;
	e.options.keepalive = true;
	e.options.keepalive_ms = 10000;
	e.options.probe_interval_ms = 1000;
	e.options.probes = 3;
	e.to_established();
	e.run_ms(9000);
	e.arrive(e.peer(0, 0, "x"));
	e.run_ms(500);
	e.sent.clear();
	EXPECT_NEAR(static_cast<double>(wait(&e)), 9500, 2);
	Segment s = e.sent_next();
	EXPECT_EQ(s.seq, e.seq(0) - 1);
	EXPECT_TRUE(s.payload.empty());
	EXPECT_EQ(wait(&e), 1000u);
	e.sent.clear();
	// An answer, and all begins anew.
	e.arrive(e.peer(1, 0));
	EXPECT_NEAR(static_cast<double>(wait(&e)), 10000, 2);
	e.sent.clear();
	for (int i = 0; i < 2; i++) {
		EXPECT_EQ(wait(&e), 1000u);
		EXPECT_EQ(e.sent_next().seq, e.seq(0) - 1);
	}
	EXPECT_EQ(wait(&e), 1000u);
	EXPECT_EQ(e.end(), SL_TCP_END_KEEPALIVE);
	EXPECT_TRUE(e.sent_next().flags & SL_RST);
}

// Half-closed, and the peer is gone: nothing else would tell.
TEST(Keepalive, AsksAlsoForThePeersHalf)
{
	Endpoint e;
	e.options.keepalive = true;
	e.options.keepalive_ms = 10000;
	e.options.probe_interval_ms = 1000;
	e.options.probes = 3;
	e.to_fin_wait_2();
	e.run_ms(14000);
	EXPECT_EQ(e.end(), SL_TCP_END_KEEPALIVE);
}

TEST(Keepalive, OfThePeerIsAnswered)
{
	RecordProperty("rfc", "1122 4.2.3.6");
	Endpoint e;
	e.to_established();
	e.arrive(e.peer(0, 0, "x"));
	e.run_ms(500);
	e.sent.clear();
	for (const char *garbage : {"", "?"}) {
		e.arrive(e.peer(0, 0, garbage));
		const Segment s = e.sent_next();
		EXPECT_EQ(s.flags, SL_ACK);
		EXPECT_EQ(s.ack, e.peer_seq(1));
		EXPECT_EQ(s.seq, e.seq(0));
	}
}

// ---- No buffers

TEST(NoBuffers, NothingIsLostButTime)
{
	Endpoint e;
	e.to_established();
	e.no_buffers = true;
	e.send("data");
	e.arrive(e.peer(0, 0, pattern(0, 3000)));
	e.run_ms(500);
	e.no_buffers = false;
	e.run_ms(2000);
	bool data = false, ack = false;
	while (!e.quiet()) {
		const Segment s = e.sent_next();
		data |= s.payload == "data";
		ack |= s.ack == e.peer_seq(3000);
	}
	EXPECT_TRUE(data);
	EXPECT_TRUE(ack);
}

TEST(NoBuffers, ASynGoesLater)
{
	Endpoint e;
	e.no_buffers = true;
	e.open();
	e.no_buffers = false;
	EXPECT_EQ(wait(&e), 1000u);
	EXPECT_EQ(e.sent_next().flags, SL_SYN);
	e.arrive(e.peer_syn(SL_SYN | SL_ACK));
	EXPECT_EQ(e.state(), SL_TCP_ESTABLISHED);
}

TEST(FastRetransmit, ARetransmissionThatFoundNoBufferIsTriedAgain)
{
	RecordProperty("rfc", "5681 3.2");
	Endpoint e;
	e.sack = false;
	e.to_established();
	e.send(pattern(0, 14600));
	e.sent.clear();
	e.no_buffers = true;
	for (unsigned i = 0; i < 3; i++)
		e.arrive(e.peer(0, 0));
	ASSERT_EQ(e.tcp.counts.fast_recoveries, 1u);
	e.no_buffers = false;
	e.arrive(e.peer(0, 0));
	EXPECT_EQ(e.sent_next().seq, e.seq(0));
	for (const Segment &s : e.sent)
		EXPECT_NE(s.seq, e.seq(0)) << "once";
}

// SACKs of our own take room in what is sent again: the rest of it is not taken for sent.
TEST(FastRetransmit, ARetransmissionThatWasCutShortIsFinished)
{
	RecordProperty("rfc", "6675 4");
	Endpoint e;
	e.to_established();
	e.send(pattern(0, 14600));
	e.arrive(e.peer(100, 0, "z"));
	e.sent.clear();
	for (uint32_t i = 1; i <= 9; i++) {
		Segment s = e.peer(101, 0);
		s.sack = {{e.seq(1460), e.seq(1460 * (i + 1))}};
		e.arrive(s);
	}
	ASSERT_EQ(e.sent_next().payload.size(), 1448u);
	const Segment rest = e.sent_next();
	EXPECT_EQ(rest.seq, e.seq(1448));
	EXPECT_EQ(rest.payload.size(), 12u);
	EXPECT_EQ(e.tcp.counts.timeouts, 0u);
}

TEST(UserTimeout, ThatIsTakenBackDoesNotEndAnything)
{
	Endpoint e;
	e.options.user_timeout_ms = 5000;
	e.to_established();
	e.send("a");
	e.options.user_timeout_ms = 0;
	sl_tcp_options_changed(&e.tcp, &e.tcb);
	e.run_ms(20000);
	EXPECT_EQ(e.state(), SL_TCP_ESTABLISHED);
	e.options.user_timeout_ms = 5000;
	sl_tcp_options_changed(&e.tcp, &e.tcb);
	e.run_ms(5100);
	EXPECT_EQ(e.state(), SL_TCP_CLOSED);
}

TEST(OptionsChanged, WhatWaitsDoesNotWaitLonger)
{
	Endpoint e;
	e.options.keepalive = true;
	e.options.keepalive_ms = 7200000;
	e.to_established();
	e.run_ms(1000);
	e.options.keepalive_ms = 10000;
	sl_tcp_options_changed(&e.tcp, &e.tcb);
	e.run_ms(10100);
	EXPECT_EQ(e.tcp.counts.keepalives, 1u);
	e.arrive(e.peer(0, 0));
	e.close();
	e.arrive(e.peer(0, 1, "", SL_ACK | SL_FIN));
	ASSERT_EQ(e.state(), SL_TCP_TIME_WAIT);
	e.options.time_wait_ms = 5000;
	sl_tcp_options_changed(&e.tcp, &e.tcb);
	e.run_ms(5100);
	EXPECT_EQ(e.state(), SL_TCP_CLOSED);
}

// One SYN a second, of a peer that does not finish, is one handshake.
TEST(SynReceived, EndsThoughItsSynComesAgainAndAgain)
{
	RecordProperty("rfc", "9293 MUST-23");
	Endpoint e;
	e.to_syn_received();
	for (unsigned i = 0; i < 1000 && e.state() != SL_TCP_CLOSED; i++) {
		e.arrive(e.peer_syn());
		e.sent.clear();
		e.run_ms(900);
	}
	EXPECT_EQ(e.state(), SL_TCP_CLOSED);
	EXPECT_EQ(e.end(), SL_TCP_END_TIMEOUT);
}

// It is of data; the SYN has R2 of its own. Nothing that ends the handshake would end it.
TEST(UserTimeout, ThatIsSetDuringTheHandshakeDoesNotEndTheConnection)
{
	RecordProperty("rfc", "5482 3, 9293 3.9.1");
	for (sl_tcp_state state : {SL_TCP_SYN_SENT, SL_TCP_SYN_RECEIVED}) {
		Endpoint e;
		e.to(state);
		e.options.user_timeout_ms = 5000;
		sl_tcp_options_changed(&e.tcp, &e.tcb);
		e.arrive(state == SL_TCP_SYN_SENT ? e.peer_syn(SL_SYN | SL_ACK) : e.peer(0, 0));
		ASSERT_EQ(e.state(), SL_TCP_ESTABLISHED);
		e.run_ms(10000);
		EXPECT_EQ(e.state(), SL_TCP_ESTABLISHED) << "nothing is unacknowledged";
		e.send("x");
		e.run_ms(5001);
		EXPECT_EQ(e.end(), SL_TCP_END_USER_TIMEOUT);
	}
}

TEST(OptionsChanged, WhatIsOverStaysAsItEnded)
{
	RecordProperty("rfc", "9293 MUST-12");
	Endpoint e;
	e.to_established();
	e.send("data");
	Segment rst = e.peer(0, 0);
	rst.flags = SL_RST;
	e.arrive(rst);
	ASSERT_EQ(e.end(), SL_TCP_END_RESET);
	e.options.user_timeout_ms = 5000;
	sl_tcp_options_changed(&e.tcp, &e.tcb);
	EXPECT_EQ(sl_tcp_next_deadline(&e.tcp, &e.tcb), UINT64_MAX);
	e.run_ms(10000);
	EXPECT_EQ(e.end(), SL_TCP_END_RESET);
}

} // namespace
