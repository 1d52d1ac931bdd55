"""PROTOCOL.md#contract: the types of a game, as a `contract` block of the document declares them.

Values: numbers, bool and text are those of Python. An EntityId is (index, generation), an Option is None or its value,
an array is a tuple, a struct is a dict, and a variant of an enum is (name, dict).
"""

import math
import re
import struct

from document import PROTOCOL

BASIS = 0x811C9DC5
PRIME = 0x01000193
TYPES = ("Input", "Own", "Shown", "Ask", "Answer", "Event")
PARTS = (*TYPES, "Level")
FIELDS_MAX = 64


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
        value, count, byte = 0, 0, 0x80
        while byte & 0x80:
            if count == 10:
                raise InvalidMessage("a varint of more than 10 bytes")
            byte = self.number(1)
            value |= (byte & 0x7F) << (7 * count)
            count += 1
        if count > 1 and byte == 0 or value >> 64:
            raise InvalidMessage("a varint that is too long, or too large")
        return value

    def rest(self):
        return self.take(len(self.data) - self.at)

    def finish(self):
        if self.at != len(self.data):
            raise InvalidMessage("bytes after the message")


def varint(value):
    written = bytearray()
    while value >= 0x80:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(written) + bytes([value])


def mix(number, text):
    for byte in text.encode():
        number = (number ^ byte) * PRIME % (1 << 32)
    return number or 1


class Integer:
    def __init__(self, name):
        self.size, self.signed, self.blank = int(name[1:]) // 8, name[0] == "i", 0
        self.schema, self.bytes_max = mix(BASIS, name), self.size

    def read(self, reader):
        return reader.number(self.size, self.signed)

    def write(self, value):
        return value.to_bytes(self.size, "little", signed=self.signed)


class Bool:
    blank, schema, bytes_max = False, mix(BASIS, "bool"), 1

    def read(self, reader):
        value = reader.number(1)
        if value > 1:
            raise InvalidMessage("a reserved bool")
        return value == 1

    def write(self, value):
        return bytes([value])


class F32:
    blank, schema, bytes_max = 0.0, mix(BASIS, "f32"), 4

    def read(self, reader):
        value, = struct.unpack("<f", reader.take(4))
        if not math.isfinite(value):
            raise InvalidMessage("a number that is not finite")
        return value + 0.0

    def write(self, value):
        return struct.pack("<f", value + 0.0)


class EntityId:
    blank, schema, bytes_max = (0, 0), mix(BASIS, "entity"), 3

    def read(self, reader):
        return reader.number(2), reader.number(1)

    def write(self, value):
        return struct.pack("<HB", *value)


class Cooldown(Integer):
    def __init__(self):
        super().__init__("u16")
        self.schema = mix(BASIS, "cooldown")


class ActionState:
    """PROTOCOL.md#actions. A value is a dict; its cooldowns are ticks, the shared one last."""

    def __init__(self, actions, resources, cast, decided):
        self.count = actions + 1
        self.fields = Struct({"resources": Array(Integer("u16"), resources), "cast": Option(cast),
                              "number": Integer("u8"), "decided": decided})
        self.schema = mix(actions + 256 * resources, "actions")
        self.blank, self.bytes_max = None, 5 + 2 * self.count + self.fields.bytes_max

    def read(self, reader):
        running = reader.varint()
        if running >> self.count:
            raise InvalidMessage("a cooldown of no action")
        cooldowns = tuple(reader.number(2) if running >> bit & 1 else 0 for bit in range(self.count))
        if running.bit_count() != len([ticks for ticks in cooldowns if ticks]):
            raise InvalidMessage("a running cooldown of 0")
        return {"cooldowns": cooldowns} | self.fields.read(reader)

    def write(self, value):
        ticks = value["cooldowns"]
        running = sum(1 << bit for bit, left in enumerate(ticks) if left)
        return varint(running) + b"".join(struct.pack("<H", left) for left in ticks if left) + self.fields.write(value)


class Text:
    def __init__(self, size):
        self.size, self.blank = size, ""
        self.schema, self.bytes_max = mix(size, "text"), 2 + size

    def read(self, reader):
        data = reader.take(reader.varint())
        if len(data) > self.size:
            raise InvalidMessage("a text that is too long")
        try:
            return data.decode()
        except UnicodeDecodeError as why:
            raise InvalidMessage("not UTF-8") from why

    def write(self, value):
        data = value.encode()
        return varint(len(data)) + data


class Option:
    def __init__(self, of):
        self.of, self.blank = of, None
        self.schema, self.bytes_max = mix(of.schema, "?"), 1 + of.bytes_max

    def read(self, reader):
        return self.of.read(reader) if Bool().read(reader) else None

    def write(self, value):
        return b"\0" if value is None else b"\1" + self.of.write(value)


class Array:
    def __init__(self, of, size):
        self.of, self.size, self.blank = of, size, (of.blank,) * size
        self.schema, self.bytes_max = mix(of.schema ^ size, "[]"), size * of.bytes_max

    def read(self, reader):
        return tuple(self.of.read(reader) for _ in range(self.size))

    def write(self, value):
        return b"".join(map(self.of.write, value))


class Struct:
    def __init__(self, fields, number=None):
        self.fields = fields
        self.blank = {name: of.blank for name, of in fields.items()}
        self.schema = mix(BASIS, "struct") if number is None else number
        for name, of in fields.items():
            self.schema = mix(self.schema ^ of.schema, name)
        self.bytes_max = sum(of.bytes_max for of in fields.values())
        # As a difference, which has the set of fields in front.
        self.difference_bytes_max = self.bytes_max + max(-(-len(fields) // 7), 1)

    def read(self, reader):
        return {name: of.read(reader) for name, of in self.fields.items()}

    def write(self, value):
        return b"".join(of.write(value[name]) for name, of in self.fields.items())

    def read_difference(self, reader, base):
        told = reader.varint()
        if told >> len(self.fields):
            raise InvalidMessage("a set with a field that the struct does not have")
        return base | {name: of.read(reader)
                       for bit, (name, of) in enumerate(self.fields.items()) if told >> bit & 1}

    def write_difference(self, value, base):
        told, written = 0, b""
        for bit, (name, of) in enumerate(self.fields.items()):
            if value[name] != base[name]:
                told |= 1 << bit
                written += of.write(value[name])
        return varint(told) + written


class Enum:
    def __init__(self, variants):
        self.variants, number = {}, mix(BASIS, "enum")
        for name, fields in variants.items():
            self.variants[name] = Struct(fields, mix(number, "|" + name))
            number = self.variants[name].schema
        # No enum has a blank value: a game that has one in a struct must define it.
        self.schema, self.names, self.blank = number, list(variants), None
        self.bytes_max = 1 + max((of.bytes_max for of in self.variants.values()), default=0)

    def read(self, reader):
        number = reader.number(1)
        if number >= len(self.names):
            raise InvalidMessage("a reserved variant")
        return self.names[number], self.variants[self.names[number]].read(reader)

    def write(self, value):
        name, fields = value
        return bytes([self.names.index(name)]) + self.variants[name].write(fields)


class Contract:
    """The types of a `contract` block."""

    def __init__(self, text):
        self.declared = {}
        for form, name, body in re.findall(r"^(struct|enum) (\w+) \{(.*?)^\}", text, re.M | re.S):
            declare = self._struct if form == "struct" else self._enum
            self.declared[name] = declare(body)

    def __getattr__(self, name):
        if name not in self.declared:
            raise AttributeError(f"the contract does not declare `{name}`")
        return self.declared[name]

    @property
    def schema(self):
        # The level is 0: it agrees with every level.
        return [self.declared[name].schema for name in TYPES] + [0]

    def _fields(self, text):
        return {name: self.type(of) for name, of in re.findall(r"(\w+): ((?:\[[^\]]*\]|[^,{}])+)", text)}

    def _struct(self, body):
        found = Struct(self._fields(body))
        if len(found.fields) > FIELDS_MAX:
            raise ValueError("a struct has too many fields")
        return found

    def _enum(self, body):
        return Enum({name: self._fields(fields) for name, fields in re.findall(r"(\w+)(?: \{([^}]*)\})?,", body)})

    def type(self, text):
        text = text.strip()
        if match := re.fullmatch(r"Option<(.+)>", text):
            return Option(self.type(match[1]))
        if match := re.fullmatch(r"\[(.+); (\d+)\]", text):
            return Array(self.type(match[1]), int(match[2]))
        if match := re.fullmatch(r"Text<(\d+)>", text):
            return Text(int(match[1]))
        if match := re.fullmatch(r"ActionState<(\d+), (\d+)>", text):
            declared = CONTRACTS["actions"].declared
            return ActionState(int(match[1]), int(match[2]), declared["Cast"], declared["Decided"])
        if re.fullmatch(r"[ui](8|16|32|64)", text):
            return Integer(text)
        simple = {"bool": Bool, "f32": F32, "EntityId": EntityId, "Cooldown": Cooldown}
        return simple[text]() if text in simple else self.declared[text]


CONTRACTS = {name: Contract(text) for name, text in PROTOCOL.contracts.items()}
EXAMPLE = CONTRACTS["example"]
