// SPDX-License-Identifier: BSD-3-Clause
// A configuration becomes a plan, and the plan reaches the workers: all of it or nothing.
#include "box.h"
#include "sl_config.h"
#include "sl_reload.h"

#include <cerrno>
#include <utility>

#include <algorithm>
#include <chrono>
#include <event2/event.h>
#include <fstream>
#include <map>
#include <set>
#include <vector>

namespace
{

const char kHead[] = "workers = { cores = [ 1, 2 ]; };\n"
		     "links = ( { name = \"edge\"; outside = \"a\"; inside = \"b\"; } );\n";
const char kWeb[] = "{ name = \"web\"; address = \"192.0.2.2\"; port = 80; mode = \"splice\"; }";
const char kOwn[] = "{ name = \"own\"; address = \"192.0.2.9\"; port = 80; mode = \"respond\"; }";
const char kLab[] =
	"{ name = \"lab\"; address = \"2001:db8:2::/64\"; port = \"8000-8010\"; mode = \"pass\"; }";

std::string text_of(const std::vector<std::string> &services, const std::string &more = "")
{
	std::string text = std::string(kHead) + more + "services = (";
	for (size_t i = 0; i < services.size(); i++)
		text += (i > 0 ? ",\n" : "\n") + services[i];
	return text + ");\n";
}

std::string service_text(const std::string &name, unsigned port)
{
	return "{ name = \"" + name +
	       "\"; address = \"192.0.2.9\"; port = " + std::to_string(port) +
	       "; mode = \"pass\"; }";
}

struct Config {
	explicit Config(const std::string &text) : c(new sl_config())
	{
		sl_config_error why;
		char said[2048];
		EXPECT_EQ(sl_config_load_string(text.c_str(), "t.cfg", c.get(), &why), 0)
			<< sl_config_error_format(&why, said, sizeof(said));
	}
	~Config()
	{
		sl_config_fini(c.get());
	}
	std::unique_ptr<sl_config> c;
};

// A box whose configuration lies in a file, and its control's loop.
class Reload : public ::testing::Test
{
      protected:
	Reload() : Reload(text_of({kWeb, kLab}))
	{
	}

	explicit Reload(const std::string &text) : config(text)
	{
		char error[256];
		path = box.path("sluice.conf");
		box.setup.config = config.c.get();
		box.setup.config_path = path.c_str();
		control = sl_control_create(&box.setup, error, sizeof(error));
		EXPECT_NE(control, nullptr);
	}

	~Reload() override
	{
		for (auto *w : box.workers)
			fake_worker_stop(w);
		sl_control_destroy(control);
		unlink(path.c_str());
	}

	struct Answer {
		bool called = false;
		std::string error;
		std::map<std::string, std::string> changes; // "before -> after" by setting
	};

	static void done(void *arg, const struct sl_config_change *changes, unsigned n,
			 const char *error)
	{
		auto *a = static_cast<Answer *>(arg);
		a->called = true;
		a->error = error != nullptr ? error : "";
		for (unsigned i = 0; i < n; i++)
			a->changes[changes[i].path] =
				std::string(changes[i].before) + " -> " + changes[i].after;
	}

	void wait(const Answer &a)
	{
		const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
		while (!a.called && std::chrono::steady_clock::now() < end)
			event_base_loop(sl_control_base(control), EVLOOP_ONCE);
		EXPECT_TRUE(a.called);
	}

	Answer reload(const std::string &text)
	{
		std::ofstream(path) << text;
		Answer a;
		EXPECT_NE(sl_reload_request(control, "a test", done, &a), nullptr);
		wait(a);
		return a;
	}

	Answer drain(bool on)
	{
		Answer a;
		EXPECT_NE(sl_drain_request(control, on, "a test", done, &a), nullptr);
		wait(a);
		return a;
	}

	const sl_service &service(unsigned number)
	{
		return sl_control_setup(control)->plan->services.service[number];
	}

	// What worker `i` goes by.
	const sl_plan *plan_of(unsigned i)
	{
		const sl_plan *p = fake_worker_lock(box.workers[i])->plan;
		fake_worker_unlock(box.workers[i]);
		return p;
	}

	void expect_all_have(const sl_plan *plan)
	{
		for (unsigned i = 0; i < Box::kWorkers; i++)
			EXPECT_EQ(plan_of(i), plan);
	}

	Box box;
	Config config;
	std::string path;
	struct sl_control *control;
};

} // namespace

TEST_F(Reload, ReachesEveryWorker)
{
	const Answer a = reload(text_of({kWeb, kLab, service_text("new", 7)}));
	EXPECT_EQ(a.error, "");
	EXPECT_EQ(a.changes.size(), 1u);
	EXPECT_EQ(a.changes.at("services.new"), "none -> new");
	EXPECT_STREQ(service(3).name, "new");
	expect_all_have(sl_control_setup(control)->plan);
}

TEST_F(Reload, TellsWhatHasChanged)
{
	const Answer a = reload(text_of(
		{"{ name = \"web\"; address = \"192.0.2.2\"; port = 80; mode = \"monitor\"; "
		 "limits = { idle = 60; }; }"},
		""));
	EXPECT_EQ(a.error, "");
	EXPECT_EQ(a.changes.at("services.web.mode"), "splice -> monitor");
	EXPECT_EQ(a.changes.at("services.web.limits.idle"), "7200 -> 60");
	EXPECT_EQ(a.changes.at("services.lab"), "there -> gone");
	EXPECT_EQ(a.changes.size(), 3u);
	EXPECT_TRUE(service(2).retired);
	EXPECT_EQ(service(1).limits.idle_ms, 60000u);
}

// Whoever has asked for it, and though nobody waits for the answer.
TEST_F(Reload, AndDrainAreInTheLog)
{
	testing::internal::CaptureStderr();
	reload(text_of({kWeb, kLab, service_text("new", 7)}));
	reload("nonsense");
	drain(true);
	drain(false);
	std::ofstream(path) << text_of({kWeb});
	sl_request_cancel(sl_reload_request(control, "who has gone", done, nullptr));
	const std::string log = testing::internal::GetCapturedStderr();
	for (const std::string line :
	     {"notice sluiced: reload: services.new: none -> new\n",
	      "notice sluiced: reloaded (a test): 1 change\n",
	      "warning sluiced: reload refused (a test): ",
	      "notice sluiced: draining (a test): new connections pass unproxied\n",
	      "notice sluiced: draining has ended (a test): new connections are proxied\n",
	      "notice sluiced: reloaded (who has gone): 2 changes\n"})
		EXPECT_NE(log.find(line), std::string::npos) << line << log;
}

TEST_F(Reload, IsLoggedSoOftenASecondAndNotMore)
{
	testing::internal::CaptureStderr();
	for (int i = 0; i < 200; i++)
		drain(true);
	usleep(1100000);
	drain(true);
	const std::string log = testing::internal::GetCapturedStderr();
	EXPECT_LT(std::count(log.begin(), log.end(), '\n'), 100);
	EXPECT_NE(log.find(" reloads and drains that were asked for are not logged\n"),
		  std::string::npos);
}

TEST_F(Reload, ThatNamesABadLineChangesNothing)
{
	const sl_plan *before = plan_of(0);
	const Answer a = reload(text_of({kWeb, "{ name = \"x\"; }"}));
	EXPECT_NE(a.error.find("sluice.conf:"), std::string::npos) << a.error;
	EXPECT_NE(a.error.find("address"), std::string::npos) << a.error;
	expect_all_have(before);
	EXPECT_EQ(sl_control_setup(control)->plan, before);
}

TEST_F(Reload, RefusesWhatNeedsARestart)
{
	const sl_plan *before = plan_of(0);
	const std::string head =
		"workers = { cores = [ 1 ]; buffers = 4096; };\n"
		"links = ( { name = \"edge\"; outside = \"a\"; inside = \"c\"; } );\n";
	const Answer a = reload(head + "services = (" + kWeb + ");\n");
	EXPECT_EQ(a.error, "workers.cores: was \"1 2\", is \"1\"; workers.buffers: was \"16384\", "
			   "is \"4096\"; links.edge.inside: was \"b\", is \"c\"; these need a "
			   "restart; nothing has been changed");
	const Answer b = reload(std::string(kHead) + "control = { socket = \"/x\"; };\n" +
				"services = (" + kWeb + ");\n");
	EXPECT_NE(b.error.find("control.socket"), std::string::npos) << b.error;
	const Answer c = reload("workers = { cores = [ 1, 2 ]; };\n"
				"links = ( { name = \"edge\"; outside = \"a\"; inside = \"b\"; },\n"
				"{ name = \"two\"; outside = \"c\"; inside = \"d\"; } );\n");
	EXPECT_NE(c.error.find("links.two"), std::string::npos) << c.error;
	// A cookie that is on its way has promised another.
	const Answer d = reload(text_of({std::string(kWeb).insert(1, " wscale = 9;")}));
	EXPECT_NE(d.error.find("services.web.wscale: was \"7\", is \"9\"; that needs a restart"),
		  std::string::npos)
		<< d.error;
	expect_all_have(before);
}

TEST_F(Reload, NamesAsManySettingsAsThereIsRoomForAndCountsTheRest)
{
	std::string links = "workers = { cores = [ 1, 2 ]; buffers = 4096; };\nlinks = (\n";
	for (int i = 0; i < 8; i++)
		links += (i > 0 ? ", " : "") + std::string("{ name = \"edge") + std::to_string(i) +
			 "\"; outside = \"a" + std::to_string(i) + "\"; inside = \"b" +
			 std::to_string(i) + "\"; }\n";
	const Answer a =
		reload(links + ");\neal = [ \"" + std::string(250, 'x') + "\", \"" +
		       std::string(250, 'y') + "\" ];\nservices = (" + kWeb + "," + kOwn + ");\n");
	for (const std::string named : {"eal: ", "workers.buffers: ", "links.edge: was \"there\"",
					"links.edge7: was \"none\"", "service \"own\": mode is"})
		EXPECT_NE(a.error.find(named), std::string::npos) << named << a.error;
	EXPECT_NE(a.error.find("; these need a restart; nothing has been changed"),
		  std::string::npos);
}

TEST_F(Reload, RefusesAResponderWithoutEndpoints)
{
	const sl_plan *before = plan_of(0);
	const Answer a = reload(text_of({kWeb, kLab, kOwn}));
	EXPECT_NE(a.error.find("service \"own\": mode is \"respond\", and there are no endpoints"),
		  std::string::npos)
		<< a.error;
	expect_all_have(before);
}

TEST_F(Reload, RefusesMoreEndpointsByTheirSettingWhereNothingResponds)
{
	const sl_plan *before = plan_of(0);
	const Answer a =
		reload("workers = { cores = [ 1, 2 ]; endpoints = 2048; };\n"
		       "links = ( { name = \"edge\"; outside = \"a\"; inside = \"b\"; } );\n");
	EXPECT_NE(a.error.find("workers.endpoints: was \"0\", is \"2048\""), std::string::npos)
		<< a.error;
	EXPECT_EQ(a.error.find("no endpoints"), std::string::npos) << a.error;
	expect_all_have(before);
}

class ReloadOfAResponder : public Reload
{
      public:
	ReloadOfAResponder() : Reload(text_of({kWeb, kOwn}))
	{
	}
};

// Its endpoints have been there since the start.
TEST_F(ReloadOfAResponder, TakesItAwayAndBringsItBack)
{
	EXPECT_EQ(reload(text_of({kWeb})).error, "");
	EXPECT_EQ(reload(text_of({kWeb, kOwn})).error, "");
	sl_addr own;
	ASSERT_EQ(sl_addr_parse(&own, "192.0.2.9"), 0);
	EXPECT_NE(sl_service_find(&sl_control_setup(control)->plan->services, &own, 80),
		  SL_SERVICE_NONE);
}

TEST_F(ReloadOfAResponder, DoesNotMissEndpointsThatAreThere)
{
	const Answer a =
		reload("workers = { cores = [ 1, 2 ]; connections = 200000; };\n"
		       "links = ( { name = \"edge\"; outside = \"a\"; inside = \"b\"; } );\n"
		       "services = (" +
		       std::string(kOwn) + ");\n");
	EXPECT_NE(a.error.find("workers.connections: was"), std::string::npos) << a.error;
	EXPECT_EQ(a.error.find("no endpoints"), std::string::npos) << a.error;
}

// As eight NICs have it, or a host link with many addresses: longer than a message shows.
std::string long_list(const std::string &last)
{
	std::string eal = "eal = [ ";
	for (int i = 0; i < 8; i++)
		eal += "\"--vdev=net_af_packet" + std::to_string(i) + "," + std::string(100, 'x') +
		       "\", ";
	return eal + "\"" + last + "\" ];\n";
}

class ReloadOfALongList : public Reload
{
      public:
	ReloadOfALongList() : Reload(text_of({kWeb}, long_list("--no-pci")))
	{
	}
};

TEST_F(ReloadOfALongList, SeesTheLastOfIt)
{
	const Answer a = reload(text_of({kWeb}, long_list("--no-huge")));
	EXPECT_NE(a.error.find("that needs a restart"), std::string::npos) << a.error;
	const Answer b = reload(text_of({kWeb}, long_list("--no-pci")));
	EXPECT_EQ(b.error, "");
	EXPECT_TRUE(b.changes.empty());
}

TEST_F(Reload, AnOptionOfALinkMayChange)
{
	const Answer a = reload("workers = { cores = [ 1, 2 ]; };\n"
				"links = ( { name = \"edge\"; outside = \"a\"; inside = \"b\"; "
				"default = \"drop\"; } );\nservices = (" +
				std::string(kWeb) + "," + kLab + ");\n");
	EXPECT_EQ(a.error, "");
	EXPECT_EQ(a.changes.at("links.edge.default"), "pass -> drop");
	EXPECT_FALSE(sl_control_setup(control)->plan->links[0].pass_default);
}

TEST_F(Reload, WithoutAChangeIsNone)
{
	const Answer a = reload(text_of({kWeb, kLab}));
	EXPECT_EQ(a.error, "");
	EXPECT_TRUE(a.changes.empty());
}

TEST_F(Reload, DrainLastsOverIt)
{
	EXPECT_EQ(drain(true).error, "");
	EXPECT_TRUE(plan_of(1)->draining);
	EXPECT_EQ(reload(text_of({kWeb})).error, "");
	EXPECT_TRUE(plan_of(1)->draining);
	EXPECT_TRUE(service(2).retired);
	EXPECT_EQ(drain(false).error, "");
	EXPECT_FALSE(plan_of(0)->draining);
	EXPECT_TRUE(service(2).retired);
}

TEST_F(Reload, OneAtATime)
{
	fake_worker_set_stuck(box.workers[1], true);
	std::ofstream(path) << text_of({kWeb});
	Answer first;
	ASSERT_NE(sl_reload_request(control, "a test", done, &first), nullptr);
	const Answer second = reload(text_of({kWeb, kLab}));
	EXPECT_NE(second.error.find("still on its way"), std::string::npos) << second.error;
	wait(first);
	EXPECT_NE(first.error.find("core 2"), std::string::npos) << first.error;
	// It wakes, and takes what it was given.
	fake_worker_set_stuck(box.workers[1], false);
	for (int i = 0; i < 50; i++) {
		usleep(10000);
		event_base_loop(sl_control_base(control), EVLOOP_NONBLOCK);
	}
	expect_all_have(sl_control_setup(control)->plan);
	EXPECT_EQ(reload(text_of({kWeb, kLab})).error, "");
}

TEST_F(Reload, FullMailboxMeansNobodyHasIt)
{
	const sl_plan *before = plan_of(0);
	fake_worker_set_full(box.workers[1], true);
	const Answer a = reload(text_of({kWeb}));
	EXPECT_NE(a.error.find("mailbox"), std::string::npos) << a.error;
	expect_all_have(before);
	EXPECT_EQ(sl_control_setup(control)->plan, before);
	fake_worker_set_full(box.workers[1], false);
	EXPECT_EQ(reload(text_of({kWeb})).error, "");
}

TEST_F(Reload, WhoLeavesDoesNotStopIt)
{
	std::ofstream(path) << text_of({kWeb});
	Answer a;
	struct sl_request *r = sl_reload_request(control, "a test", done, &a);
	sl_request_cancel(r);
	for (int i = 0; i < 20; i++) {
		usleep(5000);
		event_base_loop(sl_control_base(control), EVLOOP_NONBLOCK);
	}
	EXPECT_FALSE(a.called);
	expect_all_have(sl_control_setup(control)->plan);
	EXPECT_TRUE(service(2).retired);
}

TEST(Plan, ServicesKeepTheirNumbers)
{
	std::map<std::string, unsigned> number;
	std::unique_ptr<sl_plan> plan(new sl_plan()), next(new sl_plan());
	bool busy[SL_SERVICES_MAX] = {};
	unsigned seed = 7;

	for (int round = 0; round < 60; round++) {
		std::vector<std::string> services;
		std::set<std::string> names;
		for (unsigned i = 0; i < 40; i++) {
			seed = seed * 1103515245 + 12345;
			const std::string name = "s" + std::to_string(seed >> 16 & 63);
			if (names.insert(name).second)
				services.push_back(service_text(name, 1 + (seed >> 16 & 63)));
		}
		Config c(text_of(services));
		ASSERT_EQ(sl_plan_make(c.c.get(), round == 0 ? nullptr : plan.get(), busy,
				       next.get()),
			  0);
		std::set<unsigned> used;
		for (unsigned n = 1; n <= next->services.n; n++) {
			const sl_service &s = next->services.service[n];
			EXPECT_EQ(s.retired, names.count(s.name) == 0) << s.name;
			EXPECT_FALSE(s.reused);
			const auto known = number.emplace(s.name, n);
			EXPECT_EQ(known.first->second, n) << s.name;
			EXPECT_TRUE(used.insert(n).second);
		}
		for (const std::string &name : names)
			EXPECT_EQ(number.count(name), 1u);
		std::swap(plan, next);
	}
}

TEST(Plan, TakesANumberAgainOnlyWhenNothingIsLeftOfIt)
{
	std::unique_ptr<sl_plan> first(new sl_plan()), second(new sl_plan()), third(new sl_plan());
	bool busy[SL_SERVICES_MAX] = {};
	std::vector<std::string> all;

	for (unsigned i = 0; i < SL_SERVICES_MAX - 1; i++)
		all.push_back(service_text("s" + std::to_string(i), i + 1));
	ASSERT_EQ(sl_plan_make(Config(text_of(all)).c.get(), nullptr, busy, first.get()), 0);
	EXPECT_EQ(first->services.n, SL_SERVICES_MAX - 1);
	for (bool &b : busy)
		b = true;
	const std::string text = text_of({service_text("a", 1), service_text("s9", 10)});
	EXPECT_EQ(sl_plan_make(Config(text).c.get(), first.get(), busy, second.get()), -ENOSPC);
	busy[10] = false; // that of s9, which stays
	busy[77] = false;
	ASSERT_EQ(sl_plan_make(Config(text).c.get(), first.get(), busy, second.get()), 0);
	EXPECT_STREQ(second->services.service[77].name, "a");
	EXPECT_TRUE(second->services.service[77].reused);
	EXPECT_FALSE(second->services.service[77].retired);
	EXPECT_STREQ(second->services.service[10].name, "s9");
	ASSERT_EQ(sl_plan_make(Config(text).c.get(), second.get(), busy, third.get()), 0);
	EXPECT_FALSE(third->services.service[77].reused) << "only once";
}
