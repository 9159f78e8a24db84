// SPDX-License-Identifier: BSD-3-Clause
// An endpoint of lib/tcp whose peer is the test: segments are handed to it field by field, and what
// it sends is read the same way. Two of them can be joined: Path.
#ifndef ENDPOINT_H
#define ENDPOINT_H

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

extern "C" {
#include "sl_bytes.h"
#include "sl_seq.h"
#include "sl_tcp.h"
}

// A segment on its way: what was sent, or what is to arrive.
struct Segment {
	uint8_t flags = 0;
	uint32_t seq = 0, ack = 0;
	uint16_t wnd = 0;
	std::string payload;
	uint16_t mss = 0;
	uint8_t wscale = SL_NO_WSCALE;
	bool sack_permitted = false;
	bool timestamps = false;
	uint32_t tsval = 0, tsecr = 0;
	std::vector<std::pair<uint32_t, uint32_t>> sack;
	uint16_t urgent = 0;

	bool is(uint8_t f) const
	{
		return (flags & (SL_SYN | SL_FIN | SL_RST | SL_ACK)) == f;
	}
	uint32_t len() const
	{
		return static_cast<uint32_t>(payload.size()) + !!(flags & SL_SYN) +
		       !!(flags & SL_FIN);
	}
};

// The bytes of a stream from position `at` on: such that no two places look alike.
inline std::string pattern(uint32_t at, uint32_t n)
{
	std::string s(n, '\0');
	for (uint32_t i = 0; i < n; i++)
		s[i] = static_cast<char>((at + i) * 2654435761u >> 24);
	return s;
}

class Endpoint
{
      public:
	static constexpr uint32_t kIss = 0xfffffff0; // wraps at once
	static constexpr uint32_t kIrs = 0xffffff00;

	explicit Endpoint(uint32_t n_blocks = 4096)
	    : options(sl_tcp_options_default), memory(new tcp_block[n_blocks]), n_blocks(n_blocks)
	{
		uint8_t seed[24] = {1};
		sl_tcp_init(&tcp, memory.get(), n_blocks, &Endpoint::take, this, seed);
		tcp.now_us = 5000000;
		options.timestamps = false;
		options.wscale = SL_NO_WSCALE;
		options.cc = TCP_CC_NEWRENO;
		options.rack = false;
		sl_tcp_tcb_init(&tcp, &tcb, &options, false);
		has_tcb = true;
	}
	Endpoint(const Endpoint &) = delete;
	~Endpoint()
	{
		drop();
		EXPECT_EQ(tcp.pool.n_free, n_blocks) << "blocks are lost";
		for (uint64_t n : tcp.states)
			EXPECT_EQ(n, 0u) << "a gauge is off";
	}

	void drop()
	{
		if (has_tcb)
			sl_tcp_tcb_free(&tcp, &tcb);
		has_tcb = false;
	}

	// A new life: another connection in place of the one that is over.
	void renew()
	{
		drop();
		sl_tcp_tcb_init(&tcp, &tcb, &options, false);
		has_tcb = true;
	}

	// What the segment is on the wire: `frame` is what it is read from.
	static sl_seg parsed(const Segment &s, std::string *frame)
	{
		uint8_t bytes[20 + 40] = {};
		sl_seg seg = {};

		seg.seq = s.seq;
		seg.ack = s.ack;
		seg.wnd = s.wnd;
		seg.flags = s.flags;
		seg.mss = s.mss;
		seg.wscale = s.wscale;
		seg.sack_permitted = s.sack_permitted;
		seg.payload_off = sizeof(bytes);
		seg.payload_len = static_cast<uint16_t>(s.payload.size());
		if (s.timestamps) {
			seg.ts_off = 20;
			seg.tsval = s.tsval;
			seg.tsecr = s.tsecr;
		}
		sl_store_be16(bytes + 18, s.urgent);
		if (!s.sack.empty()) {
			seg.sack_off = 20;
			seg.n_sack = static_cast<uint8_t>(s.sack.size());
			for (size_t i = 0; i < s.sack.size() && i < 4; i++) {
				sl_store_be32(bytes + 22 + 8 * i, s.sack[i].first);
				sl_store_be32(bytes + 26 + 8 * i, s.sack[i].second);
			}
		}
		frame->assign(reinterpret_cast<char *>(bytes), sizeof(bytes));
		*frame += s.payload;
		return seg;
	}

	sl_tcp_verdict arrive(const Segment &s, bool flush = true)
	{
		std::string frame;
		const sl_seg seg = parsed(s, &frame);
		const auto verdict = sl_tcp_segment_arrives(
			&tcp, &tcb, &seg, reinterpret_cast<const uint8_t *>(frame.data()));
		if (flush)
			output();
		return verdict;
	}

	void output()
	{
		sl_tcp_output(&tcp, &tcb);
	}

	// Time goes by; timers go off when they are due.
	void run_ms(uint64_t ms)
	{
		const uint64_t end = tcp.now_us + ms * 1000;
		while (true) {
			const uint64_t next = sl_tcp_next_deadline(&tcp, &tcb);
			if (next > end)
				break;
			tcp.now_us = std::max(tcp.now_us, next);
			sl_tcp_timeouts(&tcp, &tcb);
			output();
		}
		tcp.now_us = end;
	}

	// The next segment that it sent.
	Segment sent_next()
	{
		if (sent.empty()) {
			ADD_FAILURE() << "nothing was sent";
			return {};
		}
		const Segment s = sent.front();
		sent.pop_front();
		return s;
	}
	bool quiet() const
	{
		return sent.empty();
	}

	uint32_t send(const std::string &s, bool urgent = false)
	{
		const uint32_t n =
			sl_tcp_send(&tcp, &tcb, s.data(), static_cast<uint32_t>(s.size()), urgent);
		output();
		return n;
	}

	std::string receive(uint32_t most = UINT32_MAX)
	{
		std::string s;
		uint8_t *p;
		while (s.size() < most) {
			uint32_t n = sl_tcp_receive(&tcb, &p);
			if (n == 0)
				break;
			n = std::min(n, most - static_cast<uint32_t>(s.size()));
			s.append(reinterpret_cast<char *>(p), n);
			sl_tcp_received(&tcp, &tcb, n);
		}
		output();
		return s;
	}

	void shutdown()
	{
		sl_tcp_shutdown(&tcp, &tcb);
		output();
	}
	void close()
	{
		sl_tcp_close(&tcp, &tcb);
		output();
	}
	void abort()
	{
		sl_tcp_abort(&tcp, &tcb);
	}

	sl_tcp_state state() const
	{
		return static_cast<sl_tcp_state>(tcb.state);
	}
	sl_tcp_end end() const
	{
		return static_cast<sl_tcp_end>(tcb.end);
	}
	bool event(sl_tcp_event e)
	{
		const bool is = tcb.events & e;
		tcb.events = static_cast<uint8_t>(tcb.events & ~e);
		return is;
	}

	// From the peer: a segment with ACK, `at` bytes into its stream, that acknowledges `acked`
	// bytes of ours.
	Segment peer(uint32_t at, uint32_t acked, const std::string &payload = "",
		     uint8_t flags = SL_ACK) const
	{
		Segment s;
		s.flags = flags;
		s.seq = kIrs + 1 + at;
		s.ack = kIss + 1 + acked;
		s.wnd = wnd;
		s.payload = payload;
		return s;
	}
	// Such a segment comes, with that window, and is returned.
	Segment arrive_with(uint16_t window, Segment s)
	{
		s.wnd = window;
		arrive(s);
		return s;
	}
	uint32_t seq(uint32_t at) const // a number of ours
	{
		return kIss + 1 + at;
	}
	uint32_t peer_seq(uint32_t at) const
	{
		return kIrs + 1 + at;
	}

	Segment peer_syn(uint8_t flags = SL_SYN) const
	{
		Segment s;
		s.flags = flags;
		s.seq = kIrs;
		s.wnd = wnd;
		s.mss = mss;
		s.sack_permitted = sack;
		if (flags & SL_ACK)
			s.ack = kIss + 1;
		return s;
	}

	void open(uint32_t iss = kIss)
	{
		sl_tcp_open(&tcp, &tcb, iss, 77);
		output();
	}
	void listen(const Segment &syn, uint32_t iss = kIss)
	{
		std::string frame;
		const sl_seg seg = parsed(syn, &frame);
		sl_tcp_open_passive(&tcp, &tcb, &seg, iss, 99);
		output();
	}

	// Each of these leaves nothing in `sent`.
	void to_syn_sent()
	{
		open();
		sent.clear();
	}
	void to_syn_received()
	{
		listen(peer_syn());
		sent.clear();
	}
	void to_established()
	{
		to_syn_sent();
		arrive(peer_syn(SL_SYN | SL_ACK));
		ASSERT_EQ(state(), SL_TCP_ESTABLISHED);
		sent.clear();
		tcb.events = 0;
	}
	void to_fin_wait_1()
	{
		to_established();
		shutdown();
		sent.clear();
	}
	void to_fin_wait_2()
	{
		to_fin_wait_1();
		arrive(peer(0, 1));
		ASSERT_EQ(state(), SL_TCP_FIN_WAIT_2);
		sent.clear();
	}
	void to_closing()
	{
		to_fin_wait_1();
		arrive(peer(0, 0, "", SL_ACK | SL_FIN));
		ASSERT_EQ(state(), SL_TCP_CLOSING);
		sent.clear();
	}
	void to_time_wait()
	{
		to_fin_wait_2();
		arrive(peer(0, 1, "", SL_ACK | SL_FIN));
		ASSERT_EQ(state(), SL_TCP_TIME_WAIT);
		sent.clear();
	}
	void to_close_wait()
	{
		to_established();
		arrive(peer(0, 0, "", SL_ACK | SL_FIN));
		ASSERT_EQ(state(), SL_TCP_CLOSE_WAIT);
		sent.clear();
	}
	void to_last_ack()
	{
		to_close_wait();
		shutdown();
		ASSERT_EQ(state(), SL_TCP_LAST_ACK);
		sent.clear();
	}
	// Any state of a connection.
	void to(sl_tcp_state state)
	{
		switch (state) {
		case SL_TCP_SYN_SENT:
			return to_syn_sent();
		case SL_TCP_SYN_RECEIVED:
			return to_syn_received();
		case SL_TCP_ESTABLISHED:
			return to_established();
		case SL_TCP_FIN_WAIT_1:
			return to_fin_wait_1();
		case SL_TCP_FIN_WAIT_2:
			return to_fin_wait_2();
		case SL_TCP_CLOSE_WAIT:
			return to_close_wait();
		case SL_TCP_CLOSING:
			return to_closing();
		case SL_TCP_LAST_ACK:
			return to_last_ack();
		case SL_TCP_TIME_WAIT:
			return to_time_wait();
		case SL_TCP_LISTEN:
		case SL_TCP_CLOSED:
			FAIL();
		}
	}

	sl_tcp tcp;
	sl_tcb tcb;
	sl_tcp_options options;
	std::deque<Segment> sent;
	bool no_buffers = false;
	// The peer's.
	uint16_t wnd = 65535, mss = 1460;
	bool sack = true;

      private:
	static bool take(void *owner, sl_tcb *, sl_tcp_segment *made)
	{
		auto *self = static_cast<Endpoint *>(owner);
		Segment s;

		if (self->no_buffers)
			return false;
		s.flags = made->made.flags;
		s.seq = made->made.seq;
		s.ack = made->made.ack;
		s.wnd = made->made.wnd;
		s.mss = made->made.mss;
		s.wscale = made->made.wscale;
		s.sack_permitted = made->made.sack_permitted;
		s.timestamps = made->made.timestamps;
		s.tsval = made->made.tsval;
		s.tsecr = made->made.tsecr;
		s.urgent = made->made.urgent;
		for (unsigned i = 0; i < made->made.n_sack; i++)
			s.sack.emplace_back(made->sack[i].left, made->sack[i].right);
		for (unsigned i = 0; i < made->made.n_payload; i++)
			s.payload.append(reinterpret_cast<const char *>(made->payload[i].bytes),
					 made->payload[i].len);
		EXPECT_EQ(s.payload.size(), made->made.payload_len);
		self->sent.push_back(s);
		return true;
	}

	std::unique_ptr<tcp_block[]> memory;
	uint32_t n_blocks;
	bool has_tcb = false;
};

#endif
