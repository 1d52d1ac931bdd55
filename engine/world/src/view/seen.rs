//! One entity in a client's view, and its recent versions.

use super::error::ViewError;
use crate::codec::Reader;
use crate::contract::Fields;
use crate::entity::EntityId;
use crate::limits::BASELINE_AGE_MAX;
use crate::messages::Head;
use crate::state::State;
use std::collections::VecDeque;

/// Versions on the wire are counted modulo this.
const VERSIONS: u8 = BASELINE_AGE_MAX as u8 + 1;
const _: () = assert!(VERSIONS as u32 == u32::BITS, "each version has a bit");

/// One version of an entity that was received.
#[derive(Clone, Copy, Debug)]
pub struct Sample<S> {
    version: u8,
    /// The tick of the first snapshot that has this version. The state was the same from then until `tick`.
    pub since: u64,
    /// The tick of the last snapshot that has this version.
    pub tick: u64,
    /// The state.
    pub state: State<S>,
}

/// An entity in view.
#[derive(Debug)]
pub struct Seen<S> {
    id: EntityId,
    /// A bit for each version that `samples` has.
    versions: u32,
    /// Newest last, each version once. The server sends differences from one of them.
    samples: VecDeque<Sample<S>>,
}

impl<S: Fields> Seen<S> {
    /// The entity.
    pub fn id(&self) -> EntityId {
        self.id
    }

    /// The newest known state.
    pub fn state(&self) -> &State<S> {
        &self.newest().state
    }

    /// The tick of the newest known state; it does not wrap at 2^32.
    pub fn tick(&self) -> u64 {
        self.newest().tick
    }

    /// The known versions, oldest first; at least one.
    pub fn samples(&self) -> &VecDeque<Sample<S>> {
        &self.samples
    }

    fn newest(&self) -> &Sample<S> {
        self.samples.back().expect("an entity in view has a version")
    }

    /// A new entity, of which `state` is the only version, in the memory of a former one.
    pub(super) fn reusing(former: Option<Seen<S>>, id: EntityId, version: u8, tick: u64, state: State<S>) -> Self {
        let mut samples = former.map(|former| former.samples).unwrap_or_default();
        samples.clear();
        samples.push_back(Sample { version, since: tick, tick, state });
        Seen { id, versions: 1 << version, samples }
    }

    /// Takes a difference from a known version. Older versions stay for `history` ticks.
    pub(super) fn take_difference(
        &mut self,
        tick: u64,
        head: Head,
        reader: &mut Reader<'_>,
        history: u64,
    ) -> Result<(), ViewError> {
        assert!(head.version < VERSIONS && head.age < VERSIONS, "both have 5 bits");
        let base = (head.version + VERSIONS - head.age) % VERSIONS;
        let Some(at) = self.samples.iter().rposition(|sample| sample.version == base) else {
            return Err(ViewError::UnknownBaseline(head.index));
        };
        let state = self.samples[at].state.read_difference(head.fields, reader)?;
        // The server never uses an older baseline again. Before `horizon`, nothing is shown any more.
        let horizon = tick.saturating_sub(history);
        let old = self.samples.iter().skip(1).take(at).take_while(|next| next.since <= horizon).count();
        for _ in 0..old {
            let forgotten = self.samples.pop_front().expect("the newest version stays");
            self.versions &= !(1 << forgotten.version);
        }
        self.note(head.version, tick, state);
        Ok(())
    }

    /// Takes a full state. The older versions stay, so that poses are interpolated from them.
    pub(super) fn take_full(&mut self, tick: u64, head: Head, state: State<S>) {
        self.note(head.version, tick, state);
    }

    /// Keeps a version.
    fn note(&mut self, version: u8, tick: u64, state: State<S>) {
        let newest = self.samples.back_mut().expect("an entity in view has a version");
        if newest.version == version {
            // The server repeats a version until it is acknowledged. Repetitions must not push out the baseline.
            newest.since = if newest.state == state { newest.since } else { tick };
            (newest.tick, newest.state) = (tick, state);
            return;
        }
        if self.versions & 1 << version != 0 {
            self.samples.retain(|known| known.version != version);
        }
        self.versions |= 1 << version;
        self.samples.push_back(Sample { version, since: tick, tick, state });
        assert!(self.samples.len() <= usize::from(VERSIONS), "each version is kept once");
    }
}
