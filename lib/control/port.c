/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a port can send, and whether it sends. The limit of its frames is read from the device or
 * from the interface behind it, and told to every worker when it has changed. A port that is given
 * packets and sends none is started again: every worker leaves it, it is made anew, every worker
 * takes it.
 */
#include "control.h"

#include <stdio.h>
#include <stdlib.h>

enum order { LIMIT, LEAVE, TAKE };

struct port_request {
	struct sl_request request;
	enum order order;
	unsigned port;
	struct sl_frame_limit limit;
	uint16_t ethdev;
};

static void restart(struct sl_control *c, unsigned i);
static bool order(struct sl_control *c, unsigned i, enum order what);

static struct port_request *request_of(struct sl_request *request)
{
	return sl_container_of(request, struct port_request, request);
}

static bool obey(struct control_part *part, struct sl_worker *worker, struct sl_pipeline *p)
{
	const struct port_request *r = request_of(part->request);

	switch (r->order) {
	case LIMIT:
		sl_pipeline_set_limit(p, r->port, &r->limit);
		break;
	case LEAVE:
		sl_worker_set_ethdev(worker, r->port, SL_NO_ETHDEV);
		break;
	case TAKE:
		sl_worker_set_ethdev(worker, r->port, r->ethdev);
		break;
	}
	return true;
}

static void obeyed(struct sl_request *request, const char *error)
{
	const struct port_request *r = request_of(request);
	struct sl_control *c = request->control;
	struct control_port *port = &c->ports[r->port];

	switch (r->order) {
	case LIMIT:
		port->telling = false;
		if (error == NULL)
			port->told = r->limit;
		break;
	case LEAVE:
		/* A worker that does not answer may still use the port: it stays as it is. */
		if (error == NULL)
			restart(c, r->port);
		else
			(void)order(c, r->port, TAKE);
		break;
	case TAKE:
		port->restarting = false;
		break;
	}
}

static void release(struct sl_request *request)
{
	struct port_request *r = request_of(request);

	free(r->request.parts);
	free(r);
}

/* Has every worker do it. Where there is no memory for it, the next look tries again. */
static bool order(struct sl_control *c, unsigned i, enum order what)
{
	struct port_request *r = calloc(1, sizeof(*r));
	struct control_part *parts = calloc(c->config.n_workers, sizeof(*parts));

	if (r == NULL || parts == NULL) {
		free(parts);
		free(r);
		return false;
	}
	r->order = what;
	r->port = i;
	r->limit = c->ports[i].watch.now.limit;
	r->ethdev = c->config.ports[i].ethdev;
	r->request.slice = obey;
	r->request.answer = obeyed;
	r->request.release = release;
	r->request.must_run = true;
	r->request.parts = parts;
	control_request_post(c, &r->request);
	return true;
}

/* No worker uses the port. */
static void restart(struct sl_control *c, unsigned i)
{
	struct sl_port *port = &c->config.ports[i];
	char error[512];

	c->ports[i].watch.restarts++;
	c->ports[i].still = 0;
	if (sl_port_restart(port, error, sizeof(error)) != 0) {
		sl_log(SL_LOG_ERROR, "%s", error);
		c->ports[i].restarting = false;
		return;
	}
	sl_log(SL_LOG_WARNING, "port %s: started again, since it did not send", port->name);
	sl_port_counters(port, &c->ports[i].watch.now);
	(void)order(c, i, TAKE);
}

static void tell_limit(struct sl_control *c, unsigned i)
{
	struct control_port *port = &c->ports[i];
	const struct sl_frame_limit *now = &port->watch.now.limit;

	if (port->telling || !port->watch.now.present || now->mtu == 0 ||
	    (now->mtu == port->told.mtu && now->frame == port->told.frame))
		return;
	if (port->told.mtu != 0 && port->told.mtu != now->mtu)
		sl_log(SL_LOG_NOTICE, "port %s: the MTU of what it can send is %u, and was %u",
		       c->config.ports[i].name, now->mtu, port->told.mtu);
	port->telling = order(c, i, LIMIT);
}

static bool packets_wait(const struct sl_control *c, unsigned i)
{
	for (unsigned w = 0; w < c->config.n_workers; w++)
		if (sl_worker_waiting(c->config.workers[w], i) > 0)
			return true;
	return false;
}

static void sends(struct sl_control *c, unsigned i)
{
	struct control_port *port = &c->ports[i];

	if (port->watch.silent)
		sl_log(SL_LOG_NOTICE, "port %s: it sends again", c->config.ports[i].name);
	port->watch.silent = false;
	port->still = 0;
	port->pause = 0;
}

/* There was something to send, and nothing has left. */
static void does_not_send(struct sl_control *c, unsigned i)
{
	struct control_port *port = &c->ports[i];

	if (++port->still < SILENT_LOOKS)
		return;
	if (!port->watch.silent)
		sl_log(SL_LOG_WARNING, "port %s: it sends nothing of what it is given",
		       c->config.ports[i].name);
	port->watch.silent = true;
	if (c->ticks < port->next_at)
		return;
	port->pause = port->pause == 0 ? RESTART_PAUSE
				       : sl_min_u32((uint32_t)port->pause * 2, RESTART_PAUSE_MAX);
	port->next_at = c->ticks + port->pause;
	port->restarting = order(c, i, LEAVE);
}

void control_port_look(struct sl_control *c, unsigned i, const struct sl_port_counters *before)
{
	struct control_port *port = &c->ports[i];
	const struct sl_port_counters *now = &port->watch.now;
	const bool taken = now->tx != before->tx, sent = now->sent != before->sent;

	tell_limit(c, i);
	if (port->restarting || !now->link_up || !before->link_up)
		return;
	if (taken && sent)
		sends(c, i);
	else if (taken ? now->sent != port->sent_first : packets_wait(c, i))
		does_not_send(c, i);
}
