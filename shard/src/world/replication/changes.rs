//! Changes: what has changed of the entities that a core owns since it last published them, and taking changes over.

use super::encoder::Encoder;
use super::replica::Replica;
use crate::world::exchange::Change;
use crate::world::store::Columns;
use ringshard_world::{EntityId, Fields, Map, State};

/// The entity of so many changes ahead is prefetched.
const AHEAD: usize = 6;

/// Takes over changes at a tick: of this core's own entities, or of those of another core. Their entries are encoded anew.
pub fn take_changes<S: Fields>(tick: u32, changes: &[Change<S>], replica: &mut Replica<S>, encoder: &mut Encoder) {
    for (at, change) in changes.iter().enumerate() {
        if let Some(ahead) = changes.get(at + AHEAD) {
            replica.prefetch_change(ahead.id().index);
        }
        replica.apply(tick, change);
        encoder.forget(change.id().index);
    }
}

/// Replaces `changes` by what differs between the store and this core's replica. `first` is the index of row 0; `kind_of`
/// gives the kind of an entity that shows this.
pub fn find_changes<S: Fields>(
    map: &Map,
    first: u16,
    columns: &Columns<'_, S>,
    replica: &Replica<S>,
    kind_of: impl Fn(&S) -> u8,
    changes: &mut Vec<Change<S>>,
) {
    changes.clear();
    for row in 0..columns.generations.len() {
        let index = first + row as u16;
        let known = replica.generation(index);
        if !columns.living.contains(row) {
            if known != 0 {
                changes.push(Change::Gone { id: EntityId { index, generation: known } });
            }
            continue;
        }
        let id = EntityId { index, generation: columns.generations[row] };
        let (state, rate) = (State::quantise(map, &columns.poses[row], columns.shown[row]), columns.rates[row]);
        if !replica.is_known(id, &state, rate) {
            changes.push(Change::State { id, state, kind: kind_of(&state.shown), rate });
        }
    }
}

/// What has become of the entity at `index`, for a core that has missed a change.
pub fn describe<S: Fields>(
    map: &Map,
    first: u16,
    columns: &Columns<'_, S>,
    index: u16,
    kind_of: impl Fn(&S) -> u8,
) -> Change<S> {
    let row = usize::from(index - first);
    let id = EntityId { index, generation: columns.generations[row] };
    if !columns.living.contains(row) {
        return Change::Gone { id };
    }
    let state = State::quantise(map, &columns.poses[row], columns.shown[row]);
    Change::State { id, state, kind: kind_of(&state.shown), rate: columns.rates[row] }
}
