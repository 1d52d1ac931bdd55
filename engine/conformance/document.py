"""Reads the sections, the tables and the test vectors of PROTOCOL.md.

All protocol numbers of this client come from here, so a change of the document changes the client. This module opens no
socket.
"""

import pathlib
import re

PATH = pathlib.Path(__file__).resolve().parent.parent / "PROTOCOL.md"


class Vector:
    """The lines of one block of PROTOCOL.md#test-vectors. It records which of them were read."""

    def __init__(self, name, lines):
        self.name = name
        self.lines = lines
        self.used = set()

    def __getitem__(self, key):
        self.used.add(key)
        return self.lines[key]

    def __contains__(self, key):
        return key in self.lines

    def number(self, key):
        return int.from_bytes(self[key], "little")

    def items(self):
        """All lines; each counts as used."""
        self.used.update(self.lines)
        return list(self.lines.items())

    def unused(self):
        return [f"{self.name}.{key}" for key in self.lines if key not in self.used]


def plain(cell):
    """A table cell without links, code marks and surrounding space."""
    cell = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", cell)
    return cell.replace("`", "").replace("\\|", "|").strip()


def numbers(text, top=255):
    """The numbers in a phrase such as `2, 8, 12 to 255` or `above 2^62`. Ranges include both ends."""
    found = []
    for part in re.split(r", and |, | and ", text):
        if match := re.fullmatch(r"(?:bits? )?(0x[0-9a-f]+|\d+) to (0x[0-9a-f]+|\d+)", part.strip()):
            first, last = (int(end, 0) for end in match.groups())
            if match[1].startswith("0x"):
                found += [bit for bit in (1 << i for i in range(8)) if first <= bit <= last]
            else:
                found += range(first, last + 1)
        elif match := re.match(r"(0x[0-9a-f]+|\d+)$", part.strip()):
            found.append(int(match[1], 0))
    return [number for number in found if number <= top]


class Document:
    def __init__(self, path=PATH):
        self.text = path.read_text(encoding="utf-8")
        self.sections = self._sections()
        self.limits = {row["name"]: self._limit(row["value"]) for row in self.table("Limits", "name", "value")}
        self.vectors = {
            name: Vector(name, self._lines(body))
            for name, body in re.findall(r"^```vector (\S+)\n(.*?)^```", self.text, re.M | re.S)
        }
        self.sizes = [int(size) for size in re.search(r"^```buckets\n(.*?)^```", self.text, re.M | re.S)[1].split()]
        self.packets = {
            row["packet"]: (int(row["type"]), int(row["size"]))
            for row in self.table("Unencrypted packets", "type", "packet", "direction", "size")
        }
        self.denials = {
            row["name"]: int(row["reason"]) for row in self.table("Unencrypted packets", "reason", "name", "when")
        }
        self.suites = {row["name"]: int(row["bit"], 0) for row in self.table("Keys", "bit", "suite", "name")}
        self.flags = {
            row["name"]: int(row["bit"], 0)
            for row in self.table("Header", "bit", "name", "in version 1") if row["name"]
        }
        self.noise_names = {int(row["options"], 0): row["Noise protocol name"]
                            for row in self.table("Handshake", "options", "Noise protocol name")}
        self.frames = {
            row["frame"]: int(row["kind"])
            for row in self.table("Frames", "kind", "frame", "length", "ack-eliciting", "body")
            if row["kind"].isdigit()
        }
        self.first_message_kind = int(re.search(r"^\| (\d+) \+ c \| Message \|", self.text, re.M)[1])
        self.reasons = {
            row["name"]: int(row["reason"]) for row in self.table("Connection lifetime", "reason", "name", "meaning")
        }
        self.labels = self._labels()
        self.world_kinds = {
            (row["sent by"], row["message"]): int(row["number"])
            for row in self.table("World messages", "number", "sent by", "message") if row["number"].isdigit()
        }
        self.contract_parts = {
            int(row["number"]): row["part"] for row in self.table("World messages", "number", "part", "is")
        }
        self.enter_answers = {
            int(row["answer"]): row["name"] for row in self.table("World messages", "answer", "name", "bytes")
            if row["answer"]
        }
        self.outcomes = {
            int(row["outcome"]): row["name"] for row in self.table("World messages", "outcome", "name", "when")
        }
        self.contracts = dict(re.findall(r"^```contract (\S+)\n(.*?)^```", self.text, re.M | re.S))
        self.fields = {
            row["field"]: int(row["in fields"], 0)
            for row in self.table("World messages", "in fields", "field", "bytes")
        }
        self.dropped = [(row["at"], row["dropped"]) for row in self.table("Dropped datagrams", "at", "dropped")]
        self.reserved = {
            row["where"]: row["reserved"] for row in self.table("Reserved values", "where", "reserved", "receiver")
        }
        self.world_reserved = {
            row["in a world message"]: row["reserved"]
            for row in self.table("World messages", "in a world message", "reserved", "receiver")
        }
        self.sequence_max = int(re.search(r"The highest is (\d+)", self.text)[1])

    def _sections(self):
        """The text of each second-level section, by its title."""
        parts = re.split(r"^## (.+)$", self.text, flags=re.M)
        return dict(zip(parts[1::2], parts[2::2]))

    def table(self, section, *columns):
        """The rows of the table of a section whose head begins with these columns."""
        lines = self.sections[section].splitlines()
        for at, line in enumerate(lines):
            heads = self._cells(line)
            if heads[: len(columns)] == list(columns):
                rows = []
                for row in lines[at + 2:]:
                    if not row.startswith("|"):
                        return rows
                    rows.append(dict(zip(heads, self._cells(row))))
                return rows
        raise LookupError(f"PROTOCOL.md, section {section!r} has no table with the columns {', '.join(columns)}")

    @staticmethod
    def _cells(line):
        return [plain(cell) for cell in re.split(r"(?<!\\)\|", line)[1:-1]] if line.startswith("|") else []

    @staticmethod
    def _limit(value):
        found = [int(number) for number in value.removesuffix(" ms").split(", ")]
        return found if len(found) > 1 else found[0]

    @staticmethod
    def _lines(body):
        pairs = (line.split("=", 1) for line in body.strip().splitlines())
        return {key.strip(): bytes.fromhex(value.strip()) for key, value in pairs}

    def _labels(self):
        """The labels of key derivation, by their last words: `traffic`, `resume`, `resume secret` and so on."""
        section = self.sections["Keys"]
        found = set(re.findall(r'info = "(ringshard 1 [a-z ]+?)"', section))
        found |= {row["info"] for row in self.table("Keys", "value", "info", "L")}
        return {label.split(" ", 2)[2].strip(): label.encode() for label in found}


PROTOCOL = Document()
LIMITS = PROTOCOL.limits
