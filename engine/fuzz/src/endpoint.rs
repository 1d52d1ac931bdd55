//! An endpoint with one connected client. The input chooses what arrives and what the application does.

use crate::input::Input;
use crate::link::FlatLink;
use crate::peer::{HEARTBEAT, Peer, SUITE, may_end, suites, total};
use crate::wire::put_checksum;
use ringshard_protocol::connection::{Role, TransportConfig, prologue};
use ringshard_protocol::crypto::SecretKey;
use ringshard_protocol::crypto::noise::{Initiator, MESSAGE_1_BYTES};
use ringshard_protocol::endpoint::{Endpoint, EndpointConfig, Event, Policy, Received, SendError};
use ringshard_protocol::gateway::{Forwarded, GatewayKey};
use ringshard_protocol::limits::*;
use ringshard_protocol::link::{Link, Path};
use ringshard_protocol::time::{Duration, Instant};
use ringshard_protocol::wire::*;
use std::cell::RefCell;
use std::net::SocketAddr;

/// The connection is replaced after this many inputs, so that a finding seldom depends on a long history.
const INPUTS_PER_CONNECTION: u32 = 10_000;
/// Time that may pass in an input, unless it may be expensive: less than the timeout.
const TIME_PER_INPUT: Duration = Duration::from_secs(10);

struct Fixture {
    endpoint: Endpoint,
    link: FlatLink,
    now: Instant,
    /// The client.
    peer: Peer,
    /// The client's path.
    path: Path,
    last: Vec<u8>,
    /// The last cookie for [`NEW_CLIENT`], which its second Connect returns.
    cookie: [u8; COOKIE_BYTES],
    inputs: u32,
    /// Time that may still pass in this input.
    time_left: Duration,
}

/// The host of a second client, which connects.
const NEW_CLIENT: u8 = 200;

pub(crate) fn path(host: u8) -> Path {
    Path::new(0, SocketAddr::from(([10, 0, 0, host], 9)))
}

/// The key of a gateway that the endpoint knows.
fn gateway() -> GatewayKey {
    GatewayKey::from_bytes([3; 32])
}

fn begin(ephemeral: u8) -> (Initiator, [u8; MESSAGE_1_BYTES]) {
    let server = SecretKey::from_bytes([1; 32]).public();
    let prologue = prologue(SUITE as u8, Options { pre_shared_key: false });
    let token = [0; RESUME_TOKEN_BYTES];
    Initiator::begin(&server, SecretKey::from_bytes([ephemeral; 32]), &prologue, None, &token)
        .expect("the key is sound")
}

fn connect(noise: [u8; MESSAGE_1_BYTES], cookie: [u8; COOKIE_BYTES]) -> Connect {
    let options = Options { pre_shared_key: false };
    let mut connect = Connect { core: None, tag: 0, suites: SUITE as u8, options, cookie, noise };
    connect.tag = Connect::tag_of(connect.client_key());
    connect
}

thread_local! {
    static FIXTURE: RefCell<Option<Fixture>> = const { RefCell::new(None) };
    static NEW_CLIENT_MESSAGE_1: [u8; MESSAGE_1_BYTES] = begin(6).1;
}

/// Anything arrives: nothing panics, nothing is amplified, and only datagrams sealed with its key change a connection.
pub fn endpoint_receive(data: &[u8]) {
    FIXTURE.with_borrow_mut(|kept| {
        let mut fixture = kept.take().unwrap_or_else(Fixture::new);
        fixture.run(&mut Input::new(data));
        *kept = fixture.is_reusable().then_some(fixture);
    });
}

/// An endpoint, and the peer of its one connection, a client at `path(1)`.
pub(crate) fn established(now: Instant, link: &mut FlatLink) -> (Endpoint, Peer) {
    let config = EndpointConfig {
        core: 0,
        cores: 2,
        connections_max: 3,
        suites: suites(),
        heartbeat: HEARTBEAT,
        secret: SecretKey::from_bytes([1; 32]),
        pre_shared: None,
        transport: TransportConfig::default(),
        message_bytes_max: MESSAGE_MEMORY_BYTES_MIN,
        integrity: None,
    };
    let mut endpoint = Endpoint::new(config, now, [2; 32]);
    let (initiator, noise) = begin(5);
    let mut reply = |connect: Connect| {
        endpoint.receive(now, path(1), &mut connect.encode());
        endpoint.flush(now, link);
        let (_, reply) = link.sent().next().expect("a Connect is answered");
        let reply = decode_unencrypted(reply).expect("the endpoint's packets are well-formed");
        link.submit();
        reply
    };
    let UnencryptedPacket::Cookie(Cookie { cookie, .. }) = reply(connect(noise, [0; COOKIE_BYTES])) else {
        panic!("a first Connect is answered by a cookie");
    };
    let UnencryptedPacket::Accepted(accepted) = reply(connect(noise, cookie)) else {
        panic!("a Connect with its cookie is accepted");
    };
    let (secrets, parameters) = initiator.finish(&accepted.noise).expect("the endpoint holds the key");
    let id = ConnectionParameters::decode(&parameters).expect("the endpoint's parameters are sound").connection;
    let mut peer = Peer::new(id, Role::Client, secrets, now);
    endpoint.receive(now, path(1), &mut peer.seal(&[]));
    assert!(matches!(endpoint.poll_event(), Some(Event::Joined { id: of, .. }) if of == id));
    (endpoint, peer)
}

impl Fixture {
    fn new() -> Self {
        let now = Instant::from_nanos(1_000_000_000);
        let mut link = FlatLink::new();
        let (mut endpoint, peer) = established(now, &mut link);
        endpoint.swap_policy(&mut Policy { gateways: vec![gateway()], ..Policy::default() });
        Fixture {
            endpoint,
            link,
            now,
            peer,
            path: path(1),
            last: Vec::new(),
            cookie: [0; COOKIE_BYTES],
            inputs: 0,
            time_left: TIME_PER_INPUT,
        }
    }

    fn is_reusable(&self) -> bool {
        self.inputs < INPUTS_PER_CONNECTION
            && self.endpoint.connections() == 1
            && self.endpoint.info(self.peer.connection.id()).is_some()
    }

    fn run(&mut self, input: &mut Input<'_>) {
        self.inputs += 1;
        // Key exchanges, and the end of the connection, which requires one.
        let expensive = input.may_be_expensive();
        // Each input begins with a datagram of the client, so that the time that passed in earlier inputs does not add up.
        self.deliver_sealed(&[]);
        self.time_left = TIME_PER_INPUT;
        for _ in 0..64 {
            if input.is_empty() {
                break;
            }
            self.step(input, expensive);
            let stats = self.endpoint.stats();
            assert!(stats.unvalidated_bytes_out <= stats.unvalidated_bytes_in, "amplified");
        }
        // Leave nothing for the next input.
        self.path = path(1);
        while !self.endpoint.is_flushed() || self.endpoint.has_admissions_waiting() {
            self.flush();
        }
        self.flush();
        while self.endpoint.poll_event().is_some() {}
    }

    fn step(&mut self, input: &mut Input<'_>, expensive: bool) {
        match input.byte() % 13 {
            0 => self.deliver(path(input.byte()), &mut input.piece(1300).to_vec()),
            1..=3 => {
                let frames = input.piece(FRAMES_BYTES_MAX);
                if expensive || !Frames::new(frames).any(|frame| may_end(&frame)) {
                    self.deliver_sealed(frames);
                }
            }
            4 => {
                let frames = input.piece(64);
                let (at, by) = (input.word(), input.byte());
                self.deliver_altered(frames, at, by);
            }
            5 => self.advance(Duration::from_millis(u64::from(input.word()) % 4096), expensive),
            6 => self.send(input),
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
                let mut again = self.last.clone();
                let before = self.dropped();
                self.deliver(self.path, &mut again);
                assert_ne!(self.dropped(), before, "a datagram was taken twice");
            }
            11 => self.forward(input),
            _ if expensive => self.expensive_step(input),
            _ => self.path.peer.set_port(input.word()),
        }
    }

    /// A gateway forwards something: a datagram of the client, or any bytes. Some of it is altered.
    fn forward(&mut self, input: &mut Input<'_>) {
        let address = SocketAddr::from((input.array::<4>(), input.word()));
        let (what, at, by) = (input.byte(), input.word(), input.byte());
        let inside = if what % 2 == 0 { self.peer.seal(&[]) } else { input.piece(200).to_vec() };
        let mut datagram = Vec::new();
        if !Forwarded::encode(&gateway(), address, &inside, &mut datagram) {
            return;
        }
        let at = usize::from(at) % datagram.len();
        datagram[at] ^= by;
        let before = self.endpoint.info(self.peer.connection.id()).map(|info| info.address);
        self.deliver(self.path, &mut datagram);
        let after = self.endpoint.info(self.peer.connection.id()).map(|info| info.address);
        let is_believed = by == 0 && what % 2 == 0 && after == Some(address);
        assert!(before == after || is_believed, "{before:?} became {after:?}");
    }

    /// A step that ends connections or needs a key exchange.
    fn expensive_step(&mut self, input: &mut Input<'_>) {
        match input.byte() % 4 {
            0 => self.endpoint.disconnect(self.peer.connection.id(), DisconnectReason::Closed),
            1 => {
                self.endpoint.shut_down();
            }
            2 => self.deliver_new_connect([0; COOKIE_BYTES], 0, 0),
            _ => {
                let (at, by) = (input.byte(), input.byte());
                self.deliver_new_connect(self.cookie, at, by);
            }
        }
    }

    /// Advances the clock. Only an expensive input may let the connection time out.
    fn advance(&mut self, step: Duration, expensive: bool) {
        if expensive || step < self.time_left {
            self.time_left = self.time_left.saturating_sub(step);
            self.now = self.now + step;
            self.endpoint.sweep(self.now);
        }
    }

    fn send(&mut self, input: &mut Input<'_>) {
        let (channel, len) = input.channel_and_length();
        let message: Vec<u8> = (0..len).map(|at| at as u8).collect();
        let sent = self.endpoint.send(self.now, self.peer.connection.id(), channel, &message);
        let is_too_long = len > MESSAGE_BYTES_MAX && sent != Err(SendError::NotConnected);
        assert_eq!(sent == Err(SendError::TooLong), is_too_long);
    }

    fn deliver(&mut self, path: Path, datagram: &mut [u8]) {
        if let Some(bits) = datagram.first_chunk() {
            self.endpoint.prefetch(ConnectionId::from_bits(u32::from_le_bytes(*bits)));
        }
        let Received::Messages { id, messages, more } = self.endpoint.receive(self.now, path, datagram) else { return };
        assert!(messages.map(|message| message.bytes.len()).sum::<usize>() <= FRAMES_BYTES_MAX);
        let mut message = Vec::new();
        while self.endpoint.read(id, &mut message).is_some() {
            assert!(more && message.len() <= MESSAGE_BYTES_MAX);
        }
    }

    /// Datagrams that were dropped, including late ones of a connection that has just ended.
    fn dropped(&self) -> u64 {
        total(self.endpoint.drops()) + self.endpoint.stats().late_in
    }

    fn deliver_sealed(&mut self, frames: &[u8]) {
        let mut datagram = self.peer.seal(frames);
        self.last = datagram.clone();
        self.deliver(self.path, &mut datagram);
    }

    /// A datagram that was altered after sealing only changes a counter.
    fn deliver_altered(&mut self, frames: &[u8], at: u16, by: u8) {
        let mut datagram = self.peer.seal(frames);
        let at = usize::from(at) % datagram.len();
        datagram[at] ^= by.max(1);
        let id = self.peer.connection.id();
        let snapshot = |endpoint: &Endpoint| {
            (endpoint.info(id).map(|info| info.stats), endpoint.stats().messages_in, endpoint.connections())
        };
        let (before, drops) = (snapshot(&self.endpoint), self.dropped());
        match self.endpoint.receive(self.now, self.path, &mut datagram) {
            Received::Nothing => assert_eq!(self.dropped(), drops + 1),
            Received::OtherCore(core, _) => assert_eq!((at, core), (0, 1)),
            Received::Messages { .. } => panic!("an altered datagram was taken"),
        }
        assert_eq!(snapshot(&self.endpoint), before);
    }

    fn deliver_new_connect(&mut self, cookie: [u8; COOKIE_BYTES], at: u8, by: u8) {
        let mut datagram = connect(NEW_CLIENT_MESSAGE_1.with(|noise| *noise), cookie).encode();
        datagram[usize::from(at) % CONNECT_BYTES] ^= by;
        put_checksum(&mut datagram);
        self.deliver(path(NEW_CLIENT), &mut datagram);
        self.flush();
    }

    fn flush(&mut self) {
        self.endpoint.flush(self.now, &mut self.link);
        for (to, datagram) in self.link.sent() {
            let header = Header::decode(datagram).expect("the endpoint's datagrams have a header");
            if header.flags & flags::ENCRYPTED != 0 {
                let opened = self.peer.open(self.now, &header, datagram).expect("the peer holds the key");
                // The endpoint keeps sending to the first path until another one is validated.
                let challenge = Frames::new(opened).all(|frame| matches!(frame, Frame::PathChallenge(_)));
                assert!(to == path(1) || challenge, "sent to a path that is not validated");
            } else if let UnencryptedPacket::Cookie(Cookie { cookie, .. }) =
                decode_unencrypted(datagram).expect("the endpoint's packets are well-formed")
                && to == path(NEW_CLIENT)
            {
                self.cookie = cookie;
            }
        }
        self.link.submit();
    }
}
