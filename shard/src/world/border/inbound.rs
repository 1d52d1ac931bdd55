//! The entities of a neighbour, as its messages have told.
//!
//! Messages may come late and twice: an entry counts only if its message is newer than what is known of the entity. Of an entity
//! that is gone, the index is remembered until no older message can arrive.

use super::area::NeighbourId;
use super::contract::Contract;
use super::message::{Entry, read_entry};
use super::rows::Rows;
use super::seen::Seen;
use super::stats::BorderStats;
use super::window::WINDOW;
use ringshard_protocol::time::{Duration, Instant};
use ringshard_world::codec::{Malformed, Reader};
use ringshard_world::{EntityId, Fields};
use std::collections::{BTreeMap, VecDeque};

/// How long an entity that has sent a command and is out of sight has a name here, for answers.
const NAMED: Duration = Duration::from_secs(10);

/// What is known of a neighbour's entities.
#[derive(Debug)]
pub(super) struct Inbound<S> {
    neighbour: NeighbourId,
    /// By their index there.
    remotes: BTreeMap<u16, Remote<S>>,
    /// Entities that are gone, with the message that said it.
    gone: VecDeque<(u64, u16)>,
    /// Entities out of sight that have a name here, and until when.
    named: VecDeque<(Instant, u16)>,
}

#[derive(Clone, Copy, Debug)]
struct Remote<S> {
    generation: u8,
    /// The newest message about it.
    number: u64,
    /// The last full state, and its number. None: it is not in sight.
    base: Option<(u16, Seen<S>)>,
    /// The row of its replica. None: it is gone, or there was no free row.
    row: Option<u16>,
}

impl<S: Fields> Inbound<S> {
    pub(super) fn new(neighbour: NeighbourId) -> Self {
        Inbound { neighbour, remotes: BTreeMap::new(), gone: VecDeque::new(), named: VecDeque::new() }
    }

    /// All its entities vanish.
    pub(super) fn clear(&mut self, rows: &mut Rows<S>) {
        for remote in std::mem::take(&mut self.remotes).into_values() {
            remote.row.into_iter().for_each(|row| rows.free(row));
        }
        self.gone.clear();
        self.named.clear();
    }

    /// Takes the entries of the message `number`. False if one of them differs from a full state that is not here: that one may
    /// be lost, or come later.
    ///
    /// # Errors
    /// [`Malformed`]; the entries before the malformed one were taken.
    pub(super) fn take(
        &mut self,
        number: u64,
        contract: &Contract<S>,
        reader: &mut Reader<'_>,
        rows: &mut Rows<S>,
        stats: &mut BorderStats,
    ) -> Result<bool, Malformed> {
        let mut is_complete = true;
        while reader.remaining() > 0 {
            let entry = read_entry(contract, reader, |id, base| self.base_of(id, base).map(|seen| seen.state))?;
            match entry {
                Entry::Gone { id } => self.vanish(number, id, rows),
                Entry::Full { id, base, seen } => {
                    if self.is_news(number, id.index) {
                        self.meet(number, id, rows).base = Some((base, seen));
                        self.show(id, seen, rows, stats);
                    }
                }
                Entry::Update { id, state: None, .. } => {
                    let is_missed = self.is_news(number, id.index);
                    stats.baseless += u64::from(is_missed);
                    is_complete &= !is_missed;
                }
                Entry::Update { id, base, traits, state: Some(state) } => {
                    if self.is_news(number, id.index)
                        && let Some(base) = self.base_of(id, base)
                    {
                        self.meet(number, id, rows);
                        self.show(id, Seen { state, traits: traits.unwrap_or(base.traits) }, rows, stats);
                    }
                }
            }
        }
        Ok(is_complete)
    }

    /// Whether a message is newer than what is known of the entity at an index.
    fn is_news(&self, number: u64, index: u16) -> bool {
        self.remotes.get(&index).is_none_or(|remote| remote.number < number)
    }

    fn base_of(&self, id: EntityId, number: u16) -> Option<Seen<S>> {
        let remote = self.remotes.get(&id.index).filter(|remote| remote.generation == id.generation)?;
        remote.base.filter(|base| base.0 == number).map(|base| base.1)
    }

    /// The entity, of which the message `number` has something. Another one that had its index is gone.
    fn meet(&mut self, number: u64, id: EntityId, rows: &mut Rows<S>) -> &mut Remote<S> {
        let fresh = Remote { generation: id.generation, number, base: None, row: None };
        let remote = self.remotes.entry(id.index).or_insert(fresh);
        if remote.generation != id.generation {
            remote.row.into_iter().for_each(|row| rows.free(row));
            *remote = fresh;
        }
        remote.number = number;
        remote
    }

    fn show(&mut self, id: EntityId, seen: Seen<S>, rows: &mut Rows<S>, stats: &mut BorderStats) {
        let remote = self.remotes.get_mut(&id.index).expect("it was met");
        remote.row = remote.row.or_else(|| rows.take((self.neighbour, id)));
        match remote.row {
            Some(row) => {
                rows.show(row, seen);
                stats.received += 1;
            }
            None => stats.crowded += 1,
        }
    }

    fn vanish(&mut self, number: u64, id: EntityId, rows: &mut Rows<S>) {
        if !self.is_news(number, id.index) {
            return;
        }
        let remote = self.meet(number, id, rows);
        remote.base = None;
        if let Some(row) = remote.row.take() {
            rows.free(row);
        }
        self.gone.push_back((number, id.index));
    }

    /// Forgets entities that are gone for so long that nothing older can arrive, and names that nobody answers any more.
    /// `newest` is the newest message.
    pub(super) fn forget(&mut self, now: Instant, newest: u64, rows: &mut Rows<S>) {
        while let Some(&(number, index)) = self.gone.front()
            && number.saturating_add(WINDOW) < newest
        {
            self.gone.pop_front();
            let is_same = |it: &Remote<S>| it.number == number && it.base.is_none() && it.row.is_none();
            if self.remotes.get(&index).is_some_and(is_same) {
                self.remotes.remove(&index);
            }
        }
        while let Some(&(until, index)) = self.named.front()
            && now >= until
        {
            self.named.pop_front();
            if let Some(remote) = self.remotes.get_mut(&index).filter(|remote| remote.base.is_none()) {
                remote.row.take().into_iter().for_each(|row| rows.free(row));
                if remote.number == 0 {
                    self.remotes.remove(&index);
                }
            }
        }
    }

    /// What an entity is called here. None if it is not known.
    pub(super) fn name_of(&self, id: EntityId, rows: &Rows<S>) -> Option<EntityId> {
        let remote = self.remotes.get(&id.index).filter(|remote| remote.generation == id.generation)?;
        remote.row.map(|row| rows.id(row))
    }

    /// What an entity is called here. If it is not known, it gets a name for a while. None if it is gone, or no row is free.
    pub(super) fn name(&mut self, now: Instant, id: EntityId, rows: &mut Rows<S>) -> Option<EntityId> {
        if id.generation == 0 || self.remotes.contains_key(&id.index) {
            return self.name_of(id, rows);
        }
        let row = rows.take((self.neighbour, id))?;
        self.remotes.insert(id.index, Remote { generation: id.generation, number: 0, base: None, row: Some(row) });
        self.named.push_back((now + NAMED, id.index));
        Some(rows.id(row))
    }
}
