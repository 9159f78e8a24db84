// SPDX-License-Identifier: BSD-3-Clause
//
// Packets of a script: made of bytes, compared, and made readable. Numbers in a script are
// relative, as in a trace: each end's SYN is 0, its first byte 1. What they are relative to depends
// on where one looks: outside the box a server's numbers begin at the cookie that the client was
// told, inside at the server's own ISN; and so do timestamps.
//
// Neighbours: language.h below, play.h above.
//
#ifndef TESTS_SCRIPT_PACKET_H
#define TESTS_SCRIPT_PACKET_H

#include "language.h"
#include "road.h"

namespace script
{

/// The two ends of a connection, and the two sides of the box on which they are.
enum End { kClient, kServer, kEnds };

/// A connection's addresses and numbers.
struct Flow {
	std::string addr[kEnds];
	uint16_t port[kEnds] = {40000, 80};
	uint32_t isn[kEnds] = {};          ///< as each end chose it
	uint32_t ts[kEnds] = {};           ///< of each end's clock, where TSvals count from
	std::optional<uint32_t> cookie;    ///< the server's ISN as the client was told it
	std::optional<uint32_t> cookie_ts; ///< the TSval that came with it
	int64_t next[kEnds] = {};          ///< what each end sends next, relative
	int64_t seen[kEnds] = {};          ///< what each end has received, relative to its peer

	/// Where the numbers of `sender` begin on the side of `at`; 0 while nobody knows.
	uint32_t base(End sender, End at) const
	{
		if (sender == kServer && at == kClient)
			return cookie.value_or(0);
		return isn[sender];
	}

	uint32_t ts_base(End sender, End at) const
	{
		if (sender == kServer && at == kClient)
			return cookie_ts.value_or(0);
		return ts[sender];
	}
};

inline End other(End e)
{
	return e == kClient ? kServer : kClient;
}

/// The payload that an end always sends at a place of its stream.
std::string stream(End sender, uint32_t relative, size_t len);

/// The frame that a statement sends from the end `sender`, which is on the side `at` (for a quoted
/// packet: on the other). `quoted` is what an ICMP error quotes when the script does not say.
Bytes build(const Packet &p, const Flow &flow, End sender, End at, const Bytes &quoted);

/// What is different between a frame that was seen on the side `at` and what the script says of
/// it: "" for nothing.
std::string differs(const Packet &p, const Flow &flow, End at, const Bytes &frame);

/// A frame seen on the side `at` as a script would write it.
std::string render(const Flow &flow, End at, const Bytes &frame);

} // namespace script

#endif
