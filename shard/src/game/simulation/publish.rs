//! Publishing the changes of a tick, to this core's replica and to all other cores.

use super::Simulation;
use crate::game::shard::Shard;
use crate::game::{Game, ShownOf};
use crate::world::exchange::Change;
use crate::world::rewind::{NO_HITBOX, Sample};
use crate::world::store::{Columns, Entities};
use ringshard_protocol::time::Instant;
use ringshard_world::{EntityId, Map, State};

impl<G: Game> Simulation<G> {
    /// Publishes what has changed since the last tick.
    pub(super) fn publish(&mut self, now: Instant) {
        self.collect_changes();
        let Simulation { shard, exchange, encoder, changes, game, .. } = self;
        let tick = shard.wire_tick();
        for change in &*changes {
            shard.replica.apply(tick, change);
            encoder.forget(change.id().index);
        }
        let first = exchange.own().0;
        let map = *shard.map();
        exchange.publish(now, changes, |index| describe(game, &shard.entities, &map, first, index));
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

    /// Compares the store with the replica.
    fn collect_changes(&mut self) {
        let Simulation { shard, exchange, changes, game, .. } = self;
        changes.clear();
        let (first, share) = exchange.own();
        let map = *shard.map();
        let columns = shard.entities.columns();
        for row in 0..share {
            let index = first + row as u16;
            let known = shard.replica.generation(index);
            if !columns.living.contains(row) {
                if known != 0 {
                    changes.push(Change::Gone { id: EntityId { index, generation: known } });
                }
                continue;
            }
            let id = EntityId { index, generation: columns.generations[row] };
            let (state, rate) = (State::quantise(&map, &columns.poses[row], columns.shown[row]), columns.rates[row]);
            if !shard.replica.is_known(id, &state, rate) {
                changes.push(Change::State { id, state, kind: kind_of(game, &columns, row), rate });
            }
        }
    }
}

/// What has become of an entity of this core, for a core that has missed a change.
fn describe<G: Game>(
    game: &G,
    entities: &Entities<ShownOf<G>>,
    map: &Map,
    first: u16,
    index: u16,
) -> Change<ShownOf<G>> {
    let row = usize::from(index - first);
    let columns = entities.columns();
    let id = EntityId { index, generation: columns.generations[row] };
    if !columns.living.contains(row) {
        return Change::Gone { id };
    }
    let state = State::quantise(map, &columns.poses[row], columns.shown[row]);
    Change::State { id, state, kind: kind_of(game, &columns, row), rate: columns.rates[row] }
}

/// A hitbox as the history keeps it.
fn hitbox_of<G: Game>(hitbox: Option<usize>) -> u8 {
    let Some(hitbox) = hitbox else { return NO_HITBOX };
    assert!(hitbox < G::HITBOXES.len(), "a game names its own hitboxes: there is no hitbox {hitbox}");
    hitbox as u8
}

/// The kind of the entity in a row.
fn kind_of<G: Game>(game: &G, columns: &Columns<'_, ShownOf<G>>, row: usize) -> u8 {
    let kind = game.kind(&columns.shown[row]);
    assert!(kind < G::KINDS.len(), "a game names its own kinds: there is no kind {kind}");
    kind as u8
}
