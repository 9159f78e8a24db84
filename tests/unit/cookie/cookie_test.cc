// SPDX-License-Identifier: BSD-3-Clause
// What a cookie says and what it refuses, at one moment. Its life is in cookie_life_test.cc.
//
// A wrong ACK passes by accident with 2^-24 or 2^-28. The seeds here are fixed, and with them no
// such accident happens; a change of the format may need another seed.
#include "handshake.h"

#include "sl_bytes.h"
#include "sl_cookie_batch.h"
#include "sl_seq.h"

#include <cstring>
#include <sodium.h>
#include <utility>
#include <vector>

namespace
{

constexpr uint64_t kUnix = kOdd + 20 * kSecond;

void expect_same(const struct sl_cookie_options &a, const struct sl_cookie_options &b)
{
	EXPECT_EQ(a.mss, b.mss);
	EXPECT_EQ(a.wscale, b.wscale);
	EXPECT_EQ(a.sack, b.sack);
	EXPECT_EQ(a.timestamps, b.timestamps);
}

TEST(Cookie, BringsBackEveryCombinationOfOptionsInBothFormatsAndFamilies)
{
	struct sl_cookie_ring ring = ring_at(kUnix);
	std::mt19937 random(1);
	for (const struct sl_cookie_tuple &tuple : {tuple_v4(), tuple_v6()}) {
		for (bool timestamps : {false, true}) {
			const std::vector<uint16_t> table =
				timestamps ? std::vector<uint16_t>{216,  536,  1220, 1340,
								   1400, 1440, 1460, 8960}
					   : std::vector<uint16_t>{536, 1300, 1440, 1460};
			for (uint16_t mss : table) {
				for (uint8_t wscale = 0; wscale <= SL_COOKIE_NO_WSCALE; wscale++) {
					for (bool sack : {false, true}) {
						const struct sl_cookie_options granted = {
							mss, wscale, sack, timestamps};
						const Sent s =
							mint(ring, kBoot, tuple, random(), granted);
						expect_same(s.opts, granted);
						struct sl_cookie_options opts;
						ASSERT_EQ(verify(ring, kBoot, s, &opts),
							  SL_COOKIE_VALID);
						expect_same(opts, granted);
					}
				}
			}
		}
	}
}

TEST(Cookie, RoundsTheMssDownToItsTableOrUpToTheLowest)
{
	const struct sl_cookie_ring ring = ring_at(kUnix);
	for (bool timestamps : {false, true}) {
		const std::vector<uint16_t> table =
			timestamps ? std::vector<uint16_t>{216,  536,  1220, 1340,
							   1400, 1440, 1460, 8960}
				   : std::vector<uint16_t>{536, 1300, 1440, 1460};
		for (uint32_t mss = 0; mss <= 0xffff; mss++) {
			uint16_t expected = table[0];
			for (uint16_t entry : table)
				expected = entry <= mss ? entry : expected;
			struct sl_cookie_options opts = {static_cast<uint16_t>(mss), 7, true,
							 timestamps};
			const struct sl_cookie_tuple tuple = tuple_v4();
			uint32_t tsval;
			sl_cookie_mint(&ring, &tuple, 1, &opts, kBoot, &tsval);
			ASSERT_EQ(opts.mss, expected) << "offered " << mss;
		}
	}
}

// The header's diagrams, drawn a second time with libsodium: what boxes must agree on to verify
// each other's cookies.
uint64_t sodium_hash(const uint8_t key[16], const std::vector<uint8_t> &message)
{
	uint8_t tag[8];
	crypto_shorthash_siphash24(tag, message.data(), message.size(), key);
	return sl_load_le64(tag);
}

void append(std::vector<uint8_t> &bytes, uint64_t value, unsigned n)
{
	for (; n > 0; n--, value >>= 8)
		bytes.push_back(static_cast<uint8_t>(value));
}

// Format 2, or with timestamps 3; the one before, 0 and 1.
uint64_t diagram_mac(const Sent &s, uint32_t epoch, uint8_t data, uint8_t format = 2)
{
	uint8_t key[16];
	for (uint32_t half : {0, 1}) {
		std::vector<uint8_t> m;
		append(m, epoch, 4);
		append(m, half, 4);
		sl_store_le64(key + 8 * half, sodium_hash(kMaster, m));
	}
	const bool v4 = sl_addr_is_v4(&s.tuple.client);
	const unsigned skip = v4 ? 12 : 0;
	std::vector<uint8_t> m(s.tuple.client.b + skip, s.tuple.client.b + 16);
	m.insert(m.end(), s.tuple.server.b + skip, s.tuple.server.b + 16);
	append(m, s.tuple.client_port, 2);
	append(m, s.tuple.server_port, 2);
	append(m, s.client_isn, 4);
	append(m, epoch, 4);
	append(m, data, 1);
	append(m, format | s.opts.timestamps, 1);
	EXPECT_EQ(m.size(), v4 ? 22u : 46u);
	return sodium_hash(key, m);
}

// What lies over the data bits: 32 bits, of which those beside the MAC are used.
uint32_t diagram_mask(const Sent &s, uint32_t mac)
{
	uint64_t k[3];
	for (uint32_t i = 0; i < 3; i++) {
		std::vector<uint8_t> m;
		append(m, 0, 4);
		append(m, 3 + i, 4);
		k[i] = sodium_hash(kMaster, m);
	}
	const uint64_t numbers = static_cast<uint64_t>(s.client_isn) << 32 |
				 s.tuple.server_port << 16 | s.tuple.client_port;
	// 64 by 64 bits by hand, in pieces of 32.
	const uint64_t x = numbers ^ k[0], y = mac ^ k[1], low = 0xffffffff;
	const uint64_t ll = (x & low) * (y & low), lh = (x & low) * (y >> 32);
	const uint64_t hl = (x >> 32) * (y & low), hh = (x >> 32) * (y >> 32);
	const uint64_t middle = (ll >> 32) + (lh & low) + (hl & low);
	const uint64_t upper = hh + (lh >> 32) + (hl >> 32) + (middle >> 32);
	return static_cast<uint32_t>(((x * y) ^ upper) * (k[2] | 1) >> 32);
}

uint32_t masked(const Sent &s, uint32_t data, uint64_t mac)
{
	const uint32_t mac_bits = s.opts.timestamps ? 0xfffffff : 0xffffff;
	const uint32_t in = static_cast<uint32_t>(mac) & mac_bits;
	return in | (data ^ (diagram_mask(s, in) & ~mac_bits));
}

// As a box of the release before makes it.
Sent mint_older(uint64_t unix_us, const struct sl_cookie_tuple &tuple, uint32_t client_isn,
		bool timestamps)
{
	const uint32_t epoch = static_cast<uint32_t>(unix_us / kEpoch);
	Sent s = {tuple, client_isn, {1440, 9, true, timestamps}, 0, 9 << 1 | 1};
	if (timestamps) // MSS 5 of the table of 8
		s.cookie = epoch << 31 | 5u << 28 |
			   (diagram_mac(s, epoch, 5 << 5 | 9 << 1 | 1, 0) & 0xfffffff);
	else // MSS 2 of the table of 4
		s.cookie = epoch << 31 | 2u << 29 | 9u << 25 | 1u << 24 |
			   (diagram_mac(s, epoch, 2 << 5 | 9 << 1 | 1, 0) & 0xffffff);
	return s;
}

TEST(Cookie, HasItsBitsWhereTheDiagramsSay)
{
	ASSERT_GE(sodium_init(), 0);
	for (uint64_t unix_us : {kOdd, kEven}) {
		const struct sl_cookie_ring ring = ring_at(unix_us);
		const uint32_t epoch = static_cast<uint32_t>(unix_us / kEpoch);
		const uint32_t parity = epoch & 1;

		const Sent ts = mint(ring, kBoot, tuple_v6(), 77, {1400, 9, true, true});
		const uint64_t ts_mac = diagram_mac(ts, epoch, 4 << 5 | 9 << 1 | 1);
		EXPECT_EQ(ts.cookie, masked(ts, parity << 31 | 4u << 28, ts_mac));
		EXPECT_EQ(ts.tsval & 0x1f, 9u << 1 | 1u);

		const Sent bare = mint(ring, kBoot, tuple_v4(), 78, {1400, 9, true, false});
		const uint64_t bare_mac = diagram_mac(bare, epoch, 1 << 5 | 9 << 1 | 1);
		EXPECT_EQ(bare.cookie,
			  masked(bare, parity << 31 | 1u << 29 | 9u << 25 | 1u << 24, bare_mac));
		EXPECT_EQ(bare.tsval, 0u) << "no timestamps, no TSval";
	}
}

// How often each value of the bits beside the MAC comes, of SYNs that differ by what `change` does.
template <typename F> std::vector<unsigned> top_bits(bool timestamps, F change)
{
	const struct sl_cookie_ring ring = ring_at(kUnix);
	std::vector<unsigned> seen(timestamps ? 16 : 256);
	for (uint32_t i = 0; i < 64 * seen.size(); i++) {
		Sent s = {tuple_v4(), 0x339637a2, {1460, 7, true, timestamps}, 0, 0};
		change(s, i);
		s = mint(ring, kBoot, s.tuple, s.client_isn, s.opts);
		seen[s.cookie >> (timestamps ? 28 : 24)]++;
	}
	return seen;
}

// Who sends SYNs alike sees all 32 bits vary: 64 times each value is expected, by sigma 8.
TEST(Cookie, NoBitOfItIsTheSameFromSynToSyn)
{
	RecordProperty("rfc", "9293 MUST-8, 6528 3");
	for (bool timestamps : {false, true}) {
		const auto isns =
			top_bits(timestamps, [](Sent &s, uint32_t i) { s.client_isn += i; });
		const auto ports =
			top_bits(timestamps, [](Sent &s, uint32_t i) { s.tuple.client_port += i; });
		const auto clients = top_bits(timestamps, [](Sent &s, uint32_t i) {
			s.tuple.client.b[15] = static_cast<uint8_t>(i);
			s.tuple.client.b[14] = static_cast<uint8_t>(i >> 8);
		});
		for (const auto &seen : {isns, ports, clients})
			for (unsigned n : seen) {
				EXPECT_GT(n, 64 - 48u);
				EXPECT_LT(n, 64 + 48u);
			}
	}
}

// The MAC bits being the same, the data bits' mask is another for another ISN of the client, which
// nobody off the path knows.
TEST(Cookie, TheMaskOfSomebodyElseIsNotLearnedFromOnesOwn)
{
	const struct sl_cookie_ring ring = ring_at(kUnix);
	std::mt19937 random(3);
	std::vector<unsigned> differences(256);
	for (unsigned i = 0; i < 64 * 256; i++) {
		const uint32_t mac = random() & 0xffffff;
		const uint64_t ports = 80u << 16 | 40000, mine = random(), other = random();
		const uint32_t a = sl_cookie_data_mask(&ring.mask_key, mine << 32 | ports, mac);
		const uint32_t b = sl_cookie_data_mask(&ring.mask_key, other << 32 | ports, mac);
		differences[(a ^ b) >> 24]++;
	}
	for (unsigned n : differences) {
		EXPECT_GT(n, 64 - 48u);
		EXPECT_LT(n, 64 + 48u);
	}
}

TEST(Cookie, OfTheFormatBeforeVerifiesWhereTheMasterIsShared)
{
	for (bool timestamps : {false, true}) {
		for (const struct sl_cookie_tuple &tuple : {tuple_v4(), tuple_v6()}) {
			struct sl_cookie_ring ring = ring_at(kUnix), alone = ring;
			ring.older = true;
			for (uint64_t minted : {kUnix, kUnix - kEpoch + 15 * kSecond}) {
				const Sent s = mint_older(minted, tuple, 99, timestamps);
				struct sl_cookie_options opts;
				ASSERT_EQ(verify(ring, kBoot, s, &opts), SL_COOKIE_VALID);
				expect_same(opts, s.opts);
				EXPECT_NE(verify(alone, kBoot, s), SL_COOKIE_VALID);
				for (unsigned bit = 0; bit < 32; bit++) {
					Sent wrong = s;
					wrong.cookie ^= 1u << bit;
					EXPECT_EQ(verify(ring, kBoot, wrong), SL_COOKIE_FORGED);
				}
			}
		}
	}
}

TEST(Cookie, OfTheFormatBeforeAreTriedSoManyASecond)
{
	struct sl_cookie_ring ring = ring_at(kUnix);
	ring.older = true;
	const Sent s = mint_older(kUnix, tuple_v4(), 99, false);
	Sent forged = s;
	forged.cookie ^= 1;
	for (unsigned i = 0; i < 9999; i++)
		ASSERT_EQ(verify(ring, kBoot, forged), SL_COOKIE_FORGED);
	EXPECT_EQ(verify(ring, kBoot, s), SL_COOKIE_VALID);
	EXPECT_EQ(verify(ring, kBoot, s), SL_COOKIE_FORGED);
	EXPECT_EQ(verify(ring, kBoot, mint(ring, kBoot, false)), SL_COOKIE_VALID);
	EXPECT_EQ(verify(ring, kBoot + kSecond / 1000, s), SL_COOKIE_VALID);
}

TEST(Cookie, TheTsvalIsAClockThatNeverFallsForTheSameSyn)
{
	RecordProperty("rfc", "7323 section 5.4");
	const struct sl_cookie_ring ring = ring_at(kUnix);
	const uint32_t first = mint(ring, kBoot).tsval;
	uint32_t before = first;
	for (uint64_t ms = 0; ms <= 100000; ms++) {
		const Sent s = mint(ring, kBoot + ms * SL_US_PER_MS);
		ASSERT_TRUE(sl_seq_geq(s.tsval, before)) << "after " << ms << " ms";
		ASSERT_LE(static_cast<uint32_t>(s.tsval - first), ms + 31);
		ASSERT_GE(static_cast<uint32_t>(s.tsval - first) + 31, ms);
		before = s.tsval;
	}
}

TEST(Cookie, TheTsvalsUpperBitsAreNotJudged)
{
	struct sl_cookie_ring ring = ring_at(kUnix);
	for (unsigned bit = 5; bit < 32; bit++) {
		Sent s = mint(ring, kBoot);
		s.tsval ^= 1u << bit;
		EXPECT_EQ(verify(ring, kBoot, s), SL_COOKIE_VALID) << "bit " << bit;
	}
}

TEST(Cookie, TheTsvalTellsNotOurUptime)
{
	RecordProperty("rfc", "7323 section 7.1");
	uint8_t other[16];
	memcpy(other, kMaster, sizeof(other));
	other[0] ^= 1;
	struct sl_cookie_ring a = ring_at(kUnix), b;
	sl_cookie_ring_init(&b, other, kUnix, kBoot);
	EXPECT_NE(mint(a, kBoot).tsval >> 5, mint(b, kBoot).tsval >> 5);
	EXPECT_NE(mint(a, kBoot).tsval >> 5, kBoot / SL_US_PER_MS >> 5);
}

TEST(Cookie, WithoutTimestampsTsecrIsIgnoredAndTsvalMayBeNull)
{
	struct sl_cookie_ring ring = ring_at(kUnix);
	const struct sl_cookie_tuple tuple = tuple_v4();
	struct sl_cookie_options opts = {1460, 2, true, false};
	const uint32_t cookie = sl_cookie_mint(&ring, &tuple, 5, &opts, kBoot, nullptr);
	EXPECT_EQ(sl_cookie_verify(&ring, &tuple, 5, cookie, false, 0xdeadbeef, kBoot, &opts),
		  SL_COOKIE_VALID);
}

// Linux adds the client's ISN to its cookie; there, a late segment whose two numbers advanced alike
// opens a new connection.
TEST(Cookie, AnAckOffByUpTo2000InEitherNumberOrInBothAlikeDoesNotDecode)
{
	for (bool timestamps : {false, true}) {
		struct sl_cookie_ring ring = ring_at(kUnix);
		const Sent s = mint(ring, kBoot, timestamps);
		ASSERT_EQ(verify(ring, kBoot, s), SL_COOKIE_VALID);
		for (int32_t off = -2000; off <= 2000; off++) {
			if (off == 0)
				continue;
			Sent seq = s, ack = s, both = s, against = s;
			seq.client_isn += off;
			ack.cookie += off;
			both.client_isn += off;
			both.cookie += off;
			against.client_isn += off;
			against.cookie -= off;
			for (const Sent &wrong : {seq, ack, both, against})
				ASSERT_EQ(verify(ring, kBoot, wrong), SL_COOKIE_FORGED) << off;
		}
	}
}

TEST(Cookie, AnAckOffByAnyAmountDoesNotDecode)
{
	for (bool timestamps : {false, true}) {
		struct sl_cookie_ring ring = ring_at(kUnix);
		const Sent s = mint(ring, kBoot, timestamps);
		std::mt19937 random(2);
		for (unsigned i = 0; i < 100000; i++) {
			const uint32_t off = random() | 1, other = random() | 1;
			Sent seq = s, ack = s, both = s, apart = s;
			seq.client_isn += off;
			ack.cookie += off;
			both.client_isn += off;
			both.cookie += off;
			apart.client_isn += off;
			apart.cookie += other;
			for (const Sent &wrong : {seq, ack, both, apart})
				ASSERT_EQ(verify(ring, kBoot, wrong), SL_COOKIE_FORGED)
					<< off << " " << other;
		}
	}
}

void expect_forged(struct sl_cookie_ring &ring, const Sent &s, const char *field, unsigned bit)
{
	EXPECT_EQ(verify(ring, kBoot, s), SL_COOKIE_FORGED) << field << ", bit " << bit;
}

TEST(Cookie, AnyBitThatFlipsMakesItForged)
{
	for (const struct sl_cookie_tuple &tuple : {tuple_v4(), tuple_v6()}) {
		for (bool timestamps : {false, true}) {
			struct sl_cookie_ring ring = ring_at(kUnix);
			const Sent s =
				mint(ring, kBoot, tuple, 0x339637a2, {1440, 5, false, timestamps});
			for (unsigned bit = 0; bit < 128; bit++) {
				Sent client = s, server = s;
				client.tuple.client.b[bit / 8] ^= 1 << bit % 8;
				expect_forged(ring, client, "client", bit);
				server.tuple.server.b[bit / 8] ^= 1 << bit % 8;
				expect_forged(ring, server, "server", bit);
			}
			for (unsigned bit = 0; bit < 16; bit++) {
				Sent client = s, server = s;
				client.tuple.client_port ^= 1 << bit;
				expect_forged(ring, client, "client port", bit);
				server.tuple.server_port ^= 1 << bit;
				expect_forged(ring, server, "server port", bit);
			}
			for (unsigned bit = 0; bit < 32; bit++) {
				Sent isn = s, cookie = s;
				isn.client_isn ^= 1u << bit;
				expect_forged(ring, isn, "client's ISN", bit);
				cookie.cookie ^= 1u << bit;
				expect_forged(ring, cookie, "cookie", bit);
			}
			for (unsigned bit = 0; timestamps && bit < 5; bit++) {
				Sent ts = s;
				ts.tsval ^= 1u << bit;
				expect_forged(ring, ts, "TSval", bit);
			}
			Sent format = s;
			format.opts.timestamps = !timestamps;
			expect_forged(ring, format, "format", 0);
		}
	}
}

TEST(Cookie, ClientAndServerDoNotTurnRoles)
{
	struct sl_cookie_ring ring = ring_at(kUnix);
	Sent s = mint(ring, kBoot);
	std::swap(s.tuple.client, s.tuple.server);
	EXPECT_EQ(verify(ring, kBoot, s), SL_COOKIE_FORGED);
	std::swap(s.tuple.client_port, s.tuple.server_port);
	EXPECT_EQ(verify(ring, kBoot, s), SL_COOKIE_FORGED);
}

// Both sets of data bits as they stand, but under the other format's MAC: only the format tells
// them apart.
TEST(Cookie, TheFormatIsInTheMac)
{
	struct sl_cookie_ring ring = ring_at(kUnix);
	const Sent ts = mint(ring, kBoot, tuple_v4(), 9, {536, 3, true, true});     // index 1
	const Sent bare = mint(ring, kBoot, tuple_v4(), 9, {1300, 3, true, false}); // index 1
	EXPECT_NE(ts.cookie & 0xffffff, bare.cookie & 0xffffff);
}

TEST(Cookie, OptionsAreUntouchedUnlessValid)
{
	struct sl_cookie_ring ring = ring_at(kUnix);
	Sent s = mint(ring, kBoot);
	s.cookie ^= 1;
	struct sl_cookie_options opts = {99, 98, false, false};
	EXPECT_EQ(verify(ring, kBoot, s, &opts), SL_COOKIE_FORGED);
	expect_same(opts, {99, 98, false, false});
}

TEST(Cookie, DiffersByMaster)
{
	struct sl_cookie_ring ring = ring_at(kUnix);
	const Sent s = mint(ring, kBoot, false);
	for (unsigned bit = 0; bit < 128; bit++) {
		uint8_t other[16];
		memcpy(other, kMaster, sizeof(other));
		other[bit / 8] ^= 1 << bit % 8;
		struct sl_cookie_ring stranger;
		sl_cookie_ring_init(&stranger, other, kUnix, kBoot);
		EXPECT_NE(mint(stranger, kBoot, false).cookie, s.cookie) << "bit " << bit;
		EXPECT_EQ(verify(stranger, kBoot, s), SL_COOKIE_FORGED) << "bit " << bit;
	}
}

TEST(Cookie, BoxesThatShareTheMasterVerifyEachOthers)
{
	struct sl_cookie_ring a = ring_at(kUnix, 5), b = ring_at(kUnix, 123 * kSecond);
	for (bool timestamps : {false, true}) {
		EXPECT_EQ(verify(b, 123 * kSecond, mint(a, 5, timestamps)), SL_COOKIE_VALID);
		EXPECT_EQ(verify(a, 5, mint(b, 123 * kSecond, timestamps)), SL_COOKIE_VALID);
	}
}

TEST(Cookie, ACopyOfTheRingIsAsGood)
{
	const struct sl_cookie_ring ring = ring_at(kUnix);
	struct sl_cookie_ring copy = ring;
	EXPECT_EQ(verify(copy, kBoot, mint(ring, kBoot)), SL_COOKIE_VALID);
}

} // namespace
