#!/bin/sh
# Instructions per frame, counted by callgrind: the difference between a run of N laps and one of 2 N,
# so that set-up does not count. Copying the frames in does, about 10 instructions a cache line.
#
#   perf/instructions.sh [SCENARIO-OR-STAGE...]
set -eu
cd "$(dirname "$0")/.."
laps=4
[ $# -gt 0 ] || set -- hmi-poll maintenance-writes every-function pipelined udp reconnects \
    flow-opaque flow-inspected flow-spliced \
    parse verify refuse place dissect judge tell translate
command -v valgrind >/dev/null || { echo "valgrind is missing: apt-get install valgrind" >&2; exit 2; }
cargo build --release --quiet -p wicketgate-perf
program=${CARGO_TARGET_DIR:-target}/release/wicketgate-perf
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

# Prints the instructions of one run of SCENARIO over LAPS laps.
count() {
    valgrind --tool=callgrind --callgrind-out-file="$out/callgrind" \
        "$program" --once "$1" "$2" >"$out/frames" 2>"$out/log" || { cat "$out/log" >&2; exit 1; }
    sed -n 's/^==.*Collected : //p' "$out/log"
}

for scenario in "$@"; do
    few=$(count "$scenario" $laps)
    many=$(count "$scenario" $((2 * laps)))
    frames=$(cat "$out/frames")
    echo "$scenario $few $many $frames" |
        awk -v laps=$laps '{ printf "%-24s %8.1f instructions per frame\n", $1, ($3 - $2) / ($4 * laps) }'
done
