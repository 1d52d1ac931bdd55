#!/usr/bin/env bash
# Plays the demonstration in C and in C++ against a real server, under sanitizers.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
    cat <<'END'
Usage: scripts/c-abi.sh [--seconds N] [--port N]

Builds the server, the library, and both programs of engine/client/c/examples with AddressSanitizer and
UndefinedBehaviorSanitizer, and plays with both at the same time.

  --seconds N   how long they play [default: 60]
  --port N      the server's UDP port; the next one is its admin port [default: 4611]

Exit codes: 0: both passed. 1: one did not. 2: it did not run.
END
}

seconds=60 port=4611
while [ $# -gt 0 ]; do
    case $1 in
        -h | --help) usage && exit ;;
        --seconds) seconds=${2:?give seconds} && shift 2 ;;
        --port) port=${2:?give a port} && shift 2 ;;
        *) usage >&2 && exit 2 ;;
    esac
done
for program in cc c++; do
    if ! command -v "$program" >/dev/null; then
        echo "c-abi: there is no $program; install it: apt install build-essential" >&2
        exit 2
    fi
done
cargo build --quiet --locked --package ringshard-cli --package ringshard-client-c || exit 2

binaries=$PWD/${CARGO_TARGET_DIR:-target}/debug
source=engine/client/c
work=$(mktemp -d)
server=''
finish() {
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    rm -rf "$work"
}
trap finish EXIT

options=(-g -Wall -Wextra -Werror -pedantic -ffp-contract=off -fsanitize=address,undefined -fno-sanitize-recover=all)
options+=(-I "$source/include")
link=(-L "$binaries" -lringshard_client "-Wl,-rpath,$binaries")
cc -std=c11 "${options[@]}" "$source/examples/play.c" -o "$work/play-c" "${link[@]}" || exit 2
c++ -std=c++17 "${options[@]}" "$source/examples/play.cpp" -o "$work/play-cpp" "${link[@]}" || exit 2

key=$("$binaries/ringshard" keygen --out "$work/server.key" 2>/dev/null)
"$binaries/ringshard" serve --listen "127.0.0.1:$port" --admin "127.0.0.1:$((port + 1))" --key "$work/server.key" \
    --game demo --layout crowd --npcs 40 --cpus 0 --idle park >"$work/server.log" 2>&1 &
server=$!
sleep 2
if ! kill -0 "$server" 2>/dev/null; then
    echo "c-abi: the server does not start:" >&2
    tail -n 5 "$work/server.log" >&2
    exit 2
fi

declare -A players
for language in c cpp; do
    "$work/play-$language" "127.0.0.1:$port" "$key" "$seconds" >"$work/$language.log" 2>&1 &
    players[$language]=$!
done
verdict=0
for language in c cpp; do
    code=0
    wait "${players[$language]}" || code=$?
    sed "s/^/$language: /" "$work/$language.log"
    if [ "$code" != 0 ]; then
        echo "$language: exit code $code" >&2
        verdict=1
    fi
done
if [ "$verdict" = 0 ]; then
    echo "c-abi: passed: C and C++ played for $seconds s under sanitizers"
else
    echo "c-abi: FAILED under sanitizers" >&2
fi
exit "$verdict"
