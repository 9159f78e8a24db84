/* SPDX-License-Identifier: BSD-3-Clause */
/* Links, services, ports and workers, out of the configuration. */
#include "sluiced.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_log.h>
#include <rte_mbuf.h>

#include "sl_log.h"

enum {
	POOL_CACHE = 256,
	NO_HUGE_SPARE_MIB = 32, /* what DPDK takes for itself, and loses between large pieces */
};

static uint64_t clock_us(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * SL_US_PER_S + (uint64_t)ts.tv_nsec / 1000;
}

void road_plan(struct road *road, const struct sl_config *config)
{
	static const bool none_busy[SL_SERVICES_MAX];

	/* It can't fail: the configuration takes no more services than there are numbers. */
	(void)sl_plan_make(config, NULL, none_busy, &road->plan);
	road->n_ports = 0;
	for (unsigned i = 0; i < config->n_links; i++)
		road->n_ports += sl_config_link_ports(&config->links[i]);
}

static struct sl_pipeline_config pipeline_config(const struct road *road,
						 const struct sl_config *config)
{
	return (struct sl_pipeline_config){
		.plan = &road->plan,
		.n_connections = config->workers.connections,
		.high_water = config->workers.high_water,
		.n_held = sl_held_part(config->workers.buffers,
				       road->rx_descriptors + road->tx_descriptors,
				       config->workers.n_cores),
		.n_endpoints = sl_config_endpoints(config),
		.n_blocks = config->workers.stream_buffers,
		.ring = &road->ring,
		.learned = &road->learned,
		.secret_shared = road->secret_shared,
	};
}

/* Bytes of packet data in an mbuf: what the road needs, or what a driver wants, in the steps that
 * drivers expect. */
static uint16_t data_room(const struct road *road, const struct sl_config *config)
{
	uint32_t room = road->mbuf_data_bytes;

	static_assert(RTE_PKTMBUF_HEADROOM >= SL_HEADROOM, "frames may grow at their front");
	for (unsigned i = 0; i < config->n_links; i++)
		room = sl_max_u32(room, sl_wire_room((uint16_t)config->links[i].mtu));
	room = sl_max_u32((room + 1023) & ~1023u, 2048);
	return (uint16_t)(room + RTE_PKTMBUF_HEADROOM);
}

static uint64_t tables_bytes(const struct road *road, const struct sl_config *config)
{
	const struct sl_pipeline_config pipeline = pipeline_config(road, config);

	return sl_pipeline_memory_size(&pipeline) + SL_SERVICES_MAX * sizeof(struct sl_account);
}

static uint64_t buffers_bytes(const struct road *road, const struct sl_config *config)
{
	return (uint64_t)config->workers.buffers *
	       (data_room(road, config) + sizeof(struct rte_mbuf) + SL_WORKER_PRIV_BYTES);
}

/* Of all workers, and with what DPDK takes beside it where there are no hugepages. */
static uint64_t needed_mib(const struct road *road, const struct sl_config *config, bool no_huge)
{
	const uint64_t all =
		config->workers.n_cores * tables_bytes(road, config) + buffers_bytes(road, config);

	return (all >> 20) + (no_huge ? NO_HUGE_SPARE_MIB : 1);
}

/* The MiB of -m in `eal`, or 0 when it has none, or has hugepages, which it takes as it needs. */
static unsigned long long no_huge_mib(const struct sl_config *config)
{
	unsigned long long mib = 0;
	bool no_huge = false;

	for (unsigned i = 0; i < config->n_eal; i++) {
		const char *arg = config->eal[i];

		no_huge |= strcmp(arg, "--no-huge") == 0;
		if (strcmp(arg, "-m") == 0 && i + 1 < config->n_eal)
			mib = strtoull(config->eal[i + 1], NULL, 10);
		else if (strncmp(arg, "-m", 2) == 0)
			mib = strtoull(arg + 2, NULL, 10);
	}
	return no_huge ? mib : 0;
}

int road_check_memory(const struct road *road, const struct sl_config *config, char *error,
		      size_t error_len)
{
	const unsigned long long given = no_huge_mib(config);
	const uint64_t needed = needed_mib(road, config, true);

	if (given == 0 || given >= needed)
		return 0;
	snprintf(error, error_len,
		 "eal has -m %llu, which is too little for connections and buffers of workers; "
		 "expected at least -m %" PRIu64 ", or smaller workers.connections or "
		 "workers.buffers",
		 given, needed);
	return -1;
}

void road_print_needs(const struct road *road, const struct sl_config *config, FILE *out)
{
	const struct sl_pipeline_config pipeline = pipeline_config(road, config);
	const uint64_t tables = tables_bytes(road, config), buffers = buffers_bytes(road, config);
	const unsigned n = config->workers.n_cores;
	const uint64_t all = n * tables + buffers;

	fprintf(out, "workers     %u\n", n);
	fprintf(out, "connections %u a worker, %" PRIu64 " MiB of tables each\n",
		config->workers.connections, (tables >> 20) + 1);
	if (pipeline.n_endpoints > 0)
		fprintf(out,
			"endpoints   %u a worker, with %u buffers of %u bytes, in these tables\n",
			pipeline.n_endpoints, pipeline.n_blocks, TCP_BLOCK);
	fprintf(out, "buffers     %u of %u bytes, %" PRIu64 " MiB\n", config->workers.buffers,
		data_room(road, config), (buffers >> 20) + 1);
	fprintf(out,
		"memory      %" PRIu64 " MiB: %" PRIu64
		" hugepages of 2 MiB, or with --no-huge at least -m %" PRIu64 "\n",
		needed_mib(road, config, false), (all >> 21) + 16, needed_mib(road, config, true));
}

static int find_profile(const struct sl_config *config, const struct sl_port *port,
			struct sl_driver_profile *profile, char *error, size_t error_len)
{
	struct sl_config_error why;

	if (sl_driver_profile_find(config->drivers, port->driver, profile, &why) == 0)
		return 0;
	sl_config_error_format(&why, error, error_len);
	return -1;
}

/* What the profile wants of RSS; the random bytes are the caller's. */
static void want_rss(const struct sl_driver_profile *profile, struct sl_rss_config *rss)
{
	static const enum sl_rss_how how[] = {
		[SL_DRIVER_RSS_NONE] = SL_RSS_NONE,
		[SL_DRIVER_RSS_SYMMETRIC_KEY] = SL_RSS_PERIODIC,
		[SL_DRIVER_RSS_SYMMETRIC_TOEPLITZ] = SL_RSS_SORTED,
	};

	/* Under a key of the device's own both directions meet only where it sorts. */
	rss->how =
		profile->rss.key == SL_DRIVER_RSS_KEY_RANDOM ? how[profile->rss.mode] : SL_RSS_NONE;
	rss->ipv4 = profile->rss.types & SL_DRIVER_RSS_IPV4;
	rss->tcp4 = profile->rss.types & SL_DRIVER_RSS_TCP4;
	rss->ipv6 = profile->rss.types & SL_DRIVER_RSS_IPV6;
	rss->tcp6 = profile->rss.types & SL_DRIVER_RSS_TCP6;
}

/* Where a port stands. */
struct place {
	unsigned link;
	enum sl_side side;
};

static struct place place_of(const struct road *road, unsigned port)
{
	const struct sl_plan *plan = &road->plan;
	struct place place = {0, SL_OUTSIDE};

	for (unsigned i = 0; i < plan->n_links; i++)
		for (unsigned side = 0; side < SL_N_SIDES; side++)
			if (plan->links[i].port[side] == port)
				place = (struct place){i, (enum sl_side)side};
	return place;
}

/* Finds a port and what is wanted of it; wanted->n_queues is 1 when its profile says so. */
static int plan_port(struct road *road, const struct sl_config *config, unsigned number,
		     struct sl_port_config *wanted, char *error, size_t error_len)
{
	const struct place place = place_of(road, number);
	const struct sl_config_link *from = &config->links[place.link];
	const bool outside = place.side == SL_OUTSIDE;
	const char *device = outside ? from->outside : from->inside;
	struct sl_port *port = &road->ports[number];
	static struct sl_driver_profile profile;

	if (from->type == SL_CONFIG_LINK_HOST)
		device = from->port;
	if (sl_port_find(port, device, error, error_len) != 0 ||
	    find_profile(config, port, &profile, error, error_len) != 0)
		return -1;
	wanted->n_queues = (uint16_t)config->workers.n_cores;
	if (profile.max_queues != 0 && profile.max_queues < wanted->n_queues)
		wanted->n_queues = 1;
	wanted->mtu = (uint16_t)from->mtu;
	wanted->rx_descriptors = (uint16_t)profile.rx_descriptors;
	wanted->tx_descriptors = (uint16_t)profile.tx_descriptors;
	wanted->rx_ip_cksum = profile.offloads.rx_ip_checksum;
	wanted->rx_tcp_cksum = profile.offloads.rx_tcp_checksum;
	wanted->outside = outside;
	port->sent_by_kernel = profile.sent_by_kernel;
	road->mbuf_data_bytes = sl_max_u32(road->mbuf_data_bytes, profile.mbuf_data_bytes);
	want_rss(&profile, &wanted->rss);
	return 0;
}

/* By which a host link is known on its net: workers want to know it from the start. */
static void plan_macs(struct road *road)
{
	for (unsigned i = 0; i < road->plan.n_links; i++) {
		struct sl_link *link = &road->plan.links[i];

		if (link->host)
			sl_port_get_mac(&road->ports[link->port[SL_OUTSIDE]], link->mac);
	}
}

static int plan_ports(struct road *road, const struct sl_config *config,
		      struct sl_port_config *wanted, char *error, size_t error_len)
{
	uint8_t random[SL_RSS_KEY_MAX];

	if (getrandom(random, sizeof(random), 0) != sizeof(random)) {
		snprintf(error, error_len, "no random numbers: %s", strerror(errno));
		return -1;
	}
	for (unsigned port = 0; port < road->n_ports; port++) {
		memcpy(wanted[port].rss.random, random, sizeof(random));
		if (plan_port(road, config, port, &wanted[port], error, error_len) != 0)
			return -1;
	}
	plan_macs(road);
	return 0;
}

/* Whether the NICs can deal the packets out: all of them, in one way, or none. */
static bool nics_can_spread(const struct road *road, const struct sl_port_config *wanted,
			    unsigned n_workers)
{
	for (unsigned port = 0; port < road->n_ports; port++)
		if (wanted[port].n_queues != n_workers || n_workers < 2 ||
		    strcmp(road->ports[port].driver, road->ports[0].driver) != 0 ||
		    road->ports[port].rss_entries != road->ports[0].rss_entries ||
		    !sl_port_can_spread(&road->ports[port], &wanted[port]))
			return false;
	return true;
}

/* How many buffers the ports' queues take. What waits to be received into is out of the pool for
 * good. */
static int plan_descriptors(struct road *road, const struct sl_config *config,
			    const struct sl_port_config *wanted, char *error, size_t error_len)
{
	const bool by_nic = nics_can_spread(road, wanted, config->workers.n_cores);

	for (unsigned port = 0; port < road->n_ports; port++) {
		const uint32_t n_queues = by_nic ? wanted[port].n_queues : 1;

		road->rx_descriptors += n_queues * wanted[port].rx_descriptors;
		road->tx_descriptors += n_queues * wanted[port].tx_descriptors;
	}
	if (road->rx_descriptors < config->workers.buffers)
		return 0;
	snprintf(
		error, error_len,
		"workers.buffers is %u, and the receive queues of the ports take %u; expected more "
		"buffers, or fewer rx_descriptors in drivers-config",
		config->workers.buffers, road->rx_descriptors);
	return -1;
}

static bool nics_do_spread(const struct road *road)
{
	for (unsigned port = 0; port < road->n_ports; port++)
		if (road->ports[port].rss == SL_RSS_NONE ||
		    road->ports[port].rss != road->ports[0].rss)
			return false;
	return true;
}

static int start_ports(struct road *road, struct sl_port_config *wanted, struct rte_mempool *pool,
		       unsigned n_queues, char *error, size_t error_len)
{
	for (unsigned port = 0; port < road->n_ports; port++) {
		wanted[port].n_queues = (uint16_t)n_queues;
		wanted[port].pool = pool;
		if (sl_port_start(&road->ports[port], &wanted[port], error, error_len) != 0)
			return -1;
	}
	return 0;
}

/* Several workers: where the ports can't spread they hand over, else only ICMP errors, round. */
static int join_workers(struct road *road, bool by_nic, char *error, size_t error_len)
{
	uint8_t secret[16];

	if (getrandom(secret, sizeof(secret), 0) != sizeof(secret)) {
		snprintf(error, error_len, "no random numbers: %s", strerror(errno));
		return -1;
	}
	road->by_nic = by_nic;
	road->handover = sl_handover_create(road->n_workers, road->n_ports, by_nic, secret, error,
					    error_len);
	explicit_bzero(secret, sizeof(secret));
	if (road->handover == NULL)
		return -1;
	for (unsigned i = 0; i < road->n_workers; i++)
		sl_worker_join(road->workers[i], road->handover, i);
	return 0;
}

/* For whoever looks at a port: who spreads what it receives. */
static void note_spread(struct road *road)
{
	for (unsigned i = 0; i < road->n_ports; i++) {
		struct sl_port *port = &road->ports[i];

		if (road->handover != NULL && !road->by_nic)
			snprintf(port->spread, sizeof(port->spread), "handed over by core %u",
				 sl_worker_core(
					 road->workers[sl_handover_poller(i, road->n_workers)]));
		else if (road->n_workers > 1)
			snprintf(port->spread, sizeof(port->spread), "by the NIC (%s)",
				 sl_rss_name(port->rss));
	}
}

static int open_ports(struct road *road, struct sl_port_config *wanted, struct rte_mempool *pool,
		      char *error, size_t error_len)
{
	bool by_nic = nics_can_spread(road, wanted, road->n_workers);

	if (by_nic && start_ports(road, wanted, pool, road->n_workers, error, error_len) != 0)
		return -1;
	if (by_nic && !nics_do_spread(road)) {
		for (unsigned port = 0; port < road->n_ports; port++)
			sl_port_stop(&road->ports[port]);
		by_nic = false;
	}
	if (!by_nic && start_ports(road, wanted, pool, 1, error, error_len) != 0)
		return -1;
	if (road->n_workers > 1 && join_workers(road, by_nic, error, error_len) != 0)
		return -1;
	note_spread(road);
	return 0;
}

static int read_secret(struct road *road, const struct sl_config *config, char *error,
		       size_t error_len)
{
	uint8_t secret[SL_CONFIG_SECRET];
	struct sl_config_error why;

	if (config->cookies.secret_file[0] == '\0') {
		if (getrandom(secret, sizeof(secret), 0) != sizeof(secret)) {
			snprintf(error, error_len, "no random numbers: %s", strerror(errno));
			return -1;
		}
	} else if (sl_config_read_secret(config->cookies.secret_file, secret, &why) != 0) {
		sl_config_error_format(&why, error, error_len);
		return -1;
	}
	road->secret_shared = config->cookies.secret_file[0] != '\0';
	sl_cookie_ring_init(&road->ring, secret, clock_us(CLOCK_REALTIME),
			    clock_us(CLOCK_MONOTONIC));
	explicit_bzero(secret, sizeof(secret));
	return 0;
}

/* What is not there or damaged is learned anew. */
static void load_learned(struct road *road, const struct sl_config *config)
{
	const struct sl_learned_now now = {
		.unix_s = (int64_t)(clock_us(CLOCK_REALTIME) / SL_US_PER_S),
		.monotonic_s = (int64_t)(clock_us(CLOCK_MONOTONIC) / SL_US_PER_S),
	};
	char error[ERROR_LEN];

	if (config->control.state_dir[0] == '\0')
		return;
	sl_learned_load(config->control.state_dir, &now, &road->learned, error, sizeof(error));
	if (error[0] != '\0')
		sl_log(SL_LOG_WARNING, "%s", error);
}

static int create_workers(struct road *road, const struct sl_config *config,
			  struct rte_mempool *pool, char *error, size_t error_len)
{
	for (unsigned i = 0; i < config->workers.n_cores; i++) {
		uint8_t table_secret[SL_FLOW_SECRET_BYTES];
		struct sl_worker_config wanted = {
			.lcore = eal_lcore(i),
			.core = config->workers.cores[i],
			.idle_sleep_us = config->workers.idle_sleep_us,
			.pipeline = pipeline_config(road, config),
			.pool = pool,
			.n_ports = road->n_ports,
			.queue = (uint16_t)i,
			.socket_id = (int)rte_lcore_to_socket_id(eal_lcore(i)),
		};

		if (getrandom(table_secret, sizeof(table_secret), 0) != sizeof(table_secret)) {
			snprintf(error, error_len, "no random numbers: %s", strerror(errno));
			return -1;
		}
		wanted.pipeline.table_secret = table_secret;
		for (unsigned port = 0; port < road->n_ports; port++)
			wanted.ethdev[port] = road->ports[port].ethdev;
		road->workers[i] = sl_worker_create(&wanted, error, error_len);
		if (road->workers[i] == NULL)
			return -1;
		road->n_workers++;
	}
	return 0;
}

int road_open(struct road *road, const struct sl_config *config, char *error, size_t error_len)
{
	static struct sl_port_config wanted[SL_PORTS_MAX];
	struct rte_mempool *pool;

	if (read_secret(road, config, error, error_len) != 0)
		return -1;
	load_learned(road, config);
	if (plan_ports(road, config, wanted, error, error_len) != 0 ||
	    plan_descriptors(road, config, wanted, error, error_len) != 0)
		return -1;
	pool = rte_pktmbuf_pool_create("packets", config->workers.buffers, POOL_CACHE,
				       SL_WORKER_PRIV_BYTES, data_room(road, config),
				       SOCKET_ID_ANY);
	if (pool == NULL) {
		snprintf(error, error_len,
			 "no memory for %u packet buffers: %s; raise -m in eal, reserve "
			 "hugepages, or lower workers.buffers",
			 config->workers.buffers, rte_strerror(rte_errno));
		return -1;
	}
	/* Workers before ports: they are the hungriest, and a port that runs fills up. */
	if (create_workers(road, config, pool, error, error_len) != 0 ||
	    open_ports(road, wanted, pool, error, error_len) != 0)
		return -1;
	return 0;
}

int road_start(struct road *road, char *error, size_t error_len)
{
	for (unsigned i = 0; i < road->n_workers; i++) {
		const int rc = sl_worker_start(road->workers[i]);

		if (rc != 0) {
			snprintf(error, error_len, "worker on core %u does not start: %s",
				 sl_worker_core(road->workers[i]), rte_strerror(-rc));
			return -1;
		}
	}
	return 0;
}

void road_stop(struct road *road)
{
	for (unsigned i = 0; i < road->n_workers; i++)
		sl_worker_stop(road->workers[i]);
}

void road_close(struct road *road)
{
	for (unsigned i = 0; i < road->n_workers; i++)
		sl_worker_destroy(road->workers[i]);
	road->n_workers = 0;
	sl_handover_destroy(road->handover);
	road->handover = NULL;
	for (unsigned port = 0; port < road->n_ports; port++)
		if (road->ports[port].n_queues > 0)
			sl_port_close(&road->ports[port]);
}
