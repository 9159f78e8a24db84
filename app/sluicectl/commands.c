/* SPDX-License-Identifier: BSD-3-Clause */
/* The commands, in one table. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ctl.h"
#include "sl_tcp_state.h"

static int usage(const char *what)
{
	fprintf(stderr, "sluicectl: %s; see sluicectl --help\n", what);
	return CTL_USAGE;
}

static int no_args(int argc, char **argv, json_t **params)
{
	(void)argv;
	*params = NULL;
	return argc == 0 ? CTL_DONE : usage("this command takes no arguments");
}

static int service_arg(int argc, char **argv, json_t **params)
{
	*params = NULL;
	if (argc > 1)
		return usage("one service at most");
	if (argc == 1)
		*params = json_pack("{s:s}", "service", argv[0]);
	return argc == 1 && *params == NULL ? usage("a service's name is text in UTF-8") : CTL_DONE;
}

static const char *const keywords[] = {"state", "src", "dst", "service", "limit", "cursor"};

/* The value of a keyword, or NULL when it can't be one. */
static json_t *keyword_value(const char *keyword, const char *text)
{
	enum sl_tcp_state state;
	char *end;
	long n;

	if (strcmp(keyword, "state") == 0)
		return sl_tcp_state_parse(text, &state) == 0 ? json_string(sl_tcp_state_name(state))
							     : NULL;
	if (strcmp(keyword, "limit") != 0)
		return json_string(text);
	n = strtol(text, &end, 10);
	return text[0] != '\0' && *end == '\0' && n > 0 ? json_integer(n) : NULL;
}

/* Says which values a keyword takes. */
static void say_unfit(char *why, size_t size, const char *keyword, const char *text)
{
	size_t used;

	if (strcmp(keyword, "state") != 0) {
		snprintf(why, size, "\"%.32s\" is no value of %s; expected %s", text, keyword,
			 strcmp(keyword, "limit") == 0 ? "a number from 1 to 10000"
						       : "text in UTF-8");
		return;
	}
	used = (size_t)snprintf(why, size, "\"%.32s\" is no state; expected ", text);
	for (unsigned i = 0; i < SL_TCP_N_STATES && used < size; i++)
		used += (size_t)snprintf(why + used, size - used, "%s%s",
					 i == 0                     ? ""
					 : i + 1 == SL_TCP_N_STATES ? " or "
								    : ", ",
					 sl_tcp_state_name((enum sl_tcp_state)i));
}

static int connection_args(int argc, char **argv, json_t **params)
{
	json_t *o = json_object();
	char why[320] = "";

	for (int i = 0; i < argc && why[0] == '\0'; i += 2) {
		unsigned k = 0;

		while (k < SL_ARRAY_LEN(keywords) && strcmp(keywords[k], argv[i]) != 0)
			k++;
		if (k == SL_ARRAY_LEN(keywords))
			snprintf(why, sizeof(why),
				 "\"%s\" is none of state, src, dst, service, limit, cursor",
				 argv[i]);
		else if (i + 1 == argc)
			snprintf(why, sizeof(why), "%s wants a value", argv[i]);
		else if (json_object_get(o, argv[i]) != NULL)
			snprintf(why, sizeof(why), "%s stands twice", argv[i]);
		else if (json_object_set_new(o, argv[i], keyword_value(argv[i], argv[i + 1])) != 0)
			say_unfit(why, sizeof(why), argv[i], argv[i + 1]);
	}
	if (why[0] != '\0') {
		json_decref(o);
		return usage(why);
	}
	*params = o;
	return CTL_DONE;
}

static void print_json(const json_t *value, size_t flags)
{
	json_dumpf(value, stdout, flags | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
	putchar('\n');
}

static int run_rpc(struct ctl *ctl, int argc, char **argv)
{
	json_t *params = NULL, *result;
	json_error_t error;
	int rc;

	if (argc < 1 || argc > 2)
		return usage("rpc wants a method, and perhaps its parameters as JSON");
	if (argc == 2) {
		params = json_loads(argv[1], 0, &error);
		if (params == NULL) {
			fprintf(stderr, "sluicectl: the parameters are no JSON object: %s\n",
				error.text);
			return CTL_USAGE;
		}
	}
	rc = ctl_call(ctl, argv[0], params, &result);
	if (rc != CTL_DONE)
		return rc;
	print_json(result, ctl->json && !ctl->tty ? JSON_COMPACT : JSON_INDENT(2));
	json_decref(result);
	return CTL_DONE;
}

/* Connections that would not outlive the box, or -1 with what to exit with in `rc`. */
static json_int_t bound(const struct ctl *ctl, int *rc)
{
	json_t *status;
	json_int_t n;

	*rc = ctl_call(ctl, "system_get_status", NULL, &status);
	if (*rc != CTL_DONE)
		return -1;
	n = json_is_integer(json_object_get(status, "translated"))
		    ? ctl_int(status, "translated") +
			      ctl_int(json_object_get(status, "endpoints"), "responding")
		    : INT64_MAX;
	json_decref(status);
	return n;
}

/* Until no connection is left that would end with the box; says how many are, whenever that has
 * changed. */
static int wait_drained(const struct ctl *ctl)
{
	const struct timespec pause = {.tv_nsec = 200 * 1000 * 1000};
	json_int_t n, said = -1;
	int rc;

	while ((n = bound(ctl, &rc)) > 0) {
		if (n != said && !ctl->json) {
			printf("%s%" JSON_INTEGER_FORMAT
			       " connection%s left that %s translated, or end%s in the box%s",
			       ctl->tty ? "\r\033[K" : "", n, n == 1 ? "" : "s",
			       n == 1 ? "is" : "are", n == 1 ? "s" : "", ctl->tty ? "" : "\n");
			fflush(stdout);
		}
		said = n;
		nanosleep(&pause, NULL);
	}
	if (n == 0 && !ctl->json)
		printf("%sno connection is left that is translated, or ends in the box\n",
		       ctl->tty ? "\r\033[K" : "");
	return rc;
}

static int run_drain(struct ctl *ctl, int argc, char **argv)
{
	const bool wait = argc == 1 && strcmp(argv[0], "--wait") == 0;
	const bool cancel = argc == 1 && strcmp(argv[0], "--cancel") == 0;
	json_t *result;
	int rc;

	if (argc > 1 || (argc == 1 && !wait && !cancel))
		return usage("drain takes --wait or --cancel, or nothing");
	rc = ctl_call(ctl, "system_drain", json_pack("{s:b}", "cancel", (int)cancel), &result);
	if (rc != CTL_DONE)
		return rc;
	if (ctl->json)
		print_json(result, ctl->tty ? JSON_INDENT(2) : JSON_COMPACT);
	else if (cancel)
		puts("new connections are proxied again");
	else
		puts("draining: new connections pass unproxied, until drain --cancel; a reload "
		     "does not end it");
	json_decref(result);
	return wait ? wait_drained(ctl) : CTL_DONE;
}

static int run_completion(struct ctl *ctl, int argc, char **argv)
{
	(void)ctl;
	if (argc != 1 || strcmp(argv[0], "bash") != 0)
		return usage("completion is there for bash");
	printf("# sluicectl completion bash > /etc/bash_completion.d/sluicectl\n"
	       "_sluicectl()\n"
	       "{\n"
	       "\tlocal word=${COMP_WORDS[COMP_CWORD]} last=${COMP_WORDS[COMP_CWORD - 1]} words i\n"
	       "\tlocal ctl=(sluicectl -j)\n"
	       "\tfor ((i = 1; i < COMP_CWORD - 1; i++)); do\n"
	       "\t\t[ \"${COMP_WORDS[i]}\" != -s ] || ctl+=(-s \"${COMP_WORDS[i + 1]}\")\n"
	       "\tdone\n"
	       "\tcase $last in\n"
	       "\t-s) COMPREPLY=($(compgen -f -- \"$word\")); return ;;\n"
	       "\trpc) words=$(\"${ctl[@]}\" rpc rpc_get_methods 2>/dev/null |\n"
	       "\t\tgrep -o '\"name\": *\"[a-z_]*_[a-z_]*\"' | cut -d'\"' -f4) ;;\n"
	       "\tservice | states) words=$(\"${ctl[@]}\" services 2>/dev/null |\n"
	       "\t\tgrep -o '\"name\": *\"[^\"]*\"' | cut -d'\"' -f4) ;;\n"
	       "\tcompletion) words=bash ;;\n"
	       "\tdrain) words='--wait --cancel' ;;\n"
	       "\tstate) words='");
	for (unsigned i = 0; i < SL_TCP_N_STATES; i++)
		printf("%s%s", i == 0 ? "" : " ", sl_tcp_state_name((enum sl_tcp_state)i));
	printf("' ;;\n"
	       "\tsrc | dst | limit | cursor | -w) return ;;\n"
	       "\t*)\n"
	       "\t\tif [[ \" ${COMP_WORDS[*]} \" == *' connections '* ]]; then\n"
	       "\t\t\twords='");
	for (unsigned i = 0; i < SL_ARRAY_LEN(keywords); i++)
		printf("%s%s", i == 0 ? "" : " ", keywords[i]);
	printf("'\n"
	       "\t\telse\n"
	       "\t\t\twords='-s -j -w --help --version");
	for (unsigned i = 0; i < ctl_n_commands; i++)
		printf(" %s", ctl_commands[i].name);
	printf("'\n"
	       "\t\tfi ;;\n"
	       "\tesac\n"
	       "\tCOMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
	       "}\n"
	       "complete -F _sluicectl sluicectl\n");
	return CTL_DONE;
}

const struct ctl_command ctl_commands[] = {
	{"status", "", "whether all is well", "system_get_status", no_args, ctl_print_status, NULL,
	 true},
	{"stats", "", "what became of the packets; with -w, a second", "stats_get", no_args,
	 ctl_print_stats, NULL, true},
	{"states", "[SERVICE]", "connections by TCP state, of both legs", "state_get", service_arg,
	 ctl_print_states, NULL, true},
	{"services", "", "what is protected, and how", "service_list", no_args, ctl_print_services,
	 NULL, true},
	{"connections", "[state S] [src P] [dst P] [service N] [limit N] [cursor C]",
	 "connections; P is address[/prefix][:port]; C goes on where a listing ended",
	 "connection_list", connection_args, ctl_print_connections, NULL, true},
	{"ports", "", "ports, their links and what they lost", "port_list", no_args,
	 ctl_print_ports, NULL, true},
	{"reload", "", "read the configuration again and apply it: all of it or nothing",
	 "config_reload", no_args, ctl_print_reload, NULL, false},
	{"drain", "[--wait | --cancel]",
	 "new connections pass unproxied; --wait: until none is left that is translated, or ends "
	 "in "
	 "the box",
	 NULL, NULL, NULL, run_drain, false},
	{"rpc", "METHOD [JSON]", "any method of the RPC; rpc_get_methods lists them", NULL, NULL,
	 NULL, run_rpc, false},
	{"version", "", "versions of sluiced and of DPDK", "system_get_version", no_args,
	 ctl_print_version, NULL, true},
	{"completion", "bash", "completion for the shell", NULL, NULL, NULL, run_completion, false},
};

const unsigned ctl_n_commands = SL_ARRAY_LEN(ctl_commands);

/* `n` commands begin with `name`: which. */
static void say_ambiguous(const char *name, unsigned n)
{
	unsigned said = 0;

	fprintf(stderr, "sluicectl: \"%s\" is ambiguous: ", name);
	for (unsigned i = 0; i < ctl_n_commands; i++) {
		if (strncmp(ctl_commands[i].name, name, strlen(name)) != 0)
			continue;
		if (said > 0)
			fputs(said + 1 == n ? " or " : ", ", stderr);
		fputs(ctl_commands[i].name, stderr);
		said++;
	}
	fputc('\n', stderr);
}

const struct ctl_command *ctl_command_find(const char *name)
{
	const struct ctl_command *found = NULL;
	unsigned n = 0;

	for (unsigned i = 0; i < ctl_n_commands; i++) {
		if (strcmp(ctl_commands[i].name, name) == 0)
			return &ctl_commands[i];
		if (strncmp(ctl_commands[i].name, name, strlen(name)) == 0) {
			found = &ctl_commands[i];
			n++;
		}
	}
	if (n == 1)
		return found;
	if (n == 0) {
		fprintf(stderr, "sluicectl: no command \"%s\"; see sluicectl --help\n", name);
		return NULL;
	}
	say_ambiguous(name, n);
	return NULL;
}

int ctl_command_run(struct ctl *ctl, const struct ctl_command *command, int argc, char **argv)
{
	json_t *params, *result;
	int rc;

	if (command->run != NULL)
		return command->run(ctl, argc, argv);
	rc = command->read_args(argc, argv, &params);
	if (rc != CTL_DONE)
		return rc;
	rc = ctl_call(ctl, command->method, params, &result);
	if (rc != CTL_DONE) {
		/* What comes next may be another daemon's, whose counters began anew. */
		json_decref(ctl->previous);
		ctl->previous = NULL;
		return rc;
	}
	if (ctl->json)
		print_json(result, ctl->tty ? JSON_INDENT(2) : JSON_COMPACT);
	else
		command->print(ctl, result);
	json_decref(ctl->previous);
	ctl->previous = result;
	return CTL_DONE;
}
