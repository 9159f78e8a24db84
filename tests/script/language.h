// SPDX-License-Identifier: BSD-3-Clause
//
// Packet scripts as text: a file becomes a list of statements. README.md has the language.
//
// Neighbours: packet.h gives the packets of a statement their numbers, play.h runs the statements.
//
#ifndef TESTS_SCRIPT_LANGUAGE_H
#define TESTS_SCRIPT_LANGUAGE_H

#include "frame.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace script
{

using sl_test::Bytes;

/// Where a statement stands.
struct Place {
	std::string file;
	int line = 0;
};

/// A script that cannot be understood.
class Error : public std::runtime_error
{
      public:
	Error(const Place &p, const std::string &what);
};

/// A number as a script writes it: one, a range `a..b`, or `*` for any.
struct Value {
	int64_t lo = 0, hi = 0;
	bool any = false;

	bool holds(int64_t n) const
	{
		return any || (n >= lo && n <= hi);
	}
	std::string text() const;
};

/// A TCP option. The arguments are the numbers that stand behind its name.
struct Option {
	enum Kind { kMss, kWs, kSackOk, kTs, kSack, kNop, kEol, kRaw } kind;
	std::vector<Value> args;
	Bytes raw; ///< of kRaw: kind, length and all
};

/// What a script says of a packet: to be sent, or to be seen. What it leaves out is the obvious
/// when sent, and free when seen.
struct Packet {
	enum What { kTcp, kIcmp, kRaw, kSame } what = kTcp;

	unsigned flags = 0;
	std::optional<Value> seq, ack, win, urg, tos, ttl;
	std::optional<int64_t> len;
	std::optional<std::vector<Option>> options;
	std::vector<uint16_t> vlan;
	std::optional<std::array<uint8_t, 6>> smac, dmac;
	bool bad_tcp_sum = false, bad_ip_sum = false;
	std::optional<uint8_t> nic; ///< what the NIC says of the sums: enum sl_cksum

	Bytes raw; ///< of kRaw: the whole frame

	// Of kIcmp: an error, by its numbers in either family, and the packet that it quotes.
	uint8_t icmp_type[2] = {}, icmp_code[2] = {}; ///< [0] ICMPv4, [1] ICMPv6
	std::optional<Value> mtu;
	std::shared_ptr<Packet> quote; ///< nullptr: the last that was seen there
	int quote_bytes = -1;          ///< of the quoted TCP segment; -1: as many as fit

	bool has(unsigned flag) const
	{
		return flags & flag;
	}
};

enum class Verb {
	kSend, ///< client > ..., server > ...
	kSee,  ///< client < ..., server < ...
	kWait,
	kBurst, ///< what is sent up to kEnd arrives at once
	kEnd,
	kSkip, ///< whatever came out is of no interest here
	kNothing,
	kFlow,
	kIsn,
	kStates,
	kCount,
	kTimer,
	kTable,
	kHeld,
	kBytes,
	kKnows,
	kGauge,
	kTold,
	kReload,
	kClock,
	kBox,
	kSpares,
};

struct Statement {
	Place place;
	std::string text; ///< the line as it stands there
	Verb verb = Verb::kSkip;
	bool client = false;             ///< of kSend, kSee: the side
	std::optional<int64_t> after_ms; ///< `+T` before it, or of kWait, kClock
	Packet packet;
	std::vector<std::string> words; ///< arguments of the other verbs
};

/// A whole file.
struct Script {
	std::string path, name; ///< the file's; the name without directory and .pkt
	std::vector<std::string> rules, sources;
	std::vector<Statement> settings; ///< words[0] names it
	std::vector<Statement> actions;
	uint32_t isn = 0, iss = 0; ///< where the client's and the server's numbers start
	std::optional<bool> v6;    ///< the only family in which it makes sense
};

/// Reads a file as it is for one family. Parts that it includes are looked for beside it. Throws
/// Error.
Script read(const std::string &path, bool v6);

/// Reads a duration: 10, 0.5, 500ms, 10s, 10m, 2h.
int64_t read_ms(const Place &p, const std::string &word);

/// Reads a whole number, decimal or 0x...
int64_t read_number(const Place &p, const std::string &word);

} // namespace script

#endif
