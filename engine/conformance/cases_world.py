"""PROTOCOL.md#world-messages: entering, inputs, snapshots, digests and invalid messages."""

import os
import random
import time

import wire
import world
from cases import case, eventually, expect
from cases_handshake import connected
from client import Client
from document import LIMITS, PROTOCOL, numbers

TICK = 1 / 60
RESERVED = PROTOCOL.world_reserved
SERVER_KINDS, CLIENT_KINDS = world.SERVER_KINDS, world.CLIENT_KINDS


class Player:
    """A client in the world. It sends one input per tick and applies snapshots."""

    def __init__(self, client):
        self.client, self.view, self.welcome = client, world.View(), None
        self.number, self.direction, self.pace = 0, 0, 0
        self.refused, self.not_newer, self.taken, self.invalid = 0, 0, 0, []

    def enter(self):
        self.client.send(1, bytes([CLIENT_KINDS["EnterToWorld"]]))
        self.welcome = None
        self.until(lambda: self.welcome is not None, 3)
        return self.welcome

    def read(self):
        while self.client.messages:
            _, message = self.client.messages.popleft()
            try:
                if message[0] == SERVER_KINDS["EnterToWorld"]:
                    self.welcome = world.read_welcome(message)
                    self.refused += self.welcome is None
                elif self.view.take(message):
                    self.taken += 1
                else:
                    self.not_newer += 1
            except world.InvalidMessage as why:
                self.invalid.append((str(why), message.hex()))

    def send_input(self, **fields):
        self.number = (self.number + 1) % 65536
        received = self.view.received if self.view.newest is not None else b""
        digest = self.view.digest if received and self.number % 4 == 0 else None
        message = world.Input(self.number, self.direction, self.pace, 0, received, digest)
        for name, value in fields.items():
            setattr(message, name, value)
        self.client.send(0, message.write())

    def until(self, happened, seconds):
        """Plays until `happened()` is true. Returns False if it was not in time."""
        until, tick = time.monotonic() + seconds, time.monotonic()
        while not happened():
            if time.monotonic() > until or self.client.closed is not None:
                return False
            self.client.idle(max(tick - time.monotonic(), 0.001))
            self.read()
            if time.monotonic() >= tick:
                tick = max(tick + TICK, time.monotonic())
                if self.welcome is not None:
                    self.send_input()
        return True

    def play(self, seconds):
        self.until(lambda: False, seconds)

    @property
    def own(self):
        return self.view.entities.get(self.welcome.index)


def playing(server, **how):
    player = Player(connected(server, **how))
    expect("welcome", True, player.enter() is not None)
    return player


def agrees(server, player, play):
    """Expects that all snapshots during `play` are valid, and that all digests agree."""
    before = server.counters()
    play()
    after = server.counters()
    expect("invalid snapshots", [], player.invalid[:2])
    expect("digests that differ", 0, after["world_digests_differ"] - before["world_digests_differ"])
    expect("digests that agree", True, after["world_digests_agreed"] - before["world_digests_agreed"] > 0)


@case("a player enters, moves, and sees it; digests agree", "demo")
def enter(server):
    before = server.counter("world_players")
    player = playing(server)
    expect("players", before + 1, server.counter("world_players"))
    expect("own entity", True, player.until(lambda: player.own is not None, 3))
    expect("generation, kind, faction", (player.welcome.generation, 0, True),
           (player.own.generation, player.own.state[world.KIND], player.own.state[31] < LIMITS["FACTIONS_MAX"]))
    place = player.own.state[:12]
    player.direction, player.pace = 0x2000, 255
    agrees(server, player, lambda: player.play(2.0))
    expect("the snapshot contains the own input", True, 0 <= (player.number - player.view.input) % 65536 < 30)
    expect("the player moved", True, place != player.own.state[:12])
    expect("snapshots", True, player.taken > 10)
    expect("several entities", True, len(player.view.entities) > 1)
    player.client.close()
    eventually("players afterwards", before, lambda: server.counter("world_players"))


@case("a client that enters again has the same player", "demo")
def enter_again(server):
    player = playing(server)
    first = player.welcome
    second = player.enter()
    expect("entity", (first.index, first.generation), (second.index, second.generation))
    expect("map", (first.edge, first.height, first.sections), (second.edge, second.height, second.sections))
    player.client.close()


@case("digests agree although snapshots are lost", "demo")
def losses(server):
    player, chance = playing(server), random.Random(7)
    player.client.lose = lambda _: chance.random() < 0.3
    player.direction, player.pace = 0x9000, 200
    agrees(server, player, lambda: player.play(4.0))
    player.client.lose = lambda _: False
    player.client.close()


@case("players see each other, and see one leave", "demo")
def two(server):
    one, other = playing(server), playing(server)
    index = other.welcome.index

    def both(seconds, happened=lambda: False):
        until = time.monotonic() + seconds
        while time.monotonic() < until and not happened():
            for player in (one, other):
                player.until(lambda: False, 0.02)
        return happened()
    expect("one sees the other", True, both(3, lambda: index in one.view.entities))
    expect("the other sees one", True, both(3, lambda: one.welcome.index in other.view.entities))
    other.client.disconnect()
    expect("one sees that the other left", True, one.until(lambda: index not in one.view.entities, 3))
    agrees(server, one, lambda: one.play(1.5))
    one.client.close()


@case("a resumed session continues in the world", "demo")
def resumed(server):
    player = playing(server)
    player.play(1.0)
    entity, newest = (player.welcome.index, player.welcome.generation), player.view.newest
    player.client.socket.close()
    player.client = Client(server, session=player.client.session).connect()
    expect("resumed", True, player.client.parameters.resumed)
    agrees(server, player, lambda: player.play(1.5))
    expect("numbers continue", True, 1 <= (player.view.newest - newest) % 65536 < 1000)
    welcome = player.enter()
    expect("entity", entity, (welcome.index, welcome.generation))
    player.client.close()


@case("a late or repeated input moves no player", "demo")
def late_input(server):
    player = playing(server)
    player.play(0.5)
    for number in (player.number - 5, player.number, player.number + 40000):
        player.send_input(number=number % 65536)
        player.number -= 1
    player.client.idle(0.1)
    player.read()
    expect("last input", True, (player.number - player.view.input) % 65536 < 30)
    player.number = (player.number + 1000) % 65536
    expect("a jump ahead is accepted", True, player.until(lambda: (player.number - player.view.input) % 65536 < 30, 3))
    player.client.close()


@case("an acknowledgment of a snapshot never sent has no effect", "demo")
def false_ack(server):
    player = playing(server)
    player.play(0.5)
    for newest in (player.view.newest + 1000, player.view.newest - 20000):
        player.send_input(received=wire.u16(newest % 65536) + b"\xff" * 8, digest=None)
    agrees(server, player, lambda: player.play(1.0))
    player.client.close()


@case("a wrong digest is counted, and has no other effect", "demo")
def false_digest(server):
    player = playing(server)
    player.play(0.5)
    before = server.counter("world_digests_differ")
    for _ in range(20):
        player.send_input(digest=player.view.digest ^ 1)
        player.client.idle(TICK)
        player.read()
    eventually("a digest that differs", True, lambda: server.counter("world_digests_differ") > before)
    agrees(server, player, lambda: player.play(1.0))
    player.client.close()


@case("invalid world messages are counted, and the connection stays open", "demo", ("kind", "input, flags"))
def invalid(server):
    player = playing(server)
    client, good = player.client, world.Input(60000).write()
    vectors = PROTOCOL.vectors
    wrong = [vectors["world-input-bad"][key] for key in vectors["world-input-bad"].lines]
    wrong += [bytes([kind]) + good[1:] for kind in numbers(RESERVED["kind"])]
    wrong += [bytes([good[0], flag]) + good[2:] for flag in numbers(RESERVED["input, flags"])]
    wrong += [b"", vectors["world-snapshots"]["first"], vectors["world-welcome"]["message"], b"\3\0",
              bytes([CLIENT_KINDS["EnterToWorld"]]) + b"\0"]
    for channel in (0, 1, 2):
        before = server.counter("world_invalid_messages")
        for message in wrong:
            client.send(channel, message)
        eventually("invalid messages", before + len(wrong), lambda: server.counter("world_invalid_messages"))
    agrees(server, player, lambda: player.play(1.0))
    client.close()


@case("every Disconnect reason in the world: the player is gone", "demo", "Disconnect, reason")
def reasons(server):
    before = server.counter("world_players")
    for reason in range(256):
        client = connected(server)
        client.send(1, bytes([CLIENT_KINDS["EnterToWorld"]]))
        expect("welcome", True, client.next_message(1) is not None)
        client.disconnect(reason)
        client.socket.close()
    eventually("players", before, lambda: server.counter("world_players"))


@case("a violation in the world: the player is gone", "demo")
def violation(server):
    before = server.counter("world_players")
    player = playing(server)
    player.play(0.3)
    player.client.send_frames(wire.raw_ack(1 << 40, 0, b""))
    expect("reason", PROTOCOL.reasons["protocol violation"], player.client.end_reason())
    eventually("players", before, lambda: server.counter("world_players"))


def snapshot(*entries, number=1, tick=1):
    kind = SERVER_KINDS["DeltaSync"]
    return bytes([kind]) + wire.u16(number) + wire.u32(tick) + wire.u16(0) + b"".join(entries)


def entry(index, fields, told, version=0, age=0, of=b"\1\0\0"):
    return wire.u16(index) + wire.u16(version | age << 5 | fields << 10) + (of if age == 0 and fields else b"") + told


def takes(message):
    try:
        return world.View().take(message)
    except world.InvalidMessage:
        return "dropped"


@case("world messages that this client drops", covers=(
    "EnterToWorld, answer", "full entry, kind", "full entry, faction", "axes, widths", "status, first byte",
    "variables, number", "states and buffs"))
def own_decoder(_):
    fields, position = PROTOCOL.fields, b"\0"
    welcome = PROTOCOL.vectors["world-welcome"]["message"]
    for answer in numbers(RESERVED["EnterToWorld, answer"]):
        try:
            expect(f"answer {answer}", "dropped", world.read_welcome(welcome[:1] + bytes([answer]) + welcome[2:]))
        except world.InvalidMessage:
            pass
    at = fields["position"]
    expect("a good entry", True, takes(snapshot(entry(1, at, position))))
    for kind in numbers(RESERVED["full entry, kind"]):
        expect(f"kind {kind}", "dropped", takes(snapshot(entry(1, at, position, of=bytes([1, kind, 0])))))
    for faction in numbers(RESERVED["full entry, faction"]):
        expect(f"faction {faction}", "dropped", takes(snapshot(entry(1, at, position, of=bytes([1, 0, faction])))))
    for name in ("position", "rotation", "velocity"):
        for widths in numbers(RESERVED["axes, widths"]):
            told = bytes([widths]) if name == "position" else position + bytes([widths])
            expect(f"{name}, widths", "dropped", takes(snapshot(entry(1, at | fields[name], told))))
    for first in numbers(RESERVED["status, first byte"]):
        expect("status", "dropped", takes(snapshot(entry(1, at | fields["status"], position + bytes([first, 0])))))
    for number in numbers(RESERVED["variables, number"]):
        told = position + bytes([1, number, 0])
        expect("variable", "dropped", takes(snapshot(entry(1, at | fields["variables"], told))))
    for varint in (b"\x80\0", b"\xff\x80\0", b"\x80\x80\x80\x80\x10", b"\xff" * 5, b"\x80" * 6 + b"\0"):
        told = position + b"\1\0" + varint
        expect(f"varint {varint.hex()}", "dropped", takes(snapshot(entry(1, at | fields["variables"], told))))
    view = world.View()
    for bit in numbers(RESERVED["states and buffs"]):
        expect("states and buffs", True, view.take(snapshot(entry(1, at | fields["status"],
                                                                  position + bytes([3, bit, bit])))))
        expect("the bit is kept", bytes([bit, bit]), view.entities[1].state[26:28])


@case("this client applies two entries for one entity in their order")
def two_entries(_):
    fields = PROTOCOL.fields
    full = entry(9, fields["position"], b"\x01\x05", version=3)
    change = entry(9, fields["position"], b"\x01\x02", version=4, age=1)
    gone, view = entry(9, 0, b""), world.View()
    expect("full, then difference", True, view.take(snapshot(full, change)))
    expect("x", 7, int.from_bytes(view.entities[9].state[:4], "little"))
    expect("gone, then full", True, view.take(snapshot(gone, full, number=2)))
    expect("versions", {3}, set(view.entities[9].states))
    expect("full, then gone", True, view.take(snapshot(full, gone, number=3)))
    expect("entities", {}, view.entities)
    expect("digest of nothing", 0, view.digest)
    expect("gone, then difference", "dropped", takes(snapshot(full, gone, change)))
    expect("unknown", True, takes(snapshot(entry(os.urandom(1)[0], 0, b""))))
