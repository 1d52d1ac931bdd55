#!/usr/bin/env python3
"""Which module uses which, and whether that is allowed.

Reads the sources of every crate of the workspace, without its tests, and draws an arrow from each module to each
module that it names. Checks these laws:

  circle     Sibling modules do not use each other, directly or through others, at any level of the tree. At the
             level of its siblings, a folder counts as one module.
  room       The rooms of a crate (its top-level modules) name only the rooms that ROOMS lists.
  crate      A crate depends only on the crates that CRATES lists.
  name       A crate that does no I/O names nothing of FORBIDDEN: no sockets, files or clocks, no unsafe code.
  beside     A module is `foo.rs` or `foo/mod.rs`; there is no `foo.rs` beside a folder `foo/`.

The tables stand at the top of this script. A new crate or room is added there, with what it may use.

An arrow is a `use` declaration or a path in code or in an attribute that begins with `crate`, `self`, `super`, another
crate of the workspace, or a name in scope. A re-exported item counts where it is defined; if a module other than a
parent re-exports it, it counts there, too. Not seen: calls of methods (`endpoint.send()` names no module), paths that
macros build, links in comments, and code under `#[cfg(test)]`.

To open a circle, begin with the arrow of the fewest places, which is listed first: move what it names to the module
that needs it, or to a third one that both use.

A mod.rs that drives its children, which use types of that mod.rs, is common and no fault: such circles are counted.
--strict lists and refuses them.
"""
import argparse
import json
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

# The crates that each crate may depend on. None: any. A crate of the workspace that is not listed is a violation.
CRATES = {
    "ringshard-prefetch": [],
    "ringshard-protocol": ["ringshard-prefetch"],
    "ringshard-world": ["ringshard-protocol"],
    "ringshard-link": ["ringshard-protocol"],
    "ringshard-client": ["ringshard-protocol", "ringshard-world"],
    "ringshard": ["ringshard-link", "ringshard-prefetch", "ringshard-protocol", "ringshard-world"],
    "ringshard-demo": ["ringshard", "ringshard-protocol", "ringshard-world"],
    "ringshard-cli": ["ringshard", "ringshard-demo", "ringshard-protocol"],
    "ringshard-harness": None,
    "ringshard-bench": None,
}
# The top-level modules of a crate, and the top-level modules that each may name. The crate's root may name all.
ROOMS = {
    "ringshard": {
        "runtime": [],
        "world": ["runtime"],
        "game": ["runtime", "world"],
        "config": ["game", "runtime", "world"],
        "ops": ["config", "runtime"],
    },
}
NO_IO = [
    "std::env", "std::fs", "std::io", "std::net::TcpListener", "std::net::TcpStream", "std::net::UdpSocket", "std::os",
    "std::process", "std::thread", "std::time::Instant", "std::time::SystemTime", "unsafe",
]
# What a crate must not name. `unsafe` is the keyword; every other entry is a path, with everything below it.
FORBIDDEN = {"ringshard-protocol": NO_IO, "ringshard-world": NO_IO}
# The tables above hold once these exist; a workspace without them is not checked against CRATES and ROOMS.
LAYOUT_CRATE = "ringshard-protocol"
LAYOUT_ROOM = "runtime"
# How many places of one violation are printed.
PLACES_SHOWN = 30

TOKEN = re.compile(
    r"""(?P<space>\s+|//[^\n]*)
    |(?P<block>/\*)
    |(?P<raw>\b[bc]?r(?P<hashes>\#*)".*?"(?P=hashes))
    |(?P<string>[bc]?"(?:\\.|[^"\\])*")
    |(?P<char>b?'(?:\\u\{[0-9a-fA-F_]+\}|\\x[0-9a-fA-F]{2}|\\.|[^'\\\n])')
    |(?P<lifetime>'[A-Za-z_]\w*)
    |(?P<word>(?:r\#)?[A-Za-z_]\w*)
    |(?P<number>\d[\w.]*?(?=\.\.|[^\w.]|\.[A-Za-z_])|\d\w*)
    |(?P<mark>::|=>|->|.)""",
    re.VERBOSE | re.DOTALL,
)
OPEN, CLOSE = {"(": ")", "[": "]", "{": "}"}, {")", "]", "}"}
ITEM_WORDS = {"fn", "struct", "enum", "union", "trait", "type", "const", "static"}
# What an item begins with: it ends with `;` or its braces. Anything else may end with a comma, too.
DECLARATIONS = ITEM_WORDS | {"pub", "mod", "use", "impl", "unsafe", "extern", "async", "macro_rules", "let"}


class Token:
    __slots__ = ("kind", "text", "line")

    def __init__(self, kind, text, line):
        self.kind, self.text, self.line = kind, text, line


def tokens_of(text):
    """The words, marks and strings of a source file, without comments."""
    found, at, line = [], 0, 1
    while at < len(text):
        match = TOKEN.match(text, at)
        kind, piece, end = match.lastgroup, match.group(), match.end()
        if kind == "hashes":
            kind = "raw"
        if kind == "block":
            end = end_of_comment(text, at)
            piece = text[at:end]
        elif kind in ("word", "mark"):
            found.append(Token(kind, piece.removeprefix("r#"), line))
        elif kind not in ("space",):
            found.append(Token(kind, "", line))
        line += piece.count("\n")
        at = end
    return found


def end_of_comment(text, at):
    depth = 0
    for match in re.compile(r"/\*|\*/").finditer(text, at):
        depth += 1 if match.group() == "/*" else -1
        if depth == 0:
            return match.end()
    return len(text)


def matching(tokens, at):
    """The index after the bracket that closes the one at `at`."""
    depth = 0
    while at < len(tokens):
        if tokens[at].text in OPEN:
            depth += 1
        elif tokens[at].text in CLOSE:
            depth -= 1
            if depth == 0:
                return at + 1
        at += 1
    return at


def end_of_item(tokens, at):
    """The index after the item, field, variant, arm or statement that begins at `at`."""
    while tokens[at].text == "#" and tokens[at + 1].text == "[":
        at = matching(tokens, at + 1)
    if tokens[at].text not in DECLARATIONS:
        return end_of_piece(tokens, at)
    by_semicolon = is_ended_by_semicolon(tokens, at)
    while at < len(tokens):
        text = tokens[at].text
        if text == ";":
            return at + 1
        at = matching(tokens, at) if text in OPEN else at + 1
        if text == "{" and not by_semicolon:
            return at
    return at


def is_ended_by_semicolon(tokens, at):
    """Whether braces in this item are part of a group or a value, and not its body."""
    words = [token.text for token in tokens[at:at + 12] if token.kind == "word"]
    while words and words[0] in ("pub", "crate", "super", "self", "in", "async", "unsafe", "extern"):
        words.pop(0)
    if words[:1] == ["const"]:
        return words[1] not in ("fn", "unsafe", "async", "extern")
    return words[:1] in (["use"], ["static"], ["let"], ["type"])


def end_of_piece(tokens, at):
    """The index after a field, a variant, an arm or an expression."""
    while at < len(tokens) and tokens[at].text not in CLOSE:
        text = tokens[at].text
        if text in (",", ";"):
            return at + 1
        at = matching(tokens, at) if text in OPEN else at + 1
        if text == "{" and at < len(tokens) and tokens[at].text not in (",", ";", ".", "?"):
            return at
    return at


def is_for_tests(tokens, at):
    """Whether the attribute whose `[` is at `at` keeps its item out of the product."""
    inside = [token.text for token in tokens[at + 1:matching(tokens, at) - 1]]
    if inside == ["cfg", "(", "test", ")"]:
        return True
    if inside[:4] != ["cfg", "(", "all", "("]:
        return False
    depth = 0
    for text in inside:
        depth += (text == "(") - (text == ")")
        if text == "test" and depth == 2:
            return True
    return False


def without_tests(tokens):
    """The tokens without what is compiled for tests only."""
    kept, at = [], 0
    while at < len(tokens):
        if tokens[at].text == "#" and at + 1 < len(tokens):
            if tokens[at + 1].text == "[" and is_for_tests(tokens, at + 1):
                at = end_of_item(tokens, at)
                continue
            if tokens[at + 1].text == "!" and is_for_tests(tokens, at + 2):
                return []
        kept.append(tokens[at])
        at += 1
    return kept


class Module:
    """A module: a file, or a `mod name { }` inside one, which belongs to its file."""

    def __init__(self, root, path, file, parent, inline=False):
        self.root, self.path, self.file, self.parent = root, path, file, parent
        self.home = parent.home if inline else self
        self.children = {}
        self.items = set()
        self.imports = {}  # name -> path
        self.globs = []
        self.uses = []  # (path, line, re-exported name or None)
        self.paths = []  # (path, line), in code
        self.unsafe = []  # lines

    @property
    def name(self):
        return "::".join((self.root.name, *self.path))

    def is_at_or_above(self, other):
        return self.root is other.root and other.path[:len(self.path)] == self.path


class Root:
    """A library or a binary: what `crate` stands for."""

    def __init__(self, name, crate, source):
        self.name, self.crate = name, crate
        self.modules, self.beside = [], []
        self.module = self.read(Module(self, (), source, None), source.parent)

    def read(self, module, folder):
        self.modules.append(module)
        Reader(self, module, folder).run(without_tests(tokens_of(module.file.read_text())))
        return module

    def add_file(self, parent, name, folder):
        flat, nested = folder / f"{name}.rs", folder / name / "mod.rs"
        file = flat if flat.exists() else nested
        if not file.exists():
            return
        if flat.exists() and (folder / name).is_dir():
            self.beside.append(flat)
        module = parent.children[name] = Module(self, (*parent.path, name), file, parent)
        self.read(module, folder / name)


class Reader:
    """Takes one file apart: what its modules contain, import and name."""

    def __init__(self, root, module, folder):
        self.root, self.module, self.folder = root, module, folder

    def run(self, tokens):
        self.tokens, self.at = tokens, 0
        self.nest = []  # what each open bracket is: a module's, transparent or opaque
        while self.at < len(tokens):
            self.step()

    def text(self, ahead=0):
        at = self.at + ahead
        return self.tokens[at].text if 0 <= at < len(self.tokens) else ""

    def is_word(self, ahead=0):
        at = self.at + ahead
        return at < len(self.tokens) and self.tokens[at].kind == "word"

    def step(self):
        token, text = self.tokens[self.at], self.text()
        if text in OPEN:
            self.open(text)
        elif text in CLOSE:
            self.close()
        elif token.kind == "word" and self.text(-1) != ".":
            self.word(text, token.line)
        elif text == "::" and self.is_word(1) and self.tokens[self.at - 1].kind != "word" and self.text(-1) != ">":
            self.at += 1
            self.path()
        else:
            self.at += 1

    def open(self, text):
        transparent = text == "{" and (self.text(-1) == "!" or self.text(-2) == "!") and self.text(-3) != "macro_rules"
        self.nest.append("transparent" if transparent and self.at_item_level() else "opaque")
        self.at += 1

    def close(self):
        if self.nest and self.nest.pop() == "module":
            self.module, self.folder = self.module.parent, self.folder.parent
        self.at += 1

    def at_item_level(self):
        return "opaque" not in self.nest

    def word(self, text, line):
        if text == "use" and self.text(1) != "<":
            self.use(line)
        elif text == "mod" and self.is_word(1):
            self.mod()
        elif text == "pub" and self.text(1) == "(":
            self.visibility()
        elif text in ITEM_WORDS and self.is_word(1):
            self.item(self.text(1))
        elif text == "macro_rules" and self.text(1) == "!":
            self.module.items.add(self.text(2))
            self.at += 3
        elif text == "unsafe":
            self.module.unsafe.append(line)
            self.at += 1
        else:
            self.path()

    def item(self, name):
        if name in DECLARATIONS:  # `const fn`
            self.at += 1
            return
        if self.at_item_level():
            self.module.items.add(name)
        self.at += 2

    def visibility(self):
        self.at += 1
        end = matching(self.tokens, self.at)
        inside = [token.text for token in self.tokens[self.at + 1:end - 1]]
        # `pub (crate::A, B)` is a field of a tuple struct.
        if inside in (["crate"], ["self"], ["super"]) or inside[:1] == ["in"]:
            self.at = end

    def mod(self):
        name, after = self.text(1), self.text(2)
        self.at += 3
        if after == ";" and self.at_item_level():
            self.root.add_file(self.module, name, self.folder)
        elif after == "{":
            inner = self.module.children[name] = Module(
                self.root, (*self.module.path, name), self.module.file, self.module, inline=True
            )
            self.root.modules.append(inner)
            self.module, self.folder = inner, self.folder / name
            self.nest.append("module")

    def use(self, line):
        public = self.text(-1) == "pub" or self.text(-1) == ")" and "pub" in (self.text(-4), self.text(-6))
        self.at += 1
        if self.text() == "::":
            self.at += 1
        self.use_tree((), public)
        if self.text() == ";":
            self.at += 1

    def use_tree(self, prefix, public):
        line = self.tokens[self.at].line
        while self.is_word() and self.text(1) == "::":
            prefix = (*prefix, self.text())
            self.at += 2
        if self.text() == "{":
            self.at += 1
            while self.at < len(self.tokens) and self.text() != "}":
                self.use_tree(prefix, public)
                if self.text() == ",":
                    self.at += 1
            self.at += 1
        elif self.text() == "*":
            self.module.globs.append(prefix)
            self.module.uses.append((prefix, line, None, public))
            self.at += 1
        else:
            self.use_leaf(prefix, public, line)

    def use_leaf(self, prefix, public, line):
        path = prefix if self.text() == "self" and prefix else (*prefix, self.text())
        name = path[-1]
        self.at += 1
        if self.text() == "as":
            name = self.text(1)
            self.at += 2
        if name != "_":
            self.module.imports[name] = path
        self.module.uses.append((path, line, name, public))

    def path(self):
        line, path = self.tokens[self.at].line, [self.text()]
        self.at += 1
        while self.text() == "::" and self.is_word(1):
            path.append(self.text(1))
            self.at += 2
        # A single word may be a variable or a field, unless it looks like a type, a constant, a call or a macro.
        if len(path) > 1 or path[0][0].isupper() or self.text() in ("(", "!"):
            self.module.paths.append((tuple(path), line))


class Found:
    """Where a path leads: to a module, past modules that re-export the item, or out of the crate."""

    def __init__(self, module=None, through=(), outside=None, bare=False):
        self.module, self.through, self.outside, self.bare = module, through, outside, bare


def resolve(module, path, seen=frozenset()):
    """Follows a path from where it stands."""
    first, rest = path[0], path[1:]
    if first == "crate":
        return walk(module.root.module, rest, seen, ())
    if first == "self":
        return walk(module, rest, seen, ())
    if first == "super":
        return walk(module.parent or module, rest, seen, ())
    return look_up(module, first, rest, seen, ()) or Found(outside=path)


def walk(module, path, seen, through):
    """Follows a path on from a module that it has reached."""
    if not path:
        return Found(module, through, bare=True)
    if path[0] == "super":
        return walk(module.parent or module, path[1:], seen, through)
    if path[0] == "self":
        return walk(module, path[1:], seen, through)
    return look_up(module, path[0], path[1:], seen, through, reexport=True) or Found(module, through)


def look_up(module, name, rest, seen, through, reexport=False):
    """A name in a module: a child, an item, an import, or one of many imported together."""
    if name in module.children:
        return walk(module.children[name], rest, seen, through)
    if name in module.items:
        return Found(module, through)
    if (module, name) in seen:
        return None
    seen = seen | {(module, name)}
    passed = (*through, module) if reexport else through
    if name in module.imports:
        found = resolve(module, (*module.imports[name], *rest), seen)
        found.through = (*passed, *found.through)
        return found
    for glob in module.globs:
        target = resolve(module, glob, seen)
        if target.module and target.module is not module and target.bare:
            found = look_up(target.module, name, rest, seen, (*passed, *target.through))
            if found:
                return found
    return None


class Arrow:
    __slots__ = ("source", "target", "line", "path", "facade")

    def __init__(self, source, target, line, path, facade):
        self.source, self.target, self.line, self.path, self.facade = source, target, line, path, facade

    def where(self, base):
        return f"{self.source.file.relative_to(base)}:{self.line}"


class Graph:
    """All arrows of a workspace."""

    def __init__(self, base, only=()):
        self.base = base
        self.packages = packages_of(base)
        self.libraries = {package["library"]: name for name, package in self.packages.items() if package["library"]}
        self.roots = [
            Root(name, package["name"], source)
            for package in self.packages.values()
            if not only or package["name"] in only
            for name, source in package["roots"]
        ]
        self.arrows = []  # between modules of one crate
        self.crate_arrows = defaultdict(list)  # (crate, crate) -> places
        self.outside = []  # (module, line, path): what is named outside of the workspace
        self.read_dependencies()
        for root in self.roots:
            for module in root.modules:
                self.read_module(module)

    def read_dependencies(self):
        for package in self.packages.values():
            for dependency in package["dependencies"]:
                if dependency in self.packages:
                    place = str(package["manifest"].relative_to(self.base))
                    self.crate_arrows[package["name"], dependency].append(place)

    def read_module(self, module):
        used = {path[0] for path, _ in module.paths}
        for path, line, name, public in module.uses:
            self.add(module, path, line, facade=public and name not in used)
        for path, line in module.paths:
            imported = path[0] in module.imports and path[0] not in module.children
            if len(path) > 1:
                self.add(module, path, line, by_import=imported)
            # A single name was counted where it was imported, unless it was imported with many others.
            elif module.globs and not imported and path[0] not in module.items:
                self.add(module, path, line)

    def add(self, module, path, line, facade=False, by_import=False):
        found = resolve(module, path)
        if found.outside:
            self.add_outside(module, found.outside, line)
            targets = [one for one in found.through if not related(one.home, module.home)]
        else:
            targets = [found.module, *(one for one in found.through if not one.is_at_or_above(found.module))]
        if by_import and not resolve(module, path[:1]).bare:
            return  # `Type::function`, where `Type` was imported
        for target in {one.home for one in targets}:
            if target is not module.home and not (found.bare and related(module.home, target)):
                self.arrows.append(Arrow(module.home, target, line, "::".join(path), facade))

    def add_outside(self, module, path, line):
        crate = self.libraries.get(path[0])
        if len(path) == 1 and not crate:
            return
        if crate and crate != module.root.crate:
            place = f"{module.file.relative_to(self.base)}:{line}"
            self.crate_arrows[module.root.crate, crate].append(place)
        elif not crate:
            self.outside.append((module, line, "::".join(path)))


def related(one, other):
    return one.is_at_or_above(other) or other.is_at_or_above(one)


def packages_of(base):
    command = ["cargo", "metadata", "--no-deps", "--offline", "--format-version", "1"]
    answer = subprocess.run(command, cwd=base, capture_output=True, text=True)
    if answer.returncode != 0:
        sys.exit(f"module-graph: cargo metadata failed:\n{answer.stderr}")
    found = {}
    for package in json.loads(answer.stdout)["packages"]:
        libraries = [target for target in package["targets"] if {"lib", "rlib", "proc-macro"} & set(target["kind"])]
        binaries = [target for target in package["targets"] if "bin" in target["kind"]]
        roots = [(package["name"], Path(target["src_path"])) for target in libraries]
        for target in binaries:
            name = f"{package['name']}:{target['name']}" if libraries or len(binaries) > 1 else package["name"]
            roots.append((name, Path(target["src_path"])))
        found[package["name"]] = {
            "name": package["name"],
            "manifest": Path(package["manifest_path"]),
            "library": libraries[0]["name"].replace("-", "_") if libraries else None,
            "roots": roots,
            "dependencies": sorted({one["name"] for one in package["dependencies"] if one["kind"] != "dev"}),
        }
    return found


def edges_by_level(arrows, strict):
    """For each folder: which of its children uses which, and the arrows that say so. `mod.rs` stands for the folder."""
    levels = defaultdict(lambda: defaultdict(list))
    for arrow in arrows:
        source, target = arrow.source.path, arrow.target.path
        common = 0
        while common < min(len(source), len(target)) and source[common] == target[common]:
            common += 1
        ends = [path[common] if len(path) > common else "mod.rs" for path in (source, target)]
        if "mod.rs" not in ends or strict and not arrow.facade:
            levels[arrow.source.root, source[:common]][tuple(ends)].append(arrow)
    return levels


def circles(edges):
    """Strongly connected components of more than one node, by Tarjan's algorithm."""
    next_of = defaultdict(list)
    for source, target in edges:
        next_of[source].append(target)
    index, low, stack, found = {}, {}, [], []

    def visit(node):
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in next_of[node]:
            if other not in index:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            component = [stack.pop()]
            while component[-1] != node:
                component.append(stack.pop())
            if len(component) > 1:
                found.append(sorted(component))

    for node in sorted(next_of):
        if node not in index:
            visit(node)
    return found


class Violation:
    def __init__(self, kind, text, places):
        self.kind, self.text, self.places = kind, text, places


def circle_violations(graph, strict):
    found = []
    levels = edges_by_level(graph.arrows, strict)
    for (root, folder), edges in sorted(levels.items(), key=lambda level: (level[0][0].name, level[0][1])):
        for circle in circles(edges):
            place = "::".join((root.name, *folder))
            inside = {ends: arrows for ends, arrows in edges.items() if set(ends) <= set(circle)}
            lines = [
                f"{source} -> {target}  {arrow.where(graph.base)}  {arrow.path}"
                + (f"  (and {len(arrows) - 1} more)" if len(arrows) > 1 else "")
                for (source, target), arrows in sorted(inside.items(), key=lambda one: len(one[1]))
                for arrow in arrows[:1]
            ]
            found.append(Violation("circle", f"{place}: {', '.join(circle)}", lines))
    return found


def room_violations(graph):
    found = []
    for root in graph.roots:
        rooms = ROOMS.get(root.name)
        if not rooms or LAYOUT_ROOM not in root.module.children:
            continue
        for name in sorted(set(rooms) - set(root.module.children)):
            found.append(Violation("room", f"{root.name} has no room {name}, which ROOMS names", []))
        for name in sorted(set(root.module.children) - set(rooms)):
            place = str(root.module.children[name].file.relative_to(graph.base))
            found.append(Violation("room", f"{root.name}::{name} is no room that ROOMS names", [place]))
        found += forbidden_room_arrows(graph, root, rooms)
    return found


def forbidden_room_arrows(graph, root, rooms):
    edges = edges_by_level([arrow for arrow in graph.arrows if arrow.source.root is root], strict=False)[root, ()]
    for (source, target), arrows in sorted(edges.items()):
        if source in rooms and target in rooms and target not in rooms[source]:
            lines = [f"{arrow.where(graph.base)}  {arrow.path}" for arrow in arrows]
            yield Violation("room", f"{root.name}: {source} must not use {target}", lines)


def crate_violations(graph):
    if LAYOUT_CRATE not in graph.packages:
        return []
    found = [
        Violation("crate", f"{name} is not in the workspace, but CRATES names it", [])
        for name in sorted(set(CRATES) - set(graph.packages))
    ]
    found += [
        Violation("crate", f"{name} is not in CRATES", [str(graph.packages[name]["manifest"].relative_to(graph.base))])
        for name in sorted(set(graph.packages) - set(CRATES))
    ]
    for (source, target), places in sorted(graph.crate_arrows.items()):
        allowed = CRATES.get(source)
        if allowed is not None and target not in allowed:
            found.append(Violation("crate", f"{source} must not use {target}", places))
    return found


def name_violations(graph):
    found = defaultdict(list)
    for module, line, path in graph.outside:
        for name in FORBIDDEN.get(module.root.crate, ()):
            if path == name or path.startswith(name + "::"):
                found[module.root.crate, name].append(f"{module.file.relative_to(graph.base)}:{line}  {path}")
    for root in graph.roots:
        for module in root.modules:
            if "unsafe" in FORBIDDEN.get(root.crate, ()):
                places = [f"{module.file.relative_to(graph.base)}:{line}" for line in module.unsafe]
                found[root.crate, "unsafe"] += places
    return [
        Violation("name", f"{crate} must not name {name}", places)
        for (crate, name), places in sorted(found.items())
        if places
    ]


def beside_violations(graph):
    return [
        Violation("beside", f"{file.relative_to(graph.base)} belongs into {file.stem}/mod.rs, beside its children", [])
        for root in graph.roots
        for file in root.beside
    ]


def table(graph):
    """What each top-level module of each crate uses, with the number of places."""
    for root in graph.roots:
        crates = sorted({target for source, target in graph.crate_arrows if source == root.crate})
        files = len({module.file for module in root.modules})
        print(f"{root.name}  ({files} files)" + (f"  uses {', '.join(crates)}" if crates else ""))
        edges = edges_by_level([arrow for arrow in graph.arrows if arrow.source.root is root], strict=False)[root, ()]
        for name in sorted(root.module.children):
            used = sorted((target, len(arrows)) for (source, target), arrows in edges.items() if source == name)
            print(f"  {name:<18} {', '.join(f'{target} {count}' for target, count in used) or '-'}")
        print()


def dot(graph):
    print("digraph modules {\n  rankdir=LR; node [shape=box, fontname=sans];")
    for number, root in enumerate(graph.roots):
        print(f'  subgraph cluster_{number} {{\n    label="{root.name}"; "{root.name}" [shape=point];')
        for name in sorted(root.module.children):
            print(f'    "{root.name}::{name}" [label="{name}"];')
        edges = edges_by_level([arrow for arrow in graph.arrows if arrow.source.root is root], strict=False)[root, ()]
        for source, target in sorted(edges):
            print(f'    "{root.name}::{source}" -> "{root.name}::{target}";')
        print("  }")
    names = {root.crate: root.name for root in reversed(graph.roots)}
    for source, target in sorted(graph.crate_arrows):
        if source in names and target in names:
            print(f'  "{names[source]}" -> "{names[target]}" [style=bold];')
    print("}")


def as_json(graph, violations, strict_circles):
    arrows = [
        {"from": arrow.source.name, "to": arrow.target.name, "at": arrow.where(graph.base), "path": arrow.path}
        for arrow in graph.arrows
    ]
    crates = [
        {"from": source, "to": target, "at": places} for (source, target), places in sorted(graph.crate_arrows.items())
    ]
    broken = [{"kind": one.kind, "text": one.text, "at": one.places} for one in violations]
    parents = [{"text": one.text, "at": one.places} for one in strict_circles]
    print(json.dumps({"arrows": arrows, "crates": crates, "violations": broken, "parent_circles": parents}, indent=1))


def report(violations, parent_circles, strict):
    for one in violations:
        print(f"{one.kind}: {one.text}", file=sys.stderr)
        for place in one.places[:PLACES_SHOWN]:
            print(f"    {place}", file=sys.stderr)
        if len(one.places) > PLACES_SHOWN:
            print(f"    and {len(one.places) - PLACES_SHOWN} more (--json has all)", file=sys.stderr)
    if not strict and parent_circles:
        count = len(parent_circles)
        print(f"module-graph: {count} circles of a mod.rs with its children, which are allowed (--strict lists them)")
    print(f"module-graph: {len(violations)} violations" if violations else "module-graph: no violation")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog="Exit code: 0 when nothing is violated, 2 when something is.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--root", type=Path, default=Path(__file__).resolve().parent.parent, help="the workspace to read")
    add("--crate", action="append", default=[], metavar="NAME", help="read this crate only; may be repeated")
    add("--strict", action="store_true", help="also refuse circles between a mod.rs and its children")
    add("--check", action="store_true", help="print violations only, without the table of arrows")
    add("--dot", action="store_true", help="print the arrows for Graphviz instead of the table")
    add("--json", action="store_true", help="print all arrows and violations as JSON instead of the table")
    options = parser.parse_args()

    graph = Graph(options.root.resolve(), options.crate)
    siblings = circle_violations(graph, strict=False)
    strict_circles = circle_violations(graph, strict=True)
    known = {one.text for one in siblings}
    parent_circles = [one for one in strict_circles if one.text not in known]
    violations = [
        *(strict_circles if options.strict else siblings),
        *room_violations(graph),
        *crate_violations(graph),
        *name_violations(graph),
        *beside_violations(graph),
    ]
    if options.dot:
        dot(graph)
    elif options.json:
        as_json(graph, violations, parent_circles)
    else:
        if not options.check:
            table(graph)
        report(violations, parent_circles, options.strict)
    sys.exit(2 if violations else 0)


if __name__ == "__main__":
    main()
