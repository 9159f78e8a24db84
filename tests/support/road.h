// SPDX-License-Identifier: BSD-3-Clause
//
// A whole road in a test: one pipeline over plain memory, two ports (0 outside, 1 inside), a clock
// that only the test moves. Every run and every tick is followed by the books: whatever a test
// looks at, the accounts balance, no buffer is lost or doubled, every frame that leaves has right
// checksums, and the states that are counted are those in the table.
//
//	Road road;
//	Talk talk(road);               // a client and a server, by their own numbers
//	talk.open();
//	auto out = road.outside(talk.c(SL_ACK | SL_FIN, 1, 1));
//	EXPECT_EQ(road.states(), "CLOSE-WAIT FIN-WAIT-1");
//
#ifndef TESTS_SUPPORT_ROAD_H
#define TESTS_SUPPORT_ROAD_H

#include "icmp.h"
#include "sl_pipeline.h"
#include "sl_seq.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace sl_test
{

enum : uint16_t { kAlways = 80, kNever = 81, kPass = 82, kMonitor = 83 };

inline sl_limits usual_limits()
{
	sl_limits l = {};
	l.half_open_ms = 10000;
	l.silent_ms = 60000;
	l.idle_ms = 7200000;
	l.probe_interval_ms = 75000;
	l.fin_wait_2_ms = 60000;
	l.close_wait_ms = 3600000;
	l.last_ack_ms = 30000;
	l.time_wait_ms = 60000;
	l.probes = 9;
	return l;
}

inline sl_service service(const std::string &address, uint16_t port, sl_service_mode mode,
			  sl_cookies_policy cookies)
{
	sl_service s = {};
	std::snprintf(s.name, sizeof(s.name), "port-%u", port);
	s.net = addr(address);
	s.prefix_len = 128;
	s.port_lo = s.port_hi = port;
	s.mode = mode;
	s.cookies = cookies;
	s.wscale = 7;
	s.adopt_rate = 1000;
	s.strays = SL_STRAYS_DROP; // tests of strays say what they want
	s.limits = usual_limits();
	s.receive_buffer = s.send_buffer = 262144;
	s.backlog = 1024;
	return s;
}

/// One that ends in the box.
inline sl_service responder(const std::string &address, uint16_t port, sl_respond_server server,
			    sl_cookies_policy cookies = SL_COOKIES_ALWAYS)
{
	sl_service s = service(address, port, SL_MODE_RESPOND, cookies);
	s.server = server;
	return s;
}

/// 192.0.2.2 and 2001:db8::2, each with a service of every kind, by port.
inline std::vector<sl_service> usual_services()
{
	std::vector<sl_service> v;
	for (const char *a : {"192.0.2.2", "2001:db8::2"}) {
		v.push_back(service(a, kAlways, SL_MODE_SPLICE, SL_COOKIES_ALWAYS));
		v.push_back(service(a, kNever, SL_MODE_SPLICE, SL_COOKIES_NEVER));
		v.push_back(service(a, kPass, SL_MODE_PASS, SL_COOKIES_ALWAYS));
		v.push_back(service(a, kMonitor, SL_MODE_MONITOR, SL_COOKIES_ALWAYS));
	}
	return v;
}

struct RoadOptions {
	std::vector<sl_service> services = usual_services();
	uint32_t n_connections = 256;
	uint32_t n_held = 64;
	uint32_t high_water = 100;
	uint32_t n_endpoints = 64;
	uint32_t n_blocks = 1024;
	uint16_t mtu = 1500;
	unsigned n_workers = 1; ///< that share what a service may have
	bool pass_default = true;
	bool secret_shared = false;
	std::vector<std::string> host = {}; ///< addresses: the link is a host's, on port 0
	std::array<uint8_t, 6> mac = {2, 0, 0, 0, 0, 2}; ///< a host link's

	/// The usual, with other limits for all services.
	template <typename F> static RoadOptions with_limits(F change)
	{
		RoadOptions o;
		for (sl_service &s : o.services)
			change(s.limits);
		return o;
	}
};

/// A frame that left.
struct Sent {
	unsigned port = 99;
	sl_fate fate = SL_FATE_NONE;
	Bytes bytes;
	sl_parsed parsed = SL_PARSED_BAD;
	sl_seg seg = {};

	std::string payload() const
	{
		const auto b = bytes.begin() + seg.payload_off;
		return std::string(b, b + seg.payload_len);
	}

	/// TCP's options as they stand there.
	Bytes options() const
	{
		const auto b = bytes.begin();
		return Bytes(b + seg.l4_off + 20, b + seg.payload_off);
	}
};

class Road
{
      public:
	using Out = std::vector<Sent>;
	using In = std::vector<std::pair<sl_side, Bytes>>;

	explicit Road(const RoadOptions &o = RoadOptions())
	    : options(o), accounts(o.services.size() + 1), plan(new sl_plan()), p(new sl_pipeline),
	      out_(new sl_out())
	{
		static const uint8_t master[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
		uint8_t secret[SL_FLOW_SECRET_BYTES];
		sl_pipeline_config config = {};

		for (size_t i = 0; i < sizeof(secret); i++)
			secret[i] = static_cast<uint8_t>(i * 37 + 11);
		sl_service_table_init(&plan->services, o.services.data(),
				      static_cast<unsigned>(o.services.size()));
		sl_link &link = plan->links[0];
		link.port[SL_OUTSIDE] = 0;
		link.port[SL_INSIDE] = 1;
		link.pass_default = o.pass_default;
		link.mtu = o.mtu;
		link.host = !o.host.empty();
		for (const std::string &a : o.host)
			link.addrs[link.n_addrs++] = addr(a);
		if (link.host) {
			link.port[SL_INSIDE] = SL_PORTS_MAX;
			std::copy(o.mac.begin(), o.mac.end(), link.mac);
		}
		plan->n_links = 1;
		plan->n_workers = o.n_workers;
		sl_cookie_ring_init(&ring, master, 1700000000ull * SL_US_PER_S, now_us);
		config.plan = plan.get();
		config.n_connections = o.n_connections;
		config.n_held = o.n_held;
		config.high_water = o.high_water;
		config.n_endpoints = o.n_endpoints;
		config.n_blocks = o.n_blocks;
		config.table_secret = secret;
		config.ring = &ring;
		config.secret_shared = o.secret_shared;
		const size_t size = sl_pipeline_memory_size(&config);
		memory = std::aligned_alloc(SL_CACHE_LINE, (size + 63) / 64 * 64);
		std::memset(memory, 0, size);
		out_->accounts = accounts.data();
		if (sl_pipeline_init(p.get(), &config, memory, out_.get(), now_us) != 0)
			throw std::runtime_error("sl_pipeline_init");
	}

	~Road()
	{
		check_deep();
		std::free(memory);
	}

	Road(const Road &) = delete;
	Road &operator=(const Road &) = delete;

	/// Runs one burst.
	Out run(const In &in)
	{
		std::vector<sl_buf> burst;
		begin();
		for (const auto &i : in) {
			sl_buf b = own(buffer(i.second))->buf;
			b.in_port = plan->links[0].port[i.first];
			b.ip_cksum = b.tcp_cksum = next_cksum;
			if (next_cksum == SL_CKSUM_UNKNOWN && nic && right(i.second))
				b.ip_cksum = b.tcp_cksum = SL_CKSUM_GOOD;
			b.hops = next_hops;
			burst.push_back(b);
		}
		next_cksum = SL_CKSUM_UNKNOWN;
		n_received += in.size();
		sl_pipeline_run(p.get(), burst.data(), static_cast<unsigned>(burst.size()), now_us);
		return end();
	}

	/// Whether a NIC would say that the checksums of a frame are right: it looks no further.
	static bool right(const Bytes &frame)
	{
		sl_seg seg;
		const sl_parsed parsed =
			sl_wire_parse(frame.data(), static_cast<uint16_t>(frame.size()), &seg);
		if ((parsed != SL_PARSED_TCP && parsed != SL_PARSED_BAD_TCP) || seg.l4_off == 0)
			return false;
		const uint8_t *ip = frame.data() + seg.l3_off;
		const size_t end =
			seg.l3_off + (seg.v6 ? 40u + ip[4] * 256u + ip[5] : ip[2] * 256u + ip[3]);
		const uint8_t *addrs = ip + (seg.v6 ? 8 : 12);
		const size_t n = seg.v6 ? 16 : 4;
		return end >= seg.l4_off + 20u && ip_cksum_right(frame, seg) &&
		       tcp_cksum(Bytes(addrs, addrs + n), Bytes(addrs + n, addrs + 2 * n),
				 Bytes(frame.data() + seg.l4_off, frame.data() + end)) == 0;
	}

	Out outside(const Frame &f)
	{
		return run({{SL_OUTSIDE, f.bytes()}});
	}

	Out inside(const Frame &f)
	{
		return run({{SL_INSIDE, f.bytes()}});
	}

	/// A port sends no larger IP packets from now on. One tag comes on top, as with Linux.
	void limit(sl_side side, uint16_t mtu)
	{
		const sl_frame_limit l = {mtu, static_cast<uint16_t>(mtu + 18)};
		sl_pipeline_set_limit(p.get(), plan->links[0].port[side], &l);
	}

	/// Goes over to a plan with these services and options, as a reload does.
	void apply(const std::vector<sl_service> &next, bool draining = false)
	{
		std::unique_ptr<sl_plan> old = std::move(plan);
		plan.reset(new sl_plan(*old));
		sl_service_table_init(&plan->services, next.data(),
				      static_cast<unsigned>(next.size()));
		plan->draining = draining;
		accounts_grow(next.size() + 1);
		sl_pipeline_apply(p.get(), plan.get(), now_us);
		std::memset(static_cast<void *>(old.get()), 0xa5, sizeof(*old));
		check_books();
	}

	/// The link has this MTU from now on.
	void set_mtu(uint16_t mtu)
	{
		while (out_->n_spare > 0)
			disown(out_->spare[--out_->n_spare].handle);
		plan->links[0].mtu = mtu;
		sl_pipeline_apply(p.get(), plan.get(), now_us);
	}

	/// Lets `ms` pass in steps, and runs what is due. Returns what was sent meanwhile.
	Out advance(uint64_t ms, uint64_t step_ms = 10)
	{
		Out all;
		while (ms > 0) {
			const uint64_t step = std::min(ms, step_ms);
			ms -= step;
			const Out some = until(now_us + step * 1000);
			all.insert(all.end(), some.begin(), some.end());
		}
		return all;
	}

	/// One tick, at the time that it is. Returns what was sent.
	Out tick()
	{
		begin();
		sl_pipeline_tick(p.get(), now_us);
		return end();
	}

	/// What a job between two bursts does with the relay. Returns what was sent.
	template <typename F> Out job(F what)
	{
		begin();
		sl_relay_begin(&p->relay, now_us);
		what(&p->relay);
		return end();
	}

	/// It is so late now; likewise.
	Out until(uint64_t us)
	{
		Out all;
		now_us = us;
		do {
			const Out some = tick();
			all.insert(all.end(), some.begin(), some.end());
		} while (!sl_wheel_caught_up(&p->relay.wheel));
		return all;
	}

	uint64_t drops(sl_drop reason) const
	{
		return sum([=](const sl_account &a) { return a.drop[reason]; });
	}

	uint64_t all_drops() const
	{
		return sum([](const sl_account &a) { return sl_account_dropped(&a); });
	}

	uint64_t events(sl_event e) const
	{
		return sum([=](const sl_account &a) { return a.event[e]; });
	}

	uint64_t term(sl_term t) const
	{
		return sum([=](const sl_account &a) { return a.term[t]; });
	}

	uint32_t count() const
	{
		return sl_flow_count(&p->relay.flow);
	}

	/// Sends a segment of a connection, and returns whether it went the short way, in which
	/// nearly all segments go.
	bool goes_fast(const Frame &f, sl_side side)
	{
		sl_flow_query q = {};
		sl_packet t = {};
		sl_seg seg;

		begin();
		sl_buf buf = own(buffer(f.bytes()))->buf;
		EXPECT_EQ(sl_wire_parse(buf.data, buf.len, &seg), SL_PARSED_TCP);
		sl_relay_key(&q.key, &seg, 0, side);
		q.hash = sl_flow_hash(&p->relay.flow, &q.key);
		q.index = sl_flow_lookup(&p->relay.flow, &q.key, q.hash);
		t.buf = &buf;
		t.seg = &seg;
		t.side = static_cast<uint8_t>(side);
		t.proxied = true;
		n_received++;
		sl_relay_begin(&p->relay, now_us);
		const bool fast = sl_relay_quiet_segments(&p->relay, &t, &q, 0, 1) == 1;
		if (!fast)
			sl_relay_segment(&p->relay, q.index, side, &buf, &seg);
		sl_out_settle(&*out_, &buf, 1);
		end();
		return fast;
	}

	/// The one connection there is (or the first).
	sl_conn *conn() const
	{
		for (uint32_t i = 0; i < options.n_connections; i++)
			if (sl_flow_in_use(&p->relay.flow, i))
				return sl_relay_conn(&p->relay, i);
		throw std::runtime_error("no connection");
	}

	sl_conn_info info() const
	{
		sl_conn_info i;
		const auto index = static_cast<uint32_t>(conn() - sl_relay_conn(&p->relay, 0));
		EXPECT_TRUE(sl_relay_info(&p->relay, index, &i));
		return i;
	}

	/// The states of the client's leg and the server's; "" when there is no connection.
	std::string states() const
	{
		if (count() == 0)
			return "";
		const sl_conn_info i = info();
		return std::string(sl_tcp_state_name(i.state[SL_LEG_CLIENT])) + " " +
		       sl_tcp_state_name(i.state[SL_LEG_SERVER]);
	}

	std::string timer() const
	{
		return info().timer;
	}

	/// What the server at the address and port is known to grant.
	void teach(const std::string &address, uint16_t port, uint16_t server_mss, bool timestamps)
	{
		const sl_addr a = addr(address);
		sl_learned *l = sl_learned_put(&p->relay.learned, &a, port);
		l->mss = server_mss;
		l->timestamps = timestamps;
		l->asked_s = l->confirmed_s = static_cast<int32_t>(now_us / SL_US_PER_S);
	}

	/// The accounts balance, and are about what is in the table.
	void check_books() const
	{
		std::map<unsigned, uint64_t> in_state[SL_N_LEGS], in_table[SL_N_LEGS];
		uint64_t held = 0, translated = 0, ours = 0;
		uint32_t in_reserve[SL_N_RESERVES] = {};

		EXPECT_EQ(term(SL_TERM_rx), n_received);
		for (size_t s = 0; s < accounts.size(); s++) {
			EXPECT_EQ(sl_account_balance(&accounts[s]), 0) << "service " << s;
			for (unsigned leg = 0; leg < SL_N_LEGS; leg++)
				for (unsigned st = SL_TCP_LISTEN + 1; st < SL_TCP_N_STATES; st++)
					if (accounts[s].state[leg][st] != 0)
						in_state[leg][st] += accounts[s].state[leg][st];
		}
		for (uint32_t i = 0; i < options.n_connections; i++) {
			if (!sl_flow_in_use(&p->relay.flow, i))
				continue;
			const sl_conn *c = sl_relay_conn(&p->relay, i);
			for (unsigned leg = 0; leg < SL_N_LEGS; leg++)
				in_table[leg][c->state[leg]]++;
			translated += c->flags & SL_CONN_SPLICED && !sl_conn_over(c);
			if (c->flags & SL_CONN_OPENING)
				held += c->opening.n_held;
			ours += c->ours != SL_CONN_NOT_OURS;
			in_reserve[c->reserve]++;
			EXPECT_TRUE(sl_wheel_armed(&c->timer)) << "would stay for ever";
		}
		EXPECT_EQ(translated, p->relay.n_translated);
		EXPECT_EQ(held, term(SL_TERM_held));
		EXPECT_EQ(ours, p->relay.endpoints.n - p->relay.endpoints.n_free);
		for (unsigned leg = 0; leg < SL_N_LEGS; leg++)
			EXPECT_EQ(in_state[leg], in_table[leg]) << "gauges of leg " << leg;
		for (unsigned kind = SL_RESERVE_NONE + 1; kind < SL_N_RESERVES; kind++) {
			const sl_reserve &v = p->relay.reserve[kind];
			EXPECT_EQ(v.n, in_reserve[kind]) << "of reserve " << kind;
			EXPECT_LE(v.n, v.share) << "of reserve " << kind;
			EXPECT_GE(v.used, v.n) << "nobody finds them";
		}
	}

	/// What takes too long to look at after every packet.
	void check_deep() const
	{
		uint64_t refs = 0, free_held = 0;
		for (const sl_l2_entry &e : p->relay.l2.entry)
			refs += e.refs;
		EXPECT_EQ(refs, 2 * count()) << "link-layer headers held without a connection";
		const sl_early &early = p->relay.early;
		for (uint16_t h = early.free; h != SL_HELD_NONE; h = early.place[h].next)
			free_held++;
		EXPECT_EQ(free_held + term(SL_TERM_held), options.n_held);
		check_held(early);
		EXPECT_EQ(sl_wheel_count(&p->relay.wheel), count());
		const sl_endpoints &e = p->relay.endpoints;
		if (e.n_free == e.n) {
			EXPECT_EQ(e.tcp.pool.n_free, e.tcp.pool.n_blocks) << "bytes of nobody";
		}
	}

	const RoadOptions options;
	uint64_t now_us = 5000 * SL_US_PER_S;
	uint32_t n_spares = SL_SPARES; ///< refilled up to here
	bool nic = true; ///< the NIC verifies checksums: most packets fit a shape that is known
	bool check_always = true; ///< the books, after every run; a large table takes its time
	uint8_t next_cksum = SL_CKSUM_UNKNOWN; ///< what it says of the next burst, if not that
	Out handed;                            ///< what the last run has handed round
	uint8_t next_hops = 0;                 ///< what the next burst has behind it
	std::vector<sl_account> accounts;
	std::unique_ptr<sl_plan> plan;
	sl_cookie_ring ring;
	std::unique_ptr<sl_pipeline> p;

      private:
	void accounts_grow(size_t n)
	{
		if (n > accounts.size())
			accounts.resize(n);
		out_->accounts = accounts.data();
	}

	template <typename F> uint64_t sum(F of) const
	{
		uint64_t n = 0;
		for (const sl_account &a : accounts)
			n += of(a);
		return n;
	}

	/// One of the size that the link's MTU needs, to the byte.
	Buffer *buffer(const Bytes &frame) const
	{
		const size_t room = sl_wire_room(plan->links[0].mtu);
		return new Buffer(frame, SL_HEADROOM, std::max(room, frame.size()) - frame.size());
	}

	Buffer *own(Buffer *b)
	{
		owned[b].reset(b);
		return b;
	}

	void begin()
	{
		sl_out_empty(&*out_);
		while (out_->n_spare < n_spares)
			out_->spare[out_->n_spare++] = own(buffer(Bytes()))->buf;
		while (out_->n_spare > n_spares)
			disown(out_->spare[--out_->n_spare].handle);
	}

	void disown(void *handle)
	{
		EXPECT_EQ(owned.erase(static_cast<Buffer *>(handle)), 1u)
			<< "a buffer came out twice, or was none of ours";
	}

	Out end()
	{
		Out sent;
		for (uint32_t i = 0; i < out_->n_sent; i++) {
			sent.push_back(describe(*out_->sent[i]));
			disown(out_->sent[i]->handle);
		}
		for (uint32_t i = 0; i < out_->n_freed; i++)
			disown(out_->freed[i]);
		handed.clear();
		for (uint32_t i = 0; i < out_->n_handed; i++) {
			handed.push_back(describe(out_->handed[i]));
			disown(out_->handed[i].handle);
		}
		EXPECT_EQ(owned.size(), out_->n_spare + term(SL_TERM_held)) << "a buffer is lost";
		if (check_always)
			check_books();
		return sent;
	}

	/// Every held packet stands in both orders, and the sources above their share are noted.
	void check_held(const sl_early &early) const
	{
		uint64_t in_all = 0, of_sources = 0, above = 0;
		for (uint16_t h = early.all.oldest; h != SL_HELD_NONE; h = early.place[h].newer[0])
			in_all++;
		for (const sl_early_list &s : early.source) {
			of_sources += s.n;
			above += s.n > early.share;
		}
		EXPECT_EQ(in_all, term(SL_TERM_held));
		EXPECT_EQ(early.all.n, in_all);
		EXPECT_EQ(of_sources, in_all);
		EXPECT_EQ(above, early.n_above);
	}

	static Sent describe(const sl_buf &b)
	{
		Sent s;
		s.port = b.out_port;
		s.fate = static_cast<sl_fate>(b.fate);
		s.bytes.assign(b.data, b.data + b.len);
		s.parsed = parse_exact(s.bytes, &s.seg);
		if (s.parsed == SL_PARSED_ICMP && s.fate != SL_FATE_PASSED) {
			EXPECT_TRUE(ip_cksum_right(s.bytes, s.seg));
			EXPECT_TRUE(icmp_cksum_right(s.bytes, s.seg));
		} else if (s.fate != SL_FATE_PASSED && s.parsed != SL_PARSED_OTHER) {
			EXPECT_EQ(s.parsed, SL_PARSED_TCP);
			EXPECT_TRUE(ip_cksum_right(s.bytes, s.seg));
			EXPECT_TRUE(tcp_cksum_right(s.bytes, s.seg));
		}
		return s;
	}

	std::unique_ptr<sl_out> out_;
	void *memory = nullptr;
	uint64_t n_received = 0;
	std::map<Buffer *, std::unique_ptr<Buffer>> owned;
};

/// One client and one server who speak through a road. Numbers in the arguments are relative, as
/// in a trace: 0 is the SYN, 1 the first byte.
struct Talk {
	explicit Talk(Road &r) : road(r)
	{
	}

	Talk &ipv6()
	{
		client = "2001:db8:1::7";
		server = "2001:db8::2";
		return *this;
	}

	Frame c(unsigned flags, uint32_t seq, uint32_t ack, const std::string &payload = "") const
	{
		Frame f;
		f.src = client;
		f.dst = server;
		f.sport = cport;
		f.dport = sport;
		f.seq = isn + seq;
		f.ack = flags & SL_ACK ? cookie + ack : 0;
		f.flags = flags;
		f.wnd = cwnd;
		f.payload = payload;
		f.vlan = vlan;
		if (timestamps)
			f.options = nop(2) + ts(ctsval, ctsecr);
		return f;
	}

	Frame s(unsigned flags, uint32_t seq, uint32_t ack, const std::string &payload = "") const
	{
		Frame f;
		f.src = server;
		f.dst = client;
		f.sport = sport;
		f.dport = cport;
		f.seq = iss + seq;
		f.ack = flags & SL_ACK ? isn + ack : 0;
		f.flags = flags;
		f.wnd = swnd;
		f.payload = payload;
		f.vlan = vlan;
		f.smac = {2, 0, 0, 0, 0, 2};
		f.dmac = {2, 0, 0, 0, 0, 1};
		if (timestamps)
			f.options = nop(2) + ts(stsval, stsecr);
		return f;
	}

	/// The options of the client's SYN.
	Bytes offer() const
	{
		Bytes o = mss(cmss);
		if (sack)
			o = o + sackok();
		if (offer_ts)
			o = o + ts(ctsval, 0);
		if (cws >= 0)
			o = o + nop() + ws(static_cast<uint8_t>(cws));
		return o;
	}

	Frame syn() const
	{
		Frame f = c(SL_SYN, 0, 0);
		f.options = offer();
		return f;
	}

	Frame synack() const
	{
		Frame f = s(SL_SYN | SL_ACK, 0, 1);
		f.options = mss(smss);
		if (ssack)
			f.options = f.options + sackok();
		if (timestamps)
			f.options = f.options + ts(stsval, stsecr);
		if (sws >= 0)
			f.options = f.options + nop() + ws(static_cast<uint8_t>(sws));
		return f;
	}

	/// SYN and cookie.
	Sent ask()
	{
		const Road::Out out = road.outside(syn());
		if (out.size() != 1 || out[0].fate != SL_FATE_ANSWERED) {
			ADD_FAILURE() << "the SYN was not answered";
			return Sent();
		}
		cookie = out[0].seg.seq;
		timestamps = out[0].seg.ts_off != 0;
		ctsecr = out[0].seg.tsval;
		return out[0];
	}

	/// Up to our SYN to the server, which is returned.
	Sent prove(const std::string &payload = "")
	{
		ask();
		const Road::Out out = road.outside(c(SL_ACK, 1, 1, payload));
		if (out.size() != 1 || out[0].port != 1 || !(out[0].seg.flags & SL_SYN)) {
			ADD_FAILURE() << "no SYN went to the server";
			return Sent();
		}
		stsecr = out[0].seg.tsval;
		return out[0];
	}

	/// The whole handshake. Returns what the server's SYN-ACK led to.
	Road::Out open()
	{
		prove();
		return road.inside(synack());
	}

	/// The handshake that goes through as it is. From here `cookie` is the server's ISN.
	void track()
	{
		sport = kNever;
		cookie = iss;
		road.outside(syn());
		road.inside(synack());
		road.outside(c(SL_ACK, 1, 1));
	}

	Road &road;
	std::string client = "198.51.100.7", server = "192.0.2.2";
	uint16_t cport = 40000, sport = kAlways;
	uint32_t isn = 1000, iss = 700000, cookie = 0;
	uint16_t cwnd = 65535, swnd = 2920;
	uint16_t cmss = 1460, smss = 1460; ///< announced
	int cws = 2, sws = 4;              ///< window scales offered, -1 for none
	bool sack = true, ssack = true, offer_ts = true;
	bool timestamps = false; ///< in use
	uint32_t ctsval = 0xfffffff0, ctsecr = 0, stsval = 0xffffff00, stsecr = 0;
	std::vector<uint16_t> vlan = {};
};

/// Families and numbers, some of them about to wrap, with a NIC that verifies checksums and
/// without.
struct Numbers {
	bool v6;
	uint32_t isn, iss;
	bool nic;
};

inline const Numbers kNumbers[] = {
	{false, 1000, 700000, true},   {false, 0xfffffffd, 0xfffffffe, true},
	{true, 77, 0xfffffff0, true},  {true, 0xffffffff, 5, true},
	{false, 0xfffffffd, 5, false}, {true, 77, 0xfffffff0, false},
};

/// A test that is run on each of kNumbers.
class OnRoad : public ::testing::TestWithParam<Numbers>
{
      protected:
	explicit OnRoad(const RoadOptions &o = RoadOptions()) : road(o), talk(road)
	{
		if (GetParam().v6)
			talk.ipv6();
		talk.isn = GetParam().isn;
		talk.iss = GetParam().iss;
		road.nic = GetParam().nic;
	}

	static void cite(const std::string &source)
	{
		RecordProperty("source", source);
	}

	Road road;
	Talk talk;
};

/// The only frame of a list, or a failure and an empty one.
inline Sent only(const Road::Out &out)
{
	EXPECT_EQ(out.size(), 1u);
	return out.size() == 1 ? out[0] : Sent();
}

/// The frames of a list that left by a port.
inline Road::Out by_port(const Road::Out &out, unsigned port)
{
	Road::Out v;
	for (const Sent &s : out)
		if (s.port == port)
			v.push_back(s);
	return v;
}

} // namespace sl_test

#endif
