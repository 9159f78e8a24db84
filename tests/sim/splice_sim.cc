// SPDX-License-Identifier: BSD-3-Clause
//
// Simulation of the splice: clients and servers with the TCP stack of lib/stack, and between them
// the whole pipeline, as it is run for one worker; each host's cable is as bad as the seed says.
// All of it in one process and virtual time; a seed gives the same run every time.
//
//	splice_sim [--from SEED] [--seeds N] [--trace]
//
// Of the ends must hold what world.h says; of what they hear of each other, what witness.h says. Of
// the box, after every burst and every tick, what road.h looks at: the books balance, no buffer is
// lost, what leaves has right checksums, states are counted as they are in the table, and every
// entry has its timer, which comes in time. In the end the table is empty, and the box has seen
// what ended in order end so.
//
// There are three kinds of seeds. Calm ones: nothing is wrong, and nothing may be noticed. Rough
// ones: cables are bad, but the box has patience, so that all must end well. Tight ones: the box
// has little patience, room and memory: connections may end as they like, all else must hold.
//
// Prints what failed with its seed, and, last, how many seeds failed; exit 1 when one did.
#include "sim_box.h"
#include "witness.h"

using namespace sl_test;

namespace
{

enum : uint16_t { kPort = 80, kPorts = 32, kNobody = 100 };

class Splice : public World
{
      public:
	Splice(uint32_t seed, bool is_traced) : World(seed, is_traced), tight(seed % 5 == 1)
	{
		std::mt19937 &r = net.random;
		const unsigned n_pairs = 1 + r() % 2;

		net.now = SimBox::kBegin;
		for (unsigned i = 0; i < n_pairs; i++)
			make_pair(i);
		box.reset(new SimBox(&net, make_road(n_pairs)));
		box->poll_us = 1 + r() % (r() % 2 ? 10 : 2000);
		box->pads = r() % 2;
		box->road.nic = r() % 2;
		net.between = box.get();
		net.hear = [this](Host *host, const Bytes &packet) { hear(host, packet); };
		for (const auto &host : hosts)
			box->plug(host.get(), host->addr.b[15] % 2 ? SL_OUTSIDE : SL_INSIDE);
		const unsigned n = 1 + r() % 4;
		for (unsigned i = 0; i < n; i++)
			begin();
		if (!calm)
			plan_troubles();
	}

      private:
	// The box's SYNs as they came to a server.
	struct Attempts {
		uint32_t isn = 0;
		unsigned syns = 0;
		bool late = false;     // a refusal came after a second SYN
		bool offered = false;  // timestamps, by the last SYN
		bool as_it_is = false; // it stands by another SYN: no refusal has come
		bool stands = false;   // it has heard a SYN, and no refusal since
		bool refused = false;  // it has heard one
		uint16_t taken_mss = 0, told_mss = 0; // of the SYN it stands by; of the last
		uint32_t grants_isn = 0;
		unsigned grants = 0; // SYN-ACKs of that ISN
	};

	// Where nothing was tight or violent: only when all that could prove the client's address
	// was lost until the cookie had died, or by what is known of the box.
	bool may_fail(const Connection &c) const override
	{
		return tight || c.violent() || c.port >= kNobody || (!calm && !c.accepted) ||
		       is_known(c);
	}

	// The service of a connection; nullptr when nobody listens there.
	const sl_service *service_of(const Connection &c) const
	{
		const sl_service_table &t = box->road.plan->services;
		const uint16_t number = sl_service_find(&t, &c.server_host->addr, c.port);
		return number == SL_SERVICE_NONE ? nullptr : &t.service[number];
	}

	// Whether the box answers for the server.
	bool is_spliced(const Connection &c) const
	{
		const sl_service *s = service_of(c);
		return s != nullptr && s->mode == SL_MODE_SPLICE && s->cookies == SL_COOKIES_ALWAYS;
	}

	/*
	 * A refusal came late, see below. A promise of timestamps was mended, and 12 bytes more may
	 * be too many for an IPv6 path of the least MTU. A server whose refusals were lost so often
	 * is taken as it is, and wants timestamps that its client does not send, or leaves no room
	 * for those of the box, for which the path may be too narrow. Or the server's
	 * place among those learned was taken by another, and nothing tells the client what MTU
	 * fits.
	 */
	bool is_known(const Connection &c) const
	{
		const Road &road = box->road;
		const auto begun = begun_again.find(c.number);

		if (!is_spliced(c))
			return false;
		return (begun != begun_again.end() &&
			(begun->second.late || begun->second.as_it_is)) ||
		       (!calm && !sl_addr_is_v4(&c.server_host->addr) &&
			road.events(SL_EVENT_promises_mended) > 0) ||
		       sl_learned_get(&road.p->relay.learned, &c.server_host->addr, c.port) ==
			       nullptr;
	}

	/*
	 * To learn whether a server has timestamps the box may refuse its SYN-ACK and begin again
	 * (lib/relay/open.c). Both attempts have the client's numbers: a refusal that is overtaken
	 * by the second SYN, or comes twice, may end the second attempt.
	 */
	void look_for_refusals(Attempts *a, const sl_seg &seg)
	{
		a->syns += seg.flags == SL_SYN;
		a->late |= seg.flags == SL_RST && seg.seq == a->isn + 1 && a->syns > 1;
		if (seg.flags == SL_SYN) {
			a->isn = seg.seq;
			a->offered = seg.ts_off != 0;
			a->told_mss = a->syns > 1 ? std::min(a->told_mss, seg.mss) : seg.mss;
			if (!a->stands)
				a->taken_mss = seg.mss;
			a->stands = true;
		} else if (seg.flags == SL_RST && seg.seq == a->isn + 1) {
			a->stands = false;
			a->refused = true;
		}
	}

	/*
	 * What the server sends. Refused three times, it is taken as it is: with timestamps
	 * that its client lacks, or with an MSS that leaves the box no room for its own. (A server
	 * with cookies can't be told from one that hears of nothing, so there is nothing better.)
	 * Nor can one be told that, refused, stands by a late copy of the first SYN: what it was
	 * told is the least of all.
	 */
	static void look_for_stubborn(Attempts *a, const sl_seg &seg, Witness *witness)
	{
		if (seg.flags == (SL_SYN | SL_ACK)) {
			a->grants = seg.seq == a->grants_isn ? a->grants + 1 : 1;
			a->grants_isn = seg.seq;
			if (seg.ts_off != 0 && !a->offered)
				witness->as_it_is = a->as_it_is = true;
		}
		const bool stubborn = a->grants > 3 || a->refused;
		witness->too_long = a->stands && stubborn && a->told_mss < a->taken_mss
					    ? a->taken_mss - a->told_mss
					    : 0;
		a->as_it_is |= witness->too_long > 0;
	}

	// An ICMP error quotes what its receiver has sent.
	void hear_error(Host *host, const Bytes &packet, const sl_seg &seg) const
	{
		const size_t ip = seg.l4_off + 8u, tcp = ip + (seg.v6 ? 40u : 20u);
		const uint16_t from = sl_load_be16(packet.data() + tcp);
		const uint16_t to = sl_load_be16(packet.data() + tcp + 2);

		for (const Connection &c : connections)
			if ((c.server_host == host && c.port == from) ||
			    (c.client.host == host && c.port == to))
				witnesses.at(c.port).hears_error(
					c.client.host == host,
					sl_load_be32(packet.data() + tcp + 4));
	}

	// Something comes to a host.
	void hear(Host *host, const Bytes &packet)
	{
		sl_seg seg;
		const sl_parsed parsed =
			sl_wire_parse_ip(packet.data(), static_cast<uint16_t>(packet.size()), &seg);
		if (parsed == SL_PARSED_ICMP && ip_cksum_right(packet, seg) &&
		    icmp_cksum_right(packet, seg))
			hear_error(host, packet, seg);
		if (parsed != SL_PARSED_TCP || !ip_cksum_right(packet, seg) ||
		    !tcp_cksum_right(packet, seg))
			return;
		for (const Connection &c : connections) {
			if (c.server_host == host && c.port == seg.dst_port)
				look_for_refusals(&begun_again[c.number], seg);
			if ((c.server_host == host && c.port == seg.dst_port) ||
			    (c.client.host == host && c.port == seg.src_port))
				witnesses.at(c.port).hears(c.client.host == host, packet, seg,
							   net.now);
		}
	}

	void sends(Host *, const sl_seg &seg) override
	{
		const bool client = witnesses.count(seg.dst_port) > 0;
		const uint16_t port = client ? seg.dst_port : seg.src_port;

		if (witnesses.count(port) == 0)
			return;
		witnesses.at(port).sends(client, seg, net.now);
		if (client)
			return;
		for (const Connection &c : connections)
			if (c.port == port && begun_again.count(c.number) > 0)
				look_for_stubborn(&begun_again[c.number], seg, &witnesses.at(port));
	}

	void check_between() override
	{
		if (!calm || !net.flight.empty() || !box->idle())
			return;
		for (const auto &[port, witness] : witnesses)
			witness.quiet();
	}

	// Or a server's window, or its segments, are smaller than its clients were promised, or
	// more came early than is held, or a server that had to begin again can't be told from one
	// that did not hear of it: one with cookies.
	bool small() const override
	{
		const Road &road = box->road;

		for (size_t i = 1; i < hosts.size(); i += 2)
			if (hosts[i]->config.options.receive_buffer < 0x10000)
				return true;
		return World::small() || road.events(SL_EVENT_too_big_sent) > 0 ||
		       road.drops(SL_DROP_hold_full) > 0 ||
		       road.events(SL_EVENT_promises_mended) > 0;
	}

	// The client is at .1 or .3, its server at .2 or .4.
	void make_pair(unsigned i)
	{
		std::mt19937 &r = net.random;
		const std::string net_of = r() % 2 ? "2001:db8::" : "192.0.2.";

		for (unsigned k = 1; k <= 2; k++) {
			cables.emplace_back();
			Way &way = cables.back();
			spoil(&way);
			hosts.push_back(std::make_unique<Host>(
				&net, net_of + std::to_string(2 * i + k),
				[&](sl_tcp_stack_config *c) { tune(c, &way, net_of[1] == '0'); }));
			hosts.back()->way = &way;
		}
	}

	void spoil(Way *way)
	{
		std::mt19937 &r = net.random;

		way->delay_us = 50 + r() % (r() % 3 ? 5000 : 100000);
		if (calm)
			return;
		way->delay_us = 50 + r() % (r() % 3 ? 20000 : 300000);
		way->loss = r() % 3 ? r() % 15 / 100.0 : 0;
		way->repeat = r() % 3 ? 0 : r() % 20 / 100.0;
		way->reorder = r() % 2 ? 0 : r() % 40 / 100.0;
		way->damage = r() % 4 ? 0 : r() % 10 / 100.0;
		if (r() % 4 == 0)
			way->mtu = 1280 + r() % 1000;
	}

	void tune(sl_tcp_stack_config *c, Way *way, bool v6)
	{
		std::mt19937 &r = net.random;

		configure(c);
		c->n_connections = 32;
		if (v6 && c->mtu < 1280)
			c->mtu = 1280;
		if (r() % 4 == 0)
			c->options.wscale = SL_NO_WSCALE;
		if (r() % 8 == 0)
			c->options.mss = static_cast<uint16_t>(536 + r() % 1000);
		if (calm && r() % 2)
			c->options.receive_buffer += 0x10000;
		// A host on its wire takes no longer frames than it sends.
		if (r() % 2)
			way->frame = c->mtu;
	}

	RoadOptions make_road(unsigned n_pairs)
	{
		std::mt19937 &r = net.random;
		RoadOptions o;

		o.services.clear();
		for (unsigned i = 0; i < n_pairs; i++)
			o.services.push_back(make_service(hosts[2 * i + 1]->addr));
		o.mtu = static_cast<uint16_t>(r() % 2 ? 1500 : 1280 + r() % 8321);
		o.n_connections = tight ? 2 + r() % 6 : 32;
		o.n_held = tight ? r() % 8 : 64;
		if (tight)
			o.high_water = 30 + r() % 71;
		return o;
	}

	sl_service make_service(const sl_addr &server)
	{
		std::mt19937 &r = net.random;
		const bool passed = r() % 8 == 0;
		sl_service s = service("::", kPort, passed ? SL_MODE_PASS : SL_MODE_SPLICE,
				       r() % 4 ? SL_COOKIES_ALWAYS : SL_COOKIES_NEVER);

		s.net = server;
		s.port_hi = kPort + kPorts - 1;
		// A window below the unit is told as the unit: where that is more than a server
		// with a small buffer has, both ends may come to refuse each other's ACKs.
		s.wscale = static_cast<uint8_t>(r() % (tight ? 15 : 8));
		s.timestamps = static_cast<uint8_t>(r() % 3);
		s.strays = r() % 2 ? SL_STRAYS_DROP : SL_STRAYS_RESET;
		s.mss_max = static_cast<uint16_t>(r() % 4 ? 0 : 536 + r() % 1000);
		s.backlog = r() % 2 ? 1 : 1024;
		s.track = r() % 4;
		if (!tight) {
			const uint32_t long_ms = 4 * 3600 * 1000;
			s.limits.half_open_ms = s.limits.silent_ms = s.limits.idle_ms = long_ms;
			s.limits.fin_wait_2_ms = s.limits.close_wait_ms = long_ms;
			s.limits.last_ack_ms = long_ms;
		} else if (r() % 2) {
			s.limits.half_open_ms = 1000 + r() % 10000;
			s.limits.silent_ms = s.limits.idle_ms = 1000 + r() % 60000;
			s.limits.fin_wait_2_ms = s.limits.close_wait_ms = 1000 + r() % 60000;
			s.limits.last_ack_ms = s.limits.time_wait_ms = 1000 + r() % 60000;
			s.limits.probe_interval_ms = 1000 + r() % 10000;
			s.limits.probes = r() % 16;
		}
		return s;
	}

	void begin()
	{
		std::mt19937 &r = net.random;
		const unsigned pair = r() % static_cast<unsigned>(hosts.size() / 2);
		Connection c;

		c.number = static_cast<unsigned>(connections.size());
		c.server_host = hosts[2 * pair + 1].get();
		c.port = static_cast<uint16_t>((r() % 16 ? kPort : kNobody) + c.number);
		c.listener = -1;
		if (c.port < kNobody) {
			const unsigned cookies = r() % 3;
			c.by_cookie = cookies != SL_SOCKET_COOKIES_NEVER;
			c.listener = c.server_host->listen(c.port, 4);
			sl_socket_set(c.server_host->stack, c.listener, SL_SOCKET_COOKIES, cookies);
		}
		c.client = make_end(hosts[2 * pair].get(), 2 * c.number, 2 * c.number + 1);
		c.server = make_end(c.server_host, 2 * c.number + 1, 2 * c.number);
		witnesses.emplace(c.port, Witness(c.client.in_stream, c.server.in_stream));
		c.client.socket = c.client.host->connect(c.server_host->addr, c.port);
		connections.push_back(c);
	}

	void plan_troubles()
	{
		std::mt19937 &r = net.random;
		const uint64_t span = 20000000;

		for (Way &way : cables) {
			if (r() % 6 == 0) {
				const uint64_t at = net.now + r() % span;
				troubles.emplace(at, [&way] { way.cut = true; });
				troubles.emplace(at + r() % 100000000, [&way] { way.cut = false; });
			}
			for (int i = r() % 4 ? 0 : 3; i > 0; i--) {
				const uint32_t mtu = 1280 + r() % 8000;
				troubles.emplace(net.now + r() % span,
						 [&way, mtu] { way.mtu = mtu; });
			}
		}
		if (r() % 10 == 0) {
			Host *who = hosts[r() % hosts.size()].get();
			troubles.emplace(net.now + r() % span, [who] { who->gone = true; });
		}
		if (r() % 8 == 0)
			troubles.emplace(net.now + r() % span,
					 [this] { box->road.apply(box->road.options.services); });
	}

	void conclude() override
	{
		if (trace)
			print_books();
		World::conclude();
		drain();
		uint64_t in_order = 0, n_passed = 0; // those that pass may be followed, or not
		for (const Connection &c : connections) {
			const int refused = is_spliced(c) ? -ECONNRESET : -ECONNREFUSED;
			must(!calm || c.port < kNobody ||
				     (c.client.error == refused && !c.accepted),
			     "who was refused was told " + std::to_string(c.client.error));
			if (may_fail(c) && c.port < kNobody)
				return;
			const bool passed = c.port < kNobody && service_of(c)->mode == SL_MODE_PASS;
			n_passed += passed;
			in_order += c.port < kNobody && !passed;
		}
		const Road &road = box->road;
		/* A FIN whose ACK is lost may come again when its receiver has forgotten. */
		const uint64_t late = calm ? 0 : road.events(SL_EVENT_connections_reset);
		const uint64_t closed = road.events(SL_EVENT_connections_closed);
		/* Who finds nobody may be among the resets, too. */
		must(closed <= in_order + n_passed && closed + late >= in_order,
		     "connections that the box did not see close in order");
		must(!calm || unusual_drops().empty(),
		     "packets of a clean path were dropped: " + unusual_drops());
	}

	void print_books() const
	{
		const Road &road = box->road;

		for (unsigned d = 0; d < SL_N_DROPS; d++)
			if (road.drops(static_cast<sl_drop>(d)) > 0)
				printf("dropped %s %" PRIu64 "\n", sl_drop_info[d].name,
				       road.drops(static_cast<sl_drop>(d)));
		for (unsigned e = 0; e < SL_N_EVENTS; e++)
			if (road.events(static_cast<sl_event>(e)) > 0)
				printf("event %s %" PRIu64 "\n", sl_event_info[e].name,
				       road.events(static_cast<sl_event>(e)));
	}

	bool any_refused() const
	{
		return std::any_of(connections.begin(), connections.end(),
				   [](const Connection &c) { return c.port >= kNobody; });
	}

	// Beside those of early data: of which there is too much, or that a server refuses.
	std::string unusual_drops() const
	{
		std::string s;

		for (unsigned d = 0; d < SL_N_DROPS; d++)
			if (d != SL_DROP_hold_full && d != SL_DROP_early_duplicate &&
			    (d != SL_DROP_server_gone || !any_refused()) &&
			    box->road.drops(static_cast<sl_drop>(d)) > 0)
				s += std::string(sl_drop_info[d].name) + " ";
		return s;
	}

	// What the box still remembers goes when its time has come: a server that has heard of a
	// client who is gone keeps it there until its probes have not been answered.
	void drain()
	{
		const sl_tcp_options &o = hosts[0]->config.options;
		uint64_t end =
			net.now + 1000ull * (o.keepalive_ms + (o.probes + 1) * o.probe_interval_ms);

		for (const sl_service &s : box->road.options.services) {
			const sl_limits &l = s.limits;
			end += 1000ull *
			       (l.half_open_ms + l.silent_ms + l.idle_ms + l.fin_wait_2_ms +
				l.close_wait_ms + l.last_ack_ms + l.time_wait_ms);
			end += 1000ull * (l.probes + 1) * l.probe_interval_ms + 200000000;
		}
		while (box->road.count() > 0 || !net.flight.empty())
			must(net.step(end), "the box forgets too late: " + box->remembers());
		must(box->road.term(SL_TERM_held) == 0, "packets are held for nobody");
		box->road.check_deep();
		box->heed();
	}

	std::deque<Way> cables;
	std::map<unsigned, Attempts> begun_again; // by connection
	std::map<uint16_t, Witness> witnesses;    // by port, and so by connection
	std::unique_ptr<SimBox> box;
	const bool tight;
};

} // namespace

int main(int argc, char **argv)
{
	return sim_main<Splice>(argc, argv);
}
