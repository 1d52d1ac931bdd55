#!/usr/bin/env bash
# Tests module-graph.py: adds one violation of each kind to a copy of the sources, and requires that it is reported.
# `module-graph-test.sh DIR` uses the sources of another workspace.
set -euo pipefail
cd "$(dirname "$0")/.."
graph=$PWD/scripts/module-graph.py
cd "${1:-.}"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
copy=$work/copy
mkdir -p "$work/pristine"
find . -name target -prune -o \( -name '*.rs' -o -name Cargo.toml -o -name Cargo.lock \) -print0 |
    tar --null --files-from - --create | tar --extract --directory "$work/pristine"

fail() { echo "module-graph-test: $*" >&2; exit 1; }

# case_of CRATE NAME: starts a case with unchanged sources. Only the crate is read, to be quick.
case_of() {
    only=$1 name=$2
    rm -rf "$copy"
    cp -r "$work/pristine" "$copy"
    cd "$copy"
}

check() { "$graph" --root "$copy" --check --crate "$only" "$@" >"$work/output" 2>&1; }

# Requires that the script fails and prints the text, which it does not print for the unchanged sources.
refused() {
    local rc=0
    check "${@:2}" || rc=$?
    [ "$rc" = 2 ] || { cat "$work/output" >&2; fail "$name: exit code $rc instead of 2"; }
    grep -qF -- "$1" "$work/output" || { cat "$work/output" >&2; fail "$name: '$1' is not reported"; }
    ! grep -qF -- "$1" "$work/before-$only" || fail "$name: '$1' is reported for the unchanged sources, too"
    echo "ok: $name"
}

# Requires the same output as for the unchanged sources.
allowed() {
    check || true
    diff "$work/before-$only" "$work/output" >&2 || fail "$name: refused"
    echo "ok: $name"
}

for crate in ringshard-protocol ringshard-world ringshard; do
    case_of $crate "the sources as they are"
    check || true
    cp "$work/output" "$work/before-$crate"
done
root=engine/protocol/src

case_of ringshard-protocol "a circle of two modules"
echo 'mod planted_a; mod planted_b;' >>$root/lib.rs
echo 'use crate::planted_b::B; pub struct A(B);' >$root/planted_a.rs
echo 'pub struct B; fn b(a: &super::planted_a::A) {}' >$root/planted_b.rs
refused "circle: ringshard-protocol: planted_a, planted_b"
grep -q "planted_b -> planted_a  $root/planted_b.rs:1" "$work/output" || fail "the arrow that closes the circle is not reported"

case_of ringshard-protocol "a circle of a folder and two modules, through re-exports and groups"
mkdir -p $root/planted_a
echo 'mod planted_a; mod planted_b; mod planted_c; pub use planted_c::C;' >>$root/lib.rs
echo 'mod inner; pub use inner::A;' >$root/planted_a/mod.rs
echo 'use crate::{planted_b::{self, B as Other}, limits}; pub struct A(Other);' >$root/planted_a/inner.rs
echo 'use crate::C; pub struct B(C);' >$root/planted_b.rs
echo 'use crate::planted_a::*; pub struct C; fn c(a: A) {}' >$root/planted_c.rs
refused "circle: ringshard-protocol: planted_a, planted_b, planted_c"

case_of ringshard-protocol "a circle inside a folder"
mkdir -p $root/planted
echo 'mod planted;' >>$root/lib.rs
echo 'mod a; mod b; pub use a::A; pub use b::B;' >$root/planted/mod.rs
echo 'use super::B; pub struct A(B);' >$root/planted/a.rs
echo 'pub struct B; impl B { fn b() -> crate::planted::A { todo!() } }' >$root/planted/b.rs
refused "circle: ringshard-protocol::planted: a, b"

case_of ringshard-protocol "a circle of a mod.rs with its child, with --strict"
mkdir -p $root/planted
echo 'mod planted;' >>$root/lib.rs
echo 'mod a; pub struct Whole(a::A);' >$root/planted/mod.rs
echo 'use super::Whole; pub struct A; fn a(whole: Whole) {}' >$root/planted/a.rs
refused "circle: ringshard-protocol::planted: a, mod.rs" --strict

case_of ringshard-protocol "no circle by tests, comments, strings and children of a mod.rs"
mkdir -p $root/planted
echo 'mod planted;' >>$root/lib.rs
echo 'mod a; mod b; pub use a::A; #[cfg(test)] mod tests { use crate::lib::*; }' >$root/planted/mod.rs
echo 'use super::b::B; pub struct A(B);' >$root/planted/a.rs
cat >$root/planted/b.rs <<'END'
/* use super::a::A; /* nested */ */
pub struct B<'a>(&'a str, char);
const TEXT: &str = r#"use super::a::A; " "#;
const QUOTE: (char, char, u8) = ('"', '\'', b'"');
// use super::a::A;
#[cfg(test)]
mod tests {
    use crate::planted::a::A;
}
END
# The count of allowed circles with a mod.rs stays, too.
allowed

case_of ringshard "a room that uses a room above it"
echo 'fn planted() { crate::ops::planted(); }' >>shard/src/runtime/mod.rs
refused "room: ringshard: runtime must not use ops"

case_of ringshard "a room that uses a room above it through the crate's root"
echo 'pub use ops::Planted;' >>shard/src/lib.rs
echo 'pub struct Planted;' >>shard/src/ops/mod.rs
echo 'use crate::Planted;' >>shard/src/world/mod.rs
refused "room: ringshard: world must not use ops"

case_of ringshard "a module that is no room"
echo 'mod planted;' >>shard/src/lib.rs
touch shard/src/planted.rs
refused "room: ringshard::planted is no room that ROOMS names"

case_of ringshard-protocol "a dependency that is not allowed"
sed -i 's/^\[dependencies\]/&\nringshard-link = { path = "..\/link" }/' engine/protocol/Cargo.toml
refused "crate: ringshard-protocol must not use ringshard-link"

case_of ringshard-world "a crate that is not allowed, in the source"
echo 'use ringshard_link as planted;' >>engine/world/src/lib.rs
refused "crate: ringshard-world must not use ringshard-link"

case_of ringshard-protocol "a crate that is not in the table"
mkdir -p planted/src
printf '[package]\nname = "ringshard-planted"\nversion = "0.1.0"\nedition = "2024"\n' >planted/Cargo.toml
touch planted/src/lib.rs
sed -i 's/^members = \[/&"planted", /' Cargo.toml
refused "crate: ringshard-planted is not in CRATES"

for planted in \
    'use std::fs;|std::fs' \
    'use std::{io::Read as _};|std::io' \
    'fn planted() { std::net::UdpSocket::bind(0); }|std::net::UdpSocket' \
    'fn planted() { std::net::TcpStream::connect(0); }|std::net::TcpStream' \
    'use std::time as planted_time; fn planted() { planted_time::Instant::now(); }|std::time::Instant' \
    'use std::time::{Duration as _, SystemTime};|std::time::SystemTime' \
    'fn planted() { unsafe { } }|unsafe'; do
    case_of ringshard-world "a name that is not allowed: ${planted##*|}"
    echo "${planted%|*}" >>engine/world/src/lib.rs
    refused "name: ringshard-world must not name ${planted##*|}"
done

case_of ringshard-protocol "a file beside its folder"
mkdir -p $root/planted
echo 'mod planted;' >>$root/lib.rs
echo 'mod a;' >$root/planted.rs
touch $root/planted/a.rs
refused "beside: $root/planted.rs belongs into planted/mod.rs"

echo "module-graph reports every violation"
