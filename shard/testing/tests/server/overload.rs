//! A core that has two or three times more to do than it can, under a clock that each piece of work advances.
//!
//! The load is a factor on what each piece of work costs: the same players on a core that has become so much slower.

use crate::arena::{Arena, Counting, Input};
use ringshard::game::simulation::{Simulation, WorldConfig};
use ringshard::runtime::control::mailbox;
use ringshard::runtime::core::Core;
use ringshard::runtime::idle::{Idle, Strategy};
use ringshard::runtime::load::Load;
use ringshard::runtime::mesh::Mesh;
use ringshard::runtime::service::Service;
use ringshard::world::exchange::Exchange;
use ringshard_client::Client;
use ringshard_link::conditions::NetworkSpec;
use ringshard_link::sim::{Network, SimLink};
use ringshard_protocol::Endpoint;
use ringshard_protocol::endpoint::Event;
use ringshard_protocol::limits::DATAGRAM_BYTES_MAX;
use ringshard_protocol::link::{Arrival, Link, LinkStats, Path, Wait};
use ringshard_protocol::time::{Duration, Instant};
use ringshard_protocol::wire::{Channel, ConnectionId, Message};
use ringshard_testing::{client_config, endpoint_config};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

const SERVER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1)), 3565);
const PLAYERS: usize = 20;
/// What each piece of work costs at a load of 1, in microseconds. Together the players take 87 % of a core.
const READ: u64 = 10;
const MESSAGE: u64 = 100;
const STEP: u64 = 60;
const SNAPSHOT: u64 = 560;

/// What the parts of the core share with the test.
struct Meter {
    network: Network,
    /// Factor on all costs.
    load: Cell<f64>,
    /// Factor on the cost of a message.
    message_load: Cell<f64>,
    /// Messages that each connection's client got in, since they were last cleared.
    messages: RefCell<BTreeMap<u16, u64>>,
    total: Cell<u64>,
    /// How old datagrams were when their messages had been handled.
    ages: RefCell<Vec<Duration>>,
}

impl Meter {
    fn spend(&self, micros: u64) {
        self.network.advance(Duration::from_micros((micros as f64 * self.load.get()) as u64));
    }
}

/// A link that spends time on each arrival that the kernel hands over, and notes the age of what was handled.
struct Metered(SimLink, Rc<Meter>);

impl Link for Metered {
    fn now(&mut self) -> Instant {
        self.0.now()
    }

    fn receive(&mut self, budget: usize, mut deliver: impl FnMut(Arrival<'_>)) -> usize {
        let Metered(link, meter) = self;
        link.receive(budget, |arrival| {
            let (arrived_at, before) = (arrival.arrived_at.expect("the network stamps"), meter.total.get());
            meter.spend(READ);
            deliver(arrival);
            if meter.total.get() > before {
                meter.ages.borrow_mut().push(meter.network.now().since(arrived_at));
            }
        })
    }

    fn reserve(&mut self, path: Path, len: usize) -> Option<&mut [u8]> {
        self.0.reserve(path, len)
    }

    fn submit(&mut self) {
        self.0.submit();
    }

    fn park(&mut self, wait: Wait) {
        self.0.park(wait);
    }

    fn stats(&self) -> LinkStats {
        self.0.stats()
    }
}

/// A world whose work takes time.
struct Costly(Simulation<Arena>, Rc<Meter>);

impl Service for Costly {
    fn event(&mut self, now: Instant, endpoint: &mut Endpoint, event: Event) {
        self.0.event(now, endpoint, event);
    }

    fn message(&mut self, now: Instant, endpoint: &mut Endpoint, from: ConnectionId, message: Message<'_>) {
        let Costly(simulation, meter) = self;
        meter.spend((MESSAGE as f64 * meter.message_load.get()) as u64);
        meter.total.set(meter.total.get() + 1);
        *meter.messages.borrow_mut().entry(from.slot()).or_default() += 1;
        simulation.message(now, endpoint, from, message);
    }

    fn load(&mut self, load: &Load) {
        self.0.load(load);
    }

    fn shed_level(&self) -> u8 {
        self.0.shed_level()
    }

    fn admits(&self) -> bool {
        self.0.admits()
    }

    fn tick(&mut self, now: Instant, endpoint: &mut Endpoint) {
        self.0.tick(now, endpoint);
        self.1.spend(STEP * self.0.stats().players);
    }

    fn replicate(&mut self, now: Instant, endpoint: &mut Endpoint) -> bool {
        let before = self.0.stats().snapshots;
        let served = self.0.replicate(now, endpoint);
        self.1.spend(SNAPSHOT * (self.0.stats().snapshots - before));
        served
    }

    fn deadline(&self) -> Instant {
        self.0.deadline()
    }
}

struct Seat {
    client: Client<Counting>,
    link: SimLink,
    /// Sends so many datagrams more per tick than a client of a game.
    floods: usize,
    flooded_at: u64,
}

struct Trial {
    meter: Rc<Meter>,
    core: Core<Metered, Costly>,
    seats: Vec<Seat>,
}

/// What happened in a phase.
struct Phase {
    /// The oldest of 99 % of what was handled.
    p99: Duration,
    /// Messages that each player's client got in, per second, lowest first.
    rates: Vec<f64>,
    snapshots: f64,
    skipped: u64,
    /// Shedding level at the end.
    level: u8,
}

impl Trial {
    fn new(seed: u64, floods: impl Fn(usize) -> usize) -> Self {
        Trial::with_config(seed, WorldConfig::default(), floods)
    }

    fn with_config(seed: u64, config: WorldConfig, floods: impl Fn(usize) -> usize) -> Self {
        let conditions = "delay=10ms,jitter=3ms".parse::<NetworkSpec>().expect("sound conditions").conditions;
        let network = Network::new(seed, conditions);
        let meter = Rc::new(Meter {
            network: network.clone(),
            load: Cell::new(0.5),
            message_load: Cell::new(1.0),
            messages: RefCell::default(),
            total: Cell::new(0),
            ages: RefCell::default(),
        });
        let config = WorldConfig { entities_max: 256, ..config };
        let exchange = Exchange::between(1, config.entities_max).pop().expect("there is one core");
        let core = Core::new(
            Metered(SimLink::new(network.clone(), SERVER), meter.clone()),
            Endpoint::new(endpoint_config(0, 1), network.now(), [3; 32]),
            Costly(Simulation::new(config, exchange, Arena::new()), meter.clone()),
            Mesh::between(1).pop().expect("there is one core"),
            Idle::new(Strategy::Busy),
            mailbox().1,
            Arc::default(),
        );
        let seats = (0..PLAYERS).map(|number| Seat::new(seed, number, floods(number), &network)).collect();
        let mut trial = Trial { meter, core, seats };
        trial.pass(Duration::from_secs(4));
        assert_eq!(trial.core.service().0.stats().players, PLAYERS as u64);
        trial
    }

    fn pass(&mut self, time: Duration) {
        let network = self.meter.network.clone();
        let until = network.now() + time;
        while network.now() < until {
            let before = network.now();
            assert!(self.core.turn());
            if network.now() == before {
                network.advance(Duration::from_micros(200));
            }
            for seat in &mut self.seats {
                seat.step(network.now());
            }
        }
    }

    /// So much load for so long.
    fn phase(&mut self, load: f64, seconds: u64) -> Phase {
        self.meter.load.set(load);
        self.meter.messages.borrow_mut().clear();
        self.meter.ages.borrow_mut().clear();
        let (skipped, before) = (self.core.ticks_skipped(), self.core.service().0.stats());
        self.pass(Duration::from_secs(seconds));
        let after = self.core.service().0.stats();
        assert_eq!(after.players, PLAYERS as u64, "nobody was dropped");
        let mut ages = std::mem::take(&mut *self.meter.ages.borrow_mut());
        ages.sort_unstable();
        let per_second = |count: u64| count as f64 / seconds as f64;
        let mut rates: Vec<f64> = self.meter.messages.borrow().values().map(|&count| per_second(count)).collect();
        rates.sort_by(f64::total_cmp);
        let phase = Phase {
            p99: ages[ages.len() * 99 / 100],
            rates,
            snapshots: per_second(after.snapshots - before.snapshots) / PLAYERS as f64,
            skipped: self.core.ticks_skipped() - skipped,
            level: self.core.service().shed_level(),
        };
        println!(
            "load {load}: p99 {:?}, rates {:.0} to {:.0}, {:.0} snapshots/s, {} skipped, level {}",
            phase.p99,
            phase.rates[0],
            phase.rates[phase.rates.len() - 1],
            phase.snapshots,
            phase.skipped,
            phase.level
        );
        phase
    }
}

impl Seat {
    fn new(seed: u64, number: usize, floods: usize, network: &Network) -> Self {
        Seat {
            client: client(seed, number, network.now()),
            link: SimLink::new(network.clone(), SocketAddr::from(([10, 1, 0, number as u8], 1024))),
            floods,
            flooded_at: 0,
        }
    }

    fn step(&mut self, now: Instant) {
        let Seat { client, link, .. } = self;
        link.receive(usize::MAX, |arrival| arrival.datagrams().for_each(|datagram| client.receive(now, datagram)));
        client.update(now, |_| Input { mark: 0, right: 1 });
        self.send(now);
        let tick = now.since(Instant::ZERO).as_nanos() as u64 * 60 / 1_000_000_000;
        if self.floods > 0 && self.client.is_in_world() && tick > self.flooded_at {
            self.flooded_at = tick;
            for _ in 0..self.floods {
                let _ = self.client.connection_mut().send(now, Channel::UNRELIABLE, b"flood");
                self.send(now);
            }
        }
        self.link.submit();
    }

    fn send(&mut self, now: Instant) {
        let mut datagram = [0; DATAGRAM_BYTES_MAX];
        while let Some(len) = self.client.transmit(now, &mut datagram) {
            let room = self.link.reserve(Path::new(0, SERVER), len).expect("a simulated link has room");
            room.copy_from_slice(&datagram[..len]);
        }
    }
}

fn client(seed: u64, number: usize, now: Instant) -> Client<Counting> {
    let mut bytes = [number as u8; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    Client::new(Counting, client_config(), b"", now, bytes).expect("the server's key is sound")
}

/// The oldest that an input may be when it has been handled.
const AGE_MAX: Duration = Duration::from_millis(40);

#[test]
fn beyond_its_limit_a_core_handles_fresh_inputs_of_all_players_and_recovers_within_two_seconds() {
    let mut trial = Trial::new(1, |_| 0);
    let calm = trial.phase(1.0, 2);
    assert_eq!((calm.level, calm.skipped), (0, 0));
    assert!(calm.rates[0] > 58.0 && calm.snapshots > 58.0);
    for load in [1.5, 2.0, 3.0] {
        trial.phase(load, 2);
        let settled = trial.phase(load, 2);
        assert!(settled.p99 <= AGE_MAX, "{:?} old at {load}", settled.p99);
        assert_eq!(settled.skipped, 0, "at {load}");
        assert!(settled.rates[0] >= 0.7 * settled.rates[PLAYERS - 1], "{:?} at {load}", settled.rates);
        assert!(settled.rates[0] >= 18.0, "a client is asked for 20 messages/s at least");
        let stats = trial.core.service().0.stats();
        trial.phase(1.0, 2);
        let recovered = trial.phase(1.0, 1);
        assert_eq!((recovered.level, recovered.skipped), (0, 0), "after {load}");
        assert!(recovered.rates[0] > 56.0 && recovered.snapshots > 56.0, "after {load}");
        assert!(stats.sheds > 0);
    }
}

#[test]
fn a_client_that_sends_ten_times_as_much_does_not_take_the_others_share() {
    let mut trial = Trial::new(7, |number| if number == 0 { 9 } else { 0 });
    trial.phase(3.0, 2);
    let phase = trial.phase(3.0, 2);
    let typical = phase.rates[PLAYERS / 2];
    assert!(phase.rates[PLAYERS - 1] <= 96.0, "{:?}", phase.rates);
    assert!(phase.rates[0] >= 0.7 * typical, "{:?}", phase.rates);
    assert!(phase.p99 <= AGE_MAX);
    assert!(trial.core.endpoint().drops().over_share > 0);
}

/// Shedding does not help a core whose clients send more than it can handle, whatever it asks of them.
#[test]
fn what_a_core_cannot_handle_is_dropped_and_what_it_handles_is_fresh() {
    let mut trial = Trial::new(9, |_| 1);
    trial.meter.message_load.set(8.0);
    trial.phase(1.0, 2);
    let phase = trial.phase(1.0, 2);
    assert!(trial.core.endpoint().drops().too_old > 0);
    assert!(phase.p99 <= AGE_MAX, "{:?}", phase.p99);
    assert!(phase.rates[0] >= 0.5 * phase.rates[PLAYERS - 1], "{:?}", phase.rates);
    trial.meter.message_load.set(1.0);
    trial.phase(0.8, 2);
    assert_eq!(trial.phase(0.8, 1).level, 0);
}

/// A Disconnect is never sent again, and the core drops most of what arrives. A player who seems to stay costs as much as one
/// who does, until the timeout.
#[test]
fn players_who_leave_an_overloaded_core_are_gone_within_a_second() {
    let mut trial = Trial::new(9, |_| 1);
    trial.meter.message_load.set(8.0);
    trial.phase(1.0, 2);
    let dropped = trial.core.endpoint().drops().too_old;
    let (leaving, staying) = (PLAYERS * 3 / 4, PLAYERS as u64 / 4);
    trial.seats[..leaving].iter_mut().for_each(|seat| seat.client.close_spread());
    trial.pass(Duration::from_secs(1));
    assert!(trial.core.endpoint().drops().too_old > dropped, "the core is overloaded while they leave");
    assert!(trial.seats[..leaving].iter().all(|seat| seat.client.is_closed()));
    assert_eq!(trial.core.service().0.stats().players, staying);
}

#[test]
fn new_clients_wait_while_a_core_sheds_unless_they_are_admitted_always() {
    for admits_when_overloaded in [false, true] {
        let config = WorldConfig { admits_when_overloaded, ..WorldConfig::default() };
        let mut trial = Trial::with_config(3, config, |_| 0);
        trial.phase(3.0, 2);
        let newcomer = Seat::new(3, PLAYERS, 0, &trial.meter.network);
        trial.seats.push(newcomer);
        trial.pass(Duration::from_secs(2));
        assert_eq!(trial.seats[PLAYERS].client.is_in_world(), admits_when_overloaded);
        assert_eq!(trial.core.endpoint().stats().denied_busy > 0, !admits_when_overloaded);
        if !admits_when_overloaded {
            trial.meter.load.set(0.5);
            trial.pass(Duration::from_secs(5));
            assert!(trial.seats[PLAYERS].client.is_in_world(), "the core no longer sheds");
        }
    }
}
