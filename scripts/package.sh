#!/usr/bin/env bash
# Builds the Debian packages: server and gateway, with manual pages and shell completions; their debug symbols; and the client for
# C.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
    cat <<'END'
Usage: scripts/package.sh [OPTIONS FOR cargo deb]

Needs cargo-deb (cargo install cargo-deb --locked), objcopy (apt install binutils) and dpkg-deb. Prints the paths of the
packages. scripts/package-client.sh builds the client's alone.
END
}

case ${1:-} in
    -h | --help) usage && exit ;;
esac
if ! command -v cargo-deb >/dev/null; then
    echo "package: there is no cargo-deb; install it: cargo install cargo-deb --locked" >&2
    exit 1
fi
scripts/prepare.sh
cargo build --release --locked
ringshard=${CARGO_TARGET_DIR:-target}/release/ringshard

# shard/cli/Cargo.toml expects them there.
made=${CARGO_TARGET_DIR:-target}/release/package
rm -rf "$made"
mkdir -p "$made"
"$ringshard" man "$made/man"
gzip -9n "$made"/man/*.1
for shell in bash zsh fish; do
    "$ringshard" completions "$shell" >"$made/ringshard.$shell"
done
cargo deb --package ringshard-cli --locked --no-build "$@"
scripts/package-client.sh
