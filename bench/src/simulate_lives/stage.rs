//! The cores of a server, and the clients whose lives are walked through, under one virtual clock.

use super::actions::Deeds;
use super::books::{Books, Watched};
use super::game::{Fickle, SharedDiary};
use super::guest::{End, Guest};
use super::report::{Counts, add};
use crate::simulate::dice::Dice;
use ringshard::game::simulation::{Simulation, WorldConfig};
use ringshard::runtime::control::{ControlEnd, Lifecycle, mailbox};
use ringshard::runtime::core::Core;
use ringshard::runtime::idle::{Idle, Strategy};
use ringshard::runtime::mesh::Mesh;
use ringshard::runtime::service::Service;
use ringshard::world::exchange::Exchange;
use ringshard_link::conditions::Conditions;
use ringshard_link::sim::{Network, SimLink};
use ringshard_protocol::connection::{HeartbeatConfig, TransportConfig};
use ringshard_protocol::crypto::{PublicKey, SecretKey, Suites};
use ringshard_protocol::endpoint::SessionId;
use ringshard_protocol::limits::{
    HALF_OPEN_TIMEOUT, HEARTBEAT_DEFAULT, MESSAGE_MEMORY_BYTES_DEFAULT, MESSAGE_MEMORY_BYTES_MIN, RESUME_PERIOD,
    TIMEOUT_DEFAULT,
};
use ringshard_protocol::time::{Duration, Instant};
use ringshard_protocol::wire::ConnectionId;
use ringshard_protocol::{Endpoint, EndpointConfig};
use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

/// How finely time passes where the clock jumps.
const JUMP: Duration = Duration::from_millis(100);
/// The same while nobody is there.
const REST: Duration = Duration::from_millis(250);
/// Rounds in which no datagram arrives before all is said: what crosses from core to core shows one round later.
const QUIET_ROUNDS: u32 = 2;
/// Rounds at one moment, at most.
const ROUNDS_MAX: u32 = 64;
/// Turns of a core in a round, at most: as many as may be needed to tell all clients.
const TURNS_MAX: usize = 4;
/// Steps between two looks at every connection.
const CONNECTIONS_CHECK_PERIOD: u64 = 16;
/// Steps after which everybody leaves, on average.
const REST_PERIOD: u64 = 5_000;
/// Steps at the end of a run that drains.
const DRAINING_STEPS: u64 = 400;
/// Whoever was cut off may lose its connection until so long after it is back.
pub const EXCUSED_AFTER_SILENCE: Duration = Duration::from_secs(40);

/// One core of the server.
pub struct Host {
    core: Core<SimLink, Watched>,
    address: SocketAddr,
    pub books: Rc<RefCell<Books>>,
    diary: SharedDiary,
    _inlet: ControlEnd,
}

impl Host {
    pub fn endpoint(&self) -> &Endpoint {
        self.core.endpoint()
    }

    fn check(&self, _now: Instant) -> Result<(), String> {
        self.books.borrow().check(&self.core.service().world().stats(), &self.diary)
    }

    fn check_connections(&self, now: Instant) -> Result<(), String> {
        self.books.borrow().check_connections(now, self.endpoint())
    }

    fn check_empty(&self, _now: Instant) -> Result<(), String> {
        self.books.borrow().check_empty(self.endpoint())
    }

    /// Gives whether the core goes on.
    fn turn(&mut self, now: Instant) -> bool {
        let mut goes_on = true;
        for _ in 0..TURNS_MAX {
            goes_on = self.core.turn();
            if self.core.service().deadline() > now {
                break;
            }
        }
        goes_on
    }
}

/// All of a run.
pub struct Stage {
    pub network: Network,
    pub hosts: Vec<Host>,
    pub guests: Vec<Guest>,
    pub dice: Dice,
    pub key: PublicKey,
    pub deeds: Deeds,
    lifecycle: Arc<Lifecycle>,
    /// The step at which the server drains, if it does.
    drains_at: u64,
    steps: u64,
    /// Clients may be put out for the memory that others hold.
    pub memory_is_scarce: bool,
    /// What went wrong first.
    fault: Option<String>,
}

impl Stage {
    /// The run of this seed, on so many cores, with so many steps: what it has, and what the server is like, is drawn.
    pub fn new(seed: u64, cores: usize, steps: u64) -> Self {
        let mut dice = Dice::new(seed);
        let guests = cores * dice.between(6, 12) as usize;
        // Few enough seats that the server is full at times, or so many that it never is.
        let connections_max = dice.pick(&[guests / cores, guests / cores + 4, 4 * guests]);
        let memory_is_scarce = dice.chance(250);
        let entities_max = cores * dice.pick(&[6, 16, 64]);
        let world =
            WorldConfig { entities_max, visible_max: dice.pick(&[3, 16]), seed: dice.next(), ..WorldConfig::default() };
        let network = Network::new(seed, Conditions::none(Duration::ZERO));
        let secret = SecretKey::from_bytes([7; 32]);
        let lifecycle = Arc::<Lifecycle>::default();
        let ends = Exchange::between(cores, world.entities_max).into_iter().zip(Mesh::between(cores));
        let hosts = ends.enumerate().map(|(number, (exchange, mesh))| {
            let address = SocketAddr::from(([10, 0, 0, number as u8 + 1], 3565));
            let config = EndpointConfig {
                core: number as u8,
                cores,
                connections_max,
                suites: Suites::native(),
                heartbeat: HeartbeatConfig { interval: HEARTBEAT_DEFAULT, timeout: TIMEOUT_DEFAULT },
                secret: secret.clone(),
                pre_shared: None,
                transport: TransportConfig::default(),
                message_bytes_max: if memory_is_scarce {
                    MESSAGE_MEMORY_BYTES_MIN
                } else {
                    MESSAGE_MEMORY_BYTES_DEFAULT
                },
                integrity: None,
            };
            let endpoint = Endpoint::new(config, network.now(), dice.seed());
            let diary = SharedDiary::default();
            let books = Rc::new(RefCell::new(Books::new(connections_max)));
            books.borrow_mut().memory_is_scarce = memory_is_scarce;
            let game = Fickle::new(diary.clone(), dice.fork());
            let service = Watched::new(Simulation::new(world, exchange, game), diary.clone(), books.clone());
            let (inlet, outlet) = mailbox();
            let link = SimLink::new(network.clone(), address);
            let idle = Idle::new(Strategy::Busy);
            let core = Core::new(link, endpoint, service, mesh, idle, outlet, lifecycle.clone());
            Host { core, address, books, diary, _inlet: inlet }
        });
        let hosts = hosts.collect();
        let drains = dice.chance(500);
        Stage {
            hosts,
            guests: (0..guests).map(|number| Guest::new(number, &mut dice)).collect(),
            key: secret.public(),
            deeds: Deeds::default(),
            lifecycle,
            drains_at: if drains { steps.saturating_sub(DRAINING_STEPS) } else { u64::MAX },
            steps: 0,
            memory_is_scarce,
            fault: None,
            dice,
            network,
        }
    }

    pub fn now(&self) -> Instant {
        self.network.now()
    }

    /// Adds what the cores have counted so far: of lives, and of everything else.
    pub fn count(&self, lives: &mut Counts, server: &mut Counts) {
        for host in &self.hosts {
            add(lives, host.books.borrow().tally.entries());
            add(server, host.endpoint().stats().entries());
            add(server, host.endpoint().drops().entries());
            let world = host.core.service().world().stats();
            // The others are of the present.
            add(server, world.entries().filter(|(name, _)| name.starts_with("digests")));
        }
    }

    /// Notes what went wrong.
    pub fn blame(&mut self, what: impl Into<String>) {
        self.fault.get_or_insert(what.into());
    }

    /// One action of one client, and what comes of it.
    ///
    /// # Errors
    /// What went wrong.
    pub fn step(&mut self) -> Result<(), String> {
        self.steps += 1;
        if self.steps == self.drains_at {
            self.lifecycle.drain();
        }
        self.act();
        match self.dice.next() % 1000 {
            0 => self.jump(5_000, 90_000),
            1..=10 => self.jump(300, 6_000),
            _ => {
                self.network.advance(self.dice.millis(1, 4));
                self.settle();
            }
        }
        self.check(self.steps.is_multiple_of(CONNECTIONS_CHECK_PERIOD))?;
        if self.dice.next().is_multiple_of(REST_PERIOD) && !self.is_draining() {
            self.rest()?;
        }
        Ok(())
    }

    pub fn is_draining(&self) -> bool {
        self.lifecycle.is_draining()
    }

    /// Everybody leaves, or the server ends; then nothing may be left.
    ///
    /// # Errors
    /// What is left.
    pub fn end(&mut self) -> Result<(), String> {
        if !self.is_draining() {
            return self.rest();
        }
        self.lifecycle.stop();
        self.guests.iter_mut().for_each(|guest| guest.excused_until = Instant::NEVER);
        // A second for last words, two for farewell.
        self.pass(Duration::from_secs(5), JUMP);
        self.check(true)?;
        self.check_empty()
    }

    /// Everybody leaves in one way or another, and all timeouts pass.
    fn rest(&mut self) -> Result<(), String> {
        for number in 0..self.guests.len() {
            match self.dice.next() % 3 {
                0 => self.hang_up(number),
                1 => self.hang_up_by_hand(number),
                _ => {}
            }
        }
        self.settle();
        for guest in &mut self.guests {
            guest.vanish();
            guest.cut_off();
            guest.silent_until = Instant::ZERO;
        }
        let time = TIMEOUT_DEFAULT + RESUME_PERIOD + HALF_OPEN_TIMEOUT + Duration::from_secs(1);
        self.pass(time, REST);
        self.deeds.rests += 1;
        self.check(true)?;
        self.check_empty()
    }

    fn check_empty(&self) -> Result<(), String> {
        self.check_cores(Host::check_empty)?;
        match self.network.under_way() {
            0 => Ok(()),
            left => Err(format!("everybody has left, and {left} datagrams are under way")),
        }
    }

    fn check(&mut self, connections: bool) -> Result<(), String> {
        if let Some(fault) = self.fault.take() {
            return Err(fault);
        }
        self.check_cores(Host::check)?;
        // What the last flush of a turn did is known to the books after the next turn.
        if connections && self.check_cores(Host::check_connections).is_err() {
            self.round();
            self.check_cores(Host::check_connections)?;
        }
        for number in 0..self.guests.len() {
            self.follow(number).map_err(|what| format!("client {number}: {what}"))?;
        }
        Ok(())
    }

    fn check_cores(&self, check: impl Fn(&Host, Instant) -> Result<(), String>) -> Result<(), String> {
        let mut numbered = self.hosts.iter().enumerate();
        numbered.try_for_each(|(number, host)| check(host, self.now()).map_err(|what| format!("core {number}: {what}")))
    }

    /// A client's session is the one that it had, unless it was told otherwise.
    fn follow(&mut self, number: usize) -> Result<(), String> {
        let now = self.now();
        let guest = &mut self.guests[number];
        if let Some(fault) = guest.fault.take() {
            return Err(fault);
        }
        let End::Honest(client) = &guest.end else { return Ok(()) };
        if guest.is_cut_off() {
            return Ok(());
        }
        let Some(id) = client.id() else { return Ok(()) };
        let found = locate(&self.hosts, id);
        match (guest.session, found) {
            (None, found) => guest.session = found,
            (Some(before), Some(found)) if before != found => {
                return Err(format!("its session was {before:?} and is {found:?}; it was not told of a new one"));
            }
            (Some(before), None) if now >= guest.excused_until && !self.memory_is_scarce => {
                return Err(format!("it is connected, and the server does not have its session {before:?}"));
            }
            _ => {}
        }
        Ok(())
    }

    /// Cores turn and clients talk, until nobody has anything to say at this moment.
    pub fn settle(&mut self) {
        let mut quiet = 0;
        for _ in 0..ROUNDS_MAX {
            self.round();
            quiet = if self.network.next_arrival().is_none() { quiet + 1 } else { 0 };
            if quiet == QUIET_ROUNDS {
                break;
            }
        }
    }

    fn round(&mut self) {
        let now = self.network.now();
        for host in &mut self.hosts {
            if !host.turn(now) && !self.lifecycle.is_stopping() {
                self.fault.get_or_insert_with(|| "a core has ended, and nobody has stopped it".to_owned());
            }
        }
        for guest in &mut self.guests {
            let server = self.hosts[guest.server].address;
            guest.drive(now, server);
        }
    }

    pub fn address(&self, core: usize) -> SocketAddr {
        self.hosts[core].address
    }

    fn jump(&mut self, least_ms: u64, most_ms: u64) {
        let time = Duration::from_millis(self.dice.magnitude(least_ms, most_ms));
        self.pass(time, JUMP);
    }

    fn pass(&mut self, time: Duration, grain: Duration) {
        let until = self.now() + time;
        while self.now() < until {
            self.network.advance(grain);
            self.round();
        }
        self.settle();
    }

    /// The session that the server has on this connection.
    pub fn locate(&self, id: ConnectionId) -> Option<(u8, SessionId)> {
        locate(&self.hosts, id)
    }

    /// Whether the session is not over.
    pub fn is_alive(&self, (core, session): (u8, SessionId)) -> bool {
        self.hosts[usize::from(core)].books.borrow().is_alive(session)
    }
}

fn locate(hosts: &[Host], id: ConnectionId) -> Option<(u8, SessionId)> {
    let info = hosts.get(usize::from(id.core()))?.endpoint().info(id)?;
    Some((id.core(), info.session?))
}
