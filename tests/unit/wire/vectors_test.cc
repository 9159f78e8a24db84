// SPDX-License-Identifier: BSD-3-Clause
// A handshake as it was seen on a wire: TCP headers only, checksums right for their addresses.
#include <gtest/gtest.h>

#include "frame.h"
#include "sl_bytes.h"
#include "sl_cksum.h"
#include "sl_seq.h"

#include <algorithm>
#include <utility>

using namespace sl_test;

namespace
{

const char *const syn =
	"83aa0050339637a200000000a00216d0841d0000020405b40402080a00564a2a0000000001030300";
const char *const syn_ack =
	"005083aa46493edd339637a3a01216a0c4c00000020405b40402080ad79b62b700564a2a01030302";
const char *const last_ack = "83aa0050339637a346493ede801016d0f34b00000101080a00564a36d79b62b7";
const char *const client = "10.1.167.99", *const server = "192.0.2.2";

sl_seg parsed(const Bytes &segment)
{
	sl_seg seg = {};
	EXPECT_EQ(sl_wire_parse_tcp(segment.data(), static_cast<uint16_t>(segment.size()), &seg),
		  SL_PARSED_TCP);
	return seg;
}

TEST(HandshakeVectors, FieldsAndOptionsAreRead)
{
	const sl_seg a = parsed(hex(syn)), b = parsed(hex(syn_ack)), c = parsed(hex(last_ack));

	EXPECT_EQ(a.src_port, 33706);
	EXPECT_EQ(a.dst_port, 80);
	EXPECT_EQ(a.seq, 0x339637a2u);
	EXPECT_EQ(a.ack, 0u);
	EXPECT_EQ(a.flags, SL_SYN);
	EXPECT_EQ(a.wnd, 5840);
	EXPECT_EQ(a.mss, 1460);
	EXPECT_TRUE(a.sack_permitted);
	EXPECT_EQ(a.ts_off, 26);
	EXPECT_EQ(a.tsval, 0x00564a2au);
	EXPECT_EQ(a.tsecr, 0u);
	EXPECT_EQ(a.wscale, 0);
	EXPECT_EQ(a.payload_off, 40);
	EXPECT_EQ(a.payload_len, 0);

	EXPECT_EQ(b.src_port, 80);
	EXPECT_EQ(b.dst_port, 33706);
	EXPECT_EQ(b.seq, 0x46493eddu);
	EXPECT_EQ(b.ack, a.seq + 1);
	EXPECT_EQ(b.flags, SL_SYN | SL_ACK);
	EXPECT_EQ(b.wnd, 5792);
	EXPECT_EQ(b.mss, 1460);
	EXPECT_TRUE(b.sack_permitted);
	EXPECT_EQ(b.tsval, 0xd79b62b7u);
	EXPECT_EQ(b.tsecr, a.tsval);
	EXPECT_EQ(b.wscale, 2);

	EXPECT_EQ(c.seq, a.seq + 1);
	EXPECT_EQ(c.ack, b.seq + 1);
	EXPECT_EQ(c.flags, SL_ACK);
	EXPECT_EQ(c.mss, 0);
	EXPECT_EQ(c.wscale, SL_NO_WSCALE);
	EXPECT_FALSE(c.sack_permitted);
	EXPECT_EQ(c.ts_off, 22);
	EXPECT_EQ(c.tsval, 0x00564a36u);
	EXPECT_EQ(c.tsecr, b.tsval);
	EXPECT_EQ(c.payload_off, 32);
}

TEST(HandshakeVectors, ChecksumsAreRightForTheirAddresses)
{
	for (const char *text : {syn, syn_ack, last_ack}) {
		Bytes segment = hex(text);
		const bool up = segment[2] == 0x00;
		const Bytes addrs = up ? addr_bytes(client) + addr_bytes(server)
				       : addr_bytes(server) + addr_bytes(client);
		const auto sum = [&] {
			return sl_cksum_finish(
				sl_cksum_add(sl_cksum_pseudo(addrs.data(), 8,
							     static_cast<uint32_t>(segment.size())),
					     segment.data(), segment.size()));
		};
		EXPECT_EQ(sum(), 0) << text;
		segment[7] ^= 1;
		EXPECT_NE(sum(), 0) << text;
	}
}

TEST(HandshakeVectors, WholeFramesVerify)
{
	for (const char *text : {syn, syn_ack, last_ack}) {
		const Bytes segment = hex(text);
		Frame f{.src = client, .dst = server};
		if (segment[2] != 0x00)
			std::swap(f.src, f.dst);
		Bytes frame = f.bytes();
		frame.resize(f.l4_off());
		frame = frame + segment;
		sl_store_be16(&frame[16], static_cast<uint16_t>(20 + segment.size()));
		Buffer b(frame);
		sl_seg seg;
		ASSERT_EQ(sl_wire_parse(b.buf.data, b.buf.len, &seg), SL_PARSED_TCP);
		b.buf.ip_cksum = SL_CKSUM_GOOD; // the vectors have no IP header of their own
		EXPECT_TRUE(sl_wire_verify(&b.buf, &seg));
	}
}

// Each segment is before the one that acknowledges what it took up.
bool before(const sl_seg &a, const sl_seg &b)
{
	if (a.src_port == b.src_port)
		return sl_seq_lt(a.seq, b.seq);
	return sl_seg_len(&a) > 0 && b.flags & SL_ACK && sl_seq_leq(a.seq + sl_seg_len(&a), b.ack);
}

TEST(HandshakeVectors, NumbersPutThemInOrder)
{
	std::vector<std::string> texts = {syn, syn_ack, last_ack};
	std::sort(texts.begin(), texts.end());
	do {
		std::vector<sl_seg> segs;
		for (const std::string &t : texts)
			segs.push_back(parsed(hex(t)));
		std::sort(segs.begin(), segs.end(), before);
		EXPECT_EQ(segs[0].flags, SL_SYN);
		EXPECT_EQ(segs[1].flags, SL_SYN | SL_ACK);
		EXPECT_EQ(segs[2].flags, SL_ACK);
	} while (std::next_permutation(texts.begin(), texts.end()));
}

} // namespace
