// SPDX-License-Identifier: BSD-3-Clause
// How long a cookie lives: epochs, skew between boxes, steps of the wall clock, a late control
// thread, and what is told of the dead.
#include "handshake.h"

#include <set>
#include <utility>
#include <vector>

namespace
{

constexpr uint64_t kQuarter = kSecond / 4;
constexpr uint64_t kHour = 3600 * kSecond;

// A box whose control thread looks at the clocks once a second. `unix_off` is what the wall clock
// is ahead of kEven + (now - kBoot).
struct Box {
	struct sl_cookie_ring ring;
	uint64_t looked_us;

	explicit Box(uint64_t now_us, int64_t unix_off = 0)
	    : ring(ring_at(wall(now_us, unix_off), now_us)), looked_us(now_us)
	{
	}

	static uint64_t wall(uint64_t now_us, int64_t unix_off)
	{
		return kEven + (now_us - kBoot) + static_cast<uint64_t>(unix_off);
	}

	void run_until(uint64_t now_us, int64_t unix_off = 0)
	{
		while (looked_us + kSecond <= now_us) {
			looked_us += kSecond;
			sl_cookie_ring_advance(&ring, wall(looked_us, unix_off), looked_us);
		}
	}
};

TEST(CookieLife, Is32SecondsAtLeastAnd96AtMostAtEveryPhaseOfTheEpoch)
{
	for (bool timestamps : {false, true}) {
		for (uint64_t phase = 0; phase < 2 * kEpoch; phase += kQuarter) {
			const uint64_t minted = kBoot + phase;
			Box box(minted);
			const Sent s = mint(box.ring, minted, timestamps);
			const uint64_t dies = kEpoch + kEpoch / 2 - phase % kEpoch;
			for (uint64_t age = 0; age < 300 * kSecond; age += kSecond) {
				box.run_until(minted + age);
				const bool valid =
					verify(box.ring, minted + age, s) == SL_COOKIE_VALID;
				ASSERT_TRUE(valid || age > 32 * kSecond)
					<< "phase " << phase << " age " << age;
				ASSERT_TRUE(!valid || age < 96 * kSecond)
					<< "phase " << phase << " age " << age;
				ASSERT_EQ(valid, age < dies) << "phase " << phase << " age " << age;
			}
		}
	}
}

TEST(CookieLife, EndsToTheMicrosecond)
{
	struct sl_cookie_ring ring = ring_at(kOdd);
	const Sent first = mint(ring, kBoot), last = mint(ring, kBoot + kEpoch - 1);
	EXPECT_EQ(verify(ring, kBoot + 96 * kSecond - 1, first), SL_COOKIE_VALID);
	EXPECT_NE(verify(ring, kBoot + 96 * kSecond, first), SL_COOKIE_VALID);
	EXPECT_EQ(verify(ring, kBoot + kEpoch - 1 + 32 * kSecond, last), SL_COOKIE_VALID);
	EXPECT_NE(verify(ring, kBoot + kEpoch + 32 * kSecond, last), SL_COOKIE_VALID);
}

TEST(CookieLife, BoxesMayBe32SecondsApart)
{
	for (int64_t skew = -32; skew <= 32; skew++) {
		for (uint64_t phase = 0; phase < 2 * kEpoch; phase += kQuarter) {
			const uint64_t now = kBoot + phase;
			const uint64_t there = Box::wall(now, skew * static_cast<int64_t>(kSecond));
			struct sl_cookie_ring here = ring_at(Box::wall(now, 0), now);
			struct sl_cookie_ring skewed = ring_at(there, 17);
			for (bool timestamps : {false, true}) {
				ASSERT_EQ(verify(skewed, 17, mint(here, now, timestamps)),
					  SL_COOKIE_VALID)
					<< "skew " << skew << " phase " << phase;
				ASSERT_EQ(verify(here, now, mint(skewed, 17, timestamps)),
					  SL_COOKIE_VALID)
					<< "skew " << skew << " phase " << phase;
			}
		}
	}
}

// A box that is behind takes the others' cookies for as long as they live there.
TEST(CookieLife, SkewAndAgeAddUpTo32Seconds)
{
	for (uint64_t ahead = 0; ahead <= 32; ahead += 4) {
		for (uint64_t phase = 0; phase < 2 * kEpoch; phase += kSecond) {
			const uint64_t now = kBoot + phase;
			struct sl_cookie_ring here = ring_at(Box::wall(now, 0), now);
			struct sl_cookie_ring skewed =
				ring_at(Box::wall(now, static_cast<int64_t>(ahead * kSecond)), now);
			const Sent s = mint(here, now), back = mint(skewed, now);
			for (uint64_t age = 0; age + ahead <= 32; age++)
				ASSERT_EQ(verify(skewed, now + age * kSecond, s), SL_COOKIE_VALID);
			for (uint64_t age = 0; age <= 32 + ahead; age++)
				ASSERT_EQ(verify(here, now + age * kSecond, back), SL_COOKIE_VALID);
		}
	}
}

TEST(CookieLife, EveryEpochHasAKeyOfItsOwn)
{
	std::set<uint32_t> macs;
	for (uint64_t epoch = 0; epoch < 1000; epoch++) {
		const struct sl_cookie_ring ring = ring_at(kEven + epoch * kEpoch);
		macs.insert(mint(ring, kBoot).cookie & 0xfffffff);
		const struct sl_cookie_timeline &line = ring.live;
		for (unsigned i = 1; i < SL_COOKIE_N_KEYS; i++) {
			EXPECT_NE(line.keys[i].k0, line.keys[i - 1].k0);
			EXPECT_NE(line.keys[i].k1, line.keys[i - 1].k1);
			EXPECT_NE(line.keys[i].k0, line.keys[i].k1);
		}
	}
	EXPECT_EQ(macs.size(), 1000u);
}

TEST(CookieLife, ARingThatIsNeverAdvancedWorksAsOneThatIs)
{
	const struct sl_cookie_ring start = ring_at(kEven);
	Box box(kBoot);
	for (uint64_t age = 0; age < 20 * kEpoch; age += 7 * kSecond) {
		const uint64_t now = kBoot + age;
		struct sl_cookie_ring late = start;
		box.run_until(now);
		ASSERT_EQ(verify(box.ring, now, mint(late, now)), SL_COOKIE_VALID) << age;
		ASSERT_EQ(verify(late, now, mint(box.ring, now)), SL_COOKIE_VALID) << age;
	}
}

TEST(CookieLife, AdvanceKeepsTheKeysAroundTheEpochReady)
{
	for (uint64_t phase = 0; phase < kEpoch; phase += kQuarter) {
		Box box(kBoot + phase);
		for (uint64_t age = 0; age < 4 * kEpoch; age += kSecond) {
			const uint64_t now = kBoot + phase + age;
			const uint32_t epoch = static_cast<uint32_t>(Box::wall(now, 0) / kEpoch);
			box.run_until(now);
			const struct sl_cookie_ring fresh = ring_at(Box::wall(now, 0), now);
			ASSERT_EQ(box.ring.live.first_epoch, epoch - 1);
			for (unsigned i = 0; i < SL_COOKIE_N_KEYS; i++) {
				ASSERT_EQ(box.ring.live.keys[i].k0, fresh.live.keys[i].k0);
				ASSERT_EQ(box.ring.live.keys[i].k1, fresh.live.keys[i].k1);
			}
		}
	}
}

TEST(CookieLife, ASlewOfTheWallClockIsFollowedAndIsNoStep)
{
	struct sl_cookie_ring ring = ring_at(kEven);
	uint64_t unix_us = kEven;
	for (unsigned i = 1; i <= 200; i++) {
		unix_us += 2 * kSecond; // twice as fast as the monotonic clock
		sl_cookie_ring_advance(&ring, unix_us, kBoot + i * kSecond);
		EXPECT_EQ(ring.frozen_until_us, 0u);
	}
	struct sl_cookie_ring other = ring_at(unix_us, 3);
	EXPECT_EQ(verify(other, 3, mint(ring, kBoot + 200 * kSecond)), SL_COOKIE_VALID);
	sl_cookie_ring_advance(&ring, unix_us + kSecond + 1, kBoot + 200 * kSecond);
	EXPECT_NE(ring.frozen_until_us, 0u);
}

// Cookies of the 32 s before a step, and of the time after it, for every phase at which the step
// may happen.
void live_through_a_step(int64_t step)
{
	for (uint64_t phase = 0; phase < 2 * kEpoch; phase += kSecond) {
		const uint64_t stepped = kBoot + kEpoch + phase;
		Box box(kBoot);
		std::vector<std::pair<uint64_t, Sent>> sent;
		for (uint64_t t = stepped - 32 * kSecond; t < stepped; t += 4 * kSecond) {
			box.run_until(t);
			sent.emplace_back(t, mint(box.ring, t, t / kSecond % 8 < 4));
		}
		box.run_until(stepped);
		for (uint64_t t = stepped + kSecond; t < stepped + 200 * kSecond; t += kSecond) {
			// Control has not seen the step yet, then it has.
			if (t == stepped + kSecond)
				sent.emplace_back(t - 1, mint(box.ring, t - 1));
			box.run_until(t, step);
			if (t % (4 * kSecond) == 0 || t == stepped + kSecond)
				sent.emplace_back(t, mint(box.ring, t));
			for (const auto &[minted, s] : sent) {
				const bool valid = verify(box.ring, t, s) == SL_COOKIE_VALID;
				ASSERT_TRUE(valid || t - minted > 32 * kSecond)
					<< "phase " << phase << " minted " << minted << " at " << t;
			}
		}
	}
}

TEST(CookieLife, AStepOfTheWallClockForwardsKeepsWhatIsAlive)
{
	live_through_a_step(kHour);
	live_through_a_step(kHour + 64 * static_cast<int64_t>(kSecond));
	live_through_a_step(50 * static_cast<int64_t>(kSecond));
	live_through_a_step(2 * static_cast<int64_t>(kSecond));
}

TEST(CookieLife, AStepOfTheWallClockBackwardsKeepsWhatIsAlive)
{
	live_through_a_step(-static_cast<int64_t>(kHour));
	live_through_a_step(-static_cast<int64_t>(kHour + kEpoch));
	live_through_a_step(-50 * static_cast<int64_t>(kSecond));
	live_through_a_step(-2 * static_cast<int64_t>(kSecond));
}

TEST(CookieLife, WhatAStepFrozeStillEndsAfter96Seconds)
{
	for (int64_t step : {static_cast<int64_t>(kHour), -static_cast<int64_t>(kHour)}) {
		for (uint64_t phase = 0; phase < 2 * kEpoch; phase += kSecond) {
			const uint64_t minted = kBoot + phase;
			Box box(minted);
			const Sent s = mint(box.ring, minted);
			const uint64_t dies = kEpoch + kEpoch / 2 - phase % kEpoch;
			for (uint64_t age = kSecond; age < 200 * kSecond; age += kSecond) {
				box.run_until(minted + age, step);
				ASSERT_EQ(verify(box.ring, minted + age, s) == SL_COOKIE_VALID,
					  age < dies)
					<< "phase " << phase << " age " << age;
			}
		}
	}
}

TEST(CookieLife, AfterAStepOtherBoxesCookiesVerifyAtOnce)
{
	Box box(kBoot);
	box.run_until(kBoot + 10 * kSecond);
	box.run_until(kBoot + 11 * kSecond, kHour);
	struct sl_cookie_ring other = ring_at(Box::wall(kBoot + 11 * kSecond, kHour), 3);
	EXPECT_EQ(verify(box.ring, kBoot + 11 * kSecond, mint(other, 3)), SL_COOKIE_VALID);
	EXPECT_EQ(verify(other, 3, mint(box.ring, kBoot + 11 * kSecond)), SL_COOKIE_VALID);
}

TEST(CookieLife, AClockThatBeginsBefore1970sSecondEpochWorks)
{
	for (uint64_t unix_us : {uint64_t{0}, kEpoch - 1, kEpoch}) {
		struct sl_cookie_ring ring = ring_at(unix_us);
		const Sent s = mint(ring, kBoot);
		EXPECT_EQ(verify(ring, kBoot, s), SL_COOKIE_VALID);
		EXPECT_EQ(verify(ring, kBoot + 32 * kSecond, s), SL_COOKIE_VALID);
	}
}

TEST(CookieVerdict, OneFailureIn64TellsExpiredFromForged)
{
	struct sl_cookie_ring ring = ring_at(kEven);
	const Sent s = mint(ring, kBoot);
	unsigned expired = 0;
	for (unsigned i = 0; i < 64 * 5; i++) {
		const enum sl_cookie_verdict v = verify(ring, kBoot + 100 * kSecond, s);
		ASSERT_NE(v, SL_COOKIE_VALID);
		expired += v == SL_COOKIE_EXPIRED;
	}
	EXPECT_EQ(expired, 5u);
}

TEST(CookieVerdict, ValidCookiesDoNotCountAsFailures)
{
	struct sl_cookie_ring ring = ring_at(kEven);
	const Sent s = mint(ring, kBoot);
	for (unsigned i = 0; i < 100; i++)
		EXPECT_EQ(verify(ring, kBoot, s), SL_COOKIE_VALID);
	EXPECT_EQ(ring.failures, 0u);
}

TEST(CookieVerdict, ExpiredIsKnownFromTheEndOfLifeToTheFourthEpochAfter)
{
	for (bool timestamps : {false, true}) {
		for (uint64_t phase = 0; phase < 2 * kEpoch; phase += kSecond) {
			struct sl_cookie_ring ring = ring_at(kEven + phase);
			const Sent s = mint(ring, kBoot, timestamps);
			const uint64_t dies = kEpoch + kEpoch / 2 - phase % kEpoch;
			const uint64_t forgotten = 5 * kEpoch - phase % kEpoch;
			for (uint64_t age = dies; age < forgotten + kEpoch; age += kSecond) {
				ring.failures = 0; // the next is looked at
				ASSERT_EQ(verify(ring, kBoot + age, s),
					  age < forgotten ? SL_COOKIE_EXPIRED : SL_COOKIE_FORGED)
					<< "phase " << phase << " age " << age;
			}
		}
	}
}

TEST(CookieVerdict, WhatWasNeverOursIsForgedHoweverCloselyLookedAt)
{
	struct sl_cookie_ring ring = ring_at(kEven + 40 * kSecond);
	std::mt19937 random(3);
	for (unsigned i = 0; i < 100000; i++) {
		Sent s = mint(ring, kBoot, i % 2 == 0);
		s.cookie = random();
		ring.failures = 0;
		ASSERT_EQ(verify(ring, kBoot, s), SL_COOKIE_FORGED) << s.cookie;
	}
}

} // namespace
