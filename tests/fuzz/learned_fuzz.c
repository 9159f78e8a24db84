/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whatever the state file holds: it is what servers grant, or it is refused and nothing is known.
 * What was read finds its own place again.
 */
#include <assert.h>

#include "sl_learned_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct sl_learned_now now = {.unix_s = 1800000000, .monotonic_s = 5000};
	static struct sl_learned_table t;
	char error[64] = "";
	const int rc = sl_learned_read((const char *)data, size, &now, &t, error, sizeof(error));

	assert((rc == 0) == (error[0] == '\0'));
	for (unsigned i = 0; i < SL_LEARNED_SLOTS; i++) {
		const struct sl_learned *l = &t.slot[i];

		if (l->port == 0)
			continue;
		assert(rc == 0 && sl_learned_get(&t, &l->addr, l->port) == l);
		assert(l->confirmed_s <= now.monotonic_s && l->timestamps <= 1);
		assert(now.monotonic_s - l->confirmed_s <= SL_LEARNED_LIFE_S);
	}
	return 0;
}
