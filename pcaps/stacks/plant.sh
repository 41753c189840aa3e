# shellcheck shell=bash
# A small plant in network namespaces, to be sourced by make.sh:
#
#   office 192.168.20.0/24                gateway            press line 192.168.10.0/24
#   hmi     .5  --+                                             +-- press-3 .20
#   laptop  .7  --+-- bridge office .1 -- routes -- bridge tap .1 --+
#   visitor .66 --+                                  ^          +-- press-4 .21
#                                                recorded here
#
# Names carry this shell's process id, so that two runs do not meet. plant_down removes everything.

PLANT="plant$$"
HOSTS="gateway hmi laptop visitor press-3 press-4"

# on HOST COMMAND...: runs a command inside a host.
on() {
    local host=$1
    shift
    ip netns exec "$PLANT-$host" "$@"
}

quiet_host() {
    local host=$1
    ip netns add "$PLANT-$host"
    on "$host" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
    ip -n "$PLANT-$host" link set lo up
}

# Checksums and segments as a wire would have them: nothing is left for a network card to finish.
no_offloads() {
    on "$1" ethtool -K "$2" tx off rx off gso off gro off tso off >/dev/null
}

bridge_up() {
    local name=$1 mac=$2 address=$3
    ip -n "$PLANT-gateway" link add "$name" address "$mac" type bridge mcast_snooping 0
    ip -n "$PLANT-gateway" address add "$address" dev "$name"
    no_offloads gateway "$name"
    ip -n "$PLANT-gateway" link set "$name" up
}

cable() {
    local host=$1 bridge=$2 mac=$3
    ip -n "$PLANT-gateway" link add "to-$host" type veth \
        peer name eth0 address "$mac" netns "$PLANT-$host"
    ip -n "$PLANT-gateway" link set "to-$host" master "$bridge"
    no_offloads gateway "to-$host"
    no_offloads "$host" eth0
    ip -n "$PLANT-gateway" link set "to-$host" up
}

host_up() {
    local host=$1 bridge=$2 mac=$3 address=$4
    cable "$host" "$bridge" "$mac"
    ip -n "$PLANT-$host" address add "$address/24" dev eth0
    ip -n "$PLANT-$host" link set eth0 up
    ip -n "$PLANT-$host" route add default via "${address%.*}.1"
}

plant_up() {
    local host
    for host in $HOSTS; do quiet_host "$host"; done
    bridge_up office 02:1b:1b:20:00:01 192.168.20.1/24
    bridge_up tap 02:1b:1b:10:00:01 192.168.10.1/24
    host_up hmi office 02:1b:1b:20:00:05 192.168.20.5
    host_up laptop office 02:1b:1b:20:00:07 192.168.20.7
    host_up visitor office 02:1b:1b:20:00:66 192.168.20.66
    host_up press-3 tap 02:1d:9c:10:00:20 192.168.10.20
    host_up press-4 tap 02:1d:9c:10:00:21 192.168.10.21
    on gateway sysctl -qw net.ipv4.ip_forward=1
}

# Ends what this shell has started and still runs, then removes the namespaces.
plant_down() {
    local host pid
    for pid in $(jobs -pr); do kill "$pid" 2>/dev/null || true; done
    wait
    for host in $HOSTS; do ip netns delete "$PLANT-$host" 2>/dev/null || true; done
}

# start LOG HOST COMMAND...: a process in the background of a host, which plant_down ends. Shell and
# `ip` replace themselves by the command, so that $! is its own process id.
start() {
    local log=$1 host=$2
    shift 2
    (exec ip netns exec "$PLANT-$host" "$@") >"$log" 2>&1 &
}

# await LOG TEXT: until a process has said it is there, at most ten seconds.
await() {
    local tries
    for ((tries = 0; tries < 200; tries++)); do
        if grep -q "$2" "$1" 2>/dev/null; then return 0; fi
        sleep 0.05
    done
    echo "make.sh: '$2' never came in $1:" >&2
    cat "$1" >&2
    return 1
}
