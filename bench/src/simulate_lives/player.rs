//! One client: its state, its address, and the keys of its former sessions.

use super::handshake::{Answer, ManualHandshake};
use crate::random::Random;
use rand_chacha::rand_core::SeedableRng;
use ringshard_link::sim::{Network, SimLink};
use ringshard_protocol::client::{Client, ClientConfig, ClientEvent, CloseReason};
use ringshard_protocol::connection::{Connection, Resources, sealed_len};
use ringshard_protocol::crypto::noise::ResumeKey;
use ringshard_protocol::crypto::{Csprng, PublicKey};
use ringshard_protocol::endpoint::SessionId;
use ringshard_protocol::link::{Link, Path};
use ringshard_protocol::time::{Duration, Instant};
use ringshard_protocol::wire::Channel;
use ringshard_world::codec::Writer;
use ringshard_world::messages::{Input, Welcome, kinds};
use ringshard_world::{EntityId, View};
use std::collections::VecDeque;
use std::net::SocketAddr;

/// How long after its return a client may lose its connection without a fault.
pub const EXCUSED_AFTER_SILENCE: Duration = Duration::from_secs(40);
/// Time between two inputs of a player.
const INPUT_PERIOD: Duration = Duration::from_millis(250);
/// One in this many inputs carries a digest.
const DIGEST_PERIOD: u16 = 3;
/// Keys of former sessions that a client remembers.
const KEYS_MAX: usize = 4;
/// Addresses that a client has, one after the other.
const ADDRESSES: usize = 6;
/// Clients that share an address, each with its own ports.
const HOUSEHOLD: usize = 3;
/// Message memory of a raw client, in bytes.
const RAW_MESSAGE_BYTES: usize = 1 << 20;

/// A former session of a client, and the key that resumes it.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    pub core: u8,
    pub session: SessionId,
    pub key: ResumeKey,
    /// The server knew the session when the client was last connected.
    pub is_known: bool,
}

pub enum ClientState {
    /// No connection.
    Away,
    /// Follows the protocol.
    Conforming(Box<Client>),
    /// In a manual handshake, for one step at most.
    Handshaking(Box<ManualHandshake>),
    /// Has a valid session, and sends any frames.
    Raw(Box<Connection>),
}

pub struct Player {
    number: usize,
    /// None while its network is cut.
    link: Option<SimLink>,
    /// Which of its addresses it uses.
    place: usize,
    /// The core whose address it sends to.
    pub server: usize,
    pub end: ClientState,
    pub keys: VecDeque<Key>,
    /// For manual handshakes and raw sessions.
    pub resources: Resources,
    /// Its session at the server, once known.
    pub session: Option<(u8, SessionId)>,
    /// Until then it may lose its connection.
    pub excused_until: Instant,
    /// Its network stays cut until then.
    pub silent_until: Instant,
    /// The result of its manual handshake.
    pub answered: Option<bool>,
    view: View,
    player: Option<EntityId>,
    inputs: u16,
    next_input: Instant,
    kept: Vec<u8>,
    pub fault: Option<String>,
}

impl Player {
    pub fn new(number: usize, random: &mut Random) -> Self {
        Player {
            number,
            link: None,
            place: 0,
            server: 0,
            end: ClientState::Away,
            keys: VecDeque::with_capacity(KEYS_MAX),
            resources: Resources::new(RAW_MESSAGE_BYTES, Csprng::from_seed(random.seed())),
            session: None,
            excused_until: Instant::ZERO,
            silent_until: Instant::ZERO,
            answered: None,
            view: View::new(),
            player: None,
            inputs: 0,
            next_input: Instant::ZERO,
            kept: Vec::new(),
            fault: None,
        }
    }

    pub fn address(&self) -> SocketAddr {
        // Some addresses differ only in the port, others in the host as well.
        let home = (self.number / HOUSEHOLD) as u8;
        let port = 1024 + (self.number * ADDRESSES + self.place) as u16;
        SocketAddr::from(([10, 1, (self.place % 2) as u8, home + 1], port))
    }

    pub fn is_cut_off(&self) -> bool {
        self.link.is_none()
    }

    /// Cuts its network. What is sent to it is lost.
    pub fn cut_off(&mut self) {
        self.link = None;
    }

    /// Restores its network, at the same or another address.
    pub fn connect_network(&mut self, network: &Network, moves: bool) {
        if moves {
            self.place = (self.place + 1) % ADDRESSES;
        }
        let address = self.address();
        match &mut self.link {
            Some(link) if link.local() != address => link.rebind(address),
            Some(_) => {}
            None => self.link = Some(SimLink::new(network.clone(), address)),
        }
    }

    /// Starts a conforming client with a new session.
    pub fn arrive(&mut self, now: Instant, server: &PublicKey, reconnect: bool, seed: [u8; 32]) {
        let config = ClientConfig { reconnect, ..ClientConfig::new(*server) };
        self.end =
            ClientState::Conforming(Box::new(Client::new(config, now, seed).expect("the server's key is valid")));
        self.forget_world();
    }

    fn forget_world(&mut self) {
        self.session = None;
        self.view = View::new();
        self.player = None;
        self.inputs = 0;
    }

    /// Starts a manual handshake.
    pub fn begin_handshake(&mut self, server: &PublicKey, key: Option<(u8, ResumeKey)>) {
        self.answered = None;
        self.end = ClientState::Handshaking(Box::new(ManualHandshake::new(server, key, &mut self.resources)));
    }

    pub fn remember(&mut self, key: Key) {
        if self.keys.len() == KEYS_MAX {
            self.keys.pop_front();
        }
        self.keys.push_back(key);
    }

    /// Its connection, if it has one.
    pub fn live_session(&self) -> Option<&Connection> {
        match &self.end {
            ClientState::Conforming(client) => client.connection(),
            ClientState::Raw(session) => Some(session),
            ClientState::Away | ClientState::Handshaking(_) => None,
        }
    }

    /// Whether it follows the protocol and is connected.
    pub fn is_conforming(&self) -> bool {
        matches!(&self.end, ClientState::Conforming(client) if client.is_connected())
    }

    /// Turns it into a raw client. Returns false if it has no session.
    pub fn turn_raw(&mut self) -> bool {
        if !self.is_conforming() {
            return matches!(self.end, ClientState::Raw(_));
        }
        if let ClientState::Conforming(client) = std::mem::replace(&mut self.end, ClientState::Away)
            && let Some((session, resources)) = client.into_connection()
        {
            self.resources = resources;
            self.end = ClientState::Raw(Box::new(session));
        }
        true
    }

    /// Sends `frames` in a datagram of its session.
    pub fn send_raw(&mut self, server: SocketAddr, frames: &[u8]) {
        let Player { end: ClientState::Raw(session), link: Some(link), resources, .. } = self else { return };
        let sequence = session.begin_datagram(&mut resources.random);
        let path = Path::new(0, server);
        if let Some(room) = link.reserve(path, sealed_len(frames.len())) {
            session.seal(sequence, frames, room).expect("the key is fresh");
        }
        link.submit();
    }

    /// Drops its connection silently.
    pub fn vanish(&mut self) {
        self.end = ClientState::Away;
        self.forget_world();
    }

    /// Receives, and sends what is due.
    pub fn drive(&mut self, now: Instant, server: SocketAddr) {
        if self.link.is_none() {
            return;
        }
        match self.end {
            ClientState::Away | ClientState::Raw(_) => self.discard(),
            ClientState::Handshaking(_) => self.drive_handshake(now, server),
            ClientState::Conforming(_) => self.drive_client(now, server),
        }
    }

    fn discard(&mut self) {
        if let Some(link) = &mut self.link {
            link.receive(usize::MAX, |_| {});
        }
    }

    fn drive_handshake(&mut self, now: Instant, server: SocketAddr) {
        let Player { link: Some(link), end: ClientState::Handshaking(begin_handshake), resources, .. } = self else {
            return;
        };
        let mut accepted = None;
        link.receive(usize::MAX, |arrival| {
            if let Answer::Accepted(session, resumed) = begin_handshake.receive(now, arrival.bytes, resources) {
                accepted = Some((session, resumed));
            }
        });
        if begin_handshake.is_due {
            let datagram = begin_handshake.datagram();
            let room = link.reserve(Path::new(0, server), datagram.len());
            room.expect("a simulated link has room").copy_from_slice(&datagram);
            link.submit();
        }
        if let Some((session, resumed)) = accepted {
            self.end = ClientState::Raw(session);
            self.answered = Some(resumed);
        }
    }

    fn drive_client(&mut self, now: Instant, server: SocketAddr) {
        let Player { link: Some(link), end: ClientState::Conforming(client), view, player, kept, fault, .. } = self
        else {
            return;
        };
        let mut receive = |message: &[u8]| match message.first() {
            Some(&kinds::ENTER_TO_WORLD) => match Welcome::read(message) {
                Ok(welcome) => *player = welcome.map(|welcome| welcome.player).or(*player),
                Err(error) => *fault = Some(format!("a malformed welcome: {error}")),
            },
            Some(&kinds::DELTA_SYNC) => {
                if let Err(error) = view.take(message, |_| {}) {
                    *fault = Some(format!("a malformed snapshot: {error}"));
                }
            }
            _ => {}
        };
        link.receive(usize::MAX, |mut arrival| {
            for index in 0..arrival.count() {
                for message in client.receive(now, arrival.datagram(index)).into_iter().flatten() {
                    receive(message.bytes);
                }
                while client.read(kept).is_some() {
                    receive(kept);
                }
            }
        });
        if client.deadline() <= now {
            client.advance(now);
        }
        self.take_events(now);
        if self.player.is_some() && now >= self.next_input {
            self.send_input(now);
        }
        self.transmit(now, server);
    }

    fn take_events(&mut self, now: Instant) {
        while let ClientState::Conforming(client) = &mut self.end
            && let Some(event) = client.poll_event()
        {
            match event {
                ClientEvent::Connected { resumed: true, .. } => {}
                ClientEvent::Connected { resumed: false, .. } => self.forget_world(),
                ClientEvent::Reconnecting(reason) => self.lost(now, reason),
                ClientEvent::Closed(reason) => {
                    self.lost(now, reason);
                    self.vanish();
                }
            }
        }
    }

    /// It lost its connection or failed to get one. Losing one must have a cause.
    fn lost(&mut self, now: Instant, reason: CloseReason) {
        let had_one = matches!(reason, CloseReason::Silent | CloseReason::Disconnected(_));
        if had_one && self.session.is_some() && now >= self.excused_until {
            self.fault = Some(format!("lost its connection without a cause: {reason}"));
        }
    }

    /// Sends an input, which acknowledges snapshots.
    pub fn send_input(&mut self, now: Instant) {
        let Player { end: ClientState::Conforming(client), view, inputs, .. } = self else { return };
        *inputs = inputs.wrapping_add(1);
        let digest = inputs.is_multiple_of(DIGEST_PERIOD).then(|| view.digest());
        let input = Input { received: view.received(), digest, number: *inputs, direction: 0, pace: 0, actions: 0 };
        let mut message = [0; Input::BYTES_MAX];
        let mut writer = Writer::new(&mut message);
        input.write(&mut writer).expect("it has room");
        // An input that is not accepted counts as lost.
        let _ = client.send(now, Channel::UNRELIABLE, writer.written());
        self.next_input = now + INPUT_PERIOD;
    }

    pub fn transmit(&mut self, now: Instant, server: SocketAddr) {
        let Player { link: Some(link), end: ClientState::Conforming(client), .. } = self else { return };
        let path = Path::new(0, server);
        let mut sent = false;
        while let Some(len) = client.transmit_len(now) {
            client.transmit(now, link.reserve(path, len).expect("a simulated link has room"));
            sent = true;
        }
        if sent {
            link.submit();
        }
        // The last datagram of a disconnect closes the client.
        self.take_events(now);
    }
}
