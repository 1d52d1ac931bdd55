//! Publishing the changes of a tick, to this core's replica and to all other cores.

use super::Simulation;
use crate::game::Game;
use crate::world::exchange::Change;
use crate::world::store::{Columns, Entities};
use ringshard_protocol::time::Instant;
use ringshard_world::limits::VARIABLES;
use ringshard_world::state::VELOCITY_STEP;
use ringshard_world::{EntityId, Map, State};

impl<G: Game> Simulation<G> {
    /// Publishes what has changed since the last tick.
    pub(super) fn publish(&mut self, now: Instant) {
        self.collect_changes();
        let Simulation { shard, exchange, encoder, changes, config, .. } = self;
        let tick = shard.wire_tick();
        for change in &*changes {
            shard.replica.apply(tick, change);
            encoder.forget(change.id().index);
        }
        let first = exchange.own().0;
        exchange.publish(now, changes, |index, say| describe(&shard.entities, &config.map, first, index, say));
    }

    /// Compares the store with the replica.
    fn collect_changes(&mut self) {
        let Simulation { shard, exchange, changes, config, .. } = self;
        changes.clear();
        let (first, share) = exchange.own();
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
            let (state, rate) = (state_of(&columns, row, &config.map), columns.rates[row]);
            if !shard.replica.is_known(id, &state, rate) {
                changes.push(Change::State { id, state, rate });
            }
        }
        shard.entities.drain_dirty(|id, dirty, values| changes.extend(variables_of(id, dirty, values)));
    }
}

/// All changes that describe an entity of this core to a core that has missed some.
fn describe(entities: &Entities, map: &Map, first: u16, index: u16, say: &mut dyn FnMut(Change)) {
    let row = usize::from(index - first);
    let columns = entities.columns();
    let id = EntityId { index, generation: columns.generations[row] };
    if !columns.living.contains(row) {
        return say(Change::Gone { id });
    }
    say(Change::State { id, state: state_of(&columns, row, map), rate: columns.rates[row] });
    // Also those that are 0 again: the core may have missed just that change.
    variables_of(id, columns.variables_touched[row], &columns.variables[row]).for_each(say);
}

/// The changes of the variables in `mask`.
fn variables_of(id: EntityId, mask: u64, values: &[i32; VARIABLES]) -> impl Iterator<Item = Change> + '_ {
    let numbers = (0..VARIABLES as u8).filter(move |number| mask >> number & 1 != 0);
    numbers.map(move |number| Change::Variable { id, number, value: values[usize::from(number)] })
}

/// The replicated state of a row.
fn state_of(columns: &Columns<'_>, row: usize, map: &Map) -> State {
    let velocity = columns.velocities[row];
    State {
        position: map.quantise(columns.points[row]),
        // The casts clamp what is out of range.
        velocity: velocity.map(|axis| (axis / VELOCITY_STEP).round() as i16),
        rotation: columns.rotations[row],
        animation: columns.animations[row],
        states: columns.states(row),
        buffs: columns.buffs[row],
        health: columns.health[row],
        mana: columns.mana[row],
        kind: columns.kinds[row],
        faction: columns.factions[row],
    }
}
