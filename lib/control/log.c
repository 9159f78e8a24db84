/* SPDX-License-Identifier: BSD-3-Clause */
#include "sl_log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 9216 };

/* Whether stderr is the journal's: JOURNAL_STREAM is the device and the inode of its socket. */
static bool is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat st;

	return stream != NULL && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
	       fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device && st.st_ino == inode;
}

static const char *level_name(enum sl_log_level level)
{
	switch (level) {
	case SL_LOG_ERROR:
		return "error";
	case SL_LOG_WARNING:
		return "warning";
	case SL_LOG_NOTICE:
		return "notice";
	case SL_LOG_INFO:
		break;
	}
	return "info";
}

/* What stands before the text. */
static void write_head(enum sl_log_level level, char *head, size_t size)
{
	struct timespec now;
	struct tm utc;
	char date[32] = "-";

	if (is_journal()) {
		snprintf(head, size, "<%d>", (int)level);
		return;
	}
	clock_gettime(CLOCK_REALTIME, &now);
	if (gmtime_r(&now.tv_sec, &utc) != NULL)
		strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(head, size, "%s.%03ldZ %s sluiced: ", date, now.tv_nsec / 1000000,
		 level_name(level));
}

void sl_log(enum sl_log_level level, const char *format, ...)
{
	char line[LINE_MAX_BYTES], head[80];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	for (char *p = line; *p != '\0'; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
	write_head(level, head, sizeof(head));
	fprintf(stderr, "%s%s\n", head, line);
}
