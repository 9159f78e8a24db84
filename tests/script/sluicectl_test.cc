// SPDX-License-Identifier: BSD-3-Clause
// sluicectl as a program: what it prints, and what it exits with.
#include "rpc_client.h"

#include <sys/wait.h>
#include <thread>

namespace
{

struct Outcome {
	int exit_code;
	std::string out; // stdout and stderr
};

// Runs sluicectl with `args`, words of a shell.
Outcome ctl(const std::string &args, const std::string &env = "")
{
	const std::string command = env + " " SLUICECTL " " + args + " 2>&1";
	FILE *pipe = popen(command.c_str(), "r");
	char bytes[4096];
	size_t n;
	Outcome run = {};

	while ((n = fread(bytes, 1, sizeof(bytes), pipe)) > 0)
		run.out.append(bytes, n);
	const int status = pclose(pipe);
	run.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	return run;
}

bool has(const Outcome &run, const std::string &text)
{
	return run.out.find(text) != std::string::npos;
}

class Sluicectl : public ::testing::Test
{
      protected:
	void SetUp() override
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
			fake_worker_connect(daemon.box.workers[i], &c[i]);
	}

	Outcome run(const std::string &args)
	{
		return ctl("-s " + daemon.socket_path + " " + args);
	}

	Daemon daemon;
};

} // namespace

TEST_F(Sluicectl, EveryViewExitsZeroAsTextAndAsJson)
{
	for (const std::string command :
	     {"status", "stats", "states", "states web", "services", "connections", "ports",
	      "version", "rpc rpc_get_methods"}) {
		const Outcome text = run(command), json = run("-j " + command);
		EXPECT_EQ(text.exit_code, 0) << text.out;
		EXPECT_FALSE(text.out.empty());
		EXPECT_EQ(json.exit_code, 0) << json.out;
		EXPECT_NE(Json(json_loads(json.out.c_str(), 0, nullptr)).get(), nullptr)
			<< json.out;
	}
}

TEST_F(Sluicectl, StatusAndStatesSayWhatStands)
{
	const Outcome status = run("status"), states = run("states");

	EXPECT_TRUE(has(status, "balanced to the packet")) << status.out;
	EXPECT_TRUE(has(status, "connections  2 of 2,048")) << status.out;
	EXPECT_TRUE(has(status, "outside net_fake0 (up) = inside net_fake1 (up)")) << status.out;
	EXPECT_FALSE(has(status, "WARNING"));
	EXPECT_TRUE(has(states, "LISTEN             2       0")) << states.out;
	EXPECT_TRUE(has(states, "FIN-WAIT-2         0       1")) << states.out;
}

TEST_F(Sluicectl, StatsShowReasonsThatAreNotZeroWithTheirHelp)
{
	fake_worker_lock(daemon.box.workers[0]);
	struct sl_account *a = fake_worker_account(daemon.box.workers[0], 1);
	a->term[SL_TERM_rx] = a->drop[SL_DROP_cookie_invalid] = 1234567;
	fake_worker_unlock(daemon.box.workers[0]);
	const Outcome stats = run("stats");

	EXPECT_TRUE(has(stats, "dropped: 1,234,567\n")) << stats.out;
	EXPECT_TRUE(has(stats, std::string("cookie_invalid  1,234,567  ") +
				       sl_drop_info[SL_DROP_cookie_invalid].help))
		<< stats.out;
	EXPECT_FALSE(has(stats, "port_zero"));
}

TEST_F(Sluicectl, ConnectionsAreFilteredByWords)
{
	const Outcome all = run("connections"),
		      one = run("connections state fin_wait2 service lab");

	EXPECT_TRUE(has(all, "198.51.100.7:40001")) << all.out;
	EXPECT_TRUE(has(all, "4.8M")) << all.out;
	EXPECT_TRUE(has(one, "[2001:db8:1::7]:40003")) << one.out;
	EXPECT_FALSE(has(one, "198.51.100.7"));
	EXPECT_TRUE(has(run("connections limit 1"), "there may be more"));
	EXPECT_FALSE(has(run("connections dst 192.0.2.0/24"), "2001:db8"));
}

TEST_F(Sluicectl, RefusedExitsOne)
{
	for (const std::string args :
	     {"rpc no_such_method", "states no-such-service", "connections src here",
	      "connections limit 10001", R"(rpc state_get '{"services": "web"}')"}) {
		const Outcome r = run(args);
		EXPECT_EQ(r.exit_code, 1) << args << r.out;
		EXPECT_TRUE(has(r, "refused")) << r.out;
	}
}

TEST_F(Sluicectl, UsageExitsTwo)
{
	for (const std::string args :
	     {"", "no-such-command", "sta", "-x", "-w 0 stats", "-w soon stats", "stats web",
	      "states web lab", "connections colour red", "connections state",
	      "connections state OPEN", "connections limit many",
	      "connections state LISTEN state LISTEN", "rpc", "rpc a b c", "rpc stats_get '{'",
	      "completion fish"}) {
		const Outcome r = run(args);
		EXPECT_EQ(r.exit_code, 2) << args << r.out;
		EXPECT_FALSE(r.out.empty());
	}
	EXPECT_TRUE(has(run("sta"), "may be status stats states"));
}

TEST_F(Sluicectl, AbbreviationsWillDoAndTheEnvironmentNamesTheSocket)
{
	const Outcome r = ctl("con", "SLUICE_SOCKET=" + daemon.socket_path);

	EXPECT_EQ(r.exit_code, 0);
	EXPECT_TRUE(has(r, "198.51.100.7:40001")) << r.out;
}

TEST_F(Sluicectl, WatchingShowsRatesUntilTheDaemonGoes)
{
	for (auto *w : daemon.box.workers)
		fake_worker_set_busy(w, true);
	const std::string args = "-w 0.2 stats";
	Outcome r = {};
	std::thread watch([&] { r = run(args); });
	usleep(900000);
	daemon.control.stop();
	sl_rpc_destroy(daemon.rpc);
	daemon.rpc = nullptr;
	watch.join();
	EXPECT_EQ(r.exit_code, 3);
	EXPECT_TRUE(has(r, "/s  received from a port")) << r.out;
}

TEST(SluicectlAlone, HelpAndCompletionComeFromTheTable)
{
	const Outcome help = ctl("--help"), completion = ctl("completion bash");

	EXPECT_EQ(help.exit_code, 0);
	for (const char *command : {"status", "stats", "states", "services", "connections", "ports",
				    "rpc", "version", "completion"}) {
		EXPECT_TRUE(has(help, std::string("\n  ") + command)) << command;
		EXPECT_TRUE(has(completion, std::string(" ") + command)) << command;
	}
	EXPECT_EQ(system("bash -c 'source <(" SLUICECTL " completion bash)'"), 0);
}

TEST(SluicectlAlone, NoDaemonExitsThreeAndSaysHowToStartIt)
{
	const Outcome r = ctl("-s /tmp/no-such-socket status");

	EXPECT_EQ(r.exit_code, 3);
	EXPECT_TRUE(has(r, "start it (sluiced -c FILE)")) << r.out;
}

TEST(SluicectlAlone, DaemonThatSaysNothingExitsThreeAfterFiveSeconds)
{
	Box box;
	struct sockaddr_un addr = {};
	const std::string path = box.path("mute");
	const int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	addr.sun_family = AF_UNIX;
	strcpy(addr.sun_path, path.c_str());
	ASSERT_EQ(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	ASSERT_EQ(listen(fd, 1), 0);
	const Outcome r = ctl("-s " + path + " status");
	EXPECT_EQ(r.exit_code, 3);
	EXPECT_TRUE(has(r, "has not answered for 5 s")) << r.out;
	close(fd);
	unlink(path.c_str());
}
