//! A server, clients and a network that loses, delays and reorders, in ticks instead of time.

use crate::brawl::{Brawl, Input, State, input, start};
use ringshard_protocol::wire::{Channel, Delivery};
use ringshard_rollback::{Difference, Inputs, Match, MatchConfig, Packet, Session, SessionConfig, Taken, Together};
use std::collections::BTreeMap;

/// What the network does.
#[derive(Clone, Copy)]
pub struct Path {
    /// Ticks from one end to the other, and how many more there may be.
    pub delay: u64,
    pub jitter: u64,
    /// Lost datagrams of 100.
    pub loss: u64,
}

/// How far a client's clock is ahead of the server's. Its inputs arrive in time on most paths.
pub fn lead(path: &Path) -> u64 {
    path.delay + path.jitter + 2
}

/// A client: its session, and what the server has of it.
pub struct Client {
    pub player: u32,
    pub session: Session<Brawl>,
    pub taken: Vec<Taken>,
    pub lead: u64,
    pub is_cut: bool,
    /// What it sends instead of its reports.
    pub forges: Option<fn(&mut Rng, u64) -> Packet>,
    pub forged_per_tick: usize,
    waiting: BTreeMap<u64, Input>,
    last: Input,
    age: u32,
}

/// Random numbers.
pub struct Rng(u64);

impl Rng {
    pub fn new(seed: u64) -> Self {
        Rng(seed.wrapping_mul(2) | 1)
    }

    pub fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most.max(1)
    }
}

enum Datagram {
    ToClient(Packet),
    Report(Packet),
    Inputs(u64, [Input; 4]),
}

pub struct World {
    pub game: Match<Brawl, u32>,
    pub clients: Vec<Client>,
    pub tick: u64,
    pub path: Path,
    pub seed: u64,
    pub random: Rng,
    /// What each datagram says, to or from which client, and when it arrives.
    flying: Vec<(u64, usize, Datagram)>,
    /// When the last reliable message of each client arrives.
    reliable_at: Vec<u64>,
    /// The state after each tick, by a run that knows all inputs.
    pub oracle: BTreeMap<u64, State>,
    pub found: Vec<Difference>,
    pub refused: u64,
    /// Clients whose settled states are not compared with the oracle's.
    pub liars: Vec<usize>,
}

/// The first tick of the tests. Ticks of 32 bits wrap soon after it.
pub const FIRST: u64 = (1 << 32) - 200;

impl World {
    pub fn new(players: u32, seed: u64, path: Path, config: MatchConfig, session: SessionConfig) -> Self {
        let ids: Vec<_> = (0..players).collect();
        let game = Match::begin(Brawl::default(), 9, FIRST, start(), &ids, config);
        let mut world = World {
            game,
            clients: Vec::new(),
            tick: FIRST,
            path,
            seed,
            random: Rng::new(seed),
            flying: Vec::new(),
            reliable_at: Vec::new(),
            oracle: BTreeMap::from([(FIRST, start())]),
            found: Vec::new(),
            refused: 0,
            liars: Vec::new(),
        };
        ids.into_iter().for_each(|player| world.add(player, Brawl::default(), session));
        world
    }

    pub fn add(&mut self, player: u32, rules: Brawl, config: SessionConfig) {
        self.reliable_at.push(0);
        self.clients.push(Client {
            player,
            session: Session::new(rules, config),
            taken: Vec::new(),
            lead: lead(&self.path),
            is_cut: false,
            forges: None,
            forged_per_tick: 0,
            waiting: BTreeMap::new(),
            last: Input::default(),
            age: u32::MAX,
        });
    }

    fn fly(&mut self, client: usize, is_reliable: bool, datagram: Datagram) {
        let mut at = self.tick + self.path.delay + self.random.below(self.path.jitter + 1);
        if is_reliable {
            at = at.max(self.reliable_at[client]);
            self.reliable_at[client] = at;
        } else if self.random.below(100) < self.path.loss || self.clients[client].is_cut {
            return;
        }
        self.flying.push((at, client, datagram));
    }

    fn deliver(&mut self) {
        let now = self.tick;
        let arrived: Vec<_> = self.flying.extract_if(.., |(at, ..)| *at <= now).collect();
        for (_, client, datagram) in arrived {
            let Client { session, taken, waiting, player, .. } = &mut self.clients[client];
            match datagram {
                Datagram::ToClient(packet) => {
                    if let news @ (Taken::Began { .. } | Taken::Resynced { .. } | Taken::Differs(_) | Taken::Lost) =
                        session.take(&packet).expect("the server's packets are sound")
                    {
                        taken.push(news);
                    }
                }
                Datagram::Inputs(newest, inputs) => {
                    let ticks = (newest - 3..=newest).zip(inputs);
                    waiting.extend(ticks.filter(|(tick, _)| *tick > now - 1));
                }
                Datagram::Report(packet) => match self.game.report(*player, &packet) {
                    Ok(found) => self.found.extend(found),
                    Err(_) => self.refused += 1,
                },
            }
        }
    }

    /// Takes the inputs as the server does, and ends the tick.
    fn serve(&mut self) {
        let seats = self.game.seats();
        let present = self.game.players().fold(0, |present, (seat, _)| present | 1 << seat);
        let mut inputs = Inputs::neutral(Input::default(), seats, present);
        for client in &mut self.clients {
            let made = client.waiting.remove(&self.tick);
            client.age = if made.is_some() { 0 } else { client.age.saturating_add(1) };
            client.last = made.unwrap_or(client.last);
            let input = if client.age <= 15 { client.last } else { Input::default() };
            if self.game.taken(client.player, &input) {
                // On the wire, -0 is 0.
                let input = Input { aim: input.aim + 0.0, ..input };
                inputs.set(self.game.seat(client.player).unwrap(), input);
            }
        }
        let mut state = self.oracle[&(self.tick - 1)];
        Brawl::default().step_together(&mut state, &inputs);
        self.oracle.insert(self.tick, state);
        let mut sent = Vec::new();
        self.game.tick(self.tick, |player, channel: Channel, packet| {
            sent.push((player, channel.delivery() != Delivery::Unreliable, packet));
        });
        for (player, is_reliable, packet) in sent {
            let client = self.clients.iter().position(|client| client.player == player);
            self.fly(client.expect("it has a client"), is_reliable, Datagram::ToClient(packet));
        }
    }

    fn play(&mut self) {
        for number in 0..self.clients.len() {
            let client = &mut self.clients[number];
            if client.is_cut {
                continue;
            }
            let (tick, player) = (self.tick + client.lead, client.player);
            let of = |tick| input(self.seed, player, tick);
            client.session.advance(tick as u32, &of(tick));
            let forged: Vec<_> = match client.forges {
                Some(forge) => (0..client.forged_per_tick).map(|_| forge(&mut self.random, self.tick)).collect(),
                None => client.session.report().into_iter().collect(),
            };
            let inputs = [of(tick - 3), of(tick - 2), of(tick - 1), of(tick)];
            forged.into_iter().for_each(|packet| self.fly(number, false, Datagram::Report(packet)));
            self.fly(number, false, Datagram::Inputs(tick, inputs));
        }
    }

    /// What is settled is what the oracle has.
    fn check(&self) {
        for (number, client) in self.clients.iter().enumerate().filter(|(number, _)| !self.liars.contains(number)) {
            let Some(settled) = client.session.settled_tick() else { continue };
            let tick = self.tick.saturating_add_signed((settled.wrapping_sub(self.tick as u32) as i32).into());
            assert_eq!(client.session.settled_state(), self.oracle.get(&tick), "client {number} at tick {tick}");
        }
    }

    pub fn pass(&mut self, ticks: u64) {
        for _ in 0..ticks {
            self.tick += 1;
            self.deliver();
            self.serve();
            self.play();
            self.check();
        }
    }

    /// How many ticks a client's settled tick is behind the server's.
    pub fn behind(&self, client: usize) -> u32 {
        (self.tick as u32).wrapping_sub(self.clients[client].session.settled_tick().expect("it plays"))
    }
}
