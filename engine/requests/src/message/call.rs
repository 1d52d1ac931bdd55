//! Calls of actions, their outcomes, and cancelling.

use super::kinds::{CALL, CANCEL, OUTCOME};
use super::path::is_path;
use super::{kind, status};
use crate::codec::{Malformed, write_text};
use crate::limits::{CALL_BYTES_MAX, CALLS_SPAN_MAX, DEADLINE_MAX, OUTCOME_BYTES_MAX};
use std::time::Duration;

/// Client to server: calls an action.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Call<'a> {
    /// The first call of an instance has 1, each further one the next number. A repetition has the same number.
    pub number: u32,
    /// The epoch of the Greeting that the call was first sent after.
    pub epoch: u64,
    /// The smallest number of a call that is still open: the server may forget those before. At most `number`, and less than
    /// [`CALLS_SPAN_MAX`] below it.
    pub oldest: u32,
    /// When the client gives up, from now, in 10 ms: 1 to [`Call::DEADLINE_UNITS_MAX`].
    pub deadline: u16,
    /// The path of the action.
    pub path: &'a str,
    /// The bytes of the request's value. Empty: nothing.
    pub value: &'a [u8],
}

/// Server to client: the outcome of a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Outcome<'a> {
    /// Of the call.
    pub number: u32,
    /// As in HTTP, see [`status`]: 200 to 599.
    pub status: u16,
    /// With 429 and 503: after how many ms to try again. Otherwise 0.
    pub wait: u32,
    /// The bytes of the answer's value. Empty: nothing.
    pub value: &'a [u8],
}

/// Client to server: cancels a call. The call still gets an [`Outcome`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cancel {
    /// Of the call.
    pub number: u32,
}

impl<'a> Call<'a> {
    /// Bytes of a call beside its path and its value.
    pub const BYTES_MIN: usize = 20;
    /// The largest `deadline`.
    pub const DEADLINE_UNITS_MAX: u16 = (DEADLINE_MAX.as_millis() / Self::DEADLINE_UNIT.as_millis()) as u16;
    /// What `deadline` counts.
    pub const DEADLINE_UNIT: Duration = Duration::from_millis(10);

    /// Reads a whole message. The value is not checked.
    pub fn read(message: &'a [u8]) -> Result<Self, Malformed> {
        if message.len() > CALL_BYTES_MAX {
            return Err(Malformed("a call is too long"));
        }
        let mut reader = kind(message, CALL)?;
        let call = Call {
            number: reader.u32()?,
            epoch: reader.u64()?,
            oldest: reader.u32()?,
            deadline: reader.u16()?,
            path: reader.text()?,
            value: reader.rest(),
        };
        call.check().map(|()| call)
    }

    /// Appends the message.
    ///
    /// # Panics
    /// If a field is out of its range, or the message is longer than [`CALL_BYTES_MAX`].
    pub fn write(&self, out: &mut Vec<u8>) {
        self.check().unwrap_or_else(|why| panic!("{why}"));
        let start = out.len();
        out.push(CALL);
        out.extend(self.number.to_le_bytes());
        out.extend(self.epoch.to_le_bytes());
        out.extend(self.oldest.to_le_bytes());
        out.extend(self.deadline.to_le_bytes());
        write_text(out, self.path);
        out.extend(self.value);
        assert!(out.len() - start <= CALL_BYTES_MAX, "a call is too long");
    }

    fn check(&self) -> Result<(), Malformed> {
        if self.oldest == 0 || self.oldest > self.number || self.number - self.oldest >= CALLS_SPAN_MAX {
            return Err(Malformed("the numbers of a call are impossible"));
        }
        if !(1..=Self::DEADLINE_UNITS_MAX).contains(&self.deadline) {
            return Err(Malformed("the deadline of a call is out of range"));
        }
        if is_path(self.path) { Ok(()) } else { Err(Malformed("the path of a call is no path")) }
    }
}

impl<'a> Outcome<'a> {
    /// Bytes of an outcome beside its value.
    pub const BYTES_MIN: usize = 11;

    /// Reads a whole message. The value is not checked.
    pub fn read(message: &'a [u8]) -> Result<Self, Malformed> {
        if message.len() > OUTCOME_BYTES_MAX {
            return Err(Malformed("an outcome is too long"));
        }
        let mut reader = kind(message, OUTCOME)?;
        let outcome =
            Outcome { number: reader.u32()?, status: reader.u16()?, wait: reader.u32()?, value: reader.rest() };
        outcome.check().map(|()| outcome)
    }

    /// Appends the message.
    ///
    /// # Panics
    /// If a field is out of its range, or the message is longer than [`OUTCOME_BYTES_MAX`].
    pub fn write(&self, out: &mut Vec<u8>) {
        self.check().unwrap_or_else(|why| panic!("{why}"));
        let start = out.len();
        out.push(OUTCOME);
        out.extend(self.number.to_le_bytes());
        out.extend(self.status.to_le_bytes());
        out.extend(self.wait.to_le_bytes());
        out.extend(self.value);
        assert!(out.len() - start <= OUTCOME_BYTES_MAX, "an outcome is too long");
    }

    fn check(&self) -> Result<(), Malformed> {
        if self.number == 0 {
            return Err(Malformed("an outcome has number 0"));
        }
        if !(200..600).contains(&self.status) {
            return Err(Malformed("the status of an outcome is out of range"));
        }
        let may_wait = matches!(self.status, status::TOO_MANY | status::BUSY);
        if self.wait == 0 || may_wait {
            Ok(())
        } else {
            Err(Malformed("an outcome has a wait that its status has not"))
        }
    }
}

impl Cancel {
    /// Reads a whole message.
    pub fn read(message: &[u8]) -> Result<Self, Malformed> {
        let mut reader = kind(message, CANCEL)?;
        let cancel = Cancel { number: reader.u32()? };
        reader.finish()?;
        if cancel.number == 0 { Err(Malformed("a cancel has number 0")) } else { Ok(cancel) }
    }

    /// Appends the message.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.push(CANCEL);
        out.extend(self.number.to_le_bytes());
    }
}
