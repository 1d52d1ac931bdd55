//! Numbers that stand for what both ends must have alike, so that they can compare it.

use crate::codec::{Malformed, NoRoom, Reader, Writer};
use std::fmt;

/// The parts of a contract, in the order of [`Schema`]: its types, and the level.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
#[allow(missing_docs, reason = "documented at `Rules`")]
pub enum ContractPart {
    Input = 0,
    Own = 1,
    Shown = 2,
    Ask = 3,
    Answer = 4,
    Event = 5,
    Level = 6,
}

impl ContractPart {
    /// All parts, by number.
    pub const ALL: [ContractPart; 7] =
        [Self::Input, Self::Own, Self::Shown, Self::Ask, Self::Answer, Self::Event, Self::Level];

    /// The part of that number.
    pub fn from_number(number: u8) -> Option<ContractPart> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// What a client tells its player when this part differs: what is wrong, and what to do.
    pub fn advice(self) -> String {
        match self {
            ContractPart::Level => "the client's map differs from the server's: install the same map file".into(),
            part => format!("the server has another {part}: update the older of the two ends"),
        }
    }
}

impl fmt::Display for ContractPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// A number for each part of a contract. Types with the same number have the same fields in the same order; the number of the
/// level is the game's ([`Rules::level`](super::Rules::level)). A number of 0 stands for anything.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Schema(pub [u32; 7]);

impl Schema {
    /// Its size on the wire.
    pub const BYTES: usize = 7 * 4;

    /// The first part whose numbers differ. 0 at either end agrees with everything.
    pub fn difference(&self, other: &Schema) -> Option<ContractPart> {
        let differs = |part: &ContractPart| {
            let (one, other) = (self.0[*part as usize], other.0[*part as usize]);
            one != other && one != 0 && other != 0
        };
        ContractPart::ALL.into_iter().find(differs)
    }

    pub(crate) fn write(&self, writer: &mut Writer<'_>) -> Result<(), NoRoom> {
        self.0.into_iter().try_for_each(|number| writer.u32(number))
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let mut numbers = [0; 7];
        for number in &mut numbers {
            *number = reader.u32()?;
        }
        Ok(Schema(numbers))
    }
}

/// The first value of [`mix`] (FNV-1a, 32 bits).
pub(super) const BASIS: u32 = 0x811C_9DC5;

/// Continues a schema number with a text: FNV-1a. It never gives 0.
pub const fn mix(number: u32, text: &str) -> u32 {
    let (mut hash, bytes, mut at) = (number, text.as_bytes(), 0);
    while at < bytes.len() {
        hash = (hash ^ bytes[at] as u32).wrapping_mul(0x0100_0193);
        at += 1;
    }
    if hash == 0 { 1 } else { hash }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_part_that_differs_is_named_and_zero_agrees_with_all() {
        let ours = Schema([1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(ours.difference(&ours), None);
        assert_eq!(ours.difference(&Schema([1, 2, 9, 4, 9, 6, 7])), Some(ContractPart::Shown));
        assert_eq!(ours.difference(&Schema([1, 2, 3, 4, 5, 6, 8])), Some(ContractPart::Level));
        assert_eq!(ours.difference(&Schema([0, 0, 0, 4, 5, 6, 0])), None);
        assert_eq!(Schema([0; 7]).difference(&ours), None);
    }
}
