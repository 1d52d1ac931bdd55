//! The border of a host: what is near it is seen from the neighbour host.
//!
//! A world can be on several hosts, each of which owns a part of the map. The border of a host is one more participant of the
//! [exchange](crate::world::exchange) between its cores, with a share of entity indices. It hears of all entities of the
//! cores, and publishes those in sight of a neighbour's area to that neighbour. Entities of neighbours are *replicas* here: the
//! border publishes them to the cores, whose players see them as any other entity, also in rewinds. Only a host's own entities
//! are published, so no replica comes back.
//!
//! Commands and events to a replica go to the host that owns it ([`Shard::command`](crate::game::Shard::command), and
//! [`Shard::tell`](crate::game::Shard::tell) to an entity or its viewers), in order, and each at most once. Events for everybody
//! stay on their host, and introductions between players do not cross a border. A command that comes from a replica comes from
//! nobody there: what a host says for another one has no answer.
//!
//! ```text
//!            host A                          messages                          host B
//!  cores <-> exchange <-> Border  --- poll_send --> (a bus) --> receive --->  Border <-> exchange <-> cores
//! ```
//! A border does no I/O and reads no clock. Its caller turns it 60 times a second, takes its messages to the neighbours, and
//! hands it theirs. Messages may get lost, come twice, and come in any order. The caller authenticates them; nothing in them
//! makes a border panic or use more memory than its share of entities and [`NEIGHBOURS_MAX`] allow.
//!
//! A neighbour that is silent for [`BorderSettings::dark_after`] is *dark*: its entities vanish, and commands to it are given up.
//! When it is heard again, everything is shown again.
//!
//! Entity ids are those of a host. What a game writes into its commands, events and shown states is not translated: an id in
//! there names an entity of the host that wrote it.
//!
//! | module | for | may use |
//! |---|---|---|
//! | [`area`] | the areas of neighbours | |
//! | [`contract`], [`settings`], [`stats`] | what hosts have in common, how a border behaves, what it counts | |
//! | `clock`, `window` | the clock of a neighbour, and which of its messages have arrived | |
//! | `seen`, `message`, `letter` | what travels, byte for byte | `contract`, `window` |
//! | `own`, `rows` | the entities of this host, and the replicas | `seen` |
//! | `outbound`, `inbound`, `letters` | what a neighbour is shown, what it shows, and commands both ways | those above |
//! | `link` | one neighbour: its session | those above |

pub mod area;
mod clock;
pub mod contract;
mod inbound;
mod letter;
mod letters;
mod link;
mod message;
mod outbound;
mod own;
mod rows;
mod seen;
pub mod settings;
pub mod stats;
mod window;

#[cfg(test)]
mod tests;

pub use area::{Neighbour, NeighbourId, Rect};
pub use clock::ClockEstimate;
pub use contract::Contract;
pub use settings::{BorderRates, BorderSettings, MESSAGE_BYTES_MAX, MESSAGES_PER_TURN_MAX, NEIGHBOURS_MAX};
pub use stats::BorderStats;

use crate::world::exchange::{Change, Command, Exchange, Purpose};
use crate::world::rewind::PartPool;
use inbound::Inbound;
use letter::{Letter, Subject};
use letters::Delivered;
use link::{Common, Link};
use own::Own;
use ringshard_protocol::time::Instant;
use ringshard_world::{EntityId, Fields};
use rows::Rows;
use std::collections::{BTreeMap, VecDeque};

/// No entity has generation 0.
const NOBODY: EntityId = EntityId { index: 0, generation: 0 };

/// The border of a host. `S` is what the game shows of an entity.
pub struct Border<S> {
    exchange: Exchange<S>,
    contract: Contract<S>,
    settings: BorderSettings,
    own: Own<S>,
    rows: Rows<S>,
    parts: PartPool,
    links: BTreeMap<NeighbourId, Link<S>>,
    /// Sessions begun so far.
    sessions: u64,
    outbox: VecDeque<(NeighbourId, Vec<u8>)>,
    stats: BorderStats,
    /// Working memory.
    commands: Vec<Command>,
    changes: Vec<Change<S>>,
    buffer: Box<[u8]>,
}

/// A border of whatever game.
pub trait AnyBorder: Send {
    /// [`Border::turn`].
    fn turn(&mut self, now: Instant, neighbours: &[Neighbour]);
    /// [`Border::poll_send`].
    fn poll_send(&mut self) -> Option<(NeighbourId, Vec<u8>)>;
    /// [`Border::receive`].
    fn receive(&mut self, now: Instant, from: NeighbourId, message: &[u8]);
    /// [`Border::forget`].
    fn forget(&mut self, neighbour: NeighbourId);
    /// [`Border::set_rates`].
    fn set_rates(&mut self, rates: BorderRates);
    /// [`Border::stats`].
    fn stats(&self) -> BorderStats;
    /// [`Border::is_dark`].
    fn is_dark(&self, neighbour: NeighbourId) -> bool;
    /// [`Border::clock`].
    fn clock(&self, neighbour: NeighbourId) -> Option<ClockEstimate>;
}

impl<S: Fields> Border<S> {
    /// A border without neighbours. `exchange` is the border's end of [`Exchange::with_border`].
    ///
    /// # Panics
    /// When `exchange` is the end of a core.
    pub fn new(exchange: Exchange<S>, contract: Contract<S>, settings: BorderSettings) -> Self {
        assert_eq!(exchange.border(), Some(exchange.core()), "the border has the border's end of the exchange");
        Border {
            own: Own::new(&exchange),
            rows: Rows::new(&exchange),
            parts: PartPool::new(exchange.own().1),
            exchange,
            contract,
            settings,
            links: BTreeMap::new(),
            sessions: 0,
            outbox: VecDeque::new(),
            stats: BorderStats::default(),
            commands: Vec::new(),
            changes: Vec::new(),
            buffer: vec![0; MESSAGE_BYTES_MAX].into(),
        }
    }

    /// Takes what the cores have published, shows them what neighbours have sent, and writes messages for the neighbours. `now`
    /// is by the clock of the cores: [`now`](crate::runtime::tick::now) on a real server. Call it once per tick. A neighbour that is not
    /// in the list any more is forgotten, and so are those behind the first [`NEIGHBOURS_MAX`]: the nearest come first.
    ///
    /// Messages of the former turn that were not taken are dropped, as if they had got lost.
    pub fn turn(&mut self, now: Instant, neighbours: &[Neighbour]) {
        self.stats.messages_unsent += self.outbox.len() as u64;
        self.outbox.clear();
        self.stats.left_out = neighbours.len().saturating_sub(NEIGHBOURS_MAX) as u64;
        let neighbours = &neighbours[..neighbours.len().min(NEIGHBOURS_MAX)];
        self.take_neighbours(neighbours);
        self.take_published();
        self.show(now);
        for neighbour in neighbours {
            self.write(now, neighbour);
        }
        self.own.changed.clear();
        self.publish(now);
        self.stats.dark = self.links.values().filter(|link| link.is_dark()).count() as u64;
        self.stats.replicas = self.rows.visible() as u64;
        let clocks = self.links.values().filter_map(|link| link.clock.estimate());
        self.stats.clock_error_us = clocks.map(|estimate| estimate.error_us).max().unwrap_or(0);
        self.stats.shown = self.links.values().map(|link| link.outbound.len() as u64).sum();
    }

    /// The next message for a neighbour, of at most [`MESSAGE_BYTES_MAX`] bytes. A turn writes at most
    /// [`MESSAGES_PER_TURN_MAX`] for each.
    pub fn poll_send(&mut self) -> Option<(NeighbourId, Vec<u8>)> {
        self.outbox.pop_front()
    }

    /// Takes a message of a neighbour. It takes effect in one of the next turns. What is not understood is counted and dropped.
    pub fn receive(&mut self, now: Instant, from: NeighbourId, message: &[u8]) {
        let Border { links, contract, settings, rows, stats, .. } = self;
        let Some(link) = links.get_mut(&from) else {
            stats.strangers += 1;
            return;
        };
        let is_understood = message.len() <= MESSAGE_BYTES_MAX
            && link.receive(now, message, &mut Common { contract, settings, rows, stats }).is_ok();
        self.stats.malformed += u64::from(!is_understood);
    }

    /// The entities of a neighbour vanish, and nothing is sent to it, until it is in the list of a turn again.
    pub fn forget(&mut self, neighbour: NeighbourId) {
        let Border { links, contract, settings, rows, stats, .. } = self;
        if let Some(mut link) = links.remove(&neighbour) {
            link.close(&mut Common { contract, settings, rows, stats });
        }
    }

    /// How often neighbours hear of entities from now on.
    pub fn set_rates(&mut self, rates: BorderRates) {
        self.settings.rates = rates;
    }

    /// The counters.
    pub fn stats(&self) -> BorderStats {
        self.stats
    }

    /// Whether a neighbour is silent, or none.
    pub fn is_dark(&self, neighbour: NeighbourId) -> bool {
        self.links.get(&neighbour).is_none_or(Link::is_dark)
    }

    /// The offset of a neighbour's clock. None while it is unknown.
    pub fn clock(&self, neighbour: NeighbourId) -> Option<ClockEstimate> {
        self.links.get(&neighbour)?.clock.estimate()
    }

    /// The entity of a neighbour that a replica shows.
    pub fn owner(&self, replica: EntityId) -> Option<(NeighbourId, EntityId)> {
        self.rows.owner(replica)
    }

    fn take_neighbours(&mut self, neighbours: &[Neighbour]) {
        let gone = self.links.keys().copied().filter(|id| neighbours.iter().all(|neighbour| neighbour.id != *id));
        for id in gone.collect::<Vec<_>>() {
            self.forget(id);
        }
        for &Neighbour { id, .. } in neighbours {
            if !self.links.contains_key(&id) {
                self.links.insert(id, Link::new(id, next_session(&self.settings, &mut self.sessions)));
            }
        }
    }

    /// Takes what the cores have published.
    fn take_published(&mut self) {
        let Border { exchange, own, commands, .. } = self;
        exchange.receive(|changes| own.take(changes), |_, _| ());
        own.look_up_hitboxes(exchange.parts());
        exchange.commands(|command| commands.push(*command));
        for command in std::mem::take(&mut self.commands) {
            self.route(&command);
        }
    }

    /// Passes a command of a core on to the neighbours that it concerns.
    fn route(&mut self, command: &Command) {
        let owner = self.rows.owner(command.to);
        let (subject, far) = match command.purpose {
            Purpose::Game => (Subject::Game, true),
            Purpose::ToPlayer(channel) => (Subject::ToPlayer(channel), true),
            Purpose::ToViewers(channel) if owner.is_some() => (Subject::ToViewersOfYours(channel), true),
            Purpose::ToViewers(channel) => (Subject::ToViewersOfMine(channel), false),
            Purpose::ToEverybody(_) => return,
            Purpose::Introduction { .. } => {
                self.stats.commands_lost += 1;
                return;
            }
        };
        let is_own = command.from.index < self.exchange.own().0;
        let from = if is_own { command.from } else { NOBODY };
        if !far {
            let letter = Letter::new(subject, command.to, NOBODY, command.content());
            for link in self.links.values_mut().filter(|link| link.outbound.shows(command.to)) {
                self.stats.commands_lost += u64::from(link.is_dark() || !link.letters.push(letter));
            }
            return;
        }
        let link = owner.and_then(|(neighbour, _)| self.links.get_mut(&neighbour)).filter(|link| !link.is_dark());
        let (Some(link), Some((_, to))) = (link, owner) else {
            self.stats.commands_lost += 1;
            return;
        };
        self.stats.commands_lost += u64::from(!link.letters.push(Letter::new(subject, to, from, command.content())));
    }

    /// Shows what neighbours have sent and what is due.
    fn show(&mut self, now: Instant) {
        let Border { links, contract, settings, rows, stats, exchange, sessions, .. } = self;
        for link in links.values_mut() {
            let mut common = Common { contract, settings, rows, stats };
            link.darken(now, || next_session(settings, sessions), &mut common);
            link.show(now, &mut common, |letter, inbound, common| deliver(now, letter, inbound, common, exchange));
        }
    }

    fn write(&mut self, now: Instant, neighbour: &Neighbour) {
        let Border { links, contract, settings, rows, stats, own, outbox, buffer, .. } = self;
        let link = links.get_mut(&neighbour.id).expect("each neighbour of this turn has a link");
        link.outbound.survey(own, &neighbour.area, contract);
        let mut common = Common { contract, settings, rows, stats };
        link.write(now, own, &mut common, buffer, |message| outbox.push_back((neighbour.id, message.into())));
    }

    /// Publishes the replicas to the cores.
    fn publish(&mut self, now: Instant) {
        let Border { exchange, contract, rows, parts, changes, .. } = self;
        rows.take_changes(changes);
        let part = parts.take(|part| rows.record(part, contract.hitboxes));
        let first = exchange.own().0;
        exchange.publish(now, changes, part, |index| rows.describe(index - first));
    }
}

/// Sessions of one process increase, and so do those of one process after the other.
fn next_session(settings: &BorderSettings, sessions: &mut u64) -> u64 {
    *sessions += 1;
    settings.incarnation.saturating_add(*sessions)
}

/// Passes a letter of a neighbour to the cores that it concerns.
fn deliver<S: Fields>(
    now: Instant,
    letter: &Letter,
    inbound: &mut Inbound<S>,
    common: &mut Common<'_, S>,
    exchange: &mut Exchange<S>,
) -> Delivered {
    let border = exchange.core();
    let is_own = usize::from(letter.to.index) < usize::from(exchange.own().0);
    let (purpose, to, cores) = match letter.subject {
        Subject::Game if (common.contract.is_command)(letter.content()) => {
            (Purpose::Game, is_own.then_some(letter.to), exchange.owner(letter.to.index)..border)
        }
        Subject::Game => (Purpose::Game, None, 0..0),
        _ if !(common.contract.is_event)(letter.content()) => (Purpose::Game, None, 0..0),
        Subject::ToPlayer(channel) => {
            (Purpose::ToPlayer(channel), is_own.then_some(letter.to), exchange.owner(letter.to.index)..border)
        }
        Subject::ToViewersOfYours(channel) => (Purpose::ToViewers(channel), is_own.then_some(letter.to), 0..border),
        Subject::ToViewersOfMine(channel) => {
            (Purpose::ToViewers(channel), inbound.name_of(letter.to, common.rows), 0..border)
        }
    };
    let Some(to) = to else {
        common.stats.commands_refused += 1;
        return Delivered::Taken;
    };
    let is_for_all = matches!(purpose, Purpose::ToViewers(_));
    let cores = if is_for_all { cores } else { cores.start..cores.start + 1 };
    if !cores.clone().all(|core| exchange.has_room_for_command(core)) {
        return Delivered::NoRoom;
    }
    let from = inbound.name(now, letter.from, common.rows).unwrap_or(NOBODY);
    for core in cores {
        let sent = exchange.command(core, Command::new(purpose, to, from, letter.content()));
        assert!(sent, "the ring has room for a command");
    }
    common.stats.commands_in += 1;
    Delivered::Taken
}

impl<S: Fields> AnyBorder for Border<S> {
    fn turn(&mut self, now: Instant, neighbours: &[Neighbour]) {
        Border::turn(self, now, neighbours);
    }

    fn poll_send(&mut self) -> Option<(NeighbourId, Vec<u8>)> {
        Border::poll_send(self)
    }

    fn receive(&mut self, now: Instant, from: NeighbourId, message: &[u8]) {
        Border::receive(self, now, from, message);
    }

    fn forget(&mut self, neighbour: NeighbourId) {
        Border::forget(self, neighbour);
    }

    fn stats(&self) -> BorderStats {
        Border::stats(self)
    }

    fn set_rates(&mut self, rates: BorderRates) {
        Border::set_rates(self, rates);
    }

    fn is_dark(&self, neighbour: NeighbourId) -> bool {
        Border::is_dark(self, neighbour)
    }

    fn clock(&self, neighbour: NeighbourId) -> Option<ClockEstimate> {
        Border::clock(self, neighbour)
    }
}
