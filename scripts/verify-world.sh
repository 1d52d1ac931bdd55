#!/usr/bin/env bash
# Builds Ringshard, fills a world with players on this machine, and finds how many it holds at 60 Hz.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
    cat <<'END'
Usage: scripts/verify-world.sh [--clients N] [--find] [OPTIONS OF bots]

  --clients N  players [default: 10000]
  --find       when that many are too many, try fewer, until all targets are met

Targets: 99 in 100 ticks end within 16.67 ms; the input of every player is taken at 60 Hz, and what moves nearby is told
of at 60 Hz; it is at most 3 ticks old, and an answer at most 50 ms, for 99 in 100; what every player sees is what the
server has, digest for digest; nothing is skipped or shed.
`ringshard-bench bots --help` says the rest. Exit code: 0 all targets met with --clients players, 2 not, 1 it did not run.

Examples:
  scripts/verify-world.sh                                10,000 players anywhere on the map
  scripts/verify-world.sh --find --layout towns          how many it may be, in towns
  scripts/verify-world.sh --clients 500 --fight 1 --npcs 200
END
}

clients=10000 find=no options=()
while [ $# -gt 0 ]; do
    case "$1" in
        --help | -h) usage && exit 0 ;;
        --find) find=yes && shift ;;
        --clients) clients=${2:?--clients wants a number} && shift 2 ;;
        *) options+=("$1") && shift ;;
    esac
done

scripts/prepare.sh
cargo build --release --locked --quiet

bots() { target/release/ringshard-bench bots --clients "$1" "${options[@]}"; }

outcome=0
bots "$clients" || outcome=$?
[ $find = yes ] && [ $outcome != 0 ] || exit $outcome

# Halve it: what is met at one number is met below it.
met=0 missed=$clients
while [ $((missed - met)) -gt $((missed / 16 + 1)) ]; do
    try=$(((met + missed) / 2))
    if bots "$try" >/dev/null; then met=$try; else missed=$try; fi
    echo "verify-world: $try players: $([ $met = $try ] && echo met || echo missed)"
done
echo "verify-world: all targets are met with $met players, not with $missed"
[ "$met" = 0 ] || bots "$met"
exit 2
