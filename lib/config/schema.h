/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The table of settings, and how a setting is read by it. Private to lib/config.
 *
 * A section is a group of the file with a struct behind it; a row says where in that struct its
 * value lies. "" is the top of the configuration, "driver" the top of a driver profile.
 */
#ifndef SCHEMA_H
#define SCHEMA_H

#include <libconfig.h>

#include "sl_config.h"

enum setting_type {
	SETTING_BOOL,     /* bool */
	SETTING_INT,      /* uint32_t */
	SETTING_SECONDS,  /* uint32_t, in milliseconds */
	SETTING_STRING,   /* char[size] */
	SETTING_ENUM,     /* an enum: the place of the word in `choices` */
	SETTING_FLAGS,    /* uint32_t: a bit for each word of `choices` */
	SETTING_INTS,     /* uint32_t[capacity] */
	SETTING_STRINGS,  /* char[capacity][size] */
	SETTING_PREFIX,   /* struct sl_config_prefix */
	SETTING_PORTS,    /* struct sl_config_ports */
	SETTING_ENDPOINT, /* struct sl_config_endpoint */
	SETTING_GROUP,    /* the struct of the section `section_below` */
	SETTING_GROUPS,   /* an array of `capacity` of them, `size` bytes each */
};

struct load;

struct setting {
	const char *section, *key;
	enum setting_type type;
	bool required;
	bool fixed;    /* a reload can't change it */
	bool inherits; /* a GROUP: keys that are not there keep what the struct holds already */
	size_t offset; /* of the value in the section's struct */
	size_t size;   /* of a string or an element, in bytes */
	size_t count_offset; /* of the unsigned that counts the elements */
	unsigned capacity;
	double min, max; /* of a number, and of the numbers in an array */
	const char *const *choices;
	const char *fallback;      /* the default, as it would stand in a file; NULL: zeros */
	const char *fallback_note; /* what to say of a default that is found at run time */
	const char *section_below, *noun;
	void (*prepare)(struct load *load, void *item, unsigned i, const config_setting_t *at);
	const char *unit, *help;
};

/* One load: what is being read, into what, and where to say what is wrong. */
struct load {
	config_t libconfig;
	const char *name;         /* of the file, or what the caller calls the string */
	const char *dir;          /* folder of the file; NULL when there is none */
	struct sl_config *config; /* what comes to own names of files; NULL for a profile */
	struct sl_config_error *error;
};

/* Room for a description of what was found or expected. */
#define PHRASE 512

/* schema.c: the table. */
extern const struct setting settings[];
extern const unsigned n_settings;

/* The row of `key` in `section`, or NULL. */
const struct setting *schema_find(const char *section, const char *key);

/* phrase.c: words of error messages. */

/* The word among the `n` of `words` that was probably meant by `text`, or NULL. */
const char *phrase_nearest(const char *text, const char *const *words, unsigned n);

/* `text` in double quotes, cut short and without control characters, into `out`. */
char *phrase_quote(const char *text, char out[PHRASE]);

/* What stands in the file: "spilce" in its quotes, 12, a group. */
char *phrase_found(const config_setting_t *found, char out[PHRASE]);

/* What a row wants: an integer from 1 to 9 (probes). */
char *phrase_expected(const struct setting *row, char out[PHRASE]);

/* source.c: text into libconfig's tree. */

/*
 * scan.c: looks through `text`, called `name`, and through what it includes, for what libconfig
 * takes in silence or dies of: numbers that it would cut to 32 bits, comments and strings without
 * an end, zero bytes, deep nesting, and included files that are not files.
 */
int scan(struct load *load, const char *text, size_t len, const char *name, unsigned depth);

/* Parses `text` (of `len` bytes, and a zero behind them) into load->libconfig. */
int source_parse(struct load *load, const char *text, size_t len);

/* Reads the file `path` into memory, to be freed by the caller; a zero follows the last byte. */
int source_read(const char *path, char **text, size_t *len, struct sl_config_error *error);

/* The path of `file`, as an @include names it, into `path`. Returns 0, or -ENAMETOOLONG. */
int source_included(const struct load *load, const char *file, char path[SL_CONFIG_PATH]);

/* Where `setting` stands. Only for a configuration, which comes to own the name. */
struct sl_config_where source_where(struct load *load, const config_setting_t *setting);

/* Fills in load->error for the place `at` and returns -EINVAL. */
__attribute__((format(printf, 3, 4))) int refuse(struct load *load, const config_setting_t *at,
						 const char *format, ...);

/* The same where there is no libconfig tree. Returns -EINVAL. */
__attribute__((format(printf, 4, 5))) int refuse_at(struct sl_config_error *error, const char *file,
						    unsigned line, const char *format, ...);

/* parse.c: the tree into a struct, by the table. `subject` opens messages: "service "web": ". */
int parse_section(struct load *load, const char *section, const config_setting_t *group,
		  const char *subject, bool inherits, void *target);

/* value.c: one value that is not a plain number or word. `why` gets a remark or stays empty. */
int value_prefix(const char *text, struct sl_config_prefix *prefix, char why[PHRASE]);
int value_ports(const char *text, struct sl_config_ports *ports, char why[PHRASE]);
int value_endpoint(const char *text, struct sl_config_endpoint *endpoint, char why[PHRASE]);

/* Whether `device` is a PCI address; if so, `pci` becomes it in full: "0000:03:00.0". */
#define PCI_TEXT 16
bool value_pci(const char *device, char pci[PCI_TEXT]);

/* routes.c: what argument `i` of EAL's says of a vdev, "NAME,...", as "--vdev=NAME,..." or behind
 * "--vdev"; or NULL. */
const char *config_vdev(const struct sl_config *config, unsigned i);
/* The arguments of the vdev `device`, behind its name; NULL where EAL is told of none. */
const char *config_vdev_args(const struct sl_config *config, const char *device);

/* validate.c: what no single setting can know. */
int validate(struct load *load, struct sl_config *config);

#endif
