/* SPDX-License-Identifier: BSD-3-Clause */
/* sluiced, the daemon: arguments and life cycle. */
#include "sluiced.h"

#include <getopt.h>
#include <stdlib.h>

#include <rte_eal.h>
#include <rte_version.h>

#include "sl_control.h"
#include "sl_log.h"
#include "sl_rpc.h"

#define DEFAULT_CONFIG "/etc/sluice/sluice.conf"

static struct sl_config config;
static struct road road;

struct options {
	const char *file;
	bool check, leave;
};

static void print_help(FILE *out)
{
	fputs("usage: sluiced [-c FILE] [--check | --leave]\n"
	      "       sluiced --help-config | --version | --help\n"
	      "\n"
	      "Ends TCP connections in front of the servers of FILE, answers SYNs by cookie and\n"
	      "joins what proves itself. Runs in the foreground, logs to stderr, says\n"
	      "\"sluiced: ready\" there when it forwards; SIGTERM ends it in order: connections "
	      "that\n"
	      "cannot go on without it are reset at both ends.\n"
	      "\n"
	      "  -c FILE        configuration, " DEFAULT_CONFIG " unless said\n"
	      "  --check        validate it, also against this machine (cores, interfaces, "
	      "devices),\n"
	      "                 print what it will take, and exit: 0 good, 1 bad\n"
	      "  --leave        SIGTERM resets no connection: for a restart at once\n"
	      "  --help-config  print every setting with its range, default and meaning\n"
	      "  -V, --version  print the version\n"
	      "  -h, --help     print this\n"
	      "\n"
	      "Signals: SIGTERM and SIGINT end it, SIGHUP reads FILE again as sluicectl reload "
	      "does;\n"
	      "SIGUSR1 and SIGUSR2 do nothing.\n"
	      "Exit: 0 done, or ended by SIGTERM or SIGINT, 1 it cannot run, or FILE is bad, 2 "
	      "usage.\n",
	      out);
}

/* Exits itself for what only prints. */
static struct options parse_options(int argc, char **argv)
{
	static const struct option longs[] = {
		{"check", no_argument, NULL, 'k'}, {"help-config", no_argument, NULL, 'H'},
		{"leave", no_argument, NULL, 'l'}, {"version", no_argument, NULL, 'V'},
		{"help", no_argument, NULL, 'h'},  {NULL, 0, NULL, 0},
	};
	struct options options = {.file = DEFAULT_CONFIG};
	int c;

	while ((c = getopt_long(argc, argv, "c:Vh", longs, NULL)) != -1) {
		switch (c) {
		case 'c':
			options.file = optarg;
			break;
		case 'k':
			options.check = true;
			break;
		case 'l':
			options.leave = true;
			break;
		case 'H':
			sl_config_describe(stdout);
			exit(0);
		case 'V':
			puts("sluiced " SL_VERSION);
			exit(0);
		case 'h':
			print_help(stdout);
			exit(0);
		default:
			print_help(stderr);
			exit(2);
		}
	}
	if (optind < argc) {
		fprintf(stderr, "sluiced: \"%s\" is not understood\n", argv[optind]);
		print_help(stderr);
		exit(2);
	}
	return options;
}

static int load(const struct options *options)
{
	struct sl_config_error why;
	char text[ERROR_LEN];
	int rc = sl_config_load(options->file, &config, &why);

	if (rc == 0)
		rc = sl_config_check_routes(&config, "/proc/net/route", "/proc/net/ipv6_route",
					    "/sys", &why);
	if (rc == 0)
		rc = sl_config_check_machine(&config, "/sys", &why);
	if (rc != 0)
		sl_config_error_format(&why, text, sizeof(text));
	else
		rc = eal_check_cores(&config, text, sizeof(text));
	if (rc == 0)
		return 0;
	if (options->check) /* an answer to who asks, and no event */
		fprintf(stderr, "sluiced: %s\n", text);
	else
		sl_log(SL_LOG_ERROR, "%s", text);
	return rc;
}

/* What listens: the control thread's loop, and the RPC on it. */
static int open_control(struct sl_control **control, struct sl_rpc **rpc,
			const struct options *options, char *error, size_t error_len)
{
	const struct sl_control_config what = {
		.workers = road.workers,
		.n_workers = road.n_workers,
		.ports = road.ports,
		.n_ports = road.n_ports,
		.plan = &road.plan,
		.config = &config,
		.config_path = options->file,
		.state_dir = config.control.state_dir,
		.learned = &road.learned,
		.dpdk_version = rte_version(),
		.leave = options->leave,
	};
	struct sl_rpc_config where = {
		.socket_path = config.control.socket,
		.has_group = config.control.has_group,
		.gid = config.control.gid,
		.http_addr = config.control.http.addr,
		.http_port = config.control.http.port,
	};

	*control = sl_control_create(&what, error, error_len);
	if (*control == NULL)
		return -1;
	where.control = *control;
	*rpc = sl_rpc_create(&where, error, error_len);
	return *rpc != NULL ? 0 : -1;
}

/* Everything up in order, the loop, everything down in reverse. Returns the exit code. */
static int run(const struct options *options)
{
	struct sl_control *control = NULL;
	struct sl_rpc *rpc = NULL;
	char error[ERROR_LEN] = "";
	int rc = 1;

	if (eal_check_rights(&config, error, sizeof(error)) != 0 ||
	    eal_start(&config, error, sizeof(error)) != 0) {
		sl_log(SL_LOG_ERROR, "%s", error);
		return 1;
	}
	/* The RPC before the packets: a second daemon finds the socket taken and touches none. */
	if (road_open(&road, &config, error, sizeof(error)) == 0 &&
	    open_control(&control, &rpc, options, error, sizeof(error)) == 0 &&
	    road_start(&road, error, sizeof(error)) == 0) {
		sl_log(SL_LOG_INFO, "ready");
		rc = sl_control_run(control) == 0 ? 0 : 1;
	} else {
		sl_log(SL_LOG_ERROR, "%s", error);
	}
	sl_rpc_destroy(rpc);
	road_stop(&road);
	sl_control_destroy(control);
	road_close(&road);
	rte_eal_cleanup();
	sl_config_fini(&config);
	return rc;
}

int main(int argc, char **argv)
{
	const struct options options = parse_options(argc, argv);

	if (load(&options) != 0)
		return 1;
	road_plan(&road, &config);
	if (options.check) {
		char error[ERROR_LEN];
		int rc = road_check_memory(&road, &config, error, sizeof(error));

		road_print_needs(&road, &config, stdout);
		if (rc != 0)
			fprintf(stderr, "sluiced: %s: %s\n", options.file, error);
		sl_config_fini(&config);
		return rc == 0 ? 0 : 1;
	}
	return run(&options);
}
