// SPDX-License-Identifier: BSD-3-Clause
// What servers grant: kept in a file, and shared between workers.
#include "box.h"
#include "sl_learned_file.h"

#include <cerrno>

#include <chrono>
#include <event2/event.h>
#include <fstream>
#include <sstream>
#include <sys/stat.h>

namespace
{

const sl_learned_now kNow = {1800000000, 5000};

struct Table {
	std::unique_ptr<sl_learned_table> t{new sl_learned_table()};

	sl_learned *put(const char *address, uint16_t port, uint16_t mss, bool timestamps,
			int32_t confirmed_s)
	{
		const sl_addr a = addr_of(address);
		sl_learned *l = sl_learned_put(t.get(), &a, port);
		l->mss = mss;
		l->timestamps = timestamps;
		l->confirmed_s = confirmed_s;
		return l;
	}

	const sl_learned *get(const char *address, uint16_t port) const
	{
		const sl_addr a = addr_of(address);
		return sl_learned_get(t.get(), &a, port);
	}

	unsigned count() const
	{
		unsigned n = 0;
		for (const sl_learned &l : t->slot)
			n += l.port != 0;
		return n;
	}
};

class LearnedFile : public ::testing::Test
{
      protected:
	LearnedFile()
	{
		strcpy(dir, "/tmp/sluice-test-XXXXXX");
		EXPECT_NE(mkdtemp(dir), nullptr);
		state = std::string(dir) + "/state";
		file = state + "/servers.json";
	}

	~LearnedFile() override
	{
		for (const char *name : {"/servers.json", "/servers.json.bad", "/servers.json.new"})
			unlink((state + name).c_str());
		rmdir(state.c_str());
		rmdir(dir);
	}

	std::string load(Table &table, const sl_learned_now &now = kNow)
	{
		char error[1024];
		sl_learned_load(state.c_str(), &now, table.t.get(), error, sizeof(error));
		return error;
	}

	char dir[64];
	std::string state, file;
};

std::string row(const std::string &more)
{
	return "{\"version\": 1, \"servers\": [{\"address\": \"192.0.2.2\", " + more + "}]}";
}

std::string read(const std::string &text, Table &table)
{
	char error[256] = "";
	const int rc = sl_learned_read(text.data(), text.size(), &kNow, table.t.get(), error,
				       sizeof(error));
	EXPECT_EQ(rc == 0, error[0] == '\0') << error;
	return error;
}

} // namespace

TEST_F(LearnedFile, ComesBackAfterARestart)
{
	Table table, again;
	table.put("192.0.2.2", 80, 1460, true, 4990);
	table.put("2001:db8::2", 443, 1220, false, 4000);
	ASSERT_EQ(sl_learned_save(state.c_str(), &kNow, table.t.get()), 0);
	struct stat st;
	ASSERT_EQ(stat(file.c_str(), &st), 0);
	EXPECT_EQ(st.st_mode & 0137, 0u) << "no more than 0640";
	// The machine was started anew 100 s later: its monotonic clock is another.
	const sl_learned_now later = {kNow.unix_s + 100, 30};
	EXPECT_EQ(load(again, later), "");
	EXPECT_EQ(again.count(), 2u);
	const sl_learned *web = again.get("192.0.2.2", 80);
	ASSERT_NE(web, nullptr);
	EXPECT_EQ(web->mss, 1460);
	EXPECT_TRUE(web->timestamps);
	EXPECT_EQ(web->confirmed_s, 30 - 110);
	EXPECT_FALSE(again.get("2001:db8::2", 443)->timestamps);
}

TEST_F(LearnedFile, NoneIsAnEmptyTable)
{
	Table table;
	table.put("192.0.2.2", 80, 1460, true, 0);
	EXPECT_EQ(load(table), "");
	EXPECT_EQ(table.count(), 0u);
}

TEST_F(LearnedFile, DamagedIsPutAsideAndTold)
{
	mkdir(state.c_str(), 0700);
	std::ofstream(file) << "{\"version\": 1, \"servers\": [";
	Table table;
	EXPECT_NE(load(table).find("damaged"), std::string::npos);
	EXPECT_EQ(access((file + ".bad").c_str(), F_OK), 0);
	EXPECT_NE(access(file.c_str(), F_OK), 0);
	EXPECT_EQ(load(table), "");
}

TEST_F(LearnedFile, OldRowsAreForgotten)
{
	Table table, again;
	table.put("192.0.2.2", 80, 1460, true, 5000);
	ASSERT_EQ(sl_learned_save(state.c_str(), &kNow, table.t.get()), 0);
	EXPECT_EQ(load(again, {kNow.unix_s + SL_LEARNED_LIFE_S, 0}), "");
	EXPECT_EQ(again.count(), 1u);
	EXPECT_EQ(load(again, {kNow.unix_s + SL_LEARNED_LIFE_S + 1, 0}), "");
	EXPECT_EQ(again.count(), 0u);
	EXPECT_EQ(load(again, {kNow.unix_s - 1, 0}), "") << "of the future: a clock that was wrong";
	EXPECT_EQ(again.count(), 0u);
}

TEST_F(LearnedFile, CannotBeWrittenWhereNothingCan)
{
	Table table;
	EXPECT_EQ(sl_learned_save((state + "/no/such").c_str(), &kNow, table.t.get()), -ENOENT);
}

TEST(LearnedText, RefusesWhatIsNotARow)
{
	const std::string good =
		R"("port": 80, "mss": 1460, "timestamps": true, "confirmed": 1799999999)";
	Table table;
	EXPECT_EQ(read(row(good), table), "");
	EXPECT_EQ(table.count(), 1u);
	for (const char *bad : {
		     R"("port": 0, "mss": 1460, "timestamps": true, "confirmed": 1)",
		     R"("port": 65536, "mss": 1460, "timestamps": true, "confirmed": 1)",
		     R"("port": 80, "mss": -1, "timestamps": true, "confirmed": 1)",
		     R"("port": 80, "mss": 1460, "timestamps": 1, "confirmed": 1)",
		     R"("port": 80, "mss": 1460, "timestamps": true)",
		     R"("port": "80", "mss": 1460, "timestamps": true, "confirmed": 1)",
		     R"("mss": 1460, "timestamps": true, "confirmed": 1)",
	     }) {
		EXPECT_NE(read(row(bad), table), "") << bad;
		EXPECT_EQ(table.count(), 0u);
	}
	for (const char *bad :
	     {"", "[]", "{}", "{\"version\": 2, \"servers\": []}", "\xff",
	      "{\"version\": 1, \"servers\": {}}", "{\"version\": 1, \"servers\": [1]}"})
		EXPECT_NE(read(bad, table), "") << bad;
}

TEST(LearnedShare, WhatOneWorkerLearnsTheOthersPromise)
{
	Box box;
	char error[256];
	const std::string state = box.path("state");
	box.setup.state_dir = state.c_str();
	sl_control *c = sl_control_create(&box.setup, error, sizeof(error));
	ASSERT_NE(c, nullptr);
	const sl_addr a = addr_of("192.0.2.2");
	{
		sl_learned *l =
			sl_learned_put(&fake_worker_lock(box.workers[0])->relay.learned, &a, 80);
		l->mss = 1380;
		l->timestamps = 1;
		l->confirmed_s = 77;
		fake_worker_unlock(box.workers[0]);
	}
	bool known = false;
	const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
	while (!known && std::chrono::steady_clock::now() < end) {
		event_base_loop(sl_control_base(c), EVLOOP_ONCE);
		const sl_learned *l =
			sl_learned_get(&fake_worker_lock(box.workers[1])->relay.learned, &a, 80);
		known = l != nullptr && l->mss == 1380 && l->timestamps;
		fake_worker_unlock(box.workers[1]);
	}
	EXPECT_TRUE(known);
	EXPECT_NE(sl_learned_get(sl_control_learned(c), &a, 80), nullptr);
	std::stringstream text;
	text << std::ifstream(state + "/servers.json").rdbuf();
	EXPECT_NE(text.str().find("1380"), std::string::npos) << text.str();
	for (auto *w : box.workers)
		fake_worker_stop(w);
	sl_control_destroy(c);
	unlink((state + "/servers.json").c_str());
	rmdir(state.c_str());
}
