/* SPDX-License-Identifier: BSD-3-Clause */
/* The secret's file: who may read it, and what stands in it. */
#include "sl_config.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "schema.h"

#define DIGITS (2 * SL_CONFIG_SECRET)

static int refuse_secret(struct sl_config_error *error, const char *path, int rc, const char *why)
{
	refuse_at(error, path, 0,
		  "%s; expected a regular file of mode 0600 with 32 hexadecimal digits, made by: "
		  "(umask 077; openssl rand -hex 16 > FILE)",
		  why);
	return rc;
}

static unsigned digit(char c)
{
	return isdigit((unsigned char)c) ? (unsigned)(c - '0')
					 : (unsigned)(tolower((unsigned char)c) - 'a') + 10;
}

/* The file's bytes into the secret's. `n` is what was read, one more than there should be. */
static int decode(const char *text, ssize_t n, uint8_t secret[SL_CONFIG_SECRET])
{
	if (n != DIGITS && !(n == DIGITS + 1 && text[DIGITS] == '\n'))
		return -EINVAL;
	for (unsigned i = 0; i < DIGITS; i++)
		if (!isxdigit((unsigned char)text[i]))
			return -EINVAL;
	for (unsigned i = 0; i < SL_CONFIG_SECRET; i++)
		secret[i] = (uint8_t)(digit(text[2 * i]) << 4 | digit(text[2 * i + 1]));
	return 0;
}

int sl_config_read_secret(const char *path, uint8_t secret[SL_CONFIG_SECRET],
			  struct sl_config_error *error)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char text[DIGITS + 2];
	const char *why = NULL;
	char owner[160];
	struct stat st;
	ssize_t n;

	if (fd < 0) {
		const int rc = -errno;

		return refuse_secret(error, path, rc, strerror(-rc));
	}
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		why = "it is not a regular file";
	} else if (st.st_uid != 0 && st.st_uid != geteuid()) {
		snprintf(
			owner, sizeof(owner),
			"it belongs to uid %u, who may read and replace it; chown it to root or to "
			"the user of sluiced, and make a new secret",
			(unsigned)st.st_uid);
		why = owner;
	} else if ((st.st_mode & 077) != 0) {
		why = "others than its owner may read or write it; chmod 600 it, and make a new "
		      "secret if it was ever read";
	} else {
		n = read(fd, text, sizeof(text));
		if (n < 0)
			why = strerror(errno);
		else if (decode(text, n, secret) != 0)
			why = "it does not hold 32 hexadecimal digits and nothing else";
		explicit_bzero(text, sizeof(text));
	}
	close(fd);
	return why == NULL ? 0 : refuse_secret(error, path, -EINVAL, why);
}
