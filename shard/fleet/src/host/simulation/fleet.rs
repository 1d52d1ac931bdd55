//! All hosts and clients, and the clock.

use super::audit::Audit;
use super::balance::{Advice, Asked, BALANCERS};
use super::client::Client;
use super::core::{Core, Player, Report};
use super::dice::Dice;
use super::server::{Base, CHECKPOINT, PREFIX, Running, SLACK, run_at};
use super::storm::Storm;
use crate::bus::memory::MemoryHub;
use crate::checkpoints::MemoryBucket;
use crate::clock::Clock;
use crate::host::member::Server;
use crate::model::{Area, Name, RunId};
use crate::registry::{DirectoryReader, Keys, Occasion, Operator, follow_zones};
use crate::store::{MemoryStore, Store};
use std::ops::RangeInclusive;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Time between two looks of the simulation at everything.
const STEP: Duration = Duration::from_millis(50);
/// Steps between two steps of the clients, and two reports of the cores.
const WALK_STEPS: u64 = 10;
/// The time of these.
pub(super) const WALK: Duration = STEP.saturating_mul(WALK_STEPS as u32);
/// The longest storm and the shortest.
const STORM: [Duration; 2] = [Duration::from_secs(60), Duration::from_secs(400)];
/// After that long without faults, everything is right again: hosts start, register, hear each other for three seconds, take
/// zones in turn, and players go where they belong.
const CALM: Duration = Duration::from_secs(100);
/// The clients stand still for the last part of a calm.
const STILL: Duration = Duration::from_secs(40);
/// A client whose server is gone notices that after a time between these.
const NOTICE: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(6)];
/// A client waits so long at another server for its player.
const BESIDE: Duration = Duration::from_secs(14);
/// A client that was not let in asks a balancer again after this.
const REFUSED_PAUSE: Duration = Duration::from_secs(1);
/// The next run of a host that has ended in order starts after a time between these.
const RESTART: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(8)];
/// A drained host ends after that, players or not.
const DRAIN_MAX: Duration = Duration::from_secs(120);
/// A session without a client is over.
pub(super) const GHOST_MAX: Duration = Duration::from_secs(60);
/// Side of the map, in units.
pub(super) const SIDE: f32 = 1_000.0;

/// What is simulated.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    pub seed: u64,
    pub hosts: usize,
    pub clients: usize,
    pub time: Duration,
}

impl Plan {
    /// The plan of a seed, with a number of hosts in this range. How long a simulation takes grows with the square of their number,
    /// so large fleets are drawn seldom: of 10 to 50 hosts, 16 on average.
    pub(super) fn drawn(seed: u64, time: Duration, hosts: RangeInclusive<u64>) -> Plan {
        let weight = |hosts: u64| 1_000_000_000 / hosts.max(10).pow(3);
        let mut drawn = Dice::new(seed ^ 0xf1ee7).below(hosts.clone().map(weight).sum());
        let is_drawn = |&hosts: &u64| {
            let rest = drawn.checked_sub(weight(hosts));
            drawn = rest.unwrap_or_default();
            rest.is_none()
        };
        let hosts = hosts.into_iter().find(is_drawn).expect("what is drawn is less than the sum") as usize;
        Plan { seed, hosts, clients: 6 * hosts, time }
    }
}

/// A place for a host: one that runs, or when the next one starts.
pub(super) enum Place {
    Up(Box<Running>),
    Down(Instant),
}

pub(super) struct Fleet {
    pub plan: Plan,
    pub dice: Dice,
    pub base: Base,
    pub balancers: Vec<Asked>,
    pub zones: DirectoryReader,
    pub operator: Operator,
    pub places: Vec<Place>,
    pub clients: Vec<Client>,
    pub audit: Audit,
    /// Clients on their way to another server: when they get there, the session, the server and its core.
    arrivals: Vec<(Instant, super::core::Player, RunId, usize)>,
    began: Instant,
    runs: u64,
    orders: u64,
    steps: u64,
    pub is_still: bool,
    /// Of 100 clients that are sent to another server, so many get lost on the way.
    pub strays: u64,
}

impl Fleet {
    /// Hosts that have just started, the zones, and clients that want to enter.
    pub(super) async fn start(plan: Plan) -> Fleet {
        let base = Base { store: MemoryStore::new(), bucket: MemoryBucket::default(), hub: MemoryHub::new(plan.seed) };
        let shared = || Store::Memory(base.store.client());
        let mut dice = Dice::new(plan.seed);
        let zones = follow_zones(shared(), Keys::new(PREFIX), 0);
        let operator = Operator::new(shared(), Keys::new(PREFIX), "simulation");
        let point = |dice: &mut Dice| [dice.below(SIDE as u64) as f32, dice.below(SIDE as u64) as f32];
        let clients = (0..plan.clients).map(|number| Client::new(number, point(&mut dice))).collect();
        let mut fleet = Fleet {
            plan,
            dice,
            base,
            balancers: Vec::new(),
            zones,
            operator,
            places: (0..plan.hosts).map(|_| Place::Down(Instant::now())).collect(),
            clients,
            audit: Audit::new(plan.seed),
            arrivals: Vec::new(),
            began: Instant::now(),
            runs: 0,
            orders: 0,
            steps: 0,
            is_still: false,
            strays: 0,
        };
        for at in 0..BALANCERS {
            let clock = fleet.clock();
            fleet.balancers.push(Asked::start(&fleet.base, at as u64, clock));
        }
        let columns = plan.hosts + 1;
        for column in 0..columns {
            for row in 0..2 {
                let side = |number: usize, of: usize| SIDE * number as f32 / of as f32;
                let min = [side(column, columns), side(row, 2)];
                let area = Area { min, max: [side(column + 1, columns), side(row + 1, 2)] };
                let name: Name = format!("zone-{column}-{row}").parse().unwrap();
                let occasion = fleet.occasion();
                fleet.operator.create_zone(&name, area, &occasion).await.unwrap();
            }
        }
        fleet
    }

    /// Storm and calm in turn, until the time of the plan is over.
    pub(super) async fn live(&mut self) {
        let end = self.began + self.plan.time;
        self.calm().await;
        while Instant::now() < end {
            let until = Instant::now() + self.dice.between(STORM[0], STORM[1]);
            let mut storm = Storm::new();
            while Instant::now() < until {
                self.step().await;
                storm.step(self).await;
            }
            storm.end(self);
            self.calm().await;
        }
        for at in 0..self.places.len() {
            self.end_host(at, Duration::ZERO);
        }
    }

    /// Time passes.
    pub(super) async fn pass(&mut self, time: Duration) {
        let until = Instant::now() + time;
        while Instant::now() < until {
            self.step().await;
        }
    }

    pub(super) async fn calm(&mut self) {
        let until = Instant::now() + CALM;
        while Instant::now() < until {
            self.is_still = Instant::now() + STILL >= until;
            self.step().await;
        }
        self.is_still = false;
        Audit::check_calm(self);
    }

    /// Something goes wrong.
    pub(super) fn fault(&mut self, what: impl std::fmt::Debug) {
        self.audit.fault(self.began.elapsed(), what);
    }

    pub(super) fn occasion(&mut self) -> Occasion {
        self.orders += 1;
        Occasion { at_ms: 1, random: self.orders, reason: "storm".into() }
    }

    async fn step(&mut self) {
        sleep(STEP).await;
        self.steps += 1;
        self.start_hosts();
        self.end_hosts();
        self.hear_cores();
        self.arrive();
        if self.steps.is_multiple_of(WALK_STEPS) {
            self.walk();
            self.enter();
        }
        Audit::look(self);
    }

    fn start_hosts(&mut self) {
        for at in 0..self.places.len() {
            if !matches!(self.places[at], Place::Down(when) if when <= Instant::now()) {
                continue;
            }
            self.runs += 1;
            let name = format!("host-{at:02}").parse().unwrap();
            let clock = self.clock();
            let running = Running::start(name, RunId(self.runs), &self.base, clock);
            self.places[at] = Place::Up(Box::new(running));
        }
    }

    /// Hosts that end themselves, and those that have been drained.
    fn end_hosts(&mut self) {
        let now = Instant::now();
        for at in 0..self.places.len() {
            let Place::Up(host) = &mut self.places[at] else { continue };
            if host.server.is_stopped() {
                self.audit.fences += 1;
                self.end_host(at, Duration::from_secs(5));
                continue;
            }
            if !host.server.is_draining() {
                continue;
            }
            let since = *host.draining_since.get_or_insert(now);
            let traffic = host.traffic();
            let is_empty = host.players() == 0 && traffic.moves == (0, 0) && !traffic.can_give;
            if host.is_over() {
                if host.ends() {
                    self.audit.drains += 1;
                    let pause = self.dice.between(RESTART[0], RESTART[1]);
                    self.end_host(at, pause);
                }
            } else if is_empty || now - since >= DRAIN_MAX {
                self.end_in_order(at);
            }
        }
    }

    /// A host ends as it does after SIGTERM.
    pub(super) fn end_in_order(&mut self, at: usize) {
        let Place::Up(host) = &mut self.places[at] else { return };
        host.server.drain();
        let run = host.peer.run;
        for player in host.end_cores() {
            let client = &mut self.clients[player.client];
            if client.token == player.token {
                client.left_at = Some(run);
            }
        }
        self.lose_clients(run);
    }

    /// The process is gone. The next one starts after `pause`.
    pub(super) fn end_host(&mut self, at: usize, pause: Duration) {
        let place = std::mem::replace(&mut self.places[at], Place::Down(Instant::now() + pause));
        let Place::Up(host) = place else { return };
        host.kill();
        self.audit.ended(&host);
        if host.is_written {
            self.audit.ended_in_order(host.peer.run);
        }
        if !host.is_over() {
            self.lose_clients(host.peer.run);
        }
    }

    /// The clients of a server that is over notice it after a while.
    fn lose_clients(&mut self, run: RunId) {
        self.audit.dead(run);
        for client in self.clients.iter_mut().filter(|client| client.home == Some(run)) {
            client.enter_at = Instant::now() + self.dice.between(NOTICE[0], NOTICE[1]);
        }
    }

    fn hear_cores(&mut self) {
        for at in 0..self.places.len() {
            let Place::Up(host) = &mut self.places[at] else { continue };
            if host.is_over() {
                continue;
            }
            let run = host.peer.run;
            let refuses = host.refuses;
            let hear = |(number, core): (usize, &mut Core)| {
                core.hear(refuses, &self.clients).into_iter().map(move |report| (number, report))
            };
            let reports: Vec<_> = host.cores.iter_mut().enumerate().flat_map(hear).collect();
            host.server.set_players(host.players());
            for (core, report) in reports {
                self.report(run, core, report);
            }
        }
    }

    fn report(&mut self, run: RunId, at: usize, report: Report) {
        match report {
            Report::Sent { token, address, core } => {
                let is_lost = self.dice.below(100) < self.strays;
                let travel = self.dice.between(Duration::from_millis(20), Duration::from_millis(600));
                if let Some(client) = self.clients.iter().find(|client| client.token == token && !is_lost) {
                    let player = client.player();
                    self.arrivals.push((Instant::now() + travel, player, run_at(address), core));
                }
            }
            Report::Entered { player, is_restored } => self.entered(run, &player, is_restored),
            Report::Refused(player) => {
                let client = &mut self.clients[player.client];
                (client.entering, client.enter_at) = (None, Instant::now() + REFUSED_PAUSE);
            }
            Report::PutOut(player) => {
                let pause = self.dice.between(NOTICE[0], NOTICE[1]);
                let client = &mut self.clients[player.client];
                let is_latest = client.token == player.token;
                if is_latest {
                    (client.home, client.enter_at) = (None, Instant::now() + pause);
                }
                self.audit.put_out(run, &player, is_latest);
            }
            Report::Came(player) => {
                let client = &mut self.clients[player.client];
                self.audit.came(run, &player, client);
                if client.token == player.token {
                    (client.home, client.left_at, client.beside) = (Some(run), None, None);
                    client.set_version(player.version);
                }
            }
            Report::Taken(player) => self.audit.taken(run, &player),
            Report::Gained { zone, contents } => Audit::gained(self, run, at, zone, contents),
        }
    }

    /// A client ends without a word, and starts again somewhere.
    pub(super) fn restart_client(&mut self) {
        let at = self.dice.below(self.clients.len() as u64) as usize;
        let pause = self.dice.between(Duration::ZERO, NOTICE[1]);
        let (point, client) = ([0, 1].map(|_| self.dice.below(SIDE as u64) as f32), &mut self.clients[at]);
        client.restart(point, Instant::now() + pause);
    }

    /// A client is in a world.
    fn entered(&mut self, run: RunId, player: &Player, is_restored: bool) {
        let unkept_at = self.running().find(|host| host.peer.run == run).and_then(|host| host.unkept_at);
        let client = &mut self.clients[player.client];
        if player.account.is_some() {
            self.audit.recalled(player, is_restored, client, unkept_at);
        }
        // A host without the bucket lets an account go on as it left there: the bucket may have nothing of it.
        let is_sure = unkept_at.is_none_or(|at| at.elapsed() > CHECKPOINT + 2 * SLACK);
        let is_kept = is_restored && (is_sure || client.is_kept);
        client.enter(run, player.version, is_restored);
        client.is_kept = is_kept;
        self.audit.entered(client);
    }

    /// Clients get to their other server.
    fn arrive(&mut self) {
        let now = Instant::now();
        let due: Vec<_> = self.arrivals.extract_if(.., |(at, ..)| *at <= now).collect();
        for (_, player, run, core) in due {
            let client = &mut self.clients[player.client];
            let host = self.places.iter_mut().find_map(|place| match place {
                Place::Up(host) if host.peer.run == run && !host.is_over() => Some(host),
                _ => None,
            });
            if client.token == player.token && host.is_some_and(|host| host.cores[core].arrives(player.token)) {
                client.beside = Some((run, now + BESIDE));
            }
        }
    }

    /// Clients walk, their state changes, and the cores say which of them are outside.
    fn walk(&mut self) {
        let seconds = WALK.as_secs_f32();
        let (clients, dice) = (&mut self.clients, &mut self.dice);
        if !self.is_still {
            clients.iter_mut().for_each(|client| client.walk(seconds, SIDE, dice));
        }
        for place in &mut self.places {
            let Place::Up(host) = place else { continue };
            if host.is_over() {
                continue;
            }
            host.look_at_registry();
            let is_kept = host.is_kept();
            for core in &mut host.cores {
                for player in core.players.values_mut() {
                    if clients[player.client].token == player.token {
                        player.version += 1;
                        clients[player.client].changed(player.version, is_kept);
                    }
                }
                core.report_outside(clients);
                core.make_checkpoints();
            }
            let run = host.peer.run;
            for (number, core) in host.cores.iter_mut().enumerate() {
                for (zone, contents) in &mut core.zones {
                    *contents += 1;
                    self.audit.zone_grew(run, number, zone, *contents, is_kept);
                }
            }
        }
    }

    /// Clients that are in no world ask a balancer, and enter where it sends them.
    fn enter(&mut self) {
        let now = Instant::now();
        let running: Vec<RunId> = self.running().map(|host| host.peer.run).collect();
        for client in &mut self.clients {
            let is_alive = |run: Option<RunId>| run.is_some_and(|run| running.contains(&run));
            let knocks = client.entering.is_some_and(|(run, until)| now < until && is_alive(Some(run)));
            let waits_beside = client.beside.is_some_and(|(run, until)| now < until && is_alive(Some(run)));
            if is_alive(client.home) || knocks || waits_beside || now < client.enter_at {
                continue;
            }
            let balancer = &mut self.balancers[self.dice.below(BALANCERS as u64) as usize];
            client.enter_at = now + REFUSED_PAUSE;
            let Advice::Host(name, run) = balancer.ask(client, self.dice.below(u64::MAX)) else { continue };
            let takes = |host: &Running| host.peer.run == run && !host.is_over() && !host.server.is_draining();
            let host = self.places.iter_mut().find_map(|place| match place {
                Place::Up(host) if takes(host) => Some(host),
                _ => None,
            });
            let Some(host) = host else {
                balancer.failed(client, name);
                continue;
            };
            client.knock(host.peer.run);
            let core = self.dice.below(host.cores.len() as u64) as usize;
            let player = client.player();
            if host.cores[core].enter(player) {
                client.enter(host.peer.run, player.version, false);
                self.audit.entered(client);
            }
        }
    }

    /// A balancer ends, and another one starts, which knows nothing yet.
    pub(super) fn replace_balancer(&mut self, at: usize) {
        self.runs += 1;
        let clock = self.clock();
        self.balancers[at] = Asked::start(&self.base, self.runs, clock);
    }

    /// Up to 20 s away from the others' time.
    fn clock(&mut self) -> Clock {
        Clock::Simulated { began: self.began, ms: 1_000_000 + self.dice.below(40_000) }
    }

    pub(super) fn running(&self) -> impl Iterator<Item = &Running> {
        self.places.iter().filter_map(|place| match place {
            Place::Up(host) if !host.is_over() => Some(&**host),
            _ => None,
        })
    }

    /// What happened, as one number.
    pub(super) fn digest(&self) -> u64 {
        self.audit.digest
    }

    /// What happened, as a line.
    pub(super) fn line(&self, elapsed: Duration, done: u64, all: u64) -> String {
        let Plan { seed, hosts, time, .. } = self.plan;
        let (seconds, minutes) = (elapsed.as_secs_f32(), time.as_secs() / 60);
        format!("{done} of {all}, {seconds:.1} s: seed {seed}, {hosts} hosts, {minutes} min: {}", self.audit)
    }
}
