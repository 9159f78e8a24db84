// SPDX-License-Identifier: BSD-3-Clause
// RFC 6675 against its own words, octet by octet.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

extern "C" {
#include "scoreboard.h"
#include "sl_seq.h"
}

namespace
{

constexpr uint16_t kSmss = 10;

// Octet i of the model is sequence number `base` + i.
struct Model {
	uint32_t una, max; // as offsets
	std::vector<bool> sacked;
	int64_t high_rxt = -1; // the highest octet that was sent again; -1: none above una

	bool is_lost(uint32_t s) const
	{
		unsigned runs = 0, bytes = 0;
		for (uint32_t i = s + 1; i < max; i++) {
			bytes += sacked[i];
			runs += sacked[i] && !sacked[i - 1];
		}
		return runs >= TCP_DUP_THRESH || bytes > (TCP_DUP_THRESH - 1) * kSmss;
	}

	uint32_t pipe() const
	{
		uint32_t n = 0;
		for (uint32_t i = una; i < max; i++)
			if (!sacked[i])
				n += !is_lost(i) + (i <= high_rxt);
		return n;
	}

	uint32_t highest_sacked() const
	{
		for (uint32_t i = max; i > una; i--)
			if (sacked[i - 1])
				return i - 1;
		return una;
	}

	// The octet that rule 1 (with `lost`) or 3 finds, or -1.
	int64_t hole(bool lost) const
	{
		for (uint32_t i = una; i < highest_sacked(); i++)
			if (!sacked[i] && i > high_rxt && (!lost || is_lost(i)))
				return i;
		return -1;
	}

	int64_t last_hole() const
	{
		for (uint32_t i = max; i > una; i--)
			if (!sacked[i - 1])
				return i - 1;
		return -1;
	}
};

class Scoreboard : public ::testing::TestWithParam<uint32_t>
{
};

TEST_P(Scoreboard, SaysWhatTheRfcSays)
{
	RecordProperty("rfc", "6675 4");
	const uint32_t base = GetParam();
	for (unsigned seed = base % 1000; seed < base % 1000 + 350; seed++) {
		std::mt19937 random(seed);
		Model m = {0, 20 + static_cast<uint32_t>(random() % 280), {}};
		tcp_scoreboard s;
		bool rescued = false;
		m.sacked.assign(400, false);
		tcp_scoreboard_init(&s, base);
		for (unsigned step = 0; step < 30; step++) {
			std::vector<tcp_range> blocks;
			// An ACK, sometimes of more, with up to four blocks, some of them nonsense.
			if (random() % 4 == 0)
				m.una += random() % (m.max - m.una + 1);
			if (random() % 3 == 0)
				m.max = std::min<uint32_t>(m.max + random() % 40, 399);
			uint32_t expect = 0;
			for (unsigned k = random() % 5; k > 0; k--) {
				const uint32_t l = static_cast<uint32_t>(random() % 420),
					       r = l + static_cast<uint32_t>(random() % 30);
				blocks.push_back({base + l, base + r});
				if (l < m.una || r > m.max || l >= r)
					continue;
				for (uint32_t i = l; i < r; i++) {
					expect += !m.sacked[i];
					m.sacked[i] = true;
				}
			}
			ASSERT_EQ(tcp_scoreboard_update(&s, base + m.una, base + m.una,
							base + m.max, blocks.data(),
							static_cast<uint32_t>(blocks.size()),
							nullptr, 0),
				  expect);
			for (uint32_t i = m.una; i < m.max; i++) {
				if (!m.sacked[i]) {
					ASSERT_EQ(tcp_scoreboard_is_lost(&s, base + i, kSmss),
						  m.is_lost(i))
						<< seed << " " << i;
				}
			}
			ASSERT_EQ(tcp_scoreboard_pipe(&s, base + m.una, base + m.max, kSmss),
				  m.pipe())
				<< seed;
			const bool more = random() % 2;
			tcp_range range = {};
			const tcp_next next = tcp_scoreboard_next(&s, base + m.una, base + m.max,
								  kSmss, more, &range);
			const uint32_t left = range.left - base, right = range.right - base;
			if (m.hole(true) >= 0) {
				ASSERT_EQ(next, TCP_NEXT_LOST) << seed;
				ASSERT_EQ(left, m.hole(true));
			} else if (more) {
				ASSERT_EQ(next, TCP_NEXT_NEW) << seed;
			} else if (m.hole(false) >= 0) {
				ASSERT_EQ(next, TCP_NEXT_HOLE) << seed;
				ASSERT_EQ(left, m.hole(false));
			} else if (m.last_hole() >= 0 && !rescued && m.last_hole() > m.high_rxt) {
				ASSERT_EQ(next, TCP_NEXT_RESCUE) << seed;
				ASSERT_EQ(right - 1, m.last_hole());
			} else {
				ASSERT_EQ(next, TCP_NEXT_NONE) << seed;
			}
			if (next == TCP_NEXT_LOST || next == TCP_NEXT_HOLE ||
			    next == TCP_NEXT_RESCUE) {
				ASSERT_LE(right - left, kSmss);
				ASSERT_GT(right, left);
				for (uint32_t i = left; i < right; i++)
					ASSERT_FALSE(m.sacked[i]) << "nothing is sent for nothing";
			}
			tcp_scoreboard_sent(&s, next, range, base + 399);
			if (next == TCP_NEXT_LOST || next == TCP_NEXT_HOLE)
				m.high_rxt = right - 1;
			rescued |= next == TCP_NEXT_RESCUE;
		}
		tcp_scoreboard_forget(&s, base + m.una);
		EXPECT_EQ(tcp_scoreboard_pipe(&s, base + m.una, base + m.max, kSmss),
			  m.max - m.una);
	}
}

TEST_P(Scoreboard, OneRescueARecovery)
{
	RecordProperty("rfc", "6675 4");
	RecordProperty("source", "RFC 6675 section 4, NextSeg (4)");
	const uint32_t base = GetParam();
	tcp_scoreboard s;
	tcp_range range;
	tcp_scoreboard_init(&s, base);
	EXPECT_EQ(tcp_scoreboard_next(&s, base, base + 95, kSmss, false, &range), TCP_NEXT_RESCUE);
	EXPECT_EQ(range.left - base, 85u);
	EXPECT_EQ(range.right - base, 95u);
	tcp_scoreboard_sent(&s, TCP_NEXT_RESCUE, range, base + 95);
	EXPECT_EQ(tcp_scoreboard_next(&s, base, base + 95, kSmss, false, &range), TCP_NEXT_NONE);
	EXPECT_EQ(tcp_scoreboard_pipe(&s, base, base + 95, kSmss), 95u) << "HighRxt stays";
	tcp_scoreboard_update(&s, base + 96, base + 96, base + 200, nullptr, 0, nullptr, 0);
	EXPECT_EQ(tcp_scoreboard_next(&s, base + 96, base + 200, kSmss, false, &range),
		  TCP_NEXT_RESCUE);
}

TEST_P(Scoreboard, ManyRangesAreBounded)
{
	RecordProperty("source", "CVE-2019-11477 to -11479");
	const uint32_t base = GetParam();
	tcp_scoreboard s;
	uint32_t told = 0;
	tcp_scoreboard_init(&s, base);
	for (uint32_t i = 0; i < 10000; i++) {
		const tcp_range r = {base + 1 + 2 * i, base + 2 + 2 * i};
		told += tcp_scoreboard_update(&s, base, base, base + 30000, &r, 1, nullptr, 0);
	}
	EXPECT_EQ(told, unsigned(TCP_SACKED));
	EXPECT_EQ(s.n, unsigned(TCP_SACKED));
	// One that closes holes needs no room.
	const tcp_range all = {base + 1, base + 20001};
	EXPECT_EQ(tcp_scoreboard_update(&s, base, base, base + 30000, &all, 1, nullptr, 0),
		  20000u - TCP_SACKED);
	EXPECT_EQ(s.n, 1u);
}

INSTANTIATE_TEST_SUITE_P(All, Scoreboard, ::testing::Values(0u, 0xffffff80u, 0x7fffff80u));

} // namespace
