// SPDX-License-Identifier: BSD-3-Clause
// Numbers, windows and options of a joined connection, as they leave on the other side.
#include "road.h"

using namespace sl_test;

namespace
{

class Translate : public OnRoad
{
      protected:
	/// What goes on of a client's frame, and of a server's.
	Sent to_server(const Frame &f)
	{
		const Sent s = only(road.outside(f));
		EXPECT_EQ(s.port, 1u);
		EXPECT_EQ(s.fate, SL_FATE_RELAYED);
		return s;
	}

	Sent to_client(const Frame &f)
	{
		const Sent s = only(road.inside(f));
		EXPECT_EQ(s.port, 0u);
		EXPECT_EQ(s.fate, SL_FATE_RELAYED);
		return s;
	}

	static uint32_t edge(const Sent &s, unsigned i)
	{
		const uint8_t *p = &s.bytes[s.seg.sack_off + 2 + 4 * i];
		return static_cast<uint32_t>(p[0]) << 24 | p[1] << 16 | p[2] << 8 | p[3];
	}
};

TEST_P(Translate, SequenceAndAcknowledgmentBothWays)
{
	cite("design section 6: d = K - S");
	talk.open();
	for (uint32_t n = 1; n < 400; n += 100) {
		const Sent s = to_server(talk.c(SL_ACK | SL_PSH, n, n, std::string(100, 'c')));
		EXPECT_EQ(s.seg.seq, talk.isn + n);
		EXPECT_EQ(s.seg.ack, talk.iss + n);
		EXPECT_EQ(s.payload(), std::string(100, 'c'));
		EXPECT_EQ(s.seg.flags, SL_ACK | SL_PSH);
		const Sent c = to_client(talk.s(SL_ACK, n, n + 100, std::string(100, 's')));
		EXPECT_EQ(c.seg.seq, talk.cookie + n);
		EXPECT_EQ(c.seg.ack, talk.isn + n + 100);
		EXPECT_EQ(c.payload(), std::string(100, 's'));
	}
	const sl_conn_info i = road.info();
	EXPECT_EQ(i.bytes[SL_LEG_CLIENT], 400u);
	EXPECT_EQ(i.bytes[SL_LEG_SERVER], 400u);
}

TEST_P(Translate, SackEdgesAtAnyOffset)
{
	cite("RFC 2018 section 3; RFC 9293 MUST-64");
	talk.open();
	to_client(talk.s(SL_ACK, 1, 1, std::string(900, 's')));
	for (size_t pad = 0; pad < 4; pad++) {
		Frame f = talk.c(SL_ACK, 1, 101);
		const uint32_t base = talk.cookie + 1;
		f.options = nop(pad) + sack({base + 200, base + 300, base + 400, base + 500});
		const Sent s = to_server(f);
		ASSERT_EQ(s.seg.n_sack, 2);
		EXPECT_EQ(edge(s, 0), talk.iss + 201);
		EXPECT_EQ(edge(s, 1), talk.iss + 301);
		EXPECT_EQ(edge(s, 2), talk.iss + 401);
		EXPECT_EQ(edge(s, 3), talk.iss + 501);
	}
}

TEST_P(Translate, SackOfTheServerPassesUnchanged)
{
	cite("design section 6: the client's own numbers pass unchanged");
	talk.open();
	Frame f = talk.s(SL_ACK, 1, 1);
	f.options = nop(2) + sack({talk.isn + 5, talk.isn + 9});
	const Sent s = to_client(f);
	EXPECT_EQ(edge(s, 0), talk.isn + 5);
	EXPECT_EQ(edge(s, 1), talk.isn + 9);
}

TEST_P(Translate, SackIsErasedForAServerThatRefusedIt)
{
	cite("design section 6: overwritten with NOP");
	talk.ssack = false;
	talk.open();
	for (size_t pad = 0; pad < 3; pad++) {
		Frame f = talk.c(SL_ACK, 1, 1);
		f.options = nop(pad) + sack({talk.cookie + 5, talk.cookie + 9});
		const Sent s = to_server(f);
		EXPECT_EQ(s.seg.sack_off, 0);
		Bytes want = nop(10 + pad);
		want.resize(12);
		EXPECT_EQ(s.options(), want);
	}
}

TEST_P(Translate, TimestampsAtOddOffsets)
{
	cite("RFC 7323 section 3.2; RFC 9293 MUST-64");
	road.teach(talk.server, kAlways, 1460, true);
	talk.open();
	for (uint32_t n = 0; n < 3; n++) {
		Frame s = talk.s(SL_ACK, 1 + n, 1, "x");
		s.options = nop(n) + ts(talk.stsval + n, talk.ctsval);
		Sent out = to_client(s);
		EXPECT_EQ(out.seg.tsval, talk.ctsecr + n);
		EXPECT_EQ(out.seg.tsecr, talk.ctsval);
		Frame c = talk.c(SL_ACK, 1, 2 + n);
		c.options = nop(n) + ts(talk.ctsval + n, talk.ctsecr + n);
		out = to_server(c);
		EXPECT_EQ(out.seg.tsval, talk.ctsval + n);
		EXPECT_EQ(out.seg.tsecr, talk.stsval + n);
	}
}

TEST_P(Translate, WindowOfTheServerIsScaledToWhatTheClientWasTold)
{
	cite("RFC 7323 section 2.2");
	talk.open(); /* shift 4 at the server, 7 promised */
	Frame f = talk.s(SL_ACK, 1, 1);
	const std::pair<uint16_t, uint16_t> cases[] = {{0, 0},  {1, 1},      {7, 1},       {8, 1},
						       {16, 2}, {4096, 512}, {65535, 8191}};
	for (const auto &c : cases) {
		f.wnd = c.first;
		EXPECT_EQ(to_client(f).seg.wnd, c.second);
	}
}

TEST_P(Translate, WindowOfTheClientPassesWhenTheServerScales)
{
	cite("design section 6");
	talk.open();
	Frame f = talk.c(SL_ACK, 1, 1);
	for (uint16_t w : {0, 1, 1000, 65535}) {
		f.wnd = w;
		EXPECT_EQ(to_server(f).seg.wnd, w);
	}
}

TEST_P(Translate, WindowsWithAServerThatRefusesToScale)
{
	cite("RFC 7323 section 2.2; design section 6: windows are rescaled either way");
	talk.sws = -1;
	talk.open();
	Frame c = talk.c(SL_ACK, 1, 1), s = talk.s(SL_ACK, 1, 1);
	c.wnd = 1000;
	EXPECT_EQ(to_server(c).seg.wnd, 4000);
	c.wnd = 30000;
	EXPECT_EQ(to_server(c).seg.wnd, 65535);
	c.wnd = 0;
	EXPECT_EQ(to_server(c).seg.wnd, 0);
	s.wnd = 65535;
	EXPECT_EQ(to_client(s).seg.wnd, 65535 >> 7);
	s.wnd = 100;
	EXPECT_EQ(to_client(s).seg.wnd, 1);
}

TEST_P(Translate, WindowsWithAClientThatDoesNotScale)
{
	cite("RFC 7323 section 2.2");
	talk.cws = talk.sws = -1;
	talk.open();
	Frame c = talk.c(SL_ACK, 1, 1), s = talk.s(SL_ACK, 1, 1);
	c.wnd = s.wnd = 31234;
	EXPECT_EQ(to_server(c).seg.wnd, 31234);
	EXPECT_EQ(to_client(s).seg.wnd, 31234);
}

TEST_P(Translate, UnknownOptionsAndUrgentDataPassUntouched)
{
	cite("RFC 9293 section 3.8.5 and MUST-6");
	talk.open();
	const Bytes experimental = {253, 6, 0x12, 0x34, 0x56, 0x78, 1, 1};
	Frame f = talk.c(SL_ACK | SL_URG | SL_PSH, 1, 1, "urgent");
	f.options = experimental;
	f.urgent = 3;
	Sent s = to_server(f);
	EXPECT_EQ(s.options(), experimental);
	EXPECT_EQ(s.seg.flags, SL_ACK | SL_URG | SL_PSH);
	EXPECT_EQ(s.bytes[s.seg.l4_off + 19], 3);
	f = talk.s(SL_ACK | SL_ECE, 1, 7);
	f.options = experimental;
	s = to_client(f);
	EXPECT_EQ(s.options(), experimental);
	EXPECT_EQ(s.seg.flags, SL_ACK | SL_ECE);
}

TEST_P(Translate, CorruptPayloadIsDroppedAndNeverLaundered)
{
	cite("RFC 1624; design section 6: corruption is laundered otherwise");
	talk.open();
	Frame f = talk.c(SL_ACK, 1, 1, "hello");
	f.bad_tcp_checksum = true;
	EXPECT_TRUE(road.outside(f).empty());
	EXPECT_EQ(road.drops(SL_DROP_bad_checksum), 1u);
	road.next_cksum = SL_CKSUM_BAD;
	EXPECT_TRUE(road.outside(talk.c(SL_ACK, 1, 1, "hello")).empty());
	EXPECT_EQ(road.all_drops(), 2u);
	road.next_cksum = SL_CKSUM_GOOD;
	EXPECT_EQ(to_server(talk.c(SL_ACK, 1, 1, "hello")).payload(), "hello");
}

TEST_P(Translate, NumbersPastTheWrap)
{
	cite("RFC 9293 section 3.4");
	talk.swnd = 65535;
	talk.open();
	const std::string big(1400, 'x');
	uint32_t n = 1;
	for (int i = 0; i < 300; i++, n += 1400) {
		EXPECT_EQ(to_client(talk.s(SL_ACK, n, 1, big)).seg.seq, talk.cookie + n);
		EXPECT_EQ(to_server(talk.c(SL_ACK, 1, n + 1400)).seg.ack, talk.iss + n + 1400);
	}
	EXPECT_EQ(road.info().bytes[SL_LEG_SERVER], 300u * 1400);
}

TEST_P(Translate, TrackedConnectionPassesByteForByte)
{
	cite("design section 4: cookies = never");
	talk.track();
	ASSERT_EQ(road.states(), "ESTABLISHED ESTABLISHED");
	Frame c = talk.c(SL_ACK | SL_PSH, 1, 1, "request");
	c.options = nop(2) + ts(1, 2) + sack({talk.iss + 4, talk.iss + 6});
	c.trailer = 3;
	EXPECT_EQ(to_server(c).bytes, c.bytes());
	const Frame s = talk.s(SL_ACK, 1, 8, "answer");
	EXPECT_EQ(to_client(s).bytes, s.bytes());
}

INSTANTIATE_TEST_SUITE_P(All, Translate, ::testing::ValuesIn(kNumbers));

} // namespace
