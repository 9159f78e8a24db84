// SPDX-License-Identifier: BSD-3-Clause
#include "cable.h"

#include <algorithm>
#include <random>

using namespace impair_test;

namespace
{

using Numbers = std::vector<uint32_t>;

Bytes arp()
{
	return sl_test::hex("ffffffffffff 020000000001 0806 0001 0800 06 04 0001") + Bytes(20, 1);
}

Bytes neighbour_solicitation()
{
	Frame f;
	f.src = "2001:db8::1";
	f.dst = "ff02::1:ff00:2";
	f.proto = 58;
	f.sport = 135 << 8; // its type
	return f.bytes();
}

Bytes udp()
{
	Frame f;
	f.proto = 17;
	return f.bytes();
}

TEST(ImpairLane, WithNothingSetFramesGoByWithoutACopy)
{
	const impair_settings s = nothing();
	const impair_common c = common();
	impair_lane lane;
	impair_batch out = {}, back = {};
	Bytes frame = numbered(1);

	ASSERT_EQ(0, impair_lane_init(&lane, &s, &c, 0, 2048));
	impair_lane_take(&lane, frame.data(), static_cast<uint32_t>(frame.size()), 0, &out, &back);
	ASSERT_EQ(1u, out.n);
	EXPECT_EQ(frame.data(), out.out[0].data);
	EXPECT_EQ(frame.size(), out.out[0].len);
	EXPECT_EQ(numbered(1), frame);
	impair_lane_sent(&lane, &out, 0);
	EXPECT_EQ(1u, lane.stats.sent);
	EXPECT_EQ(IMPAIR_NEVER, impair_lane_next_ns(&lane));
	impair_lane_fini(&lane);
}

TEST(ImpairLane, WhatThePortRefusesIsBooked)
{
	const impair_settings s = nothing();
	const impair_common c = common();
	impair_lane lane;
	impair_batch out = {}, back = {};
	Bytes frame = numbered(1);

	ASSERT_EQ(0, impair_lane_init(&lane, &s, &c, 0, 2048));
	for (int i = 0; i < 3; i++)
		impair_lane_take(&lane, frame.data(), static_cast<uint32_t>(frame.size()), 0, &out,
				 &back);
	impair_lane_sent(&lane, &out, 1);
	EXPECT_EQ(2u, lane.stats.sent);
	EXPECT_EQ(1u, lane.stats.refused);
	impair_lane_fini(&lane);
}

TEST(ImpairLane, ArpAndNeighbourDiscoverySurviveEverything)
{
	impair_settings s = nothing();
	s.loss = percent(100);
	s.rate_bits = 1000;
	s.delay_ns = 1000 * ms;
	Cable cable(s);

	for (const Bytes &frame : {arp(), neighbour_solicitation(), Bytes(60, 0), Bytes(14, 0xff)})
		cable.offer(frame);
	EXPECT_EQ((std::vector<Bytes>{arp(), neighbour_solicitation(), Bytes(60, 0),
				      Bytes(14, 0xff)}),
		  cable.sent);
	cable.offer(numbered(1));
	cable.offer(udp());
	EXPECT_EQ(4u, cable.sent.size());
	EXPECT_EQ(2u, cable.lane.stats.lost);
}

TEST(ImpairLane, TcpOnlySparesTheRest)
{
	impair_settings s = nothing();
	impair_common c = common();
	s.loss = percent(100);
	c.tcp_only = 1;
	Cable cable(s, c);
	Frame v6;
	v6.src = "2001:db8::1";
	v6.dst = "2001:db8::2";
	v6.extensions = {sl_test::extension(60)};

	cable.offer(udp());
	cable.offer(numbered(1));
	cable.offer(v6.bytes());
	EXPECT_EQ(std::vector<Bytes>{udp()}, cable.sent);
	EXPECT_EQ(2u, cable.lane.stats.lost);
}

TEST(ImpairLane, CorruptionFlipsOneBitBehindTheLinkHeader)
{
	impair_settings s = nothing();
	s.corrupt = percent(100);
	Cable cable(s);
	Frame f;
	f.vlan = {5, 6};
	const Bytes whole = f.bytes();
	std::vector<unsigned> hits(whole.size());

	for (unsigned i = 0; i < 20000; i++) {
		cable.offer(whole);
		const Bytes &got = cable.sent.back();
		unsigned bits = 0;
		ASSERT_EQ(whole.size(), got.size());
		for (size_t at = 0; at < whole.size(); at++) {
			bits += static_cast<unsigned>(__builtin_popcount(whole[at] ^ got[at]));
			hits[at] += whole[at] != got[at];
		}
		ASSERT_EQ(1u, bits);
	}
	for (size_t at = 0; at < hits.size(); at++)
		EXPECT_EQ(at >= f.l3_off(), hits[at] > 0) << at;
	EXPECT_EQ(20000u, cable.lane.stats.corrupted);
}

TEST(ImpairLane, DuplicatesFollowAtOnce)
{
	impair_settings s = nothing();
	s.duplicate = percent(100);
	Cable cable(s);

	cable.offer(numbered(1));
	cable.offer(numbered(2));
	EXPECT_EQ((Numbers{1, 1, 2, 2}), cable.numbers());
	EXPECT_EQ(2u, cable.lane.stats.duplicated);
	EXPECT_EQ(0u, cable.unbalanced());
}

TEST(ImpairLane, HeldBackFramesAreOvertakenByAsManyAsTheirFateSays)
{
	impair_settings s = nothing();
	s.reorder = percent(10);
	s.reorder_span = 5;
	Cable cable(s);
	const uint32_t n = 20000;
	Numbers position(n);

	for (uint32_t i = 0; i < n; i++)
		cable.offer(numbered(i));
	cable.run(IMPAIR_HOLD_MS * ms);
	const Numbers order = cable.numbers();
	ASSERT_EQ(n, order.size());
	for (uint32_t at = 0; at < n; at++)
		position[order[at]] = at;
	for (uint32_t i = 0; i + 10 < n; i++) {
		const uint32_t span = impair_fate_of(&s, impair_fate_seed(7, 0), i).span;
		for (uint32_t later = i + 1; later < i + 10; later++) {
			// Of two that are both held back, either may be first.
			if (impair_fate_of(&s, impair_fate_seed(7, 0), later).span > 0)
				continue;
			ASSERT_EQ(later <= i + span, position[later] < position[i]) << i;
		}
	}
	EXPECT_NEAR(cable.lane.stats.reordered, n / 10, n / 100);
}

TEST(ImpairLane, HeldBackFramesWithoutFollowersLeaveInTime)
{
	impair_settings s = nothing();
	s.reorder = percent(100);
	Cable cable(s);

	cable.offer(numbered(1), 100);
	EXPECT_TRUE(cable.sent.empty());
	EXPECT_EQ(1u, cable.lane.stats.queued);
	EXPECT_EQ(100 + IMPAIR_HOLD_MS * ms, impair_lane_next_ns(&cable.lane));
	cable.run(99 + IMPAIR_HOLD_MS * ms);
	EXPECT_TRUE(cable.sent.empty());
	cable.run(100 + IMPAIR_HOLD_MS * ms);
	EXPECT_EQ(Numbers{1}, cable.numbers());
	EXPECT_EQ(0u, cable.lane.stats.queued);
}

TEST(ImpairLane, DelayIsExactAndKeepsOrder)
{
	impair_settings s = nothing();
	s.delay_ns = 20 * ms;
	Cable cable(s);

	cable.offer(numbered(1), 0);
	cable.offer(numbered(2), 5);
	EXPECT_EQ(20 * ms, impair_lane_next_ns(&cable.lane));
	cable.run(20 * ms - 1);
	EXPECT_TRUE(cable.sent.empty());
	cable.run(20 * ms);
	EXPECT_EQ(Numbers{1}, cable.numbers());
	EXPECT_EQ(20 * ms + 5, impair_lane_next_ns(&cable.lane));
	cable.run(20 * ms + 5);
	EXPECT_EQ((Numbers{1, 2}), cable.numbers());
	EXPECT_EQ(IMPAIR_NEVER, impair_lane_next_ns(&cable.lane));
}

TEST(ImpairLane, JitterVariesTheDelayAndKeepsOrder)
{
	impair_settings s = nothing();
	s.delay_ns = 20 * ms;
	s.jitter_ns = 5 * ms;
	Cable cable(s);
	uint64_t least = IMPAIR_NEVER, most = 0;

	// Far enough apart for each to have its own.
	for (uint32_t i = 0; i < 1000; i++) {
		const uint64_t began = i * 100 * ms;
		cable.offer(numbered(i), began);
		const uint64_t took = impair_lane_next_ns(&cable.lane) - began;
		least = std::min(least, took);
		most = std::max(most, took);
		cable.run(began + 50 * ms);
		ASSERT_EQ(i + 1, cable.sent.size());
	}
	EXPECT_GE(least, 15 * ms);
	EXPECT_LT(least, 15.2 * ms);
	EXPECT_LE(most, 25 * ms);
	EXPECT_GT(most, 24.8 * ms);
	// So close that without order they would be shuffled.
	cable.sent.clear();
	for (uint32_t i = 0; i < 1000; i++)
		cable.offer(numbered(i), 1000000 * ms + i);
	cable.run(1000000 * ms + 30 * ms);
	const Numbers order = cable.numbers();
	EXPECT_EQ(1000u, order.size());
	EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
}

TEST(ImpairLane, JitterAboveTheDelayNeverSendsIntoThePast)
{
	impair_settings s = nothing();
	s.jitter_ns = 5 * ms;
	Cable cable(s);

	for (uint32_t i = 0; i < 100; i++) {
		cable.offer(numbered(i), i * 100 * ms);
		const uint64_t due = impair_lane_next_ns(&cable.lane);
		ASSERT_GE(due, i * 100 * ms);
		ASSERT_LE(due, i * 100 * ms + 5 * ms);
		cable.run(due);
	}
	EXPECT_EQ(100u, cable.sent.size());
}

TEST(ImpairLane, RateSpacesFramesByTheirLength)
{
	impair_settings s = nothing();
	s.rate_bits = 1000000;
	Cable cable(s);
	const Bytes frame = numbered(1, 1250 - 54); // 10,000 bits

	for (int i = 0; i < 5; i++)
		cable.offer(frame, 0);
	for (uint64_t i = 1; i <= 5; i++) {
		EXPECT_EQ(i * 10 * ms, impair_lane_next_ns(&cable.lane));
		cable.run(i * 10 * ms - 1);
		EXPECT_EQ(i - 1, cable.sent.size());
		cable.run(i * 10 * ms);
		EXPECT_EQ(i, cable.sent.size());
	}
	// A line that was idle has saved nothing up.
	cable.offer(frame, 1000 * ms);
	EXPECT_EQ(1010 * ms, impair_lane_next_ns(&cable.lane));
}

TEST(ImpairLane, RateHoldsOverTime)
{
	impair_settings s = nothing();
	s.rate_bits = 100000000;
	s.delay_ns = 3 * ms;
	Cable cable(s);
	uint64_t now = 0, bytes = 0;

	// Twice as much as the line carries, for a second.
	while (now < 1000 * ms) {
		cable.offer(numbered(0, 1446), now);
		now += 60000;
	}
	for (const Bytes &frame : cable.sent)
		bytes += frame.size();
	EXPECT_NEAR(bytes * 8 / 1e8, 1.0, 0.005);
	EXPECT_GT(cable.lane.stats.queue_dropped, 7000u);
	EXPECT_EQ(0u, cable.unbalanced());
}

TEST(ImpairLane, QueueOfTheRateDropsItsTail)
{
	impair_settings s = nothing();
	s.rate_bits = 1000000;
	s.queue = 3;
	s.delay_ns = 1000 * ms; // what is under way does not count as queued
	Cable cable(s);

	for (uint32_t i = 0; i < 5; i++)
		cable.offer(numbered(i, 1196), 0);
	EXPECT_EQ(2u, cable.lane.stats.queue_dropped);
	cable.offer(numbered(5, 1196), 10 * ms); // one has departed
	cable.offer(numbered(6, 1196), 10 * ms);
	EXPECT_EQ(3u, cable.lane.stats.queue_dropped);
	EXPECT_EQ(4u, cable.lane.stats.queued);
	cable.run(5000 * ms);
	EXPECT_EQ((Numbers{0, 1, 2, 5}), cable.numbers());
	EXPECT_EQ(0u, cable.unbalanced());
}

TEST(ImpairLane, WithoutMemoryFramesAreDroppedAndBooked)
{
	impair_settings s = nothing();
	s.delay_ns = 1000 * ms;
	Cable cable(s);

	for (uint32_t i = 0; i < IMPAIR_QUEUE_MAX + 10; i++)
		cable.offer(numbered(i, 0), 0);
	EXPECT_EQ(10u, cable.lane.stats.queue_dropped);
	cable.run(1000 * ms);
	EXPECT_EQ(uint32_t{IMPAIR_QUEUE_MAX}, cable.sent.size());
	EXPECT_EQ(uint32_t{IMPAIR_QUEUE_MAX}, cable.lane.n_free);
	cable.sent.clear();
	cable.offer(numbered(1), 1000 * ms);
	cable.run(2000 * ms);
	EXPECT_EQ(1u, cable.sent.size());
}

TEST(ImpairLane, AboveTheMtuIsAnsweredAndNotSent)
{
	impair_settings s = nothing();
	s.mtu = 1400;
	Cable cable(s);

	cable.offer(numbered(1, 1360)); // 1,400 bytes of IP
	EXPECT_EQ(1u, cable.sent.size());
	cable.offer(numbered(2, 1361));
	EXPECT_EQ(1u, cable.sent.size());
	ASSERT_EQ(1u, cable.answers.size());
	EXPECT_EQ(1u, cable.lane.stats.too_big);
	EXPECT_EQ(1u, cable.lane.stats.icmp_sent);
	EXPECT_EQ(0u, cable.unbalanced());
}

TEST(ImpairLane, EveryLinkCarries1280BytesOfIpv6)
{
	RecordProperty("rfc", "8200 5");
	impair_settings s = nothing();
	s.mtu = 600;
	Cable cable(s);
	Frame f;
	f.src = "2001:db8::1";
	f.dst = "2001:db8::2";
	f.payload = std::string(1220, 'x');

	cable.offer(f.bytes());
	EXPECT_EQ(1u, cable.sent.size());
	f.payload += 'x';
	cable.offer(f.bytes());
	EXPECT_EQ(1u, cable.sent.size());
	ASSERT_EQ(1u, cable.answers.size());
	EXPECT_EQ((Bytes{0, 0, 5, 0}),
		  Bytes(cable.answers[0].begin() + 58, cable.answers[0].begin() + 62));
}

TEST(ImpairLane, BlackHolesAndRoutersWithoutAddressTellNobody)
{
	impair_settings s = nothing();
	impair_common nobody = common();
	s.mtu = 1400;
	nobody.router4_set = false;
	Cable nameless(s, nobody);
	s.mtu_silent = 1;
	Cable silent(s);

	for (Cable *cable : {&nameless, &silent}) {
		cable->offer(numbered(1, 1460));
		EXPECT_TRUE(cable->sent.empty());
		EXPECT_TRUE(cable->answers.empty());
		EXPECT_EQ(1u, cable->lane.stats.too_big);
		EXPECT_EQ(0u, cable->lane.stats.icmp_sent);
	}
}

TEST(ImpairLane, AnswersComeAtALimitedRate)
{
	RecordProperty("rfc", "1812 4.3.2.8; 4443 2.4");
	impair_settings s = nothing();
	s.mtu = 1400;
	Cable cable(s);

	for (int i = 0; i < 1000; i++)
		cable.offer(numbered(1, 1460), 0);
	EXPECT_EQ(size_t{IMPAIR_ANSWERS_LENT}, cable.answers.size());
	for (int i = 0; i < 1000; i++)
		cable.offer(numbered(1, 1460), 1000 * ms + i * ms);
	EXPECT_NEAR(cable.answers.size(), 2 * IMPAIR_ANSWERS_LENT + IMPAIR_ANSWERS_PER_S, 1);
	EXPECT_EQ(2000u, cable.lane.stats.too_big);
}

TEST(ImpairLane, SameSeedAndFramesGiveTheSameBytes)
{
	impair_settings s = nothing();
	s.loss = percent(2);
	s.duplicate = percent(1);
	s.reorder = percent(5);
	s.corrupt = percent(1);
	s.delay_ns = 3 * ms;
	s.jitter_ns = 2 * ms;
	Cable a(s), b(s), other(s, common(8)), back(s, common(), 1);

	for (uint32_t i = 0; i < 5000; i++) {
		for (Cable *cable : {&a, &b, &other, &back})
			cable->offer(numbered(i), i * IMPAIR_NS_PER_US);
	}
	for (Cable *cable : {&a, &b, &other, &back})
		cable->run(100 * ms);
	EXPECT_EQ(a.sent, b.sent);
	EXPECT_NE(a.sent, other.sent);
	EXPECT_NE(a.sent, back.sent);
}

TEST(ImpairLane, BooksBalanceAtEveryStepAndAllMemoryComesBack)
{
	impair_settings s = nothing();
	s.loss = percent(10);
	s.duplicate = percent(20);
	s.reorder = percent(30);
	s.reorder_span = IMPAIR_SPAN_MAX;
	s.corrupt = percent(10);
	s.delay_ns = 2 * ms;
	s.jitter_ns = 3 * ms;
	s.rate_bits = 30000000;
	s.queue = 50;
	s.mtu = 1400;
	Cable cable(s);
	std::mt19937 random(1);
	uint64_t now = 0;

	for (uint32_t i = 0; i < 100000; i++) {
		now += random() % 300000;
		switch (random() % 10) {
		case 0:
			cable.offer(arp(), now);
			break;
		case 1:
			cable.run(now);
			break;
		default:
			cable.offer(numbered(i, random() % 1461), now);
			break;
		}
		ASSERT_EQ(0u, cable.unbalanced());
	}
	const impair_stats &st = cable.lane.stats;
	EXPECT_TRUE(st.lost && st.duplicated && st.reordered && st.corrupted && st.too_big &&
		    st.queue_dropped && st.icmp_sent);
	EXPECT_EQ(st.sent, cable.sent.size());
	EXPECT_EQ(st.icmp_sent, cable.answers.size());
	cable.run(now + 1000 * ms); // what was held back joins the queue
	cable.run(now + 2000 * ms);
	EXPECT_EQ(0u, st.queued);
	EXPECT_EQ(0u, cable.unbalanced());
	EXPECT_EQ(uint32_t{IMPAIR_QUEUE_MAX}, cable.lane.n_free);
}

TEST(ImpairLane, BatchesNeverOverflowWhateverComesAtOnce)
{
	impair_settings s = nothing();
	s.duplicate = s.reorder = percent(90);
	s.reorder_span = IMPAIR_SPAN_MAX;
	const impair_common c = common();
	impair_lane lane;
	impair_batch out = {}, back = {};
	Bytes frame = numbered(1);
	uint64_t taken = 0;

	ASSERT_EQ(0, impair_lane_init(&lane, &s, &c, 0, 2048));
	for (uint64_t turn = 0; turn < 2000; turn++) {
		const uint64_t now = turn * IMPAIR_HOLD_MS * ms / 3;
		impair_lane_release(&lane, now, &out);
		while (impair_lane_has_room(&out, &back)) { // asserts inside
			impair_lane_take(&lane, frame.data(), static_cast<uint32_t>(frame.size()),
					 now, &out, &back);
			taken++;
		}
		impair_lane_sent(&lane, &out, 0);
	}
	EXPECT_GT(taken, 2000u * 32);
	impair_lane_fini(&lane);
}

} // namespace
