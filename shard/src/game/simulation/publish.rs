//! Publishing the changes of a tick, to this core's replica and to all other cores.

use super::Simulation;
use crate::game::shard::Shard;
use crate::game::{Game, ShownOf};
use crate::world::replication::changes::{describe, find_changes};
use crate::world::rewind::{NO_HITBOX, Sample};
use ringshard_protocol::time::Instant;
use ringshard_world::State;

impl<G: Game> Simulation<G> {
    /// Publishes what has changed since the last tick.
    pub(super) fn publish(&mut self, now: Instant) {
        let Simulation { shard, exchange, encoder, changes, game, .. } = self;
        let (map, tick, first) = (*shard.map(), shard.wire_tick(), exchange.own().0);
        let columns = shard.entities.columns();
        find_changes(&map, first, &columns, &shard.replica, |shown| kind_of(game, shown), changes);
        for change in &*changes {
            shard.replica.apply(tick, change);
            encoder.forget(change.id().index);
        }
        let again = |index| describe(&map, first, &columns, index, |shown| kind_of(game, shown));
        exchange.publish(now, changes, again);
    }

    /// Records where all entities are, for rewinds.
    pub(super) fn record_history(&mut self) {
        let Simulation { shard, game, .. } = self;
        let Shard { history, replica, tick, .. } = shard;
        history.record(
            *tick,
            replica.living().map(|(index, generation, state)| {
                let hitbox = hitbox_of::<G>(game.hitbox(&state.shown));
                let State { position, velocity, rotation, leap, .. } = *state;
                (index, Sample { position, velocity, rotation, leap, generation, hitbox })
            }),
        );
    }
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
