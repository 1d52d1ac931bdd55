#!/usr/bin/env bash
# Tests the dissector with the test vectors of engine/PROTOCOL.md and with damaged datagrams. See test.py.
set -euo pipefail
cd "$(dirname "$0")"

missing() {
    echo "wireshark/test: $1 is missing; to install it: $2" >&2
    exit 3
}

command -v tshark >/dev/null || missing tshark "apt install tshark, dnf install wireshark-cli, brew install wireshark"
command -v python3 >/dev/null || missing python3 "apt install python3, dnf install python3, brew install python"

exec python3 test.py "$@"
