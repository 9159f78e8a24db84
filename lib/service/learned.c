/* SPDX-License-Identifier: BSD-3-Clause */
#include "sl_learned.h"

#include "sl_bytes.h"

static unsigned slot_of(const struct sl_addr *addr, uint16_t port)
{
	uint64_t h = (sl_load_le64(addr->b) ^ port) * 0x9e3779b97f4a7c15ULL;

	/* An address's last bytes are the highest here, and a product carries nothing downward. */
	h ^= sl_load_le64(addr->b + 8);
	h = (h ^ h >> 32) * 0xd6e8feb86659fd93ULL;
	h = (h ^ h >> 32) * 0xd6e8feb86659fd93ULL;
	return (unsigned)(h >> 40) % SL_LEARNED_SLOTS;
}

const struct sl_learned *sl_learned_get(const struct sl_learned_table *t,
					const struct sl_addr *addr, uint16_t port)
{
	const struct sl_learned *l = &t->slot[slot_of(addr, port)];

	return l->port == port && sl_addr_equal(&l->addr, addr) ? l : NULL;
}

void sl_learned_merge(struct sl_learned_table *t, const struct sl_learned_table *other)
{
	for (unsigned i = 0; i < SL_LEARNED_SLOTS; i++) {
		const struct sl_learned *theirs = &other->slot[i];
		struct sl_learned *mine = &t->slot[i];

		if (theirs->port != 0 &&
		    (mine->port == 0 || theirs->confirmed_s > mine->confirmed_s))
			*mine = *theirs;
	}
}

struct sl_learned *sl_learned_put(struct sl_learned_table *t, const struct sl_addr *addr,
				  uint16_t port)
{
	struct sl_learned *l = &t->slot[slot_of(addr, port)];

	if (l->port != port || !sl_addr_equal(&l->addr, addr)) {
		memset(l, 0, sizeof(*l));
		l->addr = *addr;
		l->port = port;
	}
	return l;
}
