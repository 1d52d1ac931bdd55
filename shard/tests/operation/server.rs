//! A server on real sockets, over both datapaths.

use ringshard::config::{Configuration, Sources};
use ringshard::ops::handle::ServerHandle;
use ringshard::ops::log::Log;
use ringshard::ops::report::ServerReport;
use ringshard::runtime::datapath::{Backend, Datapath};
use ringshard::runtime::idle::Strategy;
use ringshard::runtime::server::{Server, ServerConfig};
use ringshard::runtime::service::{Echo, LiveSettings, Service};
use ringshard::world::rewind::{Beyond, RewindSettings};
use ringshard_link::uring::Ring;
use ringshard_protocol::Endpoint;
use ringshard_protocol::client::{Client, ClientConfig, ClientEvent, CloseReason};
use ringshard_protocol::connection::{HeartbeatConfig, TransportConfig};
use ringshard_protocol::crypto::{SecretKey, Suites};
use ringshard_protocol::endpoint::Policy;
use ringshard_protocol::limits::{
    DATAGRAM_BYTES_MAX, HEARTBEAT_DEFAULT, MESSAGE_MEMORY_BYTES_DEFAULT, TIMEOUT_DEFAULT,
};
use ringshard_protocol::time::Instant;
use ringshard_protocol::wire::{Channel, ConnectionId, DisconnectReason, Message};
use std::net::{SocketAddr, UdpSocket};
use std::sync::mpsc;
use std::time::Duration;

fn config(listen: SocketAddr, cores: usize, datapath: Datapath) -> ServerConfig {
    let present: Vec<usize> = core_affinity_ids();
    ServerConfig {
        listen,
        cpus: present.iter().copied().cycle().take(cores).collect(),
        datapath,
        idle: Strategy::Adaptive,
        connections_max: 256,
        socket_buffer_bytes: 1 << 20,
        receive_buffer: Duration::from_millis(500),
        queue_max: None,
        arrival_stamps: true,
        suites: Suites::native(),
        heartbeat: HeartbeatConfig { interval: HEARTBEAT_DEFAULT, timeout: TIMEOUT_DEFAULT },
        secret: SecretKey::from_bytes([7; 32]),
        pre_shared: None,
        transport: TransportConfig::default(),
        message_bytes_max: MESSAGE_MEMORY_BYTES_DEFAULT,
        integrity: None,
        policy: Policy::default(),
    }
}

fn core_affinity_ids() -> Vec<usize> {
    core_affinity::get_core_ids().unwrap_or_default().iter().map(|core| core.id).collect()
}

/// Runs a scenario over each datapath that this host has.
fn over_each_datapath(cores: usize, scenario: fn(&Server)) {
    for datapath in [Datapath::Mmsg, Datapath::Auto] {
        let config = config(([127, 0, 0, 1], 0).into(), cores, datapath);
        let server = Server::start(&config, |_| Echo).expect("the server starts on a free port");
        scenario(&server);
        server.lifecycle().stop();
        let report = ServerReport::from(server.join());
        assert!(report.cores.iter().all(|core| core.connections == 0), "a stopped server has no connections");
    }
}

/// A client on a socket of its own, stepped by the test.
struct Player {
    client: Client,
    socket: UdpSocket,
    server: SocketAddr,
    /// The source of the last datagram.
    received_from: Option<SocketAddr>,
    started: std::time::Instant,
}

impl Player {
    fn new(server: &Server) -> Self {
        let config = ClientConfig::new(server.public_key());
        let client = Client::new(config, Instant::ZERO, ringshard::runtime::entropy::random_bytes()).unwrap();
        let (server, started) = (server.listen(), std::time::Instant::now());
        Player { client, socket: socket(), server, received_from: None, started }
    }

    fn now(&self) -> Instant {
        Instant::ZERO + self.started.elapsed()
    }

    /// Sends what waits, then receives for a few milliseconds; gives the messages.
    fn step(&mut self) -> Vec<Vec<u8>> {
        let now = self.now();
        self.client.advance(now);
        let mut buffer = [0; DATAGRAM_BYTES_MAX];
        while let Some(len) = self.client.poll_transmit(now, &mut buffer) {
            self.socket.send_to(&buffer[..len], self.server).unwrap();
        }
        let mut messages = Vec::new();
        while let Ok((len, from)) = self.socket.recv_from(&mut buffer) {
            self.received_from = Some(from);
            let now = self.now();
            let received = self.client.receive(now, &mut buffer[..len]).into_iter().flatten();
            messages.extend(received.map(|message| message.bytes.to_vec()));
            let mut message = Vec::new();
            while self.client.read(&mut message).is_some() {
                messages.push(message.clone());
            }
        }
        messages
    }

    /// Steps until `done`, for at most ten seconds.
    fn until(&mut self, what: &str, mut done: impl FnMut(&mut Self, Vec<Vec<u8>>) -> bool) {
        let give_up = std::time::Instant::now() + Duration::from_secs(10);
        loop {
            let messages = self.step();
            if done(self, messages) {
                return;
            }
            assert!(std::time::Instant::now() < give_up, "{what}");
        }
    }

    fn connect(&mut self) {
        self.until("the client connects", |player, _| player.client.is_connected());
    }

    fn echoes(&mut self, text: &[u8]) {
        self.echoes_on(Channel::UNRELIABLE, text);
    }

    fn echoes_on(&mut self, channel: Channel, text: &[u8]) {
        self.client.send(self.now(), channel, text).unwrap();
        self.until("the echo comes back", |_, messages| messages.iter().any(|message| message == text));
    }
}

fn socket() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
    socket
}

#[test]
fn players_on_every_core_get_their_echo() {
    over_each_datapath(2, |server| {
        let mut players: Vec<Player> = (0..16).map(|_| Player::new(server)).collect();
        for (number, player) in players.iter_mut().enumerate() {
            player.connect();
            player.echoes(format!("player {number}").as_bytes());
        }
        let cores: std::collections::HashSet<u8> =
            players.iter().filter_map(|player| Some(player.client.id()?.core())).collect();
        assert_eq!(cores.len(), 2, "16 addresses are spread over both cores");
    });
}

#[test]
fn a_player_whose_port_changes_reaches_the_same_core_and_session() {
    for datapath in [Datapath::Mmsg, Datapath::Auto] {
        let server = Server::start(&config(([127, 0, 0, 1], 0).into(), 2, datapath), |_| Echo).unwrap();
        let mut player = Player::new(&server);
        player.connect();
        player.echoes(b"before");
        let core = player.client.id().unwrap().core();
        // Many ports: the address hash alone would pick the other core for about half of them.
        for number in 0..16 {
            player.socket = socket();
            let former = player.client.id();
            player.client.address_changed(player.now());
            player.echoes_on(Channel::RELIABLE_ORDERED, format!("from port {number}").as_bytes());
            player.until("the connection gets a new id", |player, _| player.client.id() != former);
            player.echoes_on(Channel::RELIABLE_ORDERED, b"under the new id");
        }
        server.lifecycle().stop();
        let report = ServerReport::from(server.join());
        assert_eq!(report.total("migrated"), 16);
        assert!(report.drops().is_empty(), "{:?}", report.drops());
        let other = &report.cores[1 - usize::from(core)];
        assert_eq!(
            other.counter("datagrams_in"),
            0,
            "steering is by connection id, so nothing arrives at the other core"
        );
    }
}

#[test]
fn messages_of_every_channel_and_size_come_back() {
    over_each_datapath(1, |server| {
        let mut player = Player::new(server);
        player.connect();
        for channel in Channel::all() {
            for size in [1, 1_168, 1_169, 20_000, 65_536] {
                let text: Vec<u8> =
                    (0..size as u32).map(|at| (at >> 3) as u8 ^ (at % 7) as u8 ^ channel.number()).collect();
                player.echoes_on(channel, &text);
            }
        }
    });
}

#[test]
fn a_server_that_stops_disconnects_its_players() {
    for datapath in [Datapath::Mmsg, Datapath::Auto] {
        let server = Server::start(&config(([127, 0, 0, 1], 0).into(), 2, datapath), |_| Echo).unwrap();
        let mut players: Vec<Player> = (0..8).map(|_| Player::new(&server)).collect();
        players.iter_mut().for_each(Player::connect);
        players.iter_mut().for_each(|player| player.echoes(b"hello"));
        server.lifecycle().stop();
        let report = ServerReport::from(server.join());
        assert_eq!(report.total("joined"), 8);
        for player in &mut players {
            player.until("the Disconnect arrives", |player, _| player.client.is_closed());
            let reason = CloseReason::Disconnected(DisconnectReason::ShuttingDown);
            let events: Vec<_> = std::iter::from_fn(|| player.client.poll_event()).collect();
            assert_eq!(events.last(), Some(&ClientEvent::Closed(reason)));
        }
    }
}

#[test]
fn ipv4_and_ipv6_players_share_a_wildcard_server() {
    let listen: SocketAddr = "[::]:0".parse().unwrap();
    for datapath in [Datapath::Mmsg, Datapath::Auto] {
        let Ok(server) = Server::start(&config(listen, 1, datapath), |_| Echo) else {
            // This host has no IPv6.
            return;
        };
        let port = server.listen().port();
        for (own, address) in [("127.0.0.1:0", format!("127.0.0.1:{port}")), ("[::1]:0", format!("[::1]:{port}"))] {
            let mut player = Player::new(&server);
            player.server = address.parse().unwrap();
            player.socket = UdpSocket::bind(own).unwrap();
            player.socket.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
            player.connect();
            player.echoes(address.as_bytes());
        }
        server.lifecycle().stop();
        server.join();
    }
}

#[test]
fn random_datagrams_harm_no_player() {
    over_each_datapath(1, |server| {
        let mut player = Player::new(server);
        player.connect();
        let sender = socket();
        for len in [0, 1, 13, 14, 100, 1472, 1473, 9000] {
            for fill in [0u8, 0xFF, 0x5A] {
                sender.send_to(&vec![fill; len], server.listen()).unwrap();
            }
        }
        player.echoes(b"still here");
    });
}

#[test]
fn answers_leave_from_the_address_that_the_player_sends_to() {
    // By default answers leave from 127.0.0.1. All of 127.0.0.0/8 belongs to this host.
    for listen in ["0.0.0.0:0", "[::]:0"] {
        for datapath in [Datapath::Mmsg, Datapath::Auto] {
            let server = Server::start(&config(listen.parse().unwrap(), 2, datapath), |_| Echo).unwrap();
            let port = server.listen().port();
            for host in [2, 3] {
                let mut player = Player::new(&server);
                player.server = ([127, 0, 0, host], port).into();
                // The socket receives from this address only.
                player.socket.connect(player.server).unwrap();
                player.connect();
                player.echoes(b"from there");
                assert_eq!(player.received_from, Some(player.server));
            }
            server.lifecycle().stop();
            let report = ServerReport::from(server.join());
            assert_eq!((report.total("joined"), report.total("migrated")), (2, 0));
        }
    }
}

#[test]
fn another_address_of_the_server_is_another_path() {
    for datapath in [Datapath::Mmsg, Datapath::Auto] {
        let server = Server::start(&config(([0, 0, 0, 0], 0).into(), 1, datapath), |_| Echo).unwrap();
        let mut player = Player::new(&server);
        for host in [1, 2] {
            player.server = ([127, 0, 0, host], server.listen().port()).into();
            player.until("the server answers from this address", |player, _| {
                player.client.address_changed(player.now());
                player.client.is_connected() && player.received_from == Some(player.server)
            });
            player.echoes_on(Channel::RELIABLE_ORDERED, b"from there");
        }
        server.lifecycle().stop();
        assert_eq!(
            ServerReport::from(server.join()).total("migrated"),
            1,
            "the server challenges the other path before it uses it"
        );
    }
}

#[test]
fn auto_uses_io_uring_where_it_is_available() {
    let server = Server::start(&config(([127, 0, 0, 1], 0).into(), 2, Datapath::Auto), |_| Echo).unwrap();
    assert_eq!(server.datapath() == Backend::Uring, Ring::open().is_ok());
    server.lifecycle().stop();
    server.join();
}

#[test]
fn a_reload_reaches_the_service_of_every_core() {
    /// Tells what it is given.
    struct Reloaded(usize, mpsc::Sender<(usize, RewindSettings)>);
    impl Service for Reloaded {
        fn message(&mut self, _: Instant, _: &mut Endpoint, _: ConnectionId, _: Message<'_>) {}
        fn reload(&mut self, settings: &LiveSettings) {
            assert!(settings.get::<u8>().is_none(), "settings of another type");
            self.1.send((self.0, *settings.get().expect("the settings of a world"))).unwrap();
        }
    }
    let file = std::env::temp_dir().join(format!("ringshard-server-reload-{}.toml", std::process::id()));
    std::fs::write(&file, "").unwrap();
    let configuration = Configuration::load(Sources { file: Some(file.clone()), ..Sources::default() }).unwrap();
    let (sender, seen) = mpsc::channel();
    let config = config(([127, 0, 0, 1], 0).into(), 2, Datapath::Mmsg);
    let server = Server::start(&config, |core| Reloaded(core, sender.clone())).unwrap();
    let handle = ServerHandle::new(&server, Some(configuration), Log::external());
    std::fs::write(&file, "rewind-ms = 500\nrewind-beyond = \"refuse\"\n").unwrap();
    let reloaded = handle.reload().unwrap();
    assert_eq!(reloaded.changed, ["rewind-ms", "rewind-beyond"]);
    let mut seen: Vec<_> = seen.try_iter().collect();
    seen.sort_by_key(|(core, _)| *core);
    let expected = RewindSettings { max_ticks: 30.0, beyond: Beyond::Refuse };
    assert_eq!(seen, [(0, expected), (1, expected)]);
    server.lifecycle().stop();
    server.join();
    std::fs::remove_file(&file).unwrap();
}

#[test]
fn the_service_of_every_core_learns_once_that_the_server_ends() {
    struct Ending(usize, mpsc::Sender<usize>);
    impl Service for Ending {
        fn message(&mut self, _: Instant, _: &mut Endpoint, _: ConnectionId, _: Message<'_>) {}
        fn end(&mut self) {
            self.1.send(self.0).unwrap();
        }
    }
    let (sender, ended) = mpsc::channel();
    let config = config(([127, 0, 0, 1], 0).into(), 2, Datapath::Mmsg);
    let server = Server::start(&config, |core| Ending(core, sender.clone())).unwrap();
    assert_eq!(ended.try_recv(), Err(mpsc::TryRecvError::Empty));
    server.lifecycle().stop();
    server.join();
    let mut ended: Vec<_> = ended.try_iter().collect();
    ended.sort_unstable();
    assert_eq!(ended, [0, 1]);
}
