/* SPDX-License-Identifier: BSD-3-Clause */
#include "sluiced.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>

#include "sl_log.h"

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

int eal_check_cores(const struct sl_config *config, char *error, size_t error_len)
{
	const struct sl_config_workers *workers = &config->workers;
	cpu_set_t before, one;
	int rc = 0;

	if (sched_getaffinity(0, sizeof(before), &before) != 0)
		return 0;
	for (unsigned i = 0; i < workers->n_cores && rc == 0; i++) {
		CPU_ZERO(&one);
		CPU_SET(workers->cores[i], &one);
		if (sched_setaffinity(0, sizeof(one), &one) == 0)
			continue;
		snprintf(error, error_len,
			 "%s:%u: workers: cores has %u, which this process may not use: %s; "
			 "expected CPUs of its cpuset (a container's --cpuset-cpus, a unit's "
			 "AllowedCPUs)",
			 workers->cores_where.file, workers->cores_where.line, workers->cores[i],
			 strerror(errno));
		rc = -1;
	}
	(void)sched_setaffinity(0, sizeof(before), &before);
	return rc;
}

int eal_check_rights(const struct sl_config *config, char *error, size_t error_len)
{
	for (unsigned i = 0; i < config->n_eal; i++)
		if (strstr(config->eal[i], "net_af_packet") != NULL)
			return check_packet_socket(error, error_len);
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

/* EAL prints 90 lines of usage to stdout when it does not understand an argument, behind the one
 * line on stderr that says which. */
static int init_without_usage(int argc, char **argv)
{
	const int null = open("/dev/null", O_WRONLY | O_CLOEXEC), out = dup(STDOUT_FILENO);
	int rc;

	fflush(stdout);
	if (null >= 0 && out >= 0)
		(void)dup2(null, STDOUT_FILENO);
	rc = rte_eal_init(argc, argv);
	fflush(stdout);
	if (out >= 0) {
		(void)dup2(out, STDOUT_FILENO);
		close(out);
	}
	if (null >= 0)
		close(null);
	return rc;
}

/* What DPDK logs, as lines of the daemon's log. */
static ssize_t log_lines(void *cookie, const char *text, size_t size)
{
	static const enum sl_log_level levels[] = {
		[RTE_LOG_EMERG] = SL_LOG_ERROR,     [RTE_LOG_ALERT] = SL_LOG_ERROR,
		[RTE_LOG_CRIT] = SL_LOG_ERROR,      [RTE_LOG_ERR] = SL_LOG_ERROR,
		[RTE_LOG_WARNING] = SL_LOG_WARNING, [RTE_LOG_NOTICE] = SL_LOG_NOTICE,
	};
	const int level = rte_log_cur_msg_loglevel();
	const bool known = level >= (int)RTE_LOG_EMERG && level <= (int)RTE_LOG_NOTICE;

	(void)cookie;
	for (size_t from = 0, n; from < size; from += n + 1) {
		const char *end = memchr(text + from, '\n', size - from);

		n = end != NULL ? (size_t)(end - text) - from : size - from;
		if (n > 0)
			sl_log(known ? levels[level] : SL_LOG_INFO, "%.*s", (int)n, text + from);
	}
	return (ssize_t)size;
}

/* A stream that is never closed: DPDK logs to its end. */
static void take_log(void)
{
	FILE *stream = fopencookie(NULL, "w", (cookie_io_functions_t){.write = log_lines});

	if (stream != NULL)
		(void)rte_openlog_stream(stream);
}

int eal_start(const struct sl_config *config, char *error, size_t error_len)
{
	static char args[SL_CONFIG_MAX_EAL_ARGS][SL_CONFIG_PATH], cores[2048];
	char *argv[SL_CONFIG_MAX_EAL_ARGS + 3];
	static char program[] = "sluiced";
	int argc = 0;

	take_log();
	argv[argc++] = program;
	lcores(config, cores, sizeof(cores));
	argv[argc++] = cores;
	for (unsigned i = 0; i < config->n_eal; i++) {
		snprintf(args[i], sizeof(args[i]), "%s", config->eal[i]);
		argv[argc++] = args[i];
	}
	argv[argc] = NULL;
	if (init_without_usage(argc, argv) >= 0)
		return 0;
	snprintf(error, error_len,
		 "DPDK's environment does not start: %s; its own lines above say more. Rights "
		 "missing: run as root. No hugepages: sysctl vm.nr_hugepages=256, or --no-huge in "
		 "eal. Another sluiced: give each its --file-prefix=",
		 rte_strerror(rte_errno));
	return -1;
}
