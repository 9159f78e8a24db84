// SPDX-License-Identifier: BSD-3-Clause
#include <gtest/gtest.h>

#include "frame.h"
#include "sl_rewrite.h"

#include <algorithm>
#include <functional>
#include <random>

using namespace sl_test;

namespace
{

using Change = std::function<void(sl_rewrite *)>;

struct Rewritten {
	Bytes frame;
	sl_seg kept;   // the segment as the setters left it
	sl_seg parsed; // the frame, parsed again
};

Rewritten rewrite(const Frame &f, const Change &change)
{
	Buffer b(f.bytes());
	Rewritten out;
	EXPECT_EQ(sl_wire_parse(b.buf.data, b.buf.len, &out.kept), SL_PARSED_TCP);
	sl_rewrite rw = sl_rewrite_begin(b.buf.data, &out.kept);
	change(&rw);
	sl_rewrite_end(&rw);
	out.frame = b.bytes();
	EXPECT_EQ(parse_exact(out.frame, &out.parsed), SL_PARSED_TCP);
	return out;
}

// The checksum is right if it was, and off by as much as it was if not; the segment tells the
// truth.
void expect_kept(const Frame &f, const Change &change)
{
	const Rewritten good = rewrite(f, change);
	EXPECT_TRUE(tcp_cksum_right(good.frame, good.parsed));
	EXPECT_TRUE(ip_cksum_right(good.frame, good.parsed));
	EXPECT_EQ(memcmp(&good.kept, &good.parsed, sizeof(sl_seg)), 0);
	EXPECT_EQ(tail(good.frame, good.parsed.payload_off), tail(f.bytes(), f.payload_off()));

	Frame bad = f;
	bad.bad_tcp_checksum = true;
	const Rewritten wrong = rewrite(bad, change);
	EXPECT_FALSE(tcp_cksum_right(wrong.frame, wrong.parsed));
}

std::vector<Frame> frames(const Bytes &options)
{
	Frame a{.seq = 0xfffffff0, .ack = 5, .wnd = 0xfedc, .options = options, .payload = "odd"};
	Frame b = a;
	b.src = "2001:db8::7";
	b.dst = "2001:db8::2";
	b.extensions = {extension(60)};
	a.vlan = {7};
	return {a, b};
}

const uint32_t values[] = {0, 1, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff};

TEST(Rewrite, HeaderFieldsCarryTheChecksumAlong)
{
	RecordProperty("rfc", "1624 3");
	for (const Frame &f : frames({})) {
		for (uint32_t v : values) {
			expect_kept(f, [=](sl_rewrite *rw) { sl_rewrite_seq(rw, v); });
			expect_kept(f, [=](sl_rewrite *rw) { sl_rewrite_ack(rw, v); });
			expect_kept(f, [=](sl_rewrite *rw) {
				sl_rewrite_wnd(rw, static_cast<uint16_t>(v));
			});
			const Rewritten r = rewrite(f, [=](sl_rewrite *rw) {
				sl_rewrite_seq(rw, v);
				sl_rewrite_ack(rw, v + 1);
				sl_rewrite_wnd(rw, static_cast<uint16_t>(v + 2));
			});
			EXPECT_EQ(r.parsed.seq, v);
			EXPECT_EQ(r.parsed.ack, v + 1);
			EXPECT_EQ(r.parsed.wnd, static_cast<uint16_t>(v + 2));
		}
	}
}

TEST(Rewrite, NoChangeChangesNothing)
{
	for (const Frame &f : frames(nop(2) + ts(1, 2))) {
		EXPECT_EQ(rewrite(f, [](sl_rewrite *) {}).frame, f.bytes());
		EXPECT_EQ(rewrite(f,
				  [&](sl_rewrite *rw) {
					  sl_rewrite_seq(rw, f.seq);
					  sl_rewrite_tsval(rw, 1);
				  })
				  .frame,
			  f.bytes());
	}
}

// One's complement has two zeroes. Linux, which makes the checksum in software where a NIC doesn't,
// writes 0xffff for 0x0000.
TEST(Rewrite, TheOtherZeroIsRightToo)
{
	RecordProperty("rfc", "1624 3");
	Frame f{.seq = 0xfffffff0, .ack = 5, .payload = "odd"};
	sl_seg seg;
	Bytes frame;
	do {
		f.wnd++;
		frame = f.bytes();
		ASSERT_EQ(parse_exact(frame, &seg), SL_PARSED_TCP);
	} while (sl_load_be16(&frame[seg.l4_off + 16u]) != 0);
	sl_store_be16(&frame[seg.l4_off + 16u], 0xffff);
	for (uint32_t v : values) {
		Buffer b(frame);
		EXPECT_TRUE(sl_wire_verify(&b.buf, &seg));
		sl_rewrite rw = sl_rewrite_begin(b.buf.data, &seg);
		sl_rewrite_seq(&rw, v);
		sl_rewrite_end(&rw);
		EXPECT_TRUE(tcp_cksum_right(b.bytes(), seg)) << v;
		frame = b.bytes();
	}
}

TEST(Rewrite, TimestampsAtAnyOffset)
{
	RecordProperty("rfc", "7323 3.2, 9293 MUST-64");
	for (size_t n = 0; n <= 5; n++) {
		for (const Frame &f : frames(nop(n) + ts(0x01020304, 0xfffefdfc))) {
			for (uint32_t v : values) {
				expect_kept(f, [=](sl_rewrite *rw) { sl_rewrite_tsval(rw, v); });
				expect_kept(f, [=](sl_rewrite *rw) { sl_rewrite_tsecr(rw, v); });
				const Rewritten r = rewrite(f, [=](sl_rewrite *rw) {
					sl_rewrite_tsval(rw, v);
					sl_rewrite_tsecr(rw, ~v);
				});
				EXPECT_EQ(r.parsed.tsval, v);
				EXPECT_EQ(r.parsed.tsecr, ~v);
			}
		}
	}
}

TEST(Rewrite, SackEdgesShiftAtAnyOffset)
{
	RecordProperty("rfc", "2018 3");
	const std::vector<uint32_t> edges = {1, 0xffffffff, 0x80000000, 77, 5, 6};
	for (size_t n = 0; n <= 5; n++) {
		for (const Frame &f : frames(nop(n) + sack(edges))) {
			for (uint32_t delta : values) {
				const Change shift = [=](sl_rewrite *rw) {
					sl_rewrite_sack_shift(rw, delta);
				};
				expect_kept(f, shift);
				std::vector<uint32_t> shifted = edges;
				for (uint32_t &e : shifted)
					e += delta;
				Frame g = f;
				g.options = nop(n) + sack(shifted);
				EXPECT_EQ(rewrite(f, shift).frame, g.bytes());
			}
		}
	}
}

TEST(Rewrite, ErasedSackIsNopsAtAnyOffset)
{
	for (size_t n = 0; n <= 5; n++) {
		for (unsigned blocks = 1; blocks <= 4; blocks++) {
			const Bytes option = sack(std::vector<uint32_t>(2 * blocks, 0xabcdef01));
			if (n + option.size() > 40)
				continue;
			for (const Frame &f : frames(nop(n) + option)) {
				const Change erase = [](sl_rewrite *rw) {
					sl_rewrite_sack_erase(rw);
				};
				expect_kept(f, erase);
				Frame g = f;
				g.options = nop(n) + nop(option.size());
				EXPECT_EQ(rewrite(f, erase).frame, g.bytes());
			}
		}
	}
}

TEST(Rewrite, AllAtOnceUnderRandomNumbers)
{
	std::mt19937 rng(7);
	const auto word = [&] { return static_cast<uint32_t>(rng()); };
	for (unsigned i = 0; i < 2000; i++) {
		const bool erase = i % 3 == 0;
		const Bytes options = nop(i % 4) + ts(word(), word()) + sack({word(), word()});
		for (Frame f : frames(options)) {
			f.seq = word();
			f.wnd = static_cast<uint16_t>(word());
			const uint32_t a = word(), b = word(), c = word(), d = word();
			expect_kept(f, [=](sl_rewrite *rw) {
				sl_rewrite_seq(rw, a);
				if (erase)
					sl_rewrite_sack_erase(rw);
				else
					sl_rewrite_sack_shift(rw, b);
				sl_rewrite_ack(rw, c);
				sl_rewrite_tsval(rw, d);
				sl_rewrite_tsecr(rw, a);
				sl_rewrite_wnd(rw, static_cast<uint16_t>(b));
			});
		}
		if (HasFailure())
			return;
	}
}

// RFC 7323 section 3.2: once agreed on, timestamps are in every segment. RFC 2018 section 3: then
// there is room for three blocks.
TEST(ClampMss, LowersEveryOneAtAnyOffset)
{
	for (size_t n = 0; n <= 4; n++) {
		for (const Frame &of : frames(nop(n) + mss(1460) + ws(7) + mss(9000) + mss(1000))) {
			Frame f = of, lower = of;
			f.flags = lower.flags = SL_SYN;
			lower.options = nop(n) + mss(1400) + ws(7) + mss(1400) + mss(1000);
			Buffer b(f.bytes());
			sl_seg seg;
			ASSERT_EQ(sl_wire_parse(b.buf.data, b.buf.len, &seg), SL_PARSED_TCP);
			sl_wire_clamp_mss(&b.buf, &seg, 1400);
			EXPECT_EQ(b.bytes(), lower.bytes());
			EXPECT_EQ(seg.mss, 1000);
			sl_wire_clamp_mss(&b.buf, &seg, 800);
			EXPECT_EQ(seg.mss, 800);
			EXPECT_TRUE(tcp_cksum_right(b.bytes(), seg));
		}
	}
}

TEST(ClampMss, AddsNone)
{
	for (const Frame &of : frames(ws(7) + eol())) {
		Frame f = of;
		f.flags = SL_SYN;
		Buffer b(f.bytes());
		sl_seg seg;
		ASSERT_EQ(sl_wire_parse(b.buf.data, b.buf.len, &seg), SL_PARSED_TCP);
		sl_wire_clamp_mss(&b.buf, &seg, 500);
		EXPECT_EQ(b.bytes(), f.bytes());
		EXPECT_EQ(seg.mss, 0);
	}
}

TEST(InsertTimestamps, TakesThePlaceOfAFourthSackBlock)
{
	const std::vector<uint32_t> edges = {1, 2, 3, 4, 5, 6, 0xfffffff0, 8};
	for (size_t blocks = 0; blocks <= 4; blocks++)
		for (const std::string payload : {"", "x", "some payload"})
			for (const bool behind : {false, true}) {
				const std::vector<uint32_t> some(
					edges.begin(),
					edges.begin() + 2 * static_cast<long>(blocks));
				const Bytes option = blocks > 0 ? sack(some) : Bytes();
				const Bytes options = behind ? option + nop(2) : nop(2) + option;
				for (Frame f : frames(options)) {
					f.payload = payload;
					Buffer b(f.bytes(), 64, 64);
					sl_seg seg;
					ASSERT_EQ(sl_wire_parse(b.buf.data, b.buf.len, &seg),
						  SL_PARSED_TCP);
					ASSERT_TRUE(
						sl_wire_insert_timestamps(&b.buf, &seg, 77, 88));
					const Bytes out(b.buf.data, b.buf.data + b.buf.len);
					sl_seg again;
					ASSERT_EQ(parse_exact(out, &again), SL_PARSED_TCP);
					EXPECT_TRUE(ip_cksum_right(out, again));
					EXPECT_TRUE(tcp_cksum_right(out, again));
					EXPECT_EQ(again.tsval, 77u);
					EXPECT_EQ(again.tsecr, 88u);
					EXPECT_EQ(again.ts_off, seg.ts_off);
					EXPECT_EQ(again.sack_off, seg.sack_off);
					EXPECT_EQ(again.n_sack, std::min<size_t>(blocks, 3));
					EXPECT_EQ(again.n_sack, seg.n_sack);
					EXPECT_EQ(again.payload_off, seg.payload_off);
					EXPECT_EQ(std::string(out.begin() + again.payload_off,
							      out.begin() + again.payload_off +
								      again.payload_len),
						  payload);
					const Bytes kept(out.begin() + again.sack_off,
							 out.begin() + again.sack_off +
								 (again.n_sack > 0
									  ? 2 + 8 * again.n_sack
									  : 0));
					EXPECT_EQ(kept, blocks == 0
								? Bytes()
								: sack({some.begin(),
									some.begin() +
										2 * again.n_sack}));
				}
			}
}

} // namespace
