//! The start of a snapshot: its header and the owner block (PROTOCOL.md#snapshots).
//!
//! A snapshot may be lost and is not sent again: the next one repeats, in their current state, the changes that the client
//! has not acknowledged.

use super::kinds;
use crate::codec::{Malformed, NoRoom, Reader, Writer};
use crate::contract::{Fields, Wire, read_difference, write_difference};
use crate::entity::EntityId;
use crate::limits::{INPUT_INTERVAL_MAX, OWN_BYTES_MAX};

/// What only the player itself is sent: its own state, and the body that shows it to others.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Owner<O> {
    /// The entity that the player controls.
    pub body: Option<EntityId>,
    /// The player's own state.
    pub own: O,
}

/// The header of a snapshot. The owner block follows, then entries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SnapshotHeader {
    /// Number of the snapshot, counted per client.
    pub number: u16,
    /// The world's tick that it shows.
    pub tick: u32,
    /// How many ticks the newest input was ahead of that tick when the server took the tick's input: 0 if it was just in
    /// time, less if it was late. [`NO_LEAD`] before the first input.
    pub lead: i8,
    /// Ticks since an input was there in time: 0 if the state contains the input for `tick` itself; 255 stands for more.
    pub input_age: u8,
    /// Ticks between two input messages that the server asks the client for: 1 unless it is overloaded.
    pub input_interval: u8,
    /// How many snapshots back the baseline of the owner block is; 0 for none.
    pub baseline: u16,
    parts: u8,
}

/// The lead of a client of which no input has arrived.
pub const NO_LEAD: i8 = i8::MIN;

const BASELINE_BITS: u8 = 0x1F;
const HAS_BODY: u8 = 0x20;
const HAS_OWN: u8 = 0x40;
const HAS_INPUT_INTERVAL: u8 = 0x80;

impl SnapshotHeader {
    /// Its size, without the input interval and the owner block.
    pub const BYTES: usize = 10;
    /// Size of the largest header with its owner block.
    pub const BYTES_MAX: usize = Self::BYTES + 1 + 3 + OWN_BYTES_MAX;

    /// A header with what the server says about inputs; [`Self::write`] chooses the rest.
    pub fn new(number: u16, tick: u32, lead: i8, input_age: u8) -> Self {
        SnapshotHeader { number, tick, lead, input_age, input_interval: 1, baseline: 0, parts: 0 }
    }

    /// The same header, which asks for an input message every `input_interval` ticks.
    ///
    /// # Panics
    /// When `input_interval` is 0 or exceeds [`INPUT_INTERVAL_MAX`].
    #[must_use]
    pub fn with_input_interval(self, input_interval: u8) -> Self {
        assert!((1..=INPUT_INTERVAL_MAX).contains(&input_interval), "an interval is 1 to {INPUT_INTERVAL_MAX} ticks");
        SnapshotHeader { input_interval, ..self }
    }

    /// Writes the header and the owner block: `owner` as a difference from `base`, which was in the snapshot `baseline`
    /// numbers back, or is blank if `baseline` is 0.
    ///
    /// # Errors
    /// [`NoRoom`]; a part may have been written.
    ///
    /// # Panics
    /// When `baseline` exceeds [`OWNER_BASELINE_MAX`](crate::limits::OWNER_BASELINE_MAX).
    pub fn write<O: Fields>(
        self,
        owner: &Owner<O>,
        baseline: u16,
        base: &Owner<O>,
        writer: &mut Writer<'_>,
    ) -> Result<(), NoRoom> {
        assert!(baseline <= u16::from(BASELINE_BITS), "the distance of a baseline has 5 bits");
        let has_body = owner.body != base.body;
        let has_own = owner.own != base.own;
        writer.u8(kinds::DELTA_SYNC)?;
        writer.u16(self.number)?;
        writer.u32(self.tick)?;
        writer.i8(self.lead)?;
        writer.u8(self.input_age)?;
        let part = |is_there: bool, bit: u8| if is_there { bit } else { 0 };
        let has_interval = self.input_interval > 1;
        let parts = part(has_body, HAS_BODY) | part(has_own, HAS_OWN) | part(has_interval, HAS_INPUT_INTERVAL);
        writer.u8(baseline as u8 | parts)?;
        if has_interval {
            writer.u8(self.input_interval)?;
        }
        if has_body {
            owner.body.unwrap_or(NOBODY).write(writer)?;
        }
        if has_own {
            write_difference(&owner.own, &base.own, writer)?;
        }
        Ok(())
    }

    /// Reads a header.
    ///
    /// # Errors
    /// [`Malformed`] when the bytes are no header.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        if reader.u8()? != kinds::DELTA_SYNC {
            return Err(Malformed::UnknownValue);
        }
        let (number, tick) = (reader.u16()?, reader.u32()?);
        let (lead, input_age, parts) = (reader.i8()?, reader.u8()?, reader.u8()?);
        let input_interval = if parts & HAS_INPUT_INTERVAL != 0 { reader.u8()? } else { 1 };
        if input_interval > INPUT_INTERVAL_MAX || (input_interval < 2 && parts & HAS_INPUT_INTERVAL != 0) {
            return Err(Malformed::UnknownValue);
        }
        let baseline = u16::from(parts & BASELINE_BITS);
        Ok(SnapshotHeader { number, tick, lead, input_age, input_interval, baseline, parts })
    }

    /// Reads the owner block that follows the header. `base` is the one of the snapshot that is the baseline.
    ///
    /// # Errors
    /// [`Malformed`] when the bytes are no owner block.
    pub fn read_owner<O: Fields>(&self, base: Owner<O>, reader: &mut Reader<'_>) -> Result<Owner<O>, Malformed> {
        let mut owner = base;
        if self.parts & HAS_BODY != 0 {
            let body = EntityId::read(reader)?;
            owner.body = (body.generation != NOBODY.generation).then_some(body);
        }
        if self.parts & HAS_OWN != 0 {
            read_difference(&mut owner.own, reader)?;
        }
        Ok(owner)
    }
}

/// No entity has generation 0.
const NOBODY: EntityId = EntityId { index: 0, generation: 0 };
