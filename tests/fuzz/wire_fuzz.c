/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whole frames: parsed; and what parses as TCP has its offsets inside the frame, its checksum
 * judged and, once made right, kept right by every rewriting; and an answer to it parses as it was
 * made. A tag before it changes nothing but where things stand. And what asks a host something has
 * an answer that fits, asks nothing, and has right checksums.
 */
#include "sl_ask.h"
#include "sl_bytes.h"
#include "sl_rewrite.h"
#include "sl_pattern.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

/* Numbers that depend on the input, so that the fuzzer has a hand in them. */
static uint32_t number(const uint8_t *data, size_t size, uint32_t salt)
{
	uint32_t h = 2166136261u ^ salt * 0x9e3779b9u;

	for (size_t i = 0; i < size; i++)
		h = (h ^ data[i]) * 16777619u;
	return h;
}

static void check_offsets(const struct sl_seg *seg, size_t size)
{
	check(seg->l3_off >= 14 && seg->l3_off <= SL_L2_MAX);
	check(seg->l4_off >= seg->l3_off + (seg->v6 ? 40 : 20));
	check(seg->payload_off >= seg->l4_off + SL_TCP_HDR);
	check(seg->payload_off <= seg->l4_off + SL_TCP_HDR + SL_TCP_OPTIONS_MAX);
	check((size_t)seg->payload_off + seg->payload_len <= size);
	check(seg->src_port != 0 && seg->dst_port != 0);
	check(seg->wscale <= SL_NO_WSCALE && seg->n_sack <= 4);
	if (seg->ts_off != 0)
		check(seg->ts_off >= seg->l4_off + SL_TCP_HDR &&
		      seg->ts_off + 10 <= seg->payload_off);
	check((seg->sack_off != 0) == (seg->n_sack != 0));
	if (seg->sack_off != 0)
		check(seg->sack_off >= seg->l4_off + SL_TCP_HDR &&
		      seg->sack_off + 2 + 8 * seg->n_sack <= seg->payload_off);
}

/* Whether the TCP checksum is right, whatever IP's is. */
static bool tcp_right(uint8_t *frame, uint16_t len, const struct sl_seg *seg)
{
	struct sl_buf buf = {.data = frame, .len = len, .ip_cksum = SL_CKSUM_GOOD};
	struct sl_seg copy = *seg;

	return sl_wire_verify(&buf, &copy);
}

static void make_right(uint8_t *frame, const struct sl_seg *seg)
{
	const uint32_t len = (uint32_t)seg->payload_off - seg->l4_off + seg->payload_len;
	const uint8_t *addrs = frame + seg->l3_off + (seg->v6 ? 8 : 12);
	uint16_t cksum = 0;
	uint64_t sum;

	memcpy(frame + seg->l4_off + 16, &cksum, 2);
	sum = sl_cksum_pseudo(addrs, seg->v6 ? 32 : 8, len);
	cksum = sl_cksum_finish(sl_cksum_add(sum, frame + seg->l4_off, len));
	memcpy(frame + seg->l4_off + 16, &cksum, 2);
}

static void rewrite(uint8_t *frame, struct sl_seg *seg, const uint8_t *data, size_t size)
{
	struct sl_rewrite rw = sl_rewrite_begin(frame, seg);

	sl_rewrite_seq(&rw, number(data, size, 1));
	sl_rewrite_ack(&rw, number(data, size, 2));
	sl_rewrite_wnd(&rw, (uint16_t)number(data, size, 3));
	if (seg->ts_off != 0) {
		sl_rewrite_tsval(&rw, number(data, size, 4));
		sl_rewrite_tsecr(&rw, number(data, size, 5));
	}
	if (seg->sack_off != 0) {
		sl_rewrite_sack_shift(&rw, number(data, size, 6));
		if (number(data, size, 7) & 1)
			sl_rewrite_sack_erase(&rw);
	}
	sl_rewrite_end(&rw);
}

/* What is right stays right, what is wrong stays wrong, and the segment stays true. */
static void check_rewrite(uint8_t *frame, uint16_t len, struct sl_seg *seg)
{
	const bool right = tcp_right(frame, len, seg);
	struct sl_seg again;

	rewrite(frame, seg, frame, len);
	check(tcp_right(frame, len, seg) == right);
	check(sl_wire_parse(frame, len, &again) == SL_PARSED_TCP);
	check(memcmp(seg, &again, sizeof(again)) == 0);
}

static void check_answer(const uint8_t *frame, const struct sl_seg *seg)
{
	uint8_t room[SL_FRAME_MADE_MAX];
	struct sl_buf buf = {.data = room, .tailroom = sizeof(room)};
	const bool syn = seg->flags & SL_SYN;
	struct sl_made made = {
		.src = &seg->dst,
		.dst = &seg->src,
		.src_port = seg->dst_port,
		.dst_port = seg->src_port,
		.seq = seg->ack,
		.ack = seg->seq + sl_seg_len(seg),
		.flags = syn ? SL_SYN | SL_ACK : SL_ACK,
		.mss = syn ? 1460 : 0,
		.wscale = seg->wscale,
		.sack_permitted = seg->sack_permitted,
		.timestamps = seg->ts_off != 0,
		.tsval = seg->ts_off != 0 ? seg->tsecr : 0,
		.tsecr = seg->ts_off != 0 ? seg->tsval : 0,
		.wnd = seg->wnd,
	};
	struct sl_seg got;
	struct sl_l2 l2;

	sl_wire_l2_get(frame, seg->l3_off, &l2);
	sl_wire_l2_swap(&l2);
	check(sl_wire_emit(&buf, &l2, &made));
	check(sl_wire_parse(room, buf.len, &got) == SL_PARSED_TCP);
	buf.ip_cksum = buf.tcp_cksum = SL_CKSUM_UNKNOWN;
	check(sl_wire_verify(&buf, &got));
	check(buf.len == got.payload_off && got.payload_len == 0);
	check(got.vlan == seg->vlan && got.v6 == seg->v6);
	check(sl_addr_equal(&got.src, &seg->dst) && sl_addr_equal(&got.dst, &seg->src));
	check(got.src_port == made.src_port && got.dst_port == made.dst_port);
	check(got.seq == made.seq && got.ack == made.ack && got.flags == made.flags);
	check(got.wnd == made.wnd && got.mss == made.mss && got.wscale == made.wscale);
	check(got.sack_permitted == made.sack_permitted);
	check((got.ts_off != 0) == made.timestamps);
	check(got.tsval == made.tsval && got.tsecr == made.tsecr);
	/* Never longer than what it answers, but for the MSS option. */
	check(got.payload_off <= seg->payload_off + (syn && seg->mss == 0 ? 4 : 0));
}

/* Plain frames are parsed by a way of their own; with a tag they go the way of all others. */
static void check_tagged(const uint8_t *data, size_t size)
{
	const bool was_tagged =
		size >= 14 && (data[12] == 0x81 || data[12] == 0x88 || data[12] == 0x91);
	struct sl_seg seg, tagged;
	enum sl_parsed parsed;
	uint8_t *frame;

	if (size < 14 || was_tagged || size + 4 > UINT16_MAX)
		return;
	frame = malloc(size + 4);
	memcpy(frame, data, 12);
	memcpy(frame + 12, "\x81\x00\x20\x07", 4);
	memcpy(frame + 16, data + 12, size - 12);
	parsed = sl_wire_parse(data, (uint16_t)size, &seg);
	check(sl_wire_parse(frame, (uint16_t)(size + 4), &tagged) == parsed);
	check(seg.vlan == 0 && tagged.vlan == 7);
	tagged.vlan = 0;
	tagged.l3_off = (uint16_t)(tagged.l3_off - 4);
	if (tagged.l4_off != 0)
		tagged.l4_off = (uint16_t)(tagged.l4_off - 4);
	if (tagged.payload_off != 0)
		tagged.payload_off = (uint16_t)(tagged.payload_off - 4);
	if (tagged.ts_off != 0)
		tagged.ts_off = (uint16_t)(tagged.ts_off - 4);
	if (tagged.sack_off != 0)
		tagged.sack_off = (uint16_t)(tagged.sack_off - 4);
	check(memcmp(&seg, &tagged, sizeof(seg)) == 0);
	free(frame);
}

/* Whatever still fits the shape of a frame after a few changes to it is the same kind of segment,
 * to or from the same server. */
static void check_shape(const uint8_t *data, size_t size, const struct sl_seg *like, bool to_server)
{
	const struct sl_addr *server = to_server ? &like->dst : &like->src;
	const uint8_t flags = SL_SYN | SL_FIN | SL_RST | SL_ACK;
	struct sl_pattern shape;
	struct sl_seg seg;
	uint8_t *frame;

	if (!sl_pattern_learn(&shape, data, like, to_server))
		return;
	frame = malloc(size);
	memcpy(frame, data, size);
	for (uint32_t i = 0; i < 16; i++) {
		const uint32_t r = number(data, size, 100 + i);
		const unsigned len = i < 12 ? (unsigned)size : r % (size + 1);

		if (i > 0)
			frame[r % like->payload_off] ^= (uint8_t)(r >> 24);
		if (!sl_pattern_fits(&shape, frame, len, (enum sl_pattern_kind)shape.kind,
				     to_server, shape.v6)) {
			check(i > 0);
			continue;
		}
		if (sl_wire_parse(frame, (uint16_t)len, &seg) != SL_PARSED_TCP) {
			/* Of the client's end nothing is said. */
			check(seg.reason == SL_DROP_port_zero || seg.reason == SL_DROP_martian);
			continue;
		}
		check(seg.v6 == like->v6 && seg.vlan == 0 && seg.l4_off == like->l4_off);
		check(seg.payload_off == like->payload_off && seg.ts_off == like->ts_off);
		check(seg.sack_off == 0 && ((seg.flags ^ like->flags) & flags) == 0);
		check(seg.mss == like->mss && seg.wscale == like->wscale);
		check(sl_addr_equal(to_server ? &seg.dst : &seg.src, server));
		check(to_server ? seg.dst_port == like->dst_port : seg.src_port == like->src_port);
	}
	free(frame);
}

/* The checksum that an ICMP message of `len` bytes behind the IP header at `ip` asks for; 0 when it
 * stands there. */
static uint16_t icmp_cksum(const uint8_t *ip, bool v6, unsigned len)
{
	const uint8_t rest[8] = {0, 0, (uint8_t)(len >> 8), (uint8_t)len, [7] = 58};
	const uint64_t addrs = sl_cksum_add(0, rest, 8);

	return sl_cksum_finish(v6 ? sl_cksum_add(sl_cksum_add(addrs, ip + 8, 32), ip + 40, len)
				  : sl_cksum_add(0, ip + 20, len));
}

static bool answer_right(const uint8_t *frame, unsigned len, const struct sl_ask *ask)
{
	const bool v4 = ask->kind == SL_ASK_ECHO_V4;
	const uint8_t *ip = frame + ask->l3_off;

	if (ask->kind == SL_ASK_ARP)
		return len == ask->end;
	if (v4 && sl_cksum_finish(sl_cksum_add(0, ip, 20)) != 0)
		return false;
	return sl_load_be16(ip + (v4 ? 2 : 4)) == len - (v4 ? ask->l3_off : ask->l4_off) &&
	       icmp_cksum(ip, !v4, len - ask->l4_off) == 0;
}

/* No fuzzer finds a checksum by chance: they are made right, where there is no tag. */
static void make_ask_right(uint8_t *frame, size_t size)
{
	const bool v6 = size > 12 && frame[12] == 0x86;
	const unsigned hdr = v6 ? 40 : 20;
	uint8_t *ip = frame + 14;
	uint16_t cksum = 0;
	unsigned len;

	if (size < 14 + hdr + 8)
		return;
	len = v6 ? sl_load_be16(ip + 4) : sl_load_be16(ip + 2) - hdr;
	if (len < 8 || len > size - 14 - hdr)
		return;
	memcpy(ip + hdr + 2, &cksum, 2);
	cksum = icmp_cksum(ip, v6, len);
	memcpy(ip + hdr + 2, &cksum, 2);
	if (v6)
		return;
	memset(ip + 10, 0, 2);
	cksum = sl_cksum_finish(sl_cksum_add(0, ip, 20));
	memcpy(ip + 10, &cksum, 2);
}

static void check_ask_fields(const struct sl_ask *ask, size_t size)
{
	const bool v6 = ask->kind == SL_ASK_NEIGHBOUR || ask->kind == SL_ASK_ECHO_V6;

	check(ask->kind != SL_ASK_NONE && !ask->malformed);
	check(ask->l3_off >= 14 && ask->l3_off <= SL_L2_MAX && ask->end <= size);
	check(sl_addr_is_v4(&ask->target) == !v6 && sl_addr_is_v4(&ask->src) == !v6);
	check(!sl_addr_is_martian(&ask->target) && !sl_addr_equal(&ask->src, &ask->target));
	if (ask->kind == SL_ASK_ARP)
		check(ask->end == ask->l3_off + 28);
	else
		check(ask->l4_off == ask->l3_off + (v6 ? 40 : 20) && ask->end >= ask->l4_off + 8);
}

/* In memory that ends with the room that an answer may take. */
static void check_ask(const uint8_t *data, size_t size)
{
	static const uint8_t mac[6] = {2, 0xb0, 0, 0, 0, 9};
	struct sl_ask ask, again;
	struct sl_buf buf;
	struct sl_seg seg;
	uint8_t *frame;

	if (size + 8 > UINT16_MAX || !sl_wire_parse_ask(data, (uint16_t)size, &ask))
		return;
	check_ask_fields(&ask, size);
	frame = malloc(size + 8);
	memcpy(frame, data, size);
	buf = (struct sl_buf){.data = frame, .len = (uint16_t)size, .tailroom = 8};
	check(sl_wire_answer_ask(&buf, &ask, mac));
	check((size_t)buf.len + buf.tailroom == size + 8);
	check(memcmp(frame + 6, mac, 6) == 0);
	check(memcmp(frame + 12, data + 12, ask.l3_off - 12u) == 0);
	check(!sl_wire_parse_ask(frame, buf.len, &again) && !again.malformed);
	check(sl_wire_parse(frame, buf.len, &seg) == SL_PARSED_OTHER);
	check(answer_right(frame, buf.len, &ask));
	free(frame);
}

static void check_asks(const uint8_t *data, size_t size)
{
	uint8_t *frame;

	if (size == 0)
		return;
	check_ask(data, size);
	frame = malloc(size);
	memcpy(frame, data, size);
	make_ask_right(frame, size);
	check_ask(frame, size);
	free(frame);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sl_seg seg;
	uint8_t *frame;

	if (size > UINT16_MAX)
		return 0;
	check_tagged(data, size);
	check_asks(data, size);
	if (sl_wire_parse(data, (uint16_t)size, &seg) != SL_PARSED_TCP) {
		check(seg.reason < SL_N_DROPS);
		return 0;
	}
	check_offsets(&seg, size);
	check_shape(data, size, &seg, true);
	check_shape(data, size, &seg, false);
	frame = malloc(size);
	memcpy(frame, data, size);
	check_answer(frame, &seg);
	check_rewrite(frame, (uint16_t)size, &seg);
	make_right(frame, &seg);
	check(tcp_right(frame, (uint16_t)size, &seg));
	check_rewrite(frame, (uint16_t)size, &seg);
	free(frame);
	return 0;
}
