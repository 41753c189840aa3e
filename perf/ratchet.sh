#!/bin/sh
# What a frame costs may only fall: instructions and allocations of fixed scenarios and stages are held against
# perf/ratchet.txt.
#
#   perf/ratchet.sh            fails where one costs more than is written there
#   perf/ratchet.sh --write    writes down what they cost now
#
# Where the file's last commit raised a figure, its message must have a line that begins with "Ratchet:" and
# says why.
set -eu
cd "$(dirname "$0")/.."
written=perf/ratchet.txt
# Hashing is seeded anew in each process, so a probe may be longer; in percent.
tolerance=1
command -v valgrind >/dev/null || { echo "ratchet: SKIPPED, valgrind is missing: apt-get install valgrind" >&2; exit 0; }

# Another compiler makes other instructions: they would say nothing about a change.
compiler="# $(rustc --version)"
if [ "${1:-}" != --write ] && ! grep -qxF "$compiler" "$written"; then
    echo "ratchet: SKIPPED, $written was taken with another compiler than this one (${compiler#\# }):" \
        "perf/ratchet.sh --write on the commit before, then on this one" >&2
    exit 0
fi

new=$(mktemp)
trap 'rm -f "$new" "$new.before"' EXIT

# Prints each row of FILE-NOW that costs more than that in FILE-BEFORE; fails where there is one.
rose() {
    awk -v tolerance="$3" '
        /^#/ { next }
        NR == FNR { instructions[$1] = $2; allocations[$1] = $3; next }
        !($1 in instructions) { next }
        $2 > instructions[$1] * (1 + tolerance / 100) || $3 > allocations[$1] {
            printf "%s: %s instructions and %s allocations, was %s and %s\n", $1, $2, $3, instructions[$1], allocations[$1]
            worse = 1
        }
        END { exit worse }' "$2" "$1"
}

# The last change of the file says why, where it raised something.
says_why() {
    commit=$(git log -1 --format=%H -- "$written" 2>/dev/null) || return 0
    [ -n "$commit" ] && git show "$commit^:$written" >"$new.before" 2>/dev/null || return 0
    rose "$written" "$new.before" 0 >&2 || git show -s --format=%B "$commit" | grep -q '^Ratchet: '
}

# Unquoted: one word a scenario.
perf/instructions.sh $(awk '!/^#/ { print $1 }' "$written") >"$new.before"
{
    grep '^#' "$written" | grep -v '^# rustc '
    echo "$compiler"
    awk '{ printf "%-24s %8.1f %6.2f\n", $1, $2, $4 }' "$new.before"
} >"$new"
cat "$new"

if [ "${1:-}" = --write ]; then
    cp "$new" "$written"
    exit 0
fi
says_why || { echo "ratchet: the last change of $written raised that and does not say why" >&2; exit 1; }
rose "$new" "$written" $tolerance >&2 || { echo "ratchet: dearer than $written says" >&2; exit 1; }
rose "$written" "$new" $tolerance >/dev/null || echo "ratchet: it is cheaper than written: perf/ratchet.sh --write"
