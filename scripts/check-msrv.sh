#!/usr/bin/env bash
# Checks that Ringshard builds with the oldest Rust that Cargo.toml declares (rust-version).
# If that toolchain is installed (rustup toolchain install VERSION), it builds. Otherwise it checks that no dependency
# declares a newer version, and that clippy's lint incompatible_msrv is on, which refuses newer names of the standard
# library in product code. Neither finds newer syntax, or dependencies that declare no version.
set -euo pipefail
cd "$(dirname "$0")/.."

# The metadata also has packages that no enabled feature needs. The tree has only those that are built.
tree=$(cargo tree --locked --workspace --edges all --target x86_64-unknown-linux-gnu --prefix none --format "{p}")
cargo metadata --locked --format-version 1 --filter-platform x86_64-unknown-linux-gnu | BUILT=$tree python3 -c '
import json, os, sys

def version(text):
    return tuple(int(part) for part in (text + ".0.0").split(".")[:3])

metadata = json.load(sys.stdin)
members = set(metadata["workspace_members"])
built = {tuple(line.split()[:2]) for line in os.environ["BUILT"].splitlines() if line.strip()}
packages = [one for one in metadata["packages"] if (one["name"], "v" + one["version"]) in built]
oldest = {one["rust_version"] for one in packages if one["id"] in members}
if len(oldest) != 1 or None in oldest:
    sys.exit(f"msrv: the crates of the workspace declare different versions: {oldest}")
oldest = oldest.pop()
for one in packages:
    if one["id"] in members and "[lints]\nworkspace = true" not in open(one["manifest_path"]).read():
        sys.exit("msrv: " + one["manifest_path"] + " does not use the lints of the workspace")
newer = [one for one in packages if one["rust_version"] and version(one["rust_version"]) > version(oldest)]
for one in newer:
    name, needs = one["name"], one["rust_version"]
    print(f"msrv: {name} needs Rust {needs}, but Cargo.toml declares {oldest}", file=sys.stderr)
silent = sum(not one["rust_version"] for one in packages)
print(f"msrv: {len(packages) - silent} of {len(packages)} crates declare a version; none needs more than {oldest}"
      if not newer else f"msrv: {len(newer)} crates need more than {oldest}")
sys.exit(bool(newer))
'

grep -qE '^incompatible_msrv = "deny"' Cargo.toml || { echo "msrv: the lint incompatible_msrv is not on" >&2; exit 1; }

oldest=$(sed -nE 's/^rust-version = "([0-9.]+)"/\1/p' Cargo.toml)
toolchain=$(rustup toolchain list 2> /dev/null | sed -nE "s/^($oldest(\.[0-9]+)?-[^ ]+).*/\1/p" | head -1)
if [ -z "$toolchain" ]; then
    echo "msrv: Rust $oldest is not installed: only declared versions and the lint were checked"
    exit 0
fi
target=$(cargo metadata --format-version 1 --no-deps | sed -nE 's/.*"target_directory":"([^"]+)".*/\1/p')
RUSTUP_TOOLCHAIN=$toolchain cargo check --locked --workspace --target-dir "$target/msrv"
echo "msrv: builds with $toolchain"
