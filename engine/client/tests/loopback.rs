//! A driver talks to a real server over loopback. Each test waits for a state, never for a duration.

mod server;

use ringshard_client::protocol::connection::HeartbeatConfig;
use ringshard_client::protocol::endpoint::{EndCause, Event as ServerEvent};
use ringshard_client::protocol::wire::DisconnectReason;
use ringshard_client::{
    Channel, ClientConfig, CloseReason, ConnectError, Driver, Event, PublicKey, SendError, SocketStats,
};
use server::{EchoServer, public_key};
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

/// Only a test that fails takes this long.
const TIMEOUT: Duration = Duration::from_secs(60);

fn loopback() -> SocketAddr {
    ([127, 0, 0, 1], 0).into()
}

fn start() -> (EchoServer, Driver) {
    let server = EchoServer::start(loopback()).unwrap();
    let driver = Driver::connect(server.address, ClientConfig::new(public_key())).unwrap();
    (server, driver)
}

/// Drives until `done` says so, which sees all messages so far.
fn drive(driver: &mut Driver, mut done: impl FnMut(&mut Driver, &mut Vec<(Channel, Vec<u8>)>) -> bool) {
    let began = Instant::now();
    let mut messages = Vec::new();
    while !done(driver, &mut messages) {
        assert!(began.elapsed() < TIMEOUT, "{:?} {messages:?}", driver.stats());
        driver.wait(Duration::from_millis(20));
        driver.update();
        while let Some(event) = driver.poll_event() {
            match event {
                Event::Message(message) => messages.push((message.channel, message.bytes.to_vec())),
                Event::Connected { .. } => {}
                Event::Reconnecting(reason) | Event::Closed(reason) => panic!("the connection is gone: {reason}"),
            }
        }
    }
}

fn connect(driver: &mut Driver) {
    drive(driver, |driver, _| driver.is_connected());
}

/// Sends a message, and waits until it is back.
fn echo(driver: &mut Driver, channel: Channel, bytes: &[u8]) {
    driver.send(channel, bytes).unwrap();
    driver.flush();
    drive(driver, |_, messages| messages.contains(&(channel, bytes.to_vec())));
}

/// Drives until the connection is closed; gives the reason.
fn closed(driver: &mut Driver) -> CloseReason {
    let began = Instant::now();
    loop {
        while let Some(event) = driver.poll_event() {
            if let Event::Closed(reason) = event {
                return reason;
            }
        }
        assert!(began.elapsed() < TIMEOUT);
        driver.wait(Duration::from_millis(20));
        driver.update();
    }
}

fn wait_for(server: &EchoServer, mut wanted: impl FnMut(&ServerEvent) -> bool) {
    let began = Instant::now();
    while !server.events().iter().any(&mut wanted) {
        assert!(began.elapsed() < TIMEOUT, "{:?}", server.events());
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn is_hang_up(event: &ServerEvent) -> bool {
    matches!(event, ServerEvent::Ended { cause: EndCause::Client(DisconnectReason::Closed), .. })
}

#[test]
fn messages_of_every_channel_come_back() {
    let (server, mut driver) = start();
    assert_eq!(driver.send(Channel::RELIABLE_ORDERED, b"early"), Err(SendError::NotConnected));
    connect(&mut driver);
    for channel in Channel::all() {
        echo(&mut driver, channel, format!("hello by channel {channel}").as_bytes());
    }
    assert!(driver.client().id().is_some());
    assert_eq!(driver.server(), server.address);
}

#[test]
fn messages_of_every_size_come_back() {
    let (_server, mut driver) = start();
    connect(&mut driver);
    // In one datagram, compressed, and in fragments.
    for len in [0, 1, 1_000, 10_000, 65_536] {
        let plain = vec![7; len];
        let random: Vec<u8> = (0..len as u64).map(|at| (at.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) as u8).collect();
        echo(&mut driver, Channel::RELIABLE_ORDERED, &plain);
        echo(&mut driver, Channel::RELIABLE_UNORDERED, &random);
    }
    assert_eq!(driver.send(Channel::RELIABLE_ORDERED, &[0; 65_537]), Err(SendError::TooLong));
}

#[test]
fn many_messages_of_one_frame_all_come_back_in_order() {
    let (_server, mut driver) = start();
    connect(&mut driver);
    let sent: Vec<Vec<u8>> = (0..2_000u32).map(|number| number.to_le_bytes().to_vec()).collect();
    for message in &sent {
        driver.send(Channel::RELIABLE_ORDERED, message).unwrap();
    }
    drive(&mut driver, |_, messages| messages.len() == sent.len());
    // Unreliable ones: more than datagrams are composed for at once.
    for message in &sent {
        driver.send(Channel::UNRELIABLE, &[message.as_slice(), &[0; 500]].concat()).unwrap();
    }
    drive(&mut driver, |_, messages| !messages.is_empty());
}

/// Compressed, these messages are small: a datagram has several of them, and the game takes only one per update.
#[test]
fn large_messages_wait_in_order_for_a_slow_game() {
    const COUNT: u8 = 200;
    let (_server, mut driver) = start();
    connect(&mut driver);
    for number in 0..COUNT {
        driver.send(Channel::RELIABLE_ORDERED, &[number; 1 << 16]).unwrap();
    }
    let (began, mut next) = (Instant::now(), 0);
    while next < COUNT {
        assert!(began.elapsed() < TIMEOUT, "{:?}, {next} came back", driver.stats());
        driver.update();
        match driver.poll_event() {
            Some(Event::Message(message)) => {
                assert!(message.bytes.len() == 1 << 16 && message.bytes.iter().all(|&byte| byte == next));
                next += 1;
            }
            Some(event) => panic!("{event:?}"),
            None => driver.wait(Duration::from_millis(20)),
        }
    }
}

#[test]
fn ipv6_works_where_the_host_has_it() {
    let Ok(server) = EchoServer::start("[::1]:0".parse().unwrap()) else { return };
    let mut driver = Driver::connect(server.address, ClientConfig::new(public_key())).unwrap();
    connect(&mut driver);
    echo(&mut driver, Channel::RELIABLE_ORDERED, b"hello");
}

#[test]
fn a_driver_waits_for_a_server_that_starts_later() {
    // An address of this host that other tests do not use.
    let free = UdpSocket::bind(SocketAddr::from(([127, 0, 77, 1], 0))).unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let mut driver = Driver::connect(address, ClientConfig::new(public_key())).unwrap();
    drive(&mut driver, |driver, _| driver.stats().receive_failed > 0);
    assert!(!driver.is_connected() && !driver.is_closed(), "an ICMP error ends nothing");
    let _server = EchoServer::start(address).unwrap();
    connect(&mut driver);
    echo(&mut driver, Channel::RELIABLE_ORDERED, b"hello");
}

#[test]
fn a_server_with_another_key_is_not_trusted() {
    let server = EchoServer::start(loopback()).unwrap();
    let mut driver = Driver::connect(server.address, ClientConfig::new(PublicKey::from_bytes([9; 32]))).unwrap();
    assert!(!driver.is_connected());
    let reason = closed(&mut driver);
    assert!(!matches!(reason, CloseReason::Disconnected(_)), "{reason}");
    assert!(server.events().is_empty());
}

#[test]
fn a_disconnect_tells_the_server() {
    let (server, mut driver) = start();
    connect(&mut driver);
    driver.disconnect();
    assert_eq!(closed(&mut driver), CloseReason::Disconnected(DisconnectReason::Closed));
    assert!(driver.is_closed() && driver.poll_event().is_none());
    wait_for(&server, is_hang_up);
    driver.update();
    assert!(driver.poll_event().is_none(), "Closed is the last event");
}

#[test]
fn a_driver_that_is_dropped_disconnects() {
    let (server, mut driver) = start();
    connect(&mut driver);
    drop(driver);
    wait_for(&server, is_hang_up);
}

#[test]
fn a_connection_moves_to_a_new_socket() {
    let (server, mut driver) = start();
    connect(&mut driver);
    echo(&mut driver, Channel::RELIABLE_ORDERED, b"before");
    let former = driver.local_addr().unwrap();
    driver.rebind().unwrap();
    assert_ne!(driver.local_addr().unwrap(), former);
    echo(&mut driver, Channel::RELIABLE_ORDERED, b"after");
    drive(&mut driver, |_, _| server.events().iter().any(|event| matches!(event, ServerEvent::Renamed { .. })));
    let joined = server.events().iter().filter(|event| matches!(event, ServerEvent::Joined { .. })).count();
    assert_eq!(joined, 1, "it is the same connection");
}

#[test]
fn a_driver_reconnects_from_a_new_socket() {
    let heartbeat = HeartbeatConfig { interval: Duration::from_millis(200), timeout: Duration::from_secs(1) };
    // An address of this host that other tests do not use.
    let server = EchoServer::start_with(([127, 0, 78, 1], 0).into(), heartbeat).unwrap();
    let address = server.address;
    let config = ClientConfig { reconnect: true, ..ClientConfig::new(public_key()) };
    let mut driver = Driver::connect(address, config).unwrap();
    connect(&mut driver);
    let former = driver.local_addr().unwrap();
    drop(server);
    let began = Instant::now();
    let mut server = None;
    while !driver.is_connected() || server.is_none() {
        assert!(began.elapsed() < TIMEOUT, "{:?}", driver.stats());
        driver.wait(Duration::from_millis(20));
        driver.update();
        while let Some(event) = driver.poll_event() {
            match event {
                Event::Reconnecting(_) if server.is_none() => server = Some(EchoServer::start(address).unwrap()),
                Event::Closed(reason) => panic!("the connection is gone: {reason}"),
                _ => {}
            }
        }
    }
    assert_ne!(driver.local_addr().unwrap(), former, "the former address may be gone");
    echo(&mut driver, Channel::RELIABLE_ORDERED, b"again");
}

#[test]
fn a_driver_can_move_to_another_thread() {
    fn is_send<T: Send + 'static>() {}
    is_send::<Driver>();
}

#[test]
fn a_wait_ends_at_the_protocols_deadline() {
    // This socket neither answers nor refuses.
    let silent = UdpSocket::bind(loopback()).unwrap();
    let mut driver = Driver::connect(silent.local_addr().unwrap(), ClientConfig::new(public_key())).unwrap();
    assert_eq!(driver.stats(), &SocketStats { datagrams_out: 1, ..SocketStats::default() });
    driver.wait(Duration::from_secs(3_600));
    driver.wait(Duration::ZERO);
    drive(&mut driver, |driver, _| driver.stats().datagrams_out > 1);
}

#[test]
fn with_client_reaches_the_rest_of_the_client() {
    let (_server, mut driver) = start();
    connect(&mut driver);
    let room = driver.send_room();
    driver.with_client(|client, now| client.set_rate(now, Some(1_000_000)));
    driver.send(Channel::RELIABLE_ORDERED, &[0; 100]).unwrap();
    assert_eq!(driver.send_room(), room - 164);
}

#[test]
fn errors_of_connect_say_why() {
    let config = || ClientConfig::new(public_key());
    let unresolved = Driver::connect("no address at all", config()).unwrap_err();
    assert!(matches!(unresolved, ConnectError::Unresolved(_)), "{unresolved}");
    let none = Driver::connect(&[][..] as &[SocketAddr], config()).unwrap_err();
    assert!(matches!(none, ConnectError::Unresolved(_)), "{none}");
    let zero = ClientConfig::new(PublicKey::from_bytes([0; 32]));
    let key = Driver::connect(loopback(), zero).unwrap_err();
    assert!(matches!(key, ConnectError::Key(_) | ConnectError::Socket { .. }), "{key}");
}
