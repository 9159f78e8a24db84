/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The box ends. A connection whose numbers are translated, or that ends in the box, cannot go on
 * without the box: both of its ends are told by RST. A tracked connection goes on.
 */
#include "relay.h"

/* Whether the ports of a connection take segments that can wait. */
static bool ports_have_room(const struct sl_relay *r, const struct sl_conn *conn)
{
	return !sl_out_is_full(r->out, relay_port(r, conn, SL_OUTSIDE)) &&
	       (conn->ours || !sl_out_is_full(r->out, relay_port(r, conn, SL_INSIDE)));
}

bool sl_relay_end(struct sl_relay *r, uint32_t *cursor, uint32_t max, uint32_t *n_ended)
{
	const uint32_t capacity = sl_flow_capacity(&r->flow);

	for (; *cursor < capacity && max > 0; ++*cursor, max--) {
		struct sl_conn *conn = sl_relay_conn(r, *cursor);

		if (!sl_flow_in_use(&r->flow, *cursor) || sl_conn_over(conn) ||
		    !(conn->ours || conn->flags & SL_CONN_SPLICED))
			continue;
		if (r->out->n_spare < SPARES_FOR_ONE || !ports_have_room(r, conn))
			return false;
		relay_reclaim(r, conn, SL_EVENT_ended_with_box);
		++*n_ended;
	}
	return *cursor == capacity;
}
