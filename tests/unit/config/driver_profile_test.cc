// SPDX-License-Identifier: BSD-3-Clause
#include "support.h"

#include "sl_driver_profile.h"

#include <cerrno>
#include <map>

#include "build_paths.h"

using namespace config_test;

namespace
{

struct Profile {
	sl_driver_profile profile = {};
	sl_config_error error = {};
	int rc = 0;

	std::string message() const
	{
		char text[2048];
		return rc == 0 ? "" : sl_config_error_format(&error, text, sizeof(text));
	}
};

Profile load(const std::string &path)
{
	Profile p;
	p.rc = sl_driver_profile_load(path.c_str(), &p.profile, &p.error);
	return p;
}

Profile find(const std::string &dir, const char *driver)
{
	Profile p;
	p.rc = sl_driver_profile_find(dir.c_str(), driver, &p.profile, &p.error);
	return p;
}

TEST(DriverProfile, EveryShippedFileLoadsAndNamesDriversOfItsOwn)
{
	std::map<std::string, std::string> owner;
	unsigned files = 0;

	for (const auto &entry : std::filesystem::directory_iterator(SL_DRIVERS_IN_SOURCES)) {
		const auto p = load(entry.path());
		ASSERT_EQ(p.message(), "");
		files++;
		for (unsigned i = 0; i < p.profile.n_drivers; i++)
			EXPECT_TRUE(owner.emplace(p.profile.drivers[i], entry.path()).second)
				<< p.profile.drivers[i] << " is in " << entry.path() << " too";
	}
	EXPECT_EQ(files, 14u);
	for (const char *driver : {"net_ixgbe", "net_i40e", "net_ice", "mlx5_pci", "net_ena",
				   "net_virtio", "net_vmxnet3", "net_af_packet", "net_af_xdp",
				   "net_tap", "net_ring", "net_null", "net_pcap", "net_memif"})
		EXPECT_EQ(find(SL_DRIVERS_IN_SOURCES, driver).profile.file, owner[driver]);
}

TEST(DriverProfile, AShippedFileHasItsValues)
{
	const auto p = find(SL_DRIVERS_IN_SOURCES, "net_af_packet");
	ASSERT_EQ(p.message(), "");
	EXPECT_EQ(p.profile.max_queues, 1u);
	EXPECT_EQ(p.profile.rx_descriptors, 512u);
	EXPECT_EQ(p.profile.mbuf_data_bytes, 2048u);
	EXPECT_EQ(p.profile.rss.mode, SL_DRIVER_RSS_NONE);
	EXPECT_EQ(p.profile.rss.types, 0u);
	EXPECT_FALSE(p.profile.offloads.rx_tcp_checksum);
	EXPECT_TRUE(p.profile.sent_by_kernel);
	EXPECT_EQ(find(SL_DRIVERS_IN_SOURCES, "net_ice").profile.rss.mode,
		  SL_DRIVER_RSS_SYMMETRIC_TOEPLITZ);
}

TEST(DriverProfile, AnUnknownDriverGetsTheDefaults)
{
	const auto p = find(SL_DRIVERS_IN_SOURCES, "net_unheard_of");
	ASSERT_EQ(p.message(), "");
	EXPECT_STREQ(p.profile.file, "");
	EXPECT_EQ(p.profile.n_drivers, 0u);
	EXPECT_EQ(p.profile.rx_descriptors, 1024u);
	EXPECT_EQ(p.profile.tx_descriptors, 1024u);
	EXPECT_EQ(p.profile.max_queues, 0u);
	EXPECT_EQ(p.profile.mbuf_data_bytes, 0u);
	EXPECT_EQ(p.profile.rss.mode, SL_DRIVER_RSS_SYMMETRIC_KEY);
	EXPECT_EQ(p.profile.rss.types, SL_DRIVER_RSS_IPV4 | SL_DRIVER_RSS_TCP4 |
					       SL_DRIVER_RSS_IPV6 | SL_DRIVER_RSS_TCP6);
	EXPECT_EQ(p.profile.rss.key, SL_DRIVER_RSS_KEY_RANDOM);
	EXPECT_TRUE(p.profile.offloads.rx_ip_checksum);
	EXPECT_TRUE(p.profile.offloads.rx_tcp_checksum);
	EXPECT_FALSE(p.profile.sent_by_kernel);
}

TEST(DriverProfile, AWrongFileIsRefusedWithFileAndLine)
{
	Folder folder;
	const auto path = folder.write(
		"x.cfg", "drivers = [ \"net_x\" ];\nrss = {\n types = [ \"ipv5\" ]; };\n");
	const std::string want =
		path + ":3: rss: types is \"ipv5\"; expected an array [ ... ] of any of "
		       "\"ipv4\", \"tcp4\", \"ipv6\" or \"tcp6\" (did you mean \"ipv4\"?)";
	EXPECT_EQ(load(path).message(), want);
	EXPECT_EQ(find(folder.path("."), "net_x").rc, -EINVAL);

	folder.write("x.cfg",
		     "drivers = [ \"net_x\" ];\nrss = { types = [ \"ipv4\" ];\n  kye = 1; };\n");
	EXPECT_EQ(load(path).message(),
		  path + ":3: rss: unknown key \"kye\"; expected one of mode, types, key (did you "
			 "mean \"key\"?)");
	folder.write("x.cfg", "drivers = [ \"net_x\" ];\nquirks = [ \"slow_start\" ];\n");
	EXPECT_NE(load(path).message().find(path + ":2: unknown key \"quirks\""), std::string::npos)
		<< "what nobody reads is refused: " << load(path).message();
	folder.write("x.cfg", "rx_descriptors = 64;");
	EXPECT_EQ(load(path).message(),
		  path + ": drivers is missing; expected an array [ ... ] of at "
			 "most 16 strings of at most 31 characters");
	folder.write("x.cfg", "drivers = [ ];");
	EXPECT_NE(load(path).rc, 0);
}

TEST(DriverProfile, OnlyCfgFilesAreProfilesAndTheFirstByNameWins)
{
	Folder folder;
	folder.write("b.cfg", "drivers = [ \"net_x\" ]; max_queues = 2;");
	folder.write("a.cfg", "drivers = [ \"net_y\", \"net_x\" ]; max_queues = 1;");
	folder.write("README", "not libconfig {");
	folder.write(".hidden.cfg", "not libconfig {");
	EXPECT_EQ(find(folder.path("."), "net_x").profile.max_queues, 1u);
}

TEST(DriverProfile, AMissingFolderIsAnError)
{
	const auto p = find("/nonexistent", "net_x");
	EXPECT_EQ(p.rc, -ENOENT);
	EXPECT_EQ(p.message(),
		  "/nonexistent: cannot read the folder of driver profiles: No such file "
		  "or directory; expected its path in the setting drivers");
}

} // namespace
