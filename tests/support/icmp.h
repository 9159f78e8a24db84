// SPDX-License-Identifier: BSD-3-Clause
//
// ICMP errors for tests, written without the library's code, like frame.h.
//
//	Bytes error = Icmp{.about = segment, .type = 3, .code = 4, .word = 1400}.bytes();
//
#ifndef TESTS_SUPPORT_ICMP_H
#define TESTS_SUPPORT_ICMP_H

#include <algorithm>

#include "frame.h"

namespace sl_test
{

/// The checksum of a message; 0 over one that carries a right one.
inline uint16_t icmp_cksum(bool v6, const Bytes &src, const Bytes &dst, const Bytes &message)
{
	Bytes pseudo;
	if (v6) {
		pseudo = src + dst;
		put32(pseudo, static_cast<uint32_t>(message.size()));
		put32(pseudo, 58);
	}
	return slow_cksum(pseudo + message);
}

struct Icmp {
	Frame about;      ///< what is quoted, as it went by
	uint8_t type = 0; ///< 0: too big, of either family
	uint8_t code = 0;
	uint32_t word = 1400; ///< ICMP's second word
	size_t quoted = 1000; ///< bytes of TCP, as far as there are so many
	Bytes more = {};      ///< behind the quote
	std::string router = {};
	std::string to = {}; ///< the sender of what is quoted

	bool bad_checksum = false;

	Bytes message(const Bytes &src, const Bytes &dst) const
	{
		const bool v6 = about.v6();
		Bytes quote = about.packet();
		quote.resize(std::min(quote.size(), about.l4_off() - about.l3_off() + quoted));
		Bytes b = {type, code, 0, 0};
		if (type == 0) {
			b[0] = v6 ? 2 : 3;
			b[1] = v6 ? 0 : 4;
		}
		put32(b, word);
		b = b + quote + more;
		const uint16_t sum = static_cast<uint16_t>(icmp_cksum(v6, src, dst, b) ^
							   (bad_checksum ? 0x0100 : 0));
		b[2] = static_cast<uint8_t>(sum >> 8);
		b[3] = static_cast<uint8_t>(sum);
		return b;
	}

	Bytes bytes() const
	{
		const bool v6 = about.v6();
		Frame f;
		f.src = !router.empty() ? router : v6 ? "2001:db8:ffff::1" : "203.0.113.1";
		f.dst = to.empty() ? about.src : to;
		f.vlan = about.vlan;
		const Bytes l4 = message(addr_bytes(f.src), addr_bytes(f.dst));
		Bytes b = f.bytes(), ip;
		b.resize(f.l3_off());
		if (v6) {
			put32(ip, 6u << 28);
			put16(ip, static_cast<uint16_t>(l4.size()));
			ip = ip + Bytes{58, 64} + addr_bytes(f.src) + addr_bytes(f.dst);
		} else {
			ip = {0x45, 0xc0};
			put16(ip, static_cast<uint16_t>(20 + l4.size()));
			put32(ip, 0);
			ip = ip + Bytes{64, 1, 0, 0} + addr_bytes(f.src) + addr_bytes(f.dst);
			const uint16_t sum = slow_cksum(ip);
			ip[10] = static_cast<uint8_t>(sum >> 8);
			ip[11] = static_cast<uint8_t>(sum);
		}
		return b + ip + l4;
	}
};

/// Whether the checksum of a frame that parsed as an ICMP error is right.
inline bool icmp_cksum_right(const Bytes &frame, const sl_seg &seg)
{
	const size_t n = seg.v6 ? 16 : 4, at = seg.l3_off + (seg.v6 ? 8u : 12u);
	const auto f = frame.begin();
	return icmp_cksum(seg.v6, Bytes(f + at, f + at + n), Bytes(f + at + n, f + at + 2 * n),
			  Bytes(f + seg.l4_off, f + seg.payload_off + seg.payload_len)) == 0;
}

} // namespace sl_test

#endif
