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
import sys
from collections import defaultdict
from pathlib import Path

sys.dont_write_bytecode = True
from module_graph.arrows import Graph, circles, edges_by_level  # noqa: E402

# The crates that each crate may depend on. None: any. A crate of the workspace that is not listed is a violation.
CRATES = {
    "ringshard-prefetch": [],
    "ringshard-protocol": ["ringshard-prefetch"],
    "ringshard-world": ["ringshard-protocol"],
    "ringshard-terrain": ["ringshard-world"],
    "ringshard-rollback": ["ringshard-protocol", "ringshard-world"],
    "ringshard-requests": [],
    "ringshard-link": ["ringshard-protocol"],
    "ringshard-peer": ["ringshard-protocol", "ringshard-world"],
    "ringshard-client": ["ringshard-protocol", "ringshard-requests", "ringshard-world"],
    "ringshard-client-c": ["ringshard-client", "ringshard-terrain", "ringshard-world"],
    "ringshard-operation": ["ringshard-protocol"],
    "ringshard": ["ringshard-operation", "ringshard-link", "ringshard-prefetch", "ringshard-protocol", "ringshard-terrain", "ringshard-world"],
    "ringshard-certificates": [],
    "ringshard-services": ["ringshard", "ringshard-certificates", "ringshard-operation", "ringshard-requests", "ringshard-world"],
    "ringshard-paths": ["ringshard-terrain", "ringshard-world"],
    "ringshard-maps": ["ringshard-paths", "ringshard-terrain", "ringshard-world"],
    "ringshard-scripts-rules": ["ringshard-terrain", "ringshard-world"],
    "ringshard-scripts": ["ringshard", "ringshard-scripts-rules", "ringshard-terrain", "ringshard-world"],
    "ringshard-testing": [
        "ringshard", "ringshard-client", "ringshard-link", "ringshard-protocol", "ringshard-terrain", "ringshard-world",
    ],
    "ringshard-demo-rules": ["ringshard-terrain", "ringshard-world"],
    "ringshard-demo": [
        "ringshard", "ringshard-demo-rules", "ringshard-paths", "ringshard-protocol", "ringshard-terrain",
        "ringshard-world",
    ],
    "ringshard-arena-rules": ["ringshard-terrain", "ringshard-world"],
    "ringshard-arena": ["ringshard", "ringshard-arena-rules", "ringshard-world"],
    "ringshard-arena-bots": ["ringshard-arena-rules", "ringshard-client", "ringshard-terrain", "ringshard-world"],
    "ringshard-duel-rules": ["ringshard-rollback", "ringshard-world"],
    "ringshard-duel": ["ringshard", "ringshard-duel-rules", "ringshard-rollback", "ringshard-world"],
    "ringshard-duel-bots": ["ringshard-client", "ringshard-duel-rules", "ringshard-rollback"],
    "ringshard-fleet": ["ringshard", "ringshard-certificates", "ringshard-operation", "ringshard-protocol", "ringshard-world"],
    "ringshard-gateway": ["ringshard-operation", "ringshard-certificates", "ringshard-link", "ringshard-peer", "ringshard-protocol"],
    "ringshard-cli": [
        "ringshard", "ringshard-client", "ringshard-demo", "ringshard-fleet", "ringshard-gateway", "ringshard-maps", "ringshard-paths",
        "ringshard-protocol", "ringshard-scripts", "ringshard-scripts-rules", "ringshard-services", "ringshard-terrain",
    ],
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
        "serve": ["config", "game", "ops", "runtime", "world"],
    },
    "ringshard-fleet": {
        "clock": [],
        "end_signal": [],
        "model": [],
        "store": [],
        "courier": ["model"],
        "bus": ["courier", "model"],
        "zones": ["courier", "model"],
        "checkpoints": ["bus", "clock", "model"],
        "topology": ["model"],
        "registry": ["bus", "model", "store", "topology"],
        "relay": ["end_signal", "model", "registry", "store", "topology"],
        "host": ["bus", "checkpoints", "clock", "courier", "model", "registry", "store", "zones"],
        "location": [],
        "balancer": ["location", "model"],
        "balance": ["balancer", "end_signal", "location", "model", "registry", "store"],
    },
}
NO_IO = [
    "std::env", "std::fs", "std::io", "std::net::TcpListener", "std::net::TcpStream", "std::net::UdpSocket", "std::os",
    "std::process", "std::thread", "std::time::Instant", "std::time::SystemTime", "unsafe",
]
# What a crate must not name. `unsafe` is the keyword; every other entry is a path, with everything below it.
FORBIDDEN = {crate: NO_IO for crate in ("ringshard-protocol", "ringshard-requests", "ringshard-rollback", "ringshard-terrain", "ringshard-world")}
# CRATES holds for a workspace that has this crate; ROOMS holds for a crate that has one of its rooms.
LAYOUT_CRATE = "ringshard-protocol"
# How many places of one violation are printed.
PLACES_SHOWN = 30


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
        if not rooms or not set(rooms) & set(root.module.children):
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
