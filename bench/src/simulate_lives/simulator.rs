//! The clients and their deeds, the passing of time, and when to check.

use super::client::Model;
use super::game::RandomGame;
use super::ledger::Shared;
use super::rules::{Ask, Event, Input, Lives, Ticket, plans};
use super::services::Services;
use crate::random::Random;
use ringshard::game::GameStart;
use ringshard::game::simulation::{VISIBLE_MAX, WorldConfig};
use ringshard::runtime::services::between;
use ringshard_protocol::time::{Duration, Instant};
use ringshard_protocol::wire::Channel;
use ringshard_testing::World;
use ringshard_world::Wire;
use ringshard_world::codec::Writer;
use ringshard_world::contract::Schema;
use ringshard_world::messages::{TimedInput, kinds};

/// Clients per core. The last one may not be able to get a body: the core's entities are fewer.
const CLIENTS_PER_CORE: usize = 8;
/// Entities per core: on four cores as many as a client can see.
const ENTITIES_PER_CORE: usize = 14;
/// Time in which a step takes effect, and in which checks follow each other when time passes.
const STEP: Duration = Duration::from_millis(17);
const GRAIN: Duration = Duration::from_millis(100);
/// One step in so many is followed by a rest: nothing happens, then everybody leaves.
const RESTS: u64 = 500;
/// Until then all outages are over, all clients connected, and all messages delivered.
const CALM: Duration = Duration::from_secs(40);
/// A silent session is over by then, and no body lingers.
const GONE: Duration = Duration::from_secs(90);
/// A counter's name and value.
pub type Count = (&'static str, u64);

/// What the network does, in turn.
const NETWORKS: [&str; 5] = [
    "delay=5ms",
    "delay=20ms,jitter=10ms,loss=2%",
    "delay=60ms,jitter=40ms,loss=5%,duplicate=5%",
    "delay=10ms,jitter=3ms,duplicate=20%",
    "delay=120ms,loss=15%",
];

ringshard_protocol::counters! {
    /// What the simulator did.
    ActionCounts {
        starts,
        enters,
        asks,
        events,
        outages,
        moves,
        kicks,
        closes,
        vanished,
        hostile,
        jumps,
        rests,
    }
}

pub struct Simulator {
    world: World<RandomGame>,
    ledger: Shared,
    random: Random,
    services: Services,
    /// Whether the services refuse tickets.
    mistrust: bool,
    models: Vec<Model>,
    /// When the outage of each client ends.
    cut_until: Vec<Option<Instant>>,
    pub action_counts: ActionCounts,
}

impl Simulator {
    pub fn new(seed: u64, cores: usize) -> Self {
        let mut random = Random::new(seed);
        let clients = cores * CLIENTS_PER_CORE;
        let ledger = Shared::new(cores, clients);
        let config = WorldConfig {
            entities_max: cores * ENTITIES_PER_CORE,
            visible_max: VISIBLE_MAX,
            near: 50_000.0,
            ..WorldConfig::default()
        };
        let mut games = random.fork();
        let game = |start: GameStart| RandomGame::new(start.core, cores, ledger.clone(), games.fork());
        let (ports, ends) = between(cores);
        let world = World::with_services(cores, NETWORKS[0], seed, config, game, ports);
        let services = Services::new(ends, random.fork());
        let models = (0..clients).map(Model::new).collect();
        let cut_until = vec![None; clients];
        let mut simulator = Simulator {
            world,
            ledger,
            random,
            services,
            mistrust: true,
            models,
            cut_until,
            action_counts: ActionCounts::default(),
        };
        for number in 0..clients {
            let ticket = simulator.ticket(number);
            simulator.world.join(&ticket);
        }
        for number in 0..cores {
            let ticket = Ticket { client: (clients + number) as u32, attempt: 1, plan: plans::WITH_BODY };
            simulator.world.join_raw(Some(&bytes_of(&ticket)));
        }
        simulator
    }

    pub fn now(&self) -> Instant {
        self.world.now()
    }

    /// What became of players, and the counters of the server.
    pub fn counts(&self) -> (Vec<Count>, Vec<Count>) {
        let lives = self.ledger.open().counts.entries().collect();
        let server = (0..self.world.cores()).flat_map(|core| self.world.stats(core).entries().collect::<Vec<_>>());
        (lives, server.collect())
    }

    /// One deed, the time in which it takes effect, and the checks.
    ///
    /// # Errors
    /// Says which guarantee does not hold.
    pub fn step(&mut self) -> Result<(), String> {
        let number = self.random.next() as usize % self.models.len();
        match self.random.between(0, 999) {
            0..20 => self.change_network(),
            20..60 => self.act_hostile(),
            _ => self.act(number),
        }
        let is_jump = self.random.chance(50);
        self.action_counts.jumps += u64::from(is_jump);
        let time = Duration::from_millis(self.random.magnitude(100, 30_000));
        let (time, grain) = if is_jump { (time, GRAIN) } else { (STEP, STEP) };
        self.pass(time, grain)?;
        if self.random.next().is_multiple_of(RESTS) { self.rest() } else { Ok(()) }
    }

    fn change_network(&mut self) {
        let network = self.random.pick(&NETWORKS);
        self.world.set_network(network);
    }

    /// Bytes to enter with: a ticket with a random plan, rarely none.
    fn ticket(&mut self, number: usize) -> Vec<u8> {
        let plan = match self.random.between(0, 99) {
            0..70 => plans::WITH_BODY,
            70..78 => plans::WITHOUT_BODY,
            78..83 => plans::REFUSED,
            83..91 => plans::ACCEPTED_LATER,
            91..95 => plans::REFUSED_LATER,
            95..97 => plans::PENDING,
            _ => {
                self.models[number].ticket = None;
                return b"no".to_vec();
            }
        };
        bytes_of(&self.models[number].ticket(plan))
    }

    fn act(&mut self, number: usize) {
        if self.world.client(number).is_closed() {
            return self.start(number);
        }
        match self.random.between(0, 999) {
            0..8 => self.cut(number, 200, 5_000),
            8..20 => self.cut(number, 5_000, 100_000),
            20..30 => {
                self.world.move_address(number);
                self.action_counts.moves += 1;
            }
            30..36 => {
                self.ledger.open().deeds[number].kicked = self.models[number].attempts;
                self.world.kick(number);
                self.action_counts.kicks += 1;
            }
            36..50 => self.close(number),
            50..56 => {
                self.action_counts.vanished += 1;
                self.start(number);
            }
            56..500 => self.ask(number),
            500..800 => self.tell(number),
            _ => self.enter(number),
        }
    }

    /// The client's program begins, and knows of no session. If it ran, it ended without a word.
    fn start(&mut self, number: usize) {
        self.models[number].restart();
        let ticket = self.ticket(number);
        self.world.rejoin(number, &ticket);
        self.action_counts.starts += 1;
    }

    fn close(&mut self, number: usize) {
        self.ledger.open().deeds[number].closed = self.models[number].attempts;
        self.world.leave(number);
        self.action_counts.closes += 1;
    }

    fn cut(&mut self, number: usize, least_ms: u64, most_ms: u64) {
        let time = Duration::from_millis(self.random.magnitude(least_ms, most_ms));
        self.world.cut(number);
        self.cut_until[number] = Some(self.now() + time);
        self.action_counts.outages += 1;
    }

    fn enter(&mut self, number: usize) {
        // The ticket counts only if the client asks with it.
        let before = self.models[number].ticket;
        let ticket = self.ticket(number);
        if self.world.client_mut(number).enter(&ticket) {
            self.action_counts.enters += 1;
        } else {
            self.models[number].ticket = before;
        }
    }

    fn ask(&mut self, number: usize) {
        let value = self.random.next() as u32;
        let ask = match self.random.between(0, 99) {
            0..50 => Ask::Now { value },
            50..90 => Ask::After { value, ticks: self.random.magnitude(1, 600) as u32 },
            90..97 => Ask::OnReturn { value },
            _ => Ask::Never { value },
        };
        if let Some(id) = self.world.client_mut(number).ask(&ask) {
            self.models[number].open.insert(id.0, value);
            self.action_counts.asks += 1;
        }
    }

    fn tell(&mut self, number: usize) {
        let channel = Channel::new((self.random.next() % 16) as u8).expect("there are sixteen channels");
        for _ in 0..self.random.magnitude(1, 6) {
            let model = &mut self.models[number];
            let (Some(ticket), told) = (model.ticket, &mut model.told[channel.index()]) else { return };
            let event = Event::Numbered { presence: ticket.attempt, channel: channel.number(), number: *told };
            if self.world.client_mut(number).tell(channel, &event) {
                *told += 1;
                self.action_counts.events += 1;
            }
        }
    }

    /// A client that has valid keys breaks the contract.
    fn act_hostile(&mut self) {
        let number = self.random.next() as usize % self.world.cores();
        let draw = self.random.next();
        let (client, now) = self.world.raw_mut(number);
        let ticket = client.ticket.clone().unwrap_or_default();
        match self.random.between(0, 6) {
            0 => client.enter_with(now, Schema([draw as u32; 7]), &ticket),
            1 => client.enter(now, &ticket),
            2 => (0..70).for_each(|number| client.ask(now, number, &Ask::Never { value: 0 })),
            3 => {
                let channel = Channel::new((draw % 16) as u8).expect("there are sixteen channels");
                let kind =
                    self.random.pick(&[kinds::EVENT, kinds::ASK, kinds::ANSWER, kinds::ENTER_TO_WORLD, 16, 26, 0, 200]);
                let mut message = vec![kind];
                message.extend((0..self.random.magnitude(1, 200)).map(|_| self.random.next() as u8));
                client.send(now, channel, &message);
            }
            4 => {
                let inputs = [TimedInput { input: Input::default(), view_delay: draw as u16 }; 4];
                client.send_inputs(now, draw as u32, &inputs);
            }
            5 => self.world.cut_raw(number),
            _ => self.world.restore_raw(number),
        }
        self.action_counts.hostile += 1;
    }

    /// Lets time pass. Checks everything after each `grain`.
    fn pass(&mut self, time: Duration, grain: Duration) -> Result<(), String> {
        let until = self.now() + time;
        while self.now() < until {
            for number in 0..self.models.len() {
                if self.cut_until[number].take_if(|until| *until <= self.world.now()).is_some() {
                    self.world.restore(number);
                }
            }
            let input = |number: usize, scene: &ringshard_testing::Scene<'_, Lives>| Input {
                by: number as u32 + 1,
                tick: scene.tick().wrapping_add(1),
            };
            self.world.pass(grain, input);
            self.services.step(self.world.now(), self.mistrust)?;
            self.check()?;
        }
        Ok(())
    }

    fn check(&mut self) -> Result<(), String> {
        let Simulator { world, ledger, models, .. } = self;
        let ledger = ledger.open();
        if let Some(fault) = &ledger.fault {
            return Err(fault.clone());
        }
        for (number, model) in models.iter_mut().enumerate() {
            // Some news are younger than the client's last frame.
            let mut news = world.news(number);
            news.extend(std::iter::from_fn(|| world.client_mut(number).news()));
            news.iter().try_for_each(|news| model.hear(news, &ledger))?;
            model.check(world.client(number), &ledger)?;
        }
        for core in 0..world.cores() {
            let stats = world.stats(core);
            let counted = (stats.players + stats.suspended, stats.suspended, stats.pending);
            if counted != ledger.players(core) {
                let expected = ledger.players(core);
                return Err(format!("core {core} counts (players, suspended, pending) {counted:?}, not {expected:?}"));
            }
        }
        let counts = &ledger.counts;
        for (name, counted, expected) in [
            ("entered", world.total(|it| it.joined), counts.entered),
            ("refused", world.total(|it| it.refused), counts.refused + counts.refused_later),
            ("put out", world.total(|it| it.put_out), counts.put_out),
            ("overflowed", world.total(|it| it.backlogs_overflowed), counts.backlogs_overflowed),
            ("asked", world.total(|it| it.asks), counts.asks),
            ("heard", world.total(|it| it.events_in), counts.events_in),
            ("differing digests", world.total(|it| it.digests_differ), 0),
        ] {
            if counted != expected {
                return Err(format!("the server counts {counted} {name}, expected {expected}"));
            }
        }
        Ok(())
    }

    /// Nothing happens any more: everything arrives. Then everybody leaves: nothing remains.
    fn rest(&mut self) -> Result<(), String> {
        self.action_counts.rests += 1;
        self.ledger.open().is_calm = true;
        self.mistrust = false;
        self.world.set_network(NETWORKS[0]);
        for number in 0..self.models.len() {
            self.cut_until[number] = None;
            self.world.restore(number);
        }
        self.pass(CALM, GRAIN)?;
        for number in 0..self.models.len() {
            if self.models[number].is_here() {
                self.models[number].check_calm(self.world.client(number), &self.ledger.open())?;
            }
            self.close(number);
        }
        (0..self.world.cores()).for_each(|number| self.world.cut_raw(number));
        self.pass(GONE, GRAIN)?;
        for core in 0..self.world.cores() {
            let left = (self.world.endpoint(core).connections(), self.world.endpoint(core).message_bytes());
            if left != (0, 0) {
                return Err(format!("everybody has left, but core {core} has (connections, message bytes) {left:?}"));
            }
        }
        if !self.services.is_empty() {
            return Err("everybody has left, but not to the services".into());
        }
        self.mistrust = true;
        let mut ledger = self.ledger.open();
        ledger.forget()?;
        ledger.is_calm = false;
        drop(ledger);
        self.models.iter_mut().for_each(Model::forget);
        (0..self.world.cores()).for_each(|number| self.world.restore_raw(number));
        Ok(())
    }

    /// The server drains, perhaps, and ends.
    ///
    /// # Errors
    /// Says which guarantee does not hold.
    pub fn end(&mut self) -> Result<(), String> {
        if self.random.chance(500) {
            self.world.drain();
            self.pass(Duration::from_secs(5), GRAIN)?;
            let (drained, cores) = (self.ledger.open().drained, self.world.cores());
            if drained != cores {
                return Err(format!("{drained} of {cores} games know that the server drains"));
            }
        }
        self.ledger.open().is_stopping = true;
        self.world.stop();
        self.pass(Duration::from_secs(5), GRAIN)?;
        let left = self.ledger.open().living.iter().map(|players| players.len()).sum::<usize>();
        if left > 0 { Err(format!("the server has ended, but {left} players have not left")) } else { Ok(()) }
    }
}

fn bytes_of(ticket: &Ticket) -> Vec<u8> {
    let mut bytes = [0; <Ticket as Wire>::BYTES_MAX];
    let mut writer = Writer::new(&mut bytes);
    ticket.write(&mut writer).expect("there is room");
    writer.written().to_vec()
}
