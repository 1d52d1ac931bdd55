#!/usr/bin/env bash
# Writes the sources of a sample map, and bakes and draws it.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
    cat <<'END'
Usage: scripts/sample-map.sh [OPTIONS] DIR

Writes a heightmap, models and a description into DIR, as a studio would, bakes them to DIR/sample.ringmap, and draws
DIR/sample.png. DIR must not exist, or be empty. The same seed gives the same map on every machine.

  --seed N      another number gives another map [default: 7]
  --no-mesh     leave out the navigation mesh, which takes most of the time
  --no-build    use the existing binary

Exit codes: 0: done. 1: it did not run.
END
}

die() {
    echo "sample-map: $1" >&2
    exit 1
}

seed=7 mesh='' build=yes folder=''
while [ $# -gt 0 ]; do
    case $1 in
    --seed)
        [[ ${2:-} =~ ^[0-9]{1,19}$ ]] || die "--seed is ${2:-missing}; give a whole number"
        seed=$2
        shift
        ;;
    --no-mesh) mesh=--no-mesh ;;
    --no-build) build=no ;;
    -h | --help) usage && exit ;;
    -*) die "there is no option $1; see --help" ;;
    *)
        [ -z "$folder" ] || die "give one folder, not $folder and $1"
        folder=$1
        ;;
    esac
    shift
done
[ -n "$folder" ] || die "give a folder for the files; see --help"

if [ "$build" = yes ]; then
    scripts/prepare.sh
    cargo build --release --locked -p ringshard-cli
fi
ringshard=${CARGO_TARGET_DIR:-target}/release/ringshard
[ -x "$ringshard" ] || die "there is no $ringshard; run this script without --no-build"

"$ringshard" map sample "$folder" --seed "$seed"
"$ringshard" map bake "$folder/sample.toml" -o "$folder/sample.ringmap" ${mesh:+"$mesh"}
"$ringshard" map draw "$folder/sample.ringmap" -o "$folder/sample.png" --spawns
