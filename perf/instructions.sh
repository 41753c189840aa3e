#!/bin/sh
# Instructions and allocations per frame or call, counted by callgrind: those of the laps alone, not of setting
# up and of copying frames in.
#
#   perf/instructions.sh [SCENARIO-OR-STAGE...]
#
# The counts are the same on any machine with the same compiler: valgrind's processor is always the same, and
# the C library is told to copy as the oldest x86-64 does.
set -eu
cd "$(dirname "$0")/.."
laps=4
[ $# -gt 0 ] || set -- hmi-poll maintenance-writes every-function pipelined udp reconnects \
    flow-opaque flow-inspected flow-spliced \
    parse verify refuse place dissect judge tell translate
command -v valgrind >/dev/null || { echo "valgrind is missing: apt-get install valgrind" >&2; exit 2; }
cargo build --release --quiet --locked -p wicketgate-perf
program=${CARGO_TARGET_DIR:-target}/release/wicketgate-perf
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
export GLIBC_TUNABLES=glibc.cpu.hwcaps=-AVX2,-AVX512F,-AVX512VL,-ERMS,-FSRM

for scenario in "$@"; do
    valgrind --tool=callgrind --callgrind-out-file="$out/callgrind" \
        --collect-atstart=no --toggle-collect='wicketgate_perf::counted*' \
        "$program" --once "$scenario" $laps >"$out/counts" 2>"$out/log" || { cat "$out/log" >&2; exit 1; }
    read -r frames allocations <"$out/counts"
    sed -n 's/^==.*Collected : //p' "$out/log" |
        awk -v name="$scenario" -v frames="$frames" -v allocations="$allocations" \
            '{ printf "%-24s %8.1f instructions, %.2f allocations\n", name, $1 / frames, allocations / frames }'
done
