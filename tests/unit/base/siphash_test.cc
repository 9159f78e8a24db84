// SPDX-License-Identifier: BSD-3-Clause
#include <gtest/gtest.h>

#include "sl_bytes.h"
#include "sl_siphash.h"

#include <cstring>
#include <random>
#include <sodium.h>
#include <vector>

namespace
{

std::vector<uint8_t> counting(size_t n)
{
	std::vector<uint8_t> bytes(n);
	for (size_t i = 0; i < n; i++)
		bytes[i] = static_cast<uint8_t>(i);
	return bytes;
}

// Appendix A of the paper: key 00..0f, message 00..0e.
TEST(SipHash, GivesThePapersExample)
{
	RecordProperty("source", "Aumasson and Bernstein 2012, appendix A");
	const std::vector<uint8_t> message = counting(15);
	const struct sl_sipkey key = sl_sipkey_from_bytes(counting(16).data());
	EXPECT_EQ(key.k0, 0x0706050403020100u);
	EXPECT_EQ(key.k1, 0x0f0e0d0c0b0a0908u);
	EXPECT_EQ(sl_siphash24(&key, message.data(), message.size()), 0xa129ca6149be45e5u);
}

// The first of the vectors that the authors publish with their code: key 00..0f, messages 00..n-1.
TEST(SipHash, GivesTheAuthorsVectors)
{
	static const uint8_t vectors[][8] = {
		{0x31, 0x0e, 0x0e, 0xdd, 0x47, 0xdb, 0x6f, 0x72},
		{0xfd, 0x67, 0xdc, 0x93, 0xc5, 0x39, 0xf8, 0x74},
		{0x5a, 0x4f, 0xa9, 0xd9, 0x09, 0x80, 0x6c, 0x0d},
		{0x2d, 0x7e, 0xfb, 0xd7, 0x96, 0x66, 0x67, 0x85},
		{0xb7, 0x87, 0x71, 0x27, 0xe0, 0x94, 0x27, 0xcf},
		{0x8d, 0xa6, 0x99, 0xcd, 0x64, 0x55, 0x76, 0x18},
		{0xce, 0xe3, 0xfe, 0x58, 0x6e, 0x46, 0xc9, 0xcb},
		{0x37, 0xd1, 0x01, 0x8b, 0xf5, 0x00, 0x02, 0xab},
		{0x62, 0x24, 0x93, 0x9a, 0x79, 0xf5, 0xf5, 0x93},
	};
	const struct sl_sipkey key = sl_sipkey_from_bytes(counting(16).data());
	for (size_t n = 0; n < SL_ARRAY_LEN(vectors); n++)
		EXPECT_EQ(sl_siphash24(&key, counting(n).data(), n), sl_load_le64(vectors[n]))
			<< "length " << n;
}

TEST(SipHash, AgreesWithLibsodiumAtEveryLengthAndAlignment)
{
	ASSERT_GE(sodium_init(), 0);
	std::mt19937_64 random(24);
	for (unsigned round = 0; round < 200; round++) {
		uint8_t key_bytes[crypto_shorthash_siphash24_KEYBYTES];
		uint8_t buffer[64 + 8];
		for (uint8_t &b : key_bytes)
			b = static_cast<uint8_t>(random());
		for (uint8_t &b : buffer)
			b = static_cast<uint8_t>(random());
		const struct sl_sipkey key = sl_sipkey_from_bytes(key_bytes);
		const uint8_t *message = buffer + round % 8;
		for (size_t len = 0; len <= 64; len++) {
			uint8_t tag[crypto_shorthash_siphash24_BYTES];
			crypto_shorthash_siphash24(tag, message, len, key_bytes);
			ASSERT_EQ(sl_siphash24(&key, message, len), sl_load_le64(tag))
				<< "length " << len << " round " << round;
		}
	}
}

TEST(SipHash, AgreesWithLibsodiumBeyondTheLengthsByte)
{
	ASSERT_GE(sodium_init(), 0);
	const std::vector<uint8_t> key_bytes = counting(16), message = counting(1500);
	const struct sl_sipkey key = sl_sipkey_from_bytes(key_bytes.data());
	for (size_t len : {255, 256, 257, 1499, 1500}) {
		uint8_t tag[crypto_shorthash_siphash24_BYTES];
		crypto_shorthash_siphash24(tag, message.data(), len, key_bytes.data());
		EXPECT_EQ(sl_siphash24(&key, message.data(), len), sl_load_le64(tag)) << len;
	}
}

TEST(SipHash, OfWordsIsThatOfTheirBytes)
{
	std::mt19937_64 random(7);
	for (unsigned len = 0; len <= 64; len++) {
		const struct sl_sipkey key = {random(), random()};
		uint64_t words[9] = {};
		uint8_t message[64];
		for (uint8_t &b : message)
			b = static_cast<uint8_t>(random());
		memcpy(words, message, len);
		words[len / 8] |= SL_SIP_LENGTH(len);
		EXPECT_EQ(sl_siphash24_words(&key, words, len / 8 + 1),
			  sl_siphash24(&key, message, len))
			<< "length " << len;
	}
}

} // namespace
