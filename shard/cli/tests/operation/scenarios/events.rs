//! What a client has told, in order, until a step expects it.

use super::steps::EventName;
use std::collections::VecDeque;

/// An event, and the reason that it gives.
pub type Told = (EventName, Option<String>);

#[derive(Default)]
pub struct Events(VecDeque<Told>);

impl Events {
    pub fn push(&mut self, event: EventName, reason: Option<String>) {
        self.0.push_back((event, reason));
    }

    /// The next event. Those that count only where a step expects them are passed over, if this step does not.
    pub fn next(&mut self, expected: EventName) -> Option<Told> {
        while expected != EventName::Reconnecting && self.0.front().is_some_and(is_optional) {
            self.0.pop_front();
        }
        self.0.pop_front()
    }

    /// Events that no step expected.
    pub fn unexpected(&self) -> Vec<&Told> {
        self.0.iter().filter(|told| !is_optional(told)).collect()
    }
}

fn is_optional((event, _): &Told) -> bool {
    *event == EventName::Reconnecting
}
