//! The bytes of an [`ActionState`]: what is zero takes no bytes, so a state in which one cooldown runs is short.

use super::state::{ACTIONS_MAX, ActionState, Cast, Decided};
use crate::codec::{Malformed, NoRoom, Reader, Writer};
use crate::contract::{Cooldown, Wire, mix};

impl<const A: usize, const R: usize> ActionState<A, R> {
    const FITS: () = assert!(A <= ACTIONS_MAX, "a game has at most ACTIONS_MAX actions");

    /// A bit for each cooldown that runs; the shared one has bit `A`.
    fn running(&self) -> u32 {
        let all = self.cooldowns.iter().chain([&self.shared]).enumerate();
        all.fold(0, |bits, (number, cooldown)| bits | u32::from(!cooldown.is_ready()) << number)
    }
}

impl<const A: usize, const R: usize> Wire for ActionState<A, R> {
    const BYTES_MAX: usize =
        5 + 2 * (A + 1) + 2 * R + <Option<Cast> as Wire>::BYTES_MAX + 1 + <Decided as Wire>::BYTES_MAX;
    const SCHEMA: u32 = mix((A + 256 * R) as u32, "actions");

    fn write(&self, writer: &mut Writer<'_>) -> Result<(), NoRoom> {
        let () = Self::FITS;
        writer.varint_u32(self.running())?;
        let running = self.cooldowns.iter().chain([&self.shared]).filter(|cooldown| !cooldown.is_ready());
        running.into_iter().try_for_each(|cooldown| cooldown.write(writer))?;
        self.resources.write(writer)?;
        self.cast.write(writer)?;
        self.number.write(writer)?;
        self.decided.write(writer)
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let running = reader.varint_u32()?;
        if u64::from(running) >> (A + 1) != 0 {
            return Err(Malformed::UnknownValue);
        }
        let mut state = Self::default();
        for (number, cooldown) in state.cooldowns.iter_mut().chain([&mut state.shared]).enumerate() {
            if running & 1 << number != 0 {
                *cooldown = Cooldown::read(reader)?;
                if cooldown.is_ready() {
                    return Err(Malformed::UnknownValue);
                }
            }
        }
        state.resources = Wire::read(reader)?;
        state.cast = Wire::read(reader)?;
        state.number = Wire::read(reader)?;
        state.decided = Wire::read(reader)?;
        Ok(state)
    }
}
