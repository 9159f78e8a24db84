// SPDX-License-Identifier: BSD-3-Clause
#include <gtest/gtest.h>

#include "frame.h"

#include "sl_syn_ack.h"

#include <algorithm>
#include <functional>
#include <random>

using namespace sl_test;

namespace
{

sl_l2 link_header(unsigned tags, bool v6)
{
	Frame f;
	f.vlan = std::vector<uint16_t>(tags, 7);
	if (v6)
		f.src = f.dst = "2001:db8::1";
	const Bytes b = f.bytes();
	sl_l2 l2 = {};
	l2.len = static_cast<uint8_t>(f.l3_off());
	std::copy(b.begin(), b.begin() + l2.len, l2.bytes);
	return l2;
}

struct Random {
	std::mt19937 rng{20240229};
	uint32_t operator()(uint32_t bound)
	{
		return std::uniform_int_distribution<uint32_t>(0, bound - 1)(rng);
	}
	uint32_t word()
	{
		return static_cast<uint32_t>(rng());
	}
};

sl_made random_made(Random &random, const sl_addr *src, const sl_addr *dst)
{
	static const unsigned kinds[] = {SL_SYN, SL_SYN | SL_ACK, SL_ACK,
					 SL_RST, SL_RST | SL_ACK, SL_FIN | SL_ACK};
	sl_made m = {};
	m.src = src;
	m.dst = dst;
	m.flags = static_cast<uint8_t>(kinds[random(6)]);
	m.seq = random.word();
	m.ack = random.word();
	m.src_port = static_cast<uint16_t>(1 + random(65535));
	m.dst_port = static_cast<uint16_t>(1 + random(65535));
	m.wnd = static_cast<uint16_t>(random.word());
	m.timestamps = random(2);
	m.tsval = m.timestamps ? random.word() : 0;
	m.tsecr = m.timestamps ? random.word() : 0;
	m.wscale = SL_NO_WSCALE;
	if (m.flags & SL_SYN) {
		m.mss = random(2) ? static_cast<uint16_t>(random.word()) : 0;
		m.wscale = static_cast<uint8_t>(random(16));
		m.sack_permitted = random(2);
	}
	return m;
}

void expect_equal(const sl_seg &seg, const sl_made &m)
{
	EXPECT_TRUE(sl_addr_equal(&seg.src, m.src));
	EXPECT_TRUE(sl_addr_equal(&seg.dst, m.dst));
	EXPECT_EQ(seg.src_port, m.src_port);
	EXPECT_EQ(seg.dst_port, m.dst_port);
	EXPECT_EQ(seg.seq, m.seq);
	EXPECT_EQ(seg.ack, m.ack);
	EXPECT_EQ(seg.flags, m.flags);
	EXPECT_EQ(seg.wnd, m.wnd);
	EXPECT_EQ(seg.mss, m.mss);
	EXPECT_EQ(seg.wscale, m.wscale);
	EXPECT_EQ(seg.sack_permitted, m.sack_permitted);
	EXPECT_EQ(seg.ts_off != 0, m.timestamps);
	EXPECT_EQ(seg.tsval, m.tsval);
	EXPECT_EQ(seg.tsecr, m.tsecr);
	EXPECT_EQ(seg.payload_len, 0);
}

// Calls `check` with many segments of both families, behind up to two tags.
void for_many(unsigned n,
	      const std::function<void(Random &, const sl_l2 &, const sl_made &)> &check)
{
	const sl_addr a4 = addr("198.51.100.7"), b4 = addr("192.0.2.2");
	const sl_addr a6 = addr("2001:db8::7"), b6 = addr("2001:db8::2");
	Random random;

	for (unsigned i = 0; i < n && !testing::Test::HasFailure(); i++) {
		const bool v6 = i % 2;
		const sl_l2 l2 = link_header(i / 2 % 3, v6);

		check(random, l2, random_made(random, v6 ? &a6 : &a4, v6 ? &b6 : &b4));
	}
}

TEST(Emit, WhatIsParsedIsWhatWasMade)
{
	for_many(4000, [](Random &random, const sl_l2 &l2, const sl_made &m) {
		Buffer b(Bytes(random(300), 0x5a), 16, SL_FRAME_MADE_MAX);
		const unsigned room = b.buf.len + b.buf.tailroom;
		sl_seg seg;

		ASSERT_TRUE(sl_wire_emit(&b.buf, &l2, &m));
		ASSERT_EQ(sl_wire_parse(b.buf.data, b.buf.len, &seg), SL_PARSED_TCP);
		expect_equal(seg, m);
		EXPECT_EQ(seg.v6, !sl_addr_is_v4(m.src));
		EXPECT_EQ(memcmp(b.buf.data, l2.bytes, l2.len), 0);
		EXPECT_EQ(b.buf.len, seg.payload_off) << "nothing behind the header";
		EXPECT_EQ(b.buf.len + b.buf.tailroom, room);
		EXPECT_EQ(b.buf.headroom, 16);
		EXPECT_EQ(b.buf.ip_cksum, SL_CKSUM_GOOD);
		EXPECT_EQ(b.buf.tcp_cksum, SL_CKSUM_GOOD);
		EXPECT_TRUE(ip_cksum_right(b.bytes(), seg));
		EXPECT_TRUE(tcp_cksum_right(b.bytes(), seg));
	});
}

// A segment of data: pieces of any length, SACK blocks, the urgent pointer, and what the IP header
// says.
TEST(Emit, PayloadSacksAndTheRestAreWhereTheyBelong)
{
	RecordProperty("rfc", "9293 MUST-2, 9293 MUST-68, 9293 MUST-69");
	for_many(2000, [](Random &random, const sl_l2 &l2, const sl_made &made) {
		sl_made m = made;
		if (m.flags & SL_SYN)
			return;
		Bytes payload;
		std::vector<Bytes> parts(random(7));
		std::vector<sl_piece> pieces;
		for (Bytes &part : parts) {
			part.resize(random(400));
			for (uint8_t &b : part)
				b = static_cast<uint8_t>(random(256));
			payload.insert(payload.end(), part.begin(), part.end());
			pieces.push_back({part.data(), static_cast<uint32_t>(part.size())});
		}
		sl_sack sack[4];
		for (sl_sack &k : sack)
			k = {random.word(), random.word()};
		m.sack = sack;
		m.n_sack = static_cast<uint8_t>(random(m.timestamps ? 4 : 5));
		m.payload = pieces.data();
		m.n_payload = static_cast<uint8_t>(pieces.size());
		m.payload_len = static_cast<uint16_t>(payload.size());
		m.urgent = static_cast<uint16_t>(random.word());
		m.ttl = static_cast<uint8_t>(random(256));
		m.dscp = static_cast<uint8_t>(random(64));

		Buffer b({}, 16, SL_FRAME_MADE_MAX + payload.size());
		sl_seg seg;
		ASSERT_TRUE(sl_wire_emit(&b.buf, &l2, &m));
		ASSERT_EQ(sl_wire_parse(b.buf.data, b.buf.len, &seg), SL_PARSED_TCP);
		const uint8_t *ip = b.buf.data + seg.l3_off, *tcp = b.buf.data + seg.l4_off;
		ASSERT_EQ(seg.payload_len, payload.size());
		EXPECT_EQ(memcmp(b.buf.data + seg.payload_off, payload.data(), payload.size()), 0);
		EXPECT_EQ(b.buf.len, seg.payload_off + seg.payload_len);
		EXPECT_EQ(seg.n_sack, m.n_sack);
		for (unsigned i = 0; i < m.n_sack; i++) {
			const uint8_t *block = b.buf.data + seg.sack_off + 2 + 8 * i;
			EXPECT_EQ(sl_load_be32(block), sack[i].left);
			EXPECT_EQ(sl_load_be32(block + 4), sack[i].right);
		}
		EXPECT_EQ(sl_load_be16(tcp + 18), m.urgent);
		EXPECT_EQ(ip[seg.v6 ? 7 : 8], m.ttl != 0 ? m.ttl : 64);
		EXPECT_EQ(seg.v6 ? (sl_load_be16(ip) >> 6 & 63) : ip[1] >> 2, m.dscp);
		EXPECT_TRUE(ip_cksum_right(b.bytes(), seg));
		EXPECT_TRUE(tcp_cksum_right(b.bytes(), seg));
		Buffer less({}, 16, SL_FRAME_MADE_MAX + payload.size() - 1);
		EXPECT_FALSE(sl_wire_emit(&less.buf, &l2, &m));
	});
}

TEST(Emit, AnAnswerTurnsTheLinkHeaderRoundAndIsOtherwiseTheSame)
{
	for_many(1000, [](Random &random, const sl_l2 &l2, const sl_made &m) {
		Buffer asked(Bytes(random(100), 0x5a), 16, SL_FRAME_MADE_MAX);
		Buffer answer(Bytes(asked.buf.len, 0x5a), 16, SL_FRAME_MADE_MAX);
		sl_l2 back = l2;
		sl_seg seg;

		ASSERT_TRUE(sl_wire_emit(&asked.buf, &l2, &m));
		ASSERT_EQ(sl_wire_parse(asked.buf.data, asked.buf.len, &seg), SL_PARSED_TCP);
		ASSERT_TRUE(sl_wire_emit_answer(&asked.buf, &seg, &m));
		sl_wire_l2_swap(&back);
		ASSERT_TRUE(sl_wire_emit(&answer.buf, &back, &m));
		ASSERT_EQ(asked.bytes(), answer.bytes());
		EXPECT_EQ(asked.buf.tailroom, answer.buf.tailroom);
	});
}

// Whatever the SYN was like: the template's answer is, byte by byte, the one written field by
// field.
TEST(SynAck, OfATemplateIsTheOneThatIsWrittenFieldByField)
{
	Random random;

	for (unsigned i = 0; i < 4000; i++) {
		const bool v6 = i % 2;
		Frame syn{.sport = static_cast<uint16_t>(1 + random(65534)),
			  .dport = static_cast<uint16_t>(1 + random(65534)),
			  .seq = i % 5 == 0 ? 0xffffffff : random.word(),
			  .flags = SL_SYN,
			  .options = mss(1460) + sackok() + ts(random.word(), 0) + nop() + ws(7)};
		if (v6) {
			syn.src = "2001:db8::7";
			syn.dst = "2001:db8::2";
			syn.extensions = std::vector<Extension>(i / 6 % 3, extension(60));
		} else {
			syn.src = i % 3 ? "198.51.100.7" : "255.255.255.254";
			syn.ip_options = Bytes(i / 6 % 3 * 4, 1);
		}
		syn.vlan = std::vector<uint16_t>(i / 2 % 3, 9);
		syn.payload = std::string(i % 7 ? 0 : 30, 'x');
		Buffer by_template(syn.bytes(), 16, SL_FRAME_MADE_MAX);
		Buffer by_field(syn.bytes(), 16, SL_FRAME_MADE_MAX);
		sl_seg seg;
		sl_syn_ack t;
		ASSERT_EQ(sl_wire_parse(by_field.buf.data, by_field.buf.len, &seg), SL_PARSED_TCP);
		sl_made m = {};
		m.src = &seg.dst;
		m.dst = &seg.src;
		m.src_port = seg.dst_port;
		m.dst_port = seg.src_port;
		m.seq = random.word();
		m.ack = seg.seq + 1;
		m.flags = SL_SYN | SL_ACK;
		m.wnd = static_cast<uint16_t>(random.word());
		m.mss = static_cast<uint16_t>(1 + random(65534));
		m.wscale = static_cast<uint8_t>(i % 15);
		m.sack_permitted = m.timestamps = true;
		m.tsval = random.word();
		m.tsecr = seg.tsval;
		sl_syn_ack_init(&t, v6, m.mss, m.wscale, m.wnd);
		ASSERT_TRUE(sl_syn_ack_answer(&t, &by_template.buf, seg.l3_off, seg.l4_off, m.seq,
					      m.tsval, htonl(seg.tsval), v6));
		ASSERT_TRUE(sl_wire_emit_answer(&by_field.buf, &seg, &m));
		ASSERT_EQ(by_template.bytes(), by_field.bytes()) << i;
		ASSERT_EQ(by_template.buf.tailroom, by_field.buf.tailroom);
		ASSERT_EQ(by_template.buf.tcp_cksum, SL_CKSUM_GOOD);
	}
}

TEST(SynAck, NeedsRoomForTheLargestFrame)
{
	const Frame syn{.flags = SL_SYN};
	Buffer b(syn.bytes(), 0, 0);
	const Bytes before = b.bytes();
	sl_syn_ack t;
	sl_seg seg;
	ASSERT_EQ(sl_wire_parse(b.buf.data, b.buf.len, &seg), SL_PARSED_TCP);
	sl_syn_ack_init(&t, false, 1460, 7, 1);
	EXPECT_FALSE(sl_syn_ack_answer(&t, &b.buf, 14, 34, 1, 2, 3, false));
	EXPECT_EQ(b.bytes(), before);
}

TEST(Emit, Ipv4GoesWithoutFragmentsAndIdentification)
{
	RecordProperty("rfc", "6864 4.1");
	const sl_addr a = addr("198.51.100.7"), b = addr("192.0.2.2");
	const sl_l2 l2 = link_header(0, false);
	sl_made m = {};
	m.src = &a;
	m.dst = &b;
	m.flags = SL_RST;
	m.wscale = SL_NO_WSCALE;
	Buffer buf(Bytes(60, 0xff));
	ASSERT_TRUE(sl_wire_emit(&buf.buf, &l2, &m));
	EXPECT_EQ(Bytes(buf.buf.data + 18, buf.buf.data + 22), (Bytes{0, 0, 0x40, 0}));
	EXPECT_EQ(buf.buf.data[15], 0); // DSCP, ECN
	EXPECT_GE(buf.buf.data[22], 64);
}

TEST(Emit, NeedsRoomForTheLargestFrame)
{
	const sl_addr a = addr("198.51.100.7"), b = addr("192.0.2.2");
	const sl_l2 l2 = link_header(0, false);
	sl_made m = {};
	m.src = &a;
	m.dst = &b;
	m.flags = SL_RST;
	m.wscale = SL_NO_WSCALE;
	const Bytes frame(60, 0x5a);
	Buffer small(frame, 0, SL_FRAME_MADE_MAX - 61);
	EXPECT_FALSE(sl_wire_emit(&small.buf, &l2, &m));
	EXPECT_EQ(small.bytes(), frame);
	Buffer enough(frame, 0, SL_FRAME_MADE_MAX - 60);
	EXPECT_TRUE(sl_wire_emit(&enough.buf, &l2, &m));
}

TEST(Emit, LargestFrameFitsItsBound)
{
	const sl_addr a = addr("2001:db8::7"), b = addr("2001:db8::2");
	const sl_l2 l2 = link_header(2, true);
	sl_made m = {};
	m.src = &a;
	m.dst = &b;
	m.flags = SL_SYN;
	m.mss = 1440;
	m.wscale = 7;
	m.sack_permitted = m.timestamps = true;
	Buffer buf({}, 0, SL_FRAME_MADE_MAX); // ASan sees a byte too many
	EXPECT_TRUE(sl_wire_emit(&buf.buf, &l2, &m));
	EXPECT_LE(buf.buf.len, SL_FRAME_MADE_MAX);
}

struct Offer {
	const char *who;
	Bytes options;
};

TEST(Emit, AnswerIsNoLongerThanTheSynButForItsMss)
{
	const Offer offers[] = {
		{"Linux", mss(1460) + sackok() + ts(1, 0) + nop() + ws(7)},
		{"Windows", mss(1460) + nop() + ws(8) + nop(2) + sackok()},
		{"macOS", mss(1460) + nop() + ws(6) + nop(2) + ts(1, 0) + sackok() + eol()},
		{"FreeBSD", mss(1460) + nop() + ws(6) + sackok() + ts(1, 0)},
		{"OpenBSD", mss(1460) + nop(2) + sackok() + nop() + ws(6) + nop(2) + ts(1, 0)},
		{"old Windows", mss(1460) + nop(2) + sackok()},
		{"lwIP", mss(1460)},
		{"nothing", {}},
		{"window scale alone", ws(3) + eol()},
		{"SACK alone", sackok() + nop(2)},
		{"timestamps alone", nop(2) + ts(1, 0)},
		{"timestamps, unpadded", ts(1, 0)},
		{"timestamps and SACK", sackok() + ts(1, 0)},
		{"window scale and SACK", ws(3) + sackok()},
		{"window scale and timestamps", ws(3) + ts(1, 0)},
		{"all but MSS", ws(3) + sackok() + ts(1, 0)},
	};
	for (const Offer &o : offers) {
		for (const char *family : {"198.51.100.7", "2001:db8::7"}) {
			Frame f{.src = family, .flags = SL_SYN, .options = o.options};
			if (f.v6())
				f.dst = "2001:db8::2";
			Buffer b(f.bytes());
			sl_seg seg;
			ASSERT_EQ(sl_wire_parse(b.buf.data, b.buf.len, &seg), SL_PARSED_TCP);
			const unsigned offered = b.buf.len;
			sl_made m = {};
			m.src = &seg.dst;
			m.dst = &seg.src;
			m.flags = SL_SYN | SL_ACK;
			m.mss = 1460;
			m.wscale = seg.wscale == SL_NO_WSCALE ? SL_NO_WSCALE : 7;
			m.sack_permitted = seg.sack_permitted;
			m.timestamps = seg.ts_off != 0;
			sl_l2 l2;
			sl_wire_l2_get(b.buf.data, seg.l3_off, &l2);
			ASSERT_TRUE(sl_wire_emit(&b.buf, &l2, &m));
			EXPECT_LE(b.buf.len, offered + (seg.mss == 0 ? 4 : 0)) << o.who;
		}
	}
}

} // namespace
