/* SPDX-License-Identifier: BSD-3-Clause */
/* One core: the worker, its ports, and the loop that is timed. */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <rte_cycles.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>

enum {
	RING = 2 * FEED,
	DATA_ROOM = 2048 + RTE_PKTMBUF_HEADROOM,
	SENT_BURST = 64,
	FLOOR_FEEDS = 16,
};

static bool open_port(struct lane *lane, enum sl_side side)
{
	const struct rte_eth_conf conf = {0};
	char name[32];
	int id;

	snprintf(name, sizeof(name), "in-%u-%u", lane->number, side);
	lane->in[side] = rte_ring_create(name, RING, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	snprintf(name, sizeof(name), "out-%u-%u", lane->number, side);
	lane->out[side] = rte_ring_create(name, RING, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	if (lane->in[side] == NULL || lane->out[side] == NULL)
		return false;
	snprintf(name, sizeof(name), "port-%u-%u", lane->number, side);
	id = rte_eth_from_rings(name, &lane->in[side], 1, &lane->out[side], 1, 0);
	if (id < 0)
		return false;
	lane->ethdev[side] = (uint16_t)id;
	return rte_eth_dev_configure(lane->ethdev[side], 1, 1, &conf) == 0 &&
	       rte_eth_rx_queue_setup(lane->ethdev[side], 0, 512, 0, NULL, lane->pool) == 0 &&
	       rte_eth_tx_queue_setup(lane->ethdev[side], 0, 512, 0, NULL) == 0 &&
	       rte_eth_dev_start(lane->ethdev[side]) == 0;
}

bool lane_open(struct lane *lane, unsigned number)
{
	char name[32];

	lane->number = number;
	lane->random = 0x9e3779b97f4a7c15ULL + number;
	lane->now_us = SL_US_PER_S;
	snprintf(name, sizeof(name), "packets-%u", number);
	lane->pool = rte_pktmbuf_pool_create(name, POOL - 1, POOL_CACHE, SL_WORKER_PRIV_BYTES,
					     DATA_ROOM, SOCKET_ID_ANY);
	lane->plan = calloc(1, sizeof(*lane->plan));
	if (lane->pool == NULL || lane->plan == NULL || !open_port(lane, SL_OUTSIDE) ||
	    !open_port(lane, SL_INSIDE) ||
	    rte_pktmbuf_alloc_bulk(lane->pool, lane->empty, FEED) != 0) {
		snprintf(lane->error, sizeof(lane->error), "no memory for the packets of a lane");
		return false;
	}
	lane->n_empty = FEED;
	return true;
}

static void make_plan(struct lane *lane)
{
	struct sl_plan *plan = lane->plan;
	struct sl_service service = {
		.name = "bench",
		.port_lo = 80,
		.port_hi = 80,
		.mode = SL_MODE_SPLICE,
		.cookies = SL_COOKIES_ALWAYS,
		.wscale = 7,
		.timestamps = SL_TIMESTAMPS_ALWAYS,
		.receive_buffer = 256 << 10, /* the configuration's default */
		.send_buffer = 256 << 10,
		.limits = {.half_open_ms = 10000,
			   .silent_ms = 7200000,
			   .idle_ms = 7200000,
			   .probe_interval_ms = 75000,
			   .fin_wait_2_ms = 60000,
			   .close_wait_ms = 60000,
			   .last_ack_ms = 30000,
			   .time_wait_ms = 1000,
			   .probes = 9},
	};

	memset(plan, 0, sizeof(*plan));
	if (!lane->params.ipv6) { /* else all of IPv6, prefix_len 0 */
		const uint8_t any[4] = {0};

		sl_addr_set_v4(&service.net, any);
		service.prefix_len = SL_SERVICE_V4_BITS;
	}
	if (lane->params.passes) {
		service.mode = SL_MODE_PASS;
		service.track = true;
	}
	if (lane->params.responds) {
		service.mode = SL_MODE_RESPOND;
		service.server = (uint8_t)lane->params.server;
	}
	sl_service_table_init(&plan->services, &service, 1);
	plan->links[0].port[SL_OUTSIDE] = SL_OUTSIDE;
	plan->links[0].port[SL_INSIDE] = SL_INSIDE;
	plan->links[0].pass_default = true;
	plan->links[0].mtu = 1500;
	plan->n_links = 1;
}

bool lane_worker_open(struct lane *lane, uint32_t connections)
{
	const uint8_t master[16] = "a master secret";
	uint8_t secret[SL_FLOW_SECRET_BYTES];
	struct sl_cookie_ring ring;
	struct sl_worker_config config = {
		.lcore = lane->number,
		.core = lane->number,
		.pool = lane->pool,
		.n_ports = SL_N_SIDES,
		.ethdev = {lane->ethdev[SL_OUTSIDE], lane->ethdev[SL_INSIDE]},
		.socket_id = SOCKET_ID_ANY,
		.pipeline = {.plan = lane->plan,
			     .n_connections = connections,
			     .n_held = 4096,
			     .n_endpoints = lane->params.responds ? connections : 0,
			     .n_blocks = lane->params.responds ? BLOCKS : 0,
			     .high_water = 100,
			     .table_secret = secret,
			     .ring = &ring,
			     .secret_shared = true},
	};

	for (unsigned i = 0; i < sizeof(secret); i++)
		secret[i] = (uint8_t)lane_random(lane);
	make_plan(lane);
	lane->now_us = (uint64_t)time(NULL) * SL_US_PER_S;
	sl_cookie_ring_init(&ring, master, lane->now_us, lane->now_us);
	lane->worker = sl_worker_create(&config, lane->error, sizeof(lane->error));
	return lane->worker != NULL;
}

void lane_worker_close(struct lane *lane)
{
	sl_worker_destroy(lane->worker);
	lane->worker = NULL;
}

uint32_t lane_random(struct lane *lane)
{
	lane->random ^= lane->random << 13;
	lane->random ^= lane->random >> 7;
	lane->random ^= lane->random << 17;
	return (uint32_t)(lane->random >> 16);
}

uint8_t *lane_feed(struct lane *lane, enum sl_side side, uint16_t len)
{
	struct rte_mbuf *m = lane->empty[--lane->n_empty];

	m->data_len = len;
	m->pkt_len = len;
	m->ol_flags =
		lane->unlooked ? 0 : RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD;
	if (lane->waits) {
		lane->waiting_side[lane->n_waiting] = (uint8_t)side;
		lane->waiting[lane->n_waiting++] = m;
	} else {
		rte_ring_sp_enqueue(lane->in[side], m);
		lane->n_fed++;
	}
	return rte_pktmbuf_mtod(m, uint8_t *);
}

/* One turn of what is measured; returns the packets that it has received. */
static unsigned worker_turn(struct lane *lane)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts); /* the daemon's read of the clock, once a turn */
	return sl_worker_turn(lane->worker, lane->now_us);
}

static unsigned floor_turn(struct lane *lane)
{
	struct rte_mbuf *mbuf[SL_BURST];
	unsigned received = 0;

	for (unsigned side = 0; side < SL_N_SIDES; side++) {
		const uint16_t n = rte_eth_rx_burst(lane->ethdev[side], 0, mbuf, SL_BURST);

		for (unsigned i = 0; i < n; i++) {
			uint8_t *frame = rte_pktmbuf_mtod(mbuf[i], uint8_t *), mac[6];

			memcpy(mac, frame, 6);
			memcpy(frame, frame + 6, 6);
			memcpy(frame + 6, mac, 6);
		}
		rte_eth_tx_burst(lane->ethdev[!side], 0, mbuf, n);
		received += n;
	}
	return received;
}

/* What the driver does of a turn: buffers for what is to come, and back those that were sent.
 * Returns how many were. */
static unsigned drive(struct lane *lane, unsigned received, bool keep)
{
	struct rte_mbuf *sent[SENT_BURST];
	unsigned n, all = 0;

	if (rte_pktmbuf_alloc_bulk(lane->pool, &lane->empty[lane->n_empty], received) == 0)
		lane->n_empty += received;
	for (unsigned side = 0; side < SL_N_SIDES; side++) {
		do {
			n = rte_ring_sc_dequeue_burst(lane->out[side], (void **)sent, SENT_BURST,
						      NULL);
			if (keep) {
				memcpy(&lane->kept[lane->n_kept], sent, n * sizeof(*sent));
				lane->n_kept += n;
			} else {
				rte_pktmbuf_free_bulk(sent, n);
			}
			all += n;
		} while (n == SENT_BURST);
	}
	return all;
}

static inline uint64_t run(struct lane *lane, unsigned (*turn)(struct lane *), bool keep)
{
	const uint64_t began = rte_rdtsc_precise();

	while (lane->n_fed > 0) {
		const unsigned received = turn(lane);

		(void)drive(lane, received, keep);
		lane->n_fed -= received;
	}
	return rte_rdtsc_precise() - began;
}

uint64_t lane_run(struct lane *lane)
{
	return run(lane, worker_turn, false);
}

uint64_t lane_run_keeping(struct lane *lane)
{
	return run(lane, worker_turn, true);
}

uint64_t lane_run_out(struct lane *lane)
{
	const uint64_t began = rte_rdtsc_precise();
	unsigned received, sent;

	do {
		received = worker_turn(lane);
		sent = drive(lane, received, true);
		lane->n_fed -= received;
	} while (lane->n_fed > 0 || received + sent > 0);
	return rte_rdtsc_precise() - began;
}

uint64_t lane_free_kept(struct lane *lane)
{
	const uint64_t began = rte_rdtsc_precise();

	for (unsigned i = 0; i < lane->n_kept; i += SL_BURST)
		rte_pktmbuf_free_bulk(&lane->kept[i], sl_min_u32(SL_BURST, lane->n_kept - i));
	lane->n_kept = 0;
	return rte_rdtsc_precise() - began;
}

void lane_run_spaced(struct lane *lane, uint64_t gap, uint32_t *cycles)
{
	unsigned arrived = 0, done[SL_N_SIDES] = {0}, n_of[SL_N_SIDES] = {0};
	static uint16_t order[SL_N_SIDES][FEED]; /* of a side's packets, which it was */
	const uint64_t began = rte_rdtsc_precise();
	uint64_t now = began;

	while (done[SL_OUTSIDE] + done[SL_INSIDE] < lane->n_waiting) {
		for (; arrived < lane->n_waiting && now - began >= arrived * gap; arrived++) {
			const unsigned side = lane->waiting_side[arrived];

			rte_ring_sp_enqueue(lane->in[side], lane->waiting[arrived]);
			order[side][n_of[side]++] = (uint16_t)arrived;
		}
		const unsigned received = worker_turn(lane);

		now = rte_rdtsc_precise();
		for (unsigned side = 0; side < SL_N_SIDES; side++)
			for (unsigned n = rte_ring_count(lane->out[!side]); n > 0; n--) {
				const unsigned k = order[side][done[side]++];

				cycles[k] = (uint32_t)(now - began - k * gap);
			}
		(void)drive(lane, received, false);
	}
	lane->n_waiting = 0;
}

uint64_t lane_pass_time(struct lane *lane, uint64_t step_us, bool (*done)(const struct lane *))
{
	const uint64_t began = rte_rdtsc_precise();

	while (!done(lane)) {
		lane->now_us += step_us;
		(void)drive(lane, worker_turn(lane), false);
	}
	return rte_rdtsc_precise() - began;
}

struct pass lane_floor(struct lane *lane, uint16_t len)
{
	struct pass pass = {.units = FLOOR_FEEDS * FEED};

	for (unsigned feed = 0; feed < FLOOR_FEEDS; feed++) {
		for (unsigned i = 0; i < FEED; i++)
			memset(lane_feed(lane, (enum sl_side)(i % 2), len), (int)i, len);
		pass.cycles += run(lane, floor_turn, false);
	}
	return pass;
}

uint64_t lane_event(const struct lane *lane, enum sl_event event)
{
	return sl_counted(&sl_worker_accounts(lane->worker)[SERVICE].event[event]);
}

uint64_t lane_term(const struct lane *lane, enum sl_term term)
{
	return sl_counted(&sl_worker_accounts(lane->worker)[SERVICE].term[term]);
}

uint64_t lane_drops(const struct lane *lane, enum sl_drop reason)
{
	return sl_counted(&sl_worker_accounts(lane->worker)[SERVICE].drop[reason]);
}
