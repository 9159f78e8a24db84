// SPDX-License-Identifier: BSD-3-Clause
//
// What the simulations have in common: applications that send, read slowly, close in every order,
// abort, or vanish, at both ends of connections between hosts with the TCP stack of lib/stack; what
// must hold of them at every step and in the end; troubles; and the command line.
//
// What must hold at every step: what has been delivered is the beginning of what was sent; every
// connection stands in one state and all of them are entries of the table; what waits for an answer
// has a timer, and no timer is armed for nobody. (That states follow one another as in RFC 9293 is
// asserted where they change.) In the end, unless an end was cut off on purpose: every stream has
// come whole, and everything is closed and freed.
#ifndef TESTS_SIM_WORLD_H
#define TESTS_SIM_WORLD_H

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <deque>

#include "host.h"

extern "C" {
#include "stack.h"
}

namespace sl_test
{

struct Failed {
	std::string what;
};

// What is to be said is made only when it has to be.
#define must(holds, what)                   \
	do {                                \
		if (!(holds))               \
			throw Failed{what}; \
	} while (0)

inline uint8_t byte_of(uint32_t stream, uint32_t at)
{
	return static_cast<uint8_t>((stream * 40503u + at) * 2654435761u >> 24);
}

// How an application takes its leave.
enum class Leave { Shutdown, Close, Abort, Linger };

// One end of a connection, and the application at it.
struct End {
	Host *host = nullptr;
	int socket = -1;
	uint32_t out_stream = 0, in_stream = 0;
	uint32_t to_send = 0, given = 0, got = 0;
	Leave leave = Leave::Shutdown;
	uint32_t leave_at = UINT32_MAX; // so many bytes received or given: aborts
	uint32_t chunk = 1000;          // reads so much at a time
	double laziness = 0;            // how often it does not read
	uint32_t pause_at = UINT32_MAX; // so many bytes given: it says nothing for a while
	uint64_t pause_us = 0, silent_until = 0;
	bool shut = false, closed = false, saw_end = false;
	int error = 0;

	bool has_left() const
	{
		return closed || host->gone;
	}
	bool is_violent() const
	{
		return leave >= Leave::Abort || host->gone;
	}
};

struct Connection {
	unsigned number;
	Host *server_host;
	uint16_t port;
	int listener;
	End client, server;
	bool accepted = false;
	bool by_cookie = false; // it may be

	// Whether an end is cut off on purpose, and both then end as they may.
	bool violent() const
	{
		return client.is_violent() || server.is_violent();
	}
};

// A segment in a line.
inline std::string text_of(const sl_seg &seg)
{
	static const char names[] = "FSRPAUEC";
	char line[160], flags[9] = {};
	unsigned n = 0;

	for (int i = 0; i < 8; i++)
		if (seg.flags >> i & 1)
			flags[n++] = names[i];
	snprintf(line, sizeof(line), "%u>%u %s seq %u ack %u wnd %u len %u sack %u", seg.src_port,
		 seg.dst_port, flags, seg.seq, seg.ack, seg.wnd, seg.payload_len, seg.n_sack);
	return line;
}

class World
{
      public:
	World(uint32_t seed, bool is_traced) : net(seed), calm(seed % 5 == 0), trace(is_traced)
	{
		net.watch = [this](Host *from, const std::vector<uint8_t> &packet) {
			sl_seg seg;
			if (sl_wire_parse_ip(packet.data(), static_cast<uint16_t>(packet.size()),
					     &seg) != SL_PARSED_TCP)
				return;
			if (trace)
				print(from, seg);
			sends(from, seg);
		};
	}
	virtual ~World() = default;
	World(const World &) = delete;

	void run()
	{
		const uint64_t limit = net.now + 24ull * 3600 * 1000000;

		while (!finished()) {
			act();
			for (const auto &host : hosts)
				check(host.get());
			check_between();
			must(net.now < limit, "does not come to an end: " + how_far());
			const uint64_t wake =
				any_unread() ? net.now + 20000 : std::min(limit, next_word());
			if (!net.step(std::min(wake, next_trouble())))
				pass(wake);
		}
		conclude();
	}

	Net net;

      protected:
	// Who waits for what.
	std::string how_far() const
	{
		std::string s;
		for (const Connection &c : connections)
			for (const End *e : {&c.client, &c.server})
				if (e->socket >= 0 && !e->has_left())
					s += "stream " + std::to_string(e->out_stream) + " gave " +
					     std::to_string(e->given) + " of " +
					     std::to_string(e->to_send) + ", got " +
					     std::to_string(e->got) + (e->shut ? ", shut" : "") +
					     (e->saw_end ? ", saw the end" : "") + " in " +
					     sl_tcp_state_name(
						     sl_socket_state(e->host->stack, e->socket)) +
					     "; ";
		return s;
	}

	// A host sends a segment.
	virtual void sends(Host *, const sl_seg &)
	{
	}

	// What must hold beside at every step.
	virtual void check_between()
	{
	}

	// Whether a connection may end with an error.
	virtual bool may_fail(const Connection &c) const = 0;

	void configure(sl_tcp_stack_config *c)
	{
		std::mt19937 &r = net.random;
		sl_tcp_options &o = c->options;

		c->n_connections = 8;
		c->n_sockets = 16;
		// Sometimes there is less memory than the windows promise.
		c->n_blocks = r() % 5 ? 2000 : 8 + r() % 40;
		c->mtu = static_cast<uint16_t>(r() % 3 ? 1500 : 576 + r() % 8000);
		o.receive_buffer = 300 + r() % (r() % 4 ? 100000 : 3000);
		o.send_buffer = 500 + r() % (r() % 4 ? 100000 : 3000);
		o.timestamps = r() % 2;
		o.sack = r() % 4;
		o.rack = r() % 4;
		o.wscale = static_cast<uint8_t>(r() % 16);
		o.no_delay = r() % 2;
		o.cc = static_cast<uint8_t>(r() % 2);
		// Who vanishes is not missed otherwise.
		o.keepalive = !calm || r() % 3 == 0;
		o.keepalive_ms = 60000;
		o.probe_interval_ms = 10000;
		o.probes = 60;
		o.delayed_ack_ms = r() % 150;
		o.r2_ms = 7200000; // a path this bad may be silent for long
		o.r2_syn_ms = 7200000;
		o.time_wait_ms = 60000;
		// Less than the RFC has it, and ACKs that are delayed may come too late.
		o.rto_min_ms = calm || r() % 2 ? 1000 : 200;
	}

	End make_end(Host *host, uint32_t out, uint32_t in)
	{
		std::mt19937 &r = net.random;
		End e;

		e.host = host;
		e.out_stream = out;
		e.in_stream = in;
		e.to_send = r() % 4 ? r() % (r() % 8 ? 20000 : 150000) : 0;
		e.chunk = 1 + r() % (r() % 2 ? 50000 : 500);
		e.laziness = r() % 2 ? 0 : r() % 99 / 100.0;
		if (e.chunk < 20) // a byte a second would be more than a day
			e.laziness = std::min(e.laziness, 0.8);
		e.leave = r() % 3 ? Leave::Shutdown : Leave::Close;
		// Long enough, now and then, for times to go round.
		if (e.to_send > 0 && r() % 16 == 0) {
			e.pause_at = r() % e.to_send;
			e.pause_us = r() % (r() % 2 ? 10000000u : 4200000000u);
		}
		if (!calm && r() % 12 == 0) {
			e.leave = r() % 2 ? Leave::Abort : Leave::Linger;
			e.leave_at = r() % 30000;
		}
		return e;
	}

	uint64_t next_trouble() const
	{
		return troubles.empty() ? UINT64_MAX : troubles.begin()->first;
	}

	// Until then nothing comes of itself: but a trouble, or a reader.
	void pass(uint64_t wake)
	{
		if (wake < next_trouble()) {
			net.pass(wake);
			return;
		}
		net.pass(next_trouble());
		const auto what = troubles.begin()->second;
		troubles.erase(troubles.begin());
		what();
	}

	// When somebody who is silent will speak again.
	uint64_t next_word() const
	{
		uint64_t next = UINT64_MAX;

		for (const Connection &c : connections)
			for (const End *e : {&c.client, &c.server})
				if (e->socket >= 0 && !e->has_left() && e->silent_until > net.now)
					next = std::min(next, e->silent_until);
		return next;
	}

	// Whether an application has yet to read, or to see that there is nothing more.
	bool any_unread() const
	{
		for (const Connection &c : connections)
			for (const End *e : {&c.client, &c.server})
				if (e->socket >= 0 && !e->has_left() && !e->saw_end &&
				    sl_socket_poll(e->host->stack, e->socket) & SL_SOCKET_READABLE)
					return true;
		return false;
	}

	bool finished() const
	{
		for (const Connection &c : connections)
			if (!c.client.has_left() || (c.accepted && !c.server.has_left()))
				return false;
		for (const auto &host : hosts)
			if (!host->gone && sl_tcp_stack_connections(host->stack) > 0)
				return false;
		return true;
	}

	void close(End *e, bool abort)
	{
		if (trace)
			printf("%" PRIu64 " end of stream %u %s\n", net.now, e->out_stream,
			       abort ? "aborts" : "closes");
		if (abort)
			sl_socket_abort(e->host->stack, e->socket);
		else
			sl_socket_close(e->host->stack, e->socket);
		e->closed = true;
	}

	void act(End *e)
	{
		sl_tcp_stack *stack = e->host->stack;

		if (e->socket < 0 || e->has_left())
			return;
		e->error = sl_socket_error(stack, e->socket);
		if (e->error != 0) {
			close(e, false);
			return;
		}
		send(e);
		if (net.chance() >= e->laziness)
			read(e);
		if (e->given + e->got >= e->leave_at && e->leave >= Leave::Abort) {
			if (e->leave == Leave::Linger)
				sl_socket_set(stack, e->socket, SL_SOCKET_LINGER_0, 1);
			close(e, e->leave == Leave::Abort);
			return;
		}
		if (e->given == e->to_send && !e->shut && may_shut(e)) {
			sl_socket_shutdown(stack, e->socket);
			e->shut = true;
		}
		// Whoever closes has read to the end, so that nothing is lost.
		if (e->given == e->to_send && e->saw_end)
			close(e, false);
	}

	// In SYN-SENT, with nothing to send, it would be the end: RFC 9293 section 3.10.4.
	static bool may_shut(const End *e)
	{
		return e->leave != Leave::Close &&
		       (e->to_send > 0 ||
			sl_socket_poll(e->host->stack, e->socket) & SL_SOCKET_CONNECTED);
	}

	void send(End *e)
	{
		sl_tcp_stack *stack = e->host->stack;
		uint8_t data[4096];

		while (e->given < e->to_send && net.now >= e->silent_until) {
			const uint32_t left = e->given < e->pause_at
						      ? std::min(e->to_send, e->pause_at) - e->given
						      : e->to_send - e->given;
			const uint32_t n = std::min<uint32_t>(sizeof(data), left);
			const bool urgent = net.chance() < 0.01;
			const unsigned ready = sl_socket_poll(stack, e->socket);
			if (ready & SL_SOCKET_CONNECTED && !(ready & SL_SOCKET_WRITABLE))
				break;
			for (uint32_t i = 0; i < n; i++)
				data[i] = byte_of(e->out_stream, e->given + i);
			const int64_t taken = sl_socket_send(stack, e->socket, data, n, urgent);
			if (taken <= 0)
				break;
			e->given += static_cast<uint32_t>(taken);
			if (e->given == e->pause_at)
				e->silent_until = net.now + e->pause_us;
		}
	}

	void read(End *e)
	{
		std::vector<uint8_t> data(e->chunk);
		const int64_t n =
			sl_socket_receive(e->host->stack, e->socket, data.data(), e->chunk);
		for (int64_t i = 0; i < n; i++)
			must(data[static_cast<size_t>(i)] ==
				     byte_of(e->in_stream, e->got + static_cast<uint32_t>(i)),
			     "stream " + std::to_string(e->in_stream) + " differs at byte " +
				     std::to_string(e->got + i));
		if (n > 0)
			e->got += static_cast<uint32_t>(n);
		if (n == 0)
			e->saw_end = true;
	}

	// The server's socket of a connection that has come; -1: none.
	static int accept(const Connection &c)
	{
		if (c.server_host->gone || c.listener < 0)
			return -1;
		return sl_socket_accept(c.server_host->stack, c.listener);
	}

	void act()
	{
		for (Connection &c : connections) {
			// A server that closes without shutdown waits for the client's end: one of
			// the two has to begin.
			if (c.client.leave == Leave::Close && c.server.leave == Leave::Close)
				c.client.leave = Leave::Shutdown;
			act(&c.client);
			const int s = accept(c);
			if (s >= 0 && c.accepted) {
				must(c.by_cookie || may_fail(c), "a connection comes twice");
				// A cookie was used twice, as the RST after the first was lost.
				sl_socket_abort(c.server_host->stack, s);
			} else if (s >= 0) {
				c.server.socket = s;
				c.accepted = true;
			}
			act(&c.server);
		}
	}

	void check(Host *host)
	{
		const sl_tcp_stack *stack = host->stack;
		uint64_t n = 0, armed = 0;

		if (host->gone)
			return;
		for (uint64_t state : stack->tcp.states) {
			must(state < 1000, "a gauge is below zero");
			n += state;
		}
		must(n == sl_flow_count(&stack->flow), "gauges and entries differ");
		for (uint32_t i = 0; i < sl_flow_capacity(&stack->flow); i++) {
			if (!sl_flow_in_use(&stack->flow, i))
				continue;
			const conn *c = conn_at(stack, i);
			armed += sl_wheel_armed(&c->timer);
			must(sl_wheel_armed(&c->timer) == (c->tcb.armed != 0),
			     "the wheel and a connection differ about its timers");
			check(&c->tcb);
		}
		must(armed == sl_wheel_count(&stack->wheel), "a timer is armed for nobody");
		must(stack->tcp.pool.n_free <= stack->config.n_blocks,
		     "more blocks than there are");
	}

	void check(const sl_tcb *t)
	{
		const bool waits = t->state == SL_TCP_SYN_SENT || t->state == SL_TCP_SYN_RECEIVED ||
				   (t->state != SL_TCP_CLOSED && t->snd_una != t->snd_max);

		must(!waits || t->armed >> SL_TCP_TIMER_SEND & 1,
		     std::string("no timer for what waits in ") +
			     sl_tcp_state_name(static_cast<sl_tcp_state>(t->state)));
		must(t->state != SL_TCP_TIME_WAIT || t->armed >> SL_TCP_TIMER_STATE & 1,
		     "TIME-WAIT without end");
		must(t->snd_max - t->snd_una < 1u << 31 && t->snd_nxt - t->snd_una < 1u << 31 &&
			     t->snd_max - t->snd_nxt < 1u << 31,
		     "SND.UNA, SND.NXT and the highest that was sent are out of order");
		must(t->cc.cwnd >= 1 || t->state == SL_TCP_CLOSED || t->snd_una == t->iss ||
			     t->smss == 0,
		     "no congestion window");
	}

	void conclude(const Connection &c) const
	{
		const bool failed = c.client.error != 0 || c.server.error != 0;

		// Without anybody's will nothing ends but in good order.
		must(!failed || may_fail(c), "connection " + std::to_string(c.number) +
						     " ended with error " +
						     std::to_string(c.client.error) + ", " +
						     std::to_string(c.server.error));
		must(failed || c.violent() ||
			     (c.server.got == c.client.to_send && c.client.got == c.server.to_send),
		     "a stream is not whole: " + std::to_string(c.server.got) + " of " +
			     std::to_string(c.client.to_send) + ", " +
			     std::to_string(c.client.got) + " of " +
			     std::to_string(c.server.to_send));
	}

	void conclude(const Host *host) const
	{
		const sl_tcp_stack *stack = host->stack;
		const sl_tcp_stack_counts &c = stack->counts;

		if (host->gone)
			return;
		must(stack->tcp.pool.n_free == stack->config.n_blocks, "blocks are lost");
		must(sl_wheel_count(&stack->wheel) == 0, "timers are left");
		must(c.in == c.to_connection + c.to_listener + c.cookies_sent + c.cookies_invalid +
				     c.icmp + c.reset + c.ignored + c.not_ours + c.malformed +
				     c.bad_checksum + c.backlog_full + c.table_full,
		     "the books do not balance");
		must(!calm || stack->tcp.counts.timeouts == 0 || small(),
		     "a timeout on a clean path");
		must(!calm || stack->tcp.counts.fast_recoveries == 0 || small(),
		     "a loss on a clean path");
	}

	// Somewhere a buffer is so small, or a reader so slow, that time passes without anybody's
	// fault.
	virtual bool small() const
	{
		for (const auto &host : hosts)
			if (host->config.n_blocks < 2000)
				return true;
		for (const Connection &c : connections)
			if (c.client.laziness > 0 || c.server.laziness > 0)
				return true;
		return false;
	}

	virtual void conclude()
	{
		for (const Connection &c : connections)
			conclude(c);
		for (const auto &host : hosts)
			conclude(host.get());
	}

	void print(Host *from, const sl_seg &seg) const
	{
		size_t who = 0;

		while (net.hosts[who] != from)
			who++;
		printf("%" PRIu64 " %c %s\n", net.now, static_cast<char>('a' + who),
		       text_of(seg).c_str());
	}

	std::vector<std::unique_ptr<Host>> hosts;
	std::deque<Connection> connections;
	std::multimap<uint64_t, std::function<void()>> troubles;
	const bool calm; // nothing is wrong with paths and ends
	const bool trace;
};

// Plays one seed. Returns what failed; empty: nothing.
template <typename W> std::string play(uint32_t seed, bool trace)
{
	try {
		W world(seed, trace);
		world.run();
	} catch (const Failed &f) {
		return f.what;
	}
	return "";
}

// The program: PROGRAM [--from SEED] [--seeds N] [--trace]
template <typename W> int sim_main(int argc, char **argv)
{
	uint32_t from = 0, seeds = 1000, failed = 0;
	bool trace = false;

	for (int i = 1; i < argc; i++) {
		const std::string arg = argv[i];
		if (arg == "--trace")
			trace = true;
		else if (arg == "--from" && i + 1 < argc)
			from = static_cast<uint32_t>(strtoul(argv[++i], nullptr, 10));
		else if (arg == "--seeds" && i + 1 < argc)
			seeds = static_cast<uint32_t>(strtoul(argv[++i], nullptr, 10));
		else {
			fprintf(stderr, "usage: %s [--from SEED] [--seeds N] [--trace]\n", argv[0]);
			return 2;
		}
	}
	const auto begun = std::chrono::steady_clock::now();
	for (uint32_t seed = from; seed != from + seeds; seed++) {
		const std::string what = play<W>(seed, trace);
		if (!what.empty()) {
			printf("seed %u: %s\n", seed, what.c_str());
			failed++;
		}
		if ((seed - from + 1) % 1000 == 0 && seeds > 1000) {
			fprintf(stderr, "%u of %u seeds, %u failed\n", seed - from + 1, seeds,
				failed);
		}
	}
	const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
	printf("%u seeds, %u failed, %.1f s\n", seeds, failed, took.count());
	return failed == 0 ? 0 : 1;
}

} // namespace sl_test

#endif
