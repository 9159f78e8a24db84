// SPDX-License-Identifier: BSD-3-Clause
// SYN -> SYN-ACK out of the packet itself, and what ACKs may come of it.
#include "road.h"

#include <random>

using namespace sl_test;

namespace
{

class CookieAnswer : public OnRoad
{
};

TEST_P(CookieAnswer, GoesBackByItsPortWithAddressesSwapped)
{
	cite("RFC 9293 section 3.10.7.2; design section 5");
	const Frame syn = talk.syn();
	const Sent a = only(road.outside(syn));
	EXPECT_EQ(a.port, 0u);
	EXPECT_EQ(a.fate, SL_FATE_ANSWERED);
	EXPECT_EQ(tail(Bytes(a.bytes.begin(), a.bytes.begin() + 6), 0),
		  Bytes(syn.smac.begin(), syn.smac.end()));
	EXPECT_EQ(Bytes(a.bytes.begin() + 6, a.bytes.begin() + 12),
		  Bytes(syn.dmac.begin(), syn.dmac.end()));
	EXPECT_EQ(a.seg.flags, SL_SYN | SL_ACK);
	EXPECT_EQ(a.seg.ack, talk.isn + 1);
	EXPECT_EQ(a.seg.src_port, kAlways);
	EXPECT_EQ(a.seg.dst_port, talk.cport);
	const sl_addr client = addr(talk.client), server = addr(talk.server);
	EXPECT_TRUE(sl_addr_equal(&a.seg.src, &server));
	EXPECT_TRUE(sl_addr_equal(&a.seg.dst, &client));
	EXPECT_EQ(road.count(), 0u);
	EXPECT_EQ(road.events(SL_EVENT_cookies_sent), 1u);
}

TEST_P(CookieAnswer, KeepsTagsOfTenants)
{
	cite("design section 3");
	for (const std::vector<uint16_t> &tags :
	     std::vector<std::vector<uint16_t>>{{5}, {100, 200}}) {
		talk.vlan = tags;
		const Sent a = only(road.outside(talk.syn()));
		EXPECT_EQ(a.seg.vlan, tags.size() == 1 ? 5u : 100u << 12 | 200u);
		EXPECT_EQ(a.seg.l3_off, 14 + 4 * tags.size());
	}
}

TEST_P(CookieAnswer, GrantsWhatWasOfferedAndCanBeKept)
{
	cite("design section 6: what may be promised");
	const Sent a = only(road.outside(talk.syn()));
	EXPECT_EQ(a.seg.mss, GetParam().v6 ? 1440 : 1460);
	EXPECT_EQ(a.seg.wscale, 7);
	EXPECT_TRUE(a.seg.sack_permitted);
	EXPECT_EQ(a.seg.ts_off, 0) << "an unknown server may refuse timestamps";
	EXPECT_GT(a.seg.wnd, 0);
	EXPECT_LE(a.seg.wnd, 4 * a.seg.mss);
}

TEST_P(CookieAnswer, GrantsNothingThatWasNotOffered)
{
	cite("RFC 7323 section 2.2 and 3.2; RFC 2018 section 2");
	road.teach(talk.server, kAlways, 1460, true);
	talk.sack = talk.offer_ts = false;
	talk.cws = -1;
	const Sent a = only(road.outside(talk.syn()));
	EXPECT_EQ(a.seg.wscale, SL_NO_WSCALE);
	EXPECT_FALSE(a.seg.sack_permitted);
	EXPECT_EQ(a.seg.ts_off, 0);
}

TEST_P(CookieAnswer, PromisesTimestampsOnceTheServerGrantedThem)
{
	cite("design section 6: timestamps only when this server has granted them before");
	road.teach(talk.server, kAlways, 1400, true);
	const Sent a = only(road.outside(talk.syn()));
	ASSERT_NE(a.seg.ts_off, 0);
	EXPECT_EQ(a.seg.tsecr, talk.ctsval);
	EXPECT_EQ(a.seg.mss, 1400);
}

TEST_P(CookieAnswer, AnnouncesTheDefaultForAServerThatAnnouncesNone)
{
	cite("RFC 9293 MUST-15");
	road.teach(talk.server, kAlways, 0, false);
	EXPECT_EQ(only(road.outside(talk.syn())).seg.mss, GetParam().v6 ? 1220 : 536);
}

TEST_P(CookieAnswer, IsNeverLongerThanTheSynButForTheMss)
{
	cite("design section 5: an answer is never longer than what it answers");
	road.teach(talk.server, kAlways, 1460, true);
	for (unsigned offered = 0; offered < 16; offered++) {
		Frame syn = talk.syn();
		syn.options = {};
		if (offered & 1)
			syn.options = syn.options + mss(1460);
		if (offered & 2)
			syn.options = syn.options + sackok();
		if (offered & 4)
			syn.options = syn.options + ts(1, 0);
		if (offered & 8)
			syn.options = syn.options + ws(3);
		const size_t len = syn.bytes().size();
		const Sent a = only(road.outside(syn));
		EXPECT_LE(a.bytes.size(), len + (offered & 1 ? 0 : 4)) << offered;
	}
}

TEST_P(CookieAnswer, DropsThePayloadOfASyn)
{
	cite("RFC 7413 section 3: without Fast Open, data of a SYN is not accepted");
	Frame syn = talk.syn();
	syn.payload = "GET / HTTP/1.0\r\n\r\n";
	const Sent a = only(road.outside(syn));
	EXPECT_EQ(a.seg.payload_len, 0);
	EXPECT_EQ(a.seg.ack, talk.isn + 1);
}

TEST_P(CookieAnswer, ForgedAcksOpenNothing)
{
	cite("RFC 4987 section 3.6; design section 5");
	std::mt19937 rng(7);
	talk.ask();
	for (int i = 0; i < 2000; i++) {
		Frame ack = talk.c(SL_ACK, 1, 1);
		ack.seq = rng();
		ack.ack = rng();
		if (i % 2)
			ack.options = nop(2) + ts(rng(), rng());
		EXPECT_TRUE(road.outside(ack).empty());
	}
	EXPECT_EQ(road.count(), 0u);
	EXPECT_EQ(road.drops(SL_DROP_cookie_invalid), 2000u);
}

TEST_P(CookieAnswer, AckWithNumbersThatAdvancedAlikeIsForged)
{
	cite("design section 5: all inside the MAC");
	talk.ask();
	for (const auto &off : std::vector<std::pair<uint32_t, uint32_t>>{
		     {2, 2}, {2, 1}, {1, 2}, {1, 0}, {0, 1}, {101, 101}})
		EXPECT_TRUE(road.outside(talk.c(SL_ACK, off.first, off.second)).empty());
	EXPECT_EQ(road.count(), 0u);
	EXPECT_EQ(road.drops(SL_DROP_cookie_invalid), 6u);
}

TEST_P(CookieAnswer, AckWhenNoCookieCanBeAliveIsAStray)
{
	cite("design section 5: verified while cookies of the service may live");
	EXPECT_TRUE(road.outside(talk.c(SL_ACK, 1, 1)).empty());
	EXPECT_EQ(road.drops(SL_DROP_stray), 1u);
	talk.ask();
	road.outside(talk.c(SL_ACK, 5, 5));
	EXPECT_EQ(road.drops(SL_DROP_cookie_invalid), 1u);
	road.advance(96001, 1000);
	road.outside(talk.c(SL_ACK, 1, 1));
	EXPECT_EQ(road.drops(SL_DROP_stray), 2u);
	EXPECT_EQ(road.count(), 0u);
}

TEST_P(CookieAnswer, AckWithinTheShortestLifeOpens)
{
	cite("design section 5: life 32 to 96 s");
	talk.ask();
	road.advance(32000, 1000);
	road.outside(talk.c(SL_ACK, 1, 1));
	EXPECT_EQ(road.count(), 1u);
}

TEST_P(CookieAnswer, SegmentsOfNoConnectionAreNeverAnswered)
{
	cite("design section 5: failure is a counted drop, never a RST");
	talk.ask();
	for (unsigned flags :
	     {SL_RST | 0u, SL_RST | SL_ACK | 0u, SL_SYN | SL_ACK | 0u, SL_FIN | SL_ACK | 0u})
		EXPECT_TRUE(road.outside(talk.c(flags, 9, 9)).empty());
	for (unsigned flags : {SL_RST | 0u, SL_SYN | SL_ACK | 0u, SL_ACK | 0u})
		EXPECT_TRUE(road.inside(talk.s(flags, 9, 9)).empty());
	EXPECT_EQ(road.all_drops(), 7u);
}

INSTANTIATE_TEST_SUITE_P(All, CookieAnswer, ::testing::ValuesIn(kNumbers));

TEST(CookieFlood, LeavesNothingBehind)
{
	::testing::Test::RecordProperty("source", "design section 1: no memory");
	Road road;
	std::mt19937 rng(1);
	for (int i = 0; i < 10000; i += 25) {
		Road::In burst;
		for (int k = 0; k < 25; k++) {
			Frame f;
			const uint32_t a = rng() % 0xffff;
			f.src = "100.64." + std::to_string(a >> 8) + "." + std::to_string(a & 255);
			f.sport = static_cast<uint16_t>(rng() % 60000 + 1000);
			f.seq = rng();
			f.flags = SL_SYN;
			f.options = mss(1460) + sackok();
			burst.push_back({SL_OUTSIDE, f.bytes()});
		}
		ASSERT_EQ(road.run(burst).size(), 25u);
	}
	EXPECT_EQ(road.count(), 0u);
	EXPECT_EQ(road.events(SL_EVENT_cookies_sent), 10000u);
	EXPECT_EQ(road.term(SL_TERM_answered), 10000u);
	EXPECT_EQ(road.all_drops(), 0u);
}

} // namespace
