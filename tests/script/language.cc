// SPDX-License-Identifier: BSD-3-Clause
#include "language.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <fstream>
#include <map>
#include <sstream>
#include <utility>

namespace script
{

Error::Error(const Place &p, const std::string &what)
    : std::runtime_error(p.file + ":" + std::to_string(p.line) + ": " + what)
{
}

std::string Value::text() const
{
	if (any)
		return "*";
	return lo == hi ? std::to_string(lo) : std::to_string(lo) + ".." + std::to_string(hi);
}

int64_t read_number(const Place &p, const std::string &word)
{
	try {
		size_t used;
		const int64_t n = std::stoll(word, &used, 0);
		if (used == word.size())
			return n;
	} catch (const std::logic_error &) {
	}
	throw Error(p, "expected a number, got '" + word + "'");
}

int64_t read_ms(const Place &p, const std::string &word)
{
	static const std::map<std::string, double> units = {
		{"", 1000}, {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}};
	try {
		size_t used;
		const double n = std::stod(word, &used);
		const auto unit = units.find(word.substr(used));
		if (unit != units.end())
			return std::llround(n * unit->second);
	} catch (const std::logic_error &) {
	}
	throw Error(p, "expected a time such as 0.5, 500ms, 10s, 10m or 2h, got '" + word + "'");
}

namespace
{

std::vector<std::string> split(const std::string &text)
{
	std::istringstream in(text);
	std::vector<std::string> words;
	for (std::string w; in >> w;)
		words.push_back(w);
	return words;
}

Value read_value(const Place &p, const std::string &word)
{
	Value v;
	if (word == "*") {
		v.any = true;
		return v;
	}
	const size_t dots = word.find("..");
	v.lo = read_number(p, word.substr(0, dots));
	v.hi = dots == std::string::npos ? v.lo : read_number(p, word.substr(dots + 2));
	return v;
}

Bytes read_hex(const Place &p, const std::string &word)
{
	if (word.size() % 2 != 0 ||
	    word.find_first_not_of("0123456789abcdefABCDEF") != std::string::npos)
		throw Error(p, "expected pairs of hexadecimal digits, got '" + word + "'");
	return sl_test::hex(word);
}

std::array<uint8_t, 6> read_mac(const Place &p, std::string word)
{
	word.erase(std::remove(word.begin(), word.end(), ':'), word.end());
	const Bytes b = read_hex(p, word);
	std::array<uint8_t, 6> mac;
	if (b.size() != mac.size())
		throw Error(p, "expected a MAC address, got '" + word + "'");
	std::copy(b.begin(), b.end(), mac.begin());
	return mac;
}

/// One of a row of words, taken in their order.
class Words
{
      public:
	Words(const Place &place, const std::string &text) : at(place), words(split(text))
	{
	}

	bool empty() const
	{
		return next == words.size();
	}

	const std::string &peek() const
	{
		static const std::string none;
		return empty() ? none : words[next];
	}

	std::string take(const std::string &what)
	{
		if (empty())
			throw Error(at, "expected " + what + ", got the end of the line");
		return words[next++];
	}

	bool take_if(const std::string &word)
	{
		if (peek() != word)
			return false;
		next++;
		return true;
	}

	const Place &at;

      private:
	std::vector<std::string> words;
	size_t next = 0;
};

Option read_option(const Place &p, const std::string &text)
{
	static const std::map<std::string, std::pair<Option::Kind, size_t>> kinds = {
		{"mss", {Option::kMss, 1}},       {"ws", {Option::kWs, 1}},
		{"sackOK", {Option::kSackOk, 0}}, {"ts", {Option::kTs, 2}},
		{"nop", {Option::kNop, 0}},       {"eol", {Option::kEol, 0}}};
	Words w(p, text);
	const std::string name = w.take("a TCP option");
	Option o;

	if (name == "raw") {
		o.kind = Option::kRaw;
		o.raw = read_hex(p, w.take("the option's bytes"));
	} else if (name == "sack") {
		o.kind = Option::kSack;
		while (!w.empty()) {
			const std::string block = w.take("a block");
			const size_t colon = block.find(':');
			if (colon == std::string::npos)
				throw Error(p, "expected a block left:right, got '" + block + "'");
			o.args.push_back(read_value(p, block.substr(0, colon)));
			o.args.push_back(read_value(p, block.substr(colon + 1)));
		}
	} else {
		const auto kind = kinds.find(name);
		if (kind == kinds.end())
			throw Error(p,
				    "expected mss, ws, sackOK, ts, sack, nop, eol or raw, got '" +
					    name + "'");
		o.kind = kind->second.first;
		for (size_t i = 0; i < kind->second.second; i++)
			o.args.push_back(read_value(p, w.take("a number for " + name)));
	}
	if (!w.empty())
		throw Error(p, "too much behind the option '" + name + "'");
	return o;
}

/// `mss 1460, nop, ws 7`; `...` stands for any.
std::optional<std::vector<Option>> read_options(const Place &p, const std::string &text)
{
	std::vector<Option> options;
	if (split(text) == std::vector<std::string>{"..."})
		return std::nullopt;
	std::istringstream in(text);
	for (std::string one; std::getline(in, one, ',');)
		if (!split(one).empty())
			options.push_back(read_option(p, one));
	return options;
}

bool is_flags(const std::string &word)
{
	return word == "-" ||
	       (!word.empty() && word.find_first_not_of("SFRPUEW.") == std::string::npos);
}

unsigned read_flags(const std::string &word)
{
	static const std::map<char, unsigned> flags = {{'S', SL_SYN}, {'F', SL_FIN}, {'R', SL_RST},
						       {'P', SL_PSH}, {'U', SL_URG}, {'E', SL_ECE},
						       {'W', SL_CWR}, {'.', SL_ACK}, {'-', 0}};
	unsigned all = 0;
	for (char c : word)
		all |= flags.at(c);
	return all;
}

/// `1:101(100)`, `1(100)`, `(100)`, `1`, `*`
void read_seq(const Place &p, const std::string &word, Packet *packet)
{
	const size_t open = word.find('('), colon = word.find(':');
	const std::string seq = word.substr(0, std::min(open, colon));

	if (!seq.empty())
		packet->seq = read_value(p, seq);
	if (open == std::string::npos) {
		if (colon != std::string::npos)
			throw Error(p, "expected seq:end(length), got '" + word + "'");
		return;
	}
	packet->len = read_number(p, word.substr(open + 1, word.find(')') - open - 1));
	if (colon == std::string::npos)
		return;
	const int64_t end = read_number(p, word.substr(colon + 1, open - colon - 1));
	if (packet->seq->any || end != packet->seq->lo + *packet->len)
		throw Error(p, "the numbers in '" + word + "' do not add up");
}

bool looks_like_seq(const std::string &word)
{
	return !word.empty() &&
	       (word[0] == '*' || std::isdigit(word[0]) || word[0] == '(' || word[0] == '-');
}

/// What may stand behind flags and numbers. Returns false when it is none of it.
bool read_field(Words *w, Packet *packet)
{
	const Place &p = w->at;
	const std::map<std::string, std::optional<Value> *> values = {{"ack", &packet->ack},
								      {"win", &packet->win},
								      {"urg", &packet->urg},
								      {"tos", &packet->tos},
								      {"ttl", &packet->ttl}};
	static const std::map<std::string, int> ecn = {
		{"notect", 0}, {"ect1", 1}, {"ect0", 2}, {"ce", 3}};
	const std::string name = w->take("a field");

	if (values.count(name)) {
		*values.at(name) = read_value(p, w->take("a number for " + name));
	} else if (ecn.count(name)) {
		packet->tos = Value{ecn.at(name), ecn.at(name), false};
	} else if (name == "badsum") {
		packet->bad_tcp_sum = true;
	} else if (name == "badipsum") {
		packet->bad_ip_sum = true;
	} else if (name == "vlan") {
		packet->vlan.push_back(
			static_cast<uint16_t>(read_number(p, w->take("a VLAN number"))));
	} else if (name == "smac") {
		packet->smac = read_mac(p, w->take("a MAC address"));
	} else if (name == "dmac") {
		packet->dmac = read_mac(p, w->take("a MAC address"));
	} else if (name == "nic") {
		const std::string says = w->take("good, bad or unknown");
		packet->nic = says == "good"  ? SL_CKSUM_GOOD
			      : says == "bad" ? SL_CKSUM_BAD
					      : SL_CKSUM_UNKNOWN;
	} else {
		return false;
	}
	return true;
}

Packet read_packet(const Place &p, std::string text);

void read_icmp_kind(Words *w, Packet *packet)
{
	struct Kind {
		uint8_t type4, code4, type6, code6;
	};
	static const std::map<std::string, Kind> kinds = {
		{"toobig", {3, 4, 2, 0}},      {"netunreach", {3, 0, 1, 0}},
		{"hostunreach", {3, 1, 1, 3}}, {"portunreach", {3, 3, 1, 4}},
		{"prohibited", {3, 13, 1, 1}}, {"timeout", {11, 0, 3, 0}},
		{"parameter", {12, 0, 4, 0}}};
	const std::string name = w->take("the kind of ICMP error");
	const auto kind = kinds.find(name);

	if (name == "type") {
		packet->icmp_type[0] = packet->icmp_type[1] =
			static_cast<uint8_t>(read_number(w->at, w->take("a type")));
		if (w->take_if("code"))
			packet->icmp_code[0] = packet->icmp_code[1] =
				static_cast<uint8_t>(read_number(w->at, w->take("a code")));
		return;
	}
	if (kind == kinds.end())
		throw Error(w->at, "expected toobig, netunreach, hostunreach, portunreach, "
				   "prohibited, timeout, parameter or type, got '" +
					   name + "'");
	packet->icmp_type[0] = kind->second.type4;
	packet->icmp_code[0] = kind->second.code4;
	packet->icmp_type[1] = kind->second.type6;
	packet->icmp_code[1] = kind->second.code6;
}

/// `toobig mtu 1400 bytes 8 quote . 1:101(100) ack 1`
Packet read_icmp(const Place &p, const std::string &text)
{
	const size_t quote = text.find(" quote ");
	Packet packet;
	Words w(p, text.substr(0, quote));

	packet.what = Packet::kIcmp;
	w.take("icmp");
	read_icmp_kind(&w, &packet);
	while (!w.empty()) {
		if (w.take_if("mtu"))
			packet.mtu = read_value(p, w.take("an MTU"));
		else if (w.take_if("bytes"))
			packet.quote_bytes =
				static_cast<int>(read_number(p, w.take("a number of bytes")));
		else if (!read_field(&w, &packet))
			throw Error(p, "expected mtu, bytes or quote");
	}
	if (quote != std::string::npos)
		packet.quote = std::make_shared<Packet>(read_packet(p, text.substr(quote + 7)));
	return packet;
}

Packet read_packet(const Place &p, std::string text)
{
	Packet packet;

	if (split(text).empty())
		throw Error(p, "expected a packet");
	if (split(text)[0] == "icmp")
		return read_icmp(p, text);
	const size_t open = text.find('<'), close = text.rfind('>');
	if (open != std::string::npos) {
		if (close == std::string::npos || close < open)
			throw Error(p, "the options' '<' is not closed");
		packet.options = read_options(p, text.substr(open + 1, close - open - 1));
		text = text.substr(0, open) + " " + text.substr(close + 1);
	}
	Words w(p, text);
	if (w.take_if("same")) {
		packet.what = Packet::kSame;
	} else if (w.take_if("raw")) {
		packet.what = Packet::kRaw;
		packet.raw = read_hex(p, w.take("a frame's bytes"));
	} else {
		const std::string flags = w.take("flags");
		if (!is_flags(flags))
			throw Error(p, "expected flags out of S F R P U E W . or -, got '" + flags +
					       "'");
		packet.flags = read_flags(flags);
		if (looks_like_seq(w.peek()))
			read_seq(p, w.take("numbers"), &packet);
	}
	while (!w.empty()) {
		const std::string name = w.peek();
		if (!read_field(&w, &packet))
			throw Error(p,
				    "expected ack, win, urg, tos, notect, ect0, ect1, ce, ttl, "
				    "badsum, badipsum, vlan, smac, dmac, nic or <options>, got '" +
					    name + "'");
	}
	return packet;
}

const std::map<std::string, Verb> verbs = {
	{"wait", Verb::kWait},   {"burst", Verb::kBurst},     {"end", Verb::kEnd},
	{"skip", Verb::kSkip},   {"nothing", Verb::kNothing}, {"flow", Verb::kFlow},
	{"isn", Verb::kIsn},     {"states", Verb::kStates},   {"count", Verb::kCount},
	{"timer", Verb::kTimer}, {"table", Verb::kTable},     {"held", Verb::kHeld},
	{"bytes", Verb::kBytes}, {"knows", Verb::kKnows},     {"gauge", Verb::kGauge},
	{"told", Verb::kTold},   {"reload", Verb::kReload},   {"clock", Verb::kClock},
	{"box", Verb::kBox},     {"spares", Verb::kSpares}};

/// `+0.5 client > ...`: the side, the way and the packet.
void read_exchange(Statement *s, const std::string &line)
{
	const size_t at = line.find_first_of("<>");
	const std::vector<std::string> words = split(line);
	if (words.size() < 2 || (words[1] != "<" && words[1] != ">"))
		throw Error(s->place, "expected '" + words[0] + " >' or '" + words[0] + " <'");
	s->client = words[0] == "client";
	s->verb = words[1] == ">" ? Verb::kSend : Verb::kSee;
	const std::string rest = line.substr(at + 1);
	if (s->verb == Verb::kSee && split(rest) == std::vector<std::string>{"nothing"}) {
		s->verb = Verb::kNothing;
		s->words = {words[0]};
		return;
	}
	s->packet = read_packet(s->place, rest);
}

Statement read_action(const Place &p, std::string line)
{
	Statement s;
	s.place = p;
	s.text = line;
	std::vector<std::string> words = split(line);
	if (words[0][0] == '+') {
		s.after_ms = read_ms(p, words[0].substr(1));
		line.erase(line.find(words[0]), words[0].size());
		words.erase(words.begin());
		if (words.empty())
			throw Error(p, "expected a statement behind the time");
	}
	if (words[0] == "client" || words[0] == "server") {
		read_exchange(&s, line);
		return s;
	}
	const auto verb = verbs.find(words[0]);
	if (verb == verbs.end())
		throw Error(p, "expected a setting or a statement, got '" + words[0] + "'");
	if (s.after_ms)
		throw Error(p, "a time may stand before a packet only; there is 'wait'");
	s.verb = verb->second;
	s.words.assign(words.begin() + 1, words.end());
	if (s.verb == Verb::kWait || s.verb == Verb::kClock) {
		if (s.words.size() != 1)
			throw Error(p, "expected '" + words[0] + "' and a time");
		s.after_ms = read_ms(p, s.words[0]);
	}
	return s;
}

/// `1460|1440`: the one for IPv4, and the one for IPv6.
std::string of_family(std::string line, bool v6)
{
	static const char *const around = " \t,<>";
	for (size_t bar; (bar = line.find('|')) != std::string::npos;) {
		const size_t before = line.find_last_of(around, bar);
		const size_t first = before == std::string::npos ? 0 : before + 1;
		const size_t end = std::min(line.find_first_of(around, bar), line.size());
		line = line.substr(0, first) +
		       (v6 ? line.substr(bar + 1, end - bar - 1)
			   : line.substr(first, bar - first)) +
		       line.substr(end);
	}
	return line;
}

class Reader
{
      public:
	explicit Reader(bool six) : v6(six)
	{
	}

	Script script;

	void file(const std::string &path)
	{
		std::ifstream in(path);
		Place place = {path, 0};
		const int64_t before = times;
		if (!in)
			throw Error(place, "cannot be read");
		for (std::string line; std::getline(in, line);) {
			place.line++;
			line.erase(std::min(line.find('#'), line.size()));
			if (!split(line).empty())
				statement(place, of_family(line, v6));
		}
		if (times != before)
			throw Error(place, "a 'repeat' has no 'done'");
	}

      private:
	const bool v6;
	bool has_isn = false;
	int64_t times = 0; ///< of the repetition that is being read
	size_t first = 0;  ///< its first statement

	void statement(const Place &p, const std::string &line)
	{
		static const std::vector<std::string> settings = {"service", "limit", "setup",
								  "learned", "ts"};
		std::vector<std::string> words = split(line);
		const std::string &name = words[0];

		if (name == "rule:" || name == "source:") {
			header(p, line, words);
		} else if (name == "include") {
			if (words.size() != 2)
				throw Error(p, "expected one file to include");
			file(p.file.substr(0, p.file.rfind('/') + 1) + words[1]);
		} else if (name == "family") {
			if (words.size() != 2 || (words[1] != "v4" && words[1] != "v6"))
				throw Error(p, "expected family v4 or family v6");
			script.v6 = words[1] == "v6";
		} else if (name == "isn" && !has_isn) {
			start(p, words);
		} else if (name == "repeat" || name == "done") {
			repeat(p, words);
		} else if (std::count(settings.begin(), settings.end(), name)) {
			setting(p, line, words);
		} else {
			if (!has_isn)
				throw Error(p, "expected isn client N server N first");
			script.actions.push_back(read_action(p, line));
		}
	}

	void header(const Place &p, const std::string &line, std::vector<std::string> words)
	{
		if (words.size() < 2)
			throw Error(p, "expected something behind " + words[0]);
		if (words[0] == "rule:")
			script.rules.insert(script.rules.end(), words.begin() + 1, words.end());
		else
			script.sources.push_back(line.substr(line.find(words[1])));
	}

	void start(const Place &p, const std::vector<std::string> &words)
	{
		if (words.size() != 5 || words[1] != "client" || words[3] != "server")
			throw Error(p, "expected isn client N server N");
		script.isn = static_cast<uint32_t>(read_number(p, words[2]));
		script.iss = static_cast<uint32_t>(read_number(p, words[4]));
		has_isn = true;
	}

	/// What stands between `repeat N` and `done` happens N times.
	void repeat(const Place &p, const std::vector<std::string> &words)
	{
		std::vector<Statement> &all = script.actions;
		if (words[0] == "repeat") {
			if (words.size() != 2 || times != 0)
				throw Error(p, "expected repeat N, and not inside another");
			times = read_number(p, words[1]);
			first = all.size();
			return;
		}
		const std::vector<Statement> body(all.begin() + static_cast<long>(first),
						  all.end());
		for (; times > 1; times--)
			all.insert(all.end(), body.begin(), body.end());
		times = 0;
	}

	void setting(const Place &p, const std::string &line, const std::vector<std::string> &words)
	{
		if (!script.actions.empty())
			throw Error(p, "a setting stands before the first statement");
		Statement s;
		s.place = p;
		s.text = line;
		s.words = words;
		script.settings.push_back(s);
	}
};

} // namespace

Script read(const std::string &path, bool v6)
{
	Reader reader(v6);
	const size_t slash = path.rfind('/') + 1;

	reader.script.path = path;
	reader.script.name = path.substr(slash, path.rfind('.') - slash);
	reader.file(path);
	const Place whole = {path, 1};
	if (reader.script.rules.empty())
		throw Error(whole, "expected a line 'rule: ID'");
	if (reader.script.sources.empty())
		throw Error(whole, "expected a line 'source: RFC ...'");
	if (reader.script.actions.empty())
		throw Error(whole, "expected statements");
	return reader.script;
}

} // namespace script
