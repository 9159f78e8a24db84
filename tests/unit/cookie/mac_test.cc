// SPDX-License-Identifier: BSD-3-Clause
// MACs made many at once: every engine of this CPU gives libsodium's answers, however many there
// are.
#include "sl_cookie_batch.h"

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <random>
#include <sodium.h>
#include <string>

namespace
{

// A family's message: the last of its words ends in SipHash's padding.
struct Message {
	bool v6;
	size_t bytes;
	unsigned words;
};
constexpr Message kMessages[] = {{false, 22, SL_COOKIE_WORDS_V4}, {true, 46, SL_COOKIE_WORDS_V6}};

void some_work(sl_cookie_moment *moment, sl_cookie_batch *batch, const Message &message,
	       unsigned seed)
{
	std::mt19937_64 random(seed);
	for (sl_sipkey &key : moment->key)
		key = {random(), random()};
	for (unsigned i = 0; i < SL_COOKIE_BATCH; i++) {
		for (auto &words : batch->words)
			words[i] = random();
		uint64_t &last = batch->words[message.words - 1][i];
		last = (last & 0xffffffffffff) | SL_SIP_LENGTH(message.bytes);
	}
}

uint32_t by_sodium(const sl_cookie_moment &moment, const sl_cookie_batch &batch,
		   const Message &message, unsigned i)
{
	// The epoch, whose parity names the key, lies lowest in the last word.
	const sl_sipkey &of = moment.key[batch.words[message.words - 1][i] & 1];
	const uint64_t key[] = {of.k0, of.k1};
	uint64_t words[SL_COOKIE_WORDS_V6];
	uint8_t out[crypto_shorthash_siphash24_BYTES];
	uint32_t mac;
	for (unsigned k = 0; k < message.words; k++)
		words[k] = batch.words[k][i];
	crypto_shorthash_siphash24(out, reinterpret_cast<const uint8_t *>(words), message.bytes,
				   reinterpret_cast<const uint8_t *>(key));
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
	const std::unique_ptr<sl_cookie_batch> batch(new sl_cookie_batch()),
		before(new sl_cookie_batch());
	const std::unique_ptr<sl_cookie_moment> moment(new sl_cookie_moment());
	for (const Message &message : kMessages) {
		for (unsigned first = 0; first < SL_COOKIE_BATCH; first += 7) {
			for (unsigned n = 1; first + n <= SL_COOKIE_BATCH; n++) {
				some_work(moment.get(), batch.get(), message, 100 * first + n);
				*before = *batch;
				sl_cookie_macs(engine, moment.get(), batch.get(), first, n,
					       message.v6);
				for (unsigned i = first; i < first + n; i++)
					EXPECT_EQ(batch->mac[i],
						  by_sodium(*moment, *batch, message, i))
						<< i << " of " << first << " and " << n;
				EXPECT_EQ(std::memcmp(batch->words, before->words,
						      sizeof(batch->words)),
					  0);
				EXPECT_EQ(std::memcmp(batch->mac, before->mac, first * 4), 0)
					<< "those before are somebody else's";
			}
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
