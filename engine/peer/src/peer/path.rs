//! The search for a path to a peer, and the watch over it: ICE (RFC 8445) by the crate `is`.
//!
//! The end that connects is the controlling one. It sends over the pair that it nominates, and the protocol's own path
//! validation lets the other end follow. Consent is asked for over the path in use all the time (RFC 7675). When the answers
//! stay away, checks begin anew with other credentials, which the server carries to the peer. The former path stays in use until
//! another is found.
//!
//! The peer may be hostile. What the checks keep of it is bounded: candidates, addresses that it sends from, and addresses at
//! which it says that it sees this host.

use super::lane::Lane;
use super::local::Local;
use crate::candidate::{Candidate, CandidateKind};
use crate::description::Credentials;
use crate::id::PeerId;
use crate::limits::*;
use crate::outbox::{Outbox, Via};
use crate::stun::{TransactionId, answered_id, request_id};
use is::stun::{StunMessage, StunPacket};
use is::{IceAgent, IceAgentEvent};
use rand_chacha::rand_core::Rng;
use ringshard_protocol::crypto::Csprng;
use ringshard_protocol::time::{Duration, Instant};
use std::collections::VecDeque;
use std::net::SocketAddr;

/// A path to a peer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Route {
    pub(crate) via: Via,
    pub(crate) to: SocketAddr,
    pub(crate) kind: CandidateKind,
}

/// What a STUN message was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Check {
    /// Not for this peer, or not authentic.
    Refused,
    /// The peer asks. Its address may be forged.
    Request,
    /// The peer answers what was sent to its address.
    Answer,
}

/// The search for a path to one peer.
#[derive(Debug)]
pub(crate) struct PathSearch {
    id: PeerId,
    agent: IceAgent,
    credentials: Credentials,
    controlling: bool,
    tie_breaker: u64,
    peer: Option<(Credentials, Vec<Candidate>)>,
    /// Candidates of the peer that these checks have.
    taken: usize,
    /// The newest checks, and where each was sent: an answer counts only from there.
    asked: VecDeque<(TransactionId, Via, SocketAddr)>,
    /// Where checks of the peer came from.
    heard: Vec<(Via, SocketAddr)>,
    /// Where the peer says that it sees this host.
    seen: Vec<SocketAddr>,
    route: Option<Route>,
    /// When the peer last answered over the route.
    confirmed_at: Instant,
    /// No earlier than then checks begin anew.
    restart_at: Instant,
    restart_wait: Duration,
    /// When the peer last made checks begin anew.
    asked_at: Option<Instant>,
}

impl PathSearch {
    pub(crate) fn new(id: PeerId, controlling: bool, local: &Local, random: &mut Csprng) -> Self {
        let credentials = Credentials::fresh(random);
        let mut search = PathSearch {
            id,
            agent: IceAgent::new(credentials.for_ice()),
            credentials,
            controlling,
            tie_breaker: random.next_u64(),
            peer: None,
            taken: 0,
            asked: VecDeque::with_capacity(CHECKS_REMEMBERED),
            heard: Vec::new(),
            seen: Vec::new(),
            route: None,
            confirmed_at: Instant::ZERO,
            restart_at: Instant::NEVER,
            restart_wait: RESTART_FIRST,
            asked_at: None,
        };
        search.begin(local);
        search
    }

    pub(crate) fn credentials(&self) -> Credentials {
        self.credentials
    }

    /// The path in use.
    pub(crate) fn route(&self) -> Option<Route> {
        self.route
    }

    /// Round-trip time of the last check over the path in use.
    pub(crate) fn round_trip(&self) -> Option<Duration> {
        self.agent.nominated_pair_rtt()
    }

    /// Entries of the tables that the peer can fill.
    pub(crate) fn entries(&self) -> usize {
        self.taken + self.asked.len() + self.heard.len() + self.seen.len()
    }

    /// Which end this is is known when the peer's key is.
    pub(crate) fn set_controlling(&mut self, controlling: bool, local: &Local) {
        if self.controlling != controlling {
            self.controlling = controlling;
            self.begin(local);
        }
    }

    /// The agent with all that is known. The route stays.
    fn begin(&mut self, local: &Local) {
        let mut agent = IceAgent::new(self.credentials.for_ice());
        agent.set_controlling(self.controlling);
        agent.set_control_tie_breaker(self.tie_breaker);
        agent.set_initial_stun_rto(CHECK_RETRY_FIRST);
        agent.set_max_stun_rto(CHECK_PERIOD);
        agent.set_timing_advance(CHECK_PACE);
        agent.set_max_candidate_pairs(PAIRS_MAX);
        for candidate in local.for_ice() {
            agent.add_local_candidate(candidate);
        }
        self.agent = agent;
        (self.taken, self.heard, self.seen) = (0, Vec::new(), Vec::new());
        self.asked.clear();
        if let Some((credentials, candidates)) = self.peer.take() {
            self.agent.set_remote_credentials(credentials.for_ice());
            self.take_candidates(&candidates, &[]);
            self.peer = Some((credentials, candidates));
        }
    }

    /// Hands those of the peer's candidates to the agent that it does not have yet.
    fn take_candidates(&mut self, candidates: &[Candidate], known: &[Candidate]) {
        for (index, candidate) in candidates.iter().enumerate().filter(|(_, candidate)| !known.contains(candidate)) {
            let lane = if candidate.kind == CandidateKind::Relayed { Lane::TheirRelay } else { Lane::Direct };
            self.agent.add_remote_candidate(candidate.of_peer(index, lane.protocol()));
            self.taken += 1;
        }
    }

    /// Begins anew with other credentials: this host's addresses have changed, or the path is lost.
    pub(crate) fn restart(&mut self, now: Instant, local: &Local, random: &mut Csprng) {
        self.credentials = Credentials::fresh(random);
        self.begin(local);
        self.restart_at = now + self.restart_wait;
        self.restart_wait = (self.restart_wait * 2).min(RESTART_MAX);
    }

    /// This host may be reached at another address, too.
    pub(crate) fn add_local(&mut self, local: &Local) {
        for candidate in local.for_ice() {
            self.agent.add_local_candidate(candidate);
        }
    }

    /// Whether checks may begin anew for the peer so soon.
    pub(crate) fn may_restart(&self, now: Instant, credentials: &Credentials) -> bool {
        let restarts = self.peer.as_ref().is_some_and(|(known, _)| known != credentials);
        !restarts || self.asked_at.is_none_or(|at| at + PEER_RESTART_PERIOD <= now)
    }

    /// Takes what the peer says. Gives whether checks began anew.
    pub(crate) fn described(
        &mut self,
        now: Instant,
        local: &Local,
        credentials: Credentials,
        candidates: &[Candidate],
    ) -> bool {
        let former = self.peer.replace((credentials, candidates.to_vec()));
        match former {
            Some((known, former)) if known == credentials && self.taken < CANDIDATES_TAKEN_MAX => {
                self.take_candidates(candidates, &former);
                false
            }
            _ => {
                self.asked_at = Some(now);
                self.begin(local);
                self.restart_at = now + self.restart_wait;
                true
            }
        }
    }

    /// Takes a STUN message.
    pub(crate) fn receive(
        &mut self,
        now: std::time::Instant,
        via: Via,
        from: SocketAddr,
        datagram: &[u8],
        local: &Local,
    ) -> Check {
        let Ok(message) = StunMessage::parse(datagram) else { return Check::Refused };
        let Some(destination) = local.destination(via, from) else { return Check::Refused };
        let (check, is_in_bounds) = match message.mapped_address() {
            Some(seen) if message.is_successful_binding_response() => {
                (Check::Answer, self.has_asked(via, from, datagram) && has_room_for(&self.seen, seen))
            }
            _ => (Check::Request, has_room_for(&self.heard, (via, from))),
        };
        let seen = message.mapped_address();
        let packet = StunPacket { proto: Lane::of(via).protocol(), source: from, destination, message };
        if !is_in_bounds || !self.agent.handle_packet(now, packet) {
            return Check::Refused;
        }
        match seen.filter(|_| check == Check::Answer) {
            Some(seen) => note(&mut self.seen, seen),
            None => note(&mut self.heard, (via, from)),
        }
        check
    }

    /// Whether an answer comes from where its check was sent. The peer can answer from a forged address, too.
    fn has_asked(&self, via: Via, from: SocketAddr, answer: &[u8]) -> bool {
        let id = answered_id(answer);
        self.asked.iter().any(|(asked, by, to)| Some(asked) == id && (*by, *to) == (via, from))
    }

    /// Notes that the peer has answered a check.
    pub(crate) fn confirmed(&mut self, now: Instant, via: Via, from: SocketAddr) {
        if self.route.is_some_and(|route| route.via == via && route.to == from) {
            self.confirmed_at = now;
        }
    }

    /// Does what is due. Gives whether another path is in use now.
    pub(crate) fn advance(&mut self, now: Instant, clock: std::time::Instant) -> bool {
        if self.agent.poll_timeout().is_none_or(|at| at <= clock) {
            self.agent.handle_timeout(clock);
        }
        let mut changed = false;
        while let Some(event) = self.agent.poll_event() {
            if let IceAgentEvent::NominatedSend { proto, destination, .. } = event {
                changed |= self.nominated(now, Lane::via(proto, self.id), destination);
            }
        }
        changed
    }

    fn nominated(&mut self, now: Instant, via: Via, to: SocketAddr) -> bool {
        let candidates = self.peer.iter().flat_map(|(_, candidates)| candidates);
        let known = candidates.filter(|candidate| candidate.address == to).map(|candidate| candidate.kind).min();
        let kind = match via {
            Via::Socket => known.unwrap_or(CandidateKind::Reflexive),
            Via::OwnRelay | Via::TheirRelay(_) => CandidateKind::Relayed,
        };
        let former = self.route.replace(Route { via, to, kind });
        self.confirmed_at = now;
        self.restart_wait = RESTART_FIRST;
        former != self.route
    }

    /// Whether the path in use no longer answers.
    pub(crate) fn is_lost(&self, now: Instant) -> bool {
        self.route.is_some() && self.confirmed_at + PATH_LOST_AFTER <= now
    }

    /// Whether checks are to begin anew.
    pub(crate) fn wants_restart(&self, now: Instant) -> bool {
        self.restart_at <= now && (self.route.is_none() || self.is_lost(now))
    }

    /// Hands the checks that are due to the outbox.
    pub(crate) fn transmit(&mut self, outbox: &mut Outbox) -> u64 {
        let mut sent = 0;
        while outbox.has_room()
            && let Some(transmit) = self.agent.poll_transmit()
        {
            let (via, to) = (Lane::via(transmit.proto, self.id), transmit.destination);
            let room = outbox.room(via, to, transmit.contents.len()).expect("the outbox has room");
            room.copy_from_slice(&transmit.contents);
            sent += 1;
            if let Some(&id) = request_id(&transmit.contents) {
                self.remember((id, via, to));
            }
        }
        sent
    }

    fn remember(&mut self, check: (TransactionId, Via, SocketAddr)) {
        if self.asked.len() == CHECKS_REMEMBERED {
            self.asked.pop_front();
        }
        self.asked.push_back(check);
    }

    /// When to call [`Self::advance`] next, at the latest. `zero` is the clock of the checks at the zero of the mesh.
    pub(crate) fn deadline(&mut self, zero: std::time::Instant) -> Instant {
        let checks = self.agent.poll_timeout().map_or(Instant::ZERO, |at| Instant::ZERO + at.duration_since(zero));
        let lost = if self.route.is_some() { self.confirmed_at + PATH_LOST_AFTER } else { Instant::ZERO };
        checks.min(lost.max(self.restart_at))
    }
}

fn has_room_for<T: PartialEq>(known: &[T], new: T) -> bool {
    known.len() < ADDRESSES_HEARD_MAX || known.contains(&new)
}

fn note<T: PartialEq>(known: &mut Vec<T>, new: T) {
    if !known.contains(&new) {
        known.push(new);
    }
}
