//! Places, by the section they lie in (B3).
//!
//! ```text
//! | 0 | x 16 bits | y 16 bits | z |                in the section of the place before
//! | 1 | section: x, y, z | x | y | z |             in another one
//! ```
//! Offsets count from the section's lowest corner. z, and a section's numbers, have as many bits as the map needs: on
//! the default map a place has 47 bits, or 59 where the section is new.

use super::{Malformed, NoRoom, Reader, Writer};
use crate::world::map::{Map, Placed, Position};

/// What an end of a connection knows of the places that go over it: the map, and the section of the last one.
///
/// Both ends keep one, and it is right as long as they write and read the same places in the same order: over a
/// reliable ordered channel for as long as the connection lasts; else from a new one in each message. To undo a
/// message, put back a copy made before it.
///
/// Nothing is lost here. What is lost was lost in [`Map::quantise`]: half a [step](Map::step) on each axis, beside what
/// a 32-bit float cannot say so far from the corner.
#[derive(Clone, Copy, Debug)]
pub struct Positions {
    map: Map,
    /// The map's first place and its last, as their sections know them.
    lowest: Placed,
    highest: Placed,
    section: Option<[u16; 3]>,
}

impl Positions {
    /// For places of `map`; in no section yet.
    pub fn new(map: &Map) -> Self {
        let lowest = map.place(Position::default());
        // What lies outside is taken to the edge.
        let highest = map.place(map.quantise([f32::INFINITY; 3]));
        Positions { map: *map, lowest, highest, section: None }
    }

    /// Appends a place.
    ///
    /// # Panics
    /// When it is none of the map's.
    pub fn write(&mut self, writer: &mut Writer<'_>, position: Position) -> Result<(), NoRoom> {
        assert!(self.map.contains(position), "{position:?} is not on the map");
        let Placed { section, offset } = self.map.place(position);
        let moved = self.section != Some(section);
        writer.whole(|writer| {
            writer.bit(moved)?;
            if moved {
                for (section, highest) in section.into_iter().zip(self.highest.section) {
                    writer.up_to(highest.into(), section.into())?;
                }
            }
            for (axis, offset) in offset.into_iter().enumerate() {
                writer.up_to(self.span(axis), (i32::from(offset) - i32::from(self.lowest.offset[axis])) as u32)?;
            }
            Ok(())
        })?;
        self.section = Some(section);
        Ok(())
    }

    /// Reads a place, which is one of the map's.
    ///
    /// # Errors
    /// [`Malformed::NoSection`] when it is in the section of the last one and there was none;
    /// [`Malformed::UnknownValue`] when it lies outside the map, or names the section it would have been in anyway.
    pub fn read(&mut self, reader: &mut Reader<'_>) -> Result<Position, Malformed> {
        let (section, position) = reader.whole(|reader| {
            let mut placed = Placed { section: [0; 3], offset: [0; 3] };
            if reader.bit()? {
                for (section, highest) in placed.section.iter_mut().zip(self.highest.section) {
                    *section = reader.up_to(highest.into())? as u16;
                }
                if self.section == Some(placed.section) {
                    return Err(Malformed::UnknownValue);
                }
            } else {
                placed.section = self.section.ok_or(Malformed::NoSection)?;
            }
            for (axis, offset) in placed.offset.iter_mut().enumerate() {
                *offset = (reader.up_to(self.span(axis))? as i32 + i32::from(self.lowest.offset[axis])) as i16;
            }
            let position = self.map.position(placed).ok_or(Malformed::UnknownValue)?;
            Ok((placed.section, position))
        })?;
        self.section = Some(section);
        Ok(position)
    }

    /// Steps from a section's first place to its last, along an axis.
    fn span(&self, axis: usize) -> u32 {
        self.highest.offset[axis].abs_diff(self.lowest.offset[axis]).into()
    }
}
