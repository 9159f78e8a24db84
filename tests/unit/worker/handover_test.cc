// SPDX-License-Identifier: BSD-3-Clause
//
// Workers on threads of EAL's, between two ports made of rings: no rights, no hugepages, no NIC.
#include <gtest/gtest.h>

#include "frame.h"
#include "icmp.h"
#include "sl_handover.h"
#include "sl_worker.h"

#include <rte_eal.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_ring.h>

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <map>
#include <set>
#include <utility>

namespace
{

using namespace sl_test;

enum : uint16_t { kTracked = 80, kPassed = 81 };

struct Eal : testing::Environment {
	void SetUp() override
	{
		cpu_set_t mine;
		int cpu = 0;
		ASSERT_EQ(sched_getaffinity(0, sizeof(mine), &mine), 0);
		while (!CPU_ISSET(cpu, &mine))
			cpu++;
		const std::string at = "@" + std::to_string(cpu);
		std::vector<std::string> args = {"unit_worker",
						 "--no-huge",
						 "--no-shconf",
						 "--no-pci",
						 "--no-telemetry",
						 "--log-level=error",
						 "-m",
						 "192",
						 "--lcores=0" + at + ",1" + at + ",2" + at};
		std::vector<char *> argv;
		for (std::string &a : args)
			argv.push_back(&a[0]);
		ASSERT_GE(rte_eal_init(static_cast<int>(argv.size()), argv.data()), 0);
	}

	void TearDown() override
	{
		rte_eal_cleanup();
	}
};

const auto *const environment = testing::AddGlobalTestEnvironment(new Eal);

struct Handover : testing::Test {
	~Handover() override
	{
		for (unsigned i = 0; i < running; i++)
			sl_worker_stop(worker[i]);
		for (sl_worker *w : worker)
			sl_worker_destroy(w);
		sl_handover_destroy(handover);
		for (unsigned p = 0; p < 2; p++) {
			rte_eth_dev_stop(ethdev[p]);
			rte_eth_dev_close(ethdev[p]);
			received(p);
			for (unsigned q = 0; q < 2; q++) {
				rte_ring_free(in[p][q]);
				rte_ring_free(out[p][q]);
			}
		}
		EXPECT_EQ(rte_mempool_in_use_count(pool), 0u) << "a packet is lost";
		rte_mempool_free(pool);
	}

	/// Two workers and their ports, whose transmit queues take `tx` packets; `n` of them run.
	/// Each has a queue of its own when the NICs spread.
	void start(unsigned n = 2, unsigned tx = 4096, bool by_nic = false)
	{
		const uint8_t secret[16] = {7, 1, 7, 2};
		char error[256];
		pool = rte_pktmbuf_pool_create("packets", 16383, 0, SL_WORKER_PRIV_BYTES,
					       2048 + RTE_PKTMBUF_HEADROOM, SOCKET_ID_ANY);
		ASSERT_NE(pool, nullptr);
		for (unsigned p = 0; p < 2; p++)
			open_port(p, tx, by_nic ? 2 : 1);
		ASSERT_FALSE(HasFatalFailure());
		make_plan();
		handover = sl_handover_create(2, 2, by_nic, secret, error, sizeof(error));
		ASSERT_NE(handover, nullptr) << error;
		for (unsigned i = 0; i < 2; i++)
			make_worker(i);
		ASSERT_FALSE(HasFatalFailure());
		for (; running < n; running++)
			ASSERT_EQ(sl_worker_start(worker[running]), 0);
	}

	void open_port(unsigned p, unsigned tx, uint16_t n_queues)
	{
		static unsigned n_opened; // DPDK does not give a name out twice
		const std::string name = "port" + std::to_string(n_opened++);
		rte_eth_conf conf = {};
		for (uint16_t q = 0; q < n_queues; q++) {
			const std::string queue = name + std::to_string(q);
			in[p][q] = rte_ring_create((queue + "in").c_str(), 8192, SOCKET_ID_ANY, 0);
			out[p][q] = rte_ring_create((queue + "out").c_str(), tx, SOCKET_ID_ANY, 0);
		}
		const int id =
			rte_eth_from_rings(name.c_str(), in[p], n_queues, out[p], n_queues, 0);
		ASSERT_GE(id, 0);
		ethdev[p] = static_cast<uint16_t>(id);
		ASSERT_EQ(rte_eth_dev_configure(ethdev[p], n_queues, n_queues, &conf), 0);
		for (uint16_t q = 0; q < n_queues; q++) {
			ASSERT_EQ(rte_eth_rx_queue_setup(ethdev[p], q, 512, 0, nullptr, pool), 0);
			ASSERT_EQ(rte_eth_tx_queue_setup(ethdev[p], q, 512, 0, nullptr), 0);
		}
		ASSERT_EQ(rte_eth_dev_start(ethdev[p]), 0);
	}

	void make_plan()
	{
		sl_service services[2] = {};
		for (unsigned i = 0; i < 2; i++) {
			sl_service &s = services[i];
			std::snprintf(s.name, sizeof(s.name), "service%u", i);
			s.net = addr("192.0.2.2");
			s.prefix_len = 128;
			s.port_lo = s.port_hi = static_cast<uint16_t>(kTracked + i);
			s.mode = i == 0 ? SL_MODE_SPLICE : SL_MODE_PASS;
			s.cookies = SL_COOKIES_NEVER;
			s.backlog = 1024;
			s.limits.half_open_ms = s.limits.silent_ms = s.limits.idle_ms = 60000;
			s.limits.fin_wait_2_ms = s.limits.close_wait_ms = s.limits.last_ack_ms =
				s.limits.time_wait_ms = s.limits.probe_interval_ms = 60000;
			s.limits.probes = 1;
		}
		sl_service_table_init(&plan->services, services, 2);
		plan->links[0].port[SL_OUTSIDE] = 0;
		plan->links[0].port[SL_INSIDE] = 1;
		plan->links[0].pass_default = true;
		plan->links[0].mtu = 1500;
		plan->n_links = 1;
	}

	void make_worker(unsigned i)
	{
		uint8_t secret[SL_FLOW_SECRET_BYTES];
		const uint8_t master[16] = {1, 2, 3};
		sl_cookie_ring ring;
		sl_worker_config config = {};
		char error[256];
		for (size_t k = 0; k < sizeof(secret); k++)
			secret[k] = static_cast<uint8_t>(k * 37 + 11);
		sl_cookie_ring_init(&ring, master, 1700000000ull * SL_US_PER_S, 0);
		config.lcore = i + 1;
		config.core = i;
		config.idle_sleep_us = 50;
		config.pipeline.plan = plan.get();
		config.pipeline.n_connections = 1024;
		config.pipeline.n_held = 64;
		config.pipeline.high_water = 90;
		config.pipeline.table_secret = secret;
		config.pipeline.ring = &ring;
		config.pool = pool;
		config.n_ports = 2;
		config.ethdev[0] = ethdev[0];
		config.ethdev[1] = ethdev[1];
		config.queue = static_cast<uint16_t>(i);
		config.socket_id = SOCKET_ID_ANY;
		worker[i] = sl_worker_create(&config, error, sizeof(error));
		ASSERT_NE(worker[i], nullptr) << error;
		sl_worker_join(worker[i], handover, i);
	}

	/// A frame comes in by a port, in a queue of it.
	void push(unsigned port, const Bytes &b, unsigned queue = 0)
	{
		rte_mbuf *m = rte_pktmbuf_alloc(pool);
		ASSERT_NE(m, nullptr);
		std::copy(b.begin(), b.end(),
			  reinterpret_cast<uint8_t *>(
				  rte_pktmbuf_append(m, static_cast<uint16_t>(b.size()))));
		ASSERT_EQ(rte_ring_enqueue(in[port][queue], m), 0);
		pushed++;
	}

	/// What has left by a port.
	std::vector<Bytes> received(unsigned port)
	{
		std::vector<Bytes> all;
		void *p;
		for (rte_ring *queue : out[port])
			while (queue != nullptr && rte_ring_dequeue(queue, &p) == 0) {
				auto *m = static_cast<rte_mbuf *>(p);
				const auto *b = rte_pktmbuf_mtod(m, const uint8_t *);
				all.emplace_back(b, b + rte_pktmbuf_data_len(m));
				rte_pktmbuf_free(m);
			}
		return all;
	}

	/// Waits until as many frames have left by a port; returns them.
	std::vector<Bytes> await(unsigned port, size_t n)
	{
		std::vector<Bytes> all;
		for (int i = 0; i < 5000 && all.size() < n; i++) {
			for (const Bytes &b : received(port))
				all.push_back(b);
			usleep(1000);
		}
		EXPECT_EQ(all.size(), n);
		return all;
	}

	/// A counter of one worker, summed over services.
	uint64_t of(unsigned i, const std::function<uint64_t(const sl_account &)> &counter) const
	{
		uint64_t sum = 0;
		for (unsigned s = 0; s < 3; s++)
			sum += counter(sl_worker_accounts(worker[i])[s]);
		return sum;
	}

	uint64_t term(unsigned i, sl_term t) const
	{
		return of(i, [=](const sl_account &a) { return sl_counted(&a.term[t]); });
	}

	uint64_t drops(unsigned i, sl_drop d) const
	{
		return of(i, [=](const sl_account &a) { return sl_counted(&a.drop[d]); });
	}

	/// Waits until everything that came has been received and taken over; then all must
	/// balance.
	void expect_balanced()
	{
		for (int i = 0; i < 5000; i++) {
			if (term(0, SL_TERM_rx) + term(1, SL_TERM_rx) == pushed &&
			    term(0, SL_TERM_handed_out) == term(1, SL_TERM_handed_in) &&
			    term(1, SL_TERM_handed_out) == term(0, SL_TERM_handed_in))
				break;
			usleep(1000);
		}
		usleep(10000);
		EXPECT_EQ(term(0, SL_TERM_rx) + term(1, SL_TERM_rx), pushed);
		for (const sl_worker *w : worker)
			for (unsigned s = 0; s < 3; s++)
				EXPECT_EQ(sl_account_balance(&sl_worker_accounts(w)[s]), 0);
	}

	static Frame connection(unsigned i, uint16_t port, unsigned flags)
	{
		Frame f;
		f.sport = static_cast<uint16_t>(2000 + i);
		f.dport = port;
		f.flags = flags;
		f.seq = 1000 * i;
		return f;
	}

	static Frame back(Frame f, unsigned flags)
	{
		std::swap(f.src, f.dst);
		std::swap(f.sport, f.dport);
		f.flags = flags;
		f.ack = f.seq + 1;
		f.seq = 77;
		return f;
	}

	rte_mempool *pool = nullptr;
	rte_ring *in[2][2] = {}, *out[2][2] = {}; // by port and queue
	uint16_t ethdev[2] = {};
	std::unique_ptr<sl_plan> plan{new sl_plan()};
	sl_handover *handover = nullptr;
	sl_worker *worker[2] = {};
	unsigned running = 0;
	uint64_t pushed = 0;
};

TEST_F(Handover, BothDirectionsOfAConnectionMeetAtOneWorker)
{
	const unsigned n = 200;
	start();
	for (unsigned i = 0; i < n; i++)
		push(0, connection(i, kTracked, SL_SYN).bytes());
	await(1, n);
	for (unsigned i = 0; i < n; i++)
		push(1, back(connection(i, kTracked, SL_SYN), SL_SYN | SL_ACK).bytes());
	await(0, n);
	for (unsigned i = 0; i < n; i++) {
		Frame f = connection(i, kTracked, SL_ACK);
		f.seq++;
		f.ack = 78;
		push(0, f.bytes());
	}
	await(1, n);
	expect_balanced();
	for (unsigned i = 0; i < 2; i++) {
		const sl_account &a = sl_worker_accounts(worker[i])[1];
		EXPECT_GT(a.state[SL_LEG_CLIENT][SL_TCP_ESTABLISHED], n / 4);
		EXPECT_EQ(a.term[SL_TERM_relayed], 3 * a.state[SL_LEG_CLIENT][SL_TCP_ESTABLISHED]);
		EXPECT_GT(a.term[SL_TERM_handed_in], 0u);
		EXPECT_EQ(a.term[SL_TERM_handed_out], 0u) << "that is in the books of no service";
	}
}

TEST_F(Handover, PacketsOfOneConnectionKeepTheirOrder)
{
	const unsigned n = 20, each = 100;
	std::map<uint16_t, uint32_t> last;
	start();
	for (unsigned k = 0; k < each; k++)
		for (unsigned i = 0; i < n; i++) {
			Frame f = connection(i, kPassed, SL_ACK);
			f.seq = 1 + k;
			push(0, f.bytes());
		}
	for (const Bytes &b : await(1, n * each)) {
		const auto port = static_cast<uint16_t>(b[34] << 8 | b[35]);
		const uint32_t seq = static_cast<uint32_t>(b[40] << 8 | b[41]);
		EXPECT_EQ(seq, last[port] + 1);
		last[port] = seq;
	}
	expect_balanced();
	EXPECT_GT(term(0, SL_TERM_passed), 0u);
	EXPECT_GT(term(1, SL_TERM_passed), 0u);
}

TEST_F(Handover, WhatIsNotTcpStaysWithItsReceiver)
{
	Frame f = connection(1, 53, SL_ACK);
	f.proto = 17;
	start();
	for (unsigned i = 0; i < 100; i++)
		push(0, f.bytes());
	await(1, 100);
	expect_balanced();
	EXPECT_EQ(term(0, SL_TERM_rx), 100u);
	EXPECT_EQ(term(0, SL_TERM_passed), 100u);
	EXPECT_EQ(term(0, SL_TERM_handed_out), 0u);
}

TEST_F(Handover, AWorkerThatDoesNotKeepUpCostsItsGiverDrops)
{
	start(1);
	for (unsigned i = 0; i < 6000; i++)
		push(0, connection(i, kPassed, SL_ACK).bytes());
	for (int i = 0; i < 5000 && term(0, SL_TERM_rx) < pushed; i++)
		usleep(1000);
	EXPECT_EQ(term(0, SL_TERM_rx), pushed);
	EXPECT_GT(drops(0, SL_DROP_handover_full), 500u);
	EXPECT_EQ(term(0, SL_TERM_handed_out) + drops(0, SL_DROP_handover_full) +
			  term(0, SL_TERM_passed) + drops(0, SL_DROP_tx_failed),
		  pushed);
	EXPECT_EQ(sl_account_balance(&sl_worker_accounts(worker[0])[0]), 0);
	EXPECT_EQ(sl_account_balance(&sl_worker_accounts(worker[0])[2]), 0);
}

TEST_F(Handover, APortThatTakesNothingIsBookedByTheOwner)
{
	start(2, 64);
	for (unsigned round = 0; round < 4; round++) {
		for (unsigned i = 0; i < 2000; i++)
			push(0, connection(i, kPassed, SL_ACK).bytes());
		expect_balanced();
	}
	EXPECT_GT(drops(0, SL_DROP_tx_failed), 0u);
	EXPECT_GT(drops(1, SL_DROP_tx_failed), 0u);
	EXPECT_EQ(term(0, SL_TERM_passed) + term(1, SL_TERM_passed) + drops(0, SL_DROP_tx_failed) +
			  drops(1, SL_DROP_tx_failed) + drops(0, SL_DROP_handover_full),
		  pushed);
}

/// The NICs spread, and an ICMP error comes to a queue that is not its connection's.
struct Spread : Handover {
	static constexpr unsigned n = 40;

	/// Connection `i` is that of worker i % 2.
	void open()
	{
		start(2, 4096, true);
		for (unsigned i = 0; i < n; i++)
			push(0, connection(i, kTracked, SL_SYN).bytes(), i % 2);
		await(1, n);
		for (unsigned i = 0; i < n; i++)
			push(1, answer(i).bytes(), i % 2);
		await(0, n);
		expect_balanced();
		EXPECT_EQ(term(0, SL_TERM_relayed), n);
		EXPECT_EQ(term(1, SL_TERM_relayed), n);
	}

	static Frame answer(unsigned i)
	{
		return back(connection(i, kTracked, SL_SYN), SL_SYN | SL_ACK);
	}
};

TEST_F(Spread, AnIcmpErrorFindsItsConnectionAtTheOtherWorker)
{
	open();
	for (unsigned i = 0; i < n; i++)
		push(0, Icmp{.about = answer(i)}.bytes(), (i + 1) % 2);
	await(1, n);
	expect_balanced();
	for (unsigned i = 0; i < 2; i++) {
		EXPECT_EQ(term(i, SL_TERM_handed_out), n / 2);
		EXPECT_EQ(term(i, SL_TERM_handed_in), n / 2);
		EXPECT_EQ(term(i, SL_TERM_relayed), n + n / 2);
		EXPECT_EQ(drops(i, SL_DROP_icmp_mismatch), 0u);
	}
}

TEST_F(Spread, AnIcmpErrorOfNobodysIsDroppedByTheLastToLook)
{
	open();
	for (unsigned i = 0; i < n; i++)
		push(0, Icmp{.about = answer(n + i)}.bytes(), 0);
	expect_balanced();
	for (int i = 0; i < 5000 && drops(1, SL_DROP_icmp_mismatch) < n; i++)
		usleep(1000);
	EXPECT_EQ(drops(1, SL_DROP_icmp_mismatch), n);
	EXPECT_EQ(drops(0, SL_DROP_icmp_mismatch), 0u);
	EXPECT_EQ(term(0, SL_TERM_handed_out), n);
	EXPECT_TRUE(received(1).empty());
}

// More than a ration of them, for a worker that stands still: what is not handed on is a drop.
TEST_F(Spread, IcmpErrorsThatGoRoundAreRationed)
{
	start(1, 4096, true);
	for (unsigned i = 0; i < 6000; i++)
		push(0, Icmp{.about = answer(i)}.bytes(), 0);
	for (int i = 0; i < 5000 && term(0, SL_TERM_rx) < pushed; i++)
		usleep(1000);
	EXPECT_EQ(term(0, SL_TERM_rx), pushed);
	EXPECT_GT(drops(0, SL_DROP_limited), 0u);
	EXPECT_EQ(term(0, SL_TERM_handed_out) + drops(0, SL_DROP_handover_full) +
			  drops(0, SL_DROP_limited),
		  pushed);
	EXPECT_EQ(sl_account_balance(&sl_worker_accounts(worker[0])[0]), 0);
}

} // namespace
