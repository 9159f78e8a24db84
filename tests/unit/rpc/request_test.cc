// SPDX-License-Identifier: BSD-3-Clause
#include "sl_rpc_request.h"

#include <cstdlib>

#include <gtest/gtest.h>
#include <string>

namespace
{

std::string taken(char *line)
{
	const std::string copy = line != nullptr ? line : "(none)";
	free(line);
	return copy;
}

} // namespace

TEST(RpcRequest, PartsOfARequest)
{
	const std::string line = R"({"jsonrpc":"2.0","id":5,"method":"m","params":[1]})";
	struct sl_rpc_request r;
	char *reply = nullptr;

	ASSERT_EQ(sl_rpc_request_parse(line.data(), line.size(), &r, &reply), 0);
	EXPECT_STREQ(r.method, "m");
	EXPECT_EQ(json_array_size(r.params), 1u);
	EXPECT_EQ(json_integer_value(r.id), 5);
	EXPECT_EQ(taken(sl_rpc_result_line(r.id, json_true())),
		  R"({"jsonrpc":"2.0","result":true,"id":5})");
	sl_rpc_request_fini(&r);
}

TEST(RpcRequest, FlawedRequestIsAnsweredUnderItsIdIfItHasOne)
{
	const std::string line = R"({"jsonrpc":"2.0","id":5})", other = R"({"id":[]})";
	struct sl_rpc_request r;
	char *reply = nullptr;

	ASSERT_EQ(sl_rpc_request_parse(line.data(), line.size(), &r, &reply), -1);
	EXPECT_EQ(taken(reply),
		  R"({"jsonrpc":"2.0","error":{"code":-32600,"message":"\"method\" has to be a )"
		  R"(string; rpc_get_methods lists them"},"id":5})");
	ASSERT_EQ(sl_rpc_request_parse(other.data(), other.size(), &r, &reply), -1);
	EXPECT_NE(taken(reply).find("\"id\":null"), std::string::npos);
}

TEST(RpcRequest, GarbageThatCutsACharacterIsStillAnswered)
{
	const std::string line = "{\"i\\\xdd\xbe\"\"}";
	struct sl_rpc_request r;
	char *reply = nullptr;

	ASSERT_EQ(sl_rpc_request_parse(line.data(), line.size(), &r, &reply), -1);
	EXPECT_NE(taken(reply).find("-32700"), std::string::npos);
	EXPECT_NE(taken(sl_rpc_error_line(nullptr, SL_RPC_PARSE_ERROR, "cut \xc3", nullptr))
			  .find("cut ?"),
		  std::string::npos);
}
