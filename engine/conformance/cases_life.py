"""PROTOCOL.md#rekeying, PROTOCOL.md#path and PROTOCOL.md#connection-lifetime."""

import os
import time

import wire
from cases import case, eventually, expect
from cases_handshake import connected, denied, with_cookie
from client import Client
from crypto import AES, CHACHA, KeyPair
from document import LIMITS, PROTOCOL
from handshake import MS


@case("the client rekeys, with both suites", "echo")
def rekey(server):
    offers = [(CHACHA,), (CHACHA, AES)]
    for suites in offers:
        with connected(server, suites=suites) as client:
            old = client.keys
            client.ask_rekey()
            expect("answer", True, client.until(lambda: client.events["rekeyed"] == 1, 3))
            expect("key phase", 1, client.phase)
            expect("echo under the new keys", b"new", client.echo(1, b"new"))
            del client.open_keys[0]
            expect("the server seals in the new phase", True, client.is_alive())
            expect("another key", False, old.server.key == client.keys.server.key)


@case("a repeated RekeyRequest has the same answer; another one has none", "echo")
def rekey_again(server):
    with connected(server) as client:
        answers = []

        def keep(datagram):
            opened = client.open(datagram)
            frames = wire.read_frames(opened[2])[0] if opened else []
            answers.extend(value for name, value in frames if name == "RekeyResponse")
            return True
        client.lose = keep
        request, other = KeyPair().public, KeyPair().public
        for public in (request, request, other, other):
            client.send_frames(wire.frame("RekeyRequest", public))
            client.idle(0.05)
        expect("several answers", True, len(answers) >= 2)
        expect("different answers", 1, len(set(answers)))
        expect("the request named in the answer", request[:8], answers[0][:8])


@case("a RekeyRequest right after a rekey is ignored", "echo")
def rekey_too_soon(server):
    with connected(server) as client:
        client.ask_rekey()
        expect("answer", True, client.until(lambda: client.events["rekeyed"] == 1, 3))
        client.send_frames(wire.frame("RekeyRequest", KeyPair().public))
        expect("the connection stays open", True, client.is_alive())
        client.idle(0.3)
        expect("answers", 1, client.events["RekeyResponse"])


@case("an Ack of a RekeyResponse in the old phase cancels the rekey", "echo")
def rekey_abandoned(server):
    with connected(server) as client:
        # The client has discarded its own request when the answer arrives.
        client.send_frames(wire.frame("RekeyRequest", KeyPair().public))
        expect("answer", True, client.until(lambda: client.events["RekeyResponse"] == 1, 3))
        expect("the old keys stay in use", True, client.is_alive())
        expect("key phase", 0, client.phase)


@case("a second rekey, after the minimum period", "slow")
def rekey_twice(server):
    with connected(server) as client:
        for phase in (1, 0):
            client.ask_rekey()
            expect("answer", True, client.until(lambda: client.phase == phase, 3))
            expect("echo", b"x", client.echo(1, b"x"))
            if phase == 1:
                client.idle(2 * LIMITS["REKEY_PERIOD_MIN"] * MS + 0.5)


@case("the server rekeys after REKEY_PERIOD", "clock")
def server_rekeys(server):
    with connected(server) as client:
        old = client.keys
        # A client that is silent for the timeout is gone, so the clock advances in parts.
        period = LIMITS["REKEY_PERIOD"] // 1000
        server.advance_clock(period // 2)
        expect("alive", True, client.is_alive())
        expect("requests, half an hour later", 0, client.events["RekeyRequest"])
        server.advance_clock(period + 60, begin=period // 2)
        expect("request", True, client.until(lambda: client.events["RekeyRequest"], 5))
        expect("the server switches", True, client.until(lambda: client.events["switched"], 5))
        expect("echo under the new keys", b"new", client.echo(1, b"new"))
        expect("another key", False, old.client.key == client.keys.client.key)
        expect("key phase", 1, client.phase)


@case("the server moves to a new path after a challenge, and issues a new id", "echo")
def migration(server):
    with connected(server) as client:
        old, was = client.connection, client.session.next_number[1]
        expect("echo", b"before", client.echo(1, b"before"))
        with server.counted(migrated=1):
            client.move()
            expect("challenge", True, client.until(lambda: client.challenges, 3))
            expect("new id", True, client.until(lambda: client.events["renamed"] == 1, 3))
        expect("core and slot", (old[0], old[2:]), (client.connection[0], client.connection[2:]))
        expect("generation", False, old[1] == client.connection[1])
        expect("echo", b"after", client.echo(1, b"after"))
        expect("number", was + 2, client.session.next_number[1])
        client.open_connections = {client.connection}
        expect("the server uses the new id", True, client.is_alive())


@case("a client that moves while many messages are in flight loses none", "echo")
def migration_busy(server):
    with connected(server) as client:
        texts = [os.urandom(600) for _ in range(80)]
        for at, text in enumerate(texts):
            client.send(1, text)
            if at in (20, 50):
                client.move()
        expect("echoes", texts, [client.next_message(1, 8) for _ in texts])


@case("a path that does not answer: the server stays, and sends at most 3 times the bytes received", "echo")
def no_response(server):
    with connected(server) as client:
        home, stray = client.socket, client.new_socket()
        client.socket = stray
        datagram = client.seal(wire.frame("Ping", bytes(8)))
        client.send_raw(datagram)
        got, until = [], time.monotonic() + 1.5
        while (left := until - time.monotonic()) > 0:
            if (came := client.receive_raw(left)) is not None:
                got.append(came)
        client.socket = home
        expect("bytes", True, 0 < sum(map(len, got)) <= 3 * len(datagram))
        expect("challenges at their period", True, len(got) <= 3)
        frames = [frame for came in got for frame in wire.read_frames(client.open(came)[2])[0]]
        expect("frames", {"PathChallenge"}, {name for name, _ in frames})
        expect("different values", 1, len({value for _, value in frames}))
        expect("the connection stays on the old path", True, client.is_alive())


@case("a PathResponse with another value, or from the old path, moves nothing", "echo")
def wrong_response(server):
    with connected(server) as client:
        home, stray = client.socket, client.new_socket()
        with server.counted(migrated=0):
            client.socket = stray
            client.ping()
            opened = client.open(client.receive_raw(2))
            (name, value), = wire.read_frames(opened[2])[0]
            expect("challenge", "PathChallenge", name)
            client.send_frames(wire.frame("PathResponse", bytes(a ^ 1 for a in value)))
            client.socket = home
            client.send_frames(wire.frame("PathResponse", value))
            expect("the connection stays on the old path", True, client.is_alive())


@case("an older datagram from another address makes no candidate", "echo")
def older_elsewhere(server):
    with connected(server) as client:
        early = client.seal(wire.frame("Ping", bytes(8)))
        expect("alive", True, client.is_alive())
        home, client.socket = client.socket, client.new_socket()
        client.send_raw(early)
        expect("challenge", None, client.receive_raw(0.5))
        client.socket = home
        expect("alive", True, client.is_alive())


def resume(server, client, **how):
    client.socket.close()
    return Client(server, session=client.session, **how)


@case("a session is resumed: unacknowledged messages arrive once", "echo")
def resumption(server):
    client = connected(server)
    expect("echo", b"one", client.echo(1, b"one"))
    # The server's answers are lost, and so are two messages of the client.
    client.lose = lambda _: True
    client.send(1, b"two")
    client.idle(0.2)
    client.send_raw = lambda _: None
    client.send(1, b"three")
    before = server.counter("resumed")
    again = resume(server, client)
    again.connect()
    expect("resumed", True, again.parameters.resumed)
    eventually("sessions resumed", before + 1, lambda: server.counter("resumed"))
    expect("echoes", [b"two", b"three"], [again.next_message(1), again.next_message(1)])
    expect("more", None, again.next_message(1, 0.3))
    expect("echo", b"four", again.echo(1, b"four"))
    again.close()


@case("a session is resumed again, even by the former token", "echo")
def former_token(server):
    client = connected(server)
    expect("echo", b"one", client.echo(2, b"one"))
    token, secret = client.session.token, client.session.secret
    # This connection resumes the session, and is lost before it has received a datagram.
    lost = resume(server, client).connect(prove=False)
    expect("resumed", True, lost.parameters.resumed)
    with server.counted(resumed=1):
        lost.ping()
    lost.session.token, lost.session.secret = token, secret
    again = resume(server, lost).connect()
    expect("resumed by the former token", True, again.parameters.resumed)
    expect("echo", b"two", again.echo(2, b"two"))
    last = resume(server, again).connect()
    expect("resumed by the newest token", True, last.parameters.resumed)
    expect("echo", b"three", last.echo(2, b"three"))
    last.close()


@case("a client with the token but not the resume secret is not admitted", "echo")
def no_secret(server):
    client = connected(server)
    expect("echo", b"one", client.echo(1, b"one"))
    thief = Client(server, token=client.session.token).connect(prove=False)
    expect("resumed", True, thief.parameters.resumed)
    with server.counted(drop_not_authentic=1, resumed=0):
        expect("an answer to the thief", False, thief.is_alive(0.5))
    expect("the session stays with its connection", b"two", client.echo(1, b"two"))
    thief.socket.close()
    client.close()


@case("an unknown token, or that of an ended session, begins a new session", "echo")
def unknown_token(server):
    client = Client(server, token=os.urandom(LIMITS["RESUME_TOKEN_BYTES"])).connect()
    expect("resumed", False, client.parameters.resumed)
    expect("echo", b"x", client.echo(1, b"x"))
    client.disconnect()
    again = Client(server, token=client.session.token).connect()
    expect("resumed after Disconnect", False, again.parameters.resumed)
    again.close()


@case("a session that is gone before the first datagram closes with reason 10", "echo")
def not_resumable(server):
    client = connected(server)
    expect("alive", True, client.is_alive())
    again = Client(server, session=client.session).connect(prove=False)
    expect("resumed", True, again.parameters.resumed)
    client.disconnect()
    eventually("gone", True, lambda: not client.is_alive(0.01))
    again.ping()
    expect("reason", PROTOCOL.reasons["not resumable"], again.end_reason())


@case("a session can be resumed within RESUME_PERIOD of a timeout", "slow")
def after_timeout(server):
    client = connected(server)
    expect("echo", b"one", client.echo(1, b"one"))
    time.sleep(client.parameters.timeout_ms * MS + 1)
    again = resume(server, client).connect()
    expect("resumed", True, again.parameters.resumed)
    expect("echo", b"two", again.echo(1, b"two"))
    again.close()


@case("a session is discarded after RESUME_PERIOD", "slow")
def after_period(server):
    client = connected(server)
    time.sleep(client.parameters.timeout_ms * MS + LIMITS["RESUME_PERIOD"] * MS + 1.5)
    again = resume(server, client).connect()
    expect("resumed", False, again.parameters.resumed)
    again.close()


@case("a Disconnect closes the connection, and the next one is new", "echo")
def disconnect(server):
    with server.counted(left=1, joined=2):
        client = connected(server)
        client.send_frames(wire.frame("Disconnect", bytes([PROTOCOL.reasons["closed"]])))
        expect("an answer afterwards", False, client.is_alive(0.2))
        client.closed = 0
        again = connected(server)
    expect("echo", b"again", again.echo(1, b"again"))
    again.close()


@case("every Disconnect reason, named or reserved, ends the session", "echo", "Disconnect, reason")
def all_reasons(server):
    before = server.counter("sessions")
    for reason in range(256):
        client = connected(server)
        client.disconnect(reason)
        client.socket.close()
    eventually("sessions", before, lambda: server.counter("sessions"))


@case("frames behind a Disconnect are ignored", "echo")
def behind_disconnect(server):
    client = connected(server)
    with server.counted(**{"messages in": 0}):
        client.send_frames(wire.frame("Disconnect", b"\0"), wire.message(0, None, b"late"))
        expect("echo", None, client.next_message(0, 0.3))


@case("a forged ConnectionDenied closes nothing", "echo")
def forged_denied(server):
    client = connected(server)
    kind, _ = PROTOCOL.packets["ConnectionDenied"]
    forged = {reason: wire.envelope(wire.NO_CONNECTION, client.noise_1[:8], kind, bytes([reason, 1, 0, 0, 0]))
              for reason in range(256)}
    with client.new_socket() as forger:
        for datagram in forged.values():
            forger.sendto(datagram, client.socket.getsockname())
    with server.counted(drop_unexpected=len(PROTOCOL.denials)):
        for reason in PROTOCOL.denials.values():
            client.send_raw(forged[reason])
    expect("the connection stays open", True, client.is_alive())
    expect("echo", b"on", client.echo(1, b"on"))
    client.close()


@case("a client from the same address gets the slot of a silent connection", "limits")
def silent(server):
    clients = [connected(server) for _ in range(3)]
    # Two stay active; the third falls silent.
    until = time.monotonic() + (clients[0].parameters.heartbeat_ms + LIMITS["SILENT_AFTER"]) * MS + 0.3
    while time.monotonic() < until:
        for client in clients[:2]:
            client.idle(0.05)
    with server.counted(timed_out=0, silent_displaced=1):
        late = connected(server)
    expect("echo", b"in", late.echo(1, b"in"))
    expect("active connections stay open", [True, True], [client.is_alive() for client in clients[:2]])
    for client in (late, *clients):
        client.close()


@case("integrity challenges are answered", "slow")
def integrity(server):
    with connected(server) as client:
        expect("challenge", True, client.until(lambda: client.events["Integrity"], 70))
        client.idle(0.5)
        expect("challenges", 1, client.events["Integrity"])
        expect("answers not yet acknowledged", 0, len(client.queue))
    eventually("checks", True, lambda: server.counter("integrity_checks") >= 1)
    expect("wrong answers", 0, server.counter("integrity_wrong"))


@case("clients of a denied network are disconnected", "drain")
def denied_network(server):
    client = connected(server)
    server.change(deny=["127.0.0.1/32"], allow=["203.0.113.0/24"])
    expect("reason", PROTOCOL.reasons["denied"], client.end_reason(3))
    server.change(deny=[], allow=["127.0.0.0/8"])
    eventually("clients are admitted again", True, lambda: connected(server).is_alive())


@case("a draining server denies new clients, keeps players for a while, then disconnects them", "drain")
def drain(server):
    client, late = connected(server), with_cookie(server)
    server.drain()
    expect("answer to a new client", PROTOCOL.denials["shutting down"], denied(late))
    expect("echo of a player", b"still", client.echo(1, b"still"))
    copies = []
    client.lose = lambda datagram: copies.append(datagram) or True
    client.idle(server.settings["drain-ms"] * MS + 1)
    opened = [client.open(datagram) for datagram in copies]
    goodbyes = [value[0] for found in opened if found for name, value in wire.read_frames(found[2])[0]
                if name == "Disconnect"]
    expect("Disconnects", [PROTOCOL.reasons["shutting down"]] * LIMITS["DISCONNECT_COPIES"], goodbyes)
