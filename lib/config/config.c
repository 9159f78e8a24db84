/* SPDX-License-Identifier: BSD-3-Clause */
/* Loading as a whole: text, tree, struct, checks; or nothing. */
#include "sl_config.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "config/build_paths.h"
#include "schema.h"

/* Core 1, since the control thread and the host's interrupts are on 0; else the first we have. */
static uint32_t default_core(void)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	if (sched_getaffinity(0, sizeof(cpus), &cpus) != 0)
		return 0;
	if (CPU_ISSET(1, &cpus))
		return 1;
	for (uint32_t i = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, &cpus))
			return i;
	return 0;
}

/* The defaults that depend on the machine. */
static void complete(struct sl_config *config)
{
	struct stat st;

	if (config->workers.n_cores == 0) {
		config->workers.cores[0] = default_core();
		config->workers.n_cores = 1;
	}
	if (config->drivers[0] == '\0')
		snprintf(config->drivers, sizeof(config->drivers), "%s",
			 stat(SL_DRIVERS_INSTALLED, &st) == 0 ? SL_DRIVERS_INSTALLED
							      : SL_DRIVERS_IN_SOURCES);
}

static int load_text(const char *text, size_t len, const char *name, const char *dir,
		     struct sl_config *config, struct sl_config_error *error)
{
	struct load load = {.name = name, .dir = dir, .config = config, .error = error};
	int rc;

	config_init(&load.libconfig);
	rc = source_parse(&load, text, len);
	if (rc == 0)
		rc = parse_section(&load, "", config_root_setting(&load.libconfig), "", false,
				   config);
	if (rc == 0)
		rc = validate(&load, config);
	if (rc == 0)
		complete(config);
	else
		sl_config_fini(config);
	config_destroy(&load.libconfig);
	return rc;
}

int sl_config_load(const char *path, struct sl_config *config, struct sl_config_error *error)
{
	char dir[SL_CONFIG_PATH];
	const char *slash = strrchr(path, '/');
	char *text;
	size_t len;
	int rc;

	memset(config, 0, sizeof(*config));
	if (strlen(path) >= sizeof(dir)) {
		refuse_at(error, path, 0, "the path is too long; expected at most %zu characters",
			  sizeof(dir) - 1);
		return -ENAMETOOLONG;
	}
	rc = source_read(path, &text, &len, error);
	if (rc != 0)
		return rc;
	if (slash == NULL)
		strcpy(dir, ".");
	else
		snprintf(dir, sizeof(dir), "%.*s", slash == path ? 1 : (int)(slash - path), path);
	rc = load_text(text, len, path, dir, config, error);
	free(text);
	return rc;
}

int sl_config_load_string(const char *text, const char *name, struct sl_config *config,
			  struct sl_config_error *error)
{
	memset(config, 0, sizeof(*config));
	return load_text(text, strlen(text), name, NULL, config, error);
}

void sl_config_fini(struct sl_config *config)
{
	for (unsigned i = 0; i < config->n_files; i++)
		free(config->files[i]);
	free(config->files);
	memset(config, 0, sizeof(*config));
}

char *sl_config_error_format(const struct sl_config_error *error, char *text, size_t size)
{
	if (error->line > 0)
		snprintf(text, size, "%s:%u: %s", error->file, error->line, error->text);
	else
		snprintf(text, size, "%s: %s", error->file, error->text);
	return text;
}

uint32_t sl_config_endpoints(const struct sl_config *config)
{
	if (config->workers.endpoints != 0)
		return config->workers.endpoints;
	for (unsigned i = 0; i < config->n_services; i++)
		if (config->services[i].mode == SL_MODE_RESPOND)
			return config->workers.connections;
	return 0;
}
