// SPDX-License-Identifier: BSD-3-Clause
#include <algorithm>

#include "cable.h"

using namespace impair_test;

namespace
{

// Reads a frame in memory that ends where it does, so that ASan sees a byte too far.
impair_packet parse(const Bytes &frame)
{
	std::unique_ptr<uint8_t[]> exact(new uint8_t[frame.size()]);
	std::copy(frame.begin(), frame.end(), exact.get());
	impair_packet p;
	impair_packet_parse(exact.get(), static_cast<uint32_t>(frame.size()), &p);
	return p;
}

Frame v6()
{
	Frame f;
	f.src = "2001:db8:1::7";
	f.dst = "2001:db8::2";
	f.payload = "hello";
	return f;
}

TEST(ImpairPacket, ReadsIpv4BehindTags)
{
	Frame f;
	f.ip_options = {1, 1, 1, 1};
	f.payload = "hello";
	for (const std::vector<uint16_t> &vlan : {std::vector<uint16_t>{}, {5}, {5, 6}}) {
		f.vlan = vlan;
		f.trailer = 9;
		const impair_packet p = parse(f.bytes());
		EXPECT_EQ(4, p.version);
		EXPECT_EQ(f.l3_off(), p.l3_off);
		EXPECT_EQ(f.l4_off(), p.l4_off);
		EXPECT_EQ(24u + 20 + 5, p.ip_len);
		EXPECT_EQ(6, p.proto);
		EXPECT_TRUE(p.dont_fragment);
		EXPECT_FALSE(p.later_fragment);
	}
	f.vlan = {5, 6, 7};
	EXPECT_EQ(0, parse(f.bytes()).version);
}

TEST(ImpairPacket, ReadsIpv6BehindExtensions)
{
	Frame f = v6();
	f.extensions = {sl_test::extension(0), sl_test::extension(43, 2), sl_test::extension(60)};
	const impair_packet p = parse(f.bytes());
	EXPECT_EQ(6, p.version);
	EXPECT_EQ(6, p.proto);
	EXPECT_EQ(f.l4_off(), p.l4_off);
	EXPECT_EQ(40u + 32 + 20 + 5, p.ip_len);

	f.extensions = {sl_test::fragment(8, true)};
	EXPECT_TRUE(parse(f.bytes()).later_fragment);
	f.extensions = {sl_test::fragment(0, true)};
	EXPECT_FALSE(parse(f.bytes()).later_fragment);
}

TEST(ImpairPacket, KnowsNeighbourDiscovery)
{
	RecordProperty("rfc", "4861 4");
	Frame f = v6();
	f.proto = 58;
	for (unsigned type = 0; type < 256; type++) {
		f.sport = static_cast<uint16_t>(type << 8);
		EXPECT_EQ(type >= 133 && type <= 137, parse(f.bytes()).neighbour) << type;
	}
}

TEST(ImpairPacket, ReadsNoByteThatIsNotThere)
{
	Frame f = v6();
	f.vlan = {5, 6};
	f.extensions = {sl_test::extension(0), sl_test::extension(60, 3)};
	for (const Bytes &whole : {f.bytes(), numbered(1)}) {
		for (size_t n = 0; n < whole.size(); n++) {
			Bytes cut(whole.begin(), whole.begin() + static_cast<long>(n));
			const impair_packet p = parse(cut);
			impair_packet_finish_checksum(cut.data(), static_cast<uint32_t>(n), &p);
			EXPECT_EQ(Bytes(whole.begin(), whole.begin() + static_cast<long>(n)), cut);
		}
	}
}

TEST(ImpairPacket, FinishesWhatTheSenderLeftToItsNic)
{
	Frame f;
	f.payload = "an odd number";
	f.trailer = 3;
	Frame g = v6();
	g.extensions = {sl_test::extension(60)};
	for (const Frame &frame : {f, g}) {
		const Bytes right = frame.bytes();
		Bytes partial = right;
		partial[frame.l4_off() + 16] = 0x12;
		partial[frame.l4_off() + 17] = 0x34;
		const impair_packet p = parse(partial);
		impair_packet_finish_checksum(partial.data(), static_cast<uint32_t>(partial.size()),
					      &p);
		EXPECT_EQ(right, partial);
	}
}

TEST(ImpairPacket, FinishesUdpAndNeverWithZero)
{
	RecordProperty("rfc", "768");
	// A UDP header of 8 bytes and a payload word that runs through all values: one of them
	// makes the sum zero, which UDP writes as 0xffff.
	unsigned written_as_ones = 0;
	for (unsigned word = 0; word < 0x10000; word++) {
		Frame f;
		f.proto = 17;
		Bytes frame = f.bytes();
		Bytes datagram = {0x9c, 0x40, 0, 53, 0, 20, 0xab, 0xcd};
		sl_test::put16(datagram, static_cast<uint16_t>(word));
		datagram.resize(20);
		std::copy(datagram.begin(), datagram.end(), frame.begin() + 34);
		const impair_packet p = parse(frame);
		impair_packet_finish_checksum(frame.data(), static_cast<uint32_t>(frame.size()),
					      &p);
		Bytes pseudo = sl_test::addr_bytes(f.src) + sl_test::addr_bytes(f.dst);
		sl_test::put32(pseudo, 20);
		sl_test::put32(pseudo, 17);
		ASSERT_EQ(0, sl_test::slow_cksum(pseudo + sl_test::tail(frame, 34)));
		ASSERT_FALSE(frame[40] == 0 && frame[41] == 0);
		written_as_ones += frame[40] == 0xff && frame[41] == 0xff;
	}
	EXPECT_GE(written_as_ones, 1u);
}

} // namespace
