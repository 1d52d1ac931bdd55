//! How long an ability cannot be used again.

use super::schema::{BASIS, mix};
use super::wire::Wire;
use crate::codec::{Malformed, NoRoom, Reader, Writer};

/// Ticks until an ability can be used again, for a field of [`Rules::Own`](super::Rules::Own).
///
/// A step counts it down and starts it; so the client predicts both. If the server refuses the ability, it calls
/// [`Cooldown::end`] on its own copy, and the client's prediction is corrected.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Cooldown {
    ticks: u16,
}

impl Cooldown {
    /// Whether the ability can be used.
    pub fn is_ready(self) -> bool {
        self.ticks == 0
    }

    /// Ticks until it can be used.
    pub fn ticks(self) -> u16 {
        self.ticks
    }

    /// A tick passes.
    pub fn count_down(&mut self) {
        self.ticks = self.ticks.saturating_sub(1);
    }

    /// Uses the ability, if it is ready: it is ready again after `ticks` further ticks. Returns whether it was ready.
    pub fn start(&mut self, ticks: u16) -> bool {
        let ready = self.is_ready();
        if ready {
            self.ticks = ticks;
        }
        ready
    }

    /// The ability is ready at once.
    pub fn end(&mut self) {
        self.ticks = 0;
    }
}

impl Wire for Cooldown {
    const BYTES_MAX: usize = 2;
    const SCHEMA: u32 = mix(BASIS, "cooldown");

    fn write(&self, writer: &mut Writer<'_>) -> Result<(), NoRoom> {
        writer.u16(self.ticks)
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Cooldown { ticks: reader.u16()? })
    }
}
