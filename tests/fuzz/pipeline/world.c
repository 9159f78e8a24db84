/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The world of an input: memory for frames, links, services, the pipeline over them, and what the
 * worker does around its runs. The cookies' secret is fixed.
 */
#include "harness.h"

#if __has_include(<sanitizer/asan_interface.h>)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(addr, size)   ((void)(addr), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(addr, size) ((void)(addr), (void)(size))
#endif

uint8_t *frame_memory(const struct harness *h, const void *handle)
{
	return h->frames + ((uintptr_t)handle - 1) * h->stride;
}

/* Only frames in use may be touched, no byte before or after them: AddressSanitizer looks. */
static struct sl_buf take_frame(struct harness *h)
{
	const unsigned room = h->world.room;
	struct sl_buf buf = {.headroom = HEADROOM, .tailroom = (uint16_t)room};

	check(h->n_free > 0);
	buf.handle = (void *)(uintptr_t)(h->free[--h->n_free] + 1u);
	buf.data = frame_memory(h, buf.handle) + HEADROOM;
	ASAN_UNPOISON_MEMORY_REGION(buf.data - HEADROOM, HEADROOM + room);
	return buf;
}

static void give_frame(struct harness *h, void *handle)
{
	const uintptr_t number = (uintptr_t)handle;

	check(number >= 1 && number <= N_FRAMES && h->n_free < N_FRAMES);
	ASAN_POISON_MEMORY_REGION(frame_memory(h, handle), h->stride);
	h->free[h->n_free++] = (uint16_t)(number - 1);
}

bool is_ours(unsigned i)
{
	return i >= N_OTHERS;
}

void home(unsigned number, struct sl_addr *addr)
{
	const uint8_t last = (uint8_t)(10 + (number & 1) + (number >> 1 & 2));
	const uint8_t v4[4] = {192, 0, 2, last};

	if (number & 2) {
		check(sl_addr_parse(addr, "2001:db8:6::") == 0);
		addr->b[15] = last;
	} else {
		sl_addr_set_v4(addr, v4);
	}
}

uint16_t mtu_of(const struct harness *h, uint8_t port)
{
	return port == HOST_PORT ? h->world.host_mtu : h->world.wire_mtu;
}

/* An MTU: 1500, or any between the least of IPv4 and 9,600. */
static uint16_t mtu(uint8_t choice)
{
	if (choice == 0)
		return 1500;
	return (uint16_t)(choice < 128 ? 68 + 10 * (choice - 1) : 1344 + 65 * (choice - 128));
}

/*
 * Byte 0: the NIC, how short rooms are, workers, whether ICMP errors go round among them, frames
 * from other workers, whether the cookies' secret is shared. Bytes 1 and 2: MTUs of the wires and
 * of the host link. Byte 3: the backlog, by how much the buffers are too small, the ration of
 * adoption, whether passed services are tracked.
 */
static void choose_world(struct world *w, const uint8_t *choice)
{
	static const uint8_t workers[4] = {1, 2, 4, 16}, backlogs[4] = {8, 1, 2, 64};
	static const uint32_t rates[4] = {1000, 0, 3, 100000};
	static const uint8_t shorter[8] = {0, 1, 4, 12, 40, 54, 60, 120};

	w->nic = choice[0] & 1;
	w->high_water = choice[0] & 2 ? 20 : 90;
	w->n_workers = workers[choice[0] >> 2 & 3];
	w->n_held = N_HELD / w->n_workers;
	w->n_round = choice[0] & 16 && w->n_workers > 1 ? w->n_workers : 0;
	w->handed = choice[0] & 32;
	w->secret_shared = choice[0] & 64;
	w->wire_mtu = mtu(choice[1]);
	w->host_mtu = mtu(choice[2]);
	w->backlog = backlogs[choice[3] & 3];
	w->adopt_rate = rates[choice[3] >> 5 & 3];
	w->track = !(choice[3] & 0x80);
	w->room = sl_wire_room((uint16_t)sl_max_u32(w->wire_mtu, w->host_mtu));
	/* Some buffers are just too small. */
	w->room -= sl_min_u32(shorter[choice[3] >> 2 & 7], w->room);
}

static void add_service(const struct world *w, struct sl_service *s, const char *net, unsigned len,
			uint8_t mode, uint8_t cookies)
{
	static const struct sl_limits limits = {10000, 20000, 30000, 5000, 20000,
						40000, 10000, 15000, 2};

	check(sl_addr_parse(&s->net, net) == 0);
	s->prefix_len = (uint8_t)len;
	s->port_lo = 1;
	s->port_hi = 1000;
	s->mode = mode;
	s->cookies = cookies;
	s->wscale = 7;
	s->limits = limits;
	s->adopt_for_ms = 20000;
	s->adopt_rate = w->adopt_rate;
	s->receive_buffer = s->send_buffer = 8192;
	s->backlog = w->backlog;
	s->track = w->track;
}

/* The servers of our own, by address and port. */
static void add_ours(const struct world *w, struct sl_service *s)
{
	for (unsigned i = 0; i < N_HOMES * N_SERVERS; i++, s++) {
		add_service(w, s, "::", 128, SL_MODE_RESPOND,
			    i & 1 ? SL_COOKIES_NEVER : SL_COOKIES_ALWAYS);
		home(i % N_HOMES, &s->net);
		s->server = (uint8_t)(i / N_HOMES);
		s->port_lo = s->port_hi = (uint16_t)(1 + s->server);
	}
}

static void add_host_link(struct sl_link *link, uint16_t mtu)
{
	static const uint8_t mac[6] = {2, 0, 0, 0, 0, HOST_MAC};

	link->port[SL_OUTSIDE] = HOST_PORT;
	link->port[SL_INSIDE] = SL_PORTS_MAX;
	link->mtu = mtu;
	link->host = true;
	memcpy(link->mac, mac, sizeof(mac));
	for (unsigned i = N_HOMES / 2; i < N_HOMES; i++)
		if (!(i & 2) || mtu >= SL_IPV6_MTU_MIN)
			home(i, &link->addrs[link->n_addrs++]);
}

/* Whether the box has the addresses of service `i` on its host link: nothing is behind it. */
static bool is_hosts(unsigned i)
{
	return i >= N_RELAYED && (i - N_RELAYED) % N_HOMES >= N_HOMES / 2;
}

/* A link of less than 1,280 bytes has no IPv6 services. */
static bool is_refused(const struct world *w, const struct sl_service *s, unsigned i)
{
	return !sl_addr_is_v4(&s->net) &&
	       (is_hosts(i) ? w->host_mtu : w->wire_mtu) < SL_IPV6_MTU_MIN;
}

static void make_plan(const struct world *w, struct sl_plan *plan)
{
	struct sl_service services[N_SERVICES];

	memset(services, 0, sizeof(services));
	add_service(w, &services[0], "192.0.2.2", 128, SL_MODE_SPLICE, SL_COOKIES_ALWAYS);
	add_service(w, &services[1], "2001:db8:5::", 48, SL_MODE_SPLICE, SL_COOKIES_ALWAYS);
	add_service(w, &services[2], "192.0.2.4", 127, SL_MODE_SPLICE, SL_COOKIES_NEVER);
	add_service(w, &services[3], "192.0.2.6", 128, SL_MODE_MONITOR, SL_COOKIES_ALWAYS);
	add_service(w, &services[4], "192.0.2.7", 128, SL_MODE_PASS, SL_COOKIES_ALWAYS);
	add_ours(w, &services[N_RELAYED]);
	for (unsigned i = 0; i < N_SERVICES; i++)
		services[i].retired = is_refused(w, &services[i], i);
	sl_service_table_init(&plan->services, services, N_SERVICES);
	for (unsigned i = 0; i < N_WIRES; i++) {
		struct sl_link *link = &plan->links[i];

		link->port[SL_OUTSIDE] = (uint8_t)(2 * i);
		link->port[SL_INSIDE] = (uint8_t)(2 * i + 1);
		link->pass_default = i == 0;
		link->mtu = w->wire_mtu;
	}
	add_host_link(&plan->links[N_WIRES], w->host_mtu);
	plan->n_links = N_WIRES + 1;
	plan->n_workers = w->n_workers;
}

static void make_pipeline(struct harness *h)
{
	static const uint8_t secret[SL_FLOW_SECRET_BYTES] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
	static const uint8_t master[16] = {42};
	const struct sl_pipeline_config config = {
		.plan = &h->plan[0],
		.n_connections = N_CONNECTIONS,
		.n_held = h->world.n_held,
		.n_endpoints = N_ENDPOINTS,
		.n_blocks = N_BLOCKS,
		.high_water = h->world.high_water,
		.table_secret = secret,
		.ring = &h->ring,
		.secret_shared = h->world.secret_shared,
	};
	size_t bytes;

	sl_cookie_ring_init(&h->ring, master, 1700000000 * SL_US_PER_S, h->now_us);
	bytes = sl_pipeline_memory_size(&config);
	check(posix_memalign(&h->memory, SL_CACHE_LINE, bytes) == 0);
	memset(h->memory, 0, bytes);
	h->out.accounts = h->accounts;
	check(sl_pipeline_init(&h->pipeline, &config, h->memory, &h->out, h->now_us) == 0);
	h->pipeline.n_round = h->world.n_round;
}

void start(struct harness *h, const uint8_t *choice)
{
	choose_world(&h->world, choice);
	make_plan(&h->world, &h->plan[0]);
	h->now_us = START_US;
	make_pipeline(h);
	h->stride = (HEADROOM + h->world.room + 15) / 8 * 8; /* 8 bytes at least are nobody's */
	h->frames = malloc((size_t)N_FRAMES * h->stride);
	check(h->frames != NULL);
	ASAN_POISON_MEMORY_REGION(h->frames, (size_t)N_FRAMES * h->stride);
	for (unsigned i = 0; i < N_FRAMES; i++)
		h->free[h->n_free++] = (uint16_t)i;
	h->n_spares = SL_SPARES;
	for (unsigned i = 0; i < N_CLIENTS; i++) {
		h->peer[i].seq[SL_OUTSIDE] = 0xfffffff0u + i * 0x1234567;
		h->peer[i].seq[SL_INSIDE] = 0x7ffffff0u + i * 0x7654321;
	}
}

void finish(struct harness *h)
{
	free(h->frames);
	free(h->memory);
}

/* Before a run: empty lists, and as many spares as wanted; those of the last run stay. */
static void prepare_out(struct harness *h)
{
	struct sl_out *out = &h->out;

	sl_out_empty(out);
	while (out->n_spare < h->n_spares)
		out->spare[out->n_spare++] = take_frame(h);
	while (out->n_spare > h->n_spares)
		give_frame(h, out->spare[--out->n_spare].handle);
}

/* What the worker does after a run: sends and frees. */
static void empty_out(struct harness *h, unsigned came_in)
{
	const unsigned spares_used = h->n_spares - h->out.n_spare;
	const unsigned gone = h->out.n_sent + h->out.n_freed + h->out.n_handed;

	/* What came in, was held before, or was a spare, was sent, freed, handed on, or is held. */
	check(came_in + h->n_held + spares_used >= gone);
	h->n_held = came_in + h->n_held + spares_used - gone;
	for (unsigned i = 0; i < h->out.n_sent; i++) {
		check_sent(h, h->out.sent[i]);
		if (i + h->n_unsent >= h->out.n_sent)
			sl_out_unsent(&h->out, h->out.sent[i]);
		give_frame(h, h->out.sent[i]->handle);
	}
	for (unsigned i = 0; i < h->out.n_freed; i++)
		give_frame(h, h->out.freed[i]);
	for (unsigned i = 0; i < h->out.n_handed; i++)
		give_frame(h, h->out.handed[i].handle);
	if (h->unhanded)
		sl_out_unhanded(&h->out, h->out.n_handed);
	check(h->n_free + h->n_held + h->out.n_spare == N_FRAMES);
	if (h->n_starved > 0)
		h->n_starved--;
	else
		h->n_spares = SL_SPARES;
	h->n_unsent = 0;
	h->unhanded = false;
	check_books(h);
}

void run(struct harness *h)
{
	const unsigned n = h->n_burst;

	prepare_out(h);
	sl_pipeline_run(&h->pipeline, h->burst, n, h->now_us);
	h->n_burst = 0;
	empty_out(h, n);
}

void tick(struct harness *h, uint64_t us)
{
	h->now_us += us;
	prepare_out(h);
	sl_pipeline_tick(&h->pipeline, h->now_us);
	empty_out(h, 0);
}

/* What a NIC that verifies checksums says of them. */
static void verify(struct sl_buf *buf)
{
	struct sl_buf copy = *buf;
	struct sl_seg seg;

	if (sl_wire_parse(buf->data, buf->len, &seg) == SL_PARSED_TCP &&
	    sl_wire_verify_sums(&copy, &seg))
		buf->ip_cksum = buf->tcp_cksum = SL_CKSUM_GOOD;
}

void queue(struct harness *h, uint8_t port, const uint8_t *frame, unsigned len)
{
	struct sl_buf *buf = &h->burst[h->n_burst];

	if (len > h->world.room)
		return;
	*buf = take_frame(h);
	memcpy(buf->data, frame, len);
	buf->len = (uint16_t)len;
	buf->tailroom = (uint16_t)(buf->tailroom - len);
	buf->in_port = port;
	if (h->world.handed && h->n_in++ % 2 == 1) {
		buf->origin = SL_ORIGIN_HANDED;
		buf->hops = (uint8_t)(h->n_in % h->world.n_workers);
	}
	if (h->world.nic)
		verify(buf);
	if (++h->n_burst == SL_BURST)
		run(h);
}

/* Two bits of `a`, `b` and `flags` a service: its mode, its strays, and whether it is retired. */
static void change_service(const struct world *w, struct sl_service *s, unsigned i, uint8_t flags,
			   uint8_t a, uint8_t b)
{
	const unsigned shift = 2 * (i % 4);

	if (!is_hosts(i))
		s->mode = a >> shift & 3;
	s->strays = (uint8_t)((b >> shift & 3) % 3);
	s->retired = ((flags >> i % 8 & 1) && (i < 3 || i % 8 == 3)) || is_refused(w, s, i);
	s->one_way = flags >> 6 & 1;
	s->timestamps = (uint8_t)((a ^ b) % 3);
	s->backlog = b & 0x10 ? 2 : w->backlog;
	s->track = w->track != (flags >> 4 & 1);
	s->mss_max = b & 0x80 ? 500 : 0;
	s->receive_buffer = b & 0x40 ? 2048 : 8192;
	s->send_buffer = b & 0x20 ? 2048 : 8192;
	s->server = (uint8_t)((s->server + (flags >> 5 & 1)) % N_SERVERS);
}

void apply(struct harness *h, uint8_t flags, uint8_t a, uint8_t b)
{
	const struct sl_plan *old = &h->plan[h->current];
	struct sl_plan *next = &h->plan[1 - h->current];
	struct sl_service services[N_SERVICES];

	*next = *old;
	memcpy(services, &old->services.service[1], sizeof(services));
	for (unsigned i = 0; i < N_SERVICES; i++)
		change_service(&h->world, &services[i], i, flags, a, b);
	sl_service_table_init(&next->services, services, N_SERVICES);
	next->draining = flags >> 7;
	sl_pipeline_apply(&h->pipeline, next, h->now_us);
	memset(&h->plan[h->current], 0xa5, sizeof(*next));
	h->current = 1 - h->current;
}
