/* SPDX-License-Identifier: BSD-3-Clause */
/* sluicebench: arguments, the machine, the order of things. */
#include "bench.h"

#include <getopt.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/memfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_launch.h>
#include <rte_lcore.h>

enum { NO_HUGE_MIB = 2560 };

/* The rows of the table, in their order. */
static const struct {
	const struct bench_case *what;
	struct params params;
} rows[] = {
	{&bench_syn, {.ipv6 = false}},
	{&bench_syn, {.ipv6 = true}},
	{&bench_ack, {.ipv6 = false}},
	{&bench_ack, {.ipv6 = true}},
	{&bench_handshake, {.ipv6 = false}},
	{&bench_relay, {.connections = 1 << 10, .bytes = 64}},
	{&bench_relay, {.connections = 1 << 10, .ipv6 = true, .bytes = 64}},
	{&bench_relay, {.connections = 1 << 16, .bytes = 64}},
	{&bench_relay, {.connections = 1 << 20, .bytes = 64}},
	{&bench_relay, {.connections = 1 << 23, .bytes = 64}},
	{&bench_relay, {.connections = 1 << 20, .bytes = 1448}},
	{&bench_relay, {.connections = 1 << 10, .bytes = 64, .passes = true}},
	{&bench_relay, {.connections = 1 << 16, .bytes = 64, .passes = true}},
	{&bench_lifecycle, {.ipv6 = false}},
	{&bench_respond, {.connections = 1 << 10, .responds = true}},
	{&bench_respond, {.connections = 1 << 16, .responds = true}},
	{&bench_visit, {.responds = true, .whole = true}},
	{&bench_stream_in,
	 {.connections = 1, .bytes = 1448, .responds = true, .server = SL_SERVER_DISCARD}},
	{&bench_stream_in,
	 {.connections = 64, .bytes = 1448, .responds = true, .server = SL_SERVER_DISCARD}},
	{&bench_stream_out,
	 {.connections = 1, .bytes = 1448, .responds = true, .server = SL_SERVER_CHARGEN}},
	{&bench_stream_out,
	 {.connections = 64, .bytes = 1448, .responds = true, .server = SL_SERVER_CHARGEN}},
	{&bench_timers, {.ipv6 = false}},
};

static const struct params memory_params[] = {{.connections = 10000000},
					      {.connections = 1000000, .responds = true}};
static const struct params latency_params = {.connections = 1 << 16, .bytes = 64};

/* Cases that are no rows of packets. */
static const struct {
	const char *name, *help;
} others[] = {
	{"memory",
	 "bytes of a connection, all in: 10,000,000 opened; and of idle ones of the box's own"},
	{"latency", "from receive to transmit, of a lone packet and at half load"},
};

static struct {
	unsigned workers, passes;
	const char *json_file;
	char **names; /* NULL: all */
	int n_names;
	bool hugepages;
} options = {.workers = 1, .passes = PASSES_USUAL};

static struct lane lanes[LANES_MAX];
static pthread_barrier_t barrier;

/* What the lanes do together. */
static struct {
	const struct bench_case *what;
	double floor[LANES_MAX][PASSES_MAX], ns[LANES_MAX][PASSES_MAX];
	bool failed[LANES_MAX];
} job;

static double ns_of(const struct pass *pass)
{
	return (double)pass->cycles * 1e9 / (double)rte_get_tsc_hz() / (double)pass->units;
}

/* One pass, and whether what was asked for has happened. */
static double pass_ns(struct lane *lane)
{
	const uint64_t before = job.what->done(lane);
	const struct pass pass = job.what->pass(lane);
	const uint64_t done = job.what->done(lane) - before;

	if (done != pass.units) {
		job.failed[lane->number] = true;
		snprintf(lane->error, sizeof(lane->error), "%llu were to be done, %llu were",
			 (unsigned long long)pass.units, (unsigned long long)done);
	}
	return ns_of(&pass);
}

void progress(const char *format, ...)
{
	va_list args;

	if (!isatty(STDERR_FILENO))
		return;
	fputs("\r\033[K", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fflush(stderr);
}

static void help(FILE *out)
{
	fputs("usage: sluicebench [CASE...] [--json FILE] [--workers N] [--passes N]\n"
	      "\n"
	      "Measures the daemon's own worker on one core, between two ports made of rings, "
	      "beside "
	      "a floor:\n"
	      "the same loop around a body that only swaps MAC addresses. No NIC is needed. Cases "
	      "(all, unless\n"
	      "some are named):\n"
	      "\n",
	      out);
	fprintf(out, "  %-12s%s\n", "floor", "the floor alone");
	for (unsigned i = 0; i < SL_ARRAY_LEN(rows); i++)
		if (i == 0 || strcmp(rows[i].what->name, rows[i - 1].what->name) != 0)
			fprintf(out, "  %-12s%s\n", rows[i].what->name, rows[i].what->help);
	for (unsigned i = 0; i < SL_ARRAY_LEN(others); i++)
		fprintf(out, "  %-12s%s\n", others[i].name, others[i].help);
	fputs("\n"
	      "  --json FILE   write the figures there, too\n"
	      "  --workers N   N workers on N cores at once, each with its own ports (default 1)\n"
	      "  --passes N    passes of each row, 9 to 99; medians are printed (default 31)\n"
	      "  --help        print this\n"
	      "  --version     print the version\n"
	      "\n"
	      "ns: of one packet, on one core; of one connection for handshake and lifecycle, of "
	      "one\n"
	      "request for respond, of one segment of data for stream. Mpps: of all workers, and "
	      "so\n"
	      "Gbit/s, of payload. x floor: each pass as a multiple of the floor's pass right "
	      "before it:\n"
	      "the figure to compare, since machines differ and are noisy. spread: the middle half "
	      "of the\n"
	      "passes, of the median. Received checksums count as verified by the NIC, but for "
	      "stream.\n"
	      "\n"
	      "Figures count with 2 MiB pages only: sysctl vm.nr_hugepages=1152 (and 2304 MiB to "
	      "spare for each\n"
	      "worker). Without, it runs on 4 KiB pages and says so.\n"
	      "\n"
	      "Exit: 0 done, 1 not measured, 2 usage.\n",
	      out);
}

static bool wanted(const char *name)
{
	for (int i = 0; i < options.n_names; i++)
		if (strcmp(options.names[i], name) == 0)
			return true;
	return options.n_names == 0;
}

static bool known(const char *name)
{
	for (unsigned i = 0; i < SL_ARRAY_LEN(rows); i++)
		if (strcmp(rows[i].what->name, name) == 0)
			return true;
	for (unsigned i = 0; i < SL_ARRAY_LEN(others); i++)
		if (strcmp(others[i].name, name) == 0)
			return true;
	return strcmp(name, "floor") == 0;
}

static unsigned number(const char *text, const char *what, unsigned min, unsigned max)
{
	char *end;
	const unsigned long n = strtoul(text, &end, 10);

	if (*text != '\0' && *end == '\0' && n >= min && n <= max)
		return (unsigned)n;
	fprintf(stderr, "sluicebench: --%s: \"%s\" is no number from %u to %u\n", what, text, min,
		max);
	exit(2);
}

static void read_options(int argc, char **argv)
{
	static const struct option longs[] = {
		{"json", required_argument, NULL, 'j'},   {"workers", required_argument, NULL, 'w'},
		{"passes", required_argument, NULL, 'p'}, {"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},      {NULL, 0, NULL, 0}};
	int c;

	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		switch (c) {
		case 'j':
			options.json_file = optarg;
			break;
		case 'w':
			options.workers = number(optarg, "workers", 1, LANES_MAX);
			break;
		case 'p':
			options.passes = number(optarg, "passes", PASSES_MIN, PASSES_MAX);
			break;
		case 'h':
			help(stdout);
			exit(0);
		case 'V':
			puts("sluicebench " SL_VERSION);
			exit(0);
		default:
			fputs("sluicebench: --help tells more\n", stderr);
			exit(2);
		}
	}
	options.names = argv + optind;
	options.n_names = argc - optind;
	for (int i = 0; i < options.n_names; i++) {
		if (known(options.names[i]))
			continue;
		fprintf(stderr, "sluicebench: there is no case \"%s\"; --help lists them\n",
			options.names[i]);
		exit(2);
	}
}

/* Whether this user may have 2 MiB pages: without CAP_IPC_LOCK the kernel gives none. */
static bool may_have_hugepages(void)
{
	const size_t page = 2 << 20;
	const int fd = memfd_create("probe", MFD_HUGETLB | MFD_HUGE_2MB);
	void *p = MAP_FAILED;

	if (fd >= 0) {
		p = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		close(fd);
	}
	if (p == MAP_FAILED)
		return false;
	munmap(p, page);
	return true;
}

/* Whether there are 2 MiB pages enough. */
static bool have_hugepages(void)
{
	FILE *f = fopen("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "r");
	unsigned n = 0;

	if (f == NULL)
		return false;
	if (fscanf(f, "%u", &n) != 1)
		n = 0;
	fclose(f);
	return n >= HUGEPAGES * options.workers && may_have_hugepages();
}

/* One lcore a lane, on the last CPUs that are ours. */
static bool lcores(char *text, size_t size)
{
	unsigned cpus[LANES_MAX], n = 0;
	size_t used;
	cpu_set_t mine;

	if (sched_getaffinity(0, sizeof(mine), &mine) != 0)
		return false;
	for (unsigned cpu = CPU_SETSIZE; cpu-- > 0 && n < options.workers;)
		if (CPU_ISSET(cpu, &mine))
			cpus[n++] = cpu;
	if (n < options.workers) {
		fprintf(stderr, "sluicebench: %u workers need as many CPUs, and there are %u\n",
			options.workers, n);
		return false;
	}
	used = (size_t)snprintf(text, size, "--lcores=0@%u", cpus[0]);
	for (unsigned i = 1; i < n && used < size; i++)
		used += (size_t)snprintf(text + used, size - used, ",%u@%u", i, cpus[i]);
	return true;
}

static bool start_eal(void)
{
	static char cores[1024], memory[16];
	char *argv[10];
	int argc = 0;

	options.hugepages = have_hugepages();
	if (!lcores(cores, sizeof(cores)))
		return false;
	argv[argc++] = (char *)"sluicebench";
	argv[argc++] = cores;
	argv[argc++] = (char *)"--no-pci";
	argv[argc++] = (char *)"--no-telemetry";
	argv[argc++] = (char *)"--log-level=error";
	if (options.hugepages) {
		argv[argc++] = (char *)"--in-memory";
	} else {
		snprintf(memory, sizeof(memory), "%u", NO_HUGE_MIB * options.workers);
		argv[argc++] = (char *)"--no-huge";
		argv[argc++] = (char *)"--no-shconf";
		argv[argc++] = (char *)"-m";
		argv[argc++] = memory;
	}
	argv[argc] = NULL;
	if (rte_eal_init(argc, argv) >= 0)
		return true;
	fprintf(stderr, "sluicebench: DPDK's environment does not start: %s\n",
		rte_strerror(rte_errno));
	return false;
}

static uint16_t frame_len(const struct params *params)
{
	if (params->bytes >= 1000)
		return (uint16_t)(params->bytes + 66);
	return FRAME_MIN;
}

/* A lane's part of a row: passes of floor and case by turns, beside those of the other lanes. */
static int run_lane(void *arg)
{
	struct lane *lane = arg;
	const unsigned n = lane->number;
	const uint16_t len = frame_len(&lane->params);

	const bool opened = job.what->open(lane);

	job.failed[n] = !opened;
	pthread_barrier_wait(&barrier);
	for (unsigned i = 0; i < options.workers; i++)
		if (job.failed[i])
			goto out;
	(void)lane_floor(lane, len);
	(void)pass_ns(lane);
	for (unsigned i = 0; i < options.passes; i++) {
		struct pass floor;

		if (n == 0)
			progress("%s: pass %u of %u", job.what->name, i + 1, options.passes);
		pthread_barrier_wait(&barrier);
		floor = lane_floor(lane, len);
		job.floor[n][i] = ns_of(&floor);
		pthread_barrier_wait(&barrier);
		job.ns[n][i] = pass_ns(lane);
	}
	pthread_barrier_wait(&barrier);
out:
	if (opened)
		job.what->close(lane);
	return 0;
}

static int ascending(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void sort(double *v)
{
	qsort(v, options.passes, sizeof(*v), ascending);
}

/* Medians; several lanes: their mean. Each pass is divided by the floor's pass right before it: a
 * host that is busy for half of them slows both. */
static void sum_up(struct row *row)
{
	const unsigned n = options.passes;

	for (unsigned i = 0; i < options.workers; i++) {
		double *ns = job.ns[i], *floor = job.floor[i], ratio[PASSES_MAX];

		for (unsigned pass = 0; pass < n; pass++)
			ratio[pass] = ns[pass] / floor[pass];
		sort(ns);
		sort(floor);
		sort(ratio);
		row->ratio += ratio[n / 2] / options.workers;
		row->ns += ns[n / 2] / options.workers;
		row->floor_ns += floor[n / 2] / options.workers;
		row->mpps += 1000 / ns[n / 2];
		row->spread += (ns[n * 3 / 4] - ns[n / 4]) / ns[n / 2] / options.workers;
	}
	if (job.what == &bench_stream_in || job.what == &bench_stream_out)
		row->gbps = row->mpps * row->params.bytes * 8 / 1000;
}

static bool run_row(struct report *report, const struct bench_case *what,
		    const struct params *params)
{
	struct row row = {.name = what->name, .params = *params, .workers = options.workers};
	bool good = true;

	job.what = what;
	for (unsigned i = 0; i < options.workers; i++)
		lanes[i].params = *params;
	for (unsigned i = 1; i < options.workers; i++)
		rte_eal_remote_launch(run_lane, &lanes[i], i);
	run_lane(&lanes[0]);
	rte_eal_mp_wait_lcore();
	progress("%s", "");
	for (unsigned i = 0; i < options.workers; i++) {
		if (!job.failed[i])
			continue;
		fprintf(stderr, "sluicebench: %s: %s\n", what->name, lanes[i].error);
		good = false;
	}
	if (good) {
		sum_up(&row);
		report_row(report, &row);
	}
	return good;
}

/* The floor by itself. */
static bool nothing(struct lane *lane)
{
	(void)lane;
	return true;
}

static struct pass floor_pass(struct lane *lane)
{
	const struct pass pass = lane_floor(lane, FRAME_MIN);

	lane->visits += pass.units;
	return pass;
}

static uint64_t swapped(const struct lane *lane)
{
	return lane->visits;
}

static void nothing_left(struct lane *lane)
{
	(void)lane;
}

static const struct bench_case bench_floor = {"floor",    "",      nothing,
					      floor_pass, swapped, nothing_left};

static bool run_memory(struct report *report)
{
	for (unsigned i = 0; i < SL_ARRAY_LEN(memory_params); i++) {
		struct memory_figures figures;

		lanes[0].params = memory_params[i];
		if (!bench_memory(&lanes[0], &figures)) {
			fprintf(stderr, "sluicebench: memory: %s\n", lanes[0].error);
			return false;
		}
		progress("%s", "");
		report_memory(report, &memory_params[i], &figures);
	}
	return true;
}

static bool run_latency(struct report *report)
{
	static const char *const loads[N_LATENCIES] = {
		[LATENCY_LONE] = "lone packets",
		[LATENCY_HALF] = "half load",
	};
	struct latency_figures figures[N_LATENCIES];

	lanes[0].params = latency_params;
	if (!bench_latency(&lanes[0], figures)) {
		fprintf(stderr, "sluicebench: latency: %s\n", lanes[0].error);
		return false;
	}
	progress("%s", "");
	for (unsigned i = 0; i < N_LATENCIES; i++)
		report_latency(report, &latency_params, loads[i], &figures[i]);
	return true;
}

static bool run_all(struct report *report)
{
	static const struct params none = {.ipv6 = false};
	bool good = true;

	if (wanted("floor"))
		good &= run_row(report, &bench_floor, &none);
	for (unsigned i = 0; i < SL_ARRAY_LEN(rows); i++)
		if (wanted(rows[i].what->name))
			good &= run_row(report, rows[i].what, &rows[i].params);
	if (wanted("memory"))
		good &= run_memory(report);
	if (wanted("latency"))
		good &= run_latency(report);
	return good;
}

int main(int argc, char **argv)
{
	struct report *report;
	bool good = true;

	read_options(argc, argv);
	if (!start_eal())
		return 1;
	pthread_barrier_init(&barrier, NULL, options.workers);
	for (unsigned i = 0; i < options.workers; i++) {
		if (!lane_open(&lanes[i], i)) {
			fprintf(stderr, "sluicebench: %s\n", lanes[i].error);
			return 1;
		}
	}
	report = report_open(options.hugepages, options.workers);
	good = run_all(report);
	good &= report_close(report, options.json_file);
	rte_eal_cleanup();
	return good ? 0 : 1;
}
