// SPDX-License-Identifier: BSD-3-Clause
//
// Simulation: two hosts with the TCP stack of lib/stack, a path between them that is as bad as the
// seed says, and applications that send, read slowly, close in every order, abort, or vanish. All
// of it in one process and virtual time; a seed gives the same run every time.
//
//	sim [--from SEED] [--seeds N] [--trace]
//
// What must hold at every step: what has been delivered is the beginning of what was sent; every
// connection stands in one state and all of them are entries of the table; what waits for an answer
// has a timer, and no timer is armed for nobody. (That states follow one another as in RFC 9293 is
// asserted where they change.) In the end, unless an end was cut off on purpose: every stream has
// come whole, and everything is closed and freed.
//
// Prints what failed with its seed, and, last, how many seeds failed; exit 1 when one did.
#include <algorithm>
#include <cerrno>
#include <cinttypes>
#include <chrono>
#include <cstdio>

#include "host.h"

extern "C" {
#include "stack.h"
}

using namespace sl_test;

namespace
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

uint8_t byte_of(uint32_t stream, uint32_t at)
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
	bool shut = false, closed = false, saw_end = false;
	int error = 0;
};

struct Connection {
	Host *server_host;
	uint16_t port;
	int listener;
	End client, server;
	bool accepted = false;
	bool by_cookie = false; // it may be
};

class World
{
      public:
	World(uint32_t seed, bool trace) : net(seed), trace(trace)
	{
		std::mt19937 &r = net.random;
		const bool v6 = r() % 2;

		calm = seed % 5 == 0;
		if (!calm) {
			net.way.loss = r() % 3 ? r() % 25 / 100.0 : 0;
			net.way.repeat = r() % 3 ? 0 : r() % 20 / 100.0;
			net.way.reorder = r() % 2 ? 0 : r() % 40 / 100.0;
			net.way.damage = r() % 4 ? 0 : r() % 10 / 100.0;
		}
		net.way.delay_us = 50 + r() % (r() % 3 ? 20000 : 300000);
		for (int i = 0; i < 2; i++)
			hosts.push_back(std::make_unique<Host>(
				&net,
				v6 ? (i ? "2001:db8::2" : "2001:db8::1")
				   : (i ? "192.0.2.2" : "192.0.2.1"),
				[&](sl_tcp_stack_config *c) { configure(c); }));
		const unsigned n = 1 + r() % 3;
		for (unsigned i = 0; i < n; i++)
			begin(i);
		if (!calm)
			plan_troubles();
	}

	void run()
	{
		const uint64_t limit = net.now + 24ull * 3600 * 1000000;

		while (!finished()) {
			act();
			check();
			must(net.now < limit, "does not come to an end");
			const uint64_t wake = any_unread() ? net.now + 20000 : limit;
			if (!net.step(std::min(wake, next_trouble())))
				pass(wake);
		}
		conclude();
	}

	Net net;

      private:
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
		e.leave = r() % 3 ? Leave::Shutdown : Leave::Close;
		if (!calm && r() % 12 == 0) {
			e.leave = r() % 2 ? Leave::Abort : Leave::Linger;
			e.leave_at = r() % 30000;
			violent = true;
		}
		return e;
	}

	void begin(unsigned i)
	{
		std::mt19937 &r = net.random;
		Connection c;
		Host *client = hosts[r() % 2].get();

		c.server_host = client == hosts[0].get() ? hosts[1].get() : hosts[0].get();
		c.port = static_cast<uint16_t>(80 + i);
		c.listener = c.server_host->listen(c.port, 4);
		const unsigned cookies = r() % 3;
		c.by_cookie = cookies != SL_SOCKET_COOKIES_NEVER;
		sl_socket_set(c.server_host->stack, c.listener, SL_SOCKET_COOKIES, cookies);
		c.client = make_end(client, 2 * i, 2 * i + 1);
		c.server = make_end(c.server_host, 2 * i + 1, 2 * i);
		// A close by an end that has not read all is a reset: it reads to the end first, or
		// it is as good as an abort.
		c.client.socket = client->connect(c.server_host->addr, c.port);
		// By cookie the client must speak first, or a lost ACK is never made up for.
		if (c.client.to_send == 0)
			c.client.to_send = 1;
		connections.push_back(c);
	}

	void plan_troubles()
	{
		std::mt19937 &r = net.random;
		const uint64_t span = 20000000;

		if (r() % 4 == 0) {
			const uint64_t at = net.now + r() % span;
			troubles.emplace(at, [this] { net.way.cut = true; });
			troubles.emplace(at + r() % 100000000, [this] { net.way.cut = false; });
		}
		if (r() % 3 == 0) {
			net.way.mtu = 9216;
			for (int i = 0; i < 3; i++) {
				const uint32_t mtu = 1280 + r() % 8000;
				troubles.emplace(net.now + r() % span,
						 [this, mtu] { net.way.mtu = mtu; });
			}
		}
		if (r() % 10 == 0) {
			Host *who = hosts[r() % 2].get();
			troubles.emplace(net.now + r() % span, [this, who] {
				who->gone = true;
				violent = true;
			});
		}
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

	// Whether an application has yet to read, or to see that there is nothing more.
	bool any_unread() const
	{
		for (const Connection &c : connections)
			for (const End *e : {&c.client, &c.server})
				if (e->socket >= 0 && !has_left(*e) && !e->saw_end &&
				    sl_socket_poll(e->host->stack, e->socket) & SL_SOCKET_READABLE)
					return true;
		return false;
	}

	bool has_left(const End &e) const
	{
		return e.closed || e.host->gone;
	}

	bool finished() const
	{
		for (const Connection &c : connections)
			if (!has_left(c.client) || (c.accepted && !has_left(c.server)))
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

		if (e->socket < 0 || has_left(*e))
			return;
		e->error = sl_socket_error(stack, e->socket);
		if (e->error != 0) {
			close(e, false);
			return;
		}
		while (e->given < e->to_send) {
			uint8_t data[4096];
			const uint32_t n = std::min<uint32_t>(sizeof(data), e->to_send - e->given);
			for (uint32_t i = 0; i < n; i++)
				data[i] = byte_of(e->out_stream, e->given + i);
			const int64_t taken =
				sl_socket_send(stack, e->socket, data, n, net.chance() < 0.01);
			if (taken <= 0)
				break;
			e->given += static_cast<uint32_t>(taken);
		}
		if (net.chance() >= e->laziness)
			read(e);
		if (e->given + e->got >= e->leave_at && e->leave >= Leave::Abort) {
			if (e->leave == Leave::Linger)
				sl_socket_set(stack, e->socket, SL_SOCKET_LINGER_0, 1);
			close(e, e->leave == Leave::Abort);
			return;
		}
		if (e->given == e->to_send && !e->shut && e->leave != Leave::Close) {
			sl_socket_shutdown(stack, e->socket);
			e->shut = true;
		}
		// Whoever closes has read to the end, so that nothing is lost.
		if (e->given == e->to_send && e->saw_end)
			close(e, false);
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

	void act()
	{
		for (Connection &c : connections) {
			// A server that closes without shutdown waits for the client's end: one of
			// the two has to begin.
			if (c.client.leave == Leave::Close && c.server.leave == Leave::Close)
				c.client.leave = Leave::Shutdown;
			act(&c.client);
			const int s = c.server_host->gone
					      ? -1
					      : sl_socket_accept(c.server_host->stack, c.listener);
			if (s >= 0 && c.accepted) {
				// A cookie was used twice, as the RST after the first was lost.
				sl_socket_abort(c.server_host->stack, s);
			} else if (s >= 0) {
				c.server.socket = s;
				c.accepted = true;
			}
			act(&c.server);
		}
	}

	void check()
	{
		for (const auto &host : hosts)
			check(host.get());
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

	void conclude()
	{
		for (const Connection &c : connections) {
			const bool cut_off = violent || c.client.error != 0 || c.server.error != 0;

			// Without anybody's will nothing ends but in good order: unless the ACK of
			// a cookie, and all that followed, came after it had died.
			must(violent || (c.by_cookie && !c.accepted) ||
				     (c.client.error == 0 && c.server.error == 0),
			     "ended with error " + std::to_string(c.client.error) + ", " +
				     std::to_string(c.server.error));
			if (cut_off)
				continue;
			must(c.server.got == c.client.to_send && c.client.got == c.server.to_send,
			     "a stream is not whole: " + std::to_string(c.server.got) + " of " +
				     std::to_string(c.client.to_send) + ", " +
				     std::to_string(c.client.got) + " of " +
				     std::to_string(c.server.to_send));
		}
		for (const auto &host : hosts) {
			if (host->gone)
				continue;
			const sl_tcp_stack *stack = host->stack;
			must(stack->tcp.pool.n_free == stack->config.n_blocks, "blocks are lost");
			must(sl_wheel_count(&stack->wheel) == 0, "timers are left");
			const sl_tcp_stack_counts &c = stack->counts;
			must(c.in == c.to_connection + c.to_listener + c.cookies_sent +
					     c.cookies_invalid + c.icmp + c.reset + c.ignored +
					     c.not_ours + c.malformed + c.bad_checksum +
					     c.backlog_full + c.table_full,
			     "the books do not balance");
		}
		if (calm)
			for (const auto &host : hosts)
				must(host->stack->tcp.counts.timeouts == 0 ||
					     host->config.n_blocks < 2000 || small(),
				     "a timeout on a clean path");
	}

	// Somewhere a buffer is so small, or a reader so slow, that time passes without anybody's
	// fault.
	bool small() const
	{
		for (const auto &host : hosts)
			if (host->config.n_blocks < 2000)
				return true;
		for (const Connection &c : connections)
			if (c.client.laziness > 0 || c.server.laziness > 0)
				return true;
		return false;
	}

	std::vector<std::unique_ptr<Host>> hosts;
	std::vector<Connection> connections;
	std::multimap<uint64_t, std::function<void()>> troubles;
	bool calm = false, violent = false, trace;
};

std::string flags_of(const sl_seg &seg)
{
	static const char names[] = "FSRPAUEC";
	std::string s;
	for (int i = 0; i < 8; i++)
		if (seg.flags >> i & 1)
			s += names[i];
	return s;
}

// Returns what failed; empty: nothing.
std::string run(uint32_t seed, bool trace)
{
	World world(seed, trace);
	if (trace)
		world.net.watch = [&](Host *from, const std::vector<uint8_t> &packet) {
			sl_seg seg;
			if (sl_wire_parse_ip(packet.data(), static_cast<uint16_t>(packet.size()),
					     &seg) == SL_PARSED_TCP)
				printf("%" PRIu64
				       " %s %u>%u %s seq %u ack %u wnd %u len %u sack %u\n",
				       world.net.now, from == world.net.hosts[0] ? "a" : "b",
				       seg.src_port, seg.dst_port, flags_of(seg).c_str(), seg.seq,
				       seg.ack, seg.wnd, seg.payload_len, seg.n_sack);
		};
	try {
		world.run();
	} catch (const Failed &f) {
		return f.what;
	}
	return "";
}

} // namespace

int main(int argc, char **argv)
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
			fprintf(stderr, "usage: sim [--from SEED] [--seeds N] [--trace]\n");
			return 2;
		}
	}
	const auto begun = std::chrono::steady_clock::now();
	for (uint32_t seed = from; seed != from + seeds; seed++) {
		const std::string what = run(seed, trace);
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
