// SPDX-License-Identifier: BSD-3-Clause
#include "support.h"

using namespace config_test;

namespace
{

const char v4_header[] =
	"Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n";
const char v4_network[] = "eth0\t0002A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n";
// Half of all addresses, as VPNs do: its mask is not 0.
const char v4_half[] = "eth0\t00000000\t0101A8C0\t0003\t0\t0\t0\t00000080\t0\t0\t0\n";

std::string v4_default(const std::string &iface, const char *flags = "0003")
{
	return iface + "\t00000000\t0101A8C0\t" + flags + "\t0\t0\t100\t00000000\t0\t0\t0\n";
}

std::string v6_route(const std::string &iface, const char *len, const char *flags)
{
	return std::string("00000000000000000000000000000000 ") + len +
	       " 00000000000000000000000000000000 00 fe800000000000000000000000000001 00000400 "
	       "00000001 00000000 " +
	       flags + "     " + iface + "\n";
}

// A host: its routes, its sysfs, and a configuration on it.
class Routes : public testing::Test
{
      protected:
	Folder folder;

	Routes()
	{
		folder.write("route", std::string(v4_header) + v4_network);
		folder.write("ipv6_route", v6_route("lo", "00", "00200200"));
		folder.write("sys/class/net/eth0/address", "");
	}

	// The refusal of `text`, a whole configuration that loads.
	std::string check(const std::string &text)
	{
		const auto c = load_string(text);
		EXPECT_EQ(c->message(), "");
		c->rc = sl_config_check_routes(c->config.get(), folder.path("route").c_str(),
					       folder.path("ipv6_route").c_str(),
					       folder.path("sys").c_str(), &c->error);
		return c->message();
	}

	const std::string af_packet = "eal = [ \"--vdev=net_af_packet0,iface=eth0\", \"--vdev\",\n"
				      "  \"net_af_packet1,qpairs=1,iface=eth1\" ];\n"
				      "links = ( { name = \"edge\";\n"
				      "  outside = \"net_af_packet0\";\n"
				      "  inside = \"net_af_packet1\"; } );\n";
	const std::string pci =
		"links = ( { outside = \"03:00.0\"; inside = \"0000:03:00.1\"; } );";
};

TEST_F(Routes, AnInterfaceWithoutTheDefaultRouteMayBeTaken)
{
	EXPECT_EQ(check(af_packet), "");
	EXPECT_EQ(check(pci), "");
}

TEST_F(Routes, TheDefaultRouteOfIpv4IsRefusedWithKeyAndLine)
{
	folder.write("route", v4_header + v4_default("eth0") + v4_network);
	EXPECT_EQ(
		check(af_packet),
		"t.cfg:4: link \"edge\": outside is \"net_af_packet0\", and that is the interface "
		"eth0, which carries this host's default route; expected a port that the host does "
		"not need. To take it all the same, set take_default_route = true in this link "
		"(line 3)");
}

TEST_F(Routes, TheSecondFormOfVdevAndTheInsidePortCountToo)
{
	folder.write("route", v4_header + v4_default("eth1"));
	EXPECT_EQ(
		check(af_packet).rfind("t.cfg:5: link \"edge\": inside is \"net_af_packet1\", and "
				       "that is the interface eth1",
				       0),
		0u);
}

TEST_F(Routes, TheDefaultRouteOfIpv6IsRefused)
{
	folder.write("ipv6_route",
		     v6_route("lo", "00", "00200200") + v6_route("eth0", "00", "00000003"));
	EXPECT_EQ(check(af_packet).rfind("t.cfg:4: ", 0), 0u);
}

TEST_F(Routes, RoutesThatAreNotTheDefaultOrNotInUseDoNotCount)
{
	folder.write("route", v4_header + v4_default("eth0", "0002") + v4_default("eth0", "0201") +
				      v4_half + v4_network);
	folder.write("ipv6_route",
		     v6_route("eth0", "40", "00000001") + v6_route("eth0", "00", "00200200"));
	EXPECT_EQ(check(af_packet), "");
}

TEST_F(Routes, WhoSaysSoMayTakeIt)
{
	folder.write("route", v4_header + v4_default("eth0"));
	EXPECT_EQ(check("eal = [ \"--vdev=net_af_packet0,iface=eth0\" ];\n"
			"links = ( { outside = \"net_af_packet0\"; inside = \"b\";"
			" take_default_route = true; } );"),
		  "");
}

TEST_F(Routes, AVdevThatNoLinkNamesIsNotTaken)
{
	folder.write("route", v4_header + v4_default("eth0"));
	EXPECT_EQ(check("eal = [ \"--vdev=net_af_packet0,iface=eth0\" ];\n"
			"links = ( { outside = \"net_af_packet\"; inside = \"net_af_packet00\"; } "
			");"),
		  "");
}

TEST_F(Routes, APciDeviceWithSuchAnInterfaceIsRefused)
{
	folder.write("route", v4_header + v4_default("eth0"));
	folder.write("sys/bus/pci/devices/0000:03:00.1/net/eth1/address", "");
	EXPECT_EQ(check(pci), "");
	folder.write("sys/bus/pci/devices/0000:03:00.0/net/eth0/address", "");
	EXPECT_EQ(
		check(pci).rfind("t.cfg:1: link \"link0\": outside is \"03:00.0\", and that is the "
				 "interface eth0",
				 0),
		0u);
}

TEST_F(Routes, AVirtioDeviceHasItsInterfaceOneFolderBelow)
{
	folder.write("route", v4_header + v4_default("eth0"));
	folder.write("sys/bus/pci/devices/0000:03:00.0/virtio1/net/eth0/address", "");
	EXPECT_NE(check(pci), "");
}

TEST_F(Routes, WhatIsBelowABondOrAVlanCarriesTheRouteToo)
{
	folder.write("route", v4_header + v4_default("bond0.7"));
	folder.write("sys/class/net/bond0.7/lower_bond0", "");
	folder.write("sys/class/net/bond0/lower_eth0", "");
	const auto message = check(af_packet);
	EXPECT_NE(message.find("interface eth0, which carries this host's default route (through "
			       "bond0.7)"),
		  std::string::npos)
		<< message;
}

TEST_F(Routes, AHostWithoutTheFilesHasNoRoutes)
{
	std::filesystem::remove(folder.path("route"));
	std::filesystem::remove(folder.path("ipv6_route"));
	EXPECT_EQ(check(af_packet), "");
}

TEST_F(Routes, GarbageInTheFilesIsNoRoute)
{
	folder.write("route", std::string("\0\xff eth0 zz\n\n\n", 14) + std::string(5000, 'x'));
	folder.write("ipv6_route", std::string(5000, '0'));
	EXPECT_EQ(check(af_packet), "");
}

} // namespace
