/* SPDX-License-Identifier: BSD-3-Clause */
/* sluiceimpair: two ports, two lanes between them, and the loop that keeps them going. */
#include "impair.h"

#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>

/* Lane `i` leads from port `i` to the other one. */
struct relay {
	struct impair_port ports[2];
	struct impair_lane lanes[2];
};

static struct relay relay;
static volatile sig_atomic_t must_end, must_print;

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * IMPAIR_NS_PER_S + (uint64_t)ts.tv_nsec;
}

static void on_signal(int signal)
{
	if (signal == SIGUSR1)
		must_print = 1;
	else
		must_end = 1;
}

/* Signals come while the loop waits, and only then: `during_wait` is its mask. */
static void watch_signals(sigset_t *during_wait)
{
	static const int signals[] = {SIGTERM, SIGINT, SIGUSR1};
	struct sigaction action = {.sa_handler = on_signal};
	sigset_t blocked;

	sigemptyset(&blocked);
	for (unsigned i = 0; i < SL_ARRAY_LEN(signals); i++) {
		sigaction(signals[i], &action, NULL);
		sigaddset(&blocked, signals[i]);
	}
	sigprocmask(SIG_BLOCK, &blocked, during_wait);
	for (unsigned i = 0; i < SL_ARRAY_LEN(signals); i++)
		sigdelset(during_wait, signals[i]);
}

/* One burst of one direction. Returns whether there may be more at once. */
static bool lane_turn(struct relay *r, unsigned way, uint64_t now)
{
	struct impair_lane *lane = &r->lanes[way];
	struct impair_port *from = &r->ports[way], *to = &r->ports[!way];
	static struct impair_batch out, back;
	struct impair_received frame;
	struct impair_packet packet;
	uint32_t n = 0;
	bool full;

	impair_lane_release(lane, now, &out);
	while (n < IMPAIR_BURST && impair_lane_has_room(&out, &back) &&
	       impair_port_peek(from, n, &frame)) {
		n++;
		if (frame.cut) {
			lane->stats.received++;
			lane->stats.refused++;
			continue;
		}
		if (frame.checksum_missing) {
			impair_packet_parse(frame.data, frame.len, &packet);
			impair_packet_finish_checksum(frame.data, frame.len, &packet);
		}
		impair_lane_take(lane, frame.data, frame.len, now, &out, &back);
	}
	full = n == IMPAIR_BURST || !impair_lane_has_room(&out, &back);
	impair_lane_sent(lane, &out, impair_port_send(to, &out));
	impair_port_send(from, &back);
	back.n = 0;
	impair_port_give_back(from, n);
	return full;
}

static void print_json(const struct impair_options *o, FILE *out)
{
	static const char *const ways[] = {"ab", "ba"};

	fprintf(out, "{\"seed\": %" PRIu64, o->common.seed);
	for (unsigned way = 0; way < 2; way++) {
		const struct impair_stats *s = &relay.lanes[way].stats;
		const char *between = "";

		fprintf(out, ", \"%s\": {", ways[way]);
#define X(name, help)                                                \
	fprintf(out, "%s\"" #name "\": %" PRIu64, between, s->name); \
	between = ", ";
		IMPAIR_COUNTERS(X)
#undef X
		fputs("}", out);
	}
	fputs("}\n", out);
}

static void print_table(const struct impair_options *o, FILE *out)
{
	const struct impair_stats *ab = &relay.lanes[0].stats, *ba = &relay.lanes[1].stats;

	fprintf(out, "%-16s %6s > %-6s %6s > %-6s\n", "", o->names[0], o->names[1], o->names[1],
		o->names[0]);
#define X(name, help) \
	fprintf(out, "%-16s %15" PRIu64 " %15" PRIu64 "\n", #name, ab->name, ba->name);
	IMPAIR_COUNTERS(X)
#undef X
	fprintf(out, "seed %" PRIu64 "\n", o->common.seed);
}

static void print_stats(const struct impair_options *o, FILE *out)
{
	for (unsigned way = 0; way < 2; way++) {
		impair_port_count(&relay.ports[way]);
		relay.lanes[way].stats.kernel_dropped = relay.ports[way].kernel_dropped;
	}
	(o->json ? print_json : print_table)(o, out);
	fflush(out);
}

/* Waits for frames, signals, or the time at which one is due. Returns 0, or -1: a port is gone. */
static int wait_for_work(struct relay *r, bool busy, uint64_t now, const sigset_t *mask)
{
	struct pollfd fds[2] = {{r->ports[0].fd, POLLIN, 0}, {r->ports[1].fd, POLLIN, 0}};
	const uint64_t due[2] = {impair_lane_next_ns(&r->lanes[0]),
				 impair_lane_next_ns(&r->lanes[1])};
	const uint64_t next = due[0] < due[1] ? due[0] : due[1];
	const uint64_t wait_ns = busy || next <= now ? 0 : next - now;
	const struct timespec timeout = {
		.tv_sec = (time_t)(wait_ns / IMPAIR_NS_PER_S),
		.tv_nsec = (long)(wait_ns % IMPAIR_NS_PER_S),
	};

	if (ppoll(fds, 2, !busy && next == IMPAIR_NEVER ? NULL : &timeout, mask) <= 0)
		return 0;
	for (unsigned i = 0; i < 2; i++) {
		if ((fds[i].revents & POLLERR) && impair_port_recover(&r->ports[i]) != 0)
			return -1;
	}
	return 0;
}

/* Returns the exit code. */
static int run(const struct impair_options *o, const sigset_t *mask)
{
	int rc = 0;

	while (!must_end && rc == 0) {
		const uint64_t now = now_ns();
		bool busy = lane_turn(&relay, 0, now);

		busy |= lane_turn(&relay, 1, now);
		rc = wait_for_work(&relay, busy, now, mask);
		if (must_print) {
			must_print = 0;
			print_stats(o, stderr);
		}
	}
	print_stats(o, stdout);
	return rc == 0 ? 0 : 1;
}

static int open_all(const struct impair_options *o)
{
	uint32_t frame_max = 0;

	relay.ports[0].fd = relay.ports[1].fd = -1;
	for (unsigned i = 0; i < 2; i++) {
		if (impair_port_open(&relay.ports[i], o->names[i]) != 0)
			return -1;
		frame_max = sl_max_u32(frame_max, relay.ports[i].frame_size);
	}
	for (unsigned i = 0; i < 2; i++) {
		if (impair_lane_init(&relay.lanes[i], &o->settings[i], &o->common, i, frame_max) !=
		    0) {
			fprintf(stderr, "sluiceimpair: no memory for the frames under way\n");
			return -1;
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct impair_options options;
	sigset_t mask;
	int rc = 1;

	impair_options_read(&options, argc, argv);
	watch_signals(&mask);
	/* Frames are due to the microsecond, not to the 50 that the kernel would join. */
	prctl(PR_SET_TIMERSLACK, 1000UL);
	if (open_all(&options) == 0) {
		fprintf(stderr, "sluiceimpair: ready\n");
		rc = run(&options, &mask);
	}
	for (unsigned i = 0; i < 2; i++) {
		impair_lane_fini(&relay.lanes[i]);
		impair_port_close(&relay.ports[i]);
	}
	return rc;
}
