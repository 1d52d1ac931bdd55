//! One client: what it is right now, where it is, and the keys of the sessions that it had.

use super::knock::{Answer, Knock};
use crate::simulate::dice::Dice;
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

/// Time between two inputs of a client in the world.
const INPUT_PERIOD: Duration = Duration::from_millis(250);
/// One input in so many carries a digest.
const DIGEST_PERIOD: u16 = 3;
/// Keys of former sessions that a client remembers.
const KEYS_MAX: usize = 4;
/// Addresses that a client has, one after the other.
const ADDRESSES: usize = 6;
/// Clients behind one address, each with ports of its own.
const HOUSEHOLD: usize = 3;
/// Memory for messages of a client that speaks by hand, in bytes.
const RAW_MESSAGE_BYTES: usize = 1 << 20;

/// A session that a client had, and what it can be resumed by.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    pub core: u8,
    pub session: SessionId,
    pub key: ResumeKey,
    /// The server knew it when the client was last connected.
    pub is_known: bool,
}

/// What a client is right now.
pub enum End {
    /// It has no connection.
    Away,
    /// It keeps to the protocol.
    Honest(Box<Client>),
    /// Its handshake is done by hand. It lasts for one step at most.
    Knocking(Box<Knock>),
    /// It has a valid session, and says by hand whatever it likes.
    Raw(Box<Connection>),
}

/// One client.
pub struct Guest {
    number: usize,
    /// None while its network is cut.
    link: Option<SimLink>,
    /// Which of its addresses it has.
    place: usize,
    /// The core whose address it sends to.
    pub server: usize,
    pub end: End,
    pub keys: VecDeque<Key>,
    /// For what it does by hand.
    pub resources: Resources,
    /// The session that the server has for it, once that is known.
    pub session: Option<(u8, SessionId)>,
    /// Until then, nobody is to blame when it loses its connection.
    pub excused_until: Instant,
    /// It wants to stay cut off until then.
    pub silent_until: Instant,
    /// What came of its handshake by hand.
    pub answered: Option<bool>,
    view: View,
    player: Option<EntityId>,
    inputs: u16,
    next_input: Instant,
    kept: Vec<u8>,
    /// What went wrong.
    pub fault: Option<String>,
}

impl Guest {
    pub fn new(number: usize, dice: &mut Dice) -> Self {
        Guest {
            number,
            link: None,
            place: 0,
            server: 0,
            end: End::Away,
            keys: VecDeque::with_capacity(KEYS_MAX),
            resources: Resources::new(RAW_MESSAGE_BYTES, Csprng::from_seed(dice.seed())),
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

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        // Some addresses differ in their port only, others in the host too.
        let home = (self.number / HOUSEHOLD) as u8;
        let port = 1024 + (self.number * ADDRESSES + self.place) as u16;
        SocketAddr::from(([10, 1, (self.place % 2) as u8, home + 1], port))
    }

    pub fn is_cut_off(&self) -> bool {
        self.link.is_none()
    }

    /// Its network is gone. What is sent to it is lost.
    pub fn cut_off(&mut self) {
        self.link = None;
    }

    /// Its network is there, at the address that it had or at another one.
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

    /// A client that keeps to the protocol, of a new session.
    pub fn arrive(&mut self, now: Instant, server: &PublicKey, reconnect: bool, seed: [u8; 32]) {
        let config = ClientConfig { reconnect, ..ClientConfig::new(*server) };
        self.end = End::Honest(Box::new(Client::new(config, now, seed).expect("the server's key is a good one")));
        self.forget_world();
    }

    fn forget_world(&mut self) {
        self.session = None;
        self.view = View::new();
        self.player = None;
        self.inputs = 0;
    }

    /// Begins a handshake by hand.
    pub fn knock(&mut self, server: &PublicKey, key: Option<(u8, ResumeKey)>) {
        self.answered = None;
        self.end = End::Knocking(Box::new(Knock::new(server, key, &mut self.resources)));
    }

    pub fn remember(&mut self, key: Key) {
        if self.keys.len() == KEYS_MAX {
            self.keys.pop_front();
        }
        self.keys.push_back(key);
    }

    /// Its session, where it has one.
    pub fn live_session(&self) -> Option<&Connection> {
        match &self.end {
            End::Honest(client) => client.session(),
            End::Raw(session) => Some(session),
            End::Away | End::Knocking(_) => None,
        }
    }

    /// Whether it keeps to the protocol and is connected.
    pub fn is_honest(&self) -> bool {
        matches!(&self.end, End::Honest(client) if client.is_connected())
    }

    /// From now on it says by hand whatever it likes. False when it has no session.
    pub fn turn_raw(&mut self) -> bool {
        if !self.is_honest() {
            return matches!(self.end, End::Raw(_));
        }
        if let End::Honest(client) = std::mem::replace(&mut self.end, End::Away)
            && let Some((session, resources)) = client.into_session()
        {
            self.resources = resources;
            self.end = End::Raw(Box::new(session));
        }
        true
    }

    /// Seals `frames` in a datagram of its session.
    pub fn say_raw(&mut self, server: SocketAddr, frames: &[u8]) {
        let Guest { end: End::Raw(session), link: Some(link), resources, .. } = self else { return };
        let sequence = session.begin_datagram(&mut resources.random);
        let path = Path::new(0, server);
        if let Some(room) = link.reserve(path, sealed_len(frames.len())) {
            session.seal(sequence, frames, room).expect("the key is fresh");
        }
        link.submit();
    }

    /// It has no connection any more, and does not tell anybody.
    pub fn vanish(&mut self) {
        self.end = End::Away;
        self.forget_world();
    }

    /// Takes what came, and says what is due.
    pub fn drive(&mut self, now: Instant, server: SocketAddr) {
        if self.link.is_none() {
            return;
        }
        match self.end {
            End::Away | End::Raw(_) => self.discard(),
            End::Knocking(_) => self.drive_knock(now, server),
            End::Honest(_) => self.drive_client(now, server),
        }
    }

    fn discard(&mut self) {
        if let Some(link) = &mut self.link {
            link.receive(usize::MAX, |_| {});
        }
    }

    fn drive_knock(&mut self, now: Instant, server: SocketAddr) {
        let Guest { link: Some(link), end: End::Knocking(knock), resources, .. } = self else { return };
        let mut accepted = None;
        link.receive(usize::MAX, |arrival| {
            if let Answer::Accepted(session, resumed) = knock.hear(now, arrival.bytes, resources) {
                accepted = Some((session, resumed));
            }
        });
        if knock.is_due {
            let datagram = knock.datagram();
            let room = link.reserve(Path::new(0, server), datagram.len());
            room.expect("a simulated link has room").copy_from_slice(&datagram);
            link.submit();
        }
        if let Some((session, resumed)) = accepted {
            self.end = End::Raw(session);
            self.answered = Some(resumed);
        }
    }

    fn drive_client(&mut self, now: Instant, server: SocketAddr) {
        let Guest { link: Some(link), end: End::Honest(client), view, player, kept, fault, .. } = self else { return };
        let mut hear = |message: &[u8]| match message.first() {
            Some(&kinds::ENTER_TO_WORLD) => match Welcome::read(message) {
                Ok(welcome) => *player = welcome.map(|welcome| welcome.player).or(*player),
                Err(error) => *fault = Some(format!("a welcome cannot be read: {error}")),
            },
            Some(&kinds::DELTA_SYNC) => {
                if let Err(error) = view.take(message, |_| {}) {
                    *fault = Some(format!("a snapshot cannot be read: {error}"));
                }
            }
            _ => {}
        };
        link.receive(usize::MAX, |mut arrival| {
            for index in 0..arrival.count() {
                for message in client.receive(now, arrival.datagram(index)).into_iter().flatten() {
                    hear(message.bytes);
                }
                while client.read(kept).is_some() {
                    hear(kept);
                }
            }
        });
        if client.deadline() <= now {
            client.advance(now);
        }
        self.take_events(now);
        if self.player.is_some() && now >= self.next_input {
            self.play(now);
        }
        self.transmit(now, server);
    }

    fn take_events(&mut self, now: Instant) {
        while let End::Honest(client) = &mut self.end
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

    /// It lost its connection: there must be a reason for that. Otherwise it has failed to get another one.
    fn lost(&mut self, now: Instant, reason: CloseReason) {
        let had_one = matches!(reason, CloseReason::Silent | CloseReason::Disconnected(_));
        if had_one && self.session.is_some() && now >= self.excused_until {
            self.fault = Some(format!("lost its connection without a reason: {reason}"));
        }
    }

    /// Sends an input, with what it has received.
    pub fn play(&mut self, now: Instant) {
        let Guest { end: End::Honest(client), view, inputs, .. } = self else { return };
        *inputs = inputs.wrapping_add(1);
        let digest = inputs.is_multiple_of(DIGEST_PERIOD).then(|| view.digest());
        let input = Input { received: view.received(), digest, number: *inputs, direction: 0, pace: 0, actions: 0 };
        let mut message = [0; Input::BYTES_MAX];
        let mut writer = Writer::new(&mut message);
        input.write(&mut writer).expect("it has room");
        // One that is not taken is as good as lost.
        let _ = client.send(now, Channel::UNRELIABLE, writer.written());
        self.next_input = now + INPUT_PERIOD;
    }

    pub fn transmit(&mut self, now: Instant, server: SocketAddr) {
        let Guest { link: Some(link), end: End::Honest(client), .. } = self else { return };
        let path = Path::new(0, server);
        let mut said = false;
        while let Some(len) = client.transmit_len(now) {
            client.transmit(now, link.reserve(path, len).expect("a simulated link has room"));
            said = true;
        }
        if said {
            link.submit();
        }
        // Hanging up closes it with its last datagram.
        self.take_events(now);
    }
}
