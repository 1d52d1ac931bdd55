//! Early data: what a client sends before the handshake is complete.

use super::gateway::{Gateway, before, client};
use super::udp_server::{UdpServer, connect, encrypted};
use super::{run, until};
use crate::settings::Settings;
use quinn::crypto::rustls::QuicClientConfig;
use quinn::{ClientConfig, Connection, Endpoint, NoneTokenStore, ZeroRttAccepted};
use std::cell::{Cell, RefCell};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::UdpSocket;
use tokio::sync::Notify;

/// Stands between a client and the gateway. It holds what the gateway answers until the test releases it, and keeps what
/// the client has sent by then: its first flight.
struct Relay {
    front: UdpSocket,
    back: UdpSocket,
    first_flight: RefCell<Vec<Vec<u8>>>,
    release: Notify,
    /// Packets of the gateway that wait.
    held: Cell<usize>,
}

impl Relay {
    async fn before(gateway: SocketAddr) -> Relay {
        let front = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let back = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        back.connect(gateway).await.unwrap();
        Relay { front, back, first_flight: RefCell::default(), release: Notify::new(), held: Cell::new(0) }
    }

    fn address(&self) -> SocketAddr {
        self.front.local_addr().unwrap()
    }

    async fn run(&self) {
        let (mut from_client, mut from_gateway) = ([0; 2_048], [0; 2_048]);
        let (mut client, mut held, mut is_released) = (None, Vec::new(), false);
        loop {
            tokio::select! {
                arrived = self.front.recv_from(&mut from_client) => {
                    let (length, from) = arrived.unwrap();
                    client = Some(from);
                    if !is_released {
                        self.first_flight.borrow_mut().push(from_client[..length].to_vec());
                    }
                    self.back.send(&from_client[..length]).await.unwrap();
                }
                arrived = self.back.recv(&mut from_gateway) => held.push(from_gateway[..arrived.unwrap()].to_vec()),
                () = self.release.notified() => is_released = true,
            }
            self.held.set(held.len());
            for datagram in held.drain(..if is_released { held.len() } else { 0 }) {
                self.front.send_to(&datagram, client.unwrap()).await.unwrap();
            }
        }
    }
}

/// A client that has a ticket for early data, after a connection of which nothing is left.
async fn returning(gateway: &Gateway) -> Endpoint {
    let mut tls = gateway.tls(b"ringshard/1");
    tls.enable_early_data = true;
    let client = client(tls);
    returning_as(&client, gateway).await;
    client
}

/// A client that keeps no tokens.
fn forgetful(tls: rustls::ClientConfig) -> ClientConfig {
    let mut config = ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls).unwrap()));
    config.token_store(Arc::new(NoneTokenStore));
    config
}

async fn returning_as(client: &Endpoint, gateway: &Gateway) {
    let joined = gateway.count(|counters| &counters.joined_quic);
    let connection = client.connect(gateway.address, "localhost").unwrap().await.unwrap();
    // The ticket comes with the first packets after the handshake.
    until(|| connection.stats().frame_rx.crypto >= 3 && connection.stats().frame_rx.new_token >= 1).await;
    until(|| gateway.count(|counters| &counters.joined_quic) > joined).await;
    assert_eq!(connection.close_reason(), None);
    connection.close(0_u32.into(), b"");
    client.wait_idle().await;
}

/// Sends a recorded first flight again, from another address.
async fn steal(thief: &UdpSocket, relay: &Relay, gateway: &Gateway) {
    let first_flight = relay.first_flight.borrow().clone();
    for datagram in first_flight {
        thief.send_to(&datagram, gateway.address).await.unwrap();
    }
}

fn early(client: &Endpoint, address: SocketAddr) -> (Connection, ZeroRttAccepted) {
    let connecting = client.connect(address, "localhost").unwrap();
    connecting.into_0rtt().map_err(|_| "the client has no ticket").unwrap()
}

#[test]
fn a_connect_is_taken_from_early_data_and_nothing_else() {
    let server = UdpServer::start();
    let gateway = Gateway::start(Settings { early_data: true, ..before(server.address) });
    run(async {
        let client = returning(&gateway).await;
        let relay = Relay::before(gateway.address).await;
        let test = async {
            let (connection, accepted) = early(&client, relay.address());
            connection.send_datagram(encrypted(1, 60).into()).unwrap();
            connection.send_datagram(connect(5).into()).unwrap();
            connection.send_datagram(encrypted(2, 60).into()).unwrap();
            let (datagram, to) = server.next().await;
            assert_eq!(datagram, connect(5));
            until(|| gateway.count(|counters| &counters.quic_early_dropped) == 2).await;
            assert_eq!(gateway.count(|counters| &counters.quic_early_connects), 1);

            let mut answer = connect(5);
            answer[14] = 1;
            server.send(&answer, to);
            relay.release.notify_one();
            assert_eq!(connection.read_datagram().await.unwrap(), answer);
            assert!(accepted.await, "the gateway has read the early data");
            connection.send_datagram(encrypted(3, 60).into()).unwrap();
            assert_eq!(server.next().await.0, encrypted(3, 60), "after the handshake everything passes");
        };
        tokio::select! { () = test => {}, () = relay.run() => {} }
    });
}

#[test]
fn without_proof_of_its_address_a_client_joins_when_its_handshake_is_complete() {
    let server = UdpServer::start();
    let gateway = Gateway::start(Settings { early_data: true, ..before(server.address) });
    run(async {
        let mut tls = gateway.tls(b"ringshard/1");
        tls.enable_early_data = true;
        let mut client = client(tls.clone());
        client.set_default_client_config(forgetful(tls));
        returning_as(&client, &gateway).await;
        let relay = Relay::before(gateway.address).await;
        let test = async {
            let joined = gateway.count(|counters| &counters.joined_quic);
            let (connection, _accepted) = early(&client, relay.address());
            connection.send_datagram(connect(5).into()).unwrap();
            until(|| relay.held.get() > 0).await;
            assert_eq!(gateway.count(|counters| &counters.joined_quic), joined, "the source may be forged");
            relay.release.notify_one();
            assert_eq!(server.next_connect().await, 5);
            assert_eq!(gateway.count(|counters| &counters.quic_early_connects), 0);
        };
        tokio::select! { () = test => {}, () = relay.run() => {} }
    });
}

#[test]
fn a_first_flight_that_is_sent_again_reaches_no_server() {
    let server = UdpServer::start();
    let gateway = Gateway::start(Settings { early_data: true, ..before(server.address) });
    run(async {
        let client = returning(&gateway).await;
        let relay = Relay::before(gateway.address).await;
        let test = async {
            let (connection, accepted) = early(&client, relay.address());
            connection.send_datagram(connect(5).into()).unwrap();
            assert_eq!(server.next_connect().await, 5);
            relay.release.notify_one();
            assert!(accepted.await);

            let thief = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
            // While the connection lives, the packets count as its own repetitions. Afterwards they begin a new one.
            steal(&thief, &relay, &gateway).await;
            connection.send_datagram(connect(6).into()).unwrap();
            assert_eq!(server.next_connect().await, 6, "the stolen Connect has not passed before");
            connection.close(0_u32.into(), b"");
            client.wait_idle().await;
            until(|| gateway.count(|counters| &counters.left) == gateway.count(|counters| &counters.joined_quic)).await;

            let handshakes = gateway.count(|counters| &counters.quic_handshakes);
            // Its ids are remembered for a while.
            while gateway.count(|counters| &counters.quic_handshakes) == handshakes {
                steal(&thief, &relay, &gateway).await;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            thief.recv(&mut [0; 2_048]).await.expect("the gateway answers the stolen packets");
            let honest = gateway.connect().await;
            for tag in 10..20 {
                honest.send_datagram(connect(tag).into()).unwrap();
                assert_eq!(server.next_connect().await, tag, "the stolen Connect has not passed before");
            }
            assert_eq!(gateway.count(|counters| &counters.quic_early_connects), 1);
            assert_eq!(gateway.count(|counters| &counters.quic_early_dropped), 0);
        };
        tokio::select! { () = test => {}, () = relay.run() => {} }
    });
}

#[test]
fn without_the_setting_there_are_no_tickets_and_the_setting_can_be_changed() {
    let server = UdpServer::start();
    let mut gateway = Gateway::start(before(server.address));
    run(async {
        let mut tls = gateway.tls(b"ringshard/1");
        tls.enable_early_data = true;
        let client = client(tls);
        let connection = client.connect(gateway.address, "localhost").unwrap().await.unwrap();
        connection.send_datagram(connect(1).into()).unwrap();
        assert_eq!(server.next_connect().await, 1);
        assert!(client.connect(gateway.address, "localhost").unwrap().into_0rtt().is_err());
        gateway.reload(|settings| settings.early_data = true).await;
        returning(&gateway).await;
    });
}
