//! A client's inputs, which it sends every tick (PROTOCOL.md#input).

use super::kinds;
use crate::codec::{Malformed, NoRoom, Reader, Writer};
use crate::contract::{Fields, read_difference, write_difference};
use crate::limits::{INPUT_MESSAGE_BYTES_MAX, INPUTS_PER_MESSAGE_MAX};

/// What a client has received, and how far it is with its inputs: the start of an input message.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct InputHeader {
    /// Number of the newest snapshot received, and a bit for each of the 64 before it; the lowest bit is the one right before.
    pub received: Option<(u16, u64)>,
    /// Digest of the client's view after the newest snapshot, if it sends one ([`crate::View::digest`]).
    pub digest: Option<u32>,
    /// The tick of the newest input in this message.
    pub tick: u32,
}

/// An input, and what its player saw when it was made.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct TimedInput<I> {
    /// The input.
    pub input: I,
    /// How many ticks before the input's tick the other entities were shown, in 256ths of a tick.
    pub view_delay: u16,
}

/// The inputs of a message, which are for consecutive ticks.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<I> {
    inputs: [TimedInput<I>; INPUTS_PER_MESSAGE_MAX],
    len: usize,
    /// The tick of the newest.
    newest: u32,
}

impl<I: Fields> Inputs<I> {
    /// The inputs with their ticks, oldest first. Ticks count modulo 2^32.
    pub fn iter(&self) -> impl Iterator<Item = (u32, TimedInput<I>)> + '_ {
        let first = self.newest.wrapping_sub(self.len as u32).wrapping_add(1);
        (0..).map(move |at: u32| first.wrapping_add(at)).zip(self.inputs[..self.len].iter().copied())
    }
}

const HAS_RECEIVED: u8 = 1;
const HAS_DIGEST: u8 = 2;

impl InputHeader {
    /// Writes a message with `inputs`, oldest first, the last of which is for `self.tick`. Older ones are left out while the
    /// message would be too long. `neutral` is what the first is a difference from.
    ///
    /// # Errors
    /// [`NoRoom`] if not even the newest input fits.
    ///
    /// # Panics
    /// When there are more than [`INPUTS_PER_MESSAGE_MAX`] inputs.
    pub fn write<I: Fields>(
        &self,
        neutral: &I,
        inputs: &[TimedInput<I>],
        writer: &mut Writer<'_>,
    ) -> Result<(), NoRoom> {
        assert!(inputs.len() <= INPUTS_PER_MESSAGE_MAX, "a message has at most {INPUTS_PER_MESSAGE_MAX} inputs");
        let mut from = 0;
        loop {
            let whole = writer.whole(|writer| self.write_all(neutral, &inputs[from..], writer));
            if whole.is_ok() || from + 1 >= inputs.len() {
                return whole;
            }
            from += 1;
        }
    }

    fn write_all<I: Fields>(
        &self,
        neutral: &I,
        inputs: &[TimedInput<I>],
        writer: &mut Writer<'_>,
    ) -> Result<(), NoRoom> {
        let start = writer.used();
        let has = |present: bool, flag: u8| if present { flag } else { 0 };
        writer.u8(kinds::SYNC_ENTITY_QUANTIZED)?;
        writer.u8(has(self.received.is_some(), HAS_RECEIVED) | has(self.digest.is_some(), HAS_DIGEST))?;
        if let Some((newest, before)) = self.received {
            writer.u16(newest)?;
            writer.u64(before)?;
        }
        if let Some(digest) = self.digest {
            writer.u32(digest)?;
        }
        writer.u32(self.tick)?;
        writer.u8(inputs.len() as u8)?;
        let mut base = neutral;
        for TimedInput { input, view_delay } in inputs {
            writer.u16(*view_delay)?;
            write_difference(input, base, writer)?;
            base = input;
        }
        if writer.used() - start > INPUT_MESSAGE_BYTES_MAX { Err(NoRoom) } else { Ok(()) }
    }

    /// Reads the whole of `message`. `neutral` is what the first input is a difference from.
    ///
    /// # Errors
    /// [`Malformed`] when it is no input message.
    pub fn read<I: Fields>(message: &[u8], neutral: &I) -> Result<(InputHeader, Inputs<I>), Malformed> {
        let mut reader = Reader::new(message);
        if reader.u8()? != kinds::SYNC_ENTITY_QUANTIZED {
            return Err(Malformed::UnknownValue);
        }
        let flags = reader.u8()?;
        if flags & !(HAS_RECEIVED | HAS_DIGEST) != 0 {
            return Err(Malformed::UnknownValue);
        }
        let received = match flags & HAS_RECEIVED {
            0 => None,
            _ => Some((reader.u16()?, reader.u64()?)),
        };
        let digest = match flags & HAS_DIGEST {
            0 => None,
            _ => Some(reader.u32()?),
        };
        let (tick, len) = (reader.u32()?, usize::from(reader.u8()?));
        if len > INPUTS_PER_MESSAGE_MAX {
            return Err(Malformed::TooLong);
        }
        let mut inputs = Inputs { inputs: [TimedInput { input: *neutral, view_delay: 0 }; _], len, newest: tick };
        let mut base = *neutral;
        for timed in &mut inputs.inputs[..len] {
            timed.view_delay = reader.u16()?;
            read_difference(&mut base, &mut reader)?;
            timed.input = base;
        }
        reader.finish()?;
        Ok((InputHeader { received, digest, tick }, inputs))
    }
}
