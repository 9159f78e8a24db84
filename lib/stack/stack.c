/* SPDX-License-Identifier: BSD-3-Clause */
#include "stack.h"

#include <string.h>

#include "sl_bytes.h"

enum {
	MTU_MIN = 576,
	CONNECTIONS_MAX = 1 << 24,
	SLOTS = 256,
	TICK_US = 1000,
	BATCH = 64,
};

/* Where the parts of a stack lie in its memory. */
struct layout {
	size_t flow, wheel, sockets, ready, blocks, end;
};

static size_t entry_size(void)
{
	return (sizeof(struct conn) + SL_CACHE_LINE - 1) & ~(size_t)(SL_CACHE_LINE - 1);
}

static size_t lines(size_t bytes)
{
	return (bytes + SL_CACHE_LINE - 1) & ~(size_t)(SL_CACHE_LINE - 1);
}

static struct layout lay_out(const struct sl_tcp_stack_config *c)
{
	struct layout l;

	l.flow = lines(sizeof(struct sl_tcp_stack));
	l.wheel = l.flow + lines(sl_flow_memory_size(c->n_connections, entry_size()));
	l.sockets = l.wheel + sl_wheel_memory_size(SLOTS);
	l.ready = l.sockets + lines(c->n_sockets * sizeof(struct sock));
	l.blocks = l.ready + lines(c->n_sockets * sizeof(int32_t));
	l.end = l.blocks + lines(c->n_blocks * sizeof(struct tcp_block));
	return l;
}

static bool is_valid(const struct sl_tcp_stack_config *c)
{
	return c->n_addrs <= SL_TCP_STACK_ADDRS && c->n_connections > 0 &&
	       c->n_connections <= CONNECTIONS_MAX && c->n_sockets > 0 &&
	       c->n_sockets <= CONNECTIONS_MAX && c->n_blocks > 0 &&
	       c->n_blocks <= CONNECTIONS_MAX && c->mtu >= MTU_MIN &&
	       c->mtu <= SL_TCP_STACK_MTU_MAX && c->transmit != NULL;
}

size_t sl_tcp_stack_memory_size(const struct sl_tcp_stack_config *config)
{
	return is_valid(config) ? lay_out(config).end : 0;
}

/* `n` bytes that follow from the seed; `what` tells one use from another. */
static void derive(const struct sl_tcp_stack_config *c, uint64_t what, uint8_t *bytes, size_t n)
{
	const struct sl_sipkey key = sl_sipkey_from_bytes(c->seed);

	for (size_t i = 0; i < n; i += 8) {
		uint64_t message[4] = {what, i, 0, 0}, word;

		memcpy(&message[2], c->seed + 16, 16);
		word = sl_siphash24(&key, message, sizeof(message));
		memcpy(bytes + i, &word, n - i < 8 ? n - i : 8);
	}
}

static bool transmit(void *owner, struct sl_tcb *tcb, struct sl_tcp_segment *segment)
{
	struct sl_tcp_stack *stack = owner;
	const struct conn *conn = sl_container_of(tcb, struct conn, tcb);

	segment->made.src = &conn->key.inside_addr;
	segment->made.dst = &conn->key.outside_addr;
	segment->made.src_port = conn->key.inside_port;
	segment->made.dst_port = conn->key.outside_port;
	segment->made.ttl = conn->ttl;
	segment->made.dscp = conn->dscp;
	stack_emit(stack, &segment->made);
	return true;
}

void stack_emit(struct sl_tcp_stack *stack, struct sl_made *made)
{
	static const struct sl_l2 none;
	struct sl_buf buf = {.data = stack->packet, .tailroom = sizeof(stack->packet)};

	if (!sl_wire_emit(&buf, &none, made))
		return; /* lib/tcp makes none that is longer than the MTU */
	stack->counts.out++;
	stack->config.transmit(stack->config.owner, buf.data, buf.len);
}

struct sl_tcp_stack *sl_tcp_stack_init(void *memory, const struct sl_tcp_stack_config *config)
{
	struct sl_tcp_stack *stack = memory;
	uint8_t *base = memory;
	uint8_t secret[SL_FLOW_SECRET_BYTES], master[16], seed[24];
	struct layout l;

	if (!is_valid(config))
		return NULL;
	l = lay_out(config);
	memset(stack, 0, sizeof(*stack));
	stack->config = *config;
	derive(config, 1, secret, sizeof(secret));
	derive(config, 2, master, sizeof(master));
	derive(config, 3, seed, sizeof(seed));
	if (sl_flow_init(&stack->flow, base + l.flow, config->n_connections, entry_size(),
			 secret) != 0)
		return NULL;
	sl_wheel_init(&stack->wheel, base + l.wheel, SLOTS, TICK_US, stack->flow.entries,
		      entry_size(), offsetof(struct conn, timer), config->now_us);
	sl_cookie_ring_init(&stack->ring, master, config->now_us, config->now_us);
	stack->ring_us = config->now_us;
	stack->sockets = (struct sock *)(void *)(base + l.sockets);
	memset(stack->sockets, 0, config->n_sockets * sizeof(struct sock));
	stack->ready = (int32_t *)(void *)(base + l.ready);
	sl_tcp_init(&stack->tcp, base + l.blocks, config->n_blocks, transmit, stack, seed);
	stack->tcp.now_us = config->now_us;
	return stack;
}

struct sl_flow_key stack_key(const struct sl_addr *local, uint16_t local_port,
			     const struct sl_addr *remote, uint16_t remote_port)
{
	return (struct sl_flow_key){
		.outside_addr = *remote,
		.inside_addr = *local,
		.outside_port = remote_port,
		.inside_port = local_port,
	};
}

bool stack_is_own(const struct sl_tcp_stack *stack, const struct sl_addr *addr)
{
	for (unsigned i = 0; i < stack->config.n_addrs; i++)
		if (sl_addr_equal(&stack->config.addrs[i], addr))
			return true;
	return false;
}

uint32_t stack_isn(const struct sl_tcp_stack *stack, const struct sl_flow_key *key)
{
	return sl_tcp_isn(&stack->tcp, &key->inside_addr, key->inside_port, &key->outside_addr,
			  key->outside_port);
}

/* A tuple's for ever: timestamps grow from one connection to the next. RFC 7323 section 5.4. */
uint32_t stack_ts_offset(const struct sl_tcp_stack *stack, const struct sl_flow_key *key)
{
	const struct sl_sipkey turned = {stack->tcp.isn_key.k1, stack->tcp.isn_key.k0};

	return (uint32_t)sl_siphash24(&turned, key, sizeof(*key));
}

struct conn *stack_new_conn(struct sl_tcp_stack *stack, const struct sl_flow_key *key,
			    const struct sock *like)
{
	const uint32_t index = sl_flow_insert(&stack->flow, key, sl_flow_hash(&stack->flow, key));
	const bool v6 = !sl_addr_is_v4(&key->outside_addr);
	const uint32_t mss = stack->config.mtu - (v6 ? SL_IPV6_TCP_HDRS : SL_IPV4_TCP_HDRS);
	struct conn *conn;

	if (index == SL_FLOW_NONE)
		return NULL;
	conn = conn_at(stack, index);
	sl_wheel_node_init(&conn->timer);
	conn->socket = conn->listener = NONE;
	conn->queued = conn->unlinked = conn->successor.is = false;
	conn->ttl = like->ttl;
	conn->dscp = like->dscp;
	conn->options = like->options;
	if (conn->options.mss == 0 || conn->options.mss > mss)
		conn->options.mss = (uint16_t)mss;
	sl_tcp_tcb_init(&stack->tcp, &conn->tcb, &conn->options, v6);
	return conn;
}

void stack_free_conn(struct sl_tcp_stack *stack, struct conn *conn)
{
	const uint32_t index = conn_index(stack, conn);

	sl_wheel_cancel(&stack->wheel, index);
	sl_tcp_tcb_free(&stack->tcp, &conn->tcb);
	if (conn->unlinked)
		sl_flow_release(&stack->flow, index);
	else
		sl_flow_remove(&stack->flow, index);
}

void stack_give_way(struct sl_tcp_stack *stack, struct conn *conn)
{
	sl_tcp_give_way(&stack->tcp, &conn->tcb);
	stack_after(stack, conn);
}

void stack_ready(struct sl_tcp_stack *stack, int32_t socket)
{
	struct sock *s = &stack->sockets[socket];
	const uint32_t n = stack->config.n_sockets;

	if (s->in_ready)
		return;
	s->in_ready = true;
	stack->ready[(stack->ready_first + stack->n_ready) % n] = socket;
	stack->n_ready++;
}

/* Who had to send and found no block is ready when there are some again. */
static void feed(struct sl_tcp_stack *stack)
{
	if (!stack->some_starved || tcp_pool_spare(&stack->tcp.pool) == 0)
		return;
	stack->some_starved = false;
	for (uint32_t i = 0; i < stack->config.n_sockets; i++)
		if (stack->sockets[i].starved) {
			stack->sockets[i].starved = false;
			stack_ready(stack, (int32_t)i);
		}
}

int sl_socket_next_ready(struct sl_tcp_stack *stack)
{
	feed(stack);
	while (stack->n_ready > 0) {
		const int32_t socket = stack->ready[stack->ready_first];
		struct sock *s = &stack->sockets[socket];

		stack->ready_first = (stack->ready_first + 1) % stack->config.n_sockets;
		stack->n_ready--;
		s->in_ready = false;
		if (s->kind != SOCKET_FREE)
			return socket;
	}
	return NONE;
}

void stack_after(struct sl_tcp_stack *stack, struct conn *conn)
{
	const uint32_t index = conn_index(stack, conn);
	uint64_t deadline;
	uint8_t events;

	sl_tcp_output(&stack->tcp, &conn->tcb);
	events = conn->tcb.events;
	conn->tcb.events = 0;
	if (conn->listener != NONE) {
		if (conn->tcb.state == SL_TCP_CLOSED) {
			listen_lost(stack, conn);
			return;
		}
		if (events & SL_TCP_EVENT_OPENED)
			listen_done(stack, conn);
	} else if (conn->socket == NONE) {
		if (conn->tcb.state == SL_TCP_CLOSED) {
			stack_free_conn(stack, conn);
			return;
		}
	} else {
		if (conn->tcb.state == SL_TCP_CLOSED && !conn->unlinked) {
			sl_flow_unlink(&stack->flow, index);
			conn->unlinked = true;
		}
		if (events != 0)
			stack_ready(stack, conn->socket);
	}
	deadline = sl_tcp_next_deadline(&stack->tcp, &conn->tcb);
	if (deadline == UINT64_MAX)
		sl_wheel_cancel(&stack->wheel, index);
	else
		sl_wheel_arm(&stack->wheel, index, deadline);
}

/* What belongs to no connection and comes to no listener: section 3.10.7.1. */
static void arrives_closed(struct sl_tcp_stack *stack, const struct sl_seg *seg)
{
	struct sl_tcp_segment rst;

	if (!sl_tcp_answer_closed(seg, &rst)) {
		stack->counts.ignored++;
		return;
	}
	stack->counts.reset++;
	rst.made.src = &seg->dst;
	rst.made.dst = &seg->src;
	rst.made.src_port = seg->dst_port;
	rst.made.dst_port = seg->src_port;
	stack_emit(stack, &rst.made);
}

static void arrives_listen(struct sl_tcp_stack *stack, const struct sl_seg *seg,
			   const uint8_t *packet, struct conn *old)
{
	const int32_t listener = listen_find(stack, &seg->dst, seg->dst_port);

	if (listener == NONE)
		arrives_closed(stack, seg);
	else
		listen_arrives(stack, listener, seg, packet, old);
}

static void arrives_connection(struct sl_tcp_stack *stack, struct conn *conn,
			       const struct sl_seg *seg, const uint8_t *packet)
{
	if (listen_succeeds(stack, conn, seg, packet))
		return;
	if (sl_tcp_segment_arrives(&stack->tcp, &conn->tcb, seg, packet) == SL_TCP_NEW_SYN) {
		/* It makes way only for one that somebody wants. */
		if (listen_wants(stack, &seg->dst, seg->dst_port)) {
			arrives_listen(stack, seg, packet, conn);
			return;
		}
		sl_tcp_refuse_syn(&stack->tcp, &conn->tcb);
	}
	stack->counts.to_connection++;
	stack_after(stack, conn);
}

static void arrives(struct sl_tcp_stack *stack, const struct sl_seg *seg, const uint8_t *packet)
{
	const struct sl_flow_key key =
		stack_key(&seg->dst, seg->dst_port, &seg->src, seg->src_port);
	const uint32_t index = sl_flow_lookup(&stack->flow, &key, sl_flow_hash(&stack->flow, &key));

	if (index != SL_FLOW_NONE)
		arrives_connection(stack, conn_at(stack, index), seg, packet);
	else
		arrives_listen(stack, seg, packet, NULL);
}

/* An ICMP error. */
static void arrives_icmp(struct sl_tcp_stack *stack, const struct sl_seg *seg,
			 const uint8_t *packet)
{
	struct sl_icmp_error error;
	struct sl_quote quote;
	struct sl_flow_key key;
	uint32_t index;

	if (!sl_wire_parse_quote(packet, seg, &quote) || !quote.to_sender ||
	    !stack_is_own(stack, &quote.seg.src)) {
		stack->counts.not_ours++;
		return;
	}
	if (!sl_wire_verify_quote(packet, &quote)) {
		stack->counts.bad_checksum++;
		return;
	}
	key = stack_key(&quote.seg.src, quote.seg.src_port, &quote.seg.dst, quote.seg.dst_port);
	index = sl_flow_lookup(&stack->flow, &key, sl_flow_hash(&stack->flow, &key));
	if (index == SL_FLOW_NONE) {
		stack->counts.ignored++;
		return;
	}
	stack->counts.icmp++;
	error = sl_wire_icmp_error(packet, &quote);
	(void)sl_tcp_icmp(&stack->tcp, &conn_at(stack, index)->tcb, quote.seg.seq, error.mtu,
			  error.hard);
	stack_after(stack, conn_at(stack, index));
}

static void set_time(struct sl_tcp_stack *stack, uint64_t now_us)
{
	if (now_us > stack->tcp.now_us)
		stack->tcp.now_us = now_us;
	if (stack->tcp.now_us - stack->ring_us >= SL_US_PER_S) {
		stack->ring_us = stack->tcp.now_us;
		sl_cookie_ring_advance(&stack->ring, stack->ring_us, stack->ring_us);
	}
}

void sl_tcp_stack_input(struct sl_tcp_stack *stack, const uint8_t *packet, uint16_t len,
			uint64_t now_us)
{
	/* Nothing is written to it. */
	struct sl_buf buf = {.data = (uint8_t *)(uintptr_t)packet, .len = len};
	struct sl_seg seg;

	set_time(stack, now_us);
	stack->counts.in++;
	switch (sl_wire_parse_ip(packet, len, &seg)) {
	case SL_PARSED_TCP:
		break;
	case SL_PARSED_ICMP:
		arrives_icmp(stack, &seg, packet);
		return;
	case SL_PARSED_OTHER:
	case SL_PARSED_UNREAD: /* of what lies below IP, which is not there */
		stack->counts.not_ours++;
		return;
	case SL_PARSED_BAD_TCP:
		/* RFC 9293 section 3.10.7 knows no flags that no stack sends. */
		if (seg.reason == SL_DROP_tcp_bad_flags)
			break;
		stack->counts.malformed++;
		return;
	case SL_PARSED_BAD:
		stack->counts.malformed++;
		return;
	}
	/* MUST-57 and MUST-63: multicast, broadcast and such are nobody's. */
	if (!stack_is_own(stack, &seg.dst) || sl_addr_is_martian(&seg.src) || seg.src_port == 0 ||
	    seg.dst_port == 0) {
		stack->counts.not_ours++;
		return;
	}
	if (!sl_wire_verify(&buf, &seg)) {
		stack->counts.bad_checksum++;
		return;
	}
	arrives(stack, &seg, packet);
}

void sl_tcp_stack_run(struct sl_tcp_stack *stack, uint64_t now_us)
{
	uint32_t due[BATCH];

	set_time(stack, now_us);
	do {
		const unsigned n =
			sl_wheel_run(&stack->wheel, stack->tcp.now_us, BATCH, due, BATCH);

		for (unsigned i = 0; i < n; i++) {
			struct conn *conn = conn_at(stack, due[i]);

			/* It may have been freed, and taken anew, by one before it. */
			if (!sl_flow_in_use(&stack->flow, due[i]) || sl_wheel_armed(&conn->timer))
				continue;
			sl_tcp_timeouts(&stack->tcp, &conn->tcb);
			stack_after(stack, conn);
		}
	} while (!sl_wheel_caught_up(&stack->wheel));
}

uint64_t sl_tcp_stack_next_deadline(const struct sl_tcp_stack *stack)
{
	return sl_wheel_next_us(&stack->wheel);
}

const struct sl_tcp_stack_counts *sl_tcp_stack_get_counts(const struct sl_tcp_stack *stack)
{
	return &stack->counts;
}

const struct sl_tcp *sl_tcp_stack_tcp(const struct sl_tcp_stack *stack)
{
	return &stack->tcp;
}

uint32_t sl_tcp_stack_connections(const struct sl_tcp_stack *stack)
{
	return sl_flow_count(&stack->flow);
}
