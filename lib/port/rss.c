/* SPDX-License-Identifier: BSD-3-Clause */
#include "sl_rss.h"

#include <string.h>

#include <rte_ethdev.h>

#define OUTSIDE_ONLY (RTE_ETH_RSS_L3_SRC_ONLY | RTE_ETH_RSS_L4_SRC_ONLY)
#define INSIDE_ONLY  (RTE_ETH_RSS_L3_DST_ONLY | RTE_ETH_RSS_L4_DST_ONLY)

static uint64_t wanted_types(const struct sl_rss_config *config)
{
	uint64_t hf = 0;

	if (config->ipv4)
		hf |= RTE_ETH_RSS_IPV4;
	if (config->ipv6)
		hf |= RTE_ETH_RSS_IPV6;
	if (config->tcp4)
		hf |= RTE_ETH_RSS_NONFRAG_IPV4_TCP;
	if (config->tcp6)
		hf |= RTE_ETH_RSS_NONFRAG_IPV6_TCP;
	return hf;
}

static enum sl_rss_how choose_how(const struct sl_rss_config *config, uint64_t offered)
{
	const uint64_t sides = OUTSIDE_ONLY | INSIDE_ONLY;

	if (config->how == SL_RSS_PERIODIC && (offered & sides) == sides)
		return SL_RSS_ONE_SIDED;
	return config->how;
}

void sl_rss_choose(const struct sl_rss_config *config, bool outside, uint64_t offered,
		   unsigned key_size, struct sl_rss_choice *choice)
{
	const uint64_t hf = wanted_types(config) & offered;

	memset(choice, 0, sizeof(*choice));
	/* TCP of either family that stayed in one queue would be one worker's, all of it. */
	if (config->how == SL_RSS_NONE || key_size < SL_RSS_KEY_MIN || key_size > SL_RSS_KEY_MAX ||
	    !(hf & RTE_ETH_RSS_NONFRAG_IPV4_TCP) || !(hf & RTE_ETH_RSS_NONFRAG_IPV6_TCP))
		return;
	choice->how = choose_how(config, offered);
	choice->hf = hf;
	choice->key_len = (uint8_t)key_size;
	if (choice->how == SL_RSS_ONE_SIDED)
		choice->hf |= outside ? OUTSIDE_ONLY : INSIDE_ONLY;
	for (unsigned i = 0; i < key_size; i++)
		choice->key[i] = config->random[choice->how == SL_RSS_PERIODIC ? i % 2 : i];
	/* Two equal bytes would repeat every 8 bits, equal bits make every hash the same. */
	if (choice->how == SL_RSS_PERIODIC && config->random[0] == config->random[1])
		for (unsigned i = 0; i < key_size; i += 2)
			choice->key[i] ^= 0x37;
}

const char *sl_rss_name(enum sl_rss_how how)
{
	switch (how) {
	case SL_RSS_NONE:
		break;
	case SL_RSS_PERIODIC:
		return "periodic key";
	case SL_RSS_ONE_SIDED:
		return "one-sided hash";
	case SL_RSS_SORTED:
		return "sorted hash";
	}
	return "not spread";
}
