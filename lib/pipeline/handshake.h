/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Handshakes, as the files of it share them: cookies.c makes and checks cookies, answer.c answers
 * SYNs, prove.c takes ACKs that bring a cookie back, reopen.c those that follow a connection which
 * is over; handshake.c says which is whose.
 */
#ifndef HANDSHAKE_H
#define HANDSHAKE_H

#include "pipeline.h"

static inline const struct sl_service *handshake_service(const struct sl_pipeline *p,
							 const struct sl_packet *pkt)
{
	return &p->plan->services.service[pkt->service];
}

static inline void handshake_count(struct sl_pipeline *p, const struct sl_packet *pkt,
				   enum sl_event event)
{
	sl_count(&p->out->accounts[pkt->service].event[event], 1);
}

/* Whose handshake: of a client outside. */
static inline struct sl_cookie_ends handshake_ends(const struct sl_flow_key *key, bool v6)
{
	struct sl_cookie_ends ends = {
		.client = &key->outside_addr,
		.server = &key->inside_addr,
		.v6 = v6,
	};

	static_assert(offsetof(struct sl_flow_key, inside_port) ==
			      offsetof(struct sl_flow_key, outside_port) + 2,
		      "the server's port lies in the upper half");
	memcpy(&ends.ports, &key->outside_port, sizeof(ends.ports));
	return ends;
}

static inline bool handshake_is_syn(const struct sl_seg *seg)
{
	return (seg->flags & (SL_SYN | SL_ACK | SL_FIN | SL_RST)) == SL_SYN;
}

/* Whether a segment may bring a cookie back. */
static inline bool handshake_may_prove(const struct sl_packet *pkt)
{
	return pkt->side == SL_OUTSIDE && (pkt->seg->flags & (SL_SYN | SL_RST | SL_ACK)) == SL_ACK;
}

/* Whether the answer to a SYN is the template's. */
static inline bool handshake_is_full(const struct sl_answer *answer, const struct sl_seg *seg)
{
	return answer->timestamps && seg->sack_permitted && seg->wscale != SL_NO_WSCALE;
}

static inline uint32_t handshake_cookie(const struct sl_pipeline *p, unsigned k, const bool v6)
{
	return sl_cookie_mint_end(&p->moment, &p->cookies[v6].macs, k, v6);
}

/* cookies.c: what a SYN to the packet's server may be promised now. */
struct sl_terms handshake_terms(const struct sl_pipeline *p, const struct sl_packet *pkt);
/* cookies.c: makes the cookie of a SYN that comes by itself: number SL_BURST. */
void handshake_mint_alone(struct sl_pipeline *p, unsigned i);
/* cookies.c: the verdict on the cookie that packet `i` brings back; when it is valid, `grant` says
 * what the client was granted. */
enum sl_cookie_verdict handshake_verify(struct sl_pipeline *p, unsigned i, struct sl_grant *grant);

/* answer.c: answers a SYN with cookie `k` of its family, or with `iss` in its place. */
void handshake_answer(struct sl_pipeline *p, const struct sl_packet *pkt, unsigned k, uint32_t iss);
/* answer.c: answers SYNs that fit the template of packet `i` and have their cookies, up to packet
 * `n` - 1, as long as they follow each other. Returns the number of the first packet that is not
 * one. */
unsigned handshake_answer_alike(struct sl_pipeline *p, unsigned i, unsigned n);
/* answer.c: answers a SYN whose cookie was not made with the burst's, or that may follow `old`, a
 * connection in TIME-WAIT: then it may need an ISN of its own. */
void handshake_answer_alone(struct sl_pipeline *p, unsigned i, struct sl_conn *old);

/* prove.c: opens the connection of a client that has proved its address. */
void handshake_open_proven(struct sl_pipeline *p, unsigned i, const struct sl_grant *grant);
/* prove.c: an ACK, perhaps with the first data, of no connection. */
void handshake_check_ack(struct sl_pipeline *p, unsigned i);
/* prove.c: drops ACKs that fit the template of packet `i` and carry no valid cookie, up to packet
 * `n` - 1, as long as they follow each other. Returns the number of the first packet that is not
 * one, or that has to be looked at closely. */
unsigned handshake_refuse_alike(struct sl_pipeline *p, unsigned i, unsigned n);

/* handshake.c: a SYN without ACK that may open a connection, perhaps in the place of `old`. */
void handshake_open_by_syn(struct sl_pipeline *p, unsigned i, struct sl_conn *old);

#endif
