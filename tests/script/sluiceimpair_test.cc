// SPDX-License-Identifier: BSD-3-Clause
// sluiceimpair as a program: what it says to what it is told, without an interface.
#include "run.h"

#include <gtest/gtest.h>
#include <vector>

namespace
{

using sl_test::Outcome;

Outcome impair(const std::string &args)
{
	return sl_test::run_command(SLUICEIMPAIR " " + args);
}

// Good arguments get as far as the interfaces, of which there are none by that name.
const std::string nowhere = " no-such-a0 no-such-b0";

TEST(Sluiceimpair, HelpAndVersionArePrintedAndThatIsAll)
{
	for (const char *option : {"--help", "-h"}) {
		const Outcome run = impair(option);
		EXPECT_EQ(0, run.exit_code);
		EXPECT_TRUE(run.has("usage: sluiceimpair"));
		EXPECT_TRUE(run.has("--reorder-span N"));
	}
	EXPECT_EQ(0, impair("--version").exit_code);
	EXPECT_TRUE(impair("--version").has("sluiceimpair " SL_VERSION));
}

TEST(Sluiceimpair, BadValuesAreRefusedWithWhatWasExpected)
{
	const struct {
		std::string args, option, expected;
	} bad[] = {
		{"--loss 2", "--loss \"2\"", "a share"},
		{"--loss 101%", "--loss \"101%\"", "at most 100%"},
		{"--loss -1%", "--loss \"-1%\"", "a share"},
		{"--loss nan", "--loss \"nan\"", "a share"},
		{"--ba-dup 1x", "--ba-dup \"1x\"", "a share"},
		{"--delay 20", "--delay \"20\"", "with its unit"},
		{"--jitter 61s", "--jitter \"61s\"", "at most 60s"},
		{"--ab-rate 100", "--ab-rate \"100\"", "100mbit"},
		{"--rate 1bit", "--rate \"1bit\"", "1kbit to"},
		{"--mtu 67", "--mtu \"67\"", "68 to 65535"},
		{"--queue 0", "--queue \"0\"", "1 to 32768"},
		{"--queue 1k", "--queue \"1k\"", "1 to 32768"},
		{"--reorder-span 33", "--reorder-span \"33\"", "1 to 32"},
		{"--seed 99999999999999999999", "--seed", "18446744073709551615"},
		{"--router4 2001:db8::1", "--router4", "an IPv4 address"},
		{"--router6 192.0.2.1", "--router6", "an IPv6 address"},
		{"--router4 224.0.0.1", "--router4", "no host may speak"},
		{"--ab-seed 1", "--ab-seed", "not understood"},
		{"--frobnicate", "--frobnicate", "not understood"},
	};

	for (const auto &b : bad) {
		const Outcome run = impair(b.args + nowhere);
		EXPECT_EQ(2, run.exit_code) << b.args;
		EXPECT_TRUE(run.has(b.option) && run.has(b.expected)) << run.out;
	}
}

TEST(Sluiceimpair, WantsTwoInterfaces)
{
	EXPECT_EQ(2, impair("").exit_code);
	EXPECT_EQ(2, impair("a").exit_code);
	EXPECT_EQ(2, impair("a b c").exit_code);
	EXPECT_TRUE(impair("lo lo").has("\"lo\" twice"));
	EXPECT_EQ(2, impair("lo lo").exit_code);
}

TEST(Sluiceimpair, GoodValuesGetAsFarAsTheInterfaces)
{
	const std::vector<std::string> good = {
		"",
		"--loss 2% --dup .5% --reorder 0.05 --corrupt 100% --reorder-span 32",
		"--ab-loss 1 --ba-loss 0 --delay 500us --ab-jitter 1.5ms --ba-delay 1s",
		"--rate 64kbit --ab-rate 2.5gbit --ba-rate 9600bit --queue 32768",
		"--mtu 1400 --ab-mtu-silent --router4 192.0.2.254 --router6 2001:db8::fe",
		"--tcp-only --json --seed 18446744073709551615",
	};

	for (const std::string &args : good) {
		const Outcome run = impair(args + nowhere);
		EXPECT_EQ(1, run.exit_code) << args << ": " << run.out;
		// Which of the two stands first depends on who runs the test.
		EXPECT_TRUE(run.has("no interface \"no-such-a0\"") || run.has("CAP_NET_RAW"))
			<< run.out;
	}
}

} // namespace
