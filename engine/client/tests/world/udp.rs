//! A client with a socket of its own, in the world of the model server on a thread.

use crate::model::{Input, Server, Shown, Walking, public_key};
use ringshard_client::protocol::connection::HeartbeatConfig;
use ringshard_client::protocol::limits::{DATAGRAM_BYTES_MAX, HEARTBEAT_DEFAULT, TIMEOUT_DEFAULT};
use ringshard_client::protocol::time::Instant;
use ringshard_client::{ClientConfig, ConnectError, EntityId, News, Pose, Udp};
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

const ROCK: EntityId = EntityId { index: 9, generation: 1 };
/// Only a test that fails takes this long.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A server on a thread; it ends with the test.
struct Running {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    players: Arc<AtomicUsize>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Running {
    fn start() -> Self {
        let socket = UdpSocket::bind(("127.0.0.1", 0)).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(2))).unwrap();
        let address = socket.local_addr().unwrap();
        let (stop, players) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
        let (stopped, counted) = (stop.clone(), players.clone());
        let thread = std::thread::spawn(move || {
            let heartbeat = HeartbeatConfig { interval: HEARTBEAT_DEFAULT, timeout: TIMEOUT_DEFAULT };
            let mut server = Server::new(0, heartbeat);
            let start = std::time::Instant::now();
            let mut datagram = [0; DATAGRAM_BYTES_MAX];
            while !stopped.load(Ordering::Relaxed) {
                let arrival = socket.recv_from(&mut datagram);
                let now = Instant::ZERO + start.elapsed();
                if let Ok((len, peer)) = arrival {
                    server.receive(now, peer, &mut datagram[..len]);
                }
                while u64::from(server.tick) < now.as_nanos() * 60 / 1_000_000_000 {
                    server.step(now, &[(ROCK, Pose::at([100.0, 0.0, 0.0]), Shown { health: 3 })]);
                }
                server.turn(now);
                for (peer, bytes) in server.outbox.waiting.drain(..) {
                    let _ = socket.send_to(&bytes, peer);
                }
                counted.store(server.players.len(), Ordering::Relaxed);
            }
        });
        Running { address, stop, players, thread: Some(thread) }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let ended = self.thread.take().unwrap().join();
        assert!(ended.is_ok() || std::thread::panicking(), "the server panicked");
    }
}

/// Polls until `done` says so.
fn poll(udp: &mut Udp<Walking>, mut done: impl FnMut(&Udp<Walking>, &[News<Walking>]) -> bool) {
    let (began, mut news) = (std::time::Instant::now(), Vec::new());
    while !done(udp, &news) {
        assert!(began.elapsed() < TIMEOUT, "{udp:?} {news:?}");
        udp.wait(Duration::from_millis(50));
        udp.poll(|_| Input { x: 100, ..Input::default() });
        news.extend(std::iter::from_fn(|| udp.news()));
    }
}

#[test]
fn a_client_plays_over_a_socket_moves_to_another_and_leaves_when_it_is_dropped() {
    let server = Running::start();
    let mut udp = Udp::connect(server.address, Walking::default(), ClientConfig::new(public_key()), b"ticket").unwrap();
    poll(&mut udp, |udp, news| {
        let spawned = news.iter().any(|news| matches!(news, News::Spawned(ROCK)));
        spawned && udp.client().stats().inputs_made > 100
    });
    let scene = udp.client().scene();
    let (_, pose, shown) = scene.others().next().unwrap();
    assert!((pose.point[0] - 100.0).abs() < 0.5 && shown.health == 3);
    assert!(scene.own().unwrap().x > 50_100.0);
    let former = udp.local_addr().unwrap();
    udp.rebind().unwrap();
    assert_ne!(udp.local_addr().unwrap(), former);
    let snapshots = udp.client().stats().snapshots;
    poll(&mut udp, |udp, _| udp.client().stats().snapshots > snapshots + 60);
    assert_eq!(udp.client().stats().reconnects, 0, "it is the same connection");
    assert_eq!((udp.server(), udp.socket_stats().send_failed), (server.address, 0));
    drop(udp);
    let began = std::time::Instant::now();
    while server.players.load(Ordering::Relaxed) > 0 {
        assert!(began.elapsed() < TIMEOUT);
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn errors_of_connect_say_why() {
    let connect =
        |ticket: &[u8]| Udp::connect("127.0.0.1:9", Walking::default(), ClientConfig::new(public_key()), ticket);
    assert!(matches!(connect(&[0; 2_000]), Err(ConnectError::Ticket(2_000))));
    assert!(connect(&[0; 1_024]).is_ok(), "a server that does not answer is no error");
}

#[test]
fn a_client_can_move_to_another_thread() {
    fn is_send<T: Send + 'static>() {}
    is_send::<Udp<Walking>>();
}
