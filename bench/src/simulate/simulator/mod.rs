//! The whole system under one virtual clock: a server, its players, their network, and whoever means ill.

mod agreement;
mod attacker;
mod faults;
mod phase;
mod recovery;
mod sending;

use self::phase::Calm;
use super::draw::plan::Plan;
use super::draw::traffic::Wanted;
use super::model::audit::{Audit, Violation};
use super::model::session::End;
use super::nodes::player::Player;
use super::nodes::server::Host;
use super::totals::Tally;
use crate::random::Dice;
use ringshard_link::conditions::Conditions;
use ringshard_link::sim::Network;
use ringshard_protocol::limits::PORT_DEFAULT;
use ringshard_protocol::time::{Duration, Instant};
use std::net::SocketAddr;

/// How often the audit looks at what should have happened.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// What a run is drawn from.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Everything follows from it, and from the rest of these.
    pub seed: u64,
    /// Players, if not drawn.
    pub clients: Option<usize>,
    /// Minutes of traffic and faults.
    pub minutes: u64,
    /// Tell what happens.
    pub log: bool,
}

/// What came of a run.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Counts.
    pub tally: Tally,
    /// What must not be, if there was something.
    pub violation: Option<Violation>,
}

/// The whole system.
#[derive(Debug)]
pub struct World {
    pub(super) plan: Plan,
    pub(super) network: Network,
    pub(super) dice: Dice,
    pub(super) host: Host,
    pub(super) players: Vec<Player>,
    pub(super) audit: Audit,
    began_at: Instant,
    storm_until: Instant,
    /// None while it storms.
    pub(super) calm: Option<Calm>,
    pub(super) host_fault_at: Instant,
    looks_at: Instant,
    pub(super) is_over: bool,
    /// The server has something new to do.
    pub(super) host_is_due: bool,
    /// Bytes that the attacker sent to the server from addresses of its own.
    pub(super) attackers_bytes: u64,
    pub(super) buffer: Vec<u8>,
    pub(super) wanted: Vec<Wanted>,
}

/// One run.
pub fn run(options: Options) -> Outcome {
    let mut world = World::new(options);
    while !world.is_over && world.audit.violation.is_none() {
        world.turn();
    }
    if world.audit.violation.is_some() {
        world.explain();
    }
    world.outcome()
}

impl World {
    fn new(options: Options) -> Self {
        let Options { seed, clients, minutes, log } = options;
        let mut dice = Dice::new(seed);
        let plan = Plan::draw(&mut dice, clients, minutes);
        let network = Network::new(seed, Conditions::none(Duration::from_millis(10)));
        network.advance_to(Instant::ZERO + dice.millis(1, 1_000_000));
        let now = network.now();
        let mut audit = Audit::new(seed, now, log);
        audit.clear_since = vec![now; plan.clients];
        audit.suspended_max = plan.server.connections_max;
        audit.note(now, || format!("{plan:?}"));
        let server = SocketAddr::from(([10, 0, 0, 1], PORT_DEFAULT));
        let players = (0..plan.clients).map(|index| Player::new(index, server, &plan, &mut dice)).collect();
        let mut world = World {
            host: Host::new(plan.server.clone(), server),
            plan,
            network,
            dice,
            players,
            audit,
            began_at: now,
            storm_until: now,
            calm: None,
            host_fault_at: now,
            looks_at: now,
            is_over: false,
            host_is_due: false,
            attackers_bytes: 0,
            buffer: Vec::new(),
            wanted: Vec::new(),
        };
        world.storm(now);
        world
    }

    /// Faults begin.
    pub(super) fn storm(&mut self, now: Instant) {
        self.storm_until = now + self.dice.millis(20_000, 200_000);
        self.host_fault_at = now + self.dice.millis(2_000, 20_000);
        for player in &mut self.players {
            player.fault_at = now + self.dice.millis(1_000, 20_000);
            player.weather_until = now + self.dice.millis(100, 10_000);
            player.rekeys_at = now + self.dice.millis(1_000, 60_000);
            player.speaks_at = now;
        }
    }

    fn turn(&mut self) {
        let soonest = self.network.now() + self.plan.step;
        self.network.advance_to(self.next_moment().max(soonest));
        let now = self.network.now();
        self.act(now);
        self.host.turn(now, &mut self.audit);
        for player in &mut self.players {
            player.turn(now, &mut self.audit);
        }
        if self.looks_at <= now {
            self.looks_at = now + LOOK_EVERY;
            self.look(now);
        }
    }

    /// When something happens next, whoever does it.
    fn next_moment(&self) -> Instant {
        let now = self.network.now();
        if self.host_is_due {
            return now;
        }
        let mut next = self.looks_at.min(self.host.deadline(now));
        if let Some(arrival) = self.network.next_arrival() {
            next = next.min(arrival);
        }
        for player in &self.players {
            next = next.min(player.deadline()).min(player.back_at);
            if self.calm.is_none() {
                next = next.min(player.speaks_at).min(player.weather_until).min(player.fault_at).min(player.rekeys_at);
            }
        }
        next
    }

    /// Does what is due that no engine does.
    fn act(&mut self, now: Instant) {
        self.host_is_due = false;
        if self.host.back_at <= now {
            self.host.start(now, &self.network, &mut self.dice);
            self.audit.server_up_since = now;
        }
        for index in 0..self.players.len() {
            if self.players[index].back_at <= now {
                self.players[index].start(now, &self.network, &self.plan);
            }
        }
        let delicate = std::mem::take(&mut self.audit.delicate);
        if self.calm.is_some() {
            return;
        }
        delicate.into_iter().for_each(|player| self.spite(now, player));
        for index in 0..self.players.len() {
            let player = &self.players[index];
            let due = [player.weather_until, player.fault_at, player.rekeys_at, player.speaks_at].map(|at| at <= now);
            if due[0] {
                self.change_weather(now, index);
            }
            if due[1] {
                self.befall(now, index);
            }
            if due[2] {
                self.rekey(now, index);
            }
            if due[3] {
                self.players[index].speaks_at = now + self.players[index].traffic.tick;
                self.speak(now, index);
            }
        }
        if self.host_fault_at <= now {
            self.befall_host(now);
        }
        if self.storm_until <= now {
            let is_last = now.since(self.began_at) >= self.plan.lasts;
            self.calm_down(now, is_last);
        }
    }

    /// Looks at what must hold at any time.
    fn look(&mut self, now: Instant) {
        self.audit.check_overdue(now, self.plan.step);
        if let Some((endpoint, _)) = &self.host.running {
            self.audit.check_endpoint(now, endpoint, self.plan.server.message_bytes_max);
        }
        for player in &mut self.players {
            player.look(now, &mut self.audit);
        }
        self.count_key_changes(now);
        self.check_amplification(now);
        if self.calm.is_some() {
            self.look_at_calm(now);
        }
    }

    fn count_key_changes(&mut self, now: Instant) {
        for player in 0..self.players.len() {
            let Some(changes) = self.key_changes(player) else { continue };
            let Player { key_changes, keys_changed_at, .. } = &mut self.players[player];
            if *key_changes != changes {
                self.audit.tally.key_changes += changes.0.saturating_sub(key_changes.0);
                (*key_changes, *keys_changed_at) = (changes, now);
                self.audit.delicate.push(player);
            }
        }
    }

    /// Tells how the ends see it, to one who replays the run.
    fn explain(&self) {
        let now = self.network.now();
        if let Some((endpoint, _)) = &self.host.running {
            let kept = (endpoint.message_bytes(), self.plan.server.message_bytes_max);
            self.audit
                .note(now, || format!("the server keeps {kept:?}: {:?} {:?}", endpoint.stats(), endpoint.drops()));
            for session in self.audit.sessions.iter().filter(|session| session.server == End::Live) {
                let info = session.names[0].and_then(|id| endpoint.info(id));
                self.audit
                    .note(now, || format!("to player {}: {info:?}; {}", session.player, session.missing_by_lane()));
            }
        }
        for Player { index, running, .. } in &self.players {
            let Some((client, _)) = running else { continue };
            let (kept, drops) = (client.message_bytes(), client.drops());
            let congestion = client.session().map(|session| (session.congestion(), session.unacknowledged_bytes()));
            self.audit.note(now, || format!("player {index}: keeps {kept}; {congestion:?} {drops:?}"));
        }
    }

    fn outcome(mut self) -> Outcome {
        let links = self.players.iter().filter_map(|player| player.running.as_ref().map(|(_, link)| link));
        let links = links.chain(self.host.running.as_ref().map(|(_, link)| link));
        self.audit.tally.datagrams += links.map(|link| link.datagrams).sum::<u64>();
        self.audit.tally.runs = 1;
        self.audit.tally.simulated_s = self.network.now().since(self.began_at).as_secs_f64();
        self.audit.tally.player_s = self.audit.tally.simulated_s * self.players.len() as f64;
        Outcome { tally: self.audit.tally, violation: self.audit.violation }
    }
}
