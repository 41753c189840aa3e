#!/usr/bin/env bash
# Makes the captures of pcaps again, with third-party stacks, in network namespaces.
#
# Usage: sudo pcaps/make.sh [CASE...]      all cases if none is named
#        STACKS=DIR                        where the stacks are kept (default /tmp/wicketgate-stacks)
#
# Every case gets a fresh plant (stacks/plant.sh), so that it begins with ARP and without memory of
# the case before. Addresses, MACs, source ports and commands are the same in every run; sequence
# numbers and timings are not.
set -euo pipefail

PCAPS=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=stacks/install.sh
. "$PCAPS/stacks/install.sh"
# shellcheck source=stacks/plant.sh
. "$PCAPS/stacks/plant.sh"

CASES=(hmi-poll maintenance-writes every-function pipelined udp ping-and-unreachable midstream
    unit-ids vendor-functions reconnects enip-tags s7comm-controller opcua-press opcua-hmi)
PRESS_3=192.168.10.20
PRESS_4=192.168.10.21
# Recordings are moved in time to begin in this second, a Monday morning in a shift, so that a policy
# with a time window judges them alike whenever they were made.
EPOCH=$(date -u -d "2026-03-02 08:00:00" +%s)
# No case runs longer than this.
CASE_TIMEOUT_S=30

# --- peers ---------------------------------------------------------------------------------------

pymodbus_server() { # HOST TRANSPORT
    start "$WORK/server-$1.log" "$1" "$PYTHON" "$HERE/pymodbus_server.py" "$2" 502
    await "$WORK/server-$1.log" READY
}

cpppo_server() { # HOST
    start "$WORK/server-$1.log" "$1" "$PYTHON" -m cpppo.server.enip -v -a 0.0.0.0:44818 \
        "Level=INT[100]" "Motor=DINT[10]" "Setpoint=DINT" "Speed=REAL"
    await "$WORK/server-$1.log" "server.*44818"
}

snap7_server() { # HOST
    start "$WORK/server-$1.log" "$1" "$PYTHON" "$HERE/s7_server.py" 102
    await "$WORK/server-$1.log" READY
}

asyncua_server() { # HOST ADDRESS
    start "$WORK/server-$1.log" "$1" "$PYTHON" "$HERE/opcua_server.py" "$2" 4840
    await "$WORK/server-$1.log" READY
}

libmodbus_server() { # HOST
    start "$WORK/server-$1.log" "$1" "$STACKS/libmodbus_server" 502
    await "$WORK/server-$1.log" READY
}

client() { # HOST COMMAND...
    local host=$1
    shift
    on "$host" timeout "$CASE_TIMEOUT_S" "$@" >>"$WORK/client-$host.log" 2>&1
}

ask_pymodbus() { # HOST TRANSPORT DEVICE PORT SOURCE_PORT LIST [PAUSE_MS]
    local host=$1
    shift
    client "$host" "$PYTHON" "$HERE/pymodbus_client.py" "$@"
}

poll_libmodbus() { # DEVICE SOURCE_PORT ROUNDS PERIOD_MS view|operate
    client hmi "$STACKS/libmodbus_poll" "$@"
}

start_poll_libmodbus() { # as above; `wait $!` for its end
    start "$WORK/client-hmi-$2.log" hmi timeout "$CASE_TIMEOUT_S" "$STACKS/libmodbus_poll" "$@"
}

# mbpoll cannot choose its source port, so the kernel is left one to choose (PORT, even) and one to
# spare. Without TIME_WAIT the port is free again at once.
one_source_port() { # HOST PORT
    on "$1" sysctl -qw "net.ipv4.ip_local_port_range=$2 $(($2 + 1))" net.ipv4.tcp_max_tw_buckets=0
}

# --- the recording -------------------------------------------------------------------------------

record() {
    start "$WORK/tcpdump.log" gateway tcpdump -i tap -Z root --time-stamp-precision=nano \
        --immediate-mode -U -w "$WORK/raw.pcap"
    RECORDER=$!
    await "$WORK/tcpdump.log" "listening on"
}

stop_recording() {
    sleep 0.2
    kill "$RECORDER"
    wait "$RECORDER" || true
    if ! grep -q "^0 packets dropped by kernel" "$WORK/tcpdump.log"; then
        echo "make.sh: frames were lost" >&2
        return 1
    fi
}

# Moves the recording to EPOCH by whole seconds and writes it as pcapng.
keep_recording() { # FILE
    local first
    first=$(tshark -r "$WORK/raw.pcap" -c 1 -T fields -e frame.time_epoch 2>/dev/null)
    editcap -F pcapng -t "$((EPOCH - ${first%.*}))" "$WORK/raw.pcap" "$1"
}

# --- the cases -----------------------------------------------------------------------------------

case_hmi_poll() {
    pymodbus_server press-3 tcp
    record
    poll_libmodbus $PRESS_3 50000 80 10 view
}

case_maintenance_writes() {
    pymodbus_server press-3 tcp
    libmodbus_server press-4
    one_source_port visitor 50210
    record
    local polls=()
    start_poll_libmodbus $PRESS_3 50000 200 10 operate; polls+=($!)
    start_poll_libmodbus $PRESS_4 50001 100 20 operate; polls+=($!)
    sleep 0.1
    ask_pymodbus laptop tcp $PRESS_3 502 50100 maintenance 40
    ask_pymodbus visitor tcp $PRESS_3 502 50200 stranger 40
    client visitor mbpoll -1 -0 -a 1 -t 4 -r 100 -c 4 $PRESS_4
    ask_pymodbus laptop tcp $PRESS_4 502 50101 press-4 40
    wait "${polls[@]}"
}

case_every_function() {
    pymodbus_server press-3 tcp
    libmodbus_server press-4
    record
    ask_pymodbus laptop tcp $PRESS_3 502 50100 functions
    ask_pymodbus laptop tcp $PRESS_4 502 50101 functions
    client hmi "$STACKS/libmodbus_functions" $PRESS_3 50000 functions
    client hmi "$STACKS/libmodbus_functions" $PRESS_4 50001 functions
}

case_pipelined() {
    libmodbus_server press-3
    record
    client laptop "$PYTHON" "$HERE/pipelined.py" $PRESS_3 502 50100
}

case_udp() {
    pymodbus_server press-3 udp
    record
    ask_pymodbus laptop udp $PRESS_3 502 50100 udp
    ask_pymodbus visitor udp $PRESS_3 502 50200 stranger
}

case_ping_and_unreachable() {
    pymodbus_server press-3 tcp
    one_source_port laptop 50110
    record
    client laptop ping -q -e 700 -i 0.05 -c 3 $PRESS_3
    client laptop ping -q -e 701 -c 1 -s 1400 $PRESS_3
    client laptop ping -q -e 702 -c 1 -s 2000 $PRESS_3
    client visitor ping -q -e 703 -c 1 $PRESS_3
    ask_pymodbus laptop tcp $PRESS_3 502 50100 read
    ask_pymodbus laptop udp $PRESS_3 502 50101 read
    ask_pymodbus laptop udp $PRESS_3 5020 50102 read
    client laptop mbpoll -1 -0 -t 4 -r 100 $PRESS_4 || true
    client laptop mbpoll -1 -0 -t 4 -r 100 -p 503 $PRESS_4 || true
}

case_midstream() {
    pymodbus_server press-3 tcp
    start_poll_libmodbus $PRESS_3 50000 60 10 view
    local running=$!
    sleep 0.2
    record
    wait "$running"
    poll_libmodbus $PRESS_3 50001 20 10 view
}

case_unit_ids() {
    libmodbus_server press-3
    record
    NODE_PATH=$STACKS/node/node_modules client laptop node "$HERE/unit_ids.cjs" $PRESS_3 502 50100
}

case_vendor_functions() {
    libmodbus_server press-3
    pymodbus_server press-4 tcp
    record
    ask_pymodbus laptop tcp $PRESS_3 502 50100 vendor
    client laptop "$STACKS/libmodbus_functions" $PRESS_4 50101 vendor
}

case_reconnects() {
    local round
    pymodbus_server press-3 tcp
    one_source_port hmi 50000
    record
    for ((round = 0; round < 30; round++)); do
        client hmi mbpoll -1 -0 -a 1 -t 4 -r $((100 + round)) -c 3 $PRESS_3
    done
}

case_enip_tags() {
    cpppo_server press-3
    one_source_port laptop 50100
    record
    client laptop "$PYTHON" "$HERE/enip_client.py" $PRESS_3
}

case_s7comm_controller() {
    snap7_server press-3
    one_source_port laptop 50100
    record
    client laptop "$PYTHON" "$HERE/s7_client.py" $PRESS_3
    one_source_port laptop 50101
    NODE_PATH=$STACKS/node/node_modules client laptop node "$HERE/s7_client.cjs" $PRESS_3
}

case_opcua_press() {
    asyncua_server press-3 $PRESS_3
    one_source_port laptop 50200
    record
    client laptop "$PYTHON" "$HERE/opcua_client.py" $PRESS_3 4840
    one_source_port laptop 50201
    client laptop "$PYTHON" "$HERE/opcua_freeopcua.py" $PRESS_3 4840
}

case_opcua_hmi() {
    asyncua_server press-3 $PRESS_3
    one_source_port hmi 50300
    record
    client hmi "$PYTHON" "$HERE/opcua_long.py" $PRESS_3 4840
}

# --- checks --------------------------------------------------------------------------------------

frames() { # FILE FILTER
    tshark -r "$1" -o tcp.check_checksum:TRUE -o ip.check_checksum:TRUE -o udp.check_checksum:TRUE \
        -Y "$2" 2>/dev/null | wc -l
}

# Linux, like UDP, sends a TCP checksum of 0 as 0xffff: the same number in one's complement (RFC 1624,
# section 3), and to tshark a bad one.
BAD_CHECKSUM="ip.checksum.status==0 || (tcp.checksum.status==0 && tcp.checksum!=0xffff) ||
udp.checksum.status==0 || icmp.checksum.status==0"

# Where a case is kept: its name says the protocol, where that is not Modbus.
folder() { # CASE
    case $1 in
        enip-*) echo "$PCAPS/enip/${1#enip-}" ;;
        s7comm-*) echo "$PCAPS/s7comm/${1#s7comm-}" ;;
        opcua-*) echo "$PCAPS/opcua/${1#opcua-}" ;;
        *) echo "$PCAPS/modbus/$1" ;;
    esac
}

# Prints what the capture holds; fails if a checksum is wrong or the size is not that of a small case.
check() { # CASE
    local file size bad
    file=$(folder "$1")/capture.pcapng
    size=$(stat -c %s "$file")
    bad=$(frames "$file" "$BAD_CHECKSUM")
    printf '%-22s %7d bytes %5d frames %5d with PDUs %3d malformed %3d bad checksums\n' "$1" "$size" \
        "$(frames "$file" frame)" "$(frames "$file" "mbtcp || mbudp || enip || s7comm || opcua")" "$(frames "$file" _ws.malformed)" "$bad"
    ((bad == 0 && size >= 2000 && size <= 300000))
}

make_case() {
    local name=$1
    WORK=$(mktemp -d "${TMPDIR:-/tmp}/pcaps-$name.XXXXXX")
    plant_up
    "case_${name//-/_}"
    stop_recording
    mkdir -p "$(folder "$name")"
    keep_recording "$(folder "$name")/capture.pcapng"
    plant_down
    rm -r "$WORK"
    check "$name"
}

# However the script ends: nothing is left running, and a case that failed leaves its logs.
clean_up() {
    plant_down
    if [[ -d ${WORK:-} ]]; then echo "make.sh: not finished; logs are in $WORK" >&2; fi
}

main() {
    local name
    [[ $EUID -eq 0 ]] || { echo "make.sh: network namespaces need root" >&2; exit 2; }
    install_stacks
    trap clean_up EXIT
    trap 'exit 130' INT TERM
    for name in "${@:-${CASES[@]}}"; do
        declare -F "case_${name//-/_}" >/dev/null || { echo "make.sh: no case $name; there are:" "${CASES[@]}" >&2; exit 2; }
        make_case "$name"
    done
}

main "$@"
