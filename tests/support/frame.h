// SPDX-License-Identifier: BSD-3-Clause
//
// Frames for tests, written without a line of the library's code, so that a mistake of its own does
// not hide itself: Ethernet, VLAN tags, IPv4 with options, IPv6 with extension headers, TCP with
// options and payload, checksums right unless a test wants them wrong.
//
//	sl_test::Frame syn{.src = "198.51.100.7", .dst = "192.0.2.2", .sport = 40000, .dport = 80,
//			   .seq = 1000, .flags = SL_SYN, .options = mss(1460) + sackok()};
//	sl_test::Buffer packet(syn.bytes());
//	sl_wire_parse(packet.buf.data, packet.buf.len, &seg);
//
#ifndef TESTS_SUPPORT_FRAME_H
#define TESTS_SUPPORT_FRAME_H

#include "sl_buf.h"
#include "sl_wire.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace sl_test
{

using Bytes = std::vector<uint8_t>;

inline Bytes operator+(Bytes a, const Bytes &b)
{
	a.insert(a.end(), b.begin(), b.end());
	return a;
}

inline void put16(Bytes &b, uint16_t v)
{
	b.push_back(static_cast<uint8_t>(v >> 8));
	b.push_back(static_cast<uint8_t>(v));
}

inline void put32(Bytes &b, uint32_t v)
{
	put16(b, static_cast<uint16_t>(v >> 16));
	put16(b, static_cast<uint16_t>(v));
}

/// Bytes written as hexadecimal digits; spaces do not count.
inline Bytes hex(const std::string &text)
{
	std::string digits;
	Bytes out;
	for (char c : text)
		if (c != ' ')
			digits += c;
	for (size_t i = 0; i + 1 < digits.size(); i += 2)
		out.push_back(static_cast<uint8_t>(std::stoul(digits.substr(i, 2), nullptr, 16)));
	return out;
}

// TCP options, unpadded: Frame pads them with EOL to a multiple of 4.

inline Bytes eol()
{
	return {0};
}

inline Bytes nop(size_t n = 1)
{
	return Bytes(n, 1);
}

inline Bytes mss(uint16_t v)
{
	Bytes b = {2, 4};
	put16(b, v);
	return b;
}

inline Bytes ws(uint8_t shift)
{
	return {3, 3, shift};
}

inline Bytes sackok()
{
	return {4, 2};
}

inline Bytes ts(uint32_t val, uint32_t ecr)
{
	Bytes b = {8, 10};
	put32(b, val);
	put32(b, ecr);
	return b;
}

/// A SACK option of the edges given: left, right, left, right, ...
inline Bytes sack(const std::vector<uint32_t> &edges)
{
	Bytes b = {5, static_cast<uint8_t>(2 + 4 * edges.size())};
	for (uint32_t e : edges)
		put32(b, e);
	return b;
}

/// An IPv6 extension header. `bytes` is the whole header; its first byte is overwritten with the
/// type of what follows.
struct Extension {
	uint8_t type;
	Bytes bytes;
};

/// Hop-by-hop (0), destination options (60) and their like: `words` times 8 bytes of padding.
inline Extension extension(uint8_t type, size_t words = 1)
{
	Bytes b(8 * words, 0);
	b[1] = static_cast<uint8_t>(words - 1);
	return {type, b};
}

inline Extension fragment(unsigned offset_bytes, bool more, uint32_t id = 1)
{
	Bytes b = {0, 0};
	put16(b, static_cast<uint16_t>((offset_bytes & 0xfff8) | (more ? 1 : 0)));
	put32(b, id);
	return {44, b};
}

/// The Internet checksum as RFC 1071 says it, word by word; 0 over what carries a right one.
inline uint16_t slow_cksum(const Bytes &b, uint32_t sum = 0)
{
	for (size_t i = 0; i < b.size(); i++)
		sum += i % 2 == 0 ? static_cast<uint32_t>(b[i]) << 8 : b[i];
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return static_cast<uint16_t>(~sum);
}

/// An address in network order: 4 or 16 bytes.
inline Bytes addr_bytes(const std::string &text)
{
	uint8_t b[16];
	if (inet_pton(AF_INET, text.c_str(), b) == 1)
		return Bytes(b, b + 4);
	if (inet_pton(AF_INET6, text.c_str(), b) == 1)
		return Bytes(b, b + 16);
	throw std::invalid_argument("no address: " + text);
}

inline sl_addr addr(const std::string &text)
{
	sl_addr a;
	if (sl_addr_parse(&a, text.c_str()) != 0)
		throw std::invalid_argument("no address: " + text);
	return a;
}

/// TCP's checksum over the pseudo-header of two addresses (network order) and a whole segment; 0
/// when the segment carries a right one.
inline uint16_t tcp_cksum(const Bytes &src, const Bytes &dst, const Bytes &segment)
{
	Bytes pseudo = src + dst;
	put32(pseudo, static_cast<uint32_t>(segment.size()));
	put32(pseudo, 6);
	return slow_cksum(pseudo + segment);
}

/// One frame to be. The fields in the order in which designated initialisers must name them.
struct Frame {
	std::string src = "198.51.100.7"; ///< both IPv4, or both IPv6
	std::string dst = "192.0.2.2";
	uint16_t sport = 40000;
	uint16_t dport = 80;
	uint32_t seq = 0;
	uint32_t ack = 0;
	unsigned flags = SL_ACK;
	uint16_t wnd = 0xffff;
	Bytes options = {}; ///< TCP's, padded to a multiple of 4 with zeros
	std::string payload = {};

	std::vector<uint16_t> vlan = {}; ///< VIDs, outermost first; two or more: 0x88a8 outside
	std::array<uint8_t, 6> smac = {2, 0, 0, 0, 0, 1};
	std::array<uint8_t, 6> dmac = {2, 0, 0, 0, 0, 2};
	uint8_t ttl = 64;
	uint8_t tos = 0;                        ///< IPv6's traffic class
	Bytes ip_options = {};                  ///< IPv4's, padded to a multiple of 4 with zeros
	uint16_t ip_fragment = 0x4000;          ///< IPv4's flags and offset as they stand there
	std::vector<Extension> extensions = {}; ///< IPv6's, in their order
	uint8_t proto = 6;                      ///< what IP says it carries
	uint16_t urgent = 0;
	int data_offset = -1; ///< in words; -1: the right one

	bool bad_ip_checksum = false;
	bool bad_tcp_checksum = false;
	size_t trailer = 0; ///< bytes of Ethernet padding behind the packet
	int cut = -1;       ///< bytes of the frame that are left; -1: all

	bool v6() const
	{
		return src.find(':') != std::string::npos;
	}

	size_t l3_off() const
	{
		return 14 + 4 * vlan.size();
	}

	size_t l4_off() const
	{
		size_t n = l3_off() + (v6() ? 40 : 20 + (ip_options.size() + 3) / 4 * 4);
		for (const Extension &e : extensions)
			n += e.bytes.size();
		return n;
	}

	size_t payload_off() const
	{
		return l4_off() + 20 + (options.size() + 3) / 4 * 4;
	}

	/// TCP header and payload.
	Bytes segment() const
	{
		Bytes padded = options, b;
		padded.resize((options.size() + 3) / 4 * 4);
		put16(b, sport);
		put16(b, dport);
		put32(b, seq);
		put32(b, ack);
		const size_t words = data_offset >= 0 ? data_offset : 5 + padded.size() / 4;
		b.push_back(static_cast<uint8_t>(words << 4));
		b.push_back(static_cast<uint8_t>(flags));
		put16(b, wnd);
		put16(b, 0);
		put16(b, urgent);
		b = b + padded + Bytes(payload.begin(), payload.end());
		const uint16_t sum =
			static_cast<uint16_t>(tcp_cksum(addr_bytes(src), addr_bytes(dst), b) ^
					      (bad_tcp_checksum ? 0x0100 : 0));
		b[16] = static_cast<uint8_t>(sum >> 8);
		b[17] = static_cast<uint8_t>(sum);
		return b;
	}

	/// IP packet.
	Bytes packet() const
	{
		return v6() ? packet6() : packet4();
	}

	/// The whole frame.
	Bytes bytes() const
	{
		Bytes b(dmac.begin(), dmac.end());
		b.insert(b.end(), smac.begin(), smac.end());
		for (size_t i = 0; i < vlan.size(); i++) {
			put16(b, i + 1 < vlan.size() ? 0x88a8 : 0x8100);
			put16(b, vlan[i]);
		}
		put16(b, v6() ? 0x86dd : 0x0800);
		b = b + packet() + Bytes(trailer, 0);
		if (cut >= 0 && static_cast<size_t>(cut) < b.size())
			b.resize(static_cast<size_t>(cut));
		return b;
	}

      private:
	Bytes packet4() const
	{
		const Bytes tcp = segment();
		Bytes padded = ip_options, b;
		padded.resize((ip_options.size() + 3) / 4 * 4);
		b.push_back(static_cast<uint8_t>(0x40 | (5 + padded.size() / 4)));
		b.push_back(tos);
		put16(b, static_cast<uint16_t>(20 + padded.size() + tcp.size()));
		put16(b, 0);
		put16(b, ip_fragment);
		b.push_back(ttl);
		b.push_back(proto);
		put16(b, 0);
		b = b + addr_bytes(src) + addr_bytes(dst) + padded;
		const uint16_t sum =
			static_cast<uint16_t>(slow_cksum(b) ^ (bad_ip_checksum ? 0x0100 : 0));
		b[10] = static_cast<uint8_t>(sum >> 8);
		b[11] = static_cast<uint8_t>(sum);
		return b + tcp;
	}

	Bytes packet6() const
	{
		const Bytes tcp = segment();
		Bytes chain, b;
		for (size_t i = 0; i < extensions.size(); i++) {
			Bytes e = extensions[i].bytes;
			e[0] = i + 1 < extensions.size() ? extensions[i + 1].type : proto;
			chain = chain + e;
		}
		put32(b, 6u << 28 | static_cast<uint32_t>(tos) << 20);
		put16(b, static_cast<uint16_t>(chain.size() + tcp.size()));
		b.push_back(extensions.empty() ? proto : extensions[0].type);
		b.push_back(ttl);
		return b + addr_bytes(src) + addr_bytes(dst) + chain + tcp;
	}
};

/// A frame in memory of its own with room around it, and the descriptor that the road sees. The
/// descriptor's handle is this object. Not to be moved.
struct Buffer {
	explicit Buffer(const Bytes &frame, size_t headroom = 64, size_t tailroom = 192)
	    : size(headroom + frame.size() + tailroom), memory(new uint8_t[size])
	{
		std::memset(memory.get(), 0xa5, size);
		buf.data = memory.get() + headroom;
		std::copy(frame.begin(), frame.end(), buf.data);
		buf.handle = this;
		buf.len = static_cast<uint16_t>(frame.size());
		buf.headroom = static_cast<uint16_t>(headroom);
		buf.tailroom = static_cast<uint16_t>(tailroom);
	}
	Buffer(const Buffer &) = delete;
	Buffer &operator=(const Buffer &) = delete;

	Bytes bytes() const
	{
		return Bytes(buf.data, buf.data + buf.len);
	}

	size_t size;
	std::unique_ptr<uint8_t[]> memory;
	sl_buf buf = {};
};

/// Parses a copy of the frame that ends where the frame does, so that ASan sees a byte too far.
inline sl_parsed parse_exact(const Bytes &frame, sl_seg *seg)
{
	std::unique_ptr<uint8_t[]> exact(new uint8_t[frame.size()]);
	std::copy(frame.begin(), frame.end(), exact.get());
	return sl_wire_parse(exact.get(), static_cast<uint16_t>(frame.size()), seg);
}

/// What a frame carries from byte `off` on.
inline Bytes tail(const Bytes &frame, size_t off)
{
	return Bytes(frame.begin() + static_cast<long>(off), frame.end());
}

/// Whether the TCP checksum of a frame that parsed as TCP is right, by slow_cksum.
inline bool tcp_cksum_right(const Bytes &frame, const sl_seg &seg)
{
	const size_t n = seg.v6 ? 16 : 4, at = seg.l3_off + (seg.v6 ? 8u : 12u);
	const auto f = frame.begin();
	return tcp_cksum(Bytes(f + at, f + at + n), Bytes(f + at + n, f + at + 2 * n),
			 Bytes(f + seg.l4_off, f + seg.payload_off + seg.payload_len)) == 0;
}

/// Whether an IPv4 header's checksum is right, by slow_cksum; always for IPv6.
inline bool ip_cksum_right(const Bytes &frame, const sl_seg &seg)
{
	const auto ip = frame.begin() + seg.l3_off;
	return seg.v6 || slow_cksum(Bytes(ip, ip + (*ip & 0xf) * 4)) == 0;
}

} // namespace sl_test

#endif
