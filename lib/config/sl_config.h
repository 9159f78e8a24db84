/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The configuration: a libconfig file in, one validated struct out, or one sentence that says what
 * is wrong and where. A file is refused whole: after an error nothing of it is left in the struct.
 * Every setting stands once in a table (schema.c), from which come its type, its range, its
 * default, what an error message says of it, and sl_config_describe().
 *
 * A file may `@include "other.cfg"` (alone on its line); the path counts from the folder of the
 * file that was loaded, also in a file that was itself included.
 *
 * Threads: no state of its own; two threads may load at once. A loaded struct is read-only.
 * Neighbours: sluiced loads it and hands its parts down; sl_driver_profile.h reads what the NICs
 * of each driver need. Nothing below floor 4 includes this.
 */
#ifndef SL_CONFIG_H
#define SL_CONFIG_H

#include <stdio.h>

#include "sl_link.h"
#include "sl_service.h"

SL_BEGIN_DECLS

#define SL_CONFIG_MAX_LINKS    SL_LINKS_MAX
#define SL_CONFIG_MAX_SERVICES (SL_SERVICES_MAX - 1)
#define SL_CONFIG_MAX_CORES    64
#define SL_CONFIG_MAX_EAL_ARGS 64
/** Bytes of a name, of a device and of a path, each with its final zero. */
#define SL_CONFIG_NAME         32
#define SL_CONFIG_DEVICE       64
#define SL_CONFIG_PATH         256
/** Bytes of a Unix socket's path: what sockaddr_un holds. */
#define SL_CONFIG_SOCKET       108
/** Bytes of the secret from which the cookies' keys are made. */
#define SL_CONFIG_SECRET       16

/** What is wrong, and where. */
struct sl_config_error {
	char file[SL_CONFIG_PATH];
	unsigned line;   /**< counted from 1; 0 when it is about the whole file */
	char text[1024]; /**< what was found, what was expected, what to do */
};

/** Where a setting stands. `file` belongs to the struct sl_config. */
struct sl_config_where {
	const char *file;
	unsigned line;
};

struct sl_config_workers {
	uint32_t cores[SL_CONFIG_MAX_CORES]; /**< one worker each; all different */
	unsigned n_cores;
	struct sl_config_where cores_where;
	uint32_t connections;   /**< of one worker's table */
	uint32_t high_water;    /**< of the table, percent */
	uint32_t idle_sleep_us; /**< 0: poll without a pause */
	uint32_t buffers;       /**< mbufs of one pool */
	uint32_t endpoints; /**< of a worker; 0: as many as connections, if a service needs any */
	uint32_t stream_buffers; /**< blocks of bytes for these, of a worker */
};

/** Two ports, a bump in the wire; or one, with addresses of the box's own (design section 3). */
enum sl_config_link_type { SL_CONFIG_LINK_WIRE, SL_CONFIG_LINK_HOST };

/** What becomes of a link's traffic that is of no service. */
enum sl_config_default { SL_CONFIG_DEFAULT_PASS, SL_CONFIG_DEFAULT_DROP };

struct sl_config_link {
	char name[SL_CONFIG_NAME];
	enum sl_config_link_type type;
	char outside[SL_CONFIG_DEVICE]; /**< DPDK device: a vdev's name or a PCI address */
	char inside[SL_CONFIG_DEVICE];
	char port[SL_CONFIG_DEVICE]; /**< of a host link, which has none of the other two */
	char addresses[SL_LINK_ADDRS][SL_ADDR_TEXT];
	unsigned n_addresses;
	enum sl_config_default default_action;
	bool link_follow;
	bool take_default_route;
	uint32_t mtu;                                              /**< bytes of an IP packet */
	struct sl_config_where where, outside_where, inside_where; /**< the first two also of a host
								      link's port */
};

/** Ports of a link. */
static inline unsigned sl_config_link_ports(const struct sl_config_link *link)
{
	return link->type == SL_CONFIG_LINK_HOST ? 1 : SL_N_SIDES;
}

/** Addresses of one service. `len` counts bits of the 16 bytes: an IPv4 /24 is 96 + 24. */
struct sl_config_prefix {
	struct sl_addr addr;
	unsigned len;
};

struct sl_config_ports {
	uint16_t first, last; /**< both belong to it; machine's byte order */
};

struct sl_config_service {
	char name[SL_CONFIG_NAME];
	struct sl_config_prefix address;
	struct sl_config_ports port;
	enum sl_service_mode mode;
	enum sl_cookies_policy cookies;
	uint32_t wscale; /**< shift of the windows that a SYN-ACK of ours announces */
	struct sl_limits limits;
	enum sl_timestamps_policy timestamps;
	uint32_t mss_max; /**< bytes; 0: none */
	enum sl_strays strays;
	uint32_t adopt_for_ms;
	uint32_t adopt_rate; /**< segments a second */
	enum sl_one_way_policy one_way;
	enum sl_respond_server server;
	uint32_t receive_buffer, send_buffer; /**< bytes */
	uint32_t backlog;
	bool track;
	struct sl_config_where where;
};

/** Where to listen with TCP. */
struct sl_config_endpoint {
	struct sl_addr addr;
	uint16_t port; /**< machine's byte order; 0: do not listen */
};

struct sl_config {
	char eal[SL_CONFIG_MAX_EAL_ARGS][SL_CONFIG_PATH];
	unsigned n_eal;
	struct sl_config_where eal_where[SL_CONFIG_MAX_EAL_ARGS];
	struct sl_config_workers workers;
	struct sl_config_link links[SL_CONFIG_MAX_LINKS];
	unsigned n_links; /**< at least one */
	struct sl_config_service services[SL_CONFIG_MAX_SERVICES];
	unsigned n_services;     /**< may be none: a box that only forwards */
	struct sl_limits limits; /**< of services that set none of their own */
	struct {
		char secret_file[SL_CONFIG_PATH]; /**< "": a random secret at each start */
	} cookies;
	struct {
		char socket[SL_CONFIG_SOCKET];
		struct sl_config_where socket_where;
		char group[SL_CONFIG_NAME]; /**< whose members may use it; "": the daemon's */
		bool has_group;
		uint32_t gid;                   /**< of group, if has_group */
		char state_dir[SL_CONFIG_PATH]; /**< "": nothing is kept */
		struct sl_config_where state_dir_where;
		struct sl_config_endpoint http;
	} control;
	char drivers[SL_CONFIG_PATH]; /**< folder of driver profiles */
	struct sl_config_where drivers_where;
	char **files; /**< names that sl_config_where points to */
	unsigned n_files;
};

/** Endpoints of one worker: as configured, or as many as the services need. */
uint32_t sl_config_endpoints(const struct sl_config *config);

/**
 * Loads the file `path` into `config`.
 * Returns 0; on error -EINVAL (what it says is wrong) or another -errno (it can't be read), with
 * `error` filled in and `config` empty. After success, sl_config_fini() gives back what it holds.
 */
int sl_config_load(const char *path, struct sl_config *config, struct sl_config_error *error);

/**
 * Loads a configuration from the string `text`, which errors call `name`. As sl_config_load, but
 * `@include` is refused: a string has no folder.
 */
int sl_config_load_string(const char *text, const char *name, struct sl_config *config,
			  struct sl_config_error *error);

/** Gives back what a loaded `config` holds and empties it. May be called on a zeroed struct. */
void sl_config_fini(struct sl_config *config);

/**
 * Writes `error` as "file:line: text" into `text` of `size` bytes, cut to fit. Returns `text`.
 */
char *sl_config_error_format(const struct sl_config_error *error, char *text, size_t size);

/** Bytes of a value as text, cut to fit. */
#define SL_CONFIG_VALUE 512

/** A setting that differs. */
struct sl_config_change {
	char path[SL_CONFIG_VALUE]; /**< "services.web.limits.idle" */
	char before[SL_CONFIG_VALUE], after[SL_CONFIG_VALUE];
	bool fixed; /**< it can't change while the daemon runs */
};

typedef void sl_config_change_fn(void *arg, const struct sl_config_change *change);

/**
 * Calls `fn` for every setting that differs, in the order of the table. Services and links are
 * compared by name; one that is new or gone is one change.
 */
void sl_config_diff(const struct sl_config *before, const struct sl_config *after,
		    sl_config_change_fn *fn, void *arg);

/** Prints every setting to `out`: path, type, range, unit, default, help. */
void sl_config_describe(FILE *out);

/**
 * Reads the secret from the file `path`: 32 hexadecimal digits, and a newline or none. It has to
 * be a regular file of root's or of the process's user that only its owner may read (mode 0600 or
 * stricter).
 * Returns 0 and fills `secret`, or -EINVAL or another -errno with `error` filled in.
 */
int sl_config_read_secret(const char *path, uint8_t secret[SL_CONFIG_SECRET],
			  struct sl_config_error *error);

/**
 * Refuses a configuration that names what this machine does not have: a core, an interface, a
 * device of a port, a folder.
 * @sysfs_root  "/sys"
 * Returns 0, or -EINVAL with `error` filled in.
 */
int sl_config_check_machine(const struct sl_config *config, const char *sysfs_root,
			    struct sl_config_error *error);

/**
 * Refuses a configuration that would take an interface under a default route of this host, unless
 * its link says `take_default_route = true`: who types that by mistake loses the machine.
 * Looked at are vdevs of `eal` with an iface (or remote) of theirs, and PCI devices that have a
 * network interface now; and, for a route over a bond, bridge or VLAN, the interfaces below it.
 * @proc_net_route       "/proc/net/route"; one that is not there has no routes
 * @proc_net_ipv6_route  "/proc/net/ipv6_route"; likewise
 * @sysfs_root           "/sys"
 * Returns 0, -EINVAL for an interface that must not be taken, or another -errno when the routes
 * can't be read; `error` is filled in for both.
 */
int sl_config_check_routes(const struct sl_config *config, const char *proc_net_route,
			   const char *proc_net_ipv6_route, const char *sysfs_root,
			   struct sl_config_error *error);

SL_END_DECLS

#endif
