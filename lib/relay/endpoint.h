/* SPDX-License-Identifier: BSD-3-Clause */
/* endpoint.c, for the rest of this library: of connections that are ours. */
#ifndef ENDPOINT_H
#define ENDPOINT_H

#include "relay.h"

size_t relay_endpoints_memory(const struct sl_relay_config *config);
void relay_endpoints_init(struct sl_relay *r, const struct sl_relay_config *config, void *memory);
/* The services are not what they were. */
void relay_endpoints_plan(struct sl_relay *r);

/* The connection goes: gives back what it has beside its entry. */
void relay_endpoint_free(struct sl_relay *r, struct sl_conn *conn);
void relay_endpoint_segment(struct sl_relay *r, struct sl_conn *conn, enum sl_side side,
			    struct sl_buf *buf, const struct sl_seg *seg);
void relay_endpoint_icmp(struct sl_relay *r, struct sl_conn *conn, struct sl_buf *buf,
			 const struct sl_quote *quote);
/* When TCP wants to be called; UINT64_MAX: never. */
uint64_t relay_endpoint_deadline(const struct sl_relay *r, const struct sl_conn *conn);
/* Whether something is to be done before the client may be silent: bytes that it does not take, a
 * request that is not whole, bytes missing before those that have come. */
bool relay_endpoint_owes(const struct sl_relay *r, const struct sl_conn *conn);
bool relay_endpoint_holds_blocks(const struct sl_relay *r, const struct sl_conn *conn);
/* It has come. The connection may be gone afterwards. */
void relay_endpoint_timeouts(struct sl_relay *r, struct sl_conn *conn);
/* What its service says may be new: the timers that TCP keeps go by it. */
void relay_endpoint_options_changed(struct sl_relay *r, struct sl_conn *conn);
/* Ends the connection; its client hears of it. */
void relay_endpoint_reclaim(struct sl_relay *r, struct sl_conn *conn, enum sl_event why);
/* The name of TCP's timer, if it comes before `left_ms`; or NULL. */
const char *relay_endpoint_timer(const struct sl_relay *r, const struct sl_conn *conn,
				 uint32_t *left_ms);
void relay_endpoint_info(const struct sl_relay *r, const struct sl_conn *conn,
			 struct sl_conn_info *info);

#endif
