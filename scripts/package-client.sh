#!/usr/bin/env bash
# Builds the Debian package libringshard-client-dev: the client for C and C++.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
    cat <<'END'
Usage: scripts/package-client.sh [--library FOLDER] [--out FOLDER]

Needs dpkg-deb. Prints the path of the package.

  --library FOLDER   take the libraries from there; without it, they are built
  --out FOLDER       where the package goes [default: target/debian]
END
}

library=() out=${CARGO_TARGET_DIR:-target}/debian
while [ $# -gt 0 ]; do
    case $1 in
        -h | --help) usage && exit ;;
        --library) library=(--library "${2:?give a folder}") && shift 2 ;;
        --out) out=${2:?give a folder} && shift 2 ;;
        *) usage >&2 && exit 1 ;;
    esac
done
if ! command -v dpkg-deb >/dev/null; then
    echo "package-client: there is no dpkg-deb; run this on Debian or Ubuntu, or use scripts/install-client.sh" >&2
    exit 1
fi

stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
chmod 755 "$stage"
scripts/install-client.sh --prefix /usr --destdir "$stage" "${library[@]}" >&2
if command -v strip >/dev/null; then
    # Names for debuggers stay outside of the package; those that programs link to stay in it.
    strip --strip-unneeded "$stage/usr/lib/libringshard_client.so"
    strip --strip-debug "$stage/usr/lib/libringshard_client.a"
fi
version=$(sed -n 's/^Version: //p' "$stage/usr/lib/pkgconfig/ringshard-client.pc")
architecture=$(dpkg --print-architecture)
mkdir "$stage/DEBIAN"
cat >"$stage/DEBIAN/control" <<END
Package: libringshard-client-dev
Version: $version-1
Architecture: $architecture
Maintainer: The Ringshard authors
Section: libdevel
Priority: optional
Depends: libc6, libgcc-s1
Installed-Size: $(du -sk "$stage/usr" | cut -f1)
Description: the client of Ringshard servers, for C and C++
 Headers, a shared and a static library, the pkg-config file, and examples. A game in C or C++, or in a language that calls
 C, connects to a Ringshard server with it, predicts its player, and shows the others.
END
mkdir -p "$out"
package=$out/libringshard-client-dev_$version-1_$architecture.deb
dpkg-deb --build --root-owner-group "$stage" "$package" >&2
echo "$package"
