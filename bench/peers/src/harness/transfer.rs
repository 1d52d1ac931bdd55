//! The load of the transfer: clients grant reliable messages, and check each one.

use super::load::Load;
use crate::conversation::Receipt;
use crate::libraries::Client;
use std::collections::VecDeque;
use std::time::Duration;

/// The load of the transfer.
pub struct Transfer {
    members: Vec<Receipt>,
    /// Clients that have to begin.
    kicked: VecDeque<usize>,
    /// Whether arrivals count.
    pub measuring: bool,
    /// Messages that arrived while they counted.
    pub arrived: u64,
    failure: Option<String>,
}

impl Transfer {
    pub fn new(clients: usize) -> Self {
        Transfer {
            members: vec![Receipt::begin(); clients],
            kicked: (0..clients).collect(),
            measuring: false,
            arrived: 0,
            failure: None,
        }
    }
}

impl Load for Transfer {
    fn message(&mut self, _now: Duration, number: usize, message: &[u8]) {
        self.arrived += u64::from(self.measuring);
        if let Err(error) = self.members[number].take(message) {
            self.failure.get_or_insert(error);
        }
    }

    fn fill(&mut self, now: Duration, number: usize, client: &mut dyn Client) -> bool {
        let to_grant = &mut self.members[number].to_grant;
        if *to_grant == 0 {
            return true;
        }
        let sent = client.send(now, &to_grant.to_le_bytes());
        if sent {
            *to_grant = 0;
        }
        sent
    }

    fn due(&mut self, _now: Duration) -> Option<usize> {
        self.kicked.pop_front()
    }

    fn next_due(&self) -> Duration {
        if self.kicked.is_empty() { Duration::MAX } else { Duration::ZERO }
    }

    fn failure(&mut self) -> Option<String> {
        self.failure.take()
    }
}
