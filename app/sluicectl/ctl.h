/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of sluicectl share. One thread. */
#ifndef CTL_H
#define CTL_H

#include <jansson.h>

#include "sl_base.h"

/* What the program exits with; scripts rely on it. */
enum { CTL_DONE = 0, CTL_REFUSED = 1, CTL_USAGE = 2, CTL_NO_DAEMON = 3 };

struct ctl {
	const char *socket;
	bool json;        /* -j */
	double watch_s;   /* -w: seconds between repetitions, 0 for none */
	bool tty;         /* output goes to a terminal */
	json_t *previous; /* the last result while watching, for rates; or NULL */
	double elapsed_s; /* since it */
	bool waiting;     /* for a daemon that has gone, while watching: that was said already */
};

struct ctl_command {
	const char *name;
	const char *args; /* as the help shows them */
	const char *help;
	const char *method; /* NULL: `run` does it all */
	/* Reads the arguments into parameters (NULL for none). Returns CTL_DONE or CTL_USAGE. */
	int (*read_args)(int argc, char **argv, json_t **params);
	void (*print)(const struct ctl *ctl, const json_t *result);
	int (*run)(struct ctl *ctl, int argc, char **argv);
	bool reads; /* it changes nothing, and may be repeated (-w) */
};

/* commands.c: the table, from which help and completion come too. */
extern const struct ctl_command ctl_commands[];
extern const unsigned ctl_n_commands;
/* The command of that name, or of which it is the only abbreviation. NULL: said so on stderr. */
const struct ctl_command *ctl_command_find(const char *name);
/* Carries out `command`, and prints what comes back. Returns what to exit with. */
int ctl_command_run(struct ctl *ctl, const struct ctl_command *command, int argc, char **argv);

/* client.c: calls `method`, taking the reference to `params`. Returns CTL_DONE and the result, or
 * says on stderr what went wrong and returns what to exit with. */
int ctl_call(const struct ctl *ctl, const char *method, json_t *params, json_t **result);

/* print_*.c: results for people. */
void ctl_print_status(const struct ctl *ctl, const json_t *result);
void ctl_print_version(const struct ctl *ctl, const json_t *result);
void ctl_print_reload(const struct ctl *ctl, const json_t *result);
void ctl_print_ports(const struct ctl *ctl, const json_t *result);
void ctl_print_services(const struct ctl *ctl, const json_t *result);
void ctl_print_stats(const struct ctl *ctl, const json_t *result);
void ctl_print_states(const struct ctl *ctl, const json_t *result);
void ctl_print_connections(const struct ctl *ctl, const json_t *result);

/* table.c: aligned columns. */
struct ctl_table;
/* `align`: a letter a column, 'l' or 'r'. `heads`: as many titles, or NULL for none. */
struct ctl_table *ctl_table_new(const char *align, const char *const *heads);
/* The next cell, row by row. */
void ctl_table_add(struct ctl_table *t, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Prints it, each line after `indent`, and frees it. */
void ctl_table_print(struct ctl_table *t, const char *indent);

/* Room for a number or a duration as text. */
enum { CTL_TEXT = 32 };
/* 1234567 as "1,234,567". */
const char *ctl_count(json_int_t n, char text[CTL_TEXT]);
/* 1234567 bytes as "1.2M". */
const char *ctl_bytes(json_int_t n, char text[CTL_TEXT]);
/* Seconds as "0.3s", "42s", "12m05s", "3h07m", "2d04h". */
const char *ctl_duration(double seconds, char text[CTL_TEXT]);

/* Members of an object that may be missing: an older daemon's. */
json_int_t ctl_int(const json_t *object, const char *name);
const char *ctl_str(const json_t *object, const char *name);
double ctl_real(const json_t *object, const char *name);
bool ctl_bool(const json_t *object, const char *name);

#endif
