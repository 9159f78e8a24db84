/* SPDX-License-Identifier: BSD-3-Clause */
/* sluicectl: the operator's command line, a client of the RPC. Options, help, repetition. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ctl.h"

static void help(FILE *out)
{
	fprintf(out,
		"usage: sluicectl [-s SOCKET] [-j] [-w SEC] COMMAND\n"
		"\n"
		"  -s SOCKET  of sluiced (default: $SLUICE_SOCKET, or /run/sluice/control.sock)\n"
		"  -j         print JSON\n"
		"  -w SEC     again every SEC seconds, until interrupted; for commands that only "
		"read\n"
		"  --help     this\n"
		"  --version  print the version, of sluicectl itself\n"
		"\n"
		"Commands; abbreviations will do:\n");
	for (unsigned i = 0; i < ctl_n_commands; i++) {
		const struct ctl_command *c = &ctl_commands[i];
		const int len = fprintf(out, "  %s %s", c->name, c->args);

		if (len > 26)
			fprintf(out, "\n%26s", "");
		else
			fprintf(out, "%*s", 26 - len, "");
		fprintf(out, "%s\n", c->help);
	}
	fprintf(out,
		"\nExit: 0 done, 1 refused, 2 usage, 3 no daemon, or no permission to reach it.\n");
}

static double now_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void sleep_s(double seconds)
{
	const struct timespec ts = {
		.tv_sec = (time_t)seconds,
		.tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9),
	};

	nanosleep(&ts, NULL);
}

/* Whether a command may be repeated; says which may if not. */
static bool may_watch(const struct ctl_command *command)
{
	const char *comma = "";

	if (command->reads)
		return true;
	fputs("sluicectl: -w is for commands that only read: ", stderr);
	for (unsigned i = 0; i < ctl_n_commands; i++) {
		if (!ctl_commands[i].reads)
			continue;
		fprintf(stderr, "%s%s", comma, ctl_commands[i].name);
		comma = ", ";
	}
	fputc('\n', stderr);
	return false;
}

/* Once, or again and again: then a daemon that goes is waited for, as is one that cannot answer. */
static int run(struct ctl *ctl, const struct ctl_command *command, int argc, char **argv)
{
	double last_s = now_s();
	bool begun = false;
	int rc;

	for (;;) {
		if (ctl->watch_s > 0 && ctl->tty)
			fputs("\033[H\033[2J", stdout);
		rc = ctl_command_run(ctl, command, argc, argv);
		begun |= rc == CTL_DONE;
		if (!begun || ctl->watch_s <= 0)
			break;
		fflush(stdout);
		ctl->waiting = rc != CTL_DONE && !ctl->tty;
		sleep_s(ctl->watch_s);
		ctl->elapsed_s = now_s() - last_s;
		last_s = now_s();
	}
	json_decref(ctl->previous);
	if (fflush(stdout) != 0) {
		perror("sluicectl: stdout");
		return CTL_REFUSED;
	}
	return rc;
}

static bool read_seconds(const char *text, double *seconds)
{
	char *end;

	*seconds = strtod(text, &end);
	return end != text && *end == '\0' && *seconds >= 0.1 && *seconds <= 86400;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"help", no_argument, NULL, 'h'}, {"version", no_argument, NULL, 'V'}, {0}};
	const char *from_env = getenv("SLUICE_SOCKET");
	const struct ctl_command *command;
	struct ctl ctl = {
		.socket = from_env != NULL && from_env[0] != '\0' ? from_env
								  : "/run/sluice/control.sock",
		.tty = isatty(STDOUT_FILENO),
	};
	int option;

	while ((option = getopt_long(argc, argv, "+hjs:w:", options, NULL)) != -1) {
		switch (option) {
		case 'h':
			help(stdout);
			return CTL_DONE;
		case 'V':
			puts("sluicectl " SL_VERSION);
			return CTL_DONE;
		case 'j':
			ctl.json = true;
			break;
		case 's':
			ctl.socket = optarg;
			break;
		case 'w':
			if (read_seconds(optarg, &ctl.watch_s))
				break;
			fputs("sluicectl: -w wants seconds, 0.1 to 86400\n", stderr);
			return CTL_USAGE;
		default:
			help(stderr);
			return CTL_USAGE;
		}
	}
	if (optind == argc) {
		help(ctl.tty ? stdout : stderr);
		return ctl.tty ? CTL_DONE : CTL_USAGE;
	}
	command = ctl_command_find(argv[optind]);
	if (command == NULL)
		return CTL_USAGE;
	if (ctl.watch_s > 0 && !may_watch(command))
		return CTL_USAGE;
	return run(&ctl, command, argc - optind - 1, argv + optind + 1);
}
