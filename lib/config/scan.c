/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A look at the words of a file before libconfig reads it. libconfig 1.5 cuts numbers to 32 bits
 * (port = 4294967376 would be port 80), takes a comment without an end for the rest of the file,
 * and ends the process when an included path is a folder.
 */
#include "schema.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* libconfig's own bound on @include, and more brackets than any setting needs. */
#define MAX_INCLUDES 10
#define MAX_BRACKETS 16

struct scanner {
	struct load *load;
	const char *name;
	const char *p, *end;
	unsigned line;
	unsigned brackets;
	unsigned depth; /* of includes */
};

static int scan_comment(struct scanner *s)
{
	const unsigned begun = s->line;

	for (s->p += 2; s->p < s->end; s->p++) {
		if (*s->p == '\n')
			s->line++;
		if (s->p[0] == '*' && s->p[1] == '/') {
			s->p += 2;
			return 0;
		}
	}
	return refuse_at(s->load->error, s->name, begun,
			 "a comment begins here and never ends; close it with */");
}

/* From behind the opening quote to behind the closing one. */
static int scan_string(struct scanner *s)
{
	for (; s->p < s->end && *s->p != '\n'; s->p++) {
		if (*s->p == '"') {
			s->p++;
			return 0;
		}
		if (*s->p == '\\' && s->p + 1 < s->end && s->p[1] != '\n')
			s->p++;
	}
	return refuse_at(s->load->error, s->name, s->line,
			 "a string is not closed on its line; put a \" behind its last letter");
}

static int scan_number(struct scanner *s)
{
	const char *begin = s->p;
	const bool hex = s->p[0] == '0' && (s->p[1] == 'x' || s->p[1] == 'X');
	bool floating = false;
	char *end;

	errno = 0;
	if (strtoull(begin, &end, hex ? 16 : 10) > INT32_MAX)
		errno = ERANGE;
	for (; isalnum((unsigned char)*s->p) || *s->p == '.' || *s->p == '+' || *s->p == '-';
	     s->p++)
		floating |= !hex && (*s->p == '.' || *s->p == 'e' || *s->p == 'E');
	if (errno == 0 || floating)
		return 0;
	return refuse_at(s->load->error, s->name, s->line,
			 "the number %.*s%s is too large; no setting takes more than %d",
			 (int)sl_min_u32((uint32_t)(end - begin), 40), begin,
			 end - begin > 40 ? "..." : "", INT32_MAX);
}

static int scan_bracket(struct scanner *s, char c)
{
	if (strchr("({[", c) != NULL && ++s->brackets > MAX_BRACKETS)
		return refuse_at(s->load->error, s->name, s->line,
				 "more than %d brackets stand inside each other; no setting needs "
				 "so many: close some before",
				 MAX_BRACKETS);
	if (strchr(")}]", c) != NULL && s->brackets > 0)
		s->brackets--;
	return 0;
}

/* The file that is named from s->p to `quote`. */
static int scan_included(struct scanner *s, const char *quote)
{
	char path[SL_CONFIG_PATH], file[SL_CONFIG_PATH];
	struct sl_config_error why;
	size_t len;
	char *text;
	int rc;

	if (s->load->dir == NULL)
		return refuse_at(s->load->error, s->name, s->line,
				 "@include works in files only; put the settings here");
	snprintf(file, sizeof(file), "%.*s",
		 (int)sl_min_u32((uint32_t)(quote - s->p), SL_CONFIG_PATH - 1), s->p);
	if (s->depth == MAX_INCLUDES)
		return refuse_at(s->load->error, s->name, s->line,
				 "\"%s\" is included %d files deep; does it include itself?", file,
				 MAX_INCLUDES);
	if (source_included(s->load, file, path) != 0)
		return refuse_at(s->load->error, s->name, s->line,
				 "the path of \"%s\" is too long; at most %d characters", file,
				 SL_CONFIG_PATH - 1);
	if (source_read(path, &text, &len, &why) != 0)
		return refuse_at(s->load->error, s->name, s->line,
				 "cannot include \"%s\": %s: %s. Paths of @include count from the "
				 "folder of the first file",
				 file, path, why.text);
	rc = scan(s->load, text, len, path, s->depth + 1);
	free(text);
	return rc;
}

/* At the begin of a line: an @include as libconfig knows it, or nothing. */
static int scan_include(struct scanner *s)
{
	static const char word[] = "@include";
	const char *p = s->p, *quote;
	int rc;

	while (*p == ' ' || *p == '\t')
		p++;
	if (strncmp(p, word, strlen(word)) != 0)
		return 0;
	p += strlen(word);
	p += strspn(p, " \t");
	if (*p != '"')
		return 0; /* libconfig says what is wrong */
	s->p = p + 1;
	quote = strpbrk(s->p, "\"\n\\");
	if (quote == NULL || *quote != '"')
		return refuse_at(
			s->load->error, s->name, s->line,
			"expected @include \"FILE\" alone on its line, without backslashes");
	rc = scan_included(s, quote);
	s->p = quote + 1;
	return rc;
}

static int scan_word(struct scanner *s)
{
	const char c = *s->p;

	if (c == '#' || (c == '/' && s->p[1] == '/')) {
		s->p += strcspn(s->p, "\n");
		return 0;
	}
	if (c == '/' && s->p[1] == '*')
		return scan_comment(s);
	if (isdigit((unsigned char)c))
		return scan_number(s);
	if (isalpha((unsigned char)c) || c == '*') {
		while (isalnum((unsigned char)*s->p) || strchr("_-*", *s->p ? *s->p : ' ') != NULL)
			s->p++;
		return 0;
	}
	s->p++;
	if (c == '"')
		return scan_string(s);
	return scan_bracket(s, c);
}

int scan(struct load *load, const char *text, size_t len, const char *name, unsigned depth)
{
	struct scanner s = {.load = load,
			    .name = name,
			    .p = text,
			    .end = text + len,
			    .line = 1,
			    .depth = depth};
	const char *zero = memchr(text, '\0', len);
	int rc;

	if (zero != NULL) {
		for (const char *p = text; p < zero; p++)
			s.line += *p == '\n';
		return refuse_at(load->error, name, s.line,
				 "a zero byte; expected text: is this really a configuration?");
	}
	rc = scan_include(&s);
	while (rc == 0 && s.p < s.end) {
		if (*s.p != '\n') {
			rc = scan_word(&s);
			continue;
		}
		s.p++;
		s.line++;
		rc = scan_include(&s);
	}
	return rc;
}
