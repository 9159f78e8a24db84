// SPDX-License-Identifier: BSD-3-Clause
//
// What is asked of a host below TCP, and what it answers, for tests: ARP, Neighbour Discovery,
// echo; written without the library's code, like frame.h.
//
//	Bytes request = Arp{.sender = "192.0.2.1", .target = "192.0.2.2"}.bytes();
//
#ifndef TESTS_SUPPORT_ASK_H
#define TESTS_SUPPORT_ASK_H

#include <algorithm>

#include "icmp.h"

namespace sl_test
{

using Mac = std::array<uint8_t, 6>;

const Mac kAsker = {2, 0, 0, 0, 0, 1}, kBroadcast = {255, 255, 255, 255, 255, 255};

/// A link-layer header: who, from whom, with which tags.
struct Link {
	Mac dmac = {2, 0, 0, 0, 0, 2};
	Mac smac = kAsker;
	std::vector<uint16_t> vlan = {}; ///< as they stand in the tags, outermost first
	std::vector<uint16_t> tag = {};  ///< their EtherTypes, where not the usual ones

	Bytes frame(uint16_t type, const Bytes &packet) const
	{
		Bytes b(dmac.begin(), dmac.end());
		b.insert(b.end(), smac.begin(), smac.end());
		for (size_t i = 0; i < vlan.size(); i++) {
			const uint16_t usual = i + 1 < vlan.size() ? 0x88a8 : 0x8100;
			put16(b, i < tag.size() ? tag[i] : usual);
			put16(b, vlan[i]);
		}
		put16(b, type);
		return b + packet;
	}
};

struct Arp {
	std::string sender = "192.0.2.1";
	std::string target = "192.0.2.2";
	uint16_t op = 1;
	Mac sha = kAsker;
	Mac tha = {};
	Link link = {.dmac = kBroadcast};
	uint16_t htype = 1;
	uint16_t ptype = 0x0800;
	uint8_t hlen = 6;
	uint8_t plen = 4;

	Bytes bytes() const
	{
		Bytes b;
		put16(b, htype);
		put16(b, ptype);
		b = b + Bytes{hlen, plen};
		put16(b, op);
		b = b + Bytes(sha.begin(), sha.end()) + addr_bytes(sender);
		b = b + Bytes(tha.begin(), tha.end()) + addr_bytes(target);
		return link.frame(0x0806, b);
	}
};

/// A message of ICMP or ICMPv6 that quotes nothing.
struct Message {
	std::string src, dst; ///< both IPv4, or both IPv6
	uint8_t type = 0;
	uint8_t code = 0;
	Bytes body = {}; ///< behind the checksum
	Link link = {};
	uint8_t ttl = 64;
	uint8_t tos = 0;
	uint32_t flow = 0;                      ///< IPv6's label
	uint16_t ip_id = 0;                     ///< IPv4's
	uint16_t ip_fragment = 0x4000;          ///< IPv4's flags and offset
	Bytes ip_options = {};                  ///< IPv4's, a multiple of 4
	std::vector<Extension> extensions = {}; ///< IPv6's
	int ip_len = -1;                        ///< what IP says it is long; -1: what is right

	bool bad_ip_checksum = false;
	bool bad_checksum = false;

	bool v6() const
	{
		return src.find(':') != std::string::npos;
	}

	Bytes message() const
	{
		Bytes b = Bytes{type, code, 0, 0} + body;
		const uint16_t sum = icmp_cksum(v6(), addr_bytes(src), addr_bytes(dst), b) ^
				     (bad_checksum ? 0x0100 : 0);
		b[2] = static_cast<uint8_t>(sum >> 8);
		b[3] = static_cast<uint8_t>(sum);
		return b;
	}

	Bytes packet4() const
	{
		const Bytes icmp = message();
		const size_t hdr = 20 + ip_options.size();
		Bytes b = {static_cast<uint8_t>(0x40 | hdr / 4), tos};
		put16(b, static_cast<uint16_t>(ip_len < 0 ? hdr + icmp.size() : ip_len));
		put16(b, ip_id);
		put16(b, ip_fragment);
		b = b + Bytes{ttl, 1, 0, 0} + addr_bytes(src) + addr_bytes(dst) + ip_options;
		const uint16_t sum = slow_cksum(b) ^ (bad_ip_checksum ? 0x0100 : 0);
		b[10] = static_cast<uint8_t>(sum >> 8);
		b[11] = static_cast<uint8_t>(sum);
		return b + icmp;
	}

	Bytes packet6() const
	{
		Bytes chain, b;
		for (size_t i = 0; i < extensions.size(); i++) {
			Bytes e = extensions[i].bytes;
			e[0] = i + 1 < extensions.size() ? extensions[i + 1].type : 58;
			chain = chain + e;
		}
		const Bytes rest = chain + message();
		put32(b, 6u << 28 | static_cast<uint32_t>(tos) << 20 | flow);
		put16(b, static_cast<uint16_t>(ip_len < 0 ? rest.size() : ip_len));
		b.push_back(extensions.empty() ? 58 : extensions[0].type);
		b.push_back(ttl);
		return b + addr_bytes(src) + addr_bytes(dst) + rest;
	}

	Bytes bytes() const
	{
		return link.frame(v6() ? 0x86dd : 0x0800, v6() ? packet6() : packet4());
	}
};

/// An echo request, or the reply to one.
inline Message echo(const std::string &src, const std::string &dst, const std::string &data = "abc",
		    bool reply = false, uint16_t id = 0x1234, uint16_t seq = 7)
{
	Message m = {.src = src, .dst = dst};
	put16(m.body, id);
	put16(m.body, seq);
	m.body = m.body + Bytes(data.begin(), data.end());
	m.type = m.v6() ? (reply ? 129 : 128) : (reply ? 0 : 8);
	return m;
}

/// RFC 4291 section 2.7.1.
inline std::string solicited_node(const std::string &target)
{
	const Bytes b = addr_bytes(target);
	char text[INET6_ADDRSTRLEN], group[16] = {};
	group[0] = static_cast<char>(0xff);
	group[1] = 2;
	group[11] = 1;
	group[12] = static_cast<char>(0xff);
	std::copy(b.end() - 3, b.end(), group + 13);
	return inet_ntop(AF_INET6, group, text, sizeof(text));
}

/// An option of Neighbour Discovery with a MAC: 1 is the source's, 2 the target's.
inline Bytes mac_option(uint8_t type, const Mac &mac)
{
	return Bytes{type, 1} + Bytes(mac.begin(), mac.end());
}

/// A Neighbour Solicitation; without `dst`, to the solicited-node group.
inline Message solicitation(const std::string &src, const std::string &target,
			    const Bytes &options = {}, const std::string &dst = {})
{
	Message m = {.src = src, .dst = dst.empty() ? solicited_node(target) : dst, .type = 135};
	const Bytes d = addr_bytes(m.dst);
	m.body = Bytes(4, 0) + addr_bytes(target) + options;
	m.ttl = 255;
	if (d[0] == 0xff)
		m.link.dmac = {0x33, 0x33, d[12], d[13], d[14], d[15]};
	return m;
}

/// A Neighbour Advertisement of `mac`, with these flags.
inline Message advertisement(const std::string &target, const std::string &dst, uint8_t flags,
			     const Mac &mac)
{
	Message m = {.src = target, .dst = dst, .type = 136};
	m.body = Bytes{flags, 0, 0, 0} + addr_bytes(target) + mac_option(2, mac);
	m.ttl = 255;
	return m;
}

} // namespace sl_test

#endif
