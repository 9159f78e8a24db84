// SPDX-License-Identifier: BSD-3-Clause
//
// Simulation: two hosts with the TCP stack of lib/stack, a path between them that is as bad as the
// seed says, and applications at both. All of it in one process and virtual time; a seed gives the
// same run every time. What must hold: world.h.
//
//	sim [--from SEED] [--seeds N] [--trace]
//
// Prints what failed with its seed, and, last, how many seeds failed; exit 1 when one did.
#include "world.h"

using namespace sl_test;

namespace
{

class Pair : public World
{
      public:
	Pair(uint32_t seed, bool is_traced) : World(seed, is_traced)
	{
		std::mt19937 &r = net.random;
		const bool v6 = r() % 2;

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

      private:
	// Unless the ACK of a cookie, and all that followed, came after it had died.
	bool may_fail(const Connection &c) const override
	{
		return c.violent() || (c.by_cookie && !c.accepted) || missed(c.client, c.server) ||
		       missed(c.server, c.client);
	}

	// Whether the path was cut while an end waited for the ACK of its FIN, until the other, to
	// which nothing was left to be said, had gone from TIME-WAIT. The next FIN may come as long
	// after the cut as that was.
	bool missed(const End &e, const End &other) const
	{
		return cut_us > 60000000 / 3 && e.error == -ECONNRESET && e.shut &&
		       e.given == e.to_send && other.error == 0 && other.saw_end && other.closed;
	}

	void begin(unsigned i)
	{
		std::mt19937 &r = net.random;
		Connection c;
		Host *client = hosts[r() % 2].get();

		c.number = i;
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
		const uint16_t from = i == 0 && r() % 2 ? 40000 : 0;
		if (from != 0)
			wait_for_wrap(*client, from, *c.server_host, c.port);
		c.client.socket = client->connect(c.server_host->addr, c.port, from);
		// By cookie the client must speak first, or a lost ACK is never made up for.
		if (c.client.to_send == 0)
			c.client.to_send = 1;
		connections.push_back(c);
	}

	// Until an ISN, which grows by one in 4 us, is so near to 2^32 that the stream soon goes
	// beyond it: the client's, or the server's of a SYN that comes at once.
	void wait_for_wrap(const Host &client, uint16_t client_port, const Host &server,
			   uint16_t server_port)
	{
		std::mt19937 &r = net.random;
		const uint32_t isn = r() % 2 ? sl_tcp_isn(&client.tcp(), &client.addr, client_port,
							  &server.addr, server_port)
					     : sl_tcp_isn(&server.tcp(), &server.addr, server_port,
							  &client.addr, client_port) +
						       net.way.delay_us / 4;

		net.pass(net.now + 4ull * ((uint32_t)(0 - isn - r() % 5000)));
	}

	void plan_troubles()
	{
		std::mt19937 &r = net.random;
		const uint64_t span = 20000000;

		if (r() % 4 == 0) {
			const uint64_t at = net.now + r() % span;
			cut_us = r() % 100000000;
			troubles.emplace(at, [this] { net.way.cut = true; });
			troubles.emplace(at + cut_us, [this] { net.way.cut = false; });
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
			troubles.emplace(net.now + r() % span, [who] { who->gone = true; });
		}
	}

	uint64_t cut_us = 0; // how long the path is cut, once
};

} // namespace

int main(int argc, char **argv)
{
	return sim_main<Pair>(argc, argv);
}
