//! The values that a message carries.
//!
//! | byte | then | value |
//! |---|---|---|
//! | 0 | | nothing |
//! | 1, 2 | | false, true |
//! | 3 | a signed varint | a whole number, at most 2^53 away from 0 |
//! | 4 | a 64-bit float | any other number that is finite |
//! | 5 | a length as a varint, and UTF-8 | a text |
//! | 6 | three 32-bit floats | a vector |
//!
//! Each value has one encoding. Everything else is refused when it is read.

use ringshard_world::codec::{Malformed, NoRoom, Reader, Writer};
use ringshard_world::contract::{Wire, mix};
use std::fmt;

/// Most values of a message.
pub const VALUES_MAX: usize = 32;
/// The largest whole number that a script can hold exactly.
pub const WHOLE_MAX: i64 = 1 << 53;

/// A value of a message. Texts are borrowed from it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Value<'a> {
    /// Nothing.
    Nil,
    /// True or false.
    Bool(bool),
    /// A number. NaN and infinities are no values.
    Number(f64),
    /// A text.
    Text(&'a str),
    /// Three numbers, such as a point.
    Vector([f32; 3]),
}

/// Why a value is not added to a list.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotAdded {
    /// There are [`VALUES_MAX`] already.
    #[error("a message carries at most {VALUES_MAX} values")]
    TooMany,
    /// The bytes do not fit. Holds how many do.
    #[error("the values of the message have more than {0} bytes")]
    TooLong(usize),
    /// The number is NaN or infinite.
    #[error("a number is NaN or infinite, which no message carries")]
    NotFinite,
}

/// A list of values: at most [`VALUES_MAX`], in at most `N` bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Values<const N: usize> {
    len: u16,
    count: u8,
    bytes: [u8; N],
}

impl<const N: usize> Default for Values<N> {
    fn default() -> Self {
        Values { len: 0, count: 0, bytes: [0; N] }
    }
}

impl<const N: usize> Values<N> {
    /// These values.
    ///
    /// # Errors
    /// [`NotAdded`]
    pub fn of(values: &[Value<'_>]) -> Result<Self, NotAdded> {
        let mut list = Values::default();
        values.iter().try_for_each(|&value| list.push(value))?;
        Ok(list)
    }

    /// Adds a value at the end.
    ///
    /// # Errors
    /// [`NotAdded`]; the list is as before.
    pub fn push(&mut self, value: Value<'_>) -> Result<(), NotAdded> {
        if usize::from(self.count) == VALUES_MAX {
            return Err(NotAdded::TooMany);
        }
        let is_finite = match value {
            Value::Number(number) => number.is_finite(),
            Value::Vector(vector) => vector.iter().all(|axis| axis.is_finite()),
            _ => true,
        };
        if !is_finite {
            return Err(NotAdded::NotFinite);
        }
        let mut writer = Writer::new(&mut self.bytes[usize::from(self.len)..]);
        write_value(value, &mut writer).map_err(|NoRoom| NotAdded::TooLong(N))?;
        self.len += writer.used() as u16;
        self.count += 1;
        Ok(())
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        self.count.into()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The values, in order.
    pub fn iter(&self) -> impl Iterator<Item = Value<'_>> {
        let mut reader = Reader::new(&self.bytes[..usize::from(self.len)]);
        (0..self.count).map(move |_| read_value(&mut reader).expect("the values were checked"))
    }

    /// The value at a place, from 0.
    pub fn get(&self, place: usize) -> Option<Value<'_>> {
        self.iter().nth(place)
    }
}

impl<const N: usize> fmt::Debug for Values<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<const N: usize> Wire for Values<N> {
    const BYTES_MAX: usize = {
        assert!(N <= 16_383, "the length of the values is a varint of at most 2 bytes");
        2 + N
    };
    const SCHEMA: u32 = mix(N as u32, "values");

    fn write(&self, writer: &mut Writer<'_>) -> Result<(), NoRoom> {
        writer.bytes(&self.bytes[..usize::from(self.len)])
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        reader.whole(|reader| {
            let bytes = reader.bytes()?;
            let mut list = Values::default();
            list.bytes.get_mut(..bytes.len()).ok_or(Malformed::TooLong)?.copy_from_slice(bytes);
            list.len = bytes.len() as u16;
            let mut values = Reader::new(bytes);
            while values.remaining() > 0 {
                if usize::from(list.count) == VALUES_MAX {
                    return Err(Malformed::TooLong);
                }
                read_value(&mut values)?;
                list.count += 1;
            }
            Ok(list)
        })
    }
}

fn write_value(value: Value<'_>, writer: &mut Writer<'_>) -> Result<(), NoRoom> {
    match value {
        Value::Nil => writer.u8(0),
        Value::Bool(value) => writer.u8(1 + u8::from(value)),
        Value::Number(number) => match whole(number) {
            Some(whole) => {
                writer.u8(3)?;
                writer.varint_i64(whole)
            }
            None => {
                writer.u8(4)?;
                writer.f64(number)
            }
        },
        Value::Text(text) => {
            writer.u8(5)?;
            writer.text(text)
        }
        Value::Vector(vector) => {
            writer.u8(6)?;
            // -0 has the encoding of 0.
            vector.iter().try_for_each(|axis| writer.f32(axis + 0.0))
        }
    }
}

fn read_value<'a>(reader: &mut Reader<'a>) -> Result<Value<'a>, Malformed> {
    Ok(match reader.u8()? {
        0 => Value::Nil,
        1 => Value::Bool(false),
        2 => Value::Bool(true),
        3 => match reader.varint_i64()? {
            whole if (-WHOLE_MAX..=WHOLE_MAX).contains(&whole) => Value::Number(whole as f64),
            _ => return Err(Malformed::UnknownValue),
        },
        4 => match reader.f64()? {
            number if number.is_finite() && whole(number).is_none() => Value::Number(number),
            _ => return Err(Malformed::UnknownValue),
        },
        5 => Value::Text(reader.text()?),
        6 => {
            let vector = <[f32; 3]>::read(reader)?;
            let is_one = |axis: &f32| *axis != 0.0 || axis.is_sign_positive();
            if !vector.iter().all(is_one) {
                return Err(Malformed::UnknownValue);
            }
            Value::Vector(vector)
        }
        _ => return Err(Malformed::UnknownValue),
    })
}

/// The number as a whole one, if it is one that a script can hold exactly.
fn whole(number: f64) -> Option<i64> {
    (number.fract() == 0.0 && number.abs() <= WHOLE_MAX as f64).then_some(number as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read<const N: usize>(bytes: &[u8]) -> Result<Values<N>, Malformed> {
        let mut reader = Reader::new(bytes);
        let values = Values::read(&mut reader)?;
        reader.finish()?;
        Ok(values)
    }

    fn written<const N: usize>(values: &Values<N>) -> Vec<u8> {
        let mut bytes = [0; 1_024];
        let mut writer = Writer::new(&mut bytes);
        values.write(&mut writer).expect("there is room");
        writer.written().to_vec()
    }

    proptest! {
        #[test]
        fn whatever_is_read_is_written_as_it_was(mut bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            bytes.insert(0, bytes.len() as u8);
            if let Ok(values) = read::<64>(&bytes) {
                prop_assert_eq!(written(&values), bytes);
            }
        }

        #[test]
        fn values_come_back(numbers in prop::collection::vec(any::<f64>(), 0..8), text in ".{0,20}") {
            let finite = numbers.iter().all(|number| number.is_finite());
            let mut all: Vec<_> = numbers.iter().map(|&number| Value::Number(number)).collect();
            all.extend([Value::Text(&text), Value::Nil, Value::Bool(true), Value::Vector([1.5, -2.0, 0.0])]);
            match Values::<400>::of(&all) {
                Ok(list) => {
                    let back = read::<400>(&written(&list)).expect("what was written is read");
                    prop_assert!(back.iter().eq(all.iter().copied()));
                    prop_assert_eq!(back.len(), all.len());
                }
                Err(error) => prop_assert!(!finite && error == NotAdded::NotFinite),
            }
        }
    }

    #[test]
    fn a_list_that_is_full_refuses_more_and_stays_as_it_was() {
        let mut list = Values::<8>::default();
        assert_eq!(list.push(Value::Text("12345")), Ok(()));
        assert_eq!(list.push(Value::Text("")), Err(NotAdded::TooLong(8)));
        assert_eq!(list.push(Value::Nil), Ok(()));
        assert_eq!(format!("{list:?}"), r#"[Text("12345"), Nil]"#);
        let nothing = [Value::Nil; VALUES_MAX + 1];
        assert_eq!(Values::<100>::of(&nothing), Err(NotAdded::TooMany));
    }

    #[test]
    fn other_encodings_of_a_value_are_refused() {
        let refused = |bytes: &[u8]| {
            let mut message = vec![bytes.len() as u8];
            message.extend_from_slice(bytes);
            assert!(read::<64>(&message).is_err(), "{bytes:?}");
        };
        refused(&[7]);
        refused(&[5, 2, 0xC3, 0x28]);
        // 1 as a float, NaN, and -0 in a vector.
        refused(&[&[4], &1.0_f64.to_le_bytes()[..]].concat());
        refused(&[&[4], &f64::NAN.to_le_bytes()[..]].concat());
        refused(&[&[6], &[0; 8][..], &(-0.0_f32).to_le_bytes()].concat());
        // More than 2^53, more values than a message may have, and more bytes than the list.
        refused(&[3, 0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01]);
        refused(&[0; VALUES_MAX + 1]);
        assert!(read::<4>(&[5, 0, 0, 0, 0, 0]).is_err());
    }
}
