/* SPDX-License-Identifier: BSD-3-Clause */
/* Whether this machine has what a configuration names: cores, interfaces, devices of ports. */
#include "sl_config.h"

#include <dirent.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "schema.h"

static bool exists(const char *sysfs, const char *folder, const char *name)
{
	char path[SL_CONFIG_PATH + 512];

	snprintf(path, sizeof(path), "%.200s/%s/%s", sysfs, folder, name);
	return name[0] != '\0' && strchr(name, '/') == NULL && access(path, F_OK) == 0;
}

/* Whether the kernel's list of CPUs ("0-3,8") has this one. */
static bool has_cpu(const char *list, unsigned long cpu)
{
	const char *p = list;

	while (*p >= '0' && *p <= '9') {
		char *end;
		unsigned long first = strtoul(p, &end, 10), last = first;

		if (*end == '-')
			last = strtoul(end + 1, &end, 10);
		if (first <= cpu && cpu <= last)
			return true;
		p = *end == ',' ? end + 1 : end;
	}
	return false;
}

static int check_cores(const struct sl_config *config, const char *sysfs,
		       struct sl_config_error *error)
{
	const struct sl_config_workers *workers = &config->workers;
	char path[SL_CONFIG_PATH], online[256] = "";
	FILE *f;

	snprintf(path, sizeof(path), "%.200s/devices/system/cpu/online", sysfs);
	f = fopen(path, "re");
	if (f == NULL)
		return 0; /* nobody says what there is */
	if (fgets(online, sizeof(online), f) == NULL)
		online[0] = '\0';
	fclose(f);
	online[strcspn(online, "\n")] = '\0';
	for (unsigned i = 0; i < workers->n_cores && online[0] != '\0'; i++)
		if (!has_cpu(online, workers->cores[i]))
			return refuse_at(error, workers->cores_where.file,
					 workers->cores_where.line,
					 "workers: cores has %u, and the CPUs of this machine are "
					 "%s; expected some of these: `lscpu -e` shows them",
					 workers->cores[i], online);
	return 0;
}

/* The interface after `key` in a vdev's arguments, into `name`. */
static bool interface_of(const char *vdev, const char *key, char name[IFNAMSIZ])
{
	const size_t n = strlen(key);

	for (const char *p = strchr(vdev, ','); p != NULL; p = strchr(p, ',')) {
		p++;
		if (strncmp(p, key, n) != 0)
			continue;
		snprintf(name, IFNAMSIZ, "%.*s", (int)strcspn(p + n, ","), p + n);
		return true;
	}
	return false;
}

/* The interfaces that a vdev stands on; that of a tap is made with it. */
static int check_vdev(const struct sl_config *config, const char *sysfs, unsigned i,
		      struct sl_config_error *error)
{
	static const char *const keys[] = {
		"iface=", "rx_iface=", "rx_iface_in=", "tx_iface=", "remote="};
	const char *vdev = config_vdev(config, i);
	char name[IFNAMSIZ];

	for (unsigned k = 0; vdev != NULL && k < SL_ARRAY_LEN(keys); k++) {
		if (k == 0 && strncmp(vdev, "net_t", 5) == 0)
			continue;
		if (interface_of(vdev, keys[k], name) && !exists(sysfs, "class/net", name))
			return refuse_at(
				error, config->eal_where[i].file, config->eal_where[i].line,
				"eal names the interface \"%s\", and there is none in this "
				"network namespace; expected one that `ip link` lists",
				name);
	}
	return 0;
}

/* A port that is neither a vdev of eal's nor a PCI device. */
static bool on_another_bus(const char *sysfs, const char *device)
{
	char path[SL_CONFIG_PATH], folder[512];
	const struct dirent *entry;
	bool found = false;
	DIR *dir;

	snprintf(path, sizeof(path), "%.200s/bus", sysfs);
	dir = opendir(path);
	if (dir == NULL)
		return false;
	while (!found && (entry = readdir(dir)) != NULL) {
		snprintf(folder, sizeof(folder), "bus/%s/devices", entry->d_name);
		found = exists(sysfs, folder, device);
	}
	closedir(dir);
	return found;
}

/* What may be meant by a device that is not there: the vdevs of eal's. */
static void suggest(const struct sl_config *config, const char *device, char *text, size_t size)
{
	static char names[SL_CONFIG_MAX_EAL_ARGS][SL_CONFIG_DEVICE];
	const char *words[SL_CONFIG_MAX_EAL_ARGS], *nearest;
	unsigned n = 0;
	size_t used = 0;

	text[0] = '\0';
	for (unsigned i = 0; i < config->n_eal; i++) {
		const char *vdev = config_vdev(config, i);

		if (vdev == NULL)
			continue;
		snprintf(names[n], sizeof(names[n]), "%.*s", (int)strcspn(vdev, ","), vdev);
		words[n] = names[n];
		if (used < size)
			used += (size_t)snprintf(text + used, size - used, "%s\"%s\"",
						 n > 0 ? ", " : ", such as ", words[n]);
		n++;
	}
	nearest = phrase_nearest(device, words, n);
	if (nearest != NULL && used < size)
		snprintf(text + used, size - used, " (did you mean \"%s\"?)", nearest);
}

static int check_port(const struct sl_config *config, const char *sysfs,
		      const struct sl_config_link *link, const char *key, const char *device,
		      const struct sl_config_where *where, struct sl_config_error *error)
{
	char pci[PCI_TEXT], others[512];

	if (device[0] == '\0' || config_vdev_args(config, device) != NULL)
		return 0;
	if (value_pci(device, pci)) {
		if (exists(sysfs, "bus/pci/devices", pci))
			return 0;
		return refuse_at(error, where->file, where->line,
				 "link \"%s\": %s is \"%s\", and this machine has no such PCI "
				 "device; expected one that `dpdk-devbind.py --status` lists",
				 link->name, key, device);
	}
	if (on_another_bus(sysfs, device))
		return 0;
	suggest(config, device, others, sizeof(others));
	return refuse_at(error, where->file, where->line,
			 "link \"%s\": %s is \"%s\", which no --vdev= of eal names and which is no "
			 "PCI address; expected a device%s",
			 link->name, key, device, others);
}

static int check_link(const struct sl_config *config, const char *sysfs,
		      const struct sl_config_link *link, struct sl_config_error *error)
{
	int rc;

	if (link->type == SL_CONFIG_LINK_HOST)
		return check_port(config, sysfs, link, "port", link->port, &link->outside_where,
				  error);
	rc = check_port(config, sysfs, link, "outside", link->outside, &link->outside_where, error);
	if (rc == 0)
		rc = check_port(config, sysfs, link, "inside", link->inside, &link->inside_where,
				error);
	return rc;
}

/* sluiced makes the folder of its socket, but not the folders above. */
static int check_socket(const struct sl_config *config, struct sl_config_error *error)
{
	const struct sl_config_where *where = &config->control.socket_where;
	char above[SL_CONFIG_SOCKET];

	snprintf(above, sizeof(above), "%s", config->control.socket);
	for (unsigned i = 0; i < 2; i++) {
		char *slash = strrchr(above, '/');

		if (slash == NULL || slash == above)
			return 0;
		*slash = '\0';
		if (access(above, F_OK) == 0)
			return 0;
	}
	return refuse_at(error, where->file, where->line,
			 "control: socket is \"%s\", and there is no folder %s; expected a path "
			 "whose folder exists or can be made: `mkdir -p %s`",
			 config->control.socket, above, above);
}

/* sluiced makes the folder of its state where there is nothing. */
static int check_folders(const struct sl_config *config, struct sl_config_error *error)
{
	const char *state = config->control.state_dir;
	const struct sl_config_where *where = &config->control.state_dir_where;
	struct stat st;

	if (state[0] != '\0' && stat(state, &st) == 0 && !S_ISDIR(st.st_mode))
		return refuse_at(
			error, where->file, where->line,
			"control: state_dir is \"%s\", which is no folder; expected a "
			"folder, a path where there is nothing yet, or \"\" to keep nothing",
			state);
	where = &config->drivers_where;
	if (stat(config->drivers, &st) != 0 || !S_ISDIR(st.st_mode))
		return refuse_at(
			error, where->file, where->line,
			"drivers is \"%s\", and there is no such folder; expected the "
			"folder of the driver profiles; without the setting, the profiles that "
			"came with sluiced are used",
			config->drivers);
	return 0;
}

int sl_config_check_machine(const struct sl_config *config, const char *sysfs_root,
			    struct sl_config_error *error)
{
	int rc = check_cores(config, sysfs_root, error);

	for (unsigned i = 0; i < config->n_eal && rc == 0; i++)
		rc = check_vdev(config, sysfs_root, i, error);
	for (unsigned i = 0; i < config->n_links && rc == 0; i++)
		rc = check_link(config, sysfs_root, &config->links[i], error);
	if (rc == 0)
		rc = check_socket(config, error);
	return rc == 0 ? check_folders(config, error) : rc;
}
