// SPDX-License-Identifier: BSD-3-Clause
// What the tests of cookies share: a SYN, the cookie it got, and the ACK that brings it back.
#ifndef HANDSHAKE_H
#define HANDSHAKE_H

#include "sl_cookie.h"

#include <gtest/gtest.h>
#include <random>

constexpr uint64_t kSecond = SL_US_PER_S;
constexpr uint64_t kEpoch = 64 * kSecond;

// Unix time of the beginning of an epoch, of either parity; and a monotonic clock that knows
// nothing of it.
constexpr uint64_t kEven = 27000000 * kEpoch;
constexpr uint64_t kOdd = kEven + kEpoch;
constexpr uint64_t kBoot = 987654321;

constexpr uint8_t kMaster[16] = {0x3a, 0x91, 0x05, 0xc4, 0x77, 0x0e, 0xd2, 0x68,
				 0x1b, 0xfe, 0x40, 0x99, 0xa3, 0x5c, 0x26, 0xe7};

inline struct sl_addr addr_of(const char *text)
{
	struct sl_addr a;
	EXPECT_EQ(sl_addr_parse(&a, text), 0) << text;
	return a;
}

inline struct sl_cookie_tuple tuple_v4()
{
	return {addr_of("10.1.167.99"), addr_of("192.0.2.2"), 33706, 80};
}

inline struct sl_cookie_tuple tuple_v6()
{
	return {addr_of("2001:db8:1::99"), addr_of("2001:db8:2::2"), 33706, 443};
}

inline struct sl_cookie_ring ring_at(uint64_t unix_us, uint64_t now_us = kBoot)
{
	struct sl_cookie_ring ring;
	sl_cookie_ring_init(&ring, kMaster, unix_us, now_us);
	return ring;
}

// A SYN-ACK sent, and so what the honest ACK brings back.
struct Sent {
	struct sl_cookie_tuple tuple;
	uint32_t client_isn;
	struct sl_cookie_options opts;
	uint32_t cookie, tsval;
};

inline Sent mint(const struct sl_cookie_ring &ring, uint64_t now_us,
		 const struct sl_cookie_tuple &tuple, uint32_t client_isn,
		 struct sl_cookie_options opts)
{
	Sent s = {tuple, client_isn, opts, 0, 0};
	s.cookie = sl_cookie_mint(&ring, &tuple, client_isn, &s.opts, now_us, &s.tsval);
	return s;
}

inline Sent mint(const struct sl_cookie_ring &ring, uint64_t now_us, bool timestamps = true)
{
	return mint(ring, now_us, tuple_v4(), 0x339637a2, {1460, 3, true, timestamps});
}

inline enum sl_cookie_verdict verify(struct sl_cookie_ring &ring, uint64_t now_us, const Sent &s,
				     struct sl_cookie_options *opts = nullptr)
{
	struct sl_cookie_options ignored;
	return sl_cookie_verify(&ring, &s.tuple, s.client_isn, s.cookie, s.opts.timestamps, s.tsval,
				now_us, opts != nullptr ? opts : &ignored);
}

#endif
