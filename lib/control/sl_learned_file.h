/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the servers grant, kept over restarts: a file of JSON in the state folder, so that the first
 * client after a start is promised what its server keeps.
 *
 *   {"version": 1, "servers": [{"address": "192.0.2.2", "port": 80, "mss": 1460,
 *    "timestamps": true, "confirmed": 1700000000}]}
 *
 * Threads: no state of its own.
 */
#ifndef SL_LEARNED_FILE_H
#define SL_LEARNED_FILE_H

#include "sl_learned.h"

SL_BEGIN_DECLS

/** Rows that nothing has confirmed for so long are forgotten; seconds. */
#define SL_LEARNED_LIFE_S (28 * 24 * 3600)

/** The two clocks, read together; seconds. */
struct sl_learned_now {
	int64_t unix_s;
	int64_t monotonic_s; /**< that of sl_learned.confirmed_s */
};

/**
 * Reads `len` bytes of text into `t`, which is emptied first. Returns 0, or -1 when it is no such
 * text; then `t` is empty, and `error` (error_len bytes) says why. Rows that are too old, or of the
 * future, are left out.
 */
int sl_learned_read(const char *text, size_t len, const struct sl_learned_now *now,
		    struct sl_learned_table *t, char *error, size_t error_len);

/**
 * Reads the file in the folder `dir` into `t`. One that is not there is an empty table. One that is
 * damaged is renamed aside, and `error` tells so; else `error` becomes "".
 */
void sl_learned_load(const char *dir, const struct sl_learned_now *now, struct sl_learned_table *t,
		     char *error, size_t error_len);

/**
 * Writes `t` to the folder `dir`, which is made (0750) if only it is missing: all of it or nothing,
 * also when the machine dies meanwhile. Returns 0, or -errno.
 */
int sl_learned_save(const char *dir, const struct sl_learned_now *now,
		    const struct sl_learned_table *t);

SL_END_DECLS

#endif
