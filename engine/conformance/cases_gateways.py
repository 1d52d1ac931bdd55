"""PROTOCOL.md#forwarded-datagrams: a server and the clients that a gateway vouches for."""

import os

import wire
from cases import case, expect
from cases_dropped import spoiled, unharmed
from client import Client
from document import LIMITS

KEYS = (bytes([0x6B]) * 32, bytes([0x6C]) * 32)


class Behind(Client):
    """A client whose datagrams a gateway forwards from its own socket."""

    key, behind = KEYS[0], ("198.51.100.7", 4000)

    def send_raw(self, datagram):
        if len(datagram) <= LIMITS["FORWARDED_DATAGRAM_BYTES_MAX"]:
            datagram = wire.forwarded(self.key, self.behind, datagram)
        super().send_raw(datagram)

    def send_plain(self, datagram):
        super().send_raw(datagram)


def behind(server, address="198.51.100.7", key=KEYS[0], connect=True):
    client = Behind(server)
    client.key, client.behind = key, (address, 4000)
    if connect:
        client.connect()
    return client


@case("a client behind a gateway connects, with each key of the server, over IPv4 and IPv6", "gateway")
def connects(server):
    for address, key in (("198.51.100.7", KEYS[0]), ("2001:db8::7", KEYS[1])):
        client = behind(server, address, key)
        expect("echo", b"through the gateway", client.echo(1, b"through the gateway"))
        client.close()


@case("a forwarded datagram that was altered, or that no known gateway has written, is dropped", "gateway",
      ("forwarded datagrams that no known gateway",))
def forged(server):
    client = behind(server, "198.51.100.8", connect=False)
    connect = wire.forwarded(client.key, client.behind, client.connect_datagram())
    # A bit of the flags or of the id makes another kind of datagram.
    places = [at for at in range(len(connect)) if at not in (*range(6), *range(48, 54))]
    unknown = [wire.forwarded(os.urandom(32), client.behind, client.connect_datagram()),
               wire.forwarded(client.key, client.behind, connect), connect[:48], connect[:-1]]
    with server.counted(drop_forged_gateway=len(places) + len(unknown)):
        for datagram in [spoiled(connect, at) for at in places] + unknown:
            client.send_plain(datagram)
    expect("answer to any of them", None, client.next_answer(0.1))
    client.send_plain(connect)
    expect("answer to the intact one", "Cookie", client.next_answer(1.0).name)


@case("networks that are denied are those of clients, not of their gateway", "gateway")
def denied(server):
    refused = behind(server, "203.0.113.66", connect=False)
    with server.counted(drop_denied_address=1):
        refused.send_raw(refused.connect_datagram())
    expect("answer", None, refused.next_answer(0.1))
    allowed = behind(server, "203.0.113.67")
    expect("echo", b"allowed", allowed.echo(1, b"allowed"))
    allowed.close()


@case("each address behind a gateway has its own rate of handshakes", "gateway")
def rates(server):
    clients = [behind(server, f"198.51.100.{last}") for last in range(20, 28)]
    for client in clients:
        unharmed(client)
        client.close()


@case("a cookie is for one address behind a gateway, and for one gateway", "gateway")
def cookies(server):
    client = behind(server, "198.51.100.9", connect=False)
    client.get_cookie()
    connect = client.connect_datagram()
    elsewhere = behind(server, "198.51.100.9", connect=False)
    elsewhere.send_plain(wire.forwarded(client.key, client.behind, connect))
    expect("answer over another path", "Cookie", wire.read_answer(elsewhere.receive_raw(1.0)).name)
    client.behind = ("198.51.100.10", 4000)
    expect("answer to another address", "Cookie", client.exchange(connect).name)
    client.behind = ("198.51.100.9", 4000)
    expect("answer to the same", "ConnectionAccepted", client.exchange(connect).name)
