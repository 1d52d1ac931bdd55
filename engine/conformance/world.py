"""A client's side of PROTOCOL.md#world-messages."""

import copy
import struct
from dataclasses import dataclass, field

from crypto import crc32c
from document import LIMITS, PROTOCOL
from wire import u16, u32, u64

SERVER_KINDS = {name: kind for (end, name), kind in PROTOCOL.world_kinds.items() if end == "server"}
CLIENT_KINDS = {name: kind for (end, name), kind in PROTOCOL.world_kinds.items() if end == "client"}
FIELDS = PROTOCOL.fields
VERSIONS = LIMITS["BASELINE_AGE_MAX"] + 1
STATE_BYTES = 32
POSITION, VELOCITY, ROTATION, ANIMATION, STATUS, KIND = 0, 12, 18, 24, 26, 30
STEPS = 65536
NORMAL_MIN = 2.0 ** -126


class InvalidMessage(Exception):
    """A world message that violates PROTOCOL.md#world-messages, or whose baseline is unknown."""


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        if self.at + count > len(self.data):
            raise InvalidMessage("the message is truncated")
        self.at += count
        return self.data[self.at - count:self.at]

    def number(self, count, signed=False):
        return int.from_bytes(self.take(count), "little", signed=signed)

    def varint(self):
        value, count = 0, 0
        while True:
            byte = self.number(1)
            value |= (byte & 0x7F) << (7 * count)
            count += 1
            if byte < 0x80:
                break
            if count == 5:
                raise InvalidMessage("a varint of more than 5 bytes")
        if count > 1 and byte == 0 or value >> 32:
            raise InvalidMessage("a varint that is too long, or too large")
        return (value >> 1) ^ -(value & 1)

    @property
    def is_over(self):
        return self.at == len(self.data)


@dataclass
class Welcome:
    index: int
    generation: int
    tick: int
    edge: float
    height: float
    sections: tuple
    step: float
    height_steps: int


def f32(number):
    try:
        return struct.unpack("<f", struct.pack("<f", number))[0]
    except OverflowError:
        return float("inf")


def read_welcome(message):
    """A Welcome, or None for a refusal."""
    reader = Reader(message)
    if reader.number(1) != SERVER_KINDS["EnterToWorld"]:
        raise InvalidMessage("not an EnterToWorld")
    answer = reader.number(1)
    if answer == 0:
        if not reader.is_over:
            raise InvalidMessage("bytes after a refusal")
        return None
    if answer != 1 or len(message) != 23:
        raise InvalidMessage("not a welcome")
    index, generation, tick, edge, height, *sections = struct.unpack("<HBIff3H", message[2:])
    step = f32(edge / STEPS)
    lengths = [edge * sections[0], edge * sections[1], height * sections[2]]
    if not 0 < height <= edge or not NORMAL_MIN <= step < float("inf"):
        raise InvalidMessage("a map with invalid section sizes")
    if any(f32(length) == float("inf") for length in lengths):
        raise InvalidMessage("a map that is too long")
    if not all(1 <= count <= LIMITS["WORLD_SECTIONS_MAX"] for count in sections):
        raise InvalidMessage("a map with an invalid number of sections")
    return Welcome(index, generation, tick, edge, height, tuple(sections), step, int(height / step + 0.5))


@dataclass
class Entity:
    generation: int
    states: dict
    newest: int
    variables: dict = field(default_factory=dict)

    @property
    def state(self):
        return self.states[self.newest]


def read_axes(reader, state, at, size, count=3):
    """Reads axes and adds them to three numbers of `size` bytes in the state."""
    widths = reader.number(1)
    if widths >> 6:
        raise InvalidMessage("reserved widths")
    for axis in range(count):
        width = widths >> (2 * axis) & 3
        change = reader.number((0, 1, 2, 4)[width], signed=True) if width else 0
        place = slice(at + axis * size, at + (axis + 1) * size)
        total = int.from_bytes(state[place], "little") + change
        state[place] = (total % (1 << 8 * size)).to_bytes(size, "little")


def read_fields(reader, fields, base):
    """The state that the fields make of a base state, and the variables among the fields."""
    state, variables = bytearray(base), {}
    if fields & FIELDS["position"]:
        read_axes(reader, state, POSITION, 4)
    if fields & FIELDS["rotation"]:
        read_axes(reader, state, ROTATION, 2)
    if fields & FIELDS["animation"]:
        state[ANIMATION:ANIMATION + 2] = reader.take(2)
    if fields & FIELDS["status"]:
        told = reader.number(1)
        if told >> 4:
            raise InvalidMessage("a reserved status")
        for bit in range(4):
            if told >> bit & 1:
                state[STATUS + bit] = reader.number(1)
    if fields & FIELDS["velocity"]:
        read_axes(reader, state, VELOCITY, 2)
    if fields & FIELDS["variables"]:
        for _ in range(reader.number(1)):
            number = reader.number(1)
            if number >= LIMITS["VARIABLES"]:
                raise InvalidMessage("a reserved variable")
            variables[number] = reader.varint()
    return bytes(state), variables


def read_entry(reader, entities):
    """Applies one entry. Returns the index of its entity."""
    index, head = reader.number(2), reader.number(2)
    version, age, fields = head & 31, head >> 5 & 31, head >> 10
    known = entities.get(index)
    if age == 0 and fields == 0:
        entities.pop(index, None)
    elif age == 0:
        generation, kind, faction = reader.number(1), reader.number(1), reader.number(1)
        if kind not in PROTOCOL.entity_kinds or faction >= LIMITS["FACTIONS_MAX"]:
            raise InvalidMessage("a reserved kind or faction")
        state, variables = read_fields(reader, fields, bytes(KIND) + bytes([kind, faction]))
        if known is None or known.generation != generation:
            entities[index] = known = Entity(generation, {}, version)
        known.states[version], known.newest, known.variables = state, version, variables
    else:
        base = known and known.states.get((version - age) % VERSIONS)
        if base is None:
            raise InvalidMessage("an unknown baseline")
        state, variables = read_fields(reader, fields, base)
        known.states[version], known.newest = state, version
        known.variables |= variables
    return index


class View:
    """The client's view of the world."""

    def __init__(self):
        self.entities, self.newest, self.before = {}, None, 0
        self.tick, self.input, self.entries = 0, 0, 0

    def take(self, message):
        """Applies a snapshot. Returns False if it is not newer.

        Raises InvalidMessage, and applies no part, if it is invalid.
        """
        reader = Reader(message)
        if reader.number(1) != SERVER_KINDS["DeltaSync"]:
            raise InvalidMessage("not a snapshot")
        number, tick, acted = reader.number(2), reader.number(4), reader.number(2)
        step = None if self.newest is None else (number - self.newest) % 65536
        if step is not None and not 1 <= step <= 32767:
            return False
        entities = {index: copy.copy(entity) for index, entity in self.entities.items()}
        for entity in entities.values():
            entity.states, entity.variables = dict(entity.states), dict(entity.variables)
        count = 0
        while not reader.is_over:
            read_entry(reader, entities)
            count += 1
        self.entities, self.tick, self.input = entities, tick, acted
        self.entries += count
        self._took(number, step)
        return True

    def _took(self, number, step):
        kept = (1 << LIMITS["SNAPSHOTS_ACKNOWLEDGED"]) - 1
        if step is not None:
            self.before = ((self.before << step) | (1 << (step - 1))) & kept
        self.newest = number

    @property
    def received(self):
        return u16(self.newest) + u64(self.before)

    @property
    def digest(self):
        if not self.entities:
            return 0
        return crc32c(b"".join(u16(index) + bytes([entity.generation]) + entity.state
                               for index, entity in sorted(self.entities.items())))


@dataclass
class Input:
    number: int
    direction: int = 0
    pace: int = 0
    actions: int = 0
    received: bytes = b""
    digest: int | None = None

    def write(self):
        flags = (0x01 if self.received else 0) | (0x02 if self.digest is not None else 0)
        return (bytes([CLIENT_KINDS["SyncEntityQuantized"], flags]) + self.received
                + (b"" if self.digest is None else u32(self.digest)) + u16(self.number) + u16(self.direction)
                + bytes([self.pace, self.actions]))


def read_input(message):
    reader = Reader(message)
    if reader.number(1) != CLIENT_KINDS["SyncEntityQuantized"]:
        raise InvalidMessage("not an input")
    flags = reader.number(1)
    if flags >> 2:
        raise InvalidMessage("reserved flags")
    received = reader.take(10) if flags & 1 else b""
    digest = reader.number(4) if flags & 2 else None
    found = Input(reader.number(2), reader.number(2), reader.number(1), reader.number(1), received, digest)
    if not reader.is_over:
        raise InvalidMessage("bytes after an input")
    return found
