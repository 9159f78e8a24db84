// SPDX-License-Identifier: BSD-3-Clause
#include "box.h"
#include "descriptors.h"
#include "sl_listing.h"
#include "sl_snapshot.h"

#include <cstdio>
#include <ctime>

#include <chrono>
#include <csignal>
#include <event2/event.h>
#include <functional>
#include <sys/socket.h>
#include <sys/un.h>
#include <vector>

namespace
{

using Clock = std::chrono::steady_clock;

double since(Clock::time_point begin)
{
	return std::chrono::duration<double>(Clock::now() - begin).count();
}

// Runs the loop in this thread until `done` says so, or for `most` seconds.
void run_until(struct sl_control *c, const std::function<bool()> &done, double most)
{
	const auto begin = Clock::now();

	while (!done() && since(begin) < most)
		event_base_loop(sl_control_base(c), EVLOOP_ONCE);
}

void run_for(struct sl_control *c, double seconds)
{
	run_until(
		c, [] { return false; }, seconds);
}

// The answer to a request for a snapshot.
struct Snapshot {
	bool called = false;
	std::string error;
	std::vector<int64_t> balances;
	struct sl_account all = {}, web = {};
	uint32_t connections = 0;

	static void done(void *arg, const struct sl_snapshot *s, const char *why)
	{
		auto *self = static_cast<Snapshot *>(arg);

		self->called = true;
		if (s == nullptr) {
			self->error = why;
			return;
		}
		for (unsigned w = 0; w < s->n_workers; w++) {
			self->connections += s->worker[w].connections;
			for (unsigned i = 0; i < s->n_accounts; i++)
				self->balances.push_back(
					sl_account_balance(&s->worker[w].accounts[i]));
		}
		sl_snapshot_sum(s, SL_SNAPSHOT_ALL, SL_SNAPSHOT_ALL, &self->all);
		sl_snapshot_sum(s, SL_SNAPSHOT_ALL, 1, &self->web);
	}
};

Snapshot take_snapshot(struct sl_control *c)
{
	Snapshot s;

	EXPECT_NE(sl_snapshot_request(c, Snapshot::done, &s), nullptr);
	run_until(
		c, [&] { return s.called; }, 5);
	return s;
}

} // namespace

TEST(ControlSnapshot, BooksOfABusyWorkerBalanceExactly)
{
	Box box;
	Control control(box);

	for (auto *w : box.workers)
		fake_worker_set_busy(w, true);
	uint64_t last = 0;
	for (int i = 0; i < 50; i++) {
		const Snapshot s = take_snapshot(control.c);

		ASSERT_EQ(s.error, "");
		for (const int64_t balance : s.balances)
			ASSERT_EQ(balance, 0);
		ASSERT_GE(s.all.term[SL_TERM_rx], last);
		last = s.all.term[SL_TERM_rx];
	}
	EXPECT_GT(last, 0u);
}

TEST(ControlSnapshot, ListenIsOnePerServiceWhateverTheWorkers)
{
	Box box;
	Control control(box);
	const Snapshot s = take_snapshot(control.c);

	EXPECT_EQ(s.web.state[SL_LEG_CLIENT][SL_TCP_LISTEN], 1u);
	EXPECT_EQ(s.all.state[SL_LEG_CLIENT][SL_TCP_LISTEN], 2u);
	EXPECT_EQ(s.all.state[SL_LEG_SERVER][SL_TCP_LISTEN], 0u);
}

TEST(ControlSnapshot, StuckWorkerFailsTheRequestAndKeepsItsMemory)
{
	Box box;
	Control control(box);
	Snapshot s;
	const auto begin = Clock::now();

	fake_worker_set_stuck(box.workers[1], true);
	usleep(5000);
	ASSERT_NE(sl_snapshot_request(control.c, Snapshot::done, &s), nullptr);
	run_until(
		control.c, [&] { return s.called; }, 5);
	EXPECT_EQ(s.error, "the worker on core 2 has not answered for 2 s");
	EXPECT_GT(since(begin), 1.9);
	EXPECT_LT(since(begin), 3.5);

	// It comes back, and writes what was asked long ago: under ASan, into living memory.
	fake_worker_set_stuck(box.workers[1], false);
	run_for(control.c, 0.1);
	EXPECT_EQ(take_snapshot(control.c).error, "");
}

TEST(ControlSnapshot, FullMailboxIsAnErrorAndNotAHang)
{
	Box box;
	Control control(box);

	fake_worker_set_full(box.workers[0], true);
	EXPECT_EQ(take_snapshot(control.c).error, "the mailbox of the worker on core 1 is full");
	fake_worker_set_full(box.workers[0], false);
	EXPECT_EQ(take_snapshot(control.c).error, "");
}

TEST(ControlSnapshot, CancelledRequestIsNeverAnswered)
{
	Box box;
	Control control(box);
	Snapshot s;

	sl_request_cancel(sl_snapshot_request(control.c, Snapshot::done, &s));
	run_for(control.c, 0.1);
	EXPECT_FALSE(s.called);
}

TEST(ControlSnapshot, RequestStillOutAtTheEndIsFreed)
{
	Box box;
	Control control(box);
	Snapshot s;

	fake_worker_set_stuck(box.workers[0], true);
	ASSERT_NE(sl_snapshot_request(control.c, Snapshot::done, &s), nullptr);
	run_for(control.c, 0.05);
	EXPECT_FALSE(s.called); // the rest is the leak checker's
}

namespace
{

struct Listing {
	bool called = false;
	std::string error;
	std::vector<struct sl_listing_row> rows;

	static void done(void *arg, const struct sl_listing *listing, const char *why)
	{
		auto *self = static_cast<Listing *>(arg);

		self->called = true;
		if (listing != nullptr)
			self->rows.assign(listing->rows, listing->rows + listing->n);
		else
			self->error = why;
	}
};

Listing list(struct sl_control *c, const struct sl_listing_filter &filter)
{
	Listing l;

	EXPECT_NE(sl_listing_request(c, &filter, Listing::done, &l), nullptr);
	run_until(
		c, [&] { return l.called; }, 5);
	EXPECT_TRUE(l.called);
	return l;
}

struct sl_listing_filter any()
{
	struct sl_listing_filter f = {};
	f.limit = SL_LISTING_LIMIT_DEFAULT;
	return f;
}

struct sl_listing_end end_of(const char *addr, uint8_t prefix_len, uint16_t port)
{
	struct sl_listing_end e = {};
	e.net = addr_of(addr);
	e.prefix_len = prefix_len;
	e.port = port;
	return e;
}

// Three connections on two workers.
void connect_three(Box &box)
{
	const struct fake_connection c[] = {
		{"198.51.100.7",
		 "192.0.2.2",
		 40001,
		 80,
		 1,
		 {SL_TCP_ESTABLISHED, SL_TCP_ESTABLISHED},
		 {3, 2},
		 {100, 5000}},
		{"198.51.100.8",
		 "192.0.2.2",
		 40002,
		 80,
		 1,
		 {SL_TCP_CLOSE_WAIT, SL_TCP_FIN_WAIT_2},
		 {3, 2},
		 {100, 5000}},
		{"2001:db8:1::7",
		 "2001:db8:2::5",
		 40003,
		 8001,
		 2,
		 {SL_TCP_ESTABLISHED, SL_TCP_ESTABLISHED},
		 {3, 2},
		 {100, 5000}},
	};

	fake_worker_connect(box.workers[0], &c[0]);
	fake_worker_connect(box.workers[1], &c[1]);
	fake_worker_connect(box.workers[1], &c[2]);
}

} // namespace

TEST(ControlListing, FindsConnectionsOfAllWorkers)
{
	Box box;
	Control control(box);

	connect_three(box);
	const Listing l = list(control.c, any());
	ASSERT_EQ(l.rows.size(), 3u);
	EXPECT_EQ(l.rows[0].worker, 0u);
	EXPECT_EQ(l.rows[0].info.client_port, 40001);
	EXPECT_EQ(l.rows[0].info.bytes[SL_LEG_SERVER], 5000u);
	EXPECT_EQ(l.rows[1].worker, 1u);
	EXPECT_EQ(l.rows[2].worker, 1u);
}

TEST(ControlListing, FiltersByStateOfEitherLeg)
{
	Box box;
	Control control(box);
	struct sl_listing_filter f = any();

	connect_three(box);
	f.by_state = true;
	f.state = SL_TCP_FIN_WAIT_2;
	ASSERT_EQ(list(control.c, f).rows.size(), 1u);
	f.state = SL_TCP_CLOSE_WAIT;
	ASSERT_EQ(list(control.c, f).rows.size(), 1u);
	f.state = SL_TCP_LISTEN; // number 0, and none of them
	ASSERT_EQ(list(control.c, f).rows.size(), 0u);
}

TEST(ControlListing, FiltersByEndsAndService)
{
	Box box;
	Control control(box);
	struct sl_listing_filter f = any();

	connect_three(box);
	f.client = end_of("198.51.100.0", 96 + 24, 0);
	EXPECT_EQ(list(control.c, f).rows.size(), 2u);
	f.client = end_of("198.51.100.8", 128, 0);
	EXPECT_EQ(list(control.c, f).rows.size(), 1u);
	f.client = end_of("198.51.100.8", 128, 1);
	EXPECT_EQ(list(control.c, f).rows.size(), 0u);
	f = any();
	f.server = end_of("2001:db8:2::", 64, 8001);
	EXPECT_EQ(list(control.c, f).rows.size(), 1u);
	f = any();
	f.service = 1;
	EXPECT_EQ(list(control.c, f).rows.size(), 2u);
}

TEST(ControlListing, LimitHoldsOverAllWorkersAndOneIsEnough)
{
	Box box;
	Control control(box);
	struct sl_listing_filter f = any();

	connect_three(box);
	f.limit = 2;
	EXPECT_EQ(list(control.c, f).rows.size(), 2u);
	f.limit = 1;
	EXPECT_EQ(list(control.c, f).rows.size(), 1u);
}

TEST(ControlListing, TableLargerThanASliceIsWalkedToItsEnd)
{
	Box box(200000);
	Control control(box);
	struct sl_listing_filter f = any();
	char client[32];

	for (unsigned i = 0; i < 3000; i++) {
		snprintf(client, sizeof(client), "10.0.%u.%u", i / 250, i % 250 + 1);
		const struct fake_connection c = {
			client, "192.0.2.2", 40000, 80, 1, {SL_TCP_ESTABLISHED, SL_TCP_ESTABLISHED},
			{1, 1}, {1, 1}};
		fake_worker_connect(box.workers[i % 2], &c);
	}
	f.limit = SL_LISTING_LIMIT_MAX;
	EXPECT_EQ(list(control.c, f).rows.size(), 3000u);
}

TEST(ControlListing, CancelledInTheMiddleStopsTheWalkAndFreesNothingInUse)
{
	Box box(200000);
	Control control(box);
	const struct sl_listing_filter f = any();
	Listing l;

	for (auto *w : box.workers)
		fake_worker_set_pace(w, 5000); // 25 slices: more than 0.1 s
	struct sl_request *request = sl_listing_request(control.c, &f, Listing::done, &l);
	run_for(control.c, 0.02);
	ASSERT_FALSE(l.called);
	sl_request_cancel(request);
	run_for(control.c, 0.1);
	EXPECT_FALSE(l.called);
}

TEST(ControlWatch, WorkerThatStandsStillIsStuckUntilItTurns)
{
	Box box;
	Control control(box);
	const struct sl_worker_watch *watch = sl_control_worker_watch(control.c, 1);

	testing::internal::CaptureStderr();
	fake_worker_set_stuck(box.workers[1], true);
	run_until(
		control.c, [&] { return watch->stuck; }, 5);
	EXPECT_TRUE(watch->stuck);
	EXPECT_EQ(watch->times_stuck, 1u);
	EXPECT_FALSE(sl_control_worker_watch(control.c, 0)->stuck);
	fake_worker_set_stuck(box.workers[1], false);
	run_until(
		control.c, [&] { return !watch->stuck; }, 3);
	EXPECT_FALSE(watch->stuck);
	EXPECT_GT(watch->turns_per_s, 0u);
	const std::string log = testing::internal::GetCapturedStderr();
	EXPECT_NE(log.find("core 2 has not turned for 2 s"), std::string::npos) << log;
	EXPECT_NE(log.find("core 2 turns again"), std::string::npos) << log;
}

TEST(ControlWatch, WhatAPortLostLatelyIsSeen)
{
	Box box;
	Control control(box);
	struct sl_port_counters counters = {};

	counters.link_up = true;
	counters.nic_missed = 5;
	counters.nic_nombuf = 6;
	counters.nic_errors = 7;
	fake_port_set(1, &counters);
	const struct sl_port_watch *watch = sl_control_port_watch(control.c, 1);
	run_until(
		control.c, [&] { return watch->lately_missed != 0; }, 3);
	EXPECT_EQ(watch->lately_missed, 5u);
	EXPECT_EQ(watch->lately_nombuf, 6u);
	EXPECT_EQ(watch->lately_errors, 7u);
	EXPECT_EQ(sl_control_port_watch(control.c, 0)->lately_missed, 0u);
}

namespace
{

void set_link(uint16_t port, bool up)
{
	struct sl_port_counters c = {};

	c.link_up = up;
	c.present = true;
	fake_port_set(port, &c);
}

bool link_up(uint16_t port)
{
	struct sl_port p = {};
	struct sl_port_counters c;

	p.ethdev = port;
	sl_port_counters(&p, &c);
	return c.link_up;
}

} // namespace

namespace
{

struct sl_port_counters sending(uint64_t n)
{
	struct sl_port_counters c = {};

	c.link_up = c.present = true;
	c.tx = c.sent = n;
	return c;
}

bool knows_limit(Box &box, unsigned port, uint16_t mtu)
{
	bool all = true;

	for (auto *w : box.workers) {
		all &= fake_worker_lock(w)->relay.limit[port].mtu == mtu;
		fake_worker_unlock(w);
	}
	return all;
}

} // namespace

TEST(ControlPort, TellsTheWorkersWhatAPortCanSendWheneverThatChanges)
{
	Box box;
	struct sl_port_counters c = sending(0);

	c.limit = {1500, 1518};
	fake_port_set(1, &c);
	Control control(box);
	run_until(
		control.c, [&] { return knows_limit(box, 1, 1500); }, 0.5);
	EXPECT_TRUE(knows_limit(box, 1, 1500)) << "from the beginning";
	testing::internal::CaptureStderr();
	c.limit = {1400, 1418};
	fake_port_set(1, &c);
	run_until(
		control.c, [&] { return knows_limit(box, 1, 1400); }, 3);
	EXPECT_TRUE(knows_limit(box, 1, 1400));
	EXPECT_TRUE(knows_limit(box, 0, UINT16_MAX));
	run_for(control.c, 1.2);
	const std::string log = testing::internal::GetCapturedStderr();
	EXPECT_NE(log.find("net_fake1: the MTU of what it can send is 1400, and was 1500"),
		  std::string::npos)
		<< log;
}

TEST(ControlPort, OneThatSendsNothingIsStartedAgain)
{
	Box box;
	Control control(box);
	struct sl_port_counters c = sending(5);
	const struct sl_port_watch *watch = sl_control_port_watch(control.c, 1);

	testing::internal::CaptureStderr();
	fake_port_set(1, &c);
	run_for(control.c, 1.2);
	// The device takes one packet after another, and the interface sends none of them.
	run_until(
		control.c,
		[&] {
			c.tx++;
			fake_port_set(1, &c);
			return watch->restarts > 0;
		},
		8);
	EXPECT_EQ(watch->restarts, 1u);
	EXPECT_TRUE(watch->silent);
	run_until(
		control.c, [&] { return fake_worker_ethdev(box.workers[1], 1) == 3; }, 2);
	for (auto *w : box.workers)
		EXPECT_EQ(fake_worker_ethdev(w, 1), 3u) << "the device that it is now";
	run_until(
		control.c,
		[&] {
			c.tx++;
			c.sent++;
			fake_port_set(3, &c);
			return !watch->silent;
		},
		4);
	EXPECT_FALSE(watch->silent);
	EXPECT_EQ(sl_control_port_watch(control.c, 0)->restarts, 0u);
	const std::string log = testing::internal::GetCapturedStderr();
	for (const char *line :
	     {"it sends nothing of what it is given", "started again", "it sends again"})
		EXPECT_NE(log.find(line), std::string::npos) << log;
}

TEST(ControlPort, OneThatTakesNothingIsStartedAgainAndOneWithNothingToSendIsNot)
{
	Box box;
	Control control(box);
	const struct sl_port_counters c = sending(5);
	const struct sl_port_watch *watch = sl_control_port_watch(control.c, 0);

	fake_port_set(0, &c);
	run_for(control.c, 4.5);
	EXPECT_FALSE(watch->silent);
	fake_worker_set_waiting(box.workers[1], 7);
	run_until(
		control.c, [&] { return watch->restarts > 0; }, 8);
	EXPECT_EQ(watch->restarts, 1u);
}

TEST(ControlFollow, TakesTheOtherPortDownAndUpAgain)
{
	Box box;
	box.plan->links[0].follow = true;
	Control control(box);

	set_link(1, false);
	run_until(
		control.c, [] { return !link_up(0); }, 4);
	EXPECT_FALSE(link_up(0));
	EXPECT_TRUE(sl_control_port_watch(control.c, 0)->taken_down);
	EXPECT_FALSE(sl_control_port_watch(control.c, 1)->taken_down);
	run_for(control.c, 1.2);
	EXPECT_FALSE(link_up(0)) << "it must not wait for itself";
	set_link(1, true);
	run_until(
		control.c, [] { return link_up(0); }, 4);
	EXPECT_TRUE(link_up(0));
	EXPECT_FALSE(sl_control_port_watch(control.c, 0)->taken_down);
}

TEST(ControlFollow, LeavesNoPortDownBehind)
{
	Box box;
	box.plan->links[0].follow = true;
	{
		Control control(box);

		set_link(0, false);
		run_until(
			control.c, [] { return !link_up(1); }, 4);
		EXPECT_FALSE(link_up(1));
	}
	EXPECT_TRUE(link_up(1));
	// After a kill -9 nobody has: what follows comes up at the start.
	set_link(1, false);
	Control again(box);
	EXPECT_TRUE(link_up(1));
}

TEST(ControlFollow, OnlyWhereItIsConfigured)
{
	Box box;
	Control control(box);

	set_link(1, false);
	run_for(control.c, 2.2);
	EXPECT_TRUE(link_up(0));
}

TEST(ControlWatch, WorkerWithFarMoreThanItsShareIsSeen)
{
	Box box;
	Control control(box);
	const struct sl_worker_watch *first = sl_control_worker_watch(control.c, 0);

	fake_worker_set_busy(box.workers[0], true);
	fake_worker_set_pace(box.workers[0], 50);
	run_until(
		control.c, [&] { return first->skewed; }, 8);
	EXPECT_TRUE(first->skewed);
	EXPECT_EQ(first->times_skewed, 1u);
	EXPECT_FALSE(sl_control_worker_watch(control.c, 1)->skewed);
}

TEST(ControlClock, CookieRingsFollowTheWallClock)
{
	Box box; // whose rings were made for 1970
	struct timespec real, mono;
	Control control(box);

	run_for(control.c, 0.1);
	clock_gettime(CLOCK_REALTIME, &real);
	clock_gettime(CLOCK_MONOTONIC, &mono);
	for (auto *w : box.workers) {
		const double offset = (double)fake_worker_lock(w)->ring.live.offset_us / 1e6;
		fake_worker_unlock(w);
		EXPECT_NEAR(offset, (double)(real.tv_sec - mono.tv_sec), 2);
	}
}

namespace
{

// What systemd would be: a datagram socket named by NOTIFY_SOCKET.
class Manager
{
      public:
	Manager(const std::string &name) : path(name)
	{
		struct sockaddr_un addr = {};

		fd = socket(AF_UNIX, SOCK_DGRAM, 0);
		addr.sun_family = AF_UNIX;
		memcpy(addr.sun_path, path.c_str(), path.size());
		if (path[0] == '@')
			addr.sun_path[0] = '\0';
		EXPECT_EQ(bind(fd, (struct sockaddr *)&addr,
			       (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path.size())),
			  0);
		setenv("NOTIFY_SOCKET", path.c_str(), 1);
		setenv("WATCHDOG_USEC", "3000000", 1);
	}

	~Manager()
	{
		close(fd);
		unlink(path.c_str());
		unsetenv("NOTIFY_SOCKET");
		unsetenv("WATCHDOG_USEC");
	}

	std::string heard() const
	{
		std::string all;
		char text[64];
		ssize_t n;

		while ((n = recv(fd, text, sizeof(text), MSG_DONTWAIT)) > 0)
			all += std::string(text, (size_t)n) + " ";
		return all;
	}

	std::string path;
	int fd;
};

} // namespace

TEST(ControlNotify, TellsReadyWatchdogAndStopping)
{
	Box box;
	Manager manager(box.path("notify"));
	Control control(box);

	control.start();
	usleep(1300000);
	control.stop();
	EXPECT_EQ(manager.heard(), "READY=1 WATCHDOG=1 STOPPING=1 ");
}

TEST(ControlNotify, FeedsTheWatchdogWithoutAFreeDescriptor)
{
	Box box;
	Manager manager(box.path("notify"));
	Control control(box);
	Descriptors none(0);

	control.start();
	usleep(1300000);
	control.stop();
	EXPECT_EQ(manager.heard(), "READY=1 WATCHDOG=1 STOPPING=1 ");
}

TEST(ControlNotify, AbstractSocketAndAStuckWorkerFeedsNoWatchdog)
{
	Box box;
	Manager manager("@sluice-test-" + std::to_string(getpid()));
	Control control(box);

	fake_worker_set_stuck(box.workers[0], true);
	usleep(5000);
	char error[64];
	sl_control_destroy(control.c); // a new one, that has never seen it turn
	control.c = sl_control_create(&box.setup, error, sizeof(error));
	control.start();
	usleep(1300000);
	control.stop();
	EXPECT_EQ(manager.heard(), "READY=1 STOPPING=1 ");
}

TEST(ControlSignals, TermEndsTheLoopAndHangupDoesNot)
{
	Box box;
	Control control(box);

	testing::internal::CaptureStderr();
	control.start();
	usleep(50000);
	kill(getpid(), SIGHUP);
	usleep(50000);
	kill(getpid(), SIGTERM);
	control.thread.join();
	const std::string log = testing::internal::GetCapturedStderr();
	EXPECT_NE(log.find("warning sluiced: reload refused (SIGHUP): there is no configuration to "
			   "reload\n"),
		  std::string::npos)
		<< log;
	EXPECT_NE(log.find("notice sluiced: SIGTERM: ending\n"), std::string::npos) << log;
	EXPECT_NE(log.find("notice sluiced: 0 connections reset that cannot go on without the "
			   "box\n"),
		  std::string::npos)
		<< log;
}

TEST(ControlSignals, UserSignalsDoNotEndTheDaemon)
{
	Box box;
	Control control(box);

	control.start();
	usleep(50000);
	kill(getpid(), SIGUSR1);
	kill(getpid(), SIGUSR2);
	usleep(50000);
	kill(getpid(), SIGTERM);
	control.thread.join();
}

// How many connections a box of two (connect_two) has reset when SIGTERM has ended its loop.
uint64_t reset_by_term(Box &box)
{
	Control control(box);
	uint64_t n = 0;

	connect_two(box);
	control.start();
	usleep(50000);
	kill(getpid(), SIGTERM);
	control.thread.join();
	for (auto *w : box.workers) {
		fake_worker_lock(w);
		for (unsigned s = 1; s <= 2; s++)
			n += fake_worker_account(w, s)->event[SL_EVENT_ended_with_box];
		fake_worker_unlock(w);
	}
	return n;
}

TEST(ControlSignals, TermResetsWhatCannotGoOnWithoutTheBox)
{
	Box box;

	testing::internal::CaptureStderr();
	EXPECT_EQ(reset_by_term(box), 2u);
	EXPECT_NE(testing::internal::GetCapturedStderr().find(
			  "2 connections reset that cannot go on without the box\n"),
		  std::string::npos);
}

TEST(ControlSignals, TermLeavesThemWhereThatWasAskedFor)
{
	Box box;

	box.setup.leave = true;
	testing::internal::CaptureStderr();
	EXPECT_EQ(reset_by_term(box), 0u);
	EXPECT_NE(testing::internal::GetCapturedStderr().find(
			  "notice sluiced: connections are left as they are (--leave)"),
		  std::string::npos);
}

TEST(ControlSignals, TermEndsTheLoopThoughAWorkerIsStuck)
{
	Box box;

	fake_worker_set_stuck(box.workers[0], true);
	const auto begin = Clock::now();
	reset_by_term(box);
	EXPECT_LT(since(begin), 30.0) << "it would wait for ever";
}

TEST(ControlSignals, StopBeforeRunEndsItAtOnce)
{
	Box box;
	Control control(box);

	sl_control_stop(control.c);
	EXPECT_EQ(sl_control_run(control.c), 0);
}
