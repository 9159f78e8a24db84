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
