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

Exit code: 0 if all cases passed, 1 if some failed or the run did not start.
END
}

cd "$(dirname "$0")/../.."
case ${1:-} in
    -h | --help) usage && exit ;;
    '') usage >&2 && exit 1 ;;
esac
[ -x "$1" ] || {
    echo "conformance: no executable at $1; build it with: cargo build --release" >&2
    exit 1
}
python3 -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2> /dev/null || {
    echo "conformance: needs python3 3.11 or later with venv; on Debian: apt install python3-venv" >&2
    exit 1
}

environment=${CARGO_TARGET_DIR:-target}/conformance
requirements=engine/conformance/requirements.txt
if ! cmp -s "$requirements" "$environment/requirements.txt"; then
    python3 -m venv --clear "$environment"
    "$environment/bin/pip" install --quiet --disable-pip-version-check --requirement "$requirements"
    cp "$requirements" "$environment/requirements.txt"
fi
PYTHONDONTWRITEBYTECODE=1 exec "$environment/bin/python" engine/conformance "$@"
