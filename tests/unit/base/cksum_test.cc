// SPDX-License-Identifier: BSD-3-Clause
#include <gtest/gtest.h>

#include "sl_cksum.h"

#include <cstring>
#include <vector>

namespace
{

// A plain reading of RFC 1071: big-endian words, one by one.
uint16_t reference(const std::vector<uint8_t> &bytes)
{
	uint32_t sum = 0;
	for (size_t i = 0; i < bytes.size(); i += 2) {
		sum += bytes[i] << 8 | (i + 1 < bytes.size() ? bytes[i + 1] : 0);
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return ~sum & 0xffff;
}

uint16_t ours(const std::vector<uint8_t> &bytes)
{
	return __builtin_bswap16(sl_cksum_finish(sl_cksum_add(0, bytes.data(), bytes.size())));
}

TEST(InternetChecksum, AgreesWithThePlainReadingAtEveryLength)
{
	RecordProperty("rfc", "1071");
	std::vector<uint8_t> bytes;
	for (unsigned i = 0; i < 300; i++) {
		EXPECT_EQ(ours(bytes), reference(bytes)) << "length " << i;
		bytes.push_back(static_cast<uint8_t>(i * 167 + 13));
	}
}

// Every engine of this CPU, with and without copying, at every alignment and every length that has
// some of each part: vectors, words, bytes.
TEST(InternetChecksum, EveryEngineAgreesWithThePlainReadingAndCopiesNoByteMoreOrLess)
{
	RecordProperty("rfc", "1071");
	std::vector<uint8_t> bytes(2048 + 64);
	uint32_t random = 1;
	for (uint8_t &b : bytes)
		b = static_cast<uint8_t>((random = random * 1664525 + 1013904223) >> 24);
	for (unsigned e = 0; e < SL_CKSUM_N_ENGINES; e++) {
		const auto engine = static_cast<sl_cksum_engine>(e);
		if (!sl_cksum_engine_works(engine))
			continue;
		for (unsigned at = 0; at < 64; at++) {
			for (unsigned len = 0; len < 400; len += at % 8 == 0 ? 1 : 7) {
				const uint8_t *p = &bytes[at];
				const uint16_t want = reference({p, p + len});
				std::vector<uint8_t> to(len + 130, 0x5a), expected = to;
				memcpy(&expected[64 - at], p, len);
				const uint64_t sum = sl_cksum_by(engine, 0, nullptr, p, len);
				const uint64_t copied =
					sl_cksum_by(engine, 0, &to[64 - at], p, len);
				ASSERT_EQ(__builtin_bswap16(sl_cksum_finish(sum)), want)
					<< e << " at " << at << ", " << len;
				ASSERT_EQ(__builtin_bswap16(sl_cksum_finish(copied)), want)
					<< e << " at " << at << ", " << len;
				ASSERT_EQ(to, expected) << e << " at " << at << ", " << len;
			}
		}
	}
}

TEST(InternetChecksum, NoEngineLosesACarry)
{
	const std::vector<uint8_t> ones(65535, 0xff);
	for (unsigned e = 0; e < SL_CKSUM_N_ENGINES; e++) {
		const auto engine = static_cast<sl_cksum_engine>(e);
		if (!sl_cksum_engine_works(engine))
			continue;
		const uint64_t begun = UINT64_MAX - 7;
		EXPECT_EQ(sl_cksum_fold(sl_cksum_by(engine, begun, nullptr, ones.data(), 65535)),
			  sl_cksum_fold(sl_cksum_by(SL_CKSUM_PORTABLE, begun, nullptr, ones.data(),
						    65535)));
		EXPECT_EQ(__builtin_bswap16(sl_cksum_finish(
				  sl_cksum_by(engine, 0, nullptr, ones.data(), ones.size()))),
			  reference(ones));
	}
}

TEST(InternetChecksum, CarriesSurviveLongRunsOfOnes)
{
	std::vector<uint8_t> bytes(65535, 0xff);
	EXPECT_EQ(ours(bytes), reference(bytes));
}

TEST(InternetChecksum, AnIncrementalUpdateEqualsAFreshSumAtEitherParity)
{
	RecordProperty("rfc", "1624");
	for (unsigned off = 4; off < 12; off++) {
		std::vector<uint8_t> bytes(40);
		for (unsigned i = 0; i < bytes.size(); i++)
			bytes[i] = static_cast<uint8_t>(i * 31 + 7);
		uint16_t before = sl_cksum_finish(sl_cksum_add(0, bytes.data(), bytes.size()));
		uint32_t from, to = 0xfffe1234;
		memcpy(&from, &bytes[off], 4);
		memcpy(&bytes[off], &to, 4);
		uint16_t fresh = sl_cksum_finish(sl_cksum_add(0, bytes.data(), bytes.size()));
		EXPECT_EQ(sl_cksum_apply(before, sl_cksum_diff32(0, from, to, off & 1)), fresh);
	}
}

} // namespace
