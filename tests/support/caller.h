// SPDX-License-Identifier: BSD-3-Clause
//
// Clients with a TCP of their own (lib/stack) that call a road: their packets become frames from
// outside, what the road sends there becomes packets. Both ways take a while, and lose, double and
// reorder as a test wants it. The clock is the road's.
//
//	Road road(options);
//	Caller caller(road, "198.51.100.7");
//	int s = caller.connect("192.0.2.2", 7);
//	caller.run_until([&] { return caller.readable(s) >= 5; });
//
#ifndef TESTS_SUPPORT_CALLER_H
#define TESTS_SUPPORT_CALLER_H

#include <algorithm>
#include <cerrno>

#include "host.h"
#include "road.h"

namespace sl_test
{

class Caller : public Stack
{
      public:
	Caller(Road &of, const std::string &address, uint32_t seed = 1,
	       const Configure &configure = {})
	    : Caller(of, address, std::mt19937(seed), configure)
	{
	}

	int connect(const std::string &to, uint16_t port)
	{
		const sl_addr a = host_addr(to);
		const int s = sl_socket_open(stack);
		EXPECT_EQ(sl_socket_connect(stack, s, &a, port), -EINPROGRESS);
		return s;
	}
	/// Connects, and comes back when that is done.
	int open(const std::string &to, uint16_t port)
	{
		const int s = connect(to, port);
		EXPECT_TRUE(run_until([&] { return state(s) != SL_TCP_SYN_SENT; }));
		EXPECT_EQ(state(s), SL_TCP_ESTABLISHED);
		return s;
	}
	/// Sends all of `data`, as there is room, and closes; returns all that comes until the
	/// other side closes.
	std::string exchange(int s, const std::string &data, uint64_t within_us = 600000000)
	{
		std::string got;
		size_t sent = 0;
		bool shut = false;
		run_until(
			[&] {
				if (sent < data.size()) {
					const int64_t n = send(s, data.substr(sent, 1 << 16));
					sent += n > 0 ? static_cast<size_t>(n) : 0;
				} else if (!shut) {
					shut = true;
					sl_socket_shutdown(stack, s);
				}
				got += receive(s);
				return at_end(s);
			},
			within_us);
		return got;
	}
	/// The other side has closed, and all it sent is read; or the connection has failed.
	bool at_end(int s)
	{
		char c;
		const int64_t n = sl_socket_receive(stack, s, &c, 1);
		EXPECT_NE(n, 1);
		return n != -EAGAIN;
	}
	bool run_until(const std::function<bool()> &done, uint64_t within_us = 60000000)
	{
		const uint64_t end = road.now_us + within_us;
		while (!done()) {
			if (!step(end))
				return done();
		}
		return true;
	}
	/// So much time passes, whatever happens.
	void run(uint64_t us)
	{
		const uint64_t end = road.now_us + us;
		while (step(end))
			;
		road.now_us = end;
	}
	/// Everything comes to rest: nothing is under way, for a while.
	void settle()
	{
		run(2000000);
	}

	std::mt19937 random;
	Way way; ///< loss, repeat, reorder, delay_us
	Bytes header = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0}; ///< of its frames
	/// Sees every frame that the road sends.
	std::function<void(const Sent &)> watch;
	Road &road;

      private:
	using Frames = std::multimap<uint64_t, Bytes>;

	Caller(Road &of, const std::string &address, std::mt19937 &&chances,
	       const Configure &configure)
	    : Stack(address, of.now_us, &chances, configure), random(chances), road(of)
	{
	}

	void transmit(const uint8_t *packet, uint16_t len) override
	{
		Bytes frame = header;
		if (packet[0] >> 4 == 6) {
			frame[frame.size() - 2] = 0x86;
			frame[frame.size() - 1] = 0xdd;
		}
		frame.insert(frame.end(), packet, packet + len);
		travel(to_road, frame);
	}

	double chance()
	{
		return std::uniform_real_distribution<>(0, 1)(random);
	}
	void travel(Frames &frames, const Bytes &frame)
	{
		if (way.cut || chance() < way.loss)
			return;
		for (int copies = chance() < way.repeat ? 2 : 1; copies > 0; copies--) {
			uint64_t at = road.now_us + way.delay_us;
			if (chance() < way.reorder)
				at += random() % (3 * way.delay_us + 1);
			frames.emplace(at, frame);
		}
	}
	void take(const Road::Out &out)
	{
		for (const Sent &sent : out) {
			EXPECT_EQ(sent.port, 0u);
			if (watch)
				watch(sent);
			travel(to_caller, sent.bytes);
		}
	}
	void into_road()
	{
		Road::In in;
		while (!to_road.empty() && to_road.begin()->first <= road.now_us &&
		       in.size() < SL_BURST) {
			in.emplace_back(SL_OUTSIDE, to_road.begin()->second);
			to_road.erase(to_road.begin());
		}
		if (!in.empty())
			take(road.run(in));
	}
	void into_stack()
	{
		while (!to_caller.empty() && to_caller.begin()->first <= road.now_us) {
			const Bytes frame = to_caller.begin()->second;
			const size_t l2 = header.size();
			to_caller.erase(to_caller.begin());
			sl_tcp_stack_input(stack, frame.data() + l2,
					   static_cast<uint16_t>(frame.size() - l2), road.now_us);
		}
	}
	bool step(uint64_t end)
	{
		const uint64_t tick = SL_RELAY_TICK_US;
		uint64_t next = (road.now_us / tick + 1) * tick;

		if (!to_road.empty())
			next = std::min(next, to_road.begin()->first);
		if (!to_caller.empty())
			next = std::min(next, to_caller.begin()->first);
		next = std::min(next, sl_tcp_stack_next_deadline(stack));
		if (sl_pipeline_has_work(road.p.get()))
			next = road.now_us + 10;
		next = std::max(next, road.now_us);
		if (next > end)
			return false;
		road.now_us = next;
		into_road();
		take(road.tick());
		into_stack();
		sl_tcp_stack_run(stack, road.now_us);
		return true;
	}

	Frames to_road, to_caller;
};

} // namespace sl_test

#endif
