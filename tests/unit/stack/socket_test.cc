// SPDX-License-Identifier: BSD-3-Clause
// The stack and its sockets, from the outside: two hosts and the packets between them.
#include <gtest/gtest.h>

#include <cerrno>

#include "frame.h"
#include "host.h"
#include "icmp.h"

using namespace sl_test;

namespace
{

struct Parsed {
	Host *from;
	sl_seg seg;
	std::vector<uint8_t> packet;
};

class Sockets : public ::testing::TestWithParam<bool>
{
      protected:
	Sockets()
	    : net(1), a(&net, GetParam() ? "2001:db8::1" : "192.0.2.1"),
	      b(&net, GetParam() ? "2001:db8::2" : "192.0.2.2")
	{
		net.watch = [this](Host *from, const std::vector<uint8_t> &packet) {
			Parsed p = {from, {}, packet};
			ASSERT_EQ(sl_wire_parse_ip(packet.data(),
						   static_cast<uint16_t>(packet.size()), &p.seg),
				  SL_PARSED_TCP);
			sl_buf buf = {};
			buf.data = p.packet.data();
			buf.len = static_cast<uint16_t>(packet.size());
			ASSERT_TRUE(sl_wire_verify(&buf, &p.seg)) << "a bad checksum";
			seen.push_back(p);
		};
	}
	~Sockets() override
	{
		net.watch = nullptr;
	}

	// A connection from a to b, and its two sockets.
	void open(uint16_t port = 80)
	{
		if (listener < 0)
			listener = b.listen(port);
		ca = a.connect(b.addr, port);
		net.run_until([&] { return a.state(ca) == SL_TCP_ESTABLISHED; }, 10000000);
		net.run_until([&] { return (cb = sl_socket_accept(b.stack, listener)) >= 0; },
			      10000000);
		ASSERT_GE(cb, 0);
	}
	// Both have nothing left but the listener.
	void expect_clean()
	{
		net.run(300000000);
		for (Host *h : {&a, &b}) {
			EXPECT_EQ(sl_tcp_stack_connections(h->stack), 0u);
			EXPECT_EQ(h->tcp().pool.n_free, h->config.n_blocks);
			for (uint64_t n : h->tcp().states)
				EXPECT_EQ(n, 0u);
		}
	}

	// A socket of a's that connects from that port.
	int start_from(uint16_t port, uint16_t to = 80)
	{
		const int s = sl_socket_open(a.stack);
		sl_socket_set(a.stack, s, SL_SOCKET_REUSE_ADDRESS, 1);
		EXPECT_EQ(sl_socket_bind(a.stack, s, &a.addr, port), 0);
		EXPECT_EQ(sl_socket_connect(a.stack, s, &b.addr, to), -EINPROGRESS);
		return s;
	}
	void connect_from(uint16_t port)
	{
		ca = start_from(port);
		net.run(10000);
		cb = sl_socket_accept(b.stack, listener);
		ASSERT_GE(cb, 0);
		ASSERT_EQ(a.state(ca), SL_TCP_ESTABLISHED);
	}

	// b ends first, so TIME-WAIT is its.
	void close_both()
	{
		sl_socket_close(b.stack, cb);
		net.run(10000);
		sl_socket_close(a.stack, ca);
		net.run(10000);
	}

	// Somebody sends b a segment in the name of a. `seen` has the answers.
	void forge(uint16_t port, uint8_t flags, uint32_t seq, uint32_t ack, uint16_t from = 4000)
	{
		Frame f;
		f.src = GetParam() ? "2001:db8::1" : "192.0.2.1";
		f.dst = GetParam() ? "2001:db8::2" : "192.0.2.2";
		f.sport = from;
		f.dport = port;
		f.seq = seq;
		f.ack = ack;
		f.flags = flags;
		const Bytes packet = f.packet();
		seen.clear();
		sl_tcp_stack_input(b.stack, packet.data(), static_cast<uint16_t>(packet.size()),
				   net.now);
	}

	// A router tells a that a segment of its was administratively prohibited.
	void prohibit(uint8_t code, const sl_seg &seg)
	{
		Icmp error;
		error.about.src = GetParam() ? "2001:db8::1" : "192.0.2.1";
		error.about.dst = GetParam() ? "2001:db8::2" : "192.0.2.2";
		error.about.sport = seg.src_port;
		error.about.dport = seg.dst_port;
		error.about.seq = seg.seq;
		error.about.flags = seg.flags;
		error.type = GetParam() ? 1 : 3;
		error.code = code;
		const Bytes frame = error.bytes();
		sl_tcp_stack_input(a.stack, frame.data() + error.about.l3_off(),
				   static_cast<uint16_t>(frame.size() - error.about.l3_off()),
				   net.now);
	}

	Net net;
	Host a, b;
	std::vector<Parsed> seen;
	int listener = -1, ca = -1, cb = -1;
};

TEST_P(Sockets, ConnectSendReceiveClose)
{
	open();
	EXPECT_EQ(sl_socket_poll(a.stack, ca), SL_SOCKET_WRITABLE | SL_SOCKET_CONNECTED);
	EXPECT_EQ(a.send(ca, "request"), 7);
	net.run(10000);
	EXPECT_TRUE(sl_socket_poll(b.stack, cb) & SL_SOCKET_READABLE);
	EXPECT_EQ(b.receive(cb), "request");
	char c;
	EXPECT_EQ(sl_socket_receive(b.stack, cb, &c, 1), -EAGAIN);
	EXPECT_EQ(b.send(cb, "answer"), 6);
	EXPECT_EQ(sl_socket_close(b.stack, cb), 0);
	net.run(10000);
	EXPECT_EQ(a.receive(ca), "answer");
	EXPECT_EQ(sl_socket_receive(a.stack, ca, &c, 1), 0);
	EXPECT_EQ(a.state(ca), SL_TCP_CLOSE_WAIT);
	EXPECT_EQ(sl_socket_close(a.stack, ca), 0);
	expect_clean();
}

TEST_P(Sockets, AReadySocketIsNamedOnce)
{
	open();
	while (sl_socket_next_ready(a.stack) >= 0)
		;
	while (sl_socket_next_ready(b.stack) >= 0)
		;
	a.send(ca, "x");
	net.run(10000);
	EXPECT_EQ(sl_socket_next_ready(b.stack), cb);
	EXPECT_EQ(sl_socket_next_ready(b.stack), -1);
}

TEST_P(Sockets, NobodyListens)
{
	const int s = a.connect(b.addr, 99);
	net.run(100000);
	EXPECT_EQ(sl_socket_error(a.stack, s), -ECONNREFUSED);
	EXPECT_EQ(sl_socket_poll(a.stack, s), SL_SOCKET_READABLE | SL_SOCKET_ENDED);
	EXPECT_EQ(a.send(s, "x"), -ECONNREFUSED);
	sl_socket_close(a.stack, s);
	EXPECT_EQ(sl_tcp_stack_get_counts(b.stack)->reset, 1u);
	expect_clean();
}

// As Linux has it: a firewall that says so will not let the next SYN through either.
TEST_P(Sockets, ASynThatIsProhibitedIsGivenUp)
{
	RecordProperty("rfc", "9293 SHLD-26");
	const std::vector<uint8_t> codes =
		GetParam() ? std::vector<uint8_t>{1} : std::vector<uint8_t>{9, 10, 13};
	for (uint8_t code : codes) {
		seen.clear();
		ca = a.connect(b.addr, 80);
		ASSERT_FALSE(seen.empty());
		net.flight.clear();
		prohibit(code, seen[0].seg);
		EXPECT_EQ(a.state(ca), SL_TCP_CLOSED) << +code;
		EXPECT_EQ(sl_socket_error(a.stack, ca), -ECONNREFUSED);
		sl_socket_close(a.stack, ca);
	}
	// Of a connection that stands it may be a lie: RFC 5927 section 4.1.
	open();
	seen.clear();
	a.send(ca, "x");
	prohibit(codes[0], seen.at(0).seg);
	EXPECT_EQ(a.state(ca), SL_TCP_ESTABLISHED);
}

TEST_P(Sockets, NobodyIsThere)
{
	b.gone = true;
	const int s = a.connect(b.addr, 80);
	net.run(400000000);
	EXPECT_EQ(sl_socket_error(a.stack, s), -ETIMEDOUT);
	sl_socket_close(a.stack, s);
	b.gone = false;
	expect_clean();
}

TEST_P(Sockets, AnAbortIsAReset)
{
	open();
	sl_socket_abort(a.stack, ca);
	net.run(10000);
	char c;
	EXPECT_EQ(sl_socket_receive(b.stack, cb, &c, 1), -ECONNRESET);
	EXPECT_EQ(b.send(cb, "x"), -ECONNRESET);
	sl_socket_close(b.stack, cb);
	expect_clean();
}

TEST_P(Sockets, Linger0MakesCloseAReset)
{
	open();
	EXPECT_EQ(sl_socket_set(a.stack, ca, SL_SOCKET_LINGER_0, 1), 0);
	sl_socket_close(a.stack, ca);
	net.run(10000);
	EXPECT_EQ(sl_socket_error(b.stack, cb), -ECONNRESET);
	sl_socket_close(b.stack, cb);
	expect_clean();
}

TEST_P(Sockets, HalfClose)
{
	open();
	a.send(ca, "all of it");
	sl_socket_shutdown(a.stack, ca);
	EXPECT_EQ(a.send(ca, "x"), -EPIPE);
	net.run(10000);
	EXPECT_EQ(b.receive(cb), "all of it");
	char c;
	EXPECT_EQ(sl_socket_receive(b.stack, cb, &c, 1), 0);
	for (int i = 0; i < 3; i++) {
		b.send(cb, "reply");
		net.run(60000000);
		EXPECT_EQ(a.receive(ca), "reply");
	}
	EXPECT_EQ(a.state(ca), SL_TCP_FIN_WAIT_2);
	EXPECT_EQ(b.state(cb), SL_TCP_CLOSE_WAIT);
	sl_socket_close(b.stack, cb);
	net.run(10000);
	EXPECT_EQ(a.state(ca), SL_TCP_TIME_WAIT);
	sl_socket_close(a.stack, ca);
	expect_clean();
}

TEST_P(Sockets, SimultaneousOpen)
{
	RecordProperty("rfc", "9293 MUST-10");
	const int sa = sl_socket_open(a.stack), sb = sl_socket_open(b.stack);
	ASSERT_EQ(sl_socket_bind(a.stack, sa, &a.addr, 1000), 0);
	ASSERT_EQ(sl_socket_bind(b.stack, sb, &b.addr, 2000), 0);
	sl_socket_connect(a.stack, sa, &b.addr, 2000);
	sl_socket_connect(b.stack, sb, &a.addr, 1000);
	net.run(100000);
	EXPECT_EQ(a.state(sa), SL_TCP_ESTABLISHED);
	EXPECT_EQ(b.state(sb), SL_TCP_ESTABLISHED);
	a.send(sa, "hi");
	net.run(100000);
	EXPECT_EQ(b.receive(sb), "hi");
	sl_socket_close(a.stack, sa);
	sl_socket_close(b.stack, sb);
	net.run(1000);
	expect_clean();
}

// A bind to a port in TIME-WAIT fails; the option lifts it.
TEST_P(Sockets, BindWhileInTimeWait)
{
	open();
	close_both();
	EXPECT_EQ(b.tcp().states[SL_TCP_TIME_WAIT], 1u);
	sl_socket_close(b.stack, listener);
	const int s = sl_socket_open(b.stack);
	EXPECT_EQ(sl_socket_bind(b.stack, s, nullptr, 80), -EADDRINUSE);
	EXPECT_EQ(sl_socket_set(b.stack, s, SL_SOCKET_REUSE_ADDRESS, 1), 0);
	EXPECT_EQ(sl_socket_bind(b.stack, s, nullptr, 80), 0);
	EXPECT_EQ(sl_socket_listen(b.stack, s, 1), 0);
	listener = s;
	open();
	a.send(ca, "again");
	net.run(10000);
	EXPECT_EQ(b.receive(cb), "again");
	sl_socket_close(a.stack, ca);
	sl_socket_close(b.stack, cb);
	expect_clean();
}

TEST_P(Sockets, TwoListenersOnePortTwoAddresses)
{
	RecordProperty("rfc", "9293 MUST-41, 9293 MUST-42");
	Net n(1);
	Host h(&n, GetParam() ? "2001:db8::2" : "192.0.2.2",
	       [](sl_tcp_stack_config *c) { c->addrs[c->n_addrs++] = host_addr("192.0.2.3"); });
	const int one = sl_socket_open(h.stack), two = sl_socket_open(h.stack),
		  three = sl_socket_open(h.stack);
	EXPECT_EQ(sl_socket_bind(h.stack, one, &h.config.addrs[0], 80), 0);
	EXPECT_EQ(sl_socket_bind(h.stack, two, &h.config.addrs[1], 80), 0);
	EXPECT_EQ(sl_socket_bind(h.stack, three, &h.config.addrs[1], 80), -EADDRINUSE);
	EXPECT_EQ(sl_socket_listen(h.stack, one, 1), 0);
	EXPECT_EQ(sl_socket_listen(h.stack, two, 1), 0);
}

TEST_P(Sockets, AddressesAreChecked)
{
	RecordProperty("rfc", "9293 MUST-43, 9293 MUST-44, 9293 MUST-45, 9293 MUST-46");
	const int s = sl_socket_open(a.stack);
	EXPECT_EQ(sl_socket_bind(a.stack, s, &b.addr, 80), -EADDRNOTAVAIL);
	for (const char *bad : {"255.255.255.255", "224.0.0.1", "ff02::1", "0.0.0.0", "::"}) {
		const sl_addr to = host_addr(bad);
		EXPECT_EQ(sl_socket_connect(a.stack, s, &to, 80), -EADDRNOTAVAIL) << bad;
	}
	const sl_addr other = host_addr(GetParam() ? "192.0.2.9" : "2001:db8::9");
	EXPECT_EQ(sl_socket_connect(a.stack, s, &other, 80), -EADDRNOTAVAIL) << "no such family";
	EXPECT_EQ(sl_socket_connect(a.stack, s, &b.addr, 80), -EINPROGRESS);
	sl_socket_info info;
	ASSERT_EQ(sl_socket_get_info(a.stack, s, &info), 0);
	EXPECT_TRUE(sl_addr_equal(&info.local, &a.addr));
	sl_socket_close(a.stack, s);
}

TEST_P(Sockets, WhatIsNotForUsIsIgnored)
{
	RecordProperty("rfc", "9293 MUST-57, 9293 MUST-63, 9293 MUST-3");
	open();
	seen.clear();
	a.send(ca, "x");
	ASSERT_FALSE(seen.empty());
	std::vector<uint8_t> packet = seen.front().packet;
	net.flight.clear();
	seen.clear();
	const size_t src = GetParam() ? 8 : 12, dst = GetParam() ? 24 : 16;
	const auto before = *sl_tcp_stack_get_counts(b.stack);
	const sl_addr multicast = host_addr(GetParam() ? "ff02::1" : "224.0.0.1");
	const size_t n = GetParam() ? 16 : 4;
	// From and to a multicast address; with a wrong checksum.
	for (size_t at : {src, dst, size_t(0)}) {
		std::vector<uint8_t> bad = packet;
		if (at == 0)
			bad.at(bad.size() - 1) ^= 1;
		else
			memcpy(&bad[at], multicast.b + 16 - n, n);
		sl_tcp_stack_input(b.stack, bad.data(), static_cast<uint16_t>(bad.size()), net.now);
	}
	const auto &after = *sl_tcp_stack_get_counts(b.stack);
	EXPECT_EQ(after.to_connection, before.to_connection);
	EXPECT_EQ(after.in, before.in + 3);
	EXPECT_TRUE(seen.empty());
	EXPECT_EQ(b.receive(cb), "");
	net.run(10000000); // the RTO brings it after all
	EXPECT_EQ(b.receive(cb), "x");
}

TEST_P(Sockets, TheBacklogIsBounded)
{
	listener = b.listen(80, 3);
	std::vector<int> clients;
	for (int i = 0; i < 5; i++)
		clients.push_back(a.connect(b.addr, 80));
	net.run(500000);
	EXPECT_EQ(b.tcp().states[SL_TCP_ESTABLISHED], 3u);
	EXPECT_GE(sl_tcp_stack_get_counts(b.stack)->backlog_full, 2u);
	for (int i = 0; i < 3; i++)
		EXPECT_GE(sl_socket_accept(b.stack, listener), 0);
	EXPECT_EQ(sl_socket_accept(b.stack, listener), -EAGAIN);
	net.run(3000000);
	EXPECT_EQ(b.tcp().states[SL_TCP_ESTABLISHED], 5u) << "they tried again";
	for (int c : clients)
		sl_socket_abort(a.stack, c);
}

TEST_P(Sockets, ACloseOfTheListenerResetsThoseThatNobodyAccepted)
{
	listener = b.listen(80, 3);
	ca = a.connect(b.addr, 80);
	net.run(10000);
	sl_socket_close(b.stack, listener);
	net.run(10000);
	EXPECT_EQ(sl_socket_error(a.stack, ca), -ECONNRESET);
	sl_socket_close(a.stack, ca);
	expect_clean();
}

TEST_P(Sockets, AConnectionThatEndsBeforeItIsAcceptedIsForgotten)
{
	listener = b.listen(80, 3);
	std::vector<int> clients;
	for (int i = 0; i < 3; i++)
		clients.push_back(a.connect(b.addr, 80));
	net.run(10000);
	sl_socket_abort(a.stack, clients[1]);
	net.run(10000);
	EXPECT_GE(sl_socket_accept(b.stack, listener), 0);
	EXPECT_GE(sl_socket_accept(b.stack, listener), 0);
	EXPECT_EQ(sl_socket_accept(b.stack, listener), -EAGAIN);
}

// ---- Cookies

TEST_P(Sockets, ByCookieNothingIsKeptUntilTheAck)
{
	listener = b.listen(80);
	ASSERT_EQ(sl_socket_set(b.stack, listener, SL_SOCKET_COOKIES, SL_SOCKET_COOKIES_ALWAYS), 0);
	ca = a.connect(b.addr, 80);
	net.run(1500);
	EXPECT_EQ(sl_tcp_stack_connections(b.stack), 0u);
	net.run(2000);
	cb = sl_socket_accept(b.stack, listener);
	ASSERT_GE(cb, 0);
	sl_socket_info ia, ib;
	ASSERT_EQ(sl_socket_get_info(a.stack, ca, &ia), 0);
	ASSERT_EQ(sl_socket_get_info(b.stack, cb, &ib), 0);
	EXPECT_TRUE(ib.tcp.timestamps);
	EXPECT_TRUE(ib.tcp.sack);
	EXPECT_EQ(ib.tcp.snd_wscale, ia.tcp.rcv_wscale);
	EXPECT_EQ(ib.tcp.rcv_wscale, ia.tcp.snd_wscale);
	const std::string data(100000, 'x');
	std::string got;
	size_t given = 0;
	net.run_until(
		[&] {
			const int64_t n = a.send(ca, data.substr(given));
			given += n > 0 ? static_cast<size_t>(n) : 0;
			got += b.receive(cb);
			return got.size() == data.size();
		},
		10000000);
	EXPECT_EQ(got.size(), data.size());
	EXPECT_EQ(a.tcp().counts.retransmitted, 0u);
	sl_socket_close(a.stack, ca);
	net.run(10000);
	sl_socket_close(b.stack, cb);
	expect_clean();
}

TEST_P(Sockets, ByCookieWithoutOptions)
{
	listener = b.listen(80);
	sl_socket_set(b.stack, listener, SL_SOCKET_COOKIES, SL_SOCKET_COOKIES_ALWAYS);
	ca = sl_socket_open(a.stack);
	sl_socket_set(a.stack, ca, SL_SOCKET_TIMESTAMPS, 0);
	sl_socket_set(a.stack, ca, SL_SOCKET_SACK, 0);
	sl_socket_set(a.stack, ca, SL_SOCKET_WSCALE, SL_NO_WSCALE);
	sl_socket_set(a.stack, ca, SL_SOCKET_MSS, 1000);
	sl_socket_connect(a.stack, ca, &b.addr, 80);
	net.run(10000);
	cb = sl_socket_accept(b.stack, listener);
	ASSERT_GE(cb, 0);
	sl_socket_info info;
	sl_socket_get_info(b.stack, cb, &info);
	EXPECT_FALSE(info.tcp.timestamps);
	EXPECT_FALSE(info.tcp.sack);
	EXPECT_EQ(info.tcp.snd_wscale, 0);
	EXPECT_LE(info.tcp.mss, 1000);
	b.send(cb, "hello");
	net.run(10000);
	EXPECT_EQ(a.receive(ca), "hello");
}

TEST_P(Sockets, ALostAckOfACookieIsMadeUpForByData)
{
	listener = b.listen(80);
	sl_socket_set(b.stack, listener, SL_SOCKET_COOKIES, SL_SOCKET_COOKIES_ALWAYS);
	ca = a.connect(b.addr, 80);
	net.run(2000); // the SYN-ACK has come
	EXPECT_EQ(a.state(ca), SL_TCP_ESTABLISHED);
	net.flight.clear();
	a.send(ca, "request");
	net.run(10000);
	cb = sl_socket_accept(b.stack, listener);
	ASSERT_GE(cb, 0);
	EXPECT_EQ(b.receive(cb), "request");
}

TEST_P(Sockets, CookiesTakeOverWhenTheBacklogIsFull)
{
	listener = b.listen(80, 2);
	sl_socket_set(b.stack, listener, SL_SOCKET_COOKIES, SL_SOCKET_COOKIES_AUTO);
	// A flood: SYNs of nobody.
	for (uint16_t i = 0; i < 100; i++) {
		const int s = a.connect(b.addr, 80);
		ASSERT_GE(s, 0);
		// Never heard of again.
		net.run(1500);
		net.flight.clear();
		sl_socket_abort(a.stack, s);
	}
	EXPECT_EQ(sl_tcp_stack_connections(b.stack), 2u);
	EXPECT_GE(sl_tcp_stack_get_counts(b.stack)->cookies_sent, 98u);
}

TEST_P(Sockets, AnAckThatIsNoCookieOpensNothingAndBringsNothing)
{
	listener = b.listen(80);
	sl_socket_set(b.stack, listener, SL_SOCKET_COOKIES, SL_SOCKET_COOKIES_ALWAYS);
	ca = a.connect(b.addr, 80);
	net.run(2000);
	ASSERT_EQ(a.state(ca), SL_TCP_ESTABLISHED);
	// The ACK is lost, and of the data the second segment comes first.
	net.flight.clear();
	seen.clear();
	sl_socket_set(a.stack, ca, SL_SOCKET_NO_DELAY, 1);
	a.send(ca, std::string(2500, 'x'));
	ASSERT_EQ(seen.size(), 2u);
	net.flight.clear();
	auto inject = [&](const Parsed &p) {
		sl_tcp_stack_input(b.stack, p.packet.data(), static_cast<uint16_t>(p.packet.size()),
				   net.now);
	};
	const auto packets = seen;
	seen.clear();
	inject(packets[1]);
	EXPECT_EQ(sl_tcp_stack_connections(b.stack), 0u);
	EXPECT_TRUE(seen.empty()) << "a RST would end an honest client";
	inject(packets[0]);
	EXPECT_EQ(sl_tcp_stack_connections(b.stack), 1u);
	net.run(10000000);
	cb = sl_socket_accept(b.stack, listener);
	EXPECT_EQ(b.receive(cb).size(), 2500u);
	// Nobody sends cookies for so long: what comes now is nobody's.
	sl_socket_abort(a.stack, ca);
	net.run(200000000);
	seen.clear();
	inject(packets[0]);
	ASSERT_EQ(seen.size(), 1u);
	EXPECT_EQ(seen[0].seg.flags, SL_RST);
}

// ---- Flags that no stack sends

TEST_P(Sockets, FlagsThatNoStackSendsAreAnsweredByAClosedPort)
{
	RecordProperty("rfc", "9293 3.10.7.1");
	for (uint8_t flags : {0, SL_FIN + 0, SL_FIN | SL_PSH | SL_URG, SL_SYN | SL_FIN}) {
		forge(99, flags, 1000, 0);
		ASSERT_EQ(seen.size(), 1u) << +flags;
		EXPECT_EQ(seen[0].seg.flags, SL_RST | SL_ACK);
		EXPECT_EQ(seen[0].seg.seq, 0u);
		EXPECT_EQ(seen[0].seg.ack, 1000u + !!(flags & SL_SYN) + !!(flags & SL_FIN));
	}
	forge(99, SL_SYN | SL_FIN | SL_ACK, 1000, 77);
	ASSERT_EQ(seen.size(), 1u);
	EXPECT_EQ(seen[0].seg.flags, SL_RST);
	EXPECT_EQ(seen[0].seg.seq, 77u);
	for (uint8_t flags : {SL_SYN | SL_RST, SL_FIN | SL_RST}) {
		forge(99, flags, 1000, 0);
		EXPECT_TRUE(seen.empty()) << +flags;
	}
}

TEST_P(Sockets, FlagsThatNoStackSendsOpenNothing)
{
	RecordProperty("rfc", "9293 3.10.7.2");
	for (uint32_t cookies : {SL_SOCKET_COOKIES_NEVER + 0u, SL_SOCKET_COOKIES_ALWAYS + 0u}) {
		const uint16_t port = static_cast<uint16_t>(80 + cookies);
		listener = b.listen(port);
		sl_socket_set(b.stack, listener, SL_SOCKET_COOKIES, cookies);
		for (uint8_t flags : {0, SL_FIN + 0, SL_FIN | SL_PSH | SL_URG, SL_SYN | SL_FIN,
				      SL_SYN | SL_RST, SL_SYN | SL_FIN | SL_RST}) {
			forge(port, flags, 1000, 0);
			EXPECT_TRUE(seen.empty()) << +flags;
		}
	}
	EXPECT_EQ(sl_tcp_stack_connections(b.stack), 0u);
	EXPECT_EQ(sl_tcp_stack_get_counts(b.stack)->ignored, 12u);
	EXPECT_EQ(sl_tcp_stack_get_counts(b.stack)->malformed, 0u);
}

TEST_P(Sockets, ASynWithFinInAConnectionThatStandsBringsAChallenge)
{
	RecordProperty("rfc", "5961 4.2");
	open();
	net.flight.clear();
	sl_socket_info info;
	ASSERT_EQ(sl_socket_get_info(b.stack, cb, &info), 0);
	forge(80, SL_SYN | SL_FIN, 1000, 0, info.remote_port);
	ASSERT_EQ(seen.size(), 1u);
	EXPECT_EQ(seen[0].seg.flags, SL_ACK);
	forge(80, SL_FIN, seen[0].seg.ack, 0, info.remote_port);
	EXPECT_TRUE(seen.empty());
	EXPECT_EQ(b.state(cb), SL_TCP_ESTABLISHED);
}

// ---- TIME-WAIT

TEST_P(Sockets, ANewSynTakesThePlaceOfOneInTimeWait)
{
	RecordProperty("rfc", "9293 MAY-2, 6191 2");
	listener = b.listen(80);
	for (int i = 0; i < 5; i++) {
		connect_from(5000);
		close_both();
		EXPECT_EQ(b.tcp().states[SL_TCP_TIME_WAIT], 1u);
	}
	expect_clean();
}

// The user may hold a socket longer than its tuple.
TEST_P(Sockets, ANewSynTakesThePlaceOfOneInTimeWaitThatItsUserHolds)
{
	RecordProperty("rfc", "9293 MAY-2, 9293 3.6.1");
	listener = b.listen(80);
	connect_from(5000);
	a.send(ca, "tail");
	sl_socket_shutdown(b.stack, cb);
	net.run(10000);
	sl_socket_close(a.stack, ca);
	net.run(10000);
	ASSERT_EQ(b.state(cb), SL_TCP_TIME_WAIT);
	while (sl_socket_next_ready(b.stack) >= 0)
		;
	const int old = cb;
	connect_from(5000);
	EXPECT_EQ(sl_socket_next_ready(b.stack), old);
	EXPECT_EQ(b.state(old), SL_TCP_CLOSED);
	EXPECT_EQ(sl_socket_error(b.stack, old), 0);
	EXPECT_EQ(b.receive(old), "tail");
	char c;
	EXPECT_EQ(sl_socket_receive(b.stack, old, &c, 1), 0);
	a.send(ca, "new");
	net.run(10000);
	EXPECT_EQ(b.receive(cb), "new");
	EXPECT_EQ(sl_socket_close(b.stack, old), 0);
	sl_socket_close(a.stack, ca);
	sl_socket_close(b.stack, cb);
	expect_clean();
}

TEST_P(Sockets, ANewSynInTimeWaitThatNobodyWantsBringsAChallenge)
{
	RecordProperty("rfc", "5961 4.2");
	listener = b.listen(80);
	connect_from(5000);
	close_both();
	ASSERT_EQ(b.tcp().states[SL_TCP_TIME_WAIT], 1u);
	sl_socket_close(b.stack, listener);
	seen.clear();
	ca = start_from(5000);
	net.run(1500);
	// Its SYN, the challenge; the RST that follows is ignored: RFC 1337.
	ASSERT_GE(seen.size(), 2u);
	EXPECT_EQ(seen[1].from, &b);
	EXPECT_EQ(seen[1].seg.flags, SL_ACK);
	net.run(10000);
	EXPECT_EQ(b.tcp().states[SL_TCP_TIME_WAIT], 1u);
	EXPECT_EQ(a.state(ca), SL_TCP_SYN_SENT);
}

TEST_P(Sockets, AConnectionThatIsOverLeavesItsTupleToTheNext)
{
	RecordProperty("rfc", "9293 3.10.7.2");
	listener = b.listen(80);
	for (int i = 0; i < 3; i++) {
		connect_from(5000);
		const int old = cb;
		sl_socket_abort(a.stack, ca);
		net.run(10000);
		ASSERT_EQ(b.state(old), SL_TCP_CLOSED); // and its user has not closed it
		EXPECT_EQ(sl_socket_error(b.stack, old), -ECONNRESET);
	}
	// The same way out: a socket that is over holds no port against a new one.
	for (int i = 0; i < 2; i++) {
		const int s = start_from(6000, 99);
		net.run(10000);
		EXPECT_EQ(sl_socket_error(a.stack, s), -ECONNREFUSED);
	}
	EXPECT_EQ(sl_tcp_stack_connections(b.stack), 3u);
	for (int s = 0; s < 64; s++) {
		sl_socket_close(a.stack, s);
		sl_socket_close(b.stack, s);
	}
	expect_clean();
}

// A cookie can't say where the old connection's numbers ended.
TEST_P(Sockets, ByCookieTheNextIsnIsAboveThoseOfOneInTimeWait)
{
	RecordProperty("rfc", "9293 MAY-2, 9293 3.4.3");
	listener = b.listen(80);
	sl_socket_set(b.stack, listener, SL_SOCKET_COOKIES, SL_SOCKET_COOKIES_ALWAYS);
	uint32_t end = 0;
	for (int i = 0; i < 8; i++) {
		seen.clear();
		ca = start_from(5000);
		net.run(1500);
		const Parsed syn_ack = seen.at(1);
		ASSERT_EQ(syn_ack.seg.flags, SL_SYN | SL_ACK);
		if (i > 0) {
			EXPECT_TRUE(sl_seq_gt(syn_ack.seg.seq, end));
			EXPECT_LT(syn_ack.seg.seq - end, 1u << 25);
			// Nothing has gone yet, and the SYN again gets the same answer.
			EXPECT_EQ(b.tcp().states[SL_TCP_TIME_WAIT], 1u);
			sl_tcp_stack_input(b.stack, seen[0].packet.data(),
					   static_cast<uint16_t>(seen[0].packet.size()), net.now);
			EXPECT_EQ(seen.back().seg.seq, syn_ack.seg.seq);
		}
		net.run(10000);
		cb = sl_socket_accept(b.stack, listener);
		ASSERT_GE(cb, 0) << i;
		EXPECT_EQ(b.tcp().states[SL_TCP_TIME_WAIT], 0u);
		a.send(ca, std::string(500, 'x'));
		net.run(100000);
		EXPECT_EQ(b.receive(cb).size(), 500u);
		seen.clear();
		sl_socket_close(b.stack, cb);
		end = seen.at(0).seg.seq + sl_seg_len(&seen[0].seg);
		net.run(10000);
		sl_socket_close(a.stack, ca);
		net.run(10000);
		EXPECT_EQ(b.tcp().states[SL_TCP_TIME_WAIT], 1u);
	}
	expect_clean();
}

// Nobody has proved anything by a SYN: what it was answered stands beside the old connection.
TEST_P(Sockets, ByCookieASynDestroysNothingInTimeWait)
{
	RecordProperty("rfc", "9293 MAY-2");
	listener = b.listen(80);
	sl_socket_set(b.stack, listener, SL_SOCKET_COOKIES, SL_SOCKET_COOKIES_ALWAYS);
	connect_from(5000);
	close_both();
	ca = start_from(5000); // its SYN-ACK is lost
	net.run(1500);
	net.flight.clear();
	ASSERT_GE(seen.size(), 2u);
	const uint32_t isn = seen[seen.size() - 2].seg.seq, iss = seen.back().seg.seq;
	forge(80, SL_ACK, isn + 1, iss + 2, 5000); // a wrong guess
	forge(80, SL_ACK, isn + 2, iss + 1, 5000);
	EXPECT_EQ(b.tcp().states[SL_TCP_TIME_WAIT], 1u);
	EXPECT_EQ(sl_tcp_stack_connections(b.stack), 1u);
	net.run(3000000); // the SYN again
	EXPECT_EQ(a.state(ca), SL_TCP_ESTABLISHED);
	EXPECT_EQ(b.tcp().states[SL_TCP_TIME_WAIT], 0u);
}

// Where there is no room for it, the next SYN is to find what the ISN has to be above.
TEST_P(Sockets, OneInTimeWaitStaysWhileTheBacklogIsFull)
{
	RecordProperty("rfc", "9293 MAY-2, 9293 3.4.3");
	listener = b.listen(80, 1);
	connect_from(5000);
	close_both();
	ASSERT_EQ(b.tcp().states[SL_TCP_TIME_WAIT], 1u);
	a.connect(b.addr, 80); // nobody accepts it
	net.run(10000);
	seen.clear();
	ca = start_from(5000);
	net.run(10000);
	EXPECT_EQ(b.tcp().states[SL_TCP_TIME_WAIT], 1u);
	EXPECT_EQ(a.state(ca), SL_TCP_SYN_SENT);
	ASSERT_GE(seen.size(), 2u);
	EXPECT_EQ(seen[1].seg.flags, SL_ACK) << "a challenge";
	ASSERT_GE(sl_socket_accept(b.stack, listener), 0);
	net.run(5000000);
	EXPECT_EQ(b.tcp().states[SL_TCP_TIME_WAIT], 0u);
	EXPECT_EQ(a.state(ca), SL_TCP_ESTABLISHED);
}

// ---- Options

TEST_P(Sockets, TtlAndDscpAreAsTheyWereSet)
{
	RecordProperty("rfc", "9293 MUST-48, 9293 MUST-49, 9293 SHLD-22");
	listener = b.listen(80);
	ca = sl_socket_open(a.stack);
	EXPECT_EQ(sl_socket_set(a.stack, ca, SL_SOCKET_TTL, 5), 0);
	EXPECT_EQ(sl_socket_set(a.stack, ca, SL_SOCKET_DSCP, 46), 0);
	EXPECT_EQ(sl_socket_set(a.stack, ca, SL_SOCKET_TTL, 0), -EINVAL);
	EXPECT_EQ(sl_socket_set(a.stack, ca, SL_SOCKET_DSCP, 64), -EINVAL);
	sl_socket_connect(a.stack, ca, &b.addr, 80);
	const std::vector<uint8_t> p = seen.at(0).packet;
	EXPECT_EQ(p[GetParam() ? 7 : 8], 5);
	EXPECT_EQ(GetParam() ? (sl_load_be16(p.data()) >> 6 & 63) : p[1] >> 2, 46);
	// And while the connection stands.
	net.run(10000);
	ASSERT_EQ(a.state(ca), SL_TCP_ESTABLISHED);
	EXPECT_EQ(sl_socket_set(a.stack, ca, SL_SOCKET_DSCP, 10), 0);
	seen.clear();
	a.send(ca, "x");
	const std::vector<uint8_t> &q = seen.at(0).packet;
	EXPECT_EQ(GetParam() ? (sl_load_be16(q.data()) >> 6 & 63) : q[1] >> 2, 10);
}

TEST_P(Sockets, OptionsOfTheHandshakeCantBeChangedLater)
{
	open();
	EXPECT_EQ(sl_socket_set(a.stack, ca, SL_SOCKET_MSS, 500), -EINVAL);
	EXPECT_EQ(sl_socket_set(a.stack, ca, SL_SOCKET_NO_DELAY, 1), 0);
	EXPECT_EQ(sl_socket_set(a.stack, 60, SL_SOCKET_NO_DELAY, 1), -EBADF);
}

TEST_P(Sockets, KeepaliveCanBeSwitchedOnLater)
{
	open();
	sl_socket_set(a.stack, ca, SL_SOCKET_KEEPALIVE_MS, 10000);
	sl_socket_set(a.stack, ca, SL_SOCKET_KEEPALIVE, 1);
	net.run(100000000);
	EXPECT_GE(a.tcp().counts.keepalives, 9u);
	EXPECT_EQ(a.state(ca), SL_TCP_ESTABLISHED);
	b.gone = true;
	net.run(10000000 + 10ull * 75000000);
	EXPECT_EQ(sl_socket_error(a.stack, ca), -ETIMEDOUT);
}

TEST_P(Sockets, UrgentDataIsSeenAhead)
{
	RecordProperty("rfc", "9293 MUST-33");
	open();
	EXPECT_EQ(sl_socket_send(a.stack, ca, "abc!", 4, true), 4);
	net.run(10000);
	EXPECT_TRUE(sl_socket_poll(b.stack, cb) & SL_SOCKET_URGENT);
	sl_socket_info info;
	ASSERT_EQ(sl_socket_get_info(b.stack, cb, &info), 0);
	EXPECT_EQ(info.urgent_left, 4u);
	EXPECT_EQ(b.receive(cb, 3), "abc");
	ASSERT_EQ(sl_socket_get_info(b.stack, cb, &info), 0);
	EXPECT_EQ(info.urgent_left, 1u);
	EXPECT_EQ(b.receive(cb), "!");
	EXPECT_FALSE(sl_socket_poll(b.stack, cb) & SL_SOCKET_URGENT);
}

// The path carries less than the hosts believe.
TEST_P(Sockets, PathMtu)
{
	net.way.mtu = 1300;
	open();
	std::string got;
	const std::string data(50000, 'm');
	EXPECT_EQ(a.send(ca, data), 50000);
	net.run_until(
		[&] {
			got += b.receive(cb);
			return got.size() == data.size();
		},
		5000000);
	EXPECT_EQ(got, data);
	sl_socket_info info;
	sl_socket_get_info(a.stack, ca, &info);
	EXPECT_LE(info.tcp.mss, 1300 - (GetParam() ? 60 : 40) - 12);
	EXPECT_EQ(a.tcp().counts.timeouts, 0u);
}

TEST_P(Sockets, BulkOnACleanPathIsSentOnce)
{
	open();
	const std::string data(3000000, 'z');
	std::string got;
	size_t given = 0;
	net.run_until(
		[&] {
			const int64_t n = a.send(ca, data.substr(given, 100000));
			given += n > 0 ? static_cast<size_t>(n) : 0;
			got += b.receive(cb);
			return got.size() == data.size();
		},
		1000000000);
	EXPECT_EQ(got.size(), data.size());
	EXPECT_EQ(a.tcp().counts.retransmitted, 0u);
	EXPECT_EQ(b.tcp().counts.out_of_order, 0u);
}

TEST_P(Sockets, TheBooksBalance)
{
	RecordProperty("rfc", "9293 MUST-2, 9293 MUST-3");
	net.way.damage = 0.2;
	net.way.loss = 0.05;
	listener = b.listen(80);
	for (int i = 0; i < 20; i++) {
		ca = a.connect(b.addr, i % 3 ? 80 : 81);
		a.send(ca, "data");
		net.run(3000000);
		cb = sl_socket_accept(b.stack, listener);
		if (cb >= 0)
			sl_socket_close(b.stack, cb);
		sl_socket_close(a.stack, ca);
	}
	for (Host *h : {&a, &b}) {
		const auto &c = *sl_tcp_stack_get_counts(h->stack);
		EXPECT_EQ(c.in, c.to_connection + c.to_listener + c.cookies_sent +
					c.cookies_invalid + c.icmp + c.reset + c.ignored +
					c.not_ours + c.malformed + c.bad_checksum + c.backlog_full +
					c.table_full);
		EXPECT_GT(c.malformed + c.bad_checksum, 0u);
	}
}

TEST_P(Sockets, WithoutSocketsNothingIsAccepted)
{
	Host c(&net, GetParam() ? "2001:db8::3" : "192.0.2.3", [](sl_tcp_stack_config *config) {
		config->n_sockets = 2;
		config->n_connections = 2;
	});
	const int l = c.listen(80);
	std::vector<int> clients;
	for (int i = 0; i < 4; i++)
		clients.push_back(a.connect(c.addr, 80));
	net.run(100000);
	EXPECT_EQ(sl_tcp_stack_connections(c.stack), 2u);
	EXPECT_GT(sl_tcp_stack_get_counts(c.stack)->table_full, 0u);
	const int one = sl_socket_accept(c.stack, l);
	EXPECT_GE(one, 0);
	EXPECT_EQ(sl_socket_accept(c.stack, l), -ENFILE);
	sl_socket_abort(c.stack, one);
	EXPECT_GE(sl_socket_accept(c.stack, l), 0);
}

// One connection has taken all blocks that there are to send with: the other is told when there are
// some again.
TEST_P(Sockets, WhoFoundNoBlockIsToldWhenThereAreSome)
{
	Host few(&net, GetParam() ? "2001:db8::9" : "192.0.2.9",
		 [](sl_tcp_stack_config *c) { c->n_blocks = 32; });
	listener = b.listen(80);
	const int one = few.connect(b.addr, 80), other = few.connect(b.addr, 80);
	net.run(1000000);
	const std::string much(200000, 'x');
	sl_socket_set(few.stack, one, SL_SOCKET_SEND_BUFFER, 200000);
	net.way.cut = true;
	EXPECT_LT(few.send(one, much), 200000);
	EXPECT_EQ(few.send(other, "x"), -EAGAIN);
	EXPECT_EQ(sl_socket_poll(few.stack, other) & SL_SOCKET_WRITABLE, 0u);
	while (sl_socket_next_ready(few.stack) >= 0)
		;
	net.way.cut = false;
	bool told = false;
	net.run_until(
		[&] {
			for (int s; (s = sl_socket_next_ready(few.stack)) >= 0;)
				told = told || s == other;
			return told;
		},
		60000000);
	EXPECT_TRUE(told);
	EXPECT_NE(sl_socket_poll(few.stack, other) & SL_SOCKET_WRITABLE, 0u);
	EXPECT_EQ(few.send(other, "x"), 1);
}

INSTANTIATE_TEST_SUITE_P(Over, Sockets, ::testing::Bool(),
			 [](const auto &p) { return p.param ? "Ipv6" : "Ipv4"; });

TEST(Config, IsChecked)
{
	Net net(1);
	const auto with = [&](const std::function<void(sl_tcp_stack_config *)> &change) {
		return [&net, change] { Host h(&net, "192.0.2.1", change); };
	};
	EXPECT_NO_THROW(with([](sl_tcp_stack_config *) {})());
	EXPECT_THROW(with([](sl_tcp_stack_config *c) { c->mtu = 500; })(), std::invalid_argument);
	EXPECT_THROW(with([](sl_tcp_stack_config *c) { c->n_blocks = 0; })(),
		     std::invalid_argument);
	EXPECT_THROW(with([](sl_tcp_stack_config *c) { c->n_addrs = 9; })(), std::invalid_argument);
	EXPECT_THROW(with([](sl_tcp_stack_config *c) { c->transmit = nullptr; })(),
		     std::invalid_argument);
}

} // namespace
