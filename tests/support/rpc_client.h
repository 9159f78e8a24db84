// SPDX-License-Identifier: BSD-3-Clause
// A box with its RPC running, and a client of it.
#ifndef RPC_CLIENT_H
#define RPC_CLIENT_H

#include "box.h"
#include "sl_rpc.h"

#include <cerrno>
#include <jansson.h>
#include <memory>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

// JSON that frees itself, for reading only.
class Json
{
      public:
	explicit Json(json_t *v = nullptr) : value(v, json_decref)
	{
	}

	Json operator[](const char *name) const
	{
		return Json(json_incref(json_object_get(value.get(), name)));
	}

	Json operator[](int i) const
	{
		return Json(json_incref(json_array_get(value.get(), (size_t)i)));
	}

	json_int_t number() const
	{
		EXPECT_TRUE(json_is_integer(value.get()));
		return json_integer_value(value.get());
	}

	std::string text() const
	{
		const char *s = json_string_value(value.get());
		return s != nullptr ? s : "(no string)";
	}

	std::string dump() const
	{
		char *s = json_dumps(value.get(), JSON_ENCODE_ANY | JSON_COMPACT);
		const std::string copy = s != nullptr ? s : "(nothing)";
		free(s);
		return copy;
	}

	size_t size() const
	{
		return json_is_array(value.get()) ? json_array_size(value.get())
						  : json_object_size(value.get());
	}

	json_t *get() const
	{
		return value.get();
	}

      private:
	std::shared_ptr<json_t> value;
};

class Client
{
      public:
	enum When { NOW, LATER };

	explicit Client(const std::string &socket_path, When when = NOW)
	    : fd(socket(AF_UNIX, SOCK_STREAM, 0)), path(socket_path)
	{
		if (when == NOW)
			connect_now();
	}

	void connect_now()
	{
		struct sockaddr_un addr = {};

		addr.sun_family = AF_UNIX;
		strcpy(addr.sun_path, path.c_str());
		EXPECT_EQ(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	}

	~Client()
	{
		close(fd);
	}

	Client(const Client &) = delete;

	// Returns whether all of it was taken.
	bool send(const std::string &bytes)
	{
		size_t done = 0;

		while (done < bytes.size()) {
			const ssize_t n =
				::send(fd, bytes.data() + done, bytes.size() - done, MSG_NOSIGNAL);
			if (n <= 0)
				return false;
			done += (size_t)n;
		}
		return true;
	}

	// The next line, or "" when the other side closes, or says nothing for `ms`.
	std::string line(int ms = 5000)
	{
		size_t newline;

		while ((newline = input.find('\n')) == std::string::npos) {
			struct pollfd p = {fd, POLLIN, 0};
			char bytes[65536];
			ssize_t n;

			if (poll(&p, 1, ms) <= 0 || (n = recv(fd, bytes, sizeof(bytes), 0)) <= 0)
				return "";
			input.append(bytes, (size_t)n);
		}
		const std::string found = input.substr(0, newline);
		input.erase(0, newline + 1);
		return found;
	}

	// Whether the other side has closed, or does so within 5 s.
	bool closed()
	{
		while (!line().empty())
			;
		char byte;
		return recv(fd, &byte, 1, MSG_DONTWAIT) == 0 || errno == ECONNRESET;
	}

	Json json(int ms = 5000)
	{
		return Json(json_loads(line(ms).c_str(), 0, nullptr));
	}

	Json call(const std::string &method, const std::string &params = "{}")
	{
		send(R"({"jsonrpc":"2.0","id":1,"method":")" + method + R"(","params":)" + params +
		     "}\n");
		return json();
	}

	Json result(const std::string &method, const std::string &params = "{}")
	{
		const Json reply = call(method, params);
		EXPECT_NE(reply["result"].get(), nullptr) << reply.dump();
		return reply["result"];
	}

	int fd;

      private:
	std::string path, input;
};

// Running from its construction to its end.
class Daemon
{
      public:
	explicit Daemon(uint32_t n_connections = 1024, uint16_t http_port = 0,
			uint32_t n_blocks = 0, uint32_t request_timeout_ms = 0)
	    : box(n_connections, n_blocks), control(box), socket_path(box.path("control.sock"))
	{
		struct sl_rpc_config config = {};
		char error[256] = "";

		config.control = control.c;
		config.socket_path = socket_path.c_str();
		config.http_addr = addr_of("127.0.0.1");
		config.http_port = http_port;
		config.request_timeout_ms = request_timeout_ms;
		rpc = sl_rpc_create(&config, error, sizeof(error));
		EXPECT_NE(rpc, nullptr) << error;
		control.start();
	}

	~Daemon()
	{
		control.stop();
		sl_rpc_destroy(rpc);
	}

	Box box;
	Control control;
	std::string socket_path;
	struct sl_rpc *rpc;
};

#endif
