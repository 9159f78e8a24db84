/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The daemon's log: lines on stderr.
 *
 *   2026-11-21T19:25:50.123Z warning sluiced: port net_af_packet0: link is down
 *   <4>port net_af_packet0: link is down
 *
 * The second form is for systemd's journal, which knows the time and the program: where stderr is
 * the journal's (JOURNAL_STREAM, systemd.exec(5)), with the level as sd-daemon(3) wants it.
 *
 * Threads: any; a line is written at once. Not for the road, which logs nothing.
 * Neighbours: sluiced and rpc use it too.
 */
#ifndef SL_LOG_H
#define SL_LOG_H

#include "sl_base.h"

SL_BEGIN_DECLS

/** Severities of syslog(3). */
enum sl_log_level {
	SL_LOG_ERROR = 3,   /**< something that was to be done could not be */
	SL_LOG_WARNING = 4, /**< somebody should look at this */
	SL_LOG_NOTICE = 5,  /**< something was changed, by a person or by the box itself */
	SL_LOG_INFO = 6,
};

/** Writes a line. Control characters in it become question marks; it is cut at 9 KiB. */
void sl_log(enum sl_log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

SL_END_DECLS

#endif
