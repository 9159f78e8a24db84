// SPDX-License-Identifier: BSD-3-Clause
#include "play.h"

#include <algorithm>
#include <cstdio>

#include <gtest/gtest.h>

namespace script
{

using namespace sl_test;

namespace
{

const char *const kAddr[2][kEnds] = {{"198.51.100.7", "192.0.2.2"},
				     {"2001:db8:1::7", "2001:db8::2"}};
const char *const kName[kEnds] = {"client", "server"};

/// A statement did not hold, and its failure is recorded.
struct Stop {
};

sl_side side_of(End e)
{
	return e == kClient ? SL_OUTSIDE : SL_INSIDE;
}

std::string seconds(uint64_t us)
{
	char text[32];
	std::snprintf(text, sizeof(text), "%.3f s", static_cast<double>(us) / 1e6);
	return text;
}

/// What a word of the configuration means for a service. Returns whether it means anything.
bool set_policy(sl_service *service, const std::string &name, const std::string &value)
{
#define POLICY(setting, text, field, number)    \
	if (name == setting && value == text) { \
		service->field = number;        \
		return true;                    \
	}
#define X(id, text) POLICY("mode", text, mode, SL_MODE_##id)
	SL_SERVICE_MODES(X)
#undef X
#define X(id, text) POLICY("cookies", text, cookies, SL_COOKIES_##id)
	SL_COOKIES_POLICIES(X)
#undef X
#define X(id, text) POLICY("strays", text, strays, SL_STRAYS_##id)
	SL_STRAYS(X)
#undef X
#define X(id, text) POLICY("one_way", text, one_way, SL_ONE_WAY_##id)
	SL_ONE_WAY_POLICIES(X)
#undef X
#undef POLICY
	return false;
}

} // namespace

Player::Player(const Script &s, bool six) : script(s), v6(six)
{
	sl_service only = service(kAddr[v6][kServer], 80, SL_MODE_SPLICE, SL_COOKIES_ALWAYS);

	options.services = {only};
	now = &flows[talking];
	for (End e : {kClient, kServer})
		now->addr[e] = kAddr[v6][e];
	now->isn[kClient] = script.isn;
	now->isn[kServer] = script.iss;
	now->ts[kClient] = 0xfffffff0;
	now->ts[kServer] = 0xffffff00;
}

void Player::fail(const Statement &s, const std::string &what) const
{
	ADD_FAILURE_AT(s.place.file.c_str(), s.place.line) << s.text << "\n" << what;
	throw Stop();
}

void Player::expect(const Statement &s, const std::string &want, const std::string &got) const
{
	if (want != got)
		fail(s, "  expected: " + want + "\n  got:      " + got);
}

std::string Player::word(const Statement &s, size_t i) const
{
	if (i >= s.words.size())
		throw Error(s.place, "expected more at the end of the line");
	return s.words[i];
}

void Player::set_service(const Statement &s, size_t first)
{
	sl_service &service = options.services[0];
	for (size_t i = first; i < s.words.size(); i += 2) {
		const std::string name = s.words[i], value = word(s, i + 1);
		if (name == "wscale")
			service.wscale = static_cast<uint8_t>(read_number(s.place, value));
		else if (name == "adopt_for")
			service.adopt_for_ms = static_cast<uint32_t>(read_ms(s.place, value));
		else if (name == "adopt_rate")
			service.adopt_rate = static_cast<uint32_t>(read_number(s.place, value));
		else if (!set_policy(&service, name, value))
			throw Error(s.place, "no service has " + name + " " + value);
	}
}

void Player::set_limit(const Statement &s, size_t first)
{
	sl_limits &l = options.services[0].limits;
	const std::map<std::string, uint32_t *> limits = {{"half_open", &l.half_open_ms},
							  {"silent", &l.silent_ms},
							  {"idle", &l.idle_ms},
							  {"probe_interval", &l.probe_interval_ms},
							  {"fin_wait_2", &l.fin_wait_2_ms},
							  {"close_wait", &l.close_wait_ms},
							  {"last_ack", &l.last_ack_ms},
							  {"time_wait", &l.time_wait_ms}};
	for (size_t i = first; i < s.words.size(); i += 2) {
		const std::string name = s.words[i], value = word(s, i + 1);
		if (name == "probes")
			l.probes = static_cast<uint32_t>(read_number(s.place, value));
		else if (limits.count(name))
			*limits.at(name) = static_cast<uint32_t>(read_ms(s.place, value));
		else
			throw Error(s.place, "there is no limit '" + name + "'");
	}
}

void Player::set_up(const Statement &s)
{
	for (size_t i = 1; i < s.words.size(); i++) {
		const std::string &name = s.words[i];
		if (name == "shared")
			options.secret_shared = true;
		else if (name == "connections")
			options.n_connections =
				static_cast<uint32_t>(read_number(s.place, word(s, ++i)));
		else if (name == "held")
			options.n_held = static_cast<uint32_t>(read_number(s.place, word(s, ++i)));
		else if (name == "mtu")
			options.mtu = static_cast<uint16_t>(read_number(s.place, word(s, ++i)));
		else if (name == "default")
			options.pass_default = word(s, ++i) == "pass";
		else
			throw Error(s.place, "expected shared, connections, held, mtu or default, "
					     "got '" +
						     name + "'");
	}
}

void Player::setting(const Statement &s)
{
	if (s.words[0] == "service") {
		set_service(s, 1);
	} else if (s.words[0] == "limit") {
		set_limit(s, 1);
	} else if (s.words[0] == "setup") {
		set_up(s);
	} else if (s.words[0] == "learned") {
		learned = &s;
	} else if (s.words[0] == "ts") {
		now->ts[kClient] = static_cast<uint32_t>(read_number(s.place, word(s, 2)));
		now->ts[kServer] = static_cast<uint32_t>(read_number(s.place, word(s, 4)));
	}
}

/// What is known of the server from the start: `learned ts mss 1400`, `learned nots`.
void Player::set_learned(const Statement &s)
{
	bool timestamps = false;
	uint16_t mss = 1460;
	for (size_t i = 1; i < s.words.size(); i++) {
		if (s.words[i] == "mss")
			mss = static_cast<uint16_t>(read_number(s.place, word(s, ++i)));
		else
			timestamps = s.words[i] == "ts";
	}
	road().teach(now->addr[kServer], now->port[kServer], mss, timestamps);
}

/// The box of that name, made when it is first spoken of. All run by one clock.
void Player::box(const std::string &name)
{
	const uint64_t now_us = boxes.empty() ? 0 : road().now_us;
	nothing_left();
	here = name;
	if (boxes.count(name) == 0) {
		boxes[name].road.reset(new Road(options));
		if (learned != nullptr)
			set_learned(*learned);
	}
	if (now_us > road().now_us)
		road().advance((now_us - road().now_us) / 1000, 1000000);
}

void Player::play()
{
	try {
		for (const Statement &s : script.settings)
			setting(s);
		current = &script.actions.front();
		box(here);
		for (const Statement &s : script.actions) {
			const ::testing::ScopedTrace trace(s.place.file.c_str(), s.place.line,
							   s.text);
			current = &s;
			run(s);
			if (::testing::Test::HasFailure())
				return;
		}
		if (in_burst)
			fail(*current, "  a 'burst' has no 'end'");
		nothing_left();
	} catch (const Stop &) {
	} catch (const Error &e) {
		ADD_FAILURE() << e.what();
	} catch (const std::exception &e) {
		ADD_FAILURE_AT(current->place.file.c_str(), current->place.line)
			<< current->text << "\n"
			<< e.what();
	}
}

void Player::run(const Statement &s)
{
	switch (s.verb) {
	case Verb::kSend:
		send(s);
		break;
	case Verb::kSee:
		see(s);
		break;
	case Verb::kWait:
		nothing_left();
		wait(*s.after_ms, nullptr);
		break;
	case Verb::kBurst:
		in_burst = true;
		break;
	case Verb::kEnd:
		in_burst = false;
		nothing_left();
		flush(burst);
		burst.clear();
		break;
	case Verb::kSkip:
		out[kClient].clear();
		out[kServer].clear();
		break;
	case Verb::kNothing:
		nothing_left(s.words.empty() ? "" : s.words[0]);
		break;
	case Verb::kFlow:
		flow(s);
		break;
	case Verb::kIsn:
		isn(s);
		break;
	case Verb::kStates:
		states(s);
		break;
	case Verb::kCount:
		count(s);
		break;
	case Verb::kTimer:
		timer(s);
		break;
	case Verb::kTable:
		number(s, road().count());
		break;
	case Verb::kHeld:
		number(s, road().term(SL_TERM_held));
		break;
	case Verb::kBytes:
		bytes(s);
		break;
	case Verb::kKnows:
		knows(s);
		break;
	case Verb::kGauge:
		gauge(s);
		break;
	case Verb::kTold:
		told(s);
		break;
	case Verb::kReload:
		reload(s);
		break;
	case Verb::kClock:
		set_clock(*s.after_ms);
		break;
	case Verb::kBox:
		box(word(s, 0));
		break;
	case Verb::kSpares:
		road().n_spares = SL_SPARES;
		if (word(s, 0) != "all")
			road().n_spares = static_cast<uint32_t>(read_number(s.place, word(s, 0)));
		break;
	}
}

/// The wall clock is set, by so much forward or back.
void Player::set_clock(int64_t by_ms)
{
	sl_cookie_ring *ring = &road().p->ring;
	const uint64_t now_us = road().now_us;
	const uint64_t unix_us = now_us + ring->live.offset_us;

	sl_cookie_ring_advance(ring, unix_us + static_cast<uint64_t>(by_ms * 1000), now_us);
}

void Player::send(const Statement &s)
{
	const End me = s.client ? kClient : kServer;
	const Packet &p = s.packet;

	if (s.after_ms) {
		nothing_left();
		wait(*s.after_ms, nullptr);
	}
	if (p.what == Packet::kTcp && me == kClient && p.has(SL_ACK) && !now->cookie)
		throw Error(s.place, "the client has seen no SYN of the server's to acknowledge");
	const Bytes frame = build(p, *now, me, me, last_out[me]);
	last_in[me] = frame;
	if (p.what == Packet::kTcp) {
		const int64_t seq = p.seq ? p.seq->lo : p.has(SL_SYN) ? 0 : now->next[me];
		const int64_t end = seq + p.len.value_or(0) + p.has(SL_SYN) + p.has(SL_FIN);
		if (!p.has(SL_RST) && end > now->next[me] && seq <= now->next[me])
			now->next[me] = end;
	}
	if (p.nic)
		road().next_cksum = *p.nic;
	if (in_burst) {
		burst.emplace_back(side_of(me), frame);
		return;
	}
	nothing_left();
	flush({{side_of(me), frame}});
}

void Player::flush(const std::vector<std::pair<sl_side, Bytes>> &in)
{
	for (const Sent &sent : road().run(in))
		out[sent.port == 0 ? kClient : kServer].push_back({sent, road().now_us});
}

/// The server's numbers as the client hears them first.
void Player::learn_cookie(const Statement &s, const Sent &sent)
{
	const Packet &p = s.packet;
	int64_t tsval = 0;

	if (now->cookie || sent.parsed != SL_PARSED_TCP || !(sent.seg.flags & SL_SYN))
		return;
	for (const Option &o : p.options.value_or(std::vector<Option>()))
		if (o.kind == Option::kTs)
			tsval = o.args[0].lo;
	now->cookie = sent.seg.seq - static_cast<uint32_t>(p.seq ? p.seq->lo : 0);
	now->cookie_ts = sent.seg.ts_off != 0 ? sent.seg.tsval - static_cast<uint32_t>(tsval) : 0;
}

void Player::see(const Statement &s)
{
	const End me = s.client ? kClient : kServer;
	std::deque<Out> &queue = out[me];
	const uint64_t begin_us = road().now_us;

	if (s.after_ms && queue.empty())
		wait(*s.after_ms + 20, &queue);
	if (queue.empty())
		fail(s, std::string("  got: nothing on the ") + kName[me] + "'s side");
	const Out got = queue.front();
	const int64_t late_ms =
		(static_cast<int64_t>(got.at_us) - static_cast<int64_t>(begin_us)) / 1000 -
		s.after_ms.value_or(0);
	queue.pop_front();
	if (me == kClient)
		learn_cookie(s, got.sent);
	const std::string what = s.packet.what != Packet::kSame
					 ? differs(s.packet, *now, me, got.sent.bytes)
				 : got.sent.bytes == last_in[other(me)] ? ""
									: "not what was sent last";
	if (!what.empty())
		fail(s, "  got: " + std::string(kName[me]) + " < " +
				render(*now, me, got.sent.bytes) + "\n  wrong: " + what);
	if (s.after_ms && std::abs(late_ms) > 20)
		fail(s, "  got it " + std::to_string(late_ms) + " ms later than that");
	if (got.sent.parsed == SL_PARSED_TCP) {
		const sl_seg &seg = got.sent.seg;
		const int64_t seq = static_cast<int32_t>(seg.seq - now->base(other(me), me));
		const int64_t end = seq + sl_seg_len(&seg);
		last_out[me] = got.sent.bytes;
		if (!(seg.flags & SL_RST) && seq <= now->seen[me] && end > now->seen[me])
			now->seen[me] = end;
	}
}

/// Milliseconds until a connection is due, or none of them is for long.
int64_t Player::next_due_ms() const
{
	int64_t next = 3600000;
	for (uint32_t i = 0; i < options.n_connections; i++) {
		sl_conn_info c;
		if (sl_relay_info(&road().p->relay, i, &c))
			next = std::min<int64_t>(next, c.timer_ms);
	}
	return next;
}

/// Lets time pass: in steps of the wheel's tick where something is due, at once where nothing is.
void Player::wait(int64_t ms, const std::deque<Out> *until)
{
	while (ms > 0 && (until == nullptr || until->empty())) {
		const int64_t idle = next_due_ms() - 20;
		const int64_t step = std::min(ms, idle > 10 ? idle : 10);
		const auto n = static_cast<uint64_t>(step);
		for (const Sent &sent : road().advance(n, n))
			out[sent.port == 0 ? kClient : kServer].push_back({sent, road().now_us});
		ms -= step;
	}
}

/// Every packet that came out has been asked for.
void Player::nothing_left(const std::string &side)
{
	std::string all;
	for (End e : {kClient, kServer}) {
		if (!side.empty() && side != kName[e])
			continue;
		for (const Out &o : out[e])
			all += "\n  " + std::string(kName[e]) + " < " +
			       render(*now, e, o.sent.bytes) + "   at " +
			       seconds(o.at_us - 5000 * SL_US_PER_S);
	}
	if (all.empty())
		return;
	fail(*current, "  before this came out what was not asked for:" + all);
}

/// `told same`, `told 5555`: the ISN that the client was told before the script begins, the
/// server's own or another's.
void Player::told(const Statement &s)
{
	const bool same = word(s, 0) == "same";
	now->cookie =
		same ? now->isn[kServer] : static_cast<uint32_t>(read_number(s.place, s.words[0]));
	now->cookie_ts = now->ts[kServer];
}

/// `reload mode pass`, `reload limit idle 60`, `reload drain`: another plan, between two bursts.
void Player::reload(const Statement &s)
{
	const bool drain = word(s, 0) == "drain";
	nothing_left();
	if (s.words[0] == "limit")
		set_limit(s, 1);
	else if (s.words[0] == "without")
		options.services[0].retired = true;
	else
		set_service(s, drain);
	road().apply(options.services, drain);
}

void Player::isn(const Statement &s)
{
	if (word(s, 0) != "client" || word(s, 2) != "server")
		throw Error(s.place, "expected isn client N server N");
	now->isn[kClient] = static_cast<uint32_t>(read_number(s.place, word(s, 1)));
	now->isn[kServer] = static_cast<uint32_t>(read_number(s.place, word(s, 3)));
	now->cookie.reset();
	now->cookie_ts.reset();
	for (End e : {kClient, kServer})
		now->next[e] = now->seen[e] = 0;
}

/// `flow NAME [client PORT] [server PORT] [from NAME]`: from here on, that connection speaks. A new
/// one has a port of its own, or is a copy of another.
void Player::flow(const Statement &s)
{
	const std::string name = word(s, 0);
	const Flow like = *now;
	const bool fresh = flows.count(name) == 0;

	talking = name;
	now = &flows[name];
	if (fresh) {
		*now = like;
		now->port[kClient] = next_port++;
		now->cookie.reset();
		now->cookie_ts.reset();
		for (End e : {kClient, kServer})
			now->next[e] = now->seen[e] = 0;
	}
	for (size_t i = 1; i < s.words.size(); i += 2) {
		const std::string what = s.words[i], value = word(s, i + 1);
		if (what == "client" || what == "server")
			now->port[what == "server"] =
				static_cast<uint16_t>(read_number(s.place, value));
		else if (what == "from" && flows.count(value))
			*now = flows.at(value);
		else if (what == "address")
			now->addr[kClient] = value;
		else
			throw Error(s.place,
				    "expected client PORT, server PORT, address ADDRESS or "
				    "from FLOW");
	}
}

/// The connection that speaks, if the box knows it.
std::optional<sl_conn_info> Player::info() const
{
	const sl_addr a[kEnds] = {addr(now->addr[kClient]), addr(now->addr[kServer])};
	for (uint32_t i = 0; i < options.n_connections; i++) {
		sl_conn_info c;
		if (!sl_relay_info(&road().p->relay, i, &c))
			continue;
		if (c.inside_opened) {
			std::swap(c.client, c.server);
			std::swap(c.client_port, c.server_port);
		}
		if (sl_addr_equal(&c.client, &a[kClient]) &&
		    sl_addr_equal(&c.server, &a[kServer]) && c.client_port == now->port[kClient] &&
		    c.server_port == now->port[kServer])
			return c;
	}
	return std::nullopt;
}

/// `states ESTABLISHED SYN-SENT`, the client's leg and the server's; `states none`.
void Player::states(const Statement &s)
{
	const std::optional<sl_conn_info> c = info();
	std::string want;
	for (const std::string &w : s.words)
		want += (want.empty() ? "" : " ") + w;
	expect(s, want,
	       c ? std::string(sl_tcp_state_name(c->state[SL_LEG_CLIENT])) + " " +
			       sl_tcp_state_name(c->state[SL_LEG_SERVER])
		 : "none");
}

uint64_t Player::counter(const Statement &s, const std::string &name) const
{
	if (name == "drops")
		return road().all_drops();
#define SL_TERM(id, unit, help) \
	if (name == #id)        \
		return road().term(SL_TERM_##id);
#define SL_DROP(id, help)        \
	if (name == "drop." #id) \
		return road().drops(SL_DROP_##id);
#define SL_EVENT(id, unit, help)  \
	if (name == "event." #id) \
		return road().events(SL_EVENT_##id);
#include "counters.def"
#undef SL_TERM
#undef SL_DROP
#undef SL_EVENT
	throw Error(s.place, "lib/stats/counters.def has no '" + name + "'");
}

/// `count drop.stray 1 event.rst_sent 2`: since the same was last counted.
void Player::count(const Statement &s)
{
	for (size_t i = 0; i < s.words.size(); i += 2) {
		const std::string &name = s.words[i];
		const uint64_t all = counter(s, name);
		uint64_t &before = boxes.at(here).counted[name];
		const int64_t want = read_number(s.place, word(s, i + 1));
		expect(s, name + " " + std::to_string(want),
		       name + " " + std::to_string(static_cast<int64_t>(all - before)));
		before = all;
	}
}

/// `timer idle`, `timer idle 7200`: the limit that runs, and how long it still does.
void Player::timer(const Statement &s)
{
	const std::optional<sl_conn_info> c = info();
	expect(s, word(s, 0), c ? c->timer : "none");
	if (s.words.size() < 2 || !c)
		return;
	const int64_t want = read_ms(s.place, s.words[1]);
	if (std::abs(want - static_cast<int64_t>(c->timer_ms)) > 20)
		fail(s, "  got: " + std::to_string(c->timer_ms) + " ms");
}

/// `gauge client LISTEN 1`: how many of that leg are in that state.
void Player::gauge(const Statement &s)
{
	const sl_leg leg = word(s, 0) == "client" ? SL_LEG_CLIENT : SL_LEG_SERVER;
	const std::string name = word(s, 1);
	uint64_t n = 0;
	for (unsigned state = 0; state < SL_TCP_N_STATES; state++)
		if (name == sl_tcp_state_name(static_cast<sl_tcp_state>(state)))
			for (const sl_account &a : road().accounts)
				n += a.state[leg][state];
	expect(s, word(s, 2), std::to_string(n));
}

void Player::number(const Statement &s, uint64_t got)
{
	expect(s, word(s, 0), std::to_string(got));
}

/// `bytes client 100 server 50`: what each end has sent.
void Player::bytes(const Statement &s)
{
	const std::optional<sl_conn_info> c = info();
	if (!c)
		fail(s, "  got: no connection");
	for (size_t i = 0; i < s.words.size(); i += 2) {
		const bool of_server = (s.words[i] == "server") != c->inside_opened;
		expect(s, s.words[i] + " " + word(s, i + 1),
		       s.words[i] + " " +
			       std::to_string(c->bytes[of_server ? SL_LEG_SERVER : SL_LEG_CLIENT]));
	}
}

/// `knows ts mss 1460`, `knows nots mss 0`, `knows nothing`: of the server.
void Player::knows(const Statement &s)
{
	const sl_addr a = addr(now->addr[kServer]);
	const sl_learned *l = sl_learned_get(&road().p->relay.learned, &a, now->port[kServer]);
	std::string want;
	for (const std::string &w : s.words)
		want += (want.empty() ? "" : " ") + w;
	expect(s, want,
	       l == nullptr ? "nothing"
			    : std::string(l->timestamps ? "ts" : "nots") + " mss " +
				      std::to_string(l->mss));
}

} // namespace script
