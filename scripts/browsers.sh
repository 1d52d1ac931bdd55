#!/usr/bin/env bash
# Plays in a real browser: headless Chromium, a gateway, servers and native players, over each carrier.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
    cat <<'END'
Usage: scripts/browsers.sh [OPTIONS]

  --no-build          use the existing binaries
  --binaries FOLDER   use `ringshard` and `ringshard-bench` of this folder
  --chromium FILE     use this browser; default: the first of chromium, chromium-browser, google-chrome
  --install           install Chromium with apt-get if there is none
  --only LIST         these carriers alone: webtransport, webrtc, websocket
  --bundle            bundle the page that echoes, and end

Per carrier: connect, echo on all channels and of 65,536 bytes, connect again after the server's restart; enter the demonstration,
walk, see native players move. Then carriers are off in turn, or their packets vanish: the next is taken within 3 seconds
for each that has vanished.
It needs Node 20 or newer, and npm, which installs the development tools of engine/typescript once.

Logs, and pictures of a desktop and a phone, are in target/browsers/.

Exit codes: 0: all went as it must. 1: something did not, which a line that begins with `wrong` names. 2: a wrong option, no browser, or no Node.
END
}

fail() {
    printf 'browsers: %s\n' "$2" >&2
    exit "$1"
}

build=() binaries='' chromium='' install='' only=all bundle=''
while (($#)); do
    case $1 in
        --no-build) build=(--no-build) && shift ;;
        --binaries) binaries=$(realpath "${2:?--binaries needs a folder}") && shift 2 ;;
        --chromium) chromium=${2:?--chromium needs a file} && shift 2 ;;
        --install) install=yes && shift ;;
        --only) only=${2:?--only needs a list} && shift 2 ;;
        --bundle) bundle=yes && shift ;;
        -h | --help) usage && exit ;;
        *) fail 2 "there is no option $1; see --help" ;;
    esac
done

known=(webtransport webrtc websocket)
if [[ $only != all ]]; then
    IFS=, read -ra names <<<"$only"
    for name in "${names[@]}"; do
        [[ " ${known[*]} " == *" $name "* ]] || fail 2 "--only has $name; the carriers are ${known[*]}"
    done
fi

find_chromium() {
    local name
    for name in chromium chromium-browser google-chrome; do
        command -v "$name" && return
    done
    return 1
}

command -v node >/dev/null || fail 2 "there is no node: install Node 20 or newer"
if [[ -z $chromium && -z $bundle ]] && ! chromium=$(find_chromium); then
    [[ -n $install ]] || fail 2 "there is no Chromium: run this with --install, or name one with --chromium"
    printf 'installs Chromium\n'
    apt-get update -qq && apt-get install -qq --yes --no-install-recommends chromium >/dev/null
    chromium=$(find_chromium) || fail 2 "Chromium is not there after its installation"
fi

folder=$(realpath -m target/browsers)
rm -rf "$folder"
mkdir -p "$folder"
[[ -d engine/typescript/node_modules ]] || (cd engine/typescript && npm ci --silent --no-audit --no-fund)
engine/typescript/node_modules/.bin/esbuild engine/typescript/test/browser/echo.ts --bundle --format=iife --target=es2022 \
    --log-level=warning --outfile="$folder/echo.js"
[[ -z $bundle ]] || exit 0

[[ -n $binaries ]] || binaries=$(scripts/build.sh "${build[@]}")
exec node scripts/browsers/main.mjs "$binaries/ringshard" "$binaries/ringshard-bench" "$chromium" "$folder" "$only"
