#!/usr/bin/env bash
# All checks that must pass before a change lands. No test depends on time; the load runs at the end are smoke tests. With
# SMOKE_PROFILE=dev they use the unoptimised binaries, simulate less, and leave out the harness with the portable ciphers: that saves
# two builds; and clippy and rustdoc run beside the tests.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/prepare.sh

step() { printf '\n== %s\n' "$*"; "$@"; }
export RUSTDOCFLAGS="-D warnings"

lint() {
    cargo clippy --locked --workspace --all-targets -- -D warnings
    cargo clippy --locked -p ringshard-protocol --no-default-features -- -D warnings
    cargo clippy --locked -p ringshard --no-default-features --all-targets -- -D warnings
    # A workspace of its own, which uses the client of this one: about a minute. scripts/bindings.sh --godot plays it.
    cargo clippy --locked --manifest-path engine/client/godot/Cargo.toml --target-dir target --all-targets -- -D warnings
    cargo doc --locked --workspace --no-deps
}

step cargo fmt --all --check
[ "${SMOKE_PROFILE:-}" = dev ] || step lint
step scripts/check-unsafe.sh
step scripts/module-graph.py --check
step scripts/module-graph-test.sh
step scripts/sizes.py --check
step scripts/arena/lines.py
step scripts/check-documents.py
step scripts/check-msrv.sh
step scripts/tune-host-test.sh
# Tests the dissector if Wireshark is installed.
if command -v tshark > /dev/null; then step scripts/wireshark/test.sh; fi
# Without examples, which clippy has checked: linking them takes minutes.
step cargo test --locked --workspace --lib --bins --tests --no-run
if [ "${SMOKE_PROFILE:-}" = dev ]; then
    # What the tests would build: cargo builds one thing at a time, and clippy comes now.
    step scripts/build.sh
    CLIENT_LIBRARY_FOLDER=$(scripts/build.sh --no-build)
    export CLIENT_LIBRARY_FOLDER
    # The tests wait for timers most of the time: meanwhile clippy and rustdoc run. They begin when cargo has started the tests,
    # which lets go of the folder then; what cargo builds after the tests waits for them.
    lints=$(mktemp)
    (sleep 20 && exec nice -n 19 bash -c "set -e; $(declare -f lint); lint") > "$lints" 2>&1 &
    linting=$!
fi
# Empty if it cannot be had: then the test that needs it says so.
LOCATION_DATABASE=$(scripts/location-data.sh 2> /dev/null || true)
export LOCATION_DATABASE
step cargo test --locked --workspace --lib --bins --tests
step cargo test --locked --workspace --doc
# Without long transfers: they add nothing here, and take a quarter of an hour with unoptimised ciphers.
step cargo test --locked -p ringshard-protocol --no-default-features --lib
# These build most dependencies again, with other features.
if [ "${SMOKE_PROFILE:-}" != dev ]; then
    step cargo test --locked -p ringshard-harness --no-default-features --test protocol
    step cargo test --locked -p ringshard-harness --no-default-features --test network -- --skip paths:: --skip reliability::
fi
step scripts/bindings.sh --seconds 5
step cargo fmt --manifest-path engine/fuzz/Cargo.toml --check
step cargo fmt --manifest-path shard/fuzz/Cargo.toml --check
step cargo fmt --manifest-path engine/client/godot/Cargo.toml --check
step cargo fmt --manifest-path bench/peers/Cargo.toml -p ringshard-peers -p ringshard-call-peers --check
# In the same folder, so that dependencies are built once.
step cargo test --manifest-path engine/fuzz/Cargo.toml --target-dir target
[ "${SMOKE_PROFILE:-}" = dev ] || step scripts/build.sh
bin=$(scripts/build.sh --no-build)
case ${SMOKE_PROFILE:-release} in
    dev) seeds=1..12 lives=4000 ;;
    *) seeds=1..40 lives=15000 ;;
esac
step engine/conformance/run.sh "$bin/ringshard"
# 2: there is no Python that is new enough, or no packages.
step engine/conformance/quic.sh "$bin/ringshard" || [ $? = 2 ]
step "$bin/ringshard-bench" echo --clients 64 --rate 60 --secs 1
step "$bin/ringshard-bench" echo --clients 64 --rate 60 --secs 1 --datapath mmsg
step scripts/services.sh --no-build
# 2: there is no Node that is new enough, or no packages.
step scripts/typescript.sh "$bin/ringshard" || [ $? = 2 ]
step scripts/lab-hosts.sh --no-build
# 2: there is no etcd or no NATS.
step scripts/fleet.sh --no-build --hosts 2 --players 12 --secs 10 --interruption 10000 --lost 12 --disturb drain || [ $? = 2 ]
step "$bin/ringshard-bench" simulate --seeds $seeds
step "$bin/ringshard-bench" simulate-world --minutes 0.2
step "$bin/ringshard-bench" simulate-lives --steps $lives
if [ -n "${linting:-}" ]; then
    printf '\n== lint, which ran beside the other steps\n'
    wait "$linting" || { cat "$lints" && exit 1; }
    rm "$lints"
fi
step scripts/check-dependencies.sh
printf '\nall checks passed\n'
