// SPDX-License-Identifier: BSD-3-Clause
// Shapes: a frame that fits one is what a parser would say, and like frames fit.
#include "frame.h"

#include <gtest/gtest.h>

#include <random>

extern "C" {
#include "sl_pattern.h"
}

using namespace sl_test;

namespace
{

struct Kind {
	sl_pattern_kind kind;
	bool to_server, v6;
};

const Kind kKinds[] = {
	{SL_PATTERN_ACK, true, false},    {SL_PATTERN_ACK, false, false},
	{SL_PATTERN_ACK, true, true},     {SL_PATTERN_ACK, false, true},
	{SL_PATTERN_ACK_TS, true, false}, {SL_PATTERN_ACK_TS, false, false},
	{SL_PATTERN_ACK_TS, true, true},  {SL_PATTERN_ACK_TS, false, true},
	{SL_PATTERN_SYN, true, false},    {SL_PATTERN_SYN, true, true},
};

class Shape : public ::testing::TestWithParam<Kind>
{
      protected:
	// A segment of client number `client` of the kind.
	Frame segment(unsigned client, const std::string &payload = "")
	{
		const Kind k = GetParam();
		const std::string c = (k.v6 ? "2001:db8:c::" : "198.51.100.") +
				      std::to_string(1 + client % 200),
				  s = k.v6 ? "2001:db8::2" : "192.0.2.2";
		const uint16_t cport = static_cast<uint16_t>(1 + random() % 65535), sport = 443;
		Frame f;

		f.src = k.to_server ? c : s;
		f.dst = k.to_server ? s : c;
		f.sport = k.to_server ? cport : sport;
		f.dport = k.to_server ? sport : cport;
		f.seq = static_cast<uint32_t>(random());
		f.ack = static_cast<uint32_t>(random());
		f.wnd = static_cast<uint16_t>(random());
		f.flags = k.kind == SL_PATTERN_SYN ? SL_SYN : SL_ACK;
		if (k.kind == SL_PATTERN_SYN)
			f.options = mss(1460) + sackok() + ts(static_cast<uint32_t>(random()), 0) +
				    nop() + ws(7);
		else if (k.kind == SL_PATTERN_ACK_TS)
			f.options = nop(2) + ts(static_cast<uint32_t>(random()),
						static_cast<uint32_t>(random()));
		if (k.kind != SL_PATTERN_SYN) {
			f.payload = payload;
			if (client % 2)
				f.flags |= SL_PSH;
		}
		return f;
	}

	static bool fits(const sl_pattern &s, const Bytes &b)
	{
		return sl_pattern_slot(b.data(), static_cast<unsigned>(b.size())) ==
			       (s.v6 ? 4u : 0u) + s.kind &&
		       sl_pattern_fits(&s, b.data(), static_cast<unsigned>(b.size()),
				       static_cast<sl_pattern_kind>(s.kind), s.to_server, s.v6);
	}

	static sl_parsed parse(const Bytes &b, sl_seg *seg)
	{
		return sl_wire_parse(b.data(), static_cast<uint16_t>(b.size()), seg);
	}

	sl_pattern learn(const Bytes &b)
	{
		sl_pattern s;
		sl_seg seg;
		sl_pattern_forget(&s);
		EXPECT_EQ(parse(b, &seg), SL_PARSED_TCP);
		EXPECT_TRUE(sl_pattern_learn(&s, b.data(), &seg, GetParam().to_server));
		EXPECT_EQ(s.kind, GetParam().kind);
		return s;
	}

	std::mt19937 random{1};
};

TEST_P(Shape, LikeFramesFitAndAreReadAsTheParserReadsThem)
{
	const sl_pattern s = learn(segment(0).bytes());
	for (unsigned i = 0; i < 500; i++) {
		const Bytes b = segment(i, std::string(i % 300, 'x')).bytes();
		sl_seg seg;
		ASSERT_TRUE(fits(s, b)) << i;
		ASSERT_EQ(parse(b, &seg), SL_PARSED_TCP);
		if (s.kind == SL_PATTERN_SYN)
			continue;
		const sl_seg got = sl_pattern_read_ack(b.data(), s.kind == SL_PATTERN_ACK_TS, s.v6);
		EXPECT_EQ(got.seq, seg.seq);
		EXPECT_EQ(got.ack, seg.ack);
		EXPECT_EQ(got.wnd, seg.wnd);
		EXPECT_EQ(got.l3_off, seg.l3_off);
		EXPECT_EQ(got.l4_off, seg.l4_off);
		EXPECT_EQ(got.payload_off, seg.payload_off);
		EXPECT_EQ(got.payload_len, seg.payload_len);
		EXPECT_EQ(got.ts_off, seg.ts_off);
		EXPECT_EQ(got.tsval, seg.tsval);
		EXPECT_EQ(got.tsecr, seg.tsecr);
	}
}

// Whatever is done to a frame: if it still fits, a parser finds the same kind of segment to or from
// the same server, and of a SYN the same options.
TEST_P(Shape, NothingFitsThatAParserWouldSeeOtherwise)
{
	const Bytes like = segment(0, "payload").bytes();
	const sl_pattern s = learn(like);
	const unsigned headers = sl_pattern_end(GetParam().kind, GetParam().v6);
	sl_seg of;
	unsigned n_fit = 0, n_not = 0;
	ASSERT_EQ(parse(like, &of), SL_PARSED_TCP);
	for (unsigned i = 0; i < 100000; i++) {
		Bytes b = segment(i, std::string(random() % 20, 'x')).bytes();
		// Every bit by itself, then several at once, and lengths.
		if (i < headers * 8)
			b[i / 8] ^= static_cast<uint8_t>(1 << i % 8);
		else
			for (unsigned k = random() % 4; k > 0; k--)
				b[random() % headers] ^= static_cast<uint8_t>(1 << random() % 8);
		if (i % 5 == 0)
			b.resize(random() % (b.size() + 20));
		if (!fits(s, b)) {
			n_not++;
			continue;
		}
		sl_seg seg;
		const sl_parsed parsed = parse(b, &seg);
		n_fit++;
		// What the caller looks at: the client's address and port.
		const sl_addr &client = s.to_server ? seg.src : seg.dst;
		if ((s.to_server ? seg.src_port : seg.dst_port) == 0 ||
		    (s.v6 && sl_addr_is_v4(&client)))
			continue;
		ASSERT_EQ(parsed, SL_PARSED_TCP) << i;
		ASSERT_EQ(seg.v6, of.v6);
		ASSERT_EQ(seg.vlan, 0u);
		ASSERT_EQ(seg.l4_off, of.l4_off);
		ASSERT_EQ(seg.payload_off, of.payload_off);
		ASSERT_EQ(seg.sack_off, 0);
		ASSERT_EQ(seg.ts_off, of.ts_off);
		ASSERT_EQ(seg.flags & (SL_SYN | SL_FIN | SL_RST | SL_ACK),
			  of.flags & (SL_SYN | SL_FIN | SL_RST | SL_ACK));
		ASSERT_TRUE(s.to_server ? sl_addr_equal(&seg.dst, &of.dst)
					: sl_addr_equal(&seg.src, &of.src));
		ASSERT_EQ(s.to_server ? seg.dst_port : seg.src_port,
			  s.to_server ? of.dst_port : of.src_port);
		if (s.kind == SL_PATTERN_SYN) {
			ASSERT_EQ(seg.mss, of.mss);
			ASSERT_EQ(seg.wscale, of.wscale);
			ASSERT_EQ(seg.sack_permitted, of.sack_permitted);
			ASSERT_EQ(seg.payload_len, 0);
		}
	}
	EXPECT_GT(n_fit, 15000u);
	EXPECT_GT(n_not, 15000u);
}

TEST_P(Shape, OtherServersAndKindsDoNotFit)
{
	const sl_pattern s = learn(segment(0).bytes());
	const bool to = GetParam().to_server;
	Frame f = segment(1);
	(to ? f.dst : f.src) = f.v6() ? "2001:db8::3" : "192.0.2.3";
	EXPECT_FALSE(fits(s, f.bytes()));
	f = segment(1);
	(to ? f.dport : f.sport) = 444;
	EXPECT_FALSE(fits(s, f.bytes()));
	f = segment(1);
	f.vlan = {7};
	EXPECT_FALSE(fits(s, f.bytes()));
	for (const int flags : {SL_FIN | SL_ACK, SL_RST | SL_ACK, SL_SYN | SL_ACK, int{SL_RST}}) {
		f = segment(1);
		f.flags = static_cast<uint8_t>(flags);
		EXPECT_FALSE(fits(s, f.bytes())) << flags;
	}
	sl_pattern forgotten = s;
	sl_pattern_forget(&forgotten);
	EXPECT_FALSE(fits(forgotten, segment(1).bytes()));
}

INSTANTIATE_TEST_SUITE_P(All, Shape, ::testing::ValuesIn(kKinds));

// Learned is only what has one of the three layouts.
TEST(ShapeOf, OthersHaveNone)
{
	const auto has = [](const Frame &f, bool to_server) {
		const Bytes b = f.bytes();
		sl_pattern s;
		sl_seg seg;
		EXPECT_EQ(sl_wire_parse(b.data(), static_cast<uint16_t>(b.size()), &seg),
			  SL_PARSED_TCP);
		return sl_pattern_learn(&s, b.data(), &seg, to_server);
	};
	Frame f;
	f.flags = SL_ACK;
	EXPECT_TRUE(has(f, true));
	f.vlan = {7};
	EXPECT_FALSE(has(f, true));
	f.vlan = {};
	f.flags = SL_ACK | SL_FIN;
	EXPECT_FALSE(has(f, true));
	f.flags = SL_ACK;
	f.options = nop(2) + sack({1, 2});
	EXPECT_FALSE(has(f, true)) << "12 bytes, but other ones";
	f.flags = SL_SYN;
	f.options = mss(1460) + nop() + ws(8) + nop(2) + sackok();
	EXPECT_FALSE(has(f, true));
	f.options = mss(1460) + sackok() + ts(1, 0) + nop() + ws(7);
	EXPECT_TRUE(has(f, true));
	EXPECT_FALSE(has(f, false)) << "from a server";
	f.payload = "x";
	EXPECT_FALSE(has(f, true)) << "with data";
	f.payload = "";
	f.flags = SL_SYN | SL_ACK;
	EXPECT_FALSE(has(f, false));
}

} // namespace
