"""What a case is: a name, the server that it needs, the rows of the document that it covers, and what it expects."""

import time
from dataclasses import dataclass, field
from typing import Callable

CASES = []


class Differs(Exception):
    """What was seen is not what the document promises."""

    def __init__(self, what, expected, seen):
        super().__init__(f"{what}: expected {shown(expected)}, seen {shown(seen)}")


class Skipped(Exception):
    """This machine cannot try the case; the reason is the text."""


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
    """Registers a case. `covers` names rows of sections 12, 13 and 15 by how they begin."""
    def register(run):
        CASES.append(Case(name, run, server, (covers,) if isinstance(covers, str) else tuple(covers)))
        return run
    return register


def expect(what, expected, seen):
    if expected != seen:
        raise Differs(what, expected, seen)


def eventually(what, expected, see, seconds=3.0):
    """Expects that something is seen within a generous time."""
    until = time.monotonic() + seconds
    while (seen := see()) != expected:
        if time.monotonic() > until:
            raise Differs(what, expected, seen)
        time.sleep(0.02)
