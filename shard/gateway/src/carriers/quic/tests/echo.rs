//! Sessions through the gateway: echo, migration, what does not fit, what is no datagram.

use super::gateway::{Gateway, before};
use super::player::{Path, Player};
use super::server::EchoServer;
use super::udp_server::{UdpServer, connect, encrypted};
use super::{run, until};
use crate::settings::{ServerEntry, Settings};
use crate::thread::Order;
use quinn::{ApplicationClose, ConnectionError};
use ringshard_client::Channel;
use std::net::{Ipv4Addr, UdpSocket};
use std::time::Duration;

/// Where a page reaches the server.
pub const WEBTRANSPORT: &str = "/v1/servers/arena/webtransport";
const CHANNELS: [Channel; 4] =
    [Channel::UNRELIABLE, Channel::UNRELIABLE_SEQUENCED, Channel::RELIABLE_ORDERED, Channel::RELIABLE_UNORDERED];

async fn echo_all(player: &mut Player) {
    for channel in CHANNELS {
        player.echo(channel, b"hello").await;
    }
    let long: Vec<u8> = (0..65_536_u32).map(|byte| (byte * 31 % 251) as u8).collect();
    player.echo(Channel::RELIABLE_ORDERED, &long).await;
}

/// Why the gateway closed a connection.
pub fn closed_with(error: ConnectionError) -> (u64, String) {
    match error {
        ConnectionError::ApplicationClosed(ApplicationClose { error_code, reason }) => {
            (error_code.into_inner(), String::from_utf8_lossy(&reason).into_owned())
        }
        other => panic!("{other}"),
    }
}

#[test]
fn raw_quic_carries_all_channels_and_long_messages() {
    let server = EchoServer::start();
    let gateway = Gateway::start(before(server.address()));
    run(async {
        let mut player = Player::connect(Path::Quic(gateway.connect().await)).await;
        echo_all(&mut player).await;
        let rows = gateway.connections().await;
        let details = rows[0].details.as_ref().expect("QUIC tells its figures");
        assert_eq!(rows[0].carrier, "quic");
        assert!(details["round_trip_us"].as_u64().unwrap() > 0 && details["packets_sent"].as_u64().unwrap() > 40);
        assert!(details["path_bytes"].as_u64().unwrap() >= 1_250, "{details}");
        assert_eq!(details["migrations"], 0);
    });
}

#[test]
fn webtransport_carries_all_channels_and_long_messages() {
    let server = EchoServer::start();
    let gateway = Gateway::start(before(server.address()));
    run(async {
        let session = gateway.session(WEBTRANSPORT, None).await.unwrap();
        let mut player = Player::connect(Path::Session(Box::new(session))).await;
        echo_all(&mut player).await;
        assert_eq!(gateway.connections().await[0].carrier, "webtransport");
    });
}

#[test]
fn a_client_that_moves_keeps_its_connection_and_its_thread() {
    let server = EchoServer::start();
    let gateway = Gateway::start(Settings { threads: 3, ..before(server.address()) });
    run(async {
        let mut moves = 0;
        let mut players = Vec::new();
        // Enough clients that some move to a port whose hash is another thread's.
        for _ in 0..4 {
            let client = gateway.client(b"ringshard/1");
            let connection = client.connect(gateway.address, "localhost").unwrap().await.unwrap();
            let mut player = Player::connect(Path::Quic(connection)).await;
            for _ in 0..4 {
                player.echo(Channel::RELIABLE_ORDERED, b"before").await;
                client.rebind(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap()).unwrap();
                moves += 1;
                for round in 0..8_u8 {
                    player.echo(Channel::RELIABLE_ORDERED, &[round; 300]).await;
                }
                assert_eq!(gateway.count(|counters| &counters.moved), moves);
            }
            players.push(player);
        }
        assert_eq!(gateway.joined().iter().sum::<u64>(), 4, "nobody had to join again");
        for row in gateway.connections().await {
            assert_eq!(row.details.unwrap()["migrations"], 4);
        }
    });
}

/// Moves a client's end to another IP address of this host.
fn move_to_another_address(client: &quinn::Endpoint) {
    client.rebind(UdpSocket::bind((Ipv4Addr::new(127, 0, 0, 2), 0)).unwrap()).unwrap();
}

#[test]
fn a_client_at_another_ip_address_goes_on_and_the_server_hears_of_it_only_with_proof() {
    let server = EchoServer::start();
    let gateway = Gateway::start(before(server.address()));
    run(async {
        let client = gateway.client(b"ringshard/1");
        let connection = client.connect(gateway.address, "localhost").unwrap().await.unwrap();
        let mut player = Player::connect(Path::Quic(connection)).await;
        move_to_another_address(&client);
        for round in 0..8_u8 {
            player.echo(Channel::RELIABLE_ORDERED, &[round; 300]).await;
        }
        assert_eq!(gateway.count(|counters| &counters.moved), 0);
        assert!(gateway.connections().await[0].address.starts_with("127.0.0.1:"));
    });
}

#[test]
fn a_client_that_moves_to_a_denied_address_is_closed() {
    let server = UdpServer::start();
    let deny = vec!["127.0.0.2/32".parse().unwrap()];
    let gateway = Gateway::start(Settings { deny, allow: Vec::new(), ..before(server.address) });
    run(async {
        let client = gateway.client(b"ringshard/1");
        let connection = client.connect(gateway.address, "localhost").unwrap().await.unwrap();
        connection.send_datagram(encrypted(1, 60).into()).unwrap();
        server.next().await;
        move_to_another_address(&client);
        connection.send_datagram(encrypted(1, 60).into()).unwrap();
        let (code, reason) = closed_with(connection.closed().await);
        assert_eq!((code, reason.as_str()), (1, "this address is denied"));
    });
}

#[test]
fn a_datagram_that_is_none_ends_the_connection_with_a_reason() {
    let server = UdpServer::start();
    let gateway = Gateway::start(before(server.address));
    run(async {
        for (datagram, reason) in [(vec![1; 5], "a datagram of 5 bytes: they have 14 to 1472"), (vec![9; 50], "header")]
        {
            let connection = gateway.connect().await;
            connection.send_datagram(datagram.into()).unwrap();
            let (code, text) = closed_with(connection.closed().await);
            assert!(code == 2 && text.contains(reason), "{code} {text}");
        }
        assert_eq!(gateway.count(|counters| &counters.misbehaved), 2);
    });
}

#[test]
fn a_datagram_that_the_path_does_not_carry_is_counted_and_the_next_one_arrives() {
    let server = UdpServer::start();
    let gateway = Gateway::start(Settings { quic_packet_bytes: 1_250, ..before(server.address) });
    run(async {
        let connection = gateway.connect().await;
        connection.send_datagram(connect(7).into()).unwrap();
        let (_, to) = server.next().await;
        let mut answer = connect(7);
        answer[14] = 1;
        server.send(&[&answer[..], &[0; 1_472 - 144]].concat(), to);
        server.send(&answer, to);
        assert_eq!(connection.read_datagram().await.unwrap(), answer);
        assert_eq!(gateway.count(|counters| &counters.quic_too_large), 1);
        connection.send_datagram(encrypted(3, 60).into()).unwrap();
        assert_eq!(server.next().await.0, encrypted(3, 60));
    });
}

#[test]
fn a_drain_tells_clients_to_go_and_admits_nobody() {
    let server = UdpServer::start();
    let gateway = Gateway::start(before(server.address));
    run(async {
        let raw = gateway.connect().await;
        let session = gateway.session(WEBTRANSPORT, None).await.unwrap();
        until(|| gateway.count(|counters| &counters.joined_webtransport) == 1).await;
        gateway.order(|| Order::Drain(Duration::ZERO));
        assert_eq!(closed_with(raw.closed().await), (1, "the gateway shuts down".to_owned()));
        let goodbye = session.closed().await.to_string();
        assert!(goodbye.contains("the gateway shuts down"), "{goodbye}");
        let client = gateway.client(b"ringshard/1");
        let refused = client.connect(gateway.address, "localhost").unwrap().await.unwrap_err();
        assert!(matches!(refused, ConnectionError::ConnectionClosed(_)), "{refused}");
    });
}

#[test]
fn a_gateway_that_stops_tells_its_clients() {
    let server = UdpServer::start();
    let gateway = Gateway::start(before(server.address));
    run(async {
        let connection = gateway.connect().await;
        until(|| gateway.count(|counters| &counters.joined_quic) == 1).await;
        gateway.order(|| Order::Stop);
        assert_eq!(closed_with(connection.closed().await), (1, "the gateway shuts down".to_owned()));
    });
}

#[test]
fn the_host_name_names_the_server() {
    let (first, second) = (UdpServer::start(), UdpServer::start());
    let mut settings = before(first.address);
    let entry = ServerEntry { name: "second".to_owned(), address: second.address, ..settings.servers[0].clone() };
    settings.servers.push(entry);
    let gateway = Gateway::start(settings);
    run(async {
        for (host, server, tag) in
            [("localhost", &first, 1), ("second.example", &second, 2), ("third.example", &first, 3)]
        {
            let connection = gateway.connect_to(host, b"ringshard/1").await;
            connection.send_datagram(connect(tag).into()).unwrap();
            assert_eq!(server.next_connect().await, tag, "{host}");
        }
    });
}
