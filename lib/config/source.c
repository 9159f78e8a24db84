/* SPDX-License-Identifier: BSD-3-Clause */
/* From a file or a string to libconfig's tree, and from a place in the tree to file and line. */
#include "schema.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A configuration of all that fits is a tenth of this. */
#define MAX_FILE_BYTES (1 << 20)

/* Writes the message; file and line are the caller's. */
static void say(struct sl_config_error *error, const char *file, unsigned line, const char *format,
		va_list args)
{
	snprintf(error->file, sizeof(error->file), "%s", file);
	error->line = line;
	vsnprintf(error->text, sizeof(error->text), format, args);
}

int refuse_at(struct sl_config_error *error, const char *file, unsigned line, const char *format,
	      ...)
{
	va_list args;

	va_start(args, format);
	say(error, file, line, format, args);
	va_end(args);
	return -EINVAL;
}

int source_included(const struct load *load, const char *file, char path[SL_CONFIG_PATH])
{
	const bool here = load->dir == NULL || strcmp(load->dir, ".") == 0;
	const int n = snprintf(path, SL_CONFIG_PATH, "%s%s%s", here ? "" : load->dir,
			       here ? "" : "/", file);

	return n < SL_CONFIG_PATH ? 0 : -ENAMETOOLONG;
}

/* The file's name as messages show it: libconfig knows included ones without their folder. */
static const char *source_name(const struct load *load, const char *file, char path[SL_CONFIG_PATH])
{
	if (file == NULL)
		return load->name;
	(void)source_included(load, file, path);
	return path;
}

int refuse(struct load *load, const config_setting_t *at, const char *format, ...)
{
	char path[SL_CONFIG_PATH];
	va_list args;

	va_start(args, format);
	say(load->error, source_name(load, config_setting_source_file(at), path),
	    config_setting_source_line(at), format, args);
	va_end(args);
	return -EINVAL;
}

/* The copy of `name` that the configuration owns. "" when there is no memory for one. */
static const char *source_keep_name(struct sl_config *config, const char *name)
{
	char **files;

	for (unsigned i = 0; i < config->n_files; i++)
		if (strcmp(config->files[i], name) == 0)
			return config->files[i];
	files = realloc(config->files, (config->n_files + 1) * sizeof(*files));
	if (files == NULL)
		return "";
	config->files = files;
	files[config->n_files] = strdup(name);
	return files[config->n_files] != NULL ? files[config->n_files++] : "";
}

struct sl_config_where source_where(struct load *load, const config_setting_t *setting)
{
	char path[SL_CONFIG_PATH];
	struct sl_config_where where;

	where.file = source_keep_name(load->config,
				      source_name(load, config_setting_source_file(setting), path));
	where.line = config_setting_source_line(setting);
	return where;
}

/* Reads the open file `fd`; `why` for people who can't see errno. */
static int source_read_fd(int fd, char **text, size_t *len, const char **why)
{
	struct stat st;
	size_t room, n = 0;
	ssize_t got = 1;
	char *buf;

	if (fstat(fd, &st) != 0)
		return -errno;
	*why = "it is not a regular file; expected a text file";
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	*why = "it is longer than 1 MiB; expected a configuration, is this one?";
	if (st.st_size > MAX_FILE_BYTES)
		return -EINVAL;
	*why = NULL;
	room = (size_t)st.st_size;
	buf = malloc(room + 1);
	if (buf == NULL)
		return -ENOMEM;
	while (n < room && got > 0) {
		got = read(fd, buf + n, room - n);
		if (got < 0) {
			const int rc = -errno;

			free(buf);
			return rc;
		}
		n += (size_t)got;
	}
	buf[n] = '\0';
	*text = buf;
	*len = n;
	return 0;
}

int source_read(const char *path, char **text, size_t *len, struct sl_config_error *error)
{
	/* Non-blocking: a FIFO in the file's place must not hold the daemon. */
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	const char *why = NULL;
	int rc;

	if (fd < 0) {
		rc = -errno;
	} else {
		rc = source_read_fd(fd, text, len, &why);
		close(fd);
	}
	if (rc == 0)
		return 0;
	if (rc == -ENOENT)
		why = "there is no such file; check the path";
	else if (rc == -EACCES)
		why = "permission denied; give this user the right to read it";
	refuse_at(error, path, 0, "%s", why != NULL ? why : strerror(-rc));
	return rc;
}

int source_parse(struct load *load, const char *text, size_t len)
{
	config_t *tree = &load->libconfig;
	char path[SL_CONFIG_PATH];
	const char *file, *why;
	int rc = scan(load, text, len, load->name, 0);

	if (rc != 0)
		return rc;
	/* Without a folder, one that can't have files. */
	config_set_include_dir(tree, load->dir != NULL ? load->dir : "/dev/null");
	if (config_read_string(tree, text) == CONFIG_TRUE)
		return 0;
	why = config_error_text(tree);
	file = source_name(load, config_error_file(tree), path);
	if (why != NULL && strstr(why, "duplicate") != NULL)
		why = "this key stands in its group already; keep one of the two";
	else if (why != NULL && strstr(why, "mismatched") != NULL)
		why = "an array [ ... ] has values of different types; expected all alike";
	else if (why == NULL || strstr(why, "syntax") != NULL)
		why = "syntax error; expected `key = value;`: look here and at the end of the line "
		      "before for a missing ; or quote or bracket";
	return refuse_at(load->error, file, (unsigned)config_error_line(tree), "%s", why);
}
