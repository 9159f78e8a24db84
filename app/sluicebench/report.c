/* SPDX-License-Identifier: BSD-3-Clause */
/* What was measured, for people and for programs. */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <rte_cpuflags.h>

struct report {
	json_t *root, *cases;
};

/* Of what the road can make use. */
static const struct {
	enum rte_cpu_flag_t flag;
	const char *name;
} features[] = {
	{RTE_CPUFLAG_SSE4_2, "sse4.2"},     {RTE_CPUFLAG_AVX2, "avx2"},
	{RTE_CPUFLAG_AVX512F, "avx512f"},   {RTE_CPUFLAG_AVX512BW, "avx512bw"},
	{RTE_CPUFLAG_AVX512VL, "avx512vl"},
};

static void cpu_name(char *text, size_t size)
{
	FILE *f = fopen("/proc/cpuinfo", "r");
	char line[256];

	snprintf(text, size, "unknown");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		const char *colon = strchr(line, ':');

		if (strncmp(line, "model name", 10) == 0 && colon != NULL) {
			snprintf(text, size, "%.*s", (int)strcspn(colon + 2, "\n"), colon + 2);
			break;
		}
	}
	if (f != NULL)
		fclose(f);
}

struct report *report_open(bool hugepages, unsigned workers)
{
	struct report *r = calloc(1, sizeof(*r));
	json_t *list = json_array();
	char cpu[128];

	if (r == NULL || list == NULL)
		abort();
	cpu_name(cpu, sizeof(cpu));
	printf("%s;", cpu);
	for (unsigned i = 0; i < SL_ARRAY_LEN(features); i++) {
		if (rte_cpu_get_flag_enabled(features[i].flag) <= 0)
			continue;
		printf(" %s", features[i].name);
		json_array_append_new(list, json_string(features[i].name));
	}
	printf("; cookies by %s\n", sl_cookie_engine_name(sl_cookie_engine_best()));
	printf("%s pages, %u worker%s; times are of one packet (handshake, lifecycle: of one "
	       "connection; respond: request; stream: segment) on one core\n",
	       hugepages ? "2 MiB" : "4 KiB", workers, workers > 1 ? "s" : "");
	if (!hugepages)
		printf("no hugepages: these figures do not count; sysctl vm.nr_hugepages=%u\n",
		       HUGEPAGES * workers);
	printf("\n%-10s %-36s %9s %9s %9s %7s %7s\n", "case", "", "ns", "Mpps", "floor, ns",
	       "x floor", "spread");
	r->root = json_pack("{s:s, s:o, s:s, s:b, s:i, s:[]}", "cpu", cpu, "features", list,
			    "cookies", sl_cookie_engine_name(sl_cookie_engine_best()), "hugepages",
			    hugepages, "workers", (int)workers, "cases");
	if (r->root == NULL)
		abort();
	r->cases = json_object_get(r->root, "cases");
	return r;
}

/* Of a stream, as the box sees it. */
static const char *direction(const struct params *params)
{
	if (!params->responds || params->bytes == 0)
		return NULL;
	return params->server == SL_SERVER_DISCARD ? "in" : "out";
}

static json_t *json_params(const struct params *params)
{
	json_t *p = json_object();

	if (params->connections > 0)
		json_object_set_new(p, "connections", json_integer(params->connections));
	json_object_set_new(p, "family", json_string(params->ipv6 ? "ipv6" : "ipv4"));
	if (params->bytes > 0)
		json_object_set_new(p, "bytes", json_integer(params->bytes));
	if (params->passes)
		json_object_set_new(p, "mode", json_string(sl_service_mode_name(SL_MODE_PASS)));
	if (params->responds)
		json_object_set_new(p, "server",
				    json_string(sl_respond_server_name(
					    (enum sl_respond_server)params->server)));
	if (direction(params) != NULL)
		json_object_set_new(p, "direction", json_string(direction(params)));
	if (params->whole)
		json_object_set_new(p, "whole", json_true());
	return p;
}

static void print_params(char *text, size_t size, const struct params *params)
{
	int used = snprintf(text, size, "%s", params->ipv6 ? "IPv6" : "IPv4");

	if (params->connections == 1)
		used += snprintf(text + used, size - (size_t)used, ", 1 connection");
	else if (params->connections > 0 && (params->connections & (params->connections - 1)) == 0)
		used += snprintf(text + used, size - (size_t)used, ", 2^%d connections",
				 __builtin_ctz(params->connections));
	else if (params->connections > 0)
		used += snprintf(text + used, size - (size_t)used, ", %u connections",
				 params->connections);
	if (params->bytes > 0)
		used += snprintf(text + used, size - (size_t)used, ", %u B", params->bytes);
	if (params->passes)
		snprintf(text + used, size - (size_t)used, ", pass");
	else if (direction(params) != NULL)
		snprintf(text + used, size - (size_t)used, ", %s", direction(params));
	else if (params->responds)
		snprintf(text + used, size - (size_t)used, ", %s%s",
			 sl_respond_server_name((enum sl_respond_server)params->server),
			 params->whole ? ", whole" : "");
}

void report_row(struct report *r, const struct row *row)
{
	json_t *figures;
	char what[64];

	print_params(what, sizeof(what), &row->params);
	printf("%-10s %-36s %9.1f %9.2f %9.1f %7.2f %6.0f%%", row->name, what, row->ns, row->mpps,
	       row->floor_ns, row->ratio, row->spread * 100);
	if (row->gbps > 0)
		printf(" %7.1f Gbit/s", row->gbps);
	printf("\n");
	fflush(stdout);
	figures = json_pack("{s:s, s:o, s:f, s:f, s:f, s:f, s:f}", "name", row->name, "params",
			    json_params(&row->params), "ns", row->ns, "mpps", row->mpps, "floor_ns",
			    row->floor_ns, "ratio", row->ratio, "spread", row->spread);
	if (row->gbps > 0)
		json_object_set_new(figures, "gbps", json_real(row->gbps));
	json_array_append_new(r->cases, figures);
}

void report_memory(struct report *r, const struct params *params,
		   const struct memory_figures *figures)
{
	char what[64];

	print_params(what, sizeof(what), params);
	printf("%-10s %-36s %.1f bytes a connection, %.2f GB\n", "memory", what, figures->bytes,
	       figures->total / 1e9);
	json_array_append_new(r->cases,
			      json_pack("{s:s, s:o, s:f, s:f}", "name", "memory", "params",
					json_params(params), "bytes_per_connection", figures->bytes,
					"bytes", figures->total));
}

void report_latency(struct report *r, const struct params *params, const char *load,
		    const struct latency_figures *figures)
{
	json_t *p = json_params(params);
	char what[64];

	print_params(what, sizeof(what), params);
	printf("%-10s %-36s p50 %.0f ns, p99 %.0f ns, p99.9 %.0f ns, %s", "latency", what,
	       figures->p50_ns, figures->p99_ns, figures->p999_ns, load);
	if (figures->mpps > 0)
		printf(" (%.1f Mpps)", figures->mpps);
	printf("\n");
	json_object_set_new(p, "load", json_string(load));
	json_array_append_new(r->cases, json_pack("{s:s, s:o, s:f, s:f, s:f}", "name", "latency",
						  "params", p, "p50_ns", figures->p50_ns, "p99_ns",
						  figures->p99_ns, "p999_ns", figures->p999_ns));
}

bool report_close(struct report *r, const char *json_file)
{
	bool written = true;

	if (json_file != NULL &&
	    json_dump_file(r->root, json_file, JSON_INDENT(2) | JSON_REAL_PRECISION(6)) != 0) {
		fprintf(stderr, "sluicebench: %s can't be written\n", json_file);
		written = false;
	}
	json_decref(r->root);
	free(r);
	return written;
}
