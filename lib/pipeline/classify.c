/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which link, which service, and whether the packet is fit to be looked at. What is not TCP of a
 * service leaves by the link's other port untouched, whatever is wrong with it: that is its ends'
 * business; but ICMP errors about TCP of a service go with it. What is TCP of a spliced service
 * must be right to the last bit, and while there is one no frame passes in which a host may find
 * TCP where this box does not look.
 */
#include "pipeline.h"

static void pass(struct sl_pipeline *p, struct sl_buf *buf, struct sl_port_place place)
{
	const enum sl_side to = sl_side_other((enum sl_side)place.side);
	const uint8_t port = p->plan->links[place.link].port[to];
	const struct sl_frame_limit *limit = &p->relay.limit[port];

	if (sl_likely(sl_frame_fits(limit, buf->len, SL_ETHER_HDR)) ||
	    sl_frame_fits(limit, buf->len, sl_wire_l3_off(buf->data, buf->len)))
		sl_out_pass(p->out, buf, port);
	else
		pipeline_too_long(p, buf, port, 0);
}

/* Traffic of no service. */
static void by_default(struct sl_pipeline *p, struct sl_buf *buf, struct sl_port_place place)
{
	buf->account = SL_SERVICE_NONE;
	if (pipeline_on_host(p, place.link))
		sl_out_drop(p->out, buf, SL_DROP_not_ours);
	else if (p->plan->links[place.link].pass_default)
		pass(p, buf, place);
	else
		sl_out_drop(p->out, buf, SL_DROP_default_drop);
}

/*
 * The service that a TCP packet concerns: its destination's from outside, its source's from inside.
 * Ports are 0 where they could not be read. Most packets of a burst ask for one that was asked for
 * just before.
 */
static inline uint16_t service_of(struct sl_pipeline *p, const struct sl_seg *seg,
				  enum sl_side side)
{
	const struct sl_addr *addr = side == SL_OUTSIDE ? &seg->dst : &seg->src;
	const uint16_t port = side == SL_OUTSIDE ? seg->dst_port : seg->src_port;
	struct sl_route *route = &p->route;

	if (sl_unlikely(port == 0))
		return sl_service_find_addr(&p->plan->services, addr);
	if (port != route->port || !sl_addr_equal(addr, &route->addr)) {
		route->in_port = SL_PORTS_MAX;
		route->addr = *addr;
		route->port = port;
		route->service = sl_service_find(&p->plan->services, addr, port);
	}
	return route->service;
}

static inline bool martian(const struct sl_seg *seg)
{
	if (seg->v6)
		return sl_addr_is_martian(&seg->src) || sl_addr_is_martian(&seg->dst);
	return sl_addr_v4_is_martian(&seg->src) || sl_addr_v4_is_martian(&seg->dst);
}

/* What no honest packet to a service looks like, though it parsed: its reason in seg->reason. */
static inline bool believable(const struct sl_pipeline *p, struct sl_buf *buf, struct sl_seg *seg)
{
	if (sl_unlikely(martian(seg))) {
		seg->reason = SL_DROP_martian;
		return false;
	}
	if (sl_unlikely(sl_addr_equal(&seg->src, &seg->dst))) {
		seg->reason =
			seg->src_port == seg->dst_port ? SL_DROP_land : SL_DROP_spoofed_service;
		return false;
	}
	if (pipeline_is_host(p, buf) && pipeline_host_has(p, buf, &seg->src)) {
		seg->reason = SL_DROP_spoofed_service;
		return false;
	}
	return sl_wire_verify(buf, seg);
}

bool pipeline_segment_is_right(const struct sl_pipeline *p, struct sl_buf *buf, struct sl_seg *seg)
{
	return believable(p, buf, seg);
}

/* mode = "monitor": the packet passes; what splice would have done is counted. */
static void monitor(struct sl_pipeline *p, struct sl_buf *buf, struct sl_seg *seg, bool parsed,
		    struct sl_port_place place)
{
	struct sl_account *a = &p->out->accounts[buf->account];

	if (!parsed || !believable(p, buf, seg))
		sl_count(&a->event[SL_EVENT_would_drop], 1);
	else if (place.side == SL_OUTSIDE && (seg->flags & (SL_SYN | SL_ACK)) == SL_SYN)
		sl_count(&a->event[SL_EVENT_would_answer], 1);
	pass(p, buf, place);
}

/* TCP that the box leaves to its ends, of the service in buf->account or of none. */
static void leave(struct sl_pipeline *p, struct sl_buf *buf, struct sl_seg *seg, bool parsed,
		  struct sl_port_place place)
{
	const struct sl_service *service = &p->plan->services.service[buf->account];

	if (pipeline_on_host(p, place.link))
		pipeline_host_refuse(p, buf, seg, parsed);
	else if (buf->account == SL_SERVICE_NONE)
		by_default(p, buf, place);
	else if (service->mode == SL_MODE_MONITOR)
		monitor(p, buf, seg, parsed, place);
	else
		pass(p, buf, place);
}

/* Likewise an ICMP error about such TCP. */
static void leave_icmp(struct sl_pipeline *p, struct sl_buf *buf, struct sl_port_place place)
{
	if (buf->account == SL_SERVICE_NONE || pipeline_on_host(p, place.link))
		by_default(p, buf, place);
	else
		pass(p, buf, place);
}

void pipeline_leave(struct sl_pipeline *p, const struct sl_packet *pkt)
{
	const struct sl_port_place place = {.link = pkt->link, .side = pkt->side};

	pkt->buf->account = pkt->service;
	if (pkt->icmp)
		leave_icmp(p, pkt->buf, place);
	else
		leave(p, pkt->buf, pkt->seg, true, place);
}

bool pipeline_believable(const struct sl_pipeline *p, const struct sl_packet *pkt)
{
	return believable(p, pkt->buf, pkt->seg);
}

/* Whether traffic that is not proxied may all the same belong to a connection of ours: of a service
 * that tracks, or whose mode has changed, or that is gone. */
static bool is_looked_up(const struct sl_pipeline *p, uint16_t number, bool on_host)
{
	if (pipeline_tracks(p, number))
		return true;
	if (number == SL_SERVICE_NONE && p->plan->services.n_retired == 0 && !on_host)
		return false;
	return sl_flow_count(&p->relay.flow) > 0 || pipeline_cookies_alive(p, number);
}

/* Admits a parsed packet: its connection will be looked up. Prefetches what the look-up reads
 * first. */
static void admit(struct sl_pipeline *p, struct sl_buf *buf, struct sl_seg *seg,
		  struct sl_port_place place, bool proxied, bool icmp)
{
	const struct sl_flow *flow = &p->relay.flow;
	struct sl_flow_query *q = &p->query[p->n];

	p->server[p->n].known = false;
	p->packet[p->n] = (struct sl_packet){
		.buf = buf,
		.seg = seg,
		.service = buf->account,
		.link = place.link,
		.side = place.side,
		.proxied = proxied,
		.icmp = icmp,
		.cookie = SL_BURST,
		.server = (uint8_t)p->n,
	};
	p->n++;
	sl_relay_key(&q->key, seg, place.link, (enum sl_side)place.side);
	q->hash = sl_flow_hash(flow, &q->key);
	sl_flow_prefetch_bucket(flow, q->hash);
}

/* Keeps the route of the packet that was admitted last, for packets to the same server or from it
 * by the same port. */
static void remember_route(struct sl_pipeline *p, const struct sl_buf *buf,
			   const struct sl_seg *seg)
{
	const struct sl_packet *pkt = &p->packet[p->n - 1];
	const struct sl_flow_key *key = &p->query[p->n - 1].key;
	struct sl_route *route = &p->route;

	route->in_port = buf->in_port;
	route->outside = pkt->side == SL_OUTSIDE;
	route->v6 = seg->v6;
	route->vlan = seg->vlan;
	route->domain = key->domain;
	route->sum = sl_flow_sum_server(&p->relay.flow, key, seg->v6);
	route->routing = pkt->routing;
	pipeline_learn(p, buf, seg);
}

/* Whether a client of a proxied service may have its address, where its server is no martian. */
static inline bool possible_client(const struct sl_addr *client, const struct sl_route *route)
{
	if (sl_addr_equal(client, &route->addr))
		return false;
	return route->v6 ? !sl_addr_is_martian(client) : !sl_addr_v4_is_martian(client);
}

/*
 * Admits a segment to or from the server of the last packet, by the same port: it has the same
 * route. `outside` is known to the compiler. Returns false, and changes nothing, for other segments
 * and for a malformed one.
 */
static inline __attribute__((always_inline)) bool
admit_by_route(struct sl_pipeline *p, struct sl_buf *buf, struct sl_seg *seg, const bool outside)
{
	const struct sl_route *route = &p->route;
	const struct sl_addr *client = outside ? &seg->src : &seg->dst;
	const struct sl_addr *server = outside ? &seg->dst : &seg->src;
	struct sl_flow_query *q = &p->query[p->n];
	struct sl_packet *pkt = &p->packet[p->n];
	uint32_t ports;

	if ((outside ? seg->dst_port : seg->src_port) != route->port || seg->vlan != route->vlan ||
	    !sl_addr_equal(server, &route->addr))
		return false;
	if (outside && pipeline_is_host(p, buf) && pipeline_host_has(p, buf, client))
		return false;
	pkt->routing = route->routing;
	/* What is not proxied goes on whatever it is, and is judged where something hangs on it. */
	if (pkt->proxied &&
	    sl_unlikely(!possible_client(client, route) || !sl_wire_verify(buf, seg)))
		return false;
	pkt->buf = buf;
	pkt->seg = seg;
	pkt->pattern = NULL;
	buf->account = route->service;
	if (!outside)
		pipeline_heard(p, route->service);
	sl_addr_copy(&q->key.outside_addr, client);
	sl_addr_copy(&q->key.inside_addr, &route->addr);
	/* In one piece, since it is hashed so. */
	ports = (uint32_t)route->port << 16 | (outside ? seg->src_port : seg->dst_port);
	memcpy(&q->key.outside_port, &ports, sizeof(ports));
	q->key.domain = route->domain;
	q->hash = sl_flow_hash_client(&p->relay.flow, route->sum, &q->key, route->v6);
	sl_flow_prefetch_bucket(&p->relay.flow, q->hash);
	p->n++;
	pipeline_learn(p, buf, seg);
	return true;
}

static inline bool admitted_by_route(struct sl_pipeline *p, struct sl_buf *buf, struct sl_seg *seg)
{
	if (buf->in_port != p->route.in_port)
		return false;
	return p->route.outside ? admit_by_route(p, buf, seg, true)
				: admit_by_route(p, buf, seg, false);
}

static void classify_icmp(struct sl_pipeline *p, struct sl_buf *buf, const struct sl_seg *icmp,
			  struct sl_port_place place)
{
	struct sl_seg *seg = pipeline_quoted(p, buf, icmp);
	bool proxied;

	if (seg == NULL) {
		by_default(p, buf, place);
		return;
	}
	buf->account = service_of(p, seg, (enum sl_side)place.side);
	proxied = pipeline_proxied(p, buf->account);
	if (proxied || is_looked_up(p, buf->account, false))
		admit(p, buf, seg, place, proxied, true);
	else
		leave_icmp(p, buf, place);
}

static void classify_tcp(struct sl_pipeline *p, struct sl_buf *buf, struct sl_seg *seg, bool parsed,
			 struct sl_port_place place)
{
	uint16_t number = service_of(p, seg, (enum sl_side)place.side);
	bool proxied;

	if (sl_unlikely(pipeline_on_host(p, place.link))) {
		if (!pipeline_host_has(p, buf, &seg->dst)) {
			by_default(p, buf, place);
			return;
		}
		/* No server is behind it that another service could stand for. */
		if (p->plan->services.service[number].mode != SL_MODE_RESPOND)
			number = SL_SERVICE_NONE;
		/* A host answers to flags that no stack sends: RFC 9293 section 3.10.7 makes no
		 * difference. */
		parsed = parsed || seg->reason == SL_DROP_tcp_bad_flags;
	}
	proxied = pipeline_proxied(p, number);
	buf->account = number;
	if (place.side == SL_INSIDE && number != SL_SERVICE_NONE)
		pipeline_heard(p, number);
	if (!proxied && (!parsed || !is_looked_up(p, number, pipeline_on_host(p, place.link)))) {
		leave(p, buf, seg, parsed, place);
		return;
	}
	if (proxied && (!parsed || !believable(p, buf, seg))) {
		sl_out_drop(p->out, buf, (enum sl_drop)seg->reason);
		return;
	}
	admit(p, buf, seg, place, proxied, false);
	if ((proxied || pipeline_tracks(p, number)) && sl_tcp_flags_possible(seg->flags))
		remember_route(p, buf, seg);
}

static void classify_other(struct sl_pipeline *p, struct sl_buf *buf, const struct sl_seg *seg,
			   enum sl_parsed parsed, struct sl_port_place place)
{
	if (parsed == SL_PARSED_ICMP) {
		classify_icmp(p, buf, seg, place);
	} else if (pipeline_on_host(p, place.link)) {
		pipeline_host_other(p, buf);
	} else if (parsed == SL_PARSED_OTHER || (parsed == SL_PARSED_UNREAD && p->n_proxied == 0)) {
		by_default(p, buf, place);
	} else {
		buf->account = SL_SERVICE_NONE;
		sl_out_drop(p->out, buf, (enum sl_drop)seg->reason);
	}
}

/* Packet `i` of the burst. */
static void classify(struct sl_pipeline *p, struct sl_buf *buf, unsigned i)
{
	const struct sl_port_place place = p->port[buf->in_port];
	struct sl_seg *seg = &p->seg[i];
	const enum sl_parsed parsed = (enum sl_parsed)p->parsed[i];

	assert(place.side < SL_N_SIDES);
	if (pipeline_is_host(p, buf) && !pipeline_host_hears(p, buf, parsed)) {
		by_default(p, buf, place);
		return;
	}
	if (sl_likely(parsed == SL_PARSED_TCP) && sl_likely(admitted_by_route(p, buf, seg)))
		return;
	if (sl_likely(parsed == SL_PARSED_TCP || parsed == SL_PARSED_BAD_TCP))
		classify_tcp(p, buf, seg, parsed == SL_PARSED_TCP, place);
	else
		classify_other(p, buf, seg, parsed, place);
}

/* Packet `first` of the burst, and all that follow until one fits a pattern. */
static unsigned classify_some(struct sl_pipeline *p, struct sl_buf *bufs, unsigned first,
			      unsigned n)
{
	unsigned end = first;

	/* By itself: what has just been written is not read at once in other pieces. */
	do {
		p->parsed[end] =
			(uint8_t)sl_wire_parse(bufs[end].data, bufs[end].len, &p->seg[end]);
		p->unverified |= (uint32_t)(bufs[end].tcp_cksum != SL_CKSUM_GOOD) << end;
		end++;
	} while (end < n && !pipeline_fits(p, &bufs[end]));
	for (unsigned i = first; i < end; i++)
		classify(p, &bufs[i], i);
	return end;
}

void pipeline_classify(struct sl_pipeline *p, struct sl_buf *bufs, unsigned n)
{
	p->n = 0;
	static_assert(SL_BURST <= 32, "a bit a packet");
	p->unverified = 0;
	p->route.port = 0;
	p->route.in_port = SL_PORTS_MAX;
	for (unsigned i = 0; i < n;) {
		const unsigned first = i;

		i = pipeline_admit_templated(p, bufs, i, n);
		if (i == first)
			i = classify_some(p, bufs, i, n);
	}
}
