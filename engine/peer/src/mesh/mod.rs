//! A mesh: this host and up to 15 other players.

mod config;
mod events;
mod introductions;
mod receive;
mod transmit;
mod waiting;

pub use self::config::MeshConfig;
pub use self::events::{MeshEvent, PeerPath};

use self::introductions::Pace;
use self::waiting::Waiting;
use crate::gathering::Gathering;
use crate::id::PeerId;
use crate::limits::*;
use crate::outbox::{Outbox, Via};
use crate::peer::{Identity, Local, Peer, PeerEvent, Route, SessionEvent};
use crate::relay::RelayClient;
use crate::stats::MeshStats;
use rand_chacha::rand_core::{Rng, SeedableRng};
use ringshard_protocol::connection::SendError;
use ringshard_protocol::crypto::{Csprng, SecretKey};
use ringshard_protocol::limits::MESSAGE_BYTES_MAX;
use ringshard_protocol::time::{Duration, Instant};
use ringshard_protocol::wire::Channel;
use ringshard_world::EntityId;
use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;

/// Why a player cannot be named.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum JoinError {
    /// The mesh is full.
    #[error("a mesh has at most {PLAYERS_MAX} players: remove one first")]
    Full,
}

/// A mesh of players. The crate's documentation shows how it is driven.
pub struct Mesh {
    identity: Identity,
    local: Local,
    peers: BTreeMap<PeerId, Peer>,
    next_peer: u32,
    /// Whose address it is: of the peer that answered from there, else of the one that was heard from there.
    addresses: HashMap<(Via, SocketAddr), AddressOwner>,
    gathering: Gathering,
    relay: Option<RelayClient>,
    /// Descriptions wait until then for what is still being gathered.
    gathered_at: Instant,
    pace: Pace,
    outbox: Outbox,
    waiting: Waiting,
    /// The message being read, and the messages of a datagram.
    scratch: Vec<u8>,
    arrived: Vec<(Channel, Vec<u8>)>,
    random: Csprng,
    /// The clock of the checks at the zero of the mesh's clock. Which moment that is does not matter.
    zero: std::time::Instant,
    stats: MeshStats,
}

/// Whose an address is.
#[derive(Clone, Copy)]
struct AddressOwner {
    peer: PeerId,
    /// Whether it answered a check there. Datagrams from an address can be forged; answers to checks there cannot.
    proven: bool,
}

impl Mesh {
    /// A mesh of this host alone. All its randomness comes from `seed`, which must be secret and fresh.
    pub fn new(config: MeshConfig, now: Instant, seed: [u8; 32]) -> Self {
        let mut random = Csprng::from_seed(seed);
        let mut secret = [0; 32];
        random.fill_bytes(&mut secret);
        let secret = SecretKey::from_bytes(secret);
        let MeshConfig { session, host, stun, relay, transport } = config;
        let mut gathering = Gathering::default();
        gathering.begin(now, &stun, &host, &mut random);
        let relay = relay.filter(|relay| !relay.addresses.is_empty());
        Mesh {
            identity: Identity { session, public: secret.public(), secret, transport },
            local: Local { host, ..Local::default() },
            peers: BTreeMap::new(),
            next_peer: 0,
            addresses: HashMap::new(),
            gathered_at: if gathering.is_complete() && relay.is_none() { now } else { now + GATHERING_WAIT },
            gathering,
            relay: relay.map(|relay| RelayClient::new(now, &relay, &mut random)),
            pace: Pace::new(now),
            outbox: Outbox::new(now),
            waiting: Waiting::default(),
            scratch: Vec::with_capacity(MESSAGE_BYTES_MAX),
            arrived: Vec::new(),
            random,
            zero: std::time::Instant::now(),
            stats: MeshStats::default(),
        }
    }

    /// Names the player of `entity` as a member. Its introductions are read from now on, and it gets one. A player that is a
    /// member already stays it.
    ///
    /// # Errors
    /// [`JoinError::Full`].
    pub fn join(&mut self, now: Instant, entity: EntityId) -> Result<PeerId, JoinError> {
        if let Some((&id, _)) = self.peers.iter().find(|(_, peer)| peer.entity == entity && !peer.is_leaving()) {
            return Ok(id);
        }
        if self.peers.len() + 1 >= PLAYERS_MAX {
            return Err(JoinError::Full);
        }
        let id = PeerId(self.next_peer);
        self.next_peer += 1;
        self.peers.insert(id, Peer::new(id, entity, now, &self.local, &mut self.random));
        Ok(id)
    }

    /// Ends the session with a peer. What [`Self::poll_transmit`] then gives tells it.
    pub fn remove(&mut self, peer: PeerId) {
        if let Some(peer) = self.peers.get_mut(&peer) {
            peer.leave();
        }
    }

    /// Ends all sessions, as [`Self::remove`] does.
    pub fn leave(&mut self) {
        self.peers.values_mut().for_each(Peer::leave);
    }

    /// Queues a message. It leaves with the next [`Self::poll_transmit`].
    ///
    /// # Errors
    /// [`SendError`]; the message was not taken. [`SendError::NotConnected`] before [`MeshEvent::Connected`].
    pub fn send(&mut self, now: Instant, peer: PeerId, channel: Channel, message: &[u8]) -> Result<(), SendError> {
        let member = self.peers.get_mut(&peer).ok_or(SendError::NotConnected)?;
        let sent = member.send(now, channel, message);
        if sent != Err(SendError::Full) {
            return sent;
        }
        member.transmit(now, &mut self.outbox, &mut self.stats);
        member.send(now, channel, message)
    }

    /// The addresses of this host are others now. Checks begin anew with every peer, and the sessions go on.
    pub fn set_host(&mut self, now: Instant, host: Vec<SocketAddr>) {
        let Local { channel, relays, .. } = std::mem::take(&mut self.local);
        self.local = Local { host, reflexive: Vec::new(), channel, relays };
        if let Some(relay) = &mut self.relay {
            relay.address_changed(now);
        }
        self.gathering.begin_again(now, &self.local.host, &mut self.random);
        for peer in self.peers.values_mut() {
            peer.restart(now, &self.local, &mut self.random);
        }
    }

    /// Does what is due by `now`.
    pub fn advance(&mut self, now: Instant) {
        let clock = self.clock(now);
        let Mesh { peers, identity, local, random, stats, .. } = self;
        for peer in peers.values_mut() {
            peer.advance(now, clock, identity, local, random, stats);
        }
        self.take_events(now);
    }

    /// When to call [`Self::advance`], [`Self::poll_transmit`] and [`Self::poll_introduction`] next, at the latest.
    pub fn deadline(&mut self) -> Instant {
        let Mesh { peers, pace, zero, gathering, relay, gathered_at, .. } = self;
        let relay = relay.as_ref().map_or(Instant::NEVER, RelayClient::deadline);
        let pace = pace.deadline().max(*gathered_at);
        let due = peers.values_mut().map(|peer| peer.deadline(*zero).min(peer.description_deadline().max(pace)));
        due.min().unwrap_or(Instant::NEVER).min(gathering.deadline()).min(relay)
    }

    /// The next event, oldest first.
    pub fn poll_event(&mut self) -> Option<MeshEvent> {
        self.waiting.pop()
    }

    /// The members, and the entity of each.
    pub fn peers(&self) -> impl Iterator<Item = (PeerId, EntityId)> {
        self.peers.iter().map(|(&id, peer)| (id, peer.entity))
    }

    /// The path to a peer, if there is one.
    pub fn path(&self, peer: PeerId) -> Option<PeerPath> {
        self.peers.get(&peer)?.route().map(path_of)
    }

    /// Round-trip time to a peer, if it was measured, and the share of packets that are lost.
    pub fn quality(&self, peer: PeerId) -> (Option<Duration>, f64) {
        self.peers.get(&peer).map(Peer::quality).unwrap_or_default()
    }

    /// Bytes of reliable messages that a peer has not acknowledged.
    pub fn unacknowledged_bytes(&self, peer: PeerId) -> usize {
        self.peers.get(&peer).map_or(0, Peer::unacknowledged_bytes)
    }

    /// Entries of all tables that other players can fill: addresses, candidates, checks. There are never more than
    /// [`ENTRIES_PER_PLAYER_MAX`] for each player.
    pub fn entries(&self) -> usize {
        self.addresses.len() + self.peers.values().map(Peer::entries).sum::<usize>()
    }

    /// Its counters.
    pub fn stats(&self) -> &MeshStats {
        &self.stats
    }

    fn clock(&self, now: Instant) -> std::time::Instant {
        self.zero + Duration::from_nanos(now.as_nanos())
    }

    /// Reports what happened at the peers.
    fn take_events(&mut self, now: Instant) {
        let Mesh { peers, waiting, addresses, .. } = self;
        peers.retain(|&id, peer| {
            while let Some(event) = peer.poll_event() {
                let ended = matches!(event, PeerEvent::Session(SessionEvent::Ended(_)));
                if !ended || !peer.is_leaving() {
                    waiting.push(report(id, event, now.since(peer.since())));
                }
                if ended {
                    addresses.retain(|_, owner| owner.peer != id);
                    return false;
                }
            }
            true
        });
    }
}

impl core::fmt::Debug for Mesh {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Mesh({} peers)", self.peers.len())
    }
}

fn path_of(route: Route) -> PeerPath {
    PeerPath { address: route.to, kind: route.kind }
}

fn report(peer: PeerId, event: PeerEvent, took: Duration) -> MeshEvent {
    match event {
        PeerEvent::Path(route) => MeshEvent::Path(peer, path_of(route)),
        PeerEvent::Lost => MeshEvent::PathLost(peer),
        PeerEvent::BeganAnew => MeshEvent::BeganAnew(peer),
        PeerEvent::Session(SessionEvent::Connected { resumed }) => MeshEvent::Connected { peer, resumed, took },
        PeerEvent::Session(SessionEvent::Suspended) => MeshEvent::Suspended(peer),
        PeerEvent::Session(SessionEvent::Ended(reason)) => MeshEvent::Left(peer, reason),
    }
}
