#!/usr/bin/env bash
# Builds Ringshard, fills a world with players on this machine, and says whether it holds them at 60 Hz.
set -euo pipefail
cd "$(dirname "$0")/.."

# Players that one server core held on every machine that was tried, with room to spare; perf/README.md has the figures.
players_per_core=2000
# The goal: so many on a machine that has the cores for them.
players_max=10000

usage() {
    cat <<END
Usage: scripts/verify-world.sh [--players N] [--find] [OPTIONS OF bots]

  --players N  players [default: $players_per_core for each server core, at most $players_max; half of the processors,
               at least one, are server cores; here: $(default_players)]
  --find       search for the most that this machine holds, from N on up or down

Targets: 99 in 100 ticks end within 16.67 ms; the input of every player is taken at 60 Hz, and what moves nearby is told
of at 60 Hz; it is at most 3 ticks old, and an answer at most 50 ms, for 99 in 100; what every player sees is what the
server has, digest for digest; nothing is skipped or shed.

When all are met, the report estimates how many players the server has CPU for.
\`ringshard-bench bots --help\` has all other options. Exit code: 0 all targets met with that many players, or by --find a
number found; 2 a target missed; 3 a target missed, but the machine was too busy to tell; 1 it did not run; 130 cut short.

Examples:
  scripts/verify-world.sh                          as many players as the cores here should hold
  scripts/verify-world.sh --players 10000          10,000 players anywhere on the map: needs about 5 server cores
  scripts/verify-world.sh --find --layout towns    how many it may be, in towns
  scripts/verify-world.sh --players 500 --fight 1 --npcs 200
END
}

default_players() {
    local cores=$(($(nproc) / 2))
    local players=$(((cores > 0 ? cores : 1) * players_per_core))
    echo $((players < players_max ? players : players_max))
}

die() {
    echo "verify-world: $1" >&2
    exit 1
}

players='' find=no options=()
while [ $# -gt 0 ]; do
    case "$1" in
        --help | -h) usage && exit 0 ;;
        --find) find=yes && shift ;;
        --players)
            players=${2:-}
            [[ $players =~ ^[1-9][0-9]*$ ]] || die "--players wants a number, such as --players 1000"
            shift 2
            ;;
        --clients | --clients=*) die "say --players N" ;;
        --server | --server=*) die "it starts a server of its own; \`ringshard-bench bots --server\` uses another" ;;
        *) options+=("$1") && shift ;;
    esac
done
[ -n "$players" ] || players=$(default_players)

binaries=$(scripts/build.sh)

bots() { "$binaries/ringshard-bench" bots --clients "$1" "${options[@]}"; }

if [ $find = no ]; then
    echo "verify-world: $players players, on $(nproc) processors; --players N tries others, --find searches for the most"
    bots "$players" && exit 0 || exit $?
fi

# try N: whether all targets are met with N players. What ends the search for good is no answer.
try() {
    local outcome=0
    bots "$1" >/dev/null || outcome=$?
    case $outcome in
        0) echo "verify-world: $1 players: all targets met" ;;
        2) echo "verify-world: $1 players: a target missed" ;;
        3) echo "verify-world: $1 players: a target missed, and the machine was too busy to tell why" ;;
        *) exit $outcome ;;
    esac
    return $((outcome != 0))
}

# Double it until something is missed; then halve what is between: what is met at one number is met below it.
met=0 missed=0
while [ $missed = 0 ]; do
    if try "$players"; then met=$players; else missed=$players; fi
    [ "$met" -lt 65536 ] || break
    players=$((players * 2 < 65536 ? players * 2 : 65536))
done
while [ $((missed - met)) -gt $((missed / 16 + 1)) ]; do
    middle=$(((met + missed) / 2))
    if try "$middle"; then met=$middle; else missed=$middle; fi
done
[ "$met" -gt 0 ] || die "all targets are missed even with $missed player(s): \`ringshard doctor\` says what slows this host down"
bots "$met" || true
echo "verify-world: this machine holds $met players at 60 Hz$([ $missed = 0 ] || echo ", and does not hold $missed")"
