/* SPDX-License-Identifier: BSD-3-Clause */
#include "sl_tcp_state.h"

static const struct {
	const char *rfc, *netstat;
} names[] = {
#define X(id, rfc, netstat) {rfc, netstat},
	SL_TCP_STATES(X)
#undef X
};

const char *sl_tcp_state_name(enum sl_tcp_state state)
{
	return names[state].rfc;
}

static char folded(char c)
{
	if (c >= 'a' && c <= 'z')
		return (char)(c - 'a' + 'A');
	return c == '_' ? '-' : c;
}

static bool same_name(const char *a, const char *b)
{
	for (; *a != '\0' && folded(*a) == folded(*b); a++, b++)
		;
	return *a == '\0' && *b == '\0';
}

int sl_tcp_state_parse(const char *name, enum sl_tcp_state *state)
{
	for (unsigned i = 0; i < SL_ARRAY_LEN(names); i++) {
		if (same_name(names[i].rfc, name) || same_name(names[i].netstat, name)) {
			*state = (enum sl_tcp_state)i;
			return 0;
		}
	}
	return -1;
}
