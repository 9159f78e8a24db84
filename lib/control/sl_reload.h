/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A changed plan for the running road: made of a configuration, taken by every worker between two
 * bursts, all of it or nothing. The old plan is freed when the last worker has taken the new one:
 * a job that is done is the quiescent point.
 *
 * Threads: the control thread.
 */
#ifndef SL_RELOAD_H
#define SL_RELOAD_H

#include "sl_config.h"
#include "sl_control.h"

SL_BEGIN_DECLS

/**
 * Makes the plan of `config` into `plan`, to follow `running` (NULL: there is none). Services keep
 * their numbers by name; those that are gone are retired; a new one takes a number that was never
 * used, or else one whose service is retired and not `busy` (by number; no connection left), and
 * is marked `reused`.
 * Returns 0, or -ENOSPC when no number is free.
 */
int sl_plan_make(const struct sl_config *config, const struct sl_plan *running,
		 const bool busy[SL_SERVICES_MAX], struct sl_plan *plan);

/** The outcome: what changed (`n` of it), or NULL and a sentence in `error`. */
typedef void sl_reload_fn(void *arg, const struct sl_config_change *changes, unsigned n,
			  const char *error);

/**
 * Reads the configuration's file again and applies what can change while the daemon runs. `done`
 * is called from the loop, never from within this call. A file that is wrong, a setting that needs
 * a restart, or a reload under way already: refused, and nothing has changed. The outcome is
 * logged, and that it was asked for by `by` ("SIGHUP", "RPC, uid 0, pid 4711"). Returns NULL when
 * there is no memory.
 */
struct sl_request *sl_reload_request(struct sl_control *c, const char *by, sl_reload_fn *done,
				     void *arg);

/**
 * Begins to drain (new connections pass unproxied, what stands is served to its end), or ends it.
 * It lasts over reloads. As sl_reload_request; `n` is 0.
 */
struct sl_request *sl_drain_request(struct sl_control *c, bool drain, const char *by,
				    sl_reload_fn *done, void *arg);

SL_END_DECLS

#endif
