/* SPDX-License-Identifier: BSD-3-Clause */
/* One direction: what happens to a frame between the two ports, and in which order. */
#include "impair.h"

#include <stdlib.h>

static bool is_idle(const struct impair_settings *s)
{
	return s->loss == 0 && s->duplicate == 0 && s->reorder == 0 && s->corrupt == 0 &&
	       s->delay_ns == 0 && s->jitter_ns == 0 && s->rate_bits == 0 && s->mtu == 0;
}

int impair_lane_init(struct impair_lane *lane, const struct impair_settings *settings,
		     const struct impair_common *common, unsigned direction, uint32_t frame_max)
{
	*lane = (struct impair_lane){
		.settings = *settings,
		.common = *common,
		.seed = impair_fate_seed(common->seed, direction),
		.idle = is_idle(settings),
		.slot_size = (frame_max + SL_CACHE_LINE - 1) / SL_CACHE_LINE * SL_CACHE_LINE,
		.n_free = IMPAIR_QUEUE_MAX,
	};
	/* What is never used is never touched, and takes no memory. */
	lane->memory = malloc((size_t)IMPAIR_QUEUE_MAX * lane->slot_size);
	lane->free_slots = malloc(IMPAIR_QUEUE_MAX * sizeof(*lane->free_slots));
	lane->queue = malloc(IMPAIR_QUEUE_MAX * sizeof(*lane->queue));
	if (lane->memory == NULL || lane->free_slots == NULL || lane->queue == NULL) {
		impair_lane_fini(lane);
		return -1;
	}
	for (int32_t i = 0; i < IMPAIR_QUEUE_MAX; i++)
		lane->free_slots[i] = IMPAIR_QUEUE_MAX - 1 - i;
	return 0;
}

void impair_lane_fini(struct impair_lane *lane)
{
	free(lane->memory);
	free(lane->free_slots);
	free(lane->queue);
	lane->memory = NULL;
	lane->free_slots = NULL;
	lane->queue = NULL;
}

static uint8_t *slot_data(const struct impair_lane *lane, int32_t slot)
{
	return lane->memory + (size_t)slot * lane->slot_size;
}

/* A copy of the frame in the lane's own memory, or -1: no room. */
static int32_t slot_take(struct impair_lane *lane, const uint8_t *frame, uint32_t len)
{
	int32_t slot;

	assert(len <= lane->slot_size);
	if (lane->n_free == 0)
		return -1;
	slot = lane->free_slots[--lane->n_free];
	memcpy(slot_data(lane, slot), frame, len);
	return slot;
}

static void slot_put(struct impair_lane *lane, int32_t slot)
{
	lane->free_slots[lane->n_free++] = slot;
}

static void batch_add(struct impair_batch *batch, uint8_t *data, uint32_t len, int32_t slot)
{
	assert(batch->n < IMPAIR_BATCH);
	batch->out[batch->n++] = (struct impair_out){.data = data, .len = len, .slot = slot};
}

static struct impair_queued *queue_at(const struct impair_lane *lane, uint32_t position)
{
	return &lane->queue[position % IMPAIR_QUEUE_MAX];
}

/* Whether the queue of the rate has a place at this time. */
static bool rate_admits(struct impair_lane *lane, uint64_t now_ns)
{
	while (lane->departed != lane->tail && queue_at(lane, lane->departed)->depart_ns <= now_ns)
		lane->departed++;
	return lane->settings.rate_bits == 0 || lane->tail - lane->departed < lane->settings.queue;
}

/*
 * When a frame that comes now has gone through the line. A token bucket as deep as one frame: the
 * line takes one frame at a time, as a real one does.
 */
static uint64_t depart_at(struct impair_lane *lane, uint32_t len, uint64_t now_ns)
{
	if (lane->settings.rate_bits == 0)
		return now_ns;
	if (lane->line_free_ns < now_ns)
		lane->line_free_ns = now_ns;
	lane->line_free_ns += len * 8 * IMPAIR_NS_PER_S / lane->settings.rate_bits;
	return lane->line_free_ns;
}

/*
 * The last part of the way: rate and delay. `slot` is the frame's, or -1 when it lies elsewhere.
 * The queue is first in, first out: jitter bunches frames together, it does not make them overtake;
 * that is --reorder's.
 */
static void pass(struct impair_lane *lane, uint8_t *frame, uint32_t len, int32_t slot,
		 int64_t jitter_ns, uint64_t now_ns, struct impair_batch *out)
{
	const struct impair_settings *s = &lane->settings;
	const int64_t delay_ns = (int64_t)s->delay_ns + jitter_ns;
	struct impair_queued *q;

	if (s->rate_bits == 0 && s->delay_ns == 0 && s->jitter_ns == 0) {
		batch_add(out, frame, len, slot);
		return;
	}
	if (!rate_admits(lane, now_ns)) {
		lane->stats.queue_dropped++;
		if (slot >= 0)
			slot_put(lane, slot);
		return;
	}
	if (slot < 0)
		slot = slot_take(lane, frame, len);
	if (slot < 0) {
		lane->stats.queue_dropped++;
		return;
	}
	q = queue_at(lane, lane->tail++);
	q->depart_ns = depart_at(lane, len, now_ns);
	q->due_ns = q->depart_ns + (delay_ns > 0 ? (uint64_t)delay_ns : 0);
	q->len = len;
	q->slot = slot;
}

/* Holds a frame back until later ones have overtaken it. False: no memory. */
static bool hold(struct impair_lane *lane, const uint8_t *frame, uint32_t len, uint64_t n,
		 const struct impair_fate *fate, uint64_t now_ns)
{
	const int32_t slot = slot_take(lane, frame, len);

	if (slot < 0)
		return false;
	/* A frame stays for SPAN_MAX others at most, so there is always a place. */
	assert(lane->n_held < SL_ARRAY_LEN(lane->held));
	lane->held[lane->n_held++] = (struct impair_held){
		.until_n = n + fate->span,
		.until_ns = now_ns + IMPAIR_HOLD_MS * IMPAIR_NS_PER_MS,
		.jitter_ns = fate->jitter_ns,
		.len = len,
		.slot = slot,
	};
	return true;
}

/* Lets go what has been overtaken, or has waited for long enough. Frame `n` was the last to come.
 */
static void let_go(struct impair_lane *lane, uint64_t n, uint64_t now_ns, struct impair_batch *out)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < lane->n_held; i++) {
		const struct impair_held h = lane->held[i];

		if (h.until_n > n && h.until_ns > now_ns)
			lane->held[kept++] = h;
		else
			pass(lane, slot_data(lane, h.slot), h.len, h.slot, h.jitter_ns, now_ns,
			     out);
	}
	lane->n_held = kept;
}

/* The rate of answers: RFC 1812 section 4.3.2.8, RFC 4443 section 2.4 (f). */
static bool may_answer(struct impair_lane *lane, uint64_t now_ns)
{
	const uint64_t interval_ns = IMPAIR_NS_PER_S / IMPAIR_ANSWERS_PER_S;

	if (lane->answer_next_ns < now_ns)
		lane->answer_next_ns = now_ns;
	if (lane->answer_next_ns >= now_ns + IMPAIR_ANSWERS_LENT * interval_ns)
		return false;
	lane->answer_next_ns += interval_ns;
	return true;
}

static uint32_t mtu_of(const struct impair_lane *lane, const struct impair_packet *packet)
{
	const uint32_t mtu = (uint32_t)lane->settings.mtu;

	/* RFC 8200 section 5: every link carries 1280 bytes of IPv6. */
	return packet->version == 6 ? sl_max_u32(mtu, IMPAIR_MTU6_MIN) : mtu;
}

static void too_big(struct impair_lane *lane, const uint8_t *frame, uint32_t len,
		    const struct impair_packet *packet, uint64_t now_ns, struct impair_batch *back)
{
	const struct impair_common *c = &lane->common;
	const bool v6 = packet->version == 6;
	uint8_t *answer = lane->answers[back->n];
	uint32_t answer_len;

	lane->stats.too_big++;
	if (lane->settings.mtu_silent || !(v6 ? c->router6_set : c->router4_set))
		return;
	answer_len = impair_too_big_answer(frame, len, packet, v6 ? &c->router6 : &c->router4,
					   mtu_of(lane, packet), answer);
	if (answer_len == 0 || !may_answer(lane, now_ns))
		return;
	lane->stats.icmp_sent++;
	batch_add(back, answer, answer_len, -1);
}

/* The part of the way that chance has a say in. */
static void impair(struct impair_lane *lane, uint8_t *frame, uint32_t len, uint32_t l3_off,
		   uint64_t n, uint64_t now_ns, struct impair_batch *out)
{
	const struct impair_fate fate = impair_fate_of(&lane->settings, lane->seed, n);

	if (fate.lost) {
		lane->stats.lost++;
		return;
	}
	if (fate.corrupted) {
		const uint32_t bit = fate.bit % (8 * (len - l3_off));

		lane->stats.corrupted++;
		frame[l3_off + bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	if (fate.span > 0 && hold(lane, frame, len, n, &fate, now_ns))
		lane->stats.reordered++;
	else
		pass(lane, frame, len, -1, fate.jitter_ns, now_ns, out);
	if (fate.duplicated) {
		lane->stats.duplicated++;
		pass(lane, frame, len, -1, fate.jitter_ns, now_ns, out);
	}
}

void impair_lane_take(struct impair_lane *lane, uint8_t *frame, uint32_t len, uint64_t now_ns,
		      struct impair_batch *out, struct impair_batch *back)
{
	struct impair_packet packet;
	uint64_t n;

	lane->stats.received++;
	if (lane->idle) {
		batch_add(out, frame, len, -1);
		return;
	}
	impair_packet_parse(frame, len, &packet);
	if (packet.version == 0 || packet.neighbour ||
	    (lane->common.tcp_only && packet.proto != 6)) {
		batch_add(out, frame, len, -1);
		return;
	}
	n = lane->n++;
	if (lane->settings.mtu > 0 && packet.ip_len > mtu_of(lane, &packet))
		too_big(lane, frame, len, &packet, now_ns, back);
	else
		impair(lane, frame, len, packet.l3_off, n, now_ns, out);
	if (lane->n_held > 0)
		let_go(lane, n, now_ns, out);
}

void impair_lane_release(struct impair_lane *lane, uint64_t now_ns, struct impair_batch *out)
{
	while (lane->head != lane->tail && out->n < IMPAIR_BATCH) {
		const struct impair_queued *q = queue_at(lane, lane->head);

		if (q->due_ns > now_ns)
			break;
		batch_add(out, slot_data(lane, q->slot), q->len, q->slot);
		lane->head++;
	}
	/* What was sent has departed. */
	if ((int32_t)(lane->departed - lane->head) < 0)
		lane->departed = lane->head;
	if (lane->n_held > 0 && out->n + lane->n_held <= IMPAIR_BATCH)
		let_go(lane, 0, now_ns, out);
}

uint64_t impair_lane_next_ns(const struct impair_lane *lane)
{
	uint64_t next_ns = IMPAIR_NEVER;

	if (lane->head != lane->tail)
		next_ns = queue_at(lane, lane->head)->due_ns;
	/* The one that has been held for longest stands first. */
	if (lane->n_held > 0 && lane->held[0].until_ns < next_ns)
		next_ns = lane->held[0].until_ns;
	return next_ns;
}

void impair_lane_sent(struct impair_lane *lane, struct impair_batch *out, uint32_t n_refused)
{
	for (uint32_t i = 0; i < out->n; i++) {
		if (out->out[i].slot >= 0)
			slot_put(lane, out->out[i].slot);
	}
	lane->stats.sent += out->n - n_refused;
	lane->stats.refused += n_refused;
	lane->stats.queued = lane->n_held + (lane->tail - lane->head);
	out->n = 0;
}
