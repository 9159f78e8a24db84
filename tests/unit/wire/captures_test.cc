// SPDX-License-Identifier: BSD-3-Clause
// Real captures, where they are present.
#include <gtest/gtest.h>

#include "capture.h"

using namespace sl_test;

namespace
{

#define SKIP_WITHOUT_CAPTURES()      \
	if (capture_files().empty()) \
	GTEST_SKIP() << "no captures in " << captures_dir() << " (SL_CAPTURES names the folder)"

// The segments of a capture; those that do not parse as TCP are left out.
std::vector<sl_seg> segments(const std::string &file)
{
	std::vector<sl_seg> out;
	for (const Captured &c : read_capture(captures_dir() + "/" + file)) {
		sl_seg seg;
		if (parse_exact(c.frame, &seg) == SL_PARSED_TCP)
			out.push_back(seg);
	}
	return out;
}

TEST(Captures, EveryPacketParsesWithinItsBounds)
{
	SKIP_WITHOUT_CAPTURES();
	unsigned tcp = 0, all = 0;
	for (const std::string &file : capture_files()) {
		for (const Captured &c : read_capture(file)) {
			sl_seg seg;
			all++;
			if (parse_exact(c.frame, &seg) != SL_PARSED_TCP)
				continue;
			tcp++;
			EXPECT_LE(seg.payload_off + seg.payload_len, c.frame.size()) << file;
		}
	}
	EXPECT_GT(tcp, 500u);
	EXPECT_GT(all, tcp);
}

TEST(Captures, ChecksumsAreJudgedLikeWordByWord)
{
	SKIP_WITHOUT_CAPTURES();
	unsigned right = 0, wrong = 0;
	for (const std::string &file : capture_files()) {
		for (const Captured &c : read_capture(file)) {
			Buffer b(c.frame);
			sl_seg seg;
			if (sl_wire_parse(b.buf.data, b.buf.len, &seg) != SL_PARSED_TCP)
				continue;
			const bool expected =
				ip_cksum_right(c.frame, seg) && tcp_cksum_right(c.frame, seg);
			EXPECT_EQ(sl_wire_verify(&b.buf, &seg), expected) << file;
			(expected ? right : wrong)++;
		}
	}
	EXPECT_GT(right, 300u);
	EXPECT_GT(wrong, 10u);
}

TEST(Captures, PacketsCutShortAreNotTakenForWhole)
{
	SKIP_WITHOUT_CAPTURES();
	unsigned cut = 0;
	for (const std::string &file : capture_files()) {
		for (const Captured &c : read_capture(file)) {
			sl_seg seg;
			const Bytes &f = c.frame;
			const bool ipv4 = f.size() >= 34 && f[12] == 8 && f[13] == 0;
			if (!ipv4 || f[16] * 256u + f[17] <= f.size() - 14)
				continue; // whole, or only its Ethernet padding was cut
			cut++;
			EXPECT_EQ(parse_exact(f, &seg), SL_PARSED_BAD) << file;
			EXPECT_EQ(seg.reason, SL_DROP_ip_bad_length) << file;
		}
	}
	EXPECT_GT(cut, 100u);
}

TEST(Captures, SackBlocksOfOneToFour)
{
	SKIP_WITHOUT_CAPTURES();
	const std::vector<sl_seg> segs = segments("zeek-tcp/option-sack.pcap");
	ASSERT_EQ(segs.size(), 4u);
	for (unsigned i = 0; i < 4; i++) {
		EXPECT_EQ(segs[i].n_sack, i + 1);
		EXPECT_EQ(segs[i].sack_off, segs[i].l4_off + 20);
		EXPECT_EQ(segs[i].flags, SL_SYN);
	}
}

TEST(Captures, WindowScaleBeyondItsRange)
{
	SKIP_WITHOUT_CAPTURES();
	const std::vector<sl_seg> segs = segments("zeek-tcp/window-scale-range.pcap");
	ASSERT_EQ(segs.size(), 5u);
	EXPECT_EQ(segs[0].wscale, 14); // 255 on the wire
	EXPECT_EQ(segs[0].mss, 1460);
	EXPECT_EQ(segs[1].wscale, 7);
	EXPECT_EQ(segs[2].wscale, SL_NO_WSCALE);
	EXPECT_EQ(segs[3].payload_len, 5);
}

TEST(Captures, OptionsOfAHandshake)
{
	SKIP_WITHOUT_CAPTURES();
	const std::vector<sl_seg> segs = segments("zeek-tcp/options.pcap");
	ASSERT_EQ(segs.size(), 4u);
	EXPECT_EQ(segs[0].mss, 1460);
	EXPECT_EQ(segs[0].wscale, 6);
	EXPECT_TRUE(segs[0].sack_permitted);
	EXPECT_EQ(segs[0].tsval, 0xffff54e9u);
	EXPECT_EQ(segs[1].mss, 1380);
	EXPECT_EQ(segs[1].tsval, 0x19003c97u);
	EXPECT_EQ(segs[1].tsecr, 0xffff54e9u);
	EXPECT_EQ(segs[1].wscale, 7);
	EXPECT_EQ(segs[2].tsval, 0xffff5519u);
	EXPECT_FALSE(segs[2].sack_permitted);
}

TEST(Captures, UserTimeoutIsNoOptionOfOurs)
{
	SKIP_WITHOUT_CAPTURES();
	sl_seg seg;
	const auto packets = read_capture(captures_dir() + "/zeek-tcp/option-27.pcap");
	ASSERT_EQ(packets.size(), 1u);
	ASSERT_EQ(parse_exact(packets[0].frame, &seg), SL_PARSED_TCP);
	EXPECT_EQ(seg.ts_off, 0);
	EXPECT_EQ(seg.flags, SL_SYN | SL_ACK);
}

} // namespace
