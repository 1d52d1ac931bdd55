#!/usr/bin/env bash
# Checks a built server against PROTOCOL.md: a client in Python, which knows nothing but that document, talks to it.
set -euo pipefail

usage() {
    cat <<'END'
Usage: engine/conformance/run.sh BINARY [PART OF A NAME]

  BINARY   a built `ringshard`, such as target/release/ringshard
  PART     runs only those cases that have it in their names

Starts servers on loopback, on ports of their own, and takes about 70 s. Prints one line per case.
Needs Python 3.11 or later. The package `cryptography` goes into a virtual environment under target/ at the first run;
later runs need no network.

Exit code: 0 all cases passed, 1 some failed or the run did not start.
END
}

cd "$(dirname "$0")/../.."
case ${1:-} in
    -h | --help) usage && exit ;;
    '') usage >&2 && exit 1 ;;
esac
[ -x "$1" ] || {
    echo "conformance: there is no program $1; build it with: cargo build --release" >&2
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
