#!/usr/bin/env python3
"""Checks the licences and the sources of all dependencies against .cargo/deny.toml, from what cargo knows of them. It is for machines
without cargo-deny, which checks more: scripts/check-dependencies.sh calls one or the other."""
import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def is_allowed(expression, allowed):
    """Whether one alternative has only allowed licences. Exceptions ("WITH ...") only add rights."""
    words = re.findall(r"\(|\)|[^\s()]+", re.sub(r"WITH\s+[^\s()]+", "", expression.replace("/", " OR ")))
    python = " ".join({"OR": "or", "AND": "and", "(": "(", ")": ")"}.get(word.upper(), str(word in allowed)) for word in words)
    try:
        return eval(python)  # only True, False, and, or and parentheses
    except SyntaxError:
        return False


def reached(metadata):
    """What this workspace is built from: what only tests need is not shipped."""
    needs = {
        node["id"]: [it["pkg"] for it in node["deps"] if any(kind["kind"] != "dev" for kind in it["dep_kinds"])]
        for node in metadata["resolve"]["nodes"]
    }
    found, open_ends = set(), list(metadata["workspace_members"])
    while open_ends:
        crate = open_ends.pop()
        if crate not in found:
            found.add(crate)
            open_ends.extend(needs[crate])
    return found


def main():
    try:
        import tomllib
    except ModuleNotFoundError:
        print("licences: not checked, Python 3.11 or later is needed")
        return 0
    rules = tomllib.loads((ROOT / ".cargo/deny.toml").read_text())
    allowed, banned = set(rules["licenses"]["allow"]), {rule["crate"] for rule in rules["bans"]["deny"]}
    exceptions = {rule["crate"].split("@")[0]: set(rule["allow"]) for rule in rules["licenses"].get("exceptions", [])}
    command = ["cargo", "metadata", "--locked", "--format-version", "1", "--filter-platform", "x86_64-unknown-linux-gnu"]
    metadata = json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout)
    faults, used = [], reached(metadata)
    crates = [package for package in metadata["packages"] if package["source"] and package["id"] in used]
    for crate in crates:
        name, licence = f"{crate['name']} {crate['version']}", crate["license"] or ""
        if not crate["source"].startswith("registry+https://github.com/rust-lang/crates.io-index"):
            faults.append(f"{name} comes from {crate['source']}, not from crates.io")
        if crate["name"] in banned:
            faults.append(f"{name} is banned in .cargo/deny.toml")
        if not is_allowed(licence, allowed | exceptions.get(crate["name"], set())):
            faults.append(f"{name} has the licence {licence or 'none'}, which .cargo/deny.toml does not allow")
    print("\n".join(faults) or f"licences and sources of {len(crates)} crates are allowed")
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
