// SPDX-License-Identifier: BSD-3-Clause
// That a script which is wrong is told so, with its place; and that one which does not hold fails.
#include "play.h"

#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include <fstream>

namespace script
{

namespace
{

const char *const kHead = "rule: 6.1\nsource: RFC 9293\nisn client 1 server 4294967290\n";

/// A script of a few lines behind the usual head, which has three.
std::string file(const std::string &lines)
{
	const std::string path = ::testing::TempDir() + "language_test.pkt";
	std::ofstream(path) << lines;
	return path;
}

std::string refusal(const std::string &lines)
{
	try {
		read(file(lines), false);
	} catch (const Error &e) {
		const std::string what = e.what();
		return what.substr(what.find(".pkt:") + 5);
	}
	return "";
}

void play(const std::string &lines)
{
	const Script s = read(file(kHead + lines), false);
	Player(s, false).play();
}

TEST(Language, SaysWhereAndWhatItExpected)
{
	const std::string head = kHead;
	EXPECT_EQ(refusal(head + "client > SX 0\n"),
		  "4: expected flags out of S F R P U E W . or -, got 'SX'");
	EXPECT_EQ(refusal(head + "\nclient > S 0 <mss 1, foo>\n"),
		  "5: expected mss, ws, sackOK, ts, sack, nop, eol or raw, got 'foo'");
	EXPECT_EQ(refusal(head + "client > P. 1:9(7)\n"),
		  "4: the numbers in '1:9(7)' do not add up");
	EXPECT_EQ(refusal(head + "wait 3 days\n"), "4: expected 'wait' and a time");
	EXPECT_EQ(refusal(head + "wait 3d\n"),
		  "4: expected a time such as 0.5, 500ms, 10s, 10m or 2h, got '3d'");
	EXPECT_EQ(refusal(head + "nothing\nlimit idle 3\n"),
		  "5: a setting stands before the first statement");
	EXPECT_EQ(refusal(head + "juggle\n"), "4: expected a setting or a statement, got 'juggle'");
	EXPECT_EQ(refusal("source: RFC 9293\nisn client 1 server 2\nnothing\n"),
		  "1: expected a line 'rule: ID'");
	EXPECT_EQ(refusal("rule: 6.1\nsource: RFC 9293\nnothing\n"),
		  "3: expected isn client N server N first");
	EXPECT_EQ(refusal(head + "repeat 3\nnothing\n"), "5: a 'repeat' has no 'done'");
}

TEST(Language, ChoosesBetweenFamilies)
{
	const std::string path =
		file(std::string(kHead) + "client > S 0 win 5|6 <mss 1460|1440>\n");
	const Script v4 = read(path, false), v6 = read(path, true);
	EXPECT_EQ(v4.actions[0].packet.win->lo, 5);
	EXPECT_EQ(v6.actions[0].packet.win->lo, 6);
	EXPECT_EQ((*v4.actions[0].packet.options)[0].args[0].lo, 1460);
	EXPECT_EQ((*v6.actions[0].packet.options)[0].args[0].lo, 1440);
}

TEST(Language, RepeatsWhatItIsTold)
{
	const Script s =
		read(file(std::string(kHead) + "repeat 3\nwait 1\nnothing\ndone\n"), false);
	EXPECT_EQ(s.actions.size(), 6u);
}

TEST(Play, FailsOnWhatWasNotAskedFor)
{
	EXPECT_NONFATAL_FAILURE(play("client > S 0 <mss 1460>\n"), "client < S. ");
	EXPECT_NONFATAL_FAILURE(play("client > S 0 <mss 1460>\nwait 1\n"), "not asked for");
}

TEST(Play, FailsOnAnotherPacket)
{
	EXPECT_NONFATAL_FAILURE(play("client > S 0 <mss 1460>\nclient < S. 0 ack 2\n"),
				"wrong: ack");
	EXPECT_NONFATAL_FAILURE(play("client > S 0 <mss 1460>\nclient < S. 0 ack 1 <mss 1400>\n"),
				"wrong: options");
	EXPECT_NONFATAL_FAILURE(play("client > S 0 <mss 1460>\nclient < . 0\n"), "wrong: flags");
	EXPECT_NONFATAL_FAILURE(play("server < S 0\n"), "got: nothing on the server's side");
}

TEST(Play, FailsOnAnotherState)
{
	EXPECT_NONFATAL_FAILURE(play("states ESTABLISHED ESTABLISHED\n"), "got:      none");
	EXPECT_NONFATAL_FAILURE(play("count drop.stray 1\n"), "got:      drop.stray 0");
	EXPECT_NONFATAL_FAILURE(play("count drop.nonsense 1\n"), "has no 'drop.nonsense'");
	EXPECT_NONFATAL_FAILURE(play("table 1\n"), "got:      0");
}

} // namespace

} // namespace script
