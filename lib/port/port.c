/* SPDX-License-Identifier: BSD-3-Clause */
#include "port.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_bus.h>
#include <rte_dev.h>
#include <rte_devargs.h>
#include <rte_errno.h>

static void list_ports(char *text, size_t size)
{
	size_t used = 0;
	uint16_t id;

	text[0] = '\0';
	RTE_ETH_FOREACH_DEV(id)
	{
		char name[RTE_ETH_NAME_MAX_LEN];

		if (rte_eth_dev_get_name_by_port(id, name) == 0 && used < size)
			used += (size_t)snprintf(text + used, size - used, "%s%s",
						 used > 0 ? ", " : "", name);
	}
	if (used == 0)
		snprintf(text, size, "none");
}

int sl_port_find(struct sl_port *port, const char *name, char *error, size_t error_len)
{
	struct rte_eth_dev_info info;
	char there[512];

	memset(port, 0, sizeof(*port));
	snprintf(port->name, sizeof(port->name), "%s", name);
	if (rte_eth_dev_get_port_by_name(name, &port->ethdev) != 0) {
		list_ports(there, sizeof(there));
		snprintf(error, error_len,
			 "port %s is not there (there are: %s); a virtual port needs its --vdev= "
			 "in eal, a NIC has to be bound: dpdk-devbind.py --bind=vfio-pci %s",
			 name, there, name);
		return -1;
	}
	if (rte_eth_dev_info_get(port->ethdev, &info) != 0) {
		snprintf(error, error_len, "port %s does not say what it can", name);
		return -1;
	}
	snprintf(port->driver, sizeof(port->driver), "%s", info.driver_name);
	snprintf(port->bus, sizeof(port->bus), "%s", rte_bus_name(rte_dev_bus(info.device)));
	if (rte_dev_devargs(info.device) != NULL)
		snprintf(port->args, sizeof(port->args), "%s", rte_dev_devargs(info.device)->args);
	port_interface_find(port, info.if_index);
	port->rss_entries = info.reta_size;
	return 0;
}

/* The offloads among `wanted` that the device has; a line in the log for each that it lacks. */
static uint64_t mask_offloads(const struct sl_port *port, uint64_t wanted, uint64_t offered)
{
	for (uint64_t bit = 1; bit != 0; bit <<= 1)
		if (wanted & bit && !(offered & bit))
			LOG(INFO, "has no %s; done in software", port->name,
			    rte_eth_dev_rx_offload_name(bit));
	return wanted & offered;
}

static int configure(struct sl_port *port, const struct sl_port_config *config,
		     const struct rte_eth_dev_info *info)
{
	struct rte_eth_conf conf = {.rxmode = {.mq_mode = RTE_ETH_MQ_RX_NONE}};
	uint64_t wanted = 0;

	if (config->rx_ip_cksum)
		wanted |= RTE_ETH_RX_OFFLOAD_IPV4_CKSUM;
	if (config->rx_tcp_cksum)
		wanted |= RTE_ETH_RX_OFFLOAD_TCP_CKSUM;
	conf.rxmode.offloads = mask_offloads(port, wanted, info->rx_offload_capa);
	port->rx_ip_cksum = conf.rxmode.offloads & RTE_ETH_RX_OFFLOAD_IPV4_CKSUM;
	port->rx_tcp_cksum = conf.rxmode.offloads & RTE_ETH_RX_OFFLOAD_TCP_CKSUM;
	if (info->max_mtu >= config->mtu && info->min_mtu <= config->mtu)
		conf.rxmode.mtu = config->mtu;
	if (config->n_queues > 1)
		port_rss_configure(config, info, &conf);
	port->n_queues = config->n_queues;
	return rte_eth_dev_configure(port->ethdev, config->n_queues, config->n_queues, &conf);
}

static int set_up_queues(struct sl_port *port, const struct sl_port_config *config)
{
	const int socket = rte_eth_dev_socket_id(port->ethdev);
	int rc;

	port->rx_descriptors = config->rx_descriptors;
	port->tx_descriptors = config->tx_descriptors;
	rc = rte_eth_dev_adjust_nb_rx_tx_desc(port->ethdev, &port->rx_descriptors,
					      &port->tx_descriptors);
	for (uint16_t q = 0; q < config->n_queues && rc == 0; q++) {
		rc = rte_eth_rx_queue_setup(port->ethdev, q, port->rx_descriptors, (unsigned)socket,
					    NULL, config->pool);
		if (rc == 0)
			rc = rte_eth_tx_queue_setup(port->ethdev, q, port->tx_descriptors,
						    (unsigned)socket, NULL);
	}
	return rc;
}

static void set_mtu(struct sl_port *port, uint16_t mtu)
{
	uint16_t now = 0;

	if (rte_eth_dev_get_mtu(port->ethdev, &now) == 0 && now == mtu) {
		port->mtu = mtu;
		return;
	}
	if (rte_eth_dev_set_mtu(port->ethdev, mtu) == 0) {
		port->mtu = mtu;
		return;
	}
	port->mtu = now;
	LOG(WARNING, "its MTU stays at %u, the link's is %u", port->name, now, mtu);
}

int sl_port_start(struct sl_port *port, const struct sl_port_config *config, char *error,
		  size_t error_len)
{
	const char *step = "be looked at";
	struct rte_eth_dev_info info;
	int rc = rte_eth_dev_info_get(port->ethdev, &info);

	port->config = *config;
	if (rc == 0) {
		step = "be configured";
		rc = configure(port, config, &info);
	}
	if (rc == 0) {
		step = "set up its queues";
		rc = set_up_queues(port, config);
	}
	if (rc == 0) {
		set_mtu(port, config->mtu);
		step = "be started";
		rc = rte_eth_dev_start(port->ethdev);
	}
	if (rc != 0) {
		snprintf(error, error_len, "port %s (%s) can't %s: %s%s", port->name, port->driver,
			 step, rte_strerror(-rc),
			 rc == -EPERM || rc == -EACCES
				 ? "; it needs CAP_NET_ADMIN and CAP_NET_RAW: run as root"
				 : "");
		return -1;
	}
	port->rss = config->n_queues > 1 ? port_rss_settle(port, config, &info) : SL_RSS_NONE;
	/* A bump in the wire takes frames for whomever they are. */
	rc = rte_eth_promiscuous_enable(port->ethdev);
	if (rc != 0)
		LOG(WARNING, "not promiscuous: %s", port->name, rte_strerror(-rc));
	return 0;
}

void sl_port_stop(struct sl_port *port)
{
	(void)rte_eth_dev_stop(port->ethdev);
}

/* What the kernel's socket has not sent ends with the socket, and only so: stopping the device
 * leaves both as they are. */
static int replug(struct sl_port *port, char *error, size_t error_len)
{
	struct sl_port again;

	(void)rte_eal_hotplug_remove(port->bus, port->name);
	port->ethdev = RTE_MAX_ETHPORTS;
	if (rte_eal_hotplug_add(port->bus, port->name, port->args) != 0) {
		snprintf(error, error_len, "port %s can't be made again with %s: %s", port->name,
			 port->args, rte_strerror(rte_errno));
		return -1;
	}
	if (sl_port_find(&again, port->name, error, error_len) != 0)
		return -1;
	port->ethdev = again.ethdev;
	if (again.if_index != port->if_index) { /* another interface has counters of its own */
		port->sent_before = again.sent_before;
		port->tx_lost_before = again.tx_lost_before;
	}
	port->if_index = again.if_index;
	return 0;
}

int sl_port_restart(struct sl_port *port, char *error, size_t error_len)
{
	const struct sl_port_config config = port->config;

	if (!port->sent_by_kernel) {
		(void)rte_eth_dev_stop(port->ethdev);
	} else {
		sl_port_counters(port, &port->kept);
		if (replug(port, error, error_len) != 0)
			return -1;
	}
	return sl_port_start(port, &config, error, error_len);
}

void sl_port_close(struct sl_port *port)
{
	(void)rte_eth_dev_stop(port->ethdev);
	(void)rte_eth_dev_close(port->ethdev);
}

/* By what the device says; a device leaves room for two tags beside its MTU. */
static struct sl_frame_limit limit_of(const struct sl_port *port)
{
	uint16_t mtu = 0;

	if (rte_eth_dev_get_mtu(port->ethdev, &mtu) != 0 || mtu < PORT_MTU_MIN)
		mtu = port->config.mtu;
	return (struct sl_frame_limit){mtu, (uint16_t)(mtu + PORT_ETHER_HDR + 2 * PORT_TAG)};
}

void sl_port_counters(const struct sl_port *port, struct sl_port_counters *counters)
{
	struct rte_eth_stats stats;
	struct rte_eth_link link;

	*counters = port->kept;
	counters->link_up = false;
	if (rte_eth_stats_get(port->ethdev, &stats) == 0) {
		counters->rx += stats.ipackets;
		counters->tx += stats.opackets;
		counters->tx_lost += stats.oerrors;
		counters->nic_missed += stats.imissed;
		counters->nic_nombuf += stats.rx_nombuf;
		counters->nic_errors += stats.ierrors;
	}
	counters->sent = counters->tx;
	counters->limit = limit_of(port);
	counters->present = rte_eth_dev_is_valid_port(port->ethdev);
	if (port->if_index != 0)
		port_interface_look(port, counters);
	else if (rte_eth_link_get_nowait(port->ethdev, &link) == 0)
		counters->link_up = link.link_status == RTE_ETH_LINK_UP;
}

int sl_port_set_link(const struct sl_port *port, bool up)
{
	if (port->if_index != 0)
		return port_interface_set(port, up);
	return up ? rte_eth_dev_set_link_up(port->ethdev) : rte_eth_dev_set_link_down(port->ethdev);
}

void sl_port_get_mac(const struct sl_port *port, uint8_t mac[6])
{
	struct rte_ether_addr addr = {0};

	(void)rte_eth_macaddr_get(port->ethdev, &addr);
	memcpy(mac, addr.addr_bytes, sizeof(addr.addr_bytes));
}
