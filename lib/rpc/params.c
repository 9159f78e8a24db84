/* SPDX-License-Identifier: BSD-3-Clause */
#include "rpc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *rpc_param_string(const struct rpc_call *call, const char *name)
{
	return json_string_value(json_object_get(call->params, name));
}

/* A number in decimal digits, nothing else. Returns -1 when it is none, or above max. */
static long number(const char *text, long max)
{
	char *end;
	long n;

	if (text[0] < '0' || text[0] > '9')
		return -1;
	errno = 0;
	n = strtol(text, &end, 10);
	return errno == 0 && *end == '\0' && n <= max ? n : -1;
}

/* Cuts "[host]rest" or "host:port" into host, and the text of the port, NULL for none. */
static int split(char *text, char **host, char **port)
{
	char *colon = strchr(text, ':');

	*host = text;
	*port = NULL;
	if (text[0] == '[') {
		char *close = strchr(text, ']');

		if (close == NULL)
			return -1;
		*host = text + 1;
		*close = '\0';
		if (close[1] == ':')
			*port = close + 2;
		else if (close[1] != '\0')
			return -1;
	} else if (colon != NULL && strchr(colon + 1, ':') == NULL) {
		*colon = '\0';
		*port = colon + 1;
	}
	return 0;
}

int rpc_parse_end(const char *text, struct sl_listing_end *end)
{
	char copy[SL_ADDR_TEXT + 16], *host, *port, *slash;
	unsigned skipped; /* bits that an IPv4 address has before it */
	long n;

	memset(end, 0, sizeof(*end));
	if (strlen(text) >= sizeof(copy))
		return -1;
	strcpy(copy, text);
	if (split(copy, &host, &port) != 0)
		return -1;
	slash = strchr(host, '/');
	if (slash != NULL)
		*slash = '\0';
	if (sl_addr_parse(&end->net, host) != 0)
		return -1;
	skipped = strchr(host, ':') == NULL ? 96 : 0;
	n = slash != NULL ? number(slash + 1, 128 - (long)skipped) : 128 - (long)skipped;
	if (n < 0)
		return -1;
	end->prefix_len = (uint8_t)(skipped + (unsigned)n);
	if (port != NULL) {
		n = number(port, UINT16_MAX);
		if (n < 1)
			return -1;
		end->port = (uint16_t)n;
	}
	return 0;
}

bool rpc_param_service(struct rpc_call *call, int none, int *service)
{
	const struct sl_service_table *t = &sl_control_setup(call->control)->plan->services;
	const char *name = rpc_param_string(call, "service");
	char expected[256] = "left out: there are no services";
	size_t len = 0;

	*service = none;
	if (name == NULL)
		return true;
	for (int i = 1; i <= t->n; i++) {
		if (strcmp(t->service[i].name, name) == 0) {
			*service = i;
			return true;
		}
		if (len < sizeof(expected))
			len += (size_t)snprintf(expected + len, sizeof(expected) - len, "%s%s",
						i == 1 ? "the name of a service: " : ", ",
						t->service[i].name);
	}
	rpc_bad_param(call, "service", expected);
	return false;
}
