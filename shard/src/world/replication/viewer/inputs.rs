//! Which inputs of a player the state of a tick contains.

/// The newest inputs of a player.
///
/// An input takes effect in the tick after its arrival. A snapshot that is written between two ticks shows the former tick,
/// and must not acknowledge an input that only the next tick will contain.
#[derive(Clone, Copy, Default, Debug)]
pub struct Inputs {
    newest: u16,
    /// The last tick that had begun when the newest arrived.
    arrived_at: u32,
    /// The newest of those that arrived before that tick.
    before: u16,
}

impl Inputs {
    /// Takes an input that arrived after `tick` had begun. False if it is not newer than all before it.
    pub fn take(&mut self, tick: u32, number: u16) -> bool {
        if (number.wrapping_sub(self.newest) as i16) <= 0 {
            return false;
        }
        if self.arrived_at != tick {
            self.before = self.newest;
        }
        (self.newest, self.arrived_at) = (number, tick);
        true
    }

    /// The newest input that the state of `tick` contains.
    pub fn contained(&self, tick: u32) -> u16 {
        if self.arrived_at == tick { self.before } else { self.newest }
    }
}
