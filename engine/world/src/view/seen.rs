//! One entity in a client's view: its recent versions, and where it was at any moment.

use super::error::ViewError;
use crate::codec::{Malformed, Reader};
use crate::entity::EntityId;
use crate::limits::{BASELINE_AGE_MAX, VARIABLES};
use crate::messages::Head;
use crate::state::{State, fields, read_variables};
use std::collections::VecDeque;

/// Versions on the wire are counted modulo this.
const VERSIONS: u8 = BASELINE_AGE_MAX as u8 + 1;

/// One version of an entity that was received.
#[derive(Clone, Copy, Debug)]
struct Sample {
    version: u8,
    /// The tick of the first snapshot that has this version. The state was the same from then until `tick`.
    since: u64,
    /// The tick of the last snapshot that has this version.
    tick: u64,
    state: State,
}

/// An entity in view.
#[derive(Debug)]
pub struct Seen {
    id: EntityId,
    /// Newest last, each version once. The server sends differences from one of them.
    samples: VecDeque<Sample>,
    variables: Option<Box<[i32; VARIABLES]>>,
}

/// Position and rotation of an entity at a moment, which may be between two ticks.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Pose {
    /// Steps from the map's corner along each axis.
    pub position: [f64; 3],
    /// Yaw, pitch and roll, in 65,536ths of a turn.
    pub rotation: [u16; 3],
}

impl Seen {
    /// The entity.
    pub fn id(&self) -> EntityId {
        self.id
    }

    /// The newest known state.
    pub fn state(&self) -> &State {
        &self.newest().state
    }

    /// The tick of the newest known state; it does not wrap at 2^32.
    pub fn tick(&self) -> u64 {
        self.newest().tick
    }

    fn newest(&self) -> &Sample {
        self.samples.back().expect("an entity in view has a version")
    }

    /// A variable; 0 until the server sets it.
    pub fn variable(&self, number: u8) -> i32 {
        self.variables.as_ref().and_then(|variables| variables.get(usize::from(number)).copied()).unwrap_or(0)
    }

    /// Where the entity was at `tick`, interpolated linearly between known states. Before the first and after the last known
    /// state it does not move. NaN counts as 0.
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

    /// A new entity, of which `state` is the only version.
    pub(super) fn new(id: EntityId, version: u8, tick: u64, state: State) -> Self {
        let first = Sample { version, since: tick, tick, state };
        Seen { id, samples: VecDeque::from([first]), variables: None }
    }

    /// Takes a difference from a known version.
    pub(super) fn take_difference(&mut self, tick: u64, head: Head, reader: &mut Reader<'_>) -> Result<(), ViewError> {
        assert!(head.version < VERSIONS && head.age < VERSIONS, "both have 5 bits");
        let base = (head.version + VERSIONS - head.age) % VERSIONS;
        let Some(at) = self.samples.iter().rposition(|sample| sample.version == base) else {
            return Err(ViewError::UnknownBaseline(head.index));
        };
        let state = self.samples[at].state.read_difference(head.fields, reader)?;
        self.take_variables(head, reader)?;
        // The server never uses an older baseline again.
        self.samples.drain(..at);
        self.note(head.version, tick, state);
        Ok(())
    }

    /// Takes a full state. The older versions stay, so that [`Self::pose`] interpolates from them.
    pub(super) fn take_full(
        &mut self,
        tick: u64,
        head: Head,
        state: State,
        reader: &mut Reader<'_>,
    ) -> Result<(), Malformed> {
        self.variables = None;
        self.take_variables(head, reader)?;
        self.note(head.version, tick, state);
        Ok(())
    }

    /// Keeps a version.
    fn note(&mut self, version: u8, tick: u64, state: State) {
        // The server repeats a version until it is acknowledged. Repetitions must not push out the baseline.
        let repeated = self.samples.back().filter(|newest| newest.version == version && newest.state == state);
        let since = repeated.map_or(tick, |newest| newest.since);
        self.samples.retain(|known| known.version != version);
        self.samples.push_back(Sample { version, since, tick, state });
        assert!(self.samples.len() <= usize::from(VERSIONS), "each version is kept once");
    }

    pub(super) fn take_variables(&mut self, head: Head, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        if head.fields & fields::VARIABLES == 0 {
            return Ok(());
        }
        let variables = self.variables.get_or_insert_with(|| Box::new([0; VARIABLES]));
        read_variables(reader, |number, value| variables[usize::from(number)] = value)
    }
}
