// SPDX-License-Identifier: BSD-3-Clause
//
// Plays every packet script of tests/script/packets, over IPv4 and over IPv6, and looks whether
// every rule of rules.txt has one. Afterwards prints the table: rule, scripts, pass.
//
//	packets [--table] [--gtest_filter='Packets.*half-close*'] [DIRECTORY]
//
#include "play.h"
#include "rules.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <iostream>

namespace script
{

namespace
{

std::string directory = SCRIPTS_DIR;
std::vector<Rule> rules;
std::vector<Script> scripts;
Results results;

class Packets : public ::testing::Test
{
      public:
	Packets(const Script &s, bool six) : script(s), v6(six)
	{
	}

	void TestBody() override
	{
		for (const std::string &source : script.sources)
			RecordProperty("source", source);
		const Script mine = read(script.path, v6);
		Player(mine, v6).play();
		if (results.count(script.name) == 0)
			results[script.name] = true;
		results[script.name] &= !HasFailure();
	}

      private:
	const Script &script;
	const bool v6;
};

/// A script that cannot be understood is a case that fails.
class Unreadable : public ::testing::Test
{
      public:
	explicit Unreadable(const std::string &text) : what(text)
	{
	}

	void TestBody() override
	{
		ADD_FAILURE() << what;
	}

      private:
	const std::string what;
};

bool known(const std::string &id)
{
	return std::any_of(rules.begin(), rules.end(), [&](const Rule &r) { return r.id == id; });
}

TEST(Rules, EachHasAScript)
{
	std::string without;
	for (const Rule &rule : rules) {
		const bool proved =
			std::any_of(scripts.begin(), scripts.end(), [&](const Script &s) {
				return std::count(s.rules.begin(), s.rules.end(), rule.id) > 0;
			});
		if (!proved)
			without += "\n  " + rule.id + " " + rule.text;
	}
	EXPECT_EQ(without, "") << "no script cites these";
}

TEST(Rules, EachThatIsCitedStandsInTheList)
{
	for (const Script &s : scripts)
		for (const std::string &id : s.rules)
			EXPECT_TRUE(known(id)) << s.name << " cites " << id;
}

TEST(Rules, HalfOfTheScriptsStartNearTheWrap)
{
	constexpr uint32_t near = 0xffffffff - 100000;
	const auto n = std::count_if(scripts.begin(), scripts.end(), [](const Script &s) {
		return s.isn >= near && s.iss >= near;
	});
	EXPECT_GE(2 * n, static_cast<long>(scripts.size()))
		<< n << " of " << scripts.size() << " have both ISNs near 2^32";
}

void add(const std::string &path)
{
	const std::string name = std::filesystem::path(path).stem();
	try {
		scripts.push_back(read(path, false));
	} catch (const Error &e) {
		const std::string what = e.what();
		::testing::RegisterTest(
			"Packets", name.c_str(), nullptr, nullptr, path.c_str(), 1,
			[=]() -> ::testing::Test * { return new Unreadable(what); });
	}
}

void register_all(const Script &s)
{
	for (const bool v6 : {false, true}) {
		if (s.v6 && *s.v6 != v6)
			continue;
		const std::string name = s.name + (v6 ? "/v6" : "/v4");
		::testing::RegisterTest(
			"Packets", name.c_str(), nullptr, nullptr, s.path.c_str(), 1,
			[&s, v6]() -> ::testing::Test * { return new Packets(s, v6); });
	}
}

void load()
{
	std::vector<std::string> paths;
	for (const auto &entry : std::filesystem::directory_iterator(directory + "/packets"))
		if (entry.path().extension() == ".pkt")
			paths.push_back(entry.path());
	std::sort(paths.begin(), paths.end());
	rules = read_rules(directory + "/rules.txt");
	scripts.reserve(paths.size());
	for (const std::string &path : paths)
		add(path);
	for (const Script &s : scripts)
		register_all(s);
}

} // namespace

} // namespace script

int main(int argc, char **argv)
{
	bool table = false;

	::testing::InitGoogleTest(&argc, argv);
	for (int i = 1; i < argc; i++) {
		if (std::string(argv[i]) == "--table")
			table = true;
		else
			script::directory = argv[i];
	}
	try {
		script::load();
	} catch (const std::exception &e) {
		std::cerr << e.what() << "\n";
		return 2;
	}
	if (table)
		delete ::testing::UnitTest::GetInstance()->listeners().Release(
			::testing::UnitTest::GetInstance()->listeners().default_result_printer());
	const int rc = RUN_ALL_TESTS();
	script::print_table(std::cout, script::rules, script::scripts, script::results);
	return rc;
}
