// SPDX-License-Identifier: BSD-3-Clause
#include <gtest/gtest.h>

#include "frame.h"

#include <algorithm>

using namespace sl_test;

namespace
{

sl_parsed parse_with(const Bytes &options, sl_seg *seg, unsigned flags = SL_SYN)
{
	Frame f{.flags = flags, .options = options, .payload = "x"};
	return parse_exact(f.bytes(), seg);
}

sl_seg parsed(const Bytes &options, unsigned flags = SL_SYN)
{
	sl_seg seg;
	EXPECT_EQ(parse_with(options, &seg, flags), SL_PARSED_TCP);
	return seg;
}

void expect_bad(const Bytes &options, unsigned flags = SL_SYN)
{
	sl_seg seg;
	EXPECT_EQ(parse_with(options, &seg, flags), SL_PARSED_BAD_TCP);
	EXPECT_STREQ(sl_drop_info[seg.reason].name, "tcp_bad_option");
}

constexpr unsigned l4 = 34;

TEST(Options, OfASynAreAllRead)
{
	RecordProperty("rfc", "9293 MUST-4, 7323 2, 7323 3, 2018 2");
	const sl_seg seg =
		parsed(mss(1460) + sackok() + ts(0x11223344, 0x55667788) + nop() + ws(7));
	EXPECT_EQ(seg.mss, 1460);
	EXPECT_EQ(seg.wscale, 7);
	EXPECT_TRUE(seg.sack_permitted);
	EXPECT_EQ(seg.ts_off, l4 + 20 + 6);
	EXPECT_EQ(seg.tsval, 0x11223344u);
	EXPECT_EQ(seg.tsecr, 0x55667788u);
	EXPECT_EQ(seg.n_sack, 0);
}

TEST(Options, NoneMeansNone)
{
	const sl_seg seg = parsed({});
	EXPECT_EQ(seg.mss, 0);
	EXPECT_EQ(seg.wscale, SL_NO_WSCALE);
	EXPECT_FALSE(seg.sack_permitted);
	EXPECT_EQ(seg.ts_off, 0);
	EXPECT_EQ(seg.sack_off, 0);
}

TEST(Options, StartAtAnyByte)
{
	RecordProperty("rfc", "9293 MUST-64");
	for (size_t n = 0; n <= 8; n++) {
		const sl_seg seg = parsed(nop(n) + ts(7, 8) + ws(3) + mss(536) + sackok());
		EXPECT_EQ(seg.ts_off, l4 + 20 + n);
		EXPECT_EQ(seg.tsval, 7u);
		EXPECT_EQ(seg.tsecr, 8u);
		EXPECT_EQ(seg.wscale, 3);
		EXPECT_EQ(seg.mss, 536);
		EXPECT_TRUE(seg.sack_permitted);
	}
	for (size_t n = 0; n <= 6; n++) {
		const sl_seg seg = parsed(nop(n) + sack({1, 2, 3, 4}), SL_ACK);
		EXPECT_EQ(seg.sack_off, l4 + 20 + n);
		EXPECT_EQ(seg.n_sack, 2);
	}
}

TEST(Options, SackHoldsOneToFourBlocks)
{
	RecordProperty("rfc", "2018 3");
	for (unsigned blocks = 1; blocks <= 4; blocks++) {
		const sl_seg seg = parsed(sack(std::vector<uint32_t>(2 * blocks, 9)), SL_ACK);
		EXPECT_EQ(seg.sack_off, l4 + 20);
		EXPECT_EQ(seg.n_sack, blocks);
	}
}

TEST(Options, CommonLayoutOfTimestampsIsReadLikeAnyOther)
{
	RecordProperty("rfc", "9293 MUST-5");
	sl_seg seg = parsed(nop(2) + ts(1, 2), SL_ACK);
	EXPECT_EQ(seg.ts_off, l4 + 22);
	EXPECT_EQ(seg.tsval, 1u);
	EXPECT_EQ(seg.tsecr, 2u);
	seg = parsed(ts(1, 2) + nop(2), SL_ACK);
	EXPECT_EQ(seg.ts_off, l4 + 20);
	EXPECT_EQ(seg.tsval, 1u);
	seg = parsed(ts(3, 4) + eol(), SL_ACK);
	EXPECT_EQ(seg.ts_off, l4 + 20);
	EXPECT_EQ(seg.tsval, 3u);
}

TEST(Options, EndOfListHidesWhatFollows)
{
	RecordProperty("rfc", "9293 MUST-4");
	const sl_seg seg = parsed(mss(1000) + eol() + ws(3) + Bytes{2, 0, 8, 1});
	EXPECT_EQ(seg.mss, 1000);
	EXPECT_EQ(seg.wscale, SL_NO_WSCALE);
}

TEST(Options, UnknownOnesAreSkipped)
{
	RecordProperty("rfc", "9293 MUST-6");
	for (unsigned kind = 6; kind < 256; kind++) {
		if (kind == 8)
			continue;
		Bytes unknown = {static_cast<uint8_t>(kind), 4, 0, 0};
		EXPECT_EQ(parsed(unknown + ws(2)).wscale, 2) << kind;
		unknown = {static_cast<uint8_t>(kind), 2};
		EXPECT_EQ(parsed(unknown + mss(99) + ws(2)).mss, 99) << kind;
	}
}

TEST(Options, KnownKindsOfAForeignLengthAreRefused)
{
	RecordProperty("rfc", "9293 MUST-7");
	const Bytes kinds = {2, 3, 4, 5, 8};
	const std::vector<std::vector<unsigned>> right = {{4}, {3}, {2}, {2, 10, 18, 26, 34}, {10}};
	for (size_t k = 0; k < kinds.size(); k++) {
		for (unsigned len = 2; len <= 38; len++) {
			Bytes option(len, 0);
			option[0] = kinds[k];
			option[1] = static_cast<uint8_t>(len);
			for (unsigned flags : {0x02u, 0x12u, 0x10u})
				if (std::count(right[k].begin(), right[k].end(), len) == 0)
					expect_bad(option, flags);
				else
					parsed(option, flags);
		}
	}
}

TEST(Options, SackOfNoBlocksSaysNothing)
{
	const sl_seg seg = parsed(sack({}) + sack({1, 2}), SL_ACK);
	EXPECT_EQ(seg.sack_off, l4 + 20 + 2);
	EXPECT_EQ(seg.n_sack, 1);
}

TEST(Options, ImpossibleLengthsAreRefused)
{
	RecordProperty("rfc", "9293 MUST-7");
	for (uint8_t kind : {2, 3, 4, 5, 8, 30, 254}) {
		expect_bad({kind, 0, 1, 1});
		expect_bad({kind, 1, 1, 1});
		expect_bad({kind, 5, 1, 1});
		expect_bad({1, 1, kind, 3});
		expect_bad({1, 1, 1, kind}); // no room for a length
		expect_bad(nop(36) + Bytes{kind, 255, 0, 0});
	}
	expect_bad({1, 1, 8, 10}, SL_ACK);
}

TEST(Options, SecondOfWhatOneEndReadsOneWayAndAnotherAnotherIsRefused)
{
	expect_bad(ts(1, 2) + ts(3, 4), SL_ACK);
	expect_bad(sack({1, 2}) + sack({3, 4}), SL_ACK);
	expect_bad(ws(1) + ws(2));
	expect_bad(ws(2) + mss(1460) + ws(2), SL_SYN | SL_ACK);
	EXPECT_EQ(parsed(ws(1) + ws(2), SL_ACK).wscale, SL_NO_WSCALE); // nobody reads these
	EXPECT_TRUE(parsed(sackok() + sackok()).sack_permitted);
}

TEST(Options, OfSeveralMssTheLeastCounts)
{
	EXPECT_EQ(parsed(mss(1000) + mss(1001)).mss, 1000);
	EXPECT_EQ(parsed(mss(1001) + mss(1000)).mss, 1000);
	EXPECT_EQ(parsed(mss(0) + mss(1000)).mss, 1000);
}

TEST(Options, WindowScaleIsCutTo14)
{
	RecordProperty("rfc", "7323 2.3");
	for (unsigned shift = 0; shift < 256; shift++)
		EXPECT_EQ(parsed(ws(static_cast<uint8_t>(shift))).wscale, shift > 14 ? 14u : shift);
}

TEST(Options, OfAHandshakeCountOnlyInASyn)
{
	RecordProperty("rfc", "9293 MUST-65, 7323 2.2, 2018 2");
	const Bytes options = mss(1460) + ws(7) + sackok();
	for (unsigned flags : {0x10u, 0x04u, 0x11u}) {
		const sl_seg seg = parsed(options, flags);
		EXPECT_EQ(seg.mss, 0);
		EXPECT_EQ(seg.wscale, SL_NO_WSCALE);
		EXPECT_FALSE(seg.sack_permitted);
	}
	EXPECT_EQ(parsed(options, SL_SYN | SL_ACK).mss, 1460);
}

TEST(Options, AllFortyBytesMayBeUsed)
{
	const sl_seg seg = parsed(nop(2) + ts(1, 2) + nop(2) + sack({1, 2, 3, 4, 5, 6}), SL_ACK);
	EXPECT_EQ(seg.n_sack, 3);
	EXPECT_EQ(seg.ts_off, l4 + 22);
	EXPECT_EQ(seg.sack_off, l4 + 34);
	EXPECT_EQ(seg.payload_off, l4 + 60);
}

} // namespace
