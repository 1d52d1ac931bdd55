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
. engine/conformance/environment.sh
environment=$(environment "$1" conformance-quic engine/conformance/requirements-quic.txt)
PYTHONDONTWRITEBYTECODE=1 exec "$environment/bin/python" engine/conformance/quic.py "$1"
