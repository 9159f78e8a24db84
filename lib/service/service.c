/* SPDX-License-Identifier: BSD-3-Clause */
#include "sl_service.h"

#include "sl_bytes.h"

/* A function that names the members of an enum as the configuration does, by its X-macro. */
#define X(id, name) name,
#define NAMES(function, type, list)                           \
	const char *function(enum type value)                 \
	{                                                     \
		static const char *const names[] = {list(X)}; \
                                                              \
		return names[value];                          \
	}

NAMES(sl_service_mode_name, sl_service_mode, SL_SERVICE_MODES)
NAMES(sl_respond_server_name, sl_respond_server, SL_SERVERS)
NAMES(sl_cookies_policy_name, sl_cookies_policy, SL_COOKIES_POLICIES)
NAMES(sl_timestamps_policy_name, sl_timestamps_policy, SL_TIMESTAMPS_POLICIES)
NAMES(sl_strays_name, sl_strays, SL_STRAYS)
NAMES(sl_one_way_policy_name, sl_one_way_policy, SL_ONE_WAY_POLICIES)

#undef NAMES
#undef X

static void mask(struct sl_addr *out, const struct sl_addr *a, unsigned len)
{
	uint8_t *b = out->b;

	*out = *a;
	if (len < 128) {
		b[len / 8] = (uint8_t)(b[len / 8] & (0xff00 >> len % 8));
		memset(b + len / 8 + 1, 0, 15 - len / 8);
	}
}

/*
 * Where a prefix is looked for first. Not keyed: only the operator puts prefixes in, and the table
 * is a quarter full at most, so no address that a stranger sends makes a search long.
 */
static unsigned slot_of(const struct sl_addr *net, unsigned len)
{
	uint64_t h = (sl_load_le64(net->b) ^ len) * 0x9e3779b97f4a7c15ULL;

	/* An address's last bytes are the highest here, and a product carries nothing downward. */
	h ^= sl_load_le64(net->b + 8);
	h = (h ^ h >> 32) * 0xd6e8feb86659fd93ULL;
	h = (h ^ h >> 32) * 0xd6e8feb86659fd93ULL;
	return (unsigned)(h >> 40) % SL_SERVICE_SLOTS;
}

/* The slot that holds the prefix, or the free one where it would go. */
static unsigned find_slot(const struct sl_service_table *t, const struct sl_addr *net, unsigned len)
{
	unsigned s = slot_of(net, len);

	for (; t->slot[s] != 0; s = (s + 1) % SL_SERVICE_SLOTS) {
		const struct sl_service *service = &t->service[t->slot[s]];

		if (service->prefix_len == len && sl_addr_equal(&service->net, net))
			break;
	}
	return s;
}

/*
 * Prefixes to be tried for `addr`, from the longest. An IPv4 address is none of an IPv6 prefix,
 * though its mapped form lies in ::/0.
 */
static unsigned n_lens_for(const struct sl_service_table *t, const struct sl_addr *addr)
{
	return sl_addr_is_v4(addr) ? t->n_lens_v4 : t->n_lens;
}

static void add_len(struct sl_service_table *t, uint8_t len)
{
	unsigned i = 0, at;

	while (i < t->n_lens && t->lens[i] > len)
		i++;
	if (i < t->n_lens && t->lens[i] == len)
		return;
	for (at = t->n_lens++; at > i; at--)
		t->lens[at] = t->lens[at - 1];
	t->lens[i] = len;
	if (len >= SL_SERVICE_V4_BITS)
		t->n_lens_v4++;
}

void sl_service_table_init(struct sl_service_table *t, const struct sl_service *services,
			   unsigned n)
{
	memset(t, 0, sizeof(*t));
	assert(n < SL_SERVICES_MAX);
	t->n = (uint16_t)n;
	for (uint16_t number = 1; number <= n; number++) {
		struct sl_service *s = &t->service[number];
		unsigned slot;

		*s = services[number - 1];
		if (s->retired) {
			t->n_retired++;
			continue;
		}
		mask(&s->net, &s->net, s->prefix_len);
		slot = find_slot(t, &s->net, s->prefix_len);
		t->next[number] = t->slot[slot];
		t->slot[slot] = number;
		add_len(t, s->prefix_len);
	}
}

uint16_t sl_service_find(const struct sl_service_table *t, const struct sl_addr *addr,
			 uint16_t port)
{
	const unsigned n_lens = n_lens_for(t, addr);

	for (unsigned i = 0; i < n_lens; i++) {
		struct sl_addr net;

		mask(&net, addr, t->lens[i]);
		for (uint16_t n = t->slot[find_slot(t, &net, t->lens[i])]; n != 0; n = t->next[n])
			if (port >= t->service[n].port_lo && port <= t->service[n].port_hi)
				return n;
	}
	return SL_SERVICE_NONE;
}

uint16_t sl_service_find_addr(const struct sl_service_table *t, const struct sl_addr *addr)
{
	const unsigned n_lens = n_lens_for(t, addr);
	uint16_t strictest = SL_SERVICE_NONE;

	for (unsigned i = 0; i < n_lens; i++) {
		struct sl_addr net;

		mask(&net, addr, t->lens[i]);
		for (uint16_t n = t->slot[find_slot(t, &net, t->lens[i])]; n != 0; n = t->next[n])
			if (strictest == SL_SERVICE_NONE ||
			    t->service[n].mode > t->service[strictest].mode)
				strictest = n;
	}
	return strictest;
}

static bool contains(const struct sl_service *a, const struct sl_addr *net, unsigned len)
{
	struct sl_addr theirs, ours;

	if (a->prefix_len > len || (sl_addr_is_v4(net) && a->prefix_len < SL_SERVICE_V4_BITS))
		return false;
	mask(&ours, &a->net, a->prefix_len);
	mask(&theirs, net, a->prefix_len);
	return sl_addr_equal(&ours, &theirs);
}

bool sl_service_covers(const struct sl_service *a, const struct sl_service *b)
{
	return contains(a, &b->net, b->prefix_len) && a->port_lo <= b->port_lo &&
	       a->port_hi >= b->port_hi;
}

bool sl_service_overlap(const struct sl_service *a, const struct sl_service *b)
{
	return (contains(a, &b->net, b->prefix_len) || contains(b, &a->net, a->prefix_len)) &&
	       a->port_lo <= b->port_hi && b->port_lo <= a->port_hi;
}
