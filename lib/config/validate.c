/* SPDX-License-Identifier: BSD-3-Clause */
/* What no setting knows alone: names and devices that are used twice, services that overlap. */
#include "schema.h"

#include <ctype.h>
#include <errno.h>
#include <grp.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sl_wire.h"

enum {
	IDLE_MOST_S = 28 * 86400,
	WHOLE_ADDRESS = 128, /* prefixes count from the first bit of IPv6, or of a mapped address */
};

static const config_setting_t *group_of(struct load *load, const char *list, unsigned i)
{
	return config_setting_get_elem(config_lookup(&load->libconfig, list), i);
}

/* The key of the `i`th group in the list `list`; NULL: it is left out. */
static const config_setting_t *find(struct load *load, const char *list, unsigned i,
				    const char *key)
{
	return config_setting_get_member(group_of(load, list, i), key);
}

/* The same, or that group where the key is left out. */
static const config_setting_t *place(struct load *load, const char *list, unsigned i,
				     const char *key)
{
	const config_setting_t *at = find(load, list, i, key);

	return at != NULL ? at : group_of(load, list, i);
}

static int check_name(struct load *load, const char *list, const char *noun, unsigned i,
		      const char *name)
{
	char quoted[PHRASE];

	for (const char *p = name; *p != '\0'; p++)
		if (!isalnum((unsigned char)*p) && *p != '_' && *p != '-')
			return refuse(load, place(load, list, i, "name"),
				      "%s %s: name has a character that is not allowed; expected "
				      "letters, digits, _ and -",
				      noun, phrase_quote(name, quoted));
	if (name[0] == '\0')
		return refuse(load, place(load, list, i, "name"),
			      "%s %u: name is empty; expected letters, digits, _ and -", noun,
			      i + 1);
	return 0;
}

static int refuse_name(struct load *load, const char *list, const char *noun, unsigned i,
		       const char *name, const struct sl_config_where *other)
{
	return refuse(
		load, place(load, list, i, "name"),
		"%s \"%s\": the %s in line %u of %s has this name too; expected a name of its "
		"own",
		noun, name, noun, other->line, other->file);
}

static int check_cores(struct load *load, const struct sl_config_workers *workers)
{
	for (unsigned i = 0; i < workers->n_cores; i++)
		for (unsigned j = 0; j < i; j++)
			if (workers->cores[i] == workers->cores[j])
				return refuse(load,
					      config_lookup(&load->libconfig, "workers.cores"),
					      "workers: cores has %u twice; expected each core "
					      "once: a worker is alone on its core",
					      workers->cores[i]);
	return 0;
}

/* Which cores EAL has is for workers.cores to say. */
static int check_eal(struct load *load, const struct sl_config *config)
{
	static const char *const ours[] = {"-l", "-c", "--lcores", "-S", "--main-lcore"};
	const config_setting_t *eal = config_lookup(&load->libconfig, "eal");

	for (unsigned i = 0; i < config->n_eal; i++)
		for (unsigned k = 0; k < SL_ARRAY_LEN(ours); k++)
			if (strncmp(config->eal[i], ours[k], strlen(ours[k])) == 0)
				return refuse(load, config_setting_get_elem(eal, i),
					      "eal has \"%s\"; the cores are those of "
					      "workers.cores: take it out",
					      config->eal[i]);
	return 0;
}

/* Where to point at when the machine turns out to lack something. */
static void note_places(struct load *load, struct sl_config *config)
{
	const config_setting_t *cores = config_lookup(&load->libconfig, "workers.cores");
	const config_setting_t *eal = config_lookup(&load->libconfig, "eal");
	const config_setting_t *socket = config_lookup(&load->libconfig, "control.socket");
	const config_setting_t *state = config_lookup(&load->libconfig, "control.state_dir");
	const config_setting_t *drivers = config_lookup(&load->libconfig, "drivers");
	const config_setting_t *root = config_root_setting(&load->libconfig);

	config->workers.cores_where = source_where(load, cores != NULL ? cores : root);
	config->control.socket_where = source_where(load, socket != NULL ? socket : root);
	config->control.state_dir_where = source_where(load, state != NULL ? state : root);
	config->drivers_where = source_where(load, drivers != NULL ? drivers : root);
	for (unsigned i = 0; i < config->n_eal; i++)
		config->eal_where[i] = source_where(load, config_setting_get_elem(eal, i));
	for (unsigned i = 0; i < config->n_links; i++) {
		const bool host = config->links[i].type == SL_CONFIG_LINK_HOST;

		config->links[i].outside_where =
			source_where(load, place(load, "links", i, host ? "port" : "outside"));
		config->links[i].inside_where =
			source_where(load, place(load, "links", i, "inside"));
	}
}

static bool same_device(const char *a, const char *b)
{
	char pci_a[PCI_TEXT], pci_b[PCI_TEXT];

	if (b[0] == '\0')
		return false;
	if (value_pci(a, pci_a) && value_pci(b, pci_b))
		return strcmp(pci_a, pci_b) == 0;
	return strcmp(a, b) == 0;
}

/* The devices of a link by what the file calls them, NULL where it has none. */
static const char *device_of(const struct sl_config_link *link, const char *key)
{
	if (strcmp(key, "port") == 0)
		return link->port;
	return strcmp(key, "outside") == 0 ? link->outside : link->inside;
}

static bool is_needed(const struct sl_config_link *link, const char *key)
{
	return (strcmp(key, "port") == 0) == (link->type == SL_CONFIG_LINK_HOST);
}

/* Whether link `i` names a device where its type needs one, and nowhere else. */
static int check_misplaced(struct load *load, const struct sl_config *config, unsigned i,
			   const char *key)
{
	const struct sl_config_link *link = &config->links[i];

	if (is_needed(link, key) || device_of(link, key)[0] == '\0')
		return 0;
	if (link->type == SL_CONFIG_LINK_HOST)
		return refuse(load, place(load, "links", i, key),
			      "link \"%s\": %s is for a wire; expected port and addresses, as it "
			      "has type = \"host\"",
			      link->name, key);
	return refuse(load, place(load, "links", i, key),
		      "link \"%s\": port is for a host link; expected type = \"host\" with it, or "
		      "outside and inside instead",
		      link->name);
}

/* What a link does between two ports. */
static int check_wire_only(struct load *load, const struct sl_config *config, unsigned i)
{
	static const char *const keys[] = {"default", "link_follow"};
	const struct sl_config_link *link = &config->links[i];

	for (unsigned k = 0; k < SL_ARRAY_LEN(keys) && link->type == SL_CONFIG_LINK_HOST; k++) {
		const config_setting_t *at = find(load, "links", i, keys[k]);

		if (at != NULL)
			return refuse(load, at,
				      "link \"%s\": %s is for a wire; expected it in none of type "
				      "= \"host\"",
				      link->name, keys[k]);
	}
	return 0;
}

static int check_missing(struct load *load, const struct sl_config *config, unsigned i,
			 const char *key)
{
	const struct sl_config_link *link = &config->links[i];
	char expected[PHRASE];

	if (!is_needed(link, key) || device_of(link, key)[0] != '\0')
		return 0;
	return refuse(load, place(load, "links", i, key), "link \"%s\": %s is missing; expected %s",
		      link->name, key, phrase_expected(schema_find("links", key), expected));
}

static int check_addresses(struct load *load, const struct sl_config *config, unsigned i)
{
	const struct sl_config_link *link = &config->links[i];
	const bool host = link->type == SL_CONFIG_LINK_HOST;
	const config_setting_t *at = place(load, "links", i, "addresses");
	char quoted[PHRASE];

	if (host != (link->n_addresses > 0))
		return refuse(
			load, at, "link \"%s\": %s", link->name,
			host ? "addresses is missing; expected the addresses that a host link "
			       "answers for, such as [ \"192.0.2.1\", \"2001:db8::1\" ]"
			     : "addresses is for links of type \"host\"; a wire has none");
	for (unsigned a = 0; a < link->n_addresses; a++) {
		struct sl_addr addr;

		if (sl_addr_parse(&addr, link->addresses[a]) != 0 || sl_addr_is_martian(&addr))
			return refuse(
				load, at,
				"link \"%s\": addresses has %s; expected addresses that a host "
				"may have, such as \"192.0.2.1\" or \"2001:db8::1\", without a "
				"prefix length",
				link->name, phrase_quote(link->addresses[a], quoted));
		if (!sl_addr_is_v4(&addr) && link->mtu < SL_IPV6_MTU_MIN)
			return refuse(load, place(load, "links", i, "mtu"),
				      "link \"%s\": mtu is %u, and it has the address %s; expected "
				      "at least %u, which IPv6 needs",
				      link->name, link->mtu, link->addresses[a], SL_IPV6_MTU_MIN);
		for (unsigned b = 0; b < a; b++) {
			struct sl_addr other;

			(void)sl_addr_parse(&other, link->addresses[b]);
			if (sl_addr_equal(&addr, &other))
				return refuse(load, at,
					      "link \"%s\": addresses has %s twice; expected each "
					      "once",
					      link->name, link->addresses[a]);
		}
	}
	return 0;
}

/* The port `side` of link `i`: well written, and in no link up to this one. */
static int check_device(struct load *load, const struct sl_config *config, unsigned i,
			const char *side, const char *device)
{
	const struct sl_config_link *link = &config->links[i];
	char pci[PCI_TEXT], quoted[PHRASE];
	unsigned seen = 0;

	if (strchr(device, ':') != NULL && !value_pci(device, pci))
		return refuse(load, place(load, "links", i, side),
			      "link \"%s\": %s is %s; expected a PCI address like \"0000:03:00.0\" "
			      "(see dpdk-devbind.py --status) or the name of a vdev in eal",
			      link->name, side, phrase_quote(device, quoted));
	for (unsigned j = 0; j <= i; j++) {
		const struct sl_config_link *other = &config->links[j];

		seen += same_device(device, other->outside) + same_device(device, other->inside) +
			same_device(device, other->port);
		if (seen > 1 || (seen == 1 && j < i))
			return refuse(load, place(load, "links", i, side),
				      "link \"%s\": %s is \"%s\", which link \"%s\" (%s:%u) names "
				      "too; expected each port in one place",
				      link->name, side, device, other->name, other->where.file,
				      other->where.line);
	}
	return 0;
}

static int check_links(struct load *load, const struct sl_config *config)
{
	static const char *const keys[] = {"inside", "outside", "port"};

	for (unsigned i = 0; i < config->n_links; i++) {
		const struct sl_config_link *link = &config->links[i];
		int rc = check_name(load, "links", "link", i, link->name);

		for (unsigned j = 0; j < i && rc == 0; j++)
			if (strcasecmp(config->links[j].name, link->name) == 0)
				rc = refuse_name(load, "links", "link", i, link->name,
						 &config->links[j].where);
		/* Inside first: when both are the same, the message is about the second. */
		for (unsigned k = 0; k < SL_ARRAY_LEN(keys) && rc == 0; k++)
			rc = check_misplaced(load, config, i, keys[k]);
		for (unsigned k = 0; k < SL_ARRAY_LEN(keys) && rc == 0; k++) {
			rc = check_missing(load, config, i, keys[k]);
			if (rc == 0 && is_needed(link, keys[k]))
				rc = check_device(load, config, i, keys[k],
						  device_of(link, keys[k]));
		}
		if (rc == 0)
			rc = check_wire_only(load, config, i);
		if (rc == 0)
			rc = check_addresses(load, config, i);
		if (rc != 0)
			return rc;
	}
	return 0;
}

/* The same prefix and a port in common: nobody could tell whose connection it is. */
static bool ambiguous(const struct sl_config_service *a, const struct sl_config_service *b)
{
	return a->address.len == b->address.len &&
	       sl_addr_equal(&a->address.addr, &b->address.addr) && a->port.first <= b->port.last &&
	       b->port.first <= a->port.last;
}

static int check_service(struct load *load, const struct sl_config *config, unsigned i)
{
	const struct sl_config_service *service = &config->services[i];
	char text[SL_ADDR_TEXT];
	int rc = check_name(load, "services", "service", i, service->name);

	for (unsigned j = 0; j < i && rc == 0; j++) {
		const struct sl_config_service *other = &config->services[j];

		if (strcasecmp(other->name, service->name) == 0)
			rc = refuse_name(load, "services", "service", i, service->name,
					 &other->where);
		else if (ambiguous(service, other))
			rc = refuse(load, place(load, "services", i, "address"),
				    "service \"%s\": it has the address %s and port %u in common "
				    "with service \"%s\" (%s:%u); expected one service for each: "
				    "change or remove one of the two",
				    service->name, sl_addr_format(&service->address.addr, text),
				    service->port.first > other->port.first ? service->port.first
									    : other->port.first,
				    other->name, other->where.file, other->where.line);
	}
	return rc;
}

static bool is_in(unsigned mode, unsigned modes)
{
	return modes >> mode & 1;
}

/* A key that does nothing in the service's mode. */
static int check_mode_only(struct load *load, const struct sl_config *config, unsigned i)
{
	static const struct {
		const char *key;
		unsigned modes; /* bits: those in which it does something */
		const char *kind, *expected;
	} rows[] = {
#define RESPOND 1u << SL_MODE_RESPOND, "responds", "\"respond\""
		{"server", RESPOND},
		{"receive_buffer", RESPOND},
		{"send_buffer", RESPOND},
#undef RESPOND
		{"backlog", 1u << SL_MODE_SPLICE | 1u << SL_MODE_RESPOND, "is proxied",
		 "\"splice\" or \"respond\""},
		{"track", 1u << SL_MODE_PASS | 1u << SL_MODE_MONITOR, "is left to its ends",
		 "\"pass\" or \"monitor\""},
	};
	const struct sl_config_service *service = &config->services[i];

	for (unsigned k = 0; k < SL_ARRAY_LEN(rows); k++) {
		const config_setting_t *at = find(load, "services", i, rows[k].key);

		if (at != NULL && !is_in(service->mode, rows[k].modes))
			return refuse(load, at,
				      "service \"%s\": %s is for a service that %s; expected mode "
				      "= %s with it, not \"%s\"",
				      service->name, rows[k].key, rows[k].kind, rows[k].expected,
				      sl_service_mode_name(service->mode));
	}
	return 0;
}

/* The secret is read here to know now that it can be read later. */
static int check_secret(struct load *load, const char *path)
{
	struct sl_config_error why;
	uint8_t secret[SL_CONFIG_SECRET];
	int rc;

	if (path[0] == '\0')
		return 0;
	rc = sl_config_read_secret(path, secret, &why);
	explicit_bzero(secret, sizeof(secret));
	if (rc == 0)
		return 0;
	return refuse(load, config_lookup(&load->libconfig, "cookies.secret_file"),
		      "cookies: secret_file is \"%s\": %s", path, why.text);
}

/* The first host link that has an address of the service's, and which of its addresses that is. */
static const struct sl_config_link *host_link_of(const struct sl_config *config,
						 const struct sl_config_service *service,
						 unsigned *which)
{
	for (unsigned l = 0; l < config->n_links; l++)
		for (*which = 0; *which < config->links[l].n_addresses; (*which)++) {
			struct sl_addr addr;

			(void)sl_addr_parse(&addr, config->links[l].addresses[*which]);
			if (sl_addr_in_prefix(&addr, &service->address.addr,
					      (uint8_t)service->address.len))
				return &config->links[l];
		}
	return NULL;
}

/* On a host link nothing is behind the box that a service could stand for; and elsewhere than on
 * its addresses nobody comes to it. A prefix may be meant for wires, and have such an address in
 * it. */
static int check_where(struct load *load, const struct sl_config *config, unsigned i)
{
	const struct sl_config_service *service = &config->services[i];
	const bool responds = service->mode == SL_MODE_RESPOND;
	const struct sl_config_link *host;
	bool wire = false;
	unsigned a;

	for (unsigned l = 0; l < config->n_links; l++)
		wire |= config->links[l].type != SL_CONFIG_LINK_HOST;
	host = host_link_of(config, service, &a);
	if (!responds && host != NULL && (!wire || service->address.len == WHOLE_ADDRESS))
		return refuse(load, place(load, "services", i, "mode"),
			      "service \"%s\": mode is \"%s\", and %s is an address of the host "
			      "link \"%s\", behind which there is no server; expected mode = "
			      "\"respond\"",
			      service->name, sl_service_mode_name(service->mode),
			      host->addresses[a], host->name);
	if (host == NULL && !wire)
		return refuse(
			load, place(load, "services", i, "address"),
			"service \"%s\": none of the addresses of the links is in its own, and "
			"there is no wire; expected one of a host link's addresses, such as %s",
			service->name, config->links[0].addresses[0]);
	return 0;
}

/* A service has no link of its own: its clients may come by any wire. */
static int check_ipv6(struct load *load, const struct sl_config *config, unsigned i)
{
	const struct sl_config_service *service = &config->services[i];

	if (sl_addr_is_v4(&service->address.addr))
		return 0;
	for (unsigned l = 0; l < config->n_links; l++) {
		const struct sl_config_link *link = &config->links[l];

		if (link->type != SL_CONFIG_LINK_HOST && link->mtu < SL_IPV6_MTU_MIN)
			return refuse(load, place(load, "services", i, "address"),
				      "service \"%s\": it has an IPv6 address, and the mtu of the "
				      "link \"%s\" (%s:%u) is %u; expected no IPv6 services, or an "
				      "mtu of at least %u, which IPv6 needs",
				      service->name, link->name, link->where.file, link->where.line,
				      link->mtu, SL_IPV6_MTU_MIN);
	}
	return 0;
}

static int check_endpoints(struct load *load, const struct sl_config_workers *workers)
{
	if (workers->endpoints <= workers->connections)
		return 0;
	return refuse(
		load, config_lookup(&load->libconfig, "workers.endpoints"),
		"workers: endpoints is %u, and connections is %u; expected no more endpoints: "
		"each belongs to a connection",
		workers->endpoints, workers->connections);
}

/* The number of a group; false when there is none. Its members' names may take some room. */
static bool find_group(const char *name, uint32_t *gid)
{
	struct group group, *found = NULL;
	int rc = ERANGE;

	for (size_t size = 4096; size <= 4 << 20 && rc == ERANGE; size *= 4) {
		char *names = malloc(size);

		if (names == NULL)
			return false;
		rc = getgrnam_r(name, &group, names, size, &found);
		free(names);
	}
	if (rc != 0 || found == NULL)
		return false;
	*gid = group.gr_gid;
	return true;
}

static int check_group(struct load *load, struct sl_config *config)
{
	char quoted[PHRASE];

	if (config->control.group[0] == '\0')
		return 0;
	config->control.has_group = find_group(config->control.group, &config->control.gid);
	if (config->control.has_group)
		return 0;
	return refuse(load, config_lookup(&load->libconfig, "control.group"),
		      "control: group is %s, and there is no such group here; expected a group of "
		      "this machine: `getent group` lists them",
		      phrase_quote(config->control.group, quoted));
}

/* How long an idle connection may stay must fit in 32 bits of milliseconds, with room to spare. */
static int check_idle(struct load *load, const config_setting_t *at, const char *whose,
		      const struct sl_limits *limits)
{
	const uint64_t ms = limits->idle_ms + (uint64_t)limits->probes * limits->probe_interval_ms;

	if (ms <= (uint64_t)IDLE_MOST_S * 1000)
		return 0;
	return refuse(load, at,
		      "%slimits: idle + probes x probe_interval is %" PRIu64
		      " s; expected at most %u, four weeks",
		      whose, (ms + 999) / 1000, IDLE_MOST_S);
}

static int check_limits(struct load *load, const struct sl_config *config)
{
	int rc = check_idle(load, config_lookup(&load->libconfig, "limits"), "", &config->limits);

	for (unsigned i = 0; i < config->n_services && rc == 0; i++) {
		char whose[PHRASE];

		snprintf(whose, sizeof(whose), "service \"%s\", ", config->services[i].name);
		rc = check_idle(load, place(load, "services", i, "limits"), whose,
				&config->services[i].limits);
	}
	return rc;
}

int validate(struct load *load, struct sl_config *config)
{
	int rc = check_cores(load, &config->workers);

	if (rc == 0)
		rc = check_eal(load, config);
	if (rc == 0)
		rc = check_endpoints(load, &config->workers);
	if (rc == 0)
		rc = check_links(load, config);
	for (unsigned i = 0; i < config->n_services && rc == 0; i++)
		rc = check_service(load, config, i);
	for (unsigned i = 0; i < config->n_services && rc == 0; i++)
		rc = check_mode_only(load, config, i);
	for (unsigned i = 0; i < config->n_services && rc == 0; i++)
		rc = check_where(load, config, i);
	for (unsigned i = 0; i < config->n_services && rc == 0; i++)
		rc = check_ipv6(load, config, i);
	if (rc == 0 && config->control.socket[0] == '\0')
		rc = refuse(load, config_lookup(&load->libconfig, "control.socket"),
			    "control: socket is empty; expected the path of a Unix socket");
	if (rc == 0)
		rc = check_group(load, config);
	if (rc == 0)
		rc = check_limits(load, config);
	if (rc == 0)
		rc = check_secret(load, config->cookies.secret_file);
	if (rc == 0)
		note_places(load, config);
	return rc;
}
