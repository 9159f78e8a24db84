/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The box as the server: requests, and streams either way. The clients follow what they are told,
 * outside of the timed loop: what it has acknowledged, and what it has sent, checksums and all.
 */
#include "bench.h"

enum {
	ROUNDS = 16, /* of a pass */
	WAVES = 8,
	OPEN_WAVES = 16,
	IN_FEEDS = 16,
	OUT_SEGMENTS = 1 << 15,
	WINDOW_ALONE = 128, /* segments on their way to a client, where there is one */
	WINDOW_OF_MANY = 32,
	WARM_UP = 64, /* rounds until congestion control is out of the way */
};

static const char request_keep[] = "GET / HTTP/1.1\r\nHost: www.example.org\r\n"
				   "User-Agent: curl/7.88.1\r\nAccept: */*\r\n\r\n";
static const char request_close[] = "GET / HTTP/1.1\r\nHost: www.example.org\r\n"
				    "User-Agent: curl/7.88.1\r\nAccept: */*\r\n"
				    "Connection: close\r\n\r\n";

static void close_served(struct lane *lane)
{
	lane->unlooked = false;
	lane_worker_close(lane);
	talk_close(lane);
}

static bool open_box(struct lane *lane, uint32_t n)
{
	if (!talk_open_box(lane, n, true))
		return false;
	lane->visits = 0;
	return true;
}

static bool open_standing(struct lane *lane)
{
	if (!open_box(lane, lane->params.connections))
		return false;
	if (talk_open_all(lane))
		return true;
	close_served(lane);
	return false;
}

/* What was fed goes in, and what comes of it is heard. */
static uint64_t exchange(struct lane *lane)
{
	const uint64_t cycles = lane_run_out(lane);

	talk_hear(lane);
	return cycles + lane_free_kept(lane);
}

/* What the client has heard is acknowledged, with `flags`. */
static void acknowledge(struct lane *lane, uint32_t i, uint8_t flags)
{
	struct talk_client *c = talk_client(lane, i);

	c->heard_acked = c->heard;
	talk_say(lane, i, flags, NULL, 0);
}

/* Requests, and the clients' ACKs of the responses: delayed ones, where it takes a client longer
 * than that to ask again. */
static struct pass respond(struct lane *lane)
{
	const uint32_t all = lane->params.connections, n = sl_min_u32(all, FEED);
	struct pass pass = {.units = (uint64_t)ROUNDS * n};

	for (unsigned round = 0; round < ROUNDS; round++, lane->visits += n) {
		const uint32_t first = (uint32_t)lane->visits;

		for (uint32_t k = 0; k < n; k++)
			talk_say(lane, talk_shuffled((first + k) & (all - 1), all - 1),
				 SL_ACK | SL_PSH, request_keep, sizeof(request_keep) - 1);
		pass.cycles += exchange(lane);
		for (uint32_t k = 0; k < n; k++)
			acknowledge(lane, talk_shuffled((first + k) & (all - 1), all - 1), SL_ACK);
		pass.cycles += exchange(lane);
		lane->now_us += 1000;
	}
	return pass;
}

static bool open_visits(struct lane *lane)
{
	return open_box(lane, OPEN_WAVES * TALK_WAVE);
}

static uint64_t expired(const struct lane *lane)
{
	return lane_event(lane, SL_EVENT_time_wait_expired);
}

static bool all_gone(const struct lane *lane)
{
	return expired(lane) == lane->visits;
}

/* The box closes behind its response; its client does when it has that. */
static uint64_t visit_wave(struct lane *lane, uint32_t first)
{
	const uint32_t end = first + TALK_WAVE;
	uint64_t cycles;

	for (uint32_t i = first; i < end; i++)
		*talk_client(lane, i) = (struct talk_client){0};
	cycles = talk_open_wave(lane, first, TALK_WAVE);
	for (uint32_t i = first; i < end; i++)
		talk_say(lane, i, SL_ACK | SL_PSH, request_close, sizeof(request_close) - 1);
	cycles += exchange(lane);
	for (uint32_t i = first; i < end; i++)
		acknowledge(lane, i, SL_FIN | SL_ACK);
	cycles += exchange(lane);
	lane->visits += TALK_WAVE;
	return cycles;
}

static struct pass visit(struct lane *lane)
{
	struct pass pass = {.units = WAVES * TALK_WAVE};

	for (uint32_t wave = 0; wave < WAVES; wave++)
		pass.cycles += visit_wave(lane, wave * TALK_WAVE);
	pass.cycles += lane_pass_time(lane, 1000, all_gone);
	return pass;
}

/* Streams. */

static struct pass stream_in(struct lane *lane)
{
	struct pass pass = {.units = (uint64_t)IN_FEEDS * FEED};

	for (unsigned feed = 0; feed < IN_FEEDS; feed++) {
		for (uint32_t k = 0; k < FEED; k++)
			talk_say(lane, k % lane->params.connections, SL_ACK, NULL,
				 lane->params.bytes);
		pass.cycles += exchange(lane);
		lane->now_us += 1000;
	}
	return pass;
}

static bool open_stream(struct lane *lane)
{
	lane->unlooked = true; /* both ways, checksums are the box's own work */
	if (open_standing(lane))
		return true;
	lane->unlooked = false;
	return false;
}

/* Each client acknowledges the older half of what it has, two segments at a time: the other half is
 * on its way, to its sender's mind. */
static void acknowledge_half(struct lane *lane)
{
	for (uint32_t i = 0; i < lane->params.connections; i++) {
		struct talk_client *c = talk_client(lane, i);
		const uint32_t have = (c->heard - c->heard_acked) / lane->params.bytes;

		for (uint32_t k = 0; k < (have + 1) / 2; k += 2) {
			c->heard_acked += sl_min_u32(2, have - k) * lane->params.bytes;
			talk_say(lane, i, SL_ACK, NULL, 0);
		}
	}
}

static uint64_t stream_round(struct lane *lane)
{
	acknowledge_half(lane);
	lane->now_us += 1000;
	return exchange(lane);
}

static bool open_stream_out(struct lane *lane)
{
	const uint32_t segments = lane->params.connections == 1 ? WINDOW_ALONE : WINDOW_OF_MANY;

	if (!open_stream(lane))
		return false;
	talk_set_window(lane, segments * lane->params.bytes);
	for (unsigned round = 0; round < WARM_UP; round++)
		(void)stream_round(lane);
	return true;
}

static struct pass stream_out(struct lane *lane)
{
	const uint64_t before = talk_heard(lane);
	struct pass pass = {0};

	while (talk_heard(lane) - before < OUT_SEGMENTS)
		pass.cycles += stream_round(lane);
	pass.units = talk_heard(lane) - before;
	return pass;
}

/* What has been done, as long as all that was heard was right. */
static uint64_t unless_faulty(const struct lane *lane, uint64_t done)
{
	return talk_faults(lane) == 0 ? done : 0;
}

/* One segment of the box's own making is a response. */
static uint64_t answered(const struct lane *lane)
{
	return unless_faulty(lane, lane_event(lane, SL_EVENT_made));
}

static uint64_t visited(const struct lane *lane)
{
	return unless_faulty(lane, expired(lane));
}

/* Taken in, and acknowledged: one that is not is missing. */
static uint64_t taken_in(const struct lane *lane)
{
	uint64_t owed = 0;

	for (uint32_t i = 0; i < lane->params.connections; i++)
		owed += talk_client(lane, i)->sent - talk_client(lane, i)->sent_acked;
	return unless_faulty(lane, lane_term(lane, SL_TERM_delivered) - owed);
}

static uint64_t given_out(const struct lane *lane)
{
	return unless_faulty(lane, lane_event(lane, SL_EVENT_made));
}

const struct bench_case bench_respond = {
	"respond",     "HTTP requests to the box: on standing connections, and of whole ones",
	open_standing, respond,
	answered,      close_served};
const struct bench_case bench_visit = {"respond", "", open_visits, visit, visited, close_served};
const struct bench_case bench_stream_in = {
	"stream",    "bulk into the box and out of it, checksums in software",
	open_stream, stream_in,
	taken_in,    close_served};
const struct bench_case bench_stream_out = {"stream",   "",        open_stream_out,
					    stream_out, given_out, close_served};
