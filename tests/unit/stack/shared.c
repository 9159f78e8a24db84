/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libsluicetcp from a program of its own, and the shortest one that does something: two stacks, a
 * queue of packets between them, a server that answers in capitals. Exit 0 when the answer came.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sl_tcp_stack.h"

enum { QUEUE = 64 };

struct host {
	struct sl_tcp_stack *stack;
	/* Packets on their way to it. */
	struct {
		uint8_t bytes[1500];
		uint16_t len;
	} queue[QUEUE];
	unsigned first, n;
	struct host *peer;
};

static uint64_t now_us = 1;

static void transmit(void *owner, const uint8_t *packet, uint16_t len)
{
	struct host *to = ((struct host *)owner)->peer;

	if (to->n == QUEUE)
		return; /* lost */
	memcpy(to->queue[(to->first + to->n) % QUEUE].bytes, packet, len);
	to->queue[(to->first + to->n) % QUEUE].len = len;
	to->n++;
}

static void host_init(struct host *host, struct host *peer, uint8_t last_byte)
{
	const uint8_t addr[4] = {192, 0, 2, last_byte};
	struct sl_tcp_stack_config config = {
		.n_addrs = 1,
		.n_connections = 16,
		.n_sockets = 16,
		.n_blocks = 64,
		.mtu = 1500,
		.options = sl_tcp_options_default,
		.transmit = transmit,
		.owner = host,
		.now_us = now_us,
	};

	sl_addr_set_v4(&config.addrs[0], addr);
	memset(config.seed, last_byte, sizeof(config.seed)); /* random bytes, in earnest */
	host->peer = peer;
	host->stack = sl_tcp_stack_init(
		aligned_alloc(SL_CACHE_LINE, sl_tcp_stack_memory_size(&config)), &config);
}

/* Delivers one packet, or lets time go by until something is due. */
static void step(struct host *host)
{
	if (host->n > 0) {
		const unsigned i = host->first;

		host->first = (i + 1) % QUEUE;
		host->n--;
		sl_tcp_stack_input(host->stack, host->queue[i].bytes, host->queue[i].len, now_us);
	}
	sl_tcp_stack_run(host->stack, now_us);
}

int main(void)
{
	static struct host client, server;
	const uint8_t server_addr[4] = {192, 0, 2, 2};
	struct sl_addr to;
	char text[64];
	int listener, s, accepted = -1;
	int64_t n;

	host_init(&client, &server, 1);
	host_init(&server, &client, 2);
	listener = sl_socket_open(server.stack);
	if (sl_socket_bind(server.stack, listener, NULL, 7) != 0 ||
	    sl_socket_listen(server.stack, listener, 4) != 0)
		return 1;
	sl_addr_set_v4(&to, server_addr);
	s = sl_socket_open(client.stack);
	(void)sl_socket_connect(client.stack, s, &to, 7);
	(void)sl_socket_send(client.stack, s, "hello", 5, false);
	for (unsigned turn = 0; turn < 100000; turn++, now_us += 100) {
		step(&client);
		step(&server);
		if (accepted < 0)
			accepted = sl_socket_accept(server.stack, listener);
		n = sl_socket_receive(server.stack, accepted, text, sizeof(text));
		for (int64_t i = 0; i < n; i++)
			text[i] = (char)toupper(text[i]);
		if (n > 0)
			(void)sl_socket_send(server.stack, accepted, text, (uint32_t)n, false);
		n = sl_socket_receive(client.stack, s, text, sizeof(text));
		if (n > 0) {
			printf("%.*s\n", (int)n, text);
			return n == 5 && memcmp(text, "HELLO", 5) == 0 ? 0 : 1;
		}
	}
	fprintf(stderr, "no answer\n");
	return 1;
}
