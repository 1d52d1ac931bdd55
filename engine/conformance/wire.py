"""The wire format: headers, unencrypted packets, frames, acknowledgments and pieces of messages."""

import hashlib
import hmac
import ipaddress
from dataclasses import dataclass

from crypto import CHACHA, crc32c
from document import LIMITS, PROTOCOL

HEADER = LIMITS["HEADER_BYTES"]
TAG = LIMITS["TAG_BYTES"]
GRAIN = LIMITS["FRAGMENT_GRAIN_BYTES"]
NO_CONNECTION = bytes(4)
NO_COOKIE = bytes(LIMITS["COOKIE_BYTES"])
COMPRESSED_BIT = 0x80000000
RUN_MAX = 255
FORWARDED = PROTOCOL.flags["FORWARDED"]


class Violation(Exception):
    """Something that no correct endpoint does."""


def u16(number):
    return number.to_bytes(2, "little")


def u32(number):
    return number.to_bytes(4, "little")


def u64(number):
    return number.to_bytes(8, "little")


def integer(data):
    return int.from_bytes(data, "little")


# PROTOCOL.md#header and PROTOCOL.md#unencrypted-packets.


def header(connection, flags, sequence, channel=0):
    return connection + bytes([channel, flags]) + u64(sequence)


def flags_of(suite, phase):
    flags = PROTOCOL.flags
    return (flags["ENCRYPTED"] | (flags["CHACHA20_POLY1305"] if suite == CHACHA else 0)
            | (flags["REKEY"] if phase else 0))


def with_checksum(packet):
    return packet + u32(crc32c(packet))


def envelope(connection, tag, kind, body, channel=0, flags=0):
    return with_checksum(connection + bytes([channel, flags]) + tag + bytes([kind]) + body)


def forwarded(key, address, datagram):
    """What a gateway makes of a client's datagram. `address`: the client's, as text, and its port."""
    octets = ipaddress.ip_address(address[0])
    octets = octets.packed if octets.version == 6 else bytes(10) + b"\xff\xff" + octets.packed
    front = datagram[:4] + bytes([0, FORWARDED]) + hashlib.sha256(key).digest()[:8] + octets + u16(address[1])
    return front + hmac.digest(key, front + datagram, "sha256")[:16] + datagram


def wanting_core(core):
    return bytes([core, 0, 1, 0])


def prologue(suites, options):
    return b"ringshard" + u16(LIMITS["PROTOCOL_VERSION"]) + bytes([suites, options])


def connect(noise_1, suites, options, cookie=NO_COOKIE, connection=NO_CONNECTION, version=None, padding=None):
    version = LIMITS["PROTOCOL_VERSION"] if version is None else version
    body = u16(version) + bytes([suites, options]) + cookie + noise_1
    kind, size = PROTOCOL.packets["Connect"]
    room = size - HEADER - 1 - len(body) - 4
    return envelope(connection, noise_1[:8], kind, body + (bytes(room) if padding is None else padding))


@dataclass
class Answer:
    """An unencrypted packet from the server."""
    name: str
    connection: bytes
    tag: bytes
    body: bytes


def read_answer(datagram):
    """The packet, or None if PROTOCOL.md#unencrypted-packets says to drop it."""
    names = {kind: name for name, (kind, _) in PROTOCOL.packets.items() if name != "Connect"}
    if len(datagram) < HEADER + 5 or datagram[4] or datagram[5] or crc32c(datagram[:-4]) != integer(datagram[-4:]):
        return None
    name = names.get(datagram[HEADER])
    if name is None or len(datagram) != PROTOCOL.packets[name][1]:
        return None
    answer = Answer(name, datagram[:4], datagram[6:HEADER], datagram[HEADER + 1:-4])
    if name != "ConnectionAccepted" and answer.connection != NO_CONNECTION:
        return None
    if name == "Cookie" and not any(answer.body):
        return None
    if name == "ConnectionDenied" and answer.body[0] not in PROTOCOL.denials.values():
        return None
    return answer


@dataclass
class Parameters:
    connection: bytes
    suite: str
    resumed: bool
    datagram_bytes_max: int
    heartbeat_ms: int
    timeout_ms: int


def read_parameters(data, offered, named_session):
    """The parameters, or None if a value is not allowed. The packet is then not authentic."""
    suites = {bit: name for name, bit in PROTOCOL.suites.items() if bit & offered}
    connection, suite, resumed = data[0:4], suites.get(data[4]), data[5]
    largest, heartbeat, timeout = integer(data[6:8]), integer(data[8:12]), integer(data[12:16])
    if (connection[1] == 0 or suite is None or resumed > int(named_session)
            or largest != LIMITS["DATAGRAM_BYTES_MAX"] or not 0 < heartbeat < timeout):
        return None
    return Parameters(connection, suite, bool(resumed), largest, heartbeat, timeout)


def padded(plaintext):
    """The plaintext, zero-filled to the smallest size of PROTOCOL.md#padding that holds the datagram."""
    size = next(size for size in PROTOCOL.sizes if size >= HEADER + len(plaintext) + TAG)
    return plaintext.ljust(size - HEADER - TAG, b"\0")


# PROTOCOL.md#frames.


def frame(kind, body=b""):
    kind = PROTOCOL.frames[kind] if isinstance(kind, str) else kind
    return u16(kind << 11 | len(body)) + body


def has_number(channel):
    return channel % 4 != 0


def is_reliable(channel):
    return channel % 4 in (1, 2)


def message(channel, number, text):
    return frame(PROTOCOL.first_message_kind + channel, (u16(number) if has_number(channel) else b"") + text)


def compressed(channel, number, packed):
    return frame("Compressed", bytes([channel]) + (u16(number) if has_number(channel) else b"") + packed)


def fragment(channel, number, offset, size, piece):
    return frame("Fragment", bytes([channel]) + u16(number) + u16(offset) + u32(size) + piece)


def fragments(channel, number, text, is_compressed=False, room=None):
    """The pieces of a message, by their offsets."""
    room = (room or LIMITS["FRAMES_BYTES_BASE"] - LIMITS["FRAME_HEADER_BYTES"] - 9) // GRAIN * GRAIN
    size = len(text) | (COMPRESSED_BIT if is_compressed else 0)
    return {at: fragment(channel, number, at, size, text[at:at + room]) for at in range(0, len(text), room)}


@dataclass
class Ack:
    largest: int
    delay: int
    ranges: list

    def covers(self, sequence):
        return any(first <= sequence <= last for first, last in self.ranges)


def write_ack(received, delay=0):
    """An Ack frame for a set of sequences."""
    largest = max(received)
    lowest = max(min(received), largest - LIMITS["ACK_POSITIONS_MAX"], 1)
    lengths, want, run = [], True, 0
    for sequence in range(largest - 1, lowest - 1, -1):
        if (sequence in received) == want:
            run += 1
        else:
            lengths.append(run)
            want, run = not want, 1
    if want and run:
        lengths.append(run)
    return raw_ack(largest, delay, runs(lengths))


def runs(lengths):
    out = []
    for length in lengths:
        while length > RUN_MAX:
            out += [RUN_MAX, 0]
            length -= RUN_MAX
        out.append(length)
    return bytes(out)


def raw_ack(largest, delay, run_bytes):
    return frame("Ack", u64(largest) + u16(delay) + run_bytes)


def read_ack(body):
    if len(body) < 10:
        raise Violation("an Ack of fewer than 10 bytes")
    largest, delay, lengths = integer(body[:8]), integer(body[8:10]), body[10:]
    if sum(lengths) >= largest or sum(lengths) > LIMITS["ACK_POSITIONS_MAX"]:
        raise Violation("the runs of an Ack reach too far")
    ranges, at, is_received = [[largest, largest]], largest - 1, True
    for length in lengths:
        if is_received and length:
            first = at - length + 1
            if ranges[-1][0] == at + 1:
                ranges[-1][0] = first
            else:
                ranges.append([first, at])
        at -= length
        is_received = not is_received
    return Ack(largest, delay, [tuple(pair) for pair in ranges])


@dataclass
class Piece:
    """The part of a message in one frame: all of it, or a fragment."""
    channel: int
    number: int | None
    data: bytes
    is_compressed: bool = False
    offset: int = 0
    size: int | None = None


LENGTHS = {"PathChallenge": (8,), "PathResponse": (8,), "Ping": (8,), "Pong": (8,), "Disconnect": (1,), "NewId": (4,),
           "Integrity": (17, 40), "RekeyRequest": (32,), "RekeyResponse": (40,), "End": (0,)}


def read_frames(plaintext):
    """The frames as (name, value), and the number of bad ones. Raises Violation for an impossible Ack."""
    names = {kind: name for name, kind in PROTOCOL.frames.items()}
    found, bad, at = [], 0, 0
    while at + 2 <= len(plaintext):
        head = integer(plaintext[at:at + 2])
        kind, length = head >> 11, head & 0x7FF
        at += 2
        if kind == PROTOCOL.frames["End"]:
            return found, bad + (length != 0)
        if at + length > len(plaintext):
            return found, bad + 1
        body = plaintext[at:at + length]
        at += length
        name = names.get(kind, "Message" if kind >= PROTOCOL.first_message_kind else None)
        value = None if name is None else read_body(name, kind, body)
        if value is None:
            bad += 1
        else:
            found.append((name, value))
    return found, bad + (at < len(plaintext) and plaintext[at] != 0)


def read_body(name, kind, body):
    """The value of a frame, or None if it is bad."""
    if name in LENGTHS and len(body) not in LENGTHS[name]:
        return None
    if name == "Ack":
        return read_ack(body)
    if name == "NewId" and body[1] == 0:
        return None
    if name == "Message":
        return read_message(kind - PROTOCOL.first_message_kind, body, False)
    if name == "Compressed":
        if not body or body[0] >= LIMITS["CHANNELS"]:
            return None
        found = read_message(body[0], body[1:], True)
        return found if found and found.data else None
    if name == "Fragment":
        return read_fragment(body)
    return body


def read_message(channel, body, is_compressed):
    if not has_number(channel):
        return Piece(channel, None, body, is_compressed)
    if len(body) < 2:
        return None
    return Piece(channel, integer(body[:2]), body[2:], is_compressed)


def read_fragment(body):
    if len(body) < 10 or body[0] >= LIMITS["CHANNELS"]:
        return None
    number, offset, size, data = integer(body[1:3]), integer(body[3:5]), integer(body[5:9]), body[9:]
    is_compressed, size = bool(size & COMPRESSED_BIT), size & ~COMPRESSED_BIT
    end = offset + len(data)
    if (not 0 < size <= LIMITS["MESSAGE_BYTES_MAX"] or offset % GRAIN or end > size
            or (end % GRAIN and end != size)):
        return None
    return Piece(body[0], number, data, is_compressed, offset, size)
