//! What clients send and receive.

use crate::libraries::Client;
use std::time::Duration;

/// The load of all clients. Times count from the begin of the harness.
pub trait Load {
    /// A message of the server arrived at a client.
    fn message(&mut self, now: Duration, number: usize, message: &[u8]);

    /// Sends what a client has to send; false if it had no room.
    fn fill(&mut self, now: Duration, number: usize, client: &mut dyn Client) -> bool;

    /// The next client that has to send now, although nothing arrived for it. Each is returned once.
    fn due(&mut self, now: Duration) -> Option<usize>;

    /// When a client is due next.
    fn next_due(&self) -> Duration;

    /// What the server did wrong, if it did.
    fn failure(&mut self) -> Option<String>;
}

/// No load.
pub struct Idle;

impl Load for Idle {
    fn message(&mut self, _now: Duration, _number: usize, _message: &[u8]) {}

    fn fill(&mut self, _now: Duration, _number: usize, _client: &mut dyn Client) -> bool {
        true
    }

    fn due(&mut self, _now: Duration) -> Option<usize> {
        None
    }

    fn next_due(&self) -> Duration {
        Duration::MAX
    }

    fn failure(&mut self) -> Option<String> {
        None
    }
}
