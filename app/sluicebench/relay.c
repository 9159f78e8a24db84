/* SPDX-License-Identifier: BSD-3-Clause */
/* Connections: opened, spoken over, and whole lives. */
#include "bench.h"

enum {
	FEEDS = 16,
	WAVES = 8, /* of a pass of whole connections */
	SMALL = 6, /* bytes of payload that make the smallest frame, without options */
	BULK = 1000,
	REQUEST = 100,
	RESPONSE = 1000,
	OPEN_WAVES = 16,
};

static bool bulk(const struct lane *lane)
{
	return lane->params.bytes >= BULK;
}

static uint16_t payload_of(const struct lane *lane)
{
	return bulk(lane) ? lane->params.bytes : SMALL;
}

static void close_talk(struct lane *lane)
{
	lane_worker_close(lane);
	talk_close(lane);
}

static bool open_relay(struct lane *lane)
{
	const uint32_t n = lane->params.connections;

	if (!talk_open_box(lane, n, bulk(lane)))
		return false;
	if (!talk_open_all(lane)) {
		close_talk(lane);
		return false;
	}
	lane->visits = 0;
	return true;
}

/*
 * The next visit: every connection once, in an order of no order, then all again; one segment of
 * the client's and one of the server's by turns, each acknowledging what came before.
 */
void relay_visit(struct lane *lane)
{
	const uint32_t n = lane->params.connections;
	const uint32_t at = (uint32_t)(lane->visits & (n - 1)),
		       round = (uint32_t)(lane->visits / n);
	const uint16_t payload = payload_of(lane);
	const enum sl_side side = (enum sl_side)((at ^ round) & 1);
	/* The one whose turn was in round 0 has spoken once more where the rounds are odd. */
	const uint32_t mine = round / 2, theirs = (round + 1) / 2;

	talk_segment(lane, talk_shuffled(at, n - 1), side, SL_ACK | SL_PSH, mine * payload,
		     theirs * payload, payload);
	lane->visits++;
}

static struct pass relay(struct lane *lane)
{
	struct pass pass = {.units = FEEDS * FEED};

	for (unsigned feed = 0; feed < FEEDS; feed++) {
		for (unsigned i = 0; i < FEED; i++)
			relay_visit(lane);
		pass.cycles += lane_run(lane);
		lane->now_us += 1000;
	}
	return pass;
}

static bool open_lives(struct lane *lane)
{
	const uint32_t n = OPEN_WAVES * TALK_WAVE;

	if (!talk_open_box(lane, n, true))
		return false;
	lane->visits = 0;
	return true;
}

static uint64_t expired(const struct lane *lane)
{
	return lane_event(lane, SL_EVENT_time_wait_expired);
}

static bool all_gone(const struct lane *lane)
{
	return expired(lane) == lane->visits;
}

/* One segment of each connection of a wave. */
static uint64_t all_say(struct lane *lane, uint32_t first, enum sl_side side, uint8_t flags,
			uint32_t sent, uint32_t received, uint16_t payload)
{
	for (uint32_t i = 0; i < TALK_WAVE; i++)
		talk_segment(lane, first + i, side, flags, sent, received, payload);
	return lane_run(lane);
}

/* From the SYN to both ends' knowledge of each other. */
static uint64_t handshakes(struct lane *lane, uint32_t first)
{
	return talk_open_wave(lane, first, TALK_WAVE);
}

/* Request, response, the client's FIN, the server's. */
static uint64_t exchanges(struct lane *lane, uint32_t first)
{
	const uint8_t fin = SL_FIN | SL_ACK, push = SL_ACK | SL_PSH;
	uint64_t cycles;

	cycles = all_say(lane, first, SL_OUTSIDE, push, 0, 0, REQUEST);
	cycles += all_say(lane, first, SL_INSIDE, push, 0, REQUEST, RESPONSE);
	cycles += all_say(lane, first, SL_OUTSIDE, SL_ACK, REQUEST, RESPONSE, 0);
	cycles += all_say(lane, first, SL_OUTSIDE, fin, REQUEST, RESPONSE, 0);
	cycles += all_say(lane, first, SL_INSIDE, fin, RESPONSE, REQUEST + 1, 0);
	cycles += all_say(lane, first, SL_OUTSIDE, SL_ACK, REQUEST + 1, RESPONSE + 1, 0);
	lane->visits += TALK_WAVE;
	return cycles;
}

static struct pass lifecycle(struct lane *lane)
{
	struct pass pass = {.units = WAVES * TALK_WAVE};

	for (uint32_t wave = 0; wave < WAVES; wave++) {
		pass.cycles += handshakes(lane, wave * TALK_WAVE);
		pass.cycles += exchanges(lane, wave * TALK_WAVE);
	}
	pass.cycles += lane_pass_time(lane, 1000, all_gone);
	return pass;
}

/* As above, and only the opening counts. */
static struct pass handshake(struct lane *lane)
{
	struct pass pass = {.units = WAVES * TALK_WAVE};

	for (uint32_t wave = 0; wave < WAVES; wave++) {
		pass.cycles += handshakes(lane, wave * TALK_WAVE);
		(void)exchanges(lane, wave * TALK_WAVE);
	}
	(void)lane_pass_time(lane, 1000, all_gone);
	return pass;
}

static uint64_t established(const struct lane *lane)
{
	return lane_event(lane, SL_EVENT_connections_established);
}

/* Only handshakes pass before. */
static uint64_t relayed(const struct lane *lane)
{
	if (lane->params.passes)
		return lane_term(lane, SL_TERM_passed) - 3ull * lane->params.connections;
	return lane_term(lane, SL_TERM_relayed);
}

const struct bench_case bench_handshake = {
	"handshake", "connections opened: SYN, cookie, ACK, and the server's handshake",
	open_lives,  handshake,
	established, close_talk};
const struct bench_case bench_relay = {
	"relay",    "segments of standing connections, both ways, translated; and in mode pass, followed",
	open_relay, relay,
	relayed,    close_talk};
const struct bench_case bench_lifecycle = {
	"lifecycle", "whole connections: handshakes, request, response, both FINs, 2MSL",
	open_lives,  lifecycle,
	expired,     close_talk};
