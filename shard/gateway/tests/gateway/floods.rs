//! Clients that misbehave. The gateway holds a bounded amount for each, and serves the others.

use crate::player::{Player, open, open_with, request};
use crate::server::{EchoServer, count, settings, wait_until};
use ringshard_client::Channel;
use ringshard_gateway::settings::{LimitSettings, ServerEntry, Settings};
use ringshard_gateway::thread::ConnectionRow;
use ringshard_gateway::{Gateway, Going};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message, WebSocket};

/// One player gets its echo, whatever the others do.
fn assert_served(gateway: &Gateway, server: &EchoServer) {
    let mut player = Player::connected(gateway.listen(), server.key());
    player.send(Channel::RELIABLE_ORDERED, b"served");
    player.run_until("the echo is there", |player| !player.messages.is_empty());
}

/// How the gateway closes a WebSocket: its code, if it gives one.
fn close_code(socket: &mut WebSocket<TcpStream>) -> Option<CloseCode> {
    socket.get_mut().set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    loop {
        match socket.read() {
            Ok(Message::Close(frame)) => return frame.map(|frame| frame.code),
            Ok(_) => {}
            Err(Error::Io(error)) if error.kind() == std::io::ErrorKind::WouldBlock => panic!("it stays open"),
            Err(_) => return None,
        }
    }
}

/// A Connect of the size and with the header of a real one.
fn connect(tag: u8) -> Vec<u8> {
    let mut datagram = vec![0; 144];
    datagram[6..14].fill(tag);
    datagram
}

#[test]
fn messages_that_no_client_sends_close_the_connection_with_a_reason() {
    let server = EchoServer::start();
    let gateway = Gateway::start(settings(&server)).unwrap();
    let mut encrypted = vec![0; 60];
    (encrypted[1], encrypted[5]) = (1, 0x80);
    for (message, code) in [
        (Message::text("hello"), CloseCode::Unsupported),
        (Message::binary(vec![1; 5]), CloseCode::Policy),
        (Message::binary(encrypted), CloseCode::Policy),
        (Message::binary(vec![0; 1_473]), CloseCode::Size),
        (Message::binary(vec![0; 1 << 20]), CloseCode::Size),
    ] {
        let mut socket = open(gateway.listen(), "echo").unwrap();
        // The gateway may close before it has read all.
        let _ = socket.send(message.clone());
        assert!(matches!(close_code(&mut socket), Some(it) if it == code) || message.len() > 100_000, "{code}");
    }
    assert_eq!(count(&gateway, "misbehaved"), 2);
    assert_eq!(count(&gateway, "websocket_malformed"), 3);
    assert_served(&gateway, &server);
    wait_until("all have left", || gateway.control().taken() == (0, 0));
}

#[test]
fn half_open_connections_hold_a_place_for_seconds_and_are_bounded_by_address() {
    let server = EchoServer::start();
    let limits = LimitSettings { connections_per_address: 10, ..LimitSettings::default() };
    let gateway = Gateway::start(Settings { limits, allow: Vec::new(), ..settings(&server) }).unwrap();
    let mut half_open: Vec<TcpStream> = (0..40).map(|_| TcpStream::connect(gateway.listen()).unwrap()).collect();
    half_open.iter_mut().for_each(|stream| _ = stream.write_all(b"GET /v1/servers/echo/websocket HTTP/1.1\r\n"));
    wait_until("the rest is refused", || count(&gateway, "tcp_refused") == 30);
    assert_eq!(gateway.control().taken(), (10, 0));
    drop(half_open);
    wait_until("the places are free", || gateway.control().taken() == (0, 0));
    assert_served(&gateway, &server);
}

#[test]
fn an_address_that_connects_too_fast_or_has_too_many_clients_is_refused() {
    let server = EchoServer::start();
    let limits = LimitSettings { clients_per_address: 3, connects_per_second: 1, ..LimitSettings::default() };
    let gateway = Gateway::start(Settings { limits, allow: Vec::new(), ..settings(&server) }).unwrap();
    let _clients: Vec<_> = (0..3).map(|_| open(gateway.listen(), "echo").unwrap()).collect();
    assert_eq!(open(gateway.listen(), "echo").unwrap_err(), 429);
    assert_eq!(count(&gateway, "refused"), 1);
    let _connections: Vec<_> = (0..30).map(|_| TcpStream::connect(gateway.listen()).unwrap()).collect();
    wait_until("some are refused", || count(&gateway, "tcp_refused") > 0);
}

#[test]
fn a_denied_address_is_refused_and_a_reload_closes_whoever_is_there() {
    let server = EchoServer::start();
    let base = Settings { allow: Vec::new(), ..settings(&server) };
    let gateway = Gateway::start(base.clone()).unwrap();
    let mut socket = open(gateway.listen(), "echo").unwrap();
    let denied = Settings { deny: vec!["127.0.0.0/8".parse().unwrap()], ..base.clone() };
    assert_eq!(gateway.control().apply(denied), Vec::<&str>::new());
    assert_eq!(close_code(&mut socket), Some(CloseCode::Policy));
    let mut stream = TcpStream::connect(gateway.listen()).unwrap();
    assert!(matches!(stream.read(&mut [0; 1]), Ok(0) | Err(_)), "no byte for a denied address");
    gateway.control().apply(base);
    assert_served(&gateway, &server);
}

/// A server that sends to a client whatever the client does. The client's connection has core 0 and slot 7.
struct Sender {
    socket: UdpSocket,
    flow: SocketAddr,
    sent: u64,
}

/// Datagrams of [`Sender`] have this many bytes, and other datagrams fewer.
const FLOOD_BYTES: usize = 1_200;

impl Sender {
    /// Accepts a client that sends a Connect.
    fn accept(socket: UdpSocket, client: &mut WebSocket<TcpStream>) -> Sender {
        client.send(Message::binary(connect(5))).unwrap();
        let (_, flow) = socket.recv_from(&mut [0; 200]).unwrap();
        let mut accepted = vec![0; 83];
        (accepted[1], accepted[2], accepted[14]) = (1, 7, 2);
        accepted[6..14].fill(5);
        socket.send_to(&accepted, flow).unwrap();
        Sender { socket, flow, sent: 0 }
    }

    fn send(&mut self, count: usize) {
        for _ in 0..count {
            let mut datagram = vec![0; FLOOD_BYTES];
            (datagram[1], datagram[2], datagram[5]) = (1, 7, 1);
            datagram[6..14].copy_from_slice(&self.sent.to_le_bytes());
            self.socket.send_to(&datagram, self.flow).unwrap();
            self.sent += 1;
        }
    }

    /// Sends on while the client reads, until it gets what was sent since.
    fn send_until_read(&mut self, client: &mut WebSocket<TcpStream>) {
        let first_new = self.sent;
        client.get_mut().set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        loop {
            self.send(1);
            let Message::Binary(datagram) = client.read().expect("what is sent arrives") else { continue };
            let number = u64::from_le_bytes(datagram[6..14].try_into().unwrap());
            if datagram.len() == FLOOD_BYTES && number >= first_new {
                return;
            }
        }
    }
}

/// A gateway before the echo server and a [`Sender`], named `flood`, with 32 KiB for what waits for a client.
fn before_a_sender(echo: &EchoServer) -> (Gateway, UdpSocket) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let limits = LimitSettings { queue_bytes: 32 << 10, ..LimitSettings::default() };
    let mut settings = Settings { limits, ..settings(echo) };
    let address = socket.local_addr().unwrap();
    settings.servers.push(ServerEntry { name: "flood".to_owned(), address, ..settings.servers[0].clone() });
    (Gateway::start(settings).unwrap(), socket)
}

#[test]
fn a_reader_that_reads_nothing_holds_no_more_than_its_queue_and_gets_what_comes_once_it_reads() {
    let echo = EchoServer::start();
    let (gateway, socket) = before_a_sender(&echo);
    let mut slow = open(gateway.listen(), "flood").unwrap();
    let mut sender = Sender::accept(socket, &mut slow);
    wait_until("its queue overflows", || {
        sender.send(50);
        count(&gateway, "queue_full") > 100
    });
    let rows = clients(&gateway);
    assert!(rows[0].waiting_bytes <= 32 << 10 && rows[0].dropped > 100, "{rows:?}");
    assert_served(&gateway, &echo);
    sender.send_until_read(&mut slow);
}

#[test]
fn a_stalled_client_is_not_read_from_until_it_takes_something_again() {
    let echo = EchoServer::start();
    let (gateway, socket) = before_a_sender(&echo);
    let mut slow = open(gateway.listen(), "flood").unwrap();
    let mut sender = Sender::accept(socket, &mut slow);
    wait_until("it is stalled", || {
        sender.send(50);
        count(&gateway, "stalled") > 0
    });
    let up = || clients(&gateway)[0].datagrams_up;
    let before = up();
    (0..20).for_each(|_| slow.send(Message::binary(connect(5))).unwrap());
    // The gateway serves this while it has the others unread.
    assert_served(&gateway, &echo);
    assert_eq!(up(), before);
    sender.send_until_read(&mut slow);
    wait_until("the rest is read", || up() == before + 20);
}

fn clients(gateway: &Gateway) -> Vec<ConnectionRow> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(gateway.control().connections(10))
}

#[test]
fn a_client_beyond_its_budget_loses_its_own_datagrams_alone() {
    let server = EchoServer::start();
    let limits = LimitSettings { datagrams_per_second: 100, ..LimitSettings::default() };
    let gateway = Gateway::start(Settings { limits, ..settings(&server) }).unwrap();
    let mut flood = open(gateway.listen(), "echo").unwrap();
    for number in 0..2_000 {
        flood.write(Message::binary(connect(number as u8 % 4 + 1))).unwrap();
    }
    flood.flush().unwrap();
    wait_until("most are dropped", || count(&gateway, "over_budget") > 1_500);
    assert!(count(&gateway, "datagrams_up") < 500);
    assert_served(&gateway, &server);
}

/// A flood in many short connections costs the same budget as one in a long one.
#[test]
fn a_client_that_connects_again_goes_on_with_its_used_budget() {
    let server = EchoServer::start();
    let limits = LimitSettings { datagrams_per_second: 100, ..LimitSettings::default() };
    let gateway = Gateway::start(Settings { limits, allow: Vec::new(), ..settings(&server) }).unwrap();
    let began = Instant::now();
    for _ in 0..10 {
        let mut flood = open(gateway.listen(), "echo").unwrap();
        let before = count(&gateway, "datagrams_up") + count(&gateway, "over_budget");
        (0..200).for_each(|_| flood.write(Message::binary(connect(1))).unwrap());
        flood.flush().unwrap();
        wait_until("all is read", || count(&gateway, "datagrams_up") + count(&gateway, "over_budget") == before + 200);
        drop(flood);
        wait_until("it has left", || gateway.control().taken().1 == 0);
    }
    let allowed = 100 * (2 + began.elapsed().as_secs());
    assert!(count(&gateway, "datagrams_up") <= allowed, "{} of {allowed}", count(&gateway, "datagrams_up"));
}

/// An empty frame with this first byte, as a client sends it.
fn empty_frame(first: u8) -> [u8; 6] {
    [first, 0x80, 1, 2, 3, 4]
}

#[test]
fn frames_without_a_datagram_cost_the_budget_of_their_sender() {
    const PING: u8 = 0x89;
    const PONG: u8 = 0x8a;
    const CONTINUES: u8 = 0x00;
    let server = EchoServer::start();
    let limits = LimitSettings { datagrams_per_second: 100, ..LimitSettings::default() };
    let gateway = Gateway::start(Settings { limits, ..settings(&server) }).unwrap();
    for kind in [PING, PONG, CONTINUES] {
        let before = count(&gateway, "over_budget");
        let mut flood = open(gateway.listen(), "echo").unwrap();
        let stream = flood.get_mut();
        if kind == CONTINUES {
            // A binary message, whose fragments never end.
            stream.write_all(&empty_frame(0x02)).unwrap();
        }
        stream.write_all(&[empty_frame(kind); 2_000].concat()).unwrap();
        wait_until("most are over the budget", || count(&gateway, "over_budget") > before + 1_500);
    }
    assert_served(&gateway, &server);
}

#[test]
fn clients_cannot_take_each_others_handshakes() {
    let server = EchoServer::start();
    // One flow: the table is that of a flow.
    let gateway = Gateway::start(Settings { flows: 1, threads: 1, ..settings(&server) }).unwrap();
    let mut first = open(gateway.listen(), "echo").unwrap();
    let mut second = open(gateway.listen(), "echo").unwrap();
    first.send(Message::binary(connect(9))).unwrap();
    wait_until("it went up", || count(&gateway, "datagrams_up") == 1);
    second.send(Message::binary(connect(9))).unwrap();
    wait_until("it is dropped", || count(&gateway, "foreign_tag") == 1);
}

#[test]
fn a_drain_closes_all_clients_within_its_time_and_admits_nobody() {
    let server = EchoServer::start();
    let gateway = Gateway::start(settings(&server)).unwrap();
    let mut sockets: Vec<_> = (0..5).map(|_| open(gateway.listen(), "echo").unwrap()).collect();
    gateway.control().drain(Duration::from_secs(1));
    for socket in &mut sockets {
        assert_eq!(close_code(socket), Some(CloseCode::Away));
    }
    wait_until("all have left", || gateway.control().has_drained());
    assert_eq!(count(&gateway, "closed_draining"), 5);
    assert_eq!(Going::Draining.reason(), "the gateway shuts down");
    assert!(is_refused(gateway.listen()));
}

fn is_refused(gateway: SocketAddr) -> bool {
    let mut stream = TcpStream::connect(gateway).unwrap();
    let _ = write!(stream, "GET /v1/gateway HTTP/1.1\r\nhost: x\r\n\r\n");
    matches!(stream.read(&mut [0; 1]), Ok(0) | Err(_))
}

#[test]
fn a_client_that_sends_nothing_is_closed_after_the_idle_timeout() {
    let server = EchoServer::start();
    let settings = Settings { idle_timeout: Duration::from_secs(1), ..settings(&server) };
    let gateway = Gateway::start(settings).unwrap();
    let mut socket = open_with(gateway.listen(), request(gateway.listen(), "echo")).unwrap();
    assert_eq!(close_code(&mut socket), Some(CloseCode::Policy));
    assert_eq!(count(&gateway, "closed_idle"), 1);
}
