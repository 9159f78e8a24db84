// SPDX-License-Identifier: BSD-3-Clause
//
// Hosts that run the TCP stack (lib/stack), and a path between them that is as bad as a test wants
// it: packets are lost, come twice, out of order, late or damaged, and are too long for it. Virtual
// time, and all chance from one seed: a run can be repeated. Something may stand between the hosts;
// then each has a cable of its own to it, which is as bad as the test wants that one.
//
//	sl_test::Net net(seed);
//	sl_test::Host a(&net, "192.0.2.1"), b(&net, "192.0.2.2");
//	net.way.loss = 0.02;
//	... a.connect(b.addr, 80) ...
//	net.run_until([&] { return done; }, 60 * 1000000);
//
#ifndef TESTS_SUPPORT_HOST_H
#define TESTS_SUPPORT_HOST_H

#include <algorithm>
#include <cstring>
#include <map>
#include <vector>

#include "own_stack.h"

extern "C" {
#include "sl_bytes.h"
#include "sl_cksum.h"
#include "sl_wire.h"
}

namespace sl_test
{

class Host;

/// How packets fare; probabilities, and microseconds.
struct Way {
	double loss = 0, repeat = 0, reorder = 0, damage = 0;
	uint64_t delay_us = 1000;
	uint32_t mtu = 9216;         ///< longer ones are dropped, and their sender is told
	bool tells = true;           ///< ... by ICMP
	bool cut = false;            ///< nothing passes
	uint32_t frame = UINT32_MAX; ///< longer ones are dropped, and nobody is told
};

/// What stands between hosts: all that they send comes here.
class Between
{
      public:
	virtual ~Between() = default;
	virtual void input(Host *from, const std::vector<uint8_t> &packet) = 0;
	virtual void run(uint64_t now) = 0;
	virtual uint64_t next_deadline() const = 0;
};

/// What is under way on the cable of a host: to it, or away from it to what stands between.
struct Flight {
	Host *host;
	bool away;
	std::vector<uint8_t> packet;
};

class Net
{
      public:
	explicit Net(uint32_t seed) : random(seed)
	{
	}

	double chance()
	{
		return std::uniform_real_distribution<>(0, 1)(random);
	}
	uint32_t below(uint32_t n)
	{
		return static_cast<uint32_t>(random() % n);
	}

	/// A host sends.
	void take(Host *from, const uint8_t *packet, uint16_t len);
	/// What stands between sends to a host.
	void give(Host *to, const std::vector<uint8_t> &packet);
	/// The host that has the packet's destination; nullptr: none.
	Host *host_of(const std::vector<uint8_t> &packet) const;

	/// The next event. Returns false when nothing will ever happen any more.
	bool step(uint64_t end = UINT64_MAX);
	bool run_until(const std::function<bool()> &done, uint64_t within_us)
	{
		const uint64_t end = now + within_us;
		while (!done())
			if (!step(end))
				return done();
		return true;
	}
	void run(uint64_t us)
	{
		const uint64_t end = now + us;
		while (step(end))
			;
		pass(end);
	}
	/// It is so late now, for all hosts.
	void pass(uint64_t until);

	uint64_t now = 1000000;
	std::mt19937 random;
	Way way;
	std::vector<Host *> hosts;
	Between *between = nullptr;
	std::multimap<uint64_t, Flight> flight;
	uint64_t lost = 0, repeated = 0, damaged = 0, too_big = 0;
	/// Sees every packet that is sent: (who, packet).
	std::function<void(Host *, const std::vector<uint8_t> &)> watch;
	/// Likewise every packet that comes to a host.
	std::function<void(Host *, const std::vector<uint8_t> &)> hear;

      private:
	bool passes(const Way &on, const Flight &back);
	void fly(const Way &on, const Flight &f);
	void tell_too_big(const Way &on, const Flight &back);
	void land();
};

class Host : public Stack
{
      public:
	Host(Net *of, const std::string &address, const Configure &configure = {})
	    : Stack(address, of->now, &of->random, configure), way(&of->way), net(of)
	{
		net->hosts.push_back(this);
	}

	int listen(uint16_t port, uint32_t backlog = 16)
	{
		const int s = sl_socket_open(stack);
		if (s >= 0 && sl_socket_bind(stack, s, nullptr, port) == 0)
			sl_socket_listen(stack, s, backlog);
		return s;
	}
	/// `from`: a port of its own; 0: any.
	int connect(const sl_addr &to, uint16_t port, uint16_t from = 0)
	{
		const int s = sl_socket_open(stack);
		if (from != 0)
			sl_socket_bind(stack, s, nullptr, from);
		sl_socket_connect(stack, s, &to, port);
		return s;
	}

	Way *way;          ///< its cable, where something stands between
	bool gone = false; ///< it hears nothing, says nothing, and its time stands still

      private:
	void transmit(const uint8_t *packet, uint16_t len) override
	{
		net->take(this, packet, len);
	}

	Net *net;
};

inline Host *Net::host_of(const std::vector<uint8_t> &packet) const
{
	sl_addr to = {};

	if (packet[0] >> 4 == 6 && packet.size() >= 40)
		memcpy(to.b, packet.data() + 24, 16);
	else if (packet.size() >= 20)
		sl_addr_set_v4(&to, packet.data() + 16);
	for (Host *host : hosts)
		if (sl_addr_equal(&host->addr, &to))
			return host;
	return nullptr;
}

inline void Net::take(Host *from, const uint8_t *packet, uint16_t len)
{
	const std::vector<uint8_t> bytes(packet, packet + len);

	if (watch)
		watch(from, bytes);
	if (!passes(*from->way, {from, false, bytes}))
		return;
	Host *to = between != nullptr ? from : host_of(bytes);
	if (to != nullptr)
		fly(*from->way, {to, between != nullptr, bytes});
}

inline void Net::give(Host *to, const std::vector<uint8_t> &packet)
{
	if (passes(*to->way, {to, true, packet}))
		fly(*to->way, {to, false, packet});
}

/// Whether a packet gets through; `back` is the way to who sent it.
inline bool Net::passes(const Way &on, const Flight &back)
{
	if (on.cut || chance() < on.loss) {
		lost++;
		return false;
	}
	if (back.packet.size() <= std::min(on.mtu, on.frame))
		return true;
	too_big++;
	if (on.tells && back.packet.size() > on.mtu)
		tell_too_big(on, back);
	return false;
}

inline void Net::fly(const Way &on, const Flight &f)
{
	int copies = 1;

	if (chance() < on.repeat) {
		copies++;
		repeated++;
	}
	for (; copies > 0; copies--) {
		Flight copy = f;
		uint64_t at = now + on.delay_us;
		if (chance() < on.reorder)
			at += random() % (3 * on.delay_us + 1);
		if (chance() < on.damage) {
			damaged++;
			copy.packet[random() % copy.packet.size()] ^=
				static_cast<uint8_t>(1 + random() % 255);
			if (random() % 4 == 0)
				copy.packet.resize(random() % copy.packet.size() + 1);
		}
		flight.emplace(at, copy);
	}
}

// What a router says to whom sends too much: RFC 1191, RFC 4443.
inline void Net::tell_too_big(const Way &on, const Flight &back)
{
	const std::vector<uint8_t> &packet = back.packet;
	std::vector<uint8_t> icmp;
	const bool v6 = packet[0] >> 4 == 6;
	const size_t header = v6 ? 40 : 20;
	const size_t quoted = std::min<size_t>(packet.size(), v6 ? 600 : 68);

	icmp.resize(header + 8);
	uint8_t *p = icmp.data();
	if (v6) {
		p[0] = 0x60;
		sl_store_be16(p + 4, static_cast<uint16_t>(8 + quoted));
		p[6] = 58;
		p[7] = 64;
		const sl_addr router = host_addr("2001:db8:1::1");
		memcpy(p + 8, router.b, 16);
		memcpy(p + 24, packet.data() + 8, 16);
		p[40] = 2;
		sl_store_be32(p + 44, on.mtu);
	} else {
		p[0] = 0x45;
		sl_store_be16(p + 2, static_cast<uint16_t>(28 + quoted));
		p[8] = 64;
		p[9] = 1;
		const sl_addr router = host_addr("203.0.113.1");
		memcpy(p + 12, router.b + 12, 4);
		memcpy(p + 16, packet.data() + 12, 4);
		const uint16_t sum = sl_cksum_finish(sl_cksum_add(0, p, 20));
		memcpy(p + 10, &sum, 2);
		p[20] = 3;
		p[21] = 4;
		sl_store_be16(p + 26, static_cast<uint16_t>(on.mtu));
	}
	icmp.insert(icmp.end(), packet.begin(), packet.begin() + static_cast<long>(quoted));
	p = icmp.data();
	uint64_t sum = sl_cksum_add(0, p + header, icmp.size() - header);
	if (v6) {
		sum += sl_cksum_fold(sl_cksum_add(0, p + 8, 32));
		uint8_t tail[8] = {};
		sl_store_be32(tail, static_cast<uint32_t>(icmp.size() - header));
		tail[7] = 58;
		sum += sl_cksum_fold(sl_cksum_add(0, tail, 8));
	}
	const uint16_t cksum = sl_cksum_finish(sum);
	memcpy(p + header + 2, &cksum, 2);
	flight.emplace(now + on.delay_us, Flight{back.host, back.away, icmp});
}

inline void Net::pass(uint64_t until)
{
	now = std::max(now, until);
	for (Host *host : hosts)
		if (!host->gone)
			sl_tcp_stack_run(host->stack, now);
	if (between != nullptr)
		between->run(now);
}

/// The first of what is under way has come.
inline void Net::land()
{
	const auto [host, away, packet] = flight.begin()->second;

	flight.erase(flight.begin());
	if (away) {
		between->input(host, packet);
		return;
	}
	if (host->gone)
		return;
	if (hear)
		hear(host, packet);
	// In memory of its own length, so that a byte too many is seen.
	const std::unique_ptr<uint8_t[]> copy(new uint8_t[packet.size()]);
	memcpy(copy.get(), packet.data(), packet.size());
	sl_tcp_stack_input(host->stack, copy.get(), static_cast<uint16_t>(packet.size()), now);
}

inline bool Net::step(uint64_t end)
{
	uint64_t next = flight.empty() ? UINT64_MAX : flight.begin()->first;

	for (Host *host : hosts)
		if (!host->gone)
			next = std::min(next, sl_tcp_stack_next_deadline(host->stack));
	if (between != nullptr)
		next = std::min(next, between->next_deadline());
	if (next > end || next == UINT64_MAX)
		return false;
	pass(next);
	if (!flight.empty() && flight.begin()->first <= now)
		land();
	return true;
}

} // namespace sl_test

#endif
