//! A client's view of the world: the entities around it, as the server has told it of them.

use super::entity::EntityId;
use super::received::Received;
use super::snapshot::{Head, SnapshotHeader, read_identity};
use super::state::{State, fields, read_variables};
use crate::codec::Malformed;
use crate::codec::Reader;
use crate::limits::{BASELINE_AGE_MAX, VARIABLES};
use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};

/// What a snapshot changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Change {
    /// It was not there before.
    Entered(EntityId),
    /// There is news of it.
    Updated(EntityId),
    /// It is gone, or too far away to matter.
    Left(EntityId),
}

/// Why a snapshot was not taken in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ViewError {
    /// It is no snapshot.
    #[error("not a snapshot: {0}")]
    Malformed(#[from] Malformed),
    /// It builds on what was never received: the server is not to be trusted with its own acknowledgments.
    #[error("an update of entity {0} builds on a version that is not known")]
    UnknownBaseline(u16),
}

/// One version of an entity that was received.
#[derive(Clone, Copy, Debug)]
struct Sample {
    version: u8,
    /// The tick at which it was told first, and the one at which it was told last: it was the same in between.
    since: u64,
    tick: u64,
    state: State,
}

/// An entity in view.
#[derive(Debug)]
pub struct Seen {
    id: EntityId,
    /// Newest last, no version twice. The server builds on one of them.
    samples: VecDeque<Sample>,
    variables: Option<Box<[i32; VARIABLES]>>,
}

/// Where an entity is between two ticks.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Pose {
    /// Steps from the map's corner, along each axis.
    pub position: [f64; 3],
    /// Yaw, pitch and roll, of 65,536 to a full turn.
    pub rotation: [u16; 3],
}

impl Seen {
    /// Its name.
    pub fn id(&self) -> EntityId {
        self.id
    }

    /// The newest known state.
    pub fn state(&self) -> &State {
        &self.newest().state
    }

    /// The tick of the newest known state, counted on over 2^32.
    pub fn tick(&self) -> u64 {
        self.newest().tick
    }

    fn newest(&self) -> &Sample {
        self.samples.back().expect("what is seen was received")
    }

    /// One of its variables; 0 until it is set.
    pub fn variable(&self, number: u8) -> i32 {
        self.variables.as_ref().and_then(|variables| variables.get(usize::from(number)).copied()).unwrap_or(0)
    }

    /// Where it was at `tick`, which may be between two: in a straight line from what was known before to what was known
    /// after. Outside what is known it stays where it is, and at NaN it is where it was first.
    pub fn pose(&self, tick: f64) -> Pose {
        let tick = if tick.is_nan() { 0.0 } else { tick };
        let after = self.samples.partition_point(|sample| (sample.tick as f64) < tick);
        let to = &self.samples[after.min(self.samples.len() - 1)];
        let from = &self.samples[after.saturating_sub(1)];
        let span = to.since.saturating_sub(from.tick) as f64;
        let part = if span > 0.0 { ((tick - from.tick as f64) / span).clamp(0.0, 1.0) } else { 1.0 };
        let line = |from: u32, to: u32| f64::from(from) + (f64::from(to) - f64::from(from)) * part;
        let (a, b) = (&from.state, &to.state);
        Pose {
            position: [
                line(a.position.x, b.position.x),
                line(a.position.y, b.position.y),
                line(a.position.z, b.position.z),
            ],
            rotation: std::array::from_fn(|axis| {
                let turn = b.rotation[axis].wrapping_sub(a.rotation[axis]) as i16;
                a.rotation[axis].wrapping_add_signed((f64::from(turn) * part) as i16)
            }),
        }
    }

    fn take(&mut self, tick: u64, head: Head, reader: &mut Reader<'_>) -> Result<(), ViewError> {
        let base = (head.version + BASELINE_AGE_MAX as u8 + 1 - head.age) % (BASELINE_AGE_MAX as u8 + 1);
        let Some(at) = self.samples.iter().rposition(|sample| sample.version == base) else {
            return Err(ViewError::UnknownBaseline(head.index));
        };
        let state = self.samples[at].state.read_difference(head.fields, reader)?;
        self.take_variables(head, reader)?;
        // The server never goes back to an older one.
        self.samples.drain(..at);
        self.note(head.version, tick, state);
        Ok(())
    }

    /// Keeps a version. There are 32 numbers of versions, so no more are ever kept.
    fn note(&mut self, version: u8, tick: u64, state: State) {
        // Until it is acknowledged it is told again and again: that must not drive out the one that it builds on.
        let told_before = self.samples.back().filter(|newest| newest.version == version && newest.state == state);
        let since = told_before.map_or(tick, |newest| newest.since);
        self.samples.retain(|known| known.version != version);
        self.samples.push_back(Sample { version, since, tick, state });
    }

    fn take_variables(&mut self, head: Head, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        if head.fields & fields::VARIABLES == 0 {
            return Ok(());
        }
        let variables = self.variables.get_or_insert_with(|| Box::new([0; VARIABLES]));
        read_variables(reader, |number, value| variables[usize::from(number)] = value)
    }
}

/// Spreads the 16 bits of an entity's index over a hash.
#[derive(Default)]
struct IndexHasher(u64);

impl Hasher for IndexHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("indices alone are hashed");
    }

    fn write_u16(&mut self, index: u16) {
        self.0 = u64::from(index).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }
}

/// The entities in view, by index.
type Entities = HashMap<u16, Seen, BuildHasherDefault<IndexHasher>>;

/// What a client knows of the world.
#[derive(Debug, Default)]
pub struct View {
    entities: Entities,
    received: Received,
    /// The tick of the newest snapshot: those on the wire go round after 2^32, these do not.
    tick: u64,
}

impl View {
    /// Nothing seen yet.
    pub fn new() -> Self {
        View::default()
    }

    /// Takes a snapshot in; `changed` is told what it changed. False when it is older than one that was taken before, and
    /// therefore was not.
    ///
    /// # Errors
    /// [`ViewError`]; the snapshot must then count as not received, although what stood before the fault is known.
    pub fn take(&mut self, message: &[u8], mut changed: impl FnMut(Change)) -> Result<bool, ViewError> {
        let reader = &mut Reader::new(message);
        let header = SnapshotHeader::read(reader)?;
        if !self.received.is_news(header) {
            return Ok(false);
        }
        let tick = self.count_on(header.tick);
        while reader.remaining() > 0 {
            let head = Head::read(reader)?;
            self.take_entry(tick, head, reader, &mut changed)?;
        }
        self.tick = tick;
        self.received.note(header);
        Ok(true)
    }

    /// The tick that has `tick` as its lower half and is nearest to the newest.
    fn count_on(&self, tick: u32) -> u64 {
        match self.received.newest() {
            Some(newest) => self.tick.saturating_add_signed((tick.wrapping_sub(newest.tick) as i32).into()),
            None => tick.into(),
        }
    }

    /// The tick of the newest snapshot, counted on over 2^32; 0 before the first.
    pub fn tick(&self) -> u64 {
        self.tick
    }

    fn take_entry(
        &mut self,
        tick: u64,
        head: Head,
        reader: &mut Reader<'_>,
        changed: &mut impl FnMut(Change),
    ) -> Result<(), ViewError> {
        if head.is_gone() {
            if let Some(gone) = self.entities.remove(&head.index) {
                changed(Change::Left(gone.id));
            }
            return Ok(());
        }
        if head.is_full() {
            return self.take_full(tick, head, reader, changed);
        }
        let Some(seen) = self.entities.get_mut(&head.index) else {
            return Err(ViewError::UnknownBaseline(head.index));
        };
        seen.take(tick, head, reader)?;
        changed(Change::Updated(seen.id));
        Ok(())
    }

    fn take_full(
        &mut self,
        tick: u64,
        head: Head,
        reader: &mut Reader<'_>,
        changed: &mut impl FnMut(Change),
    ) -> Result<(), ViewError> {
        let (generation, kind, faction) = read_identity(reader)?;
        let state = State { kind, faction, ..State::NONE }.read_difference(head.fields, reader)?;
        let id = EntityId { index: head.index, generation };
        let known = self.entities.get_mut(&head.index);
        if let Some(seen) = known
            && seen.id == id
        {
            // Told again in full. What was known of it stays, to go on from where it was seen last.
            seen.variables = None;
            seen.take_variables(head, reader)?;
            seen.note(head.version, tick, state);
            changed(Change::Updated(id));
            return Ok(());
        }
        let first = Sample { version: head.version, since: tick, tick, state };
        let mut seen = Seen { id, samples: VecDeque::from([first]), variables: None };
        seen.take_variables(head, reader)?;
        if let Some(former) = self.entities.insert(head.index, seen) {
            changed(Change::Left(former.id));
        }
        changed(Change::Entered(id));
        Ok(())
    }

    /// What to tell the server of the snapshots received: the newest, and a bit for each before it.
    pub fn received(&self) -> Option<(u16, u64)> {
        self.received.acknowledgment()
    }

    /// The newest snapshot's header.
    pub fn newest(&self) -> Option<SnapshotHeader> {
        self.received.newest()
    }

    /// Everything in view, in no particular order.
    pub fn entities(&self) -> impl Iterator<Item = &Seen> {
        self.entities.values()
    }

    /// An entity in view.
    pub fn entity(&self, id: EntityId) -> Option<&Seen> {
        self.entities.get(&id.index).filter(|seen| seen.id == id)
    }

    /// How many are in view.
    pub fn len(&self) -> usize {
        self.entities.len()
    }

    /// Whether nothing is.
    pub fn is_empty(&self) -> bool {
        self.entities.is_empty()
    }

    /// CRC32C (W8) over what is in view, by index: two ends with one digest agree on it. Variables are not in it.
    pub fn digest(&self) -> u32 {
        let mut all: Vec<_> = self.entities.values().map(|seen| (seen.id, *seen.state())).collect();
        all.sort_unstable_by_key(|(id, _)| *id);
        all.iter().fold(0, |digest, (id, state)| digest_on(digest, *id, state))
    }
}

/// The digest of a view with one more entity in it, the next by index.
pub fn digest_on(digest: u32, id: EntityId, state: &State) -> u32 {
    let digest = crc32c::crc32c_append(digest, &id.index.to_le_bytes());
    let digest = crc32c::crc32c_append(digest, &[id.generation]);
    crc32c::crc32c_append(digest, &state.digest_bytes())
}
