"""PROTOCOL.md#dropped-datagrams and PROTOCOL.md#reserved-values: every row that a client can trigger at a server."""

import os
import time

import wire
from cases import CASES, case, eventually, expect
from cases_handshake import connected, with_cookie
from client import Client
from crypto import CHACHA, Cipher
from document import LIMITS, PROTOCOL, numbers

RESERVED = PROTOCOL.reserved
KIND = {name: kind for name, (kind, _) in PROTOCOL.packets.items()}


def unharmed(client):
    expect("the connection stays open", True, client.is_alive())


def spoiled(datagram, at, value=None):
    """The datagram with one byte changed."""
    changed = bytearray(datagram)
    changed[at] = changed[at] ^ 1 if value is None else value
    return bytes(changed)


@case("dropped: datagrams that are too short or too long", "echo", "datagrams of fewer than 14")
def bad_size(server):
    with connected(server) as client:
        shorts = [bytes(size) for size in range(wire.HEADER)]
        longs = [client.seal(bytes(LIMITS["DATAGRAM_BYTES_MAX"] + more - wire.HEADER - wire.TAG), pad=False)
                 for more in (1, 500)]
        # The kernel may refuse the short ones for the server, which then counts them as `kernel_refused`.
        before = server.counters()
        with server.counted(drop_bad_size=len(longs)):
            for datagram in longs:
                client.send_raw(datagram)
        for datagram in shorts:
            client.send_raw(datagram)
        eventually("short ones counted", len(shorts), lambda: sum(
            server.counter(name) - before[name] for name in ("drop bad_size", "kernel_refused")) - len(longs))
        unharmed(client)


@case("dropped: an id that names no connection, or one that is gone", "echo", "an id that names no connection")
def unknown_connection(server):
    gone = connected(server)
    gone.disconnect()
    with connected(server) as client:
        own = client.connection
        with server.counted(late_in=1):
            client.send_frames(wire.frame("Ping", bytes(8)), connection=gone.connection)
        wrong = [bytes([own[0], own[1] % 255 + 1]) + own[2:], own[:2] + b"\xff\x7f"]
        expect("slot", True, wrong[-1] != own)
        with server.counted(drop_unknown_connection=len(wrong)):
            for connection in wrong:
                client.send_frames(wire.frame("Ping", bytes(8)), connection=connection)
        unharmed(client)


@case("dropped: ids of generation 0", "echo", ("an id of generation 0", "connection id", "NewId, generation"))
def generation_0(server):
    with connected(server) as client:
        own = client.connection
        ids = [own[:1] + b"\0\2\0", b"\0\0\0\1", b"\0\0\2\0", b"\1\0\0\0"]
        with server.counted(drop_malformed=2 * len(ids)):
            for connection in ids:
                client.send_raw(client.connect_datagram(connection=connection))
                client.send_frames(wire.frame("Ping", bytes(8)), connection=connection)
        with server.counted(drop_malformed=1):
            client.send_frames(wire.frame("Ping", bytes(8)), connection=wire.wanting_core(0))
        # Every NewId to a server is a bad frame.
        with server.counted(drop_bad_frame=2):
            client.send_frames(wire.frame("NewId", own), wire.frame("NewId", own[:1] + b"\0" + own[2:]))
        unharmed(client)


@case("dropped: a channel in the header that is not 0", "echo", ("flags other than", "header, channel"))
def header_channel(server):
    reserved = numbers(RESERVED["header, channel"])
    with connected(server) as client:
        with server.counted(drop_wrong_flags=len(reserved)):
            for channel in reserved:
                client.send_frames(wire.frame("Ping", bytes(8)), channel=channel)
        unharmed(client)
    client = Client(server)
    client.prepare()
    with server.counted(drop_malformed=len(reserved)):
        for channel in reserved:
            datagram = client.connect_datagram()
            client.send_raw(wire.with_checksum(spoiled(datagram[:-4], 4, channel)))


@case("dropped: flags that the suite does not allow", "echo", ("flags other than", "header, flags"))
def header_flags(server):
    client = connected(server)
    due = {wire.flags_of(CHACHA, phase) for phase in (0, 1)}
    wrong = [flags for flags in range(256) if flags not in due and flags != wire.FORWARDED]
    reserved = {flags | bit for flags in due for bit in numbers(RESERVED["header, flags"])}
    expect("reserved flags are among them", True, reserved - {wire.FORWARDED} <= set(wrong))
    with server.counted(drop_wrong_flags=len(wrong)):
        for flags in wrong:
            client.send_frames(wire.frame("Ping", bytes(8)), flags=flags)
    unharmed(client)
    newcomer = Client(server)
    datagram = newcomer.connect_datagram()
    with server.counted(drop_malformed=254, drop_forged_gateway=1):
        for flags in range(1, 256):
            newcomer.send_raw(wire.with_checksum(spoiled(datagram[:-4], 5, flags)))
    client.close()


@case("dropped: sequences of 0, above 2^62, and not fresh", "echo", ("a sequence that is 0", "sequence, encrypted"))
def sequences(server):
    with connected(server) as client:
        ping = wire.frame("Ping", bytes(8))
        highest = PROTOCOL.sequence_max
        beyond = [0, highest + 1, (1 << 63), (1 << 64) - 1]
        with server.counted(drop_replayed=len(beyond)):
            for sequence in beyond:
                client.send_frames(ping, sequence=sequence)
        unharmed(client)
        datagram = client.seal(ping)
        client.send_raw(datagram)
        with server.counted(drop_replayed=3):
            for _ in range(3):
                client.send_raw(datagram)
        window = LIMITS["REPLAY_WINDOW"]
        client.sent += 2 * window
        unharmed(client)
        newest = client.sent
        with server.counted(drop_replayed=1):
            client.send_frames(ping, sequence=newest - window)
        value = os.urandom(8)
        client.send_frames(wire.frame("Ping", value), sequence=newest - window + 1)
        expect("the oldest sequence in the window is fresh", True, client.until(lambda: value in client.pongs, 2))
        unharmed(client)
        value = os.urandom(8)
        client.send_frames(wire.frame("Ping", value), sequence=highest)
        expect("the highest possible sequence is fresh", True, client.until(lambda: value in client.pongs, 2))


@case("dropped: a key phase without a key", "echo", "a key phase for which")
def key_phase(server):
    with connected(server) as client:
        with server.counted(drop_not_authentic=1):
            client.send_frames(wire.frame("Ping", bytes(8)), flags=wire.flags_of(CHACHA, 1))
        unharmed(client)


@case("dropped: datagrams that do not open or are too short for a tag", "echo", "a datagram that does not open")
def not_authentic(server):
    with connected(server) as client:
        datagram = client.seal(wire.frame("Ping", bytes(8)))
        places = (1 << 6, len(datagram) - 1, wire.HEADER, wire.HEADER + 9)
        altered = [spoiled(datagram, at) for at in places if at < len(datagram)]
        altered += [client.seal(b"", cipher=Cipher(CHACHA, os.urandom(32))), client.seal(bytes(64))[:-1],
                    client.seal(b"x", cipher=client.keys.server)]
        short = [client.seal(bytes(64))[:wire.HEADER + more] for more in (0, 1, 15)]
        with server.counted(drop_not_authentic=len(altered) + len(short)):
            for wrong in altered + short:
                client.send_raw(wrong)
        # A forged datagram does not use up its sequence.
        value = os.urandom(8)
        genuine = client.seal(wire.frame("Ping", value))
        client.send_raw(spoiled(genuine, len(genuine) - 1))
        client.send_raw(genuine)
        expect("the genuine one is accepted", True, client.until(lambda: value in client.pongs, 2))


@case("dropped: unencrypted packets that are damaged", "echo",
      ("unencrypted packets that are damaged", "type, unencrypted"))
def damaged(server):
    client = with_cookie(server)
    datagram = client.connect_datagram()
    wrong = [spoiled(datagram, at) for at in range(wire.HEADER + 1, len(datagram), 7)]
    wrong += [wire.with_checksum(spoiled(datagram[:-4], wire.HEADER, kind))
              for kind in numbers(RESERVED["type, unencrypted"])]
    wrong += [wire.with_checksum(datagram[:-5]), wire.with_checksum(datagram[:-4] + b"\0"),
              wire.with_checksum(datagram[:wire.HEADER + 1]), wire.with_checksum(spoiled(datagram[:-4], 6))]
    with server.counted(drop_malformed=len(wrong)):
        for packet in wrong:
            client.send_raw(packet)
    expect("answer to any of them", None, client.next_answer(0.1))


@case("dropped: reserved values in a Connect", "echo", ("Connect, options", "Connect, padding"))
def connect_reserved(server):
    client = with_cookie(server)
    options = numbers(RESERVED["Connect, options"])
    paddings = [bytes(8) + b"\1", b"\x80" + bytes(8)]
    with server.counted(drop_malformed=len(options) + len(paddings)):
        for bit in options:
            client.send_raw(wire.connect(client.noise_1, client.suites, bit, client.cookie))
        for padding in paddings:
            client.send_raw(client.connect_datagram(padding=padding))
    expect("answer to any of them", None, client.next_answer(0.1))


@case("dropped: packets that only a server sends", "echo", "Cookie, ConnectionAccepted")
def of_server(server):
    with connected(server) as client:
        vectors = PROTOCOL.vectors
        packets = [vectors[name]["datagram"] for name in vectors
                   if name == "cookie" or name.startswith("denied")] + [vectors["handshake-nk"]["accepted"]]
        with server.counted(drop_unexpected=len(packets) - 1):
            for packet in packets[:-1]:
                client.send_raw(packet)
        # A ConnectionAccepted has the id of a connection but is not an encrypted datagram of it.
        accepted = client.connection + packets[-1][len(client.connection):]
        with server.counted(drop_wrong_flags=1):
            client.send_raw(wire.with_checksum(accepted[:-4]))
        unharmed(client)


@case("dropped: datagrams beyond a budget, treated as loss", "budget", "a datagram beyond a budget")
def over_budget(server):
    with connected(server) as client:
        count, each, begun = 300, 20, time.monotonic()
        rate = server.settings["connection-messages-per-second"]
        before = server.counters()
        for at in range(count):
            client.send_frames(*(wire.message(0, None, bytes([at % 256])) for _ in range(each)))
        client.idle(0.5)
        after = server.counters()
        allowed = rate * (1 + time.monotonic() - begun)
        dropped, taken = (after[name] - before[name] for name in ("drop over_budget", "messages in"))
        expect("a burst of one second's worth is accepted", True, taken > 0.9 * rate)
        expect("no more than the rate is accepted", True, taken <= allowed)
        expect("messages accepted and dropped", count * each, taken + dropped * each)
        client.idle(1.0)
        texts = [bytes([n]) * 40 for n in range(30)]
        for text in texts:
            client.send(1, text)
        expect("reliable messages arrive", texts, [client.next_message(1, 5) for _ in texts])
        # A datagram that is treated as lost is not acknowledged.
        sequences = [client.send_frames(*(wire.message(2, 0, b"") for _ in range(30))) for _ in range(200)]
        client.idle(0.3)
        expect("some are not acknowledged", True, any(number not in client.acknowledged for number in sequences))


@case("dropped: data that needs memory, for lack of it", "memory", "a datagram that brings something to keep")
def no_memory(server):
    hoarders, text = [connected(server) for _ in range(3)], os.urandom(LIMITS["MESSAGE_BYTES_MAX"])
    before = server.counter("drop no_memory")
    # On an ordered channel without its first message, the server must keep all others.
    for client in hoarders:
        for number in range(1, LIMITS["RELIABLE_WINDOW_BYTES"] // (len(text) + LIMITS["MESSAGE_COST_BYTES"])):
            client.send(5, text, number=number)
            if not client.until(lambda: not client.session.unacknowledged or client.closed is not None, 0.5):
                break
    most = server.settings["message-memory-mib"] << 20
    expect("message memory stays within its limit", True, 0 < server.counter("message_bytes") <= most)
    # Instead of dropping datagrams, a server may close the connections that hold the most.
    for client in hoarders:
        client.idle(0.1)
    ended = [client.closed for client in hoarders if client.closed is not None]
    dropped = server.counter("drop no_memory") - before
    expect("datagrams dropped, or connections closed", True, bool(dropped or ended))
    expect("reasons", {PROTOCOL.reasons["short of memory"]}, set(ended) | {PROTOCOL.reasons["short of memory"]})
    with connected(server) as other:
        expect("echo of an unreliable message", b"small", other.echo(0, b"small"))
        expect("echo of a reliable message", b"small", other.echo(1, b"small"))
    for client in hoarders:
        client.close()


@case("bad frames are skipped, and the frames beside them hold", "echo",
      ("frame, kind", "Compressed and Fragment, channel", "Probe, body"))
def bad_frames(server):
    with connected(server) as client:
        for name in ("frames-bad", "frames-truncated", "frames-end", "frames-odd"):
            vector = PROTOCOL.vectors[name]
            with server.counted(drop_bad_frame=vector.number("bad")):
                client.send_frames(vector["plaintext"], pad=False)
            for key in (key for key in vector.lines if key.startswith("message_")):
                expect(f"{key} of {name}", vector[key], client.next_message(0))
        kinds, channels = numbers(RESERVED["frame, kind"]), numbers(RESERVED["Compressed and Fragment, channel"])
        wrong = [wire.frame(kind, body) for kind in kinds for body in (b"", bytes(8), bytes(300))]
        for channel in channels:
            wrong += [wire.compressed(channel, 0, bytes(5)), wire.fragment(channel, 0, 0, 10, bytes(10))]
        with server.counted(drop_bad_frame=len(wrong)):
            for frame in wrong:
                client.send_frames(frame, wire.message(0, None, b"beside"))
        expect("messages beside them", len(wrong), sum(client.next_message(0) == b"beside" for _ in wrong))
        with server.counted():
            sequence = client.send_frames(wire.frame("Probe", b"\xff" * 40))
            expect("a Probe with nonzero bytes is acknowledged", True, client.until(
                lambda: sequence in client.acknowledged, 2))


@case("an unsolicited Integrity frame to a server has no effect", "echo")
def integrity(server):
    with connected(server) as client:
        client.send_frames(wire.frame("Integrity", bytes(40)))
        with server.counted(drop_bad_frame=1):
            client.send_frames(wire.frame("Integrity", bytes(17)))
        unharmed(client)


@case("a PathChallenge or a NewId to a server is harmless", "echo")
def wrong_direction(server):
    with connected(server) as client:
        with server.counted(drop_bad_frame=1):
            client.send_frames(wire.frame("NewId", client.connection))
        client.send_frames(wire.frame("PathChallenge", bytes(8)))
        unharmed(client)


@case("parameters and answers that this client drops", covers=(
    "parameters, suite", "parameters, resumed", "parameters, largest datagram", "ConnectionDenied, reason",
    "Connect; any answer", "encrypted datagrams while connecting", "forwarded datagrams"))
def own_decoder(_):
    vector = PROTOCOL.vectors["handshake-nk"]
    good, offered = vector["parameters"], vector.number("suites")
    expect("good parameters", True, wire.read_parameters(good, offered, False) is not None)
    wrong = [spoiled(good, 4, suite) for suite in (0, 3, 4)] + [spoiled(good, 1, 0), spoiled(good, 6, 0)]
    wrong += [spoiled(good, 5, resumed) for resumed in numbers(RESERVED["parameters, resumed"])]
    wrong += [good[:8] + bytes(4) + good[12:], good[:8] + good[8:12] * 2]
    for parameters in wrong:
        expect(parameters.hex(), None, wire.read_parameters(parameters, offered, True))
    expect("resumed without a token", None, wire.read_parameters(spoiled(good, 5, 1), offered, False))
    denied = PROTOCOL.vectors["denied-busy"]["datagram"]
    for reason in numbers(RESERVED["ConnectionDenied, reason"]):
        expect(f"denied, {reason}", None, wire.read_answer(wire.with_checksum(spoiled(denied[:-4], 15, reason))))
    for name in ("handshake-nk", "handshake-resume"):
        expect("Connect", None, wire.read_answer(PROTOCOL.vectors[name]["connect"]))
    expect("forwarded", None, wire.read_answer(PROTOCOL.vectors["forwarded"]["datagram"]))
    expect("encrypted", None, wire.read_answer(PROTOCOL.vectors["data-aes-128-gcm-server"]["datagram"]))


@case("every row of dropped datagrams and reserved values has a case")
def every_row(_):
    rows = [dropped for _, dropped in PROTOCOL.dropped]
    rows += list(PROTOCOL.reserved) + list(PROTOCOL.world_reserved)
    begins = [begin for one in CASES for begin in one.covers]
    expect("rows without a case", [], [row for row in rows if not any(row.startswith(begin) for begin in begins)])
