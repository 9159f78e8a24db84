/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A direction of sluiceimpair: settings, then a frame that comes some times over. No byte beyond it
 * is read, the books balance after every step, all memory comes back, and an answer to its sender
 * is one that the tool itself would pass on.
 */
#include "impair.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SETTINGS = 8, FRAME_MAX = 2048, TIMES = 4 };

static void check(bool holds)
{
	if (!holds)
		abort();
}

/* One lane for all inputs: its memory is large. */
static struct impair_lane *the_lane(void)
{
	static struct impair_lane lane;

	if (lane.memory == NULL) {
		const struct impair_settings settings = {.reorder_span = 1, .queue = 1};
		struct impair_common common = {.router4_set = true, .router6_set = true};

		check(sl_addr_parse(&common.router4, "192.0.2.254") == 0);
		check(sl_addr_parse(&common.router6, "2001:db8::fe") == 0);
		check(impair_lane_init(&lane, &settings, &common, 0, FRAME_MAX) == 0);
		lane.idle = false;
	}
	return &lane;
}

static void set(struct impair_lane *lane, const uint8_t *s)
{
	lane->settings = (struct impair_settings){
		.loss = (uint64_t)(s[0] & 3) << 30,
		.duplicate = (uint64_t)(s[0] >> 2 & 3) << 31,
		.reorder = (uint64_t)(s[0] >> 4 & 3) << 31,
		.corrupt = (uint64_t)(s[0] >> 6) << 31,
		.reorder_span = 1 + s[1] % IMPAIR_SPAN_MAX,
		.delay_ns = s[2] * IMPAIR_NS_PER_US,
		.jitter_ns = s[3] * IMPAIR_NS_PER_US,
		.rate_bits = s[4] * 1000000ULL,
		.queue = 1 + s[5] % 4,
		.mtu = s[6] == 0 ? 0 : IMPAIR_MTU_MIN + 8ULL * s[6],
		.mtu_silent = s[7] & 1,
	};
	lane->common.tcp_only = s[7] >> 1 & 1;
	lane->seed = s[7] >> 2;
	lane->n = 0;
	lane->stats = (struct impair_stats){0};
}

static void sent(struct impair_lane *lane, struct impair_batch *out)
{
	const struct impair_stats *s = &lane->stats;

	impair_lane_sent(lane, out, 0);
	check(s->received + s->duplicated ==
	      s->sent + s->lost + s->too_big + s->queue_dropped + s->refused + s->queued);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct impair_batch out, back;
	static uint64_t now_ns;
	struct impair_lane *lane = the_lane();
	struct impair_packet packet;
	uint8_t *frame;
	uint32_t len;

	if (size < SETTINGS || size - SETTINGS > FRAME_MAX)
		return 0;
	set(lane, data);
	len = (uint32_t)(size - SETTINGS);
	frame = malloc(len + !len); /* ends where it ends, for ASan */
	check(frame != NULL);
	for (unsigned i = 0; i < TIMES; i++) {
		memcpy(frame, data + SETTINGS, len);
		now_ns += 100 * IMPAIR_NS_PER_US;
		impair_lane_release(lane, now_ns, &out);
		impair_lane_take(lane, frame, len, now_ns, &out, &back);
		for (; back.n > 0; back.n--) {
			const struct impair_out *answer = &back.out[back.n - 1];

			impair_packet_parse(answer->data, answer->len, &packet);
			check(packet.version != 0 && !packet.neighbour);
			check(packet.l3_off + packet.ip_len == answer->len);
		}
		sent(lane, &out);
	}
	impair_packet_parse(data + SETTINGS, len, &packet);
	impair_packet_finish_checksum(frame, len, &packet);
	while (impair_lane_next_ns(lane) != IMPAIR_NEVER) {
		now_ns = impair_lane_next_ns(lane) > now_ns ? impair_lane_next_ns(lane) : now_ns;
		impair_lane_release(lane, now_ns, &out);
		sent(lane, &out);
	}
	check(lane->n_free == IMPAIR_QUEUE_MAX && lane->stats.queued == 0);
	free(frame);
	return 0;
}
