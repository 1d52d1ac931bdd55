//! One core's part of the world, as a game sees it: its own entities to change, everybody's to look at, and ways to
//! speak to players and to the owners of others.

use crate::world::exchange::{Command, CommandError, Exchange, Outbox};
use crate::world::replication::Replica;
use crate::world::store::{Entities, Factions};
use crate::world::visibility::Neighbourhood;
use ringshard_protocol::crypto::Csprng;
use ringshard_protocol::wire::Channel;
use ringshard_world::{EntityId, Map, State};

/// Entities that [`Shard::nearest`] finds at most.
pub const NEAREST_MAX: usize = crate::world::interest::grid::COUNT_MAX;

/// Something to be said to a player.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    pub(crate) to: EntityId,
    pub(crate) channel: Channel,
    pub(crate) from: usize,
    pub(crate) len: usize,
}

/// What a game has to work with.
pub struct Shard {
    /// The entities that this core owns.
    pub entities: Entities,
    /// Who is whose enemy.
    pub factions: Factions,
    /// For chance. Seeded with the core, so that a simulated world goes the same way every time.
    pub random: Csprng,
    map: Map,
    core: usize,
    tick: u64,
    pub(crate) replica: Replica,
    pub(crate) neighbourhood: Neighbourhood,
    found: Vec<u16>,
    pub(crate) said: Vec<Said>,
    pub(crate) words: Vec<u8>,
    pub(crate) outbox: Outbox,
}

impl Shard {
    pub(crate) fn new(
        exchange: &Exchange,
        first_tick: u64,
        map: Map,
        entities: Entities,
        replica: Replica,
        neighbourhood: Neighbourhood,
        random: Csprng,
    ) -> Self {
        Shard {
            entities,
            factions: Factions::default(),
            random,
            map,
            core: exchange.core(),
            tick: first_tick,
            replica,
            neighbourhood,
            found: Vec::new(),
            said: Vec::new(),
            words: Vec::new(),
            outbox: Outbox::new(exchange),
        }
    }

    pub(crate) fn begin_tick(&mut self) {
        self.tick += 1;
    }

    /// The map.
    pub fn map(&self) -> &Map {
        &self.map
    }

    /// Which core this is.
    pub fn core(&self) -> usize {
        self.core
    }

    /// Ticks since the world began; on each core one more than in its last tick. It never ends.
    pub fn tick(&self) -> u64 {
        self.tick
    }

    /// The tick as clients are told it: modulo 2^32 (PROTOCOL.md, section 15). Only how far two of them are apart counts.
    pub(crate) fn wire_tick(&self) -> u32 {
        self.tick as u32
    }

    /// What is known of any entity of the world: of this core's own, as of the last tick; of others', as of theirs that
    /// came last.
    pub fn look(&self, id: EntityId) -> Option<&State> {
        self.replica.get(id)
    }

    /// The nearest entities to a point, of any core, at most `count` and no farther than `radius` units; appended to
    /// `around`, in no order. More than [`NEAREST_MAX`] are never found.
    pub fn nearest(&mut self, point: [f32; 3], radius: f32, count: usize, around: &mut Vec<EntityId>) {
        let from = self.map.quantise(point);
        let reach = u64::from(self.map.steps_of(radius)).pow(2);
        self.found.clear();
        if count > 0 {
            self.neighbourhood.nearest(from, count.min(NEAREST_MAX), &mut self.found);
        }
        let close = |index: &u16| self.replica.state(*index).position.distance_squared(from) <= reach;
        let close = self.found.iter().copied().filter(close);
        around.extend(close.map(|index| EntityId { index, generation: self.replica.generation(index) }));
    }

    /// Says something to a player of this core; [`Game::message`] is how the client's answers come. Taken at the end of
    /// the tick.
    ///
    /// [`Game::message`]: crate::game::Game::message
    pub fn tell(&mut self, player: EntityId, channel: Channel, message: &[u8]) {
        let from = self.words.len();
        self.words.extend_from_slice(message);
        self.said.push(Said { to: player, channel, from, len: message.len() });
    }

    /// Sends a command to the owner of `to`, whichever core that is. What is taken arrives, in the order of sending: in the
    /// next tick, or, where more are sent than a ring between cores holds, as soon as there is room.
    ///
    /// # Errors
    /// [`CommandError`]; the command was not taken.
    pub fn command(&mut self, to: EntityId, from: EntityId, kind: u8, content: &[u8]) -> Result<(), CommandError> {
        self.outbox.push(Command::new(to, from, kind, content))
    }
}
