#!/usr/bin/env bash
# Simulates fleets under one virtual clock: the tasks of real hosts, a registry, a bus and clients, with faults that are drawn.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
    cat <<'END'
Usage: scripts/simulate-fleet.sh [--hours N] [--seed N] [--hosts N] [--hosts-min N] [--minutes-per-seed N] [--jobs N]

Storms of faults come over fleets with two balancers: hosts are killed, stopped in order, drained and cut off;
balancers are replaced and cut off; the registry and the bucket of checkpoints stop, answer late or lose their
answers; the bucket is removed; the bus loses, repeats and delays letters, or falls into two parts, which a few hosts
may both hear; operators move, split and merge zones; clients get lost on their way, and enter elsewhere without a
word. After each storm comes a calm. An auditor looks at every step: no zone goes away from a host that lives and
keeps it; no session is in two worlds, and no account for longer than its hosts need to learn it; a player's state is
never older than when it left or its host ended in order, or after its host died than the last checkpoint. After each
calm, every zone has an owner that knows it, each player is where it belongs, and balancers send clients to hosts that
take them.

  --hours N             hours of the fleets' time, over all seeds [default: 10]
  --seed N              the first seed [default: 1]
  --hosts N             most hosts of a fleet [default: 50]; an hour of 50 takes 25 times as long as one of 10, and is
                        drawn 125 times less often: on average there are 16 of 10 to 50, and 10 of 3 to 50
  --hosts-min N         fewest hosts of a fleet [default: 3]
  --minutes-per-seed N  after that, the next seed begins [default: 60]
  --jobs N              seeds at a time [default: the number of CPUs]

A violation names its seed and ends its fleet; the next seed begins. Replay it: --hours 1 --seed N, and the same
--hosts, --hosts-min and --minutes-per-seed.

Exit codes: 0: no violation. 1: one, or it was not built. 2: usage.
END
}

hours=10 seed=1 hosts=50 hosts_min=3 per_seed=60 jobs=$(nproc)
number() {
    [[ ${2:-} =~ ^[0-9]+$ ]] && [ "$2" -gt 0 ] || { echo "simulate-fleet: $1 needs a number from 1" >&2 && exit 2; }
}
while [ $# -gt 0 ]; do
    case $1 in
        -h | --help) usage && exit ;;
        --hours) number "$@" && hours=$2 && shift 2 ;;
        --seed) number "$@" && seed=$2 && shift 2 ;;
        --hosts) number "$@" && hosts=$2 && shift 2 ;;
        --hosts-min) number "$@" && hosts_min=$2 && shift 2 ;;
        --jobs) number "$@" && jobs=$2 && shift 2 ;;
        --minutes-per-seed) number "$@" && per_seed=$2 && shift 2 ;;
        *) echo "simulate-fleet: there is no option $1" >&2 && usage >&2 && exit 2 ;;
    esac
done
[ "$hosts_min" -le "$hosts" ] || { echo "simulate-fleet: --hosts-min is more than --hosts" >&2 && exit 2; }
[ "$hosts" -le 1000 ] || { echo "simulate-fleet: --hosts can be 1000 at most" >&2 && exit 2; }
# Built fast rather than small.
export CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16
export FLEET_MINUTES=$((hours * 60)) FLEET_SEED=$seed FLEET_HOSTS_MIN=$hosts_min FLEET_HOSTS_MAX=$hosts
export FLEET_MINUTES_PER_SEED=$per_seed FLEET_JOBS=$jobs
cargo test --quiet --locked --release --package ringshard-fleet --lib --target-dir target/simulation \
    host::simulation::whatever -- --nocapture
