// SPDX-License-Identifier: BSD-3-Clause
// What each method answers, and how it refuses.
#include "rpc_client.h"

#include <map>

namespace
{

// The identity of the books, of an object with terms by name.
json_int_t balance(const Json &o)
{
	json_int_t sum = o["rx"].number() + o["handed_in"].number();
	const char *name;
	json_t *value;

	for (const char *term :
	     {"answered", "relayed", "delivered", "passed", "held", "handed_out"})
		sum -= o[term].number();
	json_object_foreach(o["dropped"].get(), name, value) sum -= json_integer_value(value);
	return sum;
}

void expect_error(const Json &reply, int code, const char *field = nullptr)
{
	EXPECT_EQ(reply["error"]["code"].number(), code) << reply.dump();
	EXPECT_EQ(reply["id"].number(), 1);
	if (field != nullptr) {
		EXPECT_EQ(reply["error"]["data"]["field"].text(), field);
		EXPECT_FALSE(reply["error"]["data"]["expected"].text().empty());
	}
}

} // namespace

TEST(RpcMethods, EveryMethodThatIsListedAnswers)
{
	Daemon daemon;
	Client client(daemon.socket_path);
	const Json methods = client.result("rpc_get_methods");

	ASSERT_EQ(methods.size(), 12u);
	for (int i = 0; i < (int)methods.size(); i++) {
		const std::string name = methods[i]["name"].text();
		EXPECT_FALSE(methods[i]["help"].text().empty());
		EXPECT_TRUE(json_is_array(methods[i]["params"].get()));
		/* This box has no file to read again. */
		EXPECT_NE(client.call(name)[name == "config_reload" ? "error" : "result"].get(),
			  nullptr)
			<< name;
	}
}

TEST(RpcDrain, BeginsAndEndsAndIsSeen)
{
	Daemon daemon;
	Client client(daemon.socket_path);

	connect_two(daemon.box);
	EXPECT_TRUE(json_is_true(client.result("system_drain")["draining"].get()));
	const Json s = client.result("system_get_status");
	EXPECT_TRUE(json_is_true(s["draining"].get()));
	EXPECT_EQ(s["translated"].number(), 2);
	EXPECT_NE(s["warnings"].dump().find("drain --cancel"), std::string::npos);
	EXPECT_TRUE(json_is_false(
		client.result("system_drain", R"({"cancel":true})")["draining"].get()));
	expect_error(client.call("system_drain", R"({"cancel":1})"), -32602, "cancel");
}

TEST(RpcStats, BooksBalanceWhileTheWorkersCount)
{
	Daemon daemon;
	Client client(daemon.socket_path);

	for (auto *w : daemon.box.workers)
		fake_worker_set_busy(w, true);
	usleep(20000);
	for (int i = 0; i < 20; i++) {
		const Json stats = client.result("stats_get");
		json_int_t rx = 0;

		EXPECT_EQ(balance(stats), 0);
		ASSERT_EQ(stats["workers"].size(), 2u);
		for (int w = 0; w < 2; w++) {
			EXPECT_EQ(balance(stats["workers"][w]), 0);
			EXPECT_EQ(stats["workers"][w]["core"].number(), w + 1);
			rx += stats["workers"][w]["rx"].number();
		}
		EXPECT_EQ(stats["rx"].number(), rx);
		EXPECT_GT(rx, 0);
	}
}

TEST(RpcStats, EveryReasonAndEventIsThereAndServicesHaveNames)
{
	Daemon daemon;
	Client client(daemon.socket_path);
	const Json stats = client.result("stats_get");

	EXPECT_EQ(stats["dropped"].size(), (size_t)SL_N_DROPS);
	EXPECT_EQ(stats["events"].size(), (size_t)SL_N_EVENTS - 1); // "made" stands with the terms
	for (const char *name : {"made", "nic_missed", "nic_nombuf", "nic_errors"})
		EXPECT_EQ(stats[name].number(), 0) << name;
	ASSERT_EQ(stats["services"].size(), 3u);
	EXPECT_TRUE(json_is_null(stats["services"][0]["name"].get()));
	EXPECT_EQ(stats["services"][1]["name"].text(), "web");
	EXPECT_EQ(balance(stats["services"][2]), 0);
}

TEST(RpcStats, StuckWorkerIsAnErrorInStatsAndAWarningInStatus)
{
	Daemon daemon;
	Client client(daemon.socket_path);

	fake_worker_set_stuck(daemon.box.workers[0], true);
	usleep(5000);
	const Json reply = client.call("stats_get");
	expect_error(reply, -32000);
	EXPECT_EQ(reply["error"]["message"].text(),
		  "the worker on core 1 has not answered for 2 s");
	const Json status = client.result("system_get_status");
	EXPECT_TRUE(json_is_null(status["balanced"].get()));
	EXPECT_GE(status["warnings"].size(), 1u);
	fake_worker_set_stuck(daemon.box.workers[0], false);
	EXPECT_EQ(balance(client.result("stats_get")), 0);
}

TEST(RpcState, AllElevenOfBothLegsAndListenOnce)
{
	Daemon daemon;
	Client client(daemon.socket_path);

	connect_two(daemon.box);
	const Json all = client.result("state_get");
	EXPECT_EQ(all.dump(),
		  R"({"client":{"LISTEN":2,"SYN-SENT":0,"SYN-RECEIVED":0,"ESTABLISHED":1,)"
		  R"("FIN-WAIT-1":0,"FIN-WAIT-2":0,"CLOSE-WAIT":1,"CLOSING":0,"LAST-ACK":0,)"
		  R"("TIME-WAIT":0,"CLOSED":0},"server":{"LISTEN":0,"SYN-SENT":0,)"
		  R"("SYN-RECEIVED":0,"ESTABLISHED":1,"FIN-WAIT-1":0,"FIN-WAIT-2":1,)"
		  R"("CLOSE-WAIT":0,"CLOSING":0,"LAST-ACK":0,"TIME-WAIT":0,"CLOSED":0}})");
	const Json web = client.result("state_get", R"({"service":"web"})");
	EXPECT_EQ(web["client"]["LISTEN"].number(), 1);
	EXPECT_EQ(web["client"]["CLOSE-WAIT"].number(), 0);
	const Json refused = client.call("state_get", R"({"service":"no"})");
	expect_error(refused, -32602, "service");
	EXPECT_EQ(refused["error"]["data"]["expected"].text(), "the name of a service: web, lab");
}

TEST(RpcStatus, SaysWhatStands)
{
	Daemon daemon;
	Client client(daemon.socket_path);

	connect_two(daemon.box);
	const Json s = client.result("system_get_status");
	EXPECT_EQ(s["version"].text(), SL_VERSION);
	EXPECT_EQ(s["pid"].number(), getpid());
	EXPECT_TRUE(json_is_real(s["uptime_s"].get()));
	EXPECT_EQ(s["config"].text(), "/etc/sluice.conf");
	EXPECT_EQ(s["dpdk"].text(), "DPDK none");
	EXPECT_EQ(s["connections"].dump(), R"({"current":2,"passed":0,"capacity":2048})");
	EXPECT_EQ(s["endpoints"].dump(), R"({"current":0,"capacity":0,"responding":0})");
	EXPECT_EQ(s["stream_buffers"].dump(), R"({"current":0,"capacity":0})");
	EXPECT_TRUE(json_is_true(s["balanced"].get()));
	EXPECT_EQ(s["warnings"].size(), 0u) << s["warnings"].dump();
	EXPECT_EQ(s["links"][0]["outside"].dump(),
		  R"({"port":"net_fake0","link_up":true,"spread":""})");
	EXPECT_EQ(s["workers"][1]["core"].number(), 2);
	EXPECT_TRUE(json_is_false(s["workers"][1]["stuck"].get()));
}

TEST(RpcStatus, BooksThatDoNotBalanceAndAFullTableAreSeen)
{
	Daemon daemon(20);
	Client client(daemon.socket_path);

	fake_worker_lock(daemon.box.workers[0]);
	fake_worker_account(daemon.box.workers[0], 2)->term[SL_TERM_rx]++;
	fake_worker_account(daemon.box.workers[0], 1)->term[SL_TERM_passed]++; // in sum it does
	fake_worker_unlock(daemon.box.workers[0]);
	for (uint16_t i = 0; i < 19; i++) {
		const struct fake_connection c = {"198.51.100.7",
						  "192.0.2.2",
						  (uint16_t)(40000 + i),
						  80,
						  1,
						  {SL_TCP_ESTABLISHED, SL_TCP_ESTABLISHED},
						  {1, 1},
						  {1, 1}};
		fake_worker_connect(daemon.box.workers[1], &c);
	}
	const Json s = client.result("system_get_status");
	EXPECT_TRUE(json_is_false(s["balanced"].get()));
	ASSERT_EQ(s["warnings"].size(), 1u);
	EXPECT_EQ(s["warnings"][0].text(), "the table of the worker on core 2 is 95 % full: raise "
					   "workers.connections");
}

// Pressure keeps a table below the fill at which it would be called full.
TEST(RpcStatus, TableThatEvictsIsSeenThoughItIsNotFull)
{
	Daemon daemon(1024, 0, 100);
	Client client(daemon.socket_path);
	struct sl_shortage *of = fake_worker_lock(daemon.box.workers[1])->relay.pressure.of;

	of[SL_STOCK_ENTRIES].level = SL_PRESSURE_HALF_OPEN;
	fake_worker_account(daemon.box.workers[1], 1)->event[SL_EVENT_evicted_half_open] += 4000;
	fake_worker_account(daemon.box.workers[1], 2)->event[SL_EVENT_evicted_over] += 99;
	fake_worker_unlock(daemon.box.workers[1]);
	const auto warning = [&](const char *text) {
		std::string all;

		for (int i = 0; i < 60; i++, usleep(50000)) {
			all = client.result("system_get_status")["warnings"].dump();
			if (all == std::string("[\"") + text + "\"]")
				break;
		}
		return all;
	};
	const char full[] = "the table of the worker on core 2 is 0 % full, and 4099 connections "
			    "were evicted in 10 s to make room: raise workers.connections";
	EXPECT_EQ(warning(full), std::string("[\"") + full + "\"]");
	EXPECT_EQ(client.result("worker_list")[1]["lately_evicted"].number(), 4099);
	// What was short are endpoints.
	const char endpoints[] = "the worker on core 2 runs out of endpoints, of which 0 % are in "
				 "use, and 4099 connections were evicted in 10 s to make room: "
				 "raise workers.endpoints";
	fake_worker_lock(daemon.box.workers[1]);
	of[SL_STOCK_ENTRIES].level = SL_PRESSURE_NONE;
	of[SL_STOCK_ENDPOINTS].level = SL_PRESSURE_OVER;
	fake_worker_unlock(daemon.box.workers[1]);
	EXPECT_EQ(warning(endpoints), std::string("[\"") + endpoints + "\"]");
}

TEST(RpcStatus, StreamBuffersThatAreNearlyGoneAreSeen)
{
	Daemon daemon(1024, 0, 100);
	Client client(daemon.socket_path);

	for (unsigned used : {78u, 79u}) {
		struct sl_pipeline *p = fake_worker_lock(daemon.box.workers[1]);
		p->relay.endpoints.tcp.pool.n_free = 100 - used;
		fake_worker_unlock(daemon.box.workers[1]);
		const Json s = client.result("system_get_status");
		EXPECT_EQ(s["stream_buffers"]["current"].number(), used);
		EXPECT_EQ(s["stream_buffers"]["capacity"].number(), 200);
		ASSERT_EQ(s["warnings"].size(), used == 79 ? 1u : 0u) << s["warnings"].dump();
		if (used == 79) {
			EXPECT_EQ(s["warnings"][0].text(),
				  "of the stream buffers of the worker on core 2, 79 % are in use: "
				  "raise workers.stream_buffers, or lower receive_buffer and "
				  "send_buffer");
		}
	}
}

TEST(RpcServices, SayWhatIsProtectedAndHow)
{
	Daemon daemon;
	Client client(daemon.socket_path);
	const Json list = client.result("service_list");

	ASSERT_EQ(list.size(), 2u);
	EXPECT_EQ(list[0]["address"].text(), "192.0.2.2");
	EXPECT_EQ(list[0]["prefix"].number(), 32);
	EXPECT_EQ(list[0]["port"].number(), 80);
	EXPECT_EQ(list[0]["mode"].text(), "splice");
	EXPECT_EQ(list[0]["cookies"].text(), "always");
	EXPECT_TRUE(json_is_null(list[0]["server"].get()));
	EXPECT_EQ(list[0]["limits"]["half_open"].number(), 10);
	EXPECT_EQ(list[0]["limits"]["probes"].number(), 9);
	EXPECT_EQ(list[1]["prefix"].number(), 64);
	EXPECT_EQ(list[1]["port"].text(), "8000-8010");
	EXPECT_EQ(list[1]["connections"]["client"]["LISTEN"].number(), 1);
}

TEST(RpcConnections, ShowBothLegs)
{
	Daemon daemon;
	Client client(daemon.socket_path);

	connect_two(daemon.box);
	const Json list = client.result("connection_list")["connections"];
	ASSERT_EQ(list.size(), 2u);
	const Json v4 = list[0], v6 = list[1];
	EXPECT_EQ(v4["client"].text(), "198.51.100.7:40001");
	EXPECT_EQ(v4["server"].text(), "192.0.2.2:80");
	EXPECT_EQ(v4["service"].text(), "web");
	EXPECT_EQ(v4["packets"].dump(), R"({"client":3,"server":2})");
	EXPECT_EQ(v4["bytes"].dump(), R"({"client":100,"server":5000000})");
	EXPECT_TRUE(json_is_true(v4["spliced"].get()));
	EXPECT_EQ(v4["timer"]["name"].text(), "idle");
	EXPECT_NEAR(json_real_value(v4["timer"]["in_s"].get()), 7200, 5);
	EXPECT_TRUE(json_is_real(v4["age_s"].get()) && json_is_real(v4["idle_s"].get()));
	EXPECT_EQ(v4["core"].number(), 1);
	EXPECT_EQ(v6["client"].text(), "[2001:db8:1::7]:40003");
	EXPECT_EQ(v6["states"].dump(), R"({"client":"CLOSE-WAIT","server":"FIN-WAIT-2"})");
	EXPECT_EQ(v6["core"].number(), 2);
	EXPECT_EQ(v6["held"].number(), 0);
	EXPECT_EQ(v6["vlan"].number(), 0);
}

namespace
{

// `n` connections of service "web", by turns on both workers, or all on one.
void connect_many(Box &box, unsigned n, unsigned worker = 2, unsigned from = 0)
{
	for (unsigned i = from; i < from + n; i++) {
		const std::string client =
			"10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250 + 1);
		const struct fake_connection c = {client.c_str(),
						  "192.0.2.2",
						  40000,
						  80,
						  1,
						  {SL_TCP_ESTABLISHED, SL_TCP_ESTABLISHED},
						  {1, 1},
						  {1, 1}};
		fake_worker_connect(box.workers[worker < 2 ? worker : i % 2], &c);
	}
}

// How many connections each core has in a listing.
std::map<json_int_t, size_t> by_core(const Json &list)
{
	std::map<json_int_t, size_t> n;

	for (int i = 0; i < (int)list.size(); i++)
		n[list[i]["core"].number()]++;
	return n;
}

} // namespace

TEST(RpcConnections, ComeEvenlyFromAllWorkers)
{
	Daemon daemon;
	Client client(daemon.socket_path);

	connect_many(daemon.box, 600);
	const Json r = client.result("connection_list", R"({"limit":101})");
	EXPECT_EQ(r["connections"].size(), 101u);
	EXPECT_EQ(r["total"].number(), 600);
	auto n = by_core(r["connections"]);
	EXPECT_EQ(n[1], 51u);
	EXPECT_EQ(n[2], 50u);
	// What one has less, others may have more.
	connect_many(daemon.box, 200, 0, 600);
	n = by_core(client.result("connection_list", R"({"limit":10000})")["connections"]);
	EXPECT_EQ(n[1], 500u);
	EXPECT_EQ(n[2], 300u);
	// A filter counts what fits it.
	const Json few = client.result("connection_list", R"({"src":"10.0.1.0/24","limit":7})");
	EXPECT_EQ(few["connections"].size(), 7u);
	EXPECT_EQ(few["total"].number(), 250);
	n = by_core(few["connections"]);
	EXPECT_EQ(n[1], 4u);
	EXPECT_EQ(n[2], 3u);
}

TEST(RpcConnections, CursorGivesEachThatStandsOnce)
{
	Daemon daemon(4096);
	Client client(daemon.socket_path);

	for (const char *filter : {"", R"("service":"web",)"}) {
		std::map<std::string, unsigned> seen;
		std::string cursor;
		unsigned pages = 0;

		connect_many(daemon.box, 900); // those that stand
		for (;; pages++) {
			const Json r = client.result("connection_list", std::string("{") + filter +
										cursor +
										R"("limit":100})");
			for (int i = 0; i < (int)r["connections"].size(); i++)
				seen[r["connections"][i]["client"].text()]++;
			// Others come and go meanwhile.
			connect_many(daemon.box, 40, pages % 2, 2000 + 40 * pages);
			if (json_is_null(r["cursor"].get()))
				break;
			ASSERT_LT(pages, 100u);
			cursor = R"("cursor":")" + r["cursor"].text() + "\",";
		}
		for (unsigned i = 0; i < 900; i++) {
			const std::string name = "10.0." + std::to_string(i / 250) + "." +
						 std::to_string(i % 250 + 1) + ":40000";
			EXPECT_EQ(seen[name], 1u) << name;
		}
		for (const auto &s : seen)
			EXPECT_EQ(s.second, 1u) << s.first;
		for (auto *w : daemon.box.workers)
			fake_worker_empty(w);
	}
	EXPECT_EQ(client.result("connection_list")["total"].number(), 0);
}

TEST(RpcConnections, FiltersAsTheyAreWritten)
{
	static const struct {
		const char *params;
		size_t n;
	} cases[] = {
		{R"({"state":"fin_wait2"})", 1},
		{R"({"state":"LISTEN"})", 0},
		{R"({"src":"198.51.100.0/24"})", 1},
		{R"({"src":"0.0.0.0/0"})", 1},
		{R"({"src":"::/0"})", 2},
		{R"({"src":"198.51.100.7:40001"})", 1},
		{R"({"src":"198.51.100.7:40002"})", 0},
		{R"({"dst":"192.0.2.2"})", 1},
		{R"({"dst":"2001:db8:2::/64"})", 1},
		{R"({"dst":"[2001:db8:2::5]:8001"})", 1},
		{R"({"dst":"[2001:db8:2::/64]:8001"})", 1},
		{R"({"dst":"[2001:db8:2::5]:8002"})", 0},
		{R"({"service":"lab"})", 1},
		{R"({"service":"lab","src":"198.51.100.7"})", 0},
		{R"({"limit":1})", 1},
		{R"(["ESTABLISHED", "198.51.100.7"])", 1},
	};
	Daemon daemon;
	Client client(daemon.socket_path);

	connect_two(daemon.box);
	for (const auto &c : cases)
		EXPECT_EQ(client.result("connection_list", c.params)["connections"].size(), c.n)
			<< c.params;
}

TEST(RpcConnections, BadParametersAreNamed)
{
	static const struct {
		const char *params, *field;
	} cases[] = {
		{R"({"state":"OPEN"})", "state"},
		{R"({"state":1})", "state"},
		{R"({"src":"198.51.100.7/33"})", "src"},
		{R"({"src":"198.51.100.7:0"})", "src"},
		{R"({"src":"198.51.100.7:65536"})", "src"},
		{R"({"src":"198.51.100.7/"})", "src"},
		{R"({"dst":"[2001:db8::1"})", "dst"},
		{R"({"dst":"[2001:db8::1]80"})", "dst"},
		{R"({"dst":"2001:db8::/129"})", "dst"},
		{R"({"dst":"server.example"})", "dst"},
		{R"({"dst":""})", "dst"},
		{R"({"service":"no"})", "service"},
		{R"({"limit":0})", "limit"},
		{R"({"limit":10001})", "limit"},
		{R"({"limit":"9"})", "limit"},
		{R"({"limit":1.5})", "limit"},
		{R"({"cursor":"1"})", "cursor"},
		{R"({"cursor":"1.2.3"})", "cursor"},
		{R"({"cursor":"1.x"})", "cursor"},
		{R"({"cursor":"1.-2"})", "cursor"},
		{R"({"cursor":"1.99999999999"})", "cursor"},
		{R"({"states":"LISTEN"})", "states"},
		{R"(["LISTEN","::","::","web",1,"1.2",2])", "6"},
	};
	Daemon daemon;
	Client client(daemon.socket_path);

	for (const auto &c : cases) {
		SCOPED_TRACE(c.params);
		expect_error(client.call("connection_list", c.params), -32602, c.field);
	}
}

TEST(RpcPorts, ShowTheirLinkAndWhatWasLost)
{
	Daemon daemon;
	Client client(daemon.socket_path);
	struct sl_port_counters counters = {};

	counters.rx = 10;
	counters.nic_missed = 3;
	fake_port_set(1, &counters);
	const Json ports = client.result("port_list");
	ASSERT_EQ(ports.size(), 2u);
	EXPECT_EQ(ports[0]["side"].text(), "outside");
	EXPECT_TRUE(json_is_true(ports[0]["link_up"].get()));
	EXPECT_EQ(ports[1]["name"].text(), "net_fake1");
	EXPECT_EQ(ports[1]["link"].text(), "edge");
	EXPECT_EQ(ports[1]["nic_missed"].number(), 3);
	EXPECT_EQ(client.result("stats_get")["nic_missed"].number(), 3);
	EXPECT_EQ(client.result("link_list")[0]["inside"]["port"].text(), "net_fake1");
	EXPECT_EQ(client.result("worker_list")[1]["connections"]["capacity"].number(), 1024);
}

TEST(RpcPorts, APortThatDoesNotSendOrSendsLessThanItsLinkIsWarnedOf)
{
	Daemon daemon;
	Client client(daemon.socket_path);
	struct sl_port_counters c = {};

	c.link_up = c.present = true;
	c.tx = c.sent = 7;
	c.limit = {1400, 1418};
	fake_port_set(1, &c);
	usleep(1200000);
	c.sent++;
	for (int i = 0; i < 50; i++) {
		c.tx++;
		fake_port_set(1, &c);
		usleep(100000);
	}
	const std::string warnings = client.result("system_get_status")["warnings"].dump();
	EXPECT_NE(warnings.find(
			  "port net_fake1 can send packets of 1400 bytes, link edge has an mtu of "
			  "1500: longer ones are dropped (above_mtu)"),
		  std::string::npos)
		<< warnings;
	EXPECT_NE(warnings.find("port net_fake1 does not send what it is given"), std::string::npos)
		<< warnings;
	const Json ports = client.result("port_list");
	EXPECT_EQ(ports[1]["mtu"].number(), 1400);
	EXPECT_TRUE(json_is_true(ports[1]["silent"].get()));
	EXPECT_EQ(ports[1]["restarts"].number(), 1);
}
