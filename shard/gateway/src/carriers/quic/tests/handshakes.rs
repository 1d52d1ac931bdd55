//! Which handshakes are admitted, and which are refused.

use super::super::handshakes::UNPROVEN_MAX;
use super::echo::closed_with;
use super::gateway::{Gateway, before};
use super::udp_server::{UdpServer, connect};
use super::{run, until};
use crate::settings::{LimitSettings, Settings};
use quinn::ConnectionError;
use std::net::Ipv4Addr;
use std::time::Duration;
use tokio::net::UdpSocket;

/// The first packets of this many clients, none of which goes on.
async fn first_packets(gateway: &Gateway, clients: usize) -> Vec<Vec<u8>> {
    let nobody = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let endpoint = gateway.client(b"ringshard/1");
    let mut packets = Vec::new();
    let mut buffer = [0; 2_048];
    while packets.len() < clients {
        let connecting = endpoint.connect(nobody.local_addr().unwrap(), "localhost").unwrap();
        let length = nobody.recv(&mut buffer).await.unwrap();
        packets.push(buffer[..length].to_vec());
        drop(connecting);
        // What the client says at its end is no first packet.
        while tokio::time::timeout(Duration::from_millis(1), nobody.recv(&mut buffer)).await.is_ok() {}
    }
    packets
}

#[test]
fn a_flood_of_first_packets_runs_a_bounded_number_of_handshakes_and_an_honest_client_gets_in() {
    let server = UdpServer::start();
    let gateway = Gateway::start(before(server.address));
    run(async {
        let packets = first_packets(&gateway, UNPROVEN_MAX + 40).await;
        let flood = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let (handshakes, retries) = (
            || gateway.count(|counters| &counters.quic_handshakes),
            || gateway.count(|counters| &counters.quic_retries),
        );
        for (number, packet) in packets.iter().enumerate() {
            flood.send_to(packet, gateway.address).await.unwrap();
            // One at a time, or the kernel drops some.
            until(|| handshakes() + retries() > number as u64).await;
            // On a busy machine some take too long meanwhile.
            let running = handshakes() - gateway.count(|counters| &counters.quic_handshakes_failed);
            assert!(running <= UNPROVEN_MAX as u64, "{running} handshakes run");
        }
        assert!(retries() > 0, "clients had to prove their address");

        let honest = gateway.connect().await;
        honest.send_datagram(connect(7).into()).unwrap();
        assert_eq!(server.next_connect().await, 7);
    });
}

#[test]
fn a_client_that_names_no_known_protocol_is_refused() {
    let server = UdpServer::start();
    let gateway = Gateway::start(before(server.address));
    run(async {
        for alpn in [&b"hq-interop"[..], b"ringshard/2"] {
            let client = gateway.client(alpn);
            let refused = client.connect(gateway.address, "localhost").unwrap().await.unwrap_err();
            let ConnectionError::ConnectionClosed(closed) = &refused else { panic!("{refused}") };
            assert_eq!(closed.error_code.to_string(), "the cryptographic handshake failed: error 120", "{closed:?}");
        }
        until(|| gateway.count(|counters| &counters.quic_handshakes_failed) == 2).await;
        gateway.connect().await;
    });
}

#[test]
fn an_address_has_a_bounded_number_of_connections_and_is_told_so() {
    let server = UdpServer::start();
    let limits = LimitSettings { connections_per_address: 2, ..LimitSettings::default() };
    let gateway = Gateway::start(Settings { limits, allow: Vec::new(), ..before(server.address) });
    run(async {
        let first = gateway.connect().await;
        let _second = gateway.connect().await;
        let (code, reason) = closed_with(gateway.connect().await.closed().await);
        assert_eq!((code, reason.as_str()), (1_429, "too many connections from this address"));
        first.close(0_u32.into(), b"");
        until(|| gateway.count(|counters| &counters.left) == 1).await;
        let third = gateway.connect().await;
        third.send_datagram(connect(3).into()).unwrap();
        assert_eq!(server.next_connect().await, 3);
    });
}

#[test]
fn a_denied_address_gets_no_answer() {
    let server = UdpServer::start();
    let deny = vec!["127.0.0.0/8".parse().unwrap()];
    let gateway = Gateway::start(Settings { deny, allow: Vec::new(), ..before(server.address) });
    run(async {
        let client = gateway.client(b"ringshard/1");
        let connecting = client.connect(gateway.address, "localhost").unwrap();
        let denied = until(|| gateway.count(|counters| &counters.quic_denied) > 0);
        tokio::select! { () = denied => {}, ended = connecting => panic!("{ended:?}") }
    });
}
