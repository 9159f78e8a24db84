/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A host link: one port on which the box owns addresses. What is asked of these below TCP is
 * answered in the frame that asks; TCP of a service goes its way, and what comes to no service is
 * told by RST that nobody listens there. Everything else ends here: there is no other port.
 */
#include "pipeline.h"

#include "sl_ask.h"

static const struct sl_link *link_of(const struct sl_pipeline *p, const struct sl_buf *buf)
{
	return &p->plan->links[p->port[buf->in_port].link];
}

void pipeline_host_other(struct sl_pipeline *p, struct sl_buf *buf)
{
	const struct sl_link *link = link_of(p, buf);
	struct sl_ask ask;

	buf->account = SL_SERVICE_NONE;
	if (!sl_wire_parse_ask(buf->data, buf->len, &ask) || !sl_link_owns(link, &ask.target)) {
		sl_out_drop(p->out, buf, SL_DROP_not_ours);
		return;
	}
	if (sl_link_owns(link, &ask.src)) {
		sl_out_drop(p->out, buf, SL_DROP_spoofed_service);
		return;
	}
	if (!sl_wire_answer_ask(buf, &ask, link->mac)) {
		sl_out_drop(p->out, buf, SL_DROP_no_buffer);
		return;
	}
	if (!sl_frame_fits(&p->relay.limit[buf->in_port], buf->len,
			   sl_wire_l3_off(buf->data, buf->len))) {
		sl_out_drop(p->out, buf, SL_DROP_above_mtu);
		return;
	}
	sl_count(&p->out->accounts[SL_SERVICE_NONE].event[SL_EVENT_host_answers], 1);
	sl_out_answer(p->out, buf);
}

bool pipeline_host_hears(const struct sl_pipeline *p, const struct sl_buf *buf,
			 enum sl_parsed parsed)
{
	if (buf->len < sizeof(uint64_t))
		return false;
	if (pipeline_host_meant(p, buf))
		return true;
	/* ARP and Neighbour Discovery come to groups of stations. TCP does not, nor errors about
	 * it: RFC 9293 MUST-57, RFC 1122 sections 3.3.6 and 4.2.3.10. */
	return buf->data[0] & 1 && (parsed == SL_PARSED_OTHER || parsed == SL_PARSED_BAD);
}

bool pipeline_host_has(const struct sl_pipeline *p, const struct sl_buf *buf,
		       const struct sl_addr *addr)
{
	return sl_link_owns(link_of(p, buf), addr);
}

void pipeline_host_refuse(struct sl_pipeline *p, struct sl_buf *buf, struct sl_seg *seg,
			  bool parsed)
{
	if (!parsed || !pipeline_segment_is_right(p, buf, seg))
		sl_out_drop(p->out, buf, (enum sl_drop)seg->reason);
	else
		pipeline_reset(p, buf, seg);
}
