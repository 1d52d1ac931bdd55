//! Numbers that stand for types, so that both ends can compare them.

use crate::codec::{Malformed, NoRoom, Reader, Writer};
use std::fmt;

/// The types of a contract, in the order of [`Schema`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
#[allow(missing_docs, reason = "documented at `Rules`")]
pub enum ContractType {
    Input = 0,
    Own = 1,
    Shown = 2,
    Ask = 3,
    Answer = 4,
    Event = 5,
}

impl ContractType {
    /// All types, by number.
    pub const ALL: [ContractType; 6] = [Self::Input, Self::Own, Self::Shown, Self::Ask, Self::Answer, Self::Event];

    /// The type of that number.
    pub fn from_number(number: u8) -> Option<ContractType> {
        Self::ALL.get(usize::from(number)).copied()
    }
}

impl fmt::Display for ContractType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// A number for each type of a contract. Types with the same number have the same fields in the same order. A number of 0
/// stands for any type.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Schema(pub [u32; 6]);

impl Schema {
    /// Its size on the wire.
    pub const BYTES: usize = 6 * 4;

    /// The first type whose numbers differ. 0 at either end agrees with everything.
    pub fn difference(&self, other: &Schema) -> Option<ContractType> {
        let differs = |kind: &ContractType| {
            let (one, other) = (self.0[*kind as usize], other.0[*kind as usize]);
            one != other && one != 0 && other != 0
        };
        ContractType::ALL.into_iter().find(differs)
    }

    pub(crate) fn write(&self, writer: &mut Writer<'_>) -> Result<(), NoRoom> {
        self.0.into_iter().try_for_each(|number| writer.u32(number))
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let mut numbers = [0; 6];
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
    fn the_first_type_that_differs_is_named_and_zero_agrees_with_all() {
        let ours = Schema([1, 2, 3, 4, 5, 6]);
        assert_eq!(ours.difference(&ours), None);
        assert_eq!(ours.difference(&Schema([1, 2, 9, 4, 9, 6])), Some(ContractType::Shown));
        assert_eq!(ours.difference(&Schema([0, 0, 0, 4, 5, 6])), None);
        assert_eq!(Schema([0; 6]).difference(&ours), None);
    }
}
