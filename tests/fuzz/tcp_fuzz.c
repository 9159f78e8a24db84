/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The TCP stack under a peer that does what it likes, a user that calls in any order, and time that
 * goes in any steps. The input is a list of such deeds; packets are given relative to what the
 * stack sent last, so that the fuzzer needs no luck to come near a window. Afterwards the books
 * balance, and once the user has closed everything and time has gone by, nothing is left.
 */
#include "sl_tcp_stack.h"

#include <stdlib.h>
#include <string.h>

#include "sl_bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	FLOWS = 4,
	SOCKETS = 8,
	TIMEOUT_MAX_MS = 10000000,
	DEEDS = 400,
	PORT = 80,
	PEER_PORT = 40000
};

/* What the peer knows of a connection: what the stack has sent last. */
struct flow {
	uint16_t stack_port;
	uint32_t next, ack, una;
	uint32_t tsval;
};

struct world {
	const uint8_t *data;
	size_t left;
	struct sl_tcp_stack *stack;
	struct flow flow[FLOWS];
	uint64_t now_us;
	uint32_t tsval;
	bool v6;
	struct sl_addr self, peer;
};

static void check(bool holds)
{
	if (!holds)
		abort();
}

static uint32_t take(struct world *w, unsigned bytes)
{
	uint32_t v = 0;

	while (bytes-- > 0 && w->left > 0) {
		v = v << 8 | *w->data++;
		w->left--;
	}
	return v;
}

/* `from`, or something near it, or anything. */
static uint32_t near(struct world *w, uint32_t from)
{
	switch (take(w, 1) % 6) {
	case 0:
	case 1:
	case 2:
		return from;
	case 3:
		return from + (uint32_t)(int8_t)take(w, 1);
	case 4:
		return from + (uint32_t)(int16_t)take(w, 2);
	default:
		return take(w, 4);
	}
}

static void transmit(void *owner, const uint8_t *packet, uint16_t len)
{
	struct world *w = owner;
	struct sl_buf buf = {.data = (uint8_t *)(uintptr_t)packet, .len = len};
	struct sl_seg seg;
	struct flow *f;

	/* Whatever came in, what goes out is whole and has right checksums. */
	check(sl_wire_parse_ip(packet, len, &seg) == SL_PARSED_TCP);
	check(sl_wire_verify(&buf, &seg));
	check(len <= 1500);
	f = &w->flow[seg.dst_port % FLOWS];
	f->stack_port = seg.src_port;
	if (seg.flags & SL_RST)
		return;
	f->una = seg.flags & SL_SYN ? seg.seq : f->una;
	f->next = seg.seq + sl_seg_len(&seg);
	f->ack = seg.flags & SL_ACK ? seg.ack : f->ack;
	f->tsval = seg.ts_off != 0 ? seg.tsval : f->tsval;
}

static void send_packet(struct world *w)
{
	static const uint8_t bytes[3000];
	const struct sl_l2 none = {.len = 0};
	uint8_t room[4096];
	struct sl_buf buf = {.data = room, .tailroom = sizeof(room)};
	const unsigned i = take(w, 1) % FLOWS;
	struct flow *f = &w->flow[i];
	const uint8_t what = (uint8_t)take(w, 1), options = (uint8_t)take(w, 1);
	struct sl_sack sack[4];
	struct sl_piece piece = {bytes, take(w, 2) % sizeof(bytes)};
	struct sl_made made = {
		.src = &w->peer,
		.dst = &w->self,
		.src_port = (uint16_t)(PEER_PORT + i),
		.dst_port = f->stack_port != 0 ? f->stack_port : PORT,
		.flags = what,
		.wnd = (uint16_t)take(w, 2),
		.wscale = SL_NO_WSCALE,
		.payload = &piece,
		.n_payload = 1,
	};

	made.seq = near(w, f->ack);
	made.ack = near(w, f->next);
	if (options & 1) {
		made.timestamps = true;
		made.tsval = near(w, w->tsval++);
		made.tsecr = near(w, f->tsval);
	}
	if (what & SL_SYN) {
		made.mss = options & 2 ? (uint16_t)take(w, 2) : 1460;
		made.wscale = options & 4 ? take(w, 1) % 16 : SL_NO_WSCALE;
		made.sack_permitted = options & 8;
	} else if (options & 16) {
		made.n_sack = (uint8_t)(1 + (options >> 5) % 3);
		made.sack = sack;
		for (unsigned k = 0; k < made.n_sack; k++) {
			sack[k].left = near(w, f->una + 1);
			sack[k].right = near(w, f->next);
		}
	}
	made.payload_len = (uint16_t)piece.len;
	made.urgent = what & SL_URG ? (uint16_t)take(w, 2) : 0;
	check(sl_wire_emit(&buf, &none, &made));
	sl_tcp_stack_input(w->stack, buf.data, buf.len, w->now_us);
}

/* Bytes as they are, from an ICMP error to nothing at all. */
static void send_bytes(struct world *w)
{
	const size_t n = take(w, 1) < w->left ? take(w, 1) : w->left;
	uint8_t *copy = malloc(n + 1);

	if (n > w->left || copy == NULL) {
		free(copy);
		return;
	}
	memcpy(copy, w->data, n);
	w->data += n;
	w->left -= n;
	sl_tcp_stack_input(w->stack, copy, (uint16_t)n, w->now_us);
	free(copy);
}

static void call(struct world *w)
{
	static uint8_t bytes[5000];
	const int s = (int)(take(w, 1) % SOCKETS);

	switch (take(w, 1) % 12) {
	case 0:
		(void)sl_socket_open(w->stack);
		break;
	case 1:
		(void)sl_socket_bind(w->stack, s, take(w, 1) % 2 ? NULL : &w->self,
				     (uint16_t)(PORT + take(w, 1) % 2));
		break;
	case 2:
		(void)sl_socket_listen(w->stack, s, take(w, 1) % 4);
		break;
	case 3:
		(void)sl_socket_accept(w->stack, s);
		break;
	case 4:
		(void)sl_socket_connect(w->stack, s, &w->peer,
					(uint16_t)(PEER_PORT + take(w, 1) % FLOWS));
		break;
	case 5:
		(void)sl_socket_send(w->stack, s, bytes, take(w, 2) % sizeof(bytes),
				     take(w, 1) % 8 == 0);
		break;
	case 6:
		(void)sl_socket_receive(w->stack, s, bytes, take(w, 2) % sizeof(bytes));
		break;
	case 7:
		(void)sl_socket_shutdown(w->stack, s);
		break;
	case 8:
		(void)sl_socket_close(w->stack, s);
		break;
	case 9:
		(void)sl_socket_abort(w->stack, s);
		break;
	case 10: {
		struct sl_socket_info info;

		(void)sl_socket_get_info(w->stack, s, &info);
		(void)sl_socket_poll(w->stack, s);
		(void)sl_socket_next_ready(w->stack);
		break;
	}
	default:
		/* No timeout is so long that it would not come to an end. */
		(void)sl_socket_set(w->stack, s, (enum sl_socket_option)(take(w, 1) % 20),
				    take(w, 1) % 4 ? take(w, 1) : take(w, 4) % TIMEOUT_MAX_MS);
	}
}

static void wait_for(struct world *w)
{
	static const uint64_t unit_us[4] = {1000, 50000, 1000000, 60000000};
	const unsigned unit = take(w, 1) % 4;

	w->now_us += unit_us[unit] * take(w, 1);
	sl_tcp_stack_run(w->stack, w->now_us);
}

static void expect_balance(const struct world *w)
{
	const struct sl_tcp_stack_counts *c = sl_tcp_stack_get_counts(w->stack);
	const struct sl_tcp *tcp = sl_tcp_stack_tcp(w->stack);
	uint64_t n = 0;

	check(c->in == c->to_connection + c->to_listener + c->cookies_sent + c->cookies_invalid +
			       c->icmp + c->reset + c->ignored + c->not_ours + c->malformed +
			       c->bad_checksum + c->backlog_full + c->table_full);
	for (unsigned i = 0; i < SL_TCP_N_STATES; i++)
		n += tcp->states[i];
	check(n == sl_tcp_stack_connections(w->stack));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static _Alignas(SL_CACHE_LINE) uint8_t memory[512 * 1024];
	struct world w = {.data = data, .left = size, .now_us = 1000000, .tsval = 7};
	struct sl_tcp_stack_config config = {
		.n_addrs = 1,
		.n_connections = 6,
		.n_sockets = SOCKETS,
		.n_blocks = 40,
		.mtu = 1500,
		.options = sl_tcp_options_default,
		.transmit = transmit,
		.owner = &w,
		.now_us = 1000000,
	};
	const uint8_t four[2][4] = {{192, 0, 2, 2}, {192, 0, 2, 1}};
	const uint8_t first = (uint8_t)take(&w, 1);

	w.v6 = first & 1;
	if (w.v6) {
		w.self.b[0] = w.peer.b[0] = 0x20;
		w.self.b[15] = 2;
		w.peer.b[15] = 1;
	} else {
		sl_addr_set_v4(&w.self, four[0]);
		sl_addr_set_v4(&w.peer, four[1]);
	}
	config.addrs[0] = w.self;
	config.options.mss = 0;
	config.options.keepalive = true; /* so that all comes to an end */
	config.options.timestamps = first & 2;
	config.options.cc = first >> 2 & 1;
	config.options.receive_buffer = first & 8 ? 3000 : 60000;
	check(sl_tcp_stack_memory_size(&config) <= sizeof(memory));
	w.stack = sl_tcp_stack_init(memory, &config);
	/* Something to begin with. */
	(void)sl_socket_open(w.stack);
	(void)sl_socket_bind(w.stack, 0, NULL, PORT);
	(void)sl_socket_set(w.stack, 0, SL_SOCKET_COOKIES, first >> 4 & 1);
	(void)sl_socket_listen(w.stack, 0, 3);
	for (unsigned i = 0; i < DEEDS && w.left > 0; i++) {
		switch (take(&w, 1) % 8) {
		case 0:
		case 1:
		case 2:
		case 3:
			send_packet(&w);
			break;
		case 4:
			send_bytes(&w);
			break;
		case 5:
			wait_for(&w);
			break;
		default:
			call(&w);
		}
		expect_balance(&w);
	}
	for (int s = 0; s < SOCKETS; s++)
		(void)sl_socket_close(w.stack, s);
	/* The longest: 255 probes. */
	for (unsigned i = 0; i < 3000; i++) {
		w.now_us += TIMEOUT_MAX_MS * SL_US_PER_MS / 10;
		sl_tcp_stack_run(w.stack, w.now_us);
	}
	expect_balance(&w);
	check(sl_tcp_stack_connections(w.stack) == 0);
	check(sl_tcp_stack_tcp(w.stack)->pool.n_free == config.n_blocks);
	check(sl_tcp_stack_next_deadline(w.stack) == UINT64_MAX);
	return 0;
}
