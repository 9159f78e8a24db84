/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Limits. A connection has one timer, for whatever comes first:
 *
 *   our SYN again          1 s, doubled each time      spliced, while opening
 *   half_open              from the SYN                SYN-SENT, SYN-RECEIVED
 *   silent                 from the last payload       ESTABLISHED, no byte of the client's yet
 *   idle, probe_interval   from the last segment       ESTABLISHED
 *   close_wait             from the last segment       CLOSE-WAIT, FIN-WAIT-1
 *   fin_wait_2             from the last segment       FIN-WAIT-2
 *   last_ack               from the last segment       LAST-ACK, CLOSING
 *   time_wait (2MSL)       from the last FIN           TIME-WAIT on a leg, CLOSED on the other
 *   2.5 s, 4 times         from a RST of uncertain effect: its receiver is asked, then given up
 *   96 s                   from a reset or reclaiming: the entry is a tombstone
 *
 * A tracked connection of a service that is left to its ends is forgotten where another would be
 * probed or reclaimed.
 *
 * Two legs are in two states: the shorter limit counts. Segments only write last_seen_ms; the wheel
 * brings the connection up when its limit would have ended, and it is put back if it has been seen.
 */
#include "endpoint.h"

enum due {
	DUE_RETRY,
	DUE_HALF_OPEN,
	DUE_SILENT,
	DUE_IDLE,
	DUE_FIN_WAIT_2,
	DUE_CLOSE_WAIT,
	DUE_LAST_ACK,
	DUE_TIME_WAIT,
	DUE_RST_DOUBT,
	DUE_TOMBSTONE
};

struct deadline {
	uint32_t after_ms; /* of last_seen_ms */
	enum due due;
};

static const struct {
	const char *name;
	enum sl_event event; /* of reclaiming */
} dues[] = {
	[DUE_RETRY] = {"syn_retransmission", SL_EVENT_server_silent},
	[DUE_HALF_OPEN] = {"half_open", SL_EVENT_reclaimed_half_open},
	[DUE_SILENT] = {"silent", SL_EVENT_reclaimed_silent},
	[DUE_IDLE] = {"idle", SL_EVENT_reclaimed_idle},
	[DUE_FIN_WAIT_2] = {"fin_wait_2", SL_EVENT_reclaimed_fin_wait_2},
	[DUE_CLOSE_WAIT] = {"close_wait", SL_EVENT_reclaimed_close_wait},
	[DUE_LAST_ACK] = {"last_ack", SL_EVENT_reclaimed_last_ack},
	[DUE_TIME_WAIT] = {"time_wait", SL_EVENT_time_wait_expired},
	[DUE_RST_DOUBT] = {"reset", SL_EVENT_connections_reset},
	[DUE_TOMBSTONE] = {"tombstone", SL_EVENT_connections_reset},
};

static struct deadline shorter(struct deadline a, struct deadline b)
{
	return b.after_ms < a.after_ms ? b : a;
}

static struct deadline established_deadline(const struct sl_conn *conn, const struct sl_limits *l)
{
	const struct deadline silent = {l->silent_ms, DUE_SILENT};
	/* A configuration keeps this sum below four weeks. */
	const struct deadline idle = {l->idle_ms + conn->probes * l->probe_interval_ms, DUE_IDLE};

	return conn->flags & SL_CONN_CLIENT_SENT ? idle : shorter(silent, idle);
}

static struct deadline leg_deadline(const struct sl_conn *conn, enum sl_leg leg,
				    const struct sl_limits *l)
{
	switch ((enum sl_tcp_state)conn->state[leg]) {
	case SL_TCP_SYN_SENT:
	case SL_TCP_SYN_RECEIVED:
		return (struct deadline){l->half_open_ms, DUE_HALF_OPEN};
	case SL_TCP_ESTABLISHED:
		return established_deadline(conn, l);
	case SL_TCP_FIN_WAIT_1:
	case SL_TCP_CLOSE_WAIT:
		return (struct deadline){l->close_wait_ms, DUE_CLOSE_WAIT};
	case SL_TCP_FIN_WAIT_2:
		return (struct deadline){l->fin_wait_2_ms, DUE_FIN_WAIT_2};
	case SL_TCP_CLOSING:
	case SL_TCP_LAST_ACK:
		return (struct deadline){l->last_ack_ms, DUE_LAST_ACK};
	case SL_TCP_LISTEN:
	case SL_TCP_TIME_WAIT: /* counts when the other leg is done, too */
	case SL_TCP_CLOSED:
		break;
	}
	return (struct deadline){UINT32_MAX, DUE_TIME_WAIT};
}

/* Of one that is ours TCP keeps most timers itself; what is left is what it would wait for without
 * end: a client that says nothing, one that takes nothing, one that never closes. */
static struct deadline own_deadline(const struct sl_relay *r, const struct sl_conn *conn,
				    const struct sl_limits *l)
{
	const struct deadline never = {UINT32_MAX, DUE_TIME_WAIT};
	const struct deadline silent = {l->silent_ms, DUE_SILENT};
	const bool stands = conn->state[SL_LEG_CLIENT] == SL_TCP_ESTABLISHED;
	struct deadline d = never;

	if (conn->state[SL_LEG_CLIENT] == SL_TCP_TIME_WAIT)
		return never;
	if (!stands)
		d = leg_deadline(conn, SL_LEG_CLIENT, l);
	if ((stands && !(conn->flags & SL_CONN_CLIENT_SENT)) ||
	    (d.due != DUE_HALF_OPEN && relay_endpoint_owes(r, conn)))
		d = shorter(d, silent);
	return d;
}

static struct deadline deadline_of(const struct sl_relay *r, const struct sl_conn *conn)
{
	const struct sl_limits *l = relay_limits(r, conn);
	struct deadline d;

	if (sl_conn_closed(conn))
		return (struct deadline){conn->flags & SL_CONN_SPLICED ? TOMBSTONE_MS : CLOSED_MS,
					 DUE_TOMBSTONE};
	if (sl_unlikely(conn->ours))
		return own_deadline(r, conn, l);
	if (conn->flags & SL_CONN_RST_DOUBT && !sl_conn_over(conn))
		return (struct deadline){(conn->probes + 1u) * RST_ASK_MS, DUE_RST_DOUBT};
	d = shorter(leg_deadline(conn, SL_LEG_CLIENT, l), leg_deadline(conn, SL_LEG_SERVER, l));
	if (d.after_ms == UINT32_MAX)
		return (struct deadline){l->time_wait_ms, DUE_TIME_WAIT};
	if (conn->flags & SL_CONN_OPENING) {
		const uint32_t retry = ((2u << conn->opening.retries) - 1) * SYN_RETRY_FIRST_MS;

		d = (struct deadline){l->half_open_ms, DUE_HALF_OPEN};
		d = shorter(d, (struct deadline){retry, DUE_RETRY});
	}
	return d;
}

/* Microseconds of `ms` from the connection's last sign of life. */
static uint64_t due_us(const struct sl_relay *r, const struct sl_conn *conn, uint32_t after_ms)
{
	const int64_t left_ms = (int64_t)after_ms - (r->now_ms - conn->last_seen_ms);

	if (after_ms == UINT32_MAX)
		return UINT64_MAX;
	return left_ms <= 0 ? r->now_us : r->now_us + (uint64_t)left_ms * SL_US_PER_MS;
}

void relay_arm(struct sl_relay *r, struct sl_conn *conn)
{
	uint64_t due = due_us(r, conn, deadline_of(r, conn).after_ms);

	if (sl_unlikely(conn->ours)) {
		const uint64_t tcp = relay_endpoint_deadline(r, conn);

		due = tcp < due ? tcp : due;
	}
	sl_wheel_arm_by(&r->wheel, relay_index(r, conn), due);
}

bool sl_relay_rearm(struct sl_relay *r, uint32_t *cursor, uint32_t max)
{
	const uint32_t capacity = sl_flow_capacity(&r->flow);

	for (; *cursor < capacity && max > 0; ++*cursor, max--) {
		struct sl_conn *conn = sl_relay_conn(r, *cursor);

		if (!sl_flow_in_use(&r->flow, *cursor))
			continue;
		if (conn->ours)
			relay_endpoint_options_changed(r, conn);
		relay_reserve_settle(r, conn);
		relay_arm(r, conn);
	}
	return *cursor == capacity;
}

/* RSTs to one end: at the last number it has acknowledged, and at the highest it was sent. */
static void reset_end(struct sl_relay *r, const struct sl_conn *conn, enum sl_side to)
{
	const uint32_t acked = conn->end[to].ack;
	const uint32_t highest = conn->end[sl_side_other(to)].seq_max;

	(void)relay_send_rst(r, conn, to, acked, true);
	if (highest != acked)
		(void)relay_send_rst(r, conn, to, highest, true);
}

uint32_t relay_limit_ms(const struct sl_relay *r, const struct sl_conn *conn)
{
	const uint32_t limit_ms = deadline_of(r, conn).after_ms;

	/* One that is ours, and TCP waits for: it is idle, or in TIME-WAIT. */
	return limit_ms == UINT32_MAX ? relay_limits(r, conn)->idle_ms : limit_ms;
}

void relay_reclaim(struct sl_relay *r, struct sl_conn *conn, enum sl_event why)
{
	const bool opening = conn->flags & SL_CONN_OPENING;
	const bool half_open = relay_tracked_opening(conn) && !opening;

	if (conn->ours) {
		relay_endpoint_reclaim(r, conn, why);
		return;
	}
	relay_close(r, conn, why);
	if (opening) {
		(void)relay_send_rst(r, conn, SL_OUTSIDE, conn->end[SL_INSIDE].isn + 1, true);
		(void)relay_send_rst(r, conn, SL_INSIDE, conn->end[SL_OUTSIDE].isn + 1, false);
	} else if (!half_open) {
		/* A tracked SYN that nobody answered has no numbers a RST could bear. */
		reset_end(r, conn, SL_OUTSIDE);
		reset_end(r, conn, SL_INSIDE);
	}
}

static void retry_syn(struct sl_relay *r, struct sl_conn *conn)
{
	if (!relay_send_syn(r, conn))
		return; /* no buffer: at the next tick */
	relay_count(r, conn, SL_EVENT_syn_retransmits);
	conn->opening.retries++;
}

/*
 * What an end has acknowledged for sure. What the client of an adopted connection has, while none
 * of its segments has gone by, nobody knows: too much would cost the server's data, too little is
 * an old ACK.
 */
static uint32_t surely_acked(const struct sl_conn *conn, enum sl_side side)
{
	const bool unknown = side == SL_OUTSIDE && sl_conn_adopting(conn);

	return conn->end[side].ack - (unknown ? ADOPT_UNDER_WAY : 0);
}

/* Asks an end whether it lives: SEG.SEQ one below what the end expects, no payload, which it
 * answers by an ACK whatever else it has received (RFC 1122 section 4.2.3.6). */
static void ask(struct sl_relay *r, struct sl_conn *conn, enum sl_side to)
{
	if (relay_send_ack(r, conn, to, conn->end[to].ack - 1,
			   surely_acked(conn, sl_side_other(to))))
		relay_count(r, conn, SL_EVENT_probes_sent);
}

void relay_doubt(struct sl_relay *r, struct sl_conn *conn, enum sl_side side)
{
	const uint16_t doubt = side == SL_OUTSIDE ? SL_CONN_RST_OUTSIDE : SL_CONN_RST_INSIDE;

	/* The doubt has the clock of `silent`, which a client must not set back without a byte.
	 * Both ends are told when that limit ends. */
	if (conn->flags & doubt || deadline_of(r, conn).due == DUE_SILENT)
		return;
	conn->flags |= doubt;
	conn->flags &= (uint16_t) ~(SL_CONN_ALIVE_OUTSIDE | SL_CONN_ALIVE_INSIDE);
	conn->probes = 0;
	conn->last_seen_ms = r->now_ms;
	relay_arm(r, conn);
}

/* The receiver of an inexact RST has not spoken since. */
static void ask_receiver(struct sl_relay *r, struct sl_conn *conn)
{
	if (conn->probes >= RST_ASKS) {
		relay_reclaim(r, conn, dues[DUE_RST_DOUBT].event);
		return;
	}
	if (conn->flags & SL_CONN_RST_OUTSIDE)
		ask(r, conn, SL_INSIDE);
	if (conn->flags & SL_CONN_RST_INSIDE)
		ask(r, conn, SL_OUTSIDE);
	conn->probes++;
}

/* Another round of keepalive probes to the ends that have not answered the last. */
static void probe(struct sl_relay *r, struct sl_conn *conn)
{
	if (conn->probes >= relay_limits(r, conn)->probes) {
		relay_reclaim(r, conn, dues[DUE_IDLE].event);
		return;
	}
	for (unsigned to = 0; to < SL_N_SIDES; to++) {
		const uint16_t alive =
			to == SL_OUTSIDE ? SL_CONN_ALIVE_OUTSIDE : SL_CONN_ALIVE_INSIDE;

		if (!(conn->flags & alive))
			ask(r, conn, (enum sl_side)to);
	}
	conn->probes = (conn->probes + 1) & 0xf;
}

static void act(struct sl_relay *r, uint32_t index, struct sl_conn *conn, enum due due)
{
	switch (due) {
	case DUE_RETRY:
		retry_syn(r, conn);
		break;
	case DUE_IDLE:
		probe(r, conn);
		break;
	case DUE_HALF_OPEN:
	case DUE_SILENT:
	case DUE_FIN_WAIT_2:
	case DUE_CLOSE_WAIT:
	case DUE_LAST_ACK:
		relay_reclaim(r, conn,
			      conn->flags & SL_CONN_OPENING ? SL_EVENT_server_silent
							    : dues[due].event);
		break;
	case DUE_RST_DOUBT:
		ask_receiver(r, conn);
		break;
	case DUE_TIME_WAIT:
		relay_count(r, conn, SL_EVENT_time_wait_expired);
		sl_relay_remove(r, index);
		return;
	case DUE_TOMBSTONE:
		sl_relay_remove(r, index);
		return;
	}
	if (!sl_wheel_armed(&conn->timer))
		relay_arm(r, conn);
}

/* Of a service that is left to its ends: nobody is probed, nobody is told. */
static void forget(struct sl_relay *r, uint32_t index, enum due due)
{
	relay_count(r, sl_relay_conn(r, index),
		    due == DUE_TIME_WAIT ? SL_EVENT_time_wait_expired : SL_EVENT_forgotten);
	sl_relay_remove(r, index);
}

/* One that is ours: a limit has passed, or TCP wants to be called; or both have moved. */
static void own_come_up(struct sl_relay *r, uint32_t index, struct sl_conn *conn)
{
	const struct deadline d = deadline_of(r, conn);
	const bool late = r->now_ms - conn->last_seen_ms >= d.after_ms;

	if (r->out->n_spare < SPARES_FOR_ONE)
		sl_wheel_arm(&r->wheel, index, r->now_us + SL_RELAY_TICK_US);
	else if (late)
		relay_reclaim(r, conn, dues[d.due].event);
	else
		relay_endpoint_timeouts(r, conn);
}

static void come_up(struct sl_relay *r, uint32_t index)
{
	struct sl_conn *conn = sl_relay_conn(r, index);
	const struct deadline d = deadline_of(r, conn);

	if (sl_unlikely(conn->ours)) {
		own_come_up(r, index, conn);
		return;
	}
	if (r->now_ms - conn->last_seen_ms < d.after_ms)
		relay_arm(r, conn);
	else if (sl_relay_passed(r, conn))
		forget(r, index, d.due);
	else if (r->out->n_spare < SPARES_FOR_ONE && d.due != DUE_TIME_WAIT &&
		 d.due != DUE_TOMBSTONE)
		sl_wheel_arm(&r->wheel, index, r->now_us + SL_RELAY_TICK_US);
	else
		act(r, index, conn, d.due);
}

void sl_relay_tick(struct sl_relay *r, unsigned max)
{
	uint32_t due[SL_BURST];
	unsigned n;

	if (max > SL_BURST)
		max = SL_BURST;
	n = sl_wheel_run(&r->wheel, r->now_us, 4 * max, due, max);
	for (unsigned i = 0; i < n; i++)
		come_up(r, due[i]);
	relay_pressure_tick(r);
}

const char *relay_timer_name(const struct sl_relay *r, const struct sl_conn *conn,
			     uint32_t *left_ms)
{
	const struct deadline d = deadline_of(r, conn);
	const uint32_t gone = r->now_ms - conn->last_seen_ms;

	*left_ms = gone < d.after_ms ? d.after_ms - gone : 0;
	if (conn->ours) {
		const char *tcp = relay_endpoint_timer(r, conn, left_ms);

		if (tcp != NULL)
			return tcp;
	}
	if (d.due == DUE_IDLE && conn->probes > 0)
		return "keepalive";
	return dues[d.due].name;
}
