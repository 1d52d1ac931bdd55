//! One client and one server under virtual time, a millisecond at a time.

use super::network::{Path, Random, Way};
use super::rules::{Input, Shown, Walking};
use super::server::{Server, public_key};
use ringshard_client::protocol::connection::HeartbeatConfig;
use ringshard_client::protocol::limits::{DATAGRAM_BYTES_MAX, HEARTBEAT_DEFAULT, TIMEOUT_DEFAULT};
use ringshard_client::protocol::time::Instant;
use ringshard_client::{ClientConfig, EntityId, News, Pose, Scene};
use std::net::SocketAddr;
use std::time::Duration;

pub type Client = ringshard_client::Client<Walking>;
type MakeInput = Box<dyn FnMut(&Scene<'_, Walking>) -> Input>;
type Watch = Box<dyn FnMut(&Client, u64)>;
type Places = Box<dyn FnMut(u32) -> Vec<(EntityId, Pose, Shown)>>;

const MILLISECOND: u64 = 1_000_000;

pub struct Bench {
    pub now: u64,
    pub server: Server,
    pub client: Client,
    pub up: Way,
    pub down: Way,
    pub random: Random,
    /// Nanoseconds between two frames of the client.
    pub frame: u64,
    next_frame: u64,
    /// The server's clock may be faster.
    pub server_tick: u64,
    next_tick: u64,
    pub news: Vec<News<Walking>>,
    pub takes_news: bool,
    pub input: MakeInput,
    pub places: Places,
    /// Calls of the game for an input.
    pub inputs: u64,
    /// Called after each frame.
    pub watch: Watch,
    pub peer: SocketAddr,
    /// Allocations of the client so far, if they are counted.
    pub allocations: Option<u64>,
}

/// A stick that turns slowly, and now and then jerks.
pub fn restless(mut random: Random) -> MakeInput {
    let (mut x, mut y) = (0, 0);
    Box::new(move |_| {
        if random.share() < 0.1 {
            (x, y) = (random.stick(), random.stick());
        }
        Input { x, y, leap: false }
    })
}

impl Bench {
    pub fn new(seed: u64, path: Path) -> Self {
        Self::with(seed, path, 1_000, ClientConfig::new(public_key()))
    }

    pub fn with(seed: u64, path: Path, tick: u32, config: ClientConfig) -> Self {
        let heartbeat = HeartbeatConfig { interval: HEARTBEAT_DEFAULT, timeout: TIMEOUT_DEFAULT };
        let random = Random::new(seed);
        Bench {
            now: 0,
            server: Server::new(tick, heartbeat),
            client: Client::new(Walking::default(), config, b"ticket", Instant::ZERO, [3; 32]).unwrap(),
            up: Way::new(path),
            down: Way::new(path),
            frame: 16_666_667,
            next_frame: 0,
            server_tick: 16_666_667,
            next_tick: 5 * MILLISECOND,
            news: Vec::new(),
            takes_news: true,
            input: restless(random.clone()),
            places: Box::new(|_| Vec::new()),
            inputs: 0,
            watch: Box::new(|_, _| {}),
            random,
            allocations: None,
            peer: ([10, 0, 0, 1], 1_000).into(),
        }
    }

    pub fn time(&self) -> Instant {
        Instant::from_nanos(self.now)
    }

    pub fn config() -> ClientConfig {
        ClientConfig::new(public_key())
    }

    pub fn pass(&mut self, time: Duration) {
        let end = self.now + time.as_nanos() as u64;
        while self.now < end {
            self.now += MILLISECOND / 4;
            self.serve();
            if self.now >= self.next_frame {
                self.next_frame += self.frame;
                self.next_frame = self.next_frame.max(self.now);
                self.show_frame();
            }
        }
    }

    pub fn pass_seconds(&mut self, seconds: u64) {
        self.pass(Duration::from_secs(seconds));
    }

    /// Until the client is in the world and has made inputs.
    pub fn enter(&mut self) {
        for _ in 0..10_000 {
            self.pass(Duration::from_millis(1));
            if self.client.stats().inputs_made > 0 {
                return;
            }
        }
        panic!("the client does not enter: {:?} {:?}", self.client, self.news);
    }

    fn serve(&mut self) {
        let now = self.time();
        while let Some(mut datagram) = self.up.receive(self.now) {
            self.server.receive(now, self.peer, &mut datagram);
        }
        if self.now >= self.next_tick {
            self.next_tick += self.server_tick;
            let places = (self.places)(self.server.tick.wrapping_add(1));
            self.server.step(now, &places);
        }
        self.server.turn(now);
        for (_, datagram) in self.server.outbox.waiting.drain(..) {
            self.down.send(self.now, datagram, &mut self.random);
        }
    }

    /// The server starts anew, at `tick`: it knows nobody.
    pub fn restart_server(&mut self, tick: u32) {
        let heartbeat = HeartbeatConfig { interval: HEARTBEAT_DEFAULT, timeout: TIMEOUT_DEFAULT };
        self.server = Server::new(tick, heartbeat);
    }

    /// Runs `call` on the client, and counts its allocations if they are to be counted.
    fn call(&mut self, call: impl FnOnce(&mut Client)) {
        let client = &mut self.client;
        let counted = allocation_counter::measure(|| call(client));
        if let Some(allocations) = &mut self.allocations {
            *allocations += counted.count_total;
        }
    }

    /// A frame of the client. Datagrams wait in the socket until then.
    pub fn show_frame(&mut self) {
        let now = self.time();
        while self.client.has_room()
            && let Some(mut datagram) = self.down.receive(self.now)
        {
            self.call(|client| client.receive(now, &mut datagram));
        }
        if self.takes_news {
            self.news.extend(std::iter::from_fn(|| self.client.news()));
        }
        let mut due = 0;
        self.call(|client| due = client.advance(now));
        for _ in 0..due {
            self.inputs += 1;
            let input = (self.input)(&self.client.scene());
            self.call(|client| assert!(client.input(&input)));
        }
        self.call(|client| {
            client.scene().others().for_each(|other| {
                std::hint::black_box(other);
            });
        });
        let mut datagram = [0; DATAGRAM_BYTES_MAX];
        let mut len = Some(0);
        while len.is_some() {
            self.call(|client| len = client.transmit(now, &mut datagram));
            if let Some(len) = len {
                self.up.send(self.now, datagram[..len].to_vec(), &mut self.random);
            }
        }
        (self.watch)(&self.client, self.now);
    }
}
