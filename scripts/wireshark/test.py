"""Tests ringshard.lua with tshark. The expected values come from the tables and test vectors of engine/PROTOCOL.md, so
they cannot go stale. Needs tshark and Python's standard library."""

import os
import random
import re
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
DISSECTOR = HERE / "ringshard.lua"
PROTOCOL = HERE.parent.parent / "engine" / "PROTOCOL.md"
SEED = 3565
FLIPS_PER_DATAGRAM = 24
TRUNCATIONS_PER_DATAGRAM = 160

# The document -------------------------------------------------------------------------------------------------------


def plain(cell):
    """A cell of a table without its markup."""
    return re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", cell).replace("`", "").strip()


class Document:
    def __init__(self, text):
        self.text = text
        self.vectors = {}
        for name, block in re.findall(r"```vector (\S+)\n(.*?)```", text, re.S):
            lines = (line.partition(" =") for line in block.splitlines() if line)
            self.vectors[name] = {key: bytes.fromhex(value.strip()) for key, _, value in lines}

    def table(self, heading, first_column):
        """The rows of the first table below a heading with this first column."""
        section = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#+ |\Z)", self.text, re.S | re.M)[1]
        table = re.search(rf"^\| {re.escape(first_column)} \|.*\n(?:\|.*\n)+", section, re.M)[0]
        return [[plain(cell) for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]


DOC = Document(PROTOCOL.read_text(encoding="utf-8"))
VECTORS = DOC.vectors

LIMITS = {row[0]: row[1] for row in DOC.table("Limits", "name")}
HEADER_BYTES = int(LIMITS["HEADER_BYTES"])
TAG_BYTES = int(LIMITS["TAG_BYTES"])
DATAGRAM_BYTES_MAX = int(LIMITS["DATAGRAM_BYTES_MAX"])
PORT = int(LIMITS["PORT_DEFAULT"])
CHANNELS = int(LIMITS["CHANNELS"])
SEQUENCE_MAX = 1 << int(re.search(r"The highest is \d+\s+\(2\^(\d+)\)", DOC.text)[1])

FLAGS = {name: int(bit, 16) for bit, name, _ in DOC.table("Flags", "bit")}
FORWARDED = FLAGS["FORWARDED"]
FLAG_VALUES = {int(value, 16) for row in DOC.table("Flags", "value") for value in row[0].split(",")} - {FORWARDED}
ENCRYPTED = FLAGS["ENCRYPTED"]
SUITES = {row[2]: int(row[0], 16) for row in DOC.table("Suites", "bit")}
PACKETS = {row[1]: int(row[0]) for row in DOC.table("Unencrypted packets", "type")}
DENIED_REASONS = {row[1]: int(row[0]) for row in DOC.table("ConnectionDenied", "reason")}
DISCONNECT_REASONS = {row[1]: int(row[0]) for row in DOC.table("Disconnect", "reason")}
# The last row is that of Message: "16 + c".
FRAME_ROWS = DOC.table("Frames", "kind")
FRAMES = {row[1]: int(row[0]) for row in FRAME_ROWS if row[0].isdigit()}
MESSAGE = int(next(row[0].split("+")[0] for row in FRAME_ROWS if row[1] == "Message"))
DELIVERIES = {int(row[0]): row[1] for row in DOC.table("Channels", "channel modulo 4")}
NUMBERED = {int(row[0]): row[2] == "always" for row in DOC.table("Channels", "channel modulo 4")}
BUCKETS = [int(size) for size in re.search(r"```buckets\n(.*?)```", DOC.text, re.S)[1].split()]
DELAY_UNIT = int(re.search(r"in units of (\d+) µs", DOC.text)[1])


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


CRC_CHECK = re.search(r"ASCII string `(\w+)` is (0x[0-9A-F]+)", DOC.text)
assert crc32c(CRC_CHECK[1].encode()) == int(CRC_CHECK[2], 16)


def le(data):
    return int.from_bytes(data, "little")


def sealed_with_checksum(packet):
    return packet + struct.pack("<I", crc32c(packet))


def frame(kind, body=b""):
    return struct.pack("<H", kind << 11 | len(body)) + body


# Captures -----------------------------------------------------------------------------------------------------------

CLIENT, SERVER = 40000, PORT
TO_SERVER, TO_CLIENT = (CLIENT, SERVER), (SERVER, CLIENT)
IP_AND_UDP_BYTES = 28


def write_capture(path, datagrams):
    """`datagrams` are (payload, ports, captured); `captured` is the number of bytes in the file, None for all."""
    with open(path, "wb") as file:
        raw_ip = 101
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, raw_ip))
        for payload, (source, destination), captured in datagrams:
            udp = struct.pack(">HHHH", source, destination, 8 + len(payload), 0) + payload
            addresses = bytes([192, 0, 2, 1, 192, 0, 2, 2])
            packet = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0) + addresses + udp
            kept = packet if captured is None else packet[: IP_AND_UDP_BYTES + captured]
            file.write(struct.pack("<IIII", 0, 0, len(kept), len(packet)) + kept)


class Tshark:
    """Runs tshark with only this dissector and without the user's configuration."""

    def __init__(self, folder):
        self.folder = folder
        self.environment = dict(os.environ, HOME=str(folder), WIRESHARK_CONFIG_DIR=str(folder), LC_ALL="C.UTF-8")
        self.problems = []

    def run(self, capture, *options):
        command = ["tshark", "-n", "-X", f"lua_script:{DISSECTOR}", "-r", str(capture), *options]
        result = subprocess.run(command, capture_output=True, env=self.environment)
        out, err = result.stdout.decode(errors="replace"), result.stderr.decode(errors="replace")
        if result.returncode != 0:
            self.problems.append(f"tshark exits with {result.returncode}: {err.strip()[-500:]}")
        for line in (out + "\n" + err).splitlines():
            if re.search(r"lua[ :]+(error|warning)|error during loading|malformed packet|dissector bug", line, re.I):
                self.problems.append(f"tshark says: {line.strip()}")
                break
        return out

    def fields(self, capture, names, *options):
        """For each packet, a dictionary from field to the list of its values."""
        selected = [option for name in names for option in ("-e", name)]
        out = self.run(capture, "-T", "fields", "-E", "separator=/t", "-E", "aggregator=|", *selected, *options)
        rows = []
        for line in out.splitlines():
            cells = line.split("\t")
            rows.append({name: cell.split("|") if cell else [] for name, cell in zip(names, cells)})
        return rows

    def infos(self, capture, *options):
        return self.run(capture, "-o", 'gui.column.format:"Info","%i"', *options).splitlines()


def same(expected, actual):
    """Compares with tshark's output, whose form depends on the type and sometimes on the release."""
    if isinstance(expected, bool):
        return actual in (("1", "True") if expected else ("0", "False"))
    if isinstance(expected, int):
        return int(actual, 0) == expected
    if isinstance(expected, bytes):
        return bytes.fromhex(actual.replace(":", "")) == expected
    return actual == expected


# Cases --------------------------------------------------------------------------------------------------------------

MALFORMED, BAD_FRAMES, VIOLATIONS = "ringshard.malformed", "ringshard.bad_frame", "ringshard.violation"
BAD_CHECKSUM = "ringshard.checksum.bad"
FAULTS = [MALFORMED, BAD_FRAMES, VIOLATIONS, BAD_CHECKSUM]


class Case:
    """A datagram and the expected output of tshark: fields, and the number of faults of each kind, None for one or
    more. No other faults may occur."""

    def __init__(self, name, payload, ports, fields, info=None, faults=None, captured=None):
        self.name, self.payload, self.ports, self.captured = name, payload, ports, captured
        self.info = info
        self.faults = faults or {}
        self.fields = {
            key if key.startswith("ringshard") else "ringshard." + key: value if isinstance(value, list) else [value]
            for key, value in fields.items()
        }

    def check(self, row, info):
        wrong = []
        for field, expected in self.fields.items():
            actual = row[field]
            if len(expected) != len(actual) or not all(map(same, expected, actual)):
                shown = [value.hex() if isinstance(value, bytes) else value for value in expected]
                wrong.append(f"{field}: {shown} is due, not {actual}")
        for fault in FAULTS:
            due, found = self.faults.get(fault, 0), len(row[fault])
            if due is None and found == 0 or due is not None and due != found:
                wrong.append(f"{fault}: {due or 'at least 1' if due != 0 else 0} due, not {found}")
        if self.info is not None and self.info != info:
            wrong.append(f"Info: {self.info!r} is due, not {info!r}")
        is_faulty = any(row[fault] for fault in FAULTS)
        if is_faulty != info.endswith("[malformed]"):
            wrong.append(f"Info does not say whether it is malformed: {info!r}")
        return wrong


cases = []


def case(*arguments, **named):
    cases.append(Case(*arguments, **named))


def id_fields(id, prefix="connection"):
    core, generation, slot = struct.unpack("<BBH", id)
    return {prefix: le(id), prefix + ".core": core, prefix + ".generation": generation, prefix + ".slot": slot}


def name_of(id):
    return f"{id[0]}:{le(id[2:4])}"


def flag_fields(flags):
    return {"flags": flags} | {
        f"flags.{name.lower() or 'reserved'}": bool(flags & bit) for name, bit in FLAGS.items()
    }


# The connection of the vectors of encrypted datagrams. The header of one of them, without the flag, precedes frames
# that have no header.
CONNECTION = VECTORS["data-aes-128-gcm-client"]["connection"]
DECRYPTED_HEADER = CONNECTION + bytes([0, 0]) + VECTORS["data-aes-128-gcm-client"]["sequence"]


def case_of_frames(name, plaintext, fields, info=None, faults=None, ports=TO_CLIENT):
    case(name, DECRYPTED_HEADER + plaintext, ports, fields | {"decrypted": True}, info, faults)


def header_cases():
    vector = VECTORS["header"]
    fields = id_fields(vector["core"] + vector["generation"] + vector["slot"]) | flag_fields(vector["flags"][0])
    fields |= {"channel": vector["channel"][0], "sequence": le(vector["sequence"])}
    # The contents do not matter: a tag alone.
    case("header", vector["header"] + bytes(TAG_BYTES), TO_SERVER, fields | {"ciphertext": [], "tag": bytes(TAG_BYTES)})
    case("header alone", vector["header"], TO_SERVER, fields, faults={MALFORMED: 1})

    def with_flags(flags):
        return CONNECTION + bytes([0, flags]) + DECRYPTED_HEADER[6:] + bytes(TAG_BYTES)

    vector = VECTORS["forwarded"]
    fields = {"gateway": vector["datagram"][6:14], "client.port": le(vector["port"]), "gateway.mac": vector["datagram"][32:48]}
    case("forwarded", vector["datagram"], TO_SERVER, fields)
    case("forwarded, nothing inside", vector["datagram"][:61], TO_SERVER, {"gateway": fields["gateway"]}, faults={MALFORMED: 1})
    nested = vector["datagram"][:48] + vector["datagram"]
    case("forwarded twice", nested, TO_SERVER, fields, faults={MALFORMED: 1})
    other = vector["datagram"][:48] + bytes([9]) + vector["datagram"][49:]
    case("forwarded, another id inside", other, TO_SERVER, fields, faults={MALFORMED: 1})

    for flags in range(256):
        faults = {} if flags in FLAG_VALUES | {value & ~ENCRYPTED for value in FLAG_VALUES} else {MALFORMED: 1}
        case(f"flags {flags:#04x}", with_flags(flags), TO_SERVER, flag_fields(flags), faults=faults)

    for sequence in (0, 1, SEQUENCE_MAX, SEQUENCE_MAX + 1, 2**64 - 1):
        for flags in (0, ENCRYPTED):
            datagram = CONNECTION + struct.pack("<BBQ", 0, flags, sequence) + bytes(TAG_BYTES)
            faults = {} if 0 < sequence <= SEQUENCE_MAX else {MALFORMED: 1}
            case(f"sequence {sequence}, flags {flags}", datagram, TO_SERVER, {"sequence": sequence}, faults=faults)

    sealed = bytes(DATAGRAM_BYTES_MAX + 1 - HEADER_BYTES)
    header = CONNECTION + bytes([0, ENCRYPTED]) + DECRYPTED_HEADER[6:]
    case("the largest datagram", header + sealed[:-1], TO_SERVER, {"ciphertext": sealed[: -1 - TAG_BYTES]})
    case("too large", header + sealed, TO_SERVER, {}, faults={MALFORMED: 1})
    case("too large, decrypted", DECRYPTED_HEADER + sealed[:-TAG_BYTES], TO_SERVER, {}, faults={MALFORMED: 1})
    channel = CONNECTION + bytes([1, ENCRYPTED]) + DECRYPTED_HEADER[6:] + bytes(TAG_BYTES)
    case("channel of the header", channel, TO_SERVER, {"channel": 1}, faults={MALFORMED: 1})
    nobody = bytes([CONNECTION[0], 0]) + header[2:] + bytes(TAG_BYTES)
    case("generation 0", nobody, TO_SERVER, {}, faults={MALFORMED: 1})


def checksum_fields(datagram):
    return {"checksum": le(datagram[-4:]), "checksum.status": "good", "checksum.due": []}


def packet_case(name, type_name, datagram, ports, fields, info=None):
    """An unencrypted packet, and the same with a bit flipped behind the type: only its checksum shows that."""
    fields = fields | flag_fields(0) | {"handshake_tag": datagram[6:14], "type": PACKETS[type_name]}
    case(name, datagram, ports, fields | checksum_fields(datagram), info)
    damaged = bytearray(datagram)
    damaged[-1] ^= 0x40
    faults = {"checksum.status": "bad", "checksum.due": le(datagram[-4:]), "checksum": le(damaged[-4:])}
    case(name + ", damaged", bytes(damaged), ports, fields | faults, faults={BAD_CHECKSUM: 1})


def noise_fields(noise, sealed):
    return {
        "noise": noise,
        "noise.ephemeral": noise[:32],
        sealed: noise[32:48],
        "noise.tag": noise[48:],
    }


def packet_cases():
    vector = VECTORS["connect-foreign"]
    version = le(vector["version"])
    fields = id_fields(bytes(4)) | {"handshake_tag": vector["tag"], "connect.version": version, "cookie": []}
    packet_case("connect-foreign", "Connect", vector["datagram"], TO_SERVER, fields, f"Connect, version {version}")

    vector = VECTORS["cookie"]
    fields = id_fields(bytes(4)) | {"handshake_tag": vector["tag"], "cookie": vector["cookie"]}
    packet_case("cookie", "Cookie", vector["datagram"], TO_CLIENT, fields, "Cookie")

    vector = VECTORS["accepted-envelope"]
    fields = id_fields(vector["connection"]) | {"handshake_tag": vector["tag"]}
    fields |= noise_fields(vector["noise"], "noise.parameters")
    info = "ConnectionAccepted " + name_of(vector["connection"])
    packet_case("accepted-envelope", "ConnectionAccepted", vector["datagram"], TO_CLIENT, fields, info)

    for reason, number in DENIED_REASONS.items():
        name = "denied-" + reason.replace(" ", "-")
        vector = VECTORS[name]
        assert vector["reason"][0] == number, name
        fields = id_fields(bytes(4)) | {"handshake_tag": vector["tag"], "denied.reason": number}
        fields |= {"denied.version": le(vector["server_version"]), "denied.wait": le(vector["wait_ms"])}
        info = f"ConnectionDenied ({reason})"
        packet_case(name, "ConnectionDenied", vector["datagram"], TO_CLIENT, fields, info)

    for name in ("handshake-nk", "handshake-nkpsk2", "handshake-resume"):
        vector = VECTORS[name]
        suites, options = vector["suites"][0], vector["options"][0]
        public = vector["client_ephemeral_public"]
        # The core that it requests is byte 0 of the id: PROTOCOL.md#connection-id.
        id = vector["core"] + bytes([0, 1, 0]) if "core" in vector else bytes(4)
        requested = f", requests core {vector['core'][0]}" if "core" in vector else ""
        fields = id_fields(id) | noise_fields(vector["noise_1"], "noise.token") | {
            "handshake_tag": public[:8],
            "noise.ephemeral": public,
            "connect.version": int(LIMITS["PROTOCOL_VERSION"]),
            "connect.suites": suites,
            "connect.suites.chacha20_poly1305": bool(suites & SUITES["chacha20-poly1305"]),
            "connect.suites.aes_128_gcm": bool(suites & SUITES["aes-128-gcm"]),
            "connect.options": options,
            "connect.options.pre_shared_key": "pre_shared_key" in vector,
        }
        no_cookie = fields | {"cookie": bytes(int(LIMITS["COOKIE_BYTES"]))}
        info = f"Connect{requested}, no cookie"
        packet_case(name + " connect_first", "Connect", vector["connect_first"], TO_SERVER, no_cookie, info)
        cookie = fields | {"cookie": vector["cookie"]}
        info = f"Connect{requested}, with cookie"
        packet_case(name + " connect", "Connect", vector["connect"], TO_SERVER, cookie, info)
        fields = id_fields(vector["connection"]) | noise_fields(vector["noise_2"], "noise.parameters")
        fields |= {"handshake_tag": public[:8], "noise.ephemeral": vector["server_ephemeral_public"]}
        info = "ConnectionAccepted " + name_of(vector["connection"])
        packet_case(name + " accepted", "ConnectionAccepted", vector["accepted"], TO_CLIENT, fields, info)


def refused_packet_cases():
    """Unencrypted packets with a correct checksum and a wrong field (PROTOCOL.md#unencrypted-packets)."""

    def refused(name, datagram, ports):
        case(name, datagram, ports, {}, faults={MALFORMED: None})

    def changed(datagram, at, value):
        return sealed_with_checksum(datagram[:at] + bytes([value]) + datagram[at + 1 : -4])

    connect = VECTORS["handshake-nk"]["connect"]
    cookie = VECTORS["cookie"]["datagram"]
    denied = VECTORS["denied-server-full"]["datagram"]
    for name, datagram, ports in (
        ("connect", connect, TO_SERVER), ("cookie", cookie, TO_CLIENT), ("denied", denied, TO_CLIENT),
    ):
        refused(f"{name}: slot of an id", changed(datagram, 3, 1), ports)
        refused(f"{name}: core of an id", changed(datagram, 0, 1), ports)
        refused(f"{name}: channel", changed(datagram, 4, 1), ports)
        refused(f"{name}: flags", changed(datagram, 5, FLAGS["REKEY"]), ports)
        refused(f"{name}: type", changed(datagram, 14, max(PACKETS.values()) + 1), ports)
        refused(f"{name}: too long", sealed_with_checksum(datagram[:-4] + bytes(1)), ports)
        refused(f"{name}: too short", sealed_with_checksum(datagram[:-5]), ports)
        refused(f"{name}: direction", datagram, ports[::-1])
    refused("cookie: requests a core", changed(cookie, 2, 1), TO_CLIENT)
    refused("connect: handshake tag", changed(connect, 6, connect[6] ^ 1), TO_SERVER)
    refused("connect: options", changed(connect, 18, 2), TO_SERVER)
    refused("connect: padding", changed(connect, 131, 1), TO_SERVER)
    refused("connect: padding, the last", changed(connect, 139, 1), TO_SERVER)
    refused("cookie: zeros", sealed_with_checksum(cookie[:15] + bytes(int(LIMITS["COOKIE_BYTES"]))), TO_CLIENT)
    refused("denied: reason 0", changed(denied, 15, 0), TO_CLIENT)
    refused("denied: reason", changed(denied, 15, max(DENIED_REASONS.values()) + 1), TO_CLIENT)

    unknown_suite = changed(connect, 17, 0x84)
    case("connect: suites to ignore", unknown_suite, TO_SERVER, {"connect.suites": 0x84, "reserved": [True]})


def data_cases():
    for name, vector in VECTORS.items():
        if not name.startswith("data-"):
            continue
        ports = TO_CLIENT if name.endswith("-server") else TO_SERVER
        datagram, flags = vector["datagram"], vector["header"][5]
        fields = id_fields(vector["connection"]) | {"sequence": le(vector["sequence"])}
        sealed = {"ciphertext": datagram[HEADER_BYTES:-TAG_BYTES], "tag": datagram[-TAG_BYTES:], "decrypted": []}
        info = f"Encrypted {name_of(vector['connection'])} seq {le(vector['sequence'])}, {len(datagram)} bytes"
        case(name, datagram, ports, fields | flag_fields(flags) | sealed, info)

        # As in a decrypted capture file.
        header = bytearray(vector["header"])
        header[5] &= ~ENCRYPTED
        messages = [vector[key] for key in ("message_1", "message_2") if vector.get(key)]
        opened = flag_fields(header[5]) | {"decrypted": True, "message": messages, "ciphertext": [], "tag": []}
        if "frames" in vector:
            opened["padding"] = padding_of(vector["plaintext"], len(vector["frames"]))
        case(name + ", decrypted", bytes(header) + vector["plaintext"], ports, fields | opened)
        sizes = HEADER_BYTES + len(vector["plaintext"]) + TAG_BYTES
        assert sizes in BUCKETS and sizes == len(datagram), name


def padding_of(plaintext, frames):
    """The bytes after the End, which has 2 bytes; or a single zero."""
    rest = plaintext[frames:]
    return rest[2:] or [] if len(rest) != 1 else rest


def one_frame(name, wire, fields, info=None, **named):
    """A frame of a vector, which must fill the plaintext."""
    head = le(wire[:2])
    assert head & 0x7FF == len(wire) - 2, name
    case_of_frames(name, wire, fields | {"frame.kind": head >> 11, "frame.length": head & 0x7FF}, info, **named)


def camel(key):
    return "".join(word.capitalize() for word in key.split("_"))


def frame_cases():
    vector = VECTORS["frames"]
    for key in ("path_challenge", "path_response", "ping", "pong"):
        field = "path.value" if key.startswith("path") else "ping.value"
        name = camel(key)
        one_frame(key, vector[key], {"frame": name, "frame.kind": FRAMES[name], field: vector["value"]}, name)

    for reason, number in DISCONNECT_REASONS.items():
        wire = frame(FRAMES["Disconnect"], bytes([number]))
        assert vector.get("disconnect_" + reason.replace(" ", "_"), wire) == wire, reason
        one_frame(f"disconnect {reason}", wire, {"disconnect.reason": number}, f"Disconnect ({reason})")
    reserved = frame(FRAMES["Disconnect"], bytes([max(DISCONNECT_REASONS.values()) + 1]))
    one_frame("disconnect, a reserved reason", reserved, {"reserved": [True]})

    id = vector["id"]
    info = f"NewId {name_of(id)} generation {id[1]}"
    one_frame("new_id", vector["new_id"], id_fields(id, "new_id"), info)
    elsewhere = frame(FRAMES["NewId"], bytes([id[0] ^ 1]) + id[1:])
    one_frame("new_id, another core", elsewhere, {}, faults={BAD_FRAMES: 1})
    one_frame("new_id from a client", vector["new_id"], {}, faults={BAD_FRAMES: 1}, ports=TO_SERVER)

    fields = {"integrity.index": vector["index"][0], "integrity.nonce": vector["nonce"]}
    one_frame("integrity_challenge", vector["integrity_challenge"], fields, "Integrity challenge")
    wrong_way = {"faults": {BAD_FRAMES: 1}, "ports": TO_SERVER}
    one_frame("integrity_challenge from a client", vector["integrity_challenge"], {}, **wrong_way)
    fields = {"integrity.names": vector["nonce"][:8], "integrity.answer": vector["answer"]}
    one_frame("integrity_answer", vector["integrity_answer"], fields, "Integrity answer", ports=TO_SERVER)
    one_frame("integrity_answer from a server", vector["integrity_answer"], {}, faults={BAD_FRAMES: 1})
    vector = VECTORS["integrity"]
    fields = {"integrity.index": vector["index"][0], "integrity.nonce": vector["nonce"]}
    one_frame("integrity: challenge", vector["challenge"], fields)
    fields = {"integrity.names": vector["nonce"][:8], "integrity.answer": vector["answer"]}
    one_frame("integrity: answer", vector["answer_frame"], fields, ports=TO_SERVER)

    vector = VECTORS["frames"]
    key = vector["public_key"]
    one_frame("rekey_request", vector["rekey_request"], {"rekey.public_key": key}, "RekeyRequest")
    fields = {"rekey.names": key[:8], "rekey.public_key": key}
    one_frame("rekey_response", vector["rekey_response"], fields, "RekeyResponse")
    for name in ("rekey-first", "rekey-second"):
        rekey = VECTORS[name]
        one_frame(name + " request", rekey["request"], {"rekey.public_key": rekey["requester_public"]})
        fields = {"rekey.names": rekey["requester_public"][:8], "rekey.public_key": rekey["responder_public"]}
        one_frame(name + " response", rekey["response"], fields)

    zeros = vector["probe"][2:]
    one_frame("probe", vector["probe"], {"frame": "Probe", "probe": zeros}, f"Probe ({len(zeros)} bytes)")
    one_frame("probe_empty", vector["probe_empty"], {"frame": "Probe", "probe": []}, "Probe (0 bytes)")
    one_frame("path_challenge from a client", vector["path_challenge"], {"reserved": [True]}, ports=TO_SERVER)
    one_frame("probe, not zeros", frame(FRAMES["Probe"], b"\1"), {"probe": b"\1", "reserved": [True]})

    # Every kind, by its name in the table. The bodies are empty; the name does not depend on them.
    names = {kind: name for name, kind in FRAMES.items()} | {MESSAGE + c: "Message" for c in range(CHANNELS)}
    for kind in range(32):
        fields = {"frame": names.get(kind, "Reserved"), "frame.kind": kind}
        has_number = kind >= MESSAGE and NUMBERED[(kind - MESSAGE) % 4]
        empty_is_right = kind in (FRAMES["End"], FRAMES["Probe"]) or kind >= MESSAGE and not has_number
        fault = VIOLATIONS if kind == FRAMES["Ack"] else BAD_FRAMES
        case_of_frames(f"kind {kind}, empty", frame(kind), fields, faults={} if empty_is_right else {fault: 1})


def is_length_allowed(text, length):
    """By the column `length` of the table of frames."""
    if text == "any":
        return True
    if text.endswith(" or more"):
        return length >= int(text.split()[0])
    return length in map(int, text.split(" or "))


def length_cases():
    """Lengths that a kind does not have: one fault, and the next frame is still read."""
    ping = VECTORS["frames"]["ping"]
    for kind, name, allowed, *_ in FRAME_ROWS:
        if name in ("End", "Message"):
            continue
        for length in range(48):
            if not is_length_allowed(allowed, length):
                fault = VIOLATIONS if name == "Ack" else BAD_FRAMES
                wire = frame(int(kind), b"\1" * length) + ping
                fields = {"frame": [name, "Ping"], "ping.value": ping[2:], "data": b"\1" * length or []}
                case_of_frames(f"{name} of {length} bytes", wire, fields, faults={fault: 1})
    for channel in range(CHANNELS):
        if NUMBERED[channel % 4]:
            wire = frame(MESSAGE + channel, b"\1") + ping
            case_of_frames(f"half a number, channel {channel}", wire, {"data": b"\1"}, faults={BAD_FRAMES: 1})
    for channel in (CHANNELS, 255):
        for name in ("Compressed", "Fragment"):
            wire = frame(FRAMES[name], bytes([channel]) + bytes(20)) + ping
            fields = {"frame": [name, "Ping"], "message.channel": channel}
            case_of_frames(f"{name} on channel {channel}", wire, fields, faults={BAD_FRAMES: 1})


def reading_cases():
    for name in ("frames-bad", "frames-truncated", "frames-end", "frames-odd"):
        vector = VECTORS[name]
        messages = [value for key, value in vector.items() if key.startswith("message_")]
        case_of_frames(name, vector["plaintext"], {"message": messages}, faults={BAD_FRAMES: le(vector["bad"])})
    id = name_of(CONNECTION)
    case_of_frames("no frames", b"", {"frame": []}, f"Nothing but padding, {id} seq {le(DECRYPTED_HEADER[6:])}")
    case_of_frames("a single zero", b"\0", {"frame": [], "padding": b"\0"})
    case_of_frames("End", bytes(2), {"frame": "End", "padding": []})
    case_of_frames("padding", bytes(100), {"frame": "End", "padding": bytes(98)})
    ack, message = VECTORS["ack-one"], VECTORS["messages"]
    largest = le(ack["largest"])
    info = f"Ack {largest}, Message ch 3 ({len(message['text'])} bytes)"
    case_of_frames("several frames", ack["frame"] + message["channel_3"], {"frame": ["Ack", "Message"]}, info)
    many = "Ping, " * 8 + "and 3 more"
    case_of_frames("many frames", VECTORS["frames"]["ping"] * 11, {"frame": ["Ping"] * 11}, many)


def message_fields(channel, number):
    return {
        "message.channel": channel,
        "message.delivery": DELIVERIES[channel % 4],
        "message.number": le(number) if NUMBERED[channel % 4] else [],
    }


def message_cases():
    vector = VECTORS["messages"]
    for channel in range(CHANNELS):
        fields = message_fields(channel, vector["number"])
        fields |= {"frame.kind": MESSAGE + channel, "message": vector["text"]}
        info = f"Message ch {channel} ({len(vector['text'])} bytes)"
        one_frame(f"messages channel_{channel}", vector[f"channel_{channel}"], fields, info)
    for channel in (0, 1):
        fields = message_fields(channel, vector["number"]) | {"message": []}
        one_frame(f"messages empty_{channel}", vector[f"empty_{channel}"], fields, f"Message ch {channel} (0 bytes)")


def compression_cases():
    vector = VECTORS["compressed"]
    for key, wire in vector.items():
        if not key.startswith("channel_"):
            continue
        channel = int(key.split("_")[1])
        compressed = vector["literals" if key.endswith("_literals") else "matched"]
        fields = message_fields(channel, vector["number"])
        fields |= {"compressed.size": len(vector["message"]), "compressed.block": compressed[4:]}
        info = f"Compressed ch {channel} ({len(compressed)} bytes, {len(vector['message'])} before)"
        one_frame(f"compressed {key}", wire, fields, info)

    for key, compressed in VECTORS["compressed-bad"].items():
        # Faults inside the block are not expected: the dissector does not decompress.
        shows = len(compressed) < 4 or le(compressed[:4]) > int(LIMITS["MESSAGE_BYTES_MAX"])
        wire = frame(FRAMES["Compressed"], bytes([0]) + compressed)
        one_frame(f"compressed-bad {key}", wire, {}, faults={VIOLATIONS: 1} if shows else {})


def fragment_cases():
    vector = VECTORS["fragments"]
    frames = {key: wire for key, wire in vector.items() if re.fullmatch(r"[a-z]+_(\d|again)", key)}
    # The vector does not state the channel of a piece; its name gives the delivery. The compressed message has its own
    # channel.
    deliveries = {
        "reliable": "reliable, ordered", "unreliable": "unreliable",
        "sequenced": "unreliable, sequenced", "compressed": "reliable, unordered",
    }
    seen = {}
    for key, wire in frames.items():
        word = key.split("_")[0]
        is_compressed = word == "compressed"
        whole = vector["compressed" if is_compressed else "message"]
        piece = wire[2 + 9 :]
        offset = le(wire[5:7])
        assert piece == whole[offset : offset + len(piece)], key
        seen.setdefault(word, set()).update(range(offset, offset + len(piece)))
        channel = next(channel for channel, delivery in DELIVERIES.items() if delivery == deliveries[word])
        fields = {
            "frame": "Fragment", "message.channel": channel, "message.delivery": deliveries[word],
            "message.number": le(vector["number"]), "fragment.offset": offset, "fragment.size": len(whole),
            "fragment.compressed": is_compressed, "fragment.piece": piece,
        }
        info = f"Fragment ch {channel} (bytes {offset}..{offset + len(piece)} of {len(whole)})"
        one_frame(f"fragments {key}", wire, fields, info)
    for word, places in seen.items():
        whole = vector["compressed" if word == "compressed" else "message"]
        assert places == set(range(len(whole))), f"the pieces of {word} are not all of it"


def acknowledgment_cases():
    for name, vector in VECTORS.items():
        if not name.startswith("ack-") or name == "ack-bad":
            continue
        ends = [le(vector["received"][at : at + 8]) for at in range(0, len(vector["received"]), 8)]
        first, last = ends[0::2], ends[1::2]
        fields = {
            "ack.largest": le(vector["largest"]), "ack.delay": le(vector["delay"]),
            "ack.delay_us": le(vector["delay"]) * DELAY_UNIT, "ack.runs": vector["runs"] or [],
            "ack.range.first": first, "ack.range.last": last,
            "ack.range": [str(b) if a == b else f"{a} to {b}" for a, b in zip(first, last)],
        }
        one_frame(name, vector["frame"], fields, f"Ack {le(vector['largest'])}")
    for key, wire in VECTORS["ack-bad"].items():
        one_frame(f"ack-bad {key}", wire, {"ack.range": []}, faults={VIOLATIONS: 1})

    # The examples of the table, as text.
    for number, (largest, runs, received, _) in enumerate(DOC.table("Ack frame", "largest")):
        runs = bytes(int(run) for run in runs.split(",")) if runs != "none" else b""
        wire = frame(FRAMES["Ack"], struct.pack("<QH", int(largest), 0) + runs)
        one_frame(f"example {number + 1} of an Ack", wire, {"ack.range": received.split(", ")})


def cut_cases():
    """Bytes that the capture cut off are no fault of the sender."""
    vector = VECTORS["data-aes-128-gcm-client"]
    datagram = vector["datagram"]
    cut = {"cut": [True]}
    fields = cut | {"sequence": le(vector["sequence"]), "tag": []}
    for captured in (HEADER_BYTES, HEADER_BYTES + 5, len(datagram) - TAG_BYTES, len(datagram) - 1):
        case(f"encrypted, cut at {captured}", datagram, TO_SERVER, fields, captured=captured)
    plaintext = DECRYPTED_HEADER + vector["plaintext"]
    for captured in range(HEADER_BYTES, len(plaintext)):
        case(f"decrypted, cut at {captured}", plaintext, TO_SERVER, cut, captured=captured)
    for name, ports in (("handshake-nk connect", TO_SERVER), ("handshake-nk accepted", TO_CLIENT)):
        datagram = VECTORS["handshake-nk"][name.split()[1]]
        for captured in range(HEADER_BYTES + 1, len(datagram), 11):
            case(f"{name}, cut at {captured}", datagram, ports, cut, captured=captured)
    case("cut within the header", datagram, TO_CLIENT, cut, captured=HEADER_BYTES - 1)


# Damage -------------------------------------------------------------------------------------------------------------


def damaged(datagrams):
    """Truncations by the sender and by the capture, and bit flips; each with whether tshark must report a fault."""
    rng = random.Random(SEED)
    for payload, ports in datagrams:
        is_unencrypted = payload[:4] == bytes(4) and not payload[5]
        lengths = range(1, len(payload))
        if len(payload) > TRUNCATIONS_PER_DATAGRAM:
            lengths = sorted(rng.sample(lengths, TRUNCATIONS_PER_DATAGRAM))
        for length in lengths:
            yield payload[:length], ports, None, is_unencrypted or length < HEADER_BYTES
            yield payload, ports, length, False
        for _ in range(FLIPS_PER_DATAGRAM):
            flipped = bytearray(payload)
            positions = rng.sample(range(len(payload) * 8), rng.randint(1, 4))
            for position in positions:
                flipped[position // 8] ^= 1 << position % 8
            # CRC32C detects up to 4 flipped bits in so few bytes. Flips in id or flags change the kind of datagram.
            found = is_unencrypted and min(positions) >= 6 * 8
            yield bytes(flipped), ports, None, found
    for _ in range(500):
        yield rng.randbytes(rng.randint(1, 200)), TO_SERVER, None, False


# Runs ---------------------------------------------------------------------------------------------------------------


class Results:
    def __init__(self):
        self.passed = self.failed = 0

    def add(self, name, wrong):
        self.failed += bool(wrong)
        self.passed += not wrong
        for line in wrong[:10]:
            print(f"FAILED {name}: {line}")


def run_cases(tshark, folder, results):
    capture = folder / "cases.pcap"
    write_capture(capture, [(case.payload, case.ports, case.captured) for case in cases])
    names = sorted({name for case in cases for name in case.fields} | set(FAULTS))
    rows = tshark.fields(capture, names)
    infos = tshark.infos(capture)
    if len(rows) != len(cases) or len(infos) != len(cases):
        results.add("cases", [f"{len(cases)} packets, but {len(rows)} lines of fields, {len(infos)} of Info"])
    for case, row, info in zip(cases, rows, infos):
        results.add(case.name, case.check(row, info))
    results.add("cases: tshark", tshark.problems)
    tshark.problems = []


def run_ports(tshark, folder, results):
    """The preference, the heuristic, and datagrams that neither may claim."""
    vector = VECTORS["handshake-nk"]
    connect, accepted = vector["connect"], vector["accepted"]
    encrypted = VECTORS["data-aes-128-gcm-client"]["datagram"]
    # Ports that no other dissector uses.
    port = 47001
    elsewhere, others = (CLIENT, port), (CLIENT + 1, port + 1)
    capture = folder / "ports.pcap"
    damaged_connect = connect[:20] + b"\xff" + connect[21:]
    write_capture(capture, [
        (encrypted, others, None),            # cannot be recognized
        (damaged_connect, others, None),      # a bad checksum
        (connect[:100], others, None),        # a size that no packet has
        (connect, elsewhere, None),           # the heuristic
        (accepted, elsewhere[::-1], None),
        (encrypted, elsewhere, None),         # the conversation
        (VECTORS["connect-foreign"]["datagram"], (CLIENT + 2, port + 2), None),
        (bytes(range(256)), others, None),
    ])
    claimed = [bool(row["ringshard.connection"]) for row in tshark.fields(capture, ["ringshard.connection"])]
    due = [False, False, False, True, True, True, True, False]
    results.add("heuristic", [] if claimed == due else [f"claims {claimed}, not {due}"])

    ports = f"ringshard.ports:{PORT},{port}-{port + 2}"
    rows = tshark.fields(capture, ["ringshard.connection"], "-o", ports)
    claimed = [bool(row["ringshard.connection"]) for row in rows]
    results.add("preference", [] if all(claimed) else [f"{ports} claims {claimed}, not all"])

    write_capture(capture, [(encrypted, TO_SERVER, None)])
    rows = tshark.fields(capture, ["ringshard.connection"], "-o", f"ringshard.ports:{port}")
    is_claimed = any(row["ringshard.connection"] for row in rows)
    results.add("preference, another port", ["the default port is still claimed"] if is_claimed else [])
    results.add("ports: tshark", tshark.problems)
    tshark.problems = []


def run_damage(tshark, folder, results):
    # The many similar cases of flags, sequences and sizes are left out; the vectors are enough.
    originals = {(case.payload, case.ports) for case in cases if case.captured is None and len(case.payload) < 1000}
    alike = re.compile(r"flags |sequence |kind |too large|the largest|.* of \d+ bytes|.*, damaged|.*, cut at")
    originals -= {(case.payload, case.ports) for case in cases if alike.match(case.name)}
    datagrams = list(damaged(sorted(originals)))
    capture = folder / "damage.pcap"
    write_capture(capture, [(payload, ports, captured) for payload, ports, captured, _ in datagrams])

    out = tshark.run(capture, "-V", "-O", "ringshard")
    shown = len(re.findall(r"^Ringshard Protocol", out, re.M))
    wrong = [] if shown == len(datagrams) else [f"{shown} of {len(datagrams)} are"]
    results.add("damage: every datagram is shown", wrong)
    rows = tshark.fields(capture, FAULTS)
    missed = [
        f"no fault found in {payload.hex()}"
        for (payload, _, _, due), row in zip(datagrams, rows)
        if due and not any(row.values())
    ]
    results.add("damage: faults are found", missed if len(rows) == len(datagrams) else ["lines are missing"])
    results.add("damage: tshark", tshark.problems)
    tshark.problems = []
    print(f"{len(datagrams)} damaged datagrams from {len(originals)}, seed {SEED}")


def main():
    header_cases()
    packet_cases()
    refused_packet_cases()
    data_cases()
    frame_cases()
    length_cases()
    reading_cases()
    message_cases()
    compression_cases()
    fragment_cases()
    acknowledgment_cases()
    cut_cases()

    results = Results()
    with tempfile.TemporaryDirectory(prefix="ringshard-wireshark-") as folder:
        tshark = Tshark(Path(folder))
        run_cases(tshark, Path(folder), results)
        run_ports(tshark, Path(folder), results)
        run_damage(tshark, Path(folder), results)
    print(f"{results.passed} passed, {results.failed} failed")
    return 1 if results.failed else 0


sys.exit(main())
