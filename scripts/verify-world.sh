#!/usr/bin/env bash
# Builds Ringshard, fills a world with players on this machine, and verifies that it serves them at 60 Hz.
set -euo pipefail
cd "$(dirname "$0")/.."

# Players that one server core held on every machine tried, with a margin; perf/README.md has the figures.
players_per_core=2000
# The goal on a machine with enough cores.
players_max=10000

usage() {
    cat <<END
Usage: scripts/verify-world.sh [--players N] [--find] [OPTIONS OF bots]

  --players N  players [default: $players_per_core per server core, at most $players_max; half of the CPUs, at least one, are
               server cores; here: $(default_players)]
  --find       search for the highest number that this machine holds, starting at N

Targets: 99 % of the ticks end within 16.67 ms; the server takes every player's input at 60 Hz; near moving entities are
updated at 60 Hz; 99 % of these updates are at most 3 ticks old, and 99 % of the inputs are answered within 100 ms; every
player's view matches the server's world, digest for digest; no tick is skipped and no update is shed.

The report of a passing run estimates how many players the server has CPU for.
\`ringshard-bench bots --help\` lists all other options. Exit codes: 0: all targets met, or with --find a number found. 2: a
target missed. 3: a target missed, but the machine was too busy to tell why. 1: it did not run. 130: interrupted.

Examples:
  scripts/verify-world.sh                          the default number of players
  scripts/verify-world.sh --players 10000          10,000 players all over the map: needs about 5 server cores
  scripts/verify-world.sh --find --layout towns    the highest number in towns
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
            [[ $players =~ ^[1-9][0-9]*$ ]] || die "--players needs a number, such as --players 1000"
            shift 2
            ;;
        --clients | --clients=*) die "use --players N instead" ;;
        --server | --server=*) die "this script starts its own server; \`ringshard-bench bots --server\` uses a running one" ;;
        *) options+=("$1") && shift ;;
    esac
done
[ -n "$players" ] || players=$(default_players)

binaries=$(scripts/build.sh)

bots() { "$binaries/ringshard-bench" bots --clients "$1" "${options[@]}"; }

if [ $find = no ]; then
    echo "verify-world: $players players on $(nproc) CPUs; --players N tries another number, --find searches for the highest"
    bots "$players" && exit 0 || exit $?
fi

# try N: whether all targets are met with N players. Any other failure ends the search.
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

# Double the number until a target is missed, then bisect: if one number passes, all lower ones do.
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
[ "$met" -gt 0 ] || die "a target is missed even with $missed player(s): \`ringshard doctor\` shows what slows this host down"
bots "$met" || true
echo "verify-world: this machine holds $met players at 60 Hz$([ $missed = 0 ] || echo ", and does not hold $missed")"
