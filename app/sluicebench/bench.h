/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sluicebench: the daemon's own worker on a core, between two ports made of rings, and whoever
 * would stand at their other ends.
 *
 *   lane     one core: ports, packets, the worker, and the loop that is timed
 *   talk     the packets of clients and servers, and how far each connection has come
 *   cases    what is measured, a file each: flood, relay, serve, timers, memory, latency
 *   report   the table, the JSON
 *
 * Packets are made outside the timed loop, and their makers touch no connection. Inside it, buffers
 * are allocated in bulk for what was received and freed in bulk after what was sent, as a driver
 * does it. The floor is the same loop around a body that swaps MAC addresses.
 */
#ifndef BENCH_H
#define BENCH_H

#include <rte_mbuf.h>
#include <rte_ring.h>

#include "sl_worker.h"

enum {
	HUGEPAGES = 1152, /* of 2 MiB, for each worker */
	FEED = 4096,      /* packets that wait at once, at most */
	POOL = 16384,     /* buffers of a lane */
	POOL_CACHE = 512,
	PASSES_MIN = 9,
	PASSES_USUAL = 31, /* some seconds a row: what other machines on the host do evens out */
	PASSES_MAX = 99,
	LANES_MAX = 64,
	SERVICE = 1,    /* the number of the one service */
	BLOCKS = 16384, /* of streams, where the box is the server */
	FRAME_MIN = 60, /* the wire's 64 bytes but for the FCS */
};

/* What a row of the table is about. */
struct params {
	uint32_t connections; /* 0: none stands */
	bool ipv6;
	uint16_t bytes; /* of a frame with its FCS, or, from 1000 on, of its payload */
	bool responds;  /* the box is the server, and which: */
	enum sl_respond_server server;
	bool whole;  /* connections from their SYN to their end */
	bool passes; /* the service is left to its ends, which are followed */
};

struct talk;
struct timers;

struct lane {
	unsigned number;
	struct rte_mempool *pool;
	struct rte_ring *in[SL_N_SIDES], *out[SL_N_SIDES];
	uint16_t ethdev[SL_N_SIDES];
	struct rte_mbuf *empty[2 * FEED]; /* buffers that wait for packets */
	unsigned n_empty;
	struct rte_mbuf *kept[2 * FEED]; /* what was sent, for whoever asked to see it */
	unsigned n_kept;
	unsigned n_fed; /* packets in `in` */
	bool waits;     /* what is fed stays in `waiting` */
	bool unlooked;  /* no NIC has looked at the checksums of what is fed */
	unsigned n_waiting;
	struct rte_mbuf *waiting[FEED];
	uint8_t waiting_side[FEED];
	struct sl_plan *plan;
	struct sl_worker *worker;
	uint64_t now_us; /* the worker's time: it passes as the case wants */
	uint64_t random;
	struct params params;
	struct talk *talk; /* the connections of the case */
	struct timers *timers;
	uint64_t visits; /* the case's own: how many it has made */
	char error[256];
};

/* What a case tells of a pass. */
struct pass {
	uint64_t cycles;
	uint64_t units; /* packets, or whole connections */
};

struct bench_case {
	const char *name;
	const char *help;
	/* Sets up what is measured. Returns false with a sentence in lane->error. */
	bool (*open)(struct lane *lane);
	struct pass (*pass)(struct lane *lane);
	/* How many units the worker's books say were done: what was asked for must have happened.
	 */
	uint64_t (*done)(const struct lane *lane);
	void (*close)(struct lane *lane);
};

/* lane.c */
bool lane_open(struct lane *lane, unsigned number);
/* The worker of a lane, with a table for so many connections, and a service as params says. */
bool lane_worker_open(struct lane *lane, uint32_t connections);
void lane_worker_close(struct lane *lane);
/* A buffer that comes in by `side` with `len` bytes, for the caller to write. */
uint8_t *lane_feed(struct lane *lane, enum sl_side side, uint16_t len);
/* Takes everything fed through the worker; returns the cycles. Time stands still. */
uint64_t lane_run(struct lane *lane);
/* The same, and keeps what is sent in lane->kept; lane_free_kept gives it back, timed as well. */
uint64_t lane_run_keeping(struct lane *lane);
uint64_t lane_free_kept(struct lane *lane);
/* The same until nothing more is sent: the box may have more to say than goes in a turn. */
uint64_t lane_run_out(struct lane *lane);
/* Takes what waits through the worker, packet k not before k * gap cycles; writes to `cycles` how
 * long each took from then. For packets that leave by the other side in the turn that receives
 * them. */
void lane_run_spaced(struct lane *lane, uint64_t gap, uint32_t *cycles);
/* Lets the worker's time pass, without packets, until `done` says so; returns the cycles. */
uint64_t lane_pass_time(struct lane *lane, uint64_t step_us, bool (*done)(const struct lane *));
/* A pass of the floor: as many packets as a feed has, of `len` bytes. */
struct pass lane_floor(struct lane *lane, uint16_t len);
uint64_t lane_event(const struct lane *lane, enum sl_event event);
uint64_t lane_term(const struct lane *lane, enum sl_term term);
uint64_t lane_drops(const struct lane *lane, enum sl_drop reason);
uint32_t lane_random(struct lane *lane);

/* talk.c: connections as their ends see them. */
enum { SERVER_PORT = 80, TALK_WSCALE = 7 };

bool talk_open(struct lane *lane, uint32_t n, bool timestamps);
/* The same, and a worker with room for their connections; or neither, and lane->error. */
bool talk_open_box(struct lane *lane, uint32_t n, bool timestamps);
void talk_close(struct lane *lane);
/* Segments of connection `i`; the feed has room for them. */
void talk_syn(struct lane *lane, uint32_t i);
void talk_ack(struct lane *lane, uint32_t i);
void talk_syn_ack(struct lane *lane, uint32_t i);
/* A segment of payload, FIN or bare ACK from a side, after so many bytes each way. */
void talk_segment(struct lane *lane, uint32_t i, enum sl_side side, uint8_t flags, uint32_t sent,
		  uint32_t received, uint16_t payload);
/* Reads the box's SYN-ACKs out of what was kept, and, where it is the server, all else. */
void talk_hear(struct lane *lane);

/* What a client of the box has said and heard: bytes, and how far either was acknowledged. */
struct talk_client {
	uint32_t sent, sent_acked, heard, heard_acked;
};
struct talk_client *talk_client(const struct lane *lane, uint32_t i);
/* The window that all ends announce from now on. */
void talk_set_window(struct lane *lane, uint32_t bytes);
/* The client of connection `i` says `len` bytes, zeros where `data` is NULL, and acknowledges all
 * up to heard_acked. */
void talk_say(struct lane *lane, uint32_t i, uint8_t flags, const void *data, uint16_t len);
/* What was heard so far: segments with payload; and those that no box should have sent. */
uint64_t talk_heard(const struct lane *lane);
uint64_t talk_faults(const struct lane *lane);
/* Opens the connections first .. first + n - 1, at most TALK_WAVE; returns the cycles. */
enum { TALK_WAVE = 1024 };
uint64_t talk_open_wave(struct lane *lane, uint32_t first, uint32_t n);
/* Opens all of them, with progress. Returns false when not all stand. */
bool talk_open_all(struct lane *lane);
/* A SYN or ACK of a flood: from anywhere, and nobody stands behind it. */
void talk_flood(struct lane *lane, uint8_t flags);

/* A bijection of 0 .. mask that looks random. */
uint32_t talk_shuffled(uint32_t i, uint32_t mask);

/* relay.c: one more segment of a connection that bench_relay has opened. */
void relay_visit(struct lane *lane);

/* cases */
extern const struct bench_case bench_syn, bench_ack, bench_handshake, bench_relay, bench_lifecycle,
	bench_respond, bench_visit, bench_stream_in, bench_stream_out, bench_timers;

/* memory.c, latency.c: rows of their own kind. */
struct memory_figures {
	double bytes; /* a connection, all in */
	double total;
};
bool bench_memory(struct lane *lane, struct memory_figures *figures);

struct latency_figures {
	double p50_ns, p99_ns, p999_ns;
	double mpps; /* offered */
};
enum { LATENCY_LONE, LATENCY_HALF, N_LATENCIES };
bool bench_latency(struct lane *lane, struct latency_figures figures[N_LATENCIES]);

/* report.c */
struct row {
	const char *name;
	struct params params;
	unsigned workers;
	double ns, mpps, floor_ns, ratio, spread;
	double gbps; /* of payload; 0: it is not about that */
};

struct report;
struct report *report_open(bool hugepages, unsigned workers);
void report_row(struct report *r, const struct row *row);
void report_memory(struct report *r, const struct params *params,
		   const struct memory_figures *figures);
void report_latency(struct report *r, const struct params *params, const char *load,
		    const struct latency_figures *figures);
/* Writes the JSON where a file is named. Returns false with a message on stderr. */
bool report_close(struct report *r, const char *json_file);

/* main.c: a line on the terminal that says how far it is; nothing where there is no terminal. */
void progress(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
