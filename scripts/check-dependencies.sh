#!/usr/bin/env bash
# Licences, sources, bans and advisories of everything that is linked in, by cargo-deny and .cargo/deny.toml.
# Advisories need the database of RustSec from the internet; where it cannot be fetched, they are skipped, and it says so.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! command -v cargo-deny > /dev/null; then
    echo "dependencies: not checked, cargo-deny is missing: cargo install cargo-deny --locked"
    exit 0
fi
cargo deny --log-level error check --hide-inclusion-graph licenses bans sources

log=$(mktemp)
trap 'rm -f "$log"' EXIT
if cargo deny --log-level error fetch db > "$log" 2>&1; then
    cargo deny --log-level error check --disable-fetch --hide-inclusion-graph advisories
else
    echo "advisories skipped: the database cannot be fetched"
fi
