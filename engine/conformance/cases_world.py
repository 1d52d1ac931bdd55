"""PROTOCOL.md#world-messages against the demonstration: entering, inputs, snapshots, asks, events, digests.

The demonstration puts nobody out and answers every ask at once, so no case here receives `put out` or `too many`. The
tests of the server cover both.
"""

import math
import random
import struct
import time

import wire
import world
from cases import case, eventually, expect
from cases_handshake import connected
from client import Client
from contract import CONTRACTS, PARTS
from document import LIMITS, PROTOCOL, numbers

DEMO = CONTRACTS["demonstration"]
TICKS = LIMITS["TICKS_PER_SECOND"]
RESERVED = PROTOCOL.world_reserved
SERVER_KINDS, CLIENT_KINDS = world.SERVER_KINDS, world.CLIENT_KINDS
# Ticks that this client's inputs are ahead, and inputs in each message.
AHEAD, REPEATED = 8, 8
EAST, WEST, WALK_PER_TICK = 0, 0x8000, 600 / TICKS
RUN = 0x01
# A player of the demonstration changes its speed by 100 units per second and tick.
BRAKING_TICKS, BRAKING_UNITS = 6, (500 + 400 + 300 + 200 + 100) / TICKS


class Player:
    """A client in the world. It sends one input message per tick and applies snapshots."""

    def __init__(self, client):
        self.client, self.view, self.welcome = client, None, None
        self.input = dict(DEMO.Input.blank)
        self.sent, self.newest_tick = [], None
        self.answers, self.events, self.outside, self.welcomes = [], [], [], 0
        self.not_newer, self.taken, self.early, self.invalid = 0, 0, 0, []
        self.number = 0

    def request(self, schema=None, ticket=b""):
        """Asks to enter and returns the answer."""
        before = self.welcomes + len(self.outside)
        self.client.send(1, world.enter_request(DEMO.schema if schema is None else schema, ticket))
        self.until(lambda: self.welcomes + len(self.outside) > before, 3)
        return self.outside[-1] if self.view is None and self.outside else self.welcome

    def read(self):
        while self.client.messages:
            _, message = self.client.messages.popleft()
            try:
                self.take(message)
            except (world.InvalidMessage, IndexError) as why:
                self.invalid.append((str(why), message.hex()))

    def take(self, message):
        kind = message[0]
        if kind == SERVER_KINDS["EnterToWorld"]:
            self.take_answer(world.read_enter_answer(message))
        elif kind == SERVER_KINDS["Answer"]:
            self.answers.append(world.read_answer(DEMO, message))
        elif kind == SERVER_KINDS["Event"]:
            self.events.append(world.read_event(DEMO, message))
        elif self.view is None:
            self.early += 1
        elif self.view.take(message):
            self.taken += 1
            self.seen_at = time.monotonic()
        else:
            self.not_newer += 1

    def take_answer(self, answer):
        if isinstance(answer, world.NotInside):
            self.outside.append(answer)
            self.view = None if answer.name == "put out" else self.view
            return
        self.welcomes += 1
        self.welcome = answer
        if self.view is None:
            self.view = world.View(DEMO, answer.first_snapshot)
            self.seen_at, self.newest_tick = time.monotonic(), answer.tick

    @property
    def server_tick(self):
        known = self.view.header.tick if self.view.header else self.welcome.tick
        return known + int((time.monotonic() - self.seen_at) * TICKS)

    def acknowledgment(self):
        received = self.view.received
        digest = self.view.digest if received and self.taken % 4 == 0 else None
        return {"received": received, "digest": digest}

    def send_inputs(self):
        """Makes the inputs of all ticks that have passed, and sends them with some that were sent before."""
        newest = self.server_tick + AHEAD
        for _ in range(max(newest - self.newest_tick, 0)):
            self.sent.append((256 * 3, dict(self.input)))
        self.newest_tick = max(newest, self.newest_tick)
        self.sent = self.sent[-REPEATED:]
        self.send_message(self.newest_tick, self.sent)

    def send_message(self, tick, inputs, **fields):
        message = world.InputMessage(tick % (1 << 32), inputs, **(self.acknowledgment() | fields))
        self.client.send(0, message.write(DEMO))

    def until(self, happened, seconds, inputs=True):
        """Plays until `happened()` is true. Returns False if it was not in time."""
        until, tick = time.monotonic() + seconds, time.monotonic()
        while not happened():
            if time.monotonic() > until or self.client.closed is not None:
                return False
            self.client.idle(max(tick - time.monotonic(), 0.001))
            self.read()
            if time.monotonic() >= tick:
                tick = max(tick + self.input_interval / TICKS, time.monotonic())
                if self.view is not None:
                    self.send_inputs() if inputs else self.send_message(0, [])
        return True

    @property
    def input_interval(self):
        """Ticks between two input messages."""
        header = None if self.view is None else self.view.header
        return 1 if header is None else header.input_interval

    def play(self, seconds, inputs=True):
        self.until(lambda: False, seconds, inputs)

    def ask(self, name, **fields):
        """Asks, and returns the answer."""
        self.number = (self.number + 1) % 65536
        self.client.send(1, world.ask(DEMO, self.number, (name, fields)))
        return self.answer(self.number)

    def answer(self, number):
        """Waits for the answer of this number: its outcome and its value."""
        def found():
            return [answer[1:] for answer in self.answers if answer[0] == number]
        self.until(found, 3)
        expect(f"answers to ask {number}", 1, len(found()))
        return found()[0]

    @property
    def own(self):
        return self.view.owner.own

    @property
    def body(self):
        """The player's own entity, if it is in view."""
        body = self.view.owner.body
        entity = body and self.view.entities.get(body[0])
        return entity if entity and entity.generation == body[1] else None

    def walk(self, yaw, forward=127):
        self.input |= {"yaw": yaw, "forward": forward, "keys": RUN}


def playing(server, **how):
    player = Player(connected(server, **how))
    expect("welcome", True, isinstance(player.request(), world.Welcome))
    expect("own body in view", True, player.until(lambda: player.body is not None, 3))
    return player


def agrees(server, player, play):
    """Expects that all snapshots during `play` are valid, and that all digests agree."""
    before = server.counters()
    play()
    after = server.counters()
    expect("invalid messages", [], player.invalid[:2])
    expect("digests that differ", 0, after["world_digests_differ"] - before["world_digests_differ"])
    expect("digests that agree", True, after["world_digests_agreed"] - before["world_digests_agreed"] > 0)


def inland(player):
    """Where the player walks without meeting the edge of the map."""
    width = player.welcome.edge * player.welcome.sections[0]
    return EAST if player.own["point"][0] < width / 2 else WEST


@case("a player enters, moves, and sees it; digests agree", "demo")
def enter(server):
    before = server.counter("world_players")
    player = playing(server)
    expect("players", before + 1, server.counter("world_players"))
    shown = player.body.state.shown
    expect("kind and faction", (0, True), (shown["kind"], shown["faction"] < 64))
    expect("potions", True, player.own["potions"] > 0)
    start = player.own["point"][0]
    player.walk(inland(player))
    agrees(server, player, lambda: player.play(2.0))
    header = player.view.header
    expect("inputs arrive in time", (True, True), (header.input_age < 30, 0 <= header.lead <= LIMITS["INPUT_AHEAD_MAX"]))
    expect("the player moved", True, abs(player.own["point"][0] - start) > 300)
    expect("snapshots", True, player.taken > 10)
    expect("several entities", True, len(player.view.entities) > 1)
    # The body follows the own state. The entry of the body may be some snapshots old.
    x = int.from_bytes(player.body.state.pose[:4], "little") * player.welcome.step
    expect("the body is where the player is", True, abs(x - player.own["point"][0]) < 30 * WALK_PER_TICK)
    player.client.close()
    eventually("players afterwards", before, lambda: server.counter("world_players"))


@case("a request inside repeats the welcome and changes nothing", "demo")
def enter_again(server):
    player = playing(server)
    first, newest = player.welcome, player.view.newest
    agrees(server, player, lambda: player.play(0.7))
    second = player.request(ticket=b"another")
    expect("first snapshot", first.first_snapshot, second.first_snapshot)
    expect("map", (first.edge, first.height, first.sections), (second.edge, second.height, second.sections))
    expect("tick", True, 1 <= second.tick - first.tick < 600)
    agrees(server, player, lambda: player.play(0.7))
    expect("numbers continue", True, 1 <= (player.view.newest - newest) % 65536 < 1000)
    player.client.close()


@case("a client with another contract is told which part differs", "demo")
def wrong_schema(server):
    player = Player(connected(server))
    before = server.counter("world_wrong_schemas")
    for number, name in enumerate(PARTS):
        for schema in (DEMO.schema[:number] + [value ^ 1 for value in DEMO.schema[number:]],
                       [0] * number + [DEMO.schema[number] ^ 0x8000_0000] + [0] * (6 - number)):
            expect(name, world.NotInside("wrong schema", number), player.request(schema))
    eventually("counted", before + 14, lambda: server.counter("world_wrong_schemas"))
    expect("contract parts", PARTS, tuple(PROTOCOL.contract_parts[number] for number in range(7)))
    expect("0 agrees with all", True, isinstance(player.request([0] * 7), world.Welcome))
    expect("wrong when inside", True, player.request([7] * 7) is player.welcome)
    expect("told so", world.NotInside("wrong schema", 0), player.outside[-1])
    agrees(server, player, lambda: player.play(0.7))
    player.client.close()


@case("a request with the longest ticket enters, and a longer one is invalid", "demo")
def tickets(server):
    player = Player(connected(server))
    before = server.counter("world_invalid_messages")
    bad = PROTOCOL.vectors["world-enter-request-bad"]
    wrong = [bad["nothing"], bad["short"], world.enter_request(DEMO.schema, bytes(LIMITS["TICKET_BYTES_MAX"] + 1))]
    for message in wrong:
        player.client.send(1, message)
    eventually("invalid", before + len(wrong), lambda: server.counter("world_invalid_messages"))
    expect("welcome", True, isinstance(player.request(ticket=bytes(LIMITS["TICKET_BYTES_MAX"])), world.Welcome))
    player.client.close()


@case("messages of a client that is not in the world are ignored", "demo")
def outside(server):
    client = connected(server)
    before = server.counter("world_messages_outside")
    messages = [world.ask(DEMO, 1, ("Restart", {})), world.event(DEMO, ("Say", {"text": "hello"})),
                world.InputMessage(5, [(0, DEMO.Input.blank)]).write(DEMO)]
    for message in messages:
        client.send(1, message)
    eventually("counted", before + 3, lambda: server.counter("world_messages_outside"))
    client.idle(0.3)
    expect("answers", 0, len(client.messages))
    client.close()


@case("digests agree although snapshots are lost", "demo")
def losses(server):
    player, chance = playing(server), random.Random(7)
    player.client.lose = lambda _: chance.random() < 0.3
    player.walk(inland(player), 100)
    agrees(server, player, lambda: player.play(4.0))
    player.client.lose = lambda _: False
    player.client.close()


@case("players see each other, and see one leave", "demo")
def two(server):
    one, other = playing(server), playing(server)
    first, second = one.view.owner.body[0], other.view.owner.body[0]

    def both(seconds, happened=lambda: False):
        until = time.monotonic() + seconds
        while time.monotonic() < until and not happened():
            for player in (one, other):
                player.until(lambda: False, 0.02)
        return happened()
    expect("one sees the other", True, both(3, lambda: second in one.view.entities))
    expect("the other sees one", True, both(3, lambda: first in other.view.entities))
    expect("only its own state", (first, second), (one.view.owner.body[0], other.view.owner.body[0]))
    other.client.disconnect()
    expect("one sees that the other left", True, one.until(lambda: second not in one.view.entities, 3))
    agrees(server, one, lambda: one.play(1.5))
    one.client.close()


@case("a resumed session continues in the world", "demo")
def resumed(server):
    player = playing(server)
    player.play(1.0)
    body, newest, asked = player.view.owner.body, player.view.newest, player.number + 1
    # The connection ends before the answer can arrive.
    player.number = asked
    player.client.send(1, world.ask(DEMO, asked, ("Drink", {})))
    player.client.flush()
    player.client.socket.close()
    player.client = Client(server, session=player.client.session).connect()
    expect("resumed", True, player.client.parameters.resumed)
    agrees(server, player, lambda: player.play(1.5))
    expect("numbers continue", True, 1 <= (player.view.newest - newest) % 65536 < 1000)
    expect("body", body, player.view.owner.body)
    expect("answer", ("answered", ("Refused", {"why": ("Unhurt", {})})), player.answer(asked))
    expect("welcomes", 1, player.welcomes)
    player.client.close()


@case("a late or early input moves no player", "demo")
def late_input(server):
    player = playing(server)
    player.play(0.5)
    counters = server.counters()
    point = player.own["point"]
    walking = DEMO.Input.blank | {"yaw": inland(player), "forward": 127, "keys": RUN}
    for ahead in (-1000, -200, -100, LIMITS["INPUT_AHEAD_MAX"] + 60, 10_000, 1 << 30):
        player.send_message(player.server_tick + ahead, [(0, walking)] * 4)
        player.client.idle(0.05)
        player.read()
    eventually("late", 3 * 4, lambda: server.counter("world_inputs_late") - counters["world_inputs_late"])
    eventually("early", 3 * 4, lambda: server.counter("world_inputs_early") - counters["world_inputs_early"])
    player.until(lambda: False, 0.5)
    expect("the player has not moved", point, player.own["point"])
    player.client.close()


@case("more inputs than ticks move no player further", "demo")
def one_per_tick(server):
    player = playing(server)
    player.walk(inland(player))
    player.play(0.5)
    start, tick = player.own["point"][0], player.view.header.tick
    until = time.monotonic() + 1.5
    while time.monotonic() < until:
        for _ in range(5):
            player.send_inputs()
        # Another input for the same ticks is a copy.
        player.send_message(player.newest_tick, [(0, DEMO.Input.blank)] * len(player.sent))
        player.client.idle(1 / TICKS)
        player.read()
    walked, ticks = abs(player.own["point"][0] - start), player.view.header.tick - tick
    expect("it walked", True, walked > 100)
    expect(f"{walked} units in {ticks} ticks are possible", True, walked <= ticks * WALK_PER_TICK + 1)
    player.client.close()


@case("a missing input repeats the last one for some ticks, and is then neutral", "demo")
def silence(server):
    player = playing(server)
    player.walk(inland(player))
    player.play(1.0)
    repeated, seen = LIMITS["INPUT_REPEAT_TICKS"], {}

    def gone_quiet():
        header = player.view.header
        seen[header.input_age] = player.own["point"][0]
        return header.input_age == 255
    expect("the age grows to its end", True, player.until(gone_quiet, 8, inputs=False))
    walked = [age for age in seen if age < repeated]
    stands = {point for age, point in seen.items() if age > repeated + BRAKING_TICKS}
    expect("snapshots of both", (True, True), (len(walked) >= 2, len(seen) - len(walked) > 10))
    expect("it stands after that", 1, len(stands))
    first, last = min(walked), max(walked)
    expect("it walked until then", round((last - first) * WALK_PER_TICK), round(abs(seen[last] - seen[first])))
    rest = round(abs(stands.pop() - seen[last]))
    expect("and as far as it may", round((repeated - last) * WALK_PER_TICK + BRAKING_UNITS), rest)
    player.client.close()


@case("an acknowledgment of a snapshot never sent has no effect", "demo")
def false_ack(server):
    player = playing(server)
    player.play(0.5)
    for newest in (player.view.newest + 1000, player.view.newest - 20000):
        player.send_message(0, [], received=wire.u16(newest % 65536) + b"\xff" * 8, digest=None)
    agrees(server, player, lambda: player.play(1.0))
    player.client.close()


@case("a wrong digest is counted, and has no other effect", "demo")
def false_digest(server):
    player = playing(server)
    player.play(0.5)
    before = server.counter("world_digests_differ")
    for _ in range(20):
        player.send_message(0, [], digest=player.view.digest ^ 1)
        player.client.idle(1 / TICKS)
        player.read()
    eventually("a digest that differs", True, lambda: server.counter("world_digests_differ") > before)
    agrees(server, player, lambda: player.play(1.0))
    player.client.close()


@case("each ask is answered once", "demo")
def asks(server):
    player = playing(server)
    expect("drink", ("answered", ("Refused", {"why": ("Unhurt", {})})), player.ask("Drink"))
    outcome, (name, fields) = player.ask("Hide")
    expect("hide", ("answered", "Hidden", True), (outcome, name, fields["ticks"] > 0))
    leap, point = player.own["leap"], player.own["point"]
    expect("restart", ("answered", ("Restarted", {})), player.ask("Restart"))
    expect("the own state follows", True,
           player.until(lambda: player.own["leap"] != leap and player.own["point"] != point, 3))
    outcome, (name, fields) = player.ask("Restart")
    expect("again", ("Refused", "TooEarly"), (name, fields["why"][0]))
    count = LIMITS["ASKS_OPEN_MAX"] + 36
    for number in range(1000, 1000 + count):
        player.client.send(1 + number % 2, world.ask(DEMO, number, ("Drink", {})))
    expect("all are answered", True, player.until(lambda: len(player.answers) == count + 4, 3))
    expect("each once", set(range(1000, 1000 + count)), {answer[0] for answer in player.answers[4:]})
    player.play(0.3)
    expect("no further answers", count + 4, len(player.answers))
    player.client.close()


@case("an ask that the server cannot read is answered so", "demo", ("enum, variant",))
def malformed_asks(server):
    player = playing(server)
    before = server.counter("world_invalid_messages")
    kind = bytes([CLIENT_KINDS["Ask"]])
    for number, ask in enumerate((b"", bytes([len(DEMO.Ask.names)]), b"\xff", DEMO.Ask.write(("Drink", {})) + b"\0")):
        player.client.send(1, kind + wire.u16(number + 7) + ask)
        expect("outcome", ("malformed", None), player.answer(number + 7))
    for short in (kind, kind + b"\1"):
        player.client.send(1, short)
    eventually("invalid messages", before + 6, lambda: server.counter("world_invalid_messages"))
    expect("answers", 4, len(player.answers))
    expect("a good one", "answered", player.ask("Drink")[0])
    player.client.close()


@case("what a player says reaches it; events that are not its to send are ignored", "demo")
def events(server):
    player = playing(server)
    body, text = player.view.owner.body, "grüß Gott"
    for by_server in (("Scored", {"on": body}), ("Said", {"by": body, "text": "forged"})):
        player.client.send(1, world.event(DEMO, by_server))
    player.client.send(1, world.event(DEMO, ("Say", {"text": text})))
    said = ("Said", {"by": body, "text": text})
    expect("said", True, player.until(lambda: said in player.events, 3))
    expect("forged", [], [event for event in player.events if event[1].get("text") == "forged"])
    before = server.counter("world_invalid_messages")
    kind = bytes([CLIENT_KINDS["Event"]])
    wrong = [kind, kind + b"\xff", kind + b"\0\xc9\1" + b"x" * 201, kind + b"\0\2\xc3\x28", kind + b"\0\5abc"]
    for message in wrong:
        player.client.send(1, message)
    eventually("invalid messages", before + len(wrong), lambda: server.counter("world_invalid_messages"))
    agrees(server, player, lambda: player.play(0.7))
    player.client.close()


@case("invalid world messages are counted, and the connection stays open", "demo",
      ("kind", "input message, flags", "input message, count", "set of fields"))
def invalid(server):
    player = playing(server)
    client, good = player.client, world.InputMessage(0, [(0, DEMO.Input.blank)]).write(DEMO)
    vectors = PROTOCOL.vectors
    none = world.InputMessage().write(DEMO)
    wrong = [bytes([kind]) + good[1:] for kind in numbers(RESERVED["kind"])]
    wrong += [bytes([good[0], flag]) + good[2:] for flag in numbers(RESERVED["input message, flags"])]
    wrong += [none[:-1] + bytes([count]) + bytes(3 * count) for count in numbers(RESERVED["input message, count"], 40)]
    wrong += [good[:-1] + wire_set for wire_set in (b"\x08", b"\x40", b"\x80\1", b"\x80\0")]
    wrong += [good[:-1], good + b"\0", b"", vectors["world-snapshots"]["first"],
              vectors["world-answer-opened"]["message"], vectors["world-enter-welcome"]["message"], b"\3\0"]
    for channel in (0, 1, 2):
        before = server.counter("world_invalid_messages")
        for at, message in enumerate(wrong):
            client.send(channel, message)
            if at % 16 == 0:
                client.idle(0.01)

        def counted():
            client.idle(0.05)
            return server.counter("world_invalid_messages")
        eventually("invalid messages", before + len(wrong), counted)
    agrees(server, player, lambda: player.play(1.0))
    client.close()


@case("every Disconnect reason in the world: the player is gone", "demo", "Disconnect, reason")
def reasons(server):
    before = server.counter("world_players")
    for reason in range(256):
        client = connected(server)
        client.send(1, world.enter_request(DEMO.schema))
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


def snapshot(*entries, number=1, parts=0, owner=b""):
    kind = SERVER_KINDS["DeltaSync"]
    return bytes([kind]) + wire.u16(number) + wire.u32(1) + bytes([0, 0, parts]) + owner + b"".join(entries)


def entry(index, fields, told, version=0, age=0, generation=1):
    of = bytes([generation]) if age == 0 and fields else b""
    return wire.u16(index) + wire.u16(version | age << 5 | fields << 10) + of + told


def takes(message):
    try:
        return world.View(CONTRACTS["example"], 1).take(message)
    except world.InvalidMessage:
        return "dropped"


def reads(read, *arguments):
    try:
        return read(*arguments)
    except world.InvalidMessage:
        return "dropped"


@case("world messages that this client drops", covers=(
    "EnterToWorld, answer", "wrong schema, part", "snapshot, input interval", "entry, fields", "full entry, generation", "axes, widths",
    "answer, outcome",
    "set of fields", "bool", "f32", "enum, variant", "ActionState, running"))
def own_decoder(_):
    fields, position, vectors, example = PROTOCOL.fields, b"\0", PROTOCOL.vectors, CONTRACTS["example"]
    welcome = vectors["world-enter-welcome"]["message"]
    for answer in numbers(RESERVED["EnterToWorld, answer"]):
        for message in (welcome[:1] + bytes([answer]) + welcome[2:], bytes([welcome[0], answer, 0])):
            expect(f"answer {answer}", "dropped", reads(world.read_enter_answer, message))
    for number in numbers(RESERVED["wrong schema, part"]):
        expect(f"type {number}", "dropped", reads(world.read_enter_answer, bytes([welcome[0], 2, number])))
    for outcome in numbers(RESERVED["answer, outcome"]):
        message = vectors["world-answer-opened"]["message"]
        for rest in (b"", b"\0"):
            expect("outcome", "dropped", reads(world.read_answer, example, message[:3] + bytes([outcome]) + rest))
    at, shown = fields["position"], fields["shown"]
    expect("a good entry", True, takes(snapshot(entry(1, at, position))))
    for interval in numbers(RESERVED["snapshot, input interval"]):
        message = snapshot(parts=world.HAS_INPUT_INTERVAL, owner=bytes([interval]))
        expect("interval", "dropped", takes(message))
    for reserved in numbers(RESERVED["entry, fields"]):
        expect("fields", "dropped", takes(snapshot(entry(1, at | reserved, position))))
    for generation in numbers(RESERVED["full entry, generation"]):
        expect("generation", "dropped", takes(snapshot(entry(1, at, position, generation=generation))))
    for name in ("position", "rotation", "velocity"):
        for widths in numbers(RESERVED["axes, widths"]):
            told = bytes([widths]) if name == "position" else position + bytes([widths])
            expect(f"{name}, widths", "dropped", takes(snapshot(entry(1, at | fields[name], told))))
    for told in (b"\x10", b"\x20\0", b"\x80\1", b"\x81\0\1", b"\x80" * 9 + b"\2", b"\x80" * 10 + b"\0", b"\x04\2\0\0\1"):
        expect(f"shown {told.hex()}", "dropped", takes(snapshot(entry(1, at | shown, position + told))))
    for number in (math.inf, -math.inf, math.nan):
        owner = b"\x80\x02" + struct.pack("<f", number)
        expect(f"{number}", "dropped", takes(snapshot(parts=world.HAS_OWN, owner=owner)))
    expect("a finite one", True, takes(snapshot(parts=world.HAS_OWN, owner=b"\x80\x02" + bytes(4))))
    for bad in (b"\3", b"\xff"):
        expect("variant", "dropped", reads(world.read_event, example, bytes([SERVER_KINDS["Event"]]) + bad))
    actions = CONTRACTS["actions"].type("ActionState<5, 2>")
    for key, state in vectors["world-actions-bad"].items():
        expect(key, "dropped", reads(world.whole, actions, state))


@case("this client applies two entries for one entity in their order")
def two_entries(_):
    fields, view = PROTOCOL.fields, world.View(CONTRACTS["example"], 1)
    full = entry(9, fields["position"], b"\x01\x05", version=3)
    change = entry(9, fields["position"], b"\x01\x02", version=4, age=1)
    gone = entry(9, 0, b"")
    expect("full, then difference", True, view.take(snapshot(full, change)))
    expect("x", 7, int.from_bytes(view.entities[9].state.pose[:4], "little"))
    expect("gone, then full", True, view.take(snapshot(gone, full, number=2)))
    expect("versions", {3}, set(view.entities[9].states))
    expect("full, then gone", True, view.take(snapshot(full, gone, number=3)))
    expect("entities", {}, view.entities)
    expect("digest of nothing", 0, view.digest)
    expect("gone, then difference", "dropped", takes(snapshot(full, gone, change)))
    expect("unknown", True, takes(snapshot(entry(77, 0, b""))))


@case("this client builds owner blocks on snapshots that it applied")
def owner_blocks(_):
    view, most = world.View(CONTRACTS["example"], 1), LIMITS["OWNER_BASELINE_MAX"]
    body = world.HAS_BODY
    expect("the first", True, view.take(snapshot(parts=body, owner=b"\5\0\1")))
    expect("nothing new", True, view.take(snapshot(number=1 + most, parts=most)))
    expect("body", (5, 1), view.owner.body)
    expect("from the blank one", True, view.take(snapshot(number=2 + most)))
    expect("no body", None, view.owner.body)
    for number, baseline in ((3 + most, most), (34 + most, most), (3 + most, 3)):
        expect("a baseline that it lacks", "dropped", reads(view.take, snapshot(number=number, parts=baseline)))
    expect("none of them was taken", 2 + most, view.newest)
