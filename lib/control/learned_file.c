/* SPDX-License-Identifier: BSD-3-Clause */
#include "sl_learned_file.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME "servers.json"

enum { PATH_LEN = 512, FILE_MAX = 1 << 20 };

static bool read_int(const json_t *row, const char *key, json_int_t least, json_int_t most,
		     json_int_t *value)
{
	const json_t *v = json_object_get(row, key);

	*value = json_integer_value(v);
	return json_is_integer(v) && *value >= least && *value <= most;
}

/* A row into its place; false when it is none. */
static bool read_row(const json_t *row, const struct sl_learned_now *now,
		     struct sl_learned_table *t)
{
	const char *address = json_string_value(json_object_get(row, "address"));
	const json_t *timestamps = json_object_get(row, "timestamps");
	json_int_t port, mss, confirmed, age;
	struct sl_learned *l;
	struct sl_addr addr;

	if (address == NULL || sl_addr_parse(&addr, address) != 0 || !json_is_boolean(timestamps) ||
	    !read_int(row, "port", 1, 65535, &port) || !read_int(row, "mss", 0, 65535, &mss) ||
	    !read_int(row, "confirmed", 0, (json_int_t)1 << 40, &confirmed))
		return false;
	age = now->unix_s - confirmed;
	if (age < 0 || age > SL_LEARNED_LIFE_S)
		return true;
	l = sl_learned_put(t, &addr, (uint16_t)port);
	l->mss = (uint16_t)mss;
	l->timestamps = json_is_true(timestamps);
	l->confirmed_s = l->asked_s = (int32_t)(now->monotonic_s - age);
	l->changed_s = l->shown_s = l->confirmed_s;
	return true;
}

int sl_learned_read(const char *text, size_t len, const struct sl_learned_now *now,
		    struct sl_learned_table *t, char *error, size_t error_len)
{
	const json_t *servers, *row;
	json_error_t why;
	json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &why);
	int rc = 0;
	size_t i;

	memset(t, 0, sizeof(*t));
	if (root == NULL) {
		snprintf(error, error_len, "line %d: %s", why.line, why.text);
		return -1;
	}
	servers = json_object_get(root, "servers");
	if (json_integer_value(json_object_get(root, "version")) != 1 || !json_is_array(servers)) {
		snprintf(error, error_len, "expected {\"version\": 1, \"servers\": [...]}");
		rc = -1;
	}
	json_array_foreach(servers, i, row)
	{
		if (rc != 0 || read_row(row, now, t))
			continue;
		snprintf(error, error_len,
			 "server %zu: expected address, port, mss, timestamps "
			 "and confirmed",
			 i + 1);
		rc = -1;
	}
	json_decref(root);
	if (rc != 0)
		memset(t, 0, sizeof(*t));
	return rc;
}

/* The file's text, of at most FILE_MAX bytes; NULL with errno. */
static char *read_file(const char *path, size_t *len)
{
	FILE *f = fopen(path, "re");
	char *text;

	if (f == NULL)
		return NULL;
	text = malloc(FILE_MAX);
	if (text != NULL)
		*len = fread(text, 1, FILE_MAX, f);
	fclose(f);
	return text;
}

void sl_learned_load(const char *dir, const struct sl_learned_now *now, struct sl_learned_table *t,
		     char *error, size_t error_len)
{
	char path[PATH_LEN], aside[PATH_LEN + 8], why[256];
	size_t len;
	char *text;

	memset(t, 0, sizeof(*t));
	error[0] = '\0';
	snprintf(path, sizeof(path), "%s/" NAME, dir);
	text = read_file(path, &len);
	if (text == NULL) {
		if (errno != ENOENT)
			snprintf(error, error_len, "%s can't be read: %s", path, strerror(errno));
		return;
	}
	if (sl_learned_read(text, len, now, t, why, sizeof(why)) != 0) {
		snprintf(aside, sizeof(aside), "%s.bad", path);
		(void)rename(path, aside);
		snprintf(error, error_len,
			 "%s is damaged (%s): renamed to %s; what servers grant is learned anew",
			 path, why, aside);
	}
	free(text);
}

static json_t *rows_json(const struct sl_learned_table *t, const struct sl_learned_now *now)
{
	json_t *servers = json_array();

	for (unsigned i = 0; i < SL_LEARNED_SLOTS; i++) {
		const struct sl_learned *l = &t->slot[i];
		char addr[SL_ADDR_TEXT];

		if (l->port == 0 || now->monotonic_s - l->confirmed_s > SL_LEARNED_LIFE_S)
			continue;
		json_array_append_new(
			servers,
			json_pack("{s:s, s:i, s:i, s:b, s:I}", "address",
				  sl_addr_format(&l->addr, addr), "port", (int)l->port, "mss",
				  (int)l->mss, "timestamps", (int)l->timestamps, "confirmed",
				  (json_int_t)(now->unix_s - (now->monotonic_s - l->confirmed_s))));
	}
	return json_pack("{s:i, s:o}", "version", 1, "servers", servers);
}

/* Writes `root` to the open file `fd`, onto the disk. */
static int write_out(int fd, const json_t *root)
{
	FILE *f = fdopen(fd, "w");
	int rc = 0;

	if (f == NULL) {
		rc = -errno;
		close(fd);
		return rc;
	}
	if (json_dumpf(root, f, JSON_INDENT(1)) != 0 || fputc('\n', f) == EOF || fflush(f) != 0 ||
	    fsync(fd) != 0)
		rc = errno != 0 ? -errno : -EIO;
	if (fclose(f) != 0 && rc == 0)
		rc = -errno;
	return rc;
}

int sl_learned_save(const char *dir, const struct sl_learned_now *now,
		    const struct sl_learned_table *t)
{
	char path[PATH_LEN], fresh[PATH_LEN + 8];
	json_t *root;
	int fd, rc;

	if (mkdir(dir, 0750) != 0 && errno != EEXIST)
		return -errno;
	snprintf(path, sizeof(path), "%s/" NAME, dir);
	snprintf(fresh, sizeof(fresh), "%s.new", path);
	fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0640);
	if (fd < 0)
		return -errno;
	root = rows_json(t, now);
	rc = root != NULL ? write_out(fd, root) : -ENOMEM;
	json_decref(root);
	if (rc == 0 && rename(fresh, path) != 0)
		rc = -errno;
	if (rc != 0)
		(void)unlink(fresh);
	return rc;
}
