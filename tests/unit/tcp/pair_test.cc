// SPDX-License-Identifier: BSD-3-Clause
// Two endpoints joined by a path that loses, repeats and reorders: what one sends is what the other
// receives, both get to the end, and nothing is left behind.
#include <algorithm>
#include <map>
#include <random>

#include "endpoint.h"

namespace
{

struct Way {
	double loss = 0, repeat = 0, reorder = 0;
	uint32_t delay_us = 10000;
};

class Pair
{
      public:
	Pair(uint32_t seed, const Way &way) : random(seed), way(way)
	{
		for (Endpoint *e : {&a, &b})
			e->tcp.now_us = now;
	}

	double chance()
	{
		return std::uniform_real_distribution<>(0, 1)(random);
	}

	void carry(Endpoint *from, Endpoint *to)
	{
		while (!from->sent.empty()) {
			const Segment s = from->sent_next();
			for (int copies = chance() < way.repeat ? 2 : 1; copies > 0; copies--) {
				if (chance() < way.loss)
					continue;
				uint64_t at = now + way.delay_us;
				if (chance() < way.reorder)
					at += random() % (3 * way.delay_us);
				flight.emplace(at, std::make_pair(to, s));
			}
		}
	}

	// Data to send, and to read; whoever is done closes.
	void use(Endpoint *e, uint32_t *given, uint32_t all, std::string *got)
	{
		if (e->tcb.state == SL_TCP_CLOSED)
			return;
		while (*given < all) {
			const uint32_t n =
				e->send(pattern(*given, std::min<uint32_t>(all - *given, 5000)));
			*given += n;
			if (n == 0)
				break;
		}
		*got += e->receive();
		if (*given == all && !e->tcb.fin_queued &&
		    (e->tcb.state == SL_TCP_ESTABLISHED || e->tcb.state == SL_TCP_CLOSE_WAIT))
			e->shutdown();
	}

	void arrive(Endpoint *to, const Segment &s)
	{
		if (to->tcb.state != SL_TCP_CLOSED) {
			to->arrive(s);
			return;
		}
		if (to == &b && s.is(SL_SYN) && !b_open) {
			b_open = true;
			b.listen(s, 0xffff0000);
			return;
		}
		// The other end has forgotten the connection in good order, or has given up.
		std::string frame;
		const sl_seg seg = Endpoint::parsed(s, &frame);
		sl_tcp_segment rst;
		if (to->tcb.end != SL_TCP_END_NONE && sl_tcp_answer_closed(&seg, &rst)) {
			Segment r;
			r.flags = rst.made.flags;
			r.seq = rst.made.seq;
			r.ack = rst.made.ack;
			to->sent.push_back(r);
		}
	}

	void run(uint32_t a_bytes, uint32_t b_bytes, uint64_t limit_s = 3600)
	{
		const uint64_t end = now + limit_s * 1000000;
		a.open(0xfffff000);
		while (now < end) {
			use(&a, &a_given, a_bytes, &a_got);
			use(&b, &b_given, b_bytes, &b_got);
			carry(&a, &b);
			carry(&b, &a);
			if (a.tcb.state == SL_TCP_CLOSED && b.tcb.state == SL_TCP_CLOSED)
				break;
			uint64_t next = flight.empty() ? UINT64_MAX : flight.begin()->first;
			for (Endpoint *e : {&a, &b})
				next = std::min(next, sl_tcp_next_deadline(&e->tcp, &e->tcb));
			if (next == UINT64_MAX)
				break;
			now = std::max(now, next);
			for (Endpoint *e : {&a, &b}) {
				e->tcp.now_us = now;
				if (sl_tcp_next_deadline(&e->tcp, &e->tcb) <= now) {
					sl_tcp_timeouts(&e->tcp, &e->tcb);
					e->output();
				}
			}
			if (!flight.empty() && flight.begin()->first <= now) {
				const auto [to, s] = flight.begin()->second;
				flight.erase(flight.begin());
				arrive(to, s);
			}
		}
	}

	uint64_t now = 1000000;
	Endpoint a, b;
	bool b_open = false;
	uint32_t a_given = 0, b_given = 0;
	std::string a_got, b_got;
	std::mt19937 random;
	Way way;
	std::multimap<uint64_t, std::pair<Endpoint *, Segment>> flight;
};

void vary(Pair *p)
{
	std::mt19937 &r = p->random;
	for (Endpoint *e : {&p->a, &p->b}) {
		e->options.timestamps = r() % 2;
		e->options.sack = r() % 4 != 0;
		e->options.rack = r() % 4 != 0;
		e->options.wscale = static_cast<uint8_t>(r() % 16); // 15: none
		e->options.cc = r() % 2 ? TCP_CC_CUBIC : TCP_CC_NEWRENO;
		e->options.no_delay = r() % 2;
		e->options.receive_buffer = 500 + r() % 200000;
		e->options.send_buffer = 500 + r() % 200000;
		e->options.mss = 300 + r() % 2000;
		e->options.r2_ms = 1000000;
		e->options.r2_syn_ms = 1000000;
	}
}

class Pairs : public ::testing::TestWithParam<uint32_t>
{
};

TEST_P(Pairs, BothStreamsArriveWhole)
{
	for (uint32_t i = 0; i < 50; i++) {
		const uint32_t seed = GetParam() * 50 + i;
		std::mt19937 r(seed);
		Way way;
		if (seed % 4 != 0) {
			way.loss = r() % 20 / 100.0;
			way.repeat = r() % 20 / 100.0;
			way.reorder = r() % 30 / 100.0;
		}
		way.delay_us = 100 + r() % 100000;
		Pair p(seed, way);
		vary(&p);
		const uint32_t a_bytes = r() % 200000, b_bytes = r() % 3 ? r() % 200000 : 0;
		p.run(a_bytes, b_bytes, 100000);
		EXPECT_EQ(p.a.end(), SL_TCP_END_CLOSED) << "seed " << seed;
		EXPECT_EQ(p.b.end(), SL_TCP_END_CLOSED) << "seed " << seed;
		ASSERT_EQ(p.b_got.size(), a_bytes) << "seed " << seed;
		ASSERT_EQ(p.a_got.size(), b_bytes) << "seed " << seed;
		ASSERT_TRUE(p.b_got == pattern(0, a_bytes)) << "seed " << seed;
		ASSERT_TRUE(p.a_got == pattern(0, b_bytes)) << "seed " << seed;
	}
}

INSTANTIATE_TEST_SUITE_P(Seeds, Pairs, ::testing::Range(0u, 20u));

} // namespace
