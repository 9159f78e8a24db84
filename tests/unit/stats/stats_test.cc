// SPDX-License-Identifier: BSD-3-Clause
#include <gtest/gtest.h>

#include "sl_stats.h"

#include <cctype>
#include <cstring>
#include <set>
#include <string>

namespace
{

template <size_t n> void expect_sound(const struct sl_counter_info (&infos)[n])
{
	std::set<std::string> names, helps;
	for (const struct sl_counter_info &i : infos) {
		ASSERT_NE(i.name, nullptr);
		EXPECT_TRUE(names.insert(i.name).second) << i.name << " stands twice";
		EXPECT_TRUE(helps.insert(i.help).second) << i.name << " has another's help";
		EXPECT_TRUE(std::islower(static_cast<unsigned char>(i.name[0]))) << i.name;
		for (const char *c = i.name; *c != '\0'; c++)
			EXPECT_TRUE(std::islower(static_cast<unsigned char>(*c)) ||
				    std::isdigit(static_cast<unsigned char>(*c)) || *c == '_')
				<< i.name << " is no metric's name";
		EXPECT_STRNE(i.help, "") << i.name;
		EXPECT_TRUE(strcmp(i.unit, "packets") == 0 || strcmp(i.unit, "connections") == 0 ||
			    strcmp(i.unit, "times") == 0)
			<< i.name << " counts " << i.unit;
	}
}

TEST(Counters, NamesAreUniqueAndEachIsExplained)
{
	expect_sound(sl_term_info);
	expect_sound(sl_drop_info);
	expect_sound(sl_event_info);
}

TEST(Counters, TermsAndEventsShareNoName)
{
	std::set<std::string> names;
	for (const struct sl_counter_info &i : sl_term_info)
		names.insert(i.name);
	for (const struct sl_counter_info &i : sl_event_info)
		EXPECT_TRUE(names.insert(i.name).second) << i.name;
}

TEST(Counters, NamesStandAtTheirEnums)
{
	EXPECT_STREQ(sl_term_info[SL_TERM_rx].name, "rx");
	EXPECT_STREQ(sl_term_info[SL_TERM_handed_out].name, "handed_out");
	EXPECT_STREQ(sl_drop_info[SL_DROP_cookie_expired].name, "cookie_expired");
	EXPECT_STREQ(sl_drop_info[SL_DROP_tx_failed].name, "tx_failed");
	EXPECT_STREQ(sl_event_info[SL_EVENT_cookies_sent].name, "cookies_sent");
}

TEST(Counters, TheAccountsAreThoseOfTheIdentity)
{
	const std::set<std::string> expected = {"rx",        "handed_in", "answered", "relayed",
						"delivered", "passed",    "held",     "handed_out"};
	std::set<std::string> names;
	for (const struct sl_counter_info &i : sl_term_info)
		names.insert(i.name);
	EXPECT_EQ(names, expected);
}

TEST(Counters, GaugesFallByTwosComplement)
{
	uint64_t gauge = 0;
	sl_count(&gauge, 3);
	sl_count(&gauge, static_cast<uint64_t>(-2));
	EXPECT_EQ(sl_counted(&gauge), 1u);
}

TEST(Account, LiesOnCacheLinesOfItsOwn)
{
	EXPECT_EQ(alignof(struct sl_account), static_cast<size_t>(SL_CACHE_LINE));
	EXPECT_EQ(sizeof(struct sl_account) % SL_CACHE_LINE, 0u);
}

TEST(Account, EveryTermAndEveryDropMovesTheBalanceByOne)
{
	for (unsigned i = 0; i < SL_N_TERMS; i++) {
		struct sl_account a = {};
		a.term[i] = 1;
		const bool in = i == SL_TERM_rx || i == SL_TERM_handed_in;
		EXPECT_EQ(sl_account_balance(&a), in ? 1 : -1) << sl_term_info[i].name;
	}
	for (unsigned i = 0; i < SL_N_DROPS; i++) {
		struct sl_account a = {};
		a.drop[i] = 1;
		EXPECT_EQ(sl_account_balance(&a), -1) << sl_drop_info[i].name;
		EXPECT_EQ(sl_account_dropped(&a), 1u) << sl_drop_info[i].name;
	}
}

TEST(Account, EventsAndStatesAreBesideTheBalance)
{
	struct sl_account a = {};
	for (uint64_t &e : a.event)
		e = 7;
	for (auto &leg : a.state)
		for (uint64_t &s : leg)
			s = 7;
	EXPECT_EQ(sl_account_balance(&a), 0);
	EXPECT_EQ(sl_account_dropped(&a), 0u);
}

TEST(Account, BalancesWhenAllIsAccountedFor)
{
	struct sl_account a = {};
	uint64_t in = 0;
	for (unsigned i = SL_TERM_answered; i < SL_N_TERMS; i++)
		in += a.term[i] = 1000 + i;
	for (unsigned i = 0; i < SL_N_DROPS; i++)
		in += a.drop[i] = 10 + i;
	a.term[SL_TERM_handed_in] = 500;
	a.term[SL_TERM_rx] = in - 500;
	EXPECT_EQ(sl_account_balance(&a), 0);
	a.term[SL_TERM_rx]++;
	EXPECT_EQ(sl_account_balance(&a), 1);
}

TEST(Account, AddSumsEveryCounterWithItsOwn)
{
	struct sl_account sum = {}, from = {};
	uint64_t n = 1;
	for (uint64_t &c : from.term)
		c = n++;
	for (uint64_t &c : from.drop)
		c = n++;
	for (uint64_t &c : from.event)
		c = n++;
	for (auto &leg : from.state)
		for (uint64_t &c : leg)
			c = n++;
	sl_account_add(&sum, &from);
	sl_account_add(&sum, &from);
	n = 1;
	for (uint64_t c : sum.term)
		EXPECT_EQ(c, 2 * n++);
	for (uint64_t c : sum.drop)
		EXPECT_EQ(c, 2 * n++);
	for (uint64_t c : sum.event)
		EXPECT_EQ(c, 2 * n++);
	for (auto &leg : sum.state)
		for (uint64_t c : leg)
			EXPECT_EQ(c, 2 * n++);
}

} // namespace
