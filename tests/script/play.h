// SPDX-License-Identifier: BSD-3-Clause
//
// Plays a packet script on a road (tests/support/road.h): the real pipeline in this process, with a
// clock that only the script moves. Every packet that comes out has to be in the script.
//
// Neighbours: language.h and packet.h below, packets_test.cc above.
//
#ifndef TESTS_SCRIPT_PLAY_H
#define TESTS_SCRIPT_PLAY_H

#include "packet.h"

#include <deque>
#include <map>

namespace script
{

class Player
{
      public:
	Player(const Script &s, bool v6);

	/// Plays it to its end, or to the first statement that does not hold: that is a failure of
	/// the Google Test that runs, with the statement's place.
	void play();

      private:
	/// A packet that came out and has not been asked for.
	struct Out {
		sl_test::Sent sent;
		uint64_t at_us;
	};
	/// One box of the script; boxes share the secret of their cookies.
	struct Box {
		std::unique_ptr<sl_test::Road> road;
		std::map<std::string, uint64_t> counted; ///< what `count` said last
	};

	void setting(const Statement &s);
	void set_service(const Statement &s, size_t first);
	void set_limit(const Statement &s, size_t first);
	void set_up(const Statement &s);
	void set_learned(const Statement &s);

	void run(const Statement &s);
	void set_clock(int64_t by_ms);
	void send(const Statement &s);
	void flush(const std::vector<std::pair<sl_side, Bytes>> &in);
	void see(const Statement &s);
	void learn_cookie(const Statement &s, const sl_test::Sent &sent);
	void wait(int64_t ms, const std::deque<Out> *until);
	int64_t next_due_ms() const;
	void nothing_left(const std::string &side = "");
	void flow(const Statement &s);
	void told(const Statement &s);
	void reload(const Statement &s);
	void isn(const Statement &s);
	void states(const Statement &s);
	void count(const Statement &s);
	void timer(const Statement &s);
	void gauge(const Statement &s);
	void number(const Statement &s, uint64_t got);
	void bytes(const Statement &s);
	void knows(const Statement &s);
	void box(const std::string &name);
	uint64_t counter(const Statement &s, const std::string &name) const;
	std::optional<sl_conn_info> info() const;
	[[noreturn]] void fail(const Statement &s, const std::string &what) const;
	void expect(const Statement &s, const std::string &want, const std::string &got) const;

	sl_test::Road &road() const
	{
		return *boxes.at(here).road;
	}
	std::string word(const Statement &s, size_t i) const;

	const Script &script;
	const bool v6;
	sl_test::RoadOptions options;
	const Statement *learned = nullptr;
	const Statement *current = nullptr; ///< the one that runs
	std::map<std::string, Box> boxes;
	std::string here = "first"; ///< the box on which things happen
	std::map<std::string, Flow> flows;
	std::string talking = "first"; ///< the flow that speaks
	Flow *now = nullptr;
	uint16_t next_port = 40001;
	std::deque<Out> out[kEnds];
	Bytes last_in[kEnds];  ///< last frame sent from a side
	Bytes last_out[kEnds]; ///< last TCP segment seen on a side, which an ICMP error may quote
	bool in_burst = false;
	std::vector<std::pair<sl_side, Bytes>> burst;
};

} // namespace script

#endif
