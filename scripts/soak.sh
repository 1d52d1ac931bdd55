#!/usr/bin/env bash
# Long runs, for faults that short runs do not find.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
    cat <<'END'
Usage: scripts/soak.sh sim [HOURS] [OPTIONS OF simulate]    simulates the whole system for this many hours [default: 300]
       scripts/soak.sh net [OPTIONS OF soak]                runs a real server and clients over loopback

  sim   An hour takes seconds. The first seed is drawn from the clock and printed, so that each soak simulates new runs;
        --seed N sets it. `ringshard-bench simulate --help` lists the other options.
        Exit codes: 0: no violation. 1: a violation; its seed and the command that reproduces it are printed. 130:
        interrupted.
  net   `ringshard-bench soak --help` lists the options. scripts/lab.sh does the same over a lossy network.
        Exit codes: 0: all targets met. 2: a target missed. 3: echoes were late, but the machine was too busy to tell why.
        1: it did not run. 130: interrupted.

Examples:
  scripts/soak.sh sim                  300 simulated hours on all CPUs
  scripts/soak.sh sim 24 --threads 1   a simulated day on one CPU
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
