//! The whole system under one virtual clock: a server, players, their network, and an attacker.

mod agreement;
mod attacker;
mod faults;
mod phase;
mod recovery;
mod sending;

use self::phase::RecoveryPhase;
use super::draw::plan::Plan;
use super::draw::traffic::Outgoing;
use super::model::audit::{Audit, Violation};
use super::model::session::End;
use super::nodes::player::Player;
use super::nodes::server::Server;
use super::totals::Totals;
use crate::random::Random;
use ringshard_link::conditions::Conditions;
use ringshard_link::sim::Network;
use ringshard_protocol::limits::PORT_DEFAULT;
use ringshard_protocol::time::{Duration, Instant};
use std::net::SocketAddr;

/// How often the auditor checks what must hold.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Everything that determines a run.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    pub seed: u64,
    /// Players; None: drawn.
    pub clients: Option<usize>,
    /// Minutes of traffic and faults.
    pub minutes: u64,
    /// Log every event.
    pub log: bool,
}

/// The result of a run.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub totals: Totals,
    /// The first violation, if any.
    pub violation: Option<Violation>,
}

#[derive(Debug)]
pub struct Simulator {
    pub(super) plan: Plan,
    pub(super) network: Network,
    pub(super) random: Random,
    pub(super) server: Server,
    pub(super) players: Vec<Player>,
    pub(super) audit: Audit,
    began_at: Instant,
    faults_until: Instant,
    /// None during faults.
    pub(super) recovery: Option<RecoveryPhase>,
    pub(super) server_fault_at: Instant,
    looks_at: Instant,
    pub(super) is_over: bool,
    /// The server has something new to do.
    pub(super) server_is_due: bool,
    /// Bytes that the attacker sent to the server from its own addresses.
    pub(super) attackers_bytes: u64,
    pub(super) buffer: Vec<u8>,
    pub(super) outgoing: Vec<Outgoing>,
}

/// Simulates one run.
pub fn run(options: Options) -> Outcome {
    let mut simulator = Simulator::new(options);
    while !simulator.is_over && simulator.audit.violation.is_none() {
        simulator.turn();
    }
    if simulator.audit.violation.is_some() {
        simulator.explain();
    }
    simulator.outcome()
}

impl Simulator {
    fn new(options: Options) -> Self {
        let Options { seed, clients, minutes, log } = options;
        let mut random = Random::new(seed);
        let plan = Plan::draw(&mut random, clients, minutes);
        let network = Network::new(seed, Conditions::none(Duration::from_millis(10)));
        network.advance_to(Instant::ZERO + random.millis(1, 1_000_000));
        let now = network.now();
        let mut audit = Audit::new(seed, now, log);
        audit.clear_since = vec![now; plan.clients];
        audit.suspended_max = plan.server.connections_max;
        audit.log_event(now, || format!("{plan:?}"));
        let server = SocketAddr::from(([10, 0, 0, 1], PORT_DEFAULT));
        let players = (0..plan.clients).map(|index| Player::new(index, server, &plan, &mut random)).collect();
        let mut simulator = Simulator {
            server: Server::new(plan.server.clone(), server),
            plan,
            network,
            random,
            players,
            audit,
            began_at: now,
            faults_until: now,
            recovery: None,
            server_fault_at: now,
            looks_at: now,
            is_over: false,
            server_is_due: false,
            attackers_bytes: 0,
            buffer: Vec::new(),
            outgoing: Vec::new(),
        };
        simulator.begin_faults(now);
        simulator
    }

    /// Begins a phase of faults.
    pub(super) fn begin_faults(&mut self, now: Instant) {
        self.faults_until = now + self.random.millis(20_000, 200_000);
        self.server_fault_at = now + self.random.millis(2_000, 20_000);
        for player in &mut self.players {
            player.fault_at = now + self.random.millis(1_000, 20_000);
            player.path_until = now + self.random.millis(100, 10_000);
            player.rekeys_at = now + self.random.millis(1_000, 60_000);
            player.sends_at = now;
        }
    }

    fn turn(&mut self) {
        let soonest = self.network.now() + self.plan.step;
        self.network.advance_to(self.next_moment().max(soonest));
        let now = self.network.now();
        self.act(now);
        self.server.turn(now, &mut self.audit);
        for player in &mut self.players {
            player.turn(now, &mut self.audit);
        }
        if self.looks_at <= now {
            self.looks_at = now + LOOK_EVERY;
            self.look(now);
        }
    }

    /// When something happens next.
    fn next_moment(&self) -> Instant {
        let now = self.network.now();
        if self.server_is_due {
            return now;
        }
        let mut next = self.looks_at.min(self.server.deadline(now));
        if let Some(arrival) = self.network.next_arrival() {
            next = next.min(arrival);
        }
        for player in &self.players {
            next = next.min(player.deadline()).min(player.back_at);
            if self.recovery.is_none() {
                next = next.min(player.sends_at).min(player.path_until).min(player.fault_at).min(player.rekeys_at);
            }
        }
        next
    }

    /// Does what is due outside the engine.
    fn act(&mut self, now: Instant) {
        self.server_is_due = false;
        if self.server.back_at <= now {
            self.server.start(now, &self.network, &mut self.random);
            self.audit.server_up_since = now;
        }
        for index in 0..self.players.len() {
            if self.players[index].back_at <= now {
                self.players[index].start(now, &self.network, &self.plan);
            }
        }
        let vulnerable = std::mem::take(&mut self.audit.vulnerable);
        if self.recovery.is_some() {
            return;
        }
        vulnerable.into_iter().for_each(|player| self.fail_path(now, player));
        for index in 0..self.players.len() {
            let player = &self.players[index];
            let due = [player.path_until, player.fault_at, player.rekeys_at, player.sends_at].map(|at| at <= now);
            if due[0] {
                self.change_path_state(now, index);
            }
            if due[1] {
                self.inject_fault(now, index);
            }
            if due[2] {
                self.rekey(now, index);
            }
            if due[3] {
                self.players[index].sends_at = now + self.players[index].traffic.tick;
                self.send_traffic(now, index);
            }
        }
        if self.server_fault_at <= now {
            self.inject_server_fault(now);
        }
        if self.faults_until <= now {
            let is_last = now.since(self.began_at) >= self.plan.lasts;
            self.begin_recovery(now, is_last);
        }
    }

    /// Checks what must always hold.
    fn look(&mut self, now: Instant) {
        self.audit.check_overdue(now, self.plan.step);
        if let Some((endpoint, _)) = &self.server.running {
            self.audit.check_endpoint(now, endpoint, self.plan.server.message_bytes_max);
        }
        for player in &mut self.players {
            player.look(now, &mut self.audit);
        }
        self.count_key_changes(now);
        self.check_amplification(now);
        if self.recovery.is_some() {
            self.check_recovery_phase(now);
        }
    }

    fn count_key_changes(&mut self, now: Instant) {
        for player in 0..self.players.len() {
            let Some(changes) = self.key_changes(player) else { continue };
            let Player { key_changes, keys_changed_at, .. } = &mut self.players[player];
            if *key_changes != changes {
                self.audit.totals.key_changes += changes.0.saturating_sub(key_changes.0);
                (*key_changes, *keys_changed_at) = (changes, now);
                self.audit.vulnerable.push(player);
            }
        }
    }

    /// Logs the state of both ends.
    fn explain(&self) {
        let now = self.network.now();
        if let Some((endpoint, _)) = &self.server.running {
            let kept = (endpoint.message_bytes(), self.plan.server.message_bytes_max);
            self.audit
                .log_event(now, || format!("the server keeps {kept:?}: {:?} {:?}", endpoint.stats(), endpoint.drops()));
            for session in self.audit.sessions.iter().filter(|session| session.server == End::Live) {
                let info = session.ids[0].and_then(|id| endpoint.info(id));
                self.audit.log_event(now, || {
                    format!("to player {}: {info:?}; {}", session.player, session.missing_by_channel())
                });
            }
        }
        for Player { index, running, .. } in &self.players {
            let Some((client, _)) = running else { continue };
            let (kept, drops) = (client.message_bytes(), client.drops());
            let congestion = client.connection().map(|session| (session.congestion(), session.unacknowledged_bytes()));
            self.audit.log_event(now, || format!("player {index}: keeps {kept}; {congestion:?} {drops:?}"));
        }
    }

    fn outcome(mut self) -> Outcome {
        let links = self.players.iter().filter_map(|player| player.running.as_ref().map(|(_, link)| link));
        let links = links.chain(self.server.running.as_ref().map(|(_, link)| link));
        self.audit.totals.datagrams += links.map(|link| link.datagrams).sum::<u64>();
        self.audit.totals.runs = 1;
        self.audit.totals.simulated_s = self.network.now().since(self.began_at).as_secs_f64();
        self.audit.totals.player_s = self.audit.totals.simulated_s * self.players.len() as f64;
        Outcome { totals: self.audit.totals, violation: self.audit.violation }
    }
}
