//! A client, connecting and connected, at the mercy of the input.

use crate::input::Input;
use crate::peer::{HEARTBEAT, Peer, SUITE, may_end, suites, total};
use crate::put_checksum;
use ringshard_protocol::client::{Client, ClientConfig, ClientEvent};
use ringshard_protocol::crypto::SecretKey;
use ringshard_protocol::crypto::noise::{MESSAGE_2_OVERHEAD_BYTES, Responder};
use ringshard_protocol::limits::*;
use ringshard_protocol::connection::{Role, SendError, prologue};
use ringshard_protocol::time::{Duration, Instant};
use ringshard_protocol::wire::*;
use std::cell::RefCell;

const INPUTS_PER_CONNECTION: u32 = 10_000;
/// What the caller sent and what answers it, in the smallest pieces, and the farewells.
const DATAGRAMS_AT_ONCE: usize = 64 * (MESSAGE_BYTES_MAX / 128) + DISCONNECT_COPIES;

struct Scene {
    client: Client,
    /// Stands on the server's side of the keys, once there are any, and so can seal what no server would.
    server: Option<Peer>,
    connect: Connect,
    now: Instant,
    last: Vec<u8>,
    inputs: u32,
}

thread_local! {
    static CONNECTED: RefCell<Option<Scene>> = const { RefCell::new(None) };
}

/// Whatever arrives: no panic, and nothing of the connection changes that its key did not seal.
pub fn client_receive(data: &[u8]) {
    let mut input = Input::new(data);
    // Key exchanges, and the ends of connections, which call for one.
    let dear = input.is_dear();
    if dear && input.byte().is_multiple_of(2) {
        return Scene::new().play(&mut input, dear);
    }
    CONNECTED.with_borrow_mut(|scene| {
        let mut on_stage = scene.take().unwrap_or_else(Scene::connected);
        on_stage.play(&mut input, dear);
        let again = on_stage.is_connected() && on_stage.inputs < INPUTS_PER_CONNECTION;
        *scene = again.then_some(on_stage);
    });
}

impl Scene {
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
        Scene { client, server: None, connect, now, last: Vec::new(), inputs: 0 }
    }

    fn connected() -> Self {
        let mut scene = Scene::new();
        let parameters = ConnectionParameters {
            connection: ConnectionId::new(0, 1, 0),
            suite: SUITE as u8,
            resumed: false,
            datagram_bytes_max: DATAGRAM_BYTES_MAX as u16,
            heartbeat: HEARTBEAT.interval,
            timeout: HEARTBEAT.timeout,
        };
        scene.accept(parameters.encode(), 0, 0);
        assert!(matches!(scene.client.poll_event(), Some(ClientEvent::Connected { resumed: false, .. })));
        scene
    }

    /// Answers the Connect with these parameters, sealed as the server would, and then altered.
    fn accept(&mut self, parameters: [u8; ConnectionParameters::BYTES], at: u8, by: u8) {
        let secret = SecretKey::from_bytes([1; 32]);
        let prologue = prologue(SUITE as u8, Options { pre_shared_key: false });
        let (responder, token) = Responder::read(&secret, &secret.public(), &prologue, None, &self.connect.noise)
            .expect("the client pins this key");
        assert_eq!(token, [0; RESUME_TOKEN_BYTES], "there is nothing to go on with");
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

    /// Whether both ends go on to understand each other.
    fn is_connected(&self) -> bool {
        let (Some(session), Some(server)) = (self.client.connection(), &self.server) else { return false };
        session.has_id(server.session.id())
    }

    fn play(&mut self, input: &mut Input<'_>, dear: bool) {
        self.inputs += 1;
        // Each input starts with a sign of life, or the time that earlier ones let pass would add up.
        self.deliver_sealed(&[]);
        let mut patience = Duration::from_secs(10);
        for _ in 0..64 {
            if input.is_empty() {
                break;
            }
            match input.byte() % 12 {
                0 => self.deliver(&mut input.piece(1300).to_vec()),
                1..=3 => {
                    let frames = input.piece(FRAMES_BYTES_MAX);
                    if dear || !Frames::new(frames).any(|frame| may_end(&frame)) {
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
                        self.client.advance(self.now);
                    }
                }
                6 => {
                    let (channel, len) = input.channel_and_length();
                    let message: Vec<u8> = (0..len).map(|at| at as u8).collect();
                    let sent = self.client.send(self.now, channel, &message);
                    assert_eq!(
                        sent == Err(SendError::TooLong),
                        len > MESSAGE_BYTES_MAX && sent != Err(SendError::NotConnected)
                    );
                }
                7 => self.drain(),
                8 => {
                    // A packet outside encryption for this very handshake, or, now and then, for another.
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
                _ if dear => match input.byte() % 4 {
                    0 => self.client.disconnect(),
                    1 => {
                        let (at, by) = (input.byte(), input.byte());
                        self.accept(input.array(), at, by);
                    }
                    _ => {
                        let mut parameters: [u8; ConnectionParameters::BYTES] = input.array();
                        let [low, high] = (DATAGRAM_BYTES_MAX as u16).to_le_bytes();
                        let sound = [SUITE as u8, parameters[5] % 2, low, high];
                        parameters[4..8].copy_from_slice(&sound);
                        self.accept(parameters, 0, 0);
                    }
                },
                _ => {}
            }
        }
        // Nothing waits for the next input.
        self.drain();
        while self.client.poll_event().is_some() {}
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

    /// A datagram that is not what was sealed changes nothing but a counter of drops.
    fn deliver_altered(&mut self, frames: &[u8], at: u16, by: u8) {
        let Some(mut datagram) = self.seal(frames) else { return };
        let at = usize::from(at) % datagram.len();
        datagram[at] ^= by.max(1);
        let picture = |client: &Client| (client.connection().map(|session| session.stats), client.is_closed());
        let (before, drops) = (picture(&self.client), total(self.client.drops()));
        assert!(self.client.receive(self.now, &mut datagram).is_none(), "an altered datagram was taken");
        assert_eq!(total(self.client.drops()), drops + 1);
        assert_eq!(picture(&self.client), before);
    }

    fn seal(&mut self, frames: &[u8]) -> Option<Vec<u8>> {
        Some(self.server.as_mut()?.seal(frames))
    }

    fn drain(&mut self) {
        let mut datagram = [0; DATAGRAM_BYTES_MAX];
        for sent in 0.. {
            assert!(sent <= DATAGRAMS_AT_ONCE, "a client that never has enough");
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
