"""A client's side of PROTOCOL.md#world-messages, for a game of any contract."""

import copy
import struct
from dataclasses import dataclass, field

from contract import InvalidMessage, Reader
from crypto import crc32c
from document import LIMITS, PROTOCOL
from wire import u16, u32, u64

SERVER_KINDS = {name: kind for (end, name), kind in PROTOCOL.world_kinds.items() if end in ("server", "both")}
CLIENT_KINDS = {name: kind for (end, name), kind in PROTOCOL.world_kinds.items() if end in ("client", "both")}
FIELDS = PROTOCOL.fields
ANSWERS, OUTCOMES = PROTOCOL.enter_answers, PROTOCOL.outcomes
VERSIONS = LIMITS["BASELINE_AGE_MAX"] + 1
POSITION, VELOCITY, ROTATION, LEAP, POSE_BYTES = 0, 12, 18, 24, 25
STEPS = 65536
NORMAL_MIN = 2.0 ** -126
BASELINE_BITS, HAS_BODY, HAS_OWN, HAS_INPUT_INTERVAL = 0x1F, 0x20, 0x40, 0x80
HAS_RECEIVED, HAS_DIGEST = 0x01, 0x02
NO_LEAD = -128


def begin(message, kind, what):
    """A reader of the message behind its kind."""
    reader = Reader(message)
    if reader.number(1) != kind:
        raise InvalidMessage(f"not {what}")
    return reader


def whole(of, data):
    """The value of a type that fills `data`."""
    reader = Reader(data)
    value = of.read(reader)
    reader.finish()
    return value


def f32(number):
    try:
        return struct.unpack("<f", struct.pack("<f", number))[0]
    except OverflowError:
        return float("inf")


@dataclass
class Welcome:
    tick: int
    first_snapshot: int
    edge: float
    height: float
    sections: tuple
    step: float
    height_steps: int


@dataclass
class NotInside:
    """Any other answer: its name, and the reason or the type."""
    name: str
    reason: int


def enter_request(schema, ticket=b""):
    return bytes([CLIENT_KINDS["EnterToWorld"]]) + b"".join(map(u32, schema)) + ticket


def read_enter_answer(message):
    reader = begin(message, SERVER_KINDS["EnterToWorld"], "an EnterToWorld")
    name = ANSWERS.get(reader.number(1))
    if name is None:
        raise InvalidMessage("a reserved answer")
    answer = read_welcome(reader) if name in ("welcome", "moved") else NotInside(name, reader.number(1))
    if name == "wrong schema" and answer.reason not in PROTOCOL.contract_parts:
        raise InvalidMessage("a reserved type")
    reader.finish()
    return answer


def read_welcome(reader):
    tick, first, edge, height, *sections = struct.unpack("<IHff3H", reader.take(20))
    step = f32(edge / STEPS)
    lengths = [edge * sections[0], edge * sections[1], height * sections[2]]
    if not 0 < height <= edge or not NORMAL_MIN <= step < float("inf"):
        raise InvalidMessage("a map with invalid section sizes")
    if any(f32(length) == float("inf") for length in lengths):
        raise InvalidMessage("a map that is too long")
    if not all(1 <= count <= LIMITS["WORLD_SECTIONS_MAX"] for count in sections):
        raise InvalidMessage("a map with an invalid number of sections")
    return Welcome(tick, first, edge, height, tuple(sections), step, int(height / step + 0.5))


def read_axes(reader, pose, at, size):
    """Reads axes and adds them to three numbers of `size` bytes in the pose."""
    widths = reader.number(1)
    if widths >> 6:
        raise InvalidMessage("reserved widths")
    for axis in range(3):
        width = widths >> (2 * axis) & 3
        change = reader.number((0, 1, 2, 4)[width], signed=True) if width else 0
        place = slice(at + axis * size, at + (axis + 1) * size)
        total = int.from_bytes(pose[place], "little") + change
        pose[place] = (total % (1 << 8 * size)).to_bytes(size, "little")


@dataclass
class State:
    """The first 25 bytes of a state, and Shown."""
    pose: bytes
    shown: dict

    def write(self, contract):
        return self.pose + contract.Shown.write(self.shown)


def blank_state(contract):
    return State(bytes(POSE_BYTES), contract.Shown.blank)


def read_state(contract, data):
    return State(data[:POSE_BYTES], whole(contract.Shown, data[POSE_BYTES:]))


def read_fields(contract, reader, fields, base):
    """The state that the fields make of a base state."""
    if fields & ~sum(FIELDS.values()):
        raise InvalidMessage("a reserved field")
    pose, shown = bytearray(base.pose), base.shown
    if fields & FIELDS["position"]:
        read_axes(reader, pose, POSITION, 4)
    if fields & FIELDS["rotation"]:
        read_axes(reader, pose, ROTATION, 2)
    if fields & FIELDS["leap"]:
        pose[LEAP] = reader.number(1)
    if fields & FIELDS["shown"]:
        shown = contract.Shown.read_difference(reader, shown)
    if fields & FIELDS["velocity"]:
        read_axes(reader, pose, VELOCITY, 2)
    return State(bytes(pose), shown)


@dataclass
class Entity:
    generation: int
    states: dict
    newest: int

    @property
    def state(self):
        return self.states[self.newest]


def read_entry(contract, reader, entities):
    """Applies one entry. Returns the index of its entity."""
    index, head = reader.number(2), reader.number(2)
    version, age, fields = head & 31, head >> 5 & 31, head >> 10
    known = entities.get(index)
    if age == 0 and fields == 0:
        entities.pop(index, None)
    elif age == 0:
        generation = reader.number(1)
        if generation == 0:
            raise InvalidMessage("a full entry of generation 0")
        state = read_fields(contract, reader, fields, blank_state(contract))
        if known is None or known.generation != generation:
            entities[index] = known = Entity(generation, {}, version)
        known.states[version], known.newest = state, version
    else:
        base = known and known.states.get((version - age) % VERSIONS)
        if base is None:
            raise InvalidMessage("an unknown baseline")
        known.states[version] = read_fields(contract, reader, fields, base)
        known.newest = version
    return index


@dataclass
class Owner:
    body: tuple | None
    own: dict


@dataclass
class Header:
    number: int
    tick: int
    lead: int
    input_age: int
    parts: int
    input_interval: int = 1


def read_header(reader):
    header = Header(reader.number(2), reader.number(4), reader.number(1, signed=True), reader.number(1),
                    reader.number(1))
    if header.parts & HAS_INPUT_INTERVAL:
        header.input_interval = reader.number(1)
        if not 2 <= header.input_interval <= LIMITS["INPUT_INTERVAL_MAX"]:
            raise InvalidMessage("a reserved input interval")
    return header


class View:
    """The client's view of the world in one presence, of which `first` is the number of the first snapshot."""

    def __init__(self, contract, first):
        self.contract, self.last, self.newest, self.before = contract, (first - 1) % 65536, None, 0
        self.entities, self.owners, self.header = {}, {}, None
        self.owner = self.blank = Owner(None, contract.Own.blank)
        self.entries = 0

    def take(self, message):
        """Applies a snapshot. Returns False if it is not newer.

        Raises InvalidMessage, and applies no part, if it is invalid.
        """
        reader = begin(message, SERVER_KINDS["DeltaSync"], "a snapshot")
        header = read_header(reader)
        step = (header.number - self.last) % 65536
        if not 1 <= step <= 32767:
            return False
        owner = self._read_owner(reader, header)
        entities = {index: copy.copy(entity) for index, entity in self.entities.items()}
        for entity in entities.values():
            entity.states = dict(entity.states)
        count = 0
        while reader.at < len(message):
            read_entry(self.contract, reader, entities)
            count += 1
        self.entities, self.header, self.owner = entities, header, owner
        self.owners[header.number] = owner
        self.entries += count
        self._took(header.number, step)
        return True

    def _read_owner(self, reader, header):
        baseline, base = header.parts & BASELINE_BITS, self.blank
        if baseline:
            base = self.owners.get((header.number - baseline) % 65536)
            if base is None:
                raise InvalidMessage("an owner block with an unknown baseline")
        body, own = base.body, base.own
        if header.parts & HAS_BODY:
            index, generation = reader.number(2), reader.number(1)
            body = (index, generation) if generation else None
        if header.parts & HAS_OWN:
            own = self.contract.Own.read_difference(reader, own)
        return Owner(body, own)

    def _took(self, number, step):
        kept = (1 << LIMITS["SNAPSHOTS_ACKNOWLEDGED"]) - 1
        if self.newest is not None:
            self.before = ((self.before << step) | (1 << (step - 1))) & kept
        self.newest = self.last = number
        most = LIMITS["OWNER_BASELINE_MAX"]
        self.owners = {at: owner for at, owner in self.owners.items() if (number - at) % 65536 < most}

    @property
    def received(self):
        return b"" if self.newest is None else u16(self.newest) + u64(self.before)

    @property
    def digest(self):
        if not self.entities:
            return 0
        return crc32c(b"".join(u16(index) + bytes([entity.generation]) + entity.state.write(self.contract)
                               for index, entity in sorted(self.entities.items())))


@dataclass
class InputMessage:
    """`inputs` holds pairs of a view delay and an Input, oldest first. The last is for `tick`."""
    tick: int = 0
    inputs: list = field(default_factory=list)
    received: bytes = b""
    digest: int | None = None

    def write(self, contract):
        flags = (HAS_RECEIVED if self.received else 0) | (HAS_DIGEST if self.digest is not None else 0)
        message = (bytes([CLIENT_KINDS["SyncEntityQuantized"], flags]) + self.received
                   + (b"" if self.digest is None else u32(self.digest)) + u32(self.tick) + bytes([len(self.inputs)]))
        base = contract.Input.blank
        for view_delay, value in self.inputs:
            message += u16(view_delay) + contract.Input.write_difference(value, base)
            base = value
        return message


def read_input(contract, message):
    reader = begin(message, CLIENT_KINDS["SyncEntityQuantized"], "an input message")
    flags = reader.number(1)
    if flags & ~(HAS_RECEIVED | HAS_DIGEST):
        raise InvalidMessage("reserved flags")
    received = reader.take(10) if flags & HAS_RECEIVED else b""
    digest = reader.number(4) if flags & HAS_DIGEST else None
    tick, count = reader.number(4), reader.number(1)
    if count > LIMITS["INPUTS_PER_MESSAGE_MAX"]:
        raise InvalidMessage("too many inputs")
    inputs, base = [], contract.Input.blank
    for _ in range(count):
        view_delay = reader.number(2)
        base = contract.Input.read_difference(reader, base)
        inputs.append((view_delay, base))
    reader.finish()
    return InputMessage(tick, inputs, received, digest)


def ask(contract, number, value):
    return bytes([CLIENT_KINDS["Ask"]]) + u16(number) + contract.Ask.write(value)


def read_ask(contract, message):
    reader = begin(message, CLIENT_KINDS["Ask"], "an ask")
    number = reader.number(2)
    return number, whole(contract.Ask, reader.rest())


def answer(contract, number, value):
    return bytes([SERVER_KINDS["Answer"]]) + u16(number) + b"\0" + contract.Answer.write(value)


def read_answer(contract, message):
    """The number, the name of the outcome, and the Answer or None."""
    reader = begin(message, SERVER_KINDS["Answer"], "an answer")
    number, outcome = reader.number(2), OUTCOMES.get(reader.number(1))
    if outcome is None:
        raise InvalidMessage("a reserved outcome")
    value = contract.Answer.read(reader) if outcome == "answered" else None
    reader.finish()
    return number, outcome, value


def event(contract, value):
    return bytes([CLIENT_KINDS["Event"]]) + contract.Event.write(value)


def read_event(contract, message):
    return whole(contract.Event, begin(message, SERVER_KINDS["Event"], "an event").rest())


def read_change_server(message):
    reader = begin(message, SERVER_KINDS["ChangeServer"], "a ChangeServer")
    core, key, address, port = reader.take(1), reader.take(32), reader.take(16), reader.take(2)
    reader.finish()
    if port == b"\0\0":
        raise InvalidMessage("a server at port 0")
    return core, key, address, port


def introduction(player, data):
    return bytes([CLIENT_KINDS["Introduction"]]) + player + data


def read_introduction(message):
    reader = begin(message, SERVER_KINDS["Introduction"], "an introduction")
    player, data = reader.take(3), reader.rest()
    if not 1 <= len(data) <= PROTOCOL.limits["INTRODUCTION_BYTES_MAX"]:
        raise InvalidMessage("an introduction has no bytes, or too many")
    return player, data
