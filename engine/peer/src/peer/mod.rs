//! One other player: what it was told and has told, the path to it, and the session with it.

mod lane;
mod local;
mod path;
mod session;
mod signalling;

pub(crate) use self::local::Local;
pub(crate) use self::path::{Check, Route};
pub(crate) use self::session::SessionEvent;

use self::path::PathSearch;
use self::session::Session;
use self::signalling::{News, Signalling};
use crate::candidate::{Candidate, CandidateKind};
use crate::description::Description;
use crate::id::PeerId;
use crate::outbox::{Arriving, Outbox, Via};
use crate::relay::ChannelAt;
use crate::secrets::{Half, Share, pre_shared_key};
use crate::stats::MeshStats;
use rand_chacha::rand_core::Rng;
use ringshard_protocol::connection::{SendError, TransportConfig};
use ringshard_protocol::crypto::{Csprng, PreSharedKey, PublicKey, SecretKey};
use ringshard_protocol::time::{Duration, Instant};
use ringshard_protocol::wire::{Channel, Message};
use ringshard_world::EntityId;
use std::collections::VecDeque;
use std::net::SocketAddr;

/// Who this host is in the mesh, the same for all peers.
pub(crate) struct Identity {
    pub(crate) session: [u8; 16],
    pub(crate) secret: SecretKey,
    pub(crate) public: PublicKey,
    pub(crate) transport: TransportConfig,
}

/// What happened at a peer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum PeerEvent {
    /// The session.
    Session(SessionEvent),
    /// Another path is in use.
    Path(Route),
    /// The path in use does not answer any more. Another one is looked for.
    Lost,
    /// Its program has begun anew, and with it everything else.
    BeganAnew,
}

/// The peer's end, as it described it.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Theirs {
    key: PublicKey,
    half: Half,
}

/// One other player.
pub(crate) struct Peer {
    id: PeerId,
    pub(crate) entity: EntityId,
    half: Half,
    theirs: Option<Theirs>,
    /// Its channel at each address of its relay.
    relays: Vec<ChannelAt>,
    signalling: Signalling,
    path: PathSearch,
    session: Option<Session>,
    /// Whether the loss of the path was reported.
    lost: bool,
    leaving: bool,
    /// When its player was named, or began anew.
    since: Instant,
    events: VecDeque<PeerEvent>,
}

impl Peer {
    pub(crate) fn new(id: PeerId, entity: EntityId, now: Instant, local: &Local, random: &mut Csprng) -> Self {
        let mut half = [0; 32];
        random.fill_bytes(&mut half);
        Peer {
            id,
            entity,
            half,
            theirs: None,
            relays: Vec::new(),
            signalling: Signalling::new(now),
            path: PathSearch::new(id, false, local, random),
            session: None,
            lost: false,
            leaving: false,
            since: now,
            events: VecDeque::new(),
        }
    }

    /// Takes a description of the peer.
    pub(crate) fn described(
        &mut self,
        now: Instant,
        mut description: Description,
        identity: &Identity,
        local: &Local,
        random: &mut Csprng,
        stats: &mut MeshStats,
    ) {
        if description.key == identity.public || self.leaving {
            stats.introductions_malformed += 1;
            return;
        }
        let theirs = Theirs { key: description.key, half: description.half };
        let credentials = description.credentials;
        if self.theirs == Some(theirs) && !self.path.may_restart(now, &credentials) {
            stats.introductions_too_often += 1;
            return;
        }
        if self.theirs != Some(theirs) {
            self.begin(now, theirs, identity, local, random);
            // What it has heard, it heard before it began anew.
            description.answer_wanted = true;
        }
        let Description { number, heard, answer_wanted, mut candidates, relays, .. } = description;
        match self.signalling.heard(now, number, heard, answer_wanted) {
            News::New => {
                let through = |channel: &ChannelAt| Candidate { kind: CandidateKind::Relayed, address: channel.relay };
                candidates.extend(relays.iter().map(through));
                self.relays = relays;
                stats.restarts += u64::from(self.path.described(now, local, credentials, &candidates));
            }
            News::Known => {}
            News::Old => stats.introductions_old += 1,
        }
    }

    /// The peer's key and half are known, for the first time or anew: the session can begin.
    fn begin(&mut self, now: Instant, theirs: Theirs, identity: &Identity, local: &Local, random: &mut Csprng) {
        if self.theirs.replace(theirs).is_some() {
            self.signalling.reset_peer();
            self.path = PathSearch::new(self.id, false, local, random);
            self.signalling.changed(now);
            self.since = now;
            self.events.push_back(PeerEvent::BeganAnew);
        }
        let connects = identity.public.as_bytes() > theirs.key.as_bytes();
        self.path.set_controlling(connects, local);
        self.session = None;
        if !connects {
            let seed = fresh_seed(random);
            let key = self.pre_shared(&theirs, identity);
            self.session = Some(Session::answering(identity.secret.clone(), key, identity.transport, now, seed));
        }
    }

    fn pre_shared(&self, theirs: &Theirs, identity: &Identity) -> PreSharedKey {
        let own = Share { key: &identity.public, half: &self.half };
        let other = Share { key: &theirs.key, half: &theirs.half };
        PreSharedKey::from_bytes(pre_shared_key(&identity.session, own, other))
    }

    /// The end that connects does so as soon as there is a path.
    fn connect(&mut self, now: Instant, identity: &Identity, random: &mut Csprng) {
        let Some(theirs) = self.theirs.filter(|_| self.session.is_none() && !self.leaving) else { return };
        if identity.public.as_bytes() > theirs.key.as_bytes() {
            let key = self.pre_shared(&theirs, identity);
            self.session = Session::connecting(theirs.key, key, identity.transport, now, fresh_seed(random));
        }
    }

    /// The description that is due, if one is.
    pub(crate) fn poll_description(&mut self, now: Instant, identity: &Identity, local: &Local) -> Option<Vec<u8>> {
        if self.signalling.deadline() > now || self.leaving {
            return None;
        }
        let (number, heard) = self.signalling.numbers();
        let description = Description {
            session: identity.session,
            key: identity.public,
            half: self.half,
            number,
            heard,
            answer_wanted: !self.signalling.is_acknowledged(),
            credentials: self.path.credentials(),
            candidates: local.candidates(),
            relays: local.relays.clone(),
        };
        self.signalling.sent(now);
        Some(description.encode())
    }

    /// This host may be reached at another address, too.
    pub(crate) fn add_local(&mut self, now: Instant, local: &Local) {
        self.path.add_local(local);
        self.signalling.changed(now);
    }

    /// The addresses of this host have changed: checks begin anew.
    pub(crate) fn restart(&mut self, now: Instant, local: &Local, random: &mut Csprng) {
        self.path.restart(now, local, random);
        self.signalling.changed(now);
    }

    /// Takes a STUN message.
    pub(crate) fn receive_check(
        &mut self,
        now: Instant,
        clock: std::time::Instant,
        via: Via,
        from: SocketAddr,
        datagram: &[u8],
        local: &Local,
    ) -> Check {
        let check = self.path.receive(clock, via, from, datagram, local);
        if check == Check::Answer {
            self.path.confirmed(now, via, from);
        }
        check
    }

    /// Takes a datagram of the session.
    pub(crate) fn receive(
        &mut self,
        now: Instant,
        datagram: Arriving<'_>,
        scratch: &mut Vec<u8>,
        deliver: &mut dyn FnMut(Message<'_>),
    ) {
        let Some(session) = &mut self.session else { return };
        session.receive(now, datagram, deliver);
        session.read(scratch, deliver);
    }

    pub(crate) fn send(&mut self, now: Instant, channel: Channel, message: &[u8]) -> Result<(), SendError> {
        self.session.as_mut().ok_or(SendError::NotConnected)?.send(now, channel, message)
    }

    /// Does what is due by `now`.
    pub(crate) fn advance(
        &mut self,
        now: Instant,
        clock: std::time::Instant,
        identity: &Identity,
        local: &Local,
        random: &mut Csprng,
        stats: &mut MeshStats,
    ) {
        if self.path.advance(now, clock) {
            self.path_changed(now, identity, random, stats);
        }
        if self.path.is_lost(now) && !self.lost {
            self.lost = true;
            self.events.push_back(PeerEvent::Lost);
        }
        self.lost &= self.path.is_lost(now);
        if self.path.wants_restart(now) && !self.leaving {
            self.restart(now, local, random);
            stats.restarts += 1;
        }
        if let Some(session) = &mut self.session {
            session.advance(now);
        }
    }

    fn path_changed(&mut self, now: Instant, identity: &Identity, random: &mut Csprng, stats: &mut MeshStats) {
        let Some(route) = self.path.route() else { return };
        stats.path_changes += 1;
        self.events.push_back(PeerEvent::Path(route));
        self.connect(now, identity, random);
        if let Some(session) = &mut self.session {
            session.path_changed(now);
        }
    }

    /// Hands what is due to the outbox.
    pub(crate) fn transmit(&mut self, now: Instant, outbox: &mut Outbox, stats: &mut MeshStats) {
        stats.checks_out += self.path.transmit(outbox);
        if let Some(session) = &mut self.session {
            stats.datagrams_out += session.transmit(now, self.path.route(), outbox);
        }
    }

    /// The next event, oldest first.
    pub(crate) fn poll_event(&mut self) -> Option<PeerEvent> {
        let event = self.session.as_mut().and_then(Session::poll_event).map(PeerEvent::Session);
        self.events.pop_front().or(event)
    }

    /// Ends the session. The peer stays until what tells the other end has left.
    pub(crate) fn leave(&mut self) {
        self.leaving = true;
        if let Some(session) = &mut self.session {
            session.disconnect();
        }
    }

    pub(crate) fn is_leaving(&self) -> bool {
        self.leaving
    }

    /// When something is due next, at the latest.
    pub(crate) fn deadline(&mut self, zero: std::time::Instant) -> Instant {
        let session = self.session.as_ref().map_or(Instant::NEVER, Session::deadline);
        self.path.deadline(zero).min(session)
    }

    /// When a description is due.
    pub(crate) fn description_deadline(&self) -> Instant {
        self.signalling.deadline()
    }

    /// Entries of the tables that the peer can fill.
    pub(crate) fn entries(&self) -> usize {
        self.path.entries()
    }

    /// The path in use.
    pub(crate) fn route(&self) -> Option<Route> {
        self.path.route()
    }

    /// Its channel at each address of its relay.
    pub(crate) fn relays(&self) -> &[ChannelAt] {
        &self.relays
    }

    /// When its player was named, or began anew.
    pub(crate) fn since(&self) -> Instant {
        self.since
    }

    /// Round-trip time and share of lost packets; before there is a session, the round-trip time of the checks.
    pub(crate) fn quality(&self) -> (Option<Duration>, f64) {
        let (round_trip, loss) = self.session.as_ref().and_then(Session::quality).unwrap_or_default();
        (round_trip.or(self.path.round_trip()), loss)
    }

    /// Bytes of reliable messages that the peer has not acknowledged.
    pub(crate) fn unacknowledged_bytes(&self) -> usize {
        self.session.as_ref().map_or(0, Session::unacknowledged_bytes)
    }
}

fn fresh_seed(random: &mut Csprng) -> [u8; 32] {
    let mut seed = [0; 32];
    random.fill_bytes(&mut seed);
    seed
}
