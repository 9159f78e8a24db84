// SPDX-License-Identifier: BSD-3-Clause
// MACs made many at once: every engine of this CPU gives libsodium's answers, however many there
// are.
#include "sl_cookie.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <sodium.h>
#include <vector>

namespace
{

constexpr size_t kMessage = 46; // bytes, in six words, the last of which ends in SipHash's padding

std::vector<sl_cookie_work> some_work(unsigned n, unsigned seed)
{
	std::mt19937_64 random(seed);
	std::vector<sl_cookie_work> work(n);
	for (sl_cookie_work &w : work) {
		w.key = {random(), random()};
		for (uint64_t &word : w.words)
			word = random();
		w.words[5] = (w.words[5] & 0xffffffffffff) | SL_SIP_LENGTH(kMessage);
		w.mac = 0;
	}
	return work;
}

uint32_t by_sodium(const sl_cookie_work &w)
{
	uint8_t out[crypto_shorthash_siphash24_BYTES], key[crypto_shorthash_siphash24_KEYBYTES];
	uint32_t mac;
	std::memcpy(key, &w.key, sizeof(key));
	crypto_shorthash_siphash24(out, reinterpret_cast<const uint8_t *>(w.words), kMessage, key);
	std::memcpy(&mac, out, sizeof(mac));
	return mac;
}

class Engines : public testing::TestWithParam<int>
{
};

TEST_P(Engines, GiveTheOraclesAnswersForAnyNumber)
{
	const auto engine = static_cast<sl_cookie_engine>(GetParam());
	if (!sl_cookie_engine_works(engine))
		GTEST_SKIP() << "this CPU has no " << sl_cookie_engine_name(engine);
	for (unsigned n = 1; n <= 70; n++) {
		std::vector<sl_cookie_work> work = some_work(n, n);
		const std::vector<sl_cookie_work> asked = work;
		sl_cookie_macs(engine, work.data(), n);
		for (unsigned i = 0; i < n; i++) {
			EXPECT_EQ(work[i].mac, by_sodium(asked[i])) << i << " of " << n;
			work[i].mac = 0;
			EXPECT_EQ(std::memcmp(&work[i], &asked[i], sizeof(work[i])), 0);
		}
	}
}

INSTANTIATE_TEST_SUITE_P(All, Engines, testing::Range(0, static_cast<int>(SL_COOKIE_N_ENGINES)),
			 [](const testing::TestParamInfo<int> &info) {
				 return std::string(sl_cookie_engine_name(
					 static_cast<sl_cookie_engine>(info.param)));
			 });

TEST(Engine, OneThatWorksIsChosen)
{
	EXPECT_TRUE(sl_cookie_engine_works(SL_COOKIE_PORTABLE));
	EXPECT_TRUE(sl_cookie_engine_works(sl_cookie_engine_best()));
}

} // namespace
