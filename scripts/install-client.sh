#!/usr/bin/env bash
# Installs the client for C and C++: headers, libraries, the pkg-config file, documentation and examples.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
    cat <<'END'
Usage: scripts/install-client.sh [--prefix FOLDER] [--destdir FOLDER] [--library FOLDER]

  --prefix FOLDER    where programs find it [default: /usr/local]
  --destdir FOLDER   put in front of the prefix when files are written, for packages [default: none]
  --library FOLDER   take the libraries from there; without it, they are built

Exit codes: 0: installed. 1: not.
END
}

prefix=/usr/local destdir='' library=''
while [ $# -gt 0 ]; do
    case $1 in
        -h | --help) usage && exit ;;
        --prefix | --destdir | --library)
            [ $# -ge 2 ] || { usage >&2 && exit 1; }
            printf -v "${1#--}" %s "$2"
            shift 2
            ;;
        *) usage >&2 && exit 1 ;;
    esac
done
if [[ $prefix != /* ]]; then
    echo "install-client: the prefix $prefix is not absolute; give a path that begins with /" >&2
    exit 1
fi
if [ -z "$library" ]; then
    # A profile of its own: a panic inside the library must not end the program.
    cargo build --profile release-c --locked --package ringshard-client-c
    library=${CARGO_TARGET_DIR:-target}/release-c
fi

source=engine/client/c
version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
to=$destdir$prefix
install -d "$to/include" "$to/lib/pkgconfig" "$to/share/doc/libringshard-client-dev/examples"
install -m 644 "$source"/include/ringshard.h "$source"/include/ringshard.hpp "$to/include/"
install -m 644 "$library/libringshard_client.so" "$library/libringshard_client.a" "$to/lib/"
sed "s|@PREFIX@|$prefix|; s|@VERSION@|$version|" "$source/ringshard-client.pc.in" >"$to/lib/pkgconfig/ringshard-client.pc"
chmod 644 "$to/lib/pkgconfig/ringshard-client.pc"
install -m 644 "$source/README.md" LICENSE "$to/share/doc/libringshard-client-dev/"
install -m 644 "$source"/examples/* "$to/share/doc/libringshard-client-dev/examples/"
echo "installed in $to"
