//! A client, connecting or connected. The input chooses what arrives and what the game does.

use crate::input::Input;
use crate::peer::{HEARTBEAT, Peer, SUITE, may_end, suites, total};
use crate::wire::put_checksum;
use ringshard_protocol::client::{Client, ClientConfig, ClientEvent};
use ringshard_protocol::connection::{Role, SendError, prologue};
use ringshard_protocol::crypto::SecretKey;
use ringshard_protocol::crypto::noise::{MESSAGE_2_OVERHEAD_BYTES, Responder};
use ringshard_protocol::limits::*;
use ringshard_protocol::time::{Duration, Instant};
use ringshard_protocol::wire::*;
use std::cell::RefCell;

const INPUTS_PER_CONNECTION: u32 = 10_000;
/// Everything that one input can make the client send: its messages in the smallest fragments, and Disconnects.
const DATAGRAMS_AT_ONCE: usize = 64 * (MESSAGE_BYTES_MAX / 128) + DISCONNECT_COPIES;
/// Time that may pass in an input, unless it may be expensive: less than the timeout.
const TIME_PER_INPUT: Duration = Duration::from_secs(10);

struct Fixture {
    client: Client,
    /// The server, once there are keys.
    server: Option<Peer>,
    connect: Connect,
    now: Instant,
    last: Vec<u8>,
    inputs: u32,
    /// Time that may still pass in this input.
    time_left: Duration,
}

thread_local! {
    static CONNECTED: RefCell<Option<Fixture>> = const { RefCell::new(None) };
}

/// Anything arrives: nothing panics, and only datagrams sealed with its key change the connection.
pub fn client_receive(data: &[u8]) {
    let mut input = Input::new(data);
    // Key exchanges, and the end of the connection, which requires one.
    let expensive = input.may_be_expensive();
    if expensive && input.byte().is_multiple_of(2) {
        return Fixture::new().run(&mut input, expensive);
    }
    CONNECTED.with_borrow_mut(|kept| {
        let mut fixture = kept.take().unwrap_or_else(Fixture::connected);
        fixture.run(&mut input, expensive);
        let again = fixture.is_connected() && fixture.inputs < INPUTS_PER_CONNECTION;
        *kept = again.then_some(fixture);
    });
}

impl Fixture {
    /// A client that has sent its first Connect.
    fn new() -> Self {
        let server = SecretKey::from_bytes([1; 32]).public();
        let config = ClientConfig { suites: suites(), ..ClientConfig::new(server) };
        let now = Instant::from_nanos(1_000_000_000);
        let mut client = Client::new(config, now, [2; 32]).expect("the key is sound");
        let mut datagram = [0; DATAGRAM_BYTES_MAX];
        let len = client.poll_transmit(now, &mut datagram).expect("a client begins at once");
        let Ok(UnencryptedPacket::Connect(connect)) = decode_unencrypted(&datagram[..len]) else {
            panic!("a client begins with a Connect");
        };
        Fixture { client, server: None, connect, now, last: Vec::new(), inputs: 0, time_left: TIME_PER_INPUT }
    }

    fn connected() -> Self {
        let mut fixture = Fixture::new();
        let parameters = ConnectionParameters {
            connection: ConnectionId::new(0, 1, 0),
            suite: SUITE as u8,
            resumed: false,
            datagram_bytes_max: DATAGRAM_BYTES_MAX as u16,
            heartbeat: HEARTBEAT.interval,
            timeout: HEARTBEAT.timeout,
        };
        fixture.accept(parameters.encode(), 0, 0);
        assert!(matches!(fixture.client.poll_event(), Some(ClientEvent::Connected { resumed: false, .. })));
        fixture
    }

    /// Answers the Connect with these parameters. The byte `at` of the sealed answer is then altered.
    fn accept(&mut self, parameters: [u8; ConnectionParameters::BYTES], at: u8, by: u8) {
        let secret = SecretKey::from_bytes([1; 32]);
        let prologue = prologue(SUITE as u8, Options { pre_shared_key: false });
        let (responder, token) = Responder::read(&secret, &secret.public(), &prologue, None, &self.connect.noise)
            .expect("the client pins this key");
        assert_eq!(token, [0; RESUME_TOKEN_BYTES], "there is no session to resume");
        let mut noise = [0; ConnectionParameters::BYTES + MESSAGE_2_OVERHEAD_BYTES];
        let secrets = responder
            .write(&SecretKey::from_bytes([3; 32]), &parameters, &mut noise)
            .expect("the client's key is sound");
        noise[usize::from(at) % Accepted::NOISE_BYTES] ^= by;
        let accepted = Accepted { tag: self.connect.tag, connection: ConnectionId::NONE, noise };
        let was_connecting = !self.client.is_connected() && !self.client.is_closed();
        self.deliver(&mut accepted.encode());
        let Some(id) = self.client.id().filter(|_| was_connecting) else { return };
        assert_eq!(by, 0, "an altered Accepted was taken");
        assert_eq!(Ok(id), ConnectionParameters::decode(&parameters).map(|parameters| parameters.connection));
        self.server = Some(Peer::new(id, Role::Server, secrets, self.now));
    }

    /// Whether both ends still have the same connection.
    fn is_connected(&self) -> bool {
        let (Some(session), Some(server)) = (self.client.connection(), &self.server) else { return false };
        session.has_id(server.connection.id())
    }

    fn run(&mut self, input: &mut Input<'_>, expensive: bool) {
        self.inputs += 1;
        // Each input begins with a datagram of the server, so that the time that passed in earlier inputs does not add up.
        self.deliver_sealed(&[]);
        self.time_left = TIME_PER_INPUT;
        for _ in 0..64 {
            if input.is_empty() {
                break;
            }
            self.step(input, expensive);
        }
        // Leave nothing for the next input.
        self.drain();
        while self.client.poll_event().is_some() {}
    }

    fn step(&mut self, input: &mut Input<'_>, expensive: bool) {
        match input.byte() % 12 {
            0 => self.deliver(&mut input.piece(1300).to_vec()),
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
            7 => self.drain(),
            8 => {
                // An unencrypted packet for this handshake or, seldom, for another one.
                let other = u64::from(input.byte() / 255);
                let mut datagram = [&[0; HEADER_BYTES], input.piece(200), &[0; 4]].concat();
                datagram[..4].copy_from_slice(&input.array::<4>());
                datagram[6..HEADER_BYTES].copy_from_slice(&(self.connect.tag ^ other).to_le_bytes());
                put_checksum(&mut datagram);
                self.deliver(&mut datagram);
            }
            9 => {
                let cookie = Cookie { tag: self.connect.tag, cookie: [input.byte(); COOKIE_BYTES] };
                self.deliver(&mut cookie.encode());
            }
            10 => {
                let mut again = self.last.clone();
                let drops = *self.client.drops();
                self.deliver(&mut again);
                assert_ne!(self.client.drops(), &drops, "a datagram was taken twice");
            }
            _ if expensive => self.expensive_step(input),
            _ => {}
        }
    }

    /// A step that ends the connection or needs a key exchange.
    fn expensive_step(&mut self, input: &mut Input<'_>) {
        match input.byte() % 4 {
            0 => self.client.disconnect(),
            1 => {
                let (at, by) = (input.byte(), input.byte());
                self.accept(input.array(), at, by);
            }
            _ => {
                let mut parameters: [u8; ConnectionParameters::BYTES] = input.array();
                let [low, high] = (DATAGRAM_BYTES_MAX as u16).to_le_bytes();
                let valid = [SUITE as u8, parameters[5] % 2, low, high];
                parameters[4..8].copy_from_slice(&valid);
                self.accept(parameters, 0, 0);
            }
        }
    }

    /// Advances the clock. Only an expensive input may let the connection time out.
    fn advance(&mut self, step: Duration, expensive: bool) {
        if expensive || step < self.time_left {
            self.time_left = self.time_left.saturating_sub(step);
            self.now = self.now + step;
            self.client.advance(self.now);
        }
    }

    fn send(&mut self, input: &mut Input<'_>) {
        let (channel, len) = input.channel_and_length();
        let message: Vec<u8> = (0..len).map(|at| at as u8).collect();
        let sent = self.client.send(self.now, channel, &message);
        let is_too_long = len > MESSAGE_BYTES_MAX && sent != Err(SendError::NotConnected);
        assert_eq!(sent == Err(SendError::TooLong), is_too_long);
    }

    fn deliver(&mut self, datagram: &mut [u8]) {
        if let Some(messages) = self.client.receive(self.now, datagram) {
            assert!(messages.map(|message| message.bytes.len()).sum::<usize>() <= FRAMES_BYTES_MAX);
        }
        let mut message = Vec::new();
        while self.client.read(&mut message).is_some() {
            assert!(message.len() <= MESSAGE_BYTES_MAX);
        }
    }

    fn deliver_sealed(&mut self, frames: &[u8]) {
        if let Some(mut datagram) = self.seal(frames) {
            self.last = datagram.clone();
            self.deliver(&mut datagram);
        }
    }

    /// A datagram that was altered after sealing only changes a drop counter.
    fn deliver_altered(&mut self, frames: &[u8], at: u16, by: u8) {
        let Some(mut datagram) = self.seal(frames) else { return };
        let at = usize::from(at) % datagram.len();
        datagram[at] ^= by.max(1);
        let snapshot = |client: &Client| (client.connection().map(|session| session.stats), client.is_closed());
        let (before, drops) = (snapshot(&self.client), total(self.client.drops()));
        assert!(self.client.receive(self.now, &mut datagram).is_none(), "an altered datagram was taken");
        assert_eq!(total(self.client.drops()), drops + 1);
        assert_eq!(snapshot(&self.client), before);
    }

    fn seal(&mut self, frames: &[u8]) -> Option<Vec<u8>> {
        Some(self.server.as_mut()?.seal(frames))
    }

    fn drain(&mut self) {
        let mut datagram = [0; DATAGRAM_BYTES_MAX];
        for sent in 0.. {
            assert!(sent <= DATAGRAMS_AT_ONCE, "the client sends without end");
            let Some(len) = self.client.poll_transmit(self.now, &mut datagram) else { break };
            let header = Header::decode(&datagram[..len]).expect("the client's datagrams have a header");
            if header.flags & flags::ENCRYPTED == 0 {
                decode_unencrypted(&datagram[..len]).expect("the client's packets are well-formed");
            } else if let Some(server) = &mut self.server {
                server.open(self.now, &header, &mut datagram[..len]).expect("the server holds the key");
            }
        }
    }
}
