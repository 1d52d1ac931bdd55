"""Sessions over QUIC through a gateway, with an implementation of QUIC that the gateway does not use: aioquic.

`python engine/conformance/quic.py BINARY`. The session within QUIC is that of this client (client.py). See
shard/gateway/QUIC.md for what a gateway promises to QUIC clients.
"""

import os
import socket
import sys
import time

from aioquic.quic import events
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection

from cases import CASES, case, eventually, expect
from client import Client
from document import LIMITS
from gateway import Gateway
from server import Server

ALPN = "ringshard/1"
# Packets that carry datagrams of 1,200 bytes.
PACKET_BYTES = 1250
# Codes of shard/gateway/QUIC.md.
MISBEHAVED, NO_DATAGRAMS, STREAM_REFUSED = 2, 3, 16
# TLS has no application protocol in common (RFC 9001, section 4.8: 0x100 + the alert).
NO_APPLICATION_PROTOCOL = 0x178

NO_BUDGET = {"connection-messages-per-second": 0, "connection-bytes-per-second": 0}


class QuicSocket:
    """QUIC datagrams, with the methods of a UDP socket that the client uses."""

    def __init__(self, gateway, alpn=ALPN, datagrams=True, session_ticket=None, on_ticket=None, token=b"",
                 on_token=None):
        configuration = QuicConfiguration(
            is_client=True, alpn_protocols=[alpn], server_name="localhost", max_datagram_size=PACKET_BYTES,
            max_datagram_frame_size=65535 if datagrams else None, session_ticket=session_ticket,
            token=token)
        configuration.load_verify_locations(cafile=str(gateway.certificate))
        self.quic = QuicConnection(configuration=configuration, session_ticket_handler=on_ticket,
                                   token_handler=on_token)
        self.gateway = gateway.address
        self.udp = self._bind()
        self.arrived, self.happened = [], []
        self.timeout = 0.0
        self.quic.connect(self.gateway, now=time.monotonic())

    def _bind(self):
        fresh = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        fresh.bind(("127.0.0.1", 0))
        return fresh

    def move(self):
        """Goes on from another port, as a client whose network has changed."""
        self.udp.close()
        self.udp = self._bind()

    def until(self, happened, seconds):
        """Sends and receives until `happened()` is true. Returns False if it was not in time."""
        until = time.monotonic() + seconds
        while not happened():
            left = until - time.monotonic()
            if left <= 0:
                return False
            self._turn(left)
        return True

    def event(self, kind, seconds=5.0):
        """The first event of this kind."""
        def found():
            return next((event for event in self.happened if isinstance(event, kind)), None)
        self.until(lambda: found() is not None, seconds)
        return found()

    def shake_hands(self):
        expect("handshake", True, self.event(events.HandshakeCompleted) is not None)
        return self

    def flush(self):
        for packet, address in self.quic.datagrams_to_send(now=time.monotonic()):
            self.udp.sendto(packet, address)

    def _turn(self, seconds):
        self.flush()
        timer, now = self.quic.get_timer(), time.monotonic()
        if timer is not None:
            seconds = min(seconds, max(timer - now, 0))
        self.udp.settimeout(max(seconds, 1e-4))
        try:
            packet, source = self.udp.recvfrom(2048)
            self.quic.receive_datagram(packet, source, now=time.monotonic())
        except (TimeoutError, BlockingIOError):
            pass
        now = time.monotonic()
        if timer is not None and now >= timer:
            self.quic.handle_timer(now=now)
        while (event := self.quic.next_event()) is not None:
            if isinstance(event, events.DatagramFrameReceived):
                self.arrived.append(event.data)
            else:
                self.happened.append(event)
        self.flush()

    # What the client needs of a socket.

    def sendto(self, datagram, _address):
        self.quic.send_datagram_frame(datagram)
        self.flush()

    def settimeout(self, seconds):
        self.timeout = seconds

    def recvfrom(self, _size):
        if not self.until(lambda: self.arrived, self.timeout):
            raise TimeoutError
        return self.arrived.pop(0), self.gateway

    def close(self):
        self.quic.close()
        self.flush()
        self.udp.close()


class OverQuic(Client):
    """A client whose datagrams QUIC carries."""

    def __init__(self, server, gateway, **how):
        self.gateway, self.how = gateway, how
        super().__init__(server)
        self.address = gateway.address

    def new_socket(self):
        return QuicSocket(self.gateway, **self.how)


def connected(server, gateway):
    client = OverQuic(server, gateway)
    client.socket.shake_hands()
    expect("protocol", ALPN, client.socket.event(events.ProtocolNegotiated).alpn_protocol)
    return client.connect()


@case("a client connects, and each channel echoes")
def echoes(server, gateway):
    before = gateway.counter("joined_quic")
    with connected(server, gateway) as client:
        for channel in range(LIMITS["CHANNELS"]):
            text = f"over channel {channel}".encode()
            expect(f"echo on channel {channel}", text, client.echo(channel, text))
    expect("clients that joined", before + 1, gateway.counter("joined_quic"))


@case("a message of 65,536 bytes passes both ways, in fragments and compressed")
def large(server, gateway):
    with connected(server, gateway) as client:
        text = os.urandom(LIMITS["MESSAGE_BYTES_MAX"])
        expect("echo", True, client.echo(1, text, 10.0) == text)
        text = (b"again and " * len(text))[:len(text)]
        expect("compressed echo", True, client.echo(2, text, 10.0, pack=True) == text)


@case("the connection goes on from another port")
def moves(server, gateway):
    with connected(server, gateway) as client:
        expect("echo", b"from here", client.echo(1, b"from here"))
        client.socket.move()
        expect("echo from another port", b"from there", client.echo(1, b"from there"))
        expect("the session ended", None, client.closed)


@case("the keys of QUIC change, and the session goes on")
def new_keys(server, gateway):
    with connected(server, gateway) as client:
        expect("echo", b"before", client.echo(1, b"before"))
        client.socket.quic.request_key_update()
        expect("echo under new keys", b"after", client.echo(1, b"after"))


@case("a client that offers another protocol is refused by TLS")
def other_protocol(_server, gateway):
    client = QuicSocket(gateway, alpn="ringshard/0")
    expect("code", NO_APPLICATION_PROTOCOL, client.event(events.ConnectionTerminated).error_code)


@case("a client without datagrams is closed, with the reason")
def no_datagrams(_server, gateway):
    client = QuicSocket(gateway, datagrams=False).shake_hands()
    expect("code", NO_DATAGRAMS, client.event(events.ConnectionTerminated).error_code)


@case("a client that sends what no correct client sends is closed, with the reason")
def misbehaves(_server, gateway):
    client = QuicSocket(gateway).shake_hands()
    client.sendto(b"hello", None)
    expect("code", MISBEHAVED, client.event(events.ConnectionTerminated).error_code)


@case("a unidirectional stream is refused, and the session goes on")
def one_way_stream(server, gateway):
    with connected(server, gateway) as client:
        stream = client.socket.quic.get_next_available_stream_id(is_unidirectional=True)
        client.socket.quic.send_stream_data(stream, b"hello")
        stopped = client.socket.event(events.StopSendingReceived)
        expect("code", (stream, STREAM_REFUSED), (stopped.stream_id, stopped.error_code))
        expect("echo", b"still here", client.echo(1, b"still here"))


@case("a client that leaves is forgotten")
def leaves(server, gateway):
    before = gateway.counter("left")
    connected(server, gateway).close()
    eventually("clients that left", True, lambda: gateway.counter("left") > before)


@case("early data is not taken unless the gateway is told to take it")
def no_early_data(_server, gateway):
    tickets = []
    first = QuicSocket(gateway, on_ticket=tickets.append).shake_hands()
    first.until(lambda: tickets, 0.5)
    early = [ticket.max_early_data_size for ticket in tickets]
    expect("tickets that allow early data", [], [size for size in early if size])
    first.close()


@case("a Connect passes as early data, where the gateway takes it, and nothing else does")
def early_data(server, gateway):
    early_gateway = Gateway(sys.argv[1], server, **{"carriers": "quic", "early-data": "true"})
    try:
        tickets, tokens = [], []
        first = QuicSocket(early_gateway, on_ticket=tickets.append, on_token=tokens.append).shake_hands()
        expect("a ticket and a token", True, first.until(lambda: tickets and tokens, 5.0))
        first.close()
        # A client that does not prove its address has to wait for the handshake.
        client = OverQuic(server, early_gateway, session_ticket=tickets[0], on_ticket=tickets.append)
        client.socket.sendto(client.connect_datagram(), None)
        client.socket.event(events.HandshakeCompleted)
        expect("early Connects without a token", 0, early_gateway.counter("quic_early_connects"))
        client.connect()
        expect("another ticket", True, client.socket.until(lambda: len(tickets) > 1, 5.0))
        client.close()
        client = OverQuic(server, early_gateway, session_ticket=tickets[-1], token=tokens[0])
        client.socket.sendto(client.connect_datagram(), None)
        done = client.socket.event(events.HandshakeCompleted)
        expect("early data accepted", True, done.early_data_accepted)
        expect("answer to the early Connect", "Cookie", client.next_answer(3.0).name)
        expect("early Connects", 1, early_gateway.counter("quic_early_connects"))
        client.connect()
        expect("echo", b"early", client.echo(1, b"early"))
        client.close()
    finally:
        expect("exit code of the gateway", 0, early_gateway.stop())


def run(case, server, gateway):
    begun = time.monotonic()
    try:
        case.run(server, gateway)
    except Exception as error:
        print(f"FAILED  {case.name}: {type(error).__name__}: {error}", flush=True)
        return False
    print(f"ok      {case.name} ({time.monotonic() - begun:.1f} s)", flush=True)
    return True


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: quic.py BINARY; BINARY is a built `ringshard`")
    server = Server(sys.argv[1], "echo", **NO_BUDGET)
    gateway = Gateway(sys.argv[1], server, carriers="quic")
    try:
        verdicts = [run(case, server, gateway) for case in CASES]
    finally:
        codes = {"gateway": gateway.stop(), "server": server.stop()}
    for name, code in codes.items():
        print(f"{'ok     ' if code == 0 else 'FAILED '} the {name} exited with code {code}")
        verdicts.append(code == 0)
    print(f"{verdicts.count(True)} passed, {verdicts.count(False)} failed")
    sys.exit(1 if False in verdicts else 0)


main()
