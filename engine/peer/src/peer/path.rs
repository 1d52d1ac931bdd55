//! The search for a path to a peer, and the watch over it: ICE (RFC 8445) by the crate `is`.
//!
//! The end that connects is the controlling one. It sends over the pair that it nominates, and the protocol's own path
//! validation lets the other end follow. Consent is asked for over the path in use all the time (RFC 7675). When the answers
//! stay away, checks begin anew with other credentials, which the server carries to the peer. The former path stays in use until
//! another is found.

use super::local::Local;
use crate::candidate::{Candidate, CandidateKind};
use crate::description::Credentials;
use crate::limits::*;
use crate::outbox::{Outbox, Via};
use is::stun::{StunMessage, StunPacket};
use is::{IceAgent, IceAgentEvent, Protocol};
use rand_chacha::rand_core::Rng;
use ringshard_protocol::crypto::Csprng;
use ringshard_protocol::time::{Duration, Instant};
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
    agent: IceAgent,
    credentials: Credentials,
    controlling: bool,
    tie_breaker: u64,
    peer: Option<(Credentials, Vec<Candidate>)>,
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
    pub(crate) fn new(controlling: bool, local: &Local, random: &mut Csprng) -> Self {
        let credentials = Credentials::fresh(random);
        let mut search = PathSearch {
            agent: IceAgent::new(credentials.for_ice()),
            credentials,
            controlling,
            tie_breaker: random.next_u64(),
            peer: None,
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
        if let Some((credentials, candidates)) = &self.peer {
            agent.set_remote_credentials(credentials.for_ice());
            for (index, candidate) in candidates.iter().enumerate() {
                agent.add_remote_candidate(candidate.of_peer(index));
            }
        }
        self.agent = agent;
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
        let restarts = self.peer.as_ref().is_none_or(|(known, _)| *known != credentials);
        self.peer = Some((credentials, candidates.to_vec()));
        if restarts {
            self.asked_at = Some(now);
            self.begin(local);
            self.restart_at = now + self.restart_wait;
        } else {
            for (index, candidate) in candidates.iter().enumerate() {
                self.agent.add_remote_candidate(candidate.of_peer(index));
            }
        }
        restarts
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
        let check = if message.is_successful_binding_response() { Check::Answer } else { Check::Request };
        let packet = StunPacket { proto: Protocol::Udp, source: from, destination, message };
        if self.agent.handle_packet(now, packet) { check } else { Check::Refused }
    }

    /// Notes that the peer has answered a check.
    pub(crate) fn confirmed(&mut self, now: Instant, via: Via, from: SocketAddr) {
        if self.route.is_some_and(|route| route.via == via && route.to == from) {
            self.confirmed_at = now;
        }
    }

    /// Does what is due. Gives whether another path is in use now.
    pub(crate) fn advance(&mut self, now: Instant, clock: std::time::Instant, local: &Local) -> bool {
        if self.agent.poll_timeout().is_none_or(|at| at <= clock) {
            self.agent.handle_timeout(clock);
        }
        let mut changed = false;
        while let Some(event) = self.agent.poll_event() {
            if let IceAgentEvent::NominatedSend { source, destination, .. } = event {
                changed |= self.nominated(now, local.via(source), destination);
            }
        }
        changed
    }

    fn nominated(&mut self, now: Instant, via: Via, to: SocketAddr) -> bool {
        let candidates = self.peer.iter().flat_map(|(_, candidates)| candidates);
        let known = candidates.filter(|candidate| candidate.address == to).map(|candidate| candidate.kind).min();
        let kind = if via == Via::Relay { CandidateKind::Relayed } else { known.unwrap_or(CandidateKind::Reflexive) };
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
    pub(crate) fn transmit(&mut self, local: &Local, outbox: &mut Outbox) -> u64 {
        let mut sent = 0;
        while outbox.has_room()
            && let Some(transmit) = self.agent.poll_transmit()
        {
            let via = local.via(transmit.source);
            if let Some(room) = outbox.room(via, transmit.destination, transmit.contents.len()) {
                room.copy_from_slice(&transmit.contents);
                sent += 1;
            }
        }
        sent
    }

    /// When to call [`Self::advance`] next, at the latest. `zero` is the clock of the checks at the zero of the mesh.
    pub(crate) fn deadline(&mut self, zero: std::time::Instant) -> Instant {
        let checks = self.agent.poll_timeout().map_or(Instant::ZERO, |at| Instant::ZERO + at.duration_since(zero));
        let lost = if self.route.is_some() { self.confirmed_at + PATH_LOST_AFTER } else { Instant::ZERO };
        checks.min(lost.max(self.restart_at))
    }
}
