/* SPDX-License-Identifier: BSD-3-Clause */
/* The servers of a line or two: RFC 862, 863, 864, 867. */
#include "respond.h"

#include "text.h"

enum {
	CHARS = 95, /* that can be printed */
	LINE = 72,  /* characters of a line of chargen's */
	LINES_AT_ONCE = 16,
	AHEAD = 17, /* segments that chargen has written when it stops: somewhat more than go in one
		       turn */
};

/* The other side has closed, and all that it has sent is dealt with: so do we. */
static void close_at_end(struct sl_tcp *tcp, struct sl_tcb *tcb)
{
	if (sl_tcp_at_end(tcb))
		sl_tcp_shutdown(tcp, tcb);
}

uint32_t respond_pass_over(struct sl_tcp *tcp, struct sl_tcb *tcb, uint32_t most)
{
	const uint32_t n = sl_min_u32(sl_tcp_readable(tcb), most);

	if (n > 0)
		sl_tcp_received(tcp, tcb, n);
	return n;
}

static unsigned echo(struct sl_tcp *tcp, struct sl_tcb *tcb)
{
	uint32_t done = 0;
	unsigned more = 0;

	while (done < SL_RESPOND_BYTES) {
		uint8_t *bytes;
		const uint32_t n = sl_tcp_receive(tcb, &bytes);
		const uint32_t sent = n > 0 ? sl_tcp_send(tcp, tcb, bytes, n, false) : 0;

		if (sent == 0) {
			/* With room and no memory, nothing that happens here would tell. */
			more = n > 0 && sl_tcp_send_room(tcb) > 0 ? SL_RESPOND_MORE : 0;
			break;
		}
		sl_tcp_received(tcp, tcb, sent);
		done += sent;
	}
	if (done >= SL_RESPOND_BYTES)
		more = SL_RESPOND_MORE;
	close_at_end(tcp, tcb);
	return more | (done > 0 ? SL_RESPOND_PROGRESS : 0);
}

static unsigned discard(struct sl_tcp *tcp, struct sl_tcb *tcb)
{
	const uint32_t n = respond_pass_over(tcp, tcb, UINT32_MAX);

	close_at_end(tcp, tcb);
	return n > 0 ? SL_RESPOND_PROGRESS : 0;
}

/* Speaks first, and closes first. */
static unsigned daytime(struct sl_respond *s, struct sl_tcp *tcp, struct sl_tcb *tcb,
			const struct sl_respond_about *about)
{
	char line[64];
	struct text text = {.to = line, .most = sizeof(line)};

	(void)respond_pass_over(tcp, tcb, UINT32_MAX);
	if (s->begun)
		return 0;
	text_daytime(&text, about->unix_us / SL_US_PER_S);
	text_string(&text, "\r\n");
	if (sl_tcp_send(tcp, tcb, line, text.n, false) < text.n)
		return SL_RESPOND_MORE; /* no memory: none of it went, it is less than a block */
	s->begun = true;
	sl_tcp_shutdown(tcp, tcb);
	return SL_RESPOND_PROGRESS;
}

/* Line `number` of the pattern that RFC 864 recommends: each begins a character further on. */
static void put_line(char *to, uint32_t number)
{
	static const char chars[] =
		" !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`"
		"abcdefghijklmnopqrstuvwxyz{|}~"
		" !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`"
		"abcdefghijklmnopqrstuvwxyz{|}~";

	static_assert(sizeof(chars) == 2 * CHARS + 1, "twice, so that a line lies in one piece");
	memcpy(to, chars + number % CHARS, LINE);
	to[LINE] = '\r';
	to[LINE + 1] = '\n';
}

/* Whether there is room for more that goes soon: what lies for long leaves the cache. */
static bool chargen_may_write(const struct sl_tcb *tcb)
{
	return sl_tcp_send_room(tcb) > 0 && sl_tcp_unsent(tcb) < AHEAD * tcb->smss &&
	       !tcb->fin_queued;
}

/* As much as can go soon; what comes is passed over. */
static unsigned chargen(struct sl_respond *s, struct sl_tcp *tcp, struct sl_tcb *tcb)
{
	char lines[LINES_AT_ONCE * (LINE + 2)];
	uint32_t done = 0;

	(void)respond_pass_over(tcp, tcb, UINT32_MAX);
	close_at_end(tcp, tcb);
	while (done < SL_RESPOND_BYTES && chargen_may_write(tcb)) {
		const uint32_t into = s->at % (LINE + 2);
		uint32_t sent;

		for (unsigned i = 0; i < LINES_AT_ONCE; i++)
			put_line(lines + i * (LINE + 2), s->at / (LINE + 2) + i);
		sent = sl_tcp_send(tcp, tcb, lines + into, sizeof(lines) - into, false);
		s->at = (s->at + sent) % (CHARS * (LINE + 2));
		done += sent;
		if (sent == 0)
			break;
	}
	/* With room and no memory, nothing that happens here would tell. */
	return (chargen_may_write(tcb) ? SL_RESPOND_MORE : 0) |
	       (done > 0 ? SL_RESPOND_PROGRESS : 0);
}

unsigned sl_respond_run(enum sl_respond_server server, struct sl_respond *s, struct sl_tcp *tcp,
			struct sl_tcb *tcb, const struct sl_respond_about *about)
{
	switch (server) {
	case SL_SERVER_ECHO:
		return echo(tcp, tcb);
	case SL_SERVER_DISCARD:
		return discard(tcp, tcb);
	case SL_SERVER_DAYTIME:
		return daytime(s, tcp, tcb, about);
	case SL_SERVER_CHARGEN:
		return chargen(s, tcp, tcb);
	case SL_SERVER_HTTP:
		return respond_http(s, tcp, tcb, about);
	}
	return 0;
}
