"""The arrows between modules: where each path leads, and the circles that they make."""
import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

from module_graph.modules import Root


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
