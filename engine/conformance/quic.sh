#!/usr/bin/env bash
# Tests a built gateway with another implementation of QUIC.
set -euo pipefail

usage() {
    cat <<'USAGE'
Usage: engine/conformance/quic.sh BINARY

  BINARY   a built `ringshard`, such as target/release/ringshard

Starts a server and a gateway on free loopback ports, and reaches the server through the gateway over the QUIC of aioquic.
Takes about 10 s. Prints one line per case. Needs Python 3.11 or later. The first run installs packages into a virtual
environment under target/. Later runs need no network.

Exit code: 0 if all cases passed, 1 if some failed or the run did not start, 2 if Python is too old or the packages cannot be
installed.
USAGE
}

cd "$(dirname "$0")/../.."
case ${1:-} in
    -h | --help) usage && exit ;;
    '') usage >&2 && exit 1 ;;
esac
[ -x "$1" ] || {
    echo "quic.sh: no executable at $1; build it with: cargo build --release" >&2
    exit 1
}
python3 -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2> /dev/null || {
    echo "quic.sh: needs python3 3.11 or later with venv; on Debian: apt install python3-venv" >&2
    exit 2
}

environment=${CARGO_TARGET_DIR:-target}/conformance-quic
requirements=engine/conformance/requirements-quic.txt
if ! cmp -s "$requirements" "$environment/requirements.txt"; then
    python3 -m venv --clear "$environment"
    "$environment/bin/pip" install --quiet --disable-pip-version-check --requirement "$requirements" || {
        echo "quic.sh: cannot install the packages of $requirements" >&2
        exit 2
    }
    cp "$requirements" "$environment/requirements.txt"
fi
PYTHONDONTWRITEBYTECODE=1 exec "$environment/bin/python" engine/conformance/quic.py "$1"
