#!/usr/bin/env python3
"""Sizes of files and functions in product code, and assertions per 1,000 lines.

Product code is what lies in the src folders of engine, shard and bench, without unit tests. Nothing may be longer than
600 lines, test files included. `--rooms` counts assertions folder by folder."""
import argparse
import statistics
import sys
from pathlib import Path

from module_graph.tokens import matching, tokens_of, without_tests

ROOT = Path(__file__).resolve().parent.parent
LINES_MAX = 600
ASSERTIONS = {"assert", "assert_eq", "assert_ne", "debug_assert", "debug_assert_eq", "debug_assert_ne"}


def sources():
    for folder in ("engine", "shard", "bench"):
        yield from sorted(path for path in (ROOT / folder).rglob("*.rs") if "target" not in path.parts)


def is_product(path):
    parts = path.relative_to(ROOT).parts
    if "fuzz" in parts or "harness" in parts or path.name == "tests.rs":
        return False
    return "src" in parts


def functions(tokens):
    """Lines of each function with a body, from `fn` to its last brace."""
    for at, token in enumerate(tokens):
        if token.text != "fn" or tokens[at + 1].kind != "word":
            continue
        end = at
        while end < len(tokens) and tokens[end].text not in ("{", ";"):
            end = matching(tokens, end) if tokens[end].text in ("(", "[") else end + 1
        if end < len(tokens) and tokens[end].text == "{":
            last = tokens[matching(tokens, end) - 1].line
            yield last - token.line + 1, tokens[at + 1].text, token.line


def quantile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help=f"only fail when a file is longer than {LINES_MAX} lines")
    parser.add_argument("--rooms", action="store_true", help="assertions per 1,000 lines of each folder")
    options = parser.parse_args()

    lengths, bodies, rooms, long = [], [], {}, []
    for path in sources():
        text = path.read_text()
        lines = text.count("\n")
        if lines > LINES_MAX:
            long.append((lines, path.relative_to(ROOT)))
        if not is_product(path):
            continue
        tokens = without_tests(tokens_of(text))
        product = len({token.line for token in tokens})
        lengths.append(lines)
        bodies += [(length, f"{path.relative_to(ROOT)}:{line} {name}") for length, name, line in functions(tokens)]
        checks = sum(
            token.text in ASSERTIONS and tokens[at + 1].text == "!" for at, token in enumerate(tokens[:-1])
        )
        room = rooms.setdefault(path.parent.relative_to(ROOT), [0, 0])
        room[0] += product
        room[1] += checks

    for lines, path in sorted(long, reverse=True):
        print(f"sizes: {path} has {lines} lines; split it by subject", file=sys.stderr)
    if options.check:
        sys.exit(2 if long else 0)

    size = [length for length, _ in bodies]
    print(f"files      {len(lengths)}: median {statistics.median(lengths):.0f} lines, longest {max(lengths)}")
    shares = ", ".join(f"p{round(share * 100)} {quantile(size, share)}" for share in (0.5, 0.9, 0.99))
    print(f"functions  {len(size)}: {shares}, longest {max(size)} ({max(bodies)[1]})")
    lines, checks = (sum(room[index] for room in rooms.values()) for index in (0, 1))
    print(f"assertions {checks} in {lines} lines of code: {checks * 1000 / lines:.1f} per 1,000")
    if options.rooms:
        for room, (lines, checks) in sorted(rooms.items()):
            print(f"  {checks * 1000 / max(lines, 1):5.1f}  {checks:3} in {lines:5}  {room}")
    sys.exit(2 if long else 0)


if __name__ == "__main__":
    main()
