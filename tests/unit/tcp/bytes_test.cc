// SPDX-License-Identifier: BSD-3-Clause
// The bytes that an endpoint holds, against a model that is a string.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

extern "C" {
#include "bytes.h"
#include "sl_seq.h"
}

namespace
{

class Pool
{
      public:
	explicit Pool(uint32_t n) : size(n), memory(new tcp_block[n])
	{
		tcp_pool_init(&pool, memory.get(), n);
	}

	uint32_t used() const
	{
		return size - pool.n_free;
	}

	// What was given up is not read again: the block that is taken next.
	void poison()
	{
		if (pool.free != nullptr)
			std::fill_n(pool.free->bytes, sizeof(pool.free->bytes), 0xee);
	}

	const uint32_t size;
	std::unique_ptr<tcp_block[]> memory;
	tcp_pool pool;
};

uint8_t byte_at(uint32_t at)
{
	return static_cast<uint8_t>(at * 2654435761u >> 24);
}

std::string stream(uint32_t at, uint32_t len)
{
	std::string s;
	for (uint32_t i = 0; i < len; i++)
		s.push_back(static_cast<char>(byte_at(at + i)));
	return s;
}

const uint8_t *data(const std::string &s)
{
	return reinterpret_cast<const uint8_t *>(s.data());
}

std::string contents(const tcp_bytes &b, uint32_t from)
{
	std::string s;
	uint8_t *p;
	tcp_cursor cursor = {};
	while (const uint32_t n = tcp_bytes_at(&b, from, &p, from % 2 ? &cursor : nullptr)) {
		s.append(reinterpret_cast<char *>(p), n);
		from += n;
	}
	return s;
}

// Where streams begin: about to wrap, or in the middle of a block.
const uint32_t kStarts[] = {0, 5000, 0xfffff000, 0xffffffff};

class Bytes : public ::testing::TestWithParam<uint32_t>
{
};

TEST_P(Bytes, WhatIsAppendedIsThereUntilItIsDropped)
{
	Pool pool(64);
	tcp_bytes b = {};
	std::mt19937 random(GetParam());
	b.from = b.to = GetParam();
	for (int i = 0; i < 3000; i++) {
		const uint32_t n = random() % 6000;
		const std::string more = stream(b.to, n);
		const uint32_t put = tcp_bytes_append(&b, &pool.pool, data(more), n);
		ASSERT_TRUE(put == n || pool.pool.n_free == 0);
		ASSERT_EQ(contents(b, b.from), stream(b.from, tcp_bytes_len(&b)));
		const uint32_t at = b.from + random() % (tcp_bytes_len(&b) + 1);
		ASSERT_EQ(contents(b, at), stream(at, b.to - at));
		tcp_bytes_drop(&b, &pool.pool, at);
		ASSERT_LE(pool.used(), tcp_bytes_len(&b) / TCP_BLOCK + 2);
	}
	tcp_bytes_drop(&b, &pool.pool, b.to);
	EXPECT_EQ(pool.used(), 0u) << "an idle stream has no block";
	EXPECT_EQ(b.head, nullptr);
}

INSTANTIATE_TEST_SUITE_P(All, Bytes, ::testing::ValuesIn(kStarts));

class Received : public ::testing::TestWithParam<uint32_t>
{
      protected:
	Received()
	{
		r.bytes.from = r.bytes.to = GetParam();
	}

	tcp_put put(uint32_t offset, uint32_t len)
	{
		const std::string s = stream(GetParam() + offset, len);
		return tcp_received_put(&r, &pool.pool, GetParam() + offset, data(s), len);
	}

	uint32_t next() const
	{
		return r.bytes.to - GetParam();
	}

	std::vector<std::pair<uint32_t, uint32_t>> ahead() const
	{
		std::vector<std::pair<uint32_t, uint32_t>> v;
		const tcp_ahead *a = tcp_received_ahead(&r);
		for (uint32_t i = 0; a != nullptr && i < a->n; i++)
			v.emplace_back(a->range[i].left - GetParam(),
				       a->range[i].right - GetParam());
		return v;
	}

	using Ranges = std::vector<std::pair<uint32_t, uint32_t>>;
	Pool pool{400};
	tcp_received r = {};
};

TEST_P(Received, InOrder)
{
	EXPECT_EQ(put(0, 1448), TCP_PUT_KEPT);
	EXPECT_EQ(put(1448, 1448), TCP_PUT_KEPT);
	EXPECT_EQ(next(), 2896u);
	EXPECT_EQ(contents(r.bytes, r.bytes.from), stream(GetParam(), 2896));
	EXPECT_EQ(put(0, 2896), TCP_PUT_OLD);
	EXPECT_EQ(put(2896, 0), TCP_PUT_OLD);
	EXPECT_EQ(put(1000, 3000), TCP_PUT_KEPT) << "its end is new";
	EXPECT_EQ(next(), 4000u);
	tcp_received_drop(&r, &pool.pool, r.bytes.to);
	EXPECT_EQ(pool.used(), 0u);
}

TEST_P(Received, AHoleIsClosed)
{
	RecordProperty("rfc", "9293 SHLD-31");
	EXPECT_EQ(put(1448, 1448), TCP_PUT_KEPT);
	EXPECT_EQ(put(4344, 1448), TCP_PUT_KEPT);
	EXPECT_EQ(next(), 0u);
	EXPECT_EQ(ahead(), (Ranges{{4344, 5792}, {1448, 2896}})) << "the last one first";
	EXPECT_EQ(put(0, 1448), TCP_PUT_KEPT);
	EXPECT_EQ(next(), 2896u);
	EXPECT_EQ(ahead(), (Ranges{{4344, 5792}}));
	EXPECT_EQ(put(2896, 1448), TCP_PUT_KEPT);
	EXPECT_EQ(next(), 5792u);
	EXPECT_EQ(r.ahead, nullptr);
	EXPECT_EQ(contents(r.bytes, r.bytes.from), stream(GetParam(), 5792));
}

TEST_P(Received, RangesAreToldMostRecentFirst)
{
	RecordProperty("rfc", "2018 4");
	put(1000, 100);
	put(3000, 100);
	put(5000, 100);
	EXPECT_EQ(ahead(), (Ranges{{5000, 5100}, {3000, 3100}, {1000, 1100}}));
	put(1100, 50);
	EXPECT_EQ(ahead(), (Ranges{{1000, 1150}, {5000, 5100}, {3000, 3100}}));
	put(3050, 2000);
	EXPECT_EQ(ahead(), (Ranges{{3000, 5100}, {1000, 1150}}));
	put(3010, 10);
	EXPECT_EQ(ahead().front(), (std::pair<uint32_t, uint32_t>{3000, 5100})) << "again";
}

TEST_P(Received, TinySegmentsTakeWhatTheyAreIn)
{
	unsigned kept = 0;
	for (uint32_t i = 0; i < 5000; i++)
		kept += put(2 + 2 * i, 1) == TCP_PUT_KEPT;
	EXPECT_EQ(kept, unsigned(TCP_RANGES));
	EXPECT_EQ(ahead().size(), size_t(TCP_RANGES));
	EXPECT_LE(pool.used(), 1u + 6u);
	EXPECT_EQ(put(1, 1), TCP_PUT_KEPT) << "what closes a hole between needs no room";
	EXPECT_EQ(put(0, 1), TCP_PUT_KEPT);
	EXPECT_EQ(next(), 3u);
	EXPECT_EQ(put(TCP_AHEAD_BLOCKS * TCP_BLOCK, 1), TCP_PUT_NO_RANGE) << "too far ahead";
}

TEST_P(Received, OneByteFarAheadTakesTwoBlocks)
{
	EXPECT_EQ(put(200000, 1), TCP_PUT_KEPT);
	EXPECT_EQ(pool.used(), 2u);
	tcp_received_free(&r, &pool.pool);
	EXPECT_EQ(pool.used(), 0u);
}

TEST_P(Received, WhatIsAheadStaysWhenAllBeforeItHasBeenRead)
{
	put(0, 5);
	put(10, 10);
	tcp_received_drop(&r, &pool.pool, r.bytes.to);
	pool.poison();
	put(5, 5);
	EXPECT_EQ(next(), 20u);
	EXPECT_EQ(contents(r.bytes, r.bytes.from), stream(GetParam() + 5, 15));
	tcp_received_drop(&r, &pool.pool, r.bytes.to);
	EXPECT_EQ(pool.used(), 0u);
}

TEST_P(Received, AnEmptyPoolRefusesAndLosesNothing)
{
	std::vector<tcp_block *> taken;
	put(0, 100);
	put(3000, 100);
	tcp_bytes hog = {};
	(void)tcp_bytes_append(&hog, &pool.pool, nullptr, pool.pool.n_free * TCP_BLOCK);
	EXPECT_EQ(pool.pool.n_free, 0u);
	EXPECT_EQ(put(20000, 10), TCP_PUT_NO_BLOCK);
	EXPECT_EQ(put(100, 50), TCP_PUT_KEPT) << "there is room in the block";
	EXPECT_EQ(next(), 150u);
	// What lies ahead is given up for what comes in order; as much of that is kept as can be.
	EXPECT_NE(tcp_received_ahead(&r), nullptr);
	EXPECT_EQ(put(150, 20000), TCP_PUT_NO_BLOCK);
	EXPECT_EQ(tcp_received_ahead(&r), nullptr);
	EXPECT_EQ(pool.pool.n_free, 0u);
	const uint32_t kept = next();
	EXPECT_GT(kept, 3000u);
	EXPECT_LT(kept, 20000u);
	tcp_bytes_free(&hog, &pool.pool);
	EXPECT_EQ(put(kept, 20150 - kept), TCP_PUT_KEPT);
	EXPECT_EQ(contents(r.bytes, r.bytes.from), stream(GetParam(), 20150));
	tcp_received_free(&r, &pool.pool);
	EXPECT_EQ(pool.used(), 0u);
}

// Segments of a stream in any order, some of them twice, overlapping, lost and sent again; a reader
// beside it. Every byte is read once, in order.
TEST_P(Received, AnyOrderGivesTheStream)
{
	for (unsigned seed = 0; seed < 60; seed++) {
		std::mt19937 random(seed);
		const uint32_t start = GetParam(), window = 60000 + random() % 190000;
		uint32_t read = start;
		unsigned rounds = 0;
		tcp_received s = {};
		s.bytes.from = s.bytes.to = start;
		while (read - start < 1000000) {
			const uint32_t room = window - (s.bytes.to - s.bytes.from);
			const uint32_t at = random() % 4
						    ? s.bytes.to
						    : s.bytes.to - 500 + random() % (room + 500);
			uint32_t len = 1 + random() % 3000;
			if (sl_seq_lt(at, start))
				continue;
			if (sl_seq_gt(at + len, s.bytes.to + room))
				len = s.bytes.to + room - at;
			const std::string bytes = stream(at, len);
			(void)tcp_received_put(&s, &pool.pool, at, data(bytes), len);
			// Now and then the reader comes.
			if (random() % 3 == 0 || room < 3000) {
				uint8_t *p;
				uint32_t n = tcp_bytes_at(&s.bytes, read, &p, nullptr);
				n = n == 0 || random() % 2 ? n : 1 + random() % n;
				ASSERT_EQ(std::string(reinterpret_cast<char *>(p), n),
					  stream(read, n))
					<< seed;
				read += n;
				tcp_received_drop(&s, &pool.pool, read);
				pool.poison();
			}
			ASSERT_LT(rounds++, 1000000u);
			ASSERT_LE(pool.used(), window / TCP_BLOCK + 2 * TCP_RANGES + 3);
		}
		tcp_received_free(&s, &pool.pool);
		ASSERT_EQ(pool.used(), 0u) << seed;
	}
}

INSTANTIATE_TEST_SUITE_P(All, Received, ::testing::ValuesIn(kStarts));

} // namespace
