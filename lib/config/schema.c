/* SPDX-License-Identifier: BSD-3-Clause */
#include "schema.h"

#include <string.h>

#include "config/build_paths.h"
#include "sl_driver_profile.h"

#define WEEK_S     604800
#define SHORTEST_S 0.01

static const char *const link_types[] = {"wire", "host", NULL};
static const char *const link_defaults[] = {"pass", "drop", NULL};
#define X(id, name) name,
static const char *const modes[] = {SL_SERVICE_MODES(X) NULL};
static const char *const cookies[] = {SL_COOKIES_POLICIES(X) NULL};
static const char *const timestamps[] = {SL_TIMESTAMPS_POLICIES(X) NULL};
static const char *const strays[] = {SL_STRAYS(X) NULL};
static const char *const one_way[] = {SL_ONE_WAY_POLICIES(X) NULL};
static const char *const servers[] = {SL_SERVERS(X) NULL};
#undef X
static const char *const rss_modes[] = {"none", "symmetric_key", "symmetric_toeplitz", NULL};
static const char *const rss_types[] = {"ipv4", "tcp4", "ipv6", "tcp6", NULL};
static const char *const rss_keys[] = {"random", "device", NULL};
static void prepare_link(struct load *load, void *item, unsigned i, const config_setting_t *at)
{
	struct sl_config_link *link = item;

	snprintf(link->name, sizeof(link->name), "link%u", i);
	link->where = source_where(load, at);
}

static void prepare_service(struct load *load, void *item, unsigned i, const config_setting_t *at)
{
	struct sl_config_service *service = item;

	(void)i;
	service->limits = load->config->limits;
	service->where = source_where(load, at);
}

#define AT(type, field)   .offset = offsetof(struct type, field)
#define TEXT(type, field) AT(type, field), .size = sizeof(((struct type *)0)->field)
#define ROW_OF(type, field)                                                   \
	AT(type, field), .size = sizeof(((struct type *)0)->field[0]),        \
			 .capacity = SL_ARRAY_LEN(((struct type *)0)->field), \
			 .count_offset = offsetof(struct type, n_##field)
/* A field of one of the structs without a name of their own. */
#define WITHIN(type, member, field)                                                    \
	.offset = offsetof(struct type, member.field) - offsetof(struct type, member), \
	.size = sizeof(((struct type *)0)->member.field)
#define LIMIT(name, default_s, text)                                                               \
	{                                                                                          \
		.section = "limits", .key = #name, .type = SETTING_SECONDS,                        \
		AT(sl_limits, name##_ms), .min = SHORTEST_S, .max = WEEK_S, .fallback = default_s, \
		.unit = "seconds", .help = text                                                    \
	}

/* `limits` stands before `services`, which inherit from it. */
/* clang-format off */
const struct setting settings[] = {
	{.section = "", .key = "eal", .type = SETTING_STRINGS, .fixed = true, ROW_OF(sl_config, eal),
	 .fallback_note = "none", .help = "arguments for DPDK's EAL, one string each"},
	{.section = "", .key = "workers", .type = SETTING_GROUP, AT(sl_config, workers),
	 .section_below = "workers", .help = "the workers that move the packets"},
	{.section = "", .key = "links", .type = SETTING_GROUPS, .fixed = true, .required = true,
	 ROW_OF(sl_config, links), .section_below = "links", .noun = "link",
	 .prepare = prepare_link, .help = "ports, and what the box is on them; at least one"},
	{.section = "", .key = "limits", .type = SETTING_GROUP, AT(sl_config, limits),
	 .section_below = "limits", .help = "how long a connection may stay in which state"},
	{.section = "", .key = "services", .type = SETTING_GROUPS, ROW_OF(sl_config, services),
	 .section_below = "services", .noun = "service", .prepare = prepare_service,
	 .help = "what is protected or served, and how; none: the box only forwards"},
	{.section = "", .key = "cookies", .type = SETTING_GROUP, AT(sl_config, cookies),
	 .section_below = "cookies", .help = "SYN cookies"},
	{.section = "", .key = "control", .type = SETTING_GROUP, AT(sl_config, control),
	 .section_below = "control", .help = "where operators reach the daemon"},
	{.section = "", .key = "drivers", .type = SETTING_STRING, .fixed = true, TEXT(sl_config, drivers),
	 .fallback_note = SL_DRIVERS_INSTALLED ", or else the source tree's",
	 .help = "folder of driver profiles"},

	{.section = "workers", .key = "cores", .type = SETTING_INTS, .fixed = true,
	 ROW_OF(sl_config_workers, cores), .min = 0, .max = 1023,
	 .fallback_note = "[ 1 ], or [ 0 ] with a single CPU", .unit = "CPU numbers",
	 .help = "one worker on each; all different. Ports that can't spread hand over"},
	{.section = "workers", .key = "connections", .type = SETTING_INT, .fixed = true,
	 AT(sl_config_workers, connections), .min = 1024, .max = 64 << 20, .fallback = "100000",
	 .unit = "connections", .help = "size of one worker's connection table"},
	{.section = "workers", .key = "high_water", .type = SETTING_INT, .fixed = true,
	 AT(sl_config_workers, high_water), .min = 10, .max = 100, .fallback = "90",
	 .unit = "percent", .help = "fill of the table, of endpoints or of stream buffers above which "
		 "limits shrink and room is made"},
	{.section = "workers", .key = "idle_sleep_us", .type = SETTING_INT, .fixed = true,
	 AT(sl_config_workers, idle_sleep_us), .min = 0, .max = 10000, .fallback = "100",
	 .unit = "microseconds", .help = "longest pause of a worker with nothing to do; 0: never"},
	{.section = "workers", .key = "buffers", .type = SETTING_INT, .fixed = true,
	 AT(sl_config_workers, buffers), .min = 2048, .max = 4 << 20, .fallback = "16384",
	 .unit = "packet buffers",
	 .help = "of all workers together; a quarter of what the ports' queues leave may hold early "
		 "data"},
	{.section = "workers", .key = "endpoints", .type = SETTING_INT, .fixed = true,
	 AT(sl_config_workers, endpoints), .min = 0, .max = 64 << 20, .fallback = "0",
	 .unit = "connections",
	 .help = "connections of one worker that may end in the box (mode = \"respond\"); 0: as many "
		 "as `connections`, or none where no service responds at the start. 352 bytes each"},
	{.section = "workers", .key = "stream_buffers", .type = SETTING_INT, .fixed = true,
	 AT(sl_config_workers, stream_buffers), .min = 64, .max = 16 << 20, .fallback = "8192",
	 .unit = "buffers of 2 KiB",
	 .help = "of one worker, for what such connections have received and what they send; they "
		 "share them, however large the buffers of their services"},

	{.section = "links", .key = "name", .type = SETTING_STRING, .fixed = true, TEXT(sl_config_link, name),
	 .fallback_note = "link0, link1, ...", .help = "how the link is called; all different"},
	{.section = "links", .key = "type", .type = SETTING_ENUM, .fixed = true, AT(sl_config_link, type),
	 .choices = link_types, .fallback = "wire",
	 .help = "wire: two ports and no address, a bump in the wire; host: one port with addresses "
		 "of its own, for which the box answers ARP, neighbour and echo requests"},
	{.section = "links", .key = "outside", .type = SETTING_STRING, .fixed = true,
	 TEXT(sl_config_link, outside), .fallback_note = "none; a wire needs it",
	 .help = "port towards the clients: name of a vdev in `eal`, or a PCI address"},
	{.section = "links", .key = "inside", .type = SETTING_STRING, .fixed = true,
	 TEXT(sl_config_link, inside), .fallback_note = "none; a wire needs it",
	 .help = "port towards the servers, likewise"},
	{.section = "links", .key = "port", .type = SETTING_STRING, .fixed = true,
	 TEXT(sl_config_link, port), .fallback_note = "none; a host link needs it",
	 .help = "the port of a host link, likewise"},
	{.section = "links", .key = "addresses", .type = SETTING_STRINGS, .fixed = true,
	 AT(sl_config_link, addresses), .size = SL_ADDR_TEXT, .capacity = SL_LINK_ADDRS,
	 .count_offset = offsetof(struct sl_config_link, n_addresses),
	 .fallback_note = "none; a host link needs one",
	 .help = "IPv4 and IPv6 addresses of a host link"},
	{.section = "links", .key = "default", .type = SETTING_ENUM,
	 AT(sl_config_link, default_action), .choices = link_defaults, .fallback = "pass",
	 .help = "what becomes of traffic of no service on a wire"},
	{.section = "links", .key = "link_follow", .type = SETTING_BOOL,
	 AT(sl_config_link, link_follow), .fallback = "false",
	 .help = "when one port of a wire loses its link, take the other down, until it is back"},
	{.section = "links", .key = "mtu", .type = SETTING_INT, .fixed = true, AT(sl_config_link, mtu),
	 .min = 68, .max = 9600, .fallback = "1500", .unit = "bytes",
	 .help = "longest IP packet; the MSS that cookies promise follows from it"},
	{.section = "links", .key = "take_default_route", .type = SETTING_BOOL,
	 AT(sl_config_link, take_default_route), .fallback = "false",
	 .help = "allow taking an interface that this host's default route uses"},

	LIMIT(half_open, "10", "a handshake of ours with the server, or of a client with the box"),
	LIMIT(silent, "60", "an admitted connection in which nobody has sent data yet; one that ends in the "
				"box also when its client takes less than 2 KiB of what it asked for, leaves "
				"a hole in what it sends, or does not finish an HTTP request"),
	LIMIT(idle, "7200", "an established connection without a segment, before it is probed"),
	{.section = "limits", .key = "probes", .type = SETTING_INT, AT(sl_limits, probes),
	 .min = 0, .max = 15, .fallback = "9", .unit = "probes",
	 .help = "unanswered probes of an idle connection before it is reclaimed"},
	LIMIT(probe_interval, "75", "from one probe to the next"),
	LIMIT(fin_wait_2, "60", "FIN-WAIT-2 without a segment"),
	LIMIT(close_wait, "3600", "CLOSE-WAIT without a segment"),
	LIMIT(last_ack, "30", "LAST-ACK and CLOSING without a segment"),
	LIMIT(time_wait, "60", "TIME-WAIT: 2MSL"),

	{.section = "services", .key = "name", .type = SETTING_STRING, .required = true,
	 TEXT(sl_config_service, name),
	 .help = "letters, digits, _ and -; all different, capitals or not"},
	{.section = "services", .key = "address", .type = SETTING_PREFIX, .required = true,
	 AT(sl_config_service, address),
	 .help = "whose connections; of two prefixes, the longer one wins"},
	{.section = "services", .key = "port", .type = SETTING_PORTS, .required = true,
	 AT(sl_config_service, port), .help = "TCP port, or a range of them"},
	{.section = "services", .key = "mode", .type = SETTING_ENUM, .required = true,
	 AT(sl_config_service, mode), .choices = modes,
	 .help = "pass: forward and count; monitor: forward, and count what splice would do; "
		 "splice: SYN proxy; respond: the connection ends in the box, at its `server`"},
	{.section = "services", .key = "cookies", .type = SETTING_ENUM,
	 AT(sl_config_service, cookies), .choices = cookies, .fallback = "always",
	 .help = "always: answer each SYN by cookie; never: let SYNs through and track them, or, of "
		 "mode = \"respond\", answer them by half-open connections. `backlog` bounds both"},
	/* An ACK that brings a cookie back does not say what its SYN-ACK announced. */
	{.section = "services", .key = "wscale", .type = SETTING_INT, .fixed = true,
	 AT(sl_config_service, wscale), .min = 0, .max = 14, .fallback = "7", .unit = "bits",
	 .help = "window scale that our SYN-ACKs announce (RFC 7323)"},
	{.section = "services", .key = "timestamps", .type = SETTING_ENUM,
	 AT(sl_config_service, timestamps), .choices = timestamps, .fallback = "learn",
	 .help = "whether clients are promised timestamps. learn: when this server has granted "
		 "them before (of mode = \"respond\": always); always, never: pinned"},
	{.section = "services", .key = "mss_max", .type = SETTING_INT,
	 AT(sl_config_service, mss_max), .min = 0, .max = 9560, .fallback = "0", .unit = "bytes",
	 .help = "the longest segment that clients and servers are told to send; 0: as the link "
		 "and the server allow. For a path with a smaller MTU whose routers' ICMP is lost"},
	{.section = "services", .key = "strays", .type = SETTING_ENUM,
	 AT(sl_config_service, strays), .choices = strays, .fallback = "adopt",
	 .help = "segments of no connection. adopt: connections that ran before the box did are "
		 "taken in for adopt_for, later strays are reset; reset: by RST at a limited "
		 "rate; drop: dropped"},
	{.section = "services", .key = "adopt_for", .type = SETTING_SECONDS,
	 AT(sl_config_service, adopt_for_ms), .min = 0, .max = 3600, .fallback = "60",
	 .unit = "seconds", .help = "how long after a start or a change strays are adopted"},
	{.section = "services", .key = "adopt_rate", .type = SETTING_INT,
	 AT(sl_config_service, adopt_rate), .min = 0, .max = 100000, .fallback = "1000",
	 .unit = "segments a second",
	 .help = "while strays are adopted: what reaches the servers because of strays from outside, "
		 "all workers together; beyond, such strays are dropped. Segments from inside are "
		 "always adopted"},
	{.section = "services", .key = "one_way", .type = SETTING_ENUM,
	 AT(sl_config_service, one_way), .choices = one_way, .fallback = "report",
	 .help = "when its servers are not heard for 5 s, as when answers go round the box. "
		 "report: an event and a warning; pass: new connections pass unproxied until "
		 "the servers are heard"},
	{.section = "services", .key = "server", .type = SETTING_ENUM,
	 AT(sl_config_service, server), .choices = servers, .fallback = "http",
	 .help = "of mode = \"respond\": what answers. http: one page, which tells what is known of "
		 "the connection; echo, discard, daytime, chargen: RFC 862, 863, 867, 864"},
	{.section = "services", .key = "receive_buffer", .type = SETTING_INT,
	 AT(sl_config_service, receive_buffer), .min = 2048, .max = 8 << 20, .fallback = "262144",
	 .unit = "bytes",
	 .help = "of mode = \"respond\": what a connection may have received and not read; its "
		 "window, which is at most 65535 << wscale"},
	{.section = "services", .key = "send_buffer", .type = SETTING_INT,
	 AT(sl_config_service, send_buffer), .min = 2048, .max = 8 << 20, .fallback = "262144",
	 .unit = "bytes",
	 .help = "of mode = \"respond\": what a connection may have to send, or not acknowledged"},
	{.section = "services", .key = "backlog", .type = SETTING_INT,
	 AT(sl_config_service, backlog), .min = 1, .max = 64 << 20, .fallback = "1024",
	 .unit = "connections",
	 .help = "of cookies = \"never\": half-open connections of the service, on all workers together. "
		 "Beyond, SYNs of mode = \"splice\" pass without an entry, which the server's answer makes; "
		 "those of mode = \"respond\" are dropped"},
	{.section = "services", .key = "track", .type = SETTING_BOOL,
	 AT(sl_config_service, track), .fallback = "true",
	 .help = "of mode = \"pass\" and \"monitor\": follow connections, so that they are known when the "
		 "service is switched to splice. All such take a quarter of the table at most, and "
		 "are the first to give way"},
	{.section = "services", .key = "limits", .type = SETTING_GROUP, .inherits = true,
	 AT(sl_config_service, limits), .section_below = "limits",
	 .help = "limits of this service; what is not set here is as in `limits`"},

	{.section = "cookies", .key = "secret_file", .type = SETTING_STRING, .fixed = true,
	 WITHIN(sl_config, cookies, secret_file), .fallback = "",
	 .help = "file (0600, of root or of the daemon's user) with 32 hexadecimal digits, the same on all boxes that share "
		 "cookies; none: random at each start"},

	{.section = "control", .key = "socket", .type = SETTING_STRING, .fixed = true,
	 WITHIN(sl_config, control, socket), .fallback = "/run/sluice/control.sock",
	 .help = "Unix socket of the RPC"},
	{.section = "control", .key = "group", .type = SETTING_STRING, .fixed = true,
	 WITHIN(sl_config, control, group), .fallback = "",
	 .help = "group whose members may use the socket (its mode is 0660), and its folder if the "
		 "daemon makes that; none: the daemon's own"},
	{.section = "control", .key = "state_dir", .type = SETTING_STRING, .fixed = true,
	 WITHIN(sl_config, control, state_dir), .fallback = "/var/lib/sluice",
	 .help = "folder for what is kept over restarts: what servers grant; none: nothing is"},
	{.section = "control", .key = "http", .type = SETTING_ENDPOINT, .fixed = true,
	 WITHIN(sl_config, control, http), .fallback = "",
	 .help = "where /metrics is served; none: nowhere"},

	{.section = "driver", .key = "drivers", .type = SETTING_STRINGS, .required = true,
	 ROW_OF(sl_driver_profile, drivers), .help = "DPDK driver names that the profile is for"},
	{.section = "driver", .key = "rx_descriptors", .type = SETTING_INT,
	 AT(sl_driver_profile, rx_descriptors), .min = 32, .max = 32768, .fallback = "1024",
	 .unit = "descriptors", .help = "of one receive queue"},
	{.section = "driver", .key = "tx_descriptors", .type = SETTING_INT,
	 AT(sl_driver_profile, tx_descriptors), .min = 32, .max = 32768, .fallback = "1024",
	 .unit = "descriptors", .help = "of one transmit queue"},
	{.section = "driver", .key = "max_queues", .type = SETTING_INT,
	 AT(sl_driver_profile, max_queues), .min = 0, .max = 1024, .fallback = "0",
	 .unit = "queues", .help = "of either direction; 0: as many as the device has"},
	{.section = "driver", .key = "mbuf_data_bytes", .type = SETTING_INT,
	 AT(sl_driver_profile, mbuf_data_bytes), .min = 0, .max = 16384, .fallback = "0",
	 .unit = "bytes", .help = "packet data that one mbuf must hold at least; 0: as the MTU needs"},
	{.section = "driver", .key = "rss", .type = SETTING_GROUP, AT(sl_driver_profile, rss),
	 .section_below = "driver.rss", .help = "how the NIC spreads connections over queues"},
	{.section = "driver", .key = "offloads", .type = SETTING_GROUP,
	 AT(sl_driver_profile, offloads), .section_below = "driver.offloads",
	 .help = "what the NIC does for us"},
	{.section = "driver", .key = "sent_by_kernel", .type = SETTING_BOOL,
	 AT(sl_driver_profile, sent_by_kernel), .fallback = "false",
	 .help = "frames leave by a kernel interface: its MTU and that of its other end limit them, "
		 "its counters say what was sent, and a port that does not send gets a new socket"},
	{.section = "driver.rss", .key = "mode", .type = SETTING_ENUM,
	 WITHIN(sl_driver_profile, rss, mode),
	 .choices = rss_modes, .fallback = "symmetric_key",
	 .help = "how both directions of a connection meet in one queue"},
	{.section = "driver.rss", .key = "types", .type = SETTING_FLAGS,
	 WITHIN(sl_driver_profile, rss, types),
	 .choices = rss_types, .fallback = "ipv4 tcp4 ipv6 tcp6", .help = "what is hashed"},
	{.section = "driver.rss", .key = "key", .type = SETTING_ENUM,
	 WITHIN(sl_driver_profile, rss, key),
	 .choices = rss_keys, .fallback = "random",
	 .help = "random: a new key at each start; device: the device's own"},
	{.section = "driver.offloads", .key = "rx_ip_checksum", .type = SETTING_BOOL,
	 WITHIN(sl_driver_profile, offloads, rx_ip_checksum), .fallback = "true",
	 .help = "verify IPv4 header checksums"},
	{.section = "driver.offloads", .key = "rx_tcp_checksum", .type = SETTING_BOOL,
	 WITHIN(sl_driver_profile, offloads, rx_tcp_checksum), .fallback = "true",
	 .help = "verify TCP checksums"},
};
/* clang-format on */

const unsigned n_settings = SL_ARRAY_LEN(settings);

const struct setting *schema_find(const char *section, const char *key)
{
	for (unsigned i = 0; i < n_settings; i++)
		if (strcmp(settings[i].section, section) == 0 && strcmp(settings[i].key, key) == 0)
			return &settings[i];
	return NULL;
}

/* One row: its path, what it takes, its default, its help. */
static void describe_row(FILE *out, const struct setting *row, const char *path)
{
	char expected[PHRASE];

	fprintf(out, "%s\n    %s\n    %s", path, row->help, phrase_expected(row, expected));
	if (row->required)
		fprintf(out, "; required\n");
	else if (row->fallback_note != NULL)
		fprintf(out, "; default: %s\n", row->fallback_note);
	else if (row->type == SETTING_GROUP || row->type == SETTING_GROUPS)
		fprintf(out, "; may be left out\n");
	else
		fprintf(out, "; default: %s\n",
			row->fallback != NULL && row->fallback[0] ? row->fallback : "\"\", none");
}

static void describe_section(FILE *out, const char *section, const char *path)
{
	for (unsigned i = 0; i < n_settings; i++) {
		const struct setting *row = &settings[i];
		char below[PHRASE];

		if (strcmp(row->section, section) != 0)
			continue;
		snprintf(below, sizeof(below), "%s%s%s", path, path[0] ? "." : "", row->key);
		describe_row(out, row, below);
		/* A service's limits are those of `limits`, told there. */
		if (row->section_below != NULL && !row->inherits)
			describe_section(out, row->section_below, below);
	}
}

void sl_config_describe(FILE *out)
{
	fprintf(out, "The configuration (sluiced -c FILE):\n\n");
	describe_section(out, "", "");
	fprintf(out, "\nA driver profile (files in the folder `drivers`):\n\n");
	describe_section(out, "driver", "");
}
