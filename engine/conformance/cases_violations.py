"""Violations and bad compression: the server closes the connection with the right reason."""

import os

import lz4
import wire
from cases import case, expect
from cases_handshake import connected
from client import Client
from crypto import KeyPair
from document import LIMITS, PROTOCOL

VIOLATION = PROTOCOL.reasons["protocol violation"]
BAD_COMPRESSION = PROTOCOL.reasons["bad compression"]
GRAIN = LIMITS["FRAGMENT_GRAIN_BYTES"]
# Points of small order on Curve25519. Each gives an all-zero X25519 result.
WEAK_KEYS = [bytes(32), (1).to_bytes(32, "little"),
             bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
             bytes.fromhex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
             *(((1 << 255) - 19 + more).to_bytes(32, "little") for more in (-1, 0, 1))]


def ended(server, reason, frames, counter, by=1):
    """Expects that frames close a connection with a reason, and that a counter rises."""
    client = connected(server)
    client.echo(1, b"ack-eliciting")
    client.idle(0.05)
    with server.counted(**{counter: by}):
        client.send_frames(*frames)
        expect("reason", reason, client.end_reason())
    client.closed = None
    expect("an answer afterwards", False, client.is_alive(0.02))
    client.socket.close()
    return client


@case("violation: every impossible Ack in the vectors", "echo")
def ack_vectors(server):
    for key in PROTOCOL.vectors["ack-bad"].lines:
        ended(server, VIOLATION, [PROTOCOL.vectors["ack-bad"][key]], "drop_impossible_ack")


@case("violation: an Ack of a sequence never sent", "echo")
def ack_unsent(server):
    for largest in (1000, 1 << 40, PROTOCOL.sequence_max, (1 << 64) - 1):
        ended(server, VIOLATION, [wire.raw_ack(largest, 0, b"")], "drop_impossible_ack")
    ended(server, VIOLATION, [wire.raw_ack(600, 0, wire.runs([0, LIMITS["ACK_POSITIONS_MAX"]]))], "drop_impossible_ack")


@case("violation: a session ended by a violation cannot be resumed", "echo")
def not_resumed(server):
    client = ended(server, VIOLATION, [wire.raw_ack(1 << 40, 0, b"")], "drop_impossible_ack")
    with Client(server, session=client.session).connect() as again:
        expect("resumed", False, again.parameters.resumed)


@case("violation: an Ack of a sequence that the server skipped", "echo")
def ack_skipped(server):
    client = connected(server)
    # A busy server puts several answers into a datagram, so sequences are counted rather than messages.
    last = client.highest + 12 * LIMITS["SKIPPED_NUMBER_PERIOD"]
    while client.highest < last:
        for _ in range(64):
            client.send(2, b"")
        client.until(lambda: len(client.messages) >= 64, 5)
        client.messages.clear()
        settled = range(max(1, client.highest - 600), client.highest - 100)
        missing = [number for number in settled if number not in client.received]
        if missing:
            break
    else:
        expect("a skipped sequence", "one", "none")
    expect("alive", True, client.is_alive())
    with server.counted(drop_impossible_ack=1):
        client.send_frames(wire.write_ack(client.received | {missing[0]}))
        expect("reason", VIOLATION, client.end_reason())


@case("violation: a number beyond the window of its channel", "echo")
def beyond_window(server):
    window = LIMITS["CHANNEL_WINDOW_MESSAGES"]
    for channel in (1, 2, 13, 14):
        for ahead in (window, 32767):
            client = connected(server)
            with server.counted(drop_beyond_window=1):
                client.send_frames(wire.message(channel, ahead, b""))
                expect("reason", VIOLATION, client.end_reason())
    with connected(server) as client:
        with server.counted(duplicates=2):
            client.send_frames(wire.message(1, 32768, b""), wire.message(2, 65535, b""))
        client.send_frames(wire.message(2, window - 1, b"last of the window"))
        client.idle(0.05)
        expect("alive", True, client.is_alive())
    client = connected(server)
    with server.counted(drop_beyond_window=1):
        client.send_frames(wire.fragment(1, window, 0, 2000, bytes(GRAIN)))
        expect("reason for a piece", VIOLATION, client.end_reason())


@case("violation: more bytes wait on ordered channels than the window allows", "echo")
def window_bytes(server):
    client = connected(server)
    size, cost = LIMITS["MESSAGE_BYTES_MAX"], LIMITS["MESSAGE_BYTES_MAX"] + LIMITS["MESSAGE_COST_BYTES"]
    fits = LIMITS["RELIABLE_WINDOW_BYTES"] // cost
    with server.counted(drop_beyond_window=1):
        for number in range(1, fits + 1):
            client.send(5, bytes(size), number=number)
            client.until(lambda: not client.session.unacknowledged, 5)
        expect("alive with a full window", True, client.is_alive())
        client.send(5, bytes(size), number=fits + 1)
        expect("reason", VIOLATION, client.end_reason(5))


@case("violation: too many large messages open, or too many bytes of them", "echo")
def fragments_open(server):
    for size, count in ((2000, LIMITS["FRAGMENTED_OPEN_MAX"]),
                        (LIMITS["MESSAGE_BYTES_MAX"], LIMITS["FRAGMENTED_BYTES_MAX"] // LIMITS["MESSAGE_BYTES_MAX"])):
        client = connected(server)
        for number in range(count):
            client.send_frames(wire.fragment(2, number, 0, size, bytes(GRAIN)))
        expect("alive with the most that may be open", True, client.is_alive())
        with server.counted(drop_beyond_window=1):
            client.send_frames(wire.fragment(2, count, 0, size, bytes(GRAIN)))
            expect("reason", VIOLATION, client.end_reason())


@case("unreliable messages in pieces: one too many is dropped, and closes nothing", "echo")
def unreliable_open(server):
    with connected(server) as client:
        count, text = LIMITS["FRAGMENTED_OPEN_MAX"], os.urandom(2 * GRAIN)
        with server.counted(drop_fragments_refused=1):
            for number in range(count + 1):
                client.send_frames(wire.fragment(0, number, 0, len(text), text[:GRAIN]))
        client.send_frames(*(wire.fragment(0, number, GRAIN, len(text), text[GRAIN:]) for number in range(count)))
        expect("echoes of the others", [text] * count, [client.next_message(0) for _ in range(count)])
        expect("alive", True, client.is_alive())


@case("a client that acknowledges nothing: the server's queue overflows, and the connection closes", "echo")
def overflow(server):
    client = connected(server)
    client.answers_acks = False
    text = os.urandom(LIMITS["MESSAGE_BYTES_MAX"])
    with server.counted(overflowed=1):
        for _ in range(160):
            client.send(2, text)
            client.until(lambda: not client.queue or client.closed is not None, 5)
            if client.closed is not None:
                break
        expect("reason", PROTOCOL.reasons["overflow"], client.end_reason(5))


@case("violation: a weak key in a RekeyRequest", "echo")
def weak_rekey(server):
    for weak in WEAK_KEYS:
        client = connected(server)
        with server.counted(drop_weak_key=1):
            client.send_frames(wire.frame("RekeyRequest", weak))
            expect(f"reason for {weak.hex()}", VIOLATION, client.end_reason())
    with connected(server) as client:
        # X25519 ignores the highest bit of a key, so a good key with it is good.
        pair = KeyPair()
        client.send_frames(wire.frame("RekeyRequest", pair.public[:31] + bytes([pair.public[31] | 0x80])))
        expect("answer", True, client.until(lambda: client.events["RekeyResponse"], 2))


def bad_blocks():
    """Messages that PROTOCOL.md#compression refuses: the vectors, and further cases from its text."""
    vectors = PROTOCOL.vectors["compressed-bad"]
    found = {key: vectors[key] for key in vectors.lines}
    size = wire.u32
    found["offset of 0"] = size(21) + b"\x11a\0\0" + b"\xf0\0" + bytes(15)
    found["offset to before the beginning"] = size(21) + b"\x11a\2\0" + b"\xf0\0" + bytes(15)
    found["fewer than 5 literals at the end"] = size(24) + b"\x1fa\1\0\0" + b"\x40" + bytes(4)
    found["a match too close to the end"] = size(22) + b"\xf2\0" + bytes(15) + b"\1\0" + b"\x50" + bytes(5)
    found["a last sequence with a match"] = size(20) + b"\x1fa\1\0\0"
    found["bytes behind the last literal"] = size(4) + b"\x40abcdx"
    found["larger than any message"] = size(LIMITS["MESSAGE_BYTES_MAX"] + 1) + b"\x10x"
    found["4 GiB"] = size(0xFFFFFFFF) + b"\x10x"
    return found


@case("bad compression: every refused block, on every kind of channel", "echo")
def bad_compression(server):
    for key, packed in bad_blocks().items():
        try:
            lz4.decompress(packed, LIMITS["MESSAGE_BYTES_MAX"])
            expect(f"this client on {key}", "refused", "accepted")
        except lz4.BadBlock:
            pass
        for channel in range(4):
            client = connected(server)
            with server.counted(drop_bad_compression=1):
                client.send_frames(wire.compressed(channel, 0, packed))
                expect(f"reason for {key} on channel {channel}", BAD_COMPRESSION, client.end_reason())


@case("bad compression in pieces, and only at the message's turn", "echo")
def bad_compression_later(server):
    packed = (0).to_bytes(4, "little") + os.urandom(400)
    for channel in (0, 2):
        client = connected(server)
        with server.counted(drop_bad_compression=1):
            client.send_frames(*wire.fragments(channel, 0, packed, True, 256).values())
            expect(f"reason in pieces on channel {channel}", BAD_COMPRESSION, client.end_reason())
    client = connected(server)
    client.send_frames(wire.compressed(1, 1, packed))
    expect("alive, while an earlier message is missing", True, client.is_alive())
    with server.counted(drop_bad_compression=1):
        client.send_frames(wire.message(1, 0, b"first"))
        expect("reason, at its turn", BAD_COMPRESSION, client.end_reason())
