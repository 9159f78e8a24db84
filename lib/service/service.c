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

static bool has_prefix(const struct sl_service *s, const struct sl_addr *net, unsigned len)
{
	return s->prefix_len == len && sl_addr_equal(&s->net, net);
}

/* The slot that holds the prefix, or the free one where it would go. */
static unsigned find_slot(const struct sl_service_table *t, const struct sl_addr *net, unsigned len)
{
	unsigned s = slot_of(net, len);

	while (t->slot[s].number != 0 && !has_prefix(&t->service[t->slot[s].number], net, len))
		s = (s + 1) % SL_SERVICE_SLOTS;
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

/* By prefix, then by port. */
static bool is_before(const struct sl_service *a, const struct sl_service *b)
{
	const int net = memcmp(&a->net, &b->net, sizeof(a->net));

	if (a->prefix_len != b->prefix_len)
		return a->prefix_len < b->prefix_len;
	return net != 0 ? net < 0 : a->port_lo < b->port_lo;
}

/* Puts service `number` in its place among `n` ranges. */
static void add_range(struct sl_service_table *t, unsigned n, uint16_t number)
{
	const struct sl_service *s = &t->service[number];

	for (; n > 0 && is_before(s, &t->service[t->range[n - 1].number]); n--)
		t->range[n] = t->range[n - 1];
	t->range[n] = (struct sl_service_range){s->port_lo, s->port_hi, number};
}

/* Gives the service of range `i`, the next in their order, its place in the slot of its prefix. */
static void add_to_slot(struct sl_service_table *t, unsigned i)
{
	const uint16_t number = t->range[i].number;
	const struct sl_service *s = &t->service[number];
	struct sl_service_slot *slot = &t->slot[find_slot(t, &s->net, s->prefix_len)];

	if (slot->n++ == 0)
		slot->first = (uint8_t)i;
	if (slot->number == SL_SERVICE_NONE || s->mode > t->service[slot->number].mode)
		slot->number = number;
	add_len(t, s->prefix_len);
}

void sl_service_table_init(struct sl_service_table *t, const struct sl_service *services,
			   unsigned n)
{
	unsigned n_ranges = 0;

	memset(t, 0, sizeof(*t));
	assert(n < SL_SERVICES_MAX);
	t->n = (uint16_t)n;
	for (uint16_t number = 1; number <= n; number++) {
		struct sl_service *s = &t->service[number];

		*s = services[number - 1];
		if (s->retired) {
			t->n_retired++;
			continue;
		}
		mask(&s->net, &s->net, s->prefix_len);
		add_range(t, n_ranges++, number);
	}
	for (unsigned i = 0; i < n_ranges; i++)
		add_to_slot(t, i);
}

/* The service of a slot that has the port, or 0: their ranges do not overlap. */
static uint16_t find_port(const struct sl_service_table *t, struct sl_service_slot slot,
			  uint16_t port)
{
	const struct sl_service_range *range = &t->range[slot.first];

	for (unsigned n = slot.n, half; n > 1; n -= half) {
		half = n / 2;
		range += port >= range[half].lo ? half : 0;
	}
	return slot.n != 0 && port >= range->lo && port <= range->hi ? range->number
								     : SL_SERVICE_NONE;
}

uint16_t sl_service_find(const struct sl_service_table *t, const struct sl_addr *addr,
			 uint16_t port)
{
	const unsigned n_lens = n_lens_for(t, addr);
	uint16_t found = SL_SERVICE_NONE;

	for (unsigned i = 0; i < n_lens && found == SL_SERVICE_NONE; i++) {
		struct sl_addr net;

		mask(&net, addr, t->lens[i]);
		found = find_port(t, t->slot[find_slot(t, &net, t->lens[i])], port);
	}
	return found;
}

uint16_t sl_service_find_addr(const struct sl_service_table *t, const struct sl_addr *addr)
{
	const unsigned n_lens = n_lens_for(t, addr);
	uint16_t strictest = SL_SERVICE_NONE;

	for (unsigned i = 0; i < n_lens; i++) {
		struct sl_addr net;
		uint16_t n;

		mask(&net, addr, t->lens[i]);
		n = t->slot[find_slot(t, &net, t->lens[i])].number;
		if (n != SL_SERVICE_NONE && (strictest == SL_SERVICE_NONE ||
					     t->service[n].mode > t->service[strictest].mode))
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
