#!/usr/bin/env bash
# Plays the arena: starts its server and 64 bots on this machine, and checks what the bots saw.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
    cat <<'END'
Usage: scripts/arena.sh [OPTIONS]

  --secs N      seconds that the bots play, 5 to 600 [default: 20]
  --bots N      bots, 2 to 64 [default: 64]
  --json FILE   write the figures to this file as one JSON object
  --debug       build without optimisations: faster to build, slower to run
  --no-build    use the existing binaries

Every bot is a client of its own, with its own socket. It sends 60 inputs per second over loopback, predicts its own steps,
shoots at the nearest player that it sees, and asks for healing. The server runs on two CPUs if there are two.

Targets: a bot gets 57 snapshots per second; 99 % of its inputs are there in time; nearly all of its asks are answered;
80 % of its shots hit what it aimed at, so the server rewinds the world for each shot; and it mispredicts only what it cannot
know: that it dies, that it spawns, and that an input came too late. Most bots kill, and most are killed.

Exit codes: 0: all targets met. 2: a target missed. 3: a target missed, but the machine was too busy to tell why. 1: it did
not run. 130: interrupted.
END
}

die() {
    echo "arena: $1" >&2
    exit 1
}

# number NAME VALUE LOW HIGH
number() {
    [[ $2 =~ ^[0-9]{1,3}$ ]] && [ "$2" -ge "$3" ] && [ "$2" -le "$4" ] || die "$1 is ${2:-missing}; give a number from $3 to $4"
}

secs=20 bots=64 json='' build=yes profile=release
while [ $# -gt 0 ]; do
    case $1 in
        --secs) number "$1" "${2:-}" 5 600 && secs=$2 && shift 2 ;;
        --bots) number "$1" "${2:-}" 2 64 && bots=$2 && shift 2 ;;
        --json) json=${2:?--json needs a file} && shift 2 ;;
        --debug) profile=dev && shift ;;
        --no-build) build=no && shift ;;
        -h | --help) usage && exit ;;
        *) die "there is no option $1; see --help" ;;
    esac
done

if [ $build = yes ]; then
    scripts/prepare.sh >&2
    cargo build --locked --quiet --profile $profile --package ringshard-arena --package ringshard-arena-bots >&2
fi
folder=$([ $profile = dev ] && echo debug || echo release)
binaries=$(cargo metadata --format-version 1 --no-deps | sed -nE 's/.*"target_directory":"([^"]+)".*/\1/p')/$folder
for binary in ringshard-arena ringshard-arena-bots; do
    [ -x "$binaries/$binary" ] || die "there is no $binaries/$binary; run this without --no-build"
done

files=$(mktemp -d)
processes=()
clean_up() {
    trap '' INT TERM
    [ ${#processes[@]} = 0 ] || kill "${processes[@]}" 2>/dev/null || true
    wait 2>/dev/null || true
    rm -rf "$files"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

# The CPUs that this shell may use: at most two of them.
cpus=$(python3 -c 'import os; print(*sorted(os.sched_getaffinity(0))[:2], sep=",")')
# Even if this script is killed, the server and the bots end.
timeout --kill-after 10 $((secs + 60)) "$binaries/ringshard-arena" --listen 127.0.0.1:0 --admin off --cpus "$cpus" \
    --log-format text >"$files/server.log" 2>&1 &
processes+=($!)

# field NAME: from the line in which the server says that it serves.
field() { sed -nE "s/.* serving .*[ ]$1=([^ ]+).*/\1/p" "$files/server.log"; }
for _ in $(seq 200); do
    [ -z "$(field public_key)" ] || break
    kill -0 "${processes[0]}" 2>/dev/null || break
    sleep 0.05
done
key=$(field public_key)
[ -n "$key" ] || { cat "$files/server.log" >&2 && die "the server did not start; see its log above"; }

echo "arena: $bots bots play for $secs s; the server runs on CPU $cpus of $(nproc)"
head -1 /proc/stat >"$files/cpu"
timeout --kill-after 10 $((secs + 40)) "$binaries/ringshard-arena-bots" "$(field listen)" "$key" --bots "$bots" --secs "$secs" \
    >"$files/bots" &
processes+=($!)
wait "${processes[1]}" || die "the bots did not play to the end; see above"
head -1 /proc/stat >>"$files/cpu"
kill -0 "${processes[0]}" 2>/dev/null || { tail -20 "$files/server.log" >&2 && die "the server ended early; see its log above"; }

outcome=0
python3 scripts/arena/report.py --secs "$secs" --bots "$files/bots" --cpu "$files/cpu" --json "$json" || outcome=$?
exit $outcome
