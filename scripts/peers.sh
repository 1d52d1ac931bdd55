#!/usr/bin/env bash
# Builds the comparison with other libraries, and runs it.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
    cat <<END
Usage: scripts/peers.sh [OPTIONS]

Measures the same work over Ringshard and other network libraries, on this machine, and prints one table.

  echo      64 and 1,000 clients send unreliable messages of 64 and 200 bytes, and the server sends each back: as many as
            possible, and 30 per second and client
  transfer  the server sends reliable, ordered messages of 1,000 bytes to 64 clients, as fast as possible

Each server is a process of its own on one CPU. All clients share one thread on another CPU, and each has a socket of its own.

  --only NAME,...   only these libraries: plain, ringshard, enet, quinn, renet, netcode
  --task TASK       only this task: echo or transfer
  --secs N          length of each measurement in seconds [default: 3]; a whole run with 3 takes about eight minutes
  --json FILE       also write the rows to FILE
  --smoke           only check that every library works: a few seconds, and figures that mean nothing
  --server-cpu CPU  CPU of the servers [default: 0]
  --client-cpu CPU  CPU of the clients [default: 1]
  --no-build        run what is built

Progress goes to standard error, the table to standard output. Let nothing else run meanwhile: compare rows of one run, not of
two. bench/README.md says how each library is configured.

Exit codes: 0: every row has figures, and at least 99 % of its messages arrived. 1: it did not start. 2: a row failed, or lost
more. 130: interrupted.

Examples:
  scripts/peers.sh --smoke                         does it work here?
  scripts/peers.sh --only plain,ringshard          what the protocol costs
  scripts/peers.sh --secs 5 --json peers.json      longer, for figures to keep
END
}

build=yes options=()
while [ $# -gt 0 ]; do
    case "$1" in
        --help | -h) usage && exit 0 ;;
        --no-build) build=no ;;
        *) options+=("$1") ;;
    esac
    shift
done

binary=bench/peers/target/release/ringshard-peers
if [ "$build" = yes ]; then
    echo "peers: building; the first time takes minutes" >&2
    cargo build --quiet --release --locked --manifest-path bench/peers/Cargo.toml --target-dir bench/peers/target || exit 1
elif [ ! -x "$binary" ]; then
    echo "peers: there is no $binary: run without --no-build" >&2
    exit 1
fi
exec "$binary" "${options[@]}"
