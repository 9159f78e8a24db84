/* SPDX-License-Identifier: BSD-3-Clause */
/* The HTTP server: one request after the other out of what has come, each answered whole. */
#include "respond.h"

#include "text.h"

enum { ANSWER_MAX = 2048 };

static inline void add_row(struct text *t, const char *name, const char *value)
{
	text_string(t, name);
	text_string(t, value);
	text_string(t, "\n");
}

static void add_number(struct text *t, const char *name, uint64_t n, const char *unit)
{
	text_string(t, name);
	text_number(t, n);
	add_row(t, unit, "");
}

/* A cookie's client has sent but one ACK, of a SYN-ACK that nobody remembers. */
static void add_round_trip(struct text *t, const struct sl_tcb *tcb)
{
	text_string(t, "round trip       ");
	if (tcb->rtt.srtt8 == 0) {
		add_row(t, "not measured yet", "");
		return;
	}
	text_thousandths(t, tcb->rtt.srtt8 / 8);
	text_string(t, " ms, varying by ");
	text_thousandths(t, tcb->rtt.rttvar4 / 4);
	add_row(t, " ms", "");
}

/* What is known of the connection. */
static void add_facts(struct text *t, const struct sl_respond *s, const struct sl_tcb *tcb,
		      const struct sl_respond_about *about)
{
	text_string(t, "client           ");
	text_end(t, about->client, about->client_port);
	text_string(t, "\nserver           ");
	text_end(t, about->server, about->server_port);
	add_row(t, "\nservice          ", about->service);
	add_row(t, "opened           ", about->by_cookie ? "by cookie" : "by handshake");
	text_string(t, "age              ");
	text_thousandths(t, about->age_ms);
	add_number(t, " s\nrequests         ", s->requests + 1ULL, "");
	add_number(t, "mss              ", tcb->smss, " bytes");
	add_row(t, "timestamps       ", tcb->timestamps ? "yes" : "no");
	add_row(t, "sack             ", tcb->sack ? "yes" : "no");
	text_string(t, "window scale     ");
	text_number(t, tcb->snd_wscale);
	add_number(t, " of the client's, ours ", tcb->rcv_wscale, "");
	add_round_trip(t, tcb);
	add_number(t, "congestion window ", tcb->cc.cwnd, " bytes");
}

static void add_body(struct text *t, const struct sl_respond *s, unsigned status,
		     const struct sl_tcb *tcb, const struct sl_respond_about *about)
{
	if (status == 200) {
		add_facts(t, s, tcb, about);
		return;
	}
	text_number(t, status);
	text_string(t, " ");
	add_row(t, sl_http_reason(status), "");
}

/* Head and body. Returns its length. */
static uint32_t compose(char answer[ANSWER_MAX], const struct sl_respond *s,
			struct sl_http_request request, const struct sl_tcb *tcb,
			const struct sl_respond_about *about)
{
	char bytes[ANSWER_MAX / 2];
	struct text body = {.to = bytes, .most = sizeof(bytes)};
	struct text t = {.to = answer, .most = ANSWER_MAX};

	add_body(&body, s, request.status, tcb, about);
	text_string(&t, "HTTP/1.1 ");
	text_number(&t, request.status);
	text_string(&t, " ");
	text_string(&t, sl_http_reason(request.status));
	text_string(&t, "\r\nServer: sluice\r\nDate: ");
	text_http_date(&t, about->unix_us / SL_US_PER_S);
	text_string(&t, "\r\nContent-Type: text/plain; charset=utf-8\r\n"
			"Cache-Control: no-store\r\nContent-Length: ");
	text_number(&t, body.n);
	if (request.status == 405)
		text_string(&t, "\r\nAllow: GET, HEAD");
	text_string(&t, request.keep ? "\r\nConnection: keep-alive\r\n\r\n"
				     : "\r\nConnection: close\r\n\r\n");
	if (!request.head)
		text_bytes(&t, body.to, body.n);
	return t.n;
}

/* Whether there is room for an answer now, which lies in two blocks at most. */
static bool has_room(const struct sl_tcp *tcp, const struct sl_tcb *tcb)
{
	return sl_tcp_send_room(tcb) >= ANSWER_MAX && tcp_pool_spare(&tcp->pool) >= 3;
}

/* Answers, where there is room. */
static void answer(struct sl_respond *s, struct sl_tcp *tcp, struct sl_tcb *tcb,
		   struct sl_http_request request, const struct sl_respond_about *about)
{
	char bytes[ANSWER_MAX];
	const uint32_t n = compose(bytes, s, request, tcb, about);

	(void)sl_tcp_send(tcp, tcb, bytes, n, false);
	s->requests++;
	s->body = request.body;
	if (!request.keep) {
		s->closing = true;
		sl_tcp_shutdown(tcp, tcb);
	}
}

/* The first `n` of the bytes that have come. */
static void peek(const struct sl_tcb *tcb, uint32_t from, char *to, uint32_t n)
{
	uint32_t done = 0;

	while (done < n) {
		uint8_t *bytes;
		const uint32_t some = sl_min_u32(sl_tcp_peek(tcb, from + done, &bytes), n - done);

		memcpy(to + done, bytes, some);
		done += some;
	}
}

/* Empty lines before a request are none: RFC 9112 section 2.2. */
static void pass_over_lines(struct sl_tcp *tcp, struct sl_tcb *tcb)
{
	uint32_t n, some;
	uint8_t *bytes;

	for (n = sl_tcp_receive(tcb, &bytes); n > 0; n = sl_tcp_receive(tcb, &bytes)) {
		for (some = 0; some < n && (bytes[some] == '\r' || bytes[some] == '\n');)
			some++;
		sl_tcp_received(tcp, tcb, some);
		if (some < n)
			return;
	}
}

/* The length of the head that has come, of which `head` gets what lies from `*from` on; 0: it has
 * not come whole. Nothing is searched twice, but for the last byte of one that is not answered at
 * once. */
static uint32_t find_head(struct sl_respond *s, const struct sl_tcb *tcb,
			  char head[SL_RESPOND_HEAD_MAX], uint32_t *from)
{
	const uint32_t n = sl_min_u32(sl_tcp_readable(tcb), SL_RESPOND_HEAD_MAX);
	uint32_t end;

	if (n <= s->at)
		return 0;
	*from = s->at > 2 ? s->at - 2 : 0;
	peek(tcb, *from, head + *from, n - *from);
	end = sl_http_head_length(head + *from, n - *from);
	s->at = end > 0 ? *from + end - 1 : n;
	return end > 0 ? *from + end : 0;
}

/* What comes of one request. */
enum outcome { ANSWERED, NO_ROOM, NOT_WHOLE };

static enum outcome next_request(struct sl_respond *s, struct sl_tcp *tcp, struct sl_tcb *tcb,
				 const struct sl_respond_about *about)
{
	struct sl_http_request request = {.status = 431};
	char head[SL_RESPOND_HEAD_MAX];
	uint32_t n, from = 0;

	n = find_head(s, tcb, head, &from);
	if (n == 0 && tcb->fin_taken && sl_tcp_readable(tcb) > 0)
		request.status = 400; /* it ended in the midst of a head */
	else if (n == 0 && s->at < sl_min_u32(SL_RESPOND_HEAD_MAX, tcb->options->receive_buffer))
		return NOT_WHOLE;
	/* Where memory is short this is as far as many come, again and again. */
	if (!has_room(tcp, tcb))
		return NO_ROOM;
	if (n > 0) {
		peek(tcb, 0, head, from);
		request = sl_http_request_parse(head, n);
	}
	answer(s, tcp, tcb, request, about);
	sl_tcp_received(tcp, tcb, n);
	s->at = 0;
	return ANSWERED;
}

unsigned respond_http(struct sl_respond *s, struct sl_tcp *tcp, struct sl_tcb *tcb,
		      const struct sl_respond_about *about)
{
	enum outcome outcome = ANSWERED;
	unsigned progress = 0;

	for (unsigned i = 0; i < SL_RESPOND_REQUESTS; i++) {
		if (s->closing) {
			/* So that what the client still sends is no reason for a RST, which could
			 * overtake the answer: RFC 9112 section 9.6. */
			(void)respond_pass_over(tcp, tcb, UINT32_MAX);
			return progress;
		}
		if (s->body > 0) {
			const uint32_t n = respond_pass_over(tcp, tcb, s->body);

			s->body -= n;
			if (n > 0)
				progress = SL_RESPOND_PROGRESS;
		}
		if (s->body == 0 && s->at == 0)
			pass_over_lines(tcp, tcb);
		if (sl_tcp_at_end(tcb)) {
			sl_tcp_shutdown(tcp, tcb);
			s->closing = true;
			return progress;
		}
		if (s->body > 0 || sl_tcp_readable(tcb) == 0)
			return progress;
		outcome = next_request(s, tcp, tcb, about);
		if (outcome == NOT_WHOLE)
			return progress;
		if (outcome == NO_ROOM)
			/* Room comes with an ACK, memory with nothing that could be seen here. */
			return progress |
			       (sl_tcp_send_room(tcb) >= ANSWER_MAX ? SL_RESPOND_MORE : 0);
		progress = SL_RESPOND_PROGRESS;
	}
	return progress | SL_RESPOND_MORE;
}
