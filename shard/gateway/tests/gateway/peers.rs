//! Players who talk directly: the STUN server and the relay of a gateway.

use crate::server::{EchoServer, PATIENCE, count, settings};
use ringshard_gateway::Gateway;
use ringshard_peer::limits::PEER_DATAGRAM_BYTES_MAX;
use ringshard_peer::{CandidateKind, Mesh, MeshConfig, MeshEvent, PeerId, RelayConfig, stun};
use ringshard_protocol::gateway::{GatewayKey, RelayTicket};
use ringshard_protocol::time::{Duration, Instant};
use ringshard_protocol::wire::Channel;
use ringshard_world::EntityId;
use std::net::{SocketAddr, UdpSocket};

const KEY: [u8; 32] = [0x33; 32];
/// The year 2100.
const LATER: u64 = 4_102_444_800;

fn gateway(key: Option<[u8; 32]>) -> (EchoServer, Gateway) {
    gateway_at(([127, 0, 0, 1], 0).into(), key)
}

fn gateway_at(peers: SocketAddr, key: Option<[u8; 32]>) -> (EchoServer, Gateway) {
    let server = EchoServer::start();
    let mut settings = settings(&server);
    settings.peers = Some(peers);
    settings.key = key.map(GatewayKey::from_bytes);
    let gateway = Gateway::start(settings).expect("the gateway starts");
    (server, gateway)
}

fn socket() -> UdpSocket {
    socket_at("127.0.0.1:0")
}

fn socket_at(address: &str) -> UdpSocket {
    let socket = UdpSocket::bind(address).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    socket
}

/// Waits for a counter to reach a value.
fn reaches(gateway: &Gateway, name: &str, value: u64) -> bool {
    let start = std::time::Instant::now();
    while start.elapsed() < PATIENCE {
        if count(gateway, name) >= value {
            return true;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    false
}

#[test]
fn stun_tells_the_address_and_answers_no_request_that_is_shorter_than_the_answer() {
    let (_server, gateway) = gateway(None);
    let to = gateway.peers().expect("the port is on");
    let (socket, request) = (socket(), stun::request([9; 12]));
    let mut bare = request[..20].to_vec();
    bare[2..4].fill(0);
    socket.send_to(&bare, to).unwrap();
    socket.send_to(b"garbage", to).unwrap();
    socket.send_to(&request, to).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut answer = [0; 100];
    let (len, _) = socket.recv_from(&mut answer).expect("an answer");
    assert_eq!(stun::mapped_address(&answer[..len], &[9; 12]), Some(socket.local_addr().unwrap()));
    assert_eq!((count(&gateway, "stun_answered"), count(&gateway, "peers_invalid")), (1, 2));
}

/// A gateway for players of both families, and its address for each.
fn gateway_of_both(key: Option<[u8; 32]>) -> (EchoServer, Gateway, [SocketAddr; 2]) {
    let (server, gateway) = gateway_at("[::]:0".parse().unwrap(), key);
    let port = gateway.peers().expect("the port is on").port();
    let addresses = ["127.0.0.1", "::1"].map(|ip| SocketAddr::new(ip.parse().unwrap(), port));
    (server, gateway, addresses)
}

#[test]
fn one_port_tells_players_of_both_families_their_addresses() {
    let (_server, _gateway, addresses) = gateway_of_both(None);
    for (to, own) in addresses.into_iter().zip(["127.0.0.1:0", "[::1]:0"]) {
        let socket = socket_at(own);
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.send_to(&stun::request([9; 12]), to).unwrap();
        let mut answer = [0; 100];
        let (len, from) = socket.recv_from(&mut answer).expect("an answer");
        assert_eq!(from, to);
        assert_eq!(stun::mapped_address(&answer[..len], &[9; 12]), Some(socket.local_addr().unwrap()));
    }
}

#[test]
fn an_address_that_asks_too_fast_gets_no_more_answers() {
    let (_server, gateway) = gateway(None);
    let to = gateway.peers().expect("the port is on");
    let socket = socket();
    for _ in 0..400 {
        socket.send_to(&stun::request([9; 12]), to).unwrap();
        std::thread::sleep(Duration::from_micros(50));
    }
    assert!(reaches(&gateway, "peers_limited", 100));
    assert!(count(&gateway, "stun_answered") <= 260);
}

/// A player that nobody can reach directly: it says that it is where it is not.
struct Player {
    mesh: Mesh,
    socket: UdpSocket,
    start: std::time::Instant,
    entity: EntityId,
    peer: PeerId,
    events: Vec<MeshEvent>,
}

impl Player {
    fn new(number: u16, relay: SocketAddr, ticket: RelayTicket) -> Player {
        Player::with(number, vec![relay], ticket, socket())
    }

    /// A player whose socket has one family.
    fn with(number: u16, relay: Vec<SocketAddr>, ticket: RelayTicket, socket: UdpSocket) -> Player {
        let is_ipv6 = socket.local_addr().unwrap().is_ipv6();
        let nowhere = if is_ipv6 { format!("[2001:db8::{number}]:4000") } else { format!("192.0.2.{number}:4000") };
        let mut config = MeshConfig::new(*b"mesh of a relay.", vec![nowhere.parse().unwrap()]);
        config.relay = Some(RelayConfig { addresses: relay, ticket });
        let mut mesh = Mesh::new(config, Instant::ZERO, [number as u8; 32]);
        let other = EntityId { index: 1 - number, generation: 1 };
        let peer = mesh.join(Instant::ZERO, other).unwrap();
        let entity = EntityId { index: number, generation: 1 };
        Player { mesh, socket, start: std::time::Instant::now(), entity, peer, events: Vec::new() }
    }

    /// Receives, sends, and gives what is for the other player.
    fn turn(&mut self) -> Vec<Vec<u8>> {
        let mut datagram = [0; PEER_DATAGRAM_BYTES_MAX];
        if let Ok((len, from)) = self.socket.recv_from(&mut datagram) {
            self.mesh.receive(self.now(), from, &mut datagram[..len]);
        }
        let now = self.now();
        self.mesh.advance(now);
        while let Some((to, len)) = self.mesh.poll_transmit(now, &mut datagram) {
            let _ = self.socket.send_to(&datagram[..len], to);
        }
        self.events.extend(std::iter::from_fn(|| self.mesh.poll_event()));
        std::iter::from_fn(|| self.mesh.poll_introduction(now)).map(|(_, bytes)| bytes).collect()
    }

    fn now(&self) -> Instant {
        Instant::ZERO + self.start.elapsed()
    }

    fn has_heard(&self, text: &[u8]) -> bool {
        let heard = |event: &MeshEvent| matches!(event, MeshEvent::Message(_, _, bytes) if bytes == text);
        self.events.iter().any(heard)
    }
}

/// Two players with these tickets say something to each other; whether both heard it in time.
fn talk(players: &mut [Player; 2], patience: Duration) -> bool {
    let start = std::time::Instant::now();
    let mut said = [false; 2];
    while start.elapsed() < patience {
        for one in 0..2 {
            for bytes in players[one].turn() {
                let (from, now) = (players[one].entity, players[1 - one].now());
                players[1 - one].mesh.introduced(now, from, &bytes);
            }
            let player = &mut players[one];
            let (now, peer) = (player.now(), player.peer);
            said[one] |=
                !said[one] && player.mesh.send(now, peer, Channel::RELIABLE_ORDERED, b"over the relay").is_ok();
        }
        // A message can arrive over a pair that is not nominated yet.
        let is_settled = |player: &Player| player.mesh.path(player.peer).is_some();
        if players.iter().all(|player| player.has_heard(b"over the relay") && is_settled(player)) {
            return true;
        }
    }
    false
}

#[test]
fn the_relay_carries_between_players_with_tickets_of_the_gateways_key() {
    let (_server, gateway) = gateway(Some(KEY));
    let relay = gateway.peers().expect("the port is on");
    let key = GatewayKey::from_bytes(KEY);
    let mut players =
        [0, 1].map(|number| Player::new(number, relay, RelayTicket::issue(&key, LATER, [number as u8; 8])));
    assert!(talk(&mut players, PATIENCE), "{:?}", players[0].events);
    for player in &players {
        assert_eq!(player.mesh.path(player.peer).map(|path| path.kind), Some(CandidateKind::Relayed));
    }
    assert!(reaches(&gateway, "relay_opened", 2) && reaches(&gateway, "relay_carried", 10));
    assert_eq!(count(&gateway, "relay_refused"), 0);
}

#[test]
fn the_relay_connects_a_player_with_ipv4_alone_to_one_with_ipv6_alone() {
    let (_server, gateway, addresses) = gateway_of_both(Some(KEY));
    let ticket = RelayTicket::issue(&GatewayKey::from_bytes(KEY), LATER, [5; 8]);
    let sockets = ["127.0.0.1:0", "[::1]:0"].map(socket_at);
    let mut number = 0;
    let mut players = sockets.map(|socket| {
        number += 1;
        Player::with(number - 1, addresses.to_vec(), ticket, socket)
    });
    assert!(talk(&mut players, PATIENCE), "{:?}", players[0].events);
    assert!(reaches(&gateway, "relay_opened", 2) && reaches(&gateway, "relay_carried", 10));
}

#[test]
fn the_relay_refuses_tickets_of_other_keys_and_those_that_have_expired() {
    let (_server, gateway) = gateway(Some(KEY));
    let relay = gateway.peers().expect("the port is on");
    let (key, other) = (GatewayKey::from_bytes(KEY), GatewayKey::from_bytes([0x44; 32]));
    let mut players = [
        Player::new(0, relay, RelayTicket::issue(&other, LATER, [0; 8])),
        Player::new(1, relay, RelayTicket::issue(&key, 1, [1; 8])),
    ];
    assert!(!talk(&mut players, Duration::from_secs(2)));
    assert!(reaches(&gateway, "relay_refused", 2));
    assert_eq!(count(&gateway, "relay_opened"), 0);
}

#[test]
fn a_drain_opens_no_channel_and_lets_those_that_are_open_end() {
    let (_server, gateway) = gateway(Some(KEY));
    let relay = gateway.peers().expect("the port is on");
    let ticket = |number: usize| RelayTicket::issue(&GatewayKey::from_bytes(KEY), LATER, [number as u8; 8]);
    let mut players = [0, 1].map(|number| Player::new(number, relay, ticket(number.into())));
    assert!(talk(&mut players, PATIENCE), "{:?}", players[0].events);
    assert!(reaches(&gateway, "relay_opened", 2));
    gateway.control().drain(Duration::from_secs(600));
    let carried = count(&gateway, "relay_carried");
    let mut late = [0, 1].map(|number| Player::new(number, relay, ticket(7)));
    assert!(!talk(&mut late, Duration::from_secs(2)));
    assert!(reaches(&gateway, "relay_refused", 1));
    assert_eq!(count(&gateway, "relay_opened"), 2);
    assert!(!gateway.control().has_drained(), "two channels are open");
    players.iter_mut().for_each(|player| player.events.clear());
    assert!(talk(&mut players, PATIENCE), "{:?}", players[0].events);
    assert!(reaches(&gateway, "relay_carried", carried + 1));
}
