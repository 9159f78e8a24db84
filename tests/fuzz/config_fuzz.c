/* SPDX-License-Identifier: BSD-3-Clause */
/* Any text is a configuration or a refusal with a sentence; nothing else happens. */
#include <stdlib.h>
#include <string.h>

#include "sl_config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/*
 * libconfig 1.5 forgets the string that it has just read when the grammar breaks at it. Ours are
 * still seen: a tree that is not destroyed has more than strings.
 */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:strbuf_append\nleak:libconfig_yylex\n";
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct sl_config config;
	struct sl_config_error error;
	char *text = malloc(size + 1);

	if (text == NULL)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	if (sl_config_load_string(text, "fuzz", &config, &error) == 0) {
		assert(config.n_links > 0 && config.workers.n_cores > 0);
		sl_config_fini(&config);
	} else {
		assert(error.text[0] != '\0' && config.n_links == 0);
	}
	free(text);
	return 0;
}
