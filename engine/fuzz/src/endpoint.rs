//! An endpoint with an established client, at the mercy of the input.

use crate::input::Input;
use crate::link::FlatLink;
use crate::put_checksum;
use ringshard_engine::crypto::noise::{Initiator, MESSAGE_1_BYTES};
use ringshard_engine::crypto::{SecretKey, Suite, Suites};
use ringshard_engine::endpoint::{Endpoint, EndpointConfig, Event, Received};
use ringshard_engine::limits::*;
use ringshard_engine::link::{Link, Path};
use ringshard_engine::session::{HeartbeatConfig, Session, prologue, sealed_len};
use ringshard_engine::stats::Drops;
use ringshard_engine::time::{Duration, Instant};
use ringshard_engine::wire::*;
use std::cell::RefCell;
use std::net::SocketAddr;

const HEARTBEAT: HeartbeatConfig = HeartbeatConfig { interval: HEARTBEAT_DEFAULT, timeout: TIMEOUT_DEFAULT };
const SUITES: u8 = Suite::ChaCha20Poly1305 as u8;
/// A connection is made anew after so many inputs, so that a finding seldom hangs on a long past.
const INPUTS_PER_CONNECTION: u32 = 10_000;

/// Stands on the client's side of the keys, and so can seal what no client would.
struct Peer {
    session: Session,
    path: Path,
    last: Vec<u8>,
}

struct Scene {
    endpoint: Endpoint,
    link: FlatLink,
    now: Instant,
    peer: Peer,
    /// The cookie that [`STRANGER`] was given last, for its second Connect.
    cookie: [u8; COOKIE_BYTES],
    inputs: u32,
}

const STRANGER: u8 = 200;

fn path(host: u8) -> Path {
    Path { socket: 0, peer: SocketAddr::from(([10, 0, 0, host], 9)) }
}

fn begin(ephemeral: u8) -> (Initiator, [u8; MESSAGE_1_BYTES]) {
    let server = SecretKey::from_bytes([1; 32]).public();
    let prologue = prologue(SUITES, Options { pre_shared_key: false });
    Initiator::begin(&server, SecretKey::from_bytes([ephemeral; 32]), &prologue, None).expect("the key is sound")
}

fn connect(noise: [u8; MESSAGE_1_BYTES], cookie: [u8; COOKIE_BYTES]) -> Connect {
    let mut connect = Connect { tag: 0, suites: SUITES, options: Options { pre_shared_key: false }, cookie, noise };
    connect.tag = Connect::tag_of(connect.client_key());
    connect
}

thread_local! {
    static SCENE: RefCell<Option<Scene>> = const { RefCell::new(None) };
    static STRANGERS_MESSAGE_1: [u8; MESSAGE_1_BYTES] = begin(6).1;
}

/// Whatever arrives: no panic, no amplification, and nothing of a connection changes that its key did not seal.
pub fn endpoint_receive(data: &[u8]) {
    SCENE.with_borrow_mut(|scene| {
        let mut on_stage = scene.take().unwrap_or_else(Scene::new);
        on_stage.play(&mut Input::new(data));
        *scene = on_stage.is_reusable().then_some(on_stage);
    });
}

impl Scene {
    fn new() -> Self {
        let config = EndpointConfig {
            core: 0,
            cores: 2,
            connections_max: 3,
            suites: Suites::from_bits(SUITES),
            heartbeat: HEARTBEAT,
            secret: SecretKey::from_bytes([1; 32]),
            pre_shared: None,
        };
        let now = Instant::from_nanos(1_000_000_000);
        let mut endpoint = Endpoint::new(config, now, [2; 32]);
        let mut link = FlatLink::new();
        let path = path(1);
        let (initiator, noise) = begin(5);
        let mut reply = |connect: Connect| {
            endpoint.receive(now, path, &mut connect.encode());
            endpoint.flush(now, &mut link);
            let (_, reply) = link.sent().next().expect("a Connect is answered");
            let reply = decode_cleartext(reply).expect("the endpoint's packets are well-formed");
            link.submit();
            reply
        };
        let Cleartext::Cookie(Cookie { cookie, .. }) = reply(connect(noise, [0; COOKIE_BYTES])) else {
            panic!("a stranger is given a cookie");
        };
        let Cleartext::Accepted(accepted) = reply(connect(noise, cookie)) else {
            panic!("who brings the cookie back is let in");
        };
        let (secrets, parameters) = initiator.finish(&accepted.noise).expect("the endpoint holds the key");
        let id = SessionParameters::decode(&parameters).expect("the endpoint's parameters are sound").connection;
        let (seal_key, open_key) = secrets.traffic_keys(Suite::ChaCha20Poly1305);
        let session = Session::new(id, Suite::ChaCha20Poly1305, open_key, seal_key, HEARTBEAT, now);
        let peer = Peer { session, path, last: Vec::new() };
        let mut scene = Scene { endpoint, link, now, peer, cookie: [0; COOKIE_BYTES], inputs: 0 };
        scene.deliver_sealed(&[]);
        assert_eq!(scene.endpoint.poll_event(), Some(Event::Joined(id)));
        scene
    }

    fn is_reusable(&self) -> bool {
        self.inputs < INPUTS_PER_CONNECTION
            && self.endpoint.connections() == 1
            && self.endpoint.info(self.peer.session.id()).is_some()
    }

    fn play(&mut self, input: &mut Input<'_>) {
        self.inputs += 1;
        // Key exchanges, and the ends of connections, which call for one.
        let dear = input.is_dear();
        // Each input starts with a sign of life, or the time that earlier ones let pass would add up.
        self.deliver_sealed(&[]);
        let mut patience = Duration::from_secs(10);
        for _ in 0..64 {
            if input.is_empty() {
                break;
            }
            match input.byte() % 12 {
                0 => self.deliver(path(input.byte()), &mut input.piece(1300).to_vec()),
                1..=3 => {
                    let frames = input.piece(FRAMES_BYTES_MAX);
                    if dear || !Frames::new(frames).any(|frame| matches!(frame, Frame::Disconnect(_))) {
                        self.deliver_sealed(frames);
                    }
                }
                4 => {
                    let frames = input.piece(64);
                    let (at, by) = (input.word(), input.byte());
                    self.deliver_altered(frames, at, by);
                }
                5 => {
                    let step = Duration::from_millis(u64::from(input.word()) % 4096);
                    if dear || step < patience {
                        patience = patience.saturating_sub(step);
                        self.now = self.now + step;
                        self.endpoint.sweep(self.now);
                    }
                }
                6 => {
                    let message = [7; MESSAGE_BYTES_MAX + 1];
                    let len = usize::from(input.word()) % (message.len() + 1);
                    let sent = self.endpoint.send(self.peer.session.id(), &message[..len]);
                    assert!(sent.is_err() || len <= MESSAGE_BYTES_MAX);
                }
                7 => {
                    self.link.room = usize::from(input.byte()) % 8;
                    self.flush();
                    self.link.room = FlatLink::ROOM;
                }
                8 => {
                    let mut datagram = [&[0; HEADER_BYTES], input.piece(200), &[0; 4]].concat();
                    datagram[6..HEADER_BYTES].copy_from_slice(&input.array::<8>());
                    put_checksum(&mut datagram);
                    self.deliver(path(input.byte()), &mut datagram);
                }
                9 => {
                    let mut noise = [0; MESSAGE_1_BYTES];
                    noise[..8].copy_from_slice(&input.array::<8>());
                    let mut cookie = [0; COOKIE_BYTES];
                    cookie[..20].copy_from_slice(&input.array::<20>());
                    self.deliver(path(input.byte()), &mut connect(noise, cookie).encode());
                }
                10 => {
                    let mut again = self.peer.last.clone();
                    let drops = *self.endpoint.drops();
                    self.deliver(self.peer.path, &mut again);
                    assert_ne!(self.endpoint.drops(), &drops, "a datagram was taken twice");
                }
                _ if dear => match input.byte() % 4 {
                    0 => self.endpoint.disconnect(self.peer.session.id(), DisconnectReason::Closed),
                    1 => {
                        self.endpoint.shut_down();
                    }
                    2 => self.deliver_strangers_connect([0; COOKIE_BYTES], 0, 0),
                    _ => {
                        let (at, by) = (input.byte(), input.byte());
                        self.deliver_strangers_connect(self.cookie, at, by);
                    }
                },
                _ => self.peer.path.peer.set_port(input.word()),
            }
            let stats = self.endpoint.stats();
            assert!(stats.stranger_bytes_out <= stats.stranger_bytes_in, "amplified");
        }
        // Nothing waits for the next input.
        self.peer.path = path(1);
        while !self.endpoint.is_flushed() || self.endpoint.has_strangers_waiting() {
            self.flush();
        }
        self.flush();
        while self.endpoint.poll_event().is_some() {}
    }

    fn deliver(&mut self, path: Path, datagram: &mut [u8]) {
        self.endpoint.prefetch(datagram);
        if let Received::Messages(_, messages) = self.endpoint.receive(self.now, path, datagram) {
            assert!(messages.map(<[u8]>::len).sum::<usize>() <= FRAMES_BYTES_MAX);
        }
    }

    fn deliver_sealed(&mut self, frames: &[u8]) {
        let mut datagram = self.seal(frames);
        self.peer.last = datagram.clone();
        self.deliver(self.peer.path, &mut datagram);
    }

    /// A datagram that is not what was sealed changes nothing but a counter of drops.
    fn deliver_altered(&mut self, frames: &[u8], at: u16, by: u8) {
        let mut datagram = self.seal(frames);
        let at = usize::from(at) % datagram.len();
        datagram[at] ^= by.max(1);
        let id = self.peer.session.id();
        let picture = |endpoint: &Endpoint| {
            (endpoint.info(id).map(|info| info.stats), endpoint.stats().messages_in, endpoint.connections())
        };
        let (before, drops) = (picture(&self.endpoint), total(self.endpoint.drops()));
        match self.endpoint.receive(self.now, self.peer.path, &mut datagram) {
            Received::Nothing => assert_eq!(total(self.endpoint.drops()), drops + 1),
            Received::Elsewhere(core, _) => assert_eq!((at, core), (0, 1)),
            Received::Messages(..) => panic!("an altered datagram was taken"),
        }
        assert_eq!(picture(&self.endpoint), before);
    }

    fn deliver_strangers_connect(&mut self, cookie: [u8; COOKIE_BYTES], at: u8, by: u8) {
        let mut datagram = connect(STRANGERS_MESSAGE_1.with(|noise| *noise), cookie).encode();
        datagram[usize::from(at) % CONNECT_BYTES] ^= by;
        put_checksum(&mut datagram);
        self.deliver(path(STRANGER), &mut datagram);
        self.flush();
    }

    fn seal(&mut self, frames: &[u8]) -> Vec<u8> {
        let mut datagram = vec![0; sealed_len(frames.len())];
        self.peer.session.seal(frames, &mut datagram).expect("the key is far from exhausted");
        datagram
    }

    fn flush(&mut self) {
        self.endpoint.flush(self.now, &mut self.link);
        for (to, datagram) in self.link.sent() {
            let header = Header::decode(datagram).expect("the endpoint's datagrams have a header");
            if header.flags & flags::ENCRYPTED != 0 {
                assert_eq!(to, path(1), "the way back stays where the client joined");
                let opened = self.peer.session.open(self.now, &header, datagram).expect("the peer holds the key");
                assert!(Frames::new(opened).all(|frame| frame != Frame::Bad));
            } else if let Cleartext::Cookie(Cookie { cookie, .. }) =
                decode_cleartext(datagram).expect("the endpoint's packets are well-formed")
                && to == path(STRANGER)
            {
                self.cookie = cookie;
            }
        }
        self.link.submit();
    }
}

fn total(drops: &Drops) -> u64 {
    drops.entries().map(|(_, count)| count).sum()
}
