#!/usr/bin/env bash
# Installs a C compiler (for the cipher library), a C++ compiler (for Luau) and protoc (for the client of etcd) if there is
# none, and checks the Rust toolchain.
set -euo pipefail

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

if ! command -v cc >/dev/null || ! command -v c++ >/dev/null; then
    if ! command -v apt-get >/dev/null; then
        echo "prepare: no C or C++ compiler; install them (gcc and g++, or clang) and run this again" >&2
        exit 1
    fi
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq build-essential
fi

# The well-known types are a package of their own; Debian puts them into /usr/include.
if ! command -v protoc >/dev/null ||
    { [ ! -f /usr/include/google/protobuf/empty.proto ] && [ ! -f "$(dirname "$(command -v protoc)")/../include/google/protobuf/empty.proto" ]; }; then
    if ! command -v apt-get >/dev/null; then
        echo "prepare: no protoc with its well-known types; install them (protobuf-compiler and libprotobuf-dev) and run this again" >&2
        exit 1
    fi
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq protobuf-compiler libprotobuf-dev
fi

wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
if ! command -v cargo >/dev/null; then
    echo "prepare: no Rust toolchain; install Rust $wanted or later from https://rustup.rs and run this again" >&2
    exit 1
fi
have=$(rustc --version | cut -d' ' -f2)
if [ "$(printf '%s\n%s\n' "$wanted" "$have" | sort -V | head -n 1)" != "$wanted" ]; then
    echo "prepare: Rust $have is too old; Rust $wanted or later is needed (\`rustup update\`)" >&2
    exit 1
fi
