// SPDX-License-Identifier: BSD-3-Clause
//
// Every MTU that a link may have, in every mode, with full segments, in buffers that have exactly
// the room that sl_wire_room says. Nothing that leaves is longer than the MTU.
#include "road.h"

using namespace sl_test;

namespace
{

enum : uint16_t { kChargen = 19, kMtuMax = 9600 };

RoadOptions small_road()
{
	RoadOptions o;

	for (const char *a : {"192.0.2.2", "2001:db8::2"})
		o.services.push_back(responder(a, kChargen, SL_SERVER_CHARGEN, SL_COOKIES_NEVER));
	o.n_connections = 16;
	o.n_endpoints = 4;
	o.n_blocks = 256;
	o.n_held = 8;
	return o;
}

struct How {
	bool v6, timestamps;
};

class EveryMtu : public ::testing::TestWithParam<How>
{
      protected:
	EveryMtu() : road(small_road())
	{
		road.n_spares = 16;
	}

	/// Calls `play` with a conversation of its own for each MTU.
	template <typename F> void each(F play)
	{
		for (uint32_t m = GetParam().v6 ? SL_IPV6_MTU_MIN : SL_IPV4_MTU_MIN; m <= kMtuMax;
		     m++) {
			mtu = static_cast<uint16_t>(m);
			road.set_mtu(mtu);
			Talk talk(road);
			if (GetParam().v6)
				talk.ipv6();
			talk.cport = static_cast<uint16_t>(20000 + m);
			talk.cmss = talk.smss = mss();
			talk.offer_ts = talk.timestamps = GetParam().timestamps;
			play(talk);
			ASSERT_FALSE(HasFailure()) << "MTU " << m;
		}
		for (unsigned d = 0; d < SL_N_DROPS; d++)
			EXPECT_EQ(road.drops(static_cast<sl_drop>(d)), 0u) << sl_drop_info[d].name;
		EXPECT_EQ(road.events(SL_EVENT_too_big_sent), 0u);
	}

	uint16_t mss() const
	{
		return static_cast<uint16_t>(mtu -
					     (GetParam().v6 ? SL_IPV6_TCP_HDRS : SL_IPV4_TCP_HDRS));
	}

	std::string full() const
	{
		return std::string(mss() - (GetParam().timestamps ? 12u : 0u), 'x');
	}

	/// All of them are as long as the link may carry, at most. Returns the longest.
	size_t longest(const Road::Out &out) const
	{
		size_t most = 0;
		for (const Sent &s : out)
			most = std::max(most, s.bytes.size() - s.seg.l3_off);
		EXPECT_LE(most, mtu);
		return most;
	}

	void goes_through(const Road::Out &out, unsigned port, const std::string &payload)
	{
		EXPECT_EQ(longest(out), mtu);
		EXPECT_EQ(only(out).port, port);
		EXPECT_EQ(only(out).payload(), payload);
	}

	void both_ways(const Talk &talk)
	{
		goes_through(road.outside(talk.c(SL_ACK, 1, 1, full())), 1, full());
		goes_through(road.inside(talk.s(SL_ACK, 1, 1, full())), 0, full());
		road.outside(talk.c(SL_RST, 1 + static_cast<uint32_t>(full().size()), 0));
	}

	Road road;
	uint16_t mtu = 0;
};

INSTANTIATE_TEST_SUITE_P(Links, EveryMtu,
			 ::testing::Values(How{false, false}, How{false, true}, How{true, false},
					   How{true, true}),
			 [](const auto &p) {
				 return std::string(p.param.v6 ? "Ipv6" : "Ipv4") +
					(p.param.timestamps ? "Timestamps" : "Bare");
			 });

/// Clients that were promised timestamps which their server refuses.
class EveryMtuWithTimestamps : public EveryMtu
{
};

INSTANTIATE_TEST_SUITE_P(Links, EveryMtuWithTimestamps,
			 ::testing::Values(How{false, true}, How{true, true}),
			 [](const auto &p) { return p.param.v6 ? "Ipv6" : "Ipv4"; });

TEST_P(EveryMtu, IsSpliced)
{
	each([&](Talk &talk) {
		road.teach(talk.server, talk.sport, mss(), GetParam().timestamps);
		EXPECT_EQ(talk.ask().seg.mss, mss());
		const Sent syn = only(road.outside(talk.c(SL_ACK, 1, 1)));
		// A cookie knows few sizes: what the link can't carry is told to no server.
		EXPECT_LE(syn.seg.mss, mss());
		longest(road.inside(talk.synack()));
		both_ways(talk);
	});
}

TEST_P(EveryMtuWithTimestamps, HaveRoomForThoseThatTheBoxAdds)
{
	each([&](Talk &talk) {
		road.teach(talk.server, talk.sport, mss(), true);
		talk.prove();
		Frame refused = talk.synack();
		refused.options = sl_test::mss(mss());
		road.inside(refused);
		const Road::Out again = road.advance(1100);
		ASSERT_FALSE(again.empty());
		EXPECT_EQ(again.back().seg.mss,
			  std::min<unsigned>(again.back().seg.mss, mss() - 12u));
		Frame granted = refused;
		granted.seq += 77;
		talk.iss += 77;
		longest(road.inside(granted));
		Frame data = talk.s(SL_ACK, 1, 1, std::string(again.back().seg.mss, 'x'));
		data.options = {};
		EXPECT_EQ(longest(road.inside(data)), again.back().seg.mss + mtu - mss() + 12u);
		road.outside(talk.c(SL_RST, 1, 0));
	});
}

TEST_P(EveryMtu, IsTracked)
{
	each([&](Talk &talk) {
		talk.track();
		both_ways(talk);
	});
}

TEST_P(EveryMtu, Passes)
{
	each([&](Talk &talk) {
		talk.sport = kPass;
		goes_through(road.outside(talk.c(SL_ACK, 1, 1, full())), 1, full());
		goes_through(road.inside(talk.s(SL_ACK, 1, 1, full())), 0, full());
	});
}

TEST_P(EveryMtu, IsFilledByAnEndpoint)
{
	each([&](Talk &talk) {
		talk.sport = kChargen;
		talk.cwnd = 20000;
		const Sent synack = only(road.outside(talk.syn()));
		EXPECT_EQ(synack.seg.mss, mss());
		talk.cookie = synack.seg.seq;
		talk.ctsecr = synack.seg.tsval;
		EXPECT_EQ(longest(road.outside(talk.c(SL_ACK, 1, 1))), mtu);
		// And with all the SACKs that there is room for.
		for (uint32_t seq : {10u, 20u, 30u, 40u, 50u})
			longest(road.outside(talk.c(SL_ACK, seq, 1, "x")));
		const uint32_t acked = 1 + static_cast<uint32_t>(full().size());
		EXPECT_GT(longest(road.outside(talk.c(SL_ACK, 60, acked, "x"))), 0u);
		road.outside(talk.c(SL_RST, 1, 0));
	});
}

} // namespace
