/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The bytes of a stream that an endpoint holds: those that it has received and nobody has read,
 * those that it has to send or that are not acknowledged yet. They lie in blocks of one size out of
 * a pool, block k of a stream holding its bytes kB .. (k+1)B - 1; a stream without bytes has no
 * block. Positions are counted from the stream's first byte, modulo 2^32 as sequence numbers are.
 *
 * What is received out of order lies where it will belong: a few bytes far ahead take the block
 * that they are in, and one more that remembers what is ahead, however they are cut up
 * (CVE-2018-5390). What is known to be there is a bounded number of ranges; a segment that would
 * need one more is not kept.
 *
 * Order of calls: tcp_pool_init once; a zeroed stream is an empty one; tcp_*_free when it ends.
 * One thread. No allocation.
 */
#ifndef BYTES_H
#define BYTES_H

#include "sl_base.h"

SL_BEGIN_DECLS

enum {
	TCP_BLOCK = 2048,      /* bytes of a block; a power of two, so that positions may wrap */
	TCP_RANGES = 16,       /* received out of order, at most */
	TCP_AHEAD_BLOCKS = 128 /* so far ahead of the last block something may lie; likewise */
};

struct tcp_block {
	struct tcp_block *next;
	uint8_t bytes[TCP_BLOCK];
};

struct tcp_pool {
	struct tcp_block *free;
	uint32_t n_free, n_blocks;
};

/*
 * Blocks that may be taken, but for an eighth. What comes in order may have the last of them, as it
 * leaves again when it is read; what is to be sent, what came out of order, and what is remembered
 * of either, may not: else two ends that wait for each other to read could both have none to read
 * with.
 */
static inline uint32_t tcp_pool_spare(const struct tcp_pool *pool)
{
	const uint32_t reserve = pool->n_blocks / 8 + 1;

	return pool->n_free > reserve ? pool->n_free - reserve : 0;
}

/* One block, or NULL when there is none. */
struct tcp_block *tcp_pool_take(struct tcp_pool *pool);

/* Gives it back. */
void tcp_pool_give(struct tcp_pool *pool, struct tcp_block *block);

/* Makes a pool of `n` blocks in `memory` (n * sizeof(struct tcp_block) bytes, aligned for it). */
void tcp_pool_init(struct tcp_pool *pool, void *memory, uint32_t n);

/* A run of bytes: [from, to). */
struct tcp_bytes {
	struct tcp_block *head, *tail; /* of the blocks that `from` and `to` - 1 are in */
	uint32_t from, to;
};

/* Where a walk along a run of bytes has come to; zeroed, nowhere. */
struct tcp_cursor {
	struct tcp_block *block;
	uint32_t number;
};

/*
 * Puts `len` bytes behind the last. Returns how many there was room for in the pool.
 * `data` may be NULL for bytes that the caller writes by tcp_bytes_at.
 */
uint32_t tcp_bytes_append(struct tcp_bytes *b, struct tcp_pool *pool, const void *data,
			  uint32_t len);

/* Gives up all before position `to`, which is one of [from, to]. */
void tcp_bytes_drop(struct tcp_bytes *b, struct tcp_pool *pool, uint32_t to);

/*
 * The bytes from position `at` on, which is one of [from, to], as far as they lie together.
 * Returns how many; 0 at the end. `cursor`, or NULL: makes it quick where `at` goes on from where
 * it was last; it is to be zeroed when the run has become empty.
 */
uint32_t tcp_bytes_at(const struct tcp_bytes *b, uint32_t at, uint8_t **bytes,
		      struct tcp_cursor *cursor);

static inline uint32_t tcp_bytes_len(const struct tcp_bytes *b)
{
	return b->to - b->from;
}

/* Gives up everything; the run begins at `from` again, empty. */
void tcp_bytes_free(struct tcp_bytes *b, struct tcp_pool *pool);

struct tcp_range {
	uint32_t left, right; /* [left, right) */
};

/* What lies ahead; kept in a block. The most recent range comes first: RFC 2018 section 4. */
struct tcp_ahead {
	struct tcp_block *block[TCP_AHEAD_BLOCKS]; /* by the number of the block, modulo */
	struct tcp_range range[TCP_RANGES];
	uint32_t n;
};

static_assert(sizeof(struct tcp_ahead) <= TCP_BLOCK, "it lies in a block");

/* What was received: a run of bytes in order, and what lies ahead of it. */
struct tcp_received {
	struct tcp_bytes bytes; /* `to` is RCV.NXT */
	struct tcp_block *ahead;
};

enum tcp_put {
	TCP_PUT_KEPT,     /* in order, or where it will belong */
	TCP_PUT_OLD,      /* nothing of it was new */
	TCP_PUT_NO_RANGE, /* too many holes, or too far ahead: not kept */
	TCP_PUT_NO_BLOCK, /* the pool is empty: not kept, or only the first part of it */
};

/*
 * Takes in the payload of a segment: `len` bytes at position `at`. What lies before RCV.NXT is
 * passed over; that it ends within the window is the caller's to see to. When there is no block for
 * what comes in order, what lies ahead is given up (RFC 2018 section 8 allows for that).
 */
enum tcp_put tcp_received_put(struct tcp_received *r, struct tcp_pool *pool, uint32_t at,
			      const uint8_t *data, uint32_t len);

/* The ranges ahead, most recent first. */
static inline const struct tcp_ahead *tcp_received_ahead(const struct tcp_received *r)
{
	return r->ahead == NULL ? NULL : (const struct tcp_ahead *)(const void *)r->ahead->bytes;
}

/* The bytes before position `to`, which is one of [bytes.from, bytes.to], have been read. */
void tcp_received_drop(struct tcp_received *r, struct tcp_pool *pool, uint32_t to);

/* What lies ahead is given up. */
void tcp_received_forget_ahead(struct tcp_received *r, struct tcp_pool *pool);

/* Gives up everything. */
void tcp_received_free(struct tcp_received *r, struct tcp_pool *pool);

SL_END_DECLS

#endif
