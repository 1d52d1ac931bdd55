//! Publishing the changes of a tick, to this core's replica and to all other cores.

use super::Simulation;
use crate::game::{Game, ShownOf};
use crate::world::replication::Replica;
use crate::world::replication::changes::{describe, find_changes, take_changes};
use crate::world::rewind::{NO_HITBOX, Part, Sample};
use ringshard_protocol::time::Instant;
use ringshard_world::State;

impl<G: Game> Simulation<G> {
    /// Publishes what has changed since the last tick.
    pub(super) fn publish(&mut self, now: Instant) {
        let Simulation { shard, exchange, parts, encoder, changes, game, .. } = self;
        let (map, tick, first) = (*shard.map(), shard.wire_tick(), exchange.own().0);
        let columns = shard.entities.columns();
        find_changes(&map, first, &columns, &shard.replica, |shown| kind_of(game, shown), changes);
        take_changes(tick, changes, &mut shard.replica, encoder);
        shard.visibility.as_mut().expect("nobody looks around now").note(changes);
        let again = |index| describe(&map, first, &columns, index, |shown| kind_of(game, shown));
        let part = parts.take(|part| record_part(part, game, &shard.replica, exchange.own()));
        exchange.publish(now, changes, part, again);
    }

    /// Records where all entities are, for rewinds.
    pub(super) fn record_history(&mut self) {
        self.shard.history.keep(self.shard.tick, self.exchange.parts());
    }
}

/// Records where the entities of this core are. `own` has the index of row 0, and the number of rows.
fn record_part<G: Game>(part: &mut Part, game: &G, replica: &Replica<ShownOf<G>>, (first, share): (u16, usize)) {
    let samples = (0..share as u16).map(|row| {
        let index = first + row;
        let State { position, velocity, rotation, leap, shown } = *replica.state(index);
        let generation = replica.generation(index);
        let hitbox = if generation == 0 { NO_HITBOX } else { hitbox_of::<G>(game.hitbox(&shown)) };
        (row, Sample { position, velocity, rotation, leap, generation, hitbox })
    });
    part.record(samples, G::HITBOXES.len());
}

/// A hitbox as the history keeps it.
fn hitbox_of<G: Game>(hitbox: Option<usize>) -> u8 {
    let Some(hitbox) = hitbox else { return NO_HITBOX };
    assert!(hitbox < G::HITBOXES.len(), "a game names its own hitboxes: there is no hitbox {hitbox}");
    hitbox as u8
}

/// The kind of an entity that shows this.
fn kind_of<G: Game>(game: &G, shown: &ShownOf<G>) -> u8 {
    let kind = game.kind(shown);
    assert!(kind < G::KINDS.len(), "a game names its own kinds: there is no kind {kind}");
    kind as u8
}
