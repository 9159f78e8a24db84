/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * TCP's options alone: the input's first byte is the flags, the rest the options. Read by the
 * library, and by a plain reading of the RFCs beside it; both must agree.
 */
#include "sl_bytes.h"
#include "sl_wire.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

/* The length of a known kind, 0 for others; SACK's is told apart. */
static unsigned own_length(uint8_t kind)
{
	static const uint8_t len[9] = {[2] = 4, [3] = 3, [4] = 2, [8] = 10};

	return kind < sizeof(len) ? len[kind] : 0;
}

/* One option into `seg`; false for a length that is not its kind's, and for a second one of those
 * of which there is one. */
static bool take(struct sl_seg *seg, const uint8_t *p, unsigned off)
{
	const bool syn = seg->flags & SL_SYN;

	if (p[0] == 5) {
		if (p[1] != 2 && p[1] != 10 && p[1] != 18 && p[1] != 26 && p[1] != 34)
			return false;
		if (p[1] == 2)
			return true;
		if (seg->n_sack != 0)
			return false;
		seg->sack_off = (uint16_t)off;
		seg->n_sack = p[1] / 8;
		return true;
	}
	if (own_length(p[0]) != 0 && p[1] != own_length(p[0]))
		return false;
	if (p[0] == 2 && syn) {
		const uint16_t mss = (uint16_t)(p[2] << 8 | p[3]);

		if (seg->mss == 0 || mss < seg->mss)
			seg->mss = mss;
	} else if (p[0] == 3 && syn) {
		if (seg->wscale != SL_NO_WSCALE)
			return false;
		seg->wscale = p[2] < 14 ? p[2] : 14;
	} else if (p[0] == 4 && syn) {
		seg->sack_permitted = true;
	} else if (p[0] == 8) {
		if (seg->ts_off != 0)
			return false;
		seg->ts_off = (uint16_t)off;
		seg->tsval = sl_load_be32(p + 2);
		seg->tsecr = sl_load_be32(p + 6);
	}
	return true;
}

/* RFC 9293 section 3.2, as it reads. Returns false for an impossible option. */
static bool read_plainly(struct sl_seg *seg, const uint8_t *options, unsigned n)
{
	for (unsigned i = 0; i < n;) {
		if (options[i] == 0)
			return true;
		if (options[i] == 1) {
			i++;
			continue;
		}
		if (n - i < 2 || options[i + 1] < 2 || options[i + 1] > n - i)
			return false;
		if (!take(seg, options + i, SL_TCP_HDR + i))
			return false;
		i += options[i + 1];
	}
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sl_seg seg, plain;
	unsigned n, padded;
	uint8_t *tcp;
	bool good;

	if (size < 1 || size > 1 + SL_TCP_OPTIONS_MAX)
		return 0;
	n = (unsigned)size - 1;
	padded = (n + 3) / 4 * 4;
	tcp = calloc(1, SL_TCP_HDR + padded);
	sl_store_be32(tcp, 40000u << 16 | 80);
	tcp[12] = (uint8_t)((SL_TCP_HDR + padded) / 4 << 4);
	/* Flags that are possible: with SYN or without. */
	tcp[13] = data[0] & 1 ? SL_SYN : SL_ACK;
	memcpy(tcp + SL_TCP_HDR, data + 1, n);

	memset(&seg, 0, sizeof(seg));
	good = sl_wire_parse_tcp(tcp, (uint16_t)(SL_TCP_HDR + padded), &seg) == SL_PARSED_TCP;
	plain = seg;
	plain.mss = plain.ts_off = plain.sack_off = 0;
	plain.tsval = plain.tsecr = 0;
	plain.n_sack = 0;
	plain.wscale = SL_NO_WSCALE;
	plain.sack_permitted = false;
	check(read_plainly(&plain, tcp + SL_TCP_HDR, padded) == good);
	if (good)
		check(memcmp(&plain, &seg, sizeof(seg)) == 0);
	else
		check(seg.reason == SL_DROP_tcp_bad_option);
	free(tcp);
	return 0;
}
