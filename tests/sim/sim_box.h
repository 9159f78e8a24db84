// SPDX-License-Identifier: BSD-3-Clause
//
// The box of the simulation: the whole pipeline (road.h) between hosts that know nothing of it. It
// looks for packets from time to time, as a worker does, so they come in bursts; its clock and its
// cookies' keys move on with the net's time.
#ifndef TESTS_SIM_SIM_BOX_H
#define TESTS_SIM_SIM_BOX_H

#include <gtest/gtest-spi.h>

#include "host.h"
#include "road.h"
#include "world.h"

namespace sl_test
{

class SimBox : public Between
{
	// What road.h expects is collected here. It stands before the road, which is silent then.
	::testing::TestPartResultArray results;
	::testing::ScopedFakeTestPartResultReporter reporter;

      public:
	static constexpr uint64_t kBegin = 5000 * SL_US_PER_S; ///< Road's

	SimBox(Net *of, const RoadOptions &options)
	    : reporter(::testing::ScopedFakeTestPartResultReporter::INTERCEPT_ONLY_CURRENT_THREAD,
		       &results),
	      road(options), net(of)
	{
	}

	void plug(const Host *host, sl_side side)
	{
		sides[host] = side;
	}

	void input(Host *from, const Bytes &packet) override
	{
		if (burst.empty())
			run_at = net->now + poll_us;
		burst.emplace_back(sides.at(from), frame(from, packet));
		if (burst.size() == SL_BURST)
			run_burst();
	}

	void run(uint64_t now) override
	{
		if (now - ring_at >= SL_US_PER_S) {
			ring_at = now;
			sl_cookie_ring_advance(&road.p->ring, kWallClock + now - kBegin, now);
		}
		road.now_us = now;
		if (!burst.empty() && now >= run_at)
			run_burst();
		send(road.until(now));
		check_limits(now);
	}

	uint64_t next_deadline() const override
	{
		uint64_t next = burst.empty() ? UINT64_MAX : run_at;

		for (uint32_t i = 0; i < road.options.n_connections; i++) {
			sl_conn_info info;
			if (sl_relay_info(&road.p->relay, i, &info))
				next = std::min<uint64_t>(
					next,
					net->now + SL_US_PER_MS * std::max(info.timer_ms, 10u));
		}
		return next;
	}

	/// Whether it has taken in all that came.
	bool idle() const
	{
		return burst.empty();
	}

	/// What it has in its table.
	std::string remembers() const
	{
		std::string s;
		for (uint32_t i = 0; i < road.options.n_connections; i++) {
			sl_conn_info info;
			if (!sl_relay_info(&road.p->relay, i, &info))
				continue;
			s += std::string(sl_tcp_state_name(info.state[SL_LEG_CLIENT])) + "/" +
			     sl_tcp_state_name(info.state[SL_LEG_SERVER]) + " " + info.timer +
			     " in " + std::to_string(info.timer_ms) + " ms; ";
		}
		return s;
	}

	/// Fails as road.h has, if it has.
	void heed() const
	{
		if (results.size() > 0)
			throw Failed{results.GetTestPartResult(0).message()};
	}

	Road road;
	uint64_t poll_us = 1; ///< what comes within this time comes in one burst
	bool pads = false;    ///< short frames are filled up, as on a wire

      private:
	static constexpr uint64_t kWallClock = 1700000000ull * SL_US_PER_S; ///< Road's, at kBegin

	// No connection stays longer than its limit: a second, for the wheel and for what comes at
	// once.
	void check_limits(uint64_t now)
	{
		sl_conn_info info;

		overdue.resize(road.options.n_connections);
		for (uint32_t i = 0; i < road.options.n_connections; i++) {
			if (!sl_relay_info(&road.p->relay, i, &info) || info.timer_ms > 0 ||
			    road.n_spares < SL_SPARES)
				overdue[i] = 0;
			else if (overdue[i] == 0)
				overdue[i] = now;
			must(overdue[i] == 0 || now - overdue[i] < SL_US_PER_S,
			     std::string("a connection stays longer than its limit: ") +
				     info.timer);
		}
	}

	void run_burst()
	{
		const Road::In now = std::move(burst);

		burst.clear();
		road.now_us = net->now;
		send(road.run(now));
	}

	static Bytes mac(const Host *host)
	{
		return host == nullptr ? Bytes{2, 0, 0, 0, 0, 0}
				       : Bytes{2, 0, 0, 0, 1, host->addr.b[15]};
	}

	Bytes frame(const Host *from, const Bytes &packet) const
	{
		Bytes f = mac(net->host_of(packet)) + mac(from);

		put16(f, packet[0] >> 4 == 6 ? 0x86dd : 0x0800);
		f = f + packet;
		if (pads && f.size() < 60)
			f.resize(60);
		return f;
	}

	void send(const Road::Out &out)
	{
		heed();
		for (const Sent &s : out) {
			const Bytes packet = tail(s.bytes, 14);
			Host *to = net->host_of(packet);
			const bool right = to != nullptr &&
					   s.port == (sides.at(to) == SL_OUTSIDE ? 0 : 1) &&
					   mac(to) == Bytes(s.bytes.begin(), s.bytes.begin() + 6);
			// What was damaged and passed may be for nobody.
			must(right || s.fate == SL_FATE_PASSED,
			     "a frame leaves for the wrong host");
			if (right)
				net->give(to, packet);
		}
	}

	Net *net;
	std::map<const Host *, sl_side> sides;
	Road::In burst;
	std::vector<uint64_t> overdue; // since then, by the connection's number; 0: it is not
	uint64_t run_at = 0, ring_at = kBegin;
};

} // namespace sl_test

#endif
