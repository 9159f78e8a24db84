// SPDX-License-Identifier: BSD-3-Clause
// A lane with a memory: frames go in at a time, what left stands in order.
#ifndef TESTS_UNIT_IMPAIR_CABLE_H
#define TESTS_UNIT_IMPAIR_CABLE_H

#include <algorithm>

#include <gtest/gtest.h>

#include "frame.h"
#include "impair.h"

namespace impair_test
{

using sl_test::Bytes;
using sl_test::operator+;
using sl_test::Frame;

constexpr uint64_t ms = IMPAIR_NS_PER_MS;

inline uint64_t percent(double share)
{
	return static_cast<uint64_t>(share / 100 * 4294967296.0);
}

inline impair_settings nothing()
{
	impair_settings s = {};
	s.reorder_span = 3;
	s.queue = 1000;
	return s;
}

inline impair_common common(uint64_t seed = 7)
{
	impair_common c = {};
	c.seed = seed;
	c.router4_set = c.router6_set = true;
	c.router4 = sl_test::addr("192.0.2.254");
	c.router6 = sl_test::addr("2001:db8::fe");
	return c;
}

/// A TCP segment whose number can be read again where it comes out.
inline Bytes numbered(uint32_t n, size_t payload = 100)
{
	Frame f;
	f.seq = n;
	f.payload = std::string(payload, 'x');
	return f.bytes();
}

inline uint32_t number_of(const Bytes &frame)
{
	return static_cast<uint32_t>(frame[38]) << 24 | frame[39] << 16 | frame[40] << 8 |
	       frame[41];
}

class Cable
{
      public:
	explicit Cable(const impair_settings &settings, const impair_common &all = common(),
		       unsigned direction = 0)
	{
		EXPECT_EQ(0, impair_lane_init(&lane, &settings, &all, direction, 2048));
	}
	~Cable()
	{
		impair_lane_fini(&lane);
	}
	Cable(const Cable &) = delete;
	Cable &operator=(const Cable &) = delete;

	/// One frame comes.
	void offer(const Bytes &frame, uint64_t now_ns = 0)
	{
		// Memory that ends where the frame does, so that ASan sees a byte too far.
		std::unique_ptr<uint8_t[]> exact(new uint8_t[frame.size()]);
		std::copy(frame.begin(), frame.end(), exact.get());
		impair_lane_release(&lane, now_ns, &out);
		deliver();
		impair_lane_take(&lane, exact.get(), static_cast<uint32_t>(frame.size()), now_ns,
				 &out, &back);
		deliver();
	}

	/// Time has passed.
	void run(uint64_t now_ns)
	{
		do {
			impair_lane_release(&lane, now_ns, &out);
		} while (deliver() > 0);
	}

	std::vector<uint32_t> numbers() const
	{
		std::vector<uint32_t> n;
		for (const Bytes &frame : sent)
			n.push_back(number_of(frame));
		return n;
	}

	uint64_t unbalanced() const
	{
		const impair_stats &s = lane.stats;
		return s.received + s.duplicated -
		       (s.sent + s.lost + s.too_big + s.queue_dropped + s.refused + s.queued);
	}

	impair_lane lane;
	std::vector<Bytes> sent, answers;

      private:
	uint32_t deliver()
	{
		const uint32_t n = out.n;
		for (uint32_t i = 0; i < n; i++)
			sent.emplace_back(out.out[i].data, out.out[i].data + out.out[i].len);
		for (uint32_t i = 0; i < back.n; i++)
			answers.emplace_back(back.out[i].data, back.out[i].data + back.out[i].len);
		impair_lane_sent(&lane, &out, 0);
		back.n = 0;
		return n;
	}

	impair_batch out = {}, back = {};
};

} // namespace impair_test

#endif
