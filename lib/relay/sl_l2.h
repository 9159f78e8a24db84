/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Link-layer headers, interned: a connection stores two numbers instead of two headers, since a
 * box sees few different ones. Reference counted; one table a worker, which alone uses it.
 */
#ifndef SL_L2_H
#define SL_L2_H

#include "sl_wire.h"

SL_BEGIN_DECLS

enum { SL_L2_ENTRIES = 4096, SL_L2_BUCKETS = 1024, SL_L2_NONE = 0 };

struct sl_l2_entry {
	struct sl_l2 l2;
	uint8_t pad;
	uint16_t next; /**< in its bucket, or in the free list */
	uint16_t bucket;
	uint32_t refs;
};

struct sl_l2_table {
	uint16_t bucket[SL_L2_BUCKETS]; /**< first entry, 0 for none */
	uint16_t free;
	uint16_t last_there, last_back; /**< what sl_l2_get_both gave last; 0 when it is gone */
	struct sl_l2_entry entry[SL_L2_ENTRIES]; /**< [0] is nobody's */
};

void sl_l2_init(struct sl_l2_table *t);

/** The number of header `l2`, with one more reference; SL_L2_NONE when the table is full. */
uint16_t sl_l2_get(struct sl_l2_table *t, const struct sl_l2 *l2);

/**
 * The numbers of the header of a frame, whose own is `len` bytes long, and of that for the way
 * back, each with one more reference. Nearly all frames of a link begin alike: the last pair is
 * tried first. Returns false, and SL_L2_NONE for both, when the table is full.
 */
bool sl_l2_get_both(struct sl_l2_table *t, const uint8_t *frame, unsigned len, uint16_t *there,
		    uint16_t *back);

/** Gives a reference back; SL_L2_NONE is fine. */
void sl_l2_put(struct sl_l2_table *t, uint16_t number);

SL_END_DECLS

#endif
