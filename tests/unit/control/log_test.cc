// SPDX-License-Identifier: BSD-3-Clause
// The daemon's log: how its lines look, and what is told of what goes on for a while.
#include "box.h"
#include "sl_log.h"

#include <functional>
#include <regex>
#include <sys/stat.h>

extern "C" {
#include "control.h"
}

namespace
{

// What is written to stderr meanwhile.
std::string log_of(const std::function<void()> &what)
{
	testing::internal::CaptureStderr();
	what();
	return testing::internal::GetCapturedStderr();
}

// The texts of a log's lines, without time and program, each with its level before it.
std::string texts_of(const std::string &log)
{
	static const std::regex head(
		"\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z (\\w+) sluiced: ");
	return std::regex_replace(log, head, "$1: ");
}

class Episodes : public ::testing::Test
{
      protected:
	Episodes() : control(box)
	{
	}

	// Adds `n` to what `field` counts, and looks once: a second.
	std::string second(uint64_t *field = nullptr, uint64_t n = 0)
	{
		if (field != nullptr)
			*field += n;
		return texts_of(log_of([&] { control_episodes(control.c); }));
	}

	// Seconds in which nothing happens.
	std::string calm(unsigned seconds)
	{
		std::string all;

		for (unsigned i = 0; i < seconds; i++)
			all += second();
		return all;
	}

	// The accounts of the fake workers are only written by who asks for it.
	struct sl_account *account(unsigned worker, unsigned service)
	{
		return fake_worker_account(box.workers[worker], service);
	}

	Box box;
	Control control;
};

} // namespace

TEST(Log, EachLineHasATimeALevelAndTheProgram)
{
	const std::regex line("\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z warning "
			      "sluiced: link 7 is down\n");
	const std::string log = log_of([] { sl_log(SL_LOG_WARNING, "link %d is %s", 7, "down"); });

	EXPECT_TRUE(std::regex_match(log, line)) << log;
	EXPECT_EQ(texts_of(log_of([] {
			  sl_log(SL_LOG_ERROR, "a");
			  sl_log(SL_LOG_NOTICE, "b\nc\x1b[31m");
			  sl_log(SL_LOG_INFO, "ready");
		  })),
		  "error: a\nnotice: b?c?[31m\ninfo: ready\n");
}

TEST(Log, ForTheJournalThereIsAPriorityAndNoTime)
{
	const std::string log = log_of([] {
		struct stat st;

		ASSERT_EQ(fstat(STDERR_FILENO, &st), 0);
		const std::string stream =
			std::to_string(st.st_dev) + ":" + std::to_string(st.st_ino);
		setenv("JOURNAL_STREAM", stream.c_str(), 1);
		sl_log(SL_LOG_WARNING, "a");
		// Not its own: it was handed on to a program whose stderr goes elsewhere.
		setenv("JOURNAL_STREAM", "1:1", 1);
		sl_log(SL_LOG_INFO, "b");
		unsetenv("JOURNAL_STREAM");
	});

	EXPECT_EQ(texts_of(log), "<4>a\ninfo: b\n");
}

TEST_F(Episodes, FloodIsToldWhenItBeginsAndWhenItHasEnded)
{
	uint64_t *syns = &account(1, 1)->event[SL_EVENT_syn_received];

	EXPECT_EQ(second(syns, 999), "");
	EXPECT_EQ(second(syns, 5000),
		  "warning: service web: SYN flood begins: 5000 in a second (SYNs "
		  "without a connection)\n");
	EXPECT_EQ(second(syns, 7000), "");
	EXPECT_EQ(calm(9), "");
	EXPECT_EQ(second(syns, 800), ""); // it goes on
	EXPECT_EQ(calm(9), "");
	EXPECT_EQ(calm(1), "warning: service web: SYN flood has ended after 12 s: 12800 in all, at "
			   "most 7000 in a second (SYNs without a connection)\n");
	EXPECT_EQ(calm(20), "");
}

TEST_F(Episodes, ManyConnectionsAreNoFlood)
{
	account(0, 1)->event[SL_EVENT_connections_established] += 20000;
	EXPECT_EQ(second(&account(0, 1)->event[SL_EVENT_syn_received], 20500), "");
	// Nor is anything of a service that only passes.
	EXPECT_EQ(second(&account(0, 2)->event[SL_EVENT_syn_received], 20500), "");
}

TEST_F(Episodes, ForgedSegmentsOfBothWorkersAreOneFlood)
{
	account(0, 1)->drop[SL_DROP_cookie_invalid] += 600;
	EXPECT_EQ(second(&account(1, 1)->drop[SL_DROP_stray], 400),
		  "warning: service web: flood of segments begins: 1000 in a second (segments of "
		  "no connection)\n");
}

TEST_F(Episodes, AdoptionAndEvictionAreToldWithTheirFigures)
{
	EXPECT_EQ(
		second(&account(0, 2)->event[SL_EVENT_connections_adopted], 3),
		"notice: service lab: adoption begins: 3 in a second (connections adopted that ran "
		"before)\n");
	second(&account(1, 2)->event[SL_EVENT_connections_adopted], 40);
	EXPECT_EQ(calm(10),
		  "notice: service lab: adoption has ended after 2 s: 43 in all, at most 40 in a "
		  "second (connections adopted that ran before)\n");
	EXPECT_EQ(second(&account(1, 1)->event[SL_EVENT_evicted_idle], 1),
		  "warning: the worker on core 2: eviction begins: 1 in a second (connections "
		  "evicted "
		  "to make room)\n");
	EXPECT_EQ(second(&account(0, 0)->drop[SL_DROP_table_full], 9),
		  "warning: the worker on core 1: shortage begins: 9 in a second (packets dropped "
		  "for "
		  "want of room: see `sluicectl stats`)\n");
}

TEST_F(Episodes, StraysBeyondTheRationAreSeenUntilTheyHaveEnded)
{
	account(0, 1)->drop[SL_DROP_adopt_rationed] += 29000;
	EXPECT_EQ(second(&account(1, 1)->drop[SL_DROP_adopt_rationed], 29000),
		  "warning: service web: rationing of strays begins: 58000 in a second (strays "
		  "from outside that the servers are not shown: adopt_rate)\n");
	EXPECT_TRUE(sl_control_strays_rationed(control.c, 1));
	EXPECT_FALSE(sl_control_strays_rationed(control.c, 2));
	EXPECT_EQ(second(&account(1, 1)->drop[SL_DROP_adopt_rationed], 2), "");
	EXPECT_EQ(calm(10), "warning: service web: rationing of strays has ended after 2 s: 58002 "
			    "in all, at most 58000 in a second (strays from outside that the "
			    "servers are not shown: adopt_rate)\n");
	EXPECT_FALSE(sl_control_strays_rationed(control.c, 1));
}

TEST_F(Episodes, ServersThatAreNotHeardAndAreHeardAgain)
{
	uint64_t on[SL_SERVICES_MAX / 64] = {1 << 1};

	EXPECT_EQ(
		texts_of(log_of([&] {
			control_one_way(control.c, on);
			control_one_way(control.c, on);
		})),
		"warning: service web: its servers are not heard: they are down, or their answers "
		"go round the box (one_way)\n");
	on[0] = 0;
	control.c->ticks += 7;
	EXPECT_EQ(texts_of(log_of([&] {
			  control_one_way(control.c, on);
			  control_one_way(control.c, on);
		  })),
		  "notice: service web: its servers are heard again, after 7 s\n");
}

TEST_F(Episodes, PacketsThatAPortLoses)
{
	struct sl_port_counters *now = &control.c->ports[1].watch.now;

	EXPECT_EQ(second(&now->nic_missed, 5),
		  "warning: port net_fake1: loss of packets begins: 5 in a second (nic_missed: its "
		  "worker does not keep up)\n");
}
