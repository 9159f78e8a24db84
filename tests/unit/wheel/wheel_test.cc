// SPDX-License-Identifier: BSD-3-Clause
#include <gtest/gtest.h>

#include "sl_wheel.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <memory>
#include <random>
#include <vector>

namespace
{

// A connection, as far as the wheel is concerned.
struct object {
	uint64_t before;
	sl_wheel_node timer;
	uint32_t after[3];
};

class Wheel
{
      public:
	Wheel(uint32_t n_objects, uint32_t n_slots, uint32_t tick_us, uint64_t now_us)
	    : objects(n_objects),
	      slots(aligned_alloc(SL_CACHE_LINE, sl_wheel_memory_size(n_slots)), free)
	{
		sl_wheel_init(&w, slots.get(), n_slots, tick_us, objects.data(), sizeof(object),
			      offsetof(object, timer), now_us);
		for (object &o : objects)
			sl_wheel_node_init(&o.timer);
	}

	// One run, its expired nodes in order of their index.
	std::vector<uint32_t> run(uint64_t now_us, unsigned budget = 1u << 30, unsigned max = 1000)
	{
		std::vector<uint32_t> expired(max);
		expired.resize(sl_wheel_run(&w, now_us, budget, expired.data(), max));
		std::sort(expired.begin(), expired.end());
		return expired;
	}

	// Runs until the wheel has caught up.
	std::vector<uint32_t> drain(uint64_t now_us)
	{
		std::vector<uint32_t> all;
		do {
			for (uint32_t i : run(now_us))
				all.push_back(i);
		} while (!sl_wheel_caught_up(&w));
		std::sort(all.begin(), all.end());
		return all;
	}

	bool armed(uint32_t index)
	{
		return sl_wheel_armed(&objects[index].timer);
	}

	sl_wheel w;
	std::vector<object> objects;
	std::unique_ptr<void, decltype(&free)> slots;
};

using indices = std::vector<uint32_t>;

TEST(WheelWindow, EveryDeadlineComesUpWithinOneTickAndNeverBefore)
{
	const uint32_t tick_us = 7;
	const uint64_t start = 1000003;
	for (uint64_t ahead = 0; ahead < 8 * 4 * tick_us; ahead++) {
		Wheel wheel(1, 8, tick_us, start);
		const uint64_t deadline = start + ahead;
		sl_wheel_arm(&wheel.w, 0, deadline);
		uint64_t now = start;
		while (wheel.run(now).empty()) {
			ASSERT_TRUE(wheel.armed(0));
			now++;
			ASSERT_LT(now, deadline + tick_us) << "ahead " << ahead;
		}
		EXPECT_GE(now, deadline);
		EXPECT_FALSE(wheel.armed(0));
		EXPECT_EQ(sl_wheel_count(&wheel.w), 0u);
	}
}

TEST(WheelWindow, TicksAreDividedExactlyForAwkwardLengths)
{
	for (uint32_t tick_us : {1u, 3u, 997u, 1000u, 65536u, 1000000u, 4294967295u}) {
		for (uint64_t k : {1ull, 12345ull, 4294967296ull}) {
			const uint64_t edge = k * tick_us;
			Wheel wheel(2, 16, tick_us, edge - 1);
			sl_wheel_arm(&wheel.w, 0, edge);
			sl_wheel_arm(&wheel.w, 1, edge + 1);
			EXPECT_EQ(wheel.run(edge - 1), indices{});
			EXPECT_EQ(wheel.run(edge), indices{0}) << tick_us << " x " << k;
			EXPECT_EQ(wheel.run(edge + tick_us - 1), indices{});
			EXPECT_EQ(wheel.run(edge + tick_us), indices{1});
		}
	}
}

TEST(WheelArm, APastDeadlineComesUpAtTheNextRun)
{
	Wheel wheel(2, 16, 1000, 5000000);
	sl_wheel_arm(&wheel.w, 0, 0);
	sl_wheel_arm(&wheel.w, 1, 5000000);
	EXPECT_EQ(wheel.run(5000000), (indices{0, 1}));
}

TEST(WheelArm, ArmingAnewMovesTheDeadlineEitherWay)
{
	Wheel wheel(2, 16, 1000, 0);
	sl_wheel_arm(&wheel.w, 0, 10000);
	sl_wheel_arm(&wheel.w, 1, 10000);
	sl_wheel_arm(&wheel.w, 0, 5000);
	sl_wheel_arm(&wheel.w, 1, 50000);
	EXPECT_EQ(sl_wheel_count(&wheel.w), 2u);
	EXPECT_EQ(wheel.run(4999), indices{});
	EXPECT_EQ(wheel.run(5000), indices{0});
	EXPECT_EQ(wheel.run(49999), indices{});
	EXPECT_EQ(wheel.run(50000), indices{1});
}

TEST(WheelArm, ADeadlineOutOfRangeIsCutAndNotLost)
{
	Wheel wheel(1, 16, 1000, 0);
	sl_wheel_arm(&wheel.w, 0, UINT64_MAX);
	const uint64_t furthest = uint64_t{INT32_MAX} * 1000;
	EXPECT_EQ(wheel.drain(furthest - 1), indices{});
	EXPECT_EQ(wheel.drain(furthest), indices{0});
}

TEST(WheelArmBy, RefilesOnlyWhatIsUnarmedOrLater)
{
	Wheel wheel(1, 16, 1000, 0);
	sl_wheel_arm_by(&wheel.w, 0, 10000); // unarmed: filed
	EXPECT_EQ(wheel.objects[0].timer.deadline, 10u);
	sl_wheel_arm_by(&wheel.w, 0, 30000); // later: left
	EXPECT_EQ(wheel.objects[0].timer.deadline, 10u);
	sl_wheel_arm_by(&wheel.w, 0, 4000); // earlier: filed
	EXPECT_EQ(wheel.objects[0].timer.deadline, 4u);
	EXPECT_EQ(sl_wheel_count(&wheel.w), 1u);
	EXPECT_EQ(wheel.run(3999), indices{});
	EXPECT_EQ(wheel.run(4000), indices{0});
}

TEST(WheelArmBy, LeavesANodeThatIsDueAndNotYetLookedAt)
{
	Wheel wheel(3, 16, 1000, 0);
	for (uint32_t i = 0; i < 3; i++)
		sl_wheel_arm(&wheel.w, i, 5000);
	indices seen = wheel.run(5000, 1);
	ASSERT_EQ(seen.size(), 1u);
	for (uint32_t i = 0; i < 3; i++) {
		if (wheel.armed(i))
			sl_wheel_arm_by(&wheel.w, i, uint64_t{INT32_MAX} * 1000);
	}
	EXPECT_EQ(wheel.run(5000).size(), 2u);
}

// Three nodes in one slot lie last armed first: 2, 1, 0.
TEST(WheelCancel, TakesOutAnyNodeOfASlot)
{
	for (uint32_t gone = 0; gone < 3; gone++) {
		Wheel wheel(3, 16, 1000, 0);
		indices rest;
		for (uint32_t i = 0; i < 3; i++) {
			sl_wheel_arm(&wheel.w, i, 5000);
			if (i != gone)
				rest.push_back(i);
		}
		sl_wheel_cancel(&wheel.w, gone);
		sl_wheel_cancel(&wheel.w, gone);
		EXPECT_FALSE(wheel.armed(gone));
		EXPECT_EQ(sl_wheel_count(&wheel.w), 2u);
		EXPECT_EQ(wheel.run(5000), rest);
	}
}

TEST(WheelCancel, TakesOutAnyNodeOfTheDueAndArmsItElsewhere)
{
	for (bool rearm : {false, true}) {
		for (uint32_t gone = 0; gone < 4; gone++) {
			Wheel wheel(5, 16, 1000, 0);
			for (uint32_t i = 0; i < 5; i++)
				sl_wheel_arm(&wheel.w, i, 5000);
			EXPECT_EQ(wheel.run(5000, 1), indices{4}); // the others are due now
			if (rearm)
				sl_wheel_arm(&wheel.w, gone, 9000);
			else
				sl_wheel_cancel(&wheel.w, gone);
			indices rest;
			for (uint32_t i = 0; i < 4; i++) {
				if (i != gone)
					rest.push_back(i);
			}
			EXPECT_EQ(wheel.run(5000), rest);
			EXPECT_EQ(wheel.run(8999), indices{});
			EXPECT_EQ(wheel.run(9000), rearm ? indices{gone} : indices{});
			EXPECT_EQ(sl_wheel_count(&wheel.w), 0u);
		}
	}
}

TEST(WheelRun, ANodeFiledIntoTheSameSlotIsSeenOnceATick)
{
	Wheel wheel(1, 16, 1000, 0);
	sl_wheel_arm(&wheel.w, 0, 21000);
	// Slot 5 comes by at ticks 5 and 21: with a budget of one a second look would show as lag.
	EXPECT_EQ(wheel.run(5000, 1), indices{});
	EXPECT_TRUE(sl_wheel_caught_up(&wheel.w));
	EXPECT_EQ(wheel.run(20999), indices{});
	EXPECT_EQ(wheel.run(21000), indices{0});
}

TEST(WheelRun, OneCrowdedSlotNeverExceedsTheBudget)
{
	const unsigned n = 100000, budget = 64;
	for (unsigned revolutions : {0u, 1u}) {
		Wheel wheel(n, 16, 1000, 0);
		const uint64_t deadline = (5 + 16 * revolutions) * 1000;
		for (uint32_t i = 0; i < n; i++)
			sl_wheel_arm(&wheel.w, i, deadline);
		std::vector<uint8_t> seen(n);
		uint64_t now = 0;
		unsigned runs = 0;
		while (sl_wheel_count(&wheel.w) > 0) {
			// Whoever is looked at moves from one list to another, or off all lists.
			std::vector<uint32_t> expired = wheel.run(now, budget);
			ASSERT_LE(expired.size(), budget);
			for (uint32_t i : expired) {
				ASSERT_GE(now, deadline);
				ASSERT_EQ(seen[i]++, 0);
			}
			now += 100;
			ASSERT_LT(++runs, 2 * (n / budget + 1) + 1000);
		}
		// No run looks at more than the budget, so this many are needed at least.
		EXPECT_GE(runs, (revolutions + 1) * (n / budget));
	}
}

TEST(WheelRun, WritesNoMoreThanThereIsRoomFor)
{
	Wheel wheel(10, 16, 1000, 0);
	for (uint32_t i = 0; i < 10; i++)
		sl_wheel_arm(&wheel.w, i, 1000 * i);
	EXPECT_EQ(wheel.run(20000, 1000, 4).size(), 4u);
	EXPECT_FALSE(sl_wheel_caught_up(&wheel.w));
	EXPECT_EQ(wheel.run(20000, 1000, 4).size(), 4u);
	EXPECT_EQ(wheel.run(20000, 1000, 0).size(), 0u);
	EXPECT_EQ(wheel.run(20000, 1000, 4).size(), 2u);
}

TEST(WheelRun, ATimeThatGoesBackChangesNothing)
{
	Wheel wheel(1, 16, 1000, 50000);
	sl_wheel_arm(&wheel.w, 0, 60000);
	EXPECT_EQ(wheel.run(0), indices{});
	EXPECT_EQ(wheel.run(59999), indices{});
	EXPECT_EQ(wheel.run(60000), indices{0});
}

TEST(WheelRun, AJumpOfYearsIsCaughtUpSlotBySlotInBoundedRuns)
{
	const uint32_t n_slots = 1024, n = 1000, far = n;
	const uint64_t day = 86400 * SL_US_PER_S, start = 77;
	for (uint64_t days : {1ull, 20ull, 30ull, 400ull, 4000ull}) {
		Wheel wheel(n + 1, n_slots, 1000, start);
		const uint64_t now = start + days * day, later = now + day;
		for (uint32_t i = 0; i < n; i++)
			sl_wheel_arm(&wheel.w, i, start + i * (day / n));
		sl_wheel_arm(&wheel.w, far, later); // not due: it keeps the slots from being empty
		unsigned fired = 0, runs = 0;
		do {
			runs++;
			for (uint32_t i : wheel.run(now)) {
				if (i == far)
					sl_wheel_arm(&wheel.w, far, later); // cut to the range
				else
					fired++;
			}
		} while (!sl_wheel_caught_up(&wheel.w));
		EXPECT_EQ(fired, n) << days;
		EXPECT_TRUE(wheel.armed(far));
		// A sweep is a revolution; there is one for every 2^30 ticks.
		const uint64_t sweeps = days * 86400000 / (1u << 30) + 1;
		EXPECT_GE(runs, n_slots / SL_WHEEL_SLOTS_PER_RUN) << days;
		EXPECT_LE(runs, sweeps * (n_slots / SL_WHEEL_SLOTS_PER_RUN) + 1) << days;
		EXPECT_EQ(wheel.drain(later - 1), indices{});
		EXPECT_EQ(wheel.drain(later + 1000), indices{far});
	}
}

TEST(WheelRun, WithNothingArmedItIsWhereTheClockIsAtOnce)
{
	Wheel wheel(1, 1024, 1000, 0);
	const uint64_t later = 4000 * 86400 * SL_US_PER_S;
	wheel.run(later);
	EXPECT_TRUE(sl_wheel_caught_up(&wheel.w));
	sl_wheel_arm(&wheel.w, 0, later + 3000);
	EXPECT_EQ(wheel.run(later + 2999), indices{});
	EXPECT_EQ(wheel.run(later + 3000), indices{0});
}

// Who sleeps until then misses nothing, and is not woken for nothing but once a revolution.
TEST(WheelNext, IsWhenTheFirstNodeComesUp)
{
	std::mt19937 random(7);
	for (int round = 0; round < 300; round++) {
		const uint32_t tick_us = 1 + random() % 50;
		const uint64_t start = random();
		Wheel wheel(8, 16, tick_us, start);
		std::multimap<uint64_t, uint32_t> due;
		EXPECT_EQ(sl_wheel_next_us(&wheel.w), UINT64_MAX);
		for (uint32_t i = 0; i < 8; i++) {
			const uint64_t deadline =
				start + 1 + random() % (random() % 2 ? 8 * tick_us : 100 * tick_us);
			sl_wheel_arm(&wheel.w, i, deadline);
			due.emplace(deadline, i);
		}
		uint64_t now = start;
		unsigned woken = 0;
		while (!due.empty()) {
			const uint64_t next = sl_wheel_next_us(&wheel.w);
			ASSERT_GT(next, now);
			ASSERT_LT(next, due.begin()->first + tick_us) << "late";
			now = next;
			const indices up = wheel.drain(now);
			woken += up.empty();
			for (uint32_t i : up) {
				ASSERT_FALSE(due.empty());
				const auto it = std::find_if(due.begin(), due.end(), [i](auto &d) {
					return d.second == i;
				});
				ASSERT_LE(it->first, now);
				due.erase(it);
			}
		}
		EXPECT_LE(woken, 7u) << "100 ticks are six revolutions";
		EXPECT_EQ(sl_wheel_next_us(&wheel.w), UINT64_MAX);
	}
}

TEST(WheelNodes, NothingBesideTheNodeIsWritten)
{
	Wheel wheel(64, 16, 1000, 0);
	for (object &o : wheel.objects)
		o.before = 0x1122334455667788, o.after[0] = 0x99aabbcc;
	for (uint32_t i = 0; i < 64; i++)
		sl_wheel_arm(&wheel.w, i, i * 500);
	EXPECT_EQ(wheel.run(100000).size(), 64u);
	for (object &o : wheel.objects) {
		EXPECT_EQ(o.before, 0x1122334455667788u);
		EXPECT_EQ(o.after[0], 0x99aabbccu);
	}
}

// The same operations on a wheel and on a sorted list of ticks.
class WheelModel
{
      public:
	WheelModel(uint64_t seed, uint32_t n_slots, uint32_t tick, uint64_t start)
	    : tick_us(tick), now(start), rng(seed), wheel(n, n_slots, tick, start),
	      where(n, sorted.end())
	{
	}

	void run_operations(unsigned operations)
	{
		for (unsigned i = 0; i < operations && !testing::Test::HasFatalFailure(); i++)
			step();
		now += 200000ull * tick_us;
		drain();
		EXPECT_TRUE(sorted.empty());
	}

      private:
	static constexpr uint32_t n = 300;
	using timers = std::multimap<uint64_t, uint32_t>;

	uint64_t ticks_up(uint64_t us)
	{
		return us / tick_us + (us % tick_us != 0);
	}

	uint64_t some_deadline()
	{
		const uint64_t spans[] = {4, 60, 3000, 100000};
		const uint64_t ahead = rng() % (spans[rng() % 4] * tick_us);
		return rng() % 16 == 0 ? now - ahead % now : now + ahead;
	}

	void step()
	{
		const uint32_t i = rng() % n;
		const uint64_t deadline = some_deadline();
		switch (rng() % 8) {
		case 0:
		case 1:
		case 2:
			sl_wheel_arm(&wheel.w, i, deadline);
			put(i, ticks_up(deadline));
			break;
		case 3:
			sl_wheel_arm_by(&wheel.w, i, deadline);
			if (where[i] == sorted.end() || where[i]->first > ticks_up(deadline))
				put(i, ticks_up(deadline));
			break;
		case 4:
			sl_wheel_cancel(&wheel.w, i);
			forget(i);
			break;
		case 5:
		case 6:
			now += rng() % (5 * tick_us);
			take(wheel.run(now, rng() % 12, rng() % 12));
			break;
		case 7:
			if (rng() % 200 == 0)
				now += rng() % (20 * 86400 * SL_US_PER_S);
			drain();
			break;
		}
		ASSERT_EQ(sl_wheel_count(&wheel.w), sorted.size());
		ASSERT_EQ(wheel.armed(i), where[i] != sorted.end());
	}

	void forget(uint32_t i)
	{
		if (where[i] != sorted.end())
			sorted.erase(where[i]);
		where[i] = sorted.end();
	}

	void put(uint32_t i, uint64_t tick)
	{
		forget(i);
		where[i] = sorted.emplace(tick, i);
	}

	void take(const indices &expired)
	{
		for (uint32_t i : expired) {
			ASSERT_NE(where[i], sorted.end()) << "came up unarmed";
			ASSERT_LE(where[i]->first, now / tick_us) << "came up early";
			forget(i);
		}
	}

	void drain()
	{
		take(wheel.drain(now));
		ASSERT_TRUE(sorted.empty() || sorted.begin()->first > now / tick_us) << "late";
	}

	uint32_t tick_us;
	uint64_t now;
	std::mt19937_64 rng;
	Wheel wheel;
	timers sorted;
	std::vector<timers::iterator> where;
};

TEST(WheelAgainstModel, RandomOperationsAgree)
{
	for (uint64_t seed = 1; seed <= 4; seed++) {
		WheelModel model(seed, seed % 2 ? 64 : 1024, 1000, 123456789);
		model.run_operations(100000);
	}
}

TEST(WheelAgainstModel, TicksWrapAroundTwoToTheThirtyTwo)
{
	for (uint64_t seed = 11; seed <= 13; seed++) {
		const uint64_t edge = (uint64_t{1} << 32) * 1000;
		WheelModel model(seed, 256, 1000, edge - 20 * SL_US_PER_S);
		model.run_operations(100000);
	}
}

} // namespace
