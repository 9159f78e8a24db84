/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The clients and servers: what they send, and what they make of what they hear. Half of the
 * clients are IPv6, and one is in a VLAN.
 */
#include "harness.h"

enum { FULL_SEGMENT = UINT16_MAX };

/* What a stranger of a flood, or the server that hears of it, sends. */
enum stranger {
	STRANGER_SYN,
	STRANGER_SYN_ACK, /* the server's */
	STRANGER_ACK,     /* the last of the handshake, with payload if bit 3 is set: it is real */
	STRANGER_STRAY,   /* an ACK of random numbers, with payload if bit 3 is set */
	STRANGER_RST,
	STRANGER_FIN,
	STRANGER_DATA,  /* the server's */
	STRANGER_RESET, /* the server's */
};

static bool is_v6(unsigned i)
{
	return is_ours(i) ? i & 2 : i & 1;
}

/* Addresses of client `i` and its server: half of them IPv6, and one in a VLAN. The IPv4
 * servers are spliced, tracked and monitored. */
static void addresses(unsigned i, struct sl_addr *client, struct sl_addr *server)
{
	const uint8_t c[4] = {198, 51, 100, (uint8_t)(1 + i)};
	const uint8_t s[4] = {192, 0, 2, (uint8_t)(2 + i % 6)};

	if (is_v6(i)) {
		check(sl_addr_parse(client, "2001:db8:c::1") == 0);
		check(sl_addr_parse(server, "2001:db8:5::2") == 0);
		client->b[15] = (uint8_t)i;
	} else {
		sl_addr_set_v4(client, c);
		sl_addr_set_v4(server, s);
	}
	if (is_ours(i))
		home(i % N_HOMES, server);
}

static uint16_t client_port(unsigned i)
{
	return (uint16_t)(40000 + i);
}

/* A server of our own is known by its port. */
static uint16_t server_port(unsigned i)
{
	return (uint16_t)(is_ours(i) ? i / N_OTHERS : 80);
}

/* The port of the box by which frames of client `i`, or of its server, come in. */
static uint8_t port_of(unsigned i, enum sl_side side)
{
	if (is_ours(i))
		return i & 4 ? HOST_PORT : side == SL_INSIDE;
	return (uint8_t)((i == 7 ? 2 : 0) + (side == SL_INSIDE));
}

/* Which client a segment is of, seen from outside or inside; N_CLIENTS for none. */
static unsigned client_of(const struct sl_seg *seg, bool to_inside)
{
	const uint16_t port = to_inside ? seg->src_port : seg->dst_port;
	const unsigned i = port - client_port(0);

	return i < N_CLIENTS ? i : N_CLIENTS;
}

/* What an ICMP error may quote later. */
static void remember(struct harness *h, const struct sl_buf *buf, const struct sl_seg *seg,
		     enum sl_side at)
{
	const unsigned i = client_of(seg, at == SL_INSIDE);

	if (i == N_CLIENTS)
		return;
	h->peer[i].last_len[at] = sl_min_u32(buf->len - seg->l3_off, REMEMBERED);
	memcpy(h->peer[i].last[at], buf->data + seg->l3_off, h->peer[i].last_len[at]);
}

/* An end takes in what the box sent it: all that is in order, without a doubt. */
void receive(struct harness *h, const struct sl_buf *buf, const struct sl_seg *seg)
{
	const enum sl_side at = buf->out_port % 2 == 0 ? SL_OUTSIDE : SL_INSIDE;
	const unsigned i = client_of(seg, at == SL_INSIDE);
	struct peer *peer;

	remember(h, buf, seg, at);
	if (i == N_CLIENTS || (h->deaf && is_ours(i)))
		return;
	peer = &h->peer[i];
	if (seg->flags & SL_SYN || seg->seq == peer->ack[at])
		peer->ack[at] = seg->seq + sl_seg_len(seg);
	if (seg->ts_off != 0)
		peer->ts[at] = seg->tsval;
	if (seg->flags & SL_SYN && seg->flags & SL_ACK && at == SL_OUTSIDE)
		peer->timestamps = seg->ts_off != 0;
}

/* What a client of our own servers says: some of it, from anywhere. */
static void put_requests(uint8_t *to, unsigned n, unsigned from)
{
	static const char text[] =
		"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
		"HEAD http://x?q HTTP/1.0\r\nConnection: x, keep-alive\r\n\r\n\r\n"
		"POST / HTTP/1.1\nHost: x\nContent-Length: 300\n\n"
		"GET / HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n"
		"PUT /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";

	for (unsigned i = 0; i < n; i++)
		to[i] = (uint8_t)text[(from + i) % (sizeof(text) - 1)];
}

/* Puts `n` bytes, which lie there already, behind a segment without payload, and makes its
 * checksums right. */
static void add_payload(struct sl_buf *buf, unsigned l3_off, bool v6, unsigned n)
{
	uint8_t *ip = buf->data + l3_off, *tcp = ip + (v6 ? 40 : 20);
	uint32_t tcp_len;
	uint16_t cksum;
	uint64_t sum;

	buf->len = (uint16_t)(buf->len + n);
	buf->tailroom = (uint16_t)(buf->tailroom - n);
	tcp_len = (uint32_t)(buf->data + buf->len - tcp);
	if (v6) {
		sl_store_be16(ip + 4, (uint16_t)tcp_len);
	} else {
		sl_store_be16(ip + 2, (uint16_t)(tcp_len + 20));
		memset(ip + 10, 0, 2);
		cksum = sl_cksum_finish(sl_cksum_add(0, ip, 20));
		memcpy(ip + 10, &cksum, 2);
	}
	memset(tcp + 16, 0, 2);
	sum = sl_cksum_pseudo(ip + (v6 ? 8 : 12), v6 ? 32 : 8, tcp_len);
	cksum = sl_cksum_finish(sl_cksum_add(sum, tcp, tcp_len));
	memcpy(tcp + 16, &cksum, 2);
}

/* A link-layer header; client 7 lives in a VLAN on the second link. MACs move, but for that of the
 * host link. */
static struct sl_l2 link_header(unsigned i, bool v6, uint8_t salt)
{
	struct sl_l2 l2 = {.len = 14};

	l2.bytes[0] = l2.bytes[6] = 2;
	l2.bytes[is_ours(i) && i & 4 ? 11 : 5] = salt;
	if (is_ours(i) && i & 4)
		l2.bytes[5] = HOST_MAC;
	if (i % N_OTHERS == 7) {
		sl_store_be32(l2.bytes + 12, 0x81000007);
		l2.len = 18;
	}
	sl_store_be16(l2.bytes + l2.len - 2, v6 ? 0x86dd : 0x0800);
	return l2;
}

/* Bytes of payload: FULL_SEGMENT is as much as the link carries behind `headers` bytes. */
static unsigned fit_payload(const struct harness *h, unsigned i, enum sl_side side,
			    unsigned headers, unsigned payload)
{
	const unsigned mtu = mtu_of(h, port_of(i, side));

	if (payload != FULL_SEGMENT)
		return payload;
	return mtu > headers ? mtu - headers : 0;
}

/* A segment of client `i`, or of its server when `side` is the inside; `text`: which payload.
 * Returns the bytes of payload. */
static unsigned send_segment(struct harness *h, unsigned i, enum sl_side side, struct sl_made *made,
			     unsigned payload, unsigned text, uint8_t salt)
{
	uint8_t frame[FRAME_MAX];
	struct sl_buf buf = {.data = frame, .tailroom = sizeof(frame)};
	struct sl_addr client, server;
	struct sl_l2 l2;

	addresses(i, &client, &server);
	made->src = side == SL_OUTSIDE ? &client : &server;
	made->dst = side == SL_OUTSIDE ? &server : &client;
	made->src_port = side == SL_OUTSIDE ? client_port(i) : server_port(i);
	made->dst_port = side == SL_OUTSIDE ? server_port(i) : client_port(i);
	l2 = link_header(i, !sl_addr_is_v4(&client), salt & 3);
	check(sl_wire_emit(&buf, &l2, made));
	payload = fit_payload(h, i, side, buf.len - l2.len, payload);
	if (is_ours(i))
		put_requests(buf.data + buf.len, payload, text);
	else
		memset(buf.data + buf.len, 'x', payload);
	add_payload(&buf, l2.len, !sl_addr_is_v4(&client), payload);
	queue(h, port_of(i, side), frame, buf.len);
	return payload;
}

/* SYN, or SYN-ACK: options by the bits of `flags`. */
void send_syn(struct harness *h, unsigned i, enum sl_side side, uint8_t flags, uint8_t a, uint8_t b,
	      bool with_ack)
{
	struct peer *peer = &h->peer[i];
	struct sl_made made = {
		.seq = peer->seq[side] - (with_ack ? 0 : b & 1),
		.ack = with_ack ? peer->ack[side] + (b & 2) : 0,
		.flags = (uint8_t)(with_ack ? SL_SYN | SL_ACK : SL_SYN),
		.wnd = (uint16_t)(a << 8 | 0xff),
		.mss = flags & 1 ? (uint16_t)(200 + 40 * b) : 0,
		.wscale = flags & 2 ? a % 15 : SL_NO_WSCALE,
		.sack_permitted = flags & 4,
		.timestamps = flags & 8,
		.tsval = (uint32_t)(h->now_us / 1000) + a,
		.tsecr = with_ack ? peer->ts[side] : 0,
	};

	peer->seq[side] = made.seq;
	send_segment(h, i, side, &made, flags & 0x80 ? a : 0, b, flags >> 5);
	peer->seq[side] = made.seq + 1;
}

/* What a peer can take: those of our own servers may say that it is nothing, or little. */
static uint16_t window(unsigned i, uint8_t flags, unsigned payload)
{
	if (is_ours(i) && flags & SL_ECE)
		return flags & SL_CWR ? 0 : 2;
	return (uint16_t)(0x1000 + payload % 0x1000);
}

void send_in_order(struct harness *h, unsigned i, enum sl_side side, uint8_t flags,
		   unsigned payload, unsigned text, uint32_t seq_off, uint32_t ack_off)
{
	struct peer *peer = &h->peer[i];
	struct sl_made made = {
		.seq = peer->seq[side] + seq_off,
		.ack = peer->ack[side] + ack_off,
		.flags = flags,
		.wnd = window(i, flags, payload),
		.wscale = SL_NO_WSCALE,
		.timestamps = peer->timestamps != ((flags & SL_URG) != 0),
		.tsval = (uint32_t)(h->now_us / 1000),
		.tsecr = peer->ts[side],
	};

	payload = send_segment(h, i, side, &made, payload, text, flags >> 6);
	if (seq_off == 0)
		peer->seq[side] += payload + !!(flags & SL_FIN);
}

/* Flags that a segment in order may have, of any byte. */
static uint8_t data_flags(uint8_t flags)
{
	return (uint8_t)((flags & (SL_FIN | SL_PSH | SL_URG | SL_ECE | SL_CWR)) | SL_ACK);
}

/* 255 bytes stand for a full segment. Segments of clients of our own servers are longer than a byte
 * says, if bit 2 is set. */
void send_data(struct harness *h, unsigned i, enum sl_side side, uint8_t flags, uint8_t a,
	       uint8_t b)
{
	const unsigned payload = a == 255 ? FULL_SEGMENT : is_ours(i) && flags & 4 ? 5u * a : a;

	send_in_order(h, i, side, data_flags(flags), payload, b, 0, 0);
}

/*
 * An ICMP error from `side` about the last segment that went there: its kind by the low bits of
 * `flags`; `a` bytes of TCP quoted, its number off by b.
 */
void send_icmp(struct harness *h, unsigned i, enum sl_side side, uint8_t flags, uint8_t a,
	       uint8_t b)
{
	static const uint8_t types4[4] = {3, 11, 12, 3}, types6[4] = {1, 2, 3, 4};
	const struct peer *peer = &h->peer[i];
	const bool v6 = is_v6(i);
	const unsigned ip_hdr = v6 ? 40 : 20, at = v6 ? 8 : 12, addr_len = v6 ? 16 : 4;
	const unsigned n = sl_min_u32(peer->last_len[side], ip_hdr + a % 96u);
	const struct sl_l2 l2 = link_header(i, v6, 0);
	uint8_t frame[FRAME_MAX], *ip, *icmp;
	uint16_t cksum;
	uint64_t sum = 0;

	if (n < ip_hdr + 8)
		return;
	memcpy(frame, l2.bytes, l2.len);
	ip = frame + l2.len;
	icmp = ip + ip_hdr;
	memcpy(ip, peer->last[side], ip_hdr);
	memcpy(ip + at + addr_len, peer->last[side] + at, addr_len);
	memset(icmp, 0, 8);
	icmp[0] = v6 ? types6[flags & 3] : types4[flags & 3];
	icmp[1] = flags >> 2 & 7;
	icmp[6] = 5;
	memcpy(icmp + 8, peer->last[side], n);
	if (b != 0)
		sl_store_be32(icmp + 8 + ip_hdr + 4,
			      sl_load_be32(icmp + 8 + ip_hdr + 4) +
				      ((uint32_t)(int8_t)b << (flags >> 5 << 2)));
	if (v6) {
		sl_store_be16(ip + 4, (uint16_t)(8 + n));
		ip[6] = 58;
		sum = sl_cksum_fold(sl_cksum_add(0, ip + 8, 32)) + __builtin_bswap32(8 + n) +
		      __builtin_bswap16(58);
	} else {
		sl_store_be16(ip + 2, (uint16_t)(28 + n));
		ip[9] = 1;
		memset(ip + 10, 0, 2);
		cksum = sl_cksum_finish(sl_cksum_add(0, ip, 20));
		memcpy(ip + 10, &cksum, 2);
	}
	cksum = sl_cksum_finish(sl_cksum_add(sum, icmp, 8 + n));
	memcpy(icmp + 2, &cksum, 2);
	queue(h, port_of(i, side), frame, l2.len + ip_hdr + 8 + n);
}

static void stranger_addresses(unsigned i, unsigned number, struct sl_addr *src,
			       struct sl_addr *dst)
{
	const uint8_t v4[4] = {198, 18, (uint8_t)(number >> 8), (uint8_t)number};

	addresses(i, src, dst);
	if (is_v6(i)) {
		check(sl_addr_parse(src, "2001:db8:bad::") == 0);
		sl_store_be16(src->b + 6, (uint16_t)number); /* of a network of its own */
	} else {
		sl_addr_set_v4(src, v4);
	}
}

/* What a stranger's segment is, but for its ends. */
static struct sl_made stranger_segment(uint8_t kind, unsigned number, uint64_t now_us)
{
	const uint32_t isn = number * 0x01000193, iss = number * 0x9e3779b1;
	struct sl_made made = {
		.seq = isn + 1,
		.ack = iss + 1,
		.flags = SL_ACK,
		.wnd = 0x2000,
		.wscale = SL_NO_WSCALE,
	};

	switch ((enum stranger)(kind & 7)) {
	case STRANGER_SYN:
	case STRANGER_SYN_ACK:
		made.seq = isn;
		made.ack = 0;
		made.flags = SL_SYN;
		made.mss = kind & 16 ? 1460 : 0;
		made.wscale = kind & 32 ? 7 : SL_NO_WSCALE;
		made.sack_permitted = kind & 64;
		made.timestamps = kind & 128;
		made.tsval = (uint32_t)(now_us / 1000);
		break;
	case STRANGER_ACK:
	case STRANGER_DATA:
		break;
	case STRANGER_STRAY:
		made.seq = isn * 0x9e3779b1;
		made.ack = iss * 0x01000193;
		break;
	case STRANGER_RST:
	case STRANGER_RESET:
		made.flags = kind & 16 ? SL_RST : SL_RST | SL_ACK;
		break;
	case STRANGER_FIN:
		made.flags = SL_FIN | SL_ACK;
		break;
	}
	return made;
}

/* The same from the server. */
static void turn(struct sl_made *made, uint8_t kind)
{
	const struct sl_addr *addr = made->src;
	const uint32_t seq = made->seq;
	const uint16_t port = made->src_port;

	made->src = made->dst;
	made->dst = addr;
	made->src_port = made->dst_port;
	made->dst_port = port;
	made->seq = made->ack;
	made->ack = seq;
	if ((kind & 7) == STRANGER_SYN_ACK) {
		made->flags |= SL_ACK;
		made->ack++;
	}
}

void send_stranger(struct harness *h, unsigned i, uint8_t kind, unsigned number)
{
	const bool inside = (kind & 7) == STRANGER_SYN_ACK || (kind & 7) >= STRANGER_DATA;
	struct sl_made made = stranger_segment(kind, number, h->now_us);
	uint8_t frame[FRAME_MAX];
	struct sl_buf buf = {.data = frame, .tailroom = sizeof(frame)};
	struct sl_addr src, dst;
	struct sl_l2 l2;

	stranger_addresses(i, number, &src, &dst);
	made.src = &src;
	made.dst = &dst;
	made.src_port = (uint16_t)(50000 + number);
	made.dst_port = server_port(i);
	if (inside)
		turn(&made, kind);
	l2 = link_header(i, is_v6(i), 0);
	check(sl_wire_emit(&buf, &l2, &made));
	memset(buf.data + buf.len, 'y', 8);
	add_payload(&buf, l2.len, is_v6(i), kind & 8 && !(made.flags & (SL_SYN | SL_RST)) ? 8 : 0);
	queue(h, port_of(i, inside ? SL_INSIDE : SL_OUTSIDE), frame, buf.len);
}
