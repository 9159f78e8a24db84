/* SPDX-License-Identifier: BSD-3-Clause */
#include "sl_l2.h"

#include "sl_bytes.h"

void sl_l2_init(struct sl_l2_table *t)
{
	memset(t, 0, sizeof(*t));
	for (uint16_t i = SL_L2_ENTRIES - 1; i > 0; i--) {
		t->entry[i].next = t->free;
		t->free = i;
	}
}

static uint16_t bucket_of(const struct sl_l2 *l2)
{
	uint64_t h = l2->len;

	for (unsigned i = 0; i < l2->len; i += 2)
		h = (h ^ sl_load_be16(l2->bytes + i)) * 0x9e3779b97f4a7c15ULL;
	return (uint16_t)((h >> 40) % SL_L2_BUCKETS);
}

uint16_t sl_l2_get(struct sl_l2_table *t, const struct sl_l2 *l2)
{
	const uint16_t b = bucket_of(l2);
	struct sl_l2_entry *e;
	uint16_t n;

	for (n = t->bucket[b]; n != SL_L2_NONE; n = t->entry[n].next) {
		e = &t->entry[n];
		if (e->l2.len == l2->len && memcmp(e->l2.bytes, l2->bytes, l2->len) == 0) {
			e->refs++;
			return n;
		}
	}
	n = t->free;
	if (n == SL_L2_NONE)
		return SL_L2_NONE;
	e = &t->entry[n];
	t->free = e->next;
	e->l2 = *l2;
	e->refs = 1;
	e->bucket = b;
	e->next = t->bucket[b];
	t->bucket[b] = n;
	return n;
}

bool sl_l2_get_both(struct sl_l2_table *t, const uint8_t *frame, unsigned len, uint16_t *there,
		    uint16_t *back)
{
	struct sl_l2 l2;

	if (sl_likely(t->last_there != SL_L2_NONE &&
		      sl_l2_equal(&t->entry[t->last_there].l2, frame, len))) {
		t->entry[t->last_there].refs++;
		t->entry[t->last_back].refs++;
		*there = t->last_there;
		*back = t->last_back;
		return true;
	}
	l2.len = (uint8_t)len;
	memcpy(l2.bytes, frame, len);
	*there = sl_l2_get(t, &l2);
	sl_wire_l2_swap(&l2);
	*back = sl_l2_get(t, &l2);
	if (*there == SL_L2_NONE || *back == SL_L2_NONE) {
		sl_l2_put(t, *there);
		sl_l2_put(t, *back);
		*there = *back = SL_L2_NONE;
		return false;
	}
	t->last_there = *there;
	t->last_back = *back;
	return true;
}

void sl_l2_put(struct sl_l2_table *t, uint16_t number)
{
	struct sl_l2_entry *e = &t->entry[number];
	uint16_t *link;

	if (number == SL_L2_NONE || --e->refs > 0)
		return;
	for (link = &t->bucket[e->bucket]; *link != number; link = &t->entry[*link].next)
		;
	if (number == t->last_there || number == t->last_back)
		t->last_there = SL_L2_NONE;
	*link = e->next;
	e->next = t->free;
	t->free = number;
}
