/* SPDX-License-Identifier: BSD-3-Clause */
/* LISTEN: RFC 9293 section 3.10.7.2; the backlog, and cookies where it is full or always. */
#include "stack.h"

#include <string.h>

int32_t listen_find(const struct sl_tcp_stack *stack, const struct sl_addr *addr, uint16_t port)
{
	int32_t any = NONE;

	for (uint32_t i = 0; i < stack->config.n_sockets; i++) {
		const struct sock *s = &stack->sockets[i];

		if (s->kind != SOCKET_LISTENS || s->port != port)
			continue;
		if (!s->any && sl_addr_equal(&s->addr, addr))
			return (int32_t)i;
		if (s->any)
			any = (int32_t)i;
	}
	return any;
}

static bool is_full(const struct sock *s)
{
	return s->n_waiting >= s->backlog;
}

bool listen_wants(const struct sl_tcp_stack *stack, const struct sl_addr *addr, uint16_t port)
{
	const int32_t listener = listen_find(stack, addr, port);

	return listener != NONE && (!is_full(&stack->sockets[listener]) ||
				    stack->sockets[listener].cookies != SL_SOCKET_COOKIES_NEVER);
}

static void answer(struct sl_tcp_stack *stack, const struct sl_seg *seg, struct sl_made *made)
{
	made->src = &seg->dst;
	made->dst = &seg->src;
	made->src_port = seg->dst_port;
	made->dst_port = seg->src_port;
	stack_emit(stack, made);
}

static struct sl_cookie_tuple tuple_of(const struct sl_seg *seg)
{
	return (struct sl_cookie_tuple){
		.client = seg->src,
		.server = seg->dst,
		.client_port = seg->src_port,
		.server_port = seg->dst_port,
	};
}

static uint16_t own_mss(const struct sl_tcp_stack *stack, const struct sock *s, bool v6)
{
	const uint32_t mss = stack->config.mtu - (v6 ? SL_IPV6_TCP_HDRS : SL_IPV4_TCP_HDRS);

	return s->options.mss == 0 || s->options.mss > mss ? (uint16_t)mss : s->options.mss;
}

static struct sl_tcp_granted granted_of(const struct sl_cookie_options *opts)
{
	return (struct sl_tcp_granted){
		.peer_mss = opts->mss,
		.snd_wscale = opts->wscale,
		.timestamps = opts->timestamps,
		.sack = opts->sack,
	};
}

/* The ISN for who may follow `old`: RFC 1122 section 4.2.2.13. The SYN again gets the same. */
static uint32_t successor_iss(struct sl_tcp_stack *stack, struct conn *old,
			      const struct sl_seg *syn, const struct sl_cookie_options *opts)
{
	struct successor *s = &old->successor;

	if (!s->is || s->isn != syn->seq)
		s->iss = old->tcb.snd_max + 1 + (sl_tcp_random(&stack->tcp) & 0xffffff);
	s->is = true;
	s->isn = syn->seq;
	s->granted = granted_of(opts);
	return s->iss;
}

static void answer_by_cookie(struct sl_tcp_stack *stack, struct sock *s, const struct sl_seg *syn,
			     struct conn *old)
{
	const struct sl_tcp_options *o = &s->options;
	const struct sl_cookie_tuple tuple = tuple_of(syn);
	const bool scale = o->wscale != SL_NO_WSCALE && syn->wscale != SL_NO_WSCALE;
	struct sl_cookie_options opts = {
		.mss = syn->mss != 0 ? syn->mss
		       : syn->v6     ? SL_MSS_DEFAULT_V6
				     : SL_MSS_DEFAULT_V4,
		.wscale = scale ? syn->wscale : SL_COOKIE_NO_WSCALE,
		.sack = o->sack && syn->sack_permitted,
		.timestamps = o->timestamps && syn->ts_off != 0,
	};
	struct sl_made made = {
		.ack = syn->seq + 1,
		.flags = SL_SYN | SL_ACK,
		.wnd = (uint16_t)sl_min_u32(o->receive_buffer, UINT16_MAX),
		.mss = own_mss(stack, s, syn->v6),
		.wscale = scale ? o->wscale : SL_NO_WSCALE,
		.sack_permitted = opts.sack,
		.timestamps = opts.timestamps,
		.tsecr = syn->tsval,
		.ttl = s->ttl,
		.dscp = s->dscp,
	};

	made.seq = sl_cookie_mint(&stack->ring, &tuple, syn->seq, &opts, stack->tcp.now_us,
				  &made.tsval);
	if (old != NULL)
		made.seq = successor_iss(stack, old, syn, &opts);
	s->cookies_until_us = stack->tcp.now_us + SL_COOKIE_LIFE_MAX_US;
	stack->counts.cookies_sent++;
	answer(stack, syn, &made);
}

/* Whether there is an entry for who follows `old`; one whose user has yet to look keeps its own. */
static bool has_room(const struct sl_tcp_stack *stack, const struct conn *old)
{
	return old->socket == NONE || sl_flow_count(&stack->flow) < sl_flow_capacity(&stack->flow);
}

static void take_syn(struct sl_tcp_stack *stack, int32_t listener, const struct sl_seg *syn,
		     struct conn *old)
{
	struct sock *s = &stack->sockets[listener];
	const bool full = is_full(s);
	const struct sl_flow_key key =
		stack_key(&syn->dst, syn->dst_port, &syn->src, syn->src_port);
	const uint32_t above = old != NULL ? old->tcb.snd_max : 0;
	const bool follows = old != NULL;
	uint32_t isn = stack_isn(stack, &key);
	struct conn *conn;

	if (s->cookies == SL_SOCKET_COOKIES_ALWAYS ||
	    (full && s->cookies == SL_SOCKET_COOKIES_AUTO)) {
		answer_by_cookie(stack, s, syn, old);
		return;
	}
	if (full) {
		stack->counts.backlog_full++;
		return;
	}
	if (follows && !has_room(stack, old)) {
		stack->counts.table_full++;
		return;
	}
	if (follows)
		stack_give_way(stack, old);
	conn = stack_new_conn(stack, &key, s);
	if (conn == NULL) {
		stack->counts.table_full++;
		return;
	}
	/* RFC 1122 section 4.2.2.13: above what the one before has used. */
	if (follows && !sl_seq_gt(isn, above))
		isn = above + 128000;
	conn->listener = listener;
	s->n_waiting++;
	stack->counts.to_listener++;
	sl_tcp_open_passive(&stack->tcp, &conn->tcb, syn, isn, stack_ts_offset(stack, &key));
	stack_after(stack, conn);
}

/* An ACK has proved its client: its connection stands, if there is room. */
static void open_proven(struct sl_tcp_stack *stack, int32_t listener, const struct sl_seg *ack,
			const uint8_t *packet, const struct sl_tcp_granted *granted)
{
	struct sock *s = &stack->sockets[listener];
	const struct sl_flow_key key =
		stack_key(&ack->dst, ack->dst_port, &ack->src, ack->src_port);
	struct conn *conn = stack_new_conn(stack, &key, s);

	if (conn == NULL) {
		stack->counts.table_full++;
		return;
	}
	conn->listener = listener;
	s->n_waiting++;
	stack->counts.to_listener++;
	sl_tcp_open_cookie(&stack->tcp, &conn->tcb, ack, granted);
	(void)sl_tcp_segment_arrives(&stack->tcp, &conn->tcb, ack, packet);
	stack_after(stack, conn);
}

bool listen_succeeds(struct sl_tcp_stack *stack, struct conn *old, const struct sl_seg *seg,
		     const uint8_t *packet)
{
	const struct successor successor = old->successor;
	int32_t listener;

	if (!successor.is || (seg->flags & (SL_SYN | SL_RST | SL_ACK)) != SL_ACK ||
	    seg->seq - 1 != successor.isn || seg->ack - 1 != successor.iss)
		return false;
	listener = listen_find(stack, &seg->dst, seg->dst_port);
	if (listener == NONE)
		return false;
	if (is_full(&stack->sockets[listener])) {
		stack->counts.backlog_full++;
		return true;
	}
	if (!has_room(stack, old)) {
		stack->counts.table_full++;
		return true;
	}
	stack_give_way(stack, old);
	open_proven(stack, listener, seg, packet, &successor.granted);
	return true;
}

/* Returns false when it can be none, and is nobody's. While cookies may be alive, an ACK that is
 * none is not answered: an honest client's second segment may come first. */
static bool take_cookie(struct sl_tcp_stack *stack, int32_t listener, const struct sl_seg *ack,
			const uint8_t *packet)
{
	struct sock *s = &stack->sockets[listener];
	const struct sl_cookie_tuple tuple = tuple_of(ack);
	struct sl_cookie_options opts;
	struct sl_tcp_granted granted;

	if (stack->tcp.now_us >= s->cookies_until_us || ack->flags & (SL_SYN | SL_RST))
		return false;
	if (sl_cookie_verify(&stack->ring, &tuple, ack->seq - 1, ack->ack - 1, ack->ts_off != 0,
			     ack->tsecr, stack->tcp.now_us, &opts) != SL_COOKIE_VALID) {
		stack->counts.cookies_invalid++;
		return true;
	}
	if (is_full(s)) {
		/* Nobody accepts: what the client sends next may find room. */
		stack->counts.backlog_full++;
		return true;
	}
	granted = granted_of(&opts);
	open_proven(stack, listener, ack, packet, &granted);
	return true;
}

void listen_arrives(struct sl_tcp_stack *stack, int32_t listener, const struct sl_seg *seg,
		    const uint8_t *packet, struct conn *old)
{
	struct sl_tcp_segment rst;

	if ((seg->flags & (SL_SYN | SL_ACK | SL_RST | SL_FIN)) == SL_SYN) {
		take_syn(stack, listener, seg, old);
		return;
	}
	if (seg->flags & SL_ACK && take_cookie(stack, listener, seg, packet))
		return;
	if (!sl_tcp_answer_listen(seg, &rst)) {
		stack->counts.ignored++;
		return;
	}
	stack->counts.reset++;
	answer(stack, seg, &rst.made);
}

void listen_done(struct sl_tcp_stack *stack, struct conn *conn)
{
	struct sock *s = &stack->sockets[conn->listener];
	const uint32_t index = conn_index(stack, conn);

	conn->queued = true;
	conn->next = SL_FLOW_NONE;
	if (s->first == SL_FLOW_NONE)
		s->first = index;
	else
		conn_at(stack, s->last)->next = index;
	s->last = index;
	stack_ready(stack, conn->listener);
}

/* Takes it out of those to be accepted. */
static void unqueue(struct sl_tcp_stack *stack, struct sock *s, struct conn *conn)
{
	const uint32_t index = conn_index(stack, conn);
	uint32_t before = SL_FLOW_NONE;

	for (uint32_t i = s->first; i != index; i = conn_at(stack, i)->next)
		before = i;
	if (before == SL_FLOW_NONE)
		s->first = conn->next;
	else
		conn_at(stack, before)->next = conn->next;
	if (s->last == index)
		s->last = before;
	conn->queued = false;
}

void listen_lost(struct sl_tcp_stack *stack, struct conn *conn)
{
	struct sock *s = &stack->sockets[conn->listener];

	if (conn->queued)
		unqueue(stack, s, conn);
	s->n_waiting--;
	stack_free_conn(stack, conn);
}

void listen_close(struct sl_tcp_stack *stack, int32_t listener)
{
	for (uint32_t i = 0; i < sl_flow_capacity(&stack->flow); i++) {
		struct conn *conn = conn_at(stack, i);

		if (!sl_flow_in_use(&stack->flow, i) || conn->listener != listener)
			continue;
		sl_tcp_abort(&stack->tcp, &conn->tcb);
		listen_lost(stack, conn);
	}
}

int sl_socket_accept(struct sl_tcp_stack *stack, int socket)
{
	struct sock *s, *accepted;
	struct conn *conn;
	int fresh;

	if (socket < 0 || (uint32_t)socket >= stack->config.n_sockets ||
	    stack->sockets[socket].kind != SOCKET_LISTENS)
		return -EINVAL;
	s = &stack->sockets[socket];
	if (s->first == SL_FLOW_NONE)
		return -EAGAIN;
	fresh = sl_socket_open(stack);
	if (fresh < 0)
		return fresh;
	conn = conn_at(stack, s->first);
	unqueue(stack, s, conn);
	s->n_waiting--;
	conn->listener = NONE;
	conn->socket = fresh;
	accepted = &stack->sockets[fresh];
	accepted->kind = SOCKET_HAS_CONN;
	accepted->conn = conn_index(stack, conn);
	accepted->options = conn->options;
	accepted->addr = conn->key.inside_addr;
	accepted->port = conn->key.inside_port;
	accepted->ttl = s->ttl;
	accepted->dscp = s->dscp;
	accepted->linger_0 = s->linger_0;
	stack_ready(stack, fresh);
	return fresh;
}
