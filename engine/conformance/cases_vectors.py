"""PROTOCOL.md#test-vectors: every line of every block is derived again or read, and compared."""

import hmac
import ipaddress
import struct

import lz4
import wire
import world
from cases import case, expect
from contract import CONTRACTS, EXAMPLE, Contract, EntityId, InvalidMessage, Reader
from crypto import AES, CHACHA, Cipher, KeyPair, Keys, Noise, hkdf
from document import LIMITS, PROTOCOL
from wire import u16, u64

LABELS = PROTOCOL.labels
SUITE_OF_BIT = {bit: name for name, bit in PROTOCOL.suites.items()}
CHECKS = {}


def block(*prefixes):
    def register(check):
        CHECKS.update(dict.fromkeys(prefixes, check))
        return check
    return register


@block("header")
def check_header(v):
    connection = v["core"] + v["generation"] + v["slot"]
    expect("header", v["header"], wire.header(connection, v["flags"][0], v.number("sequence"), v["channel"][0]))


@block("forwarded")
def check_forwarded(v):
    address, port = ipaddress.ip_address(v["address"]).ipv4_mapped, int.from_bytes(v["port"], "little")
    expect("datagram", v["datagram"], wire.forwarded(v["key"], (str(address), port), v["inside"]))


@block("connect-foreign")
def check_connect_foreign(v):
    datagram = v["datagram"]
    kind, size = PROTOCOL.packets["Connect"]
    expect("version", v["version"], datagram[15:17])
    expect("datagram", datagram, wire.envelope(wire.NO_CONNECTION, v["tag"], kind, v["version"] + datagram[17:-4]))
    expect("144 bytes at least", True, len(datagram) >= size)
    denied = PROTOCOL.vectors["denied-wrong-version"]
    expect("tag of its answer", v["tag"], wire.read_answer(denied["datagram"]).tag)


def check_answer(v, name, connection, body):
    kind, size = PROTOCOL.packets[name]
    expect("datagram", v["datagram"], wire.envelope(connection, v["tag"], kind, body))
    expect("size", size, len(v["datagram"]))
    seen = wire.read_answer(v["datagram"])
    expect("as read", (name, connection, v["tag"], body), (seen.name, seen.connection, seen.tag, seen.body))


@block("cookie")
def check_cookie(v):
    check_answer(v, "Cookie", wire.NO_CONNECTION, v["cookie"])


@block("accepted-envelope")
def check_accepted(v):
    check_answer(v, "ConnectionAccepted", v["connection"], v["noise"])


@block("denied")
def check_denied(v):
    name = v.name.removeprefix("denied-").replace("-", " ").replace("pre shared", "pre-shared")
    expect("reason", PROTOCOL.denials[name], v.number("reason"))
    check_answer(v, "ConnectionDenied", wire.NO_CONNECTION, v["reason"] + v["server_version"] + v["wait_ms"])


@block("handshake")
def check_handshake(v):
    server, ours, theirs = (KeyPair(v[f"{end}_secret"])
                            for end in ("server_static", "client_ephemeral", "server_ephemeral"))
    for end, pair in (("server_static", server), ("client_ephemeral", ours), ("server_ephemeral", theirs)):
        expect(f"{end}_public", v[f"{end}_public"], pair.public)
    suites, options = v.number("suites"), v.number("options")
    shared = v["pre_shared_key"] if "pre_shared_key" in v else None
    expect("prologue", v["prologue"], wire.prologue(suites, options))
    name = PROTOCOL.noise_names[options]
    client, responder = (Noise(name, v["prologue"], server.public, shared) for _ in range(2))
    expect("noise_1", v["noise_1"], client.write_1(ours, v["token"]))
    wanted = wire.wanting_core(v.number("core")) if "core" in v else wire.NO_CONNECTION
    for key, cookie in (("connect_first", wire.NO_COOKIE), ("connect", v["cookie"])):
        expect(key, v[key], wire.connect(v["noise_1"], suites, options, cookie, wanted))
    expect("token at the server", v["token"], responder.read_1(server, v["noise_1"]))
    parameters = b"".join(v[field] for field in ("connection", "suite", "resumed", "datagram_bytes_max", "heartbeat_ms",
                                                 "timeout_ms"))
    expect("parameters", v["parameters"], parameters)
    expect("noise_2", v["noise_2"], responder.write_2(theirs, parameters))
    kind, _ = PROTOCOL.packets["ConnectionAccepted"]
    expect("accepted", v["accepted"], wire.envelope(v["connection"], ours.public[:8], kind, v["noise_2"]))
    read = wire.read_parameters(client.read_2(v["noise_2"]), suites, any(v["token"]))
    expect("as read", (v["connection"], SUITE_OF_BIT[v.number("suite")], v["resumed"] == b"\1",
                            LIMITS["DATAGRAM_BYTES_MAX"], v.number("heartbeat_ms"), v.number("timeout_ms")),
           (read.connection, read.suite, read.resumed, read.datagram_bytes_max, read.heartbeat_ms, read.timeout_ms))
    for end in (client, responder):
        expect("split keys", [v["split_client"], v["split_server"]], end.split())
    if "resume_secret" in v:
        keys = Keys(LABELS, read.suite, *client.split()).follow(v["resume_secret"], "resumed")
        expect("keys of the resumed session", (v["resumed_client"], v["resumed_server"]),
               (keys.split_client, keys.split_server))


@block("resume-token")
def check_resume_token(v):
    keys = Keys(LABELS, CHACHA, v["split_client"], v["split_server"])
    expect("labels", (v["label"], v["secret_label"]), (LABELS["resume"], LABELS["resume secret"]))
    expect("secrets", (v["token"], v["secret"]), keys.secrets(LIMITS["RESUME_TOKEN_BYTES"])[:2])


@block("traffic")
def check_traffic(v):
    suite = v.name.removeprefix("traffic-")
    keys = Keys(LABELS, suite, v["split_client"], v["split_server"])
    expect("label", v["label"], LABELS["traffic"] + suite.encode())
    expect("keys", (v["key_client"], v["key_server"]), (keys.client.key, keys.server.key))


@block("rekey")
def check_rekey(v):
    requester, responder = KeyPair(v["requester_secret"]), KeyPair(v["responder_secret"])
    expect("public keys", (v["requester_public"], v["responder_public"]), (requester.public, responder.public))
    expect("request", v["request"], wire.frame("RekeyRequest", requester.public))
    expect("response", v["response"], wire.frame("RekeyResponse", requester.public[:8] + responder.public))
    expect("shared", v["shared"], requester.exchange(responder.public))
    expect("label", v["label"], LABELS["rekey"])
    keys = Keys(LABELS, CHACHA, v["split_client"], v["split_server"]).follow(v["shared"], "rekey")
    expect("next", (v["next_client"], v["next_server"]), (keys.split_client, keys.split_server))
    expect("keys", (v["key_client"], v["key_server"]), (keys.client.key, keys.server.key))


@block("data")
def check_data(v):
    head, suite = v["header"], CHACHA if len(v["key"]) == 32 else AES
    phase = 1 if head[5] & PROTOCOL.flags["REKEY"] else 0
    expect("header", head, wire.header(v["connection"], wire.flags_of(suite, phase), v.number("sequence")))
    cipher = Cipher(suite, v["key"])
    expect("nonce", v["nonce"], cipher.nonce(head))
    expect("plaintext, up to the smallest size", v["plaintext"], wire.padded(v["frames"]))
    expect("datagram", v["datagram"], cipher.seal(head, v["plaintext"]))
    expect("opened", v["plaintext"], cipher.open(v["datagram"], wire.HEADER))
    found, bad = wire.read_frames(v["plaintext"])
    texts = [value.data for name, value in found if name == "Message"]
    expect("messages", [v[key] for key in v.lines if key.startswith("message_")], texts)
    expect("bad frames", 0, bad)
    expect("no frame after `frames`", found, wire.read_frames(v["frames"])[0])


@block("frames")
def check_frames(v):
    value = v["value"]
    for name in ("PathChallenge", "PathResponse", "Ping", "Pong"):
        key = "".join("_" + c.lower() if c.isupper() else c for c in name).strip("_")
        expect(key, v[key], wire.frame(name, value))
    for name, reason in PROTOCOL.reasons.items():
        expect(name, v[f"disconnect_{name.replace(' ', '_')}"], wire.frame("Disconnect", bytes([reason])))
    public = v["public_key"]
    for key, frame in (("new_id", wire.frame("NewId", v["id"])),
                       ("integrity_challenge", wire.frame("Integrity", v["index"] + v["nonce"])),
                       ("integrity_answer", wire.frame("Integrity", v["nonce"][:8] + v["answer"])),
                       ("rekey_request", wire.frame("RekeyRequest", public)),
                       ("rekey_response", wire.frame("RekeyResponse", public[:8] + public)),
                       ("probe", wire.frame("Probe", bytes(len(v["probe"]) - LIMITS["FRAME_HEADER_BYTES"]))),
                       ("probe_empty", wire.frame("Probe"))):
        expect(key, v[key], frame)
        expect(f"{key}, read", 1, len(wire.read_frames(frame)[0]))


@block("messages")
def check_messages(v):
    number = v.number("number")
    for channel in range(LIMITS["CHANNELS"]):
        frame = wire.message(channel, number, v["text"])
        expect(f"channel_{channel}", v[f"channel_{channel}"], frame)
        (_, read), = wire.read_frames(frame)[0]
        expect("read", (channel, number if wire.has_number(channel) else None, v["text"]),
               (read.channel, read.number, read.data))
    expect("empty messages", (v["empty_0"], v["empty_1"]), (wire.message(0, 0, b""), wire.message(1, number, b"")))


@block("frames-")
def check_bad_frames(v):
    found, bad = wire.read_frames(v["plaintext"])
    expect("bad frames", v.number("bad"), bad)
    expect("messages", [v[key] for key in v.lines if key.startswith("message_")],
           [value.data for name, value in found if name == "Message"])


@block("compressed")
def check_compressed(v):
    number, most = v.number("number"), LIMITS["MESSAGE_BYTES_MAX"]
    for key in ("literals", "matched"):
        expect(key, v["message"], lz4.decompress(v[key], most))
    for channel in range(4):
        expect(f"channel_{channel}", v[f"channel_{channel}"], wire.compressed(channel, number, v["matched"]))
    expect("channel_15_literals", v["channel_15_literals"], wire.compressed(15, number, v["literals"]))
    expect("what this client compressed", v["message"], lz4.decompress(lz4.compress(v["message"]), most))


@block("compressed-bad")
def check_compressed_bad(v):
    for key, packed in v.items():
        expect(key, "refused", refused(lz4.BadBlock, lz4.decompress, packed, LIMITS["MESSAGE_BYTES_MAX"]))


def refused(error, read, *arguments):
    try:
        return read(*arguments)
    except error:
        return "refused"


@block("fragments")
def check_fragments(v):
    number, text = v.number("number"), v["message"]
    cut = {"reliable": (1, 128), "unreliable": (0, 256), "sequenced": (3, 256)}
    for kind, (channel, room) in cut.items():
        size = len(text)
        expect(f"{kind}_1", v[f"{kind}_1"], wire.fragment(channel, number, 0, size, text[:room]))
        expect(f"{kind}_2", v[f"{kind}_2"], wire.fragment(channel, number, room, size, text[room:]))
    expect("reliable_again", v["reliable_again"], wire.fragment(1, number, 0, len(text), text[:256]))
    pieces = wire.fragments(2, number, v["compressed"], True, 512)
    expect("compressed", [v["compressed_1"], v["compressed_2"]], list(pieces.values()))
    expect("compressed_message", v["compressed_message"], lz4.decompress(v["compressed"], LIMITS["MESSAGE_BYTES_MAX"]))
    for key in ("reliable_1", "reliable_2", "compressed_1", "compressed_2"):
        (_, piece), = wire.read_frames(v[key])[0]
        whole = v["compressed"] if key.startswith("c") else text
        expect(f"{key}, read", whole[piece.offset:piece.offset + len(piece.data)], piece.data)
        expect(f"{key}, size", (len(whole), key.startswith("c")), (piece.size, piece.is_compressed))


@block("ack-")
def check_ack(v):
    expect("frame", v["frame"], wire.raw_ack(v.number("largest"), v.number("delay"), v["runs"]))
    ack = wire.read_ack(v["frame"][2:])
    expect("received", v["received"], b"".join(u64(first) + u64(last) for first, last in ack.ranges))
    if ack.largest < 1 << 16:
        numbers = {number for first, last in ack.ranges for number in range(first, last + 1)}
        expect("written from what was received", ack.ranges, wire.read_ack(wire.write_ack(numbers)[2:]).ranges)


@block("ack-bad")
def check_ack_bad(v):
    for key, frame in v.items():
        expect(key, "refused", refused(wire.Violation, wire.read_frames, frame))


@block("integrity")
def check_integrity(v):
    keys = Keys(LABELS, AES, v["split_client"], v["split_server"])
    expect("label", v["label"], LABELS["integrity"])
    expect("transcript", v["transcript"], keys.secrets(LIMITS["RESUME_TOKEN_BYTES"])[2])
    expect("challenge", v["challenge"], wire.frame("Integrity", v["index"] + v["nonce"]))
    expect("answer", v["answer"], hmac.digest(v["key"], v["transcript"] + v["nonce"], "sha256"))
    expect("answer_frame", v["answer_frame"], wire.frame("Integrity", v["nonce"][:8] + v["answer"]))


@block("world-schema")
def check_schema(v):
    names = {"entity_id": "EntityId", "cooldown": "Cooldown", "text_8": "Text<8>", "option_u32": "Option<u32>",
             "option_entity_id": "Option<EntityId>", "f32_2": "[f32; 2]", "i16_3": "[i16; 3]", "text_0": "Text<0>",
             "u8_0": "[u8; 0]"}
    for key in v.lines:
        if key == "level":
            continue
        name = names.get(key, key if key in ("u8", "i64", "bool", "f32") else key.capitalize())
        expect(key, v.number(key), EXAMPLE.type(name).schema)


ACTIONS = CONTRACTS["actions"]
ACTION_STATE = ACTIONS.type("ActionState<5, 2>")


def whole(of, data):
    reader = Reader(data)
    value = of.read(reader)
    reader.finish()
    expect("as written", data, of.write(value))
    return value


@block("world-actions")
def check_actions(v):
    state = whole(ACTION_STATE, v["state"])
    if v.name == "world-actions-rest":
        expect("at rest", 0, sum(state["cooldowns"]))
        return
    expect("schema", [v.number("action_input"), v.number("action_state_5_2"), v.number("acted")],
           [ACTIONS.ActionInput.schema, ACTION_STATE.schema, ACTIONS.Acted.schema])
    whole(ACTIONS.ActionInput, v["input"])
    parts = ("running", "cooldowns", "resources", "cast", "number", "decided")
    expect("parts", v["state"], b"".join(v[part] for part in parts))
    expect("verdict", ("Refused", {"why": ("Busy", {})}), state["decided"]["verdict"])


@block("world-actions-bad")
def check_actions_bad(v):
    for key, state in v.items():
        expect(key, "refused", refused(InvalidMessage, whole, ACTION_STATE, state))


def schema_of(listed):
    return [wire.integer(listed[at:at + 4]) for at in range(0, len(listed), 4)]


@block("world-enter-request")
def check_enter_request(v):
    schema = schema_of(v["schema"])
    if any(schema):
        expect("types", EXAMPLE.schema[:-1], schema[:-1])
        expect("level", PROTOCOL.vectors["world-schema"].number("level"), schema[-1])
    expect("message", v["message"], world.enter_request(schema, v["ticket"]))


@block("world-enter-request-bad")
def check_enter_request_bad(v):
    # Only servers read requests; their cases send these.
    good = PROTOCOL.vectors["world-enter-request"]["message"]
    for key, message in v.items():
        expect(key, True, message[:1] != good[:1] or len(message) < 29)


@block("world-enter-welcome", "world-enter-moved")
def check_welcome(v):
    read = world.read_enter_answer(v["message"])
    f32 = struct.Struct("<f")
    expect("welcome", (v.number("tick"), v.number("first_snapshot"), v["edge"], v["height"], v["sections"], v["step"],
                       v.number("height_steps")),
           (read.tick, read.first_snapshot, f32.pack(read.edge), f32.pack(read.height),
            b"".join(map(u16, read.sections)), f32.pack(read.step), read.height_steps))


@block("world-enter-refused", "world-enter-wrong-schema", "world-enter-wrong-level", "world-enter-put-out")
def check_not_inside(v):
    is_wrong = v.name.startswith("world-enter-wrong")
    name = "wrong schema" if is_wrong else v.name.removeprefix("world-enter-").replace("-", " ")
    reason = v.number("part" if is_wrong else "reason")
    expect("answer", world.NotInside(name, reason), world.read_enter_answer(v["message"]))


@block("world-enter-bad")
def check_enter_bad(v):
    for key, message in v.items():
        expect(key, "refused", refused(InvalidMessage, world.read_enter_answer, message))


def value(of, data):
    """The value of a type that is encoded as `data`."""
    found = world.whole(of, data)
    expect("encoded again", data, of.write(found))
    return found


@block("world-input")
def check_input(v):
    inputs = [(v.number(f"view_delay_{at}"), value(EXAMPLE.Input, v[f"input_{at}"]))
              for at in range(1, 4) if f"input_{at}" in v]
    sent = world.InputMessage(v.number("tick"), inputs, v["received"] if "received" in v else b"",
                              v.number("digest") if "digest" in v else None)
    expect("message", v["message"], sent.write(EXAMPLE))
    expect("as read", sent, world.read_input(EXAMPLE, v["message"]))


@block("world-input-bad")
def check_input_bad(v):
    for key, message in v.items():
        expect(key, "refused", refused(InvalidMessage, world.read_input, EXAMPLE, message))


@block("world-full", "world-difference")
def check_entry(v):
    index, version = v.number("index"), v.number("version") % world.VERSIONS
    entities = {}
    if "base" in v:
        base = v.number("base_version") % world.VERSIONS
        entities[index] = world.Entity(0, {base: world.read_state(EXAMPLE, v["base"])}, base)
    reader = Reader(v["entry"])
    expect("index", index, world.read_entry(EXAMPLE, reader, entities))
    reader.finish()
    entity = entities[index]
    expect("version", version, entity.newest)
    expect("state", v["state"], entity.state.write(EXAMPLE))
    if "generation" in v:
        expect("generation", v.number("generation"), entity.generation)


@block("world-gone")
def check_gone(v):
    entities = {v.number("index"): world.Entity(1, {0: world.blank_state(EXAMPLE)}, 0)}
    world.read_entry(EXAMPLE, Reader(v["entry"]), entities)
    expect("entities", {}, entities)


def owner_of(v, prefix):
    body = EntityId().read(Reader(v[f"{prefix}body"]))
    return world.Owner(body if body[1] else None, value(EXAMPLE.Own, v[f"{prefix}own"]))


@block("world-owner")
def check_owner(v):
    number, baseline = v.number("number"), v.number("baseline")
    view = world.View(EXAMPLE, number)
    view.owners[(number - baseline) % 65536] = owner_of(v, "base_")
    if baseline == 0:
        expect("base", view.blank, owner_of(v, "base_"))
    expect("it is taken", True, view.take(v["message"]))
    expect("owner block", owner_of(v, ""), view.owner)
    lead, = struct.unpack("b", v["lead"])
    expect("header", (number, v.number("tick"), lead, v.number("input_age")),
           (view.header.number, view.header.tick, view.header.lead, view.header.input_age))
    expect("baseline", baseline, view.header.parts & world.BASELINE_BITS)
    expect("interval", v.number("input_interval") if "input_interval" in v else 1, view.header.input_interval)


@block("world-snapshots")
def check_snapshots(v):
    view = world.View(EXAMPLE, v.number("first_snapshot"))
    for name in ("early", "first", "second", "late", "third", "fourth"):
        before, ignored = (view.received, view.digest, view.owner), name in ("early", "late")
        expect(f"{name} is taken", not ignored, view.take(v[name]))
        after = (view.received, view.digest, view.owner)
        expect(name, before if ignored else (v[f"{name}_received"], v.number(f"{name}_digest"), owner_of(v, f"{name}_")),
               after)


@block("world-snapshot-bad")
def check_snapshot_bad(v):
    snapshots = PROTOCOL.vectors["world-snapshots"]
    for key, message in v.items():
        view = world.View(EXAMPLE, snapshots.number("first_snapshot"))
        view.take(snapshots["first"])
        before = (view.digest, view.received, view.owner)
        expect(key, "refused", refused(InvalidMessage, view.take, message))
        expect(f"{key} changes nothing", before, (view.digest, view.received, view.owner))


@block("world-snapshot-unusual")
def check_snapshot_unusual(v):
    snapshots = PROTOCOL.vectors["world-snapshots"]
    for key in [key for key in v.lines if f"{key}_digest" in v]:
        view = world.View(EXAMPLE, snapshots.number("first_snapshot"))
        view.take(snapshots["first"])
        expect(key, (True, v.number(f"{key}_digest"), None), (view.take(v[key]), view.digest, view.owner.body))


def named(v, of):
    """The value of an enum: the variant, and its fields by name."""
    name = of.names[v.number("variant")]
    return name, {key: value(field, v[key]) for key, field in of.variants[name].fields.items()}


@block("world-ask")
def check_ask(v):
    number, sent = v.number("number"), named(v, EXAMPLE.Ask)
    expect("message", v["message"], world.ask(EXAMPLE, number, sent))
    expect("as read", (number, sent), world.read_ask(EXAMPLE, v["message"]))


@block("world-ask-bad")
def check_ask_bad(v):
    for key, message in v.items():
        expect(key, "refused", refused(InvalidMessage, world.read_ask, EXAMPLE, message))


@block("world-answer")
def check_answered(v):
    outcome = v.name.removeprefix("world-answer-").replace("-", " ")
    answered = named(v, EXAMPLE.Answer) if outcome not in world.OUTCOMES.values() else None
    if answered is not None:
        expect("message", v["message"], world.answer(EXAMPLE, v.number("number"), answered))
        outcome = "answered"
    expect("as read", (v.number("number"), outcome, answered), world.read_answer(EXAMPLE, v["message"]))


@block("world-answer-bad")
def check_answer_bad(v):
    for key, message in v.items():
        expect(key, "refused", refused(InvalidMessage, world.read_answer, EXAMPLE, message))


@block("world-event")
def check_event(v):
    sent = named(v, EXAMPLE.Event)
    expect("message", v["message"], world.event(EXAMPLE, sent))
    expect("as read", sent, world.read_event(EXAMPLE, v["message"]))


@block("world-event-bad")
def check_event_bad(v):
    for key, message in v.items():
        expect(key, "refused", refused(InvalidMessage, world.read_event, EXAMPLE, message))


@block("world-change-server")
def check_change_server(v):
    expect("as read", (v["core"], v["key"], v["address"], v["port"]), world.read_change_server(v["message"]))


@block("world-change-server-bad")
def check_change_server_bad(v):
    for key, message in v.items():
        expect(key, "refused", refused(InvalidMessage, world.read_change_server, message))


@block("world-introduction")
def check_introduction(v):
    player = v["player"]
    expect("message", v["message"], world.introduction(player, v["bytes"]))
    expect("as read", (player, v["bytes"]), world.read_introduction(v["message"]))


@block("world-introduction-bad")
def check_introduction_bad(v):
    for key, message in v.items():
        expect(key, "refused", refused(InvalidMessage, world.read_introduction, message))


def check_of(name):
    """The check for a block: the one registered for the longest prefix of its name."""
    found = max((prefix for prefix in CHECKS if name == prefix or name.startswith(prefix)), key=len, default=None)
    if found is None:
        raise LookupError(f"PROTOCOL.md has a vector block `{name}` that this client cannot check")
    return CHECKS[found]


for _name in PROTOCOL.vectors:
    case(f"vector {_name}")(lambda _, name=_name: check_of(name)(PROTOCOL.vectors[name]))


@case("every line of the test vectors was checked")
def every_line(_):
    expect("lines that no case checked", [], [line for v in PROTOCOL.vectors.values() for line in v.unused()])


@case("the example of a schema number is right")
def schema_example(_):
    rows = [(row["step"], row["result"]) for row in PROTOCOL.table("World messages", "step", "result")]
    contract = Contract("struct Example {\n    health: u8,\n    at: [f32; 2],\n}\n")
    expect("number", int(rows[-1][1], 0), contract.Example.schema)


@case("CRC32C and HKDF match the document")
def checksums(_):
    expect("CRC32C of 123456789", 0xE3069283, wire.crc32c(b"123456789"))
    # RFC 5869, test case 3: no salt, no info.
    expect("HKDF", "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d", hkdf(b"\x0b" * 22, b"", 32).hex())
