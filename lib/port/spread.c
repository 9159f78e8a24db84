/* SPDX-License-Identifier: BSD-3-Clause */
/* Tells a device how to spread over its queues, and does not believe it. */
#include <errno.h>
#include <string.h>

#include <rte_flow.h>

#include "port.h"

enum { RETA_MAX = 4096 };

static void choose(const struct sl_port_config *config, const struct rte_eth_dev_info *info,
		   struct sl_rss_choice *choice)
{
	sl_rss_choose(&config->rss, config->outside, info->flow_type_rss_offloads,
		      info->hash_key_size, choice);
}

bool sl_port_can_spread(const struct sl_port *port, const struct sl_port_config *config)
{
	struct rte_eth_dev_info info;
	struct sl_rss_choice choice;

	if (rte_eth_dev_info_get(port->ethdev, &info) != 0 ||
	    config->n_queues > info.max_rx_queues || config->n_queues > info.max_tx_queues)
		return false;
	choose(config, &info, &choice);
	return choice.how != SL_RSS_NONE;
}

void port_rss_configure(const struct sl_port_config *config, const struct rte_eth_dev_info *info,
			struct rte_eth_conf *conf)
{
	static struct sl_rss_choice choice; /* the device reads its key until it is started */

	choose(config, info, &choice);
	conf->rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
	conf->rx_adv_conf.rss_conf = (struct rte_eth_rss_conf){
		.rss_key = choice.key,
		.rss_key_len = choice.key_len,
		.rss_hf = choice.hf,
	};
}

/* Deals the hashes out over the queues in one way for all devices. */
static int set_table(const struct sl_port *port, const struct rte_eth_dev_info *info)
{
	struct rte_eth_rss_reta_entry64 table[RETA_MAX / RTE_ETH_RETA_GROUP_SIZE] = {0};

	if (info->reta_size == 0 || info->reta_size > RETA_MAX)
		return -ENOTSUP;
	for (unsigned i = 0; i < info->reta_size; i++) {
		struct rte_eth_rss_reta_entry64 *group = &table[i / RTE_ETH_RETA_GROUP_SIZE];

		group->mask = UINT64_MAX;
		group->reta[i % RTE_ETH_RETA_GROUP_SIZE] = (uint16_t)(i % port->n_queues);
	}
	return rte_eth_dev_rss_reta_update(port->ethdev, table, info->reta_size);
}

/* Whether the device hashes with the key and the fields that it was told. */
static bool took(const struct sl_port *port, const struct sl_rss_choice *choice)
{
	uint8_t key[SL_RSS_KEY_MAX] = {0};
	struct rte_eth_rss_conf now = {.rss_key = key, .rss_key_len = choice->key_len};

	return rte_eth_dev_rss_hash_conf_get(port->ethdev, &now) == 0 &&
	       memcmp(key, choice->key, choice->key_len) == 0 &&
	       (now.rss_hf & choice->hf) == choice->hf;
}

static bool rule(const struct sl_port *port, const struct rte_flow_item *pattern,
		 const struct rte_flow_action_rss *rss)
{
	const struct rte_flow_attr ingress = {.ingress = 1};
	const struct rte_flow_action actions[] = {
		{.type = RTE_FLOW_ACTION_TYPE_RSS, .conf = rss},
		{.type = RTE_FLOW_ACTION_TYPE_END},
	};
	struct rte_flow_error why;

	return rte_flow_create(port->ethdev, &ingress, pattern, actions, &why) != NULL;
}

/* The sorted hash is asked for by rules: one that names the queues, which not every device wants,
 * and one for each kind of packet, which every device needs. */
static bool sort(const struct sl_port *port, const struct sl_rss_choice *choice)
{
	static const struct {
		enum rte_flow_item_type ip;
		uint64_t type;
	} kinds[] = {
		{RTE_FLOW_ITEM_TYPE_IPV4, RTE_ETH_RSS_NONFRAG_IPV4_TCP},
		{RTE_FLOW_ITEM_TYPE_IPV6, RTE_ETH_RSS_NONFRAG_IPV6_TCP},
	};
	const struct rte_flow_item any[] = {{.type = RTE_FLOW_ITEM_TYPE_END}};
	struct rte_flow_action_rss rss = {.queue_num = port->n_queues};
	struct rte_flow_error why;
	uint16_t queues[RTE_MAX_QUEUES_PER_PORT];
	bool done = true;

	for (uint16_t q = 0; q < port->n_queues; q++)
		queues[q] = q;
	rss.queue = queues;
	(void)rule(port, any, &rss);
	for (unsigned i = 0; i < RTE_DIM(kinds) && done; i++) {
		const struct rte_flow_item pattern[] = {
			{.type = RTE_FLOW_ITEM_TYPE_ETH},
			{.type = kinds[i].ip},
			{.type = RTE_FLOW_ITEM_TYPE_TCP},
			{.type = RTE_FLOW_ITEM_TYPE_END},
		};

		rss = (struct rte_flow_action_rss){
			.func = RTE_ETH_HASH_FUNCTION_SYMMETRIC_TOEPLITZ,
			.types = kinds[i].type & choice->hf,
			.key = choice->key,
			.key_len = choice->key_len,
		};
		done = rule(port, pattern, &rss);
		if (done)
			continue;
		/* Some put a key of their own into a rule without one, others refuse a key. */
		rss.key = NULL;
		rss.key_len = 0;
		done = rule(port, pattern, &rss);
	}
	if (!done)
		(void)rte_flow_flush(port->ethdev, &why);
	return done;
}

/* What a key alone can do, on a device that was to sort and does not. */
static void fall_back(const struct sl_port *port, const struct sl_port_config *config,
		      const struct rte_eth_dev_info *info, struct sl_rss_choice *choice)
{
	struct sl_port_config plain = *config;
	struct rte_eth_rss_conf conf;

	LOG(WARNING, "does not take the rules of a sorted hash", port->name);
	plain.rss.how = SL_RSS_PERIODIC;
	choose(&plain, info, choice);
	conf = (struct rte_eth_rss_conf){
		.rss_key = choice->key,
		.rss_key_len = choice->key_len,
		.rss_hf = choice->hf,
	};
	(void)rte_eth_dev_rss_hash_update(port->ethdev, &conf);
}

enum sl_rss_how port_rss_settle(const struct sl_port *port, const struct sl_port_config *config,
				const struct rte_eth_dev_info *info)
{
	struct sl_rss_choice choice;

	choose(config, info, &choice);
	if (choice.how == SL_RSS_SORTED && !sort(port, &choice))
		fall_back(port, config, info, &choice);
	if (set_table(port, info) != 0 || !took(port, &choice)) {
		LOG(WARNING, "does not spread as it was told", port->name);
		return SL_RSS_NONE;
	}
	if (choice.how == SL_RSS_PERIODIC)
		LOG(NOTICE, "spreads by a key of 16 random bits; some NICs can do better",
		    port->name);
	return choice.how;
}
