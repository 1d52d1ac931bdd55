//! The calls over HTTPS by their idempotency keys.

use super::super::caller::Cancelled;
use super::super::outcome::Outcome;
use super::super::rates::RateKey;
use super::{Done, Running, Waiter};
use ringshard_requests::limits::OUTCOME_LIFETIME;
use std::collections::{HashMap, VecDeque};
use std::time::Duration;

/// Calls with a key that are remembered.
const KEYS_MAX: usize = 16_384;
/// Bytes of outcomes that are kept.
const BYTES_MAX: usize = 64 << 20;

/// Whose key it is: another client's key of the same text is another key.
pub(in super::super) type Scope = (RateKey, Box<str>);

/// All calls with a key that are remembered.
#[derive(Debug, Default)]
pub(in super::super) struct Keys {
    calls: HashMap<Scope, Keyed>,
    /// When which call is forgotten, the next first.
    outdated: VecDeque<(Duration, Scope)>,
    bytes: usize,
    connections: u64,
}

#[derive(Debug)]
struct Keyed {
    /// Of the path and the request: a key names one call.
    request: [u8; 32],
    state: State,
}

#[derive(Debug)]
enum State {
    Running(Running),
    Answered(Outcome),
}

/// What to do with a call that has a key.
pub(in super::super) enum KeyBegin {
    /// Execute it. `Done` and [`Keys::end`] take the outcome.
    Execute(Done, Cancelled),
    /// It runs: wait for it.
    Wait(Waiter),
    /// This is its outcome.
    Answered(Outcome),
    /// The key is of another call.
    Other,
    /// There is no room.
    Full,
}

impl Keys {
    /// A call arrives. `request` is a hash of its path and its value.
    pub fn begin(&mut self, scope: &Scope, request: [u8; 32], now: Duration) -> KeyBegin {
        while self.outdated.front().is_some_and(|(until, _)| *until <= now) {
            self.forget_first();
        }
        self.connections += 1;
        if let Some(keyed) = self.calls.get(scope) {
            return match &keyed.state {
                _ if keyed.request != request => KeyBegin::Other,
                State::Answered(outcome) => KeyBegin::Answered(outcome.clone()),
                State::Running(running) => running.wait(self.connections).map_or(KeyBegin::Full, KeyBegin::Wait),
            };
        }
        if self.calls.len() >= KEYS_MAX || self.bytes > BYTES_MAX {
            return KeyBegin::Full;
        }
        let (running, done, cancelled) = Running::new();
        self.calls.insert(scope.clone(), Keyed { request, state: State::Running(running) });
        KeyBegin::Execute(done, cancelled)
    }

    /// A call has ended. If it was not executed, the key is free again.
    pub fn end(&mut self, scope: Scope, outcome: &Outcome, executed: bool, now: Duration) {
        let keyed = self.calls.get_mut(&scope).expect("a running call is not forgotten");
        if !executed {
            self.calls.remove(&scope);
            return;
        }
        keyed.state = State::Answered(outcome.clone());
        self.bytes += outcome.value.len();
        self.outdated.push_back((now + OUTCOME_LIFETIME, scope));
    }

    fn forget_first(&mut self) {
        let (_, scope) = self.outdated.pop_front().expect("the caller has seen one");
        let keyed = self.calls.remove(&scope).expect("it is remembered until now");
        let State::Answered(outcome) = keyed.state else { panic!("it was answered") };
        self.bytes -= outcome.value.len();
    }
}
