/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of options: the command line, its errors, the help and the manual come from it. */
#include "impair.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/random.h>

/* What an option's value is. */
enum kind { SHARE, TIME, RATE, COUNT, FLAG, ADDR4, ADDR6, HELP, VERSION };

struct option_row {
	const char *name;
	enum kind kind;
	const char *value;
	const char *help;
	bool each_way;     /* --ab-NAME and --ba-NAME are for one direction */
	size_t offset;     /* in struct impair_settings, or in struct impair_options */
	uint64_t min, max; /* of counts */
};

#define EACH_WAY(field) .each_way = true, .offset = offsetof(struct impair_settings, field)
#define FOR_ALL(field)  .offset = offsetof(struct impair_options, field)

static const struct option_row rows[] = {
	{"loss", SHARE, "SHARE", "packets that are lost", EACH_WAY(loss)},
	{"dup", SHARE, "SHARE", "packets that arrive twice", EACH_WAY(duplicate)},
	{"reorder", SHARE, "SHARE", "packets held back until later ones have overtaken them",
	 EACH_WAY(reorder)},
	{"reorder-span", COUNT, "N", "by how many, at most: 1 to 32, 3 unless said",
	 EACH_WAY(reorder_span), .min = 1, .max = IMPAIR_SPAN_MAX},
	{"corrupt", SHARE, "SHARE",
	 "packets in which one bit is flipped, behind the Ethernet header", EACH_WAY(corrupt)},
	{"delay", TIME, "TIME", "how long each packet is under way", EACH_WAY(delay_ns)},
	{"jitter", TIME, "TIME", "by how much that varies, either way; order is kept",
	 EACH_WAY(jitter_ns)},
	{"rate", RATE, "RATE", "bits a second that the line carries", EACH_WAY(rate_bits)},
	{"queue", COUNT, "N", "packets that may wait for it, 1000 unless said; more are dropped",
	 EACH_WAY(queue), .min = 1, .max = IMPAIR_QUEUE_MAX},
	{"mtu", COUNT, "N", "bytes of IP; longer packets are dropped (IPv6: at least 1280)",
	 EACH_WAY(mtu), .min = IMPAIR_MTU_MIN, .max = 65535},
	{"mtu-silent", FLAG, NULL, "and nobody is told: a black hole", EACH_WAY(mtu_silent)},
	{"router4", ADDR4, "ADDRESS", "who tells senders of packets above the MTU; without, nobody",
	 FOR_ALL(common.router4)},
	{"router6", ADDR6, "ADDRESS", "the same for IPv6", FOR_ALL(common.router6)},
	{"tcp-only", FLAG, NULL, "impair nothing but TCP", FOR_ALL(common.tcp_only)},
	{"seed", COUNT, "N", "same seed and packets, same fates; random unless said",
	 FOR_ALL(common.seed), .max = UINT64_MAX},
	{"json", FLAG, NULL, "print the statistics as a line of JSON", FOR_ALL(json)},
	{"help", HELP, NULL, "print this", .offset = 0},
	{"version", VERSION, NULL, "print the version", .offset = 0},
};

enum { N_ROWS = SL_ARRAY_LEN(rows), DEFAULT_SPAN = 3, DEFAULT_QUEUE = 1000, BOTH = 2 };

static void help(FILE *out)
{
	fputs("usage: sluiceimpair [OPTION...] A B\n"
	      "\n"
	      "A cable between the interfaces A and B that is not what it should be: what comes to "
	      "one\n"
	      "leaves by the other, but for what is lost, doubled, late or broken on the way. "
	      "Impairs\n"
	      "IP only; ARP, neighbour discovery and all else pass untouched.\n"
	      "\n",
	      out);
	for (unsigned i = 0; i < N_ROWS; i++) {
		const struct option_row *row = &rows[i];
		const char *value = row->value != NULL ? row->value : "";
		const int len = (int)(strlen(row->name) + strlen(value)) + 5;

		fprintf(out, "  --%s %s%*s%s%s\n", row->name, value, len < 24 ? 24 - len : 1, "",
			row->each_way ? "* " : "  ", row->help);
	}
	fputs("\n"
	      "*: for both directions; for one with a prefix, which goes first: --ab-loss 2% is "
	      "for what\n"
	      "   comes to A and leaves by B, --ba-loss 2% for the way back.\n"
	      "SHARE: 2% or 0.02. TIME: 500us, 20ms, 1s. RATE: 64kbit, 100mbit, 1gbit.\n"
	      "\n"
	      "In this order: MTU, loss, corruption, duplication, reordering, rate, delay. A "
	      "packet that\n"
	      "is held back and not overtaken goes on after 10 ms. A direction holds 32768 frames "
	      "at\n"
	      "most. Answers to packets above the MTU (ICMP fragmentation needed, packet too big) "
	      "are at\n"
	      "most 100 a second each way.\n"
	      "\n"
	      "Each direction has random numbers of its own, and the fate of its n-th packet is a\n"
	      "function of the seed, the direction and n.\n"
	      "\n"
	      "The interfaces should have no addresses, and carry no frames above their MTU: on a "
	      "veth,\n"
	      "`ethtool -K PEER tso off gso off`. Prints \"sluiceimpair: ready\" when it forwards. "
	      "SIGUSR1:\n"
	      "statistics to stderr; SIGTERM or SIGINT: statistics to stdout, and the end. The "
	      "books:\n"
	      "received + duplicated = sent + lost + too_big + queue_dropped + refused + queued.\n"
	      "\n",
	      out);
#define X(name, what) fprintf(out, "  %-16s%s\n", #name, what);
	IMPAIR_COUNTERS(X)
#undef X
	fputs("\nExit: 0 ended by a signal, 1 an interface can't be used, 2 usage.\n", out);
}

__attribute__((noreturn, format(printf, 1, 2))) static void usage(const char *format, ...)
{
	va_list args;

	fputs("sluiceimpair: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputs("\nsluiceimpair: --help tells more\n", stderr);
	exit(2);
}

struct unit {
	const char *name;
	double factor;
};

/* Reads a number that is not negative, and its unit. False: it is none, or too large for us. */
static bool read_unit(const char *text, const struct unit *units, double max, uint64_t *result)
{
	char *end;
	double number;

	if ((text[0] < '0' || text[0] > '9') && text[0] != '.')
		return false;
	number = strtod(text, &end);
	for (; units->name != NULL; units++) {
		if (strcmp(end, units->name) == 0) {
			number *= units->factor;
			if (end == text || !(number <= max))
				return false;
			*result = (uint64_t)llround(number);
			return true;
		}
	}
	return false;
}

static bool read_count(const char *text, const struct option_row *row, uint64_t *result)
{
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	*result = strtoull(text, &end, 10);
	return *end == '\0' && errno == 0 && *result >= row->min && *result <= row->max;
}

static void read_addr(const struct option_row *row, const char *text, struct impair_options *o)
{
	const bool v4 = row->kind == ADDR4;
	struct sl_addr *addr = v4 ? &o->common.router4 : &o->common.router6;

	if (sl_addr_parse(addr, text) != 0 || sl_addr_is_v4(addr) != v4)
		usage("--%s \"%s\": expected an %s address", row->name, text, v4 ? "IPv4" : "IPv6");
	if (sl_addr_is_martian(addr))
		usage("--%s \"%s\": no host may speak as that address", row->name, text);
	*(v4 ? &o->common.router4_set : &o->common.router6_set) = true;
}

/* Reads one value; `name` is the option as it was written. */
static uint64_t read_value(const struct option_row *row, const char *name, const char *text)
{
	static const struct unit shares[] = {
		{"%", 4294967296.0 / 100}, {"", 4294967296.0}, {NULL, 0}};
	static const struct unit times[] = {{"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {NULL, 0}};
	static const struct unit rates[] = {
		{"kbit", 1e3}, {"mbit", 1e6}, {"gbit", 1e9}, {"bit", 1}, {NULL, 0}};
	uint64_t value = 0;

	switch (row->kind) {
	case SHARE:
		if (!read_unit(text, shares, 4294967296.0, &value))
			usage("--%s \"%s\": expected a share, such as 2%% or 0.02, at most 100%%",
			      name, text);
		break;
	case TIME:
		if (!read_unit(text, times, 60e9, &value))
			usage("--%s \"%s\": expected a time with its unit, such as 500us, 20ms or "
			      "1s, "
			      "at most 60s",
			      name, text);
		break;
	case RATE:
		if (!read_unit(text, rates, 1e12, &value) || value < 1000)
			usage("--%s \"%s\": expected a rate with its unit, such as 64kbit, 100mbit "
			      "or "
			      "1gbit, 1kbit to 1000gbit",
			      name, text);
		break;
	case COUNT:
		if (!read_count(text, row, &value))
			usage("--%s \"%s\": expected a number, %llu to %llu", name, text,
			      (unsigned long long)row->min, (unsigned long long)row->max);
		break;
	case FLAG:
	case ADDR4:
	case ADDR6:
	case HELP:
	case VERSION:
		value = 1;
		break;
	}
	return value;
}

/* Carries out one option. `way`: the direction that it is for, or BOTH. */
static void apply(struct impair_options *o, const struct option_row *row, unsigned way,
		  const char *name, const char *text)
{
	const uint64_t value = read_value(row, name, text);

	if (row->kind == HELP) {
		help(stdout);
		exit(0);
	}
	if (row->kind == VERSION) {
		puts("sluiceimpair " SL_VERSION);
		exit(0);
	}
	if (row->kind == ADDR4 || row->kind == ADDR6) {
		read_addr(row, text, o);
		return;
	}
	if (!row->each_way) {
		memcpy((char *)o + row->offset, &value, sizeof(value));
		return;
	}
	for (unsigned i = 0; i < 2; i++) {
		if (way == BOTH || way == i)
			memcpy((char *)&o->settings[i] + row->offset, &value, sizeof(value));
	}
}

static void read_names(struct impair_options *o, int argc, char **argv)
{
	if (argc != 2)
		usage("expected two interfaces, got %d", argc);
	if (strcmp(argv[0], argv[1]) == 0)
		usage("expected two interfaces, got \"%s\" twice", argv[0]);
	o->names[0] = argv[0];
	o->names[1] = argv[1];
}

void impair_options_read(struct impair_options *o, int argc, char **argv)
{
	static const char *const prefixes[] = {"ab-", "ba-", ""};
	static char names[3 * N_ROWS][24];
	struct option longs[3 * N_ROWS + 1] = {0};
	int n = 0, index;

	/* `val` says which row, and for which way. */
	for (int i = 0; i < N_ROWS; i++) {
		for (int way = rows[i].each_way ? 0 : BOTH; way <= BOTH; way++) {
			snprintf(names[n], sizeof(names[n]), "%s%s", prefixes[way], rows[i].name);
			longs[n] = (struct option){
				names[n],
				rows[i].value != NULL ? required_argument : no_argument,
				NULL,
				256 + 3 * i + way,
			};
			n++;
		}
	}
	*o = (struct impair_options){0};
	for (unsigned way = 0; way < 2; way++) {
		o->settings[way].reorder_span = DEFAULT_SPAN;
		o->settings[way].queue = DEFAULT_QUEUE;
	}
	/* Of 32 bits, so that whatever reads JSON reads it rightly. */
	if (getrandom(&o->common.seed, sizeof(uint32_t), 0) < 0)
		o->common.seed = 1;
	for (;;) {
		const int c = getopt_long(argc, argv, "h", longs, &index);

		if (c == -1)
			break;
		if (c == 'h') {
			help(stdout);
			exit(0);
		}
		if (c < 256) /* getopt has said what is wrong */
			usage("that option is not understood");
		apply(o, &rows[(c - 256) / 3], (unsigned)(c - 256) % 3, longs[index].name, optarg);
	}
	read_names(o, argc - optind, argv + optind);
}
