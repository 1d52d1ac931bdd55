"""A case: a name, the server that it needs, the rows of the document that it covers, and a check."""

import time
from dataclasses import dataclass, field
from typing import Callable

CASES = []


class Differs(Exception):
    """An observation differs from what the document says."""

    def __init__(self, what, expected, seen):
        super().__init__(f"{what}: expected {shown(expected)}, seen {shown(seen)}")


class Skipped(Exception):
    """This machine cannot run the case. The text gives the reason."""


@dataclass
class Case:
    name: str
    run: Callable
    server: str | None
    covers: tuple = field(default=())


def shown(value):
    text = value.hex() if isinstance(value, (bytes, bytearray)) else repr(value)
    return text if len(text) <= 160 else f"{text[:160]}... ({len(text)} characters)"


def case(name, server=None, covers=()):
    """Registers a case.

    `covers` lists the first words of rows of PROTOCOL.md#dropped-datagrams, #reserved-values and #snapshots.
    """
    def register(run):
        CASES.append(Case(name, run, server, (covers,) if isinstance(covers, str) else tuple(covers)))
        return run
    return register


def expect(what, expected, seen):
    if expected != seen:
        raise Differs(what, expected, seen)


def eventually(what, expected, see, seconds=3.0):
    """Expects that `see` returns a value within `seconds`."""
    until = time.monotonic() + seconds
    while (seen := see()) != expected:
        if time.monotonic() > until:
            raise Differs(what, expected, seen)
        time.sleep(0.02)
