/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The head of an HTTP request: read within its bounds, judged by one of the few answers that there
 * are, and by nothing that lies behind its empty line.
 */
#include <stdlib.h>
#include <string.h>

#include "sl_respond.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

static void check_request(const struct sl_http_request *r)
{
	switch (r->status) {
	case 200:
	case 404:
	case 405:
	case 501:
		break;
	case 400:
	case 505:
		check(!r->keep); /* where the next request begins is not known */
		break;
	default:
		abort();
	}
	check(r->body <= SL_RESPOND_BODY_MAX);
	check(r->keep || r->body == 0);
}

/* Behind the first empty line that is not the first line, or all. */
static size_t head_of(const uint8_t *data, size_t size)
{
	for (size_t i = 1; i < size; i++)
		if (data[i] == '\n' &&
		    (data[i - 1] == '\n' || (i > 1 && data[i - 1] == '\r' && data[i - 2] == '\n')))
			return i + 1;
	return size;
}

/* In memory of its own size. */
static struct sl_http_request parse(const uint8_t *data, size_t size)
{
	char *copy = calloc(1, size > 0 ? size : 1);
	struct sl_http_request r;

	check(copy != NULL);
	if (size > 0)
		memcpy(copy, data, size);
	r = sl_http_request_parse(copy, (uint32_t)size);
	free(copy);
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct sl_http_request all = parse(data, size);
	const struct sl_http_request head = parse(data, head_of(data, size));

	check_request(&all);
	check_request(&head);
	check(all.status == head.status && all.head == head.head && all.keep == head.keep &&
	      all.body == head.body);
	return 0;
}
