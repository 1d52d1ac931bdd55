//! The two ends of a core's mailbox: a pair of SPSC rings, one for requests and one for responses.
//!
//! No end ever blocks the other. A core that does not respond keeps its last request; it gets a new one only after it has
//! read that.

use crate::runtime::control::liveness::{Liveness, Overload, TurnRecorder};
use crate::runtime::control::request::Request;
use rtrb::{Consumer, Producer, RingBuffer};
use std::mem::{Discriminant, discriminant};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Time between two looks for a response.
const POLL_INTERVAL: Duration = Duration::from_micros(500);

/// A request with its number: a late response to an earlier request is not taken for the response to this one.
#[derive(Debug)]
pub struct Envelope {
    number: u64,
    /// The request, and later the response.
    pub request: Request,
}

/// The end that sends requests.
#[derive(Debug)]
pub struct ControlEnd {
    requests: Producer<Envelope>,
    responses: Consumer<Envelope>,
    /// Number of the last request.
    number: u64,
    /// Kind of the last request.
    kind: Option<Discriminant<Request>>,
    liveness: Arc<Liveness>,
}

/// The core's end.
#[derive(Debug)]
pub struct CoreEnd {
    requests: Consumer<Envelope>,
    responses: Producer<Envelope>,
    /// Number of the last request that was received.
    received: u64,
    turns: TurnRecorder,
}

/// Both ends of a mailbox for one core.
pub fn mailbox() -> (ControlEnd, CoreEnd) {
    let (requests, requests_end) = RingBuffer::new(1);
    let (responses, responses_end) = RingBuffer::new(1);
    let turns = TurnRecorder::new();
    let control = ControlEnd { requests, responses: responses_end, number: 0, kind: None, liveness: turns.liveness() };
    (control, CoreEnd { requests: requests_end, responses, received: 0, turns })
}

impl CoreEnd {
    /// Records that the core begins a turn.
    #[inline]
    pub fn begin_turn(&mut self, now: ringshard_protocol::time::Instant) {
        self.turns.begin(now);
    }

    /// Records what the core sheds.
    pub fn overload(&self, overload: Overload) {
        self.turns.overload(overload);
    }

    /// Records how loaded the core was since its last tick: the share of the time that it worked, and its connections.
    pub fn load(&self, busy: f32, connections: usize) {
        self.turns.load(busy, connections);
    }

    /// Records that the core has done its last turn.
    pub fn end(&self) {
        self.turns.end();
    }

    /// The next request, if there is one.
    #[inline]
    pub fn receive(&mut self) -> Option<Envelope> {
        let envelope = self.requests.pop().ok()?;
        assert!(envelope.number > self.received, "requests arrive in the order of sending");
        self.received = envelope.number;
        Some(envelope)
    }

    /// Returns a request as its response. It is dropped if the response to an earlier request was never read: this one
    /// would not be read either.
    pub fn respond(&mut self, envelope: Envelope) {
        assert_eq!(envelope.number, self.received, "a core handles one request at a time");
        let _ = self.responses.push(envelope);
    }
}

impl ControlEnd {
    pub(super) fn liveness(&self) -> &Arc<Liveness> {
        &self.liveness
    }

    /// Whether the core will not respond: it has ended, or is stuck.
    pub(super) fn is_unresponsive(&self) -> bool {
        self.liveness.has_ended() || self.liveness.stuck().is_some()
    }

    /// Sends a request, and does not wait for the response. A core that has not read the previous request gets no new one; it
    /// would not respond to that either.
    pub fn send(&mut self, request: Request) {
        while self.responses.pop().is_ok() {}
        self.number += 1;
        self.kind = Some(discriminant(&request));
        let _ = self.requests.push(Envelope { number: self.number, request });
    }

    /// Waits for the response to the last request. None when the core does not respond before `deadline`, has ended or is
    /// stuck.
    pub(super) fn wait(&mut self, deadline: Instant) -> Option<Request> {
        loop {
            if let Ok(Envelope { number, request }) = self.responses.pop() {
                assert!(number <= self.number, "a response follows its request");
                if number == self.number {
                    assert_eq!(self.kind, Some(discriminant(&request)), "a response has the kind of its request");
                    return Some(request);
                }
            }
            if Instant::now() >= deadline || self.is_unresponsive() {
                return None;
            }
            std::thread::sleep(POLL_INTERVAL);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_response_is_not_taken_for_the_next() {
        let (mut control, mut core) = mailbox();
        control.send(Request::Policy(Box::default()));
        assert!(control.wait(Instant::now()).is_none());
        let late = core.receive().expect("the request is there");
        control.send(Request::Report(Box::default()));
        core.respond(late);
        assert!(control.wait(Instant::now()).is_none(), "it is the response to another request");
        let next = core.receive().expect("the next request is there");
        core.respond(next);
        let response = control.wait(Instant::now() + Duration::from_secs(2));
        assert!(matches!(response, Some(Request::Report(_))), "{response:?}");
    }
}
