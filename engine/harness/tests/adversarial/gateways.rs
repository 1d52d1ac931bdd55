//! Clients behind a gateway: the server knows their addresses, and believes nobody else about them
//! (PROTOCOL.md#forwarded-datagrams).

use ringshard_harness::*;
use ringshard_protocol::endpoint::{ConnectionInfo, Network, Policy};
use ringshard_protocol::gateway::{Forwarded, GatewayKey};
use ringshard_protocol::limits::*;
use ringshard_protocol::link::Path;
use ringshard_protocol::time::Duration;
use ringshard_protocol::wire::Channel;
use ringshard_protocol::{Client, EndpointConfig};
use std::net::SocketAddr;

fn key() -> GatewayKey {
    GatewayKey::from_bytes([5; 32])
}

fn address(last: u8) -> SocketAddr {
    SocketAddr::from(([203, 0, 113, last], 40_000 + u16::from(last)))
}

/// A client behind a gateway, which forwards each of its datagrams.
struct Behind {
    client: Client,
    /// The socket of the gateway.
    path: Path,
    key: GatewayKey,
    address: SocketAddr,
}

impl Behind {
    fn new(number: u8, gateway: [u8; 4]) -> Self {
        let now = ringshard_protocol::time::Instant::ZERO + Duration::from_secs(1);
        Behind {
            client: Client::new(client_config(), now, [number; 32]).unwrap(),
            path: Path::new(0, SocketAddr::from((gateway, 7000))),
            key: key(),
            address: address(number),
        }
    }

    /// What the client sends, as it is on the wire from the gateway to the server.
    fn outgoing(&mut self, server: &Server) -> Vec<Vec<u8>> {
        self.client.advance(server.now);
        let (mut buffer, mut forwarded, mut all) = ([0; DATAGRAM_BYTES_MAX], Vec::new(), Vec::new());
        while let Some(len) = self.client.poll_transmit(server.now, &mut buffer) {
            assert!(Forwarded::encode(&self.key, self.address, &buffer[..len], &mut forwarded));
            all.push(forwarded.clone());
        }
        all
    }

    /// Carries datagrams both ways for a while. Gives the answers of the server.
    fn run(&mut self, server: &mut Server, rounds: u32) -> Vec<Vec<u8>> {
        let mut answers = Vec::new();
        for _ in 0..rounds {
            for mut datagram in self.outgoing(server) {
                server.receive(self.path, &mut datagram);
            }
            for (path, mut answer) in server.advance(Duration::from_millis(50)) {
                answers.push(answer.clone());
                if path == self.path {
                    self.client.receive(server.now, &mut answer);
                }
            }
        }
        answers
    }

    fn info(&self, server: &Server) -> ConnectionInfo {
        server.endpoint.info(self.client.id().unwrap()).unwrap()
    }
}

fn server(policy: Policy) -> Server {
    let mut server = Server::new(EndpointConfig { connections_max: 64, ..server_config() });
    server.endpoint.swap_policy(&mut Policy { gateways: vec![key()], ..policy });
    server
}

#[test]
fn the_server_knows_the_address_behind_a_gateway() {
    let mut server = server(Policy::default());
    let mut behind = Behind::new(1, [10, 1, 0, 1]);
    behind.run(&mut server, 5);
    assert!(behind.client.is_connected());
    let info = behind.info(&server);
    assert_eq!((info.address, info.path), (address(1), behind.path));
    assert_eq!(server.endpoint.gateway_of(info.id), Some(key().name()));
    let now = server.now;
    behind.client.send(now, Channel::RELIABLE_ORDERED, b"through the gateway").unwrap();
    behind.run(&mut server, 2);
    assert_eq!(server.messages, [(Channel::RELIABLE_ORDERED, b"through the gateway".to_vec())]);
    assert_eq!(total_drops(server.endpoint.drops()), 0);
}

#[test]
fn nobody_else_is_believed() {
    for (policy, wrong) in [
        (Policy::default(), GatewayKey::from_bytes([6; 32])),
        (Policy { gateways: Vec::new(), ..Policy::default() }, key()),
    ] {
        let mut server = Server::new(server_config());
        let gateways = if wrong == key() { Vec::new() } else { vec![key()] };
        server.endpoint.swap_policy(&mut Policy { gateways, ..policy });
        let mut behind = Behind { key: wrong, ..Behind::new(1, [10, 1, 0, 1]) };
        assert!(behind.run(&mut server, 5).is_empty(), "a forged datagram gets no answer");
        assert!(server.endpoint.drops().forged_gateway > 0);
        let (reason, offender) = server.endpoint.offenders().entries().next().unwrap();
        assert_eq!((reason, offender), ("forged_gateway", behind.path.peer), "not the address that it claims");
    }
}

#[test]
fn each_changed_bit_of_a_forwarded_datagram_is_found() {
    let mut server = server(Policy::default());
    let mut behind = Behind::new(1, [10, 1, 0, 1]);
    let connect = behind.outgoing(&server).remove(0);
    for bit in 0..connect.len() * 8 {
        let mut altered = connect.clone();
        altered[bit / 8] ^= 1 << (bit % 8);
        server.receive(behind.path, &mut altered);
        assert!(server.flush().is_empty(), "bit {bit}");
    }
    server.receive(behind.path, &mut connect.clone());
    assert_eq!(server.flush().len(), 1, "the intact one gets a cookie");
}

#[test]
fn limits_and_denied_networks_are_for_the_address_behind_the_gateway() {
    let denied = Network::new(address(1).ip(), 32);
    let policy = Policy {
        denied: [denied].into_iter().collect(),
        address_handshakes_per_second: 1,
        address_handshakes_at_once: 1,
        ..Policy::default()
    };
    let mut server = server(policy);
    let mut refused = Behind::new(1, [10, 1, 0, 1]);
    assert!(refused.run(&mut server, 5).is_empty());
    assert!(server.endpoint.drops().denied_address > 0);
    for number in 2..20 {
        let mut behind = Behind::new(number, [10, 1, 0, 1]);
        behind.run(&mut server, 4);
        assert!(behind.client.is_connected(), "{number} has a rate of its own");
    }
    let mut same = Behind { address: address(19), ..Behind::new(90, [10, 1, 0, 1]) };
    same.run(&mut server, 2);
    assert!(server.endpoint.drops().address_budget > 0, "one address behind the gateway has one rate");
}

#[test]
fn a_client_that_is_denied_later_is_disconnected() {
    let mut server = server(Policy::default());
    let (mut one, mut other) = (Behind::new(1, [10, 1, 0, 1]), Behind::new(2, [10, 1, 0, 1]));
    one.run(&mut server, 5);
    other.run(&mut server, 5);
    let denied = Network::new(address(1).ip(), 32);
    let mut policy = Policy { gateways: vec![key()], denied: [denied].into_iter().collect(), ..Policy::default() };
    server.endpoint.swap_policy(&mut policy);
    server.advance(Duration::from_millis(50));
    assert_eq!((server.endpoint.stats().denied, server.endpoint.connections()), (1, 1));
    assert!(other.client.is_connected());
}

#[test]
fn a_client_that_moves_to_another_gateway_takes_its_address_along() {
    let mut server = server(Policy::default());
    let mut behind = Behind::new(1, [10, 1, 0, 1]);
    behind.run(&mut server, 5);
    behind.path = Path::new(0, SocketAddr::from(([10, 1, 0, 2], 7000)));
    behind.address = address(2);
    let now = server.now;
    behind.client.address_changed(now);
    behind.run(&mut server, 6);
    let info = behind.info(&server);
    assert_eq!((server.endpoint.stats().migrated, info.path, info.address), (1, behind.path, address(2)));
    // It gets another address without leaving the gateway.
    behind.address = address(3);
    let now = server.now;
    behind.client.address_changed(now);
    behind.run(&mut server, 3);
    assert_eq!((server.endpoint.stats().migrated, behind.info(&server).address), (1, address(3)));
}

#[test]
fn a_forwarded_datagram_that_is_sent_again_changes_nothing() {
    let mut server = server(Policy::default());
    let mut behind = Behind::new(1, [10, 1, 0, 1]);
    behind.run(&mut server, 5);
    let now = server.now;
    behind.client.send(now, Channel::RELIABLE_ORDERED, b"once").unwrap();
    let recorded = behind.outgoing(&server);
    for mut datagram in recorded.clone() {
        server.receive(behind.path, &mut datagram);
    }
    behind.address = address(2);
    let now = server.now;
    behind.client.address_changed(now);
    behind.run(&mut server, 3);
    let thief = Path::new(0, SocketAddr::from(([10, 66, 0, 1], 1)));
    for path in [behind.path, thief] {
        for datagram in &recorded {
            server.receive(path, &mut datagram.clone());
        }
    }
    behind.run(&mut server, 3);
    let info = behind.info(&server);
    assert_eq!((info.address, info.path, server.messages.len()), (address(2), behind.path, 1));
    assert!(server.endpoint.drops().replayed >= 2);
}

#[test]
fn a_recorded_connect_with_its_cookie_gets_no_connection_over_another_path() {
    let mut server = server(Policy::default());
    let mut behind = Behind::new(1, [10, 1, 0, 1]);
    let first = behind.outgoing(&server);
    server.receive(behind.path, &mut first[0].clone());
    for (_, mut cookie) in server.flush() {
        behind.client.receive(server.now, &mut cookie);
    }
    let with_cookie = behind.outgoing(&server).remove(0);
    let thief = Path::new(0, SocketAddr::from(([10, 66, 0, 1], 1)));
    server.receive(thief, &mut with_cookie.clone());
    server.flush();
    assert_eq!(server.endpoint.connections(), 0, "the cookie is for the path of the gateway");
    server.receive(behind.path, &mut with_cookie.clone());
    server.flush();
    assert_eq!(server.endpoint.connections(), 1);
}
