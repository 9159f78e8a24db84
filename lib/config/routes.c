/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Would this configuration take the interface through which its operator is logged in? Which
 * interfaces default routes use, and which interface is behind a port.
 */
#include "sl_config.h"

#include <dirent.h>
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "schema.h"

#define MAX_INTERFACES 64
/* include/uapi/linux/route.h */
#define ROUTE_UP       0x0001
#define ROUTE_REJECT   0x0200

/* Interfaces that a default route needs, and for which one: "eth0" for "bond0". */
struct routes {
	char name[MAX_INTERFACES][IFNAMSIZ];
	unsigned above[MAX_INTERFACES]; /* place of the interface that the route names */
	unsigned n;
};

/* Adds `name`, below the interface at the place `above`: its own when the route names it. */
static void routes_add(struct routes *routes, const char *name, unsigned above)
{
	for (unsigned i = 0; i < routes->n; i++)
		if (strcmp(routes->name[i], name) == 0)
			return;
	if (routes->n == MAX_INTERFACES)
		return;
	snprintf(routes->name[routes->n], IFNAMSIZ, "%s", name);
	routes->above[routes->n] = above;
	routes->n++;
}

/* A line of /proc/net/route: interface, destination, gateway, flags, ..., mask. */
static void route_line_v4(struct routes *routes, const char *line)
{
	char name[IFNAMSIZ];
	unsigned destination, flags, mask;

	if (sscanf(line, "%15s %x %*x %x %*d %*d %*d %x", name, &destination, &flags, &mask) != 4)
		return;
	if (destination == 0 && mask == 0 && (flags & ROUTE_UP) && !(flags & ROUTE_REJECT))
		routes_add(routes, name, routes->n);
}

/* A line of /proc/net/ipv6_route: destination, its length, ..., flags, interface. */
static void route_line_v6(struct routes *routes, const char *line)
{
	char name[IFNAMSIZ], destination[33];
	unsigned len, flags;

	if (sscanf(line, "%32s %x %*s %*s %*s %*s %*s %*s %x %15s", destination, &len, &flags,
		   name) != 4)
		return;
	if (len == 0 && strspn(destination, "0") == 32 && (flags & ROUTE_UP) &&
	    !(flags & ROUTE_REJECT) && strcmp(name, "lo") != 0)
		routes_add(routes, name, routes->n);
}

static int routes_read(struct routes *routes, const char *path,
		       void (*read_line)(struct routes *, const char *),
		       struct sl_config_error *error)
{
	FILE *f = fopen(path, "re");
	char *line = NULL;
	size_t size = 0;
	int rc = 0;

	if (f == NULL && errno == ENOENT)
		return 0; /* a kernel without that family */
	if (f == NULL) {
		rc = -errno;
		refuse_at(error, path, 0,
			  "cannot read the routes: %s; expected to find out whether a port carries "
			  "the default route",
			  strerror(-rc));
		return rc;
	}
	while (getline(&line, &size, f) > 0)
		read_line(routes, line);
	free(line);
	fclose(f);
	return rc;
}

/* Adds what the interface routes->name[i] stands on: a bond's members, a VLAN's parent. */
static void routes_add_lower(struct routes *routes, const char *sysfs, unsigned i)
{
	char path[SL_CONFIG_PATH];
	const struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), "%.200s/class/net/%s", sysfs, routes->name[i]);
	dir = opendir(path);
	if (dir == NULL)
		return;
	while ((entry = readdir(dir)) != NULL)
		if (strncmp(entry->d_name, "lower_", 6) == 0)
			routes_add(routes, entry->d_name + 6, routes->above[i]);
	closedir(dir);
}

static const char *routes_find(const struct routes *routes, const char *name)
{
	for (unsigned i = 0; i < routes->n; i++)
		if (strcmp(routes->name[i], name) == 0)
			return routes->name[routes->above[i]];
	return NULL;
}

/* What was found: the interface of a port that a default route needs. */
struct taken {
	char name[IFNAMSIZ];
	const char *above;
};

/* Whether `args`, behind the name of a vdev (",iface=eth0,..."), names such an interface. */
static bool vdev_takes(const struct routes *routes, const char *args, struct taken *taken)
{
	static const char *const keys[] = {"iface=", "rx_iface=", "rx_iface_in=", "remote="};

	for (const char *p = args; p != NULL && *p == ','; p = strchr(p, ',')) {
		p++;
		for (unsigned i = 0; i < SL_ARRAY_LEN(keys); i++) {
			const size_t n = strlen(keys[i]);

			if (strncmp(p, keys[i], n) != 0)
				continue;
			snprintf(taken->name, IFNAMSIZ, "%.*s", (int)strcspn(p + n, ","), p + n);
			taken->above = routes_find(routes, taken->name);
			if (taken->above != NULL)
				return true;
		}
	}
	return false;
}

const char *config_vdev(const struct sl_config *config, unsigned i)
{
	const char *arg = config->eal[i];

	if (strncmp(arg, "--vdev=", 7) == 0)
		return arg + 7;
	return i > 0 && strcmp(config->eal[i - 1], "--vdev") == 0 ? arg : NULL;
}

const char *config_vdev_args(const struct sl_config *config, const char *device)
{
	const size_t n = strlen(device);

	for (unsigned i = 0; i < config->n_eal; i++) {
		const char *vdev = config_vdev(config, i);

		if (vdev != NULL && strncmp(vdev, device, n) == 0 &&
		    (vdev[n] == ',' || vdev[n] == '\0'))
			return vdev + n;
	}
	return NULL;
}

/* Whether the folder `path` of sysfs lists such an interface. */
static bool net_takes(const struct routes *routes, const char *path, struct taken *taken)
{
	const struct dirent *entry;
	DIR *dir = opendir(path);

	taken->above = NULL;
	if (dir == NULL)
		return false;
	while (taken->above == NULL && (entry = readdir(dir)) != NULL) {
		snprintf(taken->name, IFNAMSIZ, "%.15s", entry->d_name);
		taken->above = routes_find(routes, taken->name);
	}
	closedir(dir);
	return taken->above != NULL;
}

/* A PCI device has its interfaces in net/, a virtio one in virtioN/net/. */
static bool pci_takes(const struct routes *routes, const char *sysfs, const char *pci,
		      struct taken *taken)
{
	char device[SL_CONFIG_PATH], path[2 * SL_CONFIG_PATH + 64];
	const struct dirent *entry;
	bool takes;
	DIR *dir;

	snprintf(device, sizeof(device), "%.200s/bus/pci/devices/%s", sysfs, pci);
	snprintf(path, sizeof(path), "%s/net", device);
	takes = net_takes(routes, path, taken);
	dir = opendir(device);
	if (dir == NULL)
		return takes;
	while (!takes && (entry = readdir(dir)) != NULL) {
		if (strncmp(entry->d_name, "virtio", 6) != 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s/net", device, entry->d_name);
		takes = net_takes(routes, path, taken);
	}
	closedir(dir);
	return takes;
}

static int check_port(const struct sl_config *config, const struct routes *routes,
		      const char *sysfs, const struct sl_config_link *link, const char *side,
		      struct sl_config_error *error)
{
	const bool inside = strcmp(side, "inside") == 0, port = strcmp(side, "port") == 0;
	const char *device = inside ? link->inside : port ? link->port : link->outside;
	const struct sl_config_where *where = inside ? &link->inside_where : &link->outside_where;
	struct taken taken;
	char pci[PCI_TEXT], over[IFNAMSIZ + 16] = "";
	bool takes;

	if (link->take_default_route || device[0] == '\0')
		return 0;
	if (value_pci(device, pci))
		takes = pci_takes(routes, sysfs, pci, &taken);
	else
		takes = vdev_takes(routes, config_vdev_args(config, device), &taken);
	if (!takes)
		return 0;
	if (strcmp(taken.name, taken.above) != 0)
		snprintf(over, sizeof(over), " (through %s)", taken.above);
	return refuse_at(
		error, where->file, where->line,
		"link \"%s\": %s is \"%s\", and that is the interface %s, which carries "
		"this host's default route%s; expected a port that the host does not need. "
		"To take it all the same, set take_default_route = true in this link "
		"(line %u)",
		link->name, side, device, taken.name, over, link->where.line);
}

int sl_config_check_routes(const struct sl_config *config, const char *proc_net_route,
			   const char *proc_net_ipv6_route, const char *sysfs_root,
			   struct sl_config_error *error)
{
	static const char *const keys[] = {"outside", "inside", "port"};
	struct routes routes;
	int rc;

	routes.n = 0;
	rc = routes_read(&routes, proc_net_route, route_line_v4, error);
	if (rc == 0)
		rc = routes_read(&routes, proc_net_ipv6_route, route_line_v6, error);
	/* The list grows while it is walked: a VLAN over a bond over two ports. */
	for (unsigned i = 0; i < routes.n; i++)
		routes_add_lower(&routes, sysfs_root, i);
	for (unsigned i = 0; i < config->n_links; i++)
		for (unsigned k = 0; k < SL_ARRAY_LEN(keys) && rc == 0; k++)
			rc = check_port(config, &routes, sysfs_root, &config->links[i], keys[k],
					error);
	return rc;
}
