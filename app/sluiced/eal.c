/* SPDX-License-Identifier: BSD-3-Clause */
#include "sluiced.h"

#include <errno.h>
#include <linux/if_ether.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>

/* The value of `key` in a vdev's arguments ("net_af_packet0,iface=out0"), into `value`. */
static bool vdev_value(const char *arg, const char *key, char *value, size_t size)
{
	const size_t key_len = strlen(key);

	for (const char *p = strchr(arg, ','); p != NULL; p = strchr(p, ',')) {
		p++;
		if (strncmp(p, key, key_len) == 0 && p[key_len] == '=') {
			const char *v = p + key_len + 1;

			snprintf(value, size, "%.*s", (int)strcspn(v, ","), v);
			return true;
		}
	}
	return false;
}

static int check_interface(const char *name, char *error, size_t error_len)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/class/net/%s", name);
	if (access(path, F_OK) == 0)
		return 0;
	snprintf(error, error_len,
		 "eal names the interface \"%s\", and there is none in this network namespace; "
		 "`ip link` lists what there is",
		 name);
	return -1;
}

static int check_packet_socket(char *error, size_t error_len)
{
	const int fd = socket(AF_PACKET, SOCK_RAW, 0);

	if (fd >= 0) {
		close(fd);
		return 0;
	}
	snprintf(error, error_len,
		 "no packet socket: %s; af_packet needs CAP_NET_RAW and CAP_NET_ADMIN: run as root",
		 strerror(errno));
	return -1;
}

int eal_check(const struct sl_config *config, char *error, size_t error_len)
{
	static const char *const ours[] = {"-l", "-c", "--lcores", "-S", "--main-lcore"};

	for (unsigned i = 0; i < config->n_eal; i++) {
		const char *arg = config->eal[i];
		char name[64];

		for (unsigned k = 0; k < SL_ARRAY_LEN(ours); k++) {
			if (strncmp(arg, ours[k], strlen(ours[k])) == 0 &&
			    strncmp(arg, "--log", 5) != 0) {
				snprintf(error, error_len,
					 "eal has \"%s\"; the cores are those of workers.cores: "
					 "take it out",
					 arg);
				return -1;
			}
		}
		if (strncmp(arg, "--vdev", 6) != 0)
			continue;
		if (vdev_value(arg, "iface", name, sizeof(name)) &&
		    strstr(arg, "net_tap") == NULL &&
		    check_interface(name, error, error_len) != 0)
			return -1;
		if (strstr(arg, "net_af_packet") != NULL &&
		    check_packet_socket(error, error_len) != 0)
			return -1;
	}
	return 0;
}

unsigned eal_lcore(unsigned i)
{
	return i + 1;
}

/* The CPUs that no worker has, for the control thread; all of them when there are none. */
static void control_cpus(const struct sl_config *config, char *text, size_t size)
{
	cpu_set_t mine;
	size_t used = 0;

	if (sched_getaffinity(0, sizeof(mine), &mine) != 0)
		CPU_ZERO(&mine);
	for (unsigned i = 0; i < config->workers.n_cores; i++)
		if (CPU_COUNT(&mine) > 1)
			CPU_CLR(config->workers.cores[i], &mine);
	for (unsigned cpu = 0; cpu < CPU_SETSIZE && used < size; cpu++)
		if (CPU_ISSET(cpu, &mine))
			used += (size_t)snprintf(text + used, size - used, "%s%u",
						 used > 0 ? "," : "", cpu);
}

/* lcore 0 is the control thread's; worker i has lcore i + 1, on its core. */
static void lcores(const struct sl_config *config, char *text, size_t size)
{
	char cpus[1024];
	size_t used;

	control_cpus(config, cpus, sizeof(cpus));
	used = (size_t)snprintf(text, size, "--lcores=0@(%s)", cpus);
	for (unsigned i = 0; i < config->workers.n_cores && used < size; i++)
		used += (size_t)snprintf(text + used, size - used, ",%u@%u", eal_lcore(i),
					 config->workers.cores[i]);
}

int eal_start(const struct sl_config *config, char *error, size_t error_len)
{
	static char args[SL_CONFIG_MAX_EAL_ARGS][SL_CONFIG_PATH], cores[2048];
	char *argv[SL_CONFIG_MAX_EAL_ARGS + 3];
	static char program[] = "sluiced";
	int argc = 0;

	argv[argc++] = program;
	lcores(config, cores, sizeof(cores));
	argv[argc++] = cores;
	for (unsigned i = 0; i < config->n_eal; i++) {
		snprintf(args[i], sizeof(args[i]), "%s", config->eal[i]);
		argv[argc++] = args[i];
	}
	argv[argc] = NULL;
	if (rte_eal_init(argc, argv) >= 0)
		return 0;
	snprintf(error, error_len,
		 "DPDK's environment does not start: %s; its own lines above say more. Rights "
		 "missing: run as root. No hugepages: sysctl vm.nr_hugepages=256, or --no-huge in "
		 "eal. Another sluiced: give each its --file-prefix=",
		 rte_strerror(rte_errno));
	return -1;
}
