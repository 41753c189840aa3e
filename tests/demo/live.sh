#!/usr/bin/env bash
# A small plant in network namespaces, and the gate in its middle, on AF_XDP. Client and devices are third
# parties' programs: mbpoll, and a device on libmodbus.
#
#   live.sh WICKETGATE       exit status 3: not possible here, and why
#
#     HMI 192.168.20.5 ---- office |      | press ---- press-3 192.168.10.20
#                                  | gate |
#                                  |      | paint ---- paint-1 192.168.30.20
#
# Nothing has a name that two runs could quarrel about, and nothing stays: all of it lives in namespaces of
# processes, mounts and networks, which end with this script, however that ends.
set -eu -o pipefail
here=$(cd "$(dirname "$0")" && pwd)

cannot() {
    echo "Not live on this machine: $*" >&2
    exit 3
}

# --- A place of its own ------------------------------------------------------------------------

if [ "${DEMO_PARENT:-}" != "$PPID" ]; then
    [ "$(id -u)" -eq 0 ] || cannot "network namespaces need root"
    for program in unshare nsenter setpriv ip ethtool gcc mbpoll; do
        command -v "$program" >/dev/null ||
            cannot "there is no $program (Debian: util-linux iproute2 ethtool gcc mbpoll)"
    done
    apart=(unshare --net --mount --pid --fork --kill-child=KILL --mount-proc)
    "${apart[@]}" true 2>/dev/null || cannot "it allows no namespaces"
    gate=$(realpath "${1:?usage: live.sh WICKETGATE}")
    work=$(mktemp -d)
    # The first process in there ends with the one that made it, and the kernel ends all others with it:
    # after Ctrl-C, after kill, and after kill -9 of this script too.
    trap '[ -z "${all:-}" ] || kill -KILL "$all" 2>/dev/null || true; wait; rmdir "$work"' EXIT
    trap 'exit 130' INT TERM HUP
    DEMO_PARENT=0 setpriv --pdeathsig KILL "${apart[@]}" "$0" "$gate" "$work" &
    all=$!
    wait "$all" && exit || exit "$?"
fi

gate=$1
work=$2
mount -t tmpfs demo "$work"
gcc -O2 -o "$work/device" "$here/../../pcaps/stacks/libmodbus_server.c" \
    -I/usr/include/modbus -lmodbus 2>/dev/null || cannot "there is no libmodbus (Debian: libmodbus-dev)"

# --- The plant ---------------------------------------------------------------------------------

# Somebody in a network namespace of his own: his name becomes the number of a process there.
# person NAME INTERFACE-OF-THE-GATE ADDRESS GATE-ADDRESS MAC-BYTE
person() {
    local name=$1 interface=$2 address=$3 gateway=$4 byte=$5
    unshare --net sleep infinity &
    local process=$!
    printf -v "$name" %s "$process"
    until [ "$(readlink "/proc/$process/ns/net")" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.01; done
    ip link add "$interface" address "02:00:00:00:$byte:01" type veth \
        peer name eth0 address "02:00:00:00:$byte:02" netns "$process"
    at "$process" ip link set lo up
    at "$process" ip address add "$address/24" dev eth0
    at "$process" ip link set eth0 up
    at "$process" ip route add default via "$gateway"
    ip address add "$gateway/24" dev "$interface"
    ip link set "$interface" up
    # Whole checksums and whole segments, as a network card gets them.
    at "$process" ethtool -K eth0 tx off rx off tso off gso off gro off >/dev/null 2>&1
    ethtool -K "$interface" tx off rx off tso off gso off gro off >/dev/null 2>&1
}

# Runs a command where somebody is.
at() {
    local process=$1
    shift
    nsenter --net="/proc/$process/ns/net" -- "$@"
}

ip link set lo up
echo 0 >/proc/sys/net/ipv4/ip_forward
person hmi office 192.168.20.5 192.168.20.1 20
person press press 192.168.10.20 192.168.10.1 10
person paint paint 192.168.30.20 192.168.30.1 30
for asset in "$press" "$paint"; do
    at "$asset" "$work/device" 502 >"$work/device.$asset" &
    until grep -qs READY "$work/device.$asset"; do sleep 0.01; done
done
for interface in office press paint; do
    until ip -oneline link show dev "$interface" | grep -q "state UP"; do sleep 0.01; done
done

# --- What is shown -----------------------------------------------------------------------------

title() {
    echo
    echo "== $*"
}

# Shows a command and what it says that matters.
show() {
    echo "   \$ $*"
}

# A Modbus request by mbpoll, from where somebody is: read START COUNT, or write START VALUE.
modbus() {
    local process=$1 host=$2 what=$3 start=$4 number=$5 arguments
    case $what in
        read) arguments=(-c "$number" "$host") ;;
        write) arguments=("$host" "$number") ;;
    esac
    show mbpoll -1 -0 -o 1 -t 4 -r "$start" "${arguments[@]}"
    at "$process" timeout 5 mbpoll -1 -0 -o 1 -t 4 -r "$start" "${arguments[@]}" 2>&1 |
        grep -E '^\[|[Ww]ritten|[Ff]ailed' | tr '\t' ' ' | sed 's/^/     /' || true
}

echo "A plant in network namespaces: an HMI in the office, press-3 on one line, paint-1 on another."
echo "Its policy: the HMI reads press-3 and writes its registers 0 to 99; that is all."

title "The gate starts: AF_XDP, no root's rights, fenced in"
mkdir "$work/config"
cp "$here/policy.toml" "$work/config/"
"$gate" run --config "$work/config/policy.toml" --audit "$work/audit.jsonl" >"$work/report" 2>"$work/said" &
running=$!
until grep -qs running "$work/said"; do
    kill -0 "$running" 2>/dev/null || { cat "$work/said" >&2; cannot "the gate does not start"; }
    sleep 0.05
done
sed 's/^wicketgate:/  /' "$work/said"

title "The HMI reads press-3 by its overlay address"
modbus "$hmi" 100.64.10.20 read 50 3

title "It writes where it may, and the device has it"
modbus "$hmi" 100.64.10.20 write 50 1200
modbus "$hmi" 100.64.10.20 read 50 1

title "It writes where it may not: the device never sees it"
modbus "$hmi" 100.64.10.20 write 150 1200
modbus "$hmi" 100.64.10.20 read 150 1

title "It writes a value that is too high"
modbus "$hmi" 100.64.10.20 write 50 1501

title "No way to paint-1, which no conduit leads to"
modbus "$hmi" 100.64.30.20 read 0 1

title "No way around the gate either"
modbus "$hmi" 192.168.10.20 read 0 1

title "No way from one asset to another, by its overlay address or its own"
modbus "$press" 100.64.30.20 read 0 1
modbus "$press" 192.168.30.20 read 0 1

title "Three seconds of an HMI's work"
show mbpoll -0 -t 4 -r 0 -c 20 -l 10 100.64.10.20
{ at "$hmi" timeout 3 mbpoll -0 -t 4 -r 0 -c 20 -l 10 100.64.10.20 || true; } 2>&1 |
    awk '/^\[0\]/ { answers++ } /[Ff]ailed/ { failed++ }
        END { printf "     %d answers with 20 registers each, %d without\n", answers, failed }'

title "The gate stops; what it did, and its own time for each frame"
kill -TERM "$running"
wait "$running" || true
sed 's/^/   /' "$work/report"

title "Without the gate nothing passes"
modbus "$hmi" 100.64.10.20 read 50 1

title "The audit log: what was denied"
grep '"result":"denied"' "$work/audit.jsonl" | while read -r record; do
    echo "$record" | grep -oE '"(type|user|client|asset|command|address|payload|reason)":("[^"]*"|[0-9]+)' |
        sed -E 's/"//g; s/:/ /' | paste -sd , | sed 's/,/, /g; s/^/     /'
done
show wicketgate audit verify audit.jsonl
(cd "$work" && "$gate" audit verify audit.jsonl) 2>&1 | sed 's/^/     /'
