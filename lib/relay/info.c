/* SPDX-License-Identifier: BSD-3-Clause */
/* A connection described for people. */
#include "endpoint.h"

static uint64_t bytes_of(const struct sl_end *end)
{
	const uint64_t sent = (uint64_t)end->wraps << 32 | (end->seq_max - end->isn);

	return sent > 0 ? sent - 1 : 0; /* the SYN's number is no byte */
}

bool sl_relay_info(const struct sl_relay *r, uint32_t index, struct sl_conn_info *info)
{
	const struct sl_conn *conn;
	bool inside_opened, successor;

	if (!sl_flow_in_use(&r->flow, index))
		return false;
	conn = sl_relay_conn(r, index);
	inside_opened = conn->flags & SL_CONN_INSIDE_OPENED;
	successor = sl_conn_successor(conn);
	memset(info, 0, sizeof(*info));
	info->client = inside_opened ? conn->key.inside_addr : conn->key.outside_addr;
	info->server = inside_opened ? conn->key.outside_addr : conn->key.inside_addr;
	info->client_port = inside_opened ? conn->key.inside_port : conn->key.outside_port;
	info->server_port = inside_opened ? conn->key.outside_port : conn->key.inside_port;
	info->service = conn->service;
	info->link = (uint8_t)(conn->key.domain >> 24);
	info->vlan = conn->key.domain & 0xffffff;
	/* Of a tombstone the flag says that a cookie had opened it, as it does of an endpoint's. */
	info->spliced = conn->flags & SL_CONN_SPLICED && !sl_conn_closed(conn);
	info->passed = sl_relay_passed(r, conn);
	info->timestamps = conn->flags & SL_CONN_TIMESTAMPS;
	info->inside_opened = inside_opened;
	info->age_ms = r->now_ms - conn->created_ms;
	info->idle_ms = r->now_ms - conn->last_seen_ms;
	info->timer = relay_timer_name(r, conn, &info->timer_ms);
	for (unsigned side = 0; side < SL_N_SIDES; side++) {
		const enum sl_leg leg = sl_conn_leg(conn, (enum sl_side)side);

		info->state[leg] = (enum sl_tcp_state)conn->state[leg];
		if (successor) /* its data is kept in the place of these counts */
			continue;
		info->packets[leg] = conn->end[side].packets;
		info->bytes[leg] = bytes_of(&conn->end[side]);
	}
	if (conn->flags & SL_CONN_OPENING)
		info->held = conn->opening.n_held;
	if (conn->ours)
		relay_endpoint_info(r, conn, info);
	return true;
}
