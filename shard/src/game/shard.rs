//! The world as a game sees it on one core: it changes the core's own entities, reads those of all cores, sends messages to
//! players and commands to entities.

use crate::game::outgoing::OutgoingMessages;
use crate::world::exchange::{Command, CommandError, Exchange, Outbox};
use crate::world::interest::COUNT_MAX;
use crate::world::replication::Replica;
use crate::world::store::{Entities, Factions};
use crate::world::visibility::Visibility;
use ringshard_protocol::crypto::Csprng;
use ringshard_protocol::wire::Channel;
use ringshard_world::{EntityId, Map, State};

/// Most entities that [`Shard::nearest`] finds.
pub const NEAREST_MAX: usize = COUNT_MAX;

/// One core's part of the world.
pub struct Shard {
    /// The entities that this core owns.
    pub entities: Entities,
    /// Which factions are friends or enemies.
    pub factions: Factions,
    /// The game's randomness. It is seeded per core, so that a simulated world repeats exactly. Use no other source.
    pub random: Csprng,
    map: Map,
    core: usize,
    tick: u64,
    pub(crate) replica: Replica,
    pub(crate) visibility: Visibility,
    /// Buffer for [`Shard::nearest`].
    found: Vec<u16>,
    pub(crate) outgoing: OutgoingMessages,
    pub(crate) outbox: Outbox,
}

impl Shard {
    pub(crate) fn new(
        exchange: &Exchange,
        first_tick: u64,
        map: Map,
        entities: Entities,
        replica: Replica,
        visibility: Visibility,
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
            visibility,
            found: Vec::new(),
            outgoing: OutgoingMessages::default(),
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

    /// The number of this core.
    pub fn core(&self) -> usize {
        self.core
    }

    /// The number of this tick, counted from the beginning of the world. It increases by one per tick and never wraps.
    pub fn tick(&self) -> u64 {
        self.tick
    }

    /// The tick on the wire, modulo 2^32: PROTOCOL.md#world-messages. Only the distance of two ticks counts.
    pub(crate) fn wire_tick(&self) -> u32 {
        self.tick as u32
    }

    /// The state of any entity of the world: for this core's own entities after the last tick, for others the latest state
    /// that has arrived. `None` if it does not exist.
    pub fn state(&self, id: EntityId) -> Option<&State> {
        self.replica.get(id)
    }

    /// Appends the nearest entities to a point to `around`, in no order: entities of any core, at most `count` and no farther
    /// away than `radius` units. It never finds more than [`NEAREST_MAX`].
    pub fn nearest(&mut self, point: [f32; 3], radius: f32, count: usize, around: &mut Vec<EntityId>) {
        let from = self.map.quantise(point);
        let reach = u64::from(self.map.steps_of(radius)).pow(2);
        self.found.clear();
        if count > 0 {
            self.visibility.nearest(from, count.min(NEAREST_MAX), &mut self.found);
        }
        let close = |index: &u16| self.replica.state(*index).position.distance_squared(from) <= reach;
        let close = self.found.iter().copied().filter(close);
        around.extend(close.map(|index| EntityId { index, generation: self.replica.generation(index) }));
    }

    /// Sends a message to a player of this core. It leaves at the end of the tick; if the player has no client then, it is
    /// lost.
    pub fn send(&mut self, player: EntityId, channel: Channel, message: &[u8]) {
        self.outgoing.push(player, channel, message);
    }

    /// Sends a command to `to`, on whatever core that entity is. An accepted command arrives, in the order of sending:
    /// normally in the next tick, or as soon as the ring to that core has room.
    ///
    /// # Errors
    /// [`CommandError`]; the command was refused.
    pub fn command(&mut self, to: EntityId, from: EntityId, kind: u8, content: &[u8]) -> Result<(), CommandError> {
        self.outbox.push(Command::new(to, from, kind, content))
    }
}
