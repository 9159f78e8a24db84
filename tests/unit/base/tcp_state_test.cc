// SPDX-License-Identifier: BSD-3-Clause
#include <gtest/gtest.h>

#include "sl_tcp_state.h"

#include <set>
#include <string>

namespace
{

struct row {
	enum sl_tcp_state state;
	const char *rfc, *netstat;
};

const struct row rows[] = {
	{SL_TCP_LISTEN, "LISTEN", "LISTEN"},
	{SL_TCP_SYN_SENT, "SYN-SENT", "SYN_SENT"},
	{SL_TCP_SYN_RECEIVED, "SYN-RECEIVED", "SYN_RECV"},
	{SL_TCP_ESTABLISHED, "ESTABLISHED", "ESTABLISHED"},
	{SL_TCP_FIN_WAIT_1, "FIN-WAIT-1", "FIN_WAIT1"},
	{SL_TCP_FIN_WAIT_2, "FIN-WAIT-2", "FIN_WAIT2"},
	{SL_TCP_CLOSE_WAIT, "CLOSE-WAIT", "CLOSE_WAIT"},
	{SL_TCP_CLOSING, "CLOSING", "CLOSING"},
	{SL_TCP_LAST_ACK, "LAST-ACK", "LAST_ACK"},
	{SL_TCP_TIME_WAIT, "TIME-WAIT", "TIME_WAIT"},
	{SL_TCP_CLOSED, "CLOSED", "CLOSE"},
};

TEST(TcpStates, AreTheElevenOfTheRfc)
{
	RecordProperty("rfc", "9293 section 3.3.2");
	EXPECT_EQ(SL_TCP_N_STATES, 11);
	std::set<std::string> names;
	for (const struct row &r : rows) {
		EXPECT_STREQ(sl_tcp_state_name(r.state), r.rfc);
		names.insert(r.rfc);
	}
	EXPECT_EQ(names.size(), 11u);
}

TEST(TcpStates, AreReadByBothNames)
{
	for (const struct row &r : rows) {
		for (const char *name : {r.rfc, r.netstat}) {
			enum sl_tcp_state state =
				r.state == SL_TCP_LISTEN ? SL_TCP_CLOSED : SL_TCP_LISTEN;
			EXPECT_EQ(sl_tcp_state_parse(name, &state), 0) << name;
			EXPECT_EQ(state, r.state) << name;
		}
	}
}

TEST(TcpStates, AreReadInAnyCaseWithEitherDash)
{
	for (const char *name :
	     {"fin-wait-2", "FIN_WAIT_2", "Fin_Wait-2", "fin-wait2", "FIN_WAIT2"}) {
		enum sl_tcp_state state = SL_TCP_LISTEN;
		EXPECT_EQ(sl_tcp_state_parse(name, &state), 0) << name;
		EXPECT_EQ(state, SL_TCP_FIN_WAIT_2) << name;
	}
}

TEST(TcpStates, OtherNamesAreRefusedAndSetNothing)
{
	for (const char *name : {"", "FIN", "FIN-WAIT", "FIN-WAIT-22", "LISTENING", "ESTABLISHED ",
				 " ESTABLISHED", "SYN SENT", "-"}) {
		enum sl_tcp_state state = SL_TCP_CLOSING;
		EXPECT_EQ(sl_tcp_state_parse(name, &state), -1) << name;
		EXPECT_EQ(state, SL_TCP_CLOSING) << name;
	}
}

} // namespace
