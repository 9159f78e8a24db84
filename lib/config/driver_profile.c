/* SPDX-License-Identifier: BSD-3-Clause */
#include "sl_driver_profile.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "schema.h"

/* Of a string (NULL: only the defaults) into `profile`. */
static int profile_parse(const char *text, size_t len, const char *path,
			 struct sl_driver_profile *profile, struct sl_config_error *error)
{
	struct load load = {.name = path, .error = error};
	int rc = 0;

	memset(profile, 0, sizeof(*profile));
	config_init(&load.libconfig);
	if (text != NULL)
		rc = source_parse(&load, text, len);
	if (rc == 0)
		rc = parse_section(&load, "driver",
				   text != NULL ? config_root_setting(&load.libconfig) : NULL, "",
				   false, profile);
	config_destroy(&load.libconfig);
	if (rc != 0)
		memset(profile, 0, sizeof(*profile));
	return rc;
}

int sl_driver_profile_load(const char *path, struct sl_driver_profile *profile,
			   struct sl_config_error *error)
{
	size_t len;
	char *text;
	int rc;

	memset(profile, 0, sizeof(*profile));
	rc = source_read(path, &text, &len, error);
	if (rc != 0)
		return rc;
	rc = profile_parse(text, len, path, profile, error);
	free(text);
	if (rc == 0)
		snprintf(profile->file, sizeof(profile->file), "%s", path);
	return rc;
}

static bool profile_is_for(const struct sl_driver_profile *profile, const char *driver_name)
{
	for (unsigned i = 0; i < profile->n_drivers; i++)
		if (strcmp(profile->drivers[i], driver_name) == 0)
			return true;
	return false;
}

static int is_profile(const struct dirent *entry)
{
	const size_t n = strlen(entry->d_name);

	return n > 4 && entry->d_name[0] != '.' && strcmp(entry->d_name + n - 4, ".cfg") == 0;
}

int sl_driver_profile_find(const char *dir, const char *driver_name,
			   struct sl_driver_profile *profile, struct sl_config_error *error)
{
	struct dirent **entries;
	char path[2 * SL_CONFIG_PATH];
	bool found = false;
	int rc = 0;
	const int n = scandir(dir, &entries, is_profile, alphasort);

	memset(profile, 0, sizeof(*profile));
	if (n < 0) {
		rc = -errno;
		refuse_at(error, dir, 0,
			  "cannot read the folder of driver profiles: %s; expected its path in the "
			  "setting drivers",
			  strerror(-rc));
		return rc;
	}
	for (int i = 0; i < n; i++) {
		if (rc == 0 && !found) {
			snprintf(path, sizeof(path), "%.255s/%s", dir, entries[i]->d_name);
			rc = sl_driver_profile_load(path, profile, error);
			found = rc == 0 && profile_is_for(profile, driver_name);
		}
		free(entries[i]);
	}
	free(entries);
	if (rc == 0 && !found)
		rc = profile_parse(NULL, 0, "", profile, error);
	return rc;
}
