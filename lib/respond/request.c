/* SPDX-License-Identifier: BSD-3-Clause */
/* The head of an HTTP request: RFC 9112. */
#include <string.h>

#include "respond.h"

/* Some of the head. */
struct piece {
	const char *from;
	uint32_t n;
};

/* What the header fields say. */
struct fields {
	unsigned n_hosts;
	bool bad_host, has_length, bad_length, has_coding, close, keep;
	uint64_t length;
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* RFC 9110 section 5.6.2. */
static bool is_token_char(char c)
{
	if (is_letter(c) || is_digit(c))
		return true;
	return c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL;
}

static bool is_token(struct piece p)
{
	for (uint32_t i = 0; i < p.n; i++)
		if (!is_token_char(p.from[i]))
			return false;
	return p.n > 0;
}

static bool is(struct piece p, const char *text)
{
	return p.n == strlen(text) && memcmp(p.from, text, p.n) == 0;
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
}

/* `text` is in small letters. */
static bool is_any_case(struct piece p, const char *text)
{
	if (p.n != strlen(text))
		return false;
	for (uint32_t i = 0; i < p.n; i++)
		if (lower(p.from[i]) != text[i])
			return false;
	return true;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t';
}

static struct piece trim(struct piece p)
{
	while (p.n > 0 && is_space(p.from[0])) {
		p.from++;
		p.n--;
	}
	while (p.n > 0 && is_space(p.from[p.n - 1]))
		p.n--;
	return p;
}

/* Takes the part of `all` before the first `c` off, or all of it. Returns whether there was one. */
static bool cut(struct piece *all, char c, struct piece *part)
{
	const char *at = all->n > 0 ? memchr(all->from, c, all->n) : NULL;

	*part = *all;
	if (at == NULL) {
		all->n = 0;
		return false;
	}
	part->n = (uint32_t)(at - all->from);
	all->from += part->n + 1;
	all->n -= part->n + 1;
	return true;
}

/* The next line, without its end. */
static struct piece next_line(struct piece *all)
{
	struct piece line;

	(void)cut(all, '\n', &line);
	if (line.n > 0 && line.from[line.n - 1] == '\r')
		line.n--;
	return line;
}

/* "HTTP/1.1": 505 for what is none of ours to speak, 400 for what is none at all. */
static unsigned judge_version(struct piece version, bool *one_one)
{
	const char *v = version.from;

	if (version.n != 8 || memcmp(v, "HTTP/", 5) != 0 || !is_digit(v[5]) || v[6] != '.' ||
	    !is_digit(v[7]))
		return 400;
	*one_one = v[7] != '0';
	return v[5] == '1' ? 200 : 505;
}

/* What is left of an absolute form behind its host; false: it names none, which RFC 9110 section
 * 4.2.1 forbids. */
static bool cut_host(struct piece *target)
{
	const struct piece all = *target;
	uint32_t n = 0;

	while (n < all.n && all.from[n] != '/' && all.from[n] != '?')
		n++;
	target->from += n;
	target->n -= n;
	return n > 0;
}

/* The page of the box is at the root. Absolute form is for proxies, and servers must take it: RFC
 * 9112 section 3.2.2. */
static unsigned judge_target(struct piece target, struct piece *path)
{
	const struct piece scheme = {target.from, sl_min_u32(target.n, 7)};
	const bool absolute = is_any_case(scheme, "http://");

	if (absolute) {
		target.from += scheme.n;
		target.n -= scheme.n;
		if (!cut_host(&target))
			return 400;
	}
	(void)cut(&target, '?', path);
	return is(*path, "/") || (absolute && path->n == 0) ? 200 : 404;
}

static unsigned judge_method(struct piece method)
{
	static const char *const known[] = {"POST",  "PUT",   "DELETE", "CONNECT",
					    "TRACE", "PATCH", "OPTIONS"};

	if (is(method, "GET") || is(method, "HEAD"))
		return 200;
	for (unsigned i = 0; i < SL_ARRAY_LEN(known); i++)
		if (is(method, known[i]))
			return 405;
	return 501;
}

/* Method, target, version: RFC 9112 section 3. */
static unsigned judge_request_line(struct piece line, bool *head, bool *one_one, struct piece *path)
{
	struct piece method, target;
	unsigned status;

	if (!cut(&line, ' ', &method) || !is_token(method) || !cut(&line, ' ', &target) ||
	    target.n == 0)
		return 400;
	*head = is(method, "HEAD");
	for (uint32_t i = 0; i < target.n; i++)
		if ((unsigned char)target.from[i] <= ' ' || target.from[i] == 0x7f)
			return 400;
	status = judge_version(line, one_one);
	if (status != 200)
		return status;
	status = judge_method(method);
	return status == 200 ? judge_target(target, path) : status;
}

/* Made of what a host and a port are made of; RFC 9112 section 3.2 lets it be empty. */
static bool is_host(struct piece p)
{
	for (uint32_t i = 0; i < p.n; i++) {
		const char c = p.from[i];

		if (!is_letter(c) && !is_digit(c) &&
		    (c == '\0' || strchr("-._~%!$&'()*+,;=:[]", c) == NULL))
			return false;
	}
	return true;
}

static void read_host(struct piece value, struct fields *f)
{
	f->n_hosts++;
	f->bad_host |= !is_host(value);
}

static void read_length(struct piece value, struct fields *f)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < value.n; i++) {
		if (!is_digit(value.from[i])) {
			f->bad_length = true;
			return;
		}
		/* There is no longest one: RFC 9110 section 8.6. */
		n = n > UINT64_MAX / 10 - 1 ? UINT64_MAX : n * 10 + (uint64_t)(value.from[i] - '0');
	}
	/* Twice the same is one: RFC 9112 section 6.3. */
	if (value.n == 0 || (f->has_length && f->length != n))
		f->bad_length = true;
	f->has_length = true;
	f->length = n;
}

static void read_connection(struct piece value, struct fields *f)
{
	while (value.n > 0) {
		struct piece option;

		(void)cut(&value, ',', &option);
		option = trim(option);
		f->close |= is_any_case(option, "close");
		f->keep |= is_any_case(option, "keep-alive");
	}
}

/* A header field: RFC 9112 section 5. Folded lines, and space before the colon, are refused. */
static bool read_field(struct piece line, struct fields *f)
{
	struct piece name;

	if (!cut(&line, ':', &name) || !is_token(name))
		return false;
	line = trim(line);
	if (line.n > 0 &&
	    (memchr(line.from, '\0', line.n) != NULL || memchr(line.from, '\r', line.n) != NULL))
		return false;
	if (is_any_case(name, "host"))
		read_host(line, f);
	else if (is_any_case(name, "content-length"))
		read_length(line, f);
	else if (is_any_case(name, "transfer-encoding"))
		f->has_coding = true;
	else if (is_any_case(name, "connection"))
		read_connection(line, f);
	return true;
}

struct sl_http_request sl_http_request_parse(const char *head, uint32_t len)
{
	struct sl_http_request request = {0};
	struct fields f = {0};
	struct piece all = {head, len}, line = next_line(&all), path = {0};
	bool one_one = false, whole = true;
	unsigned status = judge_request_line(line, &request.head, &one_one, &path);

	request.status = (uint16_t)status;
	if (status == 505)
		return request; /* what its fields say is another version's matter */
	for (line = next_line(&all); line.n > 0 && whole; line = next_line(&all))
		whole = read_field(line, &f);
	/* RFC 9112 sections 3.2, 6.1, 6.3: where its body ends could not be told. */
	if (!whole || f.bad_length || (f.has_length && f.has_coding) || f.bad_host ||
	    f.n_hosts > 1 || (one_one && f.n_hosts == 0))
		status = 400;
	/* Chunks, which section 7.1 wants understood, are not: nothing here takes content. */
	else if (f.has_coding && status != 400)
		status = 501;
	request.status = (uint16_t)status;
	request.keep = status != 400 && !f.has_coding && !f.close && (one_one || f.keep) &&
		       f.length <= SL_RESPOND_BODY_MAX;
	request.body = request.keep ? (uint32_t)f.length : 0;
	if (status == 404) {
		request.path = path.from;
		request.path_len = path.n;
	}
	return request;
}

uint32_t sl_http_head_length(const char *bytes, uint32_t n)
{
	for (uint32_t i = 1; i < n; i++) {
		if (bytes[i] != '\n')
			continue;
		if (bytes[i - 1] == '\n' || (i > 1 && bytes[i - 1] == '\r' && bytes[i - 2] == '\n'))
			return i + 1;
	}
	return 0;
}

const char *sl_http_reason(unsigned status)
{
	switch (status) {
	case 200:
		return "OK";
	case 404:
		return "Not Found";
	case 405:
		return "Method Not Allowed";
	case 408:
		return "Request Timeout";
	case 431:
		return "Request Header Fields Too Large";
	case 501:
		return "Not Implemented";
	case 503:
		return "Service Unavailable";
	case 505:
		return "HTTP Version Not Supported";
	}
	return "Bad Request";
}
