// SPDX-License-Identifier: BSD-3-Clause
// A whole box without packets: two fake workers, two ports, a link, two services, and the control
// thread that runs them. What the tests of control, rpc and sluicectl share.
#ifndef BOX_H
#define BOX_H

#include "fake_worker.h"
#include "sl_control.h"

#include <cstdio>

#include <cstdlib>
#include <gtest/gtest.h>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <unistd.h>

inline struct sl_addr addr_of(const char *text)
{
	struct sl_addr a;
	EXPECT_EQ(sl_addr_parse(&a, text), 0) << text;
	return a;
}

class Box
{
      public:
	static constexpr unsigned kWorkers = 2;

	/// `n_blocks`: stream buffers a worker, for a few connections of its own.
	explicit Box(uint32_t n_connections = 1024, uint32_t n_blocks = 0)
	{
		static const uint8_t master[16] = {7};
		uint8_t table_secret[SL_FLOW_SECRET_BYTES];
		struct sl_cookie_ring ring;

		std::mt19937 random(1);

		for (auto &byte : table_secret)
			byte = (uint8_t)random();
		strcpy(dir, "/tmp/sluice-test-XXXXXX");
		EXPECT_NE(mkdtemp(dir), nullptr);
		make_services();
		strcpy(plan->links[0].name, "edge");
		plan->links[0].port[SL_OUTSIDE] = 0;
		plan->links[0].port[SL_INSIDE] = 1;
		plan->links[0].mtu = 1500;
		plan->n_links = 1;
		for (uint16_t i = 0; i < 2; i++) {
			struct sl_port_counters c = {};
			ports[i].ethdev = i;
			snprintf(ports[i].name, sizeof(ports[i].name), "net_fake%u", i);
			strcpy(ports[i].driver, "fake");
			ports[i].n_queues = kWorkers;
			c.link_up = c.present = true;
			fake_port_set(i, &c);
		}
		sl_cookie_ring_init(&ring, master, 0, 0);
		for (unsigned i = 0; i < kWorkers; i++) {
			struct sl_pipeline_config p = {};
			p.plan = plan.get();
			p.n_connections = n_connections;
			p.n_held = 16;
			p.n_endpoints = n_blocks > 0 ? 4 : 0;
			p.n_blocks = n_blocks;
			p.high_water = 90;
			p.table_secret = table_secret;
			p.ring = &ring;
			workers[i] = fake_worker_create(i + 1, &p);
		}
		setup.workers = workers;
		setup.n_workers = kWorkers;
		setup.ports = ports;
		setup.n_ports = 2;
		setup.plan = plan.get();
		setup.config_path = "/etc/sluice.conf";
		setup.dpdk_version = "DPDK none";
	}

	~Box()
	{
		for (auto *w : workers)
			fake_worker_destroy(w);
		rmdir(dir);
	}

	std::string path(const char *name) const
	{
		return std::string(dir) + "/" + name;
	}

	struct sl_worker *workers[kWorkers];
	std::unique_ptr<sl_plan> plan{new sl_plan()};
	struct sl_port ports[2] = {};
	struct sl_control_config setup = {};
	char dir[64];

      private:
	void make_services()
	{
		struct sl_service s[2] = {};
		const struct sl_limits limits = {10000,   60000, 7200000, 75000, 60000,
						 3600000, 30000, 60000,   9};

		strcpy(s[0].name, "web");
		s[0].net = addr_of("192.0.2.2");
		s[0].prefix_len = 128;
		s[0].port_lo = s[0].port_hi = 80;
		s[0].mode = SL_MODE_SPLICE;
		s[0].cookies = SL_COOKIES_ALWAYS;
		s[0].wscale = 7;
		strcpy(s[1].name, "lab");
		s[1].net = addr_of("2001:db8:2::");
		s[1].prefix_len = 64;
		s[1].port_lo = 8000;
		s[1].port_hi = 8010;
		s[1].mode = SL_MODE_PASS;
		for (auto &one : s) {
			one.limits = limits;
			one.adopt_for_ms = 60000;
			one.adopt_rate = 1000;
		}
		sl_service_table_init(&plan->services, s, 2);
	}
};

// A connection on each of its workers: service 1 over IPv4, 2 over IPv6.
inline void connect_two(Box &box)
{
	const struct fake_connection c[] = {
		{"198.51.100.7",
		 "192.0.2.2",
		 40001,
		 80,
		 1,
		 {SL_TCP_ESTABLISHED, SL_TCP_ESTABLISHED},
		 {3, 2},
		 {100, 5000000}},
		{"2001:db8:1::7",
		 "2001:db8:2::5",
		 40003,
		 8001,
		 2,
		 {SL_TCP_CLOSE_WAIT, SL_TCP_FIN_WAIT_2},
		 {4, 5},
		 {6, 7}},
	};

	for (unsigned i = 0; i < 2; i++)
		fake_worker_connect(box.workers[i], &c[i]);
}

// The control thread of a box. Workers stop before it is destroyed, as its header wants.
class Control
{
      public:
	explicit Control(Box &of) : box(of)
	{
		char error[256] = "";
		c = sl_control_create(&box.setup, error, sizeof(error));
		EXPECT_NE(c, nullptr) << error;
	}

	~Control()
	{
		stop();
		for (auto *w : box.workers)
			fake_worker_stop(w);
		sl_control_destroy(c);
	}

	void start()
	{
		thread = std::thread([this] { EXPECT_EQ(sl_control_run(c), 0); });
	}

	void stop()
	{
		if (thread.joinable()) {
			sl_control_stop(c);
			thread.join();
		}
	}

	Box &box;
	struct sl_control *c;
	std::thread thread;
};

#endif
