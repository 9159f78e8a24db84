/* SPDX-License-Identifier: BSD-3-Clause */
/* The stages of the road, in its order. */
#ifndef PIPELINE_H
#define PIPELINE_H

#include "sl_pipeline.h"

/* What knows its family or direction when it is compiled. */
#define PIPELINE_INLINE static inline __attribute__((always_inline))

/* template.c: whether a packet fits a template. */
bool pipeline_fits(struct sl_pipeline *p, const struct sl_buf *buf);
/* template.c: if packet `i` fits a template, admits it and the packets after it that fit the same
 * one, as long as nothing is wrong with them. Returns the number of the first packet that is left.
 */
unsigned pipeline_admit_templated(struct sl_pipeline *p, struct sl_buf *bufs, unsigned i,
				  unsigned n);
/* template.c: learns a template from the packet that was admitted last and had to be parsed. It is
 * active from the next burst on. */
void pipeline_learn(struct sl_pipeline *p, const struct sl_buf *buf, const struct sl_seg *seg);
/* template.c: begins a burst: activates the template that was learned in the last one, or forgets
 * all when services have changed. */
void pipeline_templates_begin(struct sl_pipeline *p);
/* template.c: parses a packet that was admitted by a template. */
void pipeline_parse_packet(struct sl_packet *pkt);
/* template.c: the packets of a template have to be parsed all the same: does without the template
 * for a second. */
void pipeline_template_back_off(struct sl_pipeline *p, struct sl_template *tmpl);
static inline struct sl_template *pipeline_template(const struct sl_packet *pkt)
{
	static_assert(offsetof(struct sl_template, pattern) == 0,
		      "a template begins with its pattern");
	return (struct sl_template *)(uintptr_t)pkt->pattern;
}

/* classify.c: parses the packets of a burst. Passes or drops those that need no connection, and
 * admits the others: their connections are looked up. */
void pipeline_classify(struct sl_pipeline *p, struct sl_buf *bufs, unsigned n);

/* icmp.c: the segment that an ICMP error quotes, turned round, for the packet that is admitted
 * next; NULL when the error quotes none. */
struct sl_seg *pipeline_quoted(struct sl_pipeline *p, const struct sl_buf *buf,
			       const struct sl_seg *icmp);
/* icmp.c: an ICMP error whose look-up found connection `index`, or none. */
void pipeline_icmp(struct sl_pipeline *p, unsigned i, uint32_t index);

/* classify.c: the packet is left to its ends: passed, or what its service or link says. */
void pipeline_leave(struct sl_pipeline *p, const struct sl_packet *pkt);
/* classify.c: whether the segment is right to the last bit; if not, its reason in seg->reason. */
bool pipeline_believable(const struct sl_pipeline *p, const struct sl_packet *pkt);

/* classify.c: the same of a parsed segment that is not admitted. */
bool pipeline_segment_is_right(const struct sl_pipeline *p, struct sl_buf *buf, struct sl_seg *seg);

/* host.c: on a link where the box owns addresses. */
static inline bool pipeline_on_host(const struct sl_pipeline *p, unsigned link)
{
	return p->plan->links[link].host;
}
/* A MAC, of the eight bytes that begin with it; never 0. */
static inline uint64_t pipeline_mac_word(const uint8_t *bytes)
{
	return sl_load_le64(bytes) << 16 | 1;
}
/* Whether a port is a host link's. */
static inline bool pipeline_is_host(const struct sl_pipeline *p, const struct sl_buf *buf)
{
	return sl_unlikely(p->mac[buf->in_port] != 0);
}
/* There, whether a frame of 8 bytes or more is for the link's MAC: a port hears all. Not one that
 * says it is from a group: the answer would go to all of it. */
static inline bool pipeline_host_meant(const struct sl_pipeline *p, const struct sl_buf *buf)
{
	return pipeline_mac_word(buf->data) == p->mac[buf->in_port] && !(buf->data[6] & 1);
}
/* Whether a frame is for the link at all, by its MAC; `parsed`: what it is. */
bool pipeline_host_hears(const struct sl_pipeline *p, const struct sl_buf *buf,
			 enum sl_parsed parsed);
/* Whether an address is one of the link's: nobody else has it. */
bool pipeline_host_has(const struct sl_pipeline *p, const struct sl_buf *buf,
		       const struct sl_addr *addr);
/* What is no TCP: answered, if it asks for an address of the link's, or dropped. */
void pipeline_host_other(struct sl_pipeline *p, struct sl_buf *buf);
/* TCP to a port where nobody listens; `parsed`: it is well-formed. */
void pipeline_host_refuse(struct sl_pipeline *p, struct sl_buf *buf, struct sl_seg *seg,
			  bool parsed);

/* change.c: what a change of the plan leaves behind. */
/* Whether new connections of the service are proxied now. */
static inline bool pipeline_proxied(const struct sl_pipeline *p, uint16_t service)
{
	return p->relay.service[service].proxied;
}
/* Whether it is left to its ends, and its connections are followed. */
static inline bool pipeline_tracks(const struct sl_pipeline *p, uint16_t service)
{
	return p->relay.service[service].tracks;
}
/* Finds that out anew: something it hangs on has changed. Where packets have passed and no longer
 * do, strays are adopted from now on. */
void pipeline_settle(struct sl_pipeline *p, uint16_t service);
/* Whether a cookie of this service may be alive somewhere: else there is nothing to verify. */
bool pipeline_cookies_alive(const struct sl_pipeline *p, uint16_t service);
/* Whether what runs already is taken in: for a while after the box came, or its plan changed. */
static inline bool pipeline_adopts(const struct sl_pipeline *p, uint16_t service)
{
	return sl_unlikely(p->relay.now_us < p->relay.service[service].adopt_until_us) &&
	       p->plan->services.service[service].strays == SL_STRAYS_ADOPT;
}
/* Whether segments of no connection may be honest: in that window, or where entries had to give
 * way. */
static inline bool pipeline_takes_strays(const struct sl_pipeline *p, uint16_t service)
{
	return pipeline_adopts(p, service) || sl_unlikely(sl_relay_overflows(&p->relay, service));
}
/* Opens that window. */
void pipeline_adopt_from_now(struct sl_pipeline *p, uint16_t service);
/* Opens it for all services, and for those whose traffic is proxied now and was not before. */
void pipeline_change_init(struct sl_pipeline *p);
void pipeline_change(struct sl_pipeline *p, const struct sl_plan *before);

/* one_way.c: servers whose answers go round the box. */
/* A segment of a server of the service has come: the first since it was asked. */
void pipeline_heard_again(struct sl_pipeline *p, uint16_t service);
static inline void pipeline_heard(struct sl_pipeline *p, uint16_t service)
{
	const struct sl_service_state *state = &p->relay.service[service];

	if (sl_unlikely(state->heard_at != state->syns_sent || state->one_way))
		pipeline_heard_again(p, service);
}
/* Looks once a second whether a service asks and hears nothing. */
void pipeline_one_way_tick(struct sl_pipeline *p);

/* cookies.c: makes the cookies of the burst, and checks those that come back, all at once. */
void pipeline_cookies(struct sl_pipeline *p);
/* handshake.c: answers SYNs and judges ACKs of no connection whose cookies were made with the
 * burst's: from `i` on as many of the first `n` as there are, until one changes the table. Returns
 * the number of the first that is left. */
unsigned pipeline_handshakes(struct sl_pipeline *p, unsigned i, unsigned n);
/* answer.c: books the answers of the burst. */
void pipeline_answered(struct sl_pipeline *p);
/* handshake.c: a segment of no connection. */
void pipeline_handshake(struct sl_pipeline *p, unsigned i);
/* reopen.c: a segment that found a connection which is over; false when it belongs to it. */
bool pipeline_reopen(struct sl_pipeline *p, unsigned i);
/* passed.c: of a service that is not proxied (any more), and of no connection. */
void pipeline_unproxied(struct sl_pipeline *p, unsigned i);
/* passed.c: of connection `index`, which is only tracked. */
void pipeline_follow(struct sl_pipeline *p, unsigned i, uint32_t index);
/* prove.c: whether a segment brings a cookie back that verifies; then the connection opens. */
bool pipeline_proves(struct sl_pipeline *p, unsigned i);

/* too_long.c: drops a packet that is longer, by itself or with `more` bytes, than what `port` can
 * send, and tells its sender. */
void pipeline_too_long(struct sl_pipeline *p, struct sl_buf *buf, uint8_t port, unsigned more);
/* too_long.c: the same of a packet that not every port can send. */
bool pipeline_long_is_too_long(struct sl_pipeline *p, unsigned i, uint32_t index);
/* Whether that has become of a packet whose look-up found connection `index`, or none. The box may
 * put an option of its own into it. */
static inline bool pipeline_is_too_long(struct sl_pipeline *p, unsigned i, uint32_t index)
{
	const uint32_t most = (uint32_t)p->packet[i].buf->len + SL_TIMESTAMPS_BYTES;

	return sl_unlikely(most > p->relay.len_always) && pipeline_long_is_too_long(p, i, index);
}

/* stray.c: a segment of a proxied service that belongs to no connection. */
void pipeline_stray(struct sl_pipeline *p, unsigned i, enum sl_drop reason);
/* ration.c: whether a stray from outside, packet `i`, is shown to its server, and whether the
 * server is also asked. */
enum pipeline_ration {
	PIPELINE_RATION_NONE,
	PIPELINE_RATION_SHOW,
	PIPELINE_RATION_SHOW_AND_ASK,
};
enum pipeline_ration pipeline_ration_stray(struct sl_pipeline *p, unsigned i);
/* ration.c: whether another packet from outside may reach the servers of a service. */
bool pipeline_ration_take(struct sl_pipeline *p, uint16_t service);
/* stray.c: RFC 9293 section 3.10.7.1: a segment of no connection becomes the RST that answers it,
 * of which there are so many a second; or it is dropped. */
void pipeline_reset(struct sl_pipeline *p, struct sl_buf *buf, const struct sl_seg *seg);

#endif
