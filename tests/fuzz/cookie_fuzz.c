/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Verify accepts nothing that mint would not have made. The input is a master, clocks, a step of
 * the wall clock, a handshake, and an ACK: either as it stands, or as the difference from a cookie
 * that was minted, so that the fuzzer needs no luck to come near a valid one. What is VALID, or
 * EXPIRED, must come out of mint again, in one of the epochs that may have made it.
 */
#include "sl_cookie.h"

#include <stdlib.h>
#include <string.h>

#define EPOCH_US (64 * SL_US_PER_S)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	uint8_t master[16];
	uint64_t unix_us, now_us;
	uint64_t step_us; /* of the wall clock, before the ACK */
	uint64_t age_us;  /* from SYN to ACK */
	struct sl_cookie_tuple tuple;
	uint32_t client_isn, cookie, tsval;
	uint16_t mss;
	uint8_t rest;  /* wscale, SACK */
	uint8_t flags; /* 1: timestamps granted, 2: timestamps in the ACK, 4: ACK from a cookie */
};

/* All but the padding at the end. */
#define INPUT_BYTES (offsetof(struct input, flags) + 1)

static void check(bool holds)
{
	if (!holds)
		abort();
}

/* The ACK as verify sees it. */
struct ack {
	uint32_t client_isn, cookie, tsecr;
	bool has_ts;
};

/* Whether a box with this master makes the cookie `epochs` epochs from `unix_us`, granting these
 * options. */
static bool mints(const struct input *in, const struct ack *ack, uint64_t unix_us, int epochs,
		  struct sl_cookie_options opts)
{
	struct sl_cookie_ring ring;
	uint32_t cookie, tsval = 0;

	sl_cookie_ring_init(&ring, in->master, unix_us + (uint64_t)(int64_t)epochs * EPOCH_US, 0);
	cookie = sl_cookie_mint(&ring, &in->tuple, ack->client_isn, &opts, 0, &tsval);
	return cookie == ack->cookie && (!ack->has_ts || ((tsval ^ ack->tsecr) & 0x1f) == 0);
}

/* The same, granting whatever. */
static bool minted_at(const struct input *in, const struct ack *ack, uint64_t unix_us, int epochs)
{
	static const uint16_t ts_mss[] = {216, 536, 1220, 1340, 1400, 1440, 1460, 8960};
	static const uint16_t bare_mss[] = {536, 1300, 1440, 1460};
	const unsigned n = ack->has_ts ? 8 : 4;

	for (unsigned i = 0; i < n * 32; i++) {
		const struct sl_cookie_options opts = {
			.mss = ack->has_ts ? ts_mss[i / 32] : bare_mss[i / 32],
			.wscale = i % 32 >> 1,
			.sack = i & 1,
			.timestamps = ack->has_ts,
		};

		if (mints(in, ack, unix_us, epochs, opts))
			return true;
	}
	return false;
}

/* The ACK of the input. When it comes from a cookie, `granted` says what that cookie granted. */
static struct ack make_ack(const struct input *in, const struct sl_cookie_ring *ring,
			   struct sl_cookie_options *granted)
{
	struct ack ack = {in->client_isn, in->cookie, in->tsval, (in->flags & 2) != 0};
	uint32_t tsval = 0;

	granted->mss = in->mss;
	granted->wscale = in->rest & 0xf;
	granted->sack = in->rest >> 4 & 1;
	granted->timestamps = in->flags & 1;
	if (in->flags & 4) {
		ack.cookie ^= sl_cookie_mint(ring, &in->tuple, in->client_isn, granted, in->now_us,
					     &tsval);
		ack.tsecr ^= tsval;
	}
	return ack;
}

static void check_verdict(const struct input *in, const struct ack *ack,
			  enum sl_cookie_verdict verdict, const struct sl_cookie_options *opts,
			  uint64_t unix_us, uint64_t frozen_unix_us)
{
	bool found = false;

	switch (verdict) {
	case SL_COOKIE_VALID:
		for (int epochs = -1; epochs <= 1; epochs++)
			found = found || mints(in, ack, unix_us, epochs, *opts) ||
				mints(in, ack, frozen_unix_us, epochs, *opts);
		check(found);
		check(opts->wscale <= SL_COOKIE_NO_WSCALE);
		check(opts->mss >= 216 && opts->mss <= 8960);
		check(opts->timestamps == ack->has_ts);
		break;
	case SL_COOKIE_EXPIRED:
		for (int epochs = -4; epochs <= -1; epochs++)
			found = found || minted_at(in, ack, unix_us, epochs);
		check(found);
		break;
	case SL_COOKIE_FORGED:
		break;
	}
	if (verdict != SL_COOKIE_VALID)
		check(opts->mss == 1); /* untouched */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in;
	struct sl_cookie_ring ring;
	struct sl_cookie_options granted, opts = {1, 0, false, false};
	enum sl_cookie_verdict verdict;
	struct ack ack;
	uint64_t then_us, unix_us, frozen_unix_us;

	if (size < INPUT_BYTES)
		return 0;
	memcpy(&in, data, INPUT_BYTES);
	in.now_us &= UINT64_MAX >> 4; /* a monotonic clock does not wrap */
	in.age_us %= 8 * EPOCH_US;
	then_us = in.now_us + in.age_us;
	frozen_unix_us = in.unix_us + in.age_us;
	unix_us = frozen_unix_us + in.step_us;
	/* Time lines that wrap around 2^64 us are not for this world. */
	if (in.unix_us >> 60 != 0 || in.unix_us < 8 * EPOCH_US || unix_us >> 60 != 0 ||
	    unix_us < 8 * EPOCH_US)
		return 0;

	sl_cookie_ring_init(&ring, in.master, in.unix_us, in.now_us);
	ack = make_ack(&in, &ring, &granted);
	if (in.step_us != 0)
		sl_cookie_ring_advance(&ring, unix_us, then_us);
	verdict = sl_cookie_verify(&ring, &in.tuple, ack.client_isn, ack.cookie, ack.has_ts,
				   ack.tsecr, then_us, &opts);
	check_verdict(&in, &ack, verdict, &opts, unix_us, frozen_unix_us);

	/* An honest ACK in time is VALID, and brings back what was granted. */
	if ((in.flags & 4) && in.cookie == 0 && (in.tsval & 0x1f) == 0 &&
	    ack.has_ts == granted.timestamps && in.age_us <= SL_COOKIE_LIFE_MIN_US &&
	    (in.step_us == 0 || ring.frozen_until_us != 0)) {
		check(verdict == SL_COOKIE_VALID);
		check(opts.mss == granted.mss && opts.wscale == granted.wscale &&
		      opts.sack == granted.sack && opts.timestamps == granted.timestamps);
	}
	return 0;
}
