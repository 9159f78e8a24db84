/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of the pipeline's fuzzer share. world.c sets the pipeline up and runs it, ends.c
 * plays the clients and servers, checks.c looks at what the pipeline did; the steps of an input are
 * in ../pipeline_fuzz.c.
 */
#ifndef TESTS_FUZZ_PIPELINE_HARNESS_H
#define TESTS_FUZZ_PIPELINE_HARNESS_H

#include "sl_bytes.h"
#include "sl_cksum.h"
#include "sl_pipeline.h"

#include <stdlib.h>

enum {
	N_OTHERS = 8,                           /* clients of servers behind the box */
	N_SERVERS = 5,                          /* enum sl_respond_server */
	N_CLIENTS = N_OTHERS * (1 + N_SERVERS), /* and those of each server in it */
	N_HOMES = 8,                            /* addresses of these: see home() */
	N_CONNECTIONS = 64,
	N_ENDPOINTS = 8,
	N_BLOCKS = 40,
	N_HELD = 16, /* of all workers */
	HEADROOM = SL_HEADROOM,
	FRAME_MAX = 10240, /* more than any frame of the harness */
	N_FRAMES = 512,    /* of memory: more than a run can use, plus what is held */
	N_RELAYED = 5,     /* services that relay */
	N_SERVICES = N_RELAYED + N_HOMES * N_SERVERS,
	N_ACCOUNTS = 1 + N_SERVICES, /* no service, and the table's */
	N_WIRES = 2,
	HOST_PORT = 4, /* that of the link on which the box is a host */
	HOST_MAC = 9,  /* last byte of its MAC */
	WORLD_BYTES = 4,
	START_US = 1000000,
	REMEMBERED = 128, /* bytes of an IP packet that went to an end */
};

/* What the first bytes of an input choose. */
struct world {
	bool nic;            /* it verifies checksums */
	bool secret_shared;  /* other boxes mint cookies that come back here */
	bool track;          /* passed services */
	bool handed;         /* every other frame comes from another worker */
	uint32_t high_water; /* percent */
	unsigned n_workers;
	uint32_t n_held;
	unsigned n_round; /* of these, among which ICMP errors go round */
	uint32_t backlog, adopt_rate;
	uint16_t wire_mtu, host_mtu;
	unsigned room; /* of a frame's memory, without the headroom */
};

/* What the harness knows of a connection: what the ends would. */
struct peer {
	uint32_t seq[SL_N_SIDES]; /* next number of that end, as it counts itself */
	uint32_t ack[SL_N_SIDES]; /* what that end acknowledges */
	uint32_t ts[SL_N_SIDES];  /* last TSval it saw */
	bool timestamps;
	uint8_t last[SL_N_SIDES][REMEMBERED]; /* IP packet that last went to that end */
	unsigned last_len[SL_N_SIDES];
};

struct harness {
	struct sl_pipeline pipeline;
	struct sl_out out;
	struct sl_account accounts[N_ACCOUNTS];
	struct world world;
	struct sl_plan plan[2]; /* the one that holds, and the next */
	unsigned current;
	struct sl_cookie_ring ring;
	void *memory;
	uint64_t now_us;

	uint8_t *frames;
	unsigned stride; /* bytes from one frame's memory to the next's */
	uint16_t free[N_FRAMES];
	unsigned n_free;
	unsigned n_held; /* frames that connections hold */
	unsigned n_spares;
	unsigned n_starved; /* runs for which there are no more spares */
	unsigned n_unsent;
	bool unhanded;  /* the other workers have no room */
	unsigned first; /* the clients that steps are about are this one and the next */
	bool deaf;      /* what the box sends to clients is lost */
	unsigned n_in;  /* frames that have come in */

	struct sl_buf burst[SL_BURST];
	unsigned n_burst;
	struct peer peer[N_CLIENTS];
};

static inline void check(bool holds)
{
	if (!holds)
		abort();
}

/* world.c */

/* Sets up the world that the first WORLD_BYTES bytes of an input choose. */
void start(struct harness *h, const uint8_t *choice);
void finish(struct harness *h);
/* A frame that comes in by a port. One that is longer than the buffers is lost at the NIC. */
void queue(struct harness *h, uint8_t port, const uint8_t *frame, unsigned len);
/* Runs the burst so far. */
void run(struct harness *h);
void tick(struct harness *h, uint64_t us);
/* Another plan: two bits of `a`, `b` and `flags` a service. */
void apply(struct harness *h, uint8_t flags, uint8_t a, uint8_t b);
/* Where a frame's memory begins and ends, by its handle. */
uint8_t *frame_memory(const struct harness *h, const void *handle);
/* Whether client `i` has to do with a server of the box's own. */
bool is_ours(unsigned i);
/* The address of servers of the box's own: by the bits of its number without cookies, IPv6, on the
 * link on which the box is a host. */
void home(unsigned number, struct sl_addr *addr);
/* The MTU of the link of a port. */
uint16_t mtu_of(const struct harness *h, uint8_t port);

/* ends.c */

/* A segment of client `i`, or of its server when `side` is the inside. */
void send_syn(struct harness *h, unsigned i, enum sl_side side, uint8_t flags, uint8_t a, uint8_t b,
	      bool with_ack);
void send_in_order(struct harness *h, unsigned i, enum sl_side side, uint8_t flags,
		   unsigned payload, unsigned text, uint32_t seq_off, uint32_t ack_off);
void send_data(struct harness *h, unsigned i, enum sl_side side, uint8_t flags, uint8_t a,
	       uint8_t b);
/* An ICMP error from `side` about the last segment that went there. */
void send_icmp(struct harness *h, unsigned i, enum sl_side side, uint8_t flags, uint8_t a,
	       uint8_t b);
/* A segment between stranger `number` and the server of client `i`: see enum stranger. */
void send_stranger(struct harness *h, unsigned i, uint8_t kind, unsigned number);
/* An end takes in what the box sent by `port`. */
void receive(struct harness *h, const struct sl_buf *buf, const struct sl_seg *seg);

/* checks.c */

void check_sent(struct harness *h, struct sl_buf *buf);
void check_books(const struct harness *h);
void check_table(const struct harness *h);

#endif
