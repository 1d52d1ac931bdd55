#!/usr/bin/env python3
"""Counts the lines of the arena: a whole game, with its server and its bots. A line counts if it has code; blank lines,
comments and tests do not. Fails if there are more than LINES_MAX."""
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "scripts"))
sys.dont_write_bytecode = True
from module_graph.tokens import tokens_of, without_tests  # noqa: E402

LINES_MAX = 400
PARTS = ("rules", "server", "bots")


def lines(path):
    return len({token.line for token in without_tests(tokens_of(path.read_text()))})


def main():
    total = 0
    for part in PARTS:
        files = sorted((ROOT / "shard/games/arena" / part / "src").rglob("*.rs"))
        counts = [(path.name, lines(path)) for path in files]
        total += sum(count for _, count in counts)
        listed = ", ".join(f"{name} {count}" for name, count in counts)
        print(f"{part:<8}{sum(count for _, count in counts):>4}   {listed}")
    print(f"the arena has {total} lines of code; it may have {LINES_MAX}")
    return int(total > LINES_MAX)


if __name__ == "__main__":
    sys.exit(main())
