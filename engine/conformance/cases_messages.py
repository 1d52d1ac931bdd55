"""PROTOCOL.md#messages, PROTOCOL.md#acknowledgments, PROTOCOL.md#padding and PROTOCOL.md#heartbeat."""

import itertools
import os
import time

import wire
from cases import case, expect
from cases_handshake import connected
from document import LIMITS, PROTOCOL

CHANNELS = range(LIMITS["CHANNELS"])
TEXT = b"all the world's a stage, and all the men and women merely players; " * 80


@case("echo on all channels, empty messages included", "echo")
def all_channels(server):
    with connected(server) as client:
        for channel in CHANNELS:
            for text in (b"", b"\0", f"channel {channel}".encode()):
                expect(f"echo on channel {channel}", text, client.echo(channel, text))


@case("many messages share a datagram", "echo")
def shared(server):
    with connected(server) as client:
        client.send_frames(*(wire.message(0, None, bytes([n])) for n in range(50)))
        expect("echoes", [bytes([n]) for n in range(50)], [client.next_message(0) for _ in range(50)])


@case("an ordered channel keeps the order, others do not", "echo")
def order(server):
    with connected(server) as client:
        for channel in (1, 2, 3):
            client.session.next_number[channel] = 3
            for number in (2, 0, 1):
                client.send(channel, bytes([number]), number=number)
        expect("ordered", [b"\0", b"\1", b"\2"], [client.next_message(1) for _ in range(3)])
        expect("unordered", [b"\2", b"\0", b"\1"], [client.next_message(2) for _ in range(3)])
        expect("sequenced", b"\2", client.next_message(3))
        expect("outdated", None, client.next_message(3, 0.2))


@case("a duplicate and an outdated message are counted and not delivered", "echo")
def duplicates(server):
    with connected(server) as client:
        expect("echo", b"once", client.echo(1, b"once"))
        with server.counted(duplicates=2):
            sequence = client.send_frames(wire.message(1, 0, b"once"), wire.message(1, 0, b"once"))
            expect("the datagram is acknowledged", True, client.until(lambda: sequence in client.acknowledged, 2))
        expect("echo", b"x", client.echo(3, b"x", number=7))
        with server.counted(drop_outdated=2):
            client.send_frames(wire.message(3, 7, b"y"), wire.message(3, 65000, b"y"))
        expect("echo", None, client.next_message(3, 0.1))


@case("fragments both ways, on all kinds of channels", "echo")
def fragments(server):
    with connected(server) as client:
        for channel in CHANNELS:
            text = os.urandom(5000)
            expect(f"echo on channel {channel}", text, client.echo(channel, text))
        expect("messages received in pieces", True, client.events["put together"] >= len(CHANNELS))
        text = os.urandom(LIMITS["MESSAGE_BYTES_MAX"])
        expect("the largest message", text, client.echo(1, text, 10))


@case("fragments in reverse order, repeated, overlapping", "echo")
def fragments_disordered(server):
    with connected(server) as client:
        grain, text = LIMITS["FRAGMENT_GRAIN_BYTES"], os.urandom(1000)
        cuts = [(7 * grain, 1000), (3 * grain, 6 * grain), (2 * grain, 7 * grain), (0, 3 * grain), (0, 3 * grain)]
        for first, last in cuts:
            client.send_frames(wire.fragment(2, 0, first, len(text), text[first:last]))
        expect("echo", text, client.next_message(2))
        client.session.next_number[2] = 1
        client.send_frames(wire.fragment(1, 0, 0, 1000, text[:grain]))
        client.send_frames(wire.fragment(1, 0, grain, 999, text[grain:999 // grain * grain]))
        client.send_frames(wire.fragment(1, 0, grain, 1000, text[grain:]))
        expect("echo, with one piece of another size", text, client.next_message(1))


@case("compression both ways, whole and in pieces", "echo")
def compression(server):
    with connected(server) as client:
        for channel in CHANNELS:
            expect(f"echo on channel {channel}", TEXT, client.echo(channel, TEXT, pack=True))
        expect("messages received compressed", True, client.events["decompressed"] >= len(CHANNELS))
        expect("in pieces", TEXT, client.echo(1, TEXT, pack=True, piece_bytes=256))
        vector = PROTOCOL.vectors["compressed"]
        for key in ("literals", "matched"):
            client.send_frames(wire.compressed(0, None, vector[key]))
            expect(f"echo of the vector {key}", vector["message"], client.next_message(0))
        noise = os.urandom(900)
        expect("incompressible data", noise, client.echo(1, noise))


@case("ack-eliciting frames are acknowledged, others are not by themselves", "echo")
def acknowledged(server):
    with connected(server) as client:
        client.idle(0.1)
        acks = client.events["Ack"]
        client.send_frames(wire.message(0, None, b"not ack-eliciting"))
        client.next_message(0)
        client.idle(0.2)
        expect("Acks without an ack-eliciting frame", acks, client.events["Ack"])
        for frame in (wire.frame("Probe"), wire.frame("Probe", bytes(900)), wire.message(1, 0, b"ack-eliciting")):
            sequence = client.send_frames(frame)
            expect("acknowledged", True, client.until(lambda: sequence in client.acknowledged, 2))
            expect("largest", True, client.largest_acknowledged >= sequence)


@case("the server retransmits lost data", "echo")
def server_repeats(server):
    with connected(server) as client:
        lost, seen = [], itertools.count(1)
        client.lose = lambda datagram: next(seen) % 3 == 0 and not lost.append(datagram)
        texts = [bytes([n]) * 300 for n in range(60)]
        for text in texts:
            client.send(1, text)
        expect("echoes, in order", texts, [client.next_message(1, 20) for _ in texts])
        expect("datagrams were lost", True, len(lost) > 3)


@case("unacknowledged data is retransmitted under a new sequence", "echo")
def unacknowledged(server):
    with connected(server) as client:
        client.answers_acks = False
        client.send(2, b"again and again")
        expect("echo", b"again and again", client.next_message(2))
        expect("copies", True, client.until(lambda: client.events["duplicates"] >= 2, 5))
        client.answers_acks = True
        client.until(lambda: client.events["duplicates"] >= 3, 5)
        client.idle(0.3)
        known = client.events["duplicates"]
        client.idle(1.0)
        expect("copies after the Ack", known, client.events["duplicates"])


@case("Acks with gaps: the server retransmits only the missing data", "echo")
def selective(server):
    with connected(server) as client:
        lost = []
        client.lose = lambda datagram: len(datagram) > 700 and len(lost) < 2 and not lost.append(datagram)
        texts = [os.urandom(700) for _ in range(20)]
        for text in texts:
            client.send(2, text)
        came = [client.next_message(2, 5) for _ in texts]
        expect("all arrived", sorted(texts), sorted(came))
        expect("lost on purpose", 2, len(lost))


@case("all datagrams have one of the sizes of PROTOCOL.md#padding", "echo")
def sizes(server):
    with connected(server) as client:
        for length in range(0, 1150, 37):
            client.echo(0, os.urandom(length))
        seen = {int(event.split()[1]) for event in client.events if event.startswith("size ")}
        expect("other sizes", set(), seen - set(PROTOCOL.sizes))


@case("datagrams of every size are accepted, padded or not", "echo")
def every_size(server):
    with connected(server) as client:
        client.send_frames(pad=False)
        smallest, largest = wire.HEADER + wire.TAG, LIMITS["DATAGRAM_BYTES_MAX"]
        with server.counted():
            for size in (smallest + 1, smallest + 2, 47, 100, 1199, 1201, 1471, largest):
                room = size - smallest
                client.send_frames(bytes(room), pad=False)
                value = os.urandom(8)
                if room >= 10:
                    client.send_frames((wire.frame("Ping", value)).ljust(room, b"\0"), pad=False)
                    expect(f"answer to {size} bytes", True, client.until(lambda: value in client.pongs, 2))
        expect("the connection stays open", True, client.is_alive())


@case("at least the newest of several Pings gets a Pong", "echo")
def pings(server):
    with connected(server) as client:
        values = [os.urandom(8) for _ in range(5)]
        client.send_frames(*(wire.frame("Ping", value) for value in values))
        expect("the newest is answered", True, client.until(lambda: values[-1] in client.pongs, 2))


@case("the server pings at the heartbeat, and discards the connection without notice at the timeout", "limits")
def heartbeat(server):
    client = connected(server)
    begun = time.monotonic()
    expect("Pings", True, client.until(lambda: client.events["Ping"] >= 4, 5))
    expect("not faster than the heartbeat", True, time.monotonic() - begun > 0.8)
    before = server.counter("timed_out")
    deadline = client.parameters.timeout_ms / 1000 + 1.5
    time.sleep(deadline)
    expect("timed out", before + 1, server.counter("timed_out"))
    client.advance = lambda: None
    client.idle(0.1)
    expect("Disconnect", None, client.closed)
    expect("an answer afterwards", False, client.is_alive(0.3))


@case("frames of many kinds in one datagram", "echo")
def all_frames(server):
    with connected(server) as client:
        value = os.urandom(8)
        with server.counted():
            client.send_frames(wire.frame("Probe", b"\0\0"), wire.frame("Pong", bytes(8)),
                               wire.frame("PathResponse", bytes(8)), wire.message(0, None, b"m"),
                               wire.frame("RekeyResponse", bytes(40)), wire.frame("Ping", value), wire.frame("End"),
                               b"\xff\xff")
            expect("answer", True, client.until(lambda: value in client.pongs, 2))
        expect("echo", b"m", client.next_message(0))
