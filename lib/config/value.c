/* SPDX-License-Identifier: BSD-3-Clause */
/* Values with a syntax of their own: addresses, ports, endpoints. */
#include "schema.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

/* Digits and nothing else, at most `max`. Returns 0, or -EINVAL. */
static int value_number(const char *text, size_t len, unsigned max, unsigned *number)
{
	unsigned v = 0;

	if (len == 0 || len > 5)
		return -EINVAL;
	for (size_t i = 0; i < len; i++) {
		if (!isdigit((unsigned char)text[i]))
			return -EINVAL;
		v = v * 10 + (unsigned)(text[i] - '0');
	}
	*number = v;
	return v <= max ? 0 : -EINVAL;
}

/* The address of `a` with all bits from `len` on cleared. */
static struct sl_addr masked(const struct sl_addr *a, unsigned len)
{
	struct sl_addr m = *a;

	for (unsigned bit = len; bit < 128; bit++)
		m.b[bit / 8] &= (uint8_t) ~(0x80u >> (bit % 8));
	return m;
}

/* What is wrong with a prefix that is well written. */
static int prefix_check(const struct sl_config_prefix *prefix, bool v4, char why[PHRASE])
{
	static const struct sl_addr mapped = {{[10] = 0xff, [11] = 0xff}};
	const struct sl_addr net = masked(&prefix->addr, prefix->len);
	char text[SL_ADDR_TEXT];

	if (!v4 && (sl_addr_is_v4(&prefix->addr) ||
		    (prefix->len < 96 && sl_addr_in_prefix(&mapped, &net, prefix->len)))) {
		snprintf(why, PHRASE,
			 "it covers IPv4 in its mapped form (::ffff:0:0/96); write IPv4 addresses "
			 "as such, and all of today's IPv6 as \"2000::/3\"");
		return -EINVAL;
	}
	if (!sl_addr_equal(&net, &prefix->addr)) {
		snprintf(why, PHRASE,
			 "its host bits are not zero; for the whole prefix write \"%s/%u\"",
			 sl_addr_format(&net, text), v4 ? prefix->len - 96 : prefix->len);
		return -EINVAL;
	}
	if (prefix->len == 128 && sl_addr_is_martian(&prefix->addr)) {
		snprintf(why, PHRASE, "no host can have that address");
		return -EINVAL;
	}
	return 0;
}

int value_prefix(const char *text, struct sl_config_prefix *prefix, char why[PHRASE])
{
	const char *slash = strchr(text, '/');
	const size_t n = slash != NULL ? (size_t)(slash - text) : strlen(text);
	const bool v4 = memchr(text, ':', n) == NULL;
	const unsigned bits = v4 ? 32 : 128;
	char address[SL_ADDR_TEXT];
	unsigned len = bits;

	why[0] = '\0';
	if (n >= sizeof(address))
		return -EINVAL;
	memcpy(address, text, n);
	address[n] = '\0';
	if (sl_addr_parse(&prefix->addr, address) != 0)
		return -EINVAL;
	if (slash != NULL && value_number(slash + 1, strlen(slash + 1), bits, &len) != 0) {
		snprintf(why, PHRASE, "a prefix length is a number from 0 to %u", bits);
		return -EINVAL;
	}
	prefix->len = 128 - bits + len;
	return prefix_check(prefix, v4, why);
}

int value_ports(const char *text, struct sl_config_ports *ports, char why[PHRASE])
{
	const char *dash = strchr(text, '-');
	const size_t n = dash != NULL ? (size_t)(dash - text) : strlen(text);
	unsigned first, last;

	why[0] = '\0';
	if (value_number(text, n, 65535, &first) != 0 || first == 0)
		return -EINVAL;
	last = first;
	if (dash != NULL && value_number(dash + 1, strlen(dash + 1), 65535, &last) != 0)
		return -EINVAL;
	if (last < first) {
		snprintf(why, PHRASE, "the range ends before it begins; write \"%u-%u\"", last,
			 first);
		return -EINVAL;
	}
	ports->first = (uint16_t)first;
	ports->last = (uint16_t)last;
	return 0;
}

int value_endpoint(const char *text, struct sl_config_endpoint *endpoint, char why[PHRASE])
{
	const char *colon = strrchr(text, ':');
	char address[SL_ADDR_TEXT + 2];
	char *inner = address;
	unsigned port;
	size_t n;

	why[0] = '\0';
	memset(endpoint, 0, sizeof(*endpoint));
	if (text[0] == '\0')
		return 0;
	if (colon == NULL || (size_t)(colon - text) >= sizeof(address))
		return -EINVAL;
	n = (size_t)(colon - text);
	memcpy(address, text, n);
	address[n] = '\0';
	if (address[0] == '[' && n > 2 && address[n - 1] == ']') {
		address[n - 1] = '\0';
		inner++;
	} else if (strchr(address, ':') != NULL) {
		snprintf(why, PHRASE, "an IPv6 address stands in brackets here");
		return -EINVAL;
	}
	if (sl_addr_parse(&endpoint->addr, inner) != 0) {
		snprintf(why, PHRASE, "the address is written in numbers, not as a name");
		return -EINVAL;
	}
	if (value_number(colon + 1, strlen(colon + 1), 65535, &port) != 0 || port == 0) {
		snprintf(why, PHRASE, "a port is a number from 1 to 65535");
		return -EINVAL;
	}
	endpoint->port = (uint16_t)port;
	return 0;
}

bool value_pci(const char *device, char pci[PCI_TEXT])
{
	unsigned domain = 0, bus, slot, function;
	int end = 0;

	if (strlen(device) >= PCI_TEXT)
		return false;
	if (sscanf(device, "%6x:%2x:%2x.%1x%n", &domain, &bus, &slot, &function, &end) != 4) {
		domain = 0;
		if (sscanf(device, "%2x:%2x.%1x%n", &bus, &slot, &function, &end) != 3)
			return false;
	}
	if (device[end] != '\0')
		return false;
	snprintf(pci, PCI_TEXT, "%04x:%02x:%02x.%x", domain & 0xffffff, bus & 0xff, slot & 0xff,
		 function & 0xf);
	return true;
}
