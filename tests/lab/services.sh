# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
#
# The services of the lab suite, each with a port of its own on the server, so that every case
# reads its own gauges. Each row stands for two: NAME4 and NAME6.

splice='mode = "splice"; cookies = "always";'
services=(
	# name      port  settings
	"web        80    $splice"                                        # nginx
	"bulk       81    $splice strays = \"drop\";"                   # 100 MiB each way; also where segments are lost
	"banner     82    $splice"                                        # the server speaks first
	"half       83    $splice limits = { fin_wait_2 = 3; close_wait = 3; };"
	"long       84    $splice"                                        # half-closed, default limits
	"early      85    $splice"                                        # data before the server answers
	"down       86    $splice"                                        # nobody listens
	"silent     87    $splice limits = { half_open = 3; };"           # nobody answers
	"abort      88    $splice"                                        # linger 0
	"idle       89    $splice limits = { idle = 2; probes = 2; probe_interval = 1; };"
	"linger     90    $splice limits = { time_wait = 3; };"           # TIME-WAIT
	"tracked    91    mode = \"splice\"; cookies = \"never\";"
	"passed     92    mode = \"pass\";"
	"monitored  93    mode = \"monitor\";"
	"stuck      94    $splice limits = { fin_wait_2 = 3; close_wait = 3; };"
	"halfs      95    $splice limits = { fin_wait_2 = 3; close_wait = 3; };" # server closes first
	"longs      96    $splice"
	"ssh        97    $splice"                                        # changed while it runs
	"oneway     98    $splice one_way = \"pass\";"
	"options    99    $splice"                                        # each option off in turn
	"closes     100   $splice"                                        # all orders of close
	"changed    105  mode = \"pass\"; adopt_for = 1;"                  # spliced while it runs
	"late       101   $splice"                                        # a server that answers after 8 s
)

# What ends in the box: on the wire (the server's address, where nobody listens) and on its own
# addresses. A row stands for four: NAME4, NAME6, own-NAME4, own-NAME6.
respond='mode = "respond"; server ='
own_services=(
	"http       8088  $respond \"http\";"
	"echo       7     $respond \"echo\";"
	"discard    9     $respond \"discard\";"
	"daytime    13    $respond \"daytime\";"
	"chargen    19    $respond \"chargen\";"
	"half-echo  8007  $respond \"echo\"; cookies = \"never\"; backlog = 64;"
	"half-http  8081  $respond \"http\"; cookies = \"never\";"
	"hushed     8009  $respond \"echo\"; limits = { silent = 2; idle = 2; probes = 2; probe_interval = 1; };"
)

# Services of more than one address and port: the server's addresses and those beside them.
wide_services='
	{ name = "wide4"; address = "192.0.2.2/31"; port = "9000-9010"; '$splice' },
	{ name = "wide6"; address = "2001:db8::2/127"; port = "9000-9010"; '$splice' }
'

# The whole configuration of the suite, for ports of DRIVER (af_packet unless said).
# suite_config [DRIVER]
suite_config() {
	local row name port settings between=

	lab_config "$@"
	echo "services = ("
	for row in "${services[@]}"; do
		read -r name port settings <<<"$row"
		printf '%s' "$between"
		lab_services "$name" "$port" "$settings"
		between=,
	done
	for row in "${own_services[@]}"; do
		read -r name port settings <<<"$row"
		printf ',%s' "$(lab_services "$name" "$port" "$settings")"
		printf ',%s' "$(lab_own_services "own-$name" "$port" "$settings")"
	done
	printf '%s' "$between$wide_services"
	echo ");"
}
