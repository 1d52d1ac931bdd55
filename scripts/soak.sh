#!/usr/bin/env bash
# Long runs that look for what short ones do not find.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
    cat <<'END'
Usage: scripts/soak.sh sim [HOURS] [OPTIONS OF simulate]    the whole system simulated, for so many simulated hours
       scripts/soak.sh net [OPTIONS OF soak]                a real server and its clients over loopback

  sim   Every soak begins at a seed of its own, drawn from the clock and printed, so that each finds new ground; --seed N
        begins at another. An hour takes seconds. HOURS: default 300; `ringshard-bench simulate --help` says the rest.
        Exit code: 0 all held, 1 something did not, with the seed and the command that replays it, 130 cut short.
  net   `ringshard-bench soak --help` says the rest; scripts/lab.sh does the same over a network that loses datagrams.
        Exit code: 0 all held, 2 something did not, 3 echoes were late on a machine too busy to tell, 1 it did not run,
        130 cut short.

Examples:
  scripts/soak.sh sim                  300 simulated hours on all processors
  scripts/soak.sh sim 24 --threads 1   a simulated day on one
  scripts/soak.sh net --mins 60        an hour over loopback
END
}

sim() {
    local hours=300 seed=()
    if [ $# -gt 0 ] && [[ $1 != -* ]]; then
        hours=$1
        shift
    fi
    if [[ " $* " != *" --seed"* ]]; then
        seed=(--seed "$(date +%s)000")
    fi
    local binaries
    binaries=$(scripts/build.sh)
    echo "soak: simulate --hours $hours ${seed[*]} $*"
    exec "$binaries/ringshard-bench" simulate --hours "$hours" "${seed[@]}" "$@"
}

case "${1:-}" in
    sim | net) mode=$1 ;;
    -h | --help) usage && exit 0 ;;
    *) usage >&2 && exit 1 ;;
esac
shift
case "$mode" in
    sim) sim "$@" ;;
    net) binaries=$(scripts/build.sh) && exec "$binaries/ringshard-bench" soak "$@" ;;
esac
