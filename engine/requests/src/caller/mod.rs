//! A client's calls: they are repeated until they are answered, and executed at most once (PROTOCOL.md#at-most-once).
//!
//! [`Calls`] is a state machine without I/O and without a clock. The user passes in messages, changes of the connection and
//! the time, sends what [`Calls::next_send`] returns, and takes the ends of calls from [`Calls::poll`]. Each call has exactly
//! one end.

mod open;

use crate::codec::Malformed;
use crate::limits::{CALL_BYTES_MAX, CALLS_OPEN_MAX, CALLS_SPAN_MAX, DEADLINE_MAX};
use crate::message::{Call, Cancel, Greeting, Hello, Instance, Outcome, is_path, kinds, status};
use open::{Open, Retry};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;
use thiserror::Error;

/// How a call ends.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum End {
    /// The server executed the call. The bytes of the answer's value; no bytes mean
    /// [`Value::Nothing`](crate::value::Value::Nothing).
    Answered(Vec<u8>),
    /// The server refused it, or its handler failed.
    Refused {
        /// As in HTTP, see [`status`].
        status: u16,
        /// When to try again.
        wait: Option<Duration>,
        /// The bytes of a value that says why: a record with a `message`.
        value: Vec<u8>,
    },
    /// The call was sent, but nobody can tell whether it was executed.
    Unknown,
    /// The client cancelled the call before it was executed.
    Cancelled,
    /// The deadline passed before the call was executed.
    Expired,
}

/// Why a call cannot be made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum CannotCall {
    /// [`CALLS_OPEN_MAX`] calls are open, or [`CALLS_SPAN_MAX`] calls were made since the oldest open one.
    #[error("too many calls are open; wait until one ends")]
    TooMany,
    /// The path is invalid.
    #[error("the path is none: 2 to 64 of a-z, 0-9, / _ and -, and it begins with /")]
    Path,
    /// The value does not fit a message of [`CALL_BYTES_MAX`] bytes.
    #[error("the request has too many bytes")]
    TooLarge,
    /// The instance has made 2^32 calls.
    #[error("this client has made too many calls; start it again")]
    UsedUp,
}

/// What kind of message was received.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Received {
    /// It concerns an open call or the connection.
    Taken,
    /// It concerns a call that has ended.
    Outdated,
    /// It belongs to another part of the services.
    Foreign,
}

/// The calls of one client program.
#[derive(Debug)]
pub struct Calls {
    instance: Instance,
    /// Number of the next call.
    next: u32,
    open: BTreeMap<u32, Open>,
    ends: VecDeque<(u32, End)>,
    /// Whether the client is inside the world, where services hear it.
    inside: bool,
    /// The server's memory, once it is known in this presence.
    epoch: Option<u64>,
    /// Whether a greeting has come in this presence.
    greeted: bool,
    hello: Retry,
    /// State of the jitter.
    random: u64,
    message: Vec<u8>,
}

impl Calls {
    /// Starts without calls. `instance` is random, new for each run of the program, and only servers may learn it. `seed`
    /// varies the times of repetitions, so that many clients do not repeat their calls at once.
    pub fn new(instance: Instance, seed: u64) -> Self {
        Calls {
            instance,
            next: 1,
            open: BTreeMap::new(),
            ends: VecDeque::new(),
            inside: false,
            epoch: None,
            greeted: false,
            hello: Retry::default(),
            random: seed | 1,
            message: Vec::new(),
        }
    }

    /// Makes a call and returns its number. `value` is the bytes of the request's value. The call ends `deadline` after `now`,
    /// at most [`DEADLINE_MAX`].
    ///
    /// # Errors
    /// If there are too many calls, or this one cannot be sent.
    pub fn call(&mut self, now: Duration, path: &str, value: &[u8], deadline: Duration) -> Result<u32, CannotCall> {
        if !is_path(path) {
            return Err(CannotCall::Path);
        }
        if Call::BYTES_MIN + path.len() + value.len() > CALL_BYTES_MAX {
            return Err(CannotCall::TooLarge);
        }
        let oldest = self.oldest();
        if self.open.len() >= CALLS_OPEN_MAX || self.next - oldest >= CALLS_SPAN_MAX {
            return Err(CannotCall::TooMany);
        }
        let number = self.next;
        self.next = number.checked_add(1).ok_or(CannotCall::UsedUp)?;
        let call = Open::new(path, value, now, now + deadline.min(DEADLINE_MAX));
        self.open.insert(number, call);
        Ok(number)
    }

    /// Cancels a call. It ends as [`End::Cancelled`] unless it is too late for that. Does nothing if the call has ended.
    pub fn cancel(&mut self, now: Duration, number: u32) {
        let Some(call) = self.open.get_mut(&number) else { return };
        if call.epoch.is_none() {
            self.end(number, End::Cancelled);
        } else if !call.cancelled {
            call.cancelled = true;
            call.retry = Retry::due(now);
        }
    }

    /// Calls that have not ended.
    pub fn open(&self) -> usize {
        self.open.len()
    }

    /// The client is inside the world: a new presence. A presence that continues after a resumption is not new.
    pub fn connected(&mut self, now: Duration) {
        (self.inside, self.hello) = (true, Retry::due(now));
        (self.epoch, self.greeted) = (None, false);
    }

    /// The client is not inside the world any more.
    pub fn disconnected(&mut self) {
        self.inside = false;
    }

    /// Takes a services message of the server.
    ///
    /// # Errors
    /// If it is malformed. It has no effect.
    pub fn receive(&mut self, now: Duration, message: &[u8]) -> Result<Received, Malformed> {
        match message.first() {
            Some(&kinds::GREETING) => {
                self.greeted(now, Greeting::read(message)?.epoch);
                Ok(Received::Taken)
            }
            Some(&kinds::OUTCOME) => {
                let outcome = Outcome::read(message)?;
                Ok(self.outcome(now, &outcome))
            }
            _ => Ok(Received::Foreign),
        }
    }

    fn greeted(&mut self, now: Duration, epoch: u64) {
        let repeat = self.epoch != Some(epoch);
        (self.epoch, self.greeted) = (Some(epoch), true);
        let other = |call: &Open| call.epoch.is_some_and(|sent| sent != epoch);
        let lost: Vec<u32> = self.open.iter().filter(|(_, call)| other(call)).map(|(number, _)| *number).collect();
        lost.into_iter().for_each(|number| self.end(number, End::Unknown));
        if repeat {
            self.open.values_mut().for_each(|call| call.retry = Retry::due(now));
        }
    }

    fn outcome(&mut self, now: Duration, outcome: &Outcome<'_>) -> Received {
        // An outcome of a call that was never sent is of a former instance, or invented. One before the greeting may be of another
        // process than the one to which the call was sent, such as for a Cancel that arrived late: it does not say what that did.
        if !self.greeted || self.open.get(&outcome.number).is_none_or(|call| call.epoch.is_none()) {
            return Received::Outdated;
        }
        if outcome.status == status::UNKNOWN {
            // The server may have forgotten the instance: its memory has another epoch then.
            (self.epoch, self.hello) = (None, Retry::due(now));
        }
        let value = outcome.value.to_vec();
        let end = match outcome.status {
            status::OK => End::Answered(value),
            status::UNKNOWN => End::Unknown,
            status::CANCELLED => End::Cancelled,
            status::EXPIRED => End::Expired,
            status => {
                let wait = Some(Duration::from_millis(outcome.wait.into())).filter(|wait| !wait.is_zero());
                End::Refused { status, wait, value }
            }
        };
        self.end(outcome.number, end);
        Received::Taken
    }

    /// The next message to send on a reliable channel. Call this until it returns None.
    pub fn next_send(&mut self, now: Duration) -> Option<&[u8]> {
        self.expire(now);
        if !self.inside {
            return None;
        }
        self.message.clear();
        let Some(epoch) = self.epoch else {
            if !self.hello.is_due(now) {
                return None;
            }
            self.hello.tried(now, &mut self.random);
            Hello { instance: self.instance }.write(&mut self.message);
            return Some(&self.message);
        };
        let oldest = self.oldest();
        let (&number, call) = self.open.iter_mut().find(|(_, call)| call.retry.is_due(now))?;
        call.retry.tried(now, &mut self.random);
        if call.cancelled {
            Cancel { number }.write(&mut self.message);
        } else {
            call.epoch = Some(epoch);
            let deadline = call.units(now);
            Call { number, epoch, oldest, deadline, path: &call.path, value: &call.value }.write(&mut self.message);
        }
        Some(&self.message)
    }

    /// The next end of a call, with the call's number.
    pub fn poll(&mut self, now: Duration) -> Option<(u32, End)> {
        self.expire(now);
        self.ends.pop_front()
    }

    /// When to call [`Calls::next_send`] and [`Calls::poll`] again if nothing else happens. None: never.
    pub fn next_deadline(&self) -> Option<Duration> {
        let ends = self.open.values().map(|call| call.deadline);
        let hello = (self.inside && self.epoch.is_none()).then(|| self.hello.at());
        let sends = self.inside && self.epoch.is_some();
        let retries = self.open.values().filter(|_| sends).map(|call| call.retry.at());
        ends.chain(hello).chain(retries).min()
    }

    /// The smallest number of an open call, or the next number.
    fn oldest(&self) -> u32 {
        self.open.keys().next().copied().unwrap_or(self.next)
    }

    fn expire(&mut self, now: Duration) {
        let over = |call: &Open| call.deadline <= now;
        while let Some((&number, call)) = self.open.iter().find(|(_, call)| over(call)) {
            let end = if call.epoch.is_some() { End::Unknown } else { End::Expired };
            self.end(number, end);
        }
        // With less time than a call can say, it is only waited for.
        for call in self.open.values_mut().filter(|call| call.units(now) == 0) {
            call.retry = Retry::due(call.deadline);
        }
    }

    fn end(&mut self, number: u32, end: End) {
        self.open.remove(&number).expect("a call ends once");
        self.ends.push_back((number, end));
    }
}

#[cfg(test)]
mod tests;
