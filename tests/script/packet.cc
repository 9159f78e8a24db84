// SPDX-License-Identifier: BSD-3-Clause
#include "packet.h"

#include <algorithm>
#include <iomanip>
#include <sstream>

namespace script
{

using namespace sl_test;

namespace
{

const char *const kRouter[] = {"203.0.113.1", "2001:db8:ff::1"};
enum { kQuotedMax4 = 548, kQuotedMax6 = 1232 };

uint32_t get32(const Bytes &b, size_t at)
{
	return static_cast<uint32_t>(b[at]) << 24 | static_cast<uint32_t>(b[at + 1]) << 16 |
	       static_cast<uint32_t>(b[at + 2]) << 8 | b[at + 3];
}

uint16_t get16(const Bytes &b, size_t at)
{
	return static_cast<uint16_t>(b[at] << 8 | b[at + 1]);
}

Bytes slice(const Bytes &b, size_t from, size_t to)
{
	return Bytes(b.begin() + static_cast<long>(from), b.begin() + static_cast<long>(to));
}

int64_t relative(uint32_t n, uint32_t base)
{
	return static_cast<int32_t>(n - base);
}

/// What a script may say of a relative number holds modulo 2^32.
bool holds(const Value &v, uint32_t n, uint32_t base)
{
	const uint32_t first = base + static_cast<uint32_t>(v.lo);
	return v.any || n - first <= static_cast<uint32_t>(v.hi - v.lo);
}

Bytes option_bytes(const Option &o, const Flow &f, End sender, End at)
{
	const uint32_t edges = f.base(other(sender), at);
	std::vector<uint32_t> n;

	for (const Value &v : o.args)
		n.push_back(static_cast<uint32_t>(v.lo));
	switch (o.kind) {
	case Option::kMss:
		return mss(static_cast<uint16_t>(n[0]));
	case Option::kWs:
		return ws(static_cast<uint8_t>(n[0]));
	case Option::kSackOk:
		return sackok();
	case Option::kTs:
		return ts(n[0] + f.ts_base(sender, at), n[1] + f.ts_base(other(sender), at));
	case Option::kSack:
		for (uint32_t &edge : n)
			edge += edges;
		return sack(n);
	case Option::kNop:
		return nop();
	case Option::kEol:
		return eol();
	case Option::kRaw:
		return o.raw;
	}
	return {};
}

/// A SYN echoes nothing, so its TSecr is relative to nothing: RFC 7323 section 3.2.
Flow of_syn(Flow f, unsigned flags, End sender)
{
	if ((flags & (SL_SYN | SL_ACK)) == SL_SYN)
		f.ts[other(sender)] = *(f.cookie_ts = 0);
	return f;
}

/// The frame's addresses: from an end, on a side of the box.
Frame between(const Packet &p, const Flow &f, End sender)
{
	Frame frame;
	frame.src = f.addr[sender];
	frame.dst = f.addr[other(sender)];
	frame.sport = f.port[sender];
	frame.dport = f.port[other(sender)];
	if (sender == kServer)
		std::swap(frame.smac, frame.dmac);
	frame.smac = p.smac.value_or(frame.smac);
	frame.dmac = p.dmac.value_or(frame.dmac);
	frame.vlan = p.vlan;
	return frame;
}

Bytes build_tcp(const Packet &p, const Flow &f, End sender, End at)
{
	Frame frame = between(p, f, sender);
	const int64_t seq = p.seq ? p.seq->lo : p.has(SL_SYN) ? 0 : f.next[sender];
	const int64_t ack = p.ack ? p.ack->lo : f.seen[sender];

	frame.flags = p.flags;
	frame.seq = f.base(sender, at) + static_cast<uint32_t>(seq);
	if (p.has(SL_ACK) || p.ack)
		frame.ack = f.base(other(sender), at) + static_cast<uint32_t>(ack);
	frame.wnd = p.win ? static_cast<uint16_t>(p.win->lo) : 65535;
	frame.urgent = p.urg ? static_cast<uint16_t>(p.urg->lo) : 0;
	frame.tos = p.tos ? static_cast<uint8_t>(p.tos->lo) : 0;
	frame.ttl = p.ttl ? static_cast<uint8_t>(p.ttl->lo) : 64;
	frame.bad_tcp_checksum = p.bad_tcp_sum;
	frame.bad_ip_checksum = p.bad_ip_sum;
	frame.payload =
		stream(sender, static_cast<uint32_t>(seq), static_cast<size_t>(p.len.value_or(0)));
	const Flow clocks = of_syn(f, p.flags, sender);
	for (const Option &o : p.options.value_or(std::vector<Option>()))
		frame.options = frame.options + option_bytes(o, clocks, sender, at);
	return frame.bytes();
}

/// Where the IP packet of a frame begins.
size_t l3_of(const Bytes &frame)
{
	size_t at = 12;
	while (at + 4 <= frame.size() && (get16(frame, at) == 0x8100 || get16(frame, at) == 0x88a8))
		at += 4;
	return at + 2;
}

Bytes pseudo6(const Bytes &src, const Bytes &dst, size_t len)
{
	Bytes b = src + dst;
	put32(b, static_cast<uint32_t>(len));
	put32(b, 58);
	return b;
}

/// RFC 792, RFC 1191; RFC 4443.
Bytes icmp_message(const Packet &p, bool v6, const Bytes &src, const Bytes &dst,
		   const Bytes &quoted)
{
	const uint32_t mtu = p.mtu ? static_cast<uint32_t>(p.mtu->lo) : 0;
	Bytes b = {p.icmp_type[v6], p.icmp_code[v6], 0, 0};
	put32(b, mtu);
	b = b + quoted;
	const uint16_t sum =
		static_cast<uint16_t>(slow_cksum(v6 ? pseudo6(src, dst, b.size()) + b : b) ^
				      (p.bad_tcp_sum ? 0x0100 : 0));
	b[2] = static_cast<uint8_t>(sum >> 8);
	b[3] = static_cast<uint8_t>(sum);
	return b;
}

/// An IP header and what it carries, in front of which stands a frame's link-layer header.
Bytes ip_frame(const Bytes &l2, bool v6, const Bytes &src, const Bytes &dst, const Bytes &carried,
	       const Packet &p)
{
	Bytes b;
	const uint8_t tos = p.tos ? static_cast<uint8_t>(p.tos->lo) : 0;
	const uint8_t ttl = p.ttl ? static_cast<uint8_t>(p.ttl->lo) : 64;
	if (v6) {
		put32(b, 6u << 28 | static_cast<uint32_t>(tos) << 20);
		put16(b, static_cast<uint16_t>(carried.size()));
		b.insert(b.end(), {58, ttl});
		return l2 + b + src + dst + carried;
	}
	b = {0x45, tos};
	put16(b, static_cast<uint16_t>(20 + carried.size()));
	put32(b, 0);
	b.insert(b.end(), {ttl, 1, 0, 0});
	b = b + src + dst;
	const uint16_t sum = static_cast<uint16_t>(slow_cksum(b) ^ (p.bad_ip_sum ? 0x0100 : 0));
	b[10] = static_cast<uint8_t>(sum >> 8);
	b[11] = static_cast<uint8_t>(sum);
	return l2 + b + carried;
}

/// An error from a router on the side of `sender` to the end that sent what it quotes.
Bytes build_icmp(const Packet &p, const Flow &f, End sender, End at, const Bytes &seen)
{
	const bool v6 = f.addr[kClient].find(':') != std::string::npos;
	const Bytes quoted = p.quote ? build(*p.quote, f, other(sender), at, {}) : seen;
	const Bytes router = addr_bytes(kRouter[v6]), dst = addr_bytes(f.addr[other(sender)]);
	const Bytes outer = between(p, f, sender).bytes();
	Bytes ip;

	if (quoted.empty())
		throw std::runtime_error("nothing was seen there that could be quoted");
	ip = slice(quoted, l3_of(quoted), quoted.size());
	const size_t header = v6 ? 40 : (ip[0] & 0xf) * 4u;
	size_t left = v6 ? kQuotedMax6 : kQuotedMax4;
	if (p.quote_bytes >= 0)
		left = header + static_cast<size_t>(p.quote_bytes);
	if (ip.size() > left)
		ip.resize(left);
	return ip_frame(slice(outer, 0, l3_of(outer)), v6, router, dst,
			icmp_message(p, v6, router, dst, ip), p);
}

/// A frame taken apart as far as it goes.
struct View {
	bool tcp = false, icmp = false, v6 = false, cut = false;
	End sender = kClient;
	size_t l3 = 0, l4 = 0, end = 0;
	size_t claimed = 0; ///< where IP says that it ends; a quote is shorter
	uint16_t sport = 0, dport = 0, wnd = 0, urgent = 0;
	uint32_t seq = 0, ack = 0;
	unsigned flags = 0;
	uint8_t tos = 0, ttl = 0;
	Bytes src, dst, options, payload;
};

void view_tcp(const Bytes &b, View *v)
{
	v->tcp = true;
	v->sport = get16(b, v->l4);
	v->dport = get16(b, v->l4 + 2);
	v->seq = get32(b, v->l4 + 4);
	v->cut = v->end < v->l4 + 20 || v->end < v->l4 + (b[v->l4 + 12] >> 4) * 4u;
	if (v->cut)
		return;
	const size_t payload = v->l4 + (b[v->l4 + 12] >> 4) * 4u;
	v->ack = get32(b, v->l4 + 8);
	v->flags = b[v->l4 + 13];
	v->wnd = get16(b, v->l4 + 14);
	v->urgent = get16(b, v->l4 + 18);
	v->options = slice(b, v->l4 + 20, payload);
	v->payload = slice(b, payload, v->end);
}

/// The packet that begins at `l3`. IPv6 with extension headers is not looked into.
View view(const Bytes &b, size_t l3)
{
	View v;
	uint8_t proto;

	v.l3 = l3;
	if (b.size() < l3 + 20)
		return v;
	v.v6 = b[l3] >> 4 == 6;
	if ((b[l3] >> 4 != 4 && !v.v6) || (v.v6 && b.size() < l3 + 40))
		return v;
	if (v.v6) {
		proto = b[l3 + 6];
		v.tos = static_cast<uint8_t>(get16(b, l3) >> 4);
		v.ttl = b[l3 + 7];
		v.src = slice(b, l3 + 8, l3 + 24);
		v.dst = slice(b, l3 + 24, l3 + 40);
		v.l4 = l3 + 40;
		v.claimed = v.l4 + get16(b, l3 + 4);
	} else {
		proto = b[l3 + 9];
		v.tos = b[l3 + 1];
		v.ttl = b[l3 + 8];
		v.src = slice(b, l3 + 12, l3 + 16);
		v.dst = slice(b, l3 + 16, l3 + 20);
		v.l4 = l3 + (b[l3] & 0xf) * 4u;
		v.claimed = l3 + get16(b, l3 + 2);
	}
	v.end = std::min(v.claimed, b.size());
	if (v.end >= v.l4 + 8) {
		v.icmp = proto == (v.v6 ? 58 : 1);
		if (proto == 6)
			view_tcp(b, &v);
	}
	return v;
}

/// One option as it stands there; `bytes` begins with it.
std::string render_option(const Bytes &bytes, size_t len, const Flow &f, End sender, End at)
{
	std::ostringstream out;
	const uint32_t edges = f.base(other(sender), at);

	switch (bytes[0]) {
	case 0:
		return "eol";
	case 1:
		return "nop";
	case 2:
		if (len == 4)
			return "mss " + std::to_string(get16(bytes, 2));
		break;
	case 3:
		if (len == 3)
			return "ws " + std::to_string(bytes[2]);
		break;
	case 4:
		if (len == 2)
			return "sackOK";
		break;
	case 5:
		out << "sack";
		for (size_t i = 2; i + 8 <= len; i += 8)
			out << " " << relative(get32(bytes, i), edges) << ":"
			    << relative(get32(bytes, i + 4), edges);
		return out.str();
	case 8:
		if (len != 10)
			break;
		out << "ts " << relative(get32(bytes, 2), f.ts_base(sender, at)) << " ";
		out << relative(get32(bytes, 6), f.ts_base(other(sender), at));
		return out.str();
	default:
		break;
	}
	out << "raw " << std::hex << std::setfill('0');
	for (size_t i = 0; i < len; i++)
		out << std::setw(2) << unsigned{bytes[i]};
	return out.str();
}

/// The options one by one, each with its bytes.
std::vector<Bytes> options_of(const Bytes &all)
{
	std::vector<Bytes> v;
	for (size_t i = 0; i < all.size();) {
		size_t len = all[i] < 2 || i + 1 >= all.size() ? 1 : all[i + 1];
		if (len == 0 || i + len > all.size())
			len = all.size() - i;
		v.push_back(slice(all, i, i + len));
		i += len;
	}
	return v;
}

std::string render_flags(unsigned flags)
{
	static const std::pair<unsigned, char> letters[] = {
		{SL_SYN, 'S'}, {SL_FIN, 'F'}, {SL_RST, 'R'}, {SL_PSH, 'P'},
		{SL_URG, 'U'}, {SL_ECE, 'E'}, {SL_CWR, 'W'}, {SL_ACK, '.'}};
	std::string text;
	for (const auto &l : letters)
		if (flags & l.first)
			text += l.second;
	return text.empty() ? "-" : text;
}

/// Bytes of payload in the packet, of which a quote may have fewer.
size_t length(const View &v)
{
	return v.payload.size() + (v.claimed - v.end);
}

std::string render_tcp(const Flow &f, End at, const View &v)
{
	std::ostringstream out;
	const int64_t seq = relative(v.seq, f.base(v.sender, at));

	if (v.cut) {
		out << "(cut) seq " << seq;
		return out.str();
	}
	out << render_flags(v.flags) << " " << seq << ":" << seq + static_cast<int64_t>(length(v))
	    << "(" << length(v) << ")";
	if (v.flags & SL_ACK)
		out << " ack " << relative(v.ack, f.base(other(v.sender), at));
	out << " win " << v.wnd;
	if (v.flags & SL_URG)
		out << " urg " << v.urgent;
	if (v.tos != 0)
		out << " tos " << unsigned{v.tos};
	out << " <";
	const char *comma = "";
	for (const Bytes &o : options_of(v.options)) {
		out << comma
		    << render_option(o, o.size(), of_syn(f, v.flags, v.sender), v.sender, at);
		comma = ", ";
	}
	out << ">";
	return out.str();
}

/// The end that sends a packet, by its addresses; it may be neither.
std::optional<End> sender_of(const Flow &f, const View &v)
{
	for (End e : {kClient, kServer})
		if (v.src == addr_bytes(f.addr[e]) && v.dst == addr_bytes(f.addr[other(e)]) &&
		    v.sport == f.port[e] && v.dport == f.port[other(e)])
			return e;
	return std::nullopt;
}

bool padding(const Bytes &option)
{
	return option[0] < 2;
}

bool option_fits(const Option &o, const Bytes &b, const Flow &f, End sender, End at)
{
	switch (o.kind) {
	case Option::kMss:
		return b[0] == 2 && b.size() == 4 && o.args[0].holds(get16(b, 2));
	case Option::kWs:
		return b[0] == 3 && b.size() == 3 && o.args[0].holds(b[2]);
	case Option::kTs:
		return b[0] == 8 && b.size() == 10 &&
		       holds(o.args[0], get32(b, 2), f.ts_base(sender, at)) &&
		       holds(o.args[1], get32(b, 6), f.ts_base(other(sender), at));
	case Option::kSackOk:
	case Option::kSack:
	case Option::kNop:
	case Option::kEol:
	case Option::kRaw:
		break;
	}
	return b == option_bytes(o, f, sender, at);
}

/// Padding counts only where the script writes some.
bool options_fit(const std::vector<Option> &want, const Bytes &all, const Flow &f, End sender,
		 End at)
{
	bool exact = false;
	std::vector<Bytes> got;

	for (const Option &o : want)
		exact |= o.kind == Option::kNop || o.kind == Option::kEol;
	for (const Bytes &o : options_of(all))
		if (exact || !padding(o))
			got.push_back(o);
	while (exact && got.size() > want.size() && got.back()[0] == 0)
		got.pop_back();
	if (got.size() != want.size())
		return false;
	for (size_t i = 0; i < got.size(); i++)
		if (!option_fits(want[i], got[i], f, sender, at))
			return false;
	return true;
}

/// Collects what is wrong.
class Wrong
{
      public:
	void unless(bool right, const std::string &what)
	{
		if (!right)
			all += (all.empty() ? "" : ", ") + what;
	}
	std::string all;
};

/// Whether the payload is what its end always sends there.
bool payload_right(const Flow &f, const View &v, End at)
{
	const uint32_t n = v.seq - f.base(v.sender, at) + (v.flags & SL_SYN ? 1 : 0);
	return std::string(v.payload.begin(), v.payload.end()) ==
	       stream(v.sender, n, v.payload.size());
}

std::string tcp_differs(const Packet &p, const Flow &f, const View &v, End at)
{
	Wrong w;

	if (p.seq)
		w.unless(holds(*p.seq, v.seq, f.base(v.sender, at)), "seq");
	if (v.cut)
		return w.all;
	w.unless(v.flags == p.flags, "flags");
	w.unless(length(v) == static_cast<size_t>(p.len.value_or(0)), "length");
	w.unless(payload_right(f, v, at), "payload");
	if (p.ack)
		w.unless(holds(*p.ack, v.ack, f.base(other(v.sender), at)), "ack");
	if (p.win)
		w.unless(p.win->holds(v.wnd), "win");
	if (p.urg)
		w.unless(p.urg->holds(v.urgent), "urg");
	if (p.tos)
		w.unless(p.tos->holds(v.tos), "tos");
	if (p.ttl)
		w.unless(p.ttl->holds(v.ttl), "ttl");
	if (p.options)
		w.unless(options_fit(*p.options, v.options, of_syn(f, v.flags, v.sender), v.sender,
				     at),
			 "options");
	return w.all;
}

std::string link_differs(const Packet &p, const Bytes &frame, size_t l3)
{
	Wrong w;
	if (p.dmac)
		w.unless(std::equal(p.dmac->begin(), p.dmac->end(), frame.begin()), "dmac");
	if (p.smac)
		w.unless(std::equal(p.smac->begin(), p.smac->end(), frame.begin() + 6), "smac");
	if (!p.vlan.empty() || l3 != 14) {
		w.unless(l3 == 14 + 4 * p.vlan.size(), "number of VLAN tags");
		for (size_t i = 0; w.all.empty() && i < p.vlan.size(); i++)
			w.unless((get16(frame, 14 + 4 * i) & 0xfff) == p.vlan[i], "vlan");
	}
	return w.all;
}

/// The packet that an ICMP error quotes.
View quoted(const Bytes &frame, const View &outer)
{
	return view(frame, outer.l4 + 8);
}

bool icmp_sum_right(const Bytes &frame, const View &v)
{
	const Bytes message = slice(frame, v.l4, v.end);
	return slow_cksum(v.v6 ? pseudo6(v.src, v.dst, message.size()) + message : message) == 0;
}

/// Of a whole segment.
bool tcp_sum_right(const Bytes &frame, const View &v)
{
	return tcp_cksum(v.src, v.dst, slice(frame, v.l4, v.end)) == 0;
}

std::string icmp_differs(const Packet &p, const Flow &f, End at, const Bytes &frame,
			 const View &outer)
{
	Wrong w;
	View q = quoted(frame, outer);
	const bool v6 = outer.v6;

	w.unless(frame[outer.l4] == p.icmp_type[v6], "ICMP type");
	w.unless(frame[outer.l4 + 1] == p.icmp_code[v6], "ICMP code");
	w.unless(icmp_sum_right(frame, outer), "ICMP checksum");
	w.unless(v6 || slow_cksum(slice(frame, outer.l3, outer.l4)) == 0, "IP checksum");
	if (p.mtu)
		w.unless(holds(*p.mtu, get32(frame, outer.l4 + 4), 0), "mtu");
	w.unless(outer.dst == addr_bytes(f.addr[at]), "destination");
	q.sender = at;
	w.unless(q.tcp && sender_of(f, q) == at, "addresses or ports of what is quoted");
	if (w.all.empty() && p.quote) {
		const std::string what = tcp_differs(*p.quote, f, q, at);
		w.unless(what.empty(), "of what is quoted: " + what);
	}
	w.unless(!q.tcp || q.cut || q.end != q.claimed || tcp_sum_right(frame, q),
		 "the quoted segment's checksum");
	return w.all;
}

std::string render_icmp(const Flow &f, End at, const Bytes &frame, const View &outer)
{
	std::ostringstream out;
	View q = quoted(frame, outer);
	out << "icmp type " << unsigned{frame[outer.l4]} << " code "
	    << unsigned{frame[outer.l4 + 1]} << " mtu " << get32(frame, outer.l4 + 4) << " quote ";
	q.sender = sender_of(f, q).value_or(at);
	out << (q.tcp ? render_tcp(f, at, q) : "what is not TCP");
	return out.str();
}

} // namespace

std::string stream(End sender, uint32_t relative, size_t len)
{
	std::string s(len, 0);
	for (size_t i = 0; i < len; i++) {
		const uint32_t n = relative + static_cast<uint32_t>(i);
		s[i] = static_cast<char>((sender == kClient ? 'a' : 'A') +
					 (n ^ n >> 5 ^ n >> 11) % 26);
	}
	return s;
}

Bytes build(const Packet &p, const Flow &flow, End sender, End at, const Bytes &quoted)
{
	switch (p.what) {
	case Packet::kTcp:
		return build_tcp(p, flow, sender, at);
	case Packet::kIcmp:
		return build_icmp(p, flow, sender, at, quoted);
	case Packet::kRaw:
		return p.raw;
	case Packet::kSame:
		break;
	}
	throw std::runtime_error("'same' is to be seen, not to be sent");
}

std::string differs(const Packet &p, const Flow &flow, End at, const Bytes &frame)
{
	const size_t l3 = l3_of(frame);
	View v = view(frame, l3);

	if (p.what == Packet::kRaw)
		return frame == p.raw ? "" : "bytes";
	if (p.what == Packet::kIcmp)
		return v.icmp ? icmp_differs(p, flow, at, frame, v) : "not ICMP";
	if (!v.tcp)
		return "not TCP";
	if (sender_of(flow, v) != other(at))
		return "addresses or ports";
	v.sender = other(at);
	const std::string link = link_differs(p, frame, l3), tcp = tcp_differs(p, flow, v, at);
	return link + (link.empty() || tcp.empty() ? "" : ", ") + tcp;
}

std::string render(const Flow &flow, End at, const Bytes &frame)
{
	View v = view(frame, l3_of(frame));
	std::ostringstream out;

	if (v.icmp)
		return render_icmp(flow, at, frame, v);
	if (v.tcp) {
		const std::optional<End> sender = sender_of(flow, v);
		v.sender = sender.value_or(other(at));
		if (sender != other(at))
			out << "(ports " << v.sport << " -> " << v.dport << ") ";
		out << render_tcp(flow, at, v);
		return out.str();
	}
	out << "raw " << std::hex << std::setfill('0');
	for (uint8_t b : frame)
		out << std::setw(2) << unsigned{b};
	return out.str();
}

} // namespace script
