// SPDX-License-Identifier: BSD-3-Clause
// What clients do to the socket, and that nobody else suffers from it.
#include "descriptors.h"
#include "rpc_client.h"

#include <chrono>
#include <fcntl.h>
#include <fstream>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <vector>

namespace
{

const std::string kVersion = R"({"jsonrpc":"2.0","id":7,"method":"system_get_version"})";

void expect_served(const Daemon &daemon)
{
	Client other(daemon.socket_path);
	EXPECT_EQ(other.result("system_get_version")["version"].text(), SL_VERSION);
}

// The error that creating an RPC at `path` gives; "" when it works.
std::string refusal(Control &control, const std::string &path)
{
	struct sl_rpc_config config = {};
	char error[256] = "";

	config.control = control.c;
	config.socket_path = path.c_str();
	struct sl_rpc *rpc = sl_rpc_create(&config, error, sizeof(error));
	EXPECT_EQ(rpc == nullptr, error[0] != '\0');
	sl_rpc_destroy(rpc);
	return error;
}

// A client that is neither root nor the daemon's user. The credentials of a socket are those of the
// thread that connects.
std::unique_ptr<Client> as_nobody(const std::string &path)
{
	const uid_t nobody = 65534;

	EXPECT_EQ(syscall(SYS_setresuid, -1, nobody, -1), 0);
	auto client = std::make_unique<Client>(path);
	EXPECT_EQ(syscall(SYS_setresuid, -1, 0, -1), 0);
	return client;
}

} // namespace

TEST(RpcSocket, BelongsToOwnerAndGroupInAFolderOfItsOwn)
{
	Box box;
	Control control(box);
	struct stat st;
	struct sl_rpc_config config = {};
	char error[256] = "";
	const std::string folder = box.path("run"), path = folder + "/control.sock";

	config.control = control.c;
	config.socket_path = path.c_str();
	struct sl_rpc *rpc = sl_rpc_create(&config, error, sizeof(error));
	ASSERT_NE(rpc, nullptr) << error;
	ASSERT_EQ(stat(path.c_str(), &st), 0);
	EXPECT_EQ(st.st_mode & 07777, 0660u);
	ASSERT_EQ(stat(folder.c_str(), &st), 0);
	EXPECT_EQ(st.st_mode & 07777, 0750u);
	sl_rpc_destroy(rpc);
	EXPECT_NE(stat(path.c_str(), &st), 0);
	rmdir(folder.c_str());
}

TEST(RpcSocket, BelongsToTheGroupThatIsConfigured)
{
	if (getuid() != 0)
		GTEST_SKIP() << "only root can give a file to any group";
	Box box;
	Control control(box);
	struct stat st;
	struct sl_rpc_config config = {};
	char error[256] = "";
	const std::string folder = box.path("run"), path = folder + "/control.sock";

	config.control = control.c;
	config.socket_path = path.c_str();
	config.has_group = true;
	config.gid = 65534;
	struct sl_rpc *rpc = sl_rpc_create(&config, error, sizeof(error));
	ASSERT_NE(rpc, nullptr) << error;
	for (const std::string &made : {path, folder}) {
		ASSERT_EQ(stat(made.c_str(), &st), 0);
		EXPECT_EQ(st.st_gid, 65534u) << made;
		EXPECT_EQ(st.st_uid, 0u) << made;
	}
	EXPECT_EQ(st.st_mode & 07777, 0750u);
	sl_rpc_destroy(rpc);
	rmdir(folder.c_str());
}

TEST(RpcSocket, OfALivingDaemonIsLeftAlone)
{
	Daemon living;

	EXPECT_EQ(refusal(living.control, living.socket_path),
		  "another sluiced answers on " + living.socket_path +
			  ": stop it, or set control.socket to another path");
	expect_served(living);
}

TEST(RpcSocket, OfADeadDaemonIsReplaced)
{
	Box box;
	Control control(box);
	struct sockaddr_un addr = {};
	const std::string path = box.path("dead.sock");
	const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	addr.sun_family = AF_UNIX;
	strcpy(addr.sun_path, path.c_str());
	ASSERT_EQ(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	ASSERT_EQ(listen(fd, 1), 0);
	close(fd); // as kill -9 leaves it
	EXPECT_EQ(refusal(control, path), "");
}

TEST(RpcSocket, FileThatIsNoSocketIsLeftAlone)
{
	Box box;
	Control control(box);
	const std::string path = box.path("file");

	std::ofstream(path) << "precious";
	EXPECT_NE(refusal(control, path).find("is no socket"), std::string::npos);
	std::string text;
	std::ifstream(path) >> text;
	EXPECT_EQ(text, "precious");
	unlink(path.c_str());
	EXPECT_NE(refusal(control, box.path("no/such/folder/s")).find("can't make the folder"),
		  std::string::npos);
	EXPECT_NE(refusal(control, std::string(200, 'x')).find("1 to 107 bytes"),
		  std::string::npos);
}

TEST(RpcLines, GarbageIsRefusedByItsCode)
{
	static const struct {
		std::string line;
		int code;
	} cases[] = {
		{"GET / HTTP/1.1\r", -32700},
		{"{", -32700},
		{std::string("\0\xff{]", 4), -32700},
		{std::string(5000, '['), -32700},
		{R"({"jsonrpc":"2.0","id":1,"id":2,"method":"x"})", -32700},
		{"[]", -32600},
		{"[" + kVersion + "]", -32600},
		{"1", -32600},
		{R"({"id":1,"method":"x"})", -32600},
		{R"({"jsonrpc":"1.0","id":1,"method":"x"})", -32600},
		{R"({"jsonrpc":"2.0","id":1})", -32600},
		{R"({"jsonrpc":"2.0","id":1,"method":2})", -32600},
		{R"({"jsonrpc":"2.0","id":{},"method":"x"})", -32600},
		{R"({"jsonrpc":"2.0","id":1,"method":"x","params":3})", -32600},
		{R"({"jsonrpc":"2.0","id":1,"method":"no_such"})", -32601},
		{R"({"jsonrpc":"2.0","id":1,"method":")" + std::string(62, 'a') + "\u00e9\u00e9\"}",
		 -32601},
		{R"({"jsonrpc":"2.0","id":1,"method":"port_list","params":{"x":1}})", -32602},
		{R"({"jsonrpc":"2.0","id":1,"method":"port_list","params":[1]})", -32602},
	};
	Daemon daemon;
	Client client(daemon.socket_path);

	for (const auto &c : cases) {
		client.send(c.line + "\n");
		EXPECT_EQ(client.json()["error"]["code"].number(), c.code) << c.line;
	}
	// And the same connection goes on.
	EXPECT_EQ(client.result("system_get_version")["version"].text(), SL_VERSION);
}

TEST(RpcLines, NotificationsGetNoReplyAndIdsComeBackAsTheyWere)
{
	Daemon daemon;
	Client client(daemon.socket_path);

	client.send(R"({"jsonrpc":"2.0","method":"system_get_version"})"
		    "\n"
		    R"({"jsonrpc":"2.0","method":"stats_get"})"
		    "\n"
		    R"({"jsonrpc":"2.0","method":"no_such"})"
		    "\n\n"
		    R"({"jsonrpc":"2.0","id":"a\nb","method":"system_get_version"})"
		    "\n"
		    R"({"jsonrpc":"2.0","id":null,"method":"system_get_version"})"
		    "\n");
	EXPECT_EQ(client.json()["id"].text(), "a\nb");
	const Json second = client.json();
	EXPECT_TRUE(json_is_null(second["id"].get()) && second["result"].get() != nullptr);
}

TEST(RpcLines, PipelinedRequestsAreAnsweredInTheirOrder)
{
	Daemon daemon;
	Client client(daemon.socket_path);
	std::string all;

	for (int i = 0; i < 200; i++)
		all += R"({"jsonrpc":"2.0","id":)" + std::to_string(i) + R"(,"method":")" +
		       (i % 3 == 0 ? "stats_get" : "system_get_version") + "\"}\n";
	ASSERT_TRUE(client.send(all));
	for (int i = 0; i < 200; i++)
		ASSERT_EQ(client.json()["id"].number(), i);
}

TEST(RpcLines, ByteByByteIsFineAndHalfALineAtTheEndIsForgotten)
{
	Daemon daemon;
	Client client(daemon.socket_path);

	for (const char byte : kVersion + "\n") {
		client.send(std::string(1, byte));
		usleep(100);
	}
	EXPECT_EQ(client.json()["id"].number(), 7);
	client.send("{\"jsonrpc\"");
	shutdown(client.fd, SHUT_WR);
	EXPECT_TRUE(client.closed());
}

TEST(RpcLines, WhoEndsHisSideStillGetsHisAnswers)
{
	Daemon daemon;
	Client client(daemon.socket_path);

	client.send(R"({"jsonrpc":"2.0","id":1,"method":"stats_get"})"
		    "\n" +
		    kVersion + "\n");
	shutdown(client.fd, SHUT_WR);
	EXPECT_NE(client.json()["result"].get(), nullptr);
	EXPECT_EQ(client.json()["id"].number(), 7);
	EXPECT_TRUE(client.closed());
}

TEST(RpcLines, LongestLineIsTakenAndALongerOneRefused)
{
	Daemon daemon;
	Client client(daemon.socket_path);

	ASSERT_TRUE(
		client.send(kVersion + std::string(SL_RPC_LINE_MAX - kVersion.size(), ' ') + "\n"));
	EXPECT_EQ(client.json()["id"].number(), 7);
	client.send(std::string(SL_RPC_LINE_MAX + 1, 'x') + "\n");
	EXPECT_EQ(client.json()["error"]["code"].number(), -32600);
	EXPECT_TRUE(client.closed());
	expect_served(daemon);
}

TEST(RpcLines, EndlessLineIsCutOff)
{
	Daemon daemon;
	Client client(daemon.socket_path);
	const std::string piece(1 << 20, 'x');
	int sent = 0;

	while (sent < 64 && client.send(piece))
		sent++;
	EXPECT_LT(sent, 8);
	expect_served(daemon);
}

TEST(RpcClients, VanishInTheMiddleOfAListing)
{
	Daemon daemon(200000);

	for (auto *w : daemon.box.workers)
		fake_worker_set_pace(w, 3000);
	for (int i = 0; i < 20; i++) {
		Client client(daemon.socket_path);
		client.send(R"({"jsonrpc":"2.0","id":1,"method":"connection_list"})"
			    "\n" +
			    kVersion + "\n");
		usleep(5000);
	}
	expect_served(daemon);
	for (auto *w : daemon.box.workers)
		fake_worker_set_pace(w, 100);
	Client client(daemon.socket_path);
	EXPECT_EQ(client.result("connection_list")["connections"].size(), 0u);
}

TEST(RpcClients, SixtyFourAreServedAndTheLongestIdleGivesWayToTheNext)
{
	Daemon daemon;
	std::vector<std::unique_ptr<Client>> clients;

	for (int i = 0; i < SL_RPC_CLIENTS_MAX; i++)
		clients.push_back(std::make_unique<Client>(daemon.socket_path));
	for (auto &c : clients)
		EXPECT_EQ(c->result("system_get_version")["version"].text(), SL_VERSION);
	clients[0]->result("system_get_version"); // now the second is the longest idle
	expect_served(daemon);
	EXPECT_EQ(clients[1]->json()["error"]["message"].text(),
		  "closed: all 64 places are taken, and this client was idle the longest");
	EXPECT_TRUE(clients[1]->closed());
	EXPECT_EQ(clients[0]->result("system_get_version")["version"].text(), SL_VERSION);
	EXPECT_EQ(clients[2]->result("system_get_version")["version"].text(), SL_VERSION);
}

TEST(RpcClients, HalfARequestIsWaitedForToo)
{
	Daemon daemon;
	std::vector<std::unique_ptr<Client>> clients;

	for (int i = 0; i < SL_RPC_CLIENTS_MAX; i++) {
		clients.push_back(std::make_unique<Client>(daemon.socket_path));
		clients.back()->send("{");
	}
	for (const auto &c : clients)
		for (int unread = 1; unread > 0; usleep(1000))
			ASSERT_EQ(ioctl(c->fd, SIOCOUTQ, &unread), 0);
	expect_served(daemon);
	EXPECT_TRUE(clients[0]->closed());
}

// All places that others may have are busy: a worker that is stuck keeps their calls waiting.
TEST(RpcClients, SomePlacesAreTheOwners)
{
	if (getuid() != 0)
		GTEST_SKIP() << "only root can be somebody else";
	Daemon daemon;
	std::vector<std::unique_ptr<Client>> clients;
	const std::string request = R"({"jsonrpc":"2.0","id":1,"method":"stats_get"})"
				    "\n";

	ASSERT_EQ(chmod(daemon.box.dir, 0755), 0);
	ASSERT_EQ(chmod(daemon.socket_path.c_str(), 0666), 0);
	fake_worker_set_stuck(daemon.box.workers[0], true);
	usleep(5000);
	for (int i = 0; i < SL_RPC_CLIENTS_MAX - SL_RPC_CLIENTS_KEPT; i++) {
		clients.push_back(as_nobody(daemon.socket_path));
		clients.back()->send(kVersion + "\n" + request);
		EXPECT_EQ(clients.back()->json()["id"].number(), 7);
	}
	auto other = as_nobody(daemon.socket_path);
	EXPECT_EQ(other->json()["error"]["message"].text(),
		  "too many clients: 64 at most, of which 8 are root's");
	EXPECT_TRUE(other->closed());
	expect_served(daemon);
	fake_worker_set_stuck(daemon.box.workers[0], false);
	for (auto &c : clients)
		EXPECT_NE(c->json()["result"].get(), nullptr);
}

TEST(RpcClients, RequestThatIsNeverCompletedIsRefused)
{
	Daemon daemon(1024, 0, 0, 200);
	Client half(daemon.socket_path), idle(daemon.socket_path);

	half.send("{\"jsonrpc\"");
	EXPECT_EQ(half.json()["error"]["message"].text(), "half a line: the rest did not come");
	EXPECT_TRUE(half.closed());
	// Who is idle is not in the midst of anything.
	EXPECT_EQ(idle.result("system_get_version")["version"].text(), SL_VERSION);
	expect_served(daemon);
}

// The daemon has no descriptor left, not even for who has the right to ask it why.
TEST(RpcClients, AreServedWithoutAFreeDescriptor)
{
	Daemon daemon;
	Client first(daemon.socket_path, Client::LATER), second(daemon.socket_path, Client::LATER);
	Descriptors none(0);

	first.connect_now();
	EXPECT_EQ(first.result("system_get_version")["version"].text(), SL_VERSION);
	second.connect_now(); // the first is idle, and gives way
	EXPECT_EQ(second.result("system_get_version")["version"].text(), SL_VERSION);
	EXPECT_TRUE(first.closed());
}

TEST(RpcClients, WhoNeverReadsIsDroppedAndOthersAreServed)
{
	Daemon daemon;
	Client deaf(daemon.socket_path);
	const std::string request = R"({"jsonrpc":"2.0","id":1,"method":"rpc_get_methods"})"
				    "\n";
	std::string many;

	for (int i = 0; i < 1000; i++)
		many += request;
	int rounds = 0;
	while (rounds < 200 && deaf.send(many)) {
		expect_served(daemon);
		rounds++;
	}
	EXPECT_LT(rounds, 200) << "it still takes requests";
	expect_served(daemon);
}
