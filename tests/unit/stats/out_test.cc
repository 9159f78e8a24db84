// SPDX-License-Identifier: BSD-3-Clause
#include <gtest/gtest.h>

#include "sl_out.h"

#include <functional>
#include <memory>
#include <utility>
#include <vector>

namespace
{

struct Out : testing::Test {
	Out()
	{
		out->accounts = accounts;
		buf.account = 2;
		buf.in_port = 3;
		buf.handle = &buf;
	}

	void expect_balanced()
	{
		EXPECT_EQ(sl_account_balance(&accounts[2]), 0);
		EXPECT_EQ(sl_account_balance(&accounts[0]), 0);
	}

	void settle(const sl_buf &decided)
	{
		sl_out_settle(out.get(), &decided, 1);
	}

	uint64_t term(sl_term t) const
	{
		return accounts[2].term[t];
	}

	sl_account accounts[3] = {};
	std::unique_ptr<sl_out> out{new sl_out()};
	sl_buf buf = {};
};

TEST_F(Out, AnsweredGoesBackByItsPort)
{
	sl_out_answer(out.get(), &buf);
	settle(buf);
	ASSERT_EQ(out->n_sent, 1u);
	EXPECT_EQ(out->sent[0]->out_port, 3);
	EXPECT_EQ(out->sent[0]->handle, &buf);
	EXPECT_EQ(out->sent[0]->fate, SL_FATE_ANSWERED);
	EXPECT_EQ(term(SL_TERM_rx), 1u);
	EXPECT_EQ(term(SL_TERM_answered), 1u);
	EXPECT_EQ(out->n_freed, 0u);
	expect_balanced();
}

TEST_F(Out, RelayedAndPassedGoByThePortGiven)
{
	sl_buf other = buf;
	sl_out_relay(out.get(), &buf, 7);
	sl_out_pass(out.get(), &other, 8);
	settle(buf);
	settle(other);
	ASSERT_EQ(out->n_sent, 2u);
	EXPECT_EQ(out->sent[0]->out_port, 7);
	EXPECT_EQ(out->sent[0]->fate, SL_FATE_RELAYED);
	EXPECT_EQ(out->sent[1]->out_port, 8);
	EXPECT_EQ(out->sent[1]->fate, SL_FATE_PASSED);
	EXPECT_EQ(term(SL_TERM_rx), 2u);
	EXPECT_EQ(term(SL_TERM_relayed), 1u);
	EXPECT_EQ(term(SL_TERM_passed), 1u);
	expect_balanced();
}

TEST_F(Out, DeliveredAndDroppedAreFreed)
{
	sl_out_deliver(out.get(), &buf);
	EXPECT_EQ(buf.fate, SL_FATE_DELIVERED);
	settle(buf);
	sl_out_drop(out.get(), &buf, SL_DROP_land);
	settle(buf);
	EXPECT_EQ(buf.fate, SL_FATE_DROPPED);
	EXPECT_EQ(buf.reason, SL_DROP_land);
	ASSERT_EQ(out->n_freed, 2u);
	EXPECT_EQ(out->freed[0], &buf);
	EXPECT_EQ(out->freed[1], &buf);
	EXPECT_EQ(out->n_sent, 0u);
	EXPECT_EQ(term(SL_TERM_rx), 2u);
	EXPECT_EQ(term(SL_TERM_delivered), 1u);
	EXPECT_EQ(accounts[2].drop[SL_DROP_land], 1u);
	expect_balanced();
}

// One of each kind beside one of each other: account, fate, reason and origin all count.
TEST_F(Out, ABurstIsSettledPacketByPacket)
{
	std::vector<sl_buf> burst(8, buf);
	burst[2].account = burst[3].account = 0;
	burst[4].origin = SL_ORIGIN_HANDED;
	sl_out_relay(out.get(), &burst[0], 1);
	sl_out_relay(out.get(), &burst[1], 2);
	sl_out_relay(out.get(), &burst[2], 1);
	sl_out_pass(out.get(), &burst[3], 1);
	sl_out_relay(out.get(), &burst[4], 1);
	sl_out_drop(out.get(), &burst[5], SL_DROP_land);
	sl_out_drop(out.get(), &burst[6], SL_DROP_martian);
	sl_out_hold(out.get(), &burst[7]);
	burst[7].hops = 3;
	sl_out_settle(out.get(), burst.data(), 8);
	EXPECT_EQ(term(SL_TERM_rx), 5u);
	EXPECT_EQ(term(SL_TERM_handed_in), 1u);
	EXPECT_EQ(term(SL_TERM_relayed), 3u);
	EXPECT_EQ(term(SL_TERM_held), 1u);
	EXPECT_EQ(accounts[2].drop[SL_DROP_land], 1u);
	EXPECT_EQ(accounts[2].drop[SL_DROP_martian], 1u);
	EXPECT_EQ(accounts[0].term[SL_TERM_relayed], 1u);
	EXPECT_EQ(accounts[0].term[SL_TERM_passed], 1u);
	EXPECT_EQ(accounts[0].term[SL_TERM_rx], 2u);
	expect_balanced();
	sl_out_settle(out.get(), burst.data(), 0);
	expect_balanced();
}

TEST_F(Out, APacketWithoutAFateIsABug)
{
	EXPECT_DEATH(settle(buf), "fate");
}

TEST_F(Out, HeldStaysWithItsConnectionUntilReleased)
{
	sl_out_hold(out.get(), &buf);
	EXPECT_EQ(buf.fate, SL_FATE_HELD);
	EXPECT_EQ(out->n_sent + out->n_freed, 0u);
	EXPECT_EQ(term(SL_TERM_held), 1u);
	expect_balanced();

	sl_out_release(out.get(), &buf, 9);
	ASSERT_EQ(out->n_sent, 1u);
	EXPECT_EQ(out->sent[0]->out_port, 9);
	EXPECT_EQ(out->sent[0]->fate, SL_FATE_RELAYED);
	EXPECT_EQ(term(SL_TERM_held), 0u);
	EXPECT_EQ(term(SL_TERM_relayed), 1u);
	EXPECT_EQ(term(SL_TERM_rx), 1u) << "counted when it came, not again";
	expect_balanced();
}

TEST_F(Out, HeldCanBeGivenUp)
{
	sl_out_hold(out.get(), &buf);
	sl_out_release_drop(out.get(), &buf, SL_DROP_server_gone);
	EXPECT_EQ(buf.fate, SL_FATE_DROPPED);
	ASSERT_EQ(out->n_freed, 1u);
	EXPECT_EQ(out->freed[0], &buf);
	EXPECT_EQ(term(SL_TERM_held), 0u);
	EXPECT_EQ(term(SL_TERM_rx), 1u);
	EXPECT_EQ(accounts[2].drop[SL_DROP_server_gone], 1u);
	expect_balanced();
}

TEST_F(Out, SparesAreTakenUntilThereIsNone)
{
	EXPECT_EQ(sl_out_spare(out.get()), nullptr);
	out->n_spare = 2;
	EXPECT_EQ(sl_out_spare(out.get()), &out->spare[1]);
	EXPECT_EQ(sl_out_spare(out.get()), &out->spare[0]);
	EXPECT_EQ(sl_out_spare(out.get()), nullptr);
}

TEST_F(Out, MadeIsBesideTheBalance)
{
	buf.account = 0;
	sl_out_made(out.get(), &buf, 2, 4);
	ASSERT_EQ(out->n_sent, 1u);
	EXPECT_EQ(out->sent[0]->account, 2);
	EXPECT_EQ(out->sent[0]->out_port, 4);
	EXPECT_EQ(out->sent[0]->fate, SL_FATE_MADE);
	EXPECT_EQ(accounts[2].event[SL_EVENT_made], 1u);
	EXPECT_EQ(term(SL_TERM_rx), 0u);
	expect_balanced();
}

TEST_F(Out, UnsentMovesToTheDrops)
{
	const std::pair<sl_term, std::function<void()>> ways[] = {
		{SL_TERM_answered, [&] { sl_out_answer(out.get(), &buf); }},
		{SL_TERM_relayed, [&] { sl_out_relay(out.get(), &buf, 1); }},
		{SL_TERM_passed, [&] { sl_out_pass(out.get(), &buf, 1); }},
		{SL_TERM_relayed,
		 [&] {
			 sl_out_hold(out.get(), &buf);
			 sl_out_release(out.get(), &buf, 1);
		 }},
	};
	uint64_t n = 0;
	for (const auto &way : ways) {
		way.second();
		settle(buf);
		EXPECT_EQ(term(way.first), 1u);
		sl_out_unsent(out.get(), out->sent[out->n_sent - 1]);
		EXPECT_EQ(term(way.first), 0u);
		EXPECT_EQ(accounts[2].drop[SL_DROP_tx_failed], ++n);
		EXPECT_EQ(term(SL_TERM_rx), n);
		expect_balanced();
	}
}

TEST_F(Out, MadeThatIsUnsentIsLost)
{
	sl_out_made(out.get(), &buf, 2, 4);
	sl_out_unsent(out.get(), out->sent[0]);
	EXPECT_EQ(accounts[2].event[SL_EVENT_made], 0u);
	EXPECT_EQ(accounts[2].event[SL_EVENT_made_lost], 1u);
	EXPECT_EQ(sl_account_dropped(&accounts[2]), 0u);
	expect_balanced();
}

TEST_F(Out, HandedOverIsBookedByItsGiverAndThenByItsOwner)
{
	buf.account = 0;
	sl_out_hand(out.get(), &buf);
	EXPECT_EQ(buf.fate, SL_FATE_HANDED);
	EXPECT_EQ(out->n_sent + out->n_freed, 0u);
	EXPECT_EQ(accounts[0].term[SL_TERM_rx], 1u);
	EXPECT_EQ(accounts[0].term[SL_TERM_handed_out], 1u);
	expect_balanced();

	buf.account = 2;
	buf.origin = SL_ORIGIN_HANDED;
	sl_out_relay(out.get(), &buf, 1);
	settle(buf);
	sl_out_drop(out.get(), &buf, SL_DROP_land);
	settle(buf);
	sl_out_hold(out.get(), &buf);
	settle(buf);
	sl_out_release(out.get(), &buf, 1);
	EXPECT_EQ(term(SL_TERM_rx), 0u);
	EXPECT_EQ(term(SL_TERM_handed_in), 3u);
	EXPECT_EQ(term(SL_TERM_relayed), 2u);
	expect_balanced();
}

TEST_F(Out, WhatCouldNotBeHandedOverIsDropped)
{
	buf.account = 0;
	for (int i = 0; i < 5; i++)
		sl_out_hand(out.get(), &buf);
	sl_out_unhanded(out.get(), 3);
	EXPECT_EQ(accounts[0].term[SL_TERM_handed_out], 2u);
	EXPECT_EQ(accounts[0].drop[SL_DROP_handover_full], 3u);
	EXPECT_EQ(accounts[0].term[SL_TERM_rx], 5u);
	expect_balanced();
}

TEST_F(Out, ListsHoldAllThatARunCanSend)
{
	for (unsigned i = 0; i < SL_SENT_MAX; i++)
		sl_out_relay(out.get(), &buf, 1);
	EXPECT_EQ(out->n_sent, static_cast<uint32_t>(SL_SENT_MAX));
	EXPECT_DEATH(sl_out_relay(out.get(), &buf, 1), "n_sent");
}

} // namespace
