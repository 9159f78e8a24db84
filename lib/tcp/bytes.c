/* SPDX-License-Identifier: BSD-3-Clause */
#include "bytes.h"

#include <string.h>

#include "sl_seq.h"

void tcp_pool_init(struct tcp_pool *pool, void *memory, uint32_t n)
{
	struct tcp_block *block = (struct tcp_block *)memory;

	pool->free = NULL;
	pool->n_free = pool->n_blocks = n;
	for (uint32_t i = n; i > 0; i--) {
		block[i - 1].next = pool->free;
		pool->free = &block[i - 1];
	}
}

struct tcp_block *tcp_pool_take(struct tcp_pool *pool)
{
	struct tcp_block *block = pool->free;

	if (block == NULL)
		return NULL;
	pool->free = block->next;
	pool->n_free--;
	sl_prefetch_write(pool->free); /* NULL is fine */
	block->next = NULL;
	return block;
}

void tcp_pool_give(struct tcp_pool *pool, struct tcp_block *block)
{
	block->next = pool->free;
	pool->free = block;
	pool->n_free++;
}

/* The number of the block that a position is in, and its place there. */
static uint32_t number_of(uint32_t at)
{
	return at / TCP_BLOCK;
}

static uint32_t place_of(uint32_t at)
{
	return at % TCP_BLOCK;
}

/* Puts a block behind the last. */
static void link_tail(struct tcp_bytes *b, struct tcp_block *block)
{
	block->next = NULL;
	if (b->tail == NULL)
		b->head = block;
	else
		b->tail->next = block;
	b->tail = block;
}

/* Whether the byte at `to` needs a block that is not there yet. */
static bool wants_block(const struct tcp_bytes *b)
{
	return b->tail == NULL || (place_of(b->to) == 0 && b->to != b->from);
}

/* In a stream of long pieces the next block is wanted soon: it comes while this one is written. */
static void fetch(const struct tcp_block *next)
{
	for (unsigned i = 0; next != NULL && i < TCP_BLOCK; i += SL_CACHE_LINE)
		sl_prefetch_write(next->bytes + i);
}

uint32_t tcp_bytes_append(struct tcp_bytes *b, struct tcp_pool *pool, const void *data,
			  uint32_t len)
{
	const uint8_t *from = (const uint8_t *)data;
	uint32_t done = 0;

	while (done < len) {
		const uint32_t place = place_of(b->to);
		const uint32_t n = sl_min_u32(len - done, TCP_BLOCK - place);

		if (wants_block(b)) {
			struct tcp_block *block = tcp_pool_take(pool);

			if (block == NULL)
				break;
			link_tail(b, block);
			if (len >= TCP_BLOCK / 2)
				fetch(pool->free);
		}
		if (from != NULL)
			memcpy(b->tail->bytes + place, from + done, n);
		b->to += n;
		done += n;
	}
	return done;
}

/* Gives up the blocks before that of position `to`, and with `all` that one as well. */
static void drop(struct tcp_bytes *b, struct tcp_pool *pool, uint32_t to, bool all)
{
	assert(to - b->from <= b->to - b->from);
	while (b->head != NULL && (all || number_of(b->from) != number_of(to))) {
		struct tcp_block *block = b->head;

		b->head = block->next;
		if (b->head == NULL)
			b->tail = NULL;
		tcp_pool_give(pool, block);
		b->from = (number_of(b->from) + 1) * TCP_BLOCK;
	}
	b->from = to;
}

void tcp_bytes_drop(struct tcp_bytes *b, struct tcp_pool *pool, uint32_t to)
{
	drop(b, pool, to, to == b->to);
}

uint32_t tcp_bytes_at(const struct tcp_bytes *b, uint32_t at, uint8_t **bytes,
		      struct tcp_cursor *cursor)
{
	const uint32_t left = b->to - at, first = number_of(b->from), number = number_of(at);
	const uint32_t mask = UINT32_MAX / TCP_BLOCK; /* of numbers */
	uint32_t ahead = (number - first) & mask;
	struct tcp_block *block = b->head;

	assert(at - b->from <= b->to - b->from);
	if (left == 0)
		return 0;
	/* One that is behind `from` has gone. */
	if (cursor != NULL && cursor->block != NULL && ((cursor->number - first) & mask) <= ahead) {
		block = cursor->block;
		ahead = (number - cursor->number) & mask;
	}
	while (ahead-- > 0)
		block = block->next;
	if (cursor != NULL)
		*cursor = (struct tcp_cursor){block, number};
	*bytes = block->bytes + place_of(at);
	return sl_min_u32(left, TCP_BLOCK - place_of(at));
}

void tcp_bytes_free(struct tcp_bytes *b, struct tcp_pool *pool)
{
	tcp_bytes_drop(b, pool, b->to);
}

static struct tcp_ahead *ahead_of(const struct tcp_received *r)
{
	return (struct tcp_ahead *)(void *)r->ahead->bytes;
}

static struct tcp_block **slot_of(const struct tcp_received *r, uint32_t number)
{
	return &ahead_of(r)->block[number % TCP_AHEAD_BLOCKS];
}

/* The number of the block after the last in order. */
static uint32_t next_number(const struct tcp_bytes *b)
{
	return number_of(b->to) + (b->tail != NULL && !wants_block(b));
}

/* Where the block is, or shall be, that is no earlier than the last in order. */
static struct tcp_block **find(struct tcp_received *r, uint32_t number)
{
	return number == next_number(&r->bytes) - 1 ? &r->bytes.tail : slot_of(r, number);
}

/* Sees to it that there are blocks for `len` bytes, more than none, from `at` on. */
static bool ensure(struct tcp_received *r, struct tcp_pool *pool, uint32_t at, uint32_t len)
{
	const uint32_t last = number_of(at + len - 1);

	for (uint32_t number = number_of(at);; number = number_of((number + 1) * TCP_BLOCK)) {
		struct tcp_block **block = find(r, number);

		if (*block == NULL && (*block = tcp_pool_take(pool)) == NULL)
			return false;
		if (number == last)
			return true;
	}
}

static void copy(struct tcp_received *r, uint32_t at, const uint8_t *data, uint32_t len)
{
	while (len > 0) {
		const uint32_t place = place_of(at), n = sl_min_u32(len, TCP_BLOCK - place);

		memcpy((*find(r, number_of(at)))->bytes + place, data, n);
		at += n;
		data += n;
		len -= n;
	}
}

/* What lies up to `to` is in order now. */
static void advance(struct tcp_received *r, uint32_t to)
{
	while (r->bytes.to != to) {
		const uint32_t place = place_of(r->bytes.to);

		if (wants_block(&r->bytes)) {
			struct tcp_block **slot = slot_of(r, number_of(r->bytes.to));

			link_tail(&r->bytes, *slot);
			*slot = NULL;
		}
		r->bytes.to += sl_min_u32(to - r->bytes.to, TCP_BLOCK - place);
	}
}

static void remove_range(struct tcp_ahead *a, uint32_t i)
{
	a->n--;
	memmove(&a->range[i], &a->range[i + 1], (a->n - i) * sizeof(a->range[0]));
}

static bool touches(const struct tcp_range *range, uint32_t left, uint32_t right)
{
	return !sl_seq_lt(range->right, left) && !sl_seq_gt(range->left, right);
}

/* Whether a range may be added. */
static bool has_room(const struct tcp_ahead *a, uint32_t left, uint32_t right)
{
	for (uint32_t i = 0; i < a->n; i++)
		if (touches(&a->range[i], left, right))
			return true;
	return a->n < TCP_RANGES;
}

/* Adds a range that there is room for, as the most recent; those that it touches become part of it:
 * no two that are there touch each other. */
static void add_range(struct tcp_ahead *a, uint32_t left, uint32_t right)
{
	for (uint32_t i = 0; i < a->n;) {
		const struct tcp_range range = a->range[i];

		if (!touches(&range, left, right)) {
			i++;
			continue;
		}
		left = sl_seq_lt(range.left, left) ? range.left : left;
		right = sl_seq_max(range.right, right);
		remove_range(a, i);
	}
	memmove(&a->range[1], &a->range[0], a->n * sizeof(a->range[0]));
	a->range[0] = (struct tcp_range){left, right};
	a->n++;
}

/* Nothing is ahead any more. */
static void free_ahead(struct tcp_received *r, struct tcp_pool *pool)
{
	struct tcp_ahead *a = ahead_of(r);

	for (uint32_t i = 0; i < TCP_AHEAD_BLOCKS; i++)
		if (a->block[i] != NULL)
			tcp_pool_give(pool, a->block[i]);
	tcp_pool_give(pool, r->ahead);
	r->ahead = NULL;
}

/* Ranges that RCV.NXT has reached are in order, or old. */
static void absorb(struct tcp_received *r, struct tcp_pool *pool)
{
	struct tcp_ahead *a = ahead_of(r);

	for (uint32_t i = 0; i < a->n;) {
		const struct tcp_range range = a->range[i];

		if (sl_seq_gt(range.left, r->bytes.to)) {
			i++;
			continue;
		}
		if (sl_seq_gt(range.right, r->bytes.to))
			advance(r, range.right);
		remove_range(a, i);
	}
	if (a->n == 0)
		free_ahead(r, pool);
}

/* While something lies ahead; it may close a hole. Returns false: there is no block for it. */
static bool put_before(struct tcp_received *r, struct tcp_pool *pool, const uint8_t *data,
		       uint32_t len)
{
	const uint32_t at = r->bytes.to;

	if (len > (TCP_AHEAD_BLOCKS - 2) * TCP_BLOCK || !ensure(r, pool, at, len))
		return false;
	copy(r, at, data, len);
	advance(r, at + len);
	absorb(r, pool);
	return true;
}

static enum tcp_put put_in_order(struct tcp_received *r, struct tcp_pool *pool, const uint8_t *data,
				 uint32_t len)
{
	if (r->ahead != NULL) {
		if (put_before(r, pool, data, len))
			return TCP_PUT_KEPT;
		tcp_received_forget_ahead(r, pool);
	}
	return tcp_bytes_append(&r->bytes, pool, data, len) == len ? TCP_PUT_KEPT
								   : TCP_PUT_NO_BLOCK;
}

static enum tcp_put put_ahead(struct tcp_received *r, struct tcp_pool *pool, uint32_t at,
			      const uint8_t *data, uint32_t len)
{
	/* First: what is not kept shall not hold blocks. */
	if (!has_room(ahead_of(r), at, at + len))
		return TCP_PUT_NO_RANGE;
	if (!ensure(r, pool, at, len)) {
		if (ahead_of(r)->n == 0)
			free_ahead(r, pool);
		return TCP_PUT_NO_BLOCK;
	}
	add_range(ahead_of(r), at, at + len);
	copy(r, at, data, len);
	return TCP_PUT_KEPT;
}

enum tcp_put tcp_received_put(struct tcp_received *r, struct tcp_pool *pool, uint32_t at,
			      const uint8_t *data, uint32_t len)
{
	const uint32_t next = r->bytes.to;

	if (len == 0 || sl_seq_leq(at + len, next))
		return TCP_PUT_OLD;
	if (sl_seq_lt(at, next)) {
		data += next - at;
		len -= next - at;
		at = next;
	}
	if (at == next)
		return put_in_order(r, pool, data, len);
	if (at + len - next > (TCP_AHEAD_BLOCKS - 2) * TCP_BLOCK)
		return TCP_PUT_NO_RANGE;
	/* With what remembers it, and a part of a block at either end. */
	if (tcp_pool_spare(pool) < len / TCP_BLOCK + 3)
		return TCP_PUT_NO_BLOCK;
	if (r->ahead == NULL) {
		r->ahead = tcp_pool_take(pool);
		memset(r->ahead->bytes, 0, sizeof(struct tcp_ahead));
	}
	return put_ahead(r, pool, at, data, len);
}

void tcp_received_drop(struct tcp_received *r, struct tcp_pool *pool, uint32_t to)
{
	/* The last block may hold something ahead. */
	drop(&r->bytes, pool, to, to == r->bytes.to && r->ahead == NULL);
}

void tcp_received_forget_ahead(struct tcp_received *r, struct tcp_pool *pool)
{
	if (r->ahead == NULL)
		return;
	free_ahead(r, pool);
	/* The last block may have been kept for what lay ahead in it. */
	if (r->bytes.from == r->bytes.to)
		tcp_bytes_free(&r->bytes, pool);
}

void tcp_received_free(struct tcp_received *r, struct tcp_pool *pool)
{
	if (r->ahead != NULL)
		free_ahead(r, pool);
	tcp_bytes_free(&r->bytes, pool);
}
