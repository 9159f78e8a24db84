/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The whole road: an input chooses a world and is then a list of steps, each a frame that comes in
 * on a side, or time that passes. Frames are raw bytes, or segments of a few clients and their
 * servers whose numbers are as they should be, or off by a little: the harness reads what the box
 * sends and so can finish a handshake, answer for the server, send data and close. Or they are a
 * flood of strangers, of whom some are real after all.
 *
 * After every run: the books balance, every buffer that came in and every spare that was used was
 * sent, freed, handed on or is held, whatever was sent fits its port and parses, with its checksums
 * right if they were, and the gauges agree with the table, and the endpoints with the connections
 * that have one. No byte outside of a frame is touched, nor a frame that was given back. In the end
 * nothing is queued, and all that was opened is gone by its limits.
 *
 * WORLD_BYTES bytes choose the world: see choose_world().
 *
 * A step: 4 bytes
 *   op      low 4 bits: enum op; bit 4: from inside; bits 5 to 7: which client, of those that
 *           OP_OURS has chosen
 *   flags   TCP flags of OP_SEGMENT; what is granted of OP_SYN and OP_SYN_ACK
 *   a, b    payload length (255: a full segment), number offsets, milliseconds; for OP_RAW a frame
 *           of a bytes follows
 */
#include "pipeline/harness.h"

enum { MAX_STEPS = 400 };

enum op {
	OP_SYN,
	OP_ACK,     /* the client's last ACK of its handshake; data and FIN by flags */
	OP_SYN_ACK, /* the server's answer to our SYN */
	OP_SEGMENT, /* of either end, in order */
	OP_OFF,     /* the same, its numbers off by a and b */
	OP_RST,
	OP_RAW,
	OP_TICK,    /* a * 4 ms */
	OP_WAIT,    /* a seconds, in ticks of 500 ms */
	OP_FLUSH,   /* runs the burst so far, behind segments of a strangers: see enum stranger */
	OP_STARVE,  /* the next run has only a spare buffers, and so have b more */
	OP_UNSENT,  /* the port does not take the last a packets of the next run, nor other workers
		       (b) */
	OP_ADVANCE, /* the ring of keys; where a is not 0, also what a port can send: see limit() */
	OP_APPLY,   /* another plan: modes, strays, one-way, retired services, draining */
	OP_ICMP,    /* an error about the last segment that went to that side */
	OP_OURS,    /* see choose() */
	N_OPS,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The clients of the steps that follow: those of the server in the box that `a` names, or of those
 * behind it. Bits of `b`: ports that have no room. */
static void choose(struct harness *h, uint8_t flags, uint8_t a, uint8_t b)
{
	h->first = N_OTHERS * (a % (1 + N_SERVERS));
	h->deaf = flags & 1;
	h->out.full = b & 31;
}

/* A port can send packets of 576 to 2616 bytes from now on. */
static void limit(struct harness *h, uint8_t a, uint8_t b)
{
	const uint16_t mtu = (uint16_t)(576 + 8 * b);
	const struct sl_frame_limit limit = {mtu, (uint16_t)(mtu + 18)};

	if (a != 0)
		sl_pipeline_set_limit(&h->pipeline, a % (HOST_PORT + 1), &limit);
}

static void wait_seconds(struct harness *h, unsigned seconds)
{
	for (unsigned i = 0; i < 2 * seconds; i++)
		tick(h, 500 * SL_US_PER_MS);
}

/* With all that it wants, and no time, the queue of endpoints empties; only those who wait for
 * memory ask again and again. */
static void settle(struct harness *h)
{
	const struct sl_endpoints *all = &h->pipeline.relay.endpoints;

	h->n_starved = 0;
	h->n_spares = SL_SPARES;
	h->out.full = 0;
	for (unsigned i = 0; i < 64 && all->n_queued > 0; i++)
		tick(h, 0);
	check(all->n_queued == 0 || tcp_pool_spare(&all->tcp.pool) < 3);
}

/* Segments of `n` strangers of the flood. */
static void flood(struct harness *h, unsigned i, uint8_t flags, unsigned n, unsigned first)
{
	for (unsigned k = 0; k < n; k++)
		send_stranger(h, i, flags, first + k);
}

/* Does one step; returns the bytes it took. */
static size_t step(struct harness *h, const uint8_t *p, size_t size)
{
	const enum op op = (enum op)((p[0] & 15) % N_OPS);
	const enum sl_side side = p[0] & 16 ? SL_INSIDE : SL_OUTSIDE;
	const unsigned i = h->first + (p[0] >> 5);
	const uint8_t flags = p[1], a = p[2], b = p[3];
	size_t n = 0;

	switch (op) {
	case OP_SYN:
		send_syn(h, i, side, flags, a, b, false);
		break;
	case OP_ACK:
		send_data(h, i, SL_OUTSIDE, flags, a, b);
		break;
	case OP_SYN_ACK:
		send_syn(h, i, sl_side_other(side), flags, a, b & 0xfd, true);
		break;
	case OP_SEGMENT:
		send_data(h, i, side, flags, a, b);
		break;
	case OP_OFF:
		send_in_order(h, i, side, flags, 0, 0, (uint32_t)((int8_t)a) << (flags & 8),
			      (uint32_t)((int8_t)b) << (flags & 8));
		break;
	case OP_RST:
		send_in_order(h, i, side, flags & 1 ? SL_RST : SL_RST | SL_ACK, 0, 0,
			      (uint32_t)(int8_t)a, (uint32_t)(int8_t)b);
		break;
	case OP_RAW:
		n = a < size - 4 ? a : size - 4;
		queue(h, b & 4 ? HOST_PORT : b & 3, p + 4, (unsigned)n);
		break;
	case OP_TICK:
		run(h);
		tick(h, a * 4 * SL_US_PER_MS);
		break;
	case OP_WAIT:
		run(h);
		wait_seconds(h, a % 64);
		break;
	case OP_FLUSH:
		flood(h, i, flags, a % (SL_BURST + 1), 16u * b);
		run(h);
		break;
	case OP_STARVE:
		run(h);
		h->n_spares = a % SL_SPARES;
		h->n_starved = b % 16;
		break;
	case OP_UNSENT:
		run(h);
		h->n_unsent = a;
		h->unhanded = b & 1;
		break;
	case OP_ADVANCE:
		run(h);
		limit(h, a, b);
		sl_cookie_ring_advance(&h->pipeline.ring,
				       1700000000 * SL_US_PER_S + h->now_us - START_US +
					       b * SL_US_PER_S,
				       h->now_us);
		break;
	case OP_APPLY:
		run(h);
		apply(h, flags, a, b);
		break;
	case OP_ICMP:
		run(h);
		send_icmp(h, i, side, flags, a, b);
		break;
	case OP_OURS:
		run(h);
		choose(h, flags, a, b);
		break;
	case N_OPS:
		break;
	}
	return 4 + n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct harness *h;

	if (size < WORLD_BYTES || size > 16384)
		return 0;
	check(posix_memalign((void **)&h, SL_CACHE_LINE, sizeof(*h)) == 0);
	memset(h, 0, sizeof(*h));
	start(h, data);
	data += WORLD_BYTES;
	size -= WORLD_BYTES;
	for (unsigned n = 0; size >= 4 && n < MAX_STEPS; n++) {
		const size_t used = step(h, data, size);

		data += used;
		size -= used;
	}
	run(h);
	check_table(h);
	settle(h);
	/* Ten minutes: each limit, the probes, the tombstones; nothing stays. */
	for (unsigned i = 0; i < 300 && (sl_flow_count(&h->pipeline.relay.flow) > 0 || i < 2); i++)
		tick(h, 2 * SL_US_PER_S);
	check(sl_flow_count(&h->pipeline.relay.flow) == 0);
	check(h->n_held == 0);
	check(h->pipeline.relay.endpoints.n_free == N_ENDPOINTS);
	check(sl_wheel_count(&h->pipeline.relay.wheel) == 0);
	for (unsigned i = 0; i < SL_L2_BUCKETS; i++)
		check(h->pipeline.relay.l2.bucket[i] == SL_L2_NONE);
	finish(h);
	free(h);
	return 0;
}
