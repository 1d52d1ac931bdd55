//! Counters of tickets.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Counters of one issuer or verifier. They only rise.
#[derive(Default, Debug)]
pub struct Counters {
    /// Tickets that were made.
    pub issued: AtomicU64,
    /// Tickets that let a client in.
    pub accepted: AtomicU64,
    /// Refused: the bytes are not a ticket.
    pub malformed: AtomicU64,
    /// Refused: no known issuer signed it.
    pub unsigned: AtomicU64,
    /// Refused: it is for another server.
    pub other_server: AtomicU64,
    /// Refused: too old.
    pub expired: AtomicU64,
    /// Refused: issued in the future.
    pub early: AtomicU64,
    /// Refused: used before.
    pub used: AtomicU64,
    /// Refused: issued before the server started, or before what it remembers.
    pub before_start: AtomicU64,
    /// Refusals that had a line in the log.
    pub logged: AtomicU64,
}

impl Counters {
    /// Calls `to` with the name and the value of each counter.
    pub fn each(&self, to: &mut dyn FnMut(&'static str, u64)) {
        let all = [
            ("services_tickets_issued", &self.issued),
            ("services_tickets_accepted", &self.accepted),
            ("services_tickets_malformed", &self.malformed),
            ("services_tickets_unsigned", &self.unsigned),
            ("services_tickets_other_server", &self.other_server),
            ("services_tickets_expired", &self.expired),
            ("services_tickets_early", &self.early),
            ("services_tickets_used", &self.used),
            ("services_tickets_before_start", &self.before_start),
            ("services_tickets_logged", &self.logged),
        ];
        for (name, counter) in all {
            to(name, counter.load(Relaxed));
        }
    }
}
