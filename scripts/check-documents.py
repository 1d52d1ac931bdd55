#!/usr/bin/env python3
"""Checks the links of all pages, and that the tests exist that shard/games/COMPARISON.md names.

A link inside the repository must lead to a file or folder, and to a heading if it names one. Behind a link to a .rs file in the
table of proofs, each name in backticks must be a function of that file. Exits with 1 if something is missing."""
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
PROOF = re.compile(r"\[[^\]]*\]\(([^)\s]+\.rs)\)((?:,? `\w+`)+)")


def text_of(page):
    """The page without code, which may look like links."""
    return re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)


def anchor_of(heading):
    """As GitHub makes it."""
    heading = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def anchors(page):
    text = text_of(page)
    named = re.findall(r'(?:id|name)="([^"]+)"', text)
    return {anchor_of(heading) for heading in re.findall(r"^#+ (.*)$", text, flags=re.MULTILINE)} | set(named)


def broken_links(page):
    for target in LINK.findall(re.sub(r"`[^`\n]*`", "", text_of(page))):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists():
            yield f"there is no {target}"
        elif anchor and file.suffix == ".md" and anchor not in anchors(file):
            yield f"{target}: the page has no such heading"


def missing_tests(page):
    for path, names in PROOF.findall(page.read_text()):
        file = (page.parent / path).resolve()
        source = file.read_text() if file.exists() else ""
        for name in re.findall(r"`(\w+)`", names):
            if not re.search(rf"\bfn {name}\b", source):
                yield f"{path} has no test {name}"


def main():
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "*.md"], cwd=ROOT, check=True, capture_output=True)
    wrong = []
    for page in sorted(ROOT / line for line in listed.stdout.decode().splitlines()):
        faults = list(broken_links(page))
        if page.name == "COMPARISON.md":
            faults += missing_tests(page)
        wrong += [f"{page.relative_to(ROOT)}: {fault}" for fault in faults]
    for fault in wrong:
        print(fault, file=sys.stderr)
    print(f"check-documents: {len(wrong)} faults")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
