// SPDX-License-Identifier: BSD-3-Clause
#include "descriptors.h"
#include "rpc_client.h"

#include <algorithm>
#include <arpa/inet.h>
#include <cctype>
#include <map>
#include <netinet/in.h>
#include <set>
#include <sstream>
#include <vector>

namespace
{

int tcp_socket(uint16_t port, bool listening, int fd = -1)
{
	struct sockaddr_in addr = {};

	if (fd < 0)
		fd = socket(AF_INET, SOCK_STREAM, 0);
	addr.sin_family = AF_INET;
	addr.sin_port = htons(port);
	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (listening)
		EXPECT_EQ(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	else
		EXPECT_EQ(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

// A port that nobody has just now.
uint16_t free_port()
{
	const int fd = tcp_socket(0, true);
	struct sockaddr_in addr;
	socklen_t len = sizeof(addr);

	getsockname(fd, (struct sockaddr *)&addr, &len);
	close(fd);
	return ntohs(addr.sin_port);
}

// What a client hears on `fd` until the other side closes.
std::string rest_of(int fd)
{
	std::string all;
	char bytes[65536];
	ssize_t n;

	while ((n = recv(fd, bytes, sizeof(bytes), 0)) > 0)
		all.append(bytes, (size_t)n);
	return all;
}

std::string get(uint16_t port, const std::string &path)
{
	const int fd = tcp_socket(port, false);
	const std::string request =
		"GET " + path + " HTTP/1.1\r\nHost: box\r\nConnection: close\r\n\r\n";

	EXPECT_EQ(send(fd, request.data(), request.size(), 0), (ssize_t)request.size());
	const std::string all = rest_of(fd);
	close(fd);
	return all;
}

// service="web",leg="client": only what there are few of.
void expect_labels(const std::string &labels)
{
	static const std::set<std::string> known = {"service", "core", "port", "reason", "state", "leg"};
	std::istringstream all(labels);
	std::string one;

	while (std::getline(all, one, ',')) {
		const size_t equals = one.find("=\"");
		EXPECT_TRUE(known.count(one.substr(0, equals))) << labels;
		EXPECT_EQ(one.back(), '"') << labels;
	}
}

} // namespace

TEST(RpcMetrics, EverySampleBelongsToAFamilyAndKnowsNoAddress)
{
	const uint16_t port = free_port();
	Daemon daemon(1024, port);

	for (auto *w : daemon.box.workers)
		fake_worker_set_busy(w, true);
	usleep(20000);
	const std::string reply = get(port, "/metrics");
	ASSERT_EQ(reply.compare(0, 15, "HTTP/1.1 200 OK"), 0) << reply.substr(0, 200);
	EXPECT_NE(reply.find("application/openmetrics-text; version=1.0.0"), std::string::npos);
	const std::string body = reply.substr(reply.find("\r\n\r\n") + 4);
	EXPECT_EQ(body.substr(body.size() - 6), "# EOF\n");

	std::map<std::string, std::string> type;
	std::set<std::string> seen;
	std::istringstream lines(body);
	std::string line, family;
	unsigned n = 0;
	while (std::getline(lines, line) && line != "# EOF") {
		std::istringstream words(line);
		std::string hash, kind, name, rest;

		if (line[0] == '#') { // # TYPE name counter
			words >> hash >> kind >> name >> rest;
			if (kind == "TYPE") {
				EXPECT_TRUE(type.emplace(name, rest).second) << line;
				family = name;
			}
			EXPECT_EQ(name, family) << line; // families are not interleaved
			if (kind == "UNIT") {
				EXPECT_EQ(family.substr(family.size() - rest.size()), rest);
			}
			EXPECT_FALSE(rest.empty()) << line;
			continue;
		}
		const size_t value = line.rfind(' '), labels = line.find('{');
		name = line.substr(0, std::min(value, labels));
		EXPECT_EQ(name, type[family] == "counter" ? family + "_total" : family) << line;
		EXPECT_TRUE(seen.insert(line.substr(0, value)).second) << line;
		EXPECT_TRUE(isdigit(line[value + 1])) << line;
		if (labels != std::string::npos)
			expect_labels(line.substr(labels + 1, value - labels - 2));
		n++;
	}
	EXPECT_GT(n, 3u * SL_N_DROPS);
	EXPECT_EQ(body.find("192.0.2.2"), std::string::npos);
	EXPECT_NE(
		body.find("sluice_state_legs{service=\"web\",leg=\"client\",state=\"LISTEN\"} 1\n"),
		std::string::npos);
}

TEST(RpcMetrics, TheLossesOfADeviceStandUnderItsPort)
{
	const uint16_t port = free_port();
	Daemon daemon(1024, port);
	struct sl_port_counters counters = {};

	counters.nic_missed = 3;
	counters.nic_nombuf = 4;
	counters.nic_errors = 5;
	fake_port_set(1, &counters);
	const std::string body = get(port, "/metrics");
	for (const char *line : {"sluice_nic_missed_packets_total{port=\"net_fake0\"} 0\n",
				 "sluice_nic_missed_packets_total{port=\"net_fake1\"} 3\n",
				 "sluice_nic_nombuf_packets_total{port=\"net_fake1\"} 4\n",
				 "sluice_nic_errors_packets_total{port=\"net_fake1\"} 5\n"})
		EXPECT_NE(body.find(line), std::string::npos) << line;
}

TEST(RpcMetrics, APortWithoutALinkAndADrainAreSeen)
{
	const uint16_t port = free_port();
	Daemon daemon(1024, port);
	struct sl_port_counters counters = {};

	counters.present = true;
	fake_port_set(1, &counters);
	const std::string body = get(port, "/metrics");
	for (const char *line :
	     {"sluice_port_link_up{port=\"net_fake0\"} 1\n",
	      "sluice_port_link_up{port=\"net_fake1\"} 0\n", "sluice_draining 0\n"})
		EXPECT_NE(body.find(line), std::string::npos) << line;
	Client(daemon.socket_path).result("system_drain");
	EXPECT_NE(get(port, "/metrics").find("sluice_draining 1\n"), std::string::npos);
}

TEST(RpcMetrics, OtherPagesAndAStuckWorker)
{
	const uint16_t port = free_port();
	Daemon daemon(1024, port);

	EXPECT_NE(get(port, "/").find("/metrics"), std::string::npos);
	EXPECT_EQ(get(port, "/etc/passwd").compare(0, 12, "HTTP/1.1 404"), 0);
	fake_worker_set_stuck(daemon.box.workers[0], true);
	usleep(5000);
	const int gone = tcp_socket(port, false); // asks, and leaves before the answer
	const char request[] = "GET /metrics HTTP/1.1\r\nHost: box\r\n\r\n";
	EXPECT_GT(send(gone, request, sizeof(request) - 1, 0), 0);
	usleep(50000);
	close(gone);
	EXPECT_EQ(get(port, "/metrics").compare(0, 12, "HTTP/1.1 503"), 0);
}

TEST(RpcMetrics, OutOfDescriptorsTheRpcIsServedAndNothingSpins)
{
	const uint16_t port = free_port();
	Daemon daemon(1024, port);
	Client client(daemon.socket_path, Client::LATER);
	std::vector<int> fds(20);

	for (int &fd : fds)
		fd = socket(AF_INET, SOCK_STREAM, 0);
	testing::internal::CaptureStderr();
	{
		Descriptors few(3);

		for (const int fd : fds)
			tcp_socket(port, false, fd);
		client.connect_now();
		for (int i = 0; i < 3; i++) {
			EXPECT_EQ(client.result("system_get_version")["version"].text(),
				  SL_VERSION);
			usleep(50000);
		}
	}
	const std::string said = testing::internal::GetCapturedStderr();
	EXPECT_LT(std::count(said.begin(), said.end(), '\n'), 10) << said.substr(0, 300);
	for (const int fd : fds)
		close(fd);
	EXPECT_EQ(get(port, "/").compare(0, 15, "HTTP/1.1 200 OK"), 0);
}

TEST(RpcMetrics, ConnectionsThatSayNothingGiveWay)
{
	const uint16_t port = free_port();
	Daemon daemon(1024, port);
	std::vector<int> fds;

	for (int i = 0; i < 2 * SL_RPC_HTTP_MAX; i++)
		fds.push_back(tcp_socket(port, false));
	EXPECT_EQ(get(port, "/").compare(0, 15, "HTTP/1.1 200 OK"), 0);
	// The first are gone, without an answer.
	for (int i = 0; i < SL_RPC_HTTP_MAX; i++)
		EXPECT_EQ(rest_of(fds[i]), "");
	for (const int fd : fds)
		close(fd);
}

TEST(RpcMetrics, RequestThatIsNeverCompletedIsTimedOut)
{
	const uint16_t port = free_port();
	Daemon daemon(1024, port, 0, 200);
	const int mute = tcp_socket(port, false), half = tcp_socket(port, false);

	EXPECT_EQ(send(half, "GET / HTTP/1.1\r\n", 16, 0), 16);
	EXPECT_EQ(rest_of(half).compare(0, 12, "HTTP/1.1 408"), 0);
	EXPECT_EQ(rest_of(mute), "");
	close(mute);
	close(half);
}

TEST(RpcMetrics, RequestsAreReadAsTheirStandardSays)
{
	const uint16_t port = free_port();
	Daemon daemon(1024, port);
	static const struct {
		std::string request;
		const char *status;
	} cases[] = {
		{"GET /metrics?collect=all HTTP/1.1\r\nHost: box\r\n\r\n", "200"},
		{"GET http://box/metrics HTTP/1.1\r\nHost: box\r\n\r\n", "200"},
		{"\r\nGET / HTTP/1.0\n\n", "200"},
		{"POST /metrics HTTP/1.1\r\nHost: box\r\n\r\n", "405"},
		{"BREW / HTTP/1.1\r\nHost: box\r\n\r\n", "501"},
		{"GET / HTTP/1.1\r\n\r\n", "400"},
		{"GET /metrics/ HTTP/1.1\r\nHost: box\r\n\r\n", "404"},
		{"GET / HTTP/3.0\r\n\r\n", "505"},
		{"GET / HTTP/1.1\r\nHost: box\r\nX: " + std::string(8192, 'x'), "431"},
		{"{}\n\n", "400"},
	};

	for (const auto &c : cases) {
		const int fd = tcp_socket(port, false);
		EXPECT_EQ(send(fd, c.request.data(), c.request.size(), 0),
			  (ssize_t)c.request.size());
		const std::string reply = rest_of(fd);
		EXPECT_EQ(reply.substr(9, 3), c.status) << c.request << reply.substr(0, 300);
		EXPECT_NE(reply.find("\r\nConnection: close\r\n"), std::string::npos);
		close(fd);
	}
	const int fd = tcp_socket(port, false);
	const std::string head = "HEAD /metrics HTTP/1.1\r\nHost: box\r\n\r\n";
	EXPECT_EQ(send(fd, head.data(), head.size(), 0), (ssize_t)head.size());
	const std::string reply = rest_of(fd);
	EXPECT_EQ(reply.substr(reply.size() - 4), "\r\n\r\n");
	EXPECT_NE(reply.find("Content-Length: "), std::string::npos);
	close(fd);
}
