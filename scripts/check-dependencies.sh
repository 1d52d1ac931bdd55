#!/usr/bin/env bash
# Checks licences, sources, bans and advisories of all dependencies with cargo-deny and .cargo/deny.toml. Of the comparison with
# other libraries, which is no part of the product, it checks licences, sources and bans with bench/peers/deny.toml.
# Advisories need the RustSec database from the internet. If it cannot be fetched, they are skipped with a message.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! command -v cargo-deny > /dev/null; then
    echo "dependencies: only licences and sources are checked, cargo-deny is missing: cargo install cargo-deny --locked"
    exec scripts/check-licences.py
fi
cargo deny --log-level error check --hide-inclusion-graph licenses bans sources
cargo deny --log-level error --manifest-path bench/peers/Cargo.toml --workspace --config bench/peers/deny.toml \
    check --hide-inclusion-graph licenses bans sources

log=$(mktemp)
trap 'rm -f "$log"' EXIT
# Behind some firewalls the fetch neither succeeds nor fails.
if timeout 60 cargo deny --log-level error fetch db > "$log" 2>&1; then
    cargo deny --log-level error check --disable-fetch --hide-inclusion-graph advisories
else
    echo "advisories skipped: the database cannot be fetched"
fi
