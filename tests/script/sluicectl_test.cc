// SPDX-License-Identifier: BSD-3-Clause
// sluicectl as a program: what it prints, and what it exits with.
#include "rpc_client.h"
#include "run.h"

#include <thread>

namespace
{

using sl_test::Outcome;

// Runs sluicectl with `args`, words of a shell.
Outcome ctl(const std::string &args, const std::string &env = "")
{
	return sl_test::run_command(env + " " SLUICECTL " " + args);
}

class Sluicectl : public ::testing::Test
{
      protected:
	void SetUp() override
	{
		connect_two(daemon.box);
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

	EXPECT_TRUE(status.has("balanced to the packet")) << status.out;
	EXPECT_TRUE(status.has("connections  2 of 2,048")) << status.out;
	EXPECT_TRUE(status.has("outside net_fake0 (up) = inside net_fake1 (up)")) << status.out;
	EXPECT_FALSE(status.has("WARNING"));
	EXPECT_TRUE(states.has("LISTEN             2       0")) << states.out;
	EXPECT_TRUE(states.has("FIN-WAIT-2         0       1")) << states.out;
}

TEST_F(Sluicectl, StatsShowReasonsThatAreNotZeroWithTheirHelp)
{
	fake_worker_lock(daemon.box.workers[0]);
	struct sl_account *a = fake_worker_account(daemon.box.workers[0], 1);
	a->term[SL_TERM_rx] = a->drop[SL_DROP_cookie_invalid] = 1234567;
	fake_worker_unlock(daemon.box.workers[0]);
	const Outcome stats = run("stats");

	EXPECT_TRUE(stats.has("dropped: 1,234,567\n")) << stats.out;
	EXPECT_TRUE(stats.has(std::string("cookie_invalid  1,234,567  ") +
			      sl_drop_info[SL_DROP_cookie_invalid].help))
		<< stats.out;
	EXPECT_FALSE(stats.has("port_zero"));
}

TEST_F(Sluicectl, ConnectionsAreFilteredByWords)
{
	const Outcome all = run("connections"),
		      one = run("connections state fin_wait2 service lab");

	EXPECT_TRUE(all.has("198.51.100.7:40001")) << all.out;
	EXPECT_TRUE(all.has("4.8M")) << all.out;
	EXPECT_TRUE(one.has("[2001:db8:1::7]:40003")) << one.out;
	EXPECT_FALSE(one.has("198.51.100.7"));
	EXPECT_TRUE(all.has("\n2 of 2\n")) << all.out;
	const Outcome first = run("connections limit 1");
	EXPECT_TRUE(first.has("\n1 of 2; go on with: cursor ")) << first.out;
	const size_t at = first.out.find("cursor ");
	const Outcome rest =
		run("connections " + first.out.substr(at, first.out.find('\n', at) - at));
	EXPECT_TRUE(rest.has("[2001:db8:1::7]:40003")) << rest.out;
	EXPECT_TRUE(rest.has("\n1 of 2\n")) << rest.out;
	EXPECT_FALSE(run("connections dst 192.0.2.0/24").has("2001:db8"));
}

TEST_F(Sluicectl, RefusedExitsOne)
{
	for (const std::string args :
	     {"rpc no_such_method", "states no-such-service", "connections src here",
	      "connections limit 10001", R"(rpc state_get '{"services": "web"}')"}) {
		const Outcome r = run(args);
		EXPECT_EQ(r.exit_code, 1) << args << r.out;
		EXPECT_TRUE(r.has("refused")) << r.out;
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
	for (const std::string word : {"st", "sta", "stat"}) {
		const Outcome r = run(word);
		EXPECT_EQ(r.exit_code, 2);
		EXPECT_TRUE(r.has("sluicectl: \"" + word +
				  "\" is ambiguous: status, stats or states\n"))
			<< r.out;
	}
}

TEST_F(Sluicectl, AnUnfitValueIsToldWithThoseThatFit)
{
	const Outcome state = run("connections state OPEN"), limit = run("connections limit 0");
	EXPECT_TRUE(state.has("sluicectl: \"OPEN\" is no state; expected LISTEN, SYN-SENT, "))
		<< state.out;
	EXPECT_TRUE(state.has(", TIME-WAIT or CLOSED; see")) << state.out;
	EXPECT_TRUE(limit.has("\"0\" is no value of limit; expected a number from 1 to 10000"))
		<< limit.out;
}

TEST_F(Sluicectl, AbbreviationsWillDoAndTheEnvironmentNamesTheSocket)
{
	const Outcome r = ctl("con", "SLUICE_SOCKET=" + daemon.socket_path);

	EXPECT_EQ(r.exit_code, 0);
	EXPECT_TRUE(r.has("198.51.100.7:40001")) << r.out;
}

TEST_F(Sluicectl, WatchingShowsRatesAndWaitsForADaemonThatGoes)
{
	const std::string away = daemon.socket_path + ".away";
	Outcome r = {};

	for (auto *w : daemon.box.workers)
		fake_worker_set_busy(w, true);
	std::thread watch([&] {
		r = sl_test::run_command("timeout -s INT 4 " SLUICECTL " -s " + daemon.socket_path +
					 " -w 0.2 stats");
	});
	usleep(1200000);
	EXPECT_EQ(rename(daemon.socket_path.c_str(), away.c_str()), 0);
	usleep(900000);
	EXPECT_EQ(rename(away.c_str(), daemon.socket_path.c_str()), 0);
	watch.join();
	EXPECT_TRUE(r.has("/s  received from a port")) << r.out;
	const size_t gone = r.out.find("no sluiced answers");
	ASSERT_NE(gone, std::string::npos) << r.out;
	EXPECT_EQ(r.out.find("no sluiced answers", gone + 1), std::string::npos) << "said once";
	EXPECT_NE(r.out.find("packets\n", gone), std::string::npos) << "and it goes on";
}

TEST_F(Sluicectl, WatchingIsForWhatOnlyReads)
{
	for (const std::string command :
	     {"reload", "drain", "drain --cancel", "rpc stats_get", "completion bash"}) {
		const Outcome r = run("-w 1 " + command);
		EXPECT_EQ(r.exit_code, 2) << command << r.out;
		EXPECT_TRUE(r.has("-w is for commands that only read: status, stats, states, "
				  "services, connections, ports, version\n"))
			<< r.out;
	}
}

TEST_F(Sluicectl, WatchingDoesNotBeginWithoutADaemon)
{
	EXPECT_EQ(ctl("-s /tmp/no-such-socket -w 1 status").exit_code, 3);
}

TEST(SluicectlAlone, HelpAndCompletionComeFromTheTable)
{
	const Outcome help = ctl("--help"), completion = ctl("completion bash");

	EXPECT_EQ(help.exit_code, 0);
	for (const char *command : {"status", "stats", "states", "services", "connections", "ports",
				    "rpc", "version", "completion"}) {
		EXPECT_TRUE(help.has(std::string("\n  ") + command)) << command;
		EXPECT_TRUE(completion.has(std::string(" ") + command)) << command;
	}
	EXPECT_EQ(system("bash -c 'source <(" SLUICECTL " completion bash)'"), 0);
}

TEST(SluicectlAlone, NoDaemonExitsThreeAndSaysHowToStartIt)
{
	const Outcome r = ctl("-s /tmp/no-such-socket status");

	EXPECT_EQ(r.exit_code, 3);
	EXPECT_TRUE(r.has("start it (sluiced -c FILE)")) << r.out;
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
	EXPECT_TRUE(r.has("has not answered for 5 s")) << r.out;
	close(fd);
	unlink(path.c_str());
}

TEST(SluicectlAlone, KnowsItsVersion)
{
	const Outcome r = ctl("--version");
	EXPECT_EQ(r.exit_code, 0);
	EXPECT_EQ(r.out, "sluicectl " SL_VERSION "\n");
}
