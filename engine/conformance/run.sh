#!/usr/bin/env bash
# Tests a built server against PROTOCOL.md with a client in Python that is written from that document alone.
set -euo pipefail

usage() {
    cat <<'END'
Usage: engine/conformance/run.sh BINARY [PART OF A NAME]

  BINARY   a built `ringshard`, such as target/release/ringshard
  PART     runs only the cases whose names contain it

Starts servers on free loopback ports. Takes about 90 s. Prints one line per case.
Needs Python 3.11 or later. The first run installs the package `cryptography` into a virtual environment under
target/. Later runs need no network.

Exit code: 0 if all cases passed, 1 if some failed or the run did not start, 2 if Python is too old or the packages cannot be
installed.
END
}

cd "$(dirname "$0")/../.."
case ${1:-} in
    -h | --help) usage && exit ;;
    '') usage >&2 && exit 1 ;;
esac
. engine/conformance/environment.sh
environment=$(environment "$1" conformance engine/conformance/requirements.txt)
PYTHONDONTWRITEBYTECODE=1 exec "$environment/bin/python" engine/conformance "$@"
