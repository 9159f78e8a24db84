// SPDX-License-Identifier: BSD-3-Clause
//
// Captures (pcap, pcapng) read through libpcap, as Ethernet frames whatever they were taken on.
// They lie outside the project, so tests that want them skip, saying so, where they are not:
// SL_CAPTURES in the environment names their folder, else the build's option does.
//
#ifndef TESTS_SUPPORT_CAPTURE_H
#define TESTS_SUPPORT_CAPTURE_H

#include "frame.h"

#include <pcap/pcap.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <utility>

namespace sl_test
{

struct Captured {
	uint64_t time_us; ///< since 1970
	Bytes frame;      ///< Ethernet; a header is put before packets that were taken without
};

inline std::string captures_dir()
{
	const char *env = std::getenv("SL_CAPTURES");
	return env != nullptr ? env : SL_CAPTURES_DIR;
}

/// Every capture below the folder, sorted by name; empty where there is none.
inline std::vector<std::string> capture_files()
{
	std::vector<std::string> files;
	std::error_code error;
	for (const auto &e : std::filesystem::recursive_directory_iterator(captures_dir(), error))
		if (e.path().extension() == ".pcap" || e.path().extension() == ".pcapng")
			files.push_back(e.path());
	std::sort(files.begin(), files.end());
	return files;
}

/// The packets of a file. Throws when it can't be read, or was taken on a link unknown here.
inline std::vector<Captured> read_capture(const std::string &path)
{
	char error[PCAP_ERRBUF_SIZE];
	const std::unique_ptr<pcap_t, void (*)(pcap_t *)> pcap(
		pcap_open_offline(path.c_str(), error), [](pcap_t *p) {
			if (p != nullptr)
				pcap_close(p);
		});
	if (pcap == nullptr)
		throw std::runtime_error(path + ": " + error);
	const int link = pcap_datalink(pcap.get());
	if (link != DLT_EN10MB && link != DLT_RAW && link != DLT_IPV4)
		throw std::runtime_error(path + ": link type " + std::to_string(link));
	std::vector<Captured> packets;
	struct pcap_pkthdr *header;
	const uint8_t *data;
	while (pcap_next_ex(pcap.get(), &header, &data) == 1) {
		Captured c;
		c.time_us = static_cast<uint64_t>(header->ts.tv_sec) * 1000000 +
			    static_cast<uint64_t>(header->ts.tv_usec);
		if (link != DLT_EN10MB) {
			c.frame = Bytes(12, 0);
			const bool v6 = header->caplen > 0 && data[0] >> 4 == 6;
			put16(c.frame, v6 ? 0x86dd : 0x0800);
		}
		c.frame.insert(c.frame.end(), data, data + header->caplen);
		packets.push_back(std::move(c));
	}
	return packets;
}

} // namespace sl_test

#endif
