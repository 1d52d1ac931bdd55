//! Asks, answers and events of a game (PROTOCOL.md#asks-and-events).

use super::kinds;
use crate::codec::{Malformed, NoRoom, Reader, Writer};
use crate::contract::Wire;
use crate::limits::{ASK_BYTES_MAX, EVENT_BYTES_MAX};

/// Size of the largest ask and of the largest answer.
pub const ASK_MESSAGE_BYTES_MAX: usize = 1 + 2 + 1 + ASK_BYTES_MAX;
/// Size of the largest event.
pub const EVENT_MESSAGE_BYTES_MAX: usize = 1 + EVENT_BYTES_MAX;

/// What becomes of an ask.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Answered<A> {
    /// The game has answered.
    Answer(A),
    /// Too many asks of this client wait for an answer; this one was not read.
    TooMany,
    /// The bytes are no ask of this game.
    Malformed,
}

const ANSWER: u8 = 0;
const TOO_MANY: u8 = 1;
const MALFORMED: u8 = 2;

/// Writes an ask. The answer bears the same number.
///
/// # Errors
/// [`NoRoom`].
pub fn write_ask<A: Wire>(number: u16, ask: &A, writer: &mut Writer<'_>) -> Result<(), NoRoom> {
    writer.u8(kinds::ASK)?;
    writer.u16(number)?;
    ask.write(writer)
}

/// Reads the number of an ask, which is known even if the ask itself is malformed.
///
/// # Errors
/// [`Malformed`] when it is another message, or ends before.
pub fn read_ask_number(message: &[u8]) -> Result<(u16, &[u8]), Malformed> {
    let mut reader = Reader::new(message);
    if reader.u8()? != kinds::ASK {
        return Err(Malformed::UnknownValue);
    }
    let number = reader.u16()?;
    let rest = reader.raw(reader.remaining())?;
    Ok((number, rest))
}

/// Writes the answer to the ask of that number.
///
/// # Errors
/// [`NoRoom`].
pub fn write_answer<A: Wire>(number: u16, answered: &Answered<A>, writer: &mut Writer<'_>) -> Result<(), NoRoom> {
    writer.u8(kinds::ANSWER)?;
    writer.u16(number)?;
    match answered {
        Answered::Answer(answer) => writer.u8(ANSWER).and_then(|()| answer.write(writer)),
        Answered::TooMany => writer.u8(TOO_MANY),
        Answered::Malformed => writer.u8(MALFORMED),
    }
}

/// Reads the whole of an answer, and the number of its ask.
///
/// # Errors
/// [`Malformed`] when it is another message.
pub fn read_answer<A: Wire>(message: &[u8]) -> Result<(u16, Answered<A>), Malformed> {
    let mut reader = Reader::new(message);
    if reader.u8()? != kinds::ANSWER {
        return Err(Malformed::UnknownValue);
    }
    let number = reader.u16()?;
    let answered = match reader.u8()? {
        ANSWER => Answered::Answer(A::read(&mut reader)?),
        TOO_MANY => Answered::TooMany,
        MALFORMED => Answered::Malformed,
        _ => return Err(Malformed::UnknownValue),
    };
    reader.finish()?;
    Ok((number, answered))
}

/// Writes an event.
///
/// # Errors
/// [`NoRoom`].
pub fn write_event<E: Wire>(event: &E, writer: &mut Writer<'_>) -> Result<(), NoRoom> {
    writer.u8(kinds::EVENT)?;
    event.write(writer)
}

/// Reads the whole of an event.
///
/// # Errors
/// [`Malformed`] when it is another message, or an event that this game does not have.
pub fn read_event<E: Wire>(message: &[u8]) -> Result<E, Malformed> {
    let mut reader = Reader::new(message);
    if reader.u8()? != kinds::EVENT {
        return Err(Malformed::UnknownValue);
    }
    read_whole(reader.raw(reader.remaining())?)
}

/// Reads a value that fills `bytes`.
///
/// # Errors
/// [`Malformed`] when the bytes are no value of the type, or bytes follow it.
pub fn read_whole<T: Wire>(bytes: &[u8]) -> Result<T, Malformed> {
    let mut reader = Reader::new(bytes);
    let value = T::read(&mut reader)?;
    reader.finish()?;
    Ok(value)
}
