//! Bulk streams, from a client to what stands for a login door.

use super::super::bulk::{STREAMS_MAX, STREAMS_OF_NETWORK_MAX};
use super::gateway::{Gateway, before};
use super::udp_server::{UdpServer, encrypted};
use super::{run, until};
use crate::settings::{Door, Settings};
use quinn::{Connection, ReadError, RecvStream, SendStream, VarInt};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Why the gateway ended a stream.
async fn ended_with(receive: &mut RecvStream) -> VarInt {
    match receive.read_to_end(1 << 20).await.unwrap_err() {
        quinn::ReadToEndError::Read(ReadError::Reset(code)) => code,
        other => panic!("{other}"),
    }
}

async fn open(connection: &Connection) -> (SendStream, RecvStream) {
    let (mut send, receive) = connection.open_bi().await.unwrap();
    send.write_all(b"hello").await.unwrap();
    (send, receive)
}

fn with_door(server: SocketAddr, address: SocketAddr) -> Settings {
    let mut settings = before(server);
    settings.servers[0].bulk = Some(Door { address, tells_client: false });
    settings
}

async fn door() -> (TcpListener, SocketAddr) {
    let door = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = door.local_addr().unwrap();
    (door, address)
}

#[test]
fn a_stream_reaches_the_login_door_and_ends_in_each_direction_by_itself() {
    run(async {
        let (door, address) = door().await;
        let server = UdpServer::start();
        let gateway = Gateway::start(with_door(server.address, address));
        let connection = gateway.connect().await;
        let request: Vec<u8> = (0..3_000_000_u32).map(|byte| (byte % 251) as u8).collect();
        let answer: Vec<u8> = (0..2_000_000_u32).map(|byte| (byte % 241) as u8).collect();
        let (mut send, mut receive) = connection.open_bi().await.unwrap();
        let client = async {
            send.write_all(&request).await.unwrap();
            send.finish().unwrap();
            assert!(receive.read_to_end(4 << 20).await.unwrap() == answer, "the answer is whole");
        };
        let server_side = async {
            let (mut stream, _) = door.accept().await.unwrap();
            let mut received = Vec::new();
            stream.read_to_end(&mut received).await.unwrap();
            assert!(received == request, "the request is whole, and its end arrives before the answer begins");
            stream.write_all(&answer).await.unwrap();
        };
        tokio::join!(client, server_side);
        assert_eq!(gateway.count(|counters| &counters.quic_bulk_bytes), 5_000_000);
        assert_eq!(gateway.count(|counters| &counters.quic_bulk_streams), 1);
    });
}

#[test]
fn a_door_that_wants_it_is_told_the_clients_address_before_anything_else() {
    run(async {
        let (door, address) = door().await;
        let server = UdpServer::start();
        let mut settings = with_door(server.address, address);
        settings.servers[0].bulk = Some(Door { address, tells_client: true });
        let gateway = Gateway::start(settings);
        let connection = gateway.connect().await;
        let (_send, _receive) = open(&connection).await;
        let (mut stream, _) = door.accept().await.unwrap();
        let mut received = [0; 28 + 5];
        stream.read_exact(&mut received).await.unwrap();
        assert_eq!(received[12..20], [0x21, 0x11, 0, 12, 127, 0, 0, 1], "PROXY, TCP over IPv4, 12 bytes, the client");
        assert_eq!(received[26..28], address.port().to_be_bytes());
        assert_eq!(received[28..], *b"hello");
    });
}

#[test]
fn datagrams_pass_while_a_stream_fills_every_window() {
    run(async {
        let (door, address) = door().await;
        let server = UdpServer::start();
        let gateway = Gateway::start(with_door(server.address, address));
        let connection = gateway.connect().await;
        let (mut send, _receive) = open(&connection).await;
        let flood = async {
            loop {
                send.write_all(&[0; 16 << 10]).await.unwrap();
            }
        };
        let datagrams = async {
            // The door accepts and reads nothing, so the stream comes to a halt.
            let _stuck = door.accept().await.unwrap();
            for slot in 0..8 {
                // A datagram may be lost on a busy machine.
                loop {
                    connection.send_datagram(encrypted(slot, 100).into()).unwrap();
                    let arrived = tokio::time::timeout(Duration::from_millis(500), server.next()).await;
                    if arrived.is_ok_and(|(datagram, _)| datagram == encrypted(slot, 100)) {
                        break;
                    }
                }
            }
            let details = gateway.connections().await.remove(0).details.unwrap();
            assert_eq!(details["bulk_streams"], 1);
        };
        tokio::select! { () = datagrams => {}, () = flood => {} }
    });
}

#[test]
fn without_a_door_or_with_one_that_is_shut_a_stream_ends_with_its_own_code() {
    run(async {
        let server = UdpServer::start();
        let gateway = Gateway::start(before(server.address));
        let connection = gateway.connect().await;
        for _ in 0..3 {
            let (_send, mut receive) = open(&connection).await;
            assert_eq!(ended_with(&mut receive).await, VarInt::from_u32(16));
        }
        let mut one_way = connection.open_uni().await.unwrap();
        one_way.write_all(b"hello").await.unwrap();
        assert_eq!(one_way.stopped().await.unwrap(), Some(VarInt::from_u32(16)));
        let (door, address) = door().await;
        drop(door);
        let gateway = Gateway::start(with_door(server.address, address));
        let connection = gateway.connect().await;
        let (_send, mut receive) = open(&connection).await;
        assert_eq!(ended_with(&mut receive).await, VarInt::from_u32(17));
        connection.send_datagram(encrypted(1, 60).into()).unwrap();
        assert_eq!(server.next().await.0, encrypted(1, 60), "the connection goes on");
    });
}

#[test]
fn a_door_that_breaks_and_a_client_that_goes_end_each_other() {
    run(async {
        let (door, address) = door().await;
        let server = UdpServer::start();
        let gateway = Gateway::start(with_door(server.address, address));
        let connection = gateway.connect().await;
        let (_send, mut receive) = open(&connection).await;
        let (broken, _) = door.accept().await.unwrap();
        broken.set_zero_linger().unwrap();
        drop(broken);
        assert_eq!(ended_with(&mut receive).await, VarInt::from_u32(17));

        let (send, _receive) = open(&connection).await;
        let (mut stream, _) = door.accept().await.unwrap();
        let mut hello = [0; 5];
        stream.read_exact(&mut hello).await.unwrap();
        connection.close(VarInt::from_u32(0), b"");
        assert!(!matches!(stream.read(&mut [0; 10]).await, Ok(1..)), "the door sees the end");
        drop(send);
    });
}

#[test]
fn streams_that_end_without_a_byte_do_not_reach_the_login_door() {
    run(async {
        let (door, address) = door().await;
        let server = UdpServer::start();
        let gateway = Gateway::start(with_door(server.address, address));
        let connection = gateway.connect().await;
        for _ in 0..10 {
            let (mut send, mut receive) = connection.open_bi().await.unwrap();
            send.reset(0_u32.into()).unwrap();
            assert_eq!(ended_with(&mut receive).await, VarInt::from_u32(17));
        }
        assert_eq!(gateway.count(|counters| &counters.quic_bulk_streams), 0);
        open(&connection).await;
        door.accept().await.unwrap();
        until(|| gateway.count(|counters| &counters.quic_bulk_streams) == 1).await;
    });
}

#[test]
fn one_address_has_a_share_of_the_streams() {
    run(async {
        let (door, address) = door().await;
        let server = UdpServer::start();
        let gateway = Gateway::start(Settings { allow: Vec::new(), ..with_door(server.address, address) });
        let open_all = async {
            let mut held = Vec::new();
            for _ in 0..STREAMS_OF_NETWORK_MAX / STREAMS_MAX as usize {
                let connection = gateway.connect().await;
                for _ in 0..STREAMS_MAX {
                    held.push((open(&connection).await, connection.clone()));
                }
            }
            until(|| gateway.count(|counters| &counters.quic_bulk_streams) == STREAMS_OF_NETWORK_MAX as u64).await;
            let connection = gateway.connect().await;
            assert_eq!(ended_with(&mut open(&connection).await.1).await, VarInt::from_u32(16));
            drop(held);
            until(|| gateway.taken().0 == 1).await;
            open(&connection).await;
            until(|| gateway.count(|counters| &counters.quic_bulk_streams) > STREAMS_OF_NETWORK_MAX as u64).await;
        };
        let accept_all = async {
            let mut held = Vec::new();
            loop {
                held.push(door.accept().await.unwrap());
            }
        };
        tokio::select! { () = open_all => {}, () = accept_all => {} }
    });
}
