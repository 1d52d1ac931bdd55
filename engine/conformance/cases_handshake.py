"""PROTOCOL.md#handshake: cookies, answers, denials and suites."""

import os
import time

import wire
from cases import Skipped, case, expect
from client import Client
from crypto import AES, CHACHA
from document import LIMITS, PROTOCOL, numbers
from handshake import NoAnswer

DENIALS = PROTOCOL.denials


def connected(server, **how):
    how.setdefault("pre_shared_key", server.pre_shared_key)
    return Client(server, **how).connect()


def with_cookie(server, **how):
    client = Client(server, **how)
    client.get_cookie()
    return client


def denied(client, datagram=None, seconds=2.0):
    """The reason of the ConnectionDenied that answers a Connect, or the name of any other answer."""
    answer = client.exchange(datagram or client.connect_datagram(), seconds)
    return answer.body[0] if answer and answer.name == "ConnectionDenied" else answer and answer.name


def expect_denied(server, name, counter, clients):
    """Expects that the server denies each client's Connect with this reason and counts it."""
    with server.counted(denied_out=len(clients), **{counter: len(clients)}):
        for client in clients:
            expect("reason", DENIALS[name], denied(client))


@case("handshake with ChaCha20-Poly1305", "echo")
def chacha(server):
    with server.counted(handshakes=1, joined=1):
        client = connected(server, suites=(CHACHA,))
    expect("suite", CHACHA, client.parameters.suite)
    expect("echo", b"hello", client.echo(1, b"hello"))
    client.close()


@case("handshake with AES-128-GCM", "echo")
def aes(server):
    client = with_cookie(server, suites=(AES,))
    answer = client.exchange(client.connect_datagram())
    if answer.name == "ConnectionDenied":
        expect("reason", DENIALS["no common suite"], answer.body[0])
        raise Skipped("the server's host has no hardware support for AES-128-GCM")
    client = connected(server, suites=(AES,))
    expect("suite", AES, client.parameters.suite)
    expect("echo", b"hello", client.echo(1, b"hello"))
    client.close()
    with connected(server, suites=(AES, CHACHA)) as both:
        expect("suite when both are offered", AES, both.parameters.suite)


@case("handshake with a pre-shared key", "secret")
def pre_shared(server):
    with connected(server) as client:
        expect("echo", b"hello", client.echo(1, b"hello"))


@case("a different pre-shared key: the ConnectionAccepted does not authenticate", "secret")
def other_pre_shared(server):
    client = Client(server, pre_shared_key=os.urandom(32))
    try:
        client.connect(seconds=1.0)
        expect("connection", "none", "one")
    except NoAnswer:
        expect("answers that did not authenticate", True, client.bad_accepted > 0)


@case("the parameters match the configuration", "echo")
def parameters(server):
    with connected(server) as client:
        found = client.parameters
        expect("parameters",
               (False, LIMITS["DATAGRAM_BYTES_MAX"], LIMITS["HEARTBEAT_DEFAULT"], LIMITS["TIMEOUT_DEFAULT"]),
               (found.resumed, found.datagram_bytes_max, found.heartbeat_ms, found.timeout_ms))
        expect("generation is not 0", True, client.connection[1] > 0)


@case("a Connect without a cookie gets one Cookie, and no handshake", "echo")
def cookie(server):
    client = Client(server)
    with server.counted(connects_in=1, cookies_out=1, handshakes=0):
        answer = client.exchange(client.connect_datagram())
    expect("answer", "Cookie", answer.name)
    expect("one answer", None, client.next_answer(0.1))


@case("a cookie that is forged, or for another key or port, gets a new Cookie", "echo")
def bad_cookies(server):
    client = with_cookie(server)
    good = client.cookie
    for bad in (os.urandom(len(good)), good[:-1] + bytes([good[-1] ^ 1]), bytes([good[0] ^ 1]) + good[1:]):
        answer = client.exchange(client.connect_datagram(cookie=bad))
        expect("answer to a forged cookie", "Cookie", answer and answer.name)
    other = Client(server)
    answer = other.exchange(other.connect_datagram(cookie=good))
    expect("answer to a cookie for another key and port", "Cookie", answer and answer.name)
    client.socket = client.new_socket()
    answer = client.exchange(client.connect_datagram(cookie=good))
    expect("answer to a cookie for another port", "Cookie", answer and answer.name)


@case("answers to unknown addresses are never larger than the request", "echo")
def amplification(server):
    before, sent, got = server.counters(), 0, 0
    for round in range(40):
        client = Client(server)
        datagram = client.connect_datagram(version=None if round % 2 else 2)
        answer = client.exchange(datagram)
        sent, got = sent + len(datagram), got + len(answer.bytes)
        expect("a second answer", None, client.receive_raw(0))
        client.socket.close()
    after = server.counters()
    expect("amplification is at most 1", True, got <= sent)
    expect("the server counts the same", (sent, got), tuple(
        after[name] - before[name] for name in ("unvalidated_bytes_in", "unvalidated_bytes_out")))


@case("a repeated Connect gets the same ConnectionAccepted", "echo")
def same_accepted(server):
    client = with_cookie(server)
    with server.counted(handshakes=1, handshakes_repeated=2):
        answers = [client.exchange(client.connect_datagram()).bytes for _ in range(3)]
    expect("bytes", [answers[0]] * 3, answers)


@case("a late copy of the Connect of an established connection gets no answer", "echo")
def late_connect(server):
    client = connected(server)
    client.send_raw(client.connect_datagram())
    client.prepare()
    expect("answer", None, client.next_answer(0.3))
    expect("the connection stays open", True, client.is_alive())
    client.close()


@case("a Connect that requests a core, even one that does not exist", "echo", "an id of generation 0")
def wants_core(server):
    for core in (0, 5, 255):
        client = Client(server)
        answer = client.exchange(client.connect_datagram(connection=wire.wanting_core(core)))
        expect(f"answer for core {core}", "Cookie", answer and answer.name)
        client.cookie = answer.body
        answer = client.exchange(client.connect_datagram(connection=wire.wanting_core(core)))
        expect(f"answer for core {core} with the cookie", "ConnectionAccepted", answer and answer.name)


@case("unknown bits of suites are ignored", "echo", "Connect, suites")
def unknown_suites(server):
    for bit in numbers(PROTOCOL.reserved["Connect, suites"]):
        with connected(server, suites=PROTOCOL.suites[CHACHA] | bit) as client:
            expect(f"suite of an offer with {bit:#x}", CHACHA, client.parameters.suite)


@case("denied: wrong version, without a cookie", "echo")
def wrong_version(server):
    datagram = PROTOCOL.vectors["connect-foreign"]["datagram"]
    client = Client(server)
    client.send_raw(datagram)
    expect("answer", PROTOCOL.vectors["denied-wrong-version"]["datagram"], client.receive_raw(1.0))
    longer = wire.with_checksum(datagram[:-4] + bytes(300))
    client.send_raw(longer)
    expect("answer to a longer one", PROTOCOL.vectors["denied-wrong-version"]["datagram"], client.receive_raw(1.0))
    versions = (0, LIMITS["PROTOCOL_VERSION"] + 1, 0xFFFF)
    with server.counted(denied_version=len(versions)):
        for version in versions:
            answer = denied(client, client.connect_datagram(version=version))
            expect(f"answer to version {version}", DENIALS["wrong version"], answer)


@case("denied: wrong key, or an altered offer", "echo")
def wrong_key(server):
    other_key = Client(server)
    other_key.prepare(server_key=os.urandom(32))
    other_key.get_cookie()
    altered = with_cookie(server, suites=(CHACHA,))
    altered.suites |= PROTOCOL.suites[AES]
    expect_denied(server, "wrong key", "denied_key", [other_key, altered])


@case("denied: an ephemeral key with an all-zero result", "echo")
def zero_key(server):
    for weak in (bytes(32), (1).to_bytes(32, "little"), ((1 << 255) - 19).to_bytes(32, "little")):
        client = Client(server)
        client.noise_1 = weak + os.urandom(32)
        client.get_cookie()
        expect_denied(server, "wrong key", "denied_key", [client])


@case("denied: no common suite", "echo")
def no_suite(server):
    clients = [with_cookie(server, suites=suites) for suites in (0x00, 0x80)]
    expect_denied(server, "no common suite", "denied_cipher", clients)


@case("denied: a pre-shared key only at the client", "echo")
def only_client(server):
    clients = [with_cookie(server, pre_shared_key=bytes(32))]
    expect_denied(server, "pre-shared key mismatch", "denied_pre_shared_key", clients)


@case("denied: a pre-shared key only at the server", "secret")
def only_server(server):
    expect_denied(server, "pre-shared key mismatch", "denied_pre_shared_key", [with_cookie(server)])


@case("denied: server full; accepted once a slot is free", "limits")
def full(server):
    clients = [connected(server) for _ in range(3)]
    late = with_cookie(server)
    with server.counted(denied_full=1):
        answer = late.exchange(late.connect_datagram())
    expect("answer", ("ConnectionDenied", DENIALS["server full"], LIMITS["BUSY_WAIT"]),
           (answer.name, answer.body[0], wire.integer(answer.body[3:5])))
    clients[0].close()
    expect("echo, once a slot is free", b"in", late.connect().echo(1, b"in"))
    for client in (late, *clients[1:]):
        client.close()


@case("denied: busy, with a wait", "busy")
def busy(server):
    clients, seen = [], set()
    for _ in range(20):
        clients.append(with_cookie(server))
        clients[-1].send_raw(clients[-1].connect_datagram())
    until = time.monotonic() + 3
    for client in clients:
        answer = client.next_answer(max(until - time.monotonic(), 0.01))
        if answer and answer.name == "ConnectionDenied":
            seen.add((answer.body[0], wire.integer(answer.body[3:5])))
    expect("a busy answer with a wait", True, (DENIALS["busy"], LIMITS["BUSY_WAIT"]) in seen)


@case("a half-open connection is discarded without notice", "slow")
def half_open(server):
    client = with_cookie(server)
    accepted = client.exchange(client.connect_datagram())
    time.sleep(LIMITS["HALF_OPEN_TIMEOUT"] / 1000 + 0.7)
    expect("a notice", None, client.receive_raw(0))
    client.accept(accepted.body)
    expect("an answer under the discarded keys", False, client.is_alive(0.5))


@case("a cookie is valid for its lifetime, and no longer", "slow")
def cookie_lifetime(server):
    client = with_cookie(server)
    begun = time.monotonic()
    lifetime = LIMITS["COOKIE_LIFETIME"] / 1000
    time.sleep(lifetime - 1.5)
    answer = client.exchange(client.connect_datagram())
    if time.monotonic() - begun < lifetime:
        expect("answer within the lifetime", "ConnectionAccepted", answer and answer.name)
    client = with_cookie(server)
    time.sleep(lifetime + 0.3)
    answer = client.exchange(client.connect_datagram())
    expect("answer after the lifetime", "Cookie", answer and answer.name)
