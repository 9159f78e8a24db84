// SPDX-License-Identifier: BSD-3-Clause
// Whole connections over networks that lose, repeat and reorder, between ends that know nothing of
// the box; and segments of any kind in any order, which must not trip it.
#include "road.h"

#include <algorithm>
#include <random>

using namespace sl_test;

namespace
{

// Random numbers of 32 bits.
class Rng
{
      public:
	explicit Rng(unsigned seed) : engine(seed)
	{
	}

	uint32_t operator()()
	{
		return static_cast<uint32_t>(engine());
	}

      private:
	std::mt19937 engine;
};

// One TCP end as plain as it can be: go-back-N, an ACK for everything, PAWS.
class End
{
      public:
	End(const Talk &t, bool is_client, std::string to_send, bool with_ts)
	    : frame(is_client ? t.c(SL_ACK, 0, 0) : t.s(SL_ACK, 0, 0)), client(is_client),
	      use_ts(with_ts), isn(is_client ? t.isn : t.iss), una(isn), nxt(isn),
	      tx(std::move(to_send))
	{
		clock = is_client ? 0xfffffe00 : 0x7ffffe00;
	}

	/// What it sends at `now` (milliseconds) of itself.
	void poll(uint64_t now, std::vector<Frame> &out)
	{
		ms = now;
		if (state == kStart && client) {
			state = kSynSent;
			arm();
		} else if (state == kStart || now < due) {
			if (state == kOpen && nxt == una && !all_acked())
				send_window(out);
			return;
		}
		if (state == kSynSent)
			out.push_back(make(SL_SYN, isn, ""));
		else if (state == kSynReceived)
			out.push_back(make(SL_SYN | SL_ACK, isn, ""));
		else if (!all_acked())
			send_window(out);
		rto = std::min<uint64_t>(2 * rto, 2000);
		due = now + rto;
	}

	void receive(const Sent &s, uint64_t now, std::vector<Frame> &out)
	{
		const sl_seg &seg = s.seg;
		ms = now;
		if (seg.flags & SL_RST) {
			reset = true;
			return;
		}
		if (seg.flags & SL_SYN) {
			on_syn(seg, out);
			return;
		}
		if (state != kOpen && state != kSynReceived)
			return;
		if (ts_on) {
			ASSERT_NE(seg.ts_off, 0);
			ASSERT_TRUE(sl_seq_between(seg.tsecr, clock, tsnow()))
				<< "echo of what never was";
			if (sl_seq_lt(seg.tsval, ts_recent)) {
				out.push_back(make(SL_ACK, nxt, ""));
				return;
			}
		}
		ASSERT_TRUE(sl_seq_leq(seg.ack, high)) << "ACK of what was never sent";
		if (state == kSynReceived) {
			if (seg.ack == isn)
				return;
			state = kOpen;
			una = nxt = isn + 1;
		}
		on_ack(seg, out);
		on_data(s, out);
	}

	bool done() const
	{
		return state == kOpen && all_acked() && got_fin;
	}

	std::string rx;
	bool reset = false;

      private:
	enum State { kStart, kSynSent, kSynReceived, kOpen };
	static constexpr uint32_t kSegment = 300;

	bool all_acked() const
	{
		return una == isn + 2 + static_cast<uint32_t>(tx.size());
	}

	void arm()
	{
		rto = state == kOpen ? 300 : 1000;
		due = ms + rto;
	}

	uint32_t tsnow() const
	{
		return clock + static_cast<uint32_t>(ms);
	}

	Frame make(unsigned flags, uint32_t seq, const std::string &payload)
	{
		Frame f = frame;
		f.flags = flags;
		f.seq = seq;
		f.ack = flags & SL_ACK ? rcv_nxt : 0;
		f.payload = payload;
		f.options = {};
		if (flags & SL_SYN)
			f.options = mss(1460) + ws(client ? 3 : 5) + sackok();
		if (flags & SL_SYN ? use_ts && (client || ts_on) : ts_on)
			f.options = f.options + ts(tsnow(), flags & SL_ACK ? ts_recent : 0);
		const uint32_t end = seq + static_cast<uint32_t>(payload.size()) +
				     !!(flags & SL_SYN) + !!(flags & SL_FIN);
		if (sl_seq_gt(end, high) || high == 0)
			high = end;
		return f;
	}

	void send_window(std::vector<Frame> &out)
	{
		nxt = una;
		for (int i = 0; i < 3 && nxt != isn + 2 + static_cast<uint32_t>(tx.size()); i++) {
			const uint32_t at = nxt - isn - 1;
			const std::string part = tx.substr(at, kSegment);
			const bool last = at + part.size() == tx.size();
			out.push_back(make(SL_ACK | (last ? SL_FIN | 0u : 0u), nxt, part));
			nxt += static_cast<uint32_t>(part.size()) + last;
		}
		due = ms + rto;
	}

	void on_syn(const sl_seg &seg, std::vector<Frame> &out)
	{
		if (client && state == kSynSent && seg.flags & SL_ACK && seg.ack == isn + 1) {
			state = kOpen;
			una = nxt = isn + 1;
			rcv_nxt = seg.seq + 1;
			ts_on = seg.ts_off != 0;
			ts_recent = seg.tsval;
			arm();
			out.push_back(make(SL_ACK, nxt, ""));
		} else if (!client && !(seg.flags & SL_ACK) && state == kStart) {
			state = kSynReceived;
			rcv_nxt = seg.seq + 1;
			ts_on = use_ts && seg.ts_off != 0;
			ts_recent = seg.tsval;
			arm();
			out.push_back(make(SL_SYN | SL_ACK, isn, ""));
		} else if (state == kSynReceived) {
			out.push_back(make(SL_SYN | SL_ACK, isn, ""));
		} else if (state == kOpen) {
			out.push_back(make(SL_ACK, nxt, ""));
		}
	}

	void on_ack(const sl_seg &seg, std::vector<Frame> &out)
	{
		if (!sl_seq_gt(seg.ack, una))
			return;
		una = seg.ack;
		arm();
		if (!all_acked())
			send_window(out);
	}

	void on_data(const Sent &s, std::vector<Frame> &out)
	{
		const sl_seg &seg = s.seg;
		if (sl_seg_len(&seg) == 0)
			return;
		if (seg.seq == rcv_nxt) {
			rx += s.payload();
			rcv_nxt += sl_seg_len(&seg);
			got_fin = got_fin || seg.flags & SL_FIN;
			if (ts_on)
				ts_recent = seg.tsval;
		}
		out.push_back(make(SL_ACK, nxt, ""));
	}

	const Frame frame;
	const bool client, use_ts;
	const uint32_t isn;
	uint32_t una, nxt, rcv_nxt = 0, high = 0, clock = 0, ts_recent = 0;
	const std::string tx;
	State state = kStart;
	bool ts_on = false, got_fin = false;
	uint64_t ms = 0, due = 0, rto = 1000;
};

// The two stretches of network: what is under way, by the time it arrives.
class Network
{
      public:
	explicit Network(Rng &r) : rng(r)
	{
	}

	template <typename F> void send(uint64_t now, F put)
	{
		if (rng() % 100 < 6)
			return;
		for (int copies = rng() % 100 < 4 ? 2 : 1; copies > 0; copies--)
			put(now + 10 + rng() % 4 * (rng() % 5 == 0 ? 30 : 5));
	}

	Rng &rng;
};

std::string text(Rng &rng, size_t n)
{
	std::string s(n, ' ');
	for (char &c : s)
		c = static_cast<char>('a' + rng() % 26);
	return s;
}

void transfer(unsigned seed)
{
	Rng rng(seed);
	RoadOptions o;
	o.n_connections = 4;
	Road road(o);
	Talk talk(road);
	if (seed & 4)
		talk.ipv6();
	talk.sport = seed & 1 ? kNever : kAlways;
	talk.isn = 0u - rng() % 3000;
	talk.iss = 0u - rng() % 3000;
	const bool use_ts = seed & 2;
	if (use_ts)
		road.teach(talk.server, kAlways, 1460, true);
	const std::string up = text(rng, rng() % 2500), down = text(rng, rng() % 4000);
	End client(talk, true, up, use_ts), server(talk, false, down, use_ts);
	Network net(rng);
	std::multimap<uint64_t, std::pair<sl_side, Bytes>> to_box;
	std::multimap<uint64_t, Sent> to_end;
	uint64_t now = 0;

	auto leave = [&](const Road::Out &sent) {
		for (const Sent &s : sent)
			net.send(now, [&](uint64_t at) { to_end.emplace(at, s); });
	};
	auto enter = [&](sl_side side, const std::vector<Frame> &frames) {
		for (const Frame &f : frames)
			net.send(now, [&](uint64_t at) {
				to_box.emplace(at, std::make_pair(side, f.bytes()));
			});
	};
	for (; now < 120000; now += 5) {
		leave(road.advance(5));
		Road::In burst;
		while (!to_box.empty() && to_box.begin()->first <= now && burst.size() < SL_BURST) {
			burst.push_back(to_box.begin()->second);
			to_box.erase(to_box.begin());
		}
		if (!burst.empty())
			leave(road.run(burst));
		std::vector<Frame> from_client, from_server;
		while (!to_end.empty() && to_end.begin()->first <= now) {
			const Sent s = to_end.begin()->second;
			to_end.erase(to_end.begin());
			if (s.port == 0)
				client.receive(s, now, from_client);
			else
				server.receive(s, now, from_server);
		}
		client.poll(now, from_client);
		server.poll(now, from_server);
		enter(SL_OUTSIDE, from_client);
		enter(SL_INSIDE, from_server);
		if (client.done() && server.done() && to_box.empty() && to_end.empty())
			break;
	}
	ASSERT_FALSE(client.reset || server.reset);
	ASSERT_TRUE(client.done() && server.done());
	EXPECT_EQ(server.rx, up);
	EXPECT_EQ(client.rx, down);
	EXPECT_EQ(road.events(SL_EVENT_connections_closed), 1u) << road.states();
	road.advance(61000, 500);
	EXPECT_EQ(road.count(), 0u);
}

TEST(Chaos, EveryByteArrivesAndNothingIsLeft)
{
	RecordProperty("source", "RFC 9293 section 3.8; design section 9");
	for (unsigned seed = 0; seed < 500; seed++) {
		SCOPED_TRACE(seed);
		transfer(seed);
		if (HasFailure())
			return;
	}
}

// Segments whose numbers are near those of a connection, of all kinds, from both sides.
void any_order(unsigned seed)
{
	Rng rng(seed);
	RoadOptions o;
	o.n_connections = 8;
	o.n_held = 6;
	Road road(o);
	Talk talk(road);
	talk.sport = seed & 1 ? kNever : kAlways;
	talk.isn = 0u - rng() % 40;
	talk.cookie = talk.iss = 0u - rng() % 40;
	if (seed & 2)
		road.teach(talk.server, kAlways, 1460, true);
	const unsigned flags[] = {
		SL_SYN, SL_SYN, SL_SYN | SL_ACK, SL_SYN | SL_ACK, SL_ACK, SL_ACK,
		SL_ACK, SL_ACK, SL_FIN | SL_ACK, SL_FIN | SL_ACK, SL_RST, SL_RST | SL_ACK};
	for (int i = 0; i < 120; i++) {
		Road::In burst;
		for (unsigned n = rng() % 4 + 1; n > 0; n--) {
			const unsigned fl = flags[rng() % SL_ARRAY_LEN(flags)];
			const uint32_t seq = fl & SL_SYN && rng() % 4 ? 0 : rng() % 6;
			const uint32_t ack = rng() % 8 ? rng() % 6 : rng();
			const bool out = rng() % 2;
			Frame f = out ? talk.c(fl, seq, ack) : talk.s(fl, seq, ack);
			f.payload = std::string(rng() % 3, 'x');
			f.sport = static_cast<uint16_t>(f.sport + (out && rng() % 8 == 0));
			if (fl & SL_SYN)
				f.options = talk.offer();
			else if (rng() % 8 == 0)
				f.options = nop(2) + ts(rng(), rng());
			if (rng() % 32 == 0)
				f.options = f.options + sack({rng(), rng()});
			burst.push_back({out ? SL_OUTSIDE : SL_INSIDE, f.bytes()});
		}
		road.n_spares = rng() % 16 ? SL_SPARES + 0u : rng() % 4;
		for (const Sent &s : road.run(burst))
			if (s.fate == SL_FATE_ANSWERED && s.seg.flags == (SL_SYN | SL_ACK)) {
				talk.cookie = s.seg.seq;
				talk.timestamps = s.seg.ts_off != 0;
				talk.ctsecr = s.seg.tsval;
			}
		if (rng() % 4 == 0)
			road.advance(rng() % 8 ? rng() % 2000 : 40000, 500);
	}
	road.n_spares = SL_SPARES;
	road.advance(7200000 + 10 * 75000, 5000);
	road.advance(100000, 500);
	EXPECT_EQ(road.count(), 0u) << road.states();
	EXPECT_EQ(road.term(SL_TERM_held), 0u);
}

TEST(Chaos, SegmentsOfAnyKindInAnyOrderTripNothing)
{
	RecordProperty("source", "RFC 9293 figure 5; design section 10");
	for (unsigned seed = 0; seed < 400; seed++) {
		SCOPED_TRACE(seed);
		any_order(seed);
		if (HasFailure())
			return;
	}
}

} // namespace
