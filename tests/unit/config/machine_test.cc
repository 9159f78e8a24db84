// SPDX-License-Identifier: BSD-3-Clause
#include "support.h"

using namespace config_test;

namespace
{

// A machine: its sysfs, and a configuration for it.
class Machine : public testing::Test
{
      protected:
	Folder folder;

	Machine()
	{
		folder.write("sys/devices/system/cpu/online", "0-1\n");
		folder.write("sys/class/net/eth0/address", "");
		folder.write("sys/class/net/eth1/address", "");
		folder.write("sys/bus/pci/devices/0000:03:00.0/vendor", "");
		folder.write("sys/bus/auxiliary/devices/mlx5_core.sf.2/uevent", "");
	}

	// The refusal of `text`, a whole configuration that loads.
	std::string check(const std::string &text)
	{
		const auto c = load_string(text);
		EXPECT_EQ(c->message(), "");
		c->rc = sl_config_check_machine(c->config.get(), folder.path("sys").c_str(),
						&c->error);
		return c->message();
	}

	static std::string file(const std::string &cores = "1", const std::string &iface = "eth1",
				const std::string &inside = "net_af_packet1")
	{
		return "eal = [ \"--vdev=net_af_packet0,iface=eth0\", \"--vdev\",\n"
		       "  \"net_af_packet1,qpairs=1,iface=" +
		       iface +
		       "\" ];\n"
		       "workers = { cores = [ " +
		       cores +
		       " ]; };\n"
		       "links = ( { name = \"edge\"; outside = \"net_af_packet0\";\n"
		       "  inside = \"" +
		       inside + "\"; } );\n";
	}
};

TEST_F(Machine, WhatIsThereMayBeNamed)
{
	EXPECT_EQ(check(file()), "");
	EXPECT_EQ(check(file("0, 1")), "");
	EXPECT_EQ(check(file("1", "eth1", "03:00.0")), "");
	EXPECT_EQ(check(file("1", "eth1", "mlx5_core.sf.2")), "");
}

TEST_F(Machine, ACoreThatIsNotThereIsNamedWithItsLine)
{
	EXPECT_EQ(check(file("1, 77")),
		  "t.cfg:3: workers: cores has 77, and the CPUs of this machine "
		  "are 0-1; expected some of these: `lscpu -e` shows them");
	folder.write("sys/devices/system/cpu/online", "0,2-3,77\n");
	EXPECT_EQ(check(file("2, 77")), "");
	EXPECT_NE(check(file("1")), "");
}

TEST_F(Machine, AnInterfaceThatIsNotThereIsNamedWithItsLine)
{
	EXPECT_EQ(check(file("1", "eth7")),
		  "t.cfg:2: eal names the interface \"eth7\", and there is none in this network "
		  "namespace; expected one that `ip link` lists");
	EXPECT_EQ(check("eal = [ \"--vdev=net_tap0,iface=new0\", \"--vdev=net_null0\" ];\n"
			"links = ( { outside = \"net_tap0\"; inside = \"net_null0\"; } );"),
		  "")
		<< "a tap makes its own";
	EXPECT_NE(check("eal = [ \"--vdev=net_tap0,iface=new0,remote=eth7\", \"--vdev=net_null0\" "
			"];\n"
			"links = ( { outside = \"net_tap0\"; inside = \"net_null0\"; } );"),
		  "");
}

TEST_F(Machine, APortThatIsNotThereIsNamedWithItsLineAndWhatMayBeMeant)
{
	EXPECT_EQ(check(file("1", "eth1", "net_af_packt1")),
		  "t.cfg:5: link \"edge\": inside is \"net_af_packt1\", which no --vdev= of eal "
		  "names "
		  "and which is no PCI address; expected a device, such as \"net_af_packet0\", "
		  "\"net_af_packet1\" (did you mean \"net_af_packet1\"?)");
	EXPECT_EQ(check(file("1", "eth1", "03:00.7")),
		  "t.cfg:5: link \"edge\": inside is \"03:00.7\", and this machine has no such PCI "
		  "device; expected one that `dpdk-devbind.py --status` lists");
	EXPECT_EQ(check("eal = [ \"--vdev=net_null0\" ];\nlinks = ( { name = \"own\"; type = "
			"\"host\";\n"
			" port = \"net_nul0\"; addresses = [ \"192.0.2.1\" ]; } );")
			  .rfind("t.cfg:3: link \"own\": port is \"net_nul0\"", 0),
		  0u);
}

TEST_F(Machine, ASocketInAFolderThatCannotBeMadeIsNamedWithItsLine)
{
	const auto with = [](const std::string &path) {
		return file() + "control = { socket = \"" + path + "\"; };\n";
	};
	EXPECT_EQ(check(with(folder.path("control.sock"))), "");
	EXPECT_EQ(check(with(folder.path("run/control.sock"))), "");
	EXPECT_EQ(check(with("control.sock")), "");
	const std::string deep = folder.path("a/b/control.sock"), above = folder.path("a");
	EXPECT_EQ(check(with(deep)),
		  "t.cfg:6: control: socket is \"" + deep + "\", and there is no folder " + above +
			  "; expected a path whose folder exists or can be made: `mkdir -p " +
			  above + "`");
}

TEST_F(Machine, AStateThatIsNoFolderIsNamedWithItsLine)
{
	const auto with = [](const std::string &path) {
		return file() + "control = { state_dir = \"" + path + "\"; };\n";
	};
	EXPECT_EQ(check(with("")), "");
	EXPECT_EQ(check(with(folder.path("sys"))), "");
	EXPECT_EQ(check(with(folder.path("new"))), "");
	const std::string taken = folder.path("sys/class/net/eth0/address");
	EXPECT_EQ(check(with(taken)),
		  "t.cfg:6: control: state_dir is \"" + taken +
			  "\", which is no folder; expected a folder, a path "
			  "where there is nothing yet, or \"\" to keep nothing");
}

TEST_F(Machine, AMissingFolderOfDriverProfilesIsNamedWithItsLine)
{
	EXPECT_EQ(check(file() + "drivers = \"" + folder.path("sys") + "\";\n"), "");
	const std::string missing = folder.path("profiles");
	EXPECT_EQ(check(file() + "drivers = \"" + missing + "\";\n"),
		  "t.cfg:6: drivers is \"" + missing +
			  "\", and there is no such folder; expected the folder of the driver "
			  "profiles; without the setting, the profiles that came with sluiced are "
			  "used");
}

TEST_F(Machine, CoresAreForTheirOwnSettingToSay)
{
	EXPECT_EQ(refusal("eal = [ \"--no-huge\",\n \"-l 1\" ];\n" + with_link("")),
		  "t.cfg:2: eal has \"-l 1\"; the cores are those of workers.cores: take it out");
}

} // namespace
