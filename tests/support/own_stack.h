// SPDX-License-Identifier: BSD-3-Clause
//
// A TCP stack (lib/stack) with its memory, and its sockets' calls with strings. What its packets
// travel on is whose who derives from it.
#ifndef TESTS_SUPPORT_OWN_STACK_H
#define TESTS_SUPPORT_OWN_STACK_H

#include <arpa/inet.h>

#include <cstdlib>
#include <functional>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>

extern "C" {
#include "sl_tcp_stack.h"
}

namespace sl_test
{

inline sl_addr host_addr(const std::string &text)
{
	sl_addr a = {};
	uint8_t v4[4];
	if (inet_pton(AF_INET, text.c_str(), v4) == 1)
		sl_addr_set_v4(&a, v4);
	else if (inet_pton(AF_INET6, text.c_str(), a.b) != 1)
		throw std::invalid_argument(text);
	return a;
}

class Stack
{
      public:
	Stack(const Stack &) = delete;
	virtual ~Stack() = default;

	int64_t send(int s, const std::string &data)
	{
		return sl_socket_send(stack, s, data.data(), static_cast<uint32_t>(data.size()),
				      false);
	}
	std::string receive(int s, uint32_t most = 1 << 20)
	{
		std::string data(most, '\0');
		const int64_t n = sl_socket_receive(stack, s, data.data(), most);
		data.resize(n > 0 ? static_cast<size_t>(n) : 0);
		return data;
	}
	sl_tcp_state state(int s) const
	{
		return sl_socket_state(stack, s);
	}
	const sl_tcp &tcp() const
	{
		return *sl_tcp_stack_tcp(stack);
	}

	sl_addr addr;
	sl_tcp_stack_config config = {};
	sl_tcp_stack *stack = nullptr;

      protected:
	using Configure = std::function<void(sl_tcp_stack_config *)>;

	Stack(const std::string &address, uint64_t now_us, std::mt19937 *random,
	      const Configure &configure)
	    : addr(host_addr(address))
	{
		config.addrs[config.n_addrs++] = addr;
		config.n_connections = 64;
		config.n_sockets = 64;
		config.n_blocks = 4096;
		config.mtu = 1500;
		config.options = sl_tcp_options_default;
		config.options.mss = 0;
		config.transmit = [](void *owner, const uint8_t *packet, uint16_t len) {
			static_cast<Stack *>(owner)->transmit(packet, len);
		};
		config.owner = this;
		config.now_us = now_us;
		for (uint8_t &b : config.seed)
			b = static_cast<uint8_t>((*random)());
		if (configure)
			configure(&config);
		const size_t bytes = sl_tcp_stack_memory_size(&config);
		memory.reset(static_cast<uint8_t *>(aligned_alloc(SL_CACHE_LINE, bytes)));
		stack = sl_tcp_stack_init(memory.get(), &config);
		if (stack == nullptr)
			throw std::invalid_argument("no stack of that configuration");
	}

	/// It sends an IP packet.
	virtual void transmit(const uint8_t *packet, uint16_t len) = 0;

      private:
	struct Free {
		void operator()(uint8_t *p) const
		{
			free(p);
		}
	};
	std::unique_ptr<uint8_t, Free> memory;
};

} // namespace sl_test

#endif
