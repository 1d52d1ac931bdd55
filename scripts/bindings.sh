#!/usr/bin/env bash
# Plays the demonstration by the clients for other engines and languages, against a real server. C and C++: scripts/c-abi.sh.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
    cat <<'END'
Usage: scripts/bindings.sh [--seconds N] [--port N] [--godot]

Builds the server and the C library, and plays at the same time with
  - the client for C#, under Mono (apt install mono-mcs mono-runtime libmono-system-core4.0-cil)
  - the plugin for Unreal, compiled against the stubs in engine/client/unreal/stubs: without Unreal
  - with --godot, the extension for Godot, in a Godot 4 without a screen. GODOT names its program [default: godot]
What needs a program that is not here is skipped, and says so.

  --seconds N   how long they play [default: 20]
  --port N      the server's UDP port [default: 4613]
  --godot       build and test the extension for Godot, too: minutes, and its crates from crates.io

Exit codes: 0: all that could play passed. 1: one did not. 2: it did not run.
END
}

seconds=20 port=4613 with_godot=false
while [ $# -gt 0 ]; do
    case $1 in
        -h | --help) usage && exit ;;
        --seconds) seconds=${2:?give seconds} && shift 2 ;;
        --port) port=${2:?give a port} && shift 2 ;;
        --godot) with_godot=true && shift ;;
        *) usage >&2 && exit 2 ;;
    esac
done

# With the whole workspace and its tests, dependencies have the features that the tests have: they are not built again.
packages=(--package ringshard-cli --package ringshard-client-c)
[ "${SMOKE_PROFILE:-}" != dev ] || packages=(--workspace --lib --bins --tests)
cargo build --quiet --locked "${packages[@]}" || exit 2
binaries=$PWD/${CARGO_TARGET_DIR:-target}/debug
folder=engine/client
work=$(mktemp -d)
server=''
finish() {
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    rm -rf "$work"
}
trap finish EXIT
has() { command -v "$1" >/dev/null; }
skip() { echo "bindings: skipped $1: $2"; }

# Each of these sets players[NAME] to the command that plays.
declare -A players=()
prepare_csharp() {
    if ! has mcs || ! has mono; then
        skip "C#" "there is no Mono; install it: apt install mono-mcs mono-runtime libmono-system-core4.0-cil"
        return
    fi
    mcs -unsafe -warnaserror -warn:4 -out:"$work/play.exe" $folder/csharp/*.cs $folder/csharp/examples/*.cs || exit 2
    # A small nursery, so that the program notices little garbage.
    players[csharp]="env MONO_GC_PARAMS=nursery-size=512k LD_LIBRARY_PATH=$binaries mono $work/play.exe"
}

prepare_unreal() {
    if ! has c++; then
        skip Unreal "there is no C++ compiler; install it: apt install build-essential"
        return
    fi
    local unreal=$folder/unreal module=$folder/unreal/RingshardClient/Source/RingshardClient
    c++ -std=c++20 -g -Wall -Wextra -Werror -ffp-contract=off -fsanitize=address,undefined -fno-sanitize-recover=all \
        -I $unreal/stubs -I $module/Public -I $unreal/example -I $folder/c/include -I $folder/c/examples \
        $module/Private/*.cpp $unreal/stubs/play.cpp -o "$work/play-unreal" \
        -L "$binaries" -lringshard_client "-Wl,-rpath,$binaries" || exit 2
    players[unreal]="$work/play-unreal"
    if has mcs; then
        mcs -warnaserror -target:library -out:"$work/build.dll" $unreal/stubs/UnrealBuildTool.cs \
            $module/RingshardClient.Build.cs || exit 2
    fi
}

prepare_godot() {
    local godot=$folder/godot program=${GODOT:-godot}
    cargo fmt --manifest-path $godot/Cargo.toml --check || exit 2
    cargo clippy --quiet --locked --manifest-path $godot/Cargo.toml --target-dir $godot/target --all-targets -- -D warnings || exit 2
    cargo test --quiet --locked --manifest-path $godot/Cargo.toml --target-dir $godot/target || exit 2
    cargo build --quiet --locked --manifest-path $godot/Cargo.toml --target-dir $godot/target || exit 2
    if ! has "$program" || [ "$("$program" --version | cut -c1-2)" != "4." ]; then
        skip "playing in Godot" "there is no Godot 4; GODOT=FILE names its program"
        return
    fi
    # Godot writes into the project's folder, which may also have an older .godot.
    cp -r $godot/example "$work/project"
    rm -rf "$work/project/.godot"
    sed -i "s|res://\.\./target|$PWD/$godot/target|" "$work/project/ringshard.gdextension"
    # What the editor writes when it opens the project.
    mkdir "$work/project/.godot"
    echo "res://ringshard.gdextension" >"$work/project/.godot/extension_list.cfg"
    players[godot]="env HOME=$work $program --headless --path $work/project --"
}

prepare_csharp
prepare_unreal
if $with_godot; then prepare_godot; else skip Godot "it takes minutes to build; --godot plays it"; fi
if [ ${#players[@]} = 0 ]; then
    echo "bindings: nothing can play here"
    exit 0
fi

key=$("$binaries/ringshard" keygen --out "$work/server.key" 2>/dev/null)
"$binaries/ringshard" serve --listen "127.0.0.1:$port" --admin off --key "$work/server.key" \
    --game demo --layout crowd --npcs 40 --cpus 0 --idle park >"$work/server.log" 2>&1 &
server=$!
sleep 2
if ! kill -0 "$server" 2>/dev/null; then
    echo "bindings: the server does not start:" >&2
    tail -n 5 "$work/server.log" >&2
    exit 2
fi

declare -A processes=()
for name in "${!players[@]}"; do
    # A player that hangs fails.
    # shellcheck disable=SC2086 # The command has several words.
    timeout $((seconds + 60)) ${players[$name]} "127.0.0.1:$port" "$key" "$seconds" >"$work/$name.log" 2>&1 &
    processes[$name]=$!
done
verdict=0
for name in "${!processes[@]}"; do
    code=0
    wait "${processes[$name]}" || code=$?
    sed "s/^/$name: /" "$work/$name.log"
    if [ "$code" != 0 ]; then
        echo "$name: exit code $code" >&2
        verdict=1
    fi
done
if [ "$verdict" = 0 ]; then
    echo "bindings: passed: ${!players[*]} played for $seconds s"
else
    echo "bindings: FAILED" >&2
fi
exit "$verdict"
