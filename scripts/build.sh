#!/usr/bin/env bash
# Builds the release binaries and prints their folder, which CARGO_TARGET_DIR, CARGO_BUILD_TARGET_DIR or build.target-dir
# may move. With --no-build, it only prints the folder. SMOKE_PROFILE=dev takes the unoptimised binaries instead.
set -euo pipefail
cd "$(dirname "$0")/.."
profile=${SMOKE_PROFILE:-release}
case "${1:-}" in
    "")
        scripts/prepare.sh >&2
        # With the whole workspace and its tests, dependencies have the features that the tests have: they are not built again.
        if [ "$profile" = dev ]; then packages=(--workspace --lib --bins --tests); else packages=(-p ringshard-cli -p ringshard-bench); fi
        cargo build --profile "$profile" --locked --quiet "${packages[@]}" >&2
        ;;
    --no-build) ;;
    *)
        echo "build: there is no option $1; there is --no-build" >&2
        exit 1
        ;;
esac
target=$(cargo metadata --format-version 1 --no-deps | sed -nE 's/.*"target_directory":"([^"]+)".*/\1/p')
binaries=$target/$([ "$profile" = dev ] && echo debug || echo "$profile")
for binary in ringshard ringshard-bench; do
    [ -x "$binaries/$binary" ] || { echo "build: there is no $binaries/$binary; build it: scripts/build.sh" >&2 && exit 1; }
done
echo "$binaries"
