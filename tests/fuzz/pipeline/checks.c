/* SPDX-License-Identifier: BSD-3-Clause */
/* What must hold of what the pipeline sends, and of its tables and books after every run. */
#include "harness.h"

void check_sent(struct harness *h, struct sl_buf *buf)
{
	const uint8_t *memory = frame_memory(h, buf->handle);
	struct sl_seg seg;
	enum sl_parsed parsed;

	check(buf->out_port <= HOST_PORT && buf->data >= memory &&
	      buf->data + buf->len <= memory + HEADROOM + h->world.room);
	check(buf->fate == SL_FATE_ANSWERED || buf->fate == SL_FATE_RELAYED ||
	      buf->fate == SL_FATE_PASSED || buf->fate == SL_FATE_MADE);
	check(sl_frame_fits(&h->pipeline.relay.limit[buf->out_port], buf->len,
			    sl_wire_l3_off(buf->data, buf->len)));
	parsed = sl_wire_parse(buf->data, buf->len, &seg);
	if (parsed == SL_PARSED_ICMP && buf->fate != SL_FATE_PASSED) {
		struct sl_quote quote;

		check(buf->fate == SL_FATE_RELAYED || buf->fate == SL_FATE_MADE);
		check(sl_wire_parse_quote(buf->data, &seg, &quote) && quote.to_sender);
		check(sl_wire_verify_quote(buf->data, &quote));
	} else if (parsed == SL_PARSED_OTHER && buf->fate == SL_FATE_ANSWERED) {
		check(buf->out_port == HOST_PORT);
	} else if (buf->fate != SL_FATE_PASSED) {
		check(parsed == SL_PARSED_TCP);
		check(buf->fate == SL_FATE_RELAYED ||
		      buf->len - seg.l3_off <= mtu_of(h, buf->out_port));
		buf->ip_cksum = buf->tcp_cksum = SL_CKSUM_UNKNOWN;
		check(sl_wire_verify(buf, &seg));
	}
	if (parsed == SL_PARSED_TCP)
		receive(h, buf, &seg);
}

/* Each connection that is ours has an endpoint, nobody else has, and whatever endpoints hold they
 * give back. */
static void check_endpoints(const struct harness *h)
{
	const struct sl_relay *r = &h->pipeline.relay;
	const struct sl_endpoints *all = &r->endpoints;
	const uint32_t n_used = all->n - all->n_free;
	uint32_t n_ours = 0, n_queued = 0, n_tcbs = 0, in_reserve[SL_N_RESERVES] = {0};

	for (uint32_t i = 0; i < N_CONNECTIONS; i++) {
		const struct sl_conn *conn = sl_relay_conn(r, i);

		if (!sl_flow_in_use(&r->flow, i))
			continue;
		check(sl_wheel_armed(&conn->timer));
		in_reserve[conn->reserve]++;
		if (conn->ours == SL_CONN_NOT_OURS)
			continue;
		n_ours++;
		check(conn->endpoint < all->n && all->pool[conn->endpoint].conn == i);
		check(conn->state[SL_LEG_CLIENT] == all->pool[conn->endpoint].tcb.state);
	}
	for (unsigned kind = SL_RESERVE_NONE + 1; kind < SL_N_RESERVES; kind++)
		check(in_reserve[kind] == r->reserve[kind].n &&
		      r->reserve[kind].n <= r->reserve[kind].share);
	check(n_ours == n_used);
	for (uint32_t i = all->first; i != SL_ENDPOINT_NONE; i = all->pool[i].after) {
		check(all->pool[i].queued && ++n_queued <= n_used);
		check(sl_relay_conn(r, all->pool[i].conn)->endpoint == i);
	}
	check(n_queued == all->n_queued);
	for (unsigned s = 0; s < SL_TCP_N_STATES; s++)
		n_tcbs += (uint32_t)all->tcp.states[s];
	check(n_tcbs == n_used);
	check(n_used > 0 || all->tcp.pool.n_free == N_BLOCKS);
}

void check_books(const struct harness *h)
{
	uint64_t held = 0, states[SL_N_LEGS] = {0, 0};

	for (unsigned i = 0; i < N_ACCOUNTS; i++) {
		check(sl_account_balance(&h->accounts[i]) == 0);
		held += h->accounts[i].term[SL_TERM_held];
		for (unsigned leg = 0; leg < SL_N_LEGS; leg++)
			for (unsigned s = 0; s < SL_TCP_N_STATES; s++)
				states[leg] +=
					s == SL_TCP_LISTEN ? 0 : h->accounts[i].state[leg][s];
	}
	check(held == h->n_held);
	check(held <= h->world.n_held);
	for (unsigned leg = 0; leg < SL_N_LEGS; leg++)
		check(states[leg] == sl_flow_count(&h->pipeline.relay.flow));
	check_endpoints(h);
}

/* Every gauge is the number of legs in that state, and every connection can be described. */
void check_table(const struct harness *h)
{
	uint64_t legs[N_ACCOUNTS][SL_N_LEGS][SL_TCP_N_STATES] = {{{0}}};
	unsigned n = 0;

	for (uint32_t i = 0; i < N_CONNECTIONS; i++) {
		struct sl_conn_info info;

		if (!sl_relay_info(&h->pipeline.relay, i, &info))
			continue;
		n++;
		check(info.service >= 1 && info.service < N_ACCOUNTS && info.timer != NULL);
		for (unsigned leg = 0; leg < SL_N_LEGS; leg++)
			legs[info.service][leg][info.state[leg]]++;
	}
	check(n == sl_flow_count(&h->pipeline.relay.flow));
	for (unsigned a = 1; a < N_ACCOUNTS; a++)
		for (unsigned leg = 0; leg < SL_N_LEGS; leg++)
			for (unsigned s = 0; s < SL_TCP_N_STATES; s++)
				check(s == SL_TCP_LISTEN ||
				      legs[a][leg][s] == h->accounts[a].state[leg][s]);
}
